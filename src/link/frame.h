// A piece of a batch on its way over a slow link, and what the receiver says of it.
// docs/formats/link.md, "Frame". Internal to src/link.
#pragma once

#include "base/bytes.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/result.h"

namespace amic::link {

// The first half of the SHA-256 of the batch whose pieces these are.
using TransferId = FixedBytes<16, struct TransferIdTag>;
TransferId transfer_id(BytesView batch);

// A batch is at most one envelope of the largest size with what goes around it.
inline constexpr std::size_t kTransferBytesMax = limits::kEnvelopeBytesMax + limits::kBatchBytesMax;
inline constexpr std::size_t kFrameHeaderBytes = 27;

struct Frame {
  std::uint8_t lane = 0;
  TransferId transfer;
  std::uint32_t total = 0;  // bytes of the batch
  std::uint32_t offset = 0;
  BytesView data;  // of the batch, from offset; may be empty: then it only asks
};
Bytes encode(Frame const& frame);
// The data points into `bytes`. Lane and range are checked.
Result<Frame> decode_frame(BytesView bytes);

// Answer to a frame while the batch is incomplete.
struct Wanted {
  TransferId transfer;
  std::uint32_t offset = 0;  // everything before it is here
  bool operator==(Wanted const&) const = default;
};
Bytes encode(Wanted const& wanted);
Result<Wanted> decode_wanted(BytesView bytes);

}  // namespace amic::link
