// Any JSON: a verdict with reasons, references that are identifiers, names that repeat.
#include <cstdlib>

#include "stix/stix.h"

namespace {

namespace json = amic::json;
namespace stix = amic::stix;

void require(bool held) {
  if (!held) std::abort();
}

void check_one(json::value const& value) {
  auto const checked = stix::check(value);
  require(checked.issues.empty() == (checked.verdict == stix::Verdict::kAccept));
  if (checked.verdict != stix::Verdict::kReject) require(stix::is_identifier(checked.object.id));
  for (auto const& reference : checked.object.references)
    require(stix::is_identifier(reference.to));
  if (auto const* object = value.if_object()) {
    auto const id = stix::deterministic_id(*object);
    require(!id || stix::is_identifier(*id));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  std::string_view const text(reinterpret_cast<char const*>(data), size);
  auto const value = json::parse(text);
  if (auto const time = stix::parse_timestamp_us(text))
    require(!stix::format_timestamp(*time).empty());
  if (!value) return 0;
  check_one(*value);
  (void)stix::check_bundle_head(*value).has_value();
  auto const* bundle = value->if_object();
  auto const* objects = bundle == nullptr ? nullptr : bundle->if_contains("objects");
  if (objects != nullptr && objects->is_array())
    for (auto const& object : objects->get_array()) check_one(object);
  return 0;
}
