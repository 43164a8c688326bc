#include "exchange/group.h"

#include <algorithm>
#include <cstdio>
#include <map>

#include "base/limits.h"
#include "codec/codec.h"
#include "crypto/hash.h"
#include "exchange/attachment_state.h"
#include "exchange/governance.h"
#include "exchange/operation_state.h"

namespace amic::exchange {

namespace {
constexpr std::uint16_t kVersion = 1;
// "<id>/<counter>/<digest>", so that the groups of one owner, whose tag ids begin with, are
// neighbours; and "<member>/<id>". One writer each: two envelopes accepted at the same time never
// undo each other.
constexpr std::string_view kStated = "group";
constexpr std::string_view kLeft = "group-left";
constexpr std::size_t kKeysMax = 2 * kGroupsMax * limits::kMembersMax;
constexpr std::string_view kPurpose = "Group";

bool is_plain_text(std::string_view text) {
  auto const control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  return codec::is_utf8(text) && std::none_of(text.begin(), text.end(), control);
}

void read_state(codec::Reader& in, GroupStatement& out) {
  out.name = in.str8(kGroupNameBytesMax);
  if (in.ok() && (out.name.empty() || !is_plain_text(out.name)))
    in.reject(Code::kMalformed, "name: 1 to 128 bytes without control characters");
  auto const classification = in.u8();
  if (classification > static_cast<std::uint8_t>(marking::Classification::kTopSecret))
    in.reject(Code::kOutOfRange, "classification");
  out.classification = static_cast<marking::Classification>(classification);
  auto const closed = in.u8();
  if (closed > 1) in.reject(Code::kOutOfRange, "closed is 0 or 1");
  out.closed = closed == 1;
  std::size_t const count = in.u8();
  if (in.ok() && (count < 2 || count > limits::kMembersMax))
    in.reject(Code::kOutOfRange, "a group has 2 to 64 members");
  std::string last;
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    auto const text = in.str8(16);
    auto member = MemberId::parse(text);
    if (in.ok() && (!member || text <= last)) in.reject(Code::kMalformed, "members: not ascending");
    if (in.ok()) out.members.insert(*member);
    last = text;
  }
}

std::string id_text(GroupId const& id) {
  return codec::to_hex(id.view());
}

Bytes encode_kept(MemberId const& owner, UnixMs at_ms, BytesView statement) {
  codec::Writer out;
  out.str8(owner.str()).i64(at_ms).vec16(statement);
  return out.take();
}

struct Kept {
  MemberId from;
  UnixMs at_ms = 0;
  GroupStatement statement;
};
Result<Kept> decode_kept(BytesView bytes) {
  codec::Reader in(bytes, "group.kept");
  auto const from = in.str8(16);
  Kept out;
  out.at_ms = in.i64();
  auto const statement = in.vec16(limits::kMarkingBytesMax);
  AMIC_TRY_VOID(in.finish());
  AMIC_TRY(out.from, MemberId::parse(from));
  AMIC_TRY(out.statement, decode_group_statement(statement));
  return out;
}

using Rows = std::vector<std::pair<std::string, Bytes>>;

// The rows whose key begins with `prefix`, which holds no character after '/': at most `most`.
Result<Rows> scan(store::Store& store, std::string_view space, std::string const& prefix,
                  std::size_t most) {
  Rows out;
  std::string after = prefix;
  while (out.size() < most) {
    AMIC_TRY(auto rows, store.kv_scan(std::string(space), after,
                                      std::min(most - out.size(), limits::kPageMax)));
    if (rows.empty()) return out;
    after = rows.back().first;
    for (auto& row : rows) {
      if (!row.first.starts_with(prefix)) return out;
      out.push_back(std::move(row));
    }
  }
  return out;
}

std::string counter_text(std::uint64_t counter) {
  char out[20];
  std::snprintf(out, sizeof out, "%016llx", static_cast<unsigned long long>(counter));
  return out;
}

// The counter of the last state that each member left, by group and member.
using Departures = std::map<std::pair<GroupId, MemberId>, std::uint64_t>;

Group assemble(Kept const& kept, Departures const& departures) {
  auto const& state = kept.statement;
  Group out{state.id,     kept.from, state.counter, state.name, state.classification,
            state.closed, {},        state.members, kept.at_ms};
  for (auto const& member : state.members) {
    auto const left = departures.find({state.id, member});
    if (left == departures.end() || left->second < state.counter) out.members.insert(member);
  }
  return out;
}

Result<std::vector<store::KvPut>> departure(envelope::Contents const& contents,
                                            GroupStatement const& statement, Bytes kept,
                                            store::Store& store) {
  auto const prefix = contents.originator.str() + "/";
  auto const key = prefix + id_text(statement.id);
  AMIC_TRY(auto const rows, scan(store, kLeft, prefix, kGroupsMax));
  for (auto const& [known, value] : rows) {
    if (known != key) continue;
    AMIC_TRY(auto const before, decode_kept(value));
    if (before.statement.counter >= statement.counter) return std::vector<store::KvPut>{};
  }
  auto const is_key = [&](auto const& row) { return row.first == key; };
  if (rows.size() >= kGroupsMax && std::none_of(rows.begin(), rows.end(), is_key))
    return fail(Code::kOverloaded, "group", "this member has left too many groups");
  return std::vector<store::KvPut>{{std::string(kLeft), key, std::move(kept)}};
}

// Rows of earlier counters go with it: only the last state counts, and rows are bounded.
Result<std::vector<store::KvPut>> statement_puts(GroupStatement const& statement, Bytes kept,
                                                 store::Store& store) {
  auto const id = id_text(statement.id);
  AMIC_TRY(auto const rows,
           scan(store, kStated, id.substr(0, 2 * envelope::kIdTagBytes), 2 * kGroupsMax));
  auto const digest = codec::to_hex(crypto::sha256(kept).view().first(8));
  auto const key = id + "/" + counter_text(statement.counter) + "/" + digest;
  std::vector<store::KvPut> out;
  std::set<std::string> groups;
  for (auto const& [known, value] : rows) {
    groups.insert(known.substr(0, id.size()));
    if (!known.starts_with(id)) continue;
    if (known >= key && !known.starts_with(id + "/" + counter_text(statement.counter)))
      return std::vector<store::KvPut>{};  // a later one is known
    if (known < id + "/" + counter_text(statement.counter))
      out.push_back({std::string(kStated), known, std::nullopt});
  }
  if (!groups.contains(id) && (groups.size() >= kGroupsMax || rows.size() >= 2 * kGroupsMax))
    return fail(Code::kOverloaded, "group", "this member has stated too many groups");
  out.push_back({std::string(kStated), key, std::move(kept)});
  return out;
}
}  // namespace

Bytes encode(GroupStatement const& statement) {
  codec::Writer out;
  out.u16(kVersion).u8(static_cast<std::uint8_t>(statement.verb)).raw(statement.id.view());
  out.u64(statement.counter);
  if (statement.verb != GroupVerb::kState) return out.take();
  out.str8(statement.name).u8(static_cast<std::uint8_t>(statement.classification));
  out.u8(statement.closed ? 1 : 0).u8(static_cast<std::uint8_t>(statement.members.size()));
  for (auto const& member : statement.members) out.str8(member.str());
  return out.take();
}

Result<GroupStatement> decode_group_statement(BytesView bytes) {
  codec::Reader in(bytes, "group");
  if (in.u16() != kVersion) in.reject(Code::kUnsupported, "unknown version");
  GroupStatement out;
  auto const verb = in.u8();
  if (in.ok() && verb != static_cast<std::uint8_t>(GroupVerb::kState) &&
      verb != static_cast<std::uint8_t>(GroupVerb::kLeave))
    in.reject(Code::kUnsupported, "unknown verb");
  out.verb = static_cast<GroupVerb>(verb);
  out.id = in.fixed<GroupId>();
  out.counter = in.u64();
  if (in.ok() && out.counter == 0) in.reject(Code::kOutOfRange, "counter counts from 1");
  if (in.ok() && out.verb == GroupVerb::kState) read_state(in, out);
  AMIC_TRY_VOID(in.finish());
  return out;
}

Result<std::vector<store::KvPut>> group_puts(envelope::Contents const& contents,
                                             store::Store& store) {
  AMIC_TRY(auto const statement, decode_group_statement(contents.body));
  auto kept = encode_kept(contents.originator, contents.created_ms, contents.body);
  if (statement.verb == GroupVerb::kLeave)
    return departure(contents, statement, std::move(kept), store);
  if (!envelope::check_id(statement.id, contents.community, contents.originator))
    return fail(Code::kForbidden, "group.id", "only its owner states a group");
  std::set<MemberId> reached(contents.recipients.begin(), contents.recipients.end());
  reached.insert(contents.originator);
  for (auto const& member : statement.members)
    if (!reached.contains(member))
      return fail(Code::kNotReleasable, "group.members",
                  member.str() + " is named but was not told");
  if (!statement.members.contains(contents.originator))
    return fail(Code::kMalformed, "group.members", "an owner is a member of its group");
  return statement_puts(statement, std::move(kept), store);
}

Result<std::vector<store::KvPut>> effects_of(envelope::Contents const& contents,
                                             store::Store& store) {
  if (contents.kind == envelope::Kind::kGovernance) return governance_puts(contents);
  if (contents.kind == envelope::Kind::kOperation) return operation_puts(contents, store);
  if (contents.kind == envelope::Kind::kAttachment) return attachment_puts(contents, store);
  if (contents.media_type != kGroupMediaType) return std::vector<store::KvPut>{};
  return group_puts(contents, store);
}

Result<std::vector<Group>> load_groups(store::Store& store) {
  Departures departures;
  AMIC_TRY(auto const left, scan(store, kLeft, "", kKeysMax));
  for (auto const& [key, value] : left) {
    AMIC_TRY(auto const kept, decode_kept(value));
    departures[{kept.statement.id, kept.from}] = kept.statement.counter;
  }
  // Keys come in the order of counter, then digest: of one counter the first one holds.
  std::map<GroupId, Kept> states;
  AMIC_TRY(auto const stated, scan(store, kStated, "", kKeysMax));
  for (auto const& [key, value] : stated) {
    AMIC_TRY(auto kept, decode_kept(value));
    auto const known = states.find(kept.statement.id);
    if (known == states.end() || known->second.statement.counter < kept.statement.counter)
      states.insert_or_assign(kept.statement.id, std::move(kept));
  }
  std::vector<Group> out;
  for (auto const& [id, kept] : states) out.push_back(assemble(kept, departures));
  std::sort(out.begin(), out.end(), [](Group const& a, Group const& b) {
    return std::tie(a.name, a.id) < std::tie(b.name, b.id);
  });
  return out;
}

Result<Group> find_group(store::Store& store, std::string_view id_or_name,
                         marking::Classification clearance) {
  AMIC_TRY(auto const groups, load_groups(store));
  Group const* found = nullptr;
  for (auto const& group : groups) {
    if (group.classification > clearance) continue;
    if (id_or_name == id_text(group.id) || id_or_name == codec::to_uuid(group.id.view()))
      return group;
    if (group.name != id_or_name) continue;
    if (found != nullptr)
      return fail(Code::kConflict, "group", "several groups have this name: give the id");
    found = &group;
  }
  if (found == nullptr) return fail(Code::kNotFound, "group", "no such group");
  return *found;
}

Result<std::set<MemberId>> group_recipients(Group const& group, MemberId const& self) {
  if (group.closed) return fail(Code::kForbidden, "group", "it is closed");
  if (!group.members.contains(self)) return fail(Code::kForbidden, "group", "not a member of it");
  auto out = group.members;
  out.erase(self);
  if (out.empty()) return fail(Code::kNoRecipients, "group", "nobody else is left in it");
  return out;
}

Result<ShareRequest> group_request(GroupStatement const& statement, Group const* before,
                                   MemberId const& self, Realm const& realm) {
  ShareRequest out;
  out.body = encode(statement);
  AMIC_TRY_VOID(decode_group_statement(out.body));
  out.media_type = kGroupMediaType;
  out.marking.realm = realm;
  out.marking.classification =
      before == nullptr ? statement.classification : before->classification;
  if (statement.verb == GroupVerb::kState)
    out.marking.classification = std::max(out.marking.classification, statement.classification);
  out.marking.purpose = kPurpose;
  out.marking.rel_to = statement.members;
  if (before != nullptr) out.marking.rel_to.insert(before->stated.begin(), before->stated.end());
  out.marking.rel_to.erase(self);
  return out;
}

}  // namespace amic::exchange
