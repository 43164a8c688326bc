#include "consent/icalendar.h"

#include "codec/codec.h"

namespace amic::consent {

namespace {

constexpr std::size_t kLineOctets = 75;  // RFC 5545 section 3.1, without the line end

bool continues(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

// Section 3.3.11. Texts of records have LF line ends and no other control character but TAB.
std::string escaped(std::string_view text) {
  std::string out;
  for (char const c : text) {
    if (c == '\\' || c == ';' || c == ',') out += '\\';
    if (c == '\n')
      out += "\\n";
    else
      out += c;
  }
  return out;
}

std::string utc(UnixMs ms) {  // "20241031T030000Z", section 3.3.5, form 2
  std::string out;
  for (char const c : codec::to_rfc3339(ms)) {
    if (c == '.') break;
    if (c != '-' && c != ':' && c != 'Z') out += c;
  }
  return out + "Z";
}

class Calendar {
 public:
  // A content line: folded where it is too long, never inside of a character.
  void line(std::string_view name, std::string_view value) {
    std::string rest = std::string(name) + ":" + std::string(value);
    std::size_t room = kLineOctets;
    while (rest.size() > room) {
      std::size_t cut = room;
      while (cut > 0 && continues(rest[cut])) --cut;
      out_ += rest.substr(0, cut) + "\r\n ";
      rest.erase(0, cut);
      room = kLineOctets - 1;  // the blank counts
    }
    out_ += rest + "\r\n";
  }
  void text(std::string_view name, std::string_view value) {
    if (!value.empty()) line(name, escaped(value));
  }
  std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

std::string uid_of(MeetingRecord const& record, Community const& community) {
  return codec::to_uuid(record.meeting.id.view()) + "." + record.author.str() + "@" +
         codec::to_hex(community.id.view());
}

std::string name_of(MemberId const& id, Community const& community) {
  auto const* card = community.head.member(id);
  return card == nullptr ? id.str() : card->name;
}

std::string short_hex(Hash const& hash) {
  return codec::to_hex(hash.view()).substr(0, 16);
}

std::string description(MeetingRecord const& record, Community const& community) {
  Meeting const& meeting = record.meeting;
  std::string out;
  auto const add = [&](std::string const& line) { out += (out.empty() ? "" : "\n") + line; };
  if (!meeting.body.empty()) add("Body: " + meeting.body);
  for (auto const& one : meeting.agenda) {
    add(std::to_string(one.number) + ". " + one.title);
    for (auto const& motion : one.motions) add("   motion " + short_hex(motion));
  }
  for (auto const& one : meeting.participants)
    add("Participant: " + one.name +
        (one.member.empty() ? "" : ", " + name_of(one.member, community)));
  for (auto const& motion : meeting.decisions) add("Decision: motion " + short_hex(motion));
  if (!meeting.minutes_motion.is_zero())
    add("Minutes: motion " + short_hex(meeting.minutes_motion));
  return out;
}

void event(Calendar& out, MeetingRecord const& record, Community const& community) {
  Meeting const& meeting = record.meeting;
  out.line("BEGIN", "VEVENT");
  out.line("UID", uid_of(record, community));
  out.line("DTSTAMP", utc(record.created_ms));
  out.line("SEQUENCE", std::to_string(meeting.revision));
  out.line("DTSTART", utc(meeting.start_ms));
  // DTEND must be later than DTSTART; without it the event ends when it starts (3.6.1).
  if (utc(meeting.end_ms) != utc(meeting.start_ms)) out.line("DTEND", utc(meeting.end_ms));
  out.text("SUMMARY", meeting.title);
  out.text("LOCATION", meeting.place);
  out.text("DESCRIPTION", description(record, community));
  out.line("STATUS", meeting.state == MeetingState::kCancelled ? "CANCELLED" : "CONFIRMED");
  out.line("END", "VEVENT");
}

void to_do(Calendar& out, MeetingRecord const& record, ActionItem const& action,
           Community const& community) {
  out.line("BEGIN", "VTODO");
  out.line("UID", std::to_string(action.number) + "." + uid_of(record, community));
  out.line("DTSTAMP", utc(record.created_ms));
  out.line("SEQUENCE", std::to_string(record.meeting.revision));
  if (action.due_ms != 0) out.line("DUE", utc(action.due_ms));
  out.text("SUMMARY",
           name_of(action.owner, community) + ": " + action.text.substr(0, action.text.find('\n')));
  out.text("DESCRIPTION", action.text + "\n(" + record.meeting.title + ", action item " +
                              std::to_string(action.number) + ")");
  out.line("RELATED-TO", uid_of(record, community));
  out.line("STATUS", "NEEDS-ACTION");
  out.line("END", "VTODO");
}

}  // namespace

Result<std::string> icalendar(std::span<MeetingRecord const> meetings, Community const& community) {
  if (meetings.empty())
    return fail(Code::kNotFound, "meetings", "a calendar has at least one of them");
  Calendar out;
  out.line("BEGIN", "VCALENDAR");
  out.line("VERSION", "2.0");
  out.line("PRODID", "-//AMIC//Consent 1//EN");
  out.line("CALSCALE", "GREGORIAN");
  for (auto const& record : meetings) {
    event(out, record, community);
    for (auto const& action : record.meeting.actions)
      if (action.state == ActionState::kOpen) to_do(out, record, action, community);
  }
  out.line("END", "VCALENDAR");
  return out.take();
}

}  // namespace amic::consent
