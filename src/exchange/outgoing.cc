// Release, outbox, batches and the receipts that come back.
#include <algorithm>

#include "base/limits.h"
#include "exchange/engine.h"
#include "exchange/group.h"
#include "obs/log.h"

namespace amic::exchange {

marking::Decision Engine::preview(marking::Marking const& marking) const {
  return marking::decide(marking, keys_.self, heads_->current().roster, realm_, clock_.now_ms());
}

namespace {
Error refusal_error(marking::Decision const& decision) {
  for (auto const& refusal : decision.refusals)
    if (refusal.member.empty()) return {refusal.code, "/marking", refusal.reason};
  return {Code::kNoRecipients, "/marking/rel_to", "nobody on the roster may receive this"};
}

// Joins with what could not be stored before: the furthest cursor, and all notes of refusals.
void keep_unsaved(OutLane& lane, store::Append unit) {
  if (!lane.unsaved) {
    lane.unsaved = std::move(unit);
    return;
  }
  auto& kept = *lane.unsaved;
  auto const further = [](store::Cursor const& a, store::Cursor const& b) { return a.n < b.n; };
  kept.cursors.insert(kept.cursors.end(), unit.cursors.begin(), unit.cursors.end());
  if (!kept.cursors.empty()) {
    auto const last = std::max_element(kept.cursors.begin(), kept.cursors.end(), further);
    kept.cursors = {*last};
  }
  kept.kv.insert(kept.kv.end(), unit.kv.begin(), unit.kv.end());
  // Bounded as the notes themselves are: each brings a row, and may take one away.
  if (kept.kv.size() > 2 * kPeerRefusalsMax)
    kept.kv.erase(kept.kv.begin(), kept.kv.end() - 2 * kPeerRefusalsMax);
}
}  // namespace

Result<Engine::Prepared> Engine::prepare_share(ShareRequest request) const {
  Prepared out;
  auto const& epoch = heads_->current();  // one and the same for all that follows
  auto const& community = epoch.community;
  auto const now_ms = clock_.now_ms();
  AMIC_TRY_VOID(marking::check(request.marking));
  if (!request.keep_private) {
    auto decision = marking::decide(request.marking, keys_.self, epoch.roster, realm_, now_ms);
    if (!decision.released()) return fail(refusal_error(decision));
    out.result.recipients = std::move(decision.recipients);
    out.result.refusals = std::move(decision.refusals);
  }

  envelope::Contents contents;
  contents.community = community.id;
  contents.id = request.id ? *request.id : envelope::make_id(community.id, keys_.self, random_);
  AMIC_TRY_VOID(envelope::check_id(contents.id, community.id, keys_.self));
  contents.realm = realm_;
  contents.kind = request.kind;
  contents.precedence = request.precedence;
  contents.epoch = community.head.epoch;
  contents.originator = keys_.self;
  contents.created_ms = now_ms;
  contents.recipients = out.result.recipients;
  contents.marking = marking::encode(request.marking);
  contents.lineage = std::move(request.lineage);
  contents.media_type = std::move(request.media_type);
  contents.body = std::move(request.body);

  std::vector<envelope::Recipient> sealed_to;
  for (auto const& member : contents.recipients)
    sealed_to.push_back({member, community.head.member(member)->sealing});
  sealed_to.push_back({keys_.self, keys_.sealing.public_key()});
  AMIC_TRY(auto bytes, envelope::seal(contents, sealed_to, keys_.node, keys_.node, random_));

  store::Record record;
  record.kind = store::RecordKind::kEnvelopeOut;
  record.id = contents.id;
  record.digest = envelope::digest(bytes);
  record.at_ms = now_ms;
  record.bytes = std::move(bytes);
  out.result.id = contents.id;
  out.result.digest = record.digest;
  out.result.created_ms = now_ms;
  out.append.records.push_back(std::move(record));
  for (auto const& member : contents.recipients)
    out.append.queue.push_back({0, member, static_cast<std::uint8_t>(request.precedence)});
  AMIC_TRY(out.append.kv, effects_of(contents, store_));
  std::move(request.kv.begin(), request.kv.end(), std::back_inserter(out.append.kv));
  return out;
}

void Engine::share(ShareRequest request, std::function<void(Result<ShareResult>)> done) {
  auto const lane = static_cast<std::size_t>(request.precedence);
  auto prepared = prepare_share(std::move(request));
  if (!prepared) return done(fail(std::move(prepared).error()));
  committer_.commit(std::move(prepared->append),
                    [this, lane, result = std::move(prepared->result),
                     done = std::move(done)](Result<std::uint64_t> seq) mutable {
                      // Also after a failure: a store that says kIo may have kept the unit, and
                      // then its outbox rows must not wait for the next share.
                      for (auto const& member : result.recipients) {
                        auto& entry = known_peer(member);
                        std::lock_guard const lock(entry.mutex);
                        entry.out[lane].may_have_more = true;
                      }
                      auto const recipients = result.recipients;
                      if (seq) {
                        result.seq = *seq;
                        done(std::move(result));
                      } else {
                        done(fail(std::move(seq).error()));
                      }
                      notify(recipients);
                    });
}

// What stands in a batch for this row. Without an id if it is gone: erased since the peer had it.
Result<Engine::Entry> Engine::entry_of(store::LaneRow const& row) const {
  if (row.seq == 0) return Entry{gone_entry(row.digest), {}};
  AMIC_TRY(auto records, store_.log_read(row.seq, 1, limits::kEnvelopeBytesMax));
  if (records.empty()) return fail(Code::kCorrupt, "log", "an outbox row has no record");
  if (records.front().shredded) return Entry{gone_entry(row.digest), {}};
  return Entry{std::move(records.front().bytes), records.front().id};
}

Result<std::optional<Bytes>> Engine::build_batch(MemberId const& peer, std::uint8_t lane,
                                                 OutLane& out, std::size_t bytes_max) {
  AMIC_TRY(auto const rows, store_.sent(peer, lane, out.acked_n, limits::kBatchEnvelopesMax));
  if (rows.empty()) {
    out.may_have_more = false;
    return std::nullopt;
  }
  Batch batch;
  batch.community = community().id;
  batch.from = keys_.self;
  batch.to = peer;
  batch.lane = lane;
  batch.first_n = out.acked_n + 1;
  batch.chain_before = out.acked_chain;
  InFlight flight;
  flight.first_n = batch.first_n;
  Hash chain = out.acked_chain;
  std::size_t total = 0;
  for (auto const& row : rows) {
    if (row.n != batch.first_n + batch.envelopes.size())
      return fail(Code::kCorrupt, "outbox", peer.str() + " has a hole in its outbox");
    if (!batch.envelopes.empty() && total + row.bytes > bytes_max) break;
    AMIC_TRY(auto entry, entry_of(row));
    total += entry.bytes.size();
    chain = chain_next(chain, row.digest);
    flight.chain.push_back(chain);
    flight.ids.push_back(entry.id);
    batch.envelopes.push_back(std::move(entry.bytes));
  }
  out.in_flight = std::move(flight);
  return encode(sign_batch(std::move(batch), keys_.node));
}

Result<std::optional<Bytes>> Engine::next_batch(MemberId const& member, std::size_t bytes_max) {
  bytes_max = std::min(bytes_max, limits::kBatchBytesMax);
  AMIC_TRY(auto* const entry, peer(member));
  save_again(member, *entry);
  std::lock_guard const lock(entry->mutex);
  for (std::uint8_t lane = 0; lane < kLaneCount; ++lane) {
    auto& out = entry->out[lane];
    if (!out.position_known || out.in_flight || !out.may_have_more) continue;
    AMIC_TRY(auto batch, build_batch(member, lane, out, bytes_max));
    if (batch) return batch;
  }
  return std::nullopt;
}

void Engine::batch_failed(MemberId const& member, std::uint8_t lane) {
  auto entry = peer(member);
  if (!entry || lane >= kLaneCount) return;
  std::lock_guard const lock((*entry)->mutex);
  (*entry)->out[lane].in_flight.reset();
}

Result<Receipt> Engine::read_receipt(MemberId const& peer, BytesView bytes) const {
  AMIC_TRY(auto receipt, decode_receipt(bytes));
  AMIC_TRY_VOID(verify_receipt(receipt, community().head, community().id));
  if (receipt.from != peer || receipt.to != keys_.self)
    return fail(Code::kWrongIdentity, "receipt", "a receipt of other members");
  return receipt;
}

// Called with the peer's lock held. A repeated receipt lists the same numbers again: kept once.
void Engine::note_refusals(MemberId const& member, Peer& entry, Receipt const& receipt,
                           InFlight const& flight, store::Append& unit) const {
  for (auto const& refused : receipt.refused) {
    if (refused.n < flight.first_n || refused.n - flight.first_n >= flight.ids.size()) continue;
    auto const& id = flight.ids[refused.n - flight.first_n];
    if (id == EnvelopeId{}) continue;  // nothing was there to take
    PeerRefusal refusal{receipt.lane, refused.n, id, refused.code, receipt.at_ms};
    auto const known =
        std::any_of(entry.refusals.begin(), entry.refusals.end(),
                    [&](auto const& r) { return r.lane == refusal.lane && r.n == refusal.n; });
    if (known) continue;
    obs::log(
        obs::Level::kWarn, "exchange.peer_refused",
        {{"peer", member.str()}, {"lane", refusal.lane}, {"n", refusal.n}, {"code", refusal.code}});
    unit.kv.push_back(refusal_put(member, refusal));
    entry.refusals.push_back(std::move(refusal));
    if (entry.refusals.size() <= kPeerRefusalsMax) continue;
    unit.kv.push_back(refusal_delete(member, entry.refusals.front()));
    entry.refusals.erase(entry.refusals.begin());
  }
}

Result<store::Append> Engine::take_receipt(MemberId const& member, Peer& entry,
                                           Receipt const& receipt, BytesView bytes) const {
  std::lock_guard const lock(entry.mutex);
  auto& out = entry.out[receipt.lane];
  if (!out.in_flight)
    return fail(Code::kRejected, "receipt.lane", "nothing is in flight on this lane");
  auto const flight = std::move(*out.in_flight);
  out.in_flight.reset();
  if (receipt.n < flight.first_n)
    return fail(Code::kGap, "receipt.n", "the peer holds less than it had acknowledged");
  auto const index = receipt.n - flight.first_n;
  if (index >= flight.chain.size() || flight.chain[index] != receipt.chain)
    return fail(Code::kConflict, "receipt.chain", "not the sequence that was sent");
  out.acked_n = receipt.n;
  out.acked_chain = receipt.chain;
  ++out.moves;
  store::Append unit;
  unit.cursors.push_back(
      {store::CursorKind::kAcked, member, receipt.lane, receipt.n, to_bytes(bytes)});
  note_refusals(member, entry, receipt, flight, unit);
  return unit;
}

void Engine::on_receipt(MemberId const& member, BytesView bytes,
                        std::function<void(Result<void>)> done) {
  auto entry = peer(member);
  if (!entry) return done(fail(std::move(entry).error()));
  auto receipt = read_receipt(member, bytes);
  if (!receipt) return done(fail(std::move(receipt).error()));
  // `done` is called without the lock: it may well call batch_failed().
  auto unit = take_receipt(member, **entry, *receipt, bytes);
  if (!unit) return done(fail(std::move(unit).error()));
  // Not waited for before the lane goes on: if it is lost, the peer skips what we send again.
  save_ack(member, receipt->lane, std::move(*unit), std::move(done));
}

// The stored cursor lets the outbox rows go. If it could not be stored it is kept for save_again():
// when nothing more is sent on the lane, no later receipt would let them go.
void Engine::save_ack(MemberId const& member, std::uint8_t lane, store::Append unit,
                      std::function<void(Result<void>)> done) {
  auto kept = std::make_shared<store::Append>(unit);
  committer_.commit(std::move(unit), [this, member, lane, kept = std::move(kept),
                                      done = std::move(done)](Result<std::uint64_t> stored) {
    if (stored) return done({});
    {
      auto& entry = known_peer(member);
      std::lock_guard const lock(entry.mutex);
      keep_unsaved(entry.out[lane], std::move(*kept));
    }
    done(fail(std::move(stored).error()));
  });
}

void Engine::save_again(MemberId const& member, Peer& entry) {
  std::array<std::optional<store::Append>, kLaneCount> unsaved;
  std::array<bool, kLaneCount> marks_left{};
  {
    std::lock_guard const lock(entry.mutex);
    for (std::size_t lane = 0; lane < kLaneCount; ++lane) {
      unsaved[lane] = std::exchange(entry.out[lane].unsaved, std::nullopt);
      marks_left[lane] = std::exchange(entry.out[lane].marks_left, false);
    }
  }
  for (std::uint8_t lane = 0; lane < kLaneCount; ++lane) {
    if (unsaved[lane]) save_ack(member, lane, std::move(*unsaved[lane]), [](Result<void>) {});
    if (marks_left[lane]) flush_marks(member, lane);
  }
}

}  // namespace amic::exchange
