#include "link/wire.h"

#include <gtest/gtest.h>

#include "exchange/exchange.h"
#include "link/activity.h"
#include "link/budget.h"

namespace amic::link {
namespace {

Status example() {
  Status out;
  out.community.data.fill(0xC0);
  out.head.data.fill(0xAB);
  out.epoch = UINT64_MAX;
  out.member = MemberId::parse("MY").value();
  out.realm = Realm::parse("EXERCISE:A").value();
  out.log_size = 12;
  out.received = {1, 0, UINT64_MAX, 4};
  out.receipts = {to_bytes("one"), to_bytes("two"), {}, to_bytes("four")};
  out.queued = {7, 8, 9, UINT64_MAX};
  out.witnessed = "my.amic/log\n12\n";
  return out;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  auto const at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(LinkStatus, RoundTripsAndIgnoresWhatIsNew) {
  std::string const text = encode_status(example());
  EXPECT_EQ(decode_status(text).value(), example());
  EXPECT_EQ(decode_status(replaced(text, "{", "{\"later\":[],")).value(), example());
  EXPECT_FALSE(decode_status(replaced(text, "queued", "earlier")).value().queued);
}

TEST(LinkStatus, NamesWhatIsWrong) {
  std::string const text = encode_status(example());
  struct Bad {
    char const* from;
    char const* to;
    Code code;
    char const* where;
  };
  for (Bad const& bad : {Bad{"\"version\":1", "\"version\":2", Code::kUnsupported, "/version"},
                         Bad{"c0c0", "c0", Code::kMalformed, "/community"},
                         Bad{"abab", "zzzz", Code::kMalformed, "/head"},
                         Bad{"\"log_size\":12", "\"log_size\":-1", Code::kWrongType, "/log_size"},
                         Bad{"\"log_size\":12,", "", Code::kMissingField, "/log_size"},
                         Bad{"[1,", "[", Code::kWrongType, "/received"},
                         Bad{"[1,", "[true,", Code::kWrongType, "/received/0"},
                         Bad{"[7,", "[", Code::kWrongType, "/queued"},
                         Bad{"[7,", "[\"7\",", Code::kWrongType, "/queued/0"},
                         Bad{"\"receipts\"", "\"xeceipts\"", Code::kMissingField, "/receipts"},
                         Bad{"[\"b25l\",", "[", Code::kWrongType, "/receipts"},
                         Bad{"\"b25l\"", "1", Code::kWrongType, "/receipts/0"},
                         Bad{"\"MY\"", "\"my\"", Code::kMalformed, "member"}}) {
    auto const got = decode_status(replaced(text, bad.from, bad.to));
    ASSERT_FALSE(got) << bad.to;
    EXPECT_EQ(got.error().code, bad.code) << bad.to;
    EXPECT_EQ(got.error().where, bad.where) << bad.to;
  }
  EXPECT_FALSE(decode_status(std::string(kStatusBytesMax + 1, ' ')));
}

TEST(BatchLane, IsReadWithoutTheRest) {
  exchange::Batch batch;
  batch.from = MemberId::parse("MY").value();
  batch.to = MemberId::parse("BN").value();
  batch.lane = 2;
  batch.first_n = 1;
  batch.envelopes = {Bytes(10)};
  Bytes bytes = exchange::encode(batch);
  EXPECT_EQ(batch_lane(bytes).value(), 2);
  for (std::size_t size = 0; size < 41; ++size)
    EXPECT_FALSE(batch_lane(BytesView(bytes).first(size))) << size;
  bytes[40] = 4;
  EXPECT_EQ(batch_lane(bytes).error().code, Code::kOutOfRange);
}

TEST(BatchEnvelopes, SaysHowManyWithoutDecodingThem) {
  exchange::Batch batch;
  batch.from = MemberId::parse("BN").value();
  batch.to = MemberId::parse("MY").value();
  batch.first_n = 1;
  batch.envelopes.assign(7, Bytes(3));
  Bytes const bytes = exchange::encode(batch);
  EXPECT_EQ(batch_envelopes(bytes), 7U);
  EXPECT_EQ(batch_envelopes(BytesView(bytes).first(60)), 0U);
}

TEST(ErrorOfAnswer, TakesTheCodeOfAProblemElseOfTheStatus) {
  Error const problem = error_of_answer(
      422, R"({"code":"bad_signature","where":"batch.signature","detail":"d","status":422})");
  EXPECT_EQ(problem, (Error{Code::kBadSignature, "peer: batch.signature", "d"}));
  EXPECT_EQ(error_of_answer(429, "busy").code, Code::kOverloaded);
  EXPECT_EQ(error_of_answer(418, "").code, Code::kRejected);
  EXPECT_EQ(error_of_answer(599, "[]").code, Code::kInternal);
  EXPECT_EQ(error_of_answer(404, R"({"code":"no_such_code"})").code, Code::kNotFound);
}

TEST(PeerBudget, BoundsRequestsAtOnce) {
  auto const budget = std::make_shared<Budget>(BudgetLimits{2, 0, 0, 0});
  auto first = budget->take(1 << 30, 0).value();
  auto const second = budget->take(1, 0).value();
  EXPECT_EQ(budget->take(1, 0).error().code, Code::kOverloaded);
  first.reset();
  EXPECT_TRUE(budget->take(1, 0));
}

// A rate for each kind of cost: paid afterwards, so one large request passes and the next ones
// wait.
TEST(PeerBudget, BoundsWhatAPeerCostsASecond) {
  UnixMs const start_ms = 1'000'000;
  struct Case {
    BudgetLimits limits;
    void (*spend)(Budget& budget, std::uint64_t cost);
    std::uint64_t unit;
    char const* where;
  };
  std::array<Case, 3> const cases = {{
      {{9, 1000, 0, 0}, nullptr, 1, "link.bytes"},
      {{9, 0, 1000, 0},
       [](Budget& b, std::uint64_t n) { b.charge_envelopes(n); },
       1,
       "link.envelopes"},
      {{9, 0, 0, 1000}, [](Budget& b, std::uint64_t n) { b.charge_cpu(n); }, 1000, "link.cpu"},
  }};
  for (Case const& c : cases) {
    SCOPED_TRACE(c.where);
    auto const budget = std::make_shared<Budget>(c.limits);
    auto const spend = [&](std::uint64_t cost, UnixMs at_ms) {
      bool const taken = budget->take(c.spend ? 0 : cost * c.unit, at_ms).has_value();
      if (taken && c.spend) c.spend(*budget, cost * c.unit);
      return taken;
    };
    EXPECT_TRUE(spend(30'000, start_ms));  // ten seconds' worth were saved up: 20 seconds of debt
    auto const refused = budget->take(1, start_ms);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::kOverloaded);
    EXPECT_EQ(refused.error().where, c.where);
    EXPECT_EQ(budget->retry_after_s(), 21);
    EXPECT_EQ(budget->wait_ms(start_ms), 20'001);
    EXPECT_EQ(budget->wait_ms(start_ms + 19'000), 1'001);
    EXPECT_FALSE(spend(1, start_ms + 19'999));
    EXPECT_FALSE(spend(1, start_ms));  // a clock that goes back gives nothing
    EXPECT_EQ(budget->wait_ms(start_ms + 20'001), 0);
    EXPECT_TRUE(spend(1, start_ms + 20'001));
    // Ever after, no more than the rate.
    std::uint64_t spent = 0;
    for (UnixMs at_ms = start_ms + 20'001; at_ms < start_ms + 120'001; at_ms += 10)
      if (spend(100, at_ms)) spent += 100;
    EXPECT_LE(spent, 100'000U + 200);
    EXPECT_GE(spent, 99'000U);
  }
}

TEST(Activity, NothingEntersOnceClosed) {
  auto const activity = std::make_shared<Activity>();
  auto token = activity->enter();
  EXPECT_TRUE(token);
  activity->close();
  EXPECT_FALSE(activity->enter());
  token.reset();
  activity->wait();
}

}  // namespace
}  // namespace amic::link
