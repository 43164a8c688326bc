#include "obs/log.h"

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <atomic>
#include <cmath>
#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>

namespace amic::obs {
namespace {

struct Destination {
  std::shared_ptr<spdlog::logger> logger;
  Clock const* clock = nullptr;
};

SystemClock const kSystemClock;

class CallbackSink final : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit CallbackSink(std::function<void(std::string_view)> call) : call_(std::move(call)) {}

 private:
  void sink_it_(spdlog::details::log_msg const& message) override {
    call_(std::string_view(message.payload.data(), message.payload.size()));
  }
  void flush_() override {}
  std::function<void(std::string_view)> call_;
};

std::shared_ptr<Destination const> make_destination(spdlog::sink_ptr sink, Clock const* clock) {
  auto out = std::make_shared<Destination>();
  out->logger = std::make_shared<spdlog::logger>("amic", std::move(sink));
  out->logger->set_pattern("%v");
  out->logger->set_level(spdlog::level::trace);  // our own level decides
  out->logger->flush_on(spdlog::level::info);  // kill -9 loses debug lines at most
  out->clock = clock != nullptr ? clock : &kSystemClock;
  return out;
}

// The log is one of two pieces of process-wide state (the other is default_metrics): passing it to
// each function that may meet something worth telling would drown every signature.
struct State {
  std::mutex mutex;
  std::shared_ptr<Destination const> destination =
      make_destination(std::make_shared<spdlog::sinks::stderr_sink_mt>(), nullptr);
  std::atomic<Level> level{Level::kInfo};

  std::shared_ptr<Destination const> get() {
    std::lock_guard const lock(mutex);
    return destination;
  }
};

State& state() {
  static State* const value = new State;  // never destroyed: threads may log until the very end
  return *value;
}

// Length of the well-formed UTF-8 sequence at the front of `text`, 0 if there is none.
std::size_t utf8_length(std::string_view text) {
  auto const at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  auto const lead = at(0);
  if (lead < 0x80) return 1;
  std::size_t const need = lead >= 0xC2 && lead < 0xE0   ? 2
                           : lead >= 0xE0 && lead < 0xF0 ? 3
                           : lead >= 0xF0 && lead < 0xF5 ? 4
                                                         : 0;
  if (need == 0 || text.size() < need) return 0;
  for (std::size_t i = 1; i < need; ++i)
    if ((at(i) & 0xC0) != 0x80) return 0;
  if (lead == 0xE0 && at(1) < 0xA0) return 0;
  if (lead == 0xED && at(1) > 0x9F) return 0;  // surrogates
  if (lead == 0xF0 && at(1) < 0x90) return 0;
  if (lead == 0xF4 && at(1) > 0x8F) return 0;
  return need;
}

// obs is below the json module, and a log line must not fail: so it escapes by itself.
void append_string(std::string& out, std::string_view text) {
  bool const cut = text.size() > kLogStringBytesMax;
  if (cut) text = text.substr(0, kLogStringBytesMax);
  out += '"';
  while (!text.empty()) {
    auto const length = utf8_length(text);
    auto const c = static_cast<unsigned char>(text.front());
    if (length == 0) {
      out += "\xEF\xBF\xBD";
    } else if (c == '"' || c == '\\') {
      out += '\\';
      out += text.front();
    } else if (c < 0x20 || c == 0x7F) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", c);
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  if (cut) out += "...";
  out += '"';
}

void append_value(std::string& out, LogValue const& value) {
  std::visit(
      [&](auto const& v) {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, std::string_view>) {
          append_string(out, v);
        } else if constexpr (std::is_same_v<T, double>) {
          if (std::isfinite(v)) {
            fmt::format_to(std::back_inserter(out), "{}", v);
          } else {
            out += "null";  // JSON has no NaN
          }
        } else {
          fmt::format_to(std::back_inserter(out), "{}", v);
        }
      },
      value.get());
}

// RFC 3339 with milliseconds, from days since the epoch (proleptic Gregorian calendar).
void append_time(std::string& out, UnixMs now_ms) {
  auto const floor_div = [](std::int64_t a, std::int64_t b) {
    return (a >= 0 ? a : a - b + 1) / b;
  };
  auto const days = floor_div(now_ms, 86'400'000);
  auto const ms = now_ms - days * 86'400'000;
  auto const z = days + 719'468;
  auto const era = floor_div(z, 146'097);
  auto const doe = z - era * 146'097;
  auto const yoe = (doe - doe / 1460 + doe / 36'524 - doe / 146'096) / 365;
  auto const doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  auto const mp = (5 * doy + 2) / 153;
  auto const day = doy - (153 * mp + 2) / 5 + 1;
  auto const month = mp < 10 ? mp + 3 : mp - 9;
  auto const year = yoe + era * 400 + (month <= 2 ? 1 : 0);
  fmt::format_to(std::back_inserter(out), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", year, month,
                 day, ms / 3'600'000, ms / 60'000 % 60, ms / 1000 % 60, ms % 1000);
}

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarn:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
    case Level::kOff:
      break;
  }
  return spdlog::level::off;
}

}  // namespace

std::string_view level_name(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarn:
      return "warn";
    case Level::kError:
      return "error";
    case Level::kOff:
      break;
  }
  return "off";
}

Result<Level> parse_level(std::string_view text) {
  for (auto level : {Level::kDebug, Level::kInfo, Level::kWarn, Level::kError, Level::kOff})
    if (text == level_name(level)) return level;
  return fail(Code::kUsage, "log.level", "one of debug, info, warn, error, off");
}

Result<void> set_up_log(LogOptions options) {
  spdlog::sink_ptr sink;
  try {
    if (options.sink) {
      sink = std::make_shared<CallbackSink>(std::move(options.sink));
    } else if (options.file.empty()) {
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    } else {
      sink = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(
          options.file, options.file_bytes_max, options.files_max);
    }
  } catch (spdlog::spdlog_ex const& e) {
    return fail(Code::kIo, "log.file", e.what());
  }
  auto made = make_destination(std::move(sink), options.clock);
  auto& s = state();
  std::lock_guard const lock(s.mutex);
  s.destination.swap(made);
  s.level.store(options.level, std::memory_order_relaxed);
  return {};
}

bool log_enabled(Level level) {
  return level != Level::kOff && level >= state().level.load(std::memory_order_relaxed);
}

void log(Level level, std::string_view event, std::initializer_list<LogField> fields) {
  if (!log_enabled(level)) return;
  auto const destination = state().get();
  std::string line;
  line.reserve(256);
  line += "{\"time\":\"";
  append_time(line, destination->clock->now_ms());
  line += "\",\"level\":\"";
  line += level_name(level);
  line += "\",\"event\":";
  append_string(line, event);
  std::size_t count = 0;
  for (auto const& field : fields) {
    if (++count > kLogFieldsMax) break;
    line += ',';
    append_string(line, field.key);
    line += ':';
    append_value(line, field.value);
  }
  line += '}';
  destination->logger->log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

void flush_log() {
  state().get()->logger->flush();
}

}  // namespace amic::obs
