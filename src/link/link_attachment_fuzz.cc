// What a peer answers to a request for bytes of an attachment, and what it may ask for.
#include "base/check.h"
#include "exchange/attachment.h"
#include "link/attachment_window.h"
#include "link/attachment_wire.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace amic;
  BytesView const input(data, size);
  if (auto const piece = link::decode_piece(input)) {
    CHECK(link::encode(*piece) == to_bytes(input));
    // Whatever comes, the window holds what was asked for and no more.
    link::ChunkWindow window(exchange::ChunkPlan(100'000), 0, 1);
    auto const asked = window.next(1000);
    CHECK(asked.has_value());
    if (window.take(*asked, piece->data, piece->proof)) CHECK(piece->data.size() <= 1000);
    CHECK(!window.pop());
  }
  auto const text = "/x?" + std::string(as_text(input));
  if (auto const target = net::parse_target(text)) {
    auto const request = link::decode_piece_request(std::string(64, 'a'), *target);
    if (request) {
      auto const again = net::parse_target(link::encode_target(*request));
      CHECK(again && *link::decode_piece_request(std::string(64, 'a'), *again) == *request);
    }
  }
  return 0;
}
