#include "base/error.h"

namespace amic {

namespace {
struct Row {
  std::string_view name;
  int http;
  bool retry;
};
constexpr Row kRows[] = {
#define X(name, text, http, retry) {text, http, retry},
    AMIC_ERROR_CODES(X)
#undef X
};
Row const& row(Code code) { return kRows[static_cast<std::size_t>(code)]; }
}  // namespace

std::string_view code_name(Code code) { return row(code).name; }
int code_http_status(Code code) { return row(code).http; }
bool code_retryable(Code code) { return row(code).retry; }

std::string Error::text() const {
  std::string out{code_name(code)};
  if (!where.empty()) out += " at " + where;
  if (!detail.empty()) out += ": " + detail;
  return out;
}

}  // namespace amic
