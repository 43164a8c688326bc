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

// Neither applied before nor shredded since the batch was made.
Derived MemoryIndex::fresh_part(Derived const& derived,
                                std::set<std::uint64_t> const& shredded) const {
  auto const old = [&](auto const& row) {
    return row.seq <= applied_ || shredded.contains(row.seq);
  };
  Derived out = derived;
  std::set<std::uint64_t> left_out;  // ords that get no row
  for (ObjectRow const& row : derived.objects)
    if (old(row)) left_out.insert(row.ord);
  std::erase_if(out.objects, old);
  std::erase_if(out.items, old);
  std::erase_if(out.refused, old);
  std::erase_if(out.edges, [&, last = feed_end().ord](EdgeRow const& edge) {
    return edge.ord <= last || left_out.contains(edge.ord);
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
  auto const end = feed_end();
  std::uint64_t ord = end.ord, seq = 0;
  std::int64_t added = end.added_us;
  for (ObjectRow const& row : fresh.objects) {
    AMIC_TRY_VOID(row_fits(row.seq, row.audience));
    if (row.ord <= ord || (ord != 0 && row.added_us <= added))
      return fail(Code::kOutOfRange, "apply.objects", "ord and added_us must rise");
    if (row.seq < seq) return fail(Code::kOutOfRange, "apply.objects", "seq must not fall");
    if (row.body.size() > limits::kBodyBytesMax)
      return fail(Code::kTooLarge, "apply.objects", "body");
    ord = row.ord;
    added = row.added_us;
    seq = row.seq;
  }
  for (ItemRow const& row : fresh.items) AMIC_TRY_VOID(row_fits(row.seq, row.audience));
  for (EdgeRow const& edge : fresh.edges) AMIC_TRY_VOID(row_fits(0, edge.audience));
  for (store::RefusedObject const& row : fresh.refused)
    if (row.seq > fresh.upto_seq)
      return fail(Code::kOutOfRange, "apply.refused", "a row is of a record after upto_seq");
  return {};
}

void MemoryIndex::add_object(ObjectRow const& row) {
  auto& ords = by_id_[row.id];
  for (std::uint64_t const ord : ords) {
    ObjectRow const& held = objects_.at(ord);
    if (held.version_us == row.version_us && held.audience == row.audience) return;
  }
  ords.push_back(row.ord);
  objects_.emplace(row.ord, row);
  ++counts_[row.audience];
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
  for (ObjectRow const& row : fresh.objects) add_object(row);
  for (ItemRow const& row : fresh.items) {
    items_.try_emplace(row.seq, row);
    item_by_id_.try_emplace(row.id, row.seq);
  }
  std::stable_sort(fresh.edges.begin(), fresh.edges.end(),
                   [](EdgeRow const& a, EdgeRow const& b) { return a.ord < b.ord; });
  for (EdgeRow const& edge : fresh.edges) {
    edges_.try_emplace({edge.from, true, edge.audience, edge.relation, edge.to}, edge.ord);
    edges_.try_emplace({edge.to, false, edge.audience, edge.relation, edge.from}, edge.ord);
  }
  for (store::RefusedObject const& row : fresh.refused)
    refused_.try_emplace({row.seq, row.index}, row);
  applied_ = derived.upto_seq;
  return {};
}

void MemoryIndex::apply_again(Derived const& derived) {
  for (ObjectRow row : derived.objects) {
    row.ord = feed_end().ord + 1;
    by_id_[row.id].push_back(row.ord);
    ++counts_[row.audience];
    objects_.emplace(row.ord, std::move(row));
  }
}

store::FeedEnd MemoryIndex::end_of(std::uint64_t seq) const {
  store::FeedEnd out;
  for (auto const& [ord, row] : objects_)
    if (row.seq == seq) out = {ord, row.added_us};
  return out;
}

void MemoryIndex::erase(std::uint64_t seq) {
  std::set<std::uint64_t> gone;
  for (auto at = objects_.begin(); at != objects_.end();) {
    ObjectRow const& row = at->second;
    if (row.seq != seq) {
      ++at;
      continue;
    }
    auto& ords = by_id_[row.id];
    std::erase(ords, row.ord);
    if (ords.empty()) by_id_.erase(row.id);
    --counts_[row.audience];
    gone.insert(row.ord);
    at = objects_.erase(at);
  }
  std::erase_if(edges_, [&](auto const& edge) { return gone.contains(edge.second); });
  std::erase_if(refused_, [&](auto const& row) { return row.first.first == seq; });
  if (auto const item = items_.find(seq); item != items_.end()) {
    item->second.title.clear();
    item->second.objects = item->second.quarantined = item->second.rejected = 0;
  }
}

store::FeedEnd MemoryIndex::feed_end() const {
  if (objects_.empty()) return {};
  ObjectRow const& last = objects_.rbegin()->second;
  return {last.ord, last.added_us};
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

std::vector<ObjectRow> MemoryIndex::versions(std::string const& id, AudienceSet const& readable,
                                             std::size_t newest_max) const {
  std::map<std::int64_t, std::uint64_t> first;  // version -> lowest readable ord
  if (auto const found = by_id_.find(id); found != by_id_.end())
    for (std::uint64_t const ord : found->second) {
      ObjectRow const& row = objects_.at(ord);
      if (may_read(readable, row.audience)) first.try_emplace(row.version_us, ord);
    }
  std::vector<ObjectRow> out;
  std::size_t skip = first.size() > newest_max ? first.size() - newest_max : 0;
  for (auto const& [version, ord] : first) {
    if (skip > 0)
      --skip;
    else
      out.push_back(objects_.at(ord));
  }
  return out;
}

bool MemoryIndex::has_version(std::string const& id, std::int64_t version_us,
                              Hash* body_sha256) const {
  auto const found = by_id_.find(id);
  if (found == by_id_.end()) return false;
  for (std::uint64_t const ord : found->second) {
    ObjectRow const& row = objects_.at(ord);
    if (row.version_us != version_us) continue;
    if (body_sha256 != nullptr) *body_sha256 = crypto::sha256(as_bytes(row.body));
    return true;
  }
  return false;
}

bool MemoryIndex::has_version_for(std::string const& id, std::int64_t version_us,
                                  AudienceId audience) const {
  auto const found = by_id_.find(id);
  if (found == by_id_.end()) return false;
  return std::any_of(found->second.begin(), found->second.end(), [&](std::uint64_t ord) {
    ObjectRow const& row = objects_.at(ord);
    return row.version_us == version_us && row.audience == audience;
  });
}

std::vector<bool> MemoryIndex::has_versions(std::vector<store::VersionKey> const& wanted) const {
  std::vector<bool> out;
  for (auto const& key : wanted) {
    std::string const id(key.id);
    out.push_back(key.version_us ? has_version(id, *key.version_us, nullptr) : by_id_.contains(id));
  }
  return out;
}

// Whether this is the copy and the version that the reader is shown.
bool MemoryIndex::shown(ObjectRow const& row, PageFilter const& filter,
                        AudienceSet const& readable) const {
  for (std::uint64_t const ord : by_id_.at(row.id)) {
    ObjectRow const& other = objects_.at(ord);
    if (!may_read(readable, other.audience)) continue;
    if (other.version_us == row.version_us && other.ord < row.ord) return false;
    if (!filter.versions_us.empty()) continue;
    if (filter.select == VersionSelect::kLast && other.version_us > row.version_us) return false;
    if (filter.select == VersionSelect::kFirst && other.version_us < row.version_us) return false;
  }
  return true;
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
  auto const take = [&](ItemRow const& row) {
    if (may_read(readable, row.audience)) out.push_back(row);
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
  ItemRow const& row = items_.at(found->second);
  if (!may_read(readable, row.audience)) return std::nullopt;
  return row;
}

Result<std::vector<EdgeRow>> MemoryIndex::edges(std::string const& node, bool outgoing,
                                                std::size_t limit,
                                                AudienceSet const& readable) const {
  if (limit == 0 || limit > limits::kPageMax) return fail(Code::kOutOfRange, "edges.limit");
  std::map<std::pair<std::string, std::string>, EdgeRow> found;  // (relation, other): once
  for (auto at = edges_.lower_bound({node, outgoing, 0, "", ""}); at != edges_.end(); ++at) {
    auto const& [here, direction, audience, relation, other] = at->first;
    if (here != node || direction != outgoing) break;
    if (!may_read(readable, audience)) continue;
    EdgeRow edge{outgoing ? node : other, outgoing ? other : node, relation, at->second, audience};
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
  std::uint64_t count = 0;
  for (AudienceId const audience : readable)
    if (auto const found = counts_.find(audience); found != counts_.end()) count += found->second;
  return count;
}

Hash MemoryIndex::digest() const {
  codec::Writer out;
  out.u64(applied_);
  for (auto const& [id, label] : labels_.by_id) {
    auto const count = counts_.find(id);
    out.u32(id).vec32(label).u64(count == counts_.end() ? 0 : count->second);
  }
  for (auto const& [ord, row] : objects_) {
    out.u64(ord).vec32(as_bytes(row.id)).i64(row.version_us).vec32(as_bytes(row.type));
    out.str8(row.creator.str()).u32(row.audience).u64(row.seq).i64(row.added_us);
    out.vec32(as_bytes(row.body));
  }
  for (auto const& [seq, row] : items_) {
    out.u64(seq).raw(row.id.view()).str8(row.originator.str());
    out.u8(static_cast<std::uint8_t>(row.precedence)).u32(row.audience).i64(row.created_ms);
    out.i64(row.received_ms).vec32(as_bytes(row.title)).vec32(as_bytes(row.media_type));
    out.u32(row.objects).u32(row.quarantined).u32(row.rejected);
  }
  for (auto const& [key, ord] : edges_) {
    auto const& [node, outgoing, audience, relation, other] = key;
    out.vec32(as_bytes(node)).u8(outgoing ? 1 : 0).u32(audience).vec32(as_bytes(relation));
    out.vec32(as_bytes(other)).u64(ord);
  }
  for (auto const& [key, row] : refused_) {
    out.u64(key.first).u32(key.second).u8(row.quarantined ? 1 : 0);
    out.str8(code_name(row.code)).vec32(as_bytes(row.pointer)).vec32(as_bytes(row.reason));
    out.vec32(as_bytes(row.body));
  }
  return crypto::sha256(out.bytes());
}

Result<void> MemoryIndex::check() const {
  std::size_t ids = 0, counted = 0;
  for (auto const& [id, ords] : by_id_) ids += ords.size();
  for (auto const& [audience, count] : counts_) counted += count;
  if (ids != objects_.size() || counted != objects_.size())
    return fail(Code::kCorrupt, "index", "two tables of objects differ in length");
  if (item_by_id_.size() != items_.size())
    return fail(Code::kCorrupt, "index", "items and their ids differ in number");
  return {};
}

}  // namespace amic::sim
