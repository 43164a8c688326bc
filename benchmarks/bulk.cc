// Bulk from one node to another on loopback. The receiver stands still while the sender takes
// everything in, so that what is measured is the way between them and nothing of the sender's
// ingest.
#include <signal.h>

#include <algorithm>
#include <thread>

#include "benchmarks/demo.h"
#include "benchmarks/measure.h"
#include "benchmarks/sections.h"
#include "benchmarks/stix_data.h"
#include "json/json.h"

namespace amic::bench {

namespace {
constexpr char kSection[] = "bulk, node to node";
constexpr std::string_view kPrecedence = "ROUTINE";
constexpr std::size_t kObjectsPerBundle = 500;
constexpr auto kPollEvery = std::chrono::milliseconds(5);
constexpr double kStalledS = 300;  // the receiver was silent: it may take the sender a while to ask

std::uint64_t acknowledged(node::ApiClient& client) {
  auto const links = links_of(client, kPrecedence);
  CHECK(links.acknowledged.size() == 1);
  return links.acknowledged.front();
}

// The id of the newest item that a reader sees; items are indexed in the order of the log.
std::string newest_item(node::ApiClient& client) {
  auto const value = must(json::parse(must(client.get("/api/v1/items?limit=1&order=newest"))));
  auto const& items = value.as_object().at("items").as_array();
  return items.empty() ? "" : std::string(items.front().as_object().at("id").get_string());
}

// A process that stands still while this object lives.
class Held {
 public:
  explicit Held(std::int64_t pid) : pid_(static_cast<pid_t>(pid)) {
    CHECK(::kill(pid_, SIGSTOP) == 0);
  }
  ~Held() { ::kill(pid_, SIGCONT); }
  Held(Held const&) = delete;
  Held& operator=(Held const&) = delete;

 private:
  pid_t pid_;
};

struct Moved {
  double objects_per_second = 0;
  double readable_per_second = 0;
};

// From the first acknowledgement after the receiver goes on, which therefore does not count.
Moved watch_move(node::ApiClient& from, node::ApiClient& to, std::uint64_t before,
                 std::uint64_t bundles, std::string const& last_item) {
  Stopwatch const since_released;
  auto const wait_for = [&](auto const& holds) {
    while (!holds()) {
      CHECK(since_released.seconds() < kStalledS);
      std::this_thread::sleep_for(kPollEvery);
    }
  };
  std::uint64_t first = before;
  wait_for([&] { return (first = acknowledged(from)) > before; });
  Stopwatch const watch;
  auto const rest = static_cast<double>((before + bundles - first) * kObjectsPerBundle);
  CHECK(rest > 0);
  wait_for([&] { return acknowledged(from) == before + bundles; });
  double const durable = watch.seconds();
  wait_for([&] { return newest_item(to) == last_item; });
  return {rest / durable, rest / watch.seconds()};
}
}  // namespace

void measure_bulk(Settings const& settings, Report& report) {
  std::size_t const objects = settings.quick ? 20'000 : 200'000;
  progress("==> bulk of " + number_text(static_cast<double>(objects)) + " objects, two nodes");
  auto const bundles = make_bundles(objects, kObjectsPerBundle, 3);
  Demo const demo(settings.amic, 2);
  auto const members = demo.members();
  auto const from = client_of(demo.nodes().front());
  auto const to = client_of(demo.nodes().back());
  auto const receiver = pid_of(demo.nodes().back());
  demo.wait_quiet();
  auto const before = acknowledged(*from);
  auto const idle = memory_of(receiver);

  std::string last;
  double ingest_s = 0;
  {
    Held const held(receiver);
    Stopwatch const watch;
    for (auto const& bundle : bundles) {
      auto const text =
          must(from->post("/api/v1/items", share_text({members.back()}, kPrecedence, bundle.text)));
      last = std::string(must(json::parse(text)).as_object().at("id").get_string());
    }
    ingest_s = watch.seconds();
    std::this_thread::sleep_for(std::chrono::seconds(5));  // the sender's own index
  }
  auto const moved = watch_move(*from, *to, before, bundles.size(), last);
  report.add({kSection,
              "objects, queued to verified, logged, durable and signed for",
              moved.objects_per_second,
              "/s",
              Bar{false, 20'000},
              {{"until a reader sees the last", moved.readable_per_second, "/s"},
               {"taken in by the sender over HTTP, alone", static_cast<double>(objects) / ingest_s,
                "/s"}}});
  report.add({kSection,
              "more memory at the receiver, at most",
              memory_of(receiver).most_resident_mb - idle.resident_mb,
              "MiB",
              {},
              {{"idle", idle.resident_mb, "MiB"}}});
}

}  // namespace amic::bench
