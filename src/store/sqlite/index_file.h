// idx.db: everything derived. One writer connection (the apply thread), a few readers.
#pragma once

#include <filesystem>
#include <functional>
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
  Result<std::optional<ObjectRow>> get(std::string const& id, AudienceSet const& readable,
                                       std::optional<MemberId> const& creator);
  Result<std::vector<ObjectRow>> versions(std::string const& id, AudienceSet const& readable,
                                          std::optional<MemberId> const& creator);
  Result<std::vector<MemberId>> creators(std::string const& id, AudienceSet const& readable);
  Result<std::vector<MemberId>> originators();
  Result<std::vector<Rivals>> rivals(std::uint64_t seq, std::size_t limit,
                                     AudienceSet const& readable);
  Result<Page> page(PageFilter const& filter, AudienceSet const& readable);
  Result<std::vector<ItemRow>> items(std::uint64_t after_seq, std::size_t limit,
                                     AudienceSet const& readable, bool newest_first);
  Result<std::optional<ItemRow>> item(EnvelopeId const& id, AudienceSet const& readable);
  Result<std::optional<UnixMs>> received_ms(std::uint64_t seq);  // of an item's record
  Result<std::vector<EdgeRow>> edges(std::string const& node, bool outgoing, std::size_t limit,
                                     AudienceSet const& readable);
  Result<std::vector<RefusedObject>> refused(std::uint64_t seq);
  Result<std::uint64_t> object_count(AudienceSet const& readable);
  Result<std::optional<OperationRow>> operation(Hash const& target, MemberId const& originator);
  Result<std::vector<OperationRow>> operations(std::uint64_t after_seq, std::size_t limit,
                                               AudienceSet const& readable);
  Result<std::vector<OperationRow>> duties(Duty duty, Hash const& after, std::size_t limit);
  Result<std::vector<ReplyRow>> replies(Hash const& target);

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
  Result<void> erase_rows(std::uint64_t seq);
  Result<std::uint64_t> erase_item(std::uint64_t seq);
  Result<void> digest_refused(Connection& connection, Keys& keys,
                              std::function<void(Bytes const&)> const& take);
  Result<void> each_object(Connection& connection, Keys& keys,
                           std::function<void(ObjectRow const&)> const& take);
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
#define AMIC_OBJ_COLUMNS \
  "ord, aud, ver, multi, creator, added, seq, dict, type, id, body, loose, placed"
enum ObjColumn {
  kOrd,
  kAud,
  kVer,
  kMulti,
  kCreator,
  kAdded,
  kSeq,
  kDict,
  kType,
  kId,
  kBody,
  kLoose,
  kPlaced
};
// The row at `ord` of obj, or, with `spare`, of the rows that wait behind one of obj.
Result<ObjectRow> object_at(Connection& connection, Bodies& bodies, Keys& keys, std::uint64_t ord,
                            bool spare = false);
Result<ObjectRow> object_of(Connection& connection, Bodies& bodies, Keys& keys, Query const& row);

// Columns of item in the order that item_of() takes.
#define AMIC_ITEM_COLUMNS                                                                       \
  "seq, id, originator, precedence, aud, created_ms, received_ms, title, media_type, objects, " \
  "quarantined, rejected, digest, state"
Result<ItemRow> item_of(Keys& keys, Query const& row);

// What is kept of a refused object besides its code, in one column.
struct RefusedDetail {
  std::string pointer, reason;
  Bytes frame;  // its text, compressed; or empty
};
Bytes encode_refused(RefusedDetail const& detail);
Result<RefusedDetail> decode_refused(BytesView stored);

bool may_read(AudienceSet const& readable, std::uint64_t audience);

// Which record gave the item's objects their place: `seq` itself, or an operation.
Result<std::uint64_t> placed_by(Connection& db, std::uint64_t seq);
// What is left of the row of an item whose record was erased.
ItemRow erased_form(ItemRow row);
Result<FeedEnd> stored_end(Connection& db);

// apply's part for operations and replies that are newer than `applied`.
Result<void> insert_operations(Connection& db, Keys& keys, Derived const& derived,
                               std::uint64_t applied);
// Columns of op and reply in the order that these take.
#define AMIC_OP_COLUMNS                                                               \
  "target, item, originator, counter, kind, digest, seq, at_ms, reason, aud, state, " \
  "precedence, duty, demand_counter, demand, updated"
Result<OperationRow> operation_of(Keys& keys, Query const& row);
#define AMIC_REPLY_COLUMNS "target, member, counter, outcome, at_ms, detail, seq"
Result<ReplyRow> reply_of(Keys& keys, Query const& row);

// Who asks for one object: store.h, "Which row of an id a reader is shown".
struct Asked {
  std::string const& id;  // encoded
  std::string_view creator;
  AudienceSet const& readable;
};
struct Shown {
  std::int64_t version = 0;
  std::uint64_t ord = 0;  // 0: none
};
enum class Pick { kLast, kFirst };
Result<Shown> pick_version(Connection& connection, Asked const& asked, Pick pick);
// The row shown of one version.
Result<Shown> pick_copy(Connection& connection, Asked const& asked, std::int64_t version_us);
// Members with rows of this id, whoever may read them; sorted.
Result<std::vector<std::string>> creators_of(Connection& connection, std::string const& id);

}  // namespace amic::store::sqlite
