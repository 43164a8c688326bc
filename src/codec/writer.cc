#include <limits>

#include "base/check.h"
#include "codec/codec.h"

namespace amic::codec {

namespace {

template <class Unsigned>
void put(Bytes& out, Unsigned value) {
  for (int shift = (static_cast<int>(sizeof value) - 1) * 8; shift >= 0; shift -= 8)
    out.push_back(static_cast<std::uint8_t>(value >> shift));
}

template <class Length>
void put_vector(Bytes& out, BytesView bytes) {
  // Every caller bounds what it writes, so a length that does not fit is our own bug.
  CHECK(bytes.size() <= std::numeric_limits<Length>::max());
  put(out, static_cast<Length>(bytes.size()));
  append(out, bytes);
}

}  // namespace

Writer& Writer::u8(std::uint8_t value) {
  out_.push_back(value);
  return *this;
}

Writer& Writer::u16(std::uint16_t value) {
  put(out_, value);
  return *this;
}

Writer& Writer::u32(std::uint32_t value) {
  put(out_, value);
  return *this;
}

Writer& Writer::u64(std::uint64_t value) {
  put(out_, value);
  return *this;
}

Writer& Writer::i64(std::int64_t value) {
  return u64(static_cast<std::uint64_t>(value));
}

Writer& Writer::raw(BytesView bytes) {
  append(out_, bytes);
  return *this;
}

Writer& Writer::vec8(BytesView bytes) {
  put_vector<std::uint8_t>(out_, bytes);
  return *this;
}

Writer& Writer::vec16(BytesView bytes) {
  put_vector<std::uint16_t>(out_, bytes);
  return *this;
}

Writer& Writer::vec32(BytesView bytes) {
  put_vector<std::uint32_t>(out_, bytes);
  return *this;
}

}  // namespace amic::codec
