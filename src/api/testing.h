// Test support: one node of a community with its API served on loopback.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <deque>

#include "api/api.h"
#include "exchange/testing.h"
#include "net/test_support.h"

namespace amic::api::testing {

using exchange::testing::must;
using identity::Scope;
using marking::Classification;

// Holds commits back on request.
class PausingCommitter final : public exchange::Committer {
 public:
  explicit PausingCommitter(exchange::Committer& inner) : inner_(inner) {}
  void commit(store::Append unit, std::function<void(Result<std::uint64_t>)> done) override {
    {
      std::lock_guard const lock(mutex_);
      if (paused_) {
        held_.emplace_back(std::move(unit), std::move(done));
        arrived_.add();
        return;
      }
    }
    inner_.commit(std::move(unit), std::move(done));
  }
  void pause() {
    std::lock_guard const lock(mutex_);
    paused_ = true;
  }
  void wait_for_held(int n) { arrived_.wait_for(n); }
  void release() {
    std::deque<std::pair<store::Append, std::function<void(Result<std::uint64_t>)>>> held;
    {
      std::lock_guard const lock(mutex_);
      paused_ = false;
      held.swap(held_);
    }
    for (auto& [unit, done] : held) inner_.commit(std::move(unit), std::move(done));
  }

 private:
  exchange::Committer& inner_;
  std::mutex mutex_;
  bool paused_ = false;
  std::deque<std::pair<store::Append, std::function<void(Result<std::uint64_t>)>>> held_;
  net::Tally arrived_;
};

// Read on the pool's threads while a test moves it.
class TestClock final : public Clock {
 public:
  UnixMs now_ms() const override { return now_ms_; }
  void advance(UnixMs by_ms) { now_ms_ += by_ms; }

 private:
  std::atomic<UnixMs> now_ms_ = ManualClock().now_ms();
};

struct Token {
  std::string id;
  std::string secret;
};

// An indicator with a chosen number in its id and a chosen version (minute of 2026-01-01).
inline std::string indicator(int number, int minute = 0, std::string const& name = "n") {
  char text[512];
  std::snprintf(text, sizeof text,
                R"({"type":"indicator","spec_version":"2.1","id":"indicator--%08x-0000-4000-8000-)"
                R"(000000000000","created":"2026-01-01T00:00:00.000Z","modified":)"
                R"("2026-01-01T00:%02d:00.000Z","name":"%s","pattern":"[domain-name:value = 'a.)"
                R"(example']","pattern_type":"stix","valid_from":"2026-01-01T00:00:00Z"})",
                static_cast<unsigned>(number), minute, name.c_str());
  return text;
}
inline std::string indicator_id(int number) {
  char text[64];
  std::snprintf(text, sizeof text, "indicator--%08x-0000-4000-8000-000000000000",
                static_cast<unsigned>(number));
  return text;
}
inline std::string bundle(std::vector<std::string> const& objects) {
  std::string out = R"({"type":"bundle","id":"bundle--00000000-0000-4000-8000-000000000000",)"
                    R"("objects":[)";
  for (std::size_t i = 0; i < objects.size(); ++i) out += (i > 0 ? "," : "") + objects[i];
  return out + "]}";
}

class ServedNode {
 public:
  explicit ServedNode(Options options = {}, std::uint64_t seed = 1)
      : community({"AA", "BB", "CC"}, seed), options_(std::move(options)) {
    runtime_.start();
    client_ = must(net::Client::create(runtime_, {}));
    open();
  }
  ~ServedNode() { close(); }

  exchange::testing::TestNode& node() { return community.node("AA"); }
  void open() {
    committer = std::make_unique<PausingCommitter>(node().committer());
    exchange = must(exchange::Exchange::open(
        community.founders.community, {node().id(), node().keys().node, node().keys().sealing},
        node().store(), *committer, clock, community.random, Realm()));
    keys = exchange::NodeKeys{node().id(), node().keys().node, node().keys().sealing};
    carriers = std::make_unique<exchange::CarrierExports>(
        exchange::CarrierParts{*keys, realm, node().store(), *exchange, *committer, clock, random});
    operations = std::make_unique<exchange::Operations>(*exchange, node().store(), clock,
                                                        exchange::ComplyMode::kAsk);
    attachments = must(exchange::Attachments::open(
        {*exchange, node().store(), *committer, *operations, clock, random},
        {files_.path() / "attachments", 0, 0}));
    api = must(ApiService::start(Dependencies{runtime_,
                                              pool_,
                                              node().store(),
                                              *exchange,
                                              *committer,
                                              node().log(),
                                              clock,
                                              random,
                                              metrics,
                                              [] { return json::array{}; },
                                              [this] {
                                                return Readiness{ready, "not yet"};
                                              },
                                              [this] { return must(node().store().watermark()); },
                                              "test",
                                              carriers.get(),
                                              operations.get(),
                                              nullptr,
                                              {},
                                              attachments.get()},
                                 options_));
  }
  void close() {
    api.reset();
    attachments.reset();
    operations.reset();
    carriers.reset();
    exchange.reset();
    committer.reset();
  }
  void restart() {
    close();
    node().restart();
    open();
  }
  void index() {
    node().index_all();
    api->index_applied(must(node().store().watermark()));
  }
  void put(store::KvPut put) {
    store::Append unit;
    unit.kv.push_back(std::move(put));
    must(commit(std::move(unit)));
  }
  Result<void> commit(store::Append unit) {
    Result<void> out;
    node().committer().commit(std::move(unit), [&](Result<std::uint64_t> result) {
      if (!result) out = fail(result.error());
    });
    return out;
  }
  Token token(std::set<Scope> scopes, Classification clearance = Classification::kSecret,
              std::optional<UnixMs> expires_ms = {}) {
    identity::TokenInfo wanted;
    wanted.name = "test";
    wanted.scopes = std::move(scopes);
    wanted.clearance = clearance;
    wanted.expires_ms = expires_ms;
    auto made = must(identity::make_token(wanted, clock.now_ms(), random));
    put(made.put);
    return {made.info.id, made.secret};
  }
  // Shares from this node, without HTTP, and moves the clock on.
  exchange::ShareResult share(std::string body, Classification classification,
                              std::optional<EnvelopeId> id = {}, std::string purpose = "") {
    auto request = exchange::testing::share_request({"BB"}, std::move(body));
    request.marking.classification = classification;
    request.marking.purpose = std::move(purpose);
    request.id = id;
    Result<exchange::ShareResult> out = fail(Code::kInternal, "test");
    exchange->share(std::move(request),
                    [&](Result<exchange::ShareResult> result) { out = std::move(result); });
    clock.advance(1000);
    return must(std::move(out));
  }
  net::Response call(std::string method, std::string target, std::string secret = {},
                     std::string body = {}, net::Headers headers = {}) {
    net::Request request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.body = std::move(body);
    request.headers = std::move(headers);
    if (!secret.empty()) request.headers.emplace_back("authorization", "Bearer " + secret);
    auto response =
        client_->call({"http", "127.0.0.1", api->port()}, std::move(request), net::kTestTimeoutMs);
    EXPECT_TRUE(response) << response.error().text();
    return response ? std::move(*response) : net::Response{};
  }
  net::Response get(std::string target, std::string const& secret) {
    return call("GET", std::move(target), secret);
  }

  exchange::testing::TestCommunity community;
  TestClock clock;
  SystemRandom random;
  obs::Metrics metrics;
  bool ready = true;
  std::unique_ptr<PausingCommitter> committer;
  std::unique_ptr<exchange::Exchange> exchange;
  Realm realm;
  std::optional<exchange::NodeKeys> keys;
  std::unique_ptr<exchange::CarrierExports> carriers;
  std::unique_ptr<exchange::Operations> operations;
  std::unique_ptr<exchange::Attachments> attachments;
  std::unique_ptr<ApiService> api;

 private:
  Options options_;
  exchange::testing::TemporaryDirectory files_;
  net::Runtime runtime_{2};
  net::WorkerPool pool_{2, 1024};
  std::unique_ptr<net::Client> client_;
};

inline json::object object_of(net::Response const& response) {
  auto value = json::parse(response.body);
  EXPECT_TRUE(value && value->is_object()) << response.status << " " << response.body;
  return value && value->is_object() ? value->get_object() : json::object{};
}
inline std::string text_at(json::object const& object, std::string_view name) {
  auto const* value = object.if_contains(name);
  return value && value->is_string() ? std::string(std::string_view(value->get_string())) : "";
}

// One event stream over a raw socket.
class EventReader {
 public:
  EventReader(std::uint16_t port, std::string const& secret, std::string const& last_id = {})
      : socket_(port) {
    socket_.send(
        "GET /api/v1/events HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer " +
        secret + "\r\n" + (last_id.empty() ? "" : "Last-Event-ID: " + last_id + "\r\n") + "\r\n");
    text_ = socket_.receive_until("retry: 2000\n\n");
  }
  std::string const& head() const { return text_; }
  // Text of the next event: from "id:" to the empty line.
  std::string next() {
    for (;;) {
      auto const begin = text_.find("id: ", at_);
      auto const end = begin == std::string::npos ? begin : text_.find("\n\n", begin);
      if (end != std::string::npos) {
        at_ = end + 2;
        return text_.substr(begin, end - begin);
      }
      auto const more = socket_.receive();
      if (more.empty()) return "";
      text_ += more;
    }
  }
  std::string rest() { return socket_.receive_all(); }
  static std::string id_of(std::string const& event) {
    return event.substr(4, event.find('\n') - 4);
  }
  static std::string data_of(std::string const& event) {
    return event.substr(event.find("data: ") + 6);
  }

 private:
  net::RawSocket socket_;
  std::string text_;
  std::size_t at_ = 0;
};

}  // namespace amic::api::testing
