#include "importers/incidents.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cctype>
#include <fstream>
#include <sstream>

#include "importers/objects.h"
#include "importers/tables.h"
#include "importers/text_repair.h"
#include "stix/stix.h"

namespace amic::importers {
namespace {

std::string slurp(std::string const& name) {
  std::ifstream file(std::string(AMIC_SOURCE_DIR) + "/data/incidents/" + name, std::ios::binary);
  EXPECT_TRUE(file) << name;
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

ImportResult import_file(std::string const& name, Options const& options = {}) {
  std::string const text = slurp(name);
  auto result = name == "asam.csv" ? import_asam(text, options) : import_imb(text, options);
  EXPECT_TRUE(result) << result.error().text();
  return result ? std::move(*result) : ImportResult{};
}
ImportResult const& asam() {
  static ImportResult const result = import_file("asam.csv");
  return result;
}
ImportResult const& imb() {
  static ImportResult const result = import_file("imb.csv");
  return result;
}

json::object object_of(std::string const& text) {
  auto const value = json::parse(text);
  EXPECT_TRUE(value) << text;
  return value ? value->as_object() : json::object{};
}
json::object extension_of(Incident const& incident) {
  return object_of(incident.objects.front())
      .at("extensions")
      .as_object()
      .at(incident_extension_id())
      .as_object();
}
std::string string_at(json::object const& o, std::string_view name) {
  auto const* found = o.if_contains(name);
  return found != nullptr && found->is_string() ? std::string(found->as_string()) : "";
}
bool holds_word(std::string const& text, std::string const& word) {
  auto const inner = [&](std::size_t i) {
    return i < text.size() && std::isalnum(static_cast<unsigned char>(text[i])) != 0;
  };
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1))
    if ((at == 0 || !inner(at - 1)) && !inner(at + word.size())) return true;
  return false;
}
Incident const* at_line(ImportResult const& result, std::size_t line) {
  for (Incident const& incident : result.incidents)
    if (incident.line == line) return &incident;
  return nullptr;
}
Incident const* by_reference(ImportResult const& result, std::string const& reference) {
  static std::map<std::string, Incident const*> const index = [&] {
    std::map<std::string, Incident const*> out;
    for (Incident const& i : result.incidents)
      out[string_at(extension_of(i).at("row").as_object(), "reference")] = &i;
    return out;
  }();
  auto const found = index.find(reference);
  return found == index.end() ? nullptr : found->second;
}

void expect_accounts(ImportResult const& r) {
  EXPECT_EQ(r.accepted + r.quarantined + r.rejected, r.rows);
  EXPECT_EQ(r.incidents.size() + r.duplicates, r.accepted);
  EXPECT_EQ(r.refused.size(), r.quarantined + r.rejected);
}

TEST(Asam, EveryRowOfTheFileIsAccountedFor) {
  ImportResult const& r = asam();
  EXPECT_EQ(r.rows, 8619u);
  EXPECT_EQ(r.accepted, 8619u);
  EXPECT_EQ(r.duplicates, 2u);
  EXPECT_EQ(r.quarantined, 0u);
  EXPECT_EQ(r.rejected, 0u);
  expect_accounts(r);
  EXPECT_EQ(r.notes.at("position has 60 minutes: carried into the next degree"), 378u);
  EXPECT_EQ(r.notes.at("the reference's year is not the date's"), 556u);
  EXPECT_EQ(r.notes.at("control characters shown as spaces"), 4u);
}

TEST(Imb, EveryRowOfTheFileIsAccountedFor) {
  ImportResult const& r = imb();
  EXPECT_EQ(r.rows, 7511u);
  EXPECT_EQ(r.accepted, 7511u);
  EXPECT_EQ(r.duplicates, 20u);
  EXPECT_EQ(r.quarantined, 0u);
  EXPECT_EQ(r.rejected, 0u);
  expect_accounts(r);
  EXPECT_EQ(r.notes.at("time given without a zone: kept as local time"), 405u);
  EXPECT_EQ(r.notes.at("time unreadable: precision is the date"), 1u);
  EXPECT_EQ(r.notes.at("column eez_country left out on purpose: contested"), 7511u);
}

TEST(Incidents, EveryObjectIsValidStixAndHasItsOwnIdentifier) {
  for (ImportResult const* r : {&asam(), &imb()}) {
    std::map<std::string, std::string> content;
    auto const look = [&](std::string const& text) {
      auto const value = json::parse(text);
      ASSERT_TRUE(value);
      auto const checked = stix::check(*value);
      ASSERT_EQ(checked.verdict, stix::Verdict::kAccept)
          << text << checked.issues.front().pointer << checked.issues.front().reason;
      ASSERT_EQ(json::canonical(*value), text);
      auto const [held, fresh] = content.try_emplace(checked.object.id, text);
      ASSERT_TRUE(fresh || held->second == text) << checked.object.id;
    };
    for (std::string const& text : r->shared) look(text);
    for (Incident const& incident : r->incidents)
      for (std::string const& text : incident.objects) look(text);
  }
}

// Nothing of a row is lost: its columns can be read back from the incident, but for the contested
// one.
TEST(Incidents, RowsCanBeReadBackVerbatim) {
  for (bool const first : {true, false}) {
    ImportResult const& r = first ? asam() : imb();
    std::string const narrative = first ? "description" : "attack_description";
    std::string const text = slurp(first ? "asam.csv" : "imb.csv");
    CsvReader reader(text);
    CsvRecord header, record;
    ASSERT_TRUE(reader.next(header));
    auto incident = r.incidents.begin();
    while (reader.next(record) && incident != r.incidents.end()) {
      if (incident->line != record.line) continue;  // a duplicate
      json::object const stix_object = object_of(incident->objects.front());
      json::object const row = extension_of(*incident).at("row").as_object();
      for (std::size_t i = 0; i < record.fields.size(); ++i) {
        if (header.fields[i] == "eez_country" || header.fields[i].empty()) continue;
        std::string got = string_at(row, header.fields[i]);
        if (header.fields[i] == narrative && !row.contains(narrative))
          got = string_at(stix_object, "description");
        ASSERT_EQ(got, record.fields[i]) << record.line << header.fields[i];
      }
      EXPECT_FALSE(row.contains("eez_country"));
      ++incident;
    }
    EXPECT_EQ(incident, r.incidents.end());
  }
}

TEST(Incidents, ImportingTwiceGivesTheSame) {
  for (std::string const name : {"asam.csv", "imb.csv"}) {
    ImportResult const again = import_file(name);
    ImportResult const& first = name == "asam.csv" ? asam() : imb();
    ASSERT_EQ(again.incidents.size(), first.incidents.size());
    for (std::size_t i = 0; i < first.incidents.size(); ++i)
      ASSERT_EQ(again.incidents[i].objects, first.incidents[i].objects);
    EXPECT_EQ(to_bundles(again, 1000), to_bundles(first, 1000));
  }
}

struct Spot {
  char const* reference;
  char const* created;
  double latitude, longitude;
  char const* coast;
  char const* vessel;  // name of the vessel object, "" = none
  char const* type;
};

TEST(Asam, SpotChecks) {
  constexpr Spot kSpots[] = {
      {"2022-127", "2022-04-28T00:00:00.000Z", 13.716666667, 121.033333333, "PH", "SEXTANS",
       "tanker"},
      {"2022-124", "2022-04-27T00:00:00.000Z", 1.266666667, 104.283333333, "ID", "",
       "bulk-carrier"},
      {"2022-121", "2022-04-26T00:00:00.000Z", -0.066666667, -51.1, "BR", "", "bulk-carrier"},
      {"2022-123", "2022-04-18T00:00:00.000Z", 47.088011111, 37.579511111, "UA", "TZAREVNA",
       "bulk-carrier"},
      {"2022-114", "2022-04-11T00:00:00.000Z", -6, 106.9, "ID", "", "bulk-carrier"},
      {"2021-92", "2021-03-24T00:00:00.000Z", 10.316666667, -75.516666667, "", "", ""},
      {"2016-225", "2016-09-28T00:00:00.000Z", 2, -174, "", "", "yacht"},
      {"2007-58", "2005-03-11T00:00:00.000Z", 18.483611111, 38.321111111, "SD", "",
       "research-vessel"},
      {"1997-74", "1997-08-09T00:00:00.000Z", 23.036111111, 70.225, "IN", "", "merchant-vessel"},
      {"1989-12", "1978-05-01T00:00:00.000Z", 6, 119.5, "PH", "", ""},
  };
  for (Spot const& spot : kSpots) {
    Incident const* incident = by_reference(asam(), spot.reference);
    ASSERT_NE(incident, nullptr) << spot.reference;
    json::object const o = object_of(incident->objects[0]);
    EXPECT_EQ(string_at(o, "created"), spot.created) << spot.reference;
    EXPECT_EQ(string_at(o, "modified"), spot.created);
    json::object const place = object_of(incident->objects[1]);
    EXPECT_NEAR(place.at("latitude").to_number<double>(), spot.latitude, 1e-9) << spot.reference;
    EXPECT_NEAR(place.at("longitude").to_number<double>(), spot.longitude, 1e-9) << spot.reference;
    EXPECT_EQ(incident->coast, spot.coast) << spot.reference;
    bool const named = spot.vessel[0] != '\0';
    ASSERT_EQ(incident->objects.size(), named ? 5u : 3u) << spot.reference;
    if (named) {
      EXPECT_EQ(string_at(object_of(incident->objects[3]), "name"), spot.vessel);
    }
    json::object const extension = extension_of(*incident);
    auto const* vessel = extension.if_contains("vessel");
    EXPECT_EQ(vessel ? string_at(vessel->as_object(), "type") : "", spot.type) << spot.reference;
  }
  // The two duplicate references are exact copies: the first stands.
  EXPECT_NE(by_reference(asam(), "2021-207"), nullptr);
  EXPECT_NE(by_reference(asam(), "2021-161"), nullptr);
  // A control character in the middle of a narrative: shown as a space, kept in the row.
  Incident const* dirty = by_reference(asam(), "1987-19");
  ASSERT_NE(dirty, nullptr);
  EXPECT_EQ(string_at(object_of(dirty->objects[0]), "description").find('\x19'), std::string::npos);
  EXPECT_NE(string_at(extension_of(*dirty).at("row").as_object(), "description").find('\x19'),
            std::string::npos);
}

Incident const* imb_by(std::string_view column, std::string_view text) {
  for (Incident const& incident : imb().incidents)
    if (string_at(extension_of(incident).at("row").as_object(), column) == text) return &incident;
  return nullptr;
}

TEST(Imb, SpotChecks) {
  Incident const* unreadable = imb_by("time", "18:85 UTC");
  ASSERT_NE(unreadable, nullptr);
  EXPECT_EQ(json::canonical(extension_of(*unreadable).at("when")),
            R"({"date":"2020-03-22","precision":"date"})");
  Incident const* utc = imb_by("time", "16:40 UTC");
  ASSERT_NE(utc, nullptr);
  EXPECT_EQ(string_at(extension_of(*utc).at("when").as_object(), "zone"), "UTC");
  Incident const* local = imb_by("time", "02:34");
  ASSERT_NE(local, nullptr);
  EXPECT_EQ(json::canonical(extension_of(*local).at("when")),
            R"({"date":"2015-01-08","precision":"minute","time":"02:34","zone":"local"})");
  EXPECT_EQ(string_at(object_of(local->objects[0]), "created"), "2015-01-08T00:00:00.000Z");
  EXPECT_EQ(local->coast, "ID");
  Incident const* many =
      imb_by("vessel_name", "Zikomoni, Matambuhuri, Shima, Vai Vai, Maer Doa, Ahsan, Joynab");
  ASSERT_NE(many, nullptr);
  EXPECT_EQ(many->objects.size(), 3u + 7 * 2);
  EXPECT_EQ(many->coast, "BD");
  Incident const* withheld = imb_by("vessel_name", "Name Withheld & Name Withheld");
  ASSERT_NE(withheld, nullptr);
  EXPECT_EQ(withheld->objects.size(), 3u);
  Incident const* nowhere = imb_by("nearest_country", "NA");
  ASSERT_NE(nowhere, nullptr);
  EXPECT_EQ(nowhere->coast, "");
  Incident const* first = at_line(imb(), 2);
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(string_at(object_of(first->objects[3]), "name"), "COSMIC LEADER");
}

TEST(Incidents, BothSourcesShareAVesselOfOneName) {
  auto const id_of = [](ImportResult const& r, std::string const& name) {
    for (Incident const& incident : r.incidents)
      for (std::string const& text : incident.objects)
        if (text.find("\"name\":\"" + name + "\"") != std::string::npos) {
          json::object const o = object_of(text);
          if (string_at(o, "type") == "vessel") return string_at(o, "id");
        }
    return std::string();
  };
  EXPECT_FALSE(id_of(asam(), "MAERSK ALABAMA").empty());
  EXPECT_EQ(id_of(asam(), "MAERSK ALABAMA"), id_of(imb(), "MAERSK ALABAMA"));
}

TEST(Incidents, RedactionLeavesNoVesselAndNoKnownName) {
  Options options;
  options.redact_vessels = true;
  for (std::string const name : {"asam.csv", "imb.csv"}) {
    ImportResult const redacted = import_file(name, options);
    ImportResult const& full = name == "asam.csv" ? asam() : imb();
    ASSERT_EQ(redacted.incidents.size(), full.incidents.size());
    for (std::size_t i = 0; i < full.incidents.size(); ++i) {
      Incident const& shown = redacted.incidents[i];
      ASSERT_NE(shown.id, full.incidents[i].id);
      ASSERT_EQ(shown.objects.size(), 3u);
      if (full.incidents[i].objects.size() == 3) continue;  // names no vessel
      json::object const o = object_of(shown.objects[0]);
      json::object const row = extension_of(shown).at("row").as_object();
      std::string const text =
          ascii_upper(string_at(o, "description") + "|" + string_at(o, "name") + "|" +
                      string_at(row, "victim") + "|" + string_at(row, "vessel_name"));
      for (std::size_t k = 3; k < full.incidents[i].objects.size(); k += 2) {
        std::string const vessel = string_at(object_of(full.incidents[i].objects[k]), "name");
        // Names of places stay where places are named.
        if (!country_named(vessel).empty() || !string_at(row, "location_description").empty())
          continue;
        EXPECT_FALSE(holds_word(text, vessel)) << vessel << " in " << text;
      }
    }
    for (std::string const& text : redacted.shared)
      EXPECT_EQ(text.find(vessel_extension_id()), std::string::npos);
  }
}

constexpr char kHeader[] = "reference,date,position,navArea,subreg,hostility,victim,description,\n";

TEST(Asam, BadRowsAreRefusedWithLineAndReason) {
  std::string const text =
      std::string(kHeader) +
      "2020-1,2020-01-02,\"1°00'00\"\"N \n104°00'00\"\"E\",XI,71,Pirates,Tanker,SINGAPORE: "
      "x,\n"                                                                      // line 2
      "2020-1,2020-01-02,1-00N 104-00E,XI,71,Pirates,Tanker,SINGAPORE: other,\n"  // 4
                                                                                  // conflict
      "2020-2,02/01/2020,1-00N 104-00E,XI,71,,,SINGAPORE: x,\n"                   // 5 date form
      "2020-3,2020-02-30,1-00N 104-00E,XI,71,,,SINGAPORE: x,\n"                   // 6 no day
      "2020-4,2020-01-02,somewhere,XI,71,,,at sea,\n"                             // 7 no place
      "2020-5,2020-01-02,somewhere,XI,71,,,INDONESIA: x,\n"                       // 8 country
      "2020-6,2020-01-02,1-00N 104-00E,XI\n"                                      // 9 short
      "2020-7,2020-01-02,1-00N 104-00E,XI,71,,,\"open\"x,\n"                      // 10 quoting
      ",2020-01-02,1-00N 104-00E,XI,71,,,x,\n"                                    // 11 no ref
      "2020-8,,1-00N 104-00E,XI,71,,,x,\n"                                        // 12 no date
      "2020-9,2020-01-02,1-00N 104-00E,XI,71,,,ship\x92s,\n"                      // 13 1252
      "2020-10,2020-01-02,1-00N 104-00E,XI,71,,,ship\x81s,\n";                    // 14 neither
  auto const r = import_asam(text);
  ASSERT_TRUE(r);
  EXPECT_EQ(r->rows, 12u);
  EXPECT_EQ(r->accepted, 4u);
  EXPECT_EQ(r->rejected, 2u);
  EXPECT_EQ(r->quarantined, 6u);
  expect_accounts(*r);
  struct Expected {
    std::size_t line;
    RowFate fate;
    Code code;
    char const* reason;
  };
  constexpr Expected kExpected[] = {
      {4, RowFate::kQuarantined, Code::kConflict,
       "reference: an earlier row has this reference and other content"},
      {5, RowFate::kQuarantined, Code::kMalformed, "date: not of the form YYYY-MM-DD"},
      {6, RowFate::kQuarantined, Code::kOutOfRange, "date: no such day"},
      {7, RowFate::kQuarantined, Code::kMalformed,
       "position: unreadable (expected a number) and no country is named"},
      {9, RowFate::kRejected, Code::kMalformed, "4 fields where the header has 9"},
      {10, RowFate::kRejected, Code::kMalformed, "line 10: text after a closing quote"},
      {11, RowFate::kQuarantined, Code::kMissingField, "reference: the row has none"},
      {14, RowFate::kQuarantined, Code::kBadUtf8, "description: neither UTF-8 nor Windows-1252"},
  };
  ASSERT_EQ(r->refused.size(), std::size(kExpected));
  for (std::size_t i = 0; i < std::size(kExpected); ++i) {
    EXPECT_EQ(r->refused[i].line, kExpected[i].line);
    EXPECT_EQ(r->refused[i].fate, kExpected[i].fate) << kExpected[i].line;
    EXPECT_EQ(r->refused[i].code, kExpected[i].code) << kExpected[i].line;
    EXPECT_EQ(r->refused[i].reason, kExpected[i].reason);
  }
  json::object const by_country = object_of(at_line(*r, 8)->objects[1]);
  EXPECT_EQ(string_at(by_country, "country"), "ID");
  EXPECT_FALSE(by_country.contains("latitude"));
  EXPECT_EQ(string_at(extension_of(*at_line(*r, 8)).at("position").as_object(), "raw"),
            "somewhere");
  EXPECT_EQ(json::canonical(extension_of(*at_line(*r, 12)).at("when")),
            R"({"precision":"unknown"})");
  EXPECT_EQ(string_at(object_of(at_line(*r, 13)->objects[0]), "description"), "ship’s");
  EXPECT_EQ(r->notes.at("text decoded from Windows-1252"), 1u);
}

TEST(Incidents, AFileThatIsNotTheDataSetIsRefusedWhole) {
  EXPECT_EQ(import_asam("").error().code, Code::kMalformed);
  EXPECT_EQ(import_asam("reference,date\n1,2\n").error().code, Code::kMissingField);
  EXPECT_EQ(import_asam("reference,reference\n").error().code, Code::kDuplicateKey);
  EXPECT_EQ(import_imb(kHeader).error().code, Code::kMissingField);
}

TEST(Incidents, AnEditionTimeMovesModifiedOnly) {
  Options options;
  options.edition_us = 1'767'225'600'000'000 + 1'000'000;
  std::string const text =
      std::string(kHeader) + "2020-1,2020-01-02,1-00N 104-00E,XI,71,,,SINGAPORE: x,\n";
  auto const plain = import_asam(text);
  auto const edition = import_asam(text, options);
  ASSERT_TRUE(plain && edition);
  EXPECT_EQ(plain->incidents[0].id, edition->incidents[0].id);
  json::object const o = object_of(edition->incidents[0].objects[0]);
  EXPECT_EQ(string_at(o, "created"), "2020-01-02T00:00:00.000Z");
  EXPECT_EQ(string_at(o, "modified"), "2026-01-01T00:00:01.000Z");
}

TEST(Bundles, StandAloneKeepIncidentsWholeAndHoldEachOnce) {
  std::size_t incidents = 0;
  for (std::string const& text : to_bundles(imb(), 500, {"MY", "SG"})) {
    auto const bundle = json::parse(text);
    ASSERT_TRUE(bundle);
    EXPECT_EQ(json::canonical(*bundle), text);
    json::object head = bundle->as_object();
    EXPECT_TRUE(stix::check_bundle_head(*bundle));
    EXPECT_LE(head.at("objects").as_array().size(), 500u);
    std::set<std::string> ids;
    for (json::value const& object : head.at("objects").as_array())
      EXPECT_TRUE(ids.insert(string_at(object.as_object(), "id")).second);
    for (json::value const& object : head.at("objects").as_array()) {
      incidents += string_at(object.as_object(), "type") == "incident";
      for (char const* ref : {"created_by_ref", "source_ref", "target_ref"})
        if (object.as_object().contains(ref)) {
          EXPECT_TRUE(ids.contains(string_at(object.as_object(), ref))) << ref;
        }
    }
  }
  EXPECT_EQ(incidents, 521u + 36u);
  EXPECT_TRUE(to_bundles(imb(), 500, {"XX"}).empty());
}

TEST(Formats, ExtensionIdentifiersNeverChange) {
  EXPECT_EQ(incident_extension_id(), "extension-definition--3e9ba17e-56b6-556d-a5c7-89dcf2899f28");
  EXPECT_EQ(vessel_extension_id(), "extension-definition--e81af996-670e-5129-90ee-30afd86b6169");
}

// The bytes of the format (docs/formats/incident-extension.md): one incident and all its parts.
TEST(Formats, OneRowIsTheseBytes) {
  std::string const text =
      std::string(kHeader) +
      "2020-1,2020-01-02,\"1°60'00\"\"N \n104°00'30\"\"E\",XI,71,Boarding,"
      "Anchored tanker EXAMPLE STAR,\"SINGAPORE: On 2 January, \"\"x\"\".\",\n";
  auto const result = import_asam(text);
  ASSERT_TRUE(result);
  ASSERT_EQ(result->incidents.size(), 1u);
  std::string got;
  for (std::string const& object : result->incidents[0].objects) got += object + "\n";
  std::ifstream file(std::string(AMIC_SOURCE_DIR) + "/tests/compat/incident/asam-row.jsonl",
                     std::ios::binary);
  std::ostringstream expected;
  expected << file.rdbuf();
  EXPECT_EQ(got, expected.str());
  EXPECT_NE(got.find("vessel--4997b8c0-9eb9-54c4-95af-541216f434b7"), std::string::npos);
}

RC_GTEST_PROP(Incidents, AnyTextIsAccountedFor, ()) {
  auto const field =
      rc::gen::element<std::string>("2020-1", "2020-2", "2020-01-02", "1-00N 104-00E", "",
                                    "INDONESIA: x", "\xFF", "a\"b\n,c", "PIRATES");
  auto const row = rc::gen::container<std::vector<std::string>>(8, field);
  std::string text = kHeader;
  std::size_t rows = 0;
  for (auto const& fields : *rc::gen::container<std::vector<std::vector<std::string>>>(row)) {
    text += csv_line(fields);
    ++rows;
  }
  auto const r = import_asam(text);
  RC_ASSERT(r.has_value());
  RC_ASSERT(r->rows == rows);
  RC_ASSERT(r->accepted + r->quarantined + r->rejected == rows);
  RC_ASSERT(r->incidents.size() + r->duplicates == r->accepted);
}

}  // namespace
}  // namespace amic::importers
