// Identifiers (2.9), timestamps (2.16), and the deterministic identifiers of observables (3.4).
#include <algorithm>
#include <charconv>

#include "codec/codec.h"
#include "stix/internal/common.h"
#include "stix/internal/deterministic.h"
#include "stix/internal/lexical.h"
#include "stix/internal/sha1.h"
#include "stix/stix.h"

namespace amic::stix {

bool is_identifier(std::string_view text) {
  return !identifier_type(text).empty();
}

std::string_view identifier_type(std::string_view id) {
  // The UUID has 36 characters, before it "--".
  if (id.size() < 38) return {};
  auto const type = id.substr(0, id.size() - 38);
  bool const good = id.substr(type.size(), 2) == "--" &&
                    internal::is_uuid(id.substr(id.size() - 36)) && internal::is_type_name(type);
  return good ? type : std::string_view{};
}

Result<std::int64_t> parse_timestamp_us(std::string_view text) {
  if (auto const read = internal::read_timestamp(text)) return read->unix_us;
  return fail(Code::kMalformed, "timestamp", "STIX 2.16: not YYYY-MM-DDTHH:mm:ss[.s+]Z");
}

std::string format_timestamp(std::int64_t unix_us) {
  bool const fine = unix_us % 1000 != 0;
  auto text = codec::to_rfc3339_us(unix_us);  // always six digits
  if (!fine) text.erase(text.size() - 4, 3);
  return text;
}

std::string identifier_v5(std::string_view type, std::string_view name) {
  // RFC 4122 4.3 with the namespace of STIX 2.9.
  constexpr std::uint8_t kNamespace[16] = {0x00, 0xab, 0xed, 0xb4, 0xaa, 0x42, 0x46, 0x6c,
                                           0x9c, 0x01, 0xfe, 0xd2, 0x33, 0x15, 0xa9, 0xb7};
  internal::Sha1 sha;
  sha.update(kNamespace);
  sha.update(as_bytes(name));
  auto digest = sha.finish();
  digest[6] = static_cast<std::uint8_t>((digest[6] & 0x0F) | 0x50);
  digest[8] = static_cast<std::uint8_t>((digest[8] & 0x3F) | 0x80);
  std::string out(type);
  return out.append("--").append(codec::to_uuid(BytesView(digest.data(), 16)));
}

namespace internal {
namespace {

// Section 6.7.1: one hash contributes, chosen in this order. For other algorithms the
// specification names no order: the first in the order of RFC 8785.
boost::json::key_value_pair const* chosen_hash(json::object const& hashes) {
  for (std::string_view const name : {"MD5", "SHA-1", "SHA-256", "SHA-512"})
    if (auto const found = hashes.find(name); found != hashes.end()) return &*found;
  boost::json::key_value_pair const* first = nullptr;
  for (auto const& member : hashes)
    if (first == nullptr || member.key() < first->key()) first = &member;
  return first;
}

}  // namespace

std::optional<std::string> deterministic_id(Type const& type, json::object const& observable) {
  std::string name = "{";
  for (auto const property : type.contributing) {
    auto const* found = observable.if_contains(property);
    if (found == nullptr) continue;
    if (name.size() > 1) name += ',';
    name.append("\"").append(property).append("\":");
    auto const* chosen =
        property == "hashes" && found->is_object() ? chosen_hash(found->get_object()) : nullptr;
    if (chosen != nullptr) {
      name.append("{")
          .append(json::canonical(json::value(std::string_view(chosen->key()))))
          .append(":");
      name.append(json::canonical(chosen->value())).append("}");
    } else {
      name.append(json::canonical(*found));
    }
  }
  if (name.size() == 1) return std::nullopt;
  name += '}';
  return identifier_v5(type.name, name);
}

}  // namespace internal

std::optional<std::string> deterministic_id(json::object const& observable) {
  auto const* type = observable.if_contains("type");
  if (type == nullptr || !type->is_string()) return std::nullopt;
  auto const* found = internal::find_type(std::string_view(type->get_string()));
  return found == nullptr ? std::nullopt : internal::deterministic_id(*found, observable);
}

}  // namespace amic::stix
