// Motions and what a member says to them. Nothing here tells another member's position, or counts
// views: the ledger has no call for it.
#include "api/consent_say.h"
#include "base/limits.h"
#include "codec/codec.h"
#include "consent/view.h"
#include "net/problem.h"

namespace amic::api {

namespace {
using consent::Body;
using consent::Ledger;
using governance::Delegation;
using Maker = Delegation::Maker;

std::string_view trust_name(consent::Trust trust) {
  switch (trust) {
    case consent::Trust::kClear:
      return "clear";
    case consent::Trust::kFrozen:
      return "frozen";
    case consent::Trust::kUnchecked:
      break;
  }
  return "unchecked";
}

Result<Hash> motion_in_path(Call const& call) {
  return parse_digest(call.path.at("id"), "path.id");
}

Error no_motion(Delegation const& delegation, Hash const& id) {
  for (auto const& chapter : delegation.history().chapters)
    if (chapter.motion == id)
      return {Code::kNotFound, "path.id",
              "decided: /api/v1/decisions/" + std::to_string(chapter.epoch)};
  return {Code::kNotFound, "path.id", "no such motion on the head in force"};
}

// ---- reading ----------------------------------------------------------------------------------

Result<net::Response> list_motions(Services&, Call const&, Delegation& delegation) {
  auto const standing = delegation.standing();
  return json_response(200, delegation.read([&](Ledger const& ledger) {
    json::array motions;
    for (auto const& id : ledger.motions())
      if (auto const view = ledger.view(id)) motions.push_back(consent::motion_summary(*view));
    json::object out;
    out["epoch"] = ledger.community().head.epoch;
    out["head"] = codec::to_hex(ledger.community().head_digest.view());
    out["round"] = ledger.round_change().round;
    out["chair"] = ledger.community().head.chair.str();
    out["trust"] = trust_name(standing.trust);
    out["motions"] = std::move(motions);
    return out;
  }));
}

// What the ledger has of one motion, taken while it is held still.
struct MotionSight {
  consent::MotionView view;
  consent::Community community;
  json::array comments;
  std::optional<json::array> outstanding, reasons;  // the chair's node alone
};

Result<MotionSight> sight_of(Ledger const& ledger, Hash const& id) {
  MotionSight out;
  AMIC_TRY(out.view, ledger.view(id));
  out.community = ledger.community();
  AMIC_TRY(auto const comments, ledger.comments(id));
  for (auto const& one : comments) out.comments.push_back(remarked_json(one));
  if (auto const missing = ledger.outstanding(id)) {
    out.outstanding.emplace();
    for (auto const& member : *missing) out.outstanding->emplace_back(member.str());
  }
  if (auto const reasons = ledger.reasons(id)) {
    out.reasons.emplace();
    for (auto const& one : *reasons) out.reasons->push_back(remarked_json(one));
  }
  return out;
}

Result<net::Response> get_motion(Services&, Call const& call, Delegation& delegation) {
  AMIC_TRY(auto const id, motion_in_path(call));
  auto sight = delegation.read([&](Ledger const& ledger) { return sight_of(ledger, id); });
  if (!sight) return fail(no_motion(delegation, id));
  AMIC_TRY(auto out, consent::motion_json(sight->view, sight->community));
  out["comment_texts"] = std::move(sight->comments);
  // Said to the chair in confidence: for those who act for it, not for every program here.
  if (call.who.may(identity::Scope::kAdmin)) {
    if (sight->outstanding) out["outstanding"] = std::move(*sight->outstanding);
    if (sight->reasons) out["reasons"] = std::move(*sight->reasons);
  }
  return json_response(200, out);
}

json::array evidence_json(std::vector<consent::Evidence> const& list) {
  json::array out;
  for (auto const& one : list) {
    auto const* why = consent::contradiction(one.first, one.second);
    out.push_back({{"member", one.first.author.str()},
                   {"epoch", one.first.epoch},
                   {"contradiction", why != nullptr ? why : ""},
                   {"first", codec::to_hex(consent::statement_digest(one.first).view())},
                   {"second", codec::to_hex(consent::statement_digest(one.second).view())},
                   {"evidence", codec::to_base64(consent::encode_body(one))}});
  }
  return out;
}

Result<net::Response> get_consent(Services& services, Call const&, Delegation& delegation) {
  auto const standing = delegation.standing();
  json::array not_answered, waiting;
  for (auto const& member : standing.not_answered) not_answered.emplace_back(member.str());
  for (auto const& said : delegation.unsigned_statements()) waiting.push_back(said_json(said));
  json::object out;
  out["member"] = services.deps.exchange.self().str();
  out["trust"] = trust_name(standing.trust);
  if (standing.trust != consent::Trust::kClear) out["reason"] = standing.trust_reason;
  out["not_answered"] = std::move(not_answered);
  if (!standing.halted.empty()) out["halted"] = standing.halted;
  out["unsigned"] = std::move(waiting);
  delegation.read([&](Ledger const& ledger) {
    out["epoch"] = ledger.community().head.epoch;
    out["head"] = codec::to_hex(ledger.community().head_digest.view());
    out["round"] = ledger.round_change().round;
    out["chair"] = ledger.community().head.chair.str();
    out["evidence"] = evidence_json(ledger.evidence());
  });
  return json_response(200, out);
}

// ---- proposing --------------------------------------------------------------------------------

void propose(Services& services, Call call, net::Responder respond) {
  auto request = read_motion_request(call.request.body);
  if (!request) return respond(net::problem(request.error()));
  auto const id = std::make_shared<Hash>();
  Maker maker = [request = std::move(*request), id,
                 now_ms = services.deps.clock.now_ms()](Ledger const& ledger) -> Result<Body> {
    AMIC_TRY(auto motion, motion_of(request, ledger, now_ms));
    *id = consent::motion_id(motion);
    return Body(std::move(motion));
  };
  say_and_answer(
      services, std::move(maker), 201,
      [id](json::object& out) { out["motion"] = codec::to_hex(id->view()); }, std::move(respond));
}

// ---- answering --------------------------------------------------------------------------------

struct Answer {
  Hash motion, next_head;
  consent::Position position = consent::Position::kAgree;
  std::string text;                       // for all: a statement, or an opened reason
  std::optional<consent::Reason> reason;  // for the chair alone; its round is set with the response
};

Result<Answer> read_answer(Services& services, Call const& call) {
  using consent::Position;
  constexpr std::string_view kFields[] = {"position", "next_head", "text", "reason", "open"};
  Answer out;
  AMIC_TRY(out.motion, motion_in_path(call));
  AMIC_TRY(auto const request, read_object(call.request.body, kFields));
  AMIC_TRY(auto const position, text_of(request, "position"));
  AMIC_TRY(out.position, at("/position", consent::parse_position(position)));
  AMIC_TRY(auto const shown, text_of(request, "next_head"));
  AMIC_TRY(out.next_head, parse_digest(shown, "/next_head"));
  AMIC_TRY(out.text, text_or(request, "text", ""));
  AMIC_TRY(auto const reason, text_or(request, "reason", ""));
  AMIC_TRY(bool const open, flag_of(request, "open"));
  if (out.text.empty() == (out.position == Position::kAgreeWithStatement))
    return fail(out.text.empty() ? Code::kMissingField : Code::kMalformed, "/text",
                "the statement that is annexed: with agree_with_statement, and only then");
  if (!reason.empty() && out.position != Position::kObject)
    return fail(Code::kMalformed, "/reason", "only of an objection");
  if (open && reason.empty()) return fail(Code::kMissingField, "/reason", "nothing to open");
  if (reason.empty()) return out;
  consent::Reason sealed;
  sealed.motion = out.motion;
  sealed.salt = services.deps.random.fixed<decltype(sealed.salt)>();
  sealed.text = reason;
  // Before the response is said: a reason that can't follow it would be lost.
  auto const form =
      consent::decode_body(consent::StatementKind::kReason, consent::encode_body(sealed));
  if (reason.size() > limits::kConsentTextBytesMax || !form)
    return fail(form ? Code::kTooLarge : form.error().code, "/reason",
                form ? "at most 16 KiB" : form.error().detail);
  if (open)
    out.text = reason;
  else
    out.reason = std::move(sealed);
  return out;
}

Result<Body> response_of(Answer& answer, Ledger const& ledger) {
  AMIC_TRY(auto const view, at("path.id", ledger.view(answer.motion)));
  if (view.next_head != answer.next_head)
    return fail(Code::kConflict, "/next_head",
                "the head computed here is " + codec::to_hex(view.next_head.view()) +
                    ": what was shown is not what would be signed");
  AMIC_TRY(auto response, ledger.response_to(answer.motion, answer.position, answer.text));
  if (answer.reason) {
    answer.reason->round = response.round;
    response.sealed_reason = consent::reason_commitment(*answer.reason);
  }
  return Body(std::move(response));
}

// The reason follows the objection that commits to it.
void say_reason(Delegation& delegation, consent::Reason const& reason,
                governance::Said const& response, net::Responder respond) {
  delegation.say(reason, [response, respond = std::move(respond)](Result<governance::Said> said) {
    json::object out;
    if (said) {
      out["reason"] = said_json(*said);
    } else {
      auto const& error = said.error();
      out["reason_error"] = json::object{
          {"code", code_name(error.code)}, {"where", error.where}, {"detail", error.detail}};
    }
    respond(said_response(response, 201, std::move(out)));
  });
}

void answer_motion(Services& services, Call call, net::Responder respond) {
  auto const delegation = delegation_of(services);
  if (!delegation) return respond(net::problem(delegation.error()));
  auto read = read_answer(services, call);
  if (!read) return respond(net::problem(read.error()));
  auto const answer = std::make_shared<Answer>(std::move(*read));
  (*delegation)
      ->say_made(
          [answer](Ledger const& ledger) { return response_of(*answer, ledger); },
          [answer, to = *delegation, respond = std::move(respond)](Result<governance::Said> said) {
            if (!said) return respond(net::problem(at_pointer(std::move(said).error())));
            if (!answer->reason) return respond(said_response(*said, 201, {}));
            say_reason(*to, *answer->reason, *said, respond);
          });
}

// ---- other words ------------------------------------------------------------------------------

Result<Maker> comment(Services&, Call const& call) {
  constexpr std::string_view kFields[] = {"place", "text"};
  consent::Comment out;
  AMIC_TRY(out.motion, motion_in_path(call));
  AMIC_TRY(auto const request, read_object(call.request.body, kFields));
  AMIC_TRY(out.place, text_of(request, "place"));
  AMIC_TRY(out.text, text_of(request, "text"));
  return Maker([out](Ledger const&) { return Result<Body>(out); });
}

Result<Maker> remark(Services&, Call const& call) {
  constexpr std::string_view kFields[] = {"to", "text"};
  consent::Remark out;
  AMIC_TRY(out.motion, motion_in_path(call));
  AMIC_TRY(auto const request, read_object(call.request.body, kFields));
  AMIC_TRY(auto const to, text_of(request, "to"));
  AMIC_TRY(out.to, parse_member(to, "/to"));
  AMIC_TRY(out.text, text_of(request, "text"));
  return Maker([out](Ledger const&) { return Result<Body>(out); });
}

Result<Maker> indicate(Services&, Call const& call) {
  constexpr std::string_view kFields[] = {"view"};
  constexpr std::pair<std::string_view, consent::View> kViews[] = {
      {"support", consent::View::kSupport},
      {"reserve", consent::View::kReserve},
      {"against", consent::View::kAgainst}};
  AMIC_TRY(auto const motion, motion_in_path(call));
  AMIC_TRY(auto const request, read_object(call.request.body, kFields));
  AMIC_TRY(auto const name, text_of(request, "view"));
  for (auto const& [known, view] : kViews)
    if (known == name)
      return Maker([motion, view = view](Ledger const&) {
        return Result<Body>(consent::Indication{motion, view});
      });
  return fail(Code::kMalformed, "/view", "support, reserve or against");
}

template <consent::ShelvingAct kAct>
Result<Maker> shelving(Services&, Call const& call) {
  constexpr std::string_view kFields[] = {"text"};
  AMIC_TRY(auto const motion, motion_in_path(call));
  AMIC_TRY(auto const request, read_object(call.request.body, kFields));
  AMIC_TRY(auto const text, text_or(request, "text", ""));
  return Maker([motion, text](Ledger const&) {
    return Result<Body>(consent::Shelving{motion, kAct, text});
  });
}

Result<Maker> declare(Services&, Call const& call) {
  AMIC_TRY(auto const motion, motion_in_path(call));
  AMIC_TRY_VOID(read_object(call.request.body, {}));
  return Maker([motion](Ledger const& ledger) -> Result<Body> {
    AMIC_TRY(auto const view, at("path.id", ledger.view(motion)));
    return Body(consent::Declaration{motion, view.next_head});
  });
}

Result<Maker> leave_round(Services&, Call const& call) {
  AMIC_TRY_VOID(read_object(call.request.body, {}));
  return Maker([](Ledger const& ledger) { return Result<Body>(ledger.round_change()); });
}

void join_accept(Services& services, Call call, net::Responder respond) {
  constexpr std::string_view kFields[] = {"accept"};
  auto const read = [&]() -> Result<consent::JoinAccept> {
    AMIC_TRY(auto const motion, motion_in_path(call));
    AMIC_TRY(auto const request, read_object(call.request.body, kFields));
    AMIC_TRY(auto const text, text_of(request, "accept"));
    AMIC_TRY(auto accept, at("/accept", consent::join_accept_from_text(text)));
    if (accept.motion != motion)
      return fail(Code::kConflict, "/accept", "it joins by another motion");
    return accept;
  }();
  if (!read) return respond(net::problem(read.error()));
  auto const delegation = delegation_of(services);
  if (!delegation) return respond(net::problem(delegation.error()));
  (*delegation)->bring(*read, [respond = std::move(respond)](Result<void> done) {
    if (!done) return respond(net::problem(done.error()));
    respond(json_response(200, json::object{{"taken", true}}));
  });
}

// ---- standing consents ------------------------------------------------------------------------

Result<net::Response> list_standing(Services&, Call const&, Delegation& delegation) {
  json::array list;
  delegation.read([&](Ledger const& ledger) {
    for (auto const& [digest, one] : ledger.standing_consents())
      list.push_back({{"statement", codec::to_hex(digest.view())},
                      {"standing_class", one.standing_class},
                      {"instrument", consent::instrument_kind_name(one.instrument)},
                      {"clause", one.clause},
                      {"position", consent::position_name(one.position)},
                      {"expires", codec::to_rfc3339(one.expires_ms)},
                      {"latest_epoch", one.latest_epoch}});
  });
  return json_response(200, json::object{{"standing", std::move(list)}});
}

constexpr std::uint64_t kStandingEpochs = 100;  // unless it is said otherwise

Result<Maker> give_standing(Services&, Call const& call) {
  constexpr std::string_view kFields[] = {"standing_class", "clause", "position", "expires",
                                          "latest_epoch"};
  AMIC_TRY(auto const request, read_object(call.request.body, kFields));
  consent::StandingConsent out;
  AMIC_TRY(out.standing_class, text_of(request, "standing_class"));
  AMIC_TRY(auto const clause, text_or(request, "clause", ""));
  AMIC_TRY(auto const position, text_or(request, "position", "no_objection"));
  AMIC_TRY(out.position, at("/position", consent::parse_position(position)));
  if (!request.contains("expires"))
    return fail(Code::kMissingField, "/expires", "until when, RFC 3339");
  AMIC_TRY(out.expires_ms, time_of(request, "expires"));
  std::optional<std::uint64_t> latest;
  if (request.contains("latest_epoch")) {
    AMIC_TRY(latest, number_of(request, "latest_epoch", INT64_MAX));
  }
  return Maker([out, clause, latest](Ledger const& ledger) mutable -> Result<Body> {
    auto const& head = ledger.community().head;
    auto const* rule = head.rules.standing_class(out.standing_class);
    if (rule == nullptr)
      return fail(Code::kNotFound, "/standing_class", "the rules in force name no such class");
    if (!clause.empty() && clause != rule->clause)
      return fail(Code::kConflict, "/clause", "the class rests on " + rule->clause);
    out.instrument = rule->instrument;
    out.clause = rule->clause;
    out.latest_epoch = latest.value_or(head.epoch + kStandingEpochs);
    return Body(out);
  });
}

Result<Maker> revoke_standing(Services&, Call const& call) {
  AMIC_TRY(auto const digest, parse_digest(call.path.at("digest"), "path.digest"));
  return Maker(
      [digest](Ledger const&) { return Result<Body>(consent::StandingRevocation{digest}); });
}

// ---- signatures made elsewhere ----------------------------------------------------------------

void take_signature(Services& services, Call call, net::Responder respond) {
  constexpr std::string_view kFields[] = {"statement", "signature"};
  struct Given {
    Hash statement;
    crypto::Signature signature;
  };
  auto const read = [&]() -> Result<Given> {
    Given out;
    AMIC_TRY(auto const request, read_object(call.request.body, kFields));
    AMIC_TRY(auto const statement, text_of(request, "statement"));
    AMIC_TRY(out.statement, parse_digest(statement, "/statement"));
    AMIC_TRY(auto const text, text_of(request, "signature"));
    auto const bytes = codec::from_hex(text);
    auto const signature = bytes ? crypto::Signature::from(*bytes) : std::nullopt;
    if (!signature) return fail(Code::kMalformed, "/signature", "128 hexadecimal digits");
    out.signature = *signature;
    return out;
  }();
  if (!read) return respond(net::problem(read.error()));
  auto const delegation = delegation_of(services);
  if (!delegation) return respond(net::problem(delegation.error()));
  (*delegation)
      ->sign(read->statement, read->signature,
             [respond = std::move(respond)](Result<governance::Said> said) {
               if (!said) return respond(net::problem(said.error()));
               respond(said_response(*said, 200, {}));
             });
}
}  // namespace

std::vector<Route> consent_routes() {
  using consent::ShelvingAct;
  return {
      {"GET", "/api/v1/motions", Access::kRead, reads(list_motions),
       "Motions on the head in force, with how many capitals have replied, never how"},
      {"POST", "/api/v1/motions", Access::kAdmin, propose, "Circulate a motion"},
      {"GET", "/api/v1/motions/{id}", Access::kRead, reads(get_motion),
       "One motion: text, article diff, effect, the head that it would make, comments"},
      {"POST", "/api/v1/motions/{id}/position", Access::kAdmin, answer_motion,
       "Give this member's position, which is final, to exactly what was shown"},
      {"POST", "/api/v1/motions/{id}/comments", Access::kShare, says(201, comment),
       "Comment on a paragraph, for all members"},
      {"POST", "/api/v1/motions/{id}/remarks", Access::kShare, says(201, remark),
       "Remark to one other member, in confidence"},
      {"POST", "/api/v1/motions/{id}/indication", Access::kAdmin, says(201, indicate),
       "How this member sees it today; binds nobody"},
      {"POST", "/api/v1/motions/{id}/shelve", Access::kAdmin,
       says(201, shelving<ShelvingAct::kShelve>), "Put a motion at rest: proposer or chair"},
      {"POST", "/api/v1/motions/{id}/withdraw", Access::kAdmin,
       says(201, shelving<ShelvingAct::kWithdraw>), "Withdraw a motion of this member"},
      {"POST", "/api/v1/motions/{id}/resume", Access::kAdmin,
       says(201, shelving<ShelvingAct::kResume>), "Take up a motion again: proposer or chair"},
      {"POST", "/api/v1/motions/{id}/declare", Access::kAdmin, says(201, declare),
       "The chair's word that consensus is reached; refused until it is"},
      {"POST", "/api/v1/motions/{id}/join-accept", Access::kAdmin, join_accept,
       "Bring the joiner's own signed word that it joins by this motion"},
      {"GET", "/api/v1/consent", Access::kRead, reads(get_consent),
       "Whether this node may sign, what waits for a signature, evidence"},
      {"POST", "/api/v1/consent/round", Access::kAdmin, says(201, leave_round),
       "Leave the round that is open; the next opens when all have left"},
      {"GET", "/api/v1/consent/standing", Access::kRead, reads(list_standing),
       "Standing consents of this member"},
      {"POST", "/api/v1/consent/standing", Access::kAdmin, says(201, give_standing),
       "Consent ahead to a class of motions that the rules name"},
      {"DELETE", "/api/v1/consent/standing/{digest}", Access::kAdmin, says(200, revoke_standing),
       "Revoke a standing consent"},
      {"POST", "/api/v1/consent/signatures", Access::kAdmin, take_signature,
       "Bring a signature that was made elsewhere over a statement that waits for it"},
  };
}

}  // namespace amic::api
