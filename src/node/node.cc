#include "node/node.h"

#include <malloc.h>

#include "base/limits.h"
#include "codec/codec.h"
#include "crypto/hash.h"
#include "exchange/direct_committer.h"
#include "node/store_key.h"
#include "obs/log.h"

namespace amic::node {

namespace {
constexpr int kRuntimeThreads = 2;
constexpr int kPoolThreads = 2;
constexpr std::size_t kPoolQueueMax = 4096;
constexpr std::int64_t kTrimEveryMs = 20'000;

// The launch is the log's first leaf in every member's node: its id is the community's.
EnvelopeId launch_record_id(CommunityId const& community) {
  return *EnvelopeId::from(community.view().first(EnvelopeId::kSize));
}

exchange::NodeKeys exchange_keys(MemberId const& self, NodeKeys const& keys) {
  return {self, keys.node, keys.sealing, keys.more_sealing};
}
}  // namespace

Node::Node(NodeOptions options)
    : options_(std::move(options)), runtime_(kRuntimeThreads), pool_(kPoolThreads, kPoolQueueMax) {}

Node::~Node() {
  if (api_owner_) api_owner_->stop();
  if (repair_worker_) repair_worker_->stop();
  if (governance_worker_) governance_worker_->stop();
  if (link_) link_->stop();
  if (index_owner_) index_owner_->stop_fulfilling();
  committer_.reset();  // commits what waits; its callbacks may still use index and API
  index_ = nullptr;
  index_owner_.reset();
  api_ = nullptr;
  api_owner_.reset();
  repair_worker_.reset();
  link_.reset();
  governance_worker_.reset();
  delegation_.reset();
  runtime_.stop();
}

Result<std::unique_ptr<Node>> Node::start(NodeOptions options) {
  std::unique_ptr<Node> node(new Node(std::move(options)));
  AMIC_TRY_VOID(node->open());
  return node;
}

Result<void> Node::open() {
  AMIC_TRY(auto const genesis, consent::community_of(options_.transcript));
  community_ = genesis.id;
  AMIC_TRY_VOID(open_store());
  runtime_.start();
  AMIC_TRY_VOID(open_link());
  AMIC_TRY_VOID(open_api());
  link_->start();
  governance_worker_ = std::make_unique<GovernanceWorker>(*delegation_, [this] { follow_head(); });
  arm_trim();
  obs::log(obs::Level::kInfo, "node.started",
           {{"member", options_.config.member.str()},
            {"api", api_url()},
            {"link", link_address()},
            {"log_size", log_->size()}});
  return {};
}

Result<void> Node::open_store() {
  auto const& self = options_.config.member;
  AMIC_TRY(store_, node::open_store(options_.dir, options_.keys));
  AMIC_TRY_VOID(report_index_reset());
  AMIC_TRY(log_, tlog::Log::open(*store_, tlog::log_origin(community_, self, options_.config.realm),
                                 options_.keys.log));
  witness_ = std::make_unique<tlog::Witness>(*store_, *log_, tlog::cosigner_name(community_, self),
                                             options_.keys.cosigner, clock_);
  AMIC_TRY_VOID(record_launch());
  committer_ = std::make_unique<GroupCommitter>(*log_, [this](std::uint64_t log_size) {
    if (auto* index = index_.load()) index->log_grew(log_size);
  });
  AMIC_TRY(auto chronicle, open_history());
  AMIC_TRY(exchange_,
           exchange::Exchange::open(chronicle.heads, exchange_keys(self, options_.keys), *store_,
                                    *committer_, clock_, random_, options_.config.realm));
  AMIC_TRY_VOID(open_delegation(std::move(chronicle)));
  exchange_keys_ = exchange_keys(self, options_.keys);
  carriers_ = std::make_unique<exchange::CarrierExports>(exchange::CarrierParts{
      *exchange_keys_, options_.config.realm, *store_, *exchange_, *committer_, clock_, random_});
  exchange::RelayLimits limits;
  limits.for_all = options_.config.relay_for_all;
  limits.for_members = {options_.config.relay_for.begin(), options_.config.relay_for.end()};
  AMIC_TRY(relay_, exchange::Relay::open(carriers_->parts(), std::move(limits)));
  AMIC_TRY(repair_,
           exchange::Repair::open({*exchange_, *store_, *log_, clock_, {launch_record()}}));
  operations_ =
      std::make_unique<exchange::Operations>(*exchange_, *store_, clock_, options_.config.comply);
  AMIC_TRY_VOID(open_attachments());
  index_owner_ =
      std::make_unique<IndexWorker>(*exchange_, *store_, *operations_, [this](std::uint64_t seq) {
        attachments_->poke();
        if (auto* api = api_.load()) api->index_applied(seq);
      });
  index_ = index_owner_.get();
  return {};
}

Result<void> Node::open_attachments() {
  exchange::AttachmentOptions options;
  options.directory = options_.dir.store() / "attachments";
  options.free_bytes_min = options_.config.attachments_free_bytes_min;
  options.peer_bytes_max = options_.config.attachments_peer_bytes_max;
  AMIC_TRY(attachments_, exchange::Attachments::open(
                             {*exchange_, *store_, *committer_, *operations_, clock_, random_},
                             std::move(options)));
  operations_->on_destroy([this](EnvelopeId const& item) { return attachments_->destroy(item); });
  return {};
}

// The index is made anew by itself, but a damaged disk is for the operator to know.
Result<void> Node::report_index_reset() {
  AMIC_TRY(auto const records, store_->log_size());
  if (records > 0 && store_->index_was_reset())
    obs::log(obs::Level::kWarn, "store.index_reset",
             {{"reason", store_->index_reset_reason()}, {"records", records}});
  return {};
}

Result<void> Node::record_launch() {
  if (log_->size() > 0) {
    auto const first = store_->log_digests(1, 1, nullptr);
    if (first && !first->empty() && first->front() == launch_record().digest) return {};
    if (!first && first.error().code == Code::kCorrupt) return {};  // a repair makes it anew
    AMIC_TRY_VOID(first);
    return fail(Code::kConflict, options_.dir.launch_file().string(),
                "the log here was begun in another community");
  }
  store::Append unit;
  unit.records.push_back(launch_record());
  std::vector<store::Append> units;
  units.push_back(std::move(unit));
  AMIC_TRY_VOID(log_->append(std::move(units)));
  return {};
}

store::Record Node::launch_record() const {
  store::Record record;
  record.kind = store::RecordKind::kGovernance;
  record.id = launch_record_id(community_);
  record.bytes = consent::encode(options_.transcript);
  record.digest = crypto::sha256(record.bytes);
  record.at_ms = clock_.now_ms();
  return record;
}

// What the node has been given as a file (who joins later, who was away for long) goes into its
// log.
Result<governance::Chronicle> Node::open_history() {
  AMIC_TRY(auto chronicle, governance::load_chronicle(*store_, options_.transcript));
  AMIC_TRY(auto const file, read_history_file(options_.dir));
  if (!file || file->decisions.size() <= chronicle.history.chapters.size()) return chronicle;
  AMIC_TRY(auto const given, governance::chronicle_of(options_.transcript, file->decisions));
  auto const have = chronicle.history.chapters.size();
  if (have > 0 && given.history.chapters[have - 1].head != chronicle.history.now.head_digest)
    return fail(Code::kConflict, options_.dir.history_file().string(),
                "tells another history than the log of this node");
  std::vector<store::Append> units;
  for (std::size_t i = have; i < file->decisions.size(); ++i)
    units.push_back(governance::decision_unit(file->decisions[i], i + 1, clock_.now_ms()));
  AMIC_TRY_VOID(log_->append(std::move(units)));
  return governance::load_chronicle(*store_, options_.transcript);
}

Result<void> Node::open_delegation(governance::Chronicle chronicle) {
  if (!options_.config.consent_counter.empty())
    counter_ = std::make_unique<CounterFile>(options_.config.consent_counter);
  governance::Keys keys{options_.keys.node, std::nullopt};
  if (options_.config.consent_sign_at_node) keys.governance = options_.keys.governance;
  AMIC_TRY(delegation_, governance::Delegation::open(
                            {*exchange_, *store_, *committer_, clock_, random_, counter_.get()},
                            std::move(keys), std::move(chronicle)));
  return {};
}

// The links are pinned to the keys of the head: if those are the same, peers have to show the new
// head and that is all.
void Node::follow_head() {
  auto const& head = exchange_->community().head;
  obs::log(obs::Level::kInfo, "node.head", {{"epoch", head.epoch}});
  auto const& self = options_.config.member;
  auto const* const card = head.member(self);
  bool const ours = card != nullptr && card->node == options_.keys.node.verify_key() &&
                    card->tls == options_.keys.tls.verify_key() &&
                    card->sealing == options_.keys.sealing.public_key();
  if (!ours && options_.restart) return options_.restart();
  if (head.members == linked_cards_) {
    std::shared_lock const lock(link_mutex_);
    return link_->head_changed();
  }
  if (auto const renewed = renew_link(); !renewed)
    obs::log(obs::Level::kError, "node.link", {{"error", renewed.error().text()}});
}

Result<void> Node::renew_link() {
  std::unique_lock const lock(link_mutex_);
  link_->stop();
  link_.reset();  // the port is free from here on
  AMIC_TRY_VOID(open_link());
  link_->start();
  return {};
}

Result<void> Node::open_link() {
  auto options = link_options();
  options.port = link_port_ != 0 ? link_port_ : options.port;
  AMIC_TRY(link_, link::LinkService::create(
                      {runtime_, pool_, *exchange_, *log_, *witness_, clock_, random_, metrics_,
                       relay_.get(), repair_.get(), attachments_.get(), delegation_.get()},
                      std::move(options)));
  link_port_ = link_->port();
  linked_cards_ = exchange_->community().head.members;
  for (auto const& [peer, config] : options_.config.peers) {
    if (config.address.empty()) continue;
    if (exchange_->community().head.member(peer) == nullptr) continue;  // not yet, or no more
    AMIC_TRY(auto address, consent::parse_link_address(config.address));
    AMIC_TRY_VOID(link_->set_address(peer, {"https", std::move(address.host), address.port}));
  }
  return {};
}

link::Options Node::link_options() const {
  link::Options options;
  options.host = options_.config.link_listen.host;
  options.port = options_.config.link_listen.port;
  options.tls_seed = to_bytes(options_.keys.tls.seed());
  options.witness_interval_ms = options_.config.witness_interval_s * 1000;
  PeerBudget const& budget = options_.config.peer_budget;
  options.budget = {budget.requests, budget.bytes_per_second, budget.envelopes_per_second,
                    budget.cpu_ms_per_second};
  for (auto const& [peer, config] : options_.config.peers)
    options.send_bytes_per_second[peer] = config.send_bytes_per_second;
  options.relays = options_.config.relays;
  options.relay_after_ms = options_.config.relay_after_s * 1000;
  return options;
}

Result<void> Node::open_api() {
  auto const ask = [this](exchange::Repair::Ask question, std::function<void(Result<Bytes>)> done) {
    std::shared_lock const lock(link_mutex_);
    if (!link_) return done(fail(Code::kUnavailable, "link", "is being made anew"));
    link_->ask(std::move(question), std::move(done));
  };
  repair_worker_ =
      std::make_unique<RepairWorker>(*repair_, ask, metrics_, [this] { index_owner_->rebuild(); });
  api::Options options;
  options.server.host = options_.config.api_listen.host;
  options.server.port = options_.config.api_listen.port;
  options.server.body_bytes_max = limits::kHttpBodyBytesMax;
  options.local_token_sha256 = identity::secret_sha256(options_.local_token);
  api::Dependencies const dependencies{runtime_,
                                       pool_,
                                       *store_,
                                       *exchange_,
                                       *committer_,
                                       *log_,
                                       clock_,
                                       random_,
                                       metrics_,
                                       [this] { return links_json(); },
                                       [this] { return readiness(); },
                                       [this] { return index_owner_->applied_seq(); },
                                       std::string(kSoftwareVersion),
                                       carriers_.get(),
                                       operations_.get(),
                                       repair_.get(),
                                       [this] { return repair_worker_->start(); },
                                       attachments_.get(),
                                       delegation_.get()};
  AMIC_TRY(api_owner_, api::ApiService::start(dependencies, std::move(options)));
  api_ = api_owner_.get();
  return {};
}

std::string Node::api_url() const {
  Listen const listen{options_.config.api_listen.host, api_owner_->port()};
  return "http://" + listen.text();
}

std::string Node::link_address() const {
  Listen const listen{options_.config.link_listen.host, link_port_};
  return "https://" + listen.text();
}

api::Readiness Node::readiness() const {
  if (auto const failure = index_owner_->failure())
    return {false, "the index can't be written: " + failure->text()};
  if (index_owner_->applied_seq() < log_->size()) return {false, "the index is catching up"};
  return {true, ""};
}

// One large item leaves megabytes in the allocator's free lists: a node that sits idle for months
// on a small machine gives them back.
void Node::arm_trim() {
  trim_ = runtime_.after(kTrimEveryMs, [this] {
    ::malloc_trim(0);
    arm_trim();
  });
}

namespace {
json::array carried_json(std::vector<exchange::CarriedFor> const& carried) {
  json::array out;
  for (auto const& one : carried)
    out.push_back({{"from", one.from.str()},
                   {"batches", one.batches},
                   {"envelopes", one.envelopes},
                   {"bytes", one.bytes},
                   {"oldest", codec::to_rfc3339(one.oldest_ms)}});
  return out;
}

json::array rollbacks_json(std::vector<exchange::Rollback> const& rollbacks) {
  json::array out;
  for (auto const& one : rollbacks)
    out.push_back({{"who", one.of_peer ? "peer" : "self"},
                   {"precedence", precedence_name(static_cast<Precedence>(one.lane))},
                   {"from_n", one.from_n},
                   {"upto_n", one.upto_n},
                   {"at", codec::to_rfc3339(one.at_ms)}});
  return out;
}

json::array refusals_json(std::vector<exchange::PeerRefusal> const& refusals) {
  json::array out;
  for (auto const& refusal : refusals)
    out.push_back({{"item", codec::to_uuid(refusal.item.view())},
                   {"precedence", precedence_name(static_cast<Precedence>(refusal.lane))},
                   {"n", refusal.n},
                   {"code", refusal.code},
                   {"at", codec::to_rfc3339(refusal.at_ms)}});
  return out;
}
}  // namespace

json::value Node::links_json() const {
  json::array out;
  std::shared_lock const lock(link_mutex_);
  auto const all = link_ ? link_->status() : fail(Code::kUnavailable, "link");
  if (!all) return out;
  for (auto const& peer : *all) {
    json::object link;
    link["peer"] = peer.peer.str();
    link["address"] = peer.address;
    if (peer.via) {
      link["via"] = peer.via->str();
      link["at_relay"] = peer.relayed;
    }
    if (!peer.carried.empty()) link["carried"] = carried_json(peer.carried);
    if (peer.equivocations != 0) link["equivocations"] = peer.equivocations;
    link["state"] = peer.linked ? "linked" : peer.reachable ? "reachable" : "unreachable";
    std::uint64_t waiting = 0, bytes = 0, sent = 0, received = 0;
    UnixMs oldest_ms = 0;
    json::array lanes;
    for (unsigned i = 0; i < kLaneCount; ++i) {
      auto const& lane = peer.lanes[i];
      waiting += lane.queued_n - lane.acked_n;
      bytes += lane.pending_bytes;
      sent += lane.acked_n;
      received += lane.received_n;
      if (lane.oldest_queued_ms != 0)
        oldest_ms =
            oldest_ms == 0 ? lane.oldest_queued_ms : std::min(oldest_ms, lane.oldest_queued_ms);
      json::object shown = {{"precedence", precedence_name(static_cast<Precedence>(i))},
                            {"queued", lane.queued_n},
                            {"acknowledged", lane.acked_n},
                            {"received", lane.received_n}};
      if (lane.returning) shown["returning"] = true;
      if (!lane.problem.empty()) shown["problem"] = lane.problem;
      lanes.push_back(std::move(shown));
    }
    link["waiting"] = waiting;
    link["waiting_bytes"] = bytes;
    if (oldest_ms != 0) link["oldest_waiting"] = codec::to_rfc3339(oldest_ms);
    link["sent"] = sent;
    link["received"] = received;
    link["quarantined"] = peer.quarantined;
    link["refusals"] = refusals_json(peer.refusals);
    if (!peer.rollbacks.empty()) link["rollbacks"] = rollbacks_json(peer.rollbacks);
    link["cosigned_size"] = peer.cosigned_size;
    if (peer.last_ok_ms != 0) link["last_contact"] = codec::to_rfc3339(peer.last_ok_ms);
    if (peer.current_to_ms != 0) link["current_to"] = codec::to_rfc3339(peer.current_to_ms);
    link["not_here_yet"] = peer.not_here_yet;
    if (peer.next_try_ms != 0) link["next_try"] = codec::to_rfc3339(peer.next_try_ms);
    link["failures"] = peer.consecutive_failures;
    if (peer.last_error) link["last_error"] = peer.last_error->text();
    link["lanes"] = std::move(lanes);
    out.push_back(std::move(link));
  }
  return out;
}

Result<OfflineNode> open_offline(DataDir const& dir, consent::Community const& community,
                                 NodeKeys const& keys, Realm const& realm, Clock const& clock,
                                 Random& random) {
  AMIC_TRY(auto const card, dir.card());
  OfflineNode out;
  AMIC_TRY(out.store, node::open_store(dir, keys));
  AMIC_TRY(out.log, tlog::Log::open(*out.store, tlog::log_origin(community.id, card.member, realm),
                                    keys.log));
  out.committer = std::make_unique<exchange::DirectCommitter>(*out.log);
  AMIC_TRY(auto transcript, dir.launch());
  if (!transcript) return fail(Code::kUnknownCommunity, dir.launch_file().string());
  AMIC_TRY(auto chronicle, governance::load_chronicle(*out.store, std::move(*transcript)));
  AMIC_TRY(out.exchange,
           exchange::Exchange::open(chronicle.heads, exchange_keys(card.member, keys), *out.store,
                                    *out.committer, clock, random, realm));
  return out;
}

}  // namespace amic::node
