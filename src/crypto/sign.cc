#include "crypto/sign.h"

#include <sodium.h>

#include "base/check.h"
#include "codec/codec.h"
#include "crypto/internal.h"

namespace amic::crypto {

namespace {

constexpr std::size_t kSeedBytes = crypto_sign_ed25519_SEEDBYTES;
static_assert(VerifyKey::kSize == crypto_sign_ed25519_PUBLICKEYBYTES);
static_assert(Signature::kSize == crypto_sign_ed25519_BYTES);

Bytes in_domain(std::string_view domain, BytesView message) {
  codec::Writer out;
  out.str8(domain).raw(message);
  return out.take();
}

}  // namespace

SigningKey SigningKey::generate(Random& random) {
  Secret seed(kSeedBytes);
  random.fill(seed.mutable_view());
  return from_seed(seed.view()).value();
}

Result<SigningKey> SigningKey::from_seed(BytesView seed_32) {
  internal::init_sodium();
  if (seed_32.size() != kSeedBytes)
    return fail(Code::kMalformed, "crypto.signing_key", "a seed has 32 bytes");
  SigningKey key;
  key.secret_ = Secret(std::size_t{crypto_sign_ed25519_SECRETKEYBYTES});
  CHECK(crypto_sign_ed25519_seed_keypair(key.public_.data.data(), key.secret_.mutable_view().data(),
                                         seed_32.data()) == 0);
  return key;
}

BytesView SigningKey::seed() const {
  CHECK(!secret_.empty());
  return secret_.view().first(kSeedBytes);
}

Signature SigningKey::sign(BytesView message) const {
  CHECK(!secret_.empty());  // made by generate or from_seed
  Signature out;
  CHECK(crypto_sign_ed25519_detached(out.data.data(), nullptr, message.data(), message.size(),
                                     secret_.view().data()) == 0);
  return out;
}

bool verify(VerifyKey const& key, BytesView message, Signature const& signature) {
  internal::init_sodium();
  return crypto_sign_ed25519_verify_detached(signature.data.data(), message.data(), message.size(),
                                             key.data.data()) == 0;
}

Signature sign_in_domain(SigningKey const& key, std::string_view domain, BytesView message) {
  return key.sign(in_domain(domain, message));
}

bool verify_in_domain(VerifyKey const& key, std::string_view domain, BytesView message,
                      Signature const& signature) {
  return verify(key, in_domain(domain, message), signature);
}

}  // namespace amic::crypto
