#include "exchange/governance.h"

#include <algorithm>

#include "codec/codec.h"
#include "consent/statement.h"

namespace amic::exchange {

store::KvPut governance_mark(EnvelopeId const& id) {
  return {std::string(kGovernanceSpace), codec::to_hex(id.view()), Bytes{}};
}

store::KvPut governance_unmark(EnvelopeId const& id) {
  return {std::string(kGovernanceSpace), codec::to_hex(id.view()), {}};
}

bool is_governance(store::Append const& unit) {
  return std::any_of(unit.kv.begin(), unit.kv.end(), [](store::KvPut const& put) {
    return put.space == kGovernanceSpace && put.value.has_value();
  });
}

Result<std::vector<store::KvPut>> governance_puts(envelope::Contents const& contents) {
  if (contents.media_type == kStatementMediaType) {
    AMIC_TRY(auto const statement, consent::decode_statement(contents.body));
    if (statement.author != contents.originator)
      return fail(Code::kWrongIdentity, "statement.author", "not the originator of its envelope");
  } else if (contents.media_type == kJoinAcceptMediaType) {
    AMIC_TRY_VOID(consent::decode_join_accept(contents.body));
  } else {
    return fail(Code::kUnsupported, "envelope.media_type", contents.media_type);
  }
  return std::vector<store::KvPut>{governance_mark(contents.id)};
}

}  // namespace amic::exchange
