// Writing the index: one transaction a batch. Rows go into each table in the order of its key, so
// that a batch touches each page of a tree once.
#include <algorithm>
#include <future>
#include <set>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

#include "base/limits.h"
#include "crypto/hash.h"
#include "store/sqlite/columns.h"
#include "store/sqlite/index_file.h"
#include "store/sqlite/placing.h"

namespace amic::store::sqlite {
namespace {

constexpr std::uint64_t kTrainObjectsMin = 1000;
constexpr std::uint64_t kTrainGrowth = 10;
constexpr std::size_t kDictionaryBytes = 110 << 10;
constexpr std::size_t kSamplesMax = 2000;
constexpr std::size_t kSampleBytesMax = 16 << 10;
constexpr std::size_t kPackApartMin = 256;  // objects: fewer aren't worth a thread

// The bodies of a batch, compressed: those of a large one on a thread of their own, beside the
// writing of keys and edges, which takes longer. `rows` must outlive the answer, which its
// destructor waits for.
std::future<std::vector<Bytes>> pack(Bodies::Shared dictionary,
                                     std::vector<ObjectRow> const& rows) {
  auto const apart = std::launch::async | std::launch::deferred;  // here, if no thread can be had
  auto const policy = rows.size() < kPackApartMin ? std::launch::deferred : apart;
  return std::async(policy, [dictionary = std::move(dictionary), &rows] {
    std::vector<Bytes> out;
    out.reserve(rows.size());
    for (ObjectRow const& row : rows) out.push_back(Bodies::encode(dictionary, row.body));
    return out;
  });
}

class Applier {
 public:
  Applier(Connection& connection, Bodies& bodies, Keys keys, Derived const& derived)
      : db_(connection), bodies_(bodies), keys_(std::move(keys)), derived_(derived) {}

  // `pending` are labels interned but not stored yet.
  Result<void> run(std::map<Bytes, AudienceId> const& pending);

 private:
  struct Object {
    ObjectRow const* row = nullptr;
    std::string id, hash, key, rank;  // encoded as stored
    bool multi = false;
    bool spare = false;
    std::uint64_t placed() const { return row->placed_seq != 0 ? row->placed_seq : row->seq; }
  };
  // Neither applied before nor shredded since the batch was made.
  bool fresh(std::uint64_t seq) const { return seq > applied_ && !shredded(seq); }
  bool shredded(std::uint64_t seq) const {
    return std::binary_search(shredded_.begin(), shredded_.end(), seq);
  }
  Result<void> store_label(BytesView label, AudienceId id);
  Result<void> check_row(std::uint64_t seq, AudienceId audience) const;
  Result<void> find_shredded();
  Result<void> change_items();
  Result<void> collect_objects();
  Result<void> mark_siblings(Object& object);
  Result<void> choose_fronts();
  Result<void> choose_front(Object& object);
  Result<void> insert_ids();
  Result<void> insert_spares();
  Result<void> insert_bodies(std::uint64_t dict, std::vector<Bytes> const& frames);
  Result<void> insert_postings();
  Result<void> count_objects();
  Result<bool> under_operation(ItemRow const& item);
  Result<void> insert_item(ItemRow row, std::uint64_t placed);
  Result<void> insert_items();
  Result<void> insert_edges();
  Result<void> insert_refused();
  Result<void> move_end();
  Placed placed_of(Object const& object, std::uint64_t dict, BytesView frame);

  Connection& db_;
  Bodies& bodies_;
  Keys keys_;
  Derived const& derived_;
  std::vector<std::uint64_t> shredded_;         // of the batch's records; rising
  std::unordered_set<std::uint64_t> left_out_;  // ords of the batch that get no row in obj
  std::unordered_map<std::uint64_t, Links> spare_links_;
  std::uint64_t applied_ = 0, audience_max_ = 0;
  FeedEnd end_;
  std::vector<Object> objects_;  // that stand in front; in ord order
  std::vector<Object> spares_;
};

Result<void> Applier::run(std::map<Bytes, AudienceId> const& pending) {
  AMIC_TRY(applied_, meta_get(db_, "applied_seq"));
  if (derived_.upto_seq <= applied_) return {};
  AMIC_TRY_VOID(find_shredded());
  for (auto const& [label, id] : pending) AMIC_TRY_VOID(store_label(label, id));
  for (Audience const& audience : derived_.audiences)
    AMIC_TRY_VOID(store_label(audience.label, audience.id));
  AMIC_TRY(auto const audiences, db_.integer("SELECT coalesce(max(aud), 0) FROM aud"));
  audience_max_ = static_cast<std::uint64_t>(audiences);
  AMIC_TRY(end_, stored_end(db_));
  AMIC_TRY_VOID(change_items());
  AMIC_TRY_VOID(collect_objects());
  AMIC_TRY(auto const newest, bodies_.newest(db_));
  AMIC_TRY(auto dictionary, bodies_.dictionary(db_, newest.dict));
  auto frames = pack(std::move(dictionary), derived_.objects);
  AMIC_TRY_VOID(choose_fronts());
  AMIC_TRY_VOID(insert_ids());
  AMIC_TRY_VOID(insert_postings());
  AMIC_TRY_VOID(count_objects());
  AMIC_TRY_VOID(insert_items());
  AMIC_TRY_VOID(insert_edges());
  AMIC_TRY_VOID(insert_refused());
  AMIC_TRY_VOID(insert_bodies(newest.dict, frames.get()));
  AMIC_TRY_VOID(insert_operations(db_, keys_, derived_, applied_));
  AMIC_TRY_VOID(move_end());
  return meta_put(db_, "applied_seq", derived_.upto_seq);
}

// Of the records that the batch is from, and of those whose items it changes.
Result<void> Applier::find_shredded() {
  AMIC_TRY(shredded_, keys_.shredded(applied_, derived_.upto_seq));
  std::set<std::uint64_t> old;
  for (ItemChange const& change : derived_.changes)
    if (change.row.seq <= applied_) old.insert(change.row.seq);
  std::vector<std::uint64_t> gone;
  for (std::uint64_t const seq : old) {
    AMIC_TRY(auto const found, keys_.shredded(seq - 1, seq));
    gone.insert(gone.end(), found.begin(), found.end());
  }
  shredded_.insert(shredded_.begin(), gone.begin(), gone.end());
  return {};
}

// What a changed item had brought is taken out; the batch may bring it again.
Result<void> Applier::change_items() {
  for (ItemChange const& change : derived_.changes) {
    if (change.at_seq <= applied_) continue;
    AMIC_TRY_VOID(check_row(change.at_seq, change.row.audience));
    AMIC_TRY(std::uint64_t const placed, placed_by(db_, change.row.seq));
    AMIC_TRY_VOID(Placing(db_).erase(change.row.seq, placed));
    Query refused(db_, "DELETE FROM refused WHERE seq = ?");
    AMIC_TRY_VOID(refused.bind(change.row.seq).run());
    AMIC_TRY_VOID(insert_item(change.row, change.at_seq));
  }
  return {};
}

Result<void> Applier::store_label(BytesView label, AudienceId id) {
  Hash const digest = crypto::sha256(label);
  Query known(db_, "SELECT aud FROM aud_by_label WHERE digest = ?");
  known.bind(digest.view());
  AMIC_TRY(bool const row, known.step());
  if (row && known.number(0) == id) return {};
  if (row || id == 0) return fail(Code::kConflict, "apply.audiences", "label has another id");
  Query insert(db_,
               "INSERT INTO aud (aud, label, objects) VALUES (?, ?, 0) ON CONFLICT DO NOTHING");
  AMIC_TRY_VOID(insert.bind(id).bind(label).run());
  if (db_.changes() == 0) return fail(Code::kConflict, "apply.audiences", "id has another label");
  Query by_label(db_, "INSERT INTO aud_by_label (digest, aud) VALUES (?, ?)");
  return by_label.bind(digest.view()).bind(id).run();
}

Result<void> Applier::check_row(std::uint64_t seq, AudienceId audience) const {
  if (seq > derived_.upto_seq)
    return fail(Code::kOutOfRange, "apply", "a row is of a record after upto_seq");
  if (audience == 0 || audience > audience_max_)
    return fail(Code::kOutOfRange, "apply", "a row has an audience that was never interned");
  return {};
}

Result<void> Applier::collect_objects() {
  FeedEnd end = end_;
  bool first = end.ord == 0;
  objects_.reserve(derived_.objects.size());
  std::uint64_t placed = 0;
  for (ObjectRow const& row : derived_.objects) {
    Object object;
    object.row = &row;
    if (object.placed() <= applied_ || shredded(row.seq)) {
      left_out_.insert(row.ord);
      continue;
    }
    AMIC_TRY_VOID(check_row(std::max(row.seq, object.placed()), row.audience));
    if (row.ord <= end.ord || (!first && row.added_us <= end.added_us))
      return fail(Code::kOutOfRange, "apply.objects", "ord and added_us must rise");
    if (object.placed() < placed)
      return fail(Code::kOutOfRange, "apply.objects", "seq must not fall");
    placed = object.placed();
    if (row.body.size() > limits::kBodyBytesMax)
      return fail(Code::kTooLarge, "apply.objects", "body");
    end = {row.ord, row.added_us};
    first = false;
    object.id = encode_id(row.id);
    object.hash = body_hash(row.body);
    object.key = key_of(row.loose, row.version_us, object.hash);
    object.rank = rank_of(row.loose, row.version_us, object.hash, row.ord);
    objects_.push_back(std::move(object));
  }
  return {};
}

Placed Applier::placed_of(Object const& object, std::uint64_t dict, BytesView frame) {
  ObjectRow const& row = *object.row;
  Placed out;
  out.ord = row.ord;
  out.seq = row.seq;
  out.placed = object.placed();
  out.aud = row.audience;
  out.dict = dict;
  out.version = row.version_us;
  out.added = row.added_us;
  out.loose = row.loose;
  out.creator = row.creator.str();
  if (encoded_type(object.id) != row.type) out.type = row.type;
  out.id = object.id;
  out.hash = object.hash;
  out.body = to_bytes(frame);
  return out;
}

Result<void> Applier::choose_front(Object& object) {
  Placing placing(db_);
  AMIC_TRY(auto const front, placing.front(placed_of(object, 0, {})));
  if (front.first == 0) return {};
  object.spare = front.second < object.rank;
  return object.spare ? Result<void>() : placing.demote(front.first);
}

// Of the rows of one key, in the batch or held, the one with the least rank goes in front.
Result<void> Applier::choose_fronts() {
  std::vector<Object*> order;
  order.reserve(objects_.size());
  for (Object& object : objects_) order.push_back(&object);
  std::sort(order.begin(), order.end(), [](Object const* a, Object const* b) {
    return std::tie(a->id, a->row->creator, a->row->audience, a->key, a->rank) <
           std::tie(b->id, b->row->creator, b->row->audience, b->key, b->rank);
  });
  Object const* front = nullptr;
  for (Object* object : order) {
    bool const same = front != nullptr && front->id == object->id &&
                      front->row->creator == object->row->creator &&
                      front->row->audience == object->row->audience && front->key == object->key;
    if (same) {
      object->spare = true;
      continue;
    }
    front = object;
    AMIC_TRY_VOID(choose_front(*object));
  }
  for (Object const& object : objects_) {
    if (!object.spare) continue;
    left_out_.insert(object.row->ord);
    spare_links_[object.row->ord];
    spares_.push_back(object);
  }
  std::erase_if(objects_, [](Object const& object) { return object.spare; });
  return {};
}

// Readers look for other versions only of objects that are marked to have some.
Result<void> Applier::mark_siblings(Object& object) {
  std::uint64_t alone = 0;
  {
    Query others(db_, "SELECT ord FROM obj_by_id WHERE id = ? LIMIT 2");
    others.bind(as_bytes(object.id));
    AMIC_TRY(bool const one, others.step());
    if (!one) return {};
    alone = others.number(0);
    AMIC_TRY(bool const two, others.step());
    if (two) alone = 0;  // those are marked already
  }
  object.multi = true;
  if (alone == 0) return {};
  auto const in_batch =
      std::lower_bound(objects_.begin(), objects_.end(), alone,
                       [](Object const& o, std::uint64_t ord) { return o.row->ord < ord; });
  if (in_batch != objects_.end() && in_batch->row->ord == alone) {
    in_batch->multi = true;
    return {};
  }
  Query mark(db_, "UPDATE obj SET multi = 1 WHERE ord = ?");
  return mark.bind(alone).run();
}

Result<void> Applier::insert_ids() {
  std::vector<Object*> order;
  order.reserve(objects_.size());
  for (Object& object : objects_) order.push_back(&object);
  std::sort(order.begin(), order.end(), [](Object const* a, Object const* b) {
    return std::tie(a->id, a->row->creator, a->row->ord) <
           std::tie(b->id, b->row->creator, b->row->ord);
  });
  Query insert(db_,
               "INSERT INTO obj_by_id (id, creator, ver, aud, ord, h, loose) "
               "VALUES (?, ?, ?, ?, ?, ?, ?)");
  Query by_key(db_,
               "INSERT INTO obj_by_key (id, creator, aud, k, r, ord) VALUES (?, ?, ?, ?, ?, ?)");
  for (Object* object : order) {
    AMIC_TRY_VOID(mark_siblings(*object));
    ObjectRow const& row = *object->row;
    insert.bind(as_bytes(object->id)).bind(std::string_view(row.creator.str()));
    insert.bind(row.version_us).bind(row.audience).bind(row.ord).bind(as_bytes(object->hash));
    AMIC_TRY_VOID(insert.bind(row.loose ? 1 : 0).run());
    if (!row.loose) continue;
    by_key.bind(as_bytes(object->id)).bind(std::string_view(row.creator.str()));
    by_key.bind(row.audience).bind(as_bytes(object->key)).bind(as_bytes(object->rank));
    AMIC_TRY_VOID(by_key.bind(row.ord).run());
  }
  return {};
}

// `frames`: of all objects of the batch, in their order there.
Result<void> Applier::insert_bodies(std::uint64_t dict, std::vector<Bytes> const& frames) {
  Query insert(db_,
               "INSERT INTO obj (ord, ver, added, seq, placed, aud, multi, loose, dict, creator, "
               "type, id, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  auto const sealed = [&](ObjectRow const& row) {
    Bytes const& frame = frames[static_cast<std::size_t>(&row - derived_.objects.data())];
    return keys_.seal(Sealed::kObject, row.ord, row.seq, frame);
  };
  for (Object const& object : objects_) {
    ObjectRow const& row = *object.row;
    AMIC_TRY(Bytes const body, sealed(row));
    // The type is nearly always what the id begins with: then it is not stored again.
    std::string_view const type =
        encoded_type(object.id) == row.type ? std::string_view() : std::string_view(row.type);
    insert.bind(row.ord).bind(row.version_us).bind(row.added_us).bind(row.seq);
    insert.bind(object.placed()).bind(row.audience).bind(object.multi ? 1 : 0);
    insert.bind(row.loose ? 1 : 0).bind(dict).bind(row.creator.str()).bind(type);
    AMIC_TRY_VOID(insert.bind(as_bytes(object.id)).bind(BytesView(body)).run());
  }
  for (Object const& object : spares_) {
    AMIC_TRY(Bytes const body, sealed(*object.row));
    AMIC_TRY_VOID(
        Placing(db_).to_spare(placed_of(object, dict, body), spare_links_[object.row->ord]));
  }
  return {};
}

Result<void> Applier::insert_postings() {
  std::vector<ObjectRow const*> rows;
  rows.reserve(objects_.size());
  for (Object const& object : objects_) rows.push_back(object.row);
  std::stable_sort(rows.begin(), rows.end(),
                   [](auto const* a, auto const* b) { return a->type < b->type; });
  Query by_type(db_, "INSERT INTO obj_by_type (type, ord, aud) VALUES (?, ?, ?)");
  for (ObjectRow const* row : rows)
    AMIC_TRY_VOID(
        by_type.bind(std::string_view(row->type)).bind(row->ord).bind(row->audience).run());
  std::sort(rows.begin(), rows.end(), [](auto const* a, auto const* b) {
    return std::tie(a->creator, a->ord) < std::tie(b->creator, b->ord);
  });
  Query by_creator(db_, "INSERT INTO obj_by_creator (creator, ord, aud) VALUES (?, ?, ?)");
  for (ObjectRow const* row : rows)
    AMIC_TRY_VOID(by_creator.bind(row->creator.str()).bind(row->ord).bind(row->audience).run());
  std::sort(rows.begin(), rows.end(), [](auto const* a, auto const* b) {
    return std::tie(a->audience, a->ord) < std::tie(b->audience, b->ord);
  });
  Query by_aud(db_, "INSERT INTO obj_by_aud (aud, ord) VALUES (?, ?)");
  for (ObjectRow const* row : rows) AMIC_TRY_VOID(by_aud.bind(row->audience).bind(row->ord).run());
  return {};
}

Result<void> Applier::count_objects() {
  std::map<AudienceId, std::uint64_t> counts;
  for (Object const& object : objects_) ++counts[object.row->audience];
  Query add(db_, "UPDATE aud SET objects = objects + ? WHERE aud = ?");
  for (auto const& [audience, count] : counts) AMIC_TRY_VOID(add.bind(count).bind(audience).run());
  return {};
}

Result<bool> Applier::under_operation(ItemRow const& item) {
  for (OperationRow const& row : derived_.operations)
    if (row.target == item.digest && row.originator == item.originator) return true;
  Query query(db_, "SELECT seq FROM op WHERE target = ? AND originator = ?");
  return query.bind(item.digest.view()).bind(item.originator.str()).step();
}

// An item that is there keeps what is noted of where its objects stood first.
Result<void> Applier::insert_item(ItemRow row, std::uint64_t placed) {
  if (shredded(row.seq)) {
    AMIC_TRY(bool const kept, under_operation(row));
    if (!kept) return {};
    row = erased_form(std::move(row));
  }
  Query insert(db_,
               "INSERT INTO item (seq, id, digest, originator, precedence, aud, created_ms, "
               "received_ms, title, media_type, objects, quarantined, rejected, state, placed, "
               "first_ord, end_ord, end_added) "
               "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0) "
               "ON CONFLICT (seq) DO UPDATE SET precedence = excluded.precedence, "
               "aud = excluded.aud, created_ms = excluded.created_ms, title = excluded.title, "
               "media_type = excluded.media_type, objects = excluded.objects, "
               "quarantined = excluded.quarantined, rejected = excluded.rejected, "
               "state = excluded.state, placed = excluded.placed");
  Bytes title;
  if (!row.title.empty()) {
    AMIC_TRY(title, keys_.seal(Sealed::kTitle, row.seq, row.seq, as_bytes(row.title)));
  }
  insert.bind(row.seq).bind(row.id.view()).bind(row.digest.view()).bind(row.originator.str());
  insert.bind(static_cast<int>(row.precedence)).bind(row.audience).bind(row.created_ms);
  insert.bind(row.received_ms).bind(BytesView(title));
  insert.bind(std::string_view(row.media_type)).bind(row.objects).bind(row.quarantined);
  insert.bind(row.rejected).bind(static_cast<int>(row.state)).bind(placed);
  AMIC_TRY_VOID(insert.run());
  Query by_id(db_, "INSERT INTO item_by_id (id, seq) VALUES (?, ?) ON CONFLICT DO NOTHING");
  return by_id.bind(row.id.view()).bind(row.seq).run();
}

Result<void> Applier::insert_items() {
  for (ItemRow const& row : derived_.items) {
    if (row.seq <= applied_) continue;
    AMIC_TRY_VOID(check_row(row.seq, row.audience));
    AMIC_TRY_VOID(insert_item(row, row.seq));
  }
  // Rows of one record stand together, in the order of their ords.
  std::map<std::uint64_t, std::pair<std::uint64_t, FeedEnd>> reach;
  for (auto const* objects : {&objects_, &spares_})
    for (Object const& object : *objects) {
      if (object.placed() != object.row->seq) continue;
      auto& [first, end] = reach[object.row->seq];
      if (first == 0 || object.row->ord < first) first = object.row->ord;
      if (object.row->ord > end.ord) end = {object.row->ord, object.row->added_us};
    }
  Query note(db_, "UPDATE item SET first_ord = ?, end_ord = ?, end_added = ? WHERE seq = ?");
  for (auto const& [seq, where] : reach) {
    note.bind(where.first).bind(where.second.ord).bind(where.second.added_us);
    AMIC_TRY_VOID(note.bind(seq).run());
  }
  return {};
}

// Positions are used up whether or not a row has them still.
Result<void> Applier::move_end() {
  FeedEnd end = derived_.end.ord > end_.ord ? derived_.end : end_;
  for (ObjectRow const& row : derived_.objects)
    if (row.ord > end.ord) end = {row.ord, row.added_us};
  if (end.ord == end_.ord) return {};
  AMIC_TRY_VOID(meta_put(db_, "feed_ord", end.ord));
  auto const added = std::max<std::int64_t>(end.added_us, 0);
  return meta_put(db_, "feed_added", static_cast<std::uint64_t>(added));
}

Result<void> Applier::insert_edges() {
  struct Half {
    std::string const* node;
    std::string const* other;
    EdgeRow const* edge;
    int dir;
  };
  std::vector<std::pair<std::string, std::string>> ids;
  ids.reserve(derived_.edges.size());
  std::vector<Half> halves;
  for (EdgeRow const& edge : derived_.edges) {
    if (edge.ord <= end_.ord) continue;
    if (auto const spare = spare_links_.find(edge.ord); spare != spare_links_.end())
      spare->second.emplace_back(edge.relation, encode_id(edge.to));
    if (left_out_.contains(edge.ord)) continue;
    AMIC_TRY_VOID(check_row(applied_ + 1, edge.audience));
    auto const& [from, to] = ids.emplace_back(encode_id(edge.from), encode_id(edge.to));
    halves.push_back({&from, &to, &edge, 0});
    halves.push_back({&to, &from, &edge, 1});
  }
  std::sort(halves.begin(), halves.end(), [](Half const& a, Half const& b) {
    return std::tie(*a.node, a.dir, a.edge->audience, a.edge->relation, *a.other, a.edge->ord) <
           std::tie(*b.node, b.dir, b.edge->audience, b.edge->relation, *b.other, b.edge->ord);
  });
  Query insert(db_,
               "INSERT INTO edge (node, dir, aud, rel, other, ord) VALUES (?, ?, ?, ?, ?, ?) "
               "ON CONFLICT DO NOTHING");
  for (Half const& half : halves) {
    insert.bind(as_bytes(*half.node)).bind(half.dir).bind(half.edge->audience);
    insert.bind(std::string_view(half.edge->relation)).bind(as_bytes(*half.other));
    AMIC_TRY_VOID(insert.bind(half.edge->ord).run());
  }
  return {};
}

Result<void> Applier::insert_refused() {
  Query insert(db_,
               "INSERT INTO refused (seq, n, quarantined, code, detail) "
               "VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
  for (RefusedObject const& row : derived_.refused) {
    if (!fresh(row.seq)) continue;
    if (row.seq > derived_.upto_seq)
      return fail(Code::kOutOfRange, "apply.refused", "a row is of a record after upto_seq");
    RefusedDetail detail{row.pointer, row.reason, {}};
    if (!row.body.empty()) detail.frame = compress::compress(as_bytes(row.body));
    Bytes const plain = encode_refused(detail);
    AMIC_TRY(Bytes const stored, keys_.seal(Sealed::kRefused, row.index, row.seq, plain));
    insert.bind(row.seq).bind(row.index).bind(row.quarantined ? 1 : 0).bind(code_name(row.code));
    AMIC_TRY_VOID(insert.bind(BytesView(stored)).run());
  }
  return {};
}

}  // namespace

Result<void> IndexFile::apply(Derived const& derived) {
  if (read_only_) return fail(Code::kReadOnly, "idx.db", "opened for reading only");
  std::lock_guard const lock(mutex_);
  if (writer_ == nullptr) return fail(Code::kUnavailable, "idx.db", "reset_index() did not finish");
  AMIC_TRY(std::uint64_t const applied, meta_get(*writer_, "applied_seq"));
  if (derived.upto_seq <= applied) return {};
  AMIC_TRY_VOID(train(derived));
  Transaction transaction(*writer_);
  AMIC_TRY_VOID(transaction.begin());
  AMIC_TRY_VOID(Applier(*writer_, bodies_, keys(), derived).run(pending_));
  AMIC_TRY_VOID(transaction.commit());
  pending_.clear();
  return {};
}

// In a transaction of its own: a dictionary that nothing uses yet does no harm, and bodies never
// name one that was rolled back.
Result<void> IndexFile::train(Derived const& derived) {
  AMIC_TRY(auto const newest, bodies_.newest(*writer_));
  AMIC_TRY(auto const last, writer_->integer("SELECT coalesce(max(ord), 0) FROM obj"));
  auto const held = static_cast<std::uint64_t>(last);
  std::uint64_t const objects =
      derived.objects.empty() ? held : std::max(held, derived.objects.back().ord);
  std::uint64_t const base = std::max(newest.objects, trained_at_);
  if (objects < kTrainObjectsMin || objects < base * kTrainGrowth) return {};
  // What was shredded after the batch was made must not live on in a dictionary.
  AMIC_TRY(auto const applied, meta_get(*writer_, "applied_seq"));
  AMIC_TRY(auto const shredded, keys().shredded(applied, derived.upto_seq));
  if (!shredded.empty()) return {};
  trained_at_ = objects;
  auto raw = train_from(derived, held);
  if (!raw) return raw.error().code == Code::kOutOfRange ? Result<void>() : fail(raw.error());
  Transaction transaction(*writer_);
  AMIC_TRY_VOID(transaction.begin());
  Query insert(*writer_, "INSERT INTO dict (dict, objects, raw) VALUES (?, ?, ?)");
  Bytes const stored = vault_.seal_dictionary(newest.dict + 1, *raw);
  AMIC_TRY_VOID(insert.bind(newest.dict + 1).bind(objects).bind(BytesView(stored)).run());
  return transaction.commit();
}

// kOutOfRange: too little or too uniform to train from.
Result<Bytes> IndexFile::train_from(Derived const& derived, std::uint64_t held) {
  std::vector<std::string> plain;  // from what is held, evenly over all of it
  std::size_t const from_held =
      derived.objects.size() >= kTrainObjectsMin ? kSamplesMax / 2 : kSamplesMax;
  std::uint64_t const step = std::max<std::uint64_t>(1, held / from_held);
  Keys keys = this->keys();
  for (std::uint64_t ord = 1; ord <= held;) {
    Query query(*writer_,
                "SELECT dict, body, ord, seq FROM obj WHERE ord >= ? ORDER BY ord LIMIT 1");
    query.bind(ord);
    AMIC_TRY(bool const row, query.step());
    if (!row) break;
    ord = std::max(ord + step, query.number(2) + 1);
    AMIC_TRY(BytesView const frame,
             keys.open(Sealed::kObject, query.number(2), query.number(3), query.blob(1)));
    AMIC_TRY(auto body, bodies_.decode(*writer_, query.number(0), frame));
    if (body.size() <= kSampleBytesMax) plain.push_back(std::move(body));
  }
  std::vector<BytesView> samples;
  for (std::string const& body : plain) samples.push_back(as_bytes(body));
  std::size_t const stride = std::max<std::size_t>(1, derived.objects.size() / (kSamplesMax / 2));
  for (std::size_t i = 0; i < derived.objects.size(); i += stride)
    if (derived.objects[i].body.size() <= kSampleBytesMax)
      samples.push_back(as_bytes(derived.objects[i].body));
  auto raw = compress::train_dictionary(samples, kDictionaryBytes);
  if (!raw) return fail(Code::kOutOfRange, "idx.db", raw.error().detail);
  return raw;
}

}  // namespace amic::store::sqlite
