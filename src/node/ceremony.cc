#include "node/ceremony.h"

#include <algorithm>
#include <array>

#include "codec/codec.h"
#include "crypto/hash.h"
#include "node/files.h"
#include "node/key_sets.h"

namespace amic::node {

namespace {

using crypto::KeyRole;

constexpr std::array<KeyRole, 7> kRoles = {KeyRole::kRoot, KeyRole::kGovernance, KeyRole::kNode,
                                           KeyRole::kLog,  KeyRole::kCosigner,   KeyRole::kSealing,
                                           KeyRole::kTls};

Result<crypto::KeyLock> open_or_create_lock(std::filesystem::path const& keys,
                                            Passphrase const& passphrase, Random& random) {
  std::error_code ignored;
  if (std::filesystem::exists(keys / "lock", ignored))
    return crypto::KeyLock::open(keys, passphrase);
  return crypto::KeyLock::create(keys, passphrase, random);
}

// Loads the key of a role, or makes and saves it if there is none.
Result<crypto::Secret> load_or_make(crypto::KeyLock const& lock, KeyRole role, Random& random) {
  auto found = lock.load(role);
  if (found || found.error().code != Code::kMissingKey) return found;
  crypto::Secret const made = role == KeyRole::kSealing
                                  ? crypto::Secret(crypto::SealKey::generate(random).secret())
                                  : crypto::Secret(crypto::SigningKey::generate(random).seed());
  AMIC_TRY_VOID(lock.save(role, made.view(), random));
  return made;
}

Result<consent::Card> make_card(crypto::KeyLock const& lock, Config const& config,
                                Clock const& clock, Random& random) {
  std::array<crypto::Secret, kRoles.size()> secrets;
  for (std::size_t i = 0; i < kRoles.size(); ++i) {
    AMIC_TRY(secrets[i], load_or_make(lock, kRoles[i], random));
  }
  consent::Card card;
  card.member = config.member;
  card.name = config.name;
  card.link_address = config.link_address;
  card.created_ms = clock.now_ms();
  AMIC_TRY(auto const root, crypto::SigningKey::from_seed(secrets[0].view()));
  AMIC_TRY(auto const governance, crypto::SigningKey::from_seed(secrets[1].view()));
  AMIC_TRY(auto const node, crypto::SigningKey::from_seed(secrets[2].view()));
  AMIC_TRY(auto const log, crypto::SigningKey::from_seed(secrets[3].view()));
  AMIC_TRY(auto const cosigner, crypto::SigningKey::from_seed(secrets[4].view()));
  AMIC_TRY(auto const sealing, crypto::SealKey::from_secret(secrets[5].view()));
  AMIC_TRY(auto const tls, crypto::SigningKey::from_seed(secrets[6].view()));
  card.governance = governance.verify_key();
  card.node = node.verify_key();
  card.log = log.verify_key();
  card.cosigner = cosigner.verify_key();
  card.sealing = sealing.public_key();
  card.tls = tls.verify_key();
  return consent::sign_card(std::move(card), root);
}

// What check_card would say after the keys are made is said before: a refused init leaves no keys.
Result<void> check_before_keys(Config const& config) {
  SeededRandom throwaway(0);  // keys of this trial card are dropped at once
  consent::Card trial;
  trial.member = config.member;
  trial.name = config.name;
  trial.link_address = config.link_address;
  for (auto* key : {&trial.governance, &trial.node, &trial.log, &trial.cosigner, &trial.tls})
    *key = throwaway.fixed<crypto::VerifyKey>();
  trial.sealing = throwaway.fixed<crypto::SealPublicKey>();
  trial.root = throwaway.fixed<crypto::VerifyKey>();
  return consent::check_card(trial);
}

Result<crypto::SigningKey> load_signing_key(crypto::KeyLock const& lock, KeyRole role,
                                            crypto::VerifyKey const& in_card) {
  AMIC_TRY(crypto::Secret const seed, lock.load(role));
  AMIC_TRY(auto key, crypto::SigningKey::from_seed(seed.view()));
  if (key.verify_key() != in_card)
    return fail(Code::kWrongIdentity, "keys." + std::string{crypto::key_role_name(role)},
                "not the key in this member's card");
  return key;
}

Result<crypto::SealKey> load_seal_key(crypto::KeyLock const& lock,
                                      crypto::SealPublicKey const& in_card) {
  AMIC_TRY(crypto::Secret const secret, lock.load(KeyRole::kSealing));
  AMIC_TRY(auto key, crypto::SealKey::from_secret(secret.view()));
  if (key.public_key() != in_card)
    return fail(Code::kWrongIdentity, "keys.sealing", "not the key in this member's card");
  return key;
}

// The first heading of the document, or the kind's name.
std::string title_of(consent::InstrumentKind kind, std::string_view text) {
  std::size_t const mark = text.starts_with("# ") ? 0 : text.find("\n# ");
  if (mark == std::string_view::npos) return std::string{consent::instrument_kind_name(kind)};
  std::string_view line = text.substr(text.find("# ", mark) + 2);
  line = line.substr(0, line.find('\n'));
  while (line.ends_with(' ')) line.remove_suffix(1);
  return std::string{line};
}

std::string folded(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

std::vector<MemberId> alphabetical(std::vector<consent::Card> cards) {
  std::sort(cards.begin(), cards.end(), [](consent::Card const& a, consent::Card const& b) {
    return std::pair(folded(a.name), a.member) < std::pair(folded(b.name), b.member);
  });
  std::vector<MemberId> out;
  for (auto const& card : cards) out.push_back(card.member);
  return out;
}

// The head's own card of this node, byte for byte the one in the data directory.
Result<consent::Card> own_card_in(consent::Head const& head, DataDir const& dir) {
  AMIC_TRY(consent::Card card, dir.card());
  consent::Card const* listed = head.member(card.member);
  if (listed == nullptr)
    return fail(Code::kForeignPress, card.member.str(), "this member is not among the founders");
  if (*listed != card)
    return fail(Code::kForeignPress, card.member.str(),
                "the founders hold another card of this member than the one here");
  return card;
}

}  // namespace

Result<Passphrase> passphrase_of(Config const& config, std::string const& spec,
                                 std::string const& prompt_text) {
  std::string const& source = spec.empty() ? config.passphrase_from : spec;
  if (source.empty()) return Passphrase{};
  AMIC_TRY(crypto::Secret secret, crypto::read_passphrase(source, prompt_text));
  return Passphrase(std::move(secret));
}

Result<consent::Card> init_node(std::filesystem::path const& dir, Config config,
                                Passphrase const& passphrase, Clock const& clock, Random& random) {
  if (config.link_address.empty()) {
    if (config.link_listen.is_any())
      return fail(Code::kUsage, "link.address",
                  "peers can't dial " + config.link_listen.host + ": give --link-address");
    config.link_address = "https://" + config.link_listen.text();
  }
  AMIC_TRY_VOID(check_before_keys(config));
  std::error_code ignored;
  if (std::filesystem::exists(dir / "config.toml", ignored))
    return fail(Code::kConflict, dir.string(), "a node is here already; nothing was changed");
  AMIC_TRY(DataDir const made, DataDir::create(dir));
  AMIC_TRY(auto const lock, open_or_create_lock(made.keys(), passphrase, random));
  std::error_code gone;
  if (!std::filesystem::exists(made.card_file(), gone)) {
    AMIC_TRY(auto const fresh, make_card(lock, config, clock, random));
    AMIC_TRY_VOID(write_new_file(made.card_file(), consent::to_text(fresh)));
  }
  // After an init that was cut short the card may be an earlier one: it must say the same.
  AMIC_TRY(consent::Card card, made.card());
  if (card.member != config.member || card.name != config.name ||
      card.link_address != config.link_address)
    return fail(Code::kConflict, made.card_file().string(),
                "an earlier init made a card that says otherwise");
  AMIC_TRY_VOID(load_keys(made, passphrase));
  AMIC_TRY_VOID(write_new_file(made.config_file(), format_config(config)));
  return card;
}

Result<NodeKeys> load_keys(DataDir const& dir, Passphrase const& passphrase) {
  AMIC_TRY(consent::Card const in_head, dir.card());
  AMIC_TRY(auto const chain, own_rotations(dir));
  AMIC_TRY(consent::Card const card, card_in_use(dir));
  AMIC_TRY(auto const lock, crypto::KeyLock::open(dir.keys(), passphrase));
  auto const of = [&](KeyRole role) {
    return lock.at(key_folder(dir, in_head, chain, card, role));
  };
  AMIC_TRY(auto governance, load_signing_key(lock, KeyRole::kGovernance, card.governance));
  AMIC_TRY(auto node, load_signing_key(of(KeyRole::kNode), KeyRole::kNode, card.node));
  AMIC_TRY(auto log, load_signing_key(of(KeyRole::kLog), KeyRole::kLog, card.log));
  AMIC_TRY(auto cosigner,
           load_signing_key(of(KeyRole::kCosigner), KeyRole::kCosigner, card.cosigner));
  AMIC_TRY(auto tls, load_signing_key(of(KeyRole::kTls), KeyRole::kTls, card.tls));
  AMIC_TRY(auto sealing, load_seal_key(of(KeyRole::kSealing), card.sealing));
  AMIC_TRY(auto first, load_seal_key(lock, in_head.sealing));
  AMIC_TRY(auto more, more_sealing_keys(dir, lock, card));
  return NodeKeys{std::move(governance), std::move(node),  std::move(log),
                  std::move(cosigner),   std::move(tls),   std::move(sealing),
                  lock.is_protected(),   std::move(first), std::move(more)};
}

Result<consent::Draft> found_community(Founding founding, Clock const& clock) {
  consent::Head head;
  head.community_name = std::move(founding.community_name);
  head.created_ms = clock.now_ms();
  head.suites = std::move(founding.suites);
  head.chair_order =
      founding.chair_order.empty() ? alphabetical(founding.cards) : std::move(founding.chair_order);
  if (founding.chair)
    head.chair = *founding.chair;
  else if (!head.chair_order.empty())
    head.chair = head.chair_order.front();
  head.members = std::move(founding.cards);
  std::sort(head.members.begin(), head.members.end(),
            [](consent::Card const& a, consent::Card const& b) { return a.member < b.member; });
  for (auto const& [kind, text] : founding.texts)
    head.instruments.push_back({kind, 1, title_of(kind, text), crypto::sha256(as_bytes(text))});
  return consent::make_draft(head, std::move(founding.texts));
}

Result<void> check_read_hash(consent::Draft const& draft, Hash const& read_hash) {
  Hash const digest = consent::head_digest(draft.head_bytes);
  if (digest == read_hash) return {};
  return fail(
      Code::kConflict, "hash",
      "this draft is not the one that was read: its hash is " + codec::to_hex(digest.view()));
}

Result<consent::Press> press_draft(DataDir const& dir, consent::Draft const& draft,
                                   Hash const& read_hash, Passphrase const& passphrase,
                                   Clock const& clock) {
  AMIC_TRY(auto const checked, consent::decode_draft(consent::encode(draft)));
  AMIC_TRY_VOID(check_read_hash(checked, read_hash));
  AMIC_TRY(auto const head, consent::decode_head(checked.head_bytes));
  AMIC_TRY(consent::Card const card, own_card_in(head, dir));
  AMIC_TRY(auto const lock, crypto::KeyLock::open(dir.keys(), passphrase));
  AMIC_TRY(auto const key, load_signing_key(lock, KeyRole::kGovernance, card.governance));
  return consent::press(checked.head_bytes, card.member, clock.now_ms(), key);
}

Result<consent::Community> join_community(DataDir const& dir, consent::Transcript const& transcript,
                                          Passphrase const& passphrase) {
  AMIC_TRY(auto community, consent::community_of(transcript));
  AMIC_TRY_VOID(own_card_in(community.head, dir));
  AMIC_TRY_VOID(load_keys(dir, passphrase));
  AMIC_TRY(auto const installed, dir.launch());
  if (installed) {
    if (consent::encode(*installed) != consent::encode(transcript))
      return fail(Code::kConflict, dir.launch_file().string(),
                  "this node has joined by another transcript");
    return community;
  }
  AMIC_TRY_VOID(write_new_file(dir.launch_file(), consent::to_text(transcript)));
  return community;
}

Result<consent::Community> join_by_history(DataDir const& dir, governance::HistoryFile const& file,
                                           Passphrase const& passphrase) {
  AMIC_TRY(auto chronicle, governance::chronicle_of(file.transcript, file.decisions));
  auto& community = chronicle.history.now;
  AMIC_TRY_VOID(own_card_in(community.head, dir));
  AMIC_TRY_VOID(load_keys(dir, passphrase));
  AMIC_TRY(auto const installed, dir.launch());
  if (installed && consent::encode(*installed) != consent::encode(file.transcript))
    return fail(Code::kConflict, dir.launch_file().string(),
                "this node has joined by another transcript");
  std::optional<governance::HistoryFile> given;
  if (installed) {
    AMIC_TRY(given, read_history_file(dir));
  }
  if (given && given->decisions.size() >= file.decisions.size()) return std::move(community);
  // The launch last: with it the node has joined.
  governance::HistoryFile const kept{file.transcript, file.decisions, {}};
  AMIC_TRY_VOID(replace_file(dir.history_file(), governance::to_text(kept)));
  if (!installed)
    AMIC_TRY_VOID(write_new_file(dir.launch_file(), consent::to_text(file.transcript)));
  return std::move(community);
}

Result<consent::Community> load_community(DataDir const& dir) {
  AMIC_TRY(auto const transcript, dir.launch());
  if (!transcript)
    return fail(Code::kUnknownCommunity, dir.launch_file().string(),
                "this node has not joined a community");
  AMIC_TRY(auto community, consent::community_of(*transcript));
  AMIC_TRY(auto const file, read_history_file(dir));
  if (file) {
    AMIC_TRY(auto chronicle, governance::chronicle_of(*transcript, file->decisions));
    community = std::move(chronicle.history.now);
  }
  AMIC_TRY_VOID(own_card_in(community.head, dir));
  return community;
}

Result<std::optional<governance::HistoryFile>> read_history_file(DataDir const& dir) {
  auto const text = read_file(dir.history_file(), 2 * governance::kHistoryFileBytesMax);
  if (!text && text.error().code == Code::kNotFound) return std::nullopt;
  if (!text) return fail(text.error());
  AMIC_TRY(auto file, governance::history_file_from_text(*text));
  AMIC_TRY(auto const transcript, dir.launch());
  if (!transcript || consent::encode(*transcript) != consent::encode(file.transcript))
    return fail(Code::kConflict, dir.history_file().string(), "of another launch");
  return std::optional(std::move(file));
}

Result<Hash> parse_hash(std::string_view text) {
  std::string digits;
  for (char const c : text)
    if (c != ' ') digits += c;
  digits = folded(digits);
  auto const bytes = codec::from_hex(digits);
  auto const hash = bytes ? Hash::from(*bytes) : std::nullopt;
  if (!hash) return fail(Code::kMalformed, "hash", "64 hexadecimal digits");
  return *hash;
}

}  // namespace amic::node
