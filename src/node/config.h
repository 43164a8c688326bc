// A node's configuration: config.toml, then AMIC_... variables of the environment. No secret is
// ever in either: a passphrase is named by where it comes from. docs/OPERATIONS.md lists the keys.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"

namespace amic::node {

// Where to listen: "127.0.0.1:7443", "[::1]:7443". The host is an IP address, without brackets.
struct Listen {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;
  bool is_loopback() const;
  bool is_any() const;  // 0.0.0.0 or ::, which no peer can dial
  std::string text() const;
  bool operator==(Listen const&) const = default;
};
Result<Listen> parse_listen(std::string_view text, std::string_view where);

struct Config {
  MemberId member;                        // member, required
  std::string name;                       // name, required
  Realm realm;                            // realm = "OPERATIONS"
  Listen link_listen{"127.0.0.1", 7443};  // [link] listen
  std::string link_address;               // [link] address; default https://<listen>
  Listen api_listen{"127.0.0.1", 7080};   // [api] listen
  std::string log_level = "info";         // [log] level: debug, info, warn, error, off
  std::string passphrase_from;            // [keys] passphrase_from; empty = unprotected keys
  std::int64_t witness_interval_s = 60;   // [witness] interval_s, 1..86400
  bool operator==(Config const&) const = default;
};

// Strict: unknown keys, wrong types and bad values are refused; `where` is "config.toml, line N".
Result<Config> parse_config(std::string_view toml);
std::string format_config(Config const& config);  // parse_config's inverse, with comments

// AMIC_REALM, AMIC_LINK_LISTEN, AMIC_LINK_ADDRESS, AMIC_API_LISTEN, AMIC_LOG_LEVEL,
// AMIC_PASSPHRASE_FROM, AMIC_WITNESS_INTERVAL_S. `where` of an error is the variable's name. Who
// the member is can't be overridden.
using Environment = std::function<std::optional<std::string>(std::string const& name)>;
Environment process_environment();
Result<Config> with_environment(Config config, Environment const& environment);

}  // namespace amic::node
