// Search over the texts of instruments, in force and past. Latin letters are found whatever their
// case and diacritics; other scripts byte for byte. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "consent/instrument.h"

namespace amic::consent {

struct SearchableText {
  InstrumentKind kind = InstrumentKind::kTor;
  std::uint32_t version = 1;
  bool in_force = false;
  std::string text;
};
// All versions, by kind, the latest first. From a history that was verified; `at_ms` decides what
// is in force.
Result<std::vector<SearchableText>> searchable_texts(Transcript const& transcript,
                                                     History const& history,
                                                     std::span<Bytes const> decisions,
                                                     UnixMs at_ms);

struct TextHit {
  InstrumentKind kind = InstrumentKind::kTor;
  std::uint32_t version = 1;
  bool in_force = false;
  std::string heading;  // of the article; empty: before the first heading
  std::string snippet;  // one line around the first match, "..." where it is cut
  bool operator==(TextHit const&) const = default;
};
struct TextHits {
  std::vector<TextHit> hits;  // one for each article that has all the words, in the order of texts
  bool more = false;          // there are more than `hits_max`
};
// `query`: words, separated by blanks; an article is found if its heading or text has each of them.
// kMalformed without a word, kTooLarge beyond limits::kTextSearchBytesMax. At most `hits_max`, and
// at most limits::kTextSearchHitsMax.
Result<TextHits> search_texts(std::span<SearchableText const> texts, std::string_view query,
                              std::size_t hits_max);

// Lower case, Latin letters without diacritics, combining marks left out; all else as it is.
std::string folded(std::string_view text);

}  // namespace amic::consent
