#include "api/consent_requests.h"

#include <algorithm>

#include "api/context.h"
#include "base/limits.h"
#include "codec/codec.h"
#include "crypto/hash.h"

namespace amic::api {

namespace {
std::string below(std::string const& pointer, std::string_view name) {
  return pointer + "/" + json::pointer_token(name);
}
}  // namespace

Result<json::object> read_object(std::string_view body, std::span<std::string_view const> known) {
  if (body.empty()) return json::object{};
  AMIC_TRY(auto value, json::parse(body));
  if (!value.is_object()) return fail(Code::kWrongType, "", "an object is wanted");
  AMIC_TRY_VOID(check_fields(value.get_object(), known, ""));
  return std::move(value.get_object());
}

Result<std::string> text_of(json::object const& object, std::string_view name,
                            std::string const& pointer) {
  return json::get_string(object, name, pointer);
}

Result<std::string> text_or(json::object const& object, std::string_view name, std::string fallback,
                            std::string const& pointer) {
  if (!object.contains(name)) return fallback;
  return json::get_string(object, name, pointer);
}

Result<bool> flag_of(json::object const& object, std::string_view name) {
  auto const* value = object.if_contains(name);
  if (value == nullptr) return false;
  if (!value->is_bool()) return fail(Code::kWrongType, below("", name), "true or false is wanted");
  return value->get_bool();
}

Result<std::uint64_t> number_of(json::object const& object, std::string_view name,
                                std::uint64_t most, std::string const& pointer) {
  AMIC_TRY(auto const value, json::get_int(object, name, pointer));
  if (value < 0 || static_cast<std::uint64_t>(value) > most)
    return fail(Code::kOutOfRange, below(pointer, name),
                "a number from 0 to " + std::to_string(most));
  return static_cast<std::uint64_t>(value);
}

Result<UnixMs> time_of(json::object const& object, std::string_view name,
                       std::string const& pointer) {
  if (!object.contains(name)) return UnixMs{0};
  AMIC_TRY(auto const text, json::get_string(object, name, pointer));
  AMIC_TRY(auto const us, at(below(pointer, name), codec::parse_rfc3339_us(text)));
  return us / 1000;
}

Result<Hash> parse_digest(std::string_view text, std::string const& where) {
  auto const bytes = codec::from_hex(text);
  auto const out = bytes ? Hash::from(*bytes) : std::nullopt;
  if (!out) return fail(Code::kMalformed, where, "64 hexadecimal digits are wanted");
  return *out;
}

Result<Hash> digest_or_zero(json::object const& object, std::string_view name,
                            std::string const& pointer) {
  if (!object.contains(name)) return Hash{};
  AMIC_TRY(auto const text, json::get_string(object, name, pointer));
  return parse_digest(text, below(pointer, name));
}

Result<MemberId> parse_member(std::string_view text, std::string const& where) {
  return at(where, MemberId::parse(text));
}

namespace {
Result<std::vector<std::string>> texts_of(json::object const& object, std::string_view name,
                                          std::string const& pointer, std::size_t most) {
  std::vector<std::string> out;
  auto const* value = object.if_contains(name);
  if (value == nullptr) return out;
  auto const here = below(pointer, name);
  if (!value->is_array()) return fail(Code::kWrongType, here, "an array is wanted");
  if (value->get_array().size() > most)
    return fail(Code::kTooLarge, here, "at most " + std::to_string(most));
  for (auto const& one : value->get_array()) {
    if (!one.is_string())
      return fail(Code::kWrongType, here + "/" + std::to_string(out.size()), "a string is wanted");
    out.emplace_back(std::string_view(one.get_string()));
  }
  return out;
}
constexpr std::size_t kDigestsMax = 1024;
}  // namespace

Result<std::vector<Hash>> digests_of(json::object const& object, std::string_view name,
                                     std::string const& pointer) {
  AMIC_TRY(auto const texts, texts_of(object, name, pointer, kDigestsMax));
  std::vector<Hash> out;
  for (auto const& text : texts) {
    AMIC_TRY(auto const digest,
             parse_digest(text, below(pointer, name) + "/" + std::to_string(out.size())));
    out.push_back(digest);
  }
  std::sort(out.begin(), out.end());
  if (std::adjacent_find(out.begin(), out.end()) != out.end())
    return fail(Code::kConflict, below(pointer, name), "one is named twice");
  return out;
}

Result<std::vector<MemberId>> members_of(json::object const& object, std::string_view name) {
  AMIC_TRY(auto const texts, texts_of(object, name, "", limits::kMembersMax));
  std::vector<MemberId> out;
  for (auto const& text : texts) {
    AMIC_TRY(auto member, parse_member(text, below("", name) + "/" + std::to_string(out.size())));
    out.push_back(std::move(member));
  }
  return out;
}

Result<std::vector<json::object>> objects_of(json::object const& object, std::string_view name,
                                             std::span<std::string_view const> known,
                                             std::size_t most) {
  std::vector<json::object> out;
  auto const* value = object.if_contains(name);
  if (value == nullptr) return out;
  if (!value->is_array()) return fail(Code::kWrongType, below("", name), "an array is wanted");
  if (value->get_array().size() > most)
    return fail(Code::kTooLarge, below("", name), "at most " + std::to_string(most));
  for (auto const& one : value->get_array()) {
    auto const here = below("", name) + "/" + std::to_string(out.size());
    if (!one.is_object()) return fail(Code::kWrongType, here, "an object is wanted");
    AMIC_TRY_VOID(check_fields(one.get_object(), known, here));
    out.push_back(one.get_object());
  }
  return out;
}

Error at_pointer(Error error) {
  if (error.where.starts_with("/") || error.where.starts_with("consent.")) return error;
  if (auto const line = error.where.find(", line "); line != std::string::npos) {
    error.detail = error.where.substr(line + 2) + ": " + error.detail;
    error.where.resize(line);
  }
  for (std::string_view const prefix :
       {"motion.change.rules.", "motion.change.", "motion.", "meeting.", "comment.", "remark.",
        "response.", "reason.", "shelving.", "handover.", "accept.", "standing."})
    if (error.where.starts_with(prefix)) {
      std::string out = "/";
      for (char const c : error.where.substr(prefix.size()))
        if (c != ']') out += c == '.' || c == '[' ? '/' : c;
      error.where = std::move(out);
      break;
    }
  return error;
}

// ---- meetings ---------------------------------------------------------------------------------

namespace {
using consent::Meeting;

Result<void> read_people(json::object const& request, Meeting& out) {
  constexpr std::string_view kPerson[] = {"member", "name"};
  AMIC_TRY(auto const people,
           objects_of(request, "participants", kPerson, limits::kMeetingParticipantsMax));
  for (std::size_t i = 0; i < people.size(); ++i) {
    auto const here = "/participants/" + std::to_string(i);
    consent::Participant one;
    AMIC_TRY(one.name, text_of(people[i], "name", here));
    AMIC_TRY(auto const member, text_or(people[i], "member", "", here));
    if (!member.empty()) {
      AMIC_TRY(one.member, parse_member(member, here + "/member"));
    }
    out.participants.push_back(std::move(one));
  }
  return {};
}

Result<void> read_agenda(json::object const& request, Meeting& out) {
  constexpr std::string_view kItem[] = {"number", "title", "motions"};
  AMIC_TRY(auto const items, objects_of(request, "agenda", kItem, 64));
  for (std::size_t i = 0; i < items.size(); ++i) {
    auto const here = "/agenda/" + std::to_string(i);
    consent::AgendaItem one;
    one.number = static_cast<std::uint16_t>(i + 1);
    if (items[i].contains("number")) {
      AMIC_TRY(auto const number, number_of(items[i], "number", 0xFFFF, here));
      one.number = static_cast<std::uint16_t>(number);
    }
    AMIC_TRY(one.title, text_of(items[i], "title", here));
    AMIC_TRY(one.motions, digests_of(items[i], "motions", here));
    out.agenda.push_back(std::move(one));
  }
  return {};
}

Result<void> read_actions(json::object const& request, Meeting& out) {
  constexpr std::string_view kAction[] = {"number", "text", "owner", "due", "state"};
  AMIC_TRY(auto const items, objects_of(request, "actions", kAction, 128));
  for (std::size_t i = 0; i < items.size(); ++i) {
    auto const here = "/actions/" + std::to_string(i);
    consent::ActionItem one;
    one.number = static_cast<std::uint16_t>(i + 1);
    if (items[i].contains("number")) {
      AMIC_TRY(auto const number, number_of(items[i], "number", 0xFFFF, here));
      one.number = static_cast<std::uint16_t>(number);
    }
    AMIC_TRY(one.text, text_of(items[i], "text", here));
    AMIC_TRY(auto const owner, text_of(items[i], "owner", here));
    AMIC_TRY(one.owner, parse_member(owner, here + "/owner"));
    AMIC_TRY(one.due_ms, time_of(items[i], "due", here));
    AMIC_TRY(auto const state, text_or(items[i], "state", "open", here));
    AMIC_TRY(one.state, at(here + "/state", consent::parse_action_state(state)));
    out.actions.push_back(std::move(one));
  }
  return {};
}

// The text itself, or its digest.
Result<Hash> read_minutes(json::object const& request) {
  if (!request.contains("minutes")) return digest_or_zero(request, "minutes_sha256");
  if (request.contains("minutes_sha256"))
    return fail(Code::kConflict, "/minutes_sha256", "the text or its digest, not both");
  AMIC_TRY(auto const text, text_of(request, "minutes"));
  return crypto::sha256(as_bytes(text));
}
}  // namespace

Result<MeetingRequest> read_meeting_request(std::string_view body) {
  constexpr std::string_view kFields[] = {
      "id",      "state",       "title",     "body",    "start",          "end",
      "place",   "agenda",      "decisions", "minutes", "minutes_sha256", "minutes_motion",
      "actions", "participants"};
  AMIC_TRY(auto const request, read_object(body, kFields));
  MeetingRequest out;
  auto& meeting = out.meeting;
  if (request.contains("id")) {
    AMIC_TRY(auto const text, text_of(request, "id"));
    AMIC_TRY(auto const bytes, at("/id", codec::from_uuid(text)));
    out.id = consent::MeetingId::from(bytes);
  }
  AMIC_TRY(auto const state, text_or(request, "state", "planned"));
  AMIC_TRY(meeting.state, at("/state", consent::parse_meeting_state(state)));
  AMIC_TRY(meeting.title, text_of(request, "title"));
  AMIC_TRY(meeting.body, text_or(request, "body", ""));
  AMIC_TRY(meeting.place, text_or(request, "place", ""));
  for (auto const* name : {"start", "end"})
    if (!request.contains(name))
      return fail(Code::kMissingField, "/" + std::string(name), "a date and time, RFC 3339");
  AMIC_TRY(meeting.start_ms, time_of(request, "start"));
  AMIC_TRY(meeting.end_ms, time_of(request, "end"));
  AMIC_TRY_VOID(read_people(request, meeting));
  AMIC_TRY_VOID(read_agenda(request, meeting));
  AMIC_TRY_VOID(read_actions(request, meeting));
  AMIC_TRY(meeting.decisions, digests_of(request, "decisions"));
  AMIC_TRY(meeting.minutes_sha256, read_minutes(request));
  AMIC_TRY(meeting.minutes_motion, digest_or_zero(request, "minutes_motion"));
  return out;
}

}  // namespace amic::api
