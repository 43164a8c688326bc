// What the world knows to be true: which requests were made, what a right answer to each is, and
// what must be where. Decided here from the rules, in code of its own, not by asking the product.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "marking/marking.h"
#include "store/store.h"

namespace amic::sim {

// One thing that a client wants to share, with all its attempts.
struct Request {
  enum class State {
    kOpen,
    kAccepted,  // the client was told so
    kRefused,   // the client was told so
    kUnknown    // the client gave up without an answer (it has no key to ask again with)
  };
  int number = 0;
  MemberId origin;
  marking::Marking marking;
  Precedence precedence = Precedence::kRoutine;
  bool keep_private = false;
  std::string key;  // idempotency key; "" = none
  std::string media_type;
  Bytes body;
  std::size_t objects = 0;              // in the body
  std::vector<std::string> object_ids;  // of the good ones
  std::vector<EnvelopeId> tried;        // the id of each attempt
  State state = State::kOpen;
  std::optional<EnvelopeId> accepted;
  std::string name() const { return "#" + std::to_string(number); }
};

class Ledger {
 public:
  explicit Ledger(std::set<MemberId> roster) : roster_(std::move(roster)) {}

  Request& add(Request request);
  std::vector<std::unique_ptr<Request>> const& requests() const { return requests_; }
  void attempt(Request& request, EnvelopeId const& id);
  Request const* find(EnvelopeId const& id) const;

  // The rules of release (law 1). A request that is not to be refused reaches recipients().
  bool must_refuse(Request const& request, UnixMs now_ms) const;
  std::set<MemberId> recipients(Request const& request) const;

  // A record in its originator's log: the one truth about its bytes. Violation if it may not exist.
  void stored_at_origin(MemberId const& node, store::Record const& record);
  // A record in another node's log: Violation unless it is exactly what its originator released to
  // this node.
  void check_received(MemberId const& node, store::Record const& record) const;
  struct Stored {
    std::uint64_t seq = 0;
    Hash digest;
  };
  Stored const* stored(EnvelopeId const& id) const;
  // This node was put back to an older state: its clients may find their keys forgotten.
  void restored(MemberId const& node) { restored_.insert(node); }
  bool was_restored(MemberId const& node) const { return restored_.contains(node); }
  // The id under which the request took effect, if it did.
  std::optional<EnvelopeId> effect(Request const& request) const;

  void accepted(Request& request, EnvelopeId const& id);
  void refused(Request& request, UnixMs now_ms, Code code);

 private:
  std::set<MemberId> roster_;
  std::set<MemberId> restored_;
  std::vector<std::unique_ptr<Request>> requests_;
  std::map<EnvelopeId, Request*> by_id_;
  std::map<EnvelopeId, Stored> stored_;
};

}  // namespace amic::sim
