// Every bound in one place (law 10). A value here is part of the formats where FORMATS.md says so.
#pragma once

#include <cstddef>
#include <cstdint>

namespace amic::limits {

// Community
inline constexpr std::size_t kMembersMax = 64;
inline constexpr std::size_t kMembersMin = 2;
inline constexpr std::size_t kInstrumentTextBytesMax = 1 << 20;
inline constexpr std::size_t kInstrumentsMax = 16;
inline constexpr std::size_t kNameBytesMax = 128;
inline constexpr std::size_t kAddressBytesMax = 255;

// Envelope
inline constexpr std::size_t kEnvelopeBytesMax = 4 << 20;
inline constexpr std::size_t kBodyBytesMax = 16 << 20;  // after decompression
inline constexpr std::size_t kMarkingBytesMax = 8 << 10;
inline constexpr std::size_t kLineageMax = 256;
inline constexpr std::size_t kBodyChunkBytes = 64 << 10;
inline constexpr std::int64_t kClockSkewMaxMs = 10 * 60 * 1000;

// Link
inline constexpr std::size_t kBatchBytesMax = 1 << 20;  // one larger envelope may travel alone
inline constexpr std::size_t kBatchEnvelopesMax = 1000;
inline constexpr std::size_t kQuarantineEnvelopesMax = 1000;  // per peer; the oldest go first
inline constexpr std::size_t kQuarantineBytesMax = 16 << 20;  // per peer
inline constexpr std::size_t kCarrierSectionsMax = 16'384;    // in one carrier file
inline constexpr std::size_t kCarrierPartsMax = 1024;         // files of one export
inline constexpr std::size_t kRangeBlocksMax = 256;           // of one question about a lane
inline constexpr std::size_t kRangeDiffersMax = 65'536;       // numbers of one lane, in one repair
inline constexpr std::size_t kPiecesMax = 1000;       // envelopes asked for by number at once
inline constexpr std::size_t kDamagedMax = 65'536;    // damaged records known at once
inline constexpr std::size_t kCarrierExportsMax = 8;  // under way at once in one node

// Attachments
inline constexpr std::uint64_t kAttachmentBytesMax = 2ULL << 30;
inline constexpr std::size_t kAttachmentChunkBytes = 1 << 20;
inline constexpr std::size_t kAttachmentsPerItemMax = 256;
inline constexpr std::size_t kAttachmentUploadsMax = 8;  // under way at once in one node

// JSON and STIX
inline constexpr std::size_t kJsonDepthMax = 32;
inline constexpr std::size_t kJsonBytesMax = 64 << 20;
inline constexpr std::size_t kStixObjectBytesMax = 1 << 20;
inline constexpr std::size_t kBundleObjectsMax = 200'000;

// HTTP
inline constexpr std::size_t kHttpHeaderBytesMax = 16 << 10;
inline constexpr std::size_t kHttpBodyBytesMax = 64 << 20;
inline constexpr std::size_t kHttpConnectionsMax = 1024;
inline constexpr std::size_t kSseQueueEventsMax = 1024;
inline constexpr std::size_t kSessionsMax = 4096;        // of people in browsers, in memory
inline constexpr std::size_t kLoginCodesMax = 256;       // made and not used yet
inline constexpr std::size_t kLoginAddressesMax = 1024;  // whose attempts are counted

// Store
inline constexpr std::size_t kGroupCommitMax = 1000;
inline constexpr std::size_t kCommitQueueMax = 10'000;
inline constexpr std::size_t kPageMax = 1000;

// Log
inline constexpr std::size_t kNoteSignaturesMax = 128;
inline constexpr std::size_t kNoteBytesMax = 128 << 10;
inline constexpr std::size_t kLogEvidenceMax = 64;  // per log origin and kind

// Consent
inline constexpr std::size_t kMotionBytesMax = (3 << 20) + (64 << 10);
inline constexpr std::size_t kConsentTextBytesMax = 16 << 10;  // statement, comment, reason
inline constexpr std::size_t kCertificateBytesMax = 3 << 20;
inline constexpr std::size_t kAnnexesMax = 32;
inline constexpr std::size_t kStandingClassesMax = 16;
inline constexpr std::uint32_t kRoundsMax = 1000;                    // of one head
inline constexpr std::size_t kMotionsPerMemberMax = 32;              // on one head
inline constexpr std::size_t kStatementsPerMemberMax = 2048;         // on one head
inline constexpr std::size_t kStatementBytesPerMemberMax = 8 << 20;  // on one head
inline constexpr std::size_t kFutureStatementsMax = 64;  // of one member, of later heads
inline constexpr std::size_t kFutureBytesMax = 4 << 20;  // of one member
inline constexpr std::size_t kConsentEvidenceMax = 64;
inline constexpr std::size_t kStandingConsentsMax = 64;  // of one member
inline constexpr std::size_t kStatusRowsMax = 256;
inline constexpr std::size_t kMeetingBytesMax = 64 << 10;          // of one revision
inline constexpr std::size_t kMeetingsPerMemberMax = 256;          // the latest of one author
inline constexpr std::size_t kMeetingBytesPerMemberMax = 4 << 20;  // of one author, kept
inline constexpr std::size_t kMeetingParticipantsMax = 256;
inline constexpr std::size_t kAgendaItemsMax = 64;
inline constexpr std::size_t kLinkedMotionsMax = 64;  // of an agenda item; of a meeting's decisions
inline constexpr std::size_t kActionItemsMax = 128;   // of a meeting
inline constexpr std::size_t kInventoryMotionsMax = 384;
inline constexpr std::size_t kInventoryRequestsMax = 256;
inline constexpr std::size_t kHandoversMax = 8;      // of one change of the chair
inline constexpr std::size_t kPastHeadsMax = 8;      // for records that come late
inline constexpr std::size_t kPastMotionsMax = 256;  // of past heads, for a handover
inline constexpr std::size_t kTextSearchBytesMax = 256;
inline constexpr std::size_t kTextSearchHitsMax = 200;
inline constexpr std::size_t kKeyRotationsMax = 256;  // of one member, from one card in the head

}  // namespace amic::limits
