#include "benchmarks/stix_data.h"

#include <array>
#include <cstdio>

#include "base/bytes.h"
#include "base/check.h"
#include "codec/codec.h"
#include "stix/stix.h"

namespace amic::bench {

namespace {
using Uuid = FixedBytes<16, struct UuidTag>;

constexpr std::array<std::string_view, 72> kWords{
    "vessel",         "anchorage",  "strait",      "patrol",   "boarding",   "phishing",
    "domain",         "beacon",     "loader",      "observed", "reported",   "approach",
    "coastal",        "radar",      "contact",     "night",    "armed",      "skiff",
    "cargo",          "manifest",   "container",   "transfer", "payload",    "encrypted",
    "command",        "control",    "server",      "address",  "campaign",   "actor",
    "infrastructure", "registered", "certificate", "scanning", "port",       "authority",
    "customs",        "seizure",    "smuggling",   "network",  "member",     "states",
    "tanker",         "tug",        "barge",       "robbery",  "attempted",  "crew",
    "unharmed",       "alarm",      "raised",      "engine",   "spares",     "stolen",
    "escaped",        "eastward",   "credential",  "mailbox",  "attachment", "macro",
    "exploit",        "gateway",    "update",      "firmware", "haze",       "outbreak",
    "cluster",        "sample",     "laboratory",  "exercise", "assessed",   "moderate"};

class Maker {
 public:
  explicit Maker(Random& random) : random_(random) {}

  std::string object() {
    auto const kind = random_.below(100);
    if (kind < 34) return indicator();
    if (kind < 50) return observable();
    if (kind < 68) return relationship();
    if (kind < 76) return named("attack-pattern", 110, "");
    if (kind < 82)
      return named("malware", 90, ",\"is_family\":false,\"malware_types\":[\"trojan\"]");
    if (kind < 88) return named("incident", 120, "");
    if (kind < 94) return report();
    return named("identity", 60, ",\"identity_class\":\"organization\",\"sectors\":[\"defense\"]");
  }

  std::string uuid() {
    auto id = random_.fixed<Uuid>();
    id.data[6] = static_cast<std::uint8_t>((id.data[6] & 0x0F) | 0x40);
    id.data[8] = static_cast<std::uint8_t>((id.data[8] & 0x3F) | 0x80);
    return codec::to_uuid(id.view());
  }

  std::string words(std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) {
      if (i > 0) out += ' ';
      out += kWords[random_.below(kWords.size())];
    }
    return out;
  }

 private:
  std::string time() {
    constexpr std::int64_t kBegin = 1'700'000'000'000;
    return codec::to_rfc3339(kBegin + static_cast<std::int64_t>(random_.below(60'000'000'000)));
  }

  std::string head(std::string_view type, std::string& id) {
    id = std::string(type) + "--" + uuid();
    auto const when = time();
    std::string out = "{\"type\":\"" + std::string(type) + "\",\"spec_version\":\"2.1\",\"id\":\"";
    out += id + "\",\"created_by_ref\":\"identity--8c6af861-7b20-41ef-9b59-6344fd872a8f\"";
    out += ",\"created\":\"" + when + "\",\"modified\":\"" + when + "\"";
    out += ",\"labels\":[\"synthetic\",\"" + words(1) +
           "\"],\"confidence\":" + std::to_string(random_.below(101)) + ",\"lang\":\"en\"";
    return out;
  }
  void keep(std::string const& id) {
    constexpr std::size_t kKept = 512;
    if (ids_.size() < kKept)
      ids_.push_back(id);
    else
      ids_[random_.below(kKept)] = id;
  }

  std::string named(std::string_view type, std::size_t length, std::string_view more) {
    std::string id;
    auto out = head(type, id);
    out += ",\"name\":\"" + words(4) + "\",\"description\":\"" + words(length) + "\"";
    out += ",\"external_references\":[{\"source_name\":\"synthetic\",\"external_id\":\"S-" +
           std::to_string(random_.below(100'000)) + "\",\"url\":\"https://source.example/" +
           words(1) + "\"}]";
    out += more;
    keep(id);
    return out + "}";
  }

  std::string indicator() {
    std::string id;
    auto out = head("indicator", id);
    out += ",\"name\":\"" + words(3) + "\",\"description\":\"" + words(70) + "\"";
    out += ",\"indicator_types\":[\"malicious-activity\"],\"pattern\":\"[domain-name:value = '" +
           words(1) + "-" + std::to_string(random_.below(1'000'000)) +
           ".example' OR ipv4-addr:value = '" + address() + "']\"";
    out += ",\"pattern_type\":\"stix\",\"valid_from\":\"" + time() + "\"";
    out +=
        ",\"kill_chain_phases\":[{\"kill_chain_name\":\"lockheed-martin-cyber-kill-chain\","
        "\"phase_name\":\"delivery\"}]";
    keep(id);
    return out + "}";
  }

  std::string observable() {
    json::object contributing{{"type", "ipv4-addr"}};
    contributing["value"] = address();
    std::string const value(contributing["value"].get_string());
    auto const id = stix::deterministic_id(contributing);
    CHECK(id.has_value());
    return "{\"type\":\"ipv4-addr\",\"spec_version\":\"2.1\",\"id\":\"" + *id + "\",\"value\":\"" +
           value + "\"}";
  }

  std::string relationship() {
    if (ids_.size() < 2) return indicator();
    std::string id;
    auto out = head("relationship", id);
    out += ",\"relationship_type\":\"related-to\",\"description\":\"" + words(45) + "\"";
    out += ",\"source_ref\":\"" + ids_[random_.below(ids_.size())] + "\"";
    return out + ",\"target_ref\":\"" + ids_[random_.below(ids_.size())] + "\"}";
  }

  std::string report() {
    if (ids_.empty()) return indicator();
    std::string id;
    auto out = head("report", id);
    out += ",\"name\":\"" + words(6) + "\",\"description\":\"" + words(130) + "\"";
    out += ",\"published\":\"" + time() + "\",\"report_types\":[\"threat-report\"]";
    out += ",\"object_refs\":[\"" + ids_[random_.below(ids_.size())] + "\"]";
    return out + "}";
  }

  // Unique in practice: an observable that repeats is a duplicate, which costs less.
  std::string address() {
    std::string out = "10";
    for (int i = 0; i < 3; ++i) out += "." + std::to_string(random_.below(256));
    return out;
  }

  Random& random_;
  std::vector<std::string> ids_;
};
}  // namespace

std::vector<Bundle> make_bundles(std::size_t objects, std::size_t per_bundle, std::uint64_t seed) {
  SeededRandom random(seed);
  Maker maker(random);
  std::vector<Bundle> out;
  while (objects > 0) {
    Bundle bundle;
    bundle.objects = std::min(objects, per_bundle);
    bundle.text = R"({"type":"bundle","id":"bundle--)" + maker.uuid() + R"(","objects":[)";
    for (std::size_t i = 0; i < bundle.objects; ++i)
      bundle.text += (i > 0 ? "," : "") + maker.object();
    bundle.text += "]}";
    objects -= bundle.objects;
    out.push_back(std::move(bundle));
  }
  return out;
}

std::string bundle_of_size(std::size_t size, Random& random) {
  Maker maker(random);
  std::string const begin =
      R"({"type":"bundle","id":"bundle--)" + maker.uuid() +
      R"(","objects":[{"type":"indicator","spec_version":"2.1","id":"indicator--)" + maker.uuid() +
      R"(","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","labels":["synthetic"],"name":"measured","pattern":"[domain-name:value = 'measured.example']","pattern_type":"stix","valid_from":"2026-01-01T00:00:00Z","description":")";
  std::string const end = R"("}]})";
  CHECK(begin.size() + end.size() < size);
  std::string description;
  while (description.size() < size) description += maker.words(32) + " ";
  description.resize(size - begin.size() - end.size());
  return begin + description + end;
}

}  // namespace amic::bench
