// The one thread that writes the index: carries the log into it as it grows.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "exchange/index_feeder.h"
#include "exchange/operations.h"

namespace amic::node {

class IndexWorker {
 public:
  // `on_applied` runs on the worker's thread after each applied batch, with the new watermark.
  // Then what operations of others ask for is done (exchange::Operations::work).
  IndexWorker(exchange::Exchange const& exchange, store::Store& store,
              exchange::Operations& operations,
              std::function<void(std::uint64_t applied_seq)> on_applied);
  ~IndexWorker();

  void log_grew(std::uint64_t log_size);  // any thread
  // Makes the index anew from the log: what it holds was encrypted under keys that are lost. Any
  // thread; what is read meanwhile is incomplete, as after any reset.
  void rebuild();
  // When it returns, nothing more is asked of the exchange but to open records: before the
  // committer goes.
  void stop_fulfilling();
  std::uint64_t applied_seq() const { return applied_seq_.load(); }
  // The error that stopped the worker, if any: the node is then not ready.
  std::optional<Error> failure() const;

 private:
  void run();
  void work_once();
  bool reset();
  void fulfil();

  store::Store& store_;
  exchange::Exchange const& exchange_;
  std::optional<exchange::IndexFeeder> feeder_;  // of the worker's thread
  exchange::Operations& operations_;
  std::mutex fulfil_mutex_;
  bool fulfils_ = true;
  bool unfulfilled_ = true;  // of the worker's thread; also what a kill left behind
  std::function<void(std::uint64_t)> on_applied_;
  std::atomic<std::uint64_t> applied_seq_{0};
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::uint64_t log_size_ = 0;
  std::optional<Error> failure_;
  bool stopping_ = false;
  bool rebuild_ = false;
  std::thread thread_;
};

}  // namespace amic::node
