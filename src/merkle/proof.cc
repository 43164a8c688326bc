#include <algorithm>

#include "merkle/rows.h"

namespace amic::merkle {

using internal::kHashBytes;

namespace {

// Largest power of two below n; n >= 2 (RFC 6962 2.1).
std::uint64_t split(std::uint64_t n) {
  return std::bit_floor(n - 1);
}

// Hashes of ranges from tiles, reading each tile once per proof: the eight siblings inside a tile
// share it, and a proof touches at most a few tiles a level.
class Ranges {
 public:
  explicit Ranges(TileReader const& read) : read_(read) {}

  // MTH(D[begin:end]), end > begin, where RFC 6962 recursion leads: begin is a multiple of the
  // power of two at or above the range's size. At most 64 deep.
  Result<Hash> hash(std::uint64_t begin, std::uint64_t end) {
    std::uint64_t const size = end - begin;
    if (std::has_single_bit(size)) return subtree(std::countr_zero(size), begin);
    std::uint64_t const k = split(size);
    AMIC_TRY(Hash const left, hash(begin, begin + k));
    AMIC_TRY(Hash const right, hash(begin + k, end));
    return node_hash(left, right);
  }

 private:
  struct Cached {
    std::uint8_t level;
    std::uint64_t index;
    Bytes hashes;
  };

  // The complete subtree of 2^height leaves that starts at `begin`.
  Result<Hash> subtree(int height, std::uint64_t begin) {
    int const shift = height / kTileHeight * kTileHeight;
    auto const level = static_cast<std::uint8_t>(height / kTileHeight);
    std::uint64_t const first = begin >> shift;
    std::size_t const at = static_cast<std::size_t>(first % kTileWidth) * kHashBytes;
    std::size_t const bytes = kHashBytes << (height - shift);
    AMIC_TRY(Cached const* const tile, load(level, first / kTileWidth));
    if (tile->hashes.size() < at + bytes || tile->hashes.size() % kHashBytes != 0) {
      return fail(Code::kCorrupt, internal::tile_label(level, tile->index),
                  "holds " + std::to_string(tile->hashes.size()) + " bytes, needs " +
                      std::to_string(at + bytes));
    }
    return internal::row_root(BytesView(tile->hashes).subspan(at, bytes));
  }

  Result<Cached const*> load(std::uint8_t level, std::uint64_t index) {
    auto const found = std::find_if(cache_.begin(), cache_.end(), [&](Cached const& tile) {
      return tile.level == level && tile.index == index;
    });
    if (found != cache_.end()) return &*found;
    AMIC_TRY(Bytes hashes, read_(level, index));
    cache_.push_back({level, index, std::move(hashes)});
    return &cache_.back();
  }

  TileReader const& read_;
  std::vector<Cached> cache_;
};

tl::unexpected<Error> refuse(char const* where, char const* detail) {
  return fail(Code::kRejected, where, detail);
}

constexpr char kInclusion[] = "merkle.inclusion";
constexpr char kConsistency[] = "merkle.consistency";

}  // namespace

Result<Hash> tree_root(std::uint64_t size, TileReader const& read) {
  if (size == 0) return empty_root();
  return Ranges(read).hash(0, size);
}

Result<std::vector<Hash>> inclusion_proof(std::uint64_t index, std::uint64_t size,
                                          TileReader const& read) {
  if (index >= size) return fail(Code::kOutOfRange, kInclusion, "index is not below the tree size");
  Ranges ranges(read);
  std::vector<Hash> path;
  std::uint64_t begin = 0;
  std::uint64_t end = size;
  while (end - begin > 1) {
    std::uint64_t const middle = begin + split(end - begin);
    bool const left = index < middle;
    AMIC_TRY(Hash const sibling, left ? ranges.hash(middle, end) : ranges.hash(begin, middle));
    path.push_back(sibling);
    (left ? end : begin) = middle;
  }
  std::reverse(path.begin(), path.end());
  return path;
}

Result<std::vector<Hash>> consistency_proof(std::uint64_t old_size, std::uint64_t new_size,
                                            TileReader const& read) {
  if (old_size > new_size)
    return fail(Code::kOutOfRange, kConsistency, "old size is above the new");
  std::vector<Hash> path;
  if (old_size == 0 || old_size == new_size) return path;
  Ranges ranges(read);
  std::uint64_t begin = 0;
  std::uint64_t end = new_size;
  while (end != old_size) {  // the old tree is D[0:old_size]; `end` shrinks to it
    std::uint64_t const middle = begin + split(end - begin);
    bool const left = old_size <= middle;
    AMIC_TRY(Hash const sibling, left ? ranges.hash(middle, end) : ranges.hash(begin, middle));
    path.push_back(sibling);
    (left ? end : begin) = middle;
  }
  if (begin != 0) {  // the verifier knows the old root only if this subtree is all of it
    AMIC_TRY(Hash const last, ranges.hash(begin, end));
    path.push_back(last);
  }
  std::reverse(path.begin(), path.end());
  return path;
}

Result<void> verify_inclusion(Hash const& leaf, std::uint64_t index, std::uint64_t size,
                              std::vector<Hash> const& path, Hash const& root) {
  if (index >= size) return refuse(kInclusion, "index is not below the tree size");
  std::uint64_t node = index;
  std::uint64_t last = size - 1;
  Hash hash = leaf;
  for (Hash const& sibling : path) {
    if (last == 0) return refuse(kInclusion, "path is too long");
    if ((node & 1) != 0 || node == last) {
      hash = node_hash(sibling, hash);
      while ((node & 1) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      hash = node_hash(hash, sibling);
    }
    node >>= 1;
    last >>= 1;
  }
  if (last != 0) return refuse(kInclusion, "path is too short");
  if (hash != root) return refuse(kInclusion, "path does not lead to the root");
  return {};
}

Result<void> verify_consistency(std::uint64_t old_size, Hash const& old_root,
                                std::uint64_t new_size, Hash const& new_root,
                                std::vector<Hash> const& path) {
  if (old_size > new_size) return refuse(kConsistency, "old size is above the new");
  if (old_size == 0 || old_size == new_size) {
    if (!path.empty()) return refuse(kConsistency, "proof is not empty");
    if (old_size == 0 && old_root != empty_root()) {
      return refuse(kConsistency, "root of size 0 is not that of the empty tree");
    }
    if (old_size == new_size && old_root != new_root) return refuse(kConsistency, "roots differ");
    return {};
  }
  std::uint64_t node = old_size - 1;
  std::uint64_t last = new_size - 1;
  while ((node & 1) != 0) {
    node >>= 1;
    last >>= 1;
  }
  auto next = path.begin();
  if (!std::has_single_bit(old_size)) {
    if (next == path.end()) return refuse(kConsistency, "proof is too short");
    ++next;
  }
  Hash old_hash = std::has_single_bit(old_size) ? old_root : path.front();
  Hash new_hash = old_hash;
  for (; next != path.end(); ++next) {
    if (last == 0) return refuse(kConsistency, "proof is too long");
    if ((node & 1) != 0 || node == last) {
      old_hash = node_hash(*next, old_hash);
      new_hash = node_hash(*next, new_hash);
      while ((node & 1) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      new_hash = node_hash(new_hash, *next);
    }
    node >>= 1;
    last >>= 1;
  }
  if (last != 0) return refuse(kConsistency, "proof is too short");
  if (old_hash != old_root) return refuse(kConsistency, "proof does not lead to the old root");
  if (new_hash != new_root) return refuse(kConsistency, "proof does not lead to the new root");
  return {};
}

}  // namespace amic::merkle
