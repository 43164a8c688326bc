// Long bodies, piece by piece, in both directions and at both ends.
#include <atomic>
#include <deque>
#include <thread>

#include "net/problem.h"
#include "net/test_support.h"

namespace amic::net {
namespace {

// Gives the pieces it was made with, on another thread.
class Pieces final : public BodySource {
 public:
  explicit Pieces(std::deque<Result<std::string>> pieces) : pieces_(std::move(pieces)) {}
  ~Pieces() override {
    if (thread_.joinable()) thread_.join();
  }
  void read(std::function<void(Result<std::string>)> done) override {
    if (thread_.joinable()) thread_.join();
    Result<std::string> piece = std::string();
    if (!pieces_.empty()) {
      piece = std::move(pieces_.front());
      pieces_.pop_front();
    }
    given.add();
    thread_ = std::thread(
        [done = std::move(done), piece = std::move(piece)]() mutable { done(std::move(piece)); });
  }
  Tally given;

 private:
  std::deque<Result<std::string>> pieces_;
  std::thread thread_;
};

// Reads a body to its end and says how long it was, how long the longest piece, and its sum.
struct Reading : std::enable_shared_from_this<Reading> {
  std::shared_ptr<BodySource> source;
  Responder respond;
  std::size_t total = 0, longest = 0;
  unsigned sum = 0;

  void more() {
    source->read([self = shared_from_this()](Result<std::string> piece) {
      if (!piece) return self->respond(problem(piece.error()));
      if (piece->empty())
        return self->respond(text_response(std::to_string(self->total) + " " +
                                           std::to_string(self->sum) + " " +
                                           (self->longest <= (512 << 10) ? "small" : "large")));
      self->total += piece->size();
      self->longest = std::max(self->longest, piece->size());
      for (char const c : *piece) self->sum = self->sum * 31 + static_cast<unsigned char>(c);
      self->more();
    });
  }
};
void read_all(Request request, Responder respond) {
  if (!request.source) return respond(text_response("whole " + request.body));
  auto const reading = std::make_shared<Reading>();
  reading->source = std::move(request.source);
  reading->respond = std::move(respond);
  reading->more();
}
std::string answer_to(std::string const& body) {
  unsigned sum = 0;
  for (char const c : body) sum = sum * 31 + static_cast<unsigned char>(c);
  return std::to_string(body.size()) + " " + std::to_string(sum) + " small";
}
std::string pattern(std::size_t size) {
  std::string out(size, '\0');
  for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<char>(i * 7 + i / 251);
  return out;
}

class BodyTest : public NetTest {
 protected:
  ServerOptions streaming() {
    ServerOptions options;
    options.streams = [](Request const& head) { return head.target == "/up"; };
    options.body_bytes_max = 1 << 20;
    options.stream_bytes_max = 64 << 20;
    return options;
  }
  Result<Response> call(std::uint16_t port, Request request) {
    auto const client = connect();
    return client->call(http(port), std::move(request), kTestTimeoutMs);
  }
};

TEST_F(BodyTest, ALongRequestComesInSmallPieces) {
  auto const server = serve(streaming(), read_all);
  for (std::size_t const size : {0U, 1U, 70'000U, 20U << 20}) {
    auto request = request_for("/up", pattern(size));
    request.method = "POST";
    auto const r = call(server->port(), std::move(request));
    ASSERT_TRUE(r) << r.error().text();
    EXPECT_EQ(r->body, answer_to(pattern(size)));
  }
  // Others are as before, with their own limit.
  EXPECT_EQ(call(server->port(), request_for("/else", "abc"))->body, "whole abc");
  EXPECT_EQ(call(server->port(), request_for("/else", pattern(2 << 20)))->status, 413);
}

TEST_F(BodyTest, AfterAWholeBodyTheConnectionGoesOn) {
  auto const server = serve(streaming(), read_all);
  RawSocket socket(server->port());
  socket.send(
      "POST /up HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nhelloGET /else HTTP/1.1\r\n"
      "host: a\r\n\r\n");
  auto const answers = socket.receive_until("whole ");
  EXPECT_NE(answers.find(answer_to("hello")), std::string::npos) << answers;
  EXPECT_NE(answers.find("whole "), std::string::npos) << answers;
}

TEST_F(BodyTest, ChunkedBodiesAreBoundedToo) {
  auto options = streaming();
  options.stream_bytes_max = 10;
  auto const server = serve(options, read_all);
  {
    RawSocket socket(server->port());
    socket.send(
        "POST /up HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
        "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
    EXPECT_NE(socket.receive_until("small").find(answer_to("abcde")), std::string::npos);
  }
  RawSocket socket(server->port());
  socket.send(
      "POST /up HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n"
      "6\r\nabcdef\r\n6\r\nabcdef\r\n0\r\n\r\n");
  auto const answer = socket.receive_all();
  EXPECT_NE(answer.find("413"), std::string::npos) << answer;
  RawSocket longer(server->port());
  longer.send("POST /up HTTP/1.1\r\nhost: a\r\ncontent-length: 11\r\n\r\n");
  EXPECT_NE(longer.receive_all().find("413"), std::string::npos);
}

TEST_F(BodyTest, NothingIsInvitedBeforeTheHandlerWantsIt) {
  auto const server = serve(streaming(), [](Request request, Responder respond) {
    if (request.header("x-refuse") == "yes")
      return respond(problem(Code::kForbidden, "header", "not you"));
    read_all(std::move(request), std::move(respond));
  });
  RawSocket refused(server->port());
  refused.send(
      "POST /up HTTP/1.1\r\nhost: a\r\nx-refuse: yes\r\nexpect: 100-continue\r\n"
      "content-length: 5\r\n\r\n");
  auto const answer = refused.receive_all();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 403")) << answer;
  EXPECT_NE(answer.find("connection: close"), std::string::npos);
  RawSocket invited(server->port());
  invited.send("POST /up HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n");
  EXPECT_EQ(invited.receive_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  invited.send("hello");
  EXPECT_NE(invited.receive_until("small").find(answer_to("hello")), std::string::npos);
}

TEST_F(BodyTest, ABodyThatIsCutOrStopsIsToldTheHandler) {
  struct Told {
    Tally calls, answers;
    std::atomic<int> status{0};
    Handler handler() {
      return [this](Request request, Responder respond) {
        auto const reading = std::make_shared<Reading>();
        reading->source = request.source;
        reading->respond = [this, respond](Response r) {
          status = r.status;
          respond(std::move(r));
          answers.add();
        };
        reading->more();
        calls.add();
      };
    }
  };
  constexpr std::string_view kBegun =
      "POST /up HTTP/1.1\r\nhost: a\r\ncontent-length: 50\r\n\r\nhello";
  Told cut;
  {
    auto const server = serve(streaming(), cut.handler());
    RawSocket socket(server->port());
    socket.send(kBegun);
    cut.calls.wait_for(1);
    socket.reset();
    cut.answers.wait_for(1);
    EXPECT_EQ(cut.status, 503);
  }
  Told stopped;
  auto options = streaming();
  options.request_timeout_ms = 100;
  auto const server = serve(options, stopped.handler());
  RawSocket slow(server->port());
  slow.send(kBegun);
  stopped.answers.wait_for(1);
  EXPECT_EQ(stopped.status, 504);
}

TEST_F(BodyTest, AClientStopsSendingWhatNobodyWants) {
  Tally calls;
  std::shared_ptr<BodySource> kept;
  Responder respond;
  auto const server = serve(streaming(), [&](Request request, Responder r) {
    kept = request.source;
    respond = std::move(r);
    calls.add();
  });
  auto const source = std::make_shared<Pieces>([] {
    std::deque<Result<std::string>> out;
    for (int i = 0; i < 60; ++i) out.emplace_back(std::string(1 << 20, 'x'));
    return out;
  }());
  Request request = request_for("/up");
  request.method = "POST";
  request.source = source;
  request.source_bytes = 60 << 20;
  auto const client = connect();
  Tally done;
  client->send(http(server->port()), std::move(request), kTestTimeoutMs,
               [&](Result<Response> const& r) {
                 EXPECT_TRUE(r && r->status == 403) << (r ? "" : r.error().text());
                 done.add();
               });
  calls.wait_for(1);
  // Sockets hold a few MiB; the rest stays where it is until somebody reads.
  source->given.wait_for(2);
  respond(problem(Code::kForbidden, "body", "no more of this"));
  done.wait_for(1);
  EXPECT_LT(source->given.count(), 60);
  // The handler may still ask: there is nothing for it.
  Tally told;
  kept->read([&](Result<std::string> const& piece) {
    EXPECT_FALSE(piece);
    told.add();
  });
  told.wait_for(1);
}

TEST_F(BodyTest, AnAnswerMayComeFromASource) {
  auto const server = serve({}, [](Request const&, Responder respond) {
    Response out;
    out.source = std::make_shared<Pieces>(
        std::deque<Result<std::string>>{std::string("hello "), std::string("world")});
    out.source_bytes = 11;
    respond(std::move(out));
  });
  RawSocket socket(server->port());
  socket.send(
      "GET / HTTP/1.1\r\nhost: a\r\n\r\nHEAD / HTTP/1.1\r\nhost: a\r\n\r\n"
      "GET / HTTP/1.0\r\n\r\n");
  auto const all = socket.receive_all();
  EXPECT_NE(all.find("content-length: 11\r\n"), std::string::npos);
  std::size_t bodies = 0;
  for (auto at = all.find("hello world"); at != std::string::npos;
       at = all.find("hello world", at + 1))
    ++bodies;
  EXPECT_EQ(bodies, 2U);
}

TEST_F(BodyTest, AnAnswerThatIsCutShowsAsOne) {
  std::deque<std::deque<Result<std::string>>> const bad = {
      {std::string("hello")},
      {std::string("hello world, and more")},
      {std::string("hello"), fail(Code::kCorrupt, "disk")},
  };
  std::atomic<std::size_t> next{0};
  auto const server = serve({}, [&](Request const&, Responder respond) {
    Response out;
    out.source = std::make_shared<Pieces>(bad[next++]);
    out.source_bytes = 11;
    respond(std::move(out));
  });
  for (std::size_t i = 0; i < bad.size(); ++i) {
    auto const r = call(server->port(), request_for("/"));
    EXPECT_FALSE(r) << i;
  }
}

TEST_F(BodyTest, AClientWhoseSourceFailsSaysWhy) {
  auto const server = serve(streaming(), read_all);
  std::deque<std::pair<std::deque<Result<std::string>>, Code>> const bad = {
      {{std::string("hello"), fail(Code::kIo, "disk")}, Code::kIo},
      {{std::string("hello")}, Code::kUsage},
      {{std::string("hello world, and more")}, Code::kUsage},
  };
  for (auto const& [pieces, code] : bad) {
    Request request = request_for("/up");
    request.method = "POST";
    request.source = std::make_shared<Pieces>(pieces);
    request.source_bytes = 11;
    auto const r = call(server->port(), std::move(request));
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error().code, code);
  }
  Request good = request_for("/up");
  good.method = "POST";
  good.source = std::make_shared<Pieces>(
      std::deque<Result<std::string>>{std::string("hello "), std::string("world")});
  good.source_bytes = 11;
  EXPECT_EQ(call(server->port(), std::move(good))->body, answer_to("hello world"));
}

}  // namespace
}  // namespace amic::net
