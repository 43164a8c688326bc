// Taking out of the index what one record brought, without a trace in its file.
#include "store/sqlite/columns.h"
#include "store/sqlite/index_file.h"

namespace amic::store::sqlite {
namespace {

struct Row {
  std::uint64_t ord = 0, aud = 0;
  std::int64_t version = 0;
  std::string id, type, creator;
};

// The object's place in every table that leads to it.
Result<void> erase_object(Connection& db, Row const& row) {
  Query object(db, "DELETE FROM obj WHERE ord = ?");
  AMIC_TRY_VOID(object.bind(row.ord).run());
  Query by_id(db, "DELETE FROM obj_by_id WHERE id = ? AND ver = ? AND aud = ?");
  AMIC_TRY_VOID(by_id.bind(as_bytes(row.id)).bind(row.version).bind(row.aud).run());
  Query by_type(db, "DELETE FROM obj_by_type WHERE type = ? AND ord = ?");
  AMIC_TRY_VOID(by_type.bind(std::string_view(row.type)).bind(row.ord).run());
  Query by_creator(db, "DELETE FROM obj_by_creator WHERE creator = ? AND ord = ?");
  AMIC_TRY_VOID(by_creator.bind(std::string_view(row.creator)).bind(row.ord).run());
  Query by_aud(db, "DELETE FROM obj_by_aud WHERE aud = ? AND ord = ?");
  AMIC_TRY_VOID(by_aud.bind(row.aud).bind(row.ord).run());
  Query count(db, "UPDATE aud SET objects = objects - 1 WHERE aud = ?");
  return count.bind(row.aud).run();
}

Result<void> erase_edge_half(Connection& db, std::string const& node, int dir, Row const& row,
                             std::string const& relation, std::string const& other) {
  Query query(db,
              "DELETE FROM edge WHERE node = ? AND dir = ? AND aud = ? AND rel = ? AND other = ? "
              "AND ord = ?");
  query.bind(as_bytes(node)).bind(dir).bind(row.aud).bind(std::string_view(relation));
  return query.bind(as_bytes(other)).bind(row.ord).run();
}

// Edges start at the object that they came with. Other versions have rows of their own for theirs.
Result<void> erase_edges(Connection& db, Row const& row) {
  std::vector<std::pair<std::string, std::string>> found;  // relation, other
  {
    Query query(db, "SELECT rel, other, ord FROM edge WHERE node = ? AND dir = 0 AND aud = ?");
    query.bind(as_bytes(row.id)).bind(row.aud);
    for (;;) {
      AMIC_TRY(bool const more, query.step());
      if (!more) break;
      if (query.number(2) == row.ord)
        found.emplace_back(std::string(query.text(0)), std::string(as_text(query.blob(1))));
    }
  }
  for (auto const& [relation, other] : found) {
    AMIC_TRY_VOID(erase_edge_half(db, row.id, 0, row, relation, other));
    AMIC_TRY_VOID(erase_edge_half(db, other, 1, row, relation, row.id));
  }
  return {};
}

}  // namespace

// seq does not fall over the feed, so a record's rows are found by halving.
Result<std::uint64_t> IndexFile::first_ord(std::uint64_t seq) {
  AMIC_TRY(auto const last, writer_->integer("SELECT coalesce(max(ord), 0) FROM obj"));
  std::uint64_t low = 1, high = static_cast<std::uint64_t>(last) + 1;
  while (low < high) {
    std::uint64_t const middle = low + (high - low) / 2;
    Query probe(*writer_, "SELECT ord, seq FROM obj WHERE ord >= ? ORDER BY ord LIMIT 1");
    AMIC_TRY(bool const row, probe.bind(middle).step());
    if (row && probe.number(1) < seq)
      low = probe.number(0) + 1;
    else
      high = middle;
  }
  return low;
}

Result<FeedEnd> IndexFile::end_of(std::uint64_t seq) {
  if (writer_ == nullptr) return fail(Code::kUnavailable, "idx.db", "reset_index() did not finish");
  AMIC_TRY(std::uint64_t const after, first_ord(seq + 1));
  Query last(*writer_, "SELECT ord, added, seq FROM obj WHERE ord < ? ORDER BY ord DESC LIMIT 1");
  AMIC_TRY(bool const row, last.bind(after).step());
  if (!row || last.number(2) != seq) return FeedEnd{};
  return FeedEnd{last.number(0), last.integer(1)};
}

Result<void> IndexFile::erase_rows(std::uint64_t seq) {
  AMIC_TRY(std::uint64_t const first, first_ord(seq));
  std::vector<Row> rows;
  {
    Query query(*writer_,
                "SELECT ord, aud, ver, creator, type, id, seq FROM obj WHERE ord >= ? "
                "ORDER BY ord");
    query.bind(first);
    for (;;) {
      AMIC_TRY(bool const more, query.step());
      if (!more || query.number(6) != seq) break;
      Row row{query.number(0), query.number(1), query.integer(2), {}, {}, {}};
      row.creator = query.text(3);
      row.id = as_text(query.blob(5));
      row.type = query.text(4).empty() ? encoded_type(row.id) : query.text(4);
      rows.push_back(std::move(row));
    }
  }
  for (Row const& row : rows) {
    AMIC_TRY_VOID(erase_edges(*writer_, row));
    AMIC_TRY_VOID(erase_object(*writer_, row));
  }
  Query refused(*writer_, "DELETE FROM refused WHERE seq = ?");
  AMIC_TRY_VOID(refused.bind(seq).run());
  Query item(*writer_,
             "UPDATE item SET title = ?, objects = 0, quarantined = 0, rejected = 0 WHERE seq = ?");
  AMIC_TRY_VOID(item.bind(BytesView()).bind(seq).run());
  // A dictionary holds pieces of what it was trained from: with one that may have seen these
  // objects the index is made anew when it is next opened.
  AMIC_TRY(auto const newest, bodies_.newest(*writer_));
  if (rows.empty() || newest.objects < rows.front().ord) return {};
  return meta_put(*writer_, "stale_dict", 1);
}

Result<void> IndexFile::erase(std::uint64_t seq) {
  if (writer_ == nullptr) return fail(Code::kUnavailable, "idx.db", "reset_index() did not finish");
  Transaction transaction(*writer_);
  AMIC_TRY_VOID(transaction.begin());
  AMIC_TRY_VOID(erase_rows(seq));
  AMIC_TRY_VOID(transaction.commit());
  return writer_->checkpoint();
}

}  // namespace amic::store::sqlite
