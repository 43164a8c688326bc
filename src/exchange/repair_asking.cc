// What the repair asks peers, and what it makes of their answers. A peer may answer anything: each
// comparison goes down one level at a time and is bounded by the lane's own numbers, and nothing is
// put back that is not, byte for byte, what this node's log says it was.
#include <algorithm>

#include "base/limits.h"
#include "exchange/repair.h"
#include "obs/log.h"

namespace amic::exchange {

namespace {

constexpr unsigned kTriesMax = 200;  // of one question to a peer that is busy

bool is_busy(Code code) {
  return code == Code::kUnavailable || code == Code::kOverloaded;
}

}  // namespace

RangeLane Repair::lane_of(PeerTask const& task, LaneTask const& lane) const {
  return {parts_.exchange.community().id,
          parts_.exchange.self(),
          task.peer,
          lane.lane,
          lane.ours,
          lane.upto_n};
}

Result<std::optional<Repair::Ask>> Repair::next_ask() {
  for (; task_ < tasks_.size(); ++task_) {
    PeerTask& task = tasks_[task_];
    for (; task.at < task.lanes.size(); ++task.at) {
      LaneTask& lane = task.lanes[task.at];
      if (!lane.compared) {
        AMIC_TRY(auto ask, range_ask(task, lane));
        return std::optional(std::move(ask));
      }
      if (auto ask = piece_ask(task, lane)) return ask;
    }
  }
  return std::optional<Ask>();
}

Result<Repair::Ask> Repair::range_ask(PeerTask& task, LaneTask& lane) {
  RangeQuestion question{lane_of(task, lane), lane.level, {}};
  auto const read = expected(task, lane);
  std::size_t const end = std::min(lane.blocks.size(), lane.at + limits::kRangeBlocksMax);
  for (std::size_t i = lane.at; i < end; ++i) {
    AMIC_TRY(auto const ours, lane.tree.block(lane.level, lane.blocks[i], lane.upto_n, read));
    question.blocks.push_back({lane.blocks[i], ours});
  }
  Ask out{task.peer, Kind::kRanges, encode(question)};
  std::lock_guard const lock(state_mutex_);
  state_.bytes_asked += out.bytes.size();
  return out;
}

// nullopt: nothing of this lane is wanted any more.
std::optional<Repair::Ask> Repair::piece_ask(PeerTask& task, LaneTask& lane) {
  asked_.clear();
  PieceRequest request{lane_of(task, lane), {}};
  for (; lane.want_at < lane.wants.size() && asked_.size() < limits::kPiecesMax; ++lane.want_at) {
    Want const& want = lane.wants[lane.want_at];
    auto const theirs = lane.theirs.find(want.n);
    bool const lacks = theirs != lane.theirs.end() && theirs->second.is_zero();
    if (lacks || !open_.contains(want.seq)) continue;
    asked_.push_back(lane.want_at);
    request.numbers.push_back(want.n);
  }
  if (asked_.empty()) return std::nullopt;
  Ask out{task.peer, Kind::kPieces, encode(request)};
  std::lock_guard const lock(state_mutex_);
  state_.bytes_asked += out.bytes.size();
  return out;
}

void Repair::answered(Result<Bytes> answer) {
  if (state().phase != RepairPhase::kAsking || task_ >= tasks_.size()) return;
  if (!answer) return refused(std::move(answer).error());
  {
    std::lock_guard const lock(state_mutex_);
    state_.bytes_answered += answer->size();
  }
  auto const taken = take(*answer);
  if (taken) return;
  // What this node's own disk answers ends the repair; what the peer said ends asking the peer.
  bool const own = taken.error().code == Code::kDiskFull || taken.error().code == Code::kIo ||
                   taken.error().code == Code::kReadOnly;
  if (own) return end(taken.error());
  next_peer(taken.error().text());
}

void Repair::refused(Error error) {
  PeerTask& task = tasks_[task_];
  if (is_busy(error.code) && ++task.tries < kTriesMax) {
    auto& lane = task.lanes[task.at];
    if (lane.compared && !asked_.empty()) lane.want_at = asked_.front();  // the same again
    return;
  }
  next_peer(error.text());
}

void Repair::next_peer(std::string problem) {
  PeerTask& task = tasks_[task_];
  obs::log(obs::Level::kWarn, "exchange.repair_peer",
           {{"peer", task.peer.str()}, {"error", problem}});
  task.report.problem = std::move(problem);
  ++task_;
}

Result<void> Repair::take(Bytes const& answer) {
  PeerTask& task = tasks_[task_];
  LaneTask& lane = task.lanes[task.at];
  task.tries = 0;
  return lane.compared ? take_pieces(task, lane, answer) : take_ranges(task, lane, answer);
}

namespace {

// The lane that was asked about, as the other side names it.
Result<void> check_answer(RangeLane asked, RangeLane const& answered) {
  std::swap(asked.from, asked.to);
  asked.of_from = !asked.of_from;
  if (answered == asked) return {};
  return fail(Code::kRejected, "ranges", "not what this peer was asked");
}

}  // namespace

// ---- Comparing --------------------------------------------------------------------------------

Result<void> Repair::take_ranges(PeerTask& task, LaneTask& lane, BytesView bytes) {
  AMIC_TRY(auto const answer, decode_range_answer(bytes));
  AMIC_TRY_VOID(check_answer(lane_of(task, lane), answer.lane));
  std::size_t const end = std::min(lane.blocks.size(), lane.at + limits::kRangeBlocksMax);
  if (answer.level != lane.level || answer.blocks.size() != end - lane.at)
    return fail(Code::kRejected, "ranges", "not what this peer was asked");
  for (auto const& block : answer.blocks) {
    std::uint64_t const index = lane.blocks[lane.at++];
    if (!block.same) AMIC_TRY_VOID(compare_block(task, lane, index, block));
  }
  if (std::max(lane.next.size(), lane.theirs.size()) > limits::kRangeDiffersMax) {
    task.report.problem = "more than " + std::to_string(limits::kRangeDiffersMax) +
                          " numbers of a lane differ: not all were compared";
    end_comparison(lane);
    return {};
  }
  if (lane.at < lane.blocks.size()) return {};
  if (lane.level == 0 || lane.next.empty()) {
    end_comparison(lane);
    return {};
  }
  --lane.level;
  lane.at = 0;
  lane.blocks = std::exchange(lane.next, {});
  return {};
}

Result<void> Repair::compare_block(PeerTask& task, LaneTask& lane, std::uint64_t index,
                                   RangeAnswer::Block const& block) {
  auto const read = expected(task, lane);
  if (lane.level == 0) {
    std::uint64_t const n = range_first(0, index);
    AMIC_TRY(auto const ours, read(n, n));
    bool const same = !ours.empty() && ours.front().digest == block.digest;
    if (!same && !(ours.empty() && block.digest.is_zero())) lane.theirs.emplace(n, block.digest);
    if (block.digest.is_zero()) ++task.report.lacks;
    return {};
  }
  AMIC_TRY(auto const ours, lane.tree.parts(lane.level, index, lane.upto_n, read));
  for (std::size_t i = 0; i < kRangeFan; ++i) {
    if (ours[i] == block.parts[i]) continue;
    std::uint64_t const below = index * kRangeFan + i;
    if (range_first(static_cast<std::uint8_t>(lane.level - 1), below) <= lane.upto_n)
      lane.next.push_back(below);
  }
  return {};
}

// What the peer has and we don't even know of may be what a record without a row was.
void Repair::end_comparison(LaneTask& lane) {
  lane.compared = true;
  auto const kind = lane.ours ? store::RecordKind::kEnvelopeOut : store::RecordKind::kEnvelopeIn;
  for (auto const& [n, digest] : lane.theirs) {
    if (digest.is_zero()) continue;
    auto const found = by_leaf_.find(merkle::leaf_hash(tlog::log_entry(kind, digest)));
    if (found == by_leaf_.end()) continue;
    std::erase_if(lane.wants, [n = n](Want const& want) { return want.n == n; });
    lane.wants.push_back({n, found->second, digest});
  }
  std::sort(lane.wants.begin(), lane.wants.end(),
            [](Want const& a, Want const& b) { return a.n < b.n; });
  lane.blocks = lane.next = {};
  lane.tree.clear();
}

// ---- Envelopes --------------------------------------------------------------------------------

std::optional<store::Record> Repair::record_of(PeerTask const& task, LaneTask const& lane,
                                               Want const& want, Bytes entry) const {
  if (envelope::digest(entry) != want.digest) return std::nullopt;
  auto const header = envelope::parse_header(entry);
  if (!header) return std::nullopt;
  store::Record out;
  out.seq = want.seq;
  out.kind = lane.ours ? store::RecordKind::kEnvelopeOut : store::RecordKind::kEnvelopeIn;
  out.id = header->id;
  out.digest = want.digest;
  out.at_ms = header->created_ms;  // if neither the row nor the index knows better
  if (!lane.ours) out.peer = task.peer;
  out.bytes = std::move(entry);
  return out;
}

Result<void> Repair::take_pieces(PeerTask& task, LaneTask& lane, BytesView bytes) {
  AMIC_TRY(auto answer, decode_pieces(bytes));
  AMIC_TRY_VOID(check_answer(lane_of(task, lane), answer.lane));
  if (answer.pieces.size() > asked_.size())
    return fail(Code::kRejected, "pieces", "more than this peer was asked for");
  std::vector<store::Record> records;
  for (std::size_t i = 0; i < answer.pieces.size(); ++i) {
    Want const& want = lane.wants[asked_[i]];
    auto& piece = answer.pieces[i];
    if (piece.n != want.n) return fail(Code::kRejected, "pieces", "not what this peer was asked");
    if (piece.entry.empty() || gone_digest(piece.entry)) continue;
    if (auto record = record_of(task, lane, want, std::move(piece.entry)))
      records.push_back(std::move(*record));
    else
      ++task.report.lies;
  }
  // The rest did not fit into the answer.
  if (answer.pieces.size() < asked_.size()) lane.want_at = asked_[answer.pieces.size()];
  return put_back(task, std::move(records));
}

// All at once; if one of them is refused, each for itself.
Result<void> Repair::put_back(PeerTask& task, std::vector<store::Record> records) {
  if (records.empty()) return {};
  auto const took = [&](store::Record const& record, bool stale) {
    closed_.insert(open_.extract(record.seq));
    ++task.report.restored;
    std::lock_guard const lock(state_mutex_);
    ++state_.restored;
    state_.bytes_restored += record.bytes.size();
    state_.index_stale = state_.index_stale || stale;
  };
  auto const together = parts_.log.put_back(records);
  if (together) {
    for (auto const& record : records) took(record, together->index_stale);
    return {};
  }
  if (together.error().code != Code::kConflict && together.error().code != Code::kUnavailable)
    return fail(together.error());
  for (auto const& record : records) {
    auto const alone = parts_.log.put_back({record});
    if (alone) took(record, alone->index_stale);
  }
  return {};
}

}  // namespace amic::exchange
