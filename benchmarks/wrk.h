// Load by wrk: GET requests over keep-alive, one path after the other from a list.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace amic::bench {

struct Load {
  double requests_per_second = 0;
  double bytes_per_second = 0;
  double p50_ms = 0, p99_ms = 0;
};

// Ends the program if any answer is not a 2xx, or wrk is not installed.
Load run_wrk(std::filesystem::path const& scratch, std::uint16_t port, std::string const& token,
             std::string const& accept, std::vector<std::string> const& paths, int seconds,
             int connections);

}  // namespace amic::bench
