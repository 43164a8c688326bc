// Which row of an id a reader is shown (store.h), and the reads by id.
#include <algorithm>
#include <tuple>

#include "base/limits.h"
#include "store/sqlite/columns.h"
#include "store/sqlite/index_file.h"
#include "store/sqlite/placing.h"

namespace amic::store::sqlite {
namespace {

constexpr std::size_t kEarlierMax = 1000;  // rows looked through for the same loose body

// Whether a loose row of this body and an earlier version is readable: then that one is shown.
Result<bool> said_before(Connection& connection, Asked const& asked, std::int64_t version_us,
                         std::string const& hash) {
  Query query(connection,
              "SELECT aud, h, loose FROM obj_by_id WHERE id = ? AND creator = ? AND ver < ? "
              "ORDER BY ver DESC LIMIT ?");
  query.bind(as_bytes(asked.id)).bind(asked.creator).bind(version_us).bind(kEarlierMax);
  for (;;) {
    AMIC_TRY(bool const row, query.step());
    if (!row) return false;
    if (query.integer(2) != 0 && may_read(asked.readable, query.number(0)) &&
        as_text(query.blob(1)) == hash)
      return true;
  }
}

struct Copy {
  std::string hash;
  std::uint64_t ord = 0;
  bool loose = false;
};

// The rows of one version that the reader may read, the one that goes first in front.
Result<std::vector<Copy>> copies(Connection& connection, Asked const& asked,
                                 std::int64_t version_us) {
  Query query(connection,
              "SELECT aud, ord, h, loose FROM obj_by_id WHERE id = ? AND creator = ? AND ver = ?");
  query.bind(as_bytes(asked.id)).bind(asked.creator).bind(version_us);
  std::vector<Copy> out;
  for (;;) {
    AMIC_TRY(bool const row, query.step());
    if (!row) break;
    if (may_read(asked.readable, query.number(0)))
      out.push_back({std::string(as_text(query.blob(2))), query.number(1), query.integer(3) != 0});
  }
  std::sort(out.begin(), out.end(), [](Copy const& a, Copy const& b) {
    return std::tie(a.hash, a.ord) < std::tie(b.hash, b.ord);
  });
  return out;
}

// The shown versions by one creator, newest or oldest first, at most `most`.
Result<std::vector<Shown>> walk(Connection& connection, Asked const& asked, Pick pick,
                                std::size_t most) {
  Query query(connection, pick == Pick::kLast
                              ? "SELECT ver, aud FROM obj_by_id WHERE id = ? AND creator = ? "
                                "ORDER BY ver DESC, aud DESC"
                              : "SELECT ver, aud FROM obj_by_id WHERE id = ? AND creator = ? "
                                "ORDER BY ver, aud");
  query.bind(as_bytes(asked.id)).bind(asked.creator);
  std::vector<Shown> out;
  std::optional<std::int64_t> seen;
  while (out.size() < most) {
    AMIC_TRY(bool const row, query.step());
    if (!row) break;
    if (seen == query.integer(0) || !may_read(asked.readable, query.number(1))) continue;
    seen = query.integer(0);
    AMIC_TRY(Shown const shown, pick_copy(connection, asked, *seen));
    if (shown.ord != 0) out.push_back(shown);
  }
  return out;
}

// The rows of a record, in front or behind, as (ord, spare).
Result<std::vector<std::pair<std::uint64_t, bool>>> rows_of(Connection& connection,
                                                            std::uint64_t seq) {
  AMIC_TRY(std::uint64_t const placed, placed_by(connection, seq));
  std::vector<std::pair<std::uint64_t, bool>> out;
  Placing placing(connection);
  for (bool const spare : {false, true}) {
    AMIC_TRY(auto const ords, placing.ords_of(spare, seq, placed));
    for (std::uint64_t const ord : ords) out.emplace_back(ord, spare);
  }
  std::sort(out.begin(), out.end());
  return out;
}

// Another readable row of the same id, creator and stated version with another body: (ord, spare).
Result<std::pair<std::uint64_t, bool>> rival_of(Connection& connection, Placed const& row,
                                                AudienceSet const& readable) {
  {
    Query query(connection,
                "SELECT aud, ord, h, loose FROM obj_by_id WHERE id = ? AND creator = ? "
                "AND ver = ?");
    query.bind(as_bytes(row.id)).bind(std::string_view(row.creator)).bind(row.version);
    for (;;) {
      AMIC_TRY(bool const found, query.step());
      if (!found) break;
      if (query.integer(3) == 0 && may_read(readable, query.number(0)) &&
          as_text(query.blob(2)) != row.hash)
        return std::pair(query.number(1), false);
    }
  }
  std::string const key = key_of(false, row.version, row.hash);
  for (AudienceId const audience : readable) {
    Query query(connection,
                "SELECT ord, r FROM obj_by_key WHERE id = ? AND creator = ? AND aud = ? AND k = ?");
    query.bind(as_bytes(row.id)).bind(std::string_view(row.creator)).bind(audience);
    query.bind(as_bytes(key));
    for (;;) {
      AMIC_TRY(bool const found, query.step());
      if (!found) break;
      if (as_text(query.blob(1)).substr(0, kBodyHashBytes) != row.hash)
        return std::pair(query.number(0), true);
    }
  }
  return std::pair(std::uint64_t{0}, false);
}

}  // namespace

Result<ObjectRow> object_at(Connection& connection, Bodies& bodies, Keys& keys, std::uint64_t ord,
                            bool spare) {
  Query query(
      connection,
      spare ? "SELECT ord, aud, ver, placed, creator, added, seq, dict, type, id, body, loose, "
              "placed FROM spare WHERE ord = ?"
            : "SELECT " AMIC_OBJ_COLUMNS " FROM obj WHERE ord = ?");
  query.bind(ord);
  AMIC_TRY(bool const row, query.step());
  if (!row) return fail(Code::kCorrupt, "idx.db", "a posting without its object");
  return object_of(connection, bodies, keys, query);
}

Result<Shown> pick_copy(Connection& connection, Asked const& asked, std::int64_t version_us) {
  AMIC_TRY(auto const rows, copies(connection, asked, version_us));
  for (Copy const& copy : rows) {
    if (copy.loose) {
      AMIC_TRY(bool const before, said_before(connection, asked, version_us, copy.hash));
      if (before) continue;
    }
    return Shown{version_us, copy.ord};
  }
  return Shown{};
}

Result<Shown> pick_version(Connection& connection, Asked const& asked, Pick pick) {
  AMIC_TRY(auto const shown, walk(connection, asked, pick, 1));
  return shown.empty() ? Shown{} : shown.front();
}

Result<std::vector<std::string>> creators_of(Connection& connection, std::string const& id) {
  std::vector<std::string> out;
  std::string last;
  for (;;) {
    Query query(connection,
                "SELECT creator FROM obj_by_id WHERE id = ? AND creator > ? "
                "ORDER BY creator LIMIT 1");
    query.bind(as_bytes(id)).bind(std::string_view(last));
    AMIC_TRY(bool const row, query.step());
    if (!row) return out;
    last = query.text(0);
    out.push_back(last);
  }
}

Result<std::optional<ObjectRow>> IndexFile::get(std::string const& id, AudienceSet const& readable,
                                                std::optional<MemberId> const& creator) {
  AMIC_TRY(auto const lease, reader());
  std::string const encoded = encode_id(id);
  std::vector<std::string> members;
  if (creator) {
    members = {creator->str()};
  } else {
    AMIC_TRY(members, creators_of(*lease, encoded));
  }
  for (std::string const& member : members) {
    AMIC_TRY(Shown const shown, pick_version(*lease, {encoded, member, readable}, Pick::kLast));
    if (shown.ord == 0) continue;
    Keys keys = this->keys();
    AMIC_TRY(auto object, object_at(*lease, bodies_, keys, shown.ord));
    return std::optional(std::move(object));
  }
  return std::optional<ObjectRow>();
}

Result<std::vector<MemberId>> IndexFile::creators(std::string const& id,
                                                  AudienceSet const& readable) {
  AMIC_TRY(auto const lease, reader());
  std::string const encoded = encode_id(id);
  AMIC_TRY(auto const members, creators_of(*lease, encoded));
  std::vector<MemberId> out;
  for (std::string const& member : members) {
    AMIC_TRY(Shown const shown, pick_version(*lease, {encoded, member, readable}, Pick::kLast));
    if (shown.ord == 0) continue;
    AMIC_TRY(MemberId name, member_of(member));
    out.push_back(std::move(name));
  }
  return out;
}

Result<std::vector<ObjectRow>> IndexFile::versions(std::string const& id,
                                                   AudienceSet const& readable,
                                                   std::optional<MemberId> const& creator) {
  AMIC_TRY(auto const lease, reader());
  std::string const encoded = encode_id(id);
  AMIC_TRY(auto const members, creators_of(*lease, encoded));
  struct Entry {
    std::int64_t version;
    std::string const* member;
    std::uint64_t ord;
  };
  std::vector<Entry> found;
  for (std::string const& member : members) {
    if (creator && creator->str() != member) continue;
    AMIC_TRY(auto const shown,
             walk(*lease, {encoded, member, readable}, Pick::kLast, limits::kPageMax));
    for (Shown const& one : shown) found.push_back({one.version, &member, one.ord});
  }
  std::sort(found.begin(), found.end(), [](Entry const& a, Entry const& b) {
    return std::tie(a.version, *a.member) < std::tie(b.version, *b.member);
  });
  if (found.size() > limits::kPageMax) found.erase(found.begin(), found.end() - limits::kPageMax);
  std::vector<ObjectRow> out;
  Keys keys = this->keys();
  for (Entry const& entry : found) {
    AMIC_TRY(auto object, object_at(*lease, bodies_, keys, entry.ord));
    out.push_back(std::move(object));
  }
  return out;
}

Result<std::vector<MemberId>> IndexFile::originators() {
  AMIC_TRY(auto const lease, reader());
  std::vector<MemberId> out;
  std::string last;
  for (;;) {
    Query query(*lease,
                "SELECT creator FROM obj_by_creator WHERE creator > ? ORDER BY creator LIMIT 1");
    AMIC_TRY(bool const row, query.bind(std::string_view(last)).step());
    if (!row) return out;
    last = query.text(0);
    AMIC_TRY(MemberId name, member_of(last));
    out.push_back(std::move(name));
  }
}

Result<std::vector<Rivals>> IndexFile::rivals(std::uint64_t seq, std::size_t limit,
                                              AudienceSet const& readable) {
  AMIC_TRY(auto const lease, reader());
  AMIC_TRY(auto const rows, rows_of(*lease, seq));
  std::vector<Rivals> out;
  Keys keys = this->keys();
  Placing placing(*lease);
  for (auto const& [ord, spare] : rows) {
    if (out.size() == limit) break;
    AMIC_TRY(Placed const row, placing.read(spare, ord, nullptr));
    if (row.loose || !may_read(readable, row.aud)) continue;
    AMIC_TRY(auto const rival, rival_of(*lease, row, readable));
    if (rival.first == 0) continue;
    AMIC_TRY(auto mine, object_at(*lease, bodies_, keys, ord, spare));
    AMIC_TRY(auto other, object_at(*lease, bodies_, keys, rival.first, rival.second));
    out.push_back({std::move(mine), std::move(other)});
  }
  return out;
}

}  // namespace amic::store::sqlite
