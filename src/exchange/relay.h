// Store and forward: a member that can't be reached directly is served through another one, which
// carries whole signed batches that it can't read. One hop only: a relay takes a batch from its
// sender and hands it to its receiver, never to another relay, so nothing can go round.
// docs/PROTOCOL.md, "Relays".
#pragma once

#include <map>
#include <mutex>
#include <set>

#include "exchange/bundle_export.h"

namespace amic::exchange {

// A relay's signed word that it holds a batch and hands it on if it can. It is no receipt: nothing
// leaves the sender's queue for it.
struct RelayNote {
  CommunityId community;
  MemberId relay;
  MemberId from, to;  // of the batch
  std::uint8_t lane = 0;
  NumberRange range;
  Hash batch_sha256;
  UnixMs at_ms = 0;
  crypto::Signature signature;
  bool operator==(RelayNote const&) const = default;
};
Bytes encode(RelayNote const& note);
Result<RelayNote> decode_relay_note(BytesView bytes);  // structure only
RelayNote sign_relay_note(RelayNote unsigned_note, crypto::SigningKey const& node);
Result<void> verify_relay_note(RelayNote const& note, consent::Head const& head,
                               CommunityId const& community);

// Receipts handed back through a relay: at most one a lane, in lane order.
Bytes encode_receipts(std::vector<Bytes> const& receipts);
Result<std::vector<Bytes>> decode_receipts(BytesView bytes);  // structure only

// Whom this node carries for, and how much. What is urgent finds room when the rest does not: a
// quarter of each bound in bytes is kept for FLASH and IMMEDIATE.
struct RelayLimits {
  bool for_all = false;
  std::set<MemberId> for_members;  // empty: nobody
  std::uint64_t bytes_per_origin = 64 << 20;
  std::uint64_t bytes_total = 256 << 20;
  std::size_t batches_total = 4096;
  std::int64_t age_ms = 7LL * 24 * 3600 * 1000;
};

struct CarriedBatch {
  std::uint64_t id = 0;
  MemberId from, to;
  std::uint8_t lane = 0;
  NumberRange range;
  std::uint64_t size = 0;
  Hash sha256;
  UnixMs at_ms = 0;
};
struct CarriedFor {  // what a relay's operator sees
  MemberId from, to;
  std::uint64_t batches = 0, envelopes = 0, bytes = 0;
  UnixMs oldest_ms = 0;
};

// The relay's side: durable, bounded, the most urgent first. Batches in kv spaces "relay" (what
// each is) and "relay.batch" (its bytes), the last receipts in "relay.receipt". Any thread.
class Relay {
 public:
  static Result<std::unique_ptr<Relay>> open(CarrierParts parts, RelayLimits limits);

  // A batch that `peer` (authenticated) wants carried; the signed note once it is durable.
  // kForbidden: not for this member. kWrongIdentity: not its own batch. kNotRecipient: for us or
  // itself. kUnknownMember. kBadSignature. kOverloaded: no room.
  void take(MemberId const& peer, BytesView batch, std::function<void(Result<Bytes>)> done);

  // What goes to `to` next; nullopt: nothing, or what there is was put off. Stays until answered.
  Result<std::optional<std::pair<CarriedBatch, Bytes>>> next(MemberId const& to);
  // The receiver's receipt for the sender: kept for it, and all batches that it covers are let go.
  // A batch that it does not cover is put off: an earlier one is missing.
  void answered(CarriedBatch const& batch, BytesView receipt,
                std::function<void(Result<void>)> done);
  // The receiver will never take it.
  void drop(CarriedBatch const& batch, Error const& reason);
  void put_off(CarriedBatch const& batch, std::int64_t for_ms);

  // Receipts of `to` for `from`, whoever brought them; encode_receipts().
  Result<std::vector<Bytes>> receipts(MemberId const& from, MemberId const& to);
  // Verifies and keeps; the caller has them from `to` itself. Lets go of what they cover.
  Result<void> keep_receipts(MemberId const& from, MemberId const& to,
                             std::vector<Bytes> const& receipts);

  // Lets go of what is too old; the number.
  std::size_t expire();
  std::vector<CarriedFor> carried() const;
  bool carries_for(MemberId const& member) const;
  RelayLimits const& limits() const { return limits_; }
  CarrierParts const& parts() const { return parts_; }

 private:
  struct Held {
    CarriedBatch batch;
    UnixMs not_before_ms = 0;
  };
  using Order = std::tuple<MemberId, std::uint8_t, std::uint64_t>;  // to, lane, id

  Relay(CarrierParts parts, RelayLimits limits) : parts_(parts), limits_(std::move(limits)) {}
  Result<void> load();
  Result<Batch> check(MemberId const& peer, BytesView bytes) const;
  std::optional<Result<Bytes>> enter(CarriedBatch& batch);
  Result<void> room_for(CarriedBatch const& batch) const;  // mutex_ held
  Bytes note_of(CarriedBatch const& batch) const;
  void forget(Held const& held, store::Append& unit);  // mutex_ held, except for held_ itself
  void forget_covered(MemberId const& from, MemberId const& to, std::uint8_t lane, std::uint64_t n,
                      store::Append& unit);  // mutex_ held
  Result<Receipt> check_receipt(MemberId const& from, MemberId const& to, BytesView bytes) const;
  void commit(store::Append unit, std::function<void(Result<void>)> done);

  CarrierParts parts_;
  RelayLimits limits_;
  mutable std::mutex mutex_;
  std::map<Order, Held> held_;
  std::set<Hash> known_;  // by their digest
  std::uint64_t next_id_ = 1;
  std::uint64_t bytes_ = 0;
};

// The sender's side: the next batch of a lane after `after`, as the link would send it. nullopt:
// nothing is queued there.
Result<std::optional<LaneBatch>> next_lane_batch(CarrierParts const& parts, MemberId const& to,
                                                 std::uint8_t lane, LanePosition const& after,
                                                 std::size_t bytes_max);

}  // namespace amic::exchange
