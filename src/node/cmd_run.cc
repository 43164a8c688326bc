// amic node run, rebuild, check
#include <malloc.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <condition_variable>
#include <csignal>
#include <memory>
#include <mutex>

#include "codec/codec.h"
#include "exchange/index_feeder.h"
#include "json/json.h"
#include "node/commands.h"
#include "node/key_sets.h"
#include "node/local_api.h"
#include "node/node.h"
#include "node/store_key.h"
#include "obs/log.h"

namespace amic::node {

namespace {
constexpr int kRestartSignal = SIGUSR1;  // by the node itself: its keys have changed

struct RunArguments {
  std::string dir, passphrase_from, log_file;
};

struct Opened {
  DataDir dir;
  Config config;
  consent::Transcript transcript;
  NodeKeys keys;
};

Result<Opened> open_all(RunArguments const& a, Context& context) {
  AMIC_TRY(auto dir, DataDir::open(a.dir));
  AMIC_TRY(auto config, effective_config(dir, context));
  AMIC_TRY(auto transcript, dir.launch());
  if (!transcript)
    return fail(Code::kUnknownCommunity, a.dir,
                "this node has not joined a community; see amic community join --help");
  AMIC_TRY_VOID(load_community(dir));  // before anything is written for it
  AMIC_TRY(auto const passphrase, unlock(dir, a.passphrase_from, context));
  AMIC_TRY_VOID(activate_due_keys(dir, context.clock.now_ms()));
  AMIC_TRY(auto keys, load_keys(dir, passphrase));
  return Opened{std::move(dir), std::move(config), std::move(*transcript), std::move(keys)};
}

// Waits for SIGINT or SIGTERM. The mask is set before any thread starts, so that all inherit it.
class StopSignal {
 public:
  StopSignal() {
    sigemptyset(&set_);
    sigaddset(&set_, SIGINT);
    sigaddset(&set_, SIGTERM);
    sigaddset(&set_, kRestartSignal);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
  }
  int wait() const {
    int signal = 0;
    sigwait(&set_, &signal);
    return signal;
  }

 private:
  sigset_t set_;
};

Result<int> run_until_signal(Opened opened, StopSignal const& stop, Context& context) {
  auto const dir = opened.dir;
  auto const token = identity::new_secret(context.random);
  AMIC_TRY(auto node, Node::start({opened.dir, opened.config, std::move(opened.transcript),
                                   std::move(opened.keys), token,
                                   [] { ::kill(::getpid(), kRestartSignal); }}));
  AMIC_TRY_VOID(write_run_file(dir, {node->api_url(), node->link_address(), token, ::getpid()}));
  context.out << "AMIC node of " << opened.config.member.str() << " is running.\n"
              << "  API   " << node->api_url() << "\n"
              << "  link  " << node->link_address() << "\n"
              << "Stop it with Ctrl-C.\n"
              << std::flush;
  int const signal = stop.wait();
  obs::log(obs::Level::kInfo, "node.stopping", {{"signal", signal}});
  remove_run_file(dir);
  return signal;
}

Result<Output> run(RunArguments const& a, Context& context) {
  ::mallopt(M_ARENA_MAX,
            2);  // two threads do nearly all the work; an arena each for the rest is waste
  StopSignal const stop;
  AMIC_TRY(auto opened, open_all(a, context));
  obs::LogOptions log;
  AMIC_TRY(log.level, obs::parse_level(opened.config.log_level));
  log.file = a.log_file;
  AMIC_TRY_VOID(obs::set_up_log(std::move(log)));

  for (;;) {
    AMIC_TRY(int const signal, run_until_signal(std::move(opened), stop, context));
    if (signal != kRestartSignal) break;
    AMIC_TRY(opened, open_all(a, context));
  }
  return Output{"Stopped.\n", R"({"stopped":true})"};
}

Result<Output> rebuild(RunArguments const& a, Context& context) {
  AMIC_TRY(auto opened, open_all(a, context));
  AMIC_TRY(auto const community, consent::community_of(opened.transcript));
  AMIC_TRY(auto offline, open_offline(opened.dir, community, opened.keys, opened.config.realm,
                                      context.clock, context.random));
  // A damaged index is one reason to be here: what it said before is then not known.
  auto const before = offline.store->index_digest();
  if (!before && before.error().code != Code::kCorrupt) return fail(before.error());
  AMIC_TRY(auto const records, offline.store->log_size());
  AMIC_TRY_VOID(offline.store->reset_index());
  exchange::IndexFeeder feeder(*offline.exchange, *offline.store);
  std::uint64_t done = 0;
  for (;;) {  // ends: each turn applies at least one of finitely many records
    AMIC_TRY(auto const applied, feeder.catch_up(1000));
    if (applied == 0) break;
    done += applied;
    if (!context.json) context.err << "\r" << done << "/" << records << " records" << std::flush;
  }
  if (!context.json && done > 0) context.err << "\n";
  AMIC_TRY(auto const after, offline.store->index_digest());
  auto const hex = codec::to_hex(after.view());
  bool const unchanged = before && *before == after;
  Output out;
  out.text = "Rebuilt the index from " + std::to_string(records) + " records.\nDigest " + hex +
             (unchanged ? " (as before)\n"
              : before  ? " (it was different before)\n"
                        : " (it was damaged before)\n");
  out.json = json::serialize(
      json::object{{"records", records}, {"digest", hex}, {"unchanged", unchanged}});
  return out;
}

Result<Output> check(RunArguments const& a, Context& context) {
  AMIC_TRY(auto const dir, DataDir::open(a.dir));
  AMIC_TRY(auto const passphrase, unlock(dir, a.passphrase_from, context));
  AMIC_TRY(auto const keys, load_keys(dir, passphrase));
  AMIC_TRY(auto store, open_store(dir, keys));
  AMIC_TRY_VOID(store->check());
  AMIC_TRY(auto const records, store->log_size());
  AMIC_TRY(auto const digest, store->index_digest());
  bool const reset = store->index_was_reset();
  return Output{
      "Good: " + std::to_string(records) + " records.\n" +
          (reset ? "The index is made anew at the next start: " + store->index_reset_reason() + "\n"
                 : ""),
      json::serialize(json::object{{"records", records},
                                   {"index_reset", reset},
                                   {"index_digest", codec::to_hex(digest.view())}})};
}
}  // namespace

void add_run_commands(CLI::App& app, Context& context) {
  auto* group = app.get_subcommand("node");
  auto const a = std::make_shared<RunArguments>();
  auto* start = group->add_subcommand("run", "Run this member's node until Ctrl-C");
  start->add_option("--dir", a->dir, "The node's directory")->required();
  start->add_option("--passphrase-from", a->passphrase_from, "file:PATH, fd:N, env:NAME or prompt");
  start->add_option("--log-file", a->log_file, "JSON lines; default standard error");
  on_run(*start, context, [a, &context] { return run(*a, context); });

  auto* again = group->add_subcommand("rebuild", "Make the index anew from the log (node stopped)");
  again->add_option("--dir", a->dir, "The node's directory")->required();
  again->add_option("--passphrase-from", a->passphrase_from, "file:PATH, fd:N, env:NAME or prompt");
  on_run(*again, context, [a, &context] { return rebuild(*a, context); });

  auto* verify = group->add_subcommand("check", "Check the store's files (node stopped)");
  verify->add_option("--dir", a->dir, "The node's directory")->required();
  verify->add_option("--passphrase-from", a->passphrase_from,
                     "file:PATH, fd:N, env:NAME or prompt");
  on_run(*verify, context, [a, &context] { return check(*a, context); });
}

}  // namespace amic::node
