// amic demo
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <memory>
#include <thread>

#include "codec/codec.h"
#include "node/commands.h"
#include "node/demo.h"
#include "node/files.h"

namespace amic::node {

namespace {
constexpr std::int64_t kLinkTimeoutMs = 120'000;
constexpr timespec kTrafficEvery{8, 0};
constexpr std::size_t kTrafficFirst = 40;  // so that a newcomer does not look at an empty floor
constexpr std::string_view kReadyLine = "READY";

struct DemoArguments {
  DemoOptions options;
  std::string dir = ".demo", data;
  bool detach = false, stop = false, no_traffic = false;
};

std::filesystem::path pid_file(std::filesystem::path const& dir) {
  return dir / "demo.pid";
}

// The pid of a running demonstration in `dir`; 0 if none. The command line is checked, so that a
// recycled pid is never signalled.
pid_t running_demo(std::filesystem::path const& dir) {
  auto const text = read_file(pid_file(dir), 64);
  if (!text) return 0;
  auto const pid = static_cast<pid_t>(std::atol(text->c_str()));
  if (pid <= 1) return 0;
  std::ifstream in("/proc/" + std::to_string(pid) + "/cmdline", std::ios::binary);
  std::string const line((std::istreambuf_iterator<char>(in)), {});
  return line.find(std::string("\0demo\0", 6)) != std::string::npos ? pid : 0;
}

Result<Output> stop_demo(std::filesystem::path const& dir) {
  auto const pid = running_demo(dir);
  if (pid == 0) return fail(Code::kNotFound, dir.string(), "no demonstration is running here");
  ::kill(pid, SIGTERM);
  for (int i = 0; i < 600 && running_demo(dir) == pid; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  if (running_demo(dir) == pid)
    return fail(Code::kTimeout, dir.string(), "process " + std::to_string(pid) + " goes on");
  return Output{"Stopped.\n", R"({"stopped":true})"};
}

Result<std::string> summary(std::vector<DemoMember> const& members, DemoArguments const& a) {
  std::string out = "\nOpen in a browser (each address logs in once, today):\n";
  for (auto const& member : members) {
    AMIC_TRY(auto const link, demo_login_link(member, /*administrator=*/false));
    out += "  " + member.id + "  " + link + "\n";
  }
  AMIC_TRY(auto const admin, demo_login_link(members.front(), /*administrator=*/true));
  out += "  " + members.front().id + "  " + admin + "  (administrator)\n";
  out += "\nFor programs, and for another log-in:\nMember  API address               Token\n";
  std::string example_url, example_token;
  for (auto const& member : members) {
    AMIC_TRY(auto const dir, DataDir::open(member.dir));
    AMIC_TRY(auto const run, read_run_file(dir));
    AMIC_TRY(auto const token, demo_token(member));
    auto const pad = [](std::string text, std::size_t width) {
      text.resize(std::max(width, text.size() + 1), ' ');
      return text;
    };
    out += pad(member.id, 8) + pad(run.api_url, 26) + token + "\n";
    if (example_url.empty()) example_url = run.api_url, example_token = token;
  }
  auto const first = members.front().dir.string();
  out +=
      "\nEverything listens on 127.0.0.1 only. Try:\n"
      "  build/amic item list --dir " +
      first +
      "\n"
      "  build/amic link list --dir " +
      first +
      "\n"
      "  build/amic community verify " +
      (a.options.dir / "ceremony/launch.txt").string() +
      "\n"
      "  curl -H 'Authorization: Bearer " +
      example_token + "' '" + example_url + "/api/v1/objects?type=incident&limit=2'\n";
  // The same directory must be named again, unless it is the usual one.
  auto const where = a.dir == DemoArguments{}.dir ? "" : " --dir " + a.dir;
  out += a.detach ? "\nRunning in the background. End it with: ./run --stop" + where + "\n"
                  : "\nCtrl-C stops all nodes.\n";
  return out;
}

// Until SIGINT or SIGTERM; shares something synthetic now and then.
Result<void> keep_going(std::vector<DemoMember> const& members, DemoNodes& nodes,
                        DemoOptions const& options, Context& context, sigset_t const& stop) {
  for (std::size_t i = 0; options.traffic && i < kTrafficFirst; ++i)
    AMIC_TRY_VOID(share_synthetic(members, context.random, context.clock));
  for (;;) {
    if (::sigtimedwait(&stop, nullptr, &kTrafficEvery) > 0) return {};
    if (auto const ended = nodes.ended_member(); !ended.empty())
      return fail(Code::kUnavailable, "node of " + ended, "ended by itself");
    if (!options.traffic) continue;
    auto const shared = share_synthetic(members, context.random, context.clock);
    if (!shared) context.err << "amic: traffic: " << shared.error().text() << "\n";
  }
}

Result<Output> run_demo(DemoArguments const& a, Context& context) {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGINT);
  sigaddset(&stop, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &stop, nullptr);
  ::signal(SIGPIPE, SIG_IGN);

  auto const& options = a.options;
  AMIC_TRY(auto const data, find_data(options.data));
  AMIC_TRY(auto const members, demo_members(data, options));
  AMIC_TRY_VOID(make_private_directory(options.dir));
  if (running_demo(options.dir) != 0)
    return fail(Code::kLocked, options.dir.string(), "a demonstration is running here already");
  std::filesystem::remove(pid_file(options.dir));
  AMIC_TRY_VOID(write_new_file(pid_file(options.dir), std::to_string(::getpid()) + "\n"));

  auto& out = context.out;
  auto const begin = std::chrono::steady_clock::now();
  auto const seconds = [&] {
    char text[32];
    std::snprintf(text, sizeof text, "%.1f s",
                  std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
    return std::string(text);
  };
  warn_unprotected(context);
  out << "Launch ceremony: " << members.size() << " founders\n" << std::flush;
  AMIC_TRY(auto const community, launch_demo(members, data, options, context));
  out << "   founded, pressed by all, launched: community "
      << codec::to_hex(community.id.view()).substr(0, 16) << " (" << seconds() << ")\n"
      << "Starting " << members.size() << " nodes\n"
      << std::flush;
  DemoNodes nodes(members);
  AMIC_TRY_VOID(nodes.start());
  AMIC_TRY_VOID(nodes.wait_linked(kLinkTimeoutMs));
  out << "   all nodes ready, every link up (" << seconds() << ")\n"
      << "Real public data\n"
      << std::flush;
  AMIC_TRY(auto const load, load_demo_data(members, data, options.dir, out));
  out << (load.items == 0 ? std::string("   shared before, nothing to do")
                          : "   " + std::to_string(load.items) + " items shared")
      << " (" << seconds() << ")\n";
  AMIC_TRY(auto const text, summary(members, a));
  out << text;
  if (a.detach) out << kReadyLine << "\n";
  out << std::flush;
  auto const ended = keep_going(members, nodes, options, context, stop);
  out << "\nStopping all nodes\n" << std::flush;
  nodes.stop();
  std::filesystem::remove(pid_file(options.dir));
  AMIC_TRY_VOID(ended);
  return Output{"Stopped.\n", R"({"stopped":true})"};
}

// The demonstration in a session of its own; this process passes its words on until it is ready.
Result<Output> detach(DemoArguments const& a, Context& context) {
  int channel[2];
  if (::pipe2(channel, O_CLOEXEC) != 0) return fail(Code::kIo, "pipe");
  auto const pid = ::fork();
  if (pid < 0) return fail(Code::kIo, "fork");
  if (pid == 0) {
    ::setsid();
    ::dup2(channel[1], 1);
    ::dup2(channel[1], 2);
    int const nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ::dup2(nothing, 0);
    auto result = run_demo(a, context);
    if (!result) report(context, result.error());
    ::_exit(context.exit_code);
  }
  ::close(channel[1]);
  std::unique_ptr<FILE, int (*)(FILE*)> in(::fdopen(channel[0], "r"), &std::fclose);
  char line[4096];
  while (in && std::fgets(line, sizeof line, in.get()) != nullptr) {
    if (std::string_view(line) == std::string(kReadyLine) + "\n")
      return Output{"", json::serialize(json::object{{"pid", pid}})};
    context.out << line << std::flush;
  }
  return fail(Code::kUnavailable, a.dir, "the demonstration did not become ready");
}
}  // namespace

void add_demo_commands(CLI::App& app, Context& context) {
  auto const a = std::make_shared<DemoArguments>();
  auto* command = app.add_subcommand(
      "demo", "A demonstration community on loopback: ceremony, nodes, real public data");
  command->add_option("--members", a->options.members, "2 to 11 (default 11)")
      ->check(CLI::Range(2, 64));
  command->add_option("--dir", a->dir, "Where it lives (default .demo); resumed if it exists");
  command->add_option("--data", a->data, "Directory of the public data (default: looked for)");
  command->add_option("--port-base", a->options.port_base, "First port to use (default 17400)");
  command->add_flag("--detach", a->detach, "Return when all nodes are ready");
  command->add_flag("--no-traffic", a->no_traffic, "No synthetic traffic afterwards");
  command->add_flag("--stop", a->stop, "End a detached demonstration");
  on_run(*command, context, [a, &context]() -> Result<Output> {
    a->options.dir = a->dir;
    a->options.data = a->data;
    a->options.traffic = !a->no_traffic;
    if (a->stop) return stop_demo(a->options.dir);
    return a->detach ? detach(*a, context) : run_demo(*a, context);
  });
}

}  // namespace amic::node
