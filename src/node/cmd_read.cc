// amic object, amic item, amic link, amic token
#include <CLI/CLI.hpp>
#include <memory>

#include "codec/codec.h"
#include "net/target.h"
#include "node/commands.h"
#include "node/files.h"
#include "node/local_api.h"

namespace amic::node {

namespace {
// The answer as people read JSON: indented by two.
void indent(json::value const& value, int depth, std::string& out) {
  auto const line = [&](int d) { out += "\n" + std::string(static_cast<std::size_t>(d) * 2, ' '); };
  if (auto const* object = value.if_object(); object != nullptr && !object->empty()) {
    out += '{';
    bool first = true;
    for (auto const& field : *object) {
      if (!std::exchange(first, false)) out += ',';
      line(depth + 1);
      out += json::serialize(json::value(field.key())) + ": ";
      indent(field.value(), depth + 1, out);
    }
    line(depth);
    out += '}';
  } else if (auto const* array = value.if_array(); array != nullptr && !array->empty()) {
    out += '[';
    bool first = true;
    for (auto const& entry : *array) {
      if (!std::exchange(first, false)) out += ',';
      line(depth + 1);
      indent(entry, depth + 1, out);
    }
    line(depth);
    out += ']';
  } else {
    out += json::serialize(value);
  }
}

std::string pretty(std::string const& text) {
  auto const value = json::parse(text);
  if (!value) return text;
  std::string out;
  indent(*value, 0, out);
  return out + "\n";
}

Result<Output> show(ApiArguments const& api, std::string const& target) {
  AMIC_TRY(auto const client, ApiClient::connect(api));
  AMIC_TRY(auto answer, client->get(target));
  return Output{pretty(answer), answer};
}

std::string field(json::object const& object, char const* name) {
  auto const* value = object.if_contains(name);
  if (value == nullptr || value->is_null()) return "-";
  if (value->is_string()) return value->get_string().c_str();
  return json::serialize(*value);
}

// Rows with columns padded to their widest cell.
std::string table(std::vector<std::vector<std::string>> const& rows) {
  std::vector<std::size_t> widths;
  for (auto const& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (i >= widths.size()) widths.push_back(0);
      widths[i] = std::max(widths[i], row[i].size());
    }
  std::string out;
  for (auto const& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i)
      out +=
          i + 1 == row.size() ? row[i] : row[i] + std::string(widths[i] - row[i].size() + 2, ' ');
    out += '\n';
  }
  return out;
}

// Every page of a listing as one object with one array.
Result<json::array> all_pages(ApiClient& client, std::string const& path, std::string query,
                              char const* member, std::size_t most) {
  json::array out;
  std::string cursor;
  while (out.size() < most) {
    auto target = path + "?limit=1000" + query;
    if (!cursor.empty()) target += "&cursor=" + cursor;
    AMIC_TRY(auto const text, client.get(target));
    AMIC_TRY(auto page, json::parse(text));
    auto& object = page.as_object();
    for (auto& entry : object.at(member).as_array()) {
      if (out.size() == most) break;
      out.push_back(std::move(entry));
    }
    auto const* next = object.if_contains("next");
    if (next == nullptr) break;
    cursor = next->get_string().c_str();
  }
  return out;
}

struct ListArguments {
  ApiArguments api;
  std::string id, type, creator, added_after, out;
  bool versions = false;
  std::size_t limit = 100;
};

Result<Output> list_objects(ListArguments const& a) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  std::string query;
  for (auto const& [name, value] : {std::pair{"type", a.type}, std::pair{"creator", a.creator},
                                    std::pair{"added_after", a.added_after}})
    if (!value.empty()) query += std::string("&") + name + "=" + net::percent_encode(value);
  AMIC_TRY(auto objects, all_pages(*client, "/api/v1/objects", query, "objects", a.limit));
  std::vector<std::vector<std::string>> rows;
  for (auto const& one : objects) {
    auto const& object = one.get_object();
    rows.push_back({field(object, "id"), field(object, "modified"), field(object, "name")});
  }
  return Output{table(rows), json::serialize(json::object{{"objects", std::move(objects)}})};
}

Result<Output> list_items(ListArguments const& a) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  AMIC_TRY(auto items, all_pages(*client, "/api/v1/items", "", "items", a.limit));
  std::vector<std::vector<std::string>> rows;
  for (auto const& one : items) {
    auto const& item = one.get_object();
    auto const* marking = item.if_contains("marking");
    rows.push_back({field(item, "received"), field(item, "originator"), field(item, "precedence"),
                    marking && marking->is_object() ? field(marking->get_object(), "banner") : "-",
                    field(item, "id"), field(item, "title")});
  }
  return Output{table(rows), json::serialize(json::object{{"items", std::move(items)}})};
}

Result<Output> save_envelope(ListArguments const& a) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  AMIC_TRY(auto const bytes,
           client->get("/api/v1/items/" + net::percent_encode(a.id) + "/envelope"));
  AMIC_TRY_VOID(write_new_file(a.out, bytes));
  return Output{"Wrote " + a.out + ".\n",
                json::serialize(json::object{{"out", a.out}, {"bytes", bytes.size()}})};
}

// What goes through relays, and evidence: one line each.
std::string relay_lines(json::object const& link) {
  auto const peer = field(link, "peer");
  std::string out;
  if (link.contains("via"))
    out += field(link, "via") + " holds " + field(link, "at_relay") + " envelopes for " + peer +
           " that " + peer + " has not signed for\n";
  if (auto const* carried = link.if_contains("carried"); carried && carried->is_array())
    for (auto const& entry : carried->get_array()) {
      auto const& one = entry.get_object();
      out += "carried here for " + peer + " from " + field(one, "from") + ": " +
             field(one, "batches") + " batches, " + field(one, "bytes") + " bytes, since " +
             field(one, "oldest") + "\n";
    }
  if (link.contains("equivocations"))
    out += peer + " signed two different sequences: see amic evidence list\n";
  return out;
}

// Who was restored from a backup, and lanes that stand still.
std::string rollback_lines(json::object const& link) {
  auto const peer = field(link, "peer");
  std::string out;
  if (auto const* rollbacks = link.if_contains("rollbacks"); rollbacks && rollbacks->is_array())
    for (auto const& entry : rollbacks->get_array()) {
      auto const& one = entry.get_object();
      bool const self = field(one, "who") == "self";
      out += (self ? "this node" : peer) + " was restored from a backup, noticed " +
             field(one, "at") + ": numbers " + field(one, "from_n") + " to " +
             field(one, "upto_n") + " of " + field(one, "precedence") +
             (self ? " came back from " + peer : " go there again") + "\n";
    }
  for (auto const& entry : link.at("lanes").as_array()) {
    auto const& lane = entry.get_object();
    if (lane.contains("problem"))
      out += field(lane, "precedence") + " to " + peer +
             " stands still: " + field(lane, "problem") + "\n";
  }
  return out;
}

// Since when something is missing, if anything is.
std::string current_to(json::object const& link) {
  auto const missing = field(link, "not_here_yet");
  return field(link, "current_to") +
         (missing == "0" || missing.empty() ? "" : " (" + missing + " on the way)");
}

Result<Output> list_links(ApiArguments const& api) {
  AMIC_TRY(auto const client, ApiClient::connect(api));
  AMIC_TRY(auto const text, client->get("/api/v1/links"));
  AMIC_TRY(auto const value, json::parse(text));
  std::string refusals;
  std::vector<std::vector<std::string>> rows{{"PEER", "STATE", "WAITING", "BYTES", "OLDEST", "SENT",
                                              "RECEIVED", "CURRENT TO", "REFUSED", "NEXT TRY",
                                              "REASON"}};
  for (auto const& one : value.as_object().at("links").as_array()) {
    auto const& link = one.get_object();
    auto const state = field(link, "state") +
                       (link.contains("via") ? ", via " + field(link, "via") : std::string());
    refusals += relay_lines(link) + rollback_lines(link);
    rows.push_back({field(link, "peer"), state, field(link, "waiting"),
                    field(link, "waiting_bytes"), field(link, "oldest_waiting"),
                    field(link, "sent"), field(link, "received"), current_to(link),
                    field(link, "quarantined"), field(link, "next_try"),
                    field(link, "last_error")});
    for (auto const& entry : link.at("refusals").as_array()) {
      auto const& refusal = entry.get_object();
      refusals += field(link, "peer") + " refused item " + field(refusal, "item") + " at " +
                  field(refusal, "at") + ": " + field(refusal, "code") + "\n";
    }
  }
  return Output{table(rows) + refusals, text};
}

struct TokenArguments {
  ApiArguments api;
  std::string name, scopes = "read", clearance, expires, id;
  std::int64_t valid_s = 300;
};

Result<Output> create_token(TokenArguments const& a) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  json::object request;
  request["name"] = a.name;
  request["scopes"] = a.scopes;
  request["clearance"] = a.clearance;
  if (!a.expires.empty()) request["expires"] = a.expires;
  AMIC_TRY(auto const text, client->post("/api/v1/tokens", json::serialize(request)));
  AMIC_TRY(auto const value, json::parse(text));
  auto const& token = value.as_object();
  return Output{field(token, "secret") + "\n", text};
}

Result<Output> list_tokens(TokenArguments const& a) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  AMIC_TRY(auto const text, client->get("/api/v1/tokens"));
  AMIC_TRY(auto const value, json::parse(text));
  std::vector<std::vector<std::string>> rows{{"ID", "NAME", "SCOPES", "CLEARANCE", "EXPIRES"}};
  for (auto const& one : value.as_object().at("tokens").as_array()) {
    auto const& token = one.get_object();
    rows.push_back({field(token, "id"), field(token, "name"), field(token, "scopes"),
                    field(token, "clearance"), field(token, "expires")});
  }
  return Output{table(rows), text};
}

Result<Output> login_link(TokenArguments const& a) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  AMIC_TRY(auto const url, client->login_link(a.valid_s));
  return Output{url + "\n", json::serialize(json::object{{"url", url}, {"valid_s", a.valid_s}})};
}

Result<Output> revoke_token(TokenArguments const& a) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  AMIC_TRY_VOID(client->remove("/api/v1/tokens/" + net::percent_encode(a.id)));
  return Output{"Revoked " + a.id + ".\n", json::serialize(json::object{{"revoked", a.id}})};
}
}  // namespace

void add_object_commands(CLI::App& app, Context& context) {
  auto* group = app.add_subcommand("object", "STIX objects that this node holds");
  group->require_subcommand(1);
  auto const a = std::make_shared<ListArguments>();
  auto& get = add_api_command(*group, "get", "One object, latest version or all", a->api);
  get.add_option("id", a->id, "e.g. indicator--...")->required();
  get.add_flag("--versions", a->versions, "Every version, oldest first");
  get.add_option("--originator", a->creator, "By this member; else by the first that has one");
  on_run(get, context, [a] {
    return show(a->api,
                "/api/v1/objects/" + net::percent_encode(a->id) + (a->versions ? "/versions" : "") +
                    (a->creator.empty() ? "" : "?originator=" + net::percent_encode(a->creator)));
  });
  auto const d = std::make_shared<ListArguments>();
  auto& digest = add_api_command(
      *group, "digest", "One hash over what this node and other members may all see", d->api);
  digest.add_option("--of", d->id, "The other members, e.g. BN,SG");
  on_run(digest, context,
         [d] { return show(d->api, "/api/v1/digest?of=" + net::percent_encode(d->id)); });
  auto& list = add_api_command(*group, "list", "Objects in the order they were added", a->api);
  list.add_option("--type", a->type, "STIX types, comma-separated");
  list.add_option("--creator", a->creator, "Member that brought it");
  list.add_option("--added-after", a->added_after, "RFC 3339");
  list.add_option("--limit", a->limit, "At most so many (default 100)");
  on_run(list, context, [a] { return list_objects(*a); });

  auto* items = app.add_subcommand("item", "Items sent and received");
  items->require_subcommand(1);
  auto const i = std::make_shared<ListArguments>();
  auto& item_list = add_api_command(*items, "list", "Newest first", i->api);
  item_list.add_option("--limit", i->limit, "At most so many (default 100)");
  on_run(item_list, context, [i] { return list_items(*i); });
  auto& item_get =
      add_api_command(*items, "get", "One item with all that was refused in it", i->api);
  item_get.add_option("id", i->id, "The item's id")->required();
  on_run(item_get, context,
         [i] { return show(i->api, "/api/v1/items/" + net::percent_encode(i->id)); });
  auto& envelope = add_api_command(*items, "envelope",
                                   "Write the sealed envelope to a file, as evidence", i->api);
  envelope.add_option("id", i->id, "The item's id")->required();
  envelope.add_option("--out", i->out, "File to write")->required();
  on_run(envelope, context, [i] { return save_envelope(*i); });
}

void add_link_commands(CLI::App& app, Context& context) {
  auto* group = app.add_subcommand("link", "Links to the other members");
  group->require_subcommand(1);
  auto const a = std::make_shared<ApiArguments>();
  auto& list =
      add_api_command(*group, "list", "Each peer: what waits, since when, why, next try", *a);
  on_run(list, context, [a] { return list_links(*a); });
}

void add_token_commands(CLI::App& app, Context& context) {
  auto* group = app.add_subcommand("token", "Access of programs to this node's API");
  group->require_subcommand(1);
  auto const a = std::make_shared<TokenArguments>();
  auto& create =
      add_api_command(*group, "create", "Make a token; its secret is printed once", a->api);
  create.add_option("--name", a->name, "For people and logs")->required();
  create.add_option("--scopes", a->scopes, "read,share,admin,audit (default read)");
  create.add_option("--clearance", a->clearance, "Highest classification it may read")->required();
  create.add_option("--expires", a->expires, "RFC 3339");
  on_run(create, context, [a] { return create_token(*a); });
  auto& list = add_api_command(*group, "list", "Tokens, never secrets", a->api);
  on_run(list, context, [a] { return list_tokens(*a); });
  auto& link =
      add_api_command(*group, "link", "Print an address that logs in to the web face once", a->api);
  link.add_option("--valid", a->valid_s, "Seconds until it expires, to 86400 (default 300)");
  on_run(link, context, [a] { return login_link(*a); });
  auto& revoke = add_api_command(*group, "revoke", "End a token at once", a->api);
  revoke.add_option("id", a->id, "From token list")->required();
  on_run(revoke, context, [a] { return revoke_token(*a); });
}

}  // namespace amic::node
