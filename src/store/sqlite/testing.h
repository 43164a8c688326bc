// Test support: what a bad disk does to the log of a closed store.
#pragma once

#include <fstream>
#include <stdexcept>

#include "store/sqlite/db.h"
#include "store/sqlite/files.h"

namespace amic::store::damaging {

class Damager {
 public:
  explicit Damager(std::filesystem::path const& directory) : file_(directory / sqlite::kLogFile) {
    auto opened =
        sqlite::Connection::open(file_, sqlite::Access::kReadWrite, false, sqlite::Tuning{});
    if (!opened) throw std::runtime_error(opened.error().text());
    connection_ = std::move(*opened);
  }

  template <class Work>
  void together(Work const& work) {  // one transaction
    if (!connection_->exec("BEGIN")) throw std::runtime_error("begin");
    work();
    if (!connection_->exec("COMMIT")) throw std::runtime_error("commit");
  }

  void flip_bytes(std::uint64_t seq) {  // the last byte of what is stored of a record
    Bytes stored;
    {
      sqlite::Query query(*connection_, "SELECT bytes FROM record WHERE seq = ?");
      if (!query.bind(seq).step().value()) throw std::runtime_error("no such record");
      stored = to_bytes(query.blob(0));
    }
    stored.back() ^= 1;
    run("UPDATE record SET bytes = ? WHERE seq = ?", BytesView(stored), seq);
  }
  void drop_record(std::uint64_t seq) { run("DELETE FROM record WHERE seq = ?", seq); }
  void drop_key(std::uint64_t seq) { run("DELETE FROM dek WHERE seq = ?", seq); }
  void drop_id(std::uint64_t seq) { run("DELETE FROM record_by_id WHERE seq = ?", seq); }
  void drop_erasure(std::uint64_t seq) { run("DELETE FROM shredded WHERE seq = ?", seq); }
  void drop_tile(std::uint64_t n) { run("DELETE FROM tile WHERE level = 0 AND n = ?", n); }
  void drop_received(MemberId const& peer, std::uint8_t lane, std::uint64_t n) {
    run("DELETE FROM received WHERE peer = ? AND lane = ? AND n = ?", peer.str(), lane, n);
  }
  void drop_sent(MemberId const& peer, std::uint8_t lane, std::uint64_t n) {
    run("DELETE FROM outbox WHERE peer = ? AND lane = ? AND n = ?", peer.str(), lane, n);
  }
  void forge_received(MemberId const& peer, std::uint8_t lane, std::uint64_t n) {
    Bytes const other(32, 0x5a);
    run("UPDATE received SET digest = ? WHERE peer = ? AND lane = ? AND n = ?", BytesView(other),
        peer.str(), lane, n);
  }

  // Pages of a table's tree, root excluded, and those that its rows go on in.
  std::vector<std::uint64_t> pages_of(std::string const& table) {
    std::vector<std::uint64_t> out;
    sqlite3_stmt* stmt = nullptr;
    std::string const sql =
        "SELECT pageno FROM dbstat WHERE name = '" + table + "' AND path <> '/' ORDER BY pageno";
    if (sqlite3_prepare_v2(connection_->raw(), sql.c_str(), -1, &stmt, nullptr) != SQLITE_OK)
      return out;  // built without dbstat
    while (sqlite3_step(stmt) == SQLITE_ROW)
      out.push_back(static_cast<std::uint64_t>(sqlite3_column_int64(stmt, 0)));
    sqlite3_finalize(stmt);
    return out;
  }
  std::uint64_t root_of(std::string const& table) {
    sqlite3_stmt* stmt = nullptr;
    std::string const sql = "SELECT rootpage FROM sqlite_schema WHERE name = '" + table + "'";
    if (sqlite3_prepare_v2(connection_->raw(), sql.c_str(), -1, &stmt, nullptr) != SQLITE_OK)
      throw std::runtime_error("no such table");
    sqlite3_step(stmt);
    auto const page = static_cast<std::uint64_t>(sqlite3_column_int64(stmt, 0));
    sqlite3_finalize(stmt);
    return page;
  }
  // Closes the file and writes over one of its pages, which count from 1.
  void overwrite_page(std::uint64_t page, std::string const& with) {
    static_cast<void>(connection_->checkpoint());
    connection_.reset();
    std::fstream stream(file_, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(static_cast<std::streamoff>((page - 1) * kPageBytes));
    stream.write(with.data(), static_cast<std::streamsize>(with.size()));
    stream.close();
    connection_ =
        sqlite::Connection::open(file_, sqlite::Access::kReadWrite, false, sqlite::Tuning{})
            .value();
  }
  static constexpr std::uint64_t kPageBytes = 4096;

 private:
  template <class... Args>
  void run(char const* sql, Args const&... args) {
    sqlite::Query query(*connection_, sql);
    (bind(query, args), ...);
    if (auto const done = query.run(); !done) throw std::runtime_error(done.error().text());
  }
  template <class T>
  static void bind(sqlite::Query& query, T const& value) {
    if constexpr (std::is_same_v<T, std::string>)
      query.bind(std::string_view(value));
    else
      query.bind(value);
  }

  std::filesystem::path file_;
  std::unique_ptr<sqlite::Connection> connection_;
};

}  // namespace amic::store::damaging
