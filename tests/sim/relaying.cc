#include "relaying.h"

#include <algorithm>

#include "codec/codec.h"
#include "crypto/hash.h"
#include "sim_node.h"
#include "witness.h"

namespace amic::sim {

using exchange::testing::must;

namespace {
// Everything takes a fraction of what it takes in src/link.
constexpr Micros kRelayAfter = 150 * kMs;
constexpr Micros kAskEvery = 80 * kMs;
constexpr Micros kNoRoom = 200 * kMs;
constexpr Micros kRefused = 2 * kSecond;
constexpr Micros kLost = 100 * kMs;
constexpr Micros kAgain = 5 * kSecond;
constexpr Micros kTimeout = 250 * kMs;
constexpr std::int64_t kPutOffMs = 200;
constexpr std::size_t kBatchBytes = 256 << 10;
}  // namespace

Relaying::Relaying(World& world, SimNode& node) : world_(world), node_(node) {
  for (auto const& other : world_.founders.members)
    if (other.card.member != node_.id()) sending_[other.card.member];
}

void Relaying::tick() {
  if (!world_.weather.relays) return;
  for (auto& [to, sending] : sending_) consider(to);
  for (auto const& carried : node_.relay().carried()) {
    if (world_.mutant == Mutant::kRelayLoops) pass_on(carried.to);
    deliver(carried.to);
  }
}

// ---- The sender -------------------------------------------------------------------------------

std::optional<MemberId> Relaying::choose(MemberId const& to, Sending const& sending) const {
  for (auto const& [relay, unused] : sending_) {
    if (relay == to || !node_.link(relay).linked()) continue;
    auto const held_back = sending.not_before.find(relay);
    if (held_back != sending.not_before.end() && held_back->second > world_.schedule.now())
      continue;
    return relay;
  }
  return std::nullopt;
}

void Relaying::consider(MemberId const& to) {
  auto& sending = sending_.at(to);
  if (node_.link(to).linked()) {
    sending.unlinked_since.reset();
    sending.via.reset();
    return;
  }
  Micros const now = world_.schedule.now();
  if (!sending.unlinked_since) sending.unlinked_since = now;
  if (now - *sending.unlinked_since < kRelayAfter || sending.busy) return;
  auto const before = sending.via;
  sending.via = choose(to, sending);
  if (sending.via != before) sending.handed = {};
  if (!sending.via) return;
  if (sending.via != before)
    world_.tell(node_.id(), "sends to " + to.str() + " through " + sending.via->str());
  sending.busy = true;
  step(to);
}

void Relaying::step(MemberId const& to) {
  auto& sending = sending_.at(to);
  if (!sending.via) {
    sending.busy = false;
    return;
  }
  Micros const now = world_.schedule.now();
  bool const ask = now - sending.asked_at >= kAskEvery;
  if (ask) sending.asked_at = now;
  ask ? ask_receipts(to, *sending.via) : hand_over(to, *sending.via);
}

void Relaying::leave(MemberId const& to, MemberId const& via, Micros delay,
                     std::string const& why) {
  world_.tell(node_.id(), "leaves the relay " + via.str() + " to " + to.str() + ": " + why);
  auto& sending = sending_.at(to);
  sending.not_before[via] = world_.schedule.now() + delay;
  sending.busy = false;
}

void Relaying::ask_receipts(MemberId const& to, MemberId const& via) {
  auto const mark = must(node_.exchange().position_mark(to));
  world_.network.request(node_, via, Ask::kRelayReceipts, to_bytes(to.str()), kTimeout,
                         [this, to, via, mark](std::optional<Answer> answer) {
                           if (!answer) return leave(to, via, kLost, "no answer");
                           if (answer->kind != Answer::Kind::kReceipts)
                             return leave(to, via,
                                          code_retryable(answer->code) ? kNoRoom : kRefused,
                                          std::string(code_name(answer->code)));
                           auto const taken = take_receipts(to, mark, *answer);
                           if (!taken) return leave(to, via, kRefused, taken.error().text());
                           hand_over(to, via);
                         });
}

Result<void> Relaying::take_receipts(MemberId const& to, exchange::PositionMark const& mark,
                                     Answer const& answer) {
  AMIC_TRY(auto const receipts, exchange::decode_receipts(answer.body));
  AMIC_TRY(auto const positions, node_.exchange().out_positions(to));
  bool const all_known = std::all_of(positions.begin(), positions.end(),
                                     [](exchange::OutPosition const& p) { return p.known; });
  if (!all_known && receipts.size() == kLaneCount && answer.fresh) {
    std::array<Bytes, kLaneCount> words;
    std::copy(receipts.begin(), receipts.end(), words.begin());
    return node_.exchange().on_position(to, words, mark);
  }
  for (auto const& receipt : receipts) {
    auto const moved = node_.exchange().late_receipt(to, receipt);
    if (!moved && moved.error().code != Code::kConflict) return fail(moved.error());
  }
  return {};
}

Result<std::optional<exchange::LaneBatch>> Relaying::next_batch(MemberId const& to,
                                                                std::uint8_t& lane) {
  AMIC_TRY(auto const positions, node_.exchange().out_positions(to));
  auto& sending = sending_.at(to);
  for (lane = 0; lane < kLaneCount; ++lane) {
    auto const& acked = positions[lane];
    if (!acked.known) continue;
    exchange::LanePosition after{acked.n, acked.chain};
    auto& handed = sending.handed[lane];
    bool const stale = world_.schedule.now() - sending.handed_at[lane] > kAgain;
    if (handed.n > acked.n && stale) handed = {};
    if (handed.n > acked.n) after = handed;
    AMIC_TRY(auto batch,
             exchange::next_lane_batch(node_.relay().parts(), to, lane, after, kBatchBytes));
    if (batch) return batch;
  }
  return std::nullopt;
}

void Relaying::hand_over(MemberId const& to, MemberId const& via) {
  std::uint8_t lane = 0;
  auto const batch = next_batch(to, lane);
  if (!batch || !*batch) {
    if (!batch && !node_.excused(batch.error()) && batch.error().code != Code::kConflict)
      throw Violation("relay: " + node_.id().str() + " makes no batch: " + batch.error().text());
    sending_.at(to).busy = false;
    return;
  }
  world_.tell(node_.id(), "hands " + via.str() + " lane " + std::to_string(lane) + " up to " +
                              std::to_string((*batch)->end.n) + " for " + to.str());
  auto const kept = std::make_shared<exchange::LaneBatch>(**batch);
  world_.network.request(node_, via, Ask::kRelay, kept->bytes, kTimeout,
                         [this, to, via, lane, kept](std::optional<Answer> answer) {
                           on_note(to, via, lane, *kept, answer);
                         });
}

void Relaying::on_note(MemberId const& to, MemberId const& via, std::uint8_t lane,
                       exchange::LaneBatch const& batch, std::optional<Answer> const& answer) {
  if (!answer) return leave(to, via, kLost, "no answer");
  if (answer->kind != Answer::Kind::kNote)
    return leave(to, via, code_retryable(answer->code) ? kNoRoom : kRefused,
                 std::string(code_name(answer->code)));
  auto const note = exchange::decode_relay_note(answer->body);
  auto const& community = node_.exchange().community();
  bool const good = note && exchange::verify_relay_note(*note, community.head, community.id) &&
                    note->relay == via && note->from == node_.id() && note->to == to &&
                    note->lane == lane && note->range.last_n == batch.end.n &&
                    note->batch_sha256 == crypto::sha256(batch.bytes);
  if (!good) return leave(to, via, kRefused, "a bad note");
  auto& sending = sending_.at(to);
  if (sending.via == via) {
    sending.handed[lane] = batch.end;
    sending.handed_at[lane] = world_.schedule.now();
  }
  step(to);
}

// ---- The relay --------------------------------------------------------------------------------

void Relaying::deliver(MemberId const& to) {
  if (!node_.link(to).linked()) return;
  auto const [at, fresh] = delivering_.try_emplace(to, false);
  if (!fresh) {
    at->second = true;
    return;
  }
  deliver_next(to);
}

void Relaying::deliver_next(MemberId const& to) {
  auto const next = node_.relay().next(to);
  if (!next || !*next) {
    if (!next && !node_.excused(next.error()))
      throw Violation("relay: " + node_.id().str() + " cannot hand on: " + next.error().text());
    bool const again = delivering_.at(to);
    delivering_.erase(to);
    if (again) deliver(to);
    return;
  }
  auto const& [batch, bytes] = **next;
  world_.tell(node_.id(), "hands on lane " + std::to_string(batch.lane) + " of " +
                              batch.from.str() + " to " + to.str());
  ++world_.relayed;
  world_.network.request(
      node_, to, Ask::kRelayed, bytes, kTimeout,
      [this, batch = batch](std::optional<Answer> answer) { on_delivered(batch, answer); });
}

void Relaying::on_delivered(exchange::CarriedBatch const& batch,
                            std::optional<Answer> const& answer) {
  if (!answer) {
    node_.relay().put_off(batch, kPutOffMs);
    delivering_.erase(batch.to);
    return;
  }
  bool const receipt =
      answer->kind == Answer::Kind::kReceipt || answer->kind == Answer::Kind::kGapReceipt;
  if (!receipt) {
    if (code_retryable(answer->code))
      node_.relay().put_off(batch, kPutOffMs);
    else
      node_.relay().drop(batch, {answer->code, "peer", ""});
    return deliver_next(batch.to);
  }
  node_.relay().answered(batch, answer->body, node_.guard1<Result<void>>([this, batch](auto kept) {
    if (!kept) node_.relay().put_off(batch, kPutOffMs);
    deliver_next(batch.to);
  }));
}

void Relaying::receipts(MemberId const& from, MemberId const& to,
                        std::function<void(Result<std::vector<Bytes>>, bool)> done) {
  if (!node_.link(to).linked()) return done(node_.relay().receipts(from, to), false);
  world_.network.request(
      node_, to, Ask::kRelayedReceipts, to_bytes(from.str()), kTimeout,
      [this, from, to, done](std::optional<Answer> answer) {
        auto const receipts = answer && answer->kind == Answer::Kind::kReceipts
                                  ? exchange::decode_receipts(answer->body)
                                  : Result<std::vector<Bytes>>(fail(Code::kUnavailable, "relay"));
        bool const good = receipts && node_.relay().keep_receipts(from, to, *receipts);
        if (good) return done(receipts, true);
        done(node_.relay().receipts(from, to), false);
      });
}

// A relay that would hand what it carries to another relay.
void Relaying::pass_on(MemberId const& to) {
  if (node_.link(to).linked()) return;
  auto const next = node_.relay().next(to);
  if (!next || !*next) return;
  for (auto const& [relay, unused] : sending_)
    if (relay != to && relay != (*next)->first.from && node_.link(relay).linked())
      return world_.network.request(node_, relay, Ask::kRelay, (*next)->second, kTimeout,
                                    [](std::optional<Answer>) {});
}

}  // namespace amic::sim
