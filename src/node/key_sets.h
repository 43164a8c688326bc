// A member's own keys over time. keys/ holds those of the card in the head; each rotation adds a
// folder with the keys that it changed and the announcement, and nothing is ever moved or
// overwritten. One small file, keys/card.txt, says which card is in use: replacing it is the whole
// switch. docs/formats/key-files.md, "Rotations".
#pragma once

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "consent/rotation_of_keys.h"
#include "crypto/keyfile.h"
#include "node/ceremony.h"
#include "node/data_dir.h"

namespace amic::node {

// keys/rotation-<serial>-<first 8 digits of the base card's fingerprint>
std::filesystem::path rotation_folder(DataDir const& dir, consent::Card const& in_head,
                                      std::uint64_t serial);

// This member's own announced rotations, verified one after the other. Folders of earlier cards in
// the head (a motion replaced the keys) and one that was not finished are passed over.
Result<std::vector<consent::KeyRotation>> own_rotations(DataDir const& dir);

// The card whose keys this node uses: keys/card.txt, else card.txt.
Result<consent::Card> card_in_use(DataDir const& dir);

// Makes the card of the newest rotation that is due the card in use. Returns it if that changed
// anything. Safe to repeat and to kill at any point: one rename is the switch. Never goes back.
Result<std::optional<consent::Card>> activate_due_keys(DataDir const& dir, UnixMs now_ms);

// Every private sealing key in keys/ and its folders but the one of `used`: announced ones, to
// which peers seal already, and earlier ones, which open what came before.
Result<std::vector<crypto::SealKey>> more_sealing_keys(DataDir const& dir,
                                                       crypto::KeyLock const& lock,
                                                       consent::Card const& used);

// Where the key file of a role of this card lies: keys/ or a rotation's folder. The root's: keys/.
std::filesystem::path key_folder(DataDir const& dir, consent::Card const& in_head,
                                 std::vector<consent::KeyRotation> const& chain,
                                 consent::Card const& card, crypto::KeyRole role);

struct RotationPlan {
  std::set<crypto::KeyRole> roles;  // operational; empty: all five
  UnixMs active_from_ms = 0;        // 0: in 90 days
  UnixMs retire_ms = 0;             // 0: 90 days after that
  bool supersede = false;           // though one that is announced is not in use yet
};
struct Announced {
  consent::KeyRotation rotation;
  bool is_new = true;  // false: one was waiting already and nothing was changed
};
// Makes the new keys, then the announcement, which is what makes them count. One that was cut short
// is completed with the keys that are there. The node must have joined a community.
Result<Announced> rotate_keys(DataDir const& dir, crypto::SigningKey const& root,
                              Passphrase const& passphrase, RotationPlan const& plan,
                              Clock const& clock, Random& random);

}  // namespace amic::node
