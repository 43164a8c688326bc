#include "clients.h"

#include "codec/codec.h"
#include "sim_node.h"
#include "witness.h"

namespace amic::sim {

using exchange::OperationKind;
using exchange::testing::must;

namespace {

std::string uuid(Dice& dice) {
  auto id = dice.random().fixed<EnvelopeId>();
  id.data[6] = static_cast<std::uint8_t>((id.data[6] & 0x0F) | 0x40);
  id.data[8] = static_cast<std::uint8_t>((id.data[8] & 0x3F) | 0x80);
  return codec::to_uuid(id.view());
}

}  // namespace

Precedence Clients::any_precedence() {
  if (chance(400)) return chance(500) ? Precedence::kFlash : Precedence::kRoutine;
  return static_cast<Precedence>(world_.dice.between(0, kLaneCount - 1));
}

std::set<MemberId> Clients::some_of(std::set<MemberId> const& members) {
  std::set<MemberId> out;
  for (auto const& member : members)
    if (chance(500)) out.insert(member);
  return out;
}

// ---- Items ------------------------------------------------------------------------------------

marking::Marking Clients::random_marking(MemberId const& origin) {
  marking::Marking out;
  for (auto const& node : world_.nodes)
    if (bulky || chance(450)) out.rel_to.insert(node->id());
  if (out.rel_to.empty() && chance(800))
    for (auto const& node : world_.nodes)
      if (node->id() != origin) {
        out.rel_to.insert(node->id());
        break;
      }
  if (chance(40)) out.rel_to.insert(must(MemberId::parse("STRANGER")));
  if (chance(30)) out.realm = must(Realm::parse("EXERCISE:OTHER"));
  out.classification = static_cast<marking::Classification>(world_.dice.between(0, 4));
  UnixMs const now = world_.node(origin).clock().now_ms();
  if (chance(200)) out.expires_ms = now + world_.dice.between(-200, 3'600'000);
  if (chance(60)) out.expires_ms = now;
  return out;
}

// Often one that was shared before, in the same words or in others.
std::string Clients::random_object(Request& request) {
  bool const bad = chance(150);
  if (!bad && chance(120)) {  // states no version of its own
    std::string const id = "domain-name--" + uuid(world_.dice);
    request.object_ids.push_back(id);
    return R"({"type":"domain-name","spec_version":"2.1","id":")" + id +
           R"(","value":"a.example"})";
  }
  std::string id = "indicator--" + uuid(world_.dice);
  if (!shared_.empty() && chance(200)) id = shared_[world_.dice.index(shared_.size())];
  if (!bad) {
    request.object_ids.push_back(id);
    shared_.push_back(id);
  }
  std::string const day = chance(800) ? "01" : "02";
  std::string const value = chance(800) ? "a" : "b";
  return R"({"type":"indicator","spec_version":"2.1","id":")" + id +
         R"(","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-)" + day +
         R"(T00:00:00.000Z",)" +
         (bad ? R"("pattern":7})"
              : R"("pattern":"[domain-name:value = ')" + value +
                    R"(.example']","pattern_type":"stix","valid_from":"2026-01-01T00:00:00Z"})");
}

void Clients::fill_body(Request& request) {
  if (bulky && chance(700)) {
    request.media_type = "application/octet-stream";
    request.body.resize(static_cast<std::size_t>(world_.dice.between(250'000, 600'000)));
    world_.dice.random().fill(request.body);
    return;
  }
  request.media_type = "application/stix+json;version=2.1";
  request.objects = static_cast<std::size_t>(world_.dice.between(1, 3));
  std::string objects;
  for (std::size_t i = 0; i < request.objects; ++i)
    objects += (objects.empty() ? "" : ",") + random_object(request);
  request.body = to_bytes(R"({"type":"bundle","id":"bundle--)" + uuid(world_.dice) +
                          R"(","objects":[)" + objects + "]}");
}

void Clients::start(Request request, std::string const& what) {
  Request& kept = world_.ledger.add(std::move(request));
  world_.tell(kept.origin, "client wants " + kept.name() + ": " + what + " " +
                               std::string(precedence_name(kept.precedence)) +
                               (kept.keep_private ? " private" : ""));
  attempt(kept);
}

void Clients::share() {
  Request request;
  request.origin = (bulky ? *world_.nodes.front() : any_node()).id();
  request.marking = random_marking(request.origin);
  request.precedence = bulky ? Precedence::kPriority : any_precedence();
  request.keep_private = chance(80);
  if (request.keep_private && chance(800)) request.marking.rel_to.clear();
  fill_body(request);
  if (chance(750)) request.key = "key-" + uuid(world_.dice);
  auto const banner = marking::banner(request.marking);
  start(std::move(request), banner);
}

void Clients::attempt(Request& request) {
  if (request.state != Request::State::kOpen) return;
  SimNode& node = world_.node(request.origin);
  if (!node.up()) return again(request);
  if (request.kind == Request::Kind::kOperation) return attempt_operation(request, node);
  bool const refuse = world_.ledger.must_refuse(request, node.clock().now_ms());
  auto const attempts = request.tried.size();
  auto const done = std::make_shared<bool>(false);
  node.share(request, [this, &request, done](Result<EnvelopeId> result) {
    if (std::exchange(*done, true)) return;
    if (result && chance(100)) return again(request);  // the answer got lost on its way
    answered(request, result);
  });
  if (refuse && !*done && request.tried.size() > attempts)
    throw Violation("law 1: " + request.name() + " was not refused");
  world_.schedule.after(600 * kMs, [this, &request, done] {
    if (!std::exchange(*done, true)) again(request);
  });
}

// The client tries again if it can do so without doubling, else it gives up.
void Clients::again(Request& request) {
  if (request.key.empty() && !request.tried.empty()) {
    request.state = Request::State::kUnknown;
    return;
  }
  world_.schedule.after(world_.dice.between(20 * kMs, 200 * kMs),
                        [this, &request] { attempt(request); });
}

void Clients::answered(Request& request, Result<EnvelopeId> const& result) {
  UnixMs const now = world_.node(request.origin).clock().now_ms();
  if (result) {
    world_.tell(request.origin, request.name() + " is accepted");
    ++outcome_.accepted;
    return world_.ledger.accepted(request, *result);
  }
  Code const code = result.error().code;
  world_.tell(request.origin, request.name() + " is answered " + result.error().text());
  // A conflict of ids is the disk's "perhaps", or a request with this key is being worked on.
  if (code_retryable(code) || code == Code::kConflict) return again(request);
  ++outcome_.refused;
  world_.ledger.refused(request, now, code);
  // An earlier attempt may have left its mark on the disk unseen: then the refusal is not the whole
  // truth, and this client knows that.
  if (request.tried.size() > 1) request.state = Request::State::kUnknown;
}

// ---- Operations -------------------------------------------------------------------------------

void Clients::operate() {
  std::vector<Request const*> items;
  for (auto const& one : world_.ledger.requests())
    if (one->kind == Request::Kind::kItem && world_.ledger.effect(*one)) items.push_back(one.get());
  if (items.empty()) return;
  Request const& item = *items[world_.dice.index(items.size())];
  Request request;
  request.kind = Request::Kind::kOperation;
  request.origin = chance(850) ? item.origin : any_node().id();
  request.item = *world_.ledger.effect(item);
  request.marking.rel_to = world_.ledger.recipients(item);
  request.keep_private = request.marking.rel_to.empty();
  request.precedence = any_precedence();
  if (chance(750)) request.key = "key-" + uuid(world_.dice);
  auto const draw = world_.dice.between(0, 99);
  request.operation = draw < 25   ? OperationKind::kRetract
                      : draw < 45 ? OperationKind::kRecall
                      : draw < 70 ? OperationKind::kNarrow
                      : draw < 85 ? OperationKind::kRemark
                                  : OperationKind::kRestore;
  request.narrow_to = some_of(item.marking.rel_to);
  request.remark = item.marking;
  request.remark->expires_ms.reset();
  request.remark->classification = static_cast<marking::Classification>(world_.dice.between(0, 4));
  auto const what = std::string(exchange::operation_name(request.operation)) + " of " + item.name();
  start(std::move(request), what);
}

void Clients::attempt_operation(Request& request, SimNode& node) {
  auto const done = std::make_shared<bool>(false);
  auto const attempts = request.tried.size();
  auto const why = world_.witness->operation_refusal(node, request);
  node.operate(request, [this, &request, done, attempts, why](Result<EnvelopeId> result) {
    if (std::exchange(*done, true)) return;
    if (result && chance(100)) return again(request);  // the answer got lost on its way
    operation_answered(request, result, request.tried.size() > attempts, why);
  });
  world_.schedule.after(600 * kMs, [this, &request, done] {
    if (!std::exchange(*done, true)) again(request);
  });
}

// `judged`: the node has looked at the request; else it knew an earlier answer, or that the item
// is not there.
void Clients::operation_answered(Request& request, Result<EnvelopeId> const& result, bool judged,
                                 std::optional<Code> why) {
  auto const code = result ? std::nullopt : std::optional(result.error().code);
  world_.tell(request.origin,
              request.name() + (result ? " is accepted" : " is answered " + result.error().text()));
  bool const rotten = code == Code::kCorrupt && world_.weather.rotten == request.origin;
  bool const busy = code == Code::kConflict && why != Code::kConflict;
  if (code && (code_retryable(*code) || busy || rotten)) return again(request);
  if (!judged && code) {
    request.state = Request::State::kRefused;
  } else {
    world_.ledger.operation_answered(request, result, judged ? why : std::nullopt);
  }
  ++(result ? outcome_.operations : outcome_.refused);
  // An earlier attempt may have left its mark on the disk unseen, as with shares.
  if (code && request.tried.size() > (judged ? 1 : 0)) request.state = Request::State::kUnknown;
}

void Clients::decide() {
  SimNode& node = any_node();
  if (!node.up() || !node.asks()) return;
  std::vector<store::OperationRow> open;
  auto const demands = node.operations().incoming(100);
  if (!demands) return;
  for (auto const& demand : *demands)
    if (demand.row.duty == store::Duty::kAsked || demand.row.duty == store::Duty::kRefused)
      open.push_back(demand.row);
  if (open.empty()) return;
  auto const& row = open[world_.dice.index(open.size())];
  auto const* item = world_.ledger.find(row.item);
  bool const comply = chance(600);
  world_.tell(node.id(), std::string("operator ") + (comply ? "complies" : "refuses") + " about " +
                             (item == nullptr ? "nothing" : item->name()));
  if (!comply) return node.operations().refuse(row.item, "under legal hold", [](Result<void>) {});
  world_.witness->may_destroy(node, row.item);
  comply_with(node, row.item);
}

// What could not be done, or not wholly, the operator asks for again.
void Clients::comply_with(SimNode& node, EnvelopeId const& item) {
  if (!node.up()) return;
  node.operations().comply(item, [this, &node, item](Result<void> result) {
    bool const again =
        !result && (code_retryable(result.error().code) || result.error().code == Code::kLocked);
    if (again) world_.schedule.after(50 * kMs, [this, &node, item] { comply_with(node, item); });
  });
}

// ---- Groups -----------------------------------------------------------------------------------

void Clients::group() {
  SimNode& node = any_node();
  if (!node.up()) return;
  world_.witness->groups(node);
  auto const known = must(exchange::load_groups(node.store()));
  std::size_t own = 0;
  for (auto const& group : known) own += group.owner == node.id() ? 1 : 0;
  if (known.empty() || (own < 2 && chance(400))) return new_group(node);
  auto const& group = known[world_.dice.index(known.size())];
  if (chance(500)) return share_with(node, group);
  if (group.owner == node.id()) return change_group(node, group);
  if (!group.members.contains(node.id())) return;
  exchange::GroupStatement statement;
  statement.verb = exchange::GroupVerb::kLeave;
  statement.id = group.id;
  statement.counter = group.counter;
  state_group(node, std::move(statement), &group);
}

void Clients::new_group(SimNode& node) {
  exchange::GroupStatement statement;
  statement.id = envelope::make_id(world_.founders.community.id, node.id(), world_.dice.random());
  statement.name = "desk-" + uuid(world_.dice);
  change_group(node, {statement.id, node.id(), 0, statement.name, {}, false, {}, {}, 0});
}

void Clients::change_group(SimNode& node, exchange::Group const& group) {
  exchange::GroupStatement statement;
  statement.id = group.id;
  statement.counter = group.counter + 1;
  statement.name = group.counter > 0 && chance(300) ? "desk-" + uuid(world_.dice) : group.name;
  statement.closed = group.counter > 0 && chance(150);
  statement.classification = static_cast<marking::Classification>(world_.dice.between(0, 4));
  std::set<MemberId> all;
  for (auto const& other : world_.nodes) all.insert(other->id());
  statement.members = some_of(all);
  statement.members.insert(node.id());
  if (statement.members.size() < 2) return;
  state_group(node, std::move(statement), group.counter > 0 ? &group : nullptr);
}

// The steps of src/api/groups.cc.
void Clients::state_group(SimNode& node, exchange::GroupStatement statement,
                          exchange::Group const* before) {
  auto const share = must(exchange::group_request(statement, before, node.id(), Realm()));
  auto told = statement.members;
  if (before != nullptr) told.insert(before->stated.begin(), before->stated.end());
  told.erase(node.id());
  if (share.marking.rel_to != told)
    throw Violation("law 11: a statement of " + node.id().str() + " goes to others than its group");
  Request request;
  request.kind = Request::Kind::kGroup;
  request.origin = node.id();
  request.marking = share.marking;
  request.precedence = any_precedence();
  request.media_type = share.media_type;
  request.body = share.body;
  auto const what = (statement.verb == exchange::GroupVerb::kLeave ? "to leave " : "to state ") +
                    codec::to_hex(statement.id.view().last(4)) + " " +
                    std::to_string(statement.counter) + " to " + marking::banner(share.marking);
  request.group = std::move(statement);
  if (!request.group.name.empty()) world_.secrets.insert(request.group.name);
  ++outcome_.groups;
  start(std::move(request), what);
}

void Clients::share_with(SimNode& node, exchange::Group const& group) {
  auto const to = exchange::group_recipients(group, node.id());
  auto others = group.members;
  bool const inside = others.erase(node.id()) > 0;
  bool const open = inside && !group.closed && !others.empty();
  if (open != to.has_value() || (open && *to != others))
    throw Violation("law 1: " + node.id().str() + " would share with others than the group's");
  if (!open) return;
  Request request;
  request.origin = node.id();
  request.marking.rel_to = others;
  request.precedence = any_precedence();
  fill_body(request);
  if (chance(750)) request.key = "key-" + uuid(world_.dice);
  auto const banner = marking::banner(request.marking) + " (a group)";
  start(std::move(request), banner);
}

}  // namespace amic::sim
