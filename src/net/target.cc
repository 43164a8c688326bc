#include "net/target.h"

#include <algorithm>

#include "codec/codec.h"
#include "net/text.h"

namespace amic::net {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

// What may stand unescaped in a path or query. RFC 3986 plus the few that browsers leave in a
// query.
bool may_stand(char c) {
  return is_unreserved(c) ||
         std::string_view("%!$&'()*+,;=:@/?|[]{}^`\"<>\\").find(c) != std::string_view::npos;
}

// A component as received to decoded text without control characters.
Result<std::string> decode_component(std::string_view raw, bool plus_is_space) {
  std::string spaced;
  if (plus_is_space && raw.find('+') != std::string_view::npos) {
    spaced = raw;
    std::replace(spaced.begin(), spaced.end(), '+', ' ');
    raw = spaced;
  }
  auto decoded = percent_decode(raw);
  if (!decoded) return fail(Code::kMalformed, "target", "bad percent escape");
  if (has_control(*decoded)) return fail(Code::kMalformed, "target", "control character");
  if (!codec::is_utf8(*decoded)) return fail(Code::kBadUtf8, "target");
  return decoded;
}

Result<void> parse_path(std::string_view path, Target& out) {
  if (path.empty() || path.front() != '/')
    return fail(Code::kMalformed, "target", "must begin with '/'");
  out.path = path;
  path.remove_prefix(1);
  if (path.empty()) return {};
  for (;;) {
    auto const slash = path.find('/');
    auto const raw = path.substr(0, slash);
    bool const last = slash == std::string_view::npos;
    if (out.segments.size() == kTargetSegmentsMax)
      return fail(Code::kTooLarge, "target", "too many segments");
    AMIC_TRY(auto segment, decode_component(raw, false));
    if ((segment.empty() && !last) || segment == "." || segment == "..")
      return fail(Code::kMalformed, "target", "empty or dot segment");
    out.segments.push_back(std::move(segment));
    if (last) return {};
    path.remove_prefix(slash + 1);
  }
}

Result<void> parse_query(std::string_view query, Target& out) {
  while (!query.empty()) {
    auto const end = query.find('&');
    auto const pair = query.substr(0, end);
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
    if (pair.empty()) continue;
    if (out.query.size() == kQueryPairsMax)
      return fail(Code::kTooLarge, "target", "too many query parameters");
    auto const equals = pair.find('=');
    AMIC_TRY(auto name, decode_component(pair.substr(0, equals), true));
    std::string value;
    if (equals != std::string_view::npos) {
      AMIC_TRY(value, decode_component(pair.substr(equals + 1), true));
    }
    out.query.emplace_back(std::move(name), std::move(value));
  }
  return {};
}

}  // namespace

std::optional<std::string_view> Target::query_value(std::string_view name) const {
  for (auto const& [key, value] : query)
    if (key == name) return value;
  return std::nullopt;
}

std::vector<std::string_view> Target::query_values(std::string_view name) const {
  std::vector<std::string_view> out;
  for (auto const& [key, value] : query)
    if (key == name) out.push_back(value);
  return out;
}

Result<Target> parse_target(std::string_view target) {
  if (target.size() > kTargetBytesMax) return fail(Code::kTooLarge, "target");
  for (char c : target)
    if (!may_stand(c)) return fail(Code::kMalformed, "target", "character must be escaped");
  for (std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    target.remove_prefix(scheme.size());
    auto const slash = target.find('/');
    if (slash == 0 || slash == std::string_view::npos)
      return fail(Code::kMalformed, "target", "absolute form without host or path");
    target.remove_prefix(slash);
    break;
  }
  auto const question = target.find('?');
  Target out;
  AMIC_TRY_VOID(parse_path(target.substr(0, question), out));
  if (question != std::string_view::npos)
    AMIC_TRY_VOID(parse_query(target.substr(question + 1), out));
  return out;
}

std::string percent_encode(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (char c : text) {
    if (is_unreserved(c)) {
      out += c;
    } else {
      auto const byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

Result<std::string> percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    int const high = i + 1 < text.size() ? hex_value(text[i + 1]) : -1;
    int const low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
    if (high < 0 || low < 0) return fail(Code::kMalformed, "percent_escape");
    out += static_cast<char>(high << 4 | low);
    i += 2;
  }
  return out;
}

}  // namespace amic::net
