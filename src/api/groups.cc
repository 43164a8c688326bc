// Groups: made, changed, left and read. A reader without the group's clearance sees none of it.
#include "api/marking_json.h"
#include "api/routes.h"
#include "codec/codec.h"
#include "exchange/group.h"
#include "net/problem.h"

namespace amic::api {

namespace {
using exchange::Group;
using exchange::GroupStatement;
using exchange::GroupVerb;

json::array members_json(std::set<MemberId> const& members) {
  json::array out;
  for (auto const& member : members) out.emplace_back(member.str());
  return out;
}

json::object group_json(Group const& group, MemberId const& self) {
  json::object out;
  out["id"] = envelope_id_text(group.id);
  out["name"] = group.name;
  out["owner"] = group.owner.str();
  out["members"] = members_json(group.members);
  out["classification"] = marking::classification_name(group.classification);
  out["closed"] = group.closed;
  out["member"] = group.members.contains(self);
  out["version"] = group.counter;
  out["changed"] = codec::to_rfc3339(group.at_ms);
  return out;
}

marking::Classification clearance_of(Call const& call) {
  return call.who.reader.clearance;
}

Result<net::Response> list_groups(Services& services, Call const& call) {
  AMIC_TRY(auto const groups, exchange::load_groups(services.deps.store));
  json::array list;
  for (auto const& group : groups)
    if (group.classification <= clearance_of(call))
      list.push_back(group_json(group, services.deps.exchange.self()));
  return json_response(200, json::object{{"groups", std::move(list)}});
}

Result<Group> visible_group(Services& services, Call const& call) {
  return at("path.id",
            exchange::find_group(services.deps.store, call.path.at("id"), clearance_of(call)));
}

Result<net::Response> get_group(Services& services, Call const& call) {
  AMIC_TRY(auto const group, visible_group(services, call));
  return json_response(200, group_json(group, services.deps.exchange.self()));
}

Result<void> read_members(json::value const& value, std::set<MemberId>& out) {
  if (!value.is_array()) return fail(Code::kWrongType, "/members", "an array of members is wanted");
  out.clear();
  std::size_t i = 0;
  for (auto const& entry : value.get_array()) {
    auto const here = "/members/" + std::to_string(i++);
    if (!entry.is_string()) return fail(Code::kWrongType, here, "a string is wanted");
    AMIC_TRY(auto member, at(here, MemberId::parse(std::string_view(entry.get_string()))));
    if (!out.insert(member).second)
      return fail(Code::kConflict, here, member.str() + " is named twice");
  }
  return {};
}

constexpr std::string_view kFields[] = {"name", "members", "classification", "closed"};

// Reads what the request says over what the statement has.
Result<void> read_fields(Services const& services, std::string_view text, GroupStatement& out) {
  AMIC_TRY(auto const value, json::parse(text));
  if (!value.is_object()) return fail(Code::kWrongType, "", "an object is wanted");
  auto const& request = value.get_object();
  AMIC_TRY_VOID(check_fields(request, kFields, ""));
  if (request.contains("name")) {
    AMIC_TRY(out.name, json::get_string(request, "name", ""));
  }
  if (auto const* members = request.if_contains("members"))
    AMIC_TRY_VOID(read_members(*members, out.members));
  if (request.contains("classification")) {
    AMIC_TRY(auto const name, json::get_string(request, "classification", ""));
    AMIC_TRY(out.classification, at("/classification", marking::parse_classification(name)));
  }
  if (auto const* closed = request.if_contains("closed")) {
    if (!closed->is_bool()) return fail(Code::kWrongType, "/closed", "true or false is wanted");
    out.closed = closed->get_bool();
  }
  out.members.insert(services.deps.exchange.self());
  for (auto const& member : out.members)
    if (services.deps.exchange.community().head.member(member) == nullptr)
      return fail(Code::kUnknownMember, "/members", member.str() + " is not in the community");
  return {};
}

void commit_statement(Services& services, GroupStatement const& statement, Group const* before,
                      int status, net::Responder respond) {
  auto& exchange = services.deps.exchange;
  auto request = exchange::group_request(statement, before, exchange.self(), exchange.realm());
  if (!request) return respond(net::problem(request.error()));
  exchange.share(std::move(*request), [&services, id = statement.id, status,
                                       respond = std::move(respond)](auto const& shared) {
    if (!shared) return respond(net::problem(shared.error()));
    auto const group = exchange::find_group(services.deps.store, envelope_id_text(id));
    if (!group) return respond(net::problem(group.error()));
    auto response = json_response(status, group_json(*group, services.deps.exchange.self()));
    response.headers.emplace_back("location", "/api/v1/groups/" + envelope_id_text(id));
    respond(std::move(response));
  });
}

// A name that one of this node's own open groups has is refused, so that a request whose answer was
// lost does not make a second group.
Result<GroupStatement> new_group(Services& services, Call const& call) {
  GroupStatement out;
  AMIC_TRY_VOID(read_fields(services, call.request.body, out));
  if (out.name.empty()) return fail(Code::kMissingField, "/name", "what members will call it");
  if (out.members.size() < 2)
    return fail(Code::kMissingField, "/members", "a group has another member at least");
  if (out.closed) return fail(Code::kOutOfRange, "/closed", "a new group is open");
  AMIC_TRY(auto const groups, exchange::load_groups(services.deps.store));
  for (auto const& group : groups)
    if (group.name == out.name && !group.closed && group.owner == services.deps.exchange.self())
      return fail(Code::kConflict, "/name", "a group of this node has this name");
  auto const& exchange = services.deps.exchange;
  out.id = envelope::make_id(exchange.community().id, exchange.self(), services.deps.random);
  return out;
}

void create_group(Services& services, Call call, net::Responder respond) {
  auto const statement = new_group(services, call);
  if (!statement) return respond(net::problem(statement.error()));
  commit_statement(services, *statement, nullptr, 201, std::move(respond));
}

void change_group(Services& services, Call call, net::Responder respond) {
  auto const before = visible_group(services, call);
  if (!before) return respond(net::problem(before.error()));
  if (before->owner != services.deps.exchange.self())
    return respond(net::problem(Code::kForbidden, "path.id",
                                "only its owner, " + before->owner.str() + ", changes it"));
  GroupStatement statement{
      GroupVerb::kState,      before->id,     before->counter + 1, before->name,
      before->classification, before->closed, before->members};
  auto const read = read_fields(services, call.request.body, statement);
  if (!read) return respond(net::problem(read.error()));
  commit_statement(services, statement, &*before, 200, std::move(respond));
}

void leave_group(Services& services, Call call, net::Responder respond) {
  auto const before = visible_group(services, call);
  if (!before) return respond(net::problem(before.error()));
  auto const& self = services.deps.exchange.self();
  if (before->owner == self)
    return respond(net::problem(Code::kConflict, "path.id", "its owner closes it instead"));
  if (!before->members.contains(self))
    return respond(net::problem(Code::kConflict, "path.id", "this node is not in it"));
  GroupStatement statement;
  statement.verb = GroupVerb::kLeave;
  statement.id = before->id;
  statement.counter = before->counter;
  commit_statement(services, statement, &*before, 200, std::move(respond));
}
}  // namespace

std::vector<Route> group_routes() {
  return {
      {"GET", "/api/v1/groups", Access::kRead, answers(list_groups),
       "Groups that this node is or was a member of"},
      {"POST", "/api/v1/groups", Access::kShare, create_group,
       "Make a group; only its members learn of it"},
      {"GET", "/api/v1/groups/{id}", Access::kRead, answers(get_group),
       "One group, by id or by name"},
      {"PUT", "/api/v1/groups/{id}", Access::kShare, change_group,
       "Change or close a group of this node"},
      {"POST", "/api/v1/groups/{id}/leave", Access::kShare, leave_group,
       "Leave another member's group"},
  };
}

}  // namespace amic::api
