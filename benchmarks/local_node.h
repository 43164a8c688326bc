// One node's real parts in this process, without links: store, log, committer, exchange, index
// worker and, if asked, the API on plain loopback. Failures end the program: nothing to measure.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

#include "api/api.h"
#include "base/clock.h"
#include "exchange/testing.h"
#include "node/group_committer.h"
#include "node/index_worker.h"

namespace amic::bench {

using exchange::testing::must;

class LocalNode {
 public:
  LocalNode();
  ~LocalNode();

  exchange::Exchange& exchange() { return *exchange_; }
  store::Store& store() { return *store_; }
  tlog::Log& log() { return *log_; }
  MemberId const& self() const { return self_; }
  // Readable by everybody who may see RESTRICTED.
  marking::Marking marking() const;
  void wait_indexed();  // until the index holds all of the log
  std::filesystem::path directory() const { return directory_.path(); }

  struct Api {
    std::uint16_t port = 0;
    std::string token;  // scope read, clearance SECRET
  };
  Api start_api();
  net::Runtime& runtime() { return runtime_; }

 private:
  SystemClock clock_;
  SystemRandom random_;
  exchange::testing::TemporaryDirectory directory_;
  obs::Metrics metrics_;
  net::Runtime runtime_{2};
  net::WorkerPool pool_{2, 4096};
  MemberId self_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<tlog::Log> log_;
  std::unique_ptr<node::GroupCommitter> committer_;
  std::unique_ptr<exchange::Exchange> exchange_;
  std::unique_ptr<exchange::Operations> operations_;
  std::mutex mutex_;
  std::condition_variable applied_;
  std::atomic<node::IndexWorker*> index_ = nullptr;
  std::atomic<api::ApiService*> api_ = nullptr;
  std::unique_ptr<node::IndexWorker> index_owner_;
  std::unique_ptr<api::ApiService> api_owner_;
};

}  // namespace amic::bench
