// Synthetic STIX 2.1 of realistic shape and size (about 1 KB an object, mixed types), the same on
// every run. Says so in each object.
#pragma once

#include <string>
#include <vector>

#include "base/random.h"

namespace amic::bench {

struct Bundle {
  std::string text;
  std::size_t objects = 0;
};

// `objects` valid objects in bundles of at most `per_bundle`.
std::vector<Bundle> make_bundles(std::size_t objects, std::size_t per_bundle, std::uint64_t seed);

// A bundle of one indicator whose text has exactly `size` bytes (at least 700).
std::string bundle_of_size(std::size_t size, Random& random);

}  // namespace amic::bench
