// The one release decision. Kept apart from the encoding so that it can be read in one sitting.
#include <algorithm>
#include <iterator>

#include "marking/marking.h"

namespace amic::marking {

namespace {

struct Why {
  Code code;
  std::string reason;
};

// A reason that stops the whole release whoever is named, or nothing.
std::optional<Why> whole_refusal(Marking const& marking, MemberId const& originator,
                                 std::set<MemberId> const& roster, Realm const& node_realm,
                                 UnixMs now_ms) {
  if (auto const fine = check(marking); !fine) return Why{fine.error().code, fine.error().text()};
  if (marking.realm != node_realm)
    return Why{Code::kNotReleasable,
               "marked for realm " + marking.realm.str() + ", not " + node_realm.str()};
  if (marking.expires_ms && now_ms >= *marking.expires_ms)
    return Why{Code::kExpired, "the marking has expired"};
  if (originator.empty() || !roster.contains(originator))
    return Why{Code::kUnknownMember, "the originator is not in the roster"};
  if (marking.rel_to.empty()) return Why{Code::kNoRecipients, "REL TO names nobody"};
  if (!std::includes(roster.begin(), roster.end(), marking.rel_to.begin(), marking.rel_to.end()))
    return Why{Code::kUnknownMember, "REL TO names a member who is not in the roster"};
  if (marking.rel_to.size() == 1 && marking.rel_to.contains(originator))
    return Why{Code::kNoRecipients, "REL TO names the originator alone"};
  return std::nullopt;
}

Refusal refuse(MemberId const& member, Marking const& marking, MemberId const& originator,
               std::set<MemberId> const& roster, std::optional<Why> const& whole) {
  if (!roster.contains(member)) return {member, Code::kUnknownMember, "not in the roster"};
  if (member == originator)
    return {member, Code::kNotReleasable, "the originator has its own copy"};
  if (!marking.rel_to.contains(member)) return {member, Code::kNotReleasable, "not in REL TO"};
  // In REL TO and in the roster: only a refusal of the whole release keeps it back.
  return {member, whole ? whole->code : Code::kInternal, whole ? whole->reason : ""};
}

}  // namespace

Decision decide(Marking const& marking, MemberId const& originator,
                std::set<MemberId> const& roster, Realm const& node_realm, UnixMs now_ms) {
  Decision out;
  auto const whole = whole_refusal(marking, originator, roster, node_realm, now_ms);
  if (whole) out.refusals.push_back({MemberId(), whole->code, whole->reason});
  std::vector<MemberId> everybody;
  std::set_union(roster.begin(), roster.end(), marking.rel_to.begin(), marking.rel_to.end(),
                 std::back_inserter(everybody));
  for (MemberId const& member : everybody) {
    if (member.empty()) continue;  // names nobody; check() has refused the whole
    bool const receives = !whole && member != originator && marking.rel_to.contains(member) &&
                          roster.contains(member);
    if (receives) {
      out.recipients.push_back(member);
    } else {
      out.refusals.push_back(refuse(member, marking, originator, roster, whole));
    }
  }
  return out;
}

Result<void> check_received(Marking const& marking, MemberId const& originator,
                            std::vector<MemberId> const& sealed_recipients, MemberId const& self,
                            std::set<MemberId> const& roster, Realm const& node_realm,
                            UnixMs created_ms) {
  constexpr char kWhere[] = "marking.received";
  Decision const decision = decide(marking, originator, roster, node_realm, created_ms);
  if (!decision.released())  // then the first refusal is that of the whole
    return fail(Code::kNotReleasable, kWhere, decision.refusals.front().reason);
  if (decision.recipients != sealed_recipients)
    return fail(Code::kNotReleasable, kWhere, "sealed to others than the marking allows");
  if (!std::binary_search(decision.recipients.begin(), decision.recipients.end(), self))
    return fail(Code::kNotReleasable, kWhere, "not releasable to this node");
  return {};
}

bool may_read(Marking const& marking, Reader const& reader, UnixMs now_ms) {
  if (!check(marking) || reader.realm != marking.realm) return false;
  if (reader.clearance > Classification::kTopSecret)
    return false;  // an unknown value clears nothing
  if (marking.expires_ms && now_ms >= *marking.expires_ms) return false;
  return reader.clearance >= marking.classification;
}

}  // namespace amic::marking
