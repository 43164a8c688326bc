#include "store/sqlite/sqlite_store.h"

#include <utility>

#include "store/sqlite/files.h"
#include "store/sqlite/index_file.h"
#include "store/sqlite/log_file.h"
#include "store/sqlite/snapshot.h"
#include "store/sqlite/vault.h"

namespace amic::store::sqlite {
namespace {

// Under a Stillness, or before anybody else has the store.
Result<void> finish_shredding(LogFile& log, IndexFile& index) {
  AMIC_TRY(auto const unfinished, log.unfinished());
  if (unfinished.empty()) return {};
  for (std::uint64_t const seq : unfinished) AMIC_TRY_VOID(index.erase(seq));
  AMIC_TRY_VOID(log.checkpoint());
  for (std::uint64_t const seq : unfinished) AMIC_TRY_VOID(log.finished(seq));
  return {};
}

class SqliteStore final : public Store {
 public:
  SqliteStore(std::unique_ptr<DirectoryLock> lock, std::unique_ptr<Vault> vault,
              std::unique_ptr<LogFile> log, std::unique_ptr<IndexFile> index)
      : lock_(std::move(lock)),
        vault_(std::move(vault)),
        log_(std::move(log)),
        index_(std::move(index)),
        reset_reason_(index_->reset_reason()) {}

  bool index_was_reset() const override { return !reset_reason_.empty(); }
  std::string index_reset_reason() const override { return reset_reason_; }

  Result<std::uint64_t> append(std::vector<Append> const& units) override {
    return log_->append(units);
  }
  Result<std::uint64_t> log_size() override { return log_->size(); }
  Result<std::vector<Record>> log_read(std::uint64_t from_seq, std::size_t count_max,
                                       std::size_t bytes_max) override {
    return log_->read(from_seq, count_max, bytes_max);
  }
  Result<std::vector<Hash>> log_digests(std::uint64_t from_seq, std::size_t count_max,
                                        std::vector<RecordKind>* kinds) override {
    return log_->digests(from_seq, count_max, kinds);
  }
  Result<std::optional<Record>> log_find(EnvelopeId const& id) override { return log_->find(id); }
  Result<std::vector<OutboxRow>> outbox(MemberId const& peer, std::uint8_t lane,
                                        std::uint64_t after_n, std::size_t count_max) override {
    return log_->outbox(peer, lane, after_n, count_max);
  }
  Result<std::vector<LaneDepth>> lanes() override { return log_->lanes(); }
  Result<std::vector<LaneRow>> sent(MemberId const& peer, std::uint8_t lane, std::uint64_t after_n,
                                    std::size_t count_max) override {
    return log_->sent(peer, lane, after_n, count_max);
  }
  Result<std::vector<LaneRow>> received(MemberId const& peer, std::uint8_t lane,
                                        std::uint64_t after_n, std::size_t count_max) override {
    return log_->received(peer, lane, after_n, count_max);
  }
  Result<std::vector<Cursor>> cursors() override { return log_->cursors(); }
  Result<std::vector<Quarantined>> quarantine(MemberId const& peer,
                                              std::size_t count_max) override {
    return log_->quarantine(peer, count_max);
  }
  Result<std::optional<Bytes>> kv_get(std::string const& space, std::string const& key) override {
    return log_->kv_get(space, key);
  }
  Result<std::vector<std::pair<std::string, Bytes>>> kv_scan(std::string const& space,
                                                             std::string const& after_key,
                                                             std::size_t count_max) override {
    return log_->kv_scan(space, after_key, count_max);
  }
  Result<std::optional<Bytes>> tile(std::uint8_t level, std::uint64_t index) override {
    return log_->tile(level, index);
  }

  Result<void> shred(std::uint64_t seq, UnixMs at_ms) override {
    AMIC_TRY_VOID(log_->may_shred(seq));
    IndexFile::Stillness const still(*index_);
    AMIC_TRY(FeedEnd const end, index_->end_of(seq));
    AMIC_TRY_VOID(log_->shred(seq, at_ms, end));
    return finish_shredding(*log_, *index_);
  }

  Result<Audited> audit(std::uint64_t from_seq, std::uint64_t upto_seq,
                        std::size_t bytes_max) override {
    return log_->audit(from_seq, upto_seq, bytes_max);
  }
  Result<void> check_pages() override { return log_->check_pages(); }
  Result<Salvaged> salvage() override { return log_->salvage(); }
  Result<PutBack> put_back(std::vector<Record> const& records, bool proven) override {
    auto timed = records;
    for (Record& record : timed) {
      AMIC_TRY(bool const has_time, log_->row_readable(record.seq));
      if (has_time) continue;
      if (auto const at_ms = index_->received_ms(record.seq); at_ms && *at_ms)
        record.at_ms = **at_ms;
    }
    return log_->put_back(timed, proven);
  }

  Result<void> apply(Derived const& derived) override { return index_->apply(derived); }
  Result<std::uint64_t> watermark() override { return index_->watermark(); }
  Result<FeedEnd> feed_end() override {
    AMIC_TRY(FeedEnd const held, index_->feed_end());
    AMIC_TRY(std::uint64_t const applied, index_->watermark());
    AMIC_TRY(FeedEnd const shredded, log_->shredded_end(applied));
    return held.ord < shredded.ord ? shredded : held;
  }
  Result<AudienceId> intern(BytesView label) override { return index_->intern(label); }
  Result<std::vector<Audience>> audiences() override { return index_->audiences(); }
  Result<std::optional<ObjectRow>> get(std::string const& id, AudienceSet const& readable,
                                       std::optional<MemberId> const& creator) override {
    return index_->get(id, readable, creator);
  }
  Result<std::vector<ObjectRow>> versions(std::string const& id, AudienceSet const& readable,
                                          std::optional<MemberId> const& creator) override {
    return index_->versions(id, readable, creator);
  }
  Result<std::vector<MemberId>> creators(std::string const& id,
                                         AudienceSet const& readable) override {
    return index_->creators(id, readable);
  }
  Result<std::vector<MemberId>> originators() override { return index_->originators(); }
  Result<std::vector<Rivals>> rivals(std::uint64_t seq, std::size_t limit,
                                     AudienceSet const& readable) override {
    return index_->rivals(seq, limit, readable);
  }
  Result<std::optional<OperationRow>> operation(Hash const& target,
                                                MemberId const& originator) override {
    return index_->operation(target, originator);
  }
  Result<std::vector<OperationRow>> operations(std::uint64_t after_seq, std::size_t limit,
                                               AudienceSet const& readable) override {
    return index_->operations(after_seq, limit, readable);
  }
  Result<std::vector<OperationRow>> duties(Duty duty, Hash const& after,
                                           std::size_t limit) override {
    return index_->duties(duty, after, limit);
  }
  Result<std::vector<ReplyRow>> replies(Hash const& target) override {
    return index_->replies(target);
  }
  Result<Page> page(PageFilter const& filter, AudienceSet const& readable) override {
    return index_->page(filter, readable);
  }
  Result<std::vector<ItemRow>> items(std::uint64_t after_seq, std::size_t limit,
                                     AudienceSet const& readable, bool newest_first) override {
    return index_->items(after_seq, limit, readable, newest_first);
  }
  Result<std::optional<ItemRow>> item(EnvelopeId const& id, AudienceSet const& readable) override {
    return index_->item(id, readable);
  }
  Result<std::vector<EdgeRow>> edges(std::string const& node, bool outgoing, std::size_t limit,
                                     AudienceSet const& readable) override {
    return index_->edges(node, outgoing, limit, readable);
  }
  Result<std::vector<RefusedObject>> refused(std::uint64_t seq) override {
    return index_->refused(seq);
  }
  Result<std::uint64_t> object_count(AudienceSet const& readable) override {
    return index_->object_count(readable);
  }

  Result<void> reset_index() override { return index_->reset(); }
  Result<Hash> index_digest() override { return index_->digest(); }
  Result<void> snapshot(std::filesystem::path const& directory) override {
    return sqlite::snapshot(*log_, *index_, directory);
  }
  Result<void> check() override {
    AMIC_TRY_VOID(log_->check());
    return index_->check();
  }

 private:
  std::unique_ptr<DirectoryLock> lock_;  // released last
  std::unique_ptr<Vault> vault_;
  std::unique_ptr<LogFile> log_;
  std::unique_ptr<IndexFile> index_;
  std::string reset_reason_;
};

// The index is applied from durable records only: one that knows more means that the log has lost
// some, which peers hold receipts for. Nothing may be written over that silently.
Result<void> compare_ends(LogFile& log, IndexFile& index) {
  auto const applied = index.watermark();
  if (!applied && applied.error().code == Code::kUnavailable) return {};  // its calls say so
  if (!applied) return fail(applied.error());
  AMIC_TRY(std::uint64_t const size, log.size());
  if (*applied <= size) return {};
  return fail(Code::kCorrupt, kLogFile,
              "ends at record " + std::to_string(size) + " but idx.db was made from " +
                  std::to_string(*applied) +
                  ": records were lost or an old copy was put back; remove idx.db to accept that");
}

}  // namespace

Result<std::unique_ptr<Store>> open_store(std::filesystem::path const& directory,
                                          Options const& options) {
  std::unique_ptr<DirectoryLock> lock;
  if (!options.read_only) {
    AMIC_TRY(bool const present, file_exists(directory));
    if (!present && !options.create) return fail(Code::kNotFound, kLogFile, "no such directory");
    AMIC_TRY_VOID(make_directory(directory));
    AMIC_TRY(lock, DirectoryLock::take(directory));
  }
  AMIC_TRY(auto vault, Vault::make(options));
  AMIC_TRY(auto log, LogFile::open(directory, options, *vault));
  AMIC_TRY(auto index, IndexFile::open(directory, options, *vault, log->readers()));
  AMIC_TRY_VOID(compare_ends(*log, *index));
  if (!options.read_only) {
    auto const finished = finish_shredding(*log, *index);
    // Old pages that another process still reads are overwritten another time.
    if (!finished && finished.error().code != Code::kLocked) return fail(finished.error());
  }
  return std::unique_ptr<Store>(std::make_unique<SqliteStore>(std::move(lock), std::move(vault),
                                                              std::move(log), std::move(index)));
}

}  // namespace amic::store::sqlite
