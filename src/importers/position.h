// Positions as people write them. Pure and bounded.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace amic::importers {

// How finely the source wrote the position: what the notation can say, not how sure the source was.
enum class Resolution : std::uint8_t { kDegree, kMinute, kSecond, kSubsecond, kDecimal };
std::string_view resolution_name(Resolution resolution);  // "degree" ... "decimal"

struct Position {
  double latitude = 0;   // degrees north
  double longitude = 0;  // degrees east
  Resolution resolution = Resolution::kDegree;
  bool carried = false;  // minutes or seconds were written as 60 and carried into the next unit
};

// Latitude then longitude, each degrees, optionally minutes, optionally seconds, then N or S, E or
// W:
//   13°43'00"N 121°02'00"E     with any white space or comma between, primes and curly quotes too
//   13-43N 121-02E             and 13-58.8N, 13:04.5N; the last part may have a fraction
// Latitude is at most 90 and longitude at most 180 degrees. Minutes and seconds are at most 60: 60
// itself (5°60'00" in NGA's data, a rounding of 5°59'59.6") counts as the next whole unit.
// kMalformed and kOutOfRange name the byte offset.
Result<Position> parse_position(std::string_view text);

// Two decimal numbers of degrees, as in "2.7333" and "-6.4". kMalformed, kOutOfRange.
Result<Position> parse_decimal(std::string_view latitude, std::string_view longitude);

}  // namespace amic::importers
