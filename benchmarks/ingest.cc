// Ingest as the API does it: bundle checked, sealed to this node, logged durably, opened again,
// indexed. The clock stops when the last object can be read.
#include <latch>

#include "benchmarks/bare_sqlite.h"
#include "benchmarks/local_node.h"
#include "benchmarks/measure.h"
#include "benchmarks/sections.h"
#include "benchmarks/stix_data.h"
#include "holdings/holdings.h"

namespace amic::bench {

namespace {
constexpr char kSection[] = "ingest";
constexpr std::size_t kObjectsPerBundle = 500;
constexpr std::size_t kIndexBatch = holdings::Indexer::kBatchObjects;

// Returns when all is durable.
void share_all(LocalNode& node, std::vector<Bundle> const& bundles) {
  std::latch durable(static_cast<std::ptrdiff_t>(bundles.size()));
  for (auto const& bundle : bundles) {
    auto const parsed = must(holdings::parse_bundle(bundle.text));
    CHECK(parsed.report.accepted == bundle.objects);
    exchange::ShareRequest request;
    request.marking = node.marking();
    request.keep_private = true;
    request.body = to_bytes(bundle.text);
    node.exchange().share(std::move(request), [&](Result<exchange::ShareResult> result) {
      must(std::move(result));
      durable.count_down();
    });
  }
  durable.wait();
}

std::uint64_t objects_held(store::Store& store) {
  store::AudienceSet all;
  for (auto const& audience : must(store.audiences())) all.push_back(audience.id);
  return must(store.object_count(all));
}
}  // namespace

void measure_ingest(Settings const& settings, LocalNode& node, Report* report) {
  std::size_t const objects = settings.quick ? 10'000 : 100'000;
  progress("==> ingest of " + number_text(static_cast<double>(objects)) + " STIX objects");
  auto const bundles = make_bundles(objects, kObjectsPerBundle, 1);
  std::size_t bytes = 0;
  for (auto const& bundle : bundles) bytes += bundle.text.size();

  double const cpu = process_cpu_seconds();
  Stopwatch const watch;
  share_all(node, bundles);
  node.wait_indexed();
  double const seconds = watch.seconds();
  double const cpu_seconds = process_cpu_seconds() - cpu;
  auto const held = objects_held(node.store());
  CHECK(held + objects / 100 >= objects);  // all but the observables that came twice
  if (report == nullptr) return;

  exchange::testing::TemporaryDirectory scratch;
  auto const bare =
      replay_into_bare_sqlite(node.directory() / "store", scratch.path(), kIndexBatch);
  auto const count = static_cast<double>(objects);
  report->add({kSection,
               "objects, checked to readable",
               count / seconds,
               "/s",
               Bar{false, 8000},
               {{"processor time", cpu_seconds / count * 1e6, "us an object"},
                {"mean object", static_cast<double>(bytes) / count, "B"}}});
  report->add({kSection,
               "share of bare SQLite",
               bare.seconds / seconds * 100,
               "% of bare",
               Bar{false, 40},
               {{"bare SQLite", count / bare.seconds, "/s"},
                {"its processor time", bare.cpu_seconds / count * 1e6, "us an object"}}});
}

}  // namespace amic::bench
