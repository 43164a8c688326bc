#include "link/attachment_wire.h"

#include <charconv>

#include "codec/codec.h"
#include "exchange/attachment.h"

namespace amic::link {
namespace {

constexpr std::uint16_t kVersion = 1;
constexpr std::uint32_t kSealedMax = exchange::ChunkPlan::kSealedChunkBytes;
constexpr std::uint32_t kChunksMax = limits::kAttachmentBytesMax / limits::kAttachmentChunkBytes;

Result<std::uint32_t> number(net::Target const& target, std::string const& name,
                             std::uint32_t least, std::uint32_t most) {
  auto const text = target.query_value(name);
  std::uint32_t out = 0;
  if (text) {
    auto const [end, error] = std::from_chars(text->data(), text->data() + text->size(), out);
    if (error == std::errc() && end == text->data() + text->size() && out >= least && out <= most)
      return out;
  }
  return fail(Code::kOutOfRange, "query." + name,
              std::to_string(least) + " to " + std::to_string(most));
}

}  // namespace

std::string encode_target(PieceRequest const& request) {
  return "/link/v1/attachments/" + codec::to_hex(request.root.view()) +
         "?chunk=" + std::to_string(request.chunk) + "&offset=" + std::to_string(request.offset) +
         "&size=" + std::to_string(request.size);
}

Result<PieceRequest> decode_piece_request(std::string_view root, net::Target const& target) {
  PieceRequest out;
  auto const bytes = codec::from_hex(root);
  auto const hash = bytes ? Hash::from(*bytes) : std::nullopt;
  if (!hash) return fail(Code::kMalformed, "path.root", "64 hex digits");
  out.root = *hash;
  AMIC_TRY(out.chunk, number(target, "chunk", 0, kChunksMax - 1));
  AMIC_TRY(out.offset, number(target, "offset", 0, kSealedMax - 1));
  AMIC_TRY(out.size, number(target, "size", 1, kSealedMax));
  return out;
}

Bytes encode(ChunkPiece const& piece) {
  codec::Writer out;
  out.u16(kVersion).u32(piece.wait_ms).u32(piece.chunk).u32(piece.offset);
  out.u8(static_cast<std::uint8_t>(piece.proof.size()));
  for (Hash const& hash : piece.proof) out.raw(hash.view());
  out.raw(piece.data);
  return out.take();
}

Result<ChunkPiece> decode_piece(BytesView bytes) {
  codec::Reader in(bytes, "piece");
  ChunkPiece out;
  if (in.u16() != kVersion) in.reject(Code::kUnsupported, "unknown version");
  out.wait_ms = in.u32();
  if (out.wait_ms > kPieceWaitMaxMs) in.reject(Code::kOutOfRange, "more than a minute");
  out.chunk = in.u32();
  if (out.chunk >= kChunksMax) in.reject(Code::kOutOfRange, "no such chunk");
  out.offset = in.u32();
  std::size_t const count = in.u8();
  if (count > exchange::kChunkProofMax) in.reject(Code::kTooLarge, "a proof has 11 hashes at most");
  for (std::size_t i = 0; i < count && in.ok(); ++i) out.proof.push_back(in.fixed<Hash>());
  out.data = in.rest();
  if (out.offset > kSealedMax || out.data.size() > kSealedMax - out.offset)
    in.reject(Code::kOutOfRange, "reaches past a chunk");
  if ((out.wait_ms != 0) != out.data.empty()) in.reject(Code::kMalformed, "either bytes or a wait");
  AMIC_TRY_VOID(in.finish());
  return out;
}

}  // namespace amic::link
