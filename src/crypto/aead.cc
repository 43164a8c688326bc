#include "crypto/aead.h"

#include <openssl/evp.h>
#include <sodium.h>

#include "base/check.h"

namespace amic::crypto {

namespace internal {

namespace {

constexpr std::size_t kStepBytes = 1 << 30;  // EVP counts in int

EVP_CIPHER const* algorithm(Aead aead) {
  static EVP_CIPHER* const aes128 = EVP_CIPHER_fetch(nullptr, "AES-128-GCM", nullptr);
  static EVP_CIPHER* const aes256 = EVP_CIPHER_fetch(nullptr, "AES-256-GCM", nullptr);
  EVP_CIPHER* const found = aead == Aead::kAes128Gcm ? aes128 : aes256;
  CHECK(found != nullptr);
  return found;
}

// out == nullptr: additional data.
void update(EVP_CIPHER_CTX* context, BytesView in, std::uint8_t* out) {
  while (!in.empty()) {
    BytesView const step = in.first(std::min(in.size(), kStepBytes));
    int size = 0;
    CHECK(EVP_CipherUpdate(context, out, &size, step.data(), static_cast<int>(step.size())) == 1);
    if (out != nullptr) out += size;
    in = in.subspan(step.size());
  }
}

}  // namespace

std::size_t aead_key_bytes(Aead aead) {
  return aead == Aead::kAes128Gcm ? 16 : 32;
}

struct Gcm::Impl {
  EVP_CIPHER_CTX* context = EVP_CIPHER_CTX_new();
  ~Impl() { EVP_CIPHER_CTX_free(context); }  // cleanses
};

Gcm::Gcm(Aead aead, BytesView key, bool sealing) : impl_(std::make_unique<Impl>()) {
  CHECK(impl_->context != nullptr && key.size() == aead_key_bytes(aead));
  CHECK(EVP_CipherInit_ex2(impl_->context, algorithm(aead), key.data(), nullptr, sealing ? 1 : 0,
                           nullptr) == 1);
}

Gcm::~Gcm() = default;

void Gcm::seal(BytesView nonce, BytesView aad, BytesView plain, std::span<std::uint8_t> out) {
  CHECK(nonce.size() == kAeadNonceBytes && out.size() == plain.size() + kAeadTagBytes);
  EVP_CIPHER_CTX* const context = impl_->context;
  CHECK(EVP_CipherInit_ex2(context, nullptr, nullptr, nonce.data(), -1, nullptr) == 1);
  update(context, aad, nullptr);
  update(context, plain, out.data());
  std::uint8_t* const tag = out.data() + plain.size();
  int size = 0;
  CHECK(EVP_CipherFinal_ex(context, tag, &size) == 1);
  CHECK(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, kAeadTagBytes, tag) == 1);
}

bool Gcm::open(BytesView nonce, BytesView aad, BytesView sealed, std::span<std::uint8_t> out) {
  CHECK(nonce.size() == kAeadNonceBytes && sealed.size() == out.size() + kAeadTagBytes);
  EVP_CIPHER_CTX* const context = impl_->context;
  CHECK(EVP_CipherInit_ex2(context, nullptr, nullptr, nonce.data(), -1, nullptr) == 1);
  update(context, aad, nullptr);
  update(context, sealed.first(out.size()), out.data());
  std::array<std::uint8_t, kAeadTagBytes> tag{};  // OpenSSL wants it writable
  std::copy_n(sealed.begin() + static_cast<std::ptrdiff_t>(out.size()), tag.size(), tag.begin());
  CHECK(EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, kAeadTagBytes, tag.data()) == 1);
  int size = 0;
  std::uint8_t nothing = 0;
  if (EVP_CipherFinal_ex(context, &nothing, &size) == 1) return true;
  if (!out.empty()) sodium_memzero(out.data(), out.size());
  return false;
}

}  // namespace internal

Bytes aead_seal(Aead aead, BytesView key, BytesView nonce_12, BytesView aad, BytesView plain) {
  Bytes out(plain.size() + kAeadTagBytes);
  internal::Gcm(aead, key, true).seal(nonce_12, aad, plain, out);
  return out;
}

Result<Bytes> aead_open(Aead aead, BytesView key, BytesView nonce_12, BytesView aad,
                        BytesView sealed) {
  // The key may come out of a sealed box of somebody else's, so its size is no bug of ours.
  if (key.size() != internal::aead_key_bytes(aead) || nonce_12.size() != kAeadNonceBytes ||
      sealed.size() < kAeadTagBytes)
    return fail(Code::kMalformed, "crypto.aead", "wrong size of key, nonce or ciphertext");
  Bytes out(sealed.size() - kAeadTagBytes);
  if (!internal::Gcm(aead, key, false).open(nonce_12, aad, sealed, out))
    return fail(Code::kBadSignature, "crypto.aead", "the tag does not verify");
  return out;
}

AeadKey::AeadKey(BytesView key_32, Use use)
    : gcm_(std::make_unique<internal::Gcm>(Aead::kAes256Gcm, key_32, use == Use::kSeal)) {}
AeadKey::AeadKey(AeadKey&&) noexcept = default;
AeadKey& AeadKey::operator=(AeadKey&&) noexcept = default;
AeadKey::~AeadKey() = default;

void AeadKey::seal(BytesView nonce_12, BytesView aad, BytesView plain,
                   std::span<std::uint8_t> out) {
  gcm_->seal(nonce_12, aad, plain, out);
}

Result<void> AeadKey::open(BytesView nonce_12, BytesView aad, BytesView sealed,
                           std::span<std::uint8_t> out) {
  if (nonce_12.size() != kAeadNonceBytes || sealed.size() < kAeadTagBytes ||
      out.size() != sealed.size() - kAeadTagBytes)
    return fail(Code::kMalformed, "crypto.aead", "wrong size of nonce or ciphertext");
  if (!gcm_->open(nonce_12, aad, sealed, out))
    return fail(Code::kBadSignature, "crypto.aead", "the tag does not verify");
  return {};
}

}  // namespace amic::crypto
