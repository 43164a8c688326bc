#include "benchmarks/measure.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/check.h"

namespace amic::bench {

namespace {
double clock_seconds(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}
}  // namespace

double thread_cpu_seconds() {
  return clock_seconds(CLOCK_THREAD_CPUTIME_ID);
}
double process_cpu_seconds() {
  return clock_seconds(CLOCK_PROCESS_CPUTIME_ID);
}

double percentile(std::vector<double> values, double p) {
  CHECK(!values.empty());
  std::sort(values.begin(), values.end());
  auto const rank = std::ceil(p / 100 * static_cast<double>(values.size()));
  return values[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
}

std::vector<double> fdatasync_ms(std::filesystem::path const& where, std::size_t count) {
  auto const file = where / "fdatasync";
  int const fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  CHECK(fd >= 0);
  std::array<char, 4096> block{};
  block.fill('x');
  std::vector<double> out;
  for (std::size_t i = 0; i < count; ++i) {
    Stopwatch const watch;
    CHECK(::write(fd, block.data(), block.size()) == static_cast<ssize_t>(block.size()));
    CHECK(::fdatasync(fd) == 0);
    out.push_back(watch.seconds() * 1000);
  }
  ::close(fd);
  std::filesystem::remove(file);
  return out;
}

}  // namespace amic::bench
