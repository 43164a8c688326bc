// Questions about lanes and their answers, from outside: decode, and what decodes must encode to
// the same bytes.
#include <cstdlib>

#include "exchange/ranges.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace amic;
  BytesView const input{data, size};
  auto const again = [&](auto const& value) {
    if (value && !equal(exchange::encode(*value), input)) std::abort();
  };
  again(exchange::decode_range_question(input));
  again(exchange::decode_range_answer(input));
  again(exchange::decode_piece_request(input));
  again(exchange::decode_pieces(input));
  return 0;
}
