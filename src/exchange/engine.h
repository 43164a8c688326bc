// The one implementation of Exchange. Internal to src/exchange: outgoing.cc sends, incoming.cc
// receives, engine.cc opens and answers questions.
#pragma once

#include <optional>
#include <unordered_map>

#include "exchange/exchange.h"

namespace amic::exchange {

// A batch that has been handed to the link and not yet answered.
struct InFlight {
  std::uint64_t first_n = 0;
  std::vector<Hash> chain;      // chain[i] = value after envelope first_n + i
  std::vector<EnvelopeId> ids;  // ids[i] = envelope first_n + i
};

struct OutLane {
  std::uint64_t acked_n = 0;
  Hash acked_chain;
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
Result<std::vector<PeerRefusal>> load_refusals(store::Store& store, MemberId const& peer);

Bytes encode_note(InPosition const& position);
Result<InPosition> decode_note(std::uint64_t n, BytesView note);

struct InLane {
  InPosition position;
  bool accepting = false;  // one batch of a lane at a time
};

struct Peer {
  std::mutex mutex;
  std::array<OutLane, kLaneCount> out;
  std::array<InLane, kLaneCount> in;
  std::uint64_t quarantined = 0;      // as the store's bound leaves it
  std::vector<PeerRefusal> refusals;  // as kept in kv space \"refusal\"
};

class Engine final : public Exchange {
 public:
  Engine(consent::Community community, NodeKeys keys, store::Store& store, Committer& committer,
         Clock const& clock, Random& random, Realm realm);
  Result<void> load();  // positions from the store's cursors

  marking::Decision preview(marking::Marking const& marking) const override;
  void share(ShareRequest request, std::function<void(Result<ShareResult>)> done) override;
  Result<std::optional<Bytes>> next_batch(MemberId const& peer) override;
  void on_receipt(MemberId const& peer, BytesView receipt,
                  std::function<void(Result<void>)> done) override;
  void batch_failed(MemberId const& peer, std::uint8_t lane) override;
  Result<void> resync(MemberId const& peer, BytesView receipt) override;
  void accept(MemberId const& peer, BytesView batch,
              std::function<void(Result<Bytes>)> done) override;
  Result<Bytes> current_receipt(MemberId const& peer, std::uint8_t lane) override;
  Result<envelope::Contents> open_record(store::Record const& record) const override;
  Result<std::vector<LinkState>> links() const override;
  consent::Community const& community() const override { return community_; }
  MemberId const& self() const override { return keys_.self; }
  Realm const& realm() const override { return realm_; }
  void on_sendable(std::function<void(MemberId const&)> callback) override;

 private:
  struct Prepared {
    store::Append append;
    ShareResult result;
  };
  struct Arrived;  // one batch on its way through acceptance (incoming.cc)

  // outgoing.cc
  Result<Prepared> prepare_share(ShareRequest request) const;
  Result<std::optional<Bytes>> build_batch(MemberId const& peer, std::uint8_t lane, OutLane& out);
  Result<Receipt> read_receipt(MemberId const& peer, BytesView bytes) const;
  // Takes the lane's batch out of flight and moves its position; what is to be stored of that.
  Result<store::Append> take_receipt(MemberId const& peer, Peer& entry, Receipt const& receipt,
                                     BytesView bytes) const;
  void save_ack(MemberId const& peer, std::uint8_t lane, store::Append unit,
                std::function<void(Result<void>)> done);
  void save_again(MemberId const& peer, Peer& entry);
  // True if the peer holds more than we knew.
  Result<bool> resume_from(MemberId const& peer, Peer& entry, Receipt const& receipt);
  void note_refusals(MemberId const& member, Peer& entry, Receipt const& receipt,
                     InFlight const& flight, store::Append& unit) const;
  void notify(std::vector<MemberId> const& peers) const;
  // incoming.cc
  Result<std::size_t> find_new_part(Batch const& batch, InPosition const& position) const;
  Result<envelope::Contents> verify_envelope(MemberId const& peer, std::uint8_t lane,
                                             BytesView bytes) const;
  Result<void> check_key_ids(envelope::Header const& header,
                             envelope::Contents const& contents) const;
  Result<bool> already_held(EnvelopeId const& id, Hash const& digest) const;
  Result<store::Append> sort_envelopes(MemberId const& peer, Batch const& batch, std::size_t skip,
                                       InPosition& position) const;
  Bytes make_receipt(MemberId const& peer, std::uint8_t lane, InPosition const& position) const;

  Result<Peer*> peer(MemberId const& member) const;

  consent::Community community_;
  NodeKeys keys_;
  store::Store& store_;
  Committer& committer_;
  Clock const& clock_;
  Random& random_;
  Realm realm_;
  std::set<MemberId> roster_;
  std::map<MemberId, std::unique_ptr<Peer>> peers_;  // fixed after load()
  mutable std::mutex callback_mutex_;
  std::function<void(MemberId const&)> sendable_;
};

}  // namespace amic::exchange
