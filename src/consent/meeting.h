// Meetings: what was to be discussed, who took part, what was decided, and who does what until
// when. A record is its author's; the minutes are agreed like everything else, by a motion.
// docs/formats/consent.md, body 15. Pure.
#pragma once

#include <string>
#include <vector>

#include "consent/motion.h"

namespace amic::consent {

using MeetingId = FixedBytes<16, struct MeetingIdTag>;  // drawn once by the author; not zero

enum class MeetingState : std::uint8_t { kPlanned = 1, kHeld = 2, kCancelled = 3 };
std::string_view meeting_state_name(MeetingState state);  // "planned", "held", "cancelled"
Result<MeetingState> parse_meeting_state(std::string_view text);

struct Participant {
  MemberId member;  // empty: an observer or a guest
  std::string name;
  bool operator==(Participant const&) const = default;
};
struct AgendaItem {
  std::uint16_t number = 0;  // from 1
  std::string title;
  std::vector<Hash> motions;  // that it is about; sorted
  bool operator==(AgendaItem const&) const = default;
};
enum class ActionState : std::uint8_t { kOpen = 1, kDone = 2 };
std::string_view action_state_name(ActionState state);  // "open", "done"
Result<ActionState> parse_action_state(std::string_view text);
struct ActionItem {
  std::uint16_t number = 0;  // from 1
  std::string text;
  MemberId owner;
  UnixMs due_ms = 0;  // 0: no date
  ActionState state = ActionState::kOpen;
  bool operator==(ActionItem const&) const = default;
};

struct Meeting {
  MeetingId id;
  std::uint32_t revision = 1;  // each one states the whole and replaces the one before
  MeetingState state = MeetingState::kPlanned;
  std::string title;
  std::string body;  // the working group; empty: the whole community
  UnixMs start_ms = 0;
  UnixMs end_ms = 0;                      // not before the start
  std::string place;                      // may be empty
  std::vector<Participant> participants;  // in the order of protocol, nobody twice
  std::vector<AgendaItem> agenda;         // ascending by number
  std::vector<Hash> decisions;            // motions; sorted
  Hash minutes_sha256;                    // of the exact text; zero: no minutes yet
  Hash minutes_motion;                    // that agrees them; zero: not proposed yet
  std::vector<ActionItem> actions;        // ascending by number
  bool operator==(Meeting const&) const = default;
};

// Whether this motion, once it is certified, agrees these minutes: it is the one that the meeting
// names, of kind announce with verb adopt, and its text is the text of the minutes to the byte.
bool agrees_minutes(Meeting const& meeting, Motion const& motion);

// All of the above, and limits: kMissingField, kMalformed, kOutOfRange, kTooLarge at its field.
Result<void> check_meeting(Meeting const& meeting);
void write(codec::Writer& out, Meeting const& meeting);
Meeting read_meeting(codec::Reader& in);  // includes check_meeting; the reader says what is wrong

}  // namespace amic::consent
