#include "store/sqlite/db.h"

#include <cerrno>
#include <mutex>

#include "base/check.h"

namespace amic::store::sqlite {
namespace {

constexpr int kBusyMs = 2000;

// Memory statistics cost a global mutex on every allocation. Must precede sqlite3_initialize.
void configure_library() {
  static std::once_flag once;
  std::call_once(once, [] { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); });
}

Code code_of_errno(int error, Code otherwise) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return Code::kDiskFull;
    case EROFS:
    case EACCES:
    case EPERM:
      return Code::kReadOnly;
    default:
      return otherwise;
  }
}

Code code_of(int rc, int system_errno) {
  if (rc == SQLITE_IOERR_SHORT_READ || rc == SQLITE_IOERR_CORRUPTFS) return Code::kCorrupt;
  switch (rc & 0xff) {
    case SQLITE_FULL:
      return Code::kDiskFull;
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return Code::kReadOnly;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Code::kCorrupt;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Code::kLocked;
    case SQLITE_TOOBIG:
      return Code::kTooLarge;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
      return code_of_errno(system_errno, Code::kIo);
    default:
      return Code::kInternal;
  }
}

Error make_error(sqlite3* db, int rc, std::string const& name) {
  int const system_errno = db == nullptr ? 0 : sqlite3_system_errno(db);
  std::string detail = db == nullptr ? sqlite3_errstr(rc) : sqlite3_errmsg(db);
  return Error{code_of(rc, system_errno), name, std::move(detail)};
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(std::filesystem::path const& file,
                                                     Access access, bool create,
                                                     Tuning const& tuning) {
  configure_library();
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_URI;
  flags |= access == Access::kReadWrite ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
  if (create) flags |= SQLITE_OPEN_CREATE;
  std::string uri = "file:";
  for (char const c : file.string()) {  // RFC 3986: what would end the path is percent-encoded
    if (c == '%')
      uri += "%25";
    else if (c == '?')
      uri += "%3f";
    else if (c == '#')
      uri += "%23";
    else
      uri += c;
  }
  if (access == Access::kImmutable) uri += "?immutable=1";
  std::string const name = file.filename().string();
  sqlite3* db = nullptr;
  int const rc = sqlite3_open_v2(uri.c_str(), &db, flags, nullptr);
  if (rc != SQLITE_OK) {
    Error error = make_error(db, rc, name);
    sqlite3_close(db);
    return fail(std::move(error));
  }
  std::unique_ptr<Connection> connection(new Connection(db, name));
  AMIC_TRY_VOID(connection->configure(access, tuning));
  return connection;
}

Result<std::unique_ptr<Connection>> Connection::open_reader(std::filesystem::path const& file,
                                                            bool alone, int cache_kib) {
  Tuning const tuning{.cache_kib = cache_kib};
  auto connection = open(file, Access::kReadOnly, false, tuning);
  if (!alone) return connection;
  Result<std::int64_t> probe = 0;
  if (connection) probe = (*connection)->integer("SELECT count(*) FROM sqlite_schema");
  if (connection && probe) return connection;
  Error const error = connection ? probe.error() : connection.error();
  std::filesystem::path wal = file;
  wal += "-wal";
  std::error_code ignored;
  // SQLite keeps its read marks beside the file. Where it can't, and nothing waits in the WAL, the
  // file as it stands is whole.
  if (error.code == Code::kCorrupt || std::filesystem::exists(wal, ignored)) return fail(error);
  return open(file, Access::kImmutable, false, tuning);
}

Result<void> Connection::configure(Access access, Tuning const& tuning) {
  sqlite3_busy_timeout(db_, kBusyMs);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(db_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  std::string sql = "PRAGMA cache_size = -" + std::to_string(tuning.cache_kib) +
                    "; PRAGMA mmap_size = 0; PRAGMA temp_store = MEMORY;";
  if (access == Access::kReadWrite) {
    sql += "PRAGMA journal_mode = WAL; PRAGMA journal_size_limit = 67108864;";
    sql += tuning.sync_full ? "PRAGMA synchronous = FULL;" : "PRAGMA synchronous = NORMAL;";
    sql += "PRAGMA wal_autocheckpoint = " + std::to_string(tuning.checkpoint_pages) + ";";
    // What is deleted (drained queues, tokens, quarantine) leaves no bytes behind in the file.
    sql += "PRAGMA secure_delete = ON;";
    if (tuning.max_pages != 0)
      sql += "PRAGMA max_page_count = " + std::to_string(tuning.max_pages) + ";";
  }
  return exec(sql.c_str());
}

Connection::~Connection() {
  for (auto const& [sql, stmt] : statements_) sqlite3_finalize(stmt);
  sqlite3_close(db_);
}

Error Connection::error(int rc) const {
  return make_error(db_, rc, name_);
}

Result<void> Connection::exec(char const* sql) {
  int const rc = sqlite3_exec(db_, sql, nullptr, nullptr, nullptr);
  if (rc != SQLITE_OK) return fail(error(rc));
  return {};
}

Result<std::int64_t> Connection::integer(char const* sql) {
  Query query(*this, sql);
  AMIC_TRY(bool const row, query.step());
  if (!row) return fail(Code::kCorrupt, name_, "a value that must be there is not");
  return query.integer(0);
}

Result<void> Connection::checkpoint() {
  AMIC_TRY(auto const busy, integer("PRAGMA wal_checkpoint(TRUNCATE)"));
  if (busy != 0) return fail(Code::kLocked, name_, "another process reads older pages");
  return {};
}

Result<sqlite3_stmt*> Connection::prepared(char const* sql) {
  if (auto const found = statements_.find(sql); found != statements_.end()) return found->second;
  sqlite3_stmt* stmt = nullptr;
  int const rc = sqlite3_prepare_v3(db_, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, nullptr);
  if (rc != SQLITE_OK) return fail(error(rc));
  statements_.emplace(sql, stmt);
  return stmt;
}

Query::Query(Connection& connection, char const* sql) : connection_(connection) {
  auto stmt = connection.prepared(sql);
  if (!stmt) {
    state_ = fail(std::move(stmt).error());
    return;
  }
  stmt_ = *stmt;
  CHECK(sqlite3_stmt_busy(stmt_) == 0);  // one use at a time
}

Query::~Query() {
  if (stmt_ == nullptr) return;
  sqlite3_reset(stmt_);
  sqlite3_clear_bindings(stmt_);
}

Query& Query::note(int rc) {
  if (rc != SQLITE_OK && state_) state_ = fail(connection_.error(rc));
  return *this;
}

Query& Query::bind(std::string_view text) {
  if (stmt_ == nullptr) return *this;
  char const* const data = text.data() == nullptr ? "" : text.data();
  return note(sqlite3_bind_text64(stmt_, ++at_, data, text.size(), SQLITE_STATIC, SQLITE_UTF8));
}

Query& Query::bind(BytesView blob) {
  if (stmt_ == nullptr) return *this;
  if (blob.empty()) return note(sqlite3_bind_zeroblob(stmt_, ++at_, 0));
  return note(sqlite3_bind_blob64(stmt_, ++at_, blob.data(), blob.size(), SQLITE_STATIC));
}

Query& Query::bind_value(Query const& row, int column) {
  if (stmt_ == nullptr) return *this;
  return note(sqlite3_bind_value(stmt_, ++at_, sqlite3_column_value(row.stmt_, column)));
}

Result<bool> Query::step() {
  if (!state_) return fail(state_.error());
  int const rc = sqlite3_step(stmt_);
  if (rc == SQLITE_ROW) return true;
  if (rc == SQLITE_DONE) return false;
  Error error = connection_.error(rc);
  reset();
  return fail(std::move(error));
}

Result<void> Query::run() {
  for (;;) {
    AMIC_TRY(bool const row, step());
    if (!row) break;
  }
  reset();
  return {};
}

void Query::reset() {
  sqlite3_reset(stmt_);
  at_ = 0;
}

BytesView Query::blob(int column) const {
  auto const* data = static_cast<std::uint8_t const*>(sqlite3_column_blob(stmt_, column));
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(stmt_, column))};
}

std::string_view Query::text(int column) const {
  return as_text(blob(column));
}

Transaction::~Transaction() {
  // SQLite may have rolled back on its own (disk full, I/O error); a failure here changes nothing.
  if (connection_.in_transaction()) static_cast<void>(connection_.exec("ROLLBACK"));
}
Result<void> Transaction::begin() {
  return Query(connection_, "BEGIN IMMEDIATE").run();
}
Result<void> Transaction::commit() {
  return Query(connection_, "COMMIT").run();
}

Result<std::uint64_t> meta_get(Connection& connection, std::string_view key) {
  Query query(connection, "SELECT n FROM meta WHERE k = ?");
  query.bind(key);
  AMIC_TRY(bool const row, query.step());
  return row ? query.number(0) : 0;
}

Result<void> meta_put(Connection& connection, std::string_view key, std::uint64_t value) {
  Query query(connection,
              "INSERT INTO meta (k, n) VALUES (?, ?) "
              "ON CONFLICT (k) DO UPDATE SET n = excluded.n");
  return query.bind(key).bind(value).run();
}

}  // namespace amic::store::sqlite
