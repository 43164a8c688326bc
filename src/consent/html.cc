#include "consent/html.h"

#include <algorithm>

namespace amic::consent {

namespace {

constexpr std::string_view kStyle =
    "body{font-family:serif;line-height:1.45;max-width:48em;margin:2em auto;padding:0 1em;"
    "color:#000;background:#fff}\n"
    "h1,h2,h3,h4,h5,h6{font-family:sans-serif;line-height:1.2}\n"
    "table{border-collapse:collapse;width:100%;margin:1em 0}\n"
    "th,td{border:1px solid #777;padding:.3em .5em;text-align:left;vertical-align:top;"
    "overflow-wrap:anywhere}\n"
    "thead{display:table-header-group}\n"
    "dt{font-weight:bold}\n"
    "dd{margin:0 0 .4em 0;overflow-wrap:anywhere}\n"
    "pre{font-family:inherit;white-space:pre-wrap;overflow-wrap:anywhere;margin:.5em 0}\n"
    "del,ins{text-decoration:none}\n"
    "del pre{border-left:.25em double #777;padding-left:.7em}\n"
    "ins pre{border-left:.25em solid #000;padding-left:.7em}\n"
    "@media print{@page{margin:2cm}body{max-width:none;margin:0;padding:0;font-size:10.5pt}"
    "h1,h2,h3{break-after:avoid}tr,dd{break-inside:avoid}}\n";

}  // namespace

// Labels are English; the text of the document has a language of its own.
Page::Page(std::string_view language, std::string_view title) : language_(language) {
  out_ =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
      "style-src 'unsafe-inline'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>" +
      html_escaped(title) + "</title>\n<style>\n" + std::string(kStyle) +
      "</style>\n</head>\n<body>\n";
}

void Page::element(std::string_view tag, std::string_view text) {
  std::string const name{tag};
  out_ += "<" + name + ">" + html_escaped(text) + "</" + name + ">\n";
}

void Page::quoted(std::string_view tag, std::string_view what, std::string_view text) {
  std::string const name{tag};
  out_ += "<p>" + html_escaped(what) + "</p>\n<" + name + " lang=\"" + html_escaped(language_) +
          "\"><pre>\n" + html_escaped(text) + "</pre></" + name + ">\n";
}

void Page::document(std::string_view text) {
  out_ += "<article lang=\"" + html_escaped(language_) + "\">\n";
  std::string block;
  auto const flush = [&] {
    // An HTML parser drops one line end after <pre>.
    if (block.find_first_not_of('\n') != std::string::npos)
      out_ += "<pre>\n" + html_escaped(block) + "</pre>\n";
    block.clear();
  };
  while (!text.empty()) {
    std::size_t const end = std::min(text.find('\n'), text.size());
    std::string_view const line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    std::size_t const level = std::min(line.find_first_not_of('#'), line.size());
    if (level == 0 || level > 6 || level >= line.size() || line[level] != ' ') {
      block += std::string(line) + "\n";
      continue;
    }
    flush();
    element("h" + std::to_string(std::min<std::size_t>(level + 2, 6)), line.substr(level + 1));
  }
  flush();
  out_ += "</article>\n";
}

void Page::begin_table(std::initializer_list<std::string_view> columns) {
  out_ += "<table>\n<thead><tr>";
  for (auto const column : columns) out_ += "<th scope=\"col\">" + html_escaped(column) + "</th>";
  out_ += "</tr></thead>\n<tbody>\n";
}

void Page::row(std::initializer_list<std::string_view> cells) {
  out_ += "<tr>";
  for (auto const cell : cells) out_ += "<td>" + html_escaped(cell) + "</td>";
  out_ += "</tr>\n";
}

void Page::fact(std::string_view name, std::string_view value) {
  out_ += "<dt>" + html_escaped(name) + "</dt><dd>" + html_escaped(value) + "</dd>\n";
}

std::string Page::take() {
  return std::move(out_) + "</body>\n</html>\n";
}

}  // namespace amic::consent
