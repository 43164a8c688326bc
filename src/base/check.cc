#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace amic {
void check_failed(char const* expression, char const* file, int line) {
  std::fprintf(stderr, "amic: internal error: %s at %s:%d\n", expression, file, line);
  std::abort();
}
}  // namespace amic
