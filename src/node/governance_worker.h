// The thread on which the delegation works: takes statements as they arrive, says what is due,
// decides what is complete, and has the rest of the node follow a change of the head.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "governance/delegation.h"

namespace amic::node {

class GovernanceWorker {
 public:
  // `on_head` is called on the worker's thread, after the exchange has the new head.
  GovernanceWorker(governance::Delegation& delegation, std::function<void()> on_head);
  ~GovernanceWorker();
  void stop();  // idempotent; when it returns nothing runs

 private:
  void run();

  governance::Delegation& delegation_;
  std::function<void()> const on_head_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool called_ = true;  // once at the start
  bool head_changed_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace amic::node
