// decode() never accepts a second form of anything; the parsers never crash; the banner is text.
#include <cstdlib>

#include "codec/codec.h"
#include "marking/marking.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace amic;
  BytesView const input(data, size);
  if (auto const got = marking::decode(input)) {
    if (marking::encode(*got) != to_bytes(input) || !marking::check(*got)) std::abort();
    if (!codec::is_utf8(marking::banner(*got))) std::abort();
  }
  if (auto const members = marking::parse_rel_to(as_text(input)); members && members->empty())
    std::abort();
  (void)marking::parse_classification(as_text(input)).has_value();
  (void)marking::parse_tlp(as_text(input)).has_value();
  (void)marking::parse_handling(as_text(input)).has_value();
  return 0;
}
