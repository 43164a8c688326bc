// Everything an intruder may do to the file of the log is found, by open() or by verify_log().
#include "tlog/fixture_test.h"

namespace amic::tlog {
namespace {

using testing::test_record;
using testing::TestNode;

std::string hex_of(BytesView bytes) {
  return "x'" + codec::to_hex(bytes) + "'";
}

// 600 records, the first 550 of them under a signed checkpoint.
class Tampered : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(node_.append(1, 550));
    ASSERT_TRUE(node_.log->sign_checkpoint());
    ASSERT_TRUE(node_.append(551, 600));
    ASSERT_TRUE(node_.verify());
  }

  // verify_log on the store as it is, which does not need the log to open.
  Error verify_error() {
    node_.stop();
    auto const opened = store::Store::open("sqlite:" + node_.directory().string(), {});
    EXPECT_TRUE(opened) << opened.error().text();
    auto const report = verify_log(**opened, node_.vkey(), {}, {});
    EXPECT_FALSE(report);
    return report ? Error{} : report.error();
  }
  Error open_error() {
    auto const started = node_.try_start();
    EXPECT_FALSE(started);
    return started ? Error{} : started.error();
  }

  TestNode node_{"MY", 1};
};

TEST_F(Tampered, RewrittenRecordByte) {
  node_.tamper("UPDATE record SET bytes = 'Envelope 17' WHERE seq = 17");
  Error const error = verify_error();
  EXPECT_EQ(error.code, Code::kCorrupt);
  EXPECT_EQ(error.where, "record 17");
}

TEST_F(Tampered, RewrittenRecordWithItsDigest) {
  Bytes const bytes = to_bytes("forged");
  node_.tamper("UPDATE record SET bytes = " + hex_of(bytes) +
               ", digest = " + hex_of(crypto::sha256(bytes).view()) + " WHERE seq = 300");
  Error const error = verify_error();
  EXPECT_EQ(error.code, Code::kCorrupt);
  EXPECT_EQ(error.where, "record 300");
}

TEST_F(Tampered, AnErasedRecordStillHasItsPlace) {
  ASSERT_TRUE(node_.store->shred(17, 1));
  ASSERT_TRUE(node_.store->shred(590, 1));
  auto const report = node_.verify();
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(report->records, 600U);
  EXPECT_EQ(report->shredded, 2U);
  auto const proof = node_.log->prove(test_record(17).id);
  ASSERT_TRUE(proof) << proof.error().text();
  EXPECT_TRUE(verify_proof(*proof, test_record(17).kind, test_record(17).digest, node_.vkey()));
  node_.stop();
  node_.start();
  EXPECT_TRUE(node_.verify());
  ASSERT_TRUE(node_.append(601, 610));
}

TEST_F(Tampered, RewrittenDigestOfAnErasedRecord) {
  ASSERT_TRUE(node_.store->shred(17, 1));
  node_.tamper("UPDATE record SET digest = zeroblob(32) WHERE seq = 17");
  Error const error = verify_error();
  EXPECT_EQ(error.code, Code::kCorrupt);
  EXPECT_EQ(error.where, "record 17");
}

TEST_F(Tampered, RewrittenKind) {
  node_.tamper("UPDATE record SET kind = 3 WHERE seq = 20");
  EXPECT_EQ(verify_error().where, "record 20");
}

TEST_F(Tampered, RewrittenRecordInTheLastTileIsFoundOnOpen) {
  Bytes const bytes = to_bytes("forged");
  node_.tamper("UPDATE record SET digest = " + hex_of(crypto::sha256(bytes).view()) +
               " WHERE seq = 580");
  Error const error = open_error();
  EXPECT_EQ(error.code, Code::kCorrupt);
  EXPECT_EQ(error.where, "record 580");
}

TEST_F(Tampered, SwappedRecords) {
  node_.tamper(
      "UPDATE record SET seq = -1 WHERE seq = 40; UPDATE record SET seq = 40 WHERE seq = 41;"
      "UPDATE record SET seq = 41 WHERE seq = -1");
  Error const error = verify_error();
  EXPECT_EQ(error.code, Code::kCorrupt);
  EXPECT_EQ(error.where, "record 40");
}

TEST_F(Tampered, RemovedLastRecords) {
  node_.tamper("DELETE FROM record WHERE seq > 590; DELETE FROM record_by_id WHERE seq > 590");
  Error const error = open_error();
  EXPECT_EQ(error.code, Code::kCorrupt);
  EXPECT_EQ(error.where, "tile 0/2");
  EXPECT_EQ(verify_error().code, Code::kCorrupt);
}

TEST_F(Tampered, TruncatedBelowTheCheckpoint) {
  node_.tamper("DELETE FROM record WHERE seq > 100; DELETE FROM record_by_id WHERE seq > 100");
  EXPECT_EQ(open_error().code, Code::kCorrupt);
  EXPECT_EQ(verify_error().where, "tlog.checkpoint");
}

TEST_F(Tampered, RemovedRecordInTheMiddle) {
  node_.tamper("DELETE FROM record WHERE seq = 77");
  Error const error = verify_error();
  EXPECT_EQ(error.code, Code::kCorrupt);
  EXPECT_EQ(error.where, "record 77");
}

TEST_F(Tampered, EveryTile) {
  for (char const* const tile :
       {"level = 0 AND n = 0", "level = 0 AND n = 2", "level = 1 AND n = 0"}) {
    TestNode node("MY", 1);
    ASSERT_TRUE(node.append(1, 600));
    node.tamper(std::string("UPDATE tile SET hashes = zeroblob(length(hashes)) WHERE ") + tile);
    auto const opened = store::Store::open("sqlite:" + node.directory().string(), {});
    ASSERT_TRUE(opened);
    EXPECT_EQ(verify_log(**opened, node.vkey(), {}, {}).error().code, Code::kCorrupt) << tile;
  }
}

TEST_F(Tampered, EdgeTilesAreFoundOnOpen) {
  for (char const* const change :
       {"UPDATE tile SET hashes = zeroblob(length(hashes)) WHERE level = 0 AND n = 2",
        "UPDATE tile SET hashes = zeroblob(length(hashes)) WHERE level = 1 AND n = 0",
        "DELETE FROM tile WHERE level = 1 AND n = 0", "DELETE FROM tile WHERE level = 0 AND n = 2",
        "DELETE FROM kv WHERE space = 'tlog' AND k = 'tree'",
        "INSERT INTO tile (level, n, hashes) VALUES (2, 0, zeroblob(32))"}) {
    TestNode node("MY", 1);
    ASSERT_TRUE(node.append(1, 600));
    node.tamper(change);
    EXPECT_EQ(node.try_start().error().code, Code::kCorrupt) << change;
  }
}

TEST_F(Tampered, HistoryRewrittenWithAllItsTiles) {
  // The forger recomputes everything but cannot sign: the checkpoint of before gives it away.
  std::string const note = *node_.log->checkpoint();
  TestNode forged("MY", 1);
  std::vector<store::Append> units(1);
  for (std::uint64_t n = 1; n <= 600; ++n) {
    units[0].records.push_back(test_record(n == 17 ? 9999 : n));
  }
  ASSERT_TRUE(forged.log->append(std::move(units)));
  forged.tamper("INSERT INTO kv (space, k, v) VALUES ('tlog', 'checkpoint', " +
                hex_of(as_bytes(note)) + ")");
  auto const opened = forged.try_start();
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Code::kCorrupt);
  EXPECT_EQ(opened.error().where, "tlog.checkpoint");
}

TEST_F(Tampered, ForgedCheckpoint) {
  auto note = *merkle::parse_note(*node_.log->checkpoint());
  auto checkpoint = *merkle::parse_checkpoint_text(note.text);
  checkpoint.size = 549;
  note.text = merkle::checkpoint_text(checkpoint);
  node_.tamper("UPDATE kv SET v = " + hex_of(as_bytes(merkle::format_note(note))) +
               " WHERE space = 'tlog' AND k = 'checkpoint'");
  Error const error = open_error();
  EXPECT_EQ(error.code, Code::kCorrupt);
  EXPECT_EQ(error.where, "tlog.checkpoint");
  EXPECT_EQ(verify_error().where, "tlog.checkpoint");
}

TEST_F(Tampered, CheckpointOfAnotherLog) {
  TestNode other("SG", 1);
  ASSERT_TRUE(other.append(1, 550));
  node_.tamper("UPDATE kv SET v = " + hex_of(as_bytes(*other.log->sign_checkpoint())) +
               " WHERE space = 'tlog' AND k = 'checkpoint'");
  EXPECT_EQ(open_error().code, Code::kCorrupt);
}

}  // namespace
}  // namespace amic::tlog
