// Batches, receipts and what is given back, from outside: decode, and what decodes must encode to
// the same bytes.
#include <cstdlib>

#include "exchange/exchange.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace amic;
  BytesView const input{data, size};
  if (auto const batch = exchange::decode_batch(input))
    if (!equal(exchange::encode(*batch), input)) std::abort();
  if (auto const receipt = exchange::decode_receipt(input))
    if (!equal(exchange::encode(*receipt), input)) std::abort();
  if (auto const returned = exchange::decode_returned(input))
    if (!equal(exchange::encode(*returned), input)) std::abort();
  return 0;
}
