#include "importers/tables.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "importers/text_repair.h"

namespace amic::importers {
namespace {

using Pair = std::pair<std::string_view, std::string_view>;

constexpr Pair kAlpha3[] = {
    {"AGO", "AO"}, {"ALB", "AL"}, {"ARE", "AE"}, {"ARG", "AR"}, {"AUS", "AU"}, {"BEN", "BJ"},
    {"BGD", "BD"}, {"BGR", "BG"}, {"BLZ", "BZ"}, {"BRA", "BR"}, {"BRB", "BB"}, {"BRN", "BN"},
    {"CCK", "CC"}, {"CHN", "CN"}, {"CIV", "CI"}, {"CMR", "CM"}, {"COD", "CD"}, {"COG", "CG"},
    {"COL", "CO"}, {"CRI", "CR"}, {"CUB", "CU"}, {"DJI", "DJ"}, {"DNK", "DK"}, {"DOM", "DO"},
    {"DZA", "DZ"}, {"ECU", "EC"}, {"EGY", "EG"}, {"ERI", "ER"}, {"FRA", "FR"}, {"GAB", "GA"},
    {"GBR", "GB"}, {"GEO", "GE"}, {"GHA", "GH"}, {"GIN", "GN"}, {"GLP", "GP"}, {"GMB", "GM"},
    {"GNB", "GW"}, {"GNQ", "GQ"}, {"GRC", "GR"}, {"GRD", "GD"}, {"GTM", "GT"}, {"GUF", "GF"},
    {"GUY", "GY"}, {"HND", "HN"}, {"HTI", "HT"}, {"IDN", "ID"}, {"IND", "IN"}, {"IRN", "IR"},
    {"IRQ", "IQ"}, {"ITA", "IT"}, {"JAM", "JM"}, {"JPN", "JP"}, {"KAZ", "KZ"}, {"KEN", "KE"},
    {"KHM", "KH"}, {"KOR", "KR"}, {"LAO", "LA"}, {"LBR", "LR"}, {"LCA", "LC"}, {"LKA", "LK"},
    {"MAR", "MA"}, {"MDG", "MG"}, {"MDV", "MV"}, {"MEX", "MX"}, {"MLT", "MT"}, {"MMR", "MM"},
    {"MOZ", "MZ"}, {"MRT", "MR"}, {"MTQ", "MQ"}, {"MUS", "MU"}, {"MYS", "MY"}, {"MYT", "YT"},
    {"NGA", "NG"}, {"NLD", "NL"}, {"OMN", "OM"}, {"PAK", "PK"}, {"PAN", "PA"}, {"PER", "PE"},
    {"PHL", "PH"}, {"PNG", "PG"}, {"PRT", "PT"}, {"RUS", "RU"}, {"SAU", "SA"}, {"SDN", "SD"},
    {"SEN", "SN"}, {"SGP", "SG"}, {"SLB", "SB"}, {"SLE", "SL"}, {"SLV", "SV"}, {"SOM", "SO"},
    {"STP", "ST"}, {"SUR", "SR"}, {"SYC", "SC"}, {"TGO", "TG"}, {"THA", "TH"}, {"TLS", "TL"},
    {"TTO", "TT"}, {"TUR", "TR"}, {"TWN", "TW"}, {"TZA", "TZ"}, {"URY", "UY"}, {"USA", "US"},
    {"VEN", "VE"}, {"VNM", "VN"}, {"YEM", "YE"}, {"ZAF", "ZA"}};

// Names as the sources spell them. An empty code marks a name that is no country although it
// holds one. At one place in a text the longest name wins.
constexpr Pair kCountries[] = {{"SOUTH CHINA SEA", ""},
                               {"EAST CHINA SEA", ""},
                               {"GULF OF GUINEA", ""},
                               {"GULF OF OMAN", ""},
                               {"MOZAMBIQUE CHANNEL", ""},
                               {"SEA OF JAPAN", ""},
                               {"GULF OF MEXICO", ""},
                               {"NEW GUINEA", ""},
                               {"INDONESIA", "ID"},
                               {"NDONESIA", "ID"},
                               {"INDONESIAN", "ID"},
                               {"MALAYSIA", "MY"},
                               {"SINGAPORE", "SG"},
                               {"PHILIPPINES", "PH"},
                               {"PHILLIPINES", "PH"},
                               {"PHILIPPINE", "PH"},
                               {"VIETNAM", "VN"},
                               {"VIET NAM", "VN"},
                               {"THAILAND", "TH"},
                               {"CAMBODIA", "KH"},
                               {"KAMPUCHEA", "KH"},
                               {"MYANMAR", "MM"},
                               {"BURMA", "MM"},
                               {"BRUNEI", "BN"},
                               {"LAOS", "LA"},
                               {"TIMOR-LESTE", "TL"},
                               {"EAST TIMOR", "TL"},
                               {"NIGERIA", "NG"},
                               {"BANGLADESH", "BD"},
                               {"INDIA", "IN"},
                               {"SOMALIA", "SO"},
                               {"PERU", "PE"},
                               {"VENEZUELA", "VE"},
                               {"COLOMBIA", "CO"},
                               {"GHANA", "GH"},
                               {"TANZANIA", "TZ"},
                               {"BRAZIL", "BR"},
                               {"YEMEN", "YE"},
                               {"ECUADOR", "EC"},
                               {"GUINEA-BISSAU", "GW"},
                               {"EQUATORIAL GUINEA", "GQ"},
                               {"PAPUA NEW GUINEA", "PG"},
                               {"GUINEA", "GN"},
                               {"TOGO", "TG"},
                               {"IVORY COAST", "CI"},
                               {"COTE D'IVOIRE", "CI"},
                               {"CAMEROON", "CM"},
                               {"SRI LANKA", "LK"},
                               {"GUYANA", "GY"},
                               {"HAITI", "HT"},
                               {"DEMOCRATIC REPUBLIC OF THE CONGO", "CD"},
                               {"DEMOCRATIC REPUBLIC OF CONGO", "CD"},
                               {"DR CONGO", "CD"},
                               {"CONGO", "CG"},
                               {"ANGOLA", "AO"},
                               {"DOMINICAN REPUBLIC", "DO"},
                               {"EGYPT", "EG"},
                               {"JAMAICA", "JM"},
                               {"OMAN", "OM"},
                               {"UKRAINE", "UA"},
                               {"KENYA", "KE"},
                               {"HONG KONG", "HK"},
                               {"CHINA", "CN"},
                               {"SIERRA LEONE", "SL"},
                               {"MOZAMBIQUE", "MZ"},
                               {"IRAQ", "IQ"},
                               {"SENEGAL", "SN"},
                               {"HONDURAS", "HN"},
                               {"GABON", "GA"},
                               {"SAINT VINCENT", "VC"},
                               {"ST. VINCENT", "VC"},
                               {"ST. VINCENTS", "VC"},
                               {"BENIN", "BJ"},
                               {"PANAMA", "PA"},
                               {"GRENADA", "GD"},
                               {"MARTINIQUE", "MQ"},
                               {"IRAN", "IR"},
                               {"LIBERIA", "LR"},
                               {"ST LUCIA", "LC"},
                               {"ST. LUCIA", "LC"},
                               {"SAINT LUCIA", "LC"},
                               {"GUATEMALA", "GT"},
                               {"LIBYA", "LY"},
                               {"MEXICO", "MX"},
                               {"TRINIDAD", "TT"},
                               {"SOLOMON ISLANDS", "SB"},
                               {"MOROCCO", "MA"},
                               {"SURINAME", "SR"},
                               {"NICARAGUA", "NI"},
                               {"DOMINICA", "DM"},
                               {"MAURITANIA", "MR"},
                               {"MADAGASCAR", "MG"},
                               {"SAO TOME", "ST"},
                               {"ERITREA", "ER"},
                               {"PUERTO RICO", "PR"},
                               {"SOUTH AFRICA", "ZA"},
                               {"CUBA", "CU"},
                               {"CAPE VERDE", "CV"},
                               {"FIJI", "FJ"},
                               {"COSTA RICA", "CR"},
                               {"UNITED ARAB EMIRATES", "AE"},
                               {"FRANCE", "FR"},
                               {"SEYCHELLES", "SC"},
                               {"JAPAN", "JP"},
                               {"SOUTH KOREA", "KR"},
                               {"UNITED STATES", "US"},
                               {"LEBANON", "LB"},
                               {"GERMANY", "DE"},
                               {"BELGIUM", "BE"},
                               {"CURACAO", "CW"},
                               {"ANTIGUA", "AG"},
                               {"MALDIVES", "MV"},
                               {"PAKISTAN", "PK"},
                               {"DJIBOUTI", "DJ"},
                               {"SUDAN", "SD"},
                               {"SAUDI ARABIA", "SA"},
                               {"TAIWAN", "TW"},
                               {"AUSTRALIA", "AU"},
                               {"ALGERIA", "DZ"},
                               {"TUNISIA", "TN"},
                               {"MALTA", "MT"},
                               {"ITALY", "IT"},
                               {"GREECE", "GR"},
                               {"TURKEY", "TR"},
                               {"SPAIN", "ES"},
                               {"NORWAY", "NO"},
                               {"SWEDEN", "SE"},
                               {"DENMARK", "DK"},
                               {"NETHERLANDS", "NL"},
                               {"RUSSIA", "RU"},
                               {"GEORGIA", "GE"},
                               {"BULGARIA", "BG"},
                               {"ROMANIA", "RO"},
                               {"GAMBIA", "GM"},
                               {"EL SALVADOR", "SV"},
                               {"BELIZE", "BZ"},
                               {"BARBADOS", "BB"},
                               {"CHILE", "CL"},
                               {"ARGENTINA", "AR"},
                               {"URUGUAY", "UY"},
                               {"MAURITIUS", "MU"},
                               {"NEW ZEALAND", "NZ"},
                               {"ISRAEL", "IL"},
                               {"SYRIA", "SY"}};

struct Box {
  std::string_view coast;
  double south, north, west, east;
};
// Rough by intent, and only where the region's members need a suggestion. Smaller boxes come first.
constexpr Box kBoxes[] = {{"SG", 1.13, 1.48, 103.55, 104.45}, {"BN", 4.5, 5.4, 114.0, 115.3},
                          {"TL", -9.6, -8.1, 125.1, 127.4},   {"KH", 9.5, 11.6, 102.3, 104.2},
                          {"MY", 1.2, 6.5, 99.9, 103.5},      {"MY", 1.4, 6.9, 103.5, 104.6},
                          {"TH", 6.4, 13.6, 99.0, 102.3},     {"TH", 6.5, 10.2, 97.0, 99.0},
                          {"MM", 10.2, 20.8, 92.2, 98.8},     {"VN", 8.0, 21.6, 104.2, 110.0},
                          {"MY", 4.2, 7.4, 115.3, 119.3},     {"PH", 4.6, 20.9, 117.0, 127.0},
                          {"ID", -11.5, 6.0, 95.0, 141.0}};

constexpr Pair kActs[] = {{"HIJACK", "hijacked"},
                          {"KIDNAP", "kidnapped"},
                          {"FIRED UPON", "fired-upon"},
                          {"SHIP FIRED", "fired-upon"},
                          {"EXPLOSION", "explosion"},
                          {"MINE", "explosion"},
                          {"DETAIN", "detained"},
                          {"SEIZ", "detained"},
                          {"ATTEMPT", "attempted-boarding"},
                          {"BOARD", "boarded"},
                          {"ROBBERY", "robbed"},
                          {"THEFT", "robbed"},
                          {"APPROACH", "suspicious-approach"},
                          {"APPRAOCH", "suspicious-approach"},
                          {"SUSPICIOUS", "suspicious-approach"},
                          {"SUSPICOUS", "suspicious-approach"},
                          {"MOTHERSHIP", "suspicious-approach"},
                          {"PROTEST", "protest"},
                          {"SMUGGL", "smuggling"},
                          {"STOWAWAY", "stowaway"}};

constexpr Pair kActors[] = {{"PIRAT", "pirates"},
                            {"PRIATE", "pirates"},
                            {"PIRTATE", "pirates"},
                            {"PIRACY", "pirates"},
                            {"ROBBE", "robbers"},
                            {"THIEF", "robbers"},
                            {"THIEVES", "robbers"},
                            {"BANDIT", "robbers"},
                            {"HIJACKER", "hijackers"},
                            {"KIDNAPPER", "kidnappers"},
                            {"NAVY", "state-forces"},
                            {"MILITARY", "state-forces"},
                            {"COAST GUARD", "state-forces"},
                            {"GUNBOAT", "state-forces"},
                            {"MILITANT", "militants"},
                            {"REBEL", "militants"},
                            {"GUERRILLA", "militants"},
                            {"GUERILLA", "militants"},
                            {"MILITIA", "militants"},
                            {"GUNM", "gunmen"},
                            {"PROTEST", "protesters"},
                            {"ACTIVIST", "protesters"},
                            {"STOWAWAY", "stowaways"},
                            {"SMUGGLER", "smugglers"},
                            {"BOARDERS", "unidentified"},
                            {"INTRUDER", "unidentified"},
                            {"ASSAILANT", "unidentified"},
                            {"ATTACKER", "unidentified"},
                            {"UNKNOWN", "unidentified"},
                            {"UNIDENTIFIED", "unidentified"},
                            {"BOAT", "unidentified"},
                            {"SKIFF", "unidentified"},
                            {"CRAFT", "unidentified"}};

constexpr Pair kVesselTypes[] = {{"LPG", "gas-tanker"},
                                 {"LNG", "gas-tanker"},
                                 {"CHEMICAL", "chemical-tanker"},
                                 {"PRODUCT", "product-tanker"},
                                 {"CRUDE", "crude-tanker"},
                                 {"ASPHALT", "product-tanker"},
                                 {"BUNKERING", "product-tanker"},
                                 {"VLCC", "crude-tanker"},
                                 {"OIL RIG", "platform"},
                                 {"FPSO", "platform"},
                                 {"PLATFORM", "platform"},
                                 {"FLOATING", "platform"},
                                 {"TANKER", "tanker"},
                                 {"BULK", "bulk-carrier"},
                                 {"ORE CARRIER", "bulk-carrier"},
                                 {"WOOD CHIP", "bulk-carrier"},
                                 {"CEMENT", "bulk-carrier"},
                                 {"CONTAINER", "container-ship"},
                                 {"CONATAINER", "container-ship"},
                                 {"VEHICLE", "vehicle-carrier"},
                                 {"CAR CARRIER", "vehicle-carrier"},
                                 {"RO-RO", "ro-ro"},
                                 {"RORO", "ro-ro"},
                                 {"REFRIGERATED", "refrigerated-cargo"},
                                 {"REEFER", "refrigerated-cargo"},
                                 {"LIVESTOCK", "general-cargo"},
                                 {"HEAVY L", "general-cargo"},
                                 {"TUG", "tug"},
                                 {"BARGE", "barge"},
                                 {"SUPPLY", "offshore"},
                                 {"OFFSHORE", "offshore"},
                                 {"SUPPORT", "offshore"},
                                 {"PIPE", "offshore"},
                                 {"CABLE", "offshore"},
                                 {"CARGO", "general-cargo"},
                                 {"TRAWLER", "fishing-vessel"},
                                 {"FISH", "fishing-vessel"},
                                 {"F/V", "fishing-vessel"},
                                 {"DHOW", "dhow"},
                                 {"YACHT", "yacht"},
                                 {"SAIL", "yacht"},
                                 {"CATAMARAN", "yacht"},
                                 {"PLEASURE", "yacht"},
                                 {"CRUISE", "passenger-ship"},
                                 {"PASSENGER", "passenger-ship"},
                                 {"FERRY", "passenger-ship"},
                                 {"RESEARCH", "research-vessel"},
                                 {"SURVEY", "research-vessel"},
                                 {"DREDGER", "dredger"},
                                 {"LANDING CRAFT", "landing-craft"},
                                 {"NAVAL", "naval-vessel"},
                                 {"WARSHIP", "naval-vessel"},
                                 {"MERCHANT", "merchant-vessel"},
                                 {"M/V", "merchant-vessel"},
                                 {"MV ", "merchant-vessel"},
                                 {"MOTOR VESSEL", "merchant-vessel"}};

constexpr Pair kVesselStatus[] = {
    {"BUNKERING", "moored"},      {"ANCHOR", "anchored"},   {"BERTH", "berthed"},
    {"MOORED", "moored"},         {"STEAMING", "underway"}, {"UNDERWAY", "underway"},
    {"UNDER WAY", "underway"},    {"TOWED", "underway"},    {"DRIFTING", "drifting"},
    {"STATIONARY", "stationary"}, {"GROUNDED", "grounded"}, {"FISHING", "fishing"}};

constexpr std::string_view kVesselWords[] = {
    "A",         "ALL",        "AN",         "ANCHORED",   "AND",          "APPROX",
    "ASPHALT",   "AT",         "BARGE",      "BARGES",     "BERTHED",      "BITUMEN",
    "BOAT",      "BOATS",      "BOARDED",    "BULK",       "BULKER",       "BUNKERING",
    "CABLE",     "CAR",        "CARGO",      "CARRIER",    "CARRIERS",     "CATAMARAN",
    "CEMENT",    "CHEMICAL",   "CIVILIAN",   "COASTAL",    "COMMERCIAL",   "CONATAINER",
    "CONTAINER", "CRAFT",      "CREW",       "CRUDE",      "CRUISE",       "DHOW",
    "DHOWS",     "DREDGER",    "FERRY",      "FISHERMEN",  "FISHERMAN",    "FISHING",
    "FLAGGED",   "FLOATING",   "FOREIGN",    "FPSO",       "FREIGHTER",    "GAS",
    "GENERAL",   "HEAVY",      "HOPPER",     "KIDNAPPED",  "LANDING",      "LAUNCH",
    "LIFT",      "LIVESTOCK",  "LNG",        "LOAD",       "LPG",          "MERCHANT",
    "MOORED",    "MOTOR",      "MULTIPLE",   "N/A",        "NAVAL",        "NONE",
    "NUMEROUS",  "OFFSHORE",   "OIL",        "ONE",        "ORE",          "OSV",
    "PASSENGER", "PATROL",     "PIPE",       "PIPELINE",   "PIRATES",      "PLATFORM",
    "PLEASURE",  "PRODUCT",    "PRODUCTS",   "REEFER",     "REFRIGERATED", "RESEARCH",
    "RIG",       "RO-RO",      "RORO",       "SAILBOAT",   "SAILING",      "SAILBOATS",
    "SEISMIC",   "SEVERAL",    "SHIP",       "SHIPPING",   "SHIPS",        "SKIFF",
    "SMALL",     "SPEEDBOAT",  "SPEEDBOATS", "STATIONARY", "SUPPLY",       "SUPPORT",
    "SURVEY",    "SUSPICIOUS", "APPROACH",   "TANKER",     "TANKERS",      "THE",
    "THREE",     "TRAWLER",    "TRAWLERS",   "TUG",        "TUG/BARGE",    "BARGE/TUG",
    "TUGBOAT",   "TUGBOATS",   "TUGS",       "TWO",        "UNDERWAY",     "UNIDENTIFIED",
    "UNKNOWN",   "UNNAMED",    "VARIOUS",    "VEHICLE",    "VESSEL",       "VESSELS",
    "VLCC",      "WARSHIP",    "YACHT",      "YACHTS",     "MV",           "M/V",
    "M.V.",      "MT",         "M/T",        "FV",         "F/V",          "S/V",
    "SS",        "LOCAL",      "TOWED",      "TOWING",     "WITH",         "AUTHORITIES",
    "FACILITY",  "INDUSTRY",   "LAYER",      "SUPER",      "TERMINAL",     "INTO",
    "OF",        "CHIPS",      "WOOD",       "TRANSPORT",  "TRADE",        "INTER-ISLAND",
    "TRADER",    "&",          "/"};

constexpr std::string_view kAcronyms[] = {
    "AFP",          "AIS",      "AK-47",   "AK47",     "ASAM", "BBC",  "BIMCO",  "CCTV",  "CH16",
    "CH-16",        "CO2",      "COMMENT", "CPA",      "CSO",  "DWT",  "EEZ",    "ENE",   "ESE",
    "EUNAVFOR",     "FPSO",     "GMT",     "GPS",      "HRA",  "ICG",  "IFC",    "IMB",   "IMO",
    "INFO",         "INMARSAT", "IRTC",    "ISC",      "JTF",  "KTS",  "LMT",    "LNG",   "LPG",
    "LTTE",         "M-16",     "M16",     "MDAT-GOG", "MDAT", "MEND", "MMEA",   "MPA",   "MRCC",
    "MSCHOA",       "NATO",     "NAVFOR",  "NAVTEX",   "NFI",  "NGO",  "NIMASA", "NNE",   "NNW",
    "NOTE",         "ONI",      "OOW",     "OPL",      "PCG",  "PFSO", "POCC",   "PRC",   "RAB",
    "REUTERS",      "RO-RO",    "RORO",    "RPG",      "SBM",  "SLN",  "SPM",    "SSAS",  "SSE",
    "SSO",          "SSW",      "STBD",    "STS",      "TSS",  "UAE",  "UHF",    "UKMTO", "UKTMO",
    "UNCLASSIFIED", "UPDATE",   "UPI",     "USCG",     "USD",  "UTC",  "VHF",    "VLCC",  "VTIS",
    "VTMS",         "VTS",      "WFP",     "WNW",      "WSW",  "JAN",  "FEB",    "MAR",   "APR",
    "MAY",          "JUN",      "JUL",     "AUG",      "SEP",  "OCT",  "NOV",    "DEC"};

bool is_word(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool whole_word(std::string_view text, std::size_t at, std::size_t size) {
  return (at == 0 || !is_word(text[at - 1])) &&
         (at + size == text.size() || !is_word(text[at + size]));
}

template <std::size_t N>
std::string_view keyword(Pair const (&table)[N], std::string_view text) {
  std::string const upper = ascii_upper(text);
  for (auto const& [word, label] : table)
    if (upper.find(word) != std::string::npos) return label;
  return "";
}

template <std::size_t N>
bool listed(std::string_view const (&table)[N], std::string_view word) {
  return std::find(std::begin(table), std::end(table), word) != std::end(table);
}

}  // namespace

std::string_view alpha2_of(std::string_view alpha3) {
  for (auto const& [three, two] : kAlpha3)
    if (three == alpha3) return two;
  return "";
}

std::string_view country_named(std::string_view heading) {
  std::string const text = ascii_upper(heading);
  for (std::size_t at = 0; at < text.size();) {
    Pair const* best = nullptr;
    for (Pair const& entry : kCountries) {
      auto const& name = entry.first;
      if (std::string_view(text).substr(at).starts_with(name) &&
          whole_word(text, at, name.size()) &&
          (best == nullptr || name.size() > best->first.size()))
        best = &entry;
    }
    if (best != nullptr && !best->second.empty()) return best->second;
    at += best != nullptr ? best->first.size() : 1;
  }
  return "";
}

std::string_view coast_by_position(Position const& p) {
  for (Box const& box : kBoxes)
    if (p.latitude >= box.south && p.latitude <= box.north && p.longitude >= box.west &&
        p.longitude <= box.east)
      return box.coast;
  return "";
}

std::string_view act_of(std::string_view text) {
  return keyword(kActs, text);
}
std::string_view actor_of(std::string_view text) {
  return keyword(kActors, text);
}
std::string_view vessel_type_of(std::string_view text) {
  return keyword(kVesselTypes, text);
}
std::string_view vessel_status_of(std::string_view text) {
  return keyword(kVesselStatus, text);
}
bool is_vessel_word(std::string_view word) {
  return listed(kVesselWords, word);
}
bool is_known_acronym(std::string_view word) {
  return listed(kAcronyms, word);
}

}  // namespace amic::importers
