#include "link/turns.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <string>
#include <vector>

namespace amic::link {
namespace {

TEST(Turns, AnotherPeersWorkWaitsForOnePieceAtMost) {
  std::string order;
  {
    std::promise<void> go, last;
    net::WorkerPool pool(1, 100);
    pool.try_post([&] { go.get_future().wait(); });
    auto const greedy = std::make_shared<Turns>(pool);
    auto const modest = std::make_shared<Turns>(pool);
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(greedy->try_post([&] { order += 'g'; }));
    EXPECT_TRUE(greedy->try_post([&] { last.set_value(); }));
    EXPECT_TRUE(modest->try_post([&] { order += 'm'; }));
    go.set_value();
    last.get_future().wait();  // a pool that ends takes no more
  }
  EXPECT_EQ(order, "gmgggg");
}

TEST(Turns, OnePieceOfAPeerRunsAtATimeAndInOrder) {
  std::vector<int> done;
  std::atomic<int> running{0};
  std::atomic<bool> alone{true};
  {
    net::WorkerPool pool(4, 100);
    auto const turns = std::make_shared<Turns>(pool);
    for (int i = 0; i < 200; ++i)
      EXPECT_TRUE(turns->try_post([&, i] {
        if (++running != 1) alone = false;
        done.push_back(i);
        --running;
      }));
  }
  EXPECT_TRUE(alone);
  ASSERT_EQ(done.size(), 200u);
  for (int i = 0; i < 200; ++i) EXPECT_EQ(done[static_cast<std::size_t>(i)], i);
}

TEST(Turns, AFullPoolIsSaidAndWhatWasTakenIsDone) {
  int done = 0;
  {
    std::promise<void> begun, go;
    net::WorkerPool pool(1, 1);
    pool.try_post([&] {
      begun.set_value();
      go.get_future().wait();
    });
    begun.get_future().wait();
    auto const turns = std::make_shared<Turns>(pool);
    EXPECT_TRUE(turns->try_post([&] { ++done; }));
    EXPECT_TRUE(turns->try_post([&] { ++done; }));
    auto const other = std::make_shared<Turns>(pool);
    EXPECT_FALSE(other->try_post([&] { done += 100; }));
    go.set_value();
  }
  EXPECT_EQ(done, 2);
}

}  // namespace
}  // namespace amic::link
