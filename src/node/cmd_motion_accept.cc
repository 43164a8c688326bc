// amic motion accept: a joiner's word, offline, from nothing but the history and its own keys.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "codec/codec.h"
#include "governance/chronicle.h"
#include "node/commands.h"
#include "node/files.h"
#include "node/motion_view.h"
#include "node/saying.h"

namespace amic::node {

namespace {
struct AcceptArguments {
  std::string file, dir, root_from, passphrase_from, out, yes;
};

struct Invitation {
  consent::History history;
  consent::Statement statement;
  consent::Motion motion;
  consent::Head next;
};

Result<Invitation> read_invitation(std::string const& file) {
  AMIC_TRY(auto const text, read_file(file, 2 * governance::kHistoryFileBytesMax));
  auto const given = governance::history_file_from_text(text);
  if (!given)
    return fail(given.error().code, file + ": " + given.error().where, given.error().detail);
  if (!given->motion)
    return fail(Code::kMissingField, file, "no motion is in it; see amic motion export");
  Invitation out;
  AMIC_TRY(auto chronicle, governance::chronicle_of(given->transcript, given->decisions));
  out.history = std::move(chronicle.history);
  out.statement = *given->motion;
  auto const& now = out.history.now;
  AMIC_TRY_VOID(consent::verify_statement(out.statement, now.id, now.head, now.head_digest));
  AMIC_TRY(auto const body, consent::body_of(out.statement));
  auto const* motion = std::get_if<consent::Motion>(&body);
  if (motion == nullptr) return fail(Code::kWrongType, file, "the statement is no motion");
  AMIC_TRY_VOID(consent::check_motion_author(*motion, out.statement.author, now.head));
  AMIC_TRY_VOID(consent::check_fresh_keys(*motion, out.history.used_keys));
  out.motion = *motion;
  AMIC_TRY(out.next, consent::apply(now.head, out.motion));
  return out;
}

Result<consent::Card> own_card(Invitation const& invitation, DataDir const& dir) {
  AMIC_TRY(auto card, dir.card());
  auto const* admit = std::get_if<consent::Admit>(&invitation.motion.change);
  if (admit == nullptr) return fail(Code::kWrongType, "motion", "it admits nobody");
  if (!(admit->card == card))
    return fail(Code::kWrongIdentity, "motion.card",
                "it is not the card of this node: another was handed over, or it was changed");
  return card;
}

Result<void> confirm(std::string typed, std::string const& hash, Context& context) {
  if (typed.empty()) {
    if (::isatty(STDIN_FILENO) == 0)
      return fail(Code::kUsage, "--yes", "the first eight digits of the hash that was shown");
    context.err << "To sign, type the first eight digits of the hash: " << std::flush;
    std::getline(std::cin, typed);
  }
  std::erase(typed, ' ');
  if (typed.size() < 8 || !hash.starts_with(typed))
    return fail(Code::kConflict, "hash", "the hash is " + grouped(hash) + ": nothing was signed");
  return {};
}

Result<crypto::SigningKey> load(crypto::KeyLock const& lock, crypto::KeyRole role,
                                crypto::VerifyKey const& wanted) {
  AMIC_TRY(auto const seed, lock.load(role));
  AMIC_TRY(auto key, crypto::SigningKey::from_seed(seed.view()));
  if (key.verify_key() != wanted)
    return fail(Code::kWrongIdentity, std::string(crypto::key_role_name(role)),
                "not the key in the card");
  return key;
}

Result<Output> accept(AcceptArguments const& a, Context& context) {
  AMIC_TRY(auto const invitation, read_invitation(a.file));
  AMIC_TRY(auto const dir, DataDir::open(a.dir));
  AMIC_TRY(auto const card, own_card(invitation, dir));
  auto const& now = invitation.history.now;
  AMIC_TRY(auto const effect, consent::effect_of(now, invitation.motion));
  Hash const next = consent::head_digest(consent::encode(invitation.next));
  auto const hash = codec::to_hex(next.view());
  context.err << "Verified from the launch on: " << invitation.history.chapters.size()
              << " decisions.\n"
              << proposed_text(now, invitation.motion, effect, next);
  AMIC_TRY_VOID(confirm(a.yes, hash, context));
  AMIC_TRY(auto const passphrase, unlock(dir, a.passphrase_from, context));
  AMIC_TRY(auto const lock, crypto::KeyLock::open(dir.keys(), passphrase));
  auto const root_lock = a.root_from.empty() ? lock : lock.at(a.root_from);
  AMIC_TRY(auto const root, load(root_lock, crypto::KeyRole::kRoot, card.root));
  AMIC_TRY(auto const governance, load(lock, crypto::KeyRole::kGovernance, card.governance));
  consent::JoinAccept word;
  word.community = now.id;
  word.epoch = now.head.epoch;
  word.head = now.head_digest;
  word.motion = consent::motion_id(invitation.motion);
  word.card = consent::fingerprint(card);
  word.created_ms = context.clock.now_ms();
  word = consent::sign_join_accept(word, root, governance);
  AMIC_TRY_VOID(
      consent::verify_join_accept(word, now.id, word.epoch, word.head, word.motion, card));
  Output out;
  AMIC_TRY_VOID(deliver(a.out, consent::to_text(word), out));
  if (out.text.empty())
    out.text = "Wrote " + a.out +
               ". Hand it to a member, who brings it with\n  amic motion "
               "join-accept " +
               a.out + " " + codec::to_hex(word.motion.view()).substr(0, 16) + "\n";
  json::object object;
  object["out"] = a.out;
  object["community"] = codec::to_hex(now.id.view());
  object["epoch"] = now.head.epoch;
  object["decisions"] = invitation.history.chapters.size();
  object["motion"] = codec::to_hex(word.motion.view());
  object["next_head"] = hash;
  object["text"] = consent::to_text(word);
  out.json = json::serialize(object);
  return out;
}
}  // namespace

void add_motion_accept(CLI::App& group, Context& context) {
  auto const a = std::make_shared<AcceptArguments>();
  auto* command = group.add_subcommand(
      "accept", "Sign that this node joins by a motion; needs no running node and no network");
  command->add_option("FILE", a->file, "History with the motion, from amic motion export")
      ->required();
  command->add_option("--dir", a->dir, "Data directory of the joining node")->required();
  command->add_option("--root-from", a->root_from,
                      "Folder of root.key; default: keys/ of the node");
  command->add_option("--out", a->out, "New file for the join-accept")->required();
  command->add_option("--yes", a->yes, "The first eight digits, or more, of the hash shown");
  command->add_option("--passphrase-from", a->passphrase_from,
                      "file:PATH, fd:N, env:NAME or prompt; default: as in config.toml");
  command->footer(
      "Verifies every decision since the launch, shows community, members, head and motion, and\n"
      "signs with root and governance keys that this node joins by exactly this motion.\n"
      "\n"
      "Example:\n  amic motion accept history.txt --dir tl --out TL-accept.txt");
  on_run(*command, context, [a, &context] { return accept(*a, context); });
}

}  // namespace amic::node
