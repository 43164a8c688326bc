#include "consent/card.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <functional>

#include "base/limits.h"
#include "codec/codec.h"
#include "consent/testing.h"
#include "json/json.h"

namespace amic::consent {
namespace {

using testing::Founder;
using testing::make_founder;

Founder founder(std::string const& id = "MY") {
  SeededRandom random(1);
  return make_founder(id, 1, random);
}

TEST(Card, SurvivesItsEncodingAndItsArmor) {
  Card const card = founder().card;
  EXPECT_EQ(decode_card(encode(card)).value(), card);
  EXPECT_EQ(card_from_text(to_text(card)).value(), card);
  EXPECT_TRUE(to_text(card).starts_with("-----BEGIN AMIC CARD-----\n"));
}

TEST(Card, EveryAlteredByteIsRejected) {
  Bytes const good = encode(founder().card);
  for (std::size_t i = 0; i < good.size(); ++i)
    for (std::uint8_t const flip : {0x01, 0x80, 0xFF}) {
      Bytes bad = good;
      bad[i] ^= flip;
      EXPECT_FALSE(decode_card(bad)) << "byte " << i << " flipped by " << int{flip};
    }
}

TEST(Card, EveryCutAndEveryAdditionIsRejected) {
  Bytes const good = encode(founder().card);
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(decode_card(BytesView{good}.first(size))) << size;
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_EQ(decode_card(longer).error().code, Code::kMalformed);
}

TEST(Card, IsSignedByItsOwnRootOnly) {
  SeededRandom random(2);
  Founder const one = make_founder("MY", 1, random);
  Founder const two = make_founder("SG", 2, random);
  Card forged = sign_card(one.card, two.root).value();  // names the other root, so it's a new card
  EXPECT_EQ(forged.root, two.root.verify_key());
  forged.root = one.card.root;
  auto const refused = decode_card(encode(forged));
  EXPECT_EQ(refused.error().code, Code::kBadSignature);
  EXPECT_NE(refused.error().detail.find("MY"), std::string::npos);
}

TEST(Card, KeysAreNeverSharedBetweenRoles) {
  Founder const one = founder();
  std::vector<std::function<void(Card&)>> const shared = {
      [](Card& c) { c.governance = c.node; }, [](Card& c) { c.log = c.cosigner; },
      [](Card& c) { c.tls = c.governance; }, [](Card& c) { c.sealing.data = c.tls.data; },
      [&](Card& c) { c.node = one.root.verify_key(); }};
  for (auto const& share : shared) {
    Card card = one.card;
    share(card);
    auto const refused = sign_card(card, one.root);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kMalformed);
    EXPECT_NE(refused.error().detail.find("never shared"), std::string::npos);
  }
}

TEST(Card, AMissingKeyIsNamed) {
  Founder const one = founder();
  Card card = one.card;
  card.log = {};
  EXPECT_EQ(sign_card(card, one.root).error().where, "card.log");
}

TEST(Card, NamesAreOneVisibleLine) {
  Founder const one = founder();
  auto const signed_with = [&](std::string name) {
    Card card = one.card;
    card.name = std::move(name);
    return sign_card(card, one.root);
  };
  EXPECT_TRUE(signed_with("Việt Nam"));
  EXPECT_TRUE(signed_with("ប្រទេសកម្ពុជា"));
  EXPECT_TRUE(signed_with(std::string(limits::kNameBytesMax, 'x')));
  EXPECT_EQ(signed_with(std::string(limits::kNameBytesMax + 1, 'x')).error().code, Code::kTooLarge);
  EXPECT_EQ(signed_with("\xC3\x28").error().code, Code::kBadUtf8);
  for (auto const* bad :
       {"", " x", "x ", "a\nb", "a\tb", "a\x1b[2J", "a\u202Eb", "a\u2028b", "a\u0085b", "\uFEFFa"})
    EXPECT_EQ(signed_with(bad).error().code, Code::kMalformed) << bad;
}

TEST(LinkAddress, FollowsItsGrammar) {
  EXPECT_EQ(parse_link_address("https://127.0.0.1:7443").value(), (LinkAddress{"127.0.0.1", 7443}));
  EXPECT_EQ(parse_link_address("https://node.my.example:1").value().host, "node.my.example");
  EXPECT_EQ(parse_link_address("https://[2001:db8::1]:65535").value(),
            (LinkAddress{"2001:db8::1", 65535}));
  for (auto const* bad : {"",
                          "http://a:1",
                          "https://",
                          "https://a",
                          "https://:1",
                          "https://a:",
                          "https://a:0",
                          "https://a:01",
                          "https://a:65536",
                          "https://a:1/",
                          "https://a:1 ",
                          "https://A:1",
                          "https://u@a:1",
                          "https://[a]:1",
                          "https://[]:1",
                          "https://2001:db8::1:1",
                          "https://.a:1",
                          "https://a..b:1",
                          "https://-a:1",
                          "https://a-:1",
                          "https://a:+1",
                          "https://a:-1"})
    EXPECT_FALSE(parse_link_address(bad)) << bad;
  EXPECT_EQ(parse_link_address("https://" + std::string(300, 'a') + ":1").error().code,
            Code::kTooLarge);
}

TEST(Card, JsonHoldsEveryKeyAndTheFingerprint) {
  Card const card = founder().card;
  auto const parsed = json::parse(to_json(card)).value();
  EXPECT_EQ(parsed.at("member").as_string(), "MY");
  EXPECT_EQ(parsed.at("fingerprint").as_string(), codec::to_hex(fingerprint(card).view()));
  for (auto const& [role, key] : card_keys(card))
    EXPECT_EQ(parsed.at("keys").at(role).as_string(), codec::to_hex(key)) << role;
}

RC_GTEST_PROP(CardProperty, EncodeInvertsDecode, ()) {
  SeededRandom random(*rc::gen::arbitrary<std::uint64_t>());
  auto const letter = rc::gen::inRange('A', static_cast<char>('Z' + 1));
  auto const id = *rc::gen::resize(12, rc::gen::nonEmpty(rc::gen::container<std::string>(letter)));
  Founder const one = make_founder(id, *rc::gen::inRange(0, 999), random);
  Bytes const bytes = encode(one.card);
  Card const back = decode_card(bytes).value();
  RC_ASSERT(back == one.card);
  RC_ASSERT(encode(back) == bytes);
}

// Whatever decodes has exactly one encoding: the one it was decoded from.
RC_GTEST_PROP(CardProperty, NoOtherBytesDecode, ()) {
  SeededRandom random(1);
  Bytes bytes = encode(make_founder("MY", 1, random).card);
  auto const edits = *rc::gen::inRange(1, 4);
  for (int i = 0; i < edits; ++i)
    bytes[*rc::gen::inRange<std::size_t>(0, bytes.size())] = *rc::gen::arbitrary<std::uint8_t>();
  auto const back = decode_card(bytes);
  if (back) RC_ASSERT(encode(*back) == bytes);
}

}  // namespace
}  // namespace amic::consent
