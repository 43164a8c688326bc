// The calendar against the rules of RFC 5545, line by line.
#include "consent/icalendar.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>
#include <regex>

#include "codec/codec.h"
#include "codec/testing.h"
#include "consent/ledger_testing.h"

namespace amic::consent {
namespace {

using testing::id_of;
using testing::some_meeting;
using testing::World;

struct Line {
  std::string name, value;
};

// Section 3.1: CRLF at the end of each line and nowhere else, at most 75 octets, characters whole.
std::vector<Line> content_lines(std::string const& text) {
  std::vector<Line> out;
  std::string current;
  std::size_t at = 0;
  auto const flush = [&] {
    if (current.empty()) return;
    std::size_t const colon = current.find(':');
    EXPECT_NE(colon, std::string::npos) << current;
    out.push_back({current.substr(0, colon), current.substr(colon + 1)});
    EXPECT_TRUE(std::regex_match(out.back().name, std::regex("[A-Z][A-Z-]*"))) << current;
    current.clear();
  };
  while (at < text.size()) {
    std::size_t const end = text.find("\r\n", at);
    EXPECT_NE(end, std::string::npos) << "the last line has no CRLF";
    if (end == std::string::npos) break;
    std::string const line = text.substr(at, end - at);
    at = end + 2;
    EXPECT_FALSE(line.empty());
    EXPECT_LE(line.size(), 75U);
    EXPECT_EQ(line.find_first_of("\r\n"), std::string::npos);
    EXPECT_TRUE(codec::is_utf8(line)) << "a character is cut: " << line;
    if (line[0] == ' ') {
      current += line.substr(1);
    } else {
      flush();
      current = line;
    }
  }
  flush();
  return out;
}

// Section 3.3.11: every comma, semicolon and backslash is escaped, and nothing else is.
std::string unescaped(std::string const& value) {
  std::string out;
  for (std::size_t i = 0; i < value.size(); ++i) {
    EXPECT_NE(value[i], ',') << value;
    EXPECT_NE(value[i], ';') << value;
    if (value[i] != '\\') {
      out += value[i];
      continue;
    }
    EXPECT_LT(i + 1, value.size()) << "ends in a backslash: " << value;
    char const next = i + 1 < value.size() ? value[++i] : '?';
    EXPECT_TRUE(next == '\\' || next == ',' || next == ';' || next == 'n') << value;
    out += next == 'n' ? '\n' : next;
  }
  return out;
}

using Component = std::map<std::string, std::string>;  // properties, each at most once here

struct Parsed {
  Component calendar;
  std::vector<Component> events, to_dos;
};

Parsed strictly_parsed(std::string const& text) {
  Parsed out;
  std::vector<std::string> open;
  Component* into = nullptr;
  for (auto const& [name, value] : content_lines(text)) {
    if (name == "BEGIN") {
      EXPECT_TRUE(open.empty() ? value == "VCALENDAR"
                               : open.size() == 1 && (value == "VEVENT" || value == "VTODO"));
      open.push_back(value);
      auto& list = value == "VEVENT" ? out.events : out.to_dos;
      if (value == "VCALENDAR")
        into = &out.calendar;
      else
        into = &list.emplace_back();
    } else if (name == "END") {
      EXPECT_FALSE(open.empty());
      if (open.empty()) break;
      EXPECT_EQ(open.back(), value);
      open.pop_back();
    } else {
      EXPECT_NE(into, nullptr);
      if (into == nullptr) break;
      EXPECT_TRUE(into->emplace(name, value).second) << name << " twice";
    }
  }
  EXPECT_TRUE(open.empty());
  std::regex const utc("[0-9]{8}T[0-9]{6}Z");
  std::map<std::string, std::set<std::string>> const allowed{
      {"VEVENT",
       {"UID", "DTSTAMP", "SEQUENCE", "DTSTART", "DTEND", "SUMMARY", "LOCATION", "DESCRIPTION",
        "STATUS"}},
      {"VTODO",
       {"UID", "DTSTAMP", "SEQUENCE", "DUE", "SUMMARY", "DESCRIPTION", "RELATED-TO", "STATUS"}}};
  EXPECT_EQ(out.calendar.at("VERSION"), "2.0");
  EXPECT_EQ(out.calendar.count("PRODID"), 1U);
  EXPECT_FALSE(out.events.empty() && out.to_dos.empty());
  auto const check = [&](Component const& one, std::string const& kind) {
    for (auto const* required : {"UID", "DTSTAMP"}) EXPECT_EQ(one.count(required), 1U);
    for (auto const& [name, value] : one) {
      EXPECT_TRUE(allowed.at(kind).contains(name)) << name;
      if (name == "DTSTAMP" || name == "DTSTART" || name == "DTEND" || name == "DUE")
        EXPECT_TRUE(std::regex_match(value, utc)) << name << " " << value;
      else
        unescaped(value);
    }
  };
  for (auto const& one : out.events) {
    check(one, "VEVENT");
    EXPECT_EQ(one.count("DTSTART"), 1U);
    if (one.count("DTEND") != 0) {
      EXPECT_GT(one.at("DTEND"), one.at("DTSTART"));
    }
    EXPECT_TRUE(one.at("STATUS") == "CONFIRMED" || one.at("STATUS") == "CANCELLED");
  }
  for (auto const& one : out.to_dos) check(one, "VTODO");
  return out;
}

MeetingRecord record_of(Meeting meeting) {
  return {id_of("AA"), 1'730'500'000'000, 3, testing::some_hash(5), std::move(meeting)};
}

TEST(ICalendar, HoldsMeetingsAndOpenActionItems) {
  World w;
  std::vector<MeetingRecord> const records{record_of(some_meeting(4))};
  std::string const text = icalendar(records, w.ledgers[0].community()).value();
  Parsed const parsed = strictly_parsed(text);
  ASSERT_EQ(parsed.events.size(), 1U);
  ASSERT_EQ(parsed.to_dos.size(), 1U);  // the other one is done
  Component const& event = parsed.events[0];
  EXPECT_EQ(event.at("SEQUENCE"), "4");
  EXPECT_EQ(event.at("DTSTART"), "20241103T021320Z");
  EXPECT_EQ(event.at("DTEND"), "20241103T041320Z");
  EXPECT_EQ(unescaped(event.at("SUMMARY")), "Staff officers' meeting");
  EXPECT_EQ(unescaped(event.at("LOCATION")), "Harbour Hall, room 2");
  EXPECT_EQ(parsed.to_dos[0].at("RELATED-TO"), event.at("UID"));
  EXPECT_EQ(parsed.to_dos[0].at("DUE"), "20241104T041320Z");
  EXPECT_EQ(unescaped(parsed.to_dos[0].at("SUMMARY")),
            "Member BB: Circulate the revised text; ask for comments,");
  EXPECT_EQ(codec::testing::golden_text("consent/meeting.ics", text), text);
}

TEST(ICalendar, UidStaysOverRevisionsAndDiffersBetweenMeetings) {
  World w;
  auto const uid = [&](Meeting meeting) {
    std::vector<MeetingRecord> const one{record_of(std::move(meeting))};
    return strictly_parsed(icalendar(one, w.ledgers[0].community()).value()).events[0].at("UID");
  };
  Meeting moved = some_meeting(2);
  moved.start_ms += 1'000'000;
  moved.end_ms += 1'000'000;
  moved.title = "Another title";
  EXPECT_EQ(uid(moved), uid(some_meeting(1)));
  moved.id.data[0] ^= 1;
  EXPECT_NE(uid(moved), uid(some_meeting(1)));
}

TEST(ICalendar, CancelledAndEndlessMeetings) {
  World w;
  Meeting meeting = some_meeting();
  meeting.state = MeetingState::kCancelled;
  meeting.end_ms = meeting.start_ms;
  meeting.actions.clear();
  std::vector<MeetingRecord> const records{record_of(meeting)};
  Parsed const parsed = strictly_parsed(icalendar(records, w.ledgers[0].community()).value());
  EXPECT_EQ(parsed.events[0].at("STATUS"), "CANCELLED");
  EXPECT_EQ(parsed.events[0].count("DTEND"), 0U);
  EXPECT_FALSE(icalendar({}, w.ledgers[0].community()));
}

// Long lines and characters of every length, folded at every offset.
RC_GTEST_PROP(ICalendarProperty, WhateverTheTextTheRulesHold, ()) {
  static World const w;
  std::string title;
  for (int n = *rc::gen::inRange(1, 40); n > 0 && title.size() < 120; --n)
    title += *rc::gen::element<std::string>("a", ";", ",", "\\", ":", "\"", "é", "ក", "ไทย", "😀");
  Meeting meeting = some_meeting();
  meeting.title = title;
  meeting.actions[0].text = title + "\n" + title + "\t\\n" + title;
  std::vector<MeetingRecord> const records{record_of(meeting)};
  auto const text = icalendar(records, w.ledgers[0].community()).value();
  Parsed const parsed = strictly_parsed(text);
  RC_ASSERT(!::testing::Test::HasFailure());
  RC_ASSERT(unescaped(parsed.events.at(0).at("SUMMARY")) == title);
  RC_ASSERT(unescaped(parsed.to_dos.at(0).at("DESCRIPTION")).find(meeting.actions[0].text) == 0);
}

}  // namespace
}  // namespace amic::consent
