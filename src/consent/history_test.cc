// History, offline: from the launch to the head in force; instruments over time.
#include "consent/history.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "consent/instrument.h"
#include "consent/ledger_testing.h"

namespace amic::consent {
namespace {

using testing::id_of;
using testing::World;

World three_decisions() {
  World w;
  w.decide(w.announcement(0, "one"));
  w.decide(w.motion(1, Amend{{{InstrumentKind::kTor, 2, "Terms", w.now + 5000,
                               "# Terms\n\n## Article 1\n\nA.\n"}}}),
           1);
  w.decide(w.motion(2, Chair{id_of("BB"), {}, {id_of("BB"), id_of("CC"), id_of("AA")}}), 2);
  return w;
}

TEST(History, VerifiesFromTheLaunchToNowWithNothingElse) {
  World const w = three_decisions();
  for (unsigned const threads : {1U, 3U}) {
    auto const history = verify_history(w.transcript, w.decisions, threads).value();
    EXPECT_EQ(history.now.head, w.head());
    EXPECT_EQ(history.now.head_digest, w.head_hash());
    EXPECT_EQ(history.now.texts, w.ledgers[0].community().texts);
    EXPECT_EQ(history.now.id, w.ledgers[0].community().id);
    ASSERT_EQ(history.chapters.size(), 3U);
    EXPECT_EQ(history.chapters[1].kind, MotionKind::kAmend);
    EXPECT_EQ(history.chapters[2].proposer, id_of("CC"));
  }
}

TEST(History, WhatIsWrongIsNamedByEpochAndRule) {
  World const w = three_decisions();
  auto const with = [&](std::size_t at, auto edit) {
    auto decisions = w.decisions;
    Decision decision = decode_decision(decisions[at]).value();
    edit(decision);
    decisions[at] = encode(decision);
    return verify_history(w.transcript, decisions, 2).error();
  };
  auto const missing = with(1, [](Decision& d) { d.certificate.adoptions.pop_back(); });
  EXPECT_EQ(missing.where, "epoch 1, consent.R5.certificate") << missing.text();
  auto const forged =
      with(2, [](Decision& d) { d.certificate.adoptions[0].signature.data[3] ^= 1; });
  EXPECT_EQ(forged.where, "epoch 2, consent.R5.certificate");
  EXPECT_EQ(forged.code, Code::kBadSignature);
  EXPECT_NE(forged.detail.find("adoption of AA"), std::string::npos);
  // A position that was changed afterwards is not the one that was adopted with.
  auto const changed = with(0, [](Decision& d) {
    Statement& s = d.certificate.responses[1];
    auto response = std::get<Response>(body_of(s).value());
    response.position = Position::kNoObjection;
    s.body = encode_body(response);
    s.body_sha256 = crypto::sha256(s.body);
  });
  EXPECT_EQ(changed.where, "epoch 0, consent.R5.certificate") << changed.text();
  auto dropped = w.decisions;
  dropped.erase(dropped.begin());
  EXPECT_EQ(verify_history(w.transcript, dropped, 1).error().where, "epoch 0, consent.R1.own_head");
  auto cut = w.decisions;
  cut[1].resize(cut[1].size() / 2);
  EXPECT_EQ(verify_history(w.transcript, cut, 1).error().where.substr(0, 9), "epoch 1, ");
  // The earliest is named, though another one is found first.
  auto both = w.decisions;
  Decision early = decode_decision(both[0]).value();
  early.motion.signature.data[0] ^= 1;
  both[0] = encode(early);
  both[2].resize(7);
  EXPECT_EQ(verify_history(w.transcript, both, 2).error().where, "epoch 0, consent.R5.certificate");
}

TEST(History, EveryFlippedByteOfADecisionIsRefused) {
  World w;
  w.decide(w.announcement(0, "one"));
  Community const genesis = community_of(w.transcript).value();
  auto const good = [&](Bytes const& bytes) {
    auto const decision = decode_decision(bytes);
    return decision && verify_decision(*decision, genesis.id, genesis.head);
  };
  ASSERT_TRUE(good(w.decisions[0]));
  for (std::size_t i = 0; i < w.decisions[0].size(); ++i) {
    Bytes bad = w.decisions[0];
    bad[i] ^= 0x40;
    ASSERT_FALSE(good(bad)) << i;
  }
}

TEST(History, OneMemberLessIsNoUnanimity) {
  World w;
  Hash const id = w.propose(0, w.announcement(0, "one"));
  for (std::size_t i = 0; i < 3; ++i) ASSERT_TRUE(w.respond(i, id));
  for (std::size_t i = 0; i < 3; ++i) ASSERT_TRUE(w.adopt(i, id));
  Decision const good = w.ledgers[0].certificate(id).value();
  Head const& head = w.head();
  CommunityId const& community = w.ledgers[0].community().id;
  ASSERT_TRUE(verify_decision(good, community, head));
  for (std::size_t i = 0; i < 3; ++i) {
    Decision less = good;
    less.certificate.responses.erase(less.certificate.responses.begin() + static_cast<long>(i));
    EXPECT_EQ(rule_of(verify_decision(less, community, head).error()), "R5");
    Decision twice = good;
    twice.certificate.adoptions[i] = good.certificate.adoptions[(i + 1) % 3];
    EXPECT_EQ(rule_of(verify_decision(twice, community, head).error()), "R5");
    twice.certificate.responses[i] = good.certificate.responses[(i + 1) % 3];
    EXPECT_EQ(rule_of(verify_decision(twice, community, head).error()), "R5");
  }
}

TEST(History, TwoNodesCompare) {
  std::vector<Hash> const ours{Hash{{1}}, Hash{{2}}, Hash{{3}}};
  std::vector<Hash> theirs = ours;
  theirs.pop_back();
  EXPECT_FALSE(first_difference(ours, theirs));
  theirs[1] = Hash{{9}};
  EXPECT_EQ(first_difference(ours, theirs), 1U);
}

TEST(Instruments, RecordOfChangesAndWhatWasInForceWhen) {
  World const w = three_decisions();
  auto const history = verify_history(w.transcript, w.decisions, 1).value();
  auto const record = record_of_changes(w.transcript, history, InstrumentKind::kTor);
  ASSERT_EQ(record.size(), 2U);
  EXPECT_EQ(record[0].epoch, 0U);
  EXPECT_EQ(record[1].epoch, 2U);
  EXPECT_EQ(record[1].version, 2U);
  EXPECT_EQ(record[1].proposer, id_of("BB"));
  EXPECT_GT(record[1].effective_ms, record[1].adopted_ms);
  EXPECT_EQ(in_force(record, record[0].effective_ms - 1), nullptr);
  EXPECT_EQ(in_force(record, record[1].adopted_ms)->version, 1U);
  EXPECT_EQ(in_force(record, record[1].effective_ms)->version, 2U);
}

TEST(Instruments, DiffByArticles) {
  auto const diff =
      diff_articles("# T\n\n## 1\nA\n## 2\nB\n## 3\nC\n", "# T\n\n## 1\nA\n## 3\nX\n## 4\nD\n");
  ASSERT_EQ(diff.size(), 3U);
  EXPECT_EQ(diff[0], (ArticleDiff{ArticleChange::kRemoved, "2", "B\n", ""}));
  EXPECT_EQ(diff[1], (ArticleDiff{ArticleChange::kChanged, "3", "C\n", "X\n"}));
  EXPECT_EQ(diff[2], (ArticleDiff{ArticleChange::kAdded, "4", "", "D\n"}));
  EXPECT_TRUE(diff_articles("same\n", "same\n").empty());
  // The blank line before an article that is put at the end is no change of the one before it.
  auto const appended = diff_articles("## 1\nA\n", "## 1\nA\n\n## 2\nB\n");
  ASSERT_EQ(appended.size(), 1U);
  EXPECT_EQ(appended[0].change, ArticleChange::kAdded);
}

// Not a bound: prints what verifying costs here. AMIC_CONSENT_DECISIONS sets how many.
TEST(History, MeasureVerifying) {
  char const* wanted = std::getenv("AMIC_CONSENT_DECISIONS");
  std::size_t const count = wanted == nullptr ? 20 : static_cast<std::size_t>(std::atoi(wanted));
  World w({"AA", "BB", "CC", "DD", "EE", "FF", "GG", "HH", "II", "JJ", "KK"});
  for (std::size_t i = 0; i < count; ++i) {
    // The same statements as a ledger would make, without eleven ledgers that check them.
    Head const& head = w.head();
    Motion const motion = w.announcement(0, std::to_string(i));
    Head const next = apply(head, motion).value();
    Hash const id = motion_id(motion), next_digest = head_digest(encode(next));
    Decision decision;
    decision.motion = testing::forge(w.founders[0], w.ledgers[0], motion, 2);
    for (auto const& founder : w.founders) {
      decision.certificate.responses.push_back(
          testing::forge(founder, w.ledgers[0],
                         Response{id, 0, next_digest, Position::kAgree, {}, {}, {}, {}}, 3));
      Hash const response = statement_digest(decision.certificate.responses.back());
      decision.certificate.adoptions.push_back(
          testing::forge(founder, w.ledgers[0], Adoption{id, 0, next_digest, response}, 4));
    }
    w.decisions.push_back(encode(decision));
    Community community = w.ledgers[0].community();
    community.head = next;
    community.head_digest = next_digest;
    w.ledgers[0] = Ledger(community, id_of("AA"));
  }
  std::size_t bytes = 0;
  for (auto const& one : w.decisions) bytes += one.size();
  for (unsigned const threads : {1U, 2U}) {
    auto const begin = std::chrono::steady_clock::now();
    std::clock_t const cpu = std::clock();
    ASSERT_TRUE(verify_history(w.transcript, w.decisions, threads));
    auto const took = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin);
    std::printf("%zu decisions of 11 members, %zu bytes, %u threads: %.3f s, %.3f s of CPU\n",
                count, bytes, threads, took.count(),
                static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC);
  }
}

}  // namespace
}  // namespace amic::consent
