// First byte: which of the two files. Whatever parses must encode to the same bytes, and an
// unprotected key must open or be found damaged.
#include "base/check.h"
#include "crypto/keyfile_format.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace amic::crypto;
  if (size == 0) return 0;
  amic::BytesView const input(data + 1, size - 1);
  if (data[0] % 2 == 0) {
    if (auto const lock = internal::parse_lock(input))
      CHECK(amic::equal(internal::encode_lock(*lock), input));
    return 0;
  }
  auto const key = internal::parse_key(input);
  if (!key) return 0;
  CHECK(amic::equal(internal::encode_key(*key), input));
  amic::Bytes const kek(32);
  auto const opened = internal::open_key(*key, key->role, key->is_protected, kek);
  CHECK(opened || opened.error().code == amic::Code::kCorrupt);
  return 0;
}
