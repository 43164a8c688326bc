// A node's configuration: config.toml, then AMIC_... variables of the environment. No secret is
// ever in either: a passphrase is named by where it comes from. docs/OPERATIONS.md lists the keys.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "exchange/operations.h"

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

// How one peer is reached: [link.peers.<MEMBER>].
struct PeerConfig {
  std::string address;                      // address; empty: as its card says
  std::uint64_t send_bytes_per_second = 0;  // send_bytes_per_second; 0: no limit
  bool operator==(PeerConfig const&) const = default;
};
inline constexpr std::uint64_t kSendBytesPerSecondMin = 100;

// What one peer may ask of this node's link: [link]. 0: no limit.
struct PeerBudget {
  std::uint64_t requests = 16;                  // peer_requests_max, at once
  std::uint64_t bytes_per_second = 64 << 20;    // peer_bytes_per_second
  std::uint64_t envelopes_per_second = 50'000;  // peer_envelopes_per_second
  std::uint64_t cpu_ms_per_second = 1'000;      // peer_cpu_ms_per_second
  bool operator==(PeerBudget const&) const = default;
};

struct Config {
  MemberId member;                        // member, required
  std::string name;                       // name, required
  Realm realm;                            // realm = "OPERATIONS"
  Listen link_listen{"127.0.0.1", 7443};  // [link] listen
  std::string link_address;               // [link] address; default https://<listen>
  PeerBudget peer_budget;
  std::map<MemberId, PeerConfig> peers;
  std::vector<MemberId> relays;          // [link] relays: through whom to send, in this order
  std::int64_t relay_after_s = 60;       // [link] relay_after_s, 1..86400
  std::vector<MemberId> relay_for;       // [link] relay_for: whom this node carries for
  bool relay_for_all = false;            // [link] relay_for = ["*"]
  Listen api_listen{"127.0.0.1", 7080};  // [api] listen
  std::string log_level = "info";        // [log] level: debug, info, warn, error, off
  std::string passphrase_from;           // [keys] passphrase_from; empty = unprotected keys
  int keys_life_days = 730;              // [keys] life_days, 30..3650: when alarms say: rotate
  std::int64_t witness_interval_s = 60;  // [witness] interval_s, 1..86400
  std::string consent_counter;           // [consent] counter: a path; empty: none
  bool consent_sign_at_node = true;      // [consent] sign_at_node
  // [recall] comply: "auto" destroys what others recall; "ask" leaves that to an operator.
  exchange::ComplyMode comply = exchange::ComplyMode::kAuto;
  // [attachments] free_bytes_min, peer_bytes_max (0: no limit).
  std::uint64_t attachments_free_bytes_min = 1ULL << 30;
  std::uint64_t attachments_peer_bytes_max = 64ULL << 30;
  bool operator==(Config const&) const = default;
};

// Strict: unknown keys, wrong types and bad values are refused; `where` is "config.toml, line N".
Result<Config> parse_config(std::string_view toml);
std::string format_config(Config const& config);  // parse_config's inverse, with comments

// AMIC_REALM, AMIC_LINK_LISTEN, AMIC_LINK_ADDRESS, AMIC_API_LISTEN, AMIC_LOG_LEVEL,
// AMIC_PASSPHRASE_FROM, AMIC_KEYS_LIFE_DAYS, AMIC_WITNESS_INTERVAL_S, AMIC_LINK_RELAYS,
// AMIC_LINK_RELAY_AFTER_S, AMIC_LINK_RELAY_FOR (lists: "SG,TH"), AMIC_RECALL_COMPLY,
// AMIC_ATTACHMENTS_FREE_BYTES_MIN, AMIC_ATTACHMENTS_PEER_BYTES_MAX. `where` of an error is the
// variable's name. Who the member is can't be overridden.
using Environment = std::function<std::optional<std::string>(std::string const& name)>;
Environment process_environment();
Result<Config> with_environment(Config config, Environment const& environment);

}  // namespace amic::node
