// Sessions of people in browsers, and the one-time codes of log-in links. A session is 256 random
// bits in a cookie. Here, in memory only, are its SHA-256 and that of the token it was opened with:
// who reads this memory or a backup can open no session, and a revoked token ends its sessions at
// once. A restart ends all of them.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/random.h"
#include "base/result.h"

namespace amic::identity {

struct SessionRules {
  std::int64_t idle_ms = 15LL * 60 * 1000;
  std::int64_t absolute_ms = 12LL * 3600 * 1000;
  std::int64_t code_ms = 5LL * 60 * 1000;  // validity of a code unless said
  std::int64_t code_ms_max = 24LL * 3600 * 1000;
  // Attempts to log in from one address: so many at once, then one in each attempt_every_ms.
  std::int64_t attempts = 10;
  std::int64_t attempt_every_ms = 3000;
};

// Any thread. Times are the caller's; a clock that is set back ends nothing early.
class Sessions {
 public:
  explicit Sessions(SessionRules rules = {}) : rules_(rules) {}
  SessionRules const& rules() const { return rules_; }

  struct Opened {
    std::string secret;  // goes into the cookie, is not kept
    UnixMs ends_ms = 0;  // whatever happens
  };
  struct Found {
    Hash token_sha256;
    UnixMs ends_ms = 0;
  };

  // kOverloaded if limits::kSessionsMax are open.
  Result<Opened> open(Hash const& token_sha256, UnixMs now_ms, Random& random);
  // kUnauthorized if there is none, it was idle for too long or has reached its end. `use`: this
  // counts as being used.
  Result<Found> find(std::string_view secret, UnixMs now_ms, bool use);
  void close(std::string_view secret);

  // A code that opens one session of the token, once. kOutOfRange for a validity that is not
  // allowed, kOverloaded if limits::kLoginCodesMax wait.
  Result<std::string> make_code(Hash const& token_sha256, std::int64_t valid_ms, UnixMs now_ms,
                                Random& random);
  // Uses it up. kUnauthorized if it is unknown, used or expired.
  Result<Hash> take_code(std::string_view code, UnixMs now_ms);

  // False: too many from this address; nothing should be looked at.
  bool attempt(std::string const& address, UnixMs now_ms);

 private:
  struct Session {
    Hash token_sha256;
    UnixMs opened_ms = 0, used_ms = 0;
  };
  struct OneTimeCode {
    Hash token_sha256;
    UnixMs ends_ms = 0;
  };
  struct Bucket {
    std::int64_t left = 0;
    UnixMs at_ms = 0;
  };
  bool over(Session const& session, UnixMs now_ms) const;
  void drop_old(UnixMs now_ms);

  SessionRules rules_;
  std::mutex mutex_;
  std::unordered_map<Hash, Session> sessions_;
  std::unordered_map<Hash, OneTimeCode> codes_;
  std::map<std::string, Bucket> buckets_;
};

}  // namespace amic::identity
