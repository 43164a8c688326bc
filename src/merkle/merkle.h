// RFC 6962 Merkle trees, C2SP tlog-tiles addressing, proofs. Pure: hashes come in through a
// function. C2SP signed notes, checkpoints and cosignatures are in merkle/note.h.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace amic::merkle {

Hash empty_root();
Hash leaf_hash(BytesView entry);  // SHA-256(0x00 || entry)
Hash node_hash(Hash const& left, Hash const& right);

inline constexpr int kTileHeight = 8;
inline constexpr std::uint64_t kTileWidth = 256;

// A growing tree held as its right edge of tiles: O(log n) memory (plus the full tiles not yet
// taken). append() records which tiles changed, so that the caller can store them in the same
// transaction. A copy is independent of the original: build on a copy, keep it once the store has
// committed.
class TreeBuilder {
 public:
  struct TileData {
    std::uint8_t level = 0;
    std::uint64_t index = 0;
    Bytes hashes;
  };
  using TileReader = std::function<Result<Bytes>(std::uint8_t level, std::uint64_t index)>;

  TreeBuilder() = default;  // empty tree
  // Resumes at `size`, reading the partial tiles of the right edge. A tile may hold more hashes
  // than the size needs (it is cut); kCorrupt names a tile that holds fewer, or not whole hashes.
  static Result<TreeBuilder> resume(std::uint64_t size, TileReader const& read);
  void append(Hash const& leaf);  // a leaf hash, not an entry; allocates nothing per leaf
  std::uint64_t size() const { return size_; }
  Hash root() const;
  // Tiles that changed since the last take (or resume): each full tile once, partial tiles as they
  // stand. Never an empty one.
  std::vector<TileData> take_changed_tiles();

 private:
  void append_at(std::size_t level, Hash const& hash);

  std::uint64_t size_ = 0;
  std::uint64_t taken_size_ = 0;   // size at the last take: what changed since is derived from it
  std::vector<Bytes> edge_;        // per level: hashes of the partial (never full) rightmost tile
  std::vector<TileData> changed_;  // full tiles
};

// Hash of any complete subtree, from tiles; the base of all proofs.
using TileReader = TreeBuilder::TileReader;
// kCorrupt if a tile is too short, else whatever the reader fails with.
Result<Hash> tree_root(std::uint64_t size, TileReader const& read);
// Audit path of leaf `index` in the tree of `size`, leaf sibling first (RFC 6962 2.1.1).
// kOutOfRange unless index < size.
Result<std::vector<Hash>> inclusion_proof(std::uint64_t index, std::uint64_t size,
                                          TileReader const& read);
// RFC 6962 2.1.2; empty for equal sizes and for old size 0. kOutOfRange unless old <= new.
Result<std::vector<Hash>> consistency_proof(std::uint64_t old_size, std::uint64_t new_size,
                                            TileReader const& read);

// kRejected if the proof does not hold. Total functions of their arguments (RFC
// 9162 2.1.3.2, 2.1.4.2). From size 0 the only proof is the empty one, and the old root must be
// that of the empty tree.
Result<void> verify_inclusion(Hash const& leaf, std::uint64_t index, std::uint64_t size,
                              std::vector<Hash> const& path, Hash const& root);
Result<void> verify_consistency(std::uint64_t old_size, Hash const& old_root,
                                std::uint64_t new_size, Hash const& new_root,
                                std::vector<Hash> const& path);

// "tile/0/x001/067", "tile/0/x001/067.p/12" (C2SP tlog-tiles); width 256 = full.
std::string tile_path(std::uint8_t level, std::uint64_t index, unsigned width);
std::string entries_path(std::uint64_t index, unsigned width);  // "tile/entries/x001/067"
struct TileName {
  std::uint8_t level = 0;
  std::uint64_t index = 0;
  unsigned width = 256;
  bool entries = false;
  bool operator==(TileName const&) const = default;
};
// Strict: the one spelling that tile_path or entries_path gives. kMalformed otherwise.
Result<TileName> parse_tile_path(std::string_view path);

}  // namespace amic::merkle
