// Time, percentiles, this disk.
#pragma once

#include <chrono>
#include <ctime>
#include <filesystem>
#include <vector>

namespace amic::bench {

class Stopwatch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }

 private:
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

// Processor time of this thread: what others on the machine do hardly changes it.
double thread_cpu_seconds();
double process_cpu_seconds();

// `p` in 0..100, nearest rank; `values` must not be empty.
double percentile(std::vector<double> values, double p);

// Milliseconds of `count` appends of 4 KiB, each made durable by fdatasync, on the disk of `where`.
std::vector<double> fdatasync_ms(std::filesystem::path const& where, std::size_t count);

}  // namespace amic::bench
