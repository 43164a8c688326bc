// Rotation of a member's operational keys (node, log, cosigner, sealing, TLS) without a motion: its
// root and governance keys together announce a new card ahead of its use, so that peers that were
// out of reach for long still learn it in time. docs/formats/key-rotation.md. Pure.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "consent/head.h"

namespace amic::consent {

inline constexpr UnixMs kDayMs = 24LL * 60 * 60 * 1000;
inline constexpr UnixMs kRotationNoticeMs = 90 * kDayMs;   // from announcement to use, by default
inline constexpr UnixMs kRotationOverlapMs = 90 * kDayMs;  // from use to the old keys' end

struct KeyRotation {
  CommunityId community;
  std::uint64_t serial = 0;   // 1, 2, ... of this member, from the card in the head
  Hash previous;              // rotation_digest of the one before; zero in the first
  Hash base_card;             // fingerprint of the card in the head that the chain starts from
  Card card;                  // complete; member, name, address, root and governance as in the head
  UnixMs active_from_ms = 0;  // the owner uses the new keys from then on
  UnixMs retire_ms = 0;       // peers accept the keys of earlier cards until then
  crypto::Signature by_root, by_governance;
  // Of the new card's node, log, cosigner and TLS keys, in this order: that the announcer holds
  // them. Nobody can announce a key of somebody else's.
  std::array<crypto::Signature, 4> by_new;
  bool operator==(KeyRotation const&) const = default;

  MemberId const& member() const { return card.member; }
};

struct RotationSigners {
  crypto::SigningKey const& root;
  crypto::SigningKey const& governance;
  crypto::SigningKey const& node;  // these four of the new card
  crypto::SigningKey const& log;
  crypto::SigningKey const& cosigner;
  crypto::SigningKey const& tls;
};
// The card is signed already (sign_card).
KeyRotation sign_rotation(KeyRotation unsigned_rotation, RotationSigners const& signers);

// SHA-256 of what is signed, the domain string included: it does not depend on the signatures.
Hash rotation_digest(KeyRotation const& rotation);
Bytes encode(KeyRotation const& rotation);
// Structure, limits, the card's own signature, times. All signatures: verify_rotation.
Result<KeyRotation> decode_rotation(BytesView bytes);
std::string to_text(KeyRotation const& rotation);  // armor "AMIC KEY ROTATION"
Result<KeyRotation> rotation_from_text(std::string_view text);
std::string to_json(KeyRotation const& rotation);

// The five operational keys by role name, in the order of the card.
std::array<CardKey, 5> operational_keys(Card const& card);
// Roles whose key in `next` is another than in `card`.
std::vector<std::string> changed_roles(Card const& card, Card const& next);

// Community, member, base card and every signature: that this member said this, whatever it is
// worth. kUnknownCommunity, kUnknownMember, kUnknownEpoch (the chain starts from another card than
// the head's: the member's keys were replaced by a motion, or the head here is not the newest),
// kBadSignature (`where` names which).
Result<void> verify_rotation_signatures(KeyRotation const& rotation, CommunityId const& community,
                                        Head const& head);
// The whole: also against the chain before it, serials 1, 2, ... kGap: one is missing; kConflict:
// not after the last; kRejected: what it may not change, or a key that is not new.
Result<void> verify_rotation(KeyRotation const& rotation, CommunityId const& community,
                             Head const& head, std::vector<KeyRotation> const& before);

// Two different rotations with one serial from one card: proof by itself that the member's root and
// governance keys signed both.
struct KeyContradiction {
  KeyRotation first, second;  // ascending by digest
  bool operator==(KeyContradiction const&) const = default;
};
Bytes encode(KeyContradiction const& contradiction);
Result<KeyContradiction> decode_key_contradiction(BytesView bytes);
Result<void> verify_key_contradiction(KeyContradiction const& contradiction,
                                      CommunityId const& community, Head const& head);

// The rotations of all members of a community, on the head in force. What it says depends only on
// which rotations it has taken, not on their order. Not thread-safe: copy it to share it.
class KeyChain {
 public:
  KeyChain() = default;
  KeyChain(CommunityId const& community, Head head);

  // After a decision: the chains of members whose card in the head changed count no more, and
  // neither do their contradictions.
  void set_head(Head head);

  enum class Taken {
    kNew,           // keep it and pass it on
    kKnown,         // nothing changed
    kContradicted,  // it contradicts what was taken before: keep contradiction(), pass that on
  };
  // Errors as verify_rotation. After a contradiction at serial s, s and all later ones are refused
  // (kConflict) until a motion replaces the member's keys.
  Result<Taken> take(KeyRotation const& rotation);
  // Evidence that somebody else found: kNew or kKnown. kConflict, kBadSignature as it deserves.
  Result<Taken> take(KeyContradiction const& contradiction);

  // Cards whose keys peers may use now, newest first: the announced ones, the one in use, and
  // earlier ones that are not retired. Empty: not a member.
  // The pointers below are good until the next take() or set_head().
  std::vector<Card const*> cards_accepted(MemberId const& member, UnixMs now_ms) const;
  // Every card since the one in the head, newest first: for signatures made earlier.
  std::vector<Card const*> cards_known(MemberId const& member) const;
  // What the member itself uses now. nullptr: not a member.
  Card const* card_in_use(MemberId const& member, UnixMs now_ms) const;
  // What to seal to: the newest announced. nullptr: not a member.
  Card const* sealing_card(MemberId const& member) const;
  // Whose link identity this is now, among the accepted cards. nullopt: nobody's.
  std::optional<MemberId> member_by_tls_key(BytesView key_32, UnixMs now_ms) const;

  std::vector<KeyRotation> const& rotations(MemberId const& member) const;
  KeyContradiction const* contradiction(MemberId const& member) const;
  std::vector<KeyRotation> all_rotations() const;  // by member, then serial
  Head const& head() const { return head_; }

 private:
  struct Chain {
    Hash base_card;
    std::vector<KeyRotation> rotations;
    std::optional<KeyContradiction> contradiction;  // the one of the lowest serial
  };
  void note(Chain& chain, KeyContradiction contradiction);

  CommunityId community_;
  Head head_;
  std::map<MemberId, Chain> chains_;
};

// --- planned life ---

// A key of the card in use, and when its planned life ends. Nothing stops by itself then.
struct KeyAge {
  std::string role;
  UnixMs made_ms = 0;     // created_ms of the first card that has it
  UnixMs expires_ms = 0;  // made_ms and the planned life
  // When a successor that is announced comes into use; 0: none. Never for root and governance.
  UnixMs successor_from_ms = 0;
  bool operator==(KeyAge const&) const = default;
};
std::vector<KeyAge> key_ages(Card const& in_head, std::vector<KeyRotation> const& chain,
                             UnixMs now_ms, int life_days);

struct KeyAlarm {
  std::string role;
  UnixMs expires_ms = 0;
  int days = 0;  // 60, 30, 7: at most so many are left; 0: the day has come
  bool operator==(KeyAlarm const&) const = default;
};
// One alarm a key at most, the most urgent; none if a successor comes into use in time.
std::vector<KeyAlarm> key_alarms(UnixMs now_ms, std::vector<KeyAge> const& ages);

}  // namespace amic::consent
