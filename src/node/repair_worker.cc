#include "node/repair_worker.h"

#include <chrono>

namespace amic::node {

namespace {

constexpr std::chrono::milliseconds kPause{200};  // the peer was busy

// An answer that comes when nobody waits for it any more finds this and nothing else.
struct Waiting {
  std::mutex mutex;
  std::condition_variable came;
  std::optional<Result<Bytes>> answer;
};

}  // namespace

RepairWorker::RepairWorker(exchange::Repair& repair, Ask ask, obs::Metrics& metrics,
                           std::function<void()> on_stale_index)
    : repair_(repair),
      ask_(std::move(ask)),
      on_stale_index_(std::move(on_stale_index)),
      damaged_(metrics.gauge("amic_log_damaged_records",
                             "Records of the log known to be damaged: repair them.", {})),
      restored_(metrics.counter("amic_log_restored_records_total",
                                "Damaged records put back from what peers hold.", {})) {
  count();
  thread_ = std::thread([this] { run(); });
}

RepairWorker::~RepairWorker() {
  stop();
}

void RepairWorker::stop() {
  {
    std::lock_guard const lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void RepairWorker::count() {
  damaged_.set(static_cast<double>(repair_.damaged()));
}

Result<void> RepairWorker::start() {
  std::lock_guard const lock(mutex_);
  if (stopping_) return fail(Code::kUnavailable, "repair", "stopping");
  AMIC_TRY_VOID(repair_.start());
  wanted_ = true;
  wake_.notify_all();
  return {};
}

void RepairWorker::run() {
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return wanted_ || stopping_; });
      wanted_ = false;
      if (stopping_) return;
    }
    repair_once();
  }
}

void RepairWorker::repair_once() {
  std::uint64_t restored = 0;
  for (bool done = false; !done && !stopping_;) {
    auto step = repair_.step();
    done = step.done;
    if (step.pause) {
      std::unique_lock lock(mutex_);
      wake_.wait_for(lock, kPause, [this] { return stopping_.load(); });
    }
    if (step.ask && !stopping_) repair_.answered(ask(std::move(*step.ask)));
    auto const now = repair_.state().restored;
    restored_.add(now - restored);
    restored = now;
    count();
  }
  if (stopping_) repair_.cancel();
  if (repair_.state().index_stale && !stopping_) on_stale_index_();
}

Result<Bytes> RepairWorker::ask(exchange::Repair::Ask question) {
  auto const waiting = std::make_shared<Waiting>();
  ask_(std::move(question), [waiting](Result<Bytes> answer) {
    std::lock_guard const lock(waiting->mutex);
    waiting->answer = std::move(answer);
    waiting->came.notify_all();
  });
  std::unique_lock lock(waiting->mutex);
  // The link gives every question an end; a node that stops does not wait for it.
  while (!waiting->answer && !stopping_) waiting->came.wait_for(lock, kPause);
  if (!waiting->answer) return fail(Code::kUnavailable, "repair", "stopping");
  return *std::move(waiting->answer);
}

}  // namespace amic::node
