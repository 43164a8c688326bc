// Everything that the parts of the simulation share.
#pragma once

#include <memory>
#include <vector>

#include "exchange/testing.h"
#include "ledger.h"
#include "mutants.h"
#include "network.h"
#include "schedule.h"

namespace amic::sim {

class SimNode;
class Attacker;
class Witness;

using Founders = exchange::testing::Founders;

// How rough a history is. All off once the healing begins.
struct Weather {
  bool rough = true;
  std::uint64_t disk_fault_permille = 0;   // of an append
  std::uint64_t index_fault_permille = 0;  // of an apply
  std::size_t commit_queue_max = 10'000;
  std::optional<MemberId> full_disk;
  std::optional<MemberId> slow_disk;  // its commits take seconds
  std::optional<MemberId> rotten;     // a record on its disk is damaged
  bool relays = false;                // members carry for each other
  // Two whose direct link is never mended: what they have for each other goes another way.
  std::optional<std::pair<MemberId, MemberId>> apart;
};

struct World {
  World(std::uint64_t seed, bool print, Mutant planted, Founders const& the_founders);
  ~World();

  Dice dice;
  Schedule schedule;
  Story story;
  Mutant mutant;
  Founders const& founders;
  Weather weather;
  Network network;
  Ledger ledger;
  std::uint64_t relayed = 0, carried = 0;       // batches handed on, files taken in
  std::set<std::string> secrets;                // names of groups: never to be seen outside a seal
  std::vector<std::unique_ptr<SimNode>> nodes;  // sorted by member
  std::unique_ptr<Attacker> attacker;           // always there; may have no node to act for
  std::unique_ptr<Witness> witness;

  SimNode& node(MemberId const& member);
  void tell(MemberId const& who, std::string const& what) {
    story.tell(schedule.now(), who.str(), what);
  }
};

}  // namespace amic::sim
