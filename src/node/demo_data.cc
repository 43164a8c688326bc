// What the demonstration shares: real public data once, synthetic traffic afterwards.
#include <array>
#include <ostream>

#include "codec/codec.h"
#include "importers/incidents.h"
#include "net/target.h"
#include "node/demo.h"
#include "node/files.h"
#include "node/share_request.h"

namespace amic::node {

namespace {
constexpr std::size_t kDataBytesMax = 64 << 20;
constexpr std::size_t kObjectsPerBundle = 120;
constexpr std::size_t kBundlesPerCoast = 4;

json::object demo_marking(std::string_view classification, std::string_view tlp,
                          std::vector<std::string> const& rel_to, std::string_view purpose) {
  json::object out;
  out["classification"] = classification;
  out["tlp"] = tlp;
  json::array members;
  for (auto const& id : rel_to) members.emplace_back(id);
  out["rel_to"] = std::move(members);
  out["purpose"] = purpose;
  return out;
}

// Each bundle of a coast goes to another choice of neighbours with another precedence.
struct Release {
  std::vector<std::string> rel_to;
  std::string_view precedence, classification, tlp;
};
Release choose_release(DemoMember const& member, std::size_t turn) {
  static constexpr std::array<std::string_view, 3> kPrecedence{"ROUTINE", "PRIORITY", "IMMEDIATE"};
  static constexpr std::array<std::string_view, 2> kClassification{"RESTRICTED", "UNCLASSIFIED"};
  static constexpr std::array<std::string_view, 2> kTlp{"TLP:AMBER", "TLP:GREEN"};
  Release out;
  auto const count = 1 + turn % member.neighbours.size();
  for (std::size_t i = 0; i < count; ++i)
    out.rel_to.push_back(member.neighbours[(turn + i) % member.neighbours.size()]);
  out.precedence = kPrecedence[turn % kPrecedence.size()];
  out.classification = kClassification[turn % kClassification.size()];
  out.tlp = kTlp[turn % kTlp.size()];
  return out;
}

// The same key after a crash in the middle of loading: nothing is shared twice.
Result<void> share_once(ApiClient& client, std::string const& key, json::object marking,
                        std::string_view precedence, std::string_view bundle) {
  AMIC_TRY_VOID(client.post(
      "/api/v1/items",
      share_request_text(std::move(marking), precedence, false, kStixMediaType, bundle), key));
  return {};
}

Result<void> share_incidents(DemoMember const& member, importers::ImportResult const& source,
                             std::string_view credit, DemoLoad& load) {
  auto const bundles = importers::to_bundles(source, kObjectsPerBundle, {member.id});
  if (bundles.empty()) return {};
  AMIC_TRY(auto const client, ApiClient::connect({member.dir.string(), "", ""}));
  for (std::size_t i = 0; i < std::min(bundles.size(), kBundlesPerCoast); ++i) {
    auto const release = choose_release(member, i);
    AMIC_TRY_VOID(share_once(*client,
                             "demo-" + source.source + "-" + member.id + "-" + std::to_string(i),
                             demo_marking(release.classification, release.tlp, release.rel_to,
                                          "DEMONSTRATION with public data: " + std::string(credit)),
                             release.precedence, bundles[i]));
    load.items += 1;
  }
  return {};
}
}  // namespace

Result<DemoLoad> load_demo_data(std::vector<DemoMember> const& members,
                                std::filesystem::path const& data, std::filesystem::path const& dir,
                                std::ostream& progress) {
  DemoLoad load;
  auto const marker = dir / "loaded";
  if (std::filesystem::exists(marker)) return load;
  importers::Options options;
  options.redact_vessels = true;  // real crews and owners: a demonstration needs no names
  AMIC_TRY(auto const asam_text, read_file(data / "incidents/asam.csv", kDataBytesMax));
  AMIC_TRY(auto const asam, importers::import_asam(asam_text, options));
  AMIC_TRY(auto const imb_text, read_file(data / "incidents/imb.csv", kDataBytesMax));
  AMIC_TRY(auto const imb, importers::import_imb(imb_text, options));
  load.incidents = asam.incidents.size() + imb.incidents.size();
  for (auto const& member : members) {
    progress << "   " << member.id << " shares incidents near its coast\n" << std::flush;
    AMIC_TRY_VOID(share_incidents(member, asam, "NGA ASAM", load));
    AMIC_TRY_VOID(
        share_incidents(member, imb, "IMB-derived, doi 10.5334/johd.39, CC BY 4.0", load));
  }
  auto const& first = members.front();
  progress << "   " << first.id << " shares ATT&CK for ICS with everybody\n" << std::flush;
  AMIC_TRY(auto const attack, read_file(data / "stix/attack-ics-18.1.json", kDataBytesMax));
  std::vector<std::string> others;
  for (auto const& member : members)
    if (member.id != first.id) others.push_back(member.id);
  AMIC_TRY(auto const client, ApiClient::connect({first.dir.string(), "", ""}));
  AMIC_TRY_VOID(share_once(
      *client, "demo-attack-ics",
      demo_marking("UNCLASSIFIED", "TLP:CLEAR", others, "ATT&CK for ICS (c) The MITRE Corporation"),
      "ROUTINE", attack));
  load.items += 1;
  AMIC_TRY_VOID(write_new_file(marker, "The public data was shared.\n"));
  return load;
}

namespace {
// Places are at sea or in large cities; what is told of them is invented.
struct Story {
  std::string_view title, text, precedence, kind, topic, place;
  double latitude, longitude;
  std::string_view reliability, credibility, likelihood;
  unsigned weight;  // of a hundred or so: a FLASH is rare
};
constexpr Story kStories[] = {
    {"Earthquake felt offshore, magnitude being assessed",
     "Felt by the crew of a supply vessel and by three stations. No tsunami is expected so far; "
     "the "
     "next bulletin follows within ten minutes.",
     "FLASH", "warning", "disaster", "Molucca Sea", 1.62, 126.41, "b", "2", "likely", 2},
    {"Chemical tanker boarded by six armed persons",
     "The master reports knives and one long gun. The crew is in the citadel, the main engine is "
     "stopped, and the vessel drifts towards the eastbound lane.",
     "FLASH", "warning", "maritime", "Phillip Channel", 1.09, 103.73, "b", "2", "very-likely", 2},
    {"Three persons in an unlit craft near the anchorage",
     "The craft kept its distance when lit, and left to the south at speed. No boarding.",
     "IMMEDIATE", "spotrep", "maritime", "Sandakan approaches", 5.86, 118.32, "b", "3", "", 10},
    {"Drifting mine-like object sighted",
     "Round, dark, about one metre across. Shipping is asked to keep two nautical miles clear.",
     "IMMEDIATE", "spotrep", "maritime", "East of Basilan", 6.55, 122.45, "a", "2", "", 8},
    {"Cluster of unexplained fever among port workers",
     "Eleven persons in two days. Samples are on their way; the berth is closed until they are "
     "read.",
     "IMMEDIATE", "intrep", "health", "Laem Chabang", 13.08, 100.88, "c", "3",
     "roughly-even-chance", 8},
    {"Phishing wave against port authorities",
     "The lure imitates a berth schedule. The sender's domain was registered two days ago.",
     "PRIORITY", "intrep", "cyber", "", 0, 0, "b", "2", "very-likely", 14},
    {"Haze: visibility below 1,000 m forecast for the strait",
     "Smoke of peat fires drifts north-east. Small craft are advised to stay in port tonight.",
     "PRIORITY", "sitrep", "disaster", "Strait of Malacca", 2.55, 101.28, "a", "1", "very-likely",
     12},
    {"Bulk carrier has sent no position for nine hours",
     "Last seen on a course away from its declared port. Weather was good.", "PRIORITY", "spotrep",
     "maritime", "Off Con Dao", 8.05, 106.9, "b", "3", "unlikely", 12},
    {"Two fast craft refuelled at sea at night",
     "Seen by a fishing vessel, eight persons, no names on the hulls.", "PRIORITY", "spotrep",
     "smuggling", "South of Natuna", 3.02, 108.4, "c", "3", "", 12},
    {"Container with a mismatched seal held for inspection",
     "The papers name ceramic tiles; the weight does not fit.", "ROUTINE", "intrep", "smuggling",
     "Manila", 14.6, 120.93, "b", "2", "", 18},
    {"Control-system scanning seen from one host",
     "Port 102 and 502 on forty addresses of one utility. Blocked at the border.", "ROUTINE",
     "intrep", "cyber", "", 0, 0, "a", "1", "", 16},
    {"Flooded feeder road closed, relief convoy rerouted",
     "Water stands at 1.2 m. Boats are used for the last four kilometres.", "ROUTINE", "sitrep",
     "disaster", "Ayeyarwady delta", 16.35, 95.1, "b", "2", "", 16},
    {"Unlicensed fishing cluster inside a closed area",
     "Fourteen hulls, two of them over thirty metres.", "ROUTINE", "spotrep", "maritime",
     "Timor Sea", -9.75, 127.9, "b", "2", "", 16},
};

std::string uuid_v4(Random& random) {
  auto id = random.fixed<EnvelopeId>();
  id.data[6] = static_cast<std::uint8_t>((id.data[6] & 0x0F) | 0x40);
  id.data[8] = static_cast<std::uint8_t>((id.data[8] & 0x3F) | 0x80);
  return codec::to_uuid(id.view());
}

Story const& choose_story(Random& random) {
  unsigned total = 0;
  for (auto const& story : kStories) total += story.weight;
  auto at = random.below(total);
  for (auto const& story : kStories) {
    if (at < story.weight) return story;
    at -= story.weight;
  }
  return kStories[0];
}

// Grades as labels of the public taxonomies admiralty-scale and estimative-language.
json::array story_labels(Story const& story) {
  json::array out{"demonstration", "synthetic", story.kind, story.topic};
  auto const grade = [&](std::string const& name, std::string_view value) {
    if (!value.empty()) out.emplace_back(name + "=\"" + std::string(value) + "\"");
  };
  grade("admiralty-scale:source-reliability", story.reliability);
  grade("admiralty-scale:information-credibility", story.credibility);
  grade("estimative-language:likelihood-probability", story.likelihood);
  return out;
}

// A report, its place or else one documentation-range address, labelled for what it is.
std::string synthetic_bundle(DemoMember const& member, Story const& story, Random& random,
                             UnixMs now_ms) {
  auto const now = codec::to_rfc3339(now_ms);
  auto const identity = "identity--" + uuid_v4(random);
  auto const common = [&](std::string_view type, std::string const& id) {
    return json::object{{"type", type},    {"spec_version", "2.1"},
                        {"id", id},        {"created", now},
                        {"modified", now}, {"labels", json::array{"demonstration", "synthetic"}}};
  };
  auto who = common("identity", identity);
  who["name"] = "Synthetic watch floor of " + member.name;
  who["identity_class"] = "organization";
  bool const located = !story.place.empty();
  auto const thing_id = (located ? "location--" : "indicator--") + uuid_v4(random);
  auto thing = common(located ? "location" : "indicator", thing_id);
  thing["created_by_ref"] = identity;
  if (located) {
    thing["name"] = story.place;
    // Not on one spot each time: within about ten nautical miles.
    thing["latitude"] = story.latitude + (static_cast<double>(random.below(31)) - 15) / 100;
    thing["longitude"] = story.longitude + (static_cast<double>(random.below(31)) - 15) / 100;
  } else {
    thing["name"] = "SYNTHETIC indicator";
    thing["pattern"] =
        "[ipv4-addr:value = '198.51.100." + std::to_string(random.below(254) + 1) + "']";
    thing["pattern_type"] = "stix";
    thing["valid_from"] = now;
  }
  auto report = common("report", "report--" + uuid_v4(random));
  report["name"] = "DEMONSTRATION: " + std::string(story.title);
  report["description"] =
      std::string(story.text) + "\n\nSynthetic: invented for the demonstration.";
  report["labels"] = story_labels(story);
  report["created_by_ref"] = identity;
  report["published"] = now;
  report["object_refs"] = json::array{thing_id};
  json::object bundle{{"type", "bundle"}, {"id", "bundle--" + uuid_v4(random)}};
  bundle["objects"] = json::array{std::move(who), std::move(thing), std::move(report)};
  return json::serialize(bundle);
}
}  // namespace

Result<std::string> share_synthetic(std::vector<DemoMember> const& members, Random& random,
                                    Clock const& clock) {
  auto const& member = members[random.below(members.size())];
  auto const& story = choose_story(random);
  auto const release = choose_release(member, random.below(64));
  AMIC_TRY(auto const client, ApiClient::connect({member.dir.string(), "", ""}));
  AMIC_TRY_VOID(
      client->post("/api/v1/items",
                   share_request_text(demo_marking(release.classification, release.tlp,
                                                   release.rel_to, "DEMONSTRATION, synthetic"),
                                      story.precedence, false, kStixMediaType,
                                      synthetic_bundle(member, story, random, clock.now_ms()))));
  return member.id + ": " + std::string(story.title);
}

Result<std::string> demo_login_link(DemoMember const& member, bool administrator) {
  constexpr std::int64_t kDay = 86'400;
  AMIC_TRY(auto const dir, DataDir::open(member.dir));
  AMIC_TRY(auto const run, read_run_file(dir));
  if (administrator) return ApiClient(run.api_url, run.token).login_link(kDay);
  AMIC_TRY(auto const token, demo_token(member));
  return ApiClient(run.api_url, token).login_link(kDay);
}

Result<std::string> demo_token(DemoMember const& member) {
  auto const file = member.dir / "demo-token";
  if (auto kept = read_file(file)) {
    while (!kept->empty() && kept->back() == '\n') kept->pop_back();
    return *kept;
  }
  AMIC_TRY(auto const client, ApiClient::connect({member.dir.string(), "", ""}));
  json::object request{
      {"name", "demonstration"}, {"scopes", "read,share,audit"}, {"clearance", "SECRET"}};
  AMIC_TRY(auto const answer, client->post("/api/v1/tokens", json::serialize(request)));
  AMIC_TRY(auto const value, json::parse(answer));
  AMIC_TRY(auto secret, json::get_string(value.as_object(), "secret", ""));
  AMIC_TRY_VOID(write_new_file(file, secret + "\n"));
  return secret;
}

}  // namespace amic::node
