#include "net/runtime.h"

#include <signal.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <condition_variable>
#include <utility>

#include "base/check.h"
#include "net/loop.h"

namespace amic::net {
namespace asio = boost::asio;
namespace {

thread_local Loop const* current_loop = nullptr;

// OpenSSL writes to sockets without MSG_NOSIGNAL. Blocked in our threads only, so that the process
// keeps its own idea of SIGPIPE.
void block_sigpipe() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

// Work of on_each_loop: each part runs once, wherever somebody gets to it first.
struct Round {
  Round(std::size_t parts, std::function<void(std::size_t)> call)
      : fn(std::move(call)), taken(parts) {}

  void run(std::size_t i) {
    if (taken[i].exchange(true)) return;
    fn(i);
    std::lock_guard const lock(mutex);
    ++done;
    all.notify_all();
  }

  std::function<void(std::size_t)> fn;
  std::vector<std::atomic<bool>> taken;
  std::mutex mutex;
  std::condition_variable all;
  std::size_t done = 0;
};

class LoopTimer final : public Runtime::Timer {
 public:
  // What the waiting handler and the token share. The timer itself belongs to the handler, so that
  // it dies with the loop at the latest.
  struct State {
    std::mutex mutex;
    std::function<void()> work;
    std::weak_ptr<asio::steady_timer> timer;

    std::function<void()> take() {
      std::lock_guard const lock(mutex);
      return std::exchange(work, nullptr);
    }
  };

  LoopTimer(std::shared_ptr<Loop> loop, std::shared_ptr<State> state)
      : loop_(std::move(loop)), state_(std::move(state)) {}
  ~LoopTimer() override { cancel(); }

  void cancel() override {
    if (!state_->take()) return;  // has run, or is cancelled
    loop_->post([state = state_] {
      if (auto const timer = state->timer.lock()) timer->cancel();
    });
  }

 private:
  std::shared_ptr<Loop> loop_;
  std::shared_ptr<State> state_;
};

}  // namespace

bool Loop::post(std::function<void()> work) {
  std::lock_guard const lock(mutex_);
  if (!io_) return false;
  asio::post(*io_, std::move(work));
  return true;
}

bool Loop::is_current() const {
  return current_loop == this;
}

Runtime::Impl::Impl(int threads) {
  CHECK(threads > 0);
  for (int i = 0; i < threads; ++i) loops.push_back(std::make_shared<Loop>());
}

Runtime::Impl::~Impl() {
  stop();
  join();
  for (auto& loop : loops) {
    std::unique_ptr<asio::io_context> dying;
    {
      std::lock_guard const lock(loop->mutex_);
      // Whoever runs in the destructors below must find the loop closed, not half dead.
      dying = std::move(loop->io_);
    }
    dying.reset();
  }
}

void Runtime::Impl::start() {
  if (started_.exchange(true)) return;
  std::lock_guard const lock(join_mutex_);
  for (auto const& loop : loops) {
    threads_.emplace_back([loop] {
      block_sigpipe();
      current_loop = loop.get();
      auto const guard = asio::make_work_guard(*loop->io_);
      loop->io_->run();
    });
  }
}

void Runtime::Impl::stop() {
  stopped_ = true;
  for (auto const& loop : loops) loop->io_->stop();
  if (!on_own_thread()) join();
}

void Runtime::Impl::join() {
  std::lock_guard const lock(join_mutex_);
  for (auto& thread : threads_) thread.join();
  threads_.clear();
}

bool Runtime::Impl::on_own_thread() const {
  for (auto const& loop : loops)
    if (loop->is_current()) return true;
  return false;
}

std::shared_ptr<Loop> const& Runtime::Impl::next_loop() {
  return loops[next_++ % loops.size()];
}

void Runtime::Impl::on_each_loop(std::function<void(std::size_t)> fn) {
  auto const round = std::make_shared<Round>(loops.size(), std::move(fn));
  bool const running = started_ && !stopped_;
  bool const inside = on_own_thread();
  for (std::size_t i = 0; i < loops.size(); ++i) {
    if (loops[i]->is_current()) {
      round->run(i);
    } else if (running) {
      loops[i]->post([round, i] { round->run(i); });
    }
  }
  if (inside) return;
  std::unique_lock lock(round->mutex);
  while (round->done < loops.size()) {
    if (started_ && !stopped_) {
      round->all.wait_for(lock, std::chrono::milliseconds(20));
      continue;
    }
    lock.unlock();
    join();  // stopped: once no thread runs, the rest is ours
    for (std::size_t i = 0; i < loops.size(); ++i) round->run(i);
    lock.lock();
  }
}

Runtime::Runtime(int threads) : impl_(std::make_unique<Impl>(threads)) {}
Runtime::~Runtime() = default;
void Runtime::start() {
  impl_->start();
}
void Runtime::stop() {
  impl_->stop();
}
void Runtime::post(std::function<void()> work) {
  impl_->next_loop()->post(std::move(work));
}

std::int64_t Runtime::now_us() {
  auto const since = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(since).count();
}

std::shared_ptr<Runtime::Timer> Runtime::after(std::int64_t delay_ms, std::function<void()> work) {
  auto const loop = impl_->next_loop();
  auto const timer = std::make_shared<asio::steady_timer>(loop->io());
  auto const state = std::make_shared<LoopTimer::State>();
  state->work = std::move(work);
  state->timer = timer;
  auto const due = std::chrono::steady_clock::now() + std::chrono::milliseconds(delay_ms);
  // Armed on the loop, since a timer isn't thread-safe; the handler keeps it alive.
  loop->post([timer, state, due] {
    timer->expires_at(due);
    timer->async_wait([timer, state](boost::system::error_code error) {
      if (error) return;
      if (auto const run = state->take()) run();
    });
  });
  return std::make_shared<LoopTimer>(loop, state);
}

void Runtime::on_signal(std::vector<int> signals, std::function<void(int)> work) {
  auto const set = std::make_shared<asio::signal_set>(impl_->loops[0]->io());
  for (int const signal : signals) {
    boost::system::error_code error;
    set->add(signal, error);
    CHECK(!error);
  }
  set->async_wait([set, work = std::move(work)](boost::system::error_code error, int signal) {
    if (!error) work(signal);
  });
}

}  // namespace amic::net
