// CHECK(cond): our own bugs end the process, in release too. Input from outside never reaches one.
#pragma once

namespace amic {
[[noreturn]] void check_failed(char const* expression, char const* file, int line);
}

#define CHECK(cond) \
  ((cond) ? static_cast<void>(0) : ::amic::check_failed(#cond, __FILE__, __LINE__))
