// The coroutine behind one connection of the server, in parts of one purpose each:
// server_connection.cc lets it in and goes through its requests, server_request.cc reads one,
// server_answer.cc sends what the handler says. Internal to net.
#pragma once

#include <boost/beast/http/parser.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "net/request_body.h"
#include "net/server_connection.h"
#include "net/server_handles.h"
#include "net/server_stream.h"

namespace amic::net {

class Connection final : public Answered, public std::enable_shared_from_this<Connection> {
 public:
  using Parser = boost::beast::http::request_parser<RequestBody>;

  Connection(std::shared_ptr<ServerShared> shared, std::size_t loop_index,
             boost::asio::ip::tcp::socket socket)
      : shared_(std::move(shared)),
        loop_index_(loop_index),
        channel_(std::make_shared<Channel>(std::move(socket))) {
    shared_->live[loop_index_].insert(this);
  }
  ~Connection() override {
    if (piece_wanted_) piece_wanted_(fail(Code::kUnavailable, "body", "the client has gone"));
    shared_->live[loop_index_].erase(this);
    --shared_->connections;
    forget_key();
  }
  Connection(Connection const&) = delete;
  Connection& operator=(Connection const&) = delete;

  Task<void> run();
  void abort() { channel_->abort(); }
  // On the loop's thread.
  void take_answer(Response response) override;
  void take_piece(Result<std::string> piece);  // of an answer's source
  void want_piece(std::function<void(Result<std::string>)> done) override;
  void wake() { channel_->wake(); }

 private:
  enum class Next { kRequest, kClose, kLinger };

  bool open();
  Task<bool> shake_hands();
  Task<bool> leave_unread(std::int64_t ms);
  bool count_key();
  void forget_key();
  Task<Next> serve_one();
  Task<bool> hold_back();
  Task<bool> read_header();
  Task<bool> read_body();
  Task<bool> continue_if_expected();
  bool parse_some(bool& progress);
  void refuse(int status, Code code, char const* where, char const* detail = "");
  void refuse_parse(boost::system::error_code error);
  bool check_header();
  Request head_of_request() const;
  Task<bool> read_piece();
  Task<void> give_piece();
  void call_handler();
  Task<Next> answer_request();
  Task<Next> send(Response response);
  Task<Next> send_stream(Response response);
  Task<bool> pump(QueuedStream& stream);
  Task<Next> send_source(Response response);
  Task<bool> pull(BodySource& source);
  void write_head(Response const& response, bool streamed);
  void set_write_deadline(std::size_t bytes);

  std::shared_ptr<ServerShared> shared_;
  std::size_t loop_index_;
  std::shared_ptr<Channel> channel_;
  std::string remote_;
  std::unique_ptr<HandshakeGate::Place> place_;  // until the handshake is over
  std::optional<PublicKey32> peer_key_;
  bool key_counted_ = false;
  std::optional<Parser> parser_;
  std::string head_;
  Request request_;
  bool streamed_ = false;   // its body is taken piece by piece
  bool continued_ = false;  // a client that waits for that was told to send the body
  std::function<void(Result<std::string>)> piece_wanted_;
  std::optional<Response> refusal_;  // set: the request is answered with this, and the end
  std::optional<Error> refusal_error_;
  std::optional<Response> answer_;
  std::optional<Result<std::string>> piece_;  // of an answer's source
  bool keep_alive_ = false;
  bool is_head_ = false;
  bool is_http10_ = false;
};

}  // namespace amic::net
