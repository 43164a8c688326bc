#include "identity/sessions.h"

#include <gtest/gtest.h>

#include "crypto/hash.h"

namespace amic::identity {
namespace {

constexpr UnixMs kNow = 1'764'000'000'000;
constexpr std::int64_t kMinute = 60'000;

struct SessionsTest : ::testing::Test {
  Sessions sessions;
  SeededRandom random{7};
  Hash token = crypto::sha256(as_bytes("token"));
  std::string open(UnixMs now_ms) {
    auto opened = sessions.open(token, now_ms, random);
    EXPECT_TRUE(opened);
    return opened ? opened->secret : "";
  }
  bool find(std::string_view secret, UnixMs now_ms, bool use = true) {
    auto found = sessions.find(secret, now_ms, use);
    EXPECT_EQ(found ? found->token_sha256 : token, token);
    if (!found) EXPECT_EQ(found.error().code, Code::kUnauthorized);
    return found.has_value();
  }
};

TEST_F(SessionsTest, IsFoundUntilItIsIdleForTooLong) {
  auto const secret = open(kNow);
  EXPECT_EQ(secret.size(), 43u);  // 32 bytes
  EXPECT_TRUE(find(secret, kNow + 14 * kMinute));
  EXPECT_TRUE(find(secret, kNow + 28 * kMinute));  // each use counts anew
  EXPECT_FALSE(find(secret, kNow + 43 * kMinute));
  EXPECT_FALSE(find(secret, kNow + 28 * kMinute));  // and it is gone
}

TEST_F(SessionsTest, LookingIsNoUse) {
  auto const secret = open(kNow);
  EXPECT_TRUE(find(secret, kNow + 14 * kMinute, false));
  EXPECT_FALSE(find(secret, kNow + 15 * kMinute, false));
}

TEST_F(SessionsTest, EndsAfterTwelveHoursHoweverBusy) {
  auto const secret = open(kNow);
  for (int minute = 10; minute < 12 * 60; minute += 10)
    ASSERT_TRUE(find(secret, kNow + minute * kMinute)) << minute;
  EXPECT_FALSE(find(secret, kNow + 12 * 60 * kMinute));
}

TEST_F(SessionsTest, AClockSetBackEndsNothing) {
  auto const secret = open(kNow);
  EXPECT_TRUE(find(secret, kNow - 60 * kMinute));
  EXPECT_TRUE(find(secret, kNow + 14 * kMinute));
}

TEST_F(SessionsTest, ClosedIsGone) {
  auto const secret = open(kNow);
  auto const other = open(kNow);
  sessions.close(secret);
  EXPECT_FALSE(find(secret, kNow));
  EXPECT_TRUE(find(other, kNow));
  EXPECT_FALSE(find("", kNow));
  EXPECT_FALSE(find(std::string(5000, 'a'), kNow));
}

TEST_F(SessionsTest, HasABound) {
  for (std::size_t i = 0; i < limits::kSessionsMax; ++i) open(kNow);
  auto const refused = sessions.open(token, kNow, random);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kOverloaded);
  EXPECT_TRUE(sessions.open(token, kNow + 15 * kMinute, random));  // the idle ones made room
}

TEST_F(SessionsTest, ACodeWorksOnce) {
  auto const code = sessions.make_code(token, 5 * kMinute, kNow, random);
  ASSERT_TRUE(code);
  EXPECT_FALSE(find(*code, kNow));  // a code is no session
  auto const first = sessions.take_code(*code, kNow + kMinute);
  ASSERT_TRUE(first);
  EXPECT_EQ(*first, token);
  EXPECT_FALSE(sessions.take_code(*code, kNow + kMinute));
}

TEST_F(SessionsTest, ACodeExpires) {
  auto const code = sessions.make_code(token, 5 * kMinute, kNow, random);
  ASSERT_TRUE(code);
  EXPECT_FALSE(sessions.take_code(*code, kNow + 5 * kMinute));
  EXPECT_EQ(sessions.make_code(token, 0, kNow, random).error().code, Code::kOutOfRange);
  EXPECT_EQ(sessions.make_code(token, 25 * 60 * kMinute, kNow, random).error().code,
            Code::kOutOfRange);
}

TEST_F(SessionsTest, CodesHaveABound) {
  for (std::size_t i = 0; i < limits::kLoginCodesMax; ++i)
    ASSERT_TRUE(sessions.make_code(token, 5 * kMinute, kNow, random));
  EXPECT_EQ(sessions.make_code(token, 5 * kMinute, kNow, random).error().code, Code::kOverloaded);
  EXPECT_TRUE(sessions.make_code(token, 5 * kMinute, kNow + 5 * kMinute, random));
}

TEST_F(SessionsTest, AttemptsAreLimitedByAddress) {
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(sessions.attempt("a", kNow)) << i;
  EXPECT_FALSE(sessions.attempt("a", kNow));
  EXPECT_TRUE(sessions.attempt("b", kNow));
  EXPECT_FALSE(sessions.attempt("a", kNow + 2999));
  EXPECT_TRUE(sessions.attempt("a", kNow + 3000));
  EXPECT_FALSE(sessions.attempt("a", kNow + 3000));
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(sessions.attempt("a", kNow + 10 * kMinute)) << i;
  EXPECT_FALSE(sessions.attempt("a", kNow + 10 * kMinute));
}

TEST_F(SessionsTest, AddressesHaveABound) {
  for (std::size_t i = 0; i < limits::kLoginAddressesMax; ++i)
    ASSERT_TRUE(sessions.attempt(std::to_string(i), kNow));
  EXPECT_FALSE(sessions.attempt("one more", kNow));
  EXPECT_TRUE(sessions.attempt("one more", kNow + 30'000));
}

}  // namespace
}  // namespace amic::identity
