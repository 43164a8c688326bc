// amic key split, join, rotate, show
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "codec/codec.h"
#include "crypto/hash.h"
#include "crypto/root_share.h"
#include "json/json.h"
#include "node/commands.h"
#include "node/files.h"
#include "node/key_sets.h"

namespace amic::node {

namespace {

namespace fs = std::filesystem;
using crypto::KeyRole;

// --- the root key: from a folder, or from shares ---

struct RootSource {
  std::string folder;                // with root.key, sealed under this node's lock; empty: keys/
  std::vector<std::string> shares;   // files; not empty: from these instead
  std::vector<std::string> sources;  // passphrases of the protected ones, in order; empty: prompt
};

std::string numbered(std::string const& member, unsigned index) {
  return "share " + std::to_string(index) + " of " + member;
}

Result<crypto::SigningKey> join_shares(RootSource const& source) {
  std::vector<crypto::RootShare> shares;
  std::vector<crypto::RootShareHead> heads;
  for (auto const& file : source.shares) {
    auto share = crypto::read_root_share(file);
    if (!share) return fail(share.error().code, file, share.error().detail);
    heads.push_back(share->head);
    shares.push_back(std::move(*share));
  }
  AMIC_TRY_VOID(crypto::check_root_shares(heads, source.shares));
  auto const sealed = static_cast<std::size_t>(std::count_if(
      heads.begin(), heads.end(), [](crypto::RootShareHead const& h) { return h.is_protected; }));
  if (!source.sources.empty() && source.sources.size() != sealed)
    return fail(Code::kUsage, "--share-passphrase-from",
                "once for each protected share, in their order: " + std::to_string(sealed));
  std::vector<crypto::Secret> opened;
  std::size_t next = 0;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    std::optional<crypto::Secret> passphrase;
    if (heads[i].is_protected) {
      std::string const spec = source.sources.empty() ? "prompt" : source.sources[next++];
      AMIC_TRY(passphrase, crypto::read_passphrase(
                               spec, "Passphrase of " +
                                         numbered(heads[i].member.str(), heads[i].index) + ": "));
    }
    auto share = crypto::open_root_share(shares[i], passphrase);
    if (!share) return fail(share.error().code, source.shares[i], share.error().detail);
    opened.push_back(std::move(*share));
  }
  return crypto::join_root(heads, std::move(opened));
}

Result<void> check_root(crypto::SigningKey const& root, consent::Card const& card) {
  if (root.verify_key() == card.root) return {};
  return fail(Code::kWrongIdentity, "root",
              "not the root key in the card of " + card.member.str() + "; nothing was written");
}

Result<crypto::SigningKey> root_key(DataDir const& dir, RootSource const& source,
                                    Passphrase const& passphrase) {
  AMIC_TRY(auto const card, dir.card());
  if (!source.shares.empty()) {
    AMIC_TRY(auto joined, join_shares(source));
    AMIC_TRY_VOID(check_root(joined, card));
    return joined;
  }
  fs::path const folder = source.folder.empty() ? dir.keys() : fs::path(source.folder);
  AMIC_TRY(auto const lock, crypto::KeyLock::open(dir.keys(), passphrase));
  auto const seed = lock.at(folder).load(KeyRole::kRoot);
  if (!seed)
    return fail(seed.error().code, (folder / "root.key").string(),
                seed.error().detail + "; --root-from names its folder, --share its shares");
  AMIC_TRY(auto key, crypto::SigningKey::from_seed(seed->view()));
  AMIC_TRY_VOID(check_root(key, card));
  return key;
}

void add_root_options(CLI::App& command, RootSource& source) {
  command.add_option("--root-from", source.folder,
                     "Folder that holds root.key; default: keys/ of the node");
  command.add_option("--share", source.shares, "Shares of the root key, used in memory only");
  command.add_option("--share-passphrase-from", source.sources,
                     "Where a protected share's passphrase comes from, once for each, in their "
                     "order; default: prompt");
}

// --- split ---

struct SplitArguments {
  std::string dir, out, passphrase_from;
  unsigned shares = 0, threshold = 0;
  std::vector<std::string> officers;  // passphrase sources
  RootSource root;
};

Result<std::vector<crypto::Secret>> officer_passphrases(SplitArguments const& arguments,
                                                        std::string const& member) {
  std::vector<crypto::Secret> out;
  if (arguments.officers.empty()) return out;
  bool const ask = arguments.officers.size() == 1 && arguments.officers[0] == "prompt";
  if (!ask && arguments.officers.size() != arguments.shares)
    return fail(Code::kUsage, "--officer-passphrase-from",
                "once for each share, in their order, or `prompt` once for all");
  for (unsigned i = 0; i < arguments.shares; ++i) {
    std::string const spec = ask ? "prompt" : arguments.officers[i];
    std::string const what = numbered(member, i + 1);
    AMIC_TRY(auto passphrase, crypto::read_passphrase(spec, "New passphrase of " + what + ": "));
    if (spec == "prompt") {
      AMIC_TRY(auto const again, crypto::read_passphrase(spec, "Once more: "));
      if (!crypto::equal_constant_time(passphrase.view(), again.view()))
        return fail(Code::kUsage, what, "the two passphrases are not the same");
    }
    out.push_back(std::move(passphrase));
  }
  return out;
}

Result<void> make_empty_folder(fs::path const& folder) {
  AMIC_TRY_VOID(make_private_directory(folder));
  std::error_code error;
  if (!fs::is_empty(folder, error) || error)
    return fail(Code::kConflict, folder.string(), "not an empty folder: give a new one");
  return {};
}

// Before anybody trusts them: the first `threshold` of the files give the key.
Result<void> prove_shares(std::vector<std::string> const& files,
                          std::vector<crypto::Secret> const& passphrases, unsigned threshold,
                          consent::Card const& card) {
  std::vector<crypto::RootShareHead> heads;
  std::vector<crypto::Secret> opened;
  for (std::size_t i = 0; i < files.size(); ++i) {
    AMIC_TRY(auto const share, crypto::read_root_share(files[i]));
    if (i >= threshold) continue;
    heads.push_back(share.head);
    auto const passphrase =
        passphrases.empty() ? std::nullopt : std::optional<crypto::Secret>(passphrases[i]);
    AMIC_TRY(auto clear, crypto::open_root_share(share, passphrase));
    opened.push_back(std::move(clear));
  }
  AMIC_TRY(auto const key, crypto::join_root(heads, std::move(opened)));
  return check_root(key, card);
}

Result<Output> split(SplitArguments const& arguments, Context& context) {
  AMIC_TRY(auto const dir, DataDir::open(arguments.dir));
  AMIC_TRY(auto const card, dir.card());
  if (arguments.threshold < 2 || arguments.threshold > arguments.shares || arguments.shares > 16)
    return fail(Code::kOutOfRange, "--threshold", "2 <= threshold <= shares <= 16");
  AMIC_TRY(auto const passphrase, unlock(dir, arguments.passphrase_from, context));
  AMIC_TRY(auto const root, root_key(dir, arguments.root, passphrase));
  AMIC_TRY(auto const officers, officer_passphrases(arguments, card.member.str()));
  AMIC_TRY(auto const shares,
           crypto::split_root(root, card.member, {arguments.threshold, arguments.shares, officers},
                              context.random));
  AMIC_TRY_VOID(make_empty_folder(arguments.out));
  std::vector<std::string> files;
  json::array names;
  for (auto const& share : shares) {
    std::string const name = card.member.str() + "-root-share-" + std::to_string(share.head.index) +
                             "-of-" + std::to_string(share.head.count) + ".txt";
    files.push_back((fs::path(arguments.out) / name).string());
    names.push_back(json::value(files.back()));
    AMIC_TRY_VOID(crypto::write_root_share(files.back(), share, context.random));
  }
  AMIC_TRY_VOID(prove_shares(files, officers, arguments.threshold, card));
  std::string const set = codec::to_hex(shares.front().head.set.view());
  Output out;
  out.text = "Made " + std::to_string(arguments.shares) + " shares of the root key of " +
             card.member.str() + "; any " + std::to_string(arguments.threshold) +
             " of them give it back. Splitting " + set.substr(0, 8) + ".\n";
  for (auto const& file : files) out.text += "  " + file + "\n";
  out.text +=
      "They were read back and joined: they are good.\n\n"
      "Next: hand each share to its officer, on media or on paper, and delete this folder. An\n"
      "earlier splitting stays valid: destroy its shares, or replace the root key by a motion.\n";
  json::object object;
  object["member"] = card.member.str();
  object["set"] = set;
  object["threshold"] = arguments.threshold;
  object["files"] = std::move(names);
  out.json = json::serialize(object);
  return out;
}

// --- join ---

struct JoinArguments {
  std::string dir, out, passphrase_from;
  bool check = false;
  RootSource root;
};

Result<Output> join(JoinArguments const& arguments, Context& context) {
  AMIC_TRY(auto const dir, DataDir::open(arguments.dir));
  AMIC_TRY(auto const card, dir.card());
  AMIC_TRY(auto const root, join_shares(arguments.root));
  AMIC_TRY_VOID(check_root(root, card));
  Output out;
  out.text = "The shares give the root key of " + card.member.str() + ".\n";
  json::object object;
  object["member"] = card.member.str();
  object["root"] = codec::to_hex(card.root.view());
  if (!arguments.check) {
    AMIC_TRY(auto const passphrase, unlock(dir, arguments.passphrase_from, context));
    fs::path const folder = arguments.out.empty() ? dir.keys() : fs::path(arguments.out);
    AMIC_TRY_VOID(make_private_directory(folder));
    AMIC_TRY(auto const lock, crypto::KeyLock::open(dir.keys(), passphrase));
    auto const saved = lock.at(folder).save(KeyRole::kRoot, root.seed(), context.random);
    if (!saved)
      return fail(saved.error().code, (folder / "root.key").string(), saved.error().detail);
    std::string const file = (folder / "root.key").string();
    out.text += "Wrote " + file + ", sealed under the passphrase of this node.\n";
    object["file"] = file;
  }
  out.json = json::serialize(object);
  return out;
}

// --- rotate ---

struct RotateArguments {
  std::string dir, out, passphrase_from, active_from, retire;
  std::vector<std::string> only;
  bool supersede = false;
  RootSource root;
};

Result<RotationPlan> plan_of(RotateArguments const& arguments) {
  RotationPlan plan;
  plan.supersede = arguments.supersede;
  for (auto const& name : arguments.only) {
    bool known = false;
    for (auto const role :
         {KeyRole::kNode, KeyRole::kSealing, KeyRole::kTls, KeyRole::kLog, KeyRole::kCosigner})
      if (crypto::key_role_name(role) == name) known = plan.roles.insert(role).second;
    if (!known)
      return fail(Code::kUsage, "--only", "of node, sealing, tls, log, cosigner, each once");
  }
  auto const time = [](std::string const& text, char const* where) -> Result<UnixMs> {
    if (text.empty()) return UnixMs{0};
    auto const us = codec::parse_rfc3339_us(text);
    if (!us) return fail(Code::kUsage, where, "a time as 2026-11-24T03:00:00Z");
    return *us / 1000;
  };
  AMIC_TRY(plan.active_from_ms, time(arguments.active_from, "--active-from"));
  AMIC_TRY(plan.retire_ms, time(arguments.retire, "--retire"));
  return plan;
}

std::string joined(std::vector<std::string> const& words) {
  std::string out;
  for (auto const& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

Result<Output> rotate(RotateArguments const& arguments, Context& context) {
  AMIC_TRY(auto const dir, DataDir::open(arguments.dir));
  AMIC_TRY(auto const plan, plan_of(arguments));
  AMIC_TRY(auto const passphrase, unlock(dir, arguments.passphrase_from, context));
  AMIC_TRY(auto const root, root_key(dir, arguments.root, passphrase));
  AMIC_TRY(auto const done,
           rotate_keys(dir, root, passphrase, plan, context.clock, context.random));
  auto const& rotation = done.rotation;
  AMIC_TRY(auto const in_head, dir.card());
  AMIC_TRY(auto const chain, own_rotations(dir));
  consent::Card const& before =
      rotation.serial < 2 ? in_head : chain[static_cast<std::size_t>(rotation.serial) - 2].card;
  std::string const file =
      (rotation_folder(dir, in_head, rotation.serial) / "rotation.txt").string();
  if (!arguments.out.empty())
    AMIC_TRY_VOID(write_new_file(arguments.out, consent::to_text(rotation)));
  Output out;
  out.text = (done.is_new ? "Announced rotation " : "Nothing was changed: there is rotation ") +
             std::to_string(rotation.serial) + " of " + rotation.member().str() + ".\n" +
             "  new keys      " + joined(consent::changed_roles(before, rotation.card)) + "\n" +
             "  in use from   " + codec::to_rfc3339(rotation.active_from_ms) + "\n" +
             "  old ones end  " + codec::to_rfc3339(rotation.retire_ms) + "\n" +
             "  announcement  " + file + "\n";
  if (!done.is_new) out.text += "It is not in use yet. --supersede announces another after it.\n";
  json::object object = json::parse(consent::to_json(rotation)).value().as_object();
  object["new"] = done.is_new;
  object["file"] = file;
  out.json = json::serialize(object);
  return out;
}

// --- show ---

struct KeyRow {
  std::string role, key, state, made, expires, where;
};

std::string where_is(fs::path const& folder, std::string const& role) {
  std::error_code ignored;
  fs::path const file = folder / (role + ".key");
  return fs::exists(file, ignored) ? file.string() : "not here";
}

KeyRole role_named(std::string const& name) {
  for (unsigned i = 1; i <= 7; ++i)
    if (crypto::key_role_name(static_cast<KeyRole>(i)) == name) return static_cast<KeyRole>(i);
  return KeyRole::kRoot;
}

std::string fingerprint_of(BytesView key) {
  return codec::to_hex(crypto::sha256(key).view().first(8));
}

std::string day(UnixMs ms) {
  return codec::to_rfc3339(ms).substr(0, 10);
}

// Now, or as long ago as the card that is really in use was still the newest due: a node that has
// not been started since shows the ages of what it has.
UnixMs time_of_use(std::vector<consent::KeyRotation> const& chain, consent::Card const& used,
                   UnixMs now_ms) {
  for (auto at = chain.rbegin(); at != chain.rend() && at->card != used; ++at)
    now_ms = std::min(now_ms, at->active_from_ms - 1);
  return now_ms;
}

// The keys of the card in use, then those announced that are not in use yet.
std::vector<KeyRow> key_rows(DataDir const& dir, consent::Card const& in_head,
                             std::vector<consent::KeyRotation> const& chain,
                             consent::Card const& used, UnixMs now_ms, int life_days) {
  std::vector<KeyRow> out;
  auto const ages = consent::key_ages(in_head, chain, now_ms, life_days);
  auto const keys = consent::card_keys(used);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    std::string const role{keys[i].role};
    auto const folder = key_folder(dir, in_head, chain, used, role_named(role));
    out.push_back({role, fingerprint_of(keys[i].key), "in use", day(ages[i].made_ms),
                   day(ages[i].expires_ms), where_is(folder, role)});
  }
  consent::Card const* last = &in_head;
  bool after = used == in_head;
  for (auto const& rotation : chain) {
    for (auto const& role : consent::changed_roles(*last, rotation.card)) {
      if (!after) break;
      for (auto const& [name, key] : consent::operational_keys(rotation.card))
        if (name == role)
          out.push_back({role, fingerprint_of(key), "from " + day(rotation.active_from_ms),
                         day(rotation.card.created_ms),
                         day(rotation.card.created_ms + life_days * consent::kDayMs),
                         where_is(rotation_folder(dir, in_head, rotation.serial), role)});
    }
    after = after || rotation.card == used;
    last = &rotation.card;
  }
  return out;
}

Result<Output> show(std::string const& at, Context& context) {
  AMIC_TRY(auto const dir, DataDir::open(at));
  AMIC_TRY(auto const config, effective_config(dir, context));
  AMIC_TRY(auto const in_head, dir.card());
  AMIC_TRY(auto const chain, own_rotations(dir));
  AMIC_TRY(auto const used, card_in_use(dir));
  UnixMs const now = time_of_use(chain, used, context.clock.now_ms());
  Output out;
  json::array keys;
  auto const line = [&out](KeyRow const& row) {
    auto const padded = [](std::string text, std::size_t width) {
      text.resize(std::max(width, text.size() + 2), ' ');
      return text;
    };
    out.text += padded(row.role, 12) + padded(row.key, 18) + padded(row.state, 17) +
                padded(row.made, 12) + padded(row.expires, 12) + row.where + "\n";
  };
  out.text = "Keys of " + in_head.member.str() + " (" + in_head.name + ")\n";
  line({"ROLE", "FINGERPRINT", "STATE", "MADE", "PLANNED END", "WHERE"});
  for (auto const& row : key_rows(dir, in_head, chain, used, now, config.keys_life_days)) {
    line(row);
    json::object object;
    object["role"] = row.role;
    object["fingerprint"] = row.key;
    object["state"] = row.state;
    object["made"] = row.made;
    object["planned_end"] = row.expires;
    object["where"] = row.where;
    keys.push_back(std::move(object));
  }
  json::array alarms;
  for (auto const& alarm : consent::key_alarms(
           context.clock.now_ms(), consent::key_ages(in_head, chain, now, config.keys_life_days))) {
    bool const motion = alarm.role == "root" || alarm.role == "governance";
    std::string const text =
        "The planned life of the " + alarm.role + " key " +
        (alarm.days == 0 ? "is over since " : "ends on ") + day(alarm.expires_ms) +
        (motion ? ": a motion replaces it." : ": amic key rotate replaces it.");
    out.text += text + "\n";
    json::object object;
    object["role"] = alarm.role;
    object["days"] = alarm.days;
    object["planned_end"] = codec::to_rfc3339(alarm.expires_ms);
    alarms.push_back(std::move(object));
  }
  json::object object;
  object["member"] = in_head.member.str();
  object["keys"] = std::move(keys);
  object["alarms"] = std::move(alarms);
  out.json = json::serialize(object);
  return out;
}

// --- the command line ---

constexpr char const* kPassphraseHelp =
    "Passphrase of the node's keys; default: as config.toml says";

void add_split(CLI::App& group, Context& context) {
  auto* command = group.add_subcommand("split", "Split the root key into shares for officers");
  auto const arguments = std::make_shared<SplitArguments>();
  command->add_option("--dir", arguments->dir, "Data directory")->required();
  command->add_option("--shares", arguments->shares, "How many shares, 2 to 16")->required();
  command->add_option("--threshold", arguments->threshold, "How many of them give the key")
      ->required();
  command->add_option("--out", arguments->out, "New folder for the shares")->required();
  command->add_option("--officer-passphrase-from", arguments->officers,
                      "An officer's own passphrase: once for each share, or `prompt` for all; "
                      "default: shares without");
  command->add_option("--passphrase-from", arguments->passphrase_from, kPassphraseHelp);
  add_root_options(*command, arguments->root);
  command->footer(
      "Fewer shares than the threshold say nothing about the key.\n"
      "\n"
      "Example:\n"
      "  amic key split --dir my --shares 5 --threshold 3 --out shares \\\n"
      "      --officer-passphrase-from prompt");
  on_run(*command, context, [arguments, &context] { return split(*arguments, context); });
}

void add_join(CLI::App& group, Context& context) {
  auto* command = group.add_subcommand("join", "Recover the root key from shares");
  auto const arguments = std::make_shared<JoinArguments>();
  command->add_option("SHARE", arguments->root.shares, "Files of the shares")->required();
  command->add_option("--dir", arguments->dir, "Data directory")->required();
  command->add_option("--out", arguments->out, "Folder for root.key; default: keys/ of the node");
  command->add_flag("--check", arguments->check, "Only try whether they give the key");
  command->add_option("--share-passphrase-from", arguments->root.sources,
                      "As in key rotate; default: prompt");
  command->add_option("--passphrase-from", arguments->passphrase_from, kPassphraseHelp);
  command->footer(
      "Nothing is written unless the result is the root key in this member's card. It is written\n"
      "sealed, and never shown.\n"
      "\n"
      "Example:\n  amic key join --dir my share-1.txt share-4.txt share-5.txt");
  on_run(*command, context, [arguments, &context] { return join(*arguments, context); });
}

void add_rotate(CLI::App& group, Context& context) {
  auto* command = group.add_subcommand("rotate", "Announce new operational keys");
  auto const arguments = std::make_shared<RotateArguments>();
  command->add_option("--dir", arguments->dir, "Data directory")->required();
  command
      ->add_option("--only", arguments->only, "Of node, sealing, tls, log, cosigner; default: all")
      ->delimiter(',');
  command->add_option("--active-from", arguments->active_from,
                      "When they come into use; default: in 90 days");
  command->add_option("--retire", arguments->retire,
                      "Until when the old ones are accepted; default: 90 days after that");
  command->add_flag("--supersede", arguments->supersede,
                    "Though an announced rotation is not in use yet");
  command->add_option("--out", arguments->out, "New file for another copy of the announcement");
  command->add_option("--passphrase-from", arguments->passphrase_from, kPassphraseHelp);
  add_root_options(*command, arguments->root);
  command->footer(
      "Examples:\n"
      "  amic key rotate --dir my --root-from /media/root\n"
      "  amic key rotate --dir my --only tls --active-from 2027-03-01T00:00:00Z \\\n"
      "      --share share-1.txt share-4.txt share-5.txt");
  on_run(*command, context, [arguments, &context] { return rotate(*arguments, context); });
}

}  // namespace

void add_key_commands(CLI::App& app, Context& context) {
  auto* group = app.add_subcommand("key", "This member's keys: rotation and recovery");
  group->require_subcommand(1);
  add_split(*group, context);
  add_join(*group, context);
  add_rotate(*group, context);
  auto* command = group->add_subcommand("show", "What keys there are, where, and how old");
  auto const dir = std::make_shared<std::string>();
  command->add_option("--dir", *dir, "Data directory")->required();
  command->footer("Example:\n  amic key show --dir my");
  on_run(*command, context, [dir, &context] { return show(*dir, context); });
}

}  // namespace amic::node
