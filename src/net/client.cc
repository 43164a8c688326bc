#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <deque>
#include <map>
#include <set>

#include "net/client_job.h"
#include "net/http.h"
#include "net/loop.h"

namespace amic::net {
namespace asio = boost::asio;
using tcp = asio::ip::tcp;
namespace {

constexpr std::size_t kWaitingMax = 1024;    // requests per endpoint
constexpr std::size_t kEndpointsMax = 1024;  // per loop

using JobPtr = std::shared_ptr<Job>;
using ChannelPtr = std::shared_ptr<Channel>;

struct Idle {
  ChannelPtr channel;
  Instant since;
};

struct Pool {
  std::deque<JobPtr> waiting;
  std::vector<Idle> idle;  // newest last
  std::size_t busy = 0;    // connections with a request on them
  std::size_t streams = 0;
  bool empty() const { return waiting.empty() && idle.empty() && busy == 0 && streams == 0; }
};

// Everything of one loop. Touched on its thread only, but for the inbox.
struct Lane {
  std::shared_ptr<Loop> loop;
  std::map<Endpoint, Pool> pools;
  std::set<JobPtr> active;
  bool sweeping = false;
  std::mutex mutex;
  std::vector<JobPtr> inbox;
};

struct Shared : std::enable_shared_from_this<Shared> {
  ClientOptions options;
  std::shared_ptr<TlsContext> tls;  // none: https is refused
  std::vector<std::unique_ptr<Lane>> lanes;
  std::atomic<bool> stopping{false};

  void submit(JobPtr job);
  void drain_inbox(Lane& lane);
  void start(Lane& lane, JobPtr const& job);
  void arm(Lane& lane, JobPtr const& job);
  void expire(Lane& lane, JobPtr const& job);
  void launch(Lane& lane, JobPtr const& job);
  void sweep_later(Lane& lane);
  void sweep(Lane& lane);
  void settle(Lane& lane, Job const& job, ChannelPtr reusable);
  void shut(Lane& lane);
  ChannelPtr take_idle(Lane& lane, Endpoint const& endpoint);

  static Task<void> run(std::shared_ptr<Shared> self, Lane& lane, JobPtr job);
  Task<ChannelPtr> attempt(Lane& lane, Job& job);
  Task<ChannelPtr> connect(Lane& lane, Job& job);
  Task<bool> open_socket(Lane& lane, Job& job, Channel& channel);
};

void Shared::submit(JobPtr job) {
  if (job->endpoint.scheme == "https" ? !tls : job->endpoint.scheme != "http")
    return job->finish(fail(Code::kUsage, "client.server_key", "https needs a key to expect"));
  auto head = make_request_head(job->endpoint, job->request);
  if (!head) return job->finish(fail(std::move(head).error()));
  job->head = std::move(*head);
  auto const hash = std::hash<std::string>{}(job->endpoint.host) + job->endpoint.port;
  auto& lane = *lanes[hash % lanes.size()];
  {
    std::unique_lock lock(lane.mutex);
    if (stopping) {
      lock.unlock();
      return job->finish(fail(Code::kUnavailable, "client.stopped"));
    }
    lane.inbox.push_back(job);
  }
  lane.loop->post([self = shared_from_this(), &lane] { self->drain_inbox(lane); });
}

void Shared::drain_inbox(Lane& lane) {
  std::vector<JobPtr> jobs;
  {
    std::lock_guard const lock(lane.mutex);
    jobs.swap(lane.inbox);
  }
  for (auto const& job : jobs) start(lane, job);
}

void Shared::start(Lane& lane, JobPtr const& job) {
  if (stopping) return job->finish(fail(Code::kUnavailable, "client.stopped"));
  if (lane.pools.size() >= kEndpointsMax && !lane.pools.contains(job->endpoint))
    return job->finish(fail(Code::kOverloaded, "client.endpoints"));
  auto& pool = lane.pools[job->endpoint];
  auto const max = options.connections_per_endpoint_max;
  if (job->on_chunk) {
    if (pool.streams >= max) return job->finish(fail(Code::kOverloaded, "client.streams"));
    ++pool.streams;
    return launch(lane, job);
  }
  if (pool.busy < max) {
    ++pool.busy;
    arm(lane, job);
    return launch(lane, job);
  }
  if (pool.waiting.size() >= kWaitingMax)
    return job->finish(fail(Code::kOverloaded, "client.waiting"));
  arm(lane, job);
  pool.waiting.push_back(job);
}

// The one deadline of a request. It ends the request whatever it is doing, resolving included.
void Shared::arm(Lane& lane, JobPtr const& job) {
  job->timer = std::make_shared<asio::steady_timer>(lane.loop->io(), job->due);
  job->timer->async_wait([self = shared_from_this(), &lane, job](boost::system::error_code error) {
    if (!error) self->expire(lane, job);
  });
}

void Shared::expire(Lane& lane, JobPtr const& job) {
  if (job->finished()) return;
  if (auto const pool = lane.pools.find(job->endpoint); pool != lane.pools.end())
    std::erase(pool->second.waiting, job);
  if (job->channel) job->channel->abort();
  job->finish(fail(Code::kTimeout, "client.request"));
}

void Shared::launch(Lane& lane, JobPtr const& job) {
  lane.active.insert(job);
  auto task = run(shared_from_this(), lane, job);
  asio::co_spawn(lane.loop->io(), std::move(task), asio::detached);
}

// `job` is over: its connection goes to the next one, or idle.
void Shared::settle(Lane& lane, Job const& job, ChannelPtr reusable) {
  auto const found = lane.pools.find(job.endpoint);
  if (found == lane.pools.end()) return;  // shut
  auto& pool = found->second;
  if (job.on_chunk) {
    --pool.streams;
    reusable = nullptr;
  } else {
    --pool.busy;
  }
  if (reusable) {
    reusable->clear_deadline();
    pool.idle.push_back({std::move(reusable), std::chrono::steady_clock::now()});
    sweep_later(lane);
  }
  while (!pool.waiting.empty() && pool.busy < options.connections_per_endpoint_max) {
    auto const next = pool.waiting.front();
    pool.waiting.pop_front();
    ++pool.busy;
    launch(lane, next);
  }
  if (pool.empty()) lane.pools.erase(found);
}

// The newest connection that is still open and silent.
ChannelPtr Shared::take_idle(Lane& lane, Endpoint const& endpoint) {
  auto& idle = lane.pools[endpoint].idle;
  while (!idle.empty()) {
    auto channel = std::move(idle.back().channel);
    idle.pop_back();
    char byte = 0;
    auto const n = ::recv(channel->socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return channel;
    channel->close();  // closed, or says something nobody asked for
  }
  return nullptr;
}

void Shared::sweep_later(Lane& lane) {
  if (lane.sweeping) return;
  lane.sweeping = true;
  auto const timer = std::make_shared<asio::steady_timer>(lane.loop->io());
  timer->expires_after(
      std::chrono::milliseconds(std::max<std::int64_t>(options.idle_timeout_ms / 2, 1)));
  // Weak: an idle client need not be kept alive by its broom.
  timer->async_wait([weak = weak_from_this(), &lane, timer](boost::system::error_code error) {
    if (auto const self = weak.lock(); self && !error) self->sweep(lane);
  });
}

void Shared::sweep(Lane& lane) {
  lane.sweeping = false;
  auto const oldest =
      std::chrono::steady_clock::now() - std::chrono::milliseconds(options.idle_timeout_ms);
  bool any = false;
  for (auto at = lane.pools.begin(); at != lane.pools.end();) {
    std::erase_if(at->second.idle, [&](Idle const& i) { return i.since <= oldest; });
    any = any || !at->second.idle.empty();
    at = at->second.empty() ? lane.pools.erase(at) : std::next(at);
  }
  if (any) sweep_later(lane);
}

// Stopping: nothing is called back after this.
void Shared::shut(Lane& lane) {
  std::vector<JobPtr> jobs;
  {
    std::lock_guard const lock(lane.mutex);
    jobs.swap(lane.inbox);
  }
  jobs.insert(jobs.end(), lane.active.begin(), lane.active.end());
  for (auto& [endpoint, pool] : lane.pools)
    jobs.insert(jobs.end(), pool.waiting.begin(), pool.waiting.end());
  lane.pools.clear();
  for (auto const& job : jobs) {
    // An aborted channel delivers no more chunks either. Its coroutine still holds it; nothing here
    // may, since Shared can be the last to die when the loops do.
    if (auto const channel = std::exchange(job->channel, nullptr)) channel->abort();
    if (auto const timer = std::exchange(job->timer, nullptr)) timer->cancel();
    job->finish(fail(Code::kUnavailable, "client.stopped"));
  }
  lane.active.clear();
}

Task<void> Shared::run(std::shared_ptr<Shared> self, Lane& lane, JobPtr job) {
  ChannelPtr reusable;
  if (!job->finished()) {
    reusable = co_await self->attempt(lane, *job);
  }
  job->channel = nullptr;
  if (job->timer) job->timer->cancel();
  lane.active.erase(job);
  if (reusable && reusable->dead()) reusable = nullptr;
  self->settle(lane, *job, std::move(reusable));
}

// Finishes the job. Returns the connection if it may be used again.
Task<ChannelPtr> Shared::attempt(Lane& lane, Job& job) {
  for (;;) {
    ChannelPtr channel;
    if (!job.retried && !job.on_chunk && !job.request.source) channel = take_idle(lane, job.endpoint);
    bool const reused = channel != nullptr;
    if (!reused) {
      channel = co_await connect(lane, job);
    }
    if (!channel || job.finished()) co_return nullptr;
    job.channel = channel;
    auto const done = co_await exchange(job, *channel, options);
    if (job.finished()) co_return nullptr;
    if (!done->result && done->nothing_came && reused) {
      job.retried = true;
      continue;
    }
    bool const reusable = done->reusable;
    if (!reusable) channel->close();
    job.finish(std::move(done->result));
    co_return reusable ? channel : nullptr;
  }
}

// Null: the job is finished with the reason.
Task<ChannelPtr> Shared::connect(Lane& lane, Job& job) {
  auto const channel = std::make_shared<Channel>(tcp::socket(lane.loop->io()));
  job.channel = channel;
  channel->set_deadline(options.connect_timeout_ms);
  auto const open = co_await open_socket(lane, job, *channel);
  if (!open) {
    Error error{Code::kUnavailable, "client.connect", "refused or unreachable"};
    if (channel->timed_out()) error = {Code::kTimeout, "client.connect", {}};
    job.finish(fail(std::move(error)));
    co_return nullptr;
  }
  auto const shaken = co_await channel->handshake();
  if (shaken != Io::kDone) {
    auto error = channel->transport().error();
    if (channel->timed_out()) error = {Code::kTimeout, "client.handshake", {}};
    channel->close();
    job.finish(fail(std::move(error)));
    co_return nullptr;
  }
  channel->clear_deadline();
  co_return channel;
}

Task<bool> Shared::open_socket(Lane& lane, Job& job, Channel& channel) {
  boost::system::error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  auto& socket = channel.socket();
  auto const address = asio::ip::make_address(job.endpoint.host, error);
  if (!error) {
    tcp::endpoint const at(address, job.endpoint.port);
    co_await socket.async_connect(at, token);
  } else {
    tcp::resolver resolver(lane.loop->io());
    auto const port = std::to_string(job.endpoint.port);
    auto const found = co_await resolver.async_resolve(job.endpoint.host, port, token);
    if (error || channel.dead()) co_return false;
    co_await asio::async_connect(socket, found, token);
  }
  if (error || channel.dead()) co_return false;
  socket.set_option(tcp::no_delay(true), error);
  socket.non_blocking(true, error);
  if (error) co_return false;
  if (job.endpoint.scheme == "http") {
    channel.use(Transport::plain(socket.native_handle()));
    co_return true;
  }
  auto transport = Transport::tls(tls, socket.native_handle(), false);
  if (!transport) co_return false;
  channel.use(std::move(*transport));
  co_return true;
}

class AsioClient final : public Client {
 public:
  AsioClient(Runtime& runtime, std::shared_ptr<Shared> shared)
      : runtime_(runtime), shared_(std::move(shared)) {}

  ~AsioClient() override {
    shared_->stopping = true;
    // Whoever saw stopping == false holds the inbox's lock, so shut() finds its job there.
    runtime_.impl().on_each_loop(
        [shared = shared_](std::size_t i) { shared->shut(*shared->lanes[i]); });
  }

  void send(Endpoint endpoint, Request request, std::int64_t timeout_ms,
            std::function<void(Result<Response>)> done) override {
    auto job = make(std::move(endpoint), std::move(request), std::move(done));
    job->due = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    shared_->submit(std::move(job));
  }

  void stream(Endpoint endpoint, Request request, std::function<bool(std::string_view)> on_chunk,
              std::function<void(Result<Response>)> done) override {
    auto job = make(std::move(endpoint), std::move(request), std::move(done));
    job->on_chunk = std::move(on_chunk);
    shared_->submit(std::move(job));
  }

 private:
  static JobPtr make(Endpoint endpoint, Request request,
                     std::function<void(Result<Response>)> done) {
    auto job = std::make_shared<Job>();
    job->endpoint = std::move(endpoint);
    job->request = std::move(request);
    job->done = done ? std::move(done) : [](Result<Response> const&) {};
    return job;
  }

  Runtime& runtime_;
  std::shared_ptr<Shared> shared_;
};

}  // namespace

Result<std::unique_ptr<Client>> Client::create(Runtime& runtime, ClientOptions options) {
  auto shared = std::make_shared<Shared>();
  if (options.tls && !options.server_key)
    return fail(Code::kUsage, "client.server_key", "https needs a key to expect");
  if (options.server_key) {
    AMIC_TRY(shared->tls, TlsContext::client(options));
  }
  if (options.tls) std::fill(options.tls->seed_32.begin(), options.tls->seed_32.end(), 0);
  if (options.connections_per_endpoint_max == 0)
    return fail(Code::kUsage, "client.connections_per_endpoint_max");
  shared->options = std::move(options);
  for (auto const& loop : runtime.impl().loops) {
    shared->lanes.push_back(std::make_unique<Lane>());
    shared->lanes.back()->loop = loop;
  }
  return std::make_unique<AsioClient>(runtime, std::move(shared));
}

}  // namespace amic::net
