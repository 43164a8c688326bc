#include "importers/text_repair.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "codec/codec.h"

namespace amic::importers {
namespace {

// Windows-1252, 80 to 9F (WHATWG Encoding, index windows-1252); 0 = unassigned in Windows itself.
constexpr std::array<char16_t, 32> kHigh{
    0x20AC, 0,      0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0,      0x017D, 0,      0,      0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0,      0x017E, 0x0178};

void append_utf8(std::string& out, char16_t point) {
  if (point < 0x800) {
    out.push_back(static_cast<char>(0xC0 | (point >> 6)));
  } else {
    out.push_back(static_cast<char>(0xE0 | (point >> 12)));
    out.push_back(static_cast<char>(0x80 | ((point >> 6) & 0x3F)));
  }
  out.push_back(static_cast<char>(0x80 | (point & 0x3F)));
}

// A well-formed sequence of two to four bytes somewhere in the text.
bool has_multibyte(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto const lead = static_cast<std::uint8_t>(bytes[i]);
    std::size_t const size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC2 ? 2 : 0;
    if (size > 0 && i + size <= bytes.size() && codec::is_utf8(bytes.substr(i, size))) return true;
  }
  return false;
}

bool is_control(char c) {
  auto const u = static_cast<unsigned char>(c);
  return (u < 0x20 && c != '\n') || u == 0x7F;
}

}  // namespace

Encoding to_utf8(std::string_view bytes, std::string& utf8) {
  if (codec::is_utf8(bytes)) {
    utf8.assign(bytes);
    return Encoding::kUtf8;
  }
  if (has_multibyte(bytes)) return Encoding::kUnknown;
  std::string out;
  for (char const c : bytes) {
    auto const byte = static_cast<std::uint8_t>(c);
    if (byte < 0x80) {
      out.push_back(c);
      continue;
    }
    char16_t const point = byte < 0xA0 ? kHigh[byte - 0x80] : byte;
    if (point == 0) return Encoding::kUnknown;
    append_utf8(out, point);
  }
  utf8 = std::move(out);
  return Encoding::kWindows1252;
}

std::string without_controls(std::string_view utf8) {
  std::string out(utf8);
  std::replace_if(out.begin(), out.end(), is_control, ' ');
  return out;
}

std::string collapsed(std::string_view text) {
  std::string out;
  for (char const c : text) {
    bool const space = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (!space) {
      out.push_back(c);
    } else if (!out.empty() && out.back() != ' ') {
      out.push_back(' ');
    }
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

std::string ascii_upper(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  return out;
}

}  // namespace amic::importers
