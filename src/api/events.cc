#include "api/events.h"

#include <algorithm>
#include <map>

#include "api/routes.h"
#include "codec/codec.h"
#include "exchange/operation.h"
#include "net/problem.h"

namespace amic::api {

namespace {
constexpr std::size_t kItemsPerRead = 100;
constexpr std::string_view kList = "events";

std::string event_text(Services const& services, store::ItemRow const& item) {
  json::object data{{"id", envelope_id_text(item.id)},
                    {"originator", item.originator.str()},
                    {"precedence", precedence_name(item.precedence)},
                    {"title", item.title},
                    {"received", codec::to_rfc3339(item.received_ms)},
                    {"objects", item.objects}};
  return "id: " + services.cursors.seal(kList, item.seq) +
         "\nevent: item\ndata: " + json::serialize(data) + "\n\n";
}
std::string event_text(Services const& services, store::OperationRow const& row) {
  auto const kind = static_cast<exchange::OperationKind>(row.kind);
  json::object data{{"item", envelope_id_text(row.item)},     {"originator", row.originator.str()},
                    {"kind", exchange::operation_name(kind)}, {"counter", row.counter},
                    {"at", codec::to_rfc3339(row.at_ms)},     {"reason", row.reason}};
  return "id: " + services.cursors.seal(kList, row.seq) +
         "\nevent: operation\ndata: " + json::serialize(data) + "\n\n";
}
}  // namespace

Events::Events(Services& services) : services_(services) {
  arm_heartbeat();
}

Events::~Events() {
  stop();
}

void Events::stop() {
  std::list<Subscriber> all;
  {
    std::lock_guard const round_lock(round_mutex_);
    std::lock_guard const lock(mutex_);
    stopped_ = true;
    if (heartbeat_) heartbeat_->cancel();
    all.swap(subscribers_);
    all.splice(all.end(), newcomers_);
    count_ = 0;
  }
  for (auto& subscriber : all) subscriber.stream->close();
}

void Events::arm_heartbeat() {
  // Locked throughout: the timer may fire, and be armed again, before it is kept here.
  std::lock_guard const lock(mutex_);
  if (stopped_) return;
  auto const gate = services_.gate;
  heartbeat_ = services_.deps.runtime.after(services_.options.heartbeat_ms, [this, gate] {
    Gate::Pass const pass(gate);
    if (!pass) return;
    bool const posted = services_.deps.pool.try_post([this, gate] {
      Gate::Pass const inner(gate);
      if (inner) round(/*heartbeat=*/true);
    });
    if (!posted) arm_heartbeat();
  });
}

bool Events::full() const {
  std::lock_guard const lock(mutex_);
  return count_ >= services_.options.event_streams_max;
}

bool Events::add(std::shared_ptr<net::EventStream> stream, identity::Principal who,
                 Credentials credentials, std::uint64_t after_seq) {
  {
    std::lock_guard const lock(mutex_);
    if (stopped_ || count_ >= services_.options.event_streams_max) return false;
    ++count_;
    newcomers_.push_back({std::move(stream), std::move(who), std::move(credentials), after_seq});
  }
  index_applied();
  return true;
}

void Events::index_applied() {
  {
    std::lock_guard const lock(mutex_);
    if (stopped_ || round_due_ || count_ == 0) return;
    round_due_ = true;
  }
  bool const posted = services_.deps.pool.try_post([this, gate = services_.gate] {
    Gate::Pass const pass(gate);
    if (pass) round(/*heartbeat=*/false);
  });
  if (posted) return;
  std::lock_guard const lock(mutex_);
  round_due_ = false;  // the pool is full: the next batch or heartbeat brings it
}

bool Events::serve(Subscriber& subscriber, bool heartbeat) {
  if (subscriber.stream->closed()) return false;
  if (heartbeat) {
    auto const again = still_valid(services_, subscriber.credentials);
    if (!again || !subscriber.stream->push(": still here\n\n")) return false;
    subscriber.who = *again;
  }
  auto const reach = services_.audiences.of(subscriber.who.reader);
  if (!reach) return false;
  for (;;) {  // ends: each turn moves the position, and pushes stop at the stream's bound
    auto& store = services_.deps.store;
    auto const items = store.items(subscriber.after_seq, kItemsPerRead, (*reach)->audiences,
                                   /*newest_first=*/false);
    auto const operations =
        store.operations(subscriber.after_seq, kItemsPerRead, (*reach)->audiences);
    if (!items || !operations) return false;
    // One list by position. Where either was cut, the rest comes with the next read.
    std::map<std::uint64_t, std::string> events;
    for (auto const& item : *items) events[item.seq] = event_text(services_, item);
    for (auto const& row : *operations) events[row.seq] = event_text(services_, row);
    std::uint64_t upto = (*reach)->upto_seq;
    if (items->size() == kItemsPerRead) upto = std::min(upto, items->back().seq);
    if (operations->size() == kItemsPerRead) upto = std::min(upto, operations->back().seq);
    for (auto const& [seq, text] : events) {
      if (seq > upto) break;  // the next read or round brings it
      if (!subscriber.stream->push(text)) return false;
      subscriber.after_seq = seq;
    }
    bool const more = items->size() == kItemsPerRead || operations->size() == kItemsPerRead;
    if (!more || upto == (*reach)->upto_seq) return true;
  }
}

void Events::round(bool heartbeat) {
  {
    std::lock_guard const round_lock(round_mutex_);
    {
      std::lock_guard const lock(mutex_);
      if (stopped_) return;
      round_due_ = false;
      subscribers_.splice(subscribers_.end(), newcomers_);
    }
    std::size_t dropped = 0;
    for (auto it = subscribers_.begin(); it != subscribers_.end();) {
      if (serve(*it, heartbeat)) {
        ++it;
        continue;
      }
      it->stream->close();
      it = subscribers_.erase(it);
      ++dropped;
    }
    std::lock_guard const lock(mutex_);
    count_ -= dropped;
  }
  if (heartbeat) arm_heartbeat();
}

namespace {
// Without Last-Event-ID a stream starts at the present; "0" replays everything readable.
Result<std::uint64_t> start_position(Services const& services, Call const& call) {
  std::string text{call.request.header("last-event-id")};
  bool const header = !text.empty();
  if (!header) text = call.query_value("after").value_or("");
  if (text.empty()) return call.reach->upto_seq;
  if (text == "0") return 0;
  if (auto const position = services.cursors.open(kList, text)) return *position;
  return fail(Code::kMalformed, header ? "header.last-event-id" : "query.after",
              "not the id of an event of this node");
}

void open_stream(Services& services, Call call, net::Responder respond) {
  auto const after = start_position(services, call);
  if (!after) return respond(net::problem(after.error()));
  if (services.events->full())
    return respond(net::problem(Code::kOverloaded, "events", "too many event streams are open"));
  net::Response out;
  out.headers = {{"content-type", "text/event-stream"},
                 {"cache-control", "no-store"},
                 {"x-accel-buffering", "no"}};
  out.on_stream = [&services, after = *after, who = call.who,
                   credentials =
                       credentials_of(call.request)](std::shared_ptr<net::EventStream> stream) {
    stream->push("retry: 2000\n\n");
    if (!services.events->add(stream, who, credentials, after)) stream->close();
  };
  respond(std::move(out));
}
}  // namespace

std::vector<Route> event_routes() {
  return {{"GET", "/api/v1/events", Access::kRead, open_stream,
           "Server-sent events: items and operations on them as they arrive; resumes by "
           "Last-Event-ID"}};
}

}  // namespace amic::api
