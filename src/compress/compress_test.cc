#include "compress/compress.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <zstd.h>

#include <string>

#include "base/random.h"

namespace amic::compress {
namespace {

Bytes indicator(int number) {
  return to_bytes(R"({"type":"indicator","spec_version":"2.1","id":"indicator--0000)" +
                  std::to_string(number * 7919) +
                  R"(","pattern":"[ipv4-addr:value = '198.51.100.)" + std::to_string(number % 250) +
                  R"(']","pattern_type":"stix"})");
}

Bytes trained() {
  std::vector<Bytes> samples;
  for (int i = 0; i < 1000; ++i) samples.push_back(indicator(i));
  return train_dictionary({samples.begin(), samples.end()}, 4096).value();
}

// A frame that does not say how long its content is.
Bytes without_size(BytesView plain) {
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  Bytes out(ZSTD_compressBound(plain.size()));
  out.resize(ZSTD_compress2(context, out.data(), out.size(), plain.data(), plain.size()));
  ZSTD_freeCCtx(context);
  return out;
}

RC_GTEST_PROP(Compress, RoundTrips, (Bytes const& plain)) {
  RC_ASSERT(decompress(compress(plain), plain.size()).value() == plain);
  RC_ASSERT(decompress(without_size(plain), plain.size()).value() == plain);
  if (!plain.empty())
    RC_ASSERT(decompress(compress(plain), plain.size() - 1).error().code == Code::kTooLarge);
}

TEST(Compress, StopsBombs) {
  Bytes const bomb(64 << 20, 0);
  Bytes const frame = compress(bomb);
  ASSERT_LT(frame.size(), 16U << 10);
  EXPECT_EQ(decompress(frame, 16 << 20).error().code, Code::kTooLarge);
  Bytes const silent = without_size(bomb);
  EXPECT_EQ(decompress(silent, 16 << 20).error().code, Code::kTooLarge);
  EXPECT_EQ(decompress(silent, 0).error().code, Code::kTooLarge);
  EXPECT_EQ(decompress(silent, 64 << 20).value().size(), bomb.size());
}

TEST(Compress, RefusesALieAboutTheSize) {
  // Single segment, content size in 8 bytes: 2^40; one empty raw last block.
  Bytes const lie{0x28, 0xB5, 0x2F, 0xFD, 0xE0, 0, 0, 0, 0, 0, 1, 0, 0, 0x01, 0, 0};
  EXPECT_EQ(decompress(lie, std::size_t{1} << 41U).error().code, Code::kMalformed);
  EXPECT_EQ(decompress(lie, 1000).error().code, Code::kTooLarge);
  // States one byte, holds two (raw block of 2).
  Bytes const more{0x28, 0xB5, 0x2F, 0xFD, 0x20, 1, 0x11, 0, 0, 'a', 'b'};
  EXPECT_EQ(decompress(more, 1000).error().code, Code::kMalformed);
  Bytes const fewer{0x28, 0xB5, 0x2F, 0xFD, 0x20, 3, 0x11, 0, 0, 'a', 'b'};
  EXPECT_EQ(decompress(fewer, 1000).error().code, Code::kMalformed);
  Bytes const right{0x28, 0xB5, 0x2F, 0xFD, 0x20, 2, 0x11, 0, 0, 'a', 'b'};
  EXPECT_EQ(decompress(right, 1000).value(), to_bytes(std::string_view("ab")));
}

TEST(Compress, TakesExactlyOneWholeFrame) {
  SeededRandom random(1);
  Bytes plain(5000);
  random.fill(plain);
  append(plain, Bytes(5000, 'x'));
  Bytes const frame = compress(plain);
  for (std::size_t size = 0; size < frame.size(); ++size)
    EXPECT_EQ(decompress(BytesView(frame).first(size), 1 << 20).error().code, Code::kMalformed)
        << size;
  Bytes longer = frame;
  longer.push_back(0);
  EXPECT_EQ(decompress(longer, 1 << 20).error().code, Code::kMalformed);
  Bytes two = frame;
  append(two, frame);
  EXPECT_EQ(decompress(two, 1 << 20).error().code, Code::kMalformed);
  Bytes const skippable{0x50, 0x2A, 0x4D, 0x18, 1, 0, 0, 0, 0xAA};
  EXPECT_EQ(decompress(skippable, 1 << 20).error().code, Code::kMalformed);
}

TEST(Compress, SurvivesAnyChangedByte) {
  Bytes plain;
  for (int i = 0; i < 20; ++i) append(plain, indicator(i));
  Bytes const frame = compress(plain);
  for (std::size_t i = 0; i < frame.size(); ++i) {
    Bytes changed = frame;
    changed[i] ^= 0x55;
    auto const got = decompress(changed, 1 << 16);  // no checksum: it may succeed, bounded
    if (got) {
      EXPECT_LE(got->size(), std::size_t{1} << 16U);
    }
  }
}

TEST(Dictionary, PaysForSmallObjectsAndIsNeeded) {
  Dictionary const dictionary(trained());
  ASSERT_TRUE(dictionary.is_usable());
  Bytes const plain = indicator(123456);
  Bytes const frame = dictionary.compress(plain);
  EXPECT_LT(frame.size() * 2, compress(plain).size());
  EXPECT_EQ(dictionary.decompress(frame, 1000).value(), plain);
  EXPECT_EQ(decompress(frame, 1000).error().code, Code::kMalformed);
  EXPECT_EQ(dictionary.decompress(frame, 10).error().code, Code::kTooLarge);
  EXPECT_EQ(Dictionary(to_bytes(dictionary.raw())).decompress(frame, 1000).value(), plain);
}

TEST(Dictionary, AppendsOrLeavesUnchanged) {
  Dictionary const dictionary(trained());
  std::string out = "a:";
  Bytes const frame = dictionary.compress(as_bytes("first"));
  ASSERT_TRUE(dictionary.decompress_into(frame, 100, out));
  EXPECT_EQ(out, "a:first");
  EXPECT_FALSE(dictionary.decompress_into(frame, 4, out));
  EXPECT_FALSE(dictionary.decompress_into(BytesView(frame).first(frame.size() - 1), 100, out));
  EXPECT_EQ(out, "a:first");
}

TEST(Dictionary, ADamagedOneIsNoticedAndHarmless) {
  Bytes raw = trained();
  raw.resize(40);  // the magic number and half of the tables
  Dictionary const dictionary(raw);
  EXPECT_FALSE(dictionary.is_usable());
  Bytes const plain = indicator(1);
  EXPECT_EQ(dictionary.decompress(dictionary.compress(plain), 1000).value(), plain);
  EXPECT_EQ(dictionary.decompress(Dictionary(trained()).compress(plain), 1000).error().code,
            Code::kMalformed);
}

TEST(Dictionary, TrainingNeedsEnoughSamples) {
  Bytes const one(1000, 'x');
  EXPECT_EQ(train_dictionary(std::vector<BytesView>(99, one), 4096).error().code,
            Code::kOutOfRange);
  Bytes const small(10, 'x');
  EXPECT_EQ(train_dictionary(std::vector<BytesView>(1000, small), 4096).error().code,
            Code::kOutOfRange);
  EXPECT_EQ(train_dictionary({}, 4096).error().code, Code::kOutOfRange);
  EXPECT_EQ(train_dictionary(std::vector<BytesView>(1000, one), 100).error().code,
            Code::kOutOfRange);
}

}  // namespace
}  // namespace amic::compress
