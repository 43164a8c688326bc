// Ed25519 (RFC 8032) by libsodium only: every member verifies with the same library, so that no
// crafted signature splits the community (crypto: cofactor rules differ between libraries).
#pragma once

#include "base/bytes.h"
#include "base/random.h"
#include "base/result.h"
#include "crypto/secret.h"

namespace amic::crypto {

using VerifyKey = FixedBytes<32, struct VerifyKeyTag>;
using Signature = FixedBytes<64, struct SignatureTag>;

class SigningKey {
 public:
  static SigningKey generate(Random& random);
  static Result<SigningKey> from_seed(BytesView seed_32);
  VerifyKey const& verify_key() const { return public_; }
  Signature sign(BytesView message) const;
  BytesView seed() const;  // 32 bytes, secret

 private:
  Secret secret_;  // seed || public, 64 bytes as libsodium keeps it
  VerifyKey public_;
};

// False for a wrong signature, a small-order or non-canonical key.
bool verify(VerifyKey const& key, BytesView message, Signature const& signature);

// Domain separation: what is signed is str8(domain) || message. Every signature of AMIC's own
// formats goes through these two; third-party formats (signed notes) use sign/verify directly.
Signature sign_in_domain(SigningKey const& key, std::string_view domain, BytesView message);
bool verify_in_domain(VerifyKey const& key, std::string_view domain, BytesView message,
                      Signature const& signature);

}  // namespace amic::crypto
