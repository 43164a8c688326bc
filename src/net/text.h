// Small text predicates of HTTP (RFC 9110 section 5.6).
#pragma once

#include <string>
#include <string_view>

namespace amic::net {

bool has_control(std::string_view text);  // bytes below 0x20, and 0x7F
bool is_token(std::string_view text);     // RFC 9110 token, not empty
char lower(char c);                       // ASCII only, whatever the locale
std::string to_lower(std::string_view text);
bool equal_ignoring_case(std::string_view a, std::string_view b);
std::string_view trim(std::string_view text);  // spaces and tabs

}  // namespace amic::net
