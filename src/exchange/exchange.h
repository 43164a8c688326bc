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
#include "base/limits.h"
#include "base/random.h"
#include "consent/heads.h"
#include "envelope/envelope.h"
#include "marking/marking.h"
#include "store/store.h"
#include "tlog/tlog.h"

namespace amic::exchange {

struct NodeKeys {
  MemberId self;
  crypto::SigningKey node;
  crypto::SealKey sealing;
  // Had before: what was sealed to them is still opened.
  std::vector<crypto::SealKey> earlier_sealing = {};
};

// Durable append, then callback with the first seq given. The node's group committer merges what
// waits into one transaction; the simulation calls Log::append directly.
class Committer {
 public:
  virtual ~Committer() = default;
  virtual void commit(store::Append unit, std::function<void(Result<std::uint64_t>)> done) = 0;
};

struct ShareRequest {
  envelope::Kind kind = envelope::Kind::kItem;
  marking::Marking marking;
  Precedence precedence = Precedence::kRoutine;
  std::string media_type = "application/stix+json;version=2.1";
  Bytes body;
  std::vector<Hash> lineage;
  bool keep_private = false;     // import: sealed to this node alone, reaches nobody
  std::optional<EnvelopeId> id;  // of envelope::make_id (idempotency); else share() makes one
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

// What stands in a batch for an envelope that its sender no longer holds (it was erased): "GONE"
// and the digest. An envelope is never that short. The chain is over entry_digest(); the signature
// over the digest of the entry as it is.
Bytes gone_entry(Hash const& digest);
std::optional<Hash> gone_digest(BytesView entry);
Hash entry_digest(BytesView entry);

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

// What a receiver gives back to a sender that was restored from a backup: the sender's own
// envelopes from first_n on. Unsigned: each envelope bears the sender's own signature, and the
// chain over all of them is in the receipt.
struct Returned {
  CommunityId community;
  MemberId from, to;  // who gives back; whose envelopes
  std::uint8_t lane = 0;
  std::uint64_t first_n = 1;
  std::vector<Bytes> entries;  // gone_entry() for what was refused or erased
  bool operator==(Returned const&) const = default;
};
Bytes encode(Returned const& returned);
Result<Returned> decode_returned(BytesView bytes);  // structure and limits only

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

// Numbers of a lane that one side had and then had not: it was restored from a backup. Kept for
// people; the repair needs nobody.
struct Rollback {
  std::uint8_t lane = 0;
  bool of_peer = false;      // the peer was restored; else this node
  std::uint64_t from_n = 0;  // lost were the numbers after from_n up to upto_n
  std::uint64_t upto_n = 0;
  UnixMs at_ms = 0;  // when it was noticed
  bool operator==(Rollback const&) const = default;
};

struct LinkState {  // for `amic link list`
  MemberId peer;
  struct Lane {
    std::uint64_t queued_n = 0, acked_n = 0, received_n = 0;
    std::uint64_t pending_bytes = 0;
    UnixMs oldest_queued_ms = 0;
    bool position_known = false;  // nothing is sent before
    bool returning = false;       // the peer is giving back what this node has lost
    std::string problem;          // why nothing can be sent; empty: nothing is wrong
  };
  std::array<Lane, kLaneCount> lanes;
  std::uint64_t quarantined = 0;      // of the peer's, here
  std::vector<PeerRefusal> refusals;  // of ours, there; oldest first
  std::uint64_t equivocations = 0;    // evidence kept here that the peer signed two sequences
  std::vector<Rollback> rollbacks;    // the last one of each side and lane
};

// Which lanes have moved since: taken before a peer is asked for its position.
using PositionMark = std::array<std::uint64_t, kLaneCount>;
struct OutPosition {
  std::uint64_t n = 0;  // the peer has signed for up to here
  Hash chain;
  bool known = false;  // the peer's position is known; see on_position()
};
using OutPositions = std::array<OutPosition, kLaneCount>;
struct ReturnRequest {
  std::uint8_t lane = 0;
  std::uint64_t after_n = 0;
};

class Exchange {
 public:
  // Verifies that the keys are those of self's card in the head: kWrongIdentity otherwise. `heads`
  // may be advanced by advance() only.
  static Result<std::unique_ptr<Exchange>> open(std::shared_ptr<consent::Heads> heads,
                                                NodeKeys keys, store::Store& store,
                                                Committer& committer, Clock const& clock,
                                                Random& random, Realm realm);
  // The same, of a node that knows one head.
  static Result<std::unique_ptr<Exchange>> open(consent::Community community, NodeKeys keys,
                                                store::Store& store, Committer& committer,
                                                Clock const& clock, Random& random, Realm realm);
  virtual ~Exchange() = default;

  // What would happen, exactly (amic share --dry-run): the same decide() as share().
  virtual marking::Decision preview(marking::Marking const& marking) const = 0;
  // Decides, seals, signs, appends durably with outbox rows. `done` from the committer's thread.
  virtual void share(ShareRequest request, std::function<void(Result<ShareResult>)> done) = 0;

  // Where the peer stands, in its own signed words: its current receipt of each lane. Nothing is
  // sent to a peer before this was called in this run: only then is it sure that numbers which the
  // peer knows are not given again. A lane is left alone if something of it is in flight or it has
  // moved since `asked_at`. A peer behind what it had signed for was restored: it is sent again
  // what it lacks. A peer ahead of what was ever sent: this node was restored, and next_return()
  // says what to ask it for. Errors: a receipt that does not verify or is not the peer's. What is
  // wrong with one lane (two sequences under one number) is in its LinkState and stops that lane
  // only.
  virtual Result<PositionMark> position_mark(MemberId const& peer) = 0;
  virtual Result<void> on_position(MemberId const& peer,
                                   std::array<Bytes, kLaneCount> const& receipts,
                                   PositionMark const& asked_at) = 0;
  // What to ask this peer for; nullopt: nothing. Ask, and hand over the answer, until it is
  // nullopt.
  virtual Result<std::optional<ReturnRequest>> next_return(MemberId const& peer) = 0;
  // Verifies what the peer gives back and stores it under its old numbers. After an error the
  // position has to be asked for again. Any thread; `done` from the committer's or this one.
  virtual void on_returned(MemberId const& peer, std::uint8_t lane, BytesView returned,
                           std::function<void(Result<void>)> done) = 0;
  // The peer answers kNotFound: it has not kept that. Goes on behind the numbers it has signed for.
  virtual void on_not_returned(MemberId const& peer, std::uint8_t lane,
                               std::function<void(Result<void>)> done) = 0;
  // The answering side: the peer's envelopes that are held here, after `after_n`, up to 1 MiB or
  // one envelope. kNotFound if that was not kept (a store of schema 1).
  virtual Result<Bytes> returned(MemberId const& peer, std::uint8_t lane,
                                 std::uint64_t after_n) = 0;

  // Next batch for a peer, most urgent lane first; nullopt if nothing waits or the peer's position
  // is not known. At most one batch of a lane is in flight: after next_batch the lane is busy until
  // on_receipt or batch_failed.
  // Envelopes up to `bytes_max` together, at least one: a slow link takes small batches.
  virtual Result<std::optional<Bytes>> next_batch(
      MemberId const& peer, std::size_t bytes_max = limits::kBatchBytesMax) = 0;
  // Verifies and stores the peer's receipt; frees the lane. Batches acked move the cursor.
  virtual void on_receipt(MemberId const& peer, BytesView receipt,
                          std::function<void(Result<void>)> done) = 0;
  virtual void batch_failed(MemberId const& peer, std::uint8_t lane) = 0;
  // A peer answered kGap with its receipt: resume from what it holds, as on_position() does.
  virtual Result<void> resync(MemberId const& peer, BytesView receipt) = 0;
  // A receipt that came by file or through a relay, and may be old: the queue moves as far as it
  // proves, never back, and nothing is taken to be known of where the peer stands now. The lane's
  // acknowledged number afterwards. kConflict: not the sequence that was sent, or beyond what this
  // node knows to have sent (it was restored from a backup; the link repairs that).
  virtual Result<std::uint64_t> late_receipt(MemberId const& peer, BytesView receipt) = 0;
  // Where a batch for this peer would start, by lane.
  virtual Result<OutPositions> out_positions(MemberId const& peer) const = 0;

  // Receives a batch from an authenticated peer. Verifies everything before storing; duplicates are
  // skipped, refused envelopes quarantined; answers with a signed receipt once durable. kGap (with
  // the current receipt in `current`) if first_n leaves a hole. Never accepts from a non-member. A
  // batch is taken up to the first envelope of an epoch after the one in force here; kUnknownEpoch
  // if that is the first: nothing is refused, it is to come again when this node has the decision.
  virtual void accept(MemberId const& peer, BytesView batch,
                      std::function<void(Result<Bytes> receipt)> done) = 0;
  virtual Result<Bytes> current_receipt(MemberId const& peer, std::uint8_t lane) = 0;

  // Opens a record of ours for the index or for a reader (decrypts; verifies again).
  virtual Result<envelope::Contents> open_record(store::Record const& record) const = 0;

  virtual Result<std::vector<LinkState>> links() const = 0;
  // The head in force. References stay valid as long as the exchange.
  virtual consent::Community const& community() const = 0;
  virtual consent::Heads const& heads() const = 0;
  // The community has decided: from now on this head is in force. New members become peers. What
  // is on its way keeps the epoch that it was sealed under. kConflict if it does not follow.
  virtual Result<void> advance(consent::Community next) = 0;
  virtual MemberId const& self() const = 0;
  virtual Realm const& realm() const = 0;
  // Called (any thread) after something became sendable to `peer`.
  virtual void on_sendable(std::function<void(MemberId const&)> callback) = 0;
  // Called (any thread) after envelopes of kind governance became durable here: see
  // governance.h.
  virtual void on_governance(std::function<void()> callback) = 0;
};

}  // namespace amic::exchange
