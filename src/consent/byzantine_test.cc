// One honest member against all the others together, who hold every other key, see every word of
// it, say whatever they like and choose what it gets to see. They try to make certificates. However
// it goes: no two different successors of one head are ever certified.
#include <gtest/gtest.h>

#include <cstdlib>

#include "consent/ledger_testing.h"

namespace amic::consent {
namespace {

using testing::forge;
using testing::World;

class Conspiracy {
 public:
  Conspiracy(std::size_t members, std::uint64_t seed) : random_(seed), world_(ids(members)) {
    numbers_.assign(members, 1);
    begin_head();
  }

  void run(std::size_t steps) {
    for (std::size_t i = 0; i < steps && !::testing::Test::HasFailure(); ++i) step();
  }
  std::size_t decided() const { return decided_; }
  std::size_t said() const { return said_; }
  std::size_t restarts() const { return restarts_; }

 private:
  static std::vector<std::string> ids(std::size_t members) {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < members; ++i) out.push_back("M" + std::to_string(i));
    return out;
  }
  Ledger& honest() { return world_.ledgers[0]; }
  bool chance(unsigned percent) { return random_.below(100) < percent; }

  void begin_head() {
    motions_.clear();
    responses_.clear();
    adoptions_.clear();
    for (int i = 0; i < 3; ++i) propose();
  }

  // Proposed by one of the conspirators, or by the honest one itself.
  void propose() {
    std::size_t const who = random_.below(world_.size());
    Motion motion = world_.announcement(who == 0 ? 0 : who, "text " + std::to_string(++texts_));
    motion.head = honest().community().head_digest;
    motion.entitled.clear();
    for (auto const& card : honest().community().head.members)
      motion.entitled.push_back(card.member);
    Hash const id = motion_id(motion);
    if (who == 0) {
      if (auto const said = world_.say_alone(0, motion)) motions_[id] = *said;
    } else {
      Statement const said = forge(world_.founders[who], honest(), motion, numbers_[who] += 2);
      if (world_.give(0, said)) motions_[id] = said;
    }
  }

  // One that the honest one has at present.
  Hash any_motion() {
    auto const here = honest().motions();
    return here[random_.below(here.size())];
  }

  // What a conspirator tells the honest one: anything, also twice, also under a number used before.
  void whisper() {
    std::size_t const who = 1 + random_.below(world_.size() - 1);
    Hash const id = any_motion();
    Hash const next = honest().view(id).value().next_head;
    auto const round = static_cast<std::uint32_t>(random_.below(4));
    Body body = Indication{id, View::kSupport};
    switch (random_.below(6)) {
      case 0:
      case 1:
        body = Response{id, round, next, Position::kAgree, {}, {}, {}, {}};
        break;
      case 2:
        body = Adoption{id, round, next, id};
        break;
      case 3:
        body = RoundChange{round, chance(30) ? id : Hash{}};
        break;
      case 4:
        body = Response{id, round, {}, Position::kObject, {}, {}, {}, {}};
        break;
      default:
        break;
    }
    std::uint64_t const number = chance(10) ? 3 : numbers_[who] += 2;
    (void)world_.give(0, forge(world_.founders[who], honest(), body, number));
  }
  // Everything that brings one motion forward, so that certificates come about at all.
  void support() {
    Hash const id = any_motion();
    auto const view = honest().view(id).value();
    for (std::size_t who = 1; who < world_.size(); ++who) {
      auto const say = [&](Body const& body) {
        (void)world_.give(0, forge(world_.founders[who], honest(), body, numbers_[who] += 2));
      };
      say(Response{id, view.round, view.next_head, Position::kAgree, {}, {}, {}, {}});
    }
  }

  // All conspirators leave the round that is open, so that it ends as soon as the honest one does
  // too.
  void leave() {
    if (honest().motions().empty()) return;
    std::uint32_t const round = honest().view(any_motion()).value().round;
    for (std::size_t who = 1; who < world_.size(); ++who)
      (void)world_.give(
          0, forge(world_.founders[who], honest(), RoundChange{round, {}}, numbers_[who] += 2));
  }

  // The honest one does whatever its ledger lets it do.
  void act() {
    Hash const id = any_motion();
    Body body = honest().round_change();
    auto const which = random_.below(10);
    if (which < 4)
      body = honest().response_to(id, chance(80) ? Position::kAgree : Position::kObject).value();
    else if (which < 8)
      body = honest().adoption_of(id).value();
    else if (which == 8 && !honest().due(world_.now).empty())
      body = honest().due(world_.now).front();
    auto const intent = honest().plan(body, ++world_.now);
    if (!intent) return;
    journal_.push_back(intent->journal());
    auto const pending = honest().remember(*intent).value();
    if (chance(10)) return restart();  // killed between remembering and signing
    auto const& key = testing::key_of(world_.founders[0], pending.statement().signer);
    hear(honest().seal(pending, key.sign(pending.message())).value());
  }

  void hear(Statement const& said) {
    ++said_;
    Body const body = body_of(said).value();
    if (auto const* response = std::get_if<Response>(&body))
      if (is_favourable(response->position)) responses_[response->motion].push_back(said);
    if (auto const* adoption = std::get_if<Adoption>(&body))
      adoptions_[adoption->motion].push_back(said);
  }

  // From the journal alone: what others said is lost, and told anew or not.
  void restart() {
    ++restarts_;
    Ledger again(honest().community(), honest().self());
    for (auto const& entry : journal_) ASSERT_TRUE(again.replay(entry));
    std::uint64_t const counter = again.own_seq();
    again.begin({}, counter);
    ASSERT_EQ(again.trust(), Trust::kClear) << again.trust_reason();
    world_.ledgers[0] = std::move(again);
    // Some motions are not told again for a while: what binds must bind without them.
    bool first = true;
    for (auto const& [id, motion] : motions_)
      if (motion.author != honest().self() && (first || chance(40))) {
        ASSERT_TRUE(world_.give(0, motion));
        first = false;
      }
    for (auto const& pending : honest().unsigned_statements()) {
      auto const& key = testing::key_of(world_.founders[0], pending.statement().signer);
      hear(honest().seal(pending, key.sign(pending.message())).value());
    }
  }

  // With the honest one's words and their own keys: which motions can they certify?
  std::optional<Decision> certificate_of(Hash const& id) {
    if (responses_[id].empty() || adoptions_[id].empty()) return std::nullopt;
    Decision out;
    out.motion = motions_.at(id);
    // The response that its adoption names; of the others any one.
    Statement const& adoption = adoptions_[id].back();
    auto const adopted = std::get<Adoption>(body_of(adoption).value());
    Statement const* response = nullptr;
    for (auto const& one : responses_[id])
      if (statement_digest(one) == adopted.response) response = &one;
    if (response == nullptr) {
      ADD_FAILURE() << "an adoption without its response";
      return std::nullopt;
    }
    auto const said = std::get<Response>(body_of(*response).value());
    out.certificate.responses.push_back(*response);
    out.certificate.adoptions.push_back(adoption);
    for (std::size_t who = 1; who < world_.size(); ++who) {
      auto const own = forge(world_.founders[who], honest(), said, numbers_[who] += 2);
      out.certificate.responses.push_back(own);
      out.certificate.adoptions.push_back(forge(
          world_.founders[who], honest(),
          Adoption{id, said.round, said.next_head, statement_digest(own)}, numbers_[who] += 2));
    }
    return out;
  }

  void step() {
    auto const which = random_.below(12);
    if (which == 0 && motions_.size() < 6) propose();
    if (chance(20))
      for (auto const& [id, motion] : motions_)
        if (motion.author != honest().self()) (void)world_.give(0, motion);
    if (honest().motions().empty()) return;
    if (which < 2) whisper();
    if (which == 2) leave();
    if (which == 3 || which == 4) support();
    if (which > 4) act();
    std::vector<Decision> certified;
    for (auto const& [id, motion] : motions_) {
      auto const decision = certificate_of(id);
      if (!decision) continue;
      auto const good =
          verify_decision(*decision, honest().community().id, honest().community().head);
      if (good) certified.push_back(*decision);
      EXPECT_TRUE(good) << good.error().text();
    }
    ASSERT_LE(certified.size(), 1U) << "two certified successors of one head";
    if (!certified.empty() && chance(3)) {
      auto const moved = honest().advance(certified[0]);
      ASSERT_TRUE(moved) << moved.error().text();
      ASSERT_EQ(honest().trust(), Trust::kClear) << honest().trust_reason();
      ++decided_;
      begin_head();
    }
  }

  SeededRandom random_;
  World world_;
  std::vector<std::uint64_t> numbers_;
  std::map<Hash, Statement> motions_;
  std::map<Hash, std::vector<Statement>> responses_, adoptions_;  // of the honest one
  std::vector<Bytes> journal_;
  std::size_t texts_ = 0, decided_ = 0, said_ = 0, restarts_ = 0;
};

TEST(Byzantine, OneHonestMemberPreventsTwoSuccessorsOfOneHead) {
  char const* wanted = std::getenv("AMIC_CONSENT_SEEDS");
  std::uint64_t const seeds =
      wanted == nullptr ? 60 : static_cast<std::uint64_t>(std::atoi(wanted));
  std::size_t decided = 0, said = 0, restarts = 0;
  for (std::uint64_t seed = 1; seed <= seeds && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Conspiracy conspiracy(2 + seed % 4, seed);
    conspiracy.run(160);
    decided += conspiracy.decided();
    said += conspiracy.said();
    restarts += conspiracy.restarts();
  }
  // It must have come to something, or it would show nothing.
  EXPECT_GE(decided, seeds / 4);
  EXPECT_GE(said, seeds * 3);
  EXPECT_GE(restarts, seeds / 4);
}

}  // namespace
}  // namespace amic::consent
