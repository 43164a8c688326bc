#include "net/handshake_gate.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <boost/asio/ip/address.hpp>
#include <vector>

namespace amic::net {
namespace {

constexpr HandshakeGate::Limits kLimits{
    .unfinished_per_address_max = 4, .bad_per_second = 10, .bad_at_once = 2, .addresses_max = 3};
constexpr std::int64_t kStartMs = 1'000'000;

std::shared_ptr<HandshakeGate> make_gate() {
  return std::make_shared<HandshakeGate>(kLimits);
}

// Begins at once and ends badly; false if it had to wait.
bool bad_one(HandshakeGate& gate, std::string const& from, std::int64_t now_ms) {
  auto const place = gate.enter(from, now_ms);
  if (!place || place->wait_ms() > 0) return false;
  place->begin();
  return true;
}

TEST(HandshakeGate, GoodHandshakesCostNothing) {
  auto const gate = make_gate();
  for (int i = 0; i < 1000; ++i) {
    auto const place = gate->enter("a", kStartMs);
    ASSERT_TRUE(place);
    EXPECT_EQ(place->wait_ms(), 0);
    place->begin();
    place->good();
  }
}

TEST(HandshakeGate, AnAddressInDebtWaitsAndNoOther) {
  auto const gate = make_gate();
  EXPECT_TRUE(bad_one(*gate, "a", kStartMs));
  EXPECT_TRUE(bad_one(*gate, "a", kStartMs));
  auto const first = gate->enter("a", kStartMs);
  auto const second = gate->enter("a", kStartMs);
  EXPECT_EQ(first->wait_ms(), 100);
  EXPECT_EQ(second->wait_ms(), 200);  // one after the other
  EXPECT_EQ(gate->enter("b", kStartMs)->wait_ms(), 0);
  EXPECT_TRUE(bad_one(*gate, "b", kStartMs));
}

TEST(HandshakeGate, WhoGivesUpWhileWaitingIsNotCharged) {
  auto const gate = make_gate();
  bad_one(*gate, "a", kStartMs);
  bad_one(*gate, "a", kStartMs);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(gate->enter("a", kStartMs)->wait_ms(), 100);
  EXPECT_TRUE(bad_one(*gate, "a", kStartMs + 100));
}

TEST(HandshakeGate, BoundsTheUnfinishedOfAnAddress) {
  auto const gate = make_gate();
  std::vector<std::unique_ptr<HandshakeGate::Place>> open;
  for (int i = 0; i < 4; ++i) open.push_back(gate->enter("a", kStartMs));
  EXPECT_TRUE(open.back());
  EXPECT_FALSE(gate->enter("a", kStartMs));
  EXPECT_TRUE(gate->enter("b", kStartMs));
  open.pop_back();
  EXPECT_TRUE(gate->enter("a", kStartMs));
}

TEST(HandshakeGate, BeyondTheAddressesThatItKnowsAllShareOneAccount) {
  auto const gate = make_gate();
  for (auto const* from : {"a", "b", "c"}) EXPECT_TRUE(bad_one(*gate, from, kStartMs));
  EXPECT_TRUE(bad_one(*gate, "d", kStartMs));
  EXPECT_TRUE(bad_one(*gate, "e", kStartMs));
  EXPECT_FALSE(bad_one(*gate, "f", kStartMs));
  // Those that have nothing to pay any more are forgotten.
  EXPECT_TRUE(bad_one(*gate, "g", kStartMs + 60'000));
  EXPECT_TRUE(bad_one(*gate, "h", kStartMs + 60'000));
}

RC_GTEST_PROP(HandshakeGate, BadOnesNeverExceedTheRate, (std::vector<std::uint8_t> const& steps)) {
  auto const gate = make_gate();
  std::int64_t now_ms = kStartMs;
  double begun = 0;
  for (std::uint8_t const step : steps) {
    now_ms += step;
    begun += bad_one(*gate, "a", now_ms);
  }
  double const most =
      kLimits.bad_at_once + static_cast<double>(now_ms - kStartMs) * kLimits.bad_per_second / 1000;
  RC_ASSERT(begun <= most + 1e-6);
}

TEST(AddressGroup, IsTheAddressOrTheNetworkOfOneCustomer) {
  using boost::asio::ip::make_address;
  EXPECT_EQ(address_group(make_address("192.0.2.1")), "192.0.2.1");
  EXPECT_NE(address_group(make_address("192.0.2.2")), "192.0.2.1");
  EXPECT_EQ(address_group(make_address("::ffff:192.0.2.1")), "192.0.2.1");
  auto const group = address_group(make_address("2001:db8:0:1::1"));
  EXPECT_EQ(group, address_group(make_address("2001:db8:0:1:ffff::2")));
  EXPECT_NE(group, address_group(make_address("2001:db8:0:2::1")));
}

}  // namespace
}  // namespace amic::net
