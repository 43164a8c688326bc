// For net's own tests: a blocking raw socket, keys, a runtime that runs.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>

#include "crypto/sign.h"
#include "net/http.h"

namespace amic::net {

constexpr std::int64_t kTestTimeoutMs = 60'000;  // only ever reached by a bug

// Counts up; wait_for(n) blocks until it is n or more.
class Tally {
 public:
  void add() {
    std::lock_guard const lock(mutex_);
    ++count_;
    changed_.notify_all();
  }
  void wait_for(int n) {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, std::chrono::milliseconds(kTestTimeoutMs),
                                  [&] { return count_ >= n; }));
  }
  int count() const {
    std::lock_guard const lock(mutex_);
    return count_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

class RawSocket {
 public:
  explicit RawSocket(std::uint16_t port, int receive_buffer = 0)
      : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_buffer > 0)
      setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    timeval const timeout{60, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&at), sizeof at) == 0;
  }
  explicit RawSocket(int accepted, std::nullptr_t) : fd_(accepted), connected_(true) {}
  ~RawSocket() { close(); }
  RawSocket(RawSocket const&) = delete;
  RawSocket& operator=(RawSocket const&) = delete;

  int fd() const { return fd_; }
  bool connected() const { return connected_; }
  bool send(std::string_view text) {
    while (!text.empty()) {
      auto const n = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  // One more piece; empty at the end.
  std::string receive() {
    char buffer[65536];
    auto const n = ::recv(fd_, buffer, sizeof buffer, 0);
    return n > 0 ? std::string(buffer, static_cast<std::size_t>(n)) : std::string();
  }
  std::string receive_until(std::string_view mark) {
    std::string all;
    while (all.find(mark) == std::string::npos) {
      auto const more = receive();
      if (more.empty()) break;
      all += more;
    }
    return all;
  }
  std::string receive_all() {
    std::string all;
    for (auto more = receive(); !more.empty(); more = receive()) all += more;
    return all;
  }
  void finish_sending() { ::shutdown(fd_, SHUT_WR); }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  // Closes with a reset instead of a good-bye.
  void reset() {
    linger const at_once{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close();
  }

 private:
  int fd_;
  bool connected_ = false;
};

// A listening socket of the test's own, to play a bad server.
class RawListener {
 public:
  RawListener() : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&at), size), 0);
    EXPECT_EQ(listen(fd_, 16), 0);
    getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(at.sin_port);
  }
  ~RawListener() { ::close(fd_); }
  RawListener(RawListener const&) = delete;
  RawListener& operator=(RawListener const&) = delete;
  std::uint16_t port() const { return port_; }
  std::unique_ptr<RawSocket> accept() {
    auto const fd = ::accept(fd_, nullptr, nullptr);
    timeval const timeout{60, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    return std::make_unique<RawSocket>(fd, nullptr);
  }

 private:
  int fd_;
  std::uint16_t port_ = 0;
};

struct TestKey {
  explicit TestKey(std::uint8_t fill) {
    identity.seed_32.assign(32, fill);
    auto const key = crypto::SigningKey::from_seed(identity.seed_32).value();
    public_key = *PublicKey32::from(key.verify_key().view());
  }
  KeyCheck only() const {
    return [expected = public_key](PublicKey32 const& key) { return key == expected; };
  }
  TlsIdentity identity;
  PublicKey32 public_key;
};

inline Response text_response(std::string body, int status = 200) {
  Response out;
  out.status = status;
  out.headers.emplace_back("content-type", "text/plain");
  out.body = std::move(body);
  return out;
}

inline Request request_for(std::string target, std::string body = {}) {
  Request out;
  out.method = body.empty() ? "GET" : "POST";
  out.target = std::move(target);
  out.body = std::move(body);
  return out;
}

// Echoes method, target and body.
inline void echo(Request request, Responder respond) {
  respond(text_response(request.method + " " + request.target + " " + request.body));
}

class NetTest : public testing::Test {
 protected:
  void SetUp() override { runtime_.start(); }
  std::unique_ptr<Server> serve(ServerOptions options, Handler handler) {
    auto server = Server::listen(runtime_, std::move(options), std::move(handler));
    EXPECT_TRUE(server) << server.error().text();
    return std::move(*server);
  }
  std::unique_ptr<Client> connect(ClientOptions options = {}) {
    auto client = Client::create(runtime_, std::move(options));
    EXPECT_TRUE(client) << client.error().text();
    return std::move(*client);
  }
  static Endpoint http(std::uint16_t port) { return {"http", "127.0.0.1", port}; }
  static Endpoint https(std::uint16_t port) { return {"https", "127.0.0.1", port}; }

  Runtime runtime_{2};
};

}  // namespace amic::net
