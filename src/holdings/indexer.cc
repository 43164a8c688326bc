#include <algorithm>
#include <utility>

#include "crypto/hash.h"
#include "holdings/holdings.h"

namespace amic::holdings {
namespace {

// Canonical JSON of a text that parsed before. Rare: only where the exact texts differ.
std::string canonical_of(std::string_view text) {
  auto const value = json::parse(text);
  return value ? json::canonical(*value) : std::string(text);
}

bool same_content(std::string_view a, std::string_view b) {
  return a == b || canonical_of(a) == canonical_of(b);
}

std::optional<std::int64_t> stated_version(stix::Object const& object) {
  return object.modified_us ? object.modified_us : object.created_us;
}

}  // namespace

struct Indexer::Draft {
  store::AudienceId audience = 0;
  store::FeedEnd end;
  store::ItemRow item;
  std::vector<store::ObjectRow> objects;
  std::vector<store::EdgeRow> edges;
  std::vector<store::RefusedObject> refused;
  std::unordered_multimap<std::string, std::size_t> by_id;  // -> index in objects
  std::size_t bytes = 0;
};

// A row that is held under an id: in the store, in the batch, or in the draft.
struct Indexer::Held {
  std::int64_t version_us = 0;
  store::AudienceId audience = 0;
  std::string body;
};

Indexer::Indexer(store::Store& store) : store_(store) {}

Result<void> Indexer::load() {
  if (end_known_) return {};
  AMIC_TRY(auto const end, store_.feed_end());
  AMIC_TRY(auto const watermark, store_.watermark());
  AMIC_TRY(auto const audiences, store_.audiences());
  end_ = end;
  upto_ = watermark;
  for (store::Audience const& audience : audiences) {
    audiences_[audience.label] = audience.id;
    all_audiences_.push_back(audience.id);
  }
  std::sort(all_audiences_.begin(), all_audiences_.end());
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
  all_audiences_.insert(std::lower_bound(all_audiences_.begin(), all_audiences_.end(), id), id);
  return id;
}

// For each object, whether the store may hold what it must be compared with. Asked once for a whole
// bundle: the common case, that nothing of it is held, then costs one look-up an object.
Result<std::vector<bool>> Indexer::stored(Parsed const& parsed) {
  std::vector<store::VersionKey> wanted;
  wanted.reserve(parsed.objects.size());
  for (Parsed::One const& one : parsed.objects)
    if (one.checked.verdict == stix::Verdict::kAccept)
      wanted.push_back({one.checked.object.id, stated_version(one.checked.object)});
  AMIC_TRY(auto const held, store_.has_versions(wanted));
  std::vector<bool> out(parsed.objects.size());
  std::size_t at = 0;
  for (std::size_t i = 0; i < out.size(); ++i)
    if (parsed.objects[i].checked.verdict == stix::Verdict::kAccept) out[i] = held[at++];
  return out;
}

Result<std::vector<Indexer::Held>> Indexer::held_of(Draft const& draft, stix::Object const& object,
                                                    bool in_store) {
  std::vector<Held> out;
  auto const gather = [&](auto const& by_id, auto const& rows) {
    auto const [first, last] = by_id.equal_range(object.id);
    for (auto it = first; it != last; ++it) {
      store::ObjectRow const& row = rows[it->second];
      out.push_back({row.version_us, row.audience, row.body});
    }
  };
  gather(draft.by_id, draft.objects);
  gather(pending_by_id_, pending_.objects);
  if (!in_store) return out;
  // The store shows each version once, under one of the audiences asked for: ask for all of them to
  // learn the contents, then for this item's alone to learn whether its readers have them.
  for (store::AudienceSet const& audiences : {all_audiences_, store::AudienceSet{draft.audience}}) {
    AMIC_TRY(auto rows, store_.versions(object.id, audiences));
    if (rows.empty()) break;
    for (store::ObjectRow& row : rows)
      out.push_back({row.version_us, row.audience, std::move(row.body)});
  }
  return out;
}

void Indexer::push_row(Draft& draft, ItemContext const& context, Parsed::One const& one,
                       std::int64_t version_us) {
  stix::Object const& object = one.checked.object;
  store::ObjectRow row;
  row.ord = ++draft.end.ord;
  row.added_us = draft.end.added_us;
  row.id = object.id;
  row.version_us = version_us;
  row.type = object.type;
  row.creator = context.originator;
  row.audience = draft.audience;
  row.seq = context.seq;
  row.body.assign(one.text);
  draft.bytes += row.body.size();
  for (stix::Reference const& reference : object.references)
    draft.edges.push_back({object.id, reference.to, reference.relation, row.ord, draft.audience});
  draft.by_id.emplace(row.id, draft.objects.size());
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

Result<void> Indexer::place(Draft& draft, ItemContext const& context, Parsed::One const& one,
                            std::uint32_t index, bool in_store, bool single) {
  stix::Object const& object = one.checked.object;
  AMIC_TRY(std::vector<Held> const held, held_of(draft, object, in_store));
  auto const stated = stated_version(object);
  std::optional<std::int64_t> version;  // of equal content that is held
  bool same_audience = false;
  bool conflict = false;
  for (Held const& other : held) {
    if (stated && other.version_us != *stated) continue;
    if (!same_content(other.body, one.text)) {
      conflict = conflict || stated.has_value();
      continue;
    }
    version = other.version_us;
    same_audience = same_audience || other.audience == draft.audience;
  }
  if (conflict && !version) {
    Outcome outcome;
    outcome.verdict = stix::Verdict::kQuarantine;
    outcome.code = Code::kConflict;
    outcome.pointer = single ? "" : "/objects/" + std::to_string(index);
    outcome.reason = "this version of the object is held with other content";
    refuse(draft, index, outcome, one.text);
    return {};
  }
  ++draft.item.objects;
  if (version && same_audience) return {};
  // Strictly increasing over the feed, whatever the clock did, and from the log alone.
  draft.end.added_us = std::max(context.received_ms * 1000, draft.end.added_us + 1);
  push_row(draft, context, one, version ? *version : stated.value_or(draft.end.added_us));
  return {};
}

Result<void> Indexer::add_objects(Draft& draft, ItemContext const& context, std::string_view body) {
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
  AMIC_TRY(auto const in_store, stored(*parsed));
  auto next_refused = parsed->report.refused.begin();
  for (std::uint32_t i = 0; i < parsed->objects.size(); ++i) {
    Parsed::One const& one = parsed->objects[i];
    if (one.checked.verdict == stix::Verdict::kAccept) {
      bool const single = one.text.size() == body.size();  // the object is the whole body
      AMIC_TRY_VOID(place(draft, context, one, i, in_store[i], single));
    } else {
      refuse(draft, i, *next_refused++, one.text);
    }
  }
  return {};
}

void Indexer::commit(Draft&& draft) {
  for (store::ObjectRow& row : draft.objects) {
    pending_by_id_.emplace(row.id, pending_.objects.size());
    pending_.objects.push_back(std::move(row));
  }
  std::move(draft.edges.begin(), draft.edges.end(), std::back_inserter(pending_.edges));
  std::move(draft.refused.begin(), draft.refused.end(), std::back_inserter(pending_.refused));
  end_ = draft.end;
  upto_ = draft.item.seq;
  pending_.upto_seq = upto_;
  pending_bytes_ += draft.bytes;
  ++pending_records_;
  pending_.items.push_back(std::move(draft.item));
}

bool Indexer::full() const {
  return pending_.objects.size() + pending_.refused.size() >= kBatchObjects ||
         pending_bytes_ >= kBatchBytes || pending_records_ >= kBatchRecords;
}

Result<void> Indexer::add(ItemContext const& context, std::string_view body) {
  AMIC_TRY_VOID(load());
  if (context.seq <= upto_) return {};
  Draft draft;
  AMIC_TRY(draft.audience, audience_of(context.marking));
  draft.end = end_;
  store::ItemRow& item = draft.item;
  item.seq = context.seq;
  item.id = context.id;
  item.originator = context.originator;
  item.precedence = context.precedence;
  item.audience = draft.audience;
  item.created_ms = context.created_ms;
  item.received_ms = context.received_ms;
  item.title = context.title;
  item.media_type = context.media_type;
  if (is_stix(context.media_type)) AMIC_TRY_VOID(add_objects(draft, context, body));
  commit(std::move(draft));
  return full() ? flush() : Result<void>{};
}

Result<void> Indexer::skip(std::uint64_t seq, store::FeedEnd end) {
  AMIC_TRY_VOID(load());
  if (seq <= upto_) return {};
  end_.ord = std::max(end_.ord, end.ord);
  end_.added_us = std::max(end_.added_us, end.added_us);
  upto_ = seq;
  pending_.upto_seq = seq;
  ++pending_records_;
  return full() ? flush() : Result<void>{};
}

Result<void> Indexer::flush() {
  if (pending_records_ == 0) return {};
  AMIC_TRY_VOID(store_.apply(pending_));
  pending_ = {};
  pending_by_id_.clear();
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
