// Outer parser, verification and opening with fixed keys; and, past the signatures that stop a
// mutated input there, the decoders of what is sealed.
#include <cstdlib>

#include "envelope/envelope.h"
#include "envelope/inner.h"
#include "envelope/outer.h"

namespace {

using namespace amic;

crypto::SigningKey const& node_key() {
  static crypto::SigningKey const key = crypto::SigningKey::from_seed(Bytes(32, 1)).value();
  return key;
}
crypto::SealKey const& seal_key() {
  static crypto::SealKey const key = crypto::SealKey::from_secret(Bytes(32, 2)).value();
  return key;
}

void fuzz_outer(BytesView input) {
  auto const header = envelope::parse_header(input);
  auto const verified = envelope::verify_outer(input, node_key().verify_key());
  auto const opened =
      envelope::open(input, MemberId::parse("MY").value(), seal_key(), node_key().verify_key());
  if ((verified || opened) && !header) std::abort();
}

void fuzz_inner(BytesView input) {
  auto const inner = envelope::internal::decode_inner(input);
  if (!inner) return;
  auto const statement = envelope::internal::decode_statement(inner->statement);
  if (statement) {
    Bytes const again =
        envelope::internal::encode_statement(statement->contents, statement->body_sha256);
    if (!equal(again, inner->statement)) std::abort();  // one encoding each
  }
  Bytes owner = to_bytes(input);
  auto const moved = envelope::internal::decode_inner(owner);
  auto const body = envelope::internal::take_body(*moved, std::move(owner));
  if (body && body->size() != inner->body_size) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  BytesView const input(data, size);
  fuzz_outer(input);
  fuzz_inner(input);
  return 0;
}
