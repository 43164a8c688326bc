#include "net/media_type.h"

#include <algorithm>

#include "net/text.h"

namespace amic::net {
namespace {

struct Cursor {
  std::string_view rest;

  void skip_space() { rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size())); }
  bool take(char c) {
    if (rest.empty() || rest.front() != c) return false;
    rest.remove_prefix(1);
    return true;
  }
  // The longest token here; empty if none.
  std::string_view token() {
    std::size_t n = 0;
    while (n < rest.size() && is_token(rest.substr(n, 1))) ++n;
    auto const out = rest.substr(0, n);
    rest.remove_prefix(n);
    return out;
  }
  std::optional<std::string> quoted() {
    if (!take('"')) return std::nullopt;
    std::string out;
    while (!rest.empty()) {
      char c = rest.front();
      rest.remove_prefix(1);
      if (c == '"') return out;
      if (c == '\\') {
        if (rest.empty()) return std::nullopt;
        c = rest.front();
        rest.remove_prefix(1);
      }
      if (c != '\t' && has_control(std::string_view(&c, 1))) return std::nullopt;
      out += c;
    }
    return std::nullopt;
  }
};

// "0", "0.5", "1.000": thousandths; -1 if ill-formed.
int parse_q(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return -1;
  if (text.size() > 1 && text[1] != '.') return -1;
  int value = text[0] == '1' ? 1000 : 0;
  int unit = 100;
  for (char c : text.substr(std::min<std::size_t>(2, text.size()))) {
    if (c < '0' || c > '9') return -1;
    value += (c - '0') * unit;
    unit /= 10;
  }
  return value <= 1000 ? value : -1;
}

Result<void> parse_parameters(Cursor& in, bool accept, std::string const& where, MediaType& out) {
  for (;;) {
    in.skip_space();
    if (!in.take(';')) return {};
    in.skip_space();
    auto const name = to_lower(in.token());
    if (name.empty()) continue;  // RFC 9110 allows empty parameters: "a/b;"
    if (!in.take('=')) return fail(Code::kMalformed, where, "parameter without value");
    std::string value(in.token());
    if (value.empty()) {
      auto quoted = in.quoted();
      if (!quoted) return fail(Code::kMalformed, where, "bad parameter value");
      value = std::move(*quoted);
    }
    if (accept && name == "q") {
      out.q_thousandths = parse_q(value);
      if (out.q_thousandths < 0) return fail(Code::kMalformed, where, "bad q");
      continue;
    }
    if (!out.parameter(name).empty()) return fail(Code::kMalformed, where, "parameter given twice");
    if (out.parameters.size() == kMediaParametersMax) return fail(Code::kTooLarge, where);
    out.parameters.emplace_back(name, std::move(value));
  }
}

Result<MediaType> parse_one(Cursor& in, bool accept, std::string const& where) {
  MediaType out;
  in.skip_space();
  out.type = to_lower(in.token());
  if (out.type.empty() || !in.take('/')) return fail(Code::kMalformed, where, "no type/subtype");
  out.subtype = to_lower(in.token());
  if (out.subtype.empty()) return fail(Code::kMalformed, where, "no type/subtype");
  bool const wild =
      out.type.find('*') != std::string::npos || out.subtype.find('*') != std::string::npos;
  bool const range =
      out.subtype == "*" && (out.type == "*" || out.type.find('*') == std::string::npos);
  if (wild && !(accept && range)) return fail(Code::kMalformed, where, "bad wildcard");
  AMIC_TRY_VOID(parse_parameters(in, accept, where, out));
  return out;
}

// How specifically `range` covers `offer`; -1 if not at all.
int specificity(MediaType const& range, MediaType const& offer) {
  if (range.type == "*") return 0;
  if (range.type != offer.type) return -1;
  if (range.subtype == "*") return 1;
  if (range.subtype != offer.subtype) return -1;
  for (auto const& [name, value] : range.parameters)
    if (!equal_ignoring_case(offer.parameter(name), value)) return -1;
  return 2 + static_cast<int>(range.parameters.size());
}

int quality(std::span<MediaType const> accept, MediaType const& offer) {
  int best = -1;
  int q = 0;
  for (auto const& range : accept) {
    auto const s = specificity(range, offer);
    if (s > best) {
      best = s;
      q = range.q_thousandths;
    }
  }
  return q;
}

}  // namespace

std::string_view MediaType::parameter(std::string_view lower_name) const {
  for (auto const& [name, value] : parameters)
    if (name == lower_name) return value;
  return {};
}

bool MediaType::is(std::string_view full) const {
  return full.size() == type.size() + 1 + subtype.size() && full.starts_with(type) &&
         full[type.size()] == '/' && full.ends_with(subtype);
}

std::string MediaType::text() const {
  auto out = type + "/" + subtype;
  for (auto const& [name, value] : parameters) {
    out += ";" + name + "=";
    if (is_token(value)) {
      out += value;
      continue;
    }
    out += '"';
    for (char c : value) {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
    out += '"';
  }
  return out;
}

Result<MediaType> parse_media_type(std::string_view text) {
  std::string const where = "content-type";
  if (text.size() > kMediaTypeBytesMax) return fail(Code::kTooLarge, where);
  Cursor in{text};
  AMIC_TRY(auto out, parse_one(in, false, where));
  in.skip_space();
  if (!in.rest.empty()) return fail(Code::kMalformed, where, "text after the media type");
  return out;
}

Result<std::vector<MediaType>> parse_accept(std::string_view text) {
  std::string const where = "accept";
  if (text.size() > kMediaTypeBytesMax) return fail(Code::kTooLarge, where);
  std::vector<MediaType> out;
  Cursor in{text};
  for (;;) {
    in.skip_space();
    if (in.take(',')) continue;  // empty list elements are legal
    if (in.rest.empty()) break;
    if (out.size() == kMediaRangesMax) return fail(Code::kTooLarge, where);
    AMIC_TRY(auto range, parse_one(in, true, where));
    out.push_back(std::move(range));
    in.skip_space();
    if (!in.rest.empty() && !in.take(',')) return fail(Code::kMalformed, where);
  }
  if (out.empty()) out.push_back({"*", "*", {}, 1000});
  return out;
}

std::optional<std::size_t> negotiate(std::span<MediaType const> accept,
                                     std::span<MediaType const> offers) {
  std::optional<std::size_t> best;
  int best_q = 0;
  for (std::size_t i = 0; i < offers.size(); ++i) {
    auto const q = quality(accept, offers[i]);
    if (q > best_q) {
      best = i;
      best_q = q;
    }
  }
  return best;
}

}  // namespace amic::net
