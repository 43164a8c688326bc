// The relay: handing on, and the requests of senders and receivers.
#include "base/limits.h"
#include "codec/codec.h"
#include "link/relay.h"
#include "net/problem.h"
#include "net/target.h"
#include "obs/log.h"

namespace amic::link {

namespace {
constexpr std::int64_t kPutOffMs = 5'000;
constexpr std::int64_t kExpireEveryMs = 60'000;

net::Response reply(int status, std::string_view type, std::string body) {
  net::Response out;
  out.status = status;
  out.headers = {{"content-type", std::string(type)}};
  out.body = std::move(body);
  return out;
}

// Who made a batch, without decoding all of it.
Result<MemberId> batch_sender(BytesView batch) {
  codec::Reader in(batch, "batch");
  in.u16();  // the rest is checked when it is accepted
  in.raw(CommunityId::kSize);
  auto const from = in.str8(16);
  AMIC_TRY_VOID(in.check());
  return MemberId::parse(from);
}
}  // namespace

void RelayLinks::measure() {
  std::uint64_t batches = 0, bytes = 0;
  for (auto const& carried : parts_.relay->carried()) {
    batches += carried.batches;
    bytes += carried.bytes;
  }
  held_batches_.set(static_cast<double>(batches));
  held_bytes_.set(static_cast<double>(bytes));
  auto const now_ms = parts_.clock.now_ms();
  {
    std::lock_guard const lock(mutex_);
    if (now_ms - expired_ms_ < kExpireEveryMs) return;
    expired_ms_ = now_ms;
  }
  on_worker([this] { parts_.relay->expire(); });
}

void RelayLinks::deliver(MemberId const& to) {
  auto const link = links_.find(to);
  if (link == links_.end() || !link->second->linked()) return;
  {
    std::lock_guard const lock(mutex_);
    auto const [at, fresh] = delivering_.try_emplace(to, false);
    if (!fresh) {
      at->second = true;
      return;
    }
  }
  if (!on_worker([this, to] { deliver_next(to); })) end_delivery(to);
}

void RelayLinks::deliver_next(MemberId const& to) {
  auto next = parts_.relay->next(to);
  if (!next || !*next) {
    if (!next)
      obs::log(obs::Level::kError, "relay.failed",
               {{"to", to.str()}, {"error", next.error().text()}});
    return end_delivery(to);
  }
  auto const& [batch, bytes] = **next;
  net::Request request;
  request.method = "POST";
  request.target = kRelayedPath;
  request.headers = {{"content-type", std::string(kBatchType)}};
  request.body = std::string(as_text(bytes));
  bool const sent = links_.at(to)->ask(
      std::move(request), options_.request_timeout_ms, [this, batch = batch](Answer answer) {
        auto const kept = std::make_shared<Answer>(std::move(answer));
        if (!on_worker([this, batch, kept] { on_delivered(batch, *kept); })) end_delivery(batch.to);
      });
  if (!sent) end_delivery(to);
}

void RelayLinks::on_delivered(exchange::CarriedBatch const& batch, Answer const& answer) {
  if (!answer) {
    parts_.relay->put_off(batch, kPutOffMs);
    return end_delivery(batch.to);
  }
  bool const receipt = answer->header("content-type") == kReceiptType &&
                       (answer->status == 200 || answer->status == 409);
  if (!receipt) {
    Error const error = error_of_answer(answer->status, answer->body);
    if (code_retryable(error.code))
      parts_.relay->put_off(batch, kPutOffMs);
    else
      parts_.relay->drop(batch, error);
    return deliver_next(batch.to);
  }
  auto token = activity_->enter();
  if (!token) return end_delivery(batch.to);
  parts_.relay->answered(batch, as_bytes(answer->body),
                         [this, batch, token = std::move(token)](Result<void> kept) {
                           if (kept)
                             delivered_total_.add();
                           else
                             parts_.relay->put_off(batch, kPutOffMs);
                           if (!on_worker([this, to = batch.to] { deliver_next(to); }))
                             end_delivery(batch.to);
                         });
}

void RelayLinks::end_delivery(MemberId const& to) {
  bool again = false;
  {
    std::lock_guard const lock(mutex_);
    auto const found = delivering_.find(to);
    if (found != delivering_.end()) {
      again = found->second;
      delivering_.erase(found);
    }
  }
  if (again && !activity_->closed()) deliver(to);
}

void RelayLinks::receipts(MemberId const& from, MemberId const& to,
                          std::function<void(Result<std::vector<Bytes>>, bool)> done) {
  auto const link = links_.find(to);
  if (link == links_.end() || !link->second->linked())
    return done(parts_.relay->receipts(from, to), false);
  net::Request request;
  request.target = std::string(kRelayedReceiptsPath) + "?of=" + net::percent_encode(from.str());
  auto const shared =
      std::make_shared<std::function<void(Result<std::vector<Bytes>>, bool)>>(std::move(done));
  bool const sent = link->second->ask(
      std::move(request), options_.probe_timeout_ms, [this, from, to, shared](Answer answer) {
        auto const kept = std::make_shared<Answer>(std::move(answer));
        bool const posted = on_worker([this, from, to, shared, kept] {
          auto receipts = *kept && (*kept)->status == 200
                              ? exchange::decode_receipts(as_bytes((*kept)->body))
                              : Result<std::vector<Bytes>>(fail(Code::kUnavailable, "relay"));
          bool const good = receipts && parts_.relay->keep_receipts(from, to, *receipts);
          if (good) return (*shared)(std::move(receipts), true);
          (*shared)(parts_.relay->receipts(from, to), false);
        });
        if (!posted) (*shared)(fail(Code::kOverloaded, "link.workers"), false);
      });
  if (!sent) (*shared)(parts_.relay->receipts(from, to), false);
}

// ---- What peers ask ---------------------------------------------------------------------------

// A sender's batch for somebody else.
void Answers::relay(Asked const& asked, net::Responder const& respond) const {
  if (asked.request.header("content-type") != kBatchType)
    return respond(net::problem(Code::kUnsupportedMedia, "content-type", std::string(kBatchType)));
  if (parts_.relay == nullptr)
    return respond(net::problem(Code::kForbidden, "relay", "this node carries nothing"));
  BytesView const batch = as_bytes(asked.request.body);
  counters_.at(asked.peer).received_bytes->add(batch.size());
  links_.at(asked.peer)->budget().charge_envelopes(batch_envelopes(batch));
  parts_.relay->take(asked.peer, batch, [this, peer = asked.peer, respond](Result<Bytes> note) {
    if (!note) {
      obs::log(obs::Level::kInfo, "relay.refused",
               {{"from", peer.str()}, {"error", note.error().text()}});
      return respond(net::problem(note.error()));
    }
    respond(reply(202, kRelayNoteType, std::string(as_text(*note))));
    if (auto const token = activity_->enter(); token && relays_ != nullptr) {
      auto const decoded = exchange::decode_relay_note(*note);
      if (decoded) relays_->deliver(decoded->to);
    }
  });
}

// A batch of another member that the peer only carries. Its signature says whose it is.
void Answers::relayed(Asked const& asked, net::Responder const& respond) const {
  if (asked.request.header("content-type") != kBatchType)
    return respond(net::problem(Code::kUnsupportedMedia, "content-type", std::string(kBatchType)));
  BytesView const batch = as_bytes(asked.request.body);
  counters_.at(asked.peer).received_bytes->add(batch.size());
  auto const sender = batch_sender(batch);
  if (!sender) return respond(net::problem(sender.error()));
  if (*sender == asked.peer)
    return respond(net::problem(Code::kWrongIdentity, "batch.from", "its own batch is no relay's"));
  accept(*sender, asked.peer, batch, respond);
}

void Answers::relay_receipts(Asked const& asked, net::Responder const& respond) const {
  if (relays_ == nullptr || parts_.relay == nullptr || !parts_.relay->carries_for(asked.peer))
    return respond(net::problem(Code::kForbidden, "relay", "this node carries nothing for you"));
  auto const to = MemberId::parse(asked.match.target.query_value("to").value_or(""));
  if (!to || *to == asked.peer || !links_.contains(*to))
    return respond(net::problem(Code::kUnknownMember, "query.to"));
  relays_->receipts(asked.peer, *to, [respond](Result<std::vector<Bytes>> receipts, bool fresh) {
    if (!receipts) return respond(net::problem(receipts.error()));
    auto answer =
        reply(200, kReceiptsType, std::string(as_text(exchange::encode_receipts(*receipts))));
    answer.headers.emplace_back("amic-fresh", fresh ? "true" : "false");
    respond(std::move(answer));
  });
}

// For a relay: what this node has received of the member that it carries for.
void Answers::relayed_receipts(Asked const& asked, net::Responder const& respond) const {
  auto const of = MemberId::parse(asked.match.target.query_value("of").value_or(""));
  if (!of || *of == asked.peer || !links_.contains(*of))
    return respond(net::problem(Code::kUnknownMember, "query.of"));
  std::vector<Bytes> receipts;
  for (std::uint8_t lane = 0; lane < kLaneCount; ++lane) {
    auto receipt = parts_.exchange.current_receipt(*of, lane);
    if (!receipt) return respond(net::problem(receipt.error()));
    receipts.push_back(std::move(*receipt));
  }
  respond(reply(200, kReceiptsType, std::string(as_text(exchange::encode_receipts(receipts)))));
}

}  // namespace amic::link
