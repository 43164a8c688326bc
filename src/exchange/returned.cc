// A node that was restored from a backup gets back from its peers what it had sent them, and puts
// it under the numbers that it had.
#include <algorithm>
#include <map>

#include "base/limits.h"
#include "exchange/engine.h"
#include "exchange/governance.h"
#include "exchange/group.h"
#include "obs/log.h"

namespace amic::exchange {

struct Engine::Back {
  Returning work;  // as it will be once this is stored
  store::Append unit;
  std::set<MemberId> marked;  // for whom something came that they may not have
};

// ---- The answering side -----------------------------------------------------------------------

Result<Bytes> Engine::returned(MemberId const& member, std::uint8_t lane, std::uint64_t after_n) {
  AMIC_TRY(auto* const entry, peer(member));
  if (lane >= kLaneCount) return fail(Code::kOutOfRange, "lane", "0 to 3");
  std::uint64_t held_n = 0;
  {
    std::lock_guard const lock(entry->mutex);
    held_n = entry->in[lane].position.n;
  }
  Returned out{community().id, keys_.self, member, lane, after_n + 1, {}};
  if (after_n >= held_n) return encode(out);
  AMIC_TRY(auto const rows, store_.received(member, lane, after_n, limits::kBatchEnvelopesMax));
  std::size_t total = 0;
  for (auto const& row : rows) {
    if (row.n > held_n) break;
    if (row.n != out.first_n + out.entries.size()) break;
    AMIC_TRY(auto item, entry_of(row));
    if (!out.entries.empty() && total + item.bytes.size() > limits::kBatchBytesMax) break;
    total += item.bytes.size();
    out.entries.push_back(std::move(item.bytes));
  }
  if (out.entries.empty())
    return fail(Code::kNotFound, "returned.after",
                "what number " + std::to_string(after_n + 1) + " was is not kept here");
  return encode(out);
}

// ---- The asking side --------------------------------------------------------------------------

Result<std::optional<ReturnRequest>> Engine::next_return(MemberId const& member) {
  AMIC_TRY(auto* const entry, peer(member));
  std::lock_guard const lock(entry->mutex);
  for (std::uint8_t lane = 0; lane < kLaneCount; ++lane) {
    auto const& returning = entry->out[lane].returning;
    if (returning && !returning->busy) return ReturnRequest{lane, returning->n};
  }
  return std::nullopt;
}

Result<void> Engine::check_returned(MemberId const& member, std::uint8_t lane,
                                    Returned const& returned) const {
  if (returned.community != community().id)
    return fail(Code::kUnknownCommunity, "returned.community");
  if (returned.from != member || returned.to != keys_.self || returned.lane != lane)
    return fail(Code::kWrongIdentity, "returned", "not what this peer was asked for");
  if (returned.entries.empty())
    return fail(Code::kRejected, "returned", "the peer has signed for more than it gives back");
  return {};
}

// One of this node's own: as strict as with one from outside, which it is.
Result<envelope::Contents> Engine::open_own(std::uint8_t lane, BytesView bytes) const {
  AMIC_TRY(auto const header, envelope::parse_header(bytes));
  if (header.community != community().id || header.realm != realm_ || header.sender != keys_.self)
    return fail(Code::kWrongIdentity, "returned.envelope", "not one of this node's");
  if (static_cast<std::uint8_t>(header.precedence) != lane)
    return fail(Code::kMalformed, "returned.envelope", "of another lane");
  auto const* const epoch = heads_->at(header.epoch);
  auto const* const card = epoch ? epoch->community.head.member(keys_.self) : nullptr;
  if (card == nullptr) return fail(Code::kUnknownEpoch, "returned.envelope");
  AMIC_TRY_VOID(envelope::verify_outer(bytes, card->node));
  return envelope::open(bytes, keys_.self, sealing_key(header), card->node);
}

Result<void> Engine::take_entry(MemberId const& member, std::uint8_t lane, std::uint64_t n,
                                Bytes const& entry, Back& back) const {
  auto& unit = back.unit;
  store::Append::Sent row{member, lane, n, {}, 0, entry_digest(entry), 0, clock_.now_ms()};
  if (gone_digest(entry)) {
    unit.sent.push_back(row);
    return {};
  }
  AMIC_TRY(auto const contents, open_own(lane, entry));
  row.bytes = static_cast<std::uint32_t>(entry.size());
  row.queued_ms = contents.created_ms;
  auto const held = already_held(contents.id, row.digest);
  if (!held) {
    AMIC_TRY(bool const again, is_said_already(contents, unit));
    if (!again) return fail(held.error());
    // Said once more since the restart: that one stays, of this one the digest is kept.
    unit.sent.push_back(row);
    return {};
  }
  row.seq = *held;
  auto const same = [&](store::Record const& record) { return record.id == contents.id; };
  auto const fresh = std::find_if(unit.records.begin(), unit.records.end(), same);
  if (row.seq != 0) {
    unit.kv.push_back(mark_delete(member, lane, contents.id));
  } else if (fresh != unit.records.end()) {
    row.record = static_cast<std::size_t>(fresh - unit.records.begin());
  } else {
    row.record = unit.records.size();
    unit.records.push_back({0,
                            store::RecordKind::kEnvelopeOut,
                            contents.id,
                            row.digest,
                            contents.created_ms,
                            {},
                            entry});
    // What it had changed beside the log it changes again; what a bound keeps out comes back as a
    // record only.
    auto const effects = effects_of(contents, store_);
    if (!effects && is_store_failure(effects.error().code)) return fail(effects.error());
    if (effects) unit.kv.insert(unit.kv.end(), effects->begin(), effects->end());
    for (auto const& other : contents.recipients) {
      if (other == member || !peer(other)) continue;
      unit.kv.push_back(mark_put(other, lane, contents.id));
      back.marked.insert(other);
    }
  }
  unit.sent.push_back(row);
  return {};
}

Result<Engine::Back> Engine::take_back(MemberId const& member, Returned const& returned,
                                       Returning work) const {
  auto const lane = returned.lane;
  if (returned.first_n != work.n + 1) return fail(Code::kRejected, "returned.first_n");
  AMIC_TRY(auto const rows, store_.sent(member, lane, work.n, returned.entries.size()));
  std::map<std::uint64_t, Hash> ours;
  for (auto const& row : rows) ours.emplace(row.n, row.digest);
  Back back{std::move(work), {}, {}};
  auto& at = back.work;
  for (auto const& entry : returned.entries) {
    if (at.n == at.target.n) break;
    auto const digest = entry_digest(entry);
    at.chain = chain_next(at.chain, digest);
    ++at.n;
    auto const known = ours.find(at.n);
    // Once room is made the rows from there on are no longer where they were read.
    if (!at.made_room && known != ours.end() && known->second == digest) continue;
    // What stands here from now on was queued after the restart and never sent.
    if (!at.made_room) back.unit.requeue.push_back({member, lane, at.n, at.target.n});
    at.made_room = true;
    AMIC_TRY_VOID(take_entry(member, lane, at.n, entry, back));
  }
  if (at.n < at.target.n) return back;
  if (at.chain != at.target.chain)
    return fail(Code::kConflict, "returned", "not the sequence that the peer has signed for");
  back.unit.cursors.push_back({store::CursorKind::kAcked, member, lane, at.n, at.target_bytes});
  return back;
}

void Engine::on_returned(MemberId const& member, std::uint8_t lane, BytesView bytes,
                         std::function<void(Result<void>)> done) {
  auto entry = peer(member);
  if (!entry) return done(fail(std::move(entry).error()));
  auto returned = decode_returned(bytes);
  if (returned)
    if (auto fits = check_returned(member, lane, *returned); !fits)
      returned = fail(std::move(fits).error());
  std::optional<Returning> work;
  if (lane < kLaneCount) {
    std::lock_guard const lock((*entry)->mutex);
    auto& returning = (*entry)->out[lane].returning;
    if (returning && !returning->busy) {
      work = returning;
      returning->busy = true;
    }
  }
  if (!work) return done(fail(Code::kRejected, "returned", "nobody has asked"));
  auto back = returned ? take_back(member, *returned, std::move(*work)) : fail(returned.error());
  if (!back) {
    end_returning(member, lane);
    return done(fail(std::move(back).error()));
  }
  store_back(member, lane, std::move(*back), std::move(done));
}

// The numbers up to the peer's are skipped: better that than to give one of them a second time.
void Engine::on_not_returned(MemberId const& member, std::uint8_t lane,
                             std::function<void(Result<void>)> done) {
  auto entry = peer(member);
  if (!entry) return done(fail(std::move(entry).error()));
  Back back;
  {
    std::lock_guard const lock((*entry)->mutex);
    if (lane >= kLaneCount || !(*entry)->out[lane].returning || (*entry)->out[lane].returning->busy)
      return done(fail(Code::kRejected, "returned", "nobody has asked"));
    auto& returning = *(*entry)->out[lane].returning;
    back.work = returning;
    returning.busy = true;
  }
  auto& at = back.work;
  obs::log(obs::Level::kError, "exchange.not_returned",
           {{"peer", member.str()},
            {"lane", static_cast<unsigned>(lane)},
            {"from_n", at.n},
            {"upto_n", at.target.n}});
  if (!at.made_room) back.unit.requeue.push_back({member, lane, at.n + 1, at.target.n});
  back.unit.cursors.push_back(
      {store::CursorKind::kAcked, member, lane, at.target.n, at.target_bytes});
  at.n = at.target.n;
  at.chain = at.target.chain;
  store_back(member, lane, std::move(back), std::move(done));
}

void Engine::end_returning(MemberId const& member, std::uint8_t lane) {
  auto& entry = known_peer(member);
  std::lock_guard const lock(entry.mutex);
  entry.out[lane].returning.reset();
}

void Engine::store_back(MemberId const& member, std::uint8_t lane, Back back,
                        std::function<void(Result<void>)> done) {
  auto& entry = known_peer(member);
  bool const whole = back.work.n == back.work.target.n;
  bool const proven = !back.unit.records.empty() || (whole && back.work.made_room);
  if (proven) {
    std::lock_guard const lock(entry.mutex);
    note_rollback(member, entry, {lane, false, entry.out[lane].acked_n, back.work.target.n, 0},
                  back.unit);
  }
  auto unit = std::move(back.unit);
  bool const governance = is_governance(unit);
  committer_.commit(std::move(unit), [this, member, lane, whole, governance,
                                      work = std::move(back.work), marked = std::move(back.marked),
                                      done = std::move(done)](Result<std::uint64_t> stored) {
    bool known = false;
    {
      auto& at = known_peer(member);
      std::lock_guard const lock(at.mutex);
      auto& out = at.out[lane];
      if (!stored) {
        if (out.returning) out.returning->busy = false;
      } else if (whole) {
        out.returning.reset();
        out.acked_n = work.n;
        out.acked_chain = work.chain;
        out.position_known = out.may_have_more = known = true;
        ++out.moves;
      } else {
        out.returning = work;
      }
    }
    if (!stored) return done(fail(std::move(stored).error()));
    if (known) flush_marks(member, lane);
    for (auto const& other : marked) flush_marks(other, lane);
    if (governance) notify_governance();
    done({});
    if (known) notify({member});
  });
}

// Queues for a peer, whose position is known, what others have given back and it does not have.
void Engine::flush_marks(MemberId const& member, std::uint8_t lane) {
  auto& entry = known_peer(member);
  {
    std::lock_guard const lock(entry.mutex);
    auto& out = entry.out[lane];
    if (!out.position_known || std::exchange(out.flushing, true)) return;
    out.marks_left = false;
  }
  store::Append unit;
  auto const ids = load_marks(store_, member, lane, limits::kBatchEnvelopesMax);
  for (auto const& id : ids ? *ids : std::vector<EnvelopeId>{}) {
    auto const record = store_.log_find(id);
    if (!record) break;
    if (*record && !(*record)->shredded) unit.queue.push_back({0, member, lane, (*record)->seq});
    unit.kv.push_back(mark_delete(member, lane, id));
  }
  if (unit.kv.empty()) {
    std::lock_guard const lock(entry.mutex);
    entry.out[lane].flushing = false;
    return;
  }
  committer_.commit(std::move(unit), [this, member, lane](Result<std::uint64_t> stored) {
    {
      auto& at = known_peer(member);
      std::lock_guard const lock(at.mutex);
      at.out[lane].flushing = false;
      at.out[lane].may_have_more = true;
      at.out[lane].marks_left = !stored;
    }
    if (!stored) return;
    notify({member});
    flush_marks(member, lane);  // the next ones, or those that came meanwhile
  });
}

}  // namespace amic::exchange
