// Sending an answer: whole, from a source, or as a stream that goes on.
#include "net/response_head.h"
#include "net/server_connection_parts.h"
#include "net/text.h"
#include "obs/log.h"

namespace amic::net {
namespace {

constexpr std::string_view kNothing;

}  // namespace

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

}  // namespace amic::net
