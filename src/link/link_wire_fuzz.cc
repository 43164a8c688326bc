// What a peer answers or sends beside batches and receipts. The same bytes go to every decoder.
#include "base/check.h"
#include "exchange/exchange.h"
#include "link/wire.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace amic;
  BytesView const input{data, size};
  std::string_view const text = as_text(input);
  if (auto const status = link::decode_status(text)) {
    auto const again = link::encode_status(*status);
    CHECK(again.size() <= link::kStatusBytesMax);
    CHECK(link::decode_status(again).value() == *status);
  }
  // The lane chosen before all is decoded must be the lane that is decoded.
  auto const lane = link::batch_lane(input);
  if (lane) CHECK(*lane < kLaneCount);
  if (auto const batch = exchange::decode_batch(input)) {
    CHECK(lane && *lane == batch->lane);
    CHECK(link::batch_envelopes(input) == batch->envelopes.size());
  }

  int const http_status = size == 0 ? 500 : 100 + data[size - 1] * 2;
  Error const error = link::error_of_answer(http_status, text);
  CHECK(error.where.starts_with("peer"));
  CHECK(error.where.size() + error.detail.size() <= link::kAnswerBytesMax + 64);
  return 0;
}
