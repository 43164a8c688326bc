// amic log checkpoint, prove, verify
#include <CLI/CLI.hpp>
#include <memory>

#include "codec/codec.h"
#include "crypto/hash.h"
#include "envelope/envelope.h"
#include "json/json.h"
#include "net/target.h"
#include "node/commands.h"
#include "node/files.h"
#include "node/local_api.h"
#include "node/store_key.h"
#include "tlog/tlog.h"

namespace amic::node {

namespace {
struct LogArguments {
  ApiArguments api;
  std::string id, out, proof, envelope, launch, member, passphrase_from, kind = "out";
};

Result<Output> checkpoint(LogArguments const& a) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  AMIC_TRY(auto note, client->get("/api/v1/log/checkpoint"));
  return Output{note, json::serialize(json::object{{"checkpoint", note}})};
}

Result<Output> prove(LogArguments const& a) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  AMIC_TRY(auto proof, client->get("/api/v1/log/proofs/" + net::percent_encode(a.id)));
  Output out;
  AMIC_TRY_VOID(deliver(a.out, proof, out));
  if (out.text.empty()) out.text = "Wrote " + a.out + ".\n";
  out.json = json::serialize(json::object{{"proof", proof}});
  return out;
}

merkle::NoteVerifier log_verifier(consent::Community const& community, consent::Card const& card,
                                  Realm const& realm) {
  return {tlog::log_origin(community.id, card.member, realm), merkle::NoteKeyType::kEd25519,
          card.log};
}

std::vector<merkle::NoteVerifier> cosigners(consent::Community const& community) {
  std::vector<merkle::NoteVerifier> out;
  for (auto const& card : community.head.members)
    out.push_back({tlog::cosigner_name(community.id, card.member),
                   merkle::NoteKeyType::kCosignatureV1, card.cosigner});
  return out;
}

// A whole log directory, node stopped.
Result<Output> verify_directory(LogArguments const& a, Context& context) {
  AMIC_TRY(auto const dir, DataDir::open(a.api.dir));
  AMIC_TRY(auto const config, effective_config(dir, context));
  AMIC_TRY(auto const community, load_community(dir));
  AMIC_TRY(auto const card, dir.card());
  AMIC_TRY(auto const passphrase, unlock(dir, a.passphrase_from, context));
  AMIC_TRY(auto const keys, load_keys(dir, passphrase));
  AMIC_TRY(auto store, open_store(dir, keys));
  auto log_key = log_verifier(community, card, config.realm);
  AMIC_TRY(auto const incarnation, tlog::stored_incarnation(*store));
  log_key.name = tlog::incarnation_origin(log_key.name, incarnation);
  AMIC_TRY(auto const report, tlog::verify_log(*store, log_key, cosigners(community),
                                               [&](std::uint64_t done, std::uint64_t of) {
                                                 if (!context.json)
                                                   context.err << "\r" << done << "/" << of
                                                               << " records" << std::flush;
                                               }));
  if (!context.json) context.err << "\n";
  auto const root = codec::to_hex(report.root.view());
  Output out;
  out.text = "Good: " + std::to_string(report.records) + " records" +
             (report.shredded == 0
                  ? ""
                  : " (" + std::to_string(report.shredded) + " erased, checked by digest)") +
             ", root " + root + "\nCheckpoint at " + std::to_string(report.checkpoint_size) +
             ", cosigned by " + std::to_string(report.cosignatures) + " peers.\n";
  out.json = json::serialize(json::object{{"records", report.records},
                                          {"erased", report.shredded},
                                          {"root", root},
                                          {"checkpoint_size", report.checkpoint_size},
                                          {"cosignatures", report.cosignatures}});
  return out;
}

// One proof, with nothing but files: no node, no network.
Result<Output> verify_proof_file(LogArguments const& a) {
  AMIC_TRY(auto const launch_text, read_file(a.launch));
  AMIC_TRY(auto const transcript, consent::transcript_from_text(launch_text));
  AMIC_TRY(auto const community, consent::community_of(transcript));
  AMIC_TRY(auto const member, MemberId::parse(a.member));
  auto const* card = community.head.member(member);
  if (card == nullptr) return fail(Code::kUnknownMember, "--member", a.member);
  AMIC_TRY(auto const proof, read_file(a.proof));
  AMIC_TRY(auto const envelope, read_file(a.envelope));
  auto const kind = a.kind == "in"           ? store::RecordKind::kEnvelopeIn
                    : a.kind == "governance" ? store::RecordKind::kGovernance
                                             : store::RecordKind::kEnvelopeOut;
  auto const digest = crypto::sha256(as_bytes(envelope));
  AMIC_TRY_VOID(tlog::verify_proof(proof, kind, digest, log_verifier(community, *card, Realm())));
  auto const hex = codec::to_hex(digest.view());
  return Output{"Good: " + hex + " is in the log of " + a.member + ".\n",
                json::serialize(json::object{{"digest", hex}, {"member", a.member}})};
}

Result<Output> verify(LogArguments const& a, Context& context) {
  if (a.proof.empty() && !a.api.dir.empty()) return verify_directory(a, context);
  if (a.proof.empty() || a.envelope.empty() || a.launch.empty() || a.member.empty())
    return fail(Code::kUsage, "log verify",
                "give --dir, or --proof, --envelope, --launch and --member");
  return verify_proof_file(a);
}
}  // namespace

void add_log_commands(CLI::App& app, Context& context) {
  auto* group = app.add_subcommand("log", "The node's transparency log");
  group->require_subcommand(1);
  auto const a = std::make_shared<LogArguments>();
  auto& head =
      add_api_command(*group, "checkpoint", "The signed checkpoint with its cosignatures", a->api);
  on_run(head, context, [a] { return checkpoint(*a); });

  auto& proof =
      add_api_command(*group, "prove", "Inclusion proof of one item (C2SP tlog-proof)", a->api);
  proof.add_option("id", a->id, "The item's id")->required();
  proof.add_option("--out", a->out, "File to write; default standard output");
  on_run(proof, context, [a] { return prove(*a); });

  auto* check = group->add_subcommand("verify", "Verify a whole log, or one proof, offline");
  check->add_option("--dir", a->api.dir, "Directory of a stopped node: its whole log");
  check->add_option("--passphrase-from", a->passphrase_from,
                    "With --dir: file:PATH, fd:N, env:NAME or prompt");
  check->add_option("--proof", a->proof, "Proof file");
  check->add_option("--envelope", a->envelope, "The envelope's bytes");
  check->add_option("--launch", a->launch, "Launch transcript of the community");
  check->add_option("--member", a->member, "Whose log it is");
  check->add_option("--kind", a->kind, "out (sent, default), in (received) or governance")
      ->check(CLI::IsMember({"out", "in", "governance"}));
  on_run(*check, context, [a, &context] { return verify(*a, context); });
}

}  // namespace amic::node
