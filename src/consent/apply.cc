// From head to head.
#include <algorithm>

#include "base/limits.h"
#include "consent/motion.h"
#include "crypto/hash.h"

namespace amic::consent {

namespace {

tl::unexpected<Error> refuse(Code code, std::string const& field, std::string detail) {
  return fail(code, "motion.change." + field, std::move(detail));
}

Result<void> change(Head& head, Motion const&, Amend const& amend) {
  for (auto const& one : amend.texts) {
    auto const it = std::lower_bound(
        head.instruments.begin(), head.instruments.end(), one.kind,
        [](Instrument const& i, InstrumentKind const& kind) { return i.kind < kind; });
    bool const there = it != head.instruments.end() && it->kind == one.kind;
    std::uint32_t const expected = there ? it->version + 1 : 1;
    std::string const name{instrument_kind_name(one.kind)};
    if (one.version != expected)
      return refuse(Code::kConflict, "texts." + name,
                    "version " + std::to_string(one.version) + ", but " + std::to_string(expected) +
                        " comes next");
    Instrument const next{one.kind, one.version, one.title, crypto::sha256(as_bytes(one.text))};
    if (there && it->text_sha256 == next.text_sha256 && it->title == next.title)
      return refuse(Code::kConflict, "texts." + name, "this text is in force already");
    if (there)
      *it = next;
    else
      head.instruments.insert(it, next);
  }
  return {};
}

Result<void> change(Head& head, Motion const&, Admit const& admit) {
  if (head.member(admit.card.member) != nullptr)
    return refuse(Code::kConflict, "card", admit.card.member.str() + " is a member already");
  if (admit.chair_position > head.chair_order.size())
    return refuse(Code::kOutOfRange, "chair_position", "behind the end of the order");
  auto const at = std::lower_bound(
      head.members.begin(), head.members.end(), admit.card.member,
      [](Card const& card, MemberId const& member) { return card.member < member; });
  head.members.insert(at, admit.card);
  head.chair_order.insert(head.chair_order.begin() + admit.chair_position, admit.card.member);
  return {};
}

Result<void> change(Head& head, Motion const&, ReplaceKeys const& replace) {
  auto const it = std::find_if(head.members.begin(), head.members.end(), [&](Card const& card) {
    return card.member == replace.card.member;
  });
  if (it == head.members.end())
    return refuse(Code::kUnknownMember, "card", replace.card.member.str() + " is not a member");
  if (it->root != replace.card.root)
    return refuse(Code::kWrongIdentity, "card.root", "another root key than the member's");
  if (it->governance == replace.card.governance)
    return refuse(Code::kConflict, "card.governance", "the governance key is not a new one");
  *it = replace.card;
  return {};
}

Result<void> change(Head& head, Motion const& motion, Leave const& leave) {
  if (head.member(leave.member) == nullptr)
    return refuse(Code::kUnknownMember, "member", leave.member.str() + " is not a member");
  if (leave.member != motion.proposer)
    return refuse(Code::kForbidden, "member", "a member leaves by its own motion only");
  auto& order = head.chair_order;
  auto const at = std::find(order.begin(), order.end(), leave.member);
  if (head.chair == leave.member) {
    auto const next = at + 1 == order.end() ? order.begin() : at + 1;
    head.chair = *next;
  }
  order.erase(at);
  std::erase_if(head.members, [&](Card const& card) { return card.member == leave.member; });
  if (head.host == leave.member) head.host = {};
  for (auto& annex : head.annexes) std::erase(annex.participants, leave.member);
  std::erase_if(head.annexes, [](Annex const& annex) { return annex.participants.empty(); });
  return {};
}

Result<void> change(Head& head, Motion const&, Chair const& chair) {
  head.chair = chair.chair;
  head.host = chair.host;
  head.chair_order = chair.order;
  return {};
}

Result<void> change(Head& head, Motion const&, NewRules const& rules) {
  head.suites = rules.suites;
  head.rules = rules.rules;
  return {};
}

Result<void> change(Head& head, Motion const&, Participation const& change) {
  auto const it = std::lower_bound(head.annexes.begin(), head.annexes.end(), change.number,
                                   [](Annex const& a, std::uint32_t n) { return a.number < n; });
  bool const there = it != head.annexes.end() && it->number == change.number;
  std::uint32_t const next = head.annexes.empty() ? 1 : head.annexes.back().number + 1;
  if (!there && change.number != next)
    return refuse(Code::kConflict, "number", "a new annex has the number " + std::to_string(next));
  if (there && change.participants.empty()) {
    head.annexes.erase(it);
    return {};
  }
  Annex annex{change.number, change.title, crypto::sha256(as_bytes(change.text)),
              change.participants};
  if (there)
    *it = std::move(annex);
  else
    head.annexes.push_back(std::move(annex));
  return {};
}

Result<void> change(Head&, Motion const&, Announce const&) {
  return {};
}

// The longest text that the motion carries.
std::size_t text_bytes(Change const& change) {
  std::size_t out = 0;
  if (auto const* amend = std::get_if<Amend>(&change))
    for (auto const& one : amend->texts) out = std::max(out, one.text.size());
  if (auto const* participation = std::get_if<Participation>(&change))
    out = participation->text.size();
  if (auto const* announce = std::get_if<Announce>(&change)) out = announce->text.size();
  return out;
}

}  // namespace

Result<Head> apply(Head const& head, Motion const& motion) {
  AMIC_TRY_VOID(check_motion(motion));
  Hash const digest = head_digest(encode(head));
  if (motion.head != digest)
    return fail(Code::kConflict, "motion.head", "the motion is on another head");
  auto const roster = head.roster();
  if (!std::equal(roster.begin(), roster.end(), motion.entitled.begin(), motion.entitled.end()))
    return fail(Code::kConflict, "motion.entitled", "not exactly the members of the head");
  if (!roster.contains(motion.proposer))
    return fail(Code::kUnknownMember, "motion.proposer", "not a member");
  if (!motion.standing_class.empty()) {
    auto const* standing = head.rules.standing_class(motion.standing_class);
    if (standing == nullptr || !standing->kinds.contains(motion.kind()))
      return fail(Code::kNotFound, "motion.standing_class",
                  "the rules in force name no such class for this kind of motion");
  }
  auto const limit = head.rules.limits.find(LimitId::kMotionTextBytes);
  if (limit != head.rules.limits.end() && text_bytes(motion.change) > limit->second)
    return refuse(
        Code::kTooLarge, "text",
        "more than the " + std::to_string(limit->second) + " bytes of the rules in force");
  Head next = head;
  AMIC_TRY_VOID(std::visit([&](auto const& c) { return change(next, motion, c); }, motion.change));
  next.epoch = head.epoch + 1;
  next.previous = digest;
  next.created_ms = motion.proposed_ms;
  next.decision = motion_id(motion);
  AMIC_TRY_VOID(check_head(next));
  return next;
}

Result<Community> apply(Community const& community, Motion const& motion) {
  Community next;
  AMIC_TRY(next.head, apply(community.head, motion));
  next.id = community.id;
  next.head_digest = head_digest(encode(next.head));
  next.texts = community.texts;
  if (auto const* amend = std::get_if<Amend>(&motion.change))
    for (auto const& one : amend->texts) next.texts[one.kind] = one.text;
  return next;
}

}  // namespace amic::consent
