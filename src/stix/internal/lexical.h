// Lexical forms of the types of STIX 2.1 sections 2 and 3.1. No allocation.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace amic::stix::internal {

struct Timestamp {
  std::int64_t unix_us = 0;  // fraction digits past the microsecond are cut
  int fraction_digits = 0;
};
std::optional<Timestamp> read_timestamp(std::string_view text);

bool is_type_name(std::string_view text);      // 3.1: [a-z][a-z0-9-]{2,249}, no "--", no "-" last
bool is_property_name(std::string_view text);  // 11.1.1: [a-z0-9_]{3,250}
bool is_dictionary_key(std::string_view text, std::size_t size_min);  // 2.3, 2.7
bool is_hex(std::string_view text);           // 2.8; upper case is tolerated, see the .cc
bool is_base64(std::string_view text);        // RFC 4648 section 4
bool is_language_tag(std::string_view text);  // RFC 5646, the shape only
bool is_uuid(std::string_view text);
// False if `algorithm` is a known one and `digest` can't be of it.
bool is_digest(std::string_view algorithm, std::string_view digest);

}  // namespace amic::stix::internal
