// idx.db: everything derived. One writer connection (the apply thread), a few readers.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>

#include "store/sqlite/bodies.h"
#include "store/sqlite/pool.h"
#include "store/store.h"

namespace amic::store::sqlite {

class IndexFile {
 public:
  // Never fails for what is wrong with the contents of idx.db alone, except a newer schema: then
  // it is made anew, empty, and reset_reason() says why; so too if it is of another key. Data keys
  // are read from `log`. In read-only mode the index is left as it
  // is, and if it can't be used its calls answer kUnavailable.
  static Result<std::unique_ptr<IndexFile>> open(std::filesystem::path const& directory,
                                                 Options const& options, Vault& vault, Pool& log);
  std::string const& reset_reason() const { return reset_reason_; }  // empty: was not

  Result<void> apply(Derived const& derived);
  Result<std::uint64_t> watermark();
  Result<FeedEnd> feed_end();
  Result<AudienceId> intern(BytesView label);
  Result<std::vector<Audience>> audiences();
  Result<std::optional<ObjectRow>> get(std::string const& id, AudienceSet const& readable);
  Result<std::vector<ObjectRow>> versions(std::string const& id, AudienceSet const& readable);
  Result<bool> has_version(std::string const& id, std::int64_t version_us, Hash* body_sha256);
  Result<bool> has_version_for(std::string const& id, std::int64_t version_us, AudienceId audience);
  Result<std::vector<bool>> has_versions(std::vector<VersionKey> const& wanted);
  Result<Page> page(PageFilter const& filter, AudienceSet const& readable);
  Result<std::vector<ItemRow>> items(std::uint64_t after_seq, std::size_t limit,
                                     AudienceSet const& readable, bool newest_first);
  Result<std::optional<ItemRow>> item(EnvelopeId const& id, AudienceSet const& readable);
  Result<std::vector<EdgeRow>> edges(std::string const& node, bool outgoing, std::size_t limit,
                                     AudienceSet const& readable);
  Result<std::vector<RefusedObject>> refused(std::uint64_t seq);
  Result<std::uint64_t> object_count(AudienceSet const& readable);

  // The apply thread and all readers stand still while this lives.
  class Stillness {
   public:
    explicit Stillness(IndexFile& index);

   private:
    std::unique_lock<std::mutex> apply_;
    std::unique_lock<std::shared_mutex> readers_;
  };
  // Under a Stillness only. end_of: how far the record's objects reach in the feed. erase: deletes
  // what was derived from the record, and all older copies of those pages.
  Result<FeedEnd> end_of(std::uint64_t seq);
  Result<void> erase(std::uint64_t seq);

  Result<void> reset();
  Result<Hash> digest();
  Result<void> check();
  // Runs `body` over a read transaction; for online backup.
  Result<void> with_reader(std::function<Result<void>(Connection&)> const& body);

 private:
  // A read connection, and the promise that reset() waits until it is given back.
  struct Reader {
    std::shared_lock<std::shared_mutex> gate;
    Pool::Lease lease;
    Connection& operator*() const { return *lease; }
  };
  IndexFile(Vault& vault, Pool& log) : vault_(vault), log_(log), bodies_(vault) {}
  Result<Reader> reader();
  Keys keys() { return Keys(vault_, log_); }
  Result<std::uint64_t> first_ord(std::uint64_t seq);  // 0: none at or after this record
  Result<void> erase_rows(std::uint64_t seq);
  Result<void> open_writer();
  Result<void> make_anew(std::string reason);
  Result<void> train(Derived const& derived);
  Result<Bytes> train_from(Derived const& derived, std::uint64_t held);
  Result<std::optional<AudienceId>> find_label(Connection& connection, BytesView label);

  Vault& vault_;
  Pool& log_;
  std::filesystem::path file_;
  bool read_only_ = false;
  std::string reset_reason_;
  std::string unusable_;  // read-only: why the index can't be used
  std::mutex mutex_;      // over writer_ and pending_
  std::shared_mutex gate_;
  std::unique_ptr<Connection> writer_;
  std::unique_ptr<Pool> readers_;
  Bodies bodies_;
  std::map<Bytes, AudienceId> pending_;  // interned, not yet applied
  std::uint64_t trained_at_ = 0;         // objects held at the last attempt to train
};

// Columns of obj in the order that object_of() takes.
#define AMIC_OBJ_COLUMNS "ord, aud, ver, multi, creator, added, seq, dict, type, id, body"
enum ObjColumn { kOrd, kAud, kVer, kMulti, kCreator, kAdded, kSeq, kDict, kType, kId, kBody };
Result<ObjectRow> object_of(Connection& connection, Bodies& bodies, Keys& keys, Query const& row);

// Columns of item in the order that item_of() takes.
#define AMIC_ITEM_COLUMNS                                                                       \
  "seq, id, originator, precedence, aud, created_ms, received_ms, title, media_type, objects, " \
  "quarantined, rejected"
Result<ItemRow> item_of(Keys& keys, Query const& row);

// What is kept of a refused object besides its code, in one column.
struct RefusedDetail {
  std::string pointer, reason;
  Bytes frame;  // its text, compressed; or empty
};
Bytes encode_refused(RefusedDetail const& detail);
Result<RefusedDetail> decode_refused(BytesView stored);

bool may_read(AudienceSet const& readable, std::uint64_t audience);

enum class Pick { kLast, kFirst };
// Which row of `id` a reader is shown as its last or first version: its ord, 0 if none is readable.
Result<std::uint64_t> pick_version(Connection& connection, std::string const& encoded_id, Pick pick,
                                   AudienceSet const& readable);
// The first row of (id, version) that the reader may read: the others are the same object again.
Result<std::uint64_t> pick_copy(Connection& connection, std::string const& encoded_id,
                                std::int64_t version_us, AudienceSet const& readable);

}  // namespace amic::store::sqlite
