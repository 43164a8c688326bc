// amic attach: files of items, in and out. Both ways go piece by piece; a download that was cut
// goes on where it stopped.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <cstring>
#include <filesystem>
#include <memory>

#include "codec/codec.h"
#include "crypto/hash.h"
#include "exchange/attachment.h"
#include "net/target.h"
#include "node/commands.h"
#include "node/local_api.h"

namespace amic::node {

namespace {
namespace fs = std::filesystem;

constexpr std::size_t kPieceBytes = 1 << 20;

struct AttachArguments {
  ApiArguments api;
  std::string id, file, name, type, out, key;
};

Error system_error(std::string const& where) {
  int const number = errno;
  Code code = Code::kIo;
  if (number == ENOENT) code = Code::kNotFound;
  if (number == EACCES || number == EPERM) code = Code::kForbidden;
  if (number == EEXIST) code = Code::kConflict;
  if (number == ENOSPC || number == EDQUOT) code = Code::kDiskFull;
  if (number == EROFS) code = Code::kReadOnly;
  return {code, where, std::strerror(number)};
}

class File {
 public:
  static Result<File> open(std::string const& path, int flags) {
    File out;
    out.fd_ = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
    if (out.fd_ < 0) return fail(system_error(path));
    out.path_ = path;
    return out;
  }
  File() = default;
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}
  File& operator=(File&&) = delete;
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }

  Result<std::uint64_t> size() const {
    struct stat info = {};
    if (::fstat(fd_, &info) != 0) return fail(system_error(path_));
    if (!S_ISREG(info.st_mode)) return fail(Code::kUsage, path_, "not a regular file");
    return static_cast<std::uint64_t>(info.st_size);
  }
  // Empty at the end.
  Result<std::string> read() {
    std::string out(kPieceBytes, '\0');
    for (;;) {
      auto const got = ::read(fd_, out.data(), out.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return fail(system_error(path_));
      out.resize(static_cast<std::size_t>(got));
      return out;
    }
  }
  Result<void> write(std::string_view bytes) {
    while (!bytes.empty()) {
      auto const put = ::write(fd_, bytes.data(), bytes.size());
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return fail(system_error(path_));
      bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    return {};
  }
  Result<void> truncate() {
    if (::ftruncate(fd_, 0) != 0 || ::lseek(fd_, 0, SEEK_SET) < 0) return fail(system_error(path_));
    return {};
  }
  Result<void> sync() {
    if (::fsync(fd_) != 0) return fail(system_error(path_));
    return {};
  }

 private:
  int fd_ = -1;
  std::string path_;
};

// "  42 %" on a terminal, at each new percent.
class Progress {
 public:
  Progress(Context& context, std::string what, std::uint64_t total)
      : shown_(!context.json && ::isatty(STDERR_FILENO) == 1),
        err_(context.err),
        what_(std::move(what)),
        total_(std::max<std::uint64_t>(total, 1)) {}
  ~Progress() {
    if (shown_ && last_ >= 0) err_ << "\n";
  }
  void at(std::uint64_t done) {
    int const percent = static_cast<int>(done * 100 / total_);
    if (!shown_ || percent == last_) return;
    last_ = percent;
    err_ << "\r" << what_ << "  " << percent << " %" << std::flush;
  }

 private:
  bool shown_;
  std::ostream& err_;
  std::string what_;
  std::uint64_t total_;
  int last_ = -1;
};

class FileSource final : public net::BodySource {
 public:
  FileSource(File file, std::shared_ptr<Progress> progress)
      : file_(std::move(file)), progress_(std::move(progress)) {}
  void read(std::function<void(Result<std::string>)> done) override {
    auto piece = file_.read();
    if (piece) progress_->at(sent_ += piece->size());
    done(std::move(piece));
  }

 private:
  File file_;
  std::shared_ptr<Progress> progress_;
  std::uint64_t sent_ = 0;
};

std::string text_of(json::object const& object, char const* name) {
  auto const* value = object.if_contains(name);
  if (value == nullptr || value->is_null()) return "-";
  return value->is_string() ? std::string(value->get_string().c_str()) : json::serialize(*value);
}

Result<json::object> parse_object(std::string_view text) {
  AMIC_TRY(auto value, json::parse(text));
  if (!value.is_object()) return fail(Code::kMalformed, "api", "not an object");
  return std::move(value.get_object());
}

std::string attachments_of(std::string const& item) {
  return "/api/v1/items/" + net::percent_encode(item) + "/attachments";
}

Result<Output> add(AttachArguments const& a, Context& context) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  AMIC_TRY(auto file, File::open(a.file, O_RDONLY));
  AMIC_TRY(auto const size, file.size());
  if (size > limits::kAttachmentBytesMax)
    return fail(Code::kTooLarge, a.file, "an attachment has 2 GiB at most");
  auto const name = a.name.empty() ? fs::path(a.file).filename().string() : a.name;
  AMIC_TRY_VOID(exchange::check_file_name(name, "--name"));
  net::Request request;
  request.method = "POST";
  request.target = attachments_of(a.id) + "?name=" + net::percent_encode(name);
  request.headers.emplace_back("content-type", a.type);
  if (!a.key.empty()) request.headers.emplace_back("idempotency-key", a.key);
  auto const progress = std::make_shared<Progress>(context, name, size);
  request.source = std::make_shared<FileSource>(std::move(file), progress);
  request.source_bytes = size;
  std::string body;
  auto const keep = [&body](std::string_view piece) { return body += piece, true; };
  AMIC_TRY_VOID(client->transfer(std::move(request), keep));
  AMIC_TRY(auto const answer, parse_object(body));
  std::string members;
  if (auto const* recipients = answer.if_contains("recipients"))
    for (auto const& member : recipients->as_array())
      members += (members.empty() ? "" : ", ") + std::string(member.as_string().c_str());
  return Output{"Attached " + text_of(answer, "name") + " as " + text_of(answer, "id") + ", " +
                    text_of(answer, "size") + " bytes" +
                    (members.empty() ? "" : ", for: " + members) + "\n",
                body};
}

Result<Output> list(AttachArguments const& a) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  AMIC_TRY(auto const text, client->get(attachments_of(a.id)));
  AMIC_TRY(auto const answer, parse_object(text));
  std::string out;
  for (auto const& one : answer.at("attachments").as_array()) {
    auto const& entry = one.as_object();
    out += text_of(entry, "id") + "  " + text_of(entry, "size") + "  " + text_of(entry, "state");
    if (text_of(entry, "state") != "held")
      out += " " + text_of(entry, "chunks_held") + " of " + text_of(entry, "chunks");
    out += "  " + text_of(entry, "name");
    if (entry.if_contains("reason") != nullptr) out += "  (" + text_of(entry, "reason") + ")";
    out += "\n";
  }
  if (out.empty()) out = "No attachments.\n";
  return Output{std::move(out), text};
}

Result<Hash> hash_of(std::string const& path, Progress& progress) {
  AMIC_TRY(auto file, File::open(path, O_RDONLY));
  crypto::Sha256 hash;
  for (std::uint64_t done = 0;;) {
    AMIC_TRY(auto const piece, file.read());
    if (piece.empty()) return hash.finish();
    hash.update(as_bytes(piece));
    progress.at(done += piece.size());
  }
}

// What is there already stays; only the rest is asked for.
Result<void> download(ApiClient& client, std::string const& id, std::string const& sha256,
                      std::uint64_t size, std::string const& path, Progress& progress) {
  AMIC_TRY(auto file, File::open(path, O_RDWR | O_CREAT | O_APPEND));
  AMIC_TRY(auto have, file.size());
  if (have > size) {
    AMIC_TRY_VOID(file.truncate());
    have = 0;
  }
  if (have < size) {
    net::Request request;
    request.target = "/api/v1/attachments/" + net::percent_encode(id);
    if (have > 0) {
      request.headers.emplace_back("range", "bytes=" + std::to_string(have) + "-");
      request.headers.emplace_back("if-range", "\"" + sha256 + "\"");
    }
    Result<void> written;
    auto const keep = [&](std::string_view piece) {
      written = file.write(piece);
      progress.at(have += piece.size());
      return written.has_value();
    };
    auto const answer = client.transfer(std::move(request), keep);
    AMIC_TRY_VOID(written);
    if (!answer) return fail(answer.error());
  }
  return file.sync();
}

Result<Output> get(AttachArguments const& a, Context& context) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  AMIC_TRY(auto const text,
           client->get("/api/v1/attachments/" + net::percent_encode(a.id) + "/status"));
  AMIC_TRY(auto const about, parse_object(text));
  AMIC_TRY(auto const name, json::get_string(about, "name", ""));
  AMIC_TRY(auto const sha256, json::get_string(about, "sha256", ""));
  AMIC_TRY(auto const bytes, json::get_int(about, "size", ""));
  // The node has checked it; what goes into a path here is checked here.
  AMIC_TRY_VOID(exchange::check_file_name(name, "name"));
  if (text_of(about, "state") != "held")
    return fail(Code::kUnavailable, a.id,
                text_of(about, "chunks_held") + " of " + text_of(about, "chunks") +
                    " MiB are on this node; try again later");
  auto const size = static_cast<std::uint64_t>(bytes);
  std::string const path = a.out.empty() ? name : a.out;
  if (fs::exists(path)) return fail(Code::kConflict, path, "is there already");
  std::string const part = path + ".part";
  Progress progress(context, name, 2 * size);  // fetched, then read again
  AMIC_TRY_VOID(download(*client, a.id, sha256, size, part, progress));
  AMIC_TRY(auto const hash, hash_of(part, progress));
  if (codec::to_hex(hash.view()) != sha256) {
    ::unlink(part.c_str());
    return fail(Code::kCorrupt, part, "not the file that was asked for; it was removed");
  }
  // link() never replaces; a file system without hard links gets a rename.
  if (::link(part.c_str(), path.c_str()) == 0)
    ::unlink(part.c_str());
  else if (errno == EEXIST || ::rename(part.c_str(), path.c_str()) != 0)
    return fail(system_error(path));
  return Output{"Wrote " + path + ", " + std::to_string(size) + " bytes, SHA-256 " + sha256 + "\n",
                json::serialize(json::object{{"file", path}, {"size", size}, {"sha256", sha256}})};
}
}  // namespace

void add_attach_commands(CLI::App& app, Context& context) {
  auto* group = app.add_subcommand("attach", "Files that go with items, up to 2 GiB each");
  group->require_subcommand(1);
  auto const a = std::make_shared<AttachArguments>();
  a->type = "application/octet-stream";
  auto& put = add_api_command(*group, "add", "Attach a file to an item of ours", a->api);
  put.add_option("item", a->id, "The item's id")->required();
  put.add_option("file", a->file, "The file")->required();
  put.add_option("--name", a->name, "What it is called there (default: the file's own name)");
  put.add_option("--type", a->type, "Its media type (default application/octet-stream)");
  put.add_option("--idempotency-key", a->key, "The same key is attached only once");
  put.footer("Everybody who may have the item gets it. Recalling the item recalls its files.");
  on_run(put, context, [a, &context] { return add(*a, context); });
  auto const l = std::make_shared<AttachArguments>();
  auto& show =
      add_api_command(*group, "list", "Files of an item, and what is here of them", l->api);
  show.add_option("item", l->id, "The item's id")->required();
  on_run(show, context, [l] { return list(*l); });
  auto const g = std::make_shared<AttachArguments>();
  auto& fetch = add_api_command(*group, "get",
                                "Write a file; if it was cut, the same command goes on", g->api);
  fetch.add_option("id", g->id, "The attachment's id, from list")->required();
  fetch.add_option("-o,--out", g->out, "Where to (default: its name, here)");
  on_run(fetch, context, [g, &context] { return get(*g, context); });
}

}  // namespace amic::node
