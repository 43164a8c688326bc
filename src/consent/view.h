// What people see before they sign, and JSON of all that consent keeps. Of an open motion it never
// has the position of another member, nor a count of views. docs/api.md. Pure.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "consent/instrument.h"
#include "consent/ledger.h"
#include "json/json.h"

namespace amic::consent {

enum class EffectKind : std::uint8_t {
  kMemberAdmitted = 1,    // member; to: fingerprint of its card
  kMemberLeaves,          // member
  kKeysReplaced,          // member; what: role; from, to: keys in hex; one for each key
  kNameChanged,           // member; from, to
  kAddressChanged,        // member; from, to
  kChairChanged,          // member: the new chair; from, to: ids
  kHostChanged,           // member: the new host; from, to: ids; empty: nobody
  kOrderChanged,          // from, to: ids, separated by a blank
  kInstrumentAmended,     // what: TOR, SOP, CONCEPT; from, to: versions; from empty: a new one
  kSuiteAdded,            // what: number
  kSuiteRemoved,          // what: number
  kLimitChanged,          // what: limit_name; from, to: bytes
  kPrecedenceChanged,     // what: FLASH ...; from, to: seconds; empty: not set
  kStandingClassAdded,    // what: name; to: "TOR, Article 9"
  kStandingClassRemoved,  // what: name; from
  kStandingClassChanged,  // what: name; from, to
  kAnnexAdded,            // what: number; to: participants
  kAnnexEnded,            // what: number; from: participants
  kAnnexChanged,          // what: number; from, to: participants
  kRecorded,              // a text is recorded and nothing else changes
};
std::string_view effect_kind_name(EffectKind kind);  // "member_admitted", ...
std::string_view limit_name(LimitId id);             // "envelope_bytes", "body_bytes", ...

struct EffectEntry {
  EffectKind kind = EffectKind::kRecorded;
  MemberId member;
  std::string what, from, to;
  std::string sentence;  // the same for people
  bool operator==(EffectEntry const&) const = default;
};
struct AmendmentDiff {
  InstrumentKind kind = InstrumentKind::kTor;
  std::uint32_t from_version = 0;  // 0: there is none in force
  std::uint32_t to_version = 1;
  UnixMs effective_ms = 0;  // 0: from the decision on
  std::vector<ArticleDiff> articles;
};
struct Effect {
  std::vector<EffectEntry> entries;
  std::vector<AmendmentDiff> diffs;
};
// Who may do what afterwards: the difference between the head in force and the one that apply()
// makes of it, so that nothing can change unseen. Errors are those of apply().
Result<Effect> effect_of(Community const& now, Motion const& motion);
std::vector<EffectEntry> effect_between(Head const& before, Head const& after);

// ---- JSON: names as in docs/api.md; digests and keys in hex, times as RFC 3339
// --------------------
json::object motion_summary(MotionView const& view);
// Summary, the whole text, effect and article diffs.
Result<json::object> motion_json(MotionView const& view, Community const& now);
json::object effect_json(Effect const& effect);
json::object head_json(Head const& head);
json::array history_json(std::span<Chapter const> chapters);
json::array record_of_changes_json(std::span<InstrumentVersion const> versions);
// With what all members said: the decision is certified. `head` is the one that it follows.
// kMalformed if the decision does not decode; it is not verified here.
Result<json::object> decision_json(Decision const& decision, Head const& head);
json::object meeting_json(MeetingRecord const& record);
json::object handover_json(HandoverView const& view);

}  // namespace amic::consent
