#include <algorithm>

#include "holdings/holdings.h"

namespace amic::holdings {

Result<store::AudienceSet> readable_by(store::Store& store, marking::Reader const& reader,
                                       UnixMs now_ms) {
  AMIC_TRY(auto const audiences, store.audiences());
  store::AudienceSet out;
  for (store::Audience const& audience : audiences) {
    // A label that does not decode reaches nobody (law 1); it is not the reader's error.
    auto const marking = marking::decode(audience.label);
    if (marking && marking::may_read(*marking, reader, now_ms)) out.push_back(audience.id);
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace amic::holdings
