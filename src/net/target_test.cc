#include "net/target.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "json/json.h"
#include "net/media_type.h"
#include "net/problem.h"
#include "net/router.h"

namespace amic::net {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;
using Strings = std::vector<std::string>;

TEST(Target, IsTakenApart) {
  auto const t = parse_target("/api/v1/a%20b/?limit=10&match%5Btype%5D=x+y&flag&limit=2").value();
  EXPECT_EQ(t.path, "/api/v1/a%20b/");
  EXPECT_EQ(t.segments, (Strings{"api", "v1", "a b", ""}));
  EXPECT_EQ(t.query,
            (Pairs{{"limit", "10"}, {"match[type]", "x y"}, {"flag", ""}, {"limit", "2"}}));
  EXPECT_EQ(t.query_value("limit"), "10");
  EXPECT_EQ(t.query_value("none"), std::nullopt);
  EXPECT_EQ(t.query_values("limit").size(), 2u);
  EXPECT_TRUE(parse_target("/")->segments.empty());
  EXPECT_EQ(parse_target("http://h:1/a?b=/c")->segments, Strings{"a"});
  EXPECT_EQ(parse_target("/a%2Fb")->segments, Strings{"a/b"});
}

TEST(Target, RefusesWhatIsNotOne) {
  for (auto bad : {"",     "a",        "*",        "/a b", "/a\n",     "/\xc3\xa9", "/%",
                   "/%4",  "/%4g",     "/a//b",    "/./a", "/a/..",    "/%2e%2E/a", "/%00",
                   "/%0a", "/a?x=%zz", "/a?%0d=1", "/a#b", "http://h", "http:///a", "ftp://h/a"})
    EXPECT_EQ(parse_target(bad).error().code, Code::kMalformed) << bad;
  EXPECT_EQ(parse_target("/%ff").error().code, Code::kBadUtf8);
  EXPECT_EQ(parse_target("/?a=%C0%80").error().code, Code::kBadUtf8);
}

TEST(Target, IsBounded) {
  EXPECT_EQ(parse_target("/" + std::string(kTargetBytesMax, 'a')).error().code, Code::kTooLarge);
  std::string deep;
  for (std::size_t i = 0; i < kTargetSegmentsMax; ++i) deep += "/a";
  EXPECT_TRUE(parse_target(deep));
  EXPECT_EQ(parse_target(deep + "/a").error().code, Code::kTooLarge);
  std::string wide = "/?";
  for (std::size_t i = 0; i < kQueryPairsMax; ++i) wide += "a&";
  EXPECT_TRUE(parse_target(wide));
  EXPECT_EQ(parse_target(wide + "a").error().code, Code::kTooLarge);
}

RC_GTEST_PROP(Target, PercentEncodingRoundTrips, (std::string const& text)) {
  RC_ASSERT(percent_decode(percent_encode(text)).value() == text);
}

TEST(MediaType, IsParsed) {
  auto const t =
      parse_media_type("Application/TAXII+json ; Version=2.1;charset=\"a \\\"b\"").value();
  EXPECT_TRUE(t.is("application/taxii+json"));
  EXPECT_FALSE(t.is("application/json"));
  EXPECT_EQ(t.parameter("version"), "2.1");
  EXPECT_EQ(t.parameter("charset"), "a \"b");
  EXPECT_EQ(t.text(), "application/taxii+json;version=2.1;charset=\"a \\\"b\"");
  for (auto bad : {"", "a", "a/", "/b", "a/b c", "a/b;c", "a/b;c=\"x", "*/*", "a/*", "a/b,c/d",
                   "a/b;c=1;C=2", "a/b;c=\"\x01\""})
    EXPECT_EQ(parse_media_type(bad).error().code, Code::kMalformed) << bad;
}

TEST(MediaType, AcceptIsParsed) {
  auto const accept = parse_accept("text/html;q=0.5, ,*/*;q=0.001 ,a/b;q=1.000;x=y").value();
  ASSERT_EQ(accept.size(), 3u);
  EXPECT_EQ(accept[0].q_thousandths, 500);
  EXPECT_EQ(accept[1].q_thousandths, 1);
  EXPECT_EQ(accept[2].q_thousandths, 1000);
  EXPECT_EQ(accept[2].parameter("x"), "y");
  EXPECT_EQ(parse_accept("").value().at(0).type, "*");
  for (auto bad :
       {"a", "*/b", "a/b;q=2", "a/b;q=1.1", "a/b;q=0.1234", "a/b;q=x", "a/b c/d", "a*/b"})
    EXPECT_EQ(parse_accept(bad).error().code, Code::kMalformed) << bad;
  std::string many;
  for (std::size_t i = 0; i <= kMediaRangesMax; ++i) many += "a/b,";
  EXPECT_EQ(parse_accept(many).error().code, Code::kTooLarge);
}

TEST(MediaType, IsNegotiated) {
  std::vector<MediaType> const offers = {
      parse_media_type("application/taxii+json;version=2.1").value(),
      parse_media_type("application/json").value()};
  auto const pick = [&](std::string_view accept) {
    return negotiate(*parse_accept(accept), offers);
  };
  EXPECT_EQ(pick(""), 0u);
  EXPECT_EQ(pick("application/taxii+json"), 0u);
  EXPECT_EQ(pick("application/taxii+json;version=2.1"), 0u);
  EXPECT_EQ(pick("application/taxii+json;version=2.0"), std::nullopt);
  EXPECT_EQ(pick("application/json, */*;q=0.1"), 1u);
  EXPECT_EQ(pick("*/*, application/taxii+json;q=0"), 1u);
  EXPECT_EQ(pick("text/html"), std::nullopt);
  EXPECT_EQ(pick("application/*;q=0"), std::nullopt);
}

TEST(Endpoint, IsParsed) {
  EXPECT_EQ(parse_endpoint("https://127.0.0.1:8443").value(),
            (Endpoint{"https", "127.0.0.1", 8443}));
  EXPECT_EQ(parse_endpoint("HTTP://Node.example/x?y").value(),
            (Endpoint{"http", "node.example", 80}));
  EXPECT_EQ(parse_endpoint("https://[2001:DB8::1]").value(),
            (Endpoint{"https", "2001:db8::1", 443}));
  EXPECT_EQ(parse_endpoint("https://[::1]:9/").value(), (Endpoint{"https", "::1", 9}));
  for (auto bad :
       {"", "127.0.0.1:80", "ftp://a", "https://", "https://:1", "https://a:", "https://a:0",
        "https://a:65536", "https://a:1x", "https://a:+1", "https://u@a", "https://[::1",
        "https://[]", "https://[a]:1", "https://[::1]x", "https://a b", "https://::1"})
    EXPECT_EQ(parse_endpoint(bad).error().code, Code::kMalformed) << bad;
}

Response ask(Router const& router, std::string method, std::string target) {
  Request request;
  request.method = std::move(method);
  request.target = std::move(target);
  Response out;
  out.status = 0;
  router.dispatch(std::move(request), [&](Response r) { out = std::move(r); });
  return out;
}

RouteHandler says(std::string text) {
  return [text](Request const&, Match match, Responder respond) {
    Response r;
    r.body = text;
    for (auto const& [name, value] : match.params) r.body += " " + name + "=" + value;
    respond(std::move(r));
  };
}

TEST(Router, PicksTheMostSpecificRoute) {
  Router router;
  router.add("GET", "/", says("root"));
  router.add("GET", "/objects/{id}", says("one"));
  router.add("GET", "/objects/all", says("all"));
  router.add("PUT", "/objects/all", says("put"));
  router.add("GET", "/objects/{id}/versions/{v}", says("version"));
  router.add("GET", "/objects/all/x", says("x"));
  router.add("GET", "/assets/{path...}", says("asset"));
  router.add("GET", "/taxii2/", says("slash"));
  EXPECT_EQ(ask(router, "GET", "/").body, "root");
  EXPECT_EQ(ask(router, "GET", "/objects/a%2Fb?x=1").body, "one id=a/b");
  EXPECT_EQ(ask(router, "GET", "/objects/all").body, "all");
  EXPECT_EQ(ask(router, "GET", "/objects/all/versions/3").body, "version id=all v=3");
  EXPECT_EQ(ask(router, "HEAD", "/objects/all").body, "all");
  EXPECT_EQ(ask(router, "GET", "/assets/a/b.js").body, "asset path=a/b.js");
  EXPECT_EQ(ask(router, "GET", "/assets/a%2F..%2Fb").status, 404);
  EXPECT_EQ(ask(router, "GET", "/taxii2/").body, "slash");
  EXPECT_EQ(ask(router, "GET", "/taxii2").status, 404);
  EXPECT_EQ(ask(router, "GET", "/objects/").status, 404);
  EXPECT_EQ(ask(router, "GET", "/%zz").status, 400);
}

TEST(Router, AnswersOtherMethods) {
  Router router;
  router.add("GET", "/a", says("get"));
  router.add("POST", "/a", says("post"));
  auto const refused = ask(router, "DELETE", "/a");
  EXPECT_EQ(refused.status, 405);
  EXPECT_EQ(refused.header("allow"), "OPTIONS, HEAD, GET, POST");
  EXPECT_EQ(refused.header("content-type"), "application/problem+json");
  auto const options = ask(router, "OPTIONS", "/a");
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.header("allow"), "OPTIONS, HEAD, GET, POST");
  EXPECT_EQ(ask(router, "OPTIONS", "/b").status, 404);
}

TEST(Problem, TellsTheCaller) {
  auto const r = problem(Code::kTooLarge, "/objects/3", "say \"no\"\n\xff");
  EXPECT_EQ(r.status, 413);
  auto const body = json::parse(r.body).value();
  auto const& o = body.as_object();
  EXPECT_EQ(o.at("type").as_string(), "urn:amic:error:too_large");
  EXPECT_EQ(o.at("title").as_string(), "Too large");
  EXPECT_EQ(o.at("status").as_int64(), 413);
  EXPECT_EQ(o.at("code").as_string(), "too_large");
  EXPECT_EQ(o.at("where").as_string(), "/objects/3");
  EXPECT_EQ(o.at("detail").as_string(), "say \"no\"\n?");
  EXPECT_EQ(problem(Code::kUnauthorized).header("www-authenticate"), "Bearer");
  EXPECT_EQ(problem(Code::kOverloaded).header("retry-after"), "1");
}

TEST(Problem, KeepsTheInsideInside) {
  for (auto code : {Code::kInternal, Code::kIo, Code::kCorrupt, Code::kWrongPassphrase}) {
    auto const body = problem(code, "store.sqlite", "disk /dev/sda is dying").body;
    EXPECT_EQ(body.find("sqlite"), std::string::npos);
    EXPECT_EQ(body.find("dying"), std::string::npos);
  }
}

}  // namespace
}  // namespace amic::net
