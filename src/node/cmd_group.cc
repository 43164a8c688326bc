// amic group
#include <CLI/CLI.hpp>
#include <memory>

#include "net/target.h"
#include "node/commands.h"
#include "node/local_api.h"

namespace amic::node {

namespace {
struct GroupArguments {
  ApiArguments api;
  std::string id, name, members, add, remove, classification;
};

std::string text_of(json::object const& object, char const* field) {
  auto const* value = object.if_contains(field);
  return value != nullptr && value->is_string() ? value->get_string().c_str() : "";
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    auto const comma = text.find(',');
    out.emplace_back(text.substr(0, comma));
    text = comma == std::string_view::npos ? "" : text.substr(comma + 1);
  }
  return out;
}

std::string members_of(json::object const& group) {
  std::string out;
  for (auto const& member : group.at("members").as_array())
    out += (out.empty() ? "" : ",") + std::string(member.as_string().c_str());
  return out;
}

std::string line_of(json::object const& group) {
  std::string out = text_of(group, "id") + "  " + text_of(group, "classification") + "  " +
                    members_of(group) + "  " + text_of(group, "name");
  if (group.at("closed").as_bool()) return out + "  (closed)\n";
  if (!group.at("member").as_bool()) return out + "  (no longer a member)\n";
  return out + "  (owner " + text_of(group, "owner") + ")\n";
}

Result<Output> one(std::string const& text) {
  AMIC_TRY(auto const value, json::parse(text));
  return Output{line_of(value.as_object()), text};
}

std::string path_of(GroupArguments const& a) {
  return "/api/v1/groups/" + net::percent_encode(a.id);
}

Result<Output> create(GroupArguments const& a) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  json::object request;
  request["name"] = a.name;
  request["classification"] = a.classification;
  json::array members;
  for (auto const& member : split(a.members)) members.emplace_back(member);
  request["members"] = std::move(members);
  AMIC_TRY(auto const text, client->post("/api/v1/groups", json::serialize(request)));
  return one(text);
}

Result<Output> list(GroupArguments const& a) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  AMIC_TRY(auto const text, client->get("/api/v1/groups"));
  AMIC_TRY(auto const value, json::parse(text));
  std::string out;
  for (auto const& group : value.as_object().at("groups").as_array())
    out += line_of(group.as_object());
  return Output{out, text};
}

Result<Output> show(GroupArguments const& a) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  AMIC_TRY(auto const text, client->get(path_of(a)));
  return one(text);
}

Result<Output> change(GroupArguments const& a) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  json::object request;
  if (!a.name.empty()) request["name"] = a.name;
  if (!a.classification.empty()) request["classification"] = a.classification;
  if (!a.add.empty() || !a.remove.empty()) {
    AMIC_TRY(auto const text, client->get(path_of(a)));
    AMIC_TRY(auto const now, json::parse(text));
    std::set<std::string> members;
    for (auto const& member : now.as_object().at("members").as_array())
      members.insert(member.as_string().c_str());
    for (auto const& member : split(a.add)) members.insert(member);
    for (auto const& member : split(a.remove)) {
      if (members.erase(member) == 0)
        return fail(Code::kUnknownMember, "--remove", member + " is not in the group");
    }
    json::array array;
    for (auto const& member : members) array.emplace_back(member);
    request["members"] = std::move(array);
  }
  AMIC_TRY(auto const text, client->put(path_of(a), json::serialize(request)));
  return one(text);
}

Result<Output> close_group(GroupArguments const& a) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  AMIC_TRY(auto const text, client->put(path_of(a), R"({"closed":true})"));
  return one(text);
}

Result<Output> leave(GroupArguments const& a) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  AMIC_TRY(auto const text, client->post(path_of(a) + "/leave", ""));
  return one(text);
}
}  // namespace

void add_group_commands(CLI::App& app, Context& context) {
  auto& group = *app.add_subcommand(
      "group", "A name for some members that share among themselves; nobody else learns of it");
  group.require_subcommand(1);
  auto const a = std::make_shared<GroupArguments>();
  auto const run = [&](char const* name, char const* help, auto body) -> CLI::App& {
    auto& command = add_api_command(group, name, help, a->api);
    on_run(command, context, [a, body] { return body(*a); });
    return command;
  };
  auto const with_id = [&](CLI::App& command) {
    command.add_option("group", a->id, "Its id, or its name if only one has it")->required();
  };

  auto& create_command = run("create", "Make a group owned by this node", create);
  create_command.add_option("--name", a->name, "What its members call it")->required();
  create_command.add_option("--members", a->members, "e.g. BN,SG; this node is one anyway")
      ->required();
  create_command
      .add_option("--classification", a->classification,
                  "Of its name and membership: UNCLASSIFIED to TOP SECRET")
      ->required();
  run("list", "Groups that this node is or was in", list);
  with_id(run("show", "One group", show));
  auto& change_command =
      run("change", "Change a group of this node; all concerned are told", change);
  with_id(change_command);
  change_command.add_option("--name", a->name, "A new name");
  change_command.add_option("--add", a->add, "Members to take in, e.g. TH,VN");
  change_command.add_option("--remove", a->remove, "Members to take out");
  change_command.add_option("--classification", a->classification, "A new classification");
  with_id(run("close", "Nothing can be shared with it any more", close_group));
  with_id(run("leave", "Leave another member's group", leave));
  group.footer(
      "Example:\n  amic group create --dir my --name \"Strait desk\" --members SG,ID "
      "--classification RESTRICTED\n  amic share --dir my --group \"Strait desk\" "
      "--classification RESTRICTED report.json");
}

}  // namespace amic::node
