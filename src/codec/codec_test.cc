#include "codec/codec.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/random.h"

namespace amic::codec {
namespace {

Bytes unhex(std::string_view text) {
  return from_hex(text).value();
}

TEST(Writer, IsBigEndianWithLengthPrefixes) {
  Writer out;
  out.u8(1).u16(0x0203).u32(0x04050607).u64(0x08090A0B0C0D0E0F).i64(-2);
  out.vec8(unhex("aa")).vec16(unhex("bbcc")).vec32({}).str8("ok").str16("").raw(unhex("ff"));
  EXPECT_EQ(to_hex(out.bytes()),
            "01020304050607"
            "08090a0b0c0d0e0f"
            "fffffffffffffffe"
            "01aa"
            "0002bbcc"
            "00000000"
            "026f6b"
            "0000"
            "ff");
}

TEST(WriterDeathTest, ChecksThatALengthFits) {
  Bytes const long_one(256);
  EXPECT_DEATH(Writer().vec8(long_one), "");
  EXPECT_DEATH(Writer().vec16(Bytes(65536)), "");
}

RC_GTEST_PROP(Codec, ReaderReadsWhatWriterWrote,
              (std::uint8_t a, std::uint16_t b, std::uint32_t c, std::uint64_t d, std::int64_t e,
               Bytes const& f, std::string const& g)) {
  RC_PRE(f.size() <= 255 && g.size() <= 255);
  bool const text = is_utf8(g) && g.find('\0') == std::string::npos;
  Writer out;
  out.u8(a).u16(b).u32(c).u64(d).i64(e).vec8(f).vec16(f).vec32(f).str8(g);
  Bytes const bytes = out.take();
  Reader in(bytes, "all");
  RC_ASSERT(in.u8() == a);
  RC_ASSERT(in.u16() == b);
  RC_ASSERT(in.u32() == c);
  RC_ASSERT(in.u64() == d);
  RC_ASSERT(in.i64() == e);
  RC_ASSERT(equal(in.vec8(), f));
  RC_ASSERT(equal(in.vec16(1000), f));
  RC_ASSERT(equal(in.vec32(1000), f));
  RC_ASSERT(in.str8() == (text ? g : ""));
  RC_ASSERT(in.finish().has_value() == text);
}

// Every shorter input fails, and nothing is read past its end.
TEST(Reader, FailsOnEveryPrefix) {
  Writer out;
  out.u8(1).u16(2).u32(3).u64(4).vec8(unhex("0102")).vec16(unhex("0304")).vec32(unhex("05"));
  out.str8("ab").str16("cd").raw(Hash{}.view());
  Bytes const whole = out.take();
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    Bytes const part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    Reader in(part, "part");
    in.u8(), in.u16(), in.u32(), in.u64();
    in.vec8(), in.vec16(10), in.vec32(10), in.str8(), in.str16(10), in.fixed<Hash>();
    bool const complete = size == whole.size();
    EXPECT_EQ(in.check().has_value(), complete) << size;
    EXPECT_EQ(in.finish().has_value(), complete) << size;
    if (!complete) {
      EXPECT_EQ(in.finish().error().code, Code::kMalformed);
    }
  }
}

TEST(Reader, KeepsTheFirstFailureAndReadsZeroAfterIt) {
  Bytes const input = unhex("0102030405060708");
  Reader in(input, "thing");
  in.raw(2);
  in.reject(Code::kOutOfRange, "first");
  in.reject(Code::kMalformed, "second");
  EXPECT_FALSE(in.ok());
  EXPECT_EQ(in.u8(), 0);
  EXPECT_EQ(in.u64(), 0U);
  EXPECT_TRUE(in.rest().empty());
  EXPECT_TRUE(in.vec32(100).empty());
  EXPECT_TRUE(in.fixed<Hash>().is_zero());
  EXPECT_EQ(in.offset(), 2U);
  EXPECT_EQ(in.finish().error(), (Error{Code::kOutOfRange, "thing@2", "first"}));
}

TEST(Reader, BoundsVectorsBeforeReadingThem) {
  Bytes const input = unhex("ffffffff00");
  Reader in(input, "x");
  EXPECT_TRUE(in.vec32(16).empty());
  EXPECT_EQ(in.check().error().code, Code::kTooLarge);
  Reader huge(input, "x");
  EXPECT_TRUE(huge.vec32(SIZE_MAX).empty());
  EXPECT_EQ(huge.check().error().code, Code::kMalformed);
}

TEST(Reader, RefusesWhatIsLeftOverButCheckDoesNot) {
  Bytes const input = unhex("0102");
  Reader in(input, "x");
  in.u8();
  EXPECT_TRUE(in.check());
  EXPECT_EQ(in.left(), 1U);
  EXPECT_EQ(in.finish().error().where, "x@1");
  Reader all(input, "x");
  EXPECT_EQ(all.rest().size(), 2U);
  EXPECT_TRUE(all.rest().empty());
  EXPECT_TRUE(all.finish());
}

TEST(Reader, TextIsUtf8WithoutNul) {
  for (auto bad : {"0100", "02c080", "03eda080", "01ff"}) {
    Bytes const input = unhex(bad);
    Reader in(input, "x");
    EXPECT_EQ(in.str8(), "") << bad;
    EXPECT_EQ(in.finish().error().code, Code::kBadUtf8) << bad;
    EXPECT_EQ(in.finish().error().where, "x@1") << bad;
  }
}

TEST(Utf8, FollowsRfc3629) {
  for (auto good : {"", "41", "c280", "dfbf", "e0a080", "ed9fbf", "ee8080", "efbfbf", "f0908080",
                    "f48fbfbf", "00"})
    EXPECT_TRUE(is_utf8(as_text(unhex(good)))) << good;
  for (auto bad : {"80",       "bf",       "c0",       "c080",     "c1bf", "c2",   "c241",
                   "e08080",   "e09fbf",   "eda080",   "edbfbf",   "e1",   "e180", "e18041",
                   "f0808080", "f08fbfbf", "f4908080", "f5808080", "f0",   "f090", "f09080",
                   "f0908041", "ff",       "fe",       "41c2"})
    EXPECT_FALSE(is_utf8(as_text(unhex(bad)))) << bad;
}

RC_GTEST_PROP(TextForms, RoundTrip, (Bytes const& bytes)) {
  RC_ASSERT(from_hex(to_hex(bytes)).value() == bytes);
  RC_ASSERT(from_base64(to_base64(bytes)).value() == bytes);
  RC_ASSERT(from_base64url(to_base64url(bytes)).value() == bytes);
  RC_ASSERT(from_armor("AMIC CARD", to_armor("AMIC CARD", bytes)).value() == bytes);
}

// One byte string, one text: what decodes must encode to the same text.
RC_GTEST_PROP(TextForms, Base64IsCanonical, ()) {
  auto const text =
      *rc::gen::container<std::string>(rc::gen::elementOf(std::string("ABCDwxyz0189+/-_=")));
  if (auto const bytes = from_base64(text)) RC_ASSERT(to_base64(*bytes) == text);
  if (auto const bytes = from_base64url(text)) RC_ASSERT(to_base64url(*bytes) == text);
}

TEST(TextForms, Base64OfRfc4648Section10) {
  std::pair<char const*, char const*> const cases[] = {{"", ""},
                                                       {"f", "Zg=="},
                                                       {"fo", "Zm8="},
                                                       {"foo", "Zm9v"},
                                                       {"foob", "Zm9vYg=="},
                                                       {"fooba", "Zm9vYmE="},
                                                       {"foobar", "Zm9vYmFy"}};
  for (auto const& [plain, text] : cases) {
    EXPECT_EQ(to_base64(as_bytes(plain)), text);
    EXPECT_EQ(from_base64(text).value(), to_bytes(std::string_view(plain)));
  }
  for (auto bad : {"Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zm8", "Zg==\n", " Zg==", "Z===", "====", "=",
                   "Zg==Zg==", "Zm-_", "Z=g="})
    EXPECT_FALSE(from_base64(bad)) << bad;
  EXPECT_EQ(to_base64url(unhex("fbff")), "-_8");
  for (auto bad : {"-_8=", "+/8", "A", "-_9"}) EXPECT_FALSE(from_base64url(bad)) << bad;
}

TEST(TextForms, HexTakesBothCasesAndWritesLower) {
  EXPECT_EQ(to_hex(unhex("ABcd09")), "abcd09");
  for (auto bad : {"a", "0g", "0x", " 00", "00 "}) EXPECT_FALSE(from_hex(bad)) << bad;
}

TEST(TextForms, Uuid) {
  std::string const text = "0123abcd-4567-89ab-cdef-0123456789ab";
  Bytes const bytes = from_uuid(text).value();
  EXPECT_EQ(bytes.size(), 16U);
  EXPECT_EQ(to_uuid(bytes), text);
  for (auto bad : {"", "0123abcd456789abcdef0123456789ab", "0123abcd-4567-89ab-cdef-0123456789a",
                   "0123abcd-4567-89ab-cdef-0123456789abc", "0123abcd-4567-89ab-cdef0-123456789ab",
                   "g123abcd-4567-89ab-cdef-0123456789ab", "{123abcd-4567-89ab-cdef-0123456789a}"})
    EXPECT_FALSE(from_uuid(bad)) << bad;
}

TEST(Armor, HasLinesOf64AndAStrictLabel) {
  std::string const text = to_armor("AMIC CARD", Bytes(50, 0xFF));
  EXPECT_EQ(text, "-----BEGIN AMIC CARD-----\n" + std::string(64, '/') +
                      "\n//8=\n-----END AMIC CARD-----\n");
  EXPECT_EQ(to_armor("X", {}), "-----BEGIN X-----\n-----END X-----\n");
  EXPECT_TRUE(from_armor("X", to_armor("X", {})).value().empty());
  EXPECT_FALSE(from_armor("AMIC HEAD", text));
  EXPECT_FALSE(from_armor("AMIC CAR", text));
  EXPECT_FALSE(from_armor("", text));
}

TEST(Armor, ToleratesWhatMailDoesToLines) {
  std::string crlf = "\r\n \t\n";
  for (char const c : to_armor("AMIC CARD", Bytes(100, 7))) {
    if (c == '\n') crlf += " \r";
    crlf += c;
  }
  EXPECT_EQ(from_armor("AMIC CARD", crlf + "\n\n").value(), Bytes(100, 7));
}

TEST(Armor, RefusesTheRest) {
  std::string const b = "-----BEGIN X-----", e = "-----END X-----";
  for (auto const& bad : {std::string(), b, e, b + e, b + "\n", b + "\nAAAA" + e, b + "AAAA\n" + e,
                          b + "\nAA\n" + e, b + "\n*AAA\n" + e, "x" + b + "\n" + e,
                          b + "\n" + e + "x", b + "\nAAAA\n" + e + "\n" + b + "\nAAAA\n" + e,
                          b + "\nAA A\n" + e, b + "\n" + e + "-", b + " \t" + e})
    EXPECT_FALSE(from_armor("X", bad)) << bad;
}

std::int64_t us(std::string_view text) {
  return parse_rfc3339_us(text).value();
}

TEST(Rfc3339, ReadsTheExamplesOfTheRfc) {
  EXPECT_EQ(us("1985-04-12T23:20:50.52Z"), 482196050520000);
  EXPECT_EQ(us("1996-12-19T16:39:57-08:00"), 851042397000000);
  EXPECT_EQ(us("1937-01-01T12:00:27.87+00:20"), -1041337172130000);
  EXPECT_EQ(us("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(us("1970-01-01t00:00:00z"), 0);
  EXPECT_EQ(us("1970-01-01T00:00:00-00:00"), 0);
  EXPECT_EQ(us("2024-02-29T00:00:00Z"), 1709164800000000);
  EXPECT_EQ(us("2000-02-29T23:59:59+23:59"), us("2000-02-29T00:00:59Z"));
}

TEST(Rfc3339, CutsFractionsPastTheMicrosecond) {
  EXPECT_EQ(us("1970-01-01T00:00:00.1Z"), 100000);
  EXPECT_EQ(us("1970-01-01T00:00:00.1234567890123456789012Z"), 123456);
  EXPECT_EQ(us("1969-12-31T23:59:59.999999Z"), -1);
}

TEST(Rfc3339, LeapSecondsTakeTheNextSecond) {
  EXPECT_EQ(us("1990-12-31T23:59:60Z"), us("1991-01-01T00:00:00Z"));
  EXPECT_EQ(us("1990-12-31T15:59:60-08:00"), us("1991-01-01T00:00:00Z"));
  EXPECT_EQ(us("1990-12-31T23:59:60.5Z"), us("1991-01-01T00:00:00.5Z"));
  for (auto bad : {"1990-12-30T23:59:60Z", "1990-12-31T23:58:60Z", "1990-12-31T22:59:60Z",
                   "1990-12-31T23:59:60-08:00", "1990-12-31T23:59:61Z"})
    EXPECT_FALSE(parse_rfc3339_us(bad)) << bad;
}

TEST(Rfc3339, RefusesWhatIsNoDateTime) {
  for (auto bad : {"",
                   "2024",
                   "2024-01-01",
                   "2024-01-01T00:00:00",
                   "2024-01-01 00:00:00Z",
                   "2023-02-29T00:00:00Z",
                   "1900-02-29T00:00:00Z",
                   "2024-00-01T00:00:00Z",
                   "2024-13-01T00:00:00Z",
                   "2024-01-00T00:00:00Z",
                   "2024-01-32T00:00:00Z",
                   "2024-04-31T00:00:00Z",
                   "2024-01-01T24:00:00Z",
                   "2024-01-01T00:60:00Z",
                   "2024-01-01T00:00:00.Z",
                   "2024-01-01T00:00:00,5Z",
                   "2024-01-01T00:00:00+24:00",
                   "2024-01-01T00:00:00+00:60",
                   "2024-01-01T00:00:00+0000",
                   "2024-01-01T00:00:00+00",
                   "2024-01-01T00:00:00Zz",
                   " 2024-01-01T00:00:00Z",
                   "24-01-01T00:00:00Z",
                   "+2024-01-01T00:00:00Z",
                   "2024-1-01T00:00:00Z",
                   "2024-01-01T0:00:00Z",
                   "-024-01-01T00:00:00Z",
                   "2024-01-01T00:00:00",
                   "12024-01-01T00:00:00Z"})
    EXPECT_FALSE(parse_rfc3339_us(bad)) << bad;
  EXPECT_EQ(parse_rfc3339_us("0000-01-01T00:00:00+00:01").error().code, Code::kOutOfRange);
  EXPECT_EQ(parse_rfc3339_us("9999-12-31T23:59:59-00:01").error().code, Code::kOutOfRange);
  EXPECT_EQ(to_rfc3339_us(us("9999-12-31T23:59:59Z")), "9999-12-31T23:59:59.000000Z");
}

TEST(Rfc3339, WritesUtcAndNeverFails) {
  EXPECT_EQ(to_rfc3339(1795489200123), "2026-11-24T03:00:00.123Z");
  EXPECT_EQ(to_rfc3339_us(-1), "1969-12-31T23:59:59.999999Z");
  EXPECT_EQ(to_rfc3339(INT64_MIN), "0000-01-01T00:00:00.000Z");
  EXPECT_EQ(to_rfc3339(INT64_MAX), "9999-12-31T23:59:59.999Z");
}

RC_GTEST_PROP(Rfc3339, RoundTrips, ()) {
  auto const value =
      *rc::gen::inRange<std::int64_t>(-62'167'219'200'000'000, 253'402'300'800'000'000);
  RC_ASSERT(us(to_rfc3339_us(value)) == value);
}

}  // namespace
}  // namespace amic::codec
