#include "benchmarks/local_node.h"

#include <chrono>
#include <future>

namespace amic::bench {

LocalNode::LocalNode() {
  SeededRandom seeded(1);
  auto const founders = exchange::testing::Founders::make({"AA", "BB"}, seeded, clock_.now_ms());
  auto const& me = founders.members.front();
  self_ = me.card.member;
  // Encrypted at rest, as nodes are.
  store::Options options;
  options.key = crypto::Secret(std::size_t{32});
  random_.fill(options.key->mutable_view());
  options.random = &random_;
  store_ = must(store::Store::open("sqlite:" + (directory_.path() / "store").string(), options));
  log_ = must(
      tlog::Log::open(*store_, tlog::log_origin(founders.community.id, self_, Realm()), me.log));
  committer_ = std::make_unique<node::GroupCommitter>(*log_, [this](std::uint64_t size) {
    if (auto* index = index_.load()) index->log_grew(size);
  });
  exchange_ = must(exchange::Exchange::open(founders.community, {self_, me.node, me.sealing},
                                            *store_, *committer_, clock_, random_, Realm()));
  operations_ = std::make_unique<exchange::Operations>(*exchange_, *store_, clock_,
                                                       exchange::ComplyMode::kAuto);
  index_owner_ = std::make_unique<node::IndexWorker>(*exchange_, *store_, *operations_,
                                                     [this](std::uint64_t seq) {
                                                       if (auto* api = api_.load())
                                                         api->index_applied(seq);
                                                       std::lock_guard const lock(mutex_);
                                                       applied_.notify_all();
                                                     });
  index_ = index_owner_.get();
}

LocalNode::~LocalNode() {
  if (api_owner_) api_owner_->stop();
  index_owner_->stop_fulfilling();
  committer_.reset();
  index_ = nullptr;
  index_owner_.reset();
  api_ = nullptr;
  api_owner_.reset();
  runtime_.stop();
}

marking::Marking LocalNode::marking() const {
  marking::Marking out;
  out.classification = marking::Classification::kRestricted;
  out.rel_to = {self_, must(MemberId::parse("BB"))};
  return out;
}

void LocalNode::wait_indexed() {
  std::unique_lock lock(mutex_);
  // The worker publishes its position before it notifies.
  applied_.wait(lock, [this] {
    if (auto const failure = index_owner_->failure()) must(Result<void>(fail(*failure)));
    return index_owner_->applied_seq() >= log_->size();
  });
}

LocalNode::Api LocalNode::start_api() {
  Api out;
  identity::TokenInfo wanted;
  wanted.name = "benchmark";
  wanted.scopes = {identity::Scope::kRead};
  wanted.clearance = marking::Classification::kSecret;
  auto token = must(identity::make_token(wanted, clock_.now_ms(), random_));
  out.token = token.secret;
  store::Append unit;
  unit.kv.push_back(token.put);
  std::promise<Result<std::uint64_t>> stored;
  auto result = stored.get_future();
  committer_->commit(std::move(unit), [&](Result<std::uint64_t> seq) { stored.set_value(seq); });
  must(result.get());

  runtime_.start();
  api::Dependencies const dependencies{runtime_,
                                       pool_,
                                       *store_,
                                       *exchange_,
                                       *committer_,
                                       *log_,
                                       clock_,
                                       random_,
                                       metrics_,
                                       [] { return json::value(json::array()); },
                                       [] {
                                         return api::Readiness{true, ""};
                                       },
                                       [this] { return index_owner_->applied_seq(); },
                                       "benchmark",
                                       nullptr,
                                       operations_.get()};
  api_owner_ = must(api::ApiService::start(dependencies, {}));
  api_ = api_owner_.get();
  out.port = api_owner_->port();
  return out;
}

}  // namespace amic::bench
