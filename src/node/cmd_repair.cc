// amic node repair
#include <CLI/CLI.hpp>
#include <chrono>
#include <memory>
#include <thread>

#include "json/json.h"
#include "node/commands.h"
#include "node/local_api.h"

namespace amic::node {

namespace {

constexpr char const* kTarget = "/api/v1/repair";
constexpr std::chrono::milliseconds kLookEvery{250};
constexpr std::size_t kNamedMax = 50;

struct RepairArguments {
  ApiArguments api;
  bool status = false;
};

std::uint64_t number(json::object const& object, char const* name) {
  auto const* value = object.if_contains(name);
  if (value == nullptr) return 0;
  if (value->is_uint64()) return value->get_uint64();
  return value->is_int64() ? static_cast<std::uint64_t>(value->get_int64()) : 0;
}
std::string text(json::object const& object, char const* name) {
  auto const* value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}
std::string count(std::uint64_t n, std::string const& one) {
  return std::to_string(n) + " " + one + (n == 1 ? "" : "s");
}

Result<json::object> look(ApiClient& client) {
  AMIC_TRY(auto const answer, client.get(kTarget));
  AMIC_TRY(auto value, json::parse(answer));
  if (!value.is_object()) return fail(Code::kWrongType, "repair");
  return std::move(value.get_object());
}

bool is_over(json::object const& state) {
  auto const phase = text(state, "phase");
  return phase == "done" || phase == "failed" || phase == "idle";
}

void show_progress(Context& context, json::object const& state, std::string& shown) {
  std::string line = text(state, "phase");
  if (line == "auditing")
    line += " " + std::to_string(number(state, "audited")) + " of " +
            std::to_string(number(state, "records"));
  if (line == "asking") line += ", " + count(number(state, "restored"), "record") + " put back";
  if (line == shown || is_over(state)) return;
  shown = line;
  context.err << line << "\n";
}

std::string summary(json::object const& state) {
  std::string out;
  std::uint64_t const found = number(state, "found");
  std::uint64_t const remaining = number(state, "remaining");
  out += count(number(state, "audited"), "record") + " read, " +
         (found == 0 ? std::string("none damaged.") : std::to_string(found) + " damaged.") + "\n";
  if (auto const mended = number(state, "mended"))
    out += count(mended, "record") + " mended from what was here.\n";
  for (auto const& value : state.at("peers").as_array()) {
    auto const& peer = value.as_object();
    std::string line;
    if (auto const n = number(peer, "restored")) line += count(n, "record") + " put back";
    if (auto const n = number(peer, "lies"))
      line += (line.empty() ? "" : ", ") + count(n, "answer") + " that were something else";
    if (auto const n = number(peer, "lacks"))
      line += (line.empty() ? "" : ", ") + count(n, "number") + " damaged there";
    if (auto const problem = text(peer, "problem"); !problem.empty())
      line += (line.empty() ? "" : ", ") + problem;
    if (!line.empty()) out += "  " + text(peer, "peer") + ": " + line + "\n";
  }
  if (auto const rows = number(state, "lane_rows"))
    out += count(rows, "number") + " of lanes known again.\n";
  if (auto const tiles = number(state, "tiles")) out += count(tiles, "tile") + " made anew.\n";
  if (state.contains("salvaged")) out += "The file of the log was damaged and was written anew.\n";
  if (state.at("index_stale").as_bool())
    out += "The index is being made anew; the node is ready once it has caught up.\n";
  for (auto const& problem : state.at("problems").as_array())
    out += "Problem: " + std::string(problem.as_string()) + "\n";
  if (remaining == 0) return out + "Nothing remains damaged.\n";
  out += count(remaining, "record") + " still damaged:\n";
  std::size_t named = 0;
  for (auto const& value : state.at("remaining_first").as_array()) {
    if (++named > kNamedMax) break;
    auto const& one = value.as_object();
    out += "  record " + std::to_string(number(one, "seq")) + ": " + text(one, "why") + "\n";
  }
  if (remaining > kNamedMax) out += "  and others; --json names up to a thousand\n";
  return out;
}

Result<Output> repair(RepairArguments const& a, Context& context) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  if (!a.status) {
    auto const started = client->post(kTarget, "{}");
    // Whoever comes second watches the one that is under way.
    if (!started && started.error().code != Code::kConflict) return fail(started.error());
  }
  AMIC_TRY(auto state, look(*client));
  for (std::string shown; !is_over(state) && !a.status;) {
    if (!context.json) show_progress(context, state, shown);
    std::this_thread::sleep_for(kLookEvery);
    AMIC_TRY(state, look(*client));
  }
  Output out;
  out.json = json::serialize(state);
  auto const phase = text(state, "phase");
  if (phase == "idle") {
    out.text = "No repair since the node was started. " +
               count(number(state, "damaged"), "record") + " known to be damaged.\n";
  } else if (!is_over(state)) {
    out.text = phase + "\n";
  } else {
    out.text = summary(state);
    if (phase == "failed") out.text += "The repair was ended: " + text(state, "error") + "\n";
  }
  bool const whole = number(state, "remaining") == 0 && state.at("problems").as_array().empty();
  if (is_over(state) && (phase == "failed" || !whole)) context.exit_code = kExitRefused;
  return out;
}

constexpr char const* kFooter =
    "For a disk that has damaged the log in the middle. The running node reads every record, and\n"
    "asks its peers for those that are damaged or missing; nothing is put back that is not, byte\n"
    "for byte, what the log says it was. What nobody else has (private imports, for one) can't\n"
    "come back from peers: it is named, and the exit code is 1. Replace the disk first.";

}  // namespace

void add_repair_commands(CLI::App& app, Context& context) {
  auto* group = app.get_subcommand("node");
  auto const a = std::make_shared<RepairArguments>();
  auto* command =
      group->add_subcommand("repair", "Find damaged records of the log; get them from peers");
  add_api_options(*command, a->api);
  command->add_flag("--status", a->status, "Show the last one, or the one under way");
  command->footer(kFooter);
  on_run(*command, context, [a, &context] { return repair(*a, context); });
}

}  // namespace amic::node
