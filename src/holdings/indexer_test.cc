#include <gtest/gtest.h>

#include "base/random.h"
#include "holdings/test_support.h"

namespace amic::holdings {
namespace {

using namespace test;
using marking::Classification;

store::AudienceSet everybody(store::Store& s) {
  auto const set = readable_by(s, reader_of(Classification::kTopSecret), 0);
  EXPECT_TRUE(set);
  return *set;
}
std::vector<store::ObjectRow> versions(store::Store& s, std::string const& id) {
  auto const rows = s.versions(id, everybody(s));
  EXPECT_TRUE(rows);
  return *rows;
}
store::ItemRow item_at(store::Store& s, std::uint64_t seq) {
  auto const rows = s.items(seq - 1, 1, everybody(s), false);
  EXPECT_TRUE(rows && rows->size() == 1);
  return rows && !rows->empty() ? rows->front() : store::ItemRow{};
}

struct Fixture {
  TempStore store;
  Indexer indexer{*store};
  std::uint64_t seq = 0;

  store::ItemRow share(std::vector<std::string> const& objects, std::string_view originator = "MY",
                       Classification classification = Classification::kRestricted) {
    ItemContext context = item(++seq, originator);
    context.marking = marking_of(classification);
    EXPECT_TRUE(indexer.add(context, bundle(objects)));
    EXPECT_TRUE(indexer.flush());
    return item_at(*store, seq);
  }
};

TEST(Indexer, ObjectsKeepTheirExactTextAndUnknownExtensions) {
  Fixture f;
  std::string const text =
      "{ \"x_future\" : {\"b\":1.50, \"a\":[\"\\u00e9\"]}, " + indicator(1).substr(1);
  auto const row = f.share({text});
  EXPECT_EQ(row.objects, 1u);
  auto const held = versions(*f.store, "indicator--" + uuid(1));
  ASSERT_EQ(held.size(), 1u);
  EXPECT_EQ(held[0].body, text);
  EXPECT_EQ(held[0].type, "indicator");
  EXPECT_EQ(held[0].creator.str(), "MY");
  EXPECT_EQ(held[0].ord, 1u);
  EXPECT_EQ(held[0].seq, 1u);
  EXPECT_EQ(held[0].added_us, item(1).received_ms * 1000);
}

TEST(Indexer, ReferencesMayComeInAnyOrder) {
  Fixture first, second;
  first.share({relationship(9, 1, 2)});
  first.share({malware(2), indicator(1)});
  second.share({indicator(1)});
  second.share({malware(2)});
  second.share({relationship(9, 1, 2)});
  for (Fixture* f : {&first, &second}) {
    std::string const id = "relationship--" + uuid(9);
    auto const edges = f->store->edges(id, true, 10, everybody(*f->store));
    ASSERT_TRUE(edges);
    std::map<std::string, std::string> got;
    for (auto const& edge : *edges) got[edge.relation] = edge.to;
    EXPECT_EQ(got["source_ref"], "indicator--" + uuid(1));
    EXPECT_EQ(got["indicates"], "malware--" + uuid(2));
    auto const back = f->store->edges("malware--" + uuid(2), false, 10, everybody(*f->store));
    ASSERT_TRUE(back);
    ASSERT_EQ(back->size(), 1u);
  }
}

TEST(Indexer, AnIdenticalVersionIsAnAcceptedDuplicate) {
  Fixture f;
  f.share({indicator(1)});
  // In the store, with other white space and member order; and twice within one bundle.
  std::string other = " " + indicator(1);
  other.insert(other.find(",\"name\""), " ");
  auto const row = f.share({other, indicator(2), indicator(2)});
  EXPECT_EQ(row.objects, 3u);
  EXPECT_EQ(row.quarantined, 0u);
  EXPECT_TRUE(conflicts(*f.store, 2, 10, everybody(*f.store))->empty());
  EXPECT_EQ(versions(*f.store, "indicator--" + uuid(1)).size(), 1u);
  EXPECT_EQ(versions(*f.store, "indicator--" + uuid(2)).size(), 1u);
  EXPECT_EQ(*f.store->object_count(everybody(*f.store)), 2u);
}

TEST(Indexer, OtherContentUnderAHeldVersionIsAConflictOfItsMember) {
  std::string const one = indicator(1);
  std::string const two = indicator(1, "2026-01-01T00:00:00.000Z", "two");
  std::vector<std::string> shown;
  for (bool const swapped : {false, true}) {
    Fixture f;
    f.share({swapped ? two : one});
    EXPECT_TRUE(conflicts(*f.store, 1, 10, everybody(*f.store))->empty());
    auto const row = f.share({malware(5), swapped ? one : two});
    EXPECT_EQ(row.objects, 2u);
    EXPECT_EQ(row.quarantined + row.rejected, 0u);
    auto const held = versions(*f.store, "indicator--" + uuid(1));
    ASSERT_EQ(held.size(), 1u);
    shown.push_back(held[0].body);
    int shown_by = 0;
    for (std::uint64_t const seq : {1u, 2u}) {
      auto const found = conflicts(*f.store, seq, 10, everybody(*f.store));
      ASSERT_TRUE(found && found->size() == 1) << seq;
      EXPECT_EQ(found->front().id, "indicator--" + uuid(1));
      EXPECT_EQ(found->front().creator.str(), "MY");
      shown_by += found->front().shown ? 1 : 0;
    }
    EXPECT_EQ(shown_by, 1);
  }
  EXPECT_EQ(shown[0], shown[1]);
}

TEST(Indexer, AnotherMembersObjectNeverHidesOrReplacesTheFirst) {
  Fixture f;
  std::string const later = indicator(1, "2026-01-09T00:00:00.000Z", "theirs");
  f.share({indicator(1)}, "MY");
  f.share({later, indicator(1, "2026-01-01T00:00:00.000Z", "two")}, "SG");
  std::string const id = "indicator--" + uuid(1);
  auto const all = everybody(*f.store);
  EXPECT_EQ((*f.store->get(id, all, *MemberId::parse("MY")))->body, indicator(1));
  EXPECT_EQ((*f.store->get(id, all, *MemberId::parse("SG")))->body, later);
  EXPECT_EQ((*f.store->get(id, all))->creator.str(), "MY");
  EXPECT_EQ(f.store->creators(id, all)->size(), 2u);
  EXPECT_EQ(f.store->page({}, all)->rows.size(), 2u);
  for (std::uint64_t const seq : {1u, 2u}) EXPECT_TRUE(conflicts(*f.store, seq, 10, all)->empty());
}

TEST(Indexer, LaterVersionsStandBesideEarlierOnes) {
  Fixture f;
  f.share({indicator(1, "2026-01-02T00:00:00.000Z", "two")});
  f.share({indicator(1), indicator(1, "2026-01-03T00:00:00.000Z", "three")});
  auto const held = versions(*f.store, "indicator--" + uuid(1));
  ASSERT_EQ(held.size(), 3u);
  EXPECT_EQ(held[0].body, indicator(1));
  EXPECT_EQ(held[2].body, indicator(1, "2026-01-03T00:00:00.000Z", "three"));
  auto const last = f.store->get("indicator--" + uuid(1), everybody(*f.store));
  ASSERT_TRUE(last && *last);
  EXPECT_EQ((*last)->body, held[2].body);
}

TEST(Indexer, AnObservableWithOtherContentIsAFurtherVersionAtTheTimeItWasSaid) {
  Fixture f;
  f.share({domain()});
  f.share({domain(",\"x_seen\":1")});
  auto const again = f.share({domain(), domain(",\"x_seen\":1")});
  EXPECT_EQ(again.objects, 2u);
  auto const held = versions(*f.store, domain_id());
  ASSERT_EQ(held.size(), 2u);
  EXPECT_EQ(held[0].version_us, item(1).created_ms * 1000);
  EXPECT_EQ(held[1].version_us, item(2).created_ms * 1000);
  EXPECT_EQ(held[1].body, domain(",\"x_seen\":1"));
}

TEST(Indexer, AddedTimesGrowWhateverTheClockDoes) {
  Fixture f;
  ItemContext late = item(1), early = item(2);
  early.received_ms = late.received_ms - 5000;
  ASSERT_TRUE(f.indexer.add(late, bundle({indicator(1), indicator(2)})));
  ASSERT_TRUE(f.indexer.add(early, bundle({indicator(3)})));
  ASSERT_TRUE(f.indexer.flush());
  auto const page = f.store->page({}, everybody(*f.store));
  ASSERT_TRUE(page);
  ASSERT_EQ(page->rows.size(), 3u);
  EXPECT_EQ(page->rows[0].added_us, late.received_ms * 1000);
  EXPECT_EQ(page->rows[1].added_us, late.received_ms * 1000 + 1);
  EXPECT_EQ(page->rows[2].added_us, late.received_ms * 1000 + 2);
}

TEST(Indexer, ReadersSeeWhatTheirClearanceAllowsAndNoMore) {
  Fixture f;
  f.share({indicator(1)}, "MY", Classification::kSecret);
  f.share({indicator(2), relationship(3, 1, 2)}, "MY", Classification::kRestricted);
  auto const low = *readable_by(*f.store, reader_of(Classification::kRestricted), 0);
  auto const high = *readable_by(*f.store, reader_of(Classification::kSecret), 0);
  auto const none = *readable_by(*f.store, reader_of(Classification::kUnclassified), 0);
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(low.size(), 1u);
  EXPECT_EQ(high.size(), 2u);
  EXPECT_EQ(*f.store->object_count(low), 2u);
  EXPECT_EQ(*f.store->object_count(high), 3u);
  EXPECT_FALSE(*f.store->get("indicator--" + uuid(1), low));
  EXPECT_TRUE(*f.store->get("indicator--" + uuid(1), high));
  // The same content under a lower marking becomes readable by those whom that item reached.
  auto const row = f.share({indicator(1)}, "SG", Classification::kRestricted);
  EXPECT_EQ(row.objects, 1u);
  auto const shown = f.store->get("indicator--" + uuid(1), low);
  EXPECT_EQ((*f.store->get("indicator--" + uuid(1), high))->creator.str(), "MY");
  ASSERT_TRUE(shown && *shown);
  EXPECT_EQ((*shown)->creator.str(), "SG");
  marking::Reader exercise = reader_of(Classification::kTopSecret);
  exercise.realm = *Realm::parse("EXERCISE:ONE");
  EXPECT_TRUE(readable_by(*f.store, exercise, 0)->empty());
}

TEST(Indexer, ExpiredMarkingsReachNobody) {
  TempStore store;
  Indexer indexer(*store);
  ItemContext context = item(1);
  context.marking.expires_ms = 5000;
  ASSERT_TRUE(indexer.add(context, bundle({indicator(1)})));
  ASSERT_TRUE(indexer.flush());
  EXPECT_EQ(readable_by(*store, reader_of(Classification::kTopSecret), 4999)->size(), 1u);
  EXPECT_TRUE(readable_by(*store, reader_of(Classification::kTopSecret), 5000)->empty());
}

TEST(Indexer, BodiesThatAreNoBundleAndOtherMediaTypes) {
  TempStore store;
  Indexer indexer(*store);
  ASSERT_TRUE(indexer.add(item(1), "{\"type\":"));
  ItemContext document = item(2);
  document.media_type = "text/plain";
  document.title = "A document";
  ASSERT_TRUE(indexer.add(document, "{ not JSON and none of our business"));
  ASSERT_TRUE(indexer.skip(3));
  ASSERT_TRUE(indexer.flush());
  EXPECT_EQ(item_at(*store, 1).rejected, 1u);
  auto const refused = store->refused(1);
  ASSERT_TRUE(refused && refused->size() == 1);
  EXPECT_EQ(refused->front().code, Code::kMalformed);
  EXPECT_TRUE(refused->front().body.empty());
  auto const row = item_at(*store, 2);
  EXPECT_EQ(row.title, "A document");
  EXPECT_EQ(row.objects + row.quarantined + row.rejected, 0u);
  EXPECT_EQ(*store->watermark(), 3u);
}

TEST(Indexer, WhatIsAppliedIsNotAppliedAgain) {
  TempStore store;
  {
    Indexer indexer(*store);
    ASSERT_TRUE(indexer.add(item(1), bundle({indicator(1)})));
    ASSERT_TRUE(indexer.flush());
  }
  Hash const before = *store->index_digest();
  Indexer indexer(*store);
  ASSERT_TRUE(indexer.add(item(1), bundle({indicator(1)})));
  ASSERT_TRUE(indexer.skip(1));
  EXPECT_EQ(indexer.pending_objects(), 0u);
  ASSERT_TRUE(indexer.flush());
  EXPECT_EQ(*store->index_digest(), before);
  ASSERT_TRUE(indexer.add(item(2), bundle({indicator(2)})));
  ASSERT_TRUE(indexer.flush());
  EXPECT_EQ(versions(*store, "indicator--" + uuid(2))[0].ord, 2u);
}

TEST(Indexer, ABatchThatIsFullGoesOut) {
  TempStore store;
  Indexer indexer(*store);
  std::vector<std::string> objects;
  for (unsigned i = 0; i < Indexer::kBatchObjects - 1; ++i) objects.push_back(malware(i));
  ASSERT_TRUE(indexer.add(item(1), bundle(objects)));
  EXPECT_EQ(indexer.pending_objects(), Indexer::kBatchObjects - 1);
  EXPECT_EQ(*store->watermark(), 0u);
  ASSERT_TRUE(indexer.add(item(2), bundle({indicator(1)})));
  EXPECT_EQ(indexer.pending_objects(), 0u);
  EXPECT_EQ(*store->watermark(), 2u);
}

TEST(Indexer, TheAttackBundleIsTakenInFullAndTwiceIsOnce) {
  TempStore store;
  Indexer indexer(*store);
  std::string const text = data_file("stix/attack-ics-18.1.json");
  std::size_t const count = parse_bundle(text)->objects.size();
  ASSERT_TRUE(indexer.add(item(1), text));
  ASSERT_TRUE(indexer.add(item(2, "SG"), text));
  ASSERT_TRUE(indexer.flush());
  for (std::uint64_t const seq : {1u, 2u}) {
    auto const row = item_at(*store, seq);
    EXPECT_EQ(row.objects, count);
    EXPECT_EQ(row.quarantined + row.rejected, 0u);
    EXPECT_FALSE(row.title.empty());
  }
  EXPECT_EQ(*store->object_count(everybody(*store)), 2 * count);  // two members say it
  store::PageFilter filter;
  filter.select = store::VersionSelect::kAll;
  filter.one_per_version = true;
  filter.limit = limits::kPageMax;
  EXPECT_EQ(store->page(filter, everybody(*store))->rows.front().creator.str(), "MY");
}

using Log = std::vector<std::pair<ItemContext, std::string>>;

Log some_log() {
  Log log;
  for (std::uint64_t seq = 1; seq <= 30; ++seq) {
    ItemContext context = item(seq, seq % 2 == 0 ? "MY" : "SG");
    context.marking =
        marking_of(seq % 3 == 0 ? Classification::kSecret : Classification::kRestricted);
    auto const n = static_cast<unsigned>(seq);
    std::vector<std::string> objects{
        indicator(n % 7, "2026-01-01T00:00:00.000Z", n % 5 == 0 ? "other" : "one"),
        relationship(n % 11, n % 7, n % 4), domain(n % 4 == 0 ? ",\"x_seen\":1" : ""),
        malware(n % 4), "{}"};
    log.emplace_back(context, n == 13 ? "broken" : bundle(objects));
  }
  return log;
}

// The same log gives the same index, however it is cut into batches and restarts.
TEST(Indexer, RebuildsAreDeterministic) {
  Log const log = some_log();
  TempStore one;
  Indexer whole(*one);
  for (auto const& [context, body] : log) ASSERT_TRUE(whole.add(context, body));
  ASSERT_TRUE(whole.flush());
  Hash const expected = *one->index_digest();
  SeededRandom random(17);
  for (int round = 0; round < 6; ++round) {
    TempStore two;
    auto indexer = std::make_unique<Indexer>(*two);
    for (auto const& [context, body] : log) {
      ASSERT_TRUE(indexer->add(context, body));
      if (random.below(6) > static_cast<unsigned>(round)) continue;
      ASSERT_TRUE(indexer->flush());
      if (random.below(2) == 0) indexer = std::make_unique<Indexer>(*two);
    }
    ASSERT_TRUE(indexer->flush());
    EXPECT_EQ(*two->index_digest(), expected) << round;
  }
}

TEST(Indexer, ARebuiltIndexIsTheSameIndex) {
  TempStore store;
  Log const log = some_log();
  auto const apply = [&] {
    Indexer indexer(*store);
    for (auto const& [context, body] : log) ASSERT_TRUE(indexer.add(context, body));
    ASSERT_TRUE(indexer.flush());
  };
  apply();
  Hash const before = *store->index_digest();
  ASSERT_TRUE(store->reset_index());
  apply();
  EXPECT_EQ(*store->index_digest(), before);
  for (std::uint64_t seq = 1; seq <= 30; ++seq) {
    auto const row = item_at(*store, seq);
    EXPECT_EQ(row.objects + row.quarantined + row.rejected, seq == 13 ? 1u : 5u) << seq;
    EXPECT_EQ(store->refused(seq)->size(), row.quarantined + row.rejected);
  }
}

}  // namespace
}  // namespace amic::holdings
