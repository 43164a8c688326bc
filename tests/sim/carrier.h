// Carrier files on their way from one node to another in somebody's pocket: the steps of
// src/exchange/bundle_import.cc with the world's schedule in place of waiting.
#pragma once

#include "world.h"

namespace amic::sim {

// Writes what `from` has for `to`, and takes it in there some time later. In rough weather a file
// gets lost, damaged, or is taken in twice.
void carry_file(World& world, SimNode& from, MemberId const& to);

}  // namespace amic::sim
