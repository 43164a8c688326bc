// Secret bytes: wiped when they go out of scope, never comparable by ==, never printable.
#pragma once

#include <string_view>

#include "base/bytes.h"

namespace amic::crypto {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::size_t size) : bytes_(size) {}
  explicit Secret(BytesView bytes) : bytes_(bytes.begin(), bytes.end()) {}
  Secret(Secret const&) = default;
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret const& other);
  Secret& operator=(Secret&& other) noexcept;
  ~Secret();

  BytesView view() const { return bytes_; }
  std::span<std::uint8_t> mutable_view() { return bytes_; }
  std::size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }

 private:
  void wipe();
  Bytes bytes_;
};

// Constant time in the contents; lengths are public.
bool equal_constant_time(BytesView a, BytesView b);

}  // namespace amic::crypto
