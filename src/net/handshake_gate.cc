#include "net/handshake_gate.h"

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <cmath>
#include <utility>

namespace amic::net {

void RateBucket::refill(std::int64_t now_ms) {
  if (now_ms <= at_ms_) return;
  left_ = std::min(most_, left_ + static_cast<double>(now_ms - at_ms_) * per_second_ / 1000);
  at_ms_ = now_ms;
}

std::int64_t RateBucket::ms_until(double wanted) const {
  if (left_ >= wanted) return 0;
  return static_cast<std::int64_t>(std::ceil((wanted - left_) * 1000 / per_second_));
}

std::string address_group(boost::asio::ip::address const& address) {
  if (address.is_v4()) return address.to_string();
  auto const v6 = address.to_v6();
  auto const bytes = v6.to_bytes();
  // ::ffff:a.b.c.d is an IPv4 address on a socket for both.
  if (v6.is_v4_mapped())
    return boost::asio::ip::address_v4({bytes[12], bytes[13], bytes[14], bytes[15]}).to_string();
  return std::string(bytes.begin(), bytes.begin() + 8);
}

std::unique_ptr<HandshakeGate::Place> HandshakeGate::enter(std::string group, std::int64_t now_ms) {
  std::lock_guard const lock(mutex_);
  Account& account = account_of(group, now_ms);
  if (account.unfinished >= limits_.unfinished_per_address_max) return nullptr;
  account.bucket.refill(now_ms);
  ++account.unfinished;
  std::int64_t wait_ms = 0;
  // Those that wait already come first.
  if (account.bucket.left() < 1)
    wait_ms = account.bucket.ms_until(1 + static_cast<double>(account.held));
  auto place = std::make_unique<Place>(shared_from_this(), std::move(group), wait_ms);
  place->held_ = wait_ms > 0;
  if (place->held_) ++account.held;
  return place;
}

HandshakeGate::Account& HandshakeGate::account_of(std::string& group, std::int64_t now_ms) {
  auto found = accounts_.find(group);
  if (found == accounts_.end() && accounts_.size() >= limits_.addresses_max) {
    for (auto& [key, account] : accounts_) account.bucket.refill(now_ms);
    std::erase_if(accounts_, [](auto const& entry) {
      return entry.second.unfinished == 0 && entry.second.bucket.full();
    });
    if (accounts_.size() >= limits_.addresses_max) group = {};
    found = accounts_.find(group);
  }
  if (found != accounts_.end()) return found->second;
  RateBucket const bucket(limits_.bad_per_second, limits_.bad_at_once);
  return accounts_.emplace(group, Account{bucket}).first->second;
}

void HandshakeGate::begin(Place& place) {
  std::lock_guard const lock(mutex_);
  if (std::exchange(place.held_, false)) --accounts_.at(place.group_).held;
  place.begun_ = true;
}

void HandshakeGate::leave(Place& place) {
  std::lock_guard const lock(mutex_);
  Account& account = accounts_.at(place.group_);
  if (place.held_) --account.held;
  --account.unfinished;
  // One that left while it waited has cost nothing.
  if (place.begun_ && !place.good_) account.bucket.charge();
}

}  // namespace amic::net
