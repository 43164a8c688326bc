#include "crypto/secret.h"

#include <sodium.h>

#include <utility>

#include "base/check.h"
#include "crypto/internal.h"

namespace amic::crypto {

Secret::Secret(Secret&& other) noexcept : bytes_(std::move(other.bytes_)) {}

Secret& Secret::operator=(Secret const& other) {
  if (this != &other) {
    wipe();  // before the vector may free its old memory
    bytes_ = other.bytes_;
  }
  return *this;
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe();
    bytes_ = std::move(other.bytes_);
  }
  return *this;
}

Secret::~Secret() {
  wipe();
}

void Secret::wipe() {
  if (!bytes_.empty()) sodium_memzero(bytes_.data(), bytes_.size());
  bytes_.clear();
}

bool equal_constant_time(BytesView a, BytesView b) {
  return a.size() == b.size() && (a.empty() || sodium_memcmp(a.data(), b.data(), a.size()) == 0);
}

void internal::init_sodium() {
  static bool const ready = sodium_init() >= 0;
  CHECK(ready);
}

}  // namespace amic::crypto
