// Erasing a record, and what is on the disk of an encrypted store.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "base/limits.h"
#include "store/conformance.h"
#include "store/sqlite/db.h"
#include "store/sqlite/files.h"

namespace amic::store {
namespace {

namespace fs = std::filesystem;

std::string file_bytes(fs::path const& file) {
  std::ifstream stream(file, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(stream), {});
}
// Names of the files of `directory` that hold `text`.
std::vector<std::string> files_with(fs::path const& directory, std::string_view text) {
  std::vector<std::string> out;
  for (auto const& entry : fs::directory_iterator(directory))
    if (entry.is_regular_file() && file_bytes(entry.path()).find(text) != std::string::npos)
      out.push_back(entry.path().filename().string());
  return out;
}
using Names = std::vector<std::string>;

// Everything that one record leads to, with `marker` in each place that holds its contents.
Append marked_unit(std::uint64_t seq, std::string const& marker) {
  Append out = unit(seq);
  out.records[0].bytes = to_bytes("envelope with " + marker);
  out.records[0].digest = crypto::sha256(out.records[0].bytes);
  return out;
}
// Bodies that do not compress hide nothing from a search by themselves.
std::string marked_body(std::string const& marker, std::uint64_t ord) {
  std::string body = R"({"name":")" + marker + R"(","salt":")";
  SeededRandom random(ord);
  for (int i = 0; i < 40; ++i) body += static_cast<char>('!' + random.below(90));
  return body + "\"}";
}
Derived marked_derived(std::uint64_t seq, std::uint64_t ord, std::string const& marker) {
  Derived derived;
  derived.audiences = {{1, to_bytes("label a")}};
  ItemRow item;
  item.seq = seq;
  item.id = envelope_id(seq);
  item.digest = crypto::sha256(as_bytes(marker));
  item.originator = member("MY");
  item.audience = 1;
  item.title = "title " + marker;
  item.media_type = "application/stix+json";
  item.objects = 2;
  item.quarantined = 1;
  derived.items = {item};
  for (std::uint64_t i = 0; i < 2; ++i) {
    derived.objects.push_back(object(ord + i, object_id(ord + i), 1, 1, seq));
    derived.objects.back().body = marked_body(marker, ord + i);
    derived.edges.push_back({object_id(ord + i), object_id(7000), "object-ref", ord + i, 1});
  }
  derived.refused = {{seq, 5, true, Code::kConflict, "/objects/5", "reason " + marker,
                      marked_body(marker, ord + 100)}};
  derived.upto_seq = seq;
  return derived;
}

class ShredTest : public StoreTest {
 protected:
  void fill(std::uint64_t records) {
    for (std::uint64_t seq = 1; seq <= records; ++seq) {
      ok(store_->append({marked_unit(seq, marker(seq))}));
      ok(store_->apply(marked_derived(seq, 2 * seq - 1, marker(seq))));
    }
  }
  static std::string marker(std::uint64_t seq) { return "marker-of-" + std::to_string(seq) + "."; }
  void expect_gone(std::uint64_t seq) {
    auto const records = ok(store_->log_read(seq, 1, 1 << 20));
    ASSERT_EQ(records.size(), 1U);
    EXPECT_TRUE(records[0].shredded);
    EXPECT_TRUE(records[0].bytes.empty());
    Bytes const plain = marked_unit(seq, marker(seq)).records[0].bytes;
    EXPECT_EQ(records[0].digest, crypto::sha256(plain));
    EXPECT_TRUE(ok(store_->log_find(envelope_id(seq)))->shredded);
    EXPECT_EQ(ok(store_->log_digests(seq, 1, nullptr)).at(0), records[0].digest);
    for (ObjectRow const& row : ok(store_->page({.limit = limits::kPageMax}, {1})).rows)
      EXPECT_NE(row.seq, seq);
    EXPECT_FALSE(ok(store_->get(object_id(2 * seq), {1})));
    EXPECT_TRUE(ok(store_->edges(object_id(2 * seq), true, 10, {1})).empty());
    EXPECT_TRUE(ok(store_->refused(seq)).empty());
    ok(store_->check());
  }
  fs::path directory() const { return backend_->dsn().substr(7); }
};

TEST_P(ShredTest, TakesOneRecordOutOfEverythingAndNothingElse) {
  fill(4);
  std::uint64_t const inbound = ok(store_->edges(object_id(7000), false, 100, {1})).size();
  ok(store_->shred(2, 77));
  expect_gone(2);
  EXPECT_EQ(ok(store_->object_count({1})), 6U);
  EXPECT_EQ(ok(store_->edges(object_id(7000), false, 100, {1})).size(), inbound - 2);
  EXPECT_FALSE(ok(store_->item(envelope_id(2), {1})));
  for (std::uint64_t const seq : {1U, 3U, 4U}) {
    EXPECT_EQ(as_text(ok(store_->log_read(seq, 1, 1 << 20)).at(0).bytes),
              "envelope with " + marker(seq));
    EXPECT_EQ(ok(store_->get(object_id(2 * seq), {1}))->body, marked_body(marker(seq), 2 * seq));
    EXPECT_EQ(ok(store_->item(envelope_id(seq), {1}))->title, "title " + marker(seq));
    EXPECT_EQ(ok(store_->refused(seq)).at(0).reason, "reason " + marker(seq));
    EXPECT_EQ(ok(store_->refused(seq)).at(0).body, marked_body(marker(seq), 2 * seq + 99));
  }
  Hash const digest = ok(store_->index_digest());
  ok(store_->shred(2, 78));  // again: nothing more happens
  reopen();
  EXPECT_FALSE(store_->index_was_reset());
  EXPECT_EQ(ok(store_->index_digest()), digest);
  expect_gone(2);
  ok(store_->append({unit(5)}));
}

TEST_P(ShredTest, IsRefusedWhileAPeerStillHasToGetIt) {
  Append queued = unit(1);
  queued.queue = {{0, member("ID"), 1}, {0, member("PH"), 1}};
  ok(store_->append({queued}));
  EXPECT_EQ(store_->shred(2, 1).error().code, Code::kNotFound);
  EXPECT_EQ(store_->shred(0, 1).error().code, Code::kNotFound);
  EXPECT_EQ(store_->shred(1, 1).error().code, Code::kConflict);
  Append ack;
  ack.cursors = {{CursorKind::kAcked, member("ID"), 1, 1, {}}};
  ok(store_->append({ack}));
  EXPECT_NE(store_->shred(1, 1).error().detail.find("PH"), std::string::npos);
  EXPECT_FALSE(ok(store_->log_read(1, 1, 100)).at(0).shredded);
  ack.cursors[0].peer = member("PH");
  ok(store_->append({ack}));
  ok(store_->shred(1, 1));
  EXPECT_TRUE(ok(store_->log_read(1, 1, 100)).at(0).shredded);
}

TEST_P(ShredTest, PositionsOfTheFeedAreNotGivenAgain) {
  fill(3);
  FeedEnd const end = ok(store_->feed_end());
  ok(store_->shred(3, 1));
  EXPECT_EQ(ok(store_->feed_end()).ord, end.ord);
  EXPECT_EQ(ok(store_->feed_end()).added_us, end.added_us);
  EXPECT_EQ(ok(store_->log_read(3, 1, 100)).at(0).shredded_end.ord, end.ord);
  ok(store_->reset_index());
  EXPECT_EQ(ok(store_->feed_end()).ord, 0U);  // not applied yet: the caller gets there in order
  for (std::uint64_t seq = 1; seq <= 2; ++seq)
    ok(store_->apply(marked_derived(seq, 2 * seq - 1, marker(seq))));
  EXPECT_EQ(ok(store_->feed_end()).ord, 4U);
  Derived skipped;
  skipped.upto_seq = 3;
  ok(store_->apply(skipped));
  EXPECT_EQ(ok(store_->feed_end()).ord, end.ord);
  expect_gone(3);
}

TEST_P(ShredTest, ABatchMadeBeforeBringsNothingBack) {
  fill(1);
  ok(store_->append({marked_unit(2, marker(2)), marked_unit(3, marker(3))}));
  Derived batch = marked_derived(2, 3, marker(2));
  Derived const later = marked_derived(3, 5, marker(3));
  batch.objects.insert(batch.objects.end(), later.objects.begin(), later.objects.end());
  batch.edges.insert(batch.edges.end(), later.edges.begin(), later.edges.end());
  batch.items.push_back(later.items[0]);
  batch.refused.push_back(later.refused[0]);
  batch.upto_seq = 3;
  ok(store_->shred(2, 1));
  ok(store_->apply(batch));
  expect_gone(2);
  EXPECT_FALSE(ok(store_->item(envelope_id(2), {1})));
  EXPECT_EQ(ok(store_->object_count({1})), 4U);
  EXPECT_EQ(ok(store_->edges(object_id(7000), false, 100, {1})).size(), 4U);
}

// An item under an operation leaves a row without contents, the same one that an index made anew
// has; and what another record brings as well stays in view.
TEST_P(ShredTest, AnItemUnderAnOperationLeavesARow) {
  fill(2);
  Derived again = marked_derived(3, 5, marker(3));
  again.objects[0].id = object_id(3);
  again.objects[0].body = ok(store_->get(object_id(3), {1}))->body;
  ok(store_->append({marked_unit(3, marker(3))}));
  ok(store_->apply(again));
  ItemRow row = ok(store_->item(envelope_id(2), {1})).value();
  OperationRow operation;
  operation.target = row.digest;
  operation.item = row.id;
  operation.originator = row.originator;
  operation.counter = 1;
  operation.seq = operation.updated_seq = 4;
  operation.reason = "the reason";
  operation.audience = 1;
  operation.state = row.state = ItemState::kRecalled;
  operation.duty = Duty::kDue;
  row.title.clear();
  row.objects = row.quarantined = row.rejected = 0;
  Derived recall;
  recall.changes = {{4, row}};
  recall.operations = {operation};
  recall.upto_seq = 4;
  ok(store_->append({unit(4)}));
  ok(store_->apply(recall));
  EXPECT_EQ(ok(store_->operation(operation.target, operation.originator)), operation);
  EXPECT_FALSE(ok(store_->operation(operation.target, member("QQ"))));
  EXPECT_EQ(ok(store_->duties(Duty::kDue, Hash(), 10)).size(), 1U);
  EXPECT_EQ(ok(store_->operations(3, 10, {1})).size(), 1U);
  EXPECT_TRUE(ok(store_->operations(4, 10, {1})).empty());
  EXPECT_TRUE(ok(store_->operations(0, 10, {})).empty());
  EXPECT_EQ(ok(store_->get(object_id(3), {1}))->seq, 3U);
  EXPECT_FALSE(ok(store_->get(object_id(4), {1})));
  EXPECT_TRUE(ok(store_->refused(2)).empty());
  FeedEnd const end = ok(store_->feed_end());
  ok(store_->shred(2, 1));
  EXPECT_EQ(ok(store_->log_read(2, 1, 100)).at(0).shredded_end.ord, 4U);
  auto const left = ok(store_->item(envelope_id(2), {1}));
  ASSERT_TRUE(left);
  EXPECT_EQ(left->state, ItemState::kRecalled);
  EXPECT_EQ(left->media_type, "");
  EXPECT_EQ(ok(store_->feed_end()).ord, end.ord);
  ok(store_->check());
}

TEST_P(ShredTest, EdgesOfOtherVersionsStay) {
  AudienceId const a = label("a");
  for (std::uint64_t seq = 1; seq <= 2; ++seq) {
    ok(store_->append({unit(seq)}));
    Derived derived;
    derived.objects = {object(seq, object_id(1), static_cast<std::int64_t>(seq), a, seq)};
    derived.edges = {{object_id(1), object_id(9), "ref", seq, a}};
    derived.upto_seq = seq;
    ok(store_->apply(derived));
  }
  EXPECT_EQ(ok(store_->edges(object_id(9), false, 10, {a})).size(), 1U);
  ok(store_->shred(1, 1));
  EXPECT_EQ(ok(store_->edges(object_id(9), false, 10, {a})).at(0).ord, 2U);
  EXPECT_EQ(ok(store_->versions(object_id(1), {a})).size(), 1U);
  ok(store_->shred(2, 1));
  EXPECT_TRUE(ok(store_->edges(object_id(9), false, 10, {a})).empty());
  ok(store_->check());
}

TEST_P(ShredTest, ADictionaryOfErasedObjectsDoesNotOutliveTheNextOpening) {
  AudienceId const a = label("a");
  for (std::uint64_t seq = 1; seq <= 2; ++seq) {
    ok(store_->append({unit(seq)}));
    Derived derived;
    for (std::uint64_t i = 1; i <= 1200; ++i) {
      auto const ord = (seq - 1) * 1200 + i;
      derived.objects.push_back(object(ord, object_id(ord), 1, a, seq));
    }
    derived.upto_seq = seq;
    ok(store_->apply(derived));
  }
  reopen();
  EXPECT_FALSE(store_->index_was_reset());
  ok(store_->shred(2, 1));  // the dictionary is from before it
  reopen();
  EXPECT_FALSE(store_->index_was_reset());
  ok(store_->shred(1, 1));
  reopen();
  EXPECT_TRUE(store_->index_was_reset());
}

TEST_P(ShredTest, LeavesNoByteOfItInTheFiles) {
  fill(300);
  fs::path const log = directory() / sqlite::kLogFile;
  std::vector<std::string> wrapped(301);
  {
    auto reader = ok(sqlite::Connection::open_reader(log, false, 256));
    sqlite::Query query(*reader, "SELECT seq, wrapped FROM dek ORDER BY seq");
    while (ok(query.step())) wrapped.at(query.number(0)) = as_text(query.blob(1));
  }
  for (std::uint64_t seq : {1U, 60U, 150U, 151U, 299U, 300U}) {
    ok(store_->shred(seq, 1));
    EXPECT_EQ(files_with(directory(), marker(seq)), Names{}) << seq;
    if (!wrapped[seq].empty()) {
      EXPECT_EQ(files_with(directory(), wrapped[seq]), Names{}) << seq;
      EXPECT_FALSE(files_with(directory(), wrapped[seq == 60 ? 61 : 2]).empty());
    }
  }
  reopen();
  for (std::uint64_t seq : {1U, 60U, 150U, 151U, 299U, 300U}) expect_gone(seq);
}

INSTANTIATE_TEST_SUITE_P(Backends, ShredTest, all_backends(), backend_name);

// ---- Encryption ---------------------------------------------------------------------------------

Result<std::unique_ptr<Store>> open_with(fs::path const& directory,
                                         std::optional<crypto::Secret> key,
                                         bool read_only = false) {
  return Store::open("sqlite:" + directory.string(),
                     {.read_only = read_only, .key = std::move(key)});
}

TEST(Encryption, NoContentsAreReadableInAnyFile) {
  for (bool const encrypted : {true, false}) {
    TempDir dir;
    auto const key = encrypted ? std::optional(test_key(1)) : std::nullopt;
    auto store = ok(open_with(dir.path(), key));
    for (std::uint64_t seq = 1; seq <= 20; ++seq) {
      ok(store->append({marked_unit(seq, "the-marker")}));
      ok(store->apply(marked_derived(seq, 2 * seq - 1, "the-marker")));
    }
    ok(store->snapshot(dir.path() / "copy"));
    auto const expect = [&](fs::path const& where) {
      if (encrypted)
        EXPECT_EQ(files_with(where, "the-marker"), Names{}) << where;
      else  // or the search would find nothing anywhere
        EXPECT_FALSE(files_with(where, "the-marker").empty()) << where;
    };
    expect(dir.path());
    expect(dir.path() / "copy");
    store.reset();
    expect(dir.path());
    auto const copy = ok(open_with(dir.path() / "copy", key));
    EXPECT_EQ(ok(copy->item(envelope_id(3), {1}))->title, "title the-marker");
    ok(copy->check());
  }
}

TEST(Encryption, DictionariesAreEncryptedToo) {
  for (bool const encrypted : {true, false}) {
    auto const key = encrypted ? std::optional(test_key(1)) : std::nullopt;
    TempDir dir;
    auto store = ok(open_with(dir.path(), key));
    ok(store->append({unit(1)}));
    Derived derived;
    derived.audiences = {{1, to_bytes("a")}};
    for (std::uint64_t ord = 1; ord <= 1500; ++ord) {
      derived.objects.push_back(object(ord, object_id(ord), 1, 1, 1));
      derived.objects.back().body += "a phrase that is in each of these objects";
    }
    derived.upto_seq = 1;
    ok(store->apply(derived));
    EXPECT_EQ(ok(store->get(object_id(700), {1}))->body, derived.objects[699].body);
    EXPECT_EQ(files_with(dir.path(), "a phrase that").empty(), encrypted);
    store = nullptr;
    auto reader = ok(sqlite::Connection::open_reader(dir.path() / sqlite::kIndexFile, true, 256));
    EXPECT_EQ(ok(reader->integer("SELECT count(*) FROM dict")), 1);
    reader.reset();
    store = ok(open_with(dir.path(), key));
    EXPECT_EQ(ok(store->get(object_id(700), {1}))->body, derived.objects[699].body);
  }
}

TEST(Encryption, OnlyTheKeyThatMadeItOpensAStore) {
  TempDir dir;
  { ok(ok(open_with(dir.path() / "k", test_key(1)))->append({unit(1)})); }
  { ok(ok(open_with(dir.path() / "p", std::nullopt))->append({unit(1)})); }
  for (bool const read_only : {false, true}) {
    auto const refused = [&](char const* name, std::optional<crypto::Secret> key) {
      auto const result = open_with(dir.path() / name, std::move(key), read_only);
      if (result) throw std::runtime_error("opened");
      EXPECT_EQ(result.error().where, "store.key");
      return result.error().code;
    };
    EXPECT_EQ(refused("k", test_key(2)), Code::kWrongPassphrase);
    EXPECT_EQ(refused("k", std::nullopt), Code::kMissingKey);
    EXPECT_EQ(refused("p", test_key(1)), Code::kConflict);
    EXPECT_EQ(refused("k", crypto::Secret(Bytes(31))), Code::kUsage);
    EXPECT_EQ(ok(ok(open_with(dir.path() / "k", test_key(1), read_only))->log_size()), 1U);
    EXPECT_EQ(ok(ok(open_with(dir.path() / "p", std::nullopt, read_only))->log_size()), 1U);
  }
}

TEST(Encryption, AnIndexOfAnotherKeyIsMadeAnew) {
  TempDir dir;
  for (std::uint8_t const fill : {1, 2}) {
    auto store = ok(open_with(dir.path() / std::to_string(fill), test_key(fill)));
    ok(store->append({marked_unit(1, "x")}));
    ok(store->apply(marked_derived(1, 1, "x")));
  }
  fs::copy_file(dir.path() / "2" / sqlite::kIndexFile, dir.path() / "1" / sqlite::kIndexFile,
                fs::copy_options::overwrite_existing);
  auto const store = ok(open_with(dir.path() / "1", test_key(1)));
  EXPECT_EQ(store->index_reset_reason(), "made under another key");
}

TEST(Encryption, WhatWasChangedOrMovedOnTheDiskIsCorrupt) {
  char const* const kLog[] = {
      "UPDATE record SET bytes = zeroblob(60) WHERE seq = 2",
      "UPDATE record SET bytes = (SELECT bytes FROM record WHERE seq = 3) WHERE seq = 2",
      "UPDATE dek SET wrapped = (SELECT wrapped FROM dek WHERE seq = 3) WHERE seq = 2",
      "UPDATE record SET bytes = zeroblob(0) WHERE seq = 2",
      "UPDATE dek SET wrapped = zeroblob(5) WHERE seq = 2",
      "DELETE FROM dek WHERE seq = 2"};
  char const* const kIndex[] = {
      "UPDATE obj SET body = (SELECT body FROM obj WHERE ord = 4) WHERE ord = 3",
      "UPDATE obj SET body = zeroblob(9) WHERE ord = 3"};
  for (std::size_t i = 0; i < std::size(kLog) + std::size(kIndex); ++i) {
    bool const log = i < std::size(kLog);
    TempDir dir;
    {
      auto store = ok(open_with(dir.path(), test_key(1)));
      for (std::uint64_t seq = 1; seq <= 3; ++seq) {
        ok(store->append({marked_unit(seq, "x")}));
        ok(store->apply(marked_derived(seq, 2 * seq - 1, "x")));
      }
    }
    {
      auto connection =
          ok(sqlite::Connection::open(dir.path() / (log ? sqlite::kLogFile : sqlite::kIndexFile),
                                      sqlite::Access::kReadWrite, false, {}));
      ok(connection->exec(log ? kLog[i] : kIndex[i - std::size(kLog)]));
    }
    auto const store = ok(open_with(dir.path(), test_key(1)));
    auto const checked = store->check();
    ASSERT_FALSE(checked) << i;
    EXPECT_TRUE(checked.error().code == Code::kCorrupt) << i << checked.error().text();
    if (log)
      EXPECT_EQ(store->log_read(2, 1, 100).error().code, Code::kCorrupt) << i;
    else
      EXPECT_EQ(store->page({}, {1}).error().code, Code::kCorrupt) << i;
  }
}

// The decision is durable; the process ends before the index and the old pages have followed.
TEST(Encryption, AnErasureThatWasCutShortIsFinishedByTheNextOpening) {
  TempDir dir;
  {
    auto store = ok(open_with(dir.path(), test_key(1)));
    for (std::uint64_t seq = 1; seq <= 3; ++seq) {
      ok(store->append({marked_unit(seq, "x")}));
      ok(store->apply(marked_derived(seq, 2 * seq - 1, "x")));
    }
  }
  {
    auto log = ok(sqlite::Connection::open(dir.path() / sqlite::kLogFile,
                                           sqlite::Access::kReadWrite, false, {}));
    ok(
        log->exec("INSERT INTO shredded VALUES (2, 1, 4, 1000004, 0);"
                  "UPDATE dek SET wrapped = zeroblob(60) WHERE seq = 2;"
                  "UPDATE record SET bytes = zeroblob(0) WHERE seq = 2"));
  }
  auto const store = ok(open_with(dir.path(), test_key(1)));
  EXPECT_FALSE(store->index_was_reset());
  EXPECT_TRUE(ok(store->log_read(2, 1, 100)).at(0).shredded);
  EXPECT_EQ(ok(store->page({}, {1})).rows.size(), 4U);
  ok(store->check());
  auto log = ok(sqlite::Connection::open_reader(dir.path() / sqlite::kLogFile, false, 256));
  EXPECT_EQ(ok(log->integer("SELECT sum(done) FROM shredded")), 1);
}

TEST(Encryption, AReaderElsewhereHoldsUpOnlyTheOverwriting) {
  TempDir dir;
  auto store = ok(open_with(dir.path(), test_key(1)));
  ok(store->append({marked_unit(1, "x")}));
  auto other = ok(sqlite::Connection::open_reader(dir.path() / sqlite::kLogFile, false, 256));
  ok(sqlite::Query(*other, "BEGIN").run());
  EXPECT_EQ(ok(other->integer("SELECT count(*) FROM record")), 1);
  EXPECT_EQ(store->shred(1, 1).error().code, Code::kLocked);
  EXPECT_TRUE(ok(store->log_read(1, 1, 100)).at(0).shredded);
  other.reset();
  ok(store->shred(1, 1));
  EXPECT_LT(fs::file_size(dir.path() / "log.db-wal"), 32768U);  // the mark that it is done
}

// Killed at random points: what was said to be erased is, the rest is whole, and the log and its
// index agree on which is which.
TEST(Encryption, ErasingMayStopAnywhere) {
  TempDir dir;
  constexpr std::uint64_t kRecords = 60;
  Options const options = {.key = test_key(1)};
  auto const open = [&] { return ok(Store::open("sqlite:" + dir.path().string(), options)); };
  {
    auto const store = open();
    for (std::uint64_t seq = 1; seq <= kRecords; ++seq) {
      ok(store->append({marked_unit(seq, "x")}));
      ok(store->apply(marked_derived(seq, 2 * seq - 1, "x")));
    }
  }
  SeededRandom random(17);
  std::uint64_t erased = 0;
  for (int round = 0; round < 12; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    pid_t const child = ::fork();
    if (child == 0) {
      auto const store = open();
      for (std::uint64_t seq = erased + 1; seq <= kRecords; ++seq) {
        if (!store->shred(seq, 1) || ::write(ends[1], &seq, sizeof seq) != sizeof seq) ::_exit(4);
      }
      for (;;) ::pause();
    }
    ::close(ends[1]);
    std::uint64_t said = 0;
    for (auto left = random.below(4); left > 0; --left)
      if (::read(ends[0], &said, sizeof said) == sizeof said) erased = said;
    for (std::uint64_t spin = random.below(4'000'000); spin > 0; --spin) asm volatile("");
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status));
    while (::read(ends[0], &said, sizeof said) == sizeof said) erased = said;
    ::close(ends[0]);

    auto const store = open();
    ok(store->check());
    std::uint64_t gone = 0;
    for (Record const& record : ok(store->log_read(1, kRecords, 1 << 20))) {
      EXPECT_TRUE(record.shredded || record.seq > erased);
      if (record.shredded) ++gone;
    }
    ASSERT_EQ(ok(store->object_count({1})), 2 * (kRecords - gone));
    ASSERT_EQ(ok(store->page({.limit = 1000}, {1})).rows.size(), 2 * (kRecords - gone));
    if (erased == kRecords) break;
  }
  EXPECT_GT(erased, 0U);
}

}  // namespace
}  // namespace amic::store
