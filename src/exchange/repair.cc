// The repair: audit, salvage, what to ask for, and what is left in the end.
#include "exchange/repair.h"

#include <algorithm>

#include "base/limits.h"
#include "codec/codec.h"
#include "obs/log.h"

namespace amic::exchange {

namespace {

constexpr std::size_t kAuditBytes = 4 << 20;
constexpr std::uint64_t kRowsAStep = 8192;
constexpr std::size_t kRowsAppended = 500;
constexpr char kDamagedKey[] = "damaged";
constexpr std::uint16_t kVersion = 1;

Hash leaf_of(store::RecordKind kind, Hash const& digest) {
  return merkle::leaf_hash(tlog::log_entry(kind, digest));
}

}  // namespace

std::string_view phase_name(RepairPhase phase) {
  constexpr std::string_view kNames[] = {"idle",   "auditing",  "salvaging", "reading",
                                         "asking", "finishing", "done",      "failed"};
  return kNames[static_cast<std::size_t>(phase)];
}

Repair::Repair(Parts parts) : parts_(std::move(parts)) {}

Result<std::unique_ptr<Repair>> Repair::open(Parts parts) {
  std::unique_ptr<Repair> out(new Repair(std::move(parts)));
  AMIC_TRY_VOID(out->load());
  return out;
}

Result<void> Repair::load() {
  AMIC_TRY(auto const bytes, parts_.store.kv_get(kRepairSpace, kDamagedKey));
  if (!bytes) return {};
  codec::Reader in(*bytes, "repair.damaged");
  if (in.u16() != kVersion) return fail(Code::kUnsupported, "repair.damaged", "another version");
  audited_ms_ = in.i64();
  std::size_t const count = in.u32();
  for (std::size_t i = 0; i < count && in.ok(); ++i) damaged_.insert(in.u64());
  AMIC_TRY_VOID(in.finish());
  known_ = damaged_.size();
  return {};
}

// From here on this node's fingerprints leave out what is open.
Result<void> Repair::keep_damage() {
  std::set<std::uint64_t> damaged;
  for (auto const& [seq, finding] : open_)
    if (finding.flaw != store::Flaw::kId) damaged.insert(seq);
  codec::Writer out;
  out.u16(kVersion).i64(audited_ms_).u32(static_cast<std::uint32_t>(damaged.size()));
  for (std::uint64_t const seq : damaged) out.u64(seq);
  known_ = damaged.size();
  {
    std::lock_guard const trees(trees_mutex_);
    std::lock_guard const lock(damage_mutex_);
    damaged_ = std::move(damaged);
    trees_.clear();
  }
  std::vector<store::Append> units(1);
  units.front().kv.push_back({kRepairSpace, kDamagedKey, out.take()});
  AMIC_TRY_VOID(parts_.log.append(std::move(units)));
  return {};
}

// ---- Driving ----------------------------------------------------------------------------------

RepairState Repair::state() const {
  std::lock_guard const lock(state_mutex_);
  return state_;
}

void Repair::set_phase(RepairPhase phase) {
  std::lock_guard const lock(state_mutex_);
  state_.phase = phase;
}

Result<void> Repair::start() {
  std::lock_guard const lock(state_mutex_);
  auto const now = state_.phase;
  if (now != RepairPhase::kIdle && now != RepairPhase::kDone && now != RepairPhase::kFailed)
    return fail(Code::kConflict, "repair", "one is under way");
  state_ = {};
  state_.phase = RepairPhase::kAuditing;
  state_.started_ms = parts_.clock.now_ms();
  audit_ = std::make_unique<tlog::Audit>(parts_.store, parts_.log);
  state_.records = audit_->of();
  pages_checked_ = false;
  open_.clear();
  closed_.clear();
  by_leaf_.clear();
  tasks_.clear();
  task_ = 0;
  return {};
}

void Repair::cancel() {
  auto const now = state().phase;
  if (now == RepairPhase::kIdle || now == RepairPhase::kDone || now == RepairPhase::kFailed) return;
  end(Error{Code::kUnavailable, "repair", "was given up"});
}

void Repair::end(std::optional<Error> error) {
  audit_.reset();
  by_leaf_.clear();
  tasks_.clear();
  std::lock_guard const lock(state_mutex_);
  state_.phase = error ? RepairPhase::kFailed : RepairPhase::kDone;
  state_.ended_ms = parts_.clock.now_ms();
  state_.error = std::move(error);
  obs::log(state_.error || state_.remaining != 0 ? obs::Level::kError : obs::Level::kInfo,
           "exchange.repair",
           {{"found", state_.found},
            {"mended", state_.mended},
            {"restored", state_.restored},
            {"remaining", state_.remaining},
            {"error", state_.error ? state_.error->text() : std::string()}});
}

Repair::Step Repair::step() {
  Step out;
  auto const more = work(out);
  if (!more) end(more.error());
  out.done = !more || !*more;
  return out;
}

Result<bool> Repair::work(Step& out) {
  switch (state().phase) {
    case RepairPhase::kAuditing:
      AMIC_TRY_VOID(audit());
      return true;
    case RepairPhase::kSalvaging:
      AMIC_TRY_VOID(salvage());
      return true;
    case RepairPhase::kReading:
      AMIC_TRY_VOID(read_lane());
      return true;
    case RepairPhase::kAsking: {
      AMIC_TRY(out.ask, next_ask());
      if (!out.ask) set_phase(RepairPhase::kFinishing);
      out.pause = out.ask && tasks_[task_].tries > 0;
      return true;
    }
    case RepairPhase::kFinishing:
      AMIC_TRY_VOID(finish());
      return false;
    default:
      return false;
  }
}

// ---- Finding ----------------------------------------------------------------------------------

Result<void> Repair::audit() {
  AMIC_TRY(bool const more, audit_->step(kAuditBytes));
  {
    std::lock_guard const lock(state_mutex_);
    state_.audited = audit_->done();
    state_.audited_bytes = audit_->bytes();
  }
  if (more) return {};
  bool broken = audit_->pages_broken();
  if (!std::exchange(pages_checked_, true)) {
    // Damage to what is not records: positions, what lanes held, the tree.
    auto const pages = parts_.store.check_pages();
    if (!pages && pages.error().code != Code::kCorrupt && pages.error().code != Code::kIo)
      return fail(pages.error());
    broken = broken || !pages;
  } else if (broken) {
    return fail(Code::kCorrupt, "repair", "the file of the log is damaged again");
  }
  if (!broken) return after_audit();
  set_phase(RepairPhase::kSalvaging);
  return {};
}

Result<void> Repair::salvage() {
  AMIC_TRY(auto salvaged, parts_.store.salvage());
  audit_ = std::make_unique<tlog::Audit>(parts_.store, parts_.log);
  std::lock_guard const lock(state_mutex_);
  state_.salvaged = std::move(salvaged);
  state_.phase = RepairPhase::kAuditing;
  state_.audited = state_.audited_bytes = 0;
  return {};
}

Result<void> Repair::after_audit() {
  audited_ms_ = parts_.clock.now_ms();
  for (auto const& finding : audit_->findings()) open_.emplace(finding.seq, finding);
  {
    std::lock_guard const lock(state_mutex_);
    state_.found = open_.size() + audit_->more();
    if (audit_->more() != 0)
      state_.problems.push_back("more than " + std::to_string(limits::kDamagedMax) +
                                " records are damaged: run the repair again, or restore a backup");
  }
  AMIC_TRY_VOID(mend_here());
  AMIC_TRY_VOID(keep_damage());
  for (auto const& [seq, finding] : open_) {
    if (finding.leaf)
      by_leaf_.emplace(*finding.leaf, seq);
    else if (finding.row)
      by_leaf_.emplace(leaf_of(finding.row->kind, finding.row->digest), seq);
  }
  AMIC_TRY_VOID(plan());
  set_phase(RepairPhase::kReading);
  return {};
}

// What needs nobody: ids from the records themselves, notes of erasure, and what this node can make
// itself.
Result<void> Repair::mend_here() {
  for (auto at = open_.begin(); at != open_.end();) {
    auto const& [seq, finding] = *at;
    std::optional<store::Record> record;
    if (finding.flaw == store::Flaw::kId) {
      auto read = parts_.store.log_read(seq, 1, limits::kBodyBytesMax);
      if (read && !read->empty()) record = std::move(read->front());
    } else if (finding.flaw == store::Flaw::kErased && finding.row) {
      record = finding.row;
      record->shredded = true;
      record->at_ms = parts_.clock.now_ms();
    } else if (finding.flaw != store::Flaw::kErased) {
      for (store::Record const& own : parts_.own)
        if (finding.leaf == leaf_of(own.kind, own.digest)) record = own;
    }
    if (record) record->seq = seq;
    auto const done = record ? parts_.log.put_back({*record}) : fail(Code::kNotFound, "repair");
    if (!done || done->records == 0) {
      ++at;
      continue;
    }
    std::lock_guard const lock(state_mutex_);
    ++state_.mended;
    state_.index_stale = state_.index_stale || done->index_stale;
    closed_.insert(open_.extract(at++));
  }
  return {};
}

// Each lane that has numbers, both ways.
Result<void> Repair::plan() {
  for (MemberId const& peer : parts_.exchange.community().head.roster()) {
    if (peer == parts_.exchange.self()) continue;
    PeerTask task;
    task.peer = task.report.peer = peer;
    AMIC_TRY(auto const sent, parts_.exchange.out_positions(peer));
    for (std::uint8_t lane = 0; lane < kLaneCount; ++lane) {
      AMIC_TRY(auto const bytes, parts_.exchange.current_receipt(peer, lane));
      AMIC_TRY(auto const receipt, decode_receipt(bytes));
      for (bool const ours : {false, true}) {
        LaneTask one;
        one.lane = lane;
        one.ours = ours;
        one.upto_n = ours ? sent[lane].n : receipt.n;
        one.chain = ours ? sent[lane].chain : receipt.chain;
        if (one.upto_n != 0 && one.upto_n <= kRangeNumberMax) task.lanes.push_back(std::move(one));
      }
    }
    if (!task.lanes.empty()) tasks_.push_back(std::move(task));
  }
  return {};
}

// Reads a lane as it ought to be, and notes which of its numbers are damaged.
RangeReader Repair::expected(PeerTask const& task, LaneTask& lane) {
  return [this, peer = task.peer, &lane](std::uint64_t first_n,
                                         std::uint64_t last_n) -> Result<std::vector<RangeEntry>> {
    std::size_t const count = last_n - first_n + 1;
    AMIC_TRY(auto const rows, lane.ours
                                  ? parts_.store.sent(peer, lane.lane, first_n - 1, count)
                                  : parts_.store.received(peer, lane.lane, first_n - 1, count));
    std::vector<RangeEntry> out;
    for (store::LaneRow const& row : rows) {
      if (row.n > last_n) break;
      out.push_back({row.n, row.digest});
      if (row.n <= lane.seen_n) continue;
      if (row.seq != 0 && open_.contains(row.seq) && lane.wants.size() < limits::kDamagedMax)
        lane.wants.push_back({row.n, row.seq, row.digest});
    }
    lane.seen_n = std::max(lane.seen_n, last_n);
    return out;
  };
}

Result<void> Repair::read_lane() {
  if (task_ == tasks_.size()) {
    task_ = 0;
    set_phase(RepairPhase::kAsking);
    return {};
  }
  PeerTask& task = tasks_[task_];
  if (task.at == task.lanes.size()) {
    task.at = 0;
    ++task_;
    return {};
  }
  LaneTask& lane = task.lanes[task.at];
  auto const read = expected(task, lane);
  AMIC_TRY(bool const all, lane.tree.extend(lane.upto_n, kRowsAStep, read));
  if (!all) return {};
  if (lane.seen_n < lane.upto_n) {
    AMIC_TRY(auto const tail, read(lane.seen_n + 1, lane.upto_n));
    static_cast<void>(tail);  // for what it notes
  }
  lane.level = range_top(lane.upto_n);
  lane.blocks = {0};
  ++task.at;
  return {};
}

// ---- The end ----------------------------------------------------------------------------------

Result<void> Repair::finish() {
  for (PeerTask const& task : tasks_) {
    for (LaneTask const& lane : task.lanes) AMIC_TRY_VOID(adopt(task, lane));
    std::lock_guard const lock(state_mutex_);
    state_.peers.push_back(task.report);
  }
  if (!audit_->tiles_whole()) {
    auto const mended = parts_.log.mend_tiles();
    std::lock_guard const lock(state_mutex_);
    if (mended)
      state_.tiles = *mended;
    else
      state_.problems.push_back("the tree of the log: " + mended.error().text());
  }
  AMIC_TRY_VOID(check_again());
  AMIC_TRY_VOID(keep_damage());
  end(std::nullopt);
  return {};
}

// Whether the lane's numbers, with those of `others` in place of ours, lead to the chain value that
// was signed for the last one.
Result<bool> Repair::chain_holds(MemberId const& peer, LaneTask const& lane,
                                 std::map<std::uint64_t, Hash> const& others) const {
  Hash chain{};
  std::uint64_t n = 0;
  auto other = others.begin();
  while (n < lane.upto_n) {
    AMIC_TRY(auto const rows, lane.ours ? parts_.store.sent(peer, lane.lane, n, kRowsAStep)
                                        : parts_.store.received(peer, lane.lane, n, kRowsAStep));
    auto row = rows.begin();
    std::uint64_t const until = rows.empty() ? lane.upto_n : std::min(rows.back().n, lane.upto_n);
    while (n < until) {
      while (row != rows.end() && row->n <= n) ++row;
      while (other != others.end() && other->first <= n) ++other;
      bool const theirs = other != others.end() && other->first == n + 1;
      if (!theirs && (row == rows.end() || row->n != n + 1)) return false;
      chain = chain_next(chain, theirs ? other->second : row->digest);
      ++n;
    }
  }
  return chain == lane.chain;
}

Result<std::unordered_map<Hash, std::uint64_t>> Repair::records_of(
    std::set<Hash> const& digests) const {
  std::unordered_map<Hash, std::uint64_t> out;
  for (std::uint64_t seq = 1, size = parts_.log.size(); seq <= size;) {
    auto page = parts_.store.log_digests(seq, kRowsAStep, nullptr);
    if (!page) page = parts_.store.log_digests(seq, 1, nullptr);  // one of them is missing
    for (std::size_t i = 0; page && i < page->size(); ++i)
      if (digests.contains((*page)[i])) out.emplace((*page)[i], seq + i);
    seq += page && !page->empty() ? page->size() : 1;
  }
  return out;
}

// Takes over what a lane's numbers stood for, if the signed chain proves it.
Result<void> Repair::adopt(PeerTask const& task, LaneTask const& lane) {
  std::map<std::uint64_t, Hash> others;
  std::set<Hash> digests;
  for (auto const& [n, digest] : lane.theirs) {
    if (digest.is_zero()) continue;
    others.emplace(n, digest);
    digests.insert(digest);
  }
  if (others.empty()) return {};
  AMIC_TRY(bool const proven, chain_holds(task.peer, lane, others));
  if (!proven) {
    std::lock_guard const lock(state_mutex_);
    state_.problems.push_back("what " + task.peer.str() + " says of " +
                              std::to_string(others.size()) +
                              " numbers does not lead to the chain that was signed");
    return {};
  }
  AMIC_TRY(auto const records, records_of(digests));
  store::Append unit;
  auto const flush = [&]() -> Result<void> {
    if (unit.sent.empty() && unit.received.empty()) return {};
    std::vector<store::Append> units;
    units.push_back(std::exchange(unit, {}));
    AMIC_TRY_VOID(parts_.log.append(std::move(units)));
    return {};
  };
  for (auto const& [n, digest] : others) {
    auto const found = records.find(digest);
    auto const lost = by_leaf_.find(leaf_of(
        lane.ours ? store::RecordKind::kEnvelopeOut : store::RecordKind::kEnvelopeIn, digest));
    std::uint64_t const seq = found != records.end()   ? found->second
                              : lost != by_leaf_.end() ? lost->second
                                                       : 0;
    if (!lane.ours) {
      unit.received.push_back({task.peer, lane.lane, n, {}, seq, digest});
    } else {
      store::Append::Sent row{task.peer, lane.lane, n, {}, seq, digest, 0, 0, true};
      auto const record = parts_.store.log_read(seq, seq == 0 ? 0 : 1, limits::kEnvelopeBytesMax);
      if (record && !record->empty()) {
        row.bytes = static_cast<std::uint32_t>(record->front().bytes.size());
        row.queued_ms = record->front().at_ms;
      }
      unit.sent.push_back(row);
    }
    if (unit.sent.size() + unit.received.size() >= kRowsAppended) AMIC_TRY_VOID(flush());
  }
  AMIC_TRY_VOID(flush());
  std::lock_guard const lock(state_mutex_);
  state_.lane_rows += others.size();
  return {};
}

std::string Repair::why_not(tlog::Audit::Finding const& finding) const {
  if (finding.flaw == store::Flaw::kErased) return "erased; the note of that is lost";
  if (finding.row && finding.row->kind == store::RecordKind::kGovernance)
    return "not among what this node can make itself";
  std::string where;
  for (PeerTask const& task : tasks_)
    for (LaneTask const& lane : task.lanes)
      for (Want const& want : lane.wants)
        if (want.seq == finding.seq) {
          auto const theirs = lane.theirs.find(want.n);
          bool const lacks = theirs != lane.theirs.end() && theirs->second.is_zero();
          where += (where.empty() ? "" : "; ") + task.peer.str() + ": " +
                   (!task.report.problem.empty() ? task.report.problem
                    : lacks                      ? "damaged there too"
                                                 : "not held there");
        }
  return where.empty() ? "nobody else was sent it, or sent it here" : where;
}

// What a repair says is so only if it is read again.
Result<void> Repair::check_again() {
  for (auto at = closed_.begin(); at != closed_.end();) {
    AMIC_TRY(auto const seen, parts_.store.audit(at->first, at->first, 1));
    auto const* const row = seen.rows.empty() ? nullptr : &seen.rows.front();
    bool whole = row != nullptr && row->flaw == store::Flaw::kNone && row->record;
    if (whole && at->second.leaf)
      whole = *at->second.leaf == leaf_of(row->record->kind, row->record->digest);
    if (whole)
      at = closed_.erase(at);
    else
      open_.insert(closed_.extract(at++));
  }
  std::lock_guard const lock(state_mutex_);
  state_.remaining = open_.size() + (audit_ ? audit_->more() : 0);
  for (auto const& [seq, finding] : open_) {
    if (state_.remaining_first.size() == kRemainingListed) break;
    std::optional<Hash> digest;
    if (finding.row) digest = finding.row->digest;
    state_.remaining_first.push_back({seq, digest, why_not(finding)});
  }
  return {};
}

}  // namespace amic::exchange
