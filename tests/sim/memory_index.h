// The index half of the store in memory: what idx.db holds, with the same rules (store/store.h).
#pragma once

#include <map>
#include <set>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "store/store.h"

namespace amic::sim {

class MemoryIndex {
 public:
  // `labels` are stored with the batch: those interned before it and not yet durable. Rows of
  // `shredded` records are left out.
  Result<void> apply(store::Derived const& derived, std::vector<store::Audience> const& labels,
                     std::set<std::uint64_t> const& shredded = {});
  // A planted bug: takes the objects of a batch that was applied before once more.
  void apply_again(store::Derived const& derived);
  std::uint64_t watermark() const { return applied_; }
  void set_watermark(std::uint64_t seq) { applied_ = seq; }  // planted bugs only
  store::FeedEnd feed_end() const;
  std::optional<store::AudienceId> find_label(BytesView label) const;
  store::AudienceId last_label() const;
  std::vector<store::Audience> audiences() const;
  std::vector<store::ObjectRow> versions(std::string const& id, store::AudienceSet const& readable,
                                         std::size_t newest_max) const;
  bool has_version(std::string const& id, std::int64_t version_us, Hash* body_sha256) const;
  bool has_version_for(std::string const& id, std::int64_t version_us,
                       store::AudienceId audience) const;
  std::vector<bool> has_versions(std::vector<store::VersionKey> const& wanted) const;
  Result<store::Page> page(store::PageFilter const& filter,
                           store::AudienceSet const& readable) const;
  Result<std::vector<store::ItemRow>> items(std::uint64_t after_seq, std::size_t limit,
                                            store::AudienceSet const& readable,
                                            bool newest_first) const;
  std::optional<store::ItemRow> item(EnvelopeId const& id,
                                     store::AudienceSet const& readable) const;
  Result<std::vector<store::EdgeRow>> edges(std::string const& node, bool outgoing,
                                            std::size_t limit,
                                            store::AudienceSet const& readable) const;
  std::vector<store::RefusedObject> refused(std::uint64_t seq) const;
  std::uint64_t object_count(store::AudienceSet const& readable) const;
  store::FeedEnd end_of(std::uint64_t seq) const;  // how far the record's objects reach
  void erase(std::uint64_t seq);                   // what was derived from one record
  Hash digest() const;
  Result<void> check() const;

  // For checks by the simulation: everything, whoever may read it.
  std::map<std::uint64_t, store::ItemRow> const& all_items() const { return items_; }
  std::map<std::uint64_t, store::ObjectRow> const& all_objects() const { return objects_; }

 private:
  struct Labels {
    std::map<store::AudienceId, Bytes> by_id;
    std::map<Bytes, store::AudienceId> by_label;
    Result<void> add(store::Audience const& audience);
  };
  // (node, direction, audience, relation, other end): where the order of answers comes from.
  using EdgeKey = std::tuple<std::string, bool, store::AudienceId, std::string, std::string>;

  // The batch without what is not to be taken; then what can be wrong with it.
  store::Derived fresh_part(store::Derived const& derived,
                            std::set<std::uint64_t> const& shredded) const;
  Result<void> check_batch(store::Derived const& fresh, Labels const& labels) const;
  void add_object(store::ObjectRow const& row);
  bool shown(store::ObjectRow const& row, store::PageFilter const& filter,
             store::AudienceSet const& readable) const;

  std::uint64_t applied_ = 0;
  Labels labels_;
  std::map<store::AudienceId, std::uint64_t> counts_;
  std::map<std::uint64_t, store::ObjectRow> objects_;                  // by ord
  std::unordered_map<std::string, std::vector<std::uint64_t>> by_id_;  // object id -> ords, rising
  std::map<std::uint64_t, store::ItemRow> items_;                      // by seq
  std::map<EnvelopeId, std::uint64_t> item_by_id_;
  std::map<EdgeKey, std::uint64_t> edges_;  // -> ord
  std::map<std::pair<std::uint64_t, std::uint32_t>, store::RefusedObject> refused_;
};

}  // namespace amic::sim
