#include "memory_store.h"

#include <algorithm>
#include <map>

#include "base/limits.h"
#include "crypto/hash.h"

namespace amic::sim {

using Lock = std::lock_guard<std::mutex>;

// ---- The disk ---------------------------------------------------------------------------------

void Disk::crash(std::size_t lost_batches, bool index_lost) {
  Lock const lock(mutex_);
  if (defects.loses_synced_tail) log_ = before_last_;
  if (before_shred_) log_.put(*std::exchange(before_shred_, std::nullopt));
  if (!afterwards_.empty()) static_cast<void>(log_.append(afterwards_));  // ids may be taken by now
  afterwards_.clear();
  if (index_lost) {
    index_ = {};
    applied_.clear();
    index_lost_ = true;
  } else if (lost_batches > 0) {
    std::uint64_t const mark = index_.watermark();
    static_cast<void>(replay(applied_.size() - std::min(lost_batches, applied_.size())));
    if (defects.keeps_stale_mark) index_.set_watermark(mark);
  }
}

std::shared_ptr<Disk::Saved const> Disk::save() const {
  Lock const lock(mutex_);
  return std::make_shared<Saved const>(Saved{log_, index_, applied_});
}

void Disk::restore(Saved const& saved) {
  Lock const lock(mutex_);
  log_ = before_last_ = saved.log;
  index_ = saved.index;
  applied_ = saved.applied;
  afterwards_.clear();
  index_lost_ = false;
}

void Disk::rot(std::uint64_t seq, std::size_t offset) {
  Lock const lock(mutex_);
  if (!defects.serves_rot) return log_.damage(seq, store::Flaw::kBytes);
  auto record = log_.at(seq);
  record.bytes[offset % record.bytes.size()] ^= 0x40;
  log_.put(std::move(record));
}

Result<void> Disk::replay(std::size_t batches) {
  index_ = {};
  applied_.resize(batches);
  for (Batch const& batch : applied_)
    AMIC_TRY_VOID(
        index_.apply(batch.derived, batch.labels, log_.shredded(0, batch.derived.upto_seq)));
  return {};
}

std::shared_ptr<Disk> disk_at(std::string const& name) {
  static std::mutex mutex;
  static std::map<std::string, std::shared_ptr<Disk>> disks;
  Lock const lock(mutex);
  auto& disk = disks[name];
  if (!disk) disk = std::make_shared<Disk>();
  return disk;
}

// ---- Opening ----------------------------------------------------------------------------------

MemoryStore::MemoryStore(std::shared_ptr<Disk> disk, bool read_only)
    : disk_(std::move(disk)), read_only_(read_only) {}

MemoryStore::~MemoryStore() {
  Lock const lock(disk_->mutex_);
  if (!read_only_) disk_->open_ = false;
}

Result<std::unique_ptr<MemoryStore>> MemoryStore::open(std::shared_ptr<Disk> disk,
                                                       store::Options const& options) {
  Lock const lock(disk->mutex_);
  if (!disk->made_ && (options.read_only || !options.create))
    return fail(Code::kNotFound, "store", "no store there");
  std::optional<Hash> key;
  if (options.key) key = crypto::sha256(options.key->view());
  if (disk->made_ && key != disk->key_) {
    Code const code = !key         ? Code::kMissingKey
                      : disk->key_ ? Code::kWrongPassphrase
                                   : Code::kConflict;
    return fail(code, "store.key");
  }
  if (!options.read_only && disk->open_) return fail(Code::kLocked, "store", "open already");
  if (disk->index_.watermark() > disk->log_.size())
    return fail(Code::kCorrupt, "store", "the index was made from more records than there are");
  if (!disk->made_) disk->key_ = key;
  std::unique_ptr<MemoryStore> out(new MemoryStore(disk, options.read_only));
  if (options.read_only) return out;
  disk->made_ = disk->open_ = true;
  if (disk->index_lost_) out->reset_reason_ = "absent";
  disk->index_lost_ = false;
  return out;
}

Result<void> MemoryStore::writable(char const* where) const {
  if (read_only_) return fail(Code::kReadOnly, where, "opened for reading only");
  return {};
}

// ---- The log ----------------------------------------------------------------------------------

Result<std::uint64_t> MemoryStore::append(std::vector<store::Append> const& units) {
  AMIC_TRY_VOID(writable("log"));
  Lock const lock(disk_->mutex_);
  auto const fault = disk_->on_append ? disk_->on_append() : AppendFault::kNone;
  if (fault == AppendFault::kDiskFull) return fail(Code::kDiskFull, "log");
  if (fault == AppendFault::kIo) return fail(Code::kIo, "log");
  if (fault == AppendFault::kIoAfterwards) {
    disk_->afterwards_ = units;
    return fail(Code::kIo, "log", "sync");
  }
  auto& defects = disk_->defects;
  if (defects.loses_synced_tail) disk_->before_last_ = disk_->log_;
  auto const* kept = &units;
  std::vector<store::Append> without_tiles;
  if (defects.drops_tiles) {
    without_tiles = units;
    for (auto& unit : without_tiles) unit.tiles.clear();
    kept = &without_tiles;
  }
  AMIC_TRY(std::uint64_t const first, disk_->log_.append(*kept, !defects.forgets_ids));
  disk_->afterwards_.clear();  // written over
  if (fault == AppendFault::kIoStored) return fail(Code::kIo, "log", "sync");
  return first;
}

Result<std::uint64_t> MemoryStore::log_size() {
  Lock const lock(disk_->mutex_);
  return disk_->log_.size();
}

Result<std::vector<store::Record>> MemoryStore::log_read(std::uint64_t from_seq,
                                                         std::size_t count_max,
                                                         std::size_t bytes_max) {
  Lock const lock(disk_->mutex_);
  auto records = disk_->log_.read(from_seq, count_max, bytes_max);
  AMIC_TRY_VOID(disk_->log_.readable(from_seq, records.size(), true));
  return records;
}

Result<std::vector<Hash>> MemoryStore::log_digests(std::uint64_t from_seq, std::size_t count_max,
                                                   std::vector<store::RecordKind>* kinds) {
  Lock const lock(disk_->mutex_);
  auto digests = disk_->log_.digests(from_seq, count_max, kinds);
  AMIC_TRY_VOID(disk_->log_.readable(from_seq, digests.size(), false));
  return digests;
}

Result<std::optional<store::Record>> MemoryStore::log_find(EnvelopeId const& id) {
  Lock const lock(disk_->mutex_);
  if (disk_->defects.forgets_ids) return std::optional<store::Record>();
  auto record = disk_->log_.find(id);
  if (record) AMIC_TRY_VOID(disk_->log_.readable(record->seq, 1, true));
  return record;
}

namespace {
// The planted bugs of reading a queue, whichever call reads it.
template <class Row>
void spoil(std::vector<Row>& rows, StoreDefects const& defects, bool hidden) {
  if (defects.skips_outbox_row && rows.size() > 1) {
    rows.erase(rows.begin() + 1);  // and what follows moves up
    for (std::size_t i = 1; i < rows.size(); ++i) rows[i].n -= 1;
  }
  if (hidden) rows.clear();
}
}  // namespace

Result<std::vector<store::OutboxRow>> MemoryStore::outbox(MemberId const& peer, std::uint8_t lane,
                                                          std::uint64_t after_n,
                                                          std::size_t count_max) {
  Lock const lock(disk_->mutex_);
  auto rows = disk_->log_.outbox(peer, lane, after_n, count_max);
  spoil(rows, disk_->defects,
        disk_->defects.hides_flash && lane == 0 && !disk_->log_.outbox(peer, 3, 0, 1).empty());
  return rows;
}

Result<std::vector<store::LaneDepth>> MemoryStore::lanes() {
  Lock const lock(disk_->mutex_);
  return disk_->log_.lanes();
}

Result<std::vector<store::LaneRow>> MemoryStore::sent(MemberId const& peer, std::uint8_t lane,
                                                      std::uint64_t after_n,
                                                      std::size_t count_max) {
  Lock const lock(disk_->mutex_);
  auto rows = disk_->log_.sent(peer, lane, after_n, count_max);
  spoil(rows, disk_->defects,
        disk_->defects.hides_flash && lane == 0 && !disk_->log_.outbox(peer, 3, 0, 1).empty());
  return rows;
}

Result<std::vector<store::LaneRow>> MemoryStore::received(MemberId const& peer, std::uint8_t lane,
                                                          std::uint64_t after_n,
                                                          std::size_t count_max) {
  Lock const lock(disk_->mutex_);
  return disk_->log_.received(peer, lane, after_n, count_max);
}

Result<std::vector<store::Cursor>> MemoryStore::cursors() {
  Lock const lock(disk_->mutex_);
  return disk_->log_.cursors();
}

Result<std::vector<store::Quarantined>> MemoryStore::quarantine(MemberId const& peer,
                                                                std::size_t count_max) {
  Lock const lock(disk_->mutex_);
  return disk_->log_.quarantine(peer, count_max);
}

Result<std::optional<Bytes>> MemoryStore::kv_get(std::string const& space, std::string const& key) {
  Lock const lock(disk_->mutex_);
  return disk_->log_.kv_get(space, key);
}

Result<std::vector<std::pair<std::string, Bytes>>> MemoryStore::kv_scan(
    std::string const& space, std::string const& after_key, std::size_t count_max) {
  Lock const lock(disk_->mutex_);
  return disk_->log_.kv_scan(space, after_key, count_max);
}

Result<std::optional<Bytes>> MemoryStore::tile(std::uint8_t level, std::uint64_t index) {
  Lock const lock(disk_->mutex_);
  return disk_->log_.tile(level, index);
}

Result<void> MemoryStore::shred(std::uint64_t seq, UnixMs) {
  AMIC_TRY_VOID(writable("shred"));
  Lock const lock(disk_->mutex_);
  AMIC_TRY_VOID(disk_->log_.may_shred(seq));
  auto const fault = disk_->on_shred ? disk_->on_shred() : std::nullopt;
  if (fault && *fault != Code::kLocked) return fail(*fault, "shred");
  auto const& defects = disk_->defects;
  if (defects.keeps_shredded) return {};
  if (defects.undoes_shredding) disk_->before_shred_ = disk_->log_.at(seq);
  disk_->log_.shred(seq, disk_->index_.end_of(seq));
  disk_->index_.erase(seq);
  if (defects.shreds_more && seq < disk_->log_.size() &&
      disk_->log_.at(seq + 1).kind == store::RecordKind::kEnvelopeIn) {
    disk_->log_.shred(seq + 1, disk_->index_.end_of(seq + 1));
    disk_->index_.erase(seq + 1);
  }
  if (fault) return fail(*fault, "shred", "old pages are still read");
  return {};
}

Result<store::Audited> MemoryStore::audit(std::uint64_t from_seq, std::uint64_t upto_seq,
                                          std::size_t bytes_max) {
  Lock const lock(disk_->mutex_);
  return disk_->log_.audit(from_seq, upto_seq, bytes_max);
}

Result<store::Salvaged> MemoryStore::salvage() {
  AMIC_TRY_VOID(writable("salvage"));
  return store::Salvaged{};  // there are no pages that could be damaged
}

Result<store::PutBack> MemoryStore::put_back(std::vector<store::Record> const& records,
                                             bool proven) {
  AMIC_TRY_VOID(writable("put_back"));
  Lock const lock(disk_->mutex_);
  return disk_->log_.put_back(records, proven);
}

// ---- The index --------------------------------------------------------------------------------

Result<void> MemoryStore::apply(store::Derived const& derived) {
  AMIC_TRY_VOID(writable("index"));
  Lock const lock(disk_->mutex_);
  auto& index = disk_->index_;
  if (derived.upto_seq <= index.watermark()) return {};
  if (auto const code = disk_->on_apply ? disk_->on_apply() : std::nullopt)
    return fail(*code, "index");
  store::Derived first_ones;
  auto const* taken = &derived;
  if (disk_->defects.first_operation_holds) {
    first_ones = derived;
    std::erase_if(first_ones.operations, [&](auto const& row) {
      return index.operation(row.target, row.originator).has_value();
    });
    taken = &first_ones;
  }
  AMIC_TRY_VOID(index.apply(*taken, pending_, disk_->log_.shredded(0, derived.upto_seq)));
  if (disk_->defects.applies_twice) index.apply_again(derived);
  disk_->applied_.push_back({*taken, std::move(pending_)});
  pending_.clear();
  return {};
}

Result<std::uint64_t> MemoryStore::watermark() {
  Lock const lock(disk_->mutex_);
  return disk_->index_.watermark();
}

Result<store::FeedEnd> MemoryStore::feed_end() {
  Lock const lock(disk_->mutex_);
  auto const held = disk_->index_.feed_end();
  auto const shredded = disk_->log_.shredded_end(disk_->index_.watermark());
  return held.ord < shredded.ord ? shredded : held;
}

Result<store::AudienceId> MemoryStore::intern(BytesView label) {
  AMIC_TRY_VOID(writable("index"));
  Lock const lock(disk_->mutex_);
  for (auto const& audience : pending_)
    if (equal(audience.label, label)) return audience.id;
  if (auto const known = disk_->index_.find_label(label)) return *known;
  auto const count = static_cast<store::AudienceId>(pending_.size());
  store::AudienceId const id = disk_->index_.last_label() + count + 1;
  pending_.push_back({id, to_bytes(label)});
  return id;
}

Result<std::vector<store::Audience>> MemoryStore::audiences() {
  Lock const lock(disk_->mutex_);
  return disk_->index_.audiences();
}

Result<std::optional<store::ObjectRow>> MemoryStore::get(std::string const& id,
                                                         store::AudienceSet const& readable,
                                                         std::optional<MemberId> const& creator) {
  Lock const lock(disk_->mutex_);
  auto const& index = disk_->index_;
  auto const members = creator ? std::vector{*creator} : index.creators(id, readable);
  if (members.empty()) return std::optional<store::ObjectRow>();
  auto rows = index.versions(id, readable, members.front());
  if (rows.empty()) return std::optional<store::ObjectRow>();
  return std::optional(std::move(rows.back()));
}

Result<std::vector<store::ObjectRow>> MemoryStore::versions(
    std::string const& id, store::AudienceSet const& readable,
    std::optional<MemberId> const& creator) {
  Lock const lock(disk_->mutex_);
  return disk_->index_.versions(id, readable, creator);
}

Result<std::vector<MemberId>> MemoryStore::creators(std::string const& id,
                                                    store::AudienceSet const& readable) {
  Lock const lock(disk_->mutex_);
  return disk_->index_.creators(id, readable);
}

Result<std::vector<MemberId>> MemoryStore::originators() {
  Lock const lock(disk_->mutex_);
  return disk_->index_.originators();
}

Result<std::vector<store::Rivals>> MemoryStore::rivals(std::uint64_t seq, std::size_t limit,
                                                       store::AudienceSet const& readable) {
  Lock const lock(disk_->mutex_);
  return disk_->index_.rivals(seq, limit, readable);
}

Result<std::optional<store::OperationRow>> MemoryStore::operation(Hash const& target,
                                                                  MemberId const& originator) {
  Lock const lock(disk_->mutex_);
  if (disk_->defects.ignores_originator) return disk_->index_.any_operation(target);
  return disk_->index_.operation(target, originator);
}

Result<std::vector<store::OperationRow>> MemoryStore::operations(
    std::uint64_t after_seq, std::size_t limit, store::AudienceSet const& readable) {
  Lock const lock(disk_->mutex_);
  return disk_->index_.operations(after_seq, limit, readable);
}

Result<std::vector<store::OperationRow>> MemoryStore::duties(store::Duty duty, Hash const& after,
                                                             std::size_t limit) {
  Lock const lock(disk_->mutex_);
  return disk_->index_.duties(duty, after, limit);
}

Result<std::vector<store::ReplyRow>> MemoryStore::replies(Hash const& target) {
  Lock const lock(disk_->mutex_);
  return disk_->index_.replies(target);
}

Result<store::Page> MemoryStore::page(store::PageFilter const& filter,
                                      store::AudienceSet const& readable) {
  Lock const lock(disk_->mutex_);
  return disk_->index_.page(filter, readable);
}

Result<std::vector<store::ItemRow>> MemoryStore::items(std::uint64_t after_seq, std::size_t limit,
                                                       store::AudienceSet const& readable,
                                                       bool newest_first) {
  Lock const lock(disk_->mutex_);
  return disk_->index_.items(after_seq, limit, readable, newest_first);
}

Result<std::optional<store::ItemRow>> MemoryStore::item(EnvelopeId const& id,
                                                        store::AudienceSet const& readable) {
  Lock const lock(disk_->mutex_);
  return disk_->index_.item(id, readable);
}

Result<std::vector<store::EdgeRow>> MemoryStore::edges(std::string const& node, bool outgoing,
                                                       std::size_t limit,
                                                       store::AudienceSet const& readable) {
  Lock const lock(disk_->mutex_);
  return disk_->index_.edges(node, outgoing, limit, readable);
}

Result<std::vector<store::RefusedObject>> MemoryStore::refused(std::uint64_t seq) {
  Lock const lock(disk_->mutex_);
  return disk_->index_.refused(seq);
}

Result<std::uint64_t> MemoryStore::object_count(store::AudienceSet const& readable) {
  Lock const lock(disk_->mutex_);
  return disk_->index_.object_count(readable);
}

// ---- Maintenance ------------------------------------------------------------------------------

Result<void> MemoryStore::reset_index() {
  AMIC_TRY_VOID(writable("index"));
  Lock const lock(disk_->mutex_);
  disk_->index_ = {};
  disk_->applied_.clear();
  pending_.clear();
  return {};
}

Result<Hash> MemoryStore::index_digest() {
  Lock const lock(disk_->mutex_);
  return disk_->index_.digest();
}

Result<void> MemoryStore::snapshot(std::filesystem::path const& directory) {
  auto const copy = disk_at(directory.string());
  if (copy == disk_) return fail(Code::kConflict, "snapshot", "that is the store itself");
  std::scoped_lock const lock(disk_->mutex_, copy->mutex_);
  if (copy->made_) return fail(Code::kConflict, "snapshot", "a store is there already");
  copy->made_ = true;
  copy->key_ = disk_->key_;
  copy->log_ = disk_->log_;
  copy->index_ = disk_->index_;
  copy->applied_ = disk_->applied_;
  copy->index_lost_ = false;
  return {};
}

Result<void> MemoryStore::check() {
  Lock const lock(disk_->mutex_);
  AMIC_TRY_VOID(disk_->log_.check());
  return disk_->index_.check();
}

}  // namespace amic::sim
