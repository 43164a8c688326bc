// Any bytes: parse, canonical form is a fixed point, slicing agrees with parsing.
#include <cstdlib>

#include "json/json.h"

namespace {

namespace json = amic::json;

void require(bool held) {
  if (!held) std::abort();
}

void check_slices(std::string_view text, amic::Result<json::value> const& whole) {
  auto const sliced = json::slice_member_array(text, "objects", 1000);
  if (!sliced) return;
  bool good = json::parse(sliced->rest).has_value();
  json::array elements;
  for (auto const slice : sliced->elements) {
    auto element = json::parse(slice);
    good = good && element;
    if (element) elements.push_back(std::move(*element));
  }
  require(good == whole.has_value());
  if (!whole) return;
  auto const* member = whole->as_object().if_contains("objects");
  if (member == nullptr)
    require(elements.empty());
  else
    require(json::canonical(*member) == json::canonical(elements));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string_view const text(reinterpret_cast<char const*>(data), size);
  auto const whole = json::parse(text);
  if (whole) {
    auto const once = json::canonical(*whole);
    auto const again = json::parse(once);
    require(again && json::canonical(*again) == once);
    auto const plain = json::parse(json::serialize(*whole));
    require(plain && json::canonical(*plain) == once);
  }
  check_slices(text, whole);
  return 0;
}
