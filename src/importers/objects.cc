#include "importers/objects.h"

#include <algorithm>
#include <array>

#include "codec/codec.h"
#include "importers/text_repair.h"
#include "stix/stix.h"

namespace amic::importers {
namespace {

constexpr std::string_view kIncidentSchema =
    "Incident extension, version 1 (AMIC docs/formats/incident-extension.md). Adds to an incident: "
    "source, when (precision unknown, date or minute; date; time; zone UTC or local; utc), "
    "position "
    "(raw, resolution), act, actor, vessel (raw, type, status), nav_area, subregion, "
    "nearest_country, redacted, and row: the source's columns verbatim.";
constexpr std::string_view kVesselSchema =
    "Vessel extension, version 1 (AMIC docs/formats/incident-extension.md). A cyber-observable "
    "object of type "
    "vessel with one property, name (string, required, upper case). Identifier contributing "
    "property: name. "
    "It states that a name was observed; two ships of one name share the object.";

json::object head(std::string_view type, std::string const& id, std::int64_t created_us,
                  std::int64_t modified_us) {
  json::object o;
  o["type"] = type;
  o["spec_version"] = "2.1";
  o["id"] = id;
  o["created"] = stix::format_timestamp(created_us);
  o["modified"] = stix::format_timestamp(modified_us);
  return o;
}

std::string text_of(json::object o) {
  return json::canonical(json::value(std::move(o)));
}

std::string importers_identity_id() {
  return stix::identifier_v5("identity", "amic importers");
}

json::object extension_of(std::string const& id, json::object body) {
  json::object extensions;
  extensions[id] = std::move(body);
  return extensions;
}

std::string definition(std::string const& id, std::string_view name, std::string_view schema,
                       std::string_view kind) {
  json::object o = head("extension-definition", id, kSharedUs, kSharedUs);
  o["created_by_ref"] = importers_identity_id();
  o["name"] = name;
  o["schema"] = schema;
  o["version"] = "1.0.0";
  o["extension_types"] = json::array{json::value(kind)};
  return text_of(std::move(o));
}

struct Times {
  std::int64_t created_us;
  std::int64_t modified_us;
};

std::string relationship(std::string_view kind, std::string const& from, std::string const& to,
                         Times times, std::string const& creator) {
  std::string const id = stix::identifier_v5(
      "relationship", std::string(kind).append("\n").append(from).append("\n").append(to));
  json::object o = head("relationship", id, times.created_us, times.modified_us);
  o["created_by_ref"] = creator;
  o["relationship_type"] = kind;
  o["source_ref"] = from;
  o["target_ref"] = to;
  return text_of(std::move(o));
}

std::string vessel(std::string const& name, std::string& id) {
  json::object contributing;
  contributing["name"] = name;
  id = stix::identifier_v5("vessel", json::canonical(json::value(contributing)));
  json::object o;
  o["type"] = "vessel";
  o["spec_version"] = "2.1";
  o["id"] = id;
  o["name"] = name;
  json::object body;
  body["extension_type"] = "new-sco";
  o["extensions"] = extension_of(vessel_extension_id(), std::move(body));
  return text_of(std::move(o));
}

json::object when_of(EventTime const& when) {
  json::object o;
  if (when.precision == TimePrecision::kUnknown) {
    o["precision"] = "unknown";
    return o;
  }
  o["date"] = when.date;
  o["precision"] = when.precision == TimePrecision::kMinute ? "minute" : "date";
  if (when.precision == TimePrecision::kMinute) {
    o["time"] = when.time;
    o["zone"] = when.zone == TimeZone::kUtc ? "UTC" : "local";
    if (when.zone == TimeZone::kUtc) o["utc"] = stix::format_timestamp(when.us);
  }
  return o;
}

json::object extension_body(Source const& source, Facts const& facts, Options const& options) {
  json::object body = facts.extension;
  body["extension_type"] = "property-extension";
  body["source"] = source.key;
  body["when"] = when_of(facts.when);
  json::object position;
  if (!facts.position_raw.empty()) position["raw"] = facts.position_raw;
  if (facts.position) position["resolution"] = resolution_name(facts.position->resolution);
  if (!position.empty()) body["position"] = std::move(position);
  if (options.redact_vessels) body["redacted"] = true;
  json::object row;
  for (auto const& [name, text] : facts.row)
    if (!text.empty()) row[name] = text;
  body["row"] = std::move(row);
  return body;
}

std::string incident(Source const& source, Facts const& facts, Options const& options,
                     std::string const& id, Times times) {
  json::object o = head("incident", id, times.created_us, times.modified_us);
  o["created_by_ref"] = source_identity_id(source);
  o["name"] = facts.name;
  if (!facts.description.empty()) o["description"] = facts.description;
  json::object reference;
  reference["source_name"] = source.name;
  reference["description"] = source.description;
  if (!source.url.empty()) reference["url"] = source.url;
  if (!facts.external_id.empty()) reference["external_id"] = facts.external_id;
  o["external_references"] = json::array{json::value(std::move(reference))};
  o["extensions"] = extension_of(incident_extension_id(), extension_body(source, facts, options));
  return text_of(std::move(o));
}

std::string location(Facts const& facts, std::string const& id, Times times,
                     std::string const& creator) {
  json::object o = head("location", id, times.created_us, times.modified_us);
  o["created_by_ref"] = creator;
  if (facts.position) {
    o["latitude"] = facts.position->latitude;
    o["longitude"] = facts.position->longitude;
  } else {
    o["country"] = facts.country;
  }
  return text_of(std::move(o));
}

bool digits(std::string_view text, std::initializer_list<std::size_t> places) {
  return std::all_of(places.begin(), places.end(),
                     [&](std::size_t i) { return text[i] >= '0' && text[i] <= '9'; });
}

}  // namespace

std::string const& incident_extension_id() {
  static std::string const id = stix::identifier_v5("extension-definition", "amic incident 1");
  return id;
}

std::string const& vessel_extension_id() {
  static std::string const id = stix::identifier_v5("extension-definition", "amic vessel 1");
  return id;
}

std::string source_identity_id(Source const& source) {
  return stix::identifier_v5("identity", std::string("amic source ").append(source.key));
}

std::vector<std::string> shared_objects(Source const& source, bool with_vessels) {
  std::vector<std::string> out;
  json::object importers = head("identity", importers_identity_id(), kSharedUs, kSharedUs);
  importers["name"] = "AMIC importers";
  importers["identity_class"] = "system";
  importers["description"] = "Programs that turn public data sets into STIX objects.";
  out.push_back(text_of(std::move(importers)));
  json::object identity = head("identity", source_identity_id(source), kSharedUs, kSharedUs);
  identity["created_by_ref"] = importers_identity_id();
  identity["name"] = source.name;
  identity["identity_class"] = "organization";
  identity["description"] = source.description;
  out.push_back(text_of(std::move(identity)));
  out.push_back(
      definition(incident_extension_id(), "AMIC incident", kIncidentSchema, "property-extension"));
  if (with_vessels)
    out.push_back(definition(vessel_extension_id(), "AMIC vessel", kVesselSchema, "new-sco"));
  return out;
}

Result<EventTime> event_time(std::string_view date, std::string_view time) {
  EventTime out;
  if (date.empty() || date == "NA") return out;
  if (date.size() != 10 || date[4] != '-' || date[7] != '-' ||
      !digits(date, {0, 1, 2, 3, 5, 6, 8, 9}))
    return fail(Code::kMalformed, "date", "not of the form YYYY-MM-DD");
  if (date < "1900-01-01" || date > "2100-12-31")
    return fail(Code::kOutOfRange, "date", "not between 1900 and 2100");
  auto const midnight = codec::parse_rfc3339_us(std::string(date).append("T00:00:00Z"));
  if (!midnight) return fail(Code::kOutOfRange, "date", "no such day");
  out.precision = TimePrecision::kDate;
  out.date = date;
  out.us = *midnight;
  bool const utc = time.ends_with(" UTC");
  if (utc) time.remove_suffix(4);
  if (time.size() != 5 || time[2] != ':' || !digits(time, {0, 1, 3, 4})) return out;
  auto const instant =
      codec::parse_rfc3339_us(std::string(date).append("T").append(time).append(":00Z"));
  if (!instant) return out;
  out.precision = TimePrecision::kMinute;
  out.zone = utc ? TimeZone::kUtc : TimeZone::kLocal;
  out.time = time;
  if (utc) out.us = *instant;
  return out;
}

bool has_place(Facts const& facts) {
  return facts.position || !facts.country.empty();
}

Incident make_incident(Source const& source, Facts const& facts, Options const& options) {
  std::string key = std::string(source.key).append("\n").append(facts.key);
  if (options.redact_vessels) key.append("\nredacted");
  Times times{facts.when.us, facts.when.us};
  if (options.edition_us) times.modified_us = std::max(times.created_us, *options.edition_us);
  std::string const creator = source_identity_id(source);
  Incident out;
  out.id = stix::identifier_v5("incident", key);
  std::string const place = stix::identifier_v5("location", key);
  out.objects.push_back(incident(source, facts, options, out.id, times));
  out.objects.push_back(location(facts, place, times, creator));
  out.objects.push_back(relationship("located-at", out.id, place, times, creator));
  if (options.redact_vessels) return out;
  for (std::string const& name : facts.vessels) {
    std::string id;
    out.objects.push_back(vessel(name, id));
    out.objects.push_back(relationship("targets", out.id, id, times, creator));
  }
  return out;
}

}  // namespace amic::importers
