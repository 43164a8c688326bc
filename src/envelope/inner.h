// The inner layer: what is sealed. For this module, its tests and its fuzz target only.
#pragma once

#include "envelope/envelope.h"

namespace amic::envelope::internal {

// The limits and orders of every field of `contents`, body included.
Result<void> check_contents(Contents const& contents);

// What the originator signs: every field, the body by its SHA-256.
Bytes encode_statement(Contents const& contents, Hash const& body_sha256);
struct Statement {
  Contents contents;  // without body
  Hash body_sha256;
};
Result<Statement> decode_statement(BytesView bytes);

enum class BodyEncoding : std::uint8_t { kPlain = 0, kZstd = 1, kZstdStix1 = 2 };
// Larger bodies gain nothing from a dictionary.
inline constexpr std::size_t kDictionaryBodyBytesMax = 32 << 10;

struct Inner {
  BytesView statement;
  crypto::Signature signature;
  BodyEncoding encoding = BodyEncoding::kPlain;
  std::size_t body_size = 0;  // when decoded
  BytesView body;             // as stored
};
Bytes encode_inner(BytesView statement, crypto::Signature const& signature, BytesView body);
Result<Inner> decode_inner(BytesView bytes);  // structure only; views into `bytes`

// The body itself; kTooLarge, kRejected or kMalformed at "envelope.body". `owner` holds the bytes
// that inner.body points into and is given up, so that a plain body moves instead of being copied.
Result<Bytes> take_body(Inner const& inner, Bytes owner);

}  // namespace amic::envelope::internal
