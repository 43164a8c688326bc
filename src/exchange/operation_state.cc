#include "exchange/operation_state.h"

#include <algorithm>

#include "codec/codec.h"

namespace amic::exchange {
namespace {

constexpr char kSpace[] = "operation";

std::string key_of(EnvelopeId const& item) {
  return codec::to_hex(item.view());
}

// The signer of an envelope of suite 1 is the node that delivers it.
bool is_of(store::Record const& record, MemberId const& originator) {
  return record.kind == store::RecordKind::kEnvelopeIn && record.peer == originator;
}

}  // namespace

Result<std::optional<OperationState>> load_operation_state(store::Store& store,
                                                           EnvelopeId const& item) {
  AMIC_TRY(auto const stored, store.kv_get(kSpace, key_of(item)));
  if (!stored) return std::optional<OperationState>();
  codec::Reader in(*stored, "operation.state");
  OperationState out;
  out.id = in.fixed<EnvelopeId>();
  BytesView const body = in.rest();
  AMIC_TRY_VOID(in.finish());
  AMIC_TRY(out.operation, decode_operation(body));
  return std::optional(std::move(out));
}

Result<std::vector<store::KvPut>> operation_puts(envelope::Contents const& contents,
                                                 store::Store& store) {
  if (contents.kind != envelope::Kind::kOperation) return std::vector<store::KvPut>();
  AMIC_TRY(auto const operation, read_operation(contents));
  AMIC_TRY(auto const known, load_operation_state(store, operation.item));
  if (known && known->operation.counter >= operation.counter) return std::vector<store::KvPut>();
  codec::Writer out;
  out.raw(contents.id.view()).raw(contents.body);
  return std::vector<store::KvPut>{{kSpace, key_of(operation.item), out.take()}};
}

Result<void> check_statement(envelope::Contents const& contents, store::Store& store) {
  if (contents.kind == envelope::Kind::kOperation) {
    AMIC_TRY(auto const operation, read_operation(contents));
    AMIC_TRY(auto const held, store.log_find(operation.item));
    // What is not here yet is judged when it comes: the id already bears its originator's tag.
    if (!held || (held->digest == operation.target && is_of(*held, contents.originator))) return {};
    return fail(Code::kForbidden, "operation.item", "not an item of its sender's that is held");
  }
  if (contents.kind == envelope::Kind::kReply) {
    AMIC_TRY(auto const reply, read_reply(contents));
    AMIC_TRY(auto const item, store.log_find(reply.item));
    // Of what is not here only the tag of its id tells whose it is: this node may have been
    // restored from a backup, and the item come back later.
    if (!item) return {};
    if (item->digest == reply.target && item->kind == store::RecordKind::kEnvelopeOut) return {};
    return fail(Code::kForbidden, "reply.item", "no such item of this node's");
  }
  return {};
}

}  // namespace amic::exchange
