#include "link/attachment_window.h"

#include <algorithm>

namespace amic::link {

bool ChunkWindow::has_more() const {
  if (!again_.empty()) return true;
  for (std::uint32_t chunk = base_; chunk < end(); ++chunk) {
    auto const found = buffers_.find(chunk);
    if (found == buffers_.end() || found->second.asked < plan_.sealed_bytes(chunk)) return true;
  }
  return false;
}

std::optional<ChunkWindow::Piece> ChunkWindow::next(std::size_t size_max) {
  if (!again_.empty()) {
    Piece out = again_.back();
    again_.pop_back();
    if (out.size > size_max) {
      auto const most = static_cast<std::uint32_t>(size_max);
      again_.push_back({out.chunk, out.offset + most, out.size - most});
      out.size = most;
    }
    return out;
  }
  for (std::uint32_t chunk = base_; chunk < end(); ++chunk) {
    auto const total = plan_.sealed_bytes(chunk);
    Buffer& buffer = buffers_[chunk];
    if (buffer.bytes.empty()) buffer.bytes.resize(total);
    if (buffer.asked == total) continue;
    Piece out;
    out.chunk = chunk;
    out.offset = static_cast<std::uint32_t>(buffer.asked);
    out.size = static_cast<std::uint32_t>(std::min(size_max, total - buffer.asked));
    buffer.asked += out.size;
    return out;
  }
  return std::nullopt;
}

bool ChunkWindow::take(Piece const& piece, BytesView data, std::vector<Hash> proof) {
  auto const found = buffers_.find(piece.chunk);
  if (found == buffers_.end() || data.empty() || data.size() > piece.size) return false;
  Buffer& buffer = found->second;
  std::copy(data.begin(), data.end(),
            buffer.bytes.begin() + static_cast<std::ptrdiff_t>(piece.offset));
  buffer.received += data.size();
  auto const got = static_cast<std::uint32_t>(data.size());
  if (got < piece.size) again_.push_back({piece.chunk, piece.offset + got, piece.size - got});
  if (piece.offset + got == buffer.bytes.size()) buffer.proof = std::move(proof);
  return true;
}

std::optional<ChunkWindow::Whole> ChunkWindow::pop() {
  auto const found = buffers_.find(base_);
  if (found == buffers_.end() || found->second.received < plan_.sealed_bytes(base_))
    return std::nullopt;
  Whole out{base_, std::move(found->second.bytes), std::move(found->second.proof)};
  buffers_.erase(found);
  ++base_;
  return out;
}

}  // namespace amic::link
