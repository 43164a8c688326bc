#include "net/response_head.h"

#include <boost/beast/http/status.hpp>
#include <charconv>
#include <ctime>

#include "net/text.h"

namespace amic::net {
namespace http = boost::beast::http;
namespace {

// RFC 9110 section 5.6.7, made once a second and thread.
std::string const& date_header() {
  thread_local std::time_t made_at = -1;
  thread_local std::string text;
  auto const now = std::time(nullptr);
  if (now != made_at) {
    static constexpr char const* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr char const* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::tm t{};
    gmtime_r(&now, &t);
    char buffer[64];
    std::snprintf(buffer, sizeof buffer, "date: %s, %02d %s %04d %02d:%02d:%02d GMT\r\n",
                  kDays[t.tm_wday], t.tm_mday, kMonths[t.tm_mon], t.tm_year + 1900, t.tm_hour,
                  t.tm_min, t.tm_sec);
    text = buffer;
    made_at = now;
  }
  return text;
}

// Headers that describe the message's frame are ours alone to write.
bool is_framing(std::string_view name) {
  for (std::string_view own : {"content-length", "transfer-encoding", "connection", "date"})
    if (equal_ignoring_case(name, own)) return true;
  return false;
}

}  // namespace

void append_number(std::string& out, std::size_t number, int base) {
  char digits[24];
  auto const end = std::to_chars(digits, digits + sizeof digits, number, base).ptr;
  out.append(digits, end);
}

bool headers_are_sound(Response const& response) {
  if (response.status < 200 || response.status > 599) return false;
  for (auto const& [name, value] : response.headers)
    if (!is_token(name) || value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
      return false;
  return true;
}

std::string response_head(Response const& response, HeadFrame const& frame) {
  std::string out;
  auto const reason =
      http::obsolete_reason(http::int_to_status(static_cast<unsigned>(response.status)));
  out.assign("HTTP/1.1 ");
  append_number(out, static_cast<std::size_t>(response.status));
  out += ' ';
  out.append(reason.data(), reason.size());
  out += "\r\n";
  for (auto const& [name, value] : response.headers) {
    if (is_framing(name)) continue;
    out += name;
    out += ": ";
    out += value;
    out += "\r\n";
  }
  out += date_header();
  if (frame.streamed) {
    if (!frame.http10) out += "transfer-encoding: chunked\r\n";
  } else if (response.status != 204 && response.status != 304) {
    out += "content-length: ";
    append_number(out, response.source ? response.source_bytes : response.body.size());
    out += "\r\n";
  }
  if (!frame.keep_alive) {
    out += "connection: close\r\n";
  } else if (frame.http10) {
    out += "connection: keep-alive\r\n";
  }
  out += "\r\n";
  return out;
}

}  // namespace amic::net
