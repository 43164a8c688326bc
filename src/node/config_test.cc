#include "node/config.h"

#include <gtest/gtest.h>

#include <map>

namespace amic::node {
namespace {

std::string const kSmallest = "member = \"MY\"\nname = \"Malaysia\"\n";

Error refused(std::string const& more) {
  auto const config = parse_config(kSmallest + more);
  EXPECT_FALSE(config) << more;
  return config ? Error{} : config.error();
}

TEST(Config, DefaultsListenOnLoopbackOnly) {
  Config const config = parse_config(kSmallest).value();
  EXPECT_EQ(config.member.str(), "MY");
  EXPECT_TRUE(config.realm.is_operations());
  EXPECT_TRUE(config.link_listen.is_loopback());
  EXPECT_TRUE(config.api_listen.is_loopback());
  EXPECT_EQ(config.link_address, "https://127.0.0.1:7443");
  EXPECT_EQ(config.passphrase_from, "");
}

TEST(Config, FormatIsParsesInverse) {
  Config config;
  config.member = MemberId::parse("VN").value();
  config.name = "Việt \"Nam\" \\ \t";
  config.realm = Realm::parse("EXERCISE:ALPHA-1").value();
  config.link_listen = {"::1", 1};
  config.link_address = "https://[::1]:1";
  config.api_listen = {"0.0.0.0", 65535};
  config.log_level = "debug";
  config.passphrase_from = "file:/etc/amic/pass \"quoted\"";
  config.keys_life_days = 400;
  config.witness_interval_s = 86400;
  config.peer_budget = {20, 0, 7, 1};
  config.peers[MemberId::parse("SG").value()] = {"https://127.0.0.1:9", 1200};
  config.peers[MemberId::parse("TL-2").value()] = {"", 100};
  config.relays = {MemberId::parse("TH").value(), MemberId::parse("SG").value()};
  config.relay_after_s = 5;
  config.relay_for = {MemberId::parse("TL-2").value()};
  auto const back = parse_config(format_config(config));
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(*back, config);
}

// Neither using nor being a relay is on by itself.
TEST(Config, RelaysAreListsAndEmptyByDefault) {
  Config config = parse_config(kSmallest).value();
  EXPECT_TRUE(config.relays.empty() && config.relay_for.empty() && !config.relay_for_all);
  config =
      parse_config(kSmallest + "[link]\nrelays = [\"TH\", \"SG\"]\nrelay_for = [\"*\"]\n").value();
  ASSERT_EQ(config.relays.size(), 2u);
  EXPECT_EQ(config.relays[0].str(), "TH");  // the order is the preference
  EXPECT_TRUE(config.relay_for_all);
  EXPECT_EQ(parse_config(format_config(config)).value(), config);
}

TEST(Config, DottedKeysAreTheSame) {
  Config const config = parse_config(kSmallest + "link.listen = \"127.0.0.2:9\"\n").value();
  EXPECT_EQ(config.link_listen, (Listen{"127.0.0.2", 9}));
}

TEST(Config, UnknownKeysAreRefusedWithTheirLine) {
  EXPECT_EQ(refused("colour = \"blue\"\n"),
            (Error{Code::kUnknownField, "config.toml, line 3", "colour is not a setting"}));
  EXPECT_EQ(refused("\n[link]\nlisten = \"127.0.0.1:1\"\nport = 7\n").where, "config.toml, line 6");
  EXPECT_EQ(refused("[colours]\nblue = 1\n").code, Code::kUnknownField);
  EXPECT_EQ(refused("[keys]\npassphrase = \"x\"\n").code, Code::kUnknownField);
}

TEST(Config, BadValuesAreRefusedWithTheirLine) {
  struct Case {
    char const* text;
    Code code;
  };
  for (auto const& one : {Case{"realm = \"exercise\"", Code::kMalformed},
                          Case{"realm = 7", Code::kWrongType},
                          Case{"link = 7", Code::kUnknownField},
                          Case{"link.listen = \"localhost:1\"", Code::kMalformed},
                          Case{"link.listen = \"127.0.0.1:0\"", Code::kMalformed},
                          Case{"link.listen = \"127.0.0.1:65536\"", Code::kMalformed},
                          Case{"link.listen = \"::1:7\"", Code::kMalformed},
                          Case{"api.listen = \"127.0.0.1\"", Code::kMalformed},
                          Case{"link.address = \"http://x:1\"", Code::kMalformed},
                          Case{"log.level = \"loud\"", Code::kMalformed},
                          Case{"link.peer_requests_max = 15", Code::kOutOfRange},
                          Case{"link.peer_bytes_per_second = -1", Code::kOutOfRange},
                          Case{"link.peer_cpu_ms_per_second = \"1\"", Code::kWrongType},
                          Case{"link.peers = 7", Code::kWrongType},
                          Case{"link.peers.SG = 7", Code::kWrongType},
                          Case{"link.peers.sg.address = \"https://x:1\"", Code::kMalformed},
                          Case{"link.peers.SG.address = \"http://x:1\"", Code::kMalformed},
                          Case{"link.peers.SG.address = 1", Code::kWrongType},
                          Case{"link.peers.SG.send_bytes_per_second = 99", Code::kOutOfRange},
                          Case{"link.peers.SG.send_bytes_per_second = \"9\"", Code::kWrongType},
                          Case{"link.peers.SG.key = 1", Code::kUnknownField},
                          Case{"link.relays = \"SG\"", Code::kWrongType},
                          Case{"link.relays = [1]", Code::kWrongType},
                          Case{"link.relays = [\"sg\"]", Code::kMalformed},
                          Case{"link.relays = [\"SG,TH\"]", Code::kMalformed},
                          Case{"link.relays = [\"SG\", \"SG\"]", Code::kDuplicateKey},
                          Case{"link.relay_for = [\"*\", \"SG\"]", Code::kMalformed},
                          Case{"link.relay_after_s = 0", Code::kOutOfRange},
                          Case{"keys.life_days = 29", Code::kOutOfRange},
                          Case{"keys.life_days = 3651", Code::kOutOfRange},
                          Case{"witness.interval_s = 0", Code::kOutOfRange},
                          Case{"witness.interval_s = 86401", Code::kOutOfRange},
                          Case{"witness.interval_s = \"60\"", Code::kWrongType},
                          Case{"realm = ", Code::kMalformed},
                          Case{"name = \"again\"", Code::kMalformed}}) {
    Error const error = refused(std::string(one.text) + "\n");
    EXPECT_EQ(error.code, one.code) << one.text << ": " << error.text();
    EXPECT_EQ(error.where, "config.toml, line 3") << one.text;
  }
  EXPECT_EQ(parse_config("name = \"x\"\n").error().code, Code::kMissingField);
  EXPECT_EQ(parse_config("member = \"MY\"\n").error().code, Code::kMissingField);
  EXPECT_EQ(parse_config("\xFF").error().code, Code::kBadUtf8);
  EXPECT_EQ(parse_config(std::string(70'000, '#')).error().code, Code::kTooLarge);
}

TEST(Config, WhatTheLibraryGivesUpOnIsAnErrorToo) {
  for (char const* text :
       {"[:", "[[=", "[\"", "[a.", "a.=", "=", "\n[", "member = [", "membe\xCA\x93 = 1"})
    EXPECT_EQ(parse_config(text).error().code, Code::kMalformed) << text;
}

TEST(Config, APassphraseInTheWrongPlaceIsNotRepeated) {
  Error const error = refused("[keys]\npassphrase_from = \"correct horse\"\n");
  EXPECT_EQ(error.code, Code::kMalformed);
  EXPECT_EQ(error.text().find("correct"), std::string::npos);
}

TEST(Config, TheEnvironmentOverrides) {
  std::map<std::string, std::string> variables = {
      {"AMIC_REALM", "EXERCISE:X"},         {"AMIC_LINK_LISTEN", "127.0.0.3:3"},
      {"AMIC_LINK_ADDRESS", "https://a:1"}, {"AMIC_API_LISTEN", "127.0.0.4:4"},
      {"AMIC_LOG_LEVEL", "warn"},           {"AMIC_PASSPHRASE_FROM", "fd:7"},
      {"AMIC_WITNESS_INTERVAL_S", "5"},     {"AMIC_MEMBER", "SG"},
      {"AMIC_KEYS_LIFE_DAYS", "365"},       {"AMIC_LINK_RELAYS", "SG,TH"},
      {"AMIC_LINK_RELAY_FOR", ""}};
  auto const environment = [&](std::string const& name) -> std::optional<std::string> {
    auto const it = variables.find(name);
    return it == variables.end() ? std::nullopt : std::optional<std::string>(it->second);
  };
  Config const config = with_environment(parse_config(kSmallest).value(), environment).value();
  EXPECT_EQ(config.realm.str(), "EXERCISE:X");
  EXPECT_EQ(config.link_listen.text(), "127.0.0.3:3");
  EXPECT_EQ(config.link_address, "https://a:1");
  EXPECT_EQ(config.api_listen.text(), "127.0.0.4:4");
  EXPECT_EQ(config.log_level, "warn");
  EXPECT_EQ(config.passphrase_from, "fd:7");
  EXPECT_EQ(config.witness_interval_s, 5);
  EXPECT_EQ(config.keys_life_days, 365);
  EXPECT_EQ(config.relays.size(), 2u);
  EXPECT_TRUE(config.relay_for.empty());
  EXPECT_EQ(config.member.str(), "MY") << "who the member is can't be overridden";
  variables = {{"AMIC_API_LISTEN", "everywhere"}};
  EXPECT_EQ(with_environment(config, environment).error().where, "AMIC_API_LISTEN");
}

TEST(Listen, TextRoundTrips) {
  for (auto const* text : {"127.0.0.1:7443", "[::1]:1", "0.0.0.0:65535", "[2001:db8::5]:80"})
    EXPECT_EQ(parse_listen(text, "x").value().text(), text);
}

}  // namespace
}  // namespace amic::node
