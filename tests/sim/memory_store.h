// A store::Store in memory over a simulated disk. Same contract as the others (the conformance
// suite runs over it: memory_store_test.cc), and the disk does what disks do when told to: fills
// up, fails, keeps a transaction that it said it had not, loses the newest part of the index.
#pragma once

#include <functional>
#include <memory>
#include <mutex>

#include "memory_index.h"
#include "memory_log.h"
#include "store/store.h"

namespace amic::sim {

// What one append meets on its way to the disk.
enum class AppendFault : std::uint8_t {
  kNone,
  kDiskFull,     // kDiskFull; nothing stored
  kIo,           // kIo; nothing stored
  kIoStored,     // kIo although the transaction is there, for readers at once
  kIoAfterwards  // kIo; there after the next restart unless another append came between
};
// Defects of the store that the simulation must notice (mutants.h).
struct StoreDefects {
  bool forgets_ids = false;         // neither finds ids nor refuses a second one
  bool skips_outbox_row = false;    // leaves the second row of a read out
  bool hides_flash = false;         // the most urgent lane looks empty while another one has rows
  bool applies_twice = false;       // an index batch is applied again
  bool keeps_stale_mark = false;    // a crash takes index rows, the watermark stays
  bool loses_synced_tail = false;   // a crash takes the newest appended record too: no fsync
  bool drops_tiles = false;         // hashes of the tree are not stored
  bool ignores_originator = false;  // finds an operation on an item, whoever made it
  bool first_operation_holds = false;  // rows of operations are not replaced
  bool keeps_shredded = false;         // shred() says that it has and has not
  bool undoes_shredding = false;       // a crash brings back the record shredded last
  bool shreds_more = false;            // the received record after it as well
  bool serves_rot = false;             // reads a damaged record without a word
};

// What survives a crash. One store at a time is open over it.
class Disk {
 public:
  std::function<AppendFault()> on_append;         // empty: no faults
  std::function<std::optional<Code>()> on_apply;  // an error that apply() answers with
  std::function<std::optional<Code>()> on_shred;  // likewise; kLocked: after it was done
  StoreDefects defects;

  // Power off. `lost_batches` of the newest index batches are gone, all and the file itself if
  // `index_lost`; a transaction that kIoAfterwards left behind appears.
  void crash(std::size_t lost_batches, bool index_lost);
  // A backup of both halves, and putting one back while the node is down.
  struct Saved;
  std::shared_ptr<Saved const> save() const;
  void restore(Saved const& saved);
  // Bit rot of one record, while the node is up or down.
  void rot(std::uint64_t seq, store::Flaw flaw);
  // At rest: a byte of a stored record changes.
  void rot(std::uint64_t seq, std::size_t offset);
  std::size_t index_batches() const { return applied_.size(); }
  MemoryLog const& log() const { return log_; }
  MemoryIndex const& index() const { return index_; }

 private:
  friend class MemoryStore;
  struct Batch {
    store::Derived derived;
    std::vector<store::Audience> labels;
  };
  Result<void> replay(std::size_t batches);

  mutable std::mutex mutex_;
  bool made_ = false;
  bool open_ = false;
  std::optional<Hash> key_;  // digest of the key that it was made with
  MemoryLog log_;
  MemoryLog before_last_;                      // only with loses_synced_tail
  std::optional<store::Record> before_shred_;  // only with undoes_shredding
  std::vector<store::Append> afterwards_;
  MemoryIndex index_;
  std::vector<Batch> applied_;  // since the index was made: what a crash may cut
  bool index_lost_ = true;
};

struct Disk::Saved {
  MemoryLog log;
  MemoryIndex index;
  std::vector<Batch> applied;
};

// The disk behind a name, made on first use: DSN "memory:NAME" of tests, directories of snapshots.
std::shared_ptr<Disk> disk_at(std::string const& name);

class MemoryStore final : public store::Store {
 public:
  static Result<std::unique_ptr<MemoryStore>> open(std::shared_ptr<Disk> disk,
                                                   store::Options const& options = {});
  ~MemoryStore() override;
  MemoryStore(MemoryStore const&) = delete;
  MemoryStore& operator=(MemoryStore const&) = delete;

  bool index_was_reset() const override { return !reset_reason_.empty(); }
  std::string index_reset_reason() const override { return reset_reason_; }

  Result<std::uint64_t> append(std::vector<store::Append> const& units) override;
  Result<std::uint64_t> log_size() override;
  Result<std::vector<store::Record>> log_read(std::uint64_t from_seq, std::size_t count_max,
                                              std::size_t bytes_max) override;
  Result<std::vector<Hash>> log_digests(std::uint64_t from_seq, std::size_t count_max,
                                        std::vector<store::RecordKind>* kinds) override;
  Result<std::optional<store::Record>> log_find(EnvelopeId const& id) override;
  Result<std::vector<store::OutboxRow>> outbox(MemberId const& peer, std::uint8_t lane,
                                               std::uint64_t after_n,
                                               std::size_t count_max) override;
  Result<std::vector<store::LaneDepth>> lanes() override;
  Result<std::vector<store::LaneRow>> sent(MemberId const& peer, std::uint8_t lane,
                                           std::uint64_t after_n, std::size_t count_max) override;
  Result<std::vector<store::LaneRow>> received(MemberId const& peer, std::uint8_t lane,
                                               std::uint64_t after_n,
                                               std::size_t count_max) override;
  Result<std::vector<store::Cursor>> cursors() override;
  Result<std::vector<store::Quarantined>> quarantine(MemberId const& peer,
                                                     std::size_t count_max) override;
  Result<std::optional<Bytes>> kv_get(std::string const& space, std::string const& key) override;
  Result<std::vector<std::pair<std::string, Bytes>>> kv_scan(std::string const& space,
                                                             std::string const& after_key,
                                                             std::size_t count_max) override;
  Result<std::optional<Bytes>> tile(std::uint8_t level, std::uint64_t index) override;
  Result<void> shred(std::uint64_t seq, UnixMs at_ms) override;
  Result<store::Audited> audit(std::uint64_t from_seq, std::uint64_t upto_seq,
                               std::size_t bytes_max) override;
  Result<void> check_pages() override { return {}; }
  Result<store::Salvaged> salvage() override;
  Result<store::PutBack> put_back(std::vector<store::Record> const& records, bool proven) override;

  Result<void> apply(store::Derived const& derived) override;
  Result<std::uint64_t> watermark() override;
  Result<store::FeedEnd> feed_end() override;
  Result<store::AudienceId> intern(BytesView label) override;
  Result<std::vector<store::Audience>> audiences() override;
  using Store::get;
  using Store::versions;
  Result<std::optional<store::ObjectRow>> get(std::string const& id,
                                              store::AudienceSet const& readable,
                                              std::optional<MemberId> const& creator) override;
  Result<std::vector<store::ObjectRow>> versions(std::string const& id,
                                                 store::AudienceSet const& readable,
                                                 std::optional<MemberId> const& creator) override;
  Result<std::vector<MemberId>> creators(std::string const& id,
                                         store::AudienceSet const& readable) override;
  Result<std::vector<MemberId>> originators() override;
  Result<std::vector<store::Rivals>> rivals(std::uint64_t seq, std::size_t limit,
                                            store::AudienceSet const& readable) override;
  Result<std::optional<store::OperationRow>> operation(Hash const& target,
                                                       MemberId const& originator) override;
  Result<std::vector<store::OperationRow>> operations(std::uint64_t after_seq, std::size_t limit,
                                                      store::AudienceSet const& readable) override;
  Result<std::vector<store::OperationRow>> duties(store::Duty duty, Hash const& after,
                                                  std::size_t limit) override;
  Result<std::vector<store::ReplyRow>> replies(Hash const& target) override;
  Result<store::Page> page(store::PageFilter const& filter,
                           store::AudienceSet const& readable) override;
  Result<std::vector<store::ItemRow>> items(std::uint64_t after_seq, std::size_t limit,
                                            store::AudienceSet const& readable,
                                            bool newest_first) override;
  Result<std::optional<store::ItemRow>> item(EnvelopeId const& id,
                                             store::AudienceSet const& readable) override;
  Result<std::vector<store::EdgeRow>> edges(std::string const& node, bool outgoing,
                                            std::size_t limit,
                                            store::AudienceSet const& readable) override;
  Result<std::vector<store::RefusedObject>> refused(std::uint64_t seq) override;
  Result<std::uint64_t> object_count(store::AudienceSet const& readable) override;

  Result<void> reset_index() override;
  Result<Hash> index_digest() override;
  Result<void> snapshot(std::filesystem::path const& directory) override;
  Result<void> check() override;

 private:
  MemoryStore(std::shared_ptr<Disk> disk, bool read_only);
  Result<void> writable(char const* where) const;

  std::shared_ptr<Disk> disk_;
  bool read_only_;
  std::string reset_reason_;
  std::vector<store::Audience> pending_;  // interned, not yet durable
};

}  // namespace amic::sim
