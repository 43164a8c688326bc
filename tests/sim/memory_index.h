// The index half of the store in memory: what idx.db holds, with the same rules (store/store.h).
#pragma once

#include <map>
#include <optional>
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
  // By version, then creator.
  std::vector<store::ObjectRow> versions(std::string const& id, store::AudienceSet const& readable,
                                         std::optional<MemberId> const& creator) const;
  std::vector<MemberId> creators(std::string const& id, store::AudienceSet const& readable) const;
  std::vector<MemberId> originators() const;
  std::vector<store::Rivals> rivals(std::uint64_t seq, std::size_t limit,
                                    store::AudienceSet const& readable) const;
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
  std::optional<store::OperationRow> operation(Hash const& target,
                                               MemberId const& originator) const;
  std::optional<store::OperationRow> any_operation(Hash const& target) const;  // a planted bug
  // Whether this stands anywhere in it.
  bool mentions(std::string_view text) const;
  Result<std::vector<store::OperationRow>> operations(std::uint64_t after_seq, std::size_t limit,
                                                      store::AudienceSet const& readable) const;
  Result<std::vector<store::OperationRow>> duties(store::Duty duty, Hash const& after,
                                                  std::size_t limit) const;
  std::vector<store::ReplyRow> replies(Hash const& target) const;
  store::FeedEnd end_of(std::uint64_t seq) const;  // how far the record's objects reach
  void erase(std::uint64_t seq);                   // what was derived from one record
  Hash digest() const;
  Result<void> check() const;

  // For checks by the simulation: everything, whoever may read it.
  std::map<std::uint64_t, store::ItemRow> all_items() const;
  std::map<std::uint64_t, store::ObjectRow> const& all_objects() const { return objects_; }

 private:
  struct Labels {
    std::map<store::AudienceId, Bytes> by_id;
    std::map<Bytes, store::AudienceId> by_label;
    Result<void> add(store::Audience const& audience);
  };
  // (node, direction, audience, relation, other end, ord): where the order of answers comes from.
  using EdgeKey =
      std::tuple<std::string, bool, store::AudienceId, std::string, std::string, std::uint64_t>;
  struct Item {
    store::ItemRow row;
    std::uint64_t placed = 0;  // the record that placed its objects
    store::FeedEnd end;        // how far they reached when it came
  };

  // The batch without what is not to be taken; then what can be wrong with it.
  store::Derived fresh_part(store::Derived const& derived,
                            std::set<std::uint64_t> const& shredded) const;
  Result<void> check_batch(store::Derived const& fresh, Labels const& labels) const;
  void add_object(store::ObjectRow const& row);
  void put_item(store::ItemRow row, std::uint64_t placed, bool shredded);
  void take_out(std::uint64_t seq, std::uint64_t placed);
  std::vector<store::ObjectRow const*> rows_of(std::string const& id) const;
  bool in_front(store::ObjectRow const& row) const;
  // The row shown of one version, null: none; and whether a row is what the filter asks for.
  store::ObjectRow const* copy_of(std::string const& id, MemberId const& creator,
                                  std::int64_t version_us,
                                  store::AudienceSet const& readable) const;
  store::ObjectRow const* pick(std::string const& id, MemberId const& creator,
                               std::int64_t version_us, store::PageFilter const& filter,
                               store::AudienceSet const& readable) const;
  bool shown(store::ObjectRow const& row, store::PageFilter const& filter,
             store::AudienceSet const& readable) const;

  std::uint64_t applied_ = 0;
  Labels labels_;
  store::FeedEnd end_;
  std::map<std::uint64_t, store::ObjectRow> objects_;                  // by ord
  std::unordered_map<std::string, std::vector<std::uint64_t>> by_id_;  // object id -> ords, rising
  std::map<std::uint64_t, Hash> hashes_;                               // of bodies, by ord
  std::map<std::uint64_t, Item> items_;                                // by seq
  std::map<EnvelopeId, std::uint64_t> item_by_id_;
  std::set<EdgeKey> edges_;
  std::map<std::pair<Hash, MemberId>, store::OperationRow> operations_;
  std::map<std::pair<Hash, MemberId>, store::ReplyRow> replies_;
  std::map<std::pair<std::uint64_t, std::uint32_t>, store::RefusedObject> refused_;
};

}  // namespace amic::sim
