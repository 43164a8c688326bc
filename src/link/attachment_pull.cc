#include "link/attachment_pull.h"

#include <algorithm>
#include <charconv>

#include "link/attachment_wire.h"
#include "obs/log.h"

namespace amic::link {
namespace {

constexpr std::uint32_t kChunksPerTurn = 16;
constexpr std::size_t kPiecesMax = 4;  // under way; each takes a connection
constexpr std::size_t kPieceBytesMax = exchange::ChunkPlan::kSealedChunkBytes;
constexpr std::int64_t kBusyMs = 1'000;

bool peer_is_absent(Error const& error) {
  return error.code == Code::kUnavailable || error.code == Code::kTimeout;
}

}  // namespace

struct AttachmentPull::Todo {
  std::optional<ChunkWindow::Whole> whole;
  std::optional<Piece> piece;
  Pacer::Sent sent;
  std::int64_t timeout_ms = 0;
  std::optional<exchange::Attachments::Want> ended;
  std::optional<Error> error;
};

AttachmentPull::AttachmentPull(Parts const& parts, Options const& options, PeerLink& link,
                               std::shared_ptr<Activity> activity)
    : parts_(parts),
      options_(options),
      link_(link),
      activity_(std::move(activity)),
      received_bytes_(parts.metrics.counter("amic_link_attachment_received_bytes_total",
                                            "Bytes of attachments fetched from a peer.",
                                            {{"peer", link.id().str()}})) {}

bool AttachmentPull::on_worker(std::function<void()> work) {
  auto token = activity_->enter();
  if (!token) return false;
  return parts_.workers.try_post([token = std::move(token), work = std::move(work)] { work(); });
}

// Nothing is under way; the next tick looks again.
void AttachmentPull::rest() {
  std::lock_guard const lock(mutex_);
  active_ = false;
}

void AttachmentPull::tick() {
  bool const linked = link_.linked();
  bool came_back = false;
  {
    std::lock_guard const lock(mutex_);
    came_back = linked && !was_linked_;
    was_linked_ = linked;
    if (!linked || active_) return;
    active_ = true;
  }
  auto const work = [this, came_back] {
    if (came_back) parts_.attachments->retry(link_.id());
    look();
  };
  if (!on_worker(work)) rest();
}

// On a worker.
void AttachmentPull::look() {
  auto const want = parts_.attachments->next_wanted(link_.id());
  if (!want)
    obs::log(obs::Level::kError, "link.attachments",
             {{"peer", link_.id().str()}, {"error", want.error().text()}});
  if (!want || !*want) return rest();
  auto const& [id, root, plan, next] = **want;
  if (next == plan.count()) return settle(id);
  {
    std::lock_guard const lock(mutex_);
    want_ = *want;
    window_ = ChunkWindow(plan, next, std::min(plan.count(), next + kChunksPerTurn));
    error_.reset();
  }
  advance();
}

// On a worker: a few chunks, then others have their turn there.
void AttachmentPull::settle(EnvelopeId id) {
  auto const whole = parts_.attachments->settle(id);
  if (!whole) parts_.attachments->postpone(id, whole.error());
  bool const more = whole && !*whole;
  if (!on_worker([this, id, more] { more ? settle(id) : look(); })) rest();
}

// Does what can be done now. Any thread.
void AttachmentPull::advance() {
  for (;;) {
    Todo next = todo();
    if (next.whole) {
      auto const whole = std::make_shared<ChunkWindow::Whole>(std::move(*next.whole));
      if (on_worker([this, whole] { keep(std::move(*whole)); })) continue;
      std::lock_guard const lock(mutex_);
      keeping_ = false;
      error_ = Error{Code::kOverloaded, "link.workers", "no worker free"};
    } else if (next.piece) {
      send(*next.piece, next.sent, next.timeout_ms);
    } else if (next.ended) {
      return end_turn(*next.ended, std::move(next.error));
    } else {
      return;
    }
  }
}

AttachmentPull::Todo AttachmentPull::todo() {
  Todo out;
  std::lock_guard const lock(mutex_);
  if (!want_) return out;
  if (!error_ && !keeping_) out.whole = window_.pop();
  if (out.whole) {
    keeping_ = true;
    return out;
  }
  if ((error_ || window_.done()) && in_flight_ == 0 && !keeping_) {
    out.ended = *std::exchange(want_, std::nullopt);
    out.error = std::exchange(error_, std::nullopt);
    window_ = ChunkWindow();
    return out;
  }
  if (error_) return out;
  out.piece = next_piece();
  if (!out.piece) return out;
  ++in_flight_;
  auto const bytes = out.piece->size + kRequestOverheadBytes;
  bool const limited = window_.has_more() && (in_flight_ >= kPiecesMax ||
                                              pacer_.in_flight() + 2 * bytes > pacer_.window());
  out.sent = pacer_.sent(bytes, net::Runtime::now_us(), limited);
  out.timeout_ms = pacer_.timeout_ms(options_.frame_timeout_ms);
  return out;
}

// With the lock held. Leaves to what is urgent what a batch in frames would leave to it.
std::optional<ChunkWindow::Piece> AttachmentPull::next_piece() {
  if (in_flight_ >= kPiecesMax || !window_.has_more()) return std::nullopt;
  auto const now = net::Runtime::now_us();
  auto const wait = std::max(paused_until_us_ - now, pacer_.early(now));
  if (wait > 0) {
    timer_ = parts_.runtime.after(wait / 1000 + 1, [this, activity = activity_] {
      if (auto const token = activity->enter()) advance();
    });
    return std::nullopt;
  }
  auto const size = std::min(pacer_.frame_bytes(), kPieceBytesMax);
  bool const fits = pacer_.in_flight() + size + kRequestOverheadBytes <= pacer_.window();
  if (in_flight_ > 0 && !fits) return std::nullopt;
  return window_.next(size);
}

void AttachmentPull::send(Piece const& piece, Pacer::Sent sent, std::int64_t timeout_ms) {
  net::Request request;
  {
    std::lock_guard const lock(mutex_);
    if (want_) request.target = encode_target({want_->root, piece.chunk, piece.offset, piece.size});
  }
  bool const asked = !request.target.empty() &&
                     link_.ask(std::move(request), timeout_ms, [this, piece, sent](Answer answer) {
                       on_answer(piece, sent, std::move(answer));
                     });
  if (asked) return;
  std::lock_guard const lock(mutex_);
  --in_flight_;
  pacer_.lost(sent);
  error_ = Error{Code::kUnavailable, "link", "closing"};
}

void AttachmentPull::on_answer(Piece const& piece, Pacer::Sent sent, Answer answer) {
  {
    std::lock_guard const lock(mutex_);
    --in_flight_;
    if (!answer) {
      pacer_.lost(sent);
      pacer_.restart();
      if (!error_) error_ = answer.error();
    } else {
      take(piece, *answer, sent);
    }
  }
  advance();
}

// With the lock held.
void AttachmentPull::take(Piece const& piece, net::Response const& answer, Pacer::Sent sent) {
  if (answer.status == 429) {
    pacer_.lost(sent);
    std::int64_t seconds = 1;
    auto const text = answer.header("retry-after");
    std::from_chars(text.data(), text.data() + text.size(), seconds);
    window_.lost(piece);
    return pause(std::clamp<std::int64_t>(seconds * 1000, kBusyMs, kPieceWaitMaxMs));
  }
  if (answer.status != 200 || answer.header("content-type") != kPieceType) {
    pacer_.lost(sent);
    if (!error_) error_ = error_of_answer(answer.status, answer.body);
    return;
  }
  auto const got = decode_piece(as_bytes(answer.body));
  if (got && got->wait_ms != 0) {
    pacer_.lost(sent);
    window_.lost(piece);
    return pause(got->wait_ms);
  }
  bool const mine = got && got->chunk == piece.chunk && got->offset == piece.offset;
  if (!mine || !window_.take(piece, got->data, got->proof)) {
    pacer_.lost(sent);
    if (!error_) error_ = Error{Code::kRejected, "link.attachment", "not what was asked for"};
    return;
  }
  received_bytes_.add(got->data.size());
  // The peer may have given less than was asked for.
  pacer_.shrink(sent, got->data.size() + kRequestOverheadBytes);
  pacer_.answered(sent, net::Runtime::now_us());
}

void AttachmentPull::pause(std::int64_t ms) {
  paused_until_us_ = std::max(paused_until_us_, net::Runtime::now_us() + ms * 1000);
}

// On a worker.
void AttachmentPull::keep(ChunkWindow::Whole whole) {
  EnvelopeId id;
  {
    std::lock_guard const lock(mutex_);
    if (want_) id = want_->id;
  }
  auto kept = parts_.attachments->keep(id, whole.index, whole.bytes, whole.proof);
  {
    std::lock_guard const lock(mutex_);
    keeping_ = false;
    if (!kept && !error_) error_ = std::move(kept).error();
  }
  advance();
}

void AttachmentPull::end_turn(exchange::Attachments::Want want, std::optional<Error> error) {
  bool const absent = error && peer_is_absent(*error);
  auto const work = [this, id = want.id, error, absent] {
    if (error) parts_.attachments->postpone(id, *error);
    absent ? rest() : look();
  };
  if (!on_worker(work)) rest();
}

}  // namespace amic::link
