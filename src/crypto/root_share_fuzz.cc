// Any bytes, raw or armoured: decode, and whatever decodes encodes to the same bytes.
#include "base/check.h"
#include "crypto/root_share.h"

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  using namespace amic;
  BytesView const input{data, size};
  auto const check = [](crypto::RootShare const& share) {
    auto const again = crypto::root_share_from_text(crypto::to_text(share).view());
    CHECK(again && again->head == share.head && equal(again->body.view(), share.body.view()));
  };
  if (auto const share = crypto::decode_root_share(input)) {
    CHECK(equal(crypto::encode(*share).view(), input));
    check(*share);
  }
  if (auto const share = crypto::root_share_from_text(input)) check(*share);
  return 0;
}
