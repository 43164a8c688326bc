// This node was restored from a backup: it asks the peer for what it had sent and has lost.
#include "link/peer_link.h"
#include "obs/log.h"

namespace amic::link {

// On a worker. One request at a time; the exchange says what is missing.
void PeerLink::fetch_returned() {
  {
    std::lock_guard const lock(mutex_);
    if (!linked_ || fetching_) return;
    fetching_ = true;
  }
  auto const ask = parts_.exchange.next_return(id_);
  if (!ask || !*ask) return end_fetch(std::nullopt);
  std::uint8_t const lane = (*ask)->lane;
  net::Request request;
  request.target = std::string(kReturnedPath) + "?lane=" + std::to_string(lane) +
                   "&after=" + std::to_string((*ask)->after_n);
  bool const sent = send_request(
      Way::kBulk, std::move(request), options_.request_timeout_ms, [this, lane](Answer answer) {
        auto const kept = std::make_shared<Answer>(std::move(answer));
        if (on_worker([this, lane, kept] { on_returned(lane, std::move(*kept)); })) return;
        end_fetch(std::pair(Failure::kRefusal,
                            Error{Code::kOverloaded, "link.workers", "no worker free"}));
      });
  if (!sent) end_fetch(std::nullopt);
}

void PeerLink::on_returned(std::uint8_t lane, Answer answer) {
  if (!answer) return end_fetch(std::pair(Failure::kTransport, std::move(answer).error()));
  if (answer->status == 200 && answer->header("content-type") == kReturnedType)
    return parts_.exchange.on_returned(id_, lane, as_bytes(answer->body), when_stored());
  Error error = error_of_answer(answer->status, answer->body);
  if (answer->status == 404 && error.where == "peer: returned.after")
    return parts_.exchange.on_not_returned(id_, lane, when_stored());
  end_fetch(std::pair(Failure::kRefusal, std::move(error)));
}

std::function<void(Result<void>)> PeerLink::when_stored() {
  return [this, token = activity_->enter()](Result<void> stored) {
    if (!token) return;
    if (!stored) return end_fetch(std::pair(Failure::kRefusal, std::move(stored).error()));
    succeeded();
    end_fetch(std::nullopt);
    // The next piece, of this lane or another. If no worker is free the next probe sees to it.
    static_cast<void>(on_worker([this] { fetch_returned(); }));
    wake();
  };
}

// After a failure the peer has to say again where it stands.
void PeerLink::end_fetch(std::optional<std::pair<Failure, Error>> failure) {
  {
    std::lock_guard const lock(mutex_);
    fetching_ = false;
    if (failure) linked_ = false;
  }
  if (failure) failed(failure->first, std::move(failure->second));
}

}  // namespace amic::link
