#include "exchange/attachment_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "codec/codec.h"
#include "exchange/attachment.h"

namespace amic::exchange {
namespace {

namespace fs = std::filesystem;

constexpr char kNew[] = "new";
constexpr char kPart[] = "part";
constexpr char kLeaves[] = ".leaves";
constexpr mode_t kDirectoryMode = 0700;
constexpr mode_t kFileMode = 0600;
constexpr std::size_t kLeavesMax = limits::kAttachmentBytesMax / limits::kAttachmentChunkBytes;

tl::unexpected<Error> system_failure(fs::path const& path, int number) {
  Code code = Code::kIo;
  if (number == ENOENT) code = Code::kNotFound;
  if (number == EROFS || number == EACCES || number == EPERM) code = Code::kReadOnly;
  if (number == ENOSPC || number == EDQUOT || number == EFBIG) code = Code::kDiskFull;
  return fail(code, "attachments/" + path.filename().string(),
              std::generic_category().message(number));
}

Result<void> make_directory(fs::path const& path) {
  if (::mkdir(path.c_str(), kDirectoryMode) == 0 || errno == EEXIST) return {};
  return system_failure(path, errno);
}

Result<void> sync_directory(fs::path const& path) {
  int const fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return system_failure(path, errno);
  int const rc = ::fsync(fd);
  int const error = errno;
  ::close(fd);
  if (rc != 0) return system_failure(path, error);
  return {};
}

Result<void> move_into_place(fs::path const& from, fs::path const& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return system_failure(to, errno);
  AMIC_TRY_VOID(sync_directory(to.parent_path()));
  return sync_directory(from.parent_path());
}

Result<void> remove_file(fs::path const& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  return system_failure(path, errno);
}

template <class Fixed>
std::optional<Fixed> name_of(fs::path const& path) {
  auto const bytes = codec::from_hex(path.filename().string());
  return bytes ? Fixed::from(*bytes) : std::nullopt;
}

std::vector<fs::path> entries(fs::path const& directory) {
  std::vector<fs::path> out;
  std::error_code error;
  for (fs::directory_iterator at(directory, error), end; !error && at != end; at.increment(error))
    out.push_back(at->path());
  return out;
}

}  // namespace

SealedFile::SealedFile(SealedFile&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}

SealedFile& SealedFile::operator=(SealedFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  return *this;
}

SealedFile::~SealedFile() {
  if (fd_ >= 0) ::close(fd_);
}

Result<SealedFile> SealedFile::open(fs::path path, Mode mode) {
  int flags = O_CLOEXEC | O_NOFOLLOW;
  if (mode == Mode::kRead) flags |= O_RDONLY;
  if (mode == Mode::kCreate) flags |= O_RDWR | O_CREAT | O_EXCL;
  if (mode == Mode::kAppend) flags |= O_RDWR | O_CREAT | O_APPEND;
  SealedFile out;
  out.fd_ = ::open(path.c_str(), flags, kFileMode);
  if (out.fd_ < 0) return system_failure(path, errno);
  out.path_ = std::move(path);
  return out;
}

Result<std::uint64_t> SealedFile::size() const {
  struct stat info = {};
  if (::fstat(fd_, &info) != 0) return system_failure(path_, errno);
  return static_cast<std::uint64_t>(info.st_size);
}

Result<void> SealedFile::read_at(std::uint64_t offset, std::span<std::uint8_t> out) const {
  while (!out.empty()) {
    ssize_t const got = ::pread(fd_, out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_failure(path_, errno);
    if (got == 0)
      return fail(Code::kCorrupt, "attachments/" + path_.filename().string(), "cut short");
    out = out.subspan(static_cast<std::size_t>(got));
    offset += static_cast<std::uint64_t>(got);
  }
  return {};
}

Result<void> SealedFile::append(BytesView bytes) {
  while (!bytes.empty()) {
    ssize_t const done = ::write(fd_, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return system_failure(path_, errno);
    bytes = bytes.subspan(static_cast<std::size_t>(done));
  }
  return {};
}

Result<void> SealedFile::truncate(std::uint64_t size) {
  if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) return system_failure(path_, errno);
  return {};
}

Result<void> SealedFile::sync() {
  if (::fdatasync(fd_) != 0) return system_failure(path_, errno);
  return {};
}

Result<AttachmentFiles> AttachmentFiles::open(fs::path directory) {
  AMIC_TRY_VOID(make_directory(directory));
  for (char const* const name : {kNew, kPart}) AMIC_TRY_VOID(make_directory(directory / name));
  for (auto const& left : entries(directory / kNew)) AMIC_TRY_VOID(remove_file(left));
  return AttachmentFiles(std::move(directory));
}

fs::path AttachmentFiles::path_of(Hash const& root) const {
  auto const name = codec::to_hex(root.view());
  return directory_ / name.substr(0, 2) / name;
}

fs::path AttachmentFiles::part_of(EnvelopeId const& id) const {
  return directory_ / kPart / codec::to_hex(id.view());
}

bool AttachmentFiles::holds(Hash const& root) const {
  return ::access(path_of(root).c_str(), F_OK) == 0;
}

Result<std::vector<Hash>> AttachmentFiles::leaves(Hash const& root) const {
  auto path = path_of(root);
  path += kLeaves;
  AMIC_TRY(auto const file, SealedFile::open(path, SealedFile::Mode::kRead));
  AMIC_TRY(auto const size, file.size());
  if (size == 0 || size % Hash::kSize != 0 || size / Hash::kSize > kLeavesMax)
    return fail(Code::kCorrupt, "attachments/" + path.filename().string());
  std::vector<Hash> out(size / Hash::kSize);
  Bytes bytes(size);
  AMIC_TRY_VOID(file.read_at(0, bytes));
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = *Hash::from(BytesView(bytes).subspan(i * Hash::kSize, Hash::kSize));
  if (chunks_root(out) != root)
    return fail(Code::kCorrupt, "attachments/" + path.filename().string(), "of another file");
  return out;
}

Result<SealedFile> AttachmentFiles::create(Random& random) const {
  std::array<std::uint8_t, 16> name{};
  random.fill(name);
  return SealedFile::open(directory_ / kNew / codec::to_hex(name), SealedFile::Mode::kCreate);
}

Result<void> AttachmentFiles::prepare(Hash const& root) const {
  AMIC_TRY_VOID(make_directory(path_of(root).parent_path()));
  return sync_directory(directory_);
}

Result<void> AttachmentFiles::place(SealedFile& file, Hash const& root,
                                    std::vector<Hash> const& leaves) const {
  AMIC_TRY_VOID(file.sync());
  AMIC_TRY_VOID(prepare(root));
  auto beside = file.path();
  beside += kLeaves;
  AMIC_TRY(auto list, SealedFile::open(beside, SealedFile::Mode::kCreate));
  Bytes bytes;
  for (Hash const& leaf : leaves) append(bytes, leaf.view());
  auto written = list.append(bytes);
  if (written) written = list.sync();
  auto at = path_of(root);
  at += kLeaves;
  if (written) written = move_into_place(beside, at);
  if (written) written = move_into_place(file.path(), path_of(root));
  if (written) return written;
  static_cast<void>(remove_file(beside));
  static_cast<void>(remove_file(at));
  return written;
}

void AttachmentFiles::discard(SealedFile const& file) {
  if (file.is_open()) static_cast<void>(remove_file(file.path()));
}

Result<SealedFile> AttachmentFiles::part(EnvelopeId const& id) const {
  return SealedFile::open(part_of(id), SealedFile::Mode::kAppend);
}

std::uint64_t AttachmentFiles::part_size(EnvelopeId const& id) const {
  struct stat info = {};
  return ::stat(part_of(id).c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

Result<void> AttachmentFiles::place_part(EnvelopeId const& id, Hash const& root) const {
  AMIC_TRY_VOID(prepare(root));
  return move_into_place(part_of(id), path_of(root));
}

void AttachmentFiles::remove_part(EnvelopeId const& id) const {
  static_cast<void>(remove_file(part_of(id)));
}

Result<void> AttachmentFiles::remove(Hash const& root) const {
  auto leaves = path_of(root);
  leaves += kLeaves;
  AMIC_TRY_VOID(remove_file(path_of(root)));
  AMIC_TRY_VOID(remove_file(leaves));
  return {};
}

Result<std::uint64_t> AttachmentFiles::room() const {
  struct statvfs info = {};
  if (::statvfs(directory_.c_str(), &info) != 0) return system_failure(directory_, errno);
  return std::uint64_t{info.f_bavail} * info.f_frsize;
}

std::vector<EnvelopeId> AttachmentFiles::parts() const {
  std::vector<EnvelopeId> out;
  for (auto const& path : entries(directory_ / kPart))
    if (auto const id = name_of<EnvelopeId>(path)) out.push_back(*id);
  return out;
}

std::vector<Hash> AttachmentFiles::roots_before(UnixMs before_ms) const {
  std::vector<Hash> out;
  for (auto const& directory : entries(directory_)) {
    if (directory.filename().string().size() != 2) continue;
    for (auto const& path : entries(directory)) {
      auto const root = name_of<Hash>(path);
      struct stat info = {};
      if (!root || ::stat(path.c_str(), &info) != 0) continue;
      if (std::int64_t{info.st_mtim.tv_sec} * 1000 < before_ms) out.push_back(*root);
    }
  }
  return out;
}

}  // namespace amic::exchange
