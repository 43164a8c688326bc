// Both ends of relaying: the steps of src/link/relay.cc and relay_carry.cc with the world's
// schedule in place of workers, timers and HTTP.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>

#include "exchange/relay.h"
#include "world.h"

namespace amic::sim {

class Relaying {
 public:
  Relaying(World& world, SimNode& node);

  void tick();                       // who needs a relay, what waits here
  void deliver(MemberId const& to);  // something to hand on to `to` may be here
  // Receipts of `to` for `from`: of `to` itself if it is linked, else the ones kept.
  void receipts(MemberId const& from, MemberId const& to,
                std::function<void(Result<std::vector<Bytes>>, bool fresh)> done);

 private:
  struct Sending {
    std::optional<Micros> unlinked_since;
    std::optional<MemberId> via;
    bool busy = false;
    Micros asked_at = -kSecond;
    std::array<exchange::LanePosition, kLaneCount> handed = {};
    std::array<Micros, kLaneCount> handed_at = {};
    std::map<MemberId, Micros> not_before;
  };
  void consider(MemberId const& to);
  std::optional<MemberId> choose(MemberId const& to, Sending const& sending) const;
  void step(MemberId const& to);
  void ask_receipts(MemberId const& to, MemberId const& via);
  Result<void> take_receipts(MemberId const& to, exchange::PositionMark const& mark,
                             Answer const& answer);
  void hand_over(MemberId const& to, MemberId const& via);
  Result<std::optional<exchange::LaneBatch>> next_batch(MemberId const& to, std::uint8_t& lane);
  void on_note(MemberId const& to, MemberId const& via, std::uint8_t lane,
               exchange::LaneBatch const& batch, std::optional<Answer> const& answer);
  void leave(MemberId const& to, MemberId const& via, Micros delay, std::string const& why);
  void deliver_next(MemberId const& to);
  void on_delivered(exchange::CarriedBatch const& batch, std::optional<Answer> const& answer);
  void pass_on(MemberId const& to);  // a planted bug

  World& world_;
  SimNode& node_;
  std::map<MemberId, Sending> sending_;
  std::map<MemberId, bool> delivering_;  // true: look again when done
};

}  // namespace amic::sim
