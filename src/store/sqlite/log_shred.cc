// Erasing a record: its key is overwritten where it lies, then every older copy of that page.
#include "store/sqlite/log_file.h"

namespace amic::store::sqlite {

// What may be shredded once may be later, unless a node that was restored queues it again.
Result<void> LogFile::may_shred(std::uint64_t seq) {
  if (writer_ == nullptr) return fail(Code::kReadOnly, "log.db", "opened for reading only");
  std::lock_guard const lock(mutex_);
  Query record(*writer_, "SELECT seq FROM record WHERE seq = ?");
  AMIC_TRY(bool const known, record.bind(seq).step());
  if (!known) return fail(Code::kNotFound, "shred", "no record " + std::to_string(seq));
  Query lanes(*writer_, "SELECT peer, lane, last_n, acked_n FROM lane ORDER BY peer, lane");
  for (;;) {
    AMIC_TRY(bool const lane, lanes.step());
    if (!lane) return {};
    if (lanes.number(2) == lanes.number(3)) continue;
    Query waiting(*writer_,
                  "SELECT n FROM outbox WHERE peer = ? AND lane = ? AND n > ? AND seq = ? LIMIT 1");
    waiting.bind(lanes.text(0)).bind(lanes.integer(1)).bind(lanes.number(3)).bind(seq);
    AMIC_TRY(bool const queued, waiting.step());
    if (queued)
      return fail(
          Code::kConflict, "shred",
          "record " + std::to_string(seq) + " still has to go to " + std::string(lanes.text(0)));
  }
}

Result<void> LogFile::shred(std::uint64_t seq, UnixMs at_ms, FeedEnd end) {
  if (writer_ == nullptr) return fail(Code::kReadOnly, "log.db", "opened for reading only");
  std::lock_guard const lock(mutex_);
  Transaction transaction(*writer_);
  AMIC_TRY_VOID(transaction.begin());
  Query note(*writer_,
             "INSERT INTO shredded (seq, at_ms, ord, added, done) VALUES (?, ?, ?, ?, 0) "
             "ON CONFLICT (seq) DO UPDATE SET done = 0");
  AMIC_TRY_VOID(note.bind(seq).bind(at_ms).bind(end.ord).bind(end.added_us).run());
  AMIC_TRY_VOID(vault_.destroy(*writer_, seq));
  // The ciphertext as well: somebody may have kept a copy of the key.
  Query empty(*writer_, "UPDATE record SET bytes = ? WHERE seq = ?");
  AMIC_TRY_VOID(empty.bind(BytesView()).bind(seq).run());
  return transaction.commit();
}

Result<void> LogFile::checkpoint() {
  if (writer_ == nullptr) return fail(Code::kReadOnly, "log.db", "opened for reading only");
  std::lock_guard const lock(mutex_);
  return writer_->checkpoint();
}

Result<void> LogFile::finished(std::uint64_t seq) {
  std::lock_guard const lock(mutex_);
  Query done(*writer_, "UPDATE shredded SET done = 1 WHERE seq = ?");
  return done.bind(seq).run();
}

Result<std::vector<std::uint64_t>> LogFile::unfinished() {
  AMIC_TRY(auto lease, readers_->take());
  Query query(*lease, "SELECT seq FROM shredded WHERE done = 0 ORDER BY seq");
  std::vector<std::uint64_t> out;
  for (;;) {
    AMIC_TRY(bool const row, query.step());
    if (!row) return out;
    out.push_back(query.number(0));
  }
}

Result<FeedEnd> LogFile::shredded_end(std::uint64_t seq) {
  AMIC_TRY(auto lease, readers_->take());
  Query query(*lease, "SELECT ord, added FROM shredded WHERE seq <= ? ORDER BY ord DESC LIMIT 1");
  AMIC_TRY(bool const row, query.bind(seq).step());
  if (!row) return FeedEnd{};
  return FeedEnd{query.number(0), query.integer(1)};
}

}  // namespace amic::store::sqlite
