// Fetches from one peer the files that its descriptions name: the least urgent thing there is on a
// link. One file at a time, each for some chunks, then the next. Internal to src/link.
#pragma once

#include <memory>
#include <mutex>

#include "exchange/attachments.h"
#include "link/attachment_window.h"
#include "link/peer_link.h"

namespace amic::link {

class AttachmentPull {
 public:
  AttachmentPull(Parts const& parts, Options const& options, PeerLink& link,
                 std::shared_ptr<Activity> activity);

  // Looks whether there is something to fetch, unless it is fetching. Any thread.
  void tick();

 private:
  using Answer = Result<net::Response>;
  using Piece = ChunkWindow::Piece;
  struct Todo;  // what comes next

  void look();
  void settle(EnvelopeId id);
  void advance();
  Todo todo();
  std::optional<Piece> next_piece();
  void send(Piece const& piece, Pacer::Sent sent, std::int64_t timeout_ms);
  void on_answer(Piece const& piece, Pacer::Sent sent, Answer answer);
  void take(Piece const& piece, net::Response const& answer, Pacer::Sent sent);
  void keep(ChunkWindow::Whole whole);
  void end_turn(exchange::Attachments::Want want, std::optional<Error> error);
  void pause(std::int64_t ms);
  void rest();
  bool on_worker(std::function<void()> work);

  Parts const& parts_;
  Options const& options_;
  PeerLink& link_;
  std::shared_ptr<Activity> const activity_;
  obs::Counter& received_bytes_;

  std::mutex mutex_;  // guards what follows; never held while calling out
  bool active_ = false;
  bool was_linked_ = false;
  std::optional<exchange::Attachments::Want> want_;  // whose turn it is
  ChunkWindow window_;
  std::optional<Error> error_;  // the turn ends with it
  bool keeping_ = false;
  std::size_t in_flight_ = 0;
  SteadyUs paused_until_us_ = 0;
  Pacer pacer_;
  std::shared_ptr<net::Runtime::Timer> timer_;
};

}  // namespace amic::link
