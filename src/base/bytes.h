// Bytes, views, and fixed-size byte values with distinct types so that they can't be swapped.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace amic {

using Bytes = std::vector<std::uint8_t>;
using BytesView = std::span<std::uint8_t const>;

inline BytesView as_bytes(std::string_view text) {
  return {reinterpret_cast<std::uint8_t const*>(text.data()), text.size()};
}
inline std::string_view as_text(BytesView bytes) {
  return {reinterpret_cast<char const*>(bytes.data()), bytes.size()};
}
inline Bytes to_bytes(BytesView view) { return Bytes(view.begin(), view.end()); }
inline Bytes to_bytes(std::string_view text) { return to_bytes(as_bytes(text)); }
inline void append(Bytes& out, BytesView more) { out.insert(out.end(), more.begin(), more.end()); }
inline bool equal(BytesView a, BytesView b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin());
}

// N bytes with a type of their own. Comparison is lexicographic; not constant-time (public values).
template <std::size_t N, class Tag>
struct FixedBytes {
  static constexpr std::size_t kSize = N;
  std::array<std::uint8_t, N> data{};

  // nullopt unless `view` has exactly N bytes.
  static std::optional<FixedBytes> from(BytesView view) {
    if (view.size() != N) return std::nullopt;
    FixedBytes out;
    std::memcpy(out.data.data(), view.data(), N);
    return out;
  }
  BytesView view() const { return data; }
  bool is_zero() const {
    return std::all_of(data.begin(), data.end(), [](std::uint8_t b) { return b == 0; });
  }
  auto operator<=>(FixedBytes const&) const = default;
};

using Hash = FixedBytes<32, struct HashTag>;  // SHA-256

}  // namespace amic

template <std::size_t N, class Tag>
struct std::hash<amic::FixedBytes<N, Tag>> {
  std::size_t operator()(amic::FixedBytes<N, Tag> const& value) const noexcept {
    std::size_t out = 0;
    std::memcpy(&out, value.data.data(), std::min(sizeof out, N));
    return out;
  }
};
