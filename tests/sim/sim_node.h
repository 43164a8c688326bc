// One node: the product's log, exchange, operations, relay and index feeder over a simulated disk,
// with the steps of src/node, src/link and src/api around them that matter here. It can lose its
// power at any event.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "exchange/index_feeder.h"
#include "exchange/operations.h"
#include "exchange/relay.h"
#include "memory_store.h"
#include "peer_sender.h"
#include "queue_committer.h"
#include "relaying.h"
#include "world.h"

namespace amic::sim {

class SimNode {
 public:
  SimNode(World& world, consent::testing::Founder const& keys);

  void start();
  void crash();
  // Loses its power and gets the disk of an older backup.
  void put_back(Disk::Saved const& saved);
  bool up() const { return store_ != nullptr; }
  std::uint64_t life() const { return life_; }  // grows with each start
  // `work`, unless the node has lost its power since.
  std::function<void()> guard(std::function<void()> work);
  template <class T>
  std::function<void(T)> guard1(std::function<void(T)> work) {
    return [this, life = life_, work = std::move(work)](T value) {
      if (up() && life_ == life) work(std::move(value));
    };
  }

  MemberId const& id() const { return keys_.card.member; }
  consent::testing::Founder const& keys() const { return keys_; }
  SkewedClock& clock() { return clock_; }
  Disk& disk() { return *disk_; }
  Disk const& disk() const { return *disk_; }
  MemoryStore& store() { return *store_; }
  tlog::Log& log() { return *log_; }
  exchange::Exchange& exchange() { return *exchange_; }
  exchange::Operations& operations() { return *operations_; }
  exchange::Relay& relay() { return *relay_; }
  Relaying& relaying() { return *relaying_; }
  QueueCommitter& committer() { return *committer_; }
  PeerSender& link(MemberId const& peer) { return *links_.at(peer); }
  exchange::CarrierParts carrier_parts();
  // An operator decides whether it destroys what others ask for; else it does so at once.
  bool asks() const { return asks_; }
  void set_asks(bool asks) { asks_ = asks; }
  // Whether an error of reading may be the damage on this node's disk.
  bool excused(Error const& error) const;

  // A request of a peer, as src/link/server.cc answers it.
  void serve(MemberId const& peer, Ask ask, Bytes body, std::function<void(Answer)> respond);
  // A client's request, as src/api/items.cc does it: `done` with the item's id, or with the error.
  void share(Request& request, std::function<void(Result<EnvelopeId>)> done);
  // Likewise, as src/api/operations.cc does it.
  void operate(Request& request, std::function<void(Result<EnvelopeId>)> done);
  void log_grew();
  void sign_checkpoint();
  void refresh_links();
  bool settled();  // all that is in its log is in its index, and what that asks for is done
  bool idle();     // nothing waits for the disk, the index is caught up, no batch is in flight

 private:
  void answer_batch(MemberId const& peer, Bytes const& body, std::function<void(Answer)> respond);
  void answer_relay(MemberId const& peer, Bytes const& body, std::function<void(Answer)> respond);
  void answer_relayed(MemberId const& peer, Bytes const& body, std::function<void(Answer)> respond);
  void answer_receipts(MemberId const& peer, Bytes const& body,
                       std::function<void(Answer)> respond);
  Answer receipts_of(MemberId const& member);
  Answer status_of(MemberId const& peer);
  Answer returned(MemberId const& peer, Bytes const& body);
  Answer answer_of(MemberId const& peer, std::uint8_t lane, Result<Bytes> receipt);
  Bytes plant(MemberId const& peer, Bytes receipt);  // the server's planted bugs
  // The idempotency steps: nullopt to go on, with the mark put into `kv`.
  std::optional<Result<EnvelopeId>> enter(Request const& request, EnvelopeId const& id,
                                          std::vector<store::KvPut>& kv);
  void index_some();
  void index_later(Micros delay);
  void fulfil();
  void fulfil_later(Micros delay);

  World& world_;
  consent::testing::Founder const& keys_;
  exchange::NodeKeys const node_keys_;
  SkewedClock clock_;
  std::shared_ptr<Disk> disk_ = std::make_shared<Disk>();
  std::uint64_t life_ = 0;
  bool asks_ = false;
  std::unique_ptr<MemoryStore> store_;
  std::unique_ptr<tlog::Log> log_;
  std::unique_ptr<QueueCommitter> committer_;
  std::unique_ptr<exchange::Exchange> exchange_;
  std::unique_ptr<exchange::Operations> operations_;
  std::unique_ptr<exchange::Relay> relay_;
  std::unique_ptr<exchange::IndexFeeder> feeder_;
  std::map<MemberId, std::unique_ptr<PeerSender>> links_;
  std::unique_ptr<Relaying> relaying_;
  std::set<std::string> keys_in_use_;
  bool indexing_ = false;
  bool fulfilling_ = false;
};

}  // namespace amic::sim
