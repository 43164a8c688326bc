#include "witness.h"

#include <algorithm>

#include "attacker.h"
#include "base/limits.h"
#include "codec/codec.h"
#include "sim_node.h"

namespace amic::sim {

using exchange::testing::must;

namespace {

std::string lane_name(MemberId const& from, MemberId const& to, std::uint8_t lane) {
  return "lane " + std::to_string(lane) + " from " + from.str() + " to " + to.str();
}

std::optional<store::Cursor> cursor_of(SimNode& node, store::CursorKind kind, MemberId const& peer,
                                       std::uint8_t lane) {
  for (auto& cursor : node.disk().log().cursors())
    if (cursor.kind == kind && cursor.peer == peer && cursor.lane == lane) return cursor;
  return std::nullopt;
}

}  // namespace

// ---- While it goes on -------------------------------------------------------------------------

void Witness::log_grew(SimNode& node) {
  auto const& log = node.disk().log();
  Seen& seen = seen_[node.id()];
  if (log.size() < seen.digests.size())
    throw Violation("law 4: " + node.id().str() + " has lost records");
  for (std::uint64_t seq = 1; seq <= log.size(); ++seq) {
    store::Record const& record = log.at(seq);
    if (seq <= seen.digests.size()) {
      if (seen.digests[seq - 1] != record.digest)
        throw Violation("law 8: record " + std::to_string(seq) + " of " + node.id().str() +
                        " has changed");
      continue;
    }
    seen.digests.push_back(record.digest);
    if (!seen.ids.insert(record.id).second)
      throw Violation("law 4: " + node.id().str() + " stored one envelope twice");
    if (record.kind == store::RecordKind::kEnvelopeOut) {
      world_.ledger.stored_at_origin(node.id(), record);
    } else {
      incoming(node, seen, record);
    }
    auto const* request = world_.ledger.find(record.id);
    world_.tell(node.id(), "record " + std::to_string(seq) + " = " + request->name() + " " +
                               codec::to_hex(BytesView(record.digest.view()).first(4)));
  }
}

void Witness::incoming(SimNode const& node, Seen& seen, store::Record const& record) const {
  world_.ledger.check_received(node.id(), record);
  auto const lane = static_cast<std::uint8_t>(world_.ledger.find(record.id)->precedence);
  std::uint64_t& end = seen.lane_end[{record.peer, lane}];
  std::uint64_t const at = world_.ledger.stored(record.id)->seq;
  if (at < end && !waived(record.peer, node.id(), lane))
    throw Violation("order: " + lane_name(record.peer, node.id(), lane) + " was turned around");
  end = at;
}

void Witness::receipt_given(SimNode& node, MemberId const& peer, Bytes const& bytes) {
  auto const receipt = must(exchange::decode_receipt(bytes));
  auto const name = lane_name(peer, node.id(), receipt.lane);
  Word& word = words_[{node.id(), peer, receipt.lane}];
  if (receipt.n < word.n) throw Violation("receipts: " + name + " went back");
  if (receipt.n == word.n && word.n > 0 && receipt.chain != word.chain)
    throw Violation("receipts: " + name + " was signed for with two sequences");
  word = {receipt.n, receipt.chain};
  auto const cursor = cursor_of(node, store::CursorKind::kReceived, peer, receipt.lane);
  std::uint64_t const durable = cursor ? cursor->n : 0;
  if (receipt.n > durable)
    throw Violation("receipts: " + name + " signed for " + std::to_string(receipt.n) +
                    ", on the disk are " + std::to_string(durable));
  if (receipt.refused_total > 0 && !world_.attacker->is(peer))
    throw Violation("law 4: " + node.id().str() + " refused an envelope of the honest " +
                    peer.str() + ": " + receipt.refused.front().code);
}

void Witness::urgent_first(SimNode& node, MemberId const& peer, std::uint8_t lane,
                           std::array<std::uint64_t, kLaneCount> const& busy) const {
  if (node.committer().answers_due()) return;  // the exchange can't know yet of what is waiting
  for (auto const& state : must(node.exchange().links())) {
    if (state.peer != peer) continue;
    for (std::uint8_t urgent = 0; urgent < lane; ++urgent)
      if (busy[urgent] == 0 && state.lanes[urgent].queued_n > state.lanes[urgent].acked_n)
        throw Violation("precedence: " + node.id().str() + " sent lane " + std::to_string(lane) +
                        " to " + peer.str() + " while lane " + std::to_string(urgent) + " waited");
  }
}

void Witness::bounds() const {
  if (world_.schedule.waiting() > 20'000) throw Violation("law 10: events pile up");
  for (auto const& node : world_.nodes) {
    if (node->up() && node->committer().waiting() > limits::kCommitQueueMax)
      throw Violation("law 10: the commit queue of " + node->id().str() + " has no bound");
  }
}

// ---- At rest ----------------------------------------------------------------------------------

bool Witness::waived(MemberId const& from, MemberId const& to, std::uint8_t lane) const {
  return world_.attacker->is(from) && world_.attacker->diverged(to, lane);
}

std::string Witness::unrest() const {
  for (auto const& request : world_.ledger.requests())
    if (request->state == Request::State::kOpen) return request->name() + " has no answer yet";
  for (auto const& node : world_.nodes) {
    if (!node->up()) return node->id().str() + " is down";
    for (auto const& depth : node->disk().log().lanes())
      if (depth.last_n > depth.acked_n && !waived(node->id(), depth.peer, depth.lane))
        return lane_name(node->id(), depth.peer, depth.lane) + " has " +
               std::to_string(depth.last_n - depth.acked_n) + " waiting";
    if (!node->idle() && !world_.attacker->is(node->id())) return node->id().str() + " is busy";
    if (must(node->store().watermark()) < node->disk().log().size())
      return "the index of " + node->id().str() + " is behind";
  }
  return "";
}

bool Witness::at_rest() const {
  return unrest().empty();
}

void Witness::everything() {
  for (auto const& node : world_.nodes) log_grew(*node);
  requests();
  std::size_t const rebuilt = world_.dice.index(world_.nodes.size());
  for (std::size_t i = 0; i < world_.nodes.size(); ++i) {
    SimNode& node = *world_.nodes[i];
    for (auto const& other : world_.nodes)
      if (other.get() != &node) lanes(node, *other);
    quarantine(node);
    items(node);
    books(node, i == rebuilt);
  }
}

void Witness::requests() const {
  for (auto const& request : world_.ledger.requests()) {
    auto const effect = world_.ledger.effect(*request);
    if (request->accepted && effect != request->accepted)
      throw Violation("law 4: " + request->name() + " was accepted and is not in its log");
    if (effect) holders(*request, *effect);
  }
}

// Exactly once with each recipient; what happens to be anywhere else was found by log_grew().
void Witness::holders(Request const& request, EnvelopeId const& id) const {
  auto const lane = static_cast<std::uint8_t>(request.precedence);
  for (MemberId const& member : world_.ledger.recipients(request)) {
    if (waived(request.origin, member, lane)) continue;
    if (!world_.node(member).disk().log().find(id))
      throw Violation("law 4: " + request.name() + " never reached " + member.str());
  }
}

void Witness::lanes(SimNode& from, SimNode& to) const {
  for (auto const& depth : from.disk().log().lanes())
    if (depth.peer == to.id() && !waived(from.id(), to.id(), depth.lane))
      lane(from, to, depth.lane, depth);
}

// Sender and receiver agree on the number and on the chain over exactly what was released.
void Witness::lane(SimNode& from, SimNode& to, std::uint8_t lane,
                   store::LaneDepth const& depth) const {
  auto const name = lane_name(from.id(), to.id(), lane);
  std::uint64_t n = 0;
  Hash chain;
  auto const& log = from.disk().log();
  for (std::uint64_t seq = 1; seq <= log.size(); ++seq) {
    auto const& record = log.at(seq);
    auto const* request = world_.ledger.find(record.id);
    if (record.kind != store::RecordKind::kEnvelopeOut ||
        static_cast<std::uint8_t>(request->precedence) != lane ||
        !world_.ledger.recipients(*request).contains(to.id()))
      continue;
    ++n;
    chain = crypto::sha256({chain.view(), record.digest.view()});
  }
  auto const acked = cursor_of(from, store::CursorKind::kAcked, to.id(), lane);
  auto const received = cursor_of(to, store::CursorKind::kReceived, from.id(), lane);
  if (!acked || !received || acked->n != n || received->n != n || depth.last_n != n)
    throw Violation("chains: " + name + " has other numbers on both sides than envelopes");
  auto const word = must(exchange::decode_receipt(acked->note));
  auto const current =
      must(exchange::decode_receipt(must(to.exchange().current_receipt(from.id(), lane))));
  if (word.chain != chain || current.chain != chain || current.n != n)
    throw Violation("chains: " + name + " does not end in the same value on both sides");
  if (!exchange::verify_receipt(word, world_.founders.community.head, world_.founders.community.id))
    throw Violation("law 8: the receipt kept for " + name + " does not verify");
  if (depth.pending_bytes != 0 || !log.outbox(to.id(), lane, 0, 1).empty())
    throw Violation("outbox: " + name + " keeps what was signed for");
}

// The three sum to the input, once for each record (law 4).
void Witness::items(SimNode& node) const {
  auto const& index = node.disk().index();
  auto const& log = node.disk().log();
  if (index.all_items().size() != log.size())
    throw Violation("law 4: the index of " + node.id().str() + " has not one item for each record");
  for (auto const& [seq, item] : index.all_items()) {
    auto const* request = world_.ledger.find(item.id);
    if (request == nullptr || item.id != log.at(seq).id)
      throw Violation("index: item " + std::to_string(seq) + " of " + node.id().str() +
                      " is not of its record");
    if (item.objects + item.quarantined + item.rejected != request->objects)
      throw Violation("law 4: the counts of " + request->name() + " at " + node.id().str() +
                      " do not sum to its input");
    auto const label = marking::encode(request->marking);
    for (auto const& audience : index.audiences())
      if (audience.id == item.audience && audience.label != label)
        throw Violation("law 1: " + request->name() + " is shown under another marking at " +
                        node.id().str());
    for (auto const& id : request->object_ids)
      if (index.versions(id, {item.audience}, 1).empty())
        throw Violation("law 4: " + id + " of " + request->name() + " is missing at " +
                        node.id().str());
  }
  std::set<std::tuple<std::string, std::int64_t, store::AudienceId>> once;
  for (auto const& [ord, row] : index.all_objects())
    if (!once.insert({row.id, row.version_us, row.audience}).second)
      throw Violation("law 4: " + row.id + " took effect twice at " + node.id().str());
}

void Witness::quarantine(SimNode& node) const {
  for (auto const& peer : world_.nodes) {
    auto const held = node.disk().log().quarantine(peer->id(), SIZE_MAX);
    if (held.size() > limits::kQuarantineEnvelopesMax)
      throw Violation("law 10: the quarantine of " + node.id().str() + " has no bound");
    if (!held.empty() && !world_.attacker->is(peer->id()))
      throw Violation("law 4: " + node.id().str() + " keeps an envelope of the honest " +
                      peer->id().str() + " in quarantine: " + held.front().reason);
  }
}

// The log verifies as anybody would verify it; the index is the one that the log gives.
void Witness::books(SimNode& node, bool rebuild) {
  node.sign_checkpoint();
  auto const report = tlog::verify_log(node.store(), node.log().verifier(), {}, {});
  if (!report)
    throw Violation("law 8: the log of " + node.id().str() +
                    " does not verify: " + report.error().text());
  if (report->records != node.disk().log().size() || report->checkpoint_size != report->records)
    throw Violation("law 8: the log of " + node.id().str() + " verifies in part");
  if (auto const sound = node.store().check(); !sound) throw Violation(sound.error().text());
  if (!rebuild) return;
  Hash const before = must(node.store().index_digest());
  must(node.store().reset_index());
  exchange::IndexFeeder feeder(node.exchange(), node.store());
  while (must(feeder.catch_up(static_cast<std::size_t>(world_.dice.between(1, 20)))) > 0) {
  }
  if (must(node.store().index_digest()) != before)
    throw Violation("index: that of " + node.id().str() + " is not what its log gives");
}

}  // namespace amic::sim
