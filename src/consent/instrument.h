// Instruments over time: Record of Changes, and which version was in force when. Pure.
#pragma once

#include "consent/history.h"

namespace amic::consent {

struct InstrumentVersion {
  InstrumentKind kind = InstrumentKind::kTor;
  std::uint32_t version = 1;
  std::string title;
  std::uint64_t epoch = 0;   // of the head that brought it; 0: the launch
  Hash motion;               // zero: the launch
  MemberId proposer;         // empty: the launch
  Verb verb = Verb::kAdopt;  // what was done with it
  UnixMs adopted_ms = 0;     // by the clock of the last who adopted, or of the last press
  UnixMs effective_ms = 0;   // as decided; the same as adopted_ms if the decision names no time
  bool operator==(InstrumentVersion const&) const = default;
};

// All versions of one instrument, oldest first. The text of a version is in its decision, or in the
// launch transcript.
std::vector<InstrumentVersion> record_of_changes(Transcript const& transcript,
                                                 History const& history, InstrumentKind kind);
// The latest by number that was in effect at this time; nullptr: none was. A version whose time
// comes later than that of its successor never was in force.
InstrumentVersion const* in_force(std::vector<InstrumentVersion> const& versions, UnixMs at_ms);

// What a reader of an amendment sees: the articles (headings and what stands under them) that were
// added, removed or changed (blank lines at an end aside) against the text in force, in the order of the new text, removed ones
// at the place where they stood.
enum class ArticleChange : std::uint8_t { kAdded, kRemoved, kChanged };
struct ArticleDiff {
  ArticleChange change = ArticleChange::kChanged;
  std::string heading;  // as in the text, without "#"; empty: what stands before the first heading
  std::string before, after;
  bool operator==(ArticleDiff const&) const = default;
};
std::vector<ArticleDiff> diff_articles(std::string_view before, std::string_view after);

}  // namespace amic::consent
