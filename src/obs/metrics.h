// Counters, gauges and histograms in the Prometheus text format 0.0.4.
//
// Look a series up once and keep the reference: it lives as long as its Metrics, and changing it is
// one relaxed atomic operation. Names follow [a-zA-Z_:][a-zA-Z0-9_:]*, label names the same without
// ':'. Label values must come from a small closed set (a member, a lane), never from outside input.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace amic::obs {

using Labels = std::vector<std::pair<std::string, std::string>>;

class Counter {
 public:
  void add(std::uint64_t by = 1) { value_.fetch_add(by, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

class Gauge {
 public:
  void set(double value) { value_.store(value, std::memory_order_relaxed); }
  void add(double by) { value_.fetch_add(by, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

class Histogram {
 public:
  // `bounds`: upper bounds, ascending, without +Inf.
  explicit Histogram(std::vector<double> bounds);
  void observe(double value);
  std::vector<double> const& bounds() const { return bounds_; }
  // Observations in each bucket, +Inf last; not cumulative.
  std::vector<std::uint64_t> counts() const;
  double sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
  std::vector<double> bounds_;
  std::unique_ptr<std::atomic<std::uint64_t>[]> counts_;
  std::atomic<double> sum_{0};
};

// 0.5 ms to 10 s.
std::vector<double> latency_seconds_bounds();

class Metrics {
 public:
  static constexpr std::size_t kSeriesMaxDefault = 10'000;
  explicit Metrics(std::size_t series_max = kSeriesMaxDefault);
  ~Metrics();
  Metrics(Metrics const&) = delete;
  Metrics& operator=(Metrics const&) = delete;

  // The series of this name and these labels, made at the first call (the first `help` and `bounds`
  // stand). Any thread. Beyond the bound on series, or if the name is already of another type or
  // ill-formed, a spare series is returned that works but is not shown, and
  // amic_metrics_refused_total counts it.
  Counter& counter(std::string_view name, std::string_view help, Labels labels = {});
  Gauge& gauge(std::string_view name, std::string_view help, Labels labels = {});
  Histogram& histogram(std::string_view name, std::string_view help, std::vector<double> bounds,
                       Labels labels = {});

  // Exposition, sorted by name and labels. Content-Type: kMetricsContentType.
  std::string text() const;

 private:
  enum class Type { kCounter, kGauge, kHistogram };
  struct Family;
  Family* family(Type type, std::string_view name, std::string_view help, Labels& labels);
  void refuse();

  std::size_t const series_max_;
  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Family>, std::less<>> families_;
  std::size_t series_ = 0;
  Counter refused_;
  Counter spare_counter_;
  Gauge spare_gauge_;
  Histogram spare_histogram_;
};

inline constexpr std::string_view kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

// The process's registry. Pass it on as an argument; only the composition root should name it.
Metrics& default_metrics();

}  // namespace amic::obs
