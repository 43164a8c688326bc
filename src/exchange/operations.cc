#include "exchange/operations.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "exchange/operation_state.h"

namespace amic::exchange {

Operations::Operations(Exchange& exchange, store::Store& store, Clock const& clock, ComplyMode mode)
    : exchange_(exchange), store_(store), clock_(clock), mode_(mode) {}

struct Operations::Held {
  Hash target;
  marking::Marking shared;  // as it was shared
  std::vector<MemberId> recipients;
  Precedence precedence = Precedence::kRoutine;
  std::optional<OperationState> last;

  marking::Marking const& marking() const { return last ? last->operation.marking : shared; }
  Standing standing() const { return last ? last->operation.standing : Standing::kInView; }
};

Result<Operations::Held> Operations::find_ours(EnvelopeId const& item) {
  AMIC_TRY(auto const record, store_.log_find(item));
  if (!record) return fail(Code::kNotFound, "item", "no such item here");
  if (record->kind != store::RecordKind::kEnvelopeOut)
    return fail(Code::kForbidden, "item", "only the member that shared it may");
  if (record->shredded) return fail(Code::kNotFound, "item", "its contents were erased here");
  AMIC_TRY(auto const contents, exchange_.open_record(*record));
  if (contents.kind != envelope::Kind::kItem && contents.kind != envelope::Kind::kAnnotation)
    return fail(Code::kNotFound, "item", "this is a statement, not an item");
  Held out;
  out.target = record->digest;
  out.precedence = contents.precedence;
  AMIC_TRY(out.shared, marking::decode(contents.marking));
  auto const roster = exchange_.community().head.roster();
  for (MemberId const& member : contents.recipients)
    if (roster.contains(member)) out.recipients.push_back(member);
  AMIC_TRY(out.last, load_operation_state(store_, item));
  // What peers gave back after a restore is in the log, and so in the index, but not noted.
  AMIC_TRY(auto const indexed, store_.operation(out.target, exchange_.self()));
  if (indexed && (!out.last || out.last->operation.counter < indexed->counter)) {
    AMIC_TRY(auto const records, store_.log_read(indexed->seq, 1, limits::kEnvelopeBytesMax));
    if (records.empty()) return fail(Code::kCorrupt, "log", "an operation that is not there");
    AMIC_TRY(auto const latest, exchange_.open_record(records.front()));
    AMIC_TRY(auto operation, read_operation(latest));
    out.last = OperationState{latest.id, std::move(operation)};
  }
  return out;
}

namespace {

Result<marking::Marking> narrowed(marking::Marking marking, std::set<MemberId> const& to) {
  if (to.empty())
    return fail(Code::kNoRecipients, "to", "to take it back from everybody, recall it");
  bool const fewer =
      to.size() < marking.rel_to.size() &&
      std::includes(marking.rel_to.begin(), marking.rel_to.end(), to.begin(), to.end());
  if (!fewer) return fail(Code::kOutOfRange, "to", "some, but not all, of those who have it");
  marking.rel_to = to;
  return marking;
}

Result<marking::Marking> remarked(marking::Marking const& now,
                                  std::optional<marking::Marking> wanted) {
  if (!wanted) return fail(Code::kMissingField, "marking", "say how it may be used from now on");
  wanted->realm = now.realm;
  wanted->rel_to = now.rel_to;
  AMIC_TRY_VOID(marking::check(*wanted));
  if (*wanted == now) return fail(Code::kConflict, "marking", "that is its marking already");
  return std::move(*wanted);
}

}  // namespace

Result<Operations::Ours> Operations::ours(EnvelopeId const& item) {
  AMIC_TRY(auto const held, find_ours(item));
  return Ours{held.target, held.marking(), held.standing() == Standing::kInView,
              held.recipients.empty(), held.precedence};
}

Result<Operation> Operations::next(Held const& held, OperateRequest const& request) const {
  Operation out;
  out.kind = request.kind;
  out.item = request.item;
  out.target = held.target;
  out.counter = held.last ? held.last->operation.counter + 1 : 1;
  out.at_ms = clock_.now_ms();
  out.standing = held.standing();
  out.marking = held.marking();
  out.reason = request.reason;
  if (out.standing == Standing::kRecalled && out.kind != OperationKind::kRecall)
    return fail(Code::kConflict, "item", "it was recalled, and that is final");
  switch (out.kind) {
    case OperationKind::kRetract:
      if (out.standing == Standing::kRetracted)
        return fail(Code::kConflict, "item", "it is retracted already");
      out.standing = Standing::kRetracted;
      break;
    case OperationKind::kRecall:
      out.standing = Standing::kRecalled;
      break;
    case OperationKind::kNarrow: {
      AMIC_TRY(out.marking, narrowed(std::move(out.marking), request.to));
      break;
    }
    case OperationKind::kRemark: {
      AMIC_TRY(out.marking, remarked(out.marking, request.marking));
      break;
    }
    case OperationKind::kRestore:
      out.standing = Standing::kInView;
      out.marking = held.shared;
      out.marking.rel_to = held.marking().rel_to;  // who has destroyed it can't get it back so
      if (out.standing == held.standing() && out.marking == held.marking())
        return fail(Code::kConflict, "item", "nothing to restore");
      break;
  }
  return out;
}

bool Operations::enter(EnvelopeId const& item) {
  std::lock_guard const lock(mutex_);
  return under_way_.insert(item).second;
}

void Operations::leave(EnvelopeId const& item) {
  std::lock_guard const lock(mutex_);
  under_way_.erase(item);
}

Result<ShareRequest> Operations::prepare(OperateRequest request, Operation& operation,
                                         std::vector<MemberId>& recipients) {
  AMIC_TRY(auto const held, find_ours(request.item));
  AMIC_TRY(operation, next(held, request));
  Bytes body = encode(operation);
  // The same check that receivers make: what they would refuse is not sent.
  AMIC_TRY_VOID(decode_operation(body));
  recipients = held.recipients;
  ShareRequest out;
  out.kind = envelope::Kind::kOperation;
  // It must reach all who may hold the item, even if the item reaches nobody any more.
  out.marking = operation.marking;
  out.marking.rel_to = {recipients.begin(), recipients.end()};
  out.marking.expires_ms.reset();
  out.keep_private = recipients.empty();
  out.precedence = request.precedence;
  out.media_type = kOperationMediaType;
  out.body = std::move(body);
  out.lineage = {operation.target};
  out.id = request.id;
  out.kv = std::move(request.kv);
  return out;
}

void Operations::operate(OperateRequest request, std::function<void(Result<OperateResult>)> done) {
  auto const item = request.item;
  if (!enter(item))
    return done(fail(Code::kOverloaded, "item", "another operation on it is under way"));
  Operation operation;
  std::vector<MemberId> recipients;
  auto share = prepare(std::move(request), operation, recipients);
  if (!share) {
    leave(item);
    return done(fail(std::move(share).error()));
  }
  exchange_.share(std::move(*share),
                  [this, item, counter = operation.counter, at_ms = operation.at_ms,
                   done = std::move(done)](Result<ShareResult> result) {
                    leave(item);
                    if (!result) return done(fail(std::move(result).error()));
                    done(OperateResult{result->id, result->digest, counter, result->seq, at_ms,
                                       std::move(result->recipients)});
                  });
}

// A lane is a queue: the operation waits in it as long as nothing later has gone.
Result<bool> Operations::delivered(MemberId const& member, Precedence precedence,
                                   std::uint64_t seq) {
  AMIC_TRY(auto const waiting, store_.outbox(member, static_cast<std::uint8_t>(precedence), 0, 1));
  return waiting.empty() || waiting.front().seq > seq;
}

Result<OperationReport> Operations::report(EnvelopeId const& item) {
  AMIC_TRY(auto const held, find_ours(item));
  if (!held.last) return fail(Code::kNotFound, "item", "no operation on it");
  OperationReport out;
  out.item = item;
  out.operation = held.last->operation;
  out.id = held.last->id;
  AMIC_TRY(auto const record, store_.log_find(out.id));
  if (!record) return fail(Code::kCorrupt, "log", "an operation that is noted and not there");
  AMIC_TRY(auto const contents, exchange_.open_record(*record));
  out.precedence = contents.precedence;
  AMIC_TRY(auto const replies, store_.replies(held.target));
  for (MemberId const& member : held.recipients) {
    OperationReport::Member entry;
    entry.member = member;
    entry.asked = out.operation.standing == Standing::kRecalled ||
                  !out.operation.marking.rel_to.contains(member);
    AMIC_TRY(entry.delivered, delivered(member, out.precedence, record->seq));
    for (auto const& row : replies) {
      if (row.member != member) continue;
      entry.replied = true;
      entry.reply.item = item;
      entry.reply.target = row.target;
      entry.reply.counter = row.counter;
      entry.reply.at_ms = row.at_ms;
      entry.reply.outcome = static_cast<Outcome>(row.outcome);
      entry.reply.hidden = row.done.find("hidden") != std::string::npos;
      entry.reply.destroyed = row.done.find("destroyed") != std::string::npos;
      entry.reply.reason = row.reason;
    }
    out.members.push_back(std::move(entry));
  }
  return out;
}

}  // namespace amic::exchange
