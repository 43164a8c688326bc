#include "exchange/attachment.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "codec/codec.h"
#include "codec/testing.h"
#include "crypto/hash.h"

namespace amic::exchange {
namespace {

constexpr std::size_t kChunk = limits::kAttachmentChunkBytes;

Attachment some_attachment() {
  Attachment out;
  for (std::size_t i = 0; i < out.item.data.size(); ++i)
    out.item.data[i] = static_cast<std::uint8_t>(0xa1 + i);
  out.target.data.fill(0xd4);
  out.size = 5;
  out.sha256 = crypto::sha256(as_bytes("hello"));
  out.root.data.fill(0x5e);
  out.key = crypto::Secret(Bytes(32, 0x77));
  out.name = "coast.jpg";
  out.media_type = "image/jpeg";
  return out;
}

Bytes golden(std::string const& name) {
  return codec::testing::golden_bytes("attachment/" + name + ".hex");
}

// A file sealed as an upload does it.
struct Sealed {
  ChunkPlan plan;
  crypto::Secret key;
  std::vector<Bytes> chunks;
  std::vector<Hash> leaves;
};
Sealed seal(BytesView plain, crypto::Secret key) {
  Sealed out{ChunkPlan(plain.size()), std::move(key), {}, {}};
  ChunkCipher cipher(out.key, crypto::AeadKey::Use::kSeal);
  for (std::uint32_t i = 0; i < out.plan.count(); ++i) {
    Bytes sealed(out.plan.sealed_bytes(i));
    cipher.seal(i, out.plan.is_last(i), plain.subspan(i * kChunk, out.plan.plain_bytes(i)), sealed);
    out.leaves.push_back(chunk_leaf(sealed));
    out.chunks.push_back(std::move(sealed));
  }
  return out;
}
Bytes pattern(std::size_t size) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(i * 31 + i / 257);
  return out;
}

TEST(AttachmentFormat, GoldenBytesNeverChange) {
  EXPECT_EQ(codec::to_hex(encode(some_attachment())), codec::to_hex(golden("v1")));
  auto const back = decode_attachment(golden("v1"));
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(encode(*back), golden("v1"));
  EXPECT_EQ(back->name, "coast.jpg");
}

// Key 77..77, the file "hello": its one sealed chunk, and the root.
TEST(AttachmentFormat, GoldenChunkNeverChanges) {
  auto const sealed = seal(as_bytes("hello"), crypto::Secret(Bytes(32, 0x77)));
  ASSERT_EQ(sealed.chunks.size(), 1U);
  EXPECT_EQ(codec::to_hex(sealed.chunks[0]), codec::to_hex(golden("v1_chunk")));
  EXPECT_EQ(codec::to_hex(chunks_root(sealed.leaves).view()), codec::to_hex(golden("v1_root")));
}

TEST(AttachmentFormat, NothingElseIsTaken) {
  Bytes const good = encode(some_attachment());
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(decode_attachment(BytesView(good).first(size))) << size;
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_FALSE(decode_attachment(longer));
  auto const changed = [&](auto const& change) {
    auto attachment = some_attachment();
    change(attachment);
    auto const decoded = decode_attachment(encode(attachment));
    return decoded ? std::string() : std::string(code_name(decoded.error().code));
  };
  EXPECT_EQ(changed([](auto&) {}), "");
  EXPECT_EQ(changed([](auto& a) { a.size = limits::kAttachmentBytesMax; }), "");
  EXPECT_EQ(changed([](auto& a) { a.size = limits::kAttachmentBytesMax + 1; }), "too_large");
  EXPECT_EQ(changed([](auto& a) { a.name = ""; }), "malformed");
  EXPECT_EQ(changed([](auto& a) { a.name = "../x"; }), "malformed");
  EXPECT_EQ(changed([](auto& a) { a.media_type = "jpeg"; }), "malformed");
  Bytes version = good;
  version[1] = 2;
  EXPECT_EQ(decode_attachment(version).error().code, Code::kUnsupported);
  Bytes chunk = good;
  chunk[2 + 16 + 32 + 8 + 3] = 1;
  EXPECT_EQ(decode_attachment(chunk).error().code, Code::kUnsupported);
}

TEST(AttachmentFormat, NamesAreNamesAndLookLikeThemselves) {
  for (std::string const name : {"a", "report 3.pdf", "\xe0\xb9\x84\xe0\xb8\x97\xe0\xb8\xa2.jpg",
                                 "r\xc3\xa9sum\xc3\xa9.txt", "a..b", "x.tar.gz"})
    EXPECT_TRUE(check_file_name(name, "n")) << name;
  EXPECT_TRUE(check_file_name(std::string(255, 'x'), "n"));
  for (std::string const name : {"", ".", "..", ".profile", "a/b", "a\\b", "/etc/passwd", "a\nb",
                                 "a\x7f", " a", "a ", "\xe2\x80\xaegpj.exe",
                                 "a\xe2\x81\xa6"
                                 "b",
                                 "\xef\xbb\xbf"
                                 "a",
                                 "a\xc2\x85"
                                 "b",
                                 "a\xd8\x9c"
                                 "b",
                                 "\xff\xfe"})
    EXPECT_FALSE(check_file_name(name, "n")) << name;
  EXPECT_FALSE(check_file_name(std::string(256, 'x'), "n"));
  EXPECT_FALSE(check_file_name(std::string("a\0b", 3), "n"));
  EXPECT_TRUE(check_file_type("text/plain; charset=utf-8", "t"));
  for (std::string const type :
       {"", "text", "/plain", "text/", "text/pl ain", "text/plain\r\nx: y"})
    EXPECT_FALSE(check_file_type(type, "t")) << type;
}

TEST(AttachmentFormat, AnEnvelopeMustBeWhatItSays) {
  SeededRandom random(4);
  envelope::Contents contents;
  contents.community = random.fixed<CommunityId>();
  contents.originator = *MemberId::parse("MY");
  contents.kind = envelope::Kind::kAttachment;
  contents.media_type = kAttachmentMediaType;
  auto attachment = some_attachment();
  attachment.item = envelope::make_id(contents.community, contents.originator, random);
  contents.lineage = {attachment.target};
  contents.body = encode(attachment);
  EXPECT_TRUE(read_attachment(contents));
  auto other = contents;
  other.originator = *MemberId::parse("SG");
  EXPECT_EQ(read_attachment(other).error().code, Code::kForbidden);
  other = contents;
  other.lineage = {};
  EXPECT_EQ(read_attachment(other).error().code, Code::kRejected);
  other = contents;
  other.media_type = "text/plain";
  EXPECT_EQ(read_attachment(other).error().code, Code::kUnsupported);
}

TEST(AttachmentChunks, EverySizeAtABorderComesBack) {
  for (std::size_t const size : {std::size_t{0}, std::size_t{1}, kChunk - 1, kChunk, kChunk + 1,
                                 2 * kChunk, 3 * kChunk + 17}) {
    Bytes const plain = pattern(size);
    auto const sealed = seal(plain, crypto::Secret(Bytes(32, 1)));
    EXPECT_EQ(sealed.chunks.size(), size == 0 ? 1U : (size - 1) / kChunk + 1);
    Hash const root = chunks_root(sealed.leaves);
    ChunkCipher cipher(sealed.key, crypto::AeadKey::Use::kOpen);
    Bytes back;
    std::uint64_t total = 0;
    for (std::uint32_t i = 0; i < sealed.plan.count(); ++i) {
      EXPECT_EQ(sealed.plan.sealed_offset(i), total);
      total += sealed.chunks[i].size();
      auto const proof = chunk_proof(sealed.leaves, i);
      EXPECT_LE(proof.size(), kChunkProofMax);
      EXPECT_TRUE(verify_chunk(sealed.chunks[i], i, sealed.plan.count(), proof, root));
      Bytes chunk(sealed.plan.plain_bytes(i));
      EXPECT_TRUE(cipher.open(i, sealed.plan.is_last(i), sealed.chunks[i], chunk));
      append(back, chunk);
    }
    EXPECT_EQ(total, sealed.plan.sealed_size());
    EXPECT_EQ(back, plain) << size;
  }
  ChunkPlan const largest(limits::kAttachmentBytesMax);
  EXPECT_EQ(largest.count(), 2048U);
  std::vector<Hash> const leaves(largest.count());
  EXPECT_EQ(chunk_proof(leaves, 2047).size(), kChunkProofMax);
}

TEST(AttachmentChunks, NoChunkFitsAnotherPlace) {
  auto const sealed = seal(pattern(2 * kChunk + 5), crypto::Secret(Bytes(32, 1)));
  auto const other = seal(pattern(2 * kChunk + 5), crypto::Secret(Bytes(32, 2)));
  Hash const root = chunks_root(sealed.leaves);
  auto const count = sealed.plan.count();
  auto const fits = [&](Bytes const& bytes, std::uint32_t index, std::uint32_t proof_of,
                        Hash const& under) {
    return verify_chunk(bytes, index, count, chunk_proof(sealed.leaves, proof_of), under)
        .has_value();
  };
  EXPECT_TRUE(fits(sealed.chunks[0], 0, 0, root));
  EXPECT_FALSE(fits(sealed.chunks[0], 1, 1, root));
  EXPECT_FALSE(fits(sealed.chunks[0], 1, 0, root));
  EXPECT_FALSE(fits(sealed.chunks[0], 0, 1, root));
  EXPECT_FALSE(fits(other.chunks[0], 0, 0, root));
  EXPECT_FALSE(fits(sealed.chunks[0], 0, 0, chunks_root(other.leaves)));
  Bytes cut = sealed.chunks[2];
  cut.pop_back();
  EXPECT_FALSE(fits(cut, 2, 2, root));
  // And without any root: by the cipher alone.
  ChunkCipher cipher(sealed.key, crypto::AeadKey::Use::kOpen);
  Bytes plain(kChunk), tail(5);
  EXPECT_TRUE(cipher.open(0, false, sealed.chunks[0], plain));
  EXPECT_FALSE(cipher.open(1, false, sealed.chunks[0], plain));
  EXPECT_FALSE(cipher.open(0, true, sealed.chunks[0], plain));
  EXPECT_TRUE(cipher.open(2, true, sealed.chunks[2], tail));
  EXPECT_FALSE(cipher.open(2, false, sealed.chunks[2], tail));
  EXPECT_FALSE(cipher.open(0, false, other.chunks[0], plain));
}

RC_GTEST_PROP(AttachmentChunks, AFlippedBitIsSeenByBothChecks, ()) {
  auto const size = *rc::gen::inRange<std::size_t>(0, 2000);
  auto const sealed = seal(pattern(size), crypto::Secret(Bytes(32, 9)));
  Bytes bad = sealed.chunks[0];
  auto const bit = *rc::gen::inRange<std::size_t>(0, bad.size() * 8);
  bad[bit / 8] = static_cast<std::uint8_t>(bad[bit / 8] ^ (1U << (bit % 8)));
  RC_ASSERT(!verify_chunk(bad, 0, 1, {}, chunks_root(sealed.leaves)));
  ChunkCipher cipher(sealed.key, crypto::AeadKey::Use::kOpen);
  Bytes plain(size);
  RC_ASSERT(!cipher.open(0, true, bad, plain));
}

RC_GTEST_PROP(AttachmentChunks, EveryProofHoldsForItsLeafAlone, ()) {
  auto const count = *rc::gen::inRange<std::uint32_t>(1, 700);
  auto const at = *rc::gen::inRange<std::uint32_t>(0, count);
  std::vector<Hash> leaves;
  for (std::uint32_t i = 0; i < count; ++i) leaves.push_back(chunk_leaf(pattern(i)));
  auto const proof = chunk_proof(leaves, at);
  Hash const root = chunks_root(leaves);
  RC_ASSERT(verify_chunk(pattern(at), at, count, proof, root).has_value());
  RC_ASSERT(!verify_chunk(pattern(at + 1), at, count, proof, root));
  if (count > 1) {
    RC_ASSERT(!verify_chunk(pattern(at), (at + 1) % count, count, proof, root));
  }
}

}  // namespace
}  // namespace amic::exchange
