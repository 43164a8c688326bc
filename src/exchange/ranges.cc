// Fingerprints of a lane.
#include "exchange/ranges.h"

#include <algorithm>

#include "codec/codec.h"
#include "crypto/hash.h"

namespace amic::exchange {

namespace {

constexpr std::string_view kDomain = "amic/range/v1";
constexpr std::uint8_t kPageLevel = 2;
constexpr std::uint64_t kPageNumbers = 256;
constexpr std::uint64_t kPagesAtOnce = 16;  // rows of one read: 4096

Fingerprint cut(Hash const& hash) {
  return *Fingerprint::from(hash.view().first(Fingerprint::kSize));
}

// Of the block of level 2 that begins at `first_n`: its sixteen parts, from its entries.
FingerprintParts page_parts(std::vector<RangeEntry> const& entries, std::uint64_t first_n) {
  std::array<FingerprintParts, kRangeFan> numbers{};
  for (RangeEntry const& entry : entries) {
    if (entry.n < first_n || entry.n - first_n >= kPageNumbers) continue;
    auto const at = static_cast<std::size_t>(entry.n - first_n);
    numbers[at / kRangeFan][at % kRangeFan] = fingerprint_of(entry.n, entry.digest);
  }
  FingerprintParts out;
  for (std::size_t i = 0; i < kRangeFan; ++i) out[i] = fingerprint_of(std::uint8_t{1}, numbers[i]);
  return out;
}

}  // namespace

std::uint8_t range_top(std::uint64_t upto_n) {
  std::uint8_t level = 1;
  while (level < kRangeLevelMax && upto_n > 1ULL << (4 * level)) ++level;
  return level;
}

Fingerprint fingerprint_of(std::uint64_t n, Hash const& digest) {
  codec::Writer out;
  out.raw(as_bytes(kDomain)).u8(0).u64(n).raw(digest.view());
  return cut(crypto::sha256(out.bytes()));
}

Fingerprint fingerprint_of(std::uint8_t level, FingerprintParts const& parts) {
  if (std::all_of(parts.begin(), parts.end(), [](auto const& part) { return part.is_zero(); }))
    return {};
  codec::Writer out;
  out.raw(as_bytes(kDomain)).u8(1).u8(level);
  for (Fingerprint const& part : parts) out.raw(part.view());
  return cut(crypto::sha256(out.bytes()));
}

Result<bool> RangeTree::extend(std::uint64_t upto_n, std::uint64_t rows_max,
                               RangeReader const& read) {
  std::uint64_t const whole = upto_n / kPageNumbers;
  for (std::uint64_t taken = 0; pages_.size() < whole;) {
    if (taken >= rows_max) return false;
    std::uint64_t const count = std::min(kPagesAtOnce, whole - pages_.size());
    std::uint64_t const first = pages_.size() * kPageNumbers + 1;
    AMIC_TRY(auto const entries, read(first, first + count * kPageNumbers - 1));
    auto from = entries.begin();
    for (std::uint64_t i = 0; i < count; ++i) {
      std::uint64_t const begin = first + i * kPageNumbers;
      auto const to = std::find_if(
          from, entries.end(), [&](auto const& entry) { return entry.n >= begin + kPageNumbers; });
      pages_.push_back(fingerprint_of(kPageLevel, page_parts({from, to}, begin)));
      from = to;
    }
    taken += count * kPageNumbers;
  }
  return true;
}

Result<void> RangeTree::renew(std::uint64_t n, RangeReader const& read) {
  if (n == 0 || (n - 1) / kPageNumbers >= pages_.size()) return {};
  std::uint64_t const page = (n - 1) / kPageNumbers;
  std::uint64_t const first = page * kPageNumbers + 1;
  AMIC_TRY(auto const entries, read(first, first + kPageNumbers - 1));
  pages_[page] = fingerprint_of(kPageLevel, page_parts(entries, first));
  return {};
}

Result<FingerprintParts> RangeTree::parts(std::uint8_t level, std::uint64_t index,
                                          std::uint64_t upto_n, RangeReader const& read) const {
  FingerprintParts out{};
  std::uint64_t const first = range_first(level, index);
  if (first > upto_n || level == 0) return out;
  if (level <= kPageLevel) {
    std::uint64_t const last = std::min(upto_n, first + (std::uint64_t{1} << (4 * level)) - 1);
    AMIC_TRY(auto const entries, read(first, last));
    if (level == kPageLevel) return page_parts(entries, first);
    for (RangeEntry const& entry : entries)
      if (entry.n >= first && entry.n - first < kRangeFan)
        out[entry.n - first] = fingerprint_of(entry.n, entry.digest);
    return out;
  }
  for (std::uint64_t i = 0; i < kRangeFan; ++i) {
    auto const below = static_cast<std::uint8_t>(level - 1);
    if (range_first(below, index * kRangeFan + i) > upto_n) break;
    AMIC_TRY(out[i], block(below, index * kRangeFan + i, upto_n, read));
  }
  return out;
}

Result<Fingerprint> RangeTree::block(std::uint8_t level, std::uint64_t index, std::uint64_t upto_n,
                                     RangeReader const& read) const {
  std::uint64_t const first = range_first(level, index);
  if (first > upto_n) return Fingerprint{};
  bool const whole = upto_n - first + 1 >= kPageNumbers;
  if (level == kPageLevel && whole && index < pages_.size()) return pages_[index];
  if (level == 0) {
    AMIC_TRY(auto const entries, read(first, first));
    return entries.empty() ? Fingerprint{} : fingerprint_of(first, entries.front().digest);
  }
  AMIC_TRY(auto const below, parts(level, index, upto_n, read));
  return fingerprint_of(level, below);
}

}  // namespace amic::exchange
