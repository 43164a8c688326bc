#include "base/limits.h"
#include "tlog/fixture_test.h"

namespace amic::tlog {
namespace {

using testing::test_record;
using testing::TestNode;

struct Pair {
  TestNode my{"MY", 1};
  TestNode sg{"SG", 2};

  // MY signs what it has and asks SG, which it believes to have seen `old_size`.
  WitnessAnswer ask(std::uint64_t old_size) {
    EXPECT_TRUE(my.log->sign_checkpoint());
    auto const request = my.log->add_checkpoint_request(old_size);
    EXPECT_TRUE(request) << request.error().text();
    return sg.witness->add_checkpoint(*request, {my.vkey()});
  }
  std::vector<std::pair<std::string, Evidence>> evidence() {
    auto const held = sg.witness->evidence("", 100);
    EXPECT_TRUE(held);
    return *held;
  }
};

TEST(Witness, CosignsAGrowingLog) {
  Pair pair;
  std::uint64_t size = 0;
  for (std::uint64_t const upto : {3u, 256u, 300u}) {
    ASSERT_TRUE(pair.my.append(size + 1, upto));
    WitnessAnswer const answer = pair.ask(size);
    ASSERT_EQ(answer.http_status, 200) << answer.body;
    auto const lines = merkle::parse_signatures(answer.body);
    ASSERT_TRUE(lines);
    ASSERT_TRUE(pair.my.log->add_cosignatures(*lines, {pair.sg.witness->verifier()}));
    size = upto;
    EXPECT_EQ(*pair.sg.witness->known_size(pair.my.origin), size);
    pair.sg.start();  // durable: a restart remembers
    EXPECT_EQ(*pair.sg.witness->known_size(pair.my.origin), size);
  }
  auto const note = merkle::parse_note(*pair.my.log->checkpoint());
  auto const signers = merkle::verify_note(*note, {pair.my.vkey(), pair.sg.witness->verifier()});
  ASSERT_TRUE(signers);
  ASSERT_EQ(signers->size(), 2u);
  EXPECT_EQ(signers->back().cosigned_at_s, 1'700'000'000);
  EXPECT_EQ(pair.ask(size).http_status, 200);  // once more, the same tree
  EXPECT_TRUE(pair.evidence().empty());
  EXPECT_EQ(pair.sg.log->size(), 0u);  // witnessing is no record of its own
}

TEST(Witness, AnswersAsTlogWitnessSays) {
  Pair pair;
  ASSERT_TRUE(pair.my.append(1, 10));
  ASSERT_EQ(pair.ask(0).http_status, 200);
  ASSERT_TRUE(pair.my.append(11, 20));
  ASSERT_TRUE(pair.my.log->sign_checkpoint());
  std::string const good = *pair.my.log->add_checkpoint_request(10);
  auto& witness = *pair.sg.witness;

  EXPECT_EQ(witness.add_checkpoint("", {pair.my.vkey()}).http_status, 400);
  EXPECT_EQ(witness.add_checkpoint(good + "x", {pair.my.vkey()}).http_status, 400);
  EXPECT_EQ(witness.add_checkpoint(std::string(1 << 20, 'a'), {}).http_status, 400);
  EXPECT_EQ(witness.add_checkpoint(good, {}).http_status, 404);
  EXPECT_EQ(witness.add_checkpoint(good, {pair.sg.vkey()}).http_status, 404);
  auto stranger = pair.my.vkey();
  stranger.key = testing::test_key(50).verify_key();
  EXPECT_EQ(witness.add_checkpoint(good, {stranger}).http_status, 403);

  auto request = *merkle::parse_add_checkpoint(good);
  request.old_size = 21;
  EXPECT_EQ(
      witness.add_checkpoint(merkle::format_add_checkpoint(request), {pair.my.vkey()}).http_status,
      400);
  request.old_size = 9;
  auto const stale =
      witness.add_checkpoint(merkle::format_add_checkpoint(request), {pair.my.vkey()});
  EXPECT_EQ(stale.http_status, 409);
  EXPECT_EQ(stale.body, "10\n");
  EXPECT_EQ(stale.content_type, "text/x.tlog.size");
  request.old_size = 10;
  request.consistency.front().data[0] ^= 1;
  EXPECT_EQ(
      witness.add_checkpoint(merkle::format_add_checkpoint(request), {pair.my.vkey()}).http_status,
      422);
  // A wrong proof may come from anybody: kept, but not as proof of two histories.
  auto const held = pair.evidence();
  ASSERT_EQ(held.size(), 1u);
  EXPECT_EQ(held[0].second.kind, EvidenceKind::kUnproven);
  // Nothing of this moved the state.
  EXPECT_EQ(*witness.known_size(pair.my.origin), 10u);
  EXPECT_EQ(witness.add_checkpoint(good, {pair.my.vkey()}).http_status, 200);
  EXPECT_EQ(*witness.known_size(pair.my.origin), 20u);
  EXPECT_EQ(witness.add_checkpoint(good, {pair.my.vkey()}).http_status, 409);
}

TEST(Witness, ForgedCheckpointIsRefused) {
  Pair pair;
  ASSERT_TRUE(pair.my.append(1, 10));
  merkle::Note note;
  note.text = merkle::checkpoint_text({pair.my.origin, 10, Hash{}});
  note.signatures.push_back(merkle::sign_note(note.text, pair.my.origin, testing::test_key(50)));
  auto request = merkle::format_add_checkpoint({0, {}, merkle::format_note(note)});
  EXPECT_EQ(pair.sg.witness->add_checkpoint(request, {pair.my.vkey()}).http_status, 403);
  // The right key's id does not help without its signature.
  note.signatures[0].key_id = pair.my.vkey().key_id();
  request = merkle::format_add_checkpoint({0, {}, merkle::format_note(note)});
  EXPECT_EQ(pair.sg.witness->add_checkpoint(request, {pair.my.vkey()}).http_status, 403);
  EXPECT_EQ(*pair.sg.witness->known_size(pair.my.origin), 0u);
  EXPECT_TRUE(pair.evidence().empty());
}

TEST(Witness, FirstContactTakesNoProof) {
  Pair pair;
  ASSERT_TRUE(pair.my.append(1, 10));
  ASSERT_TRUE(pair.my.log->sign_checkpoint());
  auto request = *merkle::parse_add_checkpoint(*pair.my.log->add_checkpoint_request(0));
  request.consistency.push_back(Hash{});
  EXPECT_EQ(
      pair.sg.witness->add_checkpoint(merkle::format_add_checkpoint(request), {pair.my.vkey()})
          .http_status,
      422);
  EXPECT_TRUE(pair.evidence().empty());
  // An empty log may be cosigned too.
  TestNode empty("ID", 3);
  ASSERT_TRUE(empty.log->sign_checkpoint());
  EXPECT_EQ(pair.sg.witness->add_checkpoint(*empty.log->add_checkpoint_request(0), {empty.vkey()})
                .http_status,
            200);
}

// One member's whole machine goes back to an earlier state and writes on from there.
TEST(Witness, RollbackIsSeenByThePeerAndKept) {
  Pair pair;
  ASSERT_TRUE(pair.my.append(1, 10));
  ASSERT_EQ(pair.ask(0).http_status, 200);
  pair.my.save_state();
  ASSERT_TRUE(pair.my.append(11, 20));
  ASSERT_EQ(pair.ask(10).http_status, 200);
  std::string const honest = *pair.my.log->checkpoint();

  pair.my.roll_back();
  EXPECT_TRUE(pair.my.verify());  // in itself nothing is wrong
  // Still short: the peer says how much it has seen, and our own side understands what that means.
  WitnessAnswer const stale = pair.ask(10);
  EXPECT_EQ(stale.http_status, 409);
  EXPECT_EQ(stale.body, "20\n");
  EXPECT_EQ(pair.my.log->add_checkpoint_request(20).error().code, Code::kConflict);

  // Grown to the same size with other records: two signed roots of one size.
  ASSERT_TRUE(pair.my.append(1011, 1020));
  EXPECT_EQ(pair.ask(20).http_status, 409);
  EXPECT_EQ(pair.ask(10).http_status, 409);  // the same pair, sent in another way
  auto held = pair.evidence();
  ASSERT_EQ(held.size(), 1u);
  Evidence const& proof = held[0].second;
  EXPECT_EQ(proof.kind, EvidenceKind::kConflict);
  EXPECT_EQ(proof.origin, pair.my.origin);
  EXPECT_EQ(merkle::parse_note(proof.known_note)->text, merkle::parse_note(honest)->text);
  auto const other = merkle::parse_add_checkpoint(proof.request);
  ASSERT_TRUE(other);
  for (std::string const& text : {proof.known_note, other->checkpoint_note}) {
    EXPECT_TRUE(merkle::verify_note(*merkle::parse_note(text), {pair.my.vkey()}));
  }

  // Grown further: no proof leads from the tree that was cosigned.
  ASSERT_TRUE(pair.my.append(1021, 1030));
  EXPECT_EQ(pair.ask(20).http_status, 422);
  pair.sg.start();
  held = pair.evidence();
  ASSERT_EQ(held.size(), 2u);
  EXPECT_EQ(held[1].second.kind, EvidenceKind::kUnproven);
  EXPECT_EQ(*pair.sg.witness->known_size(pair.my.origin), 20u);
}

TEST(Witness, EvidenceIsBounded) {
  Pair pair;
  ASSERT_TRUE(pair.my.append(1, 10));
  ASSERT_EQ(pair.ask(0).http_status, 200);
  for (std::size_t i = 0; i < limits::kLogEvidenceMax + 5; ++i) {
    merkle::Note note;
    note.text = merkle::checkpoint_text(
        {pair.my.origin, 10, crypto::sha256(codec::Writer().u64(i).bytes())});
    note.signatures.push_back(merkle::sign_note(note.text, pair.my.origin, pair.my.log_key));
    auto const request = merkle::format_add_checkpoint({10, {}, merkle::format_note(note)});
    EXPECT_EQ(pair.sg.witness->add_checkpoint(request, {pair.my.vkey()}).http_status, 409);
  }
  EXPECT_EQ(pair.evidence().size(), limits::kLogEvidenceMax);
}

TEST(Evidence, DecodesOnlyItself) {
  Evidence const evidence{EvidenceKind::kConflict, 5, "origin", "known", "request"};
  Bytes const bytes = encode(evidence);
  auto const back = decode_evidence(bytes);
  ASSERT_TRUE(back);
  EXPECT_EQ(encode(*back), bytes);
  for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
    EXPECT_FALSE(decode_evidence(BytesView(bytes).first(cut)));
  }
  for (std::size_t const at : {0u, 1u}) {
    Bytes bad = bytes;
    bad[at] = 9;
    EXPECT_FALSE(decode_evidence(bad));
  }
}

}  // namespace
}  // namespace amic::tlog
