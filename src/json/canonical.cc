// RFC 8785 and the compact writer share everything but the order of members.
#include <algorithm>
#include <charconv>

#include "json/internal/number.h"
#include "json/json.h"

namespace amic::json {
namespace {

// Order of UTF-16 code units, computed on UTF-8: the two differ only in that code points above
// U+FFFF (lead bytes F0..F4) start with a surrogate and so sort before U+E000..U+FFFF (EE, EF).
unsigned utf16_rank(char c) {
  auto const byte = static_cast<unsigned char>(c);
  return byte >= 0xF0 ? 0xEDF0U + (byte - 0xF0U) : static_cast<unsigned>(byte) << 8;
}

bool utf16_less(std::string_view a, std::string_view b) {
  auto const [i, j] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (i == a.end() || j == b.end()) return j != b.end();
  return utf16_rank(*i) < utf16_rank(*j);
}

void append_string(std::string& out, std::string_view text) {
  out += '"';
  std::size_t plain = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    auto const c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text.substr(plain, i - plain));
    plain = i + 1;
    if (c == '"' || c == '\\') {
      (out += '\\') += static_cast<char>(c);
    } else if (c >= 0x08 && c <= 0x0D && c != 0x0B) {
      (out += '\\') += "btn?fr"[c - 0x08];  // 0x0B has no short form
    } else {
      constexpr char kHex[] = "0123456789abcdef";
      out.append("\\u00");
      (out += kHex[c >> 4]) += kHex[c & 15];
    }
  }
  out.append(text.substr(plain)) += '"';
}

template <class Int>
void append_int(std::string& out, Int number) {
  char buffer[24];
  auto const end = std::to_chars(buffer, buffer + sizeof buffer, number).ptr;
  out.append(buffer, end);
}

class Writer {
 public:
  explicit Writer(bool sorted) : sorted_(sorted) {}

  void write(value const& v) {
    switch (v.kind()) {
      case boost::json::kind::null:
        out_ += "null";
        break;
      case boost::json::kind::bool_:
        out_ += v.get_bool() ? "true" : "false";
        break;
      // Integers keep every digit, also above 2^53 where RFC 8785 (which only knows doubles) would
      // round: rounding would give different values one canonical form.
      case boost::json::kind::int64:
        append_int(out_, v.get_int64());
        break;
      case boost::json::kind::uint64:
        append_int(out_, v.get_uint64());
        break;
      case boost::json::kind::double_:
        internal::append_double(out_, v.get_double());
        break;
      case boost::json::kind::string:
        append_string(out_, v.get_string());
        break;
      case boost::json::kind::array:
        write_array(v.get_array());
        break;
      case boost::json::kind::object:
        write_object(v.get_object());
        break;
    }
  }
  std::string take() { return std::move(out_); }

 private:
  void write_array(array const& a) {
    out_ += '[';
    bool first = true;
    for (auto const& element : a) {
      if (!first) out_ += ',';
      first = false;
      write(element);
    }
    out_ += ']';
  }

  void write_member(boost::json::key_value_pair const& member, bool first) {
    if (!first) out_ += ',';
    append_string(out_, member.key());
    out_ += ':';
    write(member.value());
  }

  void write_object(object const& o) {
    out_ += '{';
    bool first = true;
    auto const in_order = [](auto const& a, auto const& b) { return utf16_less(a.key(), b.key()); };
    if (!sorted_ || std::is_sorted(o.begin(), o.end(), in_order)) {
      for (auto const& member : o) {
        write_member(member, first);
        first = false;
      }
    } else {
      std::vector<boost::json::key_value_pair const*> order;
      order.reserve(o.size());
      for (auto const& member : o) order.push_back(&member);
      std::sort(order.begin(), order.end(),
                [&](auto const* a, auto const* b) { return in_order(*a, *b); });
      for (auto const* member : order) {
        write_member(*member, first);
        first = false;
      }
    }
    out_ += '}';
  }

  bool sorted_;
  std::string out_;
};

}  // namespace

std::string canonical(value const& v) {
  Writer writer(true);
  writer.write(v);
  return writer.take();
}

std::string serialize(value const& v) {
  Writer writer(false);
  writer.write(v);
  return writer.take();
}

}  // namespace amic::json
