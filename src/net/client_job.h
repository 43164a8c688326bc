// One request of the client on one connection: writing it, reading the response. Internal to net.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>

#include "net/channel.h"
#include "net/http.h"

namespace amic::net {

struct Job {
  Endpoint endpoint;
  Request request;
  std::string head;                                // serialised; see make_request_head
  std::function<bool(std::string_view)> on_chunk;  // set: streaming
  std::function<void(Result<Response>)> done;
  Instant due = Instant::max();
  std::shared_ptr<Channel> channel;  // while it is under way
  std::shared_ptr<boost::asio::steady_timer> timer;
  bool retried = false;

  Job() = default;
  Job(Job const&) = delete;
  Job& operator=(Job const&) = delete;
  // Whatever happens, `done` is called.
  ~Job() { finish(fail(Code::kUnavailable, "client.stopped")); }

  bool finished() const { return !done; }
  void finish(Result<Response> result) {
    if (auto const call = std::exchange(done, nullptr)) call(std::move(result));
  }
};

// kMalformed if the request can't be put on the wire as it is.
Result<std::string> make_request_head(Endpoint const& endpoint, Request const& request);

struct Exchange {
  explicit Exchange(Result<Response> r) : result(std::move(r)) {}
  Result<Response> result;
  bool reusable = false;      // the connection may serve another request
  bool nothing_came = false;  // it closed before the first byte of a response
};

// `job` and `options` must outlive the task. The job's own deadline is the caller's business,
// silence on a stream is watched here.
Task<std::unique_ptr<Exchange>> exchange(Job& job, Channel& channel, ClientOptions const& options);

}  // namespace amic::net
