#include "base/check.h"
#include "compress/compress.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  constexpr std::size_t kMax = 1 << 20;
  amic::BytesView const input(data, size);
  if (auto const plain = amic::compress::decompress(input, kMax)) {
    CHECK(plain->size() <= kMax);
    CHECK(*amic::compress::decompress(amic::compress::compress(*plain), kMax) == *plain);
  }
  static amic::compress::Dictionary const dictionary(amic::to_bytes(std::string_view(
      R"({"type":"indicator","spec_version":"2.1","id":"indicator--","created":"2026-"})")));
  std::string out = "kept";
  if (!dictionary.decompress_into(input, kMax, out)) CHECK(out == "kept");
  CHECK(out.size() <= kMax + 4);
  return 0;
}
