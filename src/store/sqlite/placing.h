// Where the rows of objects stand. Rows that a reader can never be shown both of (store.h, "Which
// row of an id a reader is shown") share a key; the first of them by rank stands in obj and leads
// there from every table, the others wait in spare. Whatever comes and goes, and in whatever order,
// the same rows end up in front.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "store/sqlite/db.h"
#include "store/store.h"

namespace amic::store::sqlite {

inline constexpr std::size_t kBodyHashBytes = 16;  // leading ones of SHA-256

// A row of obj or spare with its body as stored.
struct Placed {
  std::uint64_t ord = 0, seq = 0, placed = 0, aud = 0, dict = 0;
  std::int64_t version = 0, added = 0;
  bool loose = false;
  std::string creator, type, id, hash;  // type: empty if the id begins with it; id: encoded
  Bytes body;
};
using Links = std::vector<std::pair<std::string, std::string>>;  // (relation, encoded id)

std::string body_hash(std::string_view body);
// Columns k and r of obj_by_key.
std::string key_of(bool loose, std::int64_t version, std::string_view hash);
std::string rank_of(bool loose, std::int64_t version, std::string_view hash, std::uint64_t ord);

class Placing {
 public:
  explicit Placing(Connection& connection) : db_(connection) {}

  // The ord in front under the key of `row`, and its rank; 0: none.
  Result<std::pair<std::uint64_t, std::string>> front(Placed const& row);
  Result<void> to_spare(Placed const& row, Links const& links);  // a row that is nowhere yet
  Result<void> demote(std::uint64_t ord);                        // from obj to spare
  // Takes out all rows of record `seq` that record `placed` placed; what waited behind them comes
  // forward. The lowest ord of them, 0: none.
  Result<std::uint64_t> erase(std::uint64_t seq, std::uint64_t placed);
  // How far the rows that the record placed itself reach in the feed; zeros: none.
  Result<FeedEnd> end_of(std::uint64_t seq);
  // Rising.
  Result<std::vector<std::uint64_t>> ords_of(bool spare, std::uint64_t seq, std::uint64_t placed);
  Result<Placed> read(bool spare, std::uint64_t ord, Links* links);

 private:
  Result<std::uint64_t> first_ord(bool spare, std::uint64_t placed);
  Result<std::vector<Placed>> rows_of(bool spare, std::uint64_t seq, std::uint64_t placed);
  Result<void> take_out(Placed const& row, Links const& links);  // of obj
  Result<void> take_out_spare(Placed const& row);
  Result<void> come_forward(Placed const& gone);
  Result<Links> links_of(Placed const& row);
  Result<void> insert_front(Placed const& row, Links const& links);

  Connection& db_;
};

}  // namespace amic::store::sqlite
