#include "node/governance_worker.h"

#include <chrono>

#include "obs/log.h"

namespace amic::node {

namespace {
// Deadlines of standing consents pass without anybody calling; a full disk gets room again.
constexpr std::chrono::seconds kTick{1};
}  // namespace

GovernanceWorker::GovernanceWorker(governance::Delegation& delegation,
                                   std::function<void()> on_head)
    : delegation_(delegation), on_head_(std::move(on_head)) {
  delegation_.on_work([this] {
    {
      std::lock_guard const lock(mutex_);
      called_ = true;
    }
    wake_.notify_one();
  });
  delegation_.on_advanced([this](consent::Community const&) {
    {
      std::lock_guard const lock(mutex_);
      head_changed_ = called_ = true;
    }
    wake_.notify_one();
  });
  thread_ = std::thread([this] { run(); });
}

GovernanceWorker::~GovernanceWorker() {
  stop();
}

void GovernanceWorker::stop() {
  delegation_.on_work({});
  delegation_.on_advanced({});
  {
    std::lock_guard const lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void GovernanceWorker::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    wake_.wait_for(lock, kTick, [this] { return stopping_ || called_; });
    if (stopping_) return;
    called_ = false;
    bool const head_changed = std::exchange(head_changed_, false);
    lock.unlock();
    if (head_changed) on_head_();
    auto const more = delegation_.work();
    if (!more) obs::log(obs::Level::kError, "consent.work", {{"error", more.error().text()}});
    lock.lock();
    called_ = called_ || (more && *more);
  }
}

}  // namespace amic::node
