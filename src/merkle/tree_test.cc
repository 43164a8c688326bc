#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <bit>
#include <map>

#include "base/random.h"
#include "codec/codec.h"
#include "crypto/hash.h"
#include "merkle/merkle.h"

namespace amic::merkle {
namespace {

Hash hash_of(std::string_view hex) {
  return *Hash::from(*codec::from_hex(hex));
}

Hash numbered_leaf(std::uint64_t i) {
  return leaf_hash(codec::Writer().u64(i).bytes());
}

// RFC 6962 section 2.1 word for word, with complete aligned subtrees remembered.
class NaiveTree {
 public:
  void push(Hash const& leaf) { leaves_.push_back(leaf); }
  std::size_t size() const { return leaves_.size(); }
  Hash const& leaf(std::size_t i) const { return leaves_[i]; }

  Hash mth(std::size_t begin, std::size_t end) {
    std::size_t const n = end - begin;
    if (n == 0) return crypto::sha256(BytesView{});
    if (n == 1) return leaves_[begin];
    auto const key = std::pair(begin, end);
    bool const complete = std::has_single_bit(n);
    if (complete && known_.count(key) != 0) return known_[key];
    std::size_t const k = std::bit_floor(n - 1);
    Hash const left = mth(begin, begin + k);
    Hash const right = mth(begin + k, end);
    std::uint8_t const prefix[1] = {1};
    Hash const out = crypto::sha256({BytesView(prefix), left.view(), right.view()});
    if (complete) known_[key] = out;
    return out;
  }
  // PATH(m, D[begin:end])
  std::vector<Hash> path(std::size_t m, std::size_t begin, std::size_t end) {
    std::size_t const n = end - begin;
    if (n == 1) return {};
    std::size_t const k = std::bit_floor(n - 1);
    auto out = m < k ? path(m, begin, begin + k) : path(m - k, begin + k, end);
    out.push_back(m < k ? mth(begin + k, end) : mth(begin, begin + k));
    return out;
  }
  // SUBPROOF(m, D[begin:end], b)
  std::vector<Hash> subproof(std::size_t m, std::size_t begin, std::size_t end, bool b) {
    std::size_t const n = end - begin;
    if (m == n) return b ? std::vector<Hash>{} : std::vector<Hash>{mth(begin, end)};
    std::size_t const k = std::bit_floor(n - 1);
    auto out = m <= k ? subproof(m, begin, begin + k, b) : subproof(m - k, begin + k, end, false);
    out.push_back(m <= k ? mth(begin + k, end) : mth(begin, begin + k));
    return out;
  }

 private:
  std::vector<Hash> leaves_;
  std::map<std::pair<std::size_t, std::size_t>, Hash> known_;
};

// What a store keeps.
class Tiles {
 public:
  void put(std::vector<TreeBuilder::TileData> const& tiles) {
    for (auto const& tile : tiles) {
      EXPECT_FALSE(tile.hashes.empty());
      tiles_[{tile.level, tile.index}] = tile.hashes;
    }
  }
  TileReader reader() {
    return [this](std::uint8_t level, std::uint64_t index) -> Result<Bytes> {
      ++reads;
      auto const found = tiles_.find({level, index});
      if (found == tiles_.end()) return fail(Code::kNotFound, "tile");
      return found->second;
    };
  }
  std::map<std::pair<std::uint8_t, std::uint64_t>, Bytes> tiles_;
  std::size_t reads = 0;
};

struct Grown {
  NaiveTree naive;
  TreeBuilder tree;
  Tiles tiles;
  explicit Grown(std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
      naive.push(numbered_leaf(i));
      tree.append(numbered_leaf(i));
    }
    tiles.put(tree.take_changed_tiles());
  }
};

constexpr std::size_t kExhaustive = 600;

// The classic Certificate Transparency vectors: eight leaf inputs and the root after each.
TEST(Tree, KnownRootsOfRfc6962) {
  char const* const inputs[] = {"",
                                "00",
                                "10",
                                "2021",
                                "3031",
                                "40414243",
                                "5051525354555657",
                                "606162636465666768696a6b6c6d6e6f"};
  char const* const roots[] = {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                               "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                               "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                               "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                               "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                               "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                               "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                               "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
  TreeBuilder tree;
  EXPECT_EQ(tree.root(),
            hash_of("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
  EXPECT_EQ(tree.root(), empty_root());
  for (int i = 0; i < 8; ++i) {
    tree.append(leaf_hash(*codec::from_hex(inputs[i])));
    EXPECT_EQ(tree.root(), hash_of(roots[i])) << i;
  }
  Tiles tiles;
  tiles.put(tree.take_changed_tiles());
  // PROOF(6, D[8]) and PROOF(2, D[5]) of the same vectors.
  EXPECT_EQ(*consistency_proof(6, 8, tiles.reader()),
            (std::vector<Hash>{
                hash_of("0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"),
                hash_of("ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"),
                hash_of("d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7")}));
  EXPECT_EQ(*consistency_proof(2, 5, tiles.reader()),
            (std::vector<Hash>{
                hash_of("5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"),
                hash_of("bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b")}));
}

TEST(Tree, EveryRootEqualsTheRecursiveDefinition) {
  Grown all(kExhaustive);
  TreeBuilder tree;
  Tiles tiles;
  for (std::size_t n = 0; n <= kExhaustive; ++n) {
    if (n > 0) tree.append(all.naive.leaf(n - 1));
    EXPECT_EQ(tree.size(), n);
    EXPECT_EQ(tree.root(), all.naive.mth(0, n)) << n;
    EXPECT_EQ(*tree_root(n, all.tiles.reader()), all.naive.mth(0, n)) << n;  // prefix of a larger
    tiles.put(tree.take_changed_tiles());
    auto const resumed = TreeBuilder::resume(n, tiles.reader());
    ASSERT_TRUE(resumed) << resumed.error().text();
    EXPECT_EQ(resumed->root(), tree.root()) << n;
  }
  EXPECT_EQ(tiles.tiles_, all.tiles.tiles_);
}

TEST(Tree, ResumeAtEverySizeContinuesAsIfNeverStopped) {
  constexpr std::size_t kMore = 300;
  Grown all(kExhaustive + kMore);
  for (std::size_t n = 0; n <= kExhaustive; n += n < 4 || n % 256 < 3 || n % 256 > 252 ? 1 : 7) {
    Tiles tiles = Grown(n).tiles;
    auto tree = TreeBuilder::resume(n, tiles.reader());
    ASSERT_TRUE(tree);
    EXPECT_TRUE(tree->take_changed_tiles().empty());
    for (std::size_t i = n; i < all.naive.size(); ++i) tree->append(all.naive.leaf(i));
    tiles.put(tree->take_changed_tiles());
    ASSERT_EQ(tree->root(), all.tree.root()) << n;
    ASSERT_EQ(tiles.tiles_, all.tiles.tiles_) << n;
    EXPECT_TRUE(tree->take_changed_tiles().empty());
  }
}

TEST(Tree, FullTileIsEmittedOnceAndPartialsAsTheyStand) {
  TreeBuilder tree;
  std::size_t full = 0;
  for (std::size_t i = 0; i < 256 * 3 + 5; ++i) {
    tree.append(numbered_leaf(i));
    for (auto const& tile : tree.take_changed_tiles()) {
      if (tile.level == 0 && tile.hashes.size() == 8192) ++full;
      std::uint64_t const here = tile.level == 0 ? i + 1 : (i + 1) / 256;
      EXPECT_EQ(tile.hashes.size() / 32, (here - 1) % 256 + 1);
      EXPECT_EQ(tile.index, (here - 1) / 256);
    }
  }
  EXPECT_EQ(full, 3u);
}

TEST(Tree, CopyIsIndependent) {
  TreeBuilder tree;
  for (int i = 0; i < 300; ++i) tree.append(numbered_leaf(i));
  Hash const before = tree.root();
  TreeBuilder copy = tree;
  for (int i = 0; i < 300; ++i) copy.append(numbered_leaf(i));
  EXPECT_EQ(tree.root(), before);
  EXPECT_EQ(tree.size(), 300u);
  EXPECT_EQ(copy.size(), 600u);
}

TEST(Tree, ThreeLevelsOfTiles) {
  constexpr std::size_t kSize = 256 * 256 + 256 + 7;
  Grown all(kSize);
  EXPECT_EQ(all.tree.root(), all.naive.mth(0, kSize));
  EXPECT_EQ(all.tiles.tiles_.count({2, 0}), 1u);
  EXPECT_EQ((all.tiles.tiles_[{2, 0}].size()), 32u);
  for (std::size_t const old : {std::size_t{1}, std::size_t{255}, std::size_t{65535},
                                std::size_t{65536}, std::size_t{65537}, kSize - 1}) {
    auto const proof = consistency_proof(old, kSize, all.tiles.reader());
    ASSERT_TRUE(proof);
    EXPECT_EQ(*proof, all.naive.subproof(old, 0, kSize, true));
    EXPECT_TRUE(verify_consistency(old, all.naive.mth(0, old), kSize, all.tree.root(), *proof));
    all.tiles.reads = 0;
    auto const path = inclusion_proof(old, kSize, all.tiles.reader());
    ASSERT_TRUE(path);
    EXPECT_LE(all.tiles.reads, 6u);  // each tile once
    EXPECT_TRUE(verify_inclusion(numbered_leaf(old), old, kSize, *path, all.tree.root()));
  }
}

TEST(Proof, EveryInclusionAndConsistencyProofHolds) {
  Grown all(kExhaustive);
  for (std::size_t n = 1; n <= kExhaustive; ++n) {
    Hash const root = all.naive.mth(0, n);
    for (std::size_t i = 0; i < n; ++i) {
      auto const path = all.naive.path(i, 0, n);
      ASSERT_TRUE(verify_inclusion(all.naive.leaf(i), i, n, path, root)) << i << " of " << n;
      auto const proof = all.naive.subproof(i + 1, 0, n, true);
      ASSERT_TRUE(verify_consistency(i + 1, all.naive.mth(0, i + 1), n, root, proof));
      // Those from tiles are the same ones; every pair for small trees, a seventh beyond.
      if (n > 130 && i % 7 != n % 7 && i != 0 && i + 1 != n) continue;
      ASSERT_EQ(*inclusion_proof(i, n, all.tiles.reader()), path) << i << " of " << n;
      ASSERT_EQ(*consistency_proof(i + 1, n, all.tiles.reader()), proof) << i + 1 << " to " << n;
    }
  }
}

Hash flipped(Hash hash, std::size_t bit) {
  hash.data[bit / 8 % 32] ^= static_cast<std::uint8_t>(1u << bit % 8);
  return hash;
}

TEST(Proof, EveryMutatedInclusionProofFails) {
  Grown all(kExhaustive);
  for (std::size_t n = 1; n <= kExhaustive; n += n < 70 ? 1 : 19) {
    Hash const root = all.naive.mth(0, n);
    for (std::size_t i = 0; i < n; ++i) {
      Hash const leaf = all.naive.leaf(i);
      auto const path = all.naive.path(i, 0, n);
      EXPECT_FALSE(verify_inclusion(flipped(leaf, n + i), i, n, path, root));
      EXPECT_FALSE(verify_inclusion(leaf, i, n, path, flipped(root, n + i)));
      EXPECT_FALSE(verify_inclusion(leaf, n, n, path, root));
      EXPECT_FALSE(verify_inclusion(leaf, (i + 1) % n, n, path, root) && n > 1);
      auto longer = path;
      longer.push_back(root);
      EXPECT_FALSE(verify_inclusion(leaf, i, n, longer, root));
      for (std::size_t at = 0; at < path.size(); ++at) {
        auto bad = path;
        bad[at] = flipped(bad[at], i + at);
        ASSERT_FALSE(verify_inclusion(leaf, i, n, bad, root));
        bad = path;
        bad.erase(bad.begin() + static_cast<std::ptrdiff_t>(at));
        ASSERT_FALSE(verify_inclusion(leaf, i, n, bad, root));
      }
    }
  }
}

TEST(Proof, EveryMutatedConsistencyProofFails) {
  Grown all(kExhaustive);
  for (std::size_t n = 1; n <= kExhaustive; n += n < 70 ? 1 : 19) {
    Hash const root = all.naive.mth(0, n);
    for (std::size_t m = 1; m <= n; ++m) {
      Hash const old_root = all.naive.mth(0, m);
      auto const proof = all.naive.subproof(m, 0, n, true);
      EXPECT_FALSE(verify_consistency(m, flipped(old_root, m), n, root, proof));
      EXPECT_FALSE(verify_consistency(m, old_root, n, flipped(root, m), proof));
      auto longer = proof;
      longer.push_back(root);
      EXPECT_FALSE(verify_consistency(m, old_root, n, root, longer));
      for (std::size_t at = 0; at < proof.size(); ++at) {
        auto bad = proof;
        bad[at] = flipped(bad[at], m + at);
        ASSERT_FALSE(verify_consistency(m, old_root, n, root, bad));
        bad = proof;
        bad.erase(bad.begin() + static_cast<std::ptrdiff_t>(at));
        ASSERT_FALSE(verify_consistency(m, old_root, n, root, bad));
      }
    }
  }
}

RC_GTEST_PROP(Proof, RandomLargerTrees, ()) {
  static Grown& all = *new Grown(5000);
  auto const n = *rc::gen::inRange<std::size_t>(1, 5001);
  auto const m = *rc::gen::inRange<std::size_t>(1, n + 1);
  Hash const root = all.naive.mth(0, n);
  RC_ASSERT(*tree_root(n, all.tiles.reader()) == root);
  auto const path = inclusion_proof(m - 1, n, all.tiles.reader());
  RC_ASSERT(path && *path == all.naive.path(m - 1, 0, n));
  RC_ASSERT(verify_inclusion(all.naive.leaf(m - 1), m - 1, n, *path, root).has_value());
  auto const proof = consistency_proof(m, n, all.tiles.reader());
  RC_ASSERT(proof && *proof == all.naive.subproof(m, 0, n, true));
  RC_ASSERT(verify_consistency(m, all.naive.mth(0, m), n, root, *proof).has_value());
}

RC_GTEST_PROP(Proof, VerifiersAreTotal, (std::uint64_t a, std::uint64_t b, std::uint8_t count)) {
  std::vector<Hash> const path(count % 70, Hash{});
  Hash const root = *Hash::from(Bytes(32, 1));
  RC_ASSERT(!verify_inclusion(Hash{}, a, b, path, root).has_value());
  if (a != b) RC_ASSERT(!verify_consistency(a, Hash{}, b, Hash{}, path).has_value());
  RC_ASSERT(!verify_inclusion(Hash{}, UINT64_MAX - 1, UINT64_MAX, path, Hash{}).has_value());
}

TEST(Proof, EdgesOfTheArguments) {
  Grown all(9);
  auto const read = all.tiles.reader();
  EXPECT_EQ(inclusion_proof(9, 9, read).error().code, Code::kOutOfRange);
  EXPECT_EQ(consistency_proof(9, 8, read).error().code, Code::kOutOfRange);
  EXPECT_TRUE(consistency_proof(0, 9, read)->empty());
  EXPECT_TRUE(consistency_proof(9, 9, read)->empty());
  Hash const root = all.tree.root();
  EXPECT_TRUE(verify_consistency(0, empty_root(), 9, root, {}));
  EXPECT_FALSE(verify_consistency(0, root, 9, root, {}));
  EXPECT_FALSE(verify_consistency(0, empty_root(), 9, root, {root}));
  EXPECT_FALSE(verify_consistency(0, empty_root(), 0, root, {}));
  EXPECT_TRUE(verify_consistency(9, root, 9, root, {}));
  EXPECT_EQ(verify_consistency(9, root, 8, root, {}).error().code, Code::kRejected);
}

TEST(Proof, ShortTileIsCorruptAndNamed) {
  Grown all(300);
  auto& edge = all.tiles.tiles_[{0, 1}];
  edge.resize(edge.size() - 32);
  auto const read = all.tiles.reader();
  EXPECT_EQ(tree_root(300, read).error().code, Code::kCorrupt);
  EXPECT_EQ(tree_root(300, read).error().where, "tile 0/1");
  EXPECT_EQ(TreeBuilder::resume(300, read).error().where, "tile 0/1");
  edge.resize(edge.size() - 1);
  EXPECT_EQ(TreeBuilder::resume(290, read).error().code, Code::kCorrupt);
  all.tiles.tiles_.erase({1, 0});
  EXPECT_EQ(tree_root(300, read).error().code, Code::kNotFound);
}

TEST(TilePath, SpellingOfC2sp) {
  EXPECT_EQ(tile_path(0, 1234067, 256), "tile/0/x001/x234/067");
  EXPECT_EQ(tile_path(3, 5, 12), "tile/3/005.p/12");
  EXPECT_EQ(tile_path(0, 1000, 256), "tile/0/x001/000");
  EXPECT_EQ(entries_path(1067, 1), "tile/entries/x001/067.p/1");
  EXPECT_EQ(*parse_tile_path("tile/63/000"), (TileName{63, 0, 256, false}));
  EXPECT_EQ(*parse_tile_path("tile/entries/x001/067.p/1"), (TileName{0, 1067, 1, true}));
}

TEST(TilePath, RefusesEveryOtherSpelling) {
  for (char const* const bad : {"",
                                "tile",
                                "tile/",
                                "tile/0",
                                "tile/0/",
                                "tile/64/000",
                                "tile/00/000",
                                "tile/-1/000",
                                "tile/0/0",
                                "tile/0/0000",
                                "tile/0/x000/001",
                                "tile/0/001/067",
                                "tile/0/x001/x067",
                                "tile/0/x1/067",
                                "tile/0/000.p/0",
                                "tile/0/000.p/256",
                                "tile/0/000.p/01",
                                "tile/0/000.p/",
                                "tile/0/000.p/1/",
                                "tile/0/000.p/1.p/1",
                                "/tile/0/000",
                                "tile/0/000 ",
                                "tile/0/..",
                                "tile/entries/",
                                "tile/Entries/000",
                                "tile/x/000",
                                "tile/0/x072/x057/x594/x037/x927/x936",
                                "tile/0/x999/x999/x999/x999/x999/x999/x999/999"}) {
    EXPECT_FALSE(parse_tile_path(bad)) << bad;
  }
}

RC_GTEST_PROP(TilePath, RoundTrip, ()) {
  TileName name;
  name.entries = *rc::gen::arbitrary<bool>();
  name.level = name.entries ? 0 : *rc::gen::inRange<std::uint8_t>(0, 64);
  name.index = *rc::gen::arbitrary<std::uint64_t>() >> *rc::gen::inRange(8, 64);
  name.width = *rc::gen::inRange(1u, 257u);
  auto const path = name.entries ? entries_path(name.index, name.width)
                                 : tile_path(name.level, name.index, name.width);
  RC_ASSERT(parse_tile_path(path).value() == name);
}

}  // namespace
}  // namespace amic::merkle
