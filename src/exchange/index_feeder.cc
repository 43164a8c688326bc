#include "exchange/index_feeder.h"

#include "exchange/operations.h"

namespace amic::exchange {

namespace {
constexpr std::size_t kReadBytesMax = 8 << 20;
constexpr std::size_t kBatchObjectsMax = 2000;

std::string where_of(store::Record const& record) {
  return "log.record[" + std::to_string(record.seq) + "]";
}

// What Reply says was done, in the words of its report.
std::string deeds(Reply const& reply) {
  if (reply.destroyed) return reply.hidden ? "hidden, data key destroyed" : "data key destroyed";
  return reply.hidden ? "hidden" : "";
}
}  // namespace

IndexFeeder::IndexFeeder(Exchange const& exchange, store::Store& store)
    : exchange_(exchange), store_(store), indexer_(store) {}

// Who signed a record that can't be opened any more.
MemberId IndexFeeder::originator_of(store::Record const& record) const {
  return record.kind == store::RecordKind::kEnvelopeOut ? exchange_.self() : record.peer;
}

Result<holdings::ItemContext> IndexFeeder::context_of(store::Record const& record,
                                                      envelope::Contents const& contents) const {
  holdings::ItemContext context;
  AMIC_TRY(context.marking, marking::decode(contents.marking));
  context.seq = record.seq;
  context.id = record.id;
  context.digest = record.digest;
  context.originator = contents.originator;
  context.precedence = contents.precedence;
  context.created_ms = contents.created_ms;
  context.received_ms = record.at_ms;
  context.media_type = contents.media_type;
  return context;
}

// What is pending goes first: the record keeps how far its objects had reached in the feed. Of old
// pages that another process still reads the next opening takes care.
Result<void> IndexFeeder::keep_word(store::Record const& record, UnixMs at_ms) {
  if (record.kind != store::RecordKind::kEnvelopeIn || record.shredded) return {};
  AMIC_TRY_VOID(indexer_.flush());
  auto done = store_.shred(record.seq, at_ms);
  if (!done && done.error().code != Code::kLocked) return done;
  return {};
}

Result<std::uint8_t> IndexFeeder::said_before(store::Record const& operation) const {
  for (Outcome const outcome : {Outcome::kComplied, Outcome::kRefused, Outcome::kPending}) {
    auto const id = reply_id(exchange_.community().id, exchange_.self(), operation.digest, outcome);
    AMIC_TRY(auto const reply, store_.log_find(id));
    if (reply && reply->seq < operation.seq) return static_cast<std::uint8_t>(outcome);
  }
  return std::uint8_t{0};
}

Result<void> IndexFeeder::add(store::Record const& record) {
  if (record.kind == store::RecordKind::kEnvelopeIn && !record.shredded) {
    AMIC_TRY_VOID(indexer_.flush_operations());
    AMIC_TRY(auto const operation, store_.operation(record.digest, record.peer));
    if (operation && operation->duty == store::Duty::kComplied) {
      AMIC_TRY_VOID(keep_word(record, record.at_ms));
      AMIC_TRY(auto const erased, store_.log_find(record.id));
      if (erased && erased->shredded) return add(*erased);
    }
  }
  if (record.shredded) {
    holdings::ErasedItem const erased{record.id, record.digest, originator_of(record),
                                      record.at_ms};
    return indexer_.skip(record.seq, record.shredded_end, &erased);
  }
  if (record.kind == store::RecordKind::kGovernance) return indexer_.skip(record.seq);
  auto const contents = exchange_.open_record(record);
  if (!contents) return fail(Code::kCorrupt, where_of(record), contents.error().text());
  if (contents->kind == envelope::Kind::kOperation) return operate(record, *contents);
  if (contents->kind == envelope::Kind::kReply) return reply(record, *contents);
  // What is known of it is noted beside the log: attachment_state.h.
  if (contents->kind == envelope::Kind::kAttachment ||
      contents->kind == envelope::Kind::kGovernance)
    return indexer_.skip(record.seq);
  AMIC_TRY(auto const context, context_of(record, *contents));
  return indexer_.add(context, as_text(contents->body));
}

Result<void> IndexFeeder::operate(store::Record const& record, envelope::Contents const& contents) {
  auto const operation = read_operation(contents);
  if (!operation) return fail(Code::kCorrupt, where_of(record), operation.error().text());
  holdings::OperationContext context;
  context.seq = record.seq;
  context.digest = record.digest;
  context.originator = contents.originator;
  context.precedence = contents.precedence;
  context.item = operation->item;
  context.target = operation->target;
  context.counter = operation->counter;
  context.kind = static_cast<std::uint8_t>(operation->kind);
  context.at_ms = operation->at_ms;
  context.reason = operation->reason;
  context.marking = operation->marking;
  context.retracted = operation->standing == Standing::kRetracted;
  context.recalled = operation->standing == Standing::kRecalled;
  context.ours = contents.originator == exchange_.self();
  context.narrowed = !context.ours && !operation->marking.rel_to.contains(exchange_.self());
  context.received_ms = record.at_ms;
  bool const asks = !context.ours && (context.narrowed || context.recalled);
  if (asks) {
    AMIC_TRY(context.said, said_before(record));
  }

  // Only what comes before it in the log: what comes after finds the operation.
  AMIC_TRY(auto held, store_.log_find(operation->item));
  bool const here = held && held->seq < record.seq && held->digest == operation->target &&
                    originator_of(*held) == contents.originator;
  if (!here) return indexer_.operate(context, nullptr);
  if (context.said == static_cast<std::uint8_t>(Outcome::kComplied)) {
    AMIC_TRY_VOID(keep_word(*held, record.at_ms));
    AMIC_TRY(held, store_.log_find(operation->item));
  }
  holdings::OperationTarget target;
  if (held->shredded) {
    target.erased = true;
    target.item.seq = held->seq;
    target.item.id = held->id;
    target.item.digest = held->digest;
    target.item.originator = contents.originator;
    target.item.received_ms = held->at_ms;
    return indexer_.operate(context, &target);
  }
  auto const item = exchange_.open_record(*held);
  if (!item) return fail(Code::kCorrupt, where_of(*held), item.error().text());
  AMIC_TRY(target.item, context_of(*held, *item));
  target.body = as_text(item->body);
  return indexer_.operate(context, &target);
}

Result<void> IndexFeeder::reply(store::Record const& record, envelope::Contents const& contents) {
  auto const said = read_reply(contents);
  if (!said) return fail(Code::kCorrupt, where_of(record), said.error().text());
  holdings::ReplyContext context;
  context.seq = record.seq;
  context.member = contents.originator;
  context.originator = contents.recipients.front();
  context.target = said->target;
  context.operation = said->operation;
  context.counter = said->counter;
  context.outcome = static_cast<std::uint8_t>(said->outcome);
  context.at_ms = said->at_ms;
  context.done = deeds(*said);
  context.reason = said->reason;
  context.ours = contents.originator == exchange_.self();
  if (context.ours && said->outcome == Outcome::kComplied) {
    AMIC_TRY(auto const held, store_.log_find(said->item));
    bool const ours_to_destroy = held && held->seq < record.seq && held->digest == said->target &&
                                 held->peer == context.originator;
    if (ours_to_destroy) AMIC_TRY_VOID(keep_word(*held, said->at_ms));
  }
  return indexer_.reply(context);
}

Result<std::size_t> IndexFeeder::catch_up(std::size_t records_max) {
  AMIC_TRY(auto const watermark, store_.watermark());
  AMIC_TRY(auto const records, store_.log_read(watermark + 1, records_max, kReadBytesMax));
  for (auto const& record : records) {
    AMIC_TRY_VOID(add(record));
    if (indexer_.pending_objects() >= kBatchObjectsMax) AMIC_TRY_VOID(indexer_.flush());
  }
  if (!records.empty()) AMIC_TRY_VOID(indexer_.flush());
  return records.size();
}

}  // namespace amic::exchange
