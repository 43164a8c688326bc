// One connection of the server. Internal to net.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>
#include <vector>

#include "net/channel.h"
#include "net/handshake_gate.h"
#include "net/http.h"
#include "net/loop.h"

namespace amic::net {

class Connection;

// What a server's connections share; outlives the Server until the last of them has ended.
struct ServerShared {
  ServerOptions options;
  Handler handler;
  std::shared_ptr<TlsContext> tls;  // none: plain
  std::vector<std::shared_ptr<Loop>> loops;
  std::vector<std::unordered_set<Connection*>> live;  // per loop, touched on its thread only
  std::atomic<std::size_t> connections{0};
  std::shared_ptr<HandshakeGate> gate;  // with TLS
  struct KeyUse {
    RateBucket new_ones;
    std::size_t connections = 0;
  };
  std::mutex by_key_mutex;
  std::map<PublicKey32, KeyUse> by_key;
  std::atomic<bool> stopping{false};
};

// Serves `socket` until it closes. To be spawned on the loop of that index.
Task<void> serve_connection(std::shared_ptr<ServerShared> shared, std::size_t loop_index,
                            boost::asio::ip::tcp::socket socket);

// Ends every connection of that loop, on its thread: none calls the handler afterwards.
void abort_connections(ServerShared& shared, std::size_t loop_index);

}  // namespace amic::net
