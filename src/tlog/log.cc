#include "obs/log.h"

#include <algorithm>

#include "base/check.h"
#include "base/limits.h"
#include "codec/codec.h"
#include "crypto/hash.h"
#include "tlog/state.h"

namespace amic::tlog {

namespace {

// One unit with kv rows alone.
std::vector<store::Append> kv_unit(std::vector<store::KvPut> rows) {
  std::vector<store::Append> units(1);
  units.front().kv = std::move(rows);
  return units;
}

bool is_cosignature(merkle::NoteSignature const& line, std::string const& origin) {
  return line.name != origin;
}

// Checks digests and appends the leaves of all records; the number of records.
Result<std::size_t> add_leaves(std::vector<store::Append> const& units, merkle::TreeBuilder& tree) {
  std::size_t records = 0;
  for (store::Append const& unit : units) {
    CHECK(unit.tiles.empty());  // tiles are ours
    for (store::Record const& record : unit.records) {
      if (crypto::sha256(record.bytes) != record.digest) {
        return fail(Code::kInternal, "tlog.append",
                    "digest of record " + codec::to_uuid(record.id.view()) +
                        " is not the SHA-256 of its bytes");
      }
      tree.append(internal::record_leaf(record.kind, record.digest));
      ++records;
    }
  }
  return records;
}

// An append that answered kIo may be there all the same (a commit whose answer was lost). True if
// the store shows exactly these records after the first `size`; nobody else appends to it.
bool kept_after_all(store::Store& store, std::uint64_t size,
                    std::vector<store::Append> const& units, std::size_t records) {
  auto const digests = store.log_digests(size + 1, records + 1, nullptr);
  if (!digests || digests->size() != records) return false;
  auto next = digests->begin();
  for (store::Append const& unit : units) {
    for (store::Record const& record : unit.records) {
      if (record.digest != *next++) return false;
    }
  }
  return true;
}

}  // namespace

Log::Log(store::Store& store, std::string first_origin, crypto::SigningKey key)
    : store_(store),
      first_origin_(std::move(first_origin)),
      key_(std::move(key)),
      origin_(first_origin_) {}

Result<std::unique_ptr<Log>> Log::open(store::Store& store, std::string first_origin,
                                       crypto::SigningKey log_key) {
  std::unique_ptr<Log> log(new Log(store, std::move(first_origin), std::move(log_key)));
  AMIC_TRY(log->incarnation_, stored_incarnation(store));
  log->origin_ = incarnation_origin(log->first_origin_, log->incarnation_);
  AMIC_TRY(log->tree_, internal::load_tree(store));
  AMIC_TRY_VOID(internal::check_last_leaves(store, log->tree_.size()));
  AMIC_TRY_VOID(log->load_checkpoint());
  return log;
}

Result<void> Log::load_checkpoint() {
  AMIC_TRY(auto const kept, internal::load_note(store_, internal::kCheckpointKey, verifier()));
  if (!kept) return {};
  if (kept->checkpoint.size > tree_.size()) {
    return fail(Code::kCorrupt, "tlog.checkpoint",
                "signs " + std::to_string(kept->checkpoint.size) + " records, the log holds " +
                    std::to_string(tree_.size()) + ": records were removed");
  }
  AMIC_TRY(Hash const root,
           merkle::tree_root(kept->checkpoint.size, internal::tile_reader(store_)));
  if (root != kept->checkpoint.root) {
    return fail(Code::kCorrupt, "tlog.checkpoint",
                "its root is not that of the first " + std::to_string(kept->checkpoint.size) +
                    " records: the log was rewritten");
  }
  signed_ = kept->checkpoint;
  note_ = kept->bytes;
  return {};
}

Result<std::uint64_t> Log::append(std::vector<store::Append> units) {
  std::lock_guard const writer(write_mutex_);
  return append_locked(std::move(units));
}

Result<std::uint64_t> Log::append_locked(std::vector<store::Append> units) {
  AMIC_TRY_VOID(take_over_store());
  if (units.empty()) return tree_.size() + 1;
  merkle::TreeBuilder next = tree_;  // kept only once the store has committed
  AMIC_TRY(std::size_t const records, add_leaves(units, next));
  if (records > 0) {
    for (auto& tile : next.take_changed_tiles()) {
      units.back().tiles.push_back({tile.level, tile.index, std::move(tile.hashes)});
    }
    units.back().kv.push_back(internal::tree_put(next));
  }
  auto first = store_.append(units);
  if (!first && first.error().code == Code::kIo && records > 0 &&
      kept_after_all(store_, tree_.size(), units, records)) {
    first = tree_.size() + 1;
  }
  if (!first) {
    uncertain_ = true;
    return fail(first.error());
  }
  if (records > 0) {
    CHECK(*first == tree_.size() + 1);  // nobody else appends to this store
    std::lock_guard const lock(mutex_);
    tree_ = std::move(next);
  }
  return *first;
}

Result<void> Log::take_over_store() {
  if (!uncertain_) return {};
  AMIC_TRY(std::uint64_t const size, store_.log_size());
  if (size != tree_.size()) {
    AMIC_TRY(merkle::TreeBuilder tree, internal::load_tree(store_));
    std::lock_guard const lock(mutex_);
    tree_ = std::move(tree);
  }
  uncertain_ = false;
  return {};
}

Result<void> Log::keep_note(merkle::Note const& note, merkle::Checkpoint const& checkpoint) {
  std::string bytes = merkle::format_note(note);
  std::vector<store::KvPut> rows = {{kTlogSpace, internal::kCheckpointKey, to_bytes(bytes)}};
  if (note.signatures.size() > 1) {
    rows.push_back({kTlogSpace, internal::kCosignedKey, to_bytes(bytes)});
  }
  AMIC_TRY_VOID(append_locked(kv_unit(std::move(rows))));
  std::lock_guard const lock(mutex_);
  signed_ = checkpoint;
  note_ = std::move(bytes);
  return {};
}

Result<std::string> Log::sign_checkpoint() {
  std::lock_guard const writer(write_mutex_);
  AMIC_TRY_VOID(take_over_store());
  merkle::Checkpoint const now{origin_, tree_.size(), tree_.root()};
  if (signed_) {
    // Never two histories: the new tree must extend the one signed last.
    if (now.size < signed_->size || (now.size == signed_->size && now.root != signed_->root)) {
      return fail(Code::kCorrupt, "tlog.checkpoint", "the tree is not the one signed before");
    }
    if (now.size == signed_->size) return note_;
    AMIC_TRY(auto const proof,
             merkle::consistency_proof(signed_->size, now.size, internal::tile_reader(store_)));
    if (!merkle::verify_consistency(signed_->size, signed_->root, now.size, now.root, proof)) {
      return fail(Code::kCorrupt, "tlog.checkpoint", "the tree does not extend the one signed");
    }
  }
  merkle::Note note;
  note.text = merkle::checkpoint_text(now);
  note.signatures.push_back(merkle::sign_note(note.text, origin_, key_));
  AMIC_TRY_VOID(keep_note(note, now));
  return note_;
}

Result<std::string> Log::checkpoint() {
  std::lock_guard const lock(mutex_);
  return note_;
}

Result<void> Log::add_cosignatures(std::vector<merkle::NoteSignature> const& signatures,
                                   std::vector<merkle::NoteVerifier> const& cosigners) {
  std::lock_guard const writer(write_mutex_);
  if (!signed_) return fail(Code::kUnavailable, "tlog.cosign", "nothing was signed yet");
  AMIC_TRY(merkle::Note note, merkle::parse_note(note_));
  bool changed = false;
  for (merkle::NoteSignature const& line : signatures) {
    auto const known = std::find_if(cosigners.begin(), cosigners.end(), [&](auto const& cosigner) {
      return cosigner.type == merkle::NoteKeyType::kCosignatureV1 && cosigner.name == line.name &&
             cosigner.key_id() == line.key_id;
    });
    if (known == cosigners.end() || !is_cosignature(line, origin_)) continue;
    AMIC_TRY_VOID(merkle::verify_note({note.text, {line}}, {*known}));
    auto const same = std::find_if(
        note.signatures.begin(), note.signatures.end(),
        [&](auto const& held) { return held.name == line.name && held.key_id == line.key_id; });
    if (same != note.signatures.end()) {
      *same = line;
    } else if (note.signatures.size() < limits::kNoteSignaturesMax) {
      note.signatures.push_back(line);
    } else {
      return fail(Code::kTooLarge, "tlog.cosign", "too many cosignatures");
    }
    changed = true;
  }
  if (!changed) return {};
  return keep_note(note, *signed_);
}

std::uint64_t Log::size() const {
  std::lock_guard const lock(mutex_);
  return tree_.size();
}

std::uint64_t Log::checkpoint_size() const {
  std::lock_guard const lock(mutex_);
  return signed_ ? signed_->size : 0;
}

std::string Log::origin() const {
  std::lock_guard const lock(mutex_);
  return origin_;
}

merkle::NoteVerifier Log::verifier() const {
  return {origin(), merkle::NoteKeyType::kEd25519, key_.verify_key()};
}

// ---- A log that was set back ------------------------------------------------------------------

Result<bool> Log::leads_to(merkle::Checkpoint const& checkpoint) {
  if (checkpoint.size > tree_.size()) return false;
  if (checkpoint.size == tree_.size()) return checkpoint.root == tree_.root();
  AMIC_TRY(Hash const root, merkle::tree_root(checkpoint.size, internal::tile_reader(store_)));
  return checkpoint.root == root;
}

Result<bool> Log::compare(std::string_view witnessed_note) {
  AMIC_TRY(merkle::Note const note, merkle::parse_note(witnessed_note));
  AMIC_TRY(merkle::Checkpoint const shown, merkle::parse_checkpoint_text(note.text));
  auto const incarnation = incarnation_of(shown.origin, first_origin_);
  if (!incarnation) return fail(Code::kWrongIdentity, "checkpoint.origin", shown.origin);
  AMIC_TRY_VOID(merkle::verify_note(
      note, {{shown.origin, merkle::NoteKeyType::kEd25519, key_.verify_key()}}));
  std::lock_guard const writer(write_mutex_);
  AMIC_TRY_VOID(take_over_store());
  if (*incarnation < incarnation_) return false;  // that one ended, and this is why
  if (*incarnation == incarnation_) {
    AMIC_TRY(bool const good, leads_to(shown));
    if (good) return false;
  }
  if (*incarnation == kIncarnationMax)
    return fail(Code::kOutOfRange, "tlog.incarnation", "began anew too often");
  AMIC_TRY_VOID(begin_incarnation(*incarnation + 1));
  obs::log(obs::Level::kWarn, "tlog.restarted",
           {{"origin", origin_}, {"seen", shown.size}, {"size", tree_.size()}});
  return true;
}

Result<void> Log::begin_incarnation(std::uint32_t incarnation) {
  std::vector<store::KvPut> rows = {
      {kTlogSpace, internal::kIncarnationKey, codec::Writer().u32(incarnation).take()},
      {kTlogSpace, internal::kCheckpointKey, std::nullopt},
      {kTlogSpace, internal::kCosignedKey, std::nullopt}};
  if (!note_.empty())
    rows.push_back({kTlogSpace, internal::kCheckpointKey + ("/" + std::to_string(incarnation_)),
                    to_bytes(note_)});
  AMIC_TRY_VOID(append_locked(kv_unit(std::move(rows))));
  std::lock_guard const lock(mutex_);
  incarnation_ = incarnation;
  origin_ = incarnation_origin(first_origin_, incarnation);
  signed_.reset();
  note_.clear();
  return {};
}

}  // namespace amic::tlog
