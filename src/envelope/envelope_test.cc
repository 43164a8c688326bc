#include "envelope/envelope.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "base/limits.h"
#include "envelope/testing.h"

namespace amic::envelope {
namespace {

using testing::id;
using testing::Member;

struct Sealing : ::testing::Test {
  SeededRandom random{42};
  Member my{"MY", random}, bn{"BN", random}, sg{"SG", random}, th{"TH", random};
  Contents contents = testing::small_contents(my, {bn.id, sg.id});
  std::vector<Recipient> recipients = {my.recipient(), bn.recipient(), sg.recipient()};

  Result<Bytes> seal() { return envelope::seal(contents, recipients, my.node, my.node, random); }
  Bytes sealed() { return seal().value(); }
  Result<Contents> open(BytesView envelope, Member const& self) {
    return envelope::open(envelope, self.id, self.seal, my.node.verify_key());
  }
  // Code and place of the refusal to seal.
  std::string refusal() {
    auto const got = seal();
    return got ? "sealed" : std::string(code_name(got.error().code)) + " " + got.error().where;
  }
};

TEST_F(Sealing, EveryRecipientAndTheOriginatorOpensTheSameContents) {
  Bytes const envelope = sealed();
  EXPECT_TRUE(verify_outer(envelope, my.node.verify_key()));
  for (Member const* self : {&my, &bn, &sg}) EXPECT_EQ(open(envelope, *self).value(), contents);
}

TEST_F(Sealing, TheHeaderSaysWhatARelayNeedsAndNoMore) {
  Bytes const envelope = sealed();
  Header const header = parse_header(envelope).value();
  EXPECT_EQ(header.version, kVersion);
  EXPECT_EQ(header.suite, Suite::kEd25519X25519);
  EXPECT_EQ(header.community, contents.community);
  EXPECT_EQ(header.id, contents.id);
  EXPECT_EQ(header.realm, contents.realm);
  EXPECT_EQ(header.kind, contents.kind);
  EXPECT_EQ(header.precedence, contents.precedence);
  EXPECT_EQ(header.epoch, contents.epoch);
  EXPECT_EQ(header.sender, my.id);
  EXPECT_EQ(header.created_ms, contents.created_ms);
  std::vector<KeyId> expected;
  for (Member const* member : {&my, &bn, &sg})
    expected.push_back(key_id(contents.community, member->seal.public_key()));
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(header.recipient_key_ids, expected);
  // Neither text nor marking nor a recipient's name is in the clear.
  std::string_view const text = as_text(envelope);
  for (auto secret : {"skiffs", "marking", "text/plain", "BN", "SG"})
    EXPECT_EQ(text.find(secret), std::string_view::npos) << secret;
}

TEST_F(Sealing, AnEnvelopeForNobodyIsSealedToItsOriginator) {
  contents.recipients.clear();
  recipients = {my.recipient()};
  Bytes const envelope = sealed();
  EXPECT_EQ(open(envelope, my).value(), contents);
  EXPECT_EQ(open(envelope, bn).error().code, Code::kNotRecipient);
  EXPECT_EQ(parse_header(envelope).value().recipient_key_ids.size(), 1U);
}

TEST_F(Sealing, StrangersAndWrongKeysGetNothing) {
  Bytes const envelope = sealed();
  EXPECT_EQ(open(envelope, th).error(), (Error{Code::kNotRecipient, "envelope.wraps", ""}));
  EXPECT_EQ(verify_outer(envelope, bn.node.verify_key()).error(),
            (Error{Code::kBadSignature, "envelope.outer", ""}));
  auto const wrong = envelope::open(envelope, bn.id, bn.seal, bn.node.verify_key());
  EXPECT_EQ(wrong.error(), (Error{Code::kBadSignature, "envelope.inner", ""}));
  // The right key under another member's name.
  auto const other = envelope::open(envelope, th.id, bn.seal, my.node.verify_key());
  EXPECT_EQ(other.error().code, Code::kNotRecipient);
  EXPECT_EQ(other.error().where, "envelope.recipients");
}

TEST_F(Sealing, TwoSealsOfOneThingHaveNothingSecretInCommon) {
  Bytes const first = sealed();
  Bytes const second = sealed();
  ASSERT_EQ(first.size(), second.size());
  std::size_t const ciphertext = first.size() - 64 - 100;
  EXPECT_FALSE(equal(BytesView(first).subspan(ciphertext), BytesView(second).subspan(ciphertext)));
}

TEST_F(Sealing, CompressesInsideTheSealWhenThatIsSmaller) {
  contents.body = Bytes(1 << 20, 'a');
  Bytes const compressed = sealed();
  EXPECT_LT(compressed.size(), 4096U);
  EXPECT_EQ(open(compressed, bn).value(), contents);
  random.fill(contents.body);
  Bytes const plain = sealed();
  EXPECT_GT(plain.size(), contents.body.size());
  EXPECT_LT(plain.size(), contents.body.size() + 2048);
  EXPECT_EQ(open(plain, bn).value(), contents);
}

TEST_F(Sealing, HoldsEachLimit) {
  auto const with = [this](auto edit) {
    Contents const saved = contents;
    edit();
    std::string out = refusal();
    contents = saved;
    return out;
  };
  Contents& c = contents;
  EXPECT_EQ(with([&] { c.suite = static_cast<Suite>(3); }), "unsupported envelope.suite");
  EXPECT_EQ(with([&] { c.kind = static_cast<Kind>(0); }), "out_of_range envelope.kind");
  EXPECT_EQ(with([&] { c.kind = static_cast<Kind>(99); }), "out_of_range envelope.kind");
  EXPECT_EQ(with([&] { c.precedence = static_cast<Precedence>(4); }),
            "out_of_range envelope.precedence");
  EXPECT_EQ(with([&] { c.originator = MemberId(); }), "out_of_range envelope.originator");
  EXPECT_EQ(with([&] { c.created_ms = -1; }), "out_of_range envelope.created_ms");
  EXPECT_EQ(with([&] { c.created_ms = INT64_MAX; }), "out_of_range envelope.created_ms");
  EXPECT_EQ(with([&] { c.recipients = {sg.id, bn.id}; }), "out_of_range envelope.recipients");
  EXPECT_EQ(with([&] { c.recipients = {bn.id, bn.id}; }), "out_of_range envelope.recipients");
  EXPECT_EQ(with([&] { c.recipients = {bn.id, my.id}; }), "out_of_range envelope.recipients");
  EXPECT_EQ(with([&] { c.recipients = {MemberId(), bn.id}; }), "out_of_range envelope.recipients");
  EXPECT_EQ(with([&] { c.marking = Bytes(limits::kMarkingBytesMax + 1); }),
            "too_large envelope.marking");
  EXPECT_EQ(with([&] { c.lineage = {Hash{}, Hash{}}; }), "out_of_range envelope.lineage");
  EXPECT_EQ(with([&] {
              c.lineage.clear();
              for (unsigned i = 0; i <= limits::kLineageMax; ++i) {
                Hash hash;
                hash.data[0] = static_cast<std::uint8_t>(i >> 8U);
                hash.data[1] = static_cast<std::uint8_t>(i);
                c.lineage.push_back(hash);
              }
            }),
            "too_large envelope.lineage");
  EXPECT_EQ(with([&] { c.media_type = ""; }), "out_of_range envelope.media_type");
  EXPECT_EQ(with([&] { c.media_type = "text/\n"; }), "out_of_range envelope.media_type");
  EXPECT_EQ(with([&] { c.media_type = "text/\xC3\xA9"; }), "out_of_range envelope.media_type");
  EXPECT_EQ(with([&] { c.media_type = std::string(256, 'a'); }), "too_large envelope.media_type");
  EXPECT_EQ(with([&] { c.body = Bytes(limits::kBodyBytesMax + 1); }), "too_large envelope.body");
  EXPECT_EQ(with([&] {
              c.body = Bytes(limits::kEnvelopeBytesMax);
              random.fill(c.body);
            }),
            "too_large envelope");
  EXPECT_EQ(with([] {}), "sealed");
}

TEST_F(Sealing, TakesTheLargestOfEverything) {
  contents.marking = Bytes(limits::kMarkingBytesMax, 7);
  contents.lineage.clear();
  for (unsigned i = 0; i < limits::kLineageMax; ++i) {
    Hash hash;
    hash.data[0] = static_cast<std::uint8_t>(i);
    contents.lineage.push_back(hash);
  }
  contents.media_type = std::string(255, 'm');
  contents.body = Bytes(limits::kBodyBytesMax, 'b');
  std::vector<Member> many;
  contents.recipients.clear();
  recipients = {my.recipient()};
  for (unsigned i = 10; i < 10 + limits::kMembersMax - 1; ++i) {
    many.emplace_back("A123456789ABCD" + std::to_string(i), random);
    contents.recipients.push_back(many.back().id);
    recipients.push_back(many.back().recipient());
  }
  Bytes const envelope = sealed();
  EXPECT_TRUE(verify_outer(envelope, my.node.verify_key()));
  EXPECT_EQ(open(envelope, many.back()).value(), contents);
  Member const one_more("B", random);
  contents.recipients.push_back(one_more.id);
  recipients.push_back(one_more.recipient());
  EXPECT_EQ(refusal(), "too_large envelope.recipients");
}

TEST_F(Sealing, RecipientsMustBeExactlyThoseOfTheContentsAndTheOriginator) {
  std::string const refused = "out_of_range envelope.recipients";
  recipients = {my.recipient(), bn.recipient()};
  EXPECT_EQ(refusal(), refused);
  recipients = {bn.recipient(), sg.recipient()};
  EXPECT_EQ(refusal(), refused);
  recipients = {my.recipient(), bn.recipient(), sg.recipient(), th.recipient()};
  EXPECT_EQ(refusal(), refused);
  recipients = {my.recipient(), bn.recipient(), {sg.id, bn.seal.public_key()}};
  EXPECT_EQ(refusal(), refused);
  recipients = {my.recipient(), bn.recipient(), bn.recipient(), sg.recipient()};
  EXPECT_EQ(refusal(), refused);
  recipients = {my.recipient(), bn.recipient(), {sg.id, crypto::SealPublicKey{}}};
  EXPECT_FALSE(seal());                                           // a key of small order
  recipients = {sg.recipient(), my.recipient(), bn.recipient()};  // order is free
  EXPECT_EQ(refusal(), "sealed");
}

RC_GTEST_FIXTURE_PROP(Sealing, RoundTripsWhateverItTakes, ()) {
  if (*rc::gen::arbitrary<bool>()) contents.realm = Realm::parse("EXERCISE:X").value();
  contents.kind = static_cast<Kind>(*rc::gen::inRange(1, 4));
  contents.precedence = static_cast<Precedence>(*rc::gen::inRange(0, 4));
  contents.epoch = *rc::gen::arbitrary<std::uint64_t>();
  contents.marking = *rc::gen::arbitrary<Bytes>();
  auto const parents = *rc::gen::arbitrary<std::set<std::uint8_t>>();
  contents.lineage.clear();
  for (std::uint8_t const parent : parents) {
    Hash hash;
    hash.data.fill(parent);
    contents.lineage.push_back(hash);
  }
  contents.body = *rc::gen::arbitrary<Bytes>();
  // Bodies about the chunk size as well, where the stream has its edges.
  if (*rc::gen::arbitrary<bool>()) {
    contents.body = Bytes(limits::kBodyChunkBytes - 512 + random.below(1024));
    random.fill(contents.body);
  }
  Bytes const envelope = sealed();
  RC_ASSERT(verify_outer(envelope, my.node.verify_key()).has_value());
  for (Member const* self : {&my, &bn, &sg}) RC_ASSERT(open(envelope, *self).value() == contents);
}

TEST(EnvelopeId, BeginsWithItsOriginatorsTag) {
  SeededRandom random(4);
  CommunityId community, other;
  for (std::size_t i = 0; i < 32; ++i) community.data[i] = static_cast<std::uint8_t>(i);
  auto const made = make_id(community, id("MY"), random);
  // The example of docs/formats/envelope.md.
  constexpr std::uint8_t kTag[kIdTagBytes] = {0x0c, 0xc2, 0x3c, 0xc7, 0x8d, 0x66};
  EXPECT_TRUE(std::equal(std::begin(kTag), std::end(kTag), made.data.begin()));
  EXPECT_NE(make_id(community, id("MY"), random), made);
  EXPECT_TRUE(check_id(made, community, id("MY")));
  auto const refused = check_id(made, community, id("M"));
  EXPECT_EQ(refused.error().code, Code::kWrongIdentity);
  EXPECT_EQ(refused.error().where, "envelope.id");
  EXPECT_FALSE(check_id(made, other, id("MY")));
  for (std::size_t i = 0; i < EnvelopeId::kSize; ++i) {
    auto changed = made;
    changed.data[i] ^= 1;
    EXPECT_EQ(check_id(changed, community, id("MY")).has_value(), i >= kIdTagBytes) << i;
  }
}

}  // namespace
}  // namespace amic::envelope
