// Any order, any repetition, bounded; and standing consents.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "base/limits.h"
#include "consent/ledger_testing.h"

namespace amic::consent {
namespace {

using testing::forge;
using testing::id_of;
using testing::World;

constexpr std::int64_t kDayMs = 24LL * 60 * 60 * 1000;

// All that was said in one decision, the chair's word and a comment included.
std::vector<Statement> everything_said(World& w, Hash& id) {
  std::vector<Statement> out;
  Motion const motion = w.announcement(1, "one");
  id = motion_id(motion);
  out.push_back(w.say(1, motion).value());
  out.push_back(w.say(2, Comment{id, "Article 1", "A comment."}).value());
  for (std::size_t i = 0; i < 3; ++i) out.push_back(w.respond(i, id).value());
  for (std::size_t i = 0; i < 3; ++i) out.push_back(w.adopt(i, id).value());
  out.push_back(w.say(0, Declaration{id, w.ledgers[0].view(id)->next_head}).value());
  return out;
}

RC_GTEST_PROP(LedgerProperty, TheOrderOfArrivalAndRepeatsDoNotMatter, ()) {
  World w;
  Hash id;
  auto said = everything_said(w, id);
  SeededRandom random(*rc::gen::arbitrary<std::uint64_t>());
  auto const first = said;
  said.insert(said.end(), first.begin(), first.end());
  for (std::size_t i = said.size(); i > 1; --i) std::swap(said[i - 1], said[random.below(i)]);
  // An observer: no member, it signs nothing, and follows all.
  Ledger observer(community_of(w.transcript).value(), id_of("ZZ"));
  for (auto const& one : said) RC_ASSERT(observer.take(encode(one), one.author, w.now));
  auto const view = observer.view(id).value();
  RC_ASSERT(view.stage == Stage::kCertified);
  RC_ASSERT(view.replied == 3U);
  RC_ASSERT(view.declared);
  RC_ASSERT(view.comments == 1U);
  RC_ASSERT(encode(observer.certificate(id).value()) ==
            encode(w.ledgers[0].certificate(id).value()));
  RC_ASSERT(observer.evidence().empty());
}

TEST(LedgerOrder, WhatIsOfALaterHeadWaitsAndIsTakenThere) {
  World w;
  Ledger late = w.ledgers[2];
  auto const first = w.decide(w.announcement(0, "one"));
  Motion const motion = w.announcement(1, "two");
  Hash const id = motion_id(motion);
  std::vector<Statement> said{w.say(1, motion).value(), w.respond(0, id).value()};
  for (auto const& one : said) EXPECT_TRUE(late.take(encode(one), one.author, w.now)->waits);
  EXPECT_FALSE(late.take(encode(said[0]), said[0].author, w.now)->news);
  EXPECT_FALSE(late.view(id));
  ASSERT_TRUE(late.advance(first));
  EXPECT_EQ(late.view(id)->replied, 1U);
  // What is of a head that is past is no news, and a decision of it is refused.
  EXPECT_FALSE(late.take(encode(first.motion), id_of("AA"), w.now)->news);
  EXPECT_EQ(rule_of(late.advance(first).error()), "R1");
}

TEST(LedgerOrder, WhatWaitsIsBoundedForEachSender) {
  World w;
  Statement one = forge(w.founders[1], w.ledgers[0], Indication{Hash{{1}}, View::kSupport}, 1);
  std::size_t kept = 0;
  for (std::uint64_t i = 0; i < 2 * limits::kFutureStatementsMax; ++i) {
    one.epoch = 5 + i;
    kept += w.ledgers[0].take(encode(one), id_of("BB"), w.now).has_value() ? 1 : 0;
  }
  EXPECT_EQ(kept, limits::kFutureStatementsMax);
  EXPECT_EQ(w.ledgers[0].take(encode(one), id_of("BB"), w.now).error().code, Code::kOverloaded);
  EXPECT_TRUE(w.ledgers[0].take(encode(one), id_of("CC"), w.now));
}

TEST(LedgerOrder, WhatOneMemberSaysOnAHeadIsBounded) {
  World w;
  std::size_t motions = 0;
  for (std::uint64_t i = 1; i <= limits::kMotionsPerMemberMax + 3; ++i)
    motions +=
        w.give(0, forge(w.founders[1], w.ledgers[0], w.announcement(1, std::to_string(i)), 2 * i))
                .has_value()
            ? 1
            : 0;
  EXPECT_EQ(motions, limits::kMotionsPerMemberMax);
  EXPECT_EQ(w.ledgers[0].motions().size(), limits::kMotionsPerMemberMax);
}

TEST(LedgerOrder, StrangersAndForgedWordsAreRefused) {
  World w;
  auto const stranger = testing::make_founder("XX", 50, w.random);
  Indication const body{Hash{{1}}, View::kSupport};
  EXPECT_EQ(w.give(0, forge(stranger, w.ledgers[0], body, 1)).error().code, Code::kUnknownMember);
  Statement forged = forge(w.founders[2], w.ledgers[0], body, 1);
  forged.author = id_of("BB");
  EXPECT_EQ(w.give(0, forged).error().code, Code::kBadSignature);
  World other({"AA", "BB", "DD"});
  EXPECT_EQ(w.give(0, forge(other.founders[1], other.ledgers[0], body, 1)).error().code,
            Code::kUnknownCommunity);
}

// ---- standing consent
// -----------------------------------------------------------------------------

class Standing : public ::testing::Test {
 protected:
  World w;
  StandingConsent consent;

  void SetUp() override {
    NewRules rules{{1}, {}};
    rules.rules.classes = {
        {"dates", InstrumentKind::kTor, "Article 9(2)", 7, {MotionKind::kAnnounce}}};
    w.decide(w.motion(0, rules));
    consent = {
        "dates", InstrumentKind::kTor, "Article 9(2)", Position::kNoObjection, w.now + 365 * kDayMs,
        100};
  }
  Motion meeting() {
    Motion out = w.announcement(0, "Meeting on 3 March");
    out.standing_class = "dates";
    out.deadline_ms = w.now + 10 * kDayMs;
    return out;
  }
};

TEST_F(Standing, TheOwnNodeAnswersAfterTheDeadlineAndCitesTheClause) {
  Hash const standing = statement_digest(w.say(2, consent).value());
  Motion const motion = meeting();
  Hash const id = w.propose(0, motion);
  EXPECT_TRUE(w.ledgers[2].due(motion.deadline_ms - 1).empty());
  EXPECT_TRUE(w.ledgers[1].due(motion.deadline_ms + kDayMs).empty());  // silence is never consent
  auto const due = w.ledgers[2].due(motion.deadline_ms);
  ASSERT_EQ(due.size(), 1U);
  auto const& answer = std::get<Response>(due[0]);
  EXPECT_EQ(answer.position, Position::kNoObjection);
  EXPECT_EQ(answer.clause, "Article 9(2)");
  EXPECT_EQ(answer.standing, standing);
  ASSERT_TRUE(w.say(2, due[0]));
  EXPECT_EQ(w.ledgers[0].view(id)->replied, 1U);
}

TEST_F(Standing, NotBeforeTheWaitThatTheRulesNameByTheOwnClock) {
  ASSERT_TRUE(w.say(2, consent));
  Motion hasty = meeting();
  hasty.proposed_ms = w.now - 30 * kDayMs;  // says that it was circulated long ago
  hasty.deadline_ms = w.now + 1;
  w.propose(0, hasty);
  EXPECT_TRUE(w.ledgers[2].due(w.now + 6 * kDayMs).empty());
  EXPECT_EQ(w.ledgers[2].due(w.now + 7 * kDayMs + 1).size(), 1U);
}

TEST_F(Standing, NotWhenRevokedExpiredOfAnotherClassOrAnswered) {
  Hash const standing = statement_digest(w.say(2, consent).value());
  Motion const motion = meeting();
  Hash const id = w.propose(0, motion);
  UnixMs const later = motion.deadline_ms + kDayMs;
  {
    World copy = w;
    ASSERT_TRUE(copy.say(2, StandingRevocation{standing}));
    EXPECT_TRUE(copy.ledgers[2].due(later).empty());
    EXPECT_EQ(copy.say(2, StandingRevocation{standing}).error().code, Code::kNotFound);
  }
  {
    World copy = w;
    ASSERT_TRUE(copy.respond(2, id, Position::kNotYet));  // a person has spoken
    EXPECT_TRUE(copy.ledgers[2].due(later).empty());
  }
  EXPECT_TRUE(w.ledgers[2].due(consent.expires_ms).empty());
  Motion other = w.announcement(0, "Of no class");
  other.deadline_ms = motion.deadline_ms;
  w.propose(0, other);
  EXPECT_EQ(w.ledgers[2].due(later).size(), 1U);
}

TEST_F(Standing, OnlyAsTheRulesInForceSay) {
  consent.clause = "Article 10";
  EXPECT_EQ(w.say(2, consent).error().code, Code::kNotFound);
  Motion other = w.motion(0, Leave{id_of("AA")});
  other.standing_class = "dates";
  EXPECT_FALSE(check_motion(other));
  NewRules rules{{1}, {}};
  for (auto const kind : {MotionKind::kAmend, MotionKind::kAdmit, MotionKind::kReplaceKeys,
                          MotionKind::kLeave, MotionKind::kRules}) {
    rules.rules.classes = {{"all", InstrumentKind::kTor, "Article 9", 0, {kind}}};
    EXPECT_FALSE(check_rules(rules.rules, "rules")) << static_cast<int>(kind);
  }
}

TEST_F(Standing, SurvivesDecisionsUntilItsLatestHead) {
  consent.latest_epoch = 2;
  ASSERT_TRUE(w.say(2, consent));
  w.decide(w.announcement(0, "one"));
  Motion motion = meeting();
  w.propose(0, motion);
  EXPECT_EQ(w.ledgers[2].due(motion.deadline_ms).size(), 1U);
  w.decide(w.announcement(0, "two"));
  motion = meeting();
  w.propose(0, motion);
  EXPECT_TRUE(w.ledgers[2].due(motion.deadline_ms).empty());
}

}  // namespace
}  // namespace amic::consent
