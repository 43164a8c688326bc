// What follows from what was said, and what may be shown of it.
#include "base/limits.h"
#include "consent/ledger.h"

namespace amic::consent {

namespace {

constexpr std::int64_t kDayMs = 24LL * 60 * 60 * 1000;

tl::unexpected<Error> no_motion() {
  return fail(Code::kNotFound, "motion", "no such motion on the head in force");
}

}  // namespace

std::uint32_t Ledger::open_round() const {
  std::uint32_t round = 0;
  for (auto it = left_.find(0); it != left_.end() && it->first == round &&
                                it->second.size() == community_.head.members.size();
       ++it)
    ++round;
  return round;
}

bool Ledger::has_left(MemberId const& member, std::uint32_t round) const {
  auto const it = left_.find(round);
  return it != left_.end() && it->second.contains(member);
}

Ledger::Proposal const* Ledger::known(Hash const& motion) const {
  auto const it = proposals_.find(motion);
  return it == proposals_.end() || !it->second.motion ? nullptr : &it->second;
}

bool Ledger::counts(Proposal const& proposal, MemberId const& member, Slot const& slot) const {
  return is_favourable(slot.response.position) && slot.response.next_head == proposal.next_digest &&
         slot.statement.signer == signer_for(*proposal.motion, member) &&
         check_position(proposal.motion->kind(), slot.response.position).has_value();
}

bool Ledger::held(Proposal const& proposal, std::uint32_t round) const {
  auto const slots = proposal.responses.find(round);
  if (slots == proposal.responses.end()) return false;
  for (auto const& card : community_.head.members) {
    auto const slot = slots->second.find(card.member);
    if (slot == slots->second.end() || !counts(proposal, card.member, slot->second)) return false;
  }
  return true;
}

std::optional<Position> Ledger::final_position(Hash const& motion, MemberId const& member) const {
  auto const it = proposals_.find(motion);
  if (it == proposals_.end()) return std::nullopt;
  for (auto const& [round, slots] : it->second.responses)
    if (auto const slot = slots.find(member);
        slot != slots.end() && is_final(slot->second.response.position))
      return slot->second.response.position;
  return std::nullopt;
}

std::optional<Position> Ledger::own_final(Hash const& motion) const {
  for (auto const& [round, answers] : own_responses_)
    if (auto const it = answers.find(motion); it != answers.end() && is_final(it->second.position))
      return it->second.position;
  return std::nullopt;
}

std::optional<Hash> Ledger::own_lock(std::uint32_t round) const {
  auto const answers = own_responses_.find(round);
  if (answers == own_responses_.end()) return std::nullopt;
  for (auto const& [motion, response] : answers->second)
    if (is_favourable(response.position)) return motion;
  return std::nullopt;
}

Result<Response> Ledger::response_to(Hash const& motion, Position position,
                                     std::string text) const {
  auto const* proposal = known(motion);
  if (proposal == nullptr) return no_motion();
  Response out;
  out.motion = motion;
  out.round = open_round();
  out.position = position;
  out.text = std::move(text);
  if (is_favourable(position)) out.next_head = proposal->next_digest;
  return out;
}

Result<Adoption> Ledger::adoption_of(Hash const& motion) const {
  auto const* proposal = known(motion);
  if (proposal == nullptr) return no_motion();
  std::uint32_t const round = open_round();
  return Adoption{motion, round, proposal->next_digest, own_response(*proposal, round)};
}

Hash Ledger::own_response(Proposal const& proposal, std::uint32_t round) const {
  auto const slots = proposal.responses.find(round);
  if (slots == proposal.responses.end()) return {};
  auto const slot = slots->second.find(self_);
  return slot == slots->second.end() ? Hash{} : statement_digest(slot->second.statement);
}

RoundChange Ledger::round_change() const {
  return {open_round(), own_adopted_.value_or(Hash{})};
}

std::vector<Body> Ledger::due(UnixMs now_ms) const {
  std::vector<Body> out;
  std::uint32_t const round = open_round();
  auto const wish = [&](Body body) {
    if (may_say(body, signer_of(body))) out.push_back(std::move(body));
  };
  for (auto const& id : order_) {
    Proposal const& proposal = proposals_.at(id);
    if (held(proposal, round))
      wish(Adoption{id, round, proposal.next_digest, own_response(proposal, round)});
    auto const before = own_final(id);
    bool const bound = own_adopted_ == id || (round > 0 && bound_.contains(round - 1) &&
                                              bound_.at(round - 1).contains(id));
    if (bound && before && is_favourable(*before)) {
      for (auto const& [earlier, answers] : own_responses_)
        if (auto const it = answers.find(id);
            earlier < round && it != answers.end() && is_final(it->second.position)) {
          Response again = it->second;
          again.round = round;
          wish(std::move(again));
          break;
        }
    }
    if (proposal.motion->standing_class.empty() || proposal.motion->deadline_ms == 0 ||
        proposal.replied.contains(self_))
      continue;
    auto const* rule = community_.head.rules.standing_class(proposal.motion->standing_class);
    if (rule == nullptr || now_ms < std::max(proposal.motion->deadline_ms,
                                             proposal.seen_ms + rule->wait_days * kDayMs))
      continue;
    for (auto const& [digest, standing] : own_standing_) {
      if (standing.standing_class != rule->name || standing.instrument != rule->instrument ||
          standing.clause != rule->clause || standing.expires_ms <= now_ms ||
          standing.latest_epoch < community_.head.epoch)
        continue;
      Response answer{id, round,  proposal.next_digest, standing.position, {},
                      {}, digest, standing.clause};
      wish(std::move(answer));
      break;
    }
  }
  return out;
}

Result<Decision> Ledger::certificate(Hash const& motion) const {
  auto const* proposal = known(motion);
  if (proposal == nullptr) return no_motion();
  Decision out;
  out.motion = proposal->statement;
  for (auto const& card : community_.head.members) {
    auto const adoption = proposal->adoptions.find(card.member);
    if (adoption == proposal->adoptions.end())
      return refuse(Rule::kR5, "not all members have adopted it");
    auto const* response = response_named(*proposal, card.member, adoption->second.second);
    if (response == nullptr)
      return refuse(Rule::kR5, "a favourable response that an adoption names is not here");
    out.certificate.adoptions.push_back(adoption->second.first);
    out.certificate.responses.push_back(response->statement);
    out.certificate.responses.back().signature = {};
  }
  if (proposal->motion->kind() == MotionKind::kAdmit && !proposal->join_accept)
    return refuse(Rule::kR12, "the join-accept is not here");
  out.certificate.join_accept = proposal->join_accept;
  return out;
}

Ledger::Slot const* Ledger::response_named(Proposal const& proposal, MemberId const& member,
                                           Adoption const& adoption) const {
  if (adoption.next_head != proposal.next_digest) return nullptr;
  auto const slots = proposal.responses.find(adoption.round);
  if (slots == proposal.responses.end()) return nullptr;
  auto const slot = slots->second.find(member);
  bool const named = slot != slots->second.end() && counts(proposal, member, slot->second) &&
                     statement_digest(slot->second.statement) == adoption.response;
  return named ? &slot->second : nullptr;
}

Stage Ledger::stage_of(Hash const& motion, Proposal const& proposal) const {
  if (certificate(motion)) return Stage::kCertified;
  for (auto const& [round, slots] : proposal.responses)
    if (held(proposal, round)) return Stage::kAgreed;
  if (proposal.shelving == ShelvingAct::kWithdraw) return Stage::kWithdrawn;
  if (proposal.superseded) return Stage::kSuperseded;
  if (proposal.shelving == ShelvingAct::kShelve) return Stage::kShelved;
  return Stage::kConsultation;
}

std::vector<Hash> Ledger::motions() const {
  return order_;
}

Result<Statement> Ledger::statement_of(Hash const& motion) const {
  auto const* proposal = known(motion);
  if (proposal == nullptr) return no_motion();
  return proposal->statement;
}

Result<MotionView> Ledger::view(Hash const& motion) const {
  auto const* proposal = known(motion);
  if (proposal == nullptr) return no_motion();
  MotionView out;
  out.id = motion;
  out.kind = proposal->motion->kind();
  out.motion = *proposal->motion;
  out.next_head = proposal->next_digest;
  out.stage = stage_of(motion, *proposal);
  out.round = open_round();
  out.replied = proposal->replied.size();
  out.entitled = community_.head.members.size();
  for (auto const& [round, slots] : proposal->responses)
    if (auto const slot = slots.find(self_); slot != slots.end())
      out.own = slot->second.response.position;
  out.own_adopted = proposal->adoptions.contains(self_);
  out.declared = proposal->declared && out.stage == Stage::kCertified;
  out.comments = proposal->comments.size();
  return out;
}

Result<std::vector<Ledger::Remarked>> Ledger::comments(Hash const& motion) const {
  auto const* proposal = known(motion);
  if (proposal == nullptr) return no_motion();
  return proposal->comments;
}

Result<std::vector<MemberId>> Ledger::outstanding(Hash const& motion) const {
  if (self_ != community_.head.chair)
    return refuse(Rule::kR9, "who has not replied is for the chair's eyes");
  auto const* proposal = known(motion);
  if (proposal == nullptr) return no_motion();
  std::vector<MemberId> out;
  for (auto const& card : community_.head.members)
    if (!proposal->replied.contains(card.member)) out.push_back(card.member);
  return out;
}

Result<std::vector<Ledger::Remarked>> Ledger::reasons(Hash const& motion) const {
  if (self_ != community_.head.chair)
    return refuse(Rule::kR9, "reasons that were not opened are for the chair's eyes");
  auto const* proposal = known(motion);
  if (proposal == nullptr) return no_motion();
  return proposal->reasons;
}

}  // namespace amic::consent
