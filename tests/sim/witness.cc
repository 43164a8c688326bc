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

std::uint64_t last_sent(SimNode const& node, MemberId const& peer, std::uint8_t lane) {
  for (auto const& depth : node.disk().log().lanes())
    if (depth.peer == peer && depth.lane == lane) return depth.last_n;
  return 0;
}

std::uint64_t last_received(SimNode& node, MemberId const& peer, std::uint8_t lane) {
  auto const cursor = cursor_of(node, store::CursorKind::kReceived, peer, lane);
  return cursor ? cursor->n : 0;
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
    if (seen.ids.contains(record.id))
      throw Violation("law 4: " + node.id().str() + " stored one envelope twice");
    if (record.kind == store::RecordKind::kEnvelopeOut) {
      outgoing(node, seen, record);
    } else {
      incoming(node, seen, record);
    }
    seen.ids.insert(record.id);
    auto const* request = world_.ledger.find(record.id);
    world_.tell(node.id(), "record " + std::to_string(seq) + " = " + request->name() + " " +
                               codec::to_hex(BytesView(record.digest.view()).first(4)));
  }
}

void Witness::outgoing(SimNode const& node, Seen const& seen, store::Record const& record) {
  world_.ledger.stored_at_origin(node.id(), record);
  auto const& request = *world_.ledger.find(record.id);
  if (request.kind == Request::Kind::kReply) return reply_made(node, request, record);
  if (request.kind != Request::Kind::kOperation || request.hostile) return;
  auto const contents = opened(node, record);
  Statement statement{&request, record.id, record.digest, node.id(),
                      must(exchange::decode_operation(contents.body))};
  world_.ledger.stated(request, std::move(statement),
                       world_.ledger.standing(request.item, node.id(), seen.ids));
}

void Witness::incoming(SimNode const& node, Seen& seen, store::Record const& record) const {
  world_.ledger.check_received(node.id(), record);
  auto const lane = world_.ledger.stored(record.id)->lane;
  std::uint64_t& end = seen.lane_end[{record.peer, lane}];
  std::uint64_t const at = world_.ledger.stored(record.id)->seq;
  if (at < end && !waived(record.peer, node.id(), lane) && !either_restored(record.peer, node.id()))
    throw Violation("order: " + lane_name(record.peer, node.id(), lane) + " was turned around");
  end = at;
}

void Witness::restored(SimNode& node) {
  world_.ledger.restored(node.id());
  auto const& log = node.disk().log();
  Seen& seen = seen_[node.id()];
  if (log.size() > seen.digests.size())
    throw Violation("the backup of " + node.id().str() + " has more than it ever held");
  seen.digests.resize(log.size());
  seen.ids.clear();
  auto& kept = backed_up_[node.id()];
  kept.clear();
  for (std::uint64_t seq = 1; seq <= log.size(); ++seq) {
    if (log.at(seq).digest != seen.digests[seq - 1])
      throw Violation("the backup of " + node.id().str() + " is not what it held");
    seen.ids.insert(log.at(seq).id);
    kept.insert(log.at(seq).id);
  }
  for (auto& [key, word] : words_)
    if (std::get<0>(key) == node.id()) word = {};
}

bool Witness::either_restored(MemberId const& a, MemberId const& b) const {
  return world_.ledger.was_restored(a) || world_.ledger.was_restored(b);
}

void Witness::receipt_given(SimNode& node, MemberId const& peer, Bytes const& bytes) {
  auto const receipt = must(exchange::decode_receipt(bytes));
  auto const name = lane_name(peer, node.id(), receipt.lane);
  Word& word = words_[{node.id(), peer, receipt.lane}];
  if (receipt.n < word.n) throw Violation("receipts: " + name + " went back");
  if (receipt.n == word.n && word.n > 0 && receipt.chain != word.chain)
    throw Violation("receipts: " + name + " was signed for with two sequences");
  word = {receipt.n, receipt.chain};
  // No number ever stands for anything else, unless neither side can know any more.
  auto const [before, fresh] =
      chains_[{node.id(), peer, receipt.lane}].try_emplace(receipt.n, receipt.chain);
  bool const both = world_.ledger.was_restored(peer) && world_.ledger.was_restored(node.id());
  if (!fresh && before->second != receipt.chain && !both && !waived(peer, node.id(), receipt.lane))
    throw Violation("receipts: a number of " + name + " was used for something else");
  before->second = receipt.chain;
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
      if (busy[urgent] == 0 && state.lanes[urgent].position_known &&
          state.lanes[urgent].queued_n > state.lanes[urgent].acked_n)
        throw Violation("precedence: " + node.id().str() + " sent lane " + std::to_string(lane) +
                        " to " + peer.str() + " while lane " + std::to_string(urgent) + " waited");
  }
}

void Witness::bounds() const {
  if (world_.schedule.waiting() > 50'000) throw Violation("law 10: events pile up");
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
    for (auto const& other : world_.nodes)
      for (std::uint8_t lane = 0; lane < kLaneCount; ++lane)
        if (other != node && !waived(node->id(), other->id(), lane) &&
            last_sent(*node, other->id(), lane) != last_received(*other, node->id(), lane))
          return lane_name(node->id(), other->id(), lane) + " has two ends";
    if (!node->disk().log().kv_scan("returned", "", 1).empty())
      return node->id().str() + " has not passed on what it got back";
    bool const busy = world_.attacker->is(node->id()) ? !node->settled() : !node->idle();
    if (busy) return node->id().str() + " is busy";
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
    groups(node);
    books(node, i == rebuilt);
  }
  visible();
  secrets();
}

void Witness::requests() const {
  for (auto const& request : world_.ledger.requests()) {
    if (request->hostile) continue;
    if (world_.ledger.was_restored(request->origin)) {
      whole_or_gone(*request);
      continue;
    }
    auto const effect = world_.ledger.effect(*request);
    if (request->accepted && effect != request->accepted)
      throw Violation("law 4: " + request->name() + " was accepted and is not in its log");
    if (effect) holders(*request, *effect);
  }
}

// Its originator was restored: what it had released since the backup is with everybody whom it was
// for, the originator included, or with nobody, since nobody had it any more. What was destroyed as
// the originator had asked nobody has.
void Witness::whole_or_gone(Request const& request) const {
  auto const& kept = backed_up_.at(request.origin);
  for (EnvelopeId const& id : request.tried) {
    if (world_.ledger.stored(id) == nullptr) continue;
    auto const lane = world_.ledger.stored(id)->lane;
    bool held = world_.node(request.origin).disk().log().find(id).has_value();
    if (!held && kept.contains(id))
      throw Violation("law 4: " + request.name() + " was in the backup and is gone");
    for (MemberId const& member : world_.ledger.recipients(request)) {
      auto const copy = world_.node(member).disk().log().find(id);
      held = held || (copy && !copy->shredded);
    }
    if (!held) continue;
    if (!world_.node(request.origin).disk().log().find(id))
      throw Violation("law 4: " + request.name() + " never came back to its originator");
    for (MemberId const& member : world_.ledger.recipients(request))
      if (!waived(request.origin, member, lane) && !world_.node(member).disk().log().find(id))
        throw Violation("law 4: " + request.name() + " came back and never reached " +
                        member.str());
  }
}

// Exactly once with each recipient; what happens to be anywhere else was found by log_grew().
void Witness::holders(Request const& request, EnvelopeId const& id) const {
  auto const lane = world_.ledger.stored(id)->lane;
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
  history(from, to, lane);
  auto const name = lane_name(from.id(), to.id(), lane);
  if (depth.pending_bytes != 0 || !from.disk().log().outbox(to.id(), lane, 0, 1).empty())
    throw Violation("outbox: " + name + " has something waiting that was signed for");
  if (either_restored(from.id(), to.id())) return;
  std::uint64_t n = 0;
  Hash chain;
  auto const& log = from.disk().log();
  for (std::uint64_t seq = 1; seq <= log.size(); ++seq) {
    auto const& record = log.at(seq);
    auto const* request = world_.ledger.find(record.id);
    if (record.kind != store::RecordKind::kEnvelopeOut ||
        world_.ledger.stored(record.id)->lane != lane ||
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
}

// Both ends know for every number what it stood for, and the chain over that is the one signed for.
void Witness::history(SimNode& from, SimNode& to, std::uint8_t lane) const {
  auto const name = lane_name(from.id(), to.id(), lane);
  auto const sent = from.disk().log().sent(to.id(), lane, 0, SIZE_MAX);
  auto const received = to.disk().log().received(from.id(), lane, 0, SIZE_MAX);
  if (sent.size() != received.size())
    throw Violation("history: " + name + " is longer on one side: " + std::to_string(sent.size()) +
                    " sent, " + std::to_string(received.size()) + " received");
  Hash chain;
  for (std::size_t i = 0; i < sent.size(); ++i) {
    if (sent[i].n != i + 1 || received[i].n != i + 1 || sent[i].digest != received[i].digest)
      throw Violation("history: number " + std::to_string(i + 1) + " of " + name +
                      " is not the same on both sides");
    chain = crypto::sha256({chain.view(), sent[i].digest.view()});
  }
  auto const current =
      must(exchange::decode_receipt(must(to.exchange().current_receipt(from.id(), lane))));
  if (current.n != sent.size() || current.chain != chain)
    throw Violation("history: " + name + " is not what was signed for");
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
