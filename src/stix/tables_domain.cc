// STIX 2.1 sections 4 (domain objects) and 5 (relationship objects).
#include "stix/internal/common.h"

namespace amic::stix::internal {
namespace {

using std::string_view;

constexpr std::array<string_view, 1> kSoftware{"software"};
constexpr std::array<string_view, 2> kSamples{"artifact", "file"};
constexpr std::array<string_view, 1> kObservedData{"observed-data"};
constexpr std::array<string_view, 2> kSighters{"identity", "location"};
constexpr std::array<string_view, 5> kOpinions{"strongly-disagree", "disagree", "neutral", "agree",
                                               "strongly-agree"};

constexpr std::array<Rule, 1> kSeenRules{not_before("first_seen", "last_seen")};

template <std::size_t N>
constexpr auto domain(std::array<Property, N> const& own) {
  return table(kDomainProperties, own);
}

constexpr auto kAttackPattern =
    domain(props(need(text("name")), text("description"), list(text("aliases")), kKillChain));
constexpr auto kCampaign =
    domain(props(need(text("name")), text("description"), list(text("aliases")), time("first_seen"),
                 time("last_seen"), text("objective")));
// course-of-action, incident and their like: a name and words.
constexpr auto kNamed = domain(props(need(text("name")), text("description")));
constexpr auto kGrouping = domain(props(text("name"), text("description"), need(text("context")),
                                        need(list(ref_to("object_refs", kAnyTarget)))));
constexpr auto kIdentityTable =
    domain(props(need(text("name")), text("description"), list(text("roles")),
                 text("identity_class"), list(text("sectors")), text("contact_information")));
constexpr auto kIndicator =
    domain(props(text("name"), text("description"), list(text("indicator_types")),
                 need(text("pattern")), need(text("pattern_type")), text("pattern_version"),
                 need(time("valid_from")), time("valid_until"), kKillChain));
constexpr std::array<Rule, 1> kIndicatorRules{later("valid_from", "valid_until")};
constexpr auto kInfrastructure =
    domain(props(need(text("name")), text("description"), list(text("infrastructure_types")),
                 list(text("aliases")), kKillChain, time("first_seen"), time("last_seen")));
constexpr auto kIntrusionSet =
    domain(props(need(text("name")), text("description"), list(text("aliases")), time("first_seen"),
                 time("last_seen"), list(text("goals")), text("resource_level"),
                 text("primary_motivation"), list(text("secondary_motivations"))));

std::optional<string_view> location_has_a_place(json::object const& o) {
  bool const point = o.contains("latitude") && o.contains("longitude");
  if (point || o.contains("region") || o.contains("country")) return std::nullopt;
  return "";
}
constexpr auto kLocation = domain(props(
    text("name"), text("description"), number("latitude", -90, 90), number("longitude", -180, 180),
    number("precision", 0, std::numeric_limits<std::int64_t>::max()), text("region"),
    text("country"), text("administrative_area"), text("city"), text("street_address"),
    text("postal_code")));
constexpr std::array<Rule, 4> kLocationRules{
    needs("latitude", "longitude"), needs("longitude", "latitude"), needs("precision", "latitude"),
    custom(location_has_a_place,
           "one of region, country, or latitude and longitude must be present")};

std::optional<string_view> family_has_a_name(json::object const& o) {
  auto const* family = o.if_contains("is_family");
  bool const nameless =
      family != nullptr && family->is_bool() && family->get_bool() && !o.contains("name");
  return nameless ? std::optional<string_view>("name") : std::nullopt;
}
constexpr auto kMalware =
    domain(props(text("name"), text("description"), list(text("malware_types")),
                 need(flag("is_family")), list(text("aliases")), kKillChain, time("first_seen"),
                 time("last_seen"), list(ref("operating_system_refs", kSoftware)),
                 list(text("architecture_execution_envs")), list(text("implementation_languages")),
                 list(text("capabilities")), list(ref("sample_refs", kSamples))));
constexpr std::array<Rule, 2> kMalwareRules{
    not_before("first_seen", "last_seen"),
    custom(family_has_a_name, "name is required for a malware family")};

constexpr auto kMalwareAnalysis = domain(
    props(need(text("product")), text("version"), ref("host_vm_ref", kSoftware),
          ref("operating_system_ref", kSoftware), list(ref("installed_software_refs", kSoftware)),
          text("configuration_version"), list(text("modules")), text("analysis_engine_version"),
          text("analysis_definition_version"), time("submitted"), time("analysis_started"),
          time("analysis_ended"), text("result_name"), text("result"),
          list(ref_to("analysis_sco_refs", kSco)), ref_to("sample_ref", kSco)));
constexpr std::array<Rule, 2> kMalwareAnalysisRules{
    at_least_one("result", "analysis_sco_refs"), not_before("analysis_started", "analysis_ended")};

constexpr auto kNote = domain(props(text("abstract"), need(text("content")), list(text("authors")),
                                    need(list(ref_to("object_refs", kAnyTarget)))));
constexpr auto kObservedDataTable =
    domain(props(need(time("first_observed")), need(time("last_observed")),
                 need(ranged("number_observed", 1, 999'999'999)), of(Kind::kContainer, "objects"),
                 list(ref_to("object_refs", kSco | kSro))));
constexpr std::array<Rule, 2> kObservedDataRules{not_before("first_observed", "last_observed"),
                                                 exactly_one("objects", "object_refs")};
constexpr auto kOpinion =
    domain(props(text("explanation"), list(text("authors")), need(one_of("opinion", kOpinions)),
                 need(list(ref_to("object_refs", kAnyTarget)))));
constexpr auto kReport =
    domain(props(need(text("name")), text("description"), list(text("report_types")),
                 need(time("published")), need(list(ref_to("object_refs", kAnyTarget)))));
constexpr auto kThreatActor = domain(props(
    need(text("name")), text("description"), list(text("threat_actor_types")),
    list(text("aliases")), time("first_seen"), time("last_seen"), list(text("roles")),
    list(text("goals")), text("sophistication"), text("resource_level"), text("primary_motivation"),
    list(text("secondary_motivations")), list(text("personal_motivations"))));
constexpr auto kTool =
    domain(props(need(text("name")), text("description"), list(text("tool_types")),
                 list(text("aliases")), kKillChain, text("tool_version")));

constexpr auto kRelationship = domain(props(
    need(text("relationship_type")), text("description"), need(ref_to("source_ref", kSdo | kSco)),
    need(ref_to("target_ref", kSdo | kSco)), time("start_time"), time("stop_time")));
constexpr std::array<Rule, 1> kRelationshipRules{later("start_time", "stop_time")};
constexpr auto kSighting = domain(props(
    text("description"), time("first_seen"), time("last_seen"), ranged("count", 0, 999'999'999),
    need(ref_to("sighting_of_ref", kSdo)), list(ref("observed_data_refs", kObservedData)),
    list(ref("where_sighted_refs", kSighters)), flag("summary")));

constexpr Class kD = Class::kDomain;
constexpr Class kR = Class::kRelationship;

constexpr Type kTypes[] = {
    {"attack-pattern", kD, {"4.1", kAttackPattern}},
    {"campaign", kD, {"4.2", kCampaign, kSeenRules}},
    {"course-of-action", kD, {"4.3", kNamed}},
    {"grouping", kD, {"4.4", kGrouping}},
    {"identity", kD, {"4.5", kIdentityTable}},
    {"incident", kD, {"4.6", kNamed}},
    {"indicator", kD, {"4.7", kIndicator, kIndicatorRules}},
    {"infrastructure", kD, {"4.8", kInfrastructure, kSeenRules}},
    {"intrusion-set", kD, {"4.9", kIntrusionSet, kSeenRules}},
    {"location", kD, {"4.10", kLocation, kLocationRules}},
    {"malware", kD, {"4.11", kMalware, kMalwareRules}},
    {"malware-analysis", kD, {"4.12", kMalwareAnalysis, kMalwareAnalysisRules}},
    {"note", kD, {"4.13", kNote}},
    {"observed-data", kD, {"4.14", kObservedDataTable, kObservedDataRules}},
    {"opinion", kD, {"4.15", kOpinion}},
    {"report", kD, {"4.16", kReport}},
    {"threat-actor", kD, {"4.17", kThreatActor, kSeenRules}},
    {"tool", kD, {"4.18", kTool}},
    {"vulnerability", kD, {"4.19", kNamed}},
    {"relationship", kR, {"5.1", kRelationship, kRelationshipRules}},
    {"sighting", kR, {"5.2", kSighting, kSeenRules}},
};

}  // namespace

std::span<Type const> domain_types() {
  return kTypes;
}

}  // namespace amic::stix::internal
