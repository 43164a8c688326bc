// The external counter of consent in a small file: on another disk, or a device that is not part of
// the node's backups ([consent] counter). docs/OPERATIONS.md, "Consent".
#pragma once

#include <filesystem>

#include "governance/delegation.h"

namespace amic::node {

class CounterFile final : public governance::Counter {
 public:
  explicit CounterFile(std::filesystem::path path) : path_(std::move(path)) {}
  Result<std::uint64_t> read() override;  // kCorrupt: not a number; kIo
  Result<void> advance(std::uint64_t to) override;

 private:
  std::filesystem::path path_;
};

}  // namespace amic::node
