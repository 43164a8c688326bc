// amic bundle export, import, show: carrier files by hand. Works through the running node's API, or
// on a stopped node's directory.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <thread>

#include "codec/codec.h"
#include "exchange/bundle_import.h"
#include "net/target.h"
#include "node/commands.h"
#include "node/files.h"
#include "node/local_api.h"
#include "node/node.h"

namespace amic::node {

namespace {
namespace fs = std::filesystem;

struct BundleArguments {
  ApiArguments api;
  std::string passphrase_from, to, out;
  std::vector<std::string> files;
  std::uint64_t max_bytes = 0;
  bool all = false, since_last = false;
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

// ---- Files ------------------------------------------------------------------------------------

class FileSource final : public exchange::ByteSource {
 public:
  static Result<std::unique_ptr<exchange::ByteSource>> open(std::string const& path) {
    int const fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return fail(system_error(path));
    ::posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    return std::unique_ptr<exchange::ByteSource>(new FileSource(fd, path));
  }
  ~FileSource() override { ::close(fd_); }
  Result<std::size_t> read(std::span<std::uint8_t> out) override {
    for (;;) {
      auto const got = ::read(fd_, out.data(), out.size());
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR) return fail(system_error(path_));
    }
  }

 private:
  FileSource(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  int fd_;
  std::string path_;
};

// A new file that is there whole or not at all: written beside its name, which it gets at the end.
class NewFile {
 public:
  static Result<std::unique_ptr<NewFile>> create(std::string path) {
    if (fs::exists(path)) return fail(Code::kConflict, path, "is there already");
    auto temporary = path + ".part";
    int const fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0) return fail(system_error(temporary));
    return std::unique_ptr<NewFile>(new NewFile(fd, std::move(path), std::move(temporary)));
  }
  ~NewFile() {
    if (fd_ >= 0) ::close(fd_);
    if (!done_) ::unlink(temporary_.c_str());
  }
  Result<void> write(BytesView bytes) {
    while (!bytes.empty()) {
      auto const put = ::write(fd_, bytes.data(), bytes.size());
      if (put < 0 && errno == EINTR) continue;
      if (put < 0) return fail(system_error(path_));
      bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
    return {};
  }
  Result<void> finish() {
    if (::fsync(fd_) != 0) return fail(system_error(path_));
    // link() never replaces; a file system without hard links (FAT on a stick) gets a rename.
    if (::link(temporary_.c_str(), path_.c_str()) == 0) {
      ::unlink(temporary_.c_str());
    } else if (errno == EEXIST || ::rename(temporary_.c_str(), path_.c_str()) != 0) {
      return fail(system_error(path_));
    }
    done_ = true;
    auto const parent = fs::path(path_).parent_path();
    int const dir = ::open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY);
    if (dir < 0) return fail(system_error(path_));
    bool const safe = ::fsync(dir) == 0 || errno == EINVAL;  // not every file system can
    ::close(dir);
    if (!safe) return fail(system_error(path_));
    return {};
  }

 private:
  NewFile(int fd, std::string path, std::string temporary)
      : fd_(fd), path_(std::move(path)), temporary_(std::move(temporary)) {}
  int fd_;
  std::string path_, temporary_;
  bool done_ = false;
};

// "to-my.amicb", or "to-my.2of3.amicb".
std::string part_path(std::string const& out, std::size_t part, std::size_t parts) {
  if (parts == 1) return out;
  fs::path const path(out);
  auto const extension = path.extension() == ".amicb" ? ".amicb" : "";
  auto stem = *extension ? (path.parent_path() / path.stem()).string() : out;
  return stem + "." + std::to_string(part) + "of" + std::to_string(parts) + extension;
}

// ---- A running node, or the directory of a stopped one ----------------------------------------

// An export's description and its pieces, wherever they come from.
class ExportSource {
 public:
  virtual ~ExportSource() = default;
  virtual json::object const& plan() const = 0;
  virtual Result<std::optional<exchange::CarrierExport::Piece>> next() = 0;
  virtual Result<void> end(bool safe) = 0;
};

class RemoteExport final : public ExportSource {
 public:
  static Result<std::unique_ptr<ExportSource>> begin(ApiClient& client, BundleArguments const& a) {
    json::object request{{"to", a.to}, {"since_last", a.since_last}};
    if (a.max_bytes != 0) request["max_bytes"] = a.max_bytes;
    AMIC_TRY(auto const text, client.post("/api/v1/carriers/exports", json::serialize(request)));
    AMIC_TRY(auto const value, json::parse(text));
    if (!value.is_object()) return fail(Code::kMalformed, "api", "not an export");
    AMIC_TRY(auto const id, json::get_string(value.get_object(), "id", ""));
    return std::unique_ptr<ExportSource>(new RemoteExport(client, value.get_object(), id));
  }
  json::object const& plan() const override { return plan_; }
  Result<std::optional<exchange::CarrierExport::Piece>> next() override {
    net::Request request;
    request.target = target_ + "/pieces/" + std::to_string(index_);
    AMIC_TRY(auto const answer, client_.send(std::move(request)));
    ++index_;
    if (answer.status == 204) return std::nullopt;
    exchange::CarrierExport::Piece out;
    out.last_of_part = answer.header("amic-part-ends") == "true";
    out.bytes = to_bytes(answer.body);
    return out;
  }
  Result<void> end(bool safe) override {
    AMIC_TRY_VOID(client_.remove(target_ + (safe ? "?safe=true" : "")));
    return {};
  }

 private:
  RemoteExport(ApiClient& client, json::object plan, std::string const& id)
      : client_(client), plan_(std::move(plan)), target_("/api/v1/carriers/exports/" + id) {}
  ApiClient& client_;
  json::object plan_;
  std::string target_;
  std::uint64_t index_ = 0;
};

class LocalExport final : public ExportSource {
 public:
  explicit LocalExport(std::unique_ptr<exchange::CarrierExport> work)
      : work_(std::move(work)), plan_(exchange::export_json(*work_)) {}
  json::object const& plan() const override { return plan_; }
  Result<std::optional<exchange::CarrierExport::Piece>> next() override { return work_->next(); }
  Result<void> end(bool safe) override {
    Result<void> out;
    if (safe) work_->mark_exported([&](Result<void> marked) { out = std::move(marked); });
    return out;
  }

 private:
  std::unique_ptr<exchange::CarrierExport> work_;
  json::object plan_;
};

class RemoteSink final : public exchange::CarrierSink {
 public:
  explicit RemoteSink(ApiClient& client) : client_(client) {}
  Result<void> check(exchange::CarrierHeader const& header,
                     exchange::CarrierManifest const& manifest) override {
    codec::Writer body;
    body.vec32(exchange::encode(header)).vec32(exchange::encode(manifest));
    AMIC_TRY_VOID(post("/api/v1/carriers/checks", "application/vnd.amic.carrier-check",
                       as_text(body.bytes())));
    return {};
  }
  Result<exchange::SectionOutcome> take(MemberId const& from,
                                        exchange::Section const& section) override {
    bool const batch = section.type == exchange::SectionType::kBatch;
    auto const type = batch ? "application/vnd.amic.batch" : "application/vnd.amic.receipt";
    auto const target = "/api/v1/carriers/sections?from=" + net::percent_encode(from.str());
    AMIC_TRY(auto const text, post(target, type, as_text(section.body)));
    AMIC_TRY(auto const value, json::parse(text));
    return exchange::outcome_from_json(value);
  }

 private:
  // The link may be storing a batch of the same lane at this moment: it takes a moment.
  static constexpr int kTries = 100;
  static constexpr std::chrono::milliseconds kPause{100};

  Result<std::string> post(std::string const& target, char const* type, std::string_view body) {
    for (int i = 1;; ++i) {
      net::Request request;
      request.method = "POST";
      request.target = target;
      request.headers = {{"content-type", type}};
      request.body = std::string(body);
      auto answer = client_.send(std::move(request));
      if (answer) return std::move(answer->body);
      if (answer.error().code != Code::kOverloaded || i == kTries) return fail(answer.error());
      std::this_thread::sleep_for(kPause);
    }
  }
  ApiClient& client_;
};

// A stopped node, opened for as long as the command takes.
struct Offline {
  DataDir dir;
  Config config;
  consent::Community community;
  NodeKeys keys;
  exchange::NodeKeys exchange_keys;
  OfflineNode node;

  exchange::CarrierParts parts(Context& context) {
    return {exchange_keys,   config.realm,  *node.store,   *node.exchange,
            *node.committer, context.clock, context.random};
  }
};

Result<std::unique_ptr<Offline>> open_stopped(BundleArguments const& a, Context& context) {
  AMIC_TRY(auto dir, DataDir::open(a.api.dir));
  AMIC_TRY(auto config, effective_config(dir, context));
  AMIC_TRY(auto community, load_community(dir));
  AMIC_TRY(auto const passphrase, unlock(dir, a.passphrase_from, context));
  AMIC_TRY(auto keys, load_keys(dir, passphrase));
  AMIC_TRY(auto node,
           open_offline(dir, community, keys, config.realm, context.clock, context.random));
  exchange::NodeKeys exchange_keys{config.member, keys.node, keys.sealing, keys.more_sealing};
  return std::make_unique<Offline>(Offline{std::move(dir), std::move(config), std::move(community),
                                           std::move(keys), std::move(exchange_keys),
                                           std::move(node)});
}

// The running node's API; null if the node of --dir is not running.
Result<std::unique_ptr<ApiClient>> running_node(ApiArguments const& api) {
  auto client = ApiClient::connect(api);
  if (!client) {
    bool const stopped = api.url.empty() && client.error().code == Code::kUnavailable;
    if (stopped) return std::unique_ptr<ApiClient>();
    return fail(client.error());
  }
  if (!api.url.empty()) return client;
  // A kill leaves run/api.json behind. If somebody else runs after all, the store's lock says so.
  auto const answer = (*client)->get("/healthz");
  if (!answer && answer.error().code == Code::kUnavailable) return std::unique_ptr<ApiClient>();
  return client;
}

// ---- Export -----------------------------------------------------------------------------------

std::string counted(std::uint64_t n, char const* one, char const* many) {
  return std::to_string(n) + " " + (n == 1 ? one : many);
}

Result<std::vector<std::string>> write_parts(ExportSource& source, std::string const& out,
                                             std::size_t parts, Context& context) {
  std::vector<std::string> paths;
  std::unique_ptr<NewFile> file;
  std::uint64_t written = 0;
  for (;;) {  // ends: an export is finite
    AMIC_TRY(auto const piece, source.next());
    if (!piece) break;
    if (!file) {
      paths.push_back(part_path(out, paths.size() + 1, parts));
      AMIC_TRY(file, NewFile::create(paths.back()));
    }
    AMIC_TRY_VOID(file->write(piece->bytes));
    written += piece->bytes.size();
    if (!context.json)
      context.err << "\rpart " << paths.size() << " of " << parts << ", " << (written >> 20)
                  << " MiB" << std::flush;
    if (!piece->last_of_part) continue;
    AMIC_TRY_VOID(file->finish());
    file.reset();
  }
  if (!context.json) context.err << "\n";
  return paths;
}

Result<Output> export_to(ExportSource& source, BundleArguments const& a, Context& context) {
  auto const& plan = source.plan();
  auto const parts = plan.at("parts").as_array().size();
  AMIC_TRY(auto const envelopes, json::get_int(plan, "envelopes", ""));
  AMIC_TRY(auto const receipts, json::get_int(plan, "receipts", ""));
  Output out;
  json::object report = plan;
  report["files"] = json::array{};
  if (envelopes == 0 && receipts == 0) {
    AMIC_TRY_VOID(source.end(false));
    out.text = "Nothing waits for " + a.to + " and nothing was received from it: no file.\n";
    out.json = json::serialize(report);
    return out;
  }
  auto const paths = write_parts(source, a.out, parts, context);
  if (!paths) {
    // What is whole stays: each part can be imported alone. The cause is what the operator needs.
    [[maybe_unused]] auto const ended = source.end(false);
    return fail(paths.error());
  }
  AMIC_TRY_VOID(source.end(true));
  for (auto const& path : *paths) {
    report["files"].as_array().emplace_back(path);
    out.text += "Wrote " + path + "\n";
  }
  out.text += counted(static_cast<std::uint64_t>(envelopes), "envelope", "envelopes") + " and " +
              counted(static_cast<std::uint64_t>(receipts), "receipt", "receipts") + " for " +
              a.to + ". They stay queued until its receipt comes back.\n";
  out.json = json::serialize(report);
  return out;
}

Result<Output> run_export(BundleArguments const& a, Context& context) {
  AMIC_TRY(auto const to, MemberId::parse(a.to));
  AMIC_TRY(auto const client, running_node(a.api));
  if (client) {
    AMIC_TRY(auto const source, RemoteExport::begin(*client, a));
    return export_to(*source, a, context);
  }
  AMIC_TRY(auto const offline, open_stopped(a, context));
  AMIC_TRY(auto work, exchange::CarrierExport::begin(offline->parts(context),
                                                     {to, a.max_bytes, a.since_last}));
  LocalExport source(std::move(work));
  return export_to(source, a, context);
}

// ---- Import -----------------------------------------------------------------------------------

json::object lane_json(std::size_t lane, exchange::LaneImport const& import) {
  json::array refused;
  for (auto const& one : import.refused) refused.push_back({{"n", one.n}, {"code", one.code}});
  return {{"precedence", precedence_name(static_cast<Precedence>(lane))},
          {"accepted", import.accepted},
          {"held", import.held},
          {"refused_total", import.refused_total},
          {"refused", std::move(refused)},
          {"acknowledged", import.receipted},
          {"position", import.position}};
}

json::object missing_json(exchange::MissingNumbers const& missing) {
  json::object out{{"from", missing.from.str()},
                   {"precedence", precedence_name(static_cast<Precedence>(missing.lane))},
                   {"first", missing.range.first_n},
                   {"last", missing.range.last_n},
                   {"text", missing.text()}};
  if (missing.part != 0) {
    out["part"] = missing.part;
    out["parts"] = missing.parts;
  }
  return out;
}

std::string lanes_text(MemberId const& from,
                       std::array<exchange::LaneImport, kLaneCount> const& lanes) {
  std::string out;
  for (std::size_t i = 0; i < kLaneCount; ++i) {
    auto const& lane = lanes[i];
    std::string name(precedence_name(static_cast<Precedence>(i)));
    if (lane.accepted + lane.held + lane.refused_total != 0)
      out += from.str() + " " + name + ": accepted " + std::to_string(lane.accepted) +
             ", already held " + std::to_string(lane.held) + ", refused " +
             std::to_string(lane.refused_total) + "\n";
    for (auto const& refused : lane.refused)
      out += "  refused " + name + " " + std::to_string(refused.n) + ": " + refused.code + "\n";
    if (lane.receipted != 0)
      out += from.str() + " has signed for " + std::to_string(lane.receipted) + " more of " + name +
             "\n";
  }
  return out;
}

Output report_of(exchange::ImportReport const& report) {
  Output out;
  json::array lanes, missing, problems;
  for (auto const& [from, by_lane] : report.lanes) {
    out.text += lanes_text(from, by_lane);
    for (std::size_t lane = 0; lane < kLaneCount; ++lane) {
      auto row = lane_json(lane, by_lane[lane]);
      row["from"] = from.str();
      lanes.push_back(std::move(row));
    }
  }
  if (out.text.empty()) out.text = "Nothing new.\n";
  for (auto const& one : report.missing) {
    missing.push_back(missing_json(one));
    out.text += one.text() + "\n";
  }
  for (auto const& problem : report.problems) {
    problems.emplace_back(problem);
    out.text += "not taken: " + problem + "\n";
  }
  out.json = json::serialize(json::object{{"files", report.files},
                                          {"complete", report.complete()},
                                          {"lanes", std::move(lanes)},
                                          {"missing", std::move(missing)},
                                          {"problems", std::move(problems)}});
  return out;
}

Result<Output> import_into(exchange::CarrierSink& sink, BundleArguments const& a,
                           Context& context) {
  std::vector<exchange::CarrierFile> files;
  for (auto const& path : a.files)
    files.push_back({path, [path] { return FileSource::open(path); }});
  auto const progress = [&](std::uint64_t done, std::uint64_t of) {
    if (!context.json) context.err << "\r" << done << "/" << of << " sections" << std::flush;
  };
  auto const report = exchange::import_carriers(files, sink, progress);
  if (!context.json) context.err << "\n";
  if (!report) return fail(report.error());
  if (!report->complete()) context.exit_code = kExitRefused;
  return report_of(*report);
}

Result<Output> run_import(BundleArguments const& a, Context& context) {
  AMIC_TRY(auto const client, running_node(a.api));
  if (client) {
    RemoteSink sink(*client);
    return import_into(sink, a, context);
  }
  AMIC_TRY(auto const offline, open_stopped(a, context));
  exchange::ExchangeSink sink(offline->parts(context));
  return import_into(sink, a, context);
}

// ---- Show -------------------------------------------------------------------------------------

Result<Output> show_file(BundleArguments const& a) {
  auto const& path = a.files.front();
  AMIC_TRY(auto const source, FileSource::open(path));
  AMIC_TRY(auto reader, exchange::CarrierReader::open(*source));
  for (;;) {  // ends: the reader bounds the sections
    AMIC_TRY(auto const section, reader.next());
    if (!section) break;
  }
  auto const& header = reader.header();
  Output out;
  out.text = "From " + header.from.str() + " to " + header.to.str() + ", part " +
             std::to_string(header.part) + " of " + std::to_string(header.parts.size()) +
             ", made " + codec::to_rfc3339(header.created_ms) + "\nExport " +
             codec::to_uuid(header.export_id.view()) + "\n";
  json::array sections;
  for (auto const& entry : reader.seen()) {
    out.text +=
        "  " + exchange::section_text(entry) + ", " + std::to_string(entry.size) + " bytes\n";
    bool const batch = entry.type == exchange::SectionType::kBatch;
    sections.push_back({{"type", batch ? "batch" : "receipt"},
                        {"precedence", precedence_name(static_cast<Precedence>(entry.lane))},
                        {"first", entry.range.first_n},
                        {"last", entry.range.last_n},
                        {"bytes", entry.size}});
  }
  out.text += "Whole. Who signed it is checked when it is imported.\n";
  out.json = json::serialize(json::object{{"from", header.from.str()},
                                          {"to", header.to.str()},
                                          {"part", header.part},
                                          {"parts", header.parts.size()},
                                          {"created", codec::to_rfc3339(header.created_ms)},
                                          {"export", codec::to_uuid(header.export_id.view())},
                                          {"since_last", header.since_last},
                                          {"sections", std::move(sections)}});
  return out;
}

constexpr char const* kFooter =
    "A carrier file (.amicb) holds what the link would have sent: the same sealed, signed\n"
    "envelopes, and receipts for what was received. It has nothing to do with STIX bundles.\n"
    "\n"
    "Examples:\n"
    "  amic bundle export --dir my --to SG --out to-sg.amicb\n"
    "  amic bundle export --dir my --to SG --out to-sg.amicb --max-bytes 4000000000\n"
    "  amic bundle import --dir sg to-sg.1of2.amicb to-sg.2of2.amicb";
}  // namespace

void add_bundle_commands(CLI::App& app, Context& context) {
  auto* group = app.add_subcommand("bundle", "Exchange with a member by files (USB, data diode)");
  group->require_subcommand(1);
  group->footer(kFooter);
  auto const a = std::make_shared<BundleArguments>();
  auto* out = group->add_subcommand("export", "Write what waits for one member; moves nothing");
  add_api_options(*out, a->api);
  out->add_option("--passphrase-from", a->passphrase_from,
                  "Node stopped: file:PATH, fd:N, env:NAME or prompt");
  out->add_option("--to", a->to, "The member it is for")->required();
  out->add_option("--out", a->out, "File to write; parts get .1of3 and so on in the name")
      ->required();
  out->add_option("--max-bytes", a->max_bytes, "Split into parts of at most so many bytes");
  auto* since = out->add_flag("--since-last", a->since_last,
                              "Only what no earlier export has brought, for a one-way diode");
  out->add_flag("--all", a->all, "All that was not acknowledged (the default)")->excludes(since);
  on_run(*out, context, [a, &context] { return run_export(*a, context); });

  auto const i = std::make_shared<BundleArguments>();
  auto* in =
      group->add_subcommand("import", "Take carrier files in, in any order, as often as need be");
  add_api_options(*in, i->api);
  in->add_option("--passphrase-from", i->passphrase_from,
                 "Node stopped: file:PATH, fd:N, env:NAME or prompt");
  in->add_option("files", i->files, "Carrier files")->required();
  on_run(*in, context, [i, &context] { return run_import(*i, context); });

  auto const s = std::make_shared<BundleArguments>();
  auto* show = group->add_subcommand("show", "What is in a carrier file, and whether it is whole");
  show->add_option("file", s->files, "Carrier file")->required()->expected(1);
  on_run(*show, context, [s] { return show_file(*s); });
}

}  // namespace amic::node
