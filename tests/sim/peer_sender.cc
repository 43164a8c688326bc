#include "peer_sender.h"

#include <algorithm>

#include "codec/codec.h"
#include "sim_node.h"
#include "witness.h"

namespace amic::sim {

namespace {
constexpr unsigned kResyncsMax = 3;
constexpr Micros kRequestTimeout = 250 * kMs;
constexpr Micros kBackoffMin = 20 * kMs;
constexpr Micros kBackoffMax = 800 * kMs;
constexpr Micros kProbeInterval = 500 * kMs;
}  // namespace

void PeerSender::post(std::function<void()> work) {
  world_.schedule.after(world_.dice.between(0, 200), node_.guard(std::move(work)));
}

// ---- Whether the peer is there ----------------------------------------------------------------

void PeerSender::probe() {
  if (probing_) return;
  probing_ = true;
  asked_at_ = exchange::testing::must(node_.exchange().position_mark(peer_));
  world_.network.request(node_, peer_, Ask::kStatus, {}, kRequestTimeout,
                         [this](std::optional<Answer> answer) { on_status(std::move(answer)); });
}

void PeerSender::on_status(std::optional<Answer> answer) {
  probing_ = false;
  if (!answer) return failed(Failure::kTransport, {Code::kTimeout, "link.status", ""});
  auto const taken = node_.exchange().on_position(peer_, answer->receipts, asked_at_);
  linked_ = taken.has_value();
  if (!taken) return failed(Failure::kRefusal, taken.error());
  succeeded();
  fetch_returned();
  wake();
}

// ---- After this node was restored: the steps of src/link/returning.cc --------------------------

void PeerSender::fetch_returned() {
  if (!linked_ || fetching_ || world_.mutant == Mutant::kNoReturn) return;
  auto const ask = exchange::testing::must(node_.exchange().next_return(peer_));
  if (!ask) return;
  fetching_ = true;
  world_.tell(node_.id(), "asks " + peer_.str() + " for what it had sent on lane " +
                              std::to_string(ask->lane) + " after " + std::to_string(ask->after_n));
  world_.network.request(
      node_, peer_, Ask::kReturned, codec::Writer().u8(ask->lane).u64(ask->after_n).take(),
      kRequestTimeout, [this, lane = ask->lane](std::optional<Answer> answer) {
        post([this, lane, answer = std::move(answer)] { on_returned(lane, answer); });
      });
}

void PeerSender::on_returned(std::uint8_t lane, std::optional<Answer> answer) {
  if (!answer) return end_fetch(Error{Code::kTimeout, "link.returned", ""});
  auto const done = node_.guard1<Result<void>>([this](Result<void> stored) {
    if (!stored) return end_fetch(stored.error());
    succeeded();
    end_fetch(std::nullopt);
    post([this] { fetch_returned(); });
    wake();
  });
  if (answer->kind == Answer::Kind::kReturned)
    return node_.exchange().on_returned(peer_, lane, answer->body, done);
  if (answer->code == Code::kNotFound) return node_.exchange().on_not_returned(peer_, lane, done);
  end_fetch(Error{answer->code, "peer", ""});
}

void PeerSender::end_fetch(std::optional<Error> error) {
  fetching_ = false;
  if (!error) return;
  linked_ = false;
  failed(error->code == Code::kTimeout ? Failure::kTransport : Failure::kRefusal, *error);
}

void PeerSender::refresh() {
  bool const quiet = world_.schedule.now() - last_ok_ >= kProbeInterval;
  if (waiting_ || in_flight_ > 0 || (linked_ && !quiet)) return;
  probe();
}

void PeerSender::succeeded() {
  last_ok_ = world_.schedule.now();
  if (waiting_ && last_failure_ == Failure::kRefusal) return;
  failures_ = 0;
  waiting_ = false;
}

void PeerSender::failed(Failure kind, Error const& error) {
  last_failure_ = kind;
  if (kind == Failure::kTransport) linked_ = false;
  world_.tell(node_.id(), "link to " + peer_.str() + " failed: " + error.text());
  if (waiting_) return;
  waiting_ = true;
  ++failures_;
  Micros const full = std::min(kBackoffMax, kBackoffMin << std::min(failures_ - 1, 8U));
  Micros const delay = full - world_.dice.between(0, full / 2);
  world_.schedule.after(delay, node_.guard([this] { retry(); }));
}

void PeerSender::retry() {
  waiting_ = false;
  linked_ ? wake() : probe();
}

void PeerSender::wake() {
  if (pumping_) {
    pump_again_ = true;
    return;
  }
  if (!linked_ || waiting_) return;
  pumping_ = true;
  post([this] { pump(); });
}

// ---- Sending ----------------------------------------------------------------------------------

void PeerSender::pump() {
  for (;;) {
    if (!linked_ || waiting_ || in_flight_ >= kLaneCount) {
      pumping_ = false;
      return;
    }
    pump_again_ = false;
    auto batch = node_.exchange().next_batch(peer_);
    if (!batch) {
      pumping_ = false;
      return failed(Failure::kRefusal, batch.error());
    }
    if (*batch) {
      auto const decoded = exchange::testing::must(exchange::decode_batch(**batch));
      world_.witness->urgent_first(node_, peer_, decoded.lane, busy_);
      world_.tell(node_.id(), "sends " + peer_.str() + " lane " + std::to_string(decoded.lane) +
                                  " n " + std::to_string(decoded.first_n) + "+" +
                                  std::to_string(decoded.envelopes.size()));
      send(decoded.lane, std::move(**batch));
      continue;
    }
    if (pump_again_) continue;
    pumping_ = false;
    return;
  }
}

void PeerSender::send(std::uint8_t lane, Bytes batch) {
  ++in_flight_;
  std::uint64_t const serial = ++serial_;
  busy_[lane] = serial;
  world_.network.request(
      node_, peer_, Ask::kBatch, std::move(batch), kRequestTimeout,
      [this, lane, serial](std::optional<Answer> answer) {
        post([this, lane, serial, answer = std::move(answer)] { on_answer(lane, serial, answer); });
      });
}

void PeerSender::on_answer(std::uint8_t lane, std::uint64_t serial, std::optional<Answer> answer) {
  if (!answer)
    return give_up(lane, serial, Failure::kTransport, {Code::kTimeout, "link.batch", ""});
  if (answer->kind == Answer::Kind::kReceipt) return on_receipt(lane, serial, answer->body);
  if (answer->kind == Answer::Kind::kGapReceipt) return resync(lane, serial, answer->body);
  give_up(lane, serial, Failure::kRefusal, {answer->code, "peer", ""});
}

void PeerSender::on_receipt(std::uint8_t lane, std::uint64_t serial, Bytes receipt) {
  // A receipt of another lane would settle that one and leave this one's batch in flight for good.
  auto const decoded = exchange::decode_receipt(receipt);
  if (decoded && decoded->lane != lane)
    return give_up(lane, serial, Failure::kRefusal,
                   {Code::kRejected, "link.receipt", "of another lane"});
  node_.exchange().on_receipt(
      peer_, receipt,
      node_.guard1<Result<void>>([this, lane, serial, receipt](Result<void> stored) {
        on_receipt_stored(lane, serial, receipt, std::move(stored));
      }));
}

void PeerSender::on_receipt_stored(std::uint8_t lane, std::uint64_t serial, Bytes const& receipt,
                                   Result<void> stored) {
  if (stored) {
    resyncs_ = 0;
    --in_flight_;
    free_lane(lane, serial);
    succeeded();
    return wake();
  }
  Code const code = stored.error().code;
  if (code == Code::kConflict || code == Code::kGap)
    return post([this, lane, serial, receipt] { resync(lane, serial, receipt); });
  give_up(lane, serial, Failure::kRefusal, stored.error());
}

void PeerSender::resync(std::uint8_t lane, std::uint64_t serial, Bytes const& receipt) {
  auto const done = node_.exchange().resync(peer_, receipt);
  if (!done) return give_up(lane, serial, Failure::kRefusal, done.error());
  world_.tell(node_.id(), "resumes lane " + std::to_string(lane) + " to " + peer_.str());
  if (++resyncs_ > kResyncsMax)
    return give_up(lane, serial, Failure::kRefusal, {Code::kGap, "link.resync", "again and again"});
  finish(lane, serial);
  fetch_returned();
  wake();
}

void PeerSender::finish(std::uint8_t lane, std::uint64_t serial) {
  node_.exchange().batch_failed(peer_, lane);
  free_lane(lane, serial);
  --in_flight_;
}

void PeerSender::give_up(std::uint8_t lane, std::uint64_t serial, Failure kind,
                         Error const& error) {
  finish(lane, serial);
  failed(kind, error);
}

void PeerSender::free_lane(std::uint8_t lane, std::uint64_t serial) {
  if (busy_[lane] == serial) busy_[lane] = 0;
}

}  // namespace amic::sim
