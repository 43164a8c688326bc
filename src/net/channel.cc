#include "net/channel.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstring>

namespace amic::net {
namespace asio = boost::asio;
using tcp = asio::ip::tcp;
namespace {

constexpr std::size_t kFirstBufferBytes = 4 << 10;
constexpr std::size_t kTurnBytes = 64 << 10;
constexpr std::int64_t kLingerMs = 2'000;
constexpr std::size_t kLingerBytesMax = 4 << 20;

}  // namespace

void InputBuffer::consume(std::size_t n) {
  begin_ += n;
  if (begin_ == end_) begin_ = end_ = 0;
}

std::span<char> InputBuffer::room(std::size_t max) {
  if (end_ == bytes_.size() && begin_ > 0) {
    std::memmove(bytes_.data(), bytes_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == bytes_.size() && bytes_.size() < max)
    bytes_.resize(std::min(max, std::max(kFirstBufferBytes, bytes_.size() * 4)));
  return {bytes_.data() + end_, bytes_.size() - end_};
}

Channel::Channel(tcp::socket socket) : socket_(std::move(socket)), timer_(socket_.get_executor()) {}

void Channel::set_deadline(std::int64_t from_now_ms) {
  timed_out_ = false;
  due_ = std::chrono::steady_clock::now() + std::chrono::milliseconds(from_now_ms);
  // A timer that fires too early looks at due_ and goes on, so deadlines that move on cost nothing.
  if (due_ < armed_) arm(due_);
}

void Channel::arm(Instant at) {
  armed_ = at;
  timer_.expires_at(at);
  timer_.async_wait([weak = weak_from_this()](boost::system::error_code error) {
    auto const self = weak.lock();
    if (error || !self) return;
    self->armed_ = Instant::max();
    if (self->due_ == Instant::max() || self->aborted_) return;
    if (std::chrono::steady_clock::now() < self->due_) return self->arm(self->due_);
    self->due_ = Instant::max();
    self->timed_out_ = true;
    self->wake();
  });
}

void Channel::abort() {
  aborted_ = true;
  close();
}

void Channel::wake() {
  boost::system::error_code ignored;
  if (waiting_ || timed_out_) socket_.cancel(ignored);
}

void Channel::close() {
  boost::system::error_code ignored;
  timer_.cancel();
  armed_ = Instant::max();
  socket_.close(ignored);
}

Task<bool> Channel::wait(Io need) {
  moved_ = 0;
  if (dead()) co_return false;
  boost::system::error_code error;
  auto const kind = need == Io::kWantWrite ? tcp::socket::wait_write : tcp::socket::wait_read;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  waiting_ = true;
  co_await socket_.async_wait(kind, token);
  waiting_ = false;
  co_return !error && !dead();
}

Task<bool> Channel::wait_for_wake() {
  if (dead()) co_return false;
  boost::system::error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  waiting_ = true;
  co_await socket_.async_wait(tcp::socket::wait_error, token);
  waiting_ = false;
  co_return error == asio::error::operation_aborted && !dead();
}

Task<Io> Channel::handshake() {
  for (;;) {
    if (dead()) co_return Io::kClosed;
    auto const step = transport_->handshake();
    if (step != Io::kWantRead && step != Io::kWantWrite) co_return step;
    co_await wait(step);
  }
}

// A peer that sends as fast as we read would keep the loop to itself.
Task<void> Channel::let_others_go_on() {
  moved_ = 0;
  co_await asio::post(socket_.get_executor(), asio::use_awaitable);
}

Task<Io> Channel::read_more(std::size_t max) {
  if (moved_ >= kTurnBytes) {
    co_await let_others_go_on();
  }
  for (;;) {
    if (dead()) co_return Io::kClosed;
    auto const room = input_.room(max);
    if (room.empty()) co_return Io::kFailed;
    std::size_t got = 0;
    auto const step = transport_->read_some(room, got);
    if (step == Io::kDone) input_.commit(got);
    moved_ += got;
    if (step != Io::kWantRead && step != Io::kWantWrite) co_return step;
    co_await wait(step);
  }
}

Task<Io> Channel::write_all(std::string_view first, std::string_view second) {
  while (!first.empty() || !second.empty()) {
    if (dead()) co_return Io::kClosed;
    std::size_t put = 0;
    auto const step = transport_->write_some(first, second, put);
    if (step == Io::kDone) {
      auto const of_first = std::min(put, first.size());
      first.remove_prefix(of_first);
      second.remove_prefix(put - of_first);
      moved_ += put;
      if (moved_ >= kTurnBytes) {
        co_await let_others_go_on();
      }
    } else if (step == Io::kWantRead || step == Io::kWantWrite) {
      co_await wait(step);
    } else {
      co_return step;
    }
  }
  co_return Io::kDone;
}

Task<void> Channel::linger() {
  if (!dead() && transport_) {
    set_deadline(kLingerMs);
    transport_->shut_down();
    boost::system::error_code ignored;
    socket_.shutdown(tcp::socket::shutdown_send, ignored);
    char waste[4096];
    std::size_t total = 0;
    while (total < kLingerBytesMax) {
      // Below TLS: what still comes is not even looked at.
      auto const n = ::recv(socket_.native_handle(), waste, sizeof waste, MSG_DONTWAIT);
      if (n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)) break;
      if (n > 0) {
        total += static_cast<std::size_t>(n);
        continue;
      }
      auto const ready = co_await wait(Io::kWantRead);
      if (!ready) break;
    }
  }
  close();
}

}  // namespace amic::net
