// amic node init
#include <CLI/CLI.hpp>
#include <memory>

#include "codec/codec.h"
#include "json/json.h"
#include "node/commands.h"

namespace amic::node {

namespace {

struct InitArguments {
  std::string dir, member, name, realm = "OPERATIONS";
  std::string link_listen = "127.0.0.1:7443", api_listen = "127.0.0.1:7080", link_address;
  std::string passphrase_from;
  bool unprotected = false;
};

// A passphrase typed for the first time is typed twice.
Result<Passphrase> new_passphrase(InitArguments const& arguments) {
  if (arguments.unprotected) return Passphrase{};
  AMIC_TRY(auto passphrase, crypto::read_passphrase(arguments.passphrase_from, "New passphrase: "));
  if (arguments.passphrase_from == "prompt") {
    AMIC_TRY(auto const again, crypto::read_passphrase("prompt", "Once more: "));
    if (!crypto::equal_constant_time(passphrase.view(), again.view()))
      return fail(Code::kUsage, "passphrase", "the two are not the same");
  }
  return Passphrase(std::move(passphrase));
}

// config.toml outlives the directory in which init was called.
std::string lasting_source(std::string const& source) {
  constexpr std::string_view kFile = "file:";
  if (!source.starts_with(kFile)) return source;
  return std::string{kFile} + std::filesystem::absolute(source.substr(kFile.size())).string();
}

Result<Output> init(InitArguments const& arguments, Context& context) {
  if (arguments.unprotected == !arguments.passphrase_from.empty())
    return fail(Code::kUsage, "keys",
                "give --passphrase-from, or --unprotected for development; not both");
  Config config;
  AMIC_TRY(config.member, MemberId::parse(arguments.member));
  config.name = arguments.name;
  AMIC_TRY(config.realm, Realm::parse(arguments.realm));
  AMIC_TRY(config.link_listen, parse_listen(arguments.link_listen, "link.listen"));
  AMIC_TRY(config.api_listen, parse_listen(arguments.api_listen, "api.listen"));
  config.link_address = arguments.link_address;
  config.passphrase_from = lasting_source(arguments.passphrase_from);
  if (arguments.unprotected) warn_unprotected(context);
  AMIC_TRY(auto const passphrase, new_passphrase(arguments));
  AMIC_TRY(auto const card,
           init_node(arguments.dir, config, passphrase, context.clock, context.random));
  std::string const root_key = (std::filesystem::path(arguments.dir) / "keys/root.key").string();
  Output out;
  out.text = "Made the node of " + card.member.str() + " (" + card.name + ") in " + arguments.dir +
             ".\nFingerprint of its card:\n  " +
             consent::spaced_hex(consent::fingerprint(card).view()) +
             "\n\nNext:\n"
             "  1. Move " +
             root_key +
             " to offline media. A running node does not need it.\n"
             "  2. Hand over the card:  amic card show --dir " +
             arguments.dir + " --out " + card.member.str() +
             "-card.txt\n"
             "  3. Read the fingerprint to the other founders in person or by telephone.\n";
  json::object object;
  object["dir"] = arguments.dir;
  object["protected"] = !arguments.unprotected;
  object["card"] = json::parse(consent::to_json(card)).value();
  out.json = json::serialize(object);
  return out;
}

constexpr char const* kInitFooter =
    "Writes config.toml, card.txt and keys/ (root, governance, node, log, cosigner, sealing, "
    "tls).\n"
    "Nothing that exists is changed: in a directory that holds a node it refuses; after an\n"
    "interrupted init it completes what is missing.\n"
    "\n"
    "Examples:\n"
    "  amic node init --dir my --member MY --name Malaysia --passphrase-from prompt\n"
    "  amic node init --dir my --member MY --name Malaysia --passphrase-from file:secret.txt \\\n"
    "      --link-listen 0.0.0.0:7443 --link-address https://node.my.example:7443\n"
    "  amic node init --dir demo --member MY --name Malaysia --unprotected";

}  // namespace

void add_node_commands(CLI::App& app, Context& context) {
  auto* group = app.add_subcommand("node", "Make and run this member's node");
  group->require_subcommand(1);
  auto* command = group->add_subcommand("init", "Make a node: keys, card, configuration");
  auto const arguments = std::make_shared<InitArguments>();
  command->add_option("--dir", arguments->dir, "Data directory; its parent exists")->required();
  command->add_option("--member", arguments->member, "Short name: A-Z, 0-9, '-'")->required();
  command->add_option("--name", arguments->name, "English name")->required();
  command->add_option("--link-listen", arguments->link_listen, "Where peers connect, ADDRESS:PORT")
      ->capture_default_str();
  command->add_option("--link-address", arguments->link_address,
                      "What peers dial, https://HOST:PORT; default: the address listened on");
  command->add_option("--api-listen", arguments->api_listen, "Where people connect, ADDRESS:PORT")
      ->capture_default_str();
  command->add_option("--realm", arguments->realm, "OPERATIONS or EXERCISE:NAME")
      ->capture_default_str();
  command->add_option("--passphrase-from", arguments->passphrase_from,
                      "file:PATH, fd:N, env:NAME or prompt; the source is kept in config.toml");
  command->add_flag("--unprotected", arguments->unprotected,
                    "Keys without a passphrase: for development only");
  command->footer(kInitFooter);
  on_run(*command, context, [arguments, &context] { return init(*arguments, context); });
}

}  // namespace amic::node
