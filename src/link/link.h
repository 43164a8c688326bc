// The link: how a node's envelopes reach its peers, and theirs this node. Mutual TLS 1.3 pinned to
// the keys in the head; one sender per peer; receipts, checkpoints and cosignatures over the same
// connections. docs/PROTOCOL.md. Any thread, except that stop() must not be called from a thread
// of the runtime or of the pool.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "exchange/attachments.h"
#include "exchange/relay.h"
#include "exchange/repair.h"
#include "governance/delegation.h"
#include "net/http.h"
#include "net/runtime.h"
#include "obs/metrics.h"
#include "tlog/tlog.h"

namespace amic::link {

// What one peer may ask of our server: beyond it 429. 0: no limit. Ten seconds' worth may come at
// once.
struct BudgetLimits {
  std::size_t requests_max = 16;  // at once
  std::uint64_t bytes_per_second = 64 << 20;
  std::uint64_t envelopes_per_second = 50'000;
  std::uint64_t cpu_ms_per_second = 1'000;  // of verifying what it sends
};

struct Options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  // 0: the system chooses; see LinkService::port()
  Bytes tls_seed;          // secret; its public key must be that of our card

  std::int64_t backoff_min_ms = 1'000;  // doubles with each failure in a row
  std::int64_t backoff_max_ms = 60'000;
  std::int64_t request_timeout_ms = 60'000;  // one batch, or the last frame of one
  std::int64_t frame_timeout_ms = 30'000;    // any other; both grow with what a slow line needs
  std::int64_t probe_timeout_ms = 30'000;    // connecting, status and witness requests
  std::int64_t probe_interval_ms = 30'000;   // an idle peer is asked this often whether it is there
  std::int64_t witness_interval_ms = 10'000;

  BudgetLimits budget;
  std::int64_t hold_ms_max = 5'000;  // how long a request beyond it is left unread before its 429
  // Bytes a second that may be sent to a peer; not named: no limit.
  std::map<MemberId, std::uint64_t> send_bytes_per_second;

  // Members through which to send when a peer can't be reached, in order of preference.
  std::vector<MemberId> relays;
  std::int64_t relay_after_ms = 60'000;
  std::int64_t relay_tick_ms = 1'000;
  std::int64_t attachment_tick_ms = 500;
};

// What the service works with. All of it outlives the service.
struct Parts {
  net::Runtime& runtime;
  net::WorkerPool& workers;
  exchange::Exchange& exchange;
  tlog::Log& log;
  tlog::Witness& witness;
  Clock const& clock;
  Random& random;  // jitter only
  obs::Metrics& metrics;
  exchange::Relay* relay = nullptr;    // null: nothing goes through relays, nothing is carried
  exchange::Repair* repair = nullptr;  // null: questions about what lanes hold are not answered
  exchange::Attachments* attachments = nullptr;  // null: files are neither given nor fetched
  // Null: nothing is known of decisions; a peer with another head is not spoken to.
  governance::Delegation* delegation = nullptr;
};

struct PeerStatus {
  MemberId peer;
  std::optional<MemberId> via;  // what waits goes through this member now
  std::uint64_t relayed = 0;    // envelopes that it has and the peer has not signed for
  std::vector<exchange::CarriedFor> carried;  // of others, here, for the peer
  std::string address;
  bool reachable = false;  // the last thing we heard of the peer was an answer or a request
  bool linked = false;     // and it has shown this community, realm and head
  UnixMs last_ok_ms = 0;   // 0: never
  // Everything that the peer had for us at this time is here, as it says itself. 0: not known since
  // this start. It stands still while `not_here_yet` envelopes are on their way.
  UnixMs current_to_ms = 0;
  std::uint64_t not_here_yet = 0;
  UnixMs next_try_ms = 0;  // 0: not waiting
  std::uint64_t consecutive_failures = 0;
  std::optional<Error> last_error;  // of the failures in a row; none if there are none
  std::uint64_t cosigned_size = 0;  // of our log, by this peer, since the start
  std::array<exchange::LinkState::Lane, kLaneCount> lanes;
  std::uint64_t quarantined = 0;                // of the peer's, here
  std::uint64_t equivocations = 0;              // evidence that the peer signed two sequences
  std::vector<exchange::PeerRefusal> refusals;  // of ours, there
  std::vector<exchange::Rollback> rollbacks;    // who was restored from a backup, and how far back
};

class LinkService {
 public:
  // Listens at once, so that port() is known; answers peers from then on, dials after start().
  // kWrongIdentity if the TLS key is not that of our card; kIo with host:port; kUsage.
  static Result<std::unique_ptr<LinkService>> create(Parts parts, Options options);
  virtual ~LinkService() = default;  // stops

  // Dials `peer` elsewhere than its card says (a tunnel, a test). Before start(). The key stays
  // pinned, so the address need not be trusted. kUnknownMember.
  virtual Result<void> set_address(MemberId const& peer, net::Endpoint address) = 0;

  // Asks every peer for its status, then sends what waits. Idempotent.
  virtual void start() = 0;
  // Stops listening and sending. When it returns, nothing of the service runs and none of the parts
  // is touched again. Call it before the runtime stops. Idempotent.
  virtual void stop() = 0;

  // Carries a question of the repair to a peer. `done` once, on a thread of the runtime or this
  // one: what the peer answers, or the error that it or the way to it gave.
  virtual void ask(exchange::Repair::Ask question, std::function<void(Result<Bytes>)> done) = 0;

  // The head in force has changed, but no member's keys or address: every peer has to show it
  // before more is sent. (If those have changed: a new service.)
  virtual void head_changed() = 0;

  virtual std::uint16_t port() const = 0;
  virtual Result<std::vector<PeerStatus>> status() const = 0;  // sorted by peer; reads the store
  virtual bool all_linked() const = 0;                         // reads memory only
};

}  // namespace amic::link
