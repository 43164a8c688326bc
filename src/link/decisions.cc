// The peer has another head: who is behind fetches the decisions. And the question that each node
// asks after a start: what do you hold of mine?
#include <algorithm>

#include "codec/codec.h"
#include "link/peer_link.h"
#include "obs/log.h"

namespace amic::link {

Error PeerLink::other_head(Status const& status) {
  auto const& now = parts_.exchange.community();
  std::string const theirs = std::to_string(status.epoch);
  if (status.epoch == now.head.epoch) {
    if (parts_.delegation != nullptr) parts_.delegation->on_other_head(id_, status.epoch);
    return {Code::kConflict, "status.head", "the peer has another head of epoch " + theirs};
  }
  if (status.epoch < now.head.epoch)
    return {Code::kUnknownEpoch, "status.head",
            "the peer is at epoch " + theirs + " and has not fetched the decisions yet"};
  fetch_decisions();
  return {Code::kUnknownEpoch, "status.head",
          "the peer is at epoch " + theirs + "; this node fetches the decisions"};
}

void PeerLink::shows_epoch(std::uint64_t epoch) {
  auto const now = parts_.exchange.community().head.epoch;
  if (epoch > now) return fetch_decisions();
  if (epoch < now) return;
  {
    std::lock_guard const lock(mutex_);
    bool const for_its_head =
        waiting_ && !linked_ && last_error_ && last_error_->code == Code::kUnknownEpoch;
    if (!for_its_head) return;
    waiting_ = false;
    timer_.reset();
  }
  probe();
}

void PeerLink::relink() {
  {
    std::lock_guard const lock(mutex_);
    linked_ = false;
    waiting_ = false;
    timer_.reset();
  }
  probe();
}

void PeerLink::fetch_decisions() {
  if (parts_.delegation == nullptr) return;
  {
    std::lock_guard const lock(mutex_);
    if (std::exchange(fetching_decisions_, true)) return;
  }
  net::Request request;
  request.target = std::string(kDecisionsPath) +
                   "?after=" + std::to_string(parts_.exchange.community().head.epoch);
  auto const end = [this] {
    std::lock_guard const lock(mutex_);
    fetching_decisions_ = false;
  };
  bool const sent = send_request(Way::kBulk, std::move(request), options_.request_timeout_ms,
                                 [this, end](Answer answer) {
                                   auto const kept = std::make_shared<Answer>(std::move(answer));
                                   bool const posted = on_worker([this, end, kept] {
                                     on_decisions(std::move(*kept));
                                     end();
                                   });
                                   if (!posted) end();
                                 });
  if (!sent) end();
}

void PeerLink::on_decisions(Answer answer) {
  Result<void> taken;
  if (!answer)
    taken = fail(std::move(answer).error());
  else if (answer->status != 200)
    taken = fail(error_of_answer(answer->status, answer->body));
  else if (answer->header("content-type") != kDecisionsType)
    taken = fail(Code::kUnsupportedMedia, "peer", "an answer of another type");
  else
    taken = parts_.delegation->on_decisions(id_, as_bytes(answer->body));
  if (!taken)
    obs::log(obs::Level::kWarn, "link.decisions",
             {{"peer", id_.str()}, {"error", taken.error().text()}});
}

void PeerLink::ask_head_status() {
  if (parts_.delegation == nullptr) return;
  auto const wanted = parts_.delegation->to_ask();
  if (std::find(wanted.begin(), wanted.end(), id_) == wanted.end()) return;
  net::Request request;
  request.target = std::string(kHeadStatusPath) +
                   "?challenge=" + codec::to_hex(parts_.delegation->challenge().view());
  send_request(Way::kBulk, std::move(request), options_.request_timeout_ms, [this](Answer answer) {
    auto const kept = std::make_shared<Answer>(std::move(answer));
    static_cast<void>(on_worker([this, kept] {
      if (!*kept || (*kept)->status != 200) return;  // asked again with the next status
      auto const taken = parts_.delegation->on_head_status(id_, as_bytes((*kept)->body));
      if (!taken)
        obs::log(obs::Level::kWarn, "link.head_status",
                 {{"peer", id_.str()}, {"error", taken.error().text()}});
    }));
  });
}

}  // namespace amic::link
