#include "ledger.h"

#include <algorithm>

#include "codec/codec.h"
#include "schedule.h"

namespace amic::sim {

Request& Ledger::add(Request request) {
  request.number = static_cast<int>(requests_.size()) + 1;
  requests_.push_back(std::make_unique<Request>(std::move(request)));
  return *requests_.back();
}

void Ledger::attempt(Request& request, EnvelopeId const& id) {
  request.tried.push_back(id);
  by_id_[id] = &request;
}

Request const* Ledger::find(EnvelopeId const& id) const {
  auto const found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

bool Ledger::must_refuse(Request const& request, UnixMs now_ms) const {
  if (request.keep_private) return false;
  auto const& marking = request.marking;
  if (marking.realm != Realm() || (marking.expires_ms && *marking.expires_ms <= now_ms))
    return true;
  bool others = false;
  for (MemberId const& member : marking.rel_to) {
    if (!roster_.contains(member)) return true;
    others = others || member != request.origin;
  }
  return !others;
}

std::set<MemberId> Ledger::recipients(Request const& request) const {
  if (request.keep_private) return {};
  auto out = request.marking.rel_to;
  out.erase(request.origin);
  return out;
}

void Ledger::stored_at_origin(MemberId const& node, store::Record const& record) {
  auto const* request = find(record.id);
  if (request == nullptr || request->origin != node)
    throw Violation("law 3: " + node.str() + " holds an envelope of its own that it never made");
  if (request->state == Request::State::kRefused)
    throw Violation("law 1: " + request->name() + " was refused and is stored all the same");
  auto const [at, fresh] = stored_.try_emplace(record.id, Stored{record.seq, record.digest});
  if (!fresh && at->second.digest != record.digest)
    throw Violation("law 8: " + request->name() + " has changed in its originator's log");
  if (request->key.empty() || was_restored(node)) return;
  for (EnvelopeId const& other : request->tried)
    if (other != record.id && stored_.contains(other))
      throw Violation("law 4: " + request->name() + " took effect twice under one key");
}

void Ledger::check_received(MemberId const& node, store::Record const& record) const {
  auto const* request = find(record.id);
  std::string const id = codec::to_uuid(record.id.view());
  if (request == nullptr)
    throw Violation("law 3: " + node.str() + " stored " + id + ", which nobody released");
  if (!recipients(*request).contains(node))
    throw Violation("law 1: " + node.str() + " stored " + request->name() +
                    ", whose REL TO does not name it");
  if (request->state == Request::State::kRefused)
    throw Violation("law 1: " + node.str() + " stored " + request->name() + ", which was refused");
  if (record.peer != request->origin)
    throw Violation("law 3: " + node.str() + " took " + request->name() + " from " +
                    record.peer.str());
  auto const* origin = stored(record.id);
  if (origin == nullptr || origin->digest != record.digest)
    throw Violation("law 3: " + node.str() + " stored other bytes than " + request->name() +
                    " has");
}

Ledger::Stored const* Ledger::stored(EnvelopeId const& id) const {
  auto const found = stored_.find(id);
  return found == stored_.end() ? nullptr : &found->second;
}

std::optional<EnvelopeId> Ledger::effect(Request const& request) const {
  for (EnvelopeId const& id : request.tried)
    if (stored_.contains(id)) return id;
  return std::nullopt;
}

void Ledger::accepted(Request& request, EnvelopeId const& id) {
  if (request.accepted && *request.accepted != id)
    throw Violation("law 4: " + request.name() + " was accepted under two ids");
  if (std::find(request.tried.begin(), request.tried.end(), id) == request.tried.end())
    throw Violation("law 4: " + request.name() + " was answered with another item's id");
  request.accepted = id;
  request.state = Request::State::kAccepted;
}

void Ledger::refused(Request& request, UnixMs now_ms, Code code) {
  if (!must_refuse(request, now_ms))
    throw Violation("law 4: " + request.name() +
                    " was refused without a reason: " + std::string(code_name(code)));
  request.state = Request::State::kRefused;
}

}  // namespace amic::sim
