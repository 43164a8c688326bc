// What the importers know of the world, as data (tables.cc). Suggestions and labels, never claims:
// no table here says whose a sea is.
#pragma once

#include <string>
#include <string_view>

#include "importers/position.h"

namespace amic::importers {

// "IDN" -> "ID"; "" if unknown or not a country of the data sets.
std::string_view alpha2_of(std::string_view alpha3);

// The first country named in `heading`, e.g. "CHITTAGONG ANCHORAGE, BANGLADESH" -> "BD". Names of
// seas that hold a country's name ("SOUTH CHINA SEA", "GULF OF OMAN") are no country. "" if none.
std::string_view country_named(std::string_view heading);

// Coast near a position by coarse boxes, the smallest first; "" outside all of them.
std::string_view coast_by_position(Position const& position);

// Labels of the incident extension: first keyword found in the text wins. "" if none fits.
std::string_view act_of(std::string_view text);            // "boarded", "hijacked", ...
std::string_view actor_of(std::string_view text);          // "pirates", "robbers", ...
std::string_view vessel_type_of(std::string_view text);    // "bulk-carrier", "tanker", ...
std::string_view vessel_status_of(std::string_view text);  // "anchored", "underway", ...

// True for a word that describes a vessel rather than names it ("TANKER", "ANCHORED", "MERCHANT").
bool is_vessel_word(std::string_view upper_case_word);
// True for upper-case words of narratives that are no ship's name ("UTC", "IMB", "VHF").
bool is_known_acronym(std::string_view upper_case_word);

}  // namespace amic::importers
