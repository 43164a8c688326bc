// Lines, decimals and base64 as the C2SP texts write them: one spelling each. Private to merkle.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace amic::merkle::internal {

// ASCII decimal without sign or leading zeroes, below 2^64.
std::optional<std::uint64_t> parse_decimal(std::string_view text);

// Base64 that is exactly what encoding its bytes gives (so unused bits are zero).
std::optional<Bytes> parse_base64(std::string_view text);
std::optional<Hash> parse_hash(std::string_view text);

// Key names: 1..255 bytes of UTF-8, no Unicode space, no control character, no '+'.
bool is_key_name(std::string_view text);

// Takes lines off the front. Every line ends in LF; next() is nullopt at the end or without one.
class Lines {
 public:
  explicit Lines(std::string_view text) : rest_(text) {}
  std::optional<std::string_view> next();
  std::string_view rest() const { return rest_; }
  std::size_t number() const { return number_; }  // of the line taken last, from 1
  // "note.line 3"
  std::string where(std::string_view what) const;

 private:
  std::string_view rest_;
  std::size_t number_ = 0;
};

}  // namespace amic::merkle::internal
