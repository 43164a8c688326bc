// Taking out of the index what one record brought, without a trace in its file.
#include <algorithm>

#include "store/sqlite/columns.h"
#include "store/sqlite/index_file.h"
#include "store/sqlite/placing.h"

namespace amic::store::sqlite {

Result<std::uint64_t> placed_by(Connection& db, std::uint64_t seq) {
  Query query(db, "SELECT placed FROM item WHERE seq = ?");
  AMIC_TRY(bool const row, query.bind(seq).step());
  return row ? query.number(0) : seq;
}

ItemRow erased_form(ItemRow row) {
  if (row.state == ItemState::kActive) row.state = ItemState::kErased;
  row.precedence = Precedence::kRoutine;
  row.created_ms = row.received_ms;
  row.title.clear();
  row.media_type.clear();
  row.objects = row.quarantined = row.rejected = 0;
  return row;
}

Result<FeedEnd> IndexFile::end_of(std::uint64_t seq) {
  if (writer_ == nullptr) return fail(Code::kUnavailable, "idx.db", "reset_index() did not finish");
  {
    Query item(*writer_, "SELECT end_ord, end_added FROM item WHERE seq = ?");
    AMIC_TRY(bool const row, item.bind(seq).step());
    if (row && item.number(0) != 0) return FeedEnd{item.number(0), item.integer(1)};
  }
  return Placing(*writer_).end_of(seq);
}

// The item's row: without contents if it is under an operation, else gone. The first position that
// its objects had, 0: none.
Result<std::uint64_t> IndexFile::erase_item(std::uint64_t seq) {
  ItemRow row;
  std::uint64_t first = 0;
  {
    Query item(
        *writer_,
        "SELECT id, digest, state, received_ms, first_ord, originator FROM item WHERE seq = ?");
    AMIC_TRY(bool const found, item.bind(seq).step());
    if (!found) return first;
    AMIC_TRY(row.id, fixed_column<EnvelopeId>(item, 0, "idx.db"));
    AMIC_TRY(row.digest, fixed_column<Hash>(item, 1, "idx.db"));
    row.state = static_cast<ItemState>(item.integer(2));
    row.received_ms = item.integer(3);
    first = item.number(4);
    AMIC_TRY(row.originator, member_of(item.text(5)));
  }
  Query operation(*writer_, "SELECT seq FROM op WHERE target = ? AND originator = ?");
  operation.bind(row.digest.view()).bind(row.originator.str());
  AMIC_TRY(bool const kept, operation.step());
  if (!kept) {
    Query item(*writer_, "DELETE FROM item WHERE seq = ?");
    AMIC_TRY_VOID(item.bind(seq).run());
    Query by_id(*writer_, "DELETE FROM item_by_id WHERE id = ?");
    AMIC_TRY_VOID(by_id.bind(row.id.view()).run());
    return first;
  }
  row = erased_form(std::move(row));
  Query item(*writer_,
             "UPDATE item SET precedence = ?, created_ms = ?, title = ?, media_type = ?, "
             "objects = 0, quarantined = 0, rejected = 0, state = ? WHERE seq = ?");
  item.bind(static_cast<int>(row.precedence)).bind(row.created_ms).bind(BytesView());
  item.bind(std::string_view(row.media_type)).bind(static_cast<int>(row.state));
  AMIC_TRY_VOID(item.bind(seq).run());
  return first;
}

Result<void> IndexFile::erase_rows(std::uint64_t seq) {
  AMIC_TRY(std::uint64_t const placed, placed_by(*writer_, seq));
  AMIC_TRY(std::uint64_t const lowest, Placing(*writer_).erase(seq, placed));
  Query refused(*writer_, "DELETE FROM refused WHERE seq = ?");
  AMIC_TRY_VOID(refused.bind(seq).run());
  AMIC_TRY(std::uint64_t first, erase_item(seq));
  if (first == 0) first = lowest;
  // A dictionary holds pieces of what it was trained from: with one that may have seen these
  // objects the index is made anew when it is next opened.
  AMIC_TRY(auto const newest, bodies_.newest(*writer_));
  if (first == 0 || newest.objects < first) return {};
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
