#include "identity/tokens.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "codec/codec.h"

namespace amic::identity {
namespace {

using marking::Classification;

class TokensTest : public ::testing::Test {
 protected:
  TokensTest() {
    auto pattern = (std::filesystem::temp_directory_path() / "amic-test-XXXXXX").string();
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    auto opened = store::Store::open("sqlite:" + pattern, {});
    EXPECT_TRUE(opened) << opened.error().text();
    store_ = std::move(*opened);
  }
  ~TokensTest() override {
    store_.reset();
    std::filesystem::remove_all(directory_);
  }
  TokenInfo wanted(std::string name = "siem") {
    TokenInfo out;
    out.name = std::move(name);
    out.scopes = {Scope::kRead, Scope::kAudit};
    out.clearance = Classification::kConfidential;
    return out;
  }
  NewToken make(TokenInfo info) {
    auto made = make_token(std::move(info), kNow, random_);
    EXPECT_TRUE(made) << made.error().text();
    store::Append unit;
    unit.kv.push_back(made->put);
    EXPECT_TRUE(store_->append({unit}));
    return *made;
  }
  Code refused(TokenInfo info) {
    auto const made = make_token(std::move(info), kNow, random_);
    EXPECT_FALSE(made);
    return made ? Code::kInternal : made.error().code;
  }
  bool accepts(std::string const& header, UnixMs now_ms = kNow) {
    auto const who = Tokens(*store_, Realm()).authenticate_header(header, now_ms);
    if (!who) {
      EXPECT_EQ(who.error().code, Code::kUnauthorized);
      EXPECT_EQ(who.error().detail, "no valid token was given");  // whatever the reason
    }
    return who.has_value();
  }
  static std::string basic(std::string const& user, std::string const& secret) {
    return "Basic " + codec::to_base64(as_bytes(user + ":" + secret));
  }

  static constexpr UnixMs kNow = 1'700'000'000'000;
  std::filesystem::path directory_;
  std::unique_ptr<store::Store> store_;
  SeededRandom random_{7};
};

TEST_F(TokensTest, ATokenIsWhoItWasMadeFor) {
  auto const made = make(wanted());
  EXPECT_TRUE(made.secret.starts_with("amic_"));
  EXPECT_EQ(made.secret.size(), 5u + 43u);
  auto const who = Tokens(*store_, Realm()).authenticate(made.secret, kNow);
  ASSERT_TRUE(who);
  EXPECT_EQ(who->token_id, made.info.id);
  EXPECT_EQ(who->token_id.size(), 16u);
  EXPECT_EQ(who->name, "siem");
  EXPECT_EQ(who->scopes, (std::set{Scope::kRead, Scope::kAudit}));
  EXPECT_EQ(who->reader.clearance, Classification::kConfidential);
  EXPECT_FALSE(who->may(Scope::kAdmin));
}

TEST_F(TokensTest, TheSecretIsNowhereStored) {
  auto const made = make(wanted());
  auto const raw = codec::from_base64url(made.secret.substr(5));
  ASSERT_TRUE(raw);
  auto const stored = std::string(as_text(*made.put.value));
  EXPECT_EQ(stored.find(made.secret.substr(5)), std::string::npos);
  EXPECT_EQ(stored.find(as_text(*raw)), std::string::npos);
  EXPECT_EQ(made.put.key.find(made.info.id), std::string::npos);
  EXPECT_EQ(made.put.key, codec::to_hex(secret_sha256(made.secret).view()));
}

TEST_F(TokensTest, ExpiryAndRevocationAreAtOnce) {
  auto info = wanted();
  info.expires_ms = kNow + 1000;
  auto const made = make(info);
  EXPECT_TRUE(accepts("Bearer " + made.secret, kNow + 999));
  EXPECT_FALSE(accepts("Bearer " + made.secret, kNow + 1000));
  auto const other = make(wanted());
  auto const put = Tokens(*store_, Realm()).revoke(other.info.id);
  ASSERT_TRUE(put);
  store::Append unit;
  unit.kv.push_back(*put);
  ASSERT_TRUE(store_->append({unit}));
  EXPECT_FALSE(accepts("Bearer " + other.secret));
  EXPECT_EQ(Tokens(*store_, Realm()).revoke(other.info.id).error().code, Code::kNotFound);
}

TEST_F(TokensTest, ReadsAuthorizationHeaders) {
  auto const made = make(wanted());
  auto const other = make(wanted());
  for (auto const& good : {"Bearer " + made.secret, "bearer " + made.secret,
                           "BEARER " + made.secret, basic(made.info.id, made.secret)})
    EXPECT_TRUE(accepts(good)) << good;
  for (auto const& bad :
       {std::string(), std::string("Bearer"), std::string("Bearer "), made.secret,
        "Bearer  " + made.secret, "Bearer " + made.secret + " ", "Token " + made.secret,
        "Bearer " + made.secret.substr(0, 40), "Bearer amic_" + std::string(43, 'A'),
        "Bearer amic_" + std::string(4000, 'A'), basic(other.info.id, made.secret),
        basic("", made.secret), basic(made.info.id, ""), std::string("Basic ???"),
        "Basic " + codec::to_base64(as_bytes("no colon"))})
    EXPECT_FALSE(accepts(bad)) << bad;
}

TEST_F(TokensTest, RefusesSenselessTokens) {
  auto info = wanted("");
  EXPECT_EQ(refused(info), Code::kOutOfRange);
  EXPECT_EQ(refused(wanted(std::string(129, 'n'))), Code::kOutOfRange);
  EXPECT_EQ(refused(wanted("a\tb")), Code::kOutOfRange);
  EXPECT_EQ(refused(wanted("\xFF")), Code::kOutOfRange);
  info = wanted();
  info.scopes.clear();
  EXPECT_EQ(refused(info), Code::kOutOfRange);
  info = wanted();
  info.expires_ms = kNow;
  EXPECT_EQ(refused(info), Code::kOutOfRange);
  make(wanted(std::string(128, 'n')));
}

TEST_F(TokensTest, ScopesAreRead) {
  auto const both = parse_scopes("read,admin");
  ASSERT_TRUE(both);
  EXPECT_EQ(*both, (std::set{Scope::kRead, Scope::kAdmin}));
  for (auto const scope : {Scope::kRead, Scope::kShare, Scope::kAdmin, Scope::kAudit})
    EXPECT_EQ(*parse_scope(scope_name(scope)), scope);
  for (auto const* bad : {"Read", "read, admin", "read,,admin", "root", ","})
    EXPECT_FALSE(parse_scopes(bad)) << bad;
}

TEST_F(TokensTest, TheLocalTokenIsOfThisRunOnly) {
  auto const secret = new_secret(random_);
  Tokens const with(*store_, Realm(), secret_sha256(secret));
  auto const who = with.authenticate(secret, kNow);
  ASSERT_TRUE(who);
  EXPECT_EQ(who->scopes.size(), 4u);
  EXPECT_FALSE(accepts("Bearer " + secret));  // a service without it
  EXPECT_FALSE(with.authenticate(new_secret(random_), kNow));
}

TEST_F(TokensTest, ListsAndRevokesBeyondOneScan) {
  std::string last;
  store::Append unit;
  for (int i = 0; i < 2500; ++i) {
    auto const made = make_token(wanted("t" + std::to_string(i)), kNow + i, random_);
    ASSERT_TRUE(made);
    unit.kv.push_back(made->put);
    last = made->info.id;
  }
  ASSERT_TRUE(store_->append({unit}));
  Tokens const tokens(*store_, Realm());
  auto const list = tokens.list();
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 2500u);
  EXPECT_EQ(list->front().name, "t0");
  EXPECT_EQ(list->back().name, "t2499");
  EXPECT_TRUE(tokens.revoke(last));
}

TEST_F(TokensTest, DamagedRecordsOpenNothing) {
  auto const made = make(wanted());
  for (std::size_t cut = 0; cut < made.put.value->size(); ++cut) {
    auto put = made.put;
    put.value->resize(cut);
    store::Append unit;
    unit.kv.push_back(put);
    ASSERT_TRUE(store_->append({unit}));
    EXPECT_FALSE(Tokens(*store_, Realm()).authenticate(made.secret, kNow));
  }
}

}  // namespace
}  // namespace amic::identity
