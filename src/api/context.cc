#include "api/context.h"

#include <charconv>

#include "base/limits.h"
#include "codec/codec.h"
#include "holdings/holdings.h"

namespace amic::api {

namespace {
// A label that expires stays readable at most this long after its instant.
constexpr UnixMs kAudienceAgeMaxMs = 1000;
}  // namespace

Result<store::AudienceSet> AudienceCache::of(marking::Reader const& reader) {
  auto const now_ms = clock_.now_ms();
  {
    std::lock_guard const lock(mutex_);
    auto const found = entries_.find(reader.clearance);
    if (found != entries_.end() && now_ms - found->second.computed_ms < kAudienceAgeMaxMs &&
        now_ms >= found->second.computed_ms)
      return found->second.set;
  }
  AMIC_TRY(auto set, holdings::readable_by(store_, reader, now_ms));
  std::lock_guard const lock(mutex_);
  entries_[reader.clearance] = {set, now_ms};
  return set;
}

void AudienceCache::index_applied() {
  std::lock_guard const lock(mutex_);
  entries_.clear();
}

std::optional<std::string> Call::query_value(std::string_view name) const {
  for (auto const& [key, value] : query)
    if (key == name) return value;
  return std::nullopt;
}

net::Response text_json_response(int status, std::string body) {
  net::Response out;
  out.status = status;
  out.headers = {{"content-type", "application/json"}, {"cache-control", "no-store"}};
  out.body = std::move(body);
  return out;
}

net::Response json_response(int status, json::value const& body) {
  return text_json_response(status, json::serialize(body));
}

Result<std::size_t> query_limit(Call const& call, std::size_t fallback, std::size_t most) {
  auto const text = call.query_value("limit");
  if (!text) return fallback;
  std::size_t value = 0;
  auto const [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size() || value == 0)
    return fail(Code::kMalformed, "query.limit", "a number from 1");
  return std::min(value, most);
}

std::string make_cursor(std::uint64_t position) {
  codec::Writer out;
  out.u8(1).u64(position);
  return codec::to_base64url(out.bytes());
}

Result<std::uint64_t> query_cursor(Call const& call) {
  auto const text = call.query_value("cursor");
  if (!text) return 0;
  auto const bytes = codec::from_base64url(*text);
  if (bytes) {
    codec::Reader in(*bytes, "cursor");
    auto const version = in.u8();
    auto const position = in.u64();
    if (in.finish() && version == 1) return position;
  }
  return fail(Code::kMalformed, "query.cursor", "not a cursor of this server");
}

Result<EnvelopeId> parse_envelope_id(std::string_view text) {
  auto bytes = text.size() == 32 ? codec::from_hex(text) : codec::from_uuid(text);
  std::optional<EnvelopeId> id;
  if (bytes) id = EnvelopeId::from(*bytes);
  if (!id) return fail(Code::kMalformed, "path.id", "32 hex digits or a UUID");
  return *id;
}

std::string envelope_id_text(EnvelopeId const& id) { return codec::to_uuid(id.view()); }

}  // namespace amic::api
