#include "identity/tokens.h"

#include <algorithm>

#include "codec/codec.h"
#include "crypto/hash.h"
#include "crypto/secret.h"

namespace amic::identity {

namespace {
constexpr std::string_view kSpace = "token";
constexpr std::string_view kPrefix = "amic_";
constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kNameBytesMax = 128;
constexpr std::size_t kScanMax = 1000;
constexpr std::uint16_t kVersion = 1;
constexpr std::string_view kScopeNames[] = {"read", "share", "admin", "audit"};

Bytes encode(TokenInfo const& info) {
  codec::Writer out;
  out.u16(kVersion).str8(info.id).str8(info.name);
  out.u8(static_cast<std::uint8_t>(info.scopes.size()));
  for (auto const scope : info.scopes) out.u8(static_cast<std::uint8_t>(scope));
  out.u8(static_cast<std::uint8_t>(info.clearance)).i64(info.created_ms);
  out.i64(info.expires_ms.value_or(0));
  return out.take();
}

Result<TokenInfo> decode(BytesView bytes) {
  codec::Reader in(bytes, "token");
  TokenInfo out;
  if (in.u16() != kVersion) in.reject(Code::kUnsupported, "unknown version");
  out.id = in.str8();
  out.name = in.str8();
  std::size_t const scopes = in.u8();
  for (std::size_t i = 0; i < scopes && in.ok(); ++i) {
    auto const scope = in.u8();
    if (scope < 1 || scope > 4) in.reject(Code::kOutOfRange, "scope");
    out.scopes.insert(static_cast<Scope>(scope));
  }
  auto const clearance = in.u8();
  if (clearance > static_cast<std::uint8_t>(marking::Classification::kTopSecret))
    in.reject(Code::kOutOfRange, "clearance");
  out.clearance = static_cast<marking::Classification>(clearance);
  out.created_ms = in.i64();
  if (auto const expires_ms = in.i64(); expires_ms != 0) out.expires_ms = expires_ms;
  AMIC_TRY_VOID(in.finish());
  return out;
}

std::string key_of(std::string_view secret) {
  return codec::to_hex(secret_sha256(secret).view());
}

// Names go into logs and tables.
bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

tl::unexpected<Error> unauthorized() {
  return fail(Code::kUnauthorized, "authorization", "no valid token was given");
}
}  // namespace

std::string_view scope_name(Scope scope) {
  return kScopeNames[static_cast<std::size_t>(scope) - 1];
}

Result<Scope> parse_scope(std::string_view text) {
  for (std::size_t i = 0; i < std::size(kScopeNames); ++i)
    if (kScopeNames[i] == text) return static_cast<Scope>(i + 1);
  return fail(Code::kMalformed, "scope", "one of read, share, admin, audit");
}

Result<std::set<Scope>> parse_scopes(std::string_view text) {
  std::set<Scope> out;
  while (!text.empty()) {
    auto const comma = text.find(',');
    AMIC_TRY(auto const scope, parse_scope(text.substr(0, comma)));
    out.insert(scope);
    text = comma == std::string_view::npos ? "" : text.substr(comma + 1);
  }
  return out;
}

std::string new_secret(Random& random) {
  crypto::Secret secret(kSecretBytes);
  random.fill(secret.mutable_view());
  return std::string(kPrefix) + codec::to_base64url(secret.view());
}

Hash secret_sha256(std::string_view secret) {
  return crypto::sha256(as_bytes(secret));
}

Result<NewToken> make_token(TokenInfo wanted, UnixMs now_ms, Random& random) {
  if (wanted.name.empty() || wanted.name.size() > kNameBytesMax || !codec::is_utf8(wanted.name))
    return fail(Code::kOutOfRange, "/name", "1 to 128 bytes of UTF-8");
  if (std::any_of(wanted.name.begin(), wanted.name.end(), is_control))
    return fail(Code::kOutOfRange, "/name", "control characters are not allowed");
  if (wanted.scopes.empty()) return fail(Code::kOutOfRange, "/scopes", "at least one scope");
  if (wanted.expires_ms && *wanted.expires_ms <= now_ms)
    return fail(Code::kOutOfRange, "/expires", "lies in the past");
  NewToken out;
  out.secret = new_secret(random);
  auto const key = key_of(out.secret);
  out.info = std::move(wanted);
  // A second hash, so that the public id says nothing about the stored key.
  out.info.id = codec::to_hex(crypto::sha256(as_bytes("amic/token/id" + key)).view()).substr(0, 16);
  out.info.created_ms = now_ms;
  out.put = {std::string(kSpace), key, encode(out.info)};
  return out;
}

Result<Principal> Tokens::authenticate(std::string_view secret, UnixMs now_ms) const {
  if (!secret.starts_with(kPrefix) || secret.size() > 128) return unauthorized();
  return authenticate_sha256(amic::identity::secret_sha256(secret), now_ms);
}

Result<Principal> Tokens::authenticate_sha256(Hash const& secret_sha256, UnixMs now_ms) const {
  if (local_ && secret_sha256 == *local_) {
    std::set<Scope> const all{Scope::kRead, Scope::kShare, Scope::kAdmin, Scope::kAudit};
    return Principal{
        "local", "local administrator", all, {marking::Classification::kTopSecret, realm_}};
  }
  AMIC_TRY(auto const stored,
           store_.kv_get(std::string(kSpace), codec::to_hex(secret_sha256.view())));
  if (!stored) return unauthorized();
  AMIC_TRY(auto const info, decode(*stored));
  if (info.expires_ms && now_ms >= *info.expires_ms) return unauthorized();
  return Principal{info.id, info.name, info.scopes, {info.clearance, realm_}};
}

namespace {
// The scheme's name is case-insensitive (RFC 9110 section 11.1). Empty if it is another scheme.
std::string_view credentials(std::string_view authorization, std::string_view lower_scheme) {
  if (authorization.size() <= lower_scheme.size() || authorization[lower_scheme.size()] != ' ')
    return {};
  for (std::size_t i = 0; i < lower_scheme.size(); ++i) {
    char const c = authorization[i];
    char const folded = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    if (folded != lower_scheme[i]) return {};
  }
  return authorization.substr(lower_scheme.size() + 1);
}
}  // namespace

Hash Tokens::sha256_of_header(std::string_view authorization) {
  if (auto const secret = credentials(authorization, "bearer"); !secret.empty())
    return secret_sha256(secret);
  auto const decoded = codec::from_base64(credentials(authorization, "basic"));
  if (!decoded) return secret_sha256({});
  auto const pair = as_text(*decoded);
  return secret_sha256(pair.substr(std::min(pair.size(), pair.find(':') + 1)));
}

Result<Principal> Tokens::authenticate_header(std::string_view authorization, UnixMs now_ms) const {
  if (auto const secret = credentials(authorization, "bearer"); !secret.empty())
    return authenticate(secret, now_ms);
  auto const basic = credentials(authorization, "basic");
  if (basic.empty()) return unauthorized();
  auto const decoded = codec::from_base64(basic);
  if (!decoded) return unauthorized();
  auto const pair = as_text(*decoded);
  auto const colon = pair.find(':');
  if (colon == std::string_view::npos) return unauthorized();
  AMIC_TRY(auto principal, authenticate(pair.substr(colon + 1), now_ms));
  if (!crypto::equal_constant_time(as_bytes(principal.token_id), as_bytes(pair.substr(0, colon))))
    return unauthorized();
  return principal;
}

// Every stored token with its key, in key order.
Result<std::vector<std::pair<std::string, TokenInfo>>> Tokens::scan() const {
  std::vector<std::pair<std::string, TokenInfo>> out;
  for (std::string after;;) {
    AMIC_TRY(auto const rows, store_.kv_scan(std::string(kSpace), after, kScanMax));
    for (auto const& [key, value] : rows) {
      AMIC_TRY(auto info, decode(value));
      out.emplace_back(key, std::move(info));
    }
    if (rows.size() < kScanMax) return out;
    after = rows.back().first;
  }
}

Result<std::vector<TokenInfo>> Tokens::list() const {
  AMIC_TRY(auto rows, scan());
  std::vector<TokenInfo> out;
  for (auto& [key, info] : rows) out.push_back(std::move(info));
  std::stable_sort(out.begin(), out.end(),
                   [](auto const& a, auto const& b) { return a.created_ms < b.created_ms; });
  return out;
}

Result<store::KvPut> Tokens::revoke(std::string_view token_id) const {
  AMIC_TRY(auto const rows, scan());
  for (auto const& [key, info] : rows)
    if (info.id == token_id) return store::KvPut{std::string(kSpace), key, std::nullopt};
  return fail(Code::kNotFound, "token", "no token has this id");
}

}  // namespace amic::identity
