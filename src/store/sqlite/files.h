// The directory of a store: its lock, and creating, removing and syncing its files so that a kill
// at any point leaves something that open() understands.
#pragma once

#include <filesystem>
#include <memory>

#include "base/result.h"

namespace amic::store::sqlite {

inline constexpr char kLogFile[] = "log.db";
inline constexpr char kIndexFile[] = "idx.db";
inline constexpr char kSalvageFile[] = "log.db.salvage";  // what will take the place of log.db
inline constexpr char kLockFile[] = "lock";

// flock(2) on DIR/lock: gone with the process, whatever ends it. The file holds the owner's pid.
class DirectoryLock {
 public:
  // kLocked names the process that holds it.
  static Result<std::unique_ptr<DirectoryLock>> take(std::filesystem::path const& directory);
  ~DirectoryLock();
  DirectoryLock(DirectoryLock const&) = delete;
  DirectoryLock& operator=(DirectoryLock const&) = delete;

 private:
  explicit DirectoryLock(int fd) : fd_(fd) {}
  int fd_;
};

Result<bool> file_exists(std::filesystem::path const& file);
Result<void> sync_file(std::filesystem::path const& file);  // a directory too
// The database first, then what SQLite keeps beside it: the reverse order could leave a database
// whose log is gone, which is damage that nothing shows.
Result<void> remove_database(std::filesystem::path const& file);
// `fresh`, a database without anything beside it, takes the place of `old` in one step. What `old`
// was is overwritten, as far as the disk can be told to, and gone.
Result<void> replace_database(std::filesystem::path const& fresh, std::filesystem::path const& old);
Result<void> make_directory(std::filesystem::path const& directory);  // mode 0700

}  // namespace amic::store::sqlite
