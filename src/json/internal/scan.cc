#include "json/internal/scan.h"

#include <boost/json.hpp>

namespace amic::json::internal {

std::size_t skip_space(std::string_view text, std::size_t at) {
  while (at < text.size() && is_space(text[at])) ++at;
  return at;
}

std::size_t skip_string(std::string_view text, std::size_t at) {
  // Jumps from quote to quote; one after an odd number of backslashes is escaped. The runs of
  // backslashes looked at are disjoint, so this stays linear.
  for (auto i = text.find('"', at + 1); i != std::string_view::npos; i = text.find('"', i + 1)) {
    std::size_t backslashes = 0;
    while (i - backslashes - 1 > at && text[i - backslashes - 1] == '\\') ++backslashes;
    if (backslashes % 2 == 0) return i + 1;
  }
  return std::string_view::npos;
}

std::size_t skip_scalar(std::string_view text, std::size_t at) {
  while (at < text.size()) {
    char const c = text[at];
    bool const part =
        is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '+' || c == '.' || c == 'E';
    if (!part) break;
    ++at;
  }
  return at;
}

std::string decode_string(std::string_view token) {
  if (token.size() >= 2 && token.find('\\') == std::string_view::npos)
    return std::string(token.substr(1, token.size() - 2));
  boost::json::error_code ec;
  auto const parsed = boost::json::parse(token, ec);
  if (ec || !parsed.is_string()) return {};
  return std::string(std::string_view(parsed.get_string()));
}

std::string at_byte(std::size_t offset) {
  return "byte " + std::to_string(offset);
}

}  // namespace amic::json::internal
