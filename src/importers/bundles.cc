#include <algorithm>
#include <unordered_set>

#include "importers/incidents.h"
#include "stix/stix.h"

namespace amic::importers {
namespace {

std::string bundle_of(std::vector<std::string_view> const& objects) {
  std::string list;
  for (std::string_view const object : objects) {
    if (!list.empty()) list.push_back(',');
    list += object;
  }
  // The identifier follows from the content: the same rows give the same bundle.
  return "{\"id\":\"" + stix::identifier_v5("bundle", list) + "\",\"objects\":[" + list +
         "],\"type\":\"bundle\"}";
}

}  // namespace

std::vector<std::string> to_bundles(ImportResult const& result, std::size_t objects_per_bundle,
                                    std::set<std::string> const& coasts) {
  std::vector<std::string> out;
  std::vector<std::string_view> objects;
  std::unordered_set<std::string_view> held;  // vessels recur; each once a bundle
  bool any = false;
  auto const start = [&] {
    objects.assign(result.shared.begin(), result.shared.end());
    held.clear();
    any = false;
  };
  start();
  for (Incident const& incident : result.incidents) {
    if (!coasts.empty() && !coasts.contains(incident.coast)) continue;
    if (any && objects.size() + incident.objects.size() > objects_per_bundle) {
      out.push_back(bundle_of(objects));
      start();
    }
    for (std::string const& object : incident.objects)
      if (held.insert(object).second) objects.push_back(object);
    any = true;
  }
  if (any) out.push_back(bundle_of(objects));
  return out;
}

std::string summary(ImportResult const& result) {
  std::string out = std::to_string(result.rows) + " rows: " + std::to_string(result.accepted) +
                    " accepted (" + std::to_string(result.duplicates) + " duplicates), " +
                    std::to_string(result.quarantined) + " quarantined, " +
                    std::to_string(result.rejected) + " rejected\n";
  std::map<std::string, std::uint32_t> reasons;
  for (RefusedRow const& row : result.refused)
    ++reasons[(row.fate == RowFate::kRejected ? "rejected: " : "quarantined: ") + row.reason];
  for (auto const& [reason, count] : reasons) out += std::to_string(count) + " " + reason + "\n";
  for (auto const& [note, count] : result.notes)
    out += std::to_string(count) + " rows: " + note + "\n";
  return out;
}

}  // namespace amic::importers
