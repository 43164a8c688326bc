// sim: runs histories of a whole community in this one process. See tests/sim/README.md.
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>

#include "history.h"

namespace {

using namespace amic::sim;

constexpr char kUsage[] =
    "usage: sim [--seed S] [--histories N] [--members M] [--trace] [--mutant NAME] [--mutants]\n"
    "  --seed S       the first seed (default 1); history i has seed S + i\n"
    "  --histories N  how many (default 1)\n"
    "  --members M    members of the community, 2 to 11 (default: 3 to 5, now and then 7 or 11)\n"
    "  --trace        print the story of each history\n"
    "  --mutant NAME  plant a bug and stop at the first history that finds it\n"
    "  --mutants      list the bugs that can be planted\n"
    "Exit: 0 all held, 1 a violation (its seed is printed), 2 usage.\n";

struct Command {
  Options options;
  std::uint64_t histories = 1;
};

bool number(char const* text, std::uint64_t& out) {
  auto const end = text + std::strlen(text);
  auto const [at, error] = std::from_chars(text, end, out);
  return error == std::errc() && at == end;
}

// False: usage.
bool parse(int argc, char** argv, Command& out) {
  for (int i = 1; i < argc; ++i) {
    std::string const flag = argv[i];
    if (flag == "--trace") {
      out.options.trace = true;
      continue;
    }
    if (flag == "--mutants") {
      for (auto const& mutant : all_mutants())
        std::printf("%-24s %s\n", mutant.name.data(), mutant.what.data());
      std::exit(0);
    }
    if (++i == argc) return false;
    std::uint64_t members = 0;
    if (flag == "--seed" && number(argv[i], out.options.seed)) continue;
    if (flag == "--histories" && number(argv[i], out.histories)) continue;
    if (flag == "--members" && number(argv[i], members) && members >= 2 && members <= 11) {
      out.options.members = members;
      continue;
    }
    auto const mutant = parse_mutant(argv[i]);
    if (flag != "--mutant" || !mutant) return false;
    out.options.mutant = *mutant;
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  Command command;
  if (!parse(argc, argv, command)) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  Outcome sum;
  auto const begin = std::chrono::steady_clock::now();
  std::uint64_t const first = command.options.seed;
  for (std::uint64_t i = 0; i < command.histories; ++i) {
    command.options.seed = first + i;
    Outcome const one = run_history(command.options);
    if (command.options.trace) std::printf("story %s\n", one.digest.c_str());
    if (!one.ok) {
      std::printf("seed %llu: %s\n", static_cast<unsigned long long>(command.options.seed),
                  one.violation.c_str());
      return 1;
    }
    sum.events += one.events;
    sum.accepted += one.accepted;
    sum.refused += one.refused;
    sum.delivered += one.delivered;
    sum.crashes += one.crashes;
    sum.quarantined += one.quarantined;
    sum.operations += one.operations;
    sum.destroyed += one.destroyed;
    sum.groups += one.groups;
    sum.relayed += one.relayed;
    sum.carried += one.carried;
    sum.rotten += one.rotten;
  }
  std::chrono::duration<double> const took = std::chrono::steady_clock::now() - begin;
  std::cout << command.histories << " histories held in " << took.count() << " s: " << sum.accepted
            << " shares accepted, " << sum.refused << " refused, " << sum.delivered
            << " records stored, " << sum.quarantined << " forgeries quarantined, " << sum.crashes
            << " crashes, " << sum.operations << " operations, " << sum.destroyed
            << " records destroyed, " << sum.groups << " group statements, " << sum.relayed
            << " batches relayed, " << sum.carried << " files carried, " << sum.rotten
            << " records damaged, " << sum.events << " events\n";
  return 0;
}
