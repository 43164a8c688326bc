// The thread on which a repair runs: one at a time, in small steps, and only while one was asked
// for. Carries its questions to peers over the link and waits for their answers.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "exchange/repair.h"
#include "obs/metrics.h"

namespace amic::node {

class RepairWorker {
 public:
  using Ask = std::function<void(exchange::Repair::Ask, std::function<void(Result<Bytes>)>)>;
  // `ask` carries a question to a peer (LinkService::ask). `on_stale_index` once a repair has ended
  // that put records back under new data keys.
  RepairWorker(exchange::Repair& repair, Ask ask, obs::Metrics& metrics,
               std::function<void()> on_stale_index);
  ~RepairWorker();  // gives up what is under way; before the link goes

  Result<void> start();  // kConflict while one is under way
  void stop();           // idempotent; when it returns nothing runs and nothing starts any more

 private:
  void run();
  void repair_once();
  Result<Bytes> ask(exchange::Repair::Ask question);
  void count();

  exchange::Repair& repair_;
  Ask const ask_;
  std::function<void()> const on_stale_index_;
  obs::Gauge& damaged_;
  obs::Counter& restored_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool wanted_ = false;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace amic::node
