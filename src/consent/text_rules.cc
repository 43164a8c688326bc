#include "consent/text_rules.h"

#include <string>

#include "base/limits.h"
#include "codec/codec.h"

namespace amic::consent {

namespace {

// Decodes one code point of text that is known to be valid UTF-8, and advances `at`.
char32_t next_code_point(std::string_view text, std::size_t& at) {
  auto const byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char const first = byte(at);
  int const more = first < 0x80 ? 0 : first < 0xE0 ? 1 : first < 0xF0 ? 2 : 3;
  constexpr unsigned char kMask[] = {0x7F, 0x1F, 0x0F, 0x07};
  char32_t out = first & kMask[more];
  ++at;
  for (int i = 0; i < more; ++i, ++at) out = (out << 6) | (byte(at) & 0x3FU);
  return out;
}

// Zero-width joiners and spaces stay allowed: Khmer, Lao, Burmese and Thai texts need them.
char const* reason_to_refuse(char32_t c, bool line_ends_allowed) {
  if (line_ends_allowed && (c == U'\n' || c == U'\t')) return nullptr;
  if (c == U'\r') return "a carriage return: save the text with LF line ends";
  if (c < 0x20 || (c >= 0x7F && c <= 0x9F)) return "a control character";
  if (c == 0x2028 || c == 0x2029) return "a line or paragraph separator";
  bool const bidi = c == 0x061C || c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) ||
                    (c >= 0x2066 && c <= 0x2069);
  if (bidi) return "a bidirectional control character, which can change what a reader sees";
  if (c == 0xFEFF) return "a byte order mark";
  return nullptr;
}

}  // namespace

Result<void> check_name(std::string_view text, std::string_view where) {
  std::string const at_name{where};
  if (text.empty()) return fail(Code::kMalformed, at_name, "empty");
  if (text.size() > limits::kNameBytesMax)
    return fail(Code::kTooLarge, at_name,
                "more than " + std::to_string(limits::kNameBytesMax) + " bytes");
  if (!codec::is_utf8(text)) return fail(Code::kBadUtf8, at_name, "not UTF-8");
  if (text.front() == ' ' || text.back() == ' ')
    return fail(Code::kMalformed, at_name, "a space at the beginning or end");
  for (std::size_t at = 0; at < text.size();)
    if (auto const* reason = reason_to_refuse(next_code_point(text, at), false))
      return fail(Code::kMalformed, at_name, std::string("contains ") + reason);
  return {};
}

Result<void> check_document(std::string_view text, std::string_view where) {
  std::string const at_text{where};
  if (text.empty()) return fail(Code::kMalformed, at_text, "empty");
  if (text.size() > limits::kInstrumentTextBytesMax)
    return fail(Code::kTooLarge, at_text,
                "more than " + std::to_string(limits::kInstrumentTextBytesMax) + " bytes");
  if (!codec::is_utf8(text)) return fail(Code::kBadUtf8, at_text, "not UTF-8");
  std::size_t line = 1;
  for (std::size_t at = 0; at < text.size();) {
    char32_t const c = next_code_point(text, at);
    if (auto const* reason = reason_to_refuse(c, true))
      return fail(Code::kMalformed, at_text + ", line " + std::to_string(line),
                  std::string("contains ") + reason);
    if (c == U'\n') ++line;
  }
  return {};
}

}  // namespace amic::consent
