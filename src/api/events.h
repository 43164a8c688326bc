// Server-sent events: one "item" event for each readable item, id = its position,
// sealed. Each stream
// has its own position and reads from the store, so nothing is lost over a reconnect with
// Last-Event-ID, and nothing is buffered for a slow reader beyond the stream's own bound.
#pragma once

#include <list>
#include <memory>
#include <mutex>

#include "api/context.h"
#include "api/session_auth.h"

namespace amic::api {

class Events {
 public:
  explicit Events(Services& services);
  ~Events();

  // False if limits are reached.
  bool add(std::shared_ptr<net::EventStream> stream, identity::Principal who,
           Credentials credentials, std::uint64_t after_seq);
  bool full() const;
  void index_applied();  // schedules a round on the worker pool
  void stop();           // when the gate is closed

 private:
  struct Subscriber {
    std::shared_ptr<net::EventStream> stream;
    identity::Principal who;
    Credentials credentials;  // checked again at each heartbeat: a revoked token ends the stream
    std::uint64_t after_seq = 0;
  };
  void round(bool heartbeat);
  bool serve(Subscriber& subscriber, bool heartbeat);  // false: drop it
  void arm_heartbeat();

  Services& services_;
  mutable std::mutex mutex_;  // guards the flags and the newcomers
  std::mutex round_mutex_;    // one round at a time; guards subscribers_
  std::list<Subscriber> subscribers_;
  std::list<Subscriber> newcomers_;
  std::size_t count_ = 0;
  bool round_due_ = false;
  bool stopped_ = false;
  std::shared_ptr<net::Runtime::Timer> heartbeat_;
};

}  // namespace amic::api
