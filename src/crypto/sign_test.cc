#include "crypto/sign.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "codec/codec.h"

namespace amic::crypto {
namespace {

Bytes unhex(std::string_view text) {
  return codec::from_hex(text).value();
}
VerifyKey key_of(std::string_view text) {
  return VerifyKey::from(unhex(text)).value();
}
Signature signature_of(std::string_view text) {
  return Signature::from(unhex(text)).value();
}

struct Known {
  char const* seed;
  char const* key;
  char const* message;
  char const* signature;
};
// RFC 8032 section 7.1, tests 1, 2, 3 and SHA(abc).
constexpr Known kKnown[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b"
     "4"
     "6bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11"
     "d"
     "8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc"
     "6"
     "594a7c15e9716ed28dc027beceea1ec40a"},
    {"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
     "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3fee"
     "b"
     "bd454d4423643ce80e2a9ac94fa54ca49f",
     "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e"
     "0"
     "303dca179c138ac17ad9bef1177331a704"},
};

TEST(Ed25519, Rfc8032) {
  for (Known const& known : kKnown) {
    SigningKey const key = SigningKey::from_seed(unhex(known.seed)).value();
    EXPECT_EQ(codec::to_hex(key.verify_key().view()), known.key);
    EXPECT_EQ(codec::to_hex(key.seed()), known.seed);
    Bytes const message = unhex(known.message);
    Signature const signature = key.sign(message);
    EXPECT_EQ(codec::to_hex(signature.view()), known.signature);
    EXPECT_TRUE(verify(key.verify_key(), message, signature));
    Bytes other = message;
    other.push_back(0);
    EXPECT_FALSE(verify(key.verify_key(), other, signature));
  }
}

TEST(Ed25519, AnyChangedBitIsRefused) {
  Known const& known = kKnown[2];
  Bytes const message = unhex(known.message);
  for (std::size_t bit = 0; bit < 512; ++bit) {
    Signature changed = signature_of(known.signature);
    changed.data[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    EXPECT_FALSE(verify(key_of(known.key), message, changed)) << bit;
    if (bit >= 256) continue;
    VerifyKey key = key_of(known.key);
    key.data[bit / 8] ^= static_cast<std::uint8_t>(1U << (bit % 8));
    EXPECT_FALSE(verify(key, message, signature_of(known.signature))) << bit;
  }
}

TEST(Ed25519, NonCanonicalSIsRefused) {
  // S + L is the same scalar; taking it would give every signature a twin.
  constexpr std::string_view kOrder =
      "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";
  Bytes const order = unhex(kOrder);
  for (Known const& known : kKnown) {
    Signature twin = signature_of(known.signature);
    unsigned carry = 0;
    for (std::size_t i = 0; i < 32; ++i) {
      carry += twin.data[32 + i] + order[i];
      twin.data[32 + i] = static_cast<std::uint8_t>(carry);
      carry >>= 8U;
    }
    EXPECT_FALSE(verify(key_of(known.key), unhex(known.message), twin));
  }
}

// All encodings of points of small order, also the non-canonical ones (C2SP CCTV, ed25519).
constexpr char const* kSmallOrder[] = {
    "0000000000000000000000000000000000000000000000000000000000000000",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
};

TEST(Ed25519, KeysOfSmallOrderVerifyNothing) {
  // With such a key, R = a small point and S = 0 would verify for many messages.
  for (auto key : kSmallOrder)
    for (auto r : kSmallOrder) {
      Signature forged;
      Bytes const point = unhex(r);
      std::copy(point.begin(), point.end(), forged.data.begin());
      for (int i = 0; i < 16; ++i)
        EXPECT_FALSE(verify(key_of(key), as_bytes("m" + std::to_string(i)), forged)) << key << r;
    }
}

struct Edge {
  char const* key;
  char const* signature;
  char const* message;
  bool valid;
};
constexpr char const* kMixedKey =
    "10eb7c3acfb2bed3e0d6ab89bf5a3d6afddd1176ce4812e38d9fd485058fdb1f";
// From ed25519vectors.json of C2SP CCTV: numbers 3, 5, 6, 7, 11, 17, 19, 28 and 29. The last column
// is what this library says and every member must say; a new libsodium that differs fails here.
constexpr Edge kEdges[] = {
    {kSmallOrder[0],
     "36684ea91032ba5b1dbab2d02f4debc74c3327f2b3802e2e4d371aa42b12b56b05ba9a796274d80437afa36f12365"
     "6"
     "3f2f3b0aa84cecddc3d20914615ba4fe02",
     "ed25519vectors 3", false},
    {kMixedKey,
     "00000000000000000000000000000000000000000000000000000000000000009472a69cd9a701a50d130ed52189e"
     "2"
     "455b23767db52cacb8716fb896ffeeac09",
     "ed25519vectors 3", false},
    {kMixedKey,
     "36684ea91032ba5b1dbab2d02f4debc74c3327f2b3802e2e4d371aa42b12b56bc02e2b9e63e385c058bf62b14b3a2"
     "b"
     "29ccefe8e38ddb536bc3f9865320a3d801",
     "ed25519vectors 10", false},
    {kMixedKey,
     "36684ea91032ba5b1dbab2d02f4debc74c3327f2b3802e2e4d371aa42b12b56bbbfd00bd9c259d8d222d15e67a3d8"
     "2"
     "28585050dbb9b9585be20d8fadc721da03",
     "ed25519vectors", true},
    {kSmallOrder[1],
     "36684ea91032ba5b1dbab2d02f4debc74c3327f2b3802e2e4d371aa42b12b56b05ba9a796274d80437afa36f12365"
     "6"
     "3f2f3b0aa84cecddc3d20914615ba4fe02",
     "ed25519vectors", false},
    {kMixedKey,
     "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7fad7a355469b5c87e550469f6b2de4"
     "0"
     "9ee723acd584bf35f86b80c384e8ceb702",
     "ed25519vectors 3", false},
    {kMixedKey,
     "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f9472a69cd9a701a50d130ed52189e"
     "2"
     "455b23767db52cacb8716fb896ffeeac09",
     "ed25519vectors 3", false},
    {kMixedKey,
     "b797b156efcd45a4e2454d2fd0b21438b3ccd80d4c7fd1d1b2c8e55bd4ed4a94639734cf989e314e9e049fc01a386"
     "4"
     "d191fed8f231b12fee6fa50aaadba44b0e",
     "ed25519vectors 9", false},
    {kMixedKey,
     "b797b156efcd45a4e2454d2fd0b21438b3ccd80d4c7fd1d1b2c8e55bd4ed4a94732d9e0279fe001d90327efa31981"
     "6"
     "e3e4506b78432b8b4e1f2fdc4b960d700f",
     "ed25519vectors 2", true},
};

TEST(Ed25519, EdgeCasesKeepTheirVerdicts) {
  for (Edge const& edge : kEdges)
    EXPECT_EQ(verify(key_of(edge.key), as_bytes(edge.message), signature_of(edge.signature)),
              edge.valid)
        << edge.signature;
}

TEST(Ed25519, SeedsHave32Bytes) {
  for (std::size_t size : {0U, 31U, 33U, 64U})
    EXPECT_EQ(SigningKey::from_seed(Bytes(size)).error().code, Code::kMalformed);
}

RC_GTEST_PROP(Domains, BindTheirMessages, (std::uint64_t seed, Bytes const& message)) {
  SeededRandom random(seed);
  SigningKey const key = SigningKey::generate(random);
  Signature const signature = sign_in_domain(key, "amic/a", message);
  RC_ASSERT(verify_in_domain(key.verify_key(), "amic/a", message, signature));
  RC_ASSERT(!verify_in_domain(key.verify_key(), "amic/b", message, signature));
  RC_ASSERT(!verify_in_domain(key.verify_key(), "amic/", message, signature));
  RC_ASSERT(!verify(key.verify_key(), message, signature));
  Bytes joined{6};
  append(joined, as_bytes("amic/a"));
  append(joined, message);
  RC_ASSERT(verify(key.verify_key(), joined, signature));
}

}  // namespace
}  // namespace amic::crypto
