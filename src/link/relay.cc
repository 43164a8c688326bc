#include "link/relay.h"

#include <algorithm>

#include "base/limits.h"
#include "crypto/hash.h"
#include "net/target.h"
#include "obs/log.h"

namespace amic::link {

namespace {
constexpr std::int64_t kAskEveryMs = 2'000;
constexpr std::int64_t kNoRoomMs = 10'000;
constexpr std::int64_t kRefusedMs = 10 * 60 * 1000;
constexpr std::int64_t kLostMs = 5'000;
// A batch that a relay has signed for and the receiver has not: handed over again after this.
constexpr std::int64_t kAgainMs = 10 * 60 * 1000;
// Small, so that a slow line carries one in time and a FLASH never waits for much.
constexpr std::size_t kBatchBytes = 256 << 10;
constexpr std::uint64_t kAheadMax = 16 * limits::kBatchEnvelopesMax;  // of the receiver's receipt
}  // namespace

RelayLinks::RelayLinks(Parts const& parts, Options const& options, PeerLinks& links,
                       std::shared_ptr<Activity> activity)
    : parts_(parts),
      options_(options),
      links_(links),
      activity_(std::move(activity)),
      handed_total_(parts.metrics.counter("amic_relay_handed_total",
                                          "Batches of ours that a relay has signed for.")),
      delivered_total_(parts.metrics.counter("amic_relay_delivered_total",
                                             "Batches of others that this node has handed on.")),
      held_batches_(parts.metrics.gauge("amic_relay_held_batches",
                                        "Batches of others that this node carries.")),
      held_bytes_(parts.metrics.gauge("amic_relay_held_bytes",
                                      "Bytes of the batches that this node carries.")) {
  for (auto const& [peer, link] : links_) sending_[peer];
}

bool RelayLinks::on_worker(std::function<void()> work) {
  auto token = activity_->enter();
  if (!token) return false;
  return parts_.workers.try_post([token = std::move(token), work = std::move(work)] { work(); });
}

void RelayLinks::tick() {
  if (parts_.relay == nullptr) return;
  if (!options_.relays.empty())
    for (auto const& [peer, link] : links_) consider(peer);
  for (auto const& carried : parts_.relay->carried()) deliver(carried.to);
  measure();
}

void RelayLinks::sendable(MemberId const& to) {
  if (parts_.relay != nullptr && !options_.relays.empty()) consider(to);
}

std::optional<MemberId> RelayLinks::choose(MemberId const& to, Sending const& sending,
                                           UnixMs now_ms) const {
  for (auto const& relay : options_.relays) {
    if (relay == to) continue;
    auto const found = links_.find(relay);
    if (found == links_.end() || !found->second->linked()) continue;
    auto const held_back = sending.not_before.find(relay);
    if (held_back != sending.not_before.end() && held_back->second > now_ms) continue;
    return relay;
  }
  return std::nullopt;
}

// Whether `to` needs a relay, and which.
void RelayLinks::consider(MemberId const& to) {
  std::optional<MemberId> before, now;
  bool start = false;
  {
    std::lock_guard const lock(mutex_);
    auto& sending = sending_.at(to);
    auto const now_ms = parts_.clock.now_ms();
    before = sending.via;
    if (links_.at(to)->linked()) {
      sending.unlinked_since_ms = 0;
      sending.via.reset();
    } else if (sending.unlinked_since_ms == 0) {
      sending.unlinked_since_ms = now_ms;
    }
    bool const needed = sending.unlinked_since_ms != 0 &&
                        now_ms - sending.unlinked_since_ms >= options_.relay_after_ms;
    if (needed && !sending.busy) {
      sending.via = choose(to, sending, now_ms);
      // What one relay holds says nothing about another one.
      if (sending.via != before) sending.handed = {};
      sending.busy = start = sending.via.has_value();
    }
    now = sending.via;
  }
  if (now != before)
    obs::log(obs::Level::kInfo, now ? "link.relay_on" : "link.relay_off",
             {{"peer", to.str()}, {"relay", now ? now->str() : before->str()}});
  if (start) step(to);
}

// One thing after the other: receipts now and then, else the next batch.
void RelayLinks::step(MemberId const& to) {
  std::optional<MemberId> via;
  bool ask = false;
  {
    std::lock_guard const lock(mutex_);
    auto& sending = sending_.at(to);
    if (!sending.busy) return;
    via = sending.via;
    auto const now_ms = parts_.clock.now_ms();
    ask = now_ms - sending.asked_ms >= kAskEveryMs;
    if (ask) sending.asked_ms = now_ms;
  }
  if (!via) return end_step(to);
  auto const posted =
      on_worker([this, to, via = *via, ask] { ask ? ask_receipts(to, via) : hand_over(to, via); });
  if (!posted) end_step(to);
}

void RelayLinks::end_step(MemberId const& to) {
  std::lock_guard const lock(mutex_);
  sending_.at(to).busy = false;
}

// Another relay takes its place at the next tick.
void RelayLinks::leave(MemberId const& to, MemberId const& via, std::int64_t for_ms,
                       std::string reason) {
  obs::log(obs::Level::kDebug, "link.relay_left",
           {{"peer", to.str()}, {"relay", via.str()}, {"error", reason}});
  std::lock_guard const lock(mutex_);
  auto& sending = sending_.at(to);
  sending.not_before[via] = parts_.clock.now_ms() + for_ms;
  sending.busy = false;
}

// ---- Receipts ---------------------------------------------------------------------------------

void RelayLinks::ask_receipts(MemberId const& to, MemberId const& via) {
  auto const mark = parts_.exchange.position_mark(to);
  if (!mark) return end_step(to);
  net::Request request;
  request.target = std::string(kRelayReceiptsPath) + "?to=" + net::percent_encode(to.str());
  bool const sent = links_.at(via)->ask(
      std::move(request), options_.probe_timeout_ms, [this, to, mark = *mark](Answer answer) {
        auto const kept = std::make_shared<Answer>(std::move(answer));
        if (!on_worker([this, to, mark, kept] { on_receipts(to, mark, *kept); })) end_step(to);
      });
  if (!sent) end_step(to);
}

void RelayLinks::on_receipts(MemberId const& to, exchange::PositionMark const& mark,
                             Answer const& answer) {
  std::optional<MemberId> via;
  {
    std::lock_guard const lock(mutex_);
    via = sending_.at(to).via;
  }
  if (!via) return end_step(to);
  if (!answer) return leave(to, *via, kLostMs, answer.error().text());
  if (answer->status != 200)
    return leave(to, *via, answer->status >= 500 || answer->status == 429 ? kNoRoomMs : kRefusedMs,
                 error_of_answer(answer->status, answer->body).text());
  auto const taken = take_receipts(to, mark, *answer);
  if (!taken) return leave(to, *via, kRefusedMs, taken.error().text());
  hand_over(to, *via);
}

Result<void> RelayLinks::take_receipts(MemberId const& to, exchange::PositionMark const& mark,
                                       net::Response const& answer) {
  AMIC_TRY(auto const receipts, exchange::decode_receipts(as_bytes(answer.body)));
  AMIC_TRY(auto const positions, parts_.exchange.out_positions(to));
  bool const all_known = std::all_of(positions.begin(), positions.end(),
                                     [](exchange::OutPosition const& p) { return p.known; });
  // Only the receiver's present word says where its numbers stand.
  if (!all_known && receipts.size() == kLaneCount && answer.header("amic-fresh") == "true") {
    std::array<Bytes, kLaneCount> words;
    std::copy(receipts.begin(), receipts.end(), words.begin());
    return parts_.exchange.on_position(to, words, mark);
  }
  for (auto const& receipt : receipts) {
    auto const moved = parts_.exchange.late_receipt(to, receipt);
    // Another sequence than ours stops that lane, not the others; amic link list shows it.
    if (!moved && moved.error().code != Code::kConflict) return fail(moved.error());
  }
  return {};
}

// ---- Batches ----------------------------------------------------------------------------------

Result<std::optional<exchange::LaneBatch>> RelayLinks::next_batch(MemberId const& to,
                                                                  std::uint8_t& lane) {
  AMIC_TRY(auto const positions, parts_.exchange.out_positions(to));
  for (lane = 0; lane < kLaneCount; ++lane) {
    auto const& acked = positions[lane];
    if (!acked.known) continue;
    exchange::LanePosition after{acked.n, acked.chain};
    {
      std::lock_guard const lock(mutex_);
      auto& sending = sending_.at(to);
      auto& handed = sending.handed[lane];
      bool const stale = parts_.clock.now_ms() - sending.handed_ms[lane] > kAgainMs;
      if (handed.n > acked.n && stale) handed = {};
      if (handed.n > acked.n) after = handed;
    }
    if (after.n - acked.n >= kAheadMax) continue;
    AMIC_TRY(auto batch,
             exchange::next_lane_batch(parts_.relay->parts(), to, lane, after, kBatchBytes));
    if (batch) return batch;
  }
  return std::nullopt;
}

void RelayLinks::hand_over(MemberId const& to, MemberId const& via) {
  std::uint8_t lane = 0;
  auto batch = next_batch(to, lane);
  if (!batch) {
    obs::log(obs::Level::kWarn, "link.relay_failed",
             {{"peer", to.str()}, {"error", batch.error().text()}});
    return end_step(to);
  }
  if (!*batch) return end_step(to);
  post(to, via, lane, std::move(**batch));
}

void RelayLinks::post(MemberId const& to, MemberId const& via, std::uint8_t lane,
                      exchange::LaneBatch batch) {
  net::Request request;
  request.method = "POST";
  request.target = kRelayPath;
  request.headers = {{"content-type", std::string(kBatchType)}};
  request.body = std::string(as_text(batch.bytes));
  auto const kept_batch = std::make_shared<exchange::LaneBatch>(std::move(batch));
  bool const sent = links_.at(via)->ask(std::move(request), options_.request_timeout_ms,
                                        [this, to, via, lane, kept_batch](Answer answer) {
                                          auto const kept =
                                              std::make_shared<Answer>(std::move(answer));
                                          if (!on_worker([this, to, via, lane, kept_batch, kept] {
                                                on_note(to, via, lane, *kept_batch, *kept);
                                              }))
                                            end_step(to);
                                        });
  if (!sent) end_step(to);
}

Result<void> RelayLinks::check_note(MemberId const& to, MemberId const& via, std::uint8_t lane,
                                    exchange::LaneBatch const& batch, std::string_view body) const {
  AMIC_TRY(auto const note, exchange::decode_relay_note(as_bytes(body)));
  auto const& community = parts_.exchange.community();
  AMIC_TRY_VOID(exchange::verify_relay_note(note, community.head, community.id));
  if (note.relay != via || note.from != parts_.exchange.self() || note.to != to ||
      note.lane != lane || note.range.last_n != batch.end.n ||
      note.batch_sha256 != crypto::sha256(batch.bytes))
    return fail(Code::kRejected, "relay_note", "of another batch");
  return {};
}

void RelayLinks::on_note(MemberId const& to, MemberId const& via, std::uint8_t lane,
                         exchange::LaneBatch const& batch, Answer const& answer) {
  if (!answer) return leave(to, via, kLostMs, answer.error().text());
  if (answer->status != 202) {
    Error const error = error_of_answer(answer->status, answer->body);
    return leave(to, via, code_retryable(error.code) ? kNoRoomMs : kRefusedMs, error.text());
  }
  if (auto const good = check_note(to, via, lane, batch, answer->body); !good)
    return leave(to, via, kRefusedMs, good.error().text());
  handed_total_.add();
  {
    std::lock_guard const lock(mutex_);
    auto& sending = sending_.at(to);
    if (sending.via == via) {
      sending.handed[lane] = batch.end;
      sending.handed_ms[lane] = parts_.clock.now_ms();
    }
  }
  step(to);
}

void RelayLinks::fill(PeerStatus& out) const {
  if (parts_.relay == nullptr) return;
  for (auto& carried : parts_.relay->carried())
    if (carried.to == out.peer) out.carried.push_back(std::move(carried));
  std::lock_guard const lock(mutex_);
  auto const& sending = sending_.at(out.peer);
  out.via = sending.via;
  if (!sending.via) return;
  for (std::size_t lane = 0; lane < kLaneCount; ++lane)
    if (sending.handed[lane].n > out.lanes[lane].acked_n)
      out.relayed += sending.handed[lane].n - out.lanes[lane].acked_n;
}

}  // namespace amic::link
