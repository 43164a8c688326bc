// The composition root: one member's node, all parts wired together. The only place that knows
// which clock, disk and network are real.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <shared_mutex>
#include <string>

#include "api/api.h"
#include "base/clock.h"
#include "base/random.h"
#include "governance/delegation.h"
#include "link/link.h"
#include "node/ceremony.h"
#include "node/counter_file.h"
#include "node/governance_worker.h"
#include "node/group_committer.h"
#include "node/index_worker.h"
#include "node/repair_worker.h"

namespace amic::node {

struct NodeOptions {
  DataDir dir;
  Config config;
  consent::Transcript transcript;
  NodeKeys keys;
  std::string local_token;  // secret of this run, for the command line
  // Own keys have changed in the head, or the member has left: the node is to be started anew. On a
  // thread of the node.
  std::function<void()> restart = {};
};

class Node {
 public:
  // Opens the store, verifies the log, listens, dials. On failure nothing is left running.
  static Result<std::unique_ptr<Node>> start(NodeOptions options);
  ~Node();  // stops in order: no more requests, no more sending, then what waits is committed

  std::string api_url() const;
  std::string link_address() const;
  api::Readiness readiness() const;

 private:
  explicit Node(NodeOptions options);
  Result<void> open();
  Result<void> open_store();
  Result<void> open_attachments();
  Result<governance::Chronicle> open_history();
  Result<void> open_delegation(governance::Chronicle chronicle);
  Result<void> report_index_reset();
  Result<void> record_launch();
  store::Record launch_record() const;
  Result<void> open_link();
  link::Options link_options() const;
  void follow_head();  // on the worker of consent
  Result<void> renew_link();
  Result<void> open_api();
  json::value links_json() const;
  void arm_trim();

  NodeOptions options_;
  SystemClock clock_;
  SystemRandom random_;
  CommunityId community_;
  obs::Metrics metrics_;
  net::Runtime runtime_;
  net::WorkerPool pool_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<tlog::Log> log_;
  std::unique_ptr<tlog::Witness> witness_;
  std::unique_ptr<GroupCommitter> committer_;
  std::unique_ptr<exchange::Exchange> exchange_;
  std::optional<exchange::NodeKeys> exchange_keys_;
  std::unique_ptr<exchange::CarrierExports> carriers_;
  std::unique_ptr<exchange::Operations> operations_;
  std::unique_ptr<exchange::Attachments> attachments_;
  std::unique_ptr<exchange::Relay> relay_;
  std::unique_ptr<exchange::Repair> repair_;
  std::atomic<IndexWorker*> index_ = nullptr;  // set once; read by the committer's callback
  std::unique_ptr<IndexWorker> index_owner_;
  std::unique_ptr<governance::Counter> counter_;
  std::unique_ptr<governance::Delegation> delegation_;
  std::unique_ptr<GovernanceWorker> governance_worker_;
  mutable std::shared_mutex link_mutex_;  // the service is made anew when members' keys change
  std::unique_ptr<link::LinkService> link_;
  std::uint16_t link_port_ = 0;
  std::vector<consent::Card> linked_cards_;  // of the head that link_ was made for
  std::unique_ptr<RepairWorker> repair_worker_;
  std::atomic<api::ApiService*> api_ = nullptr;
  std::unique_ptr<api::ApiService> api_owner_;
  std::shared_ptr<net::Runtime::Timer> trim_;  // touched by open() and its own callback only
};

// The engine over a store that no node runs on: for `amic node rebuild` and `amic log verify`.
struct OfflineNode {
  std::unique_ptr<store::Store> store;
  std::unique_ptr<tlog::Log> log;
  std::unique_ptr<exchange::Committer> committer;
  std::unique_ptr<exchange::Exchange> exchange;
};
Result<OfflineNode> open_offline(DataDir const& dir, consent::Community const& community,
                                 NodeKeys const& keys, Realm const& realm, Clock const& clock,
                                 Random& random);

inline constexpr std::string_view kSoftwareVersion = "0.1.0";

}  // namespace amic::node
