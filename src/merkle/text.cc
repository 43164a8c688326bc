#include "merkle/text.h"

#include <algorithm>

#include "codec/codec.h"

namespace amic::merkle::internal {

namespace {

constexpr std::size_t kKeyNameBytesMax = 255;

// White_Space=yes of Unicode beyond ASCII, in UTF-8.
constexpr std::string_view kSpaces[] = {"\u0085", "\u00a0", "\u1680", "\u2000", "\u2001",
                                        "\u2002", "\u2003", "\u2004", "\u2005", "\u2006",
                                        "\u2007", "\u2008", "\u2009", "\u200a", "\u2028",
                                        "\u2029", "\u202f", "\u205f", "\u3000"};

}  // namespace

std::optional<std::uint64_t> parse_decimal(std::string_view text) {
  if (text.empty() || text.size() > 20 || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  std::uint64_t value = 0;
  for (char const c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    auto const digit = static_cast<std::uint64_t>(c - '0');
    if (value > (UINT64_MAX - digit) / 10) return std::nullopt;
    value = value * 10 + digit;
  }
  return value;
}

std::optional<Bytes> parse_base64(std::string_view text) {
  auto bytes = codec::from_base64(text);
  if (!bytes || codec::to_base64(*bytes) != text) return std::nullopt;
  return std::move(*bytes);
}

std::optional<Hash> parse_hash(std::string_view text) {
  constexpr std::size_t kBase64OfHash = 44;
  if (text.size() != kBase64OfHash) return std::nullopt;
  auto const bytes = parse_base64(text);
  if (!bytes) return std::nullopt;
  return Hash::from(*bytes);
}

bool is_key_name(std::string_view text) {
  if (text.empty() || text.size() > kKeyNameBytesMax || !codec::is_utf8(text)) return false;
  auto const plain = [](char c) {
    auto const byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7f && byte != '+';
  };
  if (!std::all_of(text.begin(), text.end(), plain)) return false;
  return std::none_of(std::begin(kSpaces), std::end(kSpaces), [&](std::string_view space) {
    return text.find(space) != std::string_view::npos;
  });
}

std::optional<std::string_view> Lines::next() {
  std::size_t const end = rest_.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  std::string_view const line = rest_.substr(0, end);
  rest_.remove_prefix(end + 1);
  ++number_;
  return line;
}

std::string Lines::where(std::string_view what) const {
  return std::string(what) + ".line " + std::to_string(number_);
}

}  // namespace amic::merkle::internal
