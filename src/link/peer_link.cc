#include "link/peer_link.h"

#include <algorithm>

#include "obs/log.h"

namespace amic::link {

namespace {

constexpr std::int64_t kBusyRetryMs = 50;         // our own pool was full
constexpr std::int64_t kEarlyWakeGapMs = 1'000;   // at most this often for a peer that calls us
constexpr std::size_t kStatusHeadBytes = 400;     // of request and answer, about
constexpr SteadyUs kUrgentQuietUs = 120'000'000;  // then its connection is used, to keep it open

std::uint64_t cap_of(Options const& options, MemberId const& peer) {
  auto const found = options.send_bytes_per_second.find(peer);
  return found == options.send_bytes_per_second.end() ? 0 : found->second;
}

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
      budget_(std::make_shared<Budget>(options.budget)),
      address_(endpoint_of(card)),
      batches_sent_(parts.metrics.counter("amic_link_batches_sent_total",
                                          "Batches that a peer has signed for.", labels(id_))),
      frames_sent_(parts.metrics.counter("amic_link_frames_sent_total",
                                         "Frames of batches sent to a peer.", labels(id_))),
      bytes_sent_(parts.metrics.counter("amic_link_sent_bytes_total",
                                        "Bytes of batches sent to a peer.", labels(id_))),
      failures_total_(parts.metrics.counter("amic_link_failures_total",
                                            "Failed requests to a peer.", labels(id_))),
      cosignatures_(parts.metrics.counter("amic_link_cosignatures_total",
                                          "Cosignatures received from a peer.", labels(id_))),
      up_(parts.metrics.gauge("amic_link_up", "1 if the peer has shown our head and answers.",
                              labels(id_))),
      rate_(parts.metrics.gauge("amic_link_rate_bytes_per_second",
                                "How fast the peer takes what is sent, as measured.", labels(id_))),
      outgoing_(cap_of(options, card.member)) {}

Result<void> PeerLink::make_clients() {
  net::ClientOptions options;
  options.tls = net::TlsIdentity{options_.tls_seed, "amic"};
  options.server_key = [key = key_](net::PublicKey32 const& shown) {
    return shown.data == key.data;
  };
  options.response_bytes_max = kAnswerBytesMax;
  options.connect_timeout_ms = options_.probe_timeout_ms;
  options.idle_timeout_ms = kIdleConnectionMs;
  options.connections_per_endpoint_max = 1;
  AMIC_TRY(auto urgent, net::Client::create(parts_.runtime, options));
  options.connections_per_endpoint_max = 3 * kLaneCount;  // whatever may be under way at once
  options.response_bytes_max = std::max(kReturnedBytesMax, kDecisionsBytesMax);
  AMIC_TRY(auto bulk, net::Client::create(parts_.runtime, std::move(options)));
  std::lock_guard const lock(mutex_);
  urgent_client_ = std::move(urgent);
  bulk_client_ = std::move(bulk);
  return {};
}

void PeerLink::drop_clients() {
  std::shared_ptr<net::Client> urgent, bulk;
  std::shared_ptr<net::Runtime::Timer> timer, pace_timer;
  std::lock_guard const lock(mutex_);
  urgent.swap(urgent_client_);  // destroyed after the lock: its callbacks take it
  bulk.swap(bulk_client_);
  timer.swap(timer_);
  pace_timer.swap(pace_timer_);
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
  out.current_to_ms = current_to_ms_;
  out.not_here_yet = not_here_yet_;
  out.next_try_ms = waiting_ ? next_try_ms_ : 0;
  out.consecutive_failures = failures_;
  out.last_error = last_error_;
  out.cosigned_size = cosigned_size_;
}

// False if the link is closing: `done` is not called then.
bool PeerLink::send_request(Way way, net::Request request, std::int64_t timeout_ms,
                            std::function<void(Answer)> done) {
  auto token = activity_->enter();
  if (!token) return false;
  std::shared_ptr<net::Client> client;
  {
    std::lock_guard const lock(mutex_);
    client = way == Way::kUrgent ? urgent_client_ : bulk_client_;
    if (way == Way::kUrgent) urgent_used_us_ = net::Runtime::now_us();
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
    if (probing_ || !urgent_client_) return;
    probing_ = true;
    probed_us_ = net::Runtime::now_us();
    probed_ms_ = parts_.clock.now_ms();
  }
  if (auto const mark = parts_.exchange.position_mark(id_)) asked_at_ = *mark;
  net::Request request;
  request.target = std::string(kStatusPath) + std::string(kEpochQuery) +
                   std::to_string(parts_.exchange.community().head.epoch);
  {
    std::lock_guard const lock(mutex_);
    if (not_here_yet_ > 0) request.target += kBehindQuery;
  }
  bool const sent = send_request(Way::kUrgent, std::move(request), options_.probe_timeout_ms,
                                 [this](Answer answer) { on_status(std::move(answer)); });
  if (sent) return;
  std::lock_guard const lock(mutex_);
  probing_ = false;
}

void PeerLink::refresh() {
  std::vector<std::uint8_t> given_back;
  bool ask = false;
  {
    std::lock_guard const lock(mutex_);
    UnixMs const quiet_ms = parts_.clock.now_ms() - last_ok_ms_;
    // The peer has dropped what it had of them by now.
    if (!linked_ && quiet_ms > Assembly::kIdleMs) given_back = outgoing_.drop_all();
    // On a slow line the answers that come anyway say enough, and a question takes time of the
    // line.
    bool const busy = outgoing_.pieces_in_flight() > 0;
    bool const closing = net::Runtime::now_us() - urgent_used_us_ > kUrgentQuietUs;
    bool const quiet = !busy && (!linked_ || quiet_ms >= options_.probe_interval_ms);
    ask = !waiting_ && (quiet || closing);
  }
  for (auto const lane : given_back) parts_.exchange.batch_failed(id_, lane);
  if (ask) probe();
}

Result<Status> PeerLink::check_status(net::Response const& response) {
  if (response.status != 200) return fail(error_of_answer(response.status, response.body));
  AMIC_TRY(Status status, decode_status(response.body));
  consent::Community const& community = parts_.exchange.community();
  if (status.member != id_) return fail(Code::kWrongIdentity, "status.member", status.member.str());
  if (status.community != community.id)
    return fail(Code::kUnknownCommunity, "status.community", "the peer is in another community");
  if (status.realm != parts_.exchange.realm())
    return fail(Code::kNotReleasable, "status.realm", "the peer is in realm " + status.realm.str());
  if (status.epoch != community.head.epoch || status.head != community.head_digest)
    return fail(other_head(status));
  return status;
}

void PeerLink::on_status(Answer answer) {
  Result<Status> shown = answer ? check_status(*answer) : fail(answer.error());
  bool const transport = !answer.has_value();
  {
    std::lock_guard const lock(mutex_);
    SteadyUs const now = net::Runtime::now_us();
    if (answer)
      outgoing_.pacer().saw_round_trip(now - probed_us_, kStatusHeadBytes + answer->body.size(),
                                       now);
    if (!shown) probing_ = false;
    if (!shown && answer) linked_ = false;
  }
  if (shown) {
    auto const status = std::make_shared<Status const>(*std::move(shown));
    if (on_worker([this, status] { on_position(*status); })) return;
    std::lock_guard const lock(mutex_);
    probing_ = false;
    shown = fail(Code::kOverloaded, "link.workers", "no worker free");
  }
  failed(transport ? Failure::kTransport : Failure::kRefusal, std::move(shown).error());
}

// On a worker. Before the exchange knows where the peer stands nothing may be sent to it.
void PeerLink::on_position(Status const& status) {
  // Before the log is shown to a peer: one that was set back has to begin anew.
  if (!status.witnessed.empty()) {
    auto const restarted = parts_.log.compare(status.witnessed);
    if (!restarted)
      obs::log(obs::Level::kWarn, "link.witness",
               {{"peer", id_.str()}, {"error", restarted.error().text()}});
  }
  bool const tell = compare_queued(status);
  auto taken = parts_.exchange.on_position(id_, status.receipts, asked_at_);
  bool became_linked = false;
  {
    std::lock_guard const lock(mutex_);
    probing_ = false;
    became_linked = taken && !linked_;
    linked_ = taken.has_value();
  }
  if (!taken) return failed(Failure::kRefusal, std::move(taken).error());
  if (became_linked) obs::log(obs::Level::kInfo, "link.up", {{"peer", id_.str()}});
  up_.set(1);
  succeeded();
  ask_head_status();
  fetch_returned();
  wake();
  if (tell) probe();
}

// What the peer says that it has for us, against what is here. True: the peer should be told that
// we lack something, once: it may believe that we have it, and we were restored from a backup.
bool PeerLink::compare_queued(Status const& status) {
  if (!status.queued) return false;
  auto const links = parts_.exchange.links();
  if (!links) return false;
  std::uint64_t missing = 0;
  for (auto const& link : *links)
    if (link.peer == id_)
      for (std::size_t lane = 0; lane < kLaneCount; ++lane) {
        auto const here = link.lanes[lane].received_n;
        missing += (*status.queued)[lane] - std::min((*status.queued)[lane], here);
      }
  std::lock_guard const lock(mutex_);
  not_here_yet_ = missing;
  if (missing == 0) current_to_ms_ = probed_ms_;
  bool const tell = missing > 0 && !told_behind_;
  told_behind_ = missing > 0;
  return tell;
}

void PeerLink::succeeded() {
  bool ask = false;
  {
    std::lock_guard const lock(mutex_);
    reachable_ = true;
    last_ok_ms_ = parts_.clock.now_ms();
    // A peer that answers but refuses what we send keeps its count, or we would never slow down.
    if (waiting_ && last_failure_ == Failure::kRefusal) return;
    // One connection was lost, but the peer answers on another.
    ask = waiting_ && !linked_;
    failures_ = 0;
    last_error_.reset();
    waiting_ = false;
    timer_.reset();
  }
  if (ask) probe();
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
