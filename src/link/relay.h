// Both ends of relaying over links: handing batches to a relay when the direct link has failed, and
// handing on what this node carries for others. docs/PROTOCOL.md, "Relays". Internal to src/link.
#pragma once

#include "exchange/relay.h"
#include "link/server.h"

namespace amic::link {

class RelayLinks {
 public:
  RelayLinks(Parts const& parts, Options const& options, PeerLinks& links,
             std::shared_ptr<Activity> activity);

  void tick();                        // every second or so: who needs a relay, what waits here
  void sendable(MemberId const& to);  // something waits for `to`
  void deliver(MemberId const& to);   // something to hand on to `to` may be here
  // Receipts of `to` for `from`, asked of `to` itself if it is linked and else the ones kept.
  // `done` from any thread; true: they are `to`'s present word.
  void receipts(MemberId const& from, MemberId const& to,
                std::function<void(Result<std::vector<Bytes>>, bool)> done);
  void fill(PeerStatus& out) const;

 private:
  using Answer = Result<net::Response>;
  // What goes to one member through another one.
  struct Sending {
    UnixMs unlinked_since_ms = 0;  // 0: it is linked
    std::optional<MemberId> via;
    bool busy = false;  // a request is on its way, or the next is being made
    bool again = false;
    UnixMs asked_ms = 0;                                         // for receipts
    std::array<exchange::LanePosition, kLaneCount> handed = {};  // what `via` has a note for
    std::array<UnixMs, kLaneCount> handed_ms = {};
    std::map<MemberId, UnixMs> not_before;  // relays that had no room or refused
  };

  // relay.cc: the sender
  void consider(MemberId const& to);
  std::optional<MemberId> choose(MemberId const& to, Sending const& sending, UnixMs now_ms) const;
  void step(MemberId const& to);
  void ask_receipts(MemberId const& to, MemberId const& via);
  void on_receipts(MemberId const& to, exchange::PositionMark const& mark, Answer const& answer);
  Result<void> take_receipts(MemberId const& to, exchange::PositionMark const& mark,
                             net::Response const& answer);
  void hand_over(MemberId const& to, MemberId const& via);
  Result<std::optional<exchange::LaneBatch>> next_batch(MemberId const& to, std::uint8_t& lane);
  void post(MemberId const& to, MemberId const& via, std::uint8_t lane, exchange::LaneBatch batch);
  void on_note(MemberId const& to, MemberId const& via, std::uint8_t lane,
               exchange::LaneBatch const& batch, Answer const& answer);
  Result<void> check_note(MemberId const& to, MemberId const& via, std::uint8_t lane,
                          exchange::LaneBatch const& batch, std::string_view body) const;
  void leave(MemberId const& to, MemberId const& via, std::int64_t for_ms, std::string reason);
  void end_step(MemberId const& to);
  // relay_carry.cc: the relay
  void deliver_next(MemberId const& to);
  void on_delivered(exchange::CarriedBatch const& batch, Answer const& answer);
  void end_delivery(MemberId const& to);
  void measure();
  bool on_worker(std::function<void()> work);

  Parts const& parts_;
  Options const& options_;
  PeerLinks& links_;
  std::shared_ptr<Activity> const activity_;
  obs::Counter& handed_total_;
  obs::Counter& delivered_total_;
  obs::Gauge& held_batches_;
  obs::Gauge& held_bytes_;

  mutable std::mutex mutex_;
  std::map<MemberId, Sending> sending_;
  std::map<MemberId, bool> delivering_;  // true: look again when done
  UnixMs expired_ms_ = 0;
};

}  // namespace amic::link
