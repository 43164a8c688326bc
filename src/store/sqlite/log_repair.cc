// Finding records that the disk has damaged, and putting them back.
#include "crypto/hash.h"
#include "store/sqlite/columns.h"
#include "store/sqlite/log_file.h"

namespace amic::store::sqlite {
namespace {

// What the disk or its damage is to blame for; all else ends a pass.
bool is_damage(Error const& error) {
  return error.code == Code::kCorrupt || error.code == Code::kIo;
}

// Columns: kind, id, digest, at_ms, peer. nullopt: they make no sense.
std::optional<Record> readable_row(Query const& row, std::uint64_t seq) {
  Record out;
  out.seq = seq;
  auto const kind = row.integer(0);
  auto const id = EnvelopeId::from(row.blob(1));
  auto const digest = Hash::from(row.blob(2));
  auto peer = member_of(row.text(4));
  if (kind < 1 || kind > 3 || !id || !digest || !peer) return std::nullopt;
  out.kind = static_cast<RecordKind>(kind);
  out.id = *id;
  out.digest = *digest;
  out.at_ms = row.integer(3);
  out.peer = *std::move(peer);
  return out;
}

constexpr char kRowSql[] = "SELECT kind, id, digest, at_ms, peer FROM record WHERE seq = ?";

Result<bool> is_shredded(Connection& connection, std::uint64_t seq) {
  Query query(connection, "SELECT seq FROM shredded WHERE seq = ?");
  return query.bind(seq).step();
}

}  // namespace

Result<std::uint64_t> last_seq(Connection& connection) {
  auto last = connection.integer("SELECT coalesce(max(seq), 0) FROM record");
  if (!last && is_damage(last.error())) {
    auto const keys = connection.integer("SELECT coalesce(max(seq), 0) FROM dek");
    if (keys && *keys != 0) last = keys;
  }
  if (!last) return fail(last.error());
  return static_cast<std::uint64_t>(*last);
}

// What is wrong with a record whose row can be read; `row` is that without its bytes.
Result<Flaw> LogFile::flaw_of(Connection& connection, Record const& row, Audited& out) {
  Query bytes(connection, "SELECT bytes FROM record WHERE seq = ?");
  auto const there = bytes.bind(row.seq).step();
  if (!there) {  // where its bytes go on is lost, though not their beginning
    if (!is_damage(there.error())) return fail(there.error());
    out.pages_broken = true;
    return Flaw::kBytes;
  }
  BytesView const stored = bytes.blob(0);
  out.bytes += stored.size();
  Result<crypto::Secret> key = crypto::Secret();
  if (vault_.encrypts()) key = vault_.unwrap(connection, row.seq);
  bool const destroyed = !key && key.error().code == Code::kUnavailable;
  if (stored.empty()) {
    auto const shredded = is_shredded(connection, row.seq);
    if (shredded && *shredded) return Flaw::kNone;
    if (!shredded) out.pages_broken = true;
    if (destroyed) return Flaw::kErased;
  }
  if (destroyed) return Flaw::kErased;
  if (!key && !is_damage(key.error())) return fail(key.error());
  if (!key) return Flaw::kKey;
  auto const plain = vault_.open_record(connection, row.seq, stored);
  if (!plain || crypto::sha256(*plain) != row.digest) return Flaw::kBytes;
  Query by_id(connection, "SELECT seq FROM record_by_id WHERE id = ?");
  auto const known = by_id.bind(row.id.view()).step();
  if (!known && !is_damage(known.error())) return fail(known.error());
  if (!known) out.pages_broken = true;
  return known && *known && by_id.number(0) == row.seq ? Flaw::kNone : Flaw::kId;
}

Result<Audited::Row> LogFile::look_at(Connection& connection, std::uint64_t seq, Audited& out) {
  Audited::Row look{seq, Flaw::kMissing, {}};
  {
    Query row(connection, kRowSql);
    auto const there = row.bind(seq).step();
    if (!there) {
      if (!is_damage(there.error())) return fail(there.error());
      out.pages_broken = true;
      return look;
    }
    if (*there) look.record = readable_row(row, seq);
  }
  if (!look.record) return look;
  AMIC_TRY(look.flaw, flaw_of(connection, *look.record, out));
  return look;
}

Result<Audited> LogFile::audit(std::uint64_t from_seq, std::uint64_t upto_seq,
                               std::size_t bytes_max) {
  AMIC_TRY(auto lease, readers_->take());
  Audited out;
  for (std::uint64_t seq = std::max<std::uint64_t>(from_seq, 1); seq <= upto_seq; ++seq) {
    AMIC_TRY(auto look, look_at(*lease, seq, out));
    out.rows.push_back(std::move(look));
    if (out.bytes >= bytes_max) break;
  }
  return out;
}

Result<void> LogFile::check_pages() {
  AMIC_TRY(auto lease, readers_->take());
  Query pages(*lease, "PRAGMA quick_check(1)");
  AMIC_TRY(bool const row, pages.step());
  if (!row || pages.text(0) != "ok")
    return fail(Code::kCorrupt, "log.db", row ? std::string(pages.text(0)) : "no answer");
  return {};
}

Result<bool> LogFile::row_readable(std::uint64_t seq) {
  AMIC_TRY(auto lease, readers_->take());
  Query row(*lease, kRowSql);
  AMIC_TRY(bool const there, row.bind(seq).step());
  return there && readable_row(row, seq).has_value();
}

// Its key and its contents are gone for good: the note says so again.
Result<void> LogFile::put_erased(Record const& record) {
  if (vault_.encrypts()) {
    auto const key = vault_.unwrap(*writer_, record.seq);
    if (key || key.error().code != Code::kUnavailable)
      return fail(Code::kConflict, "put_back",
                  "record " + std::to_string(record.seq) + " was not erased");
  }
  Query note(*writer_,
             "INSERT INTO shredded (seq, at_ms, ord, added, done) VALUES (?, ?, ?, ?, 1) "
             "ON CONFLICT DO NOTHING");
  note.bind(record.seq).bind(record.at_ms);
  AMIC_TRY_VOID(note.bind(record.shredded_end.ord).bind(record.shredded_end.added_us).run());
  Query empty(*writer_, "UPDATE record SET bytes = ? WHERE seq = ?");
  return empty.bind(BytesView()).bind(record.seq).run();
}

Result<void> LogFile::put_one(Record record, bool proven, PutBack& out) {
  if (record.seq == 0) return fail(Code::kOutOfRange, "put_back", "a record has a number");
  if (record.shredded) {
    ++out.records;
    return put_erased(record);
  }
  if (crypto::sha256(record.bytes) != record.digest)
    return fail(Code::kInternal, "put_back", "the digest is not that of the bytes");
  AMIC_TRY(bool const erased, is_shredded(*writer_, record.seq));
  std::string const name = "record " + std::to_string(record.seq);
  if (erased) return fail(Code::kUnavailable, "put_back", name + " was erased");
  Audited seen;
  AMIC_TRY(auto const look, look_at(*writer_, record.seq, seen));
  if (look.flaw == Flaw::kErased) return fail(Code::kUnavailable, "put_back", name + " was erased");
  bool const same = look.record && look.record->digest == record.digest;
  if (look.record && !same && !proven)
    return fail(Code::kConflict, "put_back", name + " has another digest");
  if (same && look.flaw == Flaw::kNone) return {};
  if (look.record) {
    record.at_ms = look.record->at_ms;
    record.peer = look.record->peer;
  }
  {
    Query by_id(*writer_, "SELECT seq FROM record_by_id WHERE id = ?");
    AMIC_TRY(bool const known, by_id.bind(record.id.view()).step());
    if (known && by_id.number(0) != record.seq)
      return fail(Code::kConflict, "put_back", "the id belongs to another record");
  }
  Query index(*writer_, "INSERT INTO record_by_id (id, seq) VALUES (?, ?) ON CONFLICT DO NOTHING");
  AMIC_TRY_VOID(index.bind(record.id.view()).bind(record.seq).run());
  AMIC_TRY(Bytes const stored,
           vault_.seal_again(*writer_, record.seq, record.bytes, out.index_stale));
  Query put(*writer_,
            "INSERT INTO record (seq, kind, id, digest, at_ms, peer, bytes) "
            "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (seq) DO UPDATE SET kind = excluded.kind, "
            "id = excluded.id, digest = excluded.digest, at_ms = excluded.at_ms, "
            "peer = excluded.peer, bytes = excluded.bytes");
  put.bind(record.seq).bind(static_cast<int>(record.kind)).bind(record.id.view());
  put.bind(record.digest.view()).bind(record.at_ms).bind(record.peer.str());
  AMIC_TRY_VOID(put.bind(BytesView(stored)).run());
  ++out.records;
  return {};
}

Result<PutBack> LogFile::put_back(std::vector<Record> const& records, bool proven) {
  if (writer_ == nullptr) return fail(Code::kReadOnly, "log.db", "opened for reading only");
  std::lock_guard const lock(mutex_);
  Transaction transaction(*writer_);
  AMIC_TRY_VOID(transaction.begin());
  PutBack out;
  for (Record const& record : records) AMIC_TRY_VOID(put_one(record, proven, out));
  AMIC_TRY_VOID(transaction.commit());
  return out;
}

}  // namespace amic::store::sqlite
