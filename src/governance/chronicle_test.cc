// The history as a file and as a peer's answer: golden bytes, and nothing that was altered passes.
#include "governance/chronicle.h"

#include <gtest/gtest.h>

#include "codec/testing.h"
#include "consent/ledger_testing.h"
#include "governance/delegation.h"

namespace amic::governance {
namespace {

using consent::testing::World;

HistoryFile two_decisions() {
  World w({"AA", "BB"});
  w.decide(w.announcement(0, "one"));
  w.decide(
      w.motion(1, consent::Chair{consent::testing::id_of("BB"),
                                 {},
                                 {consent::testing::id_of("BB"), consent::testing::id_of("AA")}}),
      1);
  HistoryFile out{w.transcript, w.decisions, std::nullopt};
  auto const next = w.announcement(0, "three");
  out.motion = w.say(0, next).value();
  return out;
}

TEST(Chronicle, TheFileHasTheseBytesForEver) {
  using codec::testing::golden_text;
  using codec::testing::hex_lines;
  auto const file = two_decisions();
  auto const history = hex_lines(encode(file));
  EXPECT_EQ(history, golden_text("consent/history-v1.hex", history));
  auto const decisions = hex_lines(encode_decisions(file.decisions));
  EXPECT_EQ(decisions, golden_text("consent/decisions-v1.hex", decisions));
}

TEST(Chronicle, ReadsWhatItWrites) {
  auto const file = two_decisions();
  auto const again = history_file_from_text(to_text(file)).value();
  EXPECT_EQ(again.decisions, file.decisions);
  EXPECT_EQ(again.motion, file.motion);
  EXPECT_EQ(consent::encode(again.transcript), consent::encode(file.transcript));
  auto const chronicle = chronicle_of(again.transcript, again.decisions).value();
  EXPECT_EQ(chronicle.history.chapters.size(), 2U);
  for (std::uint64_t epoch = 0; epoch <= 2; ++epoch) {
    auto const* const at = chronicle.heads->at(epoch);
    ASSERT_NE(at, nullptr);
    EXPECT_EQ(at->community.head.epoch, epoch);
    EXPECT_EQ(at->community.head_digest, consent::head_digest(consent::encode(at->community.head)));
  }
  EXPECT_EQ(chronicle.heads->at(3), nullptr);
  EXPECT_EQ(chronicle.heads->current().community.head.chair.str(), "BB");
}

TEST(Chronicle, NothingThatIsCutOrAlteredPasses) {
  auto const file = two_decisions();
  auto const bytes = encode(file);
  for (std::size_t size = 0; size < bytes.size(); size += 41)
    EXPECT_FALSE(decode_history_file(BytesView(bytes).first(size))) << size;
  auto more = bytes;
  more.push_back(0);
  EXPECT_FALSE(decode_history_file(more));
  std::size_t verified = 0;
  for (std::size_t at = 0; at < bytes.size(); at += 29) {
    auto altered = bytes;
    altered[at] ^= 0x20;
    auto const decoded = decode_history_file(altered);
    if (!decoded) continue;
    // The motion at the end is verified by whoever signs it; all else by the history.
    if (decoded->transcript.draft.head_bytes == file.transcript.draft.head_bytes &&
        decoded->decisions == file.decisions)
      continue;
    verified += chronicle_of(decoded->transcript, decoded->decisions) ? 1 : 0;
  }
  EXPECT_EQ(verified, 0U);
  auto const decisions = encode_decisions(file.decisions);
  for (std::size_t size = 0; size < decisions.size(); size += 17)
    EXPECT_FALSE(decode_decisions(BytesView(decisions).first(size))) << size;
}

TEST(Chronicle, OneDecisionLessIsFoundAtItsEpoch) {
  auto file = two_decisions();
  file.decisions.erase(file.decisions.begin());
  auto const lost = chronicle_of(file.transcript, file.decisions);
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().where.substr(0, 7), "epoch 0") << lost.error().text();
}

}  // namespace
}  // namespace amic::governance
