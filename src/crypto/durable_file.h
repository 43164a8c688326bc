// Small private files: read with care, written once and durably. For the files of this module.
#pragma once

#include <filesystem>

#include "base/random.h"
#include "base/result.h"
#include "crypto/secret.h"

namespace amic::crypto::internal {

// Closes on the way out.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor();
  Descriptor(Descriptor const&) = delete;
  Descriptor& operator=(Descriptor const&) = delete;
  int number() const { return number_; }
  bool is_open() const { return number_ >= 0; }

 private:
  int number_;
};

// The whole file. kMissingKey if there is none, kForbidden if its mode has any bit of
// `mode_refused` or the kernel says no, kCorrupt if it is larger than `size_max`, else kIo.
Result<Secret> read_private_file(std::filesystem::path const& path, unsigned mode_refused,
                                 std::size_t size_max);

// A new file of mode 0600: temporary file, fsync, rename that never replaces, fsync of the
// directory. kConflict if `path` exists, kReadOnly, kDiskFull, kIo.
Result<void> create_private_file(std::filesystem::path const& path, BytesView bytes,
                                 Random& random);

}  // namespace amic::crypto::internal
