// A member that cheats, and its tricks. It has its own keys and everything that ever crossed a
// link; it has nobody else's keys. Its own node runs beside the tricks, so that it is a member like
// others as well.
#pragma once

#include <deque>
#include <optional>
#include <set>
#include <tuple>

#include "exchange/exchange.h"
#include "network.h"

namespace amic::sim {

class Attacker {
 public:
  explicit Attacker(World& world) : world_(world) {}

  void act_for(MemberId const& member) { self_ = member; }
  bool is(MemberId const& member) const { return self_ == member; }
  bool active() const { return self_.has_value(); }

  // Overhears a batch.
  void saw(MemberId const& from, MemberId const& to, Bytes const& batch);
  // One trick against somebody.
  void strike();
  // What it answers in place of its own node's word.
  Answer answers(MemberId const& who, MemberId const& to, Answer answer);
  // It has signed another sequence for this peer and lane than its own node does: what its node
  // sends there may be refused for good.
  bool diverged(MemberId const& to, std::uint8_t lane) const {
    return diverged_.contains({to, lane});
  }
  bool diverged() const { return !diverged_.empty(); }

 private:
  struct Overheard {
    MemberId from, to;
    Bytes batch;
  };
  void deliver(SimNode& target, std::string const& what, Bytes bytes);
  // Signs `envelopes` as its next batch for the target.
  void deliver_as_next(SimNode& target, std::string const& what, std::uint8_t lane,
                       std::vector<Bytes> envelopes);
  EnvelopeId taken_id();
  Bytes forge(SimNode const& target, std::uint8_t lane, int trick);
  envelope::Contents blank(SimNode const& target, std::uint8_t lane);
  Bytes seal(SimNode const& target, envelope::Contents contents);
  // A statement about what is not its own: refused, or kept and without effect.
  void meddle(SimNode& target, std::uint8_t lane);
  std::optional<exchange::Batch> pick(bool own);

  World& world_;
  std::optional<MemberId> self_;
  std::deque<Overheard> heard_;
  std::deque<Bytes> own_receipts_;
  std::set<std::pair<MemberId, std::uint8_t>> diverged_;
};

}  // namespace amic::sim
