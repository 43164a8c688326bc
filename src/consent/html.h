// A page that is complete in itself: no scripts, nothing to fetch, every text escaped. Internal to
// consent.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace amic::consent {

inline std::string html_escaped(std::string_view text) {
  std::string out;
  for (char const c : text) switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  return out;
}

class Page {
 public:
  Page(std::string_view language, std::string_view title);
  void element(std::string_view tag, std::string_view text);  // <tag>text</tag>
  void paragraph(std::string_view text) { element("p", text); }
  // Headings of Markdown as h3 and deeper, in the language of the text; all else as it stands.
  void document(std::string_view text);
  void begin_table(std::initializer_list<std::string_view> columns);
  void row(std::initializer_list<std::string_view> cells);
  void end_table() { out_ += "</tbody>\n</table>\n"; }
  // Name and value in two columns; hex may break anywhere.
  void begin_facts() { out_ += "<dl>\n"; }
  void fact(std::string_view name, std::string_view value);
  void end_facts() { out_ += "</dl>\n"; }
  void quoted(std::string_view tag, std::string_view what, std::string_view text);
  std::string take();

 private:
  std::string language_;
  std::string out_;
};

}  // namespace amic::consent
