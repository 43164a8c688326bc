// Where a peer stands, and what follows when it or this node was restored from a backup.
#include <algorithm>

#include "base/limits.h"
#include "exchange/engine.h"
#include "obs/log.h"

namespace amic::exchange {

Result<PositionMark> Engine::position_mark(MemberId const& member) {
  AMIC_TRY(auto* const entry, peer(member));
  PositionMark out{};
  std::lock_guard const lock(entry->mutex);
  for (std::size_t lane = 0; lane < kLaneCount; ++lane) out[lane] = entry->out[lane].moves;
  return out;
}

Result<void> Engine::on_position(MemberId const& member,
                                 std::array<Bytes, kLaneCount> const& receipts,
                                 PositionMark const& asked_at) {
  AMIC_TRY(auto* const entry, peer(member));
  std::array<Receipt, kLaneCount> words;
  for (std::uint8_t lane = 0; lane < kLaneCount; ++lane) {
    AMIC_TRY(words[lane], read_receipt(member, receipts[lane]));
    if (words[lane].lane != lane) return fail(Code::kMalformed, "receipts", "not in lane order");
  }
  for (std::uint8_t lane = 0; lane < kLaneCount; ++lane)
    static_cast<void>(apply_position(member, *entry, words[lane], receipts[lane], asked_at[lane]));
  return {};
}

Result<void> Engine::resync(MemberId const& member, BytesView bytes) {
  AMIC_TRY(auto* const entry, peer(member));
  AMIC_TRY(auto const receipt, read_receipt(member, bytes));
  return apply_position(member, *entry, receipt, bytes, std::nullopt);
}

Result<void> Engine::apply_position(MemberId const& member, Peer& entry, Receipt const& receipt,
                                    BytesView bytes, std::optional<std::uint64_t> asked_at) {
  bool became_known = false;
  store::Append unit;
  {
    std::lock_guard const lock(entry.mutex);
    auto& out = entry.out[receipt.lane];
    // A word that is older than a receipt taken since, or than a batch on its way, says nothing.
    if (asked_at && (out.in_flight || out.moves != *asked_at)) return {};
    out.in_flight.reset();
    if (out.returning && out.returning->busy) return {};
    bool const known = out.position_known;
    auto settled = settle(member, entry, receipt, bytes);
    if (!settled) {
      bool const news = !out.problem || out.problem->code != settled.error().code;
      out.problem = settled.error();
      out.position_known = false;
      out.returning.reset();
      if (news)
        obs::log(obs::Level::kError, "exchange.lane_stopped",
                 {{"peer", member.str()},
                  {"lane", static_cast<unsigned>(receipt.lane)},
                  {"error", settled.error().text()}});
      return fail(std::move(settled).error());
    }
    out.problem.reset();
    unit = std::move(*settled);
    became_known = out.position_known && !known;
  }
  if (!unit.cursors.empty() || !unit.kv.empty())
    save_ack(member, receipt.lane, std::move(unit), [](Result<void>) {});
  if (became_known) flush_marks(member, receipt.lane);
  return {};
}

Result<OutPositions> Engine::out_positions(MemberId const& member) const {
  AMIC_TRY(auto* const entry, peer(member));
  OutPositions out;
  std::lock_guard const lock(entry->mutex);
  for (std::size_t lane = 0; lane < kLaneCount; ++lane) {
    auto const& from = entry->out[lane];
    out[lane] = {from.acked_n, from.acked_chain, from.position_known};
  }
  return out;
}

Result<std::uint64_t> Engine::late_receipt(MemberId const& member, BytesView bytes) {
  AMIC_TRY(auto* const entry, peer(member));
  AMIC_TRY(auto const receipt, read_receipt(member, bytes));
  // No batch may ever be asked for here: a peer that is reached by file or through others only.
  save_again(member, *entry);
  store::Append unit;
  {
    std::lock_guard const lock(entry->mutex);
    auto& out = entry->out[receipt.lane];
    if (receipt.n <= out.acked_n) return out.acked_n;
    AMIC_TRY(auto const chain,
             chain_over(member, receipt.lane, out.acked_n, out.acked_chain, receipt.n));
    if (!chain)
      return fail(Code::kConflict, "receipt.n",
                  "the peer has signed for more than this node knows to have sent: it was restored "
                  "from a backup");
    if (*chain != receipt.chain)
      return fail(Code::kConflict, "receipt.chain", "not the sequence that was sent");
    out.acked_n = receipt.n;
    out.acked_chain = receipt.chain;
    out.may_have_more = true;
    ++out.moves;
    unit.cursors.push_back(
        {store::CursorKind::kAcked, member, receipt.lane, receipt.n, to_bytes(bytes)});
  }
  save_ack(member, receipt.lane, std::move(unit), [](Result<void>) {});
  notify({member});
  return receipt.n;
}

// The chain value at upto_n, from that at n over what stands in the lane; nullopt if a number in
// between is not known here.
Result<std::optional<Hash>> Engine::chain_over(MemberId const& member, std::uint8_t lane,
                                               std::uint64_t n, Hash chain,
                                               std::uint64_t upto_n) const {
  while (n < upto_n) {
    AMIC_TRY(auto const rows,
             store_.sent(member, lane, n,
                         std::min<std::uint64_t>(limits::kBatchEnvelopesMax, upto_n - n)));
    if (rows.empty()) return std::nullopt;
    for (auto const& row : rows) {
      if (row.n != n + 1) return std::nullopt;
      chain = chain_next(chain, row.digest);
      n = row.n;
    }
  }
  return chain;
}

// Takes the peer's word over; what is to be stored of that.
Result<store::Append> Engine::settle(MemberId const& member, Peer& entry, Receipt const& receipt,
                                     BytesView bytes) const {
  auto& out = entry.out[receipt.lane];
  store::Append unit;
  if (receipt.n < out.acked_n) {
    // The peer was restored. Its chain is ours if it leads to what it had signed for later.
    AMIC_TRY(auto const chain,
             chain_over(member, receipt.lane, receipt.n, receipt.chain, out.acked_n));
    if (!chain)
      return fail(Code::kGap, "receipt.n",
                  "the peer holds " + std::to_string(receipt.n) +
                      " of this lane and was restored, but what followed is not kept here");
    if (*chain != out.acked_chain)
      return fail(Code::kConflict, "receipt.chain", "not the sequence that was sent");
    note_rollback(member, entry, {receipt.lane, true, receipt.n, out.acked_n, receipt.at_ms}, unit);
  } else if (receipt.n == out.acked_n) {
    if (receipt.chain != out.acked_chain)
      return fail(Code::kConflict, "receipt.chain", "two sequences under one number");
  } else {
    AMIC_TRY(auto const chain,
             chain_over(member, receipt.lane, out.acked_n, out.acked_chain, receipt.n));
    if (!chain || *chain != receipt.chain) {
      bool const same = out.returning && out.returning->target.n == receipt.n &&
                        out.returning->target.chain == receipt.chain;
      out.position_known = false;
      if (!same) out.returning = Returning{receipt, to_bytes(bytes), out.acked_n, out.acked_chain};
      return unit;
    }
    unit.cursors.push_back(
        {store::CursorKind::kAcked, member, receipt.lane, receipt.n, to_bytes(bytes)});
  }
  out.acked_n = receipt.n;
  out.acked_chain = receipt.chain;
  out.position_known = true;
  out.may_have_more = true;
  out.returning.reset();
  return unit;
}

void Engine::note_rollback(MemberId const& member, Peer& entry, Rollback rollback,
                           store::Append& unit) const {
  rollback.at_ms = clock_.now_ms();
  auto const noted = [&](Rollback const& one) {  // a repair takes several steps
    return one.lane == rollback.lane && one.of_peer == rollback.of_peer &&
           one.from_n == rollback.from_n && one.upto_n == rollback.upto_n;
  };
  if (std::any_of(entry.rollbacks.begin(), entry.rollbacks.end(), noted)) return;
  obs::log(obs::Level::kWarn,
           rollback.of_peer ? "exchange.peer_rolled_back" : "exchange.rolled_back",
           {{"peer", member.str()},
            {"lane", static_cast<unsigned>(rollback.lane)},
            {"from_n", rollback.from_n},
            {"upto_n", rollback.upto_n}});
  unit.kv.push_back(rollback_put(member, rollback));
  std::erase_if(entry.rollbacks, [&](Rollback const& one) {
    return one.lane == rollback.lane && one.of_peer == rollback.of_peer;
  });
  entry.rollbacks.push_back(rollback);
}

}  // namespace amic::exchange
