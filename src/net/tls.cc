#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

namespace amic::net {
namespace {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* pointer) const {
    Free(pointer);
  }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using CertPtr = std::unique_ptr<X509, Deleter<X509_free>>;
using SslPtr = std::unique_ptr<SSL, Deleter<SSL_free>>;
using ContextPtr = std::unique_ptr<SSL_CTX, Deleter<SSL_CTX_free>>;

#if OPENSSL_VERSION_NUMBER >= 0x30500000L
constexpr char kGroups[] = "X25519MLKEM768:X25519:P-256";
#else
constexpr char kGroups[] = "X25519:P-256";
#endif
constexpr char kCiphers[] = "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr unsigned char kAlpn[] = "\x08http/1.1";
constexpr std::size_t kAlpnBytes = sizeof kAlpn - 1;
constexpr long kCertificateSeconds = 10L * 365 * 24 * 3600;
constexpr std::size_t kRecordBytes = 16 << 10;

// The oldest queued OpenSSL error, which names the cause; empties the queue.
std::string openssl_reason() {
  auto const code = ERR_get_error();
  ERR_clear_error();
  if (code == 0) return "unknown";
  char text[160];
  ERR_error_string_n(code, text, sizeof text);
  return text;
}

std::optional<PublicKey32> raw_key(X509 const* certificate) {
  if (certificate == nullptr) return std::nullopt;
  auto const* const key = X509_get0_pubkey(certificate);
  if (key == nullptr || EVP_PKEY_get_id(key) != EVP_PKEY_ED25519) return std::nullopt;
  PublicKey32 out;
  std::size_t size = out.data.size();
  if (EVP_PKEY_get_raw_public_key(key, out.data.data(), &size) != 1 || size != out.data.size())
    return std::nullopt;
  return out;
}

// A self-signed certificate. Its random serial number and its dates mean nothing; the ten years end
// after 2 days' grace before now, so that a slow clock on the other side can't matter to a checker.
CertPtr make_certificate(EVP_PKEY* key, std::string const& common_name) {
  CertPtr cert(X509_new());
  if (!cert || X509_set_version(cert.get(), X509_VERSION_3) != 1) return nullptr;
  std::uint64_t serial = 0;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) != 1) return nullptr;
  serial = (serial >> 1) | 1;  // positive, not zero
  auto* const name = X509_get_subject_name(cert.get());
  auto const* const text = reinterpret_cast<unsigned char const*>(common_name.c_str());
  bool const good =
      ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert.get()), serial) == 1 &&
      X509_gmtime_adj(X509_getm_notBefore(cert.get()), -2L * 24 * 3600) != nullptr &&
      X509_gmtime_adj(X509_getm_notAfter(cert.get()), kCertificateSeconds) != nullptr &&
      X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, text, -1, -1, 0) == 1 &&
      X509_set_issuer_name(cert.get(), name) == 1 && X509_set_pubkey(cert.get(), key) == 1 &&
      X509_sign(cert.get(), key, nullptr) > 0;
  return good ? std::move(cert) : nullptr;
}

Result<void> use_identity(SSL_CTX* context, TlsIdentity const& identity) {
  if (identity.seed_32.size() != 32) return fail(Code::kUsage, "tls.seed", "must be 32 bytes");
  KeyPtr const key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, identity.seed_32.data(),
                                                identity.seed_32.size()));
  if (!key) return fail(Code::kUsage, "tls.seed", openssl_reason());
  auto const cert = make_certificate(key.get(), identity.common_name);
  if (!cert || SSL_CTX_use_certificate(context, cert.get()) != 1 ||
      SSL_CTX_use_PrivateKey(context, key.get()) != 1)
    return fail(Code::kUsage, "tls.certificate", openssl_reason());
  return {};
}

Result<void> use_pem(SSL_CTX* context, ServerOptions const& options) {
  if (SSL_CTX_use_certificate_chain_file(context, options.tls_certificate_pem_file.c_str()) != 1)
    return fail(Code::kUsage, "tls.certificate_file", openssl_reason());
  if (SSL_CTX_use_PrivateKey_file(context, options.tls_key_pem_file.c_str(), SSL_FILETYPE_PEM) != 1)
    return fail(Code::kUsage, "tls.key_file", openssl_reason());
  if (SSL_CTX_check_private_key(context) != 1)
    return fail(Code::kUsage, "tls.key_file", "does not fit the certificate");
  return {};
}

// A peer that offers ALPN must offer http/1.1; one that offers none is taken to speak it.
int choose_alpn(SSL*, unsigned char const** out, unsigned char* out_size, unsigned char const* in,
                unsigned in_size, void*) {
  for (unsigned i = 0; i < in_size;) {
    unsigned const size = in[i];
    if (in_size - i - 1 < size) break;
    if (size == kAlpnBytes - 1 && std::memcmp(in + i + 1, kAlpn + 1, size) == 0) {
      *out = in + i + 1;
      *out_size = static_cast<unsigned char>(size);
      return SSL_TLSEXT_ERR_OK;
    }
    i += size + 1;
  }
  return SSL_TLSEXT_ERR_ALERT_FATAL;
}

class OpenSslContext final : public TlsContext {
 public:
  static Result<std::shared_ptr<OpenSslContext>> make(bool server, KeyCheck check) {
    auto out = std::make_shared<OpenSslContext>();
    out->context.reset(SSL_CTX_new(server ? TLS_server_method() : TLS_client_method()));
    out->check = std::move(check);
    auto* const c = out->context.get();
    // 1 is success for the first five, 0 for the protocol list.
    if (c == nullptr || SSL_CTX_set_min_proto_version(c, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(c, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_ciphersuites(c, kCiphers) != 1 || SSL_CTX_set1_groups_list(c, kGroups) != 1 ||
        SSL_CTX_set_num_tickets(c, 0) != 1 || SSL_CTX_set_alpn_protos(c, kAlpn, kAlpnBytes) != 0)
      return fail(Code::kInternal, "tls.context", openssl_reason());
    SSL_CTX_set_options(c, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                               SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_read_ahead(c, 1);  // one system call a record instead of two
    SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                            SSL_MODE_RELEASE_BUFFERS);
    // An encrypted key file is refused rather than asked for at the terminal.
    SSL_CTX_set_default_passwd_cb(c, [](char*, int, int, void*) { return -1; });
    SSL_CTX_set_alpn_select_cb(c, choose_alpn, nullptr);
    if (out->check) {
      SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
      SSL_CTX_set_cert_verify_callback(c, verify, out.get());
      // Nothing but Ed25519 can pass the check, so nothing else is offered.
      // (A server's own certificate may still be an operator's of another kind.)
      bool const limited = server ? SSL_CTX_set1_client_sigalgs_list(c, "ed25519") == 1
                                  : SSL_CTX_set1_sigalgs_list(c, "ed25519") == 1;
      if (!limited) return fail(Code::kInternal, "tls.context", openssl_reason());
    }
    return out;
  }

  // Replaces OpenSSL's chain building altogether.
  static int verify(X509_STORE_CTX* store, void* argument) {
    auto const* const self = static_cast<OpenSslContext const*>(argument);
    auto const key = raw_key(X509_STORE_CTX_get0_cert(store));
    if (key && self->check(*key)) return 1;
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
  }

  ContextPtr context;
  KeyCheck check;
};

class PlainTransport final : public Transport {
 public:
  explicit PlainTransport(int fd) : fd_(fd) {}
  Io handshake() override { return Io::kDone; }
  Io read_some(std::span<char> into, std::size_t& got) override {
    ssize_t const n = ::recv(fd_, into.data(), into.size(), MSG_DONTWAIT);
    if (n > 0) return got = static_cast<std::size_t>(n), Io::kDone;
    if (n == 0) return Io::kClosed;
    return blocked() ? Io::kWantRead : Io::kClosed;
  }
  Io write_some(std::string_view first, std::string_view second, std::size_t& put) override {
    iovec parts[2] = {{const_cast<char*>(first.data()), first.size()},  // sendmsg only reads
                      {const_cast<char*>(second.data()), second.size()}};
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    ssize_t const n = ::sendmsg(fd_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0) return put = static_cast<std::size_t>(n), Io::kDone;
    return blocked() ? Io::kWantWrite : Io::kClosed;
  }
  void shut_down() override { ::shutdown(fd_, SHUT_WR); }
  Error error() const override { return {Code::kUnavailable, "connection", "closed"}; }
  std::optional<PublicKey32> peer_key() const override { return std::nullopt; }

 private:
  static bool blocked() { return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR; }
  int fd_;
};

class TlsTransport final : public Transport {
 public:
  TlsTransport(std::shared_ptr<TlsContext> context, SslPtr ssl)
      : context_(std::move(context)), ssl_(std::move(ssl)) {}

  Io handshake() override {
    return outcome(run([&] { return SSL_do_handshake(ssl_.get()); }));
  }

  Io read_some(std::span<char> into, std::size_t& got) override {
    return outcome(run([&] { return SSL_read_ex(ssl_.get(), into.data(), into.size(), &got); }));
  }

  // A small head and the start of the body share a record; the rest is encrypted from where it
  // lies.
  Io write_some(std::string_view first, std::string_view second, std::size_t& put) override {
    std::string_view from = first.empty() ? second : first;
    if (!first.empty() && !second.empty() && first.size() < kRecordBytes) {
      record_.assign(first);
      record_.append(second.substr(0, kRecordBytes - first.size()));
      from = record_;
    }
    return outcome(run([&] { return SSL_write_ex(ssl_.get(), from.data(), from.size(), &put); }));
  }

  void shut_down() override {
    if (!failed_ && SSL_is_init_finished(ssl_.get())) run([&] { return SSL_shutdown(ssl_.get()); });
  }
  Error error() const override { return error_; }
  std::optional<PublicKey32> peer_key() const override {
    return raw_key(SSL_get0_peer_certificate(ssl_.get()));
  }

 private:
  template <class Call>
  int run(Call call) {
    ERR_clear_error();
    return call();
  }

  Io outcome(int result) {
    if (result > 0) return Io::kDone;
    switch (SSL_get_error(ssl_.get(), result)) {
      case SSL_ERROR_WANT_READ:
        return Io::kWantRead;
      case SSL_ERROR_WANT_WRITE:
        return Io::kWantWrite;
      case SSL_ERROR_ZERO_RETURN:
        return Io::kClosed;
      case SSL_ERROR_SYSCALL:
        failed_ = true;
        error_ = {Code::kUnavailable, "tls", "closed"};
        return Io::kClosed;
      default:
        failed_ = true;
        return explain();
    }
  }

  Io explain() {
    auto const code = ERR_peek_error();
    int const reason = ERR_GET_REASON(code);
    auto text = openssl_reason();
    if (ERR_GET_LIB(code) == ERR_LIB_SSL && reason == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
      error_ = {Code::kUnavailable, "tls", "closed"};
      return Io::kClosed;
    }
    if (SSL_get_verify_result(ssl_.get()) == X509_V_ERR_APPLICATION_VERIFICATION) {
      error_ = {Code::kWrongIdentity, "tls.peer", "the peer's key is not the expected one"};
    } else if (refused_by_peer(reason)) {
      error_ = {Code::kUnauthorized, "tls.client", "the peer refuses our key"};
    } else {
      error_ = {Code::kUnavailable, "tls", std::move(text)};
    }
    return Io::kFailed;
  }

  static bool refused_by_peer(int reason) {
    return reason == SSL_R_TLSV1_ALERT_UNKNOWN_CA || reason == SSL_R_TLSV1_ALERT_ACCESS_DENIED ||
           reason == SSL_R_SSLV3_ALERT_BAD_CERTIFICATE ||
           reason == SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN ||
           reason == SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE ||
           reason == SSL_R_SSLV3_ALERT_HANDSHAKE_FAILURE ||
           reason == SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED;
  }

  std::shared_ptr<TlsContext> context_;
  SslPtr ssl_;
  std::string record_;
  Error error_{Code::kUnavailable, "tls", "closed"};
  bool failed_ = false;
};

}  // namespace

Result<std::shared_ptr<TlsContext>> TlsContext::server(ServerOptions const& options) {
  AMIC_TRY(auto out, OpenSslContext::make(true, options.client_key));
  if (options.tls) {
    AMIC_TRY_VOID(use_identity(out->context.get(), *options.tls));
  } else {
    AMIC_TRY_VOID(use_pem(out->context.get(), options));
  }
  return out;
}

Result<std::shared_ptr<TlsContext>> TlsContext::client(ClientOptions const& options) {
  if (!options.server_key)
    return fail(Code::kUsage, "client.server_key", "https needs a key to expect");
  AMIC_TRY(auto out, OpenSslContext::make(false, options.server_key));
  if (options.tls) AMIC_TRY_VOID(use_identity(out->context.get(), *options.tls));
  return out;
}

std::unique_ptr<Transport> Transport::plain(int fd) {
  return std::make_unique<PlainTransport>(fd);
}

Result<std::unique_ptr<Transport>> Transport::tls(std::shared_ptr<TlsContext> context, int fd,
                                                  bool server) {
  SslPtr ssl(SSL_new(static_cast<OpenSslContext&>(*context).context.get()));
  if (!ssl || SSL_set_fd(ssl.get(), fd) != 1) return fail(Code::kInternal, "tls", openssl_reason());
  if (server) {
    SSL_set_accept_state(ssl.get());
  } else {
    SSL_set_connect_state(ssl.get());
  }
  return std::make_unique<TlsTransport>(std::move(context), std::move(ssl));
}

}  // namespace amic::net
