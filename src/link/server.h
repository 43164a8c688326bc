// The answering side: what peers may ask of this node. Internal to src/link.
#pragma once

#include <map>
#include <memory>

#include "link/assembly.h"
#include "link/peer_link.h"
#include "link/turns.h"
#include "net/router.h"

namespace amic::link {

class RelayLinks;
using PeerLinks = std::map<MemberId, std::unique_ptr<PeerLink>>;

class Answers {
 public:
  Answers(Parts const& parts, Options const& options, PeerLinks& links,
          std::shared_ptr<Activity> activity);
  // Asio calls this on a runtime thread: anything that reads a disk goes to a worker.
  void handle(net::Request request, net::Responder respond) const;
  // How long to leave the body of a request of this peer unread: until its budget has a place for
  // it, a few seconds at most.
  std::int64_t hold_ms(net::PublicKey32 const& key) const;
  void set_relays(RelayLinks* relays) { relays_ = relays; }  // before anything is handled

 private:
  struct Asked {  // one request of a known peer, within its budget
    MemberId peer;
    net::Request request;
    net::Match match;
  };
  using Work = void (Answers::*)(Asked const&, net::Responder const&) const;

  void add(std::string_view method, std::string_view pattern, Work work);
  void admit(net::Request request, net::Match match, net::Responder respond, Work work) const;
  MemberId const* peer_of(net::PublicKey32 const& key) const;

  void envelopes(Asked const& asked, net::Responder const& respond) const;
  void frames(Asked const& asked, net::Responder const& respond) const;
  // `sender`'s batch, which `peer` has brought and pays for.
  void accept(MemberId const& sender, MemberId const& peer, BytesView batch,
              net::Responder const& respond) const;
  void accept_whole(MemberId const& peer, Frame const& frame, Bytes const& batch,
                    net::Responder const& respond) const;
  void status(Asked const& asked, net::Responder const& respond) const;
  void returned(Asked const& asked, net::Responder const& respond) const;
  void decisions(Asked const& asked, net::Responder const& respond) const;
  void head_status(Asked const& asked, net::Responder const& respond) const;
  void ranges(Asked const& asked, net::Responder const& respond) const;
  void pieces(Asked const& asked, net::Responder const& respond) const;
  void attachment(Asked const& asked, net::Responder const& respond) const;  // attachment_serve.cc
  void checkpoint(Asked const& asked, net::Responder const& respond) const;
  void tile(Asked const& asked, net::Responder const& respond) const;
  void witness(Asked const& asked, net::Responder const& respond) const;
  // relay_carry.cc
  void relay(Asked const& asked, net::Responder const& respond) const;
  void relayed(Asked const& asked, net::Responder const& respond) const;
  void relay_receipts(Asked const& asked, net::Responder const& respond) const;
  void relayed_receipts(Asked const& asked, net::Responder const& respond) const;

  Parts const& parts_;
  PeerLinks& links_;
  RelayLinks* relays_ = nullptr;
  std::shared_ptr<Activity> const activity_;
  std::int64_t const hold_ms_max_;
  net::Router router_;
  std::vector<merkle::NoteVerifier> logs_;  // of all members but us
  // What one peer is sending in pieces.
  struct Incoming {
    explicit Incoming(net::WorkerPool& pool) : turns(std::make_shared<Turns>(pool)) {}
    std::shared_ptr<Turns> const turns;
    std::mutex mutex;
    Assembly assembly;
    // Requests that brought a piece again while its batch was being taken in: same answer for all.
    std::array<std::vector<net::Responder>, kLaneCount> waiting;
  };
  struct Counters {
    obs::Counter* received_bytes;
    obs::Counter* received_frames;
    obs::Counter* over_budget;
    obs::Counter* attachment_bytes;
  };
  std::map<MemberId, std::unique_ptr<Incoming>> incoming_;
  std::map<MemberId, Counters> counters_;
};

}  // namespace amic::link
