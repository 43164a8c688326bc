// What a handler holds of the connection that its request came on, which may be gone before.
// Internal to net.
#pragma once

#include <atomic>
#include <memory>

#include "net/http.h"
#include "net/loop.h"
#include "net/problem.h"

namespace amic::net {

// The connection, as far as its handler is concerned. On its loop's thread.
class Answered {
 public:
  virtual ~Answered() = default;
  virtual void take_answer(Response response) = 0;
  virtual void want_piece(std::function<void(Result<std::string>)> done) = 0;
};

// Stands between a handler and the connection: first answer counts, none at all is a 500.
class Slot {
 public:
  Slot(std::shared_ptr<Loop> loop, std::weak_ptr<Answered> connection)
      : loop_(std::move(loop)), connection_(std::move(connection)) {}
  Slot(Slot const&) = delete;
  Slot& operator=(Slot const&) = delete;
  ~Slot() {
    if (!answered_) answer(problem(Code::kInternal));
  }

  void answer(Response response) {
    if (answered_.exchange(true)) return;
    if (loop_->is_current()) {
      if (auto const connection = connection_.lock()) connection->take_answer(std::move(response));
      return;
    }
    loop_->post([weak = connection_, r = std::move(response)]() mutable {
      if (auto const connection = weak.lock()) connection->take_answer(std::move(r));
    });
  }

 private:
  std::shared_ptr<Loop> loop_;
  std::weak_ptr<Answered> connection_;
  std::atomic<bool> answered_{false};
};

// The body of a request, for its handler.
class StreamedBody final : public BodySource {
 public:
  StreamedBody(std::shared_ptr<Loop> loop, std::weak_ptr<Answered> connection)
      : loop_(std::move(loop)), connection_(std::move(connection)) {}

  void read(std::function<void(Result<std::string>)> done) override {
    bool const posted = loop_->post([weak = connection_, done] {
      if (auto const connection = weak.lock()) return connection->want_piece(done);
      done(fail(Code::kUnavailable, "body", "the client has gone"));
    });
    if (!posted) done(fail(Code::kUnavailable, "body", "stopping"));
  }

 private:
  std::shared_ptr<Loop> loop_;
  std::weak_ptr<Answered> connection_;
};

}  // namespace amic::net
