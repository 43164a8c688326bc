// Files of items: taken in piece by piece, listed, and given out piece by piece, so that no file is
// ever held in memory.
#include "exchange/attachments.h"

#include <algorithm>
#include <charconv>

#include "api/attachments.h"
#include "api/idempotency.h"
#include "api/routes.h"
#include "base/limits.h"
#include "codec/codec.h"
#include "net/problem.h"
#include "net/target.h"

namespace amic::api {

namespace {
using exchange::AttachmentInfo;
using exchange::AttachmentUpload;

constexpr std::size_t kIdempotencyKeyBytesMax = 255;
constexpr std::size_t kPieceBytes = 256 << 10;
constexpr char kNoSuch[] = "no such attachment";

Result<exchange::Attachments*> attachments(Services& services) {
  if (services.deps.attachments == nullptr)
    return fail(Code::kNotFound, "attachments", "this node keeps no files");
  return services.deps.attachments;
}

json::object info_json(AttachmentInfo const& info) {
  json::object out{{"id", envelope_id_text(info.id)},
                   {"item", envelope_id_text(info.about.item)},
                   {"originator", info.originator.str()},
                   {"name", info.about.name},
                   {"media_type", info.about.media_type},
                   {"size", info.about.size},
                   {"sha256", codec::to_hex(info.about.sha256.view())},
                   {"created", codec::to_rfc3339(info.created_ms)},
                   {"state", exchange::attachment_state_name(info.state)},
                   {"chunks", info.about.plan().count()},
                   {"chunks_held", info.chunks_held}};
  if (!info.reason.empty()) out["reason"] = info.reason;
  return out;
}

// The reader's right to a file is his right to its item.
Result<store::ItemRow> item_in_view(Services& services, Call const& call, EnvelopeId const& id,
                                    char const* otherwise) {
  AMIC_TRY(auto const item, services.deps.store.item(id, call.readable()));
  if (!item || item->state != store::ItemState::kActive)
    return fail(Code::kNotFound, "path.id", otherwise);
  return *item;
}

Result<AttachmentInfo> find_readable(Services& services, Call const& call) {
  AMIC_TRY(auto* const all, attachments(services));
  AMIC_TRY(auto const id, parse_envelope_id(call.path.at("id")));
  auto info = all->find(id);
  if (!info && info.error().code == Code::kNotFound)
    return fail(Code::kNotFound, "path.id", kNoSuch);
  if (!info) return fail(info.error());
  AMIC_TRY(auto const item, item_in_view(services, call, info->about.item, kNoSuch));
  if (item.digest != info->about.target) return fail(Code::kNotFound, "path.id", kNoSuch);
  return info;
}

Result<net::Response> list_files(Services& services, Call const& call) {
  AMIC_TRY(auto* const all, attachments(services));
  AMIC_TRY(auto const id, parse_envelope_id(call.path.at("id")));
  AMIC_TRY(auto const item, item_in_view(services, call, id, "no such item"));
  AMIC_TRY(auto found, all->list(item.id));
  std::sort(found.begin(), found.end(), [](auto const& a, auto const& b) {
    return std::tie(a.created_ms, a.id) < std::tie(b.created_ms, b.id);
  });
  json::array out;
  for (AttachmentInfo const& info : found)
    if (info.about.target == item.digest) out.push_back(info_json(info));
  return json_response(200, json::object{{"attachments", std::move(out)}});
}

Result<net::Response> show_file(Services& services, Call const& call) {
  AMIC_TRY(auto const info, find_readable(services, call));
  return json_response(200, info_json(info));
}

// ---- In ---------------------------------------------------------------------------------------

// One upload: asks the connection for a piece, seals it on a worker, asks for the next.
class Uploading : public std::enable_shared_from_this<Uploading> {
 public:
  Uploading(Services& services, Call call, net::Responder respond)
      : services_(services),
        gate_(services.gate),
        call_(std::move(call)),
        respond_(std::move(respond)) {}
  ~Uploading() { leave_key(); }

  // On a worker, within a pass of the gate.
  void begin();

 private:
  Result<void> prepare();
  void more();
  void took(Result<std::string> piece);
  void finish();
  // True: answered, by an earlier request with this key or since that was another one.
  bool answered_before(Hash const& asked);
  void refuse(Error const& error) { answer(net::problem(error)); }
  // Who has its answer may ask again at once: the key is free before.
  void answer(net::Response response) {
    leave_key();
    respond_(std::move(response));
  }
  void leave_key() {
    if (!key_.empty()) services_keys_->leave(std::exchange(key_, {}));
  }

  Services& services_;  // touched within a pass only
  std::shared_ptr<Gate> const gate_;
  std::shared_ptr<KeysInUse> const services_keys_ = services_.keys_in_use;
  Call call_;
  net::Responder respond_;
  std::string key_;
  std::shared_ptr<AttachmentUpload> upload_;
};

Result<void> Uploading::prepare() {
  AMIC_TRY(auto* const all, attachments(services_));
  AMIC_TRY(auto const id, parse_envelope_id(call_.path.at("id")));
  AMIC_TRY(auto const item, item_in_view(services_, call_, id, "no such item"));
  auto const name = call_.query_value("name");
  if (!name) return fail(Code::kMissingField, "query.name", "what the file is called");
  std::string const header{call_.request.header("idempotency-key")};
  if (header.size() > kIdempotencyKeyBytesMax)
    return fail(Code::kTooLarge, "header.idempotency-key", "over 255 bytes");
  exchange::Attachments::UploadRequest request;
  request.item = item.id;
  request.name = *name;
  request.media_type = call_.request.header("content-type");
  if (request.media_type.empty()) request.media_type = "application/octet-stream";
  request.size = call_.request.source_bytes;
  AMIC_TRY(upload_, all->begin(std::move(request)));
  if (header.empty()) return {};
  auto const key = idempotency_store_key(call_.who, header);
  if (!services_keys_->enter(key))
    return fail(Code::kConflict, "header.idempotency-key",
                "a request with this key is being worked on");
  key_ = key;
  return {};
}

void Uploading::begin() {
  auto const prepared = prepare();
  if (!prepared) return refuse(prepared.error());
  // A server that does not stream this route has it whole.
  if (call_.request.source) return more();
  auto const written = upload_->write(as_bytes(call_.request.body));
  if (!written) return refuse(written.error());
  finish();
}

void Uploading::more() {
  call_.request.source->read([self = shared_from_this()](Result<std::string> piece) {
    auto const kept = std::make_shared<Result<std::string>>(std::move(piece));
    Gate::Pass const pass(self->gate_);
    if (!pass) return;
    auto work = [self, kept] {
      Gate::Pass const inner(self->gate_);
      if (inner) self->took(std::move(*kept));
    };
    if (!self->services_.deps.pool.try_post(std::move(work)))
      self->refuse({Code::kOverloaded, "api", "too many requests wait"});
  });
}

void Uploading::took(Result<std::string> piece) {
  if (!piece) return refuse(piece.error());
  if (piece->empty()) return finish();
  auto const written = upload_->write(as_bytes(*piece));
  if (!written) return refuse(written.error());
  more();
}

// The same key, item, name, type and contents are the same request.
Hash request_hash(Call const& call, exchange::Attachment const& about) {
  codec::Writer out;
  out.raw(about.item.view()).str8(about.name).str8(about.media_type).raw(about.sha256.view());
  out.u64(about.size);
  return crypto::sha256(out.bytes());
}

bool Uploading::answered_before(Hash const& asked) {
  auto const mark = find_idempotency_mark(services_.deps.store, key_, asked);
  if (!mark) return refuse(mark.error()), true;
  if (!*mark) return false;
  auto const info = services_.deps.attachments->find((*mark)->item);
  if (!info) return refuse(info.error()), true;
  auto out = info_json(*info);
  out["replayed"] = true;
  answer(json_response(200, out));
  return true;
}

void Uploading::finish() {
  auto const finished = upload_->finish();
  if (!finished) return refuse(finished.error());
  std::optional<EnvelopeId> id;
  std::vector<store::KvPut> kv;
  if (!key_.empty()) {
    auto const asked = request_hash(call_, upload_->about());
    if (answered_before(asked)) return;
    auto const& exchange = services_.deps.exchange;
    id = envelope::make_id(exchange.community().id, exchange.self(), services_.deps.random);
    kv.push_back(idempotency_put(key_, {asked, *id, services_.deps.clock.now_ms()}));
  }
  services_.deps.attachments->share(
      upload_, id, std::move(kv),
      [self = shared_from_this()](Result<exchange::ShareResult> shared) {
        if (!shared) return self->refuse(shared.error());
        AttachmentInfo info;
        info.id = shared->id;
        info.originator = self->services_.deps.exchange.self();
        info.created_ms = shared->created_ms;
        info.about = self->upload_->about();
        info.state = exchange::AttachmentState::kHeld;
        info.chunks_held = info.about.plan().count();
        auto out = info_json(info);
        json::array recipients;
        for (auto const& member : shared->recipients) recipients.emplace_back(member.str());
        out["recipients"] = std::move(recipients);
        auto response = json_response(201, out);
        response.headers.emplace_back("location",
                                      "/api/v1/attachments/" + envelope_id_text(shared->id));
        self->answer(std::move(response));
      });
}

void add_file(Services& services, Call call, net::Responder respond) {
  std::make_shared<Uploading>(services, std::move(call), std::move(respond))->begin();
}

// ---- Out --------------------------------------------------------------------------------------

struct Range {
  std::uint64_t from = 0;
  std::uint64_t size = 0;
};

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t out = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

// One range of bytes (RFC 9110 section 14.1.2). nullopt: none that this server serves, so the whole
// is. kOutOfRange: none of it is in the file.
Result<std::optional<Range>> read_range(std::string_view header, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (!header.starts_with(kUnit)) return std::nullopt;
  header.remove_prefix(kUnit.size());
  auto const dash = header.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  auto const first = number_of(header.substr(0, dash)), last = number_of(header.substr(dash + 1));
  if (dash == 0) {
    if (!last) return std::nullopt;
    if (*last == 0 || size == 0) return fail(Code::kOutOfRange, "header.range");
    auto const tail = std::min(*last, size);
    return Range{size - tail, tail};
  }
  bool const open_end = dash + 1 == header.size();
  if (!first || (!last && !open_end) || (last && *last < *first)) return std::nullopt;
  if (*first >= size) return fail(Code::kOutOfRange, "header.range");
  auto const upto = last ? std::min(*last, size - 1) : size - 1;
  return Range{*first, upto - *first + 1};
}

class FileBody final : public net::BodySource {
 public:
  FileBody(Services& services, std::unique_ptr<exchange::AttachmentReader> reader, Range range)
      : pool_(services.deps.pool),
        gate_(services.gate),
        work_(std::make_shared<Work>(std::move(reader), range)) {}

  void read(std::function<void(Result<std::string>)> done) override {
    Gate::Pass const pass(gate_);
    if (!pass) return done(fail(Code::kUnavailable, "api", "stopping"));
    bool const posted = pool_.try_post([work = work_, done] {
      auto& [reader, range] = *work;
      auto piece = reader->read(range.from, std::min<std::uint64_t>(range.size, kPieceBytes));
      if (piece) {
        range.from += piece->size();
        range.size -= piece->size();
      }
      done(std::move(piece));
    });
    if (!posted) done(fail(Code::kOverloaded, "api", "too many requests wait"));
  }

 private:
  struct Work {
    Work(std::unique_ptr<exchange::AttachmentReader> r, Range g) : reader(std::move(r)), range(g) {}
    std::unique_ptr<exchange::AttachmentReader> reader;
    Range range;
  };
  net::WorkerPool& pool_;
  std::shared_ptr<Gate> gate_;
  std::shared_ptr<Work> work_;
};

// RFC 6266: a plain name for old clients, and the name itself.
std::string disposition_of(std::string const& name) {
  std::string plain;
  for (char const c : name)
    plain += (c >= 0x20 && c < 0x7F && c != '"' && c != '\\' && c != '%') ? c : '_';
  return "attachment; filename=\"" + plain + "\"; filename*=UTF-8''" + net::percent_encode(name);
}

Result<net::Response> get_file(Services& services, Call const& call) {
  AMIC_TRY(auto const info, find_readable(services, call));
  AMIC_TRY(auto reader, services.deps.attachments->read(info.id));
  auto const size = info.about.size;
  auto const etag = "\"" + codec::to_hex(info.about.sha256.view()) + "\"";
  Range range{0, size};
  net::Response out;
  auto const if_range = call.request.header("if-range");
  if (if_range.empty() || if_range == etag) {
    auto const wanted = read_range(call.request.header("range"), size);
    if (!wanted) {
      auto refused = net::problem_with_status(416, wanted.error());
      refused.headers.emplace_back("content-range", "bytes */" + std::to_string(size));
      return refused;
    }
    if (*wanted) {
      range = **wanted;
      out.status = 206;
      out.headers.emplace_back("content-range", "bytes " + std::to_string(range.from) + "-" +
                                                    std::to_string(range.from + range.size - 1) +
                                                    "/" + std::to_string(size));
    }
  }
  // Never shown by a browser as part of this site, whatever it says that it is.
  for (auto& header : net::Headers{{"content-type", info.about.media_type},
                                   {"content-disposition", disposition_of(info.about.name)},
                                   {"x-content-type-options", "nosniff"},
                                   {"content-security-policy", "sandbox"},
                                   {"cache-control", "no-store"},
                                   {"accept-ranges", "bytes"},
                                   {"etag", etag}})
    out.headers.push_back(header);
  if (range.size == 0) return out;
  out.source = std::make_shared<FileBody>(services, std::move(reader), range);
  out.source_bytes = range.size;
  return out;
}
}  // namespace

bool is_upload(net::Request const& head) {
  constexpr std::string_view kBegin = "/api/v1/items/", kEnd = "/attachments";
  auto const path = std::string_view(head.target).substr(0, head.target.find('?'));
  return head.method == "POST" && path.starts_with(kBegin) && path.ends_with(kEnd);
}

std::vector<Route> attachment_routes() {
  return {
      {"POST", "/api/v1/items/{id}/attachments", Access::kShare, add_file,
       "Attach a file to an item of ours, for all who may have it; the body is the file"},
      {"GET", "/api/v1/items/{id}/attachments", Access::kRead, answers(list_files),
       "Files of an item, and whether they are here"},
      {"GET", "/api/v1/attachments/{id}", Access::kRead, answers(get_file),
       "The file itself, or one range of its bytes"},
      {"GET", "/api/v1/attachments/{id}/status", Access::kRead, answers(show_file),
       "What is known of a file, and how much of it is here"},
  };
}

}  // namespace amic::api
