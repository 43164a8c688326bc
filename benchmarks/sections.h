// The measurements. Each adds its figures; none returns without them.
#pragma once

#include <filesystem>
#include <memory>

#include "benchmarks/report.h"

namespace amic::bench {

struct Settings {
  bool quick = false;
  std::filesystem::path amic;  // the program, for what is measured on real processes
};

class LocalNode;

void measure_seal(Settings const& settings, Report& report);
// Fills `node`, which must be empty; with `report` also measures it and the rival.
void measure_ingest(Settings const& settings, LocalNode& node, Report* report);
// Pages of what `node` holds.
void measure_pages(Settings const& settings, LocalNode& node, Report& report);
// One node sends another what it has queued: two real processes.
void measure_bulk(Settings const& settings, Report& report);
// What honest members notice of a flood: three real processes.
void measure_hostile(Settings const& settings, Report& report);
// What a repair of a damaged log sends, and what comparing costs.
void measure_repair(Settings const& settings, Report& report);
// Launch, memory, sharing: eleven real processes.
void measure_community(Settings const& settings, bool share, Report& report);

}  // namespace amic::bench
