// Operations of originators on their items: how they add up, and what they do to the index.
#include <algorithm>
#include <tuple>
#include <utility>

#include "holdings/draft.h"

namespace amic::holdings {
namespace {

using store::Duty;
using store::ItemState;
using store::OperationRow;
using store::ReplyRow;

bool for_good(ItemState state) {
  return state == ItemState::kRecalled || state == ItemState::kRemoved;
}

// Of two statements with the same counter the one whose envelope has the smaller digest holds.
bool later(std::uint64_t a, Hash const& a_digest, std::uint64_t b, Hash const& b_digest) {
  if (a != b) return a > b;
  return std::lexicographical_compare(a_digest.view().begin(), a_digest.view().end(),
                                      b_digest.view().begin(), b_digest.view().end());
}

ItemState state_of(OperationContext const& context) {
  if (context.recalled) return ItemState::kRecalled;
  if (context.narrowed && !context.ours) return ItemState::kRemoved;
  return context.retracted ? ItemState::kRetracted : ItemState::kActive;
}

OperationRow row_of(OperationContext const& context, store::AudienceId audience) {
  OperationRow row;
  row.target = context.target;
  row.item = context.item;
  row.originator = context.originator;
  row.counter = context.counter;
  row.kind = context.kind;
  row.digest = context.digest;
  row.seq = context.seq;
  row.at_ms = context.at_ms;
  row.reason = context.reason;
  row.audience = audience;
  row.state = state_of(context);
  row.precedence = context.precedence;
  row.updated_seq = context.seq;
  if (!context.ours && for_good(row.state)) {
    row.demand_counter = context.counter;
    row.demand = context.digest;
  }
  return row;
}

// What stays to be done after a demand has come: nothing more once all is destroyed.
Duty next_duty(Duty before, bool new_demand, bool here) {
  if (!new_demand || before == Duty::kComplied) return before;
  return here ? Duty::kDue : Duty::kWaiting;
}

Duty duty_after(std::uint8_t outcome) {
  switch (outcome) {
    case 1:
      return Duty::kAsked;
    case 2:
      return Duty::kRefused;
    default:
      return Duty::kComplied;
  }
}

}  // namespace

OperationRow merge(OperationRow const& a, OperationRow const& b) {
  bool const a_later = later(a.counter, a.digest, b.counter, b.digest);
  OperationRow out = a_later ? a : b;
  if (for_good(a.state) || for_good(b.state)) {
    bool const recalled = a.state == ItemState::kRecalled || b.state == ItemState::kRecalled;
    out.state = recalled ? ItemState::kRecalled : ItemState::kRemoved;
  }
  bool const a_demands =
      a.demand_counter != 0 &&
      (b.demand_counter == 0 || later(a.demand_counter, a.demand, b.demand_counter, b.demand));
  out.demand_counter = a_demands ? a.demand_counter : b.demand_counter;
  out.demand = a_demands ? a.demand : b.demand;
  out.duty = std::max(a.duty, b.duty);
  out.updated_seq = std::max(a.updated_seq, b.updated_seq);
  return out;
}

ReplyRow merge(ReplyRow const& a, ReplyRow const& b) {
  // What is destroyed stays so; else the answer to the latest operation, a decision before a wait.
  auto const rank = [](ReplyRow const& row) {
    return std::tuple(row.outcome >= 3, row.counter, row.outcome, -row.at_ms);
  };
  return rank(a) > rank(b) ? a : b;
}

// The item as the operation leaves it: its objects out, or placed anew at the end of the feed,
// where whoever follows it will see them again or for the first time.
Result<void> Indexer::change(OperationRow const& now, OperationTarget const& target,
                             std::uint64_t at_seq, UnixMs at_ms) {
  bool const in_view = now.state == ItemState::kActive;
  Draft draft;
  draft.audience = now.audience;
  draft.end = end_;
  draft.placed_seq = at_seq;
  draft.at_ms = at_ms;
  draft.item = item_row(target.item, now.audience);
  draft.item.state = now.state;
  if (target.erased) {
    draft.item.precedence = Precedence::kRoutine;
    draft.item.created_ms = draft.item.received_ms;
    draft.item.media_type.clear();
    if (in_view) draft.item.state = ItemState::kErased;
  }
  if (!in_view || target.erased)
    draft.item.title.clear();
  else if (is_stix(target.item.media_type))
    AMIC_TRY_VOID(add_objects(draft, target.item, target.body));
  pending_.changes.push_back({at_seq, draft.item});
  commit(std::move(draft), at_seq);
  return {};
}

Result<void> Indexer::operate(OperationContext const& context, OperationTarget const* target) {
  AMIC_TRY_VOID(load());
  if (context.seq <= upto_) return {};
  AMIC_TRY_VOID(flush());
  AMIC_TRY(store::AudienceId const audience, audience_of(context.marking));
  AMIC_TRY(auto const before, store_.operation(context.target, context.originator));
  OperationRow now = row_of(context, audience);
  bool const demands = now.demand_counter != 0;
  if (before) now = merge(*before, now);
  bool const new_demand = demands && now.demand == context.digest;
  now.duty = next_duty(before ? before->duty : Duty::kNone, new_demand, target != nullptr);
  if (new_demand && context.said != 0 && now.duty != Duty::kComplied)
    now.duty = duty_after(context.said);
  now.updated_seq = context.seq;
  store::FeedEnd const reserved{end_.ord + kOperationSpan,
                                std::max(context.received_ms * 1000, end_.added_us) +
                                    static_cast<std::int64_t>(kOperationSpan)};
  bool const same = before && before->audience == now.audience && before->state == now.state;
  if (target != nullptr && !same)
    AMIC_TRY_VOID(change(now, *target, context.seq, context.received_ms));
  else
    advance(context.seq);
  if (!context.retracted && !context.recalled && !(context.narrowed && !context.ours)) {
    end_ = reserved;
    pending_.end = end_;
  }
  pending_.operations.push_back(std::move(now));
  return flush();
}

Result<void> Indexer::reply(ReplyContext const& context) {
  AMIC_TRY_VOID(load());
  if (context.seq <= upto_) return {};
  AMIC_TRY_VOID(flush());
  if (context.ours) {
    AMIC_TRY(auto operation, store_.operation(context.target, context.originator));
    // An answer to an earlier operation does not settle what a later one asks.
    bool const settles = operation && operation->duty != Duty::kComplied &&
                         (context.outcome == 3 || operation->demand == context.operation);
    if (settles) {
      operation->duty = duty_after(context.outcome);
      operation->updated_seq = context.seq;
      pending_.operations.push_back(std::move(*operation));
    }
  } else {
    ReplyRow row{context.target, context.member, context.counter, context.outcome,
                 context.at_ms,  context.done,   context.reason,  context.seq};
    AMIC_TRY(auto const known, store_.replies(context.target));
    for (ReplyRow const& other : known)
      if (other.member == row.member) row = merge(other, row);
    if (row.seq == context.seq) pending_.replies.push_back(std::move(row));
  }
  advance(context.seq);
  return flush();
}

}  // namespace amic::holdings
