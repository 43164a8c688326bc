// The sending half of PeerLink: one batch of each lane on its way at a time, in pieces on a slow
// line.
#include <charconv>

#include "link/peer_link.h"
#include "obs/log.h"

namespace amic::link {

namespace {
constexpr unsigned kResyncsMax = 3;  // in a row; then the peer is treated as failing
constexpr std::int64_t kRetryAfterMaxMs = 60'000;

std::int64_t retry_after_ms(net::Response const& answer) {
  std::string_view const text = answer.header("retry-after");
  std::int64_t seconds = 1;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return std::clamp<std::int64_t>(seconds * 1000, 1000, kRetryAfterMaxMs);
}
}  // namespace

// On a worker, one at a time.
void PeerLink::pump() {
  for (;;) {
    {
      std::lock_guard const lock(mutex_);
      if (!linked_ || waiting_) {
        pumping_ = false;
        return;
      }
      pump_again_ = false;
    }
    auto filled = fill_lanes();
    if (!filled) {
      {
        std::lock_guard const lock(mutex_);
        pumping_ = false;
      }
      return failed(Failure::kRefusal, std::move(filled).error());
    }
    send_pieces();
    std::lock_guard const lock(mutex_);
    if (pump_again_) continue;
    pumping_ = false;
    return;
  }
}

// Each lane that has something gets a batch, so that what goes next can be chosen among all.
Result<void> PeerLink::fill_lanes() {
  for (std::size_t i = 0; i < kLaneCount; ++i) {
    std::size_t bytes_max = 0;
    {
      std::lock_guard const lock(mutex_);
      bytes_max = outgoing_.pacer().batch_bytes();
    }
    AMIC_TRY(auto batch, parts_.exchange.next_batch(id_, bytes_max));
    if (!batch) return {};
    AMIC_TRY(auto const lane, batch_lane(*batch));
    std::lock_guard const lock(mutex_);
    outgoing_.start(lane, std::move(*batch));
  }
  return {};
}

void PeerLink::send_pieces() {
  for (;;) {
    std::optional<Piece> piece;
    {
      std::lock_guard const lock(mutex_);
      if (!linked_ || waiting_) return;
      SteadyUs const now = net::Runtime::now_us();
      piece = outgoing_.next(now);
      if (!piece) {
        SteadyUs const wait = outgoing_.wait(now);
        if (wait > 0)
          pace_timer_ = parts_.runtime.after(wait / 1000 + 1, [this, activity = activity_] {
            if (auto const token = activity->enter()) wake();
          });
        return;
      }
    }
    transmit(*piece);
  }
}

net::Request PeerLink::request_of(Piece const& piece) const {
  net::Request out;
  out.method = "POST";
  if (piece.whole) {
    out.target = kEnvelopesPath;
    out.headers = {{"content-type", std::string(kBatchType)}};
    out.body = std::string(as_text(*piece.batch));
    return out;
  }
  Frame frame;
  frame.lane = piece.lane;
  frame.transfer = piece.transfer;
  frame.total = static_cast<std::uint32_t>(piece.batch->size());
  frame.offset = piece.offset;
  frame.data = BytesView(*piece.batch).subspan(piece.offset, piece.size);
  out.target = kFramesPath;
  out.headers = {{"content-type", std::string(kFrameType)}};
  out.body = std::string(as_text(encode(frame)));
  return out;
}

void PeerLink::transmit(Piece const& piece) {
  auto way = Way::kBulk;
  std::int64_t timeout_ms = 0;
  {
    std::lock_guard const lock(mutex_);
    if (piece.lane == 0 && !std::exchange(urgent_piece_, true)) way = Way::kUrgent;
    bool const last = piece.offset + piece.size == piece.batch->size();
    timeout_ms = outgoing_.pacer().timeout_ms(last ? options_.request_timeout_ms
                                                   : options_.frame_timeout_ms);
  }
  if (!piece.whole) frames_sent_.add();
  bytes_sent_.add(piece.size);
  bool const sent =
      send_request(way, request_of(piece), timeout_ms, [this, piece, way](Answer answer) {
        if (way == Way::kUrgent) {
          std::lock_guard const lock(mutex_);
          urgent_piece_ = false;
        }
        on_piece(piece, std::move(answer));
      });
  if (sent) return;
  std::lock_guard const lock(mutex_);
  outgoing_.lost(piece.ticket);
}

// On a runtime thread. What needs the store goes to a worker; if none is free, as if the answer had
// been lost: the same bytes go out again later and the peer says the same.
void PeerLink::on_piece(Piece const& piece, Answer answer) {
  {
    std::lock_guard const lock(mutex_);
    if (answer) {
      outgoing_.answered(piece.ticket, net::Runtime::now_us());
    } else {
      outgoing_.lost(piece.ticket);
    }
    rate_.set(static_cast<double>(outgoing_.pacer().rate()));
  }
  if (answer && on_wanted(piece, *answer)) return;
  auto const kept = std::make_shared<Answer>(std::move(answer));
  if (on_worker([this, piece, kept] { on_answer(piece, std::move(*kept)); })) return;
  give_up(piece.lane, Failure::kRefusal,
          Error{Code::kOverloaded, "link.workers", "no worker free"});
}

// True if it was the answer to a frame that is not the end of its batch, and is dealt with.
bool PeerLink::on_wanted(Piece const& piece, net::Response const& answer) {
  if (piece.whole || (answer.status != 200 && answer.status != 409) ||
      answer.header("content-type") != kWantedType)
    return false;
  auto const wanted = decode_wanted(as_bytes(answer.body));
  bool good = wanted && wanted->transfer == piece.transfer;
  if (good) {
    std::lock_guard const lock(mutex_);
    good = outgoing_.progress(piece, wanted->offset, answer.status == 200);
  }
  if (good) {
    succeeded();
    wake();
  } else {
    give_up(piece.lane, Failure::kRefusal,
            Error{Code::kRejected, "link.frame", "the peer makes no sense of what is sent"});
  }
  return true;
}

// On a worker.
void PeerLink::on_answer(Piece const& piece, Answer answer) {
  if (!answer) return on_lost(std::move(answer).error());
  {
    std::lock_guard const lock(mutex_);
    if (!outgoing_.holds(piece)) return;  // answered for, or given up, meanwhile
  }
  bool const receipt = answer->header("content-type") == kReceiptType;
  if (answer->status == 200 && receipt) return on_receipt(piece.lane, answer->body);
  if (answer->status == 409 && receipt) return resync(piece.lane, answer->body);
  if (answer->status == 429) return put_off(piece, *answer);
  give_up(piece.lane, Failure::kRefusal,
          answer->status == 200 ? Error{Code::kUnsupportedMedia, "peer", "not a receipt"}
                                : error_of_answer(answer->status, answer->body));
}

// A batch of which something has arrived is kept, and goes on where it stopped.
void PeerLink::on_lost(Error error) {
  std::vector<std::uint8_t> given_back;
  {
    std::lock_guard const lock(mutex_);
    given_back = outgoing_.drop_unstarted();
  }
  for (auto const lane : given_back) parts_.exchange.batch_failed(id_, lane);
  failed(Failure::kTransport, std::move(error));
}

// The peer has had enough for now: no failure, only a pause.
void PeerLink::put_off(Piece const& piece, net::Response const& answer) {
  std::int64_t const delay_ms = retry_after_ms(answer);
  Error error = error_of_answer(answer.status, answer.body);
  obs::log(obs::Level::kInfo, "link.put_off",
           {{"peer", id_.str()}, {"error", error.text()}, {"retry_ms", delay_ms}});
  std::lock_guard const lock(mutex_);
  outgoing_.again(piece);
  last_failure_ = Failure::kRefusal;
  last_error_ = std::move(error);
  if (!waiting_) retry_after(delay_ms);
}

void PeerLink::on_receipt(std::uint8_t lane, std::string const& receipt) {
  auto token = activity_->enter();
  if (!token) return;
  // A receipt of another lane, however genuine, must not leave this one in flight for ever.
  auto const decoded = exchange::decode_receipt(as_bytes(receipt));
  if (!decoded || decoded->lane != lane)
    return give_up(lane, Failure::kRefusal,
                   Error{Code::kRejected, "link.receipt", "not a receipt of this lane"});
  {
    std::lock_guard const lock(mutex_);
    outgoing_.finish(lane);  // before the exchange hands out the next
  }
  // The committer's thread calls back when the receipt is durable.
  parts_.exchange.on_receipt(id_, as_bytes(receipt),
                             [this, lane, receipt, token = std::move(token)](Result<void> stored) {
                               on_receipt_stored(lane, receipt, std::move(stored));
                             });
}

void PeerLink::on_receipt_stored(std::uint8_t lane, std::string const& receipt,
                                 Result<void> stored) {
  if (stored) {
    batches_sent_.add();
    {
      std::lock_guard const lock(mutex_);
      resyncs_ = 0;
    }
    succeeded();
    return wake();
  }
  Code const code = stored.error().code;
  // The peer holds more than this batch (our note of an earlier receipt was lost), or less.
  if (code == Code::kConflict || code == Code::kGap) {
    auto const posted = on_worker([this, lane, receipt] { resync(lane, receipt); });
    if (posted) return;
  }
  give_up(lane, Failure::kRefusal, std::move(stored).error());
}

void PeerLink::resync(std::uint8_t lane, std::string const& receipt) {
  auto done = parts_.exchange.resync(id_, as_bytes(receipt));
  if (!done) return give_up(lane, Failure::kRefusal, std::move(done).error());
  bool too_often = false;
  {
    std::lock_guard const lock(mutex_);
    too_often = ++resyncs_ > kResyncsMax;
  }
  obs::log(obs::Level::kInfo, "link.resync",
           {{"peer", id_.str()}, {"lane", static_cast<unsigned>(lane)}});
  if (too_often)
    return give_up(lane, Failure::kRefusal, Error{Code::kGap, "link.resync", "again and again"});
  finish(lane);
  fetch_returned();
  wake();
}

// The lane is free again, whatever became of its batch.
void PeerLink::finish(std::uint8_t lane) {
  {
    std::lock_guard const lock(mutex_);
    outgoing_.finish(lane);
  }
  parts_.exchange.batch_failed(id_, lane);
}

void PeerLink::give_up(std::uint8_t lane, Failure kind, Error error) {
  finish(lane);
  if (error.code == Code::kUnknownEpoch) {  // it has to see a decision first: asked again then
    std::lock_guard const lock(mutex_);
    linked_ = false;
  }
  failed(kind, std::move(error));
}

}  // namespace amic::link
