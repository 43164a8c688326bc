#include <cstdlib>

#include "exchange/group.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  amic::BytesView const input(data, size);
  auto const statement = amic::exchange::decode_group_statement(input);
  if (statement && amic::exchange::encode(*statement) != amic::to_bytes(input)) std::abort();
  return 0;
}
