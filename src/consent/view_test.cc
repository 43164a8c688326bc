// What is shown before signing, and what never is.
#include "consent/view.h"

#include <gtest/gtest.h>

#include "base/limits.h"
#include "codec/codec.h"
#include "consent/ledger_testing.h"

namespace amic::consent {
namespace {

using testing::id_of;
using testing::World;

std::vector<EffectKind> kinds_of(Effect const& effect) {
  std::vector<EffectKind> out;
  for (auto const& one : effect.entries) {
    out.push_back(one.kind);
    EXPECT_FALSE(one.sentence.empty());
    EXPECT_FALSE(effect_kind_name(one.kind).empty());
  }
  return out;
}

Effect effect(World& w, Change const& change, std::size_t proposer = 0) {
  return effect_of(w.ledgers[0].community(), w.motion(proposer, change)).value();
}

TEST(Effect, OfAnAdmissionNamesTheCard) {
  World w;
  auto const joiner = testing::make_founder("DD", 40, w.random);
  Effect const found = effect(w, Admit{joiner.card, 1});
  ASSERT_EQ(kinds_of(found), std::vector<EffectKind>{EffectKind::kMemberAdmitted});
  EXPECT_EQ(found.entries[0].member, id_of("DD"));
  EXPECT_EQ(found.entries[0].to, codec::to_hex(fingerprint(joiner.card).view()));
  EXPECT_NE(found.entries[0].sentence.find(found.entries[0].to), std::string::npos);
}

TEST(Effect, OfNewKeysNamesEveryKeyThatChanges) {
  World w;
  Card card = w.founders[1].card;
  auto const fresh = testing::make_founder("BB", 50, w.random);
  card.governance = fresh.card.governance;
  card.link_address = fresh.card.link_address;
  card = sign_card(card, w.founders[1].root).value();
  Effect const found = effect(w, ReplaceKeys{card});
  ASSERT_EQ(kinds_of(found),
            (std::vector<EffectKind>{EffectKind::kKeysReplaced, EffectKind::kAddressChanged}));
  EXPECT_EQ(found.entries[0].what, "governance");
  EXPECT_EQ(found.entries[0].from, codec::to_hex(w.founders[1].card.governance.view()));
  EXPECT_EQ(found.entries[0].to, codec::to_hex(card.governance.view()));
}

TEST(Effect, OfALeavingChairSaysWhoFollows) {
  World w;
  EXPECT_EQ(kinds_of(effect(w, Leave{id_of("AA")})),
            (std::vector<EffectKind>{EffectKind::kMemberLeaves, EffectKind::kChairChanged}));
}

TEST(Effect, OfTheChair) {
  World w;
  Effect const found =
      effect(w, Chair{id_of("BB"), id_of("CC"), {id_of("CC"), id_of("BB"), id_of("AA")}});
  ASSERT_EQ(kinds_of(found),
            (std::vector<EffectKind>{EffectKind::kChairChanged, EffectKind::kHostChanged,
                                     EffectKind::kOrderChanged}));
  EXPECT_EQ(found.entries[0].from, "AA");
  EXPECT_EQ(found.entries[0].to, "BB");
}

TEST(Effect, OfRulesAndAnnexes) {
  World w;
  NewRules rules{{1}, {}};
  rules.rules.precedence_seconds = {30, 0, 0, 0};
  rules.rules.limits[LimitId::kBodyBytes] = 4096;
  rules.rules.classes = {{"dates", InstrumentKind::kTor, "Article 9", 7, {MotionKind::kAnnounce}}};
  Effect const found = effect(w, rules);
  ASSERT_EQ(kinds_of(found),
            (std::vector<EffectKind>{EffectKind::kLimitChanged, EffectKind::kPrecedenceChanged,
                                     EffectKind::kStandingClassAdded}));
  EXPECT_EQ(found.entries[0].what, "body_bytes");
  EXPECT_EQ(found.entries[0].from, std::to_string(limits::kBodyBytesMax));
  EXPECT_EQ(found.entries[0].to, "4096");
  EXPECT_EQ(found.entries[2].to, "TOR, Article 9; kinds: announce; wait: 7 days");
  w.decide(w.motion(0, rules));
  rules.rules.classes[0].clause = "Article 10";
  EXPECT_EQ(kinds_of(effect(w, rules)), std::vector<EffectKind>{EffectKind::kStandingClassChanged});
  rules.rules = {};
  EXPECT_EQ(kinds_of(effect(w, rules)).back(), EffectKind::kStandingClassRemoved);

  Participation annex{1, "Sea watch", {id_of("AA"), id_of("CC")}, "Text\n"};
  EXPECT_EQ(kinds_of(effect(w, annex)), std::vector<EffectKind>{EffectKind::kAnnexAdded});
  w.decide(w.motion(0, annex));
  annex.participants = {id_of("AA")};
  EXPECT_EQ(effect(w, annex).entries.at(0).from, "AA CC");
  annex.participants.clear();
  EXPECT_EQ(kinds_of(effect(w, annex)), std::vector<EffectKind>{EffectKind::kAnnexEnded});
  EXPECT_EQ(kinds_of(effect(w, Announce{"Text\n"})),
            std::vector<EffectKind>{EffectKind::kRecorded});
}

TEST(Effect, OfAnAmendmentIsTheDifferenceArticleByArticle) {
  World w;
  Amend const amend{{{InstrumentKind::kTor, 2, "Terms", 0,
                      "# Terms of Reference\n\n## Article 1. Purpose\n\nTo share more.\n\n## "
                      "Article 2. New\n\nX\n"},
                     {InstrumentKind::kConcept, 1, "Concept", 0, "# Concept\n\nAll of it.\n"}}};
  Effect const found = effect(w, amend);
  EXPECT_EQ(kinds_of(found), (std::vector<EffectKind>{EffectKind::kInstrumentAmended,
                                                      EffectKind::kInstrumentAmended}));
  ASSERT_EQ(found.diffs.size(), 2U);
  EXPECT_EQ(found.diffs[0].from_version, 1U);
  ASSERT_EQ(found.diffs[0].articles.size(), 2U);
  EXPECT_EQ(found.diffs[0].articles[0].change, ArticleChange::kChanged);
  EXPECT_EQ(found.diffs[0].articles[1].change, ArticleChange::kAdded);
  EXPECT_EQ(found.diffs[1].from_version, 0U);
  Motion wrong = w.motion(0, amend);
  wrong.head = testing::some_hash(1);
  EXPECT_FALSE(effect_of(w.ledgers[0].community(), wrong));
}

// ---- nobody is put on the spot ------------------------------------------------------------------

std::string seen_by(std::size_t who, Position theirs) {
  World w;
  Hash const id = w.propose(0, w.announcement(0, "A text"));
  w.respond(1, id, theirs, theirs == Position::kAgreeWithStatement ? "We note." : "").value();
  auto const view = w.ledgers[who].view(id).value();
  return json::serialize(motion_json(view, w.ledgers[who].community()).value()) +
         json::serialize(motion_summary(view));
}

TEST(View, OfAnOpenMotionIsTheSameWhateverOthersHaveAnswered) {
  for (std::size_t const who : {0U, 2U}) {
    std::string const agreed = seen_by(who, Position::kAgree);
    for (auto const other : {Position::kObject, Position::kNoObjection, Position::kNotYet,
                             Position::kAgreeWithStatement})
      EXPECT_EQ(seen_by(who, other), agreed) << position_name(other);
    EXPECT_NE(agreed.find("\"replied\":1,\"entitled\":3"), std::string::npos);
    EXPECT_EQ(agreed.find("own_position"), std::string::npos);
  }
  EXPECT_NE(seen_by(1, Position::kObject).find("\"own_position\":\"object\""), std::string::npos);
}

TEST(View, OfADecisionHasAllPositions) {
  World w;
  Hash const id = w.propose(0, w.announcement(0, "A text"));
  w.respond(0, id).value();
  w.respond(1, id, Position::kAgreeWithStatement, "We note.").value();
  w.respond(2, id, Position::kNoObjection).value();
  for (std::size_t i = 0; i < 3; ++i) w.adopt(i, id).value();
  Head const before = w.head();
  Decision const decision = w.advance_all(id);
  json::object const shown = decision_json(decision, before).value();
  auto const& adoptions = shown.at("adoptions").as_array();
  ASSERT_EQ(adoptions.size(), 3U);
  EXPECT_EQ(adoptions[1].at("position").as_string(), "agree_with_statement");
  EXPECT_EQ(adoptions[1].at("statement").as_string(), "We note.");
  EXPECT_EQ(adoptions[2].at("name").as_string(), "Member CC");
  EXPECT_EQ(shown.at("epoch").as_uint64(), 1U);
  Decision broken = decision;
  broken.certificate.responses.pop_back();
  EXPECT_FALSE(decision_json(broken, before));
}

TEST(View, OfHeadHistoryRecordMeetingAndHandover) {
  World w;
  Amend const amend{{{InstrumentKind::kTor, 2, "Terms", 0, "# Terms\n\nNew.\n"}}};
  w.decide(w.motion(0, amend, "Amendment"));
  w.decide(w.motion(0, Chair{id_of("BB"), {}, {id_of("AA"), id_of("BB"), id_of("CC")}}));
  History const history = verify_history(w.transcript, w.decisions, 1).value();
  EXPECT_EQ(head_json(w.head()).at("limits").at("motion_text_bytes").as_uint64(),
            limits::kInstrumentTextBytesMax);
  auto const chapters = history_json(history.chapters);
  EXPECT_EQ(chapters[0].at("title").as_string(), "Amendment");
  EXPECT_EQ(chapters[0].at("amended").as_array()[0].at("version").as_uint64(), 2U);
  auto const record =
      record_of_changes_json(record_of_changes(w.transcript, history, InstrumentKind::kTor));
  EXPECT_EQ(record.size(), 2U);
  EXPECT_EQ(record[0].as_object().count("motion"), 0U);
  EXPECT_EQ(record[1].at("epoch").as_uint64(), 1U);

  Meeting meeting = testing::some_meeting();
  w.say(0, meeting).value();
  json::object const shown = meeting_json(w.ledgers[1].meetings().at(0));
  EXPECT_EQ(shown.at("state").as_string(), "held");
  EXPECT_EQ(shown.at("actions").as_array()[0].at("owner").as_string(), "BB");
  EXPECT_EQ(shown.at("participants").as_array()[1].as_object().count("member"), 0U);

  EXPECT_EQ(handover_json(w.ledgers[0].handover()).at("state").as_string(), "awaited");
  w.propose(2, w.announcement(2, "Open"));
  w.say(0, w.ledgers[0].handover_of({}, "Note.").value()).value();
  json::object const handover = handover_json(w.ledgers[0].handover());
  EXPECT_EQ(handover.at("state").as_string(), "pending");
  EXPECT_EQ(handover.at("inventory").at("motions").as_array()[0].at("title").as_string(), "Open");
}

}  // namespace
}  // namespace amic::consent
