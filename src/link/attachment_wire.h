// Bytes of an attachment on the link: what is asked for, and what comes. docs/formats/link.md,
// "Chunk piece". Internal to src/link.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/limits.h"
#include "base/result.h"
#include "crypto/seal.h"
#include "net/target.h"

namespace amic::link {

inline constexpr std::string_view kAttachmentPath = "/link/v1/attachments/{root}";
inline constexpr std::string_view kPieceType = "application/vnd.amic.chunk-piece";

// GET /link/v1/attachments/<root in hex>?chunk=N&offset=N&size=N
struct PieceRequest {
  Hash root;
  std::uint32_t chunk = 0;
  std::uint32_t offset = 0;  // in the sealed chunk
  std::uint32_t size = 0;    // at most; 1 to a sealed chunk
  bool operator==(PieceRequest const&) const = default;
};
std::string encode_target(PieceRequest const& request);
// kMalformed or kOutOfRange at "path.root" or "query.<name>".
Result<PieceRequest> decode_piece_request(std::string_view root, net::Target const& target);

struct ChunkPiece {
  std::uint32_t wait_ms = 0;  // not 0: nothing now, ask again then
  std::uint32_t chunk = 0;
  std::uint32_t offset = 0;
  std::vector<Hash> proof;  // with the last bytes of a chunk: its audit path
  BytesView data;           // into what was decoded
};
inline constexpr std::uint32_t kPieceWaitMaxMs = 60'000;
Bytes encode(ChunkPiece const& piece);
Result<ChunkPiece> decode_piece(BytesView bytes);

}  // namespace amic::link
