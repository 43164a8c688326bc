// The acts of the launch ceremony as functions, for the command line, the demonstration and tests.
// docs/launch-ceremony.md tells people how they follow each other.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "consent/head.h"
#include "crypto/keyfile.h"
#include "crypto/seal.h"
#include "crypto/secret.h"
#include "crypto/sign.h"
#include "governance/chronicle.h"
#include "node/config.h"
#include "node/data_dir.h"

namespace amic::node {

// nullopt: keys are unprotected, for development only.
using Passphrase = std::optional<crypto::Secret>;

// By `spec` if given, else by the configuration; nullopt if both are empty.
Result<Passphrase> passphrase_of(Config const& config, std::string const& spec,
                                 std::string const& prompt_text);

// Makes keys, card and, last, config.toml of a new node from `config` (its passphrase_from is
// recorded, not read). kConflict if the directory already holds a complete node: nothing is
// changed. An init that was cut short is completed: keys that exist are kept. kUsage if no link
// address is given and the node listens on an address that no peer can dial.
Result<consent::Card> init_node(std::filesystem::path const& dir, Config config,
                                Passphrase const& passphrase, Clock const& clock, Random& random);

// A running node's keys: all but the root's, which is kept offline.
struct NodeKeys {
  crypto::SigningKey governance, node, log, cosigner, tls;
  crypto::SealKey sealing;
  bool is_protected = false;
  crypto::SealKey first_sealing;  // of the card in the head: the store's key comes from it
  std::vector<crypto::SealKey> more_sealing;  // to open with, never announced by (key_sets.h)
};
// Those of the card in use (key_sets.h). kMissingKey, kWrongPassphrase, kCorrupt; kWrongIdentity if
// a key is not the one in the card
// (`where` names it).
Result<NodeKeys> load_keys(DataDir const& dir, Passphrase const& passphrase);

struct Founding {
  std::string community_name;
  std::vector<consent::Card> cards;                      // in any order
  std::map<consent::InstrumentKind, std::string> texts;  // TOR and SOP; titles from their headings
  std::vector<MemberId> chair_order;                     // empty: alphabetical by English name
  std::optional<MemberId> chair;                         // none: the first of the order
  std::vector<std::uint16_t> suites = {1};
};
Result<consent::Draft> found_community(Founding founding, Clock const& clock);

// kConflict unless `read_hash` is the hash of the draft.
Result<void> check_read_hash(consent::Draft const& draft, Hash const& read_hash);

// Signs the draft with the governance key of `dir`. `read_hash` is the hash that the founder was
// shown: kConflict if the draft's is another. kForeignPress if this node's card is not in the draft
// exactly as it is here.
Result<consent::Press> press_draft(DataDir const& dir, consent::Draft const& draft,
                                   Hash const& read_hash, Passphrase const& passphrase,
                                   Clock const& clock);

// Installs the transcript after verifying it, that this node's own card is in it and that its keys
// match. OK without change if the same one is installed; kConflict if another is.
Result<consent::Community> join_community(DataDir const& dir, consent::Transcript const& transcript,
                                          Passphrase const& passphrase);

// The same for who joins by a decision: verifies every decision since the launch. The launch goes
// to community/launch.txt, the file to community/history.txt, in place of a shorter one.
Result<consent::Community> join_by_history(DataDir const& dir, governance::HistoryFile const& file,
                                           Passphrase const& passphrase);

// The community that the node has joined. kUnknownCommunity if none; kForeignPress if this node's
// own card is not in it, as when the file was replaced by hand.
Result<consent::Community> load_community(DataDir const& dir);
// community/history.txt, with the launch that this node has joined by; nullopt: none was given. Its
// decisions are not verified here.
Result<std::optional<governance::HistoryFile>> read_history_file(DataDir const& dir);

// 64 hex digits; spaces between them and capitals are tolerated, as people copy them from paper.
Result<Hash> parse_hash(std::string_view text);

}  // namespace amic::node
