// The sending half of PeerLink: one batch of each lane on its way at a time.
#include "link/peer_link.h"
#include "obs/log.h"

namespace amic::link {

namespace {
constexpr unsigned kResyncsMax = 3;  // in a row; then the peer is treated as failing
}

// On a worker, one at a time. FLASH has a connection of its own, so it overtakes a routine batch
// that is under way; the exchange hands out lanes in order of urgency.
void PeerLink::pump() {
  for (;;) {
    {
      std::lock_guard const lock(mutex_);
      if (!linked_ || waiting_ || in_flight_ >= kLaneCount) {
        pumping_ = false;
        return;
      }
      pump_again_ = false;
    }
    auto batch = parts_.exchange.next_batch(id_);
    auto const lane = batch && *batch ? batch_lane(**batch) : Result<std::uint8_t>(0);
    if (!batch || !lane) {
      {
        std::lock_guard const lock(mutex_);
        pumping_ = false;
      }
      return failed(Failure::kRefusal, batch ? lane.error() : std::move(batch).error());
    }
    if (*batch) {
      send(*lane, **batch);
      continue;
    }
    std::lock_guard const lock(mutex_);
    if (pump_again_) continue;
    pumping_ = false;
    return;
  }
}

void PeerLink::send(std::uint8_t lane, Bytes const& batch) {
  {
    std::lock_guard const lock(mutex_);
    ++in_flight_;
  }
  net::Request request;
  request.method = "POST";
  request.target = kEnvelopesPath;
  request.headers = {{"content-type", std::string(kBatchType)}};
  request.body = std::string(as_text(batch));
  bytes_sent_.add(batch.size());
  // The answer is handled on a worker; if none is free, as if it had been lost: the same batch goes
  // out again later and the peer gives the same receipt.
  bool const sent =
      send_request(std::move(request), options_.request_timeout_ms, [this, lane](Answer answer) {
        auto const kept = std::make_shared<Answer>(std::move(answer));
        if (!on_worker([this, lane, kept] { on_answer(lane, std::move(*kept)); }))
          give_up(lane, Failure::kRefusal,
                  Error{Code::kOverloaded, "link.workers", "no worker free"});
      });
  if (!sent) finish(lane);
}

void PeerLink::on_answer(std::uint8_t lane, Answer answer) {
  if (!answer) return give_up(lane, Failure::kTransport, std::move(answer).error());
  bool const receipt = answer->header("content-type") == kReceiptType;
  if (answer->status == 200 && receipt) return on_receipt(lane, answer->body);
  if (answer->status == 409 && receipt) return resync(lane, answer->body);
  give_up(lane, Failure::kRefusal,
          answer->status == 200 ? Error{Code::kUnsupportedMedia, "peer", "not a receipt"}
                                : error_of_answer(answer->status, answer->body));
}

void PeerLink::on_receipt(std::uint8_t lane, std::string const& receipt) {
  auto token = activity_->enter();
  if (!token) return;
  // A receipt of another lane, however genuine, must not leave this one in flight for ever.
  auto const decoded = exchange::decode_receipt(as_bytes(receipt));
  if (!decoded || decoded->lane != lane)
    return give_up(lane, Failure::kRefusal,
                   Error{Code::kRejected, "link.receipt", "not a receipt of this lane"});
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
      --in_flight_;
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
  wake();
}

// The lane is free again, whatever became of its batch.
void PeerLink::finish(std::uint8_t lane) {
  parts_.exchange.batch_failed(id_, lane);
  std::lock_guard const lock(mutex_);
  --in_flight_;
}

void PeerLink::give_up(std::uint8_t lane, Failure kind, Error error) {
  finish(lane);
  failed(kind, std::move(error));
}

}  // namespace amic::link
