#include "consent/rotation_of_keys.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <functional>
#include <set>

#include "codec/testing.h"
#include "consent/testing.h"

namespace amic::consent {
namespace {

using testing::Founder;
using testing::kStartMs;

// Three members; the first rotates.
struct World {
  SeededRandom random{11};
  std::vector<Founder> founders = testing::make_founders({"AA", "BB", "CC"}, random);
  Head head = testing::make_head(founders);
  CommunityId community = community_id(encode(head));
  KeyChain chain{community, head};

  MemberId member(std::size_t i = 0) const { return founders[i].card.member; }
  Founder const& founder(std::size_t i = 0) const { return founders[i]; }

  // New keys for the roles named, the others as in `from`; not signed as a rotation.
  Founder renewed(Founder const& from, std::set<std::string> const& roles, UnixMs made_ms) {
    Founder out = from;
    Card& card = out.card;
    card.created_ms = made_ms;
    auto const renew = [&](char const* role, crypto::SigningKey& key, crypto::VerifyKey& in_card) {
      if (!roles.contains(role)) return;
      key = crypto::SigningKey::generate(random);
      in_card = key.verify_key();
    };
    renew("node", out.node, card.node);
    renew("log", out.log, card.log);
    renew("cosigner", out.cosigner, card.cosigner);
    renew("tls", out.tls, card.tls);
    if (roles.contains("sealing")) {
      out.sealing = crypto::SealKey::generate(random);
      card.sealing = out.sealing.public_key();
    }
    card = sign_card(card, out.root).value();
    return out;
  }
  static std::set<std::string> all() { return {"node", "log", "cosigner", "sealing", "tls"}; }

  KeyRotation unsigned_rotation(Founder const& next, std::vector<KeyRotation> const& before,
                                UnixMs active_from_ms) const {
    KeyRotation out;
    out.community = community;
    out.serial = before.size() + 1;
    if (!before.empty()) out.previous = rotation_digest(before.back());
    out.base_card = fingerprint(*head.member(next.card.member));
    out.card = next.card;
    out.active_from_ms = active_from_ms;
    out.retire_ms = active_from_ms + kRotationOverlapMs;
    return out;
  }
  static KeyRotation sign(KeyRotation rotation, Founder const& next) {
    return sign_rotation(std::move(rotation), {next.root, next.governance, next.node, next.log,
                                               next.cosigner, next.tls});
  }
  KeyRotation rotation(Founder const& next, std::vector<KeyRotation> const& before = {},
                       UnixMs active_from_ms = kStartMs + kRotationNoticeMs) const {
    return sign(unsigned_rotation(next, before, active_from_ms), next);
  }
};

std::string where_of(Result<void> const& result) {
  return result ? "good" : result.error().where;
}

TEST(KeyRotation, SurvivesItsEncodingAndItsArmor) {
  World world;
  auto const rotation = world.rotation(world.renewed(world.founder(), World::all(), kStartMs + 1));
  EXPECT_EQ(decode_rotation(encode(rotation)).value(), rotation);
  EXPECT_EQ(rotation_from_text(to_text(rotation)).value(), rotation);
  EXPECT_TRUE(to_text(rotation).starts_with("-----BEGIN AMIC KEY ROTATION-----\n"));
}

TEST(KeyRotation, EveryAlteredByteIsRefused) {
  World world;
  auto const next = world.renewed(world.founder(), World::all(), kStartMs + 1);
  Bytes const good = encode(world.rotation(next));
  ASSERT_TRUE(verify_rotation(decode_rotation(good).value(), world.community, world.head, {}));
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] ^= 0x01;
    auto const decoded = decode_rotation(bad);
    EXPECT_FALSE(decoded && verify_rotation(*decoded, world.community, world.head, {})) << i;
  }
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(decode_rotation(BytesView{good}.first(size))) << size;
}

TEST(KeyRotation, EachRefusalNamesWhatIsWrong) {
  World world;
  auto const next = world.renewed(world.founder(), World::all(), kStartMs + 1);
  auto const good = world.unsigned_rotation(next, {}, kStartMs + kDayMs);
  auto const verify = [&](std::function<void(KeyRotation&, Founder&)> const& change) {
    KeyRotation rotation = good;
    Founder signer = next;
    change(rotation, signer);
    return where_of(
        verify_rotation(World::sign(rotation, signer), world.community, world.head, {}));
  };
  auto const resigned = [](KeyRotation& r, Founder const& by) {
    r.card = sign_card(r.card, by.root).value();
  };
  EXPECT_EQ(verify([](auto&, auto&) {}), "good");
  EXPECT_EQ(verify([](auto& r, auto&) { r.community.data[0] ^= 1; }), "rotation.community");
  EXPECT_EQ(verify([](auto& r, auto&) { r.base_card.data[0] ^= 1; }), "rotation.base_card");
  EXPECT_EQ(verify([](auto& r, auto&) { r.serial = 2, r.previous.data[0] = 1; }),
            "rotation.serial");
  EXPECT_EQ(verify([](auto& r, auto&) { r.retire_ms = r.active_from_ms; }), "rotation.retire");
  EXPECT_EQ(verify([](auto& r, auto&) { r.active_from_ms = 5; }), "rotation.active_from");
  EXPECT_EQ(verify([&](auto& r, auto& by) {
              r.card.name = "Another";
              resigned(r, by);
            }),
            "rotation.card.name");
  EXPECT_EQ(verify([&](auto& r, auto& by) {
              r.card.link_address = "https://127.0.0.1:9";
              resigned(r, by);
            }),
            "rotation.card.link_address");
  EXPECT_EQ(verify([&](auto& r, auto& by) {
              r.card.created_ms = kStartMs - 1;
              resigned(r, by);
            }),
            "rotation.card.created_ms");
  EXPECT_EQ(verify([&](auto& r, auto& by) {
              by.governance = crypto::SigningKey::generate(world.random);
              r.card.governance = by.governance.verify_key();
              resigned(r, by);
            }),
            "rotation.card.governance");
  EXPECT_EQ(verify([&](auto& r, auto& by) {
              by.root = crypto::SigningKey::generate(world.random);
              resigned(r, by);
            }),
            "rotation.card.root");
}

TEST(KeyRotation, EverySignatureIsNeeded) {
  World world;
  auto const next = world.renewed(world.founder(), World::all(), kStartMs + 1);
  SeededRandom random(77);
  auto const stranger = crypto::SigningKey::generate(random);
  auto const good = world.unsigned_rotation(next, {}, kStartMs + kDayMs);
  auto const refused = [&](KeyRotation const& rotation) {
    auto const verified = verify_rotation(rotation, world.community, world.head, {});
    EXPECT_TRUE(!verified && verified.error().code == Code::kBadSignature);
    return where_of(verified);
  };
  auto const& n = next;
  EXPECT_EQ(
      refused(sign_rotation(good, {stranger, n.governance, n.node, n.log, n.cosigner, n.tls})),
      "rotation.by_root");
  EXPECT_EQ(refused(sign_rotation(good, {n.root, stranger, n.node, n.log, n.cosigner, n.tls})),
            "rotation.by_governance");
  EXPECT_EQ(
      refused(sign_rotation(good, {n.root, n.governance, stranger, n.log, n.cosigner, n.tls})),
      "rotation.by_node");
  EXPECT_EQ(
      refused(sign_rotation(good, {n.root, n.governance, n.node, stranger, n.cosigner, n.tls})),
      "rotation.by_log");
  EXPECT_EQ(refused(sign_rotation(good, {n.root, n.governance, n.node, n.log, stranger, n.tls})),
            "rotation.by_cosigner");
  EXPECT_EQ(
      refused(sign_rotation(good, {n.root, n.governance, n.node, n.log, n.cosigner, stranger})),
      "rotation.by_tls");
}

TEST(KeyRotation, AKeyThatIsNotNewIsRefused) {
  World world;
  auto next = world.renewed(world.founder(), {"node"}, kStartMs + 1);
  EXPECT_EQ(where_of(verify_rotation(world.rotation(next), world.community, world.head, {})),
            "good");
  // Nothing new at all.
  auto const same = world.renewed(world.founder(), {}, kStartMs + 1);
  EXPECT_EQ(where_of(verify_rotation(world.rotation(same), world.community, world.head, {})),
            "rotation.card");
  // Of another member in the head, though its private key is there.
  auto foreign = next;
  foreign.tls = world.founder(1).tls;
  foreign.card.tls = foreign.tls.verify_key();
  foreign.card = sign_card(foreign.card, foreign.root).value();
  EXPECT_EQ(where_of(verify_rotation(world.rotation(foreign), world.community, world.head, {})),
            "rotation.card.tls");
  // An old key come back.
  std::vector<KeyRotation> before = {world.rotation(next)};
  auto const second = world.renewed(next, {"node"}, kStartMs + 2);
  before.push_back(world.rotation(second, before));
  auto back = world.renewed(second, {"log"}, kStartMs + 3);
  back.node = next.node;
  back.card.node = back.node.verify_key();
  back.card = sign_card(back.card, back.root).value();
  EXPECT_EQ(
      where_of(verify_rotation(world.rotation(back, before), world.community, world.head, before)),
      "rotation.card.node");
}

TEST(KeyChainTest, AnnouncedIsAcceptedAtOnceAndUsedLater) {
  World world;
  auto const next = world.renewed(world.founder(), World::all(), kStartMs + 1);
  auto const rotation = world.rotation(next);
  ASSERT_EQ(world.chain.take(rotation).value(), KeyChain::Taken::kNew);
  EXPECT_EQ(world.chain.take(rotation).value(), KeyChain::Taken::kKnown);
  auto const& chain = world.chain;
  Card const& old = world.founder().card;
  MemberId const id = world.member();
  UnixMs const active = rotation.active_from_ms;
  UnixMs const retire = rotation.retire_ms;

  EXPECT_EQ(*chain.card_in_use(id, active - 1), old);
  EXPECT_EQ(*chain.card_in_use(id, active), next.card);
  EXPECT_EQ(*chain.sealing_card(id), next.card);
  for (UnixMs const now : {kStartMs, active - 1, active, retire - 1}) {
    auto const accepted = chain.cards_accepted(id, now);
    ASSERT_EQ(accepted.size(), 2U);
    EXPECT_EQ(*accepted[0], next.card);
    EXPECT_EQ(*accepted[1], old);
    EXPECT_EQ(chain.member_by_tls_key(old.tls.view(), now), id);
    EXPECT_EQ(chain.member_by_tls_key(next.card.tls.view(), now), id);
  }
  ASSERT_EQ(chain.cards_accepted(id, retire).size(), 1U);
  EXPECT_EQ(*chain.cards_accepted(id, retire)[0], next.card);
  EXPECT_FALSE(chain.member_by_tls_key(old.tls.view(), retire));
  EXPECT_EQ(chain.cards_known(id).size(), 2U);
  // The others are as they were.
  EXPECT_EQ(*chain.card_in_use(world.member(1), active), world.founder(1).card);
  EXPECT_EQ(chain.card_in_use(MemberId::parse("ZZ").value(), active), nullptr);
  EXPECT_TRUE(chain.cards_accepted(MemberId::parse("ZZ").value(), active).empty());
}

TEST(KeyChainTest, APeerThatWasAwayForNinetyDaysFindsAKeyThatItAccepts) {
  World world;
  auto const next = world.renewed(world.founder(), World::all(), kStartMs + 1);
  auto const rotation = world.rotation(next);
  KeyChain away = world.chain;  // has not heard of it
  ASSERT_TRUE(world.chain.take(rotation));
  for (UnixMs now = kStartMs; now < kStartMs + kRotationNoticeMs; now += kDayMs) {
    auto const* used = world.chain.card_in_use(world.member(), now);
    EXPECT_TRUE(away.member_by_tls_key(used->tls.view(), now)) << now;
  }
}

TEST(KeyChainTest, ALaterRotationMayOvertakeAnEarlierOne) {
  World world;
  auto const first = world.renewed(world.founder(), World::all(), kStartMs + 1);
  auto const one = world.rotation(first, {}, kStartMs + 90 * kDayMs);
  auto const second = world.renewed(first, World::all(), kStartMs + 2);
  auto const two = world.rotation(second, {one}, kStartMs + kDayMs);
  EXPECT_EQ(world.chain.take(two).error().code, Code::kGap);
  ASSERT_TRUE(world.chain.take(one));
  ASSERT_TRUE(world.chain.take(two));
  MemberId const id = world.member();
  EXPECT_EQ(*world.chain.card_in_use(id, kStartMs + kDayMs - 1), world.founder().card);
  EXPECT_EQ(*world.chain.card_in_use(id, kStartMs + kDayMs), second.card);
  EXPECT_EQ(*world.chain.card_in_use(id, kStartMs + 90 * kDayMs), second.card);
  EXPECT_EQ(world.chain.cards_accepted(id, kStartMs + 3 * kDayMs).size(), 3U);
  EXPECT_EQ(world.chain.cards_accepted(id, two.retire_ms).size(), 1U);
  EXPECT_EQ(world.chain.all_rotations().size(), 2U);
}

TEST(KeyChainTest, TwoRotationsWithOneSerialCountForNothing) {
  World world;
  auto const one = world.rotation(world.renewed(world.founder(), World::all(), kStartMs + 1));
  auto const other = world.rotation(world.renewed(world.founder(), World::all(), kStartMs + 1));
  KeyChain backwards = world.chain;
  ASSERT_TRUE(world.chain.take(one));
  EXPECT_EQ(world.chain.take(other).value(), KeyChain::Taken::kContradicted);
  ASSERT_TRUE(backwards.take(other));
  EXPECT_EQ(backwards.take(one).value(), KeyChain::Taken::kContradicted);
  for (auto* chain : {&world.chain, &backwards}) {
    EXPECT_EQ(*chain->sealing_card(world.member()), world.founder().card);
    EXPECT_EQ(chain->take(one).error().code, Code::kConflict);
    EXPECT_EQ(chain->take(other).error().code, Code::kConflict);
  }
  ASSERT_NE(world.chain.contradiction(world.member()), nullptr);
  EXPECT_EQ(*world.chain.contradiction(world.member()), *backwards.contradiction(world.member()));

  // The evidence convinces whoever has heard of neither.
  auto const evidence =
      decode_key_contradiction(encode(*world.chain.contradiction(world.member()))).value();
  KeyChain third(world.community, world.head);
  EXPECT_EQ(third.take(evidence).value(), KeyChain::Taken::kNew);
  EXPECT_EQ(third.take(evidence).value(), KeyChain::Taken::kKnown);
  EXPECT_EQ(third.take(one).error().code, Code::kConflict);
}

TEST(KeyChainTest, ThereIsNoEvidenceAgainstWhoSaidOneThing) {
  World world;
  auto const next = world.renewed(world.founder(), World::all(), kStartMs + 1);
  auto const one = world.rotation(next);
  EXPECT_FALSE(decode_key_contradiction(encode(KeyContradiction{one, one})));
  // The same words signed by a stranger as "the other".
  auto other = world.unsigned_rotation(world.renewed(world.founder(), World::all(), kStartMs + 1),
                                       {}, kStartMs + kDayMs);
  other = World::sign(other, world.founder(1));
  KeyContradiction forged{one, other};
  if (rotation_digest(other) < rotation_digest(one)) std::swap(forged.first, forged.second);
  EXPECT_EQ(world.chain.take(forged).error().code, Code::kBadSignature);
  ASSERT_TRUE(world.chain.take(one));
  EXPECT_EQ(world.chain.take(other).error().code, Code::kBadSignature);
  EXPECT_EQ(world.chain.take(one).value(), KeyChain::Taken::kKnown);
}

TEST(KeyChainTest, AMotionThatReplacesTheKeysEndsTheChainAndTheContradiction) {
  World world;
  auto const one = world.rotation(world.renewed(world.founder(), World::all(), kStartMs + 1));
  auto const other = world.rotation(world.renewed(world.founder(), World::all(), kStartMs + 1));
  auto const third = world.rotation(world.renewed(world.founder(2), World::all(), kStartMs + 1));
  ASSERT_TRUE(world.chain.take(one));
  ASSERT_TRUE(world.chain.take(other));
  ASSERT_TRUE(world.chain.take(third));

  Founder const replaced = testing::make_founder("AA", 1, world.random);
  world.head.members[0] = replaced.card;
  world.chain.set_head(world.head);
  EXPECT_EQ(world.chain.contradiction(world.member()), nullptr);
  EXPECT_EQ(*world.chain.sealing_card(world.member()), replaced.card);
  EXPECT_EQ(world.chain.take(one).error().code, Code::kUnknownEpoch);
  EXPECT_EQ(world.chain.rotations(world.member(2)).size(), 1U);  // not concerned
  auto const next = world.renewed(replaced, {"tls"}, kStartMs + 9);
  EXPECT_EQ(world.chain.take(world.rotation(next)).value(), KeyChain::Taken::kNew);
}

// Whatever comes, in whatever order, all who have all of it say the same.
RC_GTEST_PROP(KeyChainTest, SaysTheSameInEveryOrder, (unsigned seed)) {
  World world;
  // Never the seed that the founders' keys came from: a new card must not have an old key.
  world.random = SeededRandom((std::uint64_t{1} << 32) + seed);
  std::vector<KeyRotation> pool;
  for (std::size_t who = 0; who < 2; ++who) {
    std::vector<KeyRotation> before;
    Founder last = world.founder(who);
    for (int serial = 1; serial <= 3; ++serial) {
      last = world.renewed(last, {"node", "tls"}, kStartMs + serial);
      before.push_back(world.rotation(last, before, kStartMs + serial * kDayMs));
      pool.push_back(before.back());
    }
    if (world.random.below(2) == 1) {  // says one of them twice
      std::vector<KeyRotation> const until(
          before.begin(), before.begin() + static_cast<std::ptrdiff_t>(world.random.below(3)));
      pool.push_back(world.rotation(world.renewed(world.founder(who), {"log"}, kStartMs + 9), until,
                                    kStartMs + 9 * kDayMs));
    }
  }
  auto const run = [&] {
    KeyChain chain(world.community, world.head);
    auto order = pool;
    for (std::size_t i = order.size(); i > 1; --i)
      std::swap(order[i - 1], order[world.random.below(i)]);
    for (int again = 0; again < 3; ++again)
      for (auto const& rotation : order) (void)chain.take(rotation);
    return chain;
  };
  KeyChain a = run();
  KeyChain b = run();
  // Each also hears what evidence the other has.
  for (auto const& founder : world.founders) {
    auto const* in_a = a.contradiction(founder.card.member);
    auto const* in_b = b.contradiction(founder.card.member);
    std::optional<KeyContradiction> const for_b = in_a ? std::optional(*in_a) : std::nullopt;
    if (in_b) (void)a.take(*in_b);
    if (for_b) (void)b.take(*for_b);
    RC_ASSERT(a.rotations(founder.card.member) == b.rotations(founder.card.member));
  }
}

TEST(KeyAges, AnAlarmAtSixtyThirtySevenDaysAndOnTheDay) {
  World world;
  UnixMs const end = kStartMs + 730 * kDayMs;
  auto const days_at = [&](UnixMs now) -> std::optional<int> {
    auto const alarms = key_alarms(now, key_ages(world.founder().card, {}, now, 730));
    if (alarms.empty()) return std::nullopt;
    EXPECT_EQ(alarms.size(), 7U);
    EXPECT_EQ(alarms.front().expires_ms, end);
    return alarms.front().days;
  };
  EXPECT_EQ(days_at(end - 60 * kDayMs - 1), std::nullopt);
  EXPECT_EQ(days_at(end - 60 * kDayMs), 60);
  EXPECT_EQ(days_at(end - 30 * kDayMs - 1), 60);
  EXPECT_EQ(days_at(end - 30 * kDayMs), 30);
  EXPECT_EQ(days_at(end - 7 * kDayMs - 1), 30);
  EXPECT_EQ(days_at(end - 7 * kDayMs), 7);
  EXPECT_EQ(days_at(end - 1), 7);
  EXPECT_EQ(days_at(end), 0);
  EXPECT_EQ(days_at(end + 1000 * kDayMs), 0);
}

TEST(KeyAges, ASuccessorInTimeSilencesTheAlarmOfItsRole) {
  World world;
  UnixMs const end = kStartMs + 730 * kDayMs;
  UnixMs const announced = end - 50 * kDayMs;
  auto const next = world.renewed(world.founder(), {"tls", "sealing"}, announced);
  auto const roles_at = [&](std::vector<KeyRotation> const& chain, UnixMs now) {
    std::set<std::string> out;
    for (auto const& alarm : key_alarms(now, key_ages(world.founder().card, chain, now, 730)))
      out.insert(alarm.role);
    return out;
  };
  std::set<std::string> const rest = {"root", "governance", "node", "log", "cosigner"};
  EXPECT_EQ(roles_at({}, announced).size(), 7U);
  EXPECT_EQ(roles_at({world.rotation(next, {}, end)}, announced), rest);
  EXPECT_EQ(roles_at({world.rotation(next, {}, end + 1)}, announced).size(), 7U);  // too late
  // In use, it has a life of its own, and the keys that stayed are as old as they were.
  std::vector<KeyRotation> const chain = {world.rotation(next, {}, announced + kDayMs)};
  EXPECT_EQ(roles_at(chain, announced + 2 * kDayMs), rest);
  for (auto const& age : key_ages(world.founder().card, chain, announced + 2 * kDayMs, 730))
    EXPECT_EQ(age.made_ms, rest.contains(age.role) ? kStartMs : announced) << age.role;
}

TEST(KeyRotation, GoldenBytesStayReadable) {
  World world;
  auto const one = world.rotation(world.renewed(world.founder(), World::all(), kStartMs + 1));
  auto const other =
      world.rotation(world.renewed(world.founder(), {"tls"}, kStartMs + 2), {}, kStartMs + kDayMs);
  ASSERT_TRUE(world.chain.take(one));
  ASSERT_TRUE(world.chain.take(other));
  auto const& evidence = *world.chain.contradiction(world.member());
  using codec::testing::golden_bytes;
  using codec::testing::golden_text;
  using codec::testing::hex_lines;
  EXPECT_EQ(golden_text("key-rotation/v1.hex", hex_lines(encode(one))), hex_lines(encode(one)));
  EXPECT_EQ(golden_text("key-rotation/contradiction-v1.hex", hex_lines(encode(evidence))),
            hex_lines(encode(evidence)));
  EXPECT_EQ(decode_rotation(golden_bytes("key-rotation/v1.hex")).value(), one);
  EXPECT_EQ(decode_key_contradiction(golden_bytes("key-rotation/contradiction-v1.hex")).value(),
            evidence);
}

}  // namespace
}  // namespace amic::consent
