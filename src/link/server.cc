#include "link/server.h"

#include "net/problem.h"
#include "obs/log.h"

namespace amic::link {

Answers::Answers(Parts const& parts, Options const&, PeerLinks& links,
                 std::shared_ptr<Activity> activity)
    : parts_(parts), links_(links), activity_(std::move(activity)) {
  consent::Community const& community = parts_.exchange.community();
  for (consent::Card const& card : community.head.members) {
    if (card.member == parts_.exchange.self()) continue;
    logs_.push_back({tlog::log_origin(community.id, card.member, parts_.exchange.realm()),
                     merkle::NoteKeyType::kEd25519, card.log});
    received_[card.member] =
        &parts_.metrics.counter("amic_link_received_bytes_total", "Bytes of batches from a peer.",
                                {{"peer", card.member.str()}});
  }
  add("POST", kEnvelopesPath, &Answers::envelopes);
  add("GET", kStatusPath, &Answers::status);
  add("GET", kCheckpointPath, &Answers::checkpoint);
  add("GET", kTilePath, &Answers::tile);
  add("POST", kWitnessPath, &Answers::witness);
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

MemberId const* Answers::peer_of(net::Request const& request) const {
  if (!request.peer_key) return nullptr;
  auto const* const card =
      parts_.exchange.community().head.member_by_tls_key(request.peer_key->view());
  return card == nullptr || !links_.contains(card->member) ? nullptr : &card->member;
}

// Who asks, whether it may ask this much, and then the work itself on a worker.
void Answers::admit(net::Request request, net::Match match, net::Responder respond,
                    Work work) const {
  auto token = activity_->enter();
  if (!token) return respond(net::problem(Code::kUnavailable, "link", "stopping"));
  MemberId const* const peer = peer_of(request);
  if (peer == nullptr)
    return respond(net::problem(Code::kWrongIdentity, "tls.client", "not the key of a peer"));
  PeerLink& link = *links_.at(*peer);
  auto place = link.budget().take(request.body.size(), parts_.clock.now_ms());
  if (!place) return respond(net::problem(place.error()));
  link.heard();

  auto const asked = std::make_shared<Asked>(Asked{*peer, std::move(request), std::move(match)});
  // The place in the budget is given back when the answer goes, not when the worker is done.
  net::Responder const answer = [respond, token, place = *std::move(place)](
                                    net::Response response) { respond(std::move(response)); };
  if (!parts_.workers.try_post([this, asked, answer, work] { (this->*work)(*asked, answer); }))
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

net::Response receipt_reply(int status, Bytes const& receipt) {
  return reply(status, kReceiptType, std::string(as_text(receipt)));
}

}  // namespace

void Answers::envelopes(Asked const& asked, net::Responder const& respond) const {
  if (asked.request.header("content-type") != kBatchType)
    return respond(net::problem(Code::kUnsupportedMedia, "content-type", std::string(kBatchType)));
  BytesView const batch = as_bytes(asked.request.body);
  received_.at(asked.peer)->add(batch.size());
  // A bad lane is for accept() to refuse.
  std::uint8_t const lane = batch_lane(batch).value_or(0);
  parts_.exchange.accept(asked.peer, batch,
                         [this, peer = asked.peer, lane, respond](Result<Bytes> receipt) {
                           if (receipt) return respond(receipt_reply(200, *receipt));
                           obs::log(obs::Level::kWarn, "link.batch_refused",
                                    {{"peer", peer.str()}, {"error", receipt.error().text()}});
                           if (receipt.error().code == Code::kGap) {
                             auto const current = parts_.exchange.current_receipt(peer, lane);
                             if (current) return respond(receipt_reply(409, *current));
                           }
                           respond(net::problem(receipt.error()));
                         });
}

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
  }
  respond(reply(200, "application/json", encode_status(out)));
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
