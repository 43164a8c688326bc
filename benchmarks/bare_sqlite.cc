#include "benchmarks/bare_sqlite.h"

#include <sqlite3.h>

#include <cstdio>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/check.h"
#include "benchmarks/measure.h"

namespace amic::bench {

namespace {
void ok(sqlite3* db, int rc) {
  if (rc == SQLITE_OK || rc == SQLITE_DONE || rc == SQLITE_ROW) return;
  std::fprintf(stderr, "sqlite: %s\n", sqlite3_errmsg(db));
  CHECK(false);
}

class Db {
 public:
  Db(std::filesystem::path const& file, int flags) {
    ok(db_, sqlite3_open_v2(file.c_str(), &db_, flags | SQLITE_OPEN_NOMUTEX, nullptr));
  }
  ~Db() { sqlite3_close(db_); }
  Db(Db const&) = delete;
  Db& operator=(Db const&) = delete;
  void exec(std::string const& sql) {
    ok(db_, sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr));
  }
  sqlite3_stmt* prepare(std::string const& sql) {
    sqlite3_stmt* out = nullptr;
    ok(db_, sqlite3_prepare_v2(db_, sql.c_str(), -1, &out, nullptr));
    return out;
  }
  sqlite3* raw() const { return db_; }

 private:
  sqlite3* db_ = nullptr;
};

// Rows of one statement: `columns` values each, batch after batch.
struct Batch {
  std::vector<sqlite3_value*> values;
};
struct Table {
  std::string insert;
  int columns = 0;
  std::map<std::int64_t, Batch> batches;
  sqlite3_stmt* statement = nullptr;
  ~Table() {
    for (auto& [n, batch] : batches)
      for (auto* value : batch.values) sqlite3_value_free(value);
  }
};
using Tables = std::vector<std::unique_ptr<Table>>;

// First column of `select`: the batch; the rest: the row, in the order to be inserted.
std::unique_ptr<Table> load(Db& from, std::string const& name, std::string const& select) {
  auto out = std::make_unique<Table>();
  auto* rows = from.prepare(select);
  out->columns = sqlite3_column_count(rows) - 1;
  out->insert = "INSERT INTO " + name + " VALUES (?";
  for (int i = 1; i < out->columns; ++i) out->insert += ",?";
  out->insert += ") ON CONFLICT DO NOTHING";
  while (sqlite3_step(rows) == SQLITE_ROW) {
    auto& batch = out->batches[sqlite3_column_int64(rows, 0)];
    for (int i = 1; i <= out->columns; ++i)
      batch.values.push_back(sqlite3_value_dup(sqlite3_column_value(rows, i)));
  }
  sqlite3_finalize(rows);
  return out;
}

void insert(Db& db, Table& table, std::int64_t n) {
  auto const found = table.batches.find(n);
  if (found == table.batches.end()) return;
  if (table.statement == nullptr) table.statement = db.prepare(table.insert);
  auto const& values = found->second.values;
  for (std::size_t at = 0; at < values.size();) {
    for (int i = 1; i <= table.columns; ++i) sqlite3_bind_value(table.statement, i, values[at++]);
    ok(db.raw(), sqlite3_step(table.statement));
    sqlite3_reset(table.statement);
  }
}

std::vector<std::string> schema(Db& from) {
  std::vector<std::string> out;
  auto* rows = from.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL");
  while (sqlite3_step(rows) == SQLITE_ROW)
    out.emplace_back(reinterpret_cast<char const*>(sqlite3_column_text(rows, 0)));
  sqlite3_finalize(rows);
  return out;
}

// The settings of src/store/sqlite.
void create(Db& db, std::vector<std::string> const& tables, std::string const& settings) {
  db.exec("PRAGMA journal_mode = WAL; PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY;" +
          settings);
  db.exec("BEGIN");
  for (auto const& table : tables) db.exec(table);
  db.exec("COMMIT");
}

void replay(Db& db, Tables& tables, std::int64_t first, std::int64_t last) {
  for (auto n = first; n <= last; ++n) {
    db.exec("BEGIN IMMEDIATE");
    for (auto& table : tables) insert(db, *table, n);
    db.exec("COMMIT");
  }
  for (auto& table : tables) sqlite3_finalize(table->statement);
}

Tables load_log(Db& from) {
  Tables out;
  out.push_back(load(from, "record", "SELECT seq, * FROM record ORDER BY seq"));
  out.push_back(load(from, "record_by_id", "SELECT seq, * FROM record_by_id ORDER BY seq"));
  out.push_back(load(from, "dek", "SELECT seq, * FROM dek ORDER BY seq"));
  return out;
}

Tables load_index(Db& from, std::size_t batch) {
  std::string const by_ord = "SELECT (ord - 1) / " + std::to_string(batch) + " AS b, * FROM ";
  std::string const of_item = "SELECT (SELECT coalesce(max(ord) - 1, 0) / " +
                              std::to_string(batch) +
                              " FROM obj_by_seq WHERE obj_by_seq.seq = x.seq) AS b, * FROM ";
  from.exec(
      "CREATE TEMP TABLE obj_by_seq AS SELECT seq, max(ord) AS ord FROM obj GROUP BY seq;"
      "CREATE INDEX temp.obj_by_seq_i ON obj_by_seq (seq)");
  Tables out;
  for (std::string const name : {"aud", "aud_by_label", "dict"})
    out.push_back(load(from, name, "SELECT 0, * FROM " + name));
  out.push_back(load(from, "obj_by_id", by_ord + "obj_by_id ORDER BY b, id, ver, aud"));
  out.push_back(load(from, "obj", by_ord + "obj ORDER BY b, ord"));
  out.push_back(load(from, "obj_by_type", by_ord + "obj_by_type ORDER BY b, type, ord"));
  out.push_back(load(from, "obj_by_creator", by_ord + "obj_by_creator ORDER BY b, creator, ord"));
  out.push_back(load(from, "obj_by_aud", by_ord + "obj_by_aud ORDER BY b, aud, ord"));
  out.push_back(load(from, "item", of_item + "item x ORDER BY b, seq"));
  out.push_back(load(from, "item_by_id", of_item + "item_by_id x ORDER BY b, seq"));
  out.push_back(load(from, "edge", by_ord + "edge ORDER BY b, node, dir, aud, rel, other"));
  return out;
}

std::int64_t last_of(Tables const& tables) {
  std::int64_t out = 0;
  for (auto const& table : tables)
    if (!table->batches.empty()) out = std::max(out, table->batches.rbegin()->first);
  return out;
}
}  // namespace

BareRun replay_into_bare_sqlite(std::filesystem::path const& filled,
                                std::filesystem::path const& scratch, std::size_t batch) {
  Db log_from(filled / "log.db", SQLITE_OPEN_READONLY);
  Db index_from(filled / "idx.db", SQLITE_OPEN_READONLY);
  Tables log_rows = load_log(log_from);
  Tables index_rows = load_index(index_from, batch);
  int const flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  Db log(scratch / "log.db", flags), index(scratch / "idx.db", flags);
  create(log, schema(log_from),
         "PRAGMA synchronous = FULL; PRAGMA cache_size = -2048; PRAGMA wal_autocheckpoint = 2000");
  create(
      index, schema(index_from),
      "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -6144; PRAGMA wal_autocheckpoint = 4000");

  BareRun out;
  double const cpu = process_cpu_seconds();
  Stopwatch const watch;
  std::thread other([&] { replay(log, log_rows, 1, last_of(log_rows)); });
  replay(index, index_rows, 0, last_of(index_rows));
  other.join();
  out.seconds = watch.seconds();
  out.cpu_seconds = process_cpu_seconds() - cpu;
  return out;
}

}  // namespace amic::bench
