#include <algorithm>
#include <map>
#include <utility>

#include "base/limits.h"
#include "codec/codec.h"
#include "store/sqlite/columns.h"
#include "store/sqlite/index_file.h"

namespace amic::store::sqlite {
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
  AMIC_TRY(item.digest, fixed_column<Hash>(row, 12, "idx.db"));
  if (row.integer(13) < 0 || row.integer(13) > static_cast<int>(ItemState::kErased))
    return fail(Code::kCorrupt, "idx.db", "unknown state of an item");
  item.state = static_cast<ItemState>(row.integer(13));
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
  object.loose = row.integer(kLoose) != 0;
  object.placed_seq = row.number(kPlaced);
  if (object.placed_seq == row.number(kSeq)) object.placed_seq = 0;
  object.audience = static_cast<AudienceId>(row.integer(kAud));
  object.seq = row.number(kSeq);
  object.added_us = row.integer(kAdded);
  AMIC_TRY(BytesView const frame,
           keys.open(Sealed::kObject, object.ord, object.seq, row.blob(kBody)));
  AMIC_TRY(object.body, bodies.decode(connection, row.number(kDict), frame));
  return object;
}

Result<std::uint64_t> IndexFile::watermark() {
  AMIC_TRY(auto const lease, reader());
  return meta_get(*lease, "applied_seq");
}

Result<FeedEnd> IndexFile::feed_end() {
  AMIC_TRY(auto const lease, reader());
  return stored_end(*lease);
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

Result<std::optional<UnixMs>> IndexFile::received_ms(std::uint64_t seq) {
  AMIC_TRY(auto connection, reader());
  Query query(*connection, "SELECT received_ms FROM item WHERE seq = ?");
  AMIC_TRY(bool const row, query.bind(seq).step());
  if (!row) return std::optional<UnixMs>();
  return std::optional<UnixMs>(query.integer(0));
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
