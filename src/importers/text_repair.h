// What to do with a field that is not UTF-8. Deterministic, and every repair is recorded.
#pragma once

#include <string>
#include <string_view>

namespace amic::importers {

enum class Encoding {
  kUtf8,         // valid: taken as it is
  kWindows1252,  // not UTF-8; every byte above 7F is assigned in Windows-1252: decoded from it
  kUnknown,      // neither, or a mixture of the two: not for a program to guess
};

// `utf8` receives the text for kUtf8 and kWindows1252, and is untouched for kUnknown. A field that
// holds both a well-formed multi-byte sequence and a stray byte is a mixture: decoding the whole
// would garble the good part, so it is kUnknown.
Encoding to_utf8(std::string_view bytes, std::string& utf8);

// The text with control characters (U+0000 to U+001F but line feed, and U+007F) as spaces: for what
// people read. The source's exact text is kept beside it.
std::string without_controls(std::string_view utf8);
// Runs of white space as one space, none at the ends.
std::string collapsed(std::string_view text);
std::string ascii_upper(std::string_view text);

}  // namespace amic::importers
