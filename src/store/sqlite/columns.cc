#include "store/sqlite/columns.h"

#include <array>
#include <cstring>

namespace amic::store::sqlite {
namespace {

constexpr std::size_t kUuid = 16;
constexpr std::size_t kUuidText = 36;
constexpr std::array<char, kUuid> kZero{};

int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

bool dash_at(std::size_t i) {
  return i == 8 || i == 13 || i == 18 || i == 23;
}

// False unless canonical: 8-4-4-4-12 in lower case.
bool parse_uuid(std::string_view text, std::array<char, kUuid>& out) {
  std::size_t at = 0;
  for (std::size_t i = 0; i < kUuidText;) {
    if (dash_at(i)) {
      if (text[i++] != '-') return false;
      continue;
    }
    int const high = nibble(text[i]);
    int const low = nibble(text[i + 1]);
    if (high < 0 || low < 0) return false;
    out[at++] = static_cast<char>(high << 4 | low);
    i += 2;
  }
  return true;
}

bool is_raw(std::string_view stored) {
  return std::memcmp(stored.data(), kZero.data(), kUuid) == 0;
}

}  // namespace

Result<MemberId> member_of(std::string_view text) {
  if (text.empty()) return MemberId();
  auto member = MemberId::parse(text);
  if (!member) return fail(Code::kCorrupt, "member", "not a member's name");
  return member;
}

Result<Code> code_of_name(std::string_view name) {
#define X(code, text, http, retry) \
  if (name == text) return Code::code;
  AMIC_ERROR_CODES(X)
#undef X
  return fail(Code::kCorrupt, "code", "not an error's name");
}

std::string encode_id(std::string_view id) {
  std::string out;
  std::array<char, kUuid> uuid;
  if (id.size() >= kUuidText + 2) {
    std::size_t const dashes = id.size() - kUuidText - 2;
    if (id.substr(dashes, 2) == "--" && parse_uuid(id.substr(dashes + 2), uuid) && uuid != kZero) {
      out.reserve(kUuid + dashes);
      out.assign(uuid.data(), kUuid);
      return out.append(id.substr(0, dashes));
    }
  }
  out.reserve(kUuid + id.size());
  out.assign(kZero.data(), kUuid);
  return out.append(id);
}

Result<std::string> decode_id(BytesView view) {
  std::string_view const stored = as_text(view);
  if (stored.size() < kUuid) return fail(Code::kCorrupt, "id", "shorter than 16 bytes");
  if (is_raw(stored)) return std::string(stored.substr(kUuid));
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  out.reserve(stored.size() + 2 + kUuidText - kUuid);
  out.append(stored.substr(kUuid)).append("--");
  for (std::size_t i = 0; i < kUuid; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out += '-';
    out += kHex[view[i] >> 4];
    out += kHex[view[i] & 15];
  }
  return out;
}

std::string_view encoded_type(std::string_view stored) {
  if (!is_raw(stored)) return stored.substr(kUuid);
  std::string_view const text = stored.substr(kUuid);
  std::size_t const dashes = text.find("--");
  return dashes == std::string_view::npos ? std::string_view() : text.substr(0, dashes);
}

}  // namespace amic::store::sqlite
