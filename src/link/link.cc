#include "link/link.h"

#include <algorithm>
#include <atomic>

#include "link/attachment_pull.h"
#include "link/relay.h"
#include "link/server.h"
#include "obs/log.h"

namespace amic::link {

namespace {

// Jitter is drawn on many threads.
class SharedRandom final : public Random {
 public:
  explicit SharedRandom(Random& random) : random_(random) {}
  void fill(std::span<std::uint8_t> out) override {
    std::lock_guard const lock(mutex_);
    random_.fill(out);
  }

 private:
  std::mutex mutex_;
  Random& random_;
};

class Service final : public LinkService {
 public:
  Service(Parts const& parts, Options options)
      : random_(parts.random),
        parts_{parts.runtime, parts.workers, parts.exchange,    parts.log,
               parts.witness, parts.clock,   random_,           parts.metrics,
               parts.relay,   parts.repair,  parts.attachments, parts.delegation},
        options_(std::move(options)) {}
  ~Service() override { stop(); }

  Result<void> open();
  Result<void> set_address(MemberId const& peer, net::Endpoint address) override;
  void start() override;
  void stop() override;
  void ask(exchange::Repair::Ask question, std::function<void(Result<Bytes>)> done) override;
  void head_changed() override;
  std::uint16_t port() const override { return server_->port(); }
  Result<std::vector<PeerStatus>> status() const override;
  bool all_linked() const override;

 private:
  Result<void> check_key() const;
  Result<void> listen();
  // A timer that starts itself anew.
  void every(std::int64_t interval_ms, std::shared_ptr<net::Runtime::Timer>& timer,
             void (Service::*work)());
  void refresh_round();
  void witness_round();
  void relay_round() { relays_->tick(); }
  void attachment_round();
  void sign_and_ask();

  SharedRandom random_;
  Parts const parts_;
  Options const options_;
  std::shared_ptr<Activity> const activity_ = std::make_shared<Activity>();
  PeerLinks links_;                                            // fixed after open()
  std::map<MemberId, std::unique_ptr<AttachmentPull>> pulls_;  // fixed after open()
  std::unique_ptr<RelayLinks> relays_;
  std::unique_ptr<Answers> answers_;
  std::unique_ptr<net::Server> server_;
  std::atomic<bool> started_{false};
  std::atomic<bool> stopped_{false};
  std::atomic<bool> signing_{false};
  std::mutex timer_mutex_;
  std::shared_ptr<net::Runtime::Timer> refresh_timer_;
  std::shared_ptr<net::Runtime::Timer> witness_timer_;
  std::shared_ptr<net::Runtime::Timer> relay_timer_;
  std::shared_ptr<net::Runtime::Timer> attachment_timer_;
};

Result<void> Service::check_key() const {
  AMIC_TRY(auto const key, crypto::SigningKey::from_seed(options_.tls_seed));
  auto const* const card = parts_.exchange.community().head.member(parts_.exchange.self());
  if (card == nullptr || card->tls != key.verify_key())
    return fail(Code::kWrongIdentity, "link.tls", "not the TLS key of this member's card");
  return {};
}

Result<void> Service::listen() {
  net::ServerOptions options;
  options.host = options_.host;
  options.port = options_.port;
  options.tls = net::TlsIdentity{options_.tls_seed, "amic"};
  options.client_key = [this](net::PublicKey32 const& key) {
    auto const* const card = parts_.exchange.community().head.member_by_tls_key(key.view());
    return card != nullptr && card->member != parts_.exchange.self();
  };
  options.body_bytes_max = limits::kEnvelopeBytesMax + limits::kBatchBytesMax;
  options.connections_max = limits::kMembersMax * kConnectionsPerPeerMax;
  options.connections_per_key_max = kConnectionsPerPeerMax;
  options.hold_ms = [this](net::PublicKey32 const& key) { return answers_->hold_ms(key); };
  options.idle_timeout_ms = kIdleConnectionMs;
  auto& metrics = parts_.metrics;
  options.counters = {
      &metrics.counter("amic_link_bad_handshakes_total",
                       "TLS handshakes that failed, or of a peer that has all its connections."),
      &metrics.counter("amic_link_held_handshakes_total",
                       "Connections that waited unread, since their address made bad handshakes."),
      &metrics.counter("amic_link_shut_connections_total",
                       "Connections closed at once: too many, of their address or of all.")};
  AMIC_TRY(server_, net::Server::listen(parts_.runtime, std::move(options),
                                        [this](net::Request request, net::Responder respond) {
                                          answers_->handle(std::move(request), std::move(respond));
                                        }));
  return {};
}

Result<void> Service::open() {
  AMIC_TRY_VOID(check_key());
  for (consent::Card const& card : parts_.exchange.community().head.members) {
    if (card.member == parts_.exchange.self()) continue;
    auto link = std::make_unique<PeerLink>(parts_, options_, card, activity_);
    AMIC_TRY_VOID(link->make_clients());
    if (parts_.attachments != nullptr)
      pulls_.emplace(card.member,
                     std::make_unique<AttachmentPull>(parts_, options_, *link, activity_));
    links_.emplace(card.member, std::move(link));
  }
  relays_ = std::make_unique<RelayLinks>(parts_, options_, links_, activity_);
  answers_ = std::make_unique<Answers>(parts_, options_, links_, activity_);
  answers_->set_relays(relays_.get());
  return listen();
}

Result<void> Service::set_address(MemberId const& peer, net::Endpoint address) {
  auto const found = links_.find(peer);
  if (found == links_.end()) return fail(Code::kUnknownMember, "link.peer", peer.str());
  found->second->set_address(std::move(address));
  return {};
}

void Service::start() {
  if (stopped_ || started_.exchange(true)) return;
  parts_.exchange.on_sendable([this, activity = activity_](MemberId const& peer) {
    auto const token = activity->enter();
    if (!token) return;
    auto const found = links_.find(peer);
    if (found == links_.end()) return;
    found->second->wake();
    relays_->sendable(peer);
  });
  for (auto const& [peer, link] : links_) link->probe();
  every(options_.probe_interval_ms, refresh_timer_, &Service::refresh_round);
  every(options_.witness_interval_ms, witness_timer_, &Service::witness_round);
  if (parts_.relay != nullptr) every(options_.relay_tick_ms, relay_timer_, &Service::relay_round);
  if (parts_.attachments != nullptr)
    every(options_.attachment_tick_ms, attachment_timer_, &Service::attachment_round);
}

void Service::stop() {
  if (stopped_.exchange(true)) return;
  activity_->close();
  if (started_) parts_.exchange.on_sendable({});
  {
    std::lock_guard const lock(timer_mutex_);
    refresh_timer_.reset();
    witness_timer_.reset();
    relay_timer_.reset();
    attachment_timer_.reset();
  }
  if (server_) server_->stop();
  for (auto const& [peer, link] : links_) link->drop_clients();
  activity_->wait();
}

void Service::ask(exchange::Repair::Ask question, std::function<void(Result<Bytes>)> done) {
  auto const found = links_.find(question.peer);
  if (found == links_.end()) return done(fail(Code::kUnknownMember, "link.peer"));
  bool const ranges = question.kind == exchange::Repair::Kind::kRanges;
  std::string const type{ranges ? kRangesType : kPiecesType};
  net::Request request;
  request.method = "POST";
  request.target = ranges ? kRangesPath : kPiecesPath;
  request.headers.emplace_back("content-type", type);
  request.body = as_text(question.bytes);
  auto const take = [type, done](Result<net::Response> answer) {
    if (!answer) return done(fail(std::move(answer).error()));
    if (answer->status != 200) return done(fail(error_of_answer(answer->status, answer->body)));
    if (answer->header("content-type") != type)
      return done(fail(Code::kUnsupportedMedia, "peer", "an answer of another type"));
    done(to_bytes(answer->body));
  };
  if (!found->second->ask(std::move(request), options_.request_timeout_ms, take))
    done(fail(Code::kUnavailable, "link", "stopping"));
}

void Service::head_changed() {
  auto const token = activity_->enter();
  if (!token || !started_) return;
  for (auto const& [peer, link] : links_) link->relink();
}

void Service::every(std::int64_t interval_ms, std::shared_ptr<net::Runtime::Timer>& timer,
                    void (Service::*work)()) {
  std::lock_guard const lock(timer_mutex_);
  if (activity_->closed()) return;
  timer =
      parts_.runtime.after(interval_ms, [this, interval_ms, &timer, work, activity = activity_] {
        auto const token = activity->enter();
        if (!token) return;
        (this->*work)();
        every(interval_ms, timer, work);
      });
}

void Service::refresh_round() {
  for (auto const& [peer, link] : links_) link->refresh();
}

void Service::attachment_round() {
  auto token = activity_->enter();
  if (!token) return;
  static_cast<void>(parts_.workers.try_post([this, token] {
    auto const done = parts_.attachments->maintain();
    if (!done) obs::log(obs::Level::kError, "link.attachments", {{"error", done.error().text()}});
    for (auto const& [peer, pull] : pulls_) pull->tick();
  }));
}

// A round that finds the one before still signing is left out.
void Service::witness_round() {
  if (signing_.exchange(true)) return;
  auto token = activity_->enter();
  bool const posted = token && parts_.workers.try_post([this, token] { sign_and_ask(); });
  if (!posted) signing_ = false;
}

void Service::sign_and_ask() {
  if (parts_.log.size() > parts_.log.checkpoint_size()) {
    auto const note = parts_.log.sign_checkpoint();
    if (!note) obs::log(obs::Level::kError, "link.checkpoint", {{"error", note.error().text()}});
  }
  for (auto const& [peer, link] : links_) link->cosign();
  if (auto const states = parts_.exchange.links())
    for (auto const& state : *states)
      parts_.metrics
          .gauge("amic_link_equivocations",
                 "Pieces of evidence kept that the peer signed two different sequences.",
                 {{"peer", state.peer.str()}})
          .set(static_cast<double>(state.equivocations));
  signing_ = false;
}

Result<std::vector<PeerStatus>> Service::status() const {
  AMIC_TRY(auto const states, parts_.exchange.links());
  std::vector<PeerStatus> out;
  for (auto const& [peer, link] : links_) {
    PeerStatus& row = out.emplace_back();
    link->fill(row);
    auto const state = std::find_if(states.begin(), states.end(),
                                    [&peer](auto const& s) { return s.peer == peer; });
    if (state == states.end()) continue;
    row.lanes = state->lanes;
    row.quarantined = state->quarantined;
    row.equivocations = state->equivocations;
    row.refusals = state->refusals;
    row.rollbacks = state->rollbacks;
    relays_->fill(row);
  }
  return out;
}

bool Service::all_linked() const {
  return std::all_of(links_.begin(), links_.end(),
                     [](auto const& entry) { return entry.second->linked(); });
}

}  // namespace

Result<std::unique_ptr<LinkService>> LinkService::create(Parts parts, Options options) {
  auto service = std::make_unique<Service>(parts, std::move(options));
  AMIC_TRY_VOID(service->open());
  return std::unique_ptr<LinkService>(std::move(service));
}

}  // namespace amic::link
