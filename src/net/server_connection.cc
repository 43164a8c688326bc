#include "net/server_connection.h"

#include "net/problem.h"
#include "net/response_head.h"
#include "net/server_connection_parts.h"
#include "obs/log.h"

namespace amic::net {
namespace asio = boost::asio;
using tcp = asio::ip::tcp;
namespace {

constexpr std::size_t kKeysMax = 4096;  // remembered without a connection

void count(obs::Counter* counter) {
  if (counter != nullptr) counter->add();
}

std::int64_t steady_ms() {
  return Runtime::now_us() / 1000;
}

}  // namespace

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
  place_ = shared_->gate->enter(address_group(remote.address()), steady_ms());
  if (!place_) {
    count(shared_->options.counters.connections_shut);
    return false;
  }
  auto tls = Transport::tls(shared_->tls, socket.native_handle(), true);
  if (!tls) return false;
  channel_->use(std::move(*tls));
  return true;
}

Task<void> Connection::run() {
  if (shared_->stopping || !open()) co_return;
  if (place_) {
    auto const shaken = co_await shake_hands();
    if (!shaken) co_return;
  }
  auto next = Next::kRequest;
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

// False: the connection is over.
Task<bool> Connection::shake_hands() {
  auto const& options = shared_->options;
  if (place_->wait_ms() > 0) {
    count(options.counters.handshakes_held);
    auto const waited = co_await leave_unread(place_->wait_ms());
    if (!waited) co_return false;
  }
  place_->begin();
  channel_->set_deadline(options.handshake_timeout_ms);
  auto const shaken = co_await channel_->handshake();
  if (shaken == Io::kDone) {
    peer_key_ = channel_->transport().peer_key();
    if (count_key()) {
      place_->good();
      place_.reset();
      co_return true;
    }
    count(options.counters.handshakes_bad);
    if (!channel_->dead()) channel_->transport().shut_down();
    channel_->close();
    co_return false;
  }
  count(options.counters.handshakes_bad);
  if (shaken == Io::kFailed) {
    auto const error = channel_->transport().error();
    obs::log(obs::Level::kInfo, "net.handshake_refused",
             {{"remote", remote_}, {"code", code_name(error.code)}, {"detail", error.detail}});
  }
  // The alert that says why is already written; give the peer the chance to read it.
  co_await channel_->linger();
  co_return false;
}

// False: this key has all the connections that it may have, or makes new ones too fast.
bool Connection::count_key() {
  auto const& options = shared_->options;
  if (!peer_key_ || options.connections_per_key_max == 0) return true;
  std::lock_guard const lock(shared_->by_key_mutex);
  auto& keys = shared_->by_key;
  if (keys.size() >= kKeysMax && !keys.contains(*peer_key_))
    std::erase_if(keys, [](auto const& entry) { return entry.second.connections == 0; });
  RateBucket const fresh(options.new_connections_per_key_per_second,
                         options.new_connections_per_key_at_once);
  auto& use = keys.try_emplace(*peer_key_, ServerShared::KeyUse{fresh}).first->second;
  use.new_ones.refill(steady_ms());
  if (use.connections >= options.connections_per_key_max || use.new_ones.left() < 1) return false;
  use.new_ones.charge();
  ++use.connections;
  return key_counted_ = true;
}

// The key stays: how fast it makes connections is remembered.
void Connection::forget_key() {
  if (!key_counted_) return;
  std::lock_guard const lock(shared_->by_key_mutex);
  --shared_->by_key.at(*peer_key_).connections;
}

// Leaves in the socket what the peer sends. False: it has gone, or we stop.
Task<bool> Connection::leave_unread(std::int64_t ms) {
  channel_->set_deadline(ms);
  for (;;) {
    auto const woken = co_await channel_->wait_for_wake();
    if (!woken) break;
  }
  bool const waited = channel_->timed_out();
  channel_->set_deadline(shared_->options.request_timeout_ms);
  co_return waited;
}

// For as long as the owner wants. False: the peer has gone.
Task<bool> Connection::hold_back() {
  if (!peer_key_ || !shared_->options.hold_ms) co_return true;
  auto const ms = shared_->options.hold_ms(*peer_key_);
  if (ms <= 0) co_return true;
  auto const waited = co_await leave_unread(ms);
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
