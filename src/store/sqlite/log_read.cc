#include <algorithm>
#include <utility>

#include "crypto/hash.h"
#include "store/sqlite/columns.h"
#include "store/sqlite/files.h"
#include "store/sqlite/log_file.h"
#include "store/sqlite/schema.h"

namespace amic::store::sqlite {
namespace {

constexpr std::size_t kReaders = 2;
constexpr int kReaderCacheKib = 1024;

Result<RecordKind> kind_of(std::int64_t value) {
  if (value < 1 || value > 3) return fail(Code::kCorrupt, "log.db", "unknown kind of record");
  return static_cast<RecordKind>(value);
}

// A record that is gone must not let another one take its place.
Result<void> in_order(std::uint64_t seq, std::uint64_t wanted) {
  if (seq == wanted) return {};
  return fail(Code::kCorrupt, "record " + std::to_string(wanted), "is missing");
}

// A fresh log.db is made under another name and renamed once whole: a log.db without content is
// then always damage, never a beginning.
Result<void> create_log(std::filesystem::path const& directory, Vault const& vault) {
  std::filesystem::path const fresh = directory / "log.db.new";
  AMIC_TRY_VOID(remove_database(fresh));
  {
    AMIC_TRY(auto connection,
             Connection::open(fresh, Access::kReadWrite, true, Tuning{.sync_full = true}));
    AMIC_TRY_VOID(migrate(*connection, log_schema()));
    AMIC_TRY_VOID(meta_put(*connection, "key_check", vault.check_value()));
    AMIC_TRY_VOID(connection->exec("PRAGMA wal_checkpoint(TRUNCATE)"));
  }
  AMIC_TRY_VOID(sync_file(fresh));
  std::error_code error;
  std::filesystem::rename(fresh, directory / kLogFile, error);
  if (error) return fail(Code::kIo, kLogFile, error.message());
  return sync_file(directory);
}

}  // namespace

// Columns: seq, kind, id, digest, at_ms, peer, bytes.
Result<Record> LogFile::record_of(Connection& connection, Query const& row) {
  Record record;
  record.seq = row.number(0);
  AMIC_TRY(record.kind, kind_of(row.integer(1)));
  AMIC_TRY(record.id, fixed_column<EnvelopeId>(row, 2, "log.db"));
  AMIC_TRY(record.digest, fixed_column<Hash>(row, 3, "log.db"));
  record.at_ms = row.integer(4);
  AMIC_TRY(record.peer, member_of(row.text(5)));
  // Nothing is stored of a shredded record, and of an empty one that is not encrypted.
  if (row.blob(6).empty()) {
    Query shredded(connection, "SELECT ord, added FROM shredded WHERE seq = ?");
    AMIC_TRY(record.shredded, shredded.bind(record.seq).step());
    if (record.shredded) {
      record.shredded_end = {shredded.number(0), shredded.integer(1)};
      return record;
    }
  }
  AMIC_TRY(record.bytes, vault_.open_record(connection, record.seq, row.blob(6)));
  return record;
}

Result<std::unique_ptr<LogFile>> LogFile::open(std::filesystem::path const& directory,
                                               Options const& options, Vault& vault) {
  std::filesystem::path const file = directory / kLogFile;
  AMIC_TRY(bool const present, file_exists(file));
  if (!present) {
    if (options.read_only || !options.create)
      return fail(Code::kNotFound, kLogFile, "no store in this directory");
    AMIC_TRY(bool const index, file_exists(directory / kIndexFile));
    if (index) return fail(Code::kCorrupt, kLogFile, "missing beside an index made from it");
    AMIC_TRY_VOID(create_log(directory, vault));
  }
  std::error_code error;
  if (std::filesystem::file_size(file, error) == 0 && !error)
    return fail(Code::kCorrupt, kLogFile, "empty");

  std::unique_ptr<LogFile> log(new LogFile(vault));
  log->file_ = file;
  log->max_pages_ = options.max_log_pages;
  if (!options.read_only) {
    AMIC_TRY_VOID(log->open_writer());
    AMIC_TRY_VOID(migrate(*log->writer_, log_schema()));
    AMIC_TRY_VOID(remove_database(directory / kSalvageFile));  // of one that was interrupted
  }
  log->readers_ = std::make_unique<Pool>(kReaders, [file, alone = options.read_only] {
    return Connection::open_reader(file, alone, kReaderCacheKib);
  });
  AMIC_TRY(auto lease, log->readers_->take());
  AMIC_TRY(std::uint64_t const version, schema_version(*lease, log_schema()));
  if (version != log_schema().version())
    return fail(Code::kUnsupported, kLogFile, "older schema: open it for writing once");
  AMIC_TRY_VOID(vault.check(*lease));
  return log;
}

Result<void> LogFile::open_writer() {
  Tuning const tuning{
      .cache_kib = 2048, .sync_full = true, .checkpoint_pages = 2000, .max_pages = max_pages_};
  AMIC_TRY(writer_, Connection::open(file_, Access::kReadWrite, false, tuning));
  return {};
}

Result<std::uint64_t> LogFile::size() {
  AMIC_TRY(auto lease, readers_->take());
  return last_seq(*lease);
}

Result<std::vector<Record>> LogFile::read(std::uint64_t from_seq, std::size_t count_max,
                                          std::size_t bytes_max) {
  AMIC_TRY(auto lease, readers_->take());
  Query query(*lease,
              "SELECT seq, kind, id, digest, at_ms, peer, bytes FROM record "
              "WHERE seq >= ? ORDER BY seq LIMIT ?");
  query.bind(from_seq).bind(count_max);
  std::vector<Record> out;
  std::size_t bytes = 0;
  for (std::uint64_t next = std::max<std::uint64_t>(from_seq, 1);; ++next) {
    AMIC_TRY(bool const row, query.step());
    if (!row) break;
    AMIC_TRY_VOID(in_order(query.number(0), next));
    bytes += vault_.plain_size(query.blob(6).size());
    if (!out.empty() && bytes > bytes_max) break;
    AMIC_TRY(auto record, record_of(*lease, query));
    out.push_back(std::move(record));
  }
  return out;
}

Result<std::vector<Hash>> LogFile::digests(std::uint64_t from_seq, std::size_t count_max,
                                           std::vector<RecordKind>* kinds) {
  AMIC_TRY(auto lease, readers_->take());
  Query query(*lease, "SELECT kind, digest, seq FROM record WHERE seq >= ? ORDER BY seq LIMIT ?");
  query.bind(from_seq).bind(count_max);
  std::vector<Hash> out;
  if (kinds != nullptr) kinds->clear();
  for (std::uint64_t next = std::max<std::uint64_t>(from_seq, 1);; ++next) {
    AMIC_TRY(bool const row, query.step());
    if (!row) break;
    AMIC_TRY_VOID(in_order(query.number(2), next));
    AMIC_TRY(RecordKind const kind, kind_of(query.integer(0)));
    AMIC_TRY(Hash const digest, fixed_column<Hash>(query, 1, "log.db"));
    out.push_back(digest);
    if (kinds != nullptr) kinds->push_back(kind);
  }
  return out;
}

Result<std::optional<Record>> LogFile::find(EnvelopeId const& id) {
  AMIC_TRY(auto lease, readers_->take());
  Query by_id(*lease, "SELECT seq FROM record_by_id WHERE id = ?");
  by_id.bind(id.view());
  AMIC_TRY(bool const known, by_id.step());
  if (!known) return std::optional<Record>();
  Query query(*lease, "SELECT seq, kind, id, digest, at_ms, peer, bytes FROM record WHERE seq = ?");
  query.bind(by_id.number(0));
  AMIC_TRY(bool const row, query.step());
  if (!row) return fail(Code::kCorrupt, "log.db", "an id without its record");
  AMIC_TRY(auto record, record_of(*lease, query));
  return std::optional(std::move(record));
}

Result<std::vector<Quarantined>> LogFile::quarantine(MemberId const& peer, std::size_t count_max) {
  AMIC_TRY(auto lease, readers_->take());
  Query query(*lease,
              "SELECT n, at_ms, code, reason, digest, bytes FROM quarantine "
              "WHERE peer = ? ORDER BY n DESC LIMIT ?");
  query.bind(peer.str()).bind(count_max);
  std::vector<Quarantined> out;
  for (;;) {
    AMIC_TRY(bool const row, query.step());
    if (!row) break;
    Quarantined entry;
    entry.row = query.number(0);
    entry.peer = peer;
    entry.at_ms = query.integer(1);
    AMIC_TRY(entry.code, code_of_name(query.text(2)));
    entry.reason = query.text(3);
    AMIC_TRY(entry.digest, fixed_column<Hash>(query, 4, "log.db"));
    entry.bytes = to_bytes(query.blob(5));
    out.push_back(std::move(entry));
  }
  return out;
}

Result<std::optional<Bytes>> LogFile::kv_get(std::string const& space, std::string const& key) {
  AMIC_TRY(auto lease, readers_->take());
  Query query(*lease, "SELECT v FROM kv WHERE space = ? AND k = ?");
  query.bind(std::string_view(space)).bind(std::string_view(key));
  AMIC_TRY(bool const row, query.step());
  if (!row) return std::optional<Bytes>();
  return std::optional(to_bytes(query.blob(0)));
}

Result<std::vector<std::pair<std::string, Bytes>>> LogFile::kv_scan(std::string const& space,
                                                                    std::string const& after_key,
                                                                    std::size_t count_max) {
  AMIC_TRY(auto lease, readers_->take());
  // The empty key comes before "every key after the empty key": include it on the first page.
  Query first(*lease, "SELECT k, v FROM kv WHERE space = ? AND k >= ? ORDER BY k LIMIT ?");
  Query later(*lease, "SELECT k, v FROM kv WHERE space = ? AND k > ? ORDER BY k LIMIT ?");
  Query& query = after_key.empty() ? first : later;
  query.bind(std::string_view(space)).bind(std::string_view(after_key)).bind(count_max);
  std::vector<std::pair<std::string, Bytes>> out;
  for (;;) {
    AMIC_TRY(bool const row, query.step());
    if (!row) break;
    out.emplace_back(std::string(query.text(0)), to_bytes(query.blob(1)));
  }
  return out;
}

Result<std::optional<Bytes>> LogFile::tile(std::uint8_t level, std::uint64_t index) {
  AMIC_TRY(auto lease, readers_->take());
  Query query(*lease, "SELECT hashes FROM tile WHERE level = ? AND n = ?");
  query.bind(level).bind(index);
  AMIC_TRY(bool const row, query.step());
  if (!row) return std::optional<Bytes>();
  return std::optional(to_bytes(query.blob(0)));
}

Result<void> LogFile::check() {
  AMIC_TRY(auto lease, readers_->take());
  {
    Query integrity(*lease, "PRAGMA integrity_check(1)");
    AMIC_TRY(bool const row, integrity.step());
    if (!row || integrity.text(0) != "ok")
      return fail(Code::kCorrupt, "log.db", row ? std::string(integrity.text(0)) : "no answer");
  }
  Query query(*lease, "SELECT seq, kind, id, digest, at_ms, peer, bytes FROM record ORDER BY seq");
  std::uint64_t seq = 0;
  for (;;) {
    AMIC_TRY(bool const row, query.step());
    if (!row) break;
    if (query.number(0) != ++seq)
      return fail(Code::kCorrupt, "log.db", "record " + std::to_string(seq) + " is missing");
    AMIC_TRY(auto const record, record_of(*lease, query));
    if (!record.shredded && record.digest != crypto::sha256(record.bytes))
      return fail(Code::kCorrupt, "log.db",
                  "record " + std::to_string(seq) + " does not match its digest");
    Query by_id(*lease, "SELECT seq FROM record_by_id WHERE id = ?");
    by_id.bind(record.id.view());
    AMIC_TRY(bool const known, by_id.step());
    if (!known || by_id.number(0) != seq)
      return fail(Code::kCorrupt, "log.db", "record " + std::to_string(seq) + " has lost its id");
  }
  AMIC_TRY(auto const ids, (*lease).integer("SELECT count(*) FROM record_by_id"));
  if (static_cast<std::uint64_t>(ids) != seq)
    return fail(Code::kCorrupt, "log.db", "more ids than records");
  return {};
}

}  // namespace amic::store::sqlite
