#include "node/config.h"

#include <arpa/inet.h>
#include <toml++/toml.h>

#include <array>
#include <charconv>
#include <cstdlib>
#include <sstream>

#include "base/limits.h"
#include "codec/codec.h"
#include "consent/card.h"
#include "obs/log.h"

namespace amic::node {

namespace {

constexpr std::size_t kConfigBytesMax = 64 << 10;
constexpr std::int64_t kWitnessIntervalMaxS = 24 * 60 * 60;

// One setting: where it stands in the file, its variable, and how its text gets into a Config.
struct Setting {
  std::string_view table;  // empty: top level
  std::string_view key;
  char const* variable;  // null: the file only
  bool number;
  Result<void> (*set)(Config& config, std::string const& text, std::string const& where);
};

Result<std::int64_t> parse_interval(std::string const& text, std::string const& where) {
  std::int64_t value = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 1 ||
      value > kWitnessIntervalMaxS)
    return fail(Code::kOutOfRange, where, "1 to 86400 seconds");
  return value;
}

// The error of a lower parser, told at the place in the configuration.
tl::unexpected<Error> moved(Error const& error, std::string const& where) {
  return fail(error.code, where, error.detail);
}

Result<void> set_passphrase_from(Config& config, std::string const& text,
                                 std::string const& where) {
  bool const known = text.empty() || text == "prompt" || text.starts_with("file:") ||
                     text.starts_with("fd:") || text.starts_with("env:");
  // The text is not repeated: someone may have put the passphrase itself here.
  if (!known)
    return fail(Code::kMalformed, where,
                "one of file:PATH, fd:N, env:NAME, prompt; never the passphrase itself");
  config.passphrase_from = text;
  return {};
}

constexpr std::array<Setting, 9> kSettings = {{
    {"", "member", nullptr, false,
     [](Config& c, std::string const& text, std::string const& where) -> Result<void> {
       auto id = MemberId::parse(text);
       if (!id) return moved(id.error(), where);
       c.member = *id;
       return {};
     }},
    {"", "name", nullptr, false,
     [](Config& c, std::string const& text, std::string const& where) -> Result<void> {
       if (text.empty() || text.size() > limits::kNameBytesMax)
         return fail(Code::kOutOfRange, where, "1 to 128 bytes");
       c.name = text;
       return {};
     }},
    {"", "realm", "AMIC_REALM", false,
     [](Config& c, std::string const& text, std::string const& where) -> Result<void> {
       auto realm = Realm::parse(text);
       if (!realm) return moved(realm.error(), where);
       c.realm = *realm;
       return {};
     }},
    {"link", "listen", "AMIC_LINK_LISTEN", false,
     [](Config& c, std::string const& text, std::string const& where) -> Result<void> {
       AMIC_TRY(c.link_listen, parse_listen(text, where));
       return {};
     }},
    {"link", "address", "AMIC_LINK_ADDRESS", false,
     [](Config& c, std::string const& text, std::string const& where) -> Result<void> {
       auto const address = consent::parse_link_address(text);
       if (!address) return moved(address.error(), where);
       c.link_address = text;
       return {};
     }},
    {"api", "listen", "AMIC_API_LISTEN", false,
     [](Config& c, std::string const& text, std::string const& where) -> Result<void> {
       AMIC_TRY(c.api_listen, parse_listen(text, where));
       return {};
     }},
    {"log", "level", "AMIC_LOG_LEVEL", false,
     [](Config& c, std::string const& text, std::string const& where) -> Result<void> {
       if (!obs::parse_level(text))
         return fail(Code::kMalformed, where, "one of debug, info, warn, error, off");
       c.log_level = text;
       return {};
     }},
    {"keys", "passphrase_from", "AMIC_PASSPHRASE_FROM", false, set_passphrase_from},
    {"witness", "interval_s", "AMIC_WITNESS_INTERVAL_S", true,
     [](Config& c, std::string const& text, std::string const& where) -> Result<void> {
       AMIC_TRY(c.witness_interval_s, parse_interval(text, where));
       return {};
     }},
}};

std::string at_line(toml::source_region const& source) {
  return "config.toml, line " + std::to_string(source.begin.line);
}

std::string path_of(std::string_view table, std::string_view key) {
  return table.empty() ? std::string{key} : std::string{table} + "." + std::string{key};
}

Result<void> apply(Config& config, std::string_view table, toml::key const& key,
                   toml::node const& value) {
  std::string const path = path_of(table, key.str());
  // A key written in another way, as in `link.listen = ...`, is the same key here.
  for (auto const& setting : kSettings) {
    if (setting.table != table || setting.key != key.str()) continue;
    std::string const where = at_line(value.source());
    std::string text;
    if (setting.number && value.is_integer())
      text = std::to_string(value.as_integer()->get());
    else if (!setting.number && value.is_string())
      text = value.as_string()->get();
    else
      return fail(Code::kWrongType, where, path + (setting.number ? ": a number" : ": a string"));
    auto done = setting.set(config, text, where);
    if (!done)
      return fail(done.error().code, done.error().where, path + ": " + done.error().detail);
    return {};
  }
  return fail(Code::kUnknownField, at_line(key.source()), path + " is not a setting");
}

bool is_table_name(std::string_view name) {
  for (auto const& setting : kSettings)
    if (!setting.table.empty() && setting.table == name) return true;
  return false;
}

Result<void> apply_all(Config& config, toml::table const& top) {
  for (auto const& [key, value] : top) {
    if (!is_table_name(key.str()) || !value.is_table()) {
      AMIC_TRY_VOID(apply(config, "", key, value));
      continue;
    }
    for (auto const& [inner_key, inner] : *value.as_table())
      AMIC_TRY_VOID(apply(config, key.str(), inner_key, inner));
  }
  return {};
}

std::string quoted(std::string const& text) {
  std::ostringstream out;
  out << toml::value<std::string>(text);
  return out.str();
}

}  // namespace

bool Listen::is_loopback() const {
  return host.starts_with("127.") || host == "::1";
}
bool Listen::is_any() const {
  return host == "0.0.0.0" || host == "::";
}
std::string Listen::text() const {
  bool const v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

Result<Listen> parse_listen(std::string_view text, std::string_view where) {
  auto const bad = [&](char const* detail) {
    return fail(Code::kMalformed, std::string{where}, detail);
  };
  std::size_t const colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad("not of the form address:port");
  std::string host{text.substr(0, colon)};
  std::string_view const port = text.substr(colon + 1);
  bool const bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  in6_addr scratch{};
  if (inet_pton(bracketed ? AF_INET6 : AF_INET, host.c_str(), &scratch) != 1)
    return bad("the host is an IPv4 address or an [IPv6] address");
  Listen out{host, 0};
  auto const [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
  if (error != std::errc{} || end != port.data() + port.size() || out.port == 0)
    return bad("the port is 1 to 65535");
  return out;
}

Result<Config> parse_config(std::string_view text) {
  if (text.size() > kConfigBytesMax)
    return fail(Code::kTooLarge, "config.toml", "more than 65536 bytes");
  if (!codec::is_utf8(text)) return fail(Code::kBadUtf8, "config.toml", "not UTF-8");
  Config config;
  try {
    toml::table const top = toml::parse(text);
    AMIC_TRY_VOID(apply_all(config, top));
  } catch (toml::parse_error const& error) {
    return fail(Code::kMalformed, at_line(error.source()), std::string{error.description()});
  }
  if (config.member.empty()) return fail(Code::kMissingField, "config.toml", "member is missing");
  if (config.name.empty()) return fail(Code::kMissingField, "config.toml", "name is missing");
  if (config.link_address.empty()) config.link_address = "https://" + config.link_listen.text();
  return config;
}

std::string format_config(Config const& config) {
  std::ostringstream out;
  out << "# Configuration of an amic node. AMIC_... variables of the environment override it.\n"
      << "member = " << quoted(config.member.str()) << "\n"
      << "name = " << quoted(config.name) << "\n"
      << "realm = " << quoted(config.realm.str()) << "\n\n"
      << "[link]\n"
      << "listen = " << quoted(config.link_listen.text()) << "\n"
      << "# What peers dial. It stands in this member's card.\n"
      << "address = " << quoted(config.link_address) << "\n\n"
      << "[api]\n"
      << "listen = " << quoted(config.api_listen.text()) << "\n\n"
      << "[log]\n"
      << "level = " << quoted(config.log_level) << "\n\n"
      << "[keys]\n"
      << "# file:PATH, fd:N, env:NAME or prompt. Never the passphrase itself. Empty: the keys are\n"
      << "# unprotected, which is for development only.\n"
      << "passphrase_from = " << quoted(config.passphrase_from) << "\n\n"
      << "[witness]\n"
      << "interval_s = " << config.witness_interval_s << "\n";
  return out.str();
}

Environment process_environment() {
  return [](std::string const& name) -> std::optional<std::string> {
    char const* const value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

Result<Config> with_environment(Config config, Environment const& environment) {
  for (auto const& setting : kSettings) {
    if (setting.variable == nullptr) continue;
    auto const text = environment(setting.variable);
    if (text) AMIC_TRY_VOID(setting.set(config, *text, setting.variable));
  }
  return config;
}

}  // namespace amic::node
