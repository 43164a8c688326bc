// Random rows, readers and filters, against a model and against a store without the hidden rows.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "store/conformance.h"

namespace amic::store {
namespace {

// The rules of store.h over plain vectors.
struct Model {
  std::vector<ObjectRow> rows;

  void add(ObjectRow const& row) { rows.push_back(row); }
  void remove(std::uint64_t seq) {
    std::erase_if(rows, [&](ObjectRow const& row) { return row.seq == seq; });
  }
  static std::pair<Hash, std::uint64_t> rank(ObjectRow const& row) {
    return {crypto::sha256(as_bytes(row.body)), row.ord};
  }
  static bool reads(AudienceSet const& set, ObjectRow const& row) {
    return std::binary_search(set.begin(), set.end(), row.audience);
  }
  // Whether the reader is shown it when he asks for all versions of its creator.
  bool one_of_all(ObjectRow const& row, AudienceSet const& set) const {
    if (said_before(row, set)) return false;
    for (ObjectRow const& other : rows)
      if (other.id == row.id && other.creator == row.creator && reads(set, other) &&
          other.version_us == row.version_us && rank(other) < rank(row) && !said_before(other, set))
        return false;
    return true;
  }
  bool said_before(ObjectRow const& row, AudienceSet const& set) const {
    return row.loose && std::any_of(rows.begin(), rows.end(), [&](ObjectRow const& other) {
             return other.loose && other.id == row.id && other.creator == row.creator &&
                    reads(set, other) && other.body == row.body &&
                    other.version_us < row.version_us;
           });
  }
  bool picked(ObjectRow const& row, PageFilter const& filter, AudienceSet const& set) const {
    if (!one_of_all(row, set)) return false;
    if (!filter.versions_us.empty()) return true;
    for (ObjectRow const& other : rows) {
      if (other.id != row.id || other.creator != row.creator || !reads(set, other) ||
          !one_of_all(other, set))
        continue;
      if (filter.select == VersionSelect::kLast && other.version_us > row.version_us) return false;
      if (filter.select == VersionSelect::kFirst && other.version_us < row.version_us) return false;
    }
    return true;
  }
  bool shown(ObjectRow const& row, PageFilter const& filter, AudienceSet const& set) const {
    if (!picked(row, filter, set)) return false;
    if (!filter.one_per_version || filter.creator) return true;
    return std::none_of(rows.begin(), rows.end(), [&](ObjectRow const& other) {
      return other.id == row.id && other.creator < row.creator && reads(set, other) &&
             other.version_us == row.version_us && picked(other, filter, set);
    });
  }
  template <class T>
  static bool any(std::vector<T> const& values, T const& value) {
    return values.empty() || std::find(values.begin(), values.end(), value) != values.end();
  }
  std::pair<Ords, bool> page(PageFilter const& filter, AudienceSet const& set) const {
    Ords out;
    for (ObjectRow const& row : rows) {
      if (row.ord <= filter.after_ord || row.added_us <= filter.added_after_us ||
          !reads(set, row) || !any(filter.types, row.type) || !any(filter.ids, row.id) ||
          !any(filter.versions_us, row.version_us) ||
          (filter.creator && *filter.creator != row.creator) || !shown(row, filter, set))
        continue;
      if (out.size() == filter.limit) return {out, true};
      out.push_back(row.ord);
    }
    return {out, false};
  }
};

ObjectRow random_object(std::uint64_t ord, std::uint64_t seq) {
  static char const* const kTypes[] = {"indicator", "malware", "tool"};
  auto const n = *rc::gen::inRange<std::uint64_t>(0, 12);
  ObjectRow row = object(ord, object_id(n, kTypes[n % 3]), *rc::gen::inRange(0, 4),
                         *rc::gen::inRange<AudienceId>(1, 5), seq);
  row.creator = member(*rc::gen::element<std::string>("MY", "ID"));
  row.loose = n % 3 == 2;
  row.body = "body " + std::to_string(*rc::gen::inRange(0, 3));
  return row;
}

PageFilter random_filter(std::uint64_t last_ord) {
  PageFilter filter;
  filter.limit = *rc::gen::inRange<std::size_t>(1, 12);
  filter.select =
      *rc::gen::element(VersionSelect::kLast, VersionSelect::kFirst, VersionSelect::kAll);
  filter.after_ord = *rc::gen::inRange<std::uint64_t>(0, last_ord + 2);
  if (*rc::gen::inRange(0, 3) == 0)
    filter.added_after_us =
        1'000'000 + *rc::gen::inRange<std::int64_t>(-1, static_cast<std::int64_t>(last_ord) + 2);
  if (*rc::gen::inRange(0, 3) == 0) filter.types = {"malware", "tool"};
  if (*rc::gen::inRange(0, 3) == 0) filter.ids = {object_id(1, "malware"), object_id(3)};
  if (*rc::gen::inRange(0, 4) == 0) filter.versions_us = {0, 2};
  if (*rc::gen::inRange(0, 3) == 0) filter.creator = member("ID");
  filter.one_per_version = *rc::gen::inRange(0, 3) == 0;
  return filter;
}

AudienceSet random_readable() {
  AudienceSet set;
  for (AudienceId id = 1; id <= 4; ++id)
    if (*rc::gen::inRange(0, 2) == 0) set.push_back(id);
  return set;
}

bool same_page(Page const& got, std::pair<Ords, bool> const& want) {
  Ords ords;
  for (ObjectRow const& row : got.rows) ords.push_back(row.ord);
  return ords == want.first && got.more == want.second;
}

class StoreProperty : public StoreTest {};

TEST_P(StoreProperty, RandomRowsAndReadersAgreeWithTheModel) {
  for (std::uint64_t seq = 1; seq <= 6; ++seq) ok(store_->append({unit(seq)}));
  EXPECT_TRUE(rc::check([&] {
    ok(store_->reset_index());
    for (char const* text : {"a", "b", "c", "d"}) label(text);
    Model model;
    std::uint64_t ord = 0;
    auto const batches = *rc::gen::inRange<std::uint64_t>(1, 6);
    for (std::uint64_t seq = 1; seq <= batches; ++seq) {
      std::vector<ObjectRow> rows;
      auto const count = *rc::gen::inRange(0, 12);
      for (int i = 0; i < count; ++i) rows.push_back(random_object(++ord, seq));
      for (ObjectRow const& row : rows) model.add(row);
      Derived derived;
      derived.objects = rows;
      derived.upto_seq = seq;
      ok(store_->apply(derived));
      if (*rc::gen::inRange(0, 8) == 0) reopen();
      RC_ASSERT(ok(store_->feed_end()).ord == ord);
    }
    // Taking records out, as operations do, leaves what the others would have given.
    auto const gone = *rc::gen::inRange<std::uint64_t>(0, batches + 1);
    if (gone != 0) {
      Derived derived;
      ItemRow item;
      item.seq = gone;
      item.id = envelope_id(gone);
      item.audience = 1;
      item.state = ItemState::kRetracted;
      derived.changes = {{batches + 1, item}};
      derived.upto_seq = batches + 1;
      ok(store_->apply(derived));
      model.remove(gone);
    }
    for (int i = 0; i < 25; ++i) {
      PageFilter const filter = random_filter(ord);
      AudienceSet const readable = random_readable();
      RC_ASSERT(same_page(ok(store_->page(filter, readable)), model.page(filter, readable)));
      std::string const id = object_id(*rc::gen::inRange<std::uint64_t>(0, 12));
      auto const got = ok(store_->get(id, readable));
      auto const by_first = ok(store_->creators(id, readable));
      auto const want =
          by_first.empty() ? Ords{}
                           : model.page({.ids = {id}, .creator = by_first.front()}, readable).first;
      RC_ASSERT((got ? Ords{got->ord} : Ords{}) == want);
      RC_ASSERT(ok(store_->object_count({1, 2, 3, 4})) <= model.rows.size());
    }
    ok(store_->check());
  }));
}

// Two stores that differ only in what a reader may not read answer that reader alike.
TEST_P(StoreProperty, HiddenRowsNeverShow) {
  auto const other_backend = GetParam()();
  auto const other = ok(Store::open(other_backend->dsn(), other_backend->options()));
  for (Store* store : {store_.get(), other.get()}) ok(store->append({unit(1)}));
  EXPECT_TRUE(rc::check([&] {
    for (Store* store : {store_.get(), other.get()}) {
      ok(store->reset_index());
      for (char const* text : {"a", "b", "c", "d"}) ok(store->intern(as_bytes(text)));
    }
    AudienceSet const readable = random_readable();
    Derived with, without;
    auto const count = *rc::gen::inRange<std::uint64_t>(0, 150);
    for (std::uint64_t ord = 1; ord <= count; ++ord) {
      ObjectRow const row = random_object(ord, 1);
      EdgeRow const edge{row.id, object_id(99), "ref", ord, row.audience};
      with.objects.push_back(row);
      with.edges.push_back(edge);
      if (!Model::reads(readable, row)) continue;
      without.objects.push_back(row);
      without.edges.push_back(edge);
    }
    with.upto_seq = without.upto_seq = 1;
    ok(store_->apply(with));
    ok(other->apply(without));
    RC_ASSERT(ok(store_->object_count(readable)) == ok(other->object_count(readable)));
    RC_ASSERT(ok(store_->edges(object_id(99), false, 100, readable)).size() ==
              ok(other->edges(object_id(99), false, 100, readable)).size());
    for (int i = 0; i < 20; ++i) {
      PageFilter const filter = random_filter(count);
      Page const a = ok(store_->page(filter, readable));
      Page const b = ok(other->page(filter, readable));
      RC_ASSERT(a.more == b.more);
      RC_ASSERT(a.rows.size() == b.rows.size());
      for (std::size_t k = 0; k < a.rows.size(); ++k) RC_ASSERT(a.rows[k].ord == b.rows[k].ord);
      std::string const id = object_id(*rc::gen::inRange<std::uint64_t>(0, 12));
      RC_ASSERT(ok(store_->versions(id, readable)).size() ==
                ok(other->versions(id, readable)).size());
    }
  }));
}

INSTANTIATE_TEST_SUITE_P(Backends, StoreProperty, all_backends(), backend_name);

}  // namespace
}  // namespace amic::store
