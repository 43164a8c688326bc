// Whole-index passes: the digest over its contents, and the check for damage.
#include <map>

#include "codec/codec.h"
#include "crypto/hash.h"
#include "store/sqlite/columns.h"
#include "store/sqlite/index_file.h"

namespace amic::store::sqlite {
namespace {

class Digester {
 public:
  void take(codec::Writer writer) { take(writer.bytes()); }
  void take(Bytes const& row) { hash_.update(row); }
  Hash finish() { return hash_.finish(); }

 private:
  crypto::Sha256 hash_;
};

// Labels by what they say: their numbers depend on what was erased before the index was made.
class Labels {
 public:
  Result<void> load(Connection& connection) {
    Query query(connection, "SELECT aud, label FROM aud");
    for (;;) {
      AMIC_TRY(bool const row, query.step());
      if (!row) return {};
      digests_[query.number(0)] = crypto::sha256(query.blob(1));
    }
  }
  BytesView of(std::uint64_t audience) const {
    auto const found = digests_.find(audience);
    return found == digests_.end() ? BytesView() : found->second.view();
  }

 private:
  std::map<std::uint64_t, Hash> digests_;
};

tl::unexpected<Error> damaged(std::string what) {
  return fail(Code::kCorrupt, "idx.db", std::move(what));
}

}  // namespace

namespace {

void take_object(Digester& digester, Labels const& labels, ObjectRow const& object) {
  codec::Writer writer;
  writer.u64(object.ord).vec32(as_bytes(object.id)).i64(object.version_us);
  writer.vec32(as_bytes(object.type)).str8(object.creator.str()).vec8(labels.of(object.audience));
  writer.u64(object.seq).u64(object.placed_seq).i64(object.added_us).u8(object.loose ? 1 : 0);
  digester.take(std::move(writer.vec32(as_bytes(object.body))));
}

Result<void> take_items(Connection& connection, Digester& digester, Labels const& labels,
                        Keys& keys) {
  digester.take(std::move(codec::Writer().str8("item")));
  Query query(connection, "SELECT " AMIC_ITEM_COLUMNS " FROM item ORDER BY seq");
  for (;;) {
    AMIC_TRY(bool const row, query.step());
    if (!row) return {};
    AMIC_TRY(auto const item, item_of(keys, query));
    codec::Writer writer;
    writer.u64(item.seq).raw(item.id.view()).raw(item.digest.view()).str8(item.originator.str());
    writer.u8(static_cast<std::uint8_t>(item.precedence)).vec8(labels.of(item.audience));
    writer.i64(item.created_ms).i64(item.received_ms).vec32(as_bytes(item.title));
    writer.vec32(as_bytes(item.media_type)).u32(item.objects).u32(item.quarantined);
    writer.u32(item.rejected).u8(static_cast<std::uint8_t>(item.state));
    digester.take(std::move(writer));
  }
}

Result<void> take_edges(Connection& connection, Digester& digester, Labels const& labels) {
  digester.take(std::move(codec::Writer().str8("edge")));
  Query query(connection,
              "SELECT node, dir, aud, rel, other, ord FROM edge "
              "ORDER BY ord, node, dir, rel, other");
  for (;;) {
    AMIC_TRY(bool const row, query.step());
    if (!row) return {};
    codec::Writer writer;
    writer.vec32(query.blob(0)).i64(query.integer(1)).vec8(labels.of(query.number(2)));
    writer.vec32(query.blob(3)).vec32(query.blob(4)).u64(query.number(5));
    digester.take(std::move(writer));
  }
}

Result<void> take_operations(Connection& connection, Digester& digester, Labels const& labels,
                             Keys& keys) {
  digester.take(std::move(codec::Writer().str8("op")));
  {
    Query query(connection, "SELECT " AMIC_OP_COLUMNS " FROM op ORDER BY target, originator");
    for (;;) {
      AMIC_TRY(bool const row, query.step());
      if (!row) break;
      AMIC_TRY(auto const op, operation_of(keys, query));
      codec::Writer writer;
      writer.raw(op.target.view()).raw(op.item.view()).str8(op.originator.str()).u64(op.counter);
      writer.u8(op.kind).raw(op.digest.view()).u64(op.seq).i64(op.at_ms);
      writer.vec32(as_bytes(op.reason)).vec8(labels.of(op.audience));
      writer.u8(static_cast<std::uint8_t>(op.state)).u8(static_cast<std::uint8_t>(op.precedence));
      writer.u8(static_cast<std::uint8_t>(op.duty)).u64(op.demand_counter);
      digester.take(std::move(writer.raw(op.demand.view()).u64(op.updated_seq)));
    }
  }
  digester.take(std::move(codec::Writer().str8("reply")));
  Query query(connection, "SELECT " AMIC_REPLY_COLUMNS " FROM reply ORDER BY target, member");
  for (;;) {
    AMIC_TRY(bool const row, query.step());
    if (!row) return {};
    AMIC_TRY(auto const reply, reply_of(keys, query));
    codec::Writer writer;
    writer.raw(reply.target.view()).str8(reply.member.str()).u64(reply.counter).u8(reply.outcome);
    writer.i64(reply.at_ms).vec32(as_bytes(reply.done)).vec32(as_bytes(reply.reason));
    digester.take(std::move(writer.u64(reply.seq)));
  }
}

}  // namespace

Result<void> IndexFile::digest_refused(Connection& connection, Keys& keys,
                                       std::function<void(Bytes const&)> const& take) {
  Query query(connection, "SELECT seq, n, quarantined, code, detail FROM refused ORDER BY seq, n");
  for (;;) {
    AMIC_TRY(bool const row, query.step());
    if (!row) return {};
    AMIC_TRY(BytesView const plain,
             keys.open(Sealed::kRefused, query.number(1), query.number(0), query.blob(4)));
    AMIC_TRY(RefusedDetail const detail, decode_refused(plain));
    std::string body;
    if (!detail.frame.empty()) {
      AMIC_TRY(body, bodies_.decode(connection, 0, detail.frame));
    }
    codec::Writer writer;
    writer.u64(query.number(0)).u64(query.number(1)).u8(query.integer(2) != 0 ? 1 : 0);
    writer.vec32(query.blob(3)).vec32(as_bytes(detail.pointer)).vec32(as_bytes(detail.reason));
    take(writer.vec32(as_bytes(body)).bytes());
  }
}

// Every row, whichever stands in front: which one does follows from the rows.
Result<void> IndexFile::each_object(Connection& connection, Keys& keys,
                                    std::function<void(ObjectRow const&)> const& take) {
  for (bool const spare : {false, true}) {
    Query query(connection,
                spare ? "SELECT ord, aud, ver, placed, creator, added, seq, dict, type, id, body, "
                        "loose, placed FROM spare ORDER BY ord"
                      : "SELECT " AMIC_OBJ_COLUMNS " FROM obj ORDER BY ord");
    for (;;) {
      AMIC_TRY(bool const row, query.step());
      if (!row) break;
      AMIC_TRY(auto const object, object_of(connection, bodies_, keys, query));
      take(object);
    }
  }
  return {};
}

Result<Hash> IndexFile::digest() {
  AMIC_TRY(auto const lease, reader());
  Digester digester;
  Keys keys = this->keys();
  Labels labels;
  AMIC_TRY_VOID(labels.load(*lease));
  AMIC_TRY(std::uint64_t const applied, meta_get(*lease, "applied_seq"));
  digester.take(std::move(codec::Writer().u64(applied).str8("obj")));
  AMIC_TRY_VOID(each_object(
      *lease, keys, [&](ObjectRow const& object) { take_object(digester, labels, object); }));
  AMIC_TRY_VOID(take_items(*lease, digester, labels, keys));
  AMIC_TRY_VOID(take_edges(*lease, digester, labels));
  digester.take(std::move(codec::Writer().str8("refused")));
  AMIC_TRY_VOID(digest_refused(*lease, keys, [&](Bytes const& row) { digester.take(row); }));
  AMIC_TRY_VOID(take_operations(*lease, digester, labels, keys));
  return digester.finish();
}

Result<void> IndexFile::check() {
  AMIC_TRY(auto const lease, reader());
  Keys keys = this->keys();
  {
    Query integrity(*lease, "PRAGMA integrity_check(1)");
    AMIC_TRY(bool const row, integrity.step());
    if (!row || integrity.text(0) != "ok")
      return damaged(row ? std::string(integrity.text(0)) : "no answer");
  }
  AMIC_TRY(auto const objects, (*lease).integer("SELECT count(*) FROM obj"));
  for (char const* const sql :
       {"SELECT count(*) FROM obj_by_id", "SELECT count(*) FROM obj_by_type",
        "SELECT count(*) FROM obj_by_creator", "SELECT count(*) FROM obj_by_aud",
        "SELECT coalesce(sum(objects), 0) FROM aud"}) {
    AMIC_TRY(auto const count, (*lease).integer(sql));
    if (count != objects) return damaged("two tables of objects differ in length");
  }
  AMIC_TRY(auto const spares, (*lease).integer("SELECT count(*) FROM spare"));
  AMIC_TRY(auto const loose, (*lease).integer("SELECT count(*) FROM obj WHERE loose = 1"));
  AMIC_TRY(auto const keyed, (*lease).integer("SELECT count(*) FROM obj_by_key"));
  if (keyed != spares + loose) return damaged("rows that wait and their keys differ in number");
  for (auto const& [what, by] :
       {std::pair{"SELECT count(*) FROM item", "SELECT count(*) FROM item_by_id"},
        std::pair{"SELECT count(*) FROM op", "SELECT count(*) FROM op_by_seq"},
        std::pair{"SELECT count(*) FROM op WHERE duty > 0", "SELECT count(*) FROM op_by_duty"},
        std::pair{"SELECT count(*) FROM edge WHERE dir = 0",
                  "SELECT count(*) FROM edge WHERE dir = 1"}}) {
    AMIC_TRY(auto const rows, (*lease).integer(what));
    AMIC_TRY(auto const places, (*lease).integer(by));
    if (rows != places) return damaged("rows and the places that lead to them differ in number");
  }
  return each_object(*lease, keys, [](ObjectRow const&) {});
}

}  // namespace amic::store::sqlite
