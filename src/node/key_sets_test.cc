#include "node/key_sets.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "node/cli.h"
#include "node/files.h"
#include "node/store_key.h"

namespace amic::node {
namespace {

namespace fs = std::filesystem;
using consent::kDayMs;
using crypto::KeyRole;

// SIGKILL at the given call: in the middle of making a key, or between two files.
class KillingRandom final : public Random {
 public:
  KillingRandom(std::uint64_t seed, int at) : inner_(seed), left_(at) {}
  void fill(std::span<std::uint8_t> out) override {
    if (left_-- == 0) ::raise(SIGKILL);
    inner_.fill(out);
  }

 private:
  SeededRandom inner_;
  int left_;
};

// True if `body` came to its end in a process of its own; false if it was killed.
template <class Body>
bool survives(Body const& body) {
  pid_t const child = ::fork();
  if (child == 0) ::_exit(body() ? 0 : 1);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
  return WIFEXITED(status);
}

class KeySets : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (fs::temp_directory_path() / "amic-test.XXXXXX").string();
    root = ::mkdtemp(pattern.data());
    Founding founding;
    founding.community_name = "Sample Community";
    founding.cards = {init("AA", 7001), init("BB", 7002)};
    founding.texts = {{consent::InstrumentKind::kTor, "# Terms\n"},
                      {consent::InstrumentKind::kSop, "# Procedures\n"}};
    auto const draft = found_community(founding, clock).value();
    std::vector<consent::Press> presses;
    for (auto const* member : {"AA", "BB"})
      presses.push_back(press_draft(DataDir::open(root / member).value(), draft,
                                    consent::head_digest(draft.head_bytes), {}, clock)
                            .value());
    transcript = consent::launch(draft, presses).value();
    ASSERT_TRUE(join_community(dir(), transcript, {}));
  }
  void TearDown() override {
    std::error_code ignored;
    fs::remove_all(root, ignored);
  }

  consent::Card init(std::string const& member, std::uint16_t port) {
    Config config;
    config.member = MemberId::parse(member).value();
    config.name = "Member " + member;
    config.link_listen.port = port;
    return init_node(root / member, config, {}, clock, random).value();
  }
  DataDir dir() const { return DataDir::open(root / "AA").value(); }
  crypto::SigningKey root_key() const {
    auto const lock = crypto::KeyLock::open(dir().keys(), {}).value();
    return crypto::SigningKey::from_seed(lock.load(KeyRole::kRoot).value().view()).value();
  }
  Announced rotate(RotationPlan const& plan = {}) {
    auto done = rotate_keys(dir(), root_key(), {}, plan, clock, random);
    EXPECT_TRUE(done) << done.error().text();
    return *done;
  }
  consent::KeyChain chain() const {
    auto const community = consent::community_of(transcript).value();
    return consent::KeyChain(community.id, community.head);
  }

  fs::path root;
  ManualClock clock;
  SeededRandom random{7};
  consent::Transcript transcript;
};

TEST_F(KeySets, AnnouncedFirstUsedLater) {
  auto const before = load_keys(dir(), {}).value();
  auto const announced = rotate();
  EXPECT_TRUE(announced.is_new);
  auto const& rotation = announced.rotation;
  EXPECT_EQ(rotation.active_from_ms, clock.now_ms() + 90 * kDayMs);
  EXPECT_EQ(rotation.retire_ms, clock.now_ms() + 180 * kDayMs);
  auto peers = chain();  // with the whole head
  EXPECT_EQ(peers.take(rotation).value(), consent::KeyChain::Taken::kNew);

  EXPECT_FALSE(activate_due_keys(dir(), rotation.active_from_ms - 1).value());
  auto const waiting = load_keys(dir(), {}).value();
  EXPECT_EQ(waiting.node.verify_key(), before.node.verify_key());
  ASSERT_EQ(waiting.more_sealing.size(), 1U);  // peers seal to the new one already
  EXPECT_EQ(waiting.more_sealing[0].public_key(), rotation.card.sealing);

  EXPECT_EQ(activate_due_keys(dir(), rotation.active_from_ms).value(), rotation.card);
  EXPECT_FALSE(activate_due_keys(dir(), rotation.active_from_ms).value());  // once
  EXPECT_FALSE(activate_due_keys(dir(), 0).value());                        // never back
  auto const after = load_keys(dir(), {}).value();
  EXPECT_EQ(after.node.verify_key(), rotation.card.node);
  EXPECT_EQ(after.log.verify_key(), rotation.card.log);
  EXPECT_EQ(after.cosigner.verify_key(), rotation.card.cosigner);
  EXPECT_EQ(after.tls.verify_key(), rotation.card.tls);
  EXPECT_EQ(after.sealing.public_key(), rotation.card.sealing);
  EXPECT_EQ(after.governance.verify_key(), before.governance.verify_key());
  ASSERT_EQ(after.more_sealing.size(), 1U);  // what was sealed to the old one still opens
  EXPECT_EQ(after.more_sealing[0].public_key(), before.sealing.public_key());
  EXPECT_TRUE(load_community(dir()));
}

TEST_F(KeySets, TheStoreOpensAfterARotation) {
  ASSERT_TRUE(open_store(dir(), load_keys(dir(), {}).value()));
  auto const rotation = rotate({.roles = {}, .active_from_ms = clock.now_ms()}).rotation;
  ASSERT_TRUE(activate_due_keys(dir(), clock.now_ms()).value());
  auto const keys = load_keys(dir(), {}).value();
  ASSERT_EQ(keys.sealing.public_key(), rotation.card.sealing);
  auto const opened = open_store(dir(), keys);
  EXPECT_TRUE(opened) << opened.error().text();
}

TEST_F(KeySets, OnlyTheRolesNamed) {
  auto const before = load_keys(dir(), {}).value();
  auto const first = rotate({.roles = {KeyRole::kTls}, .active_from_ms = clock.now_ms() + 1});
  clock.advance(2);
  ASSERT_TRUE(activate_due_keys(dir(), clock.now_ms()).value());
  auto const second = rotate({.roles = {KeyRole::kNode}, .active_from_ms = clock.now_ms() + 1});
  EXPECT_EQ(second.rotation.serial, 2U);
  EXPECT_EQ(second.rotation.previous, consent::rotation_digest(first.rotation));
  clock.advance(2);
  ASSERT_TRUE(activate_due_keys(dir(), clock.now_ms()).value());
  auto const after = load_keys(dir(), {}).value();
  EXPECT_EQ(after.tls.verify_key(), first.rotation.card.tls);
  EXPECT_EQ(after.node.verify_key(), second.rotation.card.node);
  EXPECT_EQ(after.log.verify_key(), before.log.verify_key());
  EXPECT_TRUE(after.more_sealing.empty());
  EXPECT_EQ(own_rotations(dir()).value().size(), 2U);
  EXPECT_EQ(
      rotate_keys(dir(), root_key(), {}, {.roles = {KeyRole::kRoot}}, clock, random).error().code,
      Code::kUsage);
}

TEST_F(KeySets, ARepeatChangesNothing) {
  auto const first = rotate();
  auto const again = rotate();
  EXPECT_FALSE(again.is_new);
  EXPECT_EQ(again.rotation, first.rotation);
  auto const other = rotate({.roles = {}, .active_from_ms = clock.now_ms() + 1, .supersede = true});
  EXPECT_TRUE(other.is_new);
  EXPECT_EQ(other.rotation.serial, 2U);
  clock.advance(1);
  EXPECT_EQ(activate_due_keys(dir(), clock.now_ms()).value(), other.rotation.card);
}

TEST_F(KeySets, AnotherRootKeyAnnouncesNothing) {
  auto const stranger = crypto::SigningKey::generate(random);
  EXPECT_EQ(rotate_keys(dir(), stranger, {}, {}, clock, random).error().code, Code::kWrongIdentity);
  EXPECT_EQ(rotate_keys(DataDir::open(root / "BB").value(), root_key(), {}, {}, clock, random)
                .error()
                .code,
            Code::kUnknownCommunity);  // has not joined
  EXPECT_TRUE(own_rotations(dir()).value().empty());
}

TEST_F(KeySets, AKillAtAnyPointOfARotationLosesNothing) {
  auto const before = load_keys(dir(), {}).value();
  auto const key = root_key();
  int kills = 0;
  for (;; ++kills) {
    ASSERT_LT(kills, 200);
    bool const done = survives([&] {
      KillingRandom killing(static_cast<std::uint64_t>(kills) + 100, kills);
      return rotate_keys(dir(), key, {}, {.roles = {}, .active_from_ms = clock.now_ms()}, clock,
                         killing)
          .has_value();
    });
    if (done) break;
    // Not announced: nothing is due, and the node works with what it had.
    EXPECT_TRUE(own_rotations(dir()).value().empty()) << kills;
    EXPECT_FALSE(activate_due_keys(dir(), clock.now_ms()).value()) << kills;
    EXPECT_EQ(load_keys(dir(), {}).value().tls.verify_key(), before.tls.verify_key()) << kills;
    // Keys that are there already are taken: fewer and fewer random bytes are needed.
  }
  EXPECT_GE(kills, 3);
  auto const chain_here = own_rotations(dir()).value();
  ASSERT_EQ(chain_here.size(), 1U);
  auto peers = chain();
  EXPECT_TRUE(peers.take(chain_here[0]));
  ASSERT_TRUE(activate_due_keys(dir(), clock.now_ms()).value());
  EXPECT_EQ(load_keys(dir(), {}).value().tls.verify_key(), chain_here[0].card.tls);
}

// The parent kills at whatever point the child has come to.
TEST_F(KeySets, AKillAtAnyPointOfTheSwitchLeavesOldOrNew) {
  auto const rotation = rotate({.roles = {}, .active_from_ms = clock.now_ms()}).rotation;
  auto const old = load_keys(dir(), {}).value();
  for (int round = 0; round < 60; ++round) {
    std::error_code ignored;
    fs::remove(dir().keys() / "card.txt", ignored);
    pid_t const child = ::fork();
    if (child == 0) ::_exit(activate_due_keys(dir(), clock.now_ms()) ? 0 : 1);
    for (int volatile spin = 0; spin < round * 60'000;) spin = spin + 1;
    ::kill(child, SIGKILL);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    auto const used = card_in_use(dir());
    ASSERT_TRUE(used) << used.error().text();
    auto const keys = load_keys(dir(), {});
    ASSERT_TRUE(keys) << keys.error().text();
    bool const switched = *used == rotation.card;
    EXPECT_EQ(keys->tls.verify_key(), switched ? rotation.card.tls : old.tls.verify_key());
  }
  ASSERT_TRUE(activate_due_keys(dir(), clock.now_ms()));
  EXPECT_EQ(card_in_use(dir()).value(), rotation.card);
}

TEST_F(KeySets, KeysThatAreNotThereAreNotSwitchedTo) {
  auto const rotation = rotate({.roles = {}, .active_from_ms = clock.now_ms()}).rotation;
  auto const in_head = dir().card().value();
  fs::path const file = rotation_folder(dir(), in_head, 1) / "log.key";
  fs::rename(file, root / "aside");
  auto const refused = activate_due_keys(dir(), clock.now_ms());
  EXPECT_EQ(refused.error().code, Code::kMissingKey);
  EXPECT_EQ(refused.error().where, file.string());
  EXPECT_TRUE(load_keys(dir(), {}));
  fs::rename(root / "aside", file);
  EXPECT_EQ(activate_due_keys(dir(), clock.now_ms()).value(), rotation.card);
}

TEST_F(KeySets, AnAlteredAnnouncementIsNamed) {
  (void)rotate();
  fs::path const file = rotation_folder(dir(), dir().card().value(), 1) / "rotation.txt";
  std::ofstream(file) << "not an announcement";
  EXPECT_EQ(own_rotations(dir()).error().where, file.string());
}

// --- the commands ---

struct Ran {
  int exit_code = 0;
  std::string out, err;
};

class KeyCommands : public KeySets {
 protected:
  Ran amic(std::vector<std::string> arguments) {
    std::ostringstream out;
    std::ostringstream err;
    Context context{out, err, clock, random, [](auto const&) { return std::nullopt; }};
    Ran result;
    result.exit_code = run_cli(std::move(arguments), context);
    result.out = out.str();
    result.err = err.str();
    return result;
  }
  std::string at(std::string const& name) const { return (root / name).string(); }
  std::string share(int i) const {
    return at("shares/AA-root-share-" + std::to_string(i)) + "-of-5.txt";
  }
  void split() {
    auto const done = amic({"key", "split", "--dir", at("AA"), "--shares", "5", "--threshold", "3",
                            "--out", at("shares")});
    ASSERT_EQ(done.exit_code, kExitOk) << done.err;
  }
};

TEST_F(KeyCommands, ARootKeyThatIsLostComesBackFromItsShares) {
  split();
  std::string const seed{as_text(root_key().seed())};
  fs::remove(dir().keys() / "root.key");
  auto const few = amic({"key", "join", share(1), share(2), "--dir", at("AA")});
  EXPECT_EQ(few.exit_code, kExitRefused);
  EXPECT_NE(few.err.find("2 of the 3"), std::string::npos);
  auto const tried =
      amic({"key", "join", share(1), share(2), share(4), "--dir", at("AA"), "--check"});
  EXPECT_EQ(tried.exit_code, kExitOk) << tried.err;
  EXPECT_FALSE(fs::exists(dir().keys() / "root.key"));
  auto const joined = amic({"key", "join", share(5), share(2), share(4), "--dir", at("AA")});
  EXPECT_EQ(joined.exit_code, kExitOk) << joined.err;
  EXPECT_EQ(as_text(root_key().seed()), seed);
  for (auto const& ran : {few, tried, joined}) EXPECT_EQ(ran.out.find(seed), std::string::npos);
}

TEST_F(KeyCommands, SharesOfAnotherMemberWriteNothing) {
  split();
  auto const refused =
      amic({"key", "join", share(1), share(2), share(3), "--dir", at("BB"), "--out", at("here")});
  EXPECT_EQ(refused.exit_code, kExitRefused);
  EXPECT_NE(refused.err.find("wrong_identity"), std::string::npos) << refused.err;
  EXPECT_FALSE(fs::exists(root / "here"));
}

TEST_F(KeyCommands, EachMistakeWithSharesIsNamed) {
  split();
  auto const join = [&](std::vector<std::string> files) {
    files.insert(files.begin(), {"key", "join", "--check", "--dir", at("AA")});
    auto const ran = amic(std::move(files));
    EXPECT_EQ(ran.exit_code, kExitRefused);
    return ran.err;
  };
  EXPECT_NE(join({share(1), share(2), share(1)}).find("duplicate_key"), std::string::npos);
  std::string text = read_file(share(3)).value();
  text[60] = text[60] == 'A' ? 'B' : 'A';
  std::ofstream(at("bad.txt")) << text;
  std::string const mistyped = join({share(1), share(2), at("bad.txt")});
  EXPECT_NE(mistyped.find("corrupt at " + at("bad.txt")), std::string::npos) << mistyped;
  fs::rename(root / "shares", root / "first");
  split();
  EXPECT_NE(join({share(1), share(2), at("first/AA-root-share-3-of-5.txt")}).find("splitting"),
            std::string::npos);
  EXPECT_NE(join({share(1), share(2), at("nothing.txt")}).find("missing_key"), std::string::npos);
  auto const again = amic({"key", "split", "--dir", at("AA"), "--shares", "3", "--threshold", "2",
                           "--out", at("shares")});
  EXPECT_NE(again.err.find("conflict"), std::string::npos);
}

TEST_F(KeyCommands, OfficersPassphrases) {
  std::vector<std::string> command = {"key", "split",       "--dir", at("AA"), "--shares",
                                      "2",   "--threshold", "2",     "--out",  at("shares")};
  for (auto const* who : {"one", "two"}) {
    std::ofstream(at(who)) << "passphrase " << who << "\n";
    fs::permissions(at(who), fs::perms::owner_read | fs::perms::owner_write);
    command.insert(command.end(), {"--officer-passphrase-from", "file:" + at(who)});
  }
  ASSERT_EQ(amic(command).exit_code, kExitOk);
  std::string const first = at("shares/AA-root-share-1-of-2.txt");
  std::string const second = at("shares/AA-root-share-2-of-2.txt");
  auto const join = [&](std::string const& a, std::string const& b) {
    return amic({"key", "join", first, second, "--dir", at("AA"), "--check",
                 "--share-passphrase-from", "file:" + at(a), "--share-passphrase-from",
                 "file:" + at(b)});
  };
  EXPECT_EQ(join("one", "two").exit_code, kExitOk);
  auto const wrong = join("two", "one");
  EXPECT_EQ(wrong.exit_code, kExitRefused);
  EXPECT_NE(wrong.err.find("wrong_passphrase at " + first), std::string::npos) << wrong.err;
}

TEST_F(KeyCommands, RotationWithTheRootFromSharesAndWhatShowSays) {
  split();
  fs::remove(dir().keys() / "root.key");
  auto const without = amic({"key", "rotate", "--dir", at("AA")});
  EXPECT_NE(without.err.find("--share"), std::string::npos);
  auto const rotated = amic({"key", "rotate", "--dir", at("AA"), "--only", "tls,sealing", "--share",
                             share(1), share(3), share(5), "--out", at("rotation.txt")});
  ASSERT_EQ(rotated.exit_code, kExitOk) << rotated.err;
  EXPECT_FALSE(fs::exists(dir().keys() / "root.key"));  // used in memory
  auto const rotation = consent::rotation_from_text(read_file(at("rotation.txt")).value());
  ASSERT_TRUE(rotation);
  auto peers = chain();
  EXPECT_TRUE(peers.take(*rotation));

  auto const shown = amic({"key", "show", "--dir", at("AA")}).out;
  EXPECT_NE(shown.find("not here"), std::string::npos) << shown;
  EXPECT_NE(shown.find("rotation-1-"), std::string::npos) << shown;
  EXPECT_EQ(std::count(shown.begin(), shown.end(), '\n'), 2 + 7 + 2) << shown;
  EXPECT_EQ(shown.find("planned life"), std::string::npos) << shown;
  clock.advance(700 * kDayMs);
  auto const late = amic({"key", "show", "--dir", at("AA")}).out;
  EXPECT_NE(late.find("The planned life of the node key ends on"), std::string::npos) << late;
  EXPECT_NE(late.find("a motion replaces it"), std::string::npos) << late;
  EXPECT_EQ(amic({"key", "rotate", "--dir", at("AA"), "--only", "root"}).exit_code, kExitUsage);
}

}  // namespace
}  // namespace amic::node
