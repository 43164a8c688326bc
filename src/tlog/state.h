// What the log keeps in the store and how it is checked against itself. Private to tlog.
#pragma once

#include "tlog/tlog.h"

namespace amic::tlog::internal {

inline constexpr char kTreeKey[] = "tree";
inline constexpr char kCheckpointKey[] = "checkpoint";
inline constexpr char kCosignedKey[] = "cosigned";
inline constexpr char kIncarnationKey[] = "incarnation";

// Leaf of a record in the tree.
Hash record_leaf(store::RecordKind kind, Hash const& digest);

// "record 17", for errors; leaf index = seq - 1.
std::string record_label(std::uint64_t seq);

// kCorrupt "tile 0/1" if the store has none.
merkle::TileReader tile_reader(store::Store& store);

store::KvPut tree_put(merkle::TreeBuilder const& tree);
// The tree of all the store's records, from the tiles' right edge: kCorrupt unless the tiles end
// exactly where the records do and lead to the root kept with the last append.
Result<merkle::TreeBuilder> load_tree(store::Store& store);
// kCorrupt unless the last tile holds the leaves of the last records, of those that can be read.
Result<void> check_last_leaves(store::Store& store, std::uint64_t size);

struct KeptNote {
  merkle::Note note;
  merkle::Checkpoint checkpoint;
  std::string bytes;
};
// A note of kv space "tlog" signed by `log_key`; nullopt if there is none. kCorrupt if it does not
// parse, is of another log or its signature fails; kWrongIdentity if another key signed it.
Result<std::optional<KeptNote>> load_note(store::Store& store, char const* key,
                                          merkle::NoteVerifier const& log_key);

}  // namespace amic::tlog::internal
