// Acceptance: everything is verified before anything is stored (law 3), stored once (law 4), and
// answered with a signed receipt only when durable.
#include <algorithm>

#include "base/limits.h"
#include "exchange/attachment_state.h"
#include "exchange/engine.h"
#include "exchange/evidence.h"
#include "exchange/governance.h"
#include "exchange/group.h"
#include "exchange/operation_state.h"
#include "obs/log.h"

namespace amic::exchange {

// How many leading envelopes of the batch we hold already. kGap if it starts after our position,
// kConflict if the sender's chain is not the one we have been receiving.
Result<std::size_t> Engine::find_new_part(Batch const& batch, InPosition const& position) const {
  if (batch.first_n > position.n + 1)
    return fail(
        Code::kGap, "batch.first_n",
        "holds up to " + std::to_string(position.n) + ", got " + std::to_string(batch.first_n));
  auto const skip = static_cast<std::size_t>(
      std::min<std::uint64_t>(position.n + 1 - batch.first_n, batch.envelopes.size()));
  bool const reaches_position = batch.first_n + skip == position.n + 1;
  if (!reaches_position) return skip;  // all of it is old; our newer chain value can't be compared
  Hash chain = batch.chain_before;
  for (std::size_t i = 0; i < skip; ++i)
    chain = chain_next(chain, entry_digest(batch.envelopes[i]));
  if (chain != position.chain)
    return fail(Code::kConflict, "batch.chain_before",
                "the sender numbers other envelopes than those it sent before");
  return skip;
}

Result<void> Engine::check_key_ids(envelope::Header const& header,
                                   envelope::Contents const& contents,
                                   consent::Community const& community) const {
  std::vector<envelope::KeyId> expected;
  auto members = contents.recipients;
  members.push_back(contents.originator);
  for (auto const& member : members)
    expected.push_back(envelope::key_id(community.id, community.head.member(member)->sealing));
  std::sort(expected.begin(), expected.end());
  if (expected != header.recipient_key_ids)
    return fail(Code::kNotReleasable, "envelope.recipients",
                "sealed to other keys than those of the members it names");
  return {};
}

// How many leading envelopes of the batch are of epochs that are known here, at least one new one.
Result<std::size_t> Engine::of_known_epochs(Batch const& batch, std::size_t skip) const {
  auto const now = community().head.epoch;
  for (std::size_t i = skip; i < batch.envelopes.size(); ++i) {
    auto const header = envelope::parse_header(batch.envelopes[i]);
    if (!header || header->epoch <= now) continue;  // what is malformed is refused by itself
    if (i > skip) return i;
    return fail(Code::kUnknownEpoch, "batch.epoch",
                "this node is at epoch " + std::to_string(now) +
                    " and has not seen the decision "
                    "that made epoch " +
                    std::to_string(header->epoch));
  }
  return batch.envelopes.size();
}

Result<envelope::Contents> Engine::verify_envelope(MemberId const& peer, std::uint8_t lane,
                                                   BytesView bytes) const {
  AMIC_TRY(auto const header, envelope::parse_header(bytes));
  if (header.community != this->community().id)
    return fail(Code::kUnknownCommunity, "envelope.community");
  if (header.realm != realm_) return fail(Code::kNotReleasable, "envelope.realm", "another realm");
  auto const* const epoch = heads_->at(header.epoch);
  if (epoch == nullptr)
    return fail(Code::kUnknownEpoch, "envelope.epoch", std::to_string(header.epoch));
  auto const& community = epoch->community;
  if (header.kind != envelope::Kind::kItem && header.kind != envelope::Kind::kGovernance &&
      header.kind != envelope::Kind::kOperation && header.kind != envelope::Kind::kReply &&
      header.kind != envelope::Kind::kAttachment)
    return fail(Code::kUnsupported, "envelope.kind", "not exchanged in this version");
  auto const& suites = community.head.suites;
  if (std::find(suites.begin(), suites.end(), static_cast<std::uint16_t>(header.suite)) ==
      suites.end())
    return fail(Code::kUnsupported, "envelope.suite", "not allowed by the head");
  if (header.sender != peer)
    return fail(Code::kWrongIdentity, "envelope.sender", "not the peer that delivers it");
  // Else a member could use up the id of another one's envelope before that arrives.
  AMIC_TRY_VOID(envelope::check_id(header.id, community.id, header.sender));
  if (static_cast<std::uint8_t>(header.precedence) != lane)
    return fail(Code::kMalformed, "envelope.precedence", "not that of its lane");
  if (header.created_ms > clock_.now_ms() + limits::kClockSkewMaxMs)
    return fail(Code::kClockSkew, "envelope.created", "more than ten minutes in the future");

  auto const* sender = community.head.member(header.sender);
  if (sender == nullptr) return fail(Code::kUnknownMember, "envelope.sender");
  AMIC_TRY_VOID(envelope::verify_outer(bytes, sender->node));
  AMIC_TRY(auto contents, envelope::open(bytes, keys_.self, sealing_key(header), sender->node));
  AMIC_TRY(auto const marking, marking::decode(contents.marking));
  AMIC_TRY_VOID(marking::check_received(marking, contents.originator, contents.recipients,
                                        keys_.self, epoch->roster, realm_, contents.created_ms));
  AMIC_TRY_VOID(check_key_ids(header, contents, community));
  return contents;
}

// The record of this very envelope, 0 if it is not held; kConflict if its id is there with other
// bytes.
Result<std::uint64_t> Engine::already_held(EnvelopeId const& id, Hash const& digest) const {
  AMIC_TRY(auto const held, store_.log_find(id));
  if (!held) return std::uint64_t{0};
  if (held->digest != digest)
    return fail(Code::kConflict, "envelope.id", "another envelope was received under this id");
  return held->seq;
}

bool is_store_failure(Code code) {
  return code == Code::kIo || code == Code::kDiskFull || code == Code::kCorrupt;
}

// A member that was restored from a backup may say once more, in other bytes, what it has forgotten
// to have said: the id of a reply says all that is in it (docs/formats/operation.md).
Result<bool> Engine::is_said_already(envelope::Contents const& contents,
                                     store::Append const& unit) const {
  if (contents.kind != envelope::Kind::kReply) return false;
  auto const is_reply = [](store::Record const& record) {
    auto const header = envelope::parse_header(record.bytes);
    return header && header->kind == envelope::Kind::kReply;
  };
  for (auto const& record : unit.records)
    if (record.id == contents.id) return is_reply(record);
  AMIC_TRY(auto const held, store_.log_find(contents.id));
  return held && is_reply(*held);
}

namespace {
// Its place among the new records of the unit.
std::optional<std::size_t> find_fresh(store::Append const& unit, EnvelopeId const& id) {
  for (std::size_t i = 0; i < unit.records.size(); ++i)
    if (unit.records[i].id == id) return i;
  return std::nullopt;
}
}  // namespace

Result<store::Append> Engine::sort_envelopes(MemberId const& peer, Batch const& batch,
                                             std::size_t skip, InPosition& position) const {
  store::Append unit;
  position.refused.clear();
  position.refused_total = 0;
  for (std::size_t i = skip; i < batch.envelopes.size(); ++i) {
    auto const& bytes = batch.envelopes[i];
    auto const digest = entry_digest(bytes);
    position.n = batch.first_n + i;
    position.chain = chain_next(position.chain, digest);
    bool const gone = gone_digest(bytes).has_value();
    auto contents = gone ? fail(Code::kNotFound, "batch.entry", "the sender no longer holds it")
                         : verify_envelope(peer, batch.lane, bytes);
    if (contents) {
      auto fits = check_statement(*contents, store_);
      if (fits) fits = check_attachment(*contents, store_);
      if (!fits && is_store_failure(fits.error().code)) return fail(std::move(fits).error());
      if (!fits) contents = fail(std::move(fits).error());
    }
    auto const before = contents ? find_fresh(unit, contents->id) : std::nullopt;
    if (before && unit.records[*before].digest == digest) {  // queued twice: stored once
      unit.received.push_back({peer, batch.lane, position.n, before, 0, digest});
      continue;
    }
    Result<std::uint64_t> held = std::uint64_t{0};
    if (contents) {
      held = already_held(contents->id, digest);
      if (held && *held == 0 && before)
        held = fail(Code::kConflict, "envelope.id", "twice in one batch");
      if (!held && held.error().code != Code::kConflict) return fail(std::move(held).error());
    }
    Result<std::vector<store::KvPut>> effects;
    if (contents && held && *held == 0) {
      effects = effects_of(*contents, store_);
      if (!effects && is_store_failure(effects.error().code))
        return fail(std::move(effects).error());
    }
    bool repeated = false;
    if (contents && !held) {
      AMIC_TRY(repeated, is_said_already(*contents, unit));
    }
    unit.received.push_back({peer, batch.lane, position.n, {}, 0, digest});
    if (repeated) continue;
    if (contents && held && *held != 0) {
      unit.received.back().seq = *held;
      continue;
    }
    if (contents && held && effects) {
      unit.kv.insert(unit.kv.end(), effects->begin(), effects->end());
      if (contents->kind == envelope::Kind::kAttachment) {
        AMIC_TRY(auto put, wanted_put_of(*contents));
        unit.kv.push_back(std::move(put));
      }
      unit.received.back().record = unit.records.size();
      unit.records.push_back(
          {0, store::RecordKind::kEnvelopeIn, contents->id, digest, clock_.now_ms(), peer, bytes});
      continue;
    }
    auto const& error = !contents ? contents.error() : !held ? held.error() : effects.error();
    if (!gone)
      unit.quarantine.push_back(
          {0, peer, clock_.now_ms(), error.code, error.text(), digest, bytes});
    position.refused_total += 1;
    if (position.refused.size() < kRefusedListedMax)
      position.refused.push_back({position.n, std::string(code_name(error.code))});
  }
  unit.cursors.push_back(
      {store::CursorKind::kReceived, peer, batch.lane, position.n, encode_note(position)});
  return unit;
}

// Two well-signed batches that contradict each other are proof for everybody: kept.
void Engine::note_equivocation(Batch const& batch, Peer& entry) {
  auto const found = find_equivocation(store_, batch, community(), clock_.now_ms());
  if (!found || !*found) return;
  auto put = evidence_put(store_, **found);
  if (!put || !*put) return;
  store::Append unit;
  unit.kv.push_back(std::move(**put));
  obs::log(obs::Level::kError, "exchange.equivocation",
           {{"peer", batch.from.str()}, {"lane", static_cast<unsigned>(batch.lane)}});
  committer_.commit(std::move(unit), [&entry](Result<std::uint64_t> stored) {
    std::lock_guard const lock(entry.mutex);
    entry.equivocations += stored ? 1 : 0;
  });
}

Bytes Engine::make_receipt(MemberId const& peer, std::uint8_t lane,
                           InPosition const& position) const {
  Receipt receipt;
  receipt.community = community().id;
  receipt.from = keys_.self;
  receipt.to = peer;
  receipt.lane = lane;
  receipt.n = position.n;
  receipt.chain = position.chain;
  receipt.at_ms = clock_.now_ms();
  receipt.refused_total = position.refused_total;
  receipt.refused = position.refused;
  return encode(sign_receipt(std::move(receipt), keys_.node));
}

void Engine::accept(MemberId const& member, BytesView bytes,
                    std::function<void(Result<Bytes>)> done) {
  auto entry = peer(member);
  if (!entry) return done(fail(std::move(entry).error()));
  auto batch = decode_batch(bytes);
  if (!batch) return done(fail(std::move(batch).error()));
  if (batch->from != member || batch->to != keys_.self)
    return done(fail(Code::kWrongIdentity, "batch", "not from this peer to this node"));
  if (auto signature = verify_batch(*batch, community().head, community().id); !signature)
    return done(fail(std::move(signature).error()));

  auto* const state = *entry;
  auto const lane = batch->lane;
  InPosition position;
  bool busy = false;
  {
    std::lock_guard const lock(state->mutex);
    busy = std::exchange(state->in[lane].accepting, true);
    position = state->in[lane].position;
  }
  if (busy)
    return done(fail(Code::kOverloaded, "batch.lane", "a batch of this lane is being stored"));
  auto const release = [state, lane] {
    std::lock_guard const lock(state->mutex);
    state->in[lane].accepting = false;
  };
  auto const skip = find_new_part(*batch, position);
  if (!skip || *skip == batch->envelopes.size()) {
    release();
    if (!skip && skip.error().code == Code::kConflict) note_equivocation(*batch, *state);
    if (!skip) return done(fail(skip.error()));
    return done(make_receipt(member, lane, position));  // a repeat: the same word again
  }
  auto said = statement_put(*batch);  // of all that is signed, taken or not
  if (auto const count = of_known_epochs(*batch, *skip)) {
    batch->envelopes.resize(*count);
  } else {
    release();
    return done(fail(count.error()));
  }
  auto unit = sort_envelopes(member, *batch, *skip, position);
  if (!unit) {
    release();
    return done(fail(std::move(unit).error()));
  }
  unit->kv.push_back(std::move(said));  // so that a contradiction can be proven
  auto const quarantined = unit->quarantine.size();
  bool const governance = is_governance(*unit);
  committer_.commit(std::move(*unit), [this, state, member, lane, quarantined, governance,
                                       position = std::move(position),
                                       done = std::move(done)](Result<std::uint64_t> seq) {
    {
      std::lock_guard const lock(state->mutex);
      state->in[lane].accepting = false;
      if (seq) {
        state->in[lane].position = position;
        state->quarantined = std::min<std::uint64_t>(state->quarantined + quarantined,
                                                     limits::kQuarantineEnvelopesMax);
      }
    }
    if (!seq) return done(fail(std::move(seq).error()));
    done(make_receipt(member, lane, position));
    if (governance) notify_governance();
  });
}

Result<Bytes> Engine::current_receipt(MemberId const& member, std::uint8_t lane) {
  AMIC_TRY(auto* const entry, peer(member));
  if (lane >= kLaneCount) return fail(Code::kOutOfRange, "lane", "0 to 3");
  std::lock_guard const lock(entry->mutex);
  return make_receipt(member, lane, entry->in[lane].position);
}

}  // namespace amic::exchange
