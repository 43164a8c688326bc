#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/http.h"
#include "net/server_connection.h"
#include "obs/log.h"

namespace amic::net {
namespace asio = boost::asio;
using tcp = asio::ip::tcp;
namespace {

constexpr std::int64_t kAcceptPauseMs = 100;
constexpr std::size_t kAddressesMax = 4096;  // whose handshakes are accounted for

// Lives on loop 0 together with the coroutine that accepts.
struct Acceptor {
  explicit Acceptor(asio::io_context& io) : socket(io), pause(io) {}
  tcp::acceptor socket;
  asio::steady_timer pause;
};

Task<void> accept_all(std::shared_ptr<ServerShared> shared, std::shared_ptr<Acceptor> acceptor) {
  std::size_t next = 0;
  while (!shared->stopping) {
    auto const index = next++ % shared->loops.size();
    auto& io = shared->loops[index]->io();
    tcp::socket socket(io);
    boost::system::error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    co_await acceptor->socket.async_accept(socket, token);
    if (shared->stopping || error == asio::error::operation_aborted) co_return;
    if (error == asio::error::connection_aborted) continue;
    if (error) {
      // Out of descriptors, most likely: accepting again at once would only spin.
      obs::log(obs::Level::kWarn, "net.accept_failed", {{"detail", error.message()}});
      acceptor->pause.expires_after(std::chrono::milliseconds(kAcceptPauseMs));
      co_await acceptor->pause.async_wait(token);
      continue;
    }
    if (++shared->connections > shared->options.connections_max) {
      --shared->connections;
      if (auto* const shut = shared->options.counters.connections_shut) shut->add();
      obs::log(obs::Level::kWarn, "net.too_many_connections",
               {{"max", shared->options.connections_max}});
      continue;  // closes it
    }
    auto connection = serve_connection(shared, index, std::move(socket));
    asio::co_spawn(io, std::move(connection), asio::detached);
  }
}

class AsioServer final : public Server {
 public:
  AsioServer(Runtime& runtime, std::shared_ptr<ServerShared> shared,
             std::shared_ptr<Acceptor> acceptor, std::uint16_t port)
      : runtime_(runtime),
        shared_(std::move(shared)),
        acceptor_(std::move(acceptor)),
        port_(port) {}
  ~AsioServer() override { stop(); }

  std::uint16_t port() const override { return port_; }
  std::size_t connections() const override { return shared_->connections; }

  void stop() override {
    shared_->stopping = true;
    runtime_.impl().on_each_loop([shared = shared_, acceptor = acceptor_](std::size_t i) {
      if (i == 0) {
        boost::system::error_code ignored;
        acceptor->socket.close(ignored);
        acceptor->pause.cancel();
      }
      abort_connections(*shared, i);
    });
  }

 private:
  Runtime& runtime_;
  std::shared_ptr<ServerShared> shared_;
  std::shared_ptr<Acceptor> acceptor_;
  std::uint16_t port_;
};

Result<tcp::endpoint> check_address(ServerOptions const& options) {
  boost::system::error_code error;
  auto const address = asio::ip::make_address(options.host, error);
  if (error) return fail(Code::kUsage, options.host, "not an IP address");
  bool const plain = !options.tls && options.tls_certificate_pem_file.empty();
  if (plain && !address.is_loopback())
    return fail(Code::kForbidden, options.host, "plain HTTP is for loopback only");
  if (plain && options.client_key) return fail(Code::kUsage, "client_key", "client keys need TLS");
  return tcp::endpoint(address, options.port);
}

Result<void> open_acceptor(tcp::acceptor& acceptor, tcp::endpoint const& at,
                           std::string const& name) {
  boost::system::error_code error;
  acceptor.open(at.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && at.address().is_v6()) acceptor.set_option(asio::ip::v6_only(true), error);
  if (!error) acceptor.bind(at, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return fail(Code::kIo, name, error.message());
  return {};
}

}  // namespace

Result<std::unique_ptr<Server>> Server::listen(Runtime& runtime, ServerOptions options,
                                               Handler handler) {
  AMIC_TRY(auto const at, check_address(options));
  auto shared = std::make_shared<ServerShared>();
  if (options.tls || !options.tls_certificate_pem_file.empty()) {
    AMIC_TRY(shared->tls, TlsContext::server(options));
    shared->gate = std::make_shared<HandshakeGate>(
        HandshakeGate::Limits{options.unfinished_handshakes_max, options.bad_handshakes_per_second,
                              options.bad_handshakes_at_once, kAddressesMax});
  }
  shared->loops = runtime.impl().loops;
  shared->live.resize(shared->loops.size());
  auto& io = shared->loops[0]->io();
  auto acceptor = std::make_shared<Acceptor>(io);
  auto const name = options.host + ":" + std::to_string(options.port);
  AMIC_TRY_VOID(open_acceptor(acceptor->socket, at, name));
  auto const port = acceptor->socket.local_endpoint().port();
  if (options.tls) std::fill(options.tls->seed_32.begin(), options.tls->seed_32.end(), 0);
  shared->options = std::move(options);
  shared->handler = std::move(handler);
  auto server = std::make_unique<AsioServer>(runtime, shared, acceptor, port);
  asio::co_spawn(io, accept_all(shared, acceptor), asio::detached);
  return server;
}

}  // namespace amic::net
