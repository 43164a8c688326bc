// Date-times of RFC 3339. The calendar is std::chrono's: proleptic Gregorian, no leap seconds.
#include <chrono>
#include <cstdio>

#include "codec/codec.h"

namespace amic::codec {

namespace {

namespace chr = std::chrono;

constexpr std::int64_t kUsPerMs = 1000;
constexpr std::int64_t kUsPerSecond = 1'000'000;
constexpr std::int64_t kSecondsPerDay = 86'400;
constexpr std::int64_t kFirstSecond = -62'167'219'200;  // 0000-01-01T00:00:00Z
constexpr std::int64_t kLastSecond = 253'402'300'799;   // 9999-12-31T23:59:59Z
constexpr std::size_t kFractionDigits = 6;

tl::unexpected<Error> bad(std::string detail) {
  return fail(Code::kMalformed, "date-time", std::move(detail));
}

// Reads fixed-width decimal fields from the left.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : text_(text) {}

  int number(std::size_t width) {
    int value = 0;
    for (std::size_t i = 0; i < width; ++i) {
      int const digit = next_digit();
      if (digit < 0) ok_ = false;
      value = value * 10 + std::max(digit, 0);
    }
    return value;
  }
  // -1 if the next character is no digit; it is not consumed then.
  int next_digit() {
    if (text_.empty() || text_.front() < '0' || text_.front() > '9') return -1;
    int const digit = text_.front() - '0';
    text_.remove_prefix(1);
    return digit;
  }
  bool accept(char a) {
    if (text_.empty() || text_.front() != a) return false;
    text_.remove_prefix(1);
    return true;
  }
  void expect(char a) { ok_ = accept(a) && ok_; }
  void expect_either(char a, char b) { ok_ = (accept(a) || accept(b)) && ok_; }
  void require(bool condition) { ok_ = ok_ && condition; }
  bool ok() const { return ok_; }
  bool at_end() const { return text_.empty(); }

 private:
  std::string_view text_;
  bool ok_ = true;
};

std::int64_t fraction_us(Cursor& in) {
  if (!in.accept('.')) return 0;
  std::int64_t us = 0;
  std::size_t digits = 0;
  for (int digit = in.next_digit(); digit >= 0; digit = in.next_digit(), ++digits)
    if (digits < kFractionDigits) us = us * 10 + digit;
  in.require(digits > 0);
  for (; digits < kFractionDigits; ++digits) us *= 10;
  return us;
}

std::int64_t offset_seconds(Cursor& in) {
  if (in.accept('Z') || in.accept('z')) return 0;
  bool const minus = in.accept('-');
  if (!minus) in.expect('+');
  int const hours = in.number(2);
  in.expect(':');
  int const minutes = in.number(2);
  in.require(hours <= 23 && minutes <= 59);
  std::int64_t const seconds = hours * 3600 + minutes * 60;
  return minus ? -seconds : seconds;
}

// True if `utc` (unix seconds) is the last second of a month, the only place of a leap second.
bool ends_a_month(std::int64_t utc) {
  std::int64_t const next = utc + 1;
  if (next % kSecondsPerDay != 0) return false;
  chr::year_month_day const date{chr::sys_days{chr::days{next / kSecondsPerDay}}};
  return date.day() == chr::day{1};
}

std::string format(std::int64_t seconds, std::int64_t fraction, int digits) {
  chr::sys_seconds const time{chr::seconds{seconds}};
  chr::sys_days const day = chr::floor<chr::days>(time);
  chr::year_month_day const date{day};
  chr::hh_mm_ss const clock{time - day};
  char out[64];
  int const size = std::snprintf(
      out, sizeof out, "%04d-%02u-%02uT%02d:%02d:%02d.%0*dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()), digits, static_cast<int>(fraction));
  return {out, static_cast<std::size_t>(size)};
}

std::string to_text(std::int64_t value, std::int64_t units_per_second, int digits) {
  std::int64_t seconds = value / units_per_second;
  std::int64_t fraction = value % units_per_second;
  if (fraction < 0) {
    fraction += units_per_second;
    --seconds;
  }
  // Four-digit years only: what lies outside is shown as the first or the last instant.
  if (seconds < kFirstSecond) return format(kFirstSecond, 0, digits);
  if (seconds > kLastSecond) return format(kLastSecond, units_per_second - 1, digits);
  return format(seconds, fraction, digits);
}

}  // namespace

std::string to_rfc3339(std::int64_t unix_ms) {
  return to_text(unix_ms, kUsPerSecond / kUsPerMs, 3);
}

std::string to_rfc3339_us(std::int64_t unix_us) {
  return to_text(unix_us, kUsPerSecond, 6);
}

Result<std::int64_t> parse_rfc3339_us(std::string_view text) {
  Cursor in(text);
  int const year = in.number(4);
  in.expect('-');
  int const month = in.number(2);
  in.expect('-');
  int const day = in.number(2);
  in.expect_either('T', 't');
  int const hour = in.number(2);
  in.expect(':');
  int const minute = in.number(2);
  in.expect(':');
  int const second = in.number(2);
  std::int64_t const us = fraction_us(in);
  std::int64_t const offset = offset_seconds(in);
  if (!in.ok() || !in.at_end()) return bad("not YYYY-MM-DDThh:mm:ss[.f](Z|+hh:mm)");

  chr::year_month_day const date{chr::year{year}, chr::month{static_cast<unsigned>(month)},
                                 chr::day{static_cast<unsigned>(day)}};
  if (!date.ok()) return bad("no such day");
  if (hour > 23 || minute > 59 || second > 60) return bad("no such time of day");
  std::int64_t const days = chr::sys_days{date}.time_since_epoch().count();
  std::int64_t const seconds = days * kSecondsPerDay + hour * 3600 + minute * 60 + second - offset;
  // A leap second takes the value of the second after it, as in POSIX time.
  if (second == 60 && !ends_a_month(seconds - 1)) return bad("no leap second can be here");
  if (seconds < kFirstSecond || seconds > kLastSecond)
    return fail(Code::kOutOfRange, "date-time", "years 0000 to 9999 in UTC");
  return seconds * kUsPerSecond + us;
}

}  // namespace amic::codec
