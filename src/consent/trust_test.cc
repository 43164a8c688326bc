// Who may have forgotten (R11), and who joins (R12).
#include <gtest/gtest.h>

#include "consent/ledger_testing.h"

namespace amic::consent {
namespace {

using testing::forge;
using testing::id_of;
using testing::rule;
using testing::some_hash;
using testing::World;

TEST(R11, NothingIsSignedBeforeTheCheckAfterAStart) {
  World w;
  Ledger fresh(community_of(w.transcript).value(), id_of("AA"));
  EXPECT_EQ(rule(fresh.plan(w.announcement(0, "x"), w.now)), "R11");
  fresh.begin(some_hash(4), std::nullopt);
  EXPECT_EQ(fresh.trust(), Trust::kUnchecked);
  auto const answer = [&](std::size_t i, Hash const& challenge) {
    auto const status = w.say_alone(i, w.ledgers[i].status(challenge)).value();
    return fresh.take(encode(status), status.author, w.now).has_value();
  };
  ASSERT_TRUE(answer(1, some_hash(4)));
  ASSERT_TRUE(answer(2, some_hash(5)));  // an old answer to another question
  EXPECT_EQ(fresh.trust(), Trust::kUnchecked);
  ASSERT_TRUE(answer(2, some_hash(4)));
  EXPECT_EQ(fresh.trust(), Trust::kClear);
}

TEST(R11, AnExternalCounterThatDoesNotFitFreezes) {
  World w;
  w.propose(0, w.announcement(0, "one"));
  for (std::uint64_t const counter : {0, 2, 7}) {
    Ledger ledger = w.ledgers[0];
    auto const taken = ledger.begin({}, counter);
    EXPECT_EQ(ledger.trust(), Trust::kFrozen) << counter;
    EXPECT_EQ(rule(ledger.plan(w.announcement(0, "x"), w.now)), "R11");
    // It stays frozen over the next start.
    ASSERT_EQ(taken.journal.size(), 1U);
    Ledger again(community_of(w.transcript).value(), id_of("AA"));
    ASSERT_TRUE(again.replay(taken.journal[0]));
    again.begin({}, 0);
    EXPECT_EQ(again.trust(), Trust::kFrozen);
  }
  w.ledgers[0].begin({}, 1);
  EXPECT_EQ(w.ledgers[0].trust(), Trust::kClear);
}

TEST(R11, APeersWordAloneFreezesNobodyButTheStatementDoes) {
  World w;
  Hash const one = w.propose(1, w.announcement(1, "one"));
  Statement const said = w.respond(0, one).value();
  // AA is restored from a backup of before.
  Ledger restored(community_of(w.transcript).value(), id_of("AA"));
  restored.begin(some_hash(4), std::nullopt);
  for (std::size_t i = 1; i < 3; ++i) {
    auto const status = w.say_alone(i, w.ledgers[i].status(some_hash(4))).value();
    ASSERT_TRUE(restored.take(encode(status), status.author, w.now));
  }
  EXPECT_EQ(restored.trust(), Trust::kUnchecked);
  EXPECT_NE(restored.trust_reason().find("BB says that it holds statement 1"), std::string::npos);
  EXPECT_EQ(rule(restored.plan(w.announcement(0, "x"), w.now)), "R11");
  auto const taken = restored.take(encode(said), id_of("BB"), w.now).value();
  EXPECT_EQ(restored.trust(), Trust::kFrozen);
  EXPECT_EQ(taken.journal.size(), 1U);
}

TEST(R11, AFrozenSeatAnswersByItsRootKeyForItsNewKeysAlone) {
  World w;
  Hash const lost = w.propose(1, w.announcement(1, "lost"));
  Statement const said = w.respond(0, lost).value();
  Ledger restored(community_of(w.transcript).value(), id_of("AA"));
  ASSERT_TRUE(restored.take(encode(said), id_of("BB"), w.now));
  w.ledgers[0] = restored;
  ASSERT_EQ(w.ledgers[0].trust(), Trust::kFrozen);
  testing::Founder renewed = testing::make_founder("AA", 77, w.random);
  Card card = renewed.card;
  card.root = w.founders[0].root.verify_key();
  card = sign_card(card, w.founders[0].root).value();
  // It can't say so, but its root key can leave a round, or nobody could open the next.
  for (std::size_t i = 0; i < 3; ++i) {
    Statement const left = w.say(i, w.ledgers[i].round_change()).value();
    EXPECT_EQ(left.signer, i == 0 ? Signer::kRoot : Signer::kGovernance);
  }
  Motion const rekey = w.motion(1, ReplaceKeys{card}, "New keys for AA");
  Hash const id = motion_id(rekey);
  Statement const proposed = w.say_alone(1, rekey).value();
  for (auto const i : {0, 2}) ASSERT_TRUE(w.give(static_cast<std::size_t>(i), proposed));
  // Its governance key answers nothing, not even here.
  Response const answer = w.ledgers[0].response_to(id, Position::kAgree).value();
  EXPECT_EQ(rule(w.give(1, forge(w.founders[0], w.ledgers[1], answer, 9))), "R11");
  for (std::size_t i = 0; i < 3; ++i) {
    Statement const s = w.respond(i, id).value();
    EXPECT_EQ(s.signer, i == 0 ? Signer::kRoot : Signer::kGovernance);
  }
  for (std::size_t i = 0; i < 3; ++i) ASSERT_TRUE(w.adopt(i, id));
  w.advance_all(id);
  EXPECT_EQ(w.ledgers[0].trust(), Trust::kClear);
  w.founders[0].governance = renewed.governance;
  w.founders[0].node = renewed.node;
  Hash const next = w.propose(0, w.announcement(0, "with new keys"));
  EXPECT_TRUE(w.respond(0, next));
}

TEST(R11, ADecisionWithAnAdoptionThatIsNotRememberedFreezes) {
  World w;
  Ledger restored = w.ledgers[0];
  auto const decision = w.decide(w.announcement(1, "one"), 1);
  auto const taken = restored.advance(decision).value();
  EXPECT_EQ(restored.community().head.epoch, 1U);  // it is decided all the same
  EXPECT_EQ(restored.trust(), Trust::kFrozen);
  EXPECT_EQ(taken.journal.size(), 1U);
}

TEST(R12, NobodyBecomesAMemberWithoutItsOwnWord) {
  World w;
  testing::Founder const joiner = testing::make_founder("DD", 40, w.random);
  Hash const id = w.propose(0, w.motion(0, Admit{joiner.card, 1}));
  for (std::size_t i = 0; i < 3; ++i) ASSERT_TRUE(w.respond(i, id));
  EXPECT_EQ(rule(w.adopt(0, id)), "R12");
  JoinAccept word{
      w.ledgers[0].community().id, 0, w.head_hash(), id, fingerprint(joiner.card), w.now, {}, {}};
  auto const wrong = sign_join_accept(word, joiner.root, joiner.node);
  EXPECT_EQ(w.ledgers[0].take(wrong).error().code, Code::kBadSignature);
  auto const accept = sign_join_accept(word, joiner.root, joiner.governance);
  for (auto& ledger : w.ledgers) ASSERT_TRUE(ledger.take(accept));
  for (std::size_t i = 0; i < 3; ++i) ASSERT_TRUE(w.adopt(i, id));
  Decision decision = w.ledgers[0].certificate(id).value();
  Decision without = decision;
  without.certificate.join_accept.reset();
  EXPECT_EQ(rule(w.ledgers[0].advance(without)), "R12");
  w.advance_all(id);
  EXPECT_EQ(w.head().members.size(), 4U);
  EXPECT_EQ(w.head().chair_order[1], id_of("DD"));
  // It has a seat from this head on: three of four are not all.
  w.founders.push_back(joiner);
  w.ledgers.push_back(Ledger(w.ledgers[0].community(), id_of("DD")));
  w.ledgers[3].begin({}, 0);
  Hash const next = w.propose(3, w.announcement(3, "hello"));
  for (std::size_t i = 0; i < 3; ++i) ASSERT_TRUE(w.respond(i, next));
  EXPECT_EQ(rule(w.adopt(0, next)), "R8");
  ASSERT_TRUE(w.respond(3, next));
  EXPECT_TRUE(w.adopt(0, next));
}

}  // namespace
}  // namespace amic::consent
