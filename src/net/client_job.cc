#include "net/client_job.h"

#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>

#include "base/limits.h"
#include "net/text.h"

namespace amic::net {
namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace {

constexpr int kInterimResponsesMax = 8;
constexpr std::size_t kReadBytes = 64 << 10;
constexpr std::string_view kNothing;

// A body that is either kept or handed on as it comes.
struct SinkBody {
  struct value_type {
    std::string text;
    std::function<bool(std::string_view)> const* on_chunk = nullptr;
    bool cancelled = false;
  };

  class reader {
   public:
    template <bool kIsRequest, class Fields>
    reader(http::header<kIsRequest, Fields>&, value_type& body) : body_(body) {}
    void init(boost::optional<std::uint64_t> const&, boost::system::error_code& error) {
      error = {};
    }
    template <class Buffers>
    std::size_t put(Buffers const& buffers, boost::system::error_code& error) {
      error = {};
      std::size_t total = 0;
      for (auto at = asio::buffer_sequence_begin(buffers); at != asio::buffer_sequence_end(buffers);
           ++at) {
        asio::const_buffer const part = *at;
        std::string_view const text(static_cast<char const*>(part.data()), part.size());
        total += text.size();
        if (body_.on_chunk == nullptr) {
          body_.text += text;
        } else if (!body_.cancelled && !(*body_.on_chunk)(text)) {
          body_.cancelled = true;
          error = asio::error::operation_aborted;
          break;
        }
      }
      return total;
    }
    void finish(boost::system::error_code& error) { error = {}; }

   private:
    value_type& body_;
  };
};

using Parser = http::response_parser<SinkBody>;

Error parse_failure(boost::system::error_code error) {
  if (error == asio::error::operation_aborted) return {Code::kUnavailable, "client.cancelled", {}};
  if (error == http::error::body_limit) return {Code::kTooLarge, "response.body", {}};
  if (error == http::error::header_limit) return {Code::kTooLarge, "response.header", {}};
  return {Code::kMalformed, "response", error.message()};
}

Response take_response(Parser& parser) {
  auto message = parser.release();
  Response out;
  out.status = static_cast<int>(message.result_int());
  for (auto const& field : message) {
    auto const name = field.name_string();
    auto const value = field.value();
    out.headers.emplace_back(to_lower({name.data(), name.size()}),
                             std::string(value.data(), value.size()));
  }
  out.body = std::move(message.body().text);
  return out;
}

class Reading {
 public:
  Reading(Job& job, Channel& channel, ClientOptions const& options)
      : job_(job), channel_(channel), options_(options) {}

  Task<std::unique_ptr<Exchange>> run();

 private:
  void reset_parser();
  void on_header();
  Task<bool> read_one();
  Task<bool> write_source();
  bool answer_waits() const;
  Task<bool> fill();
  bool parse();
  std::unique_ptr<Exchange> failed(Error error) const;

  Job& job_;
  Channel& channel_;
  ClientOptions const& options_;
  std::optional<Parser> parser_;
  Error error_;
  Error source_error_;  // what is to be sent can't be had
  bool header_seen_ = false;
  bool any_byte_ = false;
  bool closed_ = false;
};

void Reading::reset_parser() {
  parser_.emplace();
  parser_->eager(false);
  parser_->header_limit(limits::kHttpHeaderBytesMax);
  parser_->body_limit(options_.response_bytes_max);
  if (job_.request.method == "HEAD") parser_->skip(true);
  header_seen_ = false;
}

// From here on a streamed body of success goes to the caller, without a bound on the whole.
void Reading::on_header() {
  header_seen_ = true;
  auto const status = parser_->get().result_int();
  if (job_.on_chunk && status >= 200 && status <= 299) {
    parser_->get().body().on_chunk = &job_.on_chunk;
    parser_->body_limit(boost::none);
  }
  parser_->eager(true);
}

// Parses what is buffered as far as it goes. False: error_ is set.
bool Reading::parse() {
  auto& input = channel_.input();
  while (!input.empty() && !parser_->is_done()) {
    auto const view = input.view();
    boost::system::error_code error;
    auto const used = parser_->put(asio::const_buffer(view.data(), view.size()), error);
    input.consume(used);
    if (parser_->is_header_done() && !header_seen_) on_header();
    if (error == http::error::need_more) return true;
    if (error) {
      error_ = parse_failure(error);
      return false;
    }
    if (used == 0) return true;
  }
  return true;
}

// Reads more bytes. False: error_ is set, unless the close is a lawful end of the body.
Task<bool> Reading::fill() {
  if (job_.on_chunk) channel_.set_deadline(options_.idle_timeout_ms);
  auto const step = co_await channel_.read_more(kReadBytes + limits::kHttpHeaderBytesMax);
  if (step == Io::kDone) {
    any_byte_ = true;
    co_return true;
  }
  closed_ = step == Io::kClosed && !channel_.dead();
  if (channel_.timed_out()) {
    error_ = {Code::kTimeout, "client.idle", {}};
  } else if (step == Io::kFailed && channel_.input().room(1).empty() && !channel_.input().empty()) {
    error_ = {Code::kTooLarge, "response.header", {}};
  } else {
    error_ = channel_.transport().error();
  }
  // A body without a length ends with the connection; over TLS a cut one would look the same.
  if (closed_ && header_seen_ && parser_->need_eof() && job_.endpoint.scheme == "http") {
    boost::system::error_code error;
    parser_->put_eof(error);
    co_return !error && parser_->is_done();
  }
  co_return false;
}

Task<bool> Reading::read_one() {
  reset_parser();
  for (;;) {
    if (!parse()) co_return false;
    if (parser_->is_done()) co_return true;
    auto const more = co_await fill();
    if (!more) co_return false;
    if (parser_->is_done()) co_return true;
  }
}

// A server that does not want the rest says so and hears no more. Over TLS there may be other
// messages than an answer: there the end of the connection has to say it.
bool Reading::answer_waits() const {
  char byte = 0;
  return job_.endpoint.scheme == "http" &&
         ::recv(channel_.socket().native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

// False: not all of the body went out; the answer may say why.
Task<bool> Reading::write_source() {
  struct Piece {
    std::optional<Result<std::string>> value;
  };
  std::uint64_t left = job_.request.source_bytes;
  while (left > 0) {
    if (answer_waits()) co_return false;
    auto const piece = std::make_shared<Piece>();
    auto const channel = channel_.shared_from_this();
    job_.request.source->read([piece, channel](Result<std::string> value) {
      auto const kept = std::make_shared<Result<std::string>>(std::move(value));
      asio::post(channel->socket().get_executor(), [piece, channel, kept] {
        piece->value = std::move(*kept);
        channel->wake();
      });
    });
    while (!piece->value) {
      auto const woken = co_await channel_.wait_for_wake();
      if (!woken && !piece->value) co_return false;
    }
    if (!*piece->value) {
      source_error_ = piece->value->error();
      co_return false;
    }
    std::string const bytes = std::move(**piece->value);
    if (bytes.empty() || bytes.size() > left) {
      source_error_ = {Code::kUsage, "request.source", "not as long as was said"};
      co_return false;
    }
    left -= bytes.size();
    if (job_.on_chunk) channel_.set_deadline(options_.idle_timeout_ms);
    auto const step = co_await channel_.write_all(bytes, kNothing);
    if (step != Io::kDone) co_return false;
  }
  co_return true;
}

std::unique_ptr<Exchange> Reading::failed(Error error) const {
  auto out = std::make_unique<Exchange>(fail(std::move(error)));
  out->nothing_came = !any_byte_ && closed_;
  return out;
}

Task<std::unique_ptr<Exchange>> Reading::run() {
  // If writing fails, the reason may still lie in what the server said before it closed.
  auto written = co_await channel_.write_all(job_.head, job_.request.body);
  if (job_.request.source && written == Io::kDone) {
    auto const whole = co_await write_source();
    if (!source_error_.detail.empty() || !source_error_.where.empty())
      co_return failed(source_error_);
    if (!whole) written = Io::kClosed;
  }
  for (int i = 0; i < kInterimResponsesMax; ++i) {
    auto const good = co_await read_one();
    if (!good) co_return failed(error_);
    auto const status = parser_->get().result_int();
    if (status >= 100 && status <= 199 && status != 101) continue;
    bool const keep = parser_->keep_alive() && !closed_ && written == Io::kDone;
    auto out = std::make_unique<Exchange>(take_response(*parser_));
    out->reusable = keep && channel_.input().empty();
    co_return out;
  }
  co_return failed({Code::kMalformed, "response", "too many interim responses"});
}

}  // namespace

Result<std::string> make_request_head(Endpoint const& endpoint, Request const& request) {
  auto const bad = [](char const* what) { return fail(Code::kMalformed, "request", what); };
  if (!is_token(request.method)) return bad("method");
  if (request.target.empty() || has_control(request.target) ||
      request.target.find(' ') != std::string::npos)
    return bad("target");
  std::string out = request.method + " " + request.target + " HTTP/1.1\r\n";
  bool const v6 = endpoint.host.find(':') != std::string::npos;
  if (request.header("host").empty())
    out += "host: " + (v6 ? "[" + endpoint.host + "]" : endpoint.host) + ":" +
           std::to_string(endpoint.port) + "\r\n";
  for (auto const& [name, value] : request.headers) {
    if (!is_token(name) || value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
      return bad("header");
    if (equal_ignoring_case(name, "content-length") ||
        equal_ignoring_case(name, "transfer-encoding"))
      continue;
    out += name + ": " + value + "\r\n";
  }
  auto const size = request.source ? request.source_bytes : request.body.size();
  if (size > 0 || (request.method != "GET" && request.method != "HEAD"))
    out += "content-length: " + std::to_string(size) + "\r\n";
  return out += "\r\n";
}

Task<std::unique_ptr<Exchange>> exchange(Job& job, Channel& channel, ClientOptions const& options) {
  Reading reading(job, channel, options);
  auto out = co_await reading.run();
  co_return out;
}

}  // namespace amic::net
