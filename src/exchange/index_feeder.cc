#include "exchange/index_feeder.h"

namespace amic::exchange {

namespace {
constexpr std::size_t kReadBytesMax = 8 << 20;
constexpr std::size_t kBatchObjectsMax = 2000;
}  // namespace

IndexFeeder::IndexFeeder(Exchange const& exchange, store::Store& store)
    : exchange_(exchange), store_(store), indexer_(store) {}

Result<void> IndexFeeder::add(store::Record const& record) {
  if (record.shredded) return indexer_.skip(record.seq, record.shredded_end);
  if (record.kind == store::RecordKind::kGovernance) return indexer_.skip(record.seq);
  auto contents = exchange_.open_record(record);
  if (!contents)
    return fail(Code::kCorrupt, "log.record[" + std::to_string(record.seq) + "]",
                contents.error().text());
  AMIC_TRY(auto marking, marking::decode(contents->marking));
  holdings::ItemContext context;
  context.seq = record.seq;
  context.id = record.id;
  context.originator = contents->originator;
  context.precedence = contents->precedence;
  context.marking = std::move(marking);
  context.created_ms = contents->created_ms;
  context.received_ms = record.at_ms;
  context.media_type = contents->media_type;
  return indexer_.add(context, as_text(contents->body));
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
