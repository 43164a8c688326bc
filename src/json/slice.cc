// Slicing without a DOM. Only the brackets, strings and separators on the way are checked; what is
// inside the slices and in `rest` is checked when the caller parses them.
#include <optional>
#include <vector>

#include "json/internal/scan.h"
#include "json/json.h"

namespace amic::json {
namespace {

using internal::at_byte;
using internal::skip_scalar;
using internal::skip_space;
using internal::skip_string;

class Slicer {
 public:
  Slicer(std::string_view text, std::size_t depth_max) : text_(text), depth_max_(depth_max) {}

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  std::size_t offset() const { return at_; }
  void space() { at_ = skip_space(text_, at_); }

  Result<void> expect(char c) {
    space();
    if (at_ >= text_.size() || text_[at_] != c) return bad();
    ++at_;
    return {};
  }

  // A string token with its quotes.
  Result<std::string_view> string() {
    space();
    if (peek() != '"') return bad();
    auto const end = skip_string(text_, at_);
    if (end == std::string_view::npos) return bad();
    auto const token = text_.substr(at_, end - at_);
    at_ = end;
    return token;
  }

  // Any value, `outer` levels deep in the document.
  Result<std::string_view> skip_value(std::size_t outer) {
    space();
    auto const start = at_;
    open_.clear();
    do {
      AMIC_TRY_VOID(step(outer));
    } while (!open_.empty());
    return text_.substr(start, at_ - start);
  }

  tl::unexpected<Error> bad() const { return fail(Code::kMalformed, at_byte(at_), "syntax error"); }

 private:
  // One token. Inside brackets the separators count as tokens.
  Result<void> step(std::size_t outer) {
    if (!open_.empty()) space();
    if (at_ >= text_.size()) return bad();
    char const c = text_[at_];
    if (c == '"') {
      AMIC_TRY_VOID(string());
    } else if (c == '{' || c == '[') {
      if (outer + open_.size() >= depth_max_)
        return fail(Code::kTooDeep, at_byte(at_), "nested too deep");
      open_.push_back(c == '{' ? '}' : ']');
      ++at_;
    } else if (c == '}' || c == ']') {
      if (open_.empty() || open_.back() != c) return bad();
      open_.pop_back();
      ++at_;
    } else if (!open_.empty() && (c == ',' || c == ':')) {
      ++at_;
    } else {
      auto const end = skip_scalar(text_, at_);
      if (end == at_) return bad();
      at_ = end;
    }
    return {};
  }

  std::string_view text_;
  std::size_t depth_max_;
  std::size_t at_ = 0;
  std::string open_;  // the closing brackets still due
};

Result<std::vector<std::string_view>> slice_elements(Slicer& in, std::size_t elements_max,
                                                     std::string const& pointer) {
  std::vector<std::string_view> out;
  AMIC_TRY_VOID(in.expect('['));
  in.space();
  while (in.peek() != ']') {
    if (!out.empty()) AMIC_TRY_VOID(in.expect(','));
    if (out.size() >= elements_max)
      return fail(Code::kTooLarge, pointer, "the array has too many elements");
    AMIC_TRY(auto const element, in.skip_value(2));
    out.push_back(element);
    in.space();
  }
  AMIC_TRY_VOID(in.expect(']'));
  return out;
}

Result<ArraySlices> slice(std::string_view text, std::string_view name, std::size_t elements_max,
                          std::size_t depth_max) {
  Slicer in(text, depth_max);
  ArraySlices out;
  bool found = false;
  auto const pointer = "/" + pointer_token(name);
  if (depth_max == 0) return fail(Code::kTooDeep, at_byte(0), "nested too deep");
  AMIC_TRY_VOID(in.expect('{'));
  in.space();
  for (bool first = true; in.peek() != '}'; first = false) {
    if (!first) AMIC_TRY_VOID(in.expect(','));
    AMIC_TRY(auto const key, in.string());
    AMIC_TRY_VOID(in.expect(':'));
    in.space();
    if (internal::decode_string(key) != name) {
      AMIC_TRY_VOID(in.skip_value(1));
    } else {
      if (found) return fail(Code::kDuplicateKey, pointer, "the member is given twice");
      found = true;
      if (in.peek() != '[') return fail(Code::kWrongType, pointer, "an array is expected");
      if (depth_max < 2) return fail(Code::kTooDeep, at_byte(in.offset()), "nested too deep");
      auto const begin = in.offset();
      AMIC_TRY(out.elements, slice_elements(in, elements_max, pointer));
      out.rest.append(text.substr(0, begin)).append("[]").append(text.substr(in.offset()));
    }
    in.space();
  }
  AMIC_TRY_VOID(in.expect('}'));
  in.space();
  if (in.offset() != text.size()) return in.bad();
  if (!found) out.rest = text;
  return out;
}

Result<std::string_view> slice_one(std::string_view text, std::string_view name,
                                   std::size_t depth_max) {
  Slicer in(text, depth_max);
  auto const pointer = "/" + pointer_token(name);
  std::optional<std::string_view> found;
  AMIC_TRY_VOID(in.expect('{'));
  in.space();
  for (bool first = true; in.peek() != '}'; first = false) {
    if (!first) AMIC_TRY_VOID(in.expect(','));
    AMIC_TRY(auto const key, in.string());
    AMIC_TRY_VOID(in.expect(':'));
    in.space();
    AMIC_TRY(auto const value, in.skip_value(1));
    if (internal::decode_string(key) == name) {
      if (found) return fail(Code::kDuplicateKey, pointer, "the member is given twice");
      found = value;
    }
    in.space();
  }
  AMIC_TRY_VOID(in.expect('}'));
  if (!found) return fail(Code::kMissingField, pointer, "no such member");
  return *found;
}

}  // namespace

Result<std::string_view> slice_member(std::string_view text, std::string_view name,
                                      ParseOptions options) {
  if (text.size() > options.bytes_max)
    return fail(Code::kTooLarge, at_byte(options.bytes_max), "the text is too large");
  try {
    return slice_one(text, name, options.depth_max);
  } catch (std::exception const& error) {
    return fail(Code::kInternal, "json.slice", error.what());
  }
}

Result<ArraySlices> slice_member_array(std::string_view text, std::string_view name,
                                       std::size_t elements_max, ParseOptions options) {
  if (text.size() > options.bytes_max)
    return fail(Code::kTooLarge, at_byte(options.bytes_max), "the text is too large");
  try {
    return slice(text, name, elements_max, options.depth_max);
  } catch (std::exception const& error) {
    return fail(Code::kInternal, "json.slice", error.what());
  }
}

}  // namespace amic::json
