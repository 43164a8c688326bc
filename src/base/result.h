// Result<T>: a value or an Error. Ignoring one is a compile error (-Werror=unused-result).
#pragma once

#include <tl/expected.hpp>

#include <string>
#include <utility>

#include "base/error.h"

namespace amic {

template <class T>
class [[nodiscard]] Result : public tl::expected<T, Error> {
 public:
  using tl::expected<T, Error>::expected;
};

// return fail(Code::kMalformed, "/objects/3/id", "not a STIX identifier");
inline tl::unexpected<Error> fail(Code code, std::string where, std::string detail = {}) {
  return tl::unexpected<Error>(Error{code, std::move(where), std::move(detail)});
}
inline tl::unexpected<Error> fail(Error error) { return tl::unexpected<Error>(std::move(error)); }

#define AMIC_CAT_(a, b) a##b
#define AMIC_CAT(a, b) AMIC_CAT_(a, b)
#define AMIC_TRY_(tmp, decl, expr)                                 \
  auto tmp = (expr);                                               \
  if (!tmp) return ::amic::fail(std::move(tmp).error());           \
  decl = std::move(*tmp)
// AMIC_TRY(auto head, parse_head(bytes));  - returns the error to the caller, or binds the value.
#define AMIC_TRY(decl, expr) AMIC_TRY_(AMIC_CAT(amic_try_, __LINE__), decl, expr)
// AMIC_TRY_VOID(verify(x));
#define AMIC_TRY_VOID(expr)                                                        \
  do {                                                                             \
    if (auto amic_try_v = (expr); !amic_try_v) return ::amic::fail(std::move(amic_try_v).error()); \
  } while (false)

}  // namespace amic
