#include "exchange/group.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "exchange/testing.h"

namespace amic::exchange {
namespace {

using testing::must;
using testing::TestCommunity;
using testing::TestNode;

std::set<MemberId> members(std::vector<std::string> const& ids) {
  std::set<MemberId> out;
  for (auto const& id : ids) out.insert(must(MemberId::parse(id)));
  return out;
}

struct Groups : ::testing::Test {
  TestCommunity community{{"BN", "ID", "MY", "SG", "TH"}};
  TestNode& my = community.node("MY");

  GroupStatement statement(TestNode& owner, std::vector<std::string> const& ids,
                           std::uint64_t counter = 1) {
    GroupStatement out;
    out.id = envelope::make_id(community.founders.community.id, owner.id(), community.random);
    out.counter = counter;
    out.name = "Strait desk";
    out.members = members(ids);
    return out;
  }
  Result<ShareResult> state(TestNode& owner, GroupStatement const& statement,
                            Group const* before = nullptr) {
    auto request = group_request(statement, before, owner.id(), Realm());
    if (!request) return fail(request.error());
    return owner.share(std::move(*request));
  }
  void deliver_all() {
    for (auto& from : community.nodes)
      for (auto& to : community.nodes)
        if (from != to) from->deliver(*to);
  }
  std::vector<Group> of(std::string const& id) {
    return must(load_groups(community.node(id).store()));
  }
};

TEST_F(Groups, OnlyMembersLearnOfOne) {
  must(state(my, statement(my, {"MY", "SG", "BN"})));
  deliver_all();
  for (auto const* in : {"MY", "SG", "BN"}) {
    ASSERT_EQ(of(in).size(), 1U) << in;
    EXPECT_EQ(of(in)[0].members, members({"BN", "MY", "SG"}));
    EXPECT_EQ(of(in)[0].owner, my.id());
  }
  for (auto const* out : {"ID", "TH"}) {
    EXPECT_TRUE(of(out).empty()) << out;
    EXPECT_EQ(must(community.node(out).store().log_size()), 0U) << out;
    EXPECT_EQ(find_group(community.node(out).store(), "Strait desk").error(),
              find_group(community.node(out).store(), "nothing").error());
  }
}

TEST_F(Groups, SharingWithOneReachesItsMembersAndNobodyElse) {
  must(state(my, statement(my, {"MY", "SG", "BN"})));
  deliver_all();
  auto& sg = community.node("SG");
  auto const to = must(group_recipients(must(find_group(sg.store(), "Strait desk")), sg.id()));
  EXPECT_EQ(to, members({"BN", "MY"}));
  auto request =
      testing::share_request({}, testing::indicator_bundle(community.random, "for the desk"));
  request.marking.rel_to = to;
  auto const shared = must(sg.share(std::move(request)));
  EXPECT_EQ(shared.recipients, (std::vector<MemberId>{to.begin(), to.end()}));
}

TEST_F(Groups, TheHighestCounterHoldsInWhateverOrder) {
  auto first = statement(my, {"MY", "SG", "BN"});
  must(state(my, first));
  auto const before = of("MY")[0];
  auto second = first;
  second.counter = 2;
  second.members = members({"MY", "SG"});
  auto request = must(group_request(second, &before, my.id(), Realm()));
  request.precedence = Precedence::kFlash;  // overtakes the first one
  must(my.share(std::move(request)));
  deliver_all();
  for (auto const* id : {"MY", "SG", "BN"}) {
    ASSERT_EQ(of(id).size(), 1U) << id;
    EXPECT_EQ(of(id)[0].counter, 2U);
    EXPECT_EQ(of(id)[0].members, members({"MY", "SG"})) << id;  // BN was told that it is out
  }
  EXPECT_EQ(group_recipients(of("BN")[0], community.node("BN").id()).error().code,
            Code::kForbidden);
}

TEST_F(Groups, NobodyStatesAnothersGroup) {
  auto const first = statement(my, {"MY", "SG", "BN"});
  must(state(my, first));
  deliver_all();
  auto stolen = first;
  stolen.counter = 9;
  stolen.members = members({"SG", "BN"});
  auto& sg = community.node("SG");
  EXPECT_EQ(state(sg, stolen).error().code, Code::kForbidden);
  EXPECT_EQ(of("BN")[0].counter, 1U);
}

TEST_F(Groups, AllWhoAreNamedAreTold) {
  auto hidden = must(group_request(statement(my, {"MY", "SG", "BN"}), nullptr, my.id(), Realm()));
  hidden.marking.rel_to = members({"SG"});
  EXPECT_EQ(my.share(std::move(hidden)).error().code, Code::kNotReleasable);
}

TEST_F(Groups, AMemberLeavesByItselfAndComesBackOnlyByTheOwner) {
  auto first = statement(my, {"MY", "SG", "BN"});
  must(state(my, first));
  deliver_all();
  auto& sg = community.node("SG");
  auto const before = of("SG")[0];
  GroupStatement leave;
  leave.verb = GroupVerb::kLeave;
  leave.id = before.id;
  leave.counter = before.counter;
  must(state(sg, leave, &before));
  deliver_all();
  for (auto const* id : {"MY", "SG", "BN"})
    EXPECT_EQ(of(id)[0].members, members({"BN", "MY"})) << id;
  auto again = first;
  again.counter = 2;
  auto const now = of("MY")[0];
  must(state(my, again, &now));
  deliver_all();
  EXPECT_EQ(of("BN")[0].members, members({"BN", "MY", "SG"}));
  // An old departure that comes late changes nothing.
  EXPECT_TRUE(must(group_puts(
                       [&] {
                         envelope::Contents late;
                         late.originator = sg.id();
                         late.body = encode(leave);
                         return late;
                       }(),
                       my.store()))
                  .empty());
}

TEST_F(Groups, AClosedOrEmptyOneReachesNobody) {
  Group group;
  group.members = members({"MY", "SG"});
  group.closed = true;
  EXPECT_EQ(group_recipients(group, my.id()).error().code, Code::kForbidden);
  group.closed = false;
  group.members = members({"MY"});
  EXPECT_EQ(group_recipients(group, my.id()).error().code, Code::kNoRecipients);
}

TEST_F(Groups, ANameThatTwoHaveIsRefusedAndAnIdIsNot) {
  auto const one = statement(my, {"MY", "SG"});
  must(state(my, one));
  must(state(my, statement(my, {"MY", "BN"})));
  EXPECT_EQ(find_group(my.store(), "Strait desk").error().code, Code::kConflict);
  EXPECT_EQ(must(find_group(my.store(), codec::to_uuid(one.id.view()))).members,
            members({"MY", "SG"}));
  // Whoever may not see the groups doesn't learn that the name is taken, either.
  EXPECT_EQ(
      find_group(my.store(), "Strait desk", marking::Classification::kUnclassified).error().code,
      Code::kNotFound);
}

TEST_F(Groups, OneMemberCanNotFillTheStore) {
  for (std::size_t i = 0; i < kGroupsMax; ++i) must(state(my, statement(my, {"MY", "SG"})));
  EXPECT_EQ(state(my, statement(my, {"MY", "SG"})).error().code, Code::kOverloaded);
  auto& sg = community.node("SG");
  must(state(sg, statement(sg, {"MY", "SG"})));  // another's room is its own
}

// The worked example of docs/formats/group.md. Never edited.
TEST(GroupFormat, TheGoldenStatementOfVersion1IsReadForEver) {
  GroupStatement statement;
  for (unsigned i = 0; i < GroupId::kSize; ++i)
    statement.id.data[i] = static_cast<std::uint8_t>(0xA1 + i);
  statement.name = "Desk";
  statement.members = members({"MY", "SG"});
  std::string const golden =
      "000101a1a2a3a4a5a6a7a8a9aaabacadaeafb00000000000000001044465736b010002024d59025347";
  EXPECT_EQ(codec::to_hex(encode(statement)), golden);
  EXPECT_EQ(*decode_group_statement(*codec::from_hex(golden)), statement);
}

RC_GTEST_PROP(GroupFormat, RoundTrips, (std::uint64_t counter, bool closed)) {
  GroupStatement statement;
  statement.counter = std::max<std::uint64_t>(counter, 1);
  statement.name = "n";
  statement.closed = closed;
  statement.members = members({"AA", "ZZ"});
  RC_ASSERT(*decode_group_statement(encode(statement)) == statement);
}

TEST(GroupFormat, RefusesEveryTruncationAndWhatIsOutOfRange) {
  GroupStatement statement;
  statement.name = "n";
  statement.members = members({"AA", "ZZ"});
  auto const good = encode(statement);
  for (std::size_t i = 0; i < good.size(); ++i)
    EXPECT_FALSE(decode_group_statement(BytesView(good).first(i))) << i;
  auto const with = [&](auto&& edit) {
    auto changed = statement;
    edit(changed);
    return decode_group_statement(encode(changed));
  };
  EXPECT_FALSE(with([](auto& s) { s.counter = 0; }));
  EXPECT_FALSE(with([](auto& s) { s.name = ""; }));
  EXPECT_FALSE(with([](auto& s) { s.name = "a\nb"; }));
  EXPECT_FALSE(with([](auto& s) { s.members = members({"AA"}); }));
  EXPECT_FALSE(with([](auto& s) { s.verb = static_cast<GroupVerb>(3); }));
}

}  // namespace
}  // namespace amic::exchange
