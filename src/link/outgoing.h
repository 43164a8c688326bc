// Which bytes go next to one peer. Sans-I/O, not thread-safe. Internal to src/link.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "link/frame.h"
#include "link/pacer.h"

namespace amic::link {

// One batch of each lane at a time, cut into pieces as the line demands. Before each piece the most
// urgent lane that has something goes first. A batch that fits one piece is that piece, whole.
class Outgoing {
 public:
  explicit Outgoing(std::uint64_t bytes_per_second_max) : cap_(bytes_per_second_max) {
    pacer_.set_cap(bytes_per_second_max);
  }

  struct Piece {
    std::uint64_t ticket = 0;
    std::uint8_t lane = 0;
    bool whole = false;  // the batch itself, not a frame
    std::shared_ptr<Bytes const> batch;
    std::uint32_t offset = 0;
    std::uint32_t size = 0;
    TransferId transfer;           // of a frame
    std::uint64_t generation = 0;  // of the lane, when it was sent
    std::uint32_t arrived = 0;     // what the peer was known to have then
  };

  // A lane that has a batch already forgets it.
  void start(std::uint8_t lane, Bytes batch);
  bool busy(std::uint8_t lane) const { return lanes_[lane].batch != nullptr; }
  bool any_busy() const;
  std::size_t pieces_in_flight() const { return in_flight_.size(); }

  // nullopt: nothing to send, or not yet; see wait().
  std::optional<Piece> next(SteadyUs now);
  // Until the cap or the pace lets the next piece go. 0: neither holds anything back.
  SteadyUs wait(SteadyUs now);

  // Each ticket gets one of these, and the first of them counts.
  void answered(std::uint64_t ticket, SteadyUs now);
  void lost(std::uint64_t ticket);

  // After answered(), for a frame: the peer has everything before `wanted`. False: this is going in
  // circles.
  bool progress(Piece const& piece, std::uint32_t wanted, bool kept);
  bool holds(Piece const& piece) const { return lanes_[piece.lane].batch == piece.batch; }
  // The lane's batch is answered for, or given up.
  void finish(std::uint8_t lane);
  // After a failure of the connection: lanes of which nothing has arrived are freed, so that their
  // batches are made anew. Returns them.
  std::vector<std::uint8_t> drop_unstarted();
  // The same for all lanes of which nothing is under way.
  std::vector<std::uint8_t> drop_all();
  // The peer had no time for this piece: it is sent again.
  void again(Piece const& piece);

  Pacer& pacer() { return pacer_; }
  Pacer const& pacer() const { return pacer_; }
  TokenBucket& cap() { return cap_; }

 private:
  static constexpr std::size_t kPiecesPerLaneMax = 4;  // under way; each takes a connection
  static constexpr std::size_t kPiecesMax = 8;         // of all lanes but the first
  static constexpr unsigned kRewindsMax = 16;          // without anything new having arrived

  struct Range {
    std::uint32_t from, to;
  };
  struct Lane {
    std::shared_ptr<Bytes const> batch;
    std::optional<TransferId> transfer;
    std::uint64_t generation = 0;  // of the batch, and of each new start of it
    std::uint32_t next = 0;
    std::uint32_t arrived = 0;  // the peer has said that it has everything before
    std::vector<Range> again;   // lost on the way
    std::size_t in_flight = 0;  // pieces
    std::size_t bytes_in_flight = 0;
    unsigned rewinds = 0;
  };
  struct Sent {
    Pacer::Sent paced;
    std::uint8_t lane = 0;
    std::uint64_t generation = 0;
    Range range{};
  };

  std::size_t largest_piece(std::uint8_t lane) const;
  static std::optional<Range> next_range(Lane const& lane, std::size_t largest);
  bool fits(std::uint8_t lane, std::size_t bytes) const;
  std::optional<std::uint8_t> next_lane() const;
  SteadyUs hold(std::uint8_t lane, SteadyUs now);
  Piece send(std::uint8_t lane, Range range, SteadyUs now);
  std::vector<std::uint8_t> drop_if(bool (*doomed)(Lane const& lane));
  static void add_again(Lane& lane, Range range);
  static void rewind(Lane& lane, std::uint32_t to);
  std::optional<Sent> take(std::uint64_t ticket);

  std::array<Lane, kLaneCount> lanes_;
  std::map<std::uint64_t, Sent> in_flight_;
  std::uint64_t tickets_ = 0;
  Pacer pacer_;
  TokenBucket cap_;
};

}  // namespace amic::link
