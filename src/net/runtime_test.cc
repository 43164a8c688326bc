#include "net/runtime.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <future>
#include <thread>

#include "net/test_support.h"

namespace amic::net {
namespace {

TEST(Runtime, RunsWhatIsPostedAndTimers) {
  Runtime runtime(2);
  Tally posted;
  runtime.post([&] { posted.add(); });  // before start: waits for it
  runtime.start();
  for (int i = 0; i < 100; ++i) runtime.post([&] { posted.add(); });
  posted.wait_for(101);
  Tally fired;
  auto const timer = runtime.after(1, [&] { fired.add(); });
  fired.wait_for(1);
  timer->cancel();  // too late, harmless
}

TEST(Runtime, ACancelledOrDroppedTimerDoesNotFire) {
  Tally fired;
  auto const held = std::make_shared<int>(7);
  Tally done;
  {
    Runtime runtime(1);
    runtime.start();
    auto const kept = runtime.after(1, [&, held] { fired.add(); });
    kept->cancel();
    runtime.after(1, [&, held] { fired.add(); }).reset();
    auto const later = runtime.after(20, [&] { done.add(); });
    done.wait_for(1);
    EXPECT_EQ(held.use_count(), 1);  // what a cancelled timer held is gone
  }
  EXPECT_EQ(fired.count(), 0);
}

TEST(Runtime, TokensMayOutliveIt) {
  std::shared_ptr<Runtime::Timer> timer;
  {
    Runtime runtime(1);
    timer = runtime.after(1'000'000, [] { FAIL(); });
    runtime.start();
  }
  timer->cancel();
}

TEST(Runtime, StopIsIdempotentAndMayComeFromInside) {
  Runtime runtime(2);
  runtime.start();
  Tally stopped;
  runtime.post([&] {
    runtime.stop();
    stopped.add();
  });
  stopped.wait_for(1);
  runtime.stop();
  runtime.stop();
}

TEST(Runtime, TellsOfTheFirstSignal) {
  Runtime runtime(1);
  std::promise<int> seen;
  runtime.on_signal({SIGUSR1, SIGUSR2}, [&](int signal) { seen.set_value(signal); });
  runtime.start();
  raise(SIGUSR2);
  EXPECT_EQ(seen.get_future().get(), SIGUSR2);
}

TEST(WorkerPool, RefusesBeyondItsQueueAndFinishesWhatItTook) {
  Tally ran;
  std::promise<void> gate;
  auto const open = gate.get_future().share();
  {
    WorkerPool pool(1, 2);
    Tally started;
    ASSERT_TRUE(pool.try_post([&, open] {
      started.add();
      open.wait();
      ran.add();
    }));
    started.wait_for(1);  // it has left the queue
    EXPECT_TRUE(pool.try_post([&] { ran.add(); }));
    EXPECT_TRUE(pool.try_post([&] { ran.add(); }));
    EXPECT_EQ(pool.queued(), 2u);
    EXPECT_FALSE(pool.try_post([&] { ran.add(); }));
    gate.set_value();
  }
  EXPECT_EQ(ran.count(), 3);
}

TEST(WorkerPool, RunsOnAllItsThreads) {
  WorkerPool pool(3, 10);
  Tally inside;
  std::promise<void> gate;
  auto const open = gate.get_future().share();
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(pool.try_post([&, open] {
      inside.add();
      open.wait();
    }));
  inside.wait_for(3);  // only if three run at once
  gate.set_value();
}

}  // namespace
}  // namespace amic::net
