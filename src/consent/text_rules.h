// What names, addresses and instrument texts may contain. These are shown to people who are about
// to sign, so nothing may reorder, hide or overwrite what the eye reads. Internal to consent.
#pragma once

#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace amic::consent {

// 9999-12-31T23:59:59.999Z: the last instant that RFC 3339 can write.
inline constexpr UnixMs kTimeMaxMs = 253'402'300'799'999;
inline bool is_time(UnixMs ms) {
  return ms >= 0 && ms <= kTimeMaxMs;
}

// A line of 1..limits::kNameBytesMax bytes of UTF-8, without control characters, line or paragraph
// separators, bidirectional controls, or white space at either end.
Result<void> check_name(std::string_view text, std::string_view where);

// A whole document: 1..limits::kInstrumentTextBytesMax bytes of UTF-8; as above, but with TAB and
// LF. `where` gets ", line N".
Result<void> check_document(std::string_view text, std::string_view where);

}  // namespace amic::consent
