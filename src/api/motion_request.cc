// A motion from JSON: one reader for each kind of change.
#include <algorithm>
#include <map>

#include "api/consent_requests.h"
#include "api/context.h"
#include "base/limits.h"
#include "codec/codec.h"
#include "consent/rotation.h"
#include "consent/view.h"

namespace amic::api {

namespace {
using consent::Change;
using consent::Head;
using consent::Ledger;
using consent::MotionKind;
using Making = std::function<Result<Change>(Ledger const&)>;

struct WantedText {
  consent::AmendedText text;
  std::size_t index = 0;  // in the request
};

Result<Change> amend_of(std::vector<WantedText> const& wanted, Head const& head) {
  consent::Amend out;
  for (auto one : wanted) {
    auto const now = std::find_if(head.instruments.begin(), head.instruments.end(),
                                  [&](auto const& i) { return i.kind == one.text.kind; });
    bool const is_new = now == head.instruments.end();
    one.text.version = is_new ? 1 : now->version + 1;
    if (one.text.title.empty() && is_new)
      return fail(Code::kMissingField, "/texts/" + std::to_string(one.index) + "/title",
                  "there is no such instrument yet");
    if (one.text.title.empty()) one.text.title = now->title;
    out.texts.push_back(std::move(one.text));
  }
  return Change(std::move(out));
}

Result<Making> read_amend(json::object const& request) {
  constexpr std::string_view kText[] = {"instrument", "title", "text", "effective"};
  AMIC_TRY(auto const rows, objects_of(request, "texts", kText, 3));
  if (rows.empty()) return fail(Code::kMissingField, "/texts", "one to three texts");
  std::vector<WantedText> out;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto const here = "/texts/" + std::to_string(i);
    WantedText one;
    one.index = i;
    AMIC_TRY(auto const kind, text_of(rows[i], "instrument", here));
    AMIC_TRY(one.text.kind, at(here + "/instrument", consent::parse_instrument_kind(kind)));
    for (auto const& other : out)
      if (other.text.kind == one.text.kind)
        return fail(Code::kConflict, here + "/instrument", "it is there already");
    AMIC_TRY(one.text.title, text_or(rows[i], "title", "", here));
    AMIC_TRY(one.text.text, text_of(rows[i], "text", here));
    AMIC_TRY(one.text.effective_ms, time_of(rows[i], "effective", here));
    out.push_back(std::move(one));
  }
  std::sort(out.begin(), out.end(),
            [](auto const& a, auto const& b) { return a.text.kind < b.text.kind; });
  return Making([out = std::move(out)](Ledger const& ledger) -> Result<Change> {
    return amend_of(out, ledger.community().head);
  });
}

// A motion has its texts in the order of their kinds.
std::vector<std::size_t> text_places(json::object const& request) {
  std::map<consent::InstrumentKind, std::size_t> places;
  auto const* texts = request.if_contains("texts");
  if (texts == nullptr || !texts->is_array()) return {};
  for (auto const& one : texts->get_array())
    if (auto const kind = consent::parse_instrument_kind(
            std::string_view(one.as_object().at("instrument").as_string())))
      places.emplace(*kind, places.size());
  std::vector<std::size_t> out;
  for (auto const& [kind, place] : places) out.push_back(place);
  return out;
}

// Where a new member stands in the order of the chair: by English name while all do, else last.
std::uint8_t chair_place(Head head, consent::Card const& card) {
  auto const last = static_cast<std::uint8_t>(head.chair_order.size());
  if (consent::alphabetical(head, head.chair_order) != head.chair_order) return last;
  auto members = head.chair_order;
  members.push_back(card.member);
  head.members.push_back(card);
  std::sort(head.members.begin(), head.members.end(),
            [](auto const& a, auto const& b) { return a.member < b.member; });
  auto const order = consent::alphabetical(head, std::move(members));
  return static_cast<std::uint8_t>(std::find(order.begin(), order.end(), card.member) -
                                   order.begin());
}

Result<consent::Card> read_card(json::object const& request) {
  AMIC_TRY(auto const text, text_of(request, "card"));
  auto card = consent::card_from_text(text);
  if (!card) return fail(card.error().code, "/card", card.error().text());
  return card;
}

Result<Making> read_admit(json::object const& request) {
  AMIC_TRY(auto const card, read_card(request));
  std::optional<std::uint8_t> position;
  if (request.contains("chair_position")) {
    AMIC_TRY(auto const number, number_of(request, "chair_position", limits::kMembersMax));
    position = static_cast<std::uint8_t>(number);
  }
  return Making([card, position](Ledger const& ledger) -> Result<Change> {
    auto const& head = ledger.community().head;
    return Change(consent::Admit{card, position ? *position : chair_place(head, card)});
  });
}

Result<Making> read_replace_keys(json::object const& request) {
  AMIC_TRY(auto const card, read_card(request));
  return Making(
      [card](Ledger const&) -> Result<Change> { return Change(consent::ReplaceKeys{card}); });
}

Result<Making> read_leave(json::object const&) {
  return Making(
      [](Ledger const& ledger) -> Result<Change> { return Change(consent::Leave{ledger.self()}); });
}

struct WantedChair {
  std::optional<MemberId> chair, host;
  std::vector<MemberId> order;
  std::set<MemberId> skip;
  bool next = false;
};

Result<Change> chair_of(WantedChair const& wanted, Head const& head) {
  consent::Chair out{head.chair, wanted.host.value_or(head.host), head.chair_order};
  if (!wanted.order.empty()) out.order = wanted.order;
  if (wanted.chair) out.chair = *wanted.chair;
  if (wanted.next) {
    AMIC_TRY(auto const next, consent::next_chair(head, wanted.skip, out.host));
    out.chair = next.chair;
  }
  return Change(std::move(out));
}

Result<Making> read_chair(json::object const& request) {
  WantedChair out;
  AMIC_TRY(out.next, flag_of(request, "next"));
  for (auto const& [name, to] : {std::pair{"chair", &out.chair}, std::pair{"host", &out.host}}) {
    if (!request.contains(name)) continue;
    AMIC_TRY(auto const text, text_of(request, name));
    *to = MemberId{};  // an empty host: nobody
    if (text.empty() && to == &out.host) continue;
    AMIC_TRY(*to, parse_member(text, "/" + std::string(name)));
  }
  AMIC_TRY(out.order, members_of(request, "order"));
  AMIC_TRY(auto const skip, members_of(request, "skip"));
  out.skip.insert(skip.begin(), skip.end());
  if (out.next && out.chair) return fail(Code::kConflict, "/next", "the next, or one by name");
  if (!out.skip.empty() && !out.next) return fail(Code::kConflict, "/skip", "with next alone");
  if (!out.next && !out.chair && !out.host && out.order.empty())
    return fail(Code::kMissingField, "/chair", "chair, next, host or order");
  return Making([out = std::move(out)](Ledger const& ledger) -> Result<Change> {
    return chair_of(out, ledger.community().head);
  });
}

struct WantedRules {
  std::optional<std::vector<std::uint16_t>> suites;
  std::map<std::size_t, std::uint32_t> seconds;  // by lane
  std::map<consent::LimitId, std::uint64_t> limits;
  std::optional<std::vector<consent::StandingClass>> classes;
};

Result<json::object> read_part(json::object const& request, std::string_view name) {
  auto const* value = request.if_contains(name);
  if (value == nullptr) return json::object{};
  if (!value->is_object())
    return fail(Code::kWrongType, "/" + std::string(name), "an object is wanted");
  return value->get_object();
}

Result<void> read_suites(json::object const& request, WantedRules& out) {
  auto const* value = request.if_contains("suites");
  if (value == nullptr) return {};
  if (!value->is_array()) return fail(Code::kWrongType, "/suites", "an array is wanted");
  std::set<std::uint16_t> suites;
  for (auto const& one : value->get_array()) {
    if (!one.is_int64() || one.get_int64() < 1 || one.get_int64() > 0xFFFF)
      return fail(Code::kOutOfRange, "/suites/" + std::to_string(suites.size()),
                  "the number of a suite");
    suites.insert(static_cast<std::uint16_t>(one.get_int64()));
  }
  out.suites.emplace(suites.begin(), suites.end());
  return {};
}

Result<void> read_seconds(json::object const& request, WantedRules& out) {
  AMIC_TRY(auto const seconds, read_part(request, "precedence_seconds"));
  for (auto const& field : seconds) {
    std::string_view const name{field.key().data(), field.key().size()};
    auto const here = "/precedence_seconds/" + json::pointer_token(name);
    AMIC_TRY(auto const precedence, at(here, parse_precedence(name)));
    AMIC_TRY(auto const number, number_of(seconds, name, UINT32_MAX, "/precedence_seconds"));
    out.seconds[static_cast<std::size_t>(precedence)] = static_cast<std::uint32_t>(number);
  }
  return {};
}

Result<void> read_limits(json::object const& request, WantedRules& out) {
  using consent::LimitId;
  AMIC_TRY(auto const bounds, read_part(request, "limits"));
  for (auto const& field : bounds) {
    std::string_view const name{field.key().data(), field.key().size()};
    std::optional<LimitId> found;
    for (auto const id : {LimitId::kEnvelopeBytes, LimitId::kBodyBytes, LimitId::kMotionTextBytes})
      if (consent::limit_name(id) == name) found = id;
    if (!found)
      return fail(Code::kUnknownField, "/limits/" + json::pointer_token(name), "not a limit");
    AMIC_TRY(out.limits[*found], number_of(bounds, name, INT64_MAX, "/limits"));
  }
  return {};
}

Result<void> read_classes(json::object const& request, WantedRules& out) {
  if (!request.contains("classes")) return {};
  constexpr std::string_view kClass[] = {"name", "instrument", "clause", "wait_days", "kinds"};
  AMIC_TRY(auto const rows, objects_of(request, "classes", kClass, limits::kStandingClassesMax));
  out.classes.emplace();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    auto const here = "/classes/" + std::to_string(i);
    consent::StandingClass one;
    AMIC_TRY(one.name, text_of(rows[i], "name", here));
    AMIC_TRY(auto const instrument, text_of(rows[i], "instrument", here));
    AMIC_TRY(one.instrument, at(here + "/instrument", consent::parse_instrument_kind(instrument)));
    AMIC_TRY(one.clause, text_of(rows[i], "clause", here));
    AMIC_TRY(auto const days, number_of(rows[i], "wait_days", 0xFFFF, here));
    one.wait_days = static_cast<std::uint16_t>(days);
    auto const* kinds = rows[i].if_contains("kinds");
    if (kinds == nullptr || !kinds->is_array())
      return fail(Code::kWrongType, here + "/kinds", "an array of kinds of motions is wanted");
    for (auto const& kind : kinds->get_array()) {
      if (!kind.is_string()) return fail(Code::kWrongType, here + "/kinds", "strings are wanted");
      AMIC_TRY(
          auto const value,
          at(here + "/kinds", consent::parse_motion_kind(std::string_view(kind.get_string()))));
      one.kinds.insert(value);
    }
    out.classes->push_back(std::move(one));
  }
  std::sort(out.classes->begin(), out.classes->end(),
            [](auto const& a, auto const& b) { return a.name < b.name; });
  return {};
}

Result<Making> read_rules(json::object const& request) {
  WantedRules out;
  AMIC_TRY_VOID(read_suites(request, out));
  AMIC_TRY_VOID(read_seconds(request, out));
  AMIC_TRY_VOID(read_limits(request, out));
  AMIC_TRY_VOID(read_classes(request, out));
  if (!out.suites && out.seconds.empty() && out.limits.empty() && !out.classes)
    return fail(Code::kMissingField, "/suites", "suites, precedence_seconds, limits or classes");
  return Making([out = std::move(out)](Ledger const& ledger) -> Result<Change> {
    auto const& head = ledger.community().head;
    consent::NewRules rules{out.suites.value_or(head.suites), head.rules};
    for (auto const& [lane, seconds] : out.seconds) rules.rules.precedence_seconds[lane] = seconds;
    for (auto const& [id, value] : out.limits) rules.rules.limits[id] = value;
    if (out.classes) rules.rules.classes = *out.classes;
    return Change(std::move(rules));
  });
}

Result<Making> read_participation(json::object const& request) {
  consent::Participation out;
  if (request.contains("number")) {
    AMIC_TRY(auto const number, number_of(request, "number", UINT32_MAX));
    out.number = static_cast<std::uint32_t>(number);
  }
  AMIC_TRY(out.title, text_or(request, "annex_title", ""));
  AMIC_TRY(out.text, text_of(request, "text"));
  if (!request.contains("participants"))
    return fail(Code::kMissingField, "/participants", "who takes part");
  AMIC_TRY(out.participants, members_of(request, "participants"));
  std::sort(out.participants.begin(), out.participants.end());
  return Making([out = std::move(out)](Ledger const& ledger) -> Result<Change> {
    auto const& annexes = ledger.community().head.annexes;
    auto change = out;
    if (change.number == 0) change.number = annexes.empty() ? 1 : annexes.back().number + 1;
    return Change(std::move(change));
  });
}

Result<Making> read_announce(json::object const& request) {
  AMIC_TRY(auto const text, text_of(request, "text"));
  return Making(
      [text](Ledger const&) -> Result<Change> { return Change(consent::Announce{text}); });
}

// "/texts/<n>/..." of the motion as that of the request.
Error in_request(Error error, std::vector<std::size_t> const& places) {
  constexpr std::string_view kTexts = "/texts/";
  if (!error.where.starts_with(kTexts) || error.where.size() == kTexts.size()) return error;
  auto const n = static_cast<std::size_t>(error.where[kTexts.size()] - '0');
  if (n < places.size()) error.where[kTexts.size()] = static_cast<char>('0' + places[n]);
  return error;
}

struct Reader {
  MotionKind kind;
  std::vector<std::string_view> fields;  // beside those of every motion
  Result<Making> (*read)(json::object const&);
};
std::vector<Reader> const& readers() {
  static std::vector<Reader> const all{
      {MotionKind::kAmend, {"texts"}, read_amend},
      {MotionKind::kAdmit, {"card", "chair_position"}, read_admit},
      {MotionKind::kReplaceKeys, {"card"}, read_replace_keys},
      {MotionKind::kLeave, {}, read_leave},
      {MotionKind::kChair, {"chair", "host", "order", "next", "skip"}, read_chair},
      {MotionKind::kRules, {"suites", "precedence_seconds", "limits", "classes"}, read_rules},
      {MotionKind::kParticipation,
       {"number", "annex_title", "participants", "text"},
       read_participation},
      {MotionKind::kAnnounce, {"text"}, read_announce},
  };
  return all;
}
}  // namespace

Result<MotionRequest> read_motion_request(std::string_view body) {
  AMIC_TRY(auto const value, json::parse(body, {.bytes_max = 2 * limits::kMotionBytesMax}));
  if (!value.is_object()) return fail(Code::kWrongType, "", "an object is wanted");
  auto const& request = value.get_object();
  MotionRequest out;
  AMIC_TRY(auto const kind, text_of(request, "kind"));
  AMIC_TRY(out.kind, at("/kind", consent::parse_motion_kind(kind)));
  auto const reader = std::find_if(readers().begin(), readers().end(),
                                   [&](Reader const& one) { return one.kind == out.kind; });
  if (reader == readers().end()) return fail(Code::kUnsupported, "/kind", "not a kind of motion");
  std::vector<std::string_view> known{"kind",     "title",          "verb",
                                      "deadline", "standing_class", "supersedes"};
  known.insert(known.end(), reader->fields.begin(), reader->fields.end());
  AMIC_TRY_VOID(check_fields(request, known, ""));
  AMIC_TRY(out.title, text_of(request, "title"));
  AMIC_TRY(auto const verb, text_or(request, "verb", "adopt"));
  AMIC_TRY(out.verb, at("/verb", consent::parse_verb(verb)));
  AMIC_TRY(out.deadline_ms, time_of(request, "deadline"));
  AMIC_TRY(out.standing_class, text_or(request, "standing_class", ""));
  if (request.contains("supersedes")) {
    AMIC_TRY(out.supersedes, digest_or_zero(request, "supersedes"));
  }
  AMIC_TRY(out.change, reader->read(request));
  out.text_places = text_places(request);
  return out;
}

Result<consent::Motion> motion_of(MotionRequest const& request, Ledger const& ledger,
                                  UnixMs now_ms) {
  auto const& community = ledger.community();
  consent::Motion out;
  out.head = community.head_digest;
  out.proposer = ledger.self();
  out.verb = request.verb;
  out.title = request.title;
  out.round = ledger.round_change().round;
  out.proposed_ms = now_ms;
  out.deadline_ms = request.deadline_ms;
  out.standing_class = request.standing_class;
  for (auto const& card : community.head.members) out.entitled.push_back(card.member);
  if (request.supersedes) {
    AMIC_TRY(auto const before, at("/supersedes", ledger.view(*request.supersedes)));
    out.supersedes = before.id;
    out.revision = before.motion.revision + 1;
    out.proposer = before.motion.proposer;
  }
  AMIC_TRY(out.change, request.change(ledger));
  // An annex has the motion's title unless it has one of its own.
  if (auto* annex = std::get_if<consent::Participation>(&out.change);
      annex != nullptr && annex->title.empty())
    annex->title = out.title;
  if (auto const form = consent::check_motion(out); !form)
    return fail(in_request(at_pointer(form.error()), request.text_places));
  return out;
}

}  // namespace amic::api
