// Puts the frames of one peer together to batches. Sans-I/O, not thread-safe. Internal to src/link.
#pragma once

#include <array>
#include <map>
#include <optional>

#include "base/clock.h"
#include "link/frame.h"

namespace amic::link {

// At most one unfinished batch a lane, whatever a peer sends; together at most kBytesMax. What
// comes out has the hash that its frames named, so lost, repeated, reordered or mixed frames never
// make another batch than the sender's.
class Assembly {
 public:
  static constexpr std::size_t kBytesMax = 2 * kTransferBytesMax;
  // How far beyond the first missing byte a frame may lie: several are on their way at once, over
  // several connections, and may overtake each other.
  static constexpr std::size_t kAheadBytesMax = 1 << 20;
  static constexpr std::size_t kRangesMax = 16;  // that lie apart, so ahead of a missing piece
  static constexpr std::int64_t kIdleMs = 15 * 60 * 1000;

  enum class What {
    kKept,       // stored, or was here before
    kNotKept,    // not stored: send from `wanted` on
    kWhole,      // `batch` is complete; finish() must follow
    kFinishing,  // this batch is complete and being taken in
    kFinished,   // this batch was the last one taken in on the lane
  };
  struct Took {
    What what = What::kKept;
    std::uint32_t wanted = 0;
    Bytes batch;
  };
  // kMalformed: not the total this transfer began with, or not the hash that names it (it is then
  // dropped). kOverloaded: no room beside what more urgent lanes hold.
  Result<Took> take(Frame const& frame, UnixMs now_ms);
  // What became of a batch that take() gave out.
  void finish(std::uint8_t lane, TransferId const& transfer, bool accepted);

  std::size_t bytes() const { return bytes_; }

 private:
  struct Partial {
    TransferId transfer;
    std::uint32_t total = 0;
    std::uint32_t wanted = 0;
    Bytes bytes;                                    // as far as the furthest frame
    std::map<std::uint32_t, std::uint32_t> beyond;  // [from, to) held after `wanted`
    UnixMs last_ms = 0;
  };
  struct Lane {
    std::optional<Partial> partial;
    std::optional<TransferId> finishing, finished;
  };

  void drop(Lane& lane);
  void drop_idle(UnixMs now_ms);
  bool make_room(std::uint8_t lane, std::size_t more);
  static bool add_range(Partial& partial, std::uint32_t from, std::uint32_t to);

  std::array<Lane, kLaneCount> lanes_;
  std::size_t bytes_ = 0;
};

}  // namespace amic::link
