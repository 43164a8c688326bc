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
// Launch, memory, sharing: eleven real processes.
void measure_community(Settings const& settings, bool share, Report& report);

}  // namespace amic::bench
