#include "store/sqlite/placing.h"

#include "codec/codec.h"
#include "crypto/hash.h"
#include "store/sqlite/columns.h"

namespace amic::store::sqlite {
namespace {

// Big-endian with the sign flipped: sorts as bytes as the number does.
void put_sorted(codec::Writer& out, std::int64_t value) {
  out.u64(static_cast<std::uint64_t>(value) ^ (std::uint64_t{1} << 63));
}

std::string text_of(codec::Writer&& out) {
  return std::string(as_text(out.bytes()));
}

Bytes encode_links(Links const& links) {
  codec::Writer out;
  out.u32(static_cast<std::uint32_t>(links.size()));
  for (auto const& [relation, other] : links) out.vec32(as_bytes(relation)).vec32(as_bytes(other));
  return out.take();
}

Result<Links> decode_links(BytesView stored) {
  codec::Reader in(stored, "spare.edges");
  Links out;
  std::size_t const count = in.u32();
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    std::string relation(as_text(in.vec32(stored.size())));
    out.emplace_back(std::move(relation), std::string(as_text(in.vec32(stored.size()))));
  }
  if (!in.finish()) return fail(Code::kCorrupt, "idx.db", "the edges of a spare row are cut short");
  return out;
}

std::string_view type_of(Placed const& row) {
  return row.type.empty() ? encoded_type(row.id) : std::string_view(row.type);
}

Result<void> insert_edge(Connection& db, std::string const& node, int dir, Placed const& row,
                         std::string const& relation, std::string const& other) {
  Query query(db,
              "INSERT INTO edge (node, dir, aud, rel, other, ord) VALUES (?, ?, ?, ?, ?, ?) "
              "ON CONFLICT DO NOTHING");
  query.bind(as_bytes(node)).bind(dir).bind(row.aud).bind(std::string_view(relation));
  return query.bind(as_bytes(other)).bind(row.ord).run();
}

Result<void> delete_edge(Connection& db, std::string const& node, int dir, Placed const& row,
                         std::string const& relation, std::string const& other) {
  Query query(db,
              "DELETE FROM edge WHERE node = ? AND dir = ? AND aud = ? AND rel = ? AND other = ? "
              "AND ord = ?");
  query.bind(as_bytes(node)).bind(dir).bind(row.aud).bind(std::string_view(relation));
  return query.bind(as_bytes(other)).bind(row.ord).run();
}

Result<void> insert_key(Connection& db, Placed const& row) {
  std::string const key = key_of(row.loose, row.version, row.hash);
  std::string const rank = rank_of(row.loose, row.version, row.hash, row.ord);
  Query query(db, "INSERT INTO obj_by_key (id, creator, aud, k, r, ord) VALUES (?, ?, ?, ?, ?, ?)");
  query.bind(as_bytes(row.id)).bind(std::string_view(row.creator)).bind(row.aud);
  return query.bind(as_bytes(key)).bind(as_bytes(rank)).bind(row.ord).run();
}

Result<void> delete_key(Connection& db, Placed const& row) {
  std::string const key = key_of(row.loose, row.version, row.hash);
  std::string const rank = rank_of(row.loose, row.version, row.hash, row.ord);
  Query query(db,
              "DELETE FROM obj_by_key WHERE id = ? AND creator = ? AND aud = ? AND k = ? "
              "AND r = ?");
  query.bind(as_bytes(row.id)).bind(std::string_view(row.creator)).bind(row.aud);
  return query.bind(as_bytes(key)).bind(as_bytes(rank)).run();
}

// The columns that obj and spare have in common, in one order.
#define AMIC_PLACED_COLUMNS \
  "ord, seq, placed, aud, dict, ver, added, loose, creator, type, id, body"
Placed placed_of(Query const& row) {
  Placed out;
  out.ord = row.number(0);
  out.seq = row.number(1);
  out.placed = row.number(2);
  out.aud = row.number(3);
  out.dict = row.number(4);
  out.version = row.integer(5);
  out.added = row.integer(6);
  out.loose = row.integer(7) != 0;
  out.creator = row.text(8);
  out.type = row.text(9);
  out.id = as_text(row.blob(10));
  out.body = to_bytes(row.blob(11));
  return out;
}

Query& bind_placed(Query& query, Placed const& row) {
  query.bind(row.ord).bind(row.seq).bind(row.placed).bind(row.aud).bind(row.dict);
  query.bind(row.version).bind(row.added).bind(row.loose ? 1 : 0);
  query.bind(std::string_view(row.creator)).bind(std::string_view(row.type));
  return query.bind(as_bytes(row.id)).bind(BytesView(row.body));
}

}  // namespace

std::string body_hash(std::string_view body) {
  Hash const digest = crypto::sha256(as_bytes(body));
  return std::string(as_text(digest.view().first(kBodyHashBytes)));
}

std::string key_of(bool loose, std::int64_t version, std::string_view hash) {
  if (loose) return "L" + std::string(hash);
  codec::Writer out;
  put_sorted(out.u8('S'), version);
  return text_of(std::move(out));
}

std::string rank_of(bool loose, std::int64_t version, std::string_view hash, std::uint64_t ord) {
  codec::Writer out;
  if (loose)
    put_sorted(out, version);
  else
    out.raw(as_bytes(hash));
  out.u64(ord);
  return text_of(std::move(out));
}

Result<std::pair<std::uint64_t, std::string>> Placing::front(Placed const& row) {
  std::pair<std::uint64_t, std::string> out;
  if (row.loose) {
    std::string const key = key_of(true, 0, row.hash);
    Query query(db_,
                "SELECT ord, r FROM obj_by_key WHERE id = ? AND creator = ? AND aud = ? AND k = ? "
                "ORDER BY r LIMIT 1");
    query.bind(as_bytes(row.id)).bind(std::string_view(row.creator)).bind(row.aud);
    AMIC_TRY(bool const found, query.bind(as_bytes(key)).step());
    if (found) out = {query.number(0), std::string(as_text(query.blob(1)))};
    return out;
  }
  Query query(db_,
              "SELECT ord, h, loose FROM obj_by_id WHERE id = ? AND creator = ? AND ver = ? "
              "AND aud = ?");
  query.bind(as_bytes(row.id)).bind(std::string_view(row.creator)).bind(row.version);
  query.bind(row.aud);
  for (;;) {
    AMIC_TRY(bool const found, query.step());
    if (!found) return out;
    if (query.integer(2) != 0) continue;
    out = {query.number(0), rank_of(false, row.version, as_text(query.blob(1)), query.number(0))};
  }
}

Result<void> Placing::to_spare(Placed const& row, Links const& links) {
  {
    Query query(db_, "INSERT INTO spare (" AMIC_PLACED_COLUMNS
                     ", h, edges) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    Bytes const encoded = encode_links(links);
    bind_placed(query, row).bind(as_bytes(row.hash)).bind(BytesView(encoded));
    AMIC_TRY_VOID(query.run());
  }
  return insert_key(db_, row);
}

Result<Placed> Placing::read(bool spare, std::uint64_t ord, Links* links) {
  Placed out;
  {
    Query query(db_, spare ? "SELECT " AMIC_PLACED_COLUMNS ", h, edges FROM spare WHERE ord = ?"
                           : "SELECT " AMIC_PLACED_COLUMNS " FROM obj WHERE ord = ?");
    AMIC_TRY(bool const found, query.bind(ord).step());
    if (!found) return fail(Code::kCorrupt, "idx.db", "a key without its row");
    out = placed_of(query);
    if (spare) {
      out.hash = as_text(query.blob(12));
      if (links != nullptr) {
        AMIC_TRY(*links, decode_links(query.blob(13)));
      }
      return out;
    }
  }
  {
    Query query(db_,
                "SELECT h FROM obj_by_id WHERE id = ? AND creator = ? AND ver = ? AND aud = ? "
                "AND ord = ?");
    query.bind(as_bytes(out.id)).bind(std::string_view(out.creator)).bind(out.version);
    AMIC_TRY(bool const found, query.bind(out.aud).bind(ord).step());
    if (!found) return fail(Code::kCorrupt, "idx.db", "an object that its id does not lead to");
    out.hash = as_text(query.blob(0));
  }
  if (links != nullptr) {
    AMIC_TRY(*links, links_of(out));
  }
  return out;
}

// Edges start at the object that they came with. Other versions have rows of their own for theirs.
Result<Links> Placing::links_of(Placed const& row) {
  Query query(db_, "SELECT rel, other, ord FROM edge WHERE node = ? AND dir = 0 AND aud = ?");
  query.bind(as_bytes(row.id)).bind(row.aud);
  Links out;
  for (;;) {
    AMIC_TRY(bool const more, query.step());
    if (!more) return out;
    if (query.number(2) == row.ord)
      out.emplace_back(std::string(query.text(0)), std::string(as_text(query.blob(1))));
  }
}

// The object's place in every table that leads to it.
Result<void> Placing::take_out(Placed const& row, Links const& links) {
  for (auto const& [relation, other] : links) {
    AMIC_TRY_VOID(delete_edge(db_, row.id, 0, row, relation, other));
    AMIC_TRY_VOID(delete_edge(db_, other, 1, row, relation, row.id));
  }
  Query object(db_, "DELETE FROM obj WHERE ord = ?");
  AMIC_TRY_VOID(object.bind(row.ord).run());
  Query by_id(db_,
              "DELETE FROM obj_by_id WHERE id = ? AND creator = ? AND ver = ? AND aud = ? "
              "AND ord = ?");
  by_id.bind(as_bytes(row.id)).bind(std::string_view(row.creator)).bind(row.version);
  AMIC_TRY_VOID(by_id.bind(row.aud).bind(row.ord).run());
  Query by_type(db_, "DELETE FROM obj_by_type WHERE type = ? AND ord = ?");
  AMIC_TRY_VOID(by_type.bind(type_of(row)).bind(row.ord).run());
  Query by_creator(db_, "DELETE FROM obj_by_creator WHERE creator = ? AND ord = ?");
  AMIC_TRY_VOID(by_creator.bind(std::string_view(row.creator)).bind(row.ord).run());
  Query by_aud(db_, "DELETE FROM obj_by_aud WHERE aud = ? AND ord = ?");
  AMIC_TRY_VOID(by_aud.bind(row.aud).bind(row.ord).run());
  Query count(db_, "UPDATE aud SET objects = objects - 1 WHERE aud = ?");
  return count.bind(row.aud).run();
}

Result<void> Placing::take_out_spare(Placed const& row) {
  Query query(db_, "DELETE FROM spare WHERE ord = ?");
  AMIC_TRY_VOID(query.bind(row.ord).run());
  return delete_key(db_, row);
}

Result<void> Placing::demote(std::uint64_t ord) {
  Links links;
  AMIC_TRY(Placed const row, read(false, ord, &links));
  AMIC_TRY_VOID(take_out(row, links));
  if (row.loose) AMIC_TRY_VOID(delete_key(db_, row));
  return to_spare(row, links);
}

Result<void> Placing::insert_front(Placed const& row, Links const& links) {
  {
    // That it may have siblings costs readers a look-up; that it has none they must be able to rely
    // on.
    Query query(db_, "INSERT INTO obj (" AMIC_PLACED_COLUMNS
                     ", multi) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)");
    bind_placed(query, row);
    AMIC_TRY_VOID(query.run());
  }
  Query by_id(db_,
              "INSERT INTO obj_by_id (id, creator, ver, aud, ord, h, loose) "
              "VALUES (?, ?, ?, ?, ?, ?, ?)");
  by_id.bind(as_bytes(row.id)).bind(std::string_view(row.creator)).bind(row.version);
  by_id.bind(row.aud).bind(row.ord).bind(as_bytes(row.hash)).bind(row.loose ? 1 : 0);
  AMIC_TRY_VOID(by_id.run());
  Query by_type(db_, "INSERT INTO obj_by_type (type, ord, aud) VALUES (?, ?, ?)");
  AMIC_TRY_VOID(by_type.bind(type_of(row)).bind(row.ord).bind(row.aud).run());
  Query by_creator(db_, "INSERT INTO obj_by_creator (creator, ord, aud) VALUES (?, ?, ?)");
  by_creator.bind(std::string_view(row.creator)).bind(row.ord);
  AMIC_TRY_VOID(by_creator.bind(row.aud).run());
  Query by_aud(db_, "INSERT INTO obj_by_aud (aud, ord) VALUES (?, ?)");
  AMIC_TRY_VOID(by_aud.bind(row.aud).bind(row.ord).run());
  Query count(db_, "UPDATE aud SET objects = objects + 1 WHERE aud = ?");
  AMIC_TRY_VOID(count.bind(row.aud).run());
  for (auto const& [relation, other] : links) {
    AMIC_TRY_VOID(insert_edge(db_, row.id, 0, row, relation, other));
    AMIC_TRY_VOID(insert_edge(db_, other, 1, row, relation, row.id));
  }
  return {};
}

// What waits first under the key of the row that is gone takes its place.
Result<void> Placing::come_forward(Placed const& gone) {
  std::uint64_t next = 0;
  {
    std::string const key = key_of(gone.loose, gone.version, gone.hash);
    Query query(db_,
                "SELECT ord FROM obj_by_key WHERE id = ? AND creator = ? AND aud = ? AND k = ? "
                "ORDER BY r LIMIT 1");
    query.bind(as_bytes(gone.id)).bind(std::string_view(gone.creator)).bind(gone.aud);
    AMIC_TRY(bool const found, query.bind(as_bytes(key)).step());
    if (!found) return {};
    next = query.number(0);
  }
  Links links;
  AMIC_TRY(Placed const row, read(true, next, &links));
  AMIC_TRY_VOID(take_out_spare(row));
  if (row.loose) AMIC_TRY_VOID(insert_key(db_, row));
  return insert_front(row, links);
}

// What places rows does not fall over the feed, so a record's are found by halving.
Result<std::uint64_t> Placing::first_ord(bool spare, std::uint64_t placed) {
  AMIC_TRY(auto const last, db_.integer(spare ? "SELECT coalesce(max(ord), 0) FROM spare"
                                              : "SELECT coalesce(max(ord), 0) FROM obj"));
  std::uint64_t low = 1, high = static_cast<std::uint64_t>(last) + 1;
  while (low < high) {
    std::uint64_t const middle = low + (high - low) / 2;
    Query probe(db_, spare ? "SELECT ord, placed FROM spare WHERE ord >= ? ORDER BY ord LIMIT 1"
                           : "SELECT ord, placed FROM obj WHERE ord >= ? ORDER BY ord LIMIT 1");
    AMIC_TRY(bool const row, probe.bind(middle).step());
    if (row && probe.number(1) < placed)
      low = probe.number(0) + 1;
    else
      high = middle;
  }
  return low;
}

Result<std::vector<std::uint64_t>> Placing::ords_of(bool spare, std::uint64_t seq,
                                                    std::uint64_t placed) {
  AMIC_TRY(std::uint64_t const first, first_ord(spare, placed));
  std::vector<std::uint64_t> out;
  Query query(db_, spare ? "SELECT ord, placed, seq FROM spare WHERE ord >= ? ORDER BY ord"
                         : "SELECT ord, placed, seq FROM obj WHERE ord >= ? ORDER BY ord");
  query.bind(first);
  for (;;) {
    AMIC_TRY(bool const more, query.step());
    if (!more || query.number(1) != placed) return out;
    if (query.number(2) == seq) out.push_back(query.number(0));
  }
}

Result<std::vector<Placed>> Placing::rows_of(bool spare, std::uint64_t seq, std::uint64_t placed) {
  AMIC_TRY(auto const ords, ords_of(spare, seq, placed));
  std::vector<Placed> out;
  for (std::uint64_t const ord : ords) {
    AMIC_TRY(Placed row, read(spare, ord, nullptr));
    row.body.clear();
    out.push_back(std::move(row));
  }
  return out;
}

Result<std::uint64_t> Placing::erase(std::uint64_t seq, std::uint64_t placed) {
  AMIC_TRY(auto const spares, rows_of(true, seq, placed));
  AMIC_TRY(auto const fronts, rows_of(false, seq, placed));
  // Spares first, so that none of them comes forward.
  for (Placed const& row : spares) AMIC_TRY_VOID(take_out_spare(row));
  for (Placed const& row : fronts) {
    AMIC_TRY(Links const links, links_of(row));
    AMIC_TRY_VOID(take_out(row, links));
    if (row.loose) AMIC_TRY_VOID(delete_key(db_, row));
    AMIC_TRY_VOID(come_forward(row));
  }
  std::uint64_t lowest = 0;
  for (auto const* rows : {&spares, &fronts})
    if (!rows->empty() && (lowest == 0 || rows->front().ord < lowest)) lowest = rows->front().ord;
  return lowest;
}

Result<FeedEnd> Placing::end_of(std::uint64_t seq) {
  FeedEnd out;
  for (bool const spare : {false, true}) {
    AMIC_TRY(std::uint64_t const after, first_ord(spare, seq + 1));
    Query last(db_,
               spare ? "SELECT ord, added, seq FROM spare WHERE ord < ? ORDER BY ord DESC LIMIT 1"
                     : "SELECT ord, added, seq FROM obj WHERE ord < ? ORDER BY ord DESC LIMIT 1");
    AMIC_TRY(bool const row, last.bind(after).step());
    if (row && last.number(2) == seq && last.number(0) > out.ord)
      out = {last.number(0), last.integer(1)};
  }
  return out;
}

}  // namespace amic::store::sqlite
