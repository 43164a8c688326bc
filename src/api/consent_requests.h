// What people ask of consent, read from JSON. Every error is a JSON pointer into the request.
// Internal to src/api.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "consent/ledger.h"
#include "json/json.h"

namespace amic::api {

// An object with these members only; an empty body is an empty object.
Result<json::object> read_object(std::string_view body, std::span<std::string_view const> known);
// Members of an object: kMissingField, kWrongType and the like at pointer + "/" + name.
Result<std::string> text_of(json::object const& object, std::string_view name,
                            std::string const& pointer = {});
Result<std::string> text_or(json::object const& object, std::string_view name, std::string fallback,
                            std::string const& pointer = {});
Result<bool> flag_of(json::object const& object, std::string_view name);  // absent: false
Result<std::uint64_t> number_of(json::object const& object, std::string_view name,
                                std::uint64_t most, std::string const& pointer = {});
Result<UnixMs> time_of(json::object const& object, std::string_view name,
                       std::string const& pointer = {});                     // RFC 3339; absent: 0
Result<Hash> parse_digest(std::string_view text, std::string const& where);  // 64 hex digits
Result<Hash> digest_or_zero(json::object const& object, std::string_view name,
                            std::string const& pointer = {});
Result<std::vector<Hash>> digests_of(json::object const& object, std::string_view name,
                                     std::string const& pointer = {});  // absent: none
Result<MemberId> parse_member(std::string_view text, std::string const& where);
Result<std::vector<MemberId>> members_of(json::object const& object, std::string_view name);
// The elements of an array, each an object with these members only; absent: none.
Result<std::vector<json::object>> objects_of(json::object const& object, std::string_view name,
                                             std::span<std::string_view const> known,
                                             std::size_t most);

// An error of consent about a structure that was made from a request: "motion.change.texts[1].text,
// line 3" becomes "/texts/1/text" with the line in the detail. Refusals by rule stay as they are.
Error at_pointer(Error error);

// A motion as it is asked for. Whatever depends on the head is settled when its turn comes.
struct MotionRequest {
  consent::MotionKind kind = consent::MotionKind::kAnnounce;
  consent::Verb verb = consent::Verb::kAdopt;
  std::string title;
  UnixMs deadline_ms = 0;
  std::string standing_class;
  std::optional<Hash> supersedes;
  std::function<Result<consent::Change>(consent::Ledger const&)> change;
  std::vector<std::size_t> text_places;  // amend: where each text of the change is in the request
};
Result<MotionRequest> read_motion_request(std::string_view body);
Result<consent::Motion> motion_of(MotionRequest const& request, consent::Ledger const& ledger,
                                  UnixMs now_ms);

// A meeting whole, as GET shows it. No id: a new one, drawn by the caller. The revision is the
// next.
struct MeetingRequest {
  std::optional<consent::MeetingId> id;
  consent::Meeting meeting;
};
Result<MeetingRequest> read_meeting_request(std::string_view body);

}  // namespace amic::api
