#include "api/cursor.h"

#include "api/context.h"
#include "codec/codec.h"
#include "crypto/hash.h"

namespace amic::api {

namespace {
constexpr std::string_view kSpace = "api";
constexpr std::string_view kKeyName = "cursor-key";
constexpr std::size_t kKeyBytes = 32;
constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kPositionBytes = 8;

Bytes tag_of(crypto::Secret const& key, std::string_view list, std::uint64_t position) {
  codec::Writer message;
  message.str8(list).u64(position);
  auto const mac = crypto::hmac_sha256(key.view(), message.bytes());
  return to_bytes(mac.view().subspan(0, kTagBytes));
}

std::uint64_t mask_of(crypto::Secret const& key, BytesView tag) {
  auto const mac = crypto::hmac_sha256(key.view(), tag);
  codec::Reader in(mac.view(), "mask");
  return in.u64();
}
}  // namespace

CursorSealer::CursorSealer(BytesView key)
    : mac_key_(crypto::hkdf_expand(key, as_bytes("amic/api/cursor/mac/v1"), kKeyBytes)),
      mask_key_(crypto::hkdf_expand(key, as_bytes("amic/api/cursor/mask/v1"), kKeyBytes)) {}

Result<CursorSealer> CursorSealer::load(store::Store& store, exchange::Committer& committer,
                                        Random& random) {
  AMIC_TRY(auto const held, store.kv_get(std::string(kSpace), std::string(kKeyName)));
  if (held && held->size() == kKeyBytes) return CursorSealer(*held);
  auto const key = random.fixed<Hash>();
  store::Append unit;
  unit.kv.push_back({std::string(kSpace), std::string(kKeyName), to_bytes(key.view())});
  AMIC_TRY_VOID(commit_and_wait(committer, std::move(unit)));
  return CursorSealer(key.view());
}

std::string CursorSealer::seal(std::string_view list, std::uint64_t position) const {
  auto const tag = tag_of(mac_key_, list, position);
  codec::Writer out;
  out.raw(tag).u64(position ^ mask_of(mask_key_, tag));
  return codec::to_base64url(out.bytes());
}

std::optional<std::uint64_t> CursorSealer::open(std::string_view list,
                                                std::string_view cursor) const {
  auto const bytes = codec::from_base64url(cursor);
  if (!bytes || bytes->size() != kTagBytes + kPositionBytes) return std::nullopt;
  codec::Reader in(*bytes, "cursor");
  auto const tag = in.raw(kTagBytes);
  auto const position = in.u64() ^ mask_of(mask_key_, tag);
  if (!crypto::equal_constant_time(tag_of(mac_key_, list, position), tag)) return std::nullopt;
  return position;
}

}  // namespace amic::api
