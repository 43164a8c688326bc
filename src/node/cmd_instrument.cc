// amic instrument: the texts that all members agreed to, now and at any past date.
#include <CLI/CLI.hpp>
#include <memory>

#include "net/target.h"
#include "node/commands.h"
#include "node/saying.h"

namespace amic::node {

namespace {
struct InstrumentArguments {
  ApiArguments api;
  std::string kind, at, version, out, language;
  std::vector<std::string> words;
};
using A = InstrumentArguments const&;

// Query parameters that were given.
std::string query_of(std::vector<std::pair<char const*, std::string>> const& parameters) {
  std::string out;
  for (auto const& [name, value] : parameters)
    if (!value.empty())
      out += (out.empty() ? "?" : "&") + std::string(name) + "=" + net::percent_encode(value);
  return out;
}

std::string path_of(A a, std::string const& part = {}) {
  return "/api/v1/instruments/" + net::percent_encode(a.kind) + part;
}

struct Answer {
  json::object object;
  std::string text;
};
Result<Answer> get(A a, std::string const& target) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  Answer out;
  AMIC_TRY(out.text, client->get(target));
  AMIC_TRY(auto value, json::parse(out.text));
  out.object = std::move(value.as_object());
  return out;
}

std::string version_line(json::object const& one) {
  auto const proposer = field(one, "proposer");
  return field(one, "instrument") + "  version " + field(one, "version") + "  effective " +
         field(one, "effective") + "  " +
         (proposer.empty() ? "at the launch"
                           : "epoch " + field(one, "epoch") + ", by " + proposer) +
         "  " + field(one, "title") + "\n";
}

Result<Output> list(A a) {
  AMIC_TRY(auto const answer, get(a, "/api/v1/instruments"));
  std::string out;
  for (auto const& value : answer.object.at("instruments").as_array()) {
    auto const& one = value.as_object();
    auto const* now = one.if_contains("in_force");
    auto const& latest = one.at("latest").as_object();
    out += now != nullptr ? version_line(now->as_object())
                          : field(one, "instrument") + "  none in force yet\n";
    if (now == nullptr || field(now->as_object(), "version") != field(latest, "version"))
      out += "  to come: " + version_line(latest);
  }
  return Output{std::move(out), answer.text};
}

Result<Output> show(A a) {
  AMIC_TRY(auto const answer,
           get(a, path_of(a) + query_of({{"at", a.at}, {"version", a.version}})));
  return Output{field(answer.object, "text"), answer.text};
}

Result<Output> changes(A a) {
  AMIC_TRY(auto const answer, get(a, path_of(a, "/changes")));
  std::string out;
  for (auto const& one : answer.object.at("changes").as_array())
    out += version_line(one.as_object());
  return Output{std::move(out), answer.text};
}

Result<Output> export_page(A a) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  AMIC_TRY(auto const page,
           client->get(path_of(a, "/page") +
                       query_of({{"at", a.at}, {"version", a.version}, {"language", a.language}})));
  Output out;
  AMIC_TRY_VOID(deliver(a.out, page, out));
  if (out.text.empty())
    out.text = "Wrote " + a.out + ": the text, its Record of Changes and its certificate.\n";
  out.json = json::serialize(json::object{{"out", a.out}, {"instrument", a.kind}});
  return out;
}

Result<Output> search(A a) {
  std::string words;
  for (auto const& word : a.words) words += (words.empty() ? "" : " ") + word;
  AMIC_TRY(auto const answer, get(a, "/api/v1/instruments/search" + query_of({{"q", words}})));
  std::string out;
  for (auto const& value : answer.object.at("hits").as_array()) {
    auto const& hit = value.as_object();
    out += field(hit, "instrument") + " " + field(hit, "version") +
           (field(hit, "in_force") == "true" ? ", in force" : ", past") + "  " +
           field(hit, "heading") + "\n    " + field(hit, "snippet") + "\n";
  }
  if (out.empty()) out = "No article has all of these words.\n";
  if (field(answer.object, "more") == "true") out += "There are more; add words.\n";
  return Output{std::move(out), answer.text};
}
}  // namespace

void add_instrument_commands(CLI::App& app, Context& context) {
  auto& group =
      *app.add_subcommand("instrument", "TOR, SOP, Concept Document: now and at any past date");
  group.require_subcommand(1);
  auto const add = [&](char const* name, char const* help, Result<Output> (*body)(A)) {
    auto const a = std::make_shared<InstrumentArguments>();
    auto& command = add_api_command(group, name, help, a->api);
    on_run(command, context, [a, body] { return body(*a); });
    return std::pair(&command, a);
  };
  auto const with_kind = [](auto const& one) {
    one.first->add_option("KIND", one.second->kind, "TOR, SOP or CONCEPT")->required();
  };
  auto const with_version = [](auto const& one) {
    auto* at = one.first->add_option("--at", one.second->at, "In force then, RFC 3339");
    one.first->add_option("--version", one.second->version, "Its number")->excludes(at);
  };
  add("list", "What is in force", list);
  auto const shown = add("show", "The text in force, now or then", show);
  with_kind(shown);
  with_version(shown);
  with_kind(add("changes", "Record of Changes", changes));
  auto const page = add("export", "One HTML page with the certificate of adoption", export_page);
  with_kind(page);
  with_version(page);
  page.first->add_option("--out", page.second->out, "New file")->required();
  page.first->add_option("--language", page.second->language, "Of the text, e.g. en");
  auto const found = add("search", "Articles that have all the words", search);
  found.first->add_option("WORDS", found.second->words, "Whatever their case")->required();
  group.footer(
      "Example:\n  amic instrument show TOR --dir my --at 2026-01-01T00:00:00Z\n"
      "  amic instrument export TOR --dir my --out tor.html");
}

}  // namespace amic::node
