// What travels of the community's own affairs: statements of consent and words of those who join,
// in envelopes of kind governance. docs/formats/consent.md, "On the way". Pure.
#pragma once

#include <string_view>
#include <vector>

#include "envelope/envelope.h"
#include "store/store.h"

namespace amic::exchange {

inline constexpr std::string_view kStatementMediaType = "application/vnd.amic.statement";
inline constexpr std::string_view kJoinAcceptMediaType = "application/vnd.amic.join-accept";

// KV space of all that was sent or received and is not of the past; key: the envelope's id in hex,
// no value. Written with the record; who reads them deletes them.
inline constexpr std::string_view kGovernanceSpace = "governance";
store::KvPut governance_mark(EnvelopeId const& id);
store::KvPut governance_unmark(EnvelopeId const& id);
bool is_governance(store::Append const& unit);  // whether it brings one

// The mark of an envelope of kind governance. kUnsupported: another media type; kWrongIdentity: a
// statement of another author than the originator; kMalformed and the like: no statement at all.
// Whether it may be said is for the ledger.
Result<std::vector<store::KvPut>> governance_puts(envelope::Contents const& contents);

}  // namespace amic::exchange
