#include "identity/sessions.h"

#include <algorithm>

#include "codec/codec.h"
#include "crypto/hash.h"
#include "crypto/secret.h"

namespace amic::identity {

namespace {
constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kSecretTextMax = 64;

std::string new_bearer(Random& random) {
  crypto::Secret secret(kSecretBytes);
  random.fill(secret.mutable_view());
  return codec::to_base64url(secret.view());
}

// The domain keeps a code from ever being a session's secret and the other way round.
Hash key_of(std::string_view domain, std::string_view secret) {
  return crypto::sha256({as_bytes(domain), as_bytes(secret)});
}
constexpr std::string_view kSessionDomain = "amic/session/";
constexpr std::string_view kCodeDomain = "amic/login-code/";

tl::unexpected<Error> unauthorized() {
  return fail(Code::kUnauthorized, "session", "no session, or it has ended: log in");
}
}  // namespace

bool Sessions::over(Session const& session, UnixMs now_ms) const {
  return now_ms - session.used_ms >= rules_.idle_ms ||
         now_ms - session.opened_ms >= rules_.absolute_ms;
}

void Sessions::drop_old(UnixMs now_ms) {
  std::erase_if(sessions_, [&](auto const& entry) { return over(entry.second, now_ms); });
  std::erase_if(codes_, [&](auto const& entry) { return now_ms >= entry.second.ends_ms; });
}

Result<Sessions::Opened> Sessions::open(Hash const& token_sha256, UnixMs now_ms, Random& random) {
  std::lock_guard const lock(mutex_);
  drop_old(now_ms);
  if (sessions_.size() >= limits::kSessionsMax)
    return fail(Code::kOverloaded, "session", "too many sessions are open");
  Opened out{new_bearer(random), now_ms + rules_.absolute_ms};
  sessions_[key_of(kSessionDomain, out.secret)] = {token_sha256, now_ms, now_ms};
  return out;
}

Result<Sessions::Found> Sessions::find(std::string_view secret, UnixMs now_ms, bool use) {
  if (secret.empty() || secret.size() > kSecretTextMax) return unauthorized();
  auto const key = key_of(kSessionDomain, secret);
  std::lock_guard const lock(mutex_);
  auto const found = sessions_.find(key);
  if (found == sessions_.end()) return unauthorized();
  if (over(found->second, now_ms)) {
    sessions_.erase(found);
    return unauthorized();
  }
  if (use) found->second.used_ms = std::max(found->second.used_ms, now_ms);
  return Found{found->second.token_sha256, found->second.opened_ms + rules_.absolute_ms};
}

void Sessions::close(std::string_view secret) {
  std::lock_guard const lock(mutex_);
  sessions_.erase(key_of(kSessionDomain, secret));
}

Result<std::string> Sessions::make_code(Hash const& token_sha256, std::int64_t valid_ms,
                                        UnixMs now_ms, Random& random) {
  if (valid_ms < 1000 || valid_ms > rules_.code_ms_max)
    return fail(Code::kOutOfRange, "/valid_s",
                "from 1 to " + std::to_string(rules_.code_ms_max / 1000));
  std::lock_guard const lock(mutex_);
  drop_old(now_ms);
  if (codes_.size() >= limits::kLoginCodesMax)
    return fail(Code::kOverloaded, "codes", "too many log-in links wait to be used");
  auto code = new_bearer(random);
  codes_[key_of(kCodeDomain, code)] = {token_sha256, now_ms + valid_ms};
  return code;
}

Result<Hash> Sessions::take_code(std::string_view code, UnixMs now_ms) {
  if (code.empty() || code.size() > kSecretTextMax)
    return fail(Code::kUnauthorized, "/code", "not a code, or it was used or has expired");
  std::lock_guard const lock(mutex_);
  auto const found = codes_.find(key_of(kCodeDomain, code));
  if (found == codes_.end() || now_ms >= found->second.ends_ms)
    return fail(Code::kUnauthorized, "/code", "not a code, or it was used or has expired");
  auto const token = found->second.token_sha256;
  codes_.erase(found);
  return token;
}

bool Sessions::attempt(std::string const& address, UnixMs now_ms) {
  std::lock_guard const lock(mutex_);
  auto const full_after = rules_.attempts * rules_.attempt_every_ms;
  if (!buckets_.contains(address) && buckets_.size() >= limits::kLoginAddressesMax) {
    std::erase_if(buckets_,
                  [&](auto const& entry) { return now_ms - entry.second.at_ms >= full_after; });
    if (buckets_.size() >= limits::kLoginAddressesMax) return false;
  }
  auto& bucket = buckets_.try_emplace(address, Bucket{rules_.attempts, now_ms}).first->second;
  auto const earned = std::max<std::int64_t>(0, now_ms - bucket.at_ms) / rules_.attempt_every_ms;
  if (earned > 0 || now_ms < bucket.at_ms) {
    bucket.left = std::min(rules_.attempts, bucket.left + earned);
    bucket.at_ms =
        bucket.left == rules_.attempts ? now_ms : bucket.at_ms + earned * rules_.attempt_every_ms;
    bucket.at_ms = std::min(bucket.at_ms, now_ms);
  }
  if (bucket.left == 0) return false;
  --bucket.left;
  return true;
}

}  // namespace amic::identity
