#include "json/internal/number.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <string_view>

namespace amic::json::internal {
namespace {

// Lays out `digits` (no leading or trailing zeros) with the decimal point after `point` digits.
void append_layout(std::string& out, std::string_view digits, int point) {
  int const count = static_cast<int>(digits.size());
  if (count <= point && point <= 21) {
    out.append(digits).append(static_cast<std::size_t>(point - count), '0');
  } else if (0 < point && point <= 21) {
    auto const split = static_cast<std::size_t>(point);
    out.append(digits.substr(0, split)).append(".").append(digits.substr(split));
  } else if (-6 < point && point <= 0) {
    out.append("0.").append(static_cast<std::size_t>(-point), '0').append(digits);
  } else {
    out.append(digits.substr(0, 1));
    if (count > 1) out.append(".").append(digits.substr(1));
    int const exponent = point - 1;
    out.append(exponent < 0 ? "e-" : "e+").append(std::to_string(std::abs(exponent)));
  }
}

}  // namespace

void append_double(std::string& out, double number) {
  if (!std::isfinite(number)) {
    out += "null";
    return;
  }
  if (number == 0) {
    out += '0';
    return;
  }
  if (number < 0) out += '-';
  // The longest shortest form is d.dddddddddddddddde-ddd: 23 characters.
  char buffer[32];
  auto const end = std::to_chars(buffer, buffer + sizeof buffer, std::fabs(number),
                                 std::chars_format::scientific)
                       .ptr;
  std::string_view const text(buffer, static_cast<std::size_t>(end - buffer));
  auto const e = text.find('e');
  char digits[32];
  std::size_t count = 0;
  for (char const c : text.substr(0, e))
    if (c != '.') digits[count++] = c;
  int exponent = 0;
  auto const* first = text.data() + e + (text[e + 1] == '+' ? 2 : 1);
  std::from_chars(first, text.data() + text.size(), exponent);
  append_layout(out, std::string_view(digits, count), exponent + 1);
}

}  // namespace amic::json::internal
