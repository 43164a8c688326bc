#include "stix/internal/lexical.h"

#include <algorithm>

namespace amic::stix::internal {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool is_alpha(char c) {
  return is_lower(c) || (c >= 'A' && c <= 'Z');
}
bool is_alnum(char c) {
  return is_alpha(c) || is_digit(c);
}
bool is_hex_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

template <class Predicate>
bool all(std::string_view text, Predicate predicate) {
  return std::all_of(text.begin(), text.end(), predicate);
}

// The number in text[at, at + digits), or -1.
int field(std::string_view text, std::size_t at, std::size_t digits) {
  int out = 0;
  for (std::size_t i = at; i < at + digits; ++i) {
    if (!is_digit(text[i])) return -1;
    out = out * 10 + (text[i] - '0');
  }
  return out;
}

bool is_leap(int year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int days_in(int year, int month) {
  constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return month == 2 && is_leap(year) ? 29 : kDays[month - 1];
}

// Days since 1970-01-01 of a date of the proleptic Gregorian calendar, year >= 0. Years are counted
// from March so that the leap day comes last.
std::int64_t days_since_epoch(int year, int month, int day) {
  std::int64_t const y = month <= 2 ? year - 1 : year;
  std::int64_t const m = (month + 9) % 12;
  auto const floor_div = [](std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); };
  std::int64_t const leaps = floor_div(y, 4) - floor_div(y, 100) + floor_div(y, 400);
  return 365 * y + leaps + (153 * m + 2) / 5 + day - 1 - 719'468;
}

}  // namespace

std::optional<Timestamp> read_timestamp(std::string_view text) {
  // YYYY-MM-DDTHH:mm:ss[.s+]Z (2.16.1)
  if (text.size() < 20 || text.back() != 'Z') return std::nullopt;
  if (text[4] != '-' || text[7] != '-' || text[10] != 'T' || text[13] != ':' || text[16] != ':')
    return std::nullopt;
  int const year = field(text, 0, 4), month = field(text, 5, 2), day = field(text, 8, 2);
  int const hour = field(text, 11, 2), minute = field(text, 14, 2), second = field(text, 17, 2);
  if (year < 0 || month < 1 || month > 12 || day < 1 || day > days_in(year, month))
    return std::nullopt;
  // RFC 3339 5.7: second 60 is a leap second, which in UTC ends a day.
  bool const leap_second = second == 60 && hour == 23 && minute == 59;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 ||
      (second > 59 && !leap_second))
    return std::nullopt;
  Timestamp out;
  std::int64_t fraction_us = 0;
  if (auto const fraction = text.substr(19, text.size() - 20); !fraction.empty()) {
    if (fraction[0] != '.' || fraction.size() < 2 || !all(fraction.substr(1), is_digit))
      return std::nullopt;
    out.fraction_digits = static_cast<int>(std::min<std::size_t>(fraction.size() - 1, 1000));
    for (std::size_t i = 1; i <= 6; ++i)
      fraction_us = fraction_us * 10 + (i < fraction.size() ? fraction[i] - '0' : 0);
  }
  std::int64_t const seconds =
      days_since_epoch(year, month, day) * 86'400 + hour * 3600 + minute * 60 + second;
  out.unix_us = seconds * 1'000'000 + fraction_us;
  return out;
}

bool is_type_name(std::string_view text) {
  if (text.size() < 3 || text.size() > 250 || !is_lower(text[0])) return false;
  if (!all(text, [](char c) { return is_lower(c) || is_digit(c) || c == '-'; })) return false;
  return text.back() != '-' && text.find("--") == std::string_view::npos;
}

bool is_property_name(std::string_view text) {
  return text.size() >= 3 && text.size() <= 250 &&
         all(text, [](char c) { return is_lower(c) || is_digit(c) || c == '_'; });
}

bool is_dictionary_key(std::string_view text, std::size_t size_min) {
  return text.size() >= size_min && text.size() <= 250 &&
         all(text, [](char c) { return is_alnum(c) || c == '-' || c == '_'; });
}

// 2.8 asks for lower case; examples of the specification itself (6.6, magic_number_hex) and many
// producers have upper case, and no reader can take it for something else.
bool is_hex(std::string_view text) {
  return text.size() % 2 == 0 && all(text, is_hex_digit);
}

bool is_base64(std::string_view text) {
  if (text.size() % 4 != 0) return false;
  auto body = text;
  for (int i = 0; i < 2 && !body.empty() && body.back() == '='; ++i) body.remove_suffix(1);
  return all(body, [](char c) { return is_alnum(c) || c == '+' || c == '/'; });
}

bool is_language_tag(std::string_view text) {
  if (text.empty() || text.size() > 250) return false;
  bool first = true;
  while (true) {
    auto const dash = text.find('-');
    auto const subtag = text.substr(0, dash);
    if (subtag.empty() || subtag.size() > 8 || !all(subtag, is_alnum)) return false;
    // The first is a language of two letters or more, or x or i.
    if (first && (!all(subtag, is_alpha) ||
                  (subtag.size() == 1 && std::string_view("xXiI").find(subtag) == subtag.npos)))
      return false;
    if (dash == std::string_view::npos) return true;
    first = false;
    text.remove_prefix(dash + 1);
  }
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < 36; ++i) {
    bool const dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !is_hex_digit(text[i])) return false;
  }
  return true;
}

bool is_digest(std::string_view algorithm, std::string_view digest) {
  struct {
    std::string_view name;
    std::size_t size;
  } constexpr kKnown[] = {{"MD5", 32},      {"SHA-1", 40},    {"SHA-256", 64},
                          {"SHA-512", 128}, {"SHA3-256", 64}, {"SHA3-512", 128}};
  for (auto const& known : kKnown)
    if (known.name == algorithm) return digest.size() == known.size && all(digest, is_hex_digit);
  return !digest.empty();
}

}  // namespace amic::stix::internal
