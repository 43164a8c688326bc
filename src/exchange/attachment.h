// A file that goes with an item: what its description says, and how its bytes are sealed. The
// description travels as an envelope of its own; the sealed chunks are fetched by those who got it.
// docs/formats/attachment.md. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "crypto/seal.h"
#include "crypto/secret.h"
#include "envelope/envelope.h"

namespace amic::exchange {

inline constexpr std::string_view kAttachmentMediaType = "application/vnd.amic.attachment";
inline constexpr std::size_t kFileNameBytesMax = 255;
inline constexpr std::size_t kFileTypeBytesMax = 127;
inline constexpr std::size_t kChunkProofMax = 11;  // hashes: 2,048 chunks

// How a file of `size` bytes is cut. An empty file is one empty chunk.
class ChunkPlan {
 public:
  ChunkPlan() = default;
  explicit ChunkPlan(std::uint64_t size) : size_(size) {}
  std::uint64_t size() const { return size_; }
  std::uint32_t count() const {
    return size_ == 0 ? 1
                      : static_cast<std::uint32_t>((size_ - 1) / limits::kAttachmentChunkBytes + 1);
  }
  std::size_t plain_bytes(std::uint32_t index) const;  // index < count()
  std::size_t sealed_bytes(std::uint32_t index) const {
    return plain_bytes(index) + crypto::kAeadTagBytes;
  }
  std::uint64_t sealed_offset(std::uint32_t index) const {
    return std::uint64_t{index} * kSealedChunkBytes;
  }
  std::uint64_t sealed_size() const {
    return size_ + std::uint64_t{count()} * crypto::kAeadTagBytes;
  }
  bool is_last(std::uint32_t index) const { return index + 1 == count(); }

  static constexpr std::size_t kSealedChunkBytes =
      limits::kAttachmentChunkBytes + crypto::kAeadTagBytes;

 private:
  std::uint64_t size_ = 0;
};

struct Attachment {
  EnvelopeId item;
  Hash target;  // digest of the item's envelope
  std::uint64_t size = 0;
  Hash sha256;         // of the file
  Hash root;           // RFC 6962 tree head over the sealed chunks
  crypto::Secret key;  // 32 bytes, of this file alone
  std::string name;
  std::string media_type;

  ChunkPlan plan() const { return ChunkPlan(size); }
};
Bytes encode(Attachment const& attachment);
// kMalformed, kOutOfRange, kTooLarge, kBadUtf8 or kUnsupported at "attachment.<offset>" or
// "attachment.<field>".
Result<Attachment> decode_attachment(BytesView bytes);

// 1 to 255 bytes of UTF-8 that name a file in whatever directory it is put into, and look like what
// they are: no '/' or '\', no control or direction characters, not beginning with '.', no white
// space at either end. kMalformed, kBadUtf8 or kTooLarge at `where`.
Result<void> check_file_name(std::string_view name, std::string const& where);
// type/subtype with or without parameters, 1 to 127 bytes of printable ASCII.
Result<void> check_file_type(std::string_view media_type, std::string const& where);

// What an envelope of this kind must be beside well sealed. kForbidden: an item of another member;
// kRejected: other lineage than the item; and the errors of decoding.
Result<Attachment> read_attachment(envelope::Contents const& contents);

// Seals or opens chunks of one file. One thread at a time.
class ChunkCipher {
 public:
  ChunkCipher(crypto::Secret const& key, crypto::AeadKey::Use use) : key_(key.view(), use) {}
  // out: plain + crypto::kAeadTagBytes.
  void seal(std::uint32_t index, bool last, BytesView plain, std::span<std::uint8_t> out);
  // kBadSignature at "attachment.chunk" unless it is this chunk of this file.
  Result<void> open(std::uint32_t index, bool last, BytesView sealed, std::span<std::uint8_t> out);

 private:
  crypto::AeadKey key_;
};

// The tree over sealed chunks, held by their hashes: 64 KiB at most.
Hash chunk_leaf(BytesView sealed);
Hash chunks_root(std::vector<Hash> const& leaves);
// Audit path of one chunk; index < leaves.size().
std::vector<Hash> chunk_proof(std::vector<Hash> const& leaves, std::uint32_t index);
// kRejected at "attachment.chunk" unless these are the bytes of that chunk under `root`.
Result<void> verify_chunk(BytesView sealed, std::uint32_t index, std::uint32_t count,
                          std::vector<Hash> const& proof, Hash const& root);

}  // namespace amic::exchange
