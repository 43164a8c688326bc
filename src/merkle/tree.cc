#include <array>

#include "base/check.h"
#include "crypto/hash.h"
#include "merkle/rows.h"

namespace amic::merkle {

using internal::hash_at;
using internal::kHashBytes;

namespace {

constexpr std::size_t kTileBytes = kTileWidth * kHashBytes;

// Hashes at tile level `level` in a tree of `size`: level 0 holds the leaves.
std::uint64_t count_at(std::uint64_t size, std::size_t level) {
  std::size_t const shift = level * kTileHeight;
  return shift >= 64 ? 0 : size >> shift;
}

}  // namespace

namespace internal {

Hash row_root(BytesView hashes) {
  std::size_t count = hashes.size() / kHashBytes;
  CHECK(std::has_single_bit(count) && count <= kTileWidth && hashes.size() % kHashBytes == 0);
  if (count == 1) return hash_at(hashes, 0);
  // Each input is 0x01 || left || right with left and right adjacent already; the first pass reads
  // the tile, the later ones reduce in place.
  std::array<std::uint8_t, kTileBytes / 2> row;
  std::array<std::uint8_t, 1 + 2 * kHashBytes> input;
  input[0] = 1;
  std::uint8_t const* from = hashes.data();
  for (; count > 1; count /= 2, from = row.data()) {
    for (std::size_t i = 0; i < count / 2; ++i) {
      std::memcpy(input.data() + 1, from + i * 2 * kHashBytes, 2 * kHashBytes);
      Hash const parent = crypto::sha256(BytesView(input));
      std::memcpy(row.data() + i * kHashBytes, parent.data.data(), kHashBytes);
    }
  }
  return hash_at(row, 0);
}

std::string tile_label(std::uint8_t level, std::uint64_t index) {
  return "tile " + std::to_string(level) + "/" + std::to_string(index);
}

}  // namespace internal

Hash empty_root() {
  return crypto::sha256(BytesView{});
}

Hash leaf_hash(BytesView entry) {
  static constexpr std::uint8_t kPrefix[1] = {0};
  return crypto::sha256({BytesView(kPrefix), entry});
}

Hash node_hash(Hash const& left, Hash const& right) {
  std::array<std::uint8_t, 1 + 2 * kHashBytes> input;
  input[0] = 1;
  std::memcpy(input.data() + 1, left.data.data(), kHashBytes);
  std::memcpy(input.data() + 1 + kHashBytes, right.data.data(), kHashBytes);
  return crypto::sha256(BytesView(input));
}

Result<TreeBuilder> TreeBuilder::resume(std::uint64_t size, TileReader const& read) {
  TreeBuilder tree;
  tree.size_ = size;
  tree.taken_size_ = size;
  for (std::size_t level = 0; count_at(size, level) > 0; ++level) {
    std::uint64_t const count = count_at(size, level);
    std::size_t const need = static_cast<std::size_t>(count % kTileWidth) * kHashBytes;
    Bytes& edge = tree.edge_.emplace_back();
    edge.reserve(kTileBytes);
    if (need == 0) continue;
    auto const tile_level = static_cast<std::uint8_t>(level);
    AMIC_TRY(Bytes const stored, read(tile_level, count / kTileWidth));
    if (stored.size() < need || stored.size() > kTileBytes || stored.size() % kHashBytes != 0) {
      return fail(Code::kCorrupt, internal::tile_label(tile_level, count / kTileWidth),
                  "holds " + std::to_string(stored.size()) + " bytes, the tree of " +
                      std::to_string(size) + " needs " + std::to_string(need));
    }
    edge.assign(stored.begin(), stored.begin() + static_cast<std::ptrdiff_t>(need));
  }
  return tree;
}

void TreeBuilder::append(Hash const& leaf) {
  ++size_;
  append_at(0, leaf);
}

void TreeBuilder::append_at(std::size_t level, Hash const& hash) {
  Hash carried = hash;
  for (;; ++level) {
    if (level == edge_.size()) edge_.emplace_back();
    Bytes& edge = edge_[level];
    if (edge.empty()) edge.reserve(kTileBytes);
    edge.insert(edge.end(), carried.data.begin(), carried.data.end());
    if (edge.size() < kTileBytes) return;
    carried = internal::row_root(edge);
    std::uint64_t const index = count_at(size_, level) / kTileWidth - 1;
    changed_.push_back({static_cast<std::uint8_t>(level), index, std::move(edge)});
    edge = Bytes{};
  }
}

Hash TreeBuilder::root() const {
  if (size_ == 0) return empty_root();
  // RFC 6962: the root folds the maximal complete subtrees from the right, smallest first. Within a
  // level they are the set bits of the partial tile's width; lower levels lie to the right.
  std::optional<Hash> root;
  for (Bytes const& edge : edge_) {
    std::size_t end = edge.size() / kHashBytes;
    while (end > 0) {
      std::size_t const width = std::size_t{1} << std::countr_zero(end);
      Hash const subtree = internal::row_root(
          BytesView(edge).subspan((end - width) * kHashBytes, width * kHashBytes));
      root = root ? node_hash(subtree, *root) : subtree;
      end -= width;
    }
  }
  return *root;
}

std::vector<TreeBuilder::TileData> TreeBuilder::take_changed_tiles() {
  std::vector<TileData> out = std::move(changed_);
  changed_.clear();
  for (std::size_t level = 0; level < edge_.size(); ++level) {
    std::uint64_t const count = count_at(size_, level);
    if (edge_[level].empty() || count == count_at(taken_size_, level)) continue;
    out.push_back({static_cast<std::uint8_t>(level), count / kTileWidth, edge_[level]});
  }
  taken_size_ = size_;
  return out;
}

}  // namespace amic::merkle
