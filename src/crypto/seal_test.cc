#include "crypto/seal.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "codec/codec.h"
#include "crypto/hpke.h"

namespace amic::crypto {
namespace {

Bytes unhex(std::string_view text) {
  return codec::from_hex(text).value();
}
template <class View>
std::string hex(View const& view) {
  return codec::to_hex(view);
}
SealPublicKey point(std::string_view text) {
  return SealPublicKey::from(unhex(text)).value();
}

// RFC 7748 sections 5.2 and 6.1.
TEST(X25519, Rfc7748) {
  EXPECT_EQ(hex(internal::x25519(
                    unhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"),
                    point("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"))
                    .value()
                    .view()),
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
  EXPECT_EQ(hex(internal::x25519(
                    unhex("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d"),
                    point("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493"))
                    .value()
                    .view()),
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");
}

TEST(X25519, Rfc7748DiffieHellman) {
  SealKey const alice =
      SealKey::from_secret(
          unhex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"))
          .value();
  SealKey const bob = SealKey::from_secret(
                          unhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"))
                          .value();
  EXPECT_EQ(hex(alice.public_key().view()),
            "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
  EXPECT_EQ(hex(bob.public_key().view()),
            "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f");
  constexpr auto kShared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
  EXPECT_EQ(hex(internal::x25519(alice.secret(), bob.public_key()).value().view()), kShared);
  EXPECT_EQ(hex(internal::x25519(bob.secret(), alice.public_key()).value().view()), kShared);
}

TEST(X25519, AllZeroSecretsAreRefused) {
  for (auto bad : {"0000000000000000000000000000000000000000000000000000000000000000",
                   "0100000000000000000000000000000000000000000000000000000000000000",
                   "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
                   "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
                   "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                   "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                   "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"}) {
    EXPECT_EQ(internal::x25519(Bytes(32, 0x55), point(bad)).error().code, Code::kMalformed) << bad;
    SeededRandom random(1);
    EXPECT_FALSE(hpke_seal(point(bad), {}, {}, {}, random)) << bad;
    EXPECT_FALSE(hpke_open(SealKey::generate(random), unhex(bad), {}, {}, Bytes(20))) << bad;
  }
}

constexpr std::string_view kInfo = "4f6465206f6e2061204772656369616e2055726e";
constexpr std::string_view kPlain = "4265617574792069732074727574682c20747275746820626561757479";

struct HpkeVector {
  Aead aead;
  char const* ikm_e;
  char const* sk_e;
  char const* enc;
  char const* ikm_r;
  char const* sk_r;
  char const* pk_r;
  char const* shared_secret;
  char const* key;
  char const* base_nonce;
  std::vector<std::tuple<std::uint64_t, char const*, char const*>> encryptions;
};

// RFC 9180 appendix A.1.1, and the base mode vector of the same KEM and KDF with AES-256-GCM from
// the test-vectors.json published with the RFC.
HpkeVector const kVectors[] = {
    {Aead::kAes128Gcm,
     "7268600d403fce431561aef583ee1613527cff655c1343f29812e66706df3234",
     "52c4a758a802cd8b936eceea314432798d5baf2d7e9235dc084ab1b9cfa2f736",
     "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431",
     "6db9df30aa07dd42ee5e8181afdb977e538f5e1fec8a06223f33f7013e525037",
     "4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8",
     "3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d",
     "fe0e18c9f024ce43799ae393c7e8fe8fce9d218875e8227b0187c04e7d2ea1fc",
     "4531685d41d65f03dc48f6b8302c05b0",
     "56d890e5accaaf011cff4b7d",
     {{0, "Count-0",
       "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512"
       "a"},
      {1, "Count-1",
       "af2d7e9ac9ae7e270f46ba1f975be53c09f8d875bdc8535458c2494e8a6eab251c03d0c22a56b8ca42c2063b8"
       "4"},
      {2, "Count-2",
       "498dfcabd92e8acedc281e85af1cb4e3e31c7dc394a1ca20e173cb72516491588d96a19ad4a683518973dcc18"
       "0"},
      {4, "Count-4",
       "583bd32bc67a5994bb8ceaca813d369bca7b2a42408cddef5e22f880b631215a09fc0012bc69fccaa251c0246"
       "d"},
      {255, "Count-255",
       "7175db9717964058640a3a11fb9007941a5d1757fda1a6935c805c21af32505bf106deefec4a49ac38d71c9e0"
       "a"},
      {256, "Count-256",
       "957f9800542b0b8891badb026d79cc54597cb2d225b54c00c5238c25d05c30e3fbeda97d2e0e1aba483a2df9f"
       "2"}}},
    {Aead::kAes256Gcm,
     "2cd7c601cefb3d42a62b04b7a9041494c06c7843818e0ce28a8f704ae7ab20f9",
     "179d4b53b6365c45b600c4163b61d95cbc2f4d9e36f1695558dce265ab8bab11",
     "6c93e09869df3402d7bf231bf540fadd35cd56be14f97178f0954db94b7fc256",
     "dac33b0e9db1b59dbbea58d59a14e7b5896e9bdf98fad6891e99d1686492b9ee",
     "497b4502664cfea5d5af0b39934dac72242a74f8480451e1aee7d6a53320333d",
     "430f4b9859665145a6b1ba274024487bd66f03a2dd577d7753c68d7d7d00c00c",
     "3101c54c3a4f87439eaac080699ed9bbcc726ffe44e860c0424ccb7e3e2ead7b",
     "f50b0609186798729ed0564b36ef2ef8044f1f9d05636874d1f46c819c7a669f",
     "151d9929e2449747889bc923",
     {{0, "Count-0",
       "e5d84cd531cfb583096e7cfa9641bd3079cf3a91cda813c52deb5f512be9931980a41de125a925cdad859d5b7"
       "a"},
      {1, "Count-1",
       "2c43aff25343fdbff864506f0818b9d87df84ea01b1a2144d23b4d40c26bf655fdf197fe40297a8aebeed5cc2"
       "d"}}},
};

TEST(Hpke, PublishedVectorsStepByStep) {
  for (HpkeVector const& v : kVectors) {
    SealKey const ephemeral = internal::hpke_derive_key_pair(unhex(v.ikm_e));
    SealKey const recipient = internal::hpke_derive_key_pair(unhex(v.ikm_r));
    EXPECT_EQ(hex(ephemeral.secret()), v.sk_e);
    EXPECT_EQ(hex(ephemeral.public_key().view()), v.enc);
    EXPECT_EQ(hex(recipient.secret()), v.sk_r);
    EXPECT_EQ(hex(recipient.public_key().view()), v.pk_r);
    Secret const shared = internal::hpke_encap(ephemeral, recipient.public_key()).value();
    EXPECT_EQ(hex(shared.view()), v.shared_secret);
    EXPECT_EQ(hex(internal::hpke_decap(ephemeral.public_key(), recipient).value().view()),
              v.shared_secret);
    auto const context = internal::hpke_key_schedule(v.aead, shared.view(), unhex(kInfo));
    EXPECT_EQ(hex(context.key.view()), v.key);
    EXPECT_EQ(hex(context.base_nonce.view()), v.base_nonce);
    for (auto const& [sequence, aad, ciphertext] : v.encryptions) {
      auto const nonce = internal::hpke_nonce(context, sequence);
      EXPECT_EQ(hex(aead_seal(v.aead, context.key.view(), nonce, as_bytes(aad), unhex(kPlain))),
                ciphertext);
      EXPECT_EQ(
          aead_open(v.aead, context.key.view(), nonce, as_bytes(aad), unhex(ciphertext)).value(),
          unhex(kPlain));
    }
  }
}

TEST(Hpke, PublishedVectorsInOneStep) {
  for (HpkeVector const& v : kVectors) {
    SealKey const recipient = SealKey::from_secret(unhex(v.sk_r)).value();
    auto const sealed = internal::hpke_seal_from(SealKey::from_secret(unhex(v.sk_e)).value(),
                                                 recipient.public_key(), unhex(kInfo),
                                                 as_bytes("Count-0"), unhex(kPlain), v.aead)
                            .value();
    EXPECT_EQ(hex(sealed.enc.view()), v.enc);
    EXPECT_EQ(hex(sealed.ciphertext), std::get<2>(v.encryptions[0]));
    EXPECT_EQ(hex(hpke_open(recipient, unhex(v.enc), unhex(kInfo), as_bytes("Count-0"),
                            sealed.ciphertext, v.aead)
                      .value()
                      .view()),
              kPlain);
  }
}

RC_GTEST_PROP(Hpke, OpensForTheRecipientInItsContextOnly,
              (std::uint64_t seed, Bytes const& info, Bytes const& aad, Bytes const& plain)) {
  SeededRandom random(seed);
  SealKey const key = SealKey::generate(random);
  SealKey const other = SealKey::generate(random);
  HpkeSealed const sealed = hpke_seal(key.public_key(), info, aad, plain, random).value();
  BytesView const enc = sealed.enc.view();
  RC_ASSERT(equal(hpke_open(key, enc, info, aad, sealed.ciphertext).value().view(), plain));
  auto const refused = [](auto const& result) {
    return !result && result.error().code == Code::kBadSignature;
  };
  Bytes more = info;
  more.push_back(0);
  RC_ASSERT(refused(hpke_open(other, enc, info, aad, sealed.ciphertext)));
  RC_ASSERT(refused(hpke_open(key, enc, more, aad, sealed.ciphertext)));
  Bytes more_aad = aad;
  more_aad.push_back(0);
  RC_ASSERT(refused(hpke_open(key, enc, info, more_aad, sealed.ciphertext)));
  RC_ASSERT(refused(hpke_open(key, enc, info, aad, sealed.ciphertext, Aead::kAes128Gcm)));
  Bytes changed = sealed.ciphertext;
  changed[seed % changed.size()] ^= 1;
  RC_ASSERT(refused(hpke_open(key, enc, info, aad, changed)));
}

TEST(Hpke, WrongSizesAreErrors) {
  SeededRandom random(3);
  SealKey const key = SealKey::generate(random);
  EXPECT_EQ(hpke_open(key, Bytes(31, 9), {}, {}, Bytes(32)).error().code, Code::kMalformed);
  EXPECT_EQ(hpke_open(key, Bytes(32, 9), {}, {}, Bytes(15)).error().code, Code::kMalformed);
  EXPECT_EQ(SealKey::from_secret(Bytes(31)).error().code, Code::kMalformed);
}

struct GcmVector {
  char const* key;
  char const* nonce;
  char const* aad;
  char const* plain;
  char const* sealed;
};
constexpr char const* kGcmKey = "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308";
constexpr char const* kZeroKey = "0000000000000000000000000000000000000000000000000000000000000000";
// AES-256 cases 13 to 16 of the GCM specification (McGrew and Viega) as in NIST SP 800-38D's
// references, and AES-128 cases 1 to 3, 7 and 12 of Project Wycheproof's aes_gcm_test.json.
constexpr GcmVector kGcm[] = {
    {kZeroKey, "000000000000000000000000", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {kZeroKey, "000000000000000000000000", "", "00000000000000000000000000000000",
     "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"},
    {kGcmKey, "cafebabefacedbaddecaf888", "",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b"
     "5"
     "25b16aedf5aa0de657ba637b391aafd255",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828"
     "8"
     "38c5f61e6393ba7a0abcc9f662898015adb094dac5d93471bdec1a502270e3cc6c"},
    {kGcmKey, "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b"
     "5"
     "25b16aedf5aa0de657ba637b39",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828"
     "8"
     "38c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b"},
    {"5b9604fe14eadba931b0ccf34843dab9", "028318abc1824029138141a2", "",
     "001d0c231287c1182784554ca3a21908",
     "26073cc1d851beff176384dc9896d5ff0a3ea7a5487cb5f7d70fb6c58d038554"},
    {"5b9604fe14eadba931b0ccf34843dab9", "921d2507fa8007b7bd067d34",
     "00112233445566778899aabbccddeeff", "001d0c231287c1182784554ca3a21908",
     "49d8b9783e911913d87094d1f63cc7651e348ba07cca2cf04c618cb4d43a5b92"},
    {"aa023d0478dcb2b2312498293d9a9129", "0432bc49ac34412081288127", "aac39231129872a2",
     "2035af313d1346ab00154fea78322105",
     "eea945f3d0f98cc0fbab472a0cf24e874bb9b4812519dadf9e1232016d068133"},
    {"dd6197cd63c963919cf0c273ef6b28bf", "ecb0c42f7000ef0e6f95f24d", "",
     "4dcc1485365866e25ac3f2ca6aba97",
     "8a9992388e735f80ee18f4a63c10ad1486a91cccf92c9a5b00f7b0e034891c"},
    {"e63a43216c08867210e248859eb5e99c", "9c3a4263d983456658aad4b1", "834afdc5c737186b",
     "b14da56b0462dc05b871fc815273ff4810f92f4b",
     "bf864616c2347509ca9b10446379b9bdbb3b8f64a97d25b490390b53c5db91f6ee2a15b8"},
};

TEST(AesGcm, PublishedVectors) {
  for (GcmVector const& v : kGcm) {
    Bytes const key = unhex(v.key);
    Aead const aead = key.size() == 16 ? Aead::kAes128Gcm : Aead::kAes256Gcm;
    Bytes const sealed = unhex(v.sealed);
    EXPECT_EQ(hex(aead_seal(aead, key, unhex(v.nonce), unhex(v.aad), unhex(v.plain))), v.sealed);
    EXPECT_EQ(hex(aead_open(aead, key, unhex(v.nonce), unhex(v.aad), sealed).value()), v.plain);
    for (std::size_t bit = 0; bit < sealed.size() * 8; ++bit) {
      Bytes changed = sealed;
      changed[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
      EXPECT_EQ(aead_open(aead, key, unhex(v.nonce), unhex(v.aad), changed).error().code,
                Code::kBadSignature);
    }
  }
}

TEST(AesGcm, WrongSizesFromOutsideAreErrors) {
  auto const code = [](std::size_t key, std::size_t nonce, std::size_t sealed) {
    return aead_open(Aead::kAes256Gcm, Bytes(key), Bytes(nonce), {}, Bytes(sealed)).error().code;
  };
  EXPECT_EQ(code(16, 12, 32), Code::kMalformed);
  EXPECT_EQ(code(32, 11, 32), Code::kMalformed);
  EXPECT_EQ(code(32, 12, 15), Code::kMalformed);
  EXPECT_EQ(code(32, 12, 16), Code::kBadSignature);
}

class Stream : public testing::Test {
 protected:
  static constexpr std::size_t kChunk = 64;
  Stream() { random_.fill(key_); }
  Bytes plain(std::size_t size) {
    Bytes out(size);
    random_.fill(out);
    return out;
  }
  Bytes seal(BytesView text) { return stream_seal(key_, as_bytes("aad"), text, kChunk); }
  Result<Bytes> open(BytesView sealed) {
    return stream_open(key_, as_bytes("aad"), sealed, kChunk);
  }
  // The sealed chunks, to be put together again otherwise.
  static std::vector<Bytes> cut(BytesView sealed) {
    std::vector<Bytes> out;
    while (!sealed.empty()) {
      BytesView const chunk = sealed.first(std::min(sealed.size(), kChunk + kAeadTagBytes));
      out.push_back(to_bytes(chunk));
      sealed = sealed.subspan(chunk.size());
    }
    return out;
  }
  static Bytes join(std::vector<Bytes> const& chunks) {
    Bytes out;
    for (auto const& chunk : chunks) append(out, chunk);
    return out;
  }

  SeededRandom random_{7};
  Bytes key_ = Bytes(32);
};

TEST_F(Stream, RoundTripsAroundChunkBoundaries) {
  for (std::size_t size : {0U, 1U, 63U, 64U, 65U, 127U, 128U, 129U, 640U, 1000U}) {
    Bytes const text = plain(size);
    Bytes const sealed = seal(text);
    EXPECT_EQ(sealed.size(), stream_sealed_size(size, kChunk));
    EXPECT_EQ(sealed.size(), size + 16 * std::max<std::size_t>(1, (size + 63) / 64));
    EXPECT_EQ(open(sealed).value(), text) << size;
  }
}

TEST_F(Stream, UsesTheNoncesOfItsSpecification) {
  Bytes const text = plain(65);
  auto const chunks = cut(seal(text));
  ASSERT_EQ(chunks.size(), 2U);
  EXPECT_EQ(chunks[0], aead_seal(Aead::kAes256Gcm, key_, unhex("000000000000000000000000"),
                                 as_bytes("aad"), BytesView(text).first(64)));
  EXPECT_EQ(chunks[1], aead_seal(Aead::kAes256Gcm, key_, unhex("000000000000000000000101"),
                                 as_bytes("aad"), BytesView(text).subspan(64)));
}

TEST_F(Stream, ChunksCantBeDroppedRepeatedReorderedCutOrAdded) {
  auto const chunks = cut(seal(plain(64 * 4)));
  ASSERT_EQ(chunks.size(), 4U);
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    auto dropped = chunks;
    dropped.erase(dropped.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_FALSE(open(join(dropped))) << "without " << i;
    auto repeated = chunks;
    repeated.insert(repeated.begin() + static_cast<std::ptrdiff_t>(i), chunks[i]);
    EXPECT_FALSE(open(join(repeated))) << "twice " << i;
    for (std::size_t k = 0; k < i; ++k) {
      auto swapped = chunks;
      std::swap(swapped[i], swapped[k]);
      EXPECT_FALSE(open(join(swapped))) << i << " for " << k;
    }
  }
  auto more = chunks;
  more.push_back(cut(seal({}))[0]);  // an empty last chunk of the same key
  EXPECT_FALSE(open(join(more)));
}

TEST_F(Stream, AnyOtherLengthIsRefused) {
  Bytes const sealed = seal(plain(130));
  for (std::size_t size = 0; size < sealed.size(); ++size)
    EXPECT_FALSE(open(BytesView(sealed).first(size))) << size;
  for (std::size_t extra : {1U, 16U, 80U, 96U}) {
    Bytes longer = sealed;
    longer.resize(sealed.size() + extra);
    EXPECT_FALSE(open(longer)) << extra;
  }
}

TEST_F(Stream, IsBoundToKeyAadAndChunkSize) {
  Bytes const sealed = seal(plain(200));
  EXPECT_EQ(stream_open(key_, as_bytes("aae"), sealed, kChunk).error().code, Code::kBadSignature);
  EXPECT_FALSE(stream_open(key_, as_bytes("aad"), sealed, kChunk * 2));
  EXPECT_EQ(stream_open(Bytes(16), as_bytes("aad"), sealed, kChunk).error().code, Code::kMalformed);
  Bytes other = key_;
  other[0] ^= 1;
  EXPECT_EQ(stream_open(other, as_bytes("aad"), sealed, kChunk).error().code, Code::kBadSignature);
}

}  // namespace
}  // namespace amic::crypto
