// Motion: a proposed decision, whole: what would change, on which head, who is entitled to answer.
// Its id is the SHA-256 of its exact bytes, and that is what every answer signs. The head that it
// would make is not in it: everybody computes it with apply(), and every answer names its digest.
// docs/formats/consent.md. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "consent/head.h"

namespace amic::consent {

// What the community does with the text. Never one word for all of them.
enum class Verb : std::uint8_t {
  kNote = 1,
  kAcknowledge = 2,
  kEndorse = 3,
  kAdopt = 4,
  kApprove = 5,
};
std::string_view verb_name(Verb verb);  // "note" ...
Result<Verb> parse_verb(std::string_view text);

// ---- What a motion changes, one struct for each MotionKind, in its order
// -------------------------

struct AmendedText {
  InstrumentKind kind = InstrumentKind::kTor;
  std::uint32_t version = 1;  // the one in force plus 1; 1 for an instrument that is not there yet
  std::string title;
  UnixMs effective_ms = 0;  // 0: from the decision on. For people and the Record of Changes
  std::string text;
  bool operator==(AmendedText const&) const = default;
};
struct Amend {
  std::vector<AmendedText> texts;  // 1..3, sorted by kind
  bool operator==(Amend const&) const = default;
};
struct Admit {
  Card card;
  std::uint8_t chair_position = 0;  // index in chair_order where the new member is put
  bool operator==(Admit const&) const = default;
};
// The same member under the same root key; all the rest may be new.
struct ReplaceKeys {
  Card card;
  bool operator==(ReplaceKeys const&) const = default;
};
// Only by the member's own motion. A chair that leaves is followed by the next in chair_order.
struct Leave {
  MemberId member;
  bool operator==(Leave const&) const = default;
};
struct Chair {
  MemberId chair;
  MemberId host;                // empty: nobody
  std::vector<MemberId> order;  // a permutation of the members
  bool operator==(Chair const&) const = default;
};
struct NewRules {
  std::vector<std::uint16_t> suites;
  Rules rules;  // as a whole, in place of those in force
  bool operator==(NewRules const&) const = default;
};
// A new annex has the number after the highest. A number in use replaces that annex, and ends it if
// nobody takes part any more.
struct Participation {
  std::uint32_t number = 0;
  std::string title;
  std::vector<MemberId> participants;  // sorted
  std::string text;
  bool operator==(Participation const&) const = default;
};
struct Announce {
  std::string text;
  bool operator==(Announce const&) const = default;
};
using Change =
    std::variant<Amend, Admit, ReplaceKeys, Leave, Chair, NewRules, Participation, Announce>;

struct Motion {
  Hash head;  // that it would follow
  MemberId proposer;
  Verb verb = Verb::kAdopt;
  std::string title;
  std::uint32_t revision = 1;      // of the text; a chair's text has a higher one
  Hash supersedes;                 // the motion that this one is a revision of; zero: none
  std::uint32_t round = 0;         // in which it was proposed
  UnixMs proposed_ms = 0;          // by the proposer's clock; becomes Head::created_ms
  UnixMs deadline_ms = 0;          // a wish, never a rule; 0: none
  std::string standing_class;      // for which standing consents apply; empty: none
  std::vector<MemberId> entitled;  // frozen at circulation: exactly the members of `head`
  Change change = Announce{};
  bool operator==(Motion const&) const = default;

  MotionKind kind() const { return static_cast<MotionKind>(change.index() + 1); }
  // The member whose seat answers by its root key, if this motion replaces its keys.
  MemberId const* rekeyed() const;
};

// Form and limits; nothing that depends on a head.
Result<void> check_motion(Motion const& motion);
Bytes encode(Motion const& motion);
Result<Motion> decode_motion(BytesView bytes);  // includes check_motion and a card's signature
Hash motion_id(BytesView motion_bytes);
Hash motion_id(Motion const& motion);

// Where a consultation stands. There is no "rejected": a motion that is not agreed is at rest.
enum class Stage : std::uint8_t {
  kConsultation = 1,
  kShelved = 2,  // a normal outcome
  kWithdrawn = 3,
  kSuperseded = 4,  // by a revision
  kAgreed = 5,      // all have answered and nothing stands in the way; adoptions are gathered
  kCertified = 6,   // the certificate is here: certificate(), advance()
};
std::string_view stage_name(Stage stage);

// The head that follows `head` by `motion`. Pure: all nodes that agree on both agree on every byte
// of the result. Refuses, naming the field: a motion on another head or with another entitlement
// (kConflict), a change that the head does not allow (versions that do not follow, a member twice,
// an order that is none, a foreign root), and whatever check_head refuses in the result.
Result<Head> apply(Head const& head, Motion const& motion);
// The same for a community with its texts.
Result<Community> apply(Community const& community, Motion const& motion);

}  // namespace amic::consent
