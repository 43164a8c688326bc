// Any bytes, raw or armoured: decode, and whatever decodes encodes to the same bytes.
#include "base/check.h"
#include "consent/rotation_of_keys.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace amic;
  BytesView const input{data, size};
  if (auto const rotation = consent::decode_rotation(input)) {
    CHECK(equal(consent::encode(*rotation), input));
    CHECK(consent::rotation_from_text(consent::to_text(*rotation)).value() == *rotation);
    CHECK(!consent::to_json(*rotation).empty());
    // A head without its member: every refusal is an error and nothing else.
    consent::KeyChain chain(rotation->community, consent::Head{});
    CHECK(!chain.take(*rotation));
    consent::Head head;
    head.members.push_back(rotation->card);
    consent::KeyChain own(rotation->community, head);
    (void)own.take(*rotation);
    CHECK(own.sealing_card(rotation->member()) != nullptr);
  }
  if (auto const rotation = consent::rotation_from_text(as_text(input)))
    CHECK(consent::decode_rotation(consent::encode(*rotation)).value() == *rotation);
  if (auto const evidence = consent::decode_key_contradiction(input))
    CHECK(equal(consent::encode(*evidence), input));
  return 0;
}
