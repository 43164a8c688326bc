// Nodes that were restored from older backups, and their peers.
#include <gtest/gtest.h>

#include "exchange/exchange.h"
#include "exchange/group.h"
#include "exchange/operation_state.h"
#include "exchange/operations.h"
#include "exchange/testing.h"

namespace amic::exchange {
namespace {

using testing::must;
using testing::share_request;
using testing::TestCommunity;
using testing::TestNode;

constexpr std::uint8_t kRoutineLane = 3;

struct Members {
  TestCommunity community{{"BN", "MY", "SG"}};
  TestNode& bn = community.node("BN");
  TestNode& my = community.node("MY");
  TestNode& sg = community.node("SG");
  int backups = 0;

  ShareResult share(std::vector<std::string> const& to, std::string body = "text") {
    return share_from(my, to, std::move(body));
  }
  ShareResult share_from(TestNode& node, std::vector<std::string> const& to, std::string body) {
    auto request = share_request(to, std::move(body));
    request.media_type = "text/plain";
    return must(node.share(std::move(request)));
  }
  std::filesystem::path backup(TestNode& node) {
    auto const path = community.directory.path() / ("backup" + std::to_string(++backups));
    node.back_up(path);
    return path;
  }
  LinkState::Lane lane(TestNode& node, TestNode const& peer) {
    return state(node, peer).lanes[kRoutineLane];
  }
  LinkState state(TestNode& node, TestNode const& peer) {
    for (auto& one : must(node.exchange().links()))
      if (one.peer == peer.id()) return one;
    return {};
  }
  static bool holds(TestNode& node, ShareResult const& item) {
    auto const record = must(node.store().log_find(item.id));
    return record && record->digest == item.digest && !record->bytes.empty();
  }
  // Both ends know the same of every number.
  static void expect_same_history(TestNode& from, TestNode& to) {
    auto const sent = must(from.store().sent(to.id(), kRoutineLane, 0, 1000));
    auto const received = must(to.store().received(from.id(), kRoutineLane, 0, 1000));
    ASSERT_EQ(sent.size(), received.size());
    for (std::size_t i = 0; i < sent.size(); ++i) {
      EXPECT_EQ(sent[i].n, received[i].n);
      EXPECT_EQ(sent[i].digest, received[i].digest);
    }
  }
};

TEST(Rollback, NothingIsSentBeforeThePeersPositionIsKnown) {
  Members m;
  m.share({"BN"});
  m.bn.close();
  m.my.restart();
  EXPECT_FALSE(must(m.my.exchange().next_batch(m.bn.id())).has_value());
  EXPECT_FALSE(m.lane(m.my, m.bn).position_known);
  m.bn.open();
  m.my.meet(m.bn);
  EXPECT_TRUE(m.lane(m.my, m.bn).position_known);
  EXPECT_EQ(m.my.deliver(m.bn), 1);
}

TEST(Rollback, ARestoredNodeGetsBackWhatItSentAndPassesItOn) {
  Members m;
  auto const a = m.share({"BN", "SG"});
  m.my.deliver(m.bn);
  m.my.deliver(m.sg);
  auto const saved = m.backup(m.my);
  auto const b = m.share({"BN", "SG"});
  auto const c = m.share({"BN"});
  auto const lost = *must(m.my.store().log_find(b.id));
  m.my.deliver(m.bn);  // SG has not got b yet
  m.my.restore(saved);
  EXPECT_FALSE(m.holds(m.my, b));
  EXPECT_TRUE(m.lane(m.my, m.bn).returning);
  EXPECT_FALSE(must(m.my.exchange().next_batch(m.bn.id())).has_value());

  EXPECT_EQ(m.my.recover(m.bn), 1);
  EXPECT_TRUE(m.holds(m.my, a) && m.holds(m.my, b) && m.holds(m.my, c));
  auto const back = *must(m.my.store().log_find(b.id));
  EXPECT_EQ(back.bytes, lost.bytes);
  EXPECT_EQ(back.kind, store::RecordKind::kEnvelopeOut);
  EXPECT_EQ(back.at_ms, lost.at_ms);
  EXPECT_EQ(must(m.my.store().log_size()), 3U);
  m.expect_same_history(m.my, m.bn);

  EXPECT_EQ(m.my.deliver(m.sg), 1);
  EXPECT_TRUE(m.holds(m.sg, b));
  EXPECT_FALSE(m.holds(m.sg, c));
  m.share({"BN"});
  auto const batch = must(decode_batch(*must(m.my.exchange().next_batch(m.bn.id()))));
  EXPECT_EQ(batch.first_n, 4U);
  for (int round = 0; round < 2; ++round) {  // also after a restart
    auto const rollbacks = m.state(m.my, m.bn).rollbacks;
    ASSERT_EQ(rollbacks.size(), 1U);
    EXPECT_FALSE(rollbacks[0].of_peer);
    EXPECT_EQ(rollbacks[0].from_n, 1U);
    EXPECT_EQ(rollbacks[0].upto_n, 3U);
    EXPECT_TRUE(m.state(m.my, m.sg).rollbacks.empty());
    m.my.restart();
  }
}

// Groups and the state of operations stand beside the log: they come back with their statements.
TEST(Rollback, ARestoredNodeKnowsItsOwnGroupsAndOperationsAgain) {
  Members m;
  auto const item = m.share({"BN", "SG"});
  m.my.deliver(m.bn);
  auto const saved = m.backup(m.my);
  GroupStatement statement;
  statement.id =
      envelope::make_id(m.community.founders.community.id, m.my.id(), m.community.random);
  statement.name = "Strait desk";
  statement.members = {m.my.id(), m.bn.id()};
  for (statement.counter = 1; statement.counter <= 2; ++statement.counter)
    must(m.my.share(must(group_request(statement, nullptr, m.my.id(), Realm()))));
  Operations before(m.my.exchange(), m.my.store(), m.community.clock, ComplyMode::kAuto);
  OperateRequest retract;
  retract.item = item.id;
  retract.precedence = Precedence::kRoutine;
  before.operate(retract, [](auto result) { must(std::move(result)); });
  m.my.deliver(m.bn);
  m.my.restore(saved);
  EXPECT_TRUE(must(load_groups(m.my.store())).empty());
  m.my.recover(m.bn);
  auto const groups = must(load_groups(m.my.store()));
  ASSERT_EQ(groups.size(), 1U);
  EXPECT_EQ(groups[0].counter, 2U);
  EXPECT_EQ(groups[0].members, statement.members);
  auto const state = must(load_operation_state(m.my.store(), item.id));
  ASSERT_TRUE(state);
  EXPECT_EQ(state->operation.counter, 1U);
}

TEST(Rollback, WhatWasQueuedSinceMovesBehindTheNumbersThatThePeerKnows) {
  Members m;
  m.share({"BN"});
  m.my.deliver(m.bn);
  auto const saved = m.backup(m.my);
  auto const b = m.share({"BN"});
  auto const c = m.share({"BN"});
  m.my.deliver(m.bn);
  m.bn.close();
  m.my.restore(saved);
  auto const d = m.share({"BN"});  // number 2 for now
  auto const e = m.share({"BN"});
  m.bn.open();
  m.my.meet(m.bn);
  EXPECT_EQ(m.my.recover(m.bn), 1);
  EXPECT_EQ(m.my.deliver(m.bn), 1);
  for (auto const& item : {b, c, d, e}) EXPECT_TRUE(m.holds(m.bn, item) && m.holds(m.my, item));
  m.expect_same_history(m.my, m.bn);
  EXPECT_EQ(m.lane(m.my, m.bn).acked_n, 5U);
  EXPECT_EQ(m.lane(m.my, m.bn).pending_bytes, 0U);
  EXPECT_EQ(must(m.bn.store().log_size()), 5U);
  EXPECT_TRUE(must(m.bn.store().quarantine(m.my.id(), 9)).empty());
}

// One of the rows that have to move away stands by chance under the number that it had before.
TEST(Rollback, ARowThatMovesAwayFromItsOldNumberComesBackThere) {
  Members m;
  auto const saved = m.backup(m.my);
  auto const a = m.share({"BN"});
  auto const b = m.share({"BN", "SG"});
  auto const late = *must(m.my.exchange().next_batch(m.bn.id()));
  m.my.deliver(m.sg);
  m.my.restore(saved);
  auto const c = m.share({"BN"});  // number 1 for now
  m.my.recover(m.sg);              // brings b back: number 2, as it was
  must(m.bn.accept(m.my.id(), late));
  m.my.meet(m.bn);
  EXPECT_EQ(m.my.recover(m.bn), 1);
  m.my.deliver(m.bn);
  for (auto const& item : {a, b, c}) EXPECT_TRUE(m.holds(m.bn, item) && m.holds(m.my, item));
  m.expect_same_history(m.my, m.bn);
}

TEST(Rollback, RowsThatWereInTheBackupKeepTheirNumbers) {
  Members m;
  auto const a = m.share({"BN"});
  auto const b = m.share({"BN"});  // queued, not delivered, when the backup is made
  auto const saved = m.backup(m.my);
  auto const c = m.share({"BN"});
  m.my.deliver(m.bn);
  m.my.restore(saved);
  m.my.recover(m.bn);
  m.expect_same_history(m.my, m.bn);
  auto const rows = must(m.my.store().sent(m.bn.id(), kRoutineLane, 0, 9));
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[1].digest, b.digest);
  EXPECT_EQ(rows[2].digest, c.digest);
  EXPECT_EQ(m.my.deliver(m.bn), 0);
}

TEST(Rollback, ARestoredPeerIsSentAgainWhatItLacks) {
  Members m;
  auto const a = m.share({"BN"});
  m.my.deliver(m.bn);
  auto const saved = m.backup(m.bn);
  auto const b = m.share({"BN"});
  auto const c = m.share({"BN"});
  m.my.deliver(m.bn);
  m.bn.restore(saved);
  EXPECT_FALSE(m.holds(m.bn, b));
  m.my.meet(m.bn);
  auto const rollbacks = m.state(m.my, m.bn).rollbacks;
  ASSERT_EQ(rollbacks.size(), 1U);
  EXPECT_TRUE(rollbacks[0].of_peer);
  EXPECT_EQ(rollbacks[0].from_n, 1U);
  EXPECT_EQ(m.my.deliver(m.bn), 1);
  EXPECT_TRUE(m.holds(m.bn, a) && m.holds(m.bn, b) && m.holds(m.bn, c));
  m.expect_same_history(m.my, m.bn);
  // The receipt that it gave before stays as evidence.
  auto const cursors = must(m.my.store().cursors());
  ASSERT_EQ(cursors.size(), 1U);
  EXPECT_EQ(cursors[0].n, 3U);
}

TEST(Rollback, AGapAnswerSaysTheSame) {
  Members m;
  m.share({"BN"});
  m.my.deliver(m.bn);
  auto const saved = m.backup(m.bn);
  auto const b = m.share({"BN"});
  m.my.deliver(m.bn);
  m.bn.restore(saved);  // and nobody asks
  m.share({"BN"});
  auto const batch = *must(m.my.exchange().next_batch(m.bn.id()));
  EXPECT_EQ(m.bn.accept(m.my.id(), batch).error().code, Code::kGap);
  must(m.my.exchange().resync(m.bn.id(),
                              must(m.bn.exchange().current_receipt(m.my.id(), kRoutineLane))));
  EXPECT_EQ(m.my.deliver(m.bn), 1);
  EXPECT_TRUE(m.holds(m.bn, b));
  m.expect_same_history(m.my, m.bn);
}

TEST(Rollback, WhatWasErasedMeanwhileGoesByDigestOnly) {
  Members m;
  m.share({"BN"});
  m.my.deliver(m.bn);
  auto const saved = m.backup(m.bn);
  auto const b = m.share({"BN"});
  auto const c = m.share({"BN"});
  m.my.deliver(m.bn);
  must(m.my.store().shred(b.seq, 1));
  m.bn.restore(saved);
  m.my.meet(m.bn);
  EXPECT_EQ(m.my.deliver(m.bn), 1);
  EXPECT_FALSE(must(m.bn.store().log_find(b.id)).has_value());
  EXPECT_TRUE(m.holds(m.bn, c));
  m.expect_same_history(m.my, m.bn);
  EXPECT_TRUE(m.state(m.my, m.bn).refusals.empty());  // nothing was there to refuse
  EXPECT_TRUE(must(m.bn.store().quarantine(m.my.id(), 9)).empty());
}

TEST(Rollback, WhatThePeerErasedComesBackAsItsNumber) {
  Members m;
  m.share({"BN"});
  m.my.deliver(m.bn);
  auto const saved = m.backup(m.my);
  auto const b = m.share({"BN"});
  auto const c = m.share({"BN"});
  m.my.deliver(m.bn);
  must(m.bn.store().shred(must(m.bn.store().log_find(b.id))->seq, 1));
  m.my.restore(saved);
  m.my.recover(m.bn);
  EXPECT_FALSE(must(m.my.store().log_find(b.id)).has_value());
  EXPECT_TRUE(m.holds(m.my, c));
  m.expect_same_history(m.my, m.bn);
  m.share({"BN"});
  EXPECT_EQ(m.my.deliver(m.bn), 1);
}

TEST(Rollback, BothSidesRestored) {
  Members m;
  auto const a = m.share({"BN"});
  m.my.deliver(m.bn);
  auto const my_saved = m.backup(m.my);
  auto const b = m.share({"BN"});
  m.my.deliver(m.bn);
  auto const bn_saved = m.backup(m.bn);
  m.share({"BN"});  // held by nobody afterwards
  m.my.deliver(m.bn);
  m.share_from(m.bn, {"MY"}, "from BN");
  m.bn.deliver(m.my);
  m.bn.restore(bn_saved);
  m.my.restore(my_saved);
  m.bn.meet(m.my);
  EXPECT_EQ(m.my.recover(m.bn), 1);
  auto const d = m.share({"BN"});
  m.my.deliver(m.bn);
  EXPECT_TRUE(m.holds(m.my, b) && m.holds(m.bn, b) && m.holds(m.bn, d));
  m.expect_same_history(m.my, m.bn);
}

TEST(Rollback, ABatchOfTheFormerLifeMayArriveLate) {
  Members m;
  m.share({"BN"});
  m.my.deliver(m.bn);
  auto const saved = m.backup(m.my);
  auto const b = m.share({"BN"});
  auto const late = *must(m.my.exchange().next_batch(m.bn.id()));
  m.my.restore(saved);  // BN has not got it: numbers seem to be free
  auto const c = m.share({"BN"});
  auto const d = m.share({"BN"});
  auto const batch = *must(m.my.exchange().next_batch(m.bn.id()));
  must(m.bn.accept(m.my.id(), late));
  EXPECT_EQ(m.bn.accept(m.my.id(), batch).error().code, Code::kConflict);
  m.my.exchange().batch_failed(m.bn.id(), kRoutineLane);
  must(m.my.exchange().resync(m.bn.id(),
                              must(m.bn.exchange().current_receipt(m.my.id(), kRoutineLane))));
  EXPECT_EQ(m.my.recover(m.bn), 1);
  EXPECT_EQ(m.my.deliver(m.bn), 1);
  for (auto const& item : {b, c, d}) EXPECT_TRUE(m.holds(m.bn, item) && m.holds(m.my, item));
  m.expect_same_history(m.my, m.bn);
}

TEST(Rollback, ComesBackInPiecesAndGoesOnAfterARestart) {
  Members m;
  m.share({"BN"});
  m.my.deliver(m.bn);
  auto const saved = m.backup(m.my);
  std::vector<ShareResult> items;
  for (int i = 0; i < 5; ++i) {
    std::string body(700'000, ' ');
    SeededRandom random(static_cast<std::uint64_t>(i));
    for (char& c : body) c = static_cast<char>(' ' + random.below(90));
    items.push_back(m.share({"BN", "SG"}, std::move(body)));
  }
  m.my.deliver(m.bn);
  m.my.restore(saved);
  auto const ask = *must(m.my.exchange().next_return(m.bn.id()));
  EXPECT_EQ(ask.after_n, 1U);
  auto const back = must(m.bn.exchange().returned(m.my.id(), ask.lane, ask.after_n));
  Result<void> stored = fail(Code::kInternal, "test");
  m.my.exchange().on_returned(m.bn.id(), ask.lane, back,
                              [&](Result<void> result) { stored = std::move(result); });
  must(stored);
  EXPECT_FALSE(must(m.my.exchange().next_batch(m.bn.id())).has_value());
  m.my.restart();
  EXPECT_GE(m.my.recover(m.bn), 2);
  EXPECT_TRUE(m.lane(m.my, m.bn).position_known);
  m.my.deliver(m.sg);
  for (auto const& item : items) EXPECT_TRUE(m.holds(m.my, item) && m.holds(m.sg, item));
  m.expect_same_history(m.my, m.bn);
  m.expect_same_history(m.my, m.sg);
}

// Two peers give the same envelope back; each keeps its own number for it.
TEST(Rollback, PeersGiveBackTheSameEnvelope) {
  Members m;
  m.share({"SG"});
  m.my.deliver(m.sg);
  auto const saved = m.backup(m.my);
  auto const b = m.share({"BN", "SG"});
  m.my.deliver(m.bn);
  m.my.deliver(m.sg);
  m.my.restore(saved);
  EXPECT_EQ(m.my.recover(m.sg), 1);
  EXPECT_EQ(m.my.recover(m.bn), 1);
  EXPECT_TRUE(m.holds(m.my, b));
  m.expect_same_history(m.my, m.bn);
  m.expect_same_history(m.my, m.sg);
  EXPECT_EQ(m.my.deliver(m.bn) + m.my.deliver(m.sg), 0);
  EXPECT_TRUE(must(m.my.store().kv_scan("returned", "", 9)).empty());
}

// ---- Peers that lie ---------------------------------------------------------------------------

struct Liar : Members {
  // BN's signed word that it holds `n`, over a chain of its choice.
  std::array<Bytes, kLaneCount> words(std::uint64_t n, Hash const& chain) {
    std::array<Bytes, kLaneCount> out;
    for (std::uint8_t lane = 0; lane < kLaneCount; ++lane)
      out[lane] = must(bn.exchange().current_receipt(my.id(), lane));
    auto receipt = must(decode_receipt(out[kRoutineLane]));
    receipt.n = n;
    receipt.chain = chain;
    out[kRoutineLane] = encode(sign_receipt(receipt, bn.keys().node));
    return out;
  }
  void says(std::uint64_t n, Hash const& chain) {
    must(my.exchange().on_position(bn.id(), words(n, chain),
                                   must(my.exchange().position_mark(bn.id()))));
  }
  Error gives(std::vector<Bytes> entries, std::uint64_t first_n = 1) {
    Returned back{community.founders.community.id,
                  bn.id(),
                  my.id(),
                  kRoutineLane,
                  first_n,
                  std::move(entries)};
    Error out;
    my.exchange().on_returned(bn.id(), kRoutineLane, encode(back), [&](Result<void> result) {
      if (!result) out = result.error();
    });
    return out;
  }
};

TEST(Rollback, AWordThatIsNotOursToBelieveIsRefused) {
  Liar m;
  auto const mark = must(m.my.exchange().position_mark(m.bn.id()));
  auto words = m.words(0, Hash{});
  words[0] = must(m.sg.exchange().current_receipt(m.my.id(), 0));
  EXPECT_EQ(m.my.exchange().on_position(m.bn.id(), words, mark).error().code, Code::kWrongIdentity);
  words = m.words(0, Hash{});
  words[1][words[1].size() - 1] ^= 1;
  EXPECT_EQ(m.my.exchange().on_position(m.bn.id(), words, mark).error().code, Code::kBadSignature);
  words = m.words(0, Hash{});
  std::swap(words[0], words[1]);
  EXPECT_EQ(m.my.exchange().on_position(m.bn.id(), words, mark).error().code, Code::kMalformed);
}

TEST(Rollback, WhoSignsForMoreThanItCanShowHarmsItselfOnly) {
  Liar m;
  auto const a = m.share({"BN", "SG"});
  Hash chain;
  chain.data[0] = 7;
  m.says(3, chain);
  EXPECT_TRUE(m.lane(m.my, m.bn).returning);
  EXPECT_EQ(m.gives({}).code, Code::kRejected);
  m.says(3, chain);
  EXPECT_EQ(m.gives({to_bytes("no envelope at all")}).code, Code::kMalformed);
  m.says(3, chain);
  auto const record = *must(m.my.store().log_find(a.id));
  EXPECT_EQ(m.gives({record.bytes}, 2).code, Code::kRejected);  // not what was asked for
  auto const foreign = m.share_from(m.sg, {"MY"}, "x");
  m.says(3, chain);
  EXPECT_EQ(m.gives({must(m.sg.store().log_find(foreign.id))->bytes}).code, Code::kWrongIdentity);
  m.says(3, chain);
  EXPECT_EQ(m.gives({record.bytes, gone_entry(a.digest), gone_entry(a.digest)}).code,
            Code::kConflict);                    // not what it has signed for
  EXPECT_EQ(m.gives({}).code, Code::kRejected);  // nobody has asked
  EXPECT_EQ(must(m.my.store().log_size()), 1U);
  EXPECT_TRUE(m.state(m.my, m.bn).rollbacks.empty());
  EXPECT_EQ(m.my.deliver(m.sg), 1);  // the others don't notice
  m.my.meet(m.bn);                   // its own node speaks the truth
  EXPECT_EQ(m.my.deliver(m.bn), 1);
  m.expect_same_history(m.my, m.bn);
}

TEST(Rollback, TwoSequencesUnderOneNumberStopTheLane) {
  Liar m;
  m.share({"BN"});
  m.my.deliver(m.bn);
  Hash chain;
  chain.data[0] = 7;
  m.says(1, chain);
  EXPECT_FALSE(m.lane(m.my, m.bn).position_known);
  EXPECT_NE(m.lane(m.my, m.bn).problem.find("conflict"), std::string::npos);
  m.says(0, chain);
  EXPECT_NE(m.lane(m.my, m.bn).problem, "");
  m.my.meet(m.bn);
  EXPECT_EQ(m.lane(m.my, m.bn).problem, "");
  EXPECT_TRUE(m.lane(m.my, m.bn).position_known);
}

TEST(Rollback, AWordFromBeforeTheLastReceiptSaysNothing) {
  Liar m;
  m.share({"BN"});
  auto const mark = must(m.my.exchange().position_mark(m.bn.id()));
  auto const before = m.words(0, Hash{});
  m.my.deliver(m.bn);
  must(m.my.exchange().on_position(m.bn.id(), before, mark));
  EXPECT_TRUE(m.state(m.my, m.bn).rollbacks.empty());
  EXPECT_EQ(m.lane(m.my, m.bn).acked_n, 1U);
}

TEST(Rollback, NumbersThatCannotBeGivenBackAreSkipped) {
  Liar m;
  auto const a = m.share({"BN"});
  Hash chain;
  chain.data[0] = 7;
  m.says(5, chain);
  Result<void> stored = fail(Code::kInternal, "test");
  m.my.exchange().on_not_returned(m.bn.id(), kRoutineLane,
                                  [&](Result<void> result) { stored = std::move(result); });
  must(stored);
  auto const batch = must(decode_batch(*must(m.my.exchange().next_batch(m.bn.id()))));
  EXPECT_EQ(batch.first_n, 6U);
  EXPECT_EQ(batch.chain_before, chain);
  ASSERT_EQ(batch.envelopes.size(), 1U);
  EXPECT_EQ(envelope::digest(batch.envelopes[0]), a.digest);
}

}  // namespace
}  // namespace amic::exchange
