// Meetings and the handover of the chair.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/limits.h"
#include "consent/ledger_testing.h"
#include "crypto/hash.h"

namespace amic::consent {
namespace {

using testing::forge;
using testing::id_of;
using testing::rule;
using testing::some_hash;
using testing::some_meeting;
using testing::World;

Meeting open_meeting(std::uint32_t revision = 1) {
  Meeting out = some_meeting(revision);
  out.body.clear();
  out.minutes_motion = {};
  return out;
}

Chair chair_to(std::string_view id) {
  return {id_of(id), {}, {id_of("AA"), id_of("BB"), id_of("CC")}};
}

template <class T>
Code code_of(Result<T> const& result) {
  return result ? Code::kInternal : result.error().code;
}

// ---- form -------------------------------------------------------------------------------------

TEST(Meeting, EveryLimitIsRefusedAtItsField) {
  ASSERT_TRUE(check_meeting(some_meeting()));
  auto const bad = [](auto const& change) {
    Meeting meeting = some_meeting();
    change(meeting);
    auto const fine = check_meeting(meeting);
    EXPECT_FALSE(fine);
    if (fine) return std::string("accepted");
    // What does not pass here is never encoded, or decodes to the same refusal.
    return fine.error().where;
  };
  EXPECT_EQ(bad([](Meeting& m) { m.id = {}; }), "meeting.id");
  EXPECT_EQ(bad([](Meeting& m) { m.revision = 0; }), "meeting.revision");
  EXPECT_EQ(bad([](Meeting& m) { m.state = static_cast<MeetingState>(4); }), "meeting.state");
  EXPECT_EQ(bad([](Meeting& m) { m.title.clear(); }), "meeting.title");
  EXPECT_EQ(bad([](Meeting& m) { m.title = std::string(300, 'x'); }), "meeting.title");
  EXPECT_EQ(bad([](Meeting& m) { m.place = "two\nlines"; }), "meeting.place");
  EXPECT_EQ(bad([](Meeting& m) { m.end_ms = m.start_ms - 1; }), "meeting.end");
  EXPECT_EQ(bad([](Meeting& m) { m.start_ms = -1; }), "meeting.start");
  EXPECT_EQ(bad([](Meeting& m) { m.participants.push_back(m.participants[0]); }),
            "meeting.participants[2]");
  EXPECT_EQ(bad([](Meeting& m) { m.participants[1].name.clear(); }),
            "meeting.participants[1].name");
  EXPECT_EQ(bad([](Meeting& m) { m.participants.resize(257, {{}, "x"}); }), "meeting.participants");
  EXPECT_EQ(bad([](Meeting& m) { m.agenda[1].number = 1; }), "meeting.agenda[1].number");
  EXPECT_EQ(bad([](Meeting& m) { std::swap(m.agenda[1].motions[0], m.agenda[1].motions[1]); }),
            "meeting.agenda[1].motions");
  EXPECT_EQ(bad([](Meeting& m) { m.agenda.resize(65); }), "meeting.agenda");
  EXPECT_EQ(bad([](Meeting& m) { m.decisions = {Hash{}}; }), "meeting.decisions");
  EXPECT_EQ(bad([](Meeting& m) { m.minutes_sha256 = {}; }), "meeting.minutes_sha256");
  EXPECT_EQ(bad([](Meeting& m) { m.actions[0].owner = {}; }), "meeting.actions[0].owner");
  EXPECT_EQ(bad([](Meeting& m) { m.actions[1].text.clear(); }), "meeting.actions[1].text");
  EXPECT_EQ(bad([](Meeting& m) { m.actions.resize(129); }), "meeting.actions");
  EXPECT_EQ(
      bad([](Meeting& m) {
        m.actions.clear();
        for (std::uint16_t i = 1; i <= 5; ++i)
          m.actions.push_back({i, std::string(14'000, 'x'), id_of("AA"), 0, {ActionState::kOpen}});
      }),
      "meeting");
}

TEST(Meeting, MinutesAreAgreedByTheExactTextOnly) {
  World w;
  std::string const text = "Minutes of the meeting.\n";
  Motion motion = w.motion(0, Announce{text});
  Meeting meeting = open_meeting();
  meeting.minutes_sha256 = crypto::sha256(as_bytes(text));
  meeting.minutes_motion = motion_id(motion);
  EXPECT_TRUE(agrees_minutes(meeting, motion));
  Motion noted = motion;
  noted.verb = Verb::kNote;
  meeting.minutes_motion = motion_id(noted);
  EXPECT_FALSE(agrees_minutes(meeting, noted));
  meeting.minutes_motion = motion_id(motion);
  meeting.minutes_sha256.data[0] ^= 1;
  EXPECT_FALSE(agrees_minutes(meeting, motion));
  // A motion that is here and says otherwise: refused, from oneself and from others.
  w.propose(0, motion);
  EXPECT_EQ(rule(w.say_alone(0, meeting)), "R13");
  EXPECT_EQ(rule(w.give(1, forge(w.founders[0], w.ledgers[0], meeting, 40))), "R13");
  meeting.minutes_sha256 = crypto::sha256(as_bytes(text));
  EXPECT_TRUE(w.say(0, meeting));
}

// ---- revisions --------------------------------------------------------------------------------

TEST(Meetings, LaterRevisionsReplaceEarlierOnesOnEveryNode) {
  World w;
  w.say(0, open_meeting()).value();
  Meeting second = open_meeting(2);
  second.title = "Postponed";
  w.say(0, second).value();
  for (auto const& ledger : w.ledgers) {
    ASSERT_EQ(ledger.meetings().size(), 1U);
    EXPECT_EQ(ledger.meetings()[0].meeting, second);
    EXPECT_EQ(ledger.meeting(id_of("AA"), second.id).value().author, id_of("AA"));
  }
  EXPECT_EQ(rule(w.say_alone(0, second)), "R13");           // the same again
  EXPECT_EQ(rule(w.say_alone(0, open_meeting(4))), "R13");  // one is left out
  EXPECT_EQ(code_of(w.ledgers[0].meeting(id_of("BB"), second.id)), Code::kNotFound);
}

TEST(Meetings, RevisionsMayComeInAnyOrderButNotContradictTheirNumbers) {
  World w;
  Statement const first = forge(w.founders[1], w.ledgers[0], some_meeting(1), 1);
  Statement const second =
      forge(w.founders[1], w.ledgers[0], some_meeting(2), 2, statement_digest(first));
  Statement const back = forge(w.founders[1], w.ledgers[0], some_meeting(1), 5);
  for (bool const in_order : {true, false}) {
    World other;
    EXPECT_TRUE(other.give(0, in_order ? first : second));
    EXPECT_TRUE(other.give(0, in_order ? second : first));
    EXPECT_EQ(other.ledgers[0].meetings().at(0).meeting.revision, 2U);
    EXPECT_EQ(rule(other.give(0, back)), "R13");
  }
}

TEST(Meetings, OfTheCommunityByChairOrHostAndOfABodyByAnyMember) {
  World w;
  EXPECT_EQ(rule(w.say_alone(1, open_meeting())), "R13");
  EXPECT_EQ(rule(w.give(0, forge(w.founders[1], w.ledgers[0], open_meeting(), 1))), "R13");
  EXPECT_TRUE(w.say(1, some_meeting()));
  Chair change = chair_to("AA");
  change.host = id_of("CC");
  w.decide(w.motion(0, change));
  EXPECT_TRUE(w.say(2, open_meeting()));
}

TEST(Meetings, WhoHadTheChairFinishesItsRecord) {
  World w;
  w.say(0, open_meeting()).value();
  w.decide(w.motion(0, chair_to("BB")));
  w.decide(w.announcement(1, "Something else"), 1);
  EXPECT_TRUE(w.say(0, open_meeting(2)));
  EXPECT_EQ(w.ledgers[2].meetings().at(0).meeting.revision, 2U);
}

TEST(Meetings, OutliveTheHeadAndComeLate) {
  World w;
  w.say(0, open_meeting()).value();
  Meeting late = some_meeting();
  Statement const statement = w.say_alone(1, late).value();
  w.decide(w.announcement(0, "Next head"));
  for (auto const& ledger : w.ledgers) EXPECT_GE(ledger.meetings().size(), 1U);
  // Signed on the head before: still taken, once, and only with that head's keys.
  EXPECT_TRUE(w.give(0, statement).value().news);
  EXPECT_FALSE(w.give(0, statement).value().news);
  EXPECT_EQ(w.ledgers[0].meetings().size(), 2U);
  Statement forged = statement;
  forged.created_ms += 1;
  EXPECT_EQ(code_of(w.give(2, forged)), Code::kBadSignature);
  // One number, two records.
  Meeting other = late;
  other.title = "Another";
  Statement twice = statement;
  twice.body = encode_body(other);
  twice = sign_statement(twice, w.founders[1].governance);
  EXPECT_EQ(rule(w.give(0, twice)), "R2");
  // Whatever is no record stays where it was.
  World before;
  Statement const comment =
      forge(w.founders[1], before.ledgers[0], Comment{some_hash(1), "TOR", "Too late."}, 9);
  EXPECT_FALSE(w.give(0, comment).value().news);
}

TEST(Meetings, ComeBackAfterARestartOnALaterHead) {
  World w;
  Statement const own = w.say(0, open_meeting()).value();
  Statement const theirs = w.say(1, some_meeting()).value();
  w.decide(w.announcement(0, "Next head"));
  History const history = verify_history(w.transcript, w.decisions, 1).value();
  Ledger again(history, id_of("AA"));
  EXPECT_TRUE(again.meetings().empty());
  ASSERT_TRUE(again.replay_record(encode(theirs)));
  ASSERT_TRUE(again.replay_record(encode(own)));
  ASSERT_TRUE(again.replay_record(encode(own)));
  EXPECT_EQ(again.meetings(), w.ledgers[0].meetings());
  Statement const motion = forge(w.founders[0], again, w.announcement(0, "No record"), 9);
  EXPECT_EQ(code_of(again.replay_record(encode(motion))), Code::kUnsupported);
  Statement const unsaid = forge(w.founders[0], again, open_meeting(2), 9);
  EXPECT_EQ(code_of(again.replay_record(encode(unsaid))), Code::kUnknownEpoch);
}

TEST(Meetings, OfOneAuthorTheLatestAreKept) {
  World w;
  std::uint64_t seq = 0;
  Meeting meeting = some_meeting();
  for (unsigned i = 0; i < 300; ++i) {
    meeting.id.data[0] = static_cast<std::uint8_t>(i);
    meeting.id.data[1] = static_cast<std::uint8_t>(i >> 8);
    meeting.start_ms += 1000;
    meeting.end_ms = meeting.start_ms;
    ASSERT_TRUE(w.give(0, forge(w.founders[1], w.ledgers[0], meeting, seq += 2)));
  }
  auto const kept = w.ledgers[0].meetings();
  ASSERT_EQ(kept.size(), limits::kMeetingsPerMemberMax);
  EXPECT_EQ(kept.back().meeting, meeting);
  for (std::size_t i = 1; i < kept.size(); ++i)
    EXPECT_LT(kept[i - 1].meeting.start_ms, kept[i].meeting.start_ms);
}

// Whatever the order, and with any of them lost: what is shown is the highest revision that came.
RC_GTEST_PROP(MeetingsProperty, TheHighestRevisionIsShown, ()) {
  World w;
  std::vector<Statement> all;
  Hash previous;
  for (std::uint32_t i = 1; i <= 6; ++i) {
    all.push_back(forge(w.founders[1], w.ledgers[0], some_meeting(i), i, previous));
    previous = statement_digest(all.back());
  }
  auto const order =
      *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, all.size()));
  std::uint32_t highest = 0;
  for (auto const i : order) {
    RC_ASSERT(w.give(0, all[i]).has_value());
    highest = std::max(highest, static_cast<std::uint32_t>(i + 1));
  }
  auto const shown = w.ledgers[0].meetings();
  RC_ASSERT(shown.size() == (order.empty() ? 0U : 1U));
  if (!shown.empty()) RC_ASSERT(shown[0].meeting.revision == highest);
}

// ---- handover ---------------------------------------------------------------------------------

TEST(Handover, OnlyAfterAChairMotionAndOnlyByThoseTwo) {
  World w;
  EXPECT_EQ(w.ledgers[0].handover().state, HandoverState::kNone);
  EXPECT_EQ(rule(w.ledgers[0].handover_of({}, {})), "R14");
  Handover early{id_of("BB"), some_hash(1), {}, {}};
  EXPECT_EQ(rule(w.say_alone(0, early)), "R14");
  EXPECT_EQ(rule(w.give(1, forge(w.founders[0], w.ledgers[0], early, 1))), "R14");

  w.decide(w.motion(0, chair_to("BB")));
  EXPECT_EQ(w.ledgers[2].handover().state, HandoverState::kAwaited);
  Handover const good = w.ledgers[0].handover_of({}, "All files are here.").value();
  EXPECT_EQ(rule(w.say_alone(2, good)), "R14");  // by a third
  EXPECT_EQ(rule(w.say_alone(1, good)), "R14");  // by the incoming chair
  Handover wrong = good;
  wrong.to = id_of("CC");
  EXPECT_EQ(rule(w.say_alone(0, wrong)), "R14");
  wrong = good;
  wrong.decision = some_hash(9);
  EXPECT_EQ(rule(w.say_alone(0, wrong)), "R14");
  EXPECT_EQ(code_of(w.ledgers[1].accept_of({})), Code::kNotFound);

  Statement const said = w.say(0, good).value();
  for (auto const& ledger : w.ledgers) EXPECT_EQ(ledger.handover().state, HandoverState::kPending);
  HandoverAccept const accept = w.ledgers[1].accept_of("Received.").value();
  EXPECT_EQ(accept.handover, statement_digest(said));
  EXPECT_EQ(rule(w.say_alone(0, accept)), "R14");
  HandoverAccept other = accept;
  other.inventory_sha256 = some_hash(1);
  EXPECT_EQ(rule(w.say_alone(1, other)), "R14");
  EXPECT_EQ(rule(w.give(2, forge(w.founders[1], w.ledgers[1], other, 20))), "R14");
  w.say(1, accept).value();
  for (auto const& ledger : w.ledgers) {
    EXPECT_EQ(ledger.handover().state, HandoverState::kComplete);
    EXPECT_EQ(ledger.handover().handover, good);
    EXPECT_EQ(ledger.handover().accept, accept);
  }
  EXPECT_EQ(rule(w.say_alone(0, good)), "R14");  // it is done
}

TEST(Handover, TheInventoryIsWhatIsOpenHere) {
  World w;
  Hash const lapsed = w.propose(2, w.announcement(2, "Open when the chair passed"));
  Hash const again = w.propose(1, w.announcement(1, "Proposed anew"));
  w.decide(w.motion(0, chair_to("BB")));
  Hash const renewed = w.propose(1, w.announcement(1, "Proposed anew"));
  OpenRequest const request{some_hash(7), "Request 7"};
  Handover const handover = w.ledgers[0].handover_of({request}, {}).value();
  std::set<Hash> listed;
  for (auto const& one : handover.inventory.motions) listed.insert(one.motion);
  EXPECT_EQ(listed, (std::set<Hash>{lapsed, renewed}));
  EXPECT_FALSE(listed.contains(again));
  EXPECT_EQ(handover.inventory.requests, std::vector<OpenRequest>{request});
  Handover less = handover;
  less.inventory.motions.pop_back();
  EXPECT_EQ(rule(w.say_alone(0, less)), "R14");
  w.say(0, handover).value();
  EXPECT_TRUE(w.ledgers[2].handover().differences.empty());
  // What is proposed later is no difference, nor is what moves on.
  w.propose(2, w.announcement(2, "Later"));
  w.say(1, Shelving{renewed, ShelvingAct::kShelve, {}}).value();
  EXPECT_EQ(w.ledgers[2].handover().state, HandoverState::kPending);
}

TEST(Handover, DifferencesAreNamed) {
  World w;
  Hash const here = w.propose(2, w.announcement(2, "Left out"));
  Motion const titled = w.announcement(2, "True title");
  w.propose(2, titled);
  w.decide(w.motion(0, chair_to("BB")));
  Handover bad = w.ledgers[0].handover_of({}, {}).value();
  std::erase_if(bad.inventory.motions, [&](OpenMotion const& one) { return one.motion == here; });
  ASSERT_EQ(bad.inventory.motions.size(), 1U);
  bad.inventory.motions[0].title = "Another title";
  bad.inventory.motions.insert(bad.inventory.motions.begin(),
                               {some_hash(1), Stage::kConsultation, "Nobody knows it"});
  Statement const statement = forge(w.founders[0], w.ledgers[0], bad, 5000);
  ASSERT_TRUE(w.give(1, statement));
  HandoverView const view = w.ledgers[1].handover();
  EXPECT_EQ(view.state, HandoverState::kMismatch);
  std::vector<InventoryDifference> const expected{
      {InventoryFault::kNotHere, some_hash(1), "Nobody knows it"},
      {InventoryFault::kOtherTitle, motion_id(titled), "Another title"},
      {InventoryFault::kNotListed, here, "Left out"}};
  EXPECT_EQ(view.differences, expected);
  // The incoming chair may still accept; what differs stays visible.
  w.say_alone(1, w.ledgers[1].accept_of({}).value()).value();
  EXPECT_EQ(w.ledgers[1].handover().state, HandoverState::kMismatch);
  EXPECT_TRUE(w.ledgers[1].handover().accept);
}

TEST(Handover, AcceptFirstThenHandoverAndOverHeads) {
  World w;
  w.decide(w.motion(0, chair_to("BB")));
  Handover const handover = w.ledgers[0].handover_of({}, {}).value();
  Statement const said = w.say_alone(0, handover).value();
  w.give(1, said).value();
  Statement const accepted = w.say_alone(1, w.ledgers[1].accept_of({}).value()).value();
  EXPECT_TRUE(w.give(2, accepted));
  EXPECT_EQ(w.ledgers[2].handover().state, HandoverState::kAwaited);
  EXPECT_TRUE(w.give(2, said));
  EXPECT_EQ(w.ledgers[2].handover().state, HandoverState::kComplete);
  w.decide(w.announcement(2, "Next head"), 2);
  EXPECT_EQ(w.ledgers[2].handover().state, HandoverState::kComplete);
  // On a ledger that is opened on the later head.
  Ledger again(verify_history(w.transcript, w.decisions, 1).value(), id_of("CC"));
  EXPECT_EQ(again.handover().state, HandoverState::kAwaited);
  ASSERT_TRUE(again.replay_record(encode(accepted)));
  ASSERT_TRUE(again.replay_record(encode(said)));
  ASSERT_TRUE(again.replay_record(encode(said)));
  EXPECT_EQ(again.handover().state, HandoverState::kComplete);
  // The next change of the chair begins anew; a chair that leaves hands nothing over.
  w.decide(w.motion(1, chair_to("CC")), 1);
  EXPECT_EQ(w.ledgers[0].handover().state, HandoverState::kAwaited);
  EXPECT_EQ(w.ledgers[0].handover().change->outgoing, id_of("BB"));
  w.decide(w.motion(2, Leave{id_of("CC")}), 2);
  EXPECT_EQ(w.ledgers[0].handover().state, HandoverState::kNone);
}

TEST(Handover, FormIsChecked) {
  Handover good{id_of("BB"), some_hash(1), {{{some_hash(2), Stage::kShelved, "One"}}, {}}, {}};
  EXPECT_TRUE(check_form(good));
  Handover bad = good;
  bad.inventory.motions.push_back({some_hash(1), Stage::kShelved, "Out of order"});
  EXPECT_EQ(code_of(check_form(bad)), Code::kMalformed);
  bad = good;
  bad.inventory.requests = {{Hash{}, "Zero"}};
  EXPECT_EQ(code_of(check_form(bad)), Code::kMalformed);
  bad = good;
  bad.note = std::string(limits::kConsentTextBytesMax + 1, 'x');
  EXPECT_EQ(code_of(check_form(bad)), Code::kTooLarge);
  bad = good;
  bad.inventory.motions.assign(limits::kInventoryMotionsMax + 1, {});
  EXPECT_EQ(code_of(check_form(bad)), Code::kTooLarge);
  EXPECT_EQ(code_of(check_form(HandoverAccept{})), Code::kMissingField);
  EXPECT_NE(inventory_sha256(good.inventory), inventory_sha256({}));
}

// A text that is too long is an error, not the end of the program.
TEST(OwnWords, AreMeasuredBeforeTheyAreEncoded) {
  World w;
  Hash const id = w.propose(0, w.announcement(0, "A text"));
  std::string const longer(70'000, 'x');
  EXPECT_EQ(code_of(w.ledgers[0].plan(Comment{id, "TOR", longer}, w.now)), Code::kTooLarge);
  EXPECT_EQ(code_of(w.ledgers[0].plan(Comment{id, longer, "x"}, w.now)), Code::kTooLarge);
  EXPECT_EQ(code_of(w.ledgers[0].plan(Remark{id, id_of("BB"), longer}, w.now)), Code::kTooLarge);
  EXPECT_EQ(code_of(w.ledgers[0].plan(Shelving{id, ShelvingAct::kShelve, longer}, w.now)),
            Code::kTooLarge);
  Response const response =
      w.ledgers[0].response_to(id, Position::kAgreeWithStatement, longer).value();
  EXPECT_EQ(code_of(w.ledgers[0].plan(response, w.now)), Code::kTooLarge);
}

}  // namespace
}  // namespace amic::consent
