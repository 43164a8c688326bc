#include "exchange/evidence.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <fstream>
#include <sstream>

#include "codec/codec.h"
#include "exchange/testing.h"
#include "merkle/note.h"

namespace amic::exchange {
namespace {

using testing::must;
using testing::TestCommunity;
using testing::TestNode;

struct Sample {
  SeededRandom random{26};
  std::vector<consent::testing::Founder> founders =
      consent::testing::make_founders({"BN", "MY"}, random);
  consent::Community community =
      *consent::community_of(consent::testing::make_transcript(founders));

  // MY's batch to BN: `texts` from `first_n` on.
  Batch batch(std::vector<std::string> const& texts, std::uint64_t first_n = 1,
              Hash const& before = {}) const {
    Batch out;
    out.community = community.id;
    out.from = founders[1].card.member;
    out.to = founders[0].card.member;
    out.lane = 3;
    out.first_n = first_n;
    out.chain_before = before;
    for (auto const& text : texts) out.envelopes.push_back(to_bytes(text));
    return sign_batch(std::move(out), founders[1].node);
  }
  LaneEvidence evidence(Batch const& first, Batch const& second) const {
    return {consent::testing::kStartMs, statement_of(first), statement_of(second)};
  }
};

Hash chain_after(std::vector<std::string> const& texts) {
  Hash out;
  for (auto const& text : texts) out = chain_next(out, envelope::digest(to_bytes(text)));
  return out;
}

TEST(Evidence, AStatementIsWhatTheBatchSignatureIsOver) {
  Sample const s;
  auto batch = s.batch({"one", "two"});
  batch.envelopes.push_back(gone_entry(envelope::digest(to_bytes("three"))));
  batch = sign_batch(std::move(batch), s.founders[1].node);
  auto const statement = statement_of(batch);
  EXPECT_EQ(must(decode_statement(encode(statement))), statement);
  EXPECT_TRUE(verify_statement(statement, s.community.head, s.community.id));
  EXPECT_TRUE(statement.entries[2].gone);
  auto wrong = statement;
  wrong.entries[2].gone = false;
  EXPECT_EQ(verify_statement(wrong, s.community.head, s.community.id).error().code,
            Code::kBadSignature);
}

TEST(Evidence, TwoSequencesUnderTheSameNumbersAreProof) {
  Sample const s;
  auto const found = must(verify_lane_evidence(
      s.evidence(s.batch({"one", "two"}), s.batch({"one", "other"})), s.community));
  EXPECT_EQ(found.member.str(), "MY");
  EXPECT_TRUE(found.proven);
  EXPECT_EQ(found.text,
            "The node key of MY signed two different sequences of envelopes to BN: they differ at "
            "ROUTINE 2.");
}

// The second batch starts where the first one ends, but on another chain.
TEST(Evidence, AChainThatDoesNotContinueIsProof) {
  Sample const s;
  auto const found = must(verify_lane_evidence(
      s.evidence(s.batch({"one", "two"}), s.batch({"three"}, 3, chain_after({"one", "x"}))),
      s.community));
  EXPECT_NE(found.text.find("ROUTINE 2."), std::string::npos) << found.text;
}

TEST(Evidence, WhatAgreesOrDoesNotMeetProvesNothing) {
  Sample const s;
  auto const code = [&](Batch const& a, Batch const& b) {
    auto const found = verify_lane_evidence(s.evidence(a, b), s.community);
    return found ? Code::kInternal : found.error().code;
  };
  auto const one_two = s.batch({"one", "two"});
  EXPECT_EQ(code(one_two, one_two), Code::kRejected);
  EXPECT_EQ(code(one_two, s.batch({"one"})), Code::kRejected);
  EXPECT_EQ(code(one_two, s.batch({"three"}, 3, chain_after({"one", "two"}))), Code::kRejected);
  EXPECT_EQ(code(one_two, s.batch({"five"}, 5, chain_after({"x"}))), Code::kRejected);
  auto other_lane = s.batch({"other"});
  other_lane.lane = 2;
  EXPECT_EQ(code(one_two, sign_batch(other_lane, s.founders[1].node)), Code::kRejected);
}

TEST(Evidence, WhatTheMemberDidNotSignProvesNothing) {
  Sample const s;
  auto forged = s.batch({"one", "other"});
  forged = sign_batch(std::move(forged), s.founders[0].node);  // by the accuser
  EXPECT_EQ(
      verify_lane_evidence(s.evidence(s.batch({"one", "two"}), forged), s.community).error().code,
      Code::kBadSignature);
  auto foreign = s.batch({"one", "other"});
  foreign.community.data[0] ^= 1;
  foreign = sign_batch(std::move(foreign), s.founders[1].node);
  EXPECT_EQ(
      verify_lane_evidence(s.evidence(s.batch({"one", "two"}), foreign), s.community).error().code,
      Code::kUnknownCommunity);
}

TEST(Evidence, EveryAlteredOrCutByteIsRefused) {
  Sample const s;
  auto const file =
      encode(EvidenceFile{EvidenceFileKind::kLane,
                          encode(s.evidence(s.batch({"one", "two"}), s.batch({"one", "other"})))});
  must(verify_evidence(file, s.community));
  std::size_t const noticed_at = 8 + 2 + 1 + 4 + 2;  // our own note of the time is not proven
  for (std::size_t i = 0; i < file.size(); ++i) {
    auto altered = file;
    altered[i] ^= 1;
    bool const proven = i < noticed_at || i >= noticed_at + 8;
    EXPECT_EQ(verify_evidence(altered, s.community).has_value(), !proven) << i;
    EXPECT_FALSE(verify_evidence(BytesView(file).first(i), s.community)) << i;
  }
}

RC_GTEST_PROP(Evidence, HoldsExactlyForSequencesThatDiffer, ()) {
  Sample const s;
  auto const words = [] {
    return *rc::gen::nonEmpty(
        rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>("a", "b")));
  };
  auto const whole = words();
  auto other = words();
  bool differ = false;
  for (std::size_t i = 0; i < std::min(whole.size(), other.size()); ++i)
    differ = differ || whole[i] != other[i];
  auto const found = verify_lane_evidence(s.evidence(s.batch(whole), s.batch(other)), s.community);
  RC_ASSERT(found.has_value() == differ);
}

// ---- The node notices -------------------------------------------------------------------------

// AA's key signs a second history for BB.
struct Caught {
  TestCommunity community{{"AA", "BB"}};
  TestNode& a = community.node("AA");
  TestNode& b = community.node("BB");

  Bytes signed_again(std::string const& body) {
    auto const& keys = a.keys();
    envelope::Contents contents;
    contents.community = community.founders.community.id;
    contents.id = envelope::make_id(contents.community, a.id(), community.random);
    contents.precedence = Precedence::kRoutine;
    contents.originator = a.id();
    contents.created_ms = community.clock.now_ms();
    contents.recipients = {b.id()};
    marking::Marking marking;
    marking.rel_to = {b.id()};
    contents.marking = marking::encode(marking);
    contents.media_type = "text/plain";
    contents.body = to_bytes(body);
    auto const bytes = must(envelope::seal(
        contents, {{b.id(), b.keys().sealing.public_key()}, {a.id(), keys.sealing.public_key()}},
        keys.node, keys.node, community.random));
    Batch batch;
    batch.community = contents.community;
    batch.from = a.id();
    batch.to = b.id();
    batch.lane = 3;
    batch.first_n = 1;
    batch.envelopes = {bytes};
    return encode(sign_batch(std::move(batch), keys.node));
  }
  std::uint64_t noticed() {
    for (auto const& state : must(b.exchange().links()))
      if (state.peer == a.id()) return state.equivocations;
    return 99;
  }
};

TEST(Evidence, ANodeKeepsProofOfASecondHistoryAndRefusesIt) {
  Caught c;
  must(c.b.accept(c.a.id(), c.signed_again("first")));
  auto longer = must(decode_batch(c.signed_again("second")));
  longer.envelopes.push_back(longer.envelopes.front());
  auto const second = encode(sign_batch(std::move(longer), c.a.keys().node));
  EXPECT_EQ(c.b.accept(c.a.id(), second).error().code, Code::kConflict);
  EXPECT_EQ(c.noticed(), 1u);
  auto const kept = must(kept_evidence(c.b.store()));
  ASSERT_EQ(kept.size(), 1u);
  auto const found = must(verify_evidence(kept[0].file, c.community.founders.community));
  EXPECT_EQ(found.member, c.a.id());

  EXPECT_FALSE(c.b.accept(c.a.id(), second));  // the same again is the same evidence
  EXPECT_EQ(must(kept_evidence(c.b.store())).size(), 1u);
  c.b.restart();
  EXPECT_EQ(c.noticed(), 1u);
}

TEST(Evidence, IsBoundedForEachPeer) {
  Caught c;
  store::Append unit;
  must(c.b.accept(c.a.id(), c.signed_again("first")));
  for (std::size_t i = 0; i < kLaneEvidenceMax; ++i)
    unit.kv.push_back({"equivocation", "AA/3/" + std::to_string(i), Bytes(1)});
  c.b.committer().commit(std::move(unit),
                         [](Result<std::uint64_t> stored) { must(std::move(stored)); });
  auto longer = must(decode_batch(c.signed_again("second")));
  longer.envelopes.push_back(longer.envelopes.front());
  EXPECT_FALSE(c.b.accept(c.a.id(), encode(sign_batch(std::move(longer), c.a.keys().node))));
  EXPECT_EQ(must(count_evidence(c.b.store(), c.a.id())), kLaneEvidenceMax);
}

// ---- Logs -------------------------------------------------------------------------------------

std::string checkpoint_note(Sample const& s, std::uint64_t size, std::uint8_t root) {
  merkle::Checkpoint checkpoint;
  checkpoint.origin = tlog::log_origin(s.community.id, s.founders[1].card.member, Realm());
  checkpoint.size = size;
  checkpoint.root.data.fill(root);
  merkle::Note note;
  note.text = merkle::checkpoint_text(checkpoint);
  note.signatures = {merkle::sign_note(note.text, checkpoint.origin, s.founders[1].log)};
  return merkle::format_note(note);
}

tlog::Evidence log_evidence(Sample const& s, std::string known, std::string shown) {
  tlog::Evidence out;
  out.at_ms = consent::testing::kStartMs;
  out.origin = tlog::log_origin(s.community.id, s.founders[1].card.member, Realm());
  out.known_note = std::move(known);
  merkle::AddCheckpoint request;
  request.checkpoint_note = std::move(shown);
  out.request = merkle::format_add_checkpoint(request);
  return out;
}

TEST(Evidence, TwoLogsOfOneSizeAreProofAndABadProofAloneIsNot) {
  Sample const s;
  auto const two = log_evidence(s, checkpoint_note(s, 5, 1), checkpoint_note(s, 5, 2));
  auto const file = encode(EvidenceFile{EvidenceFileKind::kLog, tlog::encode(two)});
  auto const found = must(verify_evidence(file, s.community));
  EXPECT_TRUE(found.proven);
  EXPECT_EQ(found.member.str(), "MY");
  auto const unjoined = log_evidence(s, checkpoint_note(s, 5, 1), checkpoint_note(s, 9, 2));
  EXPECT_FALSE(must(verify_log_evidence(unjoined, s.community)).proven);
  auto const same = log_evidence(s, checkpoint_note(s, 5, 1), checkpoint_note(s, 5, 1));
  EXPECT_EQ(verify_log_evidence(same, s.community).error().code, Code::kRejected);
}

// ---- Golden bytes -----------------------------------------------------------------------------

TEST(Evidence, GoldenBytesStay) {
  Sample const s;
  auto const bytes =
      encode(EvidenceFile{EvidenceFileKind::kLane,
                          encode(s.evidence(s.batch({"one", "two"}), s.batch({"one", "other"})))});
  std::ifstream in(std::string(AMIC_SOURCE_DIR) + "/tests/compat/evidence/evidence-v1.hex");
  std::stringstream text;
  text << in.rdbuf();
  auto golden = text.str();
  std::erase(golden, '\n');
  EXPECT_EQ(codec::to_hex(bytes), golden);
}

}  // namespace
}  // namespace amic::exchange
