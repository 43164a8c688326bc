#include "consent/text_search.h"

#include <algorithm>

#include "base/limits.h"
#include "codec/codec.h"

namespace amic::consent {

namespace {

constexpr std::size_t kSnippetBytes = 160;

// Base letters of U+00C0..U+017F and of U+1EA0..U+1EF9 in lower case; ' ' where a character has
// none or more than one.
constexpr std::string_view kLatin =
    "aaaaaa ceeeeiiii nooooo ouuuuy  aaaaaa ceeeeiiii nooooo ouuuuy y"
    "aaaaaaccccccccddddeeeeeeeeeegggggggghhhhiiiiiiiiii  jjkkklllllll"
    "lllnnnnnnnnnoooooo  rrrrrrssssssssttttttuuuuuuuuuuuuwwyyyzzzzzzs";
constexpr std::string_view kVietnamese =
    "aaaaaaaaaaaaaaaaaaaaaaaaeeeeeeeeeeeeeeeeiiiioooooooooooooooooooooooouuuuuuuuuuuuuuyyyyyyyy";
static_assert(kLatin.size() == 0x180 - 0xC0 && kVietnamese.size() == 0x1EFA - 0x1EA0);

struct Letter {
  char32_t code;
  std::size_t size;  // bytes
};

Letter letter_at(std::string_view text, std::size_t at) {
  auto const byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  unsigned char const first = byte(at);
  std::size_t const size = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  constexpr unsigned char kMask[] = {0x7F, 0x1F, 0x0F, 0x07};
  if (at + size > text.size()) return {0xFFFD, text.size() - at};
  char32_t code = first & kMask[size - 1];
  for (std::size_t i = 1; i < size; ++i) code = (code << 6) | (byte(at + i) & 0x3FU);
  return {code, size};
}

// Appends what the letter is folded to.
void fold(std::string& out, Letter letter, std::string_view bytes) {
  char32_t const c = letter.code;
  if (c >= 0x300 && c <= 0x36F) return;  // combining marks
  char base = ' ';
  if (c < 0x80)
    base = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : static_cast<char>(c);
  else if (c >= 0xC0 && c < 0xC0 + kLatin.size())
    base = kLatin[c - 0xC0];
  else if (c >= 0x1EA0 && c < 0x1EA0 + kVietnamese.size())
    base = kVietnamese[c - 0x1EA0];
  else if (c == 0x1A0 || c == 0x1A1)
    base = 'o';
  else if (c == 0x1AF || c == 0x1B0)
    base = 'u';
  if (c < 0x80 || base != ' ')
    out += base;
  else
    out += bytes;
}

// Folded text, and for each of its bytes where it came from.
struct Folded {
  std::string text;
  std::vector<std::uint32_t> from;
};

Folded fold_all(std::string_view text) {
  Folded out;
  for (std::size_t at = 0; at < text.size();) {
    Letter const letter = letter_at(text, at);
    fold(out.text, letter, text.substr(at, letter.size));
    out.from.resize(out.text.size(), static_cast<std::uint32_t>(at));
    at += letter.size;
  }
  return out;
}

std::vector<std::string> words_of(std::string_view query) {
  std::vector<std::string> out;
  std::string const all = folded(query);
  for (std::size_t at = 0; at < all.size();) {
    std::size_t const begin = std::min(all.find_first_not_of(" \t\n", at), all.size());
    std::size_t const end = std::min(all.find_first_of(" \t\n", begin), all.size());
    if (end > begin) out.push_back(all.substr(begin, end - begin));
    at = end;
  }
  return out;
}

bool continues(char c) {
  return (static_cast<unsigned char>(c) & 0xC0) == 0x80;
}

// One line around `at`, never cut inside of a character.
std::string snippet(std::string_view text, std::size_t at) {
  std::size_t begin = at > kSnippetBytes / 4 ? at - kSnippetBytes / 4 : 0;
  std::size_t end = std::min(begin + kSnippetBytes, text.size());
  while (begin > 0 && continues(text[begin])) --begin;
  while (end < text.size() && continues(text[end])) ++end;
  std::string out = begin > 0 ? "..." : "";
  bool blank = false;
  for (char const c : text.substr(begin, end - begin)) {
    bool const space = c == '\n' || c == '\t' || c == ' ';
    if (space && !blank) out += ' ';
    if (!space) out += c;
    blank = space;
  }
  if (end < text.size()) out += "...";
  std::size_t const first = out.find_first_not_of(' ');
  std::size_t const last = out.find_last_not_of(' ');
  return first == std::string::npos ? std::string{} : out.substr(first, last - first + 1);
}

// diff_articles() against nothing tells articles and their texts by the one rule for both.
std::vector<ArticleDiff> articles_of(std::string_view text) {
  return diff_articles({}, text);
}

std::optional<TextHit> hit_in(SearchableText const& text, ArticleDiff const& article,
                              std::vector<std::string> const& words) {
  std::string const heading = folded(article.heading);
  Folded const body = fold_all(article.after);
  std::size_t first = std::string::npos;
  for (auto const& word : words) {
    std::size_t const at = body.text.find(word);
    if (at == std::string::npos && heading.find(word) == std::string::npos) return std::nullopt;
    first = std::min(first, at);
  }
  std::size_t const from = first == std::string::npos ? 0 : body.from[first];
  return TextHit{text.kind, text.version, text.in_force, article.heading,
                 snippet(article.after, from)};
}

}  // namespace

std::string folded(std::string_view text) {
  return fold_all(text).text;
}

Result<std::vector<SearchableText>> searchable_texts(Transcript const& transcript,
                                                     History const& history,
                                                     std::span<Bytes const> decisions,
                                                     UnixMs at_ms) {
  std::vector<SearchableText> out;
  for (auto const kind : {InstrumentKind::kTor, InstrumentKind::kSop, InstrumentKind::kConcept}) {
    auto const record = record_of_changes(transcript, history, kind);
    auto const* now = in_force(record, at_ms);
    for (auto it = record.rbegin(); it != record.rend(); ++it) {
      SearchableText one{kind, it->version, &*it == now, {}};
      if (it->epoch == 0) {
        auto const text = transcript.draft.texts.find(kind);
        if (text != transcript.draft.texts.end()) one.text = text->second;
      } else {
        if (it->epoch > decisions.size())
          return fail(Code::kNotFound, "decisions", "a decision is not among them");
        AMIC_TRY(Decision const decision,
                 decode_decision(decisions[static_cast<std::size_t>(it->epoch) - 1]));
        AMIC_TRY(Motion const motion, decode_motion(decision.motion.body));
        if (auto const* amend = std::get_if<Amend>(&motion.change))
          for (auto const& text : amend->texts)
            if (text.kind == kind) one.text = text.text;
      }
      out.push_back(std::move(one));
    }
  }
  return out;
}

Result<TextHits> search_texts(std::span<SearchableText const> texts, std::string_view query,
                              std::size_t hits_max) {
  if (query.size() > limits::kTextSearchBytesMax)
    return fail(Code::kTooLarge, "query",
                "more than " + std::to_string(limits::kTextSearchBytesMax) + " bytes");
  if (!codec::is_utf8(query)) return fail(Code::kBadUtf8, "query", "not UTF-8");
  auto const words = words_of(query);
  if (words.empty()) return fail(Code::kMalformed, "query", "without a word");
  hits_max = std::min(hits_max, limits::kTextSearchHitsMax);
  TextHits out;
  for (auto const& text : texts)
    for (auto const& article : articles_of(text.text)) {
      auto hit = hit_in(text, article, words);
      if (!hit) continue;
      if (out.hits.size() == hits_max) {
        out.more = true;
        return out;
      }
      out.hits.push_back(std::move(*hit));
    }
  return out;
}

}  // namespace amic::consent
