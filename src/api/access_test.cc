// Who may what: every route with every kind of token; and that the hidden stays hidden.
#include <regex>

#include "api/openapi.h"
#include "api/routes.h"
#include "api/testing.h"
#include "codec/codec.h"

namespace amic::api {
namespace {

using namespace testing;

std::string target_of(Route const& route) {
  std::string out{route.pattern};
  for (auto const& [from, to] : {std::pair<std::string, std::string>{"{root}", "amic"},
                                 {"collections/{id}", "collections/all"},
                                 {"{object}", indicator_id(1)},
                                 {"{kind}", "TOR"},
                                 {"{piece}", "0"},
                                 {"{id}", "00000000-0000-4000-8000-000000000000"}})
    if (auto const found = out.find(from); found != std::string::npos)
      out.replace(found, from.size(), to);
  return out;
}

bool is_stream(Route const& route) {
  return route.pattern == "/api/v1/events";
}

TEST(Access, EveryRouteNeedsAValidToken) {
  ServedNode served;
  auto const all = std::set{Scope::kRead, Scope::kShare, Scope::kAdmin, Scope::kAudit};
  auto const expired = served.token(all, Classification::kSecret, served.clock.now_ms() + 10);
  served.clock.advance(10);
  auto const revoked = served.token(all);
  served.put(must(identity::Tokens(served.node().store(), Realm()).revoke(revoked.id)));
  auto const good = served.token(all);
  auto const basic = [](std::string const& user, std::string const& secret) {
    return "Basic " + codec::to_base64(as_bytes(user + ":" + secret));
  };
  std::vector<std::string> const bad{"",
                                     "Bearer",
                                     "Bearer amic_unknown",
                                     "Bearer " + expired.secret,
                                     "Bearer " + revoked.secret,
                                     "Digest " + good.secret,
                                     basic("0123456789abcdef", good.secret),
                                     basic(good.id, "amic_wrong"),
                                     "Basic !!!"};
  for (auto const& route : routes()) {
    for (auto const& authorization : bad) {
      net::Headers headers;
      if (!authorization.empty()) headers.emplace_back("authorization", authorization);
      auto const r = served.call(std::string(route.method), target_of(route), "", "", headers);
      SCOPED_TRACE(std::string(route.method) + " " + target_of(route) + " " + authorization);
      if (route.access == Access::kPublic) {
        EXPECT_NE(r.status, 401);
        continue;
      }
      EXPECT_EQ(r.status, 401);
      EXPECT_NE(r.header("www-authenticate").find("Basic"), std::string_view::npos);
      if (route.pattern.starts_with("/taxii2/")) {
        EXPECT_EQ(r.header("content-type"), "application/taxii+json;version=2.1");
      } else {
        EXPECT_EQ(text_at(object_of(r), "code"), "unauthorized");
      }
    }
    if (is_stream(route)) continue;
    auto const r = served.call(std::string(route.method), target_of(route), "", "",
                               {{"authorization", basic(good.id, good.secret)}});
    EXPECT_NE(r.status, 401) << route.pattern;
  }
}

TEST(Access, EveryRouteNeedsItsScope) {
  ServedNode served;
  for (auto const scope : {Scope::kRead, Scope::kShare, Scope::kAdmin, Scope::kAudit}) {
    auto const token = served.token({scope});
    for (auto const& route : routes()) {
      identity::Principal who;
      who.scopes = {scope};
      bool const allowed = access_allowed(route.access, who);
      if (allowed && is_stream(route)) continue;
      auto const r = served.call(std::string(route.method), target_of(route), token.secret);
      SCOPED_TRACE(std::string(route.method) + " " + target_of(route) + " " +
                   std::string(identity::scope_name(scope)));
      EXPECT_NE(r.status, 401);
      EXPECT_LT(r.status, 500) << r.body;
      // No scope deletes over TAXII, and "all" is for reading only.
      bool const refused = route.pattern.starts_with("/taxii2/") && route.method == "DELETE";
      if (!allowed || refused)
        EXPECT_EQ(r.status, 403);
      else
        EXPECT_NE(r.status, 403);
    }
  }
}

// The table of scopes, said once more: what a wrong entry in the route table would change.
TEST(Access, ScopesAreWhatTheyShouldBe) {
  std::map<std::string, Access> const expected{{"POST /api/v1/items", Access::kShare},
                                               {"GET /api/v1/items", Access::kRead},
                                               {"GET /api/v1/objects/{id}", Access::kRead},
                                               {"GET /api/v1/events", Access::kRead},
                                               {"GET /api/v1/quarantine", Access::kAudit},
                                               {"GET /api/v1/log", Access::kAudit},
                                               {"POST /api/v1/tokens", Access::kAdmin},
                                               {"POST /api/v1/carriers/exports", Access::kAdmin},
                                               {"POST /api/v1/carriers/sections", Access::kAdmin},
                                               {"GET /api/v1/evidence", Access::kAudit},
                                               {"DELETE /api/v1/tokens/{id}", Access::kAdmin},
                                               {"POST /api/v1/session", Access::kPublic},
                                               {"POST /api/v1/session/codes", Access::kAny},
                                               {"GET /metrics", Access::kAudit},
                                               {"GET /healthz", Access::kPublic}};
  std::size_t seen = 0;
  std::size_t open = 0;
  for (auto const& route : routes()) {
    open += route.access == Access::kPublic;
    auto const found = expected.find(std::string(route.method) + " " + std::string(route.pattern));
    if (found == expected.end()) continue;
    ++seen;
    EXPECT_EQ(found->second, route.access) << found->first;
  }
  EXPECT_EQ(seen, expected.size());
  EXPECT_EQ(open, 4u);  // healthz, readyz, openapi.json, log-in
}

std::string masked(net::Response const& response) {
  static std::regex const cursor("\"next\":\"[^\"]*\"");
  std::string out = std::to_string(response.status) + "\n";
  for (auto const& [name, value] : response.headers)
    if (name != "date") out += name + ": " + value + "\n";
  return out + std::regex_replace(response.body, cursor, "\"next\":\"-\"");
}

EnvelopeId id_of(ServedNode const& served, std::uint64_t n) {
  SeededRandom random(n);
  return envelope::make_id(served.exchange->community().id, served.exchange->self(), random);
}

// What a reader cleared for RESTRICTED hears of a node that holds SECRET items as well, or not.
std::vector<std::string> everything_heard(bool with_hidden) {
  ServedNode served;
  auto const reader = served.token({Scope::kRead}, Classification::kRestricted);
  for (std::uint8_t n = 1; n <= 6; ++n) {
    if (with_hidden) {
      served.share(bundle({indicator(100 + n), indicator(1, 30, "newer")}), Classification::kSecret,
                   id_of(served, 100 + n));
    } else {
      served.clock.advance(1000);
    }
    served.share(bundle({indicator(n)}), Classification::kRestricted, id_of(served, n));
  }
  served.index();
  std::vector<std::string> out;
  auto const hear = [&](std::string const& target) {
    auto const response = served.get(target, reader.secret);
    auto const label = target.substr(0, std::min(target.find("&cursor="), target.find("&next=")));
    out.push_back(label + "\n" + masked(response));
    return response;
  };
  for (std::string const list : {"/api/v1/items?limit=2", "/api/v1/items?order=oldest&limit=4",
                                 "/api/v1/objects?limit=2", "/api/v1/objects?version=all&limit=4"})
    for (auto next = std::string("-"); !next.empty();)
      next = text_at(object_of(hear(next == "-" ? list : list + "&cursor=" + next)), "next");
  for (std::string const list : {"/taxii2/amic/collections/all/objects/?limit=2",
                                 "/taxii2/amic/collections/from-aa/manifest/?limit=4"})
    for (auto next = std::string("-"); !next.empty();)
      next = text_at(object_of(hear(next == "-" ? list : list + "&next=" + next)), "next");
  auto const secret_item = envelope_id_text(id_of(served, 101));
  for (std::string const& target :
       {"/api/v1/items/" + secret_item, "/api/v1/items/" + secret_item + "/content",
        "/api/v1/items/" + secret_item + "/envelope", "/api/v1/objects/" + indicator_id(101),
        "/api/v1/objects/" + indicator_id(101) + "/versions",
        "/api/v1/objects/" + indicator_id(101) + "/relations",
        "/api/v1/objects/" + indicator_id(1) + "/versions",
        "/api/v1/objects?id=" + indicator_id(101), std::string("/api/v1/objects?type=indicator"),
        "/taxii2/amic/collections/all/objects/" + indicator_id(101) + "/",
        "/taxii2/amic/collections/all/objects/" + indicator_id(101) + "/versions/",
        "/taxii2/amic/collections/all/objects/" + indicator_id(1) + "/versions/",
        std::string("/taxii2/amic/collections/"), std::string("/api/v1/community")})
    hear(target);
  EventReader events(served.api->port(), reader.secret, "0");
  for (int n = 0; n < 6; ++n) out.push_back(EventReader::data_of(events.next()));
  return out;
}

TEST(Access, TheHiddenChangesNothing) {
  auto const without = everything_heard(false);
  auto const with = everything_heard(true);
  ASSERT_EQ(without.size(), with.size());
  for (std::size_t i = 0; i < with.size(); ++i) EXPECT_EQ(without[i], with[i]);
}

TEST(Access, PositionsAreForAuditors) {
  ServedNode served;
  auto const reader = served.token({Scope::kRead});
  auto const auditor = served.token({Scope::kRead, Scope::kAudit});
  served.share(bundle({indicator(1)}), Classification::kRestricted, id_of(served, 1));
  served.index();
  auto const target = "/api/v1/items/" + envelope_id_text(id_of(served, 1));
  EXPECT_FALSE(object_of(served.get(target, reader.secret)).contains("seq"));
  EXPECT_TRUE(object_of(served.get(target, auditor.secret)).contains("seq"));
}

void check_references(json::value const& value, json::object const& document) {
  if (value.is_array())
    for (auto const& entry : value.get_array()) check_references(entry, document);
  if (!value.is_object()) return;
  for (auto const& field : value.get_object()) {
    if (field.key() == "$ref") {
      std::string text{std::string_view(field.value().get_string())};
      ASSERT_TRUE(text.starts_with("#/components/")) << text;
      text.erase(0, 13);
      auto const slash = text.find('/');
      auto const& kind = document.at("components").at(text.substr(0, slash)).get_object();
      EXPECT_TRUE(kind.contains(text.substr(slash + 1))) << text;
    } else {
      check_references(field.value(), document);
    }
  }
}

TEST(OpenApi, DescribesEveryRoute) {
  ServedNode served;
  auto const response = served.get("/api/v1/openapi.json", "");
  ASSERT_EQ(response.status, 200);
  auto const document = object_of(response);
  EXPECT_EQ(text_at(document, "openapi"), "3.1.0");
  check_references(document, document);
  std::set<std::string> ids;
  std::size_t operations = 0;
  auto const& paths = document.at("paths").get_object();
  for (auto const& path : paths) operations += path.value().get_object().size();
  EXPECT_EQ(operations, routes().size());
  for (auto const& route : routes()) {
    SCOPED_TRACE(std::string(route.method) + " " + std::string(route.pattern));
    ASSERT_NE(operation_doc(route.method, route.pattern), nullptr);
    std::string method{route.method};
    for (char& c : method) c = static_cast<char>(std::tolower(c));
    auto const& operation = paths.at(route.pattern).at(method).get_object();
    auto const id = text_at(operation, "operationId");
    EXPECT_TRUE(std::regex_match(id, std::regex("[a-z][A-Za-z0-9]*"))) << id;
    EXPECT_TRUE(ids.insert(id).second) << id;
    // Leaving a group says all in its path.
    bool const sends =
        (route.method == "POST" || route.method == "PUT") && !route.pattern.ends_with("/leave");
    EXPECT_EQ(sends, operation.contains("requestBody"));
    EXPECT_TRUE(operation.contains("responses"));
    for (std::size_t open = route.pattern.find('{'); open != std::string_view::npos;
         open = route.pattern.find('{', open + 1)) {
      auto const name = route.pattern.substr(open + 1, route.pattern.find('}', open) - open - 1);
      bool named = false;
      for (auto const& parameter : operation.at("parameters").get_array())
        named = named || text_at(parameter.get_object(), "name") == name;
      EXPECT_TRUE(named) << name;
    }
  }
}

}  // namespace
}  // namespace amic::api
