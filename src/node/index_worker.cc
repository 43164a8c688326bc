#include "node/index_worker.h"

#include <malloc.h>

#include <chrono>

#include "obs/log.h"

namespace amic::node {

namespace {
constexpr std::size_t kRecordsPerRound = 2000;
constexpr std::chrono::seconds kRetryAfterFailure{5};
constexpr std::chrono::seconds kTrimAfterQuiet{2};
constexpr std::chrono::seconds kFulfilAgainAfter{1};
}  // namespace

IndexWorker::IndexWorker(exchange::Exchange const& exchange, store::Store& store,
                         exchange::Operations& operations,
                         std::function<void(std::uint64_t)> on_applied)
    : store_(store),
      exchange_(exchange),
      feeder_(std::in_place, exchange, store),
      operations_(operations),
      on_applied_(std::move(on_applied)) {
  if (auto const watermark = store_.watermark()) applied_seq_ = *watermark;
  if (auto const size = store_.log_size()) log_size_ = *size;
  thread_ = std::thread([this] { run(); });
}

IndexWorker::~IndexWorker() {
  {
    std::lock_guard const lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void IndexWorker::log_grew(std::uint64_t log_size) {
  {
    std::lock_guard const lock(mutex_);
    log_size_ = std::max(log_size_, log_size);
  }
  wake_.notify_one();
}

void IndexWorker::rebuild() {
  {
    std::lock_guard const lock(mutex_);
    rebuild_ = true;
  }
  wake_.notify_one();
}

bool IndexWorker::reset() {
  auto const done = store_.reset_index();
  if (!done) obs::log(obs::Level::kError, "node.index_reset", {{"error", done.error().text()}});
  if (!done) return false;
  feeder_.emplace(exchange_, store_);  // forgets what it knew of the old one
  applied_seq_ = 0;
  return true;
}

std::optional<Error> IndexWorker::failure() const {
  std::lock_guard const lock(mutex_);
  return failure_;
}

void IndexWorker::run() {
  bool trim = true;
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (std::exchange(rebuild_, false)) {
      lock.unlock();
      bool const done = reset();
      lock.lock();
      rebuild_ = rebuild_ || !done;
      if (!done) wake_.wait_for(lock, kRetryAfterFailure, [this] { return stopping_; });
      continue;
    }
    if (applied_seq_.load() >= log_size_) {
      auto const called = [this] {
        return stopping_ || rebuild_ || applied_seq_.load() < log_size_;
      };
      if (unfulfilled_) {
        lock.unlock();
        fulfil();
        lock.lock();
        // A reply that is on its way to the log wakes the worker; a busy disk does not.
        if (unfulfilled_) wake_.wait_for(lock, kFulfilAgainAfter, called);
        continue;
      }
      if (trim && !wake_.wait_for(lock, kTrimAfterQuiet, called)) {
        // A large item leaves the heap with tens of MiB that are free but still ours.
        trim = false;
        lock.unlock();
        ::malloc_trim(0);
        lock.lock();
      } else {
        wake_.wait(lock, called);
      }
      continue;
    }
    lock.unlock();
    work_once();
    lock.lock();
    unfulfilled_ = true;
    trim = true;
    // A full disk may get room again: the index is derived, so trying again is always safe.
    if (failure_) wake_.wait_for(lock, kRetryAfterFailure, [this] { return stopping_; });
  }
}

void IndexWorker::stop_fulfilling() {
  std::lock_guard const lock(fulfil_mutex_);
  fulfils_ = false;
}

void IndexWorker::fulfil() {
  std::lock_guard const lock(fulfil_mutex_);
  if (!fulfils_) {
    unfulfilled_ = false;
    return;
  }
  auto const left = operations_.work();
  if (!left) obs::log(obs::Level::kError, "node.recall_failed", {{"error", left.error().text()}});
  unfulfilled_ = !left || *left > 0;
}

void IndexWorker::work_once() {
  auto applied = feeder_->catch_up(kRecordsPerRound);
  auto watermark = applied ? store_.watermark() : fail(applied.error());
  {
    std::lock_guard const lock(mutex_);
    failure_.reset();
    if (!watermark)
      failure_ = watermark.error();
    else
      applied_seq_ = *watermark;
  }
  if (watermark) on_applied_(*watermark);
}

}  // namespace amic::node
