// amic card show, verify
#include <CLI/CLI.hpp>
#include <memory>

#include "codec/codec.h"
#include "json/json.h"
#include "node/commands.h"
#include "node/files.h"

namespace amic::node {

namespace {

std::string card_lines(consent::Card const& card) {
  return card.member.str() + "  " + card.name + "\n  link         " + card.link_address +
         "\n  made         " + codec::to_rfc3339(card.created_ms) + "\n  fingerprint  " +
         consent::spaced_hex(consent::fingerprint(card).view()) + "\n";
}

Result<Output> show_card(std::string const& dir, std::string const& to) {
  AMIC_TRY(auto const data, DataDir::open(dir));
  AMIC_TRY(auto const card, data.card());
  Output out;
  std::string const armour = consent::to_text(card);
  AMIC_TRY_VOID(deliver(to, armour, out));
  if (out.text.empty()) out.text = "Wrote " + to + ".\n" + card_lines(card);
  json::object object = json::parse(consent::to_json(card)).value().as_object();
  object["text"] = armour;
  out.json = json::serialize(object);
  return out;
}

Result<Output> verify_cards(std::vector<std::string> const& files) {
  Output out;
  json::array cards;
  for (auto const& file : files) {
    AMIC_TRY(std::string const text, read_file(file));
    auto const card = consent::card_from_text(text);
    if (!card)
      return fail(card.error().code, file + ": " + card.error().where, card.error().detail);
    out.text += file + ": good\n" + card_lines(*card);
    cards.push_back(json::parse(consent::to_json(*card)).value());
  }
  json::object object;
  object["cards"] = std::move(cards);
  out.json = json::serialize(object);
  return out;
}

}  // namespace

void add_card_commands(CLI::App& app, Context& context) {
  auto* group = app.add_subcommand("card", "A member's public keys, name and link address");
  group->require_subcommand(1);

  struct ShowArguments {
    std::string dir, out;
  };
  auto* show = group->add_subcommand("show", "Print or write this node's card");
  auto const shown = std::make_shared<ShowArguments>();
  show->add_option("--dir", shown->dir, "Data directory")->required();
  show->add_option("--out", shown->out, "New file; default: print it");
  show->footer("Example:\n  amic card show --dir my --out MY-card.txt");
  on_run(*show, context, [shown] { return show_card(shown->dir, shown->out); });

  auto* verify = group->add_subcommand("verify", "Check cards and print their fingerprints");
  auto const files = std::make_shared<std::vector<std::string>>();
  verify->add_option("FILE", *files, "Card files")->required();
  verify->footer(
      "A good card proves only that whoever holds its root key made it. Whose key that is, people\n"
      "settle by reading the fingerprint to each other.\n"
      "\n"
      "Example:\n  amic card verify BN-card.txt SG-card.txt");
  on_run(*verify, context, [files] { return verify_cards(*files); });
}

}  // namespace amic::node
