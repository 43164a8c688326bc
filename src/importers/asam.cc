// NGA Anti-Shipping Activity Messages.
#include <algorithm>

#include "importers/incidents.h"
#include "importers/rows.h"
#include "importers/tables.h"
#include "importers/text_repair.h"
#include "importers/vessel_names.h"

namespace amic::importers {
namespace {

constexpr Source kSource{
    "asam", "NGA Anti-Shipping Activity Messages",
    "US National Geospatial-Intelligence Agency, Maritime Safety Information. US Government work, "
    "public domain in the United States.",
    "https://msi.nga.mil/"};

// What stands before the first colon or full stop: "INDONESIA. JAWA: ..." -> "INDONESIA".
std::string_view heading_of(std::string_view description) {
  std::string_view const start = description.substr(0, 100);
  std::size_t const end = start.find(':');
  if (end != std::string_view::npos) return start.substr(0, end);
  // Without a colon only capitals are a heading ("INDONESIA On 27 April ...").
  std::size_t const small = static_cast<std::size_t>(
      std::find_if(start.begin(), start.end(), [](char c) { return c >= 'a' && c <= 'z'; }) -
      start.begin());
  return start.substr(0, std::min({small, start.find(". "), start.size()}));
}

// Texts of the row that people read, redacted if asked, and the row without what they repeat.
void put_texts(Row const& row, Options const& options, Facts& facts, Notes& notes) {
  std::string description(row.get("description"));
  std::string victim(row.get("victim"));
  std::string hostility(row.get("hostility"));
  if (options.redact_vessels) {
    description = redact_narrative(description, facts.vessels, notes);
    victim = redact_victim(victim);
    if (hostility.size() > 24) hostility = redact_victim(hostility);
  }
  set_description(facts, description, notes);
  if (description.find("\xEF\xBF\xBD") != std::string::npos)
    ++notes["text holds U+FFFD: damaged before it reached this importer"];
  for (auto const& [name, text] : row.columns) {
    if (name == "description") {
      // The row repeats the narrative only where `description` is not it.
      if (facts.description != description) facts.row.emplace_back(name, description);
    } else if (name == "victim") {
      facts.row.emplace_back(name, victim);
    } else if (name == "hostility") {
      facts.row.emplace_back(name, hostility);
    } else {
      facts.row.emplace_back(name, text);
    }
  }
  put_vessel(facts.extension, victim, victim, victim);
}

std::string title_of(Row const& row) {
  std::string title = "ASAM " + std::string(row.get("reference"));
  std::string_view const act = act_of(row.get("hostility"));
  std::string_view const actor = actor_of(row.get("hostility"));
  std::string_view const type = vessel_type_of(row.get("victim"));
  if (!act.empty() || !actor.empty()) title.append(": ").append(act.empty() ? actor : act);
  if (!type.empty()) title.append(", ").append(type);
  return title;
}

Result<Facts> convert(Row const& row, Options const& options, Notes& notes) {
  Facts facts;
  std::string const reference = collapsed(row.get("reference"));
  if (reference.empty()) return fail(Code::kMissingField, "reference", "the row has none");
  if (reference.size() > 64) return fail(Code::kTooLarge, "reference", "longer than 64 bytes");
  facts.key = reference;
  facts.external_id = reference;
  AMIC_TRY(facts.when, event_time(row.get("date"), ""));
  if (facts.when.precision == TimePrecision::kUnknown) ++notes["no date: time unknown"];
  if (facts.when.precision != TimePrecision::kUnknown &&
      facts.when.date.substr(0, 4) != reference.substr(0, 4))
    ++notes["the reference's year is not the date's"];

  facts.position_raw = row.get("position");
  auto const position = parse_position(facts.position_raw);
  if (position) {
    facts.position = *position;
    if (position->carried) ++notes["position has 60 minutes: carried into the next degree"];
  }
  facts.country = country_named(heading_of(row.get("description")));
  if (facts.country.empty() && position) facts.country = coast_by_position(*position);
  if (!has_place(facts))
    return fail(position.error().code, "position",
                "unreadable (" + position.error().detail + ") and no country is named");
  if (!position) ++notes["position unreadable: the location is the country named"];

  facts.vessels = names_in_victim(row.get("victim"), row.get("description"));
  put(facts.extension, "act", act_of(row.get("hostility")));
  put(facts.extension, "actor", actor_of(row.get("hostility")));
  put(facts.extension, "nav_area", collapsed(row.get("navArea")));
  put(facts.extension, "subregion", collapsed(row.get("subreg")));
  facts.name = title_of(row);
  put_texts(row, options, facts, notes);
  return facts;
}

}  // namespace

Result<ImportResult> import_asam(std::string_view csv, Options const& options) {
  Dataset const dataset{
      kSource,
      {"reference", "date", "position", "navArea", "subreg", "hostility", "victim", "description"},
      {},
      convert};
  return import_rows(csv, dataset, options);
}

}  // namespace amic::importers
