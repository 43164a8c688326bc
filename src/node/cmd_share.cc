// amic share, amic import
#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>

#include "codec/codec.h"
#include "holdings/holdings.h"
#include "importers/incidents.h"
#include "net/target.h"
#include "node/commands.h"
#include "node/files.h"
#include "node/local_api.h"
#include "node/share_request.h"

namespace amic::node {

namespace {
constexpr std::size_t kInputBytesMax = 64 << 20;

struct ShareArguments {
  ApiArguments api;
  std::string file, rel_to, group, classification, tlp = "TLP:AMBER", handling, purpose, expires;
  std::string precedence = "ROUTINE", media_type, idempotency_key;
  bool dry_run = false;
};

Result<std::string> read_input(std::string const& file) {
  if (file != "-") return read_file(file, kInputBytesMax);
  std::string out;
  char buffer[65536];
  while (std::cin.read(buffer, sizeof buffer) || std::cin.gcount() > 0) {
    out.append(buffer, static_cast<std::size_t>(std::cin.gcount()));
    if (out.size() > kInputBytesMax) return fail(Code::kTooLarge, "standard input");
  }
  return out;
}

json::array split(std::string_view text) {
  json::array out;
  while (!text.empty()) {
    auto const comma = text.find(',');
    auto const part = text.substr(0, comma);
    out.emplace_back(part);
    text = comma == std::string_view::npos ? "" : text.substr(comma + 1);
  }
  return out;
}

json::object marking_of(ShareArguments const& a) {
  json::object marking;
  marking["classification"] = a.classification;
  if (!a.rel_to.empty()) marking["rel_to"] = split(a.rel_to);
  marking["tlp"] = a.tlp;
  if (!a.handling.empty()) marking["handling"] = split(a.handling);
  if (!a.purpose.empty()) marking["purpose"] = a.purpose;
  if (!a.expires.empty()) marking["expires"] = a.expires;
  return marking;
}

std::string list_text(json::value const& value) {
  std::string out;
  if (!value.is_array()) return out;
  for (auto const& entry : value.get_array()) {
    if (!out.empty()) out += ", ";
    out += entry.get_string().c_str();
  }
  return out;
}

std::string share_text(json::object const& answer, bool dry_run) {
  std::string out = dry_run ? "Nothing was sent. It would reach: " : "Shared with: ";
  auto const recipients = list_text(answer.at("recipients"));
  out += (recipients.empty() ? "nobody" : recipients) + "\n";
  if (auto const* refusals = answer.if_contains("refusals"))
    for (auto const& refusal : refusals->get_array()) {
      auto const& one = refusal.get_object();
      auto const* member = one.if_contains("member");
      out += "  not " + std::string(member ? member->get_string().c_str() : "anybody") + ": " +
             one.at("reason").get_string().c_str() + "\n";
    }
  if (auto const* id = answer.if_contains("id"))
    out += "Item " + std::string(id->get_string().c_str()) + "\n";
  if (auto const* report = answer.if_contains("report")) {
    auto const& counts = report->get_object();
    out += "Objects: " + json::serialize(counts.at("accepted")) + " accepted, " +
           json::serialize(counts.at("quarantined")) + " quarantined, " +
           json::serialize(counts.at("rejected")) + " rejected\n";
  }
  return out;
}

Result<Output> share(ShareArguments const& a) {
  AMIC_TRY(auto const client, ApiClient::connect(a.api));
  AMIC_TRY(auto const body, read_input(a.file));
  auto const media_type = a.media_type.empty() ? std::string(kStixMediaType) : a.media_type;
  if (a.rel_to.empty() == a.group.empty())
    return fail(Code::kUsage, "--rel-to", "give either --rel-to or --group");
  auto request = share_request_text(marking_of(a), a.precedence, false, media_type, body, a.group);
  AMIC_TRY(auto answer, client->post(a.dry_run ? "/api/v1/items?dry_run=true" : "/api/v1/items",
                                     std::move(request), a.idempotency_key));
  AMIC_TRY(auto const value, json::parse(answer));
  return Output{share_text(value.as_object(), a.dry_run), answer};
}

struct ImportArguments {
  ApiArguments api;
  std::string file, format = "auto", classification = "UNCLASSIFIED", out;
  bool redact_vessels = false, dry_run = false;
  std::size_t per_bundle = 500;
};

// Bundles of the file, and a summary with every row or object that was refused.
struct Imported {
  std::vector<std::string> bundles;
  json::object summary;
  std::string text;
};

std::string guess_format(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (text.starts_with("reference,")) return "asam";
  if (text.starts_with("date,time,")) return "imb";
  return "stix";
}

json::object summary_json(importers::ImportResult const& result) {
  json::object out;
  out["rows"] = result.rows;
  out["accepted"] = result.accepted;
  out["duplicates"] = result.duplicates;
  out["quarantined"] = result.quarantined;
  out["rejected"] = result.rejected;
  json::array refused;
  for (auto const& row : result.refused)
    refused.push_back(
        {{"line", row.line},
         {"verdict", row.fate == importers::RowFate::kRejected ? "rejected" : "quarantined"},
         {"code", code_name(row.code)},
         {"reason", row.reason}});
  out["refused"] = std::move(refused);
  json::object notes;
  for (auto const& [note, rows] : result.notes) notes[note] = rows;
  out["notes"] = std::move(notes);
  return out;
}

Result<Imported> read_incidents(ImportArguments const& a, std::string const& format,
                                std::string const& text) {
  importers::Options options;
  options.redact_vessels = a.redact_vessels;
  AMIC_TRY(auto const result, format == "asam" ? importers::import_asam(text, options)
                                               : importers::import_imb(text, options));
  Imported out;
  out.bundles = importers::to_bundles(result, a.per_bundle);
  out.summary = summary_json(result);
  out.text = importers::summary(result);
  return out;
}

Result<Imported> read_stix(std::string const& text) {
  AMIC_TRY(auto const parsed, holdings::parse_bundle(text));
  Imported out;
  out.bundles.push_back(text);
  out.summary["accepted"] = parsed.report.accepted;
  out.summary["quarantined"] = parsed.report.quarantined;
  out.summary["rejected"] = parsed.report.rejected;
  json::array refused;
  for (auto const& one : parsed.report.refused)
    refused.push_back(
        {{"pointer", one.pointer}, {"code", code_name(one.code)}, {"reason", one.reason}});
  out.summary["refused"] = std::move(refused);
  out.text = std::to_string(parsed.report.accepted) + " accepted, " +
             std::to_string(parsed.report.quarantined) + " quarantined, " +
             std::to_string(parsed.report.rejected) + " rejected\n";
  for (auto const& one : parsed.report.refused)
    out.text += "  " + one.pointer + ": " + one.reason + "\n";
  return out;
}

Result<Output> import_file(ImportArguments const& a, Context& context) {
  AMIC_TRY(auto const text, read_input(a.file));
  auto const format = a.format == "auto" ? guess_format(text) : a.format;
  AMIC_TRY(auto imported, format == "stix" ? read_stix(text) : read_incidents(a, format, text));
  imported.summary["format"] = format;
  imported.summary["bundles"] = imported.bundles.size();
  if (!a.out.empty()) {
    std::size_t number = 0;
    for (auto const& bundle : imported.bundles) {
      char name[32];
      std::snprintf(name, sizeof name, "bundle-%04zu.json", ++number);
      AMIC_TRY_VOID(write_new_file(std::filesystem::path(a.out) / name, bundle));
    }
  } else if (!a.dry_run) {
    AMIC_TRY(auto const client, ApiClient::connect(a.api));
    json::object marking;
    marking["classification"] = a.classification;
    std::size_t done = 0;
    for (auto const& bundle : imported.bundles) {
      AMIC_TRY_VOID(client->post(
          "/api/v1/items", share_request_text(marking, "ROUTINE", true, kStixMediaType, bundle)));
      ++done;
      if (!context.json && imported.bundles.size() > 1)
        context.err << "\r" << done << "/" << imported.bundles.size() << " bundles" << std::flush;
    }
    if (!context.json && imported.bundles.size() > 1) context.err << "\n";
  }
  auto const note = a.dry_run ? "Nothing was stored.\n" : "";
  return Output{imported.text + note, json::serialize(imported.summary)};
}
}  // namespace

void add_share_commands(CLI::App& app, Context& context) {
  auto const a = std::make_shared<ShareArguments>();
  auto* command =
      app.add_subcommand("share", "Release a STIX bundle or a document to named members");
  add_api_options(*command, a->api);
  command->add_option("file", a->file, "STIX 2.1 bundle or other file; - for standard input")
      ->required();
  command->add_option("--rel-to", a->rel_to, "Members that receive it, e.g. BN,SG");
  command->add_option("--group", a->group, "Or a group: its members receive it");
  command
      ->add_option("--classification", a->classification,
                   "UNCLASSIFIED, RESTRICTED, CONFIDENTIAL, SECRET or TOP SECRET")
      ->required();
  command->add_option("--precedence", a->precedence, "FLASH, IMMEDIATE, PRIORITY or ROUTINE");
  command->add_option("--tlp", a->tlp, "TLP 2.0 label (default TLP:AMBER)");
  command->add_option("--handling", a->handling, "ORCON, H0, H1, H2, H3; comma-separated");
  command->add_option("--purpose", a->purpose, "What it may be used for");
  command->add_option("--expires", a->expires, "RFC 3339; from then on it reaches nobody");
  command->add_option("--media-type", a->media_type, "If not a STIX bundle, e.g. text/plain");
  command->add_option("--idempotency-key", a->idempotency_key, "The same key is shared only once");
  command->add_flag("--dry-run", a->dry_run, "Print exactly who would receive it; send nothing");
  command->footer(
      "Example:\n  amic share --dir my --rel-to BN,SG --classification RESTRICTED "
      "--dry-run bundle.json");
  on_run(*command, context, [a] { return share(*a); });

  auto const i = std::make_shared<ImportArguments>();
  auto* import = app.add_subcommand(
      "import", "Take data into this node's own holdings; nobody else receives it");
  add_api_options(*import, i->api);
  import
      ->add_option("file", i->file, "STIX 2.1 JSON, ASAM or IMB incident CSV; - for standard input")
      ->required();
  import->add_option("--format", i->format, "auto (default), stix, asam or imb")
      ->check(CLI::IsMember({"auto", "stix", "asam", "imb"}));
  import->add_option("--classification", i->classification, "Default UNCLASSIFIED");
  import->add_option("--per-bundle", i->per_bundle, "Objects in one bundle (default 500)");
  import->add_option("--out", i->out, "Write the bundles to this directory instead");
  import->add_flag("--redact-vessels", i->redact_vessels, "Leave out vessels and their names");
  import->add_flag("--dry-run", i->dry_run, "Check and count only; store nothing");
  on_run(*import, context, [i, &context] { return import_file(*i, context); });
}

}  // namespace amic::node
