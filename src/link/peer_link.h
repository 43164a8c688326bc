// One peer as seen from here: whether it is there, what is on its way, when to try again. Internal
// to src/link.
#pragma once

#include <mutex>

#include "link/activity.h"
#include "link/assembly.h"
#include "link/budget.h"
#include "link/link.h"
#include "link/outgoing.h"
#include "link/wire.h"

namespace amic::link {

// States: not linked (asking for the status, or waiting to), linked (sending), waiting after a
// failure. Nothing is sent before the peer has shown our community and head, since a peer with
// another head would refuse every envelope for good.
class PeerLink {
 public:
  PeerLink(Parts const& parts, Options const& options, consent::Card const& card,
           std::shared_ptr<Activity> activity);

  // With clients that accept this peer's key only.
  Result<void> make_clients();
  void set_address(net::Endpoint address) { address_ = std::move(address); }
  void drop_clients();  // ends what is under way; later sends do nothing

  void probe();    // unless one is under way    // asks for the status unless already asking
  void refresh();  // probe, if the peer has been quiet; frees what waits for it too long
  void wake();     // something may be sendable
  void heard();    // the peer has just made a request: it is there
  void relink();   // the head has changed: the peer has to show it before more is sent
  void shows_epoch(std::uint64_t epoch);  // the peer says so in a question
  // Anything else to ask of the peer. False: closing, `done` is not called then.
  bool ask(net::Request request, std::int64_t timeout_ms,
           std::function<void(Result<net::Response>)> done) {
    return send_request(Way::kBulk, std::move(request), timeout_ms, std::move(done));
  }
  void cosign();  // asks for a cosignature unless it has the last checkpoint, or already asking

  MemberId const& id() const { return id_; }
  bool linked() const;
  void fill(PeerStatus& out) const;
  Budget& budget() { return *budget_; }

  // Bytes of attachments that the peer asks for, the least urgent there is. wait_ms not 0: nothing
  // now. attachment_serve.cc
  struct Loan {
    std::int64_t wait_ms = 0;
    std::size_t bytes = 0;
  };
  Loan lend(std::size_t wanted);
  void lent(std::size_t bytes);

 private:
  using Answer = Result<net::Response>;
  using Piece = Outgoing::Piece;
  enum class Failure { kTransport, kRefusal };
  // What is urgent has a connection that nothing else uses, open already when it is needed.
  enum class Way { kUrgent, kBulk };

  // peer_link.cc
  bool send_request(Way way, net::Request request, std::int64_t timeout_ms,
                    std::function<void(Answer)> done);
  bool on_worker(std::function<void()> work);
  void on_status(Answer answer);
  void on_position(Status const& status);
  bool compare_queued(Status const& status);
  Result<Status> check_status(net::Response const& response);
  // decisions.cc
  Error other_head(Status const& status);
  void fetch_decisions();
  void on_decisions(Answer answer);
  void ask_head_status();
  // returning.cc
  void fetch_returned();
  void on_returned(std::uint8_t lane, Answer answer);
  std::function<void(Result<void>)> when_stored();
  void end_fetch(std::optional<std::pair<Failure, Error>> failure);
  void succeeded();
  void failed(Failure kind, Error error);
  void retry_after(std::int64_t delay_ms);  // mutex_ held
  void retry();
  std::int64_t backoff_ms();  // mutex_ held
  // sender.cc
  void pump();
  Result<void> fill_lanes();
  void send_pieces();
  void transmit(Piece const& piece);
  net::Request request_of(Piece const& piece) const;
  void on_piece(Piece const& piece, Answer answer);
  bool on_wanted(Piece const& piece, net::Response const& answer);
  void on_answer(Piece const& piece, Answer answer);
  void on_lost(Error error);
  void put_off(Piece const& piece, net::Response const& answer);
  void on_receipt(std::uint8_t lane, std::string const& receipt);
  void on_receipt_stored(std::uint8_t lane, std::string const& receipt, Result<void> stored);
  void resync(std::uint8_t lane, std::string const& receipt);
  void finish(std::uint8_t lane);
  void give_up(std::uint8_t lane, Failure kind, Error error);
  // witness.cc
  void ask_cosignature(std::uint64_t old_size, bool again);
  void on_cosignature(std::uint64_t size, bool again, Answer answer);
  void end_cosign(Error const* error);

  Parts const& parts_;
  Options const& options_;
  MemberId const id_;
  crypto::VerifyKey const key_;
  merkle::NoteVerifier const cosigner_;
  std::shared_ptr<Activity> const activity_;
  std::shared_ptr<Budget> const budget_;
  net::Endpoint address_;
  obs::Counter& batches_sent_;
  obs::Counter& frames_sent_;
  obs::Counter& bytes_sent_;
  obs::Counter& failures_total_;
  obs::Counter& cosignatures_;
  obs::Gauge& up_;
  obs::Gauge& rate_;

  mutable std::mutex mutex_;  // guards what follows; never held while calling out
  std::shared_ptr<net::Client> urgent_client_, bulk_client_;
  Outgoing outgoing_;
  exchange::PositionMark asked_at_{};  // of the probe under way; probes come one at a time
  bool probing_ = false;
  bool fetching_ = false;
  bool fetching_decisions_ = false;
  bool pumping_ = false;
  bool pump_again_ = false;
  bool cosigning_ = false;
  bool reachable_ = false;
  bool linked_ = false;
  bool waiting_ = false;  // for the timer, after a failure
  Failure last_failure_ = Failure::kTransport;
  SteadyUs urgent_used_us_ = 0;
  SteadyUs probed_us_ = 0;
  SteadyUs busy_since_us_ = 0;  // attachments had to wait for what is more urgent
  UnixMs probed_ms_ = 0;
  UnixMs current_to_ms_ = 0;        // see PeerStatus
  std::uint64_t not_here_yet_ = 0;  // the same
  bool told_behind_ = false;        // the peer was asked to look at where we stand
  bool urgent_piece_ = false;       // one is under way there
  unsigned resyncs_ = 0;            // in a row
  std::uint64_t failures_ = 0;
  std::uint64_t cosigned_size_ = 0;
  std::string cosigned_origin_;  // which incarnation of our log
  UnixMs last_ok_ms_ = 0;
  UnixMs next_try_ms_ = 0;
  UnixMs woken_early_ms_ = 0;
  std::optional<Error> last_error_;
  std::shared_ptr<net::Runtime::Timer> timer_;
  std::shared_ptr<net::Runtime::Timer> pace_timer_;
};

}  // namespace amic::link
