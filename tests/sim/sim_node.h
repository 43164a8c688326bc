// One node: the product's log, exchange and index feeder over a simulated disk, with the steps of
// src/node, src/link and src/api around them that matter here. It can lose its power at any event.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "exchange/index_feeder.h"
#include "memory_store.h"
#include "peer_sender.h"
#include "queue_committer.h"
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
  QueueCommitter& committer() { return *committer_; }

  // A request of a peer, as src/link/server.cc answers it.
  void serve(MemberId const& peer, Ask ask, Bytes body, std::function<void(Answer)> respond);
  // A client's request, as src/api/items.cc does it: `done` with the item's id, or with the error.
  void share(Request& request, std::function<void(Result<EnvelopeId>)> done);
  void log_grew();
  void sign_checkpoint();
  void refresh_links();
  bool idle();  // nothing waits for the disk, the index is caught up, no batch is in flight

 private:
  void answer_batch(MemberId const& peer, Bytes const& body, std::function<void(Answer)> respond);
  Answer status_of(MemberId const& peer);
  Answer returned(MemberId const& peer, Bytes const& body);
  Answer answer_of(MemberId const& peer, std::uint8_t lane, Result<Bytes> receipt);
  Bytes plant(MemberId const& peer, Bytes receipt);  // the server's planted bugs
  void index_some();
  void index_later(Micros delay);

  World& world_;
  consent::testing::Founder const& keys_;
  SkewedClock clock_;
  std::shared_ptr<Disk> disk_ = std::make_shared<Disk>();
  std::uint64_t life_ = 0;
  std::unique_ptr<MemoryStore> store_;
  std::unique_ptr<tlog::Log> log_;
  std::unique_ptr<QueueCommitter> committer_;
  std::unique_ptr<exchange::Exchange> exchange_;
  std::unique_ptr<exchange::IndexFeeder> feeder_;
  std::map<MemberId, std::unique_ptr<PeerSender>> links_;
  std::set<std::string> keys_in_use_;
  bool indexing_ = false;
};

}  // namespace amic::sim
