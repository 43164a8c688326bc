#include "crypto/root_share.h"

#include <gtest/gtest.h>

#include "codec/codec.h"
#include "codec/testing.h"

namespace amic::crypto {
namespace {

MemberId member(char const* id = "MY") {
  return MemberId::parse(id).value();
}

struct Split {
  SigningKey root;
  std::vector<RootShare> shares;

  std::vector<RootShareHead> heads(std::vector<std::size_t> const& which) const {
    std::vector<RootShareHead> out;
    for (auto const i : which) out.push_back(shares[i].head);
    return out;
  }
  std::vector<Secret> opened(std::vector<std::size_t> const& which) const {
    std::vector<Secret> out;
    for (auto const i : which) out.push_back(open_root_share(shares[i], {}).value());
    return out;
  }
};

Split make_split(std::uint64_t seed = 1) {
  SeededRandom random(seed);
  SigningKey root = SigningKey::generate(random);
  auto shares = split_root(root, member(), {3, 5, {}}, random).value();
  return {std::move(root), std::move(shares)};
}

Secret text_secret(std::string_view text) {
  return Secret(as_bytes(text));
}

TEST(RootShare, SurvivesItsText) {
  for (auto const& share : make_split().shares) {
    Secret const text = to_text(share);
    EXPECT_TRUE(as_text(text.view()).starts_with("-----BEGIN AMIC ROOT SHARE-----\n"));
    auto const again = root_share_from_text(text.view()).value();
    EXPECT_EQ(again.head, share.head);
    EXPECT_TRUE(equal(again.body.view(), share.body.view()));
    // It is armour as everywhere else.
    EXPECT_TRUE(equal(codec::from_armor("AMIC ROOT SHARE", as_text(text.view())).value(),
                      encode(share).view()));
  }
}

TEST(RootShare, AnyThreeOfFiveGiveTheKey) {
  Split const split = make_split();
  for (std::size_t a = 0; a < 5; ++a)
    for (std::size_t b = 0; b < 5; ++b)
      for (std::size_t c = 0; c < 5; ++c) {
        if (a == b || b == c || a == c) continue;
        auto const key = join_root(split.heads({a, b, c}), split.opened({a, b, c}));
        ASSERT_TRUE(key);
        EXPECT_TRUE(equal(key->seed(), split.root.seed()));
      }
  EXPECT_TRUE(join_root(split.heads({0, 1, 2, 3, 4}), split.opened({0, 1, 2, 3, 4})));
}

TEST(RootShare, EveryMistypedCharacterIsFound) {
  Split const split = make_split();
  std::string const good{as_text(to_text(split.shares[0]).view())};
  for (std::size_t i = 0; i < good.size(); ++i) {
    if (good[i] == '\n') continue;
    std::string bad = good;
    bad[i] = bad[i] == 'A' ? 'B' : 'A';
    auto const refused = root_share_from_text(as_bytes(bad));
    EXPECT_FALSE(refused) << i;
    bad = good;
    bad.erase(i, 1);
    EXPECT_FALSE(root_share_from_text(as_bytes(bad))) << i;
  }
  std::string swapped = good;
  std::swap(swapped[60], swapped[61]);
  ASSERT_NE(swapped, good);
  auto const refused = root_share_from_text(as_bytes(swapped));
  EXPECT_EQ(refused.error().code, Code::kCorrupt);
  EXPECT_NE(refused.error().detail.find("mistyped"), std::string::npos);
}

TEST(RootShare, AnotherVersionIsUnsupported) {
  Bytes bytes = to_bytes(encode(make_split().shares[0]).view());
  bytes[18] = '2';
  EXPECT_EQ(decode_root_share(bytes).error().code, Code::kUnsupported);
}

TEST(RootShare, TooFewIsSaidWithTheNumbers) {
  Split const split = make_split();
  auto const refused = check_root_shares(split.heads({0, 4}), {"a", "b"});
  EXPECT_EQ(refused.error().code, Code::kMissingKey);
  EXPECT_NE(refused.error().detail.find("2 of the 3"), std::string::npos);
  EXPECT_EQ(check_root_shares({}, {}).error().code, Code::kMissingKey);
}

TEST(RootShare, TheSameShareTwiceIsNamed) {
  Split const split = make_split();
  auto const refused = check_root_shares(split.heads({0, 1, 0}), {"a.txt", "b.txt", "c.txt"});
  EXPECT_EQ(refused.error().code, Code::kDuplicateKey);
  EXPECT_EQ(refused.error().where, "c.txt");
  EXPECT_NE(refused.error().detail.find("a.txt"), std::string::npos);
}

TEST(RootShare, SharesOfTwoSplittingsAreNeverMixed) {
  SeededRandom random(9);
  Split const split = make_split();
  auto const second = split_root(split.root, member(), {3, 5, {}}, random).value();
  auto const refused =
      check_root_shares({split.shares[0].head, second[1].head, second[2].head}, {"a", "b", "c"});
  EXPECT_EQ(refused.error().code, Code::kConflict);
  EXPECT_EQ(refused.error().where, "b");
  EXPECT_NE(refused.error().detail.find("splitting"), std::string::npos);
}

TEST(RootShare, SharesOfTwoKeysAreNeverMixed) {
  Split const one = make_split(1);
  Split const two = make_split(2);
  auto const refused = check_root_shares(
      {one.shares[0].head, two.shares[1].head, one.shares[2].head}, {"a", "b", "c"});
  EXPECT_EQ(refused.error().code, Code::kConflict);
  EXPECT_NE(refused.error().detail.find("another root key"), std::string::npos);
}

TEST(RootShare, AForgedShareDoesNotGiveAnotherKeyUnnoticed) {
  Split const split = make_split();
  auto opened = split.opened({0, 1, 2});
  opened[1].mutable_view()[5] ^= 1;
  EXPECT_EQ(join_root(split.heads({0, 1, 2}), std::move(opened)).error().code,
            Code::kWrongIdentity);
}

TEST(RootShare, EachOfficerHasItsOwnPassphrase) {
  SeededRandom random(4);
  SigningKey const root = SigningKey::generate(random);
  RootSplit how{2, 2, {text_secret("first officer"), text_secret("second officer")}};
  auto const shares = split_root(root, member(), how, random).value();
  EXPECT_EQ(open_root_share(shares[0], {}).error().code, Code::kWrongPassphrase);
  EXPECT_EQ(open_root_share(shares[0], how.passphrases[1]).error().code, Code::kWrongPassphrase);
  auto const again = root_share_from_text(to_text(shares[1]).view()).value();
  std::vector<Secret> opened;
  opened.push_back(open_root_share(shares[0], how.passphrases[0]).value());
  opened.push_back(open_root_share(again, how.passphrases[1]).value());
  EXPECT_TRUE(
      equal(join_root({shares[0].head, again.head}, std::move(opened))->seed(), root.seed()));
  // A relabelled share does not open, though its check value was made anew.
  RootShare relabelled = shares[0];
  relabelled.head.index = 2;
  EXPECT_EQ(open_root_share(relabelled, how.passphrases[0]).error().code, Code::kCorrupt);
}

TEST(RootShare, APassphraseForAShareWithoutOneIsRefused) {
  Split const split = make_split();
  EXPECT_EQ(open_root_share(split.shares[0], text_secret("x")).error().code,
            Code::kWrongPassphrase);
}

TEST(RootShare, OnePassphraseForEachOfficer) {
  SeededRandom random(4);
  SigningKey const root = SigningKey::generate(random);
  EXPECT_EQ(split_root(root, member(), {2, 3, {text_secret("x")}}, random).error().code,
            Code::kUsage);
  EXPECT_EQ(split_root(root, member(), {2, 2, {text_secret("x"), Secret()}}, random).error().code,
            Code::kUsage);
}

TEST(RootShare, GoldenBytesStayReadable) {
  Split const split = make_split();
  EXPECT_EQ(codec::testing::golden_text("key-files/root-share-v1.hex",
                                        codec::testing::hex_lines(encode(split.shares[0]).view())),
            codec::testing::hex_lines(encode(split.shares[0]).view()));
  auto const plain = decode_root_share(codec::testing::golden_bytes("key-files/root-share-v1.hex"));
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->head, split.shares[0].head);

  SeededRandom random(4);
  RootSplit const how{2, 2, {text_secret("golden passphrase"), text_secret("another")}};
  auto const fresh = split_root(split.root, member(), how, random).value()[0];
  std::string const file = "key-files/root-share-protected-v1.hex";
  EXPECT_EQ(codec::testing::golden_text(file, codec::testing::hex_lines(encode(fresh).view())),
            codec::testing::hex_lines(encode(fresh).view()));
  auto const sealed = decode_root_share(codec::testing::golden_bytes(file)).value();
  auto const opened = open_root_share(sealed, how.passphrases[0]);
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->size(), 32U);
}

}  // namespace
}  // namespace amic::crypto
