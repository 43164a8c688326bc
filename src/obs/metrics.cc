#include "obs/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

namespace amic::obs {
namespace {

bool is_name(std::string_view text, bool colon_allowed) {
  if (text.empty() || (text[0] >= '0' && text[0] <= '9')) return false;
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (c == ':' && colon_allowed);
  });
}

void append_escaped(std::string& out, std::string_view text, bool quotes) {
  for (char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quotes) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

// `a="1",b="2"`, sorted by name: also the key of a series in its family.
std::string label_text(Labels& labels) {
  std::sort(labels.begin(), labels.end());
  std::string out;
  for (auto const& [name, value] : labels) {
    if (!out.empty()) out += ',';
    out += name;
    out += "=\"";
    append_escaped(out, value, true);
    out += '"';
  }
  return out;
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

void append_sample(std::string& out, std::string_view name, std::string_view labels,
                   std::string_view value) {
  out += name;
  if (!labels.empty()) {
    out += '{';
    out += labels;
    out += '}';
  }
  out += ' ';
  out += value;
  out += '\n';
}

void append_histogram(std::string& out, std::string_view name, std::string const& labels,
                      Histogram const& histogram) {
  auto const counts = histogram.counts();
  auto const& bounds = histogram.bounds();
  std::string const prefix = labels.empty() ? "" : labels + ",";
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    sum += counts[i];
    auto const le = i < bounds.size() ? number(bounds[i]) : "+Inf";
    append_sample(out, fmt::format("{}_bucket", name), fmt::format("{}le=\"{}\"", prefix, le),
                  fmt::format("{}", sum));
  }
  append_sample(out, fmt::format("{}_sum", name), labels, number(histogram.sum()));
  append_sample(out, fmt::format("{}_count", name), labels, fmt::format("{}", sum));
}

template <class Map, class Make>
auto& find_or_make(Map& map, std::string const& key, Make make) {
  auto& slot = map[key];
  if (!slot) slot = make();
  return *slot;
}

}  // namespace

struct Metrics::Family {
  Type type;
  std::string help;
  std::map<std::string, std::unique_ptr<Counter>> counters;
  std::map<std::string, std::unique_ptr<Gauge>> gauges;
  std::map<std::string, std::unique_ptr<Histogram>> histograms;

  bool has(std::string const& key) const {
    return counters.count(key) + gauges.count(key) + histograms.count(key) > 0;
  }
};

Histogram::Histogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)),
      counts_(std::make_unique<std::atomic<std::uint64_t>[]>(bounds_.size() + 1)) {}

void Histogram::observe(double value) {
  // The first bound that is not below the value; NaN lands in +Inf.
  auto const at =
      std::isnan(value) ? bounds_.end() : std::lower_bound(bounds_.begin(), bounds_.end(), value);
  counts_[static_cast<std::size_t>(at - bounds_.begin())].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

std::vector<std::uint64_t> Histogram::counts() const {
  std::vector<std::uint64_t> out(bounds_.size() + 1);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = counts_[i].load(std::memory_order_relaxed);
  return out;
}

std::vector<double> latency_seconds_bounds() {
  return {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
}

Metrics::Metrics(std::size_t series_max) : series_max_(series_max), spare_histogram_({1}) {}
Metrics::~Metrics() = default;

// Requires the lock. Null if the series must not be made.
Metrics::Family* Metrics::family(Type type, std::string_view name, std::string_view help,
                                 Labels& labels) {
  bool good = is_name(name, true);
  for (auto const& label : labels)
    good = good && is_name(label.first, false) && label.first != "le";
  if (!good) return nullptr;
  auto const key = label_text(labels);
  auto const found = families_.find(name);
  if (found != families_.end()) {
    auto* const known = found->second.get();
    if (known->type != type) return nullptr;
    if (known->has(key)) return known;
    if (series_ >= series_max_) return nullptr;
    ++series_;
    return known;
  }
  if (series_ >= series_max_) return nullptr;
  ++series_;
  auto made = std::make_unique<Family>();
  made->type = type;
  made->help = help;
  return families_.emplace(name, std::move(made)).first->second.get();
}

void Metrics::refuse() {
  refused_.add();
}

Counter& Metrics::counter(std::string_view name, std::string_view help, Labels labels) {
  std::lock_guard const lock(mutex_);
  auto* const home = family(Type::kCounter, name, help, labels);
  if (home == nullptr) return refuse(), spare_counter_;
  return find_or_make(home->counters, label_text(labels),
                      [] { return std::make_unique<Counter>(); });
}

Gauge& Metrics::gauge(std::string_view name, std::string_view help, Labels labels) {
  std::lock_guard const lock(mutex_);
  auto* const home = family(Type::kGauge, name, help, labels);
  if (home == nullptr) return refuse(), spare_gauge_;
  return find_or_make(home->gauges, label_text(labels), [] { return std::make_unique<Gauge>(); });
}

Histogram& Metrics::histogram(std::string_view name, std::string_view help,
                              std::vector<double> bounds, Labels labels) {
  std::lock_guard const lock(mutex_);
  auto* const home = std::is_sorted(bounds.begin(), bounds.end())
                         ? family(Type::kHistogram, name, help, labels)
                         : nullptr;
  if (home == nullptr) return refuse(), spare_histogram_;
  return find_or_make(home->histograms, label_text(labels),
                      [&] { return std::make_unique<Histogram>(std::move(bounds)); });
}

std::string Metrics::text() const {
  static constexpr std::string_view kTypes[] = {"counter", "gauge", "histogram"};
  std::lock_guard const lock(mutex_);
  std::string out;
  auto const head = [&](std::string_view name, std::string_view help, Type type) {
    out += "# HELP ";
    out += name;
    out += ' ';
    append_escaped(out, help, false);
    out += fmt::format("\n# TYPE {} {}\n", name, kTypes[static_cast<std::size_t>(type)]);
  };
  for (auto const& [name, home] : families_) {
    head(name, home->help, home->type);
    for (auto const& [labels, series] : home->counters)
      append_sample(out, name, labels, fmt::format("{}", series->value()));
    for (auto const& [labels, series] : home->gauges)
      append_sample(out, name, labels, number(series->value()));
    for (auto const& [labels, series] : home->histograms)
      append_histogram(out, name, labels, *series);
  }
  if (refused_.value() > 0) {
    head("amic_metrics_refused_total", "Look-ups of series beyond the bound or ill-formed.",
         Type::kCounter);
    append_sample(out, "amic_metrics_refused_total", "", fmt::format("{}", refused_.value()));
  }
  return out;
}

Metrics& default_metrics() {
  static Metrics* const value = new Metrics;  // never destroyed: see the log
  return *value;
}

}  // namespace amic::obs
