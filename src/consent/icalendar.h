// Meetings and their open action items as an iCalendar object (RFC 5545). Pure; the same input
// gives the same bytes.
#pragma once

#include <span>
#include <string>

#include "consent/ledger.h"

namespace amic::consent {

// One VEVENT for each meeting (SEQUENCE = revision, a UID that stays the same over revisions, times
// in UTC, STATUS CANCELLED for those that are) and one VTODO for each open action item, in the
// order given. Lines end in CRLF and are folded at 75 octets, between characters. kNotFound without
// a meeting: RFC 5545 has no empty calendar.
Result<std::string> icalendar(std::span<MeetingRecord const> meetings, Community const& community);

}  // namespace amic::consent
