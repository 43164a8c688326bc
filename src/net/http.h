// Thin HTTP types and the server and client behind them. Asio and Beast never leave net/*.cc.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "net/runtime.h"
#include "obs/metrics.h"

namespace amic::net {

using PublicKey32 = FixedBytes<32, struct TlsPublicKeyTag>;  // raw Ed25519 key of a certificate

using Headers = std::vector<std::pair<std::string, std::string>>;  // names in lower case

// A body too long to be held: whoever takes it asks for the next piece once he has dealt with the
// one before, so that neither side needs more memory than a piece, and a slow one holds the other.
class BodySource {
 public:
  virtual ~BodySource() = default;
  // `done` gets the next piece, an empty one at the end, or why there is none; once, on any thread,
  // maybe before read() returns. One read at a time.
  virtual void read(std::function<void(Result<std::string>)> done) = 0;
};

struct Request {
  std::string method = "GET";
  std::string target = "/";  // path and query as received; see net/target.h to take it apart
  Headers headers;
  std::string body;
  // Set: the body is this and `body` is empty. Client side: exactly source_bytes of it. Server
  // side: what ServerOptions::streams chose; source_bytes is 0 if the client does not say how long
  // it is.
  std::shared_ptr<BodySource> source = {};
  std::uint64_t source_bytes = 0;
  std::string remote_address;           // server side: "127.0.0.1:40312"
  std::optional<PublicKey32> peer_key;  // server side, mutual TLS: the client's key
  std::string_view header(std::string_view lower_name) const;  // empty if absent
};

// A response that goes on: server-sent events and other streams. Thread-safe, bounded.
class EventStream {
 public:
  virtual ~EventStream() = default;
  // Queues bytes to send. False if the peer has gone, or limits::kSseQueueEventsMax pieces or 16
  // MiB wait: the stream is then closed, and the client comes back with Last-Event-ID.
  virtual bool push(std::string chunk) = 0;
  virtual void close() = 0;
  virtual bool closed() const = 0;
};

struct Response {
  int status = 200;
  Headers headers;
  std::string body;
  // If set, the response is streamed (chunked): called once, on the server's thread, when the
  // header has been written. body is ignored.
  std::function<void(std::shared_ptr<EventStream>)> on_stream;
  // If set, the body is exactly source_bytes of this. If it fails or ends before, the connection
  // does: the client sees that the body was cut.
  std::shared_ptr<BodySource> source = {};
  std::uint64_t source_bytes = 0;
  std::string_view header(std::string_view lower_name) const;
};

// Answers one request, exactly once, from any thread. Dropped unanswered = 500.
using Responder = std::function<void(Response)>;
// Called on a runtime thread: must not block; long work goes to a WorkerPool.
using Handler = std::function<void(Request, Responder)>;

// TLS 1.3 only. A certificate is self-made from an Ed25519 key: names and dates in it mean nothing,
// the key is all (pinned by the head). There is no certificate authority.
struct TlsIdentity {
  Bytes seed_32;  // Ed25519 seed (secret)
  std::string common_name = "amic";
};
// Decides whether a peer's key is welcome. Called during the handshake on a runtime thread.
using KeyCheck = std::function<bool(PublicKey32 const&)>;

// Null: not counted. What they point to must outlive the runtime.
struct ServerCounters {
  obs::Counter* handshakes_bad = nullptr;    // failed, or of a key that has all that it may have
  obs::Counter* handshakes_held = nullptr;   // had to wait, since their address is in debt
  obs::Counter* connections_shut = nullptr;  // closed at once: too many of their address, or of all
};

struct ServerOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;                // 0: the system chooses; see Server::port()
  std::optional<TlsIdentity> tls;        // none: plain HTTP (loopback only, checked)
  std::string tls_certificate_pem_file;  // alternative: an operator's certificate and key
  std::string tls_key_pem_file;
  KeyCheck client_key;  // set: mutual TLS required, this decides
  std::size_t header_bytes_max = 16 << 10;
  std::size_t body_bytes_max = 64 << 20;
  // Requests whose handler is called with the header and takes the body piece by piece, up to
  // stream_bytes_max. Called on a runtime thread; must not block. Nothing is read before the
  // handler asks for it, and each read from the client must come within request_timeout_ms. If the
  // handler answers before it has taken all, the connection ends with the answer.
  std::function<bool(Request const& head)> streams = {};
  std::uint64_t stream_bytes_max = 0;
  std::size_t connections_max = 1024;
  // Mutual TLS: connections of one key; one more is closed after its handshake. 0: no limit. With a
  // limit, one key may also make no more new connections than the two values after it say.
  std::size_t connections_per_key_max = 0;
  double new_connections_per_key_per_second = 16;
  double new_connections_per_key_at_once = 64;
  // TLS: handshakes of one address (IPv6: of its first 64 bits) that come to nothing, since they
  // fail or the key has all that it may have. Beyond that its next connections wait unread.
  double bad_handshakes_per_second = 16;
  double bad_handshakes_at_once = 64;
  std::size_t unfinished_handshakes_max = 64;  // of one address; one more is closed at once
  std::int64_t handshake_timeout_ms = 30'000;
  ServerCounters counters = {};
  // Mutual TLS: called on a runtime thread when a request's header is complete. Milliseconds in
  // which its body is left unread: who has used up its budget pays with its own time, not with our
  // memory and processor.
  std::function<std::int64_t(PublicKey32 const&)> hold_ms;
  std::int64_t idle_timeout_ms = 60'000;     // between requests
  std::int64_t request_timeout_ms = 60'000;  // from first byte to complete request (slow readers)
  // A handler that has not answered by then is answered for (504). A response must be taken within
  // request_timeout_ms plus its size at the slowest rate.
  std::int64_t response_timeout_ms = 300'000;
  std::int64_t response_bytes_per_second_min = 4096;
};

class Server {
 public:
  // Listens at once. kIo with host:port if the address can't be bound; kForbidden for plain HTTP
  // beyond loopback; kUsage for a host that is no IP address, a bad key or certificate file.
  static Result<std::unique_ptr<Server>> listen(Runtime& runtime, ServerOptions options,
                                                Handler handler);
  virtual ~Server() = default;
  virtual std::uint16_t port() const = 0;
  virtual std::size_t connections() const = 0;
  // Stops accepting, closes connections. Idempotent. When it returns, on a thread that is not the
  // runtime's, no handler runs and none will be called. The destructor does the same.
  virtual void stop() = 0;
};

struct Endpoint {
  std::string scheme = "https";  // "http" or "https"
  std::string host;
  std::uint16_t port = 443;
  auto operator<=>(Endpoint const&) const = default;
};
Result<Endpoint> parse_endpoint(std::string_view url);  // "https://127.0.0.1:8443" [path ignored]

struct ClientOptions {
  std::optional<TlsIdentity> tls;  // our client certificate, for mutual TLS
  KeyCheck server_key;             // pins the server's key; required for https with tls
  std::size_t response_bytes_max = 64 << 20;
  std::size_t connections_per_endpoint_max = 4;
  std::int64_t connect_timeout_ms = 10'000;
  std::int64_t idle_timeout_ms = 60'000;
};

// Keep-alive connections per endpoint, bounded. A request on a reused connection that the server
// had closed is retried once on a new connection. Errors: kTimeout, kUnavailable (refused, reset),
// kWrongIdentity (key check failed), kUnauthorized at "tls.client" (the server refuses our key),
// kTooLarge, kMalformed, kOverloaded (too many wait), kUsage (https without server_key).
// Destroy it before its Runtime.
class Client {
 public:
  static Result<std::unique_ptr<Client>> create(Runtime& runtime, ClientOptions options);
  virtual ~Client() = default;
  // `done` is called exactly once, on a runtime thread (or at once if the client is stopping). The
  // destructor ends what is under way with kUnavailable. timeout_ms covers everything, waiting for
  // a free connection included.
  virtual void send(Endpoint endpoint, Request request, std::int64_t timeout_ms,
                    std::function<void(Result<Response>)> done) = 0;
  // Server-sent events or long bodies: `on_chunk` gets body bytes as they arrive, false cancels
  // (done then gets kUnavailable at "client.cancelled"). Only a 2xx body goes there: any other is
  // in the Response. A connection of its own, which idle_timeout_ms of silence ends with kTimeout.
  virtual void stream(Endpoint endpoint, Request request,
                      std::function<bool(std::string_view)> on_chunk,
                      std::function<void(Result<Response>)> done) = 0;
  // Blocks the calling thread, which must not be a runtime thread. For command lines and tests.
  Result<Response> call(Endpoint endpoint, Request request, std::int64_t timeout_ms);
};

}  // namespace amic::net
