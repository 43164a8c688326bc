// Encoding repair, tables, vessel names.
#include <gtest/gtest.h>

#include "importers/tables.h"
#include "importers/text_repair.h"
#include "importers/vessel_names.h"

namespace amic::importers {
namespace {

using Names = std::vector<std::string>;

TEST(TextRepair, DecidesByField) {
  std::string out = "untouched";
  EXPECT_EQ(to_utf8("\xC3\xA9t\xC3\xA9", out), Encoding::kUtf8);
  EXPECT_EQ(out, "\xC3\xA9t\xC3\xA9");
  EXPECT_EQ(to_utf8("ship\x92s \x80 5 \xE9", out), Encoding::kWindows1252);
  EXPECT_EQ(out, "ship’s € 5 é");
  out = "untouched";
  EXPECT_EQ(to_utf8("unassigned \x81", out), Encoding::kUnknown);
  EXPECT_EQ(to_utf8("\xC3\xA9 and \x92", out), Encoding::kUnknown);  // a mixture
  EXPECT_EQ(out, "untouched");
}

TEST(TextRepair, ControlsAndSpaces) {
  EXPECT_EQ(without_controls("a\x01"
                             "b\tc\nd\x7F"),
            "a b c\nd ");
  EXPECT_EQ(collapsed("  a \n\t b  "), "a b");
  EXPECT_EQ(ascii_upper("aé-Z1"), "Aé-Z1");
}

TEST(Tables, CountriesInHeadings) {
  EXPECT_EQ(country_named("INDONESIA"), "ID");
  EXPECT_EQ(country_named("CHITTAGONG ANCHORAGE, BANGLADESH"), "BD");
  EXPECT_EQ(country_named("NIGERIA (BONNY RIVER)"), "NG");
  EXPECT_EQ(country_named("PAPUA NEW GUINEA"), "PG");
  EXPECT_EQ(country_named("GUINEA-BISSAU"), "GW");
  EXPECT_EQ(country_named("SINGAPORE STRAIT"), "SG");
  EXPECT_EQ(country_named("Singapore Strait"), "SG");
  EXPECT_EQ(country_named("SOUTH CHINA SEA"), "");
  EXPECT_EQ(country_named("SOUTH CHINA SEA, VIETNAM"), "VN");
  EXPECT_EQ(country_named("GULF OF OMAN"), "");
  EXPECT_EQ(country_named("INDIAN OCEAN"), "");
  EXPECT_EQ(country_named("ROMANIAN PORT"), "");
  EXPECT_EQ(country_named(""), "");
  EXPECT_EQ(alpha2_of("IDN"), "ID");
  EXPECT_EQ(alpha2_of("NA"), "");
}

TEST(Tables, CoastsByBox) {
  auto const at = [](double lat, double lon) {
    return coast_by_position({lat, lon, Resolution::kMinute});
  };
  EXPECT_EQ(at(1.27, 104.28), "SG");
  EXPECT_EQ(at(-6.1, 106.9), "ID");
  EXPECT_EQ(at(13.72, 121.03), "PH");
  EXPECT_EQ(at(10.3, 107.1), "VN");
  EXPECT_EQ(at(6.45, 3.38), "");
}

TEST(Tables, Labels) {
  EXPECT_EQ(act_of("Attempted Boarding"), "attempted-boarding");
  EXPECT_EQ(act_of("SUSPICOUS APPROACH"), "suspicious-approach");
  EXPECT_EQ(actor_of("FIVE PRIATES"), "pirates");
  EXPECT_EQ(vessel_type_of("Conatainer ship"), "container-ship");
  EXPECT_EQ(vessel_type_of("LPG Tanker"), "gas-tanker");
  EXPECT_EQ(vessel_status_of("Anchored tanker PUFFIN"), "anchored");
  EXPECT_EQ(vessel_type_of(""), "");
}

TEST(VesselNames, InVictims) {
  EXPECT_EQ(names_in_victim("Malta-flagged bulk carrier NEFELI", ""), (Names{"NEFELI"}));
  EXPECT_EQ(names_in_victim("BULK CARRIER NORD MUMBAI", ""), (Names{"NORD MUMBAI"}));
  EXPECT_EQ(names_in_victim("TUG CREST APACHE & BARGE TERAS 3717", ""),
            (Names{"CREST APACHE", "TERAS 3717"}));
  EXPECT_EQ(names_in_victim("FISHING VESSELS TARA 1 AND OMI 5", ""), (Names{"TARA 1", "OMI 5"}));
  EXPECT_EQ(names_in_victim("m/v ULF RITSCHER", ""), (Names{"ULF RITSCHER"}));
  EXPECT_EQ(names_in_victim("GONE TROPPO", "the yacht (GONE TROPPO)"), (Names{"GONE TROPPO"}));
  EXPECT_EQ(names_in_victim("GONE TROPPO", "nothing confirms it"), Names{});
  EXPECT_EQ(names_in_victim("GERMAN SHIP ALAN KURDI", ""), (Names{"ALAN KURDI"}));
  EXPECT_EQ(names_in_victim("LPG Tanker", ""), Names{});
  EXPECT_EQ(names_in_victim("MERCHANT VESSEL", "MERCHANT VESSEL"), Names{});
  EXPECT_EQ(names_in_victim("", ""), Names{});
}

TEST(VesselNames, InLists) {
  EXPECT_EQ(names_in_list("Mv Cosmic Leader"), (Names{"COSMIC LEADER"}));
  EXPECT_EQ(names_in_list("Masindra 13 & Tropical Jaya"), (Names{"MASINDRA 13", "TROPICAL JAYA"}));
  EXPECT_EQ(names_in_list("Zikomoni, Shima, Vai Vai"), (Names{"ZIKOMONI", "SHIMA", "VAI VAI"}));
  EXPECT_EQ(names_in_list("P & O Nedlloyd Lagos"), (Names{"P&O NEDLLOYD LAGOS"}));
  for (char const* none : {"NA", "N/A", "Unknown", "Unspecified", "Name Withheld", "Fishing Boat",
                           "", "Name Withheld & Name Withheld"})
    EXPECT_EQ(names_in_list(none), Names{}) << none;
}

TEST(VesselNames, Redaction) {
  bool withheld = false;
  EXPECT_EQ(
      redact_text("BRAZIL: On 3 May the tanker Cielo de Chile and S/V Sea Oak met HAI LU FENG 11 "
                  "(IMB) at 0100 UTC near the LPG jetty.",
                  {"CIELO DE CHILE"}, withheld),
      "BRAZIL: On 3 May the tanker [vessel] and S/V [vessel] met [vessel] (IMB) at 0100 UTC near "
      "the "
      "LPG jetty.");
  EXPECT_FALSE(withheld);
  EXPECT_EQ(redact_text("INDIA: THE TANKER FOO WAS BOARDED", {}, withheld), "");
  EXPECT_TRUE(withheld);
  EXPECT_EQ(redact_victim("Hong Kong-flagged tanker UST LUGA"),
            "Hong Kong-flagged tanker [vessel]");
  EXPECT_EQ(redact_victim("TUG EVER PROSPER"), "TUG [vessel]");
  EXPECT_EQ(redact_victim("Tanker Pramoni"), "Tanker [vessel]");
  EXPECT_EQ(redact_victim("GONE TROPPO"), "[vessel]");
}

}  // namespace
}  // namespace amic::importers
