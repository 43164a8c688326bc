// Reading a request: header, body, pieces of a streamed body; and refusing what is none.
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>

#include "net/problem.h"
#include "net/server_connection_parts.h"
#include "net/text.h"

namespace amic::net {
namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace {

constexpr std::size_t kBodyReadBytes = 64 << 10;
constexpr std::size_t kPieceBytes = 256 << 10;  // of a streamed body; a read more at most
constexpr std::string_view kNothing;

}  // namespace

// True: a sound header is parsed. False: refusal_ is set, or the peer has gone.
Task<bool> Connection::read_header() {
  auto& options = shared_->options;
  auto& input = channel_->input();
  bool started = !input.empty();
  channel_->set_deadline(started ? options.request_timeout_ms : options.idle_timeout_ms);
  for (;;) {
    while (!input.empty() && !parser_->is_header_done()) {
      bool progress = false;
      if (!parse_some(progress)) co_return false;
      if (!progress) break;
    }
    if (parser_->is_header_done()) co_return check_header();
    // One byte more than the parser accepts, so that it is the one to refuse.
    auto const step = co_await channel_->read_more(options.header_bytes_max + 1024);
    if (step != Io::kDone) {
      if (started && channel_->timed_out()) refuse(408, Code::kTimeout, "request");
      co_return false;
    }
    if (!started) channel_->set_deadline(options.request_timeout_ms);
    started = true;
  }
}

Task<bool> Connection::read_body() {
  auto const proceed = co_await continue_if_expected();
  if (!proceed) co_return false;
  auto& input = channel_->input();
  parser_->eager(true);
  while (!parser_->is_done()) {
    bool progress = !input.empty();
    if (progress && !parse_some(progress)) co_return false;
    if (progress || parser_->is_done()) continue;
    auto const step =
        co_await channel_->read_more(kBodyReadBytes + shared_->options.header_bytes_max);
    if (step == Io::kDone) continue;
    if (channel_->timed_out()) refuse(408, Code::kTimeout, "request");
    co_return false;
  }
  co_return true;
}

Task<bool> Connection::continue_if_expected() {
  if (parser_->is_done() || is_http10_ || std::exchange(continued_, true)) co_return true;
  auto const expect = parser_->get().find(http::field::expect);
  if (expect == parser_->get().end()) co_return true;
  if (!equal_ignoring_case({expect->value().data(), expect->value().size()}, "100-continue")) {
    refuse(417, Code::kUnsupported, "header.expect");
    co_return false;
  }
  std::string_view const line = "HTTP/1.1 100 Continue\r\n\r\n";
  auto const step = co_await channel_->write_all(line, kNothing);
  co_return step == Io::kDone;
}

// False: refused. progress: bytes were taken.
bool Connection::parse_some(bool& progress) {
  auto& input = channel_->input();
  auto const view = input.view();
  boost::system::error_code error;
  auto const used = parser_->put(asio::const_buffer(view.data(), view.size()), error);
  input.consume(used);
  progress = used > 0;
  if (error == http::error::need_more) {
    // The parser keeps nothing itself: with the same bytes it would say the same.
    progress = false;
    return true;
  }
  if (error) refuse_parse(error);
  return !error;
}

void Connection::refuse(int status, Code code, char const* where, char const* detail) {
  refusal_error_ = Error{code, where, detail};
  refusal_ = problem_with_status(status, *refusal_error_);
}

void Connection::refuse_parse(boost::system::error_code error) {
  if (error == http::error::header_limit) return refuse(431, Code::kTooLarge, "header");
  if (error == http::error::body_limit) return refuse(413, Code::kTooLarge, "body");
  refuse(400, Code::kMalformed, "http", error.message().c_str());
}

bool Connection::check_header() {
  auto const& message = parser_->get();
  is_http10_ = message.version() < 11;
  is_head_ = message.method() == http::verb::head;
  if (message.version() != 10 && message.version() != 11)
    return refuse(505, Code::kUnsupported, "http.version"), false;
  if (!is_http10_ && message.count(http::field::host) != 1)
    return refuse(400, Code::kMalformed, "header.host", "exactly one is needed"), false;
  // Anything but plain chunked, or both kinds of length, is how requests are smuggled.
  auto const encoding = message.find(http::field::transfer_encoding);
  if (encoding != message.end()) {
    bool const chunked =
        message.count(http::field::transfer_encoding) == 1 && !is_http10_ &&
        equal_ignoring_case({encoding->value().data(), encoding->value().size()}, "chunked");
    if (!chunked || message.count(http::field::content_length) > 0)
      return refuse(400, Code::kMalformed, "header.transfer-encoding"), false;
  }
  auto const& options = shared_->options;
  request_ = head_of_request();
  streamed_ = options.streams && options.streams(request_);
  std::uint64_t const most = streamed_ ? options.stream_bytes_max : options.body_bytes_max;
  auto const length = parser_->content_length();
  if (length && *length > most) return refuse(413, Code::kTooLarge, "body"), false;
  parser_->body_limit(most);
  if (!streamed_) return true;
  parser_->get().body().streamed = true;
  request_.source = std::make_shared<StreamedBody>(shared_->loops[loop_index_], weak_from_this());
  request_.source_bytes = length.value_or(0);
  return true;
}

Request Connection::head_of_request() const {
  auto const& message = parser_->get();
  Request out;
  out.method.assign(message.method_string().data(), message.method_string().size());
  out.target.assign(message.target().data(), message.target().size());
  for (auto const& field : message) {
    auto const name = field.name_string();
    auto const value = field.value();
    out.headers.emplace_back(to_lower({name.data(), name.size()}),
                             std::string(value.data(), value.size()));
  }
  out.remote_address = remote_;
  out.peer_key = peer_key_;
  return out;
}

// The next piece of a streamed body is in the parser; empty at the end. False: there is none.
Task<bool> Connection::read_piece() {
  auto const& options = shared_->options;
  channel_->set_deadline(options.request_timeout_ms);
  auto const proceed = co_await continue_if_expected();
  if (!proceed) co_return false;
  auto& input = channel_->input();
  auto const& text = parser_->get().body().text;
  parser_->eager(true);
  while (!parser_->is_done() && text.size() < kPieceBytes) {
    bool progress = !input.empty();
    if (progress && !parse_some(progress)) co_return false;
    if (progress || parser_->is_done()) continue;
    auto const step = co_await channel_->read_more(kBodyReadBytes + options.header_bytes_max);
    if (step == Io::kDone) {
      channel_->set_deadline(options.request_timeout_ms);
      continue;
    }
    if (channel_->timed_out())
      refuse(408, Code::kTimeout, "body", "the client has stopped sending");
    co_return false;
  }
  co_return true;
}

}  // namespace amic::net
