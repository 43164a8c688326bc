// Test support: a community of nodes in one process on temporary directories, without a network.
// Used by the tests of exchange, link and api and by the simulation.
#pragma once

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "codec/codec.h"
#include "consent/head.h"
#include "consent/testing.h"
#include "exchange/direct_committer.h"
#include "exchange/exchange.h"
#include "exchange/index_feeder.h"
#include "store/store.h"
#include "tlog/tlog.h"

namespace amic::exchange::testing {

template <class T>
T must(Result<T> result) {
  if (!result) std::fprintf(stderr, "%s\n", result.error().text().c_str());
  CHECK(result.has_value());
  return std::move(*result);
}
inline void must(Result<void> result) {
  if (!result) std::fprintf(stderr, "%s\n", result.error().text().c_str());
  CHECK(result.has_value());
}

// A directory that goes away with its owner.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    auto pattern = (std::filesystem::temp_directory_path() / "amic-test-XXXXXX").string();
    CHECK(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(TemporaryDirectory const&) = delete;
  TemporaryDirectory& operator=(TemporaryDirectory const&) = delete;
  std::filesystem::path const& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Ids in any order; members come sorted. `addresses`, if given, are the members' link addresses in
// sorted order: "https://127.0.0.1:<port>".
struct Founders {
  std::vector<consent::testing::Founder> members;
  consent::Transcript transcript;
  consent::Community community;

  static Founders make(std::vector<std::string> ids, Random& random, UnixMs now_ms,
                       std::vector<std::string> const& addresses = {}) {
    std::sort(ids.begin(), ids.end());
    auto members = consent::testing::make_founders(ids, random);
    for (std::size_t i = 0; i < addresses.size(); ++i) {
      members[i].card.link_address = addresses[i];
      members[i].card = must(consent::sign_card(members[i].card, members[i].root));
    }
    auto const draft = must(consent::make_draft(consent::testing::make_head(members),
                                                consent::testing::sample_texts()));
    std::vector<consent::Press> presses;
    for (auto const& member : members)
      presses.push_back(
          consent::press(draft.head_bytes, member.card.member, now_ms, member.governance));
    auto transcript = must(consent::launch(draft, presses));
    auto community = must(consent::community_of(transcript));
    return {std::move(members), std::move(transcript), std::move(community)};
  }
};

// `sender` learns where `receiver` stands, as the link tells it.
inline void introduce(Exchange& sender, Exchange& receiver) {
  auto const mark = must(sender.position_mark(receiver.self()));
  std::array<Bytes, kLaneCount> receipts;
  for (std::uint8_t lane = 0; lane < kLaneCount; ++lane)
    receipts[lane] = must(receiver.current_receipt(sender.self(), lane));
  must(sender.on_position(receiver.self(), receipts, mark));
}

// One node without network: store, log, exchange, index.
class TestNode {
 public:
  TestNode(consent::testing::Founder const& keys, consent::Community const& community,
           std::filesystem::path directory, Clock const& clock, Random& random)
      : keys_(keys),
        community_(community),
        directory_(std::move(directory)),
        clock_(clock),
        random_(random) {
    open();
  }
  void open() {
    store::Options options;
    options.key = crypto::Secret(Bytes(32, 7));
    store_ = must(store::Store::open("sqlite:" + directory_.string(), std::move(options)));
    log_ =
        must(tlog::Log::open(*store_, tlog::log_origin(community_.id, id(), Realm()), keys_.log));
    committer_ = std::make_unique<DirectCommitter>(*log_);
    exchange_ = must(Exchange::open(community_, {id(), keys_.node, keys_.sealing}, *store_,
                                    *committer_, clock_, random_, Realm()));
    feeder_ = std::make_unique<IndexFeeder>(*exchange_, *store_);
    meet_all();
  }
  bool is_open() const { return exchange_ != nullptr; }
  // The others, whose positions are known from then on and after each restart.
  void set_company(std::vector<std::unique_ptr<TestNode>> const& all) {
    company_ = &all;
    meet_all();
  }
  void meet(TestNode& other) { introduce(*exchange_, other.exchange()); }
  void close() {
    feeder_.reset();
    exchange_.reset();
    committer_.reset();
    log_.reset();
    store_.reset();
  }
  void restart() {
    close();
    open();
  }

  // What an operator does: a backup while the node runs, and putting it back in place of all.
  void back_up(std::filesystem::path const& to) { must(store_->snapshot(to)); }
  void restore(std::filesystem::path const& from) {
    close();
    std::filesystem::remove_all(directory_);
    std::filesystem::copy(from, directory_);
    open();
  }

  MemberId const& id() const { return keys_.card.member; }
  consent::testing::Founder const& keys() const { return keys_; }
  store::Store& store() { return *store_; }
  tlog::Log& log() { return *log_; }
  Committer& committer() { return *committer_; }
  Exchange& exchange() { return *exchange_; }
  void index_all() {
    while (must(feeder_->catch_up(1000)) > 0) {
    }
  }

  Result<ShareResult> share(ShareRequest request) {
    Result<ShareResult> out = fail(Code::kInternal, "test");
    exchange_->share(std::move(request),
                     [&](Result<ShareResult> result) { out = std::move(result); });
    return out;
  }
  Result<Bytes> accept(MemberId const& from, BytesView batch) {
    Result<Bytes> out = fail(Code::kInternal, "test");
    exchange_->accept(from, batch, [&](Result<Bytes> receipt) { out = std::move(receipt); });
    return out;
  }
  Result<void> on_receipt(MemberId const& from, BytesView receipt) {
    Result<void> out;
    exchange_->on_receipt(from, receipt, [&](Result<void> result) { out = std::move(result); });
    return out;
  }
  // Gets back from `from` what it holds of ours and we have lost; returns the number of answers.
  int recover(TestNode& from) {
    int answers = 0;
    for (auto ask = must(exchange_->next_return(from.id())); ask;
         ask = must(exchange_->next_return(from.id()))) {
      auto const back = from.exchange().returned(id(), ask->lane, ask->after_n);
      auto const done = [](Result<void> result) { must(std::move(result)); };
      if (back)
        exchange_->on_returned(from.id(), ask->lane, *back, done);
      else
        exchange_->on_not_returned(from.id(), ask->lane, done);
      ++answers;
    }
    return answers;
  }
  // Sends all that waits for `to`; returns the number of batches.
  int deliver(TestNode& to) {
    int batches = 0;
    for (auto batch = must(exchange_->next_batch(to.id())); batch;
         batch = must(exchange_->next_batch(to.id()))) {
      auto const receipt = must(to.accept(id(), *batch));
      must(on_receipt(to.id(), receipt));
      ++batches;
    }
    return batches;
  }

 private:
  consent::testing::Founder keys_;
  consent::Community community_;
  std::filesystem::path directory_;
  Clock const& clock_;
  Random& random_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<tlog::Log> log_;
  std::unique_ptr<DirectCommitter> committer_;
  std::unique_ptr<Exchange> exchange_;
  void meet_all() {
    if (company_ == nullptr) return;
    for (auto const& other : *company_)
      if (other.get() != this && other->is_open()) meet(*other);
  }
  std::unique_ptr<IndexFeeder> feeder_;
  std::vector<std::unique_ptr<TestNode>> const* company_ = nullptr;
};

// A whole community on one temporary directory.
struct TestCommunity {
  TemporaryDirectory directory;
  SeededRandom random;
  ManualClock clock;
  Founders founders;
  std::vector<std::unique_ptr<TestNode>> nodes;  // sorted by id

  explicit TestCommunity(std::vector<std::string> ids, std::uint64_t seed = 1)
      : random(seed), founders(Founders::make(std::move(ids), random, clock.now_ms())) {
    for (auto const& member : founders.members)
      nodes.push_back(std::make_unique<TestNode>(
          member, founders.community, directory.path() / member.card.member.str(), clock, random));
    for (auto const& node : nodes) node->set_company(nodes);
  }
  TestNode& node(std::string const& id) {
    for (auto& node : nodes)
      if (node->id().str() == id) return *node;
    CHECK(false);
  }
};

inline std::string indicator_bundle(Random& random, std::string const& name) {
  auto const uuid = [&] {
    auto id = random.fixed<EnvelopeId>();
    id.data[6] = static_cast<std::uint8_t>((id.data[6] & 0x0F) | 0x40);
    id.data[8] = static_cast<std::uint8_t>((id.data[8] & 0x3F) | 0x80);
    return codec::to_uuid(id.view());
  };
  return R"({"type":"bundle","id":"bundle--)" + uuid() +
         R"(","objects":[{"type":"indicator","spec_version":"2.1","id":"indicator--)" + uuid() +
         R"(","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","name":")" +
         name +
         R"(","pattern":"[domain-name:value = 'demo.example']","pattern_type":"stix","valid_from":"2026-01-01T00:00:00Z"}]})";
}

inline ShareRequest share_request(std::vector<std::string> const& rel_to, std::string body,
                                  Precedence precedence = Precedence::kRoutine) {
  ShareRequest out;
  for (auto const& id : rel_to) out.marking.rel_to.insert(must(MemberId::parse(id)));
  out.precedence = precedence;
  out.body = to_bytes(body);
  return out;
}

}  // namespace amic::exchange::testing
