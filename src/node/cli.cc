#include "node/cli.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <ostream>

#include "json/json.h"
#include "node/commands.h"
#include "node/files.h"

namespace amic::node {

namespace {

constexpr char const* kAbout =
    "amic: sovereign, federated intelligence sharing by consent.\n"
    "Every member runs a node; nodes exchange signed, sealed, caveated envelopes directly.";

constexpr char const* kFooter =
    "Exit codes: 0 done, 1 refused with a reason, 2 usage.\n"
    "\n"
    "A first node, and its card to hand to the other founders:\n"
    "  amic node init --dir my --member MY --name Malaysia --passphrase-from prompt\n"
    "  amic card show --dir my --out my-card.txt";

void add_all(CLI::App& app, Context& context) {
  app.require_subcommand(1);
  app.fallthrough();
  app.set_help_all_flag("--help-all", "Help of all commands");
  app.add_flag("--json", context.json, "Print one JSON object instead of text");
  app.footer(kFooter);
  add_node_commands(app, context);
  add_card_commands(app, context);
  add_key_commands(app, context);
  add_community_commands(app, context);
  add_run_commands(app, context);
  add_repair_commands(app, context);
  add_share_commands(app, context);
  add_attach_commands(app, context);
  add_recall_commands(app, context);
  add_group_commands(app, context);
  add_object_commands(app, context);
  add_link_commands(app, context);
  add_token_commands(app, context);
  add_log_commands(app, context);
  add_bundle_commands(app, context);
  add_evidence_commands(app, context);
  add_motion_commands(app, context);
  add_instrument_commands(app, context);
  add_meeting_commands(app, context);
  add_chair_commands(app, context);
  add_demo_commands(app, context);
}

}  // namespace

void report(Context& context, Error const& error) {
  context.exit_code = error.code == Code::kUsage ? kExitUsage : kExitRefused;
  if (!context.json) {
    context.err << "amic: " << error.text() << "\n";
    return;
  }
  json::object problem;
  problem["code"] = code_name(error.code);
  problem["where"] = error.where;
  problem["detail"] = error.detail;
  problem["retryable"] = code_retryable(error.code);
  context.err << json::serialize(problem) << "\n";
}

void print(Context& context, Result<Output> const& output) {
  if (!output) return report(context, output.error());
  if (context.json)
    context.out << output->json << "\n";
  else
    context.out << output->text;
  context.out.flush();
  // A full disk or a closed pipe must not look like success.
  if (!context.out) report(context, {Code::kIo, "output", "can't be written"});
}

void on_run(CLI::App& command, Context& context, std::function<Result<Output>()> body) {
  command.callback([&context, body = std::move(body)] { print(context, body()); });
}

int run_cli(std::vector<std::string> arguments, Context& context) {
  CLI::App app{kAbout, "amic"};
  add_all(app, context);
  std::reverse(arguments.begin(), arguments.end());  // the order that CLI11 wants
  // Errors of usage come before --json is bound, so it is looked for by hand.
  bool const json = std::find(arguments.begin(), arguments.end(), "--json") != arguments.end();
  try {
    app.parse(std::move(arguments));
  } catch (CLI::ParseError const& error) {
    if (error.get_exit_code() == 0) {
      app.exit(error, context.out, context.err);  // help
      return kExitOk;
    }
    context.json = json;
    report(context, {Code::kUsage, "command line", error.what()});
    if (!json) context.err << "Run with --help for more information.\n";
  }
  return context.exit_code;
}

Result<void> deliver(std::string const& path, std::string const& contents, Output& output) {
  if (!path.empty() && path != "-") return write_new_file(path, contents);
  output.text = contents;
  return {};
}

Result<Config> effective_config(DataDir const& dir, Context const& context) {
  AMIC_TRY(Config config, dir.config());
  return with_environment(std::move(config), context.environment);
}

Result<Passphrase> unlock(DataDir const& dir, std::string const& spec, Context& context) {
  AMIC_TRY(Config const config, effective_config(dir, context));
  AMIC_TRY(Passphrase passphrase,
           passphrase_of(config, spec, "Passphrase of " + config.member.str() + ": "));
  if (!passphrase) warn_unprotected(context);
  return passphrase;
}

void warn_unprotected(Context& context) {
  context.err << "amic: WARNING: the keys of this node are UNPROTECTED. Whoever reads the files is "
                 "this member.\n"
                 "amic: WARNING: For development and demonstrations only.\n";
}

}  // namespace amic::node
