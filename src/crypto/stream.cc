// Long bodies in chunks: each chunk is authenticated before any of it is used.
#include <sodium.h>

#include "base/check.h"
#include "crypto/aead.h"
#include "crypto/seal.h"

namespace amic::crypto {

namespace {

using Nonce = std::array<std::uint8_t, kAeadNonceBytes>;

// u88be(index) || u8(last): the position and the end are part of what is authenticated.
Nonce nonce_of(std::uint64_t index, bool last) {
  Nonce out{};
  for (std::size_t i = 0; i < sizeof index; ++i)
    out[kAeadNonceBytes - 2 - i] = static_cast<std::uint8_t>(index >> (8 * i));
  out.back() = last ? 1 : 0;
  return out;
}

std::size_t chunk_count(std::size_t size, std::size_t chunk_bytes) {
  return size == 0 ? 1 : (size - 1) / chunk_bytes + 1;
}

}  // namespace

std::size_t stream_sealed_size(std::size_t plain_size, std::size_t chunk_bytes) {
  CHECK(chunk_bytes > 0);
  return plain_size + chunk_count(plain_size, chunk_bytes) * kAeadTagBytes;
}

Bytes stream_seal(BytesView key_32, BytesView aad, BytesView plain, std::size_t chunk_bytes) {
  Bytes out(stream_sealed_size(plain.size(), chunk_bytes));
  internal::Gcm gcm(Aead::kAes256Gcm, key_32, true);
  std::size_t const count = chunk_count(plain.size(), chunk_bytes);
  std::span<std::uint8_t> to = out;
  for (std::size_t i = 0; i < count; ++i) {
    BytesView const chunk = plain.first(std::min(plain.size(), chunk_bytes));
    plain = plain.subspan(chunk.size());
    gcm.seal(nonce_of(i, i + 1 == count), aad, chunk, to.first(chunk.size() + kAeadTagBytes));
    to = to.subspan(chunk.size() + kAeadTagBytes);
  }
  return out;
}

Result<Bytes> stream_open(BytesView key_32, BytesView aad, BytesView sealed,
                          std::size_t chunk_bytes) {
  CHECK(chunk_bytes > 0);
  constexpr auto kWhere = "crypto.stream";
  if (key_32.size() != internal::aead_key_bytes(Aead::kAes256Gcm))
    return fail(Code::kMalformed, kWhere, "a key has 32 bytes");
  std::size_t const count = chunk_count(sealed.size(), chunk_bytes + kAeadTagBytes);
  std::size_t const last_size = sealed.size() - (count - 1) * (chunk_bytes + kAeadTagBytes);
  // Only an empty plaintext ends in an empty chunk: one plaintext has one number of chunks.
  if (last_size < kAeadTagBytes || (last_size == kAeadTagBytes && count > 1))
    return fail(Code::kMalformed, kWhere, "cut short in the last chunk");

  Bytes out(sealed.size() - count * kAeadTagBytes);
  internal::Gcm gcm(Aead::kAes256Gcm, key_32, false);
  std::span<std::uint8_t> to = out;
  for (std::size_t i = 0; i < count; ++i) {
    BytesView const chunk = sealed.first(std::min(sealed.size(), chunk_bytes + kAeadTagBytes));
    sealed = sealed.subspan(chunk.size());
    std::size_t const size = chunk.size() - kAeadTagBytes;
    if (!gcm.open(nonce_of(i, i + 1 == count), aad, chunk, to.first(size))) {
      if (!out.empty()) sodium_memzero(out.data(), out.size());
      return fail(Code::kBadSignature, kWhere, "chunk " + std::to_string(i) + " does not verify");
    }
    to = to.subspan(size);
  }
  return out;
}

}  // namespace amic::crypto
