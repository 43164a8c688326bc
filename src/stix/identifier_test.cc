#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "codec/codec.h"
#include "stix/internal/lexical.h"
#include "stix/internal/sha1.h"
#include "stix/stix.h"

namespace amic::stix {
namespace {

std::string sha1_hex(std::string_view text) {
  internal::Sha1 sha;
  sha.update(as_bytes(text));
  return codec::to_hex(sha.finish());
}

// FIPS 180 examples and the padding boundaries.
TEST(Sha1, GivesTheDigestsOfFips180) {
  EXPECT_EQ(sha1_hex(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(sha1_hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(sha1_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  EXPECT_EQ(sha1_hex(std::string(1'000'000, 'a')), "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
  EXPECT_EQ(sha1_hex(std::string(55, 'a')), "c1c8bbdc22796e28c0e15163d20899b65621d65a");
  EXPECT_EQ(sha1_hex(std::string(64, 'a')), "0098ba824b5c16427bd7a1122a5a442a25ec644d");
}

TEST(Identifier, IsATypeAndAUuid) {
  std::string const uuid = "3f0b1a5c-0c5e-4a6f-9d3e-6a1f9b2c4d5e";
  EXPECT_EQ(identifier_type("x-mitre-data-source--" + uuid), "x-mitre-data-source");
  for (auto const& bad :
       {uuid, "--" + uuid, "ab--" + uuid, "Tool--" + uuid, "tool-" + uuid, "tool---" + uuid,
        "tool--x" + uuid, "tool--" + uuid + "0", "tool--" + uuid.substr(1), "to--ol--" + uuid,
        "9ab--" + uuid, std::string("tool--3f0b1a5c-0c5e-4a6f-9d3e-6a1f9b2c4d5g"),
        std::string("tool--3f0b1a5c00c5e-4a6f-9d3e-6a1f9b2c4d5e"), std::string()})
    EXPECT_FALSE(is_identifier(bad)) << bad;
}

TEST(Identifier, Version5IsThatOfRfc4122) {
  EXPECT_EQ(identifier_v5("ipv4-addr", R"({"value":"198.51.100.3"})"),
            "ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4");
}

TEST(Timestamp, IsReadToTheMicrosecond) {
  EXPECT_EQ(parse_timestamp_us("1970-01-01T00:00:00Z").value(), 0);
  EXPECT_EQ(parse_timestamp_us("2016-01-20T12:31:12.123Z").value(), 1'453'293'072'123'000);
  EXPECT_EQ(parse_timestamp_us("2000-02-29T23:59:59.9999999Z").value(), 951'868'799'999'999);
  EXPECT_EQ(parse_timestamp_us("1969-12-31T23:59:59.5Z").value(), -500'000);
  EXPECT_EQ(parse_timestamp_us("2016-12-31T23:59:60Z").value(), 1'483'228'800'000'000);
  EXPECT_EQ(parse_timestamp_us("0001-01-01T00:00:00Z").value(), -62'135'596'800'000'000);
  for (auto bad :
       {"", "2016-01-20", "2016-01-20T12:31:12", "2016-01-20T12:31:12z", "2016-01-20 12:31:12Z",
        "2016-01-20T12:31:12.Z", "2016-01-20T12:31:12.1x3Z", "2016-13-20T12:31:12Z",
        "2015-02-29T12:31:12Z", "1900-02-29T12:31:12Z", "2016-01-20T24:00:00Z",
        "2016-01-20T12:60:12Z", "2016-01-20T12:31:60Z", "2016-01-20T12:31:12+00:00Z",
        "+016-01-20T12:31:12Z", "2016-01-00T12:31:12Z", "2016-1-200T12:31:12Z"})
    EXPECT_EQ(parse_timestamp_us(bad).error().code, Code::kMalformed) << bad;
}

TEST(Timestamp, IsWrittenWithMillisecondsAtLeast) {
  EXPECT_EQ(format_timestamp(1'453'293'072'123'000), "2016-01-20T12:31:12.123Z");
  EXPECT_EQ(format_timestamp(1'453'293'072'000'000), "2016-01-20T12:31:12.000Z");
  EXPECT_EQ(format_timestamp(1'453'293'072'123'456), "2016-01-20T12:31:12.123456Z");
}

RC_GTEST_PROP(Timestamp, SurvivesItsText, ()) {
  auto const us = *rc::gen::inRange<std::int64_t>(-62'135'596'800'000'000, 253'402'300'799'999'999);
  RC_ASSERT(parse_timestamp_us(format_timestamp(us)).value() == us);
}

TEST(Lexical, KnowsTheForms) {
  using namespace internal;
  EXPECT_TRUE(is_base64("") && is_base64("AA==") && is_base64("AAA=") && is_base64("+/09"));
  EXPECT_FALSE(is_base64("A===") || is_base64("AA=A") || is_base64("A A=") || is_base64("AAA"));
  for (auto good : {"en", "zh-Hant-TW", "x-klingon", "i-default", "sl-rozaj-biske-1994"})
    EXPECT_TRUE(is_language_tag(good)) << good;
  for (auto bad : {"", "e", "en-", "-en", "en_GB", "123", "abcdefghi", "en--GB"})
    EXPECT_FALSE(is_language_tag(bad)) << bad;
  EXPECT_TRUE(is_digest("x_foo_hash", "anything") && is_digest("MD5", std::string(32, 'A')));
  EXPECT_FALSE(is_digest("MD5", std::string(32, 'g')) || is_digest("SHA-1", "") ||
               is_digest("X", ""));
}

}  // namespace
}  // namespace amic::stix
