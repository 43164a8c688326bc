#include "crypto/durable_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

#include "codec/codec.h"

namespace amic::crypto::internal {

namespace {

constexpr mode_t kPrivateMode = S_IRUSR | S_IWUSR;

tl::unexpected<Error> system_failure(std::filesystem::path const& path, int number) {
  Code code = Code::kIo;
  if (number == EROFS || number == EACCES || number == EPERM) code = Code::kReadOnly;
  if (number == ENOSPC || number == EDQUOT) code = Code::kDiskFull;
  if (number == EEXIST) code = Code::kConflict;
  return fail(code, path.filename().string(), std::generic_category().message(number));
}

Result<void> write_all(int descriptor, std::filesystem::path const& path, BytesView bytes) {
  while (!bytes.empty()) {
    ssize_t const done = ::write(descriptor, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return system_failure(path, errno);
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
  return {};
}

Result<void> sync_directory(std::filesystem::path const& directory) {
  Descriptor const opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened.is_open() || ::fsync(opened.number()) != 0) return system_failure(directory, errno);
  return {};
}

Result<void> write_temporary(std::filesystem::path const& path, BytesView bytes) {
  Descriptor const opened(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, kPrivateMode));
  if (!opened.is_open()) return system_failure(path, errno);
  AMIC_TRY_VOID(write_all(opened.number(), path, bytes));
  if (::fsync(opened.number()) != 0) return system_failure(path, errno);
  return {};
}

// Renames unless `to` exists, in one step, so that two writers can't both succeed.
Result<void> rename_new(std::filesystem::path const& from, std::filesystem::path const& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return {};
  if (errno != EINVAL && errno != ENOSYS) return system_failure(to, errno);
  // A file system without that flag: a hard link never replaces either.
  if (::link(from.c_str(), to.c_str()) != 0) return system_failure(to, errno);
  ::unlink(from.c_str());
  return {};
}

}  // namespace

Descriptor::~Descriptor() {
  if (is_open()) ::close(number_);
}

Result<Secret> read_private_file(std::filesystem::path const& path, unsigned mode_refused,
                                 std::size_t size_max) {
  std::string const where = path.filename().string();
  // Non-blocking, so that a named pipe in its place can't hold us.
  Descriptor const opened(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!opened.is_open()) {
    int const number = errno;
    if (number == ENOENT) return fail(Code::kMissingKey, where, "no such file");
    if (number == EACCES) return fail(Code::kForbidden, where, "may not be read by this user");
    return system_failure(path, number);
  }
  struct stat status {};
  if (::fstat(opened.number(), &status) != 0) return system_failure(path, errno);
  if (!S_ISREG(status.st_mode)) return fail(Code::kForbidden, where, "not a regular file");
  if ((status.st_mode & mode_refused) != 0)
    return fail(Code::kForbidden, where, "open to other users; the mode must be 0600");
  Secret out(size_max + 1);
  std::size_t size = 0;
  while (size < out.size()) {
    auto const room = out.mutable_view().subspan(size);
    ssize_t const got = ::read(opened.number(), room.data(), room.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_failure(path, errno);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  if (size > size_max) return fail(Code::kCorrupt, where, "too large");
  return Secret(out.view().first(size));
}

Result<void> create_private_file(std::filesystem::path const& path, BytesView bytes,
                                 Random& random) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0)
    return fail(Code::kConflict, path.filename().string(), "exists; keys are never overwritten");
  std::array<std::uint8_t, 8> suffix{};
  random.fill(suffix);
  std::filesystem::path temporary = path;
  temporary += ".tmp-" + codec::to_hex(suffix);

  auto written = write_temporary(temporary, bytes);
  if (written) written = rename_new(temporary, path);
  if (!written) {
    ::unlink(temporary.c_str());
    return written;
  }
  return sync_directory(path.parent_path().empty() ? "." : path.parent_path());
}

}  // namespace amic::crypto::internal
