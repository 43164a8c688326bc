#include "benchmarks/bare_seal.h"

#include <openssl/core_names.h>

#include <algorithm>

#include "base/check.h"

namespace amic::bench {

namespace {
constexpr std::size_t kTag = 16;
constexpr std::size_t kStatementSlack = 80;  // as framed in the envelope: lengths and signature
// As long as the labels of RFC 9180 are, with the suite id and version that go before them.
constexpr std::array<std::uint8_t, 24> kLabel{};
constexpr std::array<std::uint8_t, 80> kContext{};
}  // namespace

BareSeal::BareSeal(std::size_t recipients, std::size_t statement_bytes, std::size_t chunk_bytes)
    : chunk_bytes_(chunk_bytes),
      sha256_(EVP_MD_fetch(nullptr, "SHA256", nullptr)),
      hmac_(EVP_MAC_fetch(nullptr, "HMAC", nullptr)),
      gcm_(EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr)),
      digest_(EVP_MD_CTX_new()),
      mac_(EVP_MAC_CTX_new(hmac_)),
      cipher_(EVP_CIPHER_CTX_new()),
      body_cipher_(EVP_CIPHER_CTX_new()),
      compress_(ZSTD_createCCtx()),
      decompress_(ZSTD_createDCtx()),
      statement_(statement_bytes, 7) {
  CHECK(sodium_init() >= 0);
  char name[] = "SHA256";
  OSSL_PARAM const params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
                               OSSL_PARAM_construct_end()};
  CHECK(EVP_MAC_CTX_set_params(mac_, params) == 1);
  crypto_sign_ed25519_keypair(public_.data(), secret_.data());
  for (std::size_t i = 0; i < recipients + 1; ++i) {
    Key32 secret, point;
    randombytes_buf(secret.data(), secret.size());
    crypto_scalarmult_curve25519_base(point.data(), secret.data());
    sealing_secret_.push_back(secret);
    sealing_public_.push_back(point);
  }
  wraps_.resize(recipients + 1);
}

BareSeal::~BareSeal() {
  ZSTD_freeDCtx(decompress_);
  ZSTD_freeCCtx(compress_);
  EVP_CIPHER_CTX_free(body_cipher_);
  EVP_CIPHER_CTX_free(cipher_);
  EVP_MAC_CTX_free(mac_);
  EVP_MD_CTX_free(digest_);
  EVP_CIPHER_free(gcm_);
  EVP_MAC_free(hmac_);
  EVP_MD_free(sha256_);
}

void BareSeal::hash(std::initializer_list<BytesView> parts, std::uint8_t* out) {
  CHECK(EVP_DigestInit_ex2(digest_, sha256_, nullptr) == 1);
  for (auto const part : parts) CHECK(EVP_DigestUpdate(digest_, part.data(), part.size()) == 1);
  unsigned size = 0;
  CHECK(EVP_DigestFinal_ex(digest_, out, &size) == 1);
}

void BareSeal::hmac(BytesView key, std::initializer_list<BytesView> parts, std::uint8_t* out) {
  CHECK(EVP_MAC_init(mac_, key.data(), key.size(), nullptr) == 1);
  for (auto const part : parts) CHECK(EVP_MAC_update(mac_, part.data(), part.size()) == 1);
  std::size_t size = 0;
  CHECK(EVP_MAC_final(mac_, out, &size, 32) == 1);
}

// The HMACs of RFC 9180 sections 4.1 and 5.1 for one recipient: extract and expand of the shared
// secret, the two hashes, the secret, key and nonce.
void BareSeal::hpke_keys(Key32 const& dh, Key32 const& enc, Key32 const& to, Key32& key,
                         std::array<std::uint8_t, 12>& nonce) {
  static constexpr Key32 kNoSalt{};
  Key32 prk, shared, psk_hash, info_hash, secret, last;
  hmac(kNoSalt, {kLabel, dh}, prk.data());
  hmac(prk, {kLabel, enc, to}, shared.data());
  hmac(kNoSalt, {kLabel}, psk_hash.data());
  hmac(kNoSalt, {kLabel, kContext}, info_hash.data());
  hmac(shared, {kLabel}, secret.data());
  hmac(secret, {kLabel, psk_hash, info_hash}, key.data());
  hmac(secret, {kLabel, psk_hash, info_hash}, last.data());
  std::copy_n(last.begin(), nonce.size(), nonce.begin());
}

std::size_t BareSeal::encrypt(EVP_CIPHER_CTX* context, std::uint8_t const* key,
                              std::uint8_t const* nonce, BytesView aad, BytesView plain,
                              std::uint8_t* out) {
  int size = 0, rest = 0;
  if (key != nullptr)
    CHECK(EVP_EncryptInit_ex2(context, gcm_, key, nonce, nullptr) == 1);
  else
    CHECK(EVP_EncryptInit_ex2(context, nullptr, nullptr, nonce, nullptr) == 1);
  CHECK(EVP_EncryptUpdate(context, nullptr, &size, aad.data(), static_cast<int>(aad.size())) == 1);
  CHECK(EVP_EncryptUpdate(context, out, &size, plain.data(), static_cast<int>(plain.size())) == 1);
  CHECK(EVP_EncryptFinal_ex(context, out + size, &rest) == 1);
  CHECK(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kTag, out + size) == 1);
  return static_cast<std::size_t>(size) + kTag;
}

std::size_t BareSeal::decrypt(std::uint8_t const* key, std::uint8_t const* nonce, BytesView aad,
                              BytesView sealed, std::uint8_t* out) {
  int size = 0, rest = 0;
  std::array<std::uint8_t, kTag> tag{};
  std::copy_n(sealed.end() - kTag, kTag, tag.begin());
  CHECK(EVP_DecryptInit_ex2(cipher_, gcm_, key, nonce, nullptr) == 1);
  CHECK(EVP_DecryptUpdate(cipher_, nullptr, &size, aad.data(), static_cast<int>(aad.size())) == 1);
  CHECK(EVP_DecryptUpdate(cipher_, out, &size, sealed.data(),
                          static_cast<int>(sealed.size() - kTag)) == 1);
  CHECK(EVP_CIPHER_CTX_ctrl(cipher_, EVP_CTRL_AEAD_SET_TAG, kTag, tag.data()) == 1);
  CHECK(EVP_DecryptFinal_ex(cipher_, out + size, &rest) == 1);
  return static_cast<std::size_t>(size);
}

void BareSeal::wrap_for(std::size_t i) {
  Key32 ephemeral, dh, key;
  std::array<std::uint8_t, 12> nonce;
  randombytes_buf(ephemeral.data(), ephemeral.size());
  Wrap& wrap = wraps_[i];
  CHECK(crypto_scalarmult_curve25519_base(wrap.enc.data(), ephemeral.data()) == 0);
  CHECK(crypto_scalarmult_curve25519(dh.data(), ephemeral.data(), sealing_public_[i].data()) == 0);
  hpke_keys(dh, wrap.enc, sealing_public_[i], key, nonce);
  encrypt(cipher_, key.data(), nonce.data(), header_hash_, content_key_, wrap.sealed.data());
}

void BareSeal::seal(BytesView body) {
  hash({body}, body_hash_.data());
  crypto_sign_ed25519_detached(inner_signature_.data(), nullptr, statement_.data(),
                               statement_.size(), secret_.data());
  std::size_t const before = statement_.size() + kStatementSlack;
  inner_.resize(before + ZSTD_compressBound(body.size()));
  std::size_t const packed = ZSTD_compressCCtx(compress_, inner_.data() + before,
                                               inner_.size() - before, body.data(), body.size(), 3);
  CHECK(!ZSTD_isError(packed));
  inner_.resize(before + packed);
  body_size_ = body.size();

  randombytes_buf(content_key_.data(), content_key_.size());
  hash({kContext}, header_hash_.data());  // of the address
  for (std::size_t i = 0; i < wraps_.size(); ++i) wrap_for(i);
  BytesView const wraps{reinterpret_cast<std::uint8_t const*>(wraps_.data()),
                        wraps_.size() * sizeof(Wrap)};
  Key32 bound;
  hash({kContext, wraps}, bound.data());

  ciphertext_.resize(inner_.size() + (inner_.size() / chunk_bytes_ + 1) * kTag);
  std::array<std::uint8_t, 12> nonce{};
  std::size_t written = 0;
  BytesView left = inner_;
  for (bool first = true; !left.empty(); first = false) {
    auto const chunk = left.first(std::min(left.size(), chunk_bytes_));
    left = left.subspan(chunk.size());
    written += encrypt(body_cipher_, first ? content_key_.data() : nullptr, nonce.data(), bound,
                       chunk, ciphertext_.data() + written);
    ++nonce[10];
  }
  ciphertext_.resize(written);
  outer_.assign(wraps.begin(), wraps.end());
  outer_.resize(wraps.size() + 32);
  hash({ciphertext_}, outer_.data() + wraps.size());
  crypto_sign_ed25519_detached(outer_signature_.data(), nullptr, outer_.data(), outer_.size(),
                               secret_.data());
}

void BareSeal::open() {
  BytesView const wraps{reinterpret_cast<std::uint8_t const*>(wraps_.data()),
                        wraps_.size() * sizeof(Wrap)};
  hash({ciphertext_}, outer_.data() + wraps.size());
  CHECK(crypto_sign_ed25519_verify_detached(outer_signature_.data(), outer_.data(), outer_.size(),
                                            public_.data()) == 0);
  Key32 dh, key, address, bound, content_key, body_hash;
  std::array<std::uint8_t, 12> nonce;
  CHECK(crypto_scalarmult_curve25519(dh.data(), sealing_secret_[0].data(), wraps_[0].enc.data()) ==
        0);
  hash({kContext}, address.data());
  hpke_keys(dh, wraps_[0].enc, sealing_public_[0], key, nonce);
  decrypt(key.data(), nonce.data(), address, wraps_[0].sealed, content_key.data());
  hash({kContext, wraps}, bound.data());
  plain_.resize(ciphertext_.size());
  std::size_t written = 0;
  nonce.fill(0);
  BytesView left = ciphertext_;
  while (!left.empty()) {
    auto const chunk = left.first(std::min(left.size(), chunk_bytes_ + kTag));
    left = left.subspan(chunk.size());
    written += decrypt(content_key.data(), nonce.data(), bound, chunk, plain_.data() + written);
    ++nonce[10];
  }
  CHECK(crypto_sign_ed25519_verify_detached(inner_signature_.data(), statement_.data(),
                                            statement_.size(), public_.data()) == 0);
  std::size_t const before = statement_.size() + kStatementSlack;
  body_.resize(body_size_);
  CHECK(ZSTD_decompressDCtx(decompress_, body_.data(), body_.size(), plain_.data() + before,
                            written - before) == body_size_);
  hash({body_}, body_hash.data());
  CHECK(body_hash == body_hash_);
}

}  // namespace amic::bench
