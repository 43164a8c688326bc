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
struct Story {
  std::string_view title, text, precedence;
};
constexpr Story kStories[] = {
    {"Sea robbery: three persons seen near an anchorage", "Small craft without lights.",
     "IMMEDIATE"},
    {"Phishing wave against port authorities", "Lure imitates a berth schedule.", "PRIORITY"},
    {"Haze: visibility below 1,000 m forecast", "Smoke from peat fires expected.", "PRIORITY"},
    {"Earthquake felt, magnitude being assessed", "No tsunami expected so far.", "FLASH"},
    {"Outbreak: cluster of unexplained fever", "Samples are on their way.", "IMMEDIATE"},
    {"Control-system scanning seen from one host", "Documentation address range.", "ROUTINE"},
    {"Smuggling: container with mismatched seal", "Held for inspection.", "ROUTINE"},
};

std::string uuid_v4(Random& random) {
  auto id = random.fixed<EnvelopeId>();
  id.data[6] = static_cast<std::uint8_t>((id.data[6] & 0x0F) | 0x40);
  id.data[8] = static_cast<std::uint8_t>((id.data[8] & 0x3F) | 0x80);
  return codec::to_uuid(id.view());
}

// A report about one documentation-range address, labelled for what it is.
std::string synthetic_bundle(DemoMember const& member, Story const& story, Random& random,
                             UnixMs now_ms) {
  auto const now = codec::to_rfc3339(now_ms);
  auto const identity = "identity--" + uuid_v4(random);
  auto const indicator = "indicator--" + uuid_v4(random);
  auto const common = [&](std::string_view type, std::string const& id) {
    return json::object{{"type", type},    {"spec_version", "2.1"},
                        {"id", id},        {"created", now},
                        {"modified", now}, {"labels", json::array{"demonstration", "synthetic"}}};
  };
  auto who = common("identity", identity);
  who["name"] = "Synthetic watch floor of " + member.name;
  who["identity_class"] = "organization";
  auto sign = common("indicator", indicator);
  sign["name"] = "SYNTHETIC indicator";
  sign["created_by_ref"] = identity;
  sign["pattern"] =
      "[ipv4-addr:value = '198.51.100." + std::to_string(random.below(254) + 1) + "']";
  sign["pattern_type"] = "stix";
  sign["valid_from"] = now;
  auto report = common("report", "report--" + uuid_v4(random));
  report["name"] = "DEMONSTRATION: " + std::string(story.title);
  report["description"] = "Synthetic. " + std::string(story.text);
  report["created_by_ref"] = identity;
  report["published"] = now;
  report["object_refs"] = json::array{indicator};
  json::object bundle{{"type", "bundle"}, {"id", "bundle--" + uuid_v4(random)}};
  bundle["objects"] = json::array{std::move(who), std::move(sign), std::move(report)};
  return json::serialize(bundle);
}
}  // namespace

Result<std::string> share_synthetic(std::vector<DemoMember> const& members, Random& random,
                                    Clock const& clock) {
  auto const& member = members[random.below(members.size())];
  auto const& story = kStories[random.below(std::size(kStories))];
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
