#include "base/ids.h"

#include <algorithm>

namespace amic {

namespace {
bool upper_or_digit(char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

bool is_name(std::string_view text, std::size_t size_max) {
  return !text.empty() && text.size() <= size_max && upper_or_digit(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return upper_or_digit(c) || c == '-'; });
}

constexpr std::string_view kPrecedenceNames[] = {"FLASH", "IMMEDIATE", "PRIORITY", "ROUTINE"};
constexpr std::string_view kExercisePrefix = "EXERCISE:";
}  // namespace

Result<MemberId> MemberId::parse(std::string_view text) {
  if (!is_name(text, 16))
    return fail(Code::kMalformed, "member", "a member is 1 to 16 of A-Z, 0-9 and '-'");
  MemberId id;
  id.text_ = text;
  return id;
}

Result<Realm> Realm::parse(std::string_view text) {
  bool const exercise = text.starts_with(kExercisePrefix) &&
                        is_name(text.substr(kExercisePrefix.size()), 32);
  if (text != "OPERATIONS" && !exercise)
    return fail(Code::kMalformed, "realm", "a realm is OPERATIONS or EXERCISE:<NAME>");
  Realm realm;
  realm.text_ = text;
  return realm;
}

std::string_view precedence_name(Precedence precedence) {
  return kPrecedenceNames[static_cast<std::size_t>(precedence)];
}

Result<Precedence> parse_precedence(std::string_view text) {
  for (unsigned lane = 0; lane < kLaneCount; ++lane)
    if (kPrecedenceNames[lane] == text) return static_cast<Precedence>(lane);
  return fail(Code::kMalformed, "precedence", "one of FLASH, IMMEDIATE, PRIORITY, ROUTINE");
}

Result<Precedence> precedence_from_lane(unsigned lane) {
  if (lane >= kLaneCount) return fail(Code::kOutOfRange, "lane", "0 to 3");
  return static_cast<Precedence>(lane);
}

}  // namespace amic
