#include "marking/marking.h"

#include <algorithm>
#include <span>

#include "base/limits.h"
#include "codec/codec.h"

namespace amic::marking {

namespace {

constexpr std::uint8_t kFormatVersion = 1;

// Indexed by value; the enums are dense.
constexpr std::string_view kClassifications[] = {"UNCLASSIFIED", "RESTRICTED", "CONFIDENTIAL",
                                                 "SECRET", "TOP SECRET"};
constexpr std::string_view kTlps[] = {"TLP:CLEAR", "TLP:GREEN", "TLP:AMBER", "TLP:AMBER+STRICT",
                                      "TLP:RED"};
constexpr std::string_view kHandlings[] = {"ORCON", "H0", "H1", "H2", "H3"};  // value - 1
constexpr std::string_view kUnknown = "UNKNOWN";

bool known(Classification value) {
  return static_cast<unsigned>(value) < std::size(kClassifications);
}
bool known(Tlp value) {
  return static_cast<unsigned>(value) < std::size(kTlps);
}
bool known(Handling value) {
  return value >= Handling::kOrcon && static_cast<unsigned>(value) <= std::size(kHandlings);
}

std::string at_column(std::string_view what, std::size_t offset) {
  return std::string(what) + ":" + std::to_string(offset + 1);
}

// Index of `text` in `names`; else the column at which it stops being the beginning of any name.
Result<std::size_t> parse_name(std::string_view text, std::span<std::string_view const> names,
                               std::string_view what) {
  std::size_t right = 0;
  std::string list;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (text == names[i]) return i;
    auto const stop = std::mismatch(text.begin(), text.end(), names[i].begin(), names[i].end());
    right = std::max(right, static_cast<std::size_t>(stop.first - text.begin()));
    list += (i == 0 ? "" : ", ") + std::string(names[i]);
  }
  return fail(Code::kMalformed, at_column(what, right), "one of " + list);
}

bool is_control(char c) {
  auto const byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7F;
}

Result<void> check_purpose(std::string_view purpose) {
  constexpr char kWhere[] = "marking.purpose";
  if (purpose.size() > kPurposeBytesMax) return fail(Code::kTooLarge, kWhere, "at most 256 bytes");
  if (!codec::is_utf8(purpose)) return fail(Code::kBadUtf8, kWhere);
  if (std::any_of(purpose.begin(), purpose.end(), is_control))
    return fail(Code::kMalformed, kWhere, "control character");
  return {};
}

}  // namespace

std::string_view classification_name(Classification value) {
  return known(value) ? kClassifications[static_cast<std::size_t>(value)] : kUnknown;
}
std::string_view tlp_name(Tlp value) {
  return known(value) ? kTlps[static_cast<std::size_t>(value)] : kUnknown;
}
std::string_view handling_name(Handling value) {
  return known(value) ? kHandlings[static_cast<std::size_t>(value) - 1] : kUnknown;
}

Result<Classification> parse_classification(std::string_view text) {
  AMIC_TRY(std::size_t const index, parse_name(text, kClassifications, "classification"));
  return static_cast<Classification>(index);
}
Result<Tlp> parse_tlp(std::string_view text) {
  AMIC_TRY(std::size_t const index, parse_name(text, kTlps, "tlp"));
  return static_cast<Tlp>(index);
}
Result<Handling> parse_handling(std::string_view text) {
  AMIC_TRY(std::size_t const index, parse_name(text, kHandlings, "handling"));
  return static_cast<Handling>(index + 1);
}

Result<void> check(Marking const& marking) {
  if (!known(marking.classification))
    return fail(Code::kOutOfRange, "marking.classification", "unknown value");
  if (!known(marking.tlp)) return fail(Code::kOutOfRange, "marking.tlp", "unknown value");
  if (marking.rel_to.size() > limits::kMembersMax)
    return fail(Code::kTooLarge, "marking.rel_to", "more members than a community can have");
  if (marking.rel_to.contains(MemberId()))
    return fail(Code::kMalformed, "marking.rel_to", "an empty member name");
  for (Handling const value : marking.handling)
    if (!known(value)) return fail(Code::kOutOfRange, "marking.handling", "unknown value");
  return check_purpose(marking.purpose);
}

Bytes encode(Marking const& marking) {
  codec::Writer out;
  out.u8(kFormatVersion);
  out.str8(marking.realm.str());
  out.u8(static_cast<std::uint8_t>(marking.classification));
  out.u8(static_cast<std::uint8_t>(marking.tlp));
  out.u32(static_cast<std::uint32_t>(marking.rel_to.size()));
  for (MemberId const& member : marking.rel_to) out.str8(member.str());
  out.u16(static_cast<std::uint16_t>(marking.handling.size()));
  for (Handling const value : marking.handling) out.u8(static_cast<std::uint8_t>(value));
  out.vec32(as_bytes(marking.purpose));
  out.u8(marking.expires_ms ? 1 : 0);
  if (marking.expires_ms) out.i64(*marking.expires_ms);
  return out.take();
}

namespace {

void decode_rel_to(codec::Reader& in, Marking& marking) {
  std::uint32_t const count = in.u32();
  if (count > limits::kMembersMax) return in.reject(Code::kTooLarge, "members in REL TO");
  MemberId before;
  for (std::uint32_t i = 0; i < count && in.ok(); ++i) {
    auto const member = MemberId::parse(in.str8());
    if (!in.ok()) return;
    if (!member) return in.reject(Code::kMalformed, "member name in REL TO");
    if (!(before < *member)) return in.reject(Code::kMalformed, "REL TO is not strictly ascending");
    before = *member;
    marking.rel_to.insert(marking.rel_to.end(), before);
  }
}

void decode_handling(codec::Reader& in, Marking& marking) {
  std::uint16_t const count = in.u16();
  if (count > std::size(kHandlings)) return in.reject(Code::kTooLarge, "handling codes");
  unsigned before = 0;
  for (std::uint16_t i = 0; i < count && in.ok(); ++i) {
    unsigned const value = in.u8();
    if (!in.ok()) return;
    if (!known(static_cast<Handling>(value))) return in.reject(Code::kOutOfRange, "handling code");
    if (value <= before) return in.reject(Code::kMalformed, "handling is not strictly ascending");
    before = value;
    marking.handling.insert(static_cast<Handling>(value));
  }
}

}  // namespace

Result<Marking> decode(BytesView bytes) {
  codec::Reader in(bytes, "marking");
  if (in.u8() != kFormatVersion) in.reject(Code::kUnsupported, "marking version");
  Marking out;
  auto const realm = Realm::parse(in.str8());
  if (realm) {
    out.realm = *realm;
  } else {
    in.reject(Code::kMalformed, "realm");
  }
  out.classification = static_cast<Classification>(in.u8());
  if (!known(out.classification)) in.reject(Code::kOutOfRange, "classification");
  out.tlp = static_cast<Tlp>(in.u8());
  if (!known(out.tlp)) in.reject(Code::kOutOfRange, "tlp");
  decode_rel_to(in, out);
  decode_handling(in, out);
  out.purpose = as_text(in.vec32(kPurposeBytesMax));
  if (auto const fine = check_purpose(out.purpose); !fine) in.reject(fine.error().code, "purpose");
  std::uint8_t const has_expiry = in.u8();
  if (has_expiry > 1) in.reject(Code::kOutOfRange, "expiry flag");
  if (has_expiry == 1) out.expires_ms = in.i64();
  AMIC_TRY_VOID(in.finish());
  return out;
}

std::string banner(Marking const& marking) {
  std::string out;
  if (!marking.realm.is_operations()) {
    out = marking.realm.str() + "//";
    std::replace(out.begin(), out.end(), ':', ' ');
  }
  out += classification_name(marking.classification);
  std::string_view before = "//REL TO ";
  for (MemberId const& member : marking.rel_to) {
    out.append(before).append(member.str());
    before = ", ";
  }
  if (marking.rel_to.empty()) out += "//NOT RELEASABLE";
  before = "//";
  for (Handling const value : marking.handling) {
    out.append(before).append(handling_name(value));
    before = "/";
  }
  out.append("//").append(tlp_name(marking.tlp));
  if (marking.expires_ms) out += "//EXPIRES " + codec::to_rfc3339(*marking.expires_ms);
  return out;
}

namespace {
// Takes the spaces off both ends; `column` moves with the beginning.
std::string_view trim(std::string_view text, std::size_t& column) {
  std::size_t const first = std::min(text.find_first_not_of(' '), text.size());
  column += first;
  text.remove_prefix(first);
  return text.substr(0, text.find_last_not_of(' ') + 1);
}
}  // namespace

Result<std::set<MemberId>> parse_rel_to(std::string_view comma_separated) {
  std::size_t column = 0;
  if (trim(comma_separated, column).empty())
    return fail(Code::kNoRecipients, "rel_to:1", "no member is named");
  std::set<MemberId> out;
  for (std::size_t begin = 0; begin <= comma_separated.size();) {
    std::size_t const end = std::min(comma_separated.find(',', begin), comma_separated.size());
    column = begin;
    std::string_view const name = trim(comma_separated.substr(begin, end - begin), column);
    auto member = MemberId::parse(name);
    if (!member) return fail(Code::kMalformed, at_column("rel_to", column), member.error().detail);
    if (out.size() == limits::kMembersMax)
      return fail(Code::kTooLarge, at_column("rel_to", column), "too many members");
    if (!out.insert(std::move(*member)).second)
      return fail(Code::kMalformed, at_column("rel_to", column), "member named twice");
    begin = end + 1;
  }
  return out;
}

}  // namespace amic::marking
