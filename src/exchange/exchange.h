// The replication engine: release, outboxes, batches, receipts, acceptance. Sans-I/O: time,
// randomness, storage and network are arguments, so eleven of these run in one process from one
// seed. docs/PROTOCOL.md, "Link". Any thread.
#pragma once

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "consent/head.h"
#include "envelope/envelope.h"
#include "marking/marking.h"
#include "store/store.h"
#include "tlog/tlog.h"

namespace amic::exchange {

struct NodeKeys {
  MemberId self;
  crypto::SigningKey node;
  crypto::SealKey sealing;
};

// Durable append, then callback with the first seq given. The node's group committer merges what
// waits into one transaction; the simulation calls Log::append directly.
class Committer {
 public:
  virtual ~Committer() = default;
  virtual void commit(store::Append unit, std::function<void(Result<std::uint64_t>)> done) = 0;
};

struct ShareRequest {
  marking::Marking marking;
  Precedence precedence = Precedence::kRoutine;
  std::string media_type = "application/stix+json;version=2.1";
  Bytes body;
  std::vector<Hash> lineage;
  bool keep_private = false;     // import: sealed to this node alone, reaches nobody
  std::optional<EnvelopeId> id;  // chosen by the caller (idempotency), else random
  std::vector<store::KvPut> kv;  // stored in the same transaction (idempotency key, ...)
};
struct ShareResult {
  EnvelopeId id;
  Hash digest;
  std::uint64_t seq = 0;
  UnixMs created_ms = 0;
  std::vector<MemberId> recipients;
  std::vector<marking::Refusal> refusals;
};

// What happened to one received envelope.
struct Refused {
  std::uint64_t n = 0;
  std::string code;  // stable text name of the reason
  bool operator==(Refused const&) const = default;
};

// A receiver's signed word: everything of this lane up to and including n is durable with me (or
// refused as listed). Cumulative; `chain` binds it to the exact sequence of envelopes.
struct Receipt {
  CommunityId community;
  MemberId from;  // who received
  MemberId to;    // who sent
  std::uint8_t lane = 0;
  std::uint64_t n = 0;
  Hash chain;  // chain_n = SHA-256(chain_{n-1} || digest_n), chain_0 = zero
  UnixMs at_ms = 0;
  std::uint32_t refused_total = 0;  // in the batch that ends at n
  std::vector<Refused> refused;     // the first kRefusedListedMax of them
  crypto::Signature signature;
  bool operator==(Receipt const&) const = default;
};
inline constexpr std::size_t kRefusedListedMax = 64;  // keeps a receipt under 4 kB
Bytes encode(Receipt const& receipt);
Result<Receipt> decode_receipt(BytesView bytes);  // structure only
Receipt sign_receipt(Receipt unsigned_receipt, crypto::SigningKey const& node);
Result<void> verify_receipt(Receipt const& receipt, consent::Head const& head,
                            CommunityId const& community);

// A run of consecutive envelopes of one lane, signed by the sender's node as a whole.
struct Batch {
  CommunityId community;
  MemberId from, to;
  std::uint8_t lane = 0;
  std::uint64_t first_n = 0;
  Hash chain_before;  // chain value at first_n - 1
  std::vector<Bytes> envelopes;
  crypto::Signature signature;  // over all but itself, with each envelope by digest
  bool operator==(Batch const&) const = default;
};
Bytes encode(Batch const& batch);
Result<Batch> decode_batch(BytesView bytes);  // structure and limits only
Batch sign_batch(Batch unsigned_batch, crypto::SigningKey const& node);
Result<void> verify_batch(Batch const& batch, consent::Head const& head,
                          CommunityId const& community);
// chain_n = SHA-256(chain_{n-1} || digest_n)
Hash chain_next(Hash const& before, Hash const& envelope_digest);

// One of ours that a peer has refused, as its signed receipt says: shown until an operator has seen
// to it, never swallowed.
struct PeerRefusal {
  std::uint8_t lane = 0;
  std::uint64_t n = 0;
  EnvelopeId item;
  std::string code;
  UnixMs at_ms = 0;
};
inline constexpr std::size_t kPeerRefusalsMax = 256;  // kept a peer; the oldest go first

struct LinkState {  // for `amic link list`
  MemberId peer;
  struct Lane {
    std::uint64_t queued_n = 0, acked_n = 0, received_n = 0;
    std::uint64_t pending_bytes = 0;
    UnixMs oldest_queued_ms = 0;
  };
  std::array<Lane, kLaneCount> lanes;
  std::uint64_t quarantined = 0;      // of the peer's, here
  std::vector<PeerRefusal> refusals;  // of ours, there; oldest first
};

class Exchange {
 public:
  // Verifies that the keys are those of self's card in the head: kWrongIdentity otherwise.
  static Result<std::unique_ptr<Exchange>> open(consent::Community community, NodeKeys keys,
                                                store::Store& store, Committer& committer,
                                                Clock const& clock, Random& random, Realm realm);
  virtual ~Exchange() = default;

  // What would happen, exactly (amic share --dry-run): the same decide() as share().
  virtual marking::Decision preview(marking::Marking const& marking) const = 0;
  // Decides, seals, signs, appends durably with outbox rows. `done` from the committer's thread.
  virtual void share(ShareRequest request, std::function<void(Result<ShareResult>)> done) = 0;

  // Next batch for a peer, most urgent lane first; nullopt if nothing waits. At most one batch of a
  // lane is in flight: after next_batch the lane is busy until on_receipt or batch_failed.
  virtual Result<std::optional<Bytes>> next_batch(MemberId const& peer) = 0;
  // Verifies and stores the peer's receipt; frees the lane. Batches acked move the cursor.
  virtual void on_receipt(MemberId const& peer, BytesView receipt,
                          std::function<void(Result<void>)> done) = 0;
  virtual void batch_failed(MemberId const& peer, std::uint8_t lane) = 0;
  // A peer answered kGap with its receipt: resume from what it holds.
  virtual Result<void> resync(MemberId const& peer, BytesView receipt) = 0;

  // Receives a batch from an authenticated peer. Verifies everything before storing; duplicates are
  // skipped, refused envelopes quarantined; answers with a signed receipt once durable. kGap (with
  // the current receipt in `current`) if first_n leaves a hole. Never accepts from a non-member.
  virtual void accept(MemberId const& peer, BytesView batch,
                      std::function<void(Result<Bytes> receipt)> done) = 0;
  virtual Result<Bytes> current_receipt(MemberId const& peer, std::uint8_t lane) = 0;

  // Opens a record of ours for the index or for a reader (decrypts; verifies again).
  virtual Result<envelope::Contents> open_record(store::Record const& record) const = 0;

  virtual Result<std::vector<LinkState>> links() const = 0;
  virtual consent::Community const& community() const = 0;
  virtual MemberId const& self() const = 0;
  virtual Realm const& realm() const = 0;
  // Called (any thread) after something became sendable to `peer`.
  virtual void on_sendable(std::function<void(MemberId const&)> callback) = 0;
};

}  // namespace amic::exchange
