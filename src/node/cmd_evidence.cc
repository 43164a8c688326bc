// amic evidence list, export, verify
#include <CLI/CLI.hpp>
#include <memory>

#include "exchange/evidence.h"
#include "json/json.h"
#include "net/target.h"
#include "node/commands.h"
#include "node/files.h"
#include "node/local_api.h"

namespace amic::node {

namespace {
struct EvidenceArguments {
  ApiArguments api;
  std::string id, out, file, launch;
};

Result<Output> list(EvidenceArguments const& a) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  AMIC_TRY(auto const text, client->get("/api/v1/evidence"));
  AMIC_TRY(auto const value, json::parse(text));
  Output out;
  out.json = text;
  for (auto const& row : value.at("evidence").as_array()) {
    auto const& one = row.as_object();
    AMIC_TRY(auto const id, json::get_string(one, "id", ""));
    AMIC_TRY(auto const noticed, json::get_string(one, "noticed", ""));
    AMIC_TRY(auto const what, json::get_string(one, "text", ""));
    bool const proven = one.at("proven").as_bool();
    out.text += id + "  " + noticed + "  " + (proven ? "" : "(not proven) ") + what + "\n";
  }
  if (out.text.empty()) out.text = "None. Nobody was seen to contradict itself.\n";
  return out;
}

Result<Output> save(EvidenceArguments const& a) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  AMIC_TRY(auto const bytes, client->get("/api/v1/evidence/" + net::percent_encode(a.id)));
  AMIC_TRY_VOID(write_new_file(a.out, bytes));
  return Output{"Wrote " + a.out + ". Whoever has the launch transcript can verify it:\n" +
                    "  amic evidence verify " + a.out + " --launch launch.txt\n",
                json::serialize(json::object{{"file", a.out}, {"bytes", bytes.size()}})};
}

// With nothing but files: no node, no network.
Result<Output> verify(EvidenceArguments const& a) {
  AMIC_TRY(auto const launch_text, read_file(a.launch));
  AMIC_TRY(auto const transcript, consent::transcript_from_text(launch_text));
  AMIC_TRY(auto const community, consent::community_of(transcript));
  AMIC_TRY(auto const bytes, read_file(a.file));
  AMIC_TRY(auto const found, exchange::verify_evidence(as_bytes(bytes), community));
  Output out;
  out.text = (found.proven ? "Proven. " : "Not proven. ") + found.text + "\n";
  out.json = json::serialize(
      json::object{{"member", found.member.str()}, {"proven", found.proven}, {"text", found.text}});
  return out;
}

constexpr char const* kFooter =
    "What it proves: one key signed two things that can't both be true. It doesn't say why: a "
    "stolen\n"
    "key, a fault, or a will to deceive. A node restored from a backup does not do this by itself: "
    "it\n"
    "asks its peers where they stand before it sends.";
}  // namespace

void add_evidence_commands(CLI::App& app, Context& context) {
  auto* group = app.add_subcommand("evidence", "Proof that a member signed a contradiction");
  group->require_subcommand(1);
  group->footer(kFooter);
  auto const a = std::make_shared<EvidenceArguments>();
  auto* show = group->add_subcommand("list", "What this node keeps");
  add_api_options(*show, a->api);
  on_run(*show, context, [a] { return list(*a); });

  auto const e = std::make_shared<EvidenceArguments>();
  auto* out = group->add_subcommand("export", "Write one as a file, for the other members");
  add_api_options(*out, e->api);
  out->add_option("id", e->id, "From evidence list")->required();
  out->add_option("--out", e->out, "File to write")->required();
  on_run(*out, context, [e] { return save(*e); });

  auto const v = std::make_shared<EvidenceArguments>();
  auto* check = group->add_subcommand("verify", "Verify a file offline");
  check->add_option("file", v->file, "Evidence file")->required();
  check->add_option("--launch", v->launch, "Launch transcript of the community")->required();
  on_run(*check, context, [v] { return verify(*v); });
}

}  // namespace amic::node
