// STIX objects of one incident, in canonical JSON. Internal to the importers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "importers/incidents.h"
#include "importers/position.h"
#include "json/json.h"

namespace amic::importers {

// docs/formats/incident-extension.md. Constant: pinned by test.
std::string const& incident_extension_id();
std::string const& vessel_extension_id();
// `created` of shared objects, and of incidents whose source gives no date: 2026-01-01T00:00:00Z.
inline constexpr std::int64_t kSharedUs = 1'767'225'600'000'000;

struct Source {
  std::string_view key;          // "asam"
  std::string_view name;         // of the identity
  std::string_view description;  // credit and licence
  std::string_view url;          // external_references; "" = none
};
std::string source_identity_id(Source const& source);
std::vector<std::string> shared_objects(Source const& source, bool with_vessels);

enum class TimePrecision : std::uint8_t { kUnknown, kDate, kMinute };
enum class TimeZone : std::uint8_t { kUnknown, kUtc, kLocal };
struct EventTime {
  TimePrecision precision = TimePrecision::kUnknown;
  TimeZone zone = TimeZone::kUnknown;  // of `time`
  std::string date;                    // "2022-04-28"
  std::string time;                    // "16:40", kMinute only
  std::int64_t us = kSharedUs;         // UTC where known, else midnight of the date as if UTC
};
// Dates are YYYY-MM-DD of a real day in 1900..2100; "" and "NA" are unknown; all else kMalformed,
// kOutOfRange: no guessing between day and month. Times are "HH:MM" (local) or "HH:MM UTC"; other
// spellings leave the precision at the date.
Result<EventTime> event_time(std::string_view date, std::string_view time);

using Columns = std::vector<std::pair<std::string, std::string>>;  // name, text

// All that a row says, before it becomes objects.
struct Facts {
  std::string key;          // identifies the row within its source
  std::string external_id;  // the source's own reference, "" = none
  std::string name;
  std::string description;
  EventTime when;
  std::string position_raw;
  std::optional<Position> position;
  std::string country;     // alpha-2, used for the location only if there is no position
  json::object extension;  // further properties, as documented
  std::vector<std::string> vessels;
  Columns row;  // verbatim
};
// False if neither position nor country is known: no location can be made.
bool has_place(Facts const& facts);
Incident make_incident(Source const& source, Facts const& facts, Options const& options);

}  // namespace amic::importers
