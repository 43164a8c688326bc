// Which pieces of an attachment to ask for next, and what has come of them: two chunks at a time,
// handed out whole and in order. Sans-I/O, not thread-safe. Internal to src/link.
#pragma once

#include <map>
#include <optional>
#include <vector>

#include "exchange/attachment.h"

namespace amic::link {

class ChunkWindow {
 public:
  struct Piece {
    std::uint32_t chunk = 0;
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
  };
  struct Whole {
    std::uint32_t index = 0;
    Bytes bytes;
    std::vector<Hash> proof;
  };

  ChunkWindow() = default;
  // Chunks `next` to `upto` (not itself).
  ChunkWindow(exchange::ChunkPlan plan, std::uint32_t next, std::uint32_t upto)
      : plan_(plan), base_(next), upto_(upto) {}

  // What was lost first. nullopt: all that may be asked for now is.
  std::optional<Piece> next(std::size_t size_max);
  bool has_more() const;
  void lost(Piece piece) { again_.push_back(piece); }
  // `data`: from the beginning of the piece, the rest of which is asked for again. False: it is
  // more than was asked for, or none.
  bool take(Piece const& piece, BytesView data, std::vector<Hash> proof);
  // The next chunk, if it is whole.
  std::optional<Whole> pop();
  bool done() const { return base_ == upto_; }

 private:
  static constexpr std::uint32_t kChunksMax = 2;
  struct Buffer {
    Bytes bytes;
    std::size_t asked = 0;
    std::size_t received = 0;
    std::vector<Hash> proof;
  };
  std::uint32_t end() const { return std::min(upto_, base_ + kChunksMax); }

  exchange::ChunkPlan plan_;
  std::uint32_t base_ = 0, upto_ = 0;
  std::map<std::uint32_t, Buffer> buffers_;
  std::vector<Piece> again_;
};

}  // namespace amic::link
