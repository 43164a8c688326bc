// Groups: a name for a set of members that share among themselves. A group is nothing but signed
// statements in envelopes that only its members get, so nobody else learns that it exists, what it
// is called or who is in it. docs/formats/group.md. Pure, but for reading the store.
//
// The owner states the whole group, with a counter; the highest counter holds, in whatever order
// statements arrive. A member may leave by itself. What is shared with a group goes to the members
// it has at that moment, as REL TO: the group itself is named nowhere in the envelope.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "envelope/envelope.h"
#include "exchange/exchange.h"
#include "marking/marking.h"
#include "store/store.h"

namespace amic::exchange {

// Made by envelope::make_id, so it carries its owner's tag: nobody can state another's group.
using GroupId = EnvelopeId;

inline constexpr std::string_view kGroupMediaType = "application/vnd.amic.group";
inline constexpr std::size_t kGroupNameBytesMax = 128;
inline constexpr std::size_t kGroupsMax = 512;  // of one owner, here

enum class GroupVerb : std::uint8_t { kState = 1, kLeave = 2 };

struct GroupStatement {
  GroupVerb verb = GroupVerb::kState;
  GroupId id;
  std::uint64_t counter = 1;  // kLeave: of the state that is left
  // kState only:
  std::string name;  // UTF-8, no control characters
  marking::Classification classification = marking::Classification::kRestricted;
  bool closed = false;
  std::set<MemberId> members;  // with the owner; two at least
  bool operator==(GroupStatement const&) const = default;
};
Bytes encode(GroupStatement const& statement);
// kMalformed, kOutOfRange, kTooLarge, kBadUtf8, kUnsupported at "group.<offset>" or
// "group.<field>".
Result<GroupStatement> decode_group_statement(BytesView bytes);

// A group as it stands here.
struct Group {
  GroupId id;
  MemberId owner;
  std::uint64_t counter = 0;
  std::string name;
  marking::Classification classification = marking::Classification::kRestricted;
  bool closed = false;
  std::set<MemberId> members;  // who is in it now: without those who left
  std::set<MemberId> stated;   // as the owner last stated, those who left since included
  UnixMs at_ms = 0;
};

// What a statement, in an envelope that is otherwise in order, changes in the store; stored in the
// transaction of its record; nothing if a later one is known. kForbidden: a group of another owner;
// kNotReleasable: not sealed to all that it names, so that some members would not know of others;
// kOverloaded: its sender has kGroupsMax groups here, or has left as many; and the errors of
// decoding.
Result<std::vector<store::KvPut>> group_puts(envelope::Contents const& contents,
                                             store::Store& store);

// What the contents of an envelope, sent or received, change in the store beside the log: that of a
// group statement; for all else nothing.
Result<std::vector<store::KvPut>> effects_of(envelope::Contents const& contents,
                                             store::Store& store);

// All that this node is or was a member of, by name, then id. Reads the store.
Result<std::vector<Group>> load_groups(store::Store& store);
// By id (32 hex digits or a UUID) or, if exactly one group has it, by name. kNotFound; kConflict:
// the name is used by several.
// Groups above the reader's clearance are as if they were not there.
Result<Group> find_group(store::Store& store, std::string_view id_or_name,
                         marking::Classification clearance = marking::Classification::kTopSecret);

// Whom `self` reaches by sharing with the group. kForbidden at "group": closed, or self is not in
// it; kNoRecipients: nobody else is. Fails closed: a group never means everybody.
Result<std::set<MemberId>> group_recipients(Group const& group, MemberId const& self);

// The request to share a statement: sealed to all whom it concerns, those that it removes included.
// `before`: the group as it was; null for a new one.
Result<ShareRequest> group_request(GroupStatement const& statement, Group const* before,
                                   MemberId const& self, Realm const& realm);

}  // namespace amic::exchange
