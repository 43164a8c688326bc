// What members say, and how it is remembered. Own words take the same way, so that a member is
// bound by what it said exactly as others are.
#include <algorithm>

#include "base/limits.h"
#include "consent/ledger.h"

namespace amic::consent {

namespace {

// The motion that a statement is about; zero: none.
Hash subject(Body const& body) {
  return std::visit(
      [](auto const& one) -> Hash {
        if constexpr (requires { one.motion; })
          return one.motion;
        else
          return {};
      },
      body);
}

Statement kept_form(Statement const& statement) {
  Statement out = statement;
  if (out.kind == StatementKind::kMotion) out.body.clear();
  return out;
}

Taken news() {
  Taken out;
  out.news = true;
  return out;
}

Taken waiting(bool is_new) {
  Taken out;
  out.news = is_new;
  out.waits = true;
  return out;
}

bool is_answer(StatementKind kind) {
  return kind == StatementKind::kResponse || kind == StatementKind::kAdoption;
}

}  // namespace

Result<Taken> Ledger::take(BytesView bytes, MemberId const& from, UnixMs now_ms) {
  AMIC_TRY(Statement const statement, decode_statement(bytes));
  if (statement.community != community_.id)
    return fail(Code::kUnknownCommunity, "statement.community", "of another community");
  if (statement.kind == StatementKind::kHeadStatus) return take_status(statement);
  if (statement.epoch > community_.head.epoch) return keep_waiting(bytes, from, now_ms);
  if (statement.epoch < community_.head.epoch) return take_past(statement);
  if (statement.head != community_.head_digest)
    return fail(Code::kConflict, refusal(Rule::kR1, {}).where,
                statement.author.str() + " is on another head of this epoch: stop and ask people");
  return take_current(statement, now_ms);
}

Result<Taken> Ledger::keep_waiting(BytesView bytes, MemberId const& from, UnixMs now_ms) {
  std::size_t count = 0, size = bytes.size();
  for (auto const& one : waiting_) {
    if (one.from != from) continue;
    ++count;
    size += one.bytes.size();
    if (equal(one.bytes, bytes)) return waiting(false);
  }
  if (count >= limits::kFutureStatementsMax || size > limits::kFutureBytesMax)
    return fail(Code::kOverloaded, "statement.epoch",
                "too much of later heads waits here; fetch the decisions first");
  waiting_.push_back({from, now_ms, to_bytes(bytes)});
  return waiting(true);
}

Result<Taken> Ledger::take_status(Statement const& statement) {
  auto const* key = signer_key(community_.head, statement.author, Signer::kNode);
  if (key == nullptr)
    return fail(Code::kUnknownMember, "statement.author", "not a member of the head in force");
  if (!crypto::verify(*key, signed_message(statement), statement.signature))
    return fail(Code::kBadSignature, "statement.signature", "not signed by the member's node");
  AMIC_TRY(Body const body, body_of(statement));
  auto const& status = std::get<HeadStatus>(body);
  Taken out = news();
  out.waits = statement.epoch > community_.head.epoch;
  if (status.challenge.is_zero() || status.challenge != challenge_ || statement.author == self_)
    return out;
  crypto::VerifyKey const own = own_key(Signer::kGovernance);
  for (auto const& row : status.rows) {
    if (row.member != self_ || row.key != own) continue;
    auto const& mine = numbers_[own];
    auto const same = mine.find(row.author_seq);
    bool const more = row.author_seq > own_seq();
    if (!more && (same == mine.end() || same->second == row.digest)) continue;
    if (trust_ != Trust::kUnchecked || doubted_) continue;
    doubted_ = true;
    trust_reason_ = statement.author.str() + " says that it holds statement " +
                    std::to_string(row.author_seq) + " of this member, which is not here";
  }
  answered_.insert(statement.author);
  clear_if_all_answered();
  return out;
}

void Ledger::clear_if_all_answered() {
  if (trust_ != Trust::kUnchecked || doubted_ || challenge_.is_zero()) return;
  for (auto const& card : community_.head.members)
    if (card.member != self_ && !answered_.contains(card.member)) return;
  trust_ = Trust::kClear;
  trust_reason_.clear();
}

Result<Taken> Ledger::take_current(Statement const& statement, UnixMs now_ms) {
  Hash const digest = statement_digest(statement);
  if (auto const there = kept_.find(digest); there != kept_.end()) {
    bool const mine = unsigned_.contains(digest);
    if (mine &&
        crypto::verify(unsigned_.at(digest).key_, signed_message(statement), statement.signature))
      attach_signature(statement);
    return Taken{};
  }
  AMIC_TRY_VOID(
      verify_statement(statement, community_.id, community_.head, community_.head_digest));
  // Whatever it says: this key has said something that is not remembered, so it is never refused.
  bool const forgotten = statement.author == self_ && statement.signer == Signer::kGovernance;
  Taken out = news();
  if (forgotten) freeze("a statement of this member came back that is not remembered here", out);
  auto const recorded = record_checked(statement, now_ms, out);
  if (!recorded && !forgotten) return fail(recorded.error());
  return out;
}

Result<void> Ledger::record_checked(Statement const& statement, UnixMs now_ms, Taken& out) {
  Numbers& numbers = numbers_[*signer_key(community_.head, statement.author, statement.signer)];
  auto const same = numbers.find(statement.author_seq);
  if (same != numbers.end()) {
    out.news = false;
    find_contradictions(statement, out);
    return {};
  }
  auto const before = numbers.find(statement.author_seq - 1);
  if (before != numbers.end() && before->second != statement.previous)
    return refuse(Rule::kR2, "it does not follow the statement before it");
  Budget& budget = budgets_[statement.author];
  if (budget.statements >= limits::kStatementsPerMemberMax ||
      budget.bytes + statement.body.size() > limits::kStatementBytesPerMemberMax)
    return fail(Code::kOverloaded, "statement.author",
                statement.author.str() + " has said more on this head than is kept");
  AMIC_TRY(Body const body, body_of(statement));
  AMIC_TRY_VOID(admissible(statement, body));
  find_contradictions(statement, out);
  record(statement, body, now_ms);
  return {};
}

Result<Taken> Ledger::take(JoinAccept const& accept) {
  auto const it = proposals_.find(accept.motion);
  if (it == proposals_.end() || !it->second.motion)
    return fail(Code::kNotFound, "join_accept.motion", "no such motion on the head in force");
  auto const* admit = std::get_if<Admit>(&it->second.motion->change);
  if (admit == nullptr) return refuse(Rule::kR12, "the motion admits nobody");
  AMIC_TRY_VOID(verify_join_accept(accept, community_.id, community_.head.epoch,
                                   community_.head_digest, accept.motion, admit->card));
  Taken out;
  out.news = !it->second.join_accept;
  if (out.news) it->second.join_accept = accept;
  return out;
}

// What others may say; whether it counts is a later question.
Result<void> Ledger::admissible(Statement const& statement, Body const& body) const {
  if (auto const* motion = std::get_if<Motion>(&body)) {
    AMIC_TRY_VOID(check_motion_author(*motion, statement.author, community_.head));
    auto const budget = budgets_.find(statement.author);
    if (budget != budgets_.end() && budget->second.motions >= limits::kMotionsPerMemberMax)
      return fail(Code::kOverloaded, "statement", "too many motions of one member on one head");
    if (auto const next = apply(community_.head, *motion); !next)
      return refuse(Rule::kR1, next.error().text());
    return check_fresh_keys(*motion, used_keys_);
  }
  if (is_record(statement.kind)) return admissible_record(statement, body, community_.head);
  if (auto const* remark = std::get_if<Remark>(&body))
    if (remark->to != self_ && statement.author != self_)
      return fail(Code::kNotRecipient, "remark.to", "for another member");
  if (std::holds_alternative<Reason>(body) && statement.author != self_ &&
      community_.head.chair != self_)
    return fail(Code::kNotRecipient, "reason", "for the chair alone");
  if (auto const* evidence = std::get_if<Evidence>(&body))
    return verify_evidence(*evidence, community_.id, community_.head, community_.head_digest);
  auto const* proposal = known(subject(body));
  if (proposal == nullptr) return {};  // looked at again when the motion comes
  if (auto const* response = std::get_if<Response>(&body))
    AMIC_TRY_VOID(check_position(proposal->motion->kind(), response->position));
  if (is_answer(statement.kind) &&
      statement.signer != signer_for(*proposal->motion, statement.author))
    return refuse(Rule::kR11, "not signed by the key that answers here");
  if (auto const* shelving = std::get_if<Shelving>(&body)) {
    bool const chair = statement.author == community_.head.chair;
    if (statement.author != proposal->motion->proposer &&
        (!chair || shelving->act == ShelvingAct::kWithdraw))
      return refuse(Rule::kR9, "only the proposer, and the chair, who may not withdraw it");
  }
  if (std::holds_alternative<Declaration>(body) && statement.author != community_.head.chair)
    return refuse(Rule::kR9, "only the chair declares");
  return {};
}

void Ledger::find_contradictions(Statement const& statement, Taken& out) {
  auto const note = [&](Statement const& other) {
    if (contradiction(other, statement) == nullptr) return;
    Evidence const found{kept_form(other), kept_form(statement)};
    out.evidence.push_back(found);
    if (evidence_.size() < limits::kConsentEvidenceMax) evidence_.push_back(found);
  };
  auto const& key = *signer_key(community_.head, statement.author, statement.signer);
  auto const& numbers = numbers_[key];
  if (auto const same = numbers.find(statement.author_seq); same != numbers.end()) {
    if (auto const kept = kept_.find(same->second); kept != kept_.end()) note(kept->second);
    return;
  }
  if (!is_answer(statement.kind)) return;
  for (auto const& digest : answers_[statement.author]) note(kept_.at(digest));
}

void Ledger::record(Statement const& statement, Body const& body, UnixMs now_ms) {
  Hash const digest = statement_digest(statement);
  auto const* key = signer_key(community_.head, statement.author, statement.signer);
  if (key == nullptr || kept_.contains(digest)) return;
  numbers_[*key][statement.author_seq] = digest;
  kept_[digest] = kept_form(statement);
  if (is_answer(statement.kind)) answers_[statement.author].push_back(digest);
  Budget& budget = budgets_[statement.author];
  ++budget.statements;
  budget.bytes += statement.body.size();
  bool const own = statement.author == self_;
  if (own) bind(body);
  if (auto const* motion = std::get_if<Motion>(&body)) {
    ++budget.motions;
    return record_motion(statement, *motion, now_ms);
  }
  if (auto const* change = std::get_if<RoundChange>(&body)) {
    left_[change->round].insert(statement.author);
    if (!change->adopted.is_zero()) bound_[change->round].insert(change->adopted);
  } else if (auto const* standing = std::get_if<StandingConsent>(&body)) {
    if (own) own_standing_[digest] = *standing;
  } else if (auto const* revocation = std::get_if<StandingRevocation>(&body)) {
    if (own) own_standing_.erase(revocation->standing);
  } else if (auto const* evidence = std::get_if<Evidence>(&body)) {
    bool const there = std::find(evidence_.begin(), evidence_.end(), *evidence) != evidence_.end();
    if (!there && evidence_.size() < limits::kConsentEvidenceMax) evidence_.push_back(*evidence);
  } else if (is_record(statement.kind)) {
    record_record(statement, body);
  } else if (Hash const about = subject(body); !about.is_zero()) {
    Proposal& proposal = proposals_[about];
    if (proposal.motion)
      record_on(proposal, statement, body);
    else
      proposal.early.push_back(statement);
  }
}

// Own words bind from the moment they are remembered, whatever else is here.
void Ledger::bind(Body const& own_words) {
  if (auto const* adoption = std::get_if<Adoption>(&own_words)) own_adopted_ = adoption->motion;
  auto const* response = std::get_if<Response>(&own_words);
  if (response == nullptr) return;
  auto const [slot, is_new] =
      own_responses_[response->round].try_emplace(response->motion, *response);
  if (!is_new && !is_final(slot->second.position)) slot->second = *response;
}

void Ledger::record_motion(Statement const& statement, Motion const& motion, UnixMs now_ms) {
  Hash const id = motion_id(statement.body);
  Proposal& proposal = proposals_[id];
  if (proposal.motion) return;  // the same text, filed twice
  auto next = apply(community_.head, motion);
  if (!next) return;
  proposal.motion = motion;
  proposal.statement = statement;
  proposal.next_digest = head_digest(encode(*next));
  proposal.next = std::move(*next);
  proposal.seen_ms = now_ms;
  order_.push_back(id);
  // A revision that came before what it revises has said so already.
  for (auto const& [other, one] : proposals_)
    if (one.motion && one.motion->supersedes == id) proposal.superseded = true;
  if (auto const before = proposals_.find(motion.supersedes); before != proposals_.end())
    before->second.superseded = true;
  auto const early = std::move(proposal.early);
  proposal.early.clear();
  for (auto const& one : early) {
    auto const body = body_of(one);
    if (body && admissible(one, *body)) record_on(proposal, one, *body);
  }
}

void Ledger::record_on(Proposal& proposal, Statement const& statement, Body const& body) {
  MemberId const& author = statement.author;
  if (auto const* response = std::get_if<Response>(&body)) {
    proposal.replied.insert(author);
    // The first final word stands; another one is evidence and nothing else.
    auto const before = final_position(response->motion, author);
    if (before && is_final(response->position) && *before != response->position) return;
    auto& slots = proposal.responses[response->round];
    auto const slot = slots.find(author);
    if (slot != slots.end() && is_final(slot->second.response.position)) return;
    slots.insert_or_assign(author, Slot{statement, *response});
  } else if (auto const* adoption = std::get_if<Adoption>(&body)) {
    proposal.adoptions.try_emplace(author, statement, *adoption);
  } else if (auto const* comment = std::get_if<Comment>(&body)) {
    proposal.comments.push_back(
        {author, statement.created_ms, comment->place, comment->text, std::nullopt});
  } else if (auto const* remark = std::get_if<Remark>(&body)) {
    proposal.comments.push_back({author, statement.created_ms, {}, remark->text, remark->to});
  } else if (auto const* reason = std::get_if<Reason>(&body)) {
    proposal.reasons.push_back({author, statement.created_ms, {}, reason->text, std::nullopt});
  } else if (auto const* shelving = std::get_if<Shelving>(&body)) {
    if (proposal.shelving != ShelvingAct::kWithdraw) proposal.shelving = shelving->act;
  } else if (std::holds_alternative<Declaration>(body)) {
    proposal.declared = true;
  }
}

}  // namespace amic::consent
