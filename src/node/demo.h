// The demonstration: a community of real nodes as processes on loopback, founded by the real
// ceremony, sharing real public data. Its people and traffic are synthetic and say so.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "node/cli.h"
#include "node/local_api.h"

namespace amic::node {

struct DemoOptions {
  std::filesystem::path dir = ".demo";
  std::filesystem::path data;  // empty: looked for, see find_data
  std::size_t members = 11;
  std::uint16_t port_base = 17400;  // link ports from here, API ports from here + 100
  bool traffic = true;
};

struct DemoMember {
  std::string id, name;
  std::vector<std::string> neighbours;
  std::filesystem::path dir;
};

// ./data, or beside the program, or in /usr/share/amic. kNotFound names what was tried.
Result<std::filesystem::path> find_data(std::filesystem::path const& wanted);
Result<std::vector<DemoMember>> demo_members(std::filesystem::path const& data,
                                             DemoOptions const& options);

// Keys, cards and the launch ceremony; nothing if it was done before.
Result<consent::Community> launch_demo(std::vector<DemoMember> const& members,
                                       std::filesystem::path const& data,
                                       DemoOptions const& options, Context& context);

// The members' processes.
class DemoNodes {
 public:
  explicit DemoNodes(std::vector<DemoMember> members) : members_(std::move(members)) {}
  ~DemoNodes();  // terminates and waits
  Result<void> start();
  // Until every node is ready and linked with all others. kTimeout names who is not.
  Result<void> wait_linked(std::int64_t timeout_ms);
  // The pid of a member's process that has ended by itself, 0 if all run.
  std::string ended_member();
  void stop();

 private:
  std::vector<DemoMember> members_;
  std::vector<pid_t> pids_;
};

// Shares the real data once (marker file in `dir`).
struct DemoLoad {
  std::size_t items = 0;
  std::size_t incidents = 0;
};
Result<DemoLoad> load_demo_data(std::vector<DemoMember> const& members,
                                std::filesystem::path const& data, std::filesystem::path const& dir,
                                std::ostream& progress);

// One synthetic item from a random member to its neighbours.
Result<std::string> share_synthetic(std::vector<DemoMember> const& members, Random& random,
                                    Clock const& clock);

// A token for people to try, made once and kept beside the node (mode 0600).
Result<std::string> demo_token(DemoMember const& member);
// An address that logs in to the member's web face once, within a day: as a user, or as its
// administrator.
Result<std::string> demo_login_link(DemoMember const& member, bool administrator);

}  // namespace amic::node
