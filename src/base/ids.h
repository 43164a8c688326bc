// Identifiers used everywhere. Members are data: nothing in the code knows a member by name.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace amic {

using CommunityId = FixedBytes<32, struct CommunityIdTag>;  // SHA-256 of the genesis head
using EnvelopeId = FixedBytes<16, struct EnvelopeIdTag>;    // the originator's tag, then random

// A member's short name in the head, e.g. "MY". Grammar: [A-Z0-9][A-Z0-9-]{0,15}.
class MemberId {
 public:
  MemberId() = default;  // empty: no member; never valid in a head
  static Result<MemberId> parse(std::string_view text);
  std::string const& str() const { return text_; }
  bool empty() const { return text_.empty(); }
  auto operator<=>(MemberId const&) const = default;

 private:
  std::string text_;
};

// A realm separates keys, stores and traffic: "OPERATIONS", or "EXERCISE:<name>" with
// <name> = [A-Z0-9][A-Z0-9-]{0,31}.
class Realm {
 public:
  Realm() : text_("OPERATIONS") {}
  static Result<Realm> parse(std::string_view text);
  std::string const& str() const { return text_; }
  bool is_operations() const { return text_ == "OPERATIONS"; }
  auto operator<=>(Realm const&) const = default;

 private:
  std::string text_;
};

// Urgency, never classification (DESIGN words). Lower value is sent first.
enum class Precedence : std::uint8_t { kFlash = 0, kImmediate = 1, kPriority = 2, kRoutine = 3 };
inline constexpr int kLaneCount = 4;  // one lane per precedence
std::string_view precedence_name(Precedence precedence);  // "FLASH" ...
Result<Precedence> parse_precedence(std::string_view text);
Result<Precedence> precedence_from_lane(unsigned lane);

}  // namespace amic

template <>
struct std::hash<amic::MemberId> {
  std::size_t operator()(amic::MemberId const& id) const noexcept {
    return std::hash<std::string>{}(id.str());
  }
};
