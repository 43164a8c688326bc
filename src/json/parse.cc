// Boost.JSON does the parsing; this file adds what it does not do: duplicate members, integers that
// silently become doubles, exact rounding of doubles (1.81 is off by an ulp outside its fast path).
#include <charconv>
#include <cmath>
#include <memory>

#include "json/internal/number.h"
#include "json/internal/scan.h"
#include "json/json.h"

namespace amic::json {

using internal::at_byte;
using internal::is_digit;
using internal::skip_scalar;
using internal::skip_space;
using internal::skip_string;

namespace {

using JsonError = boost::json::error;

// Offset of the first byte that is not UTF-8 (RFC 3629), or npos.
std::size_t find_bad_utf8(std::string_view text) {
  auto const byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  auto const tail = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xBF) {
    return byte(i) >= low && byte(i) <= high;
  };
  std::size_t i = 0;
  while (i < text.size()) {
    unsigned const c = byte(i);
    if (c < 0x80) {
      i += 1;
    } else if (c >= 0xC2 && c <= 0xDF && tail(i + 1)) {
      i += 2;
    } else if (c >= 0xE0 && c <= 0xEF &&
               tail(i + 1, c == 0xE0 ? 0xA0 : 0x80, c == 0xED ? 0x9F : 0xBF) && tail(i + 2)) {
      i += 3;
    } else if (c >= 0xF0 && c <= 0xF4 &&
               tail(i + 1, c == 0xF0 ? 0x90 : 0x80, c == 0xF4 ? 0x8F : 0xBF) && tail(i + 2) &&
               tail(i + 3)) {
      i += 4;
    } else {
      return i;
    }
  }
  return std::string_view::npos;
}

// Boost.JSON stopped at `offset`: was it because of a lone surrogate escape just before?
bool after_lone_surrogate(std::string_view text, std::size_t offset) {
  auto const at = text.substr(0, offset).rfind("\\u");
  if (at == std::string_view::npos || offset - at > 7 || at + 4 > text.size()) return false;
  std::size_t backslashes = 1;
  while (backslashes <= at && text[at - backslashes] == '\\') ++backslashes;
  constexpr std::string_view kHigh = "89abcdefABCDEF";
  return backslashes % 2 == 1 && (text[at + 2] | 0x20) == 'd' &&
         kHigh.find(text[at + 3]) != std::string_view::npos;
}

Error syntax_error(std::string_view text, std::size_t offset, boost::json::error_code ec) {
  if (auto const bad = find_bad_utf8(text); bad != std::string_view::npos && bad <= offset + 4)
    return {Code::kBadUtf8, at_byte(bad), "not UTF-8"};
  if (ec == JsonError::too_deep) return {Code::kTooDeep, at_byte(offset), "nested too deep"};
  // I-JSON (RFC 7493 2.1): a lone surrogate escape stands for no character.
  if (ec == JsonError::illegal_leading_surrogate || ec == JsonError::illegal_trailing_surrogate ||
      ec == JsonError::expected_utf16_escape || after_lone_surrogate(text, offset))
    return {Code::kBadUtf8, at_byte(offset), "lone surrogate escape"};
  if (ec == JsonError::exponent_overflow)
    return {Code::kOutOfRange, at_byte(offset), "the exponent is out of range"};
  return {Code::kMalformed, at_byte(offset), ec.message()};
}

// What the text has, to hold against what the DOM has.
struct Tally {
  std::size_t members = 0;
  std::vector<std::string_view> doubles;  // spelling of each, in order
};

bool fits_integer(std::string_view token) {
  auto const* const end = token.data() + token.size();
  if (token.front() == '-') {
    std::int64_t number = 0;
    return std::from_chars(token.data(), end, number).ec == std::errc{};
  }
  std::uint64_t number = 0;
  return std::from_chars(token.data(), end, number).ec == std::errc{};
}

// RFC 8785 writes doubles from 2^64 to 1e21 as integers. Where the token is exactly that form,
// reading it as a double loses nothing.
bool is_canonical_double(std::string_view token) {
  double number = 0;
  if (std::from_chars(token.data(), token.data() + token.size(), number).ec != std::errc{})
    return false;
  std::string text;
  internal::append_double(text, number);
  return text == token;
}

// `text` is valid JSON.
Result<Tally> tally(std::string_view text) {
  Tally out;
  for (std::size_t i = 0; i < text.size();) {
    char const c = text[i];
    if (c == '"') {
      i = skip_string(text, i);
    } else if (c == '-' || is_digit(c)) {
      auto const token = text.substr(i, skip_scalar(text, i) - i);
      bool const integer = token.find_first_of(".eE") == std::string_view::npos;
      // Up to 18 digits always fit.
      if (!integer) {
        out.doubles.push_back(token);
      } else if (token.size() > 18 && !fits_integer(token)) {
        if (!is_canonical_double(token))
          return fail(Code::kOutOfRange, at_byte(i), "the integer does not fit in 64 bits");
        out.doubles.push_back(token);
      }
      i += token.size();
    } else {
      out.members += c == ':' ? 1 : 0;
      ++i;
    }
  }
  return out;
}

// Counts members and reads each double again from its spelling, in document order.
class Reconciler {
 public:
  explicit Reconciler(std::vector<std::string_view> const& doubles) : doubles_(doubles) {}

  Result<void> visit(value& v) {
    if (auto* const o = v.if_object()) {
      members_ += o->size();
      for (auto& member : *o) AMIC_TRY_VOID(visit(member.value()));
    } else if (auto* const a = v.if_array()) {
      for (auto& element : *a) AMIC_TRY_VOID(visit(element));
    } else if (auto* const number = v.if_double()) {
      return read(*number);
    }
    return {};
  }
  std::size_t members() const { return members_; }

 private:
  Result<void> read(double& number) {
    // Fewer spellings than doubles happens only where members are missing from the DOM, which the
    // caller sees by the count.
    if (next_ >= doubles_.size()) return {};
    auto const token = doubles_[next_++];
    double exact = 0;
    auto const ec = std::from_chars(token.data(), token.data() + token.size(), exact).ec;
    if (ec == std::errc{}) {
      number = exact;
    } else if (std::fabs(number) < 1) {
      number = 0;  // too small for a double: rounds to zero
    } else {
      return fail(Code::kOutOfRange, "number " + std::string(token.substr(0, 40)),
                  "the number does not fit in a double");
    }
    return {};
  }

  std::vector<std::string_view> const& doubles_;
  std::size_t next_ = 0;
  std::size_t members_ = 0;
};

// The slow path: walks valid text of bounded depth and names the first repeated key.
class DuplicateFinder {
 public:
  explicit DuplicateFinder(std::string_view text) : text_(text) {}

  // The pointer of the repeated member, or "" if there is none.
  std::string find() {
    value_at(skip_space(text_, 0), "");
    return found_;
  }

 private:
  std::size_t value_at(std::size_t at, std::string const& pointer) {
    switch (text_[at]) {
      case '{':
        return object_at(at, pointer);
      case '[':
        return array_at(at, pointer);
      case '"':
        return skip_string(text_, at);
      default:
        return skip_scalar(text_, at);
    }
  }

  std::size_t array_at(std::size_t at, std::string const& pointer) {
    at = skip_space(text_, at + 1);
    for (std::size_t index = 0; text_[at] != ']' && found_.empty(); ++index) {
      at = skip_space(text_, value_at(at, pointer + "/" + std::to_string(index)));
      if (!found_.empty()) break;
      if (text_[at] == ',') at = skip_space(text_, at + 1);
    }
    return at + 1;
  }

  std::size_t object_at(std::size_t at, std::string const& pointer) {
    object seen;
    at = skip_space(text_, at + 1);
    while (text_[at] != '}') {
      auto const end = skip_string(text_, at);
      auto const key = internal::decode_string(text_.substr(at, end - at));
      auto const here = pointer + "/" + pointer_token(key);
      if (!seen.emplace(key, nullptr).second) {
        found_ = here;
        break;
      }
      at = skip_space(text_, skip_space(text_, end) + 1);
      at = skip_space(text_, value_at(at, here));
      if (!found_.empty()) break;
      if (text_[at] == ',') at = skip_space(text_, at + 1);
    }
    return at + 1;
  }

  std::string_view text_;
  std::string found_;
};

Result<value> parse_text(std::string_view text, ParseOptions const& options, Storage storage) {
  boost::json::parse_options rules;
  rules.max_depth = options.depth_max;
  boost::json::parser parser({}, rules);
  parser.reset(std::move(storage));
  boost::json::error_code ec;
  auto const offset = parser.write(text.data(), text.size(), ec);
  if (ec) return fail(syntax_error(text, offset, ec));
  return parser.release();
}

}  // namespace

Result<value> parse(std::string_view text, ParseOptions options, Storage storage) {
  if (text.size() > options.bytes_max)
    return fail(Code::kTooLarge, at_byte(options.bytes_max), "the text is too large");
  try {
    AMIC_TRY(auto dom, parse_text(text, options, std::move(storage)));
    AMIC_TRY(auto const in_text, tally(text));
    Reconciler reconciler(in_text.doubles);
    auto const reconciled = reconciler.visit(dom);
    // First: with members missing, spellings and doubles do not pair up.
    if (reconciler.members() != in_text.members || !reconciled) {
      if (auto where = DuplicateFinder(text).find(); !where.empty())
        return fail(Code::kDuplicateKey, std::move(where), "the member is given twice");
    }
    AMIC_TRY_VOID(reconciled);
    return dom;
  } catch (std::exception const& error) {
    return fail(Code::kInternal, "json.parse", error.what());
  }
}

}  // namespace amic::json
