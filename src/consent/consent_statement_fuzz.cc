// The first byte picks the decoder: a whole statement with its body, a stub, a join-accept, or the
// body of the kind that the byte names. What decodes encodes to the same bytes.
#include "base/check.h"
#include "consent/bodies.h"

namespace {
using namespace amic;
using namespace amic::consent;

void statement(BytesView input) {
  auto const decoded = decode_statement(input);
  if (!decoded) return;
  CHECK(equal(encode(*decoded), input));
  auto const body = body_of(*decoded);
  if (!body) return;
  CHECK(equal(encode_body(*body), decoded->body));
  CHECK(contradiction(*decoded, *decoded) == nullptr);
}

void body(StatementKind kind, BytesView input) {
  auto const decoded = decode_body(kind, input);
  if (!decoded) return;
  CHECK(kind_of(*decoded) == kind);
  CHECK(equal(encode_body(*decoded), input));
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size == 0) return 0;
  BytesView const input{data + 1, size - 1};
  if (data[0] == 0) {
    statement(input);
  } else if (data[0] == 255) {
    if (auto const stub = decode_stub(input)) CHECK(equal(encode_stub(*stub), input));
  } else if (data[0] == 254) {
    if (auto const accept = decode_join_accept(input)) CHECK(equal(encode(*accept), input));
  } else if (data[0] == 253) {
    if (auto const accept = join_accept_from_text(as_text(input)))
      CHECK(*join_accept_from_text(to_text(*accept)) == *accept);
  } else {
    body(static_cast<StatementKind>(data[0]), input);
  }
  return 0;
}
