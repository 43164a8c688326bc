// Text forms of bytes: hexadecimal, base64, UUID, armor; and the UTF-8 check.
#include <array>

#include "base/check.h"
#include "codec/codec.h"

namespace amic::codec {

namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase64Url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t kArmorLineChars = 64;
constexpr std::size_t kUuidBytes = 16;
constexpr std::int8_t kNotADigit = -1;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return kNotADigit;
}

constexpr std::array<std::int8_t, 256> digit_table(std::string_view alphabet) {
  std::array<std::int8_t, 256> table{};
  for (auto& entry : table) entry = kNotADigit;
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    table[static_cast<std::uint8_t>(alphabet[i])] = static_cast<std::int8_t>(i);
  return table;
}

constexpr auto kBase64Digits = digit_table(kBase64);
constexpr auto kBase64UrlDigits = digit_table(kBase64Url);

std::string encode_base64(BytesView bytes, std::string_view alphabet, bool padded) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::size_t const count = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = (group << 8U) | (k < count ? std::uint32_t{bytes[i + k]} : 0U);
    for (std::size_t k = 0; k <= count; ++k) out += alphabet[(group >> (18 - 6 * k)) & 63U];
    if (padded) out.append(3 - count, '=');
  }
  return out;
}

// `digits` without padding. A last group of one digit, or unused bits that are not zero, are
// refused: each byte string has exactly one base64 text.
Result<Bytes> decode_base64(std::string_view digits, std::array<std::int8_t, 256> const& table,
                            std::string_view where) {
  if (digits.size() % 4 == 1) return fail(Code::kMalformed, std::string(where), "cut short");
  Bytes out;
  out.reserve(digits.size() / 4 * 3 + 2);
  std::uint32_t buffer = 0;
  unsigned bits = 0;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    std::int8_t const digit = table[static_cast<std::uint8_t>(digits[i])];
    if (digit == kNotADigit)
      return fail(Code::kMalformed, std::string(where),
                  "not a digit at character " + std::to_string(i));
    buffer = (buffer << 6U) | static_cast<std::uint32_t>(digit);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out.push_back(static_cast<std::uint8_t>(buffer >> bits));
      buffer &= (1U << bits) - 1;
    }
  }
  if (buffer != 0)
    return fail(Code::kMalformed, std::string(where), "the unused last bits must be zero");
  return out;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  std::size_t const first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

// Length of the well-formed UTF-8 sequence at the front (Unicode table 3-7), 0 if there is none.
std::size_t utf8_sequence(std::string_view text) {
  auto const at = [&](std::size_t i) {
    return i < text.size() ? static_cast<std::uint8_t>(text[i]) : std::uint8_t{0};
  };
  auto const tail = [&](std::size_t i) { return (at(i) & 0xC0U) == 0x80U; };
  std::uint8_t const lead = at(0);
  if (lead < 0x80) return 1;
  if (lead < 0xC2) return 0;  // a continuation byte, or overlong
  if (lead < 0xE0) return tail(1) ? 2 : 0;
  if (lead < 0xF0) {
    if (lead == 0xE0 && at(1) < 0xA0) return 0;  // overlong
    if (lead == 0xED && at(1) > 0x9F) return 0;  // surrogate
    return tail(1) && tail(2) ? 3 : 0;
  }
  if (lead > 0xF4) return 0;
  if (lead == 0xF0 && at(1) < 0x90) return 0;  // overlong
  if (lead == 0xF4 && at(1) > 0x8F) return 0;  // past U+10FFFF
  return tail(1) && tail(2) && tail(3) ? 4 : 0;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    std::size_t const size = utf8_sequence(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string to_hex(BytesView bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (std::uint8_t const byte : bytes) {
    out += kHexDigits[byte >> 4U];
    out += kHexDigits[byte & 15U];
  }
  return out;
}

Result<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return fail(Code::kMalformed, "hex", "an odd number of digits");
  Bytes out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    int const high = hex_digit(text[i]);
    int const low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0)
      return fail(Code::kMalformed, "hex", "not a digit near character " + std::to_string(i));
    out.push_back(static_cast<std::uint8_t>(high * 16 + low));
  }
  return out;
}

std::string to_base64(BytesView bytes) {
  return encode_base64(bytes, kBase64, true);
}

Result<Bytes> from_base64(std::string_view text) {
  if (text.size() % 4 != 0)
    return fail(Code::kMalformed, "base64", "the length must be a multiple of four");
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  return decode_base64(text, kBase64Digits, "base64");
}

std::string to_base64url(BytesView bytes) {
  return encode_base64(bytes, kBase64Url, false);
}

Result<Bytes> from_base64url(std::string_view text) {
  return decode_base64(text, kBase64UrlDigits, "base64url");
}

std::string to_uuid(BytesView sixteen_bytes) {
  CHECK(sixteen_bytes.size() == kUuidBytes);
  std::string out = to_hex(sixteen_bytes);
  for (std::size_t const at : {8U, 13U, 18U, 23U}) out.insert(at, 1, '-');
  return out;
}

Result<Bytes> from_uuid(std::string_view text) {
  if (text.size() != 36) return fail(Code::kMalformed, "uuid", "a UUID has 36 characters");
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    bool const dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash != (text[i] == '-')) return fail(Code::kMalformed, "uuid", "8-4-4-4-12 digits");
    if (!dash) digits += text[i];
  }
  auto bytes = from_hex(digits);
  if (!bytes) return fail(Code::kMalformed, "uuid", "not hexadecimal");
  return bytes;
}

std::string to_armor(std::string_view label, BytesView bytes) {
  std::string const digits = to_base64(bytes);
  std::string out = "-----BEGIN " + std::string(label) + "-----\n";
  for (std::size_t i = 0; i < digits.size(); i += kArmorLineChars) {
    out += std::string_view(digits).substr(i, kArmorLineChars);
    out += '\n';
  }
  return out + "-----END " + std::string(label) + "-----\n";
}

Result<Bytes> from_armor(std::string_view label, std::string_view text) {
  std::string const begin = "-----BEGIN " + std::string(label) + "-----";
  std::string const end = "-----END " + std::string(label) + "-----";
  text = trim(text);
  if (!text.starts_with(begin)) return fail(Code::kMalformed, "armor line 1", "must be " + begin);
  text.remove_prefix(begin.size());
  if (!text.ends_with(end)) return fail(Code::kMalformed, "armor last line", "must be " + end);
  text.remove_suffix(end.size());
  // Both boundaries are lines of their own.
  std::size_t const body = text.find_first_not_of(" \t\r");
  if (body == std::string_view::npos || text[body] != '\n')
    return fail(Code::kMalformed, "armor line 1", "text after the label");
  std::size_t const last = text.find_last_not_of(" \t\r");
  if (text[last] != '\n') return fail(Code::kMalformed, "armor last line", "text before the label");

  std::string digits;
  digits.reserve(text.size());
  text.remove_prefix(body + 1);
  while (!text.empty()) {
    std::size_t const eol = text.find('\n');
    digits += trim(text.substr(0, eol));
    if (eol == std::string_view::npos) break;
    text.remove_prefix(eol + 1);
  }
  auto bytes = from_base64(digits);
  if (!bytes) return fail(Code::kMalformed, "armor", bytes.error().detail);
  return bytes;
}

}  // namespace amic::codec
