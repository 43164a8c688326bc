// Errors are values. Code is the one closed list for the whole product: each has a stable text
// name (docs/PROTOCOL.md, "Error codes"), an HTTP status and a retry hint. Names never change.
#pragma once

#include <string>
#include <string_view>

namespace amic {

// name, stable text, HTTP status, worth retrying unchanged
#define AMIC_ERROR_CODES(X)                                  \
  X(kUsage, "usage", 400, false)                             \
  X(kMalformed, "malformed", 400, false)                     \
  X(kTooLarge, "too_large", 413, false)                      \
  X(kTooDeep, "too_deep", 400, false)                        \
  X(kDuplicateKey, "duplicate_key", 400, false)              \
  X(kBadUtf8, "bad_utf8", 400, false)                        \
  X(kWrongType, "wrong_type", 400, false)                    \
  X(kOutOfRange, "out_of_range", 400, false)                 \
  X(kMissingField, "missing_field", 400, false)              \
  X(kUnknownField, "unknown_field", 400, false)              \
  X(kUnknownMember, "unknown_member", 400, false)            \
  X(kUnknownCommunity, "unknown_community", 400, false)      \
  X(kUnknownEpoch, "unknown_epoch", 409, true)               \
  X(kUnsupported, "unsupported", 400, false)                 \
  X(kNoRecipients, "no_recipients", 422, false)              \
  X(kNotRecipient, "not_recipient", 422, false)              \
  X(kNotReleasable, "not_releasable", 422, false)            \
  X(kExpired, "expired", 422, false)                         \
  X(kClockSkew, "clock_skew", 422, false)                    \
  X(kBadSignature, "bad_signature", 422, false)              \
  X(kRejected, "rejected", 422, false)                       \
  X(kReplay, "replay", 409, false)                           \
  X(kGap, "gap", 409, true)                                  \
  X(kConflict, "conflict", 409, false)                       \
  X(kIdempotencyMismatch, "idempotency_mismatch", 422, false)\
  X(kMissingPress, "missing_press", 422, false)              \
  X(kDoublePress, "double_press", 422, false)                \
  X(kForeignPress, "foreign_press", 422, false)              \
  X(kAlteredPress, "altered_press", 422, false)              \
  X(kUnauthorized, "unauthorized", 401, false)               \
  X(kForbidden, "forbidden", 403, false)                     \
  X(kNotFound, "not_found", 404, false)                      \
  X(kMethodNotAllowed, "method_not_allowed", 405, false)     \
  X(kNotAcceptable, "not_acceptable", 406, false)            \
  X(kUnsupportedMedia, "unsupported_media", 415, false)      \
  X(kOverloaded, "overloaded", 429, true)                    \
  X(kTimeout, "timeout", 504, true)                          \
  X(kUnavailable, "unavailable", 503, true)                  \
  X(kWrongIdentity, "wrong_identity", 403, false)            \
  X(kMissingKey, "missing_key", 500, false)                  \
  X(kWrongPassphrase, "wrong_passphrase", 500, false)        \
  X(kLocked, "locked", 500, false)                           \
  X(kDiskFull, "disk_full", 507, true)                       \
  X(kReadOnly, "read_only", 500, false)                      \
  X(kCorrupt, "corrupt", 500, false)                         \
  X(kIo, "io", 500, true)                                    \
  X(kInternal, "internal", 500, false)

enum class Code {
#define X(name, text, http, retry) name,
  AMIC_ERROR_CODES(X)
#undef X
};

// Stable text name, e.g. "bad_signature".
std::string_view code_name(Code code);
// HTTP status an API answers with.
int code_http_status(Code code);
// True if the same request may succeed later unchanged.
bool code_retryable(Code code);

// `where` names the place (JSON pointer, "line 7", field path, or module.step);
// `detail` is for the operator. Neither ever holds a secret.
struct Error {
  Code code = Code::kInternal;
  std::string where;
  std::string detail;

  // "bad_signature at envelope.outer: ..." for people.
  std::string text() const;
  bool operator==(Error const&) const = default;
};

}  // namespace amic
