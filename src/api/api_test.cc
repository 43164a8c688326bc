// Sharing, reading, idempotency, tokens, events, over HTTP.
#include <thread>

#include "api/context.h"
#include "api/idempotency.h"
#include "api/testing.h"
#include "codec/codec.h"

namespace amic::api {
namespace {

using namespace testing;

std::string share_body(std::string const& bundle_text, std::string const& more = "") {
  return R"({"marking":{"classification":"RESTRICTED","rel_to":["BB","CC"]},"bundle":)" +
         bundle_text + more + "}";
}

class ApiTest : public ::testing::Test {
 protected:
  net::Response post(std::string body, std::string target = "/api/v1/items",
                     net::Headers headers = {}) {
    return served.call("POST", std::move(target), writer.secret, std::move(body),
                       std::move(headers));
  }
  std::uint64_t log_size() { return must(served.node().store().log_size()); }

  ServedNode served;
  Token writer = served.token({Scope::kShare, Scope::kRead, Scope::kAudit});
};

TEST_F(ApiTest, SharesAndReadsBack) {
  auto const text =
      "{\"type\":\"bundle\", \"id\":\"bundle--00000000-0000-4000-8000-000000000001\","
      "\n \"objects\":[" +
      indicator(1) + "]}";
  auto const shared = post(share_body(text, R"(,"precedence":"FLASH")"));
  ASSERT_EQ(shared.status, 201) << shared.body;
  auto const result = object_of(shared);
  EXPECT_EQ(json::serialize(result.at("recipients")), R"(["BB","CC"])");
  EXPECT_EQ(json::serialize(result.at("report").at("accepted")), "1");
  std::string const location{shared.header("location")};
  EXPECT_EQ(location, "/api/v1/items/" + text_at(result, "id"));
  EXPECT_EQ(served.get(location, writer.secret).status, 404);  // not indexed yet
  served.index();
  auto const item = object_of(served.get(location, writer.secret));
  EXPECT_EQ(text_at(item, "precedence"), "FLASH");
  EXPECT_EQ(text_at(item, "originator"), "AA");
  EXPECT_EQ(text_at(item.at("marking").get_object(), "classification"), "RESTRICTED");
  auto const content = served.get(location + "/content", writer.secret);
  EXPECT_EQ(content.body, text);  // byte for byte
  EXPECT_EQ(content.header("content-type"), "application/stix+json;version=2.1");
  EXPECT_EQ(served.get(location + "/envelope", writer.secret).header("content-type"),
            "application/vnd.amic.envelope");
  EXPECT_EQ(served.get("/api/v1/objects/" + indicator_id(1), writer.secret).body, indicator(1));
  exchange::testing::introduce(*served.exchange, served.community.node("BB").exchange());
  EXPECT_EQ(must(served.exchange->next_batch(must(MemberId::parse("BB")))).has_value(), true);
}

TEST_F(ApiTest, OtherMediaTypesAreKeptExactly) {
  auto const r = post(R"({"marking":{"classification":"RESTRICTED","rel_to":["BB"]},)"
                      R"("media_type":"text/plain","body_base64":"aGVsbG8="})");
  ASSERT_EQ(r.status, 201) << r.body;
  served.index();
  auto const content = served.get(std::string(r.header("location")) + "/content", writer.secret);
  EXPECT_EQ(content.body, "hello");
  EXPECT_EQ(content.header("content-type"), "text/plain");
  EXPECT_EQ(content.header("x-content-type-options"), "nosniff");
}

TEST_F(ApiTest, DryRunStoresNothingAndSaysTheSame) {
  auto const before = log_size();
  auto const dry = post(share_body(bundle({indicator(1)})), "/api/v1/items?dry_run=true");
  ASSERT_EQ(dry.status, 200) << dry.body;
  EXPECT_EQ(log_size(), before);
  auto const wet = object_of(post(share_body(bundle({indicator(1)}))));
  EXPECT_EQ(log_size(), before + 1);
  EXPECT_EQ(json::serialize(object_of(dry).at("recipients")),
            json::serialize(wet.at("recipients")));
  EXPECT_EQ(json::serialize(object_of(dry).at("refusals")), json::serialize(wet.at("refusals")));
  EXPECT_EQ(post(share_body(bundle({indicator(1)})), "/api/v1/items?dry_run=yes").status, 400);
}

TEST_F(ApiTest, InvalidStixIsRefusedWholeUnlessPrivate) {
  auto const bad = bundle({indicator(1), R"({"type":"indicator","id":"nonsense"})"});
  auto const before = log_size();
  auto const refused = post(share_body(bad));
  EXPECT_EQ(refused.status, 422);
  auto const problem = object_of(refused);
  EXPECT_TRUE(text_at(problem, "where").starts_with("/bundle/objects/1")) << refused.body;
  EXPECT_EQ(json::serialize(problem.at("report").at("accepted")), "1");
  EXPECT_EQ(log_size(), before);
  auto const kept = post(share_body(bad, R"(,"private":true)"));
  EXPECT_EQ(kept.status, 201) << kept.body;
  EXPECT_EQ(json::serialize(object_of(kept).at("recipients")), "[]");
  served.index();
  auto const item = object_of(served.get(std::string(kept.header("location")), writer.secret));
  EXPECT_EQ(item.at("refused").get_array().size(), 1u);
}

struct Refused {
  std::string body;
  std::string code;
  std::string where;  // "" = any
};

TEST_F(ApiTest, EveryBadRequestIsNamed) {
  auto const good = bundle({indicator(1)});
  std::string const m = R"({"marking":{"classification":"RESTRICTED","rel_to":["BB"]},)";
  auto const nested = std::string(64, '[') + std::string(64, ']');
  std::vector<Refused> const all{
      {"", "malformed", ""},
      {"[]", "wrong_type", ""},
      {"{", "malformed", ""},
      {m + "\"bundle\":" + good + "} x", "malformed", ""},
      {m + "\"bundel\":" + good + "}", "unknown_field", "/bundel"},
      {"{\"bundle\":" + good + "}", "missing_field", "/marking"},
      {R"({"marking":5})", "wrong_type", "/marking"},
      {R"({"marking":{"rel_to":["BB"]}})", "missing_field", "/marking/classification"},
      {R"({"marking":{"classification":"RESTRICTED","rel_too":[]}})", "unknown_field",
       "/marking/rel_too"},
      {R"({"marking":{"classification":"restricted"}})", "malformed", "/marking/classification"},
      {R"({"marking":{"classification":"RESTRICTED","rel_to":"BB"}})", "wrong_type",
       "/marking/rel_to"},
      {R"({"marking":{"classification":"RESTRICTED","rel_to":["BB",5]}})", "wrong_type",
       "/marking/rel_to/1"},
      {R"({"marking":{"classification":"RESTRICTED","rel_to":["BB","BB"]}})", "conflict",
       "/marking/rel_to/1"},
      {R"({"marking":{"classification":"RESTRICTED","handling":["H9"]}})", "malformed",
       "/marking/handling/0"},
      {R"({"marking":{"classification":"RESTRICTED","expires":"tomorrow"}})", "malformed",
       "/marking/expires"},
      {R"({"marking":{"classification":"RESTRICTED","realm":"OPERATIONS"}})", "unknown_field",
       "/marking/realm"},
      {m + R"("precedence":7})", "wrong_type", "/precedence"},
      {m + R"("precedence":"SOON"})", "malformed", "/precedence"},
      {m + R"("private":"yes"})", "wrong_type", "/private"},
      {m + R"("lineage":["zz"]})", "malformed", "/lineage/0"},
      {m + R"("lineage":"zz"})", "wrong_type", "/lineage"},
      {m + "\"lineage\":[]}", "missing_field", "/bundle"},
      {m + "\"bundle\":" + good + R"(,"body_base64":""})", "missing_field", "/bundle"},
      {m + "\"bundle\":" + bundle({}) + "}", "missing_field", "/bundle/objects"},
      {m + R"("body_base64":"aGVsbG8="})", "missing_field", "/media_type"},
      {m + R"("media_type":"text/plain","body_base64":"aGVsbG8"})", "malformed", "/body_base64"},
      {m + R"("private":true,"private":true})", "duplicate_key", ""},
      {m + "\"bundle\":" + nested + "}", "too_deep", ""},
      {m + R"("lineage":[1e999]})", "out_of_range", ""},
      {m + R"("lineage":[123456789012345678901234567890]})", "out_of_range", ""},
      {m + "\"precedence\":\"\xC3\x28\"}", "bad_utf8", ""}};
  auto const before = log_size();
  for (auto const& one : all) {
    auto const r = post(one.body);
    SCOPED_TRACE(one.body + "\n" + r.body);
    EXPECT_EQ(r.status, one.code == "conflict" ? 409 : 400);
    EXPECT_EQ(r.header("content-type"), "application/problem+json");
    auto const problem = object_of(r);
    EXPECT_EQ(text_at(problem, "code"), one.code);
    if (!one.where.empty()) {
      EXPECT_EQ(text_at(problem, "where"), one.where);
    }
  }
  EXPECT_EQ(log_size(), before);
}

TEST_F(ApiTest, ReleaseToNobodyIsRefused) {
  for (std::string const rel_to : {"[]", R"(["AA"])", R"(["ZZ"])", R"(["BB","ZZ"])"}) {
    auto const r = post(R"({"marking":{"classification":"RESTRICTED","rel_to":)" + rel_to +
                        "},\"bundle\":" + bundle({indicator(1)}) + "}");
    EXPECT_GE(r.status, 400) << rel_to;
    EXPECT_LT(r.status, 500) << rel_to << r.body;
    EXPECT_TRUE(text_at(object_of(r), "where").starts_with("/marking")) << r.body;
  }
}

TEST_F(ApiTest, AnIdempotencyKeySharesOnce) {
  net::Headers const key{{"idempotency-key", "k1"}};
  auto const body = share_body(bundle({indicator(1)}));
  auto const first = post(body, "/api/v1/items", key);
  ASSERT_EQ(first.status, 201) << first.body;
  auto const before = log_size();
  auto const id = text_at(object_of(first), "id");
  auto const expect_replay = [&] {
    auto const again = post(body, "/api/v1/items", key);
    EXPECT_EQ(again.status, 200) << again.body;
    EXPECT_EQ(text_at(object_of(again), "id"), id);
    EXPECT_TRUE(object_of(again).at("replayed").get_bool());
    EXPECT_EQ(json::serialize(object_of(again).at("recipients")), R"(["BB","CC"])");
    EXPECT_EQ(log_size(), before);
  };
  expect_replay();
  auto const other = post(share_body(bundle({indicator(2)})), "/api/v1/items", key);
  EXPECT_EQ(other.status, 422);
  EXPECT_EQ(text_at(object_of(other), "code"), "idempotency_mismatch");
  served.restart();
  expect_replay();
  // Another program's keys are its own.
  auto const stranger = served.token({Scope::kShare});
  EXPECT_EQ(served.call("POST", "/api/v1/items", stranger.secret, body, key).status, 201);
  EXPECT_EQ(post(body, "/api/v1/items", {{"idempotency-key", std::string(256, 'k')}}).status, 413);
}

TEST_F(ApiTest, AnIdempotencyKeyInUseIsRefused) {
  net::Headers const key{{"idempotency-key", "k2"}};
  auto const body = share_body(bundle({indicator(1)}));
  served.committer->pause();
  net::Response first;
  std::thread waiting([&] { first = post(body, "/api/v1/items", key); });
  served.committer->wait_for_held(1);
  auto const second = post(body, "/api/v1/items", key);
  EXPECT_EQ(second.status, 409) << second.body;
  served.committer->release();
  waiting.join();
  EXPECT_EQ(first.status, 201) << first.body;
  EXPECT_EQ(post(body, "/api/v1/items", key).status, 200);
}

TEST_F(ApiTest, OldMarksAreDropped) {
  auto const now_ms = served.clock.now_ms();
  identity::Principal who;
  who.token_id = "t";
  for (int i = 0; i < 3; ++i)
    served.put(idempotency_put(idempotency_store_key(who, std::to_string(i)),
                               {Hash{}, EnvelopeId{}, now_ms + i * 1000}));
  std::string after;
  auto const old = must(expired_idempotency_marks(served.node().store(), now_ms + 1500, after));
  EXPECT_EQ(old.size(), 2u);
  EXPECT_EQ(after, "");
  for (auto const& put : old) EXPECT_FALSE(put.value.has_value());
}

TEST_F(ApiTest, ServiceStopsWhileACommitIsHeld) {
  served.committer->pause();
  net::Response response;
  std::thread waiting([&] {
    net::RawSocket socket(served.api->port());
    auto const body = share_body(bundle({indicator(1)}));
    socket.send("POST /api/v1/items HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + writer.secret +
                "\r\nIdempotency-Key: k\r\nContent-Length: " + std::to_string(body.size()) +
                "\r\n\r\n" + body);
    socket.receive_all();  // until the server closes
  });
  served.committer->wait_for_held(1);
  served.api->stop();
  waiting.join();
  served.api.reset();
  served.committer->release();  // the callback comes when the service is gone
  EXPECT_EQ(log_size(), 1u);
  served.restart();
}

TEST_F(ApiTest, PagesItemsToTheLast) {
  std::vector<std::string> shared;
  for (int i = 0; i < 25; ++i)
    shared.push_back(
        envelope_id_text(served.share(bundle({indicator(i)}), Classification::kRestricted).id));
  served.index();
  for (std::string const order : {"newest", "oldest"}) {
    std::vector<std::string> seen;
    std::string next;
    int pages = 0;
    do {
      auto const page = object_of(served.get(
          "/api/v1/items?limit=10&order=" + order + (next.empty() ? "" : "&cursor=" + next),
          writer.secret));
      for (auto const& item : page.at("items").get_array())
        seen.push_back(text_at(item.get_object(), "id"));
      next = text_at(page, "next");
      ++pages;
    } while (!next.empty());
    EXPECT_EQ(pages, 3);
    auto expected = shared;
    if (order == "newest") std::reverse(expected.begin(), expected.end());
    EXPECT_EQ(seen, expected);
  }
  auto const large = object_of(served.get("/api/v1/items?limit=1000", writer.secret));
  EXPECT_EQ(large.at("items").get_array().size(), 25u);
  EXPECT_FALSE(large.contains("next"));
  EXPECT_EQ(served.get("/api/v1/items?limit=99999999999999999999999", writer.secret).status, 200);
}

TEST_F(ApiTest, CursorsAreCheckedAndOutliveARestart) {
  for (int i = 0; i < 3; ++i) served.share(bundle({indicator(i)}), Classification::kRestricted);
  served.index();
  auto const next = text_at(object_of(served.get("/api/v1/items?limit=1", writer.secret)), "next");
  ASSERT_FALSE(next.empty());
  auto const target = "/api/v1/items?limit=1&cursor=";
  auto const second = served.get(target + next, writer.secret).body;
  served.restart();
  EXPECT_EQ(served.get(target + next, writer.secret).body, second);
  auto changed = next;
  changed[5] = changed[5] == 'A' ? 'B' : 'A';
  for (std::string const& bad :
       {std::string("/api/v1/items?cursor=1"), target + changed,
        "/api/v1/items?order=oldest&cursor=" + next, "/api/v1/objects?cursor=" + next,
        std::string("/api/v1/items?limit=0"), std::string("/api/v1/items?limit=-1"),
        std::string("/api/v1/items?limit="), std::string("/api/v1/items?order=up"),
        std::string("/api/v1/objects?version=old"), std::string("/api/v1/objects?creator=b%20b"),
        std::string("/api/v1/objects?added_after=now")}) {
    auto const r = served.get(bad, writer.secret);
    EXPECT_EQ(r.status, 400) << bad;
    EXPECT_TRUE(text_at(object_of(r), "where").starts_with("query.")) << r.body;
  }
}

TEST_F(ApiTest, ReadsObjectsVersionsAndRelations) {
  served.share(bundle({indicator(1, 0), indicator(2)}), Classification::kRestricted);
  served.share(bundle({indicator(1, 5)}), Classification::kRestricted);
  served.index();
  auto const count = [&](std::string const& target) {
    return object_of(served.get(target, writer.secret)).at("objects").get_array().size();
  };
  EXPECT_EQ(count("/api/v1/objects"), 2u);
  EXPECT_EQ(count("/api/v1/objects?version=all"), 3u);
  EXPECT_EQ(count("/api/v1/objects?type=malware"), 0u);
  EXPECT_EQ(count("/api/v1/objects?type=malware,indicator&creator=AA"), 2u);
  EXPECT_EQ(count("/api/v1/objects?creator=BB"), 0u);
  EXPECT_EQ(count("/api/v1/objects?id=" + indicator_id(2)), 1u);
  EXPECT_EQ(count("/api/v1/objects/" + indicator_id(1) + "/versions"), 2u);
  EXPECT_EQ(served.get("/api/v1/objects/" + indicator_id(1), writer.secret).body, indicator(1, 5));
  EXPECT_EQ(served.get("/api/v1/objects/" + indicator_id(9), writer.secret).status, 404);
  EXPECT_EQ(served.get("/api/v1/objects/" + indicator_id(1) + "/relations", writer.secret).status,
            200);
}

TEST_F(ApiTest, MakesAndRevokesTokens) {
  auto const admin = served.token({Scope::kAdmin});
  auto const create = [&](std::string const& body) {
    return served.call("POST", "/api/v1/tokens", admin.secret, body);
  };
  auto const made = create(R"({"name":"siem","scopes":"read","clearance":"SECRET"})");
  ASSERT_EQ(made.status, 201) << made.body;
  auto const secret = text_at(object_of(made), "secret");
  EXPECT_EQ(served.get("/api/v1/items", secret).status, 200);
  auto const list = served.get("/api/v1/tokens", admin.secret);
  EXPECT_NE(list.body.find("siem"), std::string::npos);
  EXPECT_EQ(list.body.find(secret), std::string::npos);
  auto const target = "/api/v1/tokens/" + text_at(object_of(made), "id");
  EXPECT_EQ(served.call("DELETE", target, admin.secret).status, 204);
  EXPECT_EQ(served.get("/api/v1/items", secret).status, 401);
  EXPECT_EQ(served.call("DELETE", target, admin.secret).status, 404);
  for (auto const& [body, where] : std::vector<std::pair<std::string, std::string>>{
           {R"({"name":"a","scopes":"read","clearance":"SECRET","x":1})", "/x"},
           {R"({"name":"a","scopes":"write","clearance":"SECRET"})", "/scopes"},
           {R"({"name":"a","scopes":"","clearance":"SECRET"})", "/scopes"},
           {R"({"name":"a","scopes":"read","clearance":"HIGH"})", "/clearance"},
           {R"({"name":"","scopes":"read","clearance":"SECRET"})", "/name"},
           {R"({"name":"a\nb","scopes":"read","clearance":"SECRET"})", "/name"},
           {R"({"name":5,"scopes":"read","clearance":"SECRET"})", "/name"},
           {R"({"name":"a","scopes":"read","clearance":"SECRET","expires":"2001-01-01T00:00:00Z"})",
            "/expires"}}) {
    auto const r = create(body);
    EXPECT_EQ(r.status, 400) << body;
    EXPECT_EQ(text_at(object_of(r), "where"), where) << r.body;
  }
}

TEST_F(ApiTest, HealthAndReadiness) {
  EXPECT_EQ(served.get("/healthz", "").status, 200);
  EXPECT_EQ(served.get("/readyz", "").status, 200);
  served.ready = false;
  EXPECT_EQ(served.get("/readyz", "").status, 503);
  EXPECT_NE(served.get("/metrics", writer.secret).body.find("amic_api_requests_total"),
            std::string::npos);
  EXPECT_EQ(served.get("/api/v1/nothing", writer.secret).status, 404);
  EXPECT_EQ(served.call("PUT", "/api/v1/items", writer.secret).status, 405);
}

TEST_F(ApiTest, EventsComeInOrderAndResume) {
  auto const first = served.share(bundle({indicator(1)}), Classification::kRestricted);
  served.index();
  std::string last_id;
  {
    EventReader fresh(served.api->port(), writer.secret);  // from now on
    EXPECT_NE(fresh.head().find("text/event-stream"), std::string::npos);
    auto const second = served.share(bundle({indicator(2)}), Classification::kRestricted);
    served.index();
    auto const event = fresh.next();
    auto const data = json::parse(EventReader::data_of(event));
    ASSERT_TRUE(data) << event;
    EXPECT_EQ(text_at(data->get_object(), "id"), envelope_id_text(second.id));
    last_id = EventReader::id_of(event);
  }
  for (int i = 3; i < 6; ++i) served.share(bundle({indicator(i)}), Classification::kRestricted);
  served.restart();
  served.index();
  EventReader resumed(served.api->port(), writer.secret, last_id);
  for (int i = 3; i < 6; ++i) EXPECT_NE(resumed.next().find("event: item"), std::string::npos);
  EventReader all(served.api->port(), writer.secret, "0");
  EXPECT_NE(all.next().find(envelope_id_text(first.id)), std::string::npos);
  EXPECT_EQ(
      served.call("GET", "/api/v1/events", writer.secret, "", {{"last-event-id", "7"}}).status,
      400);
}

TEST(ApiEvents, EndWithTheirTokenAtAHeartbeat) {
  Options options;
  options.heartbeat_ms = 10;
  ServedNode served(options);
  auto const reader = served.token({Scope::kRead});
  EventReader events(served.api->port(), reader.secret);
  served.put(must(identity::Tokens(served.node().store(), Realm()).revoke(reader.id)));
  EXPECT_TRUE(events.rest().ends_with("0\r\n\r\n"));  // the server's own end of the stream
}

TEST(ApiEvents, AreBoundedInNumber) {
  Options options;
  options.event_streams_max = 1;
  ServedNode served(options);
  auto const reader = served.token({Scope::kRead});
  EventReader one(served.api->port(), reader.secret);
  EXPECT_EQ(served.get("/api/v1/events", reader.secret).status, 429);
}

}  // namespace
}  // namespace amic::api
