#include <algorithm>
#include <utility>

#include "holdings/draft.h"

namespace amic::holdings {
namespace {

std::optional<std::int64_t> stated_version(stix::Object const& object) {
  return object.modified_us ? object.modified_us : object.created_us;
}

store::ItemRow erased_row(std::uint64_t seq, ErasedItem const& erased,
                          store::OperationRow const& operation) {
  bool const in_view = operation.state == store::ItemState::kActive;
  store::ItemRow item;
  item.seq = seq;
  item.id = erased.id;
  item.digest = erased.digest;
  item.originator = erased.originator;
  item.audience = operation.audience;
  item.created_ms = item.received_ms = erased.received_ms;
  item.state = in_view ? store::ItemState::kErased : operation.state;
  return item;
}

}  // namespace

Indexer::Indexer(store::Store& store) : store_(store) {}

Result<void> Indexer::load() {
  if (end_known_) return {};
  AMIC_TRY(auto const end, store_.feed_end());
  AMIC_TRY(auto const watermark, store_.watermark());
  AMIC_TRY(auto const audiences, store_.audiences());
  end_ = end;
  upto_ = watermark;
  for (store::Audience const& audience : audiences) audiences_[audience.label] = audience.id;
  end_known_ = true;
  return {};
}

Result<store::AudienceId> Indexer::audience_of(marking::Marking const& marking) {
  Bytes const label = marking::encode(marking);
  auto const known = audiences_.find(label);
  if (known != audiences_.end()) return known->second;
  AMIC_TRY(store::AudienceId const id, store_.intern(label));
  pending_.audiences.push_back({id, label});
  audiences_[label] = id;
  return id;
}

void Indexer::place(Draft& draft, ItemContext const& context, Parsed::One const& one) const {
  stix::Object const& object = one.checked.object;
  auto const stated = stated_version(object);
  ++draft.item.objects;
  store::ObjectRow row;
  row.ord = ++draft.end.ord;
  // Strictly increasing over the feed, whatever the clock did, and from the log alone.
  draft.end.added_us = std::max(draft.at_ms * 1000, draft.end.added_us + 1);
  row.added_us = draft.end.added_us;
  row.id = object.id;
  row.version_us = stated.value_or(context.created_ms * 1000);
  row.loose = !stated;
  row.type = object.type;
  row.creator = context.originator;
  row.audience = draft.audience;
  row.seq = context.seq;
  row.placed_seq = draft.placed_seq;
  row.body.assign(one.text);
  draft.bytes += row.body.size();
  for (stix::Reference const& reference : object.references)
    draft.edges.push_back({object.id, reference.to, reference.relation, row.ord, draft.audience});
  draft.objects.push_back(std::move(row));
}

void Indexer::refuse(Draft& draft, std::uint32_t index, Outcome const& outcome,
                     std::string_view text) const {
  store::RefusedObject refused;
  refused.seq = draft.item.seq;
  refused.index = index;
  refused.quarantined = outcome.verdict == stix::Verdict::kQuarantine;
  refused.code = outcome.code;
  refused.pointer = outcome.pointer;
  refused.reason = outcome.reason;
  if (refused.quarantined) refused.body.assign(text);
  draft.bytes += refused.body.size();
  ++(refused.quarantined ? draft.item.quarantined : draft.item.rejected);
  draft.refused.push_back(std::move(refused));
}

Result<void> Indexer::add_objects(Draft& draft, ItemContext const& context,
                                  std::string_view body) const {
  auto const parsed = parse_bundle(body);
  if (!parsed) {
    Outcome outcome;
    outcome.code = parsed.error().code;
    bool const pointer = parsed.error().where.starts_with("/");
    outcome.pointer = pointer ? parsed.error().where : "";
    outcome.reason = pointer || parsed.error().where.empty()
                         ? parsed.error().detail
                         : parsed.error().detail + " (" + parsed.error().where + ")";
    refuse(draft, 0, outcome, body);
    return {};
  }
  if (draft.item.title.empty()) draft.item.title = derive_title(*parsed);
  auto next_refused = parsed->report.refused.begin();
  for (std::uint32_t i = 0; i < parsed->objects.size(); ++i) {
    Parsed::One const& one = parsed->objects[i];
    if (one.checked.verdict == stix::Verdict::kAccept)
      place(draft, context, one);
    else
      refuse(draft, i, *next_refused++, one.text);
  }
  return {};
}

void Indexer::advance(std::uint64_t seq) {
  upto_ = seq;
  pending_.upto_seq = seq;
  pending_.end = end_;
  ++pending_records_;
}

// All but the item's own row.
void Indexer::commit(Draft&& draft, std::uint64_t upto) {
  std::move(draft.objects.begin(), draft.objects.end(), std::back_inserter(pending_.objects));
  std::move(draft.edges.begin(), draft.edges.end(), std::back_inserter(pending_.edges));
  std::move(draft.refused.begin(), draft.refused.end(), std::back_inserter(pending_.refused));
  end_ = draft.end;
  pending_bytes_ += draft.bytes;
  advance(upto);
}

bool Indexer::full() const {
  return pending_.objects.size() + pending_.refused.size() >= kBatchObjects ||
         pending_bytes_ >= kBatchBytes || pending_records_ >= kBatchRecords;
}

store::ItemRow Indexer::item_row(ItemContext const& context, store::AudienceId audience) const {
  store::ItemRow item;
  item.seq = context.seq;
  item.id = context.id;
  item.digest = context.digest;
  item.originator = context.originator;
  item.precedence = context.precedence;
  item.audience = audience;
  item.created_ms = context.created_ms;
  item.received_ms = context.received_ms;
  item.title = context.title;
  item.media_type = context.media_type;
  return item;
}

Result<void> Indexer::add(ItemContext const& context, std::string_view body) {
  AMIC_TRY_VOID(load());
  if (context.seq <= upto_) return {};
  AMIC_TRY_VOID(flush_operations());
  AMIC_TRY(auto operation, store_.operation(context.digest, context.originator));
  Draft draft;
  if (operation) {
    draft.audience = operation->audience;
  } else {
    AMIC_TRY(draft.audience, audience_of(context.marking));
  }
  draft.end = end_;
  draft.at_ms = context.received_ms;
  draft.item = item_row(context, draft.audience);
  bool const in_view = !operation || operation->state == store::ItemState::kActive;
  if (!in_view) {
    draft.item.state = operation->state;
    draft.item.title.clear();
  } else if (is_stix(context.media_type)) {
    AMIC_TRY_VOID(add_objects(draft, context, body));
  }
  pending_.items.push_back(draft.item);
  if (operation && operation->duty == store::Duty::kWaiting) {
    operation->duty = store::Duty::kDue;
    operation->updated_seq = context.seq;
    pending_.operations.push_back(std::move(*operation));
  }
  commit(std::move(draft), context.seq);
  return full() ? flush() : Result<void>{};
}

Result<void> Indexer::skip(std::uint64_t seq, store::FeedEnd end, ErasedItem const* erased) {
  AMIC_TRY_VOID(load());
  if (seq <= upto_) return {};
  AMIC_TRY_VOID(flush_operations());
  if (erased != nullptr) {
    AMIC_TRY(auto operation, store_.operation(erased->digest, erased->originator));
    if (operation) {
      store::ItemRow item = erased_row(seq, *erased, *operation);
      pending_.items.push_back(std::move(item));
      if (operation->duty == store::Duty::kWaiting) {
        operation->duty = store::Duty::kDue;
        operation->updated_seq = seq;
        pending_.operations.push_back(std::move(*operation));
      }
    }
  }
  end_.ord = std::max(end_.ord, end.ord);
  end_.added_us = std::max(end_.added_us, end.added_us);
  advance(seq);
  return full() ? flush() : Result<void>{};
}

// Each operation is flushed as it comes; if that failed it waits, and the store does not know it.
Result<void> Indexer::flush_operations() {
  return pending_.operations.empty() ? Result<void>{} : flush();
}

Result<void> Indexer::flush() {
  if (pending_records_ == 0) return {};
  AMIC_TRY_VOID(store_.apply(pending_));
  pending_ = {};
  pending_bytes_ = 0;
  pending_records_ = 0;
  return {};
}

std::size_t Indexer::pending_objects() const {
  return pending_.objects.size();
}

bool is_stix(std::string_view media_type) {
  std::string_view const name = media_type.substr(0, media_type.find(';'));
  std::size_t const last = name.find_last_not_of(" \t");
  return last != std::string_view::npos && name.substr(0, last + 1) == "application/stix+json";
}

}  // namespace amic::holdings
