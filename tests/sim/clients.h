// What people and programs want of their nodes: to share, to operate on what was shared, to make
// groups, to decide upon what others ask for. Each request is tried again as a careful client does.
#pragma once

#include <string>
#include <vector>

#include "history.h"
#include "world.h"

namespace amic::sim {

class Clients {
 public:
  Clients(World& world, Outcome& outcome) : world_(world), outcome_(outcome) {}

  void share();
  void operate();  // on somebody's item, mostly one's own; it may not have arrived anywhere yet
  void group();    // make, change, leave a group, or share with one
  void decide();   // an operator, upon a demand
  // Large bodies from one member on one lane: a batch ends by its bytes.
  bool bulky = false;

 private:
  marking::Marking random_marking(MemberId const& origin);
  std::string random_object(Request& request);
  void fill_body(Request& request);
  void start(Request request, std::string const& what);
  void attempt(Request& request);
  void attempt_operation(Request& request, SimNode& node);
  void answered(Request& request, Result<EnvelopeId> const& result);
  void operation_answered(Request& request, Result<EnvelopeId> const& result, bool judged,
                          std::optional<Code> why);
  void again(Request& request);
  void comply_with(SimNode& node, EnvelopeId const& item);
  void state_group(SimNode& node, exchange::GroupStatement statement,
                   exchange::Group const* before);
  void new_group(SimNode& node);
  void change_group(SimNode& node, exchange::Group const& group);
  void share_with(SimNode& node, exchange::Group const& group);
  SimNode& any_node() { return *world_.nodes[world_.dice.index(world_.nodes.size())]; }
  bool chance(std::uint64_t permille) { return world_.dice.permille(permille); }
  Precedence any_precedence();
  std::set<MemberId> some_of(std::set<MemberId> const& members);

  World& world_;
  Outcome& outcome_;
  std::vector<std::string> shared_;  // objects that may be shared once more
};

}  // namespace amic::sim
