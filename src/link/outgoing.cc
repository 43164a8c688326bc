#include "link/outgoing.h"

#include <algorithm>

namespace amic::link {

void Outgoing::start(std::uint8_t lane, Bytes batch) {
  Lane& at = lanes_[lane];
  finish(lane);
  at.batch = std::make_shared<Bytes const>(std::move(batch));
}

void Outgoing::finish(std::uint8_t lane) {
  Lane& at = lanes_[lane];
  at.batch.reset();
  at.transfer.reset();
  at.again.clear();
  at.next = at.arrived = 0;
  at.rewinds = 0;
  ++at.generation;
}

bool Outgoing::any_busy() const {
  return std::any_of(lanes_.begin(), lanes_.end(),
                     [](Lane const& lane) { return lane.batch != nullptr; });
}

// Nothing can be more urgent than the first lane, so its pieces need not be small.
std::size_t Outgoing::largest_piece(std::uint8_t lane) const {
  return lane == 0 ? pacer_.largest_bytes() : pacer_.frame_bytes();
}

std::optional<Outgoing::Range> Outgoing::next_range(Lane const& lane, std::size_t largest) {
  if (!lane.batch) return std::nullopt;
  auto const most = static_cast<std::uint32_t>(std::min<std::size_t>(largest, kTransferBytesMax));
  if (!lane.again.empty()) {
    Range const range = lane.again.front();
    return Range{range.from, std::min(range.to, range.from + most)};
  }
  auto const total = static_cast<std::uint32_t>(lane.batch->size());
  if (lane.next >= total) return std::nullopt;
  return Range{lane.next, std::min(total, lane.next + most)};
}

// What is less urgent and under way does not count: it can't be called back, but it need not be
// waited for either.
bool Outgoing::fits(std::uint8_t lane, std::size_t bytes) const {
  std::size_t under_way = 0;
  for (std::size_t other = 0; other <= lane; ++other) under_way += lanes_[other].bytes_in_flight;
  return under_way == 0 || under_way + bytes <= pacer_.window();
}

// The most urgent lane that has something and may send now, but for pace and cap.
std::optional<std::uint8_t> Outgoing::next_lane() const {
  bool const many = in_flight_.size() - lanes_[0].in_flight >= kPiecesMax;
  for (std::uint8_t lane = 0; lane < kLaneCount; ++lane) {
    if (lanes_[lane].in_flight >= kPiecesPerLaneMax || (lane > 0 && many)) continue;
    auto const range = next_range(lanes_[lane], largest_piece(lane));
    if (!range) continue;
    if (fits(lane, range->to - range->from + kRequestOverheadBytes)) return lane;
    return std::nullopt;
  }
  return std::nullopt;
}

SteadyUs Outgoing::hold(std::uint8_t lane, SteadyUs now) {
  return std::max(cap_.wait(now), lane == 0 ? 0 : pacer_.early(now));
}

std::optional<Outgoing::Piece> Outgoing::next(SteadyUs now) {
  auto const lane = next_lane();
  if (!lane || hold(*lane, now) > 0) return std::nullopt;
  return send(*lane, *next_range(lanes_[*lane], largest_piece(*lane)), now);
}

Outgoing::Piece Outgoing::send(std::uint8_t lane, Range range, SteadyUs now) {
  Lane& at = lanes_[lane];
  Piece out;
  out.ticket = ++tickets_;
  out.lane = lane;
  out.batch = at.batch;
  out.offset = range.from;
  out.size = range.to - range.from;
  out.whole = out.size == at.batch->size() && at.arrived == 0 && !at.transfer;
  if (!out.whole) {
    if (!at.transfer) at.transfer = transfer_id(*at.batch);
    out.transfer = *at.transfer;
  }
  out.generation = at.generation;
  out.arrived = at.arrived;
  if (at.again.empty()) {
    at.next = range.to;
  } else if (range.to == at.again.front().to) {
    at.again.erase(at.again.begin());
  } else {
    at.again.front().from = range.to;
  }
  std::size_t const bytes = out.size + kRequestOverheadBytes;
  cap_.take(bytes);
  ++at.in_flight;
  at.bytes_in_flight += bytes;
  // Whether the line or we ourselves set the pace from here on.
  auto const more = next_range(at, largest_piece(lane));
  bool const limited = more && (at.in_flight >= kPiecesPerLaneMax ||
                                !fits(lane, more->to - more->from + kRequestOverheadBytes));
  in_flight_.emplace(out.ticket,
                     Sent{pacer_.sent(bytes, now, limited), lane, out.generation, range});
  return out;
}

SteadyUs Outgoing::wait(SteadyUs now) {
  auto const lane = next_lane();
  return lane ? hold(*lane, now) : 0;
}

std::optional<Outgoing::Sent> Outgoing::take(std::uint64_t ticket) {
  auto const found = in_flight_.find(ticket);
  if (found == in_flight_.end()) return std::nullopt;
  Sent const out = found->second;
  in_flight_.erase(found);
  Lane& lane = lanes_[out.lane];
  --lane.in_flight;
  lane.bytes_in_flight -= out.paced.bytes;
  return out;
}

void Outgoing::answered(std::uint64_t ticket, SteadyUs now) {
  if (auto const sent = take(ticket)) pacer_.answered(sent->paced, now);
}

void Outgoing::lost(std::uint64_t ticket) {
  auto const sent = take(ticket);
  if (!sent) return;
  pacer_.lost(sent->paced);
  pacer_.restart();
  Lane& lane = lanes_[sent->lane];
  if (!lane.batch || lane.generation != sent->generation) return;
  add_again(lane, sent->range);
}

void Outgoing::again(Piece const& piece) {
  Lane& lane = lanes_[piece.lane];
  if (holds(piece) && lane.generation == piece.generation)
    add_again(lane, {piece.offset, piece.offset + piece.size});
}

void Outgoing::add_again(Lane& lane, Range range) {
  auto const at = std::find_if(lane.again.begin(), lane.again.end(),
                               [&](Range const& other) { return other.from > range.from; });
  lane.again.insert(at, range);
}

void Outgoing::rewind(Lane& lane, std::uint32_t to) {
  ++lane.generation;
  ++lane.rewinds;
  lane.next = lane.arrived = to;
  lane.again.clear();
}

bool Outgoing::progress(Piece const& piece, std::uint32_t wanted, bool kept) {
  Lane& lane = lanes_[piece.lane];
  if (!holds(piece)) return true;
  if (wanted >= lane.batch->size()) return false;  // all there, but no receipt
  if (wanted > lane.arrived) {
    lane.arrived = wanted;
    lane.rewinds = 0;
  }
  bool const current = piece.generation == lane.generation;
  // Less than it had when this piece went: it was restarted, or has given the transfer up.
  if (current && (!kept || wanted < piece.arrived)) {
    rewind(lane, wanted);
  } else if (lane.in_flight == 0 && lane.again.empty() && lane.next >= lane.batch->size()) {
    rewind(lane, wanted);
  }
  return lane.rewinds <= kRewindsMax;
}

std::vector<std::uint8_t> Outgoing::drop_unstarted() {
  return drop_if([](Lane const& lane) { return lane.arrived == 0; });
}

std::vector<std::uint8_t> Outgoing::drop_all() {
  return drop_if([](Lane const&) { return true; });
}

std::vector<std::uint8_t> Outgoing::drop_if(bool (*doomed)(Lane const& lane)) {
  std::vector<std::uint8_t> out;
  for (std::uint8_t lane = 0; lane < kLaneCount; ++lane) {
    if (!lanes_[lane].batch || lanes_[lane].in_flight > 0 || !doomed(lanes_[lane])) continue;
    finish(lane);
    out.push_back(lane);
  }
  return out;
}

}  // namespace amic::link
