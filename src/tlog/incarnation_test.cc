// A log that was set back with its node goes on under an origin of its own.
#include "tlog/fixture_test.h"

namespace amic::tlog {
namespace {

using testing::TestNode;

struct SetBack {
  TestNode my{"MY", 1};
  TestNode sg{"SG", 2};

  WitnessAnswer ask(std::uint64_t old_size) {
    EXPECT_TRUE(my.log->sign_checkpoint());
    auto const request = my.log->add_checkpoint_request(old_size);
    EXPECT_TRUE(request) << request.error().text();
    return sg.witness->add_checkpoint(*request, {my.vkey()});
  }
  std::string witnessed() { return *sg.witness->last_note(my.origin); }
  // SG has cosigned 20 records; MY is back at 10 and goes on with others.
  SetBack() {
    EXPECT_TRUE(my.append(1, 10));
    EXPECT_EQ(ask(0).http_status, 200);
    my.save_state();
    EXPECT_TRUE(my.append(11, 20));
    EXPECT_EQ(ask(10).http_status, 200);
    my.roll_back();
    EXPECT_TRUE(my.append(31, 35));
  }
};

TEST(Incarnation, NamesRoundTripAndNothingElseIsOne) {
  std::string const first = "my.0011.amic/log/operations";
  EXPECT_EQ(incarnation_origin(first, 1), first);
  for (std::uint32_t const k : {2u, 17u, kIncarnationMax})
    EXPECT_EQ(incarnation_of(incarnation_origin(first, k), first), k);
  EXPECT_EQ(incarnation_of(first, first), 1u);
  for (std::string const tail : {"/", "/0", "/1", "/02", "/2x", "/10000", "/-2", "2", "/2/2", "x"})
    EXPECT_EQ(incarnation_of(first + tail, first), std::nullopt) << tail;
  EXPECT_EQ(incarnation_of("sg.0011.amic/log/operations", first), std::nullopt);
}

TEST(Incarnation, BeginsWhenAPeerShowsWhatThisLogDoesNotLeadTo) {
  SetBack set;
  auto const note = set.witnessed();
  ASSERT_TRUE(set.my.log->compare(note).value());
  EXPECT_EQ(set.my.log->origin(), set.my.origin + "/2");
  EXPECT_EQ(set.my.log->checkpoint_size(), 0u);
  EXPECT_FALSE(set.my.log->compare(note).value());  // that one ended
  set.my.start();                                   // durable
  EXPECT_EQ(set.my.log->origin(), set.my.origin + "/2");
  EXPECT_EQ(*stored_incarnation(*set.my.store), 2u);

  EXPECT_EQ(set.ask(0).http_status, 200);
  EXPECT_TRUE(set.sg.witness->evidence("", 9)->empty());       // nobody has cheated
  EXPECT_EQ(*set.sg.witness->known_size(set.my.origin), 20u);  // kept
  EXPECT_EQ(*set.sg.witness->known_size(set.my.origin + "/2"), 15u);
  EXPECT_FALSE(set.my.log->compare(set.witnessed()).value());
  auto key = set.my.vkey();
  key.name += "/2";
  auto const report = verify_log(*set.my.store, key, {}, {});
  ASSERT_TRUE(report) << report.error().text();
  EXPECT_EQ(report->checkpoint_size, 15u);
  auto const record = testing::test_record(33);
  auto const proof = set.my.log->prove(record.id);
  ASSERT_TRUE(proof) << proof.error().text();
  EXPECT_TRUE(verify_proof(*proof, record.kind, record.digest, set.my.vkey()));
}

TEST(Incarnation, ALogThatLeadsThereGoesOn) {
  TestNode my("MY", 1), sg("SG", 2);
  ASSERT_TRUE(my.append(1, 10));
  ASSERT_TRUE(my.log->sign_checkpoint());
  ASSERT_EQ(sg.witness->add_checkpoint(*my.log->add_checkpoint_request(0), {my.vkey()}).http_status,
            200);
  ASSERT_TRUE(my.append(11, 300));
  EXPECT_FALSE(my.log->compare(*sg.witness->last_note(my.origin)).value());
  EXPECT_EQ(my.log->origin(), my.origin);
  EXPECT_EQ(*sg.witness->last_note("of.nobody/log"), "");
}

TEST(Incarnation, NobodyElseCanMakeALogBeginAnew) {
  SetBack set;
  TestNode other("MY", 9);  // the same name, another key
  ASSERT_TRUE(other.append(1, 50));
  EXPECT_EQ(set.my.log->compare(*other.log->sign_checkpoint()).error().code, Code::kBadSignature);
  ASSERT_TRUE(set.sg.append(1, 3));
  EXPECT_EQ(set.my.log->compare(*set.sg.log->sign_checkpoint()).error().code, Code::kWrongIdentity);
  EXPECT_FALSE(set.my.log->compare("no note"));
  EXPECT_EQ(set.my.log->origin(), set.my.origin);
}

TEST(Incarnation, AWitnessDoesNotGoBackToAnEarlierOne) {
  SetBack set;
  ASSERT_TRUE(set.my.log->compare(set.witnessed()).value());
  ASSERT_EQ(set.ask(0).http_status, 200);
  set.my.roll_back();  // to where it knew nothing of the second
  auto const answer = set.ask(0);
  EXPECT_EQ(answer.http_status, 403) << answer.body;
  ASSERT_TRUE(set.my.log->compare(set.witnessed()).value());
  EXPECT_EQ(set.my.log->origin(), set.my.origin + "/3");
  EXPECT_EQ(set.ask(0).http_status, 200);
}

}  // namespace
}  // namespace amic::tlog
