#include "exchange/engine.h"

#include <algorithm>

#include "base/limits.h"
#include "codec/codec.h"
#include "exchange/evidence.h"

namespace amic::exchange {

Bytes encode_note(InPosition const& position) {
  codec::Writer out;
  out.raw(position.chain.view()).u32(position.refused_total);
  out.u8(static_cast<std::uint8_t>(position.refused.size()));
  for (auto const& refused : position.refused) out.u64(refused.n).str8(refused.code);
  return out.take();
}

Result<InPosition> decode_note(std::uint64_t n, BytesView note) {
  codec::Reader in(note, "cursor.note");
  InPosition out;
  out.n = n;
  out.chain = in.fixed<Hash>();
  out.refused_total = in.u32();
  std::size_t const listed = in.u8();
  for (std::size_t i = 0; i < listed && in.ok(); ++i) {
    auto const refused_n = in.u64();
    out.refused.push_back({refused_n, in.str8()});
  }
  AMIC_TRY_VOID(in.finish());
  return out;
}

Engine::Engine(std::shared_ptr<consent::Heads> heads, NodeKeys keys, store::Store& store,
               Committer& committer, Clock const& clock, Random& random, Realm realm)
    : heads_(std::move(heads)),
      keys_(std::move(keys)),
      store_(store),
      committer_(committer),
      clock_(clock),
      random_(random),
      realm_(std::move(realm)) {}

Result<void> Engine::load() {
  auto const* card = community().head.member(keys_.self);
  if (card == nullptr)
    return fail(Code::kUnknownMember, "head.members", keys_.self.str() + " is not in the head");
  if (card->node != keys_.node.verify_key() || card->sealing != keys_.sealing.public_key())
    return fail(Code::kWrongIdentity, "keys", "this node's keys are not those of its card");
  AMIC_TRY(auto const cursors, store_.cursors());
  for (auto const& member : heads_->current().roster) {
    if (member == keys_.self) continue;
    AMIC_TRY(auto entry, load_peer(member, cursors));
    peers_.emplace(member, std::move(entry));
  }
  return {};
}

Result<std::unique_ptr<Peer>> Engine::load_peer(MemberId const& member,
                                                std::vector<store::Cursor> const& cursors) const {
  auto entry = std::make_unique<Peer>();
  AMIC_TRY(auto const held, store_.quarantine(member, limits::kQuarantineEnvelopesMax));
  entry->quarantined = held.size();
  AMIC_TRY(entry->refusals, load_refusals(store_, member));
  AMIC_TRY(entry->equivocations, count_evidence(store_, member));
  AMIC_TRY(entry->rollbacks, load_rollbacks(store_, member));
  for (auto const& cursor : cursors) {
    if (cursor.peer != member || cursor.lane >= kLaneCount) continue;
    if (cursor.kind == store::CursorKind::kAcked) {
      AMIC_TRY(auto const receipt, decode_receipt(cursor.note));
      auto& lane = entry->out[cursor.lane];
      lane.acked_n = cursor.n;
      lane.acked_chain = receipt.chain;
    } else {
      AMIC_TRY(entry->in[cursor.lane].position, decode_note(cursor.n, cursor.note));
    }
  }
  return entry;
}

Result<void> Engine::advance(consent::Community next) {
  AMIC_TRY(auto const cursors, store_.cursors());
  std::map<MemberId, std::unique_ptr<Peer>> joined;
  for (auto const& card : next.head.members) {
    if (card.member == keys_.self) continue;
    {
      std::shared_lock const lock(peers_mutex_);
      if (peers_.contains(card.member)) continue;
    }
    AMIC_TRY(joined[card.member], load_peer(card.member, cursors));
  }
  {
    // Before the head is in force: whoever reads the new roster finds a peer for each of it.
    std::unique_lock const lock(peers_mutex_);
    peers_.merge(joined);
  }
  return heads_->advance(std::move(next));
}

Result<std::unique_ptr<Exchange>> Exchange::open(std::shared_ptr<consent::Heads> heads,
                                                 NodeKeys keys, store::Store& store,
                                                 Committer& committer, Clock const& clock,
                                                 Random& random, Realm realm) {
  auto engine = std::make_unique<Engine>(std::move(heads), std::move(keys), store, committer, clock,
                                         random, std::move(realm));
  AMIC_TRY_VOID(engine->load());
  return std::unique_ptr<Exchange>(std::move(engine));
}

Result<std::unique_ptr<Exchange>> Exchange::open(consent::Community community, NodeKeys keys,
                                                 store::Store& store, Committer& committer,
                                                 Clock const& clock, Random& random, Realm realm) {
  return open(std::make_shared<consent::Heads>(std::move(community)), std::move(keys), store,
              committer, clock, random, std::move(realm));
}

// Of a member of the head in force: nobody else sends or is sent to.
Result<Peer*> Engine::peer(MemberId const& member) const {
  std::shared_lock const lock(peers_mutex_);
  auto const found = peers_.find(member);
  if (found == peers_.end() || !heads_->current().roster.contains(member))
    return fail(Code::kUnknownMember, "peer", member.str());
  return found->second.get();
}

Peer& Engine::known_peer(MemberId const& member) const {
  std::shared_lock const lock(peers_mutex_);
  return *peers_.at(member);
}

std::vector<std::pair<MemberId, Peer*>> Engine::all_peers() const {
  std::shared_lock const lock(peers_mutex_);
  std::vector<std::pair<MemberId, Peer*>> out;
  for (auto const& [member, entry] : peers_) out.emplace_back(member, entry.get());
  return out;
}

crypto::SealKey const& Engine::sealing_key(envelope::Header const& header) const {
  auto const sealed_to = [&](crypto::SealKey const& key) {
    auto const id = envelope::key_id(header.community, key.public_key());
    return std::binary_search(header.recipient_key_ids.begin(), header.recipient_key_ids.end(), id);
  };
  if (!sealed_to(keys_.sealing))
    for (auto const& key : keys_.earlier_sealing)
      if (sealed_to(key)) return key;
  return keys_.sealing;
}

void Engine::on_sendable(std::function<void(MemberId const&)> callback) {
  std::lock_guard const lock(callback_mutex_);
  sendable_ = std::move(callback);
}

void Engine::on_governance(std::function<void()> callback) {
  std::lock_guard const lock(callback_mutex_);
  governance_ = std::move(callback);
}

void Engine::notify_governance() const {
  std::function<void()> callback;
  {
    std::lock_guard const lock(callback_mutex_);
    callback = governance_;
  }
  if (callback) callback();
}

void Engine::notify(std::vector<MemberId> const& peers) const {
  std::function<void(MemberId const&)> callback;
  {
    std::lock_guard const lock(callback_mutex_);
    callback = sendable_;
  }
  if (!callback) return;
  for (auto const& member : peers) callback(member);
}

Result<envelope::Contents> Engine::open_record(store::Record const& record) const {
  if (record.shredded)
    return fail(Code::kNotFound, "log.record[" + std::to_string(record.seq) + "]", "was erased");
  AMIC_TRY(auto const header, envelope::parse_header(record.bytes));
  auto const* epoch = heads_->at(header.epoch);
  if (epoch == nullptr)
    return fail(Code::kUnknownEpoch, "envelope.epoch", std::to_string(header.epoch));
  auto const* sender = epoch->community.head.member(header.sender);
  if (sender == nullptr) return fail(Code::kUnknownMember, "envelope.sender", header.sender.str());
  AMIC_TRY_VOID(envelope::verify_outer(record.bytes, sender->node));
  return envelope::open(record.bytes, keys_.self, sealing_key(header), sender->node);
}

Result<std::vector<LinkState>> Engine::links() const {
  std::map<MemberId, LinkState> states;
  auto const& roster = heads_->current().roster;
  for (auto const& [member, entry] : all_peers()) {
    if (!roster.contains(member)) continue;  // has left
    auto& state = states[member];
    state.peer = member;
    std::lock_guard const lock(entry->mutex);
    state.quarantined = entry->quarantined;
    state.refusals = entry->refusals;
    state.equivocations = entry->equivocations;
    state.rollbacks = entry->rollbacks;
    for (std::size_t lane = 0; lane < kLaneCount; ++lane) {
      state.lanes[lane].acked_n = entry->out[lane].acked_n;
      state.lanes[lane].queued_n = entry->out[lane].acked_n;
      state.lanes[lane].received_n = entry->in[lane].position.n;
      state.lanes[lane].position_known = entry->out[lane].position_known;
      state.lanes[lane].returning = entry->out[lane].returning.has_value();
      if (auto const& problem = entry->out[lane].problem)
        state.lanes[lane].problem = problem->text();
    }
  }
  AMIC_TRY(auto const depths, store_.lanes());
  for (auto const& depth : depths) {
    auto const found = states.find(depth.peer);
    if (found == states.end() || depth.lane >= kLaneCount) continue;
    auto& lane = found->second.lanes[depth.lane];
    lane.queued_n = depth.last_n;
    lane.pending_bytes = depth.pending_bytes;
    lane.oldest_queued_ms = depth.oldest_queued_ms;
  }
  std::vector<LinkState> out;
  for (auto& [member, state] : states) out.push_back(std::move(state));
  return out;
}

}  // namespace amic::exchange
