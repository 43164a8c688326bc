// Watches a history and throws a Violation as soon as something may not be. Looks at disks and
// messages from outside; the little it takes from the product is the decoding of receipts.
#pragma once

#include <array>
#include <map>
#include <vector>

#include "world.h"

namespace amic::sim {

class Witness {
 public:
  explicit Witness(World& world) : world_(world) {}

  // Whenever a node's log may have grown, and after each restart: everything new in it is allowed
  // there (laws 1, 3), stands once (law 4), in the order of its lane; nothing old has changed.
  void log_grew(SimNode& node);
  // A node is about to sign for what it holds: not less than before, the same sequence, and all of
  // it on its disk.
  void receipt_given(SimNode& node, MemberId const& peer, Bytes const& receipt);
  // A node's disk was put back to an older state: its words go back with it.
  void restored(SimNode& node);
  // A request is on its way: what a group is called stands nowhere in it.
  void crosses(MemberId const& from, MemberId const& to, Bytes const& body) const;
  // A node has said that it carries this batch: it has it of its sender.
  void carries(SimNode const& node, MemberId const& peer, Bytes const& batch) const;
  // What its node has to answer to an operation now; nullopt: that it is accepted.
  std::optional<Code> operation_refusal(SimNode const& node, Request const& request) const;
  // An operator is about to decide for destruction.
  void may_destroy(SimNode const& node, EnvelopeId const& item);
  // A node knows the groups that its log tells of, and nothing else of groups.
  void groups(SimNode& node) const;
  // How often an item was destroyed.
  std::uint64_t destroyed() const;
  // A batch of `lane` was handed out: no more urgent lane waits, unless a batch of it is under way.
  void urgent_first(SimNode& node, MemberId const& peer, std::uint8_t lane,
                    std::array<std::uint64_t, kLaneCount> const& busy) const;
  // Between events: bounds.
  void bounds() const;
  // Whether all is delivered, indexed and acknowledged.
  bool at_rest() const;
  std::string unrest() const;  // what is not, for people
  // At rest: everything is where it must be and the books agree.
  void everything();

 private:
  struct Seen {  // of one node's log
    std::vector<Hash> digests;
    std::set<EnvelopeId> ids;
    std::map<std::pair<MemberId, std::uint8_t>, std::uint64_t> lane_end;  // seq at the origin
  };
  struct Word {
    std::uint64_t n = 0;
    Hash chain;
  };
  void outgoing(SimNode const& node, Seen const& seen, store::Record const& record);
  void incoming(SimNode const& node, Seen& seen, store::Record const& record) const;
  envelope::Contents opened(SimNode const& node, store::Record const& record) const;
  void reply_made(SimNode const& node, Request const& request, store::Record const& record) const;
  bool either_restored(MemberId const& a, MemberId const& b) const;
  void history(SimNode& from, SimNode& to, std::uint8_t lane) const;
  void whole_or_gone(Request const& request) const;
  bool waived(MemberId const& from, MemberId const& to, std::uint8_t lane) const;
  void requests() const;
  void holders(Request const& request, EnvelopeId const& id) const;
  void lanes(SimNode& from, SimNode& to) const;
  void lane(SimNode& from, SimNode& to, std::uint8_t lane, store::LaneDepth const& depth) const;
  void items(SimNode& node) const;
  void item(SimNode& node, store::Record const& record, store::ItemRow const& row,
            std::uint64_t rows) const;
  bool unlearnt(SimNode const& node, store::Record const& record) const;
  void erased(SimNode& node, store::Record const& record) const;
  void answered(SimNode& node, store::Record const& record) const;
  void visible() const;
  void same_view(std::vector<SimNode*> const& nodes) const;
  void secrets() const;
  void quarantine(SimNode& node) const;
  void books(SimNode& node, bool rebuild);

  World& world_;
  std::map<MemberId, Seen> seen_;
  using WordKey = std::tuple<MemberId, MemberId, std::uint8_t>;  // receiver, sender, lane
  std::map<WordKey, Word> words_;
  std::map<WordKey, std::map<std::uint64_t, Hash>> chains_;  // all that was ever signed for
  std::map<MemberId, std::set<EnvelopeId>> backed_up_;       // restored nodes: what they had then
  std::map<MemberId, std::set<EnvelopeId>> decided_;         // by operators: may be destroyed
};

}  // namespace amic::sim
