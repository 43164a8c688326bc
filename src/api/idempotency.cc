#include "api/idempotency.h"

#include "codec/codec.h"
#include "crypto/hash.h"

namespace amic::api {

namespace {
constexpr std::string_view kSpace = "idempotency";
constexpr std::size_t kScanMax = 1000;

Result<IdempotencyMark> decode(BytesView bytes) {
  codec::Reader in(bytes, "idempotency");
  if (in.u16() != 1) in.reject(Code::kUnsupported, "unknown version");
  IdempotencyMark out;
  out.request = in.fixed<Hash>();
  out.item = in.fixed<EnvelopeId>();
  out.at_ms = in.i64();
  AMIC_TRY_VOID(in.finish());
  return out;
}
}  // namespace

std::string idempotency_store_key(identity::Principal const& who, std::string_view header) {
  return who.token_id + ":" + codec::to_hex(crypto::sha256(as_bytes(header)).view());
}

store::KvPut idempotency_put(std::string key, IdempotencyMark const& mark) {
  codec::Writer out;
  out.u16(1).raw(mark.request.view()).raw(mark.item.view()).i64(mark.at_ms);
  return {std::string(kSpace), std::move(key), out.take()};
}

Result<std::optional<IdempotencyMark>> find_idempotency_mark(store::Store& store,
                                                             std::string const& key,
                                                             Hash const& request) {
  AMIC_TRY(auto const stored, store.kv_get(std::string(kSpace), key));
  if (!stored) return std::nullopt;
  AMIC_TRY(auto const mark, decode(*stored));
  if (mark.request != request)
    return fail(Code::kIdempotencyMismatch, "header.idempotency-key",
                "this key was used for another request");
  return mark;
}

Result<std::vector<store::KvPut>> expired_idempotency_marks(store::Store& store, UnixMs before_ms,
                                                            std::string& after_key) {
  AMIC_TRY(auto const rows, store.kv_scan(std::string(kSpace), after_key, kScanMax));
  std::vector<store::KvPut> out;
  for (auto const& [key, value] : rows) {
    auto const mark = decode(value);
    if (!mark || mark->at_ms < before_ms) out.push_back({std::string(kSpace), key, std::nullopt});
  }
  after_key = rows.size() < kScanMax ? "" : rows.back().first;
  return out;
}

}  // namespace amic::api
