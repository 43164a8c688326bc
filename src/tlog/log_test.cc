#include <atomic>
#include <thread>

#include "base/limits.h"
#include "tlog/fixture_test.h"

namespace amic::tlog {
namespace {

using testing::test_community;
using testing::test_record;
using testing::TestNode;

Hash leaf_of(std::uint64_t n) {
  auto const record = test_record(n);
  return merkle::leaf_hash(log_entry(record.kind, record.digest));
}

Hash root_of(std::uint64_t size) {
  merkle::TreeBuilder tree;
  for (std::uint64_t n = 1; n <= size; ++n) tree.append(leaf_of(n));
  return tree.root();
}

merkle::Checkpoint checkpoint_of(std::string const& note) {
  return *merkle::parse_checkpoint_text(merkle::parse_note(note)->text);
}

TEST(Names, OriginsAndEntry) {
  auto const member = *MemberId::parse("MY-2");
  EXPECT_EQ(log_origin(test_community(), member, Realm()), "my-2.8762c943.amic/log/operations");
  EXPECT_EQ(log_origin(test_community(), member, *Realm::parse("EXERCISE:SEA-1")),
            "my-2.8762c943.amic/log/exercise/sea-1");
  EXPECT_EQ(cosigner_name(test_community(), member), "my-2.8762c943.amic/witness");
  Bytes const entry = log_entry(store::RecordKind::kGovernance, Hash{});
  EXPECT_EQ(entry.size(), 33u);
  EXPECT_EQ(entry[0], 3);
}

TEST(Log, AppendSignProveVerify) {
  TestNode node("MY", 1);
  EXPECT_EQ(*node.log->checkpoint(), "");
  EXPECT_EQ(*node.append(1, 300), 1u);
  EXPECT_EQ(*node.append(301, 301), 301u);
  EXPECT_EQ(node.log->size(), 301u);
  EXPECT_EQ(node.log->prove(test_record(7).id).error().code, Code::kUnavailable);
  auto const note = node.log->sign_checkpoint();
  ASSERT_TRUE(note) << note.error().text();
  EXPECT_EQ(checkpoint_of(*note), (merkle::Checkpoint{node.origin, 301, root_of(301)}));
  EXPECT_EQ(*node.append(302, 310), 302u);
  for (std::uint64_t const n : {1u, 2u, 256u, 257u, 300u, 301u}) {
    auto const record = test_record(n);
    auto const proof = node.log->prove(record.id);
    ASSERT_TRUE(proof) << proof.error().text();
    EXPECT_TRUE(verify_proof(*proof, record.kind, record.digest, node.vkey())) << n;
    EXPECT_FALSE(verify_proof(*proof, store::RecordKind::kGovernance, record.digest, node.vkey()));
    EXPECT_FALSE(verify_proof(*proof, record.kind, Hash{}, node.vkey()));
    EXPECT_EQ(
        verify_proof(*proof, record.kind, record.digest, TestNode("MY", 2).vkey()).error().code,
        Code::kBadSignature);
  }
  EXPECT_EQ(node.log->prove(test_record(305).id).error().code, Code::kUnavailable);
  EXPECT_EQ(node.log->prove(test_record(999).id).error().code, Code::kNotFound);
  EXPECT_EQ(node.log->consistency(1, 311).error().code, Code::kOutOfRange);
  auto const proof = node.log->consistency(100, 310);
  ASSERT_TRUE(proof);
  EXPECT_TRUE(merkle::verify_consistency(100, root_of(100), 310, root_of(310), *proof));
  auto const report = node.verify();
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(report->records, 310u);
  EXPECT_EQ(report->checkpoint_size, 301u);
  EXPECT_EQ(report->root, root_of(310));
}

TEST(Log, ResumesAtEverySizeAroundTiles) {
  TestNode node("MY", 1);
  std::uint64_t size = 0;
  for (std::uint64_t const upto : {1u, 2u, 255u, 256u, 257u, 511u, 512u, 513u, 1030u}) {
    ASSERT_TRUE(node.append(size + 1, upto));
    size = upto;
    node.start();
    EXPECT_EQ(node.log->size(), size);
    auto const note = node.log->sign_checkpoint();
    ASSERT_TRUE(note) << note.error().text();
    EXPECT_EQ(checkpoint_of(*note).root, root_of(size));
    ASSERT_TRUE(node.verify());
  }
}

TEST(Log, ManyUnitsInOneAppend) {
  TestNode node("MY", 1);
  std::vector<store::Append> units(3);
  for (std::uint64_t n = 1; n <= 3; ++n) units[n - 1].records.push_back(test_record(n));
  units[1].kv.push_back({"test", "key", Bytes{1}});
  EXPECT_EQ(*node.log->append(std::move(units)), 1u);
  EXPECT_EQ(checkpoint_of(*node.log->sign_checkpoint()).root, root_of(3));
  EXPECT_EQ(*node.log->append({}), 4u);
  units = std::vector<store::Append>(1);
  units[0].kv.push_back({"test", "key", std::nullopt});
  EXPECT_EQ(*node.log->append(std::move(units)), 4u);
  EXPECT_FALSE(*node.store->kv_get("test", "key"));
  EXPECT_EQ(node.log->size(), 3u);
}

TEST(Log, FailedAppendLeavesTheTreeAsItWas) {
  TestNode node("MY", 1);
  ASSERT_TRUE(node.append(1, 10));
  std::vector<store::Append> units(2);
  units[0].records.push_back(test_record(11));
  units[1].records.push_back(test_record(5));  // already present
  EXPECT_EQ(node.log->append(units).error().code, Code::kConflict);
  EXPECT_EQ(node.log->size(), 10u);
  EXPECT_EQ(checkpoint_of(*node.log->sign_checkpoint()).root, root_of(10));
  EXPECT_EQ(*node.append(11, 12), 11u);
  EXPECT_EQ(checkpoint_of(*node.log->sign_checkpoint()).root, root_of(12));
  ASSERT_TRUE(node.verify());
}

TEST(Log, FullDiskLeavesTheLogWhole) {
  TestNode node("MY", 1);
  ASSERT_TRUE(node.append(1, 10));
  ASSERT_TRUE(node.try_start(60));
  std::uint64_t n = 11;
  for (; n < 5000; n += 50) {
    if (!node.append(n, n + 49)) break;
  }
  ASSERT_LT(n, 5000u);
  EXPECT_EQ(node.log->size(), n - 1);
  node.start();
  EXPECT_EQ(node.log->size(), n - 1);
  EXPECT_EQ(checkpoint_of(*node.log->sign_checkpoint()).root, root_of(n - 1));
  ASSERT_TRUE(node.append(n, n));
  ASSERT_TRUE(node.verify());
}

TEST(Log, RefusesADigestThatIsNotOfItsBytes) {
  TestNode node("MY", 1);
  std::vector<store::Append> units(1);
  units[0].records.push_back(test_record(1));
  units[0].records[0].bytes.push_back(0);
  EXPECT_EQ(node.log->append(units).error().code, Code::kInternal);
  EXPECT_EQ(node.log->size(), 0u);
  EXPECT_EQ(*node.store->log_size(), 0u);
}

TEST(Log, CheckpointIsKeptAndNotSignedTwice) {
  TestNode node("MY", 1);
  std::string const empty = *node.log->sign_checkpoint();
  EXPECT_EQ(checkpoint_of(empty), (merkle::Checkpoint{node.origin, 0, merkle::empty_root()}));
  ASSERT_TRUE(node.append(1, 5));
  std::string const note = *node.log->sign_checkpoint();
  EXPECT_EQ(*node.log->sign_checkpoint(), note);
  auto const kept = node.store->kv_get(kTlogSpace, "checkpoint");
  EXPECT_EQ(as_text(**kept), note);
  node.start();
  EXPECT_EQ(*node.log->checkpoint(), note);
  EXPECT_EQ(node.log->checkpoint_size(), 5u);
}

TEST(Log, CollectsCosignatures) {
  TestNode node("MY", 1);
  ASSERT_TRUE(node.append(1, 5));
  std::string const text = merkle::parse_note(*node.log->sign_checkpoint())->text;
  auto const a = testing::test_key(7);
  auto const b = testing::test_key(8);
  std::vector<merkle::NoteVerifier> const cosigners = {
      {"a/witness", merkle::NoteKeyType::kCosignatureV1, a.verify_key()},
      {"b/witness", merkle::NoteKeyType::kCosignatureV1, b.verify_key()}};
  ASSERT_TRUE(node.log->add_cosignatures({merkle::cosign(text, "a/witness", 100, a)}, cosigners));
  ASSERT_TRUE(node.log->add_cosignatures(
      {merkle::cosign(text, "a/witness", 200, a), merkle::cosign(text, "b/witness", 200, b),
       merkle::cosign(text, "c/witness", 200, b)},
      cosigners));
  auto bad = merkle::cosign(text, "b/witness", 300, b);
  bad.blob[20] ^= 1;
  EXPECT_EQ(node.log->add_cosignatures({bad}, cosigners).error().code, Code::kBadSignature);
  node.start();
  auto const note = merkle::parse_note(*node.log->checkpoint());
  EXPECT_EQ(note->signatures.size(), 3u);  // the log, a, b; never an unknown key
  EXPECT_EQ(verify_log(*node.store, node.vkey(), cosigners, {})->cosignatures, 2u);
  // A newer checkpoint starts without; what was cosigned before is still checked.
  ASSERT_TRUE(node.append(6, 6));
  EXPECT_EQ(merkle::parse_note(*node.log->sign_checkpoint())->signatures.size(), 1u);
  EXPECT_EQ(node.log->add_cosignatures({merkle::cosign(text, "a/witness", 300, a)}, cosigners)
                .error()
                .code,
            Code::kBadSignature);
  EXPECT_EQ(checkpoint_of(std::string(as_text(**node.store->kv_get(kTlogSpace, "cosigned")))).size,
            5u);
  EXPECT_TRUE(node.verify());
}

TEST(Log, ServesTiles) {
  TestNode node("MY", 1);
  ASSERT_TRUE(node.append(1, 600));
  auto const full = node.log->tile({0, 1, 256, false});
  ASSERT_TRUE(full);
  EXPECT_EQ(full->size(), 8192u);
  EXPECT_EQ(*Hash::from(BytesView(*full).first(32)), leaf_of(257));
  EXPECT_EQ(node.log->tile({0, 2, 88, false})->size(), 88u * 32);
  EXPECT_EQ(node.log->tile({0, 2, 10, false})->size(), 320u);
  EXPECT_EQ(node.log->tile({1, 0, 2, false})->size(), 64u);
  auto const entries = node.log->tile({0, 2, 88, true});
  ASSERT_TRUE(entries);
  ASSERT_EQ(entries->size(), 88u * 35);
  auto const record = test_record(513);
  EXPECT_TRUE(equal(BytesView(*entries).first(35),
                    codec::Writer().vec16(log_entry(record.kind, record.digest)).bytes()));
  for (merkle::TileName const& none :
       {merkle::TileName{0, 2, 89, false}, merkle::TileName{0, 2, 256, false},
        merkle::TileName{0, 3, 1, false}, merkle::TileName{1, 0, 3, false},
        merkle::TileName{2, 0, 1, false}, merkle::TileName{8, 0, 1, false},
        merkle::TileName{63, 0, 1, false}, merkle::TileName{0, UINT64_MAX / 256, 256, true},
        merkle::TileName{0, 2, 89, true}, merkle::TileName{0, 0, 0, false}}) {
    EXPECT_EQ(node.log->tile(none).error().code, Code::kNotFound);
  }
}

TEST(Log, AnotherKeyIsAnotherIdentity) {
  TestNode node("MY", 1);
  ASSERT_TRUE(node.append(1, 3));
  ASSERT_TRUE(node.log->sign_checkpoint());
  node.log_key = testing::test_key(9);
  EXPECT_EQ(node.try_start().error().code, Code::kWrongIdentity);
}

TEST(Log, ReadersDoNotDisturbWriters) {
  TestNode node("MY", 1);
  ASSERT_TRUE(node.append(1, 1));
  ASSERT_TRUE(node.log->sign_checkpoint());
  std::atomic<bool> done = false;
  std::atomic<int> wrong = 0;
  std::thread reader([&] {
    auto const record = test_record(1);
    while (!done) {
      auto const proof = node.log->prove(record.id);
      if (!proof || !verify_proof(*proof, record.kind, record.digest, node.vkey())) ++wrong;
      if (!node.log->tile({0, 0, 1, false})) ++wrong;
    }
  });
  std::thread signer([&] {
    for (int i = 0; i < 20; ++i) {
      if (!node.log->sign_checkpoint()) ++wrong;
    }
  });
  for (std::uint64_t n = 2; n <= 40; ++n) {
    if (!node.append(n, n)) ++wrong;
  }
  signer.join();
  done = true;
  reader.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_TRUE(node.verify());
}

}  // namespace
}  // namespace amic::tlog
