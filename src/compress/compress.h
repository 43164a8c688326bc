// zstd, bounded on the way out, with optional trained dictionaries. The one owner of libzstd.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace amic::compress {

// One frame, level 3, content size stored.
Bytes compress(BytesView plain);
// kTooLarge if the frame says, or turns out, more than `plain_bytes_max` (decompression bombs);
// kMalformed if it is not a single whole frame.
Result<Bytes> decompress(BytesView frame, std::size_t plain_bytes_max);

// A trained dictionary. Immutable, any thread.
class Dictionary {
 public:
  explicit Dictionary(Bytes raw);
  ~Dictionary();
  Dictionary(Dictionary const&) = delete;
  Dictionary& operator=(Dictionary const&) = delete;
  BytesView raw() const;
  // False if `raw` is a damaged trained dictionary: compress() then works without one, and frames
  // that need it are kMalformed.
  bool is_usable() const;
  Bytes compress(BytesView plain) const;
  Result<Bytes> decompress(BytesView frame, std::size_t plain_bytes_max) const;
  // Appends to `out`; for pages of many small objects. `out` is unchanged on failure.
  Result<void> decompress_into(BytesView frame, std::size_t plain_bytes_max,
                               std::string& out) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// The dictionary for small bundles of STIX objects that every node has (data/dictionaries):
// envelopes name it, so it never changes; a better one gets another number.
Dictionary const& stix_dictionary_1();

// Trains from samples (at least 100 of them and 64 KiB in all, else kOutOfRange).
Result<Bytes> train_dictionary(std::vector<BytesView> const& samples, std::size_t size_max);

}  // namespace amic::compress
