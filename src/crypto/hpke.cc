#include "crypto/hpke.h"

#include <sodium.h>

#include "base/check.h"
#include "crypto/aead.h"
#include "crypto/internal.h"

namespace amic::crypto {

namespace internal {

namespace {

constexpr std::size_t kSecretBytes = 32;  // Nsk, Nsecret and Nh of the one KEM and KDF
constexpr std::uint8_t kModeBase = 0;
constexpr std::array<std::uint8_t, 5> kKemSuite{'K', 'E', 'M', 0x00, 0x20};
constexpr std::string_view kVersion = "HPKE-v1";

std::array<std::uint8_t, 10> hpke_suite(Aead aead) {
  auto const id = static_cast<std::uint16_t>(aead);
  return {'H',
          'P',
          'K',
          'E',
          0x00,
          0x20,
          0x00,
          0x01,
          static_cast<std::uint8_t>(id >> 8U),
          static_cast<std::uint8_t>(id)};
}

Secret labeled_extract(BytesView suite, BytesView salt, std::string_view label, BytesView ikm) {
  return hkdf_extract(salt, {as_bytes(kVersion), suite, as_bytes(label), ikm});
}

Secret labeled_expand(BytesView suite, BytesView prk, std::string_view label, BytesView info,
                      std::size_t length) {
  std::array<std::uint8_t, 2> const size{static_cast<std::uint8_t>(length >> 8U),
                                         static_cast<std::uint8_t>(length)};
  return hkdf_expand(prk, {size, as_bytes(kVersion), suite, as_bytes(label), info}, length);
}

Secret extract_and_expand(BytesView dh, SealPublicKey const& enc, SealPublicKey const& to) {
  std::array<std::uint8_t, 2 * SealPublicKey::kSize> context{};
  std::copy(enc.data.begin(), enc.data.end(), context.begin());
  std::copy(to.data.begin(), to.data.end(), context.begin() + SealPublicKey::kSize);
  Secret const prk = labeled_extract(kKemSuite, {}, "eae_prk", dh);
  return labeled_expand(kKemSuite, prk.view(), "shared_secret", context, kSecretBytes);
}

}  // namespace

SealKey hpke_derive_key_pair(BytesView ikm) {
  Secret const prk = labeled_extract(kKemSuite, {}, "dkp_prk", ikm);
  return SealKey::from_secret(labeled_expand(kKemSuite, prk.view(), "sk", {}, kSecretBytes).view())
      .value();
}

Result<Secret> x25519(BytesView secret, SealPublicKey const& point) {
  CHECK(secret.size() == crypto_scalarmult_curve25519_SCALARBYTES);
  Secret out(std::size_t{crypto_scalarmult_curve25519_BYTES});
  int const done =
      crypto_scalarmult_curve25519(out.mutable_view().data(), secret.data(), point.data.data());
  // RFC 9180 section 7.1.4: a small-order point would let its maker know the secret.
  if (done != 0 || sodium_is_zero(out.view().data(), out.size()) == 1)
    return fail(Code::kMalformed, "crypto.x25519", "a public key of small order");
  return out;
}

Result<Secret> hpke_encap(SealKey const& ephemeral, SealPublicKey const& to) {
  AMIC_TRY(Secret const dh, x25519(ephemeral.secret(), to));
  return extract_and_expand(dh.view(), ephemeral.public_key(), to);
}

Result<Secret> hpke_decap(SealPublicKey const& enc, SealKey const& key) {
  AMIC_TRY(Secret const dh, x25519(key.secret(), enc));
  return extract_and_expand(dh.view(), enc, key.public_key());
}

HpkeContext hpke_key_schedule(Aead aead, BytesView shared_secret, BytesView info) {
  auto const suite = hpke_suite(aead);
  Secret const psk_id_hash = labeled_extract(suite, {}, "psk_id_hash", {});
  Secret const info_hash = labeled_extract(suite, {}, "info_hash", info);
  std::array<std::uint8_t, 1 + 2 * kSecretBytes> context{kModeBase};
  std::copy_n(psk_id_hash.view().begin(), kSecretBytes, context.begin() + 1);
  std::copy_n(info_hash.view().begin(), kSecretBytes, context.begin() + 1 + kSecretBytes);
  Secret const secret = labeled_extract(suite, shared_secret, "secret", {});
  return {labeled_expand(suite, secret.view(), "key", context, aead_key_bytes(aead)),
          labeled_expand(suite, secret.view(), "base_nonce", context, kAeadNonceBytes)};
}

std::array<std::uint8_t, kAeadNonceBytes> hpke_nonce(HpkeContext const& context,
                                                     std::uint64_t sequence) {
  std::array<std::uint8_t, kAeadNonceBytes> out{};
  std::copy_n(context.base_nonce.view().begin(), kAeadNonceBytes, out.begin());
  for (std::size_t i = 0; i < sizeof sequence; ++i)
    out[kAeadNonceBytes - 1 - i] ^= static_cast<std::uint8_t>(sequence >> (8 * i));
  return out;
}

Result<HpkeSealed> hpke_seal_from(SealKey const& ephemeral, SealPublicKey const& to, BytesView info,
                                  BytesView aad, BytesView plain, Aead aead) {
  AMIC_TRY(Secret const shared, hpke_encap(ephemeral, to));
  HpkeContext const context = hpke_key_schedule(aead, shared.view(), info);
  HpkeSealed out;
  out.enc.data = ephemeral.public_key().data;
  out.ciphertext = aead_seal(aead, context.key.view(), hpke_nonce(context, 0), aad, plain);
  return out;
}

}  // namespace internal

SealKey SealKey::generate(Random& random) {
  Secret secret(internal::kSecretBytes);
  random.fill(secret.mutable_view());
  return from_secret(secret.view()).value();
}

Result<SealKey> SealKey::from_secret(BytesView secret_32) {
  internal::init_sodium();
  if (secret_32.size() != internal::kSecretBytes)
    return fail(Code::kMalformed, "crypto.seal_key", "a secret key has 32 bytes");
  SealKey key;
  key.secret_ = Secret(secret_32);
  CHECK(crypto_scalarmult_curve25519_base(key.public_.data.data(), secret_32.data()) == 0);
  return key;
}

Result<HpkeSealed> hpke_seal(SealPublicKey const& to, BytesView info, BytesView aad,
                             BytesView plain, Random& random, Aead aead) {
  return internal::hpke_seal_from(SealKey::generate(random), to, info, aad, plain, aead);
}

Result<Secret> hpke_open(SealKey const& key, BytesView enc_32, BytesView info, BytesView aad,
                         BytesView ciphertext, Aead aead) {
  auto const enc = SealPublicKey::from(enc_32);
  if (!enc || ciphertext.size() < kAeadTagBytes)
    return fail(Code::kMalformed, "crypto.hpke", "wrong size of enc or ciphertext");
  AMIC_TRY(Secret const shared, internal::hpke_decap(*enc, key));
  internal::HpkeContext const context = internal::hpke_key_schedule(aead, shared.view(), info);
  Secret out(ciphertext.size() - kAeadTagBytes);
  if (!internal::Gcm(aead, context.key.view(), false)
           .open(internal::hpke_nonce(context, 0), aad, ciphertext, out.mutable_view()))
    return fail(Code::kBadSignature, "crypto.hpke", "the tag does not verify");
  return out;
}

}  // namespace amic::crypto
