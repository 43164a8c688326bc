// Media types and their negotiation (RFC 9110 sections 8.3 and 12.5.1).
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace amic::net {

inline constexpr std::size_t kMediaTypeBytesMax = 4 << 10;
inline constexpr std::size_t kMediaRangesMax = 32;
inline constexpr std::size_t kMediaParametersMax = 8;

struct MediaType {
  std::string type;                                             // lower case, "*" in a range
  std::string subtype;                                          // lower case, "*" in a range
  std::vector<std::pair<std::string, std::string>> parameters;  // names lower case; q left out
  int q_thousandths = 1000;                                     // Accept only

  std::string_view parameter(std::string_view lower_name) const;  // empty if absent
  bool is(std::string_view full) const;  // "application/json", parameters aside
  std::string text() const;              // "application/taxii+json;version=2.1"
  bool operator==(MediaType const&) const = default;
};

// Content-Type. kMalformed (also for wildcards) or kTooLarge; `where` is "content-type".
Result<MediaType> parse_media_type(std::string_view text);
// Accept. Empty text is "*/*". kMalformed or kTooLarge; `where` is "accept".
Result<std::vector<MediaType>> parse_accept(std::string_view text);

// Index of the offer that the client prefers (the earlier of equals); nullopt: none is acceptable.
// A range matches an offer that has all of the range's parameters; the most specific range decides.
std::optional<std::size_t> negotiate(std::span<MediaType const> accept,
                                     std::span<MediaType const> offers);

}  // namespace amic::net
