// Canonical bytes of questions about a lane and their answers: docs/formats/ranges.md.
#include "base/limits.h"
#include "codec/codec.h"
#include "exchange/exchange.h"
#include "exchange/ranges.h"

namespace amic::exchange {

namespace {

constexpr std::uint16_t kVersion = 1;

MemberId read_member(codec::Reader& in) {
  auto const text = in.str8(16);
  if (!in.ok()) return {};
  auto member = MemberId::parse(text);
  if (member) return *member;
  in.reject(Code::kMalformed, "not a member id");
  return {};
}

bool read_flag(codec::Reader& in, char const* what) {
  auto const value = in.u8();
  if (in.ok() && value > 1) in.reject(Code::kOutOfRange, what);
  return value == 1;
}

void write_lane(codec::Writer& out, RangeLane const& lane) {
  out.u16(kVersion).raw(lane.community.view());
  out.str8(lane.from.str()).str8(lane.to.str());
  out.u8(lane.lane).u8(lane.of_from ? 1 : 0).u64(lane.upto_n);
}

RangeLane read_lane(codec::Reader& in) {
  RangeLane out;
  auto const version = in.u16();
  if (in.ok() && version != kVersion) in.reject(Code::kUnsupported, "unknown version");
  out.community = in.fixed<CommunityId>();
  out.from = read_member(in);
  out.to = read_member(in);
  out.lane = in.u8();
  if (in.ok() && out.lane >= kLaneCount) in.reject(Code::kOutOfRange, "lane is 0 to 3");
  out.of_from = read_flag(in, "whose envelopes");
  out.upto_n = in.u64();
  if (in.ok() && (out.upto_n == 0 || out.upto_n > kRangeNumberMax))
    in.reject(Code::kOutOfRange, "upto_n");
  return out;
}

std::uint8_t read_level(codec::Reader& in, std::uint64_t upto_n) {
  auto const level = in.u8();
  if (in.ok() && level > range_top(upto_n)) in.reject(Code::kOutOfRange, "level");
  return level;
}

std::size_t read_count(codec::Reader& in, std::size_t least, std::size_t most) {
  std::size_t const count = in.u16();
  if (in.ok() && (count < least || count > most)) in.reject(Code::kOutOfRange, "count");
  return in.ok() ? count : 0;
}

}  // namespace

Bytes encode(RangeQuestion const& question) {
  codec::Writer out;
  write_lane(out, question.lane);
  out.u8(question.level).u16(static_cast<std::uint16_t>(question.blocks.size()));
  for (RangeBlock const& block : question.blocks)
    out.u64(block.index).raw(block.fingerprint.view());
  return out.take();
}

Result<RangeQuestion> decode_range_question(BytesView bytes) {
  codec::Reader in(bytes, "ranges");
  RangeQuestion out;
  out.lane = read_lane(in);
  out.level = read_level(in, out.lane.upto_n);
  auto const count = read_count(in, 1, limits::kRangeBlocksMax);
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    RangeBlock block{in.u64(), in.fixed<Fingerprint>()};
    if (!in.ok()) break;
    std::uint64_t const end = kRangeNumberMax >> (4 * out.level);
    if (block.index >= end || range_first(out.level, block.index) > out.lane.upto_n)
      in.reject(Code::kOutOfRange, "beyond upto_n");
    if (!out.blocks.empty() && block.index <= out.blocks.back().index)
      in.reject(Code::kMalformed, "blocks are not rising");
    out.blocks.push_back(block);
  }
  AMIC_TRY_VOID(in.finish());
  return out;
}

Bytes encode(RangeAnswer const& answer) {
  codec::Writer out;
  write_lane(out, answer.lane);
  out.u8(answer.level).i64(answer.audited_ms);
  out.u16(static_cast<std::uint16_t>(answer.blocks.size()));
  for (auto const& block : answer.blocks) {
    out.u8(block.same ? 0 : 1);
    if (block.same) continue;
    if (answer.level == 0) out.raw(block.digest.view());
    for (std::size_t i = 0; i < kRangeFan && answer.level > 0; ++i) out.raw(block.parts[i].view());
  }
  return out.take();
}

Result<RangeAnswer> decode_range_answer(BytesView bytes) {
  codec::Reader in(bytes, "ranges");
  RangeAnswer out;
  out.lane = read_lane(in);
  out.level = read_level(in, out.lane.upto_n);
  out.audited_ms = in.i64();
  auto const count = read_count(in, 1, limits::kRangeBlocksMax);
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    RangeAnswer::Block block;
    block.same = !read_flag(in, "same or not");
    if (!block.same && out.level == 0) block.digest = in.fixed<Hash>();
    for (std::size_t part = 0; part < kRangeFan && !block.same && out.level > 0; ++part)
      block.parts[part] = in.fixed<Fingerprint>();
    out.blocks.push_back(block);
  }
  AMIC_TRY_VOID(in.finish());
  return out;
}

Bytes encode(PieceRequest const& request) {
  codec::Writer out;
  write_lane(out, request.lane);
  out.u16(static_cast<std::uint16_t>(request.numbers.size()));
  for (std::uint64_t const n : request.numbers) out.u64(n);
  return out.take();
}

Result<PieceRequest> decode_piece_request(BytesView bytes) {
  codec::Reader in(bytes, "pieces");
  PieceRequest out;
  out.lane = read_lane(in);
  auto const count = read_count(in, 1, limits::kPiecesMax);
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    auto const n = in.u64();
    if (in.ok() && (n == 0 || n > out.lane.upto_n)) in.reject(Code::kOutOfRange, "beyond upto_n");
    if (!out.numbers.empty() && n <= out.numbers.back())
      in.reject(Code::kMalformed, "numbers are not rising");
    out.numbers.push_back(n);
  }
  AMIC_TRY_VOID(in.finish());
  return out;
}

Bytes encode(Pieces const& pieces) {
  codec::Writer out;
  write_lane(out, pieces.lane);
  out.u16(static_cast<std::uint16_t>(pieces.pieces.size()));
  for (auto const& piece : pieces.pieces) out.u64(piece.n).vec32(piece.entry);
  return out.take();
}

Result<Pieces> decode_pieces(BytesView bytes) {
  codec::Reader in(bytes, "pieces");
  Pieces out;
  out.lane = read_lane(in);
  auto const count = read_count(in, 1, limits::kPiecesMax);
  std::size_t total = 0;
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    auto const n = in.u64();
    auto const entry = in.vec32(limits::kEnvelopeBytesMax);
    total += entry.size();
    if (i > 0 && total > limits::kBatchBytesMax)
      in.reject(Code::kTooLarge, "over 1 MiB in more than one entry");
    if (in.ok() && (n == 0 || n > out.lane.upto_n)) in.reject(Code::kOutOfRange, "beyond upto_n");
    if (!out.pieces.empty() && n <= out.pieces.back().n)
      in.reject(Code::kMalformed, "numbers are not rising");
    out.pieces.push_back({n, to_bytes(entry)});
  }
  AMIC_TRY_VOID(in.finish());
  return out;
}

}  // namespace amic::exchange
