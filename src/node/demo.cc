#include "node/demo.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <ostream>
#include <sstream>
#include <thread>

#include "node/files.h"

extern char** environ;

namespace amic::node {

namespace {
constexpr std::chrono::milliseconds kPollEvery{50};
constexpr std::chrono::seconds kStopWithin{20};

bool port_is_free(std::uint16_t port) {
  int const fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  int const on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  bool const ok = ::bind(fd, reinterpret_cast<sockaddr const*>(&address), sizeof address) == 0;
  ::close(fd);
  return ok;
}

Result<std::uint16_t> next_free_port(std::uint16_t& from) {
  for (int tries = 0; tries < 2000 && from < 65000; ++tries) {
    auto const port = from++;
    if (port_is_free(port)) return port;
  }
  return fail(Code::kUnavailable, "ports", "no free port was found");
}

std::string lower(std::string text) {
  for (auto& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

Result<void> keep(std::filesystem::path const& path, std::string const& text) {
  if (std::filesystem::exists(path)) return {};
  return write_new_file(path, text);
}
}  // namespace

Result<std::filesystem::path> find_data(std::filesystem::path const& wanted) {
  std::vector<std::filesystem::path> places;
  if (!wanted.empty()) {
    places = {wanted};
  } else {
    std::error_code ignored;
    auto const program = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
    places = {"data", program / "../data", program / "../../data", "/usr/share/amic"};
  }
  std::string tried;
  for (auto const& place : places) {
    std::error_code ignored;
    if (std::filesystem::exists(place / "demo/members.csv", ignored)) return place;
    tried += " " + place.string();
  }
  return fail(Code::kNotFound, "--data", "no demonstration data in:" + tried);
}

Result<std::vector<DemoMember>> demo_members(std::filesystem::path const& data,
                                             DemoOptions const& options) {
  AMIC_TRY(auto const text, read_file(data / "demo/members.csv"));
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);  // column names
  std::vector<DemoMember> out;
  while (out.size() < options.members && std::getline(lines, line)) {
    std::istringstream fields(line);
    DemoMember member;
    std::string neighbours;
    std::getline(fields, member.id, ',');
    std::getline(fields, member.name, ',');
    std::getline(fields, neighbours);
    std::istringstream names(neighbours);
    for (std::string name; names >> name;) member.neighbours.push_back(name);
    member.dir = options.dir / lower(member.id);
    out.push_back(std::move(member));
  }
  if (out.size() < options.members)
    return fail(Code::kOutOfRange, "--members",
                "the demonstration has " + std::to_string(out.size()) + " members");
  // With fewer members than usual only those who take part can be neighbours.
  for (auto& member : out) {
    std::erase_if(member.neighbours, [&](std::string const& id) {
      return std::none_of(out.begin(), out.end(), [&](auto const& m) { return m.id == id; });
    });
    for (auto const& other : out)
      if (member.neighbours.empty() && other.id != member.id) member.neighbours = {other.id};
  }
  return out;
}

namespace {
Result<consent::Card> init_member(DemoMember const& member, std::uint16_t& link_port,
                                  std::uint16_t& api_port, Context& context) {
  if (auto const dir = DataDir::open(member.dir)) return dir->card();
  Config config;
  AMIC_TRY(config.member, MemberId::parse(member.id));
  config.name = member.name;
  AMIC_TRY(config.link_listen.port, next_free_port(link_port));
  AMIC_TRY(config.api_listen.port, next_free_port(api_port));
  config.witness_interval_s = 5;
  return init_node(member.dir, config, Passphrase{}, context.clock, context.random);
}
}  // namespace

Result<consent::Community> launch_demo(std::vector<DemoMember> const& members,
                                       std::filesystem::path const& data,
                                       DemoOptions const& options, Context& context) {
  AMIC_TRY_VOID(make_private_directory(options.dir));
  auto const papers = options.dir / "ceremony";
  AMIC_TRY_VOID(make_private_directory(papers));
  auto const launched = DataDir::open(members.front().dir);
  if (launched) {
    AMIC_TRY(auto const transcript, launched->launch());
    if (transcript) {
      AMIC_TRY(auto community, consent::community_of(*transcript));
      if (community.head.members.size() != members.size())
        return fail(Code::kConflict, options.dir.string(),
                    "a demonstration of " + std::to_string(community.head.members.size()) +
                        " members is here; use that number or another --dir");
      return community;
    }
  }

  Founding founding;
  founding.community_name = "AMIC demonstration (synthetic)";
  std::uint16_t link_port = options.port_base;
  auto api_port = static_cast<std::uint16_t>(options.port_base + 100);
  for (auto const& member : members) {
    AMIC_TRY(auto card, init_member(member, link_port, api_port, context));
    AMIC_TRY_VOID(keep(papers / ("card-" + member.id + ".txt"), consent::to_text(card)));
    founding.cards.push_back(std::move(card));
  }
  AMIC_TRY(founding.texts[consent::InstrumentKind::kTor], read_file(data / "templates/tor.md"));
  AMIC_TRY(founding.texts[consent::InstrumentKind::kSop], read_file(data / "templates/sop.md"));
  AMIC_TRY(auto const draft, found_community(std::move(founding), context.clock));
  AMIC_TRY_VOID(keep(papers / "draft.txt", consent::to_text(draft)));
  auto const digest = consent::head_digest(draft.head_bytes);
  std::vector<consent::Press> presses;
  for (auto const& member : members) {
    AMIC_TRY(auto const dir, DataDir::open(member.dir));
    AMIC_TRY(auto press, press_draft(dir, draft, digest, Passphrase{}, context.clock));
    AMIC_TRY_VOID(keep(papers / ("press-" + member.id + ".txt"), consent::to_text(press)));
    presses.push_back(std::move(press));
  }
  AMIC_TRY(auto const transcript, consent::launch(draft, std::move(presses)));
  AMIC_TRY_VOID(keep(papers / "launch.txt", consent::to_text(transcript)));
  // The first member joins last: its transcript says that the whole ceremony is done.
  for (auto it = members.rbegin(); it != members.rend(); ++it) {
    AMIC_TRY(auto const dir, DataDir::open(it->dir));
    AMIC_TRY_VOID(join_community(dir, transcript, Passphrase{}));
  }
  return consent::community_of(transcript);
}

DemoNodes::~DemoNodes() {
  stop();
}

Result<void> DemoNodes::start() {
  for (auto const& member : members_) {
    std::string const dir = member.dir.string();
    std::string const log = (member.dir / "node.log").string();
    std::string const output = (member.dir / "output.log").string();
    char const* arguments[] = {"amic",      "node",       "run",       "--dir",
                               dir.c_str(), "--log-file", log.c_str(), nullptr};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                     0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    // A group of its own: Ctrl-C reaches the demonstration alone, which then stops all in order.
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    pid_t pid = 0;
    int const error = ::posix_spawn(&pid, "/proc/self/exe", &actions, &attributes,
                                    const_cast<char**>(arguments), environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (error != 0) return fail(Code::kIo, "node of " + member.id, std::strerror(error));
    pids_.push_back(pid);
  }
  return {};
}

namespace {
// Empty if the node is ready and linked with all; otherwise what is missing.
std::string not_linked(DemoMember const& member) {
  auto const client = ApiClient::connect({member.dir.string(), "", ""});
  if (!client) return "not started";
  if (auto const ready = (*client)->get("/readyz"); !ready) return ready.error().text();
  auto const links = (*client)->get("/api/v1/links");
  if (!links) return links.error().text();
  auto const value = json::parse(*links);
  if (!value) return "links can't be read";
  for (auto const& link : value->as_object().at("links").as_array())
    if (link.as_object().at("state") != "linked")
      return "no link to " + std::string(link.as_object().at("peer").get_string().c_str());
  return "";
}
}  // namespace

Result<void> DemoNodes::wait_linked(std::int64_t timeout_ms) {
  auto const deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
  for (auto const& member : members_) {
    for (;;) {
      auto const missing = not_linked(member);
      if (missing.empty()) break;
      if (auto const ended = ended_member(); !ended.empty())
        return fail(
            Code::kUnavailable, "node of " + ended,
            "ended by itself; see " +
                (members_.front().dir.parent_path() / lower(ended) / "output.log").string());
      if (std::chrono::steady_clock::now() >= deadline)
        return fail(Code::kTimeout, "node of " + member.id, missing);
      std::this_thread::sleep_for(kPollEvery);
    }
  }
  return {};
}

std::string DemoNodes::ended_member() {
  for (std::size_t i = 0; i < pids_.size(); ++i) {
    if (pids_[i] == 0) continue;
    if (::waitpid(pids_[i], nullptr, WNOHANG) == pids_[i]) {
      pids_[i] = 0;
      return members_[i].id;
    }
  }
  return "";
}

void DemoNodes::stop() {
  for (auto const pid : pids_)
    if (pid != 0) ::kill(pid, SIGTERM);
  auto const deadline = std::chrono::steady_clock::now() + kStopWithin;
  for (auto& pid : pids_) {
    while (pid != 0 && ::waitpid(pid, nullptr, WNOHANG) != pid) {
      if (std::chrono::steady_clock::now() >= deadline) ::kill(pid, SIGKILL);
      std::this_thread::sleep_for(kPollEvery);
    }
    pid = 0;
  }
  pids_.clear();
}

}  // namespace amic::node
