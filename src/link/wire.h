// What travels beside batches and receipts: paths, media types and the status answer.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/limits.h"
#include "base/result.h"

namespace amic::link {

inline constexpr std::string_view kEnvelopesPath = "/link/v1/envelopes";
inline constexpr std::string_view kFramesPath = "/link/v1/frames";
// Store and forward: from a sender, to a receiver, and the receipts for both.
inline constexpr std::string_view kRelayPath = "/link/v1/relay";
inline constexpr std::string_view kRelayedPath = "/link/v1/relayed";
inline constexpr std::string_view kRelayReceiptsPath = "/link/v1/relay/receipts";
inline constexpr std::string_view kRelayedReceiptsPath = "/link/v1/relayed/receipts";
inline constexpr std::string_view kStatusPath = "/link/v1/status";
// Of the status: where the asker stands, and that it lacks something.
inline constexpr std::string_view kEpochQuery = "?epoch=";
inline constexpr std::string_view kBehindQuery = "&behind=1";
inline constexpr std::string_view kDecisionsPath = "/link/v1/decisions";
inline constexpr std::string_view kHeadStatusPath = "/link/v1/head-status";
inline constexpr std::string_view kReturnedPath = "/link/v1/returned";
inline constexpr std::string_view kRangesPath = "/link/v1/ranges";
inline constexpr std::string_view kPiecesPath = "/link/v1/pieces";
inline constexpr std::string_view kCheckpointPath = "/link/v1/log/checkpoint";
inline constexpr std::string_view kTilePath = "/link/v1/log/tile/{path...}";
inline constexpr std::string_view kWitnessPath = "/link/v1/witness";
// The same under the name that C2SP tlog-witness gives it, for clients of others.
inline constexpr std::string_view kAddCheckpointPath = "/link/v1/witness/add-checkpoint";

inline constexpr std::string_view kBatchType = "application/vnd.amic.batch";
inline constexpr std::string_view kFrameType = "application/vnd.amic.frame";
inline constexpr std::string_view kWantedType = "application/vnd.amic.wanted";
inline constexpr std::string_view kReturnedType = "application/vnd.amic.returned";
inline constexpr std::string_view kRangesType = "application/vnd.amic.ranges";
inline constexpr std::string_view kPiecesType = "application/vnd.amic.pieces";
inline constexpr std::string_view kDecisionsType = "application/vnd.amic.decisions";
inline constexpr std::string_view kStatementType = "application/vnd.amic.statement";
inline constexpr std::string_view kReceiptType = "application/vnd.amic.receipt";
inline constexpr std::string_view kReceiptsType = "application/vnd.amic.receipts";
inline constexpr std::string_view kRelayNoteType = "application/vnd.amic.relay-note";
inline constexpr std::string_view kLogSizeType = "text/x.tlog.size";

inline constexpr std::size_t kStatusBytesMax = 16 << 10;
inline constexpr std::size_t kAnswerBytesMax = 64 << 10;  // receipts, problems, cosignatures
inline constexpr std::size_t kReturnedBytesMax = limits::kEnvelopeBytesMax + kAnswerBytesMax;
// Decisions of one answer: one may be larger.
inline constexpr std::size_t kDecisionsBytes = 1 << 20;
inline constexpr std::size_t kDecisionsBytesMax =
    limits::kMotionBytesMax + limits::kCertificateBytesMax + kDecisionsBytes;

// How long a connection is kept without a request. On a slow line a new one costs many seconds.
// A node needs up to 13 at once: three for each lane, and one for what is urgent.
inline constexpr std::size_t kConnectionsPerPeerMax = 16;
inline constexpr std::int64_t kIdleConnectionMs = 5 * 60 * 1000;

using LaneNumbers = std::array<std::uint64_t, kLaneCount>;

// How a node presents itself to one peer.
struct Status {
  CommunityId community;
  Hash head;
  std::uint64_t epoch = 0;
  MemberId member;
  Realm realm;
  std::uint64_t log_size = 0;
  LaneNumbers received{};                    // of the asking peer, by lane
  std::array<Bytes, kLaneCount> receipts{};  // the same, signed
  // The last number given to an envelope for the asking peer, by lane; an older node doesn't say.
  std::optional<LaneNumbers> queued;
  std::string
      witnessed;  // the last checkpoint of the asking peer's log cosigned here; may be empty
  bool operator==(Status const&) const = default;
};
std::string encode_status(Status const& status);  // JSON
// Unknown members are ignored, so that later versions may add some.
Result<Status> decode_status(std::string_view text);

// Lane of an encoded batch, without decoding all of it.
Result<std::uint8_t> batch_lane(BytesView batch);
// How many envelopes an encoded batch says that it has; 0 if it is none.
std::size_t batch_envelopes(BytesView batch);

// The error that a problem+json answer carries; for another body one by the HTTP status.
Error error_of_answer(int http_status, std::string_view body);

}  // namespace amic::link
