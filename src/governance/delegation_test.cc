// A community whose delegations talk over the exchange: motions, decisions, who was away, who was
// killed, who joins. docs/consent.md.
#include "governance/delegation.h"

#include <gtest/gtest.h>

#include "consent/ledger_testing.h"
#include "exchange/testing.h"

namespace amic::governance {
namespace {

using consent::Position;
using consent::testing::Founder;
using exchange::testing::must;
using exchange::testing::TemporaryDirectory;

// One member's node without a network. Everything but the directory goes with a kill.
struct Seat {
  Founder keys;
  consent::Transcript transcript;
  std::filesystem::path directory;
  ManualClock& clock;
  Random& random;
  bool key_at_node = true;
  std::vector<Bytes> given = {};  // decisions that came as a file
  std::unique_ptr<store::Store> store = {};
  std::unique_ptr<tlog::Log> log = {};
  std::unique_ptr<exchange::DirectCommitter> committer = {};
  std::unique_ptr<exchange::Exchange> exchange = {};
  std::unique_ptr<Delegation> delegation = {};

  MemberId const& id() const { return keys.card.member; }
  consent::Community const& community() const { return exchange->community(); }
  void open() {
    store::Options options;
    options.key = crypto::Secret(Bytes(32, 7));
    store = must(store::Store::open("sqlite:" + directory.string(), std::move(options)));
    auto const community_id = must(consent::community_of(transcript)).id;
    log = must(tlog::Log::open(*store, tlog::log_origin(community_id, id(), Realm()), keys.log));
    committer = std::make_unique<exchange::DirectCommitter>(*log);
    std::vector<store::Append> units;
    auto const have = must(decisions_after(*store, 0, SIZE_MAX)).size();
    for (std::size_t i = have; i < given.size(); ++i)
      units.push_back(decision_unit(given[i], i + 1, clock.now_ms()));
    if (!units.empty()) must(log->append(std::move(units)));
    auto chronicle = must(load_chronicle(*store, transcript));
    exchange = must(exchange::Exchange::open(chronicle.heads, {id(), keys.node, keys.sealing},
                                             *store, *committer, clock, random, Realm()));
    Keys with{keys.node, std::nullopt};
    if (key_at_node) with.governance = keys.governance;
    delegation = must(Delegation::open({*exchange, *store, *committer, clock, random},
                                       std::move(with), std::move(chronicle)));
  }
  void kill() {
    delegation.reset();
    exchange.reset();
    committer.reset();
    log.reset();
    store.reset();
  }
  Result<Said> say(consent::Body body) {
    Result<Said> out = fail(Code::kInternal, "test");
    delegation->say(std::move(body), [&](Result<Said> said) { out = std::move(said); });
    return out;
  }
  void work() {
    while (must(delegation->work())) {
    }
  }
  Result<Said> answer(Hash const& motion, Position position) {
    auto const body = delegation->read(
        [&](consent::Ledger const& ledger) { return ledger.response_to(motion, position); });
    if (!body) return fail(body.error());
    return say(*body);
  }
};

struct Table {
  TemporaryDirectory directory;
  SeededRandom random{11};
  ManualClock clock;
  std::vector<Founder> founders;
  consent::Transcript transcript;
  std::vector<std::unique_ptr<Seat>> seats;

  explicit Table(std::vector<std::string> const& ids = {"AA", "BB", "CC"}) {
    founders = consent::testing::make_founders(ids, random);
    transcript = consent::testing::make_transcript(founders);
    for (auto const& founder : founders) add(founder).open();
    settle();
  }
  Seat& add(Founder const& founder) {
    seats.push_back(std::make_unique<Seat>(
        Seat{founder, transcript, directory.path() / founder.card.member.str(), clock, random}));
    return *seats.back();
  }
  Seat& operator[](std::size_t i) { return *seats[i]; }

  // What the link does between two that have the same head; the one behind fetches decisions.
  void talk(Seat& from, Seat& to) {
    if (!from.exchange || !to.exchange) return;
    if (from.community().head.member(to.id()) == nullptr ||
        to.community().head.member(from.id()) == nullptr)
      return;
    auto const behind = to.community().head.epoch;
    if (behind < from.community().head.epoch) {
      auto const bytes = must(from.delegation->decisions(behind, 1 << 20));
      must(to.delegation->on_decisions(from.id(), bytes));
      to.work();
    }
    if (from.community().head_digest != to.community().head_digest) return;
    for (auto const& wanted : to.delegation->to_ask())
      if (wanted == from.id())
        must(to.delegation->on_head_status(
            from.id(), must(from.delegation->head_status(to.delegation->challenge()))));
    exchange::testing::introduce(*from.exchange, *to.exchange);
    for (auto batch = must(from.exchange->next_batch(to.id())); batch;
         batch = must(from.exchange->next_batch(to.id()))) {
      Result<Bytes> receipt = fail(Code::kInternal, "test");
      to.exchange->accept(from.id(), *batch, [&](Result<Bytes> got) { receipt = std::move(got); });
      must(receipt);
      from.exchange->on_receipt(to.id(), *receipt, [](Result<void> done) { must(done); });
    }
    to.work();
  }
  void settle() {
    for (int round = 0; round < 8; ++round)
      for (auto const& from : seats)
        for (auto const& to : seats)
          if (from != to) talk(*from, *to);
  }
  consent::Motion motion(Seat& by, consent::Change change, std::string title) {
    auto const& now = by.community();
    consent::Motion out;
    out.head = now.head_digest;
    out.proposer = by.id();
    out.title = std::move(title);
    clock.advance(1000);
    out.proposed_ms = clock.now_ms();
    for (auto const& card : now.head.members) out.entitled.push_back(card.member);
    out.change = std::move(change);
    return out;
  }
  Hash propose(Seat& by, consent::Change change, std::string title = "A motion") {
    auto const text = motion(by, std::move(change), std::move(title));
    must(by.say(text));
    settle();
    return consent::motion_id(text);
  }
  consent::Amend amendment() {
    return {{{consent::InstrumentKind::kTor, 2, "Terms", 0, "# Terms\n\n## Article 1\n\nB.\n"}}};
  }
  void expect_epoch(std::uint64_t epoch) {
    for (auto const& seat : seats)
      if (seat->exchange) {
        EXPECT_EQ(seat->community().head.epoch, epoch) << seat->id().str();
      }
  }
};

TEST(Delegation, AMotionThatAllAgreeToIsInForceOnEveryNode) {
  Table table;
  auto const id = table.propose(table[1], table.amendment());
  EXPECT_TRUE(table[0].delegation->read([&](auto const& ledger) { return ledger.view(id); }));
  must(table[0].answer(id, Position::kAgree));
  must(table[1].answer(id, Position::kNoObjection));
  table.settle();
  table.expect_epoch(0);  // silence is not consent
  must(table[2].answer(id, Position::kAgree));
  table.settle();
  for (auto const& seat : table.seats) {
    ASSERT_EQ(seat->community().head.epoch, 1U) << seat->id().str();
    EXPECT_EQ(seat->community().head_digest, table[0].community().head_digest);
    EXPECT_NE(seat->community().texts.at(consent::InstrumentKind::kTor).find("B."),
              std::string::npos);
    EXPECT_EQ(seat->delegation->history().chapters.size(), 1U);
  }
}

TEST(Delegation, WhoWasAwayFetchesTheDecisionAndThenWhatWaits) {
  Table table;
  auto const id = table.propose(table[0], consent::Announce{"Text\n"});
  for (std::size_t i = 0; i < 3; ++i) must(table[i].answer(id, Position::kAgree));
  // CC hears of nothing more: its adoption leaves, those of others do not reach it.
  for (int round = 0; round < 6; ++round) {
    table.talk(table[0], table[1]);
    table.talk(table[1], table[0]);
    table.talk(table[2], table[0]);
    table.talk(table[2], table[1]);
    if (table[2].community().head.epoch == 0 && round < 2) {
      table.talk(table[0], table[2]);
      table.talk(table[1], table[2]);
    }
  }
  ASSERT_EQ(table[0].community().head.epoch, 1U);
  // An item of the new epoch to a node that has not seen the decision is not refused: it waits.
  exchange::ShareRequest item;
  item.marking.rel_to = {table[2].id()};
  item.body = to_bytes("{}");
  item.media_type = "application/json";
  bool shared = false;
  table[0].exchange->share(item, [&](auto const& done) { shared = done.has_value(); });
  ASSERT_TRUE(shared);
  if (table[2].community().head.epoch == 0) {
    exchange::testing::introduce(*table[0].exchange, *table[2].exchange);
    while (auto batch = must(table[0].exchange->next_batch(table[2].id()))) {
      Result<Bytes> receipt = fail(Code::kInternal, "test");
      table[2].exchange->accept(table[0].id(), *batch,
                                [&](Result<Bytes> got) { receipt = std::move(got); });
      if (!receipt) {
        EXPECT_EQ(receipt.error().code, Code::kUnknownEpoch);
        for (std::uint8_t lane = 0; lane < kLaneCount; ++lane)
          table[0].exchange->batch_failed(table[2].id(), lane);
        break;
      }
      table[0].exchange->on_receipt(table[2].id(), *receipt, [](Result<void>) {});
    }
  }
  table.settle();
  table.expect_epoch(1);
  for (auto const& link : must(table[0].exchange->links()))
    for (auto const& lane : link.lanes) EXPECT_EQ(lane.queued_n, lane.acked_n);
  EXPECT_TRUE(must(table[2].store->quarantine(table[0].id(), 10)).empty());
}

TEST(Delegation, AKillLosesNothingThatWasSaidAndSignsNothingTwice) {
  Table table;
  auto const id = table.propose(table[0], table.amendment());
  auto const said = must(table[1].answer(id, Position::kAgree));
  auto const before = table[1].delegation->read([](auto const& l) { return l.own_seq(); });
  table[1].kill();
  table[1].open();
  EXPECT_EQ(table[1].delegation->read([](auto const& l) { return l.own_seq(); }), before);
  // Until the others have told what they hold of it, nothing is signed (R11).
  auto const unchecked = table[1].say(consent::Comment{id, "TOR", "A comment"});
  ASSERT_FALSE(unchecked);
  EXPECT_NE(unchecked.error().where.find("R11"), std::string::npos) << unchecked.error().text();
  table.settle();
  auto const again = table[1].answer(id, Position::kObject);
  ASSERT_FALSE(again);
  EXPECT_NE(again.error().where.find("R4"), std::string::npos) << again.error().text();
  must(table[0].answer(id, Position::kAgree));
  must(table[2].answer(id, Position::kAgree));
  table.settle();
  table.expect_epoch(1);
  for (auto const& seat : table.seats) {
    seat->kill();
    seat->open();
  }
  table.settle();
  table.expect_epoch(1);
  EXPECT_EQ(table[2].delegation->history().chapters.size(), 1U);
  EXPECT_EQ(table[2].delegation->standing().trust, consent::Trust::kClear);
}

TEST(Delegation, AKeyThatIsElsewhereSignsWhatWaits) {
  Table table;
  auto& away = table[2];
  away.kill();
  away.key_at_node = false;
  away.open();
  table.settle();
  auto const id = table.propose(table[0], consent::Announce{"Text\n"});
  must(table[0].answer(id, Position::kAgree));
  must(table[1].answer(id, Position::kAgree));
  auto const said = must(away.answer(id, Position::kAgree));
  EXPECT_FALSE(said.sent);
  table.settle();
  table.expect_epoch(0);
  // It outlives a kill, unsigned, and is signed by whoever has the key.
  away.kill();
  away.open();
  table.settle();
  int signatures = 0;
  auto const sign_all = [&] {
    for (auto const& one : away.delegation->unsigned_statements()) {
      EXPECT_EQ(one.key, away.keys.governance.verify_key());
      crypto::Signature wrong = away.keys.node.sign(one.message);
      Result<Said> refused = fail(Code::kInternal, "test");
      away.delegation->sign(one.statement, wrong, [&](Result<Said> r) { refused = std::move(r); });
      EXPECT_EQ(refused.error().code, Code::kBadSignature);
      Result<Said> done = fail(Code::kInternal, "test");
      away.delegation->sign(one.statement, away.keys.governance.sign(one.message),
                            [&](Result<Said> r) { done = std::move(r); });
      EXPECT_TRUE(must(done).sent);
      ++signatures;
    }
  };
  // The adoption is a signature of its own.
  for (int round = 0; round < 2; ++round) {
    sign_all();
    table.settle();
  }
  EXPECT_EQ(signatures, 2);
  table.expect_epoch(1);
}

TEST(Delegation, AMemberJoinsAndGetsNothingOlder) {
  Table table;
  exchange::ShareRequest old;
  old.marking.rel_to = {table[1].id(), table[2].id()};
  old.body = to_bytes("{}");
  old.media_type = "application/json";
  table[0].exchange->share(old, [](auto const& done) { ASSERT_TRUE(done); });
  table.settle();
  auto const joiner = consent::testing::make_founder("DD", 9, table.random);
  auto const id = table.propose(table[0], consent::Admit{joiner.card, 3});
  for (std::size_t i = 0; i < 3; ++i) must(table[i].answer(id, Position::kAgree));
  table.settle();
  table.expect_epoch(0);  // without its own word nobody joins (R12)
  auto const& now = table[0].community();
  consent::JoinAccept accept;
  accept.community = now.id;
  accept.epoch = now.head.epoch;
  accept.head = now.head_digest;
  accept.motion = id;
  accept.card = consent::fingerprint(joiner.card);
  accept.created_ms = table.clock.now_ms();
  accept = consent::sign_join_accept(accept, joiner.root, joiner.governance);
  bool brought = false;
  table[1].delegation->bring(accept, [&](Result<void> done) { brought = done.has_value(); });
  EXPECT_TRUE(brought);
  table.settle();
  table.expect_epoch(1);
  auto const file =
      must(history_file_from_text(to_text(must(table[2].delegation->history_file(std::nullopt)))));
  ASSERT_EQ(file.decisions.size(), 1U);
  auto& seat = table.add(joiner);
  seat.given = file.decisions;
  seat.open();
  table.settle();
  EXPECT_EQ(seat.delegation->standing().trust, consent::Trust::kClear);
  EXPECT_EQ(must(seat.store->log_size()), 1U);  // its decision, and nothing that is older
  // It takes part in the next decision, and gets what is released to it from now on.
  auto const next = table.propose(seat, consent::Announce{"Hello\n"});
  for (auto const& one : table.seats) must(one->answer(next, Position::kAgree));
  table.settle();
  table.expect_epoch(2);
}

TEST(Delegation, ARestoredStoreIsFrozenWhenItsOwnWordsComeBack) {
  Table table;
  auto const backup = table.directory.path() / "backup";
  must(table[1].store->snapshot(backup));
  auto const id = table.propose(table[0], table.amendment());
  must(table[1].answer(id, Position::kAgree));
  table.settle();
  table[1].kill();
  std::filesystem::remove_all(table[1].directory);
  std::filesystem::copy(backup, table[1].directory);
  table[1].open();
  table.settle();
  auto const standing = table[1].delegation->standing();
  EXPECT_NE(standing.trust, consent::Trust::kClear) << standing.trust_reason;
  auto const refused = table[1].answer(id, Position::kObject);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().where.find("R11"), std::string::npos);
}

}  // namespace
}  // namespace amic::governance
