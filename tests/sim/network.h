// Requests and answers between nodes, as HTTP has them: a request gets one answer or none, and what
// comes after the asker has given up is dropped. In between everything goes wrong that can.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/ids.h"
#include "schedule.h"

namespace amic::sim {

struct World;
class SimNode;

struct Answer {
  enum class Kind { kReceipt, kGapReceipt, kProblem, kStatus, kReturned, kNote, kReceipts };
  Kind kind = Kind::kProblem;
  Bytes body;
  Code code = Code::kInternal;
  std::array<Bytes, kLaneCount> receipts = {};  // kStatus
  bool fresh = false;                           // kReceipts
};
enum class Ask {
  kBatch,
  kStatus,
  kReturned,
  kRelay,           // a batch to be carried
  kRelayed,         // one that is carried
  kRelayReceipts,   // of a sender: those of the member in the body
  kRelayedReceipts  // of a relay: those for the member in the body
};

class Network {
 public:
  explicit Network(World& world) : world_(world) {}

  // `done` once, with nullopt if no answer came within `timeout`; never after the asker crashed.
  void request(SimNode& from, MemberId const& to, Ask ask, Bytes body, Micros timeout,
               std::function<void(std::optional<Answer>)> done);

  void cut(MemberId const& from, MemberId const& to) { cuts_.insert({from, to}); }
  void mend(MemberId const& from, MemberId const& to) { cuts_.erase({from, to}); }
  // From now on every message arrives, once and soon; but nothing between those kept apart.
  void calm();
  bool is_cut(MemberId const& from, MemberId const& to) const { return cuts_.contains({from, to}); }
  struct Trouble {
    std::uint64_t loss_permille = 0, duplicate_permille = 0, flip_permille = 0;
    std::uint64_t stall_permille = 0;  // a packet that takes far longer than the others
    Micros delay_max = 2 * kMs;
  };
  Trouble trouble;

 private:
  struct Call;
  Micros delay();
  void deliver(std::shared_ptr<Call> call);
  void answer(std::shared_ptr<Call> const& call, Answer answer);
  void finish(Call& call, std::optional<Answer> answer);
  Bytes on_the_wire(Bytes bytes);

  World& world_;
  std::set<std::pair<MemberId, MemberId>> cuts_;
};

}  // namespace amic::sim
