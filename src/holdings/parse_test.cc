#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "holdings/test_support.h"

namespace amic::holdings {
namespace {

using namespace test;

void expect_accounts(Parsed const& parsed) {
  Report const& r = parsed.report;
  EXPECT_EQ(r.accepted + r.quarantined + r.rejected, parsed.objects.size());
  EXPECT_EQ(r.refused.size(), r.quarantined + r.rejected);
}

TEST(ParseBundle, TakesEveryObjectWithItsExactText) {
  std::string const a = indicator(1), b = " {\"x_own\" : 1e2, " + malware(2).substr(1);
  std::string const text = bundle({a, b});
  auto const parsed = parse_bundle(text);
  ASSERT_TRUE(parsed) << parsed.error().text();
  ASSERT_EQ(parsed->objects.size(), 2u);
  EXPECT_EQ(parsed->report.accepted, 2u);
  EXPECT_EQ(parsed->objects[0].text, a);
  EXPECT_EQ(parsed->objects[1].text, b.substr(1));
  EXPECT_EQ(parsed->objects[1].checked.object.id, "malware--" + uuid(2));
  expect_accounts(*parsed);
}

TEST(ParseBundle, ASingleObjectIsABundleOfOne) {
  auto const parsed = parse_bundle(indicator(1));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->report.accepted, 1u);
  // Pointers start at the object itself.
  std::string bad = indicator(1);
  bad.replace(bad.find("2.1"), 3, "2.0");
  auto const refused = parse_bundle(bad);
  ASSERT_TRUE(refused);
  ASSERT_EQ(refused->report.refused.size(), 1u);
  EXPECT_EQ(refused->report.refused[0].pointer, "/spec_version");
  // `objects` is a property of observed-data, too, and no array there.
  std::string const observed =
      "{\"type\":\"observed-data\",\"spec_version\":\"2.1\",\"id\":\"observed-data--" + uuid(1) +
      "\",\"created\":\"2026-01-01T00:00:00.000Z\",\"modified\":\"2026-01-01T00:00:00.000Z\","
      "\"first_observed\":\"2026-01-01T00:00:00Z\",\"last_observed\":\"2026-01-01T00:00:00Z\","
      "\"number_observed\":1,\"objects\":{\"0\":{\"type\":\"domain-name\",\"value\":\"a.example\"}}"
      "}";
  auto const old = parse_bundle(observed);
  ASSERT_TRUE(old);
  EXPECT_EQ(old->report.accepted, 1u);
}

TEST(ParseBundle, AnEmptyBundleHasNoObjects) {
  for (std::string const& text :
       {bundle({}), "{\"type\":\"bundle\",\"id\":\"bundle--" + uuid(1) + "\"}"}) {
    auto const parsed = parse_bundle(text);
    ASSERT_TRUE(parsed) << text;
    EXPECT_TRUE(parsed->objects.empty());
  }
}

TEST(ParseBundle, RefusesTheWholeOnlyIfItIsNoBundle) {
  EXPECT_EQ(parse_bundle("").error().code, Code::kMalformed);
  EXPECT_EQ(parse_bundle("[]").error().code, Code::kMalformed);
  EXPECT_EQ(parse_bundle("{\"type\":\"bundle\",\"objects\":[]}").error().code, Code::kMissingField);
  EXPECT_EQ(parse_bundle("{\"type\":\"bundle\",\"id\":\"bundle--" + uuid(1) + "\",\"objects\":{}}")
                .error()
                .code,
            Code::kWrongType);
  EXPECT_EQ(parse_bundle(bundle({indicator(1), "{\"a\":"})).error().code, Code::kMalformed);
  std::string twice = bundle({});
  twice.insert(1, "\"objects\":[],");
  EXPECT_EQ(parse_bundle(twice).error().code, Code::kDuplicateKey);
}

TEST(ParseBundle, BadObjectsAreRefusedAlone) {
  std::string deep(100, '[');
  deep += std::string(100, ']');
  std::string wrong_enum = indicator(6);
  wrong_enum.replace(wrong_enum.find("2026-01-01T00:00:00.000Z"), 24, "2026-01-01T00:00:00.0Z");
  std::vector<std::string> const objects{
      indicator(0),
      "{\"type\":\"x-deep\",\"a\":" + deep + "}",
      "{\"type\":\"x-big\",\"a\":\"" + std::string(limits::kStixObjectBytesMax, 'x') + "\"}",
      "{\"type\":\"x-twice\",\"type\":\"x-twice\"}",
      "{\"type\":\"x-utf8\",\"a\":\"\xFF\"}",
      "{\"type\":\"indicator\"}",
      "{\"type\" \"colon\"}",
      "17",
      wrong_enum,
      malware(1)};
  std::string const text = bundle(objects);
  auto const parsed = parse_bundle(text);
  ASSERT_TRUE(parsed) << parsed.error().text();
  expect_accounts(*parsed);
  Report const& r = parsed->report;
  EXPECT_EQ(r.accepted, 2u);
  EXPECT_EQ(r.quarantined, 1u);
  EXPECT_EQ(r.rejected, 7u);
  Code const codes[] = {Code::kTooDeep,   Code::kTooLarge,     Code::kDuplicateKey,
                        Code::kBadUtf8,   Code::kMissingField, Code::kMalformed,
                        Code::kWrongType, Code::kMalformed};
  ASSERT_EQ(r.refused.size(), std::size(codes));
  for (std::size_t i = 0; i < r.refused.size(); ++i) {
    Outcome const& refused = r.refused[i];
    EXPECT_EQ(refused.index, i + 1);
    EXPECT_EQ(refused.code, codes[i]) << i << refused.reason;
    EXPECT_TRUE(refused.pointer.starts_with("/objects/" + std::to_string(i + 1)))
        << refused.pointer;
    EXPECT_FALSE(refused.reason.empty());
  }
  EXPECT_EQ(r.refused[7].verdict, stix::Verdict::kQuarantine);
  EXPECT_EQ(r.refused[7].pointer, "/objects/8/created");
}

TEST(ParseBundle, TakesAttackInFull) {
  std::string const text = data_file("stix/attack-ics-18.1.json");
  auto const parsed = parse_bundle(text);
  ASSERT_TRUE(parsed) << parsed.error().text();
  expect_accounts(*parsed);
  EXPECT_EQ(parsed->report.accepted, parsed->objects.size());
  EXPECT_GT(parsed->objects.size(), 1000u);
  for (Outcome const& refused : parsed->report.refused)
    ADD_FAILURE() << refused.pointer << " " << refused.reason;
}

TEST(Title, IsTheStoryOrTheCounts) {
  auto const title = [](std::vector<std::string> const& objects) {
    std::string const text = bundle(objects);
    return derive_title(*parse_bundle(text));
  };
  EXPECT_EQ(title({}), "");
  EXPECT_EQ(title({malware(1)}), "1 malware");
  EXPECT_EQ(title({indicator(1), indicator(2), malware(1), relationship(1, 1, 1)}),
            "2 indicators, 1 malware");
  EXPECT_EQ(title({relationship(1, 1, 1), relationship(2, 1, 1)}), "2 relationships");
  EXPECT_EQ(title({"{}"}), "");
  std::string const incident =
      "{\"type\":\"incident\",\"spec_version\":\"2.1\",\"id\":\"incident--" + uuid(1) +
      "\",\"created\":\"2026-01-01T00:00:00.000Z\",\"modified\":\"2026-01-01T00:00:00.000Z\","
      "\"name\":\"Boarding off Batangas\"}";
  EXPECT_EQ(title({indicator(1), incident}), "Boarding off Batangas");
}

TEST(MediaType, StixWithOrWithoutParameters) {
  EXPECT_TRUE(is_stix("application/stix+json"));
  EXPECT_TRUE(is_stix("application/stix+json;version=2.1"));
  EXPECT_TRUE(is_stix("application/stix+json ; version=2.1"));
  EXPECT_FALSE(is_stix("application/stix+jsonx"));
  EXPECT_FALSE(is_stix("text/plain"));
  EXPECT_FALSE(is_stix(""));
}

RC_GTEST_PROP(ParseBundle, CountsAlwaysSumToTheInput, ()) {
  auto const pool =
      rc::gen::element<std::string>(indicator(1), malware(2), "{}", "null", "{\"a\":1,\"a\":2}",
                                    "{\"type\":\"unknown-type\",\"id\":\"x\"}", domain());
  auto const objects = *rc::gen::container<std::vector<std::string>>(pool);
  std::string const text = bundle(objects);
  auto const parsed = parse_bundle(text);
  RC_ASSERT(parsed.has_value());
  RC_ASSERT(parsed->objects.size() == objects.size());
  Report const& r = parsed->report;
  RC_ASSERT(r.accepted + r.quarantined + r.rejected == objects.size());
  for (std::size_t i = 0; i < objects.size(); ++i) RC_ASSERT(parsed->objects[i].text == objects[i]);
}

}  // namespace
}  // namespace amic::holdings
