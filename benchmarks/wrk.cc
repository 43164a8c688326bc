#include "benchmarks/wrk.h"

#include <sys/stat.h>

#include <cstdio>
#include <fstream>
#include <memory>

#include "base/check.h"

namespace amic::bench {

namespace {
constexpr char kScript[] = R"(
local at = 0
function request()
  at = at % #paths + 1
  return wrk.format("GET", paths[at], headers)
end
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d %d\n", summary.requests, summary.bytes,
    summary.duration, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
)";

// With the token: for this user's eyes only.
void write_script(std::filesystem::path const& file, std::string const& token,
                  std::string const& accept, std::vector<std::string> const& paths) {
  ::umask(0077);
  std::ofstream out(file);
  out << "headers = {[\"Authorization\"] = \"Bearer " << token << "\", [\"Accept\"] = \"" << accept
      << "\"}\npaths = {\n";
  for (auto const& path : paths) out << "\"" << path << "\",\n";
  out << "}\n" << kScript;
  CHECK(out.flush().good());
}
}  // namespace

Load run_wrk(std::filesystem::path const& scratch, std::uint16_t port, std::string const& token,
             std::string const& accept, std::vector<std::string> const& paths, int seconds,
             int connections) {
  auto const script = scratch / "load.lua";
  write_script(script, token, accept, paths);
  auto const command = "wrk -t1 -c" + std::to_string(connections) + " -d" +
                       std::to_string(seconds) + "s -s '" + script.string() +
                       "' http://127.0.0.1:" + std::to_string(port);
  std::unique_ptr<FILE, int (*)(FILE*)> in(::popen(command.c_str(), "r"), &::pclose);
  CHECK(in != nullptr);
  char line[512];
  long long requests = -1, bytes = 0, micros = 0, p50 = 0, p99 = 0, errors = 0;
  std::string said;
  while (std::fgets(line, sizeof line, in.get()) != nullptr) {
    said += line;
    std::sscanf(line, "RESULT %lld %lld %lld %lld %lld %lld", &requests, &bytes, &micros, &p50,
                &p99, &errors);
  }
  if (requests <= 0 || errors != 0) std::fprintf(stderr, "wrk failed:\n%s", said.c_str());
  CHECK(requests > 0 && errors == 0);
  double const taken = static_cast<double>(micros) * 1e-6;
  return {static_cast<double>(requests) / taken, static_cast<double>(bytes) / taken,
          static_cast<double>(p50) * 1e-3, static_cast<double>(p99) * 1e-3};
}

}  // namespace amic::bench
