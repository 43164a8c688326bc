#include <algorithm>
#include <map>
#include <utility>

#include "base/limits.h"
#include "codec/codec.h"
#include "crypto/hash.h"
#include "store/sqlite/columns.h"
#include "store/sqlite/index_file.h"

namespace amic::store::sqlite {
namespace {

Result<ObjectRow> object_at(Connection& connection, Bodies& bodies, Keys& keys, std::uint64_t ord) {
  Query query(connection, "SELECT " AMIC_OBJ_COLUMNS " FROM obj WHERE ord = ?");
  query.bind(ord);
  AMIC_TRY(bool const row, query.step());
  if (!row) return fail(Code::kCorrupt, "idx.db", "a posting without its object");
  return object_of(connection, bodies, keys, query);
}

}  // namespace

Result<ItemRow> item_of(Keys& keys, Query const& row) {
  ItemRow item;
  item.seq = row.number(0);
  AMIC_TRY(item.id, fixed_column<EnvelopeId>(row, 1, "idx.db"));
  AMIC_TRY(item.originator, member_of(row.text(2)));
  if (row.integer(3) < 0 || row.integer(3) >= kLaneCount)
    return fail(Code::kCorrupt, "idx.db", "unknown precedence");
  item.precedence = static_cast<Precedence>(row.integer(3));
  item.audience = static_cast<AudienceId>(row.integer(4));
  item.created_ms = row.integer(5);
  item.received_ms = row.integer(6);
  AMIC_TRY(BytesView const title, keys.open(Sealed::kTitle, item.seq, item.seq, row.blob(7)));
  item.title = as_text(title);
  item.media_type = row.text(8);
  item.objects = static_cast<std::uint32_t>(row.integer(9));
  item.quarantined = static_cast<std::uint32_t>(row.integer(10));
  item.rejected = static_cast<std::uint32_t>(row.integer(11));
  return item;
}

bool may_read(AudienceSet const& readable, std::uint64_t audience) {
  return std::binary_search(readable.begin(), readable.end(), audience,
                            [](std::uint64_t a, std::uint64_t b) { return a < b; });
}

Bytes encode_refused(RefusedDetail const& detail) {
  codec::Writer out;
  out.vec32(as_bytes(detail.pointer)).vec32(as_bytes(detail.reason)).vec32(detail.frame);
  return out.take();
}

Result<RefusedDetail> decode_refused(BytesView stored) {
  codec::Reader in(stored, "refused");
  RefusedDetail out;
  out.pointer = as_text(in.vec32(stored.size()));
  out.reason = as_text(in.vec32(stored.size()));
  out.frame = to_bytes(in.vec32(stored.size()));
  if (!in.finish()) return fail(Code::kCorrupt, "idx.db", "a refused object is cut short");
  return out;
}

Result<ObjectRow> object_of(Connection& connection, Bodies& bodies, Keys& keys, Query const& row) {
  ObjectRow object;
  object.ord = row.number(kOrd);
  AMIC_TRY(object.id, decode_id(row.blob(kId)));
  object.version_us = row.integer(kVer);
  object.type = row.text(kType);
  if (object.type.empty()) object.type = encoded_type(as_text(row.blob(kId)));
  AMIC_TRY(object.creator, member_of(row.text(kCreator)));
  object.audience = static_cast<AudienceId>(row.integer(kAud));
  object.seq = row.number(kSeq);
  object.added_us = row.integer(kAdded);
  AMIC_TRY(BytesView const frame,
           keys.open(Sealed::kObject, object.ord, object.seq, row.blob(kBody)));
  AMIC_TRY(object.body, bodies.decode(connection, row.number(kDict), frame));
  return object;
}

Result<std::uint64_t> pick_version(Connection& connection, std::string const& encoded_id, Pick pick,
                                   AudienceSet const& readable) {
  Query query(connection,
              pick == Pick::kLast
                  ? "SELECT ver, aud, ord FROM obj_by_id WHERE id = ? ORDER BY ver DESC, aud DESC"
                  : "SELECT ver, aud, ord FROM obj_by_id WHERE id = ? ORDER BY ver, aud");
  query.bind(as_bytes(encoded_id));
  std::uint64_t ord = 0;
  std::int64_t version = 0;
  for (;;) {
    AMIC_TRY(bool const row, query.step());
    if (!row || (ord != 0 && query.integer(0) != version)) return ord;
    if (!may_read(readable, query.number(1))) continue;
    if (ord == 0 || query.number(2) < ord) ord = query.number(2);
    version = query.integer(0);
  }
}

Result<std::uint64_t> pick_copy(Connection& connection, std::string const& encoded_id,
                                std::int64_t version_us, AudienceSet const& readable) {
  Query query(connection, "SELECT aud, ord FROM obj_by_id WHERE id = ? AND ver = ?");
  query.bind(as_bytes(encoded_id)).bind(version_us);
  std::uint64_t ord = 0;
  for (;;) {
    AMIC_TRY(bool const row, query.step());
    if (!row) return ord;
    if (!may_read(readable, query.number(0))) continue;
    if (ord == 0 || query.number(1) < ord) ord = query.number(1);
  }
}

Result<std::uint64_t> IndexFile::watermark() {
  AMIC_TRY(auto const lease, reader());
  return meta_get(*lease, "applied_seq");
}

Result<FeedEnd> IndexFile::feed_end() {
  AMIC_TRY(auto const lease, reader());
  Query query(*lease, "SELECT ord, added FROM obj ORDER BY ord DESC LIMIT 1");
  AMIC_TRY(bool const row, query.step());
  if (!row) return FeedEnd{};
  return FeedEnd{query.number(0), query.integer(1)};
}

Result<std::vector<Audience>> IndexFile::audiences() {
  AMIC_TRY(auto const lease, reader());
  Query query(*lease, "SELECT aud, label FROM aud ORDER BY aud");
  std::vector<Audience> out;
  for (;;) {
    AMIC_TRY(bool const row, query.step());
    if (!row) return out;
    out.push_back({static_cast<AudienceId>(query.integer(0)), to_bytes(query.blob(1))});
  }
}

Result<std::optional<ObjectRow>> IndexFile::get(std::string const& id,
                                                AudienceSet const& readable) {
  AMIC_TRY(auto const lease, reader());
  AMIC_TRY(std::uint64_t const ord, pick_version(*lease, encode_id(id), Pick::kLast, readable));
  if (ord == 0) return std::optional<ObjectRow>();
  Keys keys = this->keys();
  AMIC_TRY(auto object, object_at(*lease, bodies_, keys, ord));
  return std::optional(std::move(object));
}

Result<std::vector<ObjectRow>> IndexFile::versions(std::string const& id,
                                                   AudienceSet const& readable) {
  AMIC_TRY(auto const lease, reader());
  std::string const encoded = encode_id(id);
  std::vector<std::pair<std::int64_t, std::uint64_t>> shown;  // (version, ord), newest first
  {
    Query query(*lease,
                "SELECT ver, aud, ord FROM obj_by_id WHERE id = ? ORDER BY ver DESC, aud DESC");
    query.bind(as_bytes(encoded));
    for (;;) {
      AMIC_TRY(bool const row, query.step());
      if (!row) break;
      if (!may_read(readable, query.number(1))) continue;
      if (!shown.empty() && shown.back().first == query.integer(0)) {
        shown.back().second = std::min(shown.back().second, query.number(2));
        continue;
      }
      if (shown.size() == limits::kPageMax) break;
      shown.emplace_back(query.integer(0), query.number(2));
    }
  }
  std::vector<ObjectRow> out;
  Keys keys = this->keys();
  for (auto at = shown.rbegin(); at != shown.rend(); ++at) {
    AMIC_TRY(auto object, object_at(*lease, bodies_, keys, at->second));
    out.push_back(std::move(object));
  }
  return out;
}

Result<bool> IndexFile::has_version(std::string const& id, std::int64_t version_us,
                                    Hash* body_sha256) {
  AMIC_TRY(auto const lease, reader());
  std::string const encoded = encode_id(id);
  std::uint64_t ord = 0;
  {
    Query query(*lease, "SELECT ord FROM obj_by_id WHERE id = ? AND ver = ?");
    query.bind(as_bytes(encoded)).bind(version_us);
    for (;;) {
      AMIC_TRY(bool const row, query.step());
      if (!row) break;
      ord = ord == 0 ? query.number(0) : std::min(ord, query.number(0));
    }
  }
  if (ord == 0 || body_sha256 == nullptr) return ord != 0;
  Keys keys = this->keys();
  AMIC_TRY(auto const object, object_at(*lease, bodies_, keys, ord));
  *body_sha256 = crypto::sha256(as_bytes(object.body));
  return true;
}

Result<bool> IndexFile::has_version_for(std::string const& id, std::int64_t version_us,
                                        AudienceId audience) {
  AMIC_TRY(auto const lease, reader());
  std::string const encoded = encode_id(id);
  Query query(*lease, "SELECT ord FROM obj_by_id WHERE id = ? AND ver = ? AND aud = ?");
  query.bind(as_bytes(encoded)).bind(version_us).bind(audience);
  return query.step();
}

// In the order of the keys, so that each page of the tree is read once.
Result<std::vector<bool>> IndexFile::has_versions(std::vector<VersionKey> const& wanted) {
  std::vector<bool> out(wanted.size());
  if (wanted.empty()) return out;
  std::vector<std::pair<std::string, std::size_t>> order;
  order.reserve(wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i) order.emplace_back(encode_id(wanted[i].id), i);
  std::sort(order.begin(), order.end());
  AMIC_TRY(auto const lease, reader());
  Query one(*lease, "SELECT ord FROM obj_by_id WHERE id = ? AND ver = ? LIMIT 1");
  Query any(*lease, "SELECT ord FROM obj_by_id WHERE id = ? LIMIT 1");
  for (auto const& [id, i] : order) {
    auto const& version = wanted[i].version_us;
    Query& query = version ? one : any;
    query.reset();
    query.bind(as_bytes(id));
    if (version) query.bind(*version);
    AMIC_TRY(bool const held, query.step());
    out[i] = held;
  }
  return out;
}

Result<std::vector<ItemRow>> IndexFile::items(std::uint64_t after_seq, std::size_t limit,
                                              AudienceSet const& readable, bool newest_first) {
  if (limit == 0 || limit > limits::kPageMax) return fail(Code::kOutOfRange, "items.limit");
  std::vector<ItemRow> out;
  if (readable.empty()) return out;
  AMIC_TRY(auto const lease, reader());
  Query query(*lease, newest_first
                          ? "SELECT " AMIC_ITEM_COLUMNS " FROM item WHERE seq < ? ORDER BY seq DESC"
                          : "SELECT " AMIC_ITEM_COLUMNS " FROM item WHERE seq > ? ORDER BY seq");
  query.bind(newest_first && after_seq == 0 ? UINT64_MAX : after_seq);
  Keys keys = this->keys();
  while (out.size() < limit) {
    AMIC_TRY(bool const row, query.step());
    if (!row) break;
    if (!may_read(readable, query.number(4))) continue;
    AMIC_TRY(auto item, item_of(keys, query));
    out.push_back(std::move(item));
  }
  return out;
}

Result<std::optional<ItemRow>> IndexFile::item(EnvelopeId const& id, AudienceSet const& readable) {
  AMIC_TRY(auto const lease, reader());
  Query by_id(*lease, "SELECT seq FROM item_by_id WHERE id = ?");
  by_id.bind(id.view());
  AMIC_TRY(bool const known, by_id.step());
  if (!known) return std::optional<ItemRow>();
  Query query(*lease, "SELECT " AMIC_ITEM_COLUMNS " FROM item WHERE seq = ?");
  query.bind(by_id.number(0));
  AMIC_TRY(bool const row, query.step());
  if (!row) return fail(Code::kCorrupt, "idx.db", "an item's id without the item");
  if (!may_read(readable, query.number(4))) return std::optional<ItemRow>();
  Keys keys = this->keys();
  AMIC_TRY(auto item, item_of(keys, query));
  return std::optional(std::move(item));
}

// Goes from label to label, so that what the reader may not read costs one step a label however
// many edges it has.
Result<std::vector<EdgeRow>> IndexFile::edges(std::string const& node, bool outgoing,
                                              std::size_t limit, AudienceSet const& readable) {
  if (limit == 0 || limit > limits::kPageMax) return fail(Code::kOutOfRange, "edges.limit");
  AMIC_TRY(auto const lease, reader());
  std::string const encoded = encode_id(node);
  int const dir = outgoing ? 0 : 1;
  std::map<std::pair<std::string, std::string>, EdgeRow> found;  // (relation, other): once
  auto label = readable.begin();
  while (label != readable.end() && found.size() < limit) {
    std::uint64_t present = 0;
    {
      Query next(*lease,
                 "SELECT aud FROM edge WHERE node = ? AND dir = ? AND aud >= ? "
                 "ORDER BY aud LIMIT 1");
      next.bind(as_bytes(encoded)).bind(dir).bind(*label);
      AMIC_TRY(bool const row, next.step());
      if (!row) break;
      present = next.number(0);
    }
    label = std::lower_bound(label, readable.end(), present);
    if (label == readable.end() || *label != present) continue;
    Query query(*lease,
                "SELECT rel, other, ord FROM edge WHERE node = ? AND dir = ? AND aud = ? "
                "ORDER BY rel, other");
    query.bind(as_bytes(encoded)).bind(dir).bind(present);
    while (found.size() < limit) {
      AMIC_TRY(bool const row, query.step());
      if (!row) break;
      AMIC_TRY(std::string other, decode_id(query.blob(1)));
      EdgeRow edge{outgoing ? node : other, outgoing ? other : node, std::string(query.text(0)),
                   query.number(2), *label};
      auto const [at, fresh] = found.try_emplace({edge.relation, other}, edge);
      if (!fresh && edge.ord < at->second.ord) at->second = std::move(edge);
    }
    ++label;
  }
  std::vector<EdgeRow> out;
  for (auto& [key, edge] : found) out.push_back(std::move(edge));
  return out;
}

Result<std::vector<RefusedObject>> IndexFile::refused(std::uint64_t seq) {
  AMIC_TRY(auto const lease, reader());
  Query query(*lease, "SELECT n, quarantined, code, detail FROM refused WHERE seq = ? ORDER BY n");
  query.bind(seq);
  std::vector<RefusedObject> out;
  Keys keys = this->keys();
  for (;;) {
    AMIC_TRY(bool const row, query.step());
    if (!row) return out;
    RefusedObject object;
    object.seq = seq;
    object.index = static_cast<std::uint32_t>(query.integer(0));
    object.quarantined = query.integer(1) != 0;
    AMIC_TRY(object.code, code_of_name(query.text(2)));
    AMIC_TRY(BytesView const plain, keys.open(Sealed::kRefused, object.index, seq, query.blob(3)));
    AMIC_TRY(RefusedDetail detail, decode_refused(plain));
    object.pointer = std::move(detail.pointer);
    object.reason = std::move(detail.reason);
    if (!detail.frame.empty()) {
      AMIC_TRY(object.body, bodies_.decode(*lease, 0, detail.frame));
    }
    out.push_back(std::move(object));
  }
}

Result<std::uint64_t> IndexFile::object_count(AudienceSet const& readable) {
  AMIC_TRY(auto const lease, reader());
  std::uint64_t count = 0;
  for (AudienceId const audience : readable) {
    Query query(*lease, "SELECT objects FROM aud WHERE aud = ?");
    query.bind(audience);
    AMIC_TRY(bool const row, query.step());
    if (row) count += query.number(0);
  }
  return count;
}

}  // namespace amic::store::sqlite
