// How a node opens its store: encrypted under a key that only its first sealing key leads to.
#pragma once

#include "crypto/hash.h"
#include "node/ceremony.h"
#include "node/data_dir.h"
#include "store/store.h"

namespace amic::node {

// HKDF-SHA-256 without salt, info "amic/store/kek/v1". docs/formats/store.md, "Encryption".
inline crypto::Secret store_key(crypto::SealKey const& sealing) {
  return crypto::hkdf_expand(crypto::hkdf_extract({}, sealing.secret()).view(),
                             as_bytes("amic/store/kek/v1"), 32);
}

inline Result<std::unique_ptr<store::Store>> open_store(DataDir const& dir, NodeKeys const& keys) {
  store::Options options;
  options.key = store_key(keys.first_sealing);  // a rotation must not lock the store
  return store::Store::open("sqlite:" + dir.store().string(), std::move(options));
}

}  // namespace amic::node
