#include "importers/position.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <string>

namespace amic::importers {
namespace {

constexpr std::size_t kTextMax = 128;

constexpr std::array<std::string_view, 3> kDegreeMarks{"°", "º", "˚"};
constexpr std::array<std::string_view, 4> kMinuteMarks{"'", "’", "‘", "′"};
constexpr std::array<std::string_view, 6> kSecondMarks{"\"", "”", "“", "″", "''", "’’"};

struct Cursor {
  std::string_view text;
  std::size_t at = 0;

  bool done() const { return at >= text.size(); }
  void skip_space() {
    while (!done() && (text[at] == ' ' || text[at] == '\n' || text[at] == '\t' || text[at] == '\r'))
      ++at;
  }
  template <std::size_t N>
  bool take(std::array<std::string_view, N> const& marks) {
    for (std::string_view const mark : marks) {
      if (!text.substr(at).starts_with(mark)) continue;
      at += mark.size();
      return true;
    }
    return false;
  }
  tl::unexpected<Error> fail_here(Code code, std::string detail) const {
    return fail(code, "offset " + std::to_string(at), std::move(detail));
  }
};

struct Number {
  double value = 0;
  bool fraction = false;
};

Result<Number> number(Cursor& c) {
  std::size_t const begin = c.at;
  std::size_t digits = 0;
  Number out;
  while (!c.done() && c.text[c.at] >= '0' && c.text[c.at] <= '9') ++c.at, ++digits;
  if (digits == 0 || digits > 4) return c.fail_here(Code::kMalformed, "expected a number");
  if (!c.done() && c.text[c.at] == '.') {
    ++c.at;
    std::size_t const first = c.at;
    while (!c.done() && c.text[c.at] >= '0' && c.text[c.at] <= '9') ++c.at;
    if (c.at == first || c.at - first > 12)
      return c.fail_here(Code::kMalformed, "expected the digits of a fraction");
    out.fraction = true;
  }
  std::from_chars(c.text.data() + begin, c.text.data() + c.at, out.value);
  return out;
}

struct Angle {
  double degrees = 0;
  int parts = 0;  // 1 degrees, 2 minutes, 3 seconds
  bool fraction = false;
  bool carried = false;
};

// The mark that ends part `part` (0 degrees, 1 minutes, 2 seconds): true if there is one. Dashes
// and colons do between numbers, but the last number of the "13-43N" notation has no mark.
bool take_mark(Cursor& c, int part) {
  c.skip_space();
  if (part == 2) return c.take(kSecondMarks);
  if (part == 1 && c.text.substr(c.at).starts_with("''")) return false;
  bool const mark = part == 0 ? c.take(kDegreeMarks) : c.take(kMinuteMarks);
  if (mark) return true;
  if (!c.done() && (c.text[c.at] == '-' || c.text[c.at] == ':')) {
    ++c.at;
    return true;
  }
  return !c.done() && c.text[c.at] >= '0' && c.text[c.at] <= '9';  // "06 17N": white space did
}

Result<Angle> angle(Cursor& c, double degrees_max, char positive, char negative) {
  Angle out;
  constexpr std::array<double, 3> kUnit{1, 60, 3600};
  for (int part = 0; part < 3; ++part) {
    c.skip_space();
    if (part > 0 && (c.done() || c.text[c.at] < '0' || c.text[c.at] > '9')) break;
    if (out.fraction) return c.fail_here(Code::kMalformed, "a part after a fraction");
    AMIC_TRY(Number const n, number(c));
    double const most = part == 0 ? degrees_max : 60;
    if (n.value > most || (part > 0 && n.value == 60 && n.fraction))
      return c.fail_here(Code::kOutOfRange, "more than " + std::to_string(static_cast<int>(most)));
    out.degrees += n.value / kUnit[static_cast<std::size_t>(part)];
    out.parts = part + 1;
    out.fraction = n.fraction;
    out.carried = out.carried || (part > 0 && n.value == 60);
    if (!take_mark(c, part)) break;
  }
  c.skip_space();
  char const raw = c.done() ? '\0' : c.text[c.at];
  char const hemisphere = raw >= 'a' && raw <= 'z' ? static_cast<char>(raw - 'a' + 'A') : raw;
  if (hemisphere != positive && hemisphere != negative)
    return c.fail_here(Code::kMalformed, std::string("expected ") + positive + " or " + negative);
  ++c.at;
  if (out.degrees > degrees_max) return c.fail_here(Code::kOutOfRange, "beyond the last degree");
  // -0.0 would be a second spelling of the equator in canonical JSON's eyes; keep one.
  if (hemisphere == negative && out.degrees != 0) out.degrees = -out.degrees;
  return out;
}

Resolution resolution_of(Angle const& a) {
  if (a.parts == 1) return a.fraction ? Resolution::kDecimal : Resolution::kDegree;
  if (a.parts == 2) return a.fraction ? Resolution::kSecond : Resolution::kMinute;
  return a.fraction ? Resolution::kSubsecond : Resolution::kSecond;
}

Result<double> decimal(std::string_view text, double most, std::string_view name) {
  double value = 0;
  auto const [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (text.empty() || text.size() > 32 || error != std::errc{} ||
      end != text.data() + text.size() || !std::isfinite(value))
    return fail(Code::kMalformed, std::string(name), "not a decimal number");
  if (std::abs(value) > most)
    return fail(Code::kOutOfRange, std::string(name), "beyond the last degree");
  return value == 0 ? 0.0 : value;
}

// Nine decimals are a tenth of a millimetre: beyond every source, short of every rounding error.
double rounded(double degrees) {
  return std::round(degrees * 1e9) / 1e9 + 0.0;
}

}  // namespace

std::string_view resolution_name(Resolution resolution) {
  switch (resolution) {
    case Resolution::kDegree:
      return "degree";
    case Resolution::kMinute:
      return "minute";
    case Resolution::kSecond:
      return "second";
    case Resolution::kSubsecond:
      return "subsecond";
    case Resolution::kDecimal:
      return "decimal";
  }
  return "degree";
}

Result<Position> parse_position(std::string_view text) {
  Cursor c{text};
  if (text.size() > kTextMax) return c.fail_here(Code::kTooLarge, "too long for a position");
  AMIC_TRY(Angle const latitude, angle(c, 90, 'N', 'S'));
  c.skip_space();
  if (!c.done() && (c.text[c.at] == ',' || c.text[c.at] == ';' || c.text[c.at] == '-')) ++c.at;
  AMIC_TRY(Angle const longitude, angle(c, 180, 'E', 'W'));
  c.skip_space();
  if (!c.done()) return c.fail_here(Code::kMalformed, "text after the longitude");
  Position out;
  out.latitude = rounded(latitude.degrees);
  out.longitude = rounded(longitude.degrees);
  out.resolution = std::min(resolution_of(latitude), resolution_of(longitude));
  // NGA writes whole seconds always: both zero means that the source gave minutes.
  bool const whole_minutes = std::fmod(std::round(std::abs(latitude.degrees) * 3600), 60) == 0 &&
                             std::fmod(std::round(std::abs(longitude.degrees) * 3600), 60) == 0;
  if (out.resolution == Resolution::kSecond && latitude.parts == 3 && whole_minutes &&
      !latitude.fraction && !longitude.fraction)
    out.resolution = Resolution::kMinute;
  out.carried = latitude.carried || longitude.carried;
  return out;
}

Result<Position> parse_decimal(std::string_view latitude, std::string_view longitude) {
  Position out;
  AMIC_TRY(out.latitude, decimal(latitude, 90, "latitude"));
  AMIC_TRY(out.longitude, decimal(longitude, 180, "longitude"));
  out.resolution = Resolution::kDecimal;
  return out;
}

}  // namespace amic::importers
