#include "link/peer_link.h"

#include <algorithm>

#include "obs/log.h"

namespace amic::link {

namespace {

constexpr std::int64_t kBusyRetryMs = 50;        // our own pool was full
constexpr std::int64_t kEarlyWakeGapMs = 1'000;  // at most this often for a peer that calls us

obs::Labels labels(MemberId const& peer) {
  return {{"peer", peer.str()}};
}

net::Endpoint endpoint_of(consent::Card const& card) {
  net::Endpoint out;
  if (auto address = consent::parse_link_address(card.link_address)) {
    out.host = std::move(address->host);
    out.port = address->port;
  }
  return out;
}

}  // namespace

PeerLink::PeerLink(Parts const& parts, Options const& options, consent::Card const& card,
                   std::shared_ptr<Activity> activity)
    : parts_(parts),
      options_(options),
      id_(card.member),
      key_(card.tls),
      cosigner_{tlog::cosigner_name(parts.exchange.community().id, card.member),
                merkle::NoteKeyType::kCosignatureV1, card.cosigner},
      activity_(std::move(activity)),
      budget_(std::make_shared<Budget>(options.requests_per_peer_max,
                                       options.bytes_per_second_per_peer)),
      address_(endpoint_of(card)),
      batches_sent_(parts.metrics.counter("amic_link_batches_sent_total",
                                          "Batches that a peer has signed for.", labels(id_))),
      bytes_sent_(parts.metrics.counter("amic_link_sent_bytes_total",
                                        "Bytes of batches sent to a peer.", labels(id_))),
      failures_total_(parts.metrics.counter("amic_link_failures_total",
                                            "Failed requests to a peer.", labels(id_))),
      cosignatures_(parts.metrics.counter("amic_link_cosignatures_total",
                                          "Cosignatures received from a peer.", labels(id_))),
      up_(parts.metrics.gauge("amic_link_up", "1 if the peer has shown our head and answers.",
                              labels(id_))) {}

Result<void> PeerLink::make_client() {
  net::ClientOptions options;
  options.tls = net::TlsIdentity{options_.tls_seed, "amic"};
  options.server_key = [key = key_](net::PublicKey32 const& shown) {
    return shown.data == key.data;
  };
  options.response_bytes_max = kAnswerBytesMax;
  // One for each lane, so that FLASH never waits behind a routine batch, and two for the rest.
  options.connections_per_endpoint_max = kLaneCount + 2;
  options.connect_timeout_ms = options_.probe_timeout_ms;
  AMIC_TRY(auto client, net::Client::create(parts_.runtime, std::move(options)));
  std::lock_guard const lock(mutex_);
  client_ = std::move(client);
  return {};
}

void PeerLink::drop_client() {
  std::shared_ptr<net::Client> client;
  std::shared_ptr<net::Runtime::Timer> timer;
  std::lock_guard const lock(mutex_);
  client.swap(client_);  // destroyed after the lock: its callbacks take it
  timer.swap(timer_);
}

bool PeerLink::linked() const {
  std::lock_guard const lock(mutex_);
  return linked_;
}

void PeerLink::fill(PeerStatus& out) const {
  out.peer = id_;
  bool const bare = address_.host.find(':') == std::string::npos;
  out.address = address_.scheme + "://" + (bare ? address_.host : "[" + address_.host + "]") + ":" +
                std::to_string(address_.port);
  std::lock_guard const lock(mutex_);
  out.reachable = reachable_;
  out.linked = linked_;
  out.last_ok_ms = last_ok_ms_;
  out.next_try_ms = waiting_ ? next_try_ms_ : 0;
  out.consecutive_failures = failures_;
  out.last_error = last_error_;
  out.cosigned_size = cosigned_size_;
}

// False if the link is closing: `done` is not called then.
bool PeerLink::send_request(net::Request request, std::int64_t timeout_ms,
                            std::function<void(Answer)> done) {
  auto token = activity_->enter();
  if (!token) return false;
  std::shared_ptr<net::Client> client;
  {
    std::lock_guard const lock(mutex_);
    client = client_;
  }
  if (!client) return false;
  client->send(address_, std::move(request), timeout_ms,
               [token = std::move(token), done = std::move(done)](Answer answer) {
                 done(std::move(answer));
               });
  return true;
}

bool PeerLink::on_worker(std::function<void()> work) {
  auto token = activity_->enter();
  if (!token) return false;
  return parts_.workers.try_post([token = std::move(token), work = std::move(work)] { work(); });
}

// ---- Asking whether the peer is there ---------------------------------------------------------

void PeerLink::probe() {
  {
    std::lock_guard const lock(mutex_);
    if (probing_ || !client_) return;
    probing_ = true;
  }
  net::Request request;
  request.target = kStatusPath;
  bool const sent = send_request(std::move(request), options_.probe_timeout_ms,
                                 [this](Answer answer) { on_status(std::move(answer)); });
  if (sent) return;
  std::lock_guard const lock(mutex_);
  probing_ = false;
}

void PeerLink::refresh() {
  {
    std::lock_guard const lock(mutex_);
    UnixMs const quiet_ms = parts_.clock.now_ms() - last_ok_ms_;
    if (waiting_ || in_flight_ > 0 || (linked_ && quiet_ms < options_.probe_interval_ms)) return;
  }
  probe();
}

Result<void> PeerLink::check_status(net::Response const& response) const {
  if (response.status != 200) return fail(error_of_answer(response.status, response.body));
  AMIC_TRY(Status const status, decode_status(response.body));
  consent::Community const& community = parts_.exchange.community();
  if (status.member != id_) return fail(Code::kWrongIdentity, "status.member", status.member.str());
  if (status.community != community.id)
    return fail(Code::kUnknownCommunity, "status.community", "the peer is in another community");
  if (status.realm != parts_.exchange.realm())
    return fail(Code::kNotReleasable, "status.realm", "the peer is in realm " + status.realm.str());
  if (status.epoch != community.head.epoch || status.head != community.head_digest)
    return fail(Code::kUnknownEpoch, "status.head",
                "the peer has another head, of epoch " + std::to_string(status.epoch));
  return {};
}

void PeerLink::on_status(Answer answer) {
  Result<void> shown = answer ? check_status(*answer) : fail(answer.error());
  bool became_linked = false;
  {
    std::lock_guard const lock(mutex_);
    probing_ = false;
    became_linked = shown && !linked_;
    if (shown || answer) linked_ = shown.has_value();
  }
  if (!shown) {
    bool const transport = !answer.has_value();
    failed(transport ? Failure::kTransport : Failure::kRefusal, std::move(shown).error());
    return;
  }
  if (became_linked) obs::log(obs::Level::kInfo, "link.up", {{"peer", id_.str()}});
  up_.set(1);
  succeeded();
  wake();
}

void PeerLink::succeeded() {
  std::lock_guard const lock(mutex_);
  reachable_ = true;
  last_ok_ms_ = parts_.clock.now_ms();
  // A peer that answers but refuses what we send keeps its count, or we would never slow down.
  if (waiting_ && last_failure_ == Failure::kRefusal) return;
  failures_ = 0;
  last_error_.reset();
  waiting_ = false;
  timer_.reset();
}

// ---- Failure and waiting ----------------------------------------------------------------------

std::int64_t PeerLink::backoff_ms() {
  std::uint64_t const doublings = std::min<std::uint64_t>(failures_ - 1, 16);
  std::int64_t const full = std::min(options_.backoff_max_ms, options_.backoff_min_ms << doublings);
  // Half fixed, half chance: members that lost the same peer don't come back all at once.
  auto const half = static_cast<std::uint64_t>(std::max<std::int64_t>(full / 2, 1));
  return full - static_cast<std::int64_t>(parts_.random.below(half));
}

void PeerLink::failed(Failure kind, Error error) {
  if (activity_->closed()) return;
  failures_total_.add();
  bool was_linked = false;
  std::string const reason = error.text();
  std::int64_t delay_ms = 0;
  {
    std::lock_guard const lock(mutex_);
    was_linked = linked_;
    last_failure_ = kind;
    if (kind == Failure::kTransport) {
      reachable_ = linked_ = false;
    } else {
      reachable_ = true;
    }
    last_error_ = std::move(error);
    if (!waiting_) {  // the lanes of one lost connection fail together: that is one failure
      ++failures_;
      delay_ms = backoff_ms();
      retry_after(delay_ms);
    }
    if (!linked_) up_.set(0);
  }
  auto const level = was_linked ? obs::Level::kWarn : obs::Level::kDebug;
  obs::log(level, kind == Failure::kTransport ? "link.down" : "link.refused",
           {{"peer", id_.str()}, {"error", reason}, {"retry_ms", delay_ms}});
}

void PeerLink::retry_after(std::int64_t delay_ms) {
  waiting_ = true;
  next_try_ms_ = parts_.clock.now_ms() + delay_ms;
  timer_ = parts_.runtime.after(delay_ms, [this, activity = activity_] {
    if (auto const token = activity->enter()) retry();
  });
}

void PeerLink::retry() {
  bool linked = false;
  {
    std::lock_guard const lock(mutex_);
    waiting_ = false;
    linked = linked_;
  }
  linked ? wake() : probe();
}

void PeerLink::heard() {
  {
    std::lock_guard const lock(mutex_);
    UnixMs const now_ms = parts_.clock.now_ms();
    last_ok_ms_ = now_ms;
    reachable_ = true;
    if (!waiting_ || last_failure_ != Failure::kTransport) return;
    if (woken_early_ms_ != 0 && now_ms - woken_early_ms_ < kEarlyWakeGapMs) return;
    woken_early_ms_ = now_ms;
    waiting_ = false;
    timer_.reset();
  }
  probe();
}

void PeerLink::wake() {
  {
    std::lock_guard const lock(mutex_);
    if (pumping_) {
      pump_again_ = true;
      return;
    }
    if (!linked_ || waiting_) return;
    pumping_ = true;
  }
  if (on_worker([this] { pump(); })) return;
  std::lock_guard const lock(mutex_);
  pumping_ = false;
  if (!waiting_ && !activity_->closed()) retry_after(kBusyRetryMs);
}

}  // namespace amic::link
