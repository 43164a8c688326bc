// The program and the model, spec/consent.pml, are the same machine: random runs of the model are
// replayed, and after every step each ledger allows exactly what the model says that it may do.
// `spec/run --traces tests/compat/consent/traces 40` makes the runs anew after a change of the
// model.
#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <sstream>

#include "consent/ledger_testing.h"

namespace amic::consent {
namespace {

using testing::forge;
using testing::id_of;
using testing::World;

enum Kind { kRespond = 1, kAdopt = 2, kChange = 3, kAdvance = 4, kAccept = 5 };
constexpr std::uint64_t kHeadsDecided = 2;  // the model decides on two heads, one after the other

// The community of the model. Dishonest members have said everything from the beginning. On each
// head there are two motions, made known by whoever gets there first; with a joiner, the first
// motion of the genesis admits it.
class Replay {
 public:
  Replay(unsigned dishonest, bool joining) : dishonest_(dishonest), joining_(joining) {
    joiner_ = testing::make_founder("DD", 40, world_.random);
    genesis_ = world_.head_hash();
    for (std::size_t i = 0; i < 3; ++i)
      if (!bad(i)) enter(i);
  }

  void act(int kind, std::size_t i, std::size_t motion) {
    if (kind == kAccept) return accept();
    if (kind == kAdvance) return advance(i, motion);
    Ledger const& ledger = world_.ledgers.at(i);
    Hash const id = ids_.at(ledger.community().head_digest)[motion];
    Body body = ledger.round_change();
    if (kind == kRespond) body = ledger.response_to(id, Position::kAgree).value();
    if (kind == kAdopt) body = ledger.adoption_of(id).value();
    say(i, body);
  }

  // As the model's BITS: respond to motion 0 and 1, adopt them, change the round, advance by them.
  unsigned may(std::size_t i) const {
    Ledger const& ledger = world_.ledgers.at(i);
    auto const& ids = ids_.at(ledger.community().head_digest);
    unsigned out = 0;
    for (unsigned m = 0; m < 2; ++m) {
      if (ledger.plan(ledger.response_to(ids[m], Position::kAgree).value(), world_.now))
        out |= 1U << m;
      if (ledger.plan(ledger.adoption_of(ids[m]).value(), world_.now)) out |= 4U << m;
      if (ledger.certificate(ids[m])) out |= 32U << m;
    }
    if (ledger.plan(ledger.round_change(), world_.now)) out |= 16U;
    return out;
  }

 private:
  bool bad(std::size_t i) const { return (dishonest_ >> i & 1U) != 0; }
  bool is_on(std::size_t i, Hash const& head) const { return world_.head_hash(i) == head; }

  void say(std::size_t i, Body const& body) {
    auto const said = world_.say_alone(i, body);
    ASSERT_TRUE(said) << said.error().text();
    share(*said);
  }
  void share(Statement const& statement) {
    pool_.push_back(statement);
    for (std::size_t to = 0; to < world_.size(); ++to)
      if (world_.ledgers[to].self() != statement.author && !bad(to)) {
        auto const taken = world_.give(to, statement);
        EXPECT_TRUE(taken) << taken.error().text();
      }
  }

  void accept() {
    JoinAccept const word{
        world_.ledgers[0].community().id, 0,          genesis_, ids_.at(genesis_)[0],
        fingerprint(joiner_.card),        world_.now, {},       {}};
    accept_ = sign_join_accept(word, joiner_.root, joiner_.governance);
    for (std::size_t i = 0; i < 3; ++i)
      if (is_on(i, genesis_)) {
        EXPECT_TRUE(world_.ledgers[i].take(*accept_));
      }
  }

  void advance(std::size_t i, std::size_t motion) {
    if (i == 3 && world_.size() == 3) return join();
    Ledger& ledger = world_.ledgers.at(i);
    Decision const decision =
        ledger.certificate(ids_.at(ledger.community().head_digest)[motion]).value();
    if (is_on(i, genesis_)) first_ = decision;
    ASSERT_TRUE(ledger.advance(decision));
    enter(i);
  }

  // The joiner opens its ledger on the head that admits it, by a decision that it has verified.
  void join() {
    for (std::size_t i = 0; i < 3 && !first_; ++i)
      if (auto const decision = world_.ledgers[i].certificate(ids_.at(genesis_)[0]))
        first_ = *decision;
    ASSERT_TRUE(first_);
    Community community = community_of(world_.transcript).value();
    Decided const decided = verify_decision(*first_, community.id, community.head).value();
    world_.ledgers.emplace_back(apply(community, decided.motion).value(), id_of("DD"));
    world_.founders.push_back(joiner_);
    world_.ledgers[3].begin({}, 0);
    enter(3);
  }

  // Everything that was said on this head so far; the first one proposes the motions.
  void enter(std::size_t i) {
    Hash const head = world_.head_hash(i);
    if (world_.head(i).epoch >= kHeadsDecided) return;
    if (!ids_.contains(head)) return begin(i, head);
    for (auto const& one : pool_)
      if (one.head == head && one.author != world_.ledgers[i].self()) {
        EXPECT_TRUE(world_.give(i, one));
      }
    if (accept_ && head == genesis_) {
      EXPECT_TRUE(world_.ledgers[i].take(*accept_));
    }
  }

  void begin(std::size_t i, Hash const& head) {
    for (std::size_t m = 0; m < 2; ++m) {
      Motion motion = world_.announcement(i, "motion " + std::to_string(m));
      if (m == 0 && joining_ && head == genesis_) motion.change = Admit{joiner_.card, 0};
      ids_[head][m] = motion_id(motion);
      say(i, motion);
    }
    for (std::size_t k = 0; k < 3; ++k)
      if (bad(k)) say_everything(k, i, head);
  }

  void say_everything(std::size_t member, std::size_t on, Hash const& head) {
    Ledger const& ledger = world_.ledgers[on];
    auto const say_so = [&](Body const& body) {
      share(forge(world_.founders[member], ledger, body, numbers_[member] += 2));
      return statement_digest(pool_.back());
    };
    for (auto const& id : ids_.at(head)) {
      Hash const next = ledger.view(id).value().next_head;
      Hash const response = say_so(Response{id, 0, next, Position::kAgree, {}, {}, {}, {}});
      say_so(Response{id, 1, next, Position::kAgree, {}, {}, {}, {}});
      say_so(Adoption{id, 0, next, response});
    }
    say_so(RoundChange{0, {}});
  }

  World world_;
  unsigned dishonest_;
  bool joining_;
  testing::Founder joiner_;
  Hash genesis_;
  std::map<Hash, std::array<Hash, 2>> ids_;
  std::vector<Statement> pool_;
  std::array<std::uint64_t, 3> numbers_{1, 1, 1};
  std::optional<JoinAccept> accept_;
  std::optional<Decision> first_;
};

struct Counts {
  std::size_t runs = 0, steps = 0, permissions = 0;
};

Counts replay(std::string const& name, unsigned dishonest, bool joining) {
  std::string const path =
      std::string(AMIC_SOURCE_DIR) + "/tests/compat/consent/traces/" + name + ".trace";
  std::ifstream in(path);
  EXPECT_TRUE(in) << path << " is missing";
  Counts out;
  std::optional<Replay> community;
  std::string line;
  std::size_t number = 0;
  while (std::getline(in, line) && !::testing::Test::HasFatalFailure()) {
    ++number;
    std::istringstream words(line);
    std::string verb, skip;
    words >> verb;
    if (verb == "run") {
      community.emplace(dishonest, joining);
      ++out.runs;
    } else if (verb == "do") {
      int kind = 0;
      std::size_t member = 0, motion = 0;
      words >> kind >> skip >> member >> skip >> skip >> skip >> motion;
      community->act(kind, member, motion);
      ++out.steps;
    } else if (verb == "may") {
      std::size_t member = 0;
      unsigned bits = 0;
      words >> member >> bits;
      EXPECT_EQ(community->may(member), bits)
          << name << ".trace:" << number << " run " << out.runs << " member " << member;
      ++out.permissions;
      if (::testing::Test::HasFailure()) break;
    }
  }
  return out;
}

void expect_many(Counts const& counts) {
  EXPECT_GE(counts.runs, 10U);
  EXPECT_GE(counts.steps, 50U);
  EXPECT_GE(counts.permissions, 50U);
}

TEST(Model, AllHonest) {
  expect_many(replay("honest", 0, false));
}
TEST(Model, OneDishonest) {
  expect_many(replay("one", 4, false));
}
TEST(Model, TwoOfThreeDishonest) {
  expect_many(replay("two", 6, false));
}
TEST(Model, AJoiner) {
  expect_many(replay("join", 0, true));
}

}  // namespace
}  // namespace amic::consent
