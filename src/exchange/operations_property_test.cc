// Random histories of operations: whatever comes first, all entitled nodes see the same.
#include <gtest/gtest.h>

#include "exchange/operations_testing.h"

namespace amic::exchange {
namespace {

using namespace testing;
using store::ItemState;

struct History {
  SeededRandom dice;
  World world;
  struct Shared {
    std::string by;
    EnvelopeId id;
    std::set<std::string> to;
  };
  std::vector<Shared> items;
  static constexpr char const* kMembers[] = {"BN", "MY", "SG"};

  explicit History(std::uint64_t seed) : dice(seed), world({"BN", "MY", "SG"}, seed) {}
  std::string pick() { return kMembers[dice.below(3)]; }
  Precedence precedence() { return static_cast<Precedence>(dice.below(4)); }

  void share() {
    Shared shared{pick(), {}, {}};
    for (auto const* id : kMembers)
      if (id != shared.by && dice.below(3) > 0) shared.to.insert(id);
    if (shared.to.empty()) return;
    std::vector<std::string> objects;
    for (auto left = 1 + dice.below(3); left > 0; --left)
      objects.push_back(note(static_cast<unsigned>(dice.below(4)), dice.below(2) ? kOne : kTwo,
                             dice.below(3) ? "same" : "other"));
    auto request =
        share_request({shared.to.begin(), shared.to.end()}, bundle(objects), precedence());
    shared.id = must(world.node(shared.by).share(std::move(request))).id;
    items.push_back(std::move(shared));
  }
  void operate() {
    if (items.empty()) return;
    auto const& item = items[dice.below(items.size())];
    OperateRequest request;
    request.item = item.id;
    request.kind = static_cast<OperationKind>(1 + dice.below(5));
    request.precedence = precedence();
    request.to = {member(*item.to.begin())};
    request.marking = marking::Marking();
    request.marking->classification = static_cast<marking::Classification>(dice.below(4));
    static_cast<void>(world.operate(item.by, std::move(request)));  // some are refused
  }
  void step() {
    auto const kind = dice.below(10);
    if (kind < 3) return share();
    if (kind < 5) return operate();
    world.community.clock.advance(static_cast<std::int64_t>(dice.below(5)));
    auto const a = pick(), b = pick();
    if (kind < 8) {
      // One batch, so that lanes overtake each other and receivers see parts.
      if (a == b) return;
      auto const batch = must(world.node(a).exchange().next_batch(member(b)));
      if (batch)
        must(world.node(a).on_receipt(member(b), must(world.node(b).accept(member(a), *batch))));
    } else if (kind == 8) {
      world.work(a);
    } else {
      world.restart(a);
    }
  }
  void check() {
    world.settle();
    std::vector<std::vector<std::string>> const sets = {
        {"BN", "MY"}, {"BN", "SG"}, {"MY", "SG"}, {"BN", "MY", "SG"}};
    for (auto const& set : sets)
      for (auto const& id : set)
        EXPECT_EQ(world.visible(id, set).digest, world.visible(set[0], set).digest) << id;
    for (auto const& item : items) {
      auto const mine = world.item(item.by, item.id);
      EXPECT_EQ(mine.originator.str(), item.by);
      for (auto const& to : item.to) {
        auto const theirs = world.item(to, item.id);
        EXPECT_EQ(theirs.originator.str(), item.by);
        if (theirs.state != ItemState::kRemoved) {
          EXPECT_EQ(theirs.state, mine.state);
        }
        EXPECT_EQ(must(world.node(to).store().log_find(item.id))->shredded,
                  theirs.state == ItemState::kRecalled || theirs.state == ItemState::kRemoved);
      }
    }
    for (auto const* id : kMembers) world.expect_rebuilt_the_same(id);
  }
};

TEST(OperationsProperty, WhateverComesFirstAllEntitledNodesSeeTheSame) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE(seed);
    History history(seed);
    for (int i = 0; i < 60; ++i) history.step();
    history.check();
    if (::testing::Test::HasFailure()) break;
  }
}

}  // namespace
}  // namespace amic::exchange
