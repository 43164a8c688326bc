// What decisions may set beside members, chair and instruments: rules and annexes of the head.
// docs/formats/consent.md, "Head, version 2". Pure.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "codec/codec.h"

namespace amic::consent {

enum class InstrumentKind : std::uint8_t;

// What a motion would change. Values are part of the format.
enum class MotionKind : std::uint8_t {
  kAmend = 1,          // texts of instruments
  kAdmit = 2,          // a member
  kReplaceKeys = 3,    // of a member; that member's seat answers by its root key
  kLeave = 4,          // a member, by its own motion
  kChair = 5,          // chair, host, order of the chair
  kRules = 6,          // suites, limits, precedence times, classes of standing consent
  kParticipation = 7,  // an annex that names who takes part
  kAnnounce = 8,       // a text for the record
};
inline constexpr MotionKind kMotionKinds[] = {
    MotionKind::kAmend, MotionKind::kAdmit, MotionKind::kReplaceKeys,   MotionKind::kLeave,
    MotionKind::kChair, MotionKind::kRules, MotionKind::kParticipation, MotionKind::kAnnounce};
std::string_view motion_kind_name(MotionKind kind);  // "amend", "admit", ...; empty: none
Result<MotionKind> parse_motion_kind(std::string_view text);

// "Does not participate" is an answer here. Never for members, keys, instruments and rules.
bool may_stand_aside(MotionKind kind);
// A class of standing consent may cover this kind. Never for members, keys, instruments and rules.
bool may_be_pre_consented(MotionKind kind);

// A class of decisions that an instrument names, for which a member may sign its consent ahead.
struct StandingClass {
  std::string name;             // "meeting-dates"
  InstrumentKind instrument;    // that names it ...
  std::string clause;           // ... and where: "Article 9(2)"
  std::uint16_t wait_days = 0;  // the least time between circulation and deadline
  std::set<MotionKind> kinds;
  bool operator==(StandingClass const&) const = default;
};

enum class LimitId : std::uint8_t { kEnvelopeBytes = 1, kBodyBytes = 2, kMotionTextBytes = 3 };

struct Rules {
  std::array<std::uint32_t, kLaneCount> precedence_seconds{};  // by precedence; 0: not set
  std::map<LimitId, std::uint64_t> limits;                     // at most the product's own bounds
  std::vector<StandingClass> classes;                          // sorted by name
  bool operator==(Rules const&) const = default;
  StandingClass const* standing_class(std::string_view name) const;
};

// Flexible participation, agreed by all: who takes part in what.
struct Annex {
  std::uint32_t number = 0;
  std::string title;
  Hash text_sha256;
  std::vector<MemberId> participants;  // sorted
  bool operator==(Annex const&) const = default;
};

Result<void> check_rules(Rules const& rules, std::string_view where);
// Sorted by number; participants sorted, at least one, all of them in `roster`.
Result<void> check_annexes(std::vector<Annex> const& annexes, std::set<MemberId> const& roster);

// Canonical parts of larger structures. The readers check form only.
Bytes encode(Rules const& rules);
Rules read_rules(codec::Reader& in);
Bytes encode(std::vector<Annex> const& annexes);
std::vector<Annex> read_annexes(codec::Reader& in);
Bytes encode_members(std::vector<MemberId> const& members);
std::vector<MemberId> read_member_list(codec::Reader& in);  // at most limits::kMembersMax
MemberId read_member_id(codec::Reader& in);

}  // namespace amic::consent
