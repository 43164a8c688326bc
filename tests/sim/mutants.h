// Bugs to plant, one at a time, to show that the simulation finds them. They live in the simulated
// store, committer, network and server; nothing of them is in the product.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace amic::sim {

#define AMIC_MUTANTS(X)                                                                         \
  X(kAckBeforeCommit, "ack-before-commit", "answers before the unit is on the disk")            \
  X(kForgetReceived, "forget-received", "does not keep the position of what was received")      \
  X(kCursorWithoutRecord, "cursor-without-record", "keeps the position, loses the records")     \
  X(kForgetIds, "forget-ids", "the store does not know the ids that it holds")                  \
  X(kReceiptOfAnotherLane, "receipt-of-another-lane", "answers with the next lane's receipt")   \
  X(kReceiptTooHigh, "receipt-too-high", "signs for one envelope more than it holds")           \
  X(kReceiptFromMemory, "receipt-from-memory", "signs for a batch whose commit failed")         \
  X(kSkipOutboxRow, "skip-outbox-row", "the outbox leaves a row out")                           \
  X(kFlashWaits, "flash-waits", "ROUTINE goes before FLASH")                                    \
  X(kIndexTwice, "index-twice", "an index batch is applied twice")                              \
  X(kStaleMark, "stale-mark", "a crash takes index rows and leaves the watermark")              \
  X(kNoFsync, "no-fsync", "a crash takes the newest appended transaction")                      \
  X(kDropTiles, "drop-tiles", "the tree's hashes are not stored")                               \
  X(kKeepRefused, "keep-refused", "refused envelopes are stored as if they were good")          \
  X(kMisroute, "misroute", "queues for one member more than REL TO names")                      \
  X(kForgetMark, "forget-mark", "the idempotency mark is not stored with the item")             \
  X(kSwapRecords, "swap-records", "two records of a batch change places")                       \
  X(kNoReturn, "no-return", "does not fetch back what its backup has not")                      \
  X(kAnybodyOperates, "anybody-operates", "takes an operation for its item's, whoever made it") \
  X(kFirstHolds, "first-holds", "of the operations on an item the first one holds")             \
  X(kComplyAndKeep, "comply-and-keep", "says that it has destroyed, and keeps")                 \
  X(kUndead, "undead", "a crash brings back what was destroyed")                                \
  X(kDestroyMore, "destroy-more", "destroys the next received record as well")                  \
  X(kLoseReply, "lose-reply", "does not queue its replies")                                     \
  X(kTellStranger, "tell-stranger", "tells one member more of a group")                         \
  X(kForgetGroup, "forget-group", "a restored node does not note its own groups")               \
  X(kRelayLoops, "relay-loops", "relays hand to relays")                                        \
  X(kTrustFile, "trust-file", "takes in what can be read of a damaged carrier file")            \
  X(kServeRot, "serve-rot", "a damaged record is read as if it were good")

enum class Mutant {
  kNone,
#define X(name, text, what) name,
  AMIC_MUTANTS(X)
#undef X
};

struct MutantInfo {
  Mutant mutant;
  std::string_view name;
  std::string_view what;
};
inline std::vector<MutantInfo> const& all_mutants() {
  static std::vector<MutantInfo> const all = {
#define X(name, text, what) {Mutant::name, text, what},
      AMIC_MUTANTS(X)
#undef X
  };
  return all;
}
inline std::optional<Mutant> parse_mutant(std::string_view name) {
  for (auto const& info : all_mutants())
    if (info.name == name) return info.mutant;
  return std::nullopt;
}

}  // namespace amic::sim
