#include "consent/rotation.h"

#include <gtest/gtest.h>

#include "base/limits.h"
#include "consent/keys.h"
#include "consent/ledger_testing.h"

namespace amic::consent {
namespace {

using testing::id_of;
using testing::rule;
using testing::World;

TEST(Rotation, GoesRoundInTheOrderOfTheHead) {
  World w({"AA", "BB", "CC", "DD"});
  Head head = w.head();
  head.chair_order = {id_of("CC"), id_of("AA"), id_of("DD"), id_of("BB")};
  head.chair = id_of("DD");
  EXPECT_EQ(next_turn(head, {}, head.chair, {}).value(), (Turn{id_of("BB"), {}}));
  EXPECT_EQ(next_turn(head, {}, id_of("BB"), {}).value(), (Turn{id_of("CC"), {}}));
  EXPECT_EQ(next_turn(head, {}, head.chair, {id_of("BB"), id_of("CC")}).value(),
            (Turn{id_of("AA"), {id_of("BB"), id_of("CC")}}));
  EXPECT_EQ(next_turn(head, {}, {}, {}).value(), (Turn{id_of("CC"), {}}));
  EXPECT_FALSE(next_turn(head, {}, head.chair, {id_of("AA"), id_of("BB"), id_of("CC")}));
}

TEST(Rotation, OfAnAnnexIsAlphabeticalByEnglishName) {
  World w({"AA", "BB", "CC", "DD"});
  Head head = w.head();
  head.members[0].name = "Zebra";   // AA
  head.members[1].name = "apple";   // BB
  head.members[3].name = "Banana";  // DD
  head.annexes = {{1, "Sea watch", testing::some_hash(1), {id_of("AA"), id_of("BB"), id_of("DD")}}};
  EXPECT_EQ(rotation_of(head, {1}).value(),
            (std::vector<MemberId>{id_of("BB"), id_of("DD"), id_of("AA")}));
  EXPECT_EQ(next_turn(head, {1}, id_of("DD"), {}).value().member, id_of("AA"));
  EXPECT_EQ(next_turn(head, {1}, id_of("AA"), {}).value().member, id_of("BB"));
  // "Member CC" takes no part; it would stand between Banana and Zebra.
  EXPECT_EQ(next_turn(head, {1}, id_of("CC"), {}).value().member, id_of("AA"));
  EXPECT_EQ(next_turn(head, {1}, id_of("XX"), {}).value().member, id_of("BB"));
  EXPECT_FALSE(rotation_of(head, {2}));
}

TEST(Rotation, NextChairMakesAMotionThatApplies) {
  World w;
  for (auto const* expected : {"BB", "CC", "AA", "BB"}) {
    Chair const change = next_chair(w.head(), {}, {}).value();
    EXPECT_EQ(change.chair, id_of(expected));
    w.decide(w.motion(0, change));
    EXPECT_EQ(w.head().chair, id_of(expected));
  }
  EXPECT_EQ(next_chair(w.head(), {id_of("CC")}, id_of("CC")).value().chair, id_of("AA"));
  EXPECT_FALSE(next_chair(w.head(), {}, id_of("XX")));
}

// ---- keys that come back ------------------------------------------------------------------------

// A card of BB under its root, with a governance key.
Card renewed(World& w, int number, crypto::VerifyKey const* governance = nullptr) {
  testing::Founder fresh = testing::make_founder("BB", number, w.random);
  Card card = fresh.card;
  card.name = w.founders[1].card.name;
  if (governance != nullptr) card.governance = *governance;
  return sign_card(card, w.founders[1].root).value();
}

TEST(UsedKeys, AGovernanceKeyOfThePastIsRefusedEverywhere) {
  World w;
  auto const first = w.founders[1].governance;
  auto fresh = testing::make_founder("BB", 50, w.random);
  fresh.card.root = w.founders[1].card.root;
  Card const second = sign_card(fresh.card, w.founders[1].root).value();
  w.decide(w.motion(0, ReplaceKeys{second}));
  w.founders[1].governance = fresh.governance;
  w.founders[1].node = fresh.node;

  Motion const back = w.motion(0, ReplaceKeys{renewed(w, 51, &first.verify_key())});
  ASSERT_TRUE(apply(w.head(), back));  // the head alone can't know
  EXPECT_EQ(rule(w.say_alone(0, back)), "R15");
  EXPECT_EQ(rule(w.give(1, testing::forge(w.founders[0], w.ledgers[0], back, 40))), "R15");
  // A ledger that is opened on the later head knows it from the history, and only from there.
  Ledger const again(verify_history(w.transcript, w.decisions, 1).value(), id_of("AA"));
  EXPECT_EQ(again.community().head, w.head());
  Ledger fresh_ledger(verify_history(w.transcript, w.decisions, 1).value(), id_of("CC"));
  EXPECT_EQ(rule(fresh_ledger.take(encode(testing::forge(w.founders[0], w.ledgers[0], back, 40)),
                                   id_of("AA"), w.now)),
            "R15");
  // As any other key of the card too, and the key of another member that has left.
  Card card = renewed(w, 52);
  card.node = first.verify_key();
  card = sign_card(card, w.founders[1].root).value();
  EXPECT_EQ(rule(w.say_alone(0, w.motion(0, ReplaceKeys{card}))), "R15");
  EXPECT_TRUE(w.say_alone(0, w.motion(0, ReplaceKeys{renewed(w, 53)})));
}

TEST(UsedKeys, AMemberThatLeftComesBackWithOtherKeys) {
  World w({"AA", "BB", "CC", "DD"});
  Card const old = w.founders[3].card;
  Decision const gone = w.decide(w.motion(3, Leave{id_of("DD")}), 3);
  EXPECT_EQ(rule(w.say_alone(0, w.motion(0, Admit{old, 0}))), "R15");
  auto const fresh = testing::make_founder("DD", 60, w.random);
  EXPECT_TRUE(w.say_alone(0, w.motion(0, Admit{fresh.card, 0})));
}

// All members but their ledgers agree: the history itself is refused, and so is the decision.
TEST(UsedKeys, AHistoryThatBringsOneBackIsRefused) {
  World w;
  auto const first = w.founders[1].governance;
  auto fresh = testing::make_founder("BB", 50, w.random);
  fresh.card.root = w.founders[1].card.root;
  w.decide(w.motion(0, ReplaceKeys{sign_card(fresh.card, w.founders[1].root).value()}));
  w.founders[1].governance = fresh.governance;
  Motion const back = w.motion(0, ReplaceKeys{renewed(w, 51, &first.verify_key())});
  Hash const id = motion_id(back);
  Hash const next = head_digest(encode(apply(w.head(), back).value()));
  Decision decision;
  decision.motion = testing::forge(w.founders[0], w.ledgers[0], back, 90);
  for (std::size_t i = 0; i < w.size(); ++i) {
    Signer const signer = signer_for(back, w.founders[i].card.member);
    Statement const response =
        testing::forge(w.founders[i], w.ledgers[0],
                       Response{id, 0, next, Position::kAgree, {}, {}, {}, {}}, 91, {}, signer);
    decision.certificate.adoptions.push_back(
        testing::forge(w.founders[i], w.ledgers[0],
                       Adoption{id, 0, next, statement_digest(response)}, 92, {}, signer));
    decision.certificate.responses.push_back(response);
    decision.certificate.responses.back().signature = {};
  }
  auto const& community = w.ledgers[0].community();
  ASSERT_TRUE(verify_decision(decision, community.id, community.head));
  EXPECT_EQ(rule(w.ledgers[0].advance(decision)), "R15");
  EXPECT_EQ(w.ledgers[0].community().head.epoch, 1U);
  std::vector<Bytes> decisions = w.decisions;
  decisions.push_back(encode(decision));
  auto const history = verify_history(w.transcript, decisions, 2);
  ASSERT_EQ(rule(history), "R15");
  EXPECT_EQ(history.error().where, "epoch 1, consent.R15.fresh_keys");
  EXPECT_EQ(verify_history(w.transcript, w.decisions, 2).value().used_keys.size(), 7U);
}

TEST(EffectiveLimit, IsTheRuleOrTheProductsOwn) {
  World w;
  EXPECT_EQ(effective_limit(w.head(), LimitId::kBodyBytes), limits::kBodyBytesMax);
  EXPECT_EQ(effective_limit(w.head(), LimitId::kEnvelopeBytes), limits::kEnvelopeBytesMax);
  NewRules rules{{1}, {}};
  rules.rules.limits[LimitId::kBodyBytes] = 4096;
  w.decide(w.motion(0, rules));
  EXPECT_EQ(effective_limit(w.head(), LimitId::kBodyBytes), 4096U);
  EXPECT_EQ(effective_limit(w.head(), LimitId::kMotionTextBytes), limits::kInstrumentTextBytesMax);
}

}  // namespace
}  // namespace amic::consent
