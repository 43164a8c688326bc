#include "store/sqlite/snapshot.h"

#include "store/sqlite/files.h"

namespace amic::store::sqlite {
namespace {

// In one step: a WAL reader sees one moment and hinders no writer.
Result<void> copy(Connection& from, std::filesystem::path const& to) {
  AMIC_TRY(auto target, Connection::open(to, Access::kReadWrite, true, Tuning{.cache_kib = 256}));
  sqlite3_backup* const backup = sqlite3_backup_init(target->raw(), "main", from.raw(), "main");
  if (backup == nullptr) return fail(target->error(sqlite3_errcode(target->raw())));
  int const rc = sqlite3_backup_step(backup, -1);
  int const finish = sqlite3_backup_finish(backup);
  if (rc != SQLITE_DONE) return fail(target->error(rc));
  if (finish != SQLITE_OK) return fail(target->error(finish));
  AMIC_TRY_VOID(target->exec("PRAGMA wal_checkpoint(TRUNCATE)"));
  target.reset();
  return sync_file(to);
}

}  // namespace

Result<void> snapshot(LogFile& log, IndexFile& index, std::filesystem::path const& directory) {
  AMIC_TRY_VOID(make_directory(directory));
  for (char const* const name : {kLogFile, kIndexFile}) {
    AMIC_TRY(bool const present, file_exists(directory / name));
    if (present) return fail(Code::kConflict, name, "the directory holds a store already");
  }
  AMIC_TRY_VOID(
      index.with_reader([&](Connection& reader) { return copy(reader, directory / kIndexFile); }));
  {
    AMIC_TRY(auto const lease, log.readers().take());
    AMIC_TRY_VOID(copy(*lease, directory / kLogFile));
  }
  return sync_file(directory);
}

}  // namespace amic::store::sqlite
