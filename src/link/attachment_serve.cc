// The side that gives: bytes of sealed chunks to those who may have them, as long as nothing more
// urgent is on its way to the same peer, and within what the link to it may carry.
#include "link/attachment_wire.h"
#include "link/server.h"
#include "net/problem.h"

namespace amic::link {
namespace {

constexpr std::int64_t kBusyWaitMs = 100;
constexpr SteadyUs kBusyWaitMaxUs = 5'000'000;  // then a piece goes all the same

}  // namespace

PeerLink::Loan PeerLink::lend(std::size_t wanted) {
  auto const cap = options_.send_bytes_per_second.find(id_);
  bool const capped = cap != options_.send_bytes_per_second.end() && cap->second != 0;
  std::lock_guard const lock(mutex_);
  SteadyUs const now = net::Runtime::now_us();
  if (outgoing_.any_busy()) {
    if (busy_since_us_ == 0) busy_since_us_ = now;
    if (now - busy_since_us_ < kBusyWaitMaxUs) return {kBusyWaitMs, 0};
  }
  busy_since_us_ = 0;
  SteadyUs const wait = outgoing_.cap().wait(now);
  if (wait > 0) return {std::min<std::int64_t>(wait / 1000 + 1, kPieceWaitMaxMs), 0};
  // What is urgent waits for a quarter of a second of this at most.
  if (capped) wanted = std::min(wanted, std::max<std::size_t>(kFrameBytesMin, cap->second / 4));
  return {0, wanted};
}

void PeerLink::lent(std::size_t bytes) {
  std::lock_guard const lock(mutex_);
  outgoing_.cap().take(bytes + kRequestOverheadBytes);
}

void Answers::attachment(Asked const& asked, net::Responder const& respond) const {
  auto const nothing = [&] {
    respond(net::problem(Code::kNotFound, "attachment", "no such attachment"));
  };
  if (parts_.attachments == nullptr) return nothing();
  auto const request = decode_piece_request(asked.match.param("root"), asked.match.target);
  if (!request) return respond(net::problem(request.error()));
  PeerLink& link = *links_.at(asked.peer);
  auto const loan = link.lend(request->size);
  ChunkPiece out;
  out.chunk = request->chunk;
  out.offset = request->offset;
  exchange::Attachments::Piece piece;
  if (loan.wait_ms > 0) {
    out.wait_ms = static_cast<std::uint32_t>(loan.wait_ms);
  } else {
    auto served =
        parts_.attachments->serve(asked.peer, request->root, request->chunk, request->offset,
                                  static_cast<std::uint32_t>(loan.bytes));
    if (!served) return respond(net::problem(served.error()));
    piece = *std::move(served);
    out.data = piece.data;
    out.proof = std::move(piece.proof);
    link.lent(piece.data.size());
    link.budget().charge_bytes(piece.data.size());
    counters_.at(asked.peer).attachment_bytes->add(piece.data.size());
  }
  net::Response response;
  response.headers = {{"content-type", std::string(kPieceType)}, {"cache-control", "no-store"}};
  response.body = std::string(as_text(encode(out)));
  respond(std::move(response));
}

}  // namespace amic::link
