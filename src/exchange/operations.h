// Law 5 at work: an originator's operations on what it shared, and what a receiver owes them.
// The index decides what is in view (holdings); this makes the statements, and destroys.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "exchange/exchange.h"
#include "exchange/operation.h"

namespace amic::exchange {

struct OperateRequest {
  EnvelopeId item;
  OperationKind kind = OperationKind::kRetract;
  std::string reason;
  Precedence precedence = Precedence::kImmediate;
  std::set<MemberId> to;                    // kNarrow: who may go on holding it
  std::optional<marking::Marking> marking;  // kRemark: realm and rel_to are left as they are
  std::optional<EnvelopeId> id;             // as ShareRequest::id
  std::vector<store::KvPut> kv;             // stored in the same transaction
};
struct OperateResult {
  EnvelopeId id;
  Hash digest;
  std::uint64_t counter = 0;
  std::uint64_t seq = 0;
  UnixMs at_ms = 0;
  std::vector<MemberId> recipients;
};

// What became of the latest operations on an item of ours, as far as is known here.
struct OperationReport {
  struct Member {
    MemberId member;
    bool asked = false;      // to destroy it
    bool delivered = false;  // its node has signed for the operation
    bool replied = false;    // the rest counts only then
    Reply reply;
  };
  EnvelopeId item;
  Operation operation;  // the latest
  EnvelopeId id;        // of its envelope
  Precedence precedence = Precedence::kRoutine;
  std::vector<Member> members;  // all who may hold the item, sorted
};

// A demand of another member upon an item that is held here.
struct IncomingDemand {
  store::OperationRow row;
  bool destroyed = false;
};

enum class ComplyMode : std::uint8_t { kAuto, kAsk };

// Threads: work() from the thread that writes the index; all else any.
class Operations {
 public:
  // All outlive it.
  Operations(Exchange& exchange, store::Store& store, Clock const& clock, ComplyMode mode);

  // Checks, counts, seals to all who may hold the item, and appends. `done` from the committer's
  // thread or this one. kNotFound: no such item here, or its contents were erased; kForbidden: not
  // ours; kConflict: it was recalled, or there is nothing to undo or change; kOutOfRange at "to":
  // not fewer members than now; kOverloaded: another operation on it is under way.
  void operate(OperateRequest request, std::function<void(Result<OperateResult>)> done);
  // An item of ours as it stands. Errors as operate().
  struct Ours {
    Hash target;
    marking::Marking marking;  // as it is now
    bool in_view = true;
    bool keep_private = false;  // it was sealed to this node alone
    Precedence precedence = Precedence::kRoutine;
  };
  Result<Ours> ours(EnvelopeId const& item);
  // What else has to go with an item that is destroyed, before it does; nothing is said to be
  // destroyed unless this says so. Before work() and comply(). On their threads.
  void on_destroy(std::function<Result<void>(EnvelopeId const& item)> hook) {
    on_destroy_ = std::move(hook);
  }

  // kNotFound: no operation of ours on such an item.
  Result<OperationReport> report(EnvelopeId const& item);

  // Once the index has caught up: destroys what is to be destroyed and replies, or tells who asked
  // that an operator has to decide. What a kill interrupts is taken up by the next call. The number
  // of demands that were still to be settled: unless it is 0, call again in a while.
  Result<std::size_t> work();
  // Newest last; what is answered for good too.
  Result<std::vector<IncomingDemand>> incoming(std::size_t limit);
  // An operator's decision. kNotFound: nothing is asked; kConflict: destroyed already.
  void comply(EnvelopeId const& item, std::function<void(Result<void>)> done);
  void refuse(EnvelopeId const& item, std::string reason, std::function<void(Result<void>)> done);

 private:
  struct Held;  // what is known of an item of ours and of its operations so far
  Result<Held> find_ours(EnvelopeId const& item);
  Result<Operation> next(Held const& held, OperateRequest const& request) const;
  Result<ShareRequest> prepare(OperateRequest request, Operation& operation,
                               std::vector<MemberId>& recipients);
  bool enter(EnvelopeId const& item);
  void leave(EnvelopeId const& item);

  Result<bool> settle(store::OperationRow const& row);
  Result<void> destroy(store::OperationRow const& row);
  Result<store::OperationRow> demand_on(EnvelopeId const& item);
  void answer(store::OperationRow const& row, Outcome outcome, std::string reason,
              std::function<void(Result<void>)> done);
  Result<ShareRequest> reply_request(store::OperationRow const& row, Reply const& reply) const;
  Result<bool> delivered(MemberId const& member, Precedence precedence, std::uint64_t seq);

  Exchange& exchange_;
  store::Store& store_;
  Clock const& clock_;
  ComplyMode mode_;
  std::function<Result<void>(EnvelopeId const&)> on_destroy_;
  std::mutex mutex_;
  std::set<EnvelopeId> under_way_;  // items that an operation is being made of
  std::set<EnvelopeId> replying_;   // replies handed to the committer
};

// The id of the one reply of `self` with this outcome to an operation: made twice it is refused as
// a second envelope of its id, so it is sent once.
EnvelopeId reply_id(CommunityId const& community, MemberId const& self, Hash const& operation,
                    Outcome outcome);

}  // namespace amic::exchange
