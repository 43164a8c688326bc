// TAXII 2.1 over HTTP. docs/conformance/taxii21.md maps the standard's sentences to these tests.
#include "api/taxii.h"

#include <atomic>
#include <regex>
#include <thread>

#include "api/testing.h"
#include "codec/codec.h"
#include "stix/stix.h"

namespace amic::api {
namespace {

using namespace testing;

constexpr char const* kAll = "/taxii2/amic/collections/all/";
constexpr char const* kImport = "/taxii2/amic/collections/import/";

class TaxiiTest : public ::testing::Test {
 protected:
  net::Response get(std::string const& target, std::string const& accept = "") {
    net::Headers headers;
    if (!accept.empty()) headers.emplace_back("accept", accept);
    return served.call("GET", target, token.secret, "", std::move(headers));
  }
  json::object read(std::string const& target) {
    auto const response = get(target);
    EXPECT_EQ(response.status, 200) << target << response.body;
    EXPECT_EQ(response.header("content-type"), kTaxiiMediaType);
    return object_of(response);
  }
  net::Response add(std::string body, std::string target = std::string(kImport) + "objects/",
                    std::string type = std::string(kTaxiiMediaType)) {
    return served.call("POST", std::move(target), token.secret, std::move(body),
                       {{"content-type", std::move(type)}});
  }
  void expect_error(net::Response const& response, int status) {
    EXPECT_EQ(response.status, status) << response.body;
    EXPECT_EQ(response.header("content-type"), kTaxiiMediaType);
    auto const error = object_of(response);
    EXPECT_FALSE(text_at(error, "title").empty());
    EXPECT_EQ(text_at(error, "http_status"), std::to_string(status));
    EXPECT_FALSE(text_at(error, "error_code").empty());
  }
  std::vector<std::string> names(json::object const& envelope) {
    std::vector<std::string> out;
    if (auto const* objects = envelope.if_contains("objects"))
      for (auto const& object : objects->get_array())
        out.push_back(text_at(object.get_object(), "name"));
    return out;
  }
  using Names = std::vector<std::string>;

  ServedNode served;
  Token token = served.token({Scope::kRead, Scope::kShare});
};

TEST_F(TaxiiTest, DiscoveryLeadsToCollections) {
  auto const discovery = read("/taxii2/");
  EXPECT_FALSE(text_at(discovery, "title").empty());
  EXPECT_EQ(text_at(discovery, "default"), "/taxii2/amic/");
  EXPECT_EQ(json::serialize(discovery.at("api_roots")), R"(["/taxii2/amic/"])");
  auto const root = read("/taxii2/amic/");
  EXPECT_EQ(json::serialize(root.at("versions")), R"(["application/taxii+json;version=2.1"])");
  EXPECT_GT(root.at("max_content_length").to_number<int>(), 0);
  expect_error(get("/taxii2/other/"), 404);
  auto const list = read("/taxii2/amic/collections/").at("collections").get_array();
  ASSERT_EQ(list.size(), 5u);  // all, import, AA, BB, CC
  std::set<std::string> ids;
  for (auto const& entry : list) {
    auto const& collection = entry.get_object();
    auto const id = text_at(collection, "id");
    EXPECT_TRUE(ids.insert(id).second);
    EXPECT_TRUE(std::regex_match(
        id, std::regex("[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")));
    bool const import = text_at(collection, "alias") == "import";
    EXPECT_EQ(collection.at("can_read").get_bool(), !import);
    EXPECT_EQ(collection.at("can_write").get_bool(), import);
    auto const one = get("/taxii2/amic/collections/" + id + "/");
    EXPECT_EQ(one.body, json::serialize(entry));
    EXPECT_EQ(get("/taxii2/amic/collections/" + text_at(collection, "alias") + "/").body, one.body);
  }
  auto const before = get("/taxii2/amic/collections/").body;
  served.restart();
  EXPECT_EQ(get("/taxii2/amic/collections/").body, before);
  expect_error(get("/taxii2/amic/collections/00000000-0000-4000-8000-000000000000/"), 404);
}

TEST_F(TaxiiTest, CollectionsAreMadeOnceAndFoundByIdAndAlias) {
  TaxiiCollections const made(*served.exchange);
  ASSERT_EQ(made.all().size(), 5u);  // all, import, three members
  for (auto const& collection : made.all()) {
    EXPECT_EQ(made.find(collection.id), &collection);
    EXPECT_EQ(made.find(collection.alias), &collection);
  }
  EXPECT_EQ(made.find("from-dd"), nullptr);
  EXPECT_EQ(made.find(""), nullptr);
  // The same on every start, and what is served.
  served.restart();
  auto const list = read("/taxii2/amic/collections/");
  auto const& served_ones = list.at("collections").get_array();
  TaxiiCollections const again(*served.exchange);
  ASSERT_EQ(served_ones.size(), again.all().size());
  for (std::size_t i = 0; i < again.all().size(); ++i) {
    EXPECT_EQ(again.all()[i].id, made.all()[i].id);
    EXPECT_EQ(text_at(served_ones[i].get_object(), "id"), again.all()[i].id);
  }
}

TEST_F(TaxiiTest, PermissionsFollowScopes) {
  auto const flags = [&](Token const& who) {
    std::string out;
    auto const list =
        object_of(served.get("/taxii2/amic/collections/", who.secret)).at("collections");
    for (auto const& entry : list.get_array())
      out += std::string(entry.at("can_read").get_bool() ? "r" : "-") +
             (entry.at("can_write").get_bool() ? "w" : "-") + " ";
    return out;
  };
  EXPECT_EQ(flags(served.token({Scope::kRead})), "r- -- r- r- r- ");
  EXPECT_EQ(flags(served.token({Scope::kShare})), "-- -w -- -- -- ");
  EXPECT_EQ(flags(served.token({Scope::kAudit})), "-- -- -- -- -- ");
}

TEST_F(TaxiiTest, NegotiatesMediaTypes) {
  for (std::string const good :
       {"", "application/taxii+json;version=2.1", "application/taxii+json; version=2.1",
        "application/taxii+json", "*/*", "application/*",
        "application/taxii+json;version=2.0, application/taxii+json;version=2.1"}) {
    auto const r = get("/taxii2/", good);
    EXPECT_EQ(r.status, 200) << good;
    EXPECT_EQ(r.header("content-type"), kTaxiiMediaType);
  }
  for (std::string const bad : {"application/json", "application/taxii+json;version=2.0",
                                "application/vnd.oasis.taxii+json", "text/html", "nonsense",
                                "application/taxii+json;version=2.1;q=0"})
    expect_error(get("/taxii2/", bad), 406);
  for (std::string const bad : {"", "application/json", "application/taxii+json;version=2.0",
                                "application/stix+json;version=2.1"})
    expect_error(
        add("{\"objects\":[" + indicator(1) + "]}", std::string(kImport) + "objects/", bad), 415);
  EXPECT_EQ(add("{\"objects\":[" + indicator(1) + "]}", std::string(kImport) + "objects/",
                "application/taxii+json")
                .status,
            202);
}

TEST_F(TaxiiTest, ErrorsAreErrorMessages) {
  expect_error(served.get("/taxii2/", ""), 401);
  auto const nobody = served.token({Scope::kAudit});
  expect_error(served.get(std::string(kAll) + "objects/", nobody.secret), 403);
  expect_error(get("/taxii2"), 404);
  expect_error(get("/taxii2/amic/collections"), 404);
  expect_error(served.call("PUT", "/taxii2/", token.secret), 405);
  expect_error(get(std::string(kImport) + "objects/"), 403);
  expect_error(get(std::string(kImport) + "manifest/"), 403);
  expect_error(add("{}", std::string(kAll) + "objects/"), 403);
  expect_error(get(std::string(kAll) + "objects/" + indicator_id(1) + "/"), 404);
  expect_error(get(std::string(kAll) + "objects/" + indicator_id(1) + "/versions/"), 404);
  expect_error(
      served.call("DELETE", std::string(kAll) + "objects/" + indicator_id(1) + "/", token.secret),
      403);
}

TEST_F(TaxiiTest, EmptyListsAreLeftOut) {
  for (std::string const what : {"objects/", "manifest/"}) {
    auto const r = get(kAll + what);
    EXPECT_EQ(r.body, R"({"more":false})");
    EXPECT_TRUE(r.header("x-taxii-date-added-first").empty());
    EXPECT_TRUE(r.header("x-taxii-date-added-last").empty());
  }
}

TEST_F(TaxiiTest, FiltersByVersion) {
  for (int minute : {1, 2, 3})
    served.share(bundle({indicator(1, minute, "v" + std::to_string(minute))}),
                 Classification::kRestricted);
  served.share(bundle({indicator(2, 1, "other")}), Classification::kRestricted);
  served.index();
  auto const at = [&](std::string const& version) {
    return names(read(std::string(kAll) + "objects/" +
                      (version.empty() ? "" : "?match[version]=" + version)));
  };
  EXPECT_EQ(at(""), (Names{"v3", "other"}));
  EXPECT_EQ(at("last"), (Names{"v3", "other"}));
  EXPECT_EQ(at("first"), (Names{"v1", "other"}));
  EXPECT_EQ(at("all"), (Names{"v1", "v2", "v3", "other"}));
  EXPECT_EQ(at("first,last"), (Names{"v1", "v3", "other"}));
  EXPECT_EQ(at("2026-01-01T00:02:00Z"), (Names{"v2"}));
  EXPECT_EQ(at("2026-01-01T00:02:00.000Z,first"), (Names{"v1", "v2", "other"}));
  EXPECT_EQ(at("2026-01-01T00:02:00.000Z,all"), (Names{"v1", "v2", "v3", "other"}));
  EXPECT_EQ(at("2020-01-01T00:00:00Z"), Names{});
  auto const one = std::string(kAll) + "objects/" + indicator_id(1) + "/";
  EXPECT_EQ(names(read(one)), Names{"v3"});
  EXPECT_EQ(names(read(one + "?match[version]=first,2026-01-01T00:02:00Z")), (Names{"v1", "v2"}));
  EXPECT_EQ(get(one + "?match[version]=2020-01-01T00:00:00Z").body, R"({"more":false})");
  EXPECT_EQ(
      json::serialize(read(one + "versions/").at("versions")),
      R"(["2026-01-01T00:01:00.000Z","2026-01-01T00:02:00.000Z","2026-01-01T00:03:00.000Z"])");
  // Unions page like everything else.
  Names seen;
  std::string next;
  do {
    auto const page = read(std::string(kAll) + "objects/?limit=1&match[version]=first,last" +
                           (next.empty() ? "" : "&next=" + next));
    for (auto const& name : names(page)) seen.push_back(name);
    next = text_at(page, "next");
    EXPECT_EQ(page.at("more").get_bool(), !next.empty());
  } while (!next.empty());
  EXPECT_EQ(seen, (Names{"v1", "v3", "other"}));
  auto const versions = read(one + "versions/?limit=2");
  EXPECT_EQ(versions.at("versions").get_array().size(), 2u);
  EXPECT_TRUE(versions.at("more").get_bool());
}

TEST_F(TaxiiTest, FiltersByTypeIdSpecVersionAndDate) {
  served.share(bundle({indicator(1, 0, "a"), indicator(2, 0, "b")}), Classification::kRestricted);
  served.share(bundle({indicator(3, 0, "c")}), Classification::kRestricted);
  served.index();
  auto const objects = std::string(kAll) + "objects/";
  EXPECT_EQ(names(read(objects + "?match[type]=indicator")), (Names{"a", "b", "c"}));
  EXPECT_EQ(names(read(objects + "?match[type]=malware,indicator")), (Names{"a", "b", "c"}));
  EXPECT_EQ(names(read(objects + "?match[type]=malware")), Names{});
  EXPECT_EQ(names(read(objects + "?match[id]=" + indicator_id(3) + "," + indicator_id(1))),
            (Names{"a", "c"}));
  EXPECT_EQ(names(read(objects + "?match[id]=" + indicator_id(3) + "&match[type]=malware")),
            Names{});
  EXPECT_EQ(names(read(objects + "?match[spec_version]=2.1")), (Names{"a", "b", "c"}));
  EXPECT_EQ(names(read(objects + "?match[spec_version]=2.0")), Names{});
  auto const manifest = read(std::string(kAll) + "manifest/");
  auto const& records = manifest.at("objects").get_array();
  ASSERT_EQ(records.size(), 3u);
  auto const second = text_at(records[1].get_object(), "date_added");
  EXPECT_TRUE(second.size() == 27 && second.ends_with("Z")) << second;  // microseconds
  EXPECT_EQ(names(read(objects + "?added_after=" + second)), Names{"c"});
  EXPECT_EQ(text_at(records[0].get_object(), "id"), indicator_id(1));
  EXPECT_EQ(text_at(records[0].get_object(), "version"), "2026-01-01T00:00:00.000Z");
  EXPECT_EQ(text_at(records[0].get_object(), "media_type"), kStixMediaType);
  auto const r = get(objects + "?limit=2");
  EXPECT_EQ(r.header("x-taxii-date-added-first"), text_at(records[0].get_object(), "date_added"));
  EXPECT_EQ(r.header("x-taxii-date-added-last"), second);
  for (std::string const bad : {"?match[color]=red", "?match[type]=a&match[type]=b",
                                "?match[type]=", "?added_after=yesterday", "?match[version]=newest",
                                "?limit=0", "?limit=x", "?next=1"})
    expect_error(get(objects + bad), 400);
  expect_error(get(objects + indicator_id(1) + "/versions/?match[version]=all"), 400);
}

TEST_F(TaxiiTest, OneCollectionAMember) {
  auto& bb = served.community.node("BB");
  auto request = exchange::testing::share_request({"AA"}, bundle({indicator(1, 0, "theirs")}));
  must(bb.share(std::move(request)));
  EXPECT_EQ(bb.deliver(served.node()), 1);
  served.share(bundle({indicator(2, 0, "ours")}), Classification::kRestricted);
  served.index();
  auto const from = [&](std::string const& alias) {
    return names(read("/taxii2/amic/collections/" + alias + "/objects/"));
  };
  EXPECT_EQ(from("all"), (Names{"theirs", "ours"}));
  EXPECT_EQ(from("from-bb"), Names{"theirs"});
  EXPECT_EQ(from("from-aa"), Names{"ours"});
  EXPECT_EQ(from("from-cc"), Names{});
  auto const theirs = "/objects/" + indicator_id(1) + "/";
  EXPECT_EQ(get("/taxii2/amic/collections/from-bb" + theirs).status, 200);
  EXPECT_EQ(get("/taxii2/amic/collections/from-aa" + theirs).status, 404);
}

// Every object exactly once, while objects arrive, each under a label of its own.
TEST_F(TaxiiTest, PagingIsExactUnderConcurrentWrites) {
  constexpr int kBundles = 100;
  constexpr int kEach = 10;
  std::atomic<bool> all_added{false};
  std::thread adding([&] {
    for (int i = 0; i < kBundles; ++i) {
      std::vector<std::string> objects;
      for (int j = 0; j < kEach; ++j) objects.push_back(indicator(i * kEach + j));
      served.share(bundle(objects), Classification::kRestricted, {}, "p" + std::to_string(i % 7));
      if (i % 3 == 2 || i == kBundles - 1) served.index();
    }
    all_added = true;
  });
  std::vector<std::string> seen;
  std::string last_added;
  std::string added_after;
  for (bool again = true; again;) {
    again = !all_added;
    for (std::string next = "-"; !next.empty();) {
      auto const response = get(std::string(kAll) + "objects/?limit=7" +
                                (added_after.empty() ? "" : "&added_after=" + added_after) +
                                (next == "-" ? "" : "&next=" + next));
      auto const page = object_of(response);
      if (auto const* objects = page.if_contains("objects")) {
        for (auto const& object : objects->get_array())
          seen.push_back(text_at(object.get_object(), "id"));
        std::string const first{response.header("x-taxii-date-added-first")};
        EXPECT_LT(last_added, first);
        last_added = response.header("x-taxii-date-added-last");
      }
      next = text_at(page, "next");
    }
    added_after = last_added;
  }
  adding.join();
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(kBundles * kEach));
  EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), seen.size());
}

TEST_F(TaxiiTest, AddedObjectsHaveAStatus) {
  auto const added = add("{\"objects\":[" + indicator(1, 0, "mine") + "," +
                         R"({"type":"indicator","id":"nonsense"})" + "]}");
  ASSERT_EQ(added.status, 202) << added.body;
  EXPECT_EQ(added.header("content-type"), kTaxiiMediaType);
  auto const first = object_of(added);
  EXPECT_EQ(text_at(first, "status"), "pending");
  EXPECT_EQ(json::serialize(first.at("pending_count")), "1");
  EXPECT_EQ(json::serialize(first.at("failure_count")), "1");
  auto const target = "/taxii2/amic/status/" + text_at(first, "id") + "/";
  EXPECT_EQ(get(target).body, added.body);
  served.index();
  auto const done = read(target);
  EXPECT_EQ(text_at(done, "status"), "complete");
  EXPECT_EQ(json::serialize(done.at("total_count")), "2");
  EXPECT_EQ(json::serialize(done.at("success_count")), "1");
  EXPECT_EQ(json::serialize(done.at("failure_count")), "1");
  EXPECT_EQ(json::serialize(done.at("pending_count")), "0");
  EXPECT_EQ(text_at(done.at("successes").at(0).get_object(), "id"), indicator_id(1));
  EXPECT_EQ(text_at(done.at("successes").at(0).get_object(), "version"),
            "2026-01-01T00:00:00.000Z");
  auto const& failure = done.at("failures").at(0).get_object();
  EXPECT_TRUE(text_at(failure, "message").starts_with("/objects/1")) << failure;
  EXPECT_FALSE(done.contains("pendings"));
  EXPECT_EQ(names(read(std::string(kAll) + "objects/")), Names{"mine"});
  EXPECT_EQ(names(read("/taxii2/amic/collections/from-aa/objects/")), Names{"mine"});
  for (auto const& member : {"BB", "CC"}) {  // it goes nowhere
    exchange::testing::introduce(*served.exchange, served.community.node(member).exchange());
    EXPECT_FALSE(must(served.exchange->next_batch(must(MemberId::parse(member)))).has_value());
  }
  served.restart();
  EXPECT_EQ(json::serialize(read(target)), json::serialize(done));
  auto const other = served.token({Scope::kShare});
  EXPECT_EQ(served.get(target, other.secret).status, 404);
  expect_error(get("/taxii2/amic/status/00000000-0000-4000-8000-000000000000/"), 404);
}

TEST_F(TaxiiTest, OfTwoContentsUnderOneVersionOneIsServed) {
  add("{\"objects\":[" + indicator(1, 0, "one") + "]}");
  served.index();
  auto const added = object_of(add("{\"objects\":[" + indicator(1, 0, "two") + "]}"));
  EXPECT_EQ(json::serialize(added.at("pending_count")), "1");
  served.index();
  auto const done = read("/taxii2/amic/status/" + text_at(added, "id") + "/");
  EXPECT_EQ(json::serialize(done.at("success_count")), "1");
  EXPECT_EQ(names(read(std::string(kAll) + "objects/")).size(), 1u);
  EXPECT_EQ(names(read(std::string(kAll) + "objects/?match[version]=all")).size(), 1u);
}

TEST_F(TaxiiTest, RefusesWhatIsNoEnvelope) {
  for (std::string const& bad :
       {std::string(""), std::string("[]"), std::string("{}"), std::string(R"({"objects":[]})"),
        std::string(R"({"objects":5})"), "{\"objects\":[" + indicator(1) + "],\"extra\":1}",
        bundle({indicator(1)}), "{\"objects\":[" + indicator(1)})
    expect_error(add(bad), 400);
  EXPECT_EQ(must(served.node().store().log_size()), 0u);
}

TEST_F(TaxiiTest, ImportsCarryTheTokensClearance) {
  auto const high = served.token({Scope::kShare}, Classification::kSecret);
  auto const low = served.token({Scope::kRead}, Classification::kRestricted);
  served.call("POST", std::string(kImport) + "objects/", high.secret,
              "{\"objects\":[" + indicator(1) + "]}",
              {{"content-type", std::string(kTaxiiMediaType)}});
  served.index();
  EXPECT_EQ(served.get(std::string(kAll) + "objects/", low.secret).body, R"({"more":false})");
  EXPECT_EQ(names(read(std::string(kAll) + "objects/")).size(), 1u);
}

TEST_F(TaxiiTest, StatusesAreDroppedAfterADay) {
  auto const now_ms = served.clock.now_ms();
  add("{\"objects\":[" + indicator(1) + "]}");
  std::string after;
  EXPECT_TRUE(must(expired_taxii_statuses(served.node().store(), now_ms, after)).empty());
  EXPECT_EQ(must(expired_taxii_statuses(served.node().store(), now_ms + 1, after)).size(), 1u);
}

}  // namespace
}  // namespace amic::api
