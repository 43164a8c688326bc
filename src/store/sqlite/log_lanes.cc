// Queues to peers, positions, and what each number of a lane stood for.
#include <algorithm>
#include <utility>

#include "store/sqlite/columns.h"
#include "store/sqlite/log_file.h"

namespace amic::store::sqlite {

Result<Hash> row_digest(Connection& connection, Query const& row, int column, std::uint64_t seq) {
  if (!row.blob(column).empty()) return fixed_column<Hash>(row, column, "log.db");
  Query record(connection, "SELECT digest FROM record WHERE seq = ?");
  AMIC_TRY(bool const held, record.bind(seq).step());
  if (!held) return fail(Code::kCorrupt, "log.db", "a queued record is missing");
  return fixed_column<Hash>(record, 0, "log.db");
}

Result<std::vector<OutboxRow>> LogFile::outbox(MemberId const& peer, std::uint8_t lane,
                                               std::uint64_t after_n, std::size_t count_max) {
  AMIC_TRY(auto lease, readers_->take());
  Query acked(*lease, "SELECT acked_n FROM lane WHERE peer = ? AND lane = ?");
  AMIC_TRY(bool const known, acked.bind(peer.str()).bind(lane).step());
  Query query(*lease,
              "SELECT n, seq, bytes, queued_ms FROM outbox "
              "WHERE peer = ? AND lane = ? AND n > ? ORDER BY n LIMIT ?");
  query.bind(peer.str()).bind(lane);
  query.bind(known ? std::max(after_n, acked.number(0)) : after_n).bind(count_max);
  std::vector<OutboxRow> out;
  for (;;) {
    AMIC_TRY(bool const row, query.step());
    if (!row) break;
    out.push_back({peer, lane, query.number(0), query.number(1),
                   static_cast<std::uint32_t>(query.integer(2)), query.integer(3)});
  }
  return out;
}

Result<std::vector<LaneDepth>> LogFile::lanes() {
  AMIC_TRY(auto lease, readers_->take());
  Query query(*lease,
              "SELECT peer, lane, last_n, acked_n, pending_bytes FROM lane ORDER BY peer, lane");
  std::vector<LaneDepth> out;
  for (;;) {
    AMIC_TRY(bool const row, query.step());
    if (!row) break;
    LaneDepth depth;
    AMIC_TRY(depth.peer, member_of(query.text(0)));
    depth.lane = static_cast<std::uint8_t>(query.integer(1));
    depth.last_n = query.number(2);
    depth.acked_n = query.number(3);
    depth.pending_bytes = query.number(4);
    Query oldest(*lease,
                 "SELECT queued_ms FROM outbox WHERE peer = ? AND lane = ? AND n > ? "
                 "ORDER BY n LIMIT 1");
    oldest.bind(depth.peer.str()).bind(depth.lane).bind(depth.acked_n);
    AMIC_TRY(bool const pending, oldest.step());
    if (pending) depth.oldest_queued_ms = oldest.integer(0);
    out.push_back(std::move(depth));
  }
  return out;
}

Result<std::vector<LaneRow>> LogFile::sent(MemberId const& peer, std::uint8_t lane,
                                           std::uint64_t after_n, std::size_t count_max) {
  AMIC_TRY(auto lease, readers_->take());
  Query query(*lease,
              "SELECT n, seq, digest, bytes FROM outbox "
              "WHERE peer = ? AND lane = ? AND n > ? ORDER BY n LIMIT ?");
  query.bind(peer.str()).bind(lane).bind(after_n).bind(count_max);
  std::vector<LaneRow> out;
  for (;;) {
    AMIC_TRY(bool const row, query.step());
    if (!row) break;
    AMIC_TRY(Hash const digest, row_digest(*lease, query, 2, query.number(1)));
    out.push_back(
        {query.number(0), query.number(1), digest, static_cast<std::uint32_t>(query.integer(3))});
  }
  return out;
}

Result<std::vector<LaneRow>> LogFile::received(MemberId const& peer, std::uint8_t lane,
                                               std::uint64_t after_n, std::size_t count_max) {
  AMIC_TRY(auto lease, readers_->take());
  Query query(*lease,
              "SELECT n, seq, digest FROM received "
              "WHERE peer = ? AND lane = ? AND n > ? ORDER BY n LIMIT ?");
  query.bind(peer.str()).bind(lane).bind(after_n).bind(count_max);
  std::vector<LaneRow> out;
  for (;;) {
    AMIC_TRY(bool const row, query.step());
    if (!row) break;
    AMIC_TRY(Hash const digest, fixed_column<Hash>(query, 2, "log.db"));
    out.push_back({query.number(0), query.number(1), digest, 0});
  }
  return out;
}

Result<std::vector<Cursor>> LogFile::cursors() {
  AMIC_TRY(auto lease, readers_->take());
  Query query(*lease, "SELECT kind, peer, lane, n, note FROM cursor ORDER BY kind, peer, lane");
  std::vector<Cursor> out;
  for (;;) {
    AMIC_TRY(bool const row, query.step());
    if (!row) break;
    if (query.integer(0) < 1 || query.integer(0) > 2)
      return fail(Code::kCorrupt, "log.db", "unknown kind of cursor");
    Cursor cursor;
    cursor.kind = static_cast<CursorKind>(query.integer(0));
    AMIC_TRY(cursor.peer, member_of(query.text(1)));
    cursor.lane = static_cast<std::uint8_t>(query.integer(2));
    cursor.n = query.number(3);
    cursor.note = to_bytes(query.blob(4));
    out.push_back(std::move(cursor));
  }
  return out;
}

}  // namespace amic::store::sqlite
