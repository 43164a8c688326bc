// Frames, their assembly and the choice of what goes next, without a network: a line with a rate
// and a delay is simulated in its own time.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <deque>
#include <functional>
#include <queue>
#include <set>

#include "base/random.h"
#include "codec/codec.h"
#include "codec/testing.h"
#include "link/assembly.h"
#include "link/outgoing.h"

namespace amic::link {
namespace {

Bytes bytes_of(std::uint64_t seed, std::size_t size) {
  SeededRandom random(seed);
  Bytes out(size);
  random.fill(out);
  return out;
}

Frame frame_of(Bytes const& batch, std::uint32_t from, std::uint32_t size, std::uint8_t lane = 3) {
  Frame out;
  out.lane = lane;
  out.transfer = transfer_id(batch);
  out.total = static_cast<std::uint32_t>(batch.size());
  out.offset = from;
  out.data = BytesView(batch).subspan(from, size);
  return out;
}

using What = Assembly::What;

// ---- The encoding -----------------------------------------------------------------------------

TEST(FrameBytes, RoundTrip) {
  Bytes const batch = bytes_of(1, 300);
  Frame const frame = frame_of(batch, 100, 50, 2);
  Bytes const bytes = encode(frame);
  EXPECT_EQ(bytes.size(), kFrameHeaderBytes + 50);
  Frame const back = decode_frame(bytes).value();
  EXPECT_EQ(back.lane, 2);
  EXPECT_EQ(back.transfer, frame.transfer);
  EXPECT_EQ(back.total, 300U);
  EXPECT_EQ(back.offset, 100U);
  EXPECT_TRUE(equal(back.data, frame.data));
  Wanted const wanted{frame.transfer, 77};
  EXPECT_EQ(decode_wanted(encode(wanted)).value(), wanted);
}

Bytes golden(std::string const& name) {
  return codec::testing::golden_bytes("link/" + name);
}

// The example in docs/formats/link.md.
TEST(FrameBytes, GoldenBytesStayTheSame) {
  Bytes const batch = to_bytes("hello");
  Frame const frame = frame_of(batch, 2, 3);
  EXPECT_EQ(encode(frame), golden("frame-v1.hex"));
  EXPECT_EQ(encode(Wanted{frame.transfer, 2}), golden("wanted-v1.hex"));
  EXPECT_EQ(decode_frame(golden("frame-v1.hex")).value().offset, 2U);
  EXPECT_EQ(decode_wanted(golden("wanted-v1.hex")).value().offset, 2U);
}

TEST(FrameBytes, RefuseWhatIsNoPieceOfABatch) {
  Bytes const good = encode(frame_of(bytes_of(1, 300), 0, 300));
  auto const with = [&](std::size_t at, std::uint8_t value) {
    Bytes out = good;
    out[at] = value;
    return decode_frame(out).error().code;
  };
  EXPECT_EQ(with(1, 2), Code::kUnsupported);
  EXPECT_EQ(with(2, 4), Code::kOutOfRange);   // lane
  EXPECT_EQ(with(19, 1), Code::kTooLarge);    // total, 16 MiB
  EXPECT_EQ(with(22, 0), Code::kOutOfRange);  // total 256, data 300
  EXPECT_EQ(with(26, 1), Code::kOutOfRange);  // from 1 on
  EXPECT_EQ(with(23, 0xFF), Code::kOutOfRange);
  for (std::size_t size = 0; size < kFrameHeaderBytes; ++size)
    EXPECT_FALSE(decode_frame(BytesView(good).first(size))) << size;
  Bytes wanted = encode(Wanted{});
  wanted.push_back(0);
  EXPECT_FALSE(decode_wanted(wanted));
}

// ---- Putting together -------------------------------------------------------------------------

TEST(Assembly, GivesTheBatchOnceWhenTheLastPieceComes) {
  Assembly assembly;
  Bytes const batch = bytes_of(2, 1000);
  auto took = assembly.take(frame_of(batch, 0, 400), 0).value();
  EXPECT_EQ(took.what, What::kKept);
  EXPECT_EQ(took.wanted, 400U);
  took = assembly.take(frame_of(batch, 700, 300), 0).value();  // overtook the one before
  EXPECT_EQ(took.wanted, 400U);
  took = assembly.take(frame_of(batch, 300, 400), 0).value();
  EXPECT_EQ(took.what, What::kWhole);
  EXPECT_EQ(took.batch, batch);
  EXPECT_EQ(assembly.bytes(), 0U);
  EXPECT_EQ(assembly.take(frame_of(batch, 700, 300), 0).value().what, What::kFinishing);
  assembly.finish(3, transfer_id(batch), true);
  EXPECT_EQ(assembly.take(frame_of(batch, 700, 300), 0).value().what, What::kFinished);
}

TEST(Assembly, ABatchThatWasNotTakenInMayComeAgain) {
  Assembly assembly;
  Bytes const batch = bytes_of(2, 10);
  ASSERT_EQ(assembly.take(frame_of(batch, 0, 10), 0).value().what, What::kWhole);
  assembly.finish(3, transfer_id(batch), false);
  EXPECT_EQ(assembly.take(frame_of(batch, 0, 10), 0).value().what, What::kWhole);
}

TEST(Assembly, BytesThatAreNotThoseOfTheHashAreDropped) {
  Assembly assembly;
  Bytes const batch = bytes_of(3, 1000);
  Bytes altered = batch;
  altered[500] ^= 1;
  Frame foul = frame_of(altered, 400, 600);
  foul.transfer = transfer_id(batch);
  ASSERT_TRUE(assembly.take(frame_of(batch, 0, 400), 0));
  auto const refused = assembly.take(foul, 0);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kMalformed);
  EXPECT_EQ(assembly.bytes(), 0U);
  ASSERT_TRUE(assembly.take(frame_of(batch, 0, 400), 0));
  EXPECT_EQ(assembly.take(frame_of(batch, 400, 600), 0).value().batch, batch);
}

TEST(Assembly, AnotherTotalIsRefused) {
  Assembly assembly;
  Bytes const batch = bytes_of(3, 1000);
  ASSERT_TRUE(assembly.take(frame_of(batch, 0, 400), 0));
  Frame other = frame_of(batch, 400, 100);
  other.total = 500;
  EXPECT_EQ(assembly.take(other, 0).error().code, Code::kMalformed);
}

TEST(Assembly, AnotherTransferOrSilenceDropsTheUnfinishedOne) {
  Assembly assembly;
  Bytes const one = bytes_of(4, 1000), two = bytes_of(5, 1000);
  ASSERT_TRUE(assembly.take(frame_of(one, 0, 400), 0));
  ASSERT_TRUE(assembly.take(frame_of(two, 0, 100), 0));
  EXPECT_EQ(assembly.bytes(), 100U);
  EXPECT_EQ(assembly.take(frame_of(one, 400, 100), 0).value().wanted, 0U);
  // Other lanes are not touched.
  ASSERT_TRUE(assembly.take(frame_of(two, 0, 100, 1), Assembly::kIdleMs + 1));
  EXPECT_EQ(assembly.take(frame_of(one, 0, 1), Assembly::kIdleMs + 1).value().wanted, 1U);
  EXPECT_EQ(assembly.bytes(), 101U);
}

TEST(Assembly, HoldsNoMoreThanItsBoundWhateverComes) {
  Assembly assembly;
  Bytes const data(64 << 10);
  SeededRandom random(6);
  for (int i = 0; i < 100'000; ++i) {
    Frame frame;
    frame.lane = static_cast<std::uint8_t>(random.below(kLaneCount));
    random.fill(frame.transfer.data);
    frame.total = kTransferBytesMax;
    frame.offset =
        static_cast<std::uint32_t>(random.below(random.below(100) == 0 ? 2 << 20 : 64 << 10));
    frame.data = BytesView(data).first(random.below(4096));
    auto const took = assembly.take(frame, i);
    ASSERT_TRUE(took);
    ASSERT_NE(took->what, What::kWhole);
    ASSERT_LE(assembly.bytes(), kLaneCount * Assembly::kAheadBytesMax);
  }
}

TEST(Assembly, LessUrgentLanesGiveWay) {
  Assembly assembly;
  Bytes const batch = bytes_of(7, kTransferBytesMax);
  std::uint32_t const most = kTransferBytesMax - 1;
  ASSERT_TRUE(assembly.take(frame_of(batch, 0, most, 3), 0));
  ASSERT_TRUE(assembly.take(frame_of(batch, 0, most, 2), 0));
  ASSERT_TRUE(assembly.take(frame_of(batch, 0, most, 0), 0));
  EXPECT_LE(assembly.bytes(), Assembly::kBytesMax);
  EXPECT_EQ(assembly.take(frame_of(batch, 0, most, 3), 0).error().code, Code::kOverloaded);
  EXPECT_EQ(assembly.take(frame_of(batch, most, 1, 0), 0).value().batch, batch);
}

TEST(Assembly, TooManyHolesAreNotKept) {
  Assembly assembly;
  Bytes const batch = bytes_of(8, 1000);
  for (std::uint32_t i = 0; i < Assembly::kRangesMax; ++i)
    EXPECT_EQ(assembly.take(frame_of(batch, 10 + 2 * i, 1), 0).value().what, What::kKept);
  EXPECT_EQ(assembly.take(frame_of(batch, 500, 1), 0).value().what, What::kNotKept);
  EXPECT_EQ(assembly.take(frame_of(batch, 0, 1000), 0).value().batch, batch);
}

// Whatever is lost, repeated, cut in other places or mixed with another transfer: only whole, true
// batches come out, and at last both do.
RC_GTEST_PROP(Assembly, NeverMakesAnotherBatch, (std::uint64_t seed)) {
  SeededRandom random(seed);
  Assembly assembly;
  std::array<Bytes, 2> const batches = {bytes_of(seed, 1 + random.below(5000)),
                                        bytes_of(seed + 1, 1 + random.below(5000))};
  std::set<std::size_t> came;
  for (int i = 0; i < 400; ++i) {
    auto const which = static_cast<std::size_t>(random.below(20) == 0 ? 1 : 0);
    Bytes const& batch = batches[which];
    auto const from = static_cast<std::uint32_t>(random.below(batch.size()));
    auto const size = static_cast<std::uint32_t>(1 + random.below(batch.size() - from));
    auto const took = assembly.take(frame_of(batch, from, size), i);
    RC_ASSERT(took.has_value());
    RC_ASSERT(took->wanted <= batch.size());
    if (took->what != What::kWhole) continue;
    RC_ASSERT(took->batch == batch);
    came.insert(which);
    assembly.finish(3, transfer_id(batch), random.below(2) == 0);
  }
  for (Bytes const& batch : batches) {
    auto const took =
        assembly.take(frame_of(batch, 0, static_cast<std::uint32_t>(batch.size())), 0);
    RC_ASSERT(took.has_value());
    RC_ASSERT(took->what == What::kWhole || took->what == What::kFinished);
  }
}

// ---- A line in simulated time -----------------------------------------------------------------

struct LineOptions {
  double bytes_per_second = 1200;
  SteadyUs one_way = 750'000;
  std::uint64_t cap = 0;
  SteadyUs work = 150'000;  // of the receiver with each request, and its answer on the line
  double lost = 0;          // of the requests; their failure shows after a while
  std::vector<SteadyUs> receiver_restarts{};
};

// Sender and receiver with a line between: first in, first out, whatever the lane.
class Line {
 public:
  explicit Line(LineOptions options) : options_(std::move(options)), outgoing_(options_.cap) {}

  void offer(std::uint8_t lane, Bytes batch) { waiting_[lane].push_back(std::move(batch)); }

  // Until everything has been received, or for so long.
  void run(SteadyUs until) {
    send();
    while (!events_.empty() && events_.top().at <= until) {
      Event const event = events_.top();
      events_.pop();
      now_ = event.at;
      event.work();
      send();
    }
    now_ = until;
  }

  struct Came {
    std::uint8_t lane;
    SteadyUs at;
    Bytes batch;
  };
  std::vector<Came> const& came() const { return came_; }
  double utilisation(SteadyUs since) const {
    return static_cast<double>(payload_) / (options_.bytes_per_second * double(now_ - since) / 1e6);
  }
  Outgoing& outgoing() { return outgoing_; }
  SteadyUs now() const { return now_; }
  std::size_t wholes() const { return wholes_; }
  std::size_t pieces() const { return pieces_; }
  void count_from_now() { payload_ = 0; }

 private:
  struct Event {
    SteadyUs at;
    std::uint64_t order;
    std::function<void()> work;
    bool operator<(Event const& other) const {
      return std::tie(at, order) > std::tie(other.at, other.order);
    }
  };
  void at(SteadyUs when, std::function<void()> work) {
    events_.push({when, ++order_, std::move(work)});
  }

  void send() {
    for (std::uint8_t lane = 0; lane < kLaneCount; ++lane) {
      if (outgoing_.busy(lane) || waiting_[lane].empty()) continue;
      outgoing_.start(lane, waiting_[lane].front());
    }
    while (auto const piece = outgoing_.next(now_)) transmit(*piece);
    if (SteadyUs const wait = outgoing_.wait(now_); wait > 0 && !timer_) {
      timer_ = true;
      at(now_ + wait, [this] { timer_ = false; });
    }
  }

  void transmit(Outgoing::Piece const& piece) {
    ++pieces_;
    if (piece.whole) ++wholes_;
    double const bytes = piece.size + static_cast<double>(kRequestOverheadBytes);
    free_at_ =
        std::max(free_at_, now_) + static_cast<SteadyUs>(bytes / options_.bytes_per_second * 1e6);
    if (options_.lost > 0 && random_.below(1000) < options_.lost * 1000) {
      at(now_ + 10'000'000, [this, piece] {
        outgoing_.lost(piece.ticket);
        for (auto const lane : outgoing_.drop_unstarted()) ASSERT_LT(lane, kLaneCount);
      });
      return;
    }
    at(free_at_ + options_.one_way, [this, piece] { arrive(piece); });
  }

  void arrive(Outgoing::Piece const& piece) {
    for (auto& when : options_.receiver_restarts) {
      if (when == 0 || now_ < when) continue;
      when = 0;
      assembly_ = Assembly();
    }
    Assembly::Took took{What::kWhole, piece.size, *piece.batch};
    if (!piece.whole) {
      Frame const frame = frame_of(*piece.batch, piece.offset, piece.size, piece.lane);
      auto result = assembly_.take(frame, now_ / 1000);
      ASSERT_TRUE(result) << result.error().text();
      took = std::move(*result);
    }
    if (took.what == What::kWhole) {
      payload_ += took.batch.size();
      came_.push_back({piece.lane, now_, took.batch});
      if (!piece.whole) assembly_.finish(piece.lane, piece.transfer, true);
    }
    at(now_ + options_.one_way + options_.work,
       [this, piece, what = took.what, wanted = took.wanted] {
         outgoing_.answered(piece.ticket, now_);
         if (what == What::kWhole || what == What::kFinished) {
           if (!outgoing_.holds(piece)) return;
           outgoing_.finish(piece.lane);
           waiting_[piece.lane].pop_front();
           return;
         }
         ASSERT_TRUE(outgoing_.progress(piece, wanted, what == What::kKept));
       });
  }

  LineOptions options_;
  Outgoing outgoing_;
  Assembly assembly_;
  SeededRandom random_{11};
  std::array<std::deque<Bytes>, kLaneCount> waiting_;
  std::priority_queue<Event> events_;
  std::uint64_t order_ = 0;
  SteadyUs now_ = 1;
  SteadyUs free_at_ = 0;
  bool timer_ = false;
  std::size_t payload_ = 0;
  std::size_t pieces_ = 0, wholes_ = 0;
  std::vector<Came> came_;
};

constexpr SteadyUs kSecond = 1'000'000;

// The bar: 1 KiB FLASH at 9.6 kbit/s and 1.5 s there and back, while routine waits.
TEST(Transfer, UrgentPassesWaitingRoutineOnASlowLineThatStaysFull) {
  Line line({});
  for (std::uint64_t i = 0; i < 100; ++i) line.offer(3, bytes_of(i, 34'000));
  line.run(120 * kSecond);
  line.count_from_now();
  SteadyUs const since = line.now();
  SteadyUs worst = 0;
  for (int i = 0; i < 20; ++i) {
    line.offer(0, bytes_of(1000 + i, 1700));
    SteadyUs const offered = line.now();
    std::size_t const before = line.came().size();
    line.run(offered + 20 * kSecond + i * 137'000);
    bool found = false;
    for (std::size_t k = before; k < line.came().size(); ++k) {
      if (line.came()[k].lane != 0) continue;
      found = true;
      worst = std::max(worst, line.came()[k].at - offered);
    }
    ASSERT_TRUE(found);
  }
  EXPECT_LT(worst, 5 * kSecond);
  EXPECT_GT(line.utilisation(since), 0.72);
}

TEST(Transfer, OnAFastLineABatchIsOnePiece) {
  Line line({.bytes_per_second = 50e6, .one_way = 100, .work = 5000});
  for (std::uint64_t i = 0; i < 60; ++i) line.offer(3, bytes_of(i, 1 << 20));
  line.run(1 * kSecond);
  std::size_t const pieces = line.pieces(), wholes = line.wholes();
  line.run(60 * kSecond);
  EXPECT_EQ(line.came().size(), 60U);
  EXPECT_EQ(line.pieces() - pieces, line.wholes() - wholes);
}

TEST(Transfer, TheCapHolds) {
  Line line({.bytes_per_second = 1e6, .one_way = 1000, .cap = 5000});
  for (std::uint64_t i = 0; i < 50; ++i) line.offer(3, bytes_of(i, 20'000));
  line.run(100 * kSecond);
  std::size_t bytes = 0;
  for (auto const& came : line.came()) bytes += came.batch.size();
  EXPECT_LE(bytes, 5000U * 101);
  EXPECT_GE(bytes, 5000U * 75);
}

TEST(Transfer, GoesOnWhereTheReceiverWasRestarted) {
  Line line({.receiver_restarts = {20 * kSecond, 50 * kSecond, 51 * kSecond}});
  Bytes const batch = bytes_of(1, 40'000);
  line.offer(3, batch);
  line.run(400 * kSecond);
  ASSERT_EQ(line.came().size(), 1U);
  EXPECT_EQ(line.came()[0].batch, batch);
}

RC_GTEST_PROP(Transfer, WhateverIsLostEachBatchArrives, (std::uint64_t seed)) {
  SeededRandom random(seed);
  LineOptions options;
  options.bytes_per_second = 500.0 + static_cast<double>(random.below(200'000));
  options.one_way = 1000 + static_cast<SteadyUs>(random.below(1'000'000));
  options.lost = 0.001 * static_cast<double>(random.below(200));
  options.receiver_restarts = {static_cast<SteadyUs>(random.below(60)) * kSecond};
  Line line(options);
  std::array<std::vector<Bytes>, kLaneCount> sent;
  for (std::uint64_t i = 0; i < 12; ++i) {
    auto const lane = static_cast<std::uint8_t>(random.below(kLaneCount));
    Bytes batch = bytes_of(seed + i, 1 + random.below(30'000));
    sent[lane].push_back(batch);
    line.offer(lane, std::move(batch));
  }
  line.run(100'000 * kSecond);
  // Each came, in the order of its lane; again only if the answer to it was lost.
  for (std::uint8_t lane = 0; lane < kLaneCount; ++lane) {
    std::vector<Bytes> came;
    for (auto const& one : line.came())
      if (one.lane == lane && (came.empty() || came.back() != one.batch)) came.push_back(one.batch);
    RC_ASSERT(came == sent[lane]);
  }
}

}  // namespace
}  // namespace amic::link
