// Shared by the files of this module only.
#pragma once

#include <initializer_list>

#include "base/bytes.h"
#include "crypto/secret.h"

namespace amic::crypto::internal {

// Lets libsodium choose its implementations for this processor; cheap after the first call.
void init_sodium();

// HMAC-SHA-256 of the concatenation.
Hash hmac_sha256(BytesView key, std::initializer_list<BytesView> parts);

// HKDF of the concatenation, for the labelled inputs of HPKE.
Secret hkdf_extract(BytesView salt, std::initializer_list<BytesView> ikm);
Secret hkdf_expand(BytesView prk, std::initializer_list<BytesView> info, std::size_t length);

}  // namespace amic::crypto::internal
