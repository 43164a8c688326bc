// Finding and mending what the disk has damaged of the log.
#include <algorithm>

#include "codec/codec.h"
#include "tlog/state.h"

namespace amic::tlog {

namespace {

constexpr std::size_t kHashBytes = Hash::kSize;
constexpr std::size_t kDigestsAtOnce = 4096;

std::optional<Hash> leaf_in(BytesView tile, std::uint64_t seq) {
  std::size_t const at = static_cast<std::size_t>((seq - 1) % merkle::kTileWidth) * kHashBytes;
  if (tile.size() < at + kHashBytes) return std::nullopt;
  return Hash::from(tile.subspan(at, kHashBytes));
}

}  // namespace

// ---- The pass ---------------------------------------------------------------------------------

Audit::Audit(store::Store& store, Log const& log) : store_(store), tree_(log.tree()) {}

std::optional<Hash> Audit::leaf_at(std::uint64_t seq) {
  std::uint64_t const index = (seq - 1) / merkle::kTileWidth;
  if (tile_index_ != index) {
    auto const tile = store_.tile(0, index);
    tile_ = tile && *tile ? **tile : Bytes();  // unreadable is as good as none
    tile_index_ = index;
  }
  return leaf_in(tile_, seq);
}

void Audit::find(Finding finding) {
  if (findings_.size() < kFindingsMax)
    findings_.push_back(std::move(finding));
  else
    ++more_;
}

void Audit::look(store::Audited::Row const& row) {
  auto const stored = leaf_at(row.seq);
  std::optional<Hash> said;
  if (row.record) said = internal::record_leaf(row.record->kind, row.record->digest);
  Finding finding{row.seq, row.flaw, row.record, stored};
  bool const whole = row.flaw == store::Flaw::kNone || row.flaw == store::Flaw::kId;
  bool const differ = stored && said && *stored != *said;
  // A damaged row that has not its leaf either says nothing that could be believed.
  if (differ && !whole) finding.row.reset();
  by_tiles_.append(stored ? *stored : said.value_or(Hash()));
  by_rows_.append(whole && said ? *said : stored ? *stored : said.value_or(Hash()));
  if (differ && whole) {
    if (odd_.size() < kFindingsMax) odd_.push_back(finding);
    if (row.flaw == store::Flaw::kNone) return;
  }
  if (row.flaw != store::Flaw::kNone) find(std::move(finding));
}

Result<bool> Audit::step(std::size_t bytes_max) {
  if (done_ < tree_.size) {
    // Small records as well: a step has an end.
    std::uint64_t const upto = std::min(tree_.size, done_ + kDigestsAtOnce);
    AMIC_TRY(auto const seen, store_.audit(done_ + 1, upto, bytes_max));
    if (seen.rows.empty()) return fail(Code::kInternal, "tlog.audit", "no progress");
    for (auto const& row : seen.rows) look(row);
    by_tiles_.take_changed_tiles();  // the root is all that is wanted
    by_rows_.take_changed_tiles();
    done_ = seen.rows.back().seq;
    bytes_ += seen.bytes;
    pages_broken_ = pages_broken_ || seen.pages_broken;
  }
  if (done_ < tree_.size) return true;
  finish();
  return false;
}

void Audit::finish() {
  tiles_whole_ = by_tiles_.root() == tree_.root;
  rows_prove_ = by_rows_.root() == tree_.root;
  // A gap in the tiles that the rows fill in leads to the root as well, and is a gap all the same.
  std::uint64_t const last = tree_.size == 0 ? 0 : (tree_.size - 1) / merkle::kTileWidth;
  for (std::uint64_t index = 0; tree_.size > 0 && index <= last && tiles_whole_; ++index) {
    auto const tile = store_.tile(0, index);
    std::uint64_t const want =
        std::min(merkle::kTileWidth, tree_.size - index * merkle::kTileWidth) * kHashBytes;
    tiles_whole_ = tile && *tile && (**tile).size() >= want;
  }
  if (tiles_whole_) {  // then it is the rows that were changed
    for (Finding& odd : odd_) {
      odd.flaw = store::Flaw::kBytes;
      odd.row.reset();
      find(std::move(odd));
    }
    std::sort(findings_.begin(), findings_.end(),
              [](Finding const& a, Finding const& b) { return a.seq < b.seq; });
  }
  odd_.clear();
}

// ---- Mending ----------------------------------------------------------------------------------

Log::Tree Log::tree() const {
  std::lock_guard const lock(mutex_);
  return {tree_.size(), tree_.root()};
}

Result<store::PutBack> Log::put_back(std::vector<store::Record> const& records) {
  std::vector<store::Record> proven, as_row;
  for (store::Record const& record : records) {
    if (record.seq == 0 || record.seq > size())
      return fail(Code::kOutOfRange, "tlog.put_back", "no such record");
    auto const tile = store_.tile(0, (record.seq - 1) / merkle::kTileWidth);
    auto const leaf = tile && *tile ? leaf_in(**tile, record.seq) : std::nullopt;
    if (leaf == internal::record_leaf(record.kind, record.digest)) {
      proven.push_back(record);
      continue;
    }
    AMIC_TRY(auto const seen, store_.audit(record.seq, record.seq, 1));
    bool const same = !seen.rows.empty() && seen.rows.front().record &&
                      seen.rows.front().record->digest == record.digest &&
                      seen.rows.front().record->kind == record.kind;
    if (!same)
      return fail(Code::kConflict, internal::record_label(record.seq), "does not match its leaf");
    as_row.push_back(record);
  }
  store::PutBack out;
  for (auto const* const group : {&proven, &as_row}) {
    if (group->empty()) continue;
    AMIC_TRY(auto const done, store_.put_back(*group, group == &proven));
    out.records += done.records;
    out.index_stale = out.index_stale || done.index_stale;
  }
  return out;
}

Result<std::size_t> Log::mend_tiles() {
  Tree const now = tree();
  merkle::TreeBuilder made;
  std::vector<store::Tile> differing;
  while (made.size() < now.size) {
    std::vector<store::RecordKind> kinds;
    std::size_t const want = std::min<std::uint64_t>(kDigestsAtOnce, now.size - made.size());
    AMIC_TRY(auto const digests, store_.log_digests(made.size() + 1, want, &kinds));
    if (digests.empty())
      return fail(Code::kCorrupt, internal::record_label(made.size() + 1), "is missing");
    for (std::size_t i = 0; i < digests.size(); ++i)
      made.append(internal::record_leaf(kinds[i], digests[i]));
    for (auto& tile : made.take_changed_tiles()) {
      auto const stored = store_.tile(tile.level, tile.index);
      // The last tiles grow with each append, which stores them anew: those are longer by now.
      bool const same = stored && *stored && (**stored).size() >= tile.hashes.size() &&
                        std::equal(tile.hashes.begin(), tile.hashes.end(), (**stored).begin());
      if (!same) differing.push_back({tile.level, tile.index, std::move(tile.hashes)});
    }
  }
  if (made.root() != now.root)
    return fail(Code::kCorrupt, "tlog.tree", "the records do not lead to the root kept");
  if (differing.empty()) return std::size_t{0};
  std::lock_guard const writer(write_mutex_);
  if (size() != now.size) {  // shorter ones would take the place of longer ones
    std::erase_if(differing, [](store::Tile const& tile) {
      return tile.hashes.size() < merkle::kTileWidth * kHashBytes;
    });
  }
  std::size_t const count = differing.size();
  std::vector<store::Append> units(1);
  units.front().tiles = std::move(differing);
  AMIC_TRY_VOID(store_.append(units));
  return count;
}

}  // namespace amic::tlog
