// STIX 2.1: validation against the specification, identifiers, timestamps, references,
// deterministic identifiers of cyber observables. Pure. Table-driven (stix/tables.cc).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/json.h"

namespace amic::stix {

enum class Class : std::uint8_t { kDomain, kRelationship, kObservable, kMeta, kCustom };

struct Issue {
  bool fatal = true;      // else: kept but quarantined? see Verdict
  Code code = Code::kMalformed;
  std::string pointer;    // JSON pointer within the object, e.g. "/created"
  std::string reason;     // names the rule, e.g. "STIX 3.2: required property is missing"
  bool operator==(Issue const&) const = default;
};

struct Reference {
  std::string to;         // identifier
  std::string relation;   // property name ("created_by_ref"), or relationship_type for source->target
  bool operator==(Reference const&) const = default;
};

// What the rest of the system needs of one valid object.
struct Object {
  std::string id;
  std::string type;
  Class object_class = Class::kCustom;
  std::optional<std::int64_t> created_us;
  std::optional<std::int64_t> modified_us;
  std::vector<Reference> references;
  std::string name;       // name, or best short title ("" if none)
};

// kAccept: valid. kQuarantine: well-formed STIX-shaped JSON that breaks a rule which a human may
// want to look at (bad enum of a closed vocabulary, wrong deterministic id, unknown type without
// extension definition...). kReject: not an object, no usable id/type, over a limit.
enum class Verdict : std::uint8_t { kAccept, kQuarantine, kReject };
struct Checked {
  Verdict verdict = Verdict::kReject;
  Object object;              // filled for kAccept (and as far as known otherwise)
  std::vector<Issue> issues;  // non-empty unless kAccept
};
Checked check(json::value const& object);

// Envelope of a bundle: type "bundle", id; objects are checked one by one.
Result<void> check_bundle_head(json::value const& bundle_without_objects);

bool is_identifier(std::string_view text);              // type--UUID (RFC 4122 form)
std::string_view identifier_type(std::string_view id);  // "" if not an identifier
// Section 2.9 + 3.4: UUIDv5 over canonical JSON of the ID contributing properties. nullopt if the type
// has none present (then UUIDv4 is right).
std::optional<std::string> deterministic_id(json::object const& observable);
// UUIDv5 in the STIX namespace 00abedb4-aa42-466c-9c01-fed23315a9b7 over `name`.
std::string identifier_v5(std::string_view type, std::string_view name);

// STIX timestamp: RFC 3339, must end in Z. Precision (digits) is whatever the text has.
Result<std::int64_t> parse_timestamp_us(std::string_view text);
std::string format_timestamp(std::int64_t unix_us);     // at least milliseconds, UTC

}  // namespace amic::stix
