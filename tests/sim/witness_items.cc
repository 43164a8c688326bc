// What the witness says of items, of operations on them, of groups: laws 4, 5 and 11.
#include <algorithm>

#include "attacker.h"
#include "codec/codec.h"
#include "holdings/holdings.h"
#include "sim_node.h"
#include "witness.h"

namespace amic::sim {

using exchange::testing::must;
using store::ItemState;

namespace {

bool is_item(Request const& request) {
  return request.kind == Request::Kind::kItem || request.kind == Request::Kind::kGroup;
}

store::AudienceSet all_labels(store::Store& store) {
  marking::Reader reader;
  reader.clearance = marking::Classification::kTopSecret;
  return must(holdings::readable_by(store, reader, 0));
}

}  // namespace

// ---- While it goes on -------------------------------------------------------------------------

void Witness::crosses(MemberId const& from, MemberId const& to, Bytes const& body) const {
  for (auto const& name : world_.secrets)
    if (as_text(body).find(name) != std::string_view::npos)
      throw Violation("law 11: the name of a group goes in clear from " + from.str() + " to " +
                      to.str());
}

void Witness::carries(SimNode const& node, MemberId const& peer, Bytes const& bytes) const {
  auto const batch = must(exchange::decode_batch(bytes));
  if (batch.from != peer)
    throw Violation("law 10: " + node.id().str() + " carries a batch of " + batch.from.str() +
                    " that another relay has handed to it");
}

envelope::Contents Witness::opened(SimNode const& node, store::Record const& record) const {
  auto const& keys = node.keys();
  auto contents =
      must(envelope::open(record.bytes, node.id(), keys.sealing, keys.node.verify_key()));
  auto const& request = *world_.ledger.find(record.id);
  auto const allowed = world_.ledger.recipients(request);
  if (contents.recipients != std::vector<MemberId>(allowed.begin(), allowed.end()))
    throw Violation("law 1: " + request.name() + " of " + node.id().str() +
                    " is sealed to others than it is for");
  return contents;
}

// A reply in the log of the one who says it. What it says to have destroyed is destroyed.
void Witness::reply_made(SimNode const& node, Request const& request,
                         store::Record const& record) const {
  auto const reply = must(exchange::decode_reply(opened(node, record).body));
  if (reply.item != request.item || reply.operation != request.answers ||
      reply.outcome != request.outcome)
    throw Violation("law 5: " + request.name() + " is not the reply that its id says");
  auto const held = node.disk().log().find(reply.item);
  bool const restored = world_.ledger.was_restored(node.id());
  if (!held && !restored)
    throw Violation("law 5: " + node.id().str() + " answers about an item that it never had");
  if (held && reply.destroyed && !held->shredded && !restored)
    throw Violation("law 12: " + node.id().str() + " says that it has destroyed " +
                    world_.ledger.find(reply.item)->name() + " and has not");
}

std::optional<Code> Witness::operation_refusal(SimNode const& node, Request const& request) const {
  auto const seen = seen_.find(node.id());
  static std::set<EnvelopeId> const none;
  auto const& held = seen == seen_.end() ? none : seen->second.ids;
  return world_.ledger.operation_refusal(request,
                                         world_.ledger.standing(request.item, node.id(), held));
}

void Witness::may_destroy(SimNode const& node, EnvelopeId const& item) {
  decided_[node.id()].insert(item);
}

std::uint64_t Witness::destroyed() const {
  std::uint64_t out = 0;
  for (auto const& node : world_.nodes) {
    auto const& log = node->disk().log();
    for (std::uint64_t seq = 1; seq <= log.size(); ++seq) out += log.at(seq).shredded ? 1 : 0;
  }
  return out;
}

// ---- Items at rest ----------------------------------------------------------------------------

// Destroyed once more by the word of a restored node; the operation that it answered does not come
// again, since the cheating member has broken that lane.
bool Witness::unlearnt(SimNode const& node, store::Record const& record) const {
  auto const& origin = world_.ledger.find(record.id)->origin;
  if (!record.shredded || !world_.attacker->is(origin) || !world_.attacker->diverged())
    return false;
  return world_.ledger.was_restored(node.id()) &&
         !world_.ledger.standing(record.id, node.id(), seen_.at(node.id()).ids).asked;
}

// One row for each item, as its originator's operations leave it; the three sum to the input.
void Witness::items(SimNode& node) const {
  auto const& index = node.disk().index();
  auto const& log = node.disk().log();
  std::map<std::uint64_t, std::uint64_t> rows;
  for (auto const& [ord, row] : index.all_objects()) ++rows[row.seq];
  auto const all = index.all_items();
  std::size_t expected = 0;
  for (std::uint64_t seq = 1; seq <= log.size(); ++seq) {
    store::Record const& record = log.at(seq);
    if (unlearnt(node, record)) continue;
    if (record.shredded) erased(node, record);
    if (!is_item(*world_.ledger.find(record.id))) continue;
    ++expected;
    auto const row = all.find(seq);
    if (row == all.end() || row->second.id != record.id)
      throw Violation("law 4: the index of " + node.id().str() +
                      " has not one item for each record");
    item(node, record, row->second, rows[seq]);
    answered(node, record);
  }
  if (all.size() != expected)
    throw Violation("law 4: the index of " + node.id().str() + " has not one item for each record");
}

void Witness::item(SimNode& node, store::Record const& record, store::ItemRow const& row,
                   std::uint64_t rows) const {
  auto const& index = node.disk().index();
  auto const& request = *world_.ledger.find(record.id);
  auto const must_be = world_.ledger.standing(record.id, node.id(), seen_.at(node.id()).ids);
  auto const where = request.name() + " at " + node.id().str();
  if (row.state != must_be.state)
    throw Violation("law 5: " + where + " is in state " +
                    std::to_string(static_cast<int>(row.state)) + ", not " +
                    std::to_string(static_cast<int>(must_be.state)));
  if (row.originator != request.origin)
    throw Violation("law 5: " + where + " is shown as somebody else's");
  auto const label = marking::encode(must_be.marking);
  for (auto const& audience : index.audiences())
    if (audience.id == row.audience && audience.label != label)
      throw Violation("law 1: " + where + " is shown under another marking");
  bool const shown = must_be.state == ItemState::kActive;
  if (row.objects + row.quarantined + row.rejected != (shown ? request.objects : 0))
    throw Violation("law 4: the counts of " + where + " do not sum to its input");
  if (rows != row.objects)
    throw Violation("law 4: objects of " + where + " took effect twice or not at all");
  if (!shown) return;
  for (auto const& id : request.object_ids)
    if (index.versions(id, {row.audience}, row.originator).empty())
      throw Violation("law 4: " + id + " of " + where + " is missing");
}

// Only what its originator asks for is destroyed, and where an operator decides, only then.
void Witness::erased(SimNode& node, store::Record const& record) const {
  auto const& request = *world_.ledger.find(record.id);
  auto const where = request.name() + " at " + node.id().str();
  auto const now = world_.ledger.standing(record.id, node.id(), seen_.at(node.id()).ids);
  if (!now.asked) throw Violation("law 5: " + where + " was destroyed and nobody had asked");
  auto const decided = decided_.find(node.id());
  bool const may =
      !node.asks() || (decided != decided_.end() && decided->second.contains(record.id));
  if (!may) throw Violation("law 5: " + where + " was destroyed before its operator decided");
}

// Whoever is asked for destruction has answered: it has destroyed, or it waits for its operator.
void Witness::answered(SimNode& node, store::Record const& record) const {
  auto const now = world_.ledger.standing(record.id, node.id(), seen_.at(node.id()).ids);
  if (!now.asked) return;
  auto const& request = *world_.ledger.find(record.id);
  auto const where = request.name() + " at " + node.id().str();
  if (!record.shredded && !node.asks())
    throw Violation("law 5: " + where + " was not destroyed as its originator asks");
  SimNode& origin = world_.node(request.origin);
  bool said = false, complied = false, heard = false;
  for (auto const& one : world_.ledger.requests()) {
    if (one->kind != Request::Kind::kReply || one->origin != node.id() || one->item != record.id)
      continue;
    EnvelopeId const id = one->tried.front();
    if (!node.disk().log().find(id)) continue;
    said = true;
    complied = complied || one->outcome == exchange::Outcome::kComplied;
    heard = heard || origin.disk().log().find(id).has_value();
  }
  if (!said || complied != record.shredded)
    throw Violation("law 5: " + where + " was " + (record.shredded ? "" : "not ") +
                    "destroyed, and its node has said otherwise");
  bool const cheats = world_.attacker->is(node.id()) || world_.attacker->is(origin.id());
  if (cheats || !origin.disk().log().find(record.id)) return;
  if (!heard) throw Violation("law 4: no reply about " + where + " reached its originator");
  auto const replies = must(origin.store().replies(record.digest));
  auto const ours = std::find_if(replies.begin(), replies.end(),
                                 [&](auto const& row) { return row.member == node.id(); });
  if (ours == replies.end() || (ours->outcome == 3) != record.shredded)
    throw Violation("law 5: the originator of " + where + " does not know what became of it");
}

// All who may see something see the same of it.
void Witness::visible() const {
  if (world_.attacker->diverged()) return;
  for (auto const& request : world_.ledger.requests()) {
    // A private import is seen by its member only, whatever its marking says; and of two operations
    // with one counter the later one is built on what only one of them says.
    if (request->kind != Request::Kind::kItem) continue;
    if (request->keep_private && !request->marking.rel_to.empty()) return;
    for (EnvelopeId const& id : request->tried) {
      std::set<std::uint64_t> counters;
      for (auto const& one : world_.ledger.statements(id))
        if (!counters.insert(one.said.counter).second) return;
    }
  }
  std::vector<SimNode*> all;
  for (auto const& node : world_.nodes) all.push_back(node.get());
  same_view(all);
  for (std::size_t pairs = std::min<std::size_t>(6, all.size()); pairs > 0; --pairs) {
    auto* const a = all[world_.dice.index(all.size())];
    auto* const b = all[world_.dice.index(all.size())];
    if (a != b) same_view({a, b});
  }
}

void Witness::same_view(std::vector<SimNode*> const& nodes) const {
  std::set<MemberId> members;
  for (auto* node : nodes) members.insert(node->id());
  std::optional<holdings::VisibleSet> first;
  for (auto* node : nodes) {
    auto const set = must(holdings::visible_set(node->store(), members, all_labels(node->store())));
    if (!first) first = set;
    if (set.digest != first->digest)
      throw Violation("law 5: " + node->id().str() + " shows " + std::to_string(set.objects) +
                      " objects, " + nodes.front()->id().str() + " " +
                      std::to_string(first->objects) + " of what both may see");
  }
}

// ---- Groups -----------------------------------------------------------------------------------

void Witness::groups(SimNode& node) const {
  auto const must_be = world_.ledger.groups(seen_.at(node.id()).ids);
  auto const known = must(exchange::load_groups(node.store()));
  auto const same = [](exchange::Group const& a, exchange::Group const& b) {
    return a.id == b.id && a.owner == b.owner && a.counter == b.counter && a.name == b.name &&
           a.classification == b.classification && a.closed == b.closed && a.members == b.members &&
           a.stated == b.stated && a.at_ms == b.at_ms;
  };
  if (!std::equal(must_be.begin(), must_be.end(), known.begin(), known.end(), same))
    throw Violation("groups: " + node.id().str() + " knows " + std::to_string(known.size()) +
                    " groups, its log tells of " + std::to_string(must_be.size()) +
                    ", or they differ");
}

// Nobody but those whom a statement named knows a group, by name or by number.
void Witness::secrets() const {
  std::map<std::string, std::set<MemberId>> told;
  for (auto const& request : world_.ledger.requests()) {
    if (request->kind != Request::Kind::kGroup) continue;
    auto to = world_.ledger.recipients(*request);
    to.insert(request->origin);
    auto const& id = request->group.id;
    for (auto const& secret : {request->group.name, std::string(as_text(id.view())),
                               codec::to_hex(id.view()), codec::to_uuid(id.view())})
      if (!secret.empty()) told[secret].insert(to.begin(), to.end());
  }
  for (auto const& [secret, members] : told)
    for (auto const& node : world_.nodes) {
      if (members.contains(node->id())) continue;
      if (node->disk().log().mentions(secret) || node->disk().index().mentions(secret))
        throw Violation("law 11: " + node->id().str() + " has learned of a group of others");
    }
}

}  // namespace amic::sim
