// Dispatch: target, route, token, scope, audience set, handler on the worker pool.
#include "api/api.h"
#include "api/events.h"
#include "api/idempotency.h"
#include "api/routes.h"
#include "net/problem.h"
#include "net/router.h"
#include "obs/log.h"

namespace amic::api {

namespace {
constexpr std::int64_t kPruneEveryMs = 3600 * 1000;

class Service final : public ApiService {
 public:
  Service(Dependencies dependencies, Options const& options)
      : services_{dependencies, options,
                  AudienceCache(dependencies.store, dependencies.clock),
                  identity::Tokens(dependencies.store, dependencies.exchange.realm(),
                                   options.local_token_sha256)},
        events_(services_) {
    services_.events = &events_;
    for (auto const& route : routes())
      router_.add(route.method, route.pattern,
                  [this, &route](net::Request request, net::Match match, net::Responder respond) {
                    enter(route, std::move(request), std::move(match), std::move(respond));
                  });
  }
  ~Service() override { stop(); }

  Result<void> listen() {
    AMIC_TRY(server_, net::Server::listen(services_.deps.runtime, services_.options.server,
                                          [this](net::Request request, net::Responder respond) {
                                            router_.dispatch(std::move(request),
                                                             std::move(respond));
                                          }));
    arm_prune();
    return {};
  }

  std::uint16_t port() const override { return server_->port(); }

  void index_applied(std::uint64_t) override {
    services_.audiences.index_applied();
    events_.index_applied();
  }

  void stop() override {
    if (prune_) prune_->cancel();
    events_.stop();
    if (server_) server_->stop();
  }

 private:
  // On a runtime thread: hands over to the pool, where the store may be read.
  void enter(Route const& route, net::Request request, net::Match match, net::Responder respond) {
    auto shared = std::make_shared<net::Responder>(std::move(respond));
    bool const posted = services_.deps.pool.try_post(
        [this, &route, request = std::move(request), match = std::move(match), shared]() mutable {
          work(route, std::move(request), std::move(match), std::move(*shared));
        });
    if (!posted) (*shared)(net::problem(Code::kOverloaded, "api", "too many requests wait"));
  }

  void work(Route const& route, net::Request request, net::Match match, net::Responder respond) {
    services_.deps.metrics
        .counter("amic_api_requests_total", "Requests by route",
                 {{"route", std::string(route.pattern)}, {"method", std::string(route.method)}})
        .add();
    Call call;
    call.request = std::move(request);
    call.query = std::move(match.target.query);
    for (auto& [name, value] : match.params) call.path[name] = std::move(value);
    if (route.access != Access::kPublic) {
      auto who = services_.tokens.authenticate_header(call.request.header("authorization"),
                                             services_.deps.clock.now_ms());
      if (!who) return respond(challenge(who.error()));
      if (!access_allowed(route.access, *who))
        return respond(net::problem(Code::kForbidden, "authorization",
                                    "this token's scopes do not cover the route"));
      call.who = std::move(*who);
      auto readable = services_.audiences.of(call.who.reader);
      if (!readable) return respond(net::problem(readable.error()));
      call.readable = std::move(*readable);
    }
    route.handle(services_, std::move(call), std::move(respond));
  }

  static net::Response challenge(Error const& error) {
    auto out = net::problem(error);
    if (error.code == Code::kUnauthorized)
      out.headers.emplace_back("www-authenticate", "Bearer realm=\"amic\", Basic realm=\"amic\"");
    return out;
  }

  void arm_prune() {
    prune_ = services_.deps.runtime.after(kPruneEveryMs, [this] {
      services_.deps.pool.try_post([this] { prune(); });
      arm_prune();
    });
  }

  void prune() {
    auto const before_ms = services_.deps.clock.now_ms() - services_.options.idempotency_keep_ms;
    auto deletes = expired_idempotency_marks(services_.deps.store, before_ms, prune_after_key_);
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
  std::string prune_after_key_;
};
}  // namespace

Result<std::unique_ptr<ApiService>> ApiService::start(Dependencies dependencies, Options options) {
  auto service = std::make_unique<Service>(dependencies, std::move(options));
  AMIC_TRY_VOID(service->listen());
  return std::unique_ptr<ApiService>(std::move(service));
}

}  // namespace amic::api
