// The ledger's journal (consent/ledger.h, Intent::journal and Taken::journal) in the node's log:
// one record of kind governance for each entry. KV space "consent-journal"; key: the record's id in
// hex; no value.
#pragma once

#include <vector>

#include "store/store.h"

namespace amic::governance {

store::Append journal_unit(Bytes const& entry, UnixMs now_ms);
Result<std::vector<Bytes>> read_journal(store::Store& store);  // in the order of the log

}  // namespace amic::governance
