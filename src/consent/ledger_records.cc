// Meetings and the handover of the chair: records that outlive the head on which they were signed.
#include <algorithm>
#include <tuple>

#include "base/limits.h"
#include "consent/ledger.h"

namespace amic::consent {

namespace {

bool is_open(Stage stage) {
  return stage == Stage::kConsultation || stage == Stage::kShelved || stage == Stage::kAgreed;
}

template <class T>
bool said_before(T const& a, T const& b) {
  return std::tie(a.epoch, a.author_seq) < std::tie(b.epoch, b.author_seq);
}

}  // namespace

// ---- what comes in ------------------------------------------------------------------------------

// A record that was signed before its author had seen the latest decisions.
Result<Taken> Ledger::take_past(Statement const& statement) {
  if (!is_record(statement.kind) || statement.author == self_) return Taken{};
  auto const past = std::find_if(past_heads_.begin(), past_heads_.end(),
                                 [&](PastHead const& one) { return one.digest == statement.head; });
  if (past == past_heads_.end()) return Taken{};
  AMIC_TRY_VOID(verify_statement(statement, community_.id, past->head, past->digest));
  Hash const digest = statement_digest(statement);
  Numbers& numbers = numbers_[*signer_key(past->head, statement.author, statement.signer)];
  if (auto const same = numbers.find(statement.author_seq); same != numbers.end()) {
    if (same->second == digest) return Taken{};
    return refuse(Rule::kR2, "another statement has this number");
  }
  Budget& budget = budgets_[statement.author];
  if (budget.statements >= limits::kStatementsPerMemberMax ||
      budget.bytes + statement.body.size() > limits::kStatementBytesPerMemberMax)
    return fail(Code::kOverloaded, "statement.author",
                statement.author.str() + " has said more on this head than is kept");
  AMIC_TRY(Body const body, body_of(statement));
  AMIC_TRY_VOID(admissible_record(statement, body, past->head));
  numbers[statement.author_seq] = digest;
  ++budget.statements;
  budget.bytes += statement.body.size();
  record_record(statement, body);
  Taken out;
  out.news = true;
  return out;
}

Result<void> Ledger::replay_record(BytesView bytes) {
  AMIC_TRY(Statement const statement, decode_statement(bytes));
  if (!is_record(statement.kind))
    return fail(Code::kUnsupported, "statement.kind", "not a meeting or a handover");
  if (statement.community != community_.id)
    return fail(Code::kUnknownCommunity, "statement.community", "of another community");
  if (statement.epoch > community_.head.epoch)
    return fail(Code::kUnknownEpoch, "statement.epoch", "replayed before its decision");
  if (statement.epoch == community_.head.epoch) {
    if (statement.author == self_ && !kept_.contains(statement_digest(statement)))
      return fail(Code::kUnknownEpoch, "statement", "replay the journal first");
    AMIC_TRY_VOID(take(bytes, statement.author, statement.created_ms));
    return {};
  }
  AMIC_TRY(Body const body, body_of(statement));
  if (auto const* meeting = std::get_if<Meeting>(&body)) {
    keep_meeting(statement, *meeting);
    return {};
  }
  // Of a change of the chair that is past, nothing is shown any more.
  if (!chair_change_ || statement.epoch < chair_change_->epoch) return {};
  Hash const digest = statement_digest(statement);
  auto const there = [&](auto const& list) {
    return std::any_of(list.begin(), list.end(), [&](auto const& s) { return s.digest == digest; });
  };
  if (there(handovers_) || there(accepts_)) return {};
  AMIC_TRY_VOID(admissible_record(statement, body, community_.head));
  record_record(statement, body);
  return {};
}

Result<void> Ledger::admissible_record(Statement const& statement, Body const& body,
                                       Head const& its_head) const {
  if (auto const* meeting = std::get_if<Meeting>(&body))
    return admissible_meeting(statement, *meeting, its_head);
  if (auto const* handover = std::get_if<Handover>(&body))
    return admissible_handover(statement.author, *handover);
  return admissible_accept(statement.author, std::get<HandoverAccept>(body));
}

// Revisions of one author grow with the numbers of its statements. So a revision that comes late is
// told from one that is wrong, whatever the order in which they come.
Result<void> Ledger::admissible_meeting(Statement const& statement, Meeting const& meeting,
                                        Head const& its_head) const {
  AMIC_TRY_VOID(may_record(statement.author, meeting, its_head));
  auto const it = meetings_.find({statement.author, meeting.id});
  if (it == meetings_.end()) return {};
  KeptMeeting const& kept = it->second;
  bool const later = std::tie(kept.record.epoch, kept.author_seq) <
                     std::tie(statement.epoch, statement.author_seq);
  std::uint32_t const here = kept.record.meeting.revision;
  if (later ? meeting.revision > here : meeting.revision < here) return {};
  return refuse(Rule::kR13, "revision " + std::to_string(meeting.revision) + ", but revision " +
                                std::to_string(here) + " was signed " +
                                (later ? "before it" : "after it"));
}

// The whole community's meetings are recorded by whoever had the chair or was the host, who may
// also finish what it began; a body's by any member.
Result<void> Ledger::may_record(MemberId const& author, Meeting const& meeting,
                                Head const& its_head) const {
  bool const may = !meeting.body.empty() || author == its_head.chair || author == its_head.host ||
                   (chair_change_ && author == chair_change_->outgoing) ||
                   meetings_.contains({author, meeting.id});
  if (!may)
    return refuse(Rule::kR13, "meetings of the whole community are recorded by chair or host");
  if (auto const* minutes = known(meeting.minutes_motion);
      minutes != nullptr && !agrees_minutes(meeting, *minutes->motion))
    return refuse(Rule::kR13, "the motion that it names does not adopt these minutes");
  return {};
}

Result<void> Ledger::admissible_handover(MemberId const& author, Handover const& handover) const {
  AMIC_TRY_VOID(check_handover(handover, author, chair_change_));
  if (accept_in_force() != nullptr)
    return refuse(Rule::kR14, "the chair has been handed over already");
  if (handovers_.size() >= limits::kHandoversMax)
    return fail(Code::kOverloaded, "handover", "too many for one change of the chair");
  return {};
}

Result<void> Ledger::admissible_accept(MemberId const& author, HandoverAccept const& accept) const {
  AMIC_TRY_VOID(check_accept_author(author, chair_change_));
  if (accept_in_force() != nullptr)
    return refuse(Rule::kR14, "the chair has been handed over already");
  auto const* handover = handover_named(accept.handover);
  if (handover != nullptr && inventory_sha256(handover->body.inventory) != accept.inventory_sha256)
    return refuse(Rule::kR14, "another inventory than the one that was handed over");
  if (accepts_.size() >= limits::kHandoversMax)
    return fail(Code::kOverloaded, "handover_accept", "too many for one change of the chair");
  return {};
}

void Ledger::record_record(Statement const& statement, Body const& body) {
  Hash const digest = statement_digest(statement);
  if (auto const* meeting = std::get_if<Meeting>(&body)) {
    keep_meeting(statement, *meeting);
  } else if (auto const* handover = std::get_if<Handover>(&body)) {
    handovers_.push_back(
        {*handover, digest, statement.epoch, statement.author_seq, statement.created_ms});
  } else if (auto const* accept = std::get_if<HandoverAccept>(&body)) {
    accepts_.push_back(
        {*accept, digest, statement.epoch, statement.author_seq, statement.created_ms});
  }
}

void Ledger::keep_meeting(Statement const& statement, Meeting const& meeting) {
  MeetingKey const key{statement.author, meeting.id};
  auto const there = meetings_.find(key);
  if (there != meetings_.end() && there->second.record.meeting.revision >= meeting.revision) return;
  meetings_.insert_or_assign(key,
                             KeptMeeting{{statement.author, statement.created_ms, statement.epoch,
                                          statement_digest(statement), meeting},
                                         statement.author_seq,
                                         statement.body.size()});
  drop_oldest_meetings(statement.author);
}

void Ledger::drop_oldest_meetings(MemberId const& author) {
  while (true) {
    std::size_t count = 0, bytes = 0;
    auto oldest = meetings_.end();
    for (auto it = meetings_.lower_bound({author, {}});
         it != meetings_.end() && it->first.first == author; ++it) {
      ++count;
      bytes += it->second.bytes;
      if (oldest == meetings_.end() ||
          it->second.record.meeting.start_ms < oldest->second.record.meeting.start_ms)
        oldest = it;
    }
    if (count <= limits::kMeetingsPerMemberMax && bytes <= limits::kMeetingBytesPerMemberMax)
      return;
    meetings_.erase(oldest);
  }
}

// ---- from head to head --------------------------------------------------------------------------

void Ledger::end_of_head(Decided const& decided) {
  past_heads_.push_back({community_.head, community_.head_digest});
  while (past_heads_.size() > limits::kPastHeadsMax) past_heads_.pop_front();
  used_keys_.add(decided.next);
  auto change = chair_change(chair_change_, community_.head, decided.next, decided.motion);
  if (change != chair_change_) {
    past_motions_.clear();
    handovers_.clear();
    accepts_.clear();
    past_known_ = true;
  }
  chair_change_ = std::move(change);
  if (chair_change_) keep_past_motions(decided);
}

void Ledger::keep_past_motions(Decided const& decided) {
  for (auto const& id : order_) {
    Proposal const& proposal = proposals_.at(id);
    past_motions_[id] = {{id, stage_of(id, proposal), proposal.motion->title},
                         proposal.motion->proposer,
                         proposal.motion->proposed_ms};
  }
  past_motions_[decided.motion_id] = {{decided.motion_id, Stage::kCertified, decided.motion.title},
                                      decided.motion.proposer,
                                      decided.motion.proposed_ms};
  while (past_motions_.size() > limits::kPastMotionsMax)
    past_motions_.erase(std::min_element(
        past_motions_.begin(), past_motions_.end(),
        [](auto const& a, auto const& b) { return a.second.proposed_ms < b.second.proposed_ms; }));
}

bool Ledger::open_again(PastMotion const& past) const {
  return std::any_of(order_.begin(), order_.end(), [&](Hash const& id) {
    Motion const& motion = *proposals_.at(id).motion;
    return motion.proposer == past.proposer && motion.title == past.motion.title;
  });
}

// ---- what is shown ------------------------------------------------------------------------------

std::vector<MeetingRecord> Ledger::meetings() const {
  std::vector<MeetingRecord> out;
  for (auto const& [key, kept] : meetings_) out.push_back(kept.record);
  std::stable_sort(out.begin(), out.end(), [](MeetingRecord const& a, MeetingRecord const& b) {
    return a.meeting.start_ms < b.meeting.start_ms;
  });
  return out;
}

Result<MeetingRecord> Ledger::meeting(MemberId const& author, MeetingId const& id) const {
  auto const it = meetings_.find({author, id});
  if (it == meetings_.end()) return fail(Code::kNotFound, "meeting", "no such meeting");
  return it->second.record;
}

Inventory Ledger::inventory(std::vector<OpenRequest> requests) const {
  std::map<Hash, OpenMotion> open;
  for (auto const& [id, past] : past_motions_)
    if (is_open(past.motion.stage) && !open_again(past)) open[id] = past.motion;
  for (auto const& id : order_) {
    Proposal const& proposal = proposals_.at(id);
    Stage const stage = stage_of(id, proposal);
    if (is_open(stage)) open[id] = {id, stage, proposal.motion->title};
  }
  Inventory out;
  for (auto& [id, one] : open)
    if (out.motions.size() < limits::kInventoryMotionsMax) out.motions.push_back(std::move(one));
  std::sort(requests.begin(), requests.end(),
            [](OpenRequest const& a, OpenRequest const& b) { return a.id < b.id; });
  out.requests = std::move(requests);
  return out;
}

Result<Handover> Ledger::handover_of(std::vector<OpenRequest> requests, std::string note) const {
  if (!chair_change_) return refuse(Rule::kR14, "no chair motion has changed the chair");
  return Handover{chair_change_->incoming, chair_change_->motion, inventory(std::move(requests)),
                  std::move(note)};
}

Result<HandoverAccept> Ledger::accept_of(std::string note) const {
  auto const* handover = handover_in_force();
  if (handover == nullptr)
    return fail(Code::kNotFound, "handover", "the outgoing chair has not signed");
  return HandoverAccept{handover->digest, inventory_sha256(handover->body.inventory),
                        std::move(note)};
}

Ledger::Signed<Handover> const* Ledger::handover_named(Hash const& digest) const {
  for (auto const& one : handovers_)
    if (one.digest == digest) return &one;
  return nullptr;
}

Ledger::Signed<HandoverAccept> const* Ledger::accept_in_force() const {
  Signed<HandoverAccept> const* out = nullptr;
  for (auto const& one : accepts_) {
    auto const* handover = handover_named(one.body.handover);
    if (handover == nullptr ||
        inventory_sha256(handover->body.inventory) != one.body.inventory_sha256)
      continue;
    if (out == nullptr || said_before(one, *out)) out = &one;
  }
  return out;
}

Ledger::Signed<Handover> const* Ledger::handover_in_force() const {
  if (auto const* accept = accept_in_force()) return handover_named(accept->body.handover);
  Signed<Handover> const* out = nullptr;
  for (auto const& one : handovers_)
    if (out == nullptr || said_before(*out, one)) out = &one;
  return out;
}

std::vector<InventoryDifference> Ledger::differences(Signed<Handover> const& handover) const {
  std::vector<InventoryDifference> out;
  std::set<Hash> listed;
  for (auto const& one : handover.body.inventory.motions) {
    listed.insert(one.motion);
    std::string const* title = nullptr;
    if (auto const* proposal = known(one.motion)) title = &proposal->motion->title;
    if (auto const past = past_motions_.find(one.motion); past != past_motions_.end())
      title = &past->second.motion.title;
    if (title == nullptr && past_known_)
      out.push_back({InventoryFault::kNotHere, one.motion, one.title});
    if (title != nullptr && *title != one.title)
      out.push_back({InventoryFault::kOtherTitle, one.motion, one.title});
  }
  for (auto const& one : inventory().motions) {
    if (listed.contains(one.motion)) continue;
    auto const* proposal = known(one.motion);
    UnixMs const proposed = proposal != nullptr ? proposal->motion->proposed_ms
                                                : past_motions_.at(one.motion).proposed_ms;
    if (proposed <= handover.created_ms)
      out.push_back({InventoryFault::kNotListed, one.motion, one.title});
  }
  return out;
}

HandoverView Ledger::handover() const {
  HandoverView out;
  out.change = chair_change_;
  if (!chair_change_) return out;
  out.state = HandoverState::kAwaited;
  auto const* handover = handover_in_force();
  if (handover == nullptr) return out;
  out.state = HandoverState::kPending;
  out.handover = handover->body;
  out.digest = handover->digest;
  out.signed_ms = handover->created_ms;
  if (auto const* accept = accept_in_force()) {
    out.state = HandoverState::kComplete;
    out.accept = accept->body;
    out.accepted_ms = accept->created_ms;
  }
  out.differences = differences(*handover);
  if (!out.differences.empty()) out.state = HandoverState::kMismatch;
  return out;
}

// ---- may we say this? ---------------------------------------------------------------------------

Result<void> Ledger::check_own(Meeting const& meeting) const {
  AMIC_TRY_VOID(check_meeting(meeting));
  AMIC_TRY_VOID(may_record(self_, meeting, community_.head));
  auto const it = meetings_.find({self_, meeting.id});
  std::uint32_t const next = it == meetings_.end() ? 1 : it->second.record.meeting.revision + 1;
  if (meeting.revision != next)
    return refuse(Rule::kR13, "revision " + std::to_string(next) + " comes next");
  return {};
}

Result<void> Ledger::check_own(Handover const& handover) const {
  AMIC_TRY_VOID(check_form(handover));
  AMIC_TRY_VOID(admissible_handover(self_, handover));
  if (handover.inventory.motions != inventory().motions)
    return refuse(Rule::kR14, "the inventory is not what is open here");
  return {};
}

Result<void> Ledger::check_own(HandoverAccept const& accept) const {
  AMIC_TRY_VOID(check_form(accept));
  if (handover_named(accept.handover) == nullptr)
    return refuse(Rule::kR14, "this handover is not here");
  return admissible_accept(self_, accept);
}

}  // namespace amic::consent
