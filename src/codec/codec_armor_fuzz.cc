// First byte: which decoder. What decodes must encode to something that decodes to the same.
#include "base/check.h"
#include "codec/codec.h"

namespace {

using amic::BytesView;

void reader(BytesView input) {
  amic::codec::Reader in(input, "fuzz");
  while (in.ok() && in.left() > 0) {
    switch (in.u8() % 8) {
      case 0:
        in.u16();
        break;
      case 1:
        in.u64();
        break;
      case 2:
        in.vec8();
        break;
      case 3:
        in.vec16(300);
        break;
      case 4:
        in.vec32(100'000);
        break;
      case 5:
        CHECK(amic::codec::is_utf8(in.str8()));
        break;
      case 6:
        CHECK(amic::codec::is_utf8(in.str16(500)));
        break;
      default:
        in.fixed<amic::Hash>();
        break;
    }
    CHECK(in.offset() <= input.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size == 0) return 0;
  BytesView const input(data + 1, size - 1);
  std::string_view const text = amic::as_text(input);
  namespace codec = amic::codec;
  switch (data[0] % 7) {
    case 0:
      if (auto const got = codec::from_armor("AMIC CARD", text))
        CHECK(*codec::from_armor("AMIC CARD", codec::to_armor("AMIC CARD", *got)) == *got);
      break;
    case 1:
      if (auto const got = codec::from_base64(text)) CHECK(codec::to_base64(*got) == text);
      break;
    case 2:
      if (auto const got = codec::from_base64url(text)) CHECK(codec::to_base64url(*got) == text);
      break;
    case 3:
      if (auto const got = codec::from_hex(text))
        CHECK(*codec::from_hex(codec::to_hex(*got)) == *got);
      break;
    case 4:
      if (auto const got = codec::from_uuid(text))
        CHECK(*codec::from_uuid(codec::to_uuid(*got)) == *got);
      break;
    case 5:
      if (auto const got = codec::parse_rfc3339_us(text))
        CHECK(*codec::parse_rfc3339_us(codec::to_rfc3339_us(*got)) == *got);
      break;
    default:
      reader(input);
      break;
  }
  return 0;
}
