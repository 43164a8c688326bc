// log.db: the truth. One writer connection, a few readers. Append, queues and lanes, other reads
// and erasure are in four files.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>

#include "store/sqlite/pool.h"
#include "store/sqlite/vault.h"
#include "store/store.h"

namespace amic::store::sqlite {

// Digest of a row of `outbox`: its own, or, if it was queued by schema 1, that of its record.
Result<Hash> row_digest(Connection& connection, Query const& row, int column, std::uint64_t seq);

// The highest number of a record: also if the last page of the records can't be read, as long as
// that of their data keys can.
Result<std::uint64_t> last_seq(Connection& connection);

class LogFile {
 public:
  static Result<std::unique_ptr<LogFile>> open(std::filesystem::path const& directory,
                                               Options const& options, Vault& vault);

  Result<std::uint64_t> append(std::vector<Append> const& units);
  Result<std::uint64_t> size();
  Result<std::vector<Record>> read(std::uint64_t from_seq, std::size_t count_max,
                                   std::size_t bytes_max);
  Result<std::vector<Hash>> digests(std::uint64_t from_seq, std::size_t count_max,
                                    std::vector<RecordKind>* kinds);
  Result<std::optional<Record>> find(EnvelopeId const& id);
  Result<std::vector<OutboxRow>> outbox(MemberId const& peer, std::uint8_t lane,
                                        std::uint64_t after_n, std::size_t count_max);
  Result<std::vector<LaneDepth>> lanes();
  Result<std::vector<LaneRow>> sent(MemberId const& peer, std::uint8_t lane, std::uint64_t after_n,
                                    std::size_t count_max);
  Result<std::vector<LaneRow>> received(MemberId const& peer, std::uint8_t lane,
                                        std::uint64_t after_n, std::size_t count_max);
  Result<std::vector<Cursor>> cursors();
  Result<std::vector<Quarantined>> quarantine(MemberId const& peer, std::size_t count_max);
  Result<std::optional<Bytes>> kv_get(std::string const& space, std::string const& key);
  Result<std::vector<std::pair<std::string, Bytes>>> kv_scan(std::string const& space,
                                                             std::string const& after_key,
                                                             std::size_t count_max);
  Result<std::optional<Bytes>> tile(std::uint8_t level, std::uint64_t index);

  // Erasure, in steps: shred() is the decision and durable; `end` is what the index held of it. The
  // index goes next, then checkpoint(), then finished(). unfinished() lists what a kill left.
  Result<void> may_shred(std::uint64_t seq);
  Result<void> shred(std::uint64_t seq, UnixMs at_ms, FeedEnd end);
  Result<void> checkpoint();  // kLocked if another process reads old pages
  Result<void> finished(std::uint64_t seq);
  Result<std::vector<std::uint64_t>> unfinished();
  // How far in the feed the shredded records up to `seq` reached.
  Result<FeedEnd> shredded_end(std::uint64_t seq);

  // Damage: log_repair.cc and salvage.cc. See Store.
  Result<Audited> audit(std::uint64_t from_seq, std::uint64_t upto_seq, std::size_t bytes_max);
  Result<void> check_pages();
  Result<Salvaged> salvage();
  Result<PutBack> put_back(std::vector<Record> const& records, bool proven);
  Result<bool> row_readable(std::uint64_t seq);  // all of it but its bytes

  Result<void> check();
  Pool& readers() { return *readers_; }

 private:
  explicit LogFile(Vault& vault) : vault_(vault) {}
  Result<Record> record_of(Connection& connection, Query const& row);
  Result<Audited::Row> look_at(Connection& connection, std::uint64_t seq, Audited& out);
  Result<Flaw> flaw_of(Connection& connection, Record const& row, Audited& out);
  Result<void> put_one(Record record, bool proven, PutBack& out);
  Result<void> put_erased(Record const& record);
  Result<void> open_writer();

  Vault& vault_;
  std::filesystem::path file_;
  std::uint32_t max_pages_ = 0;
  std::mutex mutex_;                    // over writer_
  std::unique_ptr<Connection> writer_;  // null: read-only
  std::unique_ptr<Pool> readers_;
};

}  // namespace amic::store::sqlite
