#include "consent/rules.h"

#include <algorithm>

#include "base/limits.h"
#include "consent/head.h"
#include "consent/text_rules.h"

namespace amic::consent {

namespace {

constexpr std::string_view kKindNames[] = {"amend", "admit", "replace_keys",  "leave",
                                           "chair", "rules", "participation", "announce"};

std::uint64_t bound_of(LimitId id) {
  switch (id) {
    case LimitId::kEnvelopeBytes:
      return limits::kEnvelopeBytesMax;
    case LimitId::kBodyBytes:
      return limits::kBodyBytesMax;
    case LimitId::kMotionTextBytes:
      return limits::kInstrumentTextBytesMax;
  }
  return 0;
}

Result<void> check_class(StandingClass const& one, std::string const& at) {
  AMIC_TRY_VOID(check_name(one.name, at + ".name"));
  AMIC_TRY_VOID(check_name(one.clause, at + ".clause"));
  if (instrument_kind_name(one.instrument).empty())
    return fail(Code::kUnsupported, at + ".instrument", "not TOR, SOP or CONCEPT");
  if (one.kinds.empty()) return fail(Code::kMissingField, at + ".kinds", "no kind of motion");
  for (auto const kind : one.kinds)
    if (!may_be_pre_consented(kind))
      return fail(Code::kRejected, at + ".kinds",
                  "nobody consents ahead to members, keys, instruments or rules");
  return {};
}

StandingClass read_class(codec::Reader& in) {
  StandingClass out;
  out.name = in.str8(limits::kNameBytesMax);
  out.instrument = static_cast<InstrumentKind>(in.u8());
  out.clause = in.str8(limits::kNameBytesMax);
  out.wait_days = in.u16();
  codec::Reader kinds(in.vec8(), "rules.classes.kinds");
  while (kinds.left() > 0) {
    auto const kind = static_cast<MotionKind>(kinds.u8());
    if (!out.kinds.empty() && kind <= *out.kinds.rbegin())
      in.reject(Code::kMalformed, "kinds are not in ascending order");
    out.kinds.insert(kind);
  }
  return out;
}

}  // namespace

std::string_view motion_kind_name(MotionKind kind) {
  auto const index = static_cast<std::size_t>(kind) - 1;
  return index < std::size(kKindNames) ? kKindNames[index] : std::string_view{};
}

Result<MotionKind> parse_motion_kind(std::string_view text) {
  for (auto const kind : kMotionKinds)
    if (motion_kind_name(kind) == text) return kind;
  return fail(Code::kMalformed, "motion.kind", "not a kind of motion");
}

bool may_stand_aside(MotionKind kind) {
  return kind == MotionKind::kParticipation;
}

bool may_be_pre_consented(MotionKind kind) {
  return kind == MotionKind::kChair || kind == MotionKind::kParticipation ||
         kind == MotionKind::kAnnounce;
}

StandingClass const* Rules::standing_class(std::string_view name) const {
  for (auto const& one : classes)
    if (one.name == name) return &one;
  return nullptr;
}

std::uint64_t effective_limit(Head const& head, LimitId id) {
  auto const set = head.rules.limits.find(id);
  return set == head.rules.limits.end() ? bound_of(id) : std::min(set->second, bound_of(id));
}

Result<void> check_rules(Rules const& rules, std::string_view where) {
  std::string const at{where};
  for (auto const& [id, value] : rules.limits)
    if (value == 0 || value > bound_of(id))
      return fail(Code::kOutOfRange, at + ".limits", "an unknown limit, or beyond the product's");
  if (rules.classes.size() > limits::kStandingClassesMax)
    return fail(Code::kOutOfRange, at + ".classes", "at most 16");
  for (std::size_t i = 0; i < rules.classes.size(); ++i) {
    std::string const here = at + ".classes[" + std::to_string(i) + "]";
    AMIC_TRY_VOID(check_class(rules.classes[i], here));
    if (i > 0 && rules.classes[i].name <= rules.classes[i - 1].name)
      return fail(Code::kMalformed, here, "not in ascending order of names");
  }
  return {};
}

Result<void> check_annexes(std::vector<Annex> const& annexes, std::set<MemberId> const& roster) {
  if (annexes.size() > limits::kAnnexesMax)
    return fail(Code::kOutOfRange, "head.annexes", "at most 32");
  for (std::size_t i = 0; i < annexes.size(); ++i) {
    Annex const& one = annexes[i];
    std::string const at = "head.annexes[" + std::to_string(i) + "]";
    if (one.number == 0 || (i > 0 && one.number <= annexes[i - 1].number))
      return fail(Code::kMalformed, at + ".number", "ascending, from 1");
    AMIC_TRY_VOID(check_name(one.title, at + ".title"));
    if (one.text_sha256.is_zero()) return fail(Code::kMalformed, at + ".text_sha256", "zero");
    if (one.participants.empty())
      return fail(Code::kMissingField, at + ".participants", "nobody takes part");
    for (std::size_t k = 0; k < one.participants.size(); ++k) {
      if (k > 0 && one.participants[k] <= one.participants[k - 1])
        return fail(Code::kMalformed, at + ".participants", "not in ascending order");
      if (!roster.contains(one.participants[k]))
        return fail(Code::kUnknownMember, at + ".participants",
                    one.participants[k].str() + " is not a member");
    }
  }
  return {};
}

Bytes encode(Rules const& rules) {
  codec::Writer bounds, classes, out;
  for (auto const& [id, value] : rules.limits) bounds.u8(static_cast<std::uint8_t>(id)).u64(value);
  for (auto const& one : rules.classes) {
    codec::Writer kinds;
    for (auto const kind : one.kinds) kinds.u8(static_cast<std::uint8_t>(kind));
    classes.str8(one.name)
        .u8(static_cast<std::uint8_t>(one.instrument))
        .str8(one.clause)
        .u16(one.wait_days)
        .vec8(kinds.bytes());
  }
  for (auto const seconds : rules.precedence_seconds) out.u32(seconds);
  out.vec8(bounds.bytes()).vec16(classes.bytes());
  return out.take();
}

Rules read_rules(codec::Reader& in) {
  Rules out;
  for (auto& seconds : out.precedence_seconds) seconds = in.u32();
  codec::Reader bounds(in.vec8(), "rules.limits");
  while (bounds.ok() && bounds.left() > 0) {
    auto const id = static_cast<LimitId>(bounds.u8());
    if (!out.limits.empty() && id <= out.limits.rbegin()->first)
      bounds.reject(Code::kMalformed, "not in ascending order");
    out.limits[id] = bounds.u64();
  }
  codec::Reader classes(in.vec16(UINT16_MAX), "rules.classes");
  while (classes.ok() && classes.left() > 0 && out.classes.size() <= limits::kStandingClassesMax)
    out.classes.push_back(read_class(classes));
  for (auto const* list : {&bounds, &classes})
    if (!list->ok() || list->left() > 0) in.reject(Code::kMalformed, "rules: a list is not whole");
  return out;
}

Bytes encode(std::vector<Annex> const& annexes) {
  codec::Writer out;
  for (auto const& one : annexes)
    out.u32(one.number)
        .str8(one.title)
        .raw(one.text_sha256.view())
        .vec16(encode_members(one.participants));
  return out.take();
}

std::vector<Annex> read_annexes(codec::Reader& in) {
  codec::Reader list(in.vec16(UINT16_MAX), "head.annexes");
  std::vector<Annex> out;
  while (list.ok() && list.left() > 0 && out.size() <= limits::kAnnexesMax) {
    Annex one;
    one.number = list.u32();
    one.title = list.str8(limits::kNameBytesMax);
    one.text_sha256 = list.fixed<Hash>();
    one.participants = read_member_list(list);
    out.push_back(std::move(one));
  }
  if (!list.ok() || list.left() > 0) in.reject(Code::kMalformed, "annexes are not whole");
  return out;
}

Bytes encode_members(std::vector<MemberId> const& members) {
  codec::Writer out;
  for (auto const& id : members) out.str8(id.str());
  return out.take();
}

MemberId read_member_id(codec::Reader& in) {
  auto const id = MemberId::parse(in.str8(16));
  if (id) return *id;
  in.reject(id.error().code, id.error().detail);
  return {};
}

std::vector<MemberId> read_member_list(codec::Reader& in) {
  codec::Reader list(in.vec16(UINT16_MAX), "members");
  std::vector<MemberId> out;
  while (list.ok() && list.left() > 0 && out.size() <= limits::kMembersMax)
    out.push_back(read_member_id(list));
  if (!list.ok() || list.left() > 0) in.reject(Code::kMalformed, "a list of members is not whole");
  return out;
}

}  // namespace amic::consent
