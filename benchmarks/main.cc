// amic_bench: see ./bench --help at the top of the tree.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <set>
#include <string>
#include <string_view>

#include "benchmarks/local_node.h"
#include "benchmarks/sections.h"

namespace amic::bench {

namespace {
std::set<std::string> const kSections{"seal",  "ingest", "pages",   "launch",
                                      "share", "bulk",   "hostile", "repair"};

int usage() {
  std::fprintf(stderr,
               "usage: amic_bench --amic PROGRAM [--quick] [--json] [--only SECTION,...]\n"
               "sections: seal, ingest, pages, launch, share, bulk, hostile, repair\n");
  return 2;
}

struct Arguments {
  Settings settings;
  bool json = false;
  std::set<std::string> sections = kSections;
};

bool parse(int argc, char** argv, Arguments& out) {
  for (int i = 1; i < argc; ++i) {
    std::string_view const name = argv[i];
    bool const more = i + 1 < argc;
    if (name == "--quick") {
      out.settings.quick = true;
    } else if (name == "--json") {
      out.json = true;
    } else if (name == "--amic" && more) {
      out.settings.amic = std::filesystem::absolute(argv[++i]);
    } else if (name == "--only" && more) {
      out.sections.clear();
      for (std::string_view list = argv[++i]; !list.empty();) {
        auto const comma = list.find(',');
        if (!out.sections.emplace(list.substr(0, comma)).second) return false;
        list = comma == std::string_view::npos ? "" : list.substr(comma + 1);
      }
    } else {
      return false;
    }
  }
  for (auto const& section : out.sections)
    if (!kSections.contains(section)) return false;
  return !out.sections.empty() && !out.settings.amic.empty();
}

void run(Arguments const& a, Report& report) {
  auto const wanted = [&](char const* section) { return a.sections.contains(section); };
  if (wanted("launch") || wanted("share")) measure_community(a.settings, wanted("share"), report);
  if (wanted("ingest") || wanted("pages")) {
    LocalNode node;
    measure_ingest(a.settings, node, wanted("ingest") ? &report : nullptr);
    if (wanted("pages")) measure_pages(a.settings, node, report);
  }
  if (wanted("bulk")) measure_bulk(a.settings, report);
  if (wanted("hostile")) measure_hostile(a.settings, report);
  if (wanted("repair")) measure_repair(a.settings, report);
  if (wanted("seal")) measure_seal(a.settings, report);
}
}  // namespace

}  // namespace amic::bench

int main(int argc, char** argv) {
  using namespace amic::bench;
  Arguments arguments;
  if (!parse(argc, argv, arguments)) return usage();
  auto const& here = machine();
  char line[160];
  std::snprintf(line, sizeof line, "%s, %u cores, load %.2f", here.processor.c_str(), here.cores,
                here.load);
  progress(line);
  if (here.load > 0.5 * here.cores)
    progress("other work is running here: figures are lower than this machine can do");
  Report report(!arguments.settings.quick);
  run(arguments, report);
  if (arguments.json)
    std::printf("%s\n", report.json().c_str());
  else
    std::printf("\n%s\n%s", line, report.table().c_str());
  return 0;
}
