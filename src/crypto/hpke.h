// The steps of RFC 9180 base mode, apart for its test vectors. For the files of this module.
#pragma once

#include "crypto/seal.h"

namespace amic::crypto::internal {

// Section 7.1.3, DHKEM(X25519, HKDF-SHA256).
SealKey hpke_derive_key_pair(BytesView ikm);

// X25519; kMalformed if the result is all zero (a point of small order).
Result<Secret> x25519(BytesView secret, SealPublicKey const& point);

// Section 4.1, with the ephemeral key given.
Result<Secret> hpke_encap(SealKey const& ephemeral, SealPublicKey const& to);
Result<Secret> hpke_decap(SealPublicKey const& enc, SealKey const& key);

struct HpkeContext {
  Secret key;
  Secret base_nonce;
};
// Section 5.1, mode base; the exporter secret is not derived.
HpkeContext hpke_key_schedule(Aead aead, BytesView shared_secret, BytesView info);
// The nonce of section 5.2.
std::array<std::uint8_t, kAeadNonceBytes> hpke_nonce(HpkeContext const& context,
                                                     std::uint64_t sequence);

Result<HpkeSealed> hpke_seal_from(SealKey const& ephemeral, SealPublicKey const& to, BytesView info,
                                  BytesView aad, BytesView plain, Aead aead);

}  // namespace amic::crypto::internal
