// log.db: the truth. One writer connection, a few readers. Append and reads are in two files.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>

#include "store/sqlite/pool.h"
#include "store/store.h"

namespace amic::store::sqlite {

class LogFile {
 public:
  static Result<std::unique_ptr<LogFile>> open(std::filesystem::path const& directory,
                                               Options const& options);

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
  Result<std::vector<Cursor>> cursors();
  Result<std::vector<Quarantined>> quarantine(MemberId const& peer, std::size_t count_max);
  Result<std::optional<Bytes>> kv_get(std::string const& space, std::string const& key);
  Result<std::vector<std::pair<std::string, Bytes>>> kv_scan(std::string const& space,
                                                             std::string const& after_key,
                                                             std::size_t count_max);
  Result<std::optional<Bytes>> tile(std::uint8_t level, std::uint64_t index);

  Result<void> check();
  Pool& readers() { return *readers_; }

 private:
  LogFile() = default;
  std::mutex mutex_;                    // over writer_
  std::unique_ptr<Connection> writer_;  // null: read-only
  std::unique_ptr<Pool> readers_;
};

}  // namespace amic::store::sqlite
