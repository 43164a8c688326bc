// Writing carrier files (bundle.h). Reads the queue, moves no cursor, may be repeated.
#pragma once

#include <map>
#include <mutex>

#include "exchange/bundle.h"
#include "json/json.h"

namespace amic::exchange {

// What the work on carrier files and relays needs of a node. All of it outlives the user.
struct CarrierParts {
  NodeKeys const& keys;
  Realm const& realm;
  store::Store& store;
  Exchange& exchange;
  Committer& committer;
  Clock const& clock;
  Random& random;
};

struct LanePosition {
  std::uint64_t n = 0;
  Hash chain;
  bool operator==(LanePosition const&) const = default;
};
// The signed batch of the numbers right after `after`, up to `last_n`: the very bytes that the link
// would send. The lane stays as it is. kConflict if these numbers are not all in the queue.
struct LaneBatch {
  Bytes bytes;
  LanePosition end;
};
Result<LaneBatch> make_lane_batch(CarrierParts const& parts, MemberId const& to, std::uint8_t lane,
                                  LanePosition const& after, std::uint64_t last_n);

struct ExportRequest {
  MemberId to;
  std::uint64_t part_bytes_max = 0;  // 0: one file, unless it had too many sections
  bool since_last = false;           // only what no earlier export has brought
};
inline constexpr std::uint64_t kPartBytesMin = 64 << 10;

// One export: what it will bring is settled at the start, then it is written piece by piece, so
// that a queue of any size needs the memory of one batch. One thread at a time.
class CarrierExport {
 public:
  // kUnknownMember; kOutOfRange: part_bytes_max too small for the largest envelope, or more than
  // limits::kCarrierPartsMax parts; kConflict: something queued was erased.
  static Result<std::unique_ptr<CarrierExport>> begin(CarrierParts parts, ExportRequest request);

  EnvelopeId const& id() const { return header_.export_id; }
  MemberId const& to() const { return header_.to; }
  std::vector<LaneRanges> const& parts() const { return header_.parts; }
  std::uint64_t envelopes() const { return envelopes_; }
  std::uint64_t bytes() const { return bytes_; }  // of all batches
  std::size_t receipts() const { return receipts_.size(); }
  bool empty() const { return envelopes_ == 0 && receipts_.empty(); }
  UnixMs created_ms() const { return header_.created_ms; }

  struct Piece {
    std::uint16_t part = 0;
    bool last_of_part = false;
    Bytes bytes;
  };
  // The next bytes of the export; nullopt at its end. kConflict if the queue has changed under it.
  Result<std::optional<Piece>> next();
  // Call when all parts are safe: later exports "since last" begin after this one.
  bool finished() const { return part_ >= plan_.size(); }
  void mark_exported(std::function<void(Result<void>)> done);

 private:
  struct Planned {
    std::uint8_t lane = 0;
    LanePosition after;
    std::uint64_t last_n = 0;
    std::uint64_t size = 0;  // encoded
  };
  struct Mark;  // where the export before ended, a lane
  struct Receipted {
    std::uint8_t lane = 0;
    Bytes bytes;
  };

  explicit CarrierExport(CarrierParts parts) : parts_(parts) {}
  Result<void> plan(ExportRequest const& request);
  Result<std::array<Mark, kLaneCount>> load_marks() const;
  Result<void> plan_receipts(ExportRequest const& request,
                             std::array<Mark, kLaneCount> const& marks);
  Result<std::vector<Planned>> plan_lanes(ExportRequest const& request,
                                          std::array<Mark, kLaneCount> const& marks,
                                          std::uint64_t room) const;
  // `room`: what the envelopes of one batch may take in a part.
  Result<void> plan_lane(std::uint8_t lane, LanePosition at, Mark const* mark, std::uint64_t room,
                         std::vector<Planned>& out) const;
  std::uint64_t part_overhead(std::size_t parts) const;
  void pack(std::vector<Planned> planned, std::uint64_t room);
  Bytes start_part();
  Result<Bytes> section(SectionType type, Bytes body);
  Bytes end_part();

  CarrierParts parts_;
  CarrierHeader header_;
  std::vector<Receipted> receipts_;
  std::vector<std::vector<Planned>> plan_;  // by part
  std::array<LanePosition, kLaneCount> ends_;
  std::uint64_t envelopes_ = 0, bytes_ = 0;

  std::size_t part_ = 0;  // being written, from 0
  std::size_t step_ = 0;  // in it: header, receipts, batches, manifest
  CarrierManifest manifest_;
};

// What an export will bring, for people and programs.
json::object export_json(CarrierExport const& work);

// Exports under way for clients that fetch them piece by piece, bounded in number and age.
class CarrierExports {
 public:
  explicit CarrierExports(CarrierParts parts) : parts_(parts) {}
  CarrierParts const& parts() const { return parts_; }

  // kOverloaded beyond limits::kCarrierExportsMax; one that nobody touched for ten minutes ends.
  Result<std::shared_ptr<CarrierExport>> begin(ExportRequest request);
  // The piece with this number, from 0: the next one, or once more the last one given (an answer
  // may get lost). Otherwise kConflict. kNotFound.
  Result<std::optional<CarrierExport::Piece>> piece(EnvelopeId const& id, std::uint64_t index);
  // Ends it, and marks what it brought as exported if `safe`. kNotFound.
  void end(EnvelopeId const& id, bool safe, std::function<void(Result<void>)> done);

 private:
  struct Entry {
    std::shared_ptr<CarrierExport> work;
    std::mutex turn;  // guards the two below
    std::uint64_t given = 0;
    std::optional<CarrierExport::Piece> last;
    UnixMs touched_ms = 0;  // guarded by mutex_
  };
  CarrierParts parts_;
  std::mutex mutex_;
  std::map<EnvelopeId, std::shared_ptr<Entry>> entries_;
};

}  // namespace amic::exchange
