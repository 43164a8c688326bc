// When a connection may begin its TLS handshake, which costs a signature and a key exchange before
// the server knows who is there. By remote address, since nothing else is known by then. Internal
// to net; any thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace boost::asio::ip {
class address;
}

namespace amic::net {

// Fills at `per_second` up to `most`; may be overdrawn.
class RateBucket {
 public:
  RateBucket(double per_second, double most) : per_second_(per_second), most_(most), left_(most) {}
  void refill(std::int64_t now_ms);
  void charge() { left_ -= 1; }
  double left() const { return left_; }
  bool full() const { return left_ >= most_; }
  std::int64_t ms_until(double wanted) const;

 private:
  double per_second_, most_, left_;
  std::int64_t at_ms_ = 0;
};

// An IPv4 address, or the first 64 bits of an IPv6 address: what one customer is given.
std::string address_group(boost::asio::ip::address const& address);

// Handshakes that come to nothing are charged to their address. While an address is in debt, its
// new connections wait unread, and one of them begins each time that its bucket has another place.
// Good ones cost nothing, so that members behind one address don't wait for each other.
class HandshakeGate : public std::enable_shared_from_this<HandshakeGate> {
 public:
  struct Limits {
    std::size_t unfinished_per_address_max;
    double bad_per_second;  // of one address
    double bad_at_once;
    std::size_t addresses_max;  // known at once; the rest share one account
  };
  explicit HandshakeGate(Limits limits) : limits_(limits) {}

  // A connection that has not finished its handshake. What it ends as must be said with good();
  // any other end is charged.
  class Place {
   public:
    Place(std::shared_ptr<HandshakeGate> gate, std::string group, std::int64_t wait_ms)
        : gate_(std::move(gate)), group_(std::move(group)), wait_ms_(wait_ms) {}
    ~Place() { gate_->leave(*this); }
    Place(Place const&) = delete;
    Place& operator=(Place const&) = delete;
    std::int64_t wait_ms() const { return wait_ms_; }  // before the handshake may begin
    void begin() { gate_->begin(*this); }              // that time is over
    void good() { good_ = true; }

   private:
    friend class HandshakeGate;
    std::shared_ptr<HandshakeGate> gate_;
    std::string group_;
    std::int64_t wait_ms_;
    bool held_ = false;
    bool good_ = false;
    bool begun_ = false;
  };
  // Null: the address has too many unfinished ones.
  std::unique_ptr<Place> enter(std::string group, std::int64_t now_ms);

 private:
  struct Account {
    RateBucket bucket;
    std::size_t unfinished = 0;
    std::size_t held = 0;
  };
  void begin(Place& place);
  void leave(Place& place);
  Account& account_of(std::string& group, std::int64_t now_ms);

  Limits const limits_;
  std::mutex mutex_;
  std::map<std::string, Account> accounts_;
};

}  // namespace amic::net
