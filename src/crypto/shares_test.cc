#include "crypto/shares.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

namespace amic::crypto {
namespace {

// GF(2^8) with the polynomial x^8 + x^4 + x^3 + x^2 + 1, bit by bit: nothing of the library's.
std::uint8_t multiply(std::uint8_t a, std::uint8_t b) {
  unsigned out = 0;
  unsigned shifted = a;
  for (unsigned bit = 0; bit < 8; ++bit) {
    if ((b >> bit) & 1U) out ^= shifted;
    shifted <<= 1U;
    if (shifted & 0x100U) shifted ^= 0x11DU;
  }
  return static_cast<std::uint8_t>(out);
}

std::uint8_t inverse(std::uint8_t a) {
  for (unsigned b = 1; b < 256; ++b)
    if (multiply(a, static_cast<std::uint8_t>(b)) == 1) return static_cast<std::uint8_t>(b);
  return 0;
}

// Lagrange at 0, as the textbook has it.
Bytes interpolate(std::vector<SecretShare> const& shares) {
  Bytes out(shares.front().bytes.size());
  for (std::size_t i = 0; i < shares.size(); ++i) {
    std::uint8_t factor = 1;
    for (std::size_t j = 0; j < shares.size(); ++j)
      if (j != i)
        factor =
            multiply(factor, multiply(shares[j].index, inverse(static_cast<std::uint8_t>(
                                                           shares[i].index ^ shares[j].index))));
    for (std::size_t at = 0; at < out.size(); ++at)
      out[at] ^= multiply(factor, shares[i].bytes.view()[at]);
  }
  return out;
}

class Recorded final : public Random {
 public:
  void fill(std::span<std::uint8_t> out) override {
    inner_.fill(out);
    append(drawn, out);
  }
  Bytes drawn;

 private:
  SeededRandom inner_{7};
};

Secret sample_secret() {
  SeededRandom random(3);
  return Secret(random.fixed<Hash>().view());
}

TEST(Shares, AnyThresholdOfThemGivesTheSecret) {
  SeededRandom random(1);
  Secret const secret = sample_secret();
  for (unsigned count = 2; count <= 6; ++count)
    for (unsigned threshold = 2; threshold <= count; ++threshold) {
      auto const shares = split_secret(secret, threshold, count, random).value();
      ASSERT_EQ(shares.size(), count);
      for (unsigned chosen = 0; chosen < (1U << count); ++chosen) {
        std::vector<SecretShare> some;
        for (unsigned i = 0; i < count; ++i)
          if ((chosen >> i) & 1U) some.push_back(shares[i]);
        if (some.empty()) continue;
        bool const same = equal(join_secret(some).value().view(), secret.view());
        EXPECT_EQ(same, some.size() >= threshold) << count << " " << threshold << " " << chosen;
      }
    }
}

RC_GTEST_PROP(Shares, AreThoseOfTheTextbook, (unsigned seed)) {
  SeededRandom random(seed);
  auto const count = static_cast<unsigned>(2 + random.below(15));
  auto const threshold = static_cast<unsigned>(2 + random.below(count - 1));
  Secret secret(static_cast<std::size_t>(1 + random.below(64)));
  random.fill(secret.mutable_view());
  auto shares = split_secret(secret, threshold, count, random).value();
  while (shares.size() > threshold)
    shares.erase(shares.begin() + static_cast<std::ptrdiff_t>(random.below(shares.size())));
  RC_ASSERT(equal(interpolate(shares), secret.view()));
  RC_ASSERT(equal(join_secret(shares).value().view(), secret.view()));
}

TEST(Shares, TheirCoefficientsAreWhatTheRandomGives) {
  Recorded random;
  Secret const secret = sample_secret();
  auto const shares = split_secret(secret, 2, 2, random).value();
  ASSERT_EQ(random.drawn.size(), secret.size());  // one coefficient for each byte
  for (std::size_t i = 0; i < secret.size(); ++i)
    for (auto const& share : shares)
      EXPECT_EQ(share.bytes.view()[i], secret.view()[i] ^ multiply(random.drawn[i], share.index));
  Recorded more;
  ASSERT_TRUE(split_secret(secret, 5, 5, more));
  EXPECT_EQ(more.drawn.size(), 4 * secret.size());
}

TEST(Shares, OneLessThanTheThresholdFitsEverySecret) {
  // With threshold 2 and one share y = s + c * x: for each s there is exactly one c.
  SeededRandom random(5);
  Secret const secret(Bytes{0x5A});
  auto const share = split_secret(secret, 2, 3, random).value()[1];
  std::set<unsigned> coefficients;
  for (unsigned guess = 0; guess < 256; ++guess)
    coefficients.insert(
        multiply(static_cast<std::uint8_t>(share.bytes.view()[0] ^ guess), inverse(share.index)));
  EXPECT_EQ(coefficients.size(), 256U);
}

TEST(Shares, NumbersOutOfRangeAreRefused) {
  SeededRandom random(1);
  Secret const secret = sample_secret();
  for (auto const& [threshold, count] :
       {std::pair{1U, 3U}, {0U, 0U}, {4U, 3U}, {2U, 17U}, {17U, 17U}, {2U, 1U}})
    EXPECT_EQ(split_secret(secret, threshold, count, random).error().code, Code::kOutOfRange);
  EXPECT_EQ(split_secret(Secret(), 2, 3, random).error().code, Code::kOutOfRange);
  EXPECT_TRUE(split_secret(secret, 16, 16, random));
}

TEST(Shares, WhatDoesNotBelongTogetherIsRefused) {
  SeededRandom random(1);
  auto const shares = split_secret(sample_secret(), 2, 3, random).value();
  EXPECT_EQ(join_secret({}).error().code, Code::kMalformed);
  EXPECT_EQ(join_secret({shares[0], shares[0]}).error().code, Code::kMalformed);
  SecretShare odd = shares[1];
  odd.index = 0;
  EXPECT_EQ(join_secret({shares[0], odd}).error().code, Code::kMalformed);
  odd.index = 17;
  EXPECT_EQ(join_secret({shares[0], odd}).error().code, Code::kMalformed);
  odd = {2, Secret(std::size_t{31})};
  EXPECT_EQ(join_secret({shares[0], odd}).error().code, Code::kMalformed);
}

}  // namespace
}  // namespace amic::crypto
