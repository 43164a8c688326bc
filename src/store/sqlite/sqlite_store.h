// "sqlite:DIR": log.db, idx.db and lock in one directory.
#pragma once

#include <filesystem>
#include <memory>

#include "store/store.h"

namespace amic::store::sqlite {

Result<std::unique_ptr<Store>> open_store(std::filesystem::path const& directory,
                                          Options const& options);

}  // namespace amic::store::sqlite
