// Structured log: one JSON object a line, e.g.
//   {"time":"2026-01-02T03:04:05.678Z","level":"info","event":"net.listen","port":8443}
// Values are strings, integers, doubles and booleans only, so that a key or a struct can't slip in:
// crypto::Secret and Bytes do not convert. Never log passphrases, tokens, keys or item contents.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "base/result.h"

namespace amic::obs {

enum class Level { kDebug, kInfo, kWarn, kError, kOff };
std::string_view level_name(Level level);          // "debug" ...
Result<Level> parse_level(std::string_view text);  // kUsage

// One value. Strings are borrowed for the call only.
class LogValue {
 public:
  template <class T>
  requires std::convertible_to<T const&, std::string_view> LogValue(T const& text)
      : value_(std::string_view(text)) {}  // NOLINT: implicit by design
  template <std::signed_integral T>
  LogValue(T number) : value_(static_cast<std::int64_t>(number)) {}
  template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>) LogValue(T number)
      : value_(static_cast<std::uint64_t>(number)) {}
  template <std::same_as<bool> T>
  LogValue(T truth) : value_(truth) {}
  LogValue(double number) : value_(number) {}

  using Variant = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;
  Variant const& get() const { return value_; }

 private:
  Variant value_;
};

struct LogField {
  std::string_view key;
  LogValue value;
};

struct LogOptions {
  Level level = Level::kInfo;
  std::string file;                       // empty: stderr
  std::size_t file_bytes_max = 64 << 20;  // then rotated to file.1 ... file.<files_max>
  std::size_t files_max = 4;
  Clock const* clock = nullptr;  // must outlive the log; none: the system's clock
  // Set: gets every line (without newline) instead of stderr or a file. Serialised.
  std::function<void(std::string_view)> sink;
};

// Replaces the process-wide log. Any thread; lines under way go to the old one. kIo: the file can't
// be opened, and the old log stays. Before the first call lines go to stderr from level info.
Result<void> set_up_log(LogOptions options);

bool log_enabled(Level level);

// Any thread. At most kLogFieldsMax fields; a string longer than kLogStringBytesMax is cut; bytes
// that are not UTF-8 become U+FFFD, so a line is always one line of valid JSON.
inline constexpr std::size_t kLogFieldsMax = 32;
inline constexpr std::size_t kLogStringBytesMax = 2048;
void log(Level level, std::string_view event, std::initializer_list<LogField> fields = {});

// Writes what is buffered.
void flush_log();

}  // namespace amic::obs
