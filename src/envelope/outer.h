// The outer layer as views into the envelope. For this module, its tests and its fuzz target only.
#pragma once

#include <vector>

#include "envelope/envelope.h"

namespace amic::envelope::internal {

inline constexpr std::string_view kOuterDomain = "amic/envelope/outer/v1";
inline constexpr std::string_view kInnerDomain = "amic/envelope/inner/v1";
inline constexpr std::string_view kWrapDomain = "amic/envelope/wrap/v1";

inline constexpr std::size_t kContentKeyBytes = 32;
inline constexpr std::size_t kWrappedKeyBytes = kContentKeyBytes + crypto::kAeadTagBytes;
inline constexpr std::size_t kWrapBytes = KeyId::kSize + 32 + kWrappedKeyBytes;

struct Wrap {
  KeyId key_id;
  BytesView enc;          // 32 bytes
  BytesView wrapped_key;  // kWrappedKeyBytes
};

struct Outer {
  Header header;
  BytesView address;       // the header's bytes before the wraps; what each wrap is bound to
  BytesView header_bytes;  // address and wraps; what the body is bound to
  std::vector<Wrap> wraps;
  BytesView ciphertext;
  crypto::Signature signature;
};

Result<Outer> parse(BytesView envelope);

// What the sender's node signs (in kOuterDomain): header || SHA-256(ciphertext).
Bytes outer_message(BytesView header_bytes, BytesView ciphertext);

// HPKE info of one wrap: kWrapDomain || id || key id.
Bytes wrap_info(EnvelopeId const& id, KeyId const& key);

}  // namespace amic::envelope::internal
