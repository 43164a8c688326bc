#include "tlog/state.h"

#include <algorithm>
#include <charconv>

#include "codec/codec.h"

namespace amic::tlog {

namespace {

constexpr std::size_t kHashBytes = Hash::kSize;
constexpr int kLevels = 8;  // of tiles: 64 bits of leaves

std::string tile_label(int level, std::uint64_t index) {
  return "tile " + std::to_string(level) + "/" + std::to_string(index);
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return text;
}

std::string host_of(CommunityId const& community, MemberId const& member) {
  return lower(member.str()) + "." + codec::to_hex(community.view().first(4)) + ".amic";
}

// The tiles of one level end where `count` hashes end: the last one as wide as it must be, none
// after it.
Result<void> check_level_end(store::Store& store, int level, std::uint64_t count) {
  auto const tile_level = static_cast<std::uint8_t>(level);
  std::uint64_t const index = count / merkle::kTileWidth;
  std::size_t const want = static_cast<std::size_t>(count % merkle::kTileWidth) * kHashBytes;
  AMIC_TRY(std::optional<Bytes> const last, store.tile(tile_level, index));
  std::size_t const have = last ? last->size() : 0;
  if (have > want) {
    return fail(Code::kCorrupt, tile_label(level, index),
                "holds more than the records: records were removed");
  }
  if (have < want) return fail(Code::kCorrupt, tile_label(level, index), "hashes are missing");
  if (want == 0 && count > 0) {
    AMIC_TRY(std::optional<Bytes> const full, store.tile(tile_level, index - 1));
    if (!full || full->size() != merkle::kTileWidth * kHashBytes) {
      return fail(Code::kCorrupt, tile_label(level, index - 1), "is not full");
    }
  }
  return {};
}

}  // namespace

Bytes log_entry(store::RecordKind kind, Hash const& digest) {
  return codec::Writer().u8(static_cast<std::uint8_t>(kind)).raw(digest.view()).take();
}

std::string log_origin(CommunityId const& community, MemberId const& member, Realm const& realm) {
  std::string place = lower(realm.str());  // "operations" or "exercise:<name>"
  std::replace(place.begin(), place.end(), ':', '/');
  return host_of(community, member) + "/log/" + place;
}

std::string incarnation_origin(std::string const& first, std::uint32_t incarnation) {
  return incarnation <= 1 ? first : first + "/" + std::to_string(incarnation);
}

std::optional<std::uint32_t> incarnation_of(std::string_view origin, std::string_view first) {
  if (origin == first) return 1;
  if (!origin.starts_with(first)) return std::nullopt;
  auto const rest = origin.substr(first.size());
  std::uint32_t number = 0;
  auto const* const end = rest.data() + rest.size();
  if (rest.size() < 2 || rest[0] != '/' || rest[1] == '0') return std::nullopt;
  auto const [stop, error] = std::from_chars(rest.data() + 1, end, number);
  if (error != std::errc() || stop != end || number < 2 || number > kIncarnationMax)
    return std::nullopt;
  return number;
}

Result<std::uint32_t> stored_incarnation(store::Store& store) {
  AMIC_TRY(std::optional<Bytes> const bytes, store.kv_get(kTlogSpace, internal::kIncarnationKey));
  if (!bytes) return std::uint32_t{1};
  codec::Reader reader(*bytes, "tlog.incarnation");
  std::uint32_t const number = reader.u32();
  if (!reader.finish() || number < 2 || number > kIncarnationMax)
    return fail(Code::kCorrupt, "tlog.incarnation", "malformed");
  return number;
}

std::string cosigner_name(CommunityId const& community, MemberId const& member) {
  return host_of(community, member) + "/witness";
}

namespace internal {

Hash record_leaf(store::RecordKind kind, Hash const& digest) {
  return merkle::leaf_hash(log_entry(kind, digest));
}

std::string record_label(std::uint64_t seq) {
  return "record " + std::to_string(seq);
}

merkle::TileReader tile_reader(store::Store& store) {
  return [&store](std::uint8_t level, std::uint64_t index) -> Result<Bytes> {
    AMIC_TRY(std::optional<Bytes> tile, store.tile(level, index));
    if (!tile) return fail(Code::kCorrupt, tile_label(level, index), "missing");
    return std::move(*tile);
  };
}

store::KvPut tree_put(merkle::TreeBuilder const& tree) {
  return {kTlogSpace, kTreeKey, codec::Writer().u64(tree.size()).raw(tree.root().view()).take()};
}

Result<merkle::TreeBuilder> load_tree(store::Store& store) {
  AMIC_TRY(std::uint64_t const size, store.log_size());
  for (int level = 0; level < kLevels; ++level) {
    std::uint64_t const count = size >> (level * merkle::kTileHeight);
    AMIC_TRY_VOID(check_level_end(store, level, count));
    if (count == 0) break;
  }
  AMIC_TRY(merkle::TreeBuilder tree, merkle::TreeBuilder::resume(size, tile_reader(store)));
  AMIC_TRY(std::optional<Bytes> const kept, store.kv_get(kTlogSpace, kTreeKey));
  if (!kept && size == 0) return tree;
  if (!kept) return fail(Code::kCorrupt, "tlog.tree", "missing");
  codec::Reader reader(*kept, "tlog.tree");
  std::uint64_t const kept_size = reader.u64();
  auto const kept_root = reader.fixed<Hash>();
  if (!reader.finish()) return fail(Code::kCorrupt, "tlog.tree", "malformed");
  if (kept_size != size) {
    return fail(Code::kCorrupt, "tlog.tree",
                "the log holds " + std::to_string(size) + " records, " + std::to_string(kept_size) +
                    " were appended");
  }
  if (kept_root != tree.root()) {
    return fail(Code::kCorrupt, "tlog.tree", "the tiles do not lead to the root kept");
  }
  return tree;
}

Result<void> check_last_leaves(store::Store& store, std::uint64_t size) {
  if (size == 0) return {};
  std::uint64_t const index = (size - 1) / merkle::kTileWidth;
  std::uint64_t const first = index * merkle::kTileWidth;
  auto const count = static_cast<std::size_t>(size - first);
  AMIC_TRY(Bytes const tile, tile_reader(store)(0, index));
  if (tile.size() != count * kHashBytes)
    return fail(Code::kCorrupt, tile_label(0, index), "does not match the records");
  for (std::size_t i = 0; i < count;) {
    std::vector<store::RecordKind> kinds;
    auto digests = store.log_digests(first + i + 1, count - i, &kinds);
    // A record that the disk has lost is for the audit to name and for peers to give back.
    if (!digests) digests = store.log_digests(first + i + 1, 1, &kinds);
    if (!digests && digests.error().code != Code::kCorrupt) return fail(digests.error());
    if (digests && digests->empty())
      return fail(Code::kCorrupt, tile_label(0, index), "does not match the records");
    std::size_t const read = digests ? digests->size() : 0;
    for (std::size_t at = 0; at < read; ++at) {
      BytesView const leaf = BytesView(tile).subspan((i + at) * kHashBytes, kHashBytes);
      if (!equal(leaf, record_leaf(kinds[at], (*digests)[at]).view()))
        return fail(Code::kCorrupt, record_label(first + i + at + 1),
                    "is not the one that was logged");
    }
    i += std::max<std::size_t>(read, 1);
  }
  return {};
}

Result<std::optional<KeptNote>> load_note(store::Store& store, char const* key,
                                          merkle::NoteVerifier const& log_key) {
  std::string const where = std::string("tlog.") + key;
  AMIC_TRY(std::optional<Bytes> const bytes, store.kv_get(kTlogSpace, key));
  if (!bytes) return std::optional<KeptNote>();
  KeptNote out;
  out.bytes = as_text(*bytes);
  auto note = merkle::parse_note(out.bytes);
  if (!note) return fail(Code::kCorrupt, where, note.error().text());
  auto checkpoint = merkle::parse_checkpoint_text(note->text);
  if (!checkpoint) return fail(Code::kCorrupt, where, checkpoint.error().text());
  out.note = std::move(*note);
  out.checkpoint = std::move(*checkpoint);
  if (out.checkpoint.origin != log_key.name) {
    return fail(Code::kCorrupt, where, "is of the log " + out.checkpoint.origin);
  }
  std::uint32_t const id = log_key.key_id();
  bool const ours =
      std::any_of(out.note.signatures.begin(), out.note.signatures.end(),
                  [&](auto const& line) { return line.name == log_key.name && line.key_id == id; });
  if (!ours) return fail(Code::kWrongIdentity, where, "was signed with another key");
  if (!merkle::verify_note(out.note, {log_key})) {
    return fail(Code::kCorrupt, where, "signature is wrong");
  }
  return std::optional<KeptNote>(std::move(out));
}

}  // namespace internal
}  // namespace amic::tlog
