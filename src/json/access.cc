#include <limits>

#include "json/json.h"

namespace amic::json {

std::string pointer_token(std::string_view key) {
  std::string out;
  out.reserve(key.size());
  for (char const c : key) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += c;
  }
  return out;
}

namespace {

std::string place(std::string_view pointer, std::string_view name) {
  return std::string(pointer) + "/" + pointer_token(name);
}

Result<value const*> member(object const& o, std::string_view name, std::string_view pointer) {
  auto const* found = o.if_contains(name);
  if (found == nullptr) return fail(Code::kMissingField, place(pointer, name));
  return found;
}

}  // namespace

Result<std::string> get_string(object const& o, std::string_view name, std::string_view pointer) {
  AMIC_TRY(auto const* found, member(o, name, pointer));
  if (!found->is_string())
    return fail(Code::kWrongType, place(pointer, name), "a string is expected");
  return std::string(std::string_view(found->get_string()));
}

Result<std::int64_t> get_int(object const& o, std::string_view name, std::string_view pointer) {
  AMIC_TRY(auto const* found, member(o, name, pointer));
  if (auto const* number = found->if_int64()) return *number;
  if (found->is_uint64())
    return fail(Code::kOutOfRange, place(pointer, name), "the integer exceeds 2^63-1");
  return fail(Code::kWrongType, place(pointer, name), "an integer is expected");
}

}  // namespace amic::json
