// One item's rows before they join the batch. Internal to src/holdings.
#pragma once

#include "holdings/holdings.h"

namespace amic::holdings {

struct Indexer::Draft {
  store::AudienceId audience = 0;
  std::uint64_t placed_seq = 0;  // as of ObjectRow
  UnixMs at_ms = 0;              // when what places it was received
  store::FeedEnd end;
  store::ItemRow item;
  std::vector<store::ObjectRow> objects;
  std::vector<store::EdgeRow> edges;
  std::vector<store::RefusedObject> refused;
  std::size_t bytes = 0;
};

}  // namespace amic::holdings
