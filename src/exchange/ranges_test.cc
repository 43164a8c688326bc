// Fingerprints of lanes, and the bytes of questions about them.
#include "exchange/ranges.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <set>

#include "base/limits.h"
#include "base/random.h"
#include "codec/codec.h"
#include "codec/testing.h"
#include "crypto/hash.h"

namespace amic::exchange {
namespace {

using Lane = std::map<std::uint64_t, Hash>;

Hash digest(std::uint64_t n) {
  return crypto::sha256(as_bytes("envelope " + std::to_string(n)));
}
Lane lane_of(std::uint64_t count) {
  Lane out;
  for (std::uint64_t n = 1; n <= count; ++n) out[n] = digest(n);
  return out;
}
RangeReader reader(Lane const& lane, std::uint64_t* rows = nullptr) {
  return [&lane, rows](std::uint64_t first, std::uint64_t last) {
    std::vector<RangeEntry> out;
    for (auto at = lane.lower_bound(first); at != lane.end() && at->first <= last; ++at)
      out.push_back({at->first, at->second});
    if (rows != nullptr) *rows += out.size();
    return Result<std::vector<RangeEntry>>(std::move(out));
  };
}

// By the definition, without anything kept.
Fingerprint plain(Lane const& lane, std::uint8_t level, std::uint64_t index, std::uint64_t upto) {
  std::uint64_t const first = range_first(level, index);
  if (level == 0) {
    auto const found = lane.find(first);
    return first > upto || found == lane.end() ? Fingerprint{}
                                               : fingerprint_of(first, found->second);
  }
  FingerprintParts parts;
  for (std::uint64_t i = 0; i < kRangeFan; ++i)
    parts[i] = plain(lane, static_cast<std::uint8_t>(level - 1), index * kRangeFan + i, upto);
  return fingerprint_of(level, parts);
}

TEST(Ranges, BlocksHoldWhatTheyShould) {
  EXPECT_EQ(range_top(1), 1);
  EXPECT_EQ(range_top(16), 1);
  EXPECT_EQ(range_top(17), 2);
  EXPECT_EQ(range_top(1'000'000), 5);
  EXPECT_EQ(range_top(kRangeNumberMax), kRangeLevelMax);
  EXPECT_EQ(range_first(0, 0), 1u);
  EXPECT_EQ(range_first(2, 3), 769u);
}

RC_GTEST_PROP(RangesProperty, TheTreeSaysWhatTheDefinitionSays, ()) {
  auto const count = *rc::gen::inRange<std::uint64_t>(1, 3000);
  Lane lane = lane_of(count);
  for (auto const n : *rc::gen::container<std::vector<std::uint64_t>>(
           rc::gen::inRange<std::uint64_t>(1, count + 1)))
    lane.erase(n);
  auto const upto = *rc::gen::inRange<std::uint64_t>(1, count + 1);
  RangeTree tree;
  while (!tree.extend(upto, 300, reader(lane)).value()) {
  }
  auto const top = range_top(upto);
  RC_ASSERT(tree.block(top, 0, upto, reader(lane)).value() == plain(lane, top, 0, upto));
  auto const level = *rc::gen::inRange<int>(0, top + 1);
  auto const width = 1ULL << (4 * level);
  auto const index = *rc::gen::inRange<std::uint64_t>(0, (upto - 1) / width + 1);
  auto const at = static_cast<std::uint8_t>(level);
  RC_ASSERT(tree.block(at, index, upto, reader(lane)).value() == plain(lane, at, index, upto));
}

RC_GTEST_PROP(RangesProperty, GoingDownFindsExactlyWhatDiffers, ()) {
  auto const count = *rc::gen::inRange<std::uint64_t>(1, 5000);
  Lane const ours = lane_of(count);
  Lane theirs = ours;
  std::set<std::uint64_t> changed;
  auto const number = rc::gen::inRange<std::uint64_t>(1, count + 1);
  for (auto const n : *rc::gen::container<std::vector<std::uint64_t>>(number)) {
    if (!changed.insert(n).second) continue;
    if (n % 2 == 0)
      theirs.erase(n);
    else
      theirs[n] = digest(n + 1'000'000);
  }
  RangeTree a, b;
  RC_ASSERT(a.extend(count, UINT64_MAX, reader(ours)).value());
  RC_ASSERT(b.extend(count, UINT64_MAX, reader(theirs)).value());
  std::set<std::uint64_t> found;
  std::vector<std::uint64_t> blocks{0};
  for (std::uint8_t level = range_top(count); level > 0; --level) {
    std::vector<std::uint64_t> next;
    for (auto const index : blocks) {
      auto const mine = a.parts(level, index, count, reader(ours)).value();
      auto const other = b.parts(level, index, count, reader(theirs)).value();
      for (std::size_t i = 0; i < kRangeFan; ++i)
        if (mine[i] != other[i]) next.push_back(index * kRangeFan + i);
    }
    blocks = std::move(next);
  }
  for (auto const index : blocks) found.insert(range_first(0, index));
  RC_ASSERT(found == changed);
}

TEST(Ranges, ComparingALaneAgainReadsNextToNothing) {
  Lane lane = lane_of(100'000);
  std::uint64_t rows = 0;
  RangeTree tree;
  EXPECT_FALSE(tree.extend(100'000, 50'000, reader(lane, &rows)).value()) << "work is bounded";
  EXPECT_TRUE(tree.extend(100'000, 1 << 20, reader(lane, &rows)).value());
  auto const top = range_top(100'000);
  auto const before = tree.block(top, 0, 100'000, reader(lane)).value();
  rows = 0;
  EXPECT_TRUE(tree.extend(100'000, 0, reader(lane, &rows)).value());
  EXPECT_EQ(tree.block(top, 0, 100'000, reader(lane, &rows)).value(), before);
  EXPECT_LE(rows, 256u);
  lane.erase(77'777);
  ASSERT_TRUE(tree.renew(77'777, reader(lane)));
  EXPECT_NE(tree.block(top, 0, 100'000, reader(lane)).value(), before);
}

struct Sample {
  CommunityId community = *CommunityId::from(crypto::sha256(as_bytes("community")).view());
  RangeLane lane{community, *MemberId::parse("BN"), *MemberId::parse("MY"), 3, true, 300};
  RangeQuestion question() const {
    return {lane, 2, {{0, fingerprint_of(1, digest(1))}, {1, Fingerprint{}}}};
  }
  RangeAnswer answer() const {
    RangeAnswer out{lane, 1, 1'700'000'000'000, {}};
    out.blocks.resize(2);
    out.blocks[0].same = true;
    out.blocks[1].parts[3] = fingerprint_of(20, digest(20));
    return out;
  }
  RangeAnswer numbers() const {
    RangeAnswer out{lane, 0, 0, {}};
    out.blocks.resize(2);
    out.blocks[0].digest = digest(7);
    return out;
  }
  PieceRequest request() const { return {lane, {7, 20, 300}}; }
  Pieces pieces() const { return {lane, {{7, to_bytes("not an envelope")}, {20, {}}}}; }
};

std::string golden(std::string const& name) {
  return codec::to_hex(codec::testing::golden_bytes("link/" + name));
}

TEST(RangesWire, GoldenBytesStay) {
  Sample const sample;
  EXPECT_EQ(codec::to_hex(encode(sample.question())), golden("range-question-v1.hex"));
  EXPECT_EQ(codec::to_hex(encode(sample.answer())), golden("range-answer-v1.hex"));
  EXPECT_EQ(codec::to_hex(encode(sample.numbers())), golden("range-numbers-v1.hex"));
  EXPECT_EQ(codec::to_hex(encode(sample.request())), golden("piece-request-v1.hex"));
  EXPECT_EQ(codec::to_hex(encode(sample.pieces())), golden("pieces-v1.hex"));
}

TEST(RangesWire, RoundTrips) {
  Sample const sample;
  EXPECT_EQ(decode_range_question(encode(sample.question())).value(), sample.question());
  EXPECT_EQ(decode_range_answer(encode(sample.answer())).value(), sample.answer());
  EXPECT_EQ(decode_range_answer(encode(sample.numbers())).value(), sample.numbers());
  EXPECT_EQ(decode_piece_request(encode(sample.request())).value(), sample.request());
  EXPECT_EQ(decode_pieces(encode(sample.pieces())).value(), sample.pieces());
}

// One byte too few or too many, and every limit.
TEST(RangesWire, RefusesWhatIsNoMessage) {
  Sample const sample;
  auto const cut = [](Bytes bytes) {
    bytes.pop_back();
    return bytes;
  };
  EXPECT_FALSE(decode_range_question(cut(encode(sample.question()))));
  EXPECT_FALSE(decode_range_answer(cut(encode(sample.answer()))));
  EXPECT_FALSE(decode_piece_request(cut(encode(sample.request()))));
  EXPECT_FALSE(decode_pieces(cut(encode(sample.pieces()))));
  auto question = sample.question();
  question.level = 4;
  EXPECT_FALSE(decode_range_question(encode(question))) << "above the top";
  question = sample.question();
  question.blocks[1].index = 2;
  EXPECT_FALSE(decode_range_question(encode(question))) << "beyond upto_n";
  question = sample.question();
  std::swap(question.blocks[0], question.blocks[1]);
  EXPECT_FALSE(decode_range_question(encode(question))) << "not rising";
  question = sample.question();
  question.lane.upto_n = kRangeNumberMax + 1;
  EXPECT_FALSE(decode_range_question(encode(question)));
  question.lane.upto_n = 0;
  EXPECT_FALSE(decode_range_question(encode(question)));
  question = sample.question();
  question.blocks.clear();
  EXPECT_FALSE(decode_range_question(encode(question)));
  for (std::uint64_t i = 0; i <= limits::kRangeBlocksMax; ++i) question.blocks.push_back({i, {}});
  question.lane.upto_n = 1'000'000;
  question.level = 1;
  EXPECT_FALSE(decode_range_question(encode(question))) << "too many blocks";
  auto request = sample.request();
  request.numbers = {7, 7};
  EXPECT_FALSE(decode_piece_request(encode(request)));
  request.numbers = {301};
  EXPECT_FALSE(decode_piece_request(encode(request)));
  auto pieces = sample.pieces();
  pieces.pieces[0].entry.resize(600 << 10);
  pieces.pieces[1].entry.resize(600 << 10);
  EXPECT_FALSE(decode_pieces(encode(pieces))) << "over 1 MiB in two";
}

}  // namespace
}  // namespace amic::exchange
