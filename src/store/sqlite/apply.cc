// Writing the index: one transaction a batch. Rows go into each table in the order of its key, so
// that a batch touches each page of a tree once.
#include <algorithm>
#include <future>
#include <numeric>
#include <tuple>
#include <unordered_set>

#include "base/limits.h"
#include "crypto/hash.h"
#include "store/sqlite/columns.h"
#include "store/sqlite/index_file.h"

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
    std::string id;  // encoded
    bool multi = false;
    bool skip = false;
  };
  // Neither applied before nor shredded since the batch was made.
  bool fresh(std::uint64_t seq) const {
    return seq > applied_ && !std::binary_search(shredded_.begin(), shredded_.end(), seq);
  }
  Result<void> store_label(BytesView label, AudienceId id);
  Result<void> check_row(std::uint64_t seq, AudienceId audience) const;
  Result<void> collect_objects();
  Result<void> mark_siblings(Object& object);
  Result<void> insert_ids();
  Result<void> insert_bodies(std::uint64_t dict, std::vector<Bytes> const& frames);
  Result<void> insert_postings();
  Result<void> count_objects();
  Result<void> insert_items();
  Result<void> insert_edges();
  Result<void> insert_refused();

  Connection& db_;
  Bodies& bodies_;
  Keys keys_;
  Derived const& derived_;
  std::vector<std::uint64_t> shredded_;         // of the batch's records; rising
  std::unordered_set<std::uint64_t> left_out_;  // ords of the batch that get no row
  std::uint64_t applied_ = 0, last_ord_ = 0, audience_max_ = 0;
  std::int64_t last_added_ = 0;
  std::vector<Object> objects_;  // in ord order
};

Result<void> Applier::run(std::map<Bytes, AudienceId> const& pending) {
  AMIC_TRY(applied_, meta_get(db_, "applied_seq"));
  if (derived_.upto_seq <= applied_) return {};
  AMIC_TRY(shredded_, keys_.shredded(applied_, derived_.upto_seq));
  for (auto const& [label, id] : pending) AMIC_TRY_VOID(store_label(label, id));
  for (Audience const& audience : derived_.audiences)
    AMIC_TRY_VOID(store_label(audience.label, audience.id));
  AMIC_TRY(auto const audiences, db_.integer("SELECT coalesce(max(aud), 0) FROM aud"));
  audience_max_ = static_cast<std::uint64_t>(audiences);
  {
    Query end(db_, "SELECT ord, added FROM obj ORDER BY ord DESC LIMIT 1");
    AMIC_TRY(bool const row, end.step());
    last_ord_ = row ? end.number(0) : 0;
    last_added_ = row ? end.integer(1) : INT64_MIN;
  }
  AMIC_TRY_VOID(collect_objects());
  AMIC_TRY(auto const newest, bodies_.newest(db_));
  AMIC_TRY(auto dictionary, bodies_.dictionary(db_, newest.dict));
  auto frames = pack(std::move(dictionary), derived_.objects);
  AMIC_TRY_VOID(insert_ids());
  AMIC_TRY_VOID(insert_postings());
  AMIC_TRY_VOID(count_objects());
  AMIC_TRY_VOID(insert_items());
  AMIC_TRY_VOID(insert_edges());
  AMIC_TRY_VOID(insert_refused());
  AMIC_TRY_VOID(insert_bodies(newest.dict, frames.get()));
  return meta_put(db_, "applied_seq", derived_.upto_seq);
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
  std::uint64_t ord = last_ord_;
  std::int64_t added = last_added_;
  bool first = ord == 0;
  objects_.reserve(derived_.objects.size());
  std::uint64_t seq = 0;
  for (ObjectRow const& row : derived_.objects) {
    if (!fresh(row.seq)) {
      left_out_.insert(row.ord);
      continue;
    }
    AMIC_TRY_VOID(check_row(row.seq, row.audience));
    if (row.ord <= ord || (!first && row.added_us <= added))
      return fail(Code::kOutOfRange, "apply.objects", "ord and added_us must rise");
    if (row.seq < seq) return fail(Code::kOutOfRange, "apply.objects", "seq must not fall");
    seq = row.seq;
    if (row.body.size() > limits::kBodyBytesMax)
      return fail(Code::kTooLarge, "apply.objects", "body");
    ord = row.ord;
    added = row.added_us;
    first = false;
    objects_.push_back({&row, encode_id(row.id)});
  }
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
  std::vector<std::size_t> order(objects_.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [this](std::size_t a, std::size_t b) {
    int const by_id = objects_[a].id.compare(objects_[b].id);
    return by_id != 0 ? by_id < 0 : a < b;
  });
  for (std::size_t const i : order) {
    Object& object = objects_[i];
    {
      Query have(db_, "SELECT ord FROM obj_by_id WHERE id = ? AND ver = ? AND aud = ?");
      have.bind(as_bytes(object.id)).bind(object.row->version_us).bind(object.row->audience);
      AMIC_TRY(object.skip, have.step());
    }
    if (object.skip) {
      left_out_.insert(object.row->ord);
      continue;
    }
    AMIC_TRY_VOID(mark_siblings(object));
    Query insert(db_, "INSERT INTO obj_by_id (id, ver, aud, ord) VALUES (?, ?, ?, ?)");
    insert.bind(as_bytes(object.id)).bind(object.row->version_us).bind(object.row->audience);
    AMIC_TRY_VOID(insert.bind(object.row->ord).run());
  }
  std::erase_if(objects_, [](Object const& o) { return o.skip; });
  return {};
}

// `frames`: of all objects of the batch, in their order there.
Result<void> Applier::insert_bodies(std::uint64_t dict, std::vector<Bytes> const& frames) {
  Query insert(db_,
               "INSERT INTO obj (ord, ver, added, seq, aud, multi, dict, creator, type, id, body) "
               "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  for (Object const& object : objects_) {
    ObjectRow const& row = *object.row;
    Bytes const& frame = frames[static_cast<std::size_t>(&row - derived_.objects.data())];
    AMIC_TRY(Bytes const body, keys_.seal(Sealed::kObject, row.ord, row.seq, frame));
    // The type is nearly always what the id begins with: then it is not stored again.
    std::string_view const type =
        encoded_type(object.id) == row.type ? std::string_view() : std::string_view(row.type);
    insert.bind(row.ord).bind(row.version_us).bind(row.added_us).bind(row.seq).bind(row.audience);
    insert.bind(object.multi ? 1 : 0).bind(dict).bind(row.creator.str()).bind(type);
    AMIC_TRY_VOID(insert.bind(as_bytes(object.id)).bind(BytesView(body)).run());
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

Result<void> Applier::insert_items() {
  Query insert(db_,
               "INSERT INTO item (seq, id, originator, precedence, aud, created_ms, received_ms, "
               "title, media_type, objects, quarantined, rejected) "
               "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
  Query by_id(db_, "INSERT INTO item_by_id (id, seq) VALUES (?, ?) ON CONFLICT DO NOTHING");
  for (ItemRow const& row : derived_.items) {
    if (!fresh(row.seq)) continue;
    AMIC_TRY_VOID(check_row(row.seq, row.audience));
    AMIC_TRY(Bytes const title, keys_.seal(Sealed::kTitle, row.seq, row.seq, as_bytes(row.title)));
    insert.bind(row.seq).bind(row.id.view()).bind(row.originator.str());
    insert.bind(static_cast<int>(row.precedence)).bind(row.audience).bind(row.created_ms);
    insert.bind(row.received_ms).bind(BytesView(title));
    insert.bind(std::string_view(row.media_type)).bind(row.objects).bind(row.quarantined);
    AMIC_TRY_VOID(insert.bind(row.rejected).run());
    AMIC_TRY_VOID(by_id.bind(row.id.view()).bind(row.seq).run());
  }
  return {};
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
    if (edge.ord <= last_ord_ || left_out_.contains(edge.ord)) continue;
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
  std::uint64_t const objects = held + derived.objects.size();
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
  for (std::uint64_t ord = 1; ord <= held; ord += step) {
    Query query(*writer_,
                "SELECT dict, body, ord, seq FROM obj WHERE ord >= ? ORDER BY ord LIMIT 1");
    query.bind(ord);
    AMIC_TRY(bool const row, query.step());
    if (!row) break;
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
