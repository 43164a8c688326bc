// The first byte says which of the two statements the rest is.
#include <cstdlib>

#include "exchange/operation.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace amic;
  if (size == 0) return 0;
  BytesView const input(data + 1, size - 1);
  if (data[0] % 2 == 0) {
    auto const operation = exchange::decode_operation(input);
    if (operation && exchange::encode(*operation) != to_bytes(input)) std::abort();
  } else {
    auto const reply = exchange::decode_reply(input);
    if (reply && exchange::encode(*reply) != to_bytes(input)) std::abort();
  }
  return 0;
}
