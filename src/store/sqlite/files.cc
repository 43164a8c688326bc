#include "store/sqlite/files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

namespace amic::store::sqlite {
namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> system_error(int error, fs::path const& file) {
  Code code = Code::kIo;
  if (error == ENOSPC || error == EDQUOT) code = Code::kDiskFull;
  if (error == EROFS || error == EACCES || error == EPERM) code = Code::kReadOnly;
  return fail(code, file.filename().string(), std::strerror(error));
}

std::string read_pid(int fd) {
  char text[32] = {};
  ssize_t const size = ::pread(fd, text, sizeof text - 1, 0);
  std::string pid(text, size > 0 ? static_cast<std::size_t>(size) : 0);
  return pid.substr(0, pid.find_first_not_of("0123456789"));
}

}  // namespace

Result<std::unique_ptr<DirectoryLock>> DirectoryLock::take(fs::path const& directory) {
  fs::path const file = directory / kLockFile;
  int const fd = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return system_error(errno, file);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    int const error = errno;
    std::string const pid = read_pid(fd);
    ::close(fd);
    if (error != EWOULDBLOCK) return system_error(error, file);
    return fail(Code::kLocked, kLockFile,
                "in use by process " + (pid.empty() ? std::string("unknown") : pid));
  }
  std::unique_ptr<DirectoryLock> lock(new DirectoryLock(fd));
  std::string const pid = std::to_string(::getpid()) + "\n";
  // The pid is a courtesy for the error above: on a full disk the lock holds without it.
  if (::ftruncate(fd, 0) == 0 && ::pwrite(fd, pid.data(), pid.size(), 0) < 0) errno = 0;
  return lock;
}

DirectoryLock::~DirectoryLock() {
  ::close(fd_);
}

Result<bool> file_exists(fs::path const& file) {
  struct stat info = {};
  if (::stat(file.c_str(), &info) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return system_error(errno, file);
}

Result<void> sync_file(fs::path const& file) {
  int const fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return system_error(errno, file);
  int const rc = ::fsync(fd);
  int const error = errno;
  ::close(fd);
  if (rc != 0) return system_error(error, file);
  return {};
}

Result<void> remove_database(fs::path const& file) {
  if (::unlink(file.c_str()) != 0 && errno != ENOENT) return system_error(errno, file);
  AMIC_TRY_VOID(sync_file(file.parent_path()));
  for (char const* const suffix : {"-wal", "-shm", "-journal"}) {
    fs::path beside = file;
    beside += suffix;
    if (::unlink(beside.c_str()) != 0 && errno != ENOENT) return system_error(errno, beside);
  }
  return {};
}

namespace {
// The keys of what is erased later must not be left in it. A disk that fails here has its reasons.
void overwrite(int fd) {
  struct stat info = {};
  if (::fstat(fd, &info) != 0) return;
  std::vector<char> const nothing(1 << 20);
  for (off_t at = 0; at < info.st_size;) {
    auto const size = std::min<off_t>(info.st_size - at, static_cast<off_t>(nothing.size()));
    auto const done = ::pwrite(fd, nothing.data(), static_cast<std::size_t>(size), at);
    if (done <= 0) break;
    at += done;
  }
  static_cast<void>(::fsync(fd));
}
}  // namespace

Result<void> replace_database(fs::path const& fresh, fs::path const& old) {
  int const fd = ::open(old.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return system_error(errno, old);
  int const rc = ::rename(fresh.c_str(), old.c_str());
  int const error = errno;
  if (rc == 0) overwrite(fd);
  ::close(fd);
  if (rc != 0) return system_error(error, fresh);
  return sync_file(old.parent_path());
}

Result<void> make_directory(fs::path const& directory) {
  if (::mkdir(directory.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return system_error(errno, directory);
}

}  // namespace amic::store::sqlite
