#include "crypto/hash.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include <array>
#include <utility>

#include "base/check.h"
#include "crypto/internal.h"

namespace amic::crypto {

namespace {

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freer<EVP_MD_CTX_free>>;
using MacContext = std::unique_ptr<EVP_MAC_CTX, Freer<EVP_MAC_CTX_free>>;

// Looking an algorithm up in the provider costs as much as hashing some hundred bytes: once.
EVP_MD const* sha256_algorithm() {
  static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  CHECK(algorithm != nullptr);
  return algorithm;
}

// OpenSSL takes a null key for "the key of before"; an empty key must not be null.
std::uint8_t const* never_null(BytesView bytes) {
  static constexpr std::uint8_t kNothing = 0;
  return bytes.data() != nullptr ? bytes.data() : &kNothing;
}

void digest_start(EVP_MD_CTX* context) {
  CHECK(context != nullptr);
  CHECK(EVP_DigestInit_ex2(context, sha256_algorithm(), nullptr) == 1);
}

void digest_update(EVP_MD_CTX* context, BytesView bytes) {
  CHECK(EVP_DigestUpdate(context, bytes.data(), bytes.size()) == 1);
}

Hash digest_finish(EVP_MD_CTX* context) {
  Hash out;
  unsigned size = 0;
  CHECK(EVP_DigestFinal_ex(context, out.data.data(), &size) == 1 && size == Hash::kSize);
  return out;
}

// One context a thread, keyed anew for every message.
EVP_MAC_CTX* hmac_context() {
  static thread_local MacContext const context = [] {
    static EVP_MAC* const algorithm = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    CHECK(algorithm != nullptr);
    MacContext made(EVP_MAC_CTX_new(algorithm));
    char digest[] = "SHA256";
    OSSL_PARAM const params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                                 OSSL_PARAM_construct_end()};
    CHECK(made && EVP_MAC_CTX_set_params(made.get(), params) == 1);
    return made;
  }();
  return context.get();
}

}  // namespace

Hash sha256(BytesView bytes) {
  return sha256({bytes});
}

Hash sha256(std::initializer_list<BytesView> parts) {
  static thread_local DigestContext const context(EVP_MD_CTX_new());
  digest_start(context.get());
  for (BytesView const part : parts) digest_update(context.get(), part);
  return digest_finish(context.get());
}

struct Sha256::Impl {
  DigestContext context{EVP_MD_CTX_new()};
  bool finished = false;
};

Sha256::Sha256() : impl_(std::make_unique<Impl>()) {
  digest_start(impl_->context.get());
}

Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

Sha256& Sha256::update(BytesView bytes) {
  CHECK(!impl_->finished);
  digest_update(impl_->context.get(), bytes);
  return *this;
}

Hash Sha256::finish() {
  CHECK(!std::exchange(impl_->finished, true));
  return digest_finish(impl_->context.get());
}

Hash internal::hmac_sha256(BytesView key, std::initializer_list<BytesView> parts) {
  EVP_MAC_CTX* const context = hmac_context();
  CHECK(EVP_MAC_init(context, never_null(key), key.size(), nullptr) == 1);
  for (BytesView const part : parts)
    CHECK(part.empty() || EVP_MAC_update(context, part.data(), part.size()) == 1);
  Hash out;
  std::size_t size = 0;
  CHECK(EVP_MAC_final(context, out.data.data(), &size, Hash::kSize) == 1 && size == Hash::kSize);
  // The context outlives this call; the key must not.
  CHECK(EVP_MAC_init(context, never_null({}), 0, nullptr) == 1);
  return out;
}

Hash hmac_sha256(BytesView key, BytesView message) {
  return internal::hmac_sha256(key, {message});
}

// RFC 5869 section 2.2. No salt means 32 zero bytes, which HMAC makes of an empty key by itself.
Secret internal::hkdf_extract(BytesView salt, std::initializer_list<BytesView> ikm) {
  return Secret(internal::hmac_sha256(salt, ikm).view());
}

Secret hkdf_extract(BytesView salt, BytesView ikm) {
  return internal::hkdf_extract(salt, {ikm});
}

// RFC 5869 section 2.3.
Secret internal::hkdf_expand(BytesView prk, std::initializer_list<BytesView> info,
                             std::size_t length) {
  CHECK(length <= 255 * Hash::kSize);
  Bytes joined;
  for (BytesView const part : info) append(joined, part);
  Secret out(length);
  Hash block;
  BytesView previous;
  std::uint8_t counter = 0;
  for (std::size_t done = 0; done < length; done += Hash::kSize) {
    ++counter;
    block = internal::hmac_sha256(prk, {previous, joined, BytesView(&counter, 1)});
    previous = block.view();
    std::size_t const size = std::min(Hash::kSize, length - done);
    std::copy_n(block.data.begin(), size, out.mutable_view().begin() + done);
  }
  return out;
}

Secret hkdf_expand(BytesView prk, BytesView info, std::size_t length) {
  return internal::hkdf_expand(prk, {info}, length);
}

}  // namespace amic::crypto
