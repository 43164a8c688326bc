// The release decision against a second, independent statement of the same rules, over random
// markings, rosters and times; and by deliberately small changes to one accepted release.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"
#include "marking/marking.h"

namespace amic::marking {
namespace {

MemberId id(std::string_view text) {
  return MemberId::parse(text).value();
}

// Ten names so that unknown, absent and repeated members are all common.
std::vector<MemberId> const kPool = [] {
  std::vector<MemberId> out;
  for (auto name : {"BN", "ID", "KH", "LA", "MM", "MY", "PH", "SG", "TH", "VN"})
    out.push_back(id(name));
  return out;
}();
std::vector<Realm> const kRealms = {Realm(), Realm::parse("EXERCISE:A").value(),
                                    Realm::parse("EXERCISE:B").value()};

struct Case {
  Marking marking;
  MemberId originator;
  std::set<MemberId> roster;
  Realm realm;
  UnixMs now_ms = 0;
};

std::set<MemberId> pick(SeededRandom& random, std::uint64_t one_in) {
  std::set<MemberId> out;
  for (MemberId const& member : kPool)
    if (random.below(one_in) != 0) out.insert(member);
  return out;
}

Case random_case(SeededRandom& random) {
  Case out;
  out.roster = pick(random, 1 + random.below(8));
  // Mostly members of the roster, so that most cases reach the later rules.
  if (random.below(4) == 0) {
    out.marking.rel_to = pick(random, 2);
  } else {
    for (MemberId const& member : out.roster)
      if (random.below(2) == 0) out.marking.rel_to.insert(member);
  }
  if (random.below(50) == 0) out.marking.rel_to.insert(MemberId());
  out.originator = random.below(20) == 0 ? MemberId() : kPool[random.below(kPool.size())];
  out.marking.realm = kRealms[random.below(8) == 0 ? 1 + random.below(2) : 0];
  out.realm = kRealms[random.below(8) == 0 ? random.below(3) : 0];
  out.marking.classification = static_cast<Classification>(random.below(random.below(20) ? 5 : 8));
  out.marking.tlp = static_cast<Tlp>(random.below(random.below(20) ? 5 : 8));
  for (unsigned code = random.below(30) ? 1 : 0; code <= 5; ++code)
    if (random.below(3) == 0) out.marking.handling.insert(static_cast<Handling>(code));
  out.now_ms = static_cast<UnixMs>(random.below(1000));
  if (random.below(3) == 0) out.marking.expires_ms = static_cast<UnixMs>(random.below(2000));
  return out;
}

// The rules said again, one member at a time and with none of decide()'s helpers: the member gets
// it if each sentence of the contract holds.
bool reference_receives(MemberId const& member, Case const& c) {
  auto const in = [](auto const& set, MemberId const& m) {
    return std::find(set.begin(), set.end(), m) != set.end();
  };
  bool enums =
      static_cast<int>(c.marking.classification) <= 4 && static_cast<int>(c.marking.tlp) <= 4;
  for (auto code : c.marking.handling)
    enums = enums && static_cast<int>(code) >= 1 && static_cast<int>(code) <= 5;
  bool everybody_known = true;
  for (auto const& named : c.marking.rel_to)
    if (named.str().empty() || !in(c.roster, named)) everybody_known = false;
  bool const alive = !(c.marking.expires_ms.has_value() && *c.marking.expires_ms <= c.now_ms);
  return enums && everybody_known && alive && c.marking.realm.str() == c.realm.str() &&
         in(c.roster, c.originator) && in(c.roster, member) && in(c.marking.rel_to, member) &&
         member.str() != c.originator.str();
}

TEST(Decide, AgreesWithTheReferenceOnAMillionCases) {
  SeededRandom random(20261124);
  int released = 0, refused = 0;
  for (int round = 0; round < 1'000'000; ++round) {
    Case const c = random_case(random);
    Decision const got = decide(c.marking, c.originator, c.roster, c.realm, c.now_ms);
    std::vector<MemberId> expected, left;
    for (MemberId const& member : kPool) {
      bool const concerned = c.roster.contains(member) || c.marking.rel_to.contains(member);
      if (reference_receives(member, c)) {
        expected.push_back(member);
      } else if (concerned) {
        left.push_back(member);
      }
    }
    ASSERT_EQ(got.recipients, expected) << "case " << round;
    // Everybody concerned is either a recipient or is told why not, once, in order; a refusal of
    // the whole stands first, and only then.
    std::size_t const skip = got.released() ? 0 : 1;
    ASSERT_EQ(got.refusals.size(), left.size() + skip) << "case " << round;
    if (skip == 1) {
      ASSERT_TRUE(got.refusals[0].member.empty());
    }
    for (std::size_t i = 0; i < left.size(); ++i) {
      ASSERT_EQ(got.refusals[i + skip].member, left[i]) << "case " << round;
      ASSERT_FALSE(got.refusals[i + skip].reason.empty());
      ASSERT_NE(got.refusals[i + skip].code, Code::kInternal);
    }
    (got.released() ? released : refused) += 1;
  }
  // Both kinds must be plenty, or the comparison above says little.
  EXPECT_GT(released, 200'000);
  EXPECT_GT(refused, 200'000);
}

TEST(Decide, NeitherTlpNorHandlingNorPurposeNorClassificationChangesWhoReceives) {
  SeededRandom random(7);
  for (int round = 0; round < 20'000; ++round) {
    Case c = random_case(random);
    c.marking.classification = static_cast<Classification>(random.below(5));
    c.marking.tlp = static_cast<Tlp>(random.below(5));
    c.marking.handling.erase(static_cast<Handling>(0));
    auto const before = decide(c.marking, c.originator, c.roster, c.realm, c.now_ms);
    c.marking.classification = static_cast<Classification>(random.below(5));
    c.marking.tlp = static_cast<Tlp>(random.below(5));
    c.marking.handling = {static_cast<Handling>(1 + random.below(5))};
    c.marking.purpose = "another";
    ASSERT_EQ(decide(c.marking, c.originator, c.roster, c.realm, c.now_ms), before);
  }
}

// Anything the sender decided, each recipient's node accepts, and nobody else's does.
TEST(CheckReceived, AcceptsExactlyWhatDecideYields) {
  SeededRandom random(11);
  int accepted = 0;
  for (int round = 0; round < 100'000; ++round) {
    Case const c = random_case(random);
    Decision const sent = decide(c.marking, c.originator, c.roster, c.realm, c.now_ms);
    MemberId const self = kPool[random.below(kPool.size())];
    std::vector<MemberId> sealed = sent.recipients;
    bool altered = false;
    if (random.below(2) == 0) {
      MemberId const other = kPool[random.below(kPool.size())];
      auto const at = std::lower_bound(sealed.begin(), sealed.end(), other);
      if (at != sealed.end() && *at == other) {
        sealed.erase(at);
      } else {
        sealed.insert(at, other);
      }
      altered = true;
    }
    auto const got =
        check_received(c.marking, c.originator, sealed, self, c.roster, c.realm, c.now_ms);
    bool const expected = !altered && std::count(sealed.begin(), sealed.end(), self) == 1;
    ASSERT_EQ(got.has_value(), expected) << "case " << round;
    if (!got) {
      ASSERT_EQ(got.error().code, Code::kNotReleasable);
    }
    accepted += got ? 1 : 0;
  }
  EXPECT_GT(accepted, 5'000);
}

struct Fixture : testing::Test {
  Marking marking;
  MemberId const originator = id("SG");
  std::set<MemberId> roster = {id("BN"), id("MY"), id("SG"), id("TH")};
  Realm realm;
  UnixMs now_ms = 1000;
  Fixture() {
    marking.rel_to = {id("BN"), id("MY")};
    marking.expires_ms = 1001;
  }
  Decision run() const { return decide(marking, originator, roster, realm, now_ms); }
  Code whole() const {
    Decision const got = run();
    EXPECT_TRUE(got.recipients.empty());
    EXPECT_TRUE(!got.refusals.empty() && got.refusals[0].member.empty());
    return got.refusals.empty() ? Code::kInternal : got.refusals[0].code;
  }
};
using DecideRule = Fixture;

TEST_F(DecideRule, ReleasesToThoseNamed) {
  Decision const got = run();
  EXPECT_EQ(got.recipients, (std::vector{id("BN"), id("MY")}));
  ASSERT_EQ(got.refusals.size(), 2U);
  EXPECT_EQ(got.refusals[0].member, id("SG"));
  EXPECT_EQ(got.refusals[0].code, Code::kNotReleasable);
  EXPECT_EQ(got.refusals[1].member, id("TH"));
  EXPECT_EQ(got.refusals[1].code, Code::kNotReleasable);
}

TEST_F(DecideRule, ExpiryIsTheFirstInstantAtWhichNobodyReceives) {
  now_ms = 1001;
  EXPECT_EQ(whole(), Code::kExpired);
  now_ms = INT64_MAX;
  EXPECT_EQ(whole(), Code::kExpired);
  now_ms = 1000;
  EXPECT_TRUE(run().released());
  marking.expires_ms = INT64_MIN;
  EXPECT_EQ(whole(), Code::kExpired);
}

TEST_F(DecideRule, AnotherRealmReachesNobody) {
  realm = kRealms[1];
  EXPECT_EQ(whole(), Code::kNotReleasable);
  marking.realm = kRealms[2];
  EXPECT_EQ(whole(), Code::kNotReleasable);
  marking.realm = kRealms[1];
  EXPECT_TRUE(run().released());
}

TEST_F(DecideRule, OneUnknownMemberRefusesTheWhole) {
  marking.rel_to.insert(id("XX"));
  EXPECT_EQ(whole(), Code::kUnknownMember);
  EXPECT_EQ(run().refusals.size(), 6U);  // the whole, four of the roster, and XX
  EXPECT_EQ(run().refusals.back(), (Refusal{id("XX"), Code::kUnknownMember, "not in the roster"}));
}

TEST_F(DecideRule, NobodyNamedOrOnlyTheOriginatorReachesNobody) {
  marking.rel_to = {};
  EXPECT_EQ(whole(), Code::kNoRecipients);
  marking.rel_to = {originator};
  EXPECT_EQ(whole(), Code::kNoRecipients);
  marking.rel_to = {originator, id("BN")};
  EXPECT_EQ(run().recipients, std::vector{id("BN")});
}

TEST_F(DecideRule, AnOriginatorOutsideTheRosterSendsNothing) {
  roster.erase(originator);
  EXPECT_EQ(whole(), Code::kUnknownMember);
  roster.clear();
  EXPECT_EQ(whole(), Code::kUnknownMember);
}

TEST_F(DecideRule, TheReceiverRefusesWhatWasNotForIt) {
  auto const check = [&](std::vector<MemberId> const& sealed, MemberId const& self) {
    return check_received(marking, originator, sealed, self, roster, realm, now_ms).has_value();
  };
  EXPECT_TRUE(check({id("BN"), id("MY")}, id("MY")));
  EXPECT_FALSE(check({id("MY"), id("BN")}, id("MY")));            // not sorted
  EXPECT_FALSE(check({id("BN"), id("BN"), id("MY")}, id("MY")));  // twice
  EXPECT_FALSE(check({id("MY")}, id("MY")));                      // one left out
  EXPECT_FALSE(check({id("BN"), id("MY")}, id("TH")));
  EXPECT_FALSE(check({id("BN"), id("MY")}, originator));
  EXPECT_FALSE(check({}, id("MY")));
}

TEST(MayRead, NeedsRealmClearanceAndTime) {
  Marking marking;
  marking.classification = Classification::kSecret;
  marking.expires_ms = 10;
  EXPECT_TRUE(may_read(marking, {Classification::kSecret, Realm()}, 9));
  EXPECT_TRUE(may_read(marking, {Classification::kTopSecret, Realm()}, 9));
  EXPECT_FALSE(may_read(marking, {Classification::kConfidential, Realm()}, 9));
  EXPECT_FALSE(may_read(marking, {Classification::kSecret, Realm()}, 10));
  EXPECT_FALSE(may_read(marking, {Classification::kSecret, kRealms[1]}, 9));
  EXPECT_FALSE(may_read(marking, {static_cast<Classification>(5), Realm()}, 9));
}

}  // namespace
}  // namespace amic::marking
