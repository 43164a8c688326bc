// Byte scanner over JSON text, used where a DOM would cost too much or says too little (Boost.JSON
// keeps neither duplicate members nor the spelling of numbers).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace amic::json::internal {

inline bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}
inline bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Offset after the white space at `at`.
std::size_t skip_space(std::string_view text, std::size_t at);
// `at` is the opening quote. Offset after the closing quote, or npos if there is none. Escapes are
// stepped over, not checked.
std::size_t skip_string(std::string_view text, std::size_t at);
// Offset after the characters that may form a number, true, false or null.
std::size_t skip_scalar(std::string_view text, std::size_t at);

// The string a JSON string token (with its quotes) stands for; "" if the token is not valid.
std::string decode_string(std::string_view token);

// "byte 17"
std::string at_byte(std::size_t offset);

}  // namespace amic::json::internal
