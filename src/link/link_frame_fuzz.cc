// Frames from outside: each decoder over the whole input, and the input as a script of frames, good
// and bad, for the assembly that puts batches together.
#include "base/check.h"
#include "codec/codec.h"
#include "link/assembly.h"

namespace {
using namespace amic;

void try_decoders(BytesView input) {
  if (auto const frame = link::decode_frame(input)) {
    CHECK(frame->data.size() <= frame->total);
    CHECK(equal(link::encode(*frame), input));
  }
  if (auto const wanted = link::decode_wanted(input)) CHECK(equal(link::encode(*wanted), input));
}

// Two batches of which pieces arrive in any order, some with a byte that is wrong.
void try_assembly(BytesView input) {
  constexpr std::size_t kBatches = 2;
  codec::Reader in(input, "script");
  std::array<Bytes, kBatches> batches;
  for (auto& batch : batches) {
    std::size_t const size = 1 + in.u16();
    batch.assign(size, in.u8());
  }
  link::Assembly assembly;
  UnixMs now_ms = 0;
  while (in.ok() && in.left() > 0) {
    std::uint8_t const what = in.u8();
    now_ms += what % 16 == 0 ? link::Assembly::kIdleMs : 1;
    Bytes const& batch = batches[what / 4 % kBatches];
    std::size_t const offset = in.u16() % (batch.size() + 1);
    Bytes piece = to_bytes(BytesView(batch).subspan(offset));
    piece.resize(std::min<std::size_t>(piece.size(), in.u16()));
    if (what % 32 == 31 && !piece.empty()) piece.back() ^= 1;
    link::Frame const frame{static_cast<std::uint8_t>(what % kLaneCount), link::transfer_id(batch),
                            static_cast<std::uint32_t>(batch.size()),
                            static_cast<std::uint32_t>(offset), piece};
    auto const took = assembly.take(frame, now_ms);
    CHECK(assembly.bytes() <= link::Assembly::kBytesMax);
    if (!took) continue;
    CHECK(took->wanted <= frame.total);
    if (took->what != link::Assembly::What::kWhole) continue;
    CHECK(equal(took->batch, batch));
    assembly.finish(frame.lane, frame.transfer, what < 128);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  BytesView const input{data, size};
  try_decoders(input);
  try_assembly(input);
  return 0;
}
