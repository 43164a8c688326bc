// Files of a node's data directory: read with a bound, written durably and whole or not at all.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace amic::node {

// Larger than any launch transcript (64 cards and three texts of 1 MiB, in base64).
inline constexpr std::size_t kFileBytesMax = 8 << 20;

// The whole regular file. kNotFound, kForbidden, kTooLarge, kIo; `where` is the path as given.
Result<std::string> read_file(std::filesystem::path const& path,
                              std::size_t size_max = kFileBytesMax);

// Creates `path` with mode 0600: temporary file beside it, fsync, rename that never replaces, fsync
// of the directory. kConflict if it exists, kReadOnly, kDiskFull, kNotFound (no such directory),
// kIo. After a failure there is no new file.
Result<void> write_new_file(std::filesystem::path const& path, std::string_view bytes);

// The same, but takes the place of a file that exists, in one step: at every moment there is either
// the old file or the new one, whole.
Result<void> replace_file(std::filesystem::path const& path, std::string_view bytes);

// Creates a directory of mode 0700 (and no parents). OK if it exists, is a directory, belongs to
// this user and nobody else may write there; otherwise kForbidden. kReadOnly, kNotFound, kIo.
Result<void> make_private_directory(std::filesystem::path const& path);

}  // namespace amic::node
