#include "stix/internal/checker.h"

#include <charconv>
#include <cmath>

#include "stix/internal/common.h"
#include "stix/internal/lexical.h"

namespace amic::stix::internal {
namespace {

// A broken object may break thousands of rules; a reader needs the first few.
constexpr std::size_t kIssuesMax = 32;

struct KindText {
  std::string_view section;
  std::string_view expected;
};
constexpr KindText kind_text(Kind kind) {
  switch (kind) {
    case Kind::kString:
    case Kind::kSelector:
      return {"2.15", "a string is expected"};
    case Kind::kInteger:
      return {"2.10", "an integer is expected"};
    case Kind::kFloat:
      return {"2.6", "a number is expected"};
    case Kind::kBoolean:
      return {"2.2", "true or false is expected"};
    case Kind::kTimestamp:
    case Kind::kVersionTimestamp:
      return {"2.16", "a timestamp YYYY-MM-DDTHH:mm:ss[.s+]Z is expected"};
    case Kind::kEnum:
      return {"2.4", "a term of the enumeration is expected"};
    case Kind::kId:
    case Kind::kReference:
      return {"2.9", "an identifier object-type--UUID is expected"};
    case Kind::kHashes:
      return {"2.7", "hashes are a non-empty dictionary of strings"};
    case Kind::kHex:
      return {"2.8", "an even number of hexadecimal digits is expected"};
    case Kind::kBinary:
      return {"2.1", "base64 is expected"};
    case Kind::kDictionary:
      return {"2.3", "a non-empty dictionary is expected"};
    case Kind::kObject:
      return {"2", "an object is expected"};
    case Kind::kExtensions:
      return {"3.2", "extensions are a non-empty dictionary of objects"};
    case Kind::kLanguage:
      return {"3.2", "an RFC 5646 language tag is expected"};
    case Kind::kContents:
      return {"7.1", "a non-empty dictionary of dictionaries is expected"};
    case Kind::kContainer:
      return {"2.13", "a non-empty dictionary of objects is expected"};
    case Kind::kSpecVersion:
      return {"3.2", "spec_version must be the string 2.1"};
    case Kind::kType:
      return {"3.1", "a type name is expected"};
  }
  return {};
}

bool is_map(Kind kind) {
  return kind == Kind::kHashes || kind == Kind::kDictionary || kind == Kind::kExtensions ||
         kind == Kind::kContents || kind == Kind::kContainer;
}

unsigned target_class(Type const* type) {
  if (type == nullptr) return kSdo | kSro | kSco;  // a custom type may be any of them
  switch (type->object_class) {
    case Class::kDomain:
      return kSdo;
    case Class::kRelationship:
      return kSro;
    case Class::kObservable:
      return kSco;
    default:
      return 0;
  }
}

bool contains(Names names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::string pointer_of(Place const* place) {
  if (place == nullptr) return {};
  auto out = pointer_of(place->parent) + "/";
  return out + (place->index != Place::kMember ? std::to_string(place->index)
                                               : json::pointer_token(place->name));
}

void Checker::issue(Place const* place, bool fatal, Code code, std::string_view section,
                    std::string_view text) {
  // Past the limit only the verdict may still change.
  if (out_.issues.size() >= kIssuesMax && !fatal) return;
  if (out_.issues.size() >= kIssuesMax) out_.issues.pop_back();
  std::string reason = "STIX ";
  reason.append(section).append(": ").append(text);
  out_.issues.push_back({fatal, code, pointer_of(place), std::move(reason)});
}

void Checker::refer(std::string_view to, std::string_view relation) {
  out_.object.references.push_back({std::string(to), std::string(relation)});
}

void Checker::check_object(json::object const& o, Shape const& shape, Place const* at) {
  std::uint64_t seen = 0;
  bool own = false;
  auto const table = shape.properties;
  for (auto const& member : o) {
    std::string_view const name = member.key();
    Place const here{at, name};
    auto const found = std::lower_bound(
        table.begin(), table.end(), name,
        [](Property const& p, std::string_view n) { return less_name(p.name, n); });
    if (found == table.end() || found->name != name) {
      check_unknown(name, member.value(), here);
      continue;
    }
    seen |= std::uint64_t{1} << (found - table.begin());
    own = own || (!found->required && !found->common);
    check_property(member.value(), *found, here);
  }
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (!table[i].required || ((seen >> i) & 1) != 0) continue;
    Place const here{at, table[i].name};
    issue(&here, true, Code::kMissingField, table[i].common ? "3.2" : shape.section,
          "required property is missing");
  }
  check_rules(o, shape, own, at);
}

// Custom properties (11.1) and those of extensions are kept as they are.
void Checker::check_unknown(std::string_view name, json::value const& v, Place const& at) {
  if (at.parent != nullptr) return;
  if (!is_property_name(name))
    issue(&at, false, Code::kUnknownField, "11.1.1",
          "not the name of a property: [a-z0-9_]{3,250}");
  if (name == "severity" || name == "username" || name == "phone_number" || name == "action")
    issue(&at, false, Code::kUnknownField, "3.8", "the name is reserved");
  if (name == "defanged")
    issue(&at, false, Code::kUnknownField, "3.2", "defanged is for observables only");
  auto const follow = [&](json::value const& item) {
    if (item.is_string() && is_identifier(item.get_string())) refer(item.get_string(), name);
  };
  if (name.ends_with("_ref")) follow(v);
  if (name.ends_with("_refs") && v.is_array())
    for (auto const& item : v.get_array()) follow(item);
}

void Checker::check_property(json::value const& v, Property const& p, Place const& at) {
  if (!p.list) return check_value(v, p, at);
  if (!v.is_array()) return issue(&at, true, Code::kWrongType, "2.12", "a list is expected");
  auto const& items = v.get_array();
  if (items.empty())
    issue(&at, false, Code::kMalformed, "2.12", "a list must have at least one value");
  for (std::size_t i = 0; i < items.size(); ++i) check_value(items[i], p, {&at, {}, i});
}

void Checker::check_value(json::value const& v, Property const& p, Place const& at) {
  auto const wrong = [&] {
    issue(&at, true, Code::kWrongType, kind_text(p.kind).section, kind_text(p.kind).expected);
  };
  switch (p.kind) {
    case Kind::kInteger:
    case Kind::kFloat:
      return v.is_number() ? check_number(v, p, at) : wrong();
    case Kind::kBoolean:
      if (!v.is_bool()) wrong();
      return;
    case Kind::kObject:
      return v.is_object() ? check_object(v.get_object(), *p.shape, &at) : wrong();
    default:
      if (is_map(p.kind)) return v.is_object() ? check_map(v, p, at) : wrong();
      return v.is_string() ? check_text(v.get_string(), p, at) : wrong();
  }
}

void Checker::check_number(json::value const& v, Property const& p, Place const& at) {
  double const number = v.to_number<double>();
  if (p.kind == Kind::kInteger && std::trunc(number) != number)
    return issue(&at, true, Code::kWrongType, "2.10", "an integer is expected");
  if (number < static_cast<double>(p.min) || number > static_cast<double>(p.max))
    issue(&at, false, Code::kOutOfRange, p.common ? "3.2" : type_.shape.section,
          "the value must be from " + std::to_string(p.min) + " to " + std::to_string(p.max));
}

void Checker::check_text(std::string_view v, Property const& p, Place const& at) {
  auto const check = [&](bool good, bool fatal, Code code = Code::kMalformed) {
    if (!good) issue(&at, fatal, code, kind_text(p.kind).section, kind_text(p.kind).expected);
  };
  switch (p.kind) {
    case Kind::kTimestamp:
      return check(read_timestamp(v).has_value(), true);
    case Kind::kVersionTimestamp: {
      auto const read = read_timestamp(v);
      check(read.has_value(), true);
      if (read && read->fraction_digits < 3)
        issue(&at, false, Code::kMalformed, "3.2", "must be precise to the millisecond");
      return;
    }
    case Kind::kEnum:
      return check(contains(p.names, v), false, Code::kOutOfRange);
    case Kind::kReference:
      return check_reference(v, p, at);
    case Kind::kHex:
      return check(is_hex(v), true);
    case Kind::kBinary:
      return check(is_base64(v), true);
    case Kind::kLanguage:
      return check(is_language_tag(v), false);
    case Kind::kSpecVersion:
      return check(v == "2.1", false, Code::kUnsupported);
    case Kind::kSelector:
      if (!selects(v))
        issue(&at, false, Code::kMalformed, "7.2.3",
              "the selector points at nothing in the object");
      return;
    default:
      return;  // kType and kId are checked before the walk
  }
}

void Checker::check_reference(std::string_view v, Property const& p, Place const& at) {
  auto const type = identifier_type(v);
  if (type.empty())
    return issue(&at, true, Code::kMalformed, "2.9", "an identifier object-type--UUID is expected");
  bool good = true;
  if (!p.names.empty())
    good = contains(p.names, type);
  else if (p.classes != kAnyTarget)
    good = (target_class(find_type(type)) & p.classes) != 0 && type != "bundle";
  if (!good)
    issue(&at, false, Code::kOutOfRange, p.common ? "3.2" : type_.shape.section,
          "may not refer to an object of this type");
  auto const* relation = &at;
  if (relation->index != Place::kMember) relation = relation->parent;
  bool const top = relation->parent == nullptr;
  if (top && type_.name == "relationship" && relation->name == "target_ref") {
    auto const* kind = root_.if_contains("relationship_type");
    if (kind != nullptr && kind->is_string()) return refer(v, kind->get_string());
  }
  refer(v, relation->name);
}

void Checker::check_map(json::value const& v, Property const& p, Place const& at) {
  auto const& map = v.get_object();
  if (map.empty())
    issue(&at, false, Code::kMalformed, "2.3", "a dictionary must have at least one key");
  for (auto const& member : map)
    check_map_member(member.key(), member.value(), p, {&at, member.key()});
}

void Checker::check_map_member(std::string_view key, json::value const& v, Property const& p,
                               Place const& at) {
  auto const text = kind_text(p.kind);
  if (p.kind == Kind::kExtensions) return check_extension(key, v, at);
  if (p.kind == Kind::kContainer || p.kind == Kind::kContents) {
    if (!v.is_object()) issue(&at, true, Code::kWrongType, text.section, text.expected);
    if (p.kind == Kind::kContents && !is_language_tag(key))
      issue(&at, false, Code::kMalformed, text.section, "the key is not an RFC 5646 language tag");
    return;
  }
  bool const hashes = p.kind == Kind::kHashes;
  if (!is_dictionary_key(key, hashes ? 3 : 1))
    issue(&at, false, Code::kMalformed, text.section, "the key may have only [A-Za-z0-9_-]");
  if (!hashes) return;
  if (!v.is_string()) return issue(&at, true, Code::kWrongType, text.section, text.expected);
  if (!is_digest(key, v.get_string()))
    issue(&at, false, Code::kMalformed, text.section, "not a digest of this algorithm");
}

void Checker::check_extension(std::string_view key, json::value const& v, Place const& at) {
  if (!v.is_object())
    return issue(&at, true, Code::kWrongType, "3.2", "the extension must be an object");
  auto const& extension = v.get_object();
  for (auto const& predefined : type_.extensions)
    if (predefined.name == key) return check_object(extension, *predefined.shape, &at);
  if (is_predefined_extension(key))
    return issue(&at, false, Code::kUnknownField, type_.shape.section,
                 "this object has no such extension");
  if (identifier_type(key) == "extension-definition") {
    refer(key, "extensions");
    auto const* kind = extension.if_contains("extension_type");
    bool const known = kind != nullptr && kind->is_string() &&
                       contains(kExtensionTypes, std::string_view(kind->get_string()));
    Place const here{&at, "extension_type"};
    if (kind == nullptr)
      issue(&here, false, Code::kMissingField, "7.3", "extension_type must be present");
    else if (!known)
      issue(&here, false, Code::kOutOfRange, "7.3", "not a term of extension-type-enum");
    return;
  }
  // Custom extensions (11.3), for observables.
  if (!is_type_name(key) || extension.empty())
    issue(&at, false, Code::kUnknownField, "3.2",
          "neither an extension definition nor a custom extension with properties");
}

bool Checker::selects(std::string_view selector) const {
  json::object const* object = &root_;
  json::array const* list = nullptr;
  while (true) {
    auto const dot = selector.find('.');
    auto const step = selector.substr(0, dot);
    json::value const* next = nullptr;
    if (step.size() > 2 && step.front() == '[' && step.back() == ']') {
      std::size_t index = 0;
      auto const* const end = step.data() + step.size() - 1;
      auto const [stop, ec] = std::from_chars(step.data() + 1, end, index);
      if (ec == std::errc{} && stop == end && list != nullptr && index < list->size())
        next = &(*list)[index];
    } else if (object != nullptr) {
      next = object->if_contains(step);
    }
    if (next == nullptr) return false;
    if (dot == std::string_view::npos) return true;
    object = next->if_object();
    list = next->if_array();
    selector.remove_prefix(dot + 1);
  }
}

}  // namespace amic::stix::internal
