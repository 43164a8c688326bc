#include <algorithm>
#include <map>
#include <utility>

#include "base/limits.h"
#include "codec/codec.h"
#include "store/sqlite/columns.h"
#include "store/sqlite/log_file.h"

namespace amic::store::sqlite {
namespace {

// Everything of one append() call, inside its transaction.
class Appender {
 public:
  Appender(Connection& connection, Vault& vault, std::uint64_t next_seq)
      : db_(connection), vault_(vault), next_seq_(next_seq) {}

  Result<void> add(Append const& unit);
  Result<void> finish();  // writes what was counted in memory

 private:
  struct Lane {
    std::uint64_t last_n = 0, acked_n = 0, pending_bytes = 0;
  };
  using LaneKey = std::pair<MemberId, std::uint8_t>;
  struct Row {  // of `outbox`
    std::uint64_t n = 0, seq = 0, bytes = 0;
    UnixMs queued_ms = 0;
    Hash digest;
  };

  Result<void> add_record(Record const& record);
  Result<void> requeue(Append::Requeue const& move);
  Result<void> add_sent(Append const& unit, std::uint64_t first_seq);
  Result<void> add_queue(Append const& unit, std::uint64_t first_seq);
  Result<void> add_received(Append const& unit, std::uint64_t first_seq);
  Result<void> put_row(MemberId const& peer, std::uint8_t lane, Row const& row);
  Result<void> put_cursor(Cursor const& cursor);
  Result<void> drain(Cursor const& cursor);
  Result<void> add_quarantine(Quarantined const& entry);
  Result<void> trim_quarantine(MemberId const& peer);
  Result<void> put_kv(KvPut const& put);
  Result<void> put_tile(Tile const& tile);
  Result<Lane*> lane(MemberId const& peer, std::uint8_t lane);

  Connection& db_;
  Vault& vault_;
  std::uint64_t next_seq_;
  std::map<LaneKey, Lane> lanes_;
};

Result<void> Appender::add(Append const& unit) {
  std::uint64_t const first_seq = next_seq_;
  for (Record const& record : unit.records) AMIC_TRY_VOID(add_record(record));
  for (Append::Requeue const& move : unit.requeue) AMIC_TRY_VOID(requeue(move));
  AMIC_TRY_VOID(add_sent(unit, first_seq));
  AMIC_TRY_VOID(add_queue(unit, first_seq));
  AMIC_TRY_VOID(add_received(unit, first_seq));
  for (Cursor const& cursor : unit.cursors) AMIC_TRY_VOID(put_cursor(cursor));
  for (Quarantined const& entry : unit.quarantine) AMIC_TRY_VOID(add_quarantine(entry));
  for (KvPut const& put : unit.kv) AMIC_TRY_VOID(put_kv(put));
  for (Tile const& tile : unit.tiles) AMIC_TRY_VOID(put_tile(tile));
  return {};
}

Result<void> Appender::add_record(Record const& record) {
  if (record.bytes.size() > limits::kBodyBytesMax)
    return fail(Code::kTooLarge, "append.record", "record is larger than a body may be");
  Query by_id(db_, "INSERT INTO record_by_id (id, seq) VALUES (?, ?) ON CONFLICT DO NOTHING");
  by_id.bind(record.id.view()).bind(next_seq_);
  AMIC_TRY_VOID(by_id.run());
  if (db_.changes() == 0)
    return fail(Code::kConflict, "append.record",
                "already present: " + codec::to_hex(record.id.view()));
  AMIC_TRY(Bytes const stored, vault_.seal_record(db_, next_seq_, record.bytes));
  Query insert(db_,
               "INSERT INTO record (seq, kind, id, digest, at_ms, peer, bytes) "
               "VALUES (?, ?, ?, ?, ?, ?, ?)");
  insert.bind(next_seq_).bind(static_cast<int>(record.kind)).bind(record.id.view());
  insert.bind(record.digest.view()).bind(record.at_ms).bind(record.peer.str());
  insert.bind(BytesView(stored));
  AMIC_TRY_VOID(insert.run());
  ++next_seq_;
  return {};
}

Result<Appender::Lane*> Appender::lane(MemberId const& peer, std::uint8_t lane) {
  auto const [at, fresh] = lanes_.try_emplace({peer, lane});
  if (!fresh) return &at->second;
  Query query(db_, "SELECT last_n, acked_n, pending_bytes FROM lane WHERE peer = ? AND lane = ?");
  query.bind(peer.str()).bind(lane);
  AMIC_TRY(bool const row, query.step());
  if (row) at->second = {query.number(0), query.number(1), query.number(2)};
  return &at->second;
}

Result<void> Appender::put_row(MemberId const& peer, std::uint8_t lane, Row const& row) {
  Query insert(db_,
               "INSERT INTO outbox (peer, lane, n, seq, bytes, queued_ms, digest) "
               "VALUES (?, ?, ?, ?, ?, ?, ?)");
  insert.bind(peer.str()).bind(lane).bind(row.n).bind(row.seq).bind(row.bytes);
  return insert.bind(row.queued_ms).bind(row.digest.view()).run();
}

// Seldom, and of few rows: what was queued since the node was restored.
Result<void> Appender::requeue(Append::Requeue const& move) {
  AMIC_TRY(Lane* const entry, lane(move.peer, move.lane));
  if (move.first_n == 0 || move.first_n <= entry->acked_n || move.behind_n < move.first_n - 1)
    return fail(Code::kOutOfRange, "append.requeue");
  std::vector<Row> rows;
  {
    Query query(db_,
                "SELECT seq, bytes, queued_ms, digest FROM outbox "
                "WHERE peer = ? AND lane = ? AND n >= ? ORDER BY n");
    query.bind(move.peer.str()).bind(move.lane).bind(move.first_n);
    for (std::uint64_t n = move.behind_n + 1;; ++n) {
      AMIC_TRY(bool const more, query.step());
      if (!more) break;
      Row row{n, query.number(0), query.number(1), query.integer(2), {}};
      AMIC_TRY(row.digest, row_digest(db_, query, 3, row.seq));
      rows.push_back(row);
    }
  }
  Query remove(db_, "DELETE FROM outbox WHERE peer = ? AND lane = ? AND n >= ?");
  AMIC_TRY_VOID(remove.bind(move.peer.str()).bind(move.lane).bind(move.first_n).run());
  for (Row const& row : rows) AMIC_TRY_VOID(put_row(move.peer, move.lane, row));
  entry->last_n = move.behind_n + rows.size();
  return {};
}

Result<void> Appender::add_sent(Append const& unit, std::uint64_t first_seq) {
  for (Append::Sent const& sent : unit.sent) {
    if (sent.n == 0 || (sent.record && *sent.record >= unit.records.size()))
      return fail(Code::kOutOfRange, "append.sent");
    AMIC_TRY(Lane* const entry, lane(sent.peer, sent.lane));
    bool other = false;
    {
      Query there(db_, "SELECT digest FROM outbox WHERE peer = ? AND lane = ? AND n = ?");
      AMIC_TRY(bool const row, there.bind(sent.peer.str()).bind(sent.lane).bind(sent.n).step());
      other = row && Hash::from(there.blob(0)) != sent.digest;
      if (other && (!sent.proven || sent.n > entry->acked_n))
        return fail(Code::kConflict, "append.sent", "another one has this number");
      if (row && !other) continue;
    }
    if (other) {
      Query remove(db_, "DELETE FROM outbox WHERE peer = ? AND lane = ? AND n = ?");
      AMIC_TRY_VOID(remove.bind(sent.peer.str()).bind(sent.lane).bind(sent.n).run());
    }
    std::uint64_t const seq = sent.record ? first_seq + *sent.record : sent.seq;
    AMIC_TRY_VOID(
        put_row(sent.peer, sent.lane, {sent.n, seq, sent.bytes, sent.queued_ms, sent.digest}));
    entry->last_n = std::max(entry->last_n, sent.n);
    if (sent.n > entry->acked_n) entry->pending_bytes += sent.bytes;
  }
  return {};
}

Result<void> Appender::add_queue(Append const& unit, std::uint64_t first_seq) {
  for (Append::Queue const& queue : unit.queue) {
    AMIC_TRY(Lane* const entry, lane(queue.peer, queue.lane));
    Row row{entry->last_n + 1, queue.seq, 0, 0, {}};
    if (queue.seq == 0) {
      if (queue.record >= unit.records.size())
        return fail(Code::kOutOfRange, "append.queue", "names a record that is not in its unit");
      Record const& record = unit.records[queue.record];
      row = {row.n, first_seq + queue.record, record.bytes.size(), record.at_ms, record.digest};
    } else {
      Query held(db_, "SELECT digest, at_ms, bytes FROM record WHERE seq = ?");
      AMIC_TRY(bool const known, held.bind(queue.seq).step());
      if (!known) return fail(Code::kOutOfRange, "append.queue", "no such record");
      AMIC_TRY(row.digest, fixed_column<Hash>(held, 0, "log.db"));
      row.queued_ms = held.integer(1);
      row.bytes = vault_.plain_size(held.blob(2).size());
    }
    AMIC_TRY_VOID(put_row(queue.peer, queue.lane, row));
    entry->last_n = row.n;
    entry->pending_bytes += row.bytes;
  }
  return {};
}

Result<void> Appender::add_received(Append const& unit, std::uint64_t first_seq) {
  for (Append::Received const& row : unit.received) {
    if (row.n == 0 || (row.record && *row.record >= unit.records.size()))
      return fail(Code::kOutOfRange, "append.received");
    Query put(db_,
              "INSERT INTO received (peer, lane, n, seq, digest) VALUES (?, ?, ?, ?, ?) "
              "ON CONFLICT (peer, lane, n) DO UPDATE SET seq = excluded.seq, "
              "digest = excluded.digest");
    put.bind(row.peer.str()).bind(row.lane).bind(row.n);
    put.bind(row.record ? first_seq + *row.record : row.seq);
    AMIC_TRY_VOID(put.bind(row.digest.view()).run());
  }
  return {};
}

Result<void> Appender::put_cursor(Cursor const& cursor) {
  Query update(db_,
               "INSERT INTO cursor (kind, peer, lane, n, note) VALUES (?, ?, ?, ?, ?) "
               "ON CONFLICT (kind, peer, lane) DO UPDATE SET n = excluded.n, note = excluded.note "
               "WHERE excluded.n >= cursor.n");
  update.bind(static_cast<int>(cursor.kind)).bind(cursor.peer.str()).bind(cursor.lane);
  update.bind(cursor.n).bind(BytesView(cursor.note));
  AMIC_TRY_VOID(update.run());
  if (cursor.kind == CursorKind::kAcked) AMIC_TRY_VOID(drain(cursor));
  return {};
}

// What the peer has signed for waits no longer.
Result<void> Appender::drain(Cursor const& cursor) {
  AMIC_TRY(Lane* const entry, lane(cursor.peer, cursor.lane));
  if (cursor.n <= entry->acked_n) return {};
  std::uint64_t done = 0;
  {
    Query sum(db_,
              "SELECT sum(bytes) FROM outbox WHERE peer = ? AND lane = ? AND n > ? AND n <= ?");
    sum.bind(cursor.peer.str()).bind(cursor.lane).bind(entry->acked_n).bind(cursor.n);
    AMIC_TRY(bool const row, sum.step());
    if (row) done = sum.number(0);
  }
  entry->pending_bytes -= std::min(done, entry->pending_bytes);
  entry->acked_n = cursor.n;
  entry->last_n = std::max(entry->last_n, cursor.n);
  return {};
}

Result<void> Appender::add_quarantine(Quarantined const& entry) {
  AMIC_TRY(std::uint64_t const last, meta_get(db_, "quarantine_row"));
  AMIC_TRY_VOID(meta_put(db_, "quarantine_row", last + 1));
  // What alone exceeds a peer's allowance is kept by digest and reason only.
  BytesView const bytes =
      entry.bytes.size() > limits::kQuarantineBytesMax ? BytesView() : BytesView(entry.bytes);
  Query insert(db_,
               "INSERT INTO quarantine (peer, n, at_ms, code, reason, digest, size, bytes) "
               "VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
  insert.bind(entry.peer.str()).bind(last + 1).bind(entry.at_ms).bind(code_name(entry.code));
  insert.bind(std::string_view(entry.reason)).bind(entry.digest.view()).bind(bytes.size());
  insert.bind(bytes);
  AMIC_TRY_VOID(insert.run());
  Query count(db_,
              "INSERT INTO quarantine_size (peer, envelopes, bytes) VALUES (?, 1, ?) "
              "ON CONFLICT (peer) DO UPDATE SET envelopes = quarantine_size.envelopes + 1, "
              "bytes = quarantine_size.bytes + excluded.bytes");
  AMIC_TRY_VOID(count.bind(entry.peer.str()).bind(bytes.size()).run());
  return trim_quarantine(entry.peer);
}

Result<void> Appender::trim_quarantine(MemberId const& peer) {
  for (;;) {
    {
      Query size(db_, "SELECT envelopes, bytes FROM quarantine_size WHERE peer = ?");
      size.bind(peer.str());
      AMIC_TRY(bool const row, size.step());
      if (!row || (size.number(0) <= limits::kQuarantineEnvelopesMax &&
                   size.number(1) <= limits::kQuarantineBytesMax))
        return {};
    }
    std::uint64_t oldest = 0, bytes = 0;
    {
      Query first(db_, "SELECT n, size FROM quarantine WHERE peer = ? ORDER BY n LIMIT 1");
      first.bind(peer.str());
      AMIC_TRY(bool const row, first.step());
      if (!row) return fail(Code::kCorrupt, "log.db", "quarantine counts more than it holds");
      oldest = first.number(0);
      bytes = first.number(1);
    }
    Query remove(db_, "DELETE FROM quarantine WHERE peer = ? AND n = ?");
    AMIC_TRY_VOID(remove.bind(peer.str()).bind(oldest).run());
    Query count(db_,
                "UPDATE quarantine_size SET envelopes = envelopes - 1, bytes = bytes - ? "
                "WHERE peer = ?");
    AMIC_TRY_VOID(count.bind(bytes).bind(peer.str()).run());
  }
}

Result<void> Appender::put_kv(KvPut const& put) {
  if (!put.value) {
    Query remove(db_, "DELETE FROM kv WHERE space = ? AND k = ?");
    return remove.bind(std::string_view(put.space)).bind(std::string_view(put.key)).run();
  }
  Query upsert(db_,
               "INSERT INTO kv (space, k, v) VALUES (?, ?, ?) "
               "ON CONFLICT (space, k) DO UPDATE SET v = excluded.v");
  upsert.bind(std::string_view(put.space)).bind(std::string_view(put.key));
  return upsert.bind(BytesView(*put.value)).run();
}

Result<void> Appender::put_tile(Tile const& tile) {
  Query upsert(db_,
               "INSERT INTO tile (level, n, hashes) VALUES (?, ?, ?) "
               "ON CONFLICT (level, n) DO UPDATE SET hashes = excluded.hashes");
  return upsert.bind(tile.level).bind(tile.index).bind(BytesView(tile.hashes)).run();
}

Result<void> Appender::finish() {
  for (auto const& [key, entry] : lanes_) {
    Query upsert(db_,
                 "INSERT INTO lane (peer, lane, last_n, acked_n, pending_bytes) "
                 "VALUES (?, ?, ?, ?, ?) "
                 "ON CONFLICT (peer, lane) DO UPDATE SET last_n = excluded.last_n, "
                 "acked_n = excluded.acked_n, pending_bytes = excluded.pending_bytes");
    upsert.bind(key.first.str()).bind(key.second).bind(entry.last_n).bind(entry.acked_n);
    AMIC_TRY_VOID(upsert.bind(entry.pending_bytes).run());
  }
  return {};
}

}  // namespace

Result<std::uint64_t> LogFile::append(std::vector<Append> const& units) {
  if (writer_ == nullptr) return fail(Code::kReadOnly, "log.db", "opened for reading only");
  std::lock_guard const lock(mutex_);
  Transaction transaction(*writer_);
  AMIC_TRY_VOID(transaction.begin());
  AMIC_TRY(auto const last, writer_->integer("SELECT coalesce(max(seq), 0) FROM record"));
  auto const first = static_cast<std::uint64_t>(last) + 1;
  Appender appender(*writer_, vault_, first);
  for (Append const& unit : units) AMIC_TRY_VOID(appender.add(unit));
  AMIC_TRY_VOID(appender.finish());
  AMIC_TRY_VOID(transaction.commit());
  return first;
}

}  // namespace amic::store::sqlite
