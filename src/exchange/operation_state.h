// The latest operation on each item, kept beside the log in the transaction that stores it: the
// originator counts on from it, and an envelope that comes back after a restore brings it back.
// KV space "operation", key: the item's id in hex.
#pragma once

#include <optional>
#include <vector>

#include "exchange/operation.h"
#include "store/store.h"

namespace amic::exchange {

struct OperationState {
  EnvelopeId id;  // of its envelope
  Operation operation;
};
Result<std::optional<OperationState>> load_operation_state(store::Store& store,
                                                           EnvelopeId const& item);
// What the envelope of an operation changes there; nothing if a later one is known.
Result<std::vector<store::KvPut>> operation_puts(envelope::Contents const& contents,
                                                 store::Store& store);
// Refuses, with kForbidden, an operation of another than the originator of an item that is held, or
// a reply about one that is held and not this node's; nothing to say of other kinds.
Result<void> check_statement(envelope::Contents const& contents, store::Store& store);

}  // namespace amic::exchange
