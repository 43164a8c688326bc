// A bounded set of read connections. A lease is one read transaction: all that it reads is of one
// moment. Any thread; take() waits while all connections are out.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "store/sqlite/db.h"

namespace amic::store::sqlite {

class Pool {
 public:
  using Opener = std::function<Result<std::unique_ptr<Connection>>()>;
  Pool(std::size_t size_max, Opener opener) : size_max_(size_max), opener_(std::move(opener)) {}

  class Lease {
   public:
    Lease(Pool& pool, std::unique_ptr<Connection> connection)
        : pool_(&pool), connection_(std::move(connection)) {}
    ~Lease();
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    Connection& operator*() const { return *connection_; }

   private:
    Pool* pool_;
    std::unique_ptr<Connection> connection_;
  };

  Result<Lease> take();
  void close();  // waits until every lease is back, then closes all; take() opens anew
  // The same, and take() waits until `work` is done.
  Result<void> while_closed(std::function<Result<void>()> const& work);

 private:
  void give_back(std::unique_ptr<Connection> connection);

  std::size_t const size_max_;
  Opener const opener_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<Connection>> idle_;
  std::size_t out_ = 0;
  bool closed_ = false;
};

}  // namespace amic::store::sqlite
