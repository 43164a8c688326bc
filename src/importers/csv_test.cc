#include "importers/csv.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace amic::importers {
namespace {

std::vector<CsvRecord> all(std::string_view text, CsvLimits limits = {}) {
  CsvReader reader(text, limits);
  std::vector<CsvRecord> out;
  for (CsvRecord record; reader.next(record);) out.push_back(record);
  return out;
}

using Fields = std::vector<std::string>;

TEST(Csv, ReadsPlainAndQuotedFieldsWithTheirLines) {
  auto const rows =
      all("\xEF\xBB\xBF"
          "a,b\r\n1,\"x\ny,\"\"z\"\"\"\n\n\r\n,\n\"\"\nlast,");
  ASSERT_EQ(rows.size(), 5u);
  EXPECT_EQ(rows[0].fields, (Fields{"a", "b"}));
  EXPECT_EQ(rows[0].line, 1u);
  EXPECT_EQ(rows[1].fields, (Fields{"1", "x\ny,\"z\""}));
  EXPECT_EQ(rows[1].line, 2u);
  EXPECT_EQ(rows[1].text, "1,\"x\ny,\"\"z\"\"\"");
  EXPECT_EQ(rows[2].fields, (Fields{"", ""}));
  EXPECT_EQ(rows[2].line, 6u);
  EXPECT_EQ(rows[3].fields, (Fields{""}));
  EXPECT_EQ(rows[4].fields, (Fields{"last", ""}));
  EXPECT_EQ(rows[4].line, 8u);
  for (auto const& row : rows) EXPECT_FALSE(row.error);
}

TEST(Csv, AnEmptyTextHasNoRecords) {
  EXPECT_TRUE(all("").empty());
  EXPECT_TRUE(all("\xEF\xBB\xBF").empty());
  EXPECT_TRUE(all("\n\r\n\n").empty());
}

TEST(Csv, BadRecordsAreReportedWithTheirLineAndReadingGoesOn) {
  struct Case {
    std::string text, where, detail;
  };
  Case const cases[] = {
      {"ok\na\"b,c\nok\n", "line 2", "a quote inside an unquoted field"},
      {"ok\n\"a\nb\"c,d\nok\n", "line 3", "text after a closing quote"},
      {"ok\na\rb\nok\n", "line 2", "a carriage return without line feed"},
  };
  for (Case const& c : cases) {
    auto const rows = all(c.text);
    ASSERT_EQ(rows.size(), 3u) << c.text;
    ASSERT_TRUE(rows[1].error) << c.text;
    EXPECT_EQ(rows[1].error->code, Code::kMalformed);
    EXPECT_EQ(rows[1].error->where, c.where);
    EXPECT_EQ(rows[1].error->detail, c.detail);
    EXPECT_EQ(rows[2].fields, (Fields{"ok"}));
    EXPECT_FALSE(rows[2].error);
  }
}

TEST(Csv, AQuoteNeverClosedNamesWhereItOpened) {
  auto const rows = all("ok\n1,\"x\ny\nz");
  ASSERT_EQ(rows.size(), 2u);
  ASSERT_TRUE(rows[1].error);
  EXPECT_EQ(rows[1].line, 2u);
  EXPECT_EQ(rows[1].error->where, "line 4");
  EXPECT_EQ(rows[1].error->detail, "the quote opened on line 2 is never closed");
}

TEST(Csv, LimitsRefuseOneRecordOnly) {
  CsvLimits limits;
  limits.field_bytes_max = 4;
  limits.record_bytes_max = 7;
  limits.fields_max = 3;
  for (std::string const bad : {"12345", "1234,5678", "1,2,3,4", "\"12\n45\""}) {
    auto const rows = all("1234,567\n" + bad + "\n1,2,3\n", limits);
    ASSERT_EQ(rows.size(), 3u) << bad;
    EXPECT_FALSE(rows[0].error);
    ASSERT_TRUE(rows[1].error) << bad;
    EXPECT_EQ(rows[1].error->code, Code::kTooLarge);
    EXPECT_FALSE(rows[2].error);
    EXPECT_EQ(rows[2].fields, (Fields{"1", "2", "3"}));
  }
}

RC_GTEST_PROP(Csv, WhatIsWrittenIsRead, (std::vector<std::vector<std::string>> const& table)) {
  std::string text;
  std::vector<Fields> expected;
  for (auto const& fields : table) {
    if (fields.empty()) continue;
    text += csv_line(fields);
    expected.push_back(fields);
  }
  // A text that starts with the byte order mark's bytes is the one thing that can't be told apart.
  RC_PRE(!text.starts_with("\xEF\xBB\xBF"));
  auto const rows = all(text);
  RC_ASSERT(rows.size() == expected.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    RC_ASSERT(!rows[i].error);
    RC_ASSERT(rows[i].fields == expected[i]);
  }
}

RC_GTEST_PROP(Csv, EveryByteOfAnyTextBelongsToOneRecordOrABreak, ()) {
  auto const text =
      *rc::gen::container<std::string>(rc::gen::element('a', '"', ',', '\n', '\r', '\xC3'));
  std::size_t breaks_inside = 0, last_line = 0, bytes = 0;
  for (auto const& row : all(text)) {
    RC_ASSERT(row.line > last_line);
    last_line =
        row.line + static_cast<std::size_t>(std::count(row.text.begin(), row.text.end(), '\n'));
    breaks_inside += last_line - row.line;
    bytes += row.text.size();
    RC_ASSERT(row.line ==
              1 + static_cast<std::size_t>(std::count(text.data(), row.text.data(), '\n')));
  }
  RC_ASSERT(bytes <= text.size());
}

}  // namespace
}  // namespace amic::importers
