#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "holdings/holdings.h"

// Any bytes: every object is accounted for, and what is accepted has an identifier.
extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace amic;
  std::string_view const text(reinterpret_cast<char const*>(data), size);
  auto const parsed = holdings::parse_bundle(text);
  if (!parsed) return 0;
  holdings::Report const& r = parsed->report;
  CHECK(r.accepted + r.quarantined + r.rejected == parsed->objects.size());
  CHECK(r.refused.size() == r.quarantined + r.rejected);
  for (holdings::Parsed::One const& one : parsed->objects)
    CHECK(one.checked.verdict != stix::Verdict::kAccept ||
          stix::is_identifier(one.checked.object.id));
  CHECK(holdings::derive_title(*parsed).size() <= 1024);
  return 0;
}
