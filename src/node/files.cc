#include "node/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>

namespace amic::node {

namespace {

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(Descriptor const&) = delete;
  Descriptor& operator=(Descriptor const&) = delete;
  int number() const { return number_; }
  bool is_open() const { return number_ >= 0; }

 private:
  int number_;
};

tl::unexpected<Error> system_failure(std::filesystem::path const& path, int number) {
  Code code = Code::kIo;
  if (number == EROFS || number == EACCES || number == EPERM) code = Code::kReadOnly;
  if (number == ENOSPC || number == EDQUOT) code = Code::kDiskFull;
  if (number == EEXIST) code = Code::kConflict;
  if (number == ENOENT || number == ENOTDIR) code = Code::kNotFound;
  return fail(code, path.string(), std::generic_category().message(number));
}

Result<void> write_all(int descriptor, std::filesystem::path const& path, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t const done = ::write(descriptor, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return system_failure(path, errno);
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
  if (::fsync(descriptor) != 0) return system_failure(path, errno);
  return {};
}

Result<void> rename_new(std::string const& from, std::filesystem::path const& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return {};
  if (errno != EINVAL && errno != ENOSYS) return system_failure(to, errno);
  // A file system without that flag: a hard link never replaces either.
  if (::link(from.c_str(), to.c_str()) != 0) return system_failure(to, errno);
  ::unlink(from.c_str());
  return {};
}

Result<void> sync_directory(std::filesystem::path const& directory) {
  Descriptor const opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened.is_open() || ::fsync(opened.number()) != 0) return system_failure(directory, errno);
  return {};
}

std::filesystem::path directory_of(std::filesystem::path const& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

}  // namespace

Result<std::string> read_file(std::filesystem::path const& path, std::size_t size_max) {
  // Without O_NONBLOCK the open of a named pipe would wait for ever.
  Descriptor const opened(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!opened.is_open()) {
    if (errno == EACCES) return fail(Code::kForbidden, path.string(), "may not be read");
    return system_failure(path, errno);
  }
  struct stat status {};
  if (::fstat(opened.number(), &status) != 0) return system_failure(path, errno);
  if (!S_ISREG(status.st_mode)) return fail(Code::kForbidden, path.string(), "not a regular file");
  std::string out;
  char block[16 << 10];
  for (;;) {
    ssize_t const got = ::read(opened.number(), block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_failure(path, errno);
    if (got == 0) return out;
    out.append(block, static_cast<std::size_t>(got));
    if (out.size() > size_max)
      return fail(Code::kTooLarge, path.string(),
                  "more than " + std::to_string(size_max) + " bytes");
  }
}

namespace {
// By a temporary file beside it.
Result<void> write_by(Result<void> (*rename)(std::string const&, std::filesystem::path const&),
                      std::filesystem::path const& path, std::string_view bytes) {
  std::string temporary =
      (directory_of(path) / ("." + path.filename().string() + ".XXXXXX")).string();
  Descriptor const opened(::mkostemp(temporary.data(), O_CLOEXEC));  // mode 0600
  if (!opened.is_open()) return system_failure(path, errno);
  auto done = write_all(opened.number(), path, bytes);
  if (done) done = rename(temporary, path);
  if (!done) {
    ::unlink(temporary.c_str());
    return done;
  }
  return sync_directory(directory_of(path));
}
}  // namespace

Result<void> write_new_file(std::filesystem::path const& path, std::string_view bytes) {
  if (path.filename().empty()) return fail(Code::kUsage, path.string(), "not the name of a file");
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0)
    return fail(Code::kConflict, path.string(), "exists already and is left as it is");
  return write_by(rename_new, path, bytes);
}

Result<void> replace_file(std::filesystem::path const& path, std::string_view bytes) {
  if (path.filename().empty()) return fail(Code::kUsage, path.string(), "not the name of a file");
  return write_by(
      [](std::string const& from, std::filesystem::path const& to) -> Result<void> {
        if (::rename(from.c_str(), to.c_str()) != 0) return system_failure(to, errno);
        return {};
      },
      path, bytes);
}

Result<void> make_private_directory(std::filesystem::path const& path) {
  if (::mkdir(path.c_str(), S_IRWXU) != 0 && errno != EEXIST) return system_failure(path, errno);
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return system_failure(path, errno);
  if (!S_ISDIR(status.st_mode)) return fail(Code::kForbidden, path.string(), "not a directory");
  if (status.st_uid != ::geteuid())
    return fail(Code::kForbidden, path.string(), "belongs to another user");
  if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return fail(Code::kForbidden, path.string(), "other users may write there; use mode 0700");
  return {};
}

}  // namespace amic::node
