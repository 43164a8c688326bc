// Rows of hashes inside one tile: shared by the builder and the proofs. Private to merkle.
#pragma once

#include <bit>

#include "merkle/merkle.h"

namespace amic::merkle::internal {

inline constexpr std::size_t kHashBytes = Hash::kSize;

inline Hash hash_at(BytesView hashes, std::size_t index) {
  return *Hash::from(hashes.subspan(index * kHashBytes, kHashBytes));
}

// Root of the complete subtree over `hashes`: a power of two of them, at most kTileWidth.
Hash row_root(BytesView hashes);

// "tile 0/12", for errors.
std::string tile_label(std::uint8_t level, std::uint64_t index);

}  // namespace amic::merkle::internal
