// SHA-1 (FIPS 180-4) for naming only: UUIDv5 (RFC 4122) is defined by it. Nothing rests its
// security on this; hashes that do are in crypto.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"

namespace amic::stix::internal {

class Sha1 {
 public:
  void update(BytesView bytes);
  std::array<std::uint8_t, 20> finish();  // once

 private:
  void block(std::uint8_t const* bytes);

  std::array<std::uint32_t, 5> state_{0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
  std::array<std::uint8_t, 64> buffer_{};
  std::uint64_t size_ = 0;
};

}  // namespace amic::stix::internal
