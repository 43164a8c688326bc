#include "importers/position.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <cstdio>

namespace amic::importers {
namespace {

struct Good {
  char const* text;
  double latitude, longitude;
  Resolution resolution;
  bool carried = false;
};

// One row for each kind of spelling in NGA's file: digits per part, hemispheres, fractions of one
// and two places, three-digit seconds, minutes of 60; then the notations of narratives.
constexpr Good kGood[] = {
    {"13°43'00\"N \n121°02'00\"E", 13.716666667, 121.033333333, Resolution::kMinute},
    {"1°16'00\"N \n104°17'00\"E", 1.266666667, 104.283333333, Resolution::kMinute},
    {"0°04'00\"S \n51°06'00\"W", -0.066666667, -51.1, Resolution::kMinute},
    {"29°52'00\"S \n31°02'00\"E", -29.866666667, 31.033333333, Resolution::kMinute},
    {"4°54'00\"N \n1°41'00\"W", 4.9, -1.683333333, Resolution::kMinute},
    {"18°29'01\"N \n38°19'16\"E", 18.483611111, 38.321111111, Resolution::kSecond},
    {"14°33'00\"N \n120°55'59.88\"E", 14.55, 120.9333, Resolution::kSecond},
    {"47°05'16.84\"N \n37°34'46.24\"E", 47.088011111, 37.579511111, Resolution::kSubsecond},
    {"1°14'07.2\"N \n103°58'14.4\"E", 1.235333333, 103.970666667, Resolution::kSubsecond},
    {"23°02'010\"N \n70°13'30\"E", 23.036111111, 70.225, Resolution::kSecond},
    {"0°02'010\"N \n0°00'00\"W", 0.036111111, 0, Resolution::kSecond},
    {"5°60'00\"N \n119°30'00\"E", 6, 119.5, Resolution::kMinute, true},
    {"2°00'00\"N \n173°60'00\"W", 2, -174, Resolution::kMinute, true},
    {"13°43’00”N 121°02’00”E", 13.716666667, 121.033333333, Resolution::kMinute},
    {"13°43′00″N, 121°02′00″E", 13.716666667, 121.033333333, Resolution::kMinute},
    {"13-43N 121-02E", 13.716666667, 121.033333333, Resolution::kMinute},
    {"13-58.8N  051-25E", 13.98, 51.416666667, Resolution::kMinute},
    {"01-15N - 104-11E", 1.25, 104.183333333, Resolution::kMinute},
    {"06:27.5n, 003:23.25e", 6.458333333, 3.3875, Resolution::kSecond},
    {"13 58.8N 051 25E", 13.98, 51.416666667, Resolution::kMinute},
    {"13.5N 51.25W", 13.5, -51.25, Resolution::kDecimal},
    {"90°00'00\"S 180°00'00\"E", -90, 180, Resolution::kMinute},
};

TEST(Position, ReadsEverySpellingOfTheFile) {
  for (Good const& good : kGood) {
    auto const got = parse_position(good.text);
    ASSERT_TRUE(got) << good.text << ": " << got.error().text();
    EXPECT_NEAR(got->latitude, good.latitude, 1e-9) << good.text;
    EXPECT_NEAR(got->longitude, good.longitude, 1e-9) << good.text;
    EXPECT_EQ(got->resolution, good.resolution) << good.text;
    EXPECT_EQ(got->carried, good.carried) << good.text;
    EXPECT_FALSE(std::signbit(got->longitude) && got->longitude == 0) << good.text;
  }
}

TEST(Position, RefusesWithThePlace) {
  struct Bad {
    char const* text;
    Code code;
    char const* where;
  };
  constexpr Bad kBad[] = {
      {"", Code::kMalformed, "offset 0"},
      {"unknown", Code::kMalformed, "offset 0"},
      {"13°43'00\"N", Code::kMalformed, "offset 11"},
      {"13°43'00\"E 121°02'00\"N", Code::kMalformed, "offset 10"},
      {"13°61'00\"N 121°02'00\"E", Code::kOutOfRange, "offset 6"},
      {"13°60.5'N 121°02'00\"E", Code::kOutOfRange, "offset 8"},
      {"91°00'00\"N 121°02'00\"E", Code::kOutOfRange, "offset 2"},
      {"90°00'01\"N 121°02'00\"E", Code::kOutOfRange, "offset 11"},
      {"13°43'00\"N 181°02'00\"E", Code::kOutOfRange, "offset 15"},
      {"13°43'00\"N 121°02'00\"E near", Code::kMalformed, "offset 25"},
      {"13.5°43'00\"N 121°02'00\"E", Code::kMalformed, "offset 6"},
      {"-13°43'00\"N 121°02'00\"E", Code::kMalformed, "offset 0"},
  };
  for (Bad const& bad : kBad) {
    auto const got = parse_position(bad.text);
    ASSERT_FALSE(got) << bad.text;
    EXPECT_EQ(got.error().code, bad.code) << bad.text;
    EXPECT_EQ(got.error().where, bad.where) << bad.text;
  }
  EXPECT_EQ(parse_position(std::string(200, '1')).error().code, Code::kTooLarge);
}

TEST(Position, ReadsDecimalNumbers) {
  auto const got = parse_decimal("2.7333333333333334", "-6.4");
  ASSERT_TRUE(got);
  EXPECT_DOUBLE_EQ(got->latitude, 2.7333333333333334);
  EXPECT_DOUBLE_EQ(got->longitude, -6.4);
  for (auto const& [lat, lon] : {std::pair{"NA", "1"},
                                 {"1", ""},
                                 {"1e1", "2"},
                                 {"inf", "1"},
                                 {"nan", "1"},
                                 {"1 ", "1"},
                                 {"90.1", "0"},
                                 {"0", "-180.5"},
                                 {"+1", "1"}})
    EXPECT_FALSE(parse_decimal(lat, lon)) << lat << " " << lon;
}

RC_GTEST_PROP(Position, WhatIsWrittenInDegreesMinutesSecondsIsRead, ()) {
  auto const lat = *rc::gen::inRange(-90 * 3600, 90 * 3600 + 1);
  auto const lon = *rc::gen::inRange(-180 * 3600, 180 * 3600 + 1);
  char text[64];
  std::snprintf(text, sizeof text, "%d°%02d'%02d\"%c \n%d°%02d'%02d\"%c", std::abs(lat) / 3600,
                std::abs(lat) / 60 % 60, std::abs(lat) % 60, lat < 0 ? 'S' : 'N',
                std::abs(lon) / 3600, std::abs(lon) / 60 % 60, std::abs(lon) % 60,
                lon < 0 ? 'W' : 'E');
  auto const got = parse_position(text);
  RC_ASSERT(got.has_value());
  RC_ASSERT(std::abs(got->latitude - lat / 3600.0) < 1e-8);
  RC_ASSERT(std::abs(got->longitude - lon / 3600.0) < 1e-8);
}

RC_GTEST_PROP(Position, AnyTextEndsInAPositionOnEarthOrAnError, (std::string const& text)) {
  auto const got = parse_position(text);
  if (got) RC_ASSERT(std::abs(got->latitude) <= 90 && std::abs(got->longitude) <= 180);
}

}  // namespace
}  // namespace amic::importers
