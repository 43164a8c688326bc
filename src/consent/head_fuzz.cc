// The first byte picks the structure: head, press, draft, transcript, or an armoured text of one.
#include "base/check.h"
#include "consent/head.h"

namespace {
using namespace amic;
using namespace amic::consent;

void raw(std::uint8_t kind, BytesView input) {
  if (kind == 0) {
    if (auto const head = decode_head(input)) {
      CHECK(equal(encode(*head), input));
      CHECK(!to_json(*head).empty());
    }
  } else if (kind == 1) {
    if (auto const press = decode_press(input)) CHECK(equal(encode(*press), input));
  } else if (kind == 2) {
    if (auto const draft = decode_draft(input)) {
      CHECK(equal(encode(*draft), input));
      CHECK(!show(*draft).empty());
    }
  } else if (kind == 3) {
    if (auto const transcript = decode_transcript(input)) {
      CHECK(equal(encode(*transcript), input));
      CHECK(community_of(*transcript).has_value());
    }
  }
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size == 0) return 0;
  BytesView const input{data + 1, size - 1};
  raw(data[0], input);
  std::string_view const text = as_text(input);
  if (data[0] == 4) (void)press_from_text(text);
  if (data[0] == 5) (void)draft_from_text(text);
  if (data[0] == 6) (void)transcript_from_text(text);
  return 0;
}
