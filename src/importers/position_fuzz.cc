#include <cmath>
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "importers/position.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  auto const position =
      amic::importers::parse_position({reinterpret_cast<char const*>(data), size});
  if (position) {
    CHECK(std::abs(position->latitude) <= 90);
    CHECK(std::abs(position->longitude) <= 180);
  }
  return 0;
}
