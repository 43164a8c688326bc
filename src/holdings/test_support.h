// Small STIX objects, items and stores for the tests of this module.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "holdings/holdings.h"

namespace amic::holdings::test {

inline std::string uuid(unsigned n) {
  char text[40];
  std::snprintf(text, sizeof text, "00000000-0000-4000-8000-%012u", n);
  return text;
}

inline std::string indicator(unsigned n, std::string_view modified = "2026-01-01T00:00:00.000Z",
                             std::string_view name = "one") {
  return "{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"indicator--" + uuid(n) +
         "\",\"created\":\"2026-01-01T00:00:00.000Z\",\"modified\":\"" + std::string(modified) +
         "\",\"name\":\"" + std::string(name) +
         "\",\"pattern\":\"[domain-name:value = 'a.example']\",\"pattern_type\":\"stix\","
         "\"valid_from\":\"2026-01-01T00:00:00Z\"}";
}

inline std::string malware(unsigned n) {
  return "{\"type\":\"malware\",\"spec_version\":\"2.1\",\"id\":\"malware--" + uuid(n) +
         "\",\"created\":\"2026-01-01T00:00:00.000Z\",\"modified\":\"2026-01-01T00:00:00.000Z\","
         "\"is_family\":false}";
}

inline std::string relationship(unsigned n, unsigned from, unsigned to) {
  return "{\"type\":\"relationship\",\"spec_version\":\"2.1\",\"id\":\"relationship--" + uuid(n) +
         "\",\"created\":\"2026-01-01T00:00:00.000Z\",\"modified\":\"2026-01-01T00:00:00.000Z\","
         "\"relationship_type\":\"indicates\",\"source_ref\":\"indicator--" +
         uuid(from) + "\",\"target_ref\":\"malware--" + uuid(to) + "\"}";
}

inline std::string domain(std::string_view extra = "") {
  json::object o;
  o["type"] = "domain-name";
  o["value"] = "a.example";
  return "{\"type\":\"domain-name\",\"spec_version\":\"2.1\",\"id\":\"" +
         *stix::deterministic_id(o) + "\",\"value\":\"a.example\"" + std::string(extra) + "}";
}
inline std::string domain_id() {
  json::object o;
  o["type"] = "domain-name";
  o["value"] = "a.example";
  return *stix::deterministic_id(o);
}

inline std::string bundle(std::vector<std::string> const& objects) {
  std::string out = "{\"type\":\"bundle\",\"id\":\"bundle--" + uuid(999) + "\",\"objects\":[";
  for (std::size_t i = 0; i < objects.size(); ++i) out += (i > 0 ? "," : "") + objects[i];
  return out + "]}";
}

inline std::string data_file(std::string const& path) {
  std::ifstream file(std::string(AMIC_SOURCE_DIR) + "/data/" + path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

// A store in a directory of its own, removed at the end.
class TempStore {
 public:
  TempStore() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "amic-holdings-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    auto opened = store::Store::open("sqlite:" + directory_.string(), {});
    EXPECT_TRUE(opened) << opened.error().text();
    store_ = std::move(*opened);
  }
  ~TempStore() {
    store_.reset();
    std::filesystem::remove_all(directory_);
  }
  TempStore(TempStore const&) = delete;
  TempStore& operator=(TempStore const&) = delete;
  store::Store& operator*() { return *store_; }
  store::Store* operator->() { return store_.get(); }

 private:
  std::filesystem::path directory_;
  std::unique_ptr<store::Store> store_;
};

inline marking::Marking marking_of(
    marking::Classification classification = marking::Classification::kRestricted,
    std::vector<std::string> const& members = {"MY", "SG"}) {
  marking::Marking out;
  out.classification = classification;
  for (std::string const& member : members) out.rel_to.insert(*MemberId::parse(member));
  return out;
}

inline ItemContext item(std::uint64_t seq, std::string_view originator = "MY") {
  ItemContext out;
  out.seq = seq;
  for (std::size_t i = 0; i < 8; ++i)
    out.id.data[15 - i] = static_cast<std::uint8_t>(seq >> (8 * i));
  out.originator = *MemberId::parse(originator);
  out.marking = marking_of();
  out.created_ms = 1'760'000'000'000 + static_cast<std::int64_t>(seq);
  out.received_ms = 1'770'000'000'000 + static_cast<std::int64_t>(seq);
  out.media_type = "application/stix+json;version=2.1";
  return out;
}

inline marking::Reader reader_of(marking::Classification clearance) {
  marking::Reader out;
  out.clearance = clearance;
  return out;
}

}  // namespace amic::holdings::test
