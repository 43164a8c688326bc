// The one implementation of Exchange. Internal to src/exchange: outgoing.cc sends, incoming.cc
// receives, engine.cc opens and answers questions.
#pragma once

#include <optional>
#include <shared_mutex>
#include <unordered_map>

#include "exchange/exchange.h"

namespace amic::exchange {

// A batch that has been handed to the link and not yet answered.
struct InFlight {
  std::uint64_t first_n = 0;
  std::vector<Hash> chain;      // chain[i] = value after envelope first_n + i
  std::vector<EnvelopeId> ids;  // ids[i] = envelope first_n + i
};

// The peer is ahead of what this node knows to have sent: this one was restored from a backup.
struct Returning {
  Receipt target;  // the peer's word: where the numbers end that it knows
  Bytes target_bytes;
  std::uint64_t n = 0;  // known again up to here
  Hash chain;
  bool made_room = false;  // rows queued since the restart were moved behind the target
  bool busy = false;       // an answer is being stored
};

struct OutLane {
  // Where to send from. The stored kAcked cursor may be further: a peer that was restored takes
  // what it has signed for once more.
  std::uint64_t acked_n = 0;
  Hash acked_chain;
  bool position_known = false;
  std::optional<Returning> returning;
  std::optional<Error> problem;
  std::uint64_t moves = 0;    // receipts taken
  bool flushing = false;      // flush_marks()
  bool marks_left = false;    // it could not store what it has queued: next_batch() tries again
  bool may_have_more = true;  // false once the outbox was read to its end
  std::optional<InFlight> in_flight;
  // What came with receipts and could not be stored (a full disk): next_batch() tries again.
  std::optional<store::Append> unsaved;
};

// What the kReceived cursor's note keeps beside n: enough to give the same receipt again.
struct InPosition {
  std::uint64_t n = 0;
  Hash chain;
  std::uint32_t refused_total = 0;
  std::vector<Refused> refused;
};
// Refusals in kv space "refusal", key "<peer>/<lane>/<n in 16 hex digits>".
store::KvPut refusal_put(MemberId const& peer, PeerRefusal const& refusal);
store::KvPut refusal_delete(MemberId const& peer, PeerRefusal const& refusal);
// Rollbacks in kv space "rollback", key "<peer>/<lane>/own" or "/peer".
store::KvPut rollback_put(MemberId const& peer, Rollback const& rollback);
Result<std::vector<Rollback>> load_rollbacks(store::Store& store, MemberId const& peer);
// What came back from one peer and may still have to go to another one: kv space "returned", key
// "<peer>/<lane>/<envelope id in hex>", no value.
store::KvPut mark_put(MemberId const& peer, std::uint8_t lane, EnvelopeId const& id);
store::KvPut mark_delete(MemberId const& peer, std::uint8_t lane, EnvelopeId const& id);
Result<std::vector<EnvelopeId>> load_marks(store::Store& store, MemberId const& peer,
                                           std::uint8_t lane, std::size_t count_max);
Result<std::vector<PeerRefusal>> load_refusals(store::Store& store, MemberId const& peer);

Bytes encode_note(InPosition const& position);
Result<InPosition> decode_note(std::uint64_t n, BytesView note);

// Not the fault of what came: nothing is refused, it comes again.
bool is_store_failure(Code code);

struct InLane {
  InPosition position;
  bool accepting = false;  // one batch of a lane at a time
};

struct Peer {
  std::mutex mutex;
  std::array<OutLane, kLaneCount> out;
  std::array<InLane, kLaneCount> in;
  std::uint64_t equivocations = 0;    // evidence kept of this peer's
  std::uint64_t quarantined = 0;      // as the store's bound leaves it
  std::vector<PeerRefusal> refusals;  // as kept in kv space "refusal"
  std::vector<Rollback> rollbacks;    // as kept in kv space "rollback"
};

class Engine final : public Exchange {
 public:
  Engine(std::shared_ptr<consent::Heads> heads, NodeKeys keys, store::Store& store,
         Committer& committer, Clock const& clock, Random& random, Realm realm);
  Result<void> load();  // positions from the store's cursors

  marking::Decision preview(marking::Marking const& marking) const override;
  void share(ShareRequest request, std::function<void(Result<ShareResult>)> done) override;
  Result<PositionMark> position_mark(MemberId const& peer) override;
  Result<void> on_position(MemberId const& peer, std::array<Bytes, kLaneCount> const& receipts,
                           PositionMark const& asked_at) override;
  Result<std::optional<ReturnRequest>> next_return(MemberId const& peer) override;
  void on_returned(MemberId const& peer, std::uint8_t lane, BytesView returned,
                   std::function<void(Result<void>)> done) override;
  void on_not_returned(MemberId const& peer, std::uint8_t lane,
                       std::function<void(Result<void>)> done) override;
  Result<Bytes> returned(MemberId const& peer, std::uint8_t lane, std::uint64_t after_n) override;
  Result<std::optional<Bytes>> next_batch(MemberId const& peer, std::size_t bytes_max) override;
  void on_receipt(MemberId const& peer, BytesView receipt,
                  std::function<void(Result<void>)> done) override;
  void batch_failed(MemberId const& peer, std::uint8_t lane) override;
  Result<void> resync(MemberId const& peer, BytesView receipt) override;
  Result<std::uint64_t> late_receipt(MemberId const& peer, BytesView receipt) override;
  Result<OutPositions> out_positions(MemberId const& peer) const override;
  void accept(MemberId const& peer, BytesView batch,
              std::function<void(Result<Bytes>)> done) override;
  Result<Bytes> current_receipt(MemberId const& peer, std::uint8_t lane) override;
  Result<envelope::Contents> open_record(store::Record const& record) const override;
  Result<std::vector<LinkState>> links() const override;
  consent::Community const& community() const override { return heads_->current().community; }
  consent::Heads const& heads() const override { return *heads_; }
  Result<void> advance(consent::Community next) override;
  MemberId const& self() const override { return keys_.self; }
  Realm const& realm() const override { return realm_; }
  void on_sendable(std::function<void(MemberId const&)> callback) override;
  void on_governance(std::function<void()> callback) override;

 private:
  struct Prepared {
    store::Append append;
    ShareResult result;
  };
  struct Arrived;  // one batch on its way through acceptance (incoming.cc)

  // outgoing.cc
  Result<Prepared> prepare_share(ShareRequest request) const;
  struct Entry {
    Bytes bytes;
    EnvelopeId id;
  };
  Result<Entry> entry_of(store::LaneRow const& row) const;
  Result<std::optional<Bytes>> build_batch(MemberId const& peer, std::uint8_t lane, OutLane& out,
                                           std::size_t bytes_max);
  Result<Receipt> read_receipt(MemberId const& peer, BytesView bytes) const;
  // Takes the lane's batch out of flight and moves its position; what is to be stored of that.
  Result<store::Append> take_receipt(MemberId const& peer, Peer& entry, Receipt const& receipt,
                                     BytesView bytes) const;
  void save_ack(MemberId const& peer, std::uint8_t lane, store::Append unit,
                std::function<void(Result<void>)> done);
  void save_again(MemberId const& peer, Peer& entry);
  void note_refusals(MemberId const& member, Peer& entry, Receipt const& receipt,
                     InFlight const& flight, store::Append& unit) const;
  void notify(std::vector<MemberId> const& peers) const;
  void notify_governance() const;
  // position.cc. settle and note_rollback: with the peer's lock held.
  Result<std::optional<Hash>> chain_over(MemberId const& peer, std::uint8_t lane, std::uint64_t n,
                                         Hash chain, std::uint64_t upto_n) const;
  Result<store::Append> settle(MemberId const& peer, Peer& entry, Receipt const& receipt,
                               BytesView bytes) const;
  void note_rollback(MemberId const& peer, Peer& entry, Rollback rollback,
                     store::Append& unit) const;
  Result<void> apply_position(MemberId const& peer, Peer& entry, Receipt const& receipt,
                              BytesView bytes, std::optional<std::uint64_t> asked_at);
  // returned.cc
  struct Back;  // one answer on its way into the store
  Result<void> check_returned(MemberId const& peer, std::uint8_t lane,
                              Returned const& returned) const;
  Result<Back> take_back(MemberId const& peer, Returned const& returned, Returning work) const;
  Result<void> take_entry(MemberId const& peer, std::uint8_t lane, std::uint64_t n,
                          Bytes const& entry, Back& back) const;
  Result<envelope::Contents> open_own(std::uint8_t lane, BytesView bytes) const;
  void store_back(MemberId const& peer, std::uint8_t lane, Back back,
                  std::function<void(Result<void>)> done);
  void end_returning(MemberId const& peer, std::uint8_t lane);
  void flush_marks(MemberId const& peer, std::uint8_t lane);
  // incoming.cc
  Result<std::size_t> find_new_part(Batch const& batch, InPosition const& position) const;
  Result<envelope::Contents> verify_envelope(MemberId const& peer, std::uint8_t lane,
                                             BytesView bytes) const;
  Result<std::size_t> of_known_epochs(Batch const& batch, std::size_t skip) const;
  Result<void> check_key_ids(envelope::Header const& header, envelope::Contents const& contents,
                             consent::Community const& community) const;
  Result<std::uint64_t> already_held(EnvelopeId const& id, Hash const& digest) const;
  Result<bool> is_said_already(envelope::Contents const& contents, store::Append const& unit) const;
  Result<store::Append> sort_envelopes(MemberId const& peer, Batch const& batch, std::size_t skip,
                                       InPosition& position) const;
  void note_equivocation(Batch const& batch, Peer& entry);
  Bytes make_receipt(MemberId const& peer, std::uint8_t lane, InPosition const& position) const;

  Result<Peer*> peer(MemberId const& member) const;
  Peer& known_peer(MemberId const& member) const;  // of one that has been a peer in this run
  Result<std::unique_ptr<Peer>> load_peer(MemberId const& member,
                                          std::vector<store::Cursor> const& cursors) const;
  // All members that have been peers in this run, those who left since included.
  std::vector<std::pair<MemberId, Peer*>> all_peers() const;
  // Which of our sealing keys it is sealed to; the present one if none.
  crypto::SealKey const& sealing_key(envelope::Header const& header) const;

  std::shared_ptr<consent::Heads> heads_;
  NodeKeys keys_;
  store::Store& store_;
  Committer& committer_;
  Clock const& clock_;
  Random& random_;
  Realm realm_;
  mutable std::shared_mutex peers_mutex_;  // guards the map alone; peers are only added
  std::map<MemberId, std::unique_ptr<Peer>> peers_;
  mutable std::mutex callback_mutex_;
  std::function<void(MemberId const&)> sendable_;
  std::function<void()> governance_;
};

}  // namespace amic::exchange
