// Sharing and reading items.
#include <algorithm>

#include "api/idempotency.h"
#include "api/marking_json.h"
#include "api/routes.h"
#include "api/taxii.h"
#include "base/limits.h"
#include "codec/codec.h"
#include "crypto/hash.h"
#include "exchange/group.h"
#include "exchange/operation.h"
#include "holdings/holdings.h"
#include "net/problem.h"
#include "stix/stix.h"

namespace amic::api {

namespace {
constexpr std::size_t kRefusedShownMax = 1000;
constexpr std::size_t kIdempotencyKeyBytesMax = 255;

// A request to share, read from its JSON.
struct Wanted {
  exchange::ShareRequest share;
  std::optional<holdings::Report> report;  // STIX bodies only
};

json::object report_json(holdings::Report const& report) {
  json::object out;
  out["accepted"] = report.accepted;
  out["quarantined"] = report.quarantined;
  out["rejected"] = report.rejected;
  json::array refused;
  for (auto const& one : report.refused) {
    if (refused.size() == kRefusedShownMax) break;
    refused.push_back(
        {{"index", one.index},
         {"verdict", one.verdict == stix::Verdict::kReject ? "rejected" : "quarantined"},
         {"id", one.id},
         {"code", code_name(one.code)},
         {"pointer", one.pointer},
         {"reason", one.reason}});
  }
  out["refused"] = std::move(refused);
  return out;
}

Result<void> read_lineage(json::value const& value, exchange::ShareRequest& out) {
  if (!value.is_array()) return fail(Code::kWrongType, "/lineage", "an array is wanted");
  std::size_t i = 0;
  for (auto const& entry : value.get_array()) {
    auto const here = "/lineage/" + std::to_string(i++);
    if (!entry.is_string()) return fail(Code::kWrongType, here, "a SHA-256 in hex is wanted");
    auto const bytes = codec::from_hex(std::string_view(entry.get_string()));
    auto const hash = bytes ? Hash::from(*bytes) : std::nullopt;
    if (!hash) return fail(Code::kMalformed, here, "64 hex digits are wanted");
    out.lineage.push_back(*hash);
  }
  std::sort(out.lineage.begin(), out.lineage.end());
  if (std::adjacent_find(out.lineage.begin(), out.lineage.end()) != out.lineage.end())
    return fail(Code::kConflict, "/lineage", "a digest is named twice");
  return {};
}

// The body: a STIX bundle as JSON (its exact text is kept), or any media type in base64.
Result<void> read_body(std::string_view text, json::object const& request, Wanted& out) {
  auto const* bundle = request.if_contains("bundle");
  auto const* body = request.if_contains("body_base64");
  if ((bundle == nullptr) == (body == nullptr))
    return fail(Code::kMissingField, "/bundle",
                "give either bundle, or media_type and body_base64");
  if (body != nullptr) {
    AMIC_TRY(out.share.media_type, json::get_string(request, "media_type", ""));
    if (!body->is_string()) return fail(Code::kWrongType, "/body_base64", "a string is wanted");
    AMIC_TRY(out.share.body,
             at("/body_base64", codec::from_base64(std::string_view(body->get_string()))));
    if (out.share.media_type != kStixMediaType) return {};
  } else {
    out.share.media_type = kStixMediaType;
    AMIC_TRY(auto const slice, json::slice_member(text, "bundle"));
    out.share.body = to_bytes(slice);
  }
  std::string const pointer = bundle != nullptr ? "/bundle" : "/body_base64";
  auto parsed = holdings::parse_bundle(as_text(out.share.body));
  if (!parsed) {
    auto const& error = parsed.error();
    // A pointer goes on from the member; a byte offset ("byte 7") is counted from the member's
    // start.
    bool const goes_on = error.where.empty() || error.where.starts_with("/");
    return fail(error.code, pointer + (goes_on ? error.where : " " + error.where), error.detail);
  }
  if (parsed->objects.empty())
    return fail(Code::kMissingField, pointer + "/objects", "there is no object in it");
  out.report = std::move(parsed->report);
  return {};
}

constexpr std::string_view kRequestFields[] = {"marking", "group",  "precedence", "private",
                                               "lineage", "bundle", "media_type", "body_base64"};

// REL TO by the name of a group: those who are in it at this moment.
Result<void> read_group(Services const& services, json::object const& request,
                        identity::Principal const& who, marking::Marking& marking) {
  if (!request.contains("group")) return {};
  AMIC_TRY(auto const name, json::get_string(request, "group", ""));
  if (!marking.rel_to.empty())
    return fail(Code::kConflict, "/group", "give either a group or marking.rel_to");
  AMIC_TRY(auto const group,
           at("/group", exchange::find_group(services.deps.store, name, who.reader.clearance)));
  AMIC_TRY(marking.rel_to,
           at("/group", exchange::group_recipients(group, services.deps.exchange.self())));
  return {};
}

Result<Wanted> read_request(Services const& services, std::string_view text,
                            identity::Principal const& who) {
  AMIC_TRY(auto const value, json::parse(text));
  if (!value.is_object()) return fail(Code::kWrongType, "", "an object is wanted");
  auto const& request = value.get_object();
  AMIC_TRY_VOID(check_fields(request, kRequestFields, ""));
  Wanted out;
  auto const* marking = request.if_contains("marking");
  if (marking == nullptr) return fail(Code::kMissingField, "/marking", "say how it may be used");
  AMIC_TRY(out.share.marking,
           marking_from_json(*marking, "/marking", services.deps.exchange.realm()));
  AMIC_TRY_VOID(read_group(services, request, who, out.share.marking));
  if (request.contains("precedence")) {
    AMIC_TRY(auto const precedence, json::get_string(request, "precedence", ""));
    AMIC_TRY(out.share.precedence, at("/precedence", parse_precedence(precedence)));
  }
  if (auto const* keep = request.if_contains("private")) {
    if (!keep->is_bool()) return fail(Code::kWrongType, "/private", "true or false is wanted");
    out.share.keep_private = keep->get_bool();
  }
  if (auto const* lineage = request.if_contains("lineage"))
    AMIC_TRY_VOID(read_lineage(*lineage, out.share));
  AMIC_TRY_VOID(read_body(text, request, out));
  return out;
}

std::string_view item_state_name(store::ItemState state) {
  switch (state) {
    case store::ItemState::kActive:
      return "active";
    case store::ItemState::kRetracted:
      return "retracted";
    case store::ItemState::kRecalled:
      return "recalled";
    case store::ItemState::kRemoved:
      return "removed";
    case store::ItemState::kErased:
      return "erased";
  }
  return "";
}

// Log positions count what others may not read as well: for auditors only.
bool sees_positions(identity::Principal const& who) {
  return access_allowed(Access::kAudit, who);
}

json::object result_json(exchange::ShareResult const& result, Wanted const& wanted,
                         identity::Principal const& who) {
  marking::Decision decision;
  decision.recipients = result.recipients;
  decision.refusals = result.refusals;
  auto out = to_json(decision);
  out["id"] = envelope_id_text(result.id);
  out["digest"] = codec::to_hex(result.digest.view());
  if (sees_positions(who)) out["seq"] = result.seq;
  out["created"] = codec::to_rfc3339(result.created_ms);
  if (wanted.report) out["report"] = report_json(*wanted.report);
  return out;
}

// Items that go to others hold valid STIX only: a bad object would be refused ten times over there.
// A private import keeps the good ones and quarantines the rest here.
std::optional<net::Response> refuse_invalid(Wanted const& wanted) {
  if (!wanted.report || wanted.share.keep_private) return std::nullopt;
  if (wanted.report->rejected + wanted.report->quarantined == 0) return std::nullopt;
  auto const& first = wanted.report->refused.front();
  auto response = net::problem(Code::kRejected, "/bundle" + first.pointer, first.reason);
  auto body = json::parse(response.body);
  if (!body) return response;
  body->as_object()["report"] = report_json(*wanted.report);
  response.body = json::serialize(*body);
  return response;
}

Result<net::Response> replay(Services& services, IdempotencyMark const& mark,
                             identity::Principal const& who) {
  AMIC_TRY(auto const record, services.deps.store.log_find(mark.item));
  if (!record) return fail(Code::kInternal, "idempotency", "marked but not in the log");
  AMIC_TRY(auto const contents, services.deps.exchange.open_record(*record));
  json::object out;
  json::array recipients;
  for (auto const& member : contents.recipients) recipients.emplace_back(member.str());
  out["recipients"] = std::move(recipients);
  out["id"] = envelope_id_text(record->id);
  out["digest"] = codec::to_hex(record->digest.view());
  if (sees_positions(who)) out["seq"] = record->seq;
  out["created"] = codec::to_rfc3339(contents.created_ms);
  out["replayed"] = true;
  return json_response(200, out);
}

Result<net::Response> dry_run(Services& services, Wanted const& wanted) {
  json::object out =
      to_json(wanted.share.keep_private ? marking::Decision{}
                                        : services.deps.exchange.preview(wanted.share.marking));
  out["dry_run"] = true;
  out["body_bytes"] = wanted.share.body.size();
  out["banner"] = marking::banner(wanted.share.marking);
  if (wanted.report) out["report"] = report_json(*wanted.report);
  return json_response(200, out);
}

void commit_share(Services& services, Wanted wanted, identity::Principal who,
                  std::string const& key, net::Responder respond) {
  auto share = std::move(wanted.share);
  wanted.share = {};
  auto done = [wanted = std::move(wanted), who = std::move(who), key, keys = services.keys_in_use,
               respond = std::move(respond)](Result<exchange::ShareResult> result) {
    if (!key.empty()) keys->leave(key);
    if (!result) return respond(net::problem(result.error()));
    auto response = json_response(201, result_json(*result, wanted, who));
    response.headers.emplace_back("location", "/api/v1/items/" + envelope_id_text(result->id));
    respond(std::move(response));
  };
  services.deps.exchange.share(std::move(share), std::move(done));
}

void share_item(Services& services, Call call, net::Responder respond) {
  auto wanted = read_request(services, call.request.body, call.who);
  if (!wanted) return respond(net::problem(wanted.error()));
  auto const dry = call.query_value("dry_run").value_or("false");
  if (dry != "true" && dry != "false")
    return respond(net::problem(Code::kMalformed, "query.dry_run", "true or false"));
  if (dry == "true") {
    auto preview = dry_run(services, *wanted);
    return respond(preview ? std::move(*preview) : net::problem(preview.error()));
  }
  if (auto refusal = refuse_invalid(*wanted)) return respond(std::move(*refusal));

  std::string const header{call.request.header("idempotency-key")};
  if (header.empty())
    return commit_share(services, std::move(*wanted), std::move(call.who), "", std::move(respond));
  if (header.size() > kIdempotencyKeyBytesMax)
    return respond(net::problem(Code::kTooLarge, "header.idempotency-key", "over 255 bytes"));
  auto const key = idempotency_store_key(call.who, header);
  auto const request = crypto::sha256(as_bytes(call.request.body));
  if (!services.keys_in_use->enter(key))
    return respond(net::problem(Code::kConflict, "header.idempotency-key",
                                "a request with this key is being worked on"));
  auto const mark = find_idempotency_mark(services.deps.store, key, request);
  if (!mark || *mark) {
    services.keys_in_use->leave(key);
    auto response = mark ? replay(services, **mark, call.who) : fail(mark.error());
    return respond(response ? std::move(*response) : net::problem(response.error()));
  }
  auto const& exchange = services.deps.exchange;
  wanted->share.id =
      envelope::make_id(exchange.community().id, exchange.self(), services.deps.random);
  wanted->share.kv.push_back(
      idempotency_put(key, {request, *wanted->share.id, services.deps.clock.now_ms()}));
  commit_share(services, std::move(*wanted), std::move(call.who), key, std::move(respond));
}

// Labels of the items on one page, each decoded once.
class Markings {
 public:
  static Result<Markings> load(store::Store& store) {
    Markings out;
    AMIC_TRY(out.audiences_, store.audiences());
    return out;
  }
  json::value of(store::AudienceId id) {
    if (auto const known = by_id_.find(id); known != by_id_.end()) return known->second;
    json::value out;
    for (auto const& audience : audiences_) {
      if (audience.id != id) continue;
      if (auto const marking = marking::decode(audience.label)) out = to_json(*marking);
    }
    by_id_[id] = out;
    return out;
  }

 private:
  std::vector<store::Audience> audiences_;
  std::map<store::AudienceId, json::value> by_id_;
};

json::object item_json(store::ItemRow const& item, Markings& markings,
                       identity::Principal const& who) {
  json::object out{{"id", envelope_id_text(item.id)},
                   {"originator", item.originator.str()},
                   {"precedence", precedence_name(item.precedence)},
                   {"marking", markings.of(item.audience)},
                   {"title", item.title},
                   {"media_type", item.media_type},
                   {"created", codec::to_rfc3339(item.created_ms)},
                   {"received", codec::to_rfc3339(item.received_ms)},
                   {"objects", item.objects},
                   {"quarantined", item.quarantined},
                   {"rejected", item.rejected}};
  if (sees_positions(who)) out["seq"] = item.seq;
  out["state"] = item_state_name(item.state);
  return out;
}

json::object operation_json(store::OperationRow const& row) {
  auto const kind = static_cast<exchange::OperationKind>(row.kind);
  return {{"kind", exchange::operation_name(kind)},
          {"counter", row.counter},
          {"at", codec::to_rfc3339(row.at_ms)},
          {"reason", row.reason}};
}

constexpr std::size_t kConflictsShownMax = 100;
constexpr std::size_t kItemsPageMax = limits::kPageMax - 1;  // one more is read, to see if there is
constexpr std::string_view kNewestFirst = "items/newest";
constexpr std::string_view kOldestFirst = "items/oldest";

Result<net::Response> list_items(Services& services, Call const& call) {
  AMIC_TRY(auto const limit, query_limit(call, services.options.page_default, kItemsPageMax));
  auto const order = call.query_value("order").value_or("newest");
  if (order != "newest" && order != "oldest")
    return fail(Code::kMalformed, "query.order", "newest or oldest");
  bool const newest_first = order == "newest";
  auto const list = newest_first ? kNewestFirst : kOldestFirst;
  AMIC_TRY(auto const after, query_cursor(services, call, "cursor", list));
  AMIC_TRY(auto rows, services.deps.store.items(after, limit + 1, call.readable(), newest_first));
  if (!newest_first)
    std::erase_if(rows, [&](auto const& row) { return row.seq > call.reach->upto_seq; });
  AMIC_TRY(auto markings, Markings::load(services.deps.store));
  json::array items;
  for (std::size_t i = 0; i < std::min(limit, rows.size()); ++i)
    items.push_back(item_json(rows[i], markings, call.who));
  json::object out;
  out["items"] = std::move(items);
  if (rows.size() > limit) out["next"] = services.cursors.seal(list, rows[limit - 1].seq);
  return json_response(200, out);
}

Result<store::ItemRow> find_item(Services& services, Call const& call) {
  AMIC_TRY(auto const id, parse_envelope_id(call.path.at("id")));
  AMIC_TRY(auto const item, services.deps.store.item(id, call.readable()));
  if (!item) return fail(Code::kNotFound, "path.id", "no such item");
  return *item;
}

Result<net::Response> get_item(Services& services, Call const& call) {
  AMIC_TRY(auto const item, find_item(services, call));
  AMIC_TRY(auto markings, Markings::load(services.deps.store));
  auto out = item_json(item, markings, call.who);
  AMIC_TRY(auto const refused, services.deps.store.refused(item.seq));
  json::array list;
  for (auto const& one : refused)
    list.push_back({{"index", one.index},
                    {"verdict", one.quarantined ? "quarantined" : "rejected"},
                    {"code", code_name(one.code)},
                    {"pointer", one.pointer},
                    {"reason", one.reason}});
  out["refused"] = std::move(list);
  AMIC_TRY(auto const conflicts,
           holdings::conflicts(services.deps.store, item.seq, kConflictsShownMax, call.readable()));
  json::array doubtful;
  for (auto const& one : conflicts)
    doubtful.push_back({{"id", one.id},
                        {"version", stix::format_timestamp(one.version_us)},
                        {"shown", one.shown}});
  out["conflicts"] = std::move(doubtful);
  AMIC_TRY(auto const operation, services.deps.store.operation(item.digest, item.originator));
  if (operation) out["operation"] = operation_json(*operation);
  return json_response(200, out);
}

Result<net::Response> get_content(Services& services, Call const& call) {
  AMIC_TRY(auto const item, find_item(services, call));
  if (item.state != store::ItemState::kActive)
    return fail(Code::kNotFound, "path.id", "taken back by its originator");
  AMIC_TRY(auto const record, services.deps.store.log_find(item.id));
  if (!record) return fail(Code::kInternal, "log", "indexed but not in the log");
  AMIC_TRY(auto contents, services.deps.exchange.open_record(*record));
  net::Response out;
  out.headers = {{"content-type", contents.media_type},
                 {"cache-control", "no-store"},
                 {"x-content-type-options", "nosniff"}};
  out.body.assign(as_text(contents.body));
  return out;
}

Result<net::Response> get_envelope(Services& services, Call const& call) {
  AMIC_TRY(auto const item, find_item(services, call));
  AMIC_TRY(auto const record, services.deps.store.log_find(item.id));
  if (!record) return fail(Code::kInternal, "log", "indexed but not in the log");
  if (record->shredded) return fail(Code::kNotFound, "path.id", "its contents were erased");
  net::Response out;
  out.headers = {{"content-type", "application/vnd.amic.envelope"}, {"cache-control", "no-store"}};
  out.body.assign(as_text(record->bytes));
  return out;
}
}  // namespace

std::vector<Route> item_routes() {
  return {
      {"POST", "/api/v1/items", Access::kShare, share_item,
       "Share an item with named members, or import it privately; ?dry_run=true previews"},
      {"GET", "/api/v1/items", Access::kRead, answers(list_items), "Items, newest first"},
      {"GET", "/api/v1/items/{id}", Access::kRead, answers(get_item),
       "One item with every object that was refused and why"},
      {"GET", "/api/v1/items/{id}/content", Access::kRead, answers(get_content),
       "The item's body exactly as its originator sealed it"},
      {"GET", "/api/v1/items/{id}/envelope", Access::kRead, answers(get_envelope),
       "The sealed envelope as it crossed the border: what the log's proofs are about"},
  };
}

}  // namespace amic::api
