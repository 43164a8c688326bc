#include "consent/instrument.h"

#include <algorithm>

namespace amic::consent {

namespace {

struct Article {
  std::string heading;
  std::string body;
};

// ATX headings of Markdown ("## Article 3. Title"), the form in which instruments are written.
std::string_view heading_of(std::string_view line) {
  std::size_t const level = std::min(line.find_first_not_of('#'), line.size());
  if (level == 0 || level > 6 || level >= line.size() || line[level] != ' ') return {};
  return line.substr(level + 1);
}

std::vector<Article> articles_of(std::string_view text) {
  std::vector<Article> out{{}};
  while (!text.empty()) {
    std::size_t const end = std::min(text.find('\n'), text.size());
    std::string_view const line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    auto const heading = heading_of(line);
    if (!heading.empty())
      out.push_back({std::string{heading}, {}});
    else
      out.back().body += std::string{line} + "\n";
  }
  if (out.front().body.empty()) out.erase(out.begin());
  return out;
}

// The place of an article with this heading at or behind `from`. Headings may repeat.
std::size_t find_heading(std::vector<Article> const& articles, std::size_t from,
                         std::string const& heading) {
  for (std::size_t i = from; i < articles.size(); ++i)
    if (articles[i].heading == heading) return i;
  return articles.size();
}

}  // namespace

std::vector<InstrumentVersion> record_of_changes(Transcript const& transcript,
                                                 History const& history, InstrumentKind kind) {
  std::vector<InstrumentVersion> out;
  UnixMs launched = 0;
  for (auto const& press : transcript.presses) launched = std::max(launched, press.pressed_ms);
  for (auto const& one : history.genesis.head.instruments)
    if (one.kind == kind)
      out.push_back({kind, one.version, one.title, 0, {}, {}, Verb::kAdopt, launched, launched});
  for (auto const& chapter : history.chapters)
    for (auto const& one : chapter.amended)
      if (one.kind == kind)
        out.push_back({kind, one.version, one.title, chapter.epoch, chapter.motion,
                       chapter.proposer, chapter.verb, chapter.decided_ms,
                       one.effective_ms != 0 ? one.effective_ms : chapter.decided_ms});
  return out;
}

InstrumentVersion const* in_force(std::vector<InstrumentVersion> const& versions, UnixMs at_ms) {
  InstrumentVersion const* out = nullptr;
  for (auto const& one : versions)
    if (one.effective_ms <= at_ms) out = &one;
  return out;
}

namespace {
// Between two articles stand as many blank lines as the writer likes: the last article of a text gets
// one more when another follows it, and has not changed.
std::string_view without_last_blanks(std::string_view body) {
  auto const last = body.find_last_not_of('\n');
  return body.substr(0, last == std::string_view::npos ? 0 : last + 1);
}
}  // namespace

std::vector<ArticleDiff> diff_articles(std::string_view before, std::string_view after) {
  auto const old_articles = articles_of(before), new_articles = articles_of(after);
  std::vector<ArticleDiff> out;
  std::size_t at = 0;  // in the old text
  for (auto const& article : new_articles) {
    std::size_t const found = find_heading(old_articles, at, article.heading);
    if (found == old_articles.size()) {
      out.push_back({ArticleChange::kAdded, article.heading, {}, article.body});
      continue;
    }
    for (; at < found; ++at)
      out.push_back({ArticleChange::kRemoved, old_articles[at].heading, old_articles[at].body, {}});
    if (without_last_blanks(old_articles[at].body) != without_last_blanks(article.body))
      out.push_back(
          {ArticleChange::kChanged, article.heading, old_articles[at].body, article.body});
    ++at;
  }
  for (; at < old_articles.size(); ++at)
    out.push_back({ArticleChange::kRemoved, old_articles[at].heading, old_articles[at].body, {}});
  return out;
}

}  // namespace amic::consent
