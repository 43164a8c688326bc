// The primitive operations that sealing to N members and opening need, called on libsodium, OpenSSL
// and libzstd directly with every context and buffer made beforehand: the rival of envelope::seal
// and open. It keeps no format, checks nothing but signatures and tags, and can't be taken apart.
#pragma once

#include <openssl/evp.h>
#include <sodium.h>
#include <zstd.h>

#include <array>
#include <memory>
#include <vector>

#include "base/bytes.h"

namespace amic::bench {

class BareSeal {
 public:
  // `statement_bytes`: how much the inner signature covers.
  BareSeal(std::size_t recipients, std::size_t statement_bytes, std::size_t chunk_bytes);
  ~BareSeal();
  BareSeal(BareSeal const&) = delete;
  BareSeal& operator=(BareSeal const&) = delete;

  void seal(BytesView body);  // to all recipients and to oneself
  void open();                // what was sealed last, by the first recipient

 private:
  using Key32 = std::array<std::uint8_t, 32>;
  struct Wrap {
    Key32 enc;
    std::array<std::uint8_t, 48> sealed;
  };

  void hash(std::initializer_list<BytesView> parts, std::uint8_t* out);
  void hmac(BytesView key, std::initializer_list<BytesView> parts, std::uint8_t* out);
  void hpke_keys(Key32 const& dh, Key32 const& enc, Key32 const& to, Key32& key,
                 std::array<std::uint8_t, 12>& nonce);
  void wrap_for(std::size_t i);
  std::size_t encrypt(EVP_CIPHER_CTX* context, std::uint8_t const* key, std::uint8_t const* nonce,
                      BytesView aad, BytesView plain, std::uint8_t* out);
  std::size_t decrypt(std::uint8_t const* key, std::uint8_t const* nonce, BytesView aad,
                      BytesView sealed, std::uint8_t* out);

  std::size_t const chunk_bytes_;
  EVP_MD* sha256_;
  EVP_MAC* hmac_;
  EVP_CIPHER* gcm_;
  EVP_MD_CTX* digest_;
  EVP_MAC_CTX* mac_;
  EVP_CIPHER_CTX* cipher_;
  EVP_CIPHER_CTX* body_cipher_;
  ZSTD_CCtx* compress_;
  ZSTD_DCtx* decompress_;
  std::array<std::uint8_t, crypto_sign_ed25519_PUBLICKEYBYTES> public_{};
  std::array<std::uint8_t, crypto_sign_ed25519_SECRETKEYBYTES> secret_{};
  std::vector<Key32> sealing_public_, sealing_secret_;
  Bytes statement_;
  // What was sealed last.
  Key32 content_key_{}, body_hash_{}, header_hash_{};
  std::vector<Wrap> wraps_;
  Bytes inner_, ciphertext_, plain_, body_, outer_;
  std::size_t body_size_ = 0;
  std::array<std::uint8_t, crypto_sign_ed25519_BYTES> inner_signature_{}, outer_signature_{};
};

}  // namespace amic::bench
