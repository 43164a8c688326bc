// Carrier files from outside: read to the end, and what decodes must encode to the same bytes.
#include <cstdlib>

#include "exchange/bundle.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace amic;
  BytesView const input{data, size};
  exchange::MemorySource source(input);
  if (auto reader = exchange::CarrierReader::open(source)) {
    for (;;) {  // ends: each turn takes at least the frame of a section, or stops
      auto const section = reader->next();
      if (!section || !*section) break;
    }
  }
  if (auto const header = exchange::decode_carrier_header(input))
    if (!equal(exchange::encode(*header), input)) std::abort();
  if (auto const manifest = exchange::decode_carrier_manifest(input))
    if (!equal(exchange::encode(*manifest), input)) std::abort();
  return 0;
}
