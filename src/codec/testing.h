// Test support: the golden bytes of formats, kept for ever in tests/compat.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "codec/codec.h"

namespace amic::codec::testing {

// tests/compat/`path`: hex digits, with spaces and line ends anywhere.
inline Bytes golden_bytes(std::string const& path) {
  std::ifstream in(std::string(AMIC_SOURCE_DIR) + "/tests/compat/" + path);
  std::string hex{std::istreambuf_iterator<char>(in), {}};
  std::erase_if(hex, [](char c) { return c <= ' '; });
  auto const bytes = from_hex(hex);
  EXPECT_TRUE(bytes && !bytes->empty()) << path << " is missing or no hex";
  return bytes ? *bytes : Bytes();
}

// tests/compat/`path` as it stands. With AMIC_WRITE_GOLDEN=1 a missing file is written with `fresh`
// (for a new version only).
inline std::string golden_text(std::string const& path, std::string const& fresh) {
  std::string const file = std::string(AMIC_SOURCE_DIR) + "/tests/compat/" + path;
  if (std::getenv("AMIC_WRITE_GOLDEN") != nullptr && !std::ifstream(file))
    std::ofstream(file) << fresh;
  std::ifstream in(file);
  EXPECT_TRUE(in) << file << " is missing";
  return {std::istreambuf_iterator<char>(in), {}};
}

inline std::string hex_lines(BytesView bytes) {
  std::string const hex = to_hex(bytes);
  std::string out;
  for (std::size_t i = 0; i < hex.size(); i += 64) out += hex.substr(i, 64) + "\n";
  return out;
}

}  // namespace amic::codec::testing
