// Any bytes, raw or armoured: decode, and whatever decodes encodes to the same bytes.
#include "base/check.h"
#include "consent/card.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace amic;
  BytesView const input{data, size};
  if (auto const card = consent::decode_card(input)) {
    CHECK(equal(consent::encode(*card), input));
    CHECK(consent::card_from_text(consent::to_text(*card)).value() == *card);
    CHECK(!consent::to_json(*card).empty());
  }
  if (auto const card = consent::card_from_text(as_text(input)))
    CHECK(consent::decode_card(consent::encode(*card)).value() == *card);
  (void)consent::parse_link_address(as_text(input));
  return 0;
}
