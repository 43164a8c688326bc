// A hostile member sends as fast as it can; what an honest pair notices, and what the node that is
// sent to holds. The flood costs processor time on this same machine: so the same flood also goes
// to a server that throws everything away, and the rise is over that.
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "benchmarks/demo.h"
#include "benchmarks/measure.h"
#include "benchmarks/sections.h"
#include "benchmarks/stix_data.h"
#include "exchange/exchange.h"
#include "link/wire.h"
#include "net/http.h"
#include "node/ceremony.h"

namespace amic::bench {

namespace {
constexpr char kSection[] = "hostile member at full rate";
constexpr std::string_view kPrecedence = "IMMEDIATE";
constexpr auto kPollEvery = std::chrono::milliseconds(2);
constexpr auto kBetweenItems = std::chrono::milliseconds(20);
constexpr std::size_t kAtOnce = 32;

// Keeps kAtOnce requests under way: garbage of 1 MiB, and batches that are well formed but forged.
class Flood {
 public:
  Flood(net::Runtime& runtime, net::Endpoint endpoint, Bytes const& tls_seed,
        std::vector<std::string> bodies)
      : endpoint_(std::move(endpoint)), bodies_(std::move(bodies)) {
    net::ClientOptions options;
    options.tls = net::TlsIdentity{tls_seed, "amic"};
    options.server_key = [](net::PublicKey32 const&) { return true; };
    options.connections_per_endpoint_max = kAtOnce;
    client_ = must(net::Client::create(runtime, options));
    for (std::size_t i = 0; i < kAtOnce; ++i) next();
  }
  // What still calls next() finds the client until its destructor has waited for that.
  ~Flood() { stopping_ = true; }
  double megabytes() const { return static_cast<double>(bytes_) / 1e6; }

 private:
  void next() {
    if (stopping_) return;
    net::Request request;
    request.method = "POST";
    request.target = link::kEnvelopesPath;
    request.headers = {{"content-type", std::string(link::kBatchType)}};
    request.body = bodies_[sent_++ % bodies_.size()];
    auto const size = request.body.size();
    client_->send(endpoint_, std::move(request), 60'000,
                  [this, size](Result<net::Response> answer) {
                    // The attacker's machine is another one: here it gets what the others leave.
                    ::setpriority(PRIO_PROCESS, 0, 19);
                    if (answer) bytes_ += size;  // else it was not let in
                    next();
                  });
  }

  net::Endpoint endpoint_;
  std::vector<std::string> bodies_;
  std::atomic<bool> stopping_ = false;
  std::atomic<std::size_t> sent_ = 0, bytes_ = 0;
  std::unique_ptr<net::Client> client_;  // last: goes first
};

std::vector<std::string> bodies_of(CommunityId const& community, MemberId const& from,
                                   MemberId const& to) {
  SeededRandom random(11);
  std::vector<std::string> out;
  Bytes garbage(1 << 20);
  random.fill(garbage);
  out.emplace_back(as_text(garbage));
  exchange::Batch batch;
  batch.community = community;
  batch.from = from;
  batch.to = to;
  batch.first_n = 1;
  for (int i = 0; i < 900; ++i) {
    Bytes envelope(1000);
    random.fill(envelope);
    batch.envelopes.push_back(std::move(envelope));
  }
  out.emplace_back(as_text(exchange::encode(batch)));
  return out;
}

std::vector<double> honest_times(node::ApiClient& from, std::string const& to,
                                 std::size_t samples) {
  SeededRandom random(7);
  std::vector<double> out;
  std::uint64_t const before = [&] {
    auto const all = links_of(from, kPrecedence).acknowledged;
    return *std::max_element(all.begin(), all.end());
  }();
  for (std::size_t i = 0; i < samples; ++i) {
    auto const request = share_text({to}, kPrecedence, bundle_of_size(1024, random));
    Stopwatch const watch;
    must(from.post("/api/v1/items", request));
    for (;;) {
      auto const all = links_of(from, kPrecedence).acknowledged;
      double const ms = watch.seconds() * 1000;
      if (*std::max_element(all.begin(), all.end()) == before + i + 1) {
        out.push_back(ms);
        break;
      }
      CHECK(ms < 60'000);
      std::this_thread::sleep_for(kPollEvery);
    }
    std::this_thread::sleep_for(kBetweenItems);
  }
  return out;
}
}  // namespace

void measure_hostile(Settings const& settings, Report& report) {
  progress("==> a hostile member floods one of an honest pair");
  std::size_t const samples = settings.quick ? 50 : 400;
  Demo const demo(settings.amic, 3);
  auto const members = demo.members();
  auto const honest = client_of(demo.nodes()[0]);
  auto const attacker = must(node::DataDir::open(demo.nodes()[2]));
  auto const keys = must(node::load_keys(attacker, {}));
  auto const victim = must(node::DataDir::open(demo.nodes()[1]));
  auto const victim_pid = pid_of(demo.nodes()[1]);
  auto const community = must(consent::community_of(*must(victim.launch())));
  auto const bodies =
      bodies_of(community.id, must(MemberId::parse(members[2])), must(MemberId::parse(members[1])));
  auto const seed = to_bytes(keys.tls.seed());
  demo.wait_quiet();

  auto const quiet = honest_times(*honest, members[1], samples);
  net::Runtime runtime(1);
  runtime.start();
  net::ServerOptions sink_options;
  sink_options.tls = net::TlsIdentity{Bytes(32, std::uint8_t{7}), "sink"};
  sink_options.client_key = [](net::PublicKey32 const&) { return true; };
  auto const sink =
      must(net::Server::listen(runtime, sink_options, [](net::Request, net::Responder respond) {
        respond({400, {}, "", {}});
      }));
  std::vector<double> beside;
  double sink_mb_s = 0;
  {
    Flood const flood(runtime, {"https", "127.0.0.1", sink->port()}, seed, bodies);
    Stopwatch const watch;
    beside = honest_times(*honest, members[1], samples);
    sink_mb_s = flood.megabytes() / watch.seconds();
  }
  sink->stop();
  auto const before = memory_of(victim_pid);
  std::vector<double> flooded;
  double mb_s = 0;
  {
    Flood const flood(runtime, must(net::parse_endpoint(must(victim.card()).link_address)), seed,
                      bodies);
    Stopwatch const watch;
    flooded = honest_times(*honest, members[1], samples);
    mb_s = flood.megabytes() / watch.seconds();
  }
  auto const after = memory_of(victim_pid);
  runtime.stop();
  double const p99 = percentile(flooded, 99), control = percentile(beside, 99);
  report.add({kSection,
              "rise of an honest item's p99",
              (p99 / control - 1) * 100,
              "%",
              Bar{true, 25},
              {{"p99", p99, "ms"},
               {"flood into a sink, p99", control, "ms"},
               {"no flood, p99", percentile(quiet, 99), "ms"},
               {"flood", mb_s, "MB/s"},
               {"into the sink", sink_mb_s, "MB/s"}}});
  report.add({kSection,
              "more memory at the node that is flooded, at most",
              after.most_resident_mb - before.resident_mb,
              "MiB",
              Bar{true, 64},
              {{"before", before.resident_mb, "MiB"}}});
}

}  // namespace amic::bench
