#include "consent/motion.h"

#include <algorithm>

#include "base/limits.h"
#include "codec/codec.h"
#include "consent/text_rules.h"
#include "crypto/hash.h"

namespace amic::consent {

namespace {

constexpr std::string_view kFormat = "amic/motion/v1";
constexpr std::string_view kVerbs[] = {"note", "acknowledge", "endorse", "adopt", "approve"};

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;

void write_member(codec::Writer& out, MemberId const& id) {
  out.str8(id.str());
}

MemberId read_optional_member(codec::Reader& in) {
  std::string const text = in.str8(16);
  if (text.empty()) return {};
  auto const id = MemberId::parse(text);
  if (id) return *id;
  in.reject(id.error().code, id.error().detail);
  return {};
}

Bytes encode_change(Change const& change) {
  codec::Writer out;
  std::visit(Overloaded{
                 [&](Amend const& c) {
                   for (auto const& one : c.texts)
                     out.u8(static_cast<std::uint8_t>(one.kind))
                         .u32(one.version)
                         .str8(one.title)
                         .i64(one.effective_ms)
                         .vec32(as_bytes(one.text));
                 },
                 [&](Admit const& c) { out.vec16(encode(c.card)).u8(c.chair_position); },
                 [&](ReplaceKeys const& c) { out.vec16(encode(c.card)); },
                 [&](Leave const& c) { write_member(out, c.member); },
                 [&](Chair const& c) {
                   write_member(out, c.chair);
                   write_member(out, c.host);
                   out.vec16(encode_members(c.order));
                 },
                 [&](NewRules const& c) {
                   codec::Writer suites;
                   for (auto const suite : c.suites) suites.u16(suite);
                   out.vec8(suites.bytes()).raw(encode(c.rules));
                 },
                 [&](Participation const& c) {
                   out.u32(c.number)
                       .str8(c.title)
                       .vec16(encode_members(c.participants))
                       .vec32(as_bytes(c.text));
                 },
                 [&](Announce const& c) { out.vec32(as_bytes(c.text)); },
             },
             change);
  return out.take();
}

std::string read_document(codec::Reader& in) {
  return std::string{as_text(in.vec32(limits::kInstrumentTextBytesMax))};
}

Amend read_amend(codec::Reader& in) {
  Amend out;
  while (in.ok() && in.left() > 0 && out.texts.size() < 3) {
    AmendedText one;
    one.kind = static_cast<InstrumentKind>(in.u8());
    one.version = in.u32();
    one.title = in.str8(limits::kNameBytesMax);
    one.effective_ms = in.i64();
    one.text = read_document(in);
    out.texts.push_back(std::move(one));
  }
  return out;
}

NewRules read_new_rules(codec::Reader& in) {
  NewRules out;
  codec::Reader list(in.vec8(32), "motion.suites");
  while (list.ok() && list.left() > 0) out.suites.push_back(list.u16());
  if (!list.ok()) in.reject(Code::kMalformed, "suites: an odd number of bytes");
  out.rules = read_rules(in);
  return out;
}

Result<Card> read_card(codec::Reader& in) {
  BytesView const bytes = in.vec16(UINT16_MAX);
  AMIC_TRY_VOID(in.check());
  return decode_card(bytes);
}

Result<Change> read_change(MotionKind kind, BytesView bytes) {
  codec::Reader in(bytes, "motion.change");
  Change out;
  switch (kind) {
    case MotionKind::kAmend:
      out = read_amend(in);
      break;
    case MotionKind::kAdmit: {
      AMIC_TRY(Card card, read_card(in));
      out = Admit{std::move(card), in.u8()};
      break;
    }
    case MotionKind::kReplaceKeys: {
      AMIC_TRY(Card card, read_card(in));
      out = ReplaceKeys{std::move(card)};
      break;
    }
    case MotionKind::kLeave:
      out = Leave{read_member_id(in)};
      break;
    case MotionKind::kChair: {
      Chair change;
      change.chair = read_member_id(in);
      change.host = read_optional_member(in);
      change.order = read_member_list(in);
      out = std::move(change);
      break;
    }
    case MotionKind::kRules:
      out = read_new_rules(in);
      break;
    case MotionKind::kParticipation: {
      Participation change;
      change.number = in.u32();
      change.title = in.str8(limits::kNameBytesMax);
      change.participants = read_member_list(in);
      change.text = read_document(in);
      out = std::move(change);
      break;
    }
    case MotionKind::kAnnounce:
      out = Announce{read_document(in)};
      break;
    default:
      return fail(Code::kUnsupported, "motion.kind", "not a kind of motion");
  }
  AMIC_TRY_VOID(in.finish());
  return out;
}

Result<void> check_amend(Amend const& change) {
  if (change.texts.empty() || change.texts.size() > 3)
    return fail(Code::kOutOfRange, "motion.change.texts", "1 to 3 texts");
  for (std::size_t i = 0; i < change.texts.size(); ++i) {
    AmendedText const& one = change.texts[i];
    std::string const at = "motion.change.texts[" + std::to_string(i) + "]";
    if (instrument_kind_name(one.kind).empty())
      return fail(Code::kUnsupported, at + ".kind", "not TOR, SOP or CONCEPT");
    if (i > 0 && one.kind <= change.texts[i - 1].kind)
      return fail(Code::kMalformed, at, "not in strictly ascending order of kinds");
    if (one.version == 0) return fail(Code::kOutOfRange, at + ".version", "versions begin at 1");
    if (!is_time(one.effective_ms))
      return fail(Code::kOutOfRange, at + ".effective", "between the years 1970 and 9999");
    AMIC_TRY_VOID(check_name(one.title, at + ".title"));
    AMIC_TRY_VOID(check_document(one.text, at + ".text"));
  }
  return {};
}

Result<void> check_change(Change const& change) {
  return std::visit(
      Overloaded{
          [](Amend const& c) { return check_amend(c); },
          [](Admit const& c) { return check_card(c.card); },
          [](ReplaceKeys const& c) { return check_card(c.card); },
          [](Participation const& c) -> Result<void> {
            AMIC_TRY_VOID(check_name(c.title, "motion.change.title"));
            return check_document(c.text, "motion.change.text");
          },
          [](Announce const& c) { return check_document(c.text, "motion.change.text"); },
          [](NewRules const& c) { return check_rules(c.rules, "motion.change.rules"); },
          [](auto const&) -> Result<void> { return {}; },  // apply() sees to members and orders
      },
      change);
}

}  // namespace

std::string_view stage_name(Stage stage) {
  constexpr std::string_view kNames[] = {"consultation", "shelved", "withdrawn",
                                         "superseded",   "agreed",  "certified"};
  auto const index = static_cast<std::size_t>(stage) - 1;
  return index < std::size(kNames) ? kNames[index] : std::string_view{};
}

std::string_view verb_name(Verb verb) {
  auto const index = static_cast<std::size_t>(verb) - 1;
  return index < std::size(kVerbs) ? kVerbs[index] : std::string_view{};
}

Result<Verb> parse_verb(std::string_view text) {
  for (std::size_t i = 0; i < std::size(kVerbs); ++i)
    if (kVerbs[i] == text) return static_cast<Verb>(i + 1);
  return fail(Code::kMalformed, "motion.verb", "one of note, acknowledge, endorse, adopt, approve");
}

MemberId const* Motion::rekeyed() const {
  auto const* replace = std::get_if<ReplaceKeys>(&change);
  return replace == nullptr ? nullptr : &replace->card.member;
}

Result<void> check_motion(Motion const& motion) {
  if (motion.head.is_zero()) return fail(Code::kMissingField, "motion.head", "zero");
  if (motion.proposer.empty()) return fail(Code::kMissingField, "motion.proposer", "empty");
  if (verb_name(motion.verb).empty())
    return fail(Code::kUnsupported, "motion.verb", "not a verb of this version");
  AMIC_TRY_VOID(check_name(motion.title, "motion.title"));
  if (motion.revision == 0 || (motion.revision == 1) != motion.supersedes.is_zero())
    return fail(Code::kMalformed, "motion.revision",
                "1 for a first text, more for one that supersedes another");
  if (motion.round >= limits::kRoundsMax)
    return fail(Code::kOutOfRange, "motion.round", "below 1000");
  if (!is_time(motion.proposed_ms) || !is_time(motion.deadline_ms))
    return fail(Code::kOutOfRange, "motion.deadline", "between the years 1970 and 9999");
  if (!motion.standing_class.empty()) {
    AMIC_TRY_VOID(check_name(motion.standing_class, "motion.standing_class"));
    if (!may_be_pre_consented(motion.kind()))
      return fail(Code::kRejected, "motion.standing_class",
                  "nobody consents ahead to members, keys, instruments or rules");
  }
  for (std::size_t i = 1; i < motion.entitled.size(); ++i)
    if (motion.entitled[i] <= motion.entitled[i - 1])
      return fail(Code::kMalformed, "motion.entitled", "not in strictly ascending order");
  return check_change(motion.change);
}

Bytes encode(Motion const& motion) {
  codec::Writer out;
  out.str8(kFormat)
      .raw(motion.head.view())
      .str8(motion.proposer.str())
      .u8(static_cast<std::uint8_t>(motion.verb))
      .str8(motion.title)
      .u32(motion.revision)
      .raw(motion.supersedes.view())
      .u32(motion.round)
      .i64(motion.proposed_ms)
      .i64(motion.deadline_ms)
      .str8(motion.standing_class)
      .vec16(encode_members(motion.entitled))
      .u8(static_cast<std::uint8_t>(motion.kind()))
      .vec32(encode_change(motion.change));
  return out.take();
}

Result<Motion> decode_motion(BytesView bytes) {
  if (bytes.size() > limits::kMotionBytesMax)
    return fail(Code::kTooLarge, "motion", "more than 3 MiB and 64 KiB");
  codec::Reader in(bytes, "motion");
  if (in.str8() != kFormat) in.reject(Code::kUnsupported, "not an amic/motion/v1");
  Motion out;
  out.head = in.fixed<Hash>();
  out.proposer = read_member_id(in);
  out.verb = static_cast<Verb>(in.u8());
  out.title = in.str8(limits::kNameBytesMax);
  out.revision = in.u32();
  out.supersedes = in.fixed<Hash>();
  out.round = in.u32();
  out.proposed_ms = in.i64();
  out.deadline_ms = in.i64();
  out.standing_class = in.str8(limits::kNameBytesMax);
  out.entitled = read_member_list(in);
  auto const kind = static_cast<MotionKind>(in.u8());
  BytesView const change = in.vec32(limits::kMotionBytesMax);
  AMIC_TRY_VOID(in.finish());
  AMIC_TRY(out.change, read_change(kind, change));
  AMIC_TRY_VOID(check_motion(out));
  return out;
}

Hash motion_id(BytesView motion_bytes) {
  return crypto::sha256(motion_bytes);
}

Hash motion_id(Motion const& motion) {
  return motion_id(encode(motion));
}

}  // namespace amic::consent
