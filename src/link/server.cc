#include "link/server.h"

#include <charconv>
#include <ctime>

#include "codec/codec.h"
#include "link/attachment_wire.h"
#include "net/problem.h"
#include "obs/log.h"

namespace amic::link {

namespace {
constexpr std::size_t kWaitingMax = 8;  // requests that wait for the same batch
constexpr std::uint64_t kNonsenseUs = 500'000;

// No honest node of this version sends what is answered so, however bad the line: it costs a peer
// of its budget much more than the work that it made.
bool is_nonsense(Code code) {
  return code == Code::kMalformed || code == Code::kBadSignature || code == Code::kWrongIdentity;
}
}  // namespace

Answers::Answers(Parts const& parts, Options const& options, PeerLinks& links,
                 std::shared_ptr<Activity> activity)
    : parts_(parts),
      links_(links),
      activity_(std::move(activity)),
      hold_ms_max_(options.hold_ms_max) {
  consent::Community const& community = parts_.exchange.community();
  for (consent::Card const& card : community.head.members) {
    if (card.member == parts_.exchange.self()) continue;
    logs_.push_back({tlog::log_origin(community.id, card.member, parts_.exchange.realm()),
                     merkle::NoteKeyType::kEd25519, card.log});
    obs::Labels const labels = {{"peer", card.member.str()}};
    auto& metrics = parts_.metrics;
    counters_[card.member] = {
        &metrics.counter("amic_link_received_bytes_total", "Bytes of batches from a peer.", labels),
        &metrics.counter("amic_link_received_frames_total", "Frames of batches from a peer.",
                         labels),
        &metrics.counter("amic_link_over_budget_total",
                         "Requests of a peer that were put off since it had used up its budget.",
                         labels),
        &metrics.counter("amic_link_attachment_sent_bytes_total",
                         "Bytes of attachments given to a peer.", labels)};
    incoming_[card.member] = std::make_unique<Incoming>(parts_.workers);
  }
  add("POST", kEnvelopesPath, &Answers::envelopes);
  add("POST", kFramesPath, &Answers::frames);
  add("GET", kStatusPath, &Answers::status);
  add("GET", kReturnedPath, &Answers::returned);
  if (parts_.delegation != nullptr) {
    add("GET", kDecisionsPath, &Answers::decisions);
    add("GET", kHeadStatusPath, &Answers::head_status);
  }
  if (parts_.repair != nullptr) {
    add("POST", kRangesPath, &Answers::ranges);
    add("POST", kPiecesPath, &Answers::pieces);
  }
  add("GET", kAttachmentPath, &Answers::attachment);
  add("GET", kCheckpointPath, &Answers::checkpoint);
  add("GET", kTilePath, &Answers::tile);
  add("POST", kWitnessPath, &Answers::witness);
  add("POST", kRelayPath, &Answers::relay);
  add("POST", kRelayedPath, &Answers::relayed);
  add("GET", kRelayReceiptsPath, &Answers::relay_receipts);
  add("GET", kRelayedReceiptsPath, &Answers::relayed_receipts);
  add("POST", kAddCheckpointPath, &Answers::witness);
}

void Answers::add(std::string_view method, std::string_view pattern, Work work) {
  router_.add(method, pattern,
              [this, work](net::Request request, net::Match match, net::Responder respond) {
                admit(std::move(request), std::move(match), std::move(respond), work);
              });
}

void Answers::handle(net::Request request, net::Responder respond) const {
  router_.dispatch(std::move(request), std::move(respond));
}

MemberId const* Answers::peer_of(net::PublicKey32 const& key) const {
  auto const* const card = parts_.exchange.community().head.member_by_tls_key(key.view());
  return card == nullptr || !links_.contains(card->member) ? nullptr : &card->member;
}

std::int64_t Answers::hold_ms(net::PublicKey32 const& key) const {
  MemberId const* const peer = peer_of(key);
  if (peer == nullptr) return 0;
  auto const wait = links_.at(*peer)->budget().wait_ms(parts_.clock.now_ms());
  if (wait > 0) counters_.at(*peer).over_budget->add();
  return std::min(wait, hold_ms_max_);
}

// Who asks, whether it may ask this much, and then the work itself on a worker.
void Answers::admit(net::Request request, net::Match match, net::Responder respond,
                    Work work) const {
  auto token = activity_->enter();
  if (!token) return respond(net::problem(Code::kUnavailable, "link", "stopping"));
  MemberId const* const peer = request.peer_key ? peer_of(*request.peer_key) : nullptr;
  if (peer == nullptr)
    return respond(net::problem(Code::kWrongIdentity, "tls.client", "not the key of a peer"));
  PeerLink& link = *links_.at(*peer);
  auto place = link.budget().take(request.body.size(), parts_.clock.now_ms());
  if (!place) {
    counters_.at(*peer).over_budget->add();
    auto answer = net::problem(place.error());
    std::erase_if(answer.headers, [](auto const& header) { return header.first == "retry-after"; });
    answer.headers.emplace_back("retry-after", std::to_string(link.budget().retry_after_s()));
    return respond(std::move(answer));
  }
  link.heard();

  auto const asked = std::make_shared<Asked>(Asked{*peer, std::move(request), std::move(match)});
  // The place in the budget is given back when the answer goes, not when the worker is done.
  net::Responder const answer = [respond, token, place = *std::move(place)](
                                    net::Response response) { respond(std::move(response)); };
  Turns& turns = *incoming_.at(*peer)->turns;
  if (!turns.try_post([this, asked, answer, work] { (this->*work)(*asked, answer); }))
    answer(net::problem(Code::kOverloaded, "link.workers", "no worker free"));
}

namespace {

net::Response reply(int status, std::string_view type, std::string body) {
  net::Response out;
  out.status = status;
  out.headers = {{"content-type", std::string(type)}};
  out.body = std::move(body);
  return out;
}

// Processor time of this thread: what the peer's batch costs us, whatever else the machine does.
std::uint64_t thread_cpu_us() {
  timespec at{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &at);
  return static_cast<std::uint64_t>(at.tv_sec) * 1'000'000 +
         static_cast<std::uint64_t>(at.tv_nsec) / 1000;
}

std::optional<std::uint64_t> number_of(net::Target const& target, std::string_view name) {
  auto const text = target.query_value(name);
  std::uint64_t out = 0;
  if (!text) return std::nullopt;
  auto const [end, error] = std::from_chars(text->data(), text->data() + text->size(), out);
  // The largest number has none after it.
  if (error != std::errc() || end != text->data() + text->size() || out == UINT64_MAX)
    return std::nullopt;
  return out;
}

net::Response wanted_reply(int status, Frame const& frame, std::uint32_t wanted) {
  return reply(status, kWantedType, std::string(as_text(encode(Wanted{frame.transfer, wanted}))));
}

net::Response receipt_reply(int status, Bytes const& receipt) {
  return reply(status, kReceiptType, std::string(as_text(receipt)));
}

}  // namespace

void Answers::envelopes(Asked const& asked, net::Responder const& respond) const {
  if (asked.request.header("content-type") != kBatchType)
    return respond(net::problem(Code::kUnsupportedMedia, "content-type", std::string(kBatchType)));
  BytesView const batch = as_bytes(asked.request.body);
  counters_.at(asked.peer).received_bytes->add(batch.size());
  accept(asked.peer, asked.peer, batch, respond);
}

void Answers::accept(MemberId const& sender, MemberId const& peer, BytesView batch,
                     net::Responder const& respond) const {
  Budget& budget = links_.at(peer)->budget();
  budget.charge_envelopes(batch_envelopes(batch));
  std::uint64_t const begin_us = thread_cpu_us();
  // A bad lane is for accept() to refuse.
  std::uint8_t const lane = batch_lane(batch).value_or(0);
  parts_.exchange.accept(sender, batch, [=, this, &budget](Result<Bytes> receipt) {
    if (receipt) return respond(receipt_reply(200, *receipt));
    if (is_nonsense(receipt.error().code)) budget.charge_cpu(kNonsenseUs);
    obs::log(obs::Level::kWarn, "link.batch_refused",
             {{"peer", sender.str()}, {"error", receipt.error().text()}});
    // With its position the sender can see for itself what went wrong, and which of us was
    // restored.
    if (receipt.error().code == Code::kGap || receipt.error().code == Code::kConflict) {
      auto const current = parts_.exchange.current_receipt(sender, lane);
      if (current) return respond(receipt_reply(409, *current));
    }
    respond(net::problem(receipt.error()));
  });
  budget.charge_cpu(thread_cpu_us() - begin_us);
}

void Answers::frames(Asked const& asked, net::Responder const& respond) const {
  if (asked.request.header("content-type") != kFrameType)
    return respond(net::problem(Code::kUnsupportedMedia, "content-type", std::string(kFrameType)));
  auto const frame = decode_frame(as_bytes(asked.request.body));
  if (!frame) {
    links_.at(asked.peer)->budget().charge_cpu(kNonsenseUs);
    return respond(net::problem(frame.error()));
  }
  counters_.at(asked.peer).received_bytes->add(frame->data.size());
  counters_.at(asked.peer).received_frames->add();
  Incoming& incoming = *incoming_.at(asked.peer);
  Result<Assembly::Took> took = fail(Code::kInternal, "frame");
  std::uint64_t const begin_us = thread_cpu_us();
  {
    std::lock_guard const lock(incoming.mutex);
    took = incoming.assembly.take(*frame, parts_.clock.now_ms());
    auto& waiting = incoming.waiting[frame->lane];
    if (took && took->what == Assembly::What::kFinishing) {
      if (waiting.size() < kWaitingMax) return waiting.push_back(respond);
      took = fail(Code::kOverloaded, "link.frames", "the same piece too often");
    }
  }
  links_.at(asked.peer)->budget().charge_cpu(thread_cpu_us() - begin_us);
  if (!took) return respond(net::problem(took.error()));
  switch (took->what) {
    case Assembly::What::kWhole:
      return accept_whole(asked.peer, *frame, took->batch, respond);
    case Assembly::What::kFinished: {
      auto const receipt = parts_.exchange.current_receipt(asked.peer, frame->lane);
      return respond(receipt ? receipt_reply(200, *receipt) : net::problem(receipt.error()));
    }
    default:
      return respond(
          wanted_reply(took->what == Assembly::What::kKept ? 200 : 409, *frame, took->wanted));
  }
}

void Answers::accept_whole(MemberId const& peer, Frame const& frame, Bytes const& batch,
                           net::Responder const& respond) const {
  // `frame` points into a request that may be gone when the answer comes.
  net::Responder const answer = [this, peer, lane = frame.lane, transfer = frame.transfer,
                                 respond](net::Response const& response) {
    Incoming& incoming = *incoming_.at(peer);
    std::vector<net::Responder> waiting;
    {
      std::lock_guard const lock(incoming.mutex);
      incoming.assembly.finish(lane, transfer, response.status == 200);
      waiting.swap(incoming.waiting[lane]);
    }
    respond(response);
    for (auto const& other : waiting) other(response);
  };
  auto const lane = batch_lane(batch);
  if (!lane || *lane != frame.lane)
    return answer(net::problem(Code::kMalformed, "frame.lane", "not that of the batch"));
  accept(peer, peer, batch, answer);
}

namespace {
LaneNumbers queued_for(std::vector<exchange::LinkState> const& links, MemberId const& peer) {
  LaneNumbers out{};
  for (auto const& link : links)
    if (link.peer == peer)
      for (std::size_t lane = 0; lane < kLaneCount; ++lane) out[lane] = link.lanes[lane].queued_n;
  return out;
}
}  // namespace

void Answers::status(Asked const& asked, net::Responder const& respond) const {
  consent::Community const& community = parts_.exchange.community();
  Status out;
  out.community = community.id;
  out.head = community.head_digest;
  out.epoch = community.head.epoch;
  out.member = parts_.exchange.self();
  out.realm = parts_.exchange.realm();
  out.log_size = parts_.log.size();
  for (std::uint8_t lane = 0; lane < kLaneCount; ++lane) {
    auto const bytes = parts_.exchange.current_receipt(asked.peer, lane);
    auto const receipt = bytes ? exchange::decode_receipt(*bytes) : fail(bytes.error());
    if (!receipt) return respond(net::problem(receipt.error()));
    out.received[lane] = receipt->n;
    out.receipts[lane] = *bytes;
  }
  auto const links = parts_.exchange.links();
  if (!links) return respond(net::problem(links.error()));
  out.queued = queued_for(*links, asked.peer);
  auto witnessed =
      parts_.witness.last_note(tlog::log_origin(community.id, asked.peer, parts_.exchange.realm()));
  if (!witnessed) return respond(net::problem(witnessed.error()));
  out.witnessed = *std::move(witnessed);
  respond(reply(200, "application/json", encode_status(out)));
  // It lacks what it may once have signed for: its own word says what to send again.
  if (asked.match.target.query_value("behind")) links_.at(asked.peer)->probe();
  if (auto const epoch = number_of(asked.match.target, "epoch"))
    links_.at(asked.peer)->shows_epoch(*epoch);
}

// The community's history is every member's: who is behind may ask anybody who is not.
void Answers::decisions(Asked const& asked, net::Responder const& respond) const {
  auto const after = number_of(asked.match.target, "after");
  if (!after) return respond(net::problem(Code::kOutOfRange, "query.after", "a whole number"));
  auto const bytes = parts_.delegation->decisions(*after, kDecisionsBytes);
  if (!bytes) return respond(net::problem(bytes.error()));
  respond(reply(200, kDecisionsType, std::string(as_text(*bytes))));
}

void Answers::head_status(Asked const& asked, net::Responder const& respond) const {
  auto const text = asked.match.target.query_value("challenge");
  auto const bytes = codec::from_hex(text.value_or(""));
  auto const challenge = bytes ? Hash::from(*bytes) : std::nullopt;
  if (!challenge)
    return respond(net::problem(Code::kMalformed, "query.challenge", "64 hex digits"));
  auto const status = parts_.delegation->head_status(*challenge);
  if (!status) return respond(net::problem(status.error()));
  respond(reply(200, kStatementType, std::string(as_text(*status))));
}

void Answers::returned(Asked const& asked, net::Responder const& respond) const {
  auto const lane = number_of(asked.match.target, "lane");
  auto const after = number_of(asked.match.target, "after");
  if (!lane || *lane >= kLaneCount)
    return respond(net::problem(Code::kOutOfRange, "query.lane", "0 to 3"));
  if (!after) return respond(net::problem(Code::kOutOfRange, "query.after", "a whole number"));
  auto const bytes = parts_.exchange.returned(asked.peer, static_cast<std::uint8_t>(*lane), *after);
  if (!bytes) return respond(net::problem(bytes.error()));
  respond(reply(200, kReturnedType, std::string(as_text(*bytes))));
}

// Counting a lane for the first time costs a pass over its numbers: the peer pays.
void Answers::ranges(Asked const& asked, net::Responder const& respond) const {
  if (asked.request.header("content-type") != kRangesType)
    return respond(net::problem(Code::kUnsupportedMedia, "content-type", std::string(kRangesType)));
  std::uint64_t const begin_us = thread_cpu_us();
  auto const answer = parts_.repair->ranges(asked.peer, as_bytes(asked.request.body));
  links_.at(asked.peer)->budget().charge_cpu(thread_cpu_us() - begin_us);
  if (!answer) return respond(net::problem(answer.error()));
  respond(reply(200, kRangesType, std::string(as_text(*answer))));
}

void Answers::pieces(Asked const& asked, net::Responder const& respond) const {
  if (asked.request.header("content-type") != kPiecesType)
    return respond(net::problem(Code::kUnsupportedMedia, "content-type", std::string(kPiecesType)));
  std::uint64_t const begin_us = thread_cpu_us();
  auto const answer = parts_.repair->pieces(asked.peer, as_bytes(asked.request.body));
  links_.at(asked.peer)->budget().charge_cpu(thread_cpu_us() - begin_us);
  if (!answer) return respond(net::problem(answer.error()));
  respond(reply(200, kPiecesType, std::string(as_text(*answer))));
}

void Answers::checkpoint(Asked const&, net::Responder const& respond) const {
  auto note = parts_.log.checkpoint();
  if (!note) return respond(net::problem(note.error()));
  if (note->empty()) return respond(net::problem(Code::kNotFound, "checkpoint", "none signed yet"));
  auto response = reply(200, "text/plain; charset=utf-8", *std::move(note));
  response.headers.emplace_back("cache-control", "no-cache");
  respond(std::move(response));
}

void Answers::tile(Asked const& asked, net::Responder const& respond) const {
  auto const name = merkle::parse_tile_path("tile/" + std::string(asked.match.param("path")));
  if (!name) return respond(net::problem(Code::kNotFound, "tile", name.error().detail));
  auto const bytes = parts_.log.tile(*name);
  if (!bytes) return respond(net::problem(bytes.error()));
  auto response = reply(200, "application/octet-stream", std::string(as_text(*bytes)));
  response.headers.emplace_back("cache-control", "max-age=31536000, immutable");
  respond(std::move(response));
}

void Answers::witness(Asked const& asked, net::Responder const& respond) const {
  auto answer = parts_.witness.add_checkpoint(asked.request.body, logs_);
  respond(reply(answer.http_status,
                answer.content_type.empty() ? "text/plain; charset=utf-8" : answer.content_type,
                std::move(answer.body)));
}

}  // namespace amic::link
