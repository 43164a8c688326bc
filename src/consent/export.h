// Documents for people who have no node: one HTML page, complete in itself, without scripts and
// without anything to be fetched. The same input gives the same bytes. Pure.
#pragma once

#include <span>
#include <string>

#include "consent/instrument.h"
#include "consent/ledger.h"

namespace amic::consent {

// One version of an instrument and the proof of its adoption.
struct AdoptedText {
  InstrumentVersion version;
  std::string text;
  Head head;                         // of those who adopted it; at the launch the genesis itself
  std::optional<Decision> decision;  // none: adopted by the launch
};
// From a history that verify_history() has accepted; `decisions` are the same. kNotFound without
// such a version.
Result<AdoptedText> adopted_text(Transcript const& transcript, History const& history,
                                 std::span<Bytes const> decisions, InstrumentKind kind,
                                 std::uint32_t version);

struct PageOptions {
  std::string language = "en";  // of the text, BCP 47: it becomes the page's; kMalformed otherwise
};
// Text, Record of Changes, certificate of adoption: each member by English name with its position,
// the statements annexed, and what is needed to check each signature offline.
Result<std::string> instrument_page(Transcript const& transcript, History const& history,
                                    std::span<Bytes const> decisions, InstrumentKind kind,
                                    std::uint32_t version, PageOptions const& options = {});
// What is proposed: text, changes article by article, effect. No positions.
Result<std::string> motion_page(Community const& now, MotionView const& view,
                                PageOptions const& options = {});

}  // namespace amic::consent
