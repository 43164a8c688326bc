// TLS 1.3 over OpenSSL, and the byte transport of a connection. Internal to net.
//
// Peers are known by the raw Ed25519 key of their certificate and by nothing else: no names, no
// dates, no authorities. TLS 1.3's CertificateVerify proves that the peer holds the key.
#pragma once

#include <sys/uio.h>

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "net/http.h"

namespace amic::net {

class TlsContext {
 public:
  // kUsage: a seed that is not 32 bytes, an unreadable or unfit certificate or key file.
  static Result<std::shared_ptr<TlsContext>> server(ServerOptions const& options);
  static Result<std::shared_ptr<TlsContext>> client(ClientOptions const& options);
  virtual ~TlsContext() = default;
};

enum class Io {
  kDone,       // bytes moved or handshake finished
  kWantRead,   // wait until the socket is readable, then call again
  kWantWrite,  // same for writable
  kClosed,     // orderly end or reset by the peer
  kFailed,     // protocol failure; see error()
};

// Non-blocking I/O on a connected socket that somebody else owns. One thread at a time, with
// SIGPIPE blocked (Runtime's threads have it so).
class Transport {
 public:
  virtual ~Transport() = default;
  virtual Io handshake() = 0;
  virtual Io read_some(std::span<char> into, std::size_t& got) = 0;
  // Writes a prefix of both parts taken together. After kWant*, call again with the same bytes.
  virtual Io write_some(std::string_view first, std::string_view second, std::size_t& put) = 0;
  virtual void shut_down() = 0;  // best effort, does not block
  virtual Error error() const = 0;
  virtual std::optional<PublicKey32> peer_key() const = 0;

  static std::unique_ptr<Transport> plain(int fd);
  static Result<std::unique_ptr<Transport>> tls(std::shared_ptr<TlsContext> context, int fd,
                                                bool server);
};

}  // namespace amic::net
