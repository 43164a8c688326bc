// What is in the two files, by version. docs/formats/store.md describes every table.
#pragma once

#include <cstdint>
#include <span>

#include "store/sqlite/db.h"

namespace amic::store::sqlite {

// "AMCL" and "AMCI": which of the two a file is, in its SQLite header.
inline constexpr std::int32_t kLogApplicationId = 0x414d434c;
inline constexpr std::int32_t kIndexApplicationId = 0x414d4349;

// migrations[v] takes a file of version v to v + 1. Forward only; published steps never change.
struct Schema {
  std::int32_t application_id;
  std::span<char const* const> migrations;
  std::uint64_t version() const { return migrations.size(); }
};
Schema log_schema();
Schema index_schema();

// 0 for an empty file. kCorrupt if the file is another application's, or its two version marks
// differ; kUnsupported if it is newer than this program.
Result<std::uint64_t> schema_version(Connection& connection, Schema const& schema);
// One transaction a step; returns the version found before.
Result<std::uint64_t> migrate(Connection& connection, Schema const& schema);

}  // namespace amic::store::sqlite
