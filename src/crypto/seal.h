// Public-key sealing: HPKE base mode (RFC 9180) with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and
// AES-256-GCM (AES-128-GCM exists for the published vectors). AES-GCM bodies in chunks.
#pragma once

#include <memory>

#include "base/bytes.h"
#include "base/random.h"
#include "base/result.h"
#include "crypto/secret.h"

namespace amic::crypto {

using SealPublicKey = FixedBytes<32, struct SealPublicKeyTag>;  // X25519

class SealKey {
 public:
  static SealKey generate(Random& random);
  static Result<SealKey> from_secret(BytesView secret_32);
  SealPublicKey const& public_key() const { return public_; }
  BytesView secret() const { return secret_.view(); }

 private:
  Secret secret_;
  SealPublicKey public_;
};

enum class Aead : std::uint16_t { kAes128Gcm = 1, kAes256Gcm = 2 };  // RFC 9180 section 7.3
inline constexpr std::size_t kAeadTagBytes = 16;
inline constexpr std::size_t kAeadNonceBytes = 12;

// key: 16 or 32 bytes by `aead`. Output is ciphertext || tag.
Bytes aead_seal(Aead aead, BytesView key, BytesView nonce_12, BytesView aad, BytesView plain);
// kBadSignature if the tag does not verify; nothing of the plaintext is returned then.
Result<Bytes> aead_open(Aead aead, BytesView key, BytesView nonce_12, BytesView aad,
                        BytesView sealed);

namespace internal {
class Gcm;
}

// AES-256-GCM under one key for many messages in one direction: the key schedule is made once, and
// wiped with the object. The caller never uses a nonce twice to seal. One thread at a time.
class AeadKey {
 public:
  enum class Use { kSeal, kOpen };
  AeadKey(BytesView key_32, Use use);  // CHECKs the size of the key
  AeadKey(AeadKey&&) noexcept;
  AeadKey& operator=(AeadKey&&) noexcept;
  ~AeadKey();
  // out: plain + kAeadTagBytes.
  void seal(BytesView nonce_12, BytesView aad, BytesView plain, std::span<std::uint8_t> out);
  // out: sealed - kAeadTagBytes. kMalformed for a wrong size, kBadSignature if the tag does not
  // verify: `out` is wiped then.
  Result<void> open(BytesView nonce_12, BytesView aad, BytesView sealed,
                    std::span<std::uint8_t> out);

 private:
  std::unique_ptr<internal::Gcm> gcm_;
};

struct HpkeSealed {
  FixedBytes<32, struct HpkeEncTag> enc;
  Bytes ciphertext;  // plain + 16
};
// RFC 9180 section 6.1, single shot (sequence number 0).
Result<HpkeSealed> hpke_seal(SealPublicKey const& to, BytesView info, BytesView aad,
                             BytesView plain, Random& random, Aead aead = Aead::kAes256Gcm);
Result<Secret> hpke_open(SealKey const& key, BytesView enc_32, BytesView info, BytesView aad,
                         BytesView ciphertext, Aead aead = Aead::kAes256Gcm);

// Chunked AES-256-GCM after STREAM (Hoang et al.; the layout of age): chunk i uses the nonce
// u88be(i) || u8(1 if last), so chunks can't be dropped, repeated, reordered or cut off.
// The key must be used for one stream only. An empty plaintext is one empty last chunk.
Bytes stream_seal(BytesView key_32, BytesView aad, BytesView plain, std::size_t chunk_bytes);
Result<Bytes> stream_open(BytesView key_32, BytesView aad, BytesView sealed,
                          std::size_t chunk_bytes);
std::size_t stream_sealed_size(std::size_t plain_size, std::size_t chunk_bytes);

}  // namespace amic::crypto
