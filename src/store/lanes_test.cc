// Queues to peers, and what each number of a lane stood for: every backend must pass this too.
#include <gtest/gtest.h>

#include "store/conformance.h"

namespace amic::store {
namespace {

class LaneTest : public StoreTest {};

TEST_P(LaneTest, LanesNumberFromOneAndDrainWithTheAckedCursor) {
  std::vector<Append> units;
  for (std::uint64_t n = 1; n <= 5; ++n) {
    units.push_back(unit(n, 10 * n));
    units.back().queue = {{0, member("ID"), 0}, {0, member("PH"), 3}};
  }
  ok(store_->append(units));
  auto const rows = ok(store_->outbox(member("ID"), 0, 2, 2));
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].n, 3U);
  EXPECT_EQ(rows[0].seq, 3U);
  EXPECT_EQ(rows[0].bytes, 30U);

  Append ack;
  ack.cursors.push_back({CursorKind::kAcked, member("ID"), 0, 3, to_bytes("receipt 3")});
  ok(store_->append({ack}));
  ack.cursors[0].n = 2;  // late and out of order: nothing moves back
  ack.cursors[0].note = to_bytes("receipt 2");
  ok(store_->append({ack}));
  reopen();
  auto const lanes = ok(store_->lanes());
  ASSERT_EQ(lanes.size(), 2U);
  EXPECT_EQ(lanes[0].peer, member("ID"));
  EXPECT_EQ(lanes[0].last_n, 5U);
  EXPECT_EQ(lanes[0].acked_n, 3U);
  EXPECT_EQ(lanes[0].pending_bytes, 90U);
  EXPECT_EQ(lanes[0].oldest_queued_ms, 1004);
  EXPECT_EQ(lanes[1].pending_bytes, 150U);
  EXPECT_EQ(as_text(ok(store_->cursors()).at(0).note), "receipt 3");
  EXPECT_EQ(ok(store_->outbox(member("ID"), 0, 0, 9)).size(), 2U);

  ack.cursors[0].n = 5;
  ok(store_->append({ack}));
  EXPECT_EQ(ok(store_->lanes())[0].pending_bytes, 0U);
  EXPECT_EQ(ok(store_->lanes())[0].oldest_queued_ms, 0);
  Append more = unit(6);
  more.queue = {{0, member("ID"), 0}};
  ok(store_->append({more}));
  EXPECT_EQ(ok(store_->outbox(member("ID"), 0, 0, 9)).at(0).n, 6U);  // numbers are not reused
}

TEST_P(LaneTest, AnAckBeyondTheQueueRaisesTheNextNumber) {
  Append ack;
  ack.cursors.push_back({CursorKind::kAcked, member("ID"), 2, 7, {}});
  Append next = unit(1);
  next.queue = {{0, member("ID"), 2}};
  ok(store_->append({ack, next}));
  EXPECT_EQ(ok(store_->outbox(member("ID"), 2, 0, 9)).at(0).n, 8U);
}

TEST_P(LaneTest, ALaneKeepsWhatItsNumbersStoodFor) {
  MemberId const id = member("ID");
  Append out = unit(1, 10);
  out.records.push_back(record(2, 20));
  out.queue = {{0, id, 1}, {1, id, 1}};
  Append ack;
  ack.cursors.push_back({CursorKind::kAcked, id, 1, 2, {}});
  Append in = unit(3);
  Hash const refused = crypto::sha256(as_bytes("refused"));
  in.received = {{id, 1, 1, 0, 0, in.records[0].digest},
                 {id, 1, 2, {}, 0, refused},
                 {id, 1, 3, {}, 1, record(1, 10).digest}};
  ok(store_->append({out, ack, in}));
  reopen();
  EXPECT_TRUE(ok(store_->outbox(id, 1, 0, 9)).empty());
  auto const sent = ok(store_->sent(id, 1, 0, 9));
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[0], (LaneRow{1, 1, record(1, 10).digest, 10}));
  EXPECT_EQ(sent[1], (LaneRow{2, 2, record(2, 20).digest, 20}));
  EXPECT_EQ(ok(store_->sent(id, 1, 1, 9)).at(0).n, 2U);
  EXPECT_EQ(ok(store_->sent(id, 1, 0, 1)).size(), 1U);
  EXPECT_TRUE(ok(store_->sent(id, 0, 0, 9)).empty());
  auto const received = ok(store_->received(id, 1, 0, 9));
  ASSERT_EQ(received.size(), 3U);
  EXPECT_EQ(received[0], (LaneRow{1, 3, record(3).digest, 0}));
  EXPECT_EQ(received[1], (LaneRow{2, 0, refused, 0}));
  EXPECT_EQ(received[2].seq, 1U);
  EXPECT_EQ(ok(store_->received(id, 1, 2, 9)).size(), 1U);
  EXPECT_TRUE(ok(store_->received(member("PH"), 1, 0, 9)).empty());

  Append bad;
  bad.received = {{id, 1, 4, 0, 0, refused}};
  EXPECT_EQ(store_->append({bad}).error().code, Code::kOutOfRange);
  bad.received = {{id, 1, 0, {}, 0, refused}};
  EXPECT_EQ(store_->append({bad}).error().code, Code::kOutOfRange);
}

// What a node does that was restored from a backup: numbers 2 and 3 were given before, to others.
TEST_P(LaneTest, RowsMoveBehindTheNumbersThatAPeerKnows) {
  MemberId const id = member("ID");
  Append first = unit(1, 10);
  first.queue = {{0, id, 0}};
  Append later = unit(2, 20);
  later.records.push_back(record(3, 30));
  later.queue = {{0, id, 0}, {1, id, 0}};
  Append ack;
  ack.cursors.push_back({CursorKind::kAcked, id, 0, 1, {}});
  ok(store_->append({first, ack, later}));

  Append found = unit(4, 40);
  found.requeue = {{id, 0, 2, 3}};
  found.sent = {{id, 0, 2, 0, 0, found.records[0].digest, 40, 7},
                {id, 0, 3, {}, 0, crypto::sha256(as_bytes("refused there")), 0, 8}};
  found.queue = {{0, id, 0, 1}};  // a record held before
  ok(store_->append({found}));
  auto const check = [&] {
    auto const rows = ok(store_->sent(id, 0, 0, 9));
    ASSERT_EQ(rows.size(), 6U);
    EXPECT_EQ(rows[1], (LaneRow{2, 4, record(4, 40).digest, 40}));
    EXPECT_EQ(rows[2].seq, 0U);
    EXPECT_EQ(rows[3], (LaneRow{4, 2, record(2, 20).digest, 20}));
    EXPECT_EQ(rows[4], (LaneRow{5, 3, record(3, 30).digest, 30}));
    EXPECT_EQ(rows[5], (LaneRow{6, 1, record(1, 10).digest, 10}));
    auto const lane = ok(store_->lanes()).at(0);
    EXPECT_EQ(lane.last_n, 6U);
    EXPECT_EQ(lane.pending_bytes, 100U);
    EXPECT_EQ(lane.oldest_queued_ms, 7);
  };
  check();
  Append again;
  again.sent = {found.sent[1]};
  ok(store_->append({again}));  // the same row: nothing changes
  again.sent[0].digest = Hash{};
  again.records.push_back(record(9));
  EXPECT_EQ(store_->append({again}).error().code, Code::kConflict);
  Append bad;
  bad.requeue = {{id, 0, 1, 9}};  // signed for
  EXPECT_EQ(store_->append({bad}).error().code, Code::kOutOfRange);
  bad.requeue = {{id, 0, 4, 2}};  // onto other rows
  EXPECT_EQ(store_->append({bad}).error().code, Code::kOutOfRange);
  bad.requeue = {};
  bad.queue = {{0, id, 0, 77}};
  EXPECT_EQ(store_->append({bad}).error().code, Code::kOutOfRange);
  EXPECT_EQ(ok(store_->log_size()), 4U);
  reopen();
  check();
  ack.cursors[0].n = 3;
  ok(store_->append({ack}));
  EXPECT_EQ(ok(store_->lanes()).at(0).pending_bytes, 60U);
  EXPECT_EQ(ok(store_->outbox(id, 0, 0, 9)).at(0).n, 4U);
}

TEST_P(LaneTest, AckedRowsDoNotHoldARecordBack) {
  MemberId const id = member("ID");
  Append out = unit(1);
  out.queue = {{0, id, 0}, {0, member("PH"), 3}};
  Append ack;
  ack.cursors.push_back({CursorKind::kAcked, id, 0, 1, {}});
  ok(store_->append({out, ack}));
  EXPECT_EQ(store_->shred(1, 1).error().code, Code::kConflict);  // PH has not signed
  ack.cursors[0] = {CursorKind::kAcked, member("PH"), 3, 1, {}};
  ok(store_->append({ack}));
  ok(store_->shred(1, 1));
  EXPECT_EQ(ok(store_->sent(id, 0, 0, 9)).at(0).digest, record(1).digest);
}

INSTANTIATE_TEST_SUITE_P(Backends, LaneTest, all_backends(), backend_name);

}  // namespace
}  // namespace amic::store
