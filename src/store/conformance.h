// The fixture of the tests that every backend must pass. A backend joins with a factory in
// all_backends().
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "store/testing.h"

namespace amic::store {

// One place where a store can live; a new one each time.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string dsn() const = 0;
  virtual Options options() const { return {}; }
};
class SqliteBackend : public Backend {
 public:
  std::string dsn() const override { return "sqlite:" + directory_.path().string(); }

 private:
  TempDir directory_;
};
class EncryptedSqliteBackend final : public SqliteBackend {
 public:
  Options options() const override { return {.key = test_key(1)}; }
};
using Factory = std::unique_ptr<Backend> (*)();

class StoreTest : public testing::TestWithParam<Factory> {
 protected:
  StoreTest() : backend_(GetParam()()) { reopen(); }
  void reopen() {
    store_.reset();
    store_ = ok(Store::open(backend_->dsn(), backend_->options()));
  }
  // Labels "a", "b", ... with ids 1, 2, ...
  AudienceId label(std::string_view text) { return ok(store_->intern(as_bytes(text))); }
  void apply(std::vector<ObjectRow> objects, std::uint64_t seq) {
    Derived derived;
    derived.objects = std::move(objects);
    derived.upto_seq = seq;
    ok(store_->append({unit(seq)}));
    ok(store_->apply(derived));
  }
  std::vector<std::uint64_t> ords(PageFilter const& filter, AudienceSet const& readable) {
    std::vector<std::uint64_t> out;
    for (ObjectRow const& row : ok(store_->page(filter, readable)).rows) out.push_back(row.ord);
    return out;
  }
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Store> store_;
};
using Ords = std::vector<std::uint64_t>;

inline std::unique_ptr<Backend> make_sqlite() {
  return std::make_unique<SqliteBackend>();
}
inline std::unique_ptr<Backend> make_encrypted_sqlite() {
  return std::make_unique<EncryptedSqliteBackend>();
}
inline std::string backend_name(testing::TestParamInfo<Factory> const& info) {
  return info.param == make_sqlite ? "sqlite" : "sqlite_encrypted";
}
inline auto all_backends() {
  return testing::Values(&make_sqlite, &make_encrypted_sqlite);
}

}  // namespace amic::store
