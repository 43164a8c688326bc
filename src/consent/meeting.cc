#include "consent/meeting.h"

#include <set>

#include "consent/body_fields.h"
#include "crypto/hash.h"

namespace amic::consent {

namespace {

constexpr std::string_view kStates[] = {"planned", "held", "cancelled"};
constexpr std::string_view kActionStates[] = {"open", "done"};
constexpr std::size_t kAgendaMotionsMax = 1024;  // of all items together

template <std::size_t N>
std::string_view name_in(std::string_view const (&names)[N], unsigned value) {
  return value >= 1 && value <= N ? names[value - 1] : std::string_view{};
}

template <class Enum, std::size_t N>
Result<Enum> parse_in(std::string_view const (&names)[N], std::string_view text,
                      std::string const& where) {
  for (std::size_t i = 0; i < N; ++i)
    if (names[i] == text) return static_cast<Enum>(i + 1);
  return fail(Code::kMalformed, where, "not a state");
}

std::string at(std::string_view list, std::size_t index) {
  return "meeting." + std::string(list) + "[" + std::to_string(index) + "]";
}

Result<void> check_participants(Meeting const& meeting) {
  if (meeting.participants.size() > limits::kMeetingParticipantsMax)
    return fail(Code::kTooLarge, "meeting.participants", "at most 256");
  std::set<std::pair<MemberId, std::string>> seen;
  for (std::size_t i = 0; i < meeting.participants.size(); ++i) {
    auto const& one = meeting.participants[i];
    AMIC_TRY_VOID(check_name(one.name, at("participants", i) + ".name"));
    if (!seen.emplace(one.member, one.name).second)
      return fail(Code::kMalformed, at("participants", i), "named twice");
  }
  return {};
}

Result<void> check_agenda(Meeting const& meeting) {
  if (meeting.agenda.size() > limits::kAgendaItemsMax)
    return fail(Code::kTooLarge, "meeting.agenda", "at most 64 items");
  std::size_t motions = 0;
  std::uint16_t before = 0;
  for (std::size_t i = 0; i < meeting.agenda.size(); ++i) {
    auto const& one = meeting.agenda[i];
    if (one.number <= before)
      return fail(Code::kMalformed, at("agenda", i) + ".number", "ascending, from 1");
    before = one.number;
    AMIC_TRY_VOID(check_name(one.title, at("agenda", i) + ".title"));
    AMIC_TRY_VOID(
        check_hashes(one.motions, limits::kLinkedMotionsMax, at("agenda", i) + ".motions"));
    motions += one.motions.size();
  }
  if (motions > kAgendaMotionsMax)
    return fail(Code::kTooLarge, "meeting.agenda", "at most 1024 motions in all");
  return {};
}

Result<void> check_actions(Meeting const& meeting) {
  if (meeting.actions.size() > limits::kActionItemsMax)
    return fail(Code::kTooLarge, "meeting.actions", "at most 128");
  std::uint16_t before = 0;
  for (std::size_t i = 0; i < meeting.actions.size(); ++i) {
    auto const& one = meeting.actions[i];
    if (one.number <= before)
      return fail(Code::kMalformed, at("actions", i) + ".number", "ascending, from 1");
    before = one.number;
    AMIC_TRY_VOID(check_text(one.text, true, at("actions", i) + ".text"));
    if (one.owner.empty())
      return fail(Code::kMissingField, at("actions", i) + ".owner", "somebody does it");
    if (!is_time(one.due_ms))
      return fail(Code::kOutOfRange, at("actions", i) + ".due", "between the years 1970 and 9999");
    if (action_state_name(one.state).empty())
      return fail(Code::kUnsupported, at("actions", i) + ".state", "open or done");
  }
  return {};
}

Result<void> check_minutes(Meeting const& meeting) {
  if (meeting.minutes_sha256.is_zero() && !meeting.minutes_motion.is_zero())
    return fail(Code::kMissingField, "meeting.minutes_sha256", "a motion agrees a text");
  return check_hashes(meeting.decisions, limits::kLinkedMotionsMax, "meeting.decisions");
}

void write_hashes(codec::Writer& out, std::vector<Hash> const& hashes) {
  codec::Writer list;
  for (auto const& hash : hashes) list.raw(hash.view());
  out.vec16(list.bytes());
}

std::vector<Hash> read_hashes(codec::Reader& in, char const* what) {
  return read_list<Hash>(in, in.vec16(limits::kLinkedMotionsMax * Hash::kSize),
                         limits::kLinkedMotionsMax, what,
                         [](codec::Reader& list) { return list.fixed<Hash>(); });
}

MemberId read_optional_member(codec::Reader& in) {
  std::string const text = in.str8(16);
  if (text.empty()) return {};
  auto const id = MemberId::parse(text);
  if (id) return *id;
  in.reject(id.error().code, id.error().detail);
  return {};
}

Participant read_participant(codec::Reader& in) {
  Participant out;
  out.member = read_optional_member(in);
  out.name = in.str8(limits::kNameBytesMax);
  return out;
}

AgendaItem read_item(codec::Reader& in) {
  AgendaItem out;
  out.number = in.u16();
  out.title = in.str8(limits::kNameBytesMax);
  out.motions = read_hashes(in, "motions");
  return out;
}

ActionItem read_action(codec::Reader& in) {
  ActionItem out;
  out.number = in.u16();
  out.text = in.str16(limits::kConsentTextBytesMax);
  out.owner = read_member_id(in);
  out.due_ms = in.i64();
  out.state = read_enum<ActionState>(in, 2, "not a state of this version");
  return out;
}

}  // namespace

std::string_view meeting_state_name(MeetingState state) {
  return name_in(kStates, static_cast<unsigned>(state));
}
Result<MeetingState> parse_meeting_state(std::string_view text) {
  return parse_in<MeetingState>(kStates, text, "meeting.state");
}
std::string_view action_state_name(ActionState state) {
  return name_in(kActionStates, static_cast<unsigned>(state));
}
Result<ActionState> parse_action_state(std::string_view text) {
  return parse_in<ActionState>(kActionStates, text, "meeting.actions.state");
}

bool agrees_minutes(Meeting const& meeting, Motion const& motion) {
  auto const* text = std::get_if<Announce>(&motion.change);
  return text != nullptr && motion.verb == Verb::kAdopt && !meeting.minutes_motion.is_zero() &&
         meeting.minutes_motion == motion_id(motion) &&
         meeting.minutes_sha256 == crypto::sha256(as_bytes(text->text));
}

Result<void> check_meeting(Meeting const& meeting) {
  if (meeting.id.is_zero()) return fail(Code::kMissingField, "meeting.id", "zero");
  if (meeting.revision == 0) return fail(Code::kOutOfRange, "meeting.revision", "from 1");
  if (meeting_state_name(meeting.state).empty())
    return fail(Code::kUnsupported, "meeting.state", "planned, held or cancelled");
  AMIC_TRY_VOID(check_name(meeting.title, "meeting.title"));
  if (!meeting.body.empty()) AMIC_TRY_VOID(check_name(meeting.body, "meeting.body"));
  if (!meeting.place.empty()) AMIC_TRY_VOID(check_name(meeting.place, "meeting.place"));
  if (!is_time(meeting.start_ms) || !is_time(meeting.end_ms))
    return fail(Code::kOutOfRange, "meeting.start", "between the years 1970 and 9999");
  if (meeting.end_ms < meeting.start_ms)
    return fail(Code::kOutOfRange, "meeting.end", "before the start");
  AMIC_TRY_VOID(check_participants(meeting));
  AMIC_TRY_VOID(check_agenda(meeting));
  AMIC_TRY_VOID(check_minutes(meeting));
  AMIC_TRY_VOID(check_actions(meeting));
  codec::Writer size;
  write(size, meeting);
  if (size.bytes().size() > limits::kMeetingBytesMax)
    return fail(Code::kTooLarge, "meeting", "more than 65536 bytes");
  return {};
}

void write(codec::Writer& out, Meeting const& meeting) {
  codec::Writer participants, agenda, actions;
  for (auto const& one : meeting.participants) participants.str8(one.member.str()).str8(one.name);
  for (auto const& one : meeting.agenda) {
    agenda.u16(one.number).str8(one.title);
    write_hashes(agenda, one.motions);
  }
  for (auto const& one : meeting.actions)
    actions.u16(one.number)
        .str16(one.text)
        .str8(one.owner.str())
        .i64(one.due_ms)
        .u8(static_cast<std::uint8_t>(one.state));
  out.raw(meeting.id.view())
      .u32(meeting.revision)
      .u8(static_cast<std::uint8_t>(meeting.state))
      .str8(meeting.title)
      .str8(meeting.body)
      .i64(meeting.start_ms)
      .i64(meeting.end_ms)
      .str8(meeting.place)
      .vec16(participants.bytes())
      .vec16(agenda.bytes());
  write_hashes(out, meeting.decisions);
  out.raw(meeting.minutes_sha256.view()).raw(meeting.minutes_motion.view()).vec32(actions.bytes());
}

Meeting read_meeting(codec::Reader& in) {
  Meeting out;
  out.id = in.fixed<MeetingId>();
  out.revision = in.u32();
  out.state = read_enum<MeetingState>(in, 3, "not a state of this version");
  out.title = in.str8(limits::kNameBytesMax);
  out.body = in.str8(limits::kNameBytesMax);
  out.start_ms = in.i64();
  out.end_ms = in.i64();
  out.place = in.str8(limits::kNameBytesMax);
  out.participants = read_list<Participant>(
      in, in.vec16(UINT16_MAX), limits::kMeetingParticipantsMax, "participants", read_participant);
  out.agenda = read_list<AgendaItem>(in, in.vec16(UINT16_MAX), limits::kAgendaItemsMax,
                                     "agenda items", read_item);
  out.decisions = read_hashes(in, "decisions");
  out.minutes_sha256 = in.fixed<Hash>();
  out.minutes_motion = in.fixed<Hash>();
  out.actions = read_list<ActionItem>(in, in.vec32(limits::kMeetingBytesMax),
                                      limits::kActionItemsMax, "action items", read_action);
  if (!in.ok()) return out;
  if (auto const fine = check_meeting(out); !fine)
    in.reject(fine.error().code, fine.error().where + ": " + fine.error().detail);
  return out;
}

}  // namespace amic::consent
