#include "exchange/attachment.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/check.h"
#include "codec/codec.h"
#include "merkle/merkle.h"

namespace amic::exchange {
namespace {

constexpr std::uint16_t kFormatVersion = 1;
constexpr std::string_view kChunkDomain = "amic/attachment/v1";

using Nonce = std::array<std::uint8_t, crypto::kAeadNonceBytes>;

// u88be(index) || u8(last), as in crypto::stream_seal(): a chunk fits its place alone.
Nonce nonce_of(std::uint32_t index, bool last) {
  Nonce out{};
  for (std::size_t i = 0; i < sizeof index; ++i)
    out[crypto::kAeadNonceBytes - 2 - i] = static_cast<std::uint8_t>(index >> (8 * i));
  out.back() = last ? 1 : 0;
  return out;
}

// Characters that change how a name reads: controls, line ends, and what turns the direction of
// text ("exe.fdp" reads as "pdf.exe"). U+0080-9F, U+200E-F, U+2028-E, U+2066-9, U+FEFF, U+061C.
bool misleads(std::string_view name) {
  for (std::size_t i = 0; i < name.size(); ++i) {
    auto const at = [&](std::size_t k) {
      return i + k < name.size() ? static_cast<unsigned char>(name[i + k]) : 0U;
    };
    unsigned const c = at(0);
    if (c < 0x20 || c == 0x7F) return true;
    if (c == 0xC2 && at(1) < 0xA0) return true;
    if (c == 0xD8 && at(1) == 0x9C) return true;
    if (c == 0xEF && at(1) == 0xBB && at(2) == 0xBF) return true;
    if (c != 0xE2) continue;
    unsigned const b = at(2);
    if (at(1) == 0x80 && (b == 0x8E || b == 0x8F || (b >= 0xA8 && b <= 0xAE))) return true;
    if (at(1) == 0x81 && b >= 0xA6 && b <= 0xA9) return true;
  }
  return false;
}

bool is_token_character(char c) {
  constexpr std::string_view kOthers = "!#$&-^_.+";
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         kOthers.find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_character);
}

}  // namespace

std::size_t ChunkPlan::plain_bytes(std::uint32_t index) const {
  std::uint64_t const before = std::uint64_t{index} * limits::kAttachmentChunkBytes;
  CHECK(index < count());
  return static_cast<std::size_t>(
      std::min<std::uint64_t>(limits::kAttachmentChunkBytes, size_ - before));
}

Result<void> check_file_name(std::string_view name, std::string const& where) {
  if (name.size() > kFileNameBytesMax) return fail(Code::kTooLarge, where, "over 255 bytes");
  if (!codec::is_utf8(name)) return fail(Code::kBadUtf8, where);
  if (name.empty() || name.front() == '.')
    return fail(Code::kMalformed, where, "a name that does not begin with a dot");
  if (name.find_first_of("/\\") != std::string_view::npos)
    return fail(Code::kMalformed, where, "a name, not a path");
  if (misleads(name))
    return fail(Code::kMalformed, where, "a control character, or one that turns text around");
  if (name.front() == ' ' || name.back() == ' ')
    return fail(Code::kMalformed, where, "white space at an end");
  return {};
}

Result<void> check_file_type(std::string_view media_type, std::string const& where) {
  if (media_type.size() > kFileTypeBytesMax) return fail(Code::kTooLarge, where, "over 127 bytes");
  auto const type = media_type.substr(0, media_type.find(';'));
  auto const slash = type.find('/');
  bool const printable = std::all_of(media_type.begin(), media_type.end(),
                                     [](char c) { return c >= 0x20 && c < 0x7F; });
  if (slash == std::string_view::npos || !is_token(type.substr(0, slash)) ||
      !is_token(type.substr(slash + 1)) || !printable)
    return fail(Code::kMalformed, where, "not a media type");
  return {};
}

Bytes encode(Attachment const& attachment) {
  codec::Writer out;
  out.u16(kFormatVersion).raw(attachment.item.view()).raw(attachment.target.view());
  out.u64(attachment.size).u32(limits::kAttachmentChunkBytes);
  out.raw(attachment.sha256.view()).raw(attachment.root.view()).raw(attachment.key.view());
  out.str8(attachment.name).str8(attachment.media_type);
  return out.take();
}

Result<Attachment> decode_attachment(BytesView bytes) {
  codec::Reader in(bytes, "attachment");
  if (in.u16() != kFormatVersion) in.reject(Code::kUnsupported, "unknown version");
  Attachment out;
  out.item = in.fixed<EnvelopeId>();
  out.target = in.fixed<Hash>();
  out.size = in.u64();
  if (out.size > limits::kAttachmentBytesMax) in.reject(Code::kTooLarge, "over 2 GiB");
  if (in.u32() != limits::kAttachmentChunkBytes)
    in.reject(Code::kUnsupported, "chunks of another size than 1 MiB");
  out.sha256 = in.fixed<Hash>();
  out.root = in.fixed<Hash>();
  out.key = crypto::Secret(in.raw(32));
  out.name = in.str8(kFileNameBytesMax);
  out.media_type = in.str8(kFileTypeBytesMax);
  AMIC_TRY_VOID(in.finish());
  AMIC_TRY_VOID(check_file_name(out.name, "attachment.name"));
  AMIC_TRY_VOID(check_file_type(out.media_type, "attachment.media_type"));
  return out;
}

Result<Attachment> read_attachment(envelope::Contents const& contents) {
  if (contents.media_type != kAttachmentMediaType)
    return fail(Code::kUnsupported, "envelope.media_type", "not that of an attachment");
  AMIC_TRY(auto out, decode_attachment(contents.body));
  if (!envelope::check_id(out.item, contents.community, contents.originator))
    return fail(Code::kForbidden, "attachment.item", "only its originator may");
  if (contents.lineage != std::vector<Hash>{out.target})
    return fail(Code::kRejected, "envelope.lineage", "not the item that it goes with");
  return out;
}

void ChunkCipher::seal(std::uint32_t index, bool last, BytesView plain,
                       std::span<std::uint8_t> out) {
  key_.seal(nonce_of(index, last), as_bytes(kChunkDomain), plain, out);
}

Result<void> ChunkCipher::open(std::uint32_t index, bool last, BytesView sealed,
                               std::span<std::uint8_t> out) {
  auto opened = key_.open(nonce_of(index, last), as_bytes(kChunkDomain), sealed, out);
  if (opened) return opened;
  return fail(Code::kBadSignature, "attachment.chunk",
              "chunk " + std::to_string(index) + " is damaged");
}

namespace {
// The tiles of the tree, as merkle/ asks for them.
std::map<std::pair<std::uint8_t, std::uint64_t>, Bytes> tiles_of(std::vector<Hash> const& leaves,
                                                                 Hash* root) {
  merkle::TreeBuilder tree;
  for (Hash const& leaf : leaves) tree.append(leaf);
  if (root != nullptr) *root = tree.root();
  std::map<std::pair<std::uint8_t, std::uint64_t>, Bytes> out;
  for (auto& tile : tree.take_changed_tiles())
    out[{tile.level, tile.index}] = std::move(tile.hashes);
  return out;
}
}  // namespace

Hash chunk_leaf(BytesView sealed) {
  return merkle::leaf_hash(sealed);
}

Hash chunks_root(std::vector<Hash> const& leaves) {
  Hash root;
  tiles_of(leaves, &root);
  return root;
}

std::vector<Hash> chunk_proof(std::vector<Hash> const& leaves, std::uint32_t index) {
  auto const tiles = tiles_of(leaves, nullptr);
  auto proof = merkle::inclusion_proof(index, leaves.size(),
                                       [&](std::uint8_t level, std::uint64_t at) -> Result<Bytes> {
                                         auto const found = tiles.find({level, at});
                                         if (found == tiles.end())
                                           return fail(Code::kCorrupt, "attachment.tree");
                                         return found->second;
                                       });
  CHECK(proof.has_value());
  return std::move(*proof);
}

Result<void> verify_chunk(BytesView sealed, std::uint32_t index, std::uint32_t count,
                          std::vector<Hash> const& proof, Hash const& root) {
  if (merkle::verify_inclusion(chunk_leaf(sealed), index, count, proof, root)) return {};
  return fail(Code::kRejected, "attachment.chunk",
              "chunk " + std::to_string(index) + " is not that of the description");
}

}  // namespace amic::exchange
