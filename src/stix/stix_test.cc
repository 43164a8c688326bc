// Bundles and objects as they come: what is accepted, what is refused, and where it says so.
#include "stix/stix.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "base/limits.h"
#include "codec/codec.h"
#include "stix/internal/common.h"
#include "stix/internal/sha1.h"

namespace amic::stix {
namespace {

std::string read_file(std::string const& path) {
  std::ifstream in(std::string(AMIC_SOURCE_DIR) + "/" + path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

json::object parse_object(std::string_view text) {
  auto parsed = json::parse(text);
  EXPECT_TRUE(parsed.has_value()) << text << parsed.error().text();
  return parsed.value().as_object();
}

std::string describe(Checked const& checked) {
  std::string out = checked.object.id;
  for (auto const& issue : checked.issues)
    out += "\n  " + issue.pointer + " " + std::string(code_name(issue.code)) + " " + issue.reason;
  return out;
}

bool has_issue(Checked const& checked, std::string_view pointer, bool fatal) {
  for (auto const& issue : checked.issues)
    if (issue.pointer == pointer && issue.fatal == fatal) return true;
  return false;
}

std::size_t accept_all(std::string const& path) {
  auto const text = read_file(path);
  auto const sliced = json::slice_member_array(text, "objects", limits::kBundleObjectsMax);
  EXPECT_TRUE(sliced.has_value()) << path;
  if (!sliced) return 0;
  auto const head = json::parse(sliced->rest);
  EXPECT_TRUE(head && check_bundle_head(*head)) << path;
  for (auto const element : sliced->elements) {
    auto const checked = check(json::parse(element).value());
    EXPECT_EQ(checked.verdict, Verdict::kAccept) << describe(checked);
    EXPECT_TRUE(is_identifier(checked.object.id));
  }
  return sliced->elements.size();
}

TEST(Conformance, AcceptsEveryObjectOfAttack) {
  EXPECT_EQ(accept_all("data/stix/attack-ics-18.1.json"), 1826U);
}

TEST(Conformance, AcceptsTheExamplesOfOasis) {
  for (auto name : {"indicator-for-c2-ip-address", "indicators-for-C2-with-COA", "infrastructure",
                    "malicious-email-indicator-with-attachment"})
    EXPECT_GT(accept_all(std::string("tests/conformance/stix/") + name + ".json"), 0U) << name;
}

TEST(Conformance, NamesObservablesAsTheSpecificationDoes) {
  auto const all = json::parse(read_file("tests/conformance/stix/observables.json")).value();
  ASSERT_GT(all.get_array().size(), 30U);
  for (auto const& object : all.get_array()) {
    auto const& o = object.get_object();
    EXPECT_EQ(deterministic_id(o).value_or(""), std::string_view(o.at("id").get_string()));
    auto const checked = check(object);
    bool const elided = checked.object.type == "artifact";
    EXPECT_EQ(checked.verdict, elided ? Verdict::kReject : Verdict::kAccept) << describe(checked);
    EXPECT_EQ(has_issue(checked, "/payload_bin", true), elided) << describe(checked);
    EXPECT_EQ(checked.object.object_class, Class::kObservable);
  }
}

// The least each type may have. `soft` names members a rule asks for: without them the object is
// quarantined; without any other it is rejected.
struct Minimal {
  char const* type;
  char const* own;
  char const* soft = "";
};
#define REF(type) "\"" type "--3f0b1a5c-0c5e-4a6f-9d3e-6a1f9b2c4d5e\""
constexpr Minimal kDomain[] = {
    {"attack-pattern", R"("name":"n")"},
    {"campaign", R"("name":"n")"},
    {"course-of-action", R"("name":"n")"},
    {"grouping", R"("context":"c","object_refs":[)" REF("indicator") "]"},
    {"identity", R"("name":"n")"},
    {"incident", R"("name":"n")"},
    {"indicator",
     R"("pattern":"[a:b = 1]","pattern_type":"stix","valid_from":"2020-01-01T00:00:00Z")"},
    {"infrastructure", R"("name":"n")"},
    {"intrusion-set", R"("name":"n")"},
    {"location", R"("region":"south-eastern-asia")", "region"},
    {"malware", R"("is_family":true,"name":"n")", "name"},
    {"malware-analysis", R"("product":"p","result":"benign")", "result"},
    {"note", R"("content":"c","object_refs":[)" REF("indicator") "]"},
    {"observed-data",
     R"("first_observed":"2020-01-01T00:00:00Z","last_observed":"2020-01-01T00:00:00Z",)"
     R"("number_observed":1,"object_refs":[)" REF("ipv4-addr") "]",
     "object_refs"},
    {"opinion", R"("opinion":"agree","object_refs":[)" REF("indicator") "]"},
    {"report",
     R"("name":"n","published":"2020-01-01T00:00:00Z","object_refs":[)" REF("indicator") "]"},
    {"threat-actor", R"("name":"n")"},
    {"tool", R"("name":"n")"},
    {"vulnerability", R"("name":"n")"},
    {"relationship", R"("relationship_type":"uses","source_ref":)" REF(
                         "campaign") R"(,"target_ref":)" REF("malware")},
    {"sighting", R"("sighting_of_ref":)" REF("indicator")},
    {"language-content", R"("object_ref":)" REF("campaign") R"(,"contents":{"ms":{"name":"x"}})"},
    {"extension-definition",
     R"("created_by_ref":)" REF(
         "identity") R"(,"name":"n","schema":"s","version":"1.0","extension_types":["new-sdo"])"},
};
constexpr Minimal kObservable[] = {
    {"artifact", R"("payload_bin":"AAAA")", "payload_bin"},
    {"autonomous-system", R"("number":64496)"},
    {"directory", R"("path":"/tmp")"},
    {"domain-name", R"("value":"example.com")"},
    {"email-addr", R"("value":"a@example.com")"},
    {"email-message", R"("is_multipart":false)"},
    {"file", R"("name":"f")", "name"},
    {"ipv4-addr", R"("value":"198.51.100.1/24")"},
    {"ipv6-addr", R"("value":"2001:db8::1")"},
    {"mac-addr", R"("value":"00:00:ab:cd:ef:01")"},
    {"mutex", R"("name":"m")"},
    {"network-traffic", R"("protocols":["tcp"],"src_ref":)" REF("ipv4-addr"), "src_ref"},
    {"process", R"("pid":1)", "pid"},
    {"software", R"("name":"s")"},
    {"url", R"("value":"https://example.com/")"},
    {"user-account", R"("user_id":"u")", "user_id"},
    {"windows-registry-key", R"("key":"HKEY_LOCAL_MACHINE\\x")", "key"},
    {"x509-certificate", R"("serial_number":"1")", "serial_number"},
};

std::string head_of(std::string const& type) {
  return R"({"type":")" + type + R"(","id":")" + type +
         R"(--7b7fc1a4-4b1c-4a55-8c3e-0f7e5a4d2c11",)";
}
std::string versioned(Minimal const& m) {
  return head_of(m.type) +
         R"("spec_version":"2.1","created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:00.000Z",)" +
         m.own + "}";
}
std::string minimal_text(std::string_view type) {
  for (auto const& m : kDomain)
    if (m.type == type) return versioned(m);
  for (auto const& m : kObservable)
    if (m.type == type) return head_of(m.type) + m.own + "}";
  return head_of("marking-definition") +
         R"("spec_version":"2.1","created":"2020-01-01T00:00:00.000Z","definition_type":"statement",)"
         R"("definition":{"statement":"s"}})";
}
json::object minimal(std::string_view type) {
  return parse_object(minimal_text(type));
}

std::vector<std::string> all_types() {
  std::vector<std::string> out{"marking-definition"};
  for (auto const& m : kDomain) out.emplace_back(m.type);
  for (auto const& m : kObservable) out.emplace_back(m.type);
  return out;
}

std::string soft_of(std::string_view type) {
  for (auto const& m : kDomain)
    if (m.type == type) return m.soft;
  for (auto const& m : kObservable)
    if (m.type == type) return m.soft;
  return "";
}

TEST(Check, KnowsEveryTypeOfTheSpecification) {
  EXPECT_EQ(all_types().size(), internal::domain_types().size() +
                                    internal::observable_types().size() +
                                    internal::meta_types().size());
  for (auto const& type : all_types()) {
    ASSERT_NE(internal::find_type(type), nullptr) << type;
    auto const checked = check(minimal(type));
    EXPECT_EQ(checked.verdict, Verdict::kAccept) << describe(checked);
    EXPECT_EQ(checked.object.type, type);
    EXPECT_TRUE(checked.issues.empty());
  }
}

TEST(Check, NamesEachRequiredPropertyThatIsMissing) {
  for (auto const& type : all_types()) {
    auto const whole = minimal(type);
    for (auto const& member : whole) {
      std::string const name(member.key());
      auto o = whole;
      o.erase(name);
      auto const checked = check(o);
      // The definition of a marking may stand in an extension instead: a rule asks for it.
      bool const soft = name == soft_of(type) || name.starts_with("definition");
      EXPECT_EQ(checked.verdict, soft ? Verdict::kQuarantine : Verdict::kReject)
          << type << "/" << name << describe(checked);
      if (!soft) {
        EXPECT_TRUE(has_issue(checked, "/" + name, true)) << type << describe(checked);
      }
    }
  }
}

TEST(Check, RejectsAValueOfTheWrongTypeForEveryProperty) {
  for (auto const& type : all_types()) {
    for (auto const& property : internal::find_type(type)->shape.properties) {
      for (json::value const& wrong : {json::value(nullptr), json::value(json::array{nullptr})}) {
        auto o = minimal(type);
        std::string const name(property.name);
        o[name] = wrong;
        auto const checked = check(o);
        EXPECT_EQ(checked.verdict, Verdict::kReject) << type << "/" << name;
        auto const at = "/" + name + (property.list && wrong.is_array() ? "/0" : "");
        EXPECT_TRUE(has_issue(checked, at, true)) << at << describe(checked);
      }
      if (!property.list) continue;
      auto o = minimal(type);
      o[std::string(property.name)] = json::array{};
      EXPECT_EQ(check(o).verdict, Verdict::kQuarantine) << type << "/" << property.name;
    }
  }
}

TEST(Check, TellsTheSectionInTheReason) {
  auto o = minimal("indicator");
  o.erase("pattern");
  EXPECT_EQ(check(o).issues.at(0), (Issue{true, Code::kMissingField, "/pattern",
                                          "STIX 4.7: required property is missing"}));
  o = minimal("indicator");
  o["valid_until"] = "2020-01-01T00:00:00Z";
  EXPECT_EQ(check(o).issues.at(0), (Issue{false, Code::kOutOfRange, "/valid_until",
                                          "STIX 4.7: must be later than valid_from"}));
}

TEST(Check, RefusesWhatIsNoStixObject) {
  struct {
    char const* text;
    char const* pointer;
  } const bad[] = {
      {"[]", ""},
      {"null", ""},
      {"{}", "/type"},
      {R"({"type":1})", "/type"},
      {R"({"type":"Indicator"})", "/type"},
      {R"({"type":"a--b"})", "/type"},
      {R"({"type":"bundle","id":"bundle--7b7fc1a4-4b1c-4a55-8c3e-0f7e5a4d2c11"})", "/type"},
      {R"({"type":"mutex","name":"m","id":"mutex--1"})", "/id"},
      {R"({"type":"mutex","name":"m","id":7})", "/id"},
      {R"({"type":"mutex","name":"m","id":"url--7b7fc1a4-4b1c-4a55-8c3e-0f7e5a4d2c11"})", "/id"},
  };
  for (auto const& row : bad) {
    auto const checked = check(json::parse(row.text).value());
    EXPECT_EQ(checked.verdict, Verdict::kReject) << row.text;
    EXPECT_TRUE(has_issue(checked, row.pointer, true)) << row.text << describe(checked);
  }
}

// One changed or added member: which verdict, and where.
struct Change {
  char const* type;
  char const* member;
  char const* value;
  char const* pointer;
  Verdict verdict = Verdict::kQuarantine;
};
constexpr auto kR = Verdict::kReject;
constexpr auto kA = Verdict::kAccept;
constexpr Change kChanges[] = {
    // common properties
    {"tool", "spec_version", R"("2.0")", "/spec_version"},
    {"tool", "created", R"("2020-01-01T00:00:00Z")", "/created"},
    {"tool", "created", R"("2020-01-01T00:00:00.000+00:00")", "/created", kR},
    {"tool", "created", R"("2020-02-30T00:00:00.000Z")", "/created", kR},
    {"tool", "modified", R"("2019-12-31T23:59:59.999Z")", "/modified"},
    {"tool", "modified", R"("2020-01-01T00:00:00.000001Z")", "", kA},
    {"tool", "confidence", "101", "/confidence"},
    {"tool", "confidence", "-1", "/confidence"},
    {"tool", "confidence", "50.0", "", kA},
    {"tool", "confidence", "50.5", "/confidence", kR},
    {"tool", "lang", R"("pt-BR")", "", kA},
    {"tool", "lang", R"("not a tag")", "/lang"},
    {"tool", "created_by_ref", R"("me")", "/created_by_ref", kR},
    {"tool", "created_by_ref", REF("tool"), "/created_by_ref"},
    {"tool", "object_marking_refs", "[" REF("identity") "]", "/object_marking_refs/0"},
    {"tool", "defanged", "true", "/defanged"},
    {"tool", "severity", "1", "/severity"},
    {"tool", "x_custom", "{\"Any\":[]}", "", kA},
    {"tool", "x-custom", "1", "/x-custom"},
    {"tool", "external_references", R"([{"source_name":"s"}])", "/external_references/0"},
    {"tool", "external_references", R"([{"url":"u"}])", "/external_references/0/source_name", kR},
    {"tool", "external_references", R"([{"source_name":"s","url":"u","hashes":{"MD5":"00"}}])",
     "/external_references/0/hashes/MD5"},
    {"tool", "kill_chain_phases", R"([{"kill_chain_name":"k"}])", "/kill_chain_phases/0/phase_name",
     kR},
    {"tool", "granular_markings", R"([{"selectors":["name"],"lang":"de"}])", "", kA},
    {"tool", "granular_markings", R"([{"selectors":["name"]}])", "/granular_markings/0"},
    {"tool", "granular_markings", R"([{"selectors":["labels.[0]"],"lang":"de"}])",
     "/granular_markings/0/selectors/0"},
    {"tool", "granular_markings",
     R"([{"selectors":["granular_markings.[0].selectors.[0]"],"lang":"de"}])", "", kA},
    // extensions
    {"tool", "extensions", R"({"pdf-ext":{"version":"1"}})", "/extensions/pdf-ext"},
    {"tool", "extensions", R"({"extension-definition--7b7fc1a4-4b1c-4a55-8c3e-0f7e5a4d2c11":{}})",
     "/extensions/extension-definition--7b7fc1a4-4b1c-4a55-8c3e-0f7e5a4d2c11/extension_type"},
    {"tool", "extensions",
     R"({"extension-definition--7b7fc1a4-4b1c-4a55-8c3e-0f7e5a4d2c11":{"extension_type":"new"}})",
     "/extensions/extension-definition--7b7fc1a4-4b1c-4a55-8c3e-0f7e5a4d2c11/extension_type"},
    {"tool", "extensions", R"({"x":[]})", "/extensions/x", kR},
    {"file", "extensions", R"({"x-example-com-foo":{"a":1}})", "", kA},
    {"file", "extensions", R"({"Foo Bar":{"a":1}})", "/extensions/Foo Bar"},
    {"file", "extensions", R"({"pdf-ext":{}})", "/extensions/pdf-ext"},
    {"file", "extensions", R"({"windows-pebinary-ext":{"pe_type":"exe"}})",
     "/extensions/windows-pebinary-ext"},
    {"file", "extensions", R"({"archive-ext":{"contains_refs":[)" REF("url") "]}}",
     "/extensions/archive-ext/contains_refs/0"},
    {"process", "extensions", R"({"windows-service-ext":{"start_type":"AUTO"}})",
     "/extensions/windows-service-ext/start_type"},
    // one rule each
    {"campaign", "first_seen", R"("2030-01-01T00:00:00Z")", "", kA},
    {"opinion", "opinion", R"("meh")", "/opinion"},
    {"indicator", "pattern_type", R"("anything")", "", kA},
    {"location", "latitude", "1.5", "/longitude"},
    {"location", "precision", "10", "/latitude"},
    {"malware-analysis", "sample_ref", REF("tool"), "/sample_ref"},
    {"observed-data", "objects", R"({"0":{"type":"file","name":"x"}})", ""},
    {"observed-data", "number_observed", "0", "/number_observed"},
    {"observed-data", "last_observed", R"("2019-01-01T00:00:00Z")", "/last_observed"},
    {"relationship", "target_ref", REF("relationship"), "/target_ref"},
    {"relationship", "target_ref", REF("x-mitre-asset"), "", kA},
    {"sighting", "sighting_of_ref", REF("ipv4-addr"), "/sighting_of_ref"},
    {"sighting", "count", "1000000000", "/count"},
    {"language-content", "contents", R"({"ms":"x"})", "/contents/ms", kR},
    {"language-content", "contents", R"({"no tag":{}})", "/contents/no tag"},
    {"extension-definition", "extension_types", R"(["new"])", "/extension_types/0"},
    {"extension-definition", "extension_properties", R"(["abc"])", "/extension_properties"},
    {"marking-definition", "definition", R"({"tlp":"red"})", "/definition"},
    {"marking-definition", "object_marking_refs",
     R"(["marking-definition--7b7fc1a4-4b1c-4a55-8c3e-0f7e5a4d2c11"])", "/object_marking_refs"},
    {"artifact", "url", R"("https://example.com")", ""},
    {"artifact", "payload_bin", R"("AAA")", "/payload_bin", kR},
    {"artifact", "decryption_key", R"("k")", "/encryption_algorithm"},
    {"artifact", "encryption_algorithm", R"("ROT13")", "/encryption_algorithm"},
    {"email-message", "body_multipart", R"([{"body":"b"}])", "/body_multipart"},
    {"email-message", "additional_header_fields", R"({"X-Mailer":["m"]})", "", kA},
    {"email-message", "additional_header_fields", R"({"a b":["m"]})",
     "/additional_header_fields/a b"},
    {"file", "size", "-1", "/size"},
    {"file", "hashes", R"({"SHA-256":"zz"})", "/hashes/SHA-256"},
    {"file", "hashes", R"({"SHA-256":1})", "/hashes/SHA-256", kR},
    {"file", "magic_number_hex", R"("504B0304")", "", kA},
    {"file", "magic_number_hex", R"("504")", "/magic_number_hex", kR},
    {"ipv4-addr", "value", R"("198.51.100.1/33")", "/value"},
    {"ipv4-addr", "value", R"("example.com")", "/value"},
    {"ipv6-addr", "value", R"("2001:db8::/129")", "/value"},
    {"ipv6-addr", "value", R"("2001:db8::/")", "/value"},
    {"mac-addr", "value", R"("00:00:AB:CD:EF:01")", "/value"},
    {"network-traffic", "dst_port", "65536", "/dst_port"},
    {"windows-registry-key", "key", R"("HKLM\\x")", "/key"},
    {"windows-registry-key", "values", R"([{}])", "/values/0"},
    {"x509-certificate", "x509_v3_extensions", "{}", "/x509_v3_extensions"},
};

TEST(Check, AppliesEachRule) {
  for (auto const& change : kChanges) {
    auto o = minimal(change.type);
    o[change.member] = json::parse(change.value).value();
    auto const checked = check(o);
    EXPECT_EQ(checked.verdict, change.verdict)
        << change.type << "/" << change.member << "=" << change.value << describe(checked);
    if (change.verdict != kA) {
      EXPECT_TRUE(has_issue(checked, change.pointer, change.verdict == kR))
          << change.type << "/" << change.member << describe(checked);
    }
  }
}

TEST(Check, AppliesRulesOverTwoMembers) {
  auto const verdict = [](char const* type, char const* more) {
    auto o = minimal(type);
    auto const added = json::parse(more).value();
    for (auto const& member : added.get_object()) o[member.key()] = member.value();
    return check(o).verdict;
  };
  auto const kQ = Verdict::kQuarantine;
  EXPECT_EQ(verdict("campaign",
                    R"({"first_seen":"2020-01-02T00:00:00Z","last_seen":"2020-01-01T00:00:00Z"})"),
            kQ);
  EXPECT_EQ(verdict("campaign",
                    R"({"first_seen":"2020-01-02T00:00:00Z","last_seen":"2020-01-02T00:00:00Z"})"),
            kA);
  EXPECT_EQ(verdict("relationship",
                    R"({"start_time":"2020-01-02T00:00:00Z","stop_time":"2020-01-02T00:00:00Z"})"),
            kQ);
  EXPECT_EQ(verdict("network-traffic", R"({"end":"2020-01-02T00:00:00Z","is_active":true})"), kQ);
  EXPECT_EQ(verdict("network-traffic", R"({"end":"2020-01-02T00:00:00Z","is_active":false})"), kA);
  EXPECT_EQ(verdict("email-message", R"({"is_multipart":true,"body":"b"})"), kQ);
  EXPECT_EQ(verdict("email-message", R"({"is_multipart":true,"body_multipart":[{"body":"b"}]})"),
            kA);
  EXPECT_EQ(verdict("location", R"({"latitude":48.8566,"longitude":2.3522,"precision":1000})"), kA);
  EXPECT_EQ(verdict("location", R"({"latitude":91,"longitude":2.3522})"), kQ);
  EXPECT_EQ(verdict("ipv4-addr", R"({"value":"198[.]51[.]100[.]1","defanged":true})"), kA);
  EXPECT_EQ(verdict("marking-definition",
                    R"({"id":"marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed",
                        "definition_type":"tlp","definition":{"tlp":"red"}})"),
            kA);
  EXPECT_EQ(
      verdict("marking-definition", R"({"definition_type":"tlp","definition":{"tlp":"red"}})"), kQ);
}

TEST(Check, HandlesTypesTheSpecificationDoesNotHave) {
  std::string const versions =
      R"("spec_version":"2.1","created":"2020-01-01T00:00:00.000Z","modified":"2020-01-01T00:00:00.000Z")";
  auto const with = [&](std::string const& type, std::string const& rest) {
    return check(parse_object(head_of(type) + rest + "}"));
  };
  auto const extension = [](std::string const& kind) {
    return R"("extensions":{"extension-definition--7b7fc1a4-4b1c-4a55-8c3e-0f7e5a4d2c11":{"extension_type":")" +
           kind + "\"}}";
  };
  EXPECT_EQ(with("x-foo", versions).verdict, Verdict::kAccept);
  EXPECT_EQ(with("x-foo", versions).object.object_class, Class::kCustom);
  EXPECT_EQ(with("foo", versions).verdict, Verdict::kQuarantine);
  EXPECT_TRUE(has_issue(with("foo", versions), "/type", false));
  EXPECT_EQ(with("foo", versions + "," + extension("new-sdo")).verdict, Verdict::kAccept);
  EXPECT_EQ(with("foo", versions + "," + extension("new-sdo")).object.object_class, Class::kDomain);
  EXPECT_EQ(with("foo", versions + "," + extension("new-sro")).object.object_class,
            Class::kRelationship);
  EXPECT_EQ(with("foo", extension("new-sco")).verdict, Verdict::kAccept);
  EXPECT_EQ(with("foo", extension("new-sco")).object.object_class, Class::kObservable);
  EXPECT_EQ(with("foo", extension("new-sdo")).verdict, Verdict::kReject);
  EXPECT_EQ(with("foo", extension("property-extension")).verdict, Verdict::kQuarantine);
  EXPECT_EQ(with("x-foo", R"("created":"2020-01-01T00:00:00.000Z")").verdict, Verdict::kQuarantine);
}

TEST(Check, ComparesTheDeterministicIdentifier) {
  auto o = parse_object(R"({"type":"ipv4-addr","value":"198.51.100.3",
                            "id":"ipv4-addr--28bb3599-77cd-5a82-a950-b5bc3caf07c4"})");
  EXPECT_EQ(check(o).verdict, Verdict::kAccept);
  o["id"] = "ipv4-addr--28BB3599-77CD-5A82-A950-B5BC3CAF07C4";
  EXPECT_EQ(check(o).verdict, Verdict::kAccept);
  o["value"] = "198.51.100.4";
  EXPECT_EQ(check(o).verdict, Verdict::kQuarantine);
  EXPECT_TRUE(has_issue(check(o), "/id", false));
  o["defanged"] = true;
  EXPECT_EQ(check(o).verdict, Verdict::kAccept);
  EXPECT_EQ(deterministic_id(parse_object(R"({"type":"user-account"})")), std::nullopt);
  EXPECT_EQ(deterministic_id(parse_object(R"({"type":"tool","name":"n"})")), std::nullopt);
  // MD5 goes before the others.
  auto const one = parse_object(R"({"type":"file","hashes":{"MD5":"a"}})");
  auto const two = parse_object(R"({"type":"file","hashes":{"SHA-256":"b","MD5":"a"}})");
  EXPECT_EQ(deterministic_id(one), deterministic_id(two));
}

TEST(Check, ExtractsWhatTheSystemNeeds) {
  auto o = minimal("relationship");
  o["created_by_ref"] = "identity--3f0b1a5c-0c5e-4a6f-9d3e-6a1f9b2c4d5e";
  o["created"] = "1970-01-01T00:00:01.000Z";
  o["modified"] = "1970-01-01T00:00:01.5000019Z";
  o["x_made_with_refs"] = json::array{"tool--3f0b1a5c-0c5e-4a6f-9d3e-6a1f9b2c4d5e", "no"};
  auto const checked = check(o);
  ASSERT_EQ(checked.verdict, Verdict::kAccept) << describe(checked);
  EXPECT_EQ(checked.object.created_us, 1'000'000);
  EXPECT_EQ(checked.object.modified_us, 1'500'001);
  EXPECT_EQ(checked.object.object_class, Class::kRelationship);
  std::map<std::string, std::string> relations;
  for (auto const& reference : checked.object.references)
    relations[reference.relation] = reference.to;
  EXPECT_EQ(relations, (std::map<std::string, std::string>{
                           {"created_by_ref", "identity--3f0b1a5c-0c5e-4a6f-9d3e-6a1f9b2c4d5e"},
                           {"source_ref", "campaign--3f0b1a5c-0c5e-4a6f-9d3e-6a1f9b2c4d5e"},
                           {"uses", "malware--3f0b1a5c-0c5e-4a6f-9d3e-6a1f9b2c4d5e"},
                           {"x_made_with_refs", "tool--3f0b1a5c-0c5e-4a6f-9d3e-6a1f9b2c4d5e"}}));
  EXPECT_EQ(check(minimal("url")).object.name, "https://example.com/");
}

TEST(Check, ReportsABoundedNumberOfIssues) {
  auto o = minimal("report");
  json::array refs(500, json::value("bad"));
  o["object_refs"] = refs;
  auto const checked = check(o);
  EXPECT_EQ(checked.verdict, Verdict::kReject);
  EXPECT_LE(checked.issues.size(), 32U);
  // A fatal issue is told even after many that are not.
  json::array soft(500, json::value(json::object{{"source_name", "s"}}));
  o = minimal("tool");
  o["external_references"] = soft;
  EXPECT_EQ(check(o).verdict, Verdict::kQuarantine);
  o.erase("name");
  EXPECT_EQ(check(o).verdict, Verdict::kReject);
}

TEST(Bundle, HeadIsChecked) {
  auto const code = [](char const* text) {
    auto const result = check_bundle_head(json::parse(text).value());
    return result ? Code::kInternal : result.error().code;
  };
  EXPECT_EQ(code(R"({"type":"bundle","id":"bundle--7b7fc1a4-4b1c-4a55-8c3e-0f7e5a4d2c11"})"),
            Code::kInternal);
  EXPECT_EQ(
      code(R"({"type":"bundle","id":"bundle--7b7fc1a4-4b1c-4a55-8c3e-0f7e5a4d2c11","objects":[]})"),
      Code::kInternal);
  EXPECT_EQ(
      code(
          R"({"type":"bundle","id":"bundle--7b7fc1a4-4b1c-4a55-8c3e-0f7e5a4d2c11","spec_version":"2.0"})"),
      Code::kUnsupported);
  EXPECT_EQ(code(R"({"type":"bundle","id":"bundle--1"})"), Code::kMalformed);
  EXPECT_EQ(code(R"({"type":"bundle"})"), Code::kMissingField);
  EXPECT_EQ(code(R"({"type":"report","id":"report--7b7fc1a4-4b1c-4a55-8c3e-0f7e5a4d2c11"})"),
            Code::kMalformed);
  EXPECT_EQ(code("[]"), Code::kWrongType);
}

json::value gen_value(int depth) {
  switch (*rc::gen::inRange(0, depth > 0 ? 8 : 6)) {
    case 0:
      return nullptr;
    case 1:
      return *rc::gen::arbitrary<bool>();
    case 2:
      return *rc::gen::arbitrary<std::int64_t>();
    case 3:
      return *rc::gen::element(-1.5, 1e300, 0.5);
    case 4:
      return json::value(*rc::gen::element<std::string>(
          "", "2020-01-01T00:00:00.000Z", "identity--3f0b1a5c-0c5e-4a6f-9d3e-6a1f9b2c4d5e",
          "name.[0]", "tlp"));
    case 5:
      return json::value(*rc::gen::arbitrary<std::string>());
    case 6:
      return json::array{gen_value(depth - 1)};
    default:
      return json::object{
          {*rc::gen::element<std::string>("a", "hashes", "windows-pebinary-ext", "MD5"),
           gen_value(depth - 1)}};
  }
}

// Whatever a member becomes, there is a verdict, and issues say why it is not kAccept.
RC_GTEST_PROP(Check, AlwaysGivesReasons, ()) {
  auto const type = *rc::gen::elementOf(all_types());
  auto o = minimal(type);
  auto const properties = internal::find_type(type)->shape.properties;
  for (int i = *rc::gen::inRange(1, 4); i > 0; --i) {
    auto const index = *rc::gen::inRange<std::size_t>(0, properties.size());
    o[std::string(properties[index].name)] = gen_value(3);
  }
  auto const checked = check(o);
  RC_ASSERT(checked.issues.empty() == (checked.verdict == Verdict::kAccept));
  bool fatal = false;
  for (auto const& issue : checked.issues) {
    fatal = fatal || issue.fatal;
    RC_ASSERT(issue.reason.starts_with("STIX "));
    RC_ASSERT(issue.pointer.empty() || issue.pointer.front() == '/');
  }
  RC_ASSERT(fatal == (checked.verdict == Verdict::kReject));
  if (checked.verdict != Verdict::kReject) RC_ASSERT(is_identifier(checked.object.id));
}

}  // namespace
}  // namespace amic::stix
