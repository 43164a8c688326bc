// Logging in to the web face: cookies, origins, limits, and what answers to a browser may do there.
#include "api/testing.h"

namespace amic::api {
namespace {

using namespace testing;

struct SessionTest : ::testing::Test {
  ServedNode served;
  Token token = served.token({Scope::kRead, Scope::kShare});
  std::string origin = "http://127.0.0.1:" + std::to_string(served.api->port());

  std::string host() const { return origin.substr(7); }
  net::Response post(std::string const& target, std::string const& body, net::Headers headers) {
    headers.emplace_back("host", host());
    return served.call("POST", target, "", body, std::move(headers));
  }
  net::Response log_in(std::string const& secret) {
    return post("/api/v1/session", R"({"token":")" + secret + R"("})", {{"origin", origin}});
  }
  // "name=value" of the cookie that an answer sets.
  static std::string cookie_of(net::Response const& response) {
    auto const header = response.header("set-cookie");
    return std::string(header.substr(0, header.find(';')));
  }
  net::Response with(std::string const& cookie, std::string method, std::string target,
                     net::Headers headers = {}, std::string body = {}) {
    headers.emplace_back("cookie", cookie);
    headers.emplace_back("host", host());
    return served.call(std::move(method), std::move(target), "", std::move(body),
                       std::move(headers));
  }
};

TEST_F(SessionTest, ATokenOpensASessionAndIsNotInTheCookie) {
  auto const in = log_in(token.secret);
  ASSERT_EQ(in.status, 201) << in.body;
  auto const header = std::string(in.header("set-cookie"));
  EXPECT_NE(header.find("; HttpOnly"), std::string::npos);
  EXPECT_NE(header.find("; SameSite=Strict"), std::string::npos);
  EXPECT_EQ(header.find(token.secret), std::string::npos);
  EXPECT_EQ(in.body.find(token.secret), std::string::npos);
  auto const cookie = cookie_of(in);
  EXPECT_EQ(with(cookie, "GET", "/api/v1/items").status, 200);
  auto const me = object_of(with(cookie, "GET", "/api/v1/session"));
  EXPECT_EQ(text_at(me, "token_id"), token.id);
  EXPECT_EQ(text_at(me, "member"), "AA");
  EXPECT_EQ(with(cookie, "GET", "/api/v1/tokens").status, 403);  // its scopes are the token's
}

TEST_F(SessionTest, BehindTlsTheCookieIsBoundToTheHost) {
  auto const in = post("/api/v1/session", R"({"token":")" + token.secret + R"("})",
                       {{"origin", "https://" + host()}});
  ASSERT_EQ(in.status, 201);
  EXPECT_TRUE(in.header("set-cookie").starts_with("__Host-"));
  EXPECT_NE(in.header("set-cookie").find("; Secure"), std::string_view::npos);
  EXPECT_EQ(with(cookie_of(in), "GET", "/api/v1/items").status, 200);
}

TEST_F(SessionTest, OtherOriginsChangeNothing) {
  auto const cookie = cookie_of(log_in(token.secret));
  for (auto const& headers : std::vector<net::Headers>{{},
                                                       {{"origin", "http://evil.example"}},
                                                       {{"origin", "null"}},
                                                       {{"origin", "http://127.0.0.1:1"}},
                                                       {{"sec-fetch-site", "cross-site"}},
                                                       {{"sec-fetch-site", "same-site"}},
                                                       {{"sec-fetch-site", "none"}}})
    EXPECT_EQ(with(cookie, "POST", "/api/v1/items?dry_run=true", headers, "{}").status, 403);
  EXPECT_EQ(with(cookie, "GET", "/api/v1/items", {{"sec-fetch-site", "cross-site"}}).status, 403);
  // What comes through is told what is wrong with it.
  for (auto const& headers : std::vector<net::Headers>{
           {{"origin", origin}}, {{"origin", origin}, {"sec-fetch-site", "same-origin"}}})
    EXPECT_EQ(with(cookie, "POST", "/api/v1/items?dry_run=true", headers, "{}").status, 400);
  EXPECT_EQ(post("/api/v1/session", "{}", {{"origin", "http://evil.example"}}).status, 403);
}

TEST_F(SessionTest, EndsByLoggingOutByIdlingAndWithItsToken) {
  auto const out = cookie_of(log_in(token.secret));
  EXPECT_EQ(with(out, "DELETE", "/api/v1/session", {{"origin", origin}}).status, 204);
  EXPECT_EQ(with(out, "GET", "/api/v1/items").status, 401);

  auto const idle = cookie_of(log_in(token.secret));
  served.clock.advance(14 * 60'000);
  EXPECT_EQ(with(idle, "GET", "/api/v1/items").status, 200);
  served.clock.advance(15 * 60'000);
  EXPECT_EQ(with(idle, "GET", "/api/v1/items").status, 401);

  auto const revoked = cookie_of(log_in(token.secret));
  served.put(must(identity::Tokens(served.node().store(), Realm()).revoke(token.id)));
  EXPECT_EQ(with(revoked, "GET", "/api/v1/items").status, 401);
}

TEST_F(SessionTest, ACodeLogsInOnce) {
  auto const made = served.call("POST", "/api/v1/session/codes", token.secret, "{}");
  ASSERT_EQ(made.status, 201) << made.body;
  auto const body = R"({"code":")" + text_at(object_of(made), "code") + R"("})";
  auto const in = post("/api/v1/session", body, {{"origin", origin}});
  EXPECT_EQ(in.status, 201) << in.body;
  EXPECT_EQ(text_at(object_of(in), "token_id"), token.id);
  EXPECT_EQ(post("/api/v1/session", body, {{"origin", origin}}).status, 401);
  auto const late = served.call("POST", "/api/v1/session/codes", token.secret, R"({"valid_s":1})");
  served.clock.advance(1000);
  EXPECT_EQ(post("/api/v1/session", R"({"code":")" + text_at(object_of(late), "code") + R"("})", {})
                .status,
            401);
  for (auto const* bad :
       {R"({"valid_s":0})", R"({"valid_s":86401})", R"({"valid_s":"1"})", R"({"valid_s":-1})",
        R"({"valid_s":9223372036854775807})", R"({"valid":1})"})
    EXPECT_EQ(served.call("POST", "/api/v1/session/codes", token.secret, bad).status, 400) << bad;
}

TEST_F(SessionTest, AttemptsAreLimited) {
  for (int i = 0; i < 10; ++i) EXPECT_EQ(log_in("amic_wrong").status, 401);
  EXPECT_EQ(log_in(token.secret).status, 429);
  served.clock.advance(3000);
  EXPECT_EQ(log_in(token.secret).status, 201);
}

// An originator chooses the media type of a body: in a browser it must not become a page of this
// node.
TEST_F(SessionTest, AnswersToASessionCanDoNothingInABrowser) {
  auto const cookie = cookie_of(log_in(token.secret));
  for (auto const* target : {"/api/v1/items", "/api/v1/objects", "/api/v1/items/none"}) {
    auto const r = with(cookie, "GET", target);
    EXPECT_NE(r.header("content-security-policy").find("sandbox"), std::string_view::npos);
    EXPECT_NE(r.header("content-security-policy").find("default-src 'none'"),
              std::string_view::npos);
    EXPECT_EQ(r.header("x-content-type-options"), "nosniff");
    EXPECT_EQ(r.header("cross-origin-resource-policy"), "same-origin");
  }
}

TEST_F(SessionTest, BrowsersAreNotAskedForAPassword) {
  EXPECT_TRUE(with("", "GET", "/api/v1/items", {{"sec-fetch-site", "same-origin"}})
                  .header("www-authenticate")
                  .empty());
  EXPECT_FALSE(served.call("GET", "/api/v1/items").header("www-authenticate").empty());
}

TEST_F(SessionTest, AnAuthorizationHeaderWinsOverACookie) {
  auto const cookie = cookie_of(log_in(token.secret));
  EXPECT_EQ(with(cookie, "GET", "/api/v1/items", {{"authorization", "Bearer amic_wrong"}}).status,
            401);
}

}  // namespace
}  // namespace amic::api
