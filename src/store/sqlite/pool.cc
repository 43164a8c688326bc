#include "store/sqlite/pool.h"

namespace amic::store::sqlite {

Pool::Lease::~Lease() {
  if (connection_ != nullptr) pool_->give_back(std::move(connection_));
}

Result<Pool::Lease> Pool::take() {
  std::unique_ptr<Connection> connection;
  {
    std::unique_lock lock(mutex_);
    returned_.wait(lock, [&] { return out_ < size_max_ && !closed_; });
    ++out_;
    if (!idle_.empty()) {
      connection = std::move(idle_.back());
      idle_.pop_back();
    }
  }
  Result<void> begun;
  if (connection == nullptr) {
    auto opened = opener_();
    if (opened)
      connection = std::move(*opened);
    else
      begun = fail(std::move(opened).error());
  }
  if (begun) begun = Query(*connection, "BEGIN").run();
  if (!begun) {
    give_back(nullptr);
    return fail(std::move(begun).error());
  }
  return Lease(*this, std::move(connection));
}

void Pool::give_back(std::unique_ptr<Connection> connection) {
  if (connection != nullptr && connection->in_transaction()) {
    // A connection that cannot end its read is of no use to the next one.
    if (!Query(*connection, "COMMIT").run()) connection.reset();
  }
  std::lock_guard const lock(mutex_);
  if (connection != nullptr) idle_.push_back(std::move(connection));
  --out_;
  returned_.notify_all();
}

Result<void> Pool::while_closed(std::function<Result<void>()> const& work) {
  std::unique_lock lock(mutex_);
  returned_.wait(lock, [&] { return !closed_; });
  closed_ = true;
  returned_.wait(lock, [&] { return out_ == 0; });
  idle_.clear();
  lock.unlock();
  auto done = work();
  lock.lock();
  closed_ = false;
  returned_.notify_all();
  return done;
}

void Pool::close() {
  std::unique_lock lock(mutex_);
  returned_.wait(lock, [&] { return out_ == 0; });
  idle_.clear();
}

}  // namespace amic::store::sqlite
