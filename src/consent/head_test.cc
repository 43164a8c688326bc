#include "consent/head.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <functional>

#include "base/limits.h"
#include "codec/codec.h"
#include "consent/testing.h"
#include "json/json.h"

namespace amic::consent {
namespace {

using testing::make_founder;
using testing::make_founders;
using testing::make_head;

MemberId id(std::string_view text) {
  return MemberId::parse(text).value();
}

std::vector<testing::Founder> const& three() {
  static auto const founders = [] {
    SeededRandom random(3);
    return make_founders({"BN", "MY", "SG"}, random);
  }();
  return founders;
}

TEST(Head, SurvivesItsEncoding) {
  Head const head = make_head(three());
  ASSERT_TRUE(check_head(head));
  Bytes const bytes = encode(head);
  EXPECT_EQ(decode_head(bytes).value(), head);
  EXPECT_EQ(head_digest(bytes).data, community_id(bytes).data);
}

TEST(Head, FindsMembers) {
  Head const head = make_head(three());
  EXPECT_EQ(head.member(id("MY"))->name, "Member MY");
  EXPECT_EQ(head.member(id("XX")), nullptr);
  EXPECT_EQ(head.member_by_tls_key(three()[2].card.tls.view())->member, id("SG"));
  EXPECT_EQ(head.member_by_tls_key(three()[2].card.node.view()), nullptr);
  EXPECT_EQ(head.member_by_tls_key({}), nullptr);
  EXPECT_EQ(head.roster(), (std::set<MemberId>{id("BN"), id("MY"), id("SG")}));
}

struct Rule {
  char const* name;
  std::function<void(Head&)> break_it;
  Code code;
  std::string where;
};

std::vector<Rule> rules_about_fields() {
  return {
      {"no name", [](Head& h) { h.community_name.clear(); }, Code::kMalformed, "community_name"},
      {"long name", [](Head& h) { h.community_name.assign(129, 'x'); }, Code::kTooLarge,
       "community_name"},
      {"previous at genesis", [](Head& h) { h.previous.data[0] = 1; }, Code::kMalformed,
       "previous"},
      {"no previous later", [](Head& h) { h.epoch = 1; }, Code::kMalformed, "previous"},
      {"before 1970", [](Head& h) { h.created_ms = -1; }, Code::kOutOfRange, "created_ms"},
      {"after 9999", [](Head& h) { h.created_ms = INT64_MAX; }, Code::kOutOfRange, "created_ms"},
      {"no suite", [](Head& h) { h.suites.clear(); }, Code::kOutOfRange, "suites"},
      {"unknown suite", [](Head& h) { h.suites = {7}; }, Code::kUnsupported, "suites"},
      {"suite twice",
       [](Head& h) {
         h.suites = {1, 1};
       },
       Code::kMalformed, "suites"},
      {"many suites", [](Head& h) { h.suites.assign(17, 1); }, Code::kOutOfRange, "suites"},
      {"no TOR", [](Head& h) { h.instruments.erase(h.instruments.begin()); }, Code::kMissingField,
       "instruments"},
      {"no SOP", [](Head& h) { h.instruments.pop_back(); }, Code::kMissingField, "instruments"},
      {"instrument order", [](Head& h) { std::swap(h.instruments[0], h.instruments[1]); },
       Code::kMalformed, "instruments[1]"},
      {"instrument twice", [](Head& h) { h.instruments.push_back(h.instruments.back()); },
       Code::kMalformed, "instruments[2]"},
      {"unknown kind", [](Head& h) { h.instruments[1].kind = static_cast<InstrumentKind>(9); },
       Code::kUnsupported, "instruments[1].kind"},
      {"version 0", [](Head& h) { h.instruments[0].version = 0; }, Code::kOutOfRange,
       "instruments[0].version"},
      {"no title", [](Head& h) { h.instruments[0].title.clear(); }, Code::kMalformed,
       "instruments[0].title"},
      {"no text hash", [](Head& h) { h.instruments[0].text_sha256 = {}; }, Code::kMalformed,
       "instruments[0].text_sha256"},
  };
}

std::vector<Rule> rules_about_members() {
  return {
      {"one member", [](Head& h) { h.members.resize(1); }, Code::kOutOfRange, "members"},
      {"members out of order", [](Head& h) { std::swap(h.members[0], h.members[1]); },
       Code::kMalformed, "members[1]"},
      {"member twice", [](Head& h) { h.members[1] = h.members[0]; }, Code::kConflict, "members[1]"},
      {"name twice", [](Head& h) { h.members[1].name = "MEMBER bn"; }, Code::kConflict,
       "members[1].name"},
      {"address twice", [](Head& h) { h.members[2].link_address = h.members[0].link_address; },
       Code::kConflict, "members[2].link_address"},
      {"key of another", [](Head& h) { h.members[2].cosigner = h.members[0].root; },
       Code::kConflict, "members[2].cosigner"},
      {"bad card", [](Head& h) { h.members[2].link_address = "ftp://x"; }, Code::kMalformed,
       "members[2].card.link_address"},
      {"short chair order", [](Head& h) { h.chair_order.pop_back(); }, Code::kMalformed,
       "chair_order"},
      {"doubled chair order", [](Head& h) { h.chair_order[1] = h.chair_order[0]; },
       Code::kMalformed, "chair_order"},
      {"longer chair order", [](Head& h) { h.chair_order.push_back(h.chair_order[0]); },
       Code::kMalformed, "chair_order"},
      {"foreign chair order", [](Head& h) { h.chair_order[1] = id("XX"); }, Code::kMalformed,
       "chair_order"},
      {"foreign chair", [](Head& h) { h.chair = id("XX"); }, Code::kUnknownMember, "chair"},
      {"no chair", [](Head& h) { h.chair = {}; }, Code::kUnknownMember, "chair"},
  };
}

TEST(Head, EachRuleRefuses) {
  auto rules = rules_about_fields();
  auto const more = rules_about_members();
  rules.insert(rules.end(), more.begin(), more.end());
  for (auto const& rule : rules) {
    Head head = make_head(three());
    rule.break_it(head);
    auto const refused = check_head(head);
    ASSERT_FALSE(refused) << rule.name;
    EXPECT_EQ(refused.error().code, rule.code) << rule.name << ": " << refused.error().text();
    EXPECT_EQ(refused.error().where, "head." + rule.where) << rule.name;
    EXPECT_FALSE(decode_head(encode(head))) << rule.name;
  }
}

TEST(Head, HoldsSixtyFourMembersAndNoMore) {
  SeededRandom random(64);
  std::vector<std::string> ids;
  for (int i = 0; i < 65; ++i) ids.push_back("M" + std::to_string(100 + i));
  auto founders = make_founders(ids, random);
  Head const too_many = make_head(founders);
  EXPECT_EQ(check_head(too_many).error().code, Code::kOutOfRange);
  EXPECT_EQ(decode_head(encode(too_many)).error().code, Code::kOutOfRange);
  founders.pop_back();
  Head const most = make_head(founders);
  EXPECT_EQ(decode_head(encode(most)).value(), most);
}

TEST(Head, ACardThatItsRootDidNotSignIsRefused) {
  Head head = make_head(three());
  head.members[1].signature.data[5] ^= 1;
  EXPECT_TRUE(check_head(head));
  auto const refused = decode_head(encode(head));
  EXPECT_EQ(refused.error().code, Code::kBadSignature);
  EXPECT_EQ(refused.error().where, "head.members[1].card.signature");
}

TEST(Head, EveryCutIsRejected) {
  Bytes const good = encode(make_head(three()));
  for (std::size_t size = 0; size < good.size(); ++size)
    ASSERT_FALSE(decode_head(BytesView{good}.first(size))) << size;
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_FALSE(decode_head(longer));
}

TEST(Head, JsonNamesTheDigestOfTheExactBytes) {
  Head const head = make_head(three());
  auto const parsed = json::parse(to_json(head)).value();
  EXPECT_EQ(parsed.at("digest").as_string(), codec::to_hex(head_digest(encode(head)).view()));
  EXPECT_EQ(parsed.at("members").as_array().size(), 3U);
  EXPECT_EQ(parsed.at("instruments").as_array()[1].at("kind").as_string(), "SOP");
}

// A head that a decision has made, with all that version 2 adds.
Head decided() {
  Head head = make_head(three());
  head.epoch = 3;
  head.previous.data[0] = 1;
  head.decision.data[0] = 2;
  head.host = id("MY");
  head.rules.precedence_seconds = {30, 60, 300, 3600};
  head.rules.limits[LimitId::kBodyBytes] = 1 << 20;
  head.rules.classes = {
      {"dates", InstrumentKind::kTor, "Article 9", 7, {MotionKind::kChair, MotionKind::kAnnounce}}};
  head.annexes = {{1, "Sea watch", Hash{{1}}, {id("BN"), id("SG")}}};
  return head;
}

TEST(HeadVersion2, SurvivesItsEncodingAndVersion1StaysAsItWas) {
  Head const head = decided();
  ASSERT_TRUE(check_head(head));
  Bytes const bytes = encode(head);
  EXPECT_EQ(as_text(BytesView{bytes}.subspan(1, 12)), "amic/head/v2");
  EXPECT_EQ(decode_head(bytes).value(), head);
  auto const json = json::parse(to_json(head)).value();
  EXPECT_EQ(json.as_object().at("host").as_string(), "MY");
  Head first = make_head(three());
  first.epoch = 1;
  first.previous.data[0] = 1;
  EXPECT_EQ(as_text(BytesView{encode(first)}.subspan(1, 12)), "amic/head/v1");
}

TEST(HeadVersion2, EachRuleRefuses) {
  auto const refused = [](std::function<void(Head&)> const& edit) {
    Head head = decided();
    edit(head);
    auto const fine = check_head(head);
    return fine ? std::string{"accepted"} : fine.error().where;
  };
  EXPECT_EQ(refused([](Head& h) { h.decision = {}; }), "head.decision");
  EXPECT_EQ(refused([](Head& h) { h.host = id("ZZ"); }), "head.host");
  EXPECT_EQ(refused([](Head& h) { h.epoch = 0, h.previous = {}; }), "head.decision");
  EXPECT_EQ(refused([](Head& h) { h.rules.limits[LimitId::kBodyBytes] = 1ULL << 40; }),
            "head.rules.limits");
  EXPECT_EQ(refused([](Head& h) { h.rules.limits[static_cast<LimitId>(9)] = 1; }),
            "head.rules.limits");
  EXPECT_EQ(refused([](Head& h) { h.rules.classes[0].kinds = {MotionKind::kAdmit}; }),
            "head.rules.classes[0].kinds");
  EXPECT_EQ(refused([](Head& h) { h.rules.classes.push_back(h.rules.classes[0]); }),
            "head.rules.classes[1]");
  EXPECT_EQ(refused([](Head& h) { h.annexes[0].number = 0; }), "head.annexes[0].number");
  EXPECT_EQ(refused([](Head& h) { h.annexes[0].participants = {}; }),
            "head.annexes[0].participants");
  EXPECT_EQ(refused([](Head& h) {
              h.annexes[0].participants = {id("SG"), id("BN")};
            }),
            "head.annexes[0].participants");
  EXPECT_EQ(refused([](Head& h) { h.annexes[0].participants = {id("ZZ")}; }),
            "head.annexes[0].participants");
}

TEST(HeadVersion2, EveryCutIsRejectedAndNoOtherBytesDecode) {
  Bytes const good = encode(decided());
  for (std::size_t size = 0; size < good.size(); ++size)
    ASSERT_FALSE(decode_head(BytesView{good}.first(size))) << size;
  for (std::size_t i = 0; i < good.size(); ++i)
    for (std::uint8_t const flip : {0x01, 0x20, 0x80}) {
      Bytes bad = good;
      bad[i] ^= flip;
      auto const back = decode_head(bad);
      if (back) {
        ASSERT_EQ(encode(*back), bad) << i;
      }
    }
}

TEST(InstrumentKind, NamesRoundTrip) {
  for (auto const kind : {InstrumentKind::kTor, InstrumentKind::kSop, InstrumentKind::kConcept})
    EXPECT_EQ(parse_instrument_kind(instrument_kind_name(kind)).value(), kind);
  EXPECT_FALSE(parse_instrument_kind("tor"));
  EXPECT_TRUE(instrument_kind_name(static_cast<InstrumentKind>(0)).empty());
}

RC_GTEST_PROP(HeadProperty, EncodeInvertsDecode, ()) {
  SeededRandom random(*rc::gen::arbitrary<std::uint64_t>());
  auto const count = *rc::gen::inRange(2, 6);
  std::vector<std::string> ids;
  for (int i = 0; i < count; ++i) ids.push_back("M" + std::to_string(i));
  auto const founders = make_founders(ids, random);
  auto texts = testing::sample_texts();
  if (*rc::gen::arbitrary<bool>()) texts[InstrumentKind::kConcept] = "# Concept\n";
  Head head = make_head(founders, texts);
  head.epoch = *rc::gen::arbitrary<std::uint32_t>();
  if (head.epoch > 0) head.previous.data[7] = 1;
  head.created_ms = *rc::gen::inRange<UnixMs>(0, 253'402'300'799'999);
  for (std::size_t i = head.chair_order.size(); i > 1; --i)
    std::swap(head.chair_order[i - 1], head.chair_order[random.below(i)]);
  head.chair = head.chair_order[random.below(head.chair_order.size())];
  Bytes const bytes = encode(head);
  Head const back = decode_head(bytes).value();
  RC_ASSERT(back == head);
  RC_ASSERT(encode(back) == bytes);
}

RC_GTEST_PROP(HeadProperty, NoOtherBytesDecode, ()) {
  Bytes bytes = encode(make_head(three()));
  auto const edits = *rc::gen::inRange(1, 4);
  for (int i = 0; i < edits; ++i)
    bytes[*rc::gen::inRange<std::size_t>(0, bytes.size())] = *rc::gen::arbitrary<std::uint8_t>();
  auto const back = decode_head(bytes);
  if (back) RC_ASSERT(encode(*back) == bytes);
}

}  // namespace
}  // namespace amic::consent
