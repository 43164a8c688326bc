// Positions as clients see them. Positions count what a reader may not see as well, so they never
// leave the node in the clear (law 11): a cursor is a position under deterministic authenticated
// encryption (SIV, by HMAC-SHA-256), bound to the list that it belongs to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/random.h"
#include "crypto/secret.h"
#include "exchange/exchange.h"
#include "store/store.h"

namespace amic::api {

class CursorSealer {
 public:
  explicit CursorSealer(BytesView key_32);
  // With the node's own key (kv space "api"), made and stored at the first start: cursors and event
  // ids stay good over a restart.
  static Result<CursorSealer> load(store::Store& store, exchange::Committer& committer,
                                   Random& random);

  std::string seal(std::string_view list, std::uint64_t position) const;  // 32 characters
  std::optional<std::uint64_t> open(std::string_view list, std::string_view cursor) const;

 private:
  crypto::Secret mac_key_;
  crypto::Secret mask_key_;
};

}  // namespace amic::api
