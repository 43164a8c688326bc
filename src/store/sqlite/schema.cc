#include "store/sqlite/schema.h"

#include <string>

namespace amic::store::sqlite {
namespace {

constexpr char kLogV1[] =
    "CREATE TABLE meta (k TEXT PRIMARY KEY, n BIGINT NOT NULL) WITHOUT ROWID;"

    "CREATE TABLE record (seq INTEGER PRIMARY KEY, kind SMALLINT NOT NULL, id BLOB NOT NULL,"
    " digest BLOB NOT NULL, at_ms BIGINT NOT NULL, peer TEXT NOT NULL, bytes BLOB NOT NULL);"
    "CREATE TABLE record_by_id (id BLOB PRIMARY KEY, seq BIGINT NOT NULL) WITHOUT ROWID;"

    // Rows of one size in the order of their key: they never move to another page, so that
    // overwriting one leaves no copy.
    "CREATE TABLE dek (seq INTEGER PRIMARY KEY, wrapped BLOB NOT NULL);"
    "CREATE TABLE shredded (seq INTEGER PRIMARY KEY, at_ms BIGINT NOT NULL, ord BIGINT NOT NULL,"
    " added BIGINT NOT NULL, done SMALLINT NOT NULL);"

    "CREATE TABLE outbox (peer TEXT, lane SMALLINT, n BIGINT, seq BIGINT NOT NULL,"
    " bytes BIGINT NOT NULL, queued_ms BIGINT NOT NULL, PRIMARY KEY (peer, lane, n)) WITHOUT ROWID;"
    "CREATE TABLE lane (peer TEXT, lane SMALLINT, last_n BIGINT NOT NULL, acked_n BIGINT NOT NULL,"
    " pending_bytes BIGINT NOT NULL, PRIMARY KEY (peer, lane)) WITHOUT ROWID;"
    "CREATE TABLE cursor (kind SMALLINT, peer TEXT, lane SMALLINT, n BIGINT NOT NULL,"
    " note BLOB NOT NULL, PRIMARY KEY (kind, peer, lane)) WITHOUT ROWID;"

    "CREATE TABLE quarantine (peer TEXT, n BIGINT, at_ms BIGINT NOT NULL, code TEXT NOT NULL,"
    " reason TEXT NOT NULL, digest BLOB NOT NULL, size BIGINT NOT NULL, bytes BLOB NOT NULL,"
    " PRIMARY KEY (peer, n)) WITHOUT ROWID;"
    "CREATE TABLE quarantine_size (peer TEXT PRIMARY KEY, envelopes BIGINT NOT NULL,"
    " bytes BIGINT NOT NULL) WITHOUT ROWID;"

    "CREATE TABLE kv (space TEXT, k TEXT, v BLOB NOT NULL, PRIMARY KEY (space, k)) WITHOUT ROWID;"
    "CREATE TABLE tile (level SMALLINT, n BIGINT, hashes BLOB NOT NULL,"
    " PRIMARY KEY (level, n)) WITHOUT ROWID;";

// What each number of a lane stood for, both ways: rows of `outbox` stay (those of version 1 have
// no digest of their own: it is that of their record).
constexpr char kLogV2[] =
    "ALTER TABLE outbox ADD COLUMN digest BLOB;"
    "CREATE TABLE received (peer TEXT, lane SMALLINT, n BIGINT, seq BIGINT NOT NULL,"
    " digest BLOB NOT NULL, PRIMARY KEY (peer, lane, n)) WITHOUT ROWID;";

// An index of an older schema is made anew, never altered: what version 1 had besides is gone.
constexpr char kIndexV1[] =
    "CREATE TABLE meta (k TEXT PRIMARY KEY, n BIGINT NOT NULL) WITHOUT ROWID;";

constexpr char kIndexV2[] =
    "CREATE TABLE aud (aud INTEGER PRIMARY KEY, label BLOB NOT NULL, objects BIGINT NOT NULL);"
    "CREATE TABLE aud_by_label (digest BLOB PRIMARY KEY, aud BIGINT NOT NULL) WITHOUT ROWID;"

    "CREATE TABLE dict (dict INTEGER PRIMARY KEY, objects BIGINT NOT NULL, raw BLOB NOT NULL);"

    // placed: the record that gave the row its ord; seq: the one that brought its contents.
    "CREATE TABLE obj (ord INTEGER PRIMARY KEY, ver BIGINT NOT NULL, added BIGINT NOT NULL,"
    " seq BIGINT NOT NULL, placed BIGINT NOT NULL, aud BIGINT NOT NULL, multi SMALLINT NOT NULL,"
    " loose SMALLINT NOT NULL, dict SMALLINT NOT NULL, creator TEXT NOT NULL, type TEXT NOT NULL,"
    " id BLOB NOT NULL, body BLOB NOT NULL);"
    "CREATE TABLE obj_by_id (id BLOB, creator TEXT, ver BIGINT, aud BIGINT, ord BIGINT,"
    " h BLOB NOT NULL, loose SMALLINT NOT NULL, PRIMARY KEY (id, creator, ver, aud, ord))"
    " WITHOUT ROWID;"
    "CREATE TABLE obj_by_type (type TEXT, ord BIGINT, aud BIGINT NOT NULL,"
    " PRIMARY KEY (type, ord)) WITHOUT ROWID;"
    "CREATE TABLE obj_by_creator (creator TEXT, ord BIGINT, aud BIGINT NOT NULL,"
    " PRIMARY KEY (creator, ord)) WITHOUT ROWID;"
    "CREATE TABLE obj_by_aud (aud BIGINT, ord BIGINT, PRIMARY KEY (aud, ord)) WITHOUT ROWID;"
    // Rows that another one of the same id, creator, label and version (loose: body) goes before.
    "CREATE TABLE spare (ord INTEGER PRIMARY KEY, ver BIGINT NOT NULL, added BIGINT NOT NULL,"
    " seq BIGINT NOT NULL, placed BIGINT NOT NULL, aud BIGINT NOT NULL, loose SMALLINT NOT NULL,"
    " dict SMALLINT NOT NULL, creator TEXT NOT NULL, type TEXT NOT NULL, id BLOB NOT NULL,"
    " h BLOB NOT NULL, body BLOB NOT NULL, edges BLOB NOT NULL);"
    // k: what must be the same; r: the order among those. All of spare, and loose ones of obj.
    "CREATE TABLE obj_by_key (id BLOB, creator TEXT, aud BIGINT, k BLOB, r BLOB,"
    " ord BIGINT NOT NULL, PRIMARY KEY (id, creator, aud, k, r)) WITHOUT ROWID;"

    // first_ord, end_ord, end_added: where its objects stood when it came, or zeros.
    "CREATE TABLE item (seq INTEGER PRIMARY KEY, id BLOB NOT NULL, digest BLOB NOT NULL,"
    " originator TEXT NOT NULL,"
    " precedence SMALLINT NOT NULL, aud BIGINT NOT NULL, created_ms BIGINT NOT NULL,"
    " received_ms BIGINT NOT NULL, title BLOB NOT NULL, media_type TEXT NOT NULL,"
    " objects BIGINT NOT NULL, quarantined BIGINT NOT NULL, rejected BIGINT NOT NULL,"
    " state SMALLINT NOT NULL, placed BIGINT NOT NULL, first_ord BIGINT NOT NULL,"
    " end_ord BIGINT NOT NULL, end_added BIGINT NOT NULL);"
    "CREATE TABLE item_by_id (id BLOB PRIMARY KEY, seq BIGINT NOT NULL) WITHOUT ROWID;"

    "CREATE TABLE edge (node BLOB, dir SMALLINT, aud BIGINT, rel TEXT, other BLOB,"
    " ord BIGINT, PRIMARY KEY (node, dir, aud, rel, other, ord)) WITHOUT ROWID;"

    "CREATE TABLE refused (seq BIGINT, n BIGINT, quarantined SMALLINT NOT NULL, code TEXT NOT NULL,"
    " detail BLOB NOT NULL, PRIMARY KEY (seq, n)) WITHOUT ROWID;"

    "CREATE TABLE op (target BLOB, item BLOB NOT NULL, originator TEXT,"
    " counter BIGINT NOT NULL, kind SMALLINT NOT NULL, digest BLOB NOT NULL, seq BIGINT NOT NULL,"
    " at_ms BIGINT NOT NULL, reason BLOB NOT NULL, aud BIGINT NOT NULL, state SMALLINT NOT NULL,"
    " precedence SMALLINT NOT NULL, duty SMALLINT NOT NULL, demand_counter BIGINT NOT NULL,"
    " demand BLOB NOT NULL, updated BIGINT NOT NULL, PRIMARY KEY (target, originator))"
    " WITHOUT ROWID;"
    "CREATE TABLE op_by_seq (seq BIGINT PRIMARY KEY, target BLOB NOT NULL,"
    " originator TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE op_by_duty (duty SMALLINT, target BLOB, originator TEXT,"
    " PRIMARY KEY (duty, target, originator)) WITHOUT ROWID;"
    "CREATE TABLE reply (target BLOB, member TEXT, counter BIGINT NOT NULL,"
    " outcome SMALLINT NOT NULL, at_ms BIGINT NOT NULL, detail BLOB NOT NULL, seq BIGINT NOT NULL,"
    " PRIMARY KEY (target, member)) WITHOUT ROWID;";

constexpr char const* kLogMigrations[] = {kLogV1, kLogV2};
constexpr char const* kIndexMigrations[] = {kIndexV1, kIndexV2};

}  // namespace

Schema log_schema() {
  return {kLogApplicationId, kLogMigrations};
}
Schema index_schema() {
  return {kIndexApplicationId, kIndexMigrations};
}

Result<std::uint64_t> schema_version(Connection& connection, Schema const& schema) {
  AMIC_TRY(auto const application, connection.integer("PRAGMA application_id"));
  AMIC_TRY(auto const version, connection.integer("PRAGMA user_version"));
  AMIC_TRY(auto const tables, connection.integer("SELECT count(*) FROM sqlite_schema"));
  if (tables == 0 && version == 0) return std::uint64_t{0};
  if (application != schema.application_id)
    return fail(Code::kCorrupt, connection.name(), "not a file of this kind");
  if (version < 0 || static_cast<std::uint64_t>(version) > schema.version())
    return fail(Code::kUnsupported, connection.name(),
                "schema " + std::to_string(version) + " is newer than this program knows (" +
                    std::to_string(schema.version()) + ")");
  AMIC_TRY(auto const noted, meta_get(connection, "schema"));
  if (noted != static_cast<std::uint64_t>(version))
    return fail(Code::kCorrupt, connection.name(), "its two schema versions differ");
  return noted;
}

Result<std::uint64_t> migrate(Connection& connection, Schema const& schema) {
  AMIC_TRY(std::uint64_t const before, schema_version(connection, schema));
  for (std::uint64_t version = before; version < schema.version(); ++version) {
    Transaction transaction(connection);
    AMIC_TRY_VOID(transaction.begin());
    AMIC_TRY_VOID(connection.exec(schema.migrations[version]));
    AMIC_TRY_VOID(meta_put(connection, "schema", version + 1));
    std::string const marks = "PRAGMA application_id = " + std::to_string(schema.application_id) +
                              "; PRAGMA user_version = " + std::to_string(version + 1) + ";";
    AMIC_TRY_VOID(connection.exec(marks.c_str()));
    AMIC_TRY_VOID(transaction.commit());
  }
  return before;
}

}  // namespace amic::store::sqlite
