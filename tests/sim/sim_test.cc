// The simulation itself: that a seed means one history, that it reaches what it is for, and that it
// finds bugs that were planted. The many histories are run by the program `sim`.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "history.h"

namespace amic::sim {
namespace {

TEST(Sim, TheSameSeedIsTheSameHistoryToTheByte) {
  std::set<std::string> stories;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Outcome const first = run_history({.seed = seed});
    run_history({.seed = seed + 1000});  // what ran before changes nothing
    Outcome const second = run_history({.seed = seed});
    EXPECT_TRUE(first.ok) << seed << ": " << first.violation;
    EXPECT_EQ(first.digest, second.digest) << seed;
    EXPECT_EQ(first.events, second.events) << seed;
    stories.insert(first.digest);
  }
  EXPECT_EQ(stories.size(), 10U);
}

TEST(Sim, TheWeatherIsRough) {
  Outcome sum;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Outcome const one = run_history({.seed = seed});
    ASSERT_TRUE(one.ok) << seed << ": " << one.violation;
    sum.operations += one.operations;
    sum.destroyed += one.destroyed;
    sum.groups += one.groups;
    sum.relayed += one.relayed;
    sum.carried += one.carried;
    sum.rotten += one.rotten;
    sum.accepted += one.accepted;
    sum.refused += one.refused;
    sum.delivered += one.delivered;
    sum.crashes += one.crashes;
    sum.quarantined += one.quarantined;
  }
  EXPECT_GT(sum.accepted, 100U);
  EXPECT_GT(sum.refused, 30U);
  EXPECT_GT(sum.delivered, 2 * sum.accepted);
  EXPECT_GT(sum.crashes, 30U);
  EXPECT_GT(sum.quarantined, 10U);
  EXPECT_GT(sum.operations, 50U);
  EXPECT_GT(sum.destroyed, 20U);
  EXPECT_GT(sum.groups, 20U);
  EXPECT_GT(sum.relayed, 10U);
  EXPECT_GT(sum.carried, 5U);
  EXPECT_GE(sum.rotten, 1U);
}

TEST(Sim, HoldsForTwoMembersAndForEleven) {
  for (std::size_t const members : {std::size_t{2}, std::size_t{11}})
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      Outcome const one = run_history({.seed = seed, .members = members});
      EXPECT_TRUE(one.ok) << members << " members, seed " << seed << ": " << one.violation;
    }
}

class PlantedBug : public testing::TestWithParam<MutantInfo> {};

// tests/sim/planted_bugs.md has the seeds.
TEST_P(PlantedBug, IsFound) {
  constexpr std::uint64_t kHistoriesMax = 600;
  for (std::uint64_t seed = 1; seed <= kHistoriesMax; ++seed) {
    Outcome const one = run_history({.seed = seed, .mutant = GetParam().mutant});
    if (one.ok) continue;
    std::printf("%s: seed %llu: %s\n", GetParam().name.data(),
                static_cast<unsigned long long>(seed), one.violation.c_str());
    return;
  }
  FAIL() << "not found in " << kHistoriesMax << " histories";
}

INSTANTIATE_TEST_SUITE_P(All, PlantedBug, testing::ValuesIn(all_mutants()), [](auto const& bug) {
  std::string name(bug.param.name);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace amic::sim
