// The node's face to programs: REST at /api/v1 (OpenAPI 3.1 at /api/v1/openapi.json), server-sent
// events at /api/v1/events, TAXII 2.1 at /taxii2/, /healthz, /readyz, /metrics.
// Every route is in one table with the scope it needs; a route without an entry can't be built.
// Handlers get an authenticated Principal; every store read passes its audience set.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "exchange/attachments.h"
#include "exchange/bundle_export.h"
#include "exchange/exchange.h"
#include "exchange/operations.h"
#include "exchange/repair.h"
#include "governance/delegation.h"
#include "identity/sessions.h"
#include "identity/tokens.h"
#include "json/json.h"
#include "net/http.h"
#include "obs/metrics.h"
#include "store/store.h"
#include "tlog/tlog.h"

namespace amic::api {

struct Readiness {
  bool ready = false;
  std::string reason;  // for people, if not ready
};

// What the service works on. All outlive it.
struct Dependencies {
  net::Runtime& runtime;
  net::WorkerPool& pool;
  store::Store& store;
  exchange::Exchange& exchange;
  exchange::Committer& committer;
  tlog::Log& log;
  Clock const& clock;
  Random& random;
  obs::Metrics& metrics;
  std::function<json::value()> links;  // array for GET /api/v1/links, made by the node
  std::function<Readiness()> readiness;
  std::function<std::uint64_t()> applied_seq;    // index watermark: read-your-writes
  std::string version;                           // of the software
  exchange::CarrierExports* carriers = nullptr;  // null: none are made
  exchange::Operations* operations = nullptr;    // wanted
  exchange::Repair const* repair = nullptr;      // null: nothing can be repaired
  std::function<Result<void>()> start_repair = {};
  exchange::Attachments* attachments = nullptr;  // null: no files are kept
  governance::Delegation* delegation = nullptr;  // null: no part in consultations
};

struct Options {
  net::ServerOptions server;
  std::size_t page_default = 100;
  std::size_t event_streams_max = 256;
  std::optional<Hash> local_token_sha256;  // see identity::Tokens
  std::int64_t idempotency_keep_ms = 24LL * 3600 * 1000;
  std::int64_t taxii_status_keep_ms = 24LL * 3600 * 1000;
  identity::SessionRules sessions = {};
  std::int64_t heartbeat_ms = 15'000;  // event streams: comment line, token checked again
};

class ApiService {
 public:
  static Result<std::unique_ptr<ApiService>> start(Dependencies dependencies, Options options);
  virtual ~ApiService() = default;
  virtual std::uint16_t port() const = 0;
  // The index has advanced: new labels count, event streams wake. Any thread.
  virtual void index_applied(std::uint64_t seq) = 0;
  // Idempotent. When it returns nothing of the service runs, not even what waited on the pool. Not
  // from a thread of the runtime, the pool or the committer.
  virtual void stop() = 0;
};

}  // namespace amic::api
