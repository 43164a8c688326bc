// Bearer tokens for programs. A token is 256 random bits, shown once; only its SHA-256 is stored
// (kv space "token"). No password is stretched per request: the secret is already uniform, so the
// check costs one hash and one lookup, and a revocation works at once.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "marking/marking.h"
#include "store/store.h"

namespace amic::identity {

enum class Scope : std::uint8_t { kRead = 1, kShare = 2, kAdmin = 3, kAudit = 4 };
std::string_view scope_name(Scope scope);  // "read", "share", "admin", "audit"
Result<Scope> parse_scope(std::string_view text);
Result<std::set<Scope>> parse_scopes(std::string_view comma_separated);

// Who asks, as every handler sees it.
struct Principal {
  std::string token_id;  // 16 hex digits, public
  std::string name;      // for people and logs
  std::set<Scope> scopes;
  marking::Reader reader;
  bool may(Scope scope) const { return scopes.contains(scope); }
};

struct TokenInfo {
  std::string id;
  std::string name;
  std::set<Scope> scopes;
  marking::Classification clearance = marking::Classification::kUnclassified;
  UnixMs created_ms = 0;
  std::optional<UnixMs> expires_ms;
};

struct NewToken {
  std::string secret;  // "amic_" + base64url of 32 bytes; never stored
  TokenInfo info;
  store::KvPut put;  // to be committed by the caller
};
std::string new_secret(Random& random);
Hash secret_sha256(std::string_view secret);
// kOutOfRange for an empty or over-long name, no scope, or an expiry that has passed.
Result<NewToken> make_token(TokenInfo wanted, UnixMs now_ms, Random& random);

class Tokens {
 public:
  // `local_secret_sha256`: the token of this run that the node leaves in its own directory (mode
  // 0600) for its command line; every scope, never stored, gone when the node stops.
  Tokens(store::Store& store, Realm realm, std::optional<Hash> local_secret_sha256 = {})
      : store_(store), realm_(std::move(realm)), local_(local_secret_sha256) {}
  // kUnauthorized, the same whether unknown, malformed, expired or revoked.
  Result<Principal> authenticate(std::string_view secret, UnixMs now_ms) const;
  // The same by the SHA-256 of the secret, for sessions: they keep no secret.
  Result<Principal> authenticate_sha256(Hash const& secret_sha256, UnixMs now_ms) const;
  // "Bearer <secret>", or "Basic" with the token id as user name and the secret as password.
  Result<Principal> authenticate_header(std::string_view authorization, UnixMs now_ms) const;
  // Of the secret in it, once it was authenticated.
  static Hash sha256_of_header(std::string_view authorization);
  Result<std::vector<TokenInfo>> list() const;
  // The put that revokes; kNotFound for an unknown id.
  Result<store::KvPut> revoke(std::string_view token_id) const;

 private:
  Result<std::vector<std::pair<std::string, TokenInfo>>> scan() const;

  store::Store& store_;
  Realm realm_;
  std::optional<Hash> local_;
};

}  // namespace amic::identity
