// The exact bytes of every format of docs/formats/log.md. A change here is a change of the formats:
// other members' nodes and proofs already handed out depend on them.
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "tlog/fixture_test.h"

namespace amic::tlog {
namespace {

using testing::test_record;
using testing::TestNode;

std::filesystem::path golden_file(std::string const& name) {
  return std::filesystem::path(AMIC_SOURCE_DIR) / "tests" / "compat" / "log" / name;
}

// With AMIC_WRITE_GOLDEN set the file is written instead of compared.
void expect_golden(std::string const& name, std::string const& now) {
  if (std::getenv("AMIC_WRITE_GOLDEN") != nullptr) {
    std::ofstream(golden_file(name), std::ios::binary) << now;
    return;
  }
  std::ostringstream golden;
  golden << std::ifstream(golden_file(name), std::ios::binary).rdbuf();
  EXPECT_EQ(now, golden.str()) << name;
}

std::string hex_line(BytesView bytes) {
  return codec::to_hex(bytes) + "\n";
}

TEST(Golden, LogFormats) {
  TestNode my("MY", 1);
  TestNode sg("SG", 2);
  ASSERT_TRUE(my.append(1, 3));
  std::string const checkpoint = *my.log->sign_checkpoint();
  std::string const request = *my.log->add_checkpoint_request(0);
  WitnessAnswer const answer = sg.witness->add_checkpoint(request, {my.vkey()});
  ASSERT_EQ(answer.http_status, 200);
  ASSERT_TRUE(
      my.log->add_cosignatures(*merkle::parse_signatures(answer.body), {sg.witness->verifier()}));
  expect_golden("log.vkey", my.vkey().vkey() + "\n");
  expect_golden("cosigner.vkey", sg.witness->verifier().vkey() + "\n");
  expect_golden("checkpoint.txt", checkpoint);
  expect_golden("add-checkpoint.txt", request);
  expect_golden("cosignature.txt", answer.body);
  expect_golden("cosigned.txt", *my.log->checkpoint());
  expect_golden("envelope-2.tlog-proof", *my.log->prove(test_record(2).id));
  expect_golden("tile-0-000.p-3.hex", hex_line(*my.log->tile({0, 0, 3, false})));
  expect_golden("tile-entries-000.p-3.hex", hex_line(*my.log->tile({0, 0, 3, true})));
  expect_golden("kv-tree.hex", hex_line(**my.store->kv_get(kTlogSpace, "tree")));
  expect_golden("kv-witness.hex", hex_line(**sg.store->kv_get(kWitnessSpace, my.origin)));
  expect_golden("evidence.hex", hex_line(encode(Evidence{EvidenceKind::kUnproven, 1'700'000'000'000,
                                                         my.origin, checkpoint, request})));
}

// The committed proof verifies with what is committed beside it, and nothing else.
TEST(Golden, CommittedProofVerifiesOffline) {
  std::ostringstream proof;
  proof << std::ifstream(golden_file("envelope-2.tlog-proof"), std::ios::binary).rdbuf();
  std::string vkey;
  std::ifstream(golden_file("log.vkey")) >> vkey;
  auto const log_key = merkle::parse_vkey(vkey);
  ASSERT_TRUE(log_key);
  EXPECT_TRUE(verify_proof(proof.str(), store::RecordKind::kEnvelopeOut,
                           crypto::sha256(as_bytes("envelope 2")), *log_key));
  EXPECT_FALSE(verify_proof(proof.str(), store::RecordKind::kEnvelopeOut,
                            crypto::sha256(as_bytes("envelope 3")), *log_key));
}

}  // namespace
}  // namespace amic::tlog
