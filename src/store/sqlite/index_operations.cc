// Operations on items and the replies to them.
#include <functional>

#include "base/limits.h"
#include "codec/codec.h"
#include "store/sqlite/columns.h"
#include "store/sqlite/index_file.h"

namespace amic::store::sqlite {
namespace {

constexpr std::size_t kTextBytesMax = 64 << 10;

Result<void> insert_operation(Connection& db, Keys& keys, OperationRow const& row) {
  {
    Query old(db, "SELECT seq, duty FROM op WHERE target = ? AND originator = ?");
    old.bind(row.target.view()).bind(row.originator.str());
    AMIC_TRY(bool const found, old.step());
    if (found) {
      std::uint64_t const seq = old.number(0);
      std::int64_t const duty = old.integer(1);
      old.reset();
      Query by_seq(db, "DELETE FROM op_by_seq WHERE seq = ?");
      AMIC_TRY_VOID(by_seq.bind(seq).run());
      Query by_duty(db, "DELETE FROM op_by_duty WHERE duty = ? AND target = ? AND originator = ?");
      by_duty.bind(duty).bind(row.target.view()).bind(row.originator.str());
      AMIC_TRY_VOID(by_duty.run());
      Query gone(db, "DELETE FROM op WHERE target = ? AND originator = ?");
      AMIC_TRY_VOID(gone.bind(row.target.view()).bind(row.originator.str()).run());
    }
  }
  Bytes reason;
  if (!row.reason.empty()) {
    AMIC_TRY(reason, keys.seal(Sealed::kReason, row.counter, row.seq, as_bytes(row.reason)));
  }
  Query insert(db, "INSERT INTO op (" AMIC_OP_COLUMNS
                   ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  insert.bind(row.target.view()).bind(row.item.view()).bind(row.originator.str());
  insert.bind(row.counter).bind(row.kind).bind(row.digest.view()).bind(row.seq).bind(row.at_ms);
  insert.bind(BytesView(reason)).bind(row.audience).bind(static_cast<int>(row.state));
  insert.bind(static_cast<int>(row.precedence)).bind(static_cast<int>(row.duty));
  insert.bind(row.demand_counter).bind(row.demand.view()).bind(row.updated_seq);
  AMIC_TRY_VOID(insert.run());
  Query by_seq(db, "INSERT INTO op_by_seq (seq, target, originator) VALUES (?, ?, ?)");
  by_seq.bind(row.seq).bind(row.target.view()).bind(row.originator.str());
  AMIC_TRY_VOID(by_seq.run());
  if (row.duty == Duty::kNone) return {};
  Query by_duty(db, "INSERT INTO op_by_duty (duty, target, originator) VALUES (?, ?, ?)");
  by_duty.bind(static_cast<int>(row.duty)).bind(row.target.view()).bind(row.originator.str());
  return by_duty.run();
}

Result<void> insert_reply(Connection& db, Keys& keys, ReplyRow const& row) {
  codec::Writer detail;
  detail.vec32(as_bytes(row.done)).vec32(as_bytes(row.reason));
  AMIC_TRY(Bytes const sealed, keys.seal(Sealed::kReason, row.counter, row.seq, detail.bytes()));
  Query old(db, "DELETE FROM reply WHERE target = ? AND member = ?");
  AMIC_TRY_VOID(old.bind(row.target.view()).bind(row.member.str()).run());
  Query insert(db, "INSERT INTO reply (" AMIC_REPLY_COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?)");
  insert.bind(row.target.view()).bind(row.member.str()).bind(row.counter).bind(row.outcome);
  return insert.bind(row.at_ms).bind(BytesView(sealed)).bind(row.seq).run();
}

template <class Enum>
Result<Enum> enum_column(Query const& row, int column, Enum last) {
  auto const value = row.integer(column);
  if (value < 0 || value > static_cast<std::int64_t>(last))
    return fail(Code::kCorrupt, "idx.db", "an operation has a value that is not known");
  return static_cast<Enum>(value);
}

}  // namespace

Result<void> insert_operations(Connection& db, Keys& keys, Derived const& derived,
                               std::uint64_t applied) {
  for (OperationRow const& row : derived.operations) {
    if (row.updated_seq <= applied) continue;
    if (row.updated_seq > derived.upto_seq)
      return fail(Code::kOutOfRange, "apply.operations", "a row is of a record after upto_seq");
    AMIC_TRY_VOID(insert_operation(db, keys, row));
  }
  for (ReplyRow const& row : derived.replies) {
    if (row.seq <= applied) continue;
    if (row.seq > derived.upto_seq)
      return fail(Code::kOutOfRange, "apply.replies", "a row is of a record after upto_seq");
    AMIC_TRY_VOID(insert_reply(db, keys, row));
  }
  return {};
}

Result<OperationRow> operation_of(Keys& keys, Query const& row) {
  OperationRow out;
  AMIC_TRY(out.target, fixed_column<Hash>(row, 0, "idx.db"));
  AMIC_TRY(out.item, fixed_column<EnvelopeId>(row, 1, "idx.db"));
  AMIC_TRY(out.originator, member_of(row.text(2)));
  out.counter = row.number(3);
  out.kind = static_cast<std::uint8_t>(row.integer(4));
  AMIC_TRY(out.digest, fixed_column<Hash>(row, 5, "idx.db"));
  out.seq = row.number(6);
  out.at_ms = row.integer(7);
  AMIC_TRY(BytesView const reason, keys.open(Sealed::kReason, out.counter, out.seq, row.blob(8)));
  out.reason = as_text(reason);
  out.audience = static_cast<AudienceId>(row.integer(9));
  AMIC_TRY(out.state, enum_column(row, 10, ItemState::kErased));
  AMIC_TRY(out.precedence, enum_column(row, 11, Precedence::kRoutine));
  AMIC_TRY(out.duty, enum_column(row, 12, Duty::kComplied));
  out.demand_counter = row.number(13);
  AMIC_TRY(out.demand, fixed_column<Hash>(row, 14, "idx.db"));
  out.updated_seq = row.number(15);
  return out;
}

Result<ReplyRow> reply_of(Keys& keys, Query const& row) {
  ReplyRow out;
  AMIC_TRY(out.target, fixed_column<Hash>(row, 0, "idx.db"));
  AMIC_TRY(out.member, member_of(row.text(1)));
  out.counter = row.number(2);
  out.outcome = static_cast<std::uint8_t>(row.integer(3));
  out.at_ms = row.integer(4);
  out.seq = row.number(6);
  AMIC_TRY(BytesView const plain, keys.open(Sealed::kReason, out.counter, out.seq, row.blob(5)));
  codec::Reader in(plain, "reply");
  out.done = as_text(in.vec32(kTextBytesMax));
  out.reason = as_text(in.vec32(kTextBytesMax));
  if (!in.finish()) return fail(Code::kCorrupt, "idx.db", "a reply is cut short");
  return out;
}

Result<FeedEnd> stored_end(Connection& db) {
  FeedEnd out;
  AMIC_TRY(out.ord, meta_get(db, "feed_ord"));
  AMIC_TRY(std::uint64_t const added, meta_get(db, "feed_added"));
  out.added_us = static_cast<std::int64_t>(added);
  return out;
}

namespace {

Result<std::optional<OperationRow>> find_operation(Connection& connection, Keys& keys,
                                                   BytesView target, std::string_view originator) {
  Query query(connection, "SELECT " AMIC_OP_COLUMNS " FROM op WHERE target = ? AND originator = ?");
  query.bind(target).bind(originator);
  AMIC_TRY(bool const row, query.step());
  if (!row) return std::optional<OperationRow>();
  AMIC_TRY(auto out, operation_of(keys, query));
  return std::optional(std::move(out));
}

// The operations that the rows of `places` (target, originator) lead to, as far as `take` wants.
Result<std::vector<OperationRow>> follow(Connection& connection, Keys& keys, Query& places,
                                         std::size_t limit,
                                         std::function<bool(OperationRow const&)> const& take) {
  std::vector<OperationRow> out;
  while (out.size() < limit) {
    AMIC_TRY(bool const more, places.step());
    if (!more) break;
    AMIC_TRY(auto row, find_operation(connection, keys, places.blob(0), places.text(1)));
    if (!row) return fail(Code::kCorrupt, "idx.db", "an operation's place without the operation");
    if (take(*row)) out.push_back(std::move(*row));
  }
  return out;
}

}  // namespace

Result<std::optional<OperationRow>> IndexFile::operation(Hash const& target,
                                                         MemberId const& originator) {
  AMIC_TRY(auto const lease, reader());
  Keys keys = this->keys();
  return find_operation(*lease, keys, target.view(), originator.str());
}

Result<std::vector<OperationRow>> IndexFile::operations(std::uint64_t after_seq, std::size_t limit,
                                                        AudienceSet const& readable) {
  if (limit == 0 || limit > limits::kPageMax) return fail(Code::kOutOfRange, "operations.limit");
  AMIC_TRY(auto const lease, reader());
  Query places(*lease, "SELECT target, originator FROM op_by_seq WHERE seq > ? ORDER BY seq");
  places.bind(after_seq);
  Keys keys = this->keys();
  return follow(*lease, keys, places, limit,
                [&](OperationRow const& row) { return may_read(readable, row.audience); });
}

Result<std::vector<OperationRow>> IndexFile::duties(Duty duty, Hash const& after,
                                                    std::size_t limit) {
  if (limit == 0 || limit > limits::kPageMax) return fail(Code::kOutOfRange, "duties.limit");
  AMIC_TRY(auto const lease, reader());
  Query places(*lease,
               "SELECT target, originator FROM op_by_duty WHERE duty = ? AND target > ? "
               "ORDER BY target, originator");
  places.bind(static_cast<int>(duty)).bind(after.view());
  Keys keys = this->keys();
  return follow(*lease, keys, places, limit, [](OperationRow const&) { return true; });
}

Result<std::vector<ReplyRow>> IndexFile::replies(Hash const& target) {
  AMIC_TRY(auto const lease, reader());
  Query query(*lease, "SELECT " AMIC_REPLY_COLUMNS " FROM reply WHERE target = ? ORDER BY member");
  query.bind(target.view());
  std::vector<ReplyRow> out;
  Keys keys = this->keys();
  for (;;) {
    AMIC_TRY(bool const row, query.step());
    if (!row) return out;
    AMIC_TRY(auto one, reply_of(keys, query));
    out.push_back(std::move(one));
  }
}

}  // namespace amic::store::sqlite
