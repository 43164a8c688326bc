#include "link/assembly.h"

#include <algorithm>

namespace amic::link {

void Assembly::drop(Lane& lane) {
  if (!lane.partial) return;
  bytes_ -= lane.partial->bytes.size();
  lane.partial.reset();
}

void Assembly::drop_idle(UnixMs now_ms) {
  for (auto& lane : lanes_)
    if (lane.partial && now_ms - lane.partial->last_ms > kIdleMs) drop(lane);
}

// Less urgent lanes give way.
bool Assembly::make_room(std::uint8_t lane, std::size_t more) {
  for (std::size_t other = kLaneCount; other-- > lane + 1U && bytes_ + more > kBytesMax;)
    drop(lanes_[other]);
  return bytes_ + more <= kBytesMax;
}

// False if it would be one range too many.
bool Assembly::add_range(Partial& partial, std::uint32_t from, std::uint32_t to) {
  auto& beyond = partial.beyond;
  auto at = beyond.upper_bound(from);
  if (at != beyond.begin() && std::prev(at)->second >= from) --at;
  while (at != beyond.end() && at->first <= to) {  // touches: becomes one
    from = std::min(from, at->first);
    to = std::max(to, at->second);
    at = beyond.erase(at);
  }
  if (from <= partial.wanted) {
    partial.wanted = std::max(partial.wanted, to);
    return true;
  }
  if (beyond.size() >= kRangesMax) return false;
  beyond.emplace(from, to);
  return true;
}

Result<Assembly::Took> Assembly::take(Frame const& frame, UnixMs now_ms) {
  drop_idle(now_ms);
  Lane& lane = lanes_[frame.lane];
  if (lane.finishing == frame.transfer) return Took{What::kFinishing, frame.total, {}};
  if (lane.finished == frame.transfer) return Took{What::kFinished, frame.total, {}};
  if (lane.partial && lane.partial->transfer == frame.transfer &&
      lane.partial->total != frame.total)
    return fail(Code::kMalformed, "frame.total", "not that of the first frame");
  if (!lane.partial || lane.partial->transfer != frame.transfer) {
    drop(lane);
    lane.partial = Partial{frame.transfer, frame.total, 0, {}, {}, now_ms};
  }
  Partial& partial = *lane.partial;
  partial.last_ms = now_ms;
  std::uint32_t const end = frame.offset + static_cast<std::uint32_t>(frame.data.size());
  if (end > partial.wanted && end - partial.wanted > kAheadBytesMax &&
      frame.offset > partial.wanted)
    return Took{What::kNotKept, partial.wanted, {}};
  if (end > partial.bytes.size()) {
    std::size_t const more = end - partial.bytes.size();
    if (!make_room(frame.lane, more))
      return fail(Code::kOverloaded, "link.transfers", "too much in pieces already");
    partial.bytes.resize(end);
    bytes_ += more;
  }
  if (frame.data.empty()) return Took{What::kKept, partial.wanted, {}};
  std::copy(frame.data.begin(), frame.data.end(), partial.bytes.begin() + frame.offset);
  if (!add_range(partial, frame.offset, end)) return Took{What::kNotKept, partial.wanted, {}};
  if (partial.wanted < partial.total) return Took{What::kKept, partial.wanted, {}};

  Took out{What::kWhole, partial.total, std::move(partial.bytes)};
  bytes_ -= out.batch.size();
  lane.partial.reset();
  if (transfer_id(out.batch) != frame.transfer)
    return fail(Code::kMalformed, "frame.transfer", "not the hash of the bytes that came");
  lane.finishing = frame.transfer;
  return out;
}

void Assembly::finish(std::uint8_t lane, TransferId const& transfer, bool accepted) {
  Lane& at = lanes_[lane];
  if (at.finishing == transfer) at.finishing.reset();
  if (accepted) at.finished = transfer;
}

}  // namespace amic::link
