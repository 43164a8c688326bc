#include "link/pacer.h"

#include <cmath>

namespace amic::link {

namespace {
constexpr SteadyUs kSecond = 1'000'000;
constexpr SteadyUs kRateWindow = 10 * kSecond;  // or so many round trips, if longer
constexpr std::int64_t kRateWindowRoundTrips = 10;
constexpr SteadyUs kRoundTripWindow =
    300 * kSecond;                            // the shortest of this time and the one before
constexpr SteadyUs kFrameTime = kSecond / 4;  // on the line, where frames are not smallest
constexpr SteadyUs kUrgentFrameTime = 4 * kSecond;
constexpr std::int64_t kBatchSeconds = 30;
constexpr std::size_t kBatchBytesMin = 16 << 10;
constexpr double kPace = 1.25, kStartPace = 2.5;  // of the rate that is believed
constexpr SteadyUs kPaceFinest = 20'000;          // fast lines are not held up by timers
constexpr std::int64_t kTimeoutMaxMs = 15 * 60 * 1000;
constexpr std::size_t kStartWindowBytes = 2 * (kFrameBytesMin + kRequestOverheadBytes);

std::size_t bytes_in(std::uint64_t rate, SteadyUs time) {
  double const bytes = static_cast<double>(rate) * static_cast<double>(time) / kSecond;
  return static_cast<std::size_t>(std::min(bytes, 1e12));
}

SteadyUs time_of(std::size_t bytes, std::uint64_t rate) {
  return static_cast<SteadyUs>(static_cast<double>(bytes) * kSecond / static_cast<double>(rate));
}
}  // namespace

Pacer::Sent Pacer::sent(std::size_t bytes, SteadyUs now, bool limited) {
  // After a pause the time that counts begins with this request.
  if (in_flight_ == 0) delivered_at_ = now;
  in_flight_ += bytes;
  if (rate_ != 0) {
    double const gain = starting_ ? kStartPace : kPace;
    line_free_at_ = std::max(line_free_at_, now) +
                    static_cast<SteadyUs>(static_cast<double>(time_of(bytes, rate_)) / gain);
  }
  return {now, bytes, delivered_, delivered_at_, limited};
}

void Pacer::lost(Sent const& sent) {
  in_flight_ -= std::min(in_flight_, sent.bytes);
}

void Pacer::answered(Sent const& sent, SteadyUs now) {
  lost(sent);
  now = std::max(now, sent.at + 1);
  delivered_ += sent.bytes;
  delivered_at_ = std::max(delivered_at_, now);
  SteadyUs const took = now - sent.at;
  // Longer than an empty line explains: there is a queue, so the line is full.
  if (rate_ != 0 && took > round_trip() * 5 / 4 + time_of(sent.bytes, rate_)) starting_ = false;
  saw_round_trip(took, sent.bytes, now);
  SteadyUs const span = std::max<SteadyUs>(now - sent.delivered_at, 1);
  auto const rate = static_cast<double>(delivered_ - sent.delivered) * kSecond / span;
  take_rate(std::max<std::uint64_t>(static_cast<std::uint64_t>(rate), 1), now, sent.limited);
}

void Pacer::saw_round_trip(SteadyUs duration, std::size_t bytes, SteadyUs now) {
  if (now - round_trip_since_ > kRoundTripWindow) {
    shortest_before_ = shortest_;
    shortest_ = {};
    round_trip_since_ = now;
  }
  if (duration < shortest_.duration) shortest_ = {std::max<SteadyUs>(duration, 1), bytes};
}

SteadyUs Pacer::round_trip() const {
  RoundTrip const& least =
      shortest_.duration < shortest_before_.duration ? shortest_ : shortest_before_;
  if (least.duration == INT64_MAX) return 0;
  if (rate_ == 0) return least.duration;
  return std::max<SteadyUs>(least.duration - time_of(least.bytes, rate_), 1);
}

// A rate that was not the line's counts only if it is larger than what was believed, and the belief
// doesn't age by it: an idle link keeps what it knew.
void Pacer::take_rate(std::uint64_t rate, SteadyUs now, bool limited) {
  if (!limited && rate <= rate_) return;
  while (!samples_.empty() && samples_.back().rate <= rate) samples_.pop_back();
  samples_.push_back({rate, now});
  SteadyUs const window = std::max(kRateWindow, kRateWindowRoundTrips * round_trip());
  while (samples_.size() > 1 && now - samples_.front().at > window) samples_.pop_front();
  rate_ = samples_.front().rate;
}

void Pacer::restart() {
  rate_ = 0;
  line_free_at_ = 0;
  samples_.clear();
  starting_ = true;
}

std::uint64_t Pacer::planned_rate() const {
  return cap_ == 0 || rate_ == 0 ? rate_ : std::min(rate_, cap_);
}

SteadyUs Pacer::early(SteadyUs now) const {
  SteadyUs const wait = line_free_at_ - now;
  return rate_ == 0 || wait < kPaceFinest ? 0 : wait;
}

std::size_t Pacer::window() const {
  if (rate_ == 0) return kStartWindowBytes;
  std::size_t const fills = bytes_in(planned_rate(), round_trip());
  std::size_t const ample = starting_ ? 2 * fills : fills + fills / 4;
  // One on the line, and half of one that waits for it.
  std::size_t const frame = frame_bytes() + kRequestOverheadBytes;
  return std::max(ample + frame + frame / 2, kStartWindowBytes);
}

// Few pieces are under way at once, and together they must fill the line.
std::size_t Pacer::frame_bytes() const {
  SteadyUs const time = std::max(kFrameTime, round_trip() / 3);
  return std::clamp<std::size_t>(bytes_in(planned_rate(), time), kFrameBytesMin,
                                 limits::kEnvelopeBytesMax + limits::kBatchBytesMax);
}

std::size_t Pacer::largest_bytes() const {
  return std::clamp<std::size_t>(bytes_in(planned_rate(), kUrgentFrameTime), 2 * kFrameBytesMin,
                                 limits::kEnvelopeBytesMax + limits::kBatchBytesMax);
}

std::size_t Pacer::batch_bytes() const {
  return std::clamp<std::size_t>(bytes_in(planned_rate(), kBatchSeconds * kSecond), kBatchBytesMin,
                                 limits::kBatchBytesMax);
}

std::int64_t Pacer::timeout_ms(std::int64_t least_ms) const {
  if (rate_ == 0) return least_ms;
  SteadyUs const expected = round_trip() + time_of(in_flight_, planned_rate());
  return std::clamp<std::int64_t>(4 * expected / 1000, least_ms, kTimeoutMaxMs);
}

SteadyUs TokenBucket::wait(SteadyUs now) {
  if (!limited()) return 0;
  auto const rate = static_cast<double>(per_second_);
  tokens_ = filled_ == 0 ? rate : std::min(rate, tokens_ + rate * double(now - filled_) / kSecond);
  filled_ = now;
  return tokens_ > 0 ? 0 : static_cast<SteadyUs>(std::ceil(-tokens_ / rate * kSecond)) + 1;
}

}  // namespace amic::link
