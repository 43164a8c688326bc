#include "store/sqlite/bodies.h"

#include "base/limits.h"

namespace amic::store::sqlite {

Result<Bodies::Shared> Bodies::load(Connection& connection, std::uint64_t dict) {
  {
    std::lock_guard const lock(mutex_);
    if (auto const found = loaded_.find(dict); found != loaded_.end()) return found->second;
  }
  Query query(connection, "SELECT raw FROM dict WHERE dict = ?");
  query.bind(dict);
  AMIC_TRY(bool const row, query.step());
  if (!row) return fail(Code::kCorrupt, "idx.db", "a body names a dictionary that is not there");
  AMIC_TRY(Bytes raw, vault_.open_dictionary(dict, query.blob(0)));
  Shared shared = std::make_shared<compress::Dictionary const>(std::move(raw));
  std::lock_guard const lock(mutex_);
  return loaded_.emplace(dict, std::move(shared)).first->second;
}

Result<std::string> Bodies::decode(Connection& connection, std::uint64_t dict, BytesView frame) {
  std::string out;
  Result<void> done;
  if (dict == 0) {
    auto plain = compress::decompress(frame, limits::kBodyBytesMax);
    if (plain)
      out = as_text(*plain);
    else
      done = fail(std::move(plain).error());
  } else {
    AMIC_TRY(Shared const dictionary, load(connection, dict));
    done = dictionary->decompress_into(frame, limits::kBodyBytesMax, out);
  }
  if (!done)
    return fail(Code::kCorrupt, "idx.db", "a body does not unpack: " + done.error().detail);
  return out;
}

Result<Bodies::Shared> Bodies::dictionary(Connection& connection, std::uint64_t dict) {
  if (dict == 0) return Shared();
  return load(connection, dict);
}

Bytes Bodies::encode(Shared const& dictionary, std::string_view body) {
  return dictionary == nullptr ? compress::compress(as_bytes(body))
                               : dictionary->compress(as_bytes(body));
}

Result<Bodies::Newest> Bodies::newest(Connection& connection) {
  Query query(connection, "SELECT dict, objects FROM dict ORDER BY dict DESC LIMIT 1");
  AMIC_TRY(bool const row, query.step());
  if (!row) return Newest{};
  return Newest{query.number(0), query.number(1)};
}

void Bodies::forget() {
  std::lock_guard const lock(mutex_);
  loaded_.clear();
}

}  // namespace amic::store::sqlite
