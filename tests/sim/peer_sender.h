// The sending side of a link to one peer: the steps of src/link/sender.cc and peer_link.cc with the
// world's schedule in place of workers, timers and HTTP.
#pragma once

#include <array>

#include "world.h"

namespace amic::sim {

class PeerSender {
 public:
  PeerSender(World& world, SimNode& node, MemberId peer)
      : world_(world), node_(node), peer_(std::move(peer)) {}
  void start() { probe(); }
  void wake();     // something may be sendable
  void refresh();  // every now and then: a probe if the link has been quiet
  bool linked() const { return linked_; }
  bool idle() const { return in_flight_ == 0 && !pumping_; }

 private:
  enum class Failure { kTransport, kRefusal };
  void post(std::function<void()> work);  // as on a worker
  void probe();
  void on_status(std::optional<Answer> answer);
  void fetch_returned();
  void on_returned(std::uint8_t lane, std::optional<Answer> answer);
  void end_fetch(std::optional<Error> error);
  void pump();
  void send(std::uint8_t lane, Bytes batch);
  void on_answer(std::uint8_t lane, std::uint64_t serial, std::optional<Answer> answer);
  void on_receipt(std::uint8_t lane, std::uint64_t serial, Bytes receipt);
  void on_receipt_stored(std::uint8_t lane, std::uint64_t serial, Bytes const& receipt,
                         Result<void> stored);
  void resync(std::uint8_t lane, std::uint64_t serial, Bytes const& receipt);
  void finish(std::uint8_t lane, std::uint64_t serial);
  void give_up(std::uint8_t lane, std::uint64_t serial, Failure kind, Error const& error);
  void succeeded();
  void failed(Failure kind, Error const& error);
  void retry();
  void free_lane(std::uint8_t lane, std::uint64_t serial);

  World& world_;
  SimNode& node_;
  MemberId const peer_;
  exchange::PositionMark asked_at_{};
  bool fetching_ = false;
  bool linked_ = false, waiting_ = false, probing_ = false, pumping_ = false, pump_again_ = false;
  int in_flight_ = 0;
  unsigned resyncs_ = 0, failures_ = 0;
  Failure last_failure_ = Failure::kTransport;
  Micros last_ok_ = 0;
  // Which batch is in flight on each lane, 0 = none, as far as this side knows: for the check that
  // urgent lanes go first.
  std::array<std::uint64_t, kLaneCount> busy_{};
  std::uint64_t serial_ = 0;
};

}  // namespace amic::sim
