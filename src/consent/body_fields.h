// Fields that bodies of statements have in common. Internal to consent.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/limits.h"
#include "codec/codec.h"
#include "consent/text_rules.h"

namespace amic::consent {

inline std::string read_text(codec::Reader& in, bool required, std::string_view what) {
  std::string text = in.str16(limits::kConsentTextBytesMax);
  if (!in.ok() || (text.empty() && !required)) return text;
  if (auto const fine = check_document(text, what); !fine)
    in.reject(fine.error().code, fine.error().detail);
  return text;
}

inline std::string read_name(codec::Reader& in, bool required, std::string_view what) {
  std::string text = in.str8(limits::kNameBytesMax);
  if (!in.ok() || (text.empty() && !required)) return text;
  if (auto const fine = check_name(text, what); !fine)
    in.reject(fine.error().code, fine.error().detail);
  return text;
}

template <class Enum>
Enum read_enum(codec::Reader& in, unsigned last, char const* what) {
  unsigned const value = in.u8();
  if (in.ok() && (value == 0 || value > last)) in.reject(Code::kUnsupported, what);
  return static_cast<Enum>(value);
}

inline Hash read_hash(codec::Reader& in, char const* what) {
  Hash const out = in.fixed<Hash>();
  if (in.ok() && out.is_zero()) in.reject(Code::kMissingField, std::string(what) + " is zero");
  return out;
}

// Reads `one` until the list is at its end; more than `most` is not read.
template <class T, class One>
std::vector<T> read_list(codec::Reader& in, BytesView bytes, std::size_t most, char const* what,
                         One const& one) {
  codec::Reader list(bytes, what);
  std::vector<T> out;
  while (list.ok() && list.left() > 0 && out.size() < most) out.push_back(one(list));
  if (!list.ok() || list.left() > 0)
    in.reject(Code::kMalformed, std::string(what) + " are not whole, or too many");
  return out;
}

// What a person wrote: empty only where `required` is false; a text of at most 16 KiB.
inline Result<void> check_text(std::string_view text, bool required, std::string const& where) {
  if (text.empty() && !required) return {};
  if (text.size() > limits::kConsentTextBytesMax)
    return fail(Code::kTooLarge, where,
                "more than " + std::to_string(limits::kConsentTextBytesMax) + " bytes");
  return check_document(text, where);
}

// Strictly ascending, and none of them zero.
inline Result<void> check_hashes(std::vector<Hash> const& hashes, std::size_t most,
                                 std::string const& where) {
  if (hashes.size() > most)
    return fail(Code::kTooLarge, where, "more than " + std::to_string(most));
  for (std::size_t i = 0; i < hashes.size(); ++i)
    if (hashes[i].is_zero() || (i > 0 && hashes[i] <= hashes[i - 1]))
      return fail(Code::kMalformed, where, "zero, or not in strictly ascending order");
  return {};
}

}  // namespace amic::consent
