#include "memory_log.h"

#include <algorithm>
#include <set>

#include "base/limits.h"
#include "codec/codec.h"
#include "crypto/hash.h"

namespace amic::sim {

using store::Append;
using store::Record;

Result<void> MemoryLog::check_unit(Append const& unit, std::set<EnvelopeId>& fresh,
                                   bool unique_ids) const {
  for (Record const& record : unit.records) {
    if (record.bytes.size() > limits::kBodyBytesMax)
      return fail(Code::kTooLarge, "append.record", "record is larger than a body may be");
    bool const known = by_id_.contains(record.id) || !fresh.insert(record.id).second;
    if (known && unique_ids)
      return fail(Code::kConflict, "append.record",
                  "already present: " + codec::to_hex(record.id.view()));
  }
  for (Append::Queue const& queue : unit.queue)
    if (queue.seq == 0 && queue.record >= unit.records.size())
      return fail(Code::kOutOfRange, "append.queue", "names a record that is not in its unit");
  for (Append::Received const& row : unit.received)
    if (row.n == 0 || (row.record && *row.record >= unit.records.size()))
      return fail(Code::kOutOfRange, "append.received");
  return {};
}

Result<std::uint64_t> MemoryLog::append(std::vector<Append> const& units, bool unique_ids) {
  std::set<EnvelopeId> fresh;
  for (Append const& unit : units) AMIC_TRY_VOID(check_unit(unit, fresh, unique_ids));
  std::uint64_t const first = size() + 1;
  // What names rows and records of before may be refused halfway: then all is put back.
  bool const sure = std::all_of(units.begin(), units.end(), [](Append const& unit) {
    return unit.requeue.empty() && unit.sent.empty() &&
           std::all_of(unit.queue.begin(), unit.queue.end(),
                       [](auto const& queue) { return queue.seq == 0; });
  });
  auto const undo = sure ? std::nullopt : std::optional(*this);
  for (Append const& unit : units) {
    auto taken = take(unit);
    if (taken) continue;
    if (undo) *this = *undo;
    return fail(std::move(taken).error());
  }
  return first;
}

Result<void> MemoryLog::take(Append const& unit) {
  std::uint64_t const first_seq = size() + 1;
  for (Record const& record : unit.records) {
    records_.push_back(record);
    records_.back().seq = size();
    by_id_.try_emplace(record.id, size());
  }
  for (auto const& move : unit.requeue) AMIC_TRY_VOID(requeue(move));
  AMIC_TRY_VOID(add_sent(unit, first_seq));
  AMIC_TRY_VOID(add_queue(unit, first_seq));
  add_received(unit, first_seq);
  for (store::Cursor const& cursor : unit.cursors) put_cursor(cursor);
  for (store::Quarantined const& entry : unit.quarantine) add_quarantine(entry);
  for (store::KvPut const& put : unit.kv) {
    if (put.value)
      kv_[put.space][put.key] = *put.value;
    else
      kv_[put.space].erase(put.key);
  }
  for (store::Tile const& tile : unit.tiles) tiles_[{tile.level, tile.index}] = tile.hashes;
  return {};
}

void MemoryLog::Lane::put(store::OutboxRow row, Hash const& digest) {
  last_n = std::max(last_n, row.n);
  if (row.n > acked_n) pending_bytes += row.bytes;
  rows[row.n] = {row, digest};
}

Result<void> MemoryLog::requeue(Append::Requeue const& move) {
  Lane& lane = lanes_[{move.peer, move.lane}];
  if (move.first_n == 0 || move.first_n <= lane.acked_n || move.behind_n < move.first_n - 1)
    return fail(Code::kOutOfRange, "append.requeue");
  auto const begin = lane.rows.lower_bound(move.first_n);
  std::vector<SentRow> moved;
  for (auto at = begin; at != lane.rows.end(); ++at) moved.push_back(at->second);
  lane.rows.erase(begin, lane.rows.end());
  lane.last_n = move.behind_n;
  for (SentRow& one : moved) {
    lane.pending_bytes -= one.row.bytes;
    one.row.n = lane.last_n + 1;
    lane.put(one.row, one.digest);
  }
  return {};
}

Result<void> MemoryLog::add_sent(Append const& unit, std::uint64_t first_seq) {
  for (Append::Sent const& sent : unit.sent) {
    if (sent.n == 0 || (sent.record && *sent.record >= unit.records.size()))
      return fail(Code::kOutOfRange, "append.sent");
    Lane& lane = lanes_[{sent.peer, sent.lane}];
    auto const there = lane.rows.find(sent.n);
    bool const other = there != lane.rows.end() && there->second.digest != sent.digest;
    if (other && (!sent.proven || sent.n > lane.acked_n))
      return fail(Code::kConflict, "append.sent", "another one has this number");
    if (there != lane.rows.end() && !other) continue;
    std::uint64_t const seq = sent.record ? first_seq + *sent.record : sent.seq;
    lane.put({sent.peer, sent.lane, sent.n, seq, sent.bytes, sent.queued_ms}, sent.digest);
  }
  return {};
}

Result<void> MemoryLog::add_queue(Append const& unit, std::uint64_t first_seq) {
  for (Append::Queue const& queue : unit.queue) {
    std::uint64_t const seq = queue.seq == 0 ? first_seq + queue.record : queue.seq;
    if (seq > size()) return fail(Code::kOutOfRange, "append.queue", "no such record");
    Record const& record = at(seq);
    Lane& lane = lanes_[{queue.peer, queue.lane}];
    lane.put({queue.peer, queue.lane, lane.last_n + 1, seq,
              static_cast<std::uint32_t>(record.bytes.size()), record.at_ms},
             record.digest);
  }
  return {};
}

void MemoryLog::add_received(Append const& unit, std::uint64_t first_seq) {
  for (Append::Received const& row : unit.received) {
    std::uint64_t const seq = row.record ? first_seq + *row.record : row.seq;
    received_[{row.peer, row.lane}][row.n] = {row.n, seq, row.digest, 0};
  }
}

void MemoryLog::put_cursor(store::Cursor const& cursor) {
  auto const [at, fresh] = cursors_.try_emplace({cursor.kind, cursor.peer, cursor.lane}, cursor);
  if (!fresh && cursor.n >= at->second.n) at->second = cursor;
  if (cursor.kind != store::CursorKind::kAcked) return;
  Lane& lane = lanes_[{cursor.peer, cursor.lane}];
  if (cursor.n <= lane.acked_n) return;
  auto const end = lane.rows.upper_bound(cursor.n);
  for (auto row = lane.rows.upper_bound(lane.acked_n); row != end; ++row)
    lane.pending_bytes -= row->second.row.bytes;
  lane.acked_n = cursor.n;
  lane.last_n = std::max(lane.last_n, cursor.n);
}

void MemoryLog::add_quarantine(store::Quarantined entry) {
  // What alone exceeds a peer's allowance is kept by digest and reason only.
  if (entry.bytes.size() > limits::kQuarantineBytesMax) entry.bytes.clear();
  entry.row = ++quarantine_row_;
  Held& held = quarantine_[entry.peer];
  held.bytes += entry.bytes.size();
  held.entries.push_back(std::move(entry));
  while (held.entries.size() > limits::kQuarantineEnvelopesMax ||
         held.bytes > limits::kQuarantineBytesMax) {
    held.bytes -= held.entries.front().bytes.size();
    held.entries.pop_front();
  }
}

std::vector<Record> MemoryLog::read(std::uint64_t from_seq, std::size_t count_max,
                                    std::size_t bytes_max) const {
  std::vector<Record> out;
  std::size_t bytes = 0;
  std::uint64_t const from = std::max<std::uint64_t>(from_seq, 1);
  for (std::uint64_t seq = from; seq <= size() && out.size() < count_max; ++seq) {
    bytes += at(seq).bytes.size();
    if (!out.empty() && bytes > bytes_max) break;
    out.push_back(at(seq));
  }
  return out;
}

std::vector<Hash> MemoryLog::digests(std::uint64_t from_seq, std::size_t count_max,
                                     std::vector<store::RecordKind>* kinds) const {
  std::vector<Hash> out;
  if (kinds != nullptr) kinds->clear();
  std::uint64_t const from = std::max<std::uint64_t>(from_seq, 1);
  for (std::uint64_t seq = from; seq <= size() && out.size() < count_max; ++seq) {
    out.push_back(at(seq).digest);
    if (kinds != nullptr) kinds->push_back(at(seq).kind);
  }
  return out;
}

std::optional<Record> MemoryLog::find(EnvelopeId const& id) const {
  auto const found = by_id_.find(id);
  if (found == by_id_.end()) return std::nullopt;
  return at(found->second);
}

std::vector<store::OutboxRow> MemoryLog::outbox(MemberId const& peer, std::uint8_t lane,
                                                std::uint64_t after_n,
                                                std::size_t count_max) const {
  std::vector<store::OutboxRow> out;
  auto const found = lanes_.find({peer, lane});
  if (found == lanes_.end()) return out;
  auto const& rows = found->second.rows;
  auto row = rows.upper_bound(std::max(after_n, found->second.acked_n));
  for (; row != rows.end() && out.size() < count_max; ++row) out.push_back(row->second.row);
  return out;
}

std::vector<store::LaneDepth> MemoryLog::lanes() const {
  std::vector<store::LaneDepth> out;
  for (auto const& [key, lane] : lanes_) {
    auto const oldest = lane.rows.upper_bound(lane.acked_n);
    out.push_back({key.first, key.second, lane.last_n, lane.acked_n, lane.pending_bytes,
                   oldest == lane.rows.end() ? 0 : oldest->second.row.queued_ms});
  }
  return out;
}

std::vector<store::LaneRow> MemoryLog::sent(MemberId const& peer, std::uint8_t lane,
                                            std::uint64_t after_n, std::size_t count_max) const {
  std::vector<store::LaneRow> out;
  auto const found = lanes_.find({peer, lane});
  if (found == lanes_.end()) return out;
  auto const& rows = found->second.rows;
  for (auto at = rows.upper_bound(after_n); at != rows.end() && out.size() < count_max; ++at) {
    auto const& [row, digest] = at->second;
    out.push_back({row.n, row.seq, digest, row.bytes});
  }
  return out;
}

std::vector<store::LaneRow> MemoryLog::received(MemberId const& peer, std::uint8_t lane,
                                                std::uint64_t after_n,
                                                std::size_t count_max) const {
  std::vector<store::LaneRow> out;
  auto const found = received_.find({peer, lane});
  if (found == received_.end()) return out;
  auto const& rows = found->second;
  for (auto at = rows.upper_bound(after_n); at != rows.end() && out.size() < count_max; ++at)
    out.push_back(at->second);
  return out;
}

std::vector<store::Cursor> MemoryLog::cursors() const {
  std::vector<store::Cursor> out;
  for (auto const& [key, cursor] : cursors_) out.push_back(cursor);
  return out;
}

std::vector<store::Quarantined> MemoryLog::quarantine(MemberId const& peer,
                                                      std::size_t count_max) const {
  std::vector<store::Quarantined> out;
  auto const found = quarantine_.find(peer);
  if (found == quarantine_.end()) return out;
  auto const& entries = found->second.entries;
  for (auto at = entries.rbegin(); at != entries.rend() && out.size() < count_max; ++at)
    out.push_back(*at);
  return out;
}

std::optional<Bytes> MemoryLog::kv_get(std::string const& space, std::string const& key) const {
  auto const rows = kv_.find(space);
  if (rows == kv_.end()) return std::nullopt;
  auto const row = rows->second.find(key);
  if (row == rows->second.end()) return std::nullopt;
  return row->second;
}

std::vector<std::pair<std::string, Bytes>> MemoryLog::kv_scan(std::string const& space,
                                                              std::string const& after_key,
                                                              std::size_t count_max) const {
  std::vector<std::pair<std::string, Bytes>> out;
  auto const rows = kv_.find(space);
  if (rows == kv_.end()) return out;
  // The empty key comes before "every key after the empty key": the first page includes it.
  auto row = after_key.empty() ? rows->second.begin() : rows->second.upper_bound(after_key);
  for (; row != rows->second.end() && out.size() < count_max; ++row) out.push_back(*row);
  return out;
}

std::optional<Bytes> MemoryLog::tile(std::uint8_t level, std::uint64_t index) const {
  auto const found = tiles_.find({level, index});
  if (found == tiles_.end()) return std::nullopt;
  return found->second;
}

void MemoryLog::put(Record record) {
  if (!record.shredded) shredded_.erase(record.seq);
  records_.at(record.seq - 1) = std::move(record);
}

bool MemoryLog::mentions(std::string_view text) const {
  auto const in = [&](std::string_view where) { return where.find(text) != where.npos; };
  for (Record const& record : records_)
    if (in(as_text(record.bytes))) return true;
  for (auto const& [space, rows] : kv_)
    for (auto const& [key, value] : rows)
      if (in(key) || in(as_text(value))) return true;
  for (auto const& [peer, held] : quarantine_)
    for (auto const& entry : held.entries)
      if (in(entry.reason) || in(as_text(entry.bytes))) return true;
  return false;
}

Result<void> MemoryLog::may_shred(std::uint64_t seq) const {
  if (seq == 0 || seq > size())
    return fail(Code::kNotFound, "shred", "no record " + std::to_string(seq));
  for (auto const& [key, lane] : lanes_)
    for (auto row = lane.rows.upper_bound(lane.acked_n); row != lane.rows.end(); ++row)
      if (row->second.row.seq == seq)
        return fail(Code::kConflict, "shred",
                    "record " + std::to_string(seq) + " still has to go to " + key.first.str());
  return {};
}

void MemoryLog::shred(std::uint64_t seq, store::FeedEnd end) {
  Record& record = records_.at(seq - 1);
  if (record.shredded) return;  // the first end stays
  record.bytes.clear();
  record.shredded = true;
  record.shredded_end = end;
  shredded_.emplace(seq, end);
}

std::set<std::uint64_t> MemoryLog::shredded(std::uint64_t after, std::uint64_t upto) const {
  std::set<std::uint64_t> out;
  for (auto at = shredded_.upper_bound(after); at != shredded_.end() && at->first <= upto; ++at)
    out.insert(at->first);
  return out;
}

store::FeedEnd MemoryLog::shredded_end(std::uint64_t upto) const {
  store::FeedEnd out;
  for (auto const& [seq, end] : shredded_)
    if (seq <= upto && end.ord > out.ord) out = end;
  return out;
}

// ---- Damage -----------------------------------------------------------------------------------

Result<void> MemoryLog::readable(std::uint64_t from_seq, std::size_t count, bool bytes) const {
  from_seq = std::max<std::uint64_t>(from_seq, 1);
  for (auto at = flaws_.lower_bound(from_seq); at != flaws_.end(); ++at) {
    if (at->first - from_seq >= count) break;
    bool const hurts =
        at->second == store::Flaw::kMissing || (bytes && at->second != store::Flaw::kId);
    if (hurts) return fail(Code::kCorrupt, "log", "record " + std::to_string(at->first));
  }
  return {};
}

store::Audited MemoryLog::audit(std::uint64_t from_seq, std::uint64_t upto_seq,
                                std::size_t bytes_max) const {
  store::Audited out;
  for (auto seq = std::max<std::uint64_t>(from_seq, 1); seq <= upto_seq; ++seq) {
    auto& row = out.rows.emplace_back();
    row.seq = seq;
    auto const flaw = flaws_.find(seq);
    row.flaw = seq > size()           ? store::Flaw::kMissing
               : flaw != flaws_.end() ? flaw->second
                                      : store::Flaw::kNone;
    if (row.flaw == store::Flaw::kMissing) continue;
    row.record = at(seq);
    out.bytes += row.record->bytes.size();
    row.record->bytes.clear();
    if (out.bytes >= bytes_max) break;
  }
  return out;
}

Result<store::PutBack> MemoryLog::put_back(std::vector<Record> const& records, bool proven) {
  store::PutBack out;
  std::vector<std::uint64_t> whole;
  for (Record const& record : records) {
    std::string const name = "record " + std::to_string(record.seq);
    if (record.seq == 0 || record.seq > size()) return fail(Code::kOutOfRange, "put_back", name);
    auto const flaw = flaws_.find(record.seq);
    bool const erased = at(record.seq).shredded;
    if (record.shredded != erased) return fail(Code::kUnavailable, "put_back", name);
    if (!erased && crypto::sha256(record.bytes) != record.digest)
      return fail(Code::kInternal, "put_back", name);
    // Here the row of before is never lost, so it always has the last word.
    if (at(record.seq).digest != record.digest && (!proven || flaw == flaws_.end()))
      return fail(Code::kConflict, "put_back", name);
    if (flaw == flaws_.end()) continue;
    out.index_stale = out.index_stale || flaw->second == store::Flaw::kKey;
    ++out.records;
    whole.push_back(record.seq);
  }
  for (auto const seq : whole) flaws_.erase(seq);
  return out;
}

Result<void> MemoryLog::check() const {
  if (!flaws_.empty())
    return fail(Code::kCorrupt, "log", "record " + std::to_string(flaws_.begin()->first));
  for (Record const& record : records_) {
    if (record.shredded) continue;
    std::string const name = "record " + std::to_string(record.seq);
    if (crypto::sha256(record.bytes) != record.digest)
      return fail(Code::kCorrupt, "log", name + " does not match its digest");
    auto const known = by_id_.find(record.id);
    if (known == by_id_.end() || known->second != record.seq)
      return fail(Code::kCorrupt, "log", name + " has lost its id");
  }
  return {};
}

}  // namespace amic::sim
