// An originator's operations on what it shared, and the demands of others upon this node.
#include "exchange/operations.h"

#include <algorithm>

#include "api/idempotency.h"
#include "api/marking_json.h"
#include "api/routes.h"
#include "base/limits.h"
#include "codec/codec.h"
#include "crypto/hash.h"
#include "holdings/holdings.h"
#include "net/problem.h"

namespace amic::api {

namespace {
constexpr std::size_t kIdempotencyKeyBytesMax = 255;
// Law 12, in every answer about a recall.
constexpr std::string_view kHonest =
    "A recall is a request with a record of the answers. It cannot prove that no copy is left.";

Result<std::set<MemberId>> read_members(json::value const& value, std::string const& pointer) {
  if (!value.is_array()) return fail(Code::kWrongType, pointer, "an array of members is wanted");
  std::set<MemberId> out;
  std::size_t i = 0;
  for (auto const& entry : value.get_array()) {
    auto const here = pointer + "/" + std::to_string(i++);
    if (!entry.is_string()) return fail(Code::kWrongType, here, "a string is wanted");
    AMIC_TRY(auto member, at(here, MemberId::parse(std::string_view(entry.get_string()))));
    if (!out.insert(member).second) return fail(Code::kConflict, here, "named twice");
  }
  return out;
}

constexpr std::string_view kFields[] = {"kind", "reason", "precedence", "to", "marking"};

Result<exchange::OperateRequest> read_request(Services const& services, Call const& call) {
  AMIC_TRY(auto const value, json::parse(call.request.body));
  if (!value.is_object()) return fail(Code::kWrongType, "", "an object is wanted");
  auto const& request = value.get_object();
  AMIC_TRY_VOID(check_fields(request, kFields, ""));
  exchange::OperateRequest out;
  AMIC_TRY(out.item, parse_envelope_id(call.path.at("id")));
  AMIC_TRY(auto const kind, json::get_string(request, "kind", ""));
  AMIC_TRY(out.kind, at("/kind", exchange::parse_operation_kind(kind)));
  if (request.contains("reason")) {
    AMIC_TRY(out.reason, json::get_string(request, "reason", ""));
  }
  if (request.contains("precedence")) {
    AMIC_TRY(auto const precedence, json::get_string(request, "precedence", ""));
    AMIC_TRY(out.precedence, at("/precedence", parse_precedence(precedence)));
  }
  auto const* to = request.if_contains("to");
  if ((to != nullptr) != (out.kind == exchange::OperationKind::kNarrow))
    return fail(to == nullptr ? Code::kMissingField : Code::kUnknownField, "/to",
                "belongs to narrow");
  if (to != nullptr) {
    AMIC_TRY(out.to, read_members(*to, "/to"));
  }
  auto const* marking = request.if_contains("marking");
  if ((marking != nullptr) != (out.kind == exchange::OperationKind::kRemark))
    return fail(marking == nullptr ? Code::kMissingField : Code::kUnknownField, "/marking",
                "belongs to remark");
  if (marking != nullptr) {
    AMIC_TRY(out.marking, marking_from_json(*marking, "/marking", services.deps.exchange.realm()));
    if (!out.marking->rel_to.empty())
      return fail(Code::kUnknownField, "/marking/rel_to", "stays as it is; narrow changes it");
  }
  return out;
}

json::object result_json(exchange::OperateResult const& result) {
  json::array recipients;
  for (auto const& member : result.recipients) recipients.emplace_back(member.str());
  return {{"id", envelope_id_text(result.id)},   {"digest", codec::to_hex(result.digest.view())},
          {"counter", result.counter},           {"at", codec::to_rfc3339(result.at_ms)},
          {"recipients", std::move(recipients)}, {"note", kHonest}};
}

Result<net::Response> replay(Services& services, EnvelopeId const& id) {
  AMIC_TRY(auto const record, services.deps.store.log_find(id));
  if (!record) return fail(Code::kInternal, "idempotency", "marked but not in the log");
  AMIC_TRY(auto const contents, services.deps.exchange.open_record(*record));
  AMIC_TRY(auto const operation, exchange::read_operation(contents));
  auto out = result_json({record->id, record->digest, operation.counter, record->seq,
                          operation.at_ms, contents.recipients});
  out["replayed"] = true;
  return json_response(200, out);
}

void commit(Services& services, exchange::OperateRequest request, std::string const& key,
            net::Responder respond) {
  auto& counter = services.deps.metrics.counter(
      "amic_operations_total", "Operations on items of this node",
      {{"kind", std::string(exchange::operation_name(request.kind))}});
  auto done = [key, &counter, keys = services.keys_in_use,
               respond = std::move(respond)](Result<exchange::OperateResult> result) {
    if (!key.empty()) keys->leave(key);
    if (!result) return respond(net::problem(result.error()));
    counter.add();
    respond(json_response(201, result_json(*result)));
  };
  services.deps.operations->operate(std::move(request), std::move(done));
}

// The item as the caller may see it: nobody learns of one by trying to recall it.
Result<store::ItemRow> readable_item(Services& services, Call const& call) {
  AMIC_TRY(auto const id, parse_envelope_id(call.path.at("id")));
  AMIC_TRY(auto const item, services.deps.store.item(id, call.readable()));
  if (!item) return fail(Code::kNotFound, "path.id", "no such item");
  return *item;
}

void operate(Services& services, Call call, net::Responder respond) {
  auto const item = readable_item(services, call);
  if (!item) return respond(net::problem(item.error()));
  auto request = read_request(services, call);
  if (!request) return respond(net::problem(request.error()));
  std::string const header{call.request.header("idempotency-key")};
  if (header.empty()) return commit(services, std::move(*request), "", std::move(respond));
  if (header.size() > kIdempotencyKeyBytesMax)
    return respond(net::problem(Code::kTooLarge, "header.idempotency-key", "over 255 bytes"));
  auto const key = idempotency_store_key(call.who, header);
  // The same body upon another item is another request.
  auto const asked = crypto::sha256(as_bytes(call.path.at("id") + "\n" + call.request.body));
  if (!services.keys_in_use->enter(key))
    return respond(net::problem(Code::kConflict, "header.idempotency-key",
                                "a request with this key is being worked on"));
  auto const mark = find_idempotency_mark(services.deps.store, key, asked);
  if (!mark || *mark) {
    services.keys_in_use->leave(key);
    auto response = mark ? replay(services, (*mark)->item) : fail(mark.error());
    return respond(response ? std::move(*response) : net::problem(response.error()));
  }
  auto const& exchange = services.deps.exchange;
  request->id = envelope::make_id(exchange.community().id, exchange.self(), services.deps.random);
  request->kv.push_back(idempotency_put(key, {asked, *request->id, services.deps.clock.now_ms()}));
  commit(services, std::move(*request), key, std::move(respond));
}

std::string_view standing_name(exchange::Standing standing) {
  switch (standing) {
    case exchange::Standing::kInView:
      return "in_view";
    case exchange::Standing::kRetracted:
      return "retracted";
    case exchange::Standing::kRecalled:
      return "recalled";
  }
  return "";
}

json::object member_json(exchange::OperationReport::Member const& entry) {
  json::object out{
      {"member", entry.member.str()}, {"asked", entry.asked}, {"delivered", entry.delivered}};
  if (!entry.asked) return out;
  out["outcome"] = entry.replied     ? exchange::outcome_name(entry.reply.outcome)
                   : entry.delivered ? "delivered, not answered"
                                     : "not delivered";
  if (!entry.replied) return out;
  out["at"] = codec::to_rfc3339(entry.reply.at_ms);
  out["counter"] = entry.reply.counter;
  out["hidden"] = entry.reply.hidden;
  out["key_destroyed"] = entry.reply.destroyed;
  if (!entry.reply.reason.empty()) out["reason"] = entry.reply.reason;
  return out;
}

Result<net::Response> report(Services& services, Call const& call) {
  AMIC_TRY(auto const item, readable_item(services, call));
  AMIC_TRY(auto const found, services.deps.operations->report(item.id));
  json::array members;
  for (auto const& entry : found.members) members.push_back(member_json(entry));
  json::object out{{"item", envelope_id_text(found.item)},
                   {"id", envelope_id_text(found.id)},
                   {"kind", exchange::operation_name(found.operation.kind)},
                   {"counter", found.operation.counter},
                   {"at", codec::to_rfc3339(found.operation.at_ms)},
                   {"standing", standing_name(found.operation.standing)},
                   {"precedence", precedence_name(found.precedence)},
                   {"reason", found.operation.reason},
                   {"marking", to_json(found.operation.marking)},
                   {"members", std::move(members)},
                   {"note", kHonest}};
  return json_response(200, out);
}

std::string_view duty_name(store::Duty duty) {
  switch (duty) {
    case store::Duty::kWaiting:
      return "not received yet";
    case store::Duty::kDue:
      return "due";
    case store::Duty::kAsked:
      return "to be decided";
    case store::Duty::kRefused:
      return "refused";
    case store::Duty::kComplied:
      return "complied";
    case store::Duty::kNone:
      break;
  }
  return "";
}

Result<net::Response> list_demands(Services& services, Call const& call) {
  AMIC_TRY(auto const limit, query_limit(call, services.options.page_default, limits::kPageMax));
  AMIC_TRY(auto const found, services.deps.operations->incoming(limits::kPageMax));
  json::array out;
  for (auto const& demand : found) {
    auto const& row = demand.row;
    auto const& readable = call.readable();
    if (out.size() == limit) break;
    if (!std::binary_search(readable.begin(), readable.end(), row.audience)) continue;
    auto const kind = static_cast<exchange::OperationKind>(row.kind);
    out.push_back({{"item", envelope_id_text(row.item)},
                   {"originator", row.originator.str()},
                   {"kind", exchange::operation_name(kind)},
                   {"counter", row.counter},
                   {"at", codec::to_rfc3339(row.at_ms)},
                   {"reason", row.reason},
                   {"duty", duty_name(row.duty)},
                   {"destroyed", demand.destroyed}});
  }
  return json_response(200, json::object{{"recalls", std::move(out)}});
}

constexpr std::string_view kDecisionFields[] = {"decision", "reason"};

void decide(Services& services, Call call, net::Responder respond) {
  auto const done = [respond](Result<void> result) {
    if (!result) return respond(net::problem(result.error()));
    respond(json_response(200, json::object{{"done", true}}));
  };
  auto const id = parse_envelope_id(call.path.at("id"));
  if (!id) return done(fail(id.error()));
  auto const value = json::parse(call.request.body);
  if (!value) return done(fail(value.error()));
  if (!value->is_object()) return done(fail(Code::kWrongType, "", "an object is wanted"));
  auto const& request = value->get_object();
  if (auto fields = check_fields(request, kDecisionFields, ""); !fields)
    return done(std::move(fields));
  auto const decision = json::get_string(request, "decision", "");
  if (!decision) return done(fail(decision.error()));
  std::string reason;
  if (request.contains("reason")) {
    auto text = json::get_string(request, "reason", "");
    if (!text) return done(fail(text.error()));
    reason = *text;
  }
  if (*decision == "comply") return services.deps.operations->comply(*id, done);
  if (*decision == "refuse") return services.deps.operations->refuse(*id, std::move(reason), done);
  done(fail(Code::kMalformed, "/decision", "comply or refuse"));
}

Result<net::Response> visible_set(Services& services, Call const& call) {
  std::set<MemberId> members{services.deps.exchange.self()};
  for (auto const& name : split(call.query_value("of").value_or(""))) {
    AMIC_TRY(auto member, at("query.of", MemberId::parse(name)));
    if (services.deps.exchange.community().head.member(member) == nullptr)
      return fail(Code::kUnknownMember, "query.of", member.str());
    members.insert(std::move(member));
  }
  AMIC_TRY(auto const set, holdings::visible_set(services.deps.store, members, call.readable()));
  json::array names;
  for (auto const& member : members) names.emplace_back(member.str());
  return json_response(200, json::object{{"members", std::move(names)},
                                         {"digest", codec::to_hex(set.digest.view())},
                                         {"objects", set.objects}});
}
}  // namespace

std::vector<Route> operation_routes() {
  return {
      {"POST", "/api/v1/items/{id}/operations", Access::kShare, operate,
       "Retract, recall, narrow, remark or restore an item of ours"},
      {"GET", "/api/v1/items/{id}/operations", Access::kRead, answers(report),
       "The latest operation on an item of ours, and what each member answered"},
      {"GET", "/api/v1/recalls", Access::kRead, answers(list_demands),
       "What other members ask this node to destroy, and what became of it"},
      {"POST", "/api/v1/recalls/{id}", Access::kAdmin, decide,
       "Destroy an item as its originator asks, or refuse with a reason"},
      {"GET", "/api/v1/digest", Access::kRead, answers(visible_set),
       "One hash over the objects that all of the members named may see, to compare nodes by"},
  };
}

}  // namespace amic::api
