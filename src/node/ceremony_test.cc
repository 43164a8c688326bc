#include "node/ceremony.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "codec/codec.h"
#include "crypto/hash.h"
#include "json/json.h"
#include "node/cli.h"
#include "node/files.h"

namespace amic::node {
namespace {

namespace fs = std::filesystem;
using consent::InstrumentKind;

class TempDir {
 public:
  TempDir() {
    std::string pattern = (fs::temp_directory_path() / "amic-test.XXXXXX").string();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TempDir() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TempDir(TempDir const&) = delete;
  TempDir& operator=(TempDir const&) = delete;
  fs::path operator/(std::string const& name) const { return path_ / name; }

 private:
  fs::path path_;
};

MemberId id(std::string_view text) {
  return MemberId::parse(text).value();
}

class Ceremony : public ::testing::Test {
 protected:
  TempDir temp;
  ManualClock clock;
  SeededRandom random{7};

  Config config_of(std::string const& member, std::string const& name, std::uint16_t port) {
    Config config;
    config.member = id(member);
    config.name = name;
    config.link_listen.port = port;
    return config;
  }
  consent::Card init(std::string const& member, std::string const& name, std::uint16_t port) {
    auto card =
        init_node(temp / member, config_of(member, name, port), Passphrase{}, clock, random);
    EXPECT_TRUE(card) << card.error().text();
    return *card;
  }
  DataDir dir(std::string const& member) { return DataDir::open(temp / member).value(); }
  Founding founding() {
    Founding out;
    out.community_name = "Sample Community";
    out.cards = {init("VN", "Viet Nam", 7003), init("BN", "Brunei Darussalam", 7001),
                 init("KH", "Cambodia", 7002)};
    out.texts = {{InstrumentKind::kTor, "# Our Terms\n\n## Article 1. Purpose\n"},
                 {InstrumentKind::kSop, "no heading here\n"}};
    return out;
  }
  Result<consent::Press> press(std::string const& member, consent::Draft const& draft) {
    return press_draft(dir(member), draft, consent::head_digest(draft.head_bytes), Passphrase{},
                       clock);
  }
  consent::Transcript launched() {
    auto const draft = found_community(founding(), clock).value();
    return consent::launch(draft, {press("BN", draft).value(), press("KH", draft).value(),
                                   press("VN", draft).value()})
        .value();
  }
};

TEST_F(Ceremony, FoundSortsMembersAndTakesTitlesAndTheChairsOrderFromNames) {
  auto const draft = found_community(founding(), clock).value();
  auto const head = consent::decode_head(draft.head_bytes).value();
  EXPECT_EQ(head.members[0].member, id("BN"));
  EXPECT_EQ(head.members[1].member, id("KH"));
  EXPECT_EQ(head.chair_order, (std::vector<MemberId>{id("BN"), id("KH"), id("VN")}));
  EXPECT_EQ(head.chair, id("BN"));
  EXPECT_EQ(head.instruments[0].title, "Our Terms");
  EXPECT_EQ(head.instruments[1].title, "SOP");
  EXPECT_EQ(head.created_ms, clock.now_ms());
}

TEST_F(Ceremony, FoundTakesAnotherOrderAndChair) {
  Founding founding_ = founding();
  founding_.chair_order = {id("VN"), id("BN"), id("KH")};
  founding_.chair = id("KH");
  auto const head =
      consent::decode_head(found_community(founding_, clock).value().head_bytes).value();
  EXPECT_EQ(head.chair_order.front(), id("VN"));
  EXPECT_EQ(head.chair, id("KH"));
}

TEST_F(Ceremony, WholeCeremonyEndsWithEveryNodeInTheSameCommunity) {
  auto const transcript = launched();
  auto const expected = consent::community_of(transcript).value().id;
  for (auto const* member : {"BN", "KH", "VN"}) {
    EXPECT_EQ(load_community(dir(member)).error().code, Code::kUnknownCommunity);
    EXPECT_EQ(join_community(dir(member), transcript, Passphrase{}).value().id, expected);
    EXPECT_EQ(load_community(dir(member)).value().id, expected);
    EXPECT_TRUE(join_community(dir(member), transcript, Passphrase{})) << "idempotent";
  }
}

TEST_F(Ceremony, PressRefusesAnotherHashAndAnotherCard) {
  auto const draft = found_community(founding(), clock).value();
  EXPECT_EQ(press_draft(dir("BN"), draft, Hash{}, Passphrase{}, clock).error().code,
            Code::kConflict);
  init("MY", "Malaysia", 7009);
  EXPECT_EQ(press("MY", draft).error().code, Code::kForeignPress);
  // The same member, but a card made anew by other keys.
  fs::remove_all(temp / "BN");
  init("BN", "Brunei Darussalam", 7001);
  EXPECT_EQ(press("BN", draft).error().code, Code::kForeignPress);
}

TEST_F(Ceremony, JoinRefusesMissingAndExchangedKeys) {
  auto const transcript = launched();
  fs::path const keys = dir("KH").keys();
  fs::rename(keys / "sealing.key", temp / "aside");
  EXPECT_EQ(join_community(dir("KH"), transcript, Passphrase{}).error().code, Code::kMissingKey);
  fs::rename(temp / "aside", keys / "sealing.key");
  // Another node's key of the same role is intact, but it isn't the card's.
  fs::rename(keys / "log.key", temp / "aside");
  fs::copy_file(dir("VN").keys() / "log.key", keys / "log.key");
  auto const refused = join_community(dir("KH"), transcript, Passphrase{});
  EXPECT_EQ(refused.error().code, Code::kWrongIdentity);
  EXPECT_EQ(refused.error().where, "keys.log");
  EXPECT_EQ(load_community(dir("KH")).error().code, Code::kUnknownCommunity);
}

TEST_F(Ceremony, JoinWorksWithTheRootKeyOffline) {
  auto const transcript = launched();
  fs::remove(dir("KH").keys() / "root.key");
  EXPECT_TRUE(join_community(dir("KH"), transcript, Passphrase{}));
}

TEST_F(Ceremony, ADamagedTranscriptOnDiskIsFoundOut) {
  auto const transcript = launched();
  ASSERT_TRUE(join_community(dir("BN"), transcript, Passphrase{}));
  fs::path const path = dir("BN").launch_file();
  std::string text = read_file(path).value();
  text[200] = text[200] == 'A' ? 'B' : 'A';
  std::ofstream(path) << text;
  auto const refused = load_community(dir("BN"));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().detail.find("launch.txt"), std::string::npos);
}

TEST_F(Ceremony, ATranscriptPutThereByHandMustHoldThisNodesCard) {
  auto const transcript = launched();
  init("MY", "Malaysia", 7004);
  ASSERT_TRUE(write_new_file(dir("MY").launch_file(), consent::to_text(transcript)));
  auto const refused = load_community(dir("MY"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kForeignPress);
}

TEST_F(Ceremony, InitNeverChangesACompleteNode) {
  auto const card = init("MY", "Malaysia", 7001);
  auto const again =
      init_node(temp / "MY", config_of("MY", "Malaysia", 7001), Passphrase{}, clock, random);
  EXPECT_EQ(again.error().code, Code::kConflict);
  EXPECT_EQ(dir("MY").card().value(), card);
}

// Whatever file the power failed before, a second init completes the node with the keys it had.
TEST_F(Ceremony, AnInterruptedInitIsCompleted) {
  Config const config = config_of("MY", "Malaysia", 7001);
  for (auto const* lost : {"config.toml", "card.txt", "keys/tls.key", "keys/governance.key"}) {
    fs::remove_all(temp / "MY");
    auto const card = init("MY", "Malaysia", 7001);
    fs::remove(temp / "MY" / "config.toml");
    bool const key_lost = std::string_view(lost).starts_with("keys");
    if (key_lost) fs::remove(temp / "MY" / "card.txt");
    fs::remove(temp / "MY" / lost);
    EXPECT_EQ(DataDir::open(temp / "MY").error().code, Code::kNotFound);
    auto const completed = init_node(temp / "MY", config, Passphrase{}, clock, random);
    ASSERT_TRUE(completed) << lost << ": " << completed.error().text();
    EXPECT_EQ(completed->root, card.root) << lost;
    EXPECT_EQ(completed->node, card.node) << lost;
    EXPECT_TRUE(load_keys(dir("MY"), Passphrase{})) << lost;
  }
}

TEST_F(Ceremony, AnInterruptedInitIsNotCompletedAsAnotherMember) {
  init("MY", "Malaysia", 7001);
  fs::remove(temp / "MY" / "config.toml");
  auto const refused =
      init_node(temp / "MY", config_of("SG", "Singapore", 7001), Passphrase{}, clock, random);
  EXPECT_EQ(refused.error().code, Code::kConflict);
}

TEST_F(Ceremony, ARefusedInitLeavesNoKeys) {
  Config config = config_of("MY", "two\nlines", 7001);
  EXPECT_EQ(init_node(temp / "MY", config, Passphrase{}, clock, random).error().where, "card.name");
  EXPECT_FALSE(fs::exists(temp / "MY"));
  config = config_of("MY", "Malaysia", 7001);
  config.link_listen.host = "0.0.0.0";
  EXPECT_EQ(init_node(temp / "MY", config, Passphrase{}, clock, random).error().code, Code::kUsage);
  EXPECT_FALSE(fs::exists(temp / "MY"));
}

TEST_F(Ceremony, KeysUnderAPassphraseOpenWithItOnly) {
  Passphrase const right = crypto::Secret(as_bytes("correct horse"));
  Passphrase const wrong = crypto::Secret(as_bytes("battery staple"));
  Config const config = config_of("MY", "Malaysia", 7001);
  ASSERT_TRUE(init_node(temp / "MY", config, right, clock, random));
  EXPECT_TRUE(load_keys(dir("MY"), right).value().is_protected);
  EXPECT_EQ(load_keys(dir("MY"), wrong).error().code, Code::kWrongPassphrase);
  EXPECT_EQ(load_keys(dir("MY"), Passphrase{}).error().code, Code::kWrongPassphrase);
}

TEST(ParseHash, TakesWhatPeopleCopyFromPaper) {
  Hash const hash = crypto::sha256(as_bytes("x"));
  EXPECT_EQ(parse_hash(codec::to_hex(hash.view())).value(), hash);
  std::string spaced = consent::spaced_hex(hash.view());
  std::transform(spaced.begin(), spaced.end(), spaced.begin(), ::toupper);
  EXPECT_EQ(parse_hash(spaced).value(), hash);
  for (auto const& bad :
       {std::string(), std::string(63, 'a'), std::string(66, 'a'), std::string(64, 'g')})
    EXPECT_EQ(parse_hash(bad).error().code, Code::kMalformed) << bad;
}

struct CommandRun {
  int exit_code = 0;
  std::string out, err;
};
CommandRun run(std::vector<std::string> arguments) {
  std::ostringstream out, err;
  ManualClock const clock;
  SeededRandom random(5);
  Context context{out, err, clock, random, [](auto const&) { return std::nullopt; }};
  CommandRun result;
  result.exit_code = run_cli(std::move(arguments), context);
  result.out = out.str();
  result.err = err.str();
  return result;
}

TEST(Cli, ExitCodesAndErrorsAreTheContract) {
  TempDir const temp;
  std::string const dir = (temp / "my").string();
  EXPECT_EQ(run({"--help"}).exit_code, kExitOk);
  EXPECT_EQ(run({}).exit_code, kExitUsage);
  EXPECT_EQ(run({"nonsense"}).exit_code, kExitUsage);
  EXPECT_EQ(run({"card", "show"}).exit_code, kExitUsage);
  CommandRun const refused = run({"card", "show", "--dir", dir});
  EXPECT_EQ(refused.exit_code, kExitRefused);
  EXPECT_TRUE(refused.err.starts_with("amic: not_found at " + dir + ": ")) << refused.err;
  EXPECT_TRUE(refused.out.empty());
  for (auto const& line : std::vector<std::vector<std::string>>{
           {"card", "show", "--dir", dir, "--json"}, {"--json", "card", "show", "--dir", dir}}) {
    CommandRun const problem = run(line);
    EXPECT_EQ(problem.exit_code, kExitRefused);
    EXPECT_EQ(json::parse(problem.err).value().at("code").as_string(), "not_found");
  }
  EXPECT_EQ(json::parse(run({"nonsense", "--json"}).err).value().at("code").as_string(), "usage");
}

TEST(Cli, InitShowsTheFingerprintOfTheCardThatItMade) {
  TempDir const temp;
  std::string const dir = (temp / "my").string();
  CommandRun const made = run({"node", "init", "--dir", dir, "--member", "MY", "--name", "Malaysia",
                               "--unprotected", "--json"});
  ASSERT_EQ(made.exit_code, kExitOk) << made.err;
  EXPECT_NE(made.err.find("UNPROTECTED"), std::string::npos);
  auto const card = DataDir::open(dir).value().card().value();
  EXPECT_EQ(json::parse(made.out).value().at("card").at("fingerprint").as_string(),
            codec::to_hex(consent::fingerprint(card).view()));
  CommandRun const verified = run({"card", "verify", dir + "/card.txt"});
  EXPECT_EQ(verified.exit_code, kExitOk);
  EXPECT_NE(verified.out.find(consent::spaced_hex(consent::fingerprint(card).view())),
            std::string::npos);
}

TEST(Cli, EveryCommandHasHelpWithAnExample) {
  for (auto const& command : std::vector<std::vector<std::string>>{{"node", "init"},
                                                                   {"card", "show"},
                                                                   {"card", "verify"},
                                                                   {"community", "found"},
                                                                   {"community", "show"},
                                                                   {"community", "press"},
                                                                   {"community", "launch"},
                                                                   {"community", "verify"},
                                                                   {"community", "join"},
                                                                   {"community", "status"},
                                                                   {"community", "export"}}) {
    auto line = command;
    line.push_back("--help");
    CommandRun const help = run(line);
    EXPECT_EQ(help.exit_code, kExitOk);
    EXPECT_NE(help.out.find("amic " + command[0] + " " + command[1]), std::string::npos)
        << help.out;
    EXPECT_NE(help.out.find("Example"), std::string::npos) << help.out;
  }
}

// The templates must be usable as they are.
TEST(Templates, AreAcceptedAsInstruments) {
  TempDir const temp;
  ManualClock const clock;
  SeededRandom random(8);
  Founding founding;
  founding.community_name = "Sample Community";
  std::uint16_t port = 7000;
  for (auto const* member : {"AA", "BB"}) {
    Config config;
    config.member = id(member);
    config.name = std::string("Member ") + member;
    config.link_listen.port = ++port;
    founding.cards.push_back(init_node(temp / member, config, Passphrase{}, clock, random).value());
  }
  std::string const templates = std::string(AMIC_SOURCE_DIR) + "/data/templates/";
  founding.texts[InstrumentKind::kTor] = read_file(templates + "tor.md").value();
  founding.texts[InstrumentKind::kSop] = read_file(templates + "sop.md").value();
  auto const draft = found_community(founding, clock);
  ASSERT_TRUE(draft) << draft.error().text();
  auto const head = consent::decode_head(draft->head_bytes).value();
  EXPECT_EQ(head.instruments[0].title, "Terms of Reference");
  EXPECT_EQ(head.instruments[1].title, "Standard Operating Procedures");
  std::string const shown = consent::show(*draft);
  for (auto const* heading : {"Article 15. Entry into force", "Article 17. Entry into force"})
    EXPECT_NE(shown.find(heading), std::string::npos) << heading;
}

}  // namespace
}  // namespace amic::node
