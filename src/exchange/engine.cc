#include "exchange/engine.h"

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

Engine::Engine(consent::Community community, NodeKeys keys, store::Store& store,
               Committer& committer, Clock const& clock, Random& random, Realm realm)
    : community_(std::move(community)),
      keys_(std::move(keys)),
      store_(store),
      committer_(committer),
      clock_(clock),
      random_(random),
      realm_(std::move(realm)),
      roster_(community_.head.roster()) {}

Result<void> Engine::load() {
  auto const* card = community_.head.member(keys_.self);
  if (card == nullptr)
    return fail(Code::kUnknownMember, "head.members", keys_.self.str() + " is not in the head");
  if (card->node != keys_.node.verify_key() || card->sealing != keys_.sealing.public_key())
    return fail(Code::kWrongIdentity, "keys", "this node's keys are not those of its card");
  for (auto const& member : roster_) {
    if (member == keys_.self) continue;
    auto entry = std::make_unique<Peer>();
    AMIC_TRY(auto const held, store_.quarantine(member, limits::kQuarantineEnvelopesMax));
    entry->quarantined = held.size();
    AMIC_TRY(entry->refusals, load_refusals(store_, member));
    AMIC_TRY(entry->equivocations, count_evidence(store_, member));
    AMIC_TRY(entry->rollbacks, load_rollbacks(store_, member));
    peers_.emplace(member, std::move(entry));
  }

  AMIC_TRY(auto const cursors, store_.cursors());
  for (auto const& cursor : cursors) {
    auto const found = peers_.find(cursor.peer);
    if (found == peers_.end() || cursor.lane >= kLaneCount) continue;  // a former member's
    if (cursor.kind == store::CursorKind::kAcked) {
      AMIC_TRY(auto const receipt, decode_receipt(cursor.note));
      auto& lane = found->second->out[cursor.lane];
      lane.acked_n = cursor.n;
      lane.acked_chain = receipt.chain;
    } else {
      AMIC_TRY(found->second->in[cursor.lane].position, decode_note(cursor.n, cursor.note));
    }
  }
  return {};
}

Result<std::unique_ptr<Exchange>> Exchange::open(consent::Community community, NodeKeys keys,
                                                 store::Store& store, Committer& committer,
                                                 Clock const& clock, Random& random, Realm realm) {
  auto engine = std::make_unique<Engine>(std::move(community), std::move(keys), store, committer,
                                         clock, random, std::move(realm));
  AMIC_TRY_VOID(engine->load());
  return std::unique_ptr<Exchange>(std::move(engine));
}

Result<Peer*> Engine::peer(MemberId const& member) const {
  auto const found = peers_.find(member);
  if (found == peers_.end()) return fail(Code::kUnknownMember, "peer", member.str());
  return found->second.get();
}

void Engine::on_sendable(std::function<void(MemberId const&)> callback) {
  std::lock_guard const lock(callback_mutex_);
  sendable_ = std::move(callback);
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
  auto const* sender = community_.head.member(header.sender);
  if (sender == nullptr) return fail(Code::kUnknownMember, "envelope.sender", header.sender.str());
  AMIC_TRY_VOID(envelope::verify_outer(record.bytes, sender->node));
  return envelope::open(record.bytes, keys_.self, keys_.sealing, sender->node);
}

Result<std::vector<LinkState>> Engine::links() const {
  std::map<MemberId, LinkState> states;
  for (auto const& [member, entry] : peers_) {
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
