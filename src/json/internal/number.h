// Numbers as ECMAScript writes them (ECMA-262 Number::toString), which RFC 8785 3.2.2.3 prescribes.
#pragma once

#include <string>

namespace amic::json::internal {

// Appends the shortest text that reads back as `number`. -0 becomes 0; a number that is not finite
// becomes null, as JSON.stringify has it (parse() never yields one).
void append_double(std::string& out, double number);

}  // namespace amic::json::internal
