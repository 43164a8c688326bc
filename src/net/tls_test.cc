#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>

#include <cstdio>
#include <filesystem>
#include <random>

#include "net/test_support.h"

namespace amic::net {
namespace {

class TlsTest : public NetTest {
 protected:
  ServerOptions mutual() const {
    ServerOptions options;
    options.tls = server_key_.identity;
    options.client_key = client_key_.only();
    return options;
  }
  ClientOptions trusting() const {
    ClientOptions options;
    options.tls = client_key_.identity;
    options.server_key = server_key_.only();
    return options;
  }
  TestKey const server_key_{1};
  TestKey const client_key_{2};
  TestKey const stranger_{3};
};

void show_key(Request request, Responder respond) {
  respond(
      text_response(request.peer_key ? std::string(as_text(request.peer_key->view())) : "none"));
}

TEST_F(TlsTest, MutualRoundTripDeliversThePeersKey) {
  auto const server = serve(mutual(), show_key);
  auto const client = connect(trusting());
  for (int i = 0; i < 3; ++i) {
    auto const r = client->call(https(server->port()), request_for("/"), kTestTimeoutMs);
    ASSERT_TRUE(r) << r.error().text();
    EXPECT_EQ(r->body, as_text(client_key_.public_key.view()));
  }
  EXPECT_EQ(server->connections(), 1u);  // kept alive
}

TEST_F(TlsTest, LargeBodiesArriveWhole) {
  auto const server = serve(mutual(), [](Request request, Responder respond) {
    respond(text_response(std::move(request.body)));
  });
  auto const client = connect(trusting());
  for (std::size_t size : {1u, 16'000u, 16'384u, 16'385u, 3'000'000u}) {
    std::string const body(size, 'b');
    auto const r = client->call(https(server->port()), request_for("/", body), kTestTimeoutMs);
    ASSERT_TRUE(r) << r.error().text();
    EXPECT_EQ(r->body, body);
  }
}

// A key that has all its connections is shown the door; another key's are its own.
TEST_F(TlsTest, BoundsTheConnectionsOfAKey) {
  auto options = mutual();
  options.connections_per_key_max = 1;
  options.client_key = [](PublicKey32 const&) { return true; };
  auto const server = serve(options, show_key);
  auto const call = [&](Client& client) {
    return client.call(https(server->port()), request_for("/"), kTestTimeoutMs);
  };
  auto first = connect(trusting());
  ASSERT_TRUE(call(*first));
  auto const second = connect(trusting());
  EXPECT_FALSE(call(*second));
  auto of_stranger = trusting();
  of_stranger.tls = stranger_.identity;
  auto const other = connect(of_stranger);
  EXPECT_TRUE(call(*other));
  EXPECT_TRUE(call(*first));
  first.reset();
  auto const end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kTestTimeoutMs);
  while (server->connections() > 1 && std::chrono::steady_clock::now() < end)
    std::this_thread::yield();
  EXPECT_TRUE(call(*second));
}

// Handshakes that come to nothing cost their address. What waits is let in, one after the other.
TEST_F(TlsTest, AnAddressOfBadHandshakesWaits) {
  obs::Counter bad, held, shut;
  auto options = mutual();
  options.bad_handshakes_at_once = 2;
  options.bad_handshakes_per_second = 50;
  options.counters = {&bad, &held, &shut};
  auto const server = serve(options, show_key);
  auto of_stranger = trusting();
  of_stranger.tls = stranger_.identity;
  auto const stranger = connect(of_stranger);
  auto const call = [&](Client& client) {
    return client.call(https(server->port()), request_for("/"), kTestTimeoutMs);
  };
  std::size_t const many = 16;
  std::atomic<std::size_t> over{0};
  auto const member = connect(trusting());
  ASSERT_TRUE(call(*member));
  for (std::size_t i = 0; i < many; ++i)
    stranger->send(https(server->port()), request_for("/"), kTestTimeoutMs,
                   [&](Result<Response> const& r) { over += !r; });
  auto const end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kTestTimeoutMs);
  while (over < many && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  EXPECT_EQ(over, many);
  EXPECT_GE(bad.value(), many);
  EXPECT_EQ(shut.value(), 0u);
  EXPECT_TRUE(call(*member));               // on the connection that it has
  EXPECT_TRUE(call(*connect(trusting())));  // a member behind the same address waits, and comes in
}

TEST_F(TlsTest, AnAddressInDebtIsNotEvenRead) {
  obs::Counter bad, held, shut;
  auto options = mutual();
  options.bad_handshakes_at_once = 1;
  options.bad_handshakes_per_second = 1e-3;
  options.unfinished_handshakes_max = 3;
  options.counters = {&bad, &held, &shut};
  auto const server = serve(options, show_key);
  auto of_stranger = trusting();
  of_stranger.tls = stranger_.identity;
  EXPECT_FALSE(connect(of_stranger)->call(https(server->port()), request_for("/"), kTestTimeoutMs));
  auto const end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kTestTimeoutMs);
  auto const until = [&](auto const& holds) {
    while (!holds() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    EXPECT_TRUE(holds());
  };
  until([&] { return bad.value() == 1 && server->connections() == 0; });
  std::vector<std::unique_ptr<RawSocket>> waiting;
  for (int i = 0; i < 3; ++i) {
    waiting.push_back(std::make_unique<RawSocket>(server->port()));
    waiting.back()->send("no TLS at all");  // would be refused if it were read
  }
  until([&] { return held.value() == 3; });
  EXPECT_EQ(server->connections(), 3u);
  RawSocket one_more(server->port());
  EXPECT_EQ(one_more.receive_all(), "");
  until([&] { return shut.value() == 1; });
  EXPECT_EQ(bad.value(), 1u);
  server->stop();  // ends what waits
}

// Good handshakes cost as much as bad ones: a key that makes one after the other is stopped.
TEST_F(TlsTest, BoundsTheNewConnectionsOfAKey) {
  obs::Counter bad, held, shut;
  auto options = mutual();
  options.client_key = [](PublicKey32 const&) { return true; };
  options.connections_per_key_max = 16;
  options.new_connections_per_key_at_once = 2;
  options.new_connections_per_key_per_second = 1e-3;
  options.counters = {&bad, &held, &shut};
  auto const server = serve(options, show_key);
  auto const call = [&](ClientOptions const& as) {
    return connect(as)->call(https(server->port()), request_for("/"), kTestTimeoutMs).has_value();
  };
  EXPECT_TRUE(call(trusting()));
  EXPECT_TRUE(call(trusting()));
  EXPECT_FALSE(call(trusting()));
  auto other = trusting();
  other.tls = stranger_.identity;
  EXPECT_TRUE(call(other));
  EXPECT_EQ(bad.value(), 1u);
}

// The body stays where it is until the owner wants it: nothing of it is read before.
TEST_F(TlsTest, HoldsBackTheBodyOfWhoHasUsedUpItsBudget) {
  std::atomic<int> asked{0};
  auto options = mutual();
  options.hold_ms = [&](PublicKey32 const& key) -> std::int64_t {
    EXPECT_EQ(key, client_key_.public_key);
    return ++asked == 1 ? 30 : 0;
  };
  std::size_t const big = 8 << 20;  // more than sockets hold
  auto const server = serve(options, [](Request request, Responder respond) {
    respond(text_response(std::to_string(request.body.size())));
  });
  auto const client = connect(trusting());
  for (int i = 1; i <= 2; ++i) {
    auto const r = client->call(https(server->port()), request_for("/", std::string(big, 'b')),
                                kTestTimeoutMs);
    ASSERT_TRUE(r) << r.error().text();
    EXPECT_EQ(r->body, std::to_string(big));
    EXPECT_EQ(asked, i);
  }
}

// Who goes away while it is held back is forgotten.
TEST_F(TlsTest, AHeldConnectionEndsWithItsClient) {
  auto options = mutual();
  std::atomic<int> asked{0};
  options.hold_ms = [&](PublicKey32 const&) -> std::int64_t { return ++asked, 50; };
  std::atomic<int> calls{0};
  auto const server = serve(options, [&](Request const&, Responder) { ++calls; });
  auto client = connect(trusting());
  std::atomic<bool> done{false};
  client->send(https(server->port()), request_for("/", std::string(8 << 20, 'b')), kTestTimeoutMs,
               [&](Result<Response> const& r) { done = !r; });
  auto const end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kTestTimeoutMs);
  auto const until = [&](auto const& holds) {
    while (!holds() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
    EXPECT_TRUE(holds());
  };
  until([&] { return asked == 1; });
  client.reset();
  until([&] { return done.load() && server->connections() == 0; });
  EXPECT_EQ(calls, 0);
}

TEST_F(TlsTest, AStrangersKeyIsRefusedByTheServer) {
  auto const server = serve(mutual(), show_key);
  auto options = trusting();
  options.tls = stranger_.identity;
  auto const client = connect(options);
  auto const r = client->call(https(server->port()), request_for("/"), kTestTimeoutMs);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kUnauthorized);
  EXPECT_EQ(r.error().where, "tls.client");
}

TEST_F(TlsTest, NoClientCertificateIsRefused) {
  auto const server = serve(mutual(), show_key);
  auto options = trusting();
  options.tls.reset();
  auto const client = connect(options);
  auto const r = client->call(https(server->port()), request_for("/"), kTestTimeoutMs);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kUnauthorized);
}

TEST_F(TlsTest, AWrongServerKeyIsWrongIdentityAndNothingIsSent) {
  std::atomic<int> calls{0};
  auto const server = serve(mutual(), [&](Request const&, Responder) { ++calls; });
  auto options = trusting();
  options.server_key = stranger_.only();
  auto const client = connect(options);
  auto const r = client->call(https(server->port()), request_for("/", "secret"), kTestTimeoutMs);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, Code::kWrongIdentity);
  EXPECT_EQ(calls, 0);
}

TEST_F(TlsTest, AServerMayAskForNoKey) {
  ServerOptions options;
  options.tls = server_key_.identity;
  auto const server = serve(options, show_key);
  auto const client = connect(trusting());
  EXPECT_EQ(client->call(https(server->port()), request_for("/"), kTestTimeoutMs)->body, "none");
}

TEST_F(TlsTest, PlainTalkToATlsPortIsRefused) {
  auto const server = serve(mutual(), show_key);
  RawSocket socket(server->port());
  socket.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(socket.receive_all().find("HTTP"), std::string::npos);
  auto const client = connect();
  auto const r = client->call(http(server->port()), request_for("/"), kTestTimeoutMs);
  EXPECT_FALSE(r);
}

TEST_F(TlsTest, ASilentPeerIsDroppedDuringTheHandshake) {
  auto options = mutual();
  options.handshake_timeout_ms = 50;
  auto const server = serve(options, show_key);
  EXPECT_EQ(RawSocket(server->port()).receive_all(), "");
}

TEST_F(TlsTest, RefusesUnfitIdentities) {
  ServerOptions options;
  options.tls = TlsIdentity{Bytes(31), "x"};
  EXPECT_EQ(Server::listen(runtime_, options, show_key).error().code, Code::kUsage);
  options.tls.reset();
  options.tls_certificate_pem_file = "/nonexistent/cert.pem";
  options.tls_key_pem_file = "/nonexistent/key.pem";
  EXPECT_EQ(Server::listen(runtime_, options, show_key).error().code, Code::kUsage);
  ClientOptions client;
  client.tls = client_key_.identity;
  EXPECT_EQ(Client::create(runtime_, client).error().code, Code::kUsage);
  auto const plain = connect();
  EXPECT_EQ(plain->call(https(1), request_for("/"), kTestTimeoutMs).error().code, Code::kUsage);
}

// --- a raw OpenSSL client, for what our own would never do

struct RawTls {
  RawTls(std::uint16_t port, int max_version, char const* groups = nullptr,
         std::string const& alpn = {})
      : socket(port), context(SSL_CTX_new(TLS_client_method())) {
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(context, max_version);
    if (groups != nullptr) SSL_CTX_set1_groups_list(context, groups);
    if (!alpn.empty())
      SSL_CTX_set_alpn_protos(context, reinterpret_cast<unsigned char const*>(alpn.data()),
                              static_cast<unsigned>(alpn.size()));
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
    ssl = SSL_new(context);
    SSL_set_fd(ssl, socket.fd());
    connected = SSL_connect(ssl) == 1;
  }
  ~RawTls() {
    SSL_free(ssl);
    SSL_CTX_free(context);
  }
  RawTls(RawTls const&) = delete;
  RawTls& operator=(RawTls const&) = delete;

  std::string ask() {
    std::string const get = "GET /t HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
    SSL_write(ssl, get.data(), static_cast<int>(get.size()));
    std::string all;
    char buffer[4096];
    for (int n = 0; (n = SSL_read(ssl, buffer, sizeof buffer)) > 0;)
      all.append(buffer, static_cast<std::size_t>(n));
    return all;
  }

  RawSocket socket;
  SSL_CTX* context;
  SSL* ssl = nullptr;
  bool connected = false;
};

TEST_F(TlsTest, SpeaksTls13OnlyWithTheChosenGroupsAndNoTickets) {
  ServerOptions options;
  options.tls = server_key_.identity;
  auto const server = serve(options, echo);
  EXPECT_FALSE(RawTls(server->port(), TLS1_2_VERSION).connected);
  EXPECT_FALSE(RawTls(server->port(), TLS1_3_VERSION, "P-521").connected);
  EXPECT_TRUE(RawTls(server->port(), TLS1_3_VERSION, "P-256").connected);
  RawTls good(server->port(), TLS1_3_VERSION);
  ASSERT_TRUE(good.connected);
  EXPECT_NE(good.ask().find("GET /t"), std::string::npos);
  EXPECT_EQ(SSL_version(good.ssl), TLS1_3_VERSION);
  EXPECT_EQ(SSL_SESSION_is_resumable(SSL_get_session(good.ssl)), 0);
  EXPECT_EQ(SSL_get_shutdown(good.ssl) & SSL_RECEIVED_SHUTDOWN, SSL_RECEIVED_SHUTDOWN);
}

TEST_F(TlsTest, ChoosesHttp11ByAlpn) {
  ServerOptions options;
  options.tls = server_key_.identity;
  auto const server = serve(options, echo);
  EXPECT_FALSE(RawTls(server->port(), TLS1_3_VERSION, nullptr, "\x02h2").connected);
  RawTls both(server->port(), TLS1_3_VERSION, nullptr, "\x02h2\x08http/1.1");
  ASSERT_TRUE(both.connected);
  unsigned char const* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(both.ssl, &name, &size);
  EXPECT_EQ(std::string_view(reinterpret_cast<char const*>(name), size), "http/1.1");
}

TEST_F(TlsTest, TheCertificateIsMadeFromTheSeedForTenYears) {
  ServerOptions options;
  options.tls = server_key_.identity;
  options.tls->common_name = "MY node";
  auto const server = serve(options, echo);
  RawTls raw(server->port(), TLS1_3_VERSION);
  ASSERT_TRUE(raw.connected);
  auto* const cert = SSL_get0_peer_certificate(raw.ssl);
  PublicKey32 key;
  std::size_t size = 32;
  ASSERT_EQ(EVP_PKEY_get_raw_public_key(X509_get0_pubkey(cert), key.data.data(), &size), 1);
  EXPECT_EQ(key, server_key_.public_key);
  char name[64];
  X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, name, sizeof name);
  EXPECT_STREQ(name, "MY node");
  int days = 0;
  int seconds = 0;
  ASN1_TIME_diff(&days, &seconds, nullptr, X509_get0_notAfter(cert));
  EXPECT_GE(days, 3649);
  EXPECT_EQ(X509_verify(cert, X509_get0_pubkey(cert)), 1);
}

// An operator's certificate of another kind: P-256, from files.
TEST_F(TlsTest, AnOperatorsCertificateServes) {
  auto const dir = std::filesystem::temp_directory_path() /
                   ("amic-net-" + std::to_string(std::random_device{}()));
  std::filesystem::create_directory(dir);
  auto* const key = EVP_EC_gen("P-256");
  auto* const cert = X509_new();
  X509_gmtime_adj(X509_getm_notBefore(cert), 0);
  X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
  X509_set_pubkey(cert, key);
  X509_sign(cert, key, EVP_sha256());
  ServerOptions options;
  options.tls_certificate_pem_file = (dir / "cert.pem").string();
  options.tls_key_pem_file = (dir / "key.pem").string();
  auto* file = std::fopen(options.tls_certificate_pem_file.c_str(), "w");
  PEM_write_X509(file, cert);
  std::fclose(file);
  file = std::fopen(options.tls_key_pem_file.c_str(), "w");
  PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(file);
  X509_free(cert);
  EVP_PKEY_free(key);
  {
    auto const server = serve(options, echo);
    RawTls raw(server->port(), TLS1_3_VERSION);
    ASSERT_TRUE(raw.connected);
    EXPECT_NE(raw.ask().find("GET /t"), std::string::npos);
    // Our own client knows Ed25519 keys only.
    auto const client = connect(trusting());
    EXPECT_FALSE(client->call(https(server->port()), request_for("/"), kTestTimeoutMs));
  }
  {
    auto with_clients = options;
    with_clients.client_key = client_key_.only();
    auto const server = serve(with_clients, echo);
    RawTls raw(server->port(), TLS1_3_VERSION);  // handshake ends before the server has checked
    EXPECT_EQ(raw.ask(), "");
  }
  options.tls_key_pem_file = options.tls_certificate_pem_file;
  EXPECT_EQ(Server::listen(runtime_, options, echo).error().code, Code::kUsage);
  std::filesystem::remove_all(dir);
}

}  // namespace
}  // namespace amic::net
