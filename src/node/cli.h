// The command line's frame: what every command gets, and how every command ends.
// Exit codes: 0 done, 1 refused (reason on stderr), 2 usage. docs/OPERATIONS.md, "Commands".
#pragma once

#include <functional>
#include <iosfwd>
#include <string>

#include "base/clock.h"
#include "base/random.h"
#include "base/result.h"
#include "node/ceremony.h"

namespace CLI {
class App;
}

namespace amic::node {

inline constexpr int kExitOk = 0;
inline constexpr int kExitRefused = 1;
inline constexpr int kExitUsage = 2;

struct Context {
  std::ostream& out;
  std::ostream& err;
  Clock const& clock;
  Random& random;
  Environment environment;
  bool json = false;  // --json, anywhere on the line
  int exit_code = kExitOk;
};

// What a command prints when it is done: `text` for people, `json` (one object) with --json.
struct Output {
  std::string text;
  std::string json;
};

// Prints what `body` gives, or reports its error.
void print(Context& context, Result<Output> const& output);

// Makes `command` run `body` when it is chosen, print its output, or report its error.
void on_run(CLI::App& command, Context& context, std::function<Result<Output>()> body);

// "amic: <code> at <where>: <detail>", or with --json a problem object with "code", "where",
// "detail". Sets the exit code.
void report(Context& context, Error const& error);

// The whole program. `arguments` without the program's name.
int run_cli(std::vector<std::string> arguments, Context& context);

// --- what several commands need ---

// Writes a new file (never over an old one), or to the output if `path` is empty or "-".
Result<void> deliver(std::string const& path, std::string const& contents, Output& output);
// Configuration of the node in `dir` with the environment applied.
Result<Config> effective_config(DataDir const& dir, Context const& context);
// The passphrase by `spec` or configuration. Warns on stderr if the keys are unprotected.
Result<Passphrase> unlock(DataDir const& dir, std::string const& spec, Context& context);
void warn_unprotected(Context& context);

}  // namespace amic::node
