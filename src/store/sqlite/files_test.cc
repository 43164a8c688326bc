// What is particular to SQLite's files: damage, locks, versions, full disks, and kills.
#include "store/sqlite/files.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <set>
#include <span>
#include <stdexcept>

#include "base/random.h"
#include "codec/codec.h"
#include "store/sqlite/columns.h"
#include "store/sqlite/schema.h"
#include "store/testing.h"

namespace amic::store::sqlite {
namespace {

namespace fs = std::filesystem;

std::string dsn(fs::path const& directory) {
  return "sqlite:" + directory.string();
}
std::unique_ptr<Store> open_at(fs::path const& directory, Options const& options = {}) {
  return ok(Store::open(dsn(directory), options));
}
Error open_error(fs::path const& directory, Options const& options = {}) {
  auto store = Store::open(dsn(directory), options);
  if (store) throw std::runtime_error("opened");
  return store.error();
}
void run_sql(fs::path const& file, char const* sql) {
  auto connection = ok(Connection::open(file, Access::kReadWrite, false, {}));
  ok(connection->exec(sql));
}
void overwrite(fs::path const& file, std::streamoff at, std::size_t size) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekp(at);
  stream << std::string(size, '\xa5');
}
Derived derived_of(std::uint64_t seq, std::uint64_t first_ord, std::size_t count) {
  Derived derived;
  derived.audiences = {{1, to_bytes("a")}};
  for (std::size_t i = 0; i < count; ++i)
    derived.objects.push_back(object(first_ord + i, object_id(first_ord + i), 1, 1, seq));
  derived.upto_seq = seq;
  return derived;
}
void fill(Store& store, std::uint64_t records) {
  for (std::uint64_t seq = 1; seq <= records; ++seq) {
    ok(store.append({unit(seq, 3000)}));
    ok(store.apply(derived_of(seq, seq, 1)));
  }
}

TEST(Files, DsnAndDirectoryMustMakeSense) {
  TempDir dir;
  EXPECT_EQ(Store::open("mysql:x", {}).error().code, Code::kUsage);
  EXPECT_EQ(Store::open("sqlite:", {}).error().code, Code::kUsage);
  EXPECT_EQ(open_error(dir.path() / "none", {.create = false}).code, Code::kNotFound);
  EXPECT_EQ(open_error(dir.path(), {.create = false}).code, Code::kNotFound);
  EXPECT_EQ(open_error(dir.path(), {.read_only = true}).code, Code::kNotFound);
  open_at(dir.path() / "odd %?#name");
  EXPECT_TRUE(fs::exists(dir.path() / "odd %?#name" / kLogFile));
}

TEST(Files, OneProcessOwnsTheDirectory) {
  TempDir dir;
  auto store = open_at(dir.path());
  Error const error = open_error(dir.path());
  EXPECT_EQ(error.code, Code::kLocked);
  EXPECT_NE(error.detail.find(std::to_string(::getpid())), std::string::npos);
  store.reset();
  open_at(dir.path());
}

TEST(Files, ReadersOfAnotherKindSeeWhatTheOwnerWrites) {
  TempDir dir;
  auto owner = open_at(dir.path());
  fill(*owner, 2);
  auto reader = open_at(dir.path(), {.read_only = true});
  EXPECT_EQ(ok(reader->log_size()), 2U);
  ok(owner->append({unit(3)}));
  EXPECT_EQ(ok(reader->log_size()), 3U);
  EXPECT_EQ(ok(reader->page({}, {1})).rows.size(), 2U);
  EXPECT_EQ(reader->append({unit(4)}).error().code, Code::kReadOnly);
  EXPECT_EQ(reader->apply({}).error().code, Code::kReadOnly);
  EXPECT_EQ(reader->reset_index().error().code, Code::kReadOnly);
  owner.reset();
  fs::remove(dir.path() / kIndexFile);
  reader = open_at(dir.path(), {.read_only = true});
  EXPECT_EQ(ok(reader->log_size()), 3U);
  EXPECT_EQ(reader->watermark().error().code, Code::kUnavailable);
  EXPECT_FALSE(fs::exists(dir.path() / kIndexFile));
}

TEST(Files, AMissingIndexIsMadeAnewAndSaysSo) {
  TempDir dir;
  {
    auto store = open_at(dir.path());
    EXPECT_TRUE(store->index_was_reset());
    fill(*store, 3);
  }
  EXPECT_FALSE(open_at(dir.path())->index_was_reset());
  fs::remove(dir.path() / kIndexFile);
  auto store = open_at(dir.path());
  EXPECT_TRUE(store->index_was_reset());
  EXPECT_EQ(store->index_reset_reason(), "absent");
  EXPECT_EQ(ok(store->watermark()), 0U);
  EXPECT_EQ(ok(store->log_size()), 3U);
}

TEST(Files, ADamagedOrOlderIndexIsMadeAnew) {
  for (int how = 0; how < 4; ++how) {
    TempDir dir;
    { fill(*open_at(dir.path()), 3); }
    fs::path const file = dir.path() / kIndexFile;
    if (how == 0) overwrite(file, 0, 512);
    if (how == 1) fs::resize_file(file, 0);
    if (how == 2) fs::resize_file(file, fs::file_size(file) / 2);
    if (how == 3)
      run_sql(file, "PRAGMA user_version = 0; UPDATE meta SET n = 0 WHERE k = 'schema'");
    auto store = open_at(dir.path());
    EXPECT_TRUE(store->index_was_reset()) << how;
    EXPECT_EQ(ok(store->watermark()), 0U);
    ok(store->apply(derived_of(1, 1, 1)));
    ok(store->check());
  }
}

TEST(Files, ADamagedLogIsNeverReplaced) {
  for (int how = 0; how < 4; ++how) {
    TempDir dir;
    { fill(*open_at(dir.path()), 3); }
    fs::path const file = dir.path() / kLogFile;
    if (how == 0) overwrite(file, 0, 512);
    if (how == 1) fs::resize_file(file, 0);
    if (how == 2) fs::remove(file);
    if (how == 3) run_sql(file, "DELETE FROM record WHERE seq = 3");
    Error const error = open_error(dir.path());
    EXPECT_EQ(error.code, Code::kCorrupt) << how;
    EXPECT_EQ(error.where, kLogFile) << how;
  }
}

TEST(Files, CheckFindsAFlippedPageAndARecordThatLies) {
  TempDir dir;
  { fill(*open_at(dir.path()), 200); }
  fs::path const file = dir.path() / kLogFile;
  fs::path const kept = dir.path() / "kept";
  fs::copy_file(file, kept);
  std::uintmax_t const pages = fs::file_size(file) / 4096;
  SeededRandom random(3);
  int found = 0;
  for (int i = 0; i < 30; ++i) {
    fs::copy_file(kept, file, fs::copy_options::overwrite_existing);
    auto const page = 1 + random.below(pages - 1);
    overwrite(file, static_cast<std::streamoff>(page * 4096), 4096);
    auto store = Store::open(dsn(dir.path()), {});
    Result<void> const result = store ? (*store)->check() : Result<void>(fail(store.error()));
    if (result) continue;  // an unused page
    EXPECT_EQ(result.error().code, Code::kCorrupt) << page;
    EXPECT_EQ(result.error().where, kLogFile);
    ++found;
  }
  EXPECT_GT(found, 25);
  fs::copy_file(kept, file, fs::copy_options::overwrite_existing);
  run_sql(file, "UPDATE record SET digest = zeroblob(32) WHERE seq = 7");
  auto const lie = open_at(dir.path())->check();
  ASSERT_FALSE(lie);
  EXPECT_NE(lie.error().detail.find("record 7"), std::string::npos);
}

TEST(Files, ANewerSchemaIsNotTouched) {
  for (char const* const name : {kLogFile, kIndexFile}) {
    TempDir dir;
    { fill(*open_at(dir.path()), 1); }
    run_sql(dir.path() / name, "PRAGMA user_version = 99");
    EXPECT_EQ(open_error(dir.path()).code, Code::kUnsupported);
    EXPECT_EQ(open_error(dir.path(), {.read_only = true}).code, Code::kUnsupported);
    auto const known =
        (name == std::string_view(kLogFile) ? log_schema() : index_schema()).version();
    run_sql(dir.path() / name, ("PRAGMA user_version = " + std::to_string(known)).c_str());
    EXPECT_FALSE(open_at(dir.path())->index_was_reset());
  }
}

TEST(Files, MigrationsRunInOrderOnceAndStopWhereOneFails) {
  TempDir dir;
  auto connection = ok(Connection::open(dir.path() / "x.db", Access::kReadWrite, true, {}));
  constexpr char kOne[] =
      "CREATE TABLE meta (k TEXT PRIMARY KEY, n BIGINT) WITHOUT ROWID;"
      "CREATE TABLE t (a BIGINT);";
  constexpr char kTwo[] = "INSERT INTO t (a) VALUES (2);";
  constexpr char kBad[] = "INSERT INTO t (a) VALUES (3); INSERT INTO missing VALUES (1);";
  char const* const steps[] = {kOne, kTwo, kBad};
  EXPECT_EQ(ok(migrate(*connection, {7, std::span(steps).first(1)})), 0U);
  EXPECT_FALSE(migrate(*connection, {7, steps}));
  EXPECT_EQ(ok(schema_version(*connection, {7, steps})), 2U);
  EXPECT_EQ(ok(connection->integer("SELECT sum(a) FROM t")), 2);
  EXPECT_EQ(ok(migrate(*connection, {7, std::span(steps).first(2)})), 2U);
  EXPECT_EQ(ok(connection->integer("SELECT count(*) FROM t")), 1);
  EXPECT_EQ(schema_version(*connection, {8, steps}).error().code, Code::kCorrupt);
}

// Version 1 forgot what peers had signed for; its rows that still wait are sent as others are.
TEST(Files, ALogOfSchema1KeepsItsQueue) {
  TempDir dir;
  MemberId const id = member("ID");
  {
    auto const store = open_at(dir.path());
    Append units = unit(1);
    units.records.push_back(record(2));
    units.queue = {{0, id, 0}, {1, id, 0}};
    Append ack;
    ack.cursors.push_back({CursorKind::kAcked, id, 0, 1, {}});
    ok(store->append({units, ack}));
  }
  run_sql(dir.path() / kLogFile,
          "DELETE FROM outbox WHERE n <= 1; ALTER TABLE outbox DROP COLUMN digest; "
          "DROP TABLE received; UPDATE meta SET n = 1 WHERE k = 'schema'; "
          "PRAGMA user_version = 1");
  EXPECT_EQ(open_error(dir.path(), {.read_only = true}).code, Code::kUnsupported);
  auto const store = open_at(dir.path());
  auto const rows = ok(store->sent(id, 0, 0, 9));
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0], (LaneRow{2, 2, record(2).digest, 64}));
  EXPECT_EQ(ok(store->outbox(id, 0, 0, 9)).size(), 1U);
  EXPECT_TRUE(ok(store->received(id, 0, 0, 9)).empty());
  Append move;
  move.requeue = {{id, 0, 2, 4}};
  ok(store->append({move}));
  EXPECT_EQ(ok(store->sent(id, 0, 0, 9)).at(0), (LaneRow{5, 2, record(2).digest, 64}));
  ok(store->check());
}

TEST(Files, AFullLogRefusesWholeUnitsAndRecovers) {
  TempDir dir;
  std::uint64_t stored = 0;
  {
    auto store = open_at(dir.path(), {.max_log_pages = 60});
    for (;; ++stored) {
      auto const result = store->append({unit(stored + 1, 5000)});
      if (result) continue;
      EXPECT_EQ(result.error().code, Code::kDiskFull);
      break;
    }
    ASSERT_GT(stored, 5U);
    EXPECT_EQ(ok(store->log_size()), stored);  // reading goes on
    EXPECT_FALSE(ok(store->log_find(envelope_id(stored + 1))));
    EXPECT_EQ(store->append({unit(stored + 1, 500'000)}).error().code, Code::kDiskFull);
  }
  auto store = open_at(dir.path());  // space came back
  EXPECT_EQ(ok(store->append({unit(stored + 1, 5000)})), stored + 1);
  ok(store->check());
}

// The kernel refuses to let any file grow: what a full disk does, in the middle of anything.
TEST(Files, WritesThatTheKernelRefusesLeaveTheSameStoreUsable) {
  TempDir dir;
  pid_t const child = ::fork();
  if (child == 0) {
    int code = 1;
    try {
      ::signal(SIGXFSZ, SIG_IGN);
      auto store = open_at(dir.path());
      ok(store->append({unit(1)}));
      ok(store->apply(derived_of(1, 1, 1)));
      rlimit const before = [] {
        rlimit l;
        ::getrlimit(RLIMIT_FSIZE, &l);
        return l;
      }();
      rlimit limit = before;
      limit.rlim_cur = fs::file_size(dir.path() / "log.db-wal") + 2000;
      ::setrlimit(RLIMIT_FSIZE, &limit);
      auto const append = store->append({unit(2, 100'000)});
      auto const apply = store->apply(derived_of(2, 2, 5000));
      ::setrlimit(RLIMIT_FSIZE, &before);
      auto const refused = [](Code c) { return c == Code::kDiskFull || c == Code::kIo; };
      bool good = !append && refused(append.error().code) && !apply && refused(apply.error().code);
      good = good && ok(store->log_size()) == 1 && ok(store->watermark()) == 1;
      good = good && ok(store->append({unit(2, 100'000)})) == 2;
      ok(store->apply(derived_of(2, 2, 5000)));
      ok(store->check());
      code = good ? 0 : 2;
    } catch (std::exception const& e) {
      std::fprintf(stderr, "%s\n", e.what());
    }
    ::_exit(code);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(Files, ASnapshotIsAStore) {
  TempDir dir;
  auto store = open_at(dir.path() / "a");
  fill(*store, 20);
  ok(store->snapshot(dir.path() / "b"));
  EXPECT_EQ(store->snapshot(dir.path() / "b").error().code, Code::kConflict);
  ok(store->append({unit(21)}));
  auto copy = open_at(dir.path() / "b");
  EXPECT_FALSE(copy->index_was_reset());
  EXPECT_EQ(ok(copy->log_size()), 20U);
  EXPECT_EQ(ok(copy->index_digest()), ok(store->index_digest()));
  ok(copy->check());
}

TEST(Files, DeletedSecretsLeaveTheFile) {
  TempDir dir;
  std::string const secret = "correct horse battery staple";
  {
    auto store = open_at(dir.path());
    Append put;
    put.kv = {{"token", "k", to_bytes(secret)}};
    ok(store->append({put}));
    put.kv[0].value.reset();
    ok(store->append({put}));
  }
  std::ifstream stream(dir.path() / kLogFile, std::ios::binary);
  std::string const bytes((std::istreambuf_iterator<char>(stream)), {});
  EXPECT_EQ(bytes.find(secret), std::string::npos);
}

TEST(Columns, IdsRoundTripAndStayApart) {
  std::vector<std::string> const ids = {"",
                                        "x",
                                        "a--b",
                                        "indicator--0000000a-0000-4000-8000-00000000000a",
                                        "indicator--0000000a-0000-4000-8000-00000000000A",
                                        "--0000000a-0000-4000-8000-00000000000a",
                                        "x--00000000-0000-0000-0000-000000000000"};
  std::set<std::string> encoded;
  for (std::string const& id : ids) {
    EXPECT_EQ(ok(decode_id(as_bytes(encode_id(id)))), id);
    encoded.insert(encode_id(id));
  }
  EXPECT_EQ(encoded.size(), ids.size());
  EXPECT_EQ(encode_id(ids[3]).size(), 16 + std::string("indicator").size());
  EXPECT_EQ(encoded_type(encode_id(ids[4])), "indicator");
  EXPECT_EQ(decode_id(as_bytes("short")).error().code, Code::kCorrupt);
}

// ---- Kills --------------------------------------------------------------------------------------

Options const kEncrypted = {.key = test_key(3)};

// Appends and applies without end; says each acknowledged seq on the pipe.
[[noreturn]] void write_until_killed(fs::path const& directory, int pipe, std::uint64_t salt) {
  try {
    auto store = open_at(directory, kEncrypted);
    SeededRandom random(salt);
    std::uint64_t applied = ok(store->watermark());
    std::uint64_t ord = ok(store->feed_end()).ord;
    for (std::uint64_t seq = ok(store->log_size()) + 1;;) {
      std::vector<Append> units;
      auto const count = 1 + random.below(20);
      for (std::uint64_t i = 0; i < count; ++i) {
        units.push_back(unit(seq + i, 1 + random.below(9000)));
        units.back().queue = {{0, member("ID"), 1}};
        units.back().kv = {{"seen", std::to_string((seq + i) % 50), to_bytes("x")}};
      }
      ok(store->append(units));
      seq += count;
      std::uint64_t const said = seq - 1;
      if (::write(pipe, &said, sizeof said) != sizeof said) ::_exit(3);
      // Whatever an earlier life left unapplied comes first: the index lags, it never leads.
      auto const rows = static_cast<std::size_t>(said - applied);
      Derived derived = derived_of(said, ord + 1, rows);
      ok(store->apply(derived));
      ord += rows;
      applied = said;
    }
  } catch (std::exception const& e) {
    std::fprintf(stderr, "%s\n", e.what());
  }
  ::_exit(4);
}

TEST(Kill, NothingAcknowledgedIsLostAndNothingIsTornAtAnyMoment) {
  TempDir dir;
  SeededRandom random(11);
  std::uint64_t acknowledged = 0;
  for (int round = 0; round < 25; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    pid_t const child = ::fork();
    if (child == 0) {
      ::close(ends[0]);
      write_until_killed(dir.path(), ends[1], static_cast<std::uint64_t>(round));
    }
    ::close(ends[1]);
    // Killed after some acknowledgements, and a random while into whatever follows.
    auto left = random.below(6);
    std::uint64_t said = 0;
    while (left-- > 0 && ::read(ends[0], &said, sizeof said) == sizeof said) acknowledged = said;
    for (std::uint64_t spin = random.below(3'000'000); spin > 0; --spin) asm volatile("");
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "ended by itself: " << WEXITSTATUS(status);
    while (::read(ends[0], &said, sizeof said) == sizeof said) acknowledged = said;
    ::close(ends[0]);

    auto const store = open_at(dir.path(), kEncrypted);
    std::uint64_t const size = ok(store->log_size());
    ASSERT_GE(size, acknowledged);
    ok(store->check());  // contiguous, digests, ids, trees
    std::uint64_t const applied = ok(store->watermark());
    ASSERT_LE(applied, size);
    ASSERT_EQ(ok(store->feed_end()).ord, applied);  // one object a record: rows and mark together
    ASSERT_EQ(ok(store->object_count({1})), applied);
    if (size > 0) {
      ASSERT_EQ(ok(store->lanes()).at(0).last_n, size);
    }
  }
  EXPECT_GT(acknowledged, 0U);
}

TEST(Kill, ResettingTheIndexMayStopAnywhere) {
  TempDir dir;
  { fill(*open_at(dir.path(), kEncrypted), 5); }
  SeededRandom random(5);
  for (int round = 0; round < 15; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    pid_t const child = ::fork();
    if (child == 0) {
      auto store = open_at(dir.path(), kEncrypted);
      if (::write(ends[1], "x", 1) != 1) ::_exit(3);
      for (;;) {
        if (!store->reset_index() || !store->apply(derived_of(5, 1, 5))) ::_exit(4);
      }
    }
    char ready = 0;
    ASSERT_EQ(::read(ends[0], &ready, 1), 1);
    for (std::uint64_t spin = random.below(5'000'000); spin > 0; --spin) asm volatile("");
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    ::close(ends[0]);
    ::close(ends[1]);
    ASSERT_TRUE(WIFSIGNALED(status));
    auto const store = open_at(dir.path(), kEncrypted);
    ok(store->check());
    std::uint64_t const applied = ok(store->watermark());
    ASSERT_TRUE(applied == 0 || applied == 5);
    ASSERT_EQ(ok(store->object_count({1})), applied);
  }
}

}  // namespace
}  // namespace amic::store::sqlite
