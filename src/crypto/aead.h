// AES-GCM by OpenSSL with one key for many nonces. For the files of this module.
#pragma once

#include <memory>

#include "crypto/seal.h"

namespace amic::crypto::internal {

std::size_t aead_key_bytes(Aead aead);

// The key schedule is made once; it is wiped with the object.
class Gcm {
 public:
  // CHECKs the size of the key.
  Gcm(Aead aead, BytesView key, bool sealing);
  ~Gcm();
  Gcm(Gcm const&) = delete;
  Gcm& operator=(Gcm const&) = delete;

  // out: plain + 16 bytes.
  void seal(BytesView nonce, BytesView aad, BytesView plain, std::span<std::uint8_t> out);
  // out: sealed - 16 bytes; wiped if the tag does not verify (then false).
  bool open(BytesView nonce, BytesView aad, BytesView sealed, std::span<std::uint8_t> out);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace amic::crypto::internal
