#include "importers/vessel_names.h"

#include <algorithm>
#include <cstddef>

#include "importers/tables.h"
#include "importers/text_repair.h"

namespace amic::importers {
namespace {

constexpr std::size_t kNameBytesMax = 64;

bool upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool lower(char c) {
  return c >= 'a' && c <= 'z';
}
bool digit(char c) {
  return c >= '0' && c <= '9';
}

// Words with their place; punctuation at the ends is not part of a word.
struct Word {
  std::size_t at = 0;
  std::string_view text;
};

std::vector<Word> words_of(std::string_view text) {
  std::vector<Word> out;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == ' ' || text[at] == '\n' || text[at] == '\t') {
      ++at;
      continue;
    }
    std::size_t end = std::min(text.find_first_of(" \n\t", at), text.size());
    std::size_t first = at;
    at = end;
    constexpr std::string_view kEdge = ".,;:()[]\"'";
    while (first < end && kEdge.find(text[first]) != std::string_view::npos) ++first;
    while (end > first && kEdge.find(text[end - 1]) != std::string_view::npos) --end;
    if (end > first) out.push_back({first, text.substr(first, end - first)});
  }
  return out;
}

// All its letters are capitals; `least` letters at least. A number is none.
bool in_capitals(std::string_view word, std::size_t least) {
  if (std::any_of(word.begin(), word.end(), lower)) return false;
  return static_cast<std::size_t>(std::count_if(word.begin(), word.end(), upper)) >= least;
}

bool is_number(std::string_view word) {
  return !word.empty() && std::all_of(word.begin(), word.end(), digit);
}

bool shouted(std::string_view text) {
  auto const capitals = std::count_if(text.begin(), text.end(), upper);
  auto const small = std::count_if(text.begin(), text.end(), lower);
  return capitals > 0 && capitals * 5 >= (capitals + small) * 2;  // 40 % of the letters
}

void add_name(std::vector<std::string>& names, std::string_view raw) {
  std::string name = ascii_upper(collapsed(raw));
  if (name.size() < 2 || name.size() > kNameBytesMax || names.size() >= kVesselsPerRowMax) return;
  if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
}

// The run of words that starts at `first` and ends before `last`, as written.
std::string_view span_of(std::string_view text, std::vector<Word> const& words, std::size_t first,
                         std::size_t last) {
  std::size_t const begin = words[first].at;
  return text.substr(begin, words[last - 1].at + words[last - 1].text.size() - begin);
}

bool describes(std::string_view word) {
  return is_vessel_word(ascii_upper(word));
}

// Case-insensitive, at word ends only.
void replace_name(std::string& text, std::string const& name) {
  std::string const upper_text = ascii_upper(text);
  auto const inner = [&](std::size_t at) {
    return at < upper_text.size() && (upper(upper_text[at]) || digit(upper_text[at]));
  };
  std::string out;
  std::size_t copied = 0;
  for (std::size_t at = upper_text.find(name); at != std::string::npos;
       at = upper_text.find(name, at + 1)) {
    if (at < copied || (at > 0 && inner(at - 1)) || inner(at + name.size())) continue;
    out.append(text, copied, at - copied).append(kRedacted);
    copied = at + name.size();
  }
  text = out.append(text, copied);
}

// Where the upper-case heading ("GULF OF ADEN:") ends: places, which stay.
std::size_t heading_end(std::string_view text) {
  std::size_t const end = text.substr(0, 100).find(':');
  if (end == std::string_view::npos) return 0;
  return std::any_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end), lower) ? 0
                                                                                           : end;
}

bool is_prefix(std::string_view word) {
  std::string const w = ascii_upper(word);
  return w == "M/V" || w == "MV" || w == "M.V" || w == "M/T" || w == "MT" || w == "F/V" ||
         w == "S/V" || w == "S/Y" || w == "M/Y";
}

bool suspicious(std::string_view word) {
  return in_capitals(word, 3) && !is_known_acronym(word) && !is_vessel_word(word);
}

// One past the last word of the run that starts at `i`; `i` itself if no name starts there.
std::size_t run_end(std::vector<Word> const& words, std::size_t i) {
  std::size_t end = i;
  bool const after_prefix = i > 0 && is_prefix(words[i - 1].text);
  bool found = false;
  while (end < words.size()) {
    std::string_view const word = words[end].text;
    bool const caps = in_capitals(word, 1) && !is_known_acronym(word);
    bool const title = after_prefix && upper(word.front());
    if (!caps && !title && !(end > i && is_number(word))) break;
    found = found || title || suspicious(word);
    ++end;
  }
  return found ? end : i;
}

}  // namespace

std::vector<std::string> names_in_victim(std::string_view victim, std::string_view narrative) {
  std::vector<std::string> names;
  std::vector<Word> const words = words_of(victim);
  bool const shout = std::none_of(victim.begin(), victim.end(), lower);
  bool const plain =
      std::none_of(words.begin(), words.end(), [](Word const& w) { return describes(w.text); });
  for (std::size_t i = 0; i < words.size();) {
    std::size_t end = i;
    while (end < words.size() && !describes(words[end].text) &&
           (in_capitals(words[end].text, 1) || is_number(words[end].text)))
      ++end;
    if (end == i) {
      ++i;
      continue;
    }
    std::string_view const run = span_of(victim, words, i, end);
    bool const whole = plain && end - i == words.size();
    bool const follows = i > 0 && (!shout || describes(words[i - 1].text));
    bool const confirmed = whole && ascii_upper(narrative).find(run) != std::string::npos;
    if ((follows || confirmed) && in_capitals(run, 2)) add_name(names, run);
    i = end;
  }
  return names;
}

std::vector<std::string> names_in_list(std::string_view column) {
  std::string text = ascii_upper(collapsed(column));
  for (std::size_t at = text.find("P & O "); at != std::string::npos; at = text.find("P & O "))
    text.replace(at, 5, "P&O");
  std::vector<std::string> names;
  for (std::size_t at = 0; at <= text.size();) {
    std::size_t const end = std::min({text.find(" & ", at), text.find(", ", at), text.size()});
    std::string_view name = std::string_view(text).substr(at, end - at);
    at = end + (end < text.size() && text[end] == ',' ? 2 : 3);
    for (std::string_view const prefix : {"MV ", "M/V ", "M.V. ", "MT ", "M/T "})
      if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
    std::vector<Word> const words = words_of(name);
    bool const described = std::all_of(words.begin(), words.end(),
                                       [](Word const& w) { return is_vessel_word(w.text); });
    if (described || name == "NA" || name == "NAME WITHHELD" || name == "UNSPECIFIED") continue;
    add_name(names, name);
  }
  return names;
}

std::string redact_victim(std::string_view victim) {
  std::vector<Word> const words = words_of(victim);
  // "Hong Kong-flagged tanker X": the flag stays; it names no ship.
  std::size_t flag = 0;
  for (std::size_t i = 0; i < words.size(); ++i)
    if (ascii_upper(words[i].text).ends_with("FLAGGED")) flag = i + 1;
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    bool const keep = i < flag || describes(words[i].text);
    if (!keep && out.ends_with(kRedacted)) continue;
    if (!out.empty()) out.push_back(' ');
    out += keep ? words[i].text : kRedacted;
  }
  return out;
}

std::string redact_text(std::string_view text, std::vector<std::string> const& names,
                        bool& withheld) {
  withheld = false;
  std::size_t const heading = heading_end(text);
  if (shouted(text.substr(heading))) {
    withheld = true;
    return "";
  }
  std::string body(text.substr(heading));
  std::vector<std::string> longest_first = names;
  std::sort(longest_first.begin(), longest_first.end(),
            [](auto const& a, auto const& b) { return a.size() > b.size(); });
  for (std::string const& name : longest_first) replace_name(body, name);
  std::vector<Word> const words = words_of(body);
  std::string out(text.substr(0, heading));
  std::size_t copied = 0;
  for (std::size_t i = 0; i < words.size();) {
    std::size_t const end = run_end(words, i);
    if (end == i) {
      ++i;
      continue;
    }
    out.append(body, copied, words[i].at - copied).append(kRedacted);
    copied = words[end - 1].at + words[end - 1].text.size();
    i = end;
  }
  return out.append(body, copied);
}

}  // namespace amic::importers
