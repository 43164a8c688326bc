// The rules one by one. Each failing case is refused by the rule that its name says.
#include "consent/ledger.h"

#include <gtest/gtest.h>

#include "base/limits.h"
#include "consent/ledger_testing.h"

namespace amic::consent {
namespace {

using testing::forge;
using testing::id_of;
using testing::rule;
using testing::some_hash;
using testing::World;

// ---- the way that it should go ----------------------------------------------------------------

TEST(Ledger, ADecisionIsTheResponsesAndAdoptionsOfAll) {
  World w;
  Hash const id = w.propose(0, w.announcement(0, "Exercise in March"));
  EXPECT_EQ(w.ledgers[1].view(id)->stage, Stage::kConsultation);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(w.ledgers[2].view(id)->replied, i);
    ASSERT_TRUE(w.respond(i, id, Position::kNoObjection));
  }
  EXPECT_EQ(w.ledgers[2].view(id)->stage, Stage::kAgreed);
  EXPECT_EQ(w.ledgers[2].view(id)->own, Position::kNoObjection);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(rule(w.ledgers[0].certificate(id)), "R5");
    ASSERT_EQ(w.ledgers[i].due(w.now).size(), 1U);  // the node adopts by itself
    ASSERT_TRUE(w.say(i, w.ledgers[i].due(w.now)[0]));
  }
  EXPECT_EQ(w.ledgers[1].view(id)->stage, Stage::kCertified);
  Hash const expected = w.ledgers[1].view(id)->next_head;
  w.advance_all(id);
  for (auto const& ledger : w.ledgers) {
    EXPECT_EQ(ledger.community().head.epoch, 1U);
    EXPECT_EQ(ledger.community().head_digest, expected);
    EXPECT_EQ(ledger.community().head.decision, id);
    EXPECT_TRUE(ledger.motions().empty());
  }
  EXPECT_EQ(decode_head(encode(w.head())).value(), w.head());
}

TEST(Ledger, EveryKindOfMotionMakesTheHeadThatItSays) {
  World w({"AA", "BB", "CC", "DD"});
  Amend amend{{{InstrumentKind::kTor, 2, "Terms", 0, "# Terms\n\n## Article 1\n\nNew.\n"},
               {InstrumentKind::kConcept, 1, "Concept", 0, "# Concept\n"}}};
  w.decide(w.motion(1, amend), 1);
  EXPECT_EQ(w.head().instruments.size(), 3U);
  EXPECT_EQ(w.ledgers[3].community().texts.at(InstrumentKind::kConcept), "# Concept\n");
  w.decide(
      w.motion(
          2, Chair{id_of("CC"), id_of("BB"), {id_of("DD"), id_of("CC"), id_of("BB"), id_of("AA")}}),
      2);
  EXPECT_EQ(w.head().chair, id_of("CC"));
  EXPECT_EQ(w.head().host, id_of("BB"));
  NewRules rules{{1}, {}};
  rules.rules.precedence_seconds = {30, 60, 300, 3600};
  rules.rules.limits[LimitId::kBodyBytes] = 1 << 20;
  rules.rules.classes = {{"dates", InstrumentKind::kTor, "Article 9", 7, {MotionKind::kAnnounce}}};
  w.decide(w.motion(0, rules));
  EXPECT_EQ(w.head().rules, rules.rules);
  w.decide(w.motion(0, Participation{1, "Sea watch", {id_of("BB"), id_of("CC")}, "Text\n"}));
  ASSERT_EQ(w.head().annexes.size(), 1U);
  EXPECT_EQ(w.head().annexes[0].participants.size(), 2U);
  // CC leaves: the chair passes on in the order, the annex keeps the other.
  Motion const leave = w.motion(2, Leave{id_of("CC")});
  Hash const id = w.propose(2, leave);
  for (std::size_t i = 0; i < 4; ++i) ASSERT_TRUE(w.respond(i, id));
  for (std::size_t i = 0; i < 4; ++i) ASSERT_TRUE(w.adopt(i, id));
  w.advance_all(id);
  EXPECT_EQ(w.head().members.size(), 3U);
  EXPECT_EQ(w.head().chair, id_of("BB"));
  EXPECT_EQ(w.head().annexes[0].participants, std::vector<MemberId>{id_of("BB")});
  EXPECT_EQ(w.head().epoch, 5U);
  EXPECT_EQ(decode_head(encode(w.head())).value(), w.head());
  EXPECT_EQ(rule(w.ledgers[2].plan(w.announcement(0, "x"), w.now)), "R1");  // no member any more
}

// ---- R1
// -------------------------------------------------------------------------------------------

TEST(R1, AnAnswerToAMotionThatIsNotHereIsRefused) {
  World w;
  EXPECT_EQ(
      rule(w.say(0, Response{some_hash(1), 0, some_hash(2), Position::kAgree, {}, {}, {}, {}})),
      "R1");
  EXPECT_EQ(rule(w.say(0, Adoption{some_hash(1), 0, some_hash(2), some_hash(3)})), "R1");
  EXPECT_EQ(rule(w.say(0, Comment{some_hash(1), "TOR", "text"})), "R1");
}

TEST(R1, AnotherNextHeadThanTheComputedIsRefusedAndNeverCounts) {
  World w;
  Hash const id = w.propose(0, w.announcement(0, "one"));
  Response wrong = w.ledgers[1].response_to(id, Position::kAgree).value();
  wrong.next_head = some_hash(9);
  EXPECT_EQ(rule(w.say(1, wrong)), "R1");
  ASSERT_TRUE(w.give(0, forge(w.founders[1], w.ledgers[0], wrong, 1)));
  ASSERT_TRUE(w.respond(0, id));
  ASSERT_TRUE(w.respond(2, id));
  EXPECT_EQ(rule(w.adopt(0, id)), "R8");
}

TEST(R1, AMotionOnAnotherHeadOrWithAnotherEntitlementIsRefused) {
  World w;
  Motion other = w.announcement(1, "one");
  other.head = some_hash(3);
  EXPECT_EQ(rule(w.say(1, other)), "R1");
  EXPECT_EQ(rule(w.give(0, forge(w.founders[1], w.ledgers[0], other, 1))), "R1");
  Motion few = w.announcement(1, "two");
  few.entitled.pop_back();
  EXPECT_EQ(rule(w.give(0, forge(w.founders[1], w.ledgers[0], few, 1))), "R1");
}

TEST(R1, AMotionWhoseHeadCannotBeIsRefused) {
  World w;
  for (Change const& change : std::vector<Change>{
           Amend{{{InstrumentKind::kTor, 3, "Terms", 0, "text\n"}}},
           Amend{{{InstrumentKind::kTor, 2, "Sample TOR", 0,
                   testing::sample_texts().at(InstrumentKind::kTor)}}},
           Admit{w.founders[1].card, 0}, ReplaceKeys{w.founders[1].card}, Leave{id_of("BB")},
           Chair{id_of("ZZ"), {}, {id_of("AA"), id_of("BB"), id_of("CC")}},
           Chair{id_of("AA"), {}, {id_of("AA"), id_of("BB")}}, NewRules{{1, 2}, {}},
           Participation{2, "A", {id_of("AA")}, "text\n"},
           Participation{1, "A", {id_of("ZZ")}, "text\n"}, Participation{1, "A", {}, "text\n"}})
    EXPECT_EQ(rule(w.say(0, w.motion(0, change))), "R1") << change.index();
}

TEST(R1, ATextBeyondTheLimitOfTheRulesInForceIsRefused) {
  World w;
  NewRules rules{{1}, {}};
  rules.rules.limits[LimitId::kMotionTextBytes] = 10;
  w.decide(w.motion(0, rules));
  EXPECT_EQ(rule(w.say(0, w.announcement(0, "0123456789"))), "R1");  // with its line end 11
  EXPECT_TRUE(w.say(0, w.announcement(0, "012345678")));
}

TEST(R1, AnotherHeadOfTheSameEpochStopsEverything) {
  World w;
  Statement foreign = forge(w.founders[1], w.ledgers[0], w.announcement(1, "x"), 1);
  foreign.head = some_hash(7);
  foreign = sign_statement(foreign, w.founders[1].governance);
  auto const refused = w.give(0, foreign);
  EXPECT_EQ(rule(refused), "R1");
  EXPECT_EQ(refused.error().code, Code::kConflict);
}

// ---- R2
// -------------------------------------------------------------------------------------------

TEST(R2, SaidOnceAndRepeatsChangeNothing) {
  World w;
  Hash const id = w.propose(0, w.announcement(0, "one"));
  Statement const said = w.respond(1, id).value();
  EXPECT_FALSE(w.give(0, said)->news);
  EXPECT_EQ(rule(w.respond(1, id)), "R2");
  EXPECT_EQ(w.ledgers[0].view(id)->replied, 1U);
}

TEST(R2, TwoWordsUnderOneNumberAreEvidenceAndTheSecondIsDropped) {
  World w;
  Hash const one = w.propose(0, w.announcement(0, "one"));
  auto const first = forge(w.founders[1], w.ledgers[0], Indication{one, View::kSupport}, 1);
  auto const second = forge(w.founders[1], w.ledgers[0], Indication{one, View::kAgainst}, 1);
  ASSERT_TRUE(w.give(0, first)->news);
  auto const taken = w.give(0, second).value();
  EXPECT_FALSE(taken.news);
  ASSERT_EQ(taken.evidence.size(), 1U);
  EXPECT_TRUE(
      verify_evidence(taken.evidence[0], w.ledgers[0].community().id, w.head(), w.head_hash()));
  // It is believed wherever it goes.
  ASSERT_TRUE(w.say(0, taken.evidence[0]));
  EXPECT_EQ(w.ledgers[2].evidence().size(), 1U);
}

TEST(R2, AStatementThatDoesNotFollowIsRefused) {
  World w;
  Hash const one = w.propose(0, w.announcement(0, "one"));
  ASSERT_TRUE(w.give(2, forge(w.founders[1], w.ledgers[0], Indication{one}, 1)));
  EXPECT_EQ(rule(w.give(2, forge(w.founders[1], w.ledgers[0], Indication{one}, 2, some_hash(5)))),
            "R2");
  // A gap is none: a remark to somebody else may stand there.
  EXPECT_TRUE(w.give(2, forge(w.founders[1], w.ledgers[0], Indication{one}, 9)));
}

TEST(R2, NothingCanBeSignedBeforeItIsRememberedAndNothingIsForgotten) {
  World w;
  Hash const one = w.propose(0, w.announcement(0, "one"));
  Hash const two = w.propose(0, w.announcement(0, "two"));
  auto const intent =
      w.ledgers[1].plan(w.ledgers[1].response_to(one, Position::kAgree).value(), w.now).value();
  auto const other =
      w.ledgers[1].plan(w.ledgers[1].response_to(two, Position::kAgree).value(), w.now).value();
  EXPECT_EQ(intent.counter(), 1U);
  EXPECT_EQ(other.counter(), 1U);  // nothing was changed by planning
  Pending const pending = w.ledgers[1].remember(intent).value();
  EXPECT_NE(rule(w.ledgers[1].remember(other)), "accepted");
  // The machine stops here: the journal has the intent, nothing was signed.
  Ledger again(community_of(w.transcript).value(), id_of("BB"));
  ASSERT_TRUE(again.replay(intent.journal()));
  ASSERT_EQ(again.unsigned_statements().size(), 1U);
  EXPECT_EQ(again.unsigned_statements()[0].message(), pending.message());
  again.begin({}, 1);
  EXPECT_EQ(again.trust(), Trust::kClear);
  Pending const late = again.unsigned_statements()[0];
  ASSERT_TRUE(again.seal(late, w.founders[1].governance.sign(late.message())));
  EXPECT_TRUE(again.unsigned_statements().empty());
}

TEST(R2, SealRefusesASignatureByAnotherKey) {
  World w;
  Hash const one = w.propose(0, w.announcement(0, "one"));
  auto const pending =
      w.ledgers[1].remember(w.ledgers[1].plan(Indication{one}, w.now).value()).value();
  EXPECT_EQ(w.ledgers[1].seal(pending, w.founders[1].node.sign(pending.message())).error().code,
            Code::kBadSignature);
  EXPECT_EQ(w.ledgers[1].unsigned_statements().size(), 1U);
}

// ---- R3, R4
// ---------------------------------------------------------------------------------------

TEST(R3, OneLockInARoundWhateverTheFavourablePosition) {
  for (auto const position : {Position::kAgree, Position::kNoObjection,
                              Position::kAgreeWithStatement, Position::kDoesNotParticipate}) {
    World w;
    Hash const one =
        w.propose(0, w.motion(0, Participation{1, "A", {id_of("AA")}, "text\n"}, "one"));
    Hash const two = w.propose(1, w.announcement(1, "two"));
    std::string const text = position == Position::kAgreeWithStatement ? "With this." : "";
    ASSERT_TRUE(w.respond(2, one, position, text));
    EXPECT_EQ(rule(w.respond(2, two)), "R3");
    EXPECT_TRUE(w.respond(2, two, Position::kNotYet));  // takes no lock
    EXPECT_TRUE(w.respond(2, two, Position::kObject));
  }
}

TEST(R3, OneAdoptionOnAHead) {
  World w;
  Hash const one = w.propose(0, w.announcement(0, "one"));
  Hash const two = w.propose(1, w.announcement(1, "two"));
  for (std::size_t i = 0; i < 3; ++i) ASSERT_TRUE(w.respond(i, one));
  ASSERT_TRUE(w.adopt(2, one));
  EXPECT_EQ(rule(w.adopt(2, one)), "R2");
  EXPECT_EQ(rule(w.adopt(2, two)), "R3");
}

TEST(R3, WhatBindsAfterARestartBindsBeforeTheMotionIsToldAgain) {
  World w;
  Motion const first = w.announcement(0, "one"), second = w.announcement(1, "two");
  Hash const one = w.propose(0, first), two = w.propose(1, second);
  for (std::size_t i = 0; i < 3; ++i) ASSERT_TRUE(w.respond(i, one));
  auto const adoption = w.ledgers[2].adoption_of(one).value();
  auto const intent = w.ledgers[2].plan(adoption, w.now).value();
  ASSERT_TRUE(w.ledgers[2].remember(intent));
  Ledger again(community_of(w.transcript).value(), id_of("CC"));
  ASSERT_TRUE(again.replay(intent.journal()));
  again.begin({}, again.own_seq());
  Statement const told = forge(w.founders[1], again, second, 1);
  ASSERT_TRUE(again.take(encode(told), id_of("BB"), w.now));
  auto const other = again.response_to(two, Position::kAgree).value();
  EXPECT_EQ(rule(again.plan(other, w.now)), "R7");
}

TEST(R3, AdoptionsOfTwoMotionsAreEvidence) {
  World w;
  Hash const one = w.propose(0, w.announcement(0, "one"));
  Hash const two = w.propose(0, w.announcement(0, "two"));
  auto const next = [&](Hash const& id) { return w.ledgers[0].view(id)->next_head; };
  ASSERT_TRUE(w.give(0, forge(w.founders[1], w.ledgers[0], Adoption{one, 0, next(one), one}, 5)));
  auto const taken =
      w.give(0, forge(w.founders[1], w.ledgers[0], Adoption{two, 0, next(two), two}, 9)).value();
  ASSERT_EQ(taken.evidence.size(), 1U);
  EXPECT_STREQ(contradiction(taken.evidence[0].first, taken.evidence[0].second),
               "adoptions of two motions on one head");
}

TEST(R4, FinalIsFinal) {
  World w;
  Hash const one = w.propose(0, w.announcement(0, "one"));
  ASSERT_TRUE(w.respond(1, one, Position::kNotYet));  // not final
  ASSERT_TRUE(w.respond(1, one, Position::kAgree));
  EXPECT_EQ(rule(w.respond(1, one, Position::kObject)), "R4");
  ASSERT_TRUE(w.respond(2, one, Position::kObject, "Opened reason."));
  EXPECT_EQ(rule(w.respond(2, one, Position::kAgree)), "R4");
}

TEST(R4, AChangedWordIsEvidenceAndTheFirstStands) {
  World w;
  Hash const one = w.propose(0, w.announcement(0, "one"));
  Response agree = w.ledgers[0].response_to(one, Position::kAgree).value();
  Response object = w.ledgers[0].response_to(one, Position::kObject).value();
  ASSERT_TRUE(w.give(0, forge(w.founders[1], w.ledgers[0], agree, 1)));
  EXPECT_EQ(w.give(0, forge(w.founders[1], w.ledgers[0], object, 7))->evidence.size(), 1U);
  ASSERT_TRUE(w.respond(0, one));
  ASSERT_TRUE(
      w.give(0, w.say_alone(2, w.ledgers[2].response_to(one, Position::kAgree).value()).value()));
  EXPECT_TRUE(w.adopt(0, one));
}

// ---- R5
// -------------------------------------------------------------------------------------------

TEST(R5, StandingAsideOnlyWhereTheKindAllowsIt) {
  World w;
  Hash const one = w.propose(0, w.announcement(0, "one"));
  EXPECT_EQ(rule(w.respond(1, one, Position::kDoesNotParticipate)), "R5");
  Response const aside = w.ledgers[0].response_to(one, Position::kDoesNotParticipate).value();
  EXPECT_EQ(rule(w.give(0, forge(w.founders[1], w.ledgers[0], aside, 1))), "R5");
}

TEST(R5, TheChairCannotDeclareWhatIsNotComplete) {
  World w;
  Hash const id = w.propose(1, w.announcement(1, "one"));
  Declaration const word{id, w.ledgers[0].view(id)->next_head};
  EXPECT_EQ(rule(w.say(0, word)), "R5");
  for (std::size_t i = 0; i < 3; ++i) ASSERT_TRUE(w.respond(i, id));
  EXPECT_EQ(rule(w.say(0, word)), "R5");
  for (std::size_t i = 0; i < 3; ++i) ASSERT_TRUE(w.adopt(i, id));
  EXPECT_EQ(rule(w.say(1, word)), "R9");
  EXPECT_FALSE(w.ledgers[2].view(id)->declared);
  ASSERT_TRUE(w.say(0, word));
  EXPECT_TRUE(w.ledgers[2].view(id)->declared);
}

// ---- R6, R7, R8
// -----------------------------------------------------------------------------------

TEST(R6, ShelvingAndWithdrawingEndTheConsultationAndReleaseNothing) {
  World w;
  Hash const one = w.propose(1, w.announcement(1, "one"));
  Hash const two = w.propose(1, w.announcement(1, "two"));
  ASSERT_TRUE(w.respond(2, one));
  ASSERT_TRUE(w.say(0, Shelving{one, ShelvingAct::kShelve, "To the next meeting."}));
  EXPECT_EQ(w.ledgers[2].view(one)->stage, Stage::kShelved);
  EXPECT_EQ(rule(w.respond(0, one)), "R6");
  EXPECT_EQ(rule(w.respond(2, two)), "R3");  // the lock is held
  ASSERT_TRUE(w.say(1, Shelving{one, ShelvingAct::kResume, ""}));
  EXPECT_TRUE(w.respond(0, one));
  ASSERT_TRUE(w.say(1, Shelving{one, ShelvingAct::kWithdraw, ""}));
  EXPECT_EQ(w.ledgers[0].view(one)->stage, Stage::kWithdrawn);
  EXPECT_EQ(rule(w.say(1, Shelving{one, ShelvingAct::kResume, ""})), "R6");
}

TEST(R6, ShelvingCannotStopWhatAllHaveAgreed) {
  World w;
  Hash const one = w.propose(1, w.announcement(1, "one"));
  for (std::size_t i = 0; i < 3; ++i) ASSERT_TRUE(w.respond(i, one));
  ASSERT_TRUE(w.say(0, Shelving{one, ShelvingAct::kShelve, ""}));
  for (std::size_t i = 0; i < 3; ++i) ASSERT_TRUE(w.adopt(i, one));
  EXPECT_TRUE(w.ledgers[2].certificate(one));
}

TEST(R7, ARoundEndsWhenAllLeaveItAndThenTheLockIsFree) {
  World w;
  Hash const one = w.propose(0, w.announcement(0, "one"));
  Hash const two = w.propose(1, w.announcement(1, "two"));
  ASSERT_TRUE(w.respond(0, one));
  ASSERT_TRUE(w.respond(1, two));
  ASSERT_TRUE(w.say(0, w.ledgers[0].round_change()));
  EXPECT_EQ(rule(w.say(0, w.ledgers[0].round_change())), "R2");
  EXPECT_EQ(rule(w.respond(0, two)), "R7");  // it has left, the next is not open
  ASSERT_TRUE(w.say(1, w.ledgers[1].round_change()));
  EXPECT_EQ(w.ledgers[0].view(one)->round, 0U);
  ASSERT_TRUE(w.say(2, w.ledgers[2].round_change()));
  EXPECT_EQ(w.ledgers[0].view(one)->round, 1U);
  for (std::size_t i = 0; i < 3; ++i) ASSERT_TRUE(w.respond(i, two)) << i;
  for (std::size_t i = 0; i < 3; ++i) ASSERT_TRUE(w.adopt(i, two));
  w.advance_all(two);
}

TEST(R7, AfterLeavingNoResponseAndNoAdoptionOfTheRound) {
  World w;
  Hash const one = w.propose(0, w.announcement(0, "one"));
  for (std::size_t i = 0; i < 3; ++i) ASSERT_TRUE(w.respond(i, one));
  ASSERT_TRUE(w.say(1, w.ledgers[1].round_change()));
  EXPECT_EQ(rule(w.adopt(1, one)), "R7");
  EXPECT_TRUE(w.ledgers[1].due(w.now).empty());
}

TEST(R7, AnAdoptionBindsOverRoundsAndTheOthersCanFollow) {
  World w;
  Hash const one = w.propose(0, w.announcement(0, "one"));
  Hash const two = w.propose(1, w.announcement(1, "two"));
  for (std::size_t i = 0; i < 3; ++i) ASSERT_TRUE(w.respond(i, one));
  ASSERT_TRUE(w.adopt(0, one));
  RoundChange forgets{0, {}};
  EXPECT_EQ(rule(w.say(0, forgets)), "R7");
  for (std::size_t i = 0; i < 3; ++i) ASSERT_TRUE(w.say(i, w.ledgers[i].round_change()));
  EXPECT_EQ(rule(w.respond(0, two)), "R7");
  // The others are free, but see that one is bound, and answer again by themselves.
  for (std::size_t i = 0; i < 3; ++i) {
    auto const due = w.ledgers[i].due(w.now);
    ASSERT_EQ(due.size(), 1U) << i;
    ASSERT_TRUE(w.say(i, due[0]));
  }
  for (std::size_t i = 1; i < 3; ++i) ASSERT_TRUE(w.adopt(i, one));
  EXPECT_TRUE(w.ledgers[0].due(w.now).empty());
  w.advance_all(one);
}

TEST(R8, AdoptingNeedsTheFavourableResponsesOfAllInTheRound) {
  World w;
  Hash const one = w.propose(0, w.announcement(0, "one"));
  ASSERT_TRUE(w.respond(0, one));
  ASSERT_TRUE(w.respond(1, one));
  EXPECT_EQ(rule(w.adopt(0, one)), "R8");
  ASSERT_TRUE(w.respond(2, one, Position::kObject));
  EXPECT_EQ(rule(w.adopt(0, one)), "R8");
}

TEST(R8, AnIndicationBindsNobody) {
  World w;
  Hash const one = w.propose(0, w.announcement(0, "one"));
  Hash const two = w.propose(0, w.announcement(0, "two"));
  for (std::size_t i = 0; i < 3; ++i) {
    ASSERT_TRUE(w.say(i, Indication{one, View::kSupport}));
    ASSERT_TRUE(w.say(i, Indication{one, View::kAgainst}));
    ASSERT_TRUE(w.say(i, Indication{two, View::kSupport}));
  }
  EXPECT_EQ(rule(w.adopt(0, one)), "R8");
  EXPECT_EQ(w.ledgers[0].view(one)->replied, 0U);
  EXPECT_TRUE(w.ledgers[0].evidence().empty());
}

// ---- R9, R10
// --------------------------------------------------------------------------------------

TEST(R9, OnlyTheChairSeesWhoHasNotRepliedAndTheReasons) {
  World w;
  Hash const one = w.propose(1, w.announcement(1, "one"));
  Reason reason{one, 0, {}, "For the chair alone."};
  w.random.fill(reason.salt.data);
  Response object = w.ledgers[2].response_to(one, Position::kObject).value();
  object.sealed_reason = reason_commitment(reason);
  ASSERT_TRUE(w.say(2, object));
  Statement const sealed = w.say_alone(2, reason).value();
  ASSERT_TRUE(w.give(0, sealed));
  EXPECT_EQ(w.give(1, sealed).error().code, Code::kNotRecipient);
  EXPECT_EQ(w.ledgers[0].outstanding(one).value(),
            (std::vector<MemberId>{id_of("AA"), id_of("BB")}));
  EXPECT_EQ(w.ledgers[0].reasons(one)->at(0).text, "For the chair alone.");
  EXPECT_EQ(rule(w.ledgers[1].outstanding(one)), "R9");
  EXPECT_EQ(rule(w.ledgers[1].reasons(one)), "R9");
  EXPECT_EQ(w.ledgers[1].view(one)->replied, 1U);
}

TEST(R9, TheChairRevisesAndShelvesAndOthersDoNot) {
  World w;
  Motion const first = w.announcement(1, "one");
  Hash const id = w.propose(1, first);
  EXPECT_EQ(rule(w.say(2, Shelving{id, ShelvingAct::kShelve, ""})), "R9");
  EXPECT_EQ(rule(w.say(0, Shelving{id, ShelvingAct::kWithdraw, ""})), "R9");
  EXPECT_EQ(rule(w.give(
                0, forge(w.founders[2], w.ledgers[0], Shelving{id, ShelvingAct::kShelve, {}}, 1))),
            "R9");
  Motion text = first;
  text.revision = 2;
  text.supersedes = id;
  text.change = Announce{"The chair's text\n"};
  EXPECT_EQ(rule(w.say(2, text)), "R10");  // not the chair
  Motion skipped = text;
  skipped.revision = 3;
  EXPECT_EQ(rule(w.say(0, skipped)), "R9");
  Hash const revised = w.propose(0, text);
  EXPECT_EQ(w.ledgers[2].view(id)->stage, Stage::kSuperseded);
  EXPECT_EQ(w.ledgers[2].view(revised)->stage, Stage::kConsultation);
}

TEST(R10, NobodyProposesInAnothersNameAndProposingIsNotAnswering) {
  World w;
  EXPECT_EQ(rule(w.say(1, w.announcement(2, "in CC's name"))), "R10");
  EXPECT_EQ(rule(w.say(0, w.announcement(2, "by the chair"))), "R9");
  Hash const id = w.propose(0, w.announcement(0, "one"));
  EXPECT_EQ(w.ledgers[1].view(id)->replied, 0U);
  EXPECT_FALSE(w.ledgers[0].view(id)->own);
}

}  // namespace
}  // namespace amic::consent
