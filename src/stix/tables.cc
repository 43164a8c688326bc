// STIX 2.1 section 7 (meta objects), types the specification does not have, and the index of all.
#include "stix/internal/common.h"

namespace amic::stix::internal {
namespace {

using std::string_view;
using Found = std::optional<string_view>;

string_view string_at(json::object const& o, string_view name) {
  auto const* found = o.if_contains(name);
  return found != nullptr && found->is_string() ? string_view(found->get_string()) : string_view{};
}

// Section 7.2.1: the four marking definitions of TLP 1 and no others.
struct Tlp {
  string_view level;
  string_view id;
};
constexpr Tlp kTlp[] = {
    {"white", "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9"},
    {"green", "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da"},
    {"amber", "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82"},
    {"red", "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"},
};

Found marking_has_a_definition(json::object const& o) {
  if (o.contains("extensions")) return {};
  if (!o.contains("definition_type")) return "definition_type";
  if (!o.contains("definition")) return "definition";
  return {};
}
Found marking_matches_its_type(json::object const& o) {
  auto const* definition = o.if_contains("definition");
  auto const kind = string_at(o, "definition_type");
  if (definition == nullptr || !definition->is_object()) return {};
  auto const& d = definition->get_object();
  if (kind == "statement") return string_at(d, "statement").empty() ? Found{"definition"} : Found{};
  if (kind != "tlp") return {};
  for (auto const& tlp : kTlp)
    if (string_at(d, "tlp") == tlp.level)
      return string_at(o, "id") == tlp.id ? Found{} : Found{"id"};
  return "definition";
}
Found marking_is_not_its_own(json::object const& o) {
  auto const* refs = o.if_contains("object_marking_refs");
  if (refs == nullptr || !refs->is_array()) return {};
  auto const id = string_at(o, "id");
  for (auto const& ref : refs->get_array())
    if (ref.is_string() && string_view(ref.get_string()) == id) return "object_marking_refs";
  return {};
}
Found extension_properties_are_toplevel(json::object const& o) {
  auto const* types = o.if_contains("extension_types");
  if (!o.contains("extension_properties") || types == nullptr || !types->is_array()) return {};
  for (auto const& type : types->get_array())
    if (type.is_string() && string_view(type.get_string()) == "toplevel-property-extension")
      return {};
  return "extension_properties";
}

constexpr auto kLanguageContent =
    table(kDomainProperties, props(need(ref_to("object_ref", kAnyTarget)),
                                   of(Kind::kVersionTimestamp, "object_modified"),
                                   need(of(Kind::kContents, "contents"))));
// The definition is an object of the marking's own making: checked by marking_matches_its_type.
constexpr Shape kOpenObject{"7.2.1", {}};
constexpr auto kMarkingDefinition =
    table(kMarkingProperties,
          props(text("name"), text("definition_type"), embed("definition", kOpenObject)));
constexpr std::array<Rule, 3> kMarkingRules{
    custom(marking_has_a_definition, "required where there is no extension"),
    custom(marking_matches_its_type,
           "the definition must match definition_type; TLP has four fixed marking definitions"),
    custom(marking_is_not_its_own, "a marking definition must not mark itself")};
constexpr auto kExtensionDefinition =
    table(kExtensionProperties,
          props(need(text("name")), text("description"), need(text("schema")),
                need(text("version")), need(list(one_of("extension_types", kExtensionTypes))),
                list(text("extension_properties"))));
constexpr std::array<Rule, 1> kExtensionRules{custom(
    extension_properties_are_toplevel, "only for extension_types toplevel-property-extension")};

constexpr Type kTypes[] = {
    {"language-content", Class::kMeta, {"7.1", kLanguageContent}},
    {"marking-definition", Class::kMeta, {"7.2.1", kMarkingDefinition, kMarkingRules}},
    {"extension-definition", Class::kMeta, {"7.3", kExtensionDefinition, kExtensionRules}},
};

constexpr auto kCustomProperties =
    with_base(props(kSpecVersion, kCreated, kModified, kCreatedBy, common(flag("defanged"))));
constexpr std::array<Rule, 1> kCustomRules{needs("created", "modified")};

std::vector<Type const*> index() {
  std::vector<Type const*> all;
  for (auto const types : {domain_types(), observable_types(), meta_types()})
    for (auto const& type : types) all.push_back(&type);
  std::sort(all.begin(), all.end(),
            [](Type const* a, Type const* b) { return less_name(a->name, b->name); });
  return all;
}

}  // namespace

constinit Type const kCustomType{"", Class::kCustom, {"11.2", kCustomProperties, kCustomRules}};
constinit Type const kNewDomainType{"", Class::kDomain, {"7.3", kDomainProperties}};
constinit Type const kNewObservableType{"", Class::kObservable, {"7.3", kObservableProperties}};

std::span<Type const> meta_types() {
  return kTypes;
}

Type const* find_type(std::string_view name) {
  static std::vector<Type const*> const all = index();
  auto const found = std::lower_bound(all.begin(), all.end(), name,
                                      [](Type const* t, auto n) { return less_name(t->name, n); });
  return found != all.end() && (*found)->name == name ? *found : nullptr;
}

bool is_predefined_extension(std::string_view name) {
  for (auto const extensions :
       {file_extensions(), network_extensions(), process_extensions(), account_extensions()})
    for (auto const& extension : extensions)
      if (extension.name == name) return true;
  return false;
}

}  // namespace amic::stix::internal
