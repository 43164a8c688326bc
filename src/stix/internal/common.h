// Section 3.2 by class of object, and the embedded types that every object may have.
#pragma once

#include "stix/internal/schema.h"

namespace amic::stix::internal {

inline constexpr std::array<std::string_view, 1> kIdentity{"identity"};
inline constexpr std::array<std::string_view, 1> kMarking{"marking-definition"};

inline constexpr auto kExternalReferenceProperties =
    sorted(props(need(text("source_name")), text("description"), text("url"),
                 of(Kind::kHashes, "hashes"), text("external_id")));
inline constexpr std::array<Rule, 1> kExternalReferenceRules{
    at_least_one("description", "url", "external_id")};
inline constexpr Shape kExternalReference{"2.5", kExternalReferenceProperties,
                                          kExternalReferenceRules};

inline constexpr auto kKillChainPhaseProperties =
    sorted(props(need(text("kill_chain_name")), need(text("phase_name"))));
inline constexpr Shape kKillChainPhase{"2.11", kKillChainPhaseProperties};

inline constexpr auto kGranularMarkingProperties =
    sorted(props(of(Kind::kLanguage, "lang"), ref("marking_ref", kMarking),
                 need(list(of(Kind::kSelector, "selectors")))));
inline constexpr std::array<Rule, 1> kGranularMarkingRules{exactly_one("lang", "marking_ref")};
inline constexpr Shape kGranularMarking{"7.2.3", kGranularMarkingProperties, kGranularMarkingRules};

// What is not required here is required where the class says so. Common properties that do not
// apply to a class are still checked by type: 3.6 lets a producer version even an observable.
inline constexpr auto kBaseProperties =
    props(common(need(of(Kind::kType, "type"))), common(need(of(Kind::kId, "id"))),
          common(flag("revoked")), common(list(text("labels"))),
          common(ranged("confidence", 0, 100)), common(of(Kind::kLanguage, "lang")),
          common(list(embed("external_references", kExternalReference))),
          common(list(ref("object_marking_refs", kMarking))),
          common(list(embed("granular_markings", kGranularMarking))),
          common(of(Kind::kExtensions, "extensions")));

template <std::size_t N>
constexpr auto with_base(std::array<Property, N> const& own) {
  return table(kBaseProperties, own);
}

inline constexpr Property kSpecVersion = common(of(Kind::kSpecVersion, "spec_version"));
inline constexpr Property kCreated = common(of(Kind::kVersionTimestamp, "created"));
inline constexpr Property kModified = common(of(Kind::kVersionTimestamp, "modified"));
inline constexpr Property kCreatedBy = common(ref("created_by_ref", kIdentity));

inline constexpr auto kDomainProperties =
    with_base(props(need(kSpecVersion), need(kCreated), need(kModified), kCreatedBy));
inline constexpr auto kObservableProperties =
    with_base(props(kSpecVersion, kCreated, kModified, kCreatedBy, common(flag("defanged"))));
inline constexpr auto kMarkingProperties =
    with_base(props(need(kSpecVersion), need(kCreated), kModified, kCreatedBy));
inline constexpr auto kExtensionProperties =
    with_base(props(need(kSpecVersion), need(kCreated), need(kModified), need(kCreatedBy)));

inline constexpr Property kKillChain = list(embed("kill_chain_phases", kKillChainPhase));

inline constexpr std::array<std::string_view, 5> kExtensionTypes{
    "new-sdo", "new-sco", "new-sro", "property-extension", "toplevel-property-extension"};

// The tables, by class.
std::span<Type const> domain_types();      // sections 4 and 5
std::span<Type const> observable_types();  // section 6
std::span<Type const> meta_types();        // section 7
std::span<Extension const> file_extensions();
std::span<Extension const> network_extensions();
std::span<Extension const> process_extensions();
std::span<Extension const> account_extensions();

// Objects of types the specification does not have.
extern Type const kCustomType;         // section 11.2
extern Type const kNewDomainType;      // extension_type new-sdo, new-sro
extern Type const kNewObservableType;  // extension_type new-sco

Type const* find_type(std::string_view name);
bool is_predefined_extension(std::string_view name);

}  // namespace amic::stix::internal
