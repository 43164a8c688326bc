// Whose turn it is. The chair goes round in the order of the head, which is alphabetical by English
// name unless the members have decided otherwise; the chair of an annex goes round among those who
// take part. Nothing here changes anything: the chair passes by a motion only. Pure.
#pragma once

#include <optional>
#include <set>
#include <vector>

#include "consent/motion.h"

namespace amic::consent {

// Sorted by English name, ASCII letters without case; by id where names are the same. Members who
// are not in the head are left out.
std::vector<MemberId> alphabetical(Head const& head, std::vector<MemberId> members);

// A body that has a chair: the whole community, or those who take part in an annex.
struct ChairedBody {
  std::uint32_t annex = 0;  // its number; 0: the whole community
};
// The order in which its chair goes round: head.chair_order, or the participants alphabetically.
// kNotFound without such an annex.
Result<std::vector<MemberId>> rotation_of(Head const& head, ChairedBody body);

struct Turn {
  MemberId member;                // whose turn is next
  std::vector<MemberId> skipped;  // whose turn it would have been, in order
  bool operator==(Turn const&) const = default;
};
// After `present` (empty: nobody yet, so the first), passing over `skip`. Who is not in the body is
// taken to have its place by English name. kRejected if everybody else is passed over.
Result<Turn> next_turn(Head const& head, ChairedBody body, MemberId const& present,
                       std::set<MemberId> const& skip);

// The change of a motion that gives the chair of the whole community to the next. The order stays.
// `host` may be empty: nobody.
Result<Chair> next_chair(Head const& head, std::set<MemberId> const& skip, MemberId const& host);

}  // namespace amic::consent
