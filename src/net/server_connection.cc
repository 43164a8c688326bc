#include "net/server_connection.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>

#include "net/problem.h"
#include "net/request_body.h"
#include "net/response_head.h"
#include "net/server_handles.h"
#include "net/server_stream.h"
#include "net/text.h"
#include "obs/log.h"

namespace amic::net {
namespace asio = boost::asio;
namespace http = boost::beast::http;
using tcp = asio::ip::tcp;
namespace {

using Parser = http::request_parser<RequestBody>;

constexpr std::size_t kBodyReadBytes = 64 << 10;
constexpr std::size_t kPieceBytes = 256 << 10;  // of a streamed body; a read more at most
constexpr std::string_view kNothing;

}  // namespace

class Connection final : public Answered, public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<ServerShared> shared, std::size_t loop_index, tcp::socket socket)
      : shared_(std::move(shared)),
        loop_index_(loop_index),
        channel_(std::make_shared<Channel>(std::move(socket))) {
    shared_->live[loop_index_].insert(this);
  }
  ~Connection() override {
    if (piece_wanted_) piece_wanted_(fail(Code::kUnavailable, "body", "the client has gone"));
    shared_->live[loop_index_].erase(this);
    --shared_->connections;
    forget_key();
  }
  Connection(Connection const&) = delete;
  Connection& operator=(Connection const&) = delete;

  Task<void> run();
  void abort() { channel_->abort(); }
  // On the loop's thread.
  void take_answer(Response response) override;
  void take_piece(Result<std::string> piece);  // of an answer's source
  void want_piece(std::function<void(Result<std::string>)> done) override;
  void wake() { channel_->wake(); }

 private:
  enum class Next { kRequest, kClose, kLinger };

  bool open();
  bool count_key();
  void forget_key();
  Task<Next> serve_one();
  Task<bool> hold_back();
  Task<bool> read_header();
  Task<bool> read_body();
  Task<bool> continue_if_expected();
  bool parse_some(bool& progress);
  void refuse(int status, Code code, char const* where, char const* detail = "");
  void refuse_parse(boost::system::error_code error);
  bool check_header();
  Request head_of_request() const;
  Task<bool> read_piece();
  Task<void> give_piece();
  void call_handler();
  Task<Next> answer_request();
  Task<Next> send(Response response);
  Task<Next> send_stream(Response response);
  Task<bool> pump(QueuedStream& stream);
  Task<Next> send_source(Response response);
  Task<bool> pull(BodySource& source);
  void write_head(Response const& response, bool streamed);
  void set_write_deadline(std::size_t bytes);

  std::shared_ptr<ServerShared> shared_;
  std::size_t loop_index_;
  std::shared_ptr<Channel> channel_;
  std::string remote_;
  std::optional<PublicKey32> peer_key_;
  bool key_counted_ = false;
  std::optional<Parser> parser_;
  std::string head_;
  Request request_;
  bool streamed_ = false;   // its body is taken piece by piece
  bool continued_ = false;  // a client that waits for that was told to send the body
  std::function<void(Result<std::string>)> piece_wanted_;
  std::optional<Response> refusal_;  // set: the request is answered with this, and the end
  std::optional<Error> refusal_error_;
  std::optional<Response> answer_;
  std::optional<Result<std::string>> piece_;  // of an answer's source
  bool keep_alive_ = false;
  bool is_head_ = false;
  bool is_http10_ = false;
};

bool Connection::open() {
  boost::system::error_code error;
  auto& socket = channel_->socket();
  auto const remote = socket.remote_endpoint(error);
  if (error) return false;
  bool const v6 = remote.address().is_v6();
  remote_ = (v6 ? "[" : "") + remote.address().to_string() + (v6 ? "]:" : ":") +
            std::to_string(remote.port());
  socket.set_option(tcp::no_delay(true), error);
  socket.non_blocking(true, error);
  if (error) return false;
  if (!shared_->tls) {
    channel_->use(Transport::plain(socket.native_handle()));
    return true;
  }
  auto tls = Transport::tls(shared_->tls, socket.native_handle(), true);
  if (!tls) return false;
  channel_->use(std::move(*tls));
  return true;
}

Task<void> Connection::run() {
  if (shared_->stopping || !open()) co_return;
  channel_->set_deadline(shared_->options.request_timeout_ms);
  auto const shaken = co_await channel_->handshake();
  if (shaken != Io::kDone) {
    if (shaken == Io::kFailed) {
      auto const error = channel_->transport().error();
      obs::log(obs::Level::kInfo, "net.handshake_refused",
               {{"remote", remote_}, {"code", code_name(error.code)}, {"detail", error.detail}});
    }
    // The alert that says why is already written; give the peer the chance to read it.
    co_await channel_->linger();
    co_return;
  }
  peer_key_ = channel_->transport().peer_key();
  auto next = count_key() ? Next::kRequest : Next::kClose;
  while (next == Next::kRequest) {
    next = co_await serve_one();
  }
  if (next == Next::kLinger) {
    co_await channel_->linger();
  } else {
    if (!channel_->dead()) channel_->transport().shut_down();
    channel_->close();
  }
}

// False: this key has all the connections that it may have.
bool Connection::count_key() {
  auto const most = shared_->options.connections_per_key_max;
  if (!peer_key_ || most == 0) return true;
  std::lock_guard const lock(shared_->by_key_mutex);
  auto& count = shared_->by_key[*peer_key_];
  if (count >= most) return false;
  ++count;
  return key_counted_ = true;
}

void Connection::forget_key() {
  if (!key_counted_) return;
  std::lock_guard const lock(shared_->by_key_mutex);
  auto const found = shared_->by_key.find(*peer_key_);
  if (--found->second == 0) shared_->by_key.erase(found);
}

// Leaves the body in the socket for as long as the owner wants. False: the peer has gone.
Task<bool> Connection::hold_back() {
  if (!peer_key_ || !shared_->options.hold_ms) co_return true;
  auto const ms = shared_->options.hold_ms(*peer_key_);
  if (ms <= 0) co_return true;
  channel_->set_deadline(ms);
  for (;;) {
    auto const woken = co_await channel_->wait_for_wake();
    if (!woken) break;
  }
  bool const waited = channel_->timed_out();
  channel_->set_deadline(shared_->options.request_timeout_ms);
  co_return waited;
}

Task<Connection::Next> Connection::serve_one() {
  auto& options = shared_->options;
  parser_.emplace();
  parser_->eager(false);
  parser_->header_limit(static_cast<std::uint32_t>(options.header_bytes_max));
  parser_->body_limit(std::max<std::uint64_t>(options.body_bytes_max, options.stream_bytes_max));
  refusal_.reset();
  refusal_error_.reset();
  answer_.reset();
  piece_.reset();
  keep_alive_ = is_head_ = is_http10_ = streamed_ = continued_ = false;
  auto complete = co_await read_header();
  if (complete) {
    complete = co_await hold_back();
  }
  if (complete && !streamed_) {
    complete = co_await read_body();
  }
  if (refusal_) {
    keep_alive_ = false;
    channel_->set_deadline(options.request_timeout_ms);
    auto refusal = std::move(*refusal_);
    co_await send(std::move(refusal));
    co_return Next::kLinger;
  }
  if (!complete) co_return Next::kClose;
  channel_->clear_deadline();
  keep_alive_ = parser_->keep_alive();
  if (!streamed_) request_.body = std::move(parser_->get().body().text);
  call_handler();
  auto const next = co_await answer_request();
  co_return next;
}

// True: a sound header is parsed. False: refusal_ is set, or the peer has gone.
Task<bool> Connection::read_header() {
  auto& options = shared_->options;
  auto& input = channel_->input();
  bool started = !input.empty();
  channel_->set_deadline(started ? options.request_timeout_ms : options.idle_timeout_ms);
  for (;;) {
    while (!input.empty() && !parser_->is_header_done()) {
      bool progress = false;
      if (!parse_some(progress)) co_return false;
      if (!progress) break;
    }
    if (parser_->is_header_done()) co_return check_header();
    // One byte more than the parser accepts, so that it is the one to refuse.
    auto const step = co_await channel_->read_more(options.header_bytes_max + 1024);
    if (step != Io::kDone) {
      if (started && channel_->timed_out()) refuse(408, Code::kTimeout, "request");
      co_return false;
    }
    if (!started) channel_->set_deadline(options.request_timeout_ms);
    started = true;
  }
}

Task<bool> Connection::read_body() {
  auto const proceed = co_await continue_if_expected();
  if (!proceed) co_return false;
  auto& input = channel_->input();
  parser_->eager(true);
  while (!parser_->is_done()) {
    bool progress = !input.empty();
    if (progress && !parse_some(progress)) co_return false;
    if (progress || parser_->is_done()) continue;
    auto const step =
        co_await channel_->read_more(kBodyReadBytes + shared_->options.header_bytes_max);
    if (step == Io::kDone) continue;
    if (channel_->timed_out()) refuse(408, Code::kTimeout, "request");
    co_return false;
  }
  co_return true;
}

Task<bool> Connection::continue_if_expected() {
  if (parser_->is_done() || is_http10_ || std::exchange(continued_, true)) co_return true;
  auto const expect = parser_->get().find(http::field::expect);
  if (expect == parser_->get().end()) co_return true;
  if (!equal_ignoring_case({expect->value().data(), expect->value().size()}, "100-continue")) {
    refuse(417, Code::kUnsupported, "header.expect");
    co_return false;
  }
  std::string_view const line = "HTTP/1.1 100 Continue\r\n\r\n";
  auto const step = co_await channel_->write_all(line, kNothing);
  co_return step == Io::kDone;
}

// False: refused. progress: bytes were taken.
bool Connection::parse_some(bool& progress) {
  auto& input = channel_->input();
  auto const view = input.view();
  boost::system::error_code error;
  auto const used = parser_->put(asio::const_buffer(view.data(), view.size()), error);
  input.consume(used);
  progress = used > 0;
  if (error == http::error::need_more) {
    // The parser keeps nothing itself: with the same bytes it would say the same.
    progress = false;
    return true;
  }
  if (error) refuse_parse(error);
  return !error;
}

void Connection::refuse(int status, Code code, char const* where, char const* detail) {
  refusal_error_ = Error{code, where, detail};
  refusal_ = problem_with_status(status, *refusal_error_);
}

void Connection::refuse_parse(boost::system::error_code error) {
  if (error == http::error::header_limit) return refuse(431, Code::kTooLarge, "header");
  if (error == http::error::body_limit) return refuse(413, Code::kTooLarge, "body");
  refuse(400, Code::kMalformed, "http", error.message().c_str());
}

bool Connection::check_header() {
  auto const& message = parser_->get();
  is_http10_ = message.version() < 11;
  is_head_ = message.method() == http::verb::head;
  if (message.version() != 10 && message.version() != 11)
    return refuse(505, Code::kUnsupported, "http.version"), false;
  if (!is_http10_ && message.count(http::field::host) != 1)
    return refuse(400, Code::kMalformed, "header.host", "exactly one is needed"), false;
  // Anything but plain chunked, or both kinds of length, is how requests are smuggled.
  auto const encoding = message.find(http::field::transfer_encoding);
  if (encoding != message.end()) {
    bool const chunked =
        message.count(http::field::transfer_encoding) == 1 && !is_http10_ &&
        equal_ignoring_case({encoding->value().data(), encoding->value().size()}, "chunked");
    if (!chunked || message.count(http::field::content_length) > 0)
      return refuse(400, Code::kMalformed, "header.transfer-encoding"), false;
  }
  auto const& options = shared_->options;
  request_ = head_of_request();
  streamed_ = options.streams && options.streams(request_);
  std::uint64_t const most = streamed_ ? options.stream_bytes_max : options.body_bytes_max;
  auto const length = parser_->content_length();
  if (length && *length > most) return refuse(413, Code::kTooLarge, "body"), false;
  parser_->body_limit(most);
  if (!streamed_) return true;
  parser_->get().body().streamed = true;
  request_.source = std::make_shared<StreamedBody>(shared_->loops[loop_index_], weak_from_this());
  request_.source_bytes = length.value_or(0);
  return true;
}

Request Connection::head_of_request() const {
  auto const& message = parser_->get();
  Request out;
  out.method.assign(message.method_string().data(), message.method_string().size());
  out.target.assign(message.target().data(), message.target().size());
  for (auto const& field : message) {
    auto const name = field.name_string();
    auto const value = field.value();
    out.headers.emplace_back(to_lower({name.data(), name.size()}),
                             std::string(value.data(), value.size()));
  }
  out.remote_address = remote_;
  out.peer_key = peer_key_;
  return out;
}

// The next piece of a streamed body is in the parser; empty at the end. False: there is none.
Task<bool> Connection::read_piece() {
  auto const& options = shared_->options;
  channel_->set_deadline(options.request_timeout_ms);
  auto const proceed = co_await continue_if_expected();
  if (!proceed) co_return false;
  auto& input = channel_->input();
  auto const& text = parser_->get().body().text;
  parser_->eager(true);
  while (!parser_->is_done() && text.size() < kPieceBytes) {
    bool progress = !input.empty();
    if (progress && !parse_some(progress)) co_return false;
    if (progress || parser_->is_done()) continue;
    auto const step = co_await channel_->read_more(kBodyReadBytes + options.header_bytes_max);
    if (step == Io::kDone) {
      channel_->set_deadline(options.request_timeout_ms);
      continue;
    }
    if (channel_->timed_out())
      refuse(408, Code::kTimeout, "body", "the client has stopped sending");
    co_return false;
  }
  co_return true;
}

Task<void> Connection::give_piece() {
  // Out of the member first: what is called may ask for the next one.
  auto const done = std::exchange(piece_wanted_, nullptr);
  auto const read = co_await read_piece();
  if (read) {
    std::string piece;
    piece.swap(parser_->get().body().text);
    done(std::move(piece));
    co_return;
  }
  if (!refusal_error_) refusal_error_ = Error{Code::kUnavailable, "body", "the client has gone"};
  keep_alive_ = false;
  done(fail(*refusal_error_));
}

void Connection::want_piece(std::function<void(Result<std::string>)> done) {
  if (answer_ || piece_wanted_ || refusal_error_)
    return done(fail(Code::kUnavailable, "body", "no more is read of it"));
  piece_wanted_ = std::move(done);
  channel_->wake();
}

void Connection::call_handler() {
  if (shared_->stopping) return channel_->abort();
  auto slot = std::make_shared<Slot>(shared_->loops[loop_index_], weak_from_this());
  Responder respond = [slot](Response response) { slot->answer(std::move(response)); };
  slot.reset();
  try {
    shared_->handler(std::exchange(request_, {}), std::move(respond));
  } catch (std::exception const& e) {
    // Ours to mend, not the client's: the slot answers 500 if nothing else has been said.
    obs::log(obs::Level::kError, "net.handler_threw", {{"what", e.what()}});
  }
}

void Connection::take_answer(Response response) {
  if (answer_) return;
  answer_ = std::move(response);
  channel_->wake();
}

Task<Connection::Next> Connection::answer_request() {
  if (!answer_) channel_->set_deadline(shared_->options.response_timeout_ms);
  while (!answer_) {
    if (piece_wanted_) {
      co_await give_piece();
      channel_->set_deadline(shared_->options.response_timeout_ms);
      continue;
    }
    auto const woken = co_await channel_->wait_for_wake();
    if (woken || answer_) continue;
    if (!channel_->timed_out()) co_return Next::kClose;
    obs::log(obs::Level::kError, "net.handler_silent", {{"remote", remote_}});
    answer_ = problem(Code::kTimeout);
    keep_alive_ = false;
  }
  auto answer = std::move(*answer_);
  if (!headers_are_sound(answer)) {
    obs::log(obs::Level::kError, "net.bad_response", {{"status", answer.status}});
    answer = problem(Code::kInternal);
  }
  if (piece_wanted_)
    std::exchange(piece_wanted_, nullptr)(fail(Code::kUnavailable, "body", "answered already"));
  if (streamed_ && !parser_->is_done()) keep_alive_ = false;
  if (answer.source) {
    auto const next = co_await send_source(std::move(answer));
    co_return next;
  }
  if (answer.on_stream) {
    auto const next = co_await send_stream(std::move(answer));
    co_return next;
  }
  auto const next = co_await send(std::move(answer));
  co_return next;
}

void Connection::write_head(Response const& response, bool streamed) {
  head_ = response_head(response, {streamed, keep_alive_, is_http10_});
}

void Connection::set_write_deadline(std::size_t bytes) {
  auto const rate = std::max<std::int64_t>(shared_->options.response_bytes_per_second_min, 1);
  channel_->set_deadline(shared_->options.request_timeout_ms +
                         static_cast<std::int64_t>(bytes) * 1000 / rate);
}

Task<Connection::Next> Connection::send(Response response) {
  write_head(response, false);
  std::string_view body = response.body;
  if (is_head_ || response.status == 204 || response.status == 304) body = {};
  set_write_deadline(body.size());
  auto const step = co_await channel_->write_all(head_, body);
  if (step != Io::kDone) co_return Next::kClose;
  co_return keep_alive_ ? Next::kRequest : Next::kLinger;
}

Task<Connection::Next> Connection::send_source(Response response) {
  write_head(response, false);
  set_write_deadline(0);
  auto step = co_await channel_->write_all(head_, kNothing);
  std::uint64_t left = is_head_ ? 0 : response.source_bytes;
  while (step == Io::kDone && left > 0) {
    auto const pulled = co_await pull(*response.source);
    if (!pulled) co_return Next::kClose;
    std::string const piece = std::move(**piece_);
    piece_.reset();
    if (piece.empty() || piece.size() > left) {
      obs::log(obs::Level::kError, "net.bad_response", {{"status", response.status}});
      co_return Next::kClose;
    }
    left -= piece.size();
    set_write_deadline(piece.size());
    step = co_await channel_->write_all(piece, kNothing);
  }
  if (step != Io::kDone) co_return Next::kClose;
  co_return keep_alive_ ? Next::kRequest : Next::kLinger;
}

// True: the next piece is in piece_.
Task<bool> Connection::pull(BodySource& source) {
  channel_->set_deadline(shared_->options.response_timeout_ms);
  auto const loop = shared_->loops[loop_index_];
  auto const weak = weak_from_this();
  source.read([loop, weak](Result<std::string> piece) {
    auto const kept = std::make_shared<Result<std::string>>(std::move(piece));
    loop->post([weak, kept] {
      if (auto const self = weak.lock()) self->take_piece(std::move(*kept));
    });
  });
  while (!piece_) {
    auto const woken = co_await channel_->wait_for_wake();
    if (!woken && !piece_) co_return false;
  }
  if (*piece_) co_return true;
  obs::log(obs::Level::kWarn, "net.body_cut",
           {{"remote", remote_}, {"error", piece_->error().text()}});
  co_return false;
}

void Connection::take_piece(Result<std::string> piece) {
  piece_ = std::move(piece);
  channel_->wake();
}

Task<Connection::Next> Connection::send_stream(Response response) {
  if (is_http10_) keep_alive_ = false;
  write_head(response, true);
  channel_->set_deadline(shared_->options.request_timeout_ms);
  auto const step = co_await channel_->write_all(head_, kNothing);
  if (step != Io::kDone || shared_->stopping) co_return Next::kClose;
  auto const stream =
      std::make_shared<QueuedStream>([loop = shared_->loops[loop_index_], weak = weak_from_this()] {
        loop->post([weak] {
          if (auto const self = weak.lock()) self->wake();
        });
      });
  if (is_head_) {
    stream->peer_gone();
    co_return keep_alive_ ? Next::kRequest : Next::kLinger;
  }
  try {
    response.on_stream(stream);
  } catch (std::exception const& e) {
    obs::log(obs::Level::kError, "net.handler_threw", {{"what", e.what()}});
    stream->peer_gone();
    co_return Next::kClose;
  }
  auto const whole = co_await pump(*stream);
  stream->peer_gone();
  if (!whole) co_return Next::kClose;
  co_return keep_alive_ ? Next::kRequest : Next::kLinger;
}

// Sends until the producer closes (true) or the peer goes, is too slow or the queue overflows.
Task<bool> Connection::pump(QueuedStream& stream) {
  for (;;) {
    auto taken = stream.take();
    if (taken.broken || channel_->dead()) co_return false;
    if (!taken.bytes.empty()) {
      head_.clear();
      if (!is_http10_) {
        append_number(head_, taken.bytes.size(), 16);
        head_ += "\r\n";
        taken.bytes += "\r\n";
      }
      set_write_deadline(taken.bytes.size());
      auto const step = co_await channel_->write_all(head_, taken.bytes);
      if (step != Io::kDone) co_return false;
      channel_->clear_deadline();
    }
    if (taken.last) {
      std::string_view const end = is_http10_ ? "" : "0\r\n\r\n";
      auto const step = co_await channel_->write_all(end, kNothing);
      co_return step == Io::kDone;
    }
    if (!taken.bytes.empty()) continue;  // more may have come while we wrote
    channel_->clear_deadline();
    // Only to notice the end: what a client sends meanwhile is its next request, and must be small.
    std::size_t got = 0;
    auto const room = channel_->input().room(shared_->options.header_bytes_max);
    if (room.empty()) co_return false;
    auto const step = channel_->transport().read_some(room, got);
    if (step == Io::kDone) channel_->input().commit(got);
    if (step == Io::kClosed || step == Io::kFailed) co_return false;
    if (step != Io::kDone) {
      co_await channel_->wait(step);
    }
  }
}

Task<void> serve_connection(std::shared_ptr<ServerShared> shared, std::size_t loop_index,
                            tcp::socket socket) {
  auto const connection =
      std::make_shared<Connection>(std::move(shared), loop_index, std::move(socket));
  co_await connection->run();
}

void abort_connections(ServerShared& shared, std::size_t loop_index) {
  for (auto* const connection : shared.live[loop_index]) connection->abort();
}

}  // namespace amic::net
