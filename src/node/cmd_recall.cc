// amic recall, retract, restore, narrow, remark: what an originator does to what it shared, and
// what an operator decides about what others ask for.
#include <CLI/CLI.hpp>
#include <memory>

#include "net/target.h"
#include "node/commands.h"
#include "node/local_api.h"

namespace amic::node {

namespace {
struct Arguments {
  ApiArguments api;
  std::string id, reason, precedence = "IMMEDIATE", to, key;
  std::string classification, tlp = "TLP:AMBER", handling, purpose, expires;
};

std::string text_of(json::object const& object, char const* name) {
  auto const* value = object.if_contains(name);
  if (value == nullptr || value->is_null()) return "-";
  return value->is_string() ? std::string(value->get_string().c_str()) : json::serialize(*value);
}

json::array split(std::string_view text) {
  json::array out;
  while (!text.empty()) {
    auto const comma = text.find(',');
    out.emplace_back(text.substr(0, comma));
    text = comma == std::string_view::npos ? "" : text.substr(comma + 1);
  }
  return out;
}

std::string operations_of(std::string const& id) {
  return "/api/v1/items/" + net::percent_encode(id) + "/operations";
}

Result<Output> operate(Arguments const& a, json::object request) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  request["reason"] = a.reason;
  request["precedence"] = a.precedence;
  AMIC_TRY(auto const text, client->post(operations_of(a.id), json::serialize(request), a.key));
  AMIC_TRY(auto const value, json::parse(text));
  auto const& answer = value.as_object();
  std::string out = "Operation " + text_of(answer, "counter") + " on " + a.id + ", sent to: ";
  std::string members;
  for (auto const& member : answer.at("recipients").as_array())
    members += (members.empty() ? "" : ", ") + std::string(member.as_string().c_str());
  out += (members.empty() ? "nobody" : members) + "\n";
  if (request.at("kind") == "recall" || request.at("kind") == "narrow")
    out += text_of(answer, "note") + " amic recall show " + a.id + " lists the answers.\n";
  return Output{std::move(out), text};
}

Result<Output> remark(Arguments const& a) {
  json::object marking;
  marking["classification"] = a.classification;
  marking["tlp"] = a.tlp;
  if (!a.handling.empty()) marking["handling"] = split(a.handling);
  if (!a.purpose.empty()) marking["purpose"] = a.purpose;
  if (!a.expires.empty()) marking["expires"] = a.expires;
  return operate(a, {{"kind", "remark"}, {"marking", std::move(marking)}});
}

std::string member_line(json::object const& entry) {
  std::string out = "  " + text_of(entry, "member") + "  ";
  if (!entry.at("asked").as_bool())
    return out +
           (entry.at("delivered").as_bool() ? "keeps it; told\n" : "keeps it; not told yet\n");
  out += text_of(entry, "outcome");
  if (entry.if_contains("at") == nullptr) return out + "\n";
  out += " at " + text_of(entry, "at") + ":";
  if (entry.at("hidden").as_bool()) out += " hidden from its readers";
  if (entry.at("key_destroyed").as_bool()) out += ", data key destroyed";
  if (entry.if_contains("reason") != nullptr) out += "; " + text_of(entry, "reason");
  return out + "\n";
}

Result<Output> show(Arguments const& a) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  AMIC_TRY(auto const text, client->get(operations_of(a.id)));
  AMIC_TRY(auto const value, json::parse(text));
  auto const& report = value.as_object();
  std::string out = text_of(report, "kind") + " " + text_of(report, "counter") + " of " +
                    text_of(report, "item") + " at " + text_of(report, "at");
  auto const reason = text_of(report, "reason");
  out += reason.empty() ? "\n" : ": " + reason + "\n";
  for (auto const& entry : report.at("members").as_array()) out += member_line(entry.as_object());
  return Output{out + text_of(report, "note") + "\n", text};
}

Result<Output> incoming(Arguments const& a) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  AMIC_TRY(auto const text, client->get("/api/v1/recalls?limit=1000"));
  AMIC_TRY(auto const value, json::parse(text));
  std::string out;
  for (auto const& one : value.as_object().at("recalls").as_array()) {
    auto const& demand = one.as_object();
    out += text_of(demand, "item") + "  " + text_of(demand, "originator") + "  " +
           text_of(demand, "kind") + "  " + text_of(demand, "duty") + "  " + text_of(demand, "at") +
           "  " + text_of(demand, "reason") + "\n";
  }
  if (out.empty()) out = "Nothing is asked of this node.\n";
  return Output{std::move(out), text};
}

Result<Output> decide(Arguments const& a, std::string_view decision) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  json::object request{{"decision", decision}};
  if (!a.reason.empty()) request["reason"] = a.reason;
  AMIC_TRY(auto const text,
           client->post("/api/v1/recalls/" + net::percent_encode(a.id), json::serialize(request)));
  bool const comply = decision == "comply";
  return Output{comply ? "Destroyed here, and its originator is told.\n"
                       : "Kept, out of view, and its originator is told.\n",
                text};
}

void add_operation_options(CLI::App& command, Arguments& a) {
  add_api_options(command, a.api);
  command.add_option("id", a.id, "The item's id")->required();
  command.add_option("--reason", a.reason, "Goes to all who have it; at most 1024 bytes");
  command.add_option("--precedence", a.precedence, "FLASH, IMMEDIATE (default), PRIORITY, ROUTINE");
  command.add_option("--idempotency-key", a.key, "The same key is done only once");
}

void add_recall_group(CLI::App& app, Context& context) {
  auto const a = std::make_shared<Arguments>();
  auto* recall = app.add_subcommand(
      "recall", "Take an item back for good and ask all who have it to destroy it");
  // Not `id` itself: the subcommands stand in the same place.
  add_api_options(*recall, a->api);
  recall->add_option("id", a->id, "The item's id");
  recall->add_option("--reason", a->reason, "Goes to all who have it; at most 1024 bytes");
  recall->add_option("--precedence", a->precedence,
                     "FLASH, IMMEDIATE (default), PRIORITY, ROUTINE");
  recall->add_option("--idempotency-key", a->key, "The same key is done only once");
  recall->require_subcommand(0, 1);
  recall->footer(
      "A recall is a request with a record of the answers. It cannot prove that no copy is left.");
  recall->callback([a, recall, &context] {
    if (!recall->get_subcommands().empty()) return;
    if (a->id.empty())
      return print(context, fail(Code::kUsage, "id", "an item, or show, incoming, comply, refuse"));
    if (a->reason.empty())
      return print(context, fail(Code::kUsage, "--reason", "say why it is taken back"));
    print(context, operate(*a, {{"kind", "recall"}}));
  });
  auto const add = [&](char const* name, char const* help, bool with_id, auto body) {
    auto const b = std::make_shared<Arguments>();
    auto* command = recall->add_subcommand(name, help);
    add_api_options(*command, b->api);
    if (with_id) command->add_option("id", b->id, "The item's id")->required();
    on_run(*command, context, [b, body] { return body(*b); });
    return std::pair(command, b);
  };
  add("show", "What each member answered to the operations on an item of ours", true, show);
  add("incoming", "What other members ask this node to destroy", false, incoming);
  add("comply", "Destroy it here and tell its originator", true,
      [](Arguments const& b) { return decide(b, "comply"); });
  auto const [refuse, r] = add("refuse", "Keep it, out of view, and tell its originator why", true,
                               [](Arguments const& b) { return decide(b, "refuse"); });
  refuse->add_option("--reason", r->reason, "Goes to its originator")->required();
}
}  // namespace

void add_recall_commands(CLI::App& app, Context& context) {
  add_recall_group(app, context);
  for (auto const& [name, help] :
       {std::pair{"retract", "Take an item out of view everywhere; it may come back"},
        std::pair{"restore", "Undo a retraction or another marking"}}) {
    auto const a = std::make_shared<Arguments>();
    auto* command = app.add_subcommand(name, help);
    add_operation_options(*command, *a);
    on_run(*command, context, [a, kind = std::string(name)] {
      return operate(*a, {{"kind", kind}});
    });
  }
  auto const n = std::make_shared<Arguments>();
  auto* narrow = app.add_subcommand("narrow", "Leave an item to some of those who have it");
  add_operation_options(*narrow, *n);
  narrow->add_option("--to", n->to, "Members that keep it, e.g. BN,SG")->required();
  on_run(*narrow, context, [n] { return operate(*n, {{"kind", "narrow"}, {"to", split(n->to)}}); });
  auto const m = std::make_shared<Arguments>();
  auto* mark = app.add_subcommand("remark", "Give an item another marking, for the same members");
  add_operation_options(*mark, *m);
  mark->add_option("--classification", m->classification,
                   "UNCLASSIFIED, RESTRICTED, CONFIDENTIAL, SECRET or TOP SECRET")
      ->required();
  mark->add_option("--tlp", m->tlp, "TLP 2.0 label (default TLP:AMBER)");
  mark->add_option("--handling", m->handling, "ORCON, H0, H1, H2, H3; comma-separated");
  mark->add_option("--purpose", m->purpose, "What it may be used for");
  mark->add_option("--expires", m->expires, "RFC 3339; from then on it reaches nobody");
  on_run(*mark, context, [m] { return remark(*m); });
}

}  // namespace amic::node
