// What the world knows to be true: which requests were made, what a right answer to each is, and
// what must be where. Decided here from the rules, in code of its own, not by asking the product.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "exchange/group.h"
#include "exchange/operation.h"
#include "marking/marking.h"
#include "store/store.h"

namespace amic::sim {

// One thing that a client wants to share or to state, with all its attempts; or, of kind kReply,
// one that its node may have to say.
struct Request {
  enum class Kind { kItem, kOperation, kReply, kGroup };
  enum class State {
    kOpen,
    kAccepted,  // the client was told so
    kRefused,   // the client was told so
    kUnknown    // the client gave up without an answer (it has no key to ask again with)
  };
  Kind kind = Kind::kItem;
  int number = 0;
  MemberId origin;
  marking::Marking marking;
  Precedence precedence = Precedence::kRoutine;
  bool keep_private = false;
  bool hostile = false;  // well made by the cheating member, about what is not its own
  std::string key;       // idempotency key; "" = none
  std::string media_type;
  Bytes body;
  std::size_t objects = 0;              // in the body
  std::vector<std::string> object_ids;  // of the good ones
  std::vector<EnvelopeId> tried;        // the id of each attempt
  State state = State::kOpen;
  std::optional<EnvelopeId> accepted;
  // kOperation: what is asked for. kReply: about which item it is.
  EnvelopeId item;
  exchange::OperationKind operation = exchange::OperationKind::kRetract;
  std::set<MemberId> narrow_to;
  std::optional<marking::Marking> remark;
  // kReply
  Hash answers;  // digest of the operation's envelope
  exchange::Outcome outcome = exchange::Outcome::kPending;
  MemberId asker;
  // kGroup
  exchange::GroupStatement group;
  std::string name() const { return "#" + std::to_string(number); }
};

// An originator's operation as it stands in its log.
struct Statement {
  Request const* request = nullptr;
  EnvelopeId id;
  Hash digest;
  MemberId by;
  exchange::Operation said;
};

// How an item must stand at a node, by the operations that its log holds: docs/formats/operation.md
// in code of its own.
struct Standing {
  store::ItemState state = store::ItemState::kActive;
  marking::Marking marking;
  std::uint64_t counter = 0;  // of the operation that holds; 0: none
  bool twice = false;         // two operations with one counter: its originator was restored
  bool asked = false;         // to destroy it
  std::set<EnvelopeId> asking;
};

class Ledger {
 public:
  Ledger(std::set<MemberId> roster, CommunityId community)
      : roster_(std::move(roster)), community_(community) {}

  Request& add(Request request);
  std::vector<std::unique_ptr<Request>> const& requests() const { return requests_; }
  void attempt(Request& request, EnvelopeId const& id);
  Request const* find(EnvelopeId const& id) const;

  // The rules of release (law 1). A request that is not to be refused reaches recipients().
  bool must_refuse(Request const& request, UnixMs now_ms) const;
  std::set<MemberId> recipients(Request const& request) const;

  // A record in its originator's log: the one truth about its bytes. Violation if it may not exist.
  void stored_at_origin(MemberId const& node, store::Record const& record);
  // What an operation in its originator's log says, once: right by what was said before it there
  // (law 5). `before`: how the item stood there.
  void stated(Request const& request, Statement statement, Standing const& before);
  // A record in another node's log: Violation unless it is exactly what its originator released to
  // this node.
  void check_received(MemberId const& node, store::Record const& record) const;
  struct Stored {
    std::uint64_t seq = 0;
    Hash digest;
    std::uint8_t lane = 0;
    UnixMs created_ms = 0;
    // A reply that a restored node made anew has the id of the one that it had forgotten.
    std::set<Hash> others = {};
  };
  Stored const* stored(EnvelopeId const& id) const;
  // Something of the cheating member's that is well made: it may be stored, and must do nothing.
  void hostile(Request request, EnvelopeId const& id, Hash const& digest);

  // How the item must stand at a node whose log holds the envelopes of these ids.
  Standing standing(EnvelopeId const& item, MemberId const& node,
                    std::set<EnvelopeId> const& held) const;
  std::vector<Statement> const& statements(EnvelopeId const& item) const;
  // The groups that a node must know whose log holds the envelopes of these ids.
  std::vector<exchange::Group> groups(std::set<EnvelopeId> const& held) const;

  // This node was put back to an older state: its clients may find their keys forgotten.
  void restored(MemberId const& node) { restored_.insert(node); }
  bool was_restored(MemberId const& node) const { return restored_.contains(node); }
  bool any_restored() const { return !restored_.empty(); }
  // The id under which the request took effect, if it did.
  std::optional<EnvelopeId> effect(Request const& request) const;

  void accepted(Request& request, EnvelopeId const& id);
  void refused(Request& request, UnixMs now_ms, Code code);
  // The same of an operation: `why` is what operation_refusal() said when it was asked for.
  void operation_answered(Request& request, Result<EnvelopeId> const& result,
                          std::optional<Code> why);
  // What a right node answers to such an operation, the item standing there as it does; nullopt:
  // it is accepted.
  std::optional<Code> operation_refusal(Request const& request, Standing const& now) const;

 private:
  void expect_replies(Statement const& statement);

  std::set<MemberId> roster_;
  CommunityId community_;
  std::set<MemberId> restored_;
  std::vector<std::unique_ptr<Request>> requests_;
  std::map<EnvelopeId, Request*> by_id_;
  std::map<EnvelopeId, Stored> stored_;
  std::map<EnvelopeId, std::vector<Statement>> statements_;  // by item
};

}  // namespace amic::sim
