// Records of meetings, and the handover of the chair.
#include <algorithm>

#include "api/consent_say.h"
#include "codec/codec.h"
#include "consent/icalendar.h"
#include "consent/rotation.h"
#include "consent/view.h"
#include "crypto/hash.h"
#include "net/problem.h"

namespace amic::api {

namespace {
using consent::Body;
using consent::Ledger;
using governance::Delegation;
using Maker = Delegation::Maker;

Result<net::Response> list_meetings(Services&, Call const&, Delegation& delegation) {
  auto const meetings = delegation.read([](Ledger const& ledger) { return ledger.meetings(); });
  json::array list;
  for (auto const& one : meetings) list.push_back(consent::meeting_json(one));
  return json_response(200, json::object{{"meetings", std::move(list)}});
}

Result<net::Response> get_meeting(Services&, Call const& call, Delegation& delegation) {
  AMIC_TRY(auto const author, parse_member(call.path.at("author"), "path.author"));
  AMIC_TRY(auto const bytes, at("path.id", codec::from_uuid(call.path.at("id"))));
  auto const id = consent::MeetingId::from(bytes);
  if (!id) return fail(Code::kMalformed, "path.id", "a UUID is wanted");
  AMIC_TRY(auto const record, at("path.id", delegation.read([&](Ledger const& ledger) {
             return ledger.meeting(author, *id);
           })));
  return json_response(200, consent::meeting_json(record));
}

Result<net::Response> get_calendar(Services&, Call const&, Delegation& delegation) {
  auto const [meetings, community] = delegation.read(
      [](Ledger const& ledger) { return std::pair(ledger.meetings(), ledger.community()); });
  AMIC_TRY(auto calendar, consent::icalendar(meetings, community));
  net::Response out;
  out.headers = {{"content-type", "text/calendar; charset=utf-8"},
                 {"content-disposition", "attachment; filename=\"meetings.ics\""},
                 {"cache-control", "no-store"}};
  out.body = std::move(calendar);
  return out;
}

// The next revision of a meeting of this member, or the first of a new one.
Result<Body> meeting_of(MeetingRequest const& request, consent::MeetingId const& fresh,
                        Ledger const& ledger) {
  auto out = request.meeting;
  out.id = request.id.value_or(fresh);
  if (request.id) {
    AMIC_TRY(auto const before, at("/id", ledger.meeting(ledger.self(), *request.id)));
    out.revision = before.meeting.revision + 1;
  }
  AMIC_TRY_VOID(consent::check_meeting(out));
  return Body(std::move(out));
}

void record_meeting(Services& services, Call call, net::Responder respond) {
  auto request = read_meeting_request(call.request.body);
  if (!request) return respond(net::problem(request.error()));
  auto const fresh = services.deps.random.fixed<consent::MeetingId>();
  auto const id = request->id.value_or(fresh);
  Maker maker = [request = std::move(*request), fresh](Ledger const& ledger) {
    return meeting_of(request, fresh, ledger);
  };
  say_and_answer(
      services, std::move(maker), 201,
      [id](json::object& out) { out["id"] = codec::to_uuid(id.view()); }, std::move(respond));
}

// ---- the chair --------------------------------------------------------------------------------

Result<net::Response> get_handover(Services&, Call const&, Delegation& delegation) {
  auto const [view, open, head] = delegation.read([](Ledger const& ledger) {
    return std::tuple(ledger.handover(), ledger.inventory(), ledger.community().head);
  });
  auto out = consent::handover_json(view);
  json::array motions;
  for (auto const& one : open.motions)
    motions.push_back({{"motion", codec::to_hex(one.motion.view())},
                       {"stage", consent::stage_name(one.stage)},
                       {"title", one.title}});
  out["open_here"] = std::move(motions);
  out["chair"] = head.chair.str();
  if (auto const next = consent::next_turn(head, {}, head.chair, {}))
    out["next"] = next->member.str();
  return json_response(200, out);
}

Result<Maker> hand_over(Services&, Call const& call) {
  constexpr std::string_view kFields[] = {"requests", "note"};
  constexpr std::string_view kRequest[] = {"id", "title"};
  constexpr std::size_t kRequestsMax = 256;
  AMIC_TRY(auto const request, read_object(call.request.body, kFields));
  AMIC_TRY(auto const note, text_or(request, "note", ""));
  AMIC_TRY(auto const rows, objects_of(request, "requests", kRequest, kRequestsMax));
  std::vector<consent::OpenRequest> requests;
  for (auto const& row : rows) {
    auto const here = "/requests/" + std::to_string(requests.size());
    consent::OpenRequest one;
    AMIC_TRY(one.title, text_of(row, "title", here));
    AMIC_TRY(one.id, digest_or_zero(row, "id", here));
    if (one.id.is_zero()) one.id = crypto::sha256(as_bytes(one.title));
    requests.push_back(std::move(one));
  }
  std::sort(requests.begin(), requests.end(),
            [](auto const& a, auto const& b) { return a.id < b.id; });
  return Maker([requests, note](Ledger const& ledger) -> Result<Body> {
    AMIC_TRY(auto out, ledger.handover_of(requests, note));
    return Body(std::move(out));
  });
}

Result<Maker> accept_handover(Services&, Call const& call) {
  constexpr std::string_view kFields[] = {"statement", "note"};
  AMIC_TRY(auto const request, read_object(call.request.body, kFields));
  AMIC_TRY(auto const shown, digest_or_zero(request, "statement"));
  AMIC_TRY(auto const note, text_or(request, "note", ""));
  return Maker([shown, note](Ledger const& ledger) -> Result<Body> {
    AMIC_TRY(auto out, ledger.accept_of(note));
    if (!shown.is_zero() && out.handover != shown)
      return fail(Code::kConflict, "/statement", "another handover than the one that was shown");
    return Body(std::move(out));
  });
}
}  // namespace

std::vector<Route> meeting_routes() {
  return {
      {"GET", "/api/v1/meetings", Access::kRead, reads(list_meetings),
       "Meetings: the latest record of each, by start"},
      {"POST", "/api/v1/meetings", Access::kAdmin, record_meeting,
       "Record a meeting, or its next revision"},
      {"GET", "/api/v1/meetings/{author}/{id}", Access::kRead, reads(get_meeting), "One meeting"},
      {"GET", "/api/v1/meetings.ics", Access::kRead, reads(get_calendar),
       "Meetings and open action items as a calendar (iCalendar)"},
      {"GET", "/api/v1/handover", Access::kRead, reads(get_handover),
       "The chair: whose it is, whose turn is next, and how far the handover is"},
      {"POST", "/api/v1/handover", Access::kAdmin, says(201, hand_over),
       "Sign the list of what is open, as the outgoing chair"},
      {"POST", "/api/v1/handover/accept", Access::kAdmin, says(201, accept_handover),
       "Sign that this very list was received, as the incoming chair"},
  };
}

}  // namespace amic::api
