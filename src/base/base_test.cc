#include <gtest/gtest.h>

#include <set>

#include "base/ids.h"
#include "base/random.h"
#include "base/result.h"

namespace amic {
namespace {

TEST(MemberId, FollowsItsGrammar) {
  EXPECT_TRUE(MemberId::parse("MY"));
  EXPECT_TRUE(MemberId::parse("CERT-01"));
  for (auto bad : {"", "my", "-A", "A B", "ABCDEFGHIJKLMNOPQ", "É"})
    EXPECT_FALSE(MemberId::parse(bad)) << bad;
}

TEST(Realm, IsOperationsOrANamedExercise) {
  EXPECT_TRUE(Realm::parse("OPERATIONS")->is_operations());
  EXPECT_FALSE(Realm::parse("EXERCISE:MAKASSAR-26")->is_operations());
  for (auto bad : {"", "EXERCISE:", "EXERCISE:x", "operations"}) EXPECT_FALSE(Realm::parse(bad));
}

TEST(Precedence, NamesRoundTripAndLanesAreBounded) {
  for (unsigned lane = 0; lane < kLaneCount; ++lane) {
    auto const value = precedence_from_lane(lane).value();
    EXPECT_EQ(parse_precedence(precedence_name(value)).value(), value);
  }
  EXPECT_EQ(precedence_from_lane(4).error().code, Code::kOutOfRange);
}

TEST(ErrorCode, TextNamesAreUnique) {
  std::set<std::string_view> names;
  int count = 0;
#define X(name, text, http, retry) names.insert(code_name(Code::name)), ++count;
  AMIC_ERROR_CODES(X)
#undef X
  EXPECT_EQ(names.size(), static_cast<std::size_t>(count));
}

// These stand in receipts: the envelope has used up its number and is never sent again.
TEST(ErrorCode, RefusalsThatUseUpANumberDoNotAskForAnotherTry) {
  for (Code const code : {Code::kExpired, Code::kClockSkew, Code::kNotReleasable,
                          Code::kNotRecipient, Code::kBadSignature, Code::kReplay})
    EXPECT_FALSE(code_retryable(code)) << code_name(code);
}

TEST(SeededRandom, RepeatsFromItsSeedAndBelowIsBounded) {
  SeededRandom a(7), b(7), c(8);
  EXPECT_EQ(a.next(), b.next());
  EXPECT_NE(a.next(), c.next());
  for (int i = 0; i < 1000; ++i) EXPECT_LT(a.below(10), 10U);
}

Result<int> twice(Result<int> in) {
  AMIC_TRY(int const value, in);
  return 2 * value;
}
TEST(Result, TryPassesTheErrorOn) {
  EXPECT_EQ(twice(21).value(), 42);
  EXPECT_EQ(twice(fail(Code::kGap, "here")).error().code, Code::kGap);
}

}  // namespace
}  // namespace amic
