// What peers may ask: fingerprints of what is held here in order, and envelopes by number.
#include "base/limits.h"
#include "codec/codec.h"
#include "exchange/repair.h"

namespace amic::exchange {

namespace {

constexpr std::uint64_t kRowsAQuestion = 1 << 17;
constexpr std::size_t kTreesMax = limits::kMembersMax * kLaneCount * 2;

RangeLane answer_lane(RangeLane lane) {
  std::swap(lane.from, lane.to);
  lane.of_from = !lane.of_from;
  return lane;
}

}  // namespace

bool Repair::is_damaged(std::uint64_t seq) const {
  std::lock_guard const lock(damage_mutex_);
  return damaged_.contains(seq);
}

// Numbers that the peer may speak of are those that both sides have agreed upon: a receipt covers
// them, so they stand for the same for ever.
Result<void> Repair::check_lane(MemberId const& peer, RangeLane const& lane) const {
  if (lane.community != parts_.exchange.community().id)
    return fail(Code::kUnknownCommunity, "ranges.community");
  if (lane.from != peer || lane.to != parts_.exchange.self())
    return fail(Code::kWrongIdentity, "ranges", "not from this peer to this node");
  std::uint64_t known = 0;
  if (lane.of_from) {
    AMIC_TRY(auto const bytes, parts_.exchange.current_receipt(peer, lane.lane));
    AMIC_TRY(auto const receipt, decode_receipt(bytes));
    known = receipt.n;
  } else {
    AMIC_TRY(auto const positions, parts_.exchange.out_positions(peer));
    known = positions[lane.lane].n;
  }
  if (lane.upto_n > known)
    return fail(Code::kOutOfRange, "ranges.upto_n",
                "known here up to " + std::to_string(known) + " of this lane");
  return {};
}

RangeReader Repair::held(MemberId const& peer, std::uint8_t lane, bool ours) const {
  return [this, peer, lane, ours](std::uint64_t first_n,
                                  std::uint64_t last_n) -> Result<std::vector<RangeEntry>> {
    std::size_t const count = last_n - first_n + 1;
    AMIC_TRY(auto const rows, ours ? parts_.store.sent(peer, lane, first_n - 1, count)
                                   : parts_.store.received(peer, lane, first_n - 1, count));
    std::vector<RangeEntry> out;
    std::lock_guard const lock(damage_mutex_);
    for (store::LaneRow const& row : rows)
      if (row.n <= last_n && (row.seq == 0 || !damaged_.contains(row.seq)))
        out.push_back({row.n, row.digest});
    return out;
  };
}

Result<Bytes> Repair::ranges(MemberId const& peer, BytesView bytes) {
  AMIC_TRY(auto const question, decode_range_question(bytes));
  RangeLane const& lane = question.lane;
  AMIC_TRY_VOID(check_lane(peer, lane));
  auto const read = held(peer, lane.lane, !lane.of_from);
  RangeAnswer answer{answer_lane(lane), question.level, audited_ms_, {}};
  std::lock_guard const lock(trees_mutex_);
  if (trees_.size() >= kTreesMax) trees_.clear();  // members come and go
  RangeTree& tree = trees_[{peer, lane.lane, !lane.of_from}];
  AMIC_TRY(bool const counted, tree.extend(lane.upto_n, kRowsAQuestion, read));
  if (!counted) return fail(Code::kUnavailable, "ranges", "still counting");
  for (RangeBlock const& asked : question.blocks) {
    auto& block = answer.blocks.emplace_back();
    AMIC_TRY(auto const ours, tree.block(question.level, asked.index, lane.upto_n, read));
    block.same = ours == asked.fingerprint;
    if (block.same) continue;
    if (question.level == 0) {
      std::uint64_t const n = range_first(0, asked.index);
      AMIC_TRY(auto const entries, read(n, n));
      if (!entries.empty()) block.digest = entries.front().digest;
    } else {
      AMIC_TRY(block.parts, tree.parts(question.level, asked.index, lane.upto_n, read));
    }
  }
  return encode(answer);
}

// Empty: it is not in order here either.
Bytes Repair::piece_of(MemberId const& peer, RangeLane const& lane, std::uint64_t n) const {
  auto const rows = lane.of_from ? parts_.store.received(peer, lane.lane, n - 1, 1)
                                 : parts_.store.sent(peer, lane.lane, n - 1, 1);
  if (!rows || rows->empty() || rows->front().n != n) return {};
  store::LaneRow const& row = rows->front();
  if (row.seq == 0) return gone_entry(row.digest);
  if (is_damaged(row.seq)) return {};
  auto records = parts_.store.log_read(row.seq, 1, limits::kEnvelopeBytesMax);
  if (!records || records->empty() || records->front().seq != row.seq) return {};
  store::Record& record = records->front();
  if (record.shredded) return gone_entry(row.digest);
  if (envelope::digest(record.bytes) != row.digest) return {};
  return std::move(record.bytes);
}

Result<Bytes> Repair::pieces(MemberId const& peer, BytesView bytes) {
  AMIC_TRY(auto const request, decode_piece_request(bytes));
  AMIC_TRY_VOID(check_lane(peer, request.lane));
  Pieces out{answer_lane(request.lane), {}};
  std::size_t total = 0;
  for (std::uint64_t const n : request.numbers) {
    Bytes entry = piece_of(peer, request.lane, n);
    if (!out.pieces.empty() && total + entry.size() > limits::kBatchBytesMax) break;
    total += entry.size();
    out.pieces.push_back({n, std::move(entry)});
  }
  return encode(out);
}

}  // namespace amic::exchange
