// What travels beside batches and receipts: paths, media types and the status answer.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"

namespace amic::link {

inline constexpr std::string_view kEnvelopesPath = "/link/v1/envelopes";
inline constexpr std::string_view kStatusPath = "/link/v1/status";
inline constexpr std::string_view kCheckpointPath = "/link/v1/log/checkpoint";
inline constexpr std::string_view kTilePath = "/link/v1/log/tile/{path...}";
inline constexpr std::string_view kWitnessPath = "/link/v1/witness";
// The same under the name that C2SP tlog-witness gives it, for clients of others.
inline constexpr std::string_view kAddCheckpointPath = "/link/v1/witness/add-checkpoint";

inline constexpr std::string_view kBatchType = "application/vnd.amic.batch";
inline constexpr std::string_view kReceiptType = "application/vnd.amic.receipt";
inline constexpr std::string_view kLogSizeType = "text/x.tlog.size";

inline constexpr std::size_t kStatusBytesMax = 8 << 10;
inline constexpr std::size_t kAnswerBytesMax = 64 << 10;  // receipts, problems, cosignatures

// How a node presents itself to one peer.
struct Status {
  CommunityId community;
  Hash head;
  std::uint64_t epoch = 0;
  MemberId member;
  Realm realm;
  std::uint64_t log_size = 0;
  std::array<std::uint64_t, kLaneCount> received{};  // of the asking peer, by lane
  bool operator==(Status const&) const = default;
};
std::string encode_status(Status const& status);  // JSON
// Unknown members are ignored, so that later versions may add some.
Result<Status> decode_status(std::string_view text);

// Lane of an encoded batch, without decoding all of it.
Result<std::uint8_t> batch_lane(BytesView batch);

// The error that a problem+json answer carries; for another body one by the HTTP status.
Error error_of_answer(int http_status, std::string_view body);

}  // namespace amic::link
