// Public incident data sets as STIX 2.1. Pure and deterministic: the same text and options give the
// same objects, identifiers and times, so importing twice changes nothing (no clock, no random).
// docs/importers.md gives the rules, docs/formats/incident-extension.md the objects.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "importers/csv.h"

namespace amic::importers {

struct Options {
  // No vessel objects, no vessel names in any text, whole narratives withheld where a name could
  // hide (docs/importers.md, "Vessel names"). The objects get identifiers of their own, so a
  // redacted and a full import of one row never conflict.
  bool redact_vessels = false;
  // `modified` of every incident: set it to the publication time of a later edition whose rows
  // correct earlier ones. Default: the row's own time.
  std::optional<std::int64_t> edition_us;
  CsvLimits csv;
};

// One accepted row and its objects: an incident, its location, a vessel if named, relationships.
struct Incident {
  std::size_t line = 0;              // where the row starts in the file
  std::string id;                    // of the incident object
  std::string coast;                 // suggestion: ISO 3166-1 alpha-2 of a near coast, "" = none
  std::vector<std::string> objects;  // canonical JSON, the incident first
};

enum class RowFate : std::uint8_t { kQuarantined, kRejected };
// A row that a person must look at (quarantined: its content), or that is no row (rejected: its
// form).
struct RefusedRow {
  std::size_t line = 0;
  RowFate fate = RowFate::kRejected;
  Code code = Code::kMalformed;
  std::string reason;
  std::string text;  // the exact source, at most 64 KiB of it
};

// accepted + quarantined + rejected = rows.
struct ImportResult {
  std::string source;  // "asam", "imb"
  std::uint32_t rows = 0;
  std::uint32_t accepted = 0;    // incidents.size() + duplicates
  std::uint32_t duplicates = 0;  // accepted rows equal to an earlier one in every column
  std::uint32_t quarantined = 0;
  std::uint32_t rejected = 0;
  std::vector<Incident> incidents;
  std::vector<RefusedRow> refused;
  std::vector<std::string> shared;             // source identity, extension definitions
  std::map<std::string, std::uint32_t> notes;  // what was repaired or left out -> rows
};

// NGA Anti-Shipping Activity Messages: columns reference, date, position, navArea, subreg,
// hostility, victim, description, in any order; further columns are kept. kMissingField if one is
// not there, kMalformed if there is no header line.
Result<ImportResult> import_asam(std::string_view csv, Options const& options = {});
// The data set of doi 10.5334/johd.39: columns date, time, longitude, latitude, attack_type,
// location_description, nearest_country, ... The column eez_country is dropped: contested.
Result<ImportResult> import_imb(std::string_view csv, Options const& options = {});

// Bundles of at most `objects_per_bundle` objects (at least one incident each), as JSON text. Each
// bundle stands alone: it starts with the shared objects, and never splits an incident from its
// parts. `coasts`: only incidents near one of these (empty = all).
std::vector<std::string> to_bundles(ImportResult const& result, std::size_t objects_per_bundle,
                                    std::set<std::string> const& coasts = {});

// "8619 rows: 8619 accepted (2 duplicates), 0 quarantined, 0 rejected", then a line a reason and a
// note.
std::string summary(ImportResult const& result);

}  // namespace amic::importers
