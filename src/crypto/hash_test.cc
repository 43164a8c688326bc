#include "crypto/hash.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "codec/codec.h"

namespace amic::crypto {
namespace {

Bytes unhex(std::string_view text) {
  return codec::from_hex(text).value();
}
std::string hex(Hash const& hash) {
  return codec::to_hex(hash.view());
}
std::string hex(Secret const& secret) {
  return codec::to_hex(secret.view());
}

// FIPS 180-4 examples.
TEST(Sha256, KnownAnswers) {
  EXPECT_EQ(hex(sha256(as_bytes("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(sha256(BytesView{})),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(sha256(as_bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"))),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hex(sha256(Bytes(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

RC_GTEST_PROP(Sha256, PartsAreConcatenated, (Bytes const& a, Bytes const& b)) {
  Bytes whole = a;
  append(whole, b);
  Hash const expected = sha256(whole);
  RC_ASSERT(sha256({a, b}) == expected);
  Sha256 stepwise;
  stepwise.update(a);
  Sha256 moved = std::move(stepwise);
  RC_ASSERT(moved.update({}).update(b).finish() == expected);
}

TEST(Sha256DeathTest, FinishesOnce) {
  Sha256 once;
  once.finish();
  EXPECT_DEATH(once.finish(), "");
  EXPECT_DEATH(once.update({}), "");
}

// RFC 4231 section 4.
TEST(Hmac, KnownAnswers) {
  EXPECT_EQ(hex(hmac_sha256(Bytes(20, 0x0b), as_bytes("Hi There"))),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex(hmac_sha256(as_bytes("Jefe"), as_bytes("what do ya want for nothing?"))),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex(hmac_sha256(Bytes(20, 0xaa), Bytes(50, 0xdd))),
            "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
  EXPECT_EQ(hex(hmac_sha256(unhex("0102030405060708090a0b0c0d0e0f10111213141516171819"),
                            Bytes(50, 0xcd))),
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
  EXPECT_EQ(hex(hmac_sha256(Bytes(131, 0xaa),
                            as_bytes("Test Using Larger Than Block-Size Key - Hash Key First"))),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(hex(hmac_sha256(
                Bytes(131, 0xaa),
                as_bytes("This is a test using a larger than block-size key and a larger than "
                         "block-size data. The key needs to be hashed before being used by the "
                         "HMAC algorithm."))),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

TEST(Hmac, AnEmptyKeyIsNotTheKeyOfBefore) {
  Hash const empty = hmac_sha256({}, {});
  EXPECT_EQ(hex(empty), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
  hmac_sha256(as_bytes("another"), as_bytes("message"));
  EXPECT_EQ(hmac_sha256({}, {}), empty);
  EXPECT_EQ(hmac_sha256(Bytes(64), {}), empty);  // keys are padded with zeros
}

// RFC 5869 appendix A.
TEST(Hkdf, A1Basic) {
  Secret const prk = hkdf_extract(unhex("000102030405060708090a0b0c"), Bytes(22, 0x0b));
  EXPECT_EQ(hex(prk), "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
  EXPECT_EQ(hex(hkdf_expand(prk.view(), unhex("f0f1f2f3f4f5f6f7f8f9"), 42)),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
            "34007208d5b887185865");
}

Bytes count_up(int from, int to) {
  Bytes out;
  for (int i = from; i <= to; ++i) out.push_back(static_cast<std::uint8_t>(i));
  return out;
}

TEST(Hkdf, A2Longer) {
  Secret const prk = hkdf_extract(count_up(0x60, 0xaf), count_up(0x00, 0x4f));
  EXPECT_EQ(hex(prk), "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244");
  EXPECT_EQ(hex(hkdf_expand(prk.view(), count_up(0xb0, 0xff), 82)),
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
            "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
            "cc30c58179ec3e87c14c01d5c1f3434f1d87");
}

TEST(Hkdf, A3NoSaltNoInfo) {
  Secret const prk = hkdf_extract({}, Bytes(22, 0x0b));
  EXPECT_EQ(hex(prk), "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04");
  EXPECT_EQ(hex(hkdf_expand(prk.view(), {}, 42)),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
            "9d201395faa4b61a96c8");
}

TEST(Hkdf, LengthIsBounded) {
  EXPECT_EQ(hkdf_expand(Bytes(32), {}, 0).size(), 0U);
  EXPECT_EQ(hkdf_expand(Bytes(32), {}, 8160).size(), 8160U);
  EXPECT_DEATH(hkdf_expand(Bytes(32), {}, 8161), "");
}

TEST(SecretBytes, AreMovedAndCopied) {
  Secret a(as_bytes("abc"));
  Secret const copy = a;
  Secret moved = std::move(a);
  EXPECT_TRUE(equal_constant_time(copy.view(), moved.view()));
  EXPECT_TRUE(a.empty());  // NOLINT: what a move leaves is part of the promise
  moved = copy;
  moved = Secret();
  EXPECT_TRUE(moved.empty());
  EXPECT_FALSE(equal_constant_time(copy.view(), {}));
  EXPECT_TRUE(equal_constant_time({}, {}));
  EXPECT_FALSE(equal_constant_time(as_bytes("abc"), as_bytes("abd")));
}

}  // namespace
}  // namespace amic::crypto
