// May this member say this, now? Each refusal names its rule.
#include "base/limits.h"
#include "consent/body_fields.h"
#include "consent/ledger.h"

namespace amic::consent {

namespace {

tl::unexpected<Error> unknown_motion() {
  return refuse(Rule::kR1, "no such motion on the head in force");
}

}  // namespace

// The seat whose keys are replaced answers that motion by its root key; a frozen one leaves rounds
// by it too. All else is said by the governance key, and what the node holds by the node's.
Signer Ledger::signer_of(Body const& body) const {
  Hash const* motion = nullptr;
  if (auto const* response = std::get_if<Response>(&body)) motion = &response->motion;
  if (auto const* adoption = std::get_if<Adoption>(&body)) motion = &adoption->motion;
  if (std::holds_alternative<HeadStatus>(body)) return Signer::kNode;
  if (std::holds_alternative<RoundChange>(body) && trust_ == Trust::kFrozen) return Signer::kRoot;
  if (motion == nullptr) return Signer::kGovernance;
  auto const* proposal = known(*motion);
  return proposal == nullptr ? Signer::kGovernance : signer_for(*proposal->motion, self_);
}

Result<void> Ledger::may_say(Body const& body, Signer signer) const {
  if (!is_member(self_)) return refuse(Rule::kR1, self_.str() + " is not a member of the head");
  // The root key answers for a seat that has forgotten, and the node may always say what it holds.
  if (signer == Signer::kGovernance && trust_ != Trust::kClear)
    return refuse(Rule::kR11, trust_reason_);
  return std::visit([this](auto const& one) { return check_own(one); }, body);
}

Result<void> Ledger::check_own(Motion const& motion) const {
  AMIC_TRY_VOID(check_motion_author(motion, self_, community_.head));
  if (auto const next = apply(community_.head, motion); !next)
    return refuse(Rule::kR1, next.error().text());
  AMIC_TRY_VOID(check_fresh_keys(motion, used_keys_));
  if (known(motion_id(motion)) != nullptr) return refuse(Rule::kR2, "this motion is here already");
  if (motion.supersedes.is_zero()) return {};
  auto const* before = known(motion.supersedes);
  if (before == nullptr) return unknown_motion();
  if (motion.revision != before->motion->revision + 1 ||
      motion.proposer != before->motion->proposer)
    return refuse(Rule::kR9, "a revision has the next number and the same proposer");
  return {};
}

Result<void> Ledger::check_own(Comment const& comment) const {
  AMIC_TRY_VOID(check_name(comment.place, "comment.place"));
  AMIC_TRY_VOID(check_text(comment.text, true, "comment.text"));
  if (known(comment.motion) == nullptr) return unknown_motion();
  return {};
}

Result<void> Ledger::check_own(Remark const& remark) const {
  AMIC_TRY_VOID(check_text(remark.text, true, "remark.text"));
  if (known(remark.motion) == nullptr) return unknown_motion();
  if (remark.to == self_ || !is_member(remark.to))
    return fail(Code::kUnknownMember, "remark.to", "not another member");
  return {};
}

Result<void> Ledger::check_own(Indication const& indication) const {
  if (known(indication.motion) == nullptr) return unknown_motion();
  return {};
}

Result<void> Ledger::check_own(Response const& response) const {
  AMIC_TRY_VOID(check_text(response.text, false, "response.text"));
  auto const* proposal = known(response.motion);
  if (proposal == nullptr) return unknown_motion();
  AMIC_TRY_VOID(check_position(proposal->motion->kind(), response.position));
  if (response.round != open_round())
    return refuse(Rule::kR7, "round " + std::to_string(open_round()) + " is open");
  if (has_left(self_, response.round)) return refuse(Rule::kR7, "this member has left the round");
  bool const favourable = is_favourable(response.position);
  if (favourable && response.next_head != proposal->next_digest)
    return refuse(Rule::kR1, "another next head than the one computed here");
  auto const before = own_final(response.motion);
  if (before && *before != response.position)
    return refuse(Rule::kR4,
                  "this member has answered \"" + std::string(position_name(*before)) + "\"");
  if (proposal->shelving && *proposal->shelving != ShelvingAct::kResume && !before)
    return refuse(Rule::kR6, "shelved or withdrawn");
  if (auto const round = own_responses_.find(response.round); round != own_responses_.end())
    if (auto const it = round->second.find(response.motion);
        it != round->second.end() && is_final(it->second.position))
      return refuse(Rule::kR2, "answered in this round already");
  if (!response.standing.is_zero()) {
    auto const standing = own_standing_.find(response.standing);
    if (standing == own_standing_.end() || standing->second.clause != response.clause)
      return fail(Code::kNotFound, "response.standing", "no such standing consent is in force");
  }
  if (!favourable) return {};
  if (own_adopted_ && *own_adopted_ != response.motion)
    return refuse(Rule::kR7, "this member has adopted another motion on this head");
  // A frozen seat can answer for its new keys only. What its old key favours in this round, as far
  // as it is known, does not bind the root key; what it has adopted does, above.
  if (trust_ == Trust::kFrozen) return {};
  auto const lock = own_lock(response.round);
  if (lock && *lock != response.motion)
    return refuse(Rule::kR3, "this member is in favour of another motion in this round");
  return {};
}

Result<void> Ledger::check_own(Reason const& reason) const {
  AMIC_TRY_VOID(check_text(reason.text, true, "reason.text"));
  if (known(reason.motion) == nullptr) return unknown_motion();
  for (auto const& [round, answers] : own_responses_)
    if (auto const it = answers.find(reason.motion);
        it != answers.end() && it->second.sealed_reason == reason_commitment(reason))
      return {};
  return fail(Code::kNotFound, "reason", "no objection of this member has this reason");
}

Result<void> Ledger::check_own(RoundChange const& change) const {
  if (change.round != open_round())
    return refuse(Rule::kR7, "round " + std::to_string(open_round()) + " is open");
  if (has_left(self_, change.round)) return refuse(Rule::kR2, "this member has left the round");
  if (change.round + 1 >= limits::kRoundsMax) return refuse(Rule::kR7, "the last round");
  if (change.adopted != own_adopted_.value_or(Hash{}))
    return refuse(Rule::kR7, "it must name the motion that this member has adopted");
  return {};
}

Result<void> Ledger::check_own(Adoption const& adoption) const {
  auto const* proposal = known(adoption.motion);
  if (proposal == nullptr) return unknown_motion();
  if (adoption.next_head != proposal->next_digest)
    return refuse(Rule::kR1, "another next head than the one computed here");
  if (own_adopted_ && *own_adopted_ != adoption.motion)
    return refuse(Rule::kR3, "this member has adopted another motion on this head");
  if (own_adopted_) return refuse(Rule::kR2, "adopted already");
  if (adoption.round != open_round())
    return refuse(Rule::kR7, "round " + std::to_string(open_round()) + " is open");
  if (has_left(self_, adoption.round)) return refuse(Rule::kR7, "this member has left the round");
  if (!held(*proposal, adoption.round))
    return refuse(Rule::kR8, "not all members have answered in favour in this round");
  if (proposal->motion->kind() == MotionKind::kAdmit && !proposal->join_accept)
    return refuse(Rule::kR12, "the join-accept is not here");
  if (adoption.response != own_response(*proposal, adoption.round))
    return refuse(Rule::kR8, "it names another response than this member's own of this round");
  return {};
}

Result<void> Ledger::check_own(StandingConsent const& standing) const {
  auto const* one = community_.head.rules.standing_class(standing.standing_class);
  if (one == nullptr || one->instrument != standing.instrument || one->clause != standing.clause)
    return fail(Code::kNotFound, "standing.class",
                "the rules in force name no such class under this clause");
  if (own_standing_.size() >= limits::kStandingConsentsMax)
    return fail(Code::kOverloaded, "standing", "too many standing consents; revoke some");
  return {};
}

Result<void> Ledger::check_own(StandingRevocation const& revocation) const {
  if (!own_standing_.contains(revocation.standing))
    return fail(Code::kNotFound, "revocation.standing", "no such standing consent is in force");
  return {};
}

Result<void> Ledger::check_own(Evidence const& evidence) const {
  return verify_evidence(evidence, community_.id, community_.head, community_.head_digest);
}

Result<void> Ledger::check_own(Shelving const& shelving) const {
  AMIC_TRY_VOID(check_text(shelving.text, false, "shelving.text"));
  auto const* proposal = known(shelving.motion);
  if (proposal == nullptr) return unknown_motion();
  bool const proposer = self_ == proposal->motion->proposer;
  bool const may =
      proposer || (self_ == community_.head.chair && shelving.act != ShelvingAct::kWithdraw);
  if (!may) return refuse(Rule::kR9, "only the proposer, and the chair, who may not withdraw it");
  if (proposal->shelving == ShelvingAct::kWithdraw) return refuse(Rule::kR6, "withdrawn");
  return {};
}

Result<void> Ledger::check_own(Declaration const& declaration) const {
  auto const* proposal = known(declaration.motion);
  if (proposal == nullptr) return unknown_motion();
  if (self_ != community_.head.chair) return refuse(Rule::kR9, "only the chair declares");
  if (declaration.next_head != proposal->next_digest)
    return refuse(Rule::kR1, "another next head than the one computed here");
  AMIC_TRY_VOID(certificate(declaration.motion));
  return {};
}

}  // namespace amic::consent
