// What the log serves: proofs, tiles and the request that asks a witness to cosign.
#include "codec/codec.h"
#include "tlog/state.h"

namespace amic::tlog {

namespace {

constexpr std::size_t kHashBytes = Hash::kSize;

Result<Bytes> entries_tile(store::Store& store, std::uint64_t first, std::size_t count) {
  std::vector<store::RecordKind> kinds;
  AMIC_TRY(std::vector<Hash> const digests, store.log_digests(first + 1, count, &kinds));
  if (digests.size() < count || kinds.size() != digests.size()) {
    return fail(Code::kCorrupt, "tlog.tile", "digests are missing");
  }
  codec::Writer out;
  for (std::size_t i = 0; i < count; ++i) out.vec16(log_entry(kinds[i], digests[i]));
  return out.take();
}

}  // namespace

Result<std::string> Log::add_checkpoint_request(std::uint64_t old_size) {
  std::optional<merkle::Checkpoint> last;
  std::string bytes;
  {
    std::lock_guard const lock(mutex_);
    last = signed_;
    bytes = note_;
  }
  if (!last) return fail(Code::kUnavailable, "tlog.witness", "nothing was signed yet");
  if (old_size > last->size) {
    return fail(Code::kConflict, "tlog.witness",
                "the witness has seen " + std::to_string(old_size) + " records, only " +
                    std::to_string(last->size) + " were signed here: this log was rolled back");
  }
  // The log's own line alone: what a witness needs, and small however many have cosigned.
  AMIC_TRY(merkle::Note note, merkle::parse_note(bytes));
  note.signatures.resize(1);
  merkle::AddCheckpoint request;
  request.old_size = old_size;
  AMIC_TRY(request.consistency,
           merkle::consistency_proof(old_size, last->size, internal::tile_reader(store_)));
  request.checkpoint_note = merkle::format_note(note);
  return merkle::format_add_checkpoint(request);
}

Result<std::string> Log::prove(EnvelopeId const& id) {
  AMIC_TRY(std::optional<store::Record> const record, store_.log_find(id));
  if (!record) return fail(Code::kNotFound, "tlog.prove", "no record has this id");
  std::uint64_t signed_size = 0;
  merkle::ProofFile proof;
  {
    std::lock_guard const lock(mutex_);
    signed_size = signed_ ? signed_->size : 0;
    proof.checkpoint_note = note_;
  }
  if (record->seq > signed_size) {
    return fail(Code::kUnavailable, "tlog.prove", "the record is not under a checkpoint yet");
  }
  proof.index = record->seq - 1;
  AMIC_TRY(proof.path,
           merkle::inclusion_proof(proof.index, signed_size, internal::tile_reader(store_)));
  return merkle::format_proof(proof);
}

Result<std::vector<Hash>> Log::consistency(std::uint64_t old_size, std::uint64_t new_size) {
  if (new_size > size()) {
    return fail(Code::kOutOfRange, "tlog.consistency", "the log is not that long");
  }
  return merkle::consistency_proof(old_size, new_size, internal::tile_reader(store_));
}

Result<Bytes> Log::tile(merkle::TileName const& name) {
  auto const absent = [] { return fail(Code::kNotFound, "tlog.tile", "not in the log"); };
  constexpr unsigned kLevelMax = 7;
  if (name.width == 0 || name.width > merkle::kTileWidth || name.level > kLevelMax) return absent();
  unsigned const level = name.entries ? 0 : name.level;
  std::uint64_t const count = size() >> (level * merkle::kTileHeight);
  if (name.index > count / merkle::kTileWidth) return absent();
  std::uint64_t const first = name.index * merkle::kTileWidth;
  if (count - first < name.width) return absent();
  if (name.entries) return entries_tile(store_, first, name.width);
  AMIC_TRY(Bytes hashes, internal::tile_reader(store_)(name.level, name.index));
  std::size_t const want = name.width * kHashBytes;
  if (hashes.size() < want) return fail(Code::kCorrupt, "tlog.tile", "tile is too short");
  hashes.resize(want);
  return hashes;
}

}  // namespace amic::tlog
