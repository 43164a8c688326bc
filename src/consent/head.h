// Head: the community's whole public state at an epoch. Genesis: the head of epoch 0, signed by
// every founder. docs/formats/community.md (version 1, launch transcript) and consent.md (version
// 2). Pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "consent/card.h"
#include "consent/rules.h"

namespace amic::consent {

enum class InstrumentKind : std::uint8_t { kTor = 1, kSop = 2, kConcept = 3 };
std::string_view instrument_kind_name(InstrumentKind kind);  // "TOR", "SOP", "CONCEPT"
Result<InstrumentKind> parse_instrument_kind(std::string_view text);

struct Instrument {
  InstrumentKind kind = InstrumentKind::kTor;
  std::uint32_t version = 1;
  std::string title;
  Hash text_sha256;  // of the exact UTF-8 text
  bool operator==(Instrument const&) const = default;
};

struct Head {
  std::string community_name;
  std::uint64_t epoch = 0;
  Hash previous;  // digest of the head before; zero at genesis
  UnixMs created_ms = 0;
  std::vector<std::uint16_t> suites;    // allowed, sorted; no negotiation
  std::vector<Card> members;            // sorted by member id
  std::vector<MemberId> chair_order;    // a permutation of the members
  MemberId chair;                       // orders the agenda and nothing else
  std::vector<Instrument> instruments;  // sorted by kind; TOR and SOP required
  // Version 2: what decisions add. A head with a decision is encoded as version 2, one without as
  // version 1, and then the rest of these are not set.
  Hash decision;               // the motion that made this head (motion_id)
  MemberId host;               // of the meetings; empty: nobody
  Rules rules;                 // beside the suites
  std::vector<Annex> annexes;  // sorted by number
  bool operator==(Head const&) const = default;

  Card const* member(MemberId const& id) const;
  Card const* member_by_tls_key(BytesView key_32) const;
  std::set<MemberId> roster() const;
};

// What holds on this head: the limit that the rules set, or the product's own bound (limits.h).
std::uint64_t effective_limit(Head const& head, LimitId id);

// Limits, order, uniqueness of ids, names, addresses and keys across members, TOR and SOP present,
// 2..64 members; `previous` is zero at epoch 0 and only there. Cards' signatures are decode_head's.
Result<void> check_head(Head const& head);
Bytes encode(Head const& head);             // canonical; what is hashed and pressed
Result<Head> decode_head(BytesView bytes);  // includes check_head and each card's signature
std::string to_json(Head const& head);      // for people and --json
Hash head_digest(BytesView head_bytes);     // SHA-256; at genesis also the CommunityId
CommunityId community_id(BytesView genesis_head_bytes);

// A founder's press: its governance key over the exact bytes of the draft head.
struct Press {
  MemberId member;
  Hash draft_digest;
  UnixMs pressed_ms = 0;
  crypto::Signature signature;
  bool operator==(Press const&) const = default;
};
Press press(BytesView draft_head_bytes, MemberId const& member, UnixMs now_ms,
            crypto::SigningKey const& governance);
Bytes encode(Press const& press);
Result<Press> decode_press(BytesView bytes);
std::string to_text(Press const& press);  // armor "AMIC PRESS"
Result<Press> press_from_text(std::string_view text);

// The draft that founders read: head bytes and the full texts of its instruments.
struct Draft {
  Bytes head_bytes;
  std::map<InstrumentKind, std::string> texts;
};
// For a genesis: epoch 0. Checks everything that decode_head checks, and the texts.
Result<Draft> make_draft(Head const& head, std::map<InstrumentKind, std::string> texts);
Bytes encode(Draft const& draft);
Result<Draft> decode_draft(BytesView bytes);
std::string to_text(Draft const& draft);               // armor "AMIC DRAFT GENESIS"
Result<Draft> draft_from_text(std::string_view text);  // texts must match their hashes
std::string spaced_hex(BytesView bytes);               // groups of eight digits, to be read aloud
std::string show(Draft const& draft);  // for people: members, order, texts, hash of the exact bytes

// The launch transcript: draft plus all presses, sorted by member. Verifies offline, by itself.
struct Transcript {
  Draft draft;
  std::vector<Press> presses;
};
// Checks every press and names each bad one: kMissingPress, kDoublePress, kForeignPress (not a
// founder), kAlteredPress (other bytes or bad signature). `where` lists all the members concerned.
// When several kinds occur together the code is the gravest (altered, foreign, double, missing) and
// `detail` names each member under its kind. The order is always that of the member ids.
Result<Transcript> launch(Draft const& draft, std::vector<Press> presses);
// The same findings one by one, sorted by code in that order, then by member; empty = launched.
struct PressFault {
  Code code = Code::kMissingPress;
  MemberId member;
  bool operator==(PressFault const&) const = default;
};
std::vector<PressFault> press_faults(Head const& head, Hash const& draft_digest,
                                     std::vector<Press> const& presses);
Bytes encode(Transcript const& transcript);
Result<Transcript> decode_transcript(BytesView bytes);  // verifies everything again
std::string to_text(Transcript const& transcript);      // armor "AMIC LAUNCH"
Result<Transcript> transcript_from_text(std::string_view text);

// What a running node holds: the head in force and what was derived from it.
struct Community {
  CommunityId id;
  Head head;
  Hash head_digest;
  std::map<InstrumentKind, std::string> texts;
};
Result<Community> community_of(Transcript const& transcript);

}  // namespace amic::consent
