// Idempotency-Key (draft-ietf-httpapi-idempotency-key-header): the same key and body give the same
// item; the same key with another body is refused. The mark is stored in the transaction that
// stores the item, so a crash leaves both or neither.
#pragma once

#include <string>

#include "api/context.h"

namespace amic::api {

struct IdempotencyMark {
  Hash request;  // SHA-256 of the request body
  EnvelopeId item;
  UnixMs at_ms = 0;
};

// Key in kv space "idempotency", bound to the token so that two programs can't collide.
std::string idempotency_store_key(identity::Principal const& who, std::string_view header);
store::KvPut idempotency_put(std::string key, IdempotencyMark const& mark);
// The mark of an earlier request, nullopt if there is none. kIdempotencyMismatch for another body.
Result<std::optional<IdempotencyMark>> find_idempotency_mark(store::Store& store,
                                                             std::string const& key,
                                                             Hash const& request);
// Deletes of marks older than `before_ms`, at most 1,000 a call.
Result<std::vector<store::KvPut>> expired_idempotency_marks(store::Store& store, UnixMs before_ms,
                                                            std::string& after_key);

}  // namespace amic::api
