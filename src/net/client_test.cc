#include <gtest/gtest.h>

#include <thread>

#include "net/test_support.h"

namespace amic::net {
namespace {

using ClientTest = NetTest;

// Reads one request (without body) and says `answer`.
void serve_one(RawSocket& socket, std::string_view answer) {
  socket.receive_until("\r\n\r\n");
  socket.send(answer);
}

std::string const kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TEST_F(ClientTest, SendsWhatItIsGiven) {
  auto const server = serve({}, [](Request request, Responder respond) {
    auto r = text_response(request.method + request.target + std::string(request.header("x-a")) +
                               std::string(request.header("host")) + request.body,
                           201);
    r.headers.emplace_back("X-Reply", "yes");
    respond(std::move(r));
  });
  auto const client = connect();
  auto request = request_for("/p?q", "body");
  request.method = "PUT";
  request.headers = {{"X-A", "1"}, {"content-length", "999"}};
  auto const r = client->call(http(server->port()), request, kTestTimeoutMs);
  ASSERT_TRUE(r) << r.error().text();
  EXPECT_EQ(r->status, 201);
  EXPECT_EQ(r->body, "PUT/p?q1127.0.0.1:" + std::to_string(server->port()) + "body");
  EXPECT_EQ(r->header("x-reply"), "yes");
  auto head = request_for("/");
  head.method = "HEAD";
  EXPECT_EQ(client->call(http(server->port()), head, kTestTimeoutMs)->body, "");
  EXPECT_TRUE(client->call(http(server->port()), request_for("/"), kTestTimeoutMs));
  EXPECT_EQ(server->connections(), 1u);
}

TEST_F(ClientTest, RefusesToSendUnsoundRequests) {
  auto const client = connect();
  auto const code = [&](Request request) {
    return client->call(http(1), std::move(request), kTestTimeoutMs).error().code;
  };
  EXPECT_EQ(code(request_for("/a b")), Code::kMalformed);
  EXPECT_EQ(code(request_for("/a\r\nx: y")), Code::kMalformed);
  auto header = request_for("/");
  header.headers = {{"a", "b\r\nc: d"}};
  EXPECT_EQ(code(header), Code::kMalformed);
  auto method = request_for("/");
  method.method = "GET /x";
  EXPECT_EQ(code(method), Code::kMalformed);
}

TEST_F(ClientTest, RefusedConnectionsAreUnavailable) {
  std::uint16_t port = 0;
  {
    RawListener const gone;
    port = gone.port();
  }
  auto const client = connect();
  EXPECT_EQ(client->call(http(port), request_for("/"), kTestTimeoutMs).error().code,
            Code::kUnavailable);
}

TEST_F(ClientTest, RetriesOnceOnAClosedKeepAliveConnection) {
  RawListener listener;
  auto const client = connect();
  std::thread server([&] {
    auto first = listener.accept();
    serve_one(*first, kOk);
    // Takes the second request on the same connection and closes without a word.
    first->receive_until("\r\n\r\n");
    first->close();
    auto second = listener.accept();
    serve_one(*second, kOk);
  });
  EXPECT_EQ(client->call(http(listener.port()), request_for("/1"), kTestTimeoutMs)->body, "ok");
  auto const again = client->call(http(listener.port()), request_for("/2"), kTestTimeoutMs);
  server.join();
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(again->body, "ok");
}

TEST_F(ClientTest, DoesNotRetryOnAFreshConnectionNorAfterAByte) {
  RawListener listener;
  auto const client = connect();
  std::atomic<int> accepted{0};
  std::thread server([&] {
    auto fresh = listener.accept();
    ++accepted;
    fresh->receive_until("\r\n\r\n");
    fresh->close();
    auto second = listener.accept();
    ++accepted;
    serve_one(*second, kOk);
    second->receive_until("\r\n\r\n");
    second->send("HTTP/1.1 2");
    second->close();
  });
  for (auto expected : {Code::kUnavailable, Code::kInternal, Code::kUnavailable}) {
    auto const r = client->call(http(listener.port()), request_for("/"), kTestTimeoutMs);
    EXPECT_EQ(r ? Code::kInternal : r.error().code, expected);
  }
  server.join();
  EXPECT_EQ(accepted, 2);
}

TEST_F(ClientTest, RefusesBadResponses) {
  struct Case {
    std::string response;
    Code code;
  };
  Case const cases[] = {
      {"nonsense\r\n\r\n", Code::kMalformed},
      {"HTTP/1.1 abc OK\r\n\r\n", Code::kMalformed},
      {"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", Code::kMalformed},
      {"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n", Code::kTooLarge},
      {"HTTP/1.1 200 OK\r\nX: " + std::string(100'000, 'x') + "\r\n\r\n", Code::kTooLarge},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", Code::kMalformed},
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab", Code::kUnavailable},
      {"HTTP/1.1 200 OK\r\n\r\n" + std::string(2000, 'x'), Code::kTooLarge},
      {"", Code::kUnavailable},
  };
  ClientOptions options;
  options.response_bytes_max = 1000;
  auto const client = connect(options);
  for (auto const& c : cases) {
    RawListener listener;
    std::thread server([&] {
      auto socket = listener.accept();
      serve_one(*socket, c.response);
      socket->finish_sending();
      socket->receive_all();
    });
    auto const r = client->call(http(listener.port()), request_for("/"), kTestTimeoutMs);
    EXPECT_EQ(r ? Code::kInternal : r.error().code, c.code) << c.response.substr(0, 60);
    server.join();
  }
}

TEST_F(ClientTest, TakesInterimResponsesAndBodiesThatEndWithTheConnection) {
  RawListener listener;
  auto const client = connect();
  std::thread server([&] {
    auto socket = listener.accept();
    serve_one(*socket,
              "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nx: y\r\n\r\n"
              "HTTP/1.1 200 OK\r\n\r\nto the end");
    socket->finish_sending();
    socket->receive_all();
  });
  auto const r = client->call(http(listener.port()), request_for("/"), kTestTimeoutMs);
  ASSERT_TRUE(r) << r.error().text();
  EXPECT_EQ(r->body, "to the end");
  server.join();
}

TEST_F(ClientTest, ASilentServerIsATimeout) {
  RawListener listener;  // connects (backlog), never answers
  auto const client = connect();
  EXPECT_EQ(client->call(http(listener.port()), request_for("/"), 50).error().code, Code::kTimeout);
  ClientOptions options;
  TestKey const key(9);
  options.server_key = key.only();
  options.connect_timeout_ms = 50;
  auto const tls = connect(options);
  EXPECT_EQ(tls->call(https(listener.port()), request_for("/"), kTestTimeoutMs).error().code,
            Code::kTimeout);
}

TEST_F(ClientTest, BoundsConnectionsAndQueuesTheRest) {
  std::mutex mutex;
  std::vector<Responder> held;
  Tally arrived;
  auto const server = serve({}, [&](Request const&, Responder respond) {
    std::lock_guard const lock(mutex);
    held.push_back(std::move(respond));
    arrived.add();
  });
  ClientOptions options;
  options.connections_per_endpoint_max = 2;
  auto const client = connect(options);
  Tally done;
  Tally refused;
  constexpr int kWaitingMax = 1024;
  for (int i = 0; i < 2 + kWaitingMax + 3; ++i)
    client->send(http(server->port()), request_for("/"), kTestTimeoutMs, [&](Result<Response> r) {
      if (!r && r.error().code == Code::kOverloaded) return refused.add();
      EXPECT_TRUE(r);
      done.add();
    });
  refused.wait_for(3);
  arrived.wait_for(2);
  EXPECT_EQ(server->connections(), 2u);
  for (int answered = 0; answered < 2 + kWaitingMax; ++answered) {
    arrived.wait_for(answered + 1);
    Responder next;
    {
      std::lock_guard const lock(mutex);
      next = held[static_cast<std::size_t>(answered)];
      held[static_cast<std::size_t>(answered)] = nullptr;
    }
    next(text_response("x"));
  }
  done.wait_for(2 + kWaitingMax);
  EXPECT_EQ(server->connections(), 2u);
  EXPECT_EQ(refused.count(), 3);
}

TEST_F(ClientTest, ManyThreadsShareOneClient) {
  auto const server = serve({}, echo);
  auto const client = connect();
  std::vector<std::thread> threads;
  std::atomic<int> good{0};
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        auto const target = "/" + std::to_string(t) + "/" + std::to_string(i);
        auto const r = client->call(http(server->port()), request_for(target), kTestTimeoutMs);
        if (r && r->body == "GET " + target + " ") ++good;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 400);
  EXPECT_LE(server->connections(), 4u);
}

TEST_F(ClientTest, IdleConnectionsAreClosed) {
  RawListener listener;
  ClientOptions options;
  options.idle_timeout_ms = 20;
  auto const client = connect(options);
  std::thread server([&] {
    auto socket = listener.accept();
    serve_one(*socket, kOk);
    EXPECT_EQ(socket->receive_all(), "");  // returns when the client closes
  });
  EXPECT_TRUE(client->call(http(listener.port()), request_for("/"), kTestTimeoutMs));
  server.join();
}

TEST_F(ClientTest, DestructionEndsWhatIsUnderWay) {
  RawListener listener;
  auto client = connect();
  Tally done;
  for (int i = 0; i < 10; ++i)
    client->send(http(listener.port()), request_for("/"), kTestTimeoutMs, [&](Result<Response> r) {
      EXPECT_EQ(r.error().code, Code::kUnavailable);
      done.add();
    });
  client->stream(
      http(listener.port()), request_for("/"), [](std::string_view) { return true; },
      [&](Result<Response> r) {
        EXPECT_EQ(r.error().code, Code::kUnavailable);
        done.add();
      });
  client.reset();
  EXPECT_EQ(done.count(), 11);
}

TEST(ClientLife, ADeadRuntimeStillAnswers) {
  Runtime runtime(2);
  auto client = Client::create(runtime, {}).value();
  Tally done;
  auto const count = [&](Result<Response> const& r) {
    EXPECT_FALSE(r);
    done.add();
  };
  client->send({"http", "127.0.0.1", 1}, request_for("/"), kTestTimeoutMs, count);
  client.reset();
  EXPECT_EQ(done.count(), 1);
  runtime.start();
  client = Client::create(runtime, {}).value();
  RawListener listener;
  client->send({"http", "127.0.0.1", listener.port()}, request_for("/"), kTestTimeoutMs, count);
  auto const held = listener.accept();
  held->receive_until("\r\n\r\n");
  runtime.stop();
  client.reset();
  EXPECT_EQ(done.count(), 2);
}

// --- streams

TEST_F(ClientTest, StreamsEventsUntilTheServerEnds) {
  auto const server = serve({}, [](Request request, Responder respond) {
    if (request.target == "/no") return respond(text_response("go away", 403));
    Response r;
    r.on_stream = [](std::shared_ptr<EventStream> stream) {
      for (int i = 0; i < 100; ++i) stream->push("event " + std::to_string(i) + "\n");
      stream->close();
    };
    respond(std::move(r));
  });
  auto const client = connect();
  std::string all;
  Tally done;
  client->stream(
      http(server->port()), request_for("/"),
      [&](std::string_view chunk) {
        all += chunk;
        return true;
      },
      [&](Result<Response> r) {
        EXPECT_TRUE(r);
        EXPECT_EQ(r->body, "");
        done.add();
      });
  done.wait_for(1);
  EXPECT_TRUE(all.starts_with("event 0\n"));
  EXPECT_TRUE(all.ends_with("event 99\n"));
  client->stream(
      http(server->port()), request_for("/no"),
      [](std::string_view) {
        ADD_FAILURE();
        return true;
      },
      [&](Result<Response> r) {
        EXPECT_EQ(r->status, 403);
        EXPECT_EQ(r->body, "go away");
        done.add();
      });
  done.wait_for(2);
}

TEST_F(ClientTest, AStreamIsCancelledByItsReaderAndTimesOutInSilence) {
  std::mutex mutex;
  std::vector<std::shared_ptr<EventStream>> streams;
  auto const server = serve({}, [&](Request const&, Responder respond) {
    Response r;
    r.on_stream = [&](std::shared_ptr<EventStream> stream) {
      stream->push("one");
      std::lock_guard const lock(mutex);
      streams.push_back(std::move(stream));
    };
    respond(std::move(r));
  });
  Tally done;
  auto const client = connect();
  client->stream(
      http(server->port()), request_for("/"), [](std::string_view) { return false; },
      [&](Result<Response> r) {
        EXPECT_EQ(r.error().where, "client.cancelled");
        done.add();
      });
  done.wait_for(1);
  ClientOptions options;
  options.idle_timeout_ms = 50;
  auto const impatient = connect(options);
  Tally chunks;
  impatient->stream(
      http(server->port()), request_for("/"),
      [&](std::string_view) {
        chunks.add();
        return true;
      },
      [&](Result<Response> r) {
        EXPECT_EQ(r.error().code, Code::kTimeout);
        done.add();
      });
  done.wait_for(2);
  EXPECT_EQ(chunks.count(), 1);
}

}  // namespace
}  // namespace amic::net
