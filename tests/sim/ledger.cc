#include "ledger.h"

#include <algorithm>
#include <tuple>

#include "codec/codec.h"
#include "crypto/hash.h"
#include "exchange/testing.h"
#include "schedule.h"

namespace amic::sim {

using exchange::OperationKind;

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

// ---- Records ----------------------------------------------------------------------------------

void Ledger::stored_at_origin(MemberId const& node, store::Record const& record) {
  auto const* request = find(record.id);
  if (request == nullptr || request->origin != node)
    throw Violation("law 3: " + node.str() + " holds an envelope of its own that it never made");
  if (request->state == Request::State::kRefused)
    throw Violation("law 1: " + request->name() + " was refused and is stored all the same");
  auto const header = exchange::testing::must(envelope::parse_header(record.bytes));
  Stored const now{record.seq, record.digest, static_cast<std::uint8_t>(header.precedence),
                   header.created_ms};
  auto const [at, fresh] = stored_.try_emplace(record.id, now);
  if (!fresh && at->second.digest != record.digest) {
    // What a restored node says anew it says under the same id.
    if (request->kind != Request::Kind::kReply || !was_restored(node))
      throw Violation("law 8: " + request->name() + " has changed in its originator's log");
    auto others = std::move(at->second.others);
    others.insert(at->second.digest);
    at->second = now;
    at->second.others = std::move(others);
  }
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
  if (origin == nullptr ||
      (origin->digest != record.digest && !origin->others.contains(record.digest)))
    throw Violation("law 3: " + node.str() + " stored other bytes than " + request->name() +
                    " has");
}

Ledger::Stored const* Ledger::stored(EnvelopeId const& id) const {
  auto const found = stored_.find(id);
  return found == stored_.end() ? nullptr : &found->second;
}

void Ledger::hostile(Request request, EnvelopeId const& id, Hash const& digest) {
  request.hostile = true;
  request.state = Request::State::kUnknown;
  Request& kept = add(std::move(request));
  attempt(kept, id);
  stored_.emplace(id, Stored{0, digest, static_cast<std::uint8_t>(kept.precedence), 0});
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

// ---- Operations -------------------------------------------------------------------------------

namespace {

// The one after which an item stands as it does: the highest counter; of two, the smaller digest.
bool holds_before(Statement const& a, Statement const& b) {
  if (a.said.counter != b.said.counter) return a.said.counter > b.said.counter;
  return a.digest.data < b.digest.data;
}

marking::Marking marking_after(Request const& request, Request const& item,
                               Standing const& before) {
  marking::Marking out = before.marking;
  if (request.operation == OperationKind::kNarrow) out.rel_to = request.narrow_to;
  if (request.operation == OperationKind::kRemark) out = *request.remark;
  if (request.operation == OperationKind::kRestore) out = item.marking;
  out.realm = before.marking.realm;
  if (request.operation != OperationKind::kNarrow) out.rel_to = before.marking.rel_to;
  return out;
}

exchange::Standing standing_after(OperationKind kind, Standing const& before) {
  switch (kind) {
    case OperationKind::kRetract:
      return exchange::Standing::kRetracted;
    case OperationKind::kRecall:
      return exchange::Standing::kRecalled;
    case OperationKind::kRestore:
      return exchange::Standing::kInView;
    default:
      return before.state == store::ItemState::kRetracted ? exchange::Standing::kRetracted
                                                          : exchange::Standing::kInView;
  }
}

// The id that a member's reply has: docs/formats/operation.md, "Replies".
EnvelopeId id_of_reply(CommunityId const& community, MemberId const& member, Hash const& operation,
                       exchange::Outcome outcome) {
  SeededRandom any(1);
  EnvelopeId out = envelope::make_id(community, member, any);
  codec::Writer seed;
  seed.str8("amic/reply-id/v1").raw(operation.view()).u8(static_cast<std::uint8_t>(outcome));
  Hash const hash = crypto::sha256(seed.bytes());
  std::copy(hash.data.begin() + envelope::kIdTagBytes, hash.data.begin() + out.data.size(),
            out.data.begin() + envelope::kIdTagBytes);
  return out;
}

std::optional<Code> nothing_to_do(Request const& request, Request const& item,
                                  Standing const& now) {
  auto const kind = request.operation;
  if (now.state == store::ItemState::kRecalled && kind != OperationKind::kRecall)
    return Code::kConflict;
  if (kind == OperationKind::kRetract && now.state == store::ItemState::kRetracted)
    return Code::kConflict;
  auto const& who = now.marking.rel_to;
  auto const& to = request.narrow_to;
  if (kind == OperationKind::kNarrow) {
    if (to.empty()) return Code::kNoRecipients;
    bool const fewer =
        to.size() < who.size() && std::includes(who.begin(), who.end(), to.begin(), to.end());
    return fewer ? std::nullopt : std::optional(Code::kOutOfRange);
  }
  bool const changes = marking_after(request, item, now) != now.marking;
  if (kind == OperationKind::kRemark && !changes) return Code::kConflict;
  if (kind == OperationKind::kRestore && !changes && now.state == store::ItemState::kActive)
    return Code::kConflict;
  return std::nullopt;
}

}  // namespace

void Ledger::stated(Request const& request, Statement statement, Standing const& before) {
  auto& all = statements_[request.item];
  for (auto const& known : all)
    if (known.id == statement.id) return;  // it came back after a restore
  auto const* item = find(request.item);
  auto const* there = stored(request.item);
  auto const& said = statement.said;
  if (item == nullptr || there == nullptr || item->origin != request.origin)
    throw Violation("law 5: " + request.name() + " is not about an item of its member's");
  if (said.item != request.item || said.target != there->digest || said.kind != request.operation)
    throw Violation("law 5: " + request.name() + " says something else than was asked for");
  if (!was_restored(request.origin) && said.counter != before.counter + 1)
    throw Violation("law 5: " + request.name() + " has counter " + std::to_string(said.counter) +
                    " after " + std::to_string(before.counter));
  if (!was_restored(request.origin) && (said.standing != standing_after(said.kind, before) ||
                                        said.marking != marking_after(request, *item, before)))
    throw Violation("law 5: " + request.name() + " leaves its item as nobody asked for");
  statement.request = &request;
  all.push_back(std::move(statement));
  expect_replies(Statement(all.back()));
}

void Ledger::expect_replies(Statement const& statement) {
  auto const& said = statement.said;
  for (MemberId const& member : recipients(*find(said.item))) {
    if (said.standing != exchange::Standing::kRecalled && said.marking.rel_to.contains(member))
      continue;
    for (auto const outcome :
         {exchange::Outcome::kPending, exchange::Outcome::kRefused, exchange::Outcome::kComplied}) {
      Request reply;
      reply.kind = Request::Kind::kReply;
      reply.origin = member;
      reply.asker = statement.by;
      reply.marking.rel_to = {statement.by};
      reply.item = said.item;
      reply.answers = statement.digest;
      reply.outcome = outcome;
      reply.state = Request::State::kUnknown;
      attempt(add(std::move(reply)), id_of_reply(community_, member, statement.digest, outcome));
    }
  }
}

std::vector<Statement> const& Ledger::statements(EnvelopeId const& item) const {
  static std::vector<Statement> const none;
  auto const found = statements_.find(item);
  return found == statements_.end() ? none : found->second;
}

Standing Ledger::standing(EnvelopeId const& item, MemberId const& node,
                          std::set<EnvelopeId> const& held) const {
  Standing out;
  auto const* request = find(item);
  out.marking = request->marking;
  Statement const* latest = nullptr;
  bool recalled = false, removed = false;
  std::set<std::uint64_t> counters;
  for (Statement const& one : statements(item)) {
    if (!held.contains(one.id)) continue;
    out.twice = !counters.insert(one.said.counter).second || out.twice;
    bool const is_recall = one.said.standing == exchange::Standing::kRecalled;
    bool const without = node != one.by && !one.said.marking.rel_to.contains(node);
    recalled = recalled || is_recall;
    removed = removed || without;
    if (node != one.by && (is_recall || without)) out.asking.insert(one.id);
    if (latest == nullptr || holds_before(one, *latest)) latest = &one;
  }
  if (latest == nullptr) return out;
  out.counter = latest->said.counter;
  out.marking = latest->said.marking;
  out.asked = !out.asking.empty();
  if (recalled)
    out.state = store::ItemState::kRecalled;
  else if (removed)
    out.state = store::ItemState::kRemoved;
  else if (latest->said.standing == exchange::Standing::kRetracted)
    out.state = store::ItemState::kRetracted;
  return out;
}

std::optional<Code> Ledger::operation_refusal(Request const& request, Standing const& now) const {
  auto const* item = find(request.item);
  if (item == nullptr || item->origin != request.origin) return Code::kForbidden;
  if (auto const code = nothing_to_do(request, *item, now)) return code;
  // Its marking names members, or a realm, that a private item never reached.
  auto named = marking_after(request, *item, now).rel_to;
  named.erase(item->origin);
  bool const foreign = item->marking.realm != Realm() || (item->keep_private && !named.empty());
  return foreign ? std::optional(Code::kRejected) : std::nullopt;
}

void Ledger::operation_answered(Request& request, Result<EnvelopeId> const& result,
                                std::optional<Code> why) {
  bool const sure = !was_restored(request.origin);
  if (result) {
    if (why && (sure || *why == Code::kForbidden))
      throw Violation("law 5: " + request.name() + " was accepted and may not be");
    return accepted(request, *result);
  }
  Code const code = result.error().code;
  bool const same = code == why || (why == Code::kForbidden && code == Code::kNotFound);
  if (sure && !same)
    throw Violation("law 5: " + request.name() +
                    " was refused for a wrong reason: " + result.error().text());
  request.state = Request::State::kRefused;
}

// ---- Groups -----------------------------------------------------------------------------------

std::vector<exchange::Group> Ledger::groups(std::set<EnvelopeId> const& held) const {
  struct State {
    exchange::Group group;
    Hash kept;
  };
  std::map<exchange::GroupId, State> states;
  std::map<std::pair<exchange::GroupId, MemberId>, std::uint64_t> left;
  for (auto const& request : requests_) {
    if (request->kind != Request::Kind::kGroup) continue;
    for (EnvelopeId const& id : request->tried) {
      if (!held.contains(id)) continue;
      auto const& said = request->group;
      if (said.verb == exchange::GroupVerb::kLeave) {
        auto& counter = left[{said.id, request->origin}];
        counter = std::max(counter, said.counter);
        continue;
      }
      UnixMs const at = stored(id)->created_ms;
      codec::Writer kept;
      kept.str8(request->origin.str()).i64(at).vec16(exchange::encode(said));
      State state{{said.id, request->origin, said.counter, said.name, said.classification,
                   said.closed, said.members, said.members, at},
                  crypto::sha256(kept.bytes())};
      auto const known = states.find(said.id);
      bool const holds = known == states.end() || known->second.group.counter < said.counter ||
                         (known->second.group.counter == said.counter &&
                          state.kept.data < known->second.kept.data);
      if (holds) states.insert_or_assign(said.id, std::move(state));
    }
  }
  std::vector<exchange::Group> out;
  for (auto& [id, state] : states) {
    std::erase_if(state.group.members, [&](MemberId const& member) {
      auto const when = left.find({id, member});
      return when != left.end() && when->second >= state.group.counter;
    });
    out.push_back(std::move(state.group));
  }
  std::sort(out.begin(), out.end(), [](auto const& a, auto const& b) {
    return std::tie(a.name, a.id) < std::tie(b.name, b.id);
  });
  return out;
}

}  // namespace amic::sim
