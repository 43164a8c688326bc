// Relay notes and lists of receipts from outside: what decodes must encode to the same bytes.
#include <cstdlib>

#include "exchange/relay.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace amic;
  BytesView const input{data, size};
  if (auto const note = exchange::decode_relay_note(input))
    if (!equal(exchange::encode(*note), input)) std::abort();
  if (auto const receipts = exchange::decode_receipts(input))
    if (!equal(exchange::encode_receipts(*receipts), input)) std::abort();
  return 0;
}
