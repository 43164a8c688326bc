// Finding ships' names in free text, and taking them out. Pure. It errs towards finding none for
// objects (a wrong vessel is worse than none) and towards removing too much for redaction.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace amic::importers {

inline constexpr std::size_t kVesselsPerRowMax = 8;
inline constexpr std::string_view kRedacted = "[vessel]";

// Names in a column that describes a victim, e.g. "Malta-flagged bulk carrier NEFELI" -> "NEFELI",
// "TUG CREST APACHE & BARGE TERAS 3717" -> two. `narrative` confirms a victim that is nothing but a
// name. Upper case, each once, at most kVesselsPerRowMax.
std::vector<std::string> names_in_victim(std::string_view victim, std::string_view narrative);
// Names in a column that holds names: "Masindra 13 & Tropical Jaya", "Mv Cosmic Leader", "Name
// Withheld".
std::vector<std::string> names_in_list(std::string_view column);

// The column of a victim with everything as "[vessel]" that neither describes a vessel nor is its
// flag.
std::string redact_victim(std::string_view victim);
// The text without the given names, without upper-case runs that are no known acronym, and
// without capitalised words after "M/V" and the like. A text in capitals throughout, where a name
// can't be told from a word, is withheld: `withheld` is set and "" returned.
std::string redact_text(std::string_view text, std::vector<std::string> const& names,
                        bool& withheld);

}  // namespace amic::importers
