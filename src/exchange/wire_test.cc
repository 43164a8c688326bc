#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "base/limits.h"
#include "codec/codec.h"
#include "consent/testing.h"
#include "exchange/exchange.h"

namespace amic::exchange {
namespace {

std::string read_golden(std::string const& name) {
  std::ifstream in(std::string(AMIC_SOURCE_DIR) + "/tests/compat/link/" + name);
  std::stringstream text;
  text << in.rdbuf();
  auto out = text.str();
  std::erase_if(out, [](char c) { return c == '\n' || c == ' '; });
  return out;
}

struct Sample {
  SeededRandom random{26};
  std::vector<consent::testing::Founder> founders =
      consent::testing::make_founders({"BN", "MY"}, random);
  consent::Community community =
      *consent::community_of(consent::testing::make_transcript(founders));

  Batch batch() const {
    Batch out;
    out.community = community.id;
    out.from = founders[1].card.member;
    out.to = founders[0].card.member;
    out.lane = 1;
    out.first_n = 1;
    out.envelopes = {to_bytes("not an envelope"), to_bytes("nor this")};
    return sign_batch(out, founders[1].node);
  }
  Receipt receipt() const {
    Receipt out;
    out.community = community.id;
    out.from = founders[0].card.member;
    out.to = founders[1].card.member;
    out.lane = 1;
    out.n = 2;
    out.chain = chain_next(chain_next({}, envelope::digest(to_bytes("not an envelope"))),
                           envelope::digest(to_bytes("nor this")));
    out.at_ms = consent::testing::kStartMs;
    out.refused_total = 1;
    out.refused = {{2, "malformed"}};
    return sign_receipt(out, founders[0].node);
  }
  Returned returned() const {
    return {community.id,
            founders[0].card.member,
            founders[1].card.member,
            1,
            1,
            {to_bytes("not an envelope"), gone_entry(envelope::digest(to_bytes("nor this")))}};
  }
};

TEST(Wire, GoldenBytesStay) {
  Sample const sample;
  EXPECT_EQ(codec::to_hex(encode(sample.batch())), read_golden("batch-v1.hex"));
  EXPECT_EQ(codec::to_hex(encode(sample.receipt())), read_golden("receipt-v1.hex"));
  EXPECT_EQ(codec::to_hex(encode(sample.returned())), read_golden("returned-v1.hex"));
}

TEST(Wire, RoundTripsAndVerifies) {
  Sample const sample;
  auto const batch = decode_batch(encode(sample.batch())).value();
  EXPECT_EQ(batch, sample.batch());
  EXPECT_TRUE(verify_batch(batch, sample.community.head, sample.community.id));
  auto const receipt = decode_receipt(encode(sample.receipt())).value();
  EXPECT_EQ(receipt, sample.receipt());
  EXPECT_EQ(decode_returned(encode(sample.returned())).value(), sample.returned());
  EXPECT_TRUE(verify_receipt(receipt, sample.community.head, sample.community.id));
}

TEST(Wire, CutOrExtendedBytesAreRefused) {
  Sample const sample;
  for (auto const& good : {encode(sample.batch()), encode(sample.receipt())}) {
    for (std::size_t size = 0; size < good.size(); ++size) {
      BytesView const cut{good.data(), size};
      EXPECT_FALSE(decode_batch(cut) && decode_receipt(cut)) << size;
    }
    auto longer = good;
    longer.push_back(0);
    EXPECT_FALSE(decode_batch(longer));
    EXPECT_FALSE(decode_receipt(longer));
  }
}

TEST(Wire, WhatIsGoneKeepsItsDigestAndItsPlaceInTheChain) {
  auto const envelope = to_bytes("an envelope");
  auto const digest = envelope::digest(envelope);
  EXPECT_EQ(entry_digest(envelope), digest);
  EXPECT_EQ(entry_digest(gone_entry(digest)), digest);
  EXPECT_EQ(gone_digest(gone_entry(digest)), digest);
  EXPECT_FALSE(gone_digest(envelope).has_value());
  auto other = gone_entry(digest);
  other.push_back(0);
  EXPECT_FALSE(gone_digest(other).has_value());
  other = gone_entry(digest);
  other[0] ^= 1;
  EXPECT_FALSE(gone_digest(other).has_value());
  // Nobody on the way can take an envelope out of a batch and leave its digest.
  Sample const sample;
  auto batch = sample.batch();
  batch.envelopes[0] = gone_entry(envelope::digest(batch.envelopes[0]));
  EXPECT_FALSE(verify_batch(batch, sample.community.head, sample.community.id));
}

TEST(Wire, LimitsAreChecked) {
  Sample const sample;
  auto batch = sample.batch();
  batch.envelopes.clear();
  EXPECT_EQ(decode_batch(encode(batch)).error().code, Code::kOutOfRange);
  batch.envelopes.assign(limits::kBatchEnvelopesMax + 1, to_bytes("x"));
  EXPECT_EQ(decode_batch(encode(batch)).error().code, Code::kOutOfRange);
  batch.envelopes = {Bytes(limits::kBatchBytesMax), Bytes(1)};
  EXPECT_EQ(decode_batch(encode(batch)).error().code, Code::kTooLarge);
  batch = sample.batch();
  batch.lane = 4;
  EXPECT_EQ(decode_batch(encode(batch)).error().code, Code::kOutOfRange);
  batch = sample.batch();
  batch.first_n = 0;
  EXPECT_EQ(decode_batch(encode(batch)).error().code, Code::kOutOfRange);
  auto returned = sample.returned();
  returned.first_n = 0;
  EXPECT_EQ(decode_returned(encode(returned)).error().code, Code::kOutOfRange);
  returned = sample.returned();
  returned.entries.assign(limits::kBatchEnvelopesMax + 1, to_bytes("x"));
  EXPECT_EQ(decode_returned(encode(returned)).error().code, Code::kOutOfRange);
  returned.entries = {Bytes(limits::kBatchBytesMax), Bytes(1)};
  EXPECT_EQ(decode_returned(encode(returned)).error().code, Code::kTooLarge);
  auto const whole = encode(sample.returned());
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(decode_returned(BytesView(whole).first(size))) << size;
  auto receipt = sample.receipt();
  receipt.refused_total = 2;  // but one is listed
  EXPECT_EQ(decode_receipt(encode(receipt)).error().code, Code::kMalformed);
}

}  // namespace
}  // namespace amic::exchange
