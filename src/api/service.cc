// Dispatch: target, route, token, scope, audience set, handler on the worker pool.
#include "api/api.h"
#include "api/attachments.h"
#include "api/events.h"
#include "api/idempotency.h"
#include "api/routes.h"
#include "api/session_auth.h"
#include "api/taxii.h"
#include "api/web_assets.h"
#include "base/limits.h"
#include "net/problem.h"
#include "net/router.h"
#include "obs/log.h"

namespace amic::api {

namespace {
constexpr std::int64_t kPruneEveryMs = 3600 * 1000;

class Service final : public ApiService {
 public:
  Service(Dependencies const& dependencies, Options const& options, CursorSealer cursors)
      : services_{dependencies,
                  options,
                  AudienceCache(dependencies.store, dependencies.clock),
                  identity::Tokens(dependencies.store, dependencies.exchange.realm(),
                                   options.local_token_sha256),
                  identity::Sessions(options.sessions),
                  std::move(cursors)},
        events_(services_) {
    services_.events = &events_;
    services_.collections = std::make_shared<TaxiiCollections>(services_.deps.exchange);
    for (auto const& route : routes()) {
      auto& requests = services_.deps.metrics.counter(
          "amic_api_requests_total", "Requests by route",
          {{"route", std::string(route.pattern)}, {"method", std::string(route.method)}});
      router_.add(route.method, route.pattern,
                  [this, &route, &requests](net::Request request, net::Match match,
                                            net::Responder respond) {
                    requests.add();
                    enter(route, std::move(request), std::move(match), std::move(respond));
                  });
    }
  }
  ~Service() override { stop(); }

  Result<void> listen() {
    auto dispatch = [this](net::Request request, net::Responder respond) {
      if (auto page = web_response(web_assets(), request)) return respond(std::move(*page));
      if (is_taxii_target(request.target)) respond = taxii_responder(std::move(respond));
      router_.dispatch(std::move(request), std::move(respond));
    };
    auto options = services_.options.server;
    options.streams = is_upload;
    options.stream_bytes_max = limits::kAttachmentBytesMax;
    AMIC_TRY(server_,
             net::Server::listen(services_.deps.runtime, std::move(options), std::move(dispatch)));
    arm_prune();
    return {};
  }

  std::uint16_t port() const override { return server_->port(); }

  void index_applied(std::uint64_t) override {
    services_.audiences.index_applied();
    events_.index_applied();
  }

  void stop() override {
    services_.gate->close();  // from here on nothing of ours runs or is armed again
    if (prune_) prune_->cancel();
    events_.stop();
    if (server_) server_->stop();
  }

 private:
  // On a runtime thread: hands over to the pool, where the store may be read.
  void enter(Route const& route, net::Request request, net::Match match, net::Responder respond) {
    auto shared = std::make_shared<net::Responder>(std::move(respond));
    bool const posted = services_.deps.pool.try_post([this, &route, gate = services_.gate,
                                                      request = std::move(request),
                                                      match = std::move(match), shared]() mutable {
      Gate::Pass const pass(gate);
      if (!pass) return (*shared)(net::problem(Code::kUnavailable, "api", "stopping"));
      work(route, std::move(request), std::move(match), std::move(*shared));
    });
    if (!posted) (*shared)(net::problem(Code::kOverloaded, "api", "too many requests wait"));
  }

  void work(Route const& route, net::Request request, net::Match match, net::Responder respond) {
    Call call;
    call.request = std::move(request);
    call.query = std::move(match.target.query);
    for (auto& [name, value] : match.params) call.path[name] = std::move(value);
    if (route.access != Access::kPublic) {
      auto caller = authenticate(services_, call.request);
      if (!caller) return respond(challenge(caller.error(), call.request));
      if (caller->by_session) respond = confined(std::move(respond));
      if (!access_allowed(route.access, caller->who))
        return respond(net::problem(Code::kForbidden, "authorization",
                                    "this token's scopes do not cover the route"));
      call.who = std::move(caller->who);
      call.token_sha256 = caller->token_sha256;
      call.by_session = caller->by_session;
      auto reach = services_.audiences.of(call.who.reader);
      if (!reach) return respond(net::problem(reach.error()));
      call.reach = std::move(*reach);
    }
    route.handle(services_, std::move(call), std::move(respond));
  }

  static net::Response challenge(Error const& error, net::Request const& request) {
    auto out = net::problem(error);
    if (error.code != Code::kUnauthorized) return out;
    // A browser would ask for a user name and a password; the web face has its own way in.
    if (!request.header("sec-fetch-site").empty()) {
      std::erase_if(out.headers, [](auto const& h) { return h.first == "www-authenticate"; });
      return out;
    }
    for (auto& [name, value] : out.headers)
      if (name == "www-authenticate") value = "Bearer realm=\"amic\", Basic realm=\"amic\"";
    return out;
  }

  void arm_prune() {
    std::lock_guard const lock(prune_mutex_);
    prune_ = services_.deps.runtime.after(kPruneEveryMs, [this, gate = services_.gate] {
      Gate::Pass const pass(gate);
      if (!pass) return;
      services_.deps.pool.try_post([this, gate] {
        Gate::Pass const inner(gate);
        if (inner) prune();
      });
      arm_prune();
    });
  }

  // One piece of each space a turn; the positions go round.
  void prune() {
    auto const now_ms = services_.deps.clock.now_ms();
    auto& store = services_.deps.store;
    drop(expired_idempotency_marks(store, now_ms - services_.options.idempotency_keep_ms,
                                   mark_after_key_));
    drop(expired_taxii_statuses(store, now_ms - services_.options.taxii_status_keep_ms,
                                status_after_key_));
  }

  void drop(Result<std::vector<store::KvPut>> deletes) {
    if (!deletes || deletes->empty()) return;
    store::Append unit;
    unit.kv = std::move(*deletes);
    services_.deps.committer.commit(std::move(unit), [](Result<std::uint64_t> stored) {
      if (!stored)
        obs::log(obs::Level::kWarn, "api.prune_failed", {{"error", stored.error().text()}});
    });
  }

  Services services_;
  net::Router router_;
  Events events_;
  std::unique_ptr<net::Server> server_;
  std::shared_ptr<net::Runtime::Timer> prune_;
  std::mutex prune_mutex_;
  std::string mark_after_key_;
  std::string status_after_key_;
};
}  // namespace

Result<std::unique_ptr<ApiService>> ApiService::start(Dependencies dependencies, Options options) {
  AMIC_TRY(auto cursors,
           CursorSealer::load(dependencies.store, dependencies.committer, dependencies.random));
  auto service = std::make_unique<Service>(dependencies, options, std::move(cursors));
  AMIC_TRY_VOID(service->listen());
  return std::unique_ptr<ApiService>(std::move(service));
}

}  // namespace amic::api
