#include "exchange/relay.h"

#include <algorithm>
#include <cstdio>

#include "base/limits.h"
#include "codec/codec.h"
#include "crypto/hash.h"
#include "obs/log.h"

namespace amic::exchange {

namespace {
constexpr std::uint16_t kVersion = 1;
constexpr std::string_view kNoteDomain = "amic/relay-note/v1";
constexpr std::string_view kHeadSpace = "relay";
constexpr std::string_view kBatchSpace = "relay.batch";
constexpr std::string_view kReceiptSpace = "relay.receipt";
constexpr std::size_t kReceiptBytesMax = 4096;
constexpr std::int64_t kPutOffMs = 30'000;
constexpr std::size_t kScanRows = 500;

Result<MemberId> member_of(codec::Reader& in) {
  auto const text = in.str8(16);
  AMIC_TRY_VOID(in.check());
  return MemberId::parse(text);
}

Bytes signed_bytes(RelayNote const& note) {
  codec::Writer out;
  out.u16(kVersion).raw(note.community.view()).str8(note.relay.str());
  out.str8(note.from.str()).str8(note.to.str()).u8(note.lane);
  out.u64(note.range.first_n).u64(note.range.last_n);
  out.raw(note.batch_sha256.view()).i64(note.at_ms);
  return out.take();
}

std::string key_of(std::uint64_t id) {
  char out[17];
  std::snprintf(out, sizeof out, "%016llx", static_cast<unsigned long long>(id));
  return out;
}

std::string receipt_key(MemberId const& from, MemberId const& to, std::uint8_t lane) {
  return from.str() + "/" + to.str() + "/" + std::to_string(lane);
}

Bytes encode_head(CarriedBatch const& batch) {
  codec::Writer out;
  out.u16(kVersion).u64(batch.id).str8(batch.from.str()).str8(batch.to.str()).u8(batch.lane);
  out.u64(batch.range.first_n).u64(batch.range.last_n).u64(batch.size);
  out.raw(batch.sha256.view()).i64(batch.at_ms);
  return out.take();
}

Result<CarriedBatch> decode_head(BytesView bytes) {
  codec::Reader in(bytes, "relay.head");
  if (in.u16() != kVersion) in.reject(Code::kUnsupported, "unknown version");
  CarriedBatch out;
  out.id = in.u64();
  AMIC_TRY(out.from, member_of(in));
  AMIC_TRY(out.to, member_of(in));
  out.lane = in.u8();
  out.range.first_n = in.u64();
  out.range.last_n = in.u64();
  out.size = in.u64();
  out.sha256 = in.fixed<Hash>();
  out.at_ms = in.i64();
  AMIC_TRY_VOID(in.finish());
  return out;
}
}  // namespace

// ---- Bytes ------------------------------------------------------------------------------------

Bytes encode(RelayNote const& note) {
  auto out = signed_bytes(note);
  append(out, note.signature.view());
  return out;
}

Result<RelayNote> decode_relay_note(BytesView bytes) {
  codec::Reader in(bytes, "relay_note");
  RelayNote out;
  if (in.u16() != kVersion) in.reject(Code::kUnsupported, "unknown version");
  out.community = in.fixed<CommunityId>();
  AMIC_TRY(out.relay, member_of(in));
  AMIC_TRY(out.from, member_of(in));
  AMIC_TRY(out.to, member_of(in));
  out.lane = in.u8();
  if (out.lane >= kLaneCount) in.reject(Code::kOutOfRange, "lane is 0 to 3");
  out.range.first_n = in.u64();
  out.range.last_n = in.u64();
  if (in.ok() && (out.range.empty() || out.range.last_n < out.range.first_n))
    in.reject(Code::kOutOfRange, "not a range of numbers");
  out.batch_sha256 = in.fixed<Hash>();
  out.at_ms = in.i64();
  out.signature = in.fixed<crypto::Signature>();
  AMIC_TRY_VOID(in.finish());
  return out;
}

RelayNote sign_relay_note(RelayNote note, crypto::SigningKey const& node) {
  note.signature = crypto::sign_in_domain(node, kNoteDomain, signed_bytes(note));
  return note;
}

Result<void> verify_relay_note(RelayNote const& note, consent::Head const& head,
                               CommunityId const& community) {
  if (note.community != community) return fail(Code::kUnknownCommunity, "relay_note.community");
  auto const* card = head.member(note.relay);
  if (card == nullptr) return fail(Code::kUnknownMember, "relay_note.relay", note.relay.str());
  if (!crypto::verify_in_domain(card->node, kNoteDomain, signed_bytes(note), note.signature))
    return fail(Code::kBadSignature, "relay_note.signature");
  return {};
}

Bytes encode_receipts(std::vector<Bytes> const& receipts) {
  codec::Writer out;
  out.u16(kVersion).u8(static_cast<std::uint8_t>(receipts.size()));
  for (auto const& receipt : receipts) out.vec16(receipt);
  return out.take();
}

Result<std::vector<Bytes>> decode_receipts(BytesView bytes) {
  codec::Reader in(bytes, "receipts");
  if (in.u16() != kVersion) in.reject(Code::kUnsupported, "unknown version");
  std::size_t const count = in.u8();
  if (count > kLaneCount) in.reject(Code::kOutOfRange, "one a lane at most");
  std::vector<Bytes> out;
  for (std::size_t i = 0; i < count && in.ok(); ++i)
    out.push_back(to_bytes(in.vec16(kReceiptBytesMax)));
  AMIC_TRY_VOID(in.finish());
  return out;
}

// ---- The relay --------------------------------------------------------------------------------

Result<std::unique_ptr<Relay>> Relay::open(CarrierParts parts, RelayLimits limits) {
  std::unique_ptr<Relay> out(new Relay(parts, std::move(limits)));
  AMIC_TRY_VOID(out->load());
  return out;
}

Result<void> Relay::load() {
  for (std::string after;;) {  // ends: keys only rise
    AMIC_TRY(auto const rows, parts_.store.kv_scan(std::string(kHeadSpace), after, kScanRows));
    for (auto const& [key, value] : rows) {
      AMIC_TRY(auto batch, decode_head(value));
      next_id_ = std::max(next_id_, batch.id + 1);
      bytes_ += batch.size;
      known_.insert(batch.sha256);
      Order const order{batch.to, batch.lane, batch.id};
      held_.emplace(order, Held{std::move(batch), 0});
      after = key;
    }
    if (rows.size() < kScanRows) return {};
  }
}

bool Relay::carries_for(MemberId const& member) const {
  return limits_.for_all || limits_.for_members.contains(member);
}

// Everything but the envelopes, which only their receiver can read and will verify.
Result<Batch> Relay::check(MemberId const& peer, BytesView bytes) const {
  if (!carries_for(peer))
    return fail(Code::kForbidden, "relay", "this node carries nothing for " + peer.str());
  AMIC_TRY(auto batch, decode_batch(bytes));
  if (batch.from != peer) return fail(Code::kWrongIdentity, "batch.from", "not its sender");
  if (batch.to == parts_.keys.self || batch.to == peer)
    return fail(Code::kNotRecipient, "batch.to", "there is nothing to carry");
  if (parts_.exchange.community().head.member(batch.to) == nullptr)
    return fail(Code::kUnknownMember, "batch.to", batch.to.str());
  AMIC_TRY_VOID(
      verify_batch(batch, parts_.exchange.community().head, parts_.exchange.community().id));
  return batch;
}

Result<void> Relay::room_for(CarriedBatch const& batch) const {
  bool const urgent = batch.lane <= static_cast<std::uint8_t>(Precedence::kImmediate);
  auto const bound = [&](std::uint64_t most) { return urgent ? most : most - most / 4; };
  std::uint64_t of_origin = batch.size;
  for (auto const& [order, held] : held_)
    if (held.batch.from == batch.from) of_origin += held.batch.size;
  if (of_origin > bound(limits_.bytes_per_origin) ||
      bytes_ + batch.size > bound(limits_.bytes_total) ||
      held_.size() + 1 > bound(limits_.batches_total))
    return fail(Code::kOverloaded, "relay", "no room at present");
  return {};
}

Bytes Relay::note_of(CarriedBatch const& batch) const {
  RelayNote note;
  note.community = parts_.exchange.community().id;
  note.relay = parts_.keys.self;
  note.from = batch.from;
  note.to = batch.to;
  note.lane = batch.lane;
  note.range = batch.range;
  note.batch_sha256 = batch.sha256;
  note.at_ms = batch.at_ms;
  return encode(sign_relay_note(std::move(note), parts_.keys.node));
}

// Makes room; or the answer that there is already.
std::optional<Result<Bytes>> Relay::enter(CarriedBatch& batch) {
  std::lock_guard const lock(mutex_);
  if (known_.contains(batch.sha256)) {
    for (auto const& [order, held] : held_)
      if (held.batch.sha256 == batch.sha256 && held.not_before_ms == INT64_MAX)
        return fail(Code::kOverloaded, "relay", "it is being stored");
    // Asked again since our answer was lost: the same word. It counts from the first time.
    return note_of(batch);
  }
  if (auto const room = room_for(batch); !room) return fail(room.error());
  batch.id = next_id_++;
  known_.insert(batch.sha256);
  bytes_ += batch.size;
  // Not handed on before it is durable.
  held_.emplace(Order{batch.to, batch.lane, batch.id}, Held{batch, INT64_MAX});
  return std::nullopt;
}

void Relay::take(MemberId const& peer, BytesView bytes, std::function<void(Result<Bytes>)> done) {
  auto const checked = check(peer, bytes);
  if (!checked) return done(fail(checked.error()));
  CarriedBatch batch;
  batch.from = checked->from;
  batch.to = checked->to;
  batch.lane = checked->lane;
  batch.range = {checked->first_n, checked->first_n + checked->envelopes.size() - 1};
  batch.size = bytes.size();
  batch.sha256 = crypto::sha256(bytes);
  batch.at_ms = parts_.clock.now_ms();
  // Answered without the lock: whoever is answered may well ask for what is to be handed on.
  if (auto known = enter(batch)) return done(std::move(*known));
  store::Append unit;
  unit.kv.push_back({std::string(kHeadSpace), key_of(batch.id), encode_head(batch)});
  unit.kv.push_back({std::string(kBatchSpace), key_of(batch.id), to_bytes(bytes)});
  commit(std::move(unit), [this, batch, done = std::move(done)](Result<void> stored) {
    {
      std::lock_guard const lock(mutex_);
      auto const found = held_.find(Order{batch.to, batch.lane, batch.id});
      if (found != held_.end() && stored) found->second.not_before_ms = 0;
      if (found != held_.end() && !stored) {
        known_.erase(batch.sha256);
        bytes_ -= batch.size;
        held_.erase(found);
      }
    }
    if (!stored) return done(fail(stored.error()));
    done(note_of(batch));
  });
}

void Relay::commit(store::Append unit, std::function<void(Result<void>)> done) {
  if (unit.kv.empty()) return done({});
  parts_.committer.commit(std::move(unit), [done = std::move(done)](Result<std::uint64_t> stored) {
    done(stored ? Result<void>{} : fail(stored.error()));
  });
}

Result<std::optional<std::pair<CarriedBatch, Bytes>>> Relay::next(MemberId const& to) {
  std::optional<CarriedBatch> chosen;
  {
    std::lock_guard const lock(mutex_);
    auto const now_ms = parts_.clock.now_ms();
    for (auto at = held_.lower_bound(Order{to, 0, 0});
         at != held_.end() && std::get<0>(at->first) == to; ++at) {
      auto const wait_ms = at->second.not_before_ms;
      // Nothing is put off for longer: else the clock was set back.
      bool const due = wait_ms != INT64_MAX && wait_ms - now_ms > kPutOffMs;
      if (wait_ms > now_ms && !due) continue;
      chosen = at->second.batch;
      break;
    }
  }
  if (!chosen) return std::nullopt;
  AMIC_TRY(auto bytes, parts_.store.kv_get(std::string(kBatchSpace), key_of(chosen->id)));
  if (!bytes || crypto::sha256(*bytes) != chosen->sha256) {
    drop(*chosen, {Code::kCorrupt, "relay", "its bytes are damaged here"});
    return std::nullopt;
  }
  return std::pair(*chosen, std::move(*bytes));
}

void Relay::put_off(CarriedBatch const& batch, std::int64_t for_ms) {
  std::lock_guard const lock(mutex_);
  auto const found = held_.find(Order{batch.to, batch.lane, batch.id});
  if (found == held_.end()) return;
  found->second.not_before_ms = parts_.clock.now_ms() + std::min(for_ms, kPutOffMs);
}

void Relay::forget(Held const& held, store::Append& unit) {
  known_.erase(held.batch.sha256);
  bytes_ -= held.batch.size;
  unit.kv.push_back({std::string(kHeadSpace), key_of(held.batch.id), std::nullopt});
  unit.kv.push_back({std::string(kBatchSpace), key_of(held.batch.id), std::nullopt});
}

void Relay::forget_covered(MemberId const& from, MemberId const& to, std::uint8_t lane,
                           std::uint64_t n, store::Append& unit) {
  for (auto at = held_.lower_bound(Order{to, lane, 0});
       at != held_.end() && std::get<0>(at->first) == to && std::get<1>(at->first) == lane;) {
    bool const covered = at->second.batch.from == from && at->second.batch.range.last_n <= n;
    if (covered) forget(at->second, unit);
    at = covered ? held_.erase(at) : std::next(at);
  }
}

Result<Receipt> Relay::check_receipt(MemberId const& from, MemberId const& to,
                                     BytesView bytes) const {
  AMIC_TRY(auto receipt, decode_receipt(bytes));
  AMIC_TRY_VOID(
      verify_receipt(receipt, parts_.exchange.community().head, parts_.exchange.community().id));
  if (receipt.from != to || receipt.to != from)
    return fail(Code::kWrongIdentity, "receipt", "a receipt of other members");
  return receipt;
}

void Relay::answered(CarriedBatch const& batch, BytesView bytes,
                     std::function<void(Result<void>)> done) {
  auto const receipt = check_receipt(batch.from, batch.to, bytes);
  if (!receipt) return done(fail(receipt.error()));
  if (receipt->lane != batch.lane)
    return done(fail(Code::kRejected, "receipt.lane", "not that of the batch"));
  store::Append unit;
  unit.kv.push_back(
      {std::string(kReceiptSpace), receipt_key(batch.from, batch.to, batch.lane), to_bytes(bytes)});
  {
    std::lock_guard const lock(mutex_);
    forget_covered(batch.from, batch.to, batch.lane, receipt->n, unit);
  }
  if (receipt->n < batch.range.last_n) put_off(batch, kPutOffMs);
  commit(std::move(unit), std::move(done));
}

void Relay::drop(CarriedBatch const& batch, Error const& reason) {
  obs::log(obs::Level::kWarn, "relay.dropped",
           {{"from", batch.from.str()},
            {"to", batch.to.str()},
            {"lane", static_cast<unsigned>(batch.lane)},
            {"error", reason.text()}});
  store::Append unit;
  {
    std::lock_guard const lock(mutex_);
    auto const found = held_.find(Order{batch.to, batch.lane, batch.id});
    if (found == held_.end()) return;
    forget(found->second, unit);
    held_.erase(found);
  }
  commit(std::move(unit), [](Result<void>) {});
}

Result<std::vector<Bytes>> Relay::receipts(MemberId const& from, MemberId const& to) {
  std::vector<Bytes> out;
  for (std::uint8_t lane = 0; lane < kLaneCount; ++lane) {
    AMIC_TRY(auto bytes,
             parts_.store.kv_get(std::string(kReceiptSpace), receipt_key(from, to, lane)));
    if (bytes) out.push_back(std::move(*bytes));
  }
  return out;
}

Result<void> Relay::keep_receipts(MemberId const& from, MemberId const& to,
                                  std::vector<Bytes> const& receipts) {
  store::Append unit;
  for (auto const& bytes : receipts) {
    AMIC_TRY(auto const receipt, check_receipt(from, to, bytes));
    unit.kv.push_back({std::string(kReceiptSpace), receipt_key(from, to, receipt.lane), bytes});
    std::lock_guard const lock(mutex_);
    forget_covered(from, to, receipt.lane, receipt.n, unit);
  }
  commit(std::move(unit), [](Result<void>) {});
  return {};
}

std::size_t Relay::expire() {
  std::size_t out = 0;
  store::Append unit;
  {
    std::lock_guard const lock(mutex_);
    auto const limit_ms = parts_.clock.now_ms() - limits_.age_ms;
    for (auto at = held_.begin(); at != held_.end();) {
      bool const old = at->second.batch.at_ms < limit_ms && at->second.not_before_ms != INT64_MAX;
      if (old) {
        forget(at->second, unit);
        ++out;
      }
      at = old ? held_.erase(at) : std::next(at);
    }
  }
  if (out > 0) obs::log(obs::Level::kWarn, "relay.expired", {{"batches", out}});
  commit(std::move(unit), [](Result<void>) {});
  return out;
}

std::vector<CarriedFor> Relay::carried() const {
  std::map<std::pair<MemberId, MemberId>, CarriedFor> sums;
  std::lock_guard const lock(mutex_);
  for (auto const& [order, held] : held_) {
    auto& sum = sums[{held.batch.from, held.batch.to}];
    sum.from = held.batch.from;
    sum.to = held.batch.to;
    sum.batches += 1;
    sum.envelopes += held.batch.range.last_n - held.batch.range.first_n + 1;
    sum.bytes += held.batch.size;
    if (sum.oldest_ms == 0 || held.batch.at_ms < sum.oldest_ms) sum.oldest_ms = held.batch.at_ms;
  }
  std::vector<CarriedFor> out;
  for (auto& [pair, sum] : sums) out.push_back(std::move(sum));
  return out;
}

// ---- The sender -------------------------------------------------------------------------------

Result<std::optional<LaneBatch>> next_lane_batch(CarrierParts const& parts, MemberId const& to,
                                                 std::uint8_t lane, LanePosition const& after,
                                                 std::size_t bytes_max) {
  AMIC_TRY(auto const rows, parts.store.sent(to, lane, after.n, limits::kBatchEnvelopesMax));
  std::uint64_t last_n = after.n;
  std::size_t total = 0;
  for (auto const& row : rows) {
    total += row.bytes;
    if (row.n != last_n + 1 || (last_n > after.n && total > bytes_max)) break;
    last_n = row.n;
  }
  if (last_n == after.n) return std::nullopt;
  AMIC_TRY(auto batch, make_lane_batch(parts, to, lane, after, last_n));
  return batch;
}

}  // namespace amic::exchange
