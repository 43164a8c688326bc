// A node's log on a real store in a directory of its own, and hands that tamper with the file.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

#include "codec/codec.h"
#include "crypto/hash.h"
#include "tlog/tlog.h"

namespace amic::tlog::testing {

inline CommunityId test_community() {
  return *CommunityId::from(crypto::sha256(as_bytes("example community")).view());
}

inline crypto::SigningKey test_key(std::uint8_t fill) {
  return *crypto::SigningKey::from_seed(Bytes(32, fill));
}

inline store::Record test_record(std::uint64_t n) {
  store::Record record;
  record.kind = n % 3 == 0 ? store::RecordKind::kEnvelopeIn : store::RecordKind::kEnvelopeOut;
  record.id = *EnvelopeId::from(codec::Writer().u64(0).u64(n).bytes());
  record.bytes = to_bytes("envelope " + std::to_string(n));
  record.digest = crypto::sha256(record.bytes);
  record.at_ms = 1'700'000'000'000 + static_cast<UnixMs>(n);
  return record;
}

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    // Memory where there is some: these tests are about bytes, not about the disk's pace.
    std::filesystem::path const memory = "/dev/shm";
    bool const fast = std::filesystem::is_directory(memory);
    std::string name =
        (fast ? memory : std::filesystem::temp_directory_path()) / "amic-tlog-XXXXXX";
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  TemporaryDirectory(TemporaryDirectory const&) = delete;
  TemporaryDirectory& operator=(TemporaryDirectory const&) = delete;
  std::filesystem::path const& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

struct TestNode {
  explicit TestNode(std::string const& id, std::uint8_t seed)
      : member(*MemberId::parse(id)),
        origin(log_origin(test_community(), member, Realm())),
        log_key(test_key(seed)),
        cosigner_key(test_key(static_cast<std::uint8_t>(seed + 100))) {
    start();
  }
  std::filesystem::path directory() const { return base.path() / "node"; }

  Result<void> try_start(std::uint32_t max_log_pages = 0) {
    stop();
    store::Options options;
    options.max_log_pages = max_log_pages;
    AMIC_TRY(store, store::Store::open("sqlite:" + directory().string(), options));
    AMIC_TRY(log, Log::open(*store, origin, log_key));
    witness.emplace(*store, *log, cosigner_name(test_community(), member), cosigner_key, clock);
    return {};
  }
  void start() {
    auto const started = try_start();
    ASSERT_TRUE(started) << started.error().text();
  }
  void stop() {
    witness.reset();
    log.reset();
    store.reset();
  }

  // Appends records `from`..`to` in one unit.
  Result<std::uint64_t> append(std::uint64_t from, std::uint64_t to) {
    std::vector<store::Append> units(1);
    for (std::uint64_t n = from; n <= to; ++n) units.front().records.push_back(test_record(n));
    return log->append(std::move(units));
  }
  Result<VerifyReport> verify() { return verify_log(*store, vkey(), {}, {}); }
  merkle::NoteVerifier vkey() const {
    return {origin, merkle::NoteKeyType::kEd25519, log_key.verify_key()};
  }

  // Stops the node and changes its file behind its back.
  void tamper(std::string const& sql) {
    stop();
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open((directory() / "log.db").c_str(), &database), SQLITE_OK);
    char* message = nullptr;
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &message), SQLITE_OK)
        << (message != nullptr ? message : "");
    EXPECT_GT(sqlite3_total_changes(database), 0) << sql;
    sqlite3_close(database);
  }
  // An old state of the whole directory comes back: a restored backup or a reverted machine.
  void save_state() {
    stop();
    std::filesystem::remove_all(base.path() / "saved");
    std::filesystem::copy(directory(), base.path() / "saved");
    start();
  }
  void roll_back() {
    stop();
    std::filesystem::remove_all(directory());
    std::filesystem::copy(base.path() / "saved", directory());
    start();
  }

  TemporaryDirectory base;
  MemberId member;
  std::string origin;
  crypto::SigningKey log_key;
  crypto::SigningKey cosigner_key;
  ManualClock clock;
  std::unique_ptr<store::Store> store;
  std::unique_ptr<Log> log;
  std::optional<Witness> witness;
};

}  // namespace amic::tlog::testing
