#include "marking/marking.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <fstream>
#include <sstream>

#include "base/limits.h"
#include "base/random.h"
#include "codec/codec.h"

namespace amic::marking {
namespace {

MemberId id(std::string_view text) {
  return MemberId::parse(text).value();
}
Realm exercise() {
  return Realm::parse("EXERCISE:MAKASSAR-26").value();
}

Marking example() {
  Marking out;
  out.classification = Classification::kSecret;
  out.rel_to = {id("BN"), id("MY")};
  out.handling = {Handling::kOrcon, Handling::kH1};
  out.purpose = "counter-smuggling";
  out.expires_ms = 1'800'000'000'000;
  return out;
}

Marking random_marking() {
  Marking out;
  if (*rc::gen::arbitrary<bool>()) out.realm = exercise();
  out.classification = static_cast<Classification>(*rc::gen::inRange(0, 5));
  out.tlp = static_cast<Tlp>(*rc::gen::inRange(0, 5));
  int const members = *rc::gen::inRange(0, 65);
  for (int i = 0; i < members; ++i) out.rel_to.insert(id("M" + std::to_string(i * 7 % 100)));
  for (int i = 1; i <= 5; ++i)
    if (*rc::gen::arbitrary<bool>()) out.handling.insert(static_cast<Handling>(i));
  out.purpose = std::string(static_cast<std::size_t>(*rc::gen::inRange(0, 257)), 'p');
  if (*rc::gen::arbitrary<bool>()) out.expires_ms = *rc::gen::arbitrary<UnixMs>();
  return out;
}

TEST(MarkingNames, RoundTripAndParsersTakeNothingElse) {
  for (unsigned i = 0; i < 5; ++i) {
    auto const classification = static_cast<Classification>(i);
    auto const tlp = static_cast<Tlp>(i);
    auto const handling = static_cast<Handling>(i + 1);
    EXPECT_EQ(parse_classification(classification_name(classification)).value(), classification);
    EXPECT_EQ(parse_tlp(tlp_name(tlp)).value(), tlp);
    EXPECT_EQ(parse_handling(handling_name(handling)).value(), handling);
  }
  EXPECT_EQ(classification_name(static_cast<Classification>(5)), "UNKNOWN");
  EXPECT_EQ(tlp_name(static_cast<Tlp>(5)), "UNKNOWN");
  EXPECT_EQ(handling_name(static_cast<Handling>(0)), "UNKNOWN");
  EXPECT_EQ(handling_name(static_cast<Handling>(6)), "UNKNOWN");
  for (auto bad : {"", "secret", "SECRET ", "TOP", "TOPSECRET"})
    EXPECT_EQ(parse_classification(bad).error().code, Code::kMalformed) << bad;
  EXPECT_EQ(parse_classification("SECRET ").error().where, "classification:7");
  EXPECT_EQ(parse_classification("SECURE").error().where, "classification:4");
  EXPECT_EQ(parse_tlp("TLP:WHITE").error().where, "tlp:5");
  EXPECT_EQ(parse_tlp("tlp:red").error().where, "tlp:1");
  EXPECT_EQ(parse_handling("H4").error().where, "handling:2");
}

TEST(MarkingBanner, SaysWhatAPersonMustKnow) {
  Marking marking = example();
  marking.expires_ms.reset();
  EXPECT_EQ(banner(marking), "SECRET//REL TO BN, MY//ORCON/H1//TLP:AMBER");
  marking.handling.clear();
  marking.rel_to.clear();
  marking.realm = exercise();
  marking.expires_ms = 0;
  EXPECT_EQ(banner(marking),
            "EXERCISE MAKASSAR-26//SECRET//NOT RELEASABLE//TLP:AMBER//EXPIRES "
            "1970-01-01T00:00:00.000Z");
}

TEST(RelTo, IsParsedExactlyOrRefusedWithItsColumn) {
  EXPECT_EQ(parse_rel_to("MY,SG").value(), (std::set{id("MY"), id("SG")}));
  EXPECT_EQ(parse_rel_to(" SG , MY").value(), (std::set{id("MY"), id("SG")}));
  struct Bad {
    char const* text;
    Code code;
    char const* where;
  };
  for (Bad const& bad :
       {Bad{"", Code::kNoRecipients, "rel_to:1"}, Bad{"   ", Code::kNoRecipients, "rel_to:1"},
        Bad{"MY,", Code::kMalformed, "rel_to:4"}, Bad{",MY", Code::kMalformed, "rel_to:1"},
        Bad{"MY, sg", Code::kMalformed, "rel_to:5"}, Bad{"MY,MY", Code::kMalformed, "rel_to:4"},
        Bad{"MY SG", Code::kMalformed, "rel_to:1"}, Bad{"MY;SG", Code::kMalformed, "rel_to:1"},
        Bad{"MY\t,SG", Code::kMalformed, "rel_to:1"},
        Bad{"ALL,M*", Code::kMalformed, "rel_to:5"}}) {
    auto const got = parse_rel_to(bad.text);
    ASSERT_FALSE(got) << bad.text;
    EXPECT_EQ(got.error().code, bad.code) << bad.text;
    EXPECT_EQ(got.error().where, bad.where) << bad.text;
  }
  std::string many;
  for (std::size_t i = 0; i <= limits::kMembersMax; ++i)
    many += (i == 0 ? "M" : ",M") + std::to_string(i);
  EXPECT_EQ(parse_rel_to(many).error().code, Code::kTooLarge);
  EXPECT_EQ(parse_rel_to(many.substr(0, many.rfind(','))).value().size(), limits::kMembersMax);
}

RC_GTEST_PROP(MarkingEncoding, RoundTripsAndFits, ()) {
  Marking const marking = random_marking();
  Bytes const bytes = encode(marking);
  RC_ASSERT(bytes.size() <= limits::kMarkingBytesMax);
  RC_ASSERT(decode(bytes).value() == marking);
}

// Whatever decodes is the one encoding of what it decodes to: nothing has two forms.
RC_GTEST_PROP(MarkingEncoding, EveryMutationIsRefusedOrIsItselfCanonical, ()) {
  Bytes bytes = encode(random_marking());
  int const edits = *rc::gen::inRange(1, 4);
  for (int i = 0; i < edits; ++i) {
    auto const at =
        static_cast<std::size_t>(*rc::gen::inRange<int>(0, static_cast<int>(bytes.size())));
    bytes[at] = static_cast<std::uint8_t>(*rc::gen::inRange(0, 256));
  }
  auto const got = decode(bytes);
  if (got) RC_ASSERT(encode(*got) == bytes);
}

TEST(MarkingEncoding, EveryTruncationAndExtensionIsRefused) {
  Bytes const whole = encode(example());
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(decode(BytesView(whole).first(size))) << size;
  Bytes longer = whole;
  longer.push_back(0);
  EXPECT_FALSE(decode(longer));
}

// Writes the fields one by one so that each can be wrong alone.
struct Raw {
  std::uint8_t version = 1;
  std::string realm = "OPERATIONS";
  std::uint8_t classification = 1, tlp = 2;
  std::uint32_t members = 2;
  std::vector<std::string> rel_to = {"BN", "MY"};
  std::uint16_t codes = 2;
  std::vector<std::uint8_t> handling = {1, 3};
  std::string purpose = "p";
  std::uint8_t flag = 1;
  Bytes bytes() const {
    codec::Writer out;
    out.u8(version).str8(realm).u8(classification).u8(tlp).u32(members);
    for (auto const& member : rel_to) out.str8(member);
    out.u16(codes);
    for (auto const code : handling) out.u8(code);
    out.vec32(as_bytes(purpose)).u8(flag);
    if (flag == 1) out.i64(5);
    return out.take();
  }
};
Code refusal(Raw const& raw) {
  auto const got = decode(raw.bytes());
  return got ? Code::kInternal : got.error().code;
}

TEST(MarkingEncoding, EveryNonCanonicalFormIsRefusedForItsReason) {
  ASSERT_TRUE(decode(Raw{}.bytes()));
  EXPECT_EQ(refusal({.version = 2}), Code::kUnsupported);
  EXPECT_EQ(refusal({.realm = "operations"}), Code::kMalformed);
  EXPECT_EQ(refusal({.realm = ""}), Code::kMalformed);
  EXPECT_EQ(refusal({.classification = 5}), Code::kOutOfRange);
  EXPECT_EQ(refusal({.tlp = 5}), Code::kOutOfRange);
  EXPECT_EQ(refusal({.rel_to = {"MY", "BN"}}), Code::kMalformed);
  EXPECT_EQ(refusal({.rel_to = {"BN", "BN"}}), Code::kMalformed);
  EXPECT_EQ(refusal({.rel_to = {"", "BN"}}), Code::kMalformed);
  EXPECT_EQ(refusal({.rel_to = {"BN", "my"}}), Code::kMalformed);
  EXPECT_EQ(refusal({.members = 65}), Code::kTooLarge);
  EXPECT_EQ(refusal({.handling = {3, 1}}), Code::kMalformed);
  EXPECT_EQ(refusal({.handling = {3, 3}}), Code::kMalformed);
  EXPECT_EQ(refusal({.handling = {0, 1}}), Code::kOutOfRange);
  EXPECT_EQ(refusal({.handling = {1, 6}}), Code::kOutOfRange);
  EXPECT_EQ(refusal({.codes = 6}), Code::kTooLarge);
  EXPECT_EQ(refusal({.purpose = std::string(257, 'x')}), Code::kTooLarge);
  EXPECT_EQ(refusal({.purpose = "\xC0\x80"}), Code::kBadUtf8);
  EXPECT_EQ(refusal({.purpose = "a\nb"}), Code::kMalformed);
  EXPECT_EQ(refusal({.purpose = std::string("a\0b", 3)}), Code::kMalformed);
  EXPECT_EQ(refusal({.flag = 2}), Code::kOutOfRange);
}

TEST(MarkingCheck, AMarkingBuiltInMemoryIsHeldToTheSameRules) {
  EXPECT_TRUE(check(example()));
  auto const broken = [](auto edit) {
    Marking marking = example();
    edit(marking);
    EXPECT_FALSE(check(marking));
    EXPECT_FALSE(decode(encode(marking)));
    std::set<MemberId> roster = marking.rel_to;
    roster.insert(id("SG"));
    EXPECT_FALSE(decide(marking, id("SG"), roster, Realm(), 0).released());
    EXPECT_FALSE(may_read(marking, {Classification::kTopSecret, Realm()}, 0));
  };
  broken([](Marking& m) { m.classification = static_cast<Classification>(7); });
  broken([](Marking& m) { m.tlp = static_cast<Tlp>(9); });
  broken([](Marking& m) { m.handling.insert(static_cast<Handling>(0)); });
  broken([](Marking& m) { m.handling.insert(static_cast<Handling>(200)); });
  broken([](Marking& m) { m.rel_to.insert(MemberId()); });
  broken([](Marking& m) { m.purpose = std::string(257, 'x'); });
  broken([](Marking& m) { m.purpose = "\xFF"; });
  broken([](Marking& m) { m.purpose = "line\nbreak"; });
  broken([](Marking& m) {
    for (int i = 0; i < 70; ++i) m.rel_to.insert(id("X" + std::to_string(i)));
  });
}

std::map<std::string, std::string> golden(std::string const& file) {
  std::ifstream in(std::string(AMIC_SOURCE_DIR) + "/tests/compat/" + file);
  std::map<std::string, std::string> out;
  for (std::string line; std::getline(in, line);) {
    auto const colon = line.find(": ");
    if (line.empty() || line[0] == '#' || colon == std::string::npos) continue;
    out[line.substr(0, colon)] = line.substr(colon + 2);
  }
  return out;
}

TEST(MarkingCompat, TheGoldenBytesOfVersion1MeanWhatTheyMeant) {
  auto const file = golden("marking/v1.hex");
  ASSERT_TRUE(file.contains("full"));
  Marking minimal;
  minimal.classification = Classification::kUnclassified;
  minimal.tlp = Tlp::kClear;
  for (auto const& [name, marking] : {std::pair{"full", example()}, {"minimal", minimal}}) {
    Bytes const bytes = codec::from_hex(file.at(name)).value();
    EXPECT_EQ(decode(bytes).value(), marking) << name;
    EXPECT_EQ(codec::to_hex(encode(marking)), file.at(name)) << name;
  }
}

}  // namespace
}  // namespace amic::marking
