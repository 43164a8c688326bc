// A log whose file is damaged is written anew from all that can be read of it. SQLite can't mend a
// damaged tree of pages: writing into one may hand a page that is in use out a second time.
#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <tuple>

#include "store/sqlite/columns.h"
#include "store/sqlite/files.h"
#include "store/sqlite/log_file.h"
#include "store/sqlite/schema.h"

namespace amic::store::sqlite {
namespace {

constexpr std::uint64_t kRowsATransaction = 2000;
// How far to look row by row behind a row that can't be read. A page holds fewer.
constexpr std::uint64_t kProbe = 512;

bool is_damage(Error const& error) {
  return error.code == Code::kCorrupt || error.code == Code::kIo;
}

// A table read in the order of its last key column, a number.
struct Numbered {
  char const* table;
  char const* scan;   // from a number on
  char const* probe;  // one number
  char const* insert;
  int columns;
  int number;  // column of the number
};

constexpr Numbered kRecord = {
    "record",
    "SELECT seq, kind, id, digest, at_ms, peer, bytes FROM record WHERE seq >= ? ORDER BY seq",
    "SELECT seq, kind, id, digest, at_ms, peer, bytes FROM record WHERE seq = ?",
    "INSERT INTO record (seq, kind, id, digest, at_ms, peer, bytes) VALUES (?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT DO NOTHING",
    7,
    0};
constexpr Numbered kDek = {"dek",
                           "SELECT seq, wrapped FROM dek WHERE seq >= ? ORDER BY seq",
                           "SELECT seq, wrapped FROM dek WHERE seq = ?",
                           "INSERT INTO dek (seq, wrapped) VALUES (?, ?) ON CONFLICT DO NOTHING",
                           2,
                           0};
constexpr Numbered kShredded = {
    "shredded",
    "SELECT seq, at_ms, ord, added, done FROM shredded WHERE seq >= ? ORDER BY seq",
    "SELECT seq, at_ms, ord, added, done FROM shredded WHERE seq = ?",
    "INSERT INTO shredded (seq, at_ms, ord, added, done) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT DO NOTHING",
    5,
    0};
constexpr Numbered kOutbox = {"outbox",
                              "SELECT peer, lane, n, seq, bytes, queued_ms, digest FROM outbox "
                              "WHERE peer = ? AND lane = ? AND n >= ? ORDER BY n",
                              "SELECT peer, lane, n, seq, bytes, queued_ms, digest FROM outbox "
                              "WHERE peer = ? AND lane = ? AND n = ?",
                              "INSERT INTO outbox (peer, lane, n, seq, bytes, queued_ms, digest) "
                              "VALUES (?, ?, ?, ?, ?, ?, ?) "
                              "ON CONFLICT DO NOTHING",
                              7,
                              2};
constexpr Numbered kReceived = {
    "received",
    "SELECT peer, lane, n, seq, digest FROM received "
    "WHERE peer = ? AND lane = ? AND n >= ? ORDER BY n",
    "SELECT peer, lane, n, seq, digest FROM received WHERE peer = ? AND lane = ? AND n = ?",
    "INSERT INTO received (peer, lane, n, seq, digest) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT DO NOTHING",
    5,
    2};
constexpr Numbered kTile = {
    "tile",
    "SELECT level, n, hashes FROM tile WHERE level = ? AND n >= ? ORDER BY n",
    "SELECT level, n, hashes FROM tile WHERE level = ? AND n = ?",
    "INSERT INTO tile (level, n, hashes) VALUES (?, ?, ?) "
    "ON CONFLICT DO NOTHING",
    3,
    1};

// Small tables without which there is no log: whole, or not at all.
struct Whole {
  char const* select;
  char const* insert;
  int columns;
};
constexpr Whole kWhole[] = {
    {"SELECT k, n FROM meta",
     "INSERT INTO meta (k, n) VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET n = excluded.n", 2},
    {"SELECT peer, lane, last_n, acked_n, pending_bytes FROM lane",
     "INSERT INTO lane (peer, lane, last_n, acked_n, pending_bytes) VALUES (?, ?, ?, ?, ?)", 5},
    {"SELECT kind, peer, lane, n, note FROM cursor",
     "INSERT INTO cursor (kind, peer, lane, n, note) VALUES (?, ?, ?, ?, ?)", 5},
    {"SELECT space, k, v FROM kv", "INSERT INTO kv (space, k, v) VALUES (?, ?, ?)", 3},
};

class Salvage {
 public:
  Salvage(Connection& from, Connection& to) : from_(from), to_(to), transaction_(to) {}

  Result<Salvaged> run() {
    AMIC_TRY_VOID(begin());
    for (Whole const& table : kWhole) AMIC_TRY_VOID(copy_whole(table));
    AMIC_TRY(std::uint64_t const size, last_seq(from_));
    for (Numbered const* table : {&kRecord, &kDek, &kShredded})
      AMIC_TRY_VOID(copy_numbers(
          *table, [](Query&) {}, 1, size));
    AMIC_TRY_VOID(copy_lanes());
    AMIC_TRY_VOID(copy_tiles(size));
    AMIC_TRY_VOID(copy_quarantine());
    AMIC_TRY_VOID(make_ids());
    AMIC_TRY_VOID(transaction_->commit());
    return out_;
  }

 private:
  using Bind = std::function<void(Query&)>;

  Result<void> begin() {
    transaction_.emplace(to_);
    return transaction_->begin();
  }
  Result<void> insert(char const* sql, Query const& row, int columns) {
    Query into(to_, sql);
    for (int i = 0; i < columns; ++i) into.bind_value(row, i);
    auto const done = into.run();
    // Garbage that reads like a row, but not like one of this table.
    if (!done && done.error().code == Code::kInternal) return {};
    if (!done) return fail(done.error());
    if (to_.changes() != 0) ++out_.rows;
    if (++pending_ < kRowsATransaction) return {};
    pending_ = 0;
    AMIC_TRY_VOID(transaction_->commit());
    return begin();
  }

  Result<void> copy_whole(Whole const& table) {
    Query rows(from_, table.select);
    for (;;) {
      AMIC_TRY(bool const row, rows.step());
      if (!row) return {};
      AMIC_TRY_VOID(insert(table.insert, rows, table.columns));
    }
  }

  // The next number to look at, after what can be read from `next` on; 0: the end was reached.
  Result<std::uint64_t> scan(Numbered const& table, Bind const& bind, std::uint64_t next,
                             std::uint64_t last) {
    Query rows(from_, table.scan);
    bind(rows);
    rows.bind(next);
    for (;;) {
      auto const row = rows.step();
      if (!row && !is_damage(row.error())) return fail(row.error());
      if (!row) return next;
      if (!*row || rows.number(table.number) > last) return std::uint64_t{0};
      std::uint64_t const number = rows.number(table.number);
      if (number < next) return next;  // out of order: no page to go on with
      AMIC_TRY_VOID(insert(table.insert, rows, table.columns));
      next = number + 1;
    }
  }

  Result<void> copy_numbers(Numbered const& table, Bind const& bind, std::uint64_t first,
                            std::uint64_t last) {
    for (std::uint64_t next = first; next <= last;) {
      AMIC_TRY(next, scan(table, bind, next, last));
      if (next == 0) return {};
      for (std::uint64_t const end = std::min(last, next + kProbe - 1); next <= end; ++next) {
        Query row(from_, table.probe);
        bind(row);
        auto const there = row.bind(next).step();
        if (!there && !is_damage(there.error())) return fail(there.error());
        if (!there) ++out_.lost[table.table];
        if (!there && &table == &kRecord) AMIC_TRY_VOID(copy_record_row(next));
        if (there && *there && row.number(table.number) == next)
          AMIC_TRY_VOID(insert(table.insert, row, table.columns));
      }
    }
    return {};
  }

  // Where a record's bytes go on is lost; its time and digest are worth keeping without them.
  Result<void> copy_record_row(std::uint64_t seq) {
    Query row(from_, "SELECT seq, kind, id, digest, at_ms, peer FROM record WHERE seq = ?");
    auto const there = row.bind(seq).step();
    if (!there || !*there) return {};
    Query into(to_, kRecord.insert);
    for (int i = 0; i < kRecord.columns - 1; ++i) into.bind_value(row, i);
    auto const done = into.bind(BytesView()).run();
    return done || done.error().code == Code::kInternal ? Result<void>() : done;
  }

  Result<void> copy_lanes() {
    std::vector<std::tuple<std::string, std::int64_t, std::uint64_t>> sent, received;
    {
      Query lanes(to_, "SELECT peer, lane, last_n FROM lane ORDER BY peer, lane");
      for (;;) {
        AMIC_TRY(bool const row, lanes.step());
        if (!row) break;
        sent.emplace_back(lanes.text(0), lanes.integer(1), lanes.number(2));
      }
      Query positions(to_, "SELECT peer, lane, n FROM cursor WHERE kind = ? ORDER BY peer, lane");
      positions.bind(static_cast<int>(CursorKind::kReceived));
      for (;;) {
        AMIC_TRY(bool const row, positions.step());
        if (!row) break;
        received.emplace_back(positions.text(0), positions.integer(1), positions.number(2));
      }
    }
    for (auto const& [lanes, table] :
         {std::pair(&sent, &kOutbox), std::pair(&received, &kReceived)})
      for (auto const& [peer, lane, last] : *lanes)
        AMIC_TRY_VOID(copy_numbers(
            *table, [&](Query& query) { query.bind(std::string_view(peer)).bind(lane); }, 1, last));
    return {};
  }

  Result<void> copy_tiles(std::uint64_t records) {
    std::uint64_t count = records;
    for (int level = 0; count > 0; ++level, count >>= 8)
      AMIC_TRY_VOID(copy_numbers(
          kTile, [&](Query& query) { query.bind(level); }, 0, count >> 8));
    return {};
  }

  // What was refused is kept for people only: as far as it can be read.
  Result<void> copy_quarantine() {
    std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> sizes;
    Query rows(from_,
               "SELECT peer, n, at_ms, code, reason, digest, size, bytes FROM quarantine "
               "ORDER BY peer, n");
    for (;;) {
      auto const row = rows.step();
      if (!row && !is_damage(row.error())) return fail(row.error());
      if (!row) ++out_.lost["quarantine"];
      if (!row || !*row) break;
      auto& size = sizes[std::string(rows.text(0))];
      size.first += 1;
      size.second += rows.number(6);
      AMIC_TRY_VOID(
          insert("INSERT INTO quarantine (peer, n, at_ms, code, reason, digest, size, "
                 "bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                 rows, 8));
    }
    for (auto const& [peer, size] : sizes) {
      Query into(to_, "INSERT INTO quarantine_size (peer, envelopes, bytes) VALUES (?, ?, ?)");
      AMIC_TRY_VOID(into.bind(std::string_view(peer)).bind(size.first).bind(size.second).run());
    }
    return {};
  }

  // From the records that there are; from the old table those of records that are lost, so that
  // nothing else takes their ids.
  Result<void> make_ids() {
    constexpr char kInsert[] =
        "INSERT INTO record_by_id (id, seq) VALUES (?, ?) ON CONFLICT DO NOTHING";
    std::uint64_t last = 0;
    for (bool more = true; more;) {
      std::vector<std::pair<Bytes, std::uint64_t>> page;
      {
        Query rows(to_, "SELECT seq, id FROM record WHERE seq > ? ORDER BY seq LIMIT 1000");
        rows.bind(last);
        for (;;) {
          AMIC_TRY(bool const row, rows.step());
          if (!row) break;
          page.emplace_back(to_bytes(rows.blob(1)), rows.number(0));
        }
      }
      more = !page.empty();
      for (auto const& [id, seq] : page) {
        Query into(to_, kInsert);
        AMIC_TRY_VOID(into.bind(BytesView(id)).bind(seq).run());
        last = seq;
      }
    }
    return keep_ids(kInsert);
  }

  Result<void> keep_ids(char const* sql) {
    for (bool const down : {false, true}) {  // from both ends up to what can't be read
      Query rows(from_, down ? "SELECT id, seq FROM record_by_id ORDER BY id DESC"
                             : "SELECT id, seq FROM record_by_id ORDER BY id");
      for (;;) {
        auto const row = rows.step();
        if (!row && !is_damage(row.error())) return fail(row.error());
        if (row && !*row) return {};
        if (!row) break;
        if (rows.blob(0).size() == EnvelopeId::kSize) AMIC_TRY_VOID(insert(sql, rows, 2));
      }
    }
    ++out_.lost["record_by_id"];
    return {};
  }

  Connection& from_;
  Connection& to_;
  std::optional<Transaction> transaction_;
  std::uint64_t pending_ = 0;
  Salvaged out_;
};

}  // namespace

Result<Salvaged> LogFile::salvage() {
  if (writer_ == nullptr) return fail(Code::kReadOnly, "log.db", "opened for reading only");
  std::lock_guard const lock(mutex_);
  std::filesystem::path fresh = file_;
  fresh.replace_filename(kSalvageFile);
  AMIC_TRY_VOID(remove_database(fresh));
  Result<Salvaged> done = fail(Code::kInternal, "salvage");
  {
    AMIC_TRY(auto from, Connection::open_reader(file_, false, 8192));
    AMIC_TRY(auto to, Connection::open(fresh, Access::kReadWrite, true, Tuning{.cache_kib = 8192}));
    AMIC_TRY_VOID(migrate(*to, log_schema()));
    done = Salvage(*from, *to).run();
    if (done) {
      auto const flushed = to->checkpoint();
      if (!flushed) done = fail(flushed.error());
    }
  }
  auto const replaced = !done ? fail(done.error()) : sync_file(fresh);
  if (!replaced) {
    static_cast<void>(remove_database(fresh));
    return fail(replaced.error());
  }
  auto const swapped = readers_->while_closed([&]() -> Result<void> {
    // All of it into the file itself: what lies beside it would be taken for the new one's.
    AMIC_TRY_VOID(writer_->checkpoint());
    writer_.reset();
    auto const put = replace_database(fresh, file_);
    auto const opened = open_writer();
    return put ? opened : put;
  });
  if (swapped) return done;
  static_cast<void>(remove_database(fresh));
  return fail(swapped.error());
}

}  // namespace amic::store::sqlite
