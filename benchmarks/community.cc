// Eleven real processes on loopback: launch, memory, and sharing one item with ten members.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <thread>

#include "benchmarks/local_node.h"
#include "benchmarks/measure.h"
#include "benchmarks/sections.h"
#include "benchmarks/stix_data.h"
#include "codec/codec.h"
#include "node/demo.h"
#include "node/share_request.h"

namespace amic::bench {

namespace {
constexpr std::size_t kMembers = 11;
constexpr std::string_view kPrecedence = "IMMEDIATE";
constexpr auto kPollEvery = std::chrono::milliseconds(2);
constexpr auto kBetweenItems = std::chrono::milliseconds(40);  // duty officers don't share in loops
constexpr auto kIdle = std::chrono::seconds(5);

// `amic demo --detach` in a directory of its own; ended with the object.
class Demo {
 public:
  explicit Demo(std::filesystem::path amic) : amic_(std::move(amic)) {
    auto const command = quoted(amic_) + " demo --members " + std::to_string(kMembers) + " --dir " +
                         quoted(dir()) + " --port-base 19400 --no-traffic --detach 2>&1";
    Stopwatch const watch;
    std::unique_ptr<FILE, int (*)(FILE*)> in(::popen(command.c_str(), "r"), &::pclose);
    CHECK(in != nullptr);
    char line[4096];
    std::string said;
    while (std::fgets(line, sizeof line, in.get()) != nullptr) {
      said += line;
      if (said.ends_with('\n') && std::string_view(line).find("launched:") != std::string::npos)
        launched_s_ = watch.seconds();
      if (std::string_view(line).find("every link up") != std::string::npos)
        linked_s_ = watch.seconds();
    }
    if (linked_s_ == 0) std::fprintf(stderr, "%s", said.c_str());
    CHECK(linked_s_ > 0);
    for (auto const& entry : std::filesystem::directory_iterator(dir()))
      if (node::DataDir::open(entry.path())) nodes_.push_back(entry.path());
    std::sort(nodes_.begin(), nodes_.end());
    CHECK(nodes_.size() == kMembers);
  }
  ~Demo() {
    auto const command = quoted(amic_) + " demo --stop --dir " + quoted(dir()) + " >/dev/null 2>&1";
    if (std::system(command.c_str()) != 0) progress("the demonstration did not stop cleanly");
  }
  Demo(Demo const&) = delete;
  Demo& operator=(Demo const&) = delete;

  double launched_seconds() const { return launched_s_; }
  double linked_seconds() const { return linked_s_; }
  std::vector<std::filesystem::path> const& nodes() const { return nodes_; }
  std::filesystem::path dir() const { return directory_.path() / "demo"; }

 private:
  static std::string quoted(std::filesystem::path const& path) { return "'" + path.string() + "'"; }
  std::filesystem::path amic_;
  exchange::testing::TemporaryDirectory directory_;
  double launched_s_ = 0, linked_s_ = 0;
  std::vector<std::filesystem::path> nodes_;
};

struct Memory {
  double resident_mb = 0, anonymous_mb = 0;
};
Memory memory_of(std::int64_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/status");
  Memory out;
  for (std::string line; std::getline(in, line);) {
    std::istringstream fields(line);
    std::string name;
    double kib = 0;
    fields >> name >> kib;
    if (name == "VmRSS:") out.resident_mb = kib / 1024;
    if (name == "RssAnon:") out.anonymous_mb = kib / 1024;
  }
  CHECK(out.resident_mb > 0);
  return out;
}

std::unique_ptr<node::ApiClient> client_of(std::filesystem::path const& dir) {
  return must(node::ApiClient::connect({dir.string(), "", ""}));
}

// Acknowledged by each peer on the lane of kPrecedence, and whether anything waits at all.
struct Links {
  std::vector<std::uint64_t> acknowledged;
  bool waiting = false;
};
Links links_of(node::ApiClient& client) {
  auto const value = must(json::parse(must(client.get("/api/v1/links"))));
  Links out;
  for (auto const& link : value.as_object().at("links").as_array()) {
    auto const& peer = link.as_object();
    out.waiting = out.waiting || peer.at("waiting").to_number<std::uint64_t>() > 0;
    for (auto const& lane : peer.at("lanes").as_array())
      if (lane.as_object().at("precedence").get_string() == kPrecedence)
        out.acknowledged.push_back(lane.as_object().at("acknowledged").to_number<std::uint64_t>());
  }
  return out;
}

void wait_quiet(Demo const& demo) {
  for (auto const& dir : demo.nodes()) {
    auto const client = client_of(dir);
    while (links_of(*client).waiting) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  std::this_thread::sleep_for(kIdle);
}

void measure_memory(Demo const& demo, Report& report) {
  Memory most;
  for (auto const& dir : demo.nodes()) {
    auto const run = must(node::read_run_file(must(node::DataDir::open(dir))));
    auto const memory = memory_of(run.pid);
    if (memory.resident_mb > most.resident_mb) most = memory;
  }
  report.add({"launch",
              "largest idle node, resident",
              most.resident_mb,
              "MiB",
              Bar{true, 48},
              {{"of it anonymous", most.anonymous_mb, "MiB"}}});
}

std::string request_of(std::vector<std::string> const& others, Random& random) {
  json::object marking;
  marking["classification"] = "RESTRICTED";
  marking["tlp"] = "TLP:AMBER";
  json::array rel_to;
  for (auto const& id : others) rel_to.emplace_back(id);
  marking["rel_to"] = std::move(rel_to);
  marking["purpose"] = "measurement";
  return node::share_request_text(std::move(marking), kPrecedence, false, node::kStixMediaType,
                                  bundle_of_size(1024, random));
}

// Milliseconds from the request to the tenth acknowledgement as the sender's own API tells it; up
// to one polling interval too much, never too little.
std::vector<double> share_times(Demo const& demo, std::size_t samples) {
  std::vector<std::string> members;
  for (auto const& dir : demo.nodes())
    members.push_back(must(must(node::DataDir::open(dir)).card()).member.str());
  std::vector<std::string> const others(members.begin() + 1, members.end());
  auto const client = client_of(demo.nodes().front());
  SeededRandom random(7);
  std::vector<double> out;
  auto expected = links_of(*client).acknowledged;
  CHECK(expected.size() == others.size());
  for (std::size_t i = 0; i < samples; ++i) {
    auto const request = request_of(others, random);
    for (auto& n : expected) ++n;
    Stopwatch const watch;
    must(client->post("/api/v1/items", request));
    for (;;) {
      auto const links = links_of(*client);
      double const ms = watch.seconds() * 1000;
      if (links.acknowledged == expected) {
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
// Milliseconds from the request to recall to the tenth signed word that the item is destroyed.
std::vector<double> recall_times(Demo const& demo, std::size_t samples) {
  std::vector<std::string> members;
  for (auto const& dir : demo.nodes())
    members.push_back(must(must(node::DataDir::open(dir)).card()).member.str());
  std::vector<std::string> const others(members.begin() + 1, members.end());
  auto const client = client_of(demo.nodes().front());
  SeededRandom random(8);
  std::vector<double> out;
  for (std::size_t i = 0; i < samples; ++i) {
    auto const text = must(client->post("/api/v1/items", request_of(others, random)));
    auto const shared = must(json::parse(text));
    std::string const id(shared.as_object().at("id").as_string().c_str());
    while (links_of(*client).waiting) std::this_thread::sleep_for(kPollEvery);
    std::this_thread::sleep_for(kBetweenItems);  // until it is indexed everywhere
    auto const operations = "/api/v1/items/" + id + "/operations";
    Stopwatch const watch;
    must(client->post(operations, R"({"kind":"recall","reason":"measured","precedence":"FLASH"})"));
    for (;;) {
      auto const report = must(json::parse(must(client->get(operations))));
      double const ms = watch.seconds() * 1000;
      std::size_t complied = 0;
      for (auto const& one : report.as_object().at("members").as_array())
        if (one.as_object().at("outcome").as_string() == "complied") ++complied;
      if (complied == others.size()) {
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

void measure_community(Settings const& settings, bool share, Report& report) {
  progress("==> eleven nodes");
  Demo const demo(settings.amic);
  report.add({"launch",
              "eleven nodes founded, pressed, verified, linked",
              demo.linked_seconds(),
              "s",
              Bar{true, 10},
              {{"of it the ceremony", demo.launched_seconds(), "s"}}});
  wait_quiet(demo);
  measure_memory(demo, report);
  if (!share) return;

  progress("==> 1 KiB to ten members");
  auto disk = fdatasync_ms(demo.dir(), 200);
  auto const times = share_times(demo, settings.quick ? 30 : 300);
  auto const after = fdatasync_ms(demo.dir(), 200);
  disk.insert(disk.end(), after.begin(), after.end());
  report.add({"share 1 KiB to ten, durable and acknowledged by all",
              "p50",
              percentile(times, 50),
              "ms",
              Bar{true, 30},
              {{"fdatasync of this disk, p50", percentile(disk, 50), "ms"}}});
  report.add({"share 1 KiB to ten, durable and acknowledged by all",
              "p99",
              percentile(times, 99),
              "ms",
              Bar{true, 150},
              {{"fdatasync of this disk, p99", percentile(disk, 99), "ms"},
               {"samples", static_cast<double>(times.size()), ""}}});

  progress("==> recall from ten members");
  auto const recalls = recall_times(demo, settings.quick ? 20 : 200);
  report.add({"recall from ten: hidden, key destroyed, and said so by all",
              "p50",
              percentile(recalls, 50),
              "ms",
              {},
              {{"fdatasync of this disk, p50", percentile(disk, 50), "ms"}}});
  report.add({"recall from ten: hidden, key destroyed, and said so by all",
              "p99",
              percentile(recalls, 99),
              "ms",
              Bar{true, 1000},
              {{"samples", static_cast<double>(recalls.size()), ""}}});
}

}  // namespace amic::bench
