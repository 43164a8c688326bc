#include "memory_index.h"

#include <algorithm>

#include "base/limits.h"
#include "codec/codec.h"
#include "crypto/hash.h"

namespace amic::sim {

using store::AudienceId;
using store::AudienceSet;
using store::Derived;
using store::EdgeRow;
using store::ItemRow;
using store::ObjectRow;
using store::PageFilter;
using store::VersionSelect;

namespace {

bool may_read(AudienceSet const& readable, AudienceId audience) {
  return std::binary_search(readable.begin(), readable.end(), audience);
}

template <class T>
bool any(std::vector<T> const& values, T const& value) {
  return values.empty() || std::find(values.begin(), values.end(), value) != values.end();
}

std::uint64_t placed_by(ObjectRow const& row) {
  return row.placed_seq != 0 ? row.placed_seq : row.seq;
}

// What is left of the row of an item whose record was erased.
ItemRow erased_form(ItemRow row) {
  if (row.state == store::ItemState::kActive) row.state = store::ItemState::kErased;
  row.precedence = Precedence::kRoutine;
  row.created_ms = row.received_ms;
  row.title.clear();
  row.media_type.clear();
  row.objects = row.quarantined = row.rejected = 0;
  return row;
}

}  // namespace

Result<void> MemoryIndex::Labels::add(store::Audience const& audience) {
  auto const known = by_label.find(audience.label);
  if (known != by_label.end() && known->second == audience.id) return {};
  if (known != by_label.end() || audience.id == 0)
    return fail(Code::kConflict, "apply.audiences", "label has another id");
  if (!by_id.emplace(audience.id, audience.label).second)
    return fail(Code::kConflict, "apply.audiences", "id has another label");
  by_label.emplace(audience.label, audience.id);
  return {};
}

// What was neither applied before nor shredded since the batch was made; of items, what was not
// applied before.
Derived MemoryIndex::fresh_part(Derived const& derived,
                                std::set<std::uint64_t> const& shredded) const {
  Derived out = derived;
  std::set<std::uint64_t> left_out;  // ords that get no row
  auto const old_object = [&](ObjectRow const& row) {
    bool const old = placed_by(row) <= applied_ || shredded.contains(row.seq);
    if (old) left_out.insert(row.ord);
    return old;
  };
  std::erase_if(out.objects, old_object);
  std::erase_if(out.items, [&](ItemRow const& row) { return row.seq <= applied_; });
  std::erase_if(out.changes, [&](auto const& change) { return change.at_seq <= applied_; });
  std::erase_if(out.operations, [&](auto const& row) { return row.updated_seq <= applied_; });
  std::erase_if(out.replies, [&](auto const& row) { return row.seq <= applied_; });
  std::erase_if(out.refused,
                [&](auto const& row) { return row.seq <= applied_ || shredded.contains(row.seq); });
  std::erase_if(out.edges, [&](EdgeRow const& edge) {
    return edge.ord <= end_.ord || left_out.contains(edge.ord);
  });
  return out;
}

Result<void> MemoryIndex::check_batch(Derived const& fresh, Labels const& labels) const {
  AudienceId const last = labels.by_id.empty() ? 0 : labels.by_id.rbegin()->first;
  auto const row_fits = [&](std::uint64_t seq, AudienceId audience) -> Result<void> {
    if (seq > fresh.upto_seq)
      return fail(Code::kOutOfRange, "apply", "a row is of a record after upto_seq");
    if (audience == 0 || audience > last)
      return fail(Code::kOutOfRange, "apply", "a row has an audience that was never interned");
    return {};
  };
  auto const end = end_;
  std::uint64_t ord = end.ord, seq = 0;
  std::int64_t added = end.added_us;
  for (ObjectRow const& row : fresh.objects) {
    AMIC_TRY_VOID(row_fits(std::max(row.seq, placed_by(row)), row.audience));
    if (row.ord <= ord || (ord != 0 && row.added_us <= added))
      return fail(Code::kOutOfRange, "apply.objects", "ord and added_us must rise");
    if (placed_by(row) < seq) return fail(Code::kOutOfRange, "apply.objects", "seq must not fall");
    if (row.body.size() > limits::kBodyBytesMax)
      return fail(Code::kTooLarge, "apply.objects", "body");
    ord = row.ord;
    added = row.added_us;
    seq = placed_by(row);
  }
  for (ItemRow const& row : fresh.items) AMIC_TRY_VOID(row_fits(row.seq, row.audience));
  for (EdgeRow const& edge : fresh.edges) AMIC_TRY_VOID(row_fits(0, edge.audience));
  for (auto const& change : fresh.changes)
    AMIC_TRY_VOID(row_fits(change.at_seq, change.row.audience));
  for (store::RefusedObject const& row : fresh.refused)
    if (row.seq > fresh.upto_seq)
      return fail(Code::kOutOfRange, "apply.refused", "a row is of a record after upto_seq");
  for (auto const& row : fresh.operations)
    if (row.updated_seq > fresh.upto_seq)
      return fail(Code::kOutOfRange, "apply.operations", "a row is of a record after upto_seq");
  for (auto const& row : fresh.replies)
    if (row.seq > fresh.upto_seq)
      return fail(Code::kOutOfRange, "apply.replies", "a row is of a record after upto_seq");
  return {};
}

void MemoryIndex::add_object(ObjectRow const& row) {
  by_id_[row.id].push_back(row.ord);
  hashes_[row.ord] = crypto::sha256(as_bytes(row.body));
  objects_.emplace(row.ord, row);
}

void MemoryIndex::put_item(ItemRow row, std::uint64_t placed, bool shredded) {
  if (shredded) {
    if (!operations_.contains({row.digest, row.originator})) return;
    row = erased_form(std::move(row));
  }
  item_by_id_.try_emplace(row.id, row.seq);
  auto const known = items_.find(row.seq);
  Item& item = items_[row.seq];
  if (known != items_.end()) {  // what does not change
    row.id = item.row.id;
    row.digest = item.row.digest;
    row.originator = item.row.originator;
    row.received_ms = item.row.received_ms;
  }
  item.row = std::move(row);
  item.placed = placed;
}

// The objects of record `seq` where record `placed` placed them.
void MemoryIndex::take_out(std::uint64_t seq, std::uint64_t placed) {
  std::set<std::uint64_t> gone;
  for (auto at = objects_.begin(); at != objects_.end();) {
    ObjectRow const& row = at->second;
    if (row.seq != seq || placed_by(row) != placed) {
      ++at;
      continue;
    }
    auto& ords = by_id_[row.id];
    std::erase(ords, row.ord);
    if (ords.empty()) by_id_.erase(row.id);
    hashes_.erase(row.ord);
    gone.insert(row.ord);
    at = objects_.erase(at);
  }
  std::erase_if(edges_, [&](EdgeKey const& edge) { return gone.contains(std::get<5>(edge)); });
  std::erase_if(refused_, [&](auto const& row) { return row.first.first == seq; });
}

Result<void> MemoryIndex::apply(Derived const& derived, std::vector<store::Audience> const& labels,
                                std::set<std::uint64_t> const& shredded) {
  if (derived.upto_seq <= applied_) return {};
  Labels all = labels_;
  for (auto const& label : labels) AMIC_TRY_VOID(all.add(label));
  for (auto const& label : derived.audiences) AMIC_TRY_VOID(all.add(label));
  Derived fresh = fresh_part(derived, shredded);
  AMIC_TRY_VOID(check_batch(fresh, all));

  labels_ = std::move(all);
  // Which items are under operations counts for what becomes of their rows.
  for (auto const& row : fresh.operations) operations_[{row.target, row.originator}] = row;
  for (auto const& row : fresh.replies) replies_[{row.target, row.member}] = row;
  for (auto const& change : fresh.changes) {
    std::uint64_t const seq = change.row.seq;
    auto const item = items_.find(seq);
    take_out(seq, item == items_.end() ? seq : item->second.placed);
    put_item(change.row, change.at_seq, shredded.contains(seq));
  }
  for (ObjectRow const& row : fresh.objects) add_object(row);
  for (ItemRow const& row : fresh.items) put_item(row, row.seq, shredded.contains(row.seq));
  for (ObjectRow const& row : fresh.objects)
    if (auto const item = items_.find(row.seq); item != items_.end() && placed_by(row) == row.seq)
      item->second.end = {row.ord, row.added_us};
  for (EdgeRow const& edge : fresh.edges) {
    edges_.insert({edge.from, true, edge.audience, edge.relation, edge.to, edge.ord});
    edges_.insert({edge.to, false, edge.audience, edge.relation, edge.from, edge.ord});
  }
  for (store::RefusedObject const& row : fresh.refused)
    refused_.try_emplace({row.seq, row.index}, row);
  if (derived.end.ord > end_.ord) end_ = derived.end;
  for (ObjectRow const& row : derived.objects)
    if (row.ord > end_.ord) end_ = {row.ord, row.added_us};
  applied_ = derived.upto_seq;
  return {};
}

void MemoryIndex::apply_again(Derived const& derived) {
  for (ObjectRow row : derived.objects) {
    row.ord = ++end_.ord;
    add_object(row);
  }
}

store::FeedEnd MemoryIndex::end_of(std::uint64_t seq) const {
  if (auto const item = items_.find(seq); item != items_.end() && item->second.end.ord != 0)
    return item->second.end;
  store::FeedEnd out;
  for (auto const& [ord, row] : objects_)
    if (row.seq == seq && placed_by(row) == seq) out = {ord, row.added_us};
  return out;
}

void MemoryIndex::erase(std::uint64_t seq) {
  auto const item = items_.find(seq);
  take_out(seq, item == items_.end() ? seq : item->second.placed);
  if (item == items_.end()) return;
  ItemRow& row = item->second.row;
  if (operations_.contains({row.digest, row.originator})) {
    row = erased_form(std::move(row));
    return;
  }
  item_by_id_.erase(row.id);
  items_.erase(item);
}

store::FeedEnd MemoryIndex::feed_end() const {
  return end_;
}

std::map<std::uint64_t, ItemRow> MemoryIndex::all_items() const {
  std::map<std::uint64_t, ItemRow> out;
  for (auto const& [seq, item] : items_) out.emplace(seq, item.row);
  return out;
}

std::optional<AudienceId> MemoryIndex::find_label(BytesView label) const {
  auto const found = labels_.by_label.find(to_bytes(label));
  if (found == labels_.by_label.end()) return std::nullopt;
  return found->second;
}

AudienceId MemoryIndex::last_label() const {
  return labels_.by_id.empty() ? 0 : labels_.by_id.rbegin()->first;
}

std::vector<store::Audience> MemoryIndex::audiences() const {
  std::vector<store::Audience> out;
  for (auto const& [id, label] : labels_.by_id) out.push_back({id, label});
  return out;
}

std::vector<ObjectRow const*> MemoryIndex::rows_of(std::string const& id) const {
  std::vector<ObjectRow const*> out;
  if (auto const found = by_id_.find(id); found != by_id_.end())
    for (std::uint64_t const ord : found->second) out.push_back(&objects_.at(ord));
  return out;
}

// Of the rows of one id, creator and label, the first of its version or, if loose, of its body.
bool MemoryIndex::in_front(ObjectRow const& row) const {
  Hash const& hash = hashes_.at(row.ord);
  for (ObjectRow const* other : rows_of(row.id)) {
    if (other->creator != row.creator || other->audience != row.audience ||
        other->loose != row.loose)
      continue;
    Hash const& theirs = hashes_.at(other->ord);
    bool const before =
        row.loose ? theirs == hash && std::tuple(other->version_us, other->ord) <
                                          std::tuple(row.version_us, row.ord)
                  : other->version_us == row.version_us &&
                        std::tuple(theirs.data, other->ord) < std::tuple(hash.data, row.ord);
    if (before) return false;
  }
  return true;
}

ObjectRow const* MemoryIndex::copy_of(std::string const& id, MemberId const& creator,
                                      std::int64_t version_us, AudienceSet const& readable) const {
  auto const rows = rows_of(id);
  auto const mine = [&](ObjectRow const* row) {
    return row->creator == creator && may_read(readable, row->audience);
  };
  ObjectRow const* out = nullptr;
  for (ObjectRow const* row : rows) {
    if (!mine(row) || row->version_us != version_us) continue;
    Hash const& hash = hashes_.at(row->ord);
    bool const said_before =
        row->loose && std::any_of(rows.begin(), rows.end(), [&](ObjectRow const* other) {
          return mine(other) && other->loose && other->version_us < version_us &&
                 hashes_.at(other->ord) == hash;
        });
    if (said_before) continue;
    if (out == nullptr ||
        std::tuple(hash.data, row->ord) < std::tuple(hashes_.at(out->ord).data, out->ord))
      out = row;
  }
  return out;
}

ObjectRow const* MemoryIndex::pick(std::string const& id, MemberId const& creator,
                                   std::int64_t version_us, PageFilter const& filter,
                                   AudienceSet const& readable) const {
  if (!filter.versions_us.empty() || filter.select == VersionSelect::kAll)
    return copy_of(id, creator, version_us, readable);
  std::set<std::int64_t> versions;
  for (ObjectRow const* row : rows_of(id))
    if (row->creator == creator) versions.insert(row->version_us);
  ObjectRow const* out = nullptr;
  for (std::int64_t const version : versions) {
    auto const* row = copy_of(id, creator, version, readable);
    if (row == nullptr) continue;
    out = row;
    if (filter.select == VersionSelect::kFirst) break;
  }
  return out;
}

// Whether this is the row of its creator that the reader is shown.
bool MemoryIndex::shown(ObjectRow const& row, PageFilter const& filter,
                        AudienceSet const& readable) const {
  if (pick(row.id, row.creator, row.version_us, filter, readable) != &row) return false;
  if (!filter.one_per_version || filter.creator) return true;
  for (ObjectRow const* other : rows_of(row.id)) {
    if (other->creator >= row.creator) continue;
    auto const* theirs = pick(row.id, other->creator, row.version_us, filter, readable);
    if (theirs != nullptr && theirs->version_us == row.version_us) return false;
  }
  return true;
}

std::vector<MemberId> MemoryIndex::creators(std::string const& id,
                                            AudienceSet const& readable) const {
  std::set<MemberId> out;
  for (ObjectRow const* row : rows_of(id))
    if (pick(id, row->creator, row->version_us, {}, readable) != nullptr) out.insert(row->creator);
  return {out.begin(), out.end()};
}

std::vector<MemberId> MemoryIndex::originators() const {
  std::set<MemberId> out;
  for (auto const& [ord, row] : objects_) out.insert(row.creator);
  return {out.begin(), out.end()};
}

std::vector<ObjectRow> MemoryIndex::versions(std::string const& id, AudienceSet const& readable,
                                             std::optional<MemberId> const& creator) const {
  std::map<std::pair<std::int64_t, MemberId>, ObjectRow const*> found;
  for (ObjectRow const* row : rows_of(id)) {
    if (creator && *creator != row->creator) continue;
    auto const* copy = copy_of(id, row->creator, row->version_us, readable);
    if (copy != nullptr) found[{row->version_us, row->creator}] = copy;
  }
  std::vector<ObjectRow> out;
  std::size_t skip = found.size() > limits::kPageMax ? found.size() - limits::kPageMax : 0;
  for (auto const& [key, row] : found) {
    if (skip > 0)
      --skip;
    else
      out.push_back(*row);
  }
  return out;
}

std::vector<store::Rivals> MemoryIndex::rivals(std::uint64_t seq, std::size_t limit,
                                               AudienceSet const& readable) const {
  std::vector<store::Rivals> out;
  for (auto const& [ord, row] : objects_) {
    if (row.seq != seq || row.loose || !may_read(readable, row.audience)) continue;
    if (out.size() == limit) break;
    for (ObjectRow const* other : rows_of(row.id)) {
      bool const rival = other->creator == row.creator && other->version_us == row.version_us &&
                         !other->loose && may_read(readable, other->audience) &&
                         hashes_.at(other->ord) != hashes_.at(ord);
      if (!rival) continue;
      out.push_back({row, *other});
      break;
    }
  }
  return out;
}

std::optional<store::OperationRow> MemoryIndex::operation(Hash const& target,
                                                          MemberId const& originator) const {
  auto const found = operations_.find({target, originator});
  if (found == operations_.end()) return std::nullopt;
  return found->second;
}

Result<std::vector<store::OperationRow>> MemoryIndex::operations(
    std::uint64_t after_seq, std::size_t limit, AudienceSet const& readable) const {
  if (limit == 0 || limit > limits::kPageMax) return fail(Code::kOutOfRange, "operations.limit");
  std::map<std::uint64_t, store::OperationRow const*> by_seq;
  for (auto const& [key, row] : operations_)
    if (row.seq > after_seq && may_read(readable, row.audience)) by_seq[row.seq] = &row;
  std::vector<store::OperationRow> out;
  for (auto const& [seq, row] : by_seq)
    if (out.size() < limit) out.push_back(*row);
  return out;
}

Result<std::vector<store::OperationRow>> MemoryIndex::duties(store::Duty duty, Hash const& after,
                                                             std::size_t limit) const {
  if (limit == 0 || limit > limits::kPageMax) return fail(Code::kOutOfRange, "duties.limit");
  std::vector<store::OperationRow> out;
  for (auto const& [key, row] : operations_)
    if (row.duty == duty && key.first > after && out.size() < limit) out.push_back(row);
  return out;
}

std::vector<store::ReplyRow> MemoryIndex::replies(Hash const& target) const {
  std::vector<store::ReplyRow> out;
  for (auto at = replies_.lower_bound({target, MemberId()});
       at != replies_.end() && at->first.first == target; ++at)
    out.push_back(at->second);
  return out;
}

Result<store::Page> MemoryIndex::page(PageFilter const& filter, AudienceSet const& readable) const {
  if (filter.limit == 0 || filter.limit > limits::kPageMax)
    return fail(Code::kOutOfRange, "page.limit");
  for (std::size_t const count : {filter.types.size(), filter.ids.size(), filter.versions_us.size(),
                                  filter.spec_versions.size()})
    if (count > limits::kPageMax) return fail(Code::kOutOfRange, "page.filter", "too many values");
  store::Page out;
  if (!any(filter.spec_versions, std::string("2.1"))) return out;
  for (auto at = objects_.upper_bound(filter.after_ord); at != objects_.end(); ++at) {
    ObjectRow const& row = at->second;
    if (row.added_us <= filter.added_after_us || !may_read(readable, row.audience) ||
        !any(filter.types, row.type) || !any(filter.ids, row.id) ||
        !any(filter.versions_us, row.version_us) ||
        (filter.creator && *filter.creator != row.creator) || !shown(row, filter, readable))
      continue;
    if (out.rows.size() == filter.limit) {
      out.more = true;
      break;
    }
    out.rows.push_back(row);
  }
  return out;
}

Result<std::vector<ItemRow>> MemoryIndex::items(std::uint64_t after_seq, std::size_t limit,
                                                AudienceSet const& readable,
                                                bool newest_first) const {
  if (limit == 0 || limit > limits::kPageMax) return fail(Code::kOutOfRange, "items.limit");
  std::vector<ItemRow> out;
  auto const take = [&](Item const& item) {
    if (may_read(readable, item.row.audience)) out.push_back(item.row);
    return out.size() < limit;
  };
  if (newest_first) {
    auto at = after_seq == 0 ? items_.end() : items_.lower_bound(after_seq);
    while (at != items_.begin() && take((--at)->second)) {
    }
  } else {
    for (auto at = items_.upper_bound(after_seq); at != items_.end() && take(at->second);) ++at;
  }
  return out;
}

std::optional<ItemRow> MemoryIndex::item(EnvelopeId const& id, AudienceSet const& readable) const {
  auto const found = item_by_id_.find(id);
  if (found == item_by_id_.end()) return std::nullopt;
  ItemRow const& row = items_.at(found->second).row;
  if (!may_read(readable, row.audience)) return std::nullopt;
  return row;
}

Result<std::vector<EdgeRow>> MemoryIndex::edges(std::string const& node, bool outgoing,
                                                std::size_t limit,
                                                AudienceSet const& readable) const {
  if (limit == 0 || limit > limits::kPageMax) return fail(Code::kOutOfRange, "edges.limit");
  std::map<std::pair<std::string, std::string>, EdgeRow> found;  // (relation, other): once
  for (auto at = edges_.lower_bound({node, outgoing, 0, "", "", 0}); at != edges_.end(); ++at) {
    auto const& [here, direction, audience, relation, other, ord] = *at;
    if (here != node || direction != outgoing) break;
    if (!may_read(readable, audience)) continue;
    if (auto const row = objects_.find(ord); row != objects_.end() && !in_front(row->second))
      continue;
    EdgeRow edge{outgoing ? node : other, outgoing ? other : node, relation, ord, audience};
    auto const [held, fresh] = found.try_emplace({relation, other}, edge);
    if (!fresh && edge.ord < held->second.ord) held->second = std::move(edge);
    if (found.size() == limit) break;
  }
  std::vector<EdgeRow> out;
  for (auto& [key, edge] : found) out.push_back(std::move(edge));
  return out;
}

std::vector<store::RefusedObject> MemoryIndex::refused(std::uint64_t seq) const {
  std::vector<store::RefusedObject> out;
  for (auto at = refused_.lower_bound({seq, 0}); at != refused_.end() && at->first.first == seq;
       ++at)
    out.push_back(at->second);
  return out;
}

std::uint64_t MemoryIndex::object_count(AudienceSet const& readable) const {
  auto const counts = [&](auto const& entry) {
    return may_read(readable, entry.second.audience) && in_front(entry.second);
  };
  return static_cast<std::uint64_t>(std::count_if(objects_.begin(), objects_.end(), counts));
}

Hash MemoryIndex::digest() const {
  codec::Writer out;
  out.u64(applied_);
  auto const label = [&](AudienceId id) { return BytesView(labels_.by_id.at(id)); };
  for (auto const& [ord, row] : objects_) {
    out.u64(ord).vec32(as_bytes(row.id)).i64(row.version_us).vec32(as_bytes(row.type));
    out.str8(row.creator.str()).vec32(label(row.audience)).u64(row.seq).i64(row.added_us);
    out.u8(row.loose ? 1 : 0).u64(row.placed_seq).vec32(as_bytes(row.body));
  }
  for (auto const& [seq, item] : items_) {
    ItemRow const& row = item.row;
    out.u64(seq).raw(row.id.view()).raw(row.digest.view()).str8(row.originator.str());
    out.u8(static_cast<std::uint8_t>(row.precedence)).vec32(label(row.audience));
    out.i64(row.created_ms).i64(row.received_ms).vec32(as_bytes(row.title));
    out.vec32(as_bytes(row.media_type)).u32(row.objects).u32(row.quarantined).u32(row.rejected);
    out.u8(static_cast<std::uint8_t>(row.state));
  }
  for (auto const& [node, outgoing, audience, relation, other, ord] : edges_) {
    if (!outgoing) continue;
    out.vec32(as_bytes(node)).vec32(label(audience)).vec32(as_bytes(relation));
    out.vec32(as_bytes(other)).u64(ord);
  }
  for (auto const& [key, row] : refused_) {
    out.u64(key.first).u32(key.second).u8(row.quarantined ? 1 : 0);
    out.str8(code_name(row.code)).vec32(as_bytes(row.pointer)).vec32(as_bytes(row.reason));
    out.vec32(as_bytes(row.body));
  }
  for (auto const& [key, row] : operations_) {
    out.raw(row.target.view()).raw(row.item.view()).str8(row.originator.str()).u64(row.counter);
    out.u8(row.kind).raw(row.digest.view()).u64(row.seq).i64(row.at_ms);
    out.vec32(as_bytes(row.reason)).vec32(label(row.audience));
    out.u8(static_cast<std::uint8_t>(row.state)).u8(static_cast<std::uint8_t>(row.precedence));
    out.u8(static_cast<std::uint8_t>(row.duty)).u64(row.demand_counter);
    out.raw(row.demand.view()).u64(row.updated_seq);
  }
  for (auto const& [key, row] : replies_) {
    out.raw(row.target.view()).str8(row.member.str()).u64(row.counter).u8(row.outcome);
    out.i64(row.at_ms).vec32(as_bytes(row.done)).vec32(as_bytes(row.reason)).u64(row.seq);
  }
  return crypto::sha256(out.bytes());
}

std::optional<store::OperationRow> MemoryIndex::any_operation(Hash const& target) const {
  for (auto const& [key, row] : operations_)
    if (key.first == target) return row;
  return std::nullopt;
}

bool MemoryIndex::mentions(std::string_view text) const {
  auto const in = [&](std::string_view where) { return where.find(text) != where.npos; };
  for (auto const& [label, id] : labels_.by_label)
    if (in(as_text(label))) return true;
  for (auto const& [ord, row] : objects_)
    if (in(row.body)) return true;
  for (auto const& [seq, item] : items_)
    if (in(item.row.title) || in(item.row.media_type)) return true;
  for (auto const& [key, row] : refused_)
    if (in(row.reason) || in(row.body)) return true;
  for (auto const& [key, row] : operations_)
    if (in(row.reason)) return true;
  return false;
}

Result<void> MemoryIndex::check() const {
  std::size_t ids = 0;
  for (auto const& [id, ords] : by_id_) ids += ords.size();
  if (ids != objects_.size() || hashes_.size() != objects_.size())
    return fail(Code::kCorrupt, "index", "two tables of objects differ in length");
  if (item_by_id_.size() != items_.size())
    return fail(Code::kCorrupt, "index", "items and their ids differ in number");
  return {};
}

}  // namespace amic::sim
