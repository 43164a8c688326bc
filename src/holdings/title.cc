#include <algorithm>
#include <array>
#include <map>

#include "holdings/holdings.h"

namespace amic::holdings {
namespace {

constexpr std::size_t kTitleBytesMax = 200;

// Types that tell a story come first: their name is what the item is about.
constexpr std::array<std::string_view, 9> kTelling{
    "report",  "grouping",     "incident",      "campaign",        "note",
    "opinion", "threat-actor", "intrusion-set", "course-of-action"};

// Types whose plural is themselves.
constexpr std::array<std::string_view, 3> kMass{"malware", "infrastructure", "software"};

std::string counted(std::string const& type, std::size_t count) {
  std::string noun = type;
  std::replace(noun.begin(), noun.end(), '-', ' ');
  bool const mass = std::find(kMass.begin(), kMass.end(), type) != kMass.end();
  if (count != 1 && !mass) {
    if (noun.ends_with("ty")) {
      noun.replace(noun.size() - 1, 1, "ies");
    } else if (noun.ends_with("sis")) {
      noun.replace(noun.size() - 2, 2, "es");
    } else if (noun.ends_with("s") || noun.ends_with("x")) {
      noun += "es";
    } else {
      noun += "s";
    }
  }
  return std::to_string(count) + " " + noun;
}

// Not in the middle of a UTF-8 sequence.
std::string cut(std::string text) {
  if (text.size() <= kTitleBytesMax) return text;
  std::size_t end = kTitleBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

}  // namespace

std::string derive_title(Parsed const& parsed) {
  std::map<std::string, std::size_t> counts;
  std::string const* best = nullptr;
  std::size_t best_rank = kTelling.size();
  for (Parsed::One const& one : parsed.objects) {
    if (one.checked.verdict != stix::Verdict::kAccept) continue;
    stix::Object const& object = one.checked.object;
    ++counts[object.type];
    auto const rank = static_cast<std::size_t>(
        std::find(kTelling.begin(), kTelling.end(), object.type) - kTelling.begin());
    if (rank < best_rank && !object.name.empty()) {
      best = &object.name;
      best_rank = rank;
    }
  }
  if (best != nullptr && counts[std::string(kTelling[best_rank])] == 1) return cut(*best);
  // Many of one kind, or none that tells: what is in it, most first; scaffolding only if alone.
  std::vector<std::pair<std::size_t, std::string>> order;
  for (auto const& [type, count] : counts) order.emplace_back(count, type);
  std::stable_sort(order.begin(), order.end(),
                   [](auto const& a, auto const& b) { return a.first > b.first; });
  auto const scaffolding = [](auto const& entry) {
    return entry.second == "relationship" || entry.second == "extension-definition" ||
           entry.second == "marking-definition" || entry.second == "identity";
  };
  if (!std::all_of(order.begin(), order.end(), scaffolding)) std::erase_if(order, scaffolding);
  std::string out;
  for (std::size_t i = 0; i < order.size() && i < 3; ++i)
    out += (i > 0 ? ", " : "") + counted(order[i].second, order[i].first);
  if (order.size() > 3) out += ", …";
  return out;
}

}  // namespace amic::holdings
