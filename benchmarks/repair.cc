// Repairing a log from a peer: what it costs to compare a long lane that is as it was, and what
// travels for a thousand damaged records in it. Two nodes' real engines and stores in one process,
// without the network between them.
//
// Of most numbers of the lane only the digest is known, as of envelopes that were refused: a
// fingerprint reads the same row for those, and the records themselves would take an hour to seal.
#include "exchange/repair.h"

#include "benchmarks/measure.h"
#include "benchmarks/sections.h"
#include "crypto/hash.h"
#include "exchange/engine.h"
#include "exchange/testing.h"
#include "store/sqlite/testing.h"

namespace amic::bench {

namespace {
using exchange::Repair;
using exchange::testing::must;
using store::damaging::Damager;
using TestNode = exchange::testing::TestNode;

constexpr char kSection[] = "repair";
constexpr std::uint8_t kLane = 3;
constexpr std::size_t kBodyBytes = 1500;

struct Lane {
  std::vector<std::uint64_t> real;  // numbers that have a record, in order
  std::vector<Hash> digests;        // [n - 1]
};

void append(TestNode& node, store::Append unit) {
  std::vector<store::Append> units;
  units.push_back(std::move(unit));
  must(node.log().append(std::move(units)));
}

// The sender's side: one real envelope among `apart` numbers.
Lane fill_sender(exchange::testing::TestCommunity& all, TestNode& from, MemberId const& to,
                 std::uint64_t count, std::uint64_t apart) {
  Lane lane;
  while (lane.digests.size() < count) {
    store::Append unit;
    for (std::uint64_t i = 1; i < apart; ++i) {
      std::uint64_t const n = lane.digests.size() + 1;
      lane.digests.push_back(crypto::sha256(as_bytes("number " + std::to_string(n))));
      unit.sent.push_back({to, kLane, n, {}, 0, lane.digests.back(), 0, 0});
    }
    append(from, std::move(unit));
    exchange::ShareRequest request = exchange::testing::share_request({to.str()}, "");
    request.media_type = "application/octet-stream";
    request.body.resize(kBodyBytes);
    all.random.fill(request.body);
    auto const shared = must(from.share(std::move(request)));
    lane.digests.push_back(shared.digest);
    lane.real.push_back(lane.digests.size());
  }
  return lane;
}

void fill_receiver(TestNode& from, TestNode& to, Lane const& lane) {
  exchange::InPosition position;
  store::Append unit;
  std::size_t next_real = 0;
  for (std::uint64_t n = 1; n <= lane.digests.size(); ++n) {
    Hash const& digest = lane.digests[n - 1];
    position.chain = exchange::chain_next(position.chain, digest);
    store::Append::Received row{from.id(), kLane, n, {}, 0, digest};
    if (next_real < lane.real.size() && lane.real[next_real] == n) {
      auto record = must(from.store().log_read(++next_real, 1, 1 << 20)).front();
      record.kind = store::RecordKind::kEnvelopeIn;
      record.peer = from.id();
      row.record = unit.records.size();
      unit.records.push_back(std::move(record));
    }
    unit.received.push_back(row);
    if (unit.received.size() == 5000) append(to, std::exchange(unit, {}));
  }
  position.n = lane.digests.size();
  unit.cursors.push_back({store::CursorKind::kReceived, from.id(), kLane, position.n,
                          exchange::encode_note(position)});
  append(to, std::move(unit));
  to.restart();
  store::Append ack;
  ack.cursors.push_back({store::CursorKind::kAcked, to.id(), kLane, position.n,
                         must(to.exchange().current_receipt(from.id(), kLane))});
  append(from, std::move(ack));
  from.restart();
}

struct Run {
  exchange::RepairState state;
  double seconds = 0;
  double asking_seconds = 0;  // of that, from the first question on
};

Run repair(Repair& asking, Repair& answering, MemberId const& self) {
  Run out;
  Stopwatch const watch;
  std::optional<Stopwatch> asked;
  must(asking.start());
  for (bool done = false; !done;) {
    auto step = asking.step();
    done = step.done;
    if (!step.ask) continue;
    if (!asked) asked.emplace();
    asking.answered(step.ask->kind == Repair::Kind::kRanges
                        ? answering.ranges(self, step.ask->bytes)
                        : answering.pieces(self, step.ask->bytes));
  }
  out.seconds = watch.seconds();
  out.asking_seconds = asked ? asked->seconds() : 0;
  out.state = asking.state();
  CHECK(out.state.phase == exchange::RepairPhase::kDone && out.state.remaining == 0);
  return out;
}

template <class Work>
void damage(TestNode& node, std::filesystem::path const& directory, Work const& work) {
  node.close();
  {
    Damager disk(directory);
    disk.together([&] { work(disk); });
  }
  node.open();
}

std::unique_ptr<Repair> repair_of(TestNode& node, Clock const& clock) {
  return must(Repair::open({node.exchange(), node.store(), node.log(), clock, {}}));
}

void report_damage(Report& report, std::string const& name, Run const& run, std::size_t count) {
  CHECK(run.state.restored == count);
  auto const wire = static_cast<double>(run.state.bytes_asked + run.state.bytes_answered);
  auto const restored = static_cast<double>(run.state.bytes_restored);
  report.add({kSection,
              name,
              wire / restored,
              "x the bytes restored",
              Bar{true, 3},
              {{"on the wire", wire, "B"},
               {"restored", restored, "B"},
               {"asking and putting back", run.asking_seconds, "s"}}});
}

// The same question as one that finds nothing: what an idle peer costs.
void measure_idle(Report& report, Repair& answering, TestNode& asking, MemberId const& self,
                  exchange::RangeLane const& lane) {
  exchange::RangeQuestion question{lane, exchange::range_top(lane.upto_n), {{0, {}}}};
  Stopwatch const first;
  Result<Bytes> answer = answering.ranges(self, encode(question));
  while (!answer) {
    CHECK(answer.error().code == Code::kUnavailable);
    answer = answering.ranges(self, encode(question));
  }
  double const first_s = first.seconds();
  // Both sides know the fingerprint now: the answer to the next question is "the same".
  auto const parts = must(exchange::decode_range_answer(*answer)).blocks.front().parts;
  question.blocks.front().fingerprint = exchange::fingerprint_of(question.level, parts);
  std::vector<double> ms;
  double bytes = 0;
  for (int i = 0; i < 20; ++i) {
    Stopwatch const watch;
    auto const asked = encode(question);
    auto const said = must(answering.ranges(self, asked));
    CHECK(must(exchange::decode_range_answer(said)).blocks.front().same);
    bytes = static_cast<double>(asked.size() + said.size());
    for (std::uint8_t lane_no = 0; lane_no < kLaneCount; ++lane_no)  // and where each lane stands
      bytes +=
          static_cast<double>(must(asking.exchange().current_receipt(lane.to, lane_no)).size());
    ms.push_back(watch.seconds() * 1000);
  }
  report.add({kSection,
              "idle peer: positions and one comparison, median",
              percentile(ms, 50),
              "ms",
              Bar{true, 1000},
              {{"counted for the first time", first_s * 1000, "ms"}}});
  report.add({kSection, "idle peer: bytes", bytes, "B", Bar{true, 10'000}, {}});
}
}  // namespace

void measure_repair(Settings const& settings, Report& report) {
  std::uint64_t const count = settings.quick ? 100'000 : 1'000'000;
  std::uint64_t const differences = settings.quick ? 100 : 1000;
  progress("==> repair of " + number_text(static_cast<double>(differences)) + " records in " +
           number_text(static_cast<double>(count)) + " numbers");
  exchange::testing::TestCommunity all({"BN", "MY"});
  TestNode& bn = all.node("BN");
  TestNode& my = all.node("MY");
  Lane const lane = fill_sender(all, bn, my.id(), count, count / differences);
  fill_receiver(bn, my, lane);
  // The newest record is none of those that will be lost: without it a node does not start.
  exchange::ShareRequest own = exchange::testing::share_request({}, "the last one");
  own.keep_private = true;
  must(my.share(std::move(own)));
  auto const there = repair_of(bn, all.clock);
  measure_idle(report, *there, my, my.id(),
               {all.founders.community.id, my.id(), bn.id(), kLane, false, count});

  auto const directory = all.directory.path() / "MY";
  damage(my, directory, [&](Damager& disk) {
    for (std::uint64_t seq = 1; seq <= differences; ++seq) disk.drop_record(seq);
  });
  auto const lost = repair(*repair_of(my, all.clock), *there, my.id());
  report_damage(report, "records lost", lost, differences);
  damage(my, directory, [&](Damager& disk) {
    for (std::uint64_t seq = 1; seq <= differences; ++seq) disk.drop_record(seq);
    for (std::uint64_t const n : lane.real) disk.drop_received(bn.id(), kLane, n);
  });
  auto const unknown = repair(*repair_of(my, all.clock), *there, my.id());
  CHECK(unknown.state.lane_rows == differences);
  report_damage(report, "records and their numbers lost", unknown, differences);
  report.add({kSection, "all of that repair", unknown.seconds, "s", {}, {}});
}

}  // namespace amic::bench
