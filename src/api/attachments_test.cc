#include <gtest/gtest.h>

#include "api/testing.h"
#include "codec/codec.h"
#include "crypto/hash.h"

namespace amic::api {
namespace {

using namespace testing;

struct FilesTest : ::testing::Test {
  ServedNode served;
  Token const all = served.token({Scope::kRead, Scope::kShare});
  exchange::ShareResult const item = [&] {
    auto result = served.share(bundle({indicator(1)}), Classification::kConfidential);
    served.index();
    return result;
  }();
  std::string const files = "/api/v1/items/" + codec::to_uuid(item.id.view()) + "/attachments";

  net::Response add(std::string name, std::string body, net::Headers headers = {},
                    std::string secret = {}) {
    return served.call("POST", files + "?name=" + name, secret.empty() ? all.secret : secret,
                       std::move(body), std::move(headers));
  }
};

std::string pattern(std::size_t size) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>(i * 31 + i / 257);
  return out;
}

TEST_F(FilesTest, GoInAndComeOutByteForByte) {
  for (std::size_t const size : {0U, 1U, 1U << 20, (3U << 20) + 5}) {
    auto const made = add("a%20b.bin", pattern(size), {{"content-type", "application/x-a"}});
    ASSERT_EQ(made.status, 201) << made.body;
    auto const object = object_of(made);
    EXPECT_EQ(object.at("size").to_number<std::size_t>(), size);
    EXPECT_EQ(text_at(object, "sha256"),
              codec::to_hex(crypto::sha256(as_bytes(pattern(size))).view()));
    EXPECT_EQ(object.at("recipients").as_array().size(), 1U);
    auto const location = std::string(made.header("location"));
    auto const got = served.get(location, all.secret);
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.body, pattern(size));
    EXPECT_EQ(got.header("content-type"), "application/x-a");
    EXPECT_EQ(got.header("x-content-type-options"), "nosniff");
    EXPECT_EQ(got.header("content-disposition"),
              "attachment; filename=\"a b.bin\"; filename*=UTF-8''a%20b.bin");
    auto const status = object_of(served.get(location + "/status", all.secret));
    EXPECT_EQ(text_at(status, "state"), "held");
    EXPECT_EQ(served.call("HEAD", location, all.secret).status, 200);
  }
  auto const list = object_of(served.get(files, all.secret)).at("attachments").as_array();
  EXPECT_EQ(list.size(), 4U);
}

TEST_F(FilesTest, OneRangeIsServed) {
  auto const body = pattern((2 << 20) + 9);
  auto const made = add("f", body);
  auto const at = std::string(made.header("location"));
  auto const range = [&](std::string const& wanted, std::string const& if_range = {}) {
    net::Headers headers{{"range", wanted}};
    if (!if_range.empty()) headers.emplace_back("if-range", if_range);
    return served.call("GET", at, all.secret, {}, headers);
  };
  struct Case {
    std::string header;
    std::size_t from, size;
  };
  for (auto const& [header, from, size] :
       {Case{"bytes=0-0", 0, 1}, Case{"bytes=1048570-1048590", 1048570, 21},
        Case{"bytes=2097152-", 2097152, 9}, Case{"bytes=-5", body.size() - 5, 5},
        Case{"bytes=5-99999999", 5, body.size() - 5}, Case{"bytes=-99999999", 0, body.size()}}) {
    auto const r = range(header);
    EXPECT_EQ(r.status, 206) << header;
    EXPECT_EQ(r.body, body.substr(from, size)) << header;
    EXPECT_EQ(r.header("content-range"), "bytes " + std::to_string(from) + "-" +
                                             std::to_string(from + size - 1) + "/" +
                                             std::to_string(body.size()));
  }
  for (std::string const header : {"bytes=2097161-", "bytes=-0", "bytes=99999999-"}) {
    auto const r = range(header);
    EXPECT_EQ(r.status, 416) << header;
    EXPECT_EQ(r.header("content-range"), "bytes */2097161");
  }
  for (std::string const header : {"lines=1-2", "bytes=1-2,4-5", "bytes=", "bytes=5-1", "bytes=x-"})
    EXPECT_EQ(range(header).status, 200) << header;
  auto const etag = std::string(served.get(at, all.secret).header("etag"));
  EXPECT_EQ(range("bytes=0-0", etag).status, 206);
  EXPECT_EQ(range("bytes=0-0", "\"other\"").status, 200);
}

TEST_F(FilesTest, RefusalsSayWhy) {
  EXPECT_EQ(add("..%2Fx", "a").status, 400);
  EXPECT_EQ(add("", "a").status, 400);
  EXPECT_EQ(add("f", "a", {{"content-type", "nonsense"}}).status, 400);
  EXPECT_EQ(served.call("POST", files, all.secret, "a").status, 400);
  EXPECT_EQ(
      served
          .call("POST", "/api/v1/items/00000000-0000-4000-8000-000000000000/attachments?name=f",
                all.secret, "a")
          .status,
      404);
  auto const reader = served.token({Scope::kRead});
  EXPECT_EQ(add("f", "a", {}, reader.secret).status, 403);
  EXPECT_EQ(served.get("/api/v1/attachments/" + codec::to_uuid(item.id.view()), all.secret).status,
            404);  // an item is no attachment
  EXPECT_EQ(served.get("/api/v1/attachments/x", all.secret).status, 400);
  auto const low = served.token({Scope::kRead, Scope::kShare}, Classification::kRestricted);
  auto const made = add("f", "a");
  auto const location = std::string(made.header("location"));
  for (auto const& target : {files, location, location + "/status"}) {
    auto const r = served.get(target, low.secret);
    EXPECT_EQ(r.status, 404) << target;
  }
  EXPECT_EQ(add("f", "a", {}, low.secret).status, 404);
}

TEST_F(FilesTest, TheSameKeyAttachesOnce) {
  net::Headers const key{{"idempotency-key", "k1"}};
  auto const first = add("f", "hello", key);
  EXPECT_EQ(first.status, 201);
  auto const again = add("f", "hello", key);
  EXPECT_EQ(again.status, 200);
  EXPECT_EQ(text_at(object_of(again), "id"), text_at(object_of(first), "id"));
  EXPECT_TRUE(object_of(again).at("replayed").as_bool());
  EXPECT_EQ(add("f", "jello", key).status, 422);
  EXPECT_EQ(add("g", "hello", key).status, 422);
  EXPECT_EQ(object_of(served.get(files, all.secret)).at("attachments").as_array().size(), 1U);
}

TEST_F(FilesTest, GoOutOfViewWithTheirItem) {
  auto const made = add("f", "hello");
  auto const location = std::string(made.header("location"));
  auto const recalled =
      served.call("POST", "/api/v1/items/" + codec::to_uuid(item.id.view()) + "/operations",
                  all.secret, R"({"kind":"recall","reason":"wrong"})");
  ASSERT_EQ(recalled.status, 201) << recalled.body;
  served.index();
  EXPECT_EQ(served.get(location, all.secret).status, 404);
  EXPECT_EQ(served.get(files, all.secret).status, 404);
  EXPECT_EQ(add("g", "hello").status, 404);
}

}  // namespace
}  // namespace amic::api
