// Canonical bytes: the one encoding of everything that is hashed or signed. Big-endian integers and
// length-prefixed vectors as in the presentation language of RFC 8446 section 3, so each value has
// exactly one encoding. FORMATS.md gives every structure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace amic::codec {

class Writer {
 public:
  Writer& u8(std::uint8_t value);
  Writer& u16(std::uint16_t value);
  Writer& u32(std::uint32_t value);
  Writer& u64(std::uint64_t value);
  Writer& i64(std::int64_t value);  // two's complement, big-endian
  Writer& raw(BytesView bytes);     // no length
  Writer& vec8(BytesView bytes);    // u8 length, then bytes; CHECKs the length fits
  Writer& vec16(BytesView bytes);
  Writer& vec32(BytesView bytes);
  Writer& str8(std::string_view text) { return vec8(as_bytes(text)); }
  Writer& str16(std::string_view text) { return vec16(as_bytes(text)); }

  Bytes const& bytes() const { return out_; }
  Bytes take() { return std::move(out_); }

 private:
  Bytes out_;
};

// Total and bounded: the first failure sticks, every later read yields zero or an empty view, and
// finish() reports it with the byte offset. Views point into the input.
class Reader {
 public:
  // `what` names the structure in errors, e.g. "envelope.header".
  Reader(BytesView input, std::string_view what) : input_(input), what_(what) {}

  std::uint8_t u8();
  std::uint16_t u16();
  std::uint32_t u32();
  std::uint64_t u64();
  std::int64_t i64();
  BytesView raw(std::size_t size);
  BytesView vec8(std::size_t size_max = 255);
  BytesView vec16(std::size_t size_max);
  BytesView vec32(std::size_t size_max);
  // Text must be valid UTF-8 without NUL.
  std::string str8(std::size_t size_max = 255);
  std::string str16(std::size_t size_max);
  template <class Fixed>
  Fixed fixed() {
    Fixed out;
    BytesView const view = raw(Fixed::kSize);
    if (view.size() == Fixed::kSize) out = *Fixed::from(view);
    return out;
  }
  BytesView rest();  // all that is left, may be empty

  // Marks the input as bad at this offset (for checks of the caller's: ranges, order, enums).
  void reject(Code code, std::string detail);
  bool ok() const { return !failed_; }
  std::size_t offset() const { return at_; }
  std::size_t left() const { return input_.size() - at_; }
  // OK only if nothing failed and nothing is left over.
  Result<void> finish();
  // OK only if nothing failed; bytes may be left.
  Result<void> check() const;

 private:
  bool need(std::size_t size);
  BytesView sized(std::size_t size, std::size_t size_max);
  std::string text(BytesView view);

  BytesView input_;
  std::string what_;
  std::size_t at_ = 0;
  bool failed_ = false;
  Error error_;
};

bool is_utf8(std::string_view text);  // RFC 3629: no surrogates, no overlong forms

std::string to_hex(BytesView bytes);                 // lower case
Result<Bytes> from_hex(std::string_view text);
std::string to_base64(BytesView bytes);              // RFC 4648 section 4, padded
Result<Bytes> from_base64(std::string_view text);    // strict: padding required, no spaces
std::string to_base64url(BytesView bytes);           // RFC 4648 section 5, no padding
Result<Bytes> from_base64url(std::string_view text);
std::string to_uuid(BytesView sixteen_bytes);        // 8-4-4-4-12 lower case
Result<Bytes> from_uuid(std::string_view text);      // 16 bytes

// "-----BEGIN AMIC CARD-----" ... base64 in lines of 64 ... "-----END AMIC CARD-----\n" (RFC 7468).
std::string to_armor(std::string_view label, BytesView bytes);
// Strict about the label; CRLF and surrounding white space are tolerated.
Result<Bytes> from_armor(std::string_view label, std::string_view text);

// RFC 3339 in UTC, e.g. "2026-11-24T03:00:00.123Z".
std::string to_rfc3339(std::int64_t unix_ms);
std::string to_rfc3339_us(std::int64_t unix_us);     // six fraction digits
// Any RFC 3339 date-time with Z or a numeric offset; fraction digits past the microsecond are cut.
Result<std::int64_t> parse_rfc3339_us(std::string_view text);

}  // namespace amic::codec
