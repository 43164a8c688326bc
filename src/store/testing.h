// Shared by the tests of this module: a directory of its own, rows with sensible defaults.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "crypto/hash.h"
#include "store/store.h"

namespace amic::store {

class TempDir {
 public:
  TempDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "amic-store-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(TempDir const&) = delete;
  TempDir& operator=(TempDir const&) = delete;
  std::filesystem::path const& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline MemberId member(std::string_view name) {
  return MemberId::parse(name).value();
}

inline EnvelopeId envelope_id(std::uint64_t n) {
  EnvelopeId id;
  for (std::size_t i = 0; i < 8; ++i) id.data[15 - i] = static_cast<std::uint8_t>(n >> (8 * i));
  id.data[0] = 0xee;
  return id;
}

inline crypto::Secret test_key(std::uint8_t fill) {
  return crypto::Secret(Bytes(32, fill));
}

inline Record record(std::uint64_t n, std::size_t size = 64) {
  Record out;
  out.kind = RecordKind::kEnvelopeOut;
  out.id = envelope_id(n);
  out.at_ms = static_cast<UnixMs>(1000 + n);
  out.bytes.assign(size, static_cast<std::uint8_t>(n));
  out.digest = crypto::sha256(out.bytes);
  return out;
}

inline Append unit(std::uint64_t n, std::size_t size = 64) {
  Append out;
  out.records.push_back(record(n, size));
  return out;
}

inline std::string object_id(std::uint64_t n, std::string const& type = "indicator") {
  char text[64];
  std::snprintf(text, sizeof text, "--%08llx-0000-4000-8000-%012llx",
                static_cast<unsigned long long>(n * 2654435761U & 0xffffffffU),
                static_cast<unsigned long long>(n));
  return type + text;
}

inline ObjectRow object(std::uint64_t ord, std::string id, std::int64_t version,
                        AudienceId audience, std::uint64_t seq) {
  ObjectRow row;
  row.ord = ord;
  row.type = id.substr(0, id.find("--"));
  row.id = std::move(id);
  row.version_us = version;
  row.creator = member("MY");
  row.audience = audience;
  row.seq = seq;
  row.added_us = static_cast<std::int64_t>(1'000'000 + ord);
  row.body =
      R"({"type":")" + row.type + R"(","id":")" + row.id + R"(","n":)" + std::to_string(ord) + "}";
  return row;
}

// A failure here ends the test with the store's own words.
template <class T>
T ok(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().text());
  return std::move(*result);
}
inline void ok(Result<void> const& result) {
  if (!result) throw std::runtime_error(result.error().text());
}

}  // namespace amic::store
