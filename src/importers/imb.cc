// Attacks reported to the International Maritime Bureau, as published with doi 10.5334/johd.39.
#include "importers/incidents.h"
#include "importers/rows.h"
#include "importers/tables.h"
#include "importers/text_repair.h"
#include "importers/vessel_names.h"

namespace amic::importers {
namespace {

constexpr Source kSource{
    "imb", "Crime at Sea: A Global Database of Maritime Pirate Attacks (1993-2020)",
    "Derived from reports of the International Maritime Bureau, doi 10.5334/johd.39, CC BY 4.0.",
    "https://doi.org/10.5334/johd.39"};

// "NA" is this data set's spelling of nothing.
std::string_view value_of(Row const& row, std::string_view column) {
  std::string_view const text = row.get(column);
  return text == "NA" ? "" : text;
}

void put_texts(Row const& row, Options const& options, Facts& facts, Notes& notes) {
  std::string description(value_of(row, "attack_description"));
  std::string place(value_of(row, "location_description"));
  if (options.redact_vessels) description = redact_narrative(description, facts.vessels, notes);
  set_description(facts, description.empty() ? place : description, notes);
  for (auto const& [name, text] : row.columns) {
    if (name == "attack_description" && !description.empty()) {
      if (facts.description != description) facts.row.emplace_back(name, description);
    } else if (name == "vessel_name" && options.redact_vessels && !facts.vessels.empty()) {
      facts.row.emplace_back(name, kRedacted);
    } else {
      facts.row.emplace_back(name, text);
    }
  }
}

std::string title_of(Row const& row) {
  std::string title = "IMB " + std::string(value_of(row, "date"));
  std::string_view const act = act_of(value_of(row, "attack_type"));
  std::string_view const type = vessel_type_of(value_of(row, "vessel_type"));
  if (!act.empty()) title.append(": ").append(act);
  if (!type.empty()) title.append(act.empty() ? ": " : ", ").append(type);
  std::string const place = collapsed(without_controls(value_of(row, "location_description")));
  if (!place.empty() && place.size() <= 120) title.append(", ").append(place);
  return title;
}

Result<Facts> convert(Row const& row, Options const& options, Notes& notes) {
  Facts facts;
  facts.key = fingerprint(row);
  AMIC_TRY(facts.when, event_time(value_of(row, "date"), value_of(row, "time")));
  if (facts.when.precision == TimePrecision::kUnknown) ++notes["no date: time unknown"];
  if (facts.when.zone == TimeZone::kLocal) ++notes["time given without a zone: kept as local time"];
  if (facts.when.precision == TimePrecision::kDate && !value_of(row, "time").empty())
    ++notes["time unreadable: precision is the date"];

  auto const position = parse_decimal(row.get("latitude"), row.get("longitude"));
  if (position) facts.position = *position;
  facts.position_raw = std::string(row.get("latitude")) + " " + std::string(row.get("longitude"));
  facts.country = alpha2_of(row.get("nearest_country"));
  if (facts.country.empty() && !value_of(row, "nearest_country").empty())
    ++notes["nearest country is not a code that we know"];
  if (!has_place(facts))
    return fail(position.error().code, position.error().where, position.error().detail);
  if (!position) ++notes["position unreadable: the location is the nearest country"];

  facts.vessels = names_in_list(value_of(row, "vessel_name"));
  put(facts.extension, "act", act_of(value_of(row, "attack_type")));
  put(facts.extension, "nearest_country", facts.country);
  auto const type = value_of(row, "vessel_type");
  put_vessel(facts.extension, type, type, value_of(row, "vessel_status"));
  facts.name = title_of(row);
  put_texts(row, options, facts, notes);
  return facts;
}

}  // namespace

Result<ImportResult> import_imb(std::string_view csv, Options const& options) {
  Dataset const dataset{
      kSource,
      {"date", "time", "longitude", "latitude", "attack_type", "location_description",
       "nearest_country", "attack_description", "vessel_name", "vessel_type", "vessel_status"},
      {"eez_country"},
      convert};
  return import_rows(csv, dataset, options);
}

}  // namespace amic::importers
