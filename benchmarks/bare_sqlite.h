// The rival of ingest: the very rows that a store ended up with, put into fresh files of the same
// schema by prepared statements alone, in the same order, with the same settings, batches and
// durability, log and index on a thread each. It compresses, checks, encrypts and looks up
// nothing.
#pragma once

#include <filesystem>

namespace amic::bench {

struct BareRun {
  double seconds = 0;
  double cpu_seconds = 0;
};

// `filled`: directory of a store (log.db, idx.db). `batch` objects go into one index transaction;
// each log record has one of its own. `scratch` must be on the same disk.
BareRun replay_into_bare_sqlite(std::filesystem::path const& filled,
                                std::filesystem::path const& scratch, std::size_t batch);

}  // namespace amic::bench
