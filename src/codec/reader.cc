#include "codec/codec.h"

namespace amic::codec {

namespace {

template <class Unsigned>
Unsigned get(BytesView view) {
  Unsigned value = 0;
  for (std::uint8_t const byte : view) value = static_cast<Unsigned>((value << 8U) | byte);
  return value;
}

}  // namespace

void Reader::reject(Code code, std::string detail) {
  if (failed_) return;  // the first failure is the one worth knowing
  failed_ = true;
  error_ = Error{code, what_ + "@" + std::to_string(at_), std::move(detail)};
}

bool Reader::need(std::size_t size) {
  if (failed_) return false;
  if (size <= left()) return true;
  reject(Code::kMalformed,
         "needs " + std::to_string(size) + " bytes, " + std::to_string(left()) + " are left");
  return false;
}

BytesView Reader::raw(std::size_t size) {
  if (!need(size)) return {};
  BytesView const view = input_.subspan(at_, size);
  at_ += size;
  return view;
}

std::uint8_t Reader::u8() {
  return get<std::uint8_t>(raw(1));
}

std::uint16_t Reader::u16() {
  return get<std::uint16_t>(raw(2));
}

std::uint32_t Reader::u32() {
  return get<std::uint32_t>(raw(4));
}

std::uint64_t Reader::u64() {
  return get<std::uint64_t>(raw(8));
}

std::int64_t Reader::i64() {
  return static_cast<std::int64_t>(u64());
}

BytesView Reader::sized(std::size_t size, std::size_t size_max) {
  if (failed_) return {};
  if (size > size_max) {
    reject(Code::kTooLarge, "a vector of " + std::to_string(size) + " bytes, at most " +
                                std::to_string(size_max) + " are allowed");
    return {};
  }
  return raw(size);
}

BytesView Reader::vec8(std::size_t size_max) {
  return sized(u8(), size_max);
}

BytesView Reader::vec16(std::size_t size_max) {
  return sized(u16(), size_max);
}

BytesView Reader::vec32(std::size_t size_max) {
  return sized(u32(), size_max);
}

std::string Reader::text(BytesView view) {
  if (failed_) return {};
  std::string_view const text = as_text(view);
  if (!is_utf8(text) || text.find('\0') != std::string_view::npos) {
    at_ -= view.size();  // names the text itself in the error
    reject(Code::kBadUtf8, "text must be UTF-8 without NUL");
    return {};
  }
  return std::string(text);
}

std::string Reader::str8(std::size_t size_max) {
  return text(vec8(size_max));
}

std::string Reader::str16(std::size_t size_max) {
  return text(vec16(size_max));
}

BytesView Reader::rest() {
  return failed_ ? BytesView{} : raw(left());
}

Result<void> Reader::check() const {
  if (failed_) return fail(error_);
  return {};
}

Result<void> Reader::finish() {
  if (!failed_ && left() != 0)
    reject(Code::kMalformed, std::to_string(left()) + " bytes after the end");
  return check();
}

}  // namespace amic::codec
