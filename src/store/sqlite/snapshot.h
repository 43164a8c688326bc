#pragma once

#include <filesystem>

#include "store/sqlite/index_file.h"
#include "store/sqlite/log_file.h"

namespace amic::store::sqlite {

// Both files as of one moment each, the index first: it must never know more than the log.
Result<void> snapshot(LogFile& log, IndexFile& index, std::filesystem::path const& directory);

}  // namespace amic::store::sqlite
