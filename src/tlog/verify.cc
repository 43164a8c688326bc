#include <algorithm>

#include "crypto/hash.h"
#include "tlog/state.h"

namespace amic::tlog {

namespace {

constexpr std::size_t kHashBytes = Hash::kSize;
constexpr std::size_t kPageRecords = 256;
constexpr std::size_t kPageBytes = 16 << 20;

// The tile as recomputed must be what the stored one begins with (the stored one may be of a later,
// larger tree; load_tree checks where tiles end).
Result<void> compare_tile(store::Store& store, merkle::TreeBuilder::TileData const& tile) {
  AMIC_TRY(Bytes const stored, internal::tile_reader(store)(tile.level, tile.index));
  std::size_t const common = std::min(stored.size(), tile.hashes.size());
  std::size_t const at = static_cast<std::size_t>(
      std::mismatch(tile.hashes.begin(), tile.hashes.begin() + static_cast<std::ptrdiff_t>(common),
                    stored.begin())
          .first -
      tile.hashes.begin());
  if (at == tile.hashes.size()) return {};
  std::string const label = "tile " + std::to_string(tile.level) + "/" + std::to_string(tile.index);
  if (tile.level != 0) return fail(Code::kCorrupt, label, "is not the hash of the tiles below");
  std::uint64_t const seq = tile.index * merkle::kTileWidth + at / kHashBytes + 1;
  return fail(Code::kCorrupt, internal::record_label(seq), "does not match its leaf in " + label);
}

// Signed checkpoints to meet on the way through the records.
class Checkpoints {
 public:
  static Result<Checkpoints> load(store::Store& store, merkle::NoteVerifier const& log_key,
                                  std::uint64_t size) {
    Checkpoints out;
    for (char const* const key : {internal::kCosignedKey, internal::kCheckpointKey}) {
      AMIC_TRY(auto kept, internal::load_note(store, key, log_key));
      if (!kept) continue;
      if (kept->checkpoint.size > size) {
        return fail(Code::kCorrupt, std::string("tlog.") + key,
                    "signs " + std::to_string(kept->checkpoint.size) + " records, the log holds " +
                        std::to_string(size) + ": records were removed");
      }
      out.notes_.push_back({key, std::move(*kept)});
    }
    return out;
  }

  Result<void> meet(merkle::TreeBuilder const& tree) const {
    for (auto const& [key, kept] : notes_) {
      if (kept.checkpoint.size != tree.size() || kept.checkpoint.root == tree.root()) continue;
      return fail(Code::kCorrupt, std::string("tlog.") + key,
                  "its root is not that of the first " + std::to_string(tree.size()) +
                      " records: the log was rewritten");
    }
    return {};
  }

  // The last one signed; the load order puts it last.
  internal::KeptNote const* last() const {
    return notes_.empty() ? nullptr : &notes_.back().second;
  }

 private:
  std::vector<std::pair<char const*, internal::KeptNote>> notes_;
};

Result<void> check_record(store::Record const& record, std::uint64_t seq) {
  std::string const label = internal::record_label(seq);
  if (record.seq != seq) return fail(Code::kCorrupt, label, "is missing");
  // Of an erased record the digest alone is left: its leaf says whether that is the one logged.
  if (!record.shredded && crypto::sha256(record.bytes) != record.digest) {
    return fail(Code::kCorrupt, label, "bytes do not match their digest");
  }
  return {};
}

Result<std::size_t> count_cosigners(merkle::Note const& note,
                                    std::vector<merkle::NoteVerifier> const& cosigners,
                                    merkle::NoteVerifier const& log_key) {
  std::vector<merkle::NoteVerifier> known = cosigners;
  known.push_back(log_key);
  auto const signers = merkle::verify_note(note, known);
  if (!signers) return fail(Code::kCorrupt, "tlog.checkpoint", signers.error().text());
  return static_cast<std::size_t>(
      std::count_if(signers->begin(), signers->end(),
                    [](auto const& signer) { return signer.cosigned_at_s.has_value(); }));
}

}  // namespace

Result<VerifyReport> verify_log(store::Store& store, merkle::NoteVerifier const& log_key,
                                std::vector<merkle::NoteVerifier> const& cosigners,
                                std::function<void(std::uint64_t, std::uint64_t)> progress) {
  AMIC_TRY(std::uint64_t const size, store.log_size());
  AMIC_TRY(Checkpoints const checkpoints, Checkpoints::load(store, log_key, size));
  merkle::TreeBuilder tree;
  VerifyReport report;
  AMIC_TRY_VOID(checkpoints.meet(tree));
  while (tree.size() < size) {
    AMIC_TRY(auto const page, store.log_read(tree.size() + 1, kPageRecords, kPageBytes));
    if (page.empty()) {
      return fail(Code::kCorrupt, internal::record_label(tree.size() + 1), "is missing");
    }
    Result<void> checkpoint_ok;
    for (store::Record const& record : page) {
      AMIC_TRY_VOID(check_record(record, tree.size() + 1));
      if (record.shredded) ++report.shredded;
      tree.append(internal::record_leaf(record.kind, record.digest));
      if (checkpoint_ok) checkpoint_ok = checkpoints.meet(tree);
    }
    // Tiles first: they name the record, a checkpoint only says that something before it changed.
    for (auto const& tile : tree.take_changed_tiles()) {
      AMIC_TRY_VOID(compare_tile(store, tile));
    }
    AMIC_TRY_VOID(checkpoint_ok);
    if (progress) progress(tree.size(), size);
  }
  AMIC_TRY_VOID(internal::load_tree(store));
  report.records = size;
  report.root = tree.root();
  if (internal::KeptNote const* const last = checkpoints.last()) {
    report.checkpoint_size = last->checkpoint.size;
    AMIC_TRY(report.cosignatures, count_cosigners(last->note, cosigners, log_key));
  }
  return report;
}

Result<void> verify_proof(std::string_view proof_file, store::RecordKind kind, Hash const& digest,
                          merkle::NoteVerifier const& log_key) {
  AMIC_TRY(merkle::ProofFile const proof, merkle::parse_proof(proof_file));
  AMIC_TRY(merkle::Note const note, merkle::parse_note(proof.checkpoint_note));
  AMIC_TRY(merkle::Checkpoint const checkpoint, merkle::parse_checkpoint_text(note.text));
  bool const same_log = incarnation_of(checkpoint.origin, log_key.name).has_value();
  auto key = log_key;
  if (same_log) key.name = checkpoint.origin;
  AMIC_TRY_VOID(merkle::verify_note(note, {key}));
  if (!same_log) {
    return fail(Code::kRejected, "proof.checkpoint", "is of the log " + checkpoint.origin);
  }
  return merkle::verify_inclusion(internal::record_leaf(kind, digest), proof.index, checkpoint.size,
                                  proof.path, checkpoint.root);
}

}  // namespace amic::tlog
