// The verdict on one object, and what the rest of the system needs of it.
#include "stix/internal/checker.h"
#include "stix/internal/common.h"
#include "stix/internal/deterministic.h"
#include "stix/internal/lexical.h"

namespace amic::stix {
namespace {

using namespace internal;

std::string_view string_at(json::object const& o, std::string_view name) {
  auto const* found = o.if_contains(name);
  return found != nullptr && found->is_string() ? std::string_view(found->get_string())
                                                : std::string_view{};
}

// The type by which an object is checked that the specification doesn't have.
Type const& type_by_extension(json::object const& o, bool& declared) {
  declared = true;
  auto const* extensions = o.if_contains("extensions");
  if (extensions != nullptr && extensions->is_object()) {
    for (auto const& extension : extensions->get_object()) {
      if (!extension.value().is_object()) continue;
      auto const kind = string_at(extension.value().get_object(), "extension_type");
      if (kind == "new-sdo" || kind == "new-sro") return kNewDomainType;
      if (kind == "new-sco") return kNewObservableType;
    }
  }
  declared = false;
  return kCustomType;
}

Class class_by_extension(json::object const& o, Type const& type) {
  if (&type != &kNewDomainType) return type.object_class;
  for (auto const& extension : o.at("extensions").get_object())
    if (extension.value().is_object() &&
        string_at(extension.value().get_object(), "extension_type") == "new-sro")
      return Class::kRelationship;
  return Class::kDomain;
}

std::string title_of(json::object const& o) {
  for (std::string_view const name :
       {"name", "value", "path", "key", "subject", "abstract", "product", "command_line",
        "account_login", "user_id", "display_name", "relationship_type", "opinion", "url",
        "serial_number"})
    if (auto const text = string_at(o, name); !text.empty()) return std::string(text);
  return {};
}

std::optional<std::int64_t> time_at(json::object const& o, std::string_view name) {
  auto const read = read_timestamp(string_at(o, name));
  return read ? std::optional(read->unix_us) : std::nullopt;
}

// Section 2.9: what says it is deterministic has to be.
void check_deterministic(json::object const& o, Type const& type, std::string_view id,
                         Checker& checker) {
  // The version is the first digit of the third group.
  bool const v5 = id[id.size() - 36 + 14] == '5';
  if (!v5 || type.contributing.empty()) return;
  // A defanged value is not the one the identifier was made from.
  auto const* defanged = o.if_contains("defanged");
  if (defanged != nullptr && defanged->is_bool() && defanged->get_bool()) return;
  auto const expected = deterministic_id(type, o);
  auto const same = [](char a, char b) {
    return a == b || (b >= 'A' && b <= 'F' && a == static_cast<char>(b | 0x20));
  };
  if (expected && std::equal(expected->begin(), expected->end(), id.begin(), id.end(), same))
    return;
  Place const at{nullptr, "id"};
  checker.issue(&at, false, Code::kMalformed, "2.9",
                expected ? "the deterministic identifier should be " + *expected
                         : std::string("without contributing properties the UUID must be random"));
}

Verdict verdict_of(std::vector<Issue> const& issues) {
  if (issues.empty()) return Verdict::kAccept;
  for (auto const& issue : issues)
    if (issue.fatal) return Verdict::kReject;
  return Verdict::kQuarantine;
}

Checked rejected(Code code, std::string pointer, std::string reason) {
  Checked out;
  out.issues.push_back({true, code, std::move(pointer), std::move(reason)});
  return out;
}

void check_version(Object const& object, Checker& checker) {
  if (object.created_us && object.modified_us && *object.modified_us < *object.created_us) {
    Place const at{nullptr, "modified"};
    checker.issue(&at, false, Code::kOutOfRange, "3.6.1", "must not be before created");
  }
}

}  // namespace

Checked check(json::value const& value) {
  auto const* o = value.if_object();
  if (o == nullptr) return rejected(Code::kWrongType, "", "STIX 3: an object is expected");
  auto const* type_value = o->if_contains("type");
  if (type_value == nullptr)
    return rejected(Code::kMissingField, "/type", "STIX 3.2: required property is missing");
  auto const type_name = string_at(*o, "type");
  if (!is_type_name(type_name))
    return rejected(type_value->is_string() ? Code::kMalformed : Code::kWrongType, "/type",
                    "STIX 3.1: a type name is expected");
  if (type_name == "bundle")
    return rejected(Code::kWrongType, "/type", "STIX 8: a bundle is not a STIX object");

  Checked out;
  out.object.type = type_name;
  auto const* known = find_type(type_name);
  bool declared = true;
  auto const& type = known != nullptr ? *known : type_by_extension(*o, declared);
  out.object.object_class = class_by_extension(*o, type);
  Checker checker(*o, type, out);
  if (!declared && !type_name.starts_with("x-")) {
    Place const at{nullptr, "type"};
    checker.issue(&at, false, Code::kUnsupported, "7.3",
                  "an unknown type without an extension definition and without the prefix x-");
  }
  auto const id = string_at(*o, "id");
  bool const good_id = identifier_type(id) == type_name;
  if (good_id)
    out.object.id = id;
  else if (auto const* given = o->if_contains("id")) {
    Place const at{nullptr, "id"};
    checker.issue(&at, true, given->is_string() ? Code::kMalformed : Code::kWrongType, "2.9",
                  "an identifier of the object's own type is expected");
  }
  checker.run();
  out.object.created_us = time_at(*o, "created");
  out.object.modified_us = time_at(*o, "modified");
  out.object.name = title_of(*o);
  check_version(out.object, checker);
  if (good_id) check_deterministic(*o, type, id, checker);
  out.verdict = verdict_of(out.issues);
  return out;
}

Result<void> check_bundle_head(json::value const& bundle) {
  auto const* o = bundle.if_object();
  if (o == nullptr) return fail(Code::kWrongType, "", "STIX 8: a bundle is an object");
  AMIC_TRY(auto const type, json::get_string(*o, "type", ""));
  if (type != "bundle")
    return fail(Code::kMalformed, "/type", "STIX 8.1: the type of a bundle is bundle");
  AMIC_TRY(auto const id, json::get_string(*o, "id", ""));
  if (identifier_type(id) != "bundle")
    return fail(Code::kMalformed, "/id", "STIX 8.1: an identifier bundle--UUID is expected");
  // STIX 2.1 has no spec_version here (2.0 had): one of another version is not for us.
  if (auto const* version = o->if_contains("spec_version")) {
    bool const good = version->is_string() && version->get_string() == "2.1";
    if (!good)
      return fail(Code::kUnsupported, "/spec_version", "STIX 8.1: only STIX 2.1 is supported");
  }
  if (auto const* objects = o->if_contains("objects"); objects != nullptr && !objects->is_array())
    return fail(Code::kWrongType, "/objects", "STIX 8.1: objects is a list");
  return {};
}

}  // namespace amic::stix
