#include "api/testing.h"

namespace amic::api {
namespace {

using namespace testing;

struct GroupsApi : ::testing::Test {
  ServedNode served;
  Token writer = served.token({Scope::kShare, Scope::kRead});
  Token low = served.token({Scope::kShare, Scope::kRead}, Classification::kUnclassified);

  net::Response make(std::string const& body) {
    return served.call("POST", "/api/v1/groups", writer.secret, body);
  }
  net::Response share_with(std::string const& group, Token const& who,
                           std::string const& query = "") {
    return served.call("POST", "/api/v1/items" + query, who.secret,
                       R"({"marking":{"classification":"RESTRICTED"},"group":")" + group +
                           R"(","bundle":)" + bundle({indicator(1)}) + "}");
  }
};

constexpr char kDesk[] = R"({"name":"Desk","members":["BB"],"classification":"RESTRICTED"})";

TEST_F(GroupsApi, IsMadeReadChangedAndSharedWith) {
  auto const made = make(kDesk);
  ASSERT_EQ(made.status, 201) << made.body;
  auto const group = object_of(made);
  EXPECT_EQ(json::serialize(group.at("members")), R"(["AA","BB"])");
  EXPECT_EQ(text_at(group, "owner"), "AA");
  EXPECT_EQ(made.header("location"), "/api/v1/groups/" + text_at(group, "id"));
  EXPECT_EQ(served.get("/api/v1/groups/Desk", writer.secret).body, made.body);

  auto const shared = share_with("Desk", writer);
  ASSERT_EQ(shared.status, 201) << shared.body;
  EXPECT_EQ(json::serialize(object_of(shared).at("recipients")), R"(["BB"])");

  auto const changed =
      served.call("PUT", "/api/v1/groups/Desk", writer.secret, R"({"members":["BB","CC"]})");
  ASSERT_EQ(changed.status, 200) << changed.body;
  EXPECT_EQ(
      json::serialize(object_of(share_with("Desk", writer, "?dry_run=true")).at("recipients")),
      R"(["BB","CC"])");

  EXPECT_EQ(served.call("PUT", "/api/v1/groups/Desk", writer.secret, R"({"closed":true})").status,
            200);
  auto const refused = share_with("Desk", writer);
  EXPECT_EQ(refused.status, 403) << refused.body;
  EXPECT_EQ(text_at(object_of(refused), "where"), "/group");
}

TEST_F(GroupsApi, AReaderBelowItsClassificationFindsNoTraceOfIt) {
  ASSERT_EQ(make(kDesk).status, 201);
  EXPECT_EQ(served.get("/api/v1/groups", low.secret).body, R"({"groups":[]})");
  for (auto const* target : {"/api/v1/groups/", "/api/v1/items"}) {
    auto const ask = [&](std::string const& name) {
      return std::string(target).ends_with('/') ? served.get(target + name, low.secret)
                                                : share_with(name, low);
    };
    auto const hidden = ask("Desk");
    auto const absent = ask("None");
    EXPECT_EQ(hidden.status, 404);
    EXPECT_EQ(hidden.body, absent.body);
  }
}

TEST_F(GroupsApi, RefusesWhatMakesNoGroup) {
  auto const refusal = [&](std::string const& body) {
    auto const response = make(body);
    auto const problem = object_of(response);
    return std::to_string(response.status) + " " + text_at(problem, "code") + " " +
           text_at(problem, "where");
  };
  EXPECT_EQ(refusal("[]"), "400 wrong_type ");
  EXPECT_EQ(refusal(R"({"members":["BB"]})"), "400 missing_field /name");
  EXPECT_EQ(refusal(R"({"name":"x"})"), "400 missing_field /members");
  EXPECT_EQ(refusal(R"({"name":"x","members":["AA"]})"), "400 missing_field /members");
  EXPECT_EQ(refusal(R"({"name":"x","members":["XX"]})"), "400 unknown_member /members");
  EXPECT_EQ(refusal(R"({"name":"x","members":["BB","BB"]})"), "409 conflict /members/1");
  EXPECT_EQ(refusal(R"({"name":"x","members":["b b"]})").substr(0, 13), "400 malformed");
  EXPECT_EQ(refusal(R"({"name":"x","membres":["BB"]})"), "400 unknown_field /membres");
  EXPECT_EQ(refusal(R"({"name":"x","members":["BB"],"closed":true})"), "400 out_of_range /closed");
  ASSERT_EQ(make(kDesk).status, 201);
  EXPECT_EQ(refusal(kDesk), "409 conflict /name");
  EXPECT_EQ(must(served.node().store().log_size()), 1U);
}

TEST_F(GroupsApi, ItsOwnerClosesItInsteadOfLeaving) {
  ASSERT_EQ(make(kDesk).status, 201);
  EXPECT_EQ(served.call("POST", "/api/v1/groups/Desk/leave", writer.secret).status, 409);
  EXPECT_EQ(served.call("POST", "/api/v1/groups/None/leave", writer.secret).status, 404);
}

TEST_F(GroupsApi, AGroupAndRelToTogetherAreRefused) {
  ASSERT_EQ(make(kDesk).status, 201);
  auto const both = served.call(
      "POST", "/api/v1/items", writer.secret,
      R"({"marking":{"classification":"RESTRICTED","rel_to":["CC"]},"group":"Desk","bundle":)" +
          bundle({indicator(1)}) + "}");
  EXPECT_EQ(both.status, 409) << both.body;
  EXPECT_EQ(text_at(object_of(both), "where"), "/group");
}

}  // namespace
}  // namespace amic::api
