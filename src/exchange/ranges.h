// Comparing what two nodes hold of a lane without naming it all: docs/formats/ranges.md. Numbers
// are taken in blocks of 16, 256, 4096, ...; a block's fingerprint stands for every number in it
// and the digest of its envelope. Where fingerprints differ their sixteen parts are compared, down
// to single numbers.
#pragma once

#include <array>
#include <functional>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/result.h"
#include "store/store.h"

namespace amic::exchange {

inline constexpr std::size_t kRangeFan = 16;
inline constexpr std::uint8_t kRangeLevelMax = 15;  // 16^15 numbers
inline constexpr std::uint64_t kRangeNumberMax = 1ULL << 60;

using Fingerprint = FixedBytes<16, struct FingerprintTag>;
using FingerprintParts = std::array<Fingerprint, kRangeFan>;

// Block `index` of `level` holds the numbers after index * 16^level up to (index + 1) * 16^level.
constexpr std::uint64_t range_first(std::uint8_t level, std::uint64_t index) {
  return (index << (4 * level)) + 1;
}
// The smallest level (at least 1) of which one block holds all numbers up to `upto_n`.
std::uint8_t range_top(std::uint64_t upto_n);

// Zero stands for nothing there, or nothing in order: a number of which the record is damaged.
Fingerprint fingerprint_of(std::uint64_t n, Hash const& digest);
Fingerprint fingerprint_of(std::uint8_t level, FingerprintParts const& parts);

// Which lane a message is about, between whom.
struct RangeLane {
  CommunityId community;
  MemberId from, to;  // of the message
  std::uint8_t lane = 0;
  // Whose envelopes stand in the lane: those that `from` sent to `to`, or the other way round.
  bool of_from = false;
  std::uint64_t upto_n = 0;  // numbers beyond are left out
  bool operator==(RangeLane const&) const = default;
};

struct RangeBlock {
  std::uint64_t index = 0;
  Fingerprint fingerprint;  // as the asking side has it
  bool operator==(RangeBlock const&) const = default;
};
struct RangeQuestion {
  RangeLane lane;
  std::uint8_t level = 0;
  std::vector<RangeBlock> blocks;  // 1..kRangeBlocksMax, rising
  bool operator==(RangeQuestion const&) const = default;
};
struct RangeAnswer {
  RangeLane lane;
  std::uint8_t level = 0;
  UnixMs audited_ms = 0;  // when the answering side last looked at all its records; 0: never
  struct Block {
    bool same = false;
    FingerprintParts parts = {};  // level > 0 and not the same
    Hash digest = {};             // level 0 and not the same: zero if nothing is in order there
    bool operator==(Block const&) const = default;
  };
  std::vector<Block> blocks;  // one for each asked, in that order
  bool operator==(RangeAnswer const&) const = default;
};

// Envelopes by number.
struct PieceRequest {
  RangeLane lane;
  std::vector<std::uint64_t> numbers;  // 1..kPiecesMax, rising, none beyond upto_n
  bool operator==(PieceRequest const&) const = default;
};
struct Pieces {
  RangeLane lane;
  struct Piece {
    std::uint64_t n = 0;
    Bytes
        entry;  // an envelope, gone_entry() for what was refused or erased, or empty: not in order
    bool operator==(Piece const&) const = default;
  };
  // From the first number asked for on, as many as fit into 1 MiB, but one at least.
  std::vector<Piece> pieces;
  bool operator==(Pieces const&) const = default;
};

Bytes encode(RangeQuestion const& question);
Bytes encode(RangeAnswer const& answer);
Bytes encode(PieceRequest const& request);
Bytes encode(Pieces const& pieces);
// Structure and limits only.
Result<RangeQuestion> decode_range_question(BytesView bytes);
Result<RangeAnswer> decode_range_answer(BytesView bytes);
Result<PieceRequest> decode_piece_request(BytesView bytes);
Result<Pieces> decode_pieces(BytesView bytes);

// One number as this side holds it.
struct RangeEntry {
  std::uint64_t n = 0;
  Hash digest;
};
// The entries in order from `first_n` to `last_n`, by number; what is damaged is left out.
using RangeReader =
    std::function<Result<std::vector<RangeEntry>>(std::uint64_t first_n, std::uint64_t last_n)>;

// The fingerprints of one lane. Keeps those of whole blocks of 256, 16 bytes each: comparing a lane
// of a million numbers that is as it was reads 256 rows at most. One thread.
class RangeTree {
 public:
  // Reads on, `rows_max` numbers at most. True: ready for questions up to `upto_n`.
  Result<bool> extend(std::uint64_t upto_n, std::uint64_t rows_max, RangeReader const& read);
  // extend() was true for upto_n.
  Result<Fingerprint> block(std::uint8_t level, std::uint64_t index, std::uint64_t upto_n,
                            RangeReader const& read) const;
  Result<FingerprintParts> parts(std::uint8_t level, std::uint64_t index, std::uint64_t upto_n,
                                 RangeReader const& read) const;
  // What is known of this number has changed.
  Result<void> renew(std::uint64_t n, RangeReader const& read);
  void clear() { pages_.clear(); }

 private:
  std::vector<Fingerprint> pages_;  // of level 2, from the first on
};

}  // namespace amic::exchange
