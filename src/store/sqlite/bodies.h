// Object bodies: zstd with a dictionary trained on this node's own objects. Dictionary 0 is none.
// Frames come and go as plain ones: the caller encrypts them.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "compress/compress.h"
#include "store/sqlite/db.h"
#include "store/sqlite/vault.h"

namespace amic::store::sqlite {

// Dictionaries of one idx.db, loaded when first needed and then kept (a handful). Any thread.
class Bodies {
 public:
  explicit Bodies(Vault& vault) : vault_(vault) {}
  Result<std::string> decode(Connection& connection, std::uint64_t dict, BytesView frame);
  using Shared = std::shared_ptr<compress::Dictionary const>;
  // `dict` as the caller has it from newest(); null for 0.
  Result<Shared> dictionary(Connection& connection, std::uint64_t dict);
  static Bytes encode(Shared const& dictionary, std::string_view body);

  struct Newest {
    std::uint64_t dict = 0;     // 0: none yet
    std::uint64_t objects = 0;  // held when it was trained
  };
  Result<Newest> newest(Connection& connection);
  void forget();  // after the file was made anew

 private:
  Result<Shared> load(Connection& connection, std::uint64_t dict);

  Vault& vault_;
  std::mutex mutex_;
  std::map<std::uint64_t, Shared> loaded_;
};

}  // namespace amic::store::sqlite
