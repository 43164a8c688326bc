// A thin skin over SQLite: connections with cached statements, sequential binding, errors as
// values. A connection belongs to one thread at a time.
#pragma once

#include <sqlite3.h>

#include <concepts>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"

namespace amic::store::sqlite {

enum class Access { kReadWrite, kReadOnly, kImmutable };

struct Tuning {
  int cache_kib = 2048;
  bool sync_full = false;  // else NORMAL
  int checkpoint_pages = 1000;
  std::uint32_t max_pages = 0;  // 0 = no limit
};

class Connection {
 public:
  // Opens an existing file, or creates it if `create`. Errors name the file, not its directory.
  static Result<std::unique_ptr<Connection>> open(std::filesystem::path const& file, Access access,
                                                  bool create, Tuning const& tuning);
  // For reads beside a writer, or, if `alone`, of a store that may lie on read-only media.
  static Result<std::unique_ptr<Connection>> open_reader(std::filesystem::path const& file,
                                                         bool alone, int cache_kib);
  ~Connection();
  Connection(Connection const&) = delete;
  Connection& operator=(Connection const&) = delete;

  // One or more statements without results (schema, PRAGMA).
  Result<void> exec(char const* sql);
  Result<std::int64_t> integer(char const* sql);  // first column of the first row
  // Folds the whole WAL into the file and empties it. kLocked if a reader still needs it.
  Result<void> checkpoint();
  bool in_transaction() const { return sqlite3_get_autocommit(db_) == 0; }
  std::int64_t changes() const { return sqlite3_changes64(db_); }
  sqlite3* raw() const { return db_; }
  std::string const& name() const { return name_; }
  Error error(int rc) const;

  // Prepared once per connection; `sql` must have static storage.
  Result<sqlite3_stmt*> prepared(char const* sql);

 private:
  Connection(sqlite3* db, std::string name) : db_(db), name_(std::move(name)) {}
  Result<void> configure(Access access, Tuning const& tuning);

  sqlite3* db_;
  std::string name_;
  std::unordered_map<char const*, sqlite3_stmt*> statements_;
};

// One use of a cached statement. Bound views must live until the next run() or the destructor.
class Query {
 public:
  Query(Connection& connection, char const* sql);
  ~Query();
  Query(Query const&) = delete;
  Query& operator=(Query const&) = delete;

  template <std::integral T>
  Query& bind(T value) {
    // SQL integers are signed: what is beyond them is greater than all that is stored.
    std::int64_t const bound =
        std::in_range<std::int64_t>(value) ? static_cast<std::int64_t>(value) : INT64_MAX;
    return note(stmt_ ? sqlite3_bind_int64(stmt_, ++at_, bound) : SQLITE_OK);
  }
  Query& bind(std::string_view text);
  Query& bind(BytesView blob);
  Query& bind_value(Query const& row, int column);  // whatever stands there

  Result<bool> step();  // true: a row is there
  Result<void> run();   // to the end, then ready to bind again
  void reset();
  sqlite3_stmt* statement() const { return stmt_; }

  std::int64_t integer(int column) const { return sqlite3_column_int64(stmt_, column); }
  std::uint64_t number(int column) const { return static_cast<std::uint64_t>(integer(column)); }
  BytesView blob(int column) const;
  std::string_view text(int column) const;

 private:
  Query& note(int rc);

  Connection& connection_;
  sqlite3_stmt* stmt_ = nullptr;
  int at_ = 0;
  Result<void> state_;
};

// Rolls back unless committed.
class Transaction {
 public:
  explicit Transaction(Connection& connection) : connection_(connection) {}
  ~Transaction();
  Transaction(Transaction const&) = delete;
  Transaction& operator=(Transaction const&) = delete;
  Result<void> begin();
  Result<void> commit();

 private:
  Connection& connection_;
};

// Small helpers for columns.
template <class Fixed>
Result<Fixed> fixed_column(Query const& query, int column, std::string_view where) {
  auto value = Fixed::from(query.blob(column));
  if (!value)
    return fail(Code::kCorrupt, std::string(where), "a fixed-size value has another size");
  return *value;
}

// The `meta` table that both files have.
Result<std::uint64_t> meta_get(Connection& connection, std::string_view key);  // absent = 0
Result<void> meta_put(Connection& connection, std::string_view key, std::uint64_t value);

}  // namespace amic::store::sqlite
