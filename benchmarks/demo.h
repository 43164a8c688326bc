// A demonstration community of real processes on loopback, as `amic demo --detach` starts it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/local_node.h"
#include "node/local_api.h"

namespace amic::bench {

// Started by the constructor, ended with the object. No traffic but what the measurement makes.
class Demo {
 public:
  Demo(std::filesystem::path amic, std::size_t members);
  ~Demo();
  Demo(Demo const&) = delete;
  Demo& operator=(Demo const&) = delete;

  double launched_seconds() const { return launched_s_; }
  double linked_seconds() const { return linked_s_; }
  std::vector<std::filesystem::path> const& nodes() const { return nodes_; }  // sorted
  std::vector<std::string> members() const;                                   // in that order
  std::filesystem::path dir() const { return directory_.path() / "demo"; }
  // Until no outbox holds anything, and a while longer.
  void wait_quiet() const;

 private:
  static std::string quoted(std::filesystem::path const& path) { return "'" + path.string() + "'"; }
  std::filesystem::path amic_;
  exchange::testing::TemporaryDirectory directory_;
  double launched_s_ = 0, linked_s_ = 0;
  std::vector<std::filesystem::path> nodes_;
};

std::unique_ptr<node::ApiClient> client_of(std::filesystem::path const& dir);
std::int64_t pid_of(std::filesystem::path const& dir);

struct Memory {
  double resident_mb = 0, anonymous_mb = 0, most_resident_mb = 0;  // MiB; the last: ever so far
};
Memory memory_of(std::int64_t pid);

// What a node says of its lanes of one precedence.
struct Links {
  std::vector<std::uint64_t> acknowledged;  // by each peer
  bool waiting = false;                     // anything, on any lane
};
Links links_of(node::ApiClient& client, std::string_view precedence);

// A request to share, to those named in `rel_to`.
std::string share_text(std::vector<std::string> const& rel_to, std::string_view precedence,
                       std::string const& bundle);

}  // namespace amic::bench
