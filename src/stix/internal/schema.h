// The language the tables are written in. Everything is constexpr: a table is sorted when it is
// compiled, found by binary search, and checked without allocating.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string_view>

#include "json/json.h"
#include "stix/stix.h"

namespace amic::stix::internal {

using Names = std::span<std::string_view const>;

enum class Kind : std::uint8_t {
  kString,
  kInteger,
  kFloat,
  kBoolean,
  kTimestamp,
  kVersionTimestamp,  // created, modified: at least milliseconds (3.2)
  kEnum,              // closed: one of `names`
  kReference,         // identifier of an object of one of `names` or `classes`
  kHashes,
  kHex,
  kBinary,
  kDictionary,
  kObject,      // embedded object of `shape`
  kExtensions,  // the `extensions` of an object
  kSelector,    // of a granular marking
  kLanguage,    // RFC 5646 tag
  kContents,    // of language-content: tag -> dictionary
  kContainer,   // observable-container (deprecated): key -> object
  kSpecVersion,
  kType,
  kId,
};

// Classes a reference may point at; none means any object.
enum Targets : std::uint8_t { kAnyTarget = 0, kSdo = 1, kSro = 2, kSco = 4 };

struct Shape;

struct Property {
  std::string_view name;
  Kind kind = Kind::kString;
  bool list = false;
  bool required = false;
  bool common = false;  // of section 3.2, so never what makes an object non-empty
  std::uint8_t classes = kAnyTarget;
  std::int64_t min = -(std::int64_t{1} << 53) + 1;
  std::int64_t max = (std::int64_t{1} << 53) - 1;
  Names names = {};
  Shape const* shape = nullptr;
};

enum class RuleKind : std::uint8_t {
  kNotBefore,   // timestamp names[1] >= names[0]
  kLater,       // timestamp names[1] > names[0]
  kAtLeastOne,  // of names
  kExactlyOne,  // of names
  kNeeds,       // names[0] present => names[1] present
  kAnyOwn,      // an optional property of its own, or names[0]
  kCustom,
};

// The name of the member that breaks the rule ("" for the object itself), or nullopt if it holds.
using CustomRule = std::optional<std::string_view> (*)(json::object const&);

struct Rule {
  RuleKind kind;
  std::array<std::string_view, 4> names = {};
  std::string_view text = {};
  CustomRule custom = nullptr;
};

struct Shape {
  std::string_view section;
  std::span<Property const> properties;  // sorted by less_name
  std::span<Rule const> rules = {};
};

struct Extension {
  std::string_view name;
  Shape const* shape;
};

struct Type {
  std::string_view name;
  Class object_class = Class::kCustom;
  Shape shape;
  Names contributing = {};  // ID Contributing Properties, in canonical order
  std::span<Extension const> extensions = {};
};

// Shorter names first: most comparisons end at the length.
constexpr bool less_name(std::string_view a, std::string_view b) {
  return a.size() != b.size() ? a.size() < b.size() : a < b;
}

constexpr Property text(std::string_view name) {
  return {.name = name};
}
constexpr Property of(Kind kind, std::string_view name) {
  return {.name = name, .kind = kind};
}
constexpr Property flag(std::string_view name) {
  return of(Kind::kBoolean, name);
}
constexpr Property time(std::string_view name) {
  return of(Kind::kTimestamp, name);
}
constexpr Property hex(std::string_view name) {
  return of(Kind::kHex, name);
}
constexpr Property integer(std::string_view name) {
  return of(Kind::kInteger, name);
}
constexpr Property natural(std::string_view name) {
  return {.name = name, .kind = Kind::kInteger, .min = 0};
}
constexpr Property ranged(std::string_view name, std::int64_t min, std::int64_t max) {
  return {.name = name, .kind = Kind::kInteger, .min = min, .max = max};
}
constexpr Property number(std::string_view name, std::int64_t min, std::int64_t max) {
  return {.name = name, .kind = Kind::kFloat, .min = min, .max = max};
}
constexpr Property one_of(std::string_view name, Names names) {
  return {.name = name, .kind = Kind::kEnum, .names = names};
}
constexpr Property ref(std::string_view name, Names types) {
  return {.name = name, .kind = Kind::kReference, .names = types};
}
constexpr Property ref_to(std::string_view name, unsigned classes) {
  return {.name = name, .kind = Kind::kReference, .classes = static_cast<std::uint8_t>(classes)};
}
constexpr Property embed(std::string_view name, Shape const& shape) {
  return {.name = name, .kind = Kind::kObject, .shape = &shape};
}
constexpr Property list(Property property) {
  property.list = true;
  return property;
}
constexpr Property need(Property property) {
  property.required = true;
  return property;
}
constexpr Property common(Property property) {
  property.common = true;
  return property;
}

template <std::size_t N>
constexpr std::array<Property, N> sorted(std::array<Property, N> table) {
  static_assert(N <= 64, "presence is kept in 64 bits");
  std::sort(table.begin(), table.end(),
            [](Property const& a, Property const& b) { return less_name(a.name, b.name); });
  return table;
}

template <std::size_t A, std::size_t B>
constexpr std::array<Property, A + B> table(std::array<Property, A> const& shared,
                                            std::array<Property, B> const& own) {
  std::array<Property, A + B> all{};
  std::copy(shared.begin(), shared.end(), all.begin());
  std::copy(own.begin(), own.end(), all.begin() + A);
  return sorted(all);
}

template <class... P>
constexpr std::array<Property, sizeof...(P)> props(P... properties) {
  return {properties...};
}

constexpr Rule not_before(std::string_view first, std::string_view last) {
  return {.kind = RuleKind::kNotBefore, .names = {first, last}};
}
constexpr Rule later(std::string_view first, std::string_view last) {
  return {.kind = RuleKind::kLater, .names = {first, last}};
}
constexpr Rule needs(std::string_view name, std::string_view other) {
  return {.kind = RuleKind::kNeeds, .names = {name, other}};
}
constexpr Rule exactly_one(std::string_view a, std::string_view b) {
  return {.kind = RuleKind::kExactlyOne, .names = {a, b}};
}
constexpr Rule at_least_one(std::string_view a, std::string_view b, std::string_view c = {}) {
  return {.kind = RuleKind::kAtLeastOne, .names = {a, b, c}};
}
constexpr Rule any_own(std::string_view or_else = {}) {
  return {.kind = RuleKind::kAnyOwn, .names = {or_else}};
}
constexpr Rule custom(CustomRule rule, std::string_view text) {
  return {.kind = RuleKind::kCustom, .text = text, .custom = rule};
}

}  // namespace amic::stix::internal
