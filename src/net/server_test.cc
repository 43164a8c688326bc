#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/limits.h"
#include "net/test_support.h"

namespace amic::net {
namespace {

using ServerTest = NetTest;

std::string const kGet = "GET /x HTTP/1.1\r\nHost: h\r\n\r\n";

int status_of(std::string const& response) {
  if (!response.starts_with("HTTP/1.1 ") || response.size() < 12) return -1;
  return std::stoi(response.substr(9, 3));
}

std::string body_of(std::string const& response) {
  auto const end = response.find("\r\n\r\n");
  return end == std::string::npos ? "" : response.substr(end + 4);
}

// For states that nothing announces.
void wait_until(std::function<bool()> const& reached) {
  auto const end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kTestTimeoutMs);
  while (!reached() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
  EXPECT_TRUE(reached());
}

// Sends, closes the sending side, and takes all that comes back.
std::string ask_raw(std::uint16_t port, std::string_view request) {
  RawSocket socket(port);
  EXPECT_TRUE(socket.connected());
  socket.send(request);
  socket.finish_sending();
  return socket.receive_all();
}

TEST_F(ServerTest, AnswersAndKeepsAlive) {
  auto const server = serve({}, echo);
  EXPECT_NE(server->port(), 0);
  RawSocket socket(server->port());
  for (int i = 0; i < 3; ++i) {
    socket.send("POST /a?b HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
    auto const answer = socket.receive_until("abc");
    EXPECT_EQ(status_of(answer), 200);
    EXPECT_EQ(body_of(answer), "POST /a?b abc");
    EXPECT_NE(answer.find("\r\ncontent-length: 13\r\n"), std::string::npos);
    EXPECT_NE(answer.find("\r\ndate: "), std::string::npos);
  }
  EXPECT_EQ(server->connections(), 1u);
}

TEST_F(ServerTest, PassesHeadersBodyAndAddress) {
  auto const server = serve({}, [](Request request, Responder respond) {
    EXPECT_TRUE(request.remote_address.starts_with("127.0.0.1:"));
    EXPECT_FALSE(request.peer_key);
    respond(text_response(std::string(request.header("x-test")) + "|" + request.body));
  });
  auto const answer =
      ask_raw(server->port(),
              "PUT / HTTP/1.1\r\nHost: h\r\nX-TeSt: V a l\r\n"
              "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\n\r\n");
  EXPECT_EQ(body_of(answer), "V a l|abcde");
}

TEST_F(ServerTest, KnowsOldAndClosingClientsAndHead) {
  auto const server = serve({}, echo);
  auto const old = ask_raw(server->port(), "GET /old HTTP/1.0\r\n\r\n");
  EXPECT_EQ(body_of(old), "GET /old ");
  EXPECT_NE(old.find("connection: close"), std::string::npos);
  RawSocket closing(server->port());
  closing.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_NE(closing.receive_all().find("connection: close"), std::string::npos);
  auto const head = ask_raw(server->port(), "HEAD /h HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_NE(head.find("content-length: 8"), std::string::npos);
  EXPECT_EQ(body_of(head), "");
}

TEST_F(ServerTest, RefusesMalformedRequests) {
  std::atomic<int> calls{0};
  auto const server = serve({}, [&](Request request, Responder respond) {
    ++calls;
    echo(std::move(request), std::move(respond));
  });
  struct Case {
    std::string request;
    int status;
  };
  std::string const h = " HTTP/1.1\r\nHost: h\r\n";
  Case const cases[] = {
      {"garbage\r\n\r\n", 400},
      {std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11) + "\r\n\r\n", 400},
      {"GET /\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\nHost: h\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET  / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"GET /\x01 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"G@T{ / HTTP/1.1\r\nHost: h\r\n\r\n", 400},
      {"GET /" + h + "Bad Name: x\r\n\r\n", 400},
      {"GET /" + h + "Name : x\r\n\r\n", 400},
      {"GET /" + h + ": x\r\n\r\n", 400},
      {"GET /" + h + "X: a\x01b\r\n\r\n", 400},
      {"GET / HTTP/1.1\nHost: h\n\n\r\n\r\n", 400},
      {"POST /" + h + "Content-Length: -1\r\n\r\n", 400},
      {"POST /" + h + "Content-Length: 1x\r\n\r\nab", 400},
      {"POST /" + h + "Content-Length: 99999999999999999999999\r\n\r\n", 400},
      {"POST /" + h + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
      {"POST /" + h + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST /" + h + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400},
      {"POST /" + h + "Transfer-Encoding: gzip\r\n\r\nabc", 400},
      {"POST /" + h + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST /" + h + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
      {"POST /" + h + "Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n", 400},
      {"POST /" + h + "Content-Length: 1\r\nExpect: miracles\r\n\r\n", 417},
  };
  for (auto const& c : cases) {
    auto const answer = ask_raw(server->port(), c.request);
    EXPECT_EQ(status_of(answer), c.status) << c.request << "\n" << answer;
    EXPECT_NE(answer.find("application/problem+json"), std::string::npos) << c.request;
    EXPECT_NE(answer.find("connection: close"), std::string::npos) << c.request;
  }
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(status_of(ask_raw(server->port(), kGet)), 200);
}

TEST_F(ServerTest, RefusesWhatIsTooLarge) {
  ServerOptions options;
  options.header_bytes_max = 1024;
  options.body_bytes_max = 10'000;
  auto const server = serve(options, echo);
  auto const port = server->port();
  EXPECT_EQ(
      status_of(ask_raw(port, "GET /" + std::string(2000, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n")),
      431);
  EXPECT_EQ(status_of(ask_raw(port, "GET /" + std::string(100'000, 'a'))), 431);
  EXPECT_EQ(status_of(ask_raw(port, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10001\r\n\r\n")),
            413);
  std::string const chunk = "1000\r\n" + std::string(4096, 'x') + "\r\n";
  EXPECT_EQ(
      status_of(ask_raw(port, "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" +
                                  chunk + chunk + chunk + "0\r\n\r\n")),
      413);
  auto const fits = ask_raw(port, "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10000\r\n\r\n" +
                                      std::string(10'000, 'x'));
  EXPECT_EQ(status_of(fits), 200);
}

TEST_F(ServerTest, AnswersATooLargeBodyEvenIfTheClientKeepsSending) {
  ServerOptions options;
  options.body_bytes_max = 1000;
  auto const server = serve(options, echo);
  RawSocket socket(server->port());
  socket.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n");
  socket.send(std::string(1'000'000, 'x'));
  EXPECT_EQ(status_of(socket.receive_all()), 413);
}

TEST_F(ServerTest, InvitesABodyThatIsExpected) {
  auto const server = serve({}, echo);
  RawSocket socket(server->port());
  socket.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(socket.receive_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  socket.send("ab");
  EXPECT_EQ(body_of(socket.receive_until("ab")), "POST / ab");
}

TEST_F(ServerTest, EndsIdleAndSlowConnections) {
  ServerOptions options;
  options.idle_timeout_ms = 50;
  options.request_timeout_ms = 50;
  auto const server = serve(options, echo);
  EXPECT_EQ(RawSocket(server->port()).receive_all(), "");  // never says a word
  RawSocket header(server->port());
  header.send("GET / HTTP/1.1\r\nHo");
  EXPECT_EQ(status_of(header.receive_all()), 408);
  RawSocket body(server->port());
  body.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab");
  EXPECT_EQ(status_of(body.receive_all()), 408);
  RawSocket between(server->port());
  between.send(kGet);
  EXPECT_EQ(status_of(between.receive_until("GET /x")), 200);
  EXPECT_EQ(between.receive_all(), "");
}

TEST_F(ServerTest, SlowButSteadyWritersAreServed) {
  auto const server = serve({}, echo);
  RawSocket socket(server->port());
  for (char c : std::string("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"))
    socket.send(std::string_view(&c, 1));
  EXPECT_EQ(body_of(socket.receive_until("abc")), "POST / abc");
}

TEST_F(ServerTest, GivesUpOnReadersThatStop) {
  ServerOptions options;
  options.request_timeout_ms = 50;
  options.response_bytes_per_second_min = 1 << 30;
  auto const server = serve(options, [](Request const&, Responder respond) {
    respond(text_response(std::string(32 << 20, 'x')));
  });
  RawSocket socket(server->port(), 4096);
  socket.send(kGet);
  EXPECT_EQ(status_of(socket.receive()), 200);
  wait_until([&] { return server->connections() == 0; });
  EXPECT_LT(socket.receive_all().size(), 32u << 20);
}

TEST_F(ServerTest, SurvivesReadersThatVanish) {
  auto const server = serve({}, [](Request const&, Responder respond) {
    respond(text_response(std::string(32 << 20, 'x')));
  });
  RawSocket socket(server->port(), 4096);
  socket.send(kGet);
  EXPECT_EQ(status_of(socket.receive()), 200);
  socket.reset();
  wait_until([&] { return server->connections() == 0; });
  RawSocket again(server->port());
  again.send(kGet);
  EXPECT_EQ(status_of(again.receive()), 200);
}

TEST_F(ServerTest, LargeBodiesArriveWhole) {
  std::string const big(5 << 20, 'y');
  auto const server = serve({}, [&](Request request, Responder respond) {
    respond(text_response(request.body == big ? big : "different"));
  });
  auto const client = connect();
  auto const r = client->call(http(server->port()), request_for("/", big), kTestTimeoutMs);
  ASSERT_TRUE(r) << r.error().text();
  EXPECT_EQ(r->body, big);
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  WorkerPool pool(4, 1000);
  auto const server = serve({}, [&](Request request, Responder respond) {
    // Odd ones from another thread, even ones at once.
    if (request.target.back() % 2 == 0) return echo(std::move(request), std::move(respond));
    pool.try_post([request, respond] { echo(request, respond); });
  });
  RawSocket socket(server->port());
  std::string all;
  for (int i = 0; i < 100; ++i) all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: h\r\n\r\n";
  all += "GET /end HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
  socket.send(all);
  auto const answers = socket.receive_all();
  std::size_t at = 0;
  for (int i = 0; i < 100; ++i) {
    at = answers.find("\r\n\r\nGET /" + std::to_string(i) + " HTTP/1.1 200", at);
    ASSERT_NE(at, std::string::npos) << i;
  }
  EXPECT_NE(answers.find("GET /end", at), std::string::npos);
}

TEST_F(ServerTest, ADroppedThrowingOrUnsoundHandlerIsA500) {
  auto const server = serve({}, [](Request request, Responder respond) {
    if (request.target == "/throw") throw std::runtime_error("secret inside");
    if (request.target == "/inject") {
      auto r = text_response("x");
      r.headers.emplace_back("x", "a\r\nset-cookie: b");
      respond(std::move(r));
    }
    if (request.target == "/status") respond(text_response("x", 99));
    if (request.target == "/twice") {
      respond(text_response("first"));
      respond(text_response("second"));
    }
  });
  for (auto target : {"/drop", "/throw", "/inject", "/status"}) {
    auto const answer =
        ask_raw(server->port(), std::string("GET ") + target + " HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(status_of(answer), 500) << target;
    EXPECT_EQ(answer.find("secret"), std::string::npos);
    EXPECT_EQ(answer.find("set-cookie"), std::string::npos);
  }
  EXPECT_EQ(body_of(ask_raw(server->port(), "GET /twice HTTP/1.1\r\nHost: h\r\n\r\n")), "first");
}

TEST_F(ServerTest, ASilentHandlerIsA504) {
  std::vector<Responder> kept;
  ServerOptions options;
  options.response_timeout_ms = 50;
  auto const server =
      serve(options, [&](Request const&, Responder r) { kept.push_back(std::move(r)); });
  EXPECT_EQ(status_of(ask_raw(server->port(), kGet)), 504);
  kept[0](text_response("late"));
}

TEST_F(ServerTest, RespondersMayOutliveServerAndRuntime) {
  Responder kept;
  {
    Runtime runtime(1);
    runtime.start();
    Tally called;
    auto server = Server::listen(runtime, {}, [&](Request const&, Responder r) {
                    kept = std::move(r);
                    called.add();
                  }).value();
    RawSocket socket(server->port());
    socket.send(kGet);
    called.wait_for(1);
    server.reset();
    EXPECT_EQ(socket.receive_all(), "");
  }
  kept(text_response("nobody is there"));
}

TEST_F(ServerTest, BoundsItsConnections) {
  ServerOptions options;
  options.connections_max = 2;
  auto const server = serve(options, echo);
  RawSocket first(server->port());
  RawSocket second(server->port());
  for (auto* s : {&first, &second}) {
    s->send(kGet);
    EXPECT_EQ(status_of(s->receive_until("GET /x")), 200);
  }
  EXPECT_EQ(RawSocket(server->port()).receive_all(), "");
  first.send(kGet);
  EXPECT_EQ(status_of(first.receive_until("GET /x")), 200);
}

TEST_F(ServerTest, ServesTwoHundredConnectionsAtOnce) {
  auto const server = serve({}, echo);
  std::vector<std::unique_ptr<RawSocket>> sockets;
  for (int i = 0; i < 200; ++i) sockets.push_back(std::make_unique<RawSocket>(server->port()));
  for (int round = 0; round < 3; ++round) {
    for (auto& s : sockets) ASSERT_TRUE(s->send(kGet));
    for (auto& s : sockets) ASSERT_EQ(status_of(s->receive_until("GET /x ")), 200);
  }
  EXPECT_EQ(server->connections(), 200u);
}

TEST_F(ServerTest, ChecksWhereItListens) {
  auto const listen = [&](ServerOptions options) {
    auto r = Server::listen(runtime_, std::move(options), echo);
    return r ? Error{} : r.error();
  };
  ServerOptions options;
  options.host = "0.0.0.0";
  EXPECT_EQ(listen(options).code, Code::kForbidden);
  options.host = "localhost";
  EXPECT_EQ(listen(options).code, Code::kUsage);
  auto const server = serve({}, echo);
  options.host = "127.0.0.1";
  options.port = server->port();
  auto const taken = listen(options);
  EXPECT_EQ(taken.code, Code::kIo);
  EXPECT_EQ(taken.where, "127.0.0.1:" + std::to_string(server->port()));
}

TEST_F(ServerTest, StopsUnderTraffic) {
  std::atomic<bool> stopped{false};
  std::atomic<int> late{0};
  Tally served;
  auto server = serve({}, [&](Request request, Responder respond) {
    if (stopped) ++late;
    served.add();
    echo(std::move(request), std::move(respond));
  });
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([port = server->port()] {
      for (;;) {
        RawSocket socket(port);
        if (!socket.connected() || !socket.send(kGet)) return;
        if (socket.receive_until("GET /x").empty()) return;
      }
    });
  served.wait_for(50);
  server->stop();
  stopped = true;
  server->stop();
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(late, 0);
  server.reset();
}

TEST_F(ServerTest, StopsFromItsOwnHandler) {
  std::unique_ptr<Server> server;
  Tally stopped;
  server = serve({}, [&](Request const&, Responder respond) {
    server->stop();
    stopped.add();
    respond(text_response("x"));
  });
  RawSocket socket(server->port());
  socket.send(kGet);
  stopped.wait_for(1);
  EXPECT_EQ(socket.receive_all(), "");
}

// --- streams

Response stream_response(std::function<void(std::shared_ptr<EventStream>)> on_stream) {
  Response out;
  out.headers.emplace_back("content-type", "text/event-stream");
  out.on_stream = std::move(on_stream);
  return out;
}

TEST_F(ServerTest, StreamsInChunksAndThenGoesOn) {
  auto const server = serve({}, [](Request request, Responder respond) {
    if (request.target == "/x") return echo(std::move(request), std::move(respond));
    respond(stream_response([](std::shared_ptr<EventStream> stream) {
      EXPECT_TRUE(stream->push("data: 1\n\n"));
      EXPECT_TRUE(stream->push(""));
      EXPECT_TRUE(stream->push("data: 2\n\n"));
      stream->close();
      EXPECT_TRUE(stream->closed());
      EXPECT_FALSE(stream->push("data: 3\n\n"));
    }));
  });
  RawSocket socket(server->port());
  socket.send("GET /s HTTP/1.1\r\nHost: h\r\n\r\n");
  auto const answer = socket.receive_until("0\r\n\r\n");
  EXPECT_NE(answer.find("transfer-encoding: chunked"), std::string::npos);
  EXPECT_NE(answer.find("data: 1\n\ndata: 2\n\n"), std::string::npos);
  EXPECT_EQ(answer.find("data: 3"), std::string::npos);
  socket.send(kGet);
  EXPECT_EQ(status_of(socket.receive_until("GET /x")), 200);
}

TEST_F(ServerTest, AStreamIsFedFromOtherThreadsAndSeesItsClientGo) {
  std::mutex mutex;
  std::shared_ptr<EventStream> stream;
  Tally ready;
  auto const server = serve({}, [&](Request const&, Responder respond) {
    respond(stream_response([&](std::shared_ptr<EventStream> s) {
      std::lock_guard const lock(mutex);
      stream = std::move(s);
      ready.add();
    }));
  });
  RawSocket socket(server->port());
  socket.send("GET /s HTTP/1.1\r\nHost: h\r\n\r\n");
  ready.wait_for(1);
  for (int i = 0; i < 50; ++i) {
    auto const event = "data: " + std::to_string(i) + "\n\n";
    ASSERT_TRUE(stream->push(event));
    EXPECT_NE(socket.receive_until(event).find(event), std::string::npos);
  }
  EXPECT_FALSE(stream->closed());
  socket.close();
  wait_until([&] { return stream->closed(); });
  EXPECT_FALSE(stream->push("x"));
}

TEST_F(ServerTest, AStreamThatOverflowsIsClosed) {
  std::shared_ptr<EventStream> stream;
  Tally ready;
  auto const server = serve({}, [&](Request const&, Responder respond) {
    respond(stream_response([&](std::shared_ptr<EventStream> s) {
      stream = std::move(s);
      ready.add();
    }));
  });
  // Nobody reads: the socket's buffers fill, then the queue, by number or by size.
  for (std::size_t const size : {std::size_t{16} << 10, std::size_t{1} << 20}) {
    RawSocket socket(server->port(), 4096);
    socket.send("GET /s HTTP/1.1\r\nHost: h\r\n\r\n");
    ready.wait_for(size == 16 << 10 ? 1 : 2);
    std::string const event(size, 'e');
    std::size_t pushed = 0;
    while (pushed < 100 * limits::kSseQueueEventsMax && stream->push(event)) ++pushed;
    if (size == 16 << 10) {
      EXPECT_GE(pushed, limits::kSseQueueEventsMax);
    }
    EXPECT_LT(pushed, 100 * limits::kSseQueueEventsMax);
    EXPECT_TRUE(stream->closed());
    socket.receive_all();  // ends: the server closed it
  }
}

TEST_F(ServerTest, StopClosesStreams) {
  std::shared_ptr<EventStream> stream;
  Tally ready;
  auto server = serve({}, [&](Request const&, Responder respond) {
    respond(stream_response([&](std::shared_ptr<EventStream> s) {
      stream = std::move(s);
      ready.add();
    }));
  });
  RawSocket socket(server->port());
  socket.send("GET /s HTTP/1.1\r\nHost: h\r\n\r\n");
  ready.wait_for(1);
  server->stop();
  socket.receive_all();
  wait_until([&] { return stream->closed(); });
  runtime_.stop();
  EXPECT_FALSE(stream->push("late"));
}

}  // namespace
}  // namespace amic::net
