// What a hostile relay, recipient or member can do to an envelope, and that each is refused.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "base/limits.h"
#include "codec/codec.h"
#include "compress/compress.h"
#include "crypto/hash.h"
#include "envelope/inner.h"
#include "envelope/outer.h"
#include "envelope/testing.h"

namespace amic::envelope {
namespace {

using testing::Member;

struct Tamper : ::testing::Test {
  SeededRandom random{7};
  Member my{"MY", random}, bn{"BN", random}, sg{"SG", random};
  Contents contents = testing::small_contents(my, {bn.id});
  Bytes envelope =
      envelope::seal(contents, {my.recipient(), bn.recipient()}, my.node, my.node, random).value();

  Result<Contents> open(BytesView bytes, Member const& self) {
    return envelope::open(bytes, self.id, self.seal, my.node.verify_key());
  }
  bool verifies(BytesView bytes) { return verify_outer(bytes, my.node.verify_key()).has_value(); }
  bool accepted(BytesView bytes) { return verifies(bytes) && open(bytes, bn); }
};

TEST_F(Tamper, EveryFlipOfEveryByteIsRefused) {
  ASSERT_TRUE(accepted(envelope));
  for (std::size_t at = 0; at < envelope.size(); ++at) {
    for (unsigned flip : {1U, 0x80U, 0xFFU}) {
      Bytes bad = envelope;
      bad[at] ^= static_cast<std::uint8_t>(flip);
      ASSERT_FALSE(verifies(bad)) << "byte " << at;
    }
  }
}

// The seal holds by itself: whoever may sign the outer layer can't change what is inside.
TEST_F(Tamper, EveryFlipUnderAFreshOuterSignatureIsRefusedByOpen) {
  auto const outer = internal::parse(envelope).value();
  std::size_t const header = outer.header_bytes.size();
  std::size_t const end = envelope.size() - crypto::Signature::kSize;
  // The wrap that isn't ours is covered too: the body is bound to all of the header.
  for (std::size_t at = 0; at < end; ++at) {
    Bytes bad = envelope;
    bad[at] ^= 0x01;
    Bytes const message = internal::outer_message(
        BytesView(bad).first(header), BytesView(bad).subspan(header + 4, outer.ciphertext.size()));
    auto const signature = crypto::sign_in_domain(my.node, internal::kOuterDomain, message);
    std::copy(signature.data.begin(), signature.data.end(), bad.begin() + static_cast<long>(end));
    ASSERT_FALSE(open(bad, bn)) << "byte " << at;
  }
}

TEST_F(Tamper, EveryTruncationAndExtensionIsRefused) {
  for (std::size_t size = 0; size < envelope.size(); ++size) {
    BytesView const cut = BytesView(envelope).first(size);
    ASSERT_FALSE(parse_header(cut)) << size;
    ASSERT_FALSE(verifies(cut)) << size;
    ASSERT_FALSE(open(cut, bn)) << size;
  }
  for (std::size_t more : {1U, 16U, 64U, 1000U}) {
    Bytes longer = envelope;
    longer.resize(longer.size() + more);
    EXPECT_EQ(parse_header(longer).error().code, Code::kMalformed);
    EXPECT_FALSE(open(longer, bn));
  }
  EXPECT_EQ(parse_header(Bytes(limits::kEnvelopeBytesMax + 1)).error().code, Code::kTooLarge);
}

// Builds an envelope field by field as an attacker with some honest keys would.
struct Forge {
  Contents header;                    // what the outer layer says
  std::vector<Recipient> recipients;  // who gets wraps
  Bytes inner;
  crypto::SigningKey const* node = nullptr;

  Bytes make(Random& random) const {
    codec::Writer address;
    address.raw(as_bytes("AMIC")).u16(kVersion).u16(static_cast<std::uint16_t>(header.suite));
    address.raw(header.community.view()).raw(header.id.view()).str8(header.realm.str());
    address.u8(static_cast<std::uint8_t>(header.kind));
    address.u8(static_cast<std::uint8_t>(header.precedence));
    address.u64(header.epoch).str8(header.originator.str()).i64(header.created_ms);
    Bytes key(32);
    random.fill(key);
    std::map<KeyId, Bytes> wraps;
    for (Recipient const& recipient : recipients) {
      KeyId const id = key_id(header.community, recipient.key);
      auto const sealed = crypto::hpke_seal(recipient.key, internal::wrap_info(header.id, id),
                                            crypto::sha256(address.bytes()).view(), key, random);
      wraps[id] =
          codec::Writer().raw(id.view()).raw(sealed->enc.view()).raw(sealed->ciphertext).bytes();
    }
    codec::Writer out;
    out.raw(address.bytes()).u16(static_cast<std::uint16_t>(wraps.size() * internal::kWrapBytes));
    for (auto const& [id, bytes] : wraps) out.raw(bytes);
    Bytes const ciphertext = crypto::stream_seal(key, crypto::sha256(out.bytes()).view(), inner,
                                                 limits::kBodyChunkBytes);
    auto const signature = crypto::sign_in_domain(*node, internal::kOuterDomain,
                                                  internal::outer_message(out.bytes(), ciphertext));
    return out.vec32(ciphertext).raw(signature.view()).take();
  }
};

struct Forged : Tamper {
  Forge forge{contents, {my.recipient(), bn.recipient()}, inner_of(contents), &my.node};

  Bytes inner_of(Contents const& c) const {
    Bytes const statement = internal::encode_statement(c, crypto::sha256(c.body));
    return internal::encode_inner(
        statement, crypto::sign_in_domain(my.node, internal::kInnerDomain, statement), c.body);
  }
  // As inner_of, but the stored body is whatever is given.
  Bytes inner_with(internal::BodyEncoding encoding, std::size_t size, BytesView stored) const {
    Bytes const statement = internal::encode_statement(contents, crypto::sha256(contents.body));
    codec::Writer out;
    out.vec16(statement);
    out.raw(crypto::sign_in_domain(my.node, internal::kInnerDomain, statement).view());
    out.u8(static_cast<std::uint8_t>(encoding)).u32(static_cast<std::uint32_t>(size));
    return out.vec32(stored).take();
  }
  Error refusal() {
    Bytes const made = forge.make(random);
    EXPECT_TRUE(verify_outer(made, forge.node->verify_key()));
    auto const got = open(made, bn);
    return got ? Error{Code::kInternal, "accepted", ""} : got.error();
  }
};

TEST_F(Forged, TheForgeItselfIsRight) {
  EXPECT_EQ(refusal().where, "accepted");
}

// BN takes what MY sealed to it, keeps MY's signed inner bytes and seals them on to SG.
TEST_F(Forged, AResealToOthersIsSeenByThem) {
  forge.recipients = {my.recipient(), sg.recipient()};
  forge.node = &bn.node;
  Bytes const resealed = forge.make(random);
  EXPECT_FALSE(verifies(resealed));  // only MY's node signs for MY
  auto const got = open(resealed, sg);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Code::kNotRecipient);
  EXPECT_EQ(got.error().where, "envelope.recipients");
}

TEST_F(Forged, WrapsInOtherNumberThanRecipientsAreRefused) {
  forge.recipients.push_back(sg.recipient());
  EXPECT_EQ(refusal().where, "envelope.header");
  forge.recipients = {bn.recipient()};
  EXPECT_EQ(refusal().where, "envelope.header");
}

TEST_F(Forged, ASenderWhoIsNotTheOriginatorIsRefused) {
  forge.header.originator = sg.id;
  forge.node = &sg.node;
  EXPECT_EQ(refusal(),
            (Error{Code::kRejected, "envelope.header", "sender is not what was signed"}));
}

TEST_F(Forged, EveryFieldOfTheHeaderMustBeWhatWasSigned) {
  auto const with = [this](auto edit) {
    forge.header = contents;
    edit(forge.header);
    return refusal().text();
  };
  std::string const end = " is not what was signed";
  std::string const begin = "rejected at envelope.header: ";
  EXPECT_EQ(with([](Contents& c) { c.id.data[0] ^= 1; }), begin + "id" + end);
  EXPECT_EQ(with([](Contents& c) { c.community.data[0] ^= 1; }), begin + "community" + end);
  EXPECT_EQ(with([](Contents& c) { c.realm = Realm::parse("EXERCISE:A").value(); }),
            begin + "realm" + end);
  EXPECT_EQ(with([](Contents& c) { c.kind = Kind::kGovernance; }), begin + "kind" + end);
  EXPECT_EQ(with([](Contents& c) { c.precedence = Precedence::kFlash; }),
            begin + "precedence" + end);
  EXPECT_EQ(with([](Contents& c) { c.epoch += 1; }), begin + "epoch" + end);
  EXPECT_EQ(with([](Contents& c) { c.created_ms += 1; }), begin + "created" + end);
}

TEST_F(Forged, ASwappedHeaderIsRefused) {
  Contents other = contents;
  other.id.data.fill(0x2D);
  Bytes const second =
      envelope::seal(other, {my.recipient(), bn.recipient()}, my.node, my.node, random).value();
  auto const first = internal::parse(envelope).value();
  auto const parsed = internal::parse(second).value();
  Bytes const message = internal::outer_message(first.header_bytes, parsed.ciphertext);
  codec::Writer swapped;
  swapped.raw(first.header_bytes).vec32(parsed.ciphertext);
  swapped.raw(crypto::sign_in_domain(my.node, internal::kOuterDomain, message).view());
  ASSERT_TRUE(verifies(swapped.bytes()));
  EXPECT_EQ(open(swapped.bytes(), bn).error().where, "envelope.body");
}

TEST_F(Forged, AStatementOutsideItsLimitsIsRefusedThoughSigned) {
  auto const with = [this](auto edit) {
    Contents changed = contents;
    edit(changed);
    forge.inner = inner_of(changed);
    return refusal().where;
  };
  EXPECT_EQ(with([&](Contents& c) { c.recipients = {sg.id, bn.id}; }), "envelope.recipients");
  EXPECT_EQ(with([&](Contents& c) { c.recipients = {bn.id, my.id}; }), "envelope.recipients");
  EXPECT_EQ(with([&](Contents& c) { c.lineage = {Hash{}, Hash{}}; }), "envelope.lineage");
  EXPECT_EQ(with([&](Contents& c) { c.media_type = ""; }), "envelope.media_type");
  EXPECT_EQ(with([&](Contents& c) { c.created_ms = -5; }), "envelope.created_ms");
  EXPECT_EQ(with([&](Contents& c) { c.suite = static_cast<Suite>(9); }), "envelope.suite");
  EXPECT_EQ(
      with([&](Contents& c) { c.marking = Bytes(limits::kMarkingBytesMax + 1); }).substr(0, 18),
      "envelope.statement");
}

TEST_F(Forged, ABodyOtherThanTheSignedOneIsRefused) {
  using internal::BodyEncoding;
  Bytes const body = contents.body;
  forge.inner = inner_with(BodyEncoding::kPlain, body.size(), Bytes(body.size(), 'x'));
  EXPECT_EQ(refusal(), (Error{Code::kRejected, "envelope.body", "not the body that was signed"}));
  forge.inner = inner_with(BodyEncoding::kPlain, body.size() + 1, body);
  EXPECT_EQ(refusal().where, "envelope.body");
  forge.inner = inner_with(BodyEncoding::kZstd, body.size(), body);
  EXPECT_EQ(refusal().where, "envelope.body");
  forge.inner = inner_with(BodyEncoding::kZstd, 1000, body);
  EXPECT_EQ(refusal().code, Code::kMalformed);
  forge.inner = inner_with(BodyEncoding::kZstdStix1, 1000, body);
  EXPECT_EQ(refusal().code, Code::kMalformed);
  // A frame made without the dictionary names no dictionary: it opens, and is another body.
  forge.inner = inner_with(BodyEncoding::kZstdStix1, 1000, compress::compress(Bytes(1000, 'x')));
  EXPECT_EQ(refusal(), (Error{Code::kRejected, "envelope.body", "not the body that was signed"}));
  forge.inner = inner_with(static_cast<BodyEncoding>(3), body.size(), body);
  EXPECT_EQ(refusal().code, Code::kOutOfRange);
  forge.inner = inner_of(contents);
  forge.inner.push_back(0);
  EXPECT_EQ(refusal().code, Code::kMalformed);
  forge.inner.resize(forge.inner.size() - 2);
  EXPECT_EQ(refusal().code, Code::kMalformed);
}

TEST_F(Forged, ADecompressionBombIsRefused) {
  Bytes const bomb = compress::compress(Bytes(limits::kBodyBytesMax + 1));
  ASSERT_LT(bomb.size(), 10'000U);
  using internal::BodyEncoding;
  forge.inner = inner_with(BodyEncoding::kZstd, limits::kBodyBytesMax + 1, bomb);
  EXPECT_EQ(refusal(), (Error{Code::kTooLarge, "envelope.body", ""}));
  forge.inner = inner_with(BodyEncoding::kZstdStix1, limits::kBodyBytesMax, bomb);
  EXPECT_EQ(refusal().code, Code::kTooLarge);
  // The frame holds more than the size beside it says.
  forge.inner = inner_with(BodyEncoding::kZstd, limits::kBodyBytesMax, bomb);
  EXPECT_EQ(refusal().code, Code::kTooLarge);
  EXPECT_EQ(refusal().where, "envelope.body");
}

TEST_F(Forged, WrapsMustBeAscending) {
  auto const outer = internal::parse(envelope).value();
  Bytes bad = envelope;
  std::size_t const first = outer.address.size() + 2;
  std::rotate(bad.begin() + static_cast<long>(first),
              bad.begin() + static_cast<long>(first + internal::kWrapBytes),
              bad.begin() + static_cast<long>(first + 2 * internal::kWrapBytes));
  EXPECT_EQ(parse_header(bad).error().detail, "wraps are not strictly ascending by key id");
  // The same wrap twice.
  std::copy_n(bad.begin() + static_cast<long>(first), internal::kWrapBytes,
              bad.begin() + static_cast<long>(first + internal::kWrapBytes));
  EXPECT_EQ(parse_header(bad).error().detail, "wraps are not strictly ascending by key id");
}

TEST_F(Forged, UnknownVersionsSuitesKindsAndLanesAreNamed) {
  auto const with = [this](std::size_t at, std::uint8_t value) {
    Bytes bad = envelope;
    bad[at] = value;
    return parse_header(bad).error();
  };
  std::size_t const kind = 4 + 2 + 2 + 32 + 16 + 1 + 10;
  EXPECT_EQ(with(0, 'B').detail, "magic");
  EXPECT_EQ(with(5, 2).detail, "version");
  EXPECT_EQ(with(5, 2).code, Code::kUnsupported);
  EXPECT_EQ(with(7, 3).detail, "suite");
  EXPECT_EQ(with(7, 3).code, Code::kUnsupported);
  EXPECT_EQ(with(kind, 0).detail, "kind");
  EXPECT_EQ(with(kind, 99).detail, "kind");
  EXPECT_EQ(with(kind + 1, 4).detail, "precedence");
  EXPECT_EQ(with(kind - 1, 'z').detail, "realm");
}

// ---- Golden bytes ----------------------------------------------------------------------------

std::string const kGoldenFile = std::string(AMIC_SOURCE_DIR) + "/tests/compat/envelope/v1.hex";

// A body that needs the dictionary; in a file of its own, since golden files are never edited.
std::string const kDictionaryGoldenFile =
    std::string(AMIC_SOURCE_DIR) + "/tests/compat/envelope/v1_stix_dictionary_1.hex";

std::map<std::string, Bytes> golden(std::string const& path = kGoldenFile) {
  std::ifstream in(path);
  std::map<std::string, Bytes> out;
  for (std::string line; std::getline(in, line);) {
    auto const colon = line.find(": ");
    if (line.empty() || line[0] == '#' || colon == std::string::npos) continue;
    out[line.substr(0, colon)] = codec::from_hex(line.substr(colon + 2)).value();
  }
  return out;
}

// Exactly what docs/formats/envelope.md works through.
Contents golden_contents(bool compressed) {
  Contents out;
  for (unsigned i = 0; i < 32; ++i) out.community.data[i] = static_cast<std::uint8_t>(i);
  for (unsigned i = 0; i < 16; ++i) out.id.data[i] = static_cast<std::uint8_t>(0xA0 + i);
  out.precedence = Precedence::kFlash;
  out.epoch = 1;
  out.originator = testing::id("MY");
  out.created_ms = 1'795'000'000'000;
  out.recipients = {testing::id("BN")};
  out.marking = codec::from_hex(
                    "010a4f5045524154494f4e53010200000001"
                    "02424e000000000000"
                    "00")
                    .value();
  out.media_type = "text/plain";
  out.body = to_bytes("Two skiffs, one mother ship, 0412N 09915E.");
  if (compressed) {
    out.kind = Kind::kAnnotation;
    out.lineage = {Hash{}};
    out.body = Bytes(1000, 'a');
  }
  return out;
}

TEST(EnvelopeCompat, TheGoldenEnvelopesOfVersion1OpenForEver) {
  auto const file = golden();
  ASSERT_TRUE(file.contains("envelope"));
  auto const node = crypto::SigningKey::from_seed(file.at("my_node_seed")).value();
  auto const my = crypto::SealKey::from_secret(file.at("my_seal_secret")).value();
  auto const bn = crypto::SealKey::from_secret(file.at("bn_seal_secret")).value();
  for (auto const& [name, compressed] : {std::pair{"envelope", false}, {"compressed", true}}) {
    Bytes const& bytes = file.at(name);
    EXPECT_TRUE(verify_outer(bytes, node.verify_key())) << name;
    Contents const expected = golden_contents(compressed);
    EXPECT_EQ(open(bytes, testing::id("MY"), my, node.verify_key()).value(), expected) << name;
    EXPECT_EQ(open(bytes, testing::id("BN"), bn, node.verify_key()).value(), expected) << name;
  }
  EXPECT_EQ(codec::to_hex(digest(file.at("envelope")).view()),
            codec::to_hex(file.at("envelope_sha256")));
}

Contents dictionary_contents() {
  Contents out = golden_contents(false);
  out.media_type = "application/stix+json;version=2.1";
  out.body = to_bytes(
      R"({"type":"bundle","id":"bundle--7d2f3f0e-51f4-4a54-9d0c-3d1a5f2b9c11","objects":[)"
      R"({"type":"indicator","spec_version":"2.1","id":"indicator--0b4a1f5e-6e0f-4f0e-8a3b-2f3f3d9b8a77",)"
      R"("created":"2026-11-24T03:00:00.000Z","modified":"2026-11-24T03:00:00.000Z","pattern_type":"stix",)"
      R"("pattern":"[domain-name:value = 'a.example']","valid_from":"2026-11-24T03:00:00Z"}]})");
  return out;
}

TEST(EnvelopeCompat, TheGoldenEnvelopeWithTheDictionaryOpensForEver) {
  auto const file = golden(kDictionaryGoldenFile);
  ASSERT_TRUE(file.contains("envelope"));
  auto const node = crypto::SigningKey::from_seed(file.at("my_node_seed")).value();
  auto const bn = crypto::SealKey::from_secret(file.at("bn_seal_secret")).value();
  EXPECT_EQ(open(file.at("envelope"), testing::id("BN"), bn, node.verify_key()).value(),
            dictionary_contents());
  auto const inner = internal::decode_inner(file.at("inner"));
  ASSERT_TRUE(inner);
  EXPECT_EQ(inner->encoding, internal::BodyEncoding::kZstdStix1);
  EXPECT_LT(2 * inner->body.size(), inner->body_size);
}

// Writes the golden file and the fuzz corpus. By hand, once a version:
// test_envelope --gtest_also_run_disabled_tests --gtest_filter='*WriteGolden'
TEST(EnvelopeCompat, DISABLED_WriteGolden) {
  SeededRandom random(1);
  auto const node = crypto::SigningKey::from_seed(Bytes(32, 1)).value();
  auto const my = crypto::SealKey::from_secret(Bytes(32, 2)).value();
  auto const bn = crypto::SealKey::from_secret(Bytes(32, 3)).value();
  std::ofstream out(kGoldenFile);
  out << "# Envelope, version 1, suite 1 (docs/formats/envelope.md). Never edited.\n";
  auto const line = [&out](std::string_view name, BytesView bytes) {
    out << name << ": " << codec::to_hex(bytes) << '\n';
  };
  line("my_node_seed", node.seed());
  line("my_seal_secret", my.secret());
  line("bn_seal_secret", bn.secret());
  std::string const corpus = std::string(AMIC_SOURCE_DIR) + "/tests/fuzz/corpus/envelope/";
  for (bool const compressed : {false, true}) {
    std::string const name = compressed ? "compressed" : "envelope";
    Contents const contents = golden_contents(compressed);
    std::vector<Recipient> const to = {{testing::id("MY"), my.public_key()},
                                       {testing::id("BN"), bn.public_key()}};
    Bytes const bytes = seal(contents, to, node, node, random).value();
    line(name, bytes);
    if (!compressed) line("envelope_sha256", digest(bytes).view());
    Bytes const statement = internal::encode_statement(contents, crypto::sha256(contents.body));
    Bytes const inner = internal::encode_inner(
        statement, crypto::sign_in_domain(node, internal::kInnerDomain, statement), contents.body);
    std::ofstream(corpus + name) << as_text(bytes);
    std::ofstream(corpus + name + "_inner") << as_text(inner);
  }
}

}  // namespace
}  // namespace amic::envelope
