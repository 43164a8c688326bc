// SHA-256 (FIPS 180-4), HMAC-SHA-256 (RFC 2104), HKDF-SHA-256 (RFC 5869). By OpenSSL.
#pragma once

#include <initializer_list>
#include <memory>

#include "base/bytes.h"
#include "crypto/secret.h"

namespace amic::crypto {

Hash sha256(BytesView bytes);
Hash sha256(std::initializer_list<BytesView> parts);  // of the concatenation

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  Sha256& update(BytesView bytes);
  Hash finish();  // once

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

Hash hmac_sha256(BytesView key, BytesView message);
Secret hkdf_extract(BytesView salt, BytesView ikm);                     // 32 bytes
Secret hkdf_expand(BytesView prk, BytesView info, std::size_t length);  // length <= 8160

}  // namespace amic::crypto
