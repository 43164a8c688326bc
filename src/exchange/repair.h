// Repairs what a disk has damaged in the middle of the log: finds it, asks peers for exactly that,
// and puts it back where it was. docs/PROTOCOL.md, "After damage". Sans-I/O and in small steps:
// whoever drives it carries questions to peers and answers back.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "exchange/exchange.h"
#include "exchange/ranges.h"

namespace amic::exchange {

// kv space "repair", key "damaged": what is known to be damaged, so that a restart doesn't forget.
inline constexpr char kRepairSpace[] = "repair";

enum class RepairPhase : std::uint8_t {
  kIdle,
  kAuditing,   // reads every record
  kSalvaging,  // writes the damaged file anew
  kReading,    // what each lane ought to hold
  kAsking,     // peers
  kFinishing,
  kDone,
  kFailed,  // `error` says why; what was put back until then stays
};
std::string_view phase_name(RepairPhase phase);

struct RepairState {
  RepairPhase phase = RepairPhase::kIdle;
  UnixMs started_ms = 0, ended_ms = 0;
  std::uint64_t audited = 0, records = 0;  // so far, and of how many
  std::uint64_t audited_bytes = 0;
  std::uint64_t found = 0;      // damaged or missing records
  std::uint64_t mended = 0;     // of those, from what was here
  std::uint64_t restored = 0;   // and from peers
  std::uint64_t lane_rows = 0;  // numbers of lanes that were lost and are known again
  std::uint64_t tiles = 0;      // of the tree, made anew
  std::optional<store::Salvaged> salvaged;
  bool index_stale = false;          // it is being made anew
  std::uint64_t bytes_asked = 0;     // of questions sent
  std::uint64_t bytes_answered = 0;  // of their answers
  std::uint64_t bytes_restored = 0;  // of envelopes that were put back
  struct Remaining {
    std::uint64_t seq = 0;
    std::optional<Hash> digest;
    std::string why;
  };
  std::uint64_t remaining = 0;
  std::vector<Remaining> remaining_first;  // at most kRemainingListed
  struct Peer {
    MemberId peer;
    std::uint64_t restored = 0;
    std::uint64_t lacks = 0;  // numbers that the peer has not in order itself
    std::uint64_t lies = 0;   // entries that were not what they should be
    std::string problem;      // empty: everything was asked
  };
  std::vector<Peer> peers;
  std::vector<std::string> problems;  // what else could not be mended
  std::optional<Error> error;
};
inline constexpr std::size_t kRemainingListed = 1000;

class Repair {
 public:
  // All of it outlives the repair.
  struct Parts {
    Exchange& exchange;
    store::Store& store;
    tlog::Log& log;
    Clock const& clock;
    std::vector<store::Record> own = {};  // records that this node can make itself (the launch)
  };
  static Result<std::unique_ptr<Repair>> open(Parts parts);

  // ---- What peers ask. Any thread. kOutOfRange for numbers that the peer can't know of;
  // kUnavailable: still counting, ask again.
  Result<Bytes> ranges(MemberId const& peer, BytesView question);
  Result<Bytes> pieces(MemberId const& peer, BytesView request);

  // ---- The repair itself. One thread; state(), damaged() and audited_ms() any.
  enum class Kind : std::uint8_t { kRanges, kPieces };
  struct Ask {
    MemberId peer;
    Kind kind = Kind::kRanges;
    Bytes bytes;
  };
  struct Step {
    bool done = false;
    bool pause = false;      // the peer was busy: a moment before the next step
    std::optional<Ask> ask;  // answered() next
  };
  // kConflict while one is under way.
  Result<void> start();
  // A piece of work of some 10 ms, except in the phases that name themselves.
  Step step();
  // The peer's answer, or why there is none.
  void answered(Result<Bytes> answer);
  void cancel();  // between steps

  RepairState state() const;
  std::uint64_t damaged() const { return known_.load(); }   // records known to be damaged
  UnixMs audited_ms() const { return audited_ms_.load(); }  // when all records were last read

 private:
  struct Want {
    std::uint64_t n = 0, seq = 0;
    Hash digest;
  };
  struct LaneTask {
    std::uint8_t lane = 0;
    bool ours = false;  // our envelopes to the peer; else the peer's to us
    std::uint64_t upto_n = 0;
    Hash chain;
    RangeTree tree;  // as it ought to be: damaged ones included
    std::uint64_t seen_n = 0;
    std::vector<Want> wants;
    bool compared = false;
    std::uint8_t level = 0;
    std::vector<std::uint64_t> blocks, next;  // to ask about now, and a level below
    std::size_t at = 0;
    std::map<std::uint64_t, Hash> theirs;  // numbers that differ; zero: not in order there
    std::size_t want_at = 0;
  };
  struct PeerTask {
    MemberId peer;
    std::vector<LaneTask> lanes;
    std::size_t at = 0;
    unsigned tries = 0;
    RepairState::Peer report;
  };
  using Trees = std::map<std::tuple<MemberId, std::uint8_t, bool>, RangeTree>;

  explicit Repair(Parts parts);
  Result<void> load();

  // repair_answer.cc
  Result<void> check_lane(MemberId const& peer, RangeLane const& lane) const;
  RangeReader held(MemberId const& peer, std::uint8_t lane, bool ours) const;
  Bytes piece_of(MemberId const& peer, RangeLane const& lane, std::uint64_t n) const;
  bool is_damaged(std::uint64_t seq) const;

  // repair.cc
  Result<bool> work(Step& out);
  Result<void> audit();
  Result<void> after_audit();
  Result<void> mend_here();
  Result<void> keep_damage();
  Result<void> salvage();
  Result<void> plan();
  Result<void> read_lane();
  Result<void> finish();
  Result<void> adopt(PeerTask const& task, LaneTask const& lane);
  Result<bool> chain_holds(MemberId const& peer, LaneTask const& lane,
                           std::map<std::uint64_t, Hash> const& others) const;
  Result<std::unordered_map<Hash, std::uint64_t>> records_of(std::set<Hash> const& digests) const;
  Result<void> check_again();
  std::string why_not(tlog::Audit::Finding const& finding) const;
  RangeReader expected(PeerTask const& task, LaneTask& lane);
  void set_phase(RepairPhase phase);
  void end(std::optional<Error> error);

  // repair_asking.cc
  Result<std::optional<Ask>> next_ask();
  Result<Ask> range_ask(PeerTask& task, LaneTask& lane);
  std::optional<Ask> piece_ask(PeerTask& task, LaneTask& lane);
  RangeLane lane_of(PeerTask const& task, LaneTask const& lane) const;
  Result<void> take(Bytes const& answer);
  Result<void> take_ranges(PeerTask& task, LaneTask& lane, BytesView answer);
  Result<void> take_pieces(PeerTask& task, LaneTask& lane, BytesView answer);
  Result<void> compare_block(PeerTask& task, LaneTask& lane, std::uint64_t index,
                             RangeAnswer::Block const& block);
  void end_comparison(LaneTask& lane);
  std::optional<store::Record> record_of(PeerTask const& task, LaneTask const& lane,
                                         Want const& want, Bytes entry) const;
  Result<void> put_back(PeerTask& task, std::vector<store::Record> records);
  void refused(Error error);
  void next_peer(std::string problem);

  Parts const parts_;

  // The answering side.
  mutable std::mutex damage_mutex_;
  std::set<std::uint64_t> damaged_;
  std::mutex trees_mutex_;
  Trees trees_;
  std::atomic<std::uint64_t> known_{0};
  std::atomic<UnixMs> audited_ms_{0};

  // The repair under way.
  std::unique_ptr<tlog::Audit> audit_;
  bool pages_checked_ = false;
  std::map<std::uint64_t, tlog::Audit::Finding> open_;    // not put back yet
  std::map<std::uint64_t, tlog::Audit::Finding> closed_;  // put back, to be read once more
  std::unordered_map<Hash, std::uint64_t> by_leaf_;       // the same, by leaf
  std::vector<PeerTask> tasks_;
  std::size_t task_ = 0;
  std::vector<std::size_t> asked_;  // of the lane's wants, in the piece request under way
  mutable std::mutex state_mutex_;
  RepairState state_;
};

}  // namespace amic::exchange
