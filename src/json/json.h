// Strict JSON (RFC 8259 + I-JSON) and canonical JSON (RFC 8785). The one owner of Boost.JSON: its
// value type is ours by alias, so nobody else includes <boost/json...>.
#pragma once

#include <boost/json.hpp>

#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "base/result.h"

namespace amic::json {

using boost::json::array;
using boost::json::object;
using boost::json::value;
using Storage = boost::json::storage_ptr;

struct ParseOptions {
  std::size_t depth_max = limits::kJsonDepthMax;
  std::size_t bytes_max = limits::kJsonBytesMax;
};

// Refuses, with code and JSON pointer or byte offset in `where`: syntax errors (kMalformed), invalid
// UTF-8 (kBadUtf8), duplicate keys (kDuplicateKey), depth (kTooDeep), size (kTooLarge), integers
// outside int64/uint64 and non-finite numbers (kOutOfRange), trailing text.
Result<value> parse(std::string_view text, ParseOptions options = {}, Storage storage = {});

// RFC 8785: sorted by UTF-16 code units, ECMAScript numbers.
std::string canonical(value const& v);
std::string serialize(value const& v);  // compact, member order kept

// Exact source text of each element of the top-level member `name` (an array) of an object that
// parse() accepts, without building the DOM of the whole: how bundles stream. `first_error_offset`
// semantics as parse. The views point into `text`.
struct ArraySlices {
  std::vector<std::string_view> elements;
  std::string rest;  // the object's text with that array replaced by [], ready for parse()
};
Result<ArraySlices> slice_member_array(std::string_view text, std::string_view name,
                                       std::size_t elements_max, ParseOptions options = {});

// Exact source text of one top-level member's value, whatever it is. kMissingField if absent.
Result<std::string_view> slice_member(std::string_view text, std::string_view name,
                                      ParseOptions options = {});

// RFC 6901 token escaping: "a/b~" -> "a~1b~0".
std::string pointer_token(std::string_view key);

// Field access with precise errors: kMissingField, kWrongType; `where` = pointer + "/" + name.
Result<std::string> get_string(object const& o, std::string_view name, std::string_view pointer);
Result<std::int64_t> get_int(object const& o, std::string_view name, std::string_view pointer);

}  // namespace amic::json
