// Evidence files from outside: what decodes must encode to the same bytes.
#include <cstdlib>

#include "exchange/evidence.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace amic;
  BytesView const input{data, size};
  if (auto const file = exchange::decode_evidence_file(input)) {
    if (!equal(exchange::encode(*file), input)) std::abort();
    if (auto const lane = exchange::decode_lane_evidence(file->body)) {
      if (exchange::encode(*lane) != file->body) std::abort();
      auto const verified = exchange::verify_lane_evidence(*lane, {});
      if (verified) std::abort();  // nobody has signed anything in an empty community
    }
    if (auto const log = tlog::decode_evidence(file->body))
      if (tlog::encode(*log) != file->body) std::abort();
  }
  return 0;
}
