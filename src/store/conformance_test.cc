// What every backend must do, whatever is below it.
#include "store/conformance.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "base/limits.h"

namespace amic::store {
namespace {

TEST_P(StoreTest, AppendNumbersRecordsAndKeepsThemAcrossReopening) {
  Append two = unit(1);
  two.records.push_back(record(2, 0));
  two.records[1].kind = RecordKind::kEnvelopeIn;
  two.records[1].peer = member("ID");
  EXPECT_EQ(ok(store_->append({two, unit(3)})), 1U);
  EXPECT_EQ(ok(store_->append({unit(4)})), 4U);
  EXPECT_EQ(ok(store_->append({})), 5U);
  reopen();
  EXPECT_EQ(ok(store_->log_size()), 4U);
  auto const records = ok(store_->log_read(1, 10, 1 << 20));
  ASSERT_EQ(records.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(records[i].seq, i + 1);
    EXPECT_EQ(records[i].id, envelope_id(i + 1));
    EXPECT_EQ(records[i].digest, crypto::sha256(records[i].bytes));
  }
  EXPECT_EQ(records[1].peer, member("ID"));
  EXPECT_EQ(records[1].kind, RecordKind::kEnvelopeIn);
  EXPECT_TRUE(records[1].bytes.empty());
  EXPECT_EQ(ok(store_->log_find(envelope_id(3)))->seq, 3U);
  EXPECT_FALSE(ok(store_->log_find(envelope_id(9))));
  std::vector<RecordKind> kinds;
  EXPECT_EQ(ok(store_->log_digests(2, 2, &kinds)).size(), 2U);
  EXPECT_EQ(kinds, (std::vector{RecordKind::kEnvelopeIn, RecordKind::kEnvelopeOut}));
  ok(store_->check());
}

TEST_P(StoreTest, ReadsAreBoundedByCountAndBytesButNeverEmptyForSize) {
  ok(store_->append({unit(1, 100), unit(2, 100), unit(3, 100)}));
  EXPECT_EQ(ok(store_->log_read(1, 2, 1000)).size(), 2U);
  EXPECT_EQ(ok(store_->log_read(1, 9, 200)).size(), 2U);
  EXPECT_EQ(ok(store_->log_read(1, 9, 1)).size(), 1U);
  EXPECT_EQ(ok(store_->log_read(4, 9, 1000)).size(), 0U);
  EXPECT_EQ(ok(store_->log_read(UINT64_MAX, 9, 1000)).size(), 0U);
}

TEST_P(StoreTest, OneBadUnitStoresNothingOfAny) {
  ok(store_->append({unit(1)}));
  Append first = unit(2);
  first.kv.push_back({"s", "k", to_bytes("v")});
  first.queue.push_back({0, member("ID"), 1});
  auto const twice = store_->append({first, unit(1)});
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code, Code::kConflict);
  EXPECT_NE(twice.error().detail.find("ee0000"), std::string::npos);
  Append dangling = unit(3);
  dangling.queue.push_back({1, member("ID"), 1});
  EXPECT_EQ(store_->append({first, dangling}).error().code, Code::kOutOfRange);
  EXPECT_EQ(ok(store_->log_size()), 1U);
  EXPECT_FALSE(ok(store_->kv_get("s", "k")));
  EXPECT_TRUE(ok(store_->lanes()).empty());
  EXPECT_EQ(ok(store_->append({first})), 2U);  // and the same is fine without its bad neighbour
  EXPECT_EQ(ok(store_->outbox(member("ID"), 1, 0, 9)).at(0).n, 1U);
}

TEST_P(StoreTest, QuarantineIsBoundedPerPeerAndDropsTheOldest) {
  Append other;
  other.quarantine.push_back({0, member("PH"), 1, Code::kMalformed, "x", {}, to_bytes("y")});
  ok(store_->append({other}));
  Append flood;
  for (std::size_t i = 0; i < limits::kQuarantineEnvelopesMax + 5; ++i)
    flood.quarantine.push_back({0,
                                member("ID"),
                                static_cast<UnixMs>(i),
                                Code::kBadSignature,
                                "envelope.outer",
                                {},
                                Bytes(10)});
  ok(store_->append({flood}));
  auto const kept = ok(store_->quarantine(member("ID"), 5000));
  ASSERT_EQ(kept.size(), limits::kQuarantineEnvelopesMax);
  EXPECT_EQ(kept.back().at_ms, 5);  // newest first: the oldest left is number 5
  EXPECT_EQ(kept.front().code, Code::kBadSignature);
  EXPECT_EQ(kept.front().reason, "envelope.outer");
  EXPECT_EQ(ok(store_->quarantine(member("PH"), 9)).size(), 1U);

  Append big;
  for (UnixMs i = 0; i < 5; ++i)
    big.quarantine.push_back(
        {0, member("ID"), 100'000 + i, Code::kTooLarge, "", {}, Bytes(4 << 20)});
  ok(store_->append({big}));
  EXPECT_EQ(ok(store_->quarantine(member("ID"), 5000)).size(), 4U);  // 16 MiB
  big.quarantine.resize(1);
  big.quarantine[0].bytes.resize(limits::kQuarantineBytesMax + 1);
  ok(store_->append({big}));
  EXPECT_TRUE(ok(store_->quarantine(member("ID"), 1)).at(0).bytes.empty());
}

TEST_P(StoreTest, KeysAndTilesAreReplacedScannedAndDeleted) {
  Append put;
  put.kv = {{"t", "", to_bytes("0")},
            {"t", "a", to_bytes("1")},
            {"t", "b", Bytes()},
            {"u", "a", to_bytes("3")},
            {"t", "a", to_bytes("4")}};
  put.tiles = {{0, 0, Bytes(32, 1)}, {0, 1, Bytes(32, 2)}, {0, 0, Bytes(64, 3)}};
  ok(store_->append({put}));
  EXPECT_EQ(as_text(*ok(store_->kv_get("t", "a"))), "4");
  EXPECT_EQ(*ok(store_->kv_get("t", "b")), Bytes());
  EXPECT_FALSE(ok(store_->kv_get("t", "c")));
  EXPECT_EQ(ok(store_->kv_scan("t", "", 9)).size(), 3U);
  EXPECT_EQ(ok(store_->kv_scan("t", "", 2)).back().first, "a");
  EXPECT_EQ(ok(store_->kv_scan("t", "a", 9)).at(0).first, "b");
  EXPECT_EQ(*ok(store_->tile(0, 0)), Bytes(64, 3));
  EXPECT_FALSE(ok(store_->tile(1, 0)));
  put = {};
  put.kv = {{"t", "a", std::nullopt}, {"t", "nothing", std::nullopt}};
  ok(store_->append({put}));
  EXPECT_FALSE(ok(store_->kv_get("t", "a")));
  EXPECT_TRUE(ok(store_->kv_get("u", "a")));
}

TEST_P(StoreTest, ApplyIsIdempotentAndMovesTheWatermark) {
  AudienceId const a = label("a");
  EXPECT_EQ(ok(store_->watermark()), 0U);
  apply({object(1, object_id(1), 1, a, 1), object(2, object_id(2), 1, a, 1)}, 1);
  Derived again;
  again.objects = {object(3, object_id(3), 1, a, 1)};
  again.upto_seq = 1;
  ok(store_->apply(again));
  EXPECT_EQ(ok(store_->object_count({a})), 2U);
  // A batch that reaches back brings only what is new.
  again.objects = {object(2, object_id(2), 1, a, 1), object(3, object_id(3), 1, a, 2)};
  again.edges = {{object_id(2), object_id(1), "object_ref", 2, a},
                 {object_id(3), object_id(1), "object_ref", 3, a}};
  again.upto_seq = 2;
  ok(store_->append({unit(2)}));
  ok(store_->apply(again));
  reopen();
  EXPECT_EQ(ok(store_->watermark()), 2U);
  EXPECT_EQ(ok(store_->feed_end()).ord, 3U);
  EXPECT_EQ(ok(store_->feed_end()).added_us, 1'000'003);
  EXPECT_EQ(ok(store_->edges(object_id(1), false, 9, {a})).size(), 1U);
  EXPECT_EQ(ok(store_->audiences()).size(), 1U);
  ok(store_->check());
}

TEST_P(StoreTest, ApplyRefusesWhatCannotBeRightAndKeepsNothingOfIt) {
  AudienceId const a = label("a");
  apply({object(1, object_id(1), 1, a, 1)}, 1);
  ok(store_->append({unit(2), unit(3)}));
  auto const refuse = [&](Derived derived) {
    derived.upto_seq = 2;
    auto const result = store_->apply(derived);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, Code::kOutOfRange);
    EXPECT_EQ(ok(store_->watermark()), 1U);
    EXPECT_EQ(ok(store_->object_count({a})), 1U);
  };
  refuse({.objects = {object(2, object_id(2), 1, a, 2), object(3, object_id(3), 1, a + 1, 2)}});
  refuse({.objects = {object(2, object_id(2), 1, 0, 2)}});
  refuse({.objects = {object(1, object_id(2), 1, a, 2)}});
  refuse({.objects = {object(2, object_id(2), 1, a, 3)}});
  ObjectRow stale = object(2, object_id(2), 1, a, 2);
  stale.added_us = 1'000'001;
  refuse({.objects = {stale}});
  ItemRow unlabelled;
  unlabelled.seq = 2;
  Derived falling;
  falling.objects = {object(2, object_id(2), 1, a, 3), object(3, object_id(3), 1, a, 2)};
  falling.upto_seq = 3;
  EXPECT_EQ(store_->apply(falling).error().code, Code::kOutOfRange);
  refuse({.items = {unlabelled}, .objects = {object(2, object_id(2), 1, a, 2)}});
  refuse({.objects = {object(2, object_id(2), 1, a, 2)}, .edges = {{"x", "y", "r", 2, 9}}});
}

TEST_P(StoreTest, LabelsKeepTheirIds) {
  EXPECT_EQ(label("a"), 1U);
  EXPECT_EQ(label("b"), 2U);
  EXPECT_EQ(label("a"), 1U);
  EXPECT_TRUE(ok(store_->audiences()).empty());  // durable with the next apply
  apply({object(1, object_id(1), 1, 2, 1)}, 1);
  reopen();
  EXPECT_EQ(label("b"), 2U);
  EXPECT_EQ(label("c"), 3U);
  Derived wrong;
  wrong.audiences = {{2, to_bytes("other")}};
  wrong.upto_seq = 2;
  EXPECT_EQ(store_->apply(wrong).error().code, Code::kConflict);
}

TEST_P(StoreTest, TheLastVersionIsTheLastThatThisReaderMayRead) {
  AudienceId const open = label("open"), secret = label("secret");
  std::string const x = object_id(7);
  apply({object(1, x, 10, open, 1), object(2, x, 30, secret, 1), object(3, x, 20, open, 1)}, 1);
  apply({object(4, x, 5, secret, 2)}, 2);
  AudienceSet const low{open}, high{open, secret};
  EXPECT_EQ(ords({}, low), Ords({3}));
  EXPECT_EQ(ords({}, high), Ords({2}));
  EXPECT_EQ(ords({.select = VersionSelect::kFirst}, low), Ords({1}));
  EXPECT_EQ(ords({.select = VersionSelect::kFirst}, high), Ords({4}));
  EXPECT_EQ(ords({.select = VersionSelect::kAll}, low), Ords({1, 3}));
  EXPECT_EQ(ords({.select = VersionSelect::kAll}, high), Ords({1, 2, 3, 4}));
  EXPECT_EQ(ords({.versions_us = {10, 30}}, low), Ords({1}));
  EXPECT_EQ(ok(store_->get(x, low))->version_us, 20);
  EXPECT_EQ(ok(store_->get(x, high))->version_us, 30);
  EXPECT_FALSE(ok(store_->get(x, {})));
  EXPECT_EQ(ok(store_->versions(x, low)).size(), 2U);
  EXPECT_EQ(ok(store_->versions(x, high)).front().version_us, 5);
  EXPECT_EQ(ok(store_->object_count(low)), 2U);
}

TEST_P(StoreTest, EachMembersObjectsStandForThemselves) {
  AudienceId const a = label("a");
  std::string const x = object_id(7);
  ObjectRow mine = object(1, x, 10, a, 1), theirs = object(2, x, 99, a, 1);
  ObjectRow same = object(3, x, 10, a, 1);
  theirs.creator = same.creator = member("ZZ");
  same.body = mine.body;
  apply({mine, theirs, same}, 1);
  EXPECT_EQ(ords({}, {a}), Ords({1, 2}));
  EXPECT_EQ(ords({.select = VersionSelect::kAll}, {a}), Ords({1, 2, 3}));
  EXPECT_EQ(ords({.select = VersionSelect::kAll, .one_per_version = true}, {a}), Ords({1, 2}));
  EXPECT_EQ(ords({.versions_us = {10}, .one_per_version = true}, {a}), Ords({1}));
  EXPECT_EQ(ords({.versions_us = {10}, .creator = member("ZZ"), .one_per_version = true}, {a}),
            Ords({3}));
  EXPECT_EQ(ords({.select = VersionSelect::kFirst, .one_per_version = true}, {a}), Ords({1}));
  EXPECT_EQ(ok(store_->get(x, {a}))->ord, 1U);  // by the first name
  EXPECT_EQ(ok(store_->get(x, {a}, member("ZZ")))->ord, 2U);
  EXPECT_FALSE(ok(store_->get(x, {a}, member("QQ"))));
  EXPECT_EQ(ok(store_->creators(x, {a})), (std::vector{member("MY"), member("ZZ")}));
  EXPECT_TRUE(ok(store_->creators(x, {})).empty());
  EXPECT_EQ(ok(store_->originators()), (std::vector{member("MY"), member("ZZ")}));
  EXPECT_EQ(ok(store_->versions(x, {a})).size(), 3U);
  EXPECT_EQ(ok(store_->versions(x, {a}, member("MY"))).size(), 1U);
  ok(store_->shred(1, 1));
  EXPECT_EQ(ords({.select = VersionSelect::kAll}, {a}), Ords());
  ok(store_->check());
}

// Two bodies under one version of one member: whichever came first, the same one is shown, and what
// one record loses another one still brings.
TEST_P(StoreTest, WhichOfTwoBodiesIsShownDoesNotDependOnTheirOrder) {
  AudienceId const a = label("a");
  std::string const x = object_id(7);
  std::string const first = R"({"n":"one"})", second = R"({"n":"two"})";
  std::string const shown =
      crypto::sha256(as_bytes(first)) < crypto::sha256(as_bytes(second)) ? first : second;
  std::uint64_t ord = 0;
  for (bool const swapped : {false, true}) {
    ok(store_->reset_index());
    label("a");
    ord = 0;
    for (std::uint64_t const seq : {1U, 2U, 3U}) {
      ObjectRow row = object(++ord, x, 10, a, seq);
      row.body = (seq == 2) != swapped ? second : first;
      Derived derived;
      derived.objects = {row};
      derived.edges = {{x, object_id(seq), "ref", ord, a}};
      derived.upto_seq = seq;
      if (!swapped) ok(store_->append({unit(seq)}));
      ok(store_->apply(derived));
    }
    auto const rows = ok(store_->page({.select = VersionSelect::kAll}, {a})).rows;
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].body, shown);
    EXPECT_EQ(ok(store_->object_count({a})), 1U);
    EXPECT_EQ(ok(store_->edges(x, true, 10, {a})).size(), 1U);
    for (std::uint64_t const seq : {1U, 2U, 3U}) {
      auto const rivals = ok(store_->rivals(seq, 10, {a}));
      ASSERT_EQ(rivals.size(), 1U) << seq;
      EXPECT_NE(rivals[0].mine.body, rivals[0].other.body);
      EXPECT_EQ(rivals[0].mine.seq, seq);
    }
    EXPECT_TRUE(ok(store_->rivals(1, 10, {})).empty());
    ok(store_->check());
  }
  ok(store_->shred(1, 1));
  ok(store_->shred(3, 1));
  EXPECT_EQ(ok(store_->page({}, {a})).rows.at(0).seq, 2U);
  EXPECT_EQ(ok(store_->edges(x, true, 10, {a})).at(0).to, object_id(2));
  EXPECT_TRUE(ok(store_->rivals(2, 10, {a})).empty());
  ok(store_->check());
  ok(store_->shred(2, 1));
  EXPECT_EQ(ok(store_->object_count({a})), 0U);
  EXPECT_TRUE(ok(store_->edges(x, true, 10, {a})).empty());
  ok(store_->check());
}

TEST_P(StoreTest, ALooseBodyIsShownOnceAtItsFirstVersion) {
  AudienceId const a = label("a"), b = label("b");
  std::string const x = object_id(7, "ipv4-addr");
  auto const loose = [&](std::uint64_t ord, std::int64_t version, AudienceId audience,
                         std::string const& body) {
    ObjectRow row = object(ord, x, version, audience, ord);
    row.loose = true;
    row.body = body;
    return row;
  };
  for (std::uint64_t seq = 1; seq <= 5; ++seq) ok(store_->append({unit(seq)}));
  Derived derived;
  derived.objects = {loose(1, 50, a, "A"), loose(2, 40, a, "B"), loose(3, 30, a, "A"),
                     loose(4, 20, b, "B"), loose(5, 60, b, "C")};
  derived.upto_seq = 5;
  ok(store_->apply(derived));
  auto const all = [&](AudienceSet const& set) {
    return ords({.select = VersionSelect::kAll}, set);
  };
  EXPECT_EQ(all({a}), Ords({2, 3}));  // A since 30, B since 40
  EXPECT_EQ(all({b}), Ords({4, 5}));
  EXPECT_EQ(all({a, b}), Ords({3, 4, 5}));  // B since 20
  EXPECT_EQ(ok(store_->get(x, {a}))->body, "B");
  EXPECT_EQ(ok(store_->get(x, {a, b}))->body, "C");
  EXPECT_EQ(ords({.select = VersionSelect::kFirst}, {a, b}), Ords({4}));
  EXPECT_EQ(ok(store_->versions(x, {a, b})).size(), 3U);
  EXPECT_EQ(ok(store_->object_count({a})), 2U);
  ok(store_->check());
  ok(store_->shred(3, 1));
  EXPECT_EQ(all({a}), Ords({1, 2}));
  EXPECT_EQ(ok(store_->get(x, {a}))->body, "A");
  ok(store_->check());
}

TEST_P(StoreTest, AWiderReleaseOfTheSameVersionIsShownOnceToEachReader) {
  AudienceId const secret = label("secret"), open = label("open");
  std::string const x = object_id(7);
  ObjectRow narrow = object(1, x, 10, secret, 1), wide = object(2, x, 10, open, 2);
  ObjectRow again = object(3, x, 10, open, 2);  // waits behind
  wide.body = again.body = narrow.body;
  apply({narrow}, 1);
  apply({wide, again}, 2);
  for (auto const select : {VersionSelect::kLast, VersionSelect::kFirst, VersionSelect::kAll}) {
    EXPECT_EQ(ords({.select = select}, {open}), Ords({2}));
    EXPECT_EQ(ords({.select = select}, {secret}), Ords({1}));
    EXPECT_EQ(ords({.select = select}, {secret, open}), Ords({1}));
  }
  EXPECT_EQ(ok(store_->versions(x, {secret, open})).size(), 1U);
  EXPECT_EQ(ok(store_->get(x, {open}))->ord, 2U);
  EXPECT_EQ(ok(store_->object_count({open})), 1U);
  ok(store_->check());
}

TEST_P(StoreTest, PagesFollowEachOtherEvenWhenTimesAreTheSame) {
  AudienceId const a = label("a"), hidden = label("hidden");
  std::vector<ObjectRow> rows;
  for (std::uint64_t ord = 1; ord <= 700; ++ord)  // all of one version time; two thirds hidden
    rows.push_back(object(ord, object_id(ord, ord % 2 ? "malware" : "tool"), 42,
                          ord % 3 == 0 ? a : hidden, 1));
  apply(rows, 1);
  for (std::size_t const limit : {1U, 7U, 100U, 1000U}) {
    Ords seen;
    PageFilter filter;
    filter.limit = limit;
    for (;;) {
      Page const page = ok(store_->page(filter, {a}));
      ASSERT_LE(page.rows.size(), limit);
      for (ObjectRow const& row : page.rows) {
        EXPECT_EQ(row.body, rows[row.ord - 1].body);
        EXPECT_EQ(row.type, rows[row.ord - 1].type);
        seen.push_back(row.ord);
      }
      if (!page.more) break;
      ASSERT_EQ(page.rows.size(), limit);
      filter.after_ord = page.rows.back().ord;
    }
    ASSERT_EQ(seen.size(), 233U);
    for (std::size_t i = 0; i < seen.size(); ++i) EXPECT_EQ(seen[i], 3 * (i + 1));
  }
  EXPECT_FALSE(ok(store_->page({.limit = 233}, {a})).more);
  EXPECT_EQ(ords({.added_after_us = 1'000'690}, {a}), Ords({693, 696, 699}));
  EXPECT_EQ(ords({.after_ord = 695, .types = {"tool", "malware", "tool"}}, {a}), Ords({696, 699}));
  EXPECT_EQ(ords({.after_ord = 690, .types = {"tool"}}, {a}), Ords({696}));
  EXPECT_EQ(
      ords({.ids = {object_id(6, "tool"), object_id(3, "malware"), "x", object_id(4, "tool")}},
           {a}),
      Ords({3, 6}));
  EXPECT_EQ(ords({.types = {"tool"}, .ids = {object_id(6, "tool"), object_id(3, "malware")}}, {a}),
            Ords({6}));
  EXPECT_EQ(ords({.creator = member("PH")}, {a}), Ords());
  EXPECT_EQ(ords({.after_ord = 697, .creator = member("MY")}, {a}), Ords({699}));
  EXPECT_EQ(ords({.spec_versions = {"2.0"}}, {a}), Ords());
  for (std::size_t const limit : {std::size_t{0}, limits::kPageMax + 1})
    EXPECT_EQ(store_->page({.limit = limit}, {a}).error().code, Code::kOutOfRange);
}

TEST_P(StoreTest, ALongHiddenRunIsJumpedWithoutLosingWhatFollows) {
  AudienceId const a = label("a"), hidden = label("hidden");
  std::vector<ObjectRow> rows;
  for (std::uint64_t ord = 1; ord <= 3000; ++ord)
    rows.push_back(object(ord, object_id(ord), 1, ord == 2 || ord == 2999 ? a : hidden, 1));
  apply(rows, 1);
  EXPECT_EQ(ords({}, {a}), Ords({2, 2999}));
  EXPECT_EQ(ords({.types = {"indicator"}}, {a}), Ords({2, 2999}));
  EXPECT_EQ(ords({.creator = member("MY")}, {a}), Ords({2, 2999}));
  EXPECT_FALSE(ok(store_->page({.limit = 2}, {a})).more);
  EXPECT_TRUE(ok(store_->page({.limit = 1}, {a})).more);
}

TEST_P(StoreTest, OddIdsAndTypesComeBackExactly) {
  AudienceId const a = label("a");
  std::vector<std::string> const ids = {"x",
                                        "indicator--",
                                        "--",
                                        "indicator--0000000a-0000-4000-8000-00000000000A",
                                        "x--00000000-0000-0000-0000-000000000000",
                                        "a--b--00000000-0000-4000-8000-000000000001",
                                        "--00000000-0000-4000-8000-000000000001",
                                        std::string(300, 'z')};
  std::vector<ObjectRow> rows;
  for (std::string const& id : ids) {
    rows.push_back(object(rows.size() + 1, id, 1, a, 1));
    rows.back().type = rows.size() % 2 ? "odd" : rows.back().type;
  }
  apply(rows, 1);
  for (ObjectRow const& row : rows) {
    auto const got = ok(store_->get(row.id, {a}));
    ASSERT_TRUE(got) << row.id;
    EXPECT_EQ(got->id, row.id);
    EXPECT_EQ(got->type, row.type) << row.id;
    EXPECT_EQ(got->body, row.body);
  }
}

TEST_P(StoreTest, ItemsAreFilteredByLabelInBothDirections) {
  AudienceId const a = label("a"), b = label("b");
  Derived derived;
  for (std::uint64_t seq = 1; seq <= 6; ++seq) {
    ok(store_->append({unit(seq)}));
    ItemRow item;
    item.seq = seq;
    item.id = envelope_id(seq);
    item.originator = member("ID");
    item.precedence = Precedence::kFlash;
    item.audience = seq % 2 ? a : b;
    item.created_ms = -5;
    item.title = "Tàu " + std::to_string(seq);
    item.objects = 3;
    derived.items.push_back(item);
    derived.refused.push_back(
        {seq, 2, seq % 2 == 0, Code::kWrongType, "/objects/2/id", "why", seq % 2 == 0 ? "{}" : ""});
  }
  derived.upto_seq = 6;
  ok(store_->apply(derived));
  auto const seqs = [&](std::uint64_t after, bool newest, AudienceSet const& set) {
    Ords out;
    for (ItemRow const& row : ok(store_->items(after, 2, set, newest))) out.push_back(row.seq);
    return out;
  };
  EXPECT_EQ(seqs(0, false, {a}), Ords({1, 3}));
  EXPECT_EQ(seqs(3, false, {a}), Ords({5}));
  EXPECT_EQ(seqs(0, true, {a}), Ords({5, 3}));
  EXPECT_EQ(seqs(3, true, {a, b}), Ords({2, 1}));
  EXPECT_EQ(seqs(0, true, {}), Ords());
  EXPECT_FALSE(ok(store_->item(envelope_id(2), {a})));
  auto const item = ok(store_->item(envelope_id(2), {b}));
  ASSERT_TRUE(item);
  EXPECT_EQ(item->title, "Tàu 2");
  EXPECT_EQ(item->created_ms, -5);
  EXPECT_EQ(item->precedence, Precedence::kFlash);
  auto const refused = ok(store_->refused(2));
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_EQ(refused[0].body, "{}");
  EXPECT_EQ(refused[0].pointer, "/objects/2/id");
  EXPECT_EQ(refused[0].code, Code::kWrongType);
  EXPECT_TRUE(refused[0].quarantined);
}

TEST_P(StoreTest, EdgesAreFoundFromBothEndsOncePerReader) {
  AudienceId const a = label("a"), b = label("b"), c = label("c");
  std::string const x = object_id(1), y = object_id(2), z = object_id(3);
  Derived derived;
  derived.objects = {object(1, x, 1, a, 1)};
  derived.edges = {{x, y, "uses", 1, b},
                   {x, y, "uses", 1, a},
                   {x, z, "uses", 1, c},
                   {x, y, "targets", 1, c},
                   {z, y, "uses", 1, c}};
  derived.upto_seq = 1;
  ok(store_->append({unit(1)}));
  ok(store_->apply(derived));
  auto const out = ok(store_->edges(x, true, 10, {a, b}));
  ASSERT_EQ(out.size(), 1U);
  EXPECT_EQ(out[0].from, x);
  EXPECT_EQ(out[0].to, y);
  EXPECT_EQ(out[0].relation, "uses");
  EXPECT_EQ(ok(store_->edges(x, true, 10, {a, b, c})).size(), 3U);
  EXPECT_EQ(ok(store_->edges(y, false, 10, {c})).size(), 2U);
  EXPECT_EQ(ok(store_->edges(y, false, 1, {c})).size(), 1U);
  EXPECT_TRUE(ok(store_->edges(y, true, 10, {a, b, c})).empty());
  EXPECT_TRUE(ok(store_->edges(x, true, 10, {})).empty());
}

TEST_P(StoreTest, BodiesSurviveTheirDictionaries) {
  AudienceId const a = label("a");
  std::vector<ObjectRow> rows;
  for (std::uint64_t seq = 1; seq <= 4; ++seq) {
    std::vector<ObjectRow> batch;
    for (int i = 0; i < 400; ++i) {
      batch.push_back(object(rows.size() + 1, object_id(rows.size()), 1, a, seq));
      for (int word = 0; word < 40; ++word)
        batch.back().body += " word" + std::to_string((rows.size() * 31 + word * 7) % 1000);
      rows.push_back(batch.back());
    }
    apply(batch, seq);
  }
  reopen();
  PageFilter filter{.limit = 1000};
  for (std::size_t at = 0; at < rows.size();) {
    Page const page = ok(store_->page(filter, {a}));
    ASSERT_FALSE(page.rows.empty());
    for (ObjectRow const& row : page.rows) ASSERT_EQ(row.body, rows[at++].body);
    filter.after_ord = page.rows.back().ord;
  }
  ok(store_->check());
}

TEST_P(StoreTest, TheSameLogGivesTheSameDigestHoweverItIsBatched) {
  auto const rows_of = [](std::uint64_t seq, AudienceId a) {
    Derived derived;
    derived.objects = {object(seq, object_id(seq % 4), static_cast<std::int64_t>(seq), a, seq)};
    derived.edges = {{object_id(seq % 4), object_id(9), "r", seq, a}};
    derived.refused = {{seq, 0, true, Code::kMalformed, "/objects/0", "why", "body"}};
    derived.upto_seq = seq;
    return derived;
  };
  AudienceId const a = label("a");
  for (std::uint64_t seq = 1; seq <= 20; ++seq) {
    ok(store_->append({unit(seq)}));
    ok(store_->apply(rows_of(seq, a)));
  }
  Hash const one_by_one = ok(store_->index_digest());
  ok(store_->reset_index());
  EXPECT_EQ(ok(store_->watermark()), 0U);
  EXPECT_EQ(ok(store_->object_count({a})), 0U);
  EXPECT_NE(ok(store_->index_digest()), one_by_one);
  EXPECT_EQ(label("a"), a);
  Derived all;
  for (std::uint64_t seq = 1; seq <= 20; ++seq) {
    Derived one = rows_of(seq, a);
    all.objects.push_back(one.objects[0]);
    all.edges.push_back(one.edges[0]);
    all.refused.push_back(one.refused[0]);
  }
  all.upto_seq = 20;
  ok(store_->apply(all));
  EXPECT_EQ(ok(store_->index_digest()), one_by_one);
  ok(store_->check());
}

TEST_P(StoreTest, ReadersAndWritersWorkSideBySide) {
  AudienceId const a = label("a");
  apply({object(1, object_id(1), 1, a, 1)}, 1);
  std::vector<std::thread> readers;
  std::vector<std::string> failures(6);
  std::atomic<bool> resetting = false;
  for (std::size_t t = 0; t < failures.size(); ++t)
    readers.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) {
        auto const page = store_->page({.limit = 50}, {a});
        auto const size = store_->log_size();
        if (!page)
          failures[t] = page.error().text();
        else if (page->rows.empty() && !resetting)
          failures[t] = "lost a row";
        if (!size) failures[t] = size.error().text();
      }
    });
  for (std::uint64_t seq = 2; seq <= 60; ++seq)
    apply({object(seq, object_id(seq), 1, a, seq)}, seq);
  resetting = true;
  ok(store_->reset_index());  // waits for the readers that are out
  for (auto& reader : readers) reader.join();
  for (auto const& failure : failures) EXPECT_EQ(failure, "");
}

INSTANTIATE_TEST_SUITE_P(Backends, StoreTest, all_backends(), backend_name);

}  // namespace
}  // namespace amic::store
