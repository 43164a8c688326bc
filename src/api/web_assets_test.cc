#include "api/web_assets.h"

#include <gtest/gtest.h>

namespace amic::api {
namespace {

constexpr WebAsset kAssets[] = {
    {"/assets/a-1.js", "text/javascript; charset=utf-8", "script", "gz", "b"},
    {"/assets/f-2.woff2", "font/woff2", "font", "", ""},
    {"/index.html", "text/html; charset=utf-8", "page", "gzpage", "brpage"}};

std::optional<net::Response> get(std::string target, std::string codings = "",
                                 std::string method = "GET") {
  net::Request request;
  request.method = std::move(method);
  request.target = std::move(target);
  request.headers = {{"accept-encoding", std::move(codings)}};
  return web_response(kAssets, request);
}

TEST(WebAssets, PagesAreTheIndexAndNotKept) {
  for (auto const* target : {"/", "/watch", "/watch?item=1&z=2", "/login"}) {
    auto const r = get(target);
    ASSERT_TRUE(r) << target;
    EXPECT_EQ(r->body, "page");
    EXPECT_EQ(r->header("cache-control"), "no-store");
  }
}

TEST(WebAssets, FilesAreKeptForGood) {
  auto const r = get("/assets/a-1.js");
  ASSERT_TRUE(r);
  EXPECT_EQ(r->body, "script");
  EXPECT_EQ(r->header("content-type"), "text/javascript; charset=utf-8");
  EXPECT_EQ(r->header("cache-control"), "public, max-age=31536000, immutable");
}

TEST(WebAssets, TheBestCodingThatTheClientTakes) {
  auto const coding = [](std::string target, std::string codings) {
    auto const r = get(std::move(target), std::move(codings));
    return std::string(r->header("content-encoding")) + ":" + r->body;
  };
  EXPECT_EQ(coding("/", "gzip, deflate, br"), "br:brpage");
  EXPECT_EQ(coding("/", "gzip"), "gzip:gzpage");
  EXPECT_EQ(coding("/", "br;q=0, gzip;q=0.5"), "gzip:gzpage");
  EXPECT_EQ(coding("/", "br;q=0.0"), ":page");
  EXPECT_EQ(coding("/", "brr"), ":page");
  EXPECT_EQ(coding("/assets/f-2.woff2", "br, gzip"), ":font");
}

TEST(WebAssets, PolicyForbidsAllButItself) {
  auto const r = get("/assets/f-2.woff2");
  auto const policy = std::string(r->header("content-security-policy"));
  EXPECT_NE(policy.find("default-src 'none'"), std::string::npos);
  EXPECT_NE(policy.find("require-trusted-types-for 'script'"), std::string::npos);
  EXPECT_EQ(policy.find("unsafe"), std::string::npos);
  EXPECT_EQ(policy.find("http"), std::string::npos);
  EXPECT_EQ(r->header("x-content-type-options"), "nosniff");
  EXPECT_EQ(r->header("referrer-policy"), "no-referrer");
}

TEST(WebAssets, LeavesTheRestToOthers) {
  EXPECT_FALSE(get("/api/v1/items"));
  EXPECT_FALSE(get("/healthz"));
  EXPECT_FALSE(get("/assets/none.js"));
  EXPECT_FALSE(get("/index.html"));
  EXPECT_FALSE(get("/watch", "", "POST"));
  EXPECT_TRUE(get("/watch", "", "HEAD"));
  EXPECT_FALSE(web_response({}, net::Request{}));
}

}  // namespace
}  // namespace amic::api
