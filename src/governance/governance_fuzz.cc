// Decisions from a peer and history files: whatever comes, no crash; what decodes, encodes to the
// same bytes.
#include "base/check.h"
#include "governance/delegation.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace amic;
  BytesView const input(data, size);
  if (auto const decisions = governance::decode_decisions(input))
    CHECK(governance::encode_decisions(*decisions) == to_bytes(input));
  if (auto const file = governance::decode_history_file(input)) {
    CHECK(governance::encode(*file) == to_bytes(input));
    static_cast<void>(governance::chronicle_of(file->transcript, file->decisions));
  }
  return 0;
}
