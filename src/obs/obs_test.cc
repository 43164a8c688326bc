#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "obs/log.h"
#include "obs/metrics.h"

namespace amic::obs {
namespace {

static_assert(!std::convertible_to<Bytes, LogValue>);
static_assert(!std::convertible_to<BytesView, LogValue>);
static_assert(!std::convertible_to<Hash, LogValue>);
static_assert(!std::convertible_to<void*, LogValue>);

class LogTest : public testing::Test {
 protected:
  void SetUp() override { start(Level::kInfo); }
  void TearDown() override { ASSERT_TRUE(set_up_log({})); }
  void start(Level level) {
    LogOptions options;
    options.level = level;
    options.clock = &clock_;
    options.sink = [this](std::string_view line) { lines_.emplace_back(line); };
    ASSERT_TRUE(set_up_log(std::move(options)));
  }
  ManualClock clock_{1'709'210'096'007};  // a leap day
  std::vector<std::string> lines_;
};

TEST_F(LogTest, WritesOneObjectALine) {
  std::string const peer = "MY";
  log(Level::kInfo, "link.up",
      {{"peer", peer}, {"n", 3}, {"u", ~0ULL}, {"d", 0.5}, {"ok", true}, {"text", "a\"b\\c\n"}});
  ASSERT_EQ(lines_.size(), 1u);
  EXPECT_EQ(lines_[0],
            R"({"time":"2024-02-29T12:34:56.007Z","level":"info","event":"link.up","peer":"MY",)"
            R"("n":3,"u":18446744073709551615,"d":0.5,"ok":true,"text":"a\"b\\c\u000a"})");
}

TEST_F(LogTest, ObeysItsLevel) {
  log(Level::kDebug, "quiet");
  log(Level::kOff, "never");
  EXPECT_TRUE(lines_.empty());
  EXPECT_FALSE(log_enabled(Level::kDebug));
  start(Level::kDebug);
  log(Level::kDebug, "loud");
  EXPECT_EQ(lines_.size(), 1u);
  start(Level::kOff);
  log(Level::kError, "off");
  EXPECT_EQ(lines_.size(), 1u);
}

TEST_F(LogTest, RepairsBadTextAndCutsLongText) {
  log(Level::kWarn, "x",
      {{"bad", "a\xff\xed\xa0\x80z"}, {"nan", std::numeric_limits<double>::quiet_NaN()}});
  EXPECT_NE(lines_[0].find("\"bad\":\"a\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz\""),
            std::string::npos);
  EXPECT_NE(lines_[0].find("\"nan\":null"), std::string::npos);
  log(Level::kWarn, "x", {{"long", std::string(1 << 20, 'a')}});
  EXPECT_LT(lines_[1].size(), kLogStringBytesMax + 200);
}

RC_GTEST_FIXTURE_PROP(LogTest, ALineIsAlwaysOneLine, (std::string const& text)) {
  lines_.clear();
  log(Level::kError, text, {{text, text}});
  RC_ASSERT(lines_.size() == 1u);
  for (unsigned char c : lines_[0]) RC_ASSERT(c >= 0x20);
}

TEST_F(LogTest, IsThreadSafe) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([] {
      for (int i = 0; i < 500; ++i) log(Level::kInfo, "tick", {{"i", i}});
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(lines_.size(), 2000u);
}

TEST(LogFile, IsWrittenRotatedAndRefusedIfImpossible) {
  auto const dir = std::filesystem::temp_directory_path() /
                   ("amic-obs-" + std::to_string(std::random_device{}()));
  LogOptions options;
  options.file = (dir / "node.log").string();
  options.file_bytes_max = 4096;
  options.files_max = 2;
  ASSERT_TRUE(set_up_log(options));
  for (int i = 0; i < 200; ++i) log(Level::kInfo, "tick", {{"i", i}});
  flush_log();
  std::size_t files = 0;
  for (auto const& entry : std::filesystem::directory_iterator(dir)) {
    ++files;
    EXPECT_LE(entry.file_size(), 4096u);
  }
  EXPECT_EQ(files, 3u);
  options.file = (dir / "node.log" / "impossible").string();
  EXPECT_EQ(set_up_log(options).error().code, Code::kIo);
  log(Level::kInfo, "still.here");
  flush_log();
  std::ifstream in(dir / "node.log");
  std::string const all((std::istreambuf_iterator<char>(in)), {});
  EXPECT_NE(all.find("still.here"), std::string::npos);
  ASSERT_TRUE(set_up_log({}));
  std::filesystem::remove_all(dir);
}

TEST(Level, NamesRoundTrip) {
  for (auto level : {Level::kDebug, Level::kInfo, Level::kWarn, Level::kError, Level::kOff})
    EXPECT_EQ(parse_level(level_name(level)).value(), level);
  EXPECT_EQ(parse_level("loud").error().code, Code::kUsage);
}

TEST(Metrics, ExposesTheTextFormat) {
  Metrics metrics;
  metrics.counter("amic_sent_total", "Sent.", {{"peer", "M\"Y\\"}, {"lane", "FLASH"}}).add(3);
  metrics.gauge("amic_up", "Up\nnow.").set(0.5);
  auto& h = metrics.histogram("amic_s", "Latency.", {0.1, 1}, {{"a", "b"}});
  for (double v : {0.05, 0.1, 0.5, 7.0}) h.observe(v);
  EXPECT_EQ(
      metrics.text(),
      "# HELP amic_s Latency.\n# TYPE amic_s histogram\n"
      "amic_s_bucket{a=\"b\",le=\"0.1\"} 2\namic_s_bucket{a=\"b\",le=\"1\"} 3\n"
      "amic_s_bucket{a=\"b\",le=\"+Inf\"} 4\namic_s_sum{a=\"b\"} 7.65\namic_s_count{a=\"b\"} 4\n"
      "# HELP amic_sent_total Sent.\n# TYPE amic_sent_total counter\n"
      "amic_sent_total{lane=\"FLASH\",peer=\"M\\\"Y\\\\\"} 3\n"
      "# HELP amic_up Up\\nnow.\n# TYPE amic_up gauge\namic_up 0.5\n");
}

TEST(Metrics, ReturnsTheSameSeriesWhateverTheLabelOrder) {
  Metrics metrics;
  auto& a = metrics.counter("x", "", {{"b", "1"}, {"a", "2"}});
  auto& b = metrics.counter("x", "", {{"a", "2"}, {"b", "1"}});
  EXPECT_EQ(&a, &b);
  EXPECT_NE(&a, &metrics.counter("x", "", {{"a", "3"}}));
}

TEST(Metrics, IsBoundedAndRefusesBadNames) {
  Metrics metrics(2);
  metrics.counter("a", "").add();
  metrics.counter("b", "").add();
  metrics.counter("c", "").add();          // beyond the bound
  metrics.gauge("a", "").set(5);           // another type
  metrics.counter("1bad name", "").add();  // ill-formed
  metrics.counter("a", "", {{"le", "x"}}).add();
  auto const text = metrics.text();
  EXPECT_EQ(text.find("# HELP c"), std::string::npos);
  EXPECT_EQ(text.find("bad name"), std::string::npos);
  EXPECT_NE(text.find("amic_metrics_refused_total 4\n"), std::string::npos);
  EXPECT_EQ(metrics.counter("a", "").value(), 1u);
}

TEST(Metrics, CountsFromManyThreads) {
  Metrics metrics;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) {
        metrics.counter("n", "").add();
        metrics.gauge("g", "").add(1);
        metrics.histogram("h", "", latency_seconds_bounds()).observe(0.002);
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(metrics.counter("n", "").value(), 4000u);
  EXPECT_EQ(metrics.gauge("g", "").value(), 4000);
  EXPECT_EQ(metrics.histogram("h", "", {}).counts()[2], 4000u);
}

}  // namespace
}  // namespace amic::obs
