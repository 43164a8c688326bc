#include "store/sqlite/index_file.h"

#include "crypto/hash.h"
#include "store/sqlite/files.h"
#include "store/sqlite/schema.h"

namespace amic::store::sqlite {
namespace {

constexpr std::size_t kReaders = 3;
constexpr int kReaderCacheKib = 2048;
// Inserts by id go everywhere in their tree: what a batch dirties should fit.
constexpr Tuning kWriterTuning{.cache_kib = 6144, .checkpoint_pages = 4000};

}  // namespace

Result<std::unique_ptr<IndexFile>> IndexFile::open(std::filesystem::path const& directory,
                                                   Options const& options, Vault& vault,
                                                   Pool& log) {
  std::unique_ptr<IndexFile> index(new IndexFile(vault, log));
  index->file_ = directory / kIndexFile;
  index->read_only_ = options.read_only;
  index->readers_ =
      std::make_unique<Pool>(kReaders, [file = index->file_, alone = options.read_only] {
        return Connection::open_reader(file, alone, kReaderCacheKib);
      });
  AMIC_TRY(bool const present, file_exists(index->file_));
  if (options.read_only) {
    if (!present) {
      index->unusable_ = "absent: open the store for writing once";
      return index;
    }
    AMIC_TRY(auto lease, index->readers_->take());
    auto version = schema_version(*lease, index_schema());
    if (!version && version.error().code != Code::kCorrupt) return fail(version.error());
    if (!version)
      index->unusable_ = version.error().detail;
    else if (*version != index_schema().version())
      index->unusable_ = "of an older schema";
    if (!index->unusable_.empty()) return index;
    AMIC_TRY(std::uint64_t const made_under, meta_get(*lease, "key_check"));
    if (made_under != vault.check_value()) index->unusable_ = "made under another key";
    return index;
  }
  if (!present) {
    AMIC_TRY_VOID(index->make_anew("absent"));
    return index;
  }
  auto opened = index->open_writer();
  if (opened) return index;
  if (opened.error().code != Code::kCorrupt) return fail(std::move(opened).error());
  AMIC_TRY_VOID(index->make_anew(opened.error().detail));
  return index;
}

// kCorrupt: not usable as it is; make_anew() helps.
Result<void> IndexFile::open_writer() {
  AMIC_TRY(writer_, Connection::open(file_, Access::kReadWrite, false, kWriterTuning));
  AMIC_TRY(std::uint64_t const version, schema_version(*writer_, index_schema()));
  if (version != index_schema().version()) {
    // Derived tables are never altered in place: they are made again from the log.
    return fail(Code::kCorrupt, kIndexFile, "of an older schema");
  }
  AMIC_TRY(std::uint64_t const made_under, meta_get(*writer_, "key_check"));
  if (made_under != vault_.check_value())
    return fail(Code::kCorrupt, kIndexFile, "made under another key");
  AMIC_TRY(std::uint64_t const stale, meta_get(*writer_, "stale_dict"));
  if (stale != 0)
    return fail(Code::kCorrupt, kIndexFile, "compressed by means of what was erased since");
  // Touches both ends of the feed and the labels; check() looks at everything.
  AMIC_TRY_VOID(writer_->integer("SELECT coalesce(max(ord), 0) FROM obj"));
  AMIC_TRY_VOID(writer_->integer("SELECT coalesce(sum(objects), 0) FROM aud"));
  return {};
}

Result<void> IndexFile::make_anew(std::string reason) {
  writer_.reset();
  AMIC_TRY_VOID(remove_database(file_));
  auto writer = Connection::open(file_, Access::kReadWrite, true, kWriterTuning);
  if (!writer) return fail(std::move(writer).error());
  AMIC_TRY_VOID(migrate(**writer, index_schema()));
  // A kill before this is durable leaves an index that is made anew once more.
  AMIC_TRY_VOID(meta_put(**writer, "key_check", vault_.check_value()));
  writer_ = std::move(*writer);
  bodies_.forget();
  pending_.clear();
  trained_at_ = 0;
  reset_reason_ = std::move(reason);
  return {};
}

Result<void> IndexFile::reset() {
  if (read_only_) return fail(Code::kReadOnly, "idx.db", "opened for reading only");
  std::lock_guard const lock(mutex_);
  std::unique_lock const gate(gate_);  // no reader is out
  readers_->close();
  std::string reason = reset_reason_;  // what open() found stays said
  return make_anew(std::move(reason));
}

IndexFile::Stillness::Stillness(IndexFile& index) : apply_(index.mutex_), readers_(index.gate_) {
  index.readers_->close();
}

Result<IndexFile::Reader> IndexFile::reader() {
  if (!unusable_.empty()) return fail(Code::kUnavailable, "idx.db", unusable_);
  std::shared_lock gate(gate_);
  AMIC_TRY(auto lease, readers_->take());
  return Reader{std::move(gate), std::move(lease)};
}

Result<void> IndexFile::with_reader(std::function<Result<void>(Connection&)> const& body) {
  AMIC_TRY(auto const lease, reader());
  return body(*lease);
}

Result<std::optional<AudienceId>> IndexFile::find_label(Connection& connection, BytesView label) {
  Hash const digest = crypto::sha256(label);
  Query query(connection, "SELECT aud FROM aud_by_label WHERE digest = ?");
  query.bind(digest.view());
  AMIC_TRY(bool const row, query.step());
  if (!row) return std::optional<AudienceId>();
  return std::optional(static_cast<AudienceId>(query.integer(0)));
}

Result<AudienceId> IndexFile::intern(BytesView label) {
  if (read_only_) return fail(Code::kReadOnly, "idx.db", "opened for reading only");
  std::lock_guard const lock(mutex_);
  if (writer_ == nullptr) return fail(Code::kUnavailable, "idx.db", "reset_index() did not finish");
  Bytes key = to_bytes(label);
  if (auto const found = pending_.find(key); found != pending_.end()) return found->second;
  AMIC_TRY(auto const known, find_label(*writer_, label));
  if (known) return *known;
  AMIC_TRY(auto const last, writer_->integer("SELECT coalesce(max(aud), 0) FROM aud"));
  auto const id = static_cast<AudienceId>(static_cast<std::size_t>(last) + pending_.size() + 1);
  pending_.emplace(std::move(key), id);
  return id;
}

}  // namespace amic::store::sqlite
