// A connected socket with its transport, input buffer and one deadline, on one loop. Used by the
// server's and the client's coroutines. Internal to net. Everything runs on the loop's thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>

#include "net/tls.h"

// g++ 12 pairs Asio's own coroutine allocator with the wrong deleter in this warning.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace amic::net {

using Instant = std::chrono::steady_clock::time_point;
template <class T>
using Task = boost::asio::awaitable<T>;

// Bytes read and not yet parsed.
class InputBuffer {
 public:
  std::string_view view() const { return std::string_view(bytes_).substr(begin_, end_ - begin_); }
  bool empty() const { return begin_ == end_; }
  std::size_t size() const { return end_ - begin_; }
  void consume(std::size_t n);
  // Room for at least one byte as long as fewer than `max` are held; empty if not.
  std::span<char> room(std::size_t max);
  void commit(std::size_t n) { end_ += n; }

 private:
  std::string bytes_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

class Channel : public std::enable_shared_from_this<Channel> {
 public:
  explicit Channel(boost::asio::ip::tcp::socket socket);

  boost::asio::ip::tcp::socket& socket() { return socket_; }
  void use(std::unique_ptr<Transport> transport) { transport_ = std::move(transport); }
  Transport& transport() { return *transport_; }
  InputBuffer& input() { return input_; }

  // When it passes, waits end and dead() is true. A new deadline revives a timed-out channel.
  void set_deadline(std::int64_t from_now_ms);
  void clear_deadline() { due_ = Instant::max(); }
  bool timed_out() const { return timed_out_; }

  // Ends what is waiting, for good.
  void abort();
  bool dead() const { return aborted_ || timed_out_; }

  // Ends a wait that is under way (it returns false) without harm.
  void wake();

  // Waits until the socket is ready. False if woken or dead: ask.
  Task<bool> wait(Io need);
  // Waits for wake(), abort, the deadline, or the peer's reset. False in the last three cases.
  Task<bool> wait_for_wake();

  // These return kDone, kClosed (or dead) or kFailed.
  Task<Io> handshake();
  Task<Io> read_more(std::size_t max);  // into input(); kFailed if it is full
  Task<Io> write_all(std::string_view first, std::string_view second);
  // Says goodbye and reads for a short while what the peer still sends, so that a last answer isn't
  // destroyed by a reset. Then the socket is closed.
  Task<void> linger();
  void close();

 private:
  void arm(Instant at);
  Task<void> let_others_go_on();

  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer timer_;
  std::unique_ptr<Transport> transport_;
  InputBuffer input_;
  Instant due_ = Instant::max();
  Instant armed_ = Instant::max();
  bool timed_out_ = false;
  bool aborted_ = false;
  bool waiting_ = false;
  std::size_t moved_ = 0;  // bytes since the last wait
};

}  // namespace amic::net
