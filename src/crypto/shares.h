// Shamir's secret sharing over GF(2^8), by libgfshare: any `threshold` of the shares give the
// secret, fewer say nothing about it. Nothing here is authenticated: who joins wrong shares gets a
// wrong secret, so the caller checks the result (crypto/root_share.h does).
#pragma once

#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "crypto/secret.h"

namespace amic::crypto {

inline constexpr unsigned kSharesMax = 16;
inline constexpr unsigned kShareThresholdMin = 2;

struct SecretShare {
  std::uint8_t index = 0;  // where the polynomial was evaluated, 1..count; never 0
  Secret bytes;            // as many as the secret has
};

// kOutOfRange unless 2 <= threshold <= count <= 16 and the secret has 1..1024 bytes.
Result<std::vector<SecretShare>> split_secret(Secret const& secret, unsigned threshold,
                                              unsigned count, Random& random);

// All the shares given are used. kMalformed: none, sizes that differ, an index that is 0, above 16
// or there twice.
Result<Secret> join_secret(std::vector<SecretShare> const& shares);

}  // namespace amic::crypto
