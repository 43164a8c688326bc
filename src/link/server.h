// The answering side: what peers may ask of this node. Internal to src/link.
#pragma once

#include <map>
#include <memory>

#include "link/peer_link.h"
#include "net/router.h"

namespace amic::link {

using PeerLinks = std::map<MemberId, std::unique_ptr<PeerLink>>;

class Answers {
 public:
  Answers(Parts const& parts, Options const& options, PeerLinks& links,
          std::shared_ptr<Activity> activity);
  // Asio calls this on a runtime thread: anything that reads a disk goes to a worker.
  void handle(net::Request request, net::Responder respond) const;

 private:
  struct Asked {  // one request of a known peer, within its budget
    MemberId peer;
    net::Request request;
    net::Match match;
  };
  using Work = void (Answers::*)(Asked const&, net::Responder const&) const;

  void add(std::string_view method, std::string_view pattern, Work work);
  void admit(net::Request request, net::Match match, net::Responder respond, Work work) const;
  MemberId const* peer_of(net::Request const& request) const;

  void envelopes(Asked const& asked, net::Responder const& respond) const;
  void status(Asked const& asked, net::Responder const& respond) const;
  void checkpoint(Asked const& asked, net::Responder const& respond) const;
  void tile(Asked const& asked, net::Responder const& respond) const;
  void witness(Asked const& asked, net::Responder const& respond) const;

  Parts const& parts_;
  PeerLinks& links_;
  std::shared_ptr<Activity> const activity_;
  net::Router router_;
  std::vector<merkle::NoteVerifier> logs_;  // of all members but us
  std::map<MemberId, obs::Counter*> received_;
};

}  // namespace amic::link
