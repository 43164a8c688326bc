// Takes an HTTP request target apart (RFC 9112 section 3.2, RFC 3986), strictly and bounded.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace amic::net {

inline constexpr std::size_t kTargetBytesMax = 8 << 10;
inline constexpr std::size_t kTargetSegmentsMax = 32;
inline constexpr std::size_t kQueryPairsMax = 128;

struct Target {
  std::string path;  // as received, without the query
  // Percent-decoded. "/" has none; "/a/" is {"a", ""}. A segment may hold a decoded '/': whoever
  // maps segments to files must check.
  std::vector<std::string> segments;
  std::vector<std::pair<std::string, std::string>> query;  // decoded, in order; '+' is a space

  // First value of a query parameter; nullopt if absent.
  std::optional<std::string_view> query_value(std::string_view name) const;
  std::vector<std::string_view> query_values(std::string_view name) const;
};

// Accepts origin-form ("/a?b=c") and absolute-form ("http://host/a"; the authority is ignored).
// kMalformed: another form, a bad escape, a character that must be escaped, an empty segment before
// the last, "." or "..", an escaped control character. kBadUtf8: decoded text that is not UTF-8.
// kTooLarge: beyond the bounds above. `where` is "target".
Result<Target> parse_target(std::string_view target);

// Keeps unreserved characters (RFC 3986 section 2.3), escapes all others.
std::string percent_encode(std::string_view text);
// kMalformed on a bad escape. '+' stays.
Result<std::string> percent_decode(std::string_view text);

}  // namespace amic::net
