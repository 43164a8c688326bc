#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/limits.h"
#include "codec/codec.h"
#include "codec/testing.h"
#include "consent/head.h"
#include "consent/testing.h"

namespace amic::consent {
namespace {

using codec::testing::golden_text;
using codec::testing::hex_lines;
using testing::make_founder;
using testing::make_founders;
using testing::make_head;
using testing::press_all;
using testing::sample_texts;

MemberId id(std::string_view text) {
  return MemberId::parse(text).value();
}

class Launch : public ::testing::Test {
 protected:
  SeededRandom random{11};
  std::vector<testing::Founder> founders = make_founders({"BN", "MY", "SG", "VN"}, random);
  Draft draft = make_draft(make_head(founders), sample_texts()).value();
  std::vector<Press> presses = press_all(founders, draft);

  Error refused(std::vector<Press> given) {
    auto const result = launch(draft, std::move(given));
    EXPECT_FALSE(result);
    return result ? Error{} : result.error();
  }
};

TEST_F(Launch, NeedsEveryPressInWhateverOrder) {
  std::vector<Press> shuffled(presses.rbegin(), presses.rend());
  Transcript const done = launch(draft, shuffled).value();
  EXPECT_EQ(done.presses, presses);
  Community const community = community_of(done).value();
  EXPECT_EQ(community.id, community_id(draft.head_bytes));
  EXPECT_EQ(community.head.members.size(), 4U);
  EXPECT_EQ(community.texts, sample_texts());
}

TEST_F(Launch, NamesTheMissing) {
  EXPECT_EQ(refused({presses[1], presses[2]}),
            (Error{Code::kMissingPress, "BN,VN", "has not pressed: BN,VN"}));
  EXPECT_EQ(refused({}).where, "BN,MY,SG,VN");
}

TEST_F(Launch, NamesTheDoubled) {
  auto given = presses;
  given.push_back(presses[2]);
  given.push_back(press(draft.head_bytes, id("BN"), 5, founders[0].governance));
  EXPECT_EQ(refused(given), (Error{Code::kDoublePress, "BN,SG", "pressed more than once: BN,SG"}));
}

TEST_F(Launch, NamesTheForeign) {
  auto given = presses;
  auto const stranger = make_founder("XX", 9, random);
  given.push_back(press(draft.head_bytes, id("XX"), 5, stranger.governance));
  EXPECT_EQ(refused(given), (Error{Code::kForeignPress, "XX", "not a founder: XX"}));
}

TEST_F(Launch, NamesTheAltered) {
  Head other = make_head(founders);
  other.community_name = "Another Community";
  auto given = presses;
  given[1] = press(encode(other), id("MY"), 5, founders[1].governance);  // another draft
  given[2] = press(draft.head_bytes, id("SG"), 5, founders[2].node);     // another key
  given[3].pressed_ms += 1;                                              // another time
  auto const error = refused(given);
  EXPECT_EQ(error.code, Code::kAlteredPress);
  EXPECT_EQ(error.where, "MY,SG,VN");
}

TEST_F(Launch, APressCannotBeLentToAnotherMember) {
  auto given = presses;
  given[1].member = id("SG");
  auto const error = refused(given);
  EXPECT_EQ(error.code, Code::kAlteredPress);
  EXPECT_EQ(error.where, "MY,SG");  // SG altered and doubled, MY missing
}

TEST_F(Launch, NamesEveryKindAtOnceInAFixedOrder) {
  auto const stranger = make_founder("XX", 9, random);
  std::vector<Press> given = {press(draft.head_bytes, id("XX"), 5, stranger.governance), presses[2],
                              presses[2], presses[1]};
  given[3].signature.data[0] ^= 1;
  auto const error = refused(given);
  EXPECT_EQ(error.code, Code::kAlteredPress);
  EXPECT_EQ(error.where, "BN,MY,SG,VN,XX");
  EXPECT_EQ(error.detail,
            "altered, or made over another draft: MY; not a founder: XX; "
            "pressed more than once: SG; has not pressed: BN,VN");
  Head const head = make_head(founders);
  std::vector<PressFault> const expected = {{Code::kAlteredPress, id("MY")},
                                            {Code::kForeignPress, id("XX")},
                                            {Code::kDoublePress, id("SG")},
                                            {Code::kMissingPress, id("BN")},
                                            {Code::kMissingPress, id("VN")}};
  EXPECT_EQ(press_faults(head, head_digest(draft.head_bytes), given), expected);
}

TEST_F(Launch, RefusesAFloodOfPressesUnread) {
  EXPECT_EQ(refused(std::vector<Press>(1000, presses[0])).code, Code::kTooLarge);
}

TEST_F(Launch, PressesSurviveEncodingAndArmorAndNoAlteredByteCounts) {
  for (auto const& one : presses) {
    EXPECT_EQ(decode_press(encode(one)).value(), one);
    EXPECT_EQ(press_from_text(to_text(one)).value(), one);
  }
  Bytes const good = encode(presses[0]);
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] ^= 1;
    auto const decoded = decode_press(bad);
    if (!decoded) continue;
    auto given = presses;
    given[0] = *decoded;
    EXPECT_FALSE(launch(draft, given)) << "byte " << i;
  }
}

TEST_F(Launch, DraftsSurviveArmorAndTextsMustMatch) {
  Draft const back = draft_from_text(to_text(draft)).value();
  EXPECT_EQ(back.head_bytes, draft.head_bytes);
  EXPECT_EQ(back.texts, draft.texts);
  Draft altered = draft;
  altered.texts[InstrumentKind::kTor] += " ";
  EXPECT_EQ(decode_draft(encode(altered)).error().code, Code::kConflict);
  EXPECT_EQ(decode_draft(encode(altered)).error().where, "draft.texts.TOR");
  EXPECT_FALSE(launch(altered, presses));
}

TEST_F(Launch, DraftRefusesMissingForeignAndUnsafeTexts) {
  Head const head = make_head(founders);
  auto texts = sample_texts();
  texts.erase(InstrumentKind::kSop);
  EXPECT_EQ(make_draft(head, texts).error().code, Code::kMissingField);
  texts = sample_texts();
  texts[InstrumentKind::kConcept] = "# Concept\n";
  EXPECT_EQ(make_draft(head, texts).error().code, Code::kUnknownField);
  for (auto const* bad : {"a\r\n", "line\nx\x1b[2K", "a\u202E", ""}) {
    texts = sample_texts();
    texts[InstrumentKind::kTor] = bad;
    EXPECT_EQ(make_draft(make_head(founders, texts), texts).error().code, Code::kMalformed);
  }
  texts[InstrumentKind::kTor] = "one\ntwo\rthree";
  EXPECT_EQ(make_draft(make_head(founders, texts), texts).error().where, "draft.texts.TOR, line 2");
  texts[InstrumentKind::kTor].assign(limits::kInstrumentTextBytesMax + 1, 'x');
  EXPECT_EQ(make_draft(make_head(founders, texts), texts).error().code, Code::kTooLarge);
}

TEST_F(Launch, ADraftIsAGenesis) {
  Head later = make_head(founders);
  later.epoch = 1;
  later.previous.data[0] = 1;
  EXPECT_EQ(make_draft(later, sample_texts()).error().where, "draft.head.epoch");
  EXPECT_FALSE(decode_draft(encode(Draft{encode(later), sample_texts()})));
}

TEST_F(Launch, ShowTellsPeopleEverythingThatTheySign) {
  std::string const shown = show(draft);
  std::size_t at = 0;  // in chair order
  for (auto const& founder : founders) {
    auto const found = shown.find(spaced_hex(fingerprint(founder.card).view()), at);
    ASSERT_NE(found, std::string::npos);
    at = found;
  }
  for (auto const* text : {"Sample Community", "Article 1. Purpose", "Article 1. Markings",
                           "https://127.0.0.1:7401", "Suites:    1"})
    EXPECT_NE(shown.find(text), std::string::npos) << text << "\n" << shown;
  EXPECT_NE(shown.find(spaced_hex(head_digest(draft.head_bytes).view())), std::string::npos);
  for (auto const& [kind, text] : draft.texts)
    EXPECT_NE(shown.find(spaced_hex(crypto::sha256(as_bytes(text)).view())), std::string::npos);
}

TEST(Transcript, EveryAlteredByteIsRejected) {
  SeededRandom random(5);
  auto const founders = make_founders({"BN", "MY"}, random);
  Transcript const transcript = testing::make_transcript(founders);
  Bytes const good = encode(transcript);
  ASSERT_TRUE(decode_transcript(good));
  for (std::size_t i = 0; i < good.size(); ++i)
    for (std::uint8_t const flip : {0x01, 0x20, 0x80, 0xFF}) {
      Bytes bad = good;
      bad[i] ^= flip;
      ASSERT_FALSE(decode_transcript(bad)) << "byte " << i << " flipped by " << int{flip};
    }
  for (std::size_t size = 0; size < good.size(); ++size)
    ASSERT_FALSE(decode_transcript(BytesView{good}.first(size))) << size;
}

TEST(Transcript, OnlyTheSortedOrderOfPressesIsCanonical) {
  SeededRandom random(5);
  Transcript transcript = testing::make_transcript(make_founders({"BN", "MY", "SG"}, random));
  EXPECT_EQ(encode(transcript_from_text(to_text(transcript)).value()), encode(transcript));
  std::swap(transcript.presses[0], transcript.presses[1]);
  EXPECT_EQ(decode_transcript(encode(transcript)).error().code, Code::kMalformed);
  std::swap(transcript.presses[0], transcript.presses[1]);
  transcript.presses.erase(transcript.presses.begin() + 1);
  EXPECT_EQ(decode_transcript(encode(transcript)).error().code, Code::kMissingPress);
  EXPECT_EQ(community_of(transcript).error().where, "MY");
}

RC_GTEST_PROP(TranscriptProperty, NoOtherBytesDecode, ()) {
  SeededRandom random(5);
  Bytes bytes = encode(testing::make_transcript(make_founders({"BN", "MY"}, random)));
  auto const edits = *rc::gen::inRange(1, 6);
  for (int i = 0; i < edits; ++i)
    bytes[*rc::gen::inRange<std::size_t>(0, bytes.size())] = *rc::gen::arbitrary<std::uint8_t>();
  auto const back = decode_transcript(bytes);
  if (back) RC_ASSERT(encode(*back) == bytes);
}

// Golden bytes: once published they must decode for ever and encode to themselves.
TEST(Golden, CardHeadAndTranscriptOfVersion1) {
  SeededRandom random(2024);
  auto const founders = make_founders({"AA", "BB", "CC"}, random);
  Transcript const transcript = testing::make_transcript(founders);
  Bytes const head = transcript.draft.head_bytes;
  EXPECT_EQ(golden_text("card/v1.hex", hex_lines(encode(founders[0].card))),
            hex_lines(encode(founders[0].card)));
  EXPECT_EQ(golden_text("card/v1.txt", to_text(founders[0].card)), to_text(founders[0].card));
  EXPECT_EQ(golden_text("head/v1.hex", hex_lines(head)), hex_lines(head));
  EXPECT_EQ(golden_text("transcript/v1.hex", hex_lines(encode(transcript))),
            hex_lines(encode(transcript)));
  std::string const text = golden_text("transcript/v1.txt", to_text(transcript));
  EXPECT_EQ(encode(transcript_from_text(text).value()), encode(transcript));
  EXPECT_EQ(codec::to_hex(community_of(*transcript_from_text(text))->id.view()) + "\n",
            golden_text("transcript/v1.community-id.txt",
                        codec::to_hex(community_id(head).view()) + "\n"));
}

}  // namespace
}  // namespace amic::consent
