#include "store/store.h"

#include "store/sqlite/sqlite_store.h"

namespace amic::store {

Result<std::unique_ptr<Store>> Store::open(std::string const& dsn, Options options) {
  constexpr std::string_view kSqlite = "sqlite:";
  if (!dsn.starts_with(kSqlite) || dsn.size() == kSqlite.size())
    return fail(Code::kUsage, "dsn", "expected sqlite:DIRECTORY");
  return sqlite::open_store(dsn.substr(kSqlite.size()), options);
}

}  // namespace amic::store
