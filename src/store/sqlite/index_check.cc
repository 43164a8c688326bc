// Whole-index passes: the digest over its contents, and the check for damage.
#include "codec/codec.h"
#include "crypto/hash.h"
#include "store/sqlite/columns.h"
#include "store/sqlite/index_file.h"

namespace amic::store::sqlite {
namespace {

class Digester {
 public:
  void take(codec::Writer writer) { hash_.update(writer.bytes()); }
  Hash finish() { return hash_.finish(); }

 private:
  crypto::Sha256 hash_;
};

// All columns of a table as length-prefixed values, for tables that hold nothing compressed.
Result<void> digest_plain(Connection& connection, Digester& digester, std::string_view table,
                          char const* sql) {
  digester.take(std::move(codec::Writer().str8(table)));
  Query query(connection, sql);
  for (;;) {
    AMIC_TRY(bool const row, query.step());
    if (!row) return {};
    codec::Writer writer;
    for (int i = 0; i < sqlite3_column_count(query.statement()); ++i) {
      if (sqlite3_column_type(query.statement(), i) == SQLITE_INTEGER)
        writer.i64(query.integer(i));
      else
        writer.vec32(query.blob(i));
    }
    digester.take(std::move(writer));
  }
}

tl::unexpected<Error> damaged(std::string what) {
  return fail(Code::kCorrupt, "idx.db", std::move(what));
}

}  // namespace

Result<Hash> IndexFile::digest() {
  AMIC_TRY(auto const lease, reader());
  Digester digester;
  Keys keys = this->keys();
  AMIC_TRY(std::uint64_t const applied, meta_get(*lease, "applied_seq"));
  digester.take(std::move(codec::Writer().u64(applied)));
  AMIC_TRY_VOID(
      digest_plain(*lease, digester, "aud", "SELECT aud, label, objects FROM aud ORDER BY aud"));
  digester.take(std::move(codec::Writer().str8("obj")));
  {
    Query query(*lease, "SELECT " AMIC_OBJ_COLUMNS " FROM obj ORDER BY ord");
    for (;;) {
      AMIC_TRY(bool const row, query.step());
      if (!row) break;
      AMIC_TRY(auto const object, object_of(*lease, bodies_, keys, query));
      codec::Writer writer;
      writer.u64(object.ord).vec32(as_bytes(object.id)).i64(object.version_us);
      writer.vec32(as_bytes(object.type)).str8(object.creator.str()).u32(object.audience);
      writer.u64(object.seq).i64(object.added_us).vec32(as_bytes(object.body));
      digester.take(std::move(writer));
    }
  }
  digester.take(std::move(codec::Writer().str8("item")));
  {
    Query query(*lease, "SELECT " AMIC_ITEM_COLUMNS " FROM item ORDER BY seq");
    for (;;) {
      AMIC_TRY(bool const row, query.step());
      if (!row) break;
      AMIC_TRY(auto const item, item_of(keys, query));
      codec::Writer writer;
      writer.u64(item.seq).raw(item.id.view()).str8(item.originator.str());
      writer.u8(static_cast<std::uint8_t>(item.precedence)).u32(item.audience);
      writer.i64(item.created_ms).i64(item.received_ms).vec32(as_bytes(item.title));
      writer.vec32(as_bytes(item.media_type)).u32(item.objects).u32(item.quarantined);
      digester.take(std::move(writer.u32(item.rejected)));
    }
  }
  AMIC_TRY_VOID(digest_plain(*lease, digester, "edge",
                             "SELECT node, dir, aud, rel, other, ord FROM edge "
                             "ORDER BY node, dir, aud, rel, other"));
  digester.take(std::move(codec::Writer().str8("refused")));
  Query query(*lease, "SELECT seq, n, quarantined, code, detail FROM refused ORDER BY seq, n");
  for (;;) {
    AMIC_TRY(bool const row, query.step());
    if (!row) return digester.finish();
    AMIC_TRY(BytesView const plain,
             keys.open(Sealed::kRefused, query.number(1), query.number(0), query.blob(4)));
    AMIC_TRY(RefusedDetail const detail, decode_refused(plain));
    std::string body;
    if (!detail.frame.empty()) {
      AMIC_TRY(body, bodies_.decode(*lease, 0, detail.frame));
    }
    codec::Writer writer;
    writer.u64(query.number(0)).u64(query.number(1)).u8(query.integer(2) != 0 ? 1 : 0);
    writer.vec32(query.blob(3)).vec32(as_bytes(detail.pointer)).vec32(as_bytes(detail.reason));
    digester.take(std::move(writer.vec32(as_bytes(body))));
  }
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
  AMIC_TRY(auto const items, (*lease).integer("SELECT count(*) FROM item"));
  AMIC_TRY(auto const item_ids, (*lease).integer("SELECT count(*) FROM item_by_id"));
  if (items != item_ids) return damaged("items and their ids differ in number");
  AMIC_TRY(auto const out, (*lease).integer("SELECT count(*) FROM edge WHERE dir = 0"));
  AMIC_TRY(auto const in, (*lease).integer("SELECT count(*) FROM edge WHERE dir = 1"));
  if (out != in) return damaged("an edge is known from one end only");
  Query query(*lease, "SELECT " AMIC_OBJ_COLUMNS " FROM obj ORDER BY ord");
  for (;;) {
    AMIC_TRY(bool const row, query.step());
    if (!row) return {};
    AMIC_TRY_VOID(object_of(*lease, bodies_, keys, query));
  }
}

}  // namespace amic::store::sqlite
