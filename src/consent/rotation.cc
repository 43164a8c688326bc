#include "consent/rotation.h"

#include <algorithm>

namespace amic::consent {

namespace {

std::string lower_ascii(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

// Where `present` stands or would stand in the order.
std::size_t place_of(Head const& head, std::vector<MemberId> const& order,
                     MemberId const& present) {
  auto const it = std::find(order.begin(), order.end(), present);
  if (it != order.end()) return static_cast<std::size_t>(it - order.begin());
  std::vector<MemberId> with = order;
  with.push_back(present);
  with = alphabetical(head, std::move(with));
  auto const place = std::find(with.begin(), with.end(), present);
  // One before those behind it, so that the first of them is next.
  return static_cast<std::size_t>(place - with.begin()) + order.size() - 1;
}

}  // namespace

std::vector<MemberId> alphabetical(Head const& head, std::vector<MemberId> members) {
  std::erase_if(members, [&](MemberId const& id) { return head.member(id) == nullptr; });
  auto const key = [&](MemberId const& id) {
    return std::pair{lower_ascii(head.member(id)->name), id};
  };
  std::sort(members.begin(), members.end(),
            [&](MemberId const& a, MemberId const& b) { return key(a) < key(b); });
  return members;
}

Result<std::vector<MemberId>> rotation_of(Head const& head, ChairedBody body) {
  if (body.annex == 0) return head.chair_order;
  for (auto const& annex : head.annexes)
    if (annex.number == body.annex) return alphabetical(head, annex.participants);
  return fail(Code::kNotFound, "annex", "no annex has the number " + std::to_string(body.annex));
}

Result<Turn> next_turn(Head const& head, ChairedBody body, MemberId const& present,
                       std::set<MemberId> const& skip) {
  AMIC_TRY(std::vector<MemberId> const order, rotation_of(head, body));
  if (order.empty()) return fail(Code::kNotFound, "rotation", "nobody takes part");
  // Without anybody in the chair the turn begins before the first.
  bool const known = !present.empty() && head.member(present) != nullptr;
  std::size_t const from = known ? place_of(head, order, present) : order.size() - 1;
  Turn out;
  for (std::size_t step = 1; step <= order.size(); ++step) {
    MemberId const& candidate = order[(from + step) % order.size()];
    if (candidate == present) continue;
    if (!skip.contains(candidate)) {
      out.member = candidate;
      return out;
    }
    out.skipped.push_back(candidate);
  }
  return fail(Code::kRejected, "rotation", "everybody else is passed over");
}

Result<Chair> next_chair(Head const& head, std::set<MemberId> const& skip, MemberId const& host) {
  if (!host.empty() && head.member(host) == nullptr)
    return fail(Code::kUnknownMember, "host", host.str() + " is not a member");
  AMIC_TRY(Turn turn, next_turn(head, {}, head.chair, skip));
  return Chair{turn.member, host, head.chair_order};
}

}  // namespace amic::consent
