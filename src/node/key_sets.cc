#include "node/key_sets.h"

#include <algorithm>

#include "base/check.h"
#include "base/limits.h"
#include "codec/codec.h"
#include "node/files.h"

namespace amic::node {

namespace {

using crypto::KeyRole;
using Chain = std::vector<consent::KeyRotation>;

constexpr std::array<KeyRole, 5> kOperational = {KeyRole::kNode, KeyRole::kLog, KeyRole::kCosigner,
                                                 KeyRole::kSealing, KeyRole::kTls};

std::filesystem::path used_card_file(DataDir const& dir) {
  return dir.keys() / "card.txt";
}

BytesView key_of(consent::Card const& card, KeyRole role) {
  for (auto const& [name, key] : consent::card_keys(card))
    if (name == crypto::key_role_name(role)) return key;
  CHECK(false);
  return {};
}

// Enough of a head to verify this member's own rotations: they depend on its own card alone.
consent::Head own_head(consent::Card const& card) {
  consent::Head out;
  out.members.push_back(card);
  return out;
}

Result<std::optional<CommunityId>> own_community(DataDir const& dir) {
  AMIC_TRY(auto const transcript, dir.launch());
  if (!transcript) return std::optional<CommunityId>{};
  return std::optional(consent::community_id(transcript->draft.head_bytes));
}

Result<std::optional<consent::Card>> read_used_card(DataDir const& dir) {
  auto const text = read_file(used_card_file(dir));
  if (!text && text.error().code == Code::kNotFound) return std::optional<consent::Card>{};
  if (!text) return fail(text.error());
  auto card = consent::card_from_text(*text);
  if (!card) return fail(card.error().code, used_card_file(dir).string(), card.error().detail);
  return std::optional(std::move(*card));
}

// How many rotations of the chain lead to the card in use.
Result<std::size_t> used_position(DataDir const& dir, consent::Card const& in_head,
                                  Chain const& chain) {
  AMIC_TRY(auto const used, read_used_card(dir));
  if (!used || *used == in_head) return std::size_t{0};
  for (std::size_t i = 0; i < chain.size(); ++i)
    if (chain[i].card == *used) return i + 1;
  // Since then a motion has replaced the keys, and the card with them.
  if (used->created_ms < in_head.created_ms) return std::size_t{0};
  return fail(Code::kMissingKey, used_card_file(dir).string(),
              "the announcement of the keys in use is not in its folder");
}

consent::Card const& card_at(consent::Card const& in_head, Chain const& chain, std::size_t at) {
  return at == 0 ? in_head : chain[at - 1].card;
}

Result<crypto::Secret> load_or_make(crypto::KeyLock const& lock, KeyRole role, Random& random) {
  auto found = lock.load(role);
  if (found || found.error().code != Code::kMissingKey) return found;
  crypto::Secret const made = role == KeyRole::kSealing
                                  ? crypto::Secret(crypto::SealKey::generate(random).secret())
                                  : crypto::Secret(crypto::SigningKey::generate(random).seed());
  AMIC_TRY_VOID(lock.save(role, made.view(), random));
  return made;
}

// The five private keys of the next card: new ones for the roles of the plan.
struct NextKeys {
  crypto::SigningKey node, log, cosigner, tls;
  crypto::SealKey sealing;
};

Result<NextKeys> next_keys(DataDir const& dir, consent::Card const& in_head, Chain const& chain,
                           std::set<KeyRole> const& roles, crypto::KeyLock const& lock,
                           Random& random) {
  auto const folder = rotation_folder(dir, in_head, chain.size() + 1);
  AMIC_TRY_VOID(make_private_directory(folder));
  consent::Card const& last = card_at(in_head, chain, chain.size());
  auto const secret = [&](KeyRole role) -> Result<crypto::Secret> {
    if (roles.contains(role)) return load_or_make(lock.at(folder), role, random);
    return lock.at(key_folder(dir, in_head, chain, last, role)).load(role);
  };
  auto const signing = [&](KeyRole role) -> Result<crypto::SigningKey> {
    AMIC_TRY(crypto::Secret const seed, secret(role));
    return crypto::SigningKey::from_seed(seed.view());
  };
  AMIC_TRY(auto node, signing(KeyRole::kNode));
  AMIC_TRY(auto log, signing(KeyRole::kLog));
  AMIC_TRY(auto cosigner, signing(KeyRole::kCosigner));
  AMIC_TRY(auto tls, signing(KeyRole::kTls));
  AMIC_TRY(crypto::Secret const scalar, secret(KeyRole::kSealing));
  AMIC_TRY(auto sealing, crypto::SealKey::from_secret(scalar.view()));
  return NextKeys{std::move(node), std::move(log), std::move(cosigner), std::move(tls),
                  std::move(sealing)};
}

Result<std::set<KeyRole>> roles_of(RotationPlan const& plan) {
  if (plan.roles.empty()) return std::set<KeyRole>(kOperational.begin(), kOperational.end());
  for (auto const role : plan.roles)
    if (std::find(kOperational.begin(), kOperational.end(), role) == kOperational.end())
      return fail(Code::kUsage, "roles",
                  std::string{crypto::key_role_name(role)} + " changes by a motion only");
  return plan.roles;
}

}  // namespace

std::filesystem::path rotation_folder(DataDir const& dir, consent::Card const& in_head,
                                      std::uint64_t serial) {
  std::string const base = codec::to_hex(consent::fingerprint(in_head).view().first(4));
  return dir.keys() / ("rotation-" + std::to_string(serial) + "-" + base);
}

Result<Chain> own_rotations(DataDir const& dir) {
  AMIC_TRY(consent::Card const in_head, dir.card());
  Chain out;
  std::error_code ignored;
  if (!std::filesystem::exists(rotation_folder(dir, in_head, 1), ignored)) return out;
  AMIC_TRY(auto const community, own_community(dir));
  if (!community) return out;
  while (out.size() < limits::kKeyRotationsMax) {
    auto const file = rotation_folder(dir, in_head, out.size() + 1) / "rotation.txt";
    auto const text = read_file(file);
    if (!text && text.error().code == Code::kNotFound) break;  // none, or not finished
    if (!text) return fail(text.error());
    auto rotation = consent::rotation_from_text(*text);
    if (!rotation) return fail(rotation.error().code, file.string(), rotation.error().detail);
    auto const good = consent::verify_rotation(*rotation, *community, own_head(in_head), out);
    if (!good) return fail(good.error().code, file.string(), good.error().text());
    out.push_back(std::move(*rotation));
  }
  return out;
}

Result<consent::Card> card_in_use(DataDir const& dir) {
  AMIC_TRY(consent::Card const in_head, dir.card());
  AMIC_TRY(auto const chain, own_rotations(dir));
  AMIC_TRY(std::size_t const at, used_position(dir, in_head, chain));
  return card_at(in_head, chain, at);
}

std::filesystem::path key_folder(DataDir const& dir, consent::Card const& in_head,
                                 Chain const& chain, consent::Card const& card, KeyRole role) {
  std::filesystem::path out = dir.keys();
  BytesView last = key_of(in_head, role);
  if (card == in_head) return out;
  for (auto const& rotation : chain) {
    BytesView const key = key_of(rotation.card, role);
    if (!equal(key, last)) out = rotation_folder(dir, in_head, rotation.serial);
    last = key;
    if (rotation.card == card) break;
  }
  return out;
}

Result<std::vector<crypto::SealKey>> more_sealing_keys(DataDir const& dir,
                                                       crypto::KeyLock const& lock,
                                                       consent::Card const& used) {
  std::vector<std::filesystem::path> folders = {dir.keys()};
  std::error_code error;
  for (std::filesystem::directory_iterator at(dir.keys(), error), end; !error && at != end;
       at.increment(error)) {
    std::error_code ignored;
    if (at->is_directory(ignored)) folders.push_back(at->path());
  }
  if (error) return fail(Code::kIo, dir.keys().string(), error.message());
  std::sort(folders.begin() + 1, folders.end());
  std::vector<crypto::SealKey> out;
  for (auto const& folder : folders) {
    auto const secret = lock.at(folder).load(KeyRole::kSealing);
    if (!secret && secret.error().code == Code::kMissingKey) continue;
    if (!secret)
      return fail(secret.error().code, (folder / "sealing.key").string(), secret.error().detail);
    AMIC_TRY(auto key, crypto::SealKey::from_secret(secret->view()));
    if (key.public_key() != used.sealing) out.push_back(std::move(key));
  }
  return out;
}

Result<std::optional<consent::Card>> activate_due_keys(DataDir const& dir, UnixMs now_ms) {
  AMIC_TRY(consent::Card const in_head, dir.card());
  AMIC_TRY(auto const chain, own_rotations(dir));
  AMIC_TRY(std::size_t const used, used_position(dir, in_head, chain));
  std::size_t due = chain.size();
  while (due > used && chain[due - 1].active_from_ms > now_ms) --due;
  if (due == used) return std::optional<consent::Card>{};
  consent::Card const& card = chain[due - 1].card;
  // A switch to keys that are not there would stop the node.
  for (auto const role : kOperational) {
    auto const file = key_folder(dir, in_head, chain, card, role) /
                      (std::string{crypto::key_role_name(role)} + ".key");
    std::error_code ignored;
    if (!std::filesystem::exists(file, ignored))
      return fail(Code::kMissingKey, file.string(),
                  "it is due, but not here; the earlier keys stay in use");
  }
  AMIC_TRY_VOID(replace_file(used_card_file(dir), consent::to_text(card)));
  return std::optional(card);
}

Result<Announced> rotate_keys(DataDir const& dir, crypto::SigningKey const& root,
                              Passphrase const& passphrase, RotationPlan const& plan,
                              Clock const& clock, Random& random) {
  AMIC_TRY(auto const roles, roles_of(plan));
  AMIC_TRY(consent::Card const in_head, dir.card());
  AMIC_TRY(auto const community, own_community(dir));
  if (!community)
    return fail(Code::kUnknownCommunity, dir.launch_file().string(),
                "this node has not joined a community");
  AMIC_TRY(auto const chain, own_rotations(dir));
  UnixMs const now = clock.now_ms();
  if (!chain.empty() && chain.back().active_from_ms > now && !plan.supersede)
    return Announced{chain.back(), false};
  if (root.verify_key() != in_head.root)
    return fail(Code::kWrongIdentity, "keys.root", "not the root key in this member's card");
  AMIC_TRY(auto const lock, crypto::KeyLock::open(dir.keys(), passphrase));
  AMIC_TRY(crypto::Secret const seed, lock.load(KeyRole::kGovernance));
  AMIC_TRY(auto const governance, crypto::SigningKey::from_seed(seed.view()));
  AMIC_TRY(auto const next, next_keys(dir, in_head, chain, roles, lock, random));

  consent::KeyRotation rotation;
  rotation.community = *community;
  rotation.serial = chain.size() + 1;
  if (!chain.empty()) rotation.previous = consent::rotation_digest(chain.back());
  rotation.base_card = consent::fingerprint(in_head);
  consent::Card card = card_at(in_head, chain, chain.size());
  card.created_ms = std::max(now, card.created_ms);
  card.node = next.node.verify_key();
  card.log = next.log.verify_key();
  card.cosigner = next.cosigner.verify_key();
  card.tls = next.tls.verify_key();
  card.sealing = next.sealing.public_key();
  AMIC_TRY(rotation.card, consent::sign_card(std::move(card), root));
  rotation.active_from_ms = plan.active_from_ms != 0
                                ? plan.active_from_ms
                                : rotation.card.created_ms + consent::kRotationNoticeMs;
  rotation.retire_ms =
      plan.retire_ms != 0 ? plan.retire_ms : rotation.active_from_ms + consent::kRotationOverlapMs;
  rotation = consent::sign_rotation(
      std::move(rotation), {root, governance, next.node, next.log, next.cosigner, next.tls});
  AMIC_TRY_VOID(consent::verify_rotation(rotation, *community, own_head(in_head), chain));
  AMIC_TRY_VOID(write_new_file(rotation_folder(dir, in_head, rotation.serial) / "rotation.txt",
                               consent::to_text(rotation)));
  return Announced{std::move(rotation), true};
}

}  // namespace amic::node
