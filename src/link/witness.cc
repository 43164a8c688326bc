// The asking half of witnessing: PeerLink gets its peer's cosignature on our checkpoints. The
// answering half is tlog::Witness behind server.cc.
#include <charconv>

#include "link/peer_link.h"
#include "obs/log.h"

namespace amic::link {

void PeerLink::cosign() {
  std::uint64_t const size = parts_.log.checkpoint_size();
  std::string const origin = parts_.log.origin();
  std::uint64_t old_size = 0;
  {
    std::lock_guard const lock(mutex_);
    if (cosigned_origin_ != origin) cosigned_size_ = 0;
    cosigned_origin_ = origin;
    if (!linked_ || cosigning_ || size == 0 || cosigned_size_ == size) return;
    cosigning_ = true;
    old_size = cosigned_size_;
  }
  ask_cosignature(old_size, false);
}

namespace {

Result<std::uint64_t> size_in_request(std::string_view body) {
  AMIC_TRY(auto const request, merkle::parse_add_checkpoint(body));
  AMIC_TRY(auto const note, merkle::parse_note(request.checkpoint_note));
  AMIC_TRY(auto const checkpoint, merkle::parse_checkpoint_text(note.text));
  return checkpoint.size;
}

std::optional<std::uint64_t> size_in_answer(std::string_view body) {
  std::uint64_t size = 0;
  auto const [end, error] = std::from_chars(body.data(), body.data() + body.size(), size);
  bool const whole =
      error == std::errc() && std::string_view(end, body.data() + body.size()) == "\n";
  return whole ? std::optional(size) : std::nullopt;
}

}  // namespace

// On a worker. `again`: the peer has told us its size.
void PeerLink::ask_cosignature(std::uint64_t old_size, bool again) {
  auto body = parts_.log.add_checkpoint_request(old_size);
  if (!body) return end_cosign(&body.error());
  auto const size = size_in_request(*body);
  if (!size) return end_cosign(&size.error());
  net::Request request;
  request.method = "POST";
  request.target = kWitnessPath;
  request.headers = {{"content-type", "text/plain; charset=utf-8"}};
  request.body = *std::move(body);
  bool const sent = send_request(Way::kBulk, std::move(request), options_.probe_timeout_ms,
                                 [this, size = *size, again](Answer answer) {
                                   auto const kept = std::make_shared<Answer>(std::move(answer));
                                   if (!on_worker([this, size, again, kept] {
                                         on_cosignature(size, again, std::move(*kept));
                                       }))
                                     end_cosign(nullptr);
                                 });
  if (!sent) end_cosign(nullptr);
}

void PeerLink::on_cosignature(std::uint64_t size, bool again, Answer answer) {
  if (!answer) {
    end_cosign(&answer.error());
    return failed(Failure::kTransport, std::move(answer).error());
  }
  if (answer->status == 409 && answer->header("content-type") == kLogSizeType && !again) {
    if (auto const known = size_in_answer(answer->body)) return ask_cosignature(*known, true);
  }
  if (answer->status != 200) {
    Error const error = error_of_answer(answer->status, answer->body);
    return end_cosign(&error);
  }
  auto const signatures = merkle::parse_signatures(answer->body);
  if (!signatures) return end_cosign(&signatures.error());
  auto const added = parts_.log.add_cosignatures(*signatures, {cosigner_});
  // A newer checkpoint may have been signed meanwhile; then this one is past and the next round
  // asks.
  if (!added && parts_.log.checkpoint_size() == size) return end_cosign(&added.error());
  {
    std::lock_guard const lock(mutex_);
    cosigned_size_ = size;
  }
  cosignatures_.add(added ? 1 : 0);
  end_cosign(nullptr);
}

void PeerLink::end_cosign(Error const* error) {
  {
    std::lock_guard const lock(mutex_);
    cosigning_ = false;
  }
  if (error != nullptr)
    obs::log(obs::Level::kWarn, "link.witness", {{"peer", id_.str()}, {"error", error->text()}});
}

}  // namespace amic::link
