// Eleven real processes on loopback: launch, memory, and sharing one item with ten members.
#include <algorithm>
#include <thread>

#include "benchmarks/demo.h"
#include "benchmarks/measure.h"
#include "benchmarks/sections.h"
#include "benchmarks/stix_data.h"

namespace amic::bench {

namespace {
constexpr std::size_t kMembers = 11;
constexpr std::string_view kPrecedence = "IMMEDIATE";
constexpr auto kPollEvery = std::chrono::milliseconds(2);
constexpr auto kBetweenItems = std::chrono::milliseconds(40);  // duty officers don't share in loops

void measure_memory(Demo const& demo, Report& report) {
  Memory most;
  for (auto const& dir : demo.nodes()) {
    auto const memory = memory_of(pid_of(dir));
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
  return share_text(others, kPrecedence, bundle_of_size(1024, random));
}

// Milliseconds from the request to the tenth acknowledgement as the sender's own API tells it; up
// to one polling interval too much, never too little.
std::vector<double> share_times(Demo const& demo, std::size_t samples) {
  auto const members = demo.members();
  std::vector<std::string> const others(members.begin() + 1, members.end());
  auto const client = client_of(demo.nodes().front());
  SeededRandom random(7);
  std::vector<double> out;
  auto expected = links_of(*client, kPrecedence).acknowledged;
  CHECK(expected.size() == others.size());
  for (std::size_t i = 0; i < samples; ++i) {
    auto const request = request_of(others, random);
    for (auto& n : expected) ++n;
    Stopwatch const watch;
    must(client->post("/api/v1/items", request));
    for (;;) {
      auto const links = links_of(*client, kPrecedence);
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
  auto const members = demo.members();
  std::vector<std::string> const others(members.begin() + 1, members.end());
  auto const client = client_of(demo.nodes().front());
  SeededRandom random(8);
  std::vector<double> out;
  for (std::size_t i = 0; i < samples; ++i) {
    auto const text = must(client->post("/api/v1/items", request_of(others, random)));
    auto const shared = must(json::parse(text));
    std::string const id(shared.as_object().at("id").as_string().c_str());
    while (links_of(*client, kPrecedence).waiting) std::this_thread::sleep_for(kPollEvery);
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
  Demo const demo(settings.amic, kMembers);
  report.add({"launch",
              "eleven nodes founded, pressed, verified, linked",
              demo.linked_seconds(),
              "s",
              Bar{true, 10},
              {{"of it the ceremony", demo.launched_seconds(), "s"}}});
  demo.wait_quiet();
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
