// Evidence as it is stored and handed over, and proof files as anybody may bring one.
#include "base/check.h"
#include "tlog/tlog.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace amic;
  BytesView const input{data, size};
  if (auto const evidence = tlog::decode_evidence(input))
    CHECK(equal(tlog::encode(*evidence), input));
  merkle::NoteVerifier const nobody{
      "aa.c0c0c0c0.amic/log/operations", merkle::NoteKeyType::kEd25519, {}};
  // The all-zero key is of small order: no signature is good under it.
  CHECK(!tlog::verify_proof(as_text(input), store::RecordKind::kEnvelopeOut, Hash{}, nobody));
  return 0;
}
