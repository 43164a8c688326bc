// A log that a disk has damaged, repaired from what peers hold.
#include "exchange/repair.h"

#include <gtest/gtest.h>

#include "base/limits.h"
#include "crypto/hash.h"
#include "exchange/testing.h"
#include "store/sqlite/testing.h"

namespace amic::exchange {
namespace {

using store::damaging::Damager;
using testing::must;
using testing::TestNode;

using Answer = std::function<Result<Bytes>(Repair::Ask const&)>;

// A community in which each node can repair itself and answer.
struct Company {
  explicit Company(std::vector<std::string> ids, std::uint64_t seed = 1)
      : community(std::move(ids), seed) {
    for (auto const& node : community.nodes) open(*node);
  }
  TestNode& node(std::string const& id) { return community.node(id); }
  void open(TestNode& node) {
    repairs[node.id()] =
        must(Repair::open({node.exchange(), node.store(), node.log(), community.clock, {}}));
  }
  Repair& repair(std::string const& id) { return *repairs.at(*MemberId::parse(id)); }

  EnvelopeId share(std::string const& from, std::vector<std::string> const& to,
                   std::size_t bytes = 0, Precedence precedence = Precedence::kRoutine) {
    auto request = testing::share_request(
        to, testing::indicator_bundle(community.random, "x" + std::to_string(++shared)),
        precedence);
    if (bytes != 0) {  // what does not compress
      Bytes body(bytes);
      community.random.fill(body);
      request.media_type = "application/octet-stream";
      request.body = std::move(body);
    }
    request.keep_private = to.empty();
    return must(node(from).share(std::move(request))).id;
  }
  void deliver_all() {
    for (auto const& from : community.nodes)
      for (auto const& to : community.nodes)
        if (from != to) from->deliver(*to);
    for (auto const& node : community.nodes) node->index_all();
  }
  template <class Work>
  void damage(std::string const& id, Work work) {
    auto& one = node(id);
    repairs.erase(one.id());
    one.close();
    {
      Damager damager(community.directory.path() / id);
      work(damager);
    }
    one.open();
    open(one);
  }
  Result<Bytes> answer(std::string const& asking, Repair::Ask const& ask) {
    auto const from = *MemberId::parse(asking);
    auto& there = *repairs.at(ask.peer);
    return ask.kind == Repair::Kind::kRanges ? there.ranges(from, ask.bytes)
                                             : there.pieces(from, ask.bytes);
  }
  RepairState run(std::string const& id, Answer const& answer) {
    auto& repair = *repairs.at(*MemberId::parse(id));
    must(repair.start());
    for (int i = 0; i < 100'000; ++i) {
      auto step = repair.step();
      if (step.ask) repair.answered(answer(*step.ask));
      if (step.done) break;
    }
    auto const state = repair.state();
    EXPECT_TRUE(state.phase == RepairPhase::kDone || state.phase == RepairPhase::kFailed);
    return state;
  }
  RepairState run(std::string const& id) {
    return run(id, [&](Repair::Ask const& ask) { return answer(id, ask); });
  }
  std::uint64_t seq_of(std::string const& id, EnvelopeId const& envelope) {
    return must(node(id).store().log_find(envelope))->seq;
  }
  void expect_whole(std::string const& id) {
    auto const checked = node(id).store().check();
    EXPECT_TRUE(checked) << checked.error().text();
    auto const report = tlog::verify_log(node(id).store(), node(id).log().verifier(), {}, {});
    EXPECT_TRUE(report) << report.error().text();
    EXPECT_EQ(repair(id).damaged(), 0u);
  }
  // As the node does when data keys were lost.
  Hash index_again(std::string const& id, bool stale) {
    if (stale) must(node(id).store().reset_index());
    repairs.erase(node(id).id());
    node(id).restart();
    open(node(id));
    node(id).index_all();
    return must(node(id).store().index_digest());
  }

  testing::TestCommunity community;
  std::map<MemberId, std::unique_ptr<Repair>> repairs;
  int shared = 0;
};

TEST(Repair, GetsBackWhatIsDamagedAndNothingElse) {
  Company all({"BN", "MY", "SG"});
  std::vector<EnvelopeId> ids;
  for (int i = 0; i < 40; ++i)
    ids.push_back(all.share(i % 2 ? "BN" : "MY", {"BN", "MY", "SG"}, 2000));
  all.deliver_all();
  auto const digest = must(all.node("BN").store().index_digest());
  all.damage("BN", [&](Damager& disk) {
    disk.flip_bytes(3);
    disk.drop_record(10);
    disk.drop_key(20);
    disk.drop_id(30);
  });
  EXPECT_FALSE(all.node("BN").store().check());
  auto const state = all.run("BN");
  EXPECT_EQ(state.found, 4u);
  EXPECT_EQ(state.mended, 1u);
  EXPECT_EQ(state.restored, 3u);
  EXPECT_EQ(state.remaining, 0u);
  EXPECT_TRUE(state.index_stale);
  EXPECT_FALSE(state.salvaged);
  EXPECT_LT(state.bytes_asked + state.bytes_answered, state.bytes_restored * 2);
  EXPECT_EQ(all.index_again("BN", true), digest);
  all.expect_whole("BN");
}

TEST(Repair, NothingDamagedCostsAQuestionALane) {
  Company all({"BN", "MY"});
  for (int i = 0; i < 30; ++i) all.share("BN", {"MY"});
  for (int i = 0; i < 30; ++i) all.share("MY", {"BN"}, 0, Precedence::kFlash);
  all.deliver_all();
  int asks = 0;
  auto const state = all.run("BN", [&](Repair::Ask const& ask) {
    ++asks;
    return all.answer("BN", ask);
  });
  EXPECT_EQ(asks, 2);
  EXPECT_EQ(state.found, 0u);
  EXPECT_EQ(state.remaining, 0u);
  EXPECT_LT(state.bytes_asked + state.bytes_answered, 400u);
  EXPECT_GT(all.repair("BN").audited_ms(), 0);
}

TEST(Repair, WhatNobodyElseHasIsNamed) {
  Company all({"BN", "MY"});
  auto const own = all.share("BN", {});
  auto const sent = all.share("BN", {"MY"});
  all.deliver_all();
  auto const own_seq = all.seq_of("BN", own), sent_seq = all.seq_of("BN", sent);
  all.damage("BN", [&](Damager& disk) {
    disk.flip_bytes(own_seq);
    disk.flip_bytes(sent_seq);
  });
  auto const state = all.run("BN");
  EXPECT_EQ(state.restored, 1u);
  ASSERT_EQ(state.remaining, 1u);
  EXPECT_EQ(state.remaining_first[0].seq, own_seq);
  EXPECT_EQ(all.repair("BN").damaged(), 1u);
  all.index_again("BN", false);
  EXPECT_EQ(all.repair("BN").damaged(), 1u) << "known after a restart";
}

TEST(Repair, AnErasedRecordStaysErased) {
  Company all({"BN", "MY"});
  auto const erased = all.share("BN", {"MY"});
  auto const there = all.share("BN", {"MY"});
  all.deliver_all();
  must(all.node("BN").store().shred(all.seq_of("BN", erased), 1));
  must(all.node("MY").store().shred(all.seq_of("MY", there), 1));
  EXPECT_EQ(all.run("BN").found, 0u);
  auto const seq = all.seq_of("BN", erased);
  all.damage("BN", [&](Damager& disk) { disk.drop_erasure(seq); });
  auto const state = all.run("BN");
  EXPECT_EQ(state.found, 1u);
  EXPECT_EQ(state.mended, 1u);
  EXPECT_EQ(state.restored, 0u);
  EXPECT_TRUE(must(all.node("BN").store().log_find(erased))->shredded);
  auto const lost = all.seq_of("BN", there);
  all.damage("BN", [&](Damager& disk) { disk.flip_bytes(lost); });
  auto const again = all.run("BN");
  EXPECT_EQ(again.remaining, 1u) << "erased where it could have come from";
}

TEST(Repair, LostNumbersOfLanesAreProvenByTheSignedChain) {
  Company all({"BN", "MY"});
  for (int i = 0; i < 300; ++i) all.share(i % 2 ? "BN" : "MY", {"BN", "MY"});
  all.deliver_all();
  auto const my = *MemberId::parse("MY");
  auto const sent = must(all.node("BN").store().sent(my, 3, 0, 1000));
  auto const received = must(all.node("BN").store().received(my, 3, 0, 1000));
  all.damage("BN", [&](Damager& disk) {
    for (std::uint64_t n = 20; n < 40; ++n) disk.drop_sent(my, 3, n);
    for (std::uint64_t n = 100; n < 130; ++n) disk.drop_received(my, 3, n);
    disk.forge_received(my, 3, 7);
    disk.flip_bytes(received[110].seq);
    disk.drop_record(sent[25].seq);
    disk.drop_record(received[120].seq);
  });
  auto const state = all.run("BN");
  EXPECT_EQ(state.remaining, 0u);
  EXPECT_EQ(state.lane_rows, 51u);
  EXPECT_TRUE(state.problems.empty());
  EXPECT_EQ(must(all.node("BN").store().sent(my, 3, 0, 1000)), sent);
  EXPECT_EQ(must(all.node("BN").store().received(my, 3, 0, 1000)), received);
  all.expect_whole("BN");
}

TEST(Repair, TilesAreMadeAnewFromTheRecords) {
  Company all({"BN", "MY"});
  for (int i = 0; i < 600; ++i) all.share("BN", {"MY"});
  all.deliver_all();
  all.damage("BN", [&](Damager& disk) {
    disk.drop_tile(1);
    disk.flip_bytes(5);
  });
  auto const state = all.run("BN");
  EXPECT_EQ(state.remaining, 0u);
  EXPECT_GE(state.tiles, 1u);
  all.expect_whole("BN");
}

TEST(Repair, BothSidesDamagedMendEachOther) {
  Company all({"BN", "MY", "SG"});
  for (int i = 0; i < 60; ++i) all.share("BN", {"MY", "SG"}, 500);
  all.deliver_all();
  all.damage("BN", [](Damager& disk) {
    for (std::uint64_t seq = 10; seq < 30; ++seq) disk.flip_bytes(seq);
  });
  all.damage("MY", [](Damager& disk) {
    for (std::uint64_t seq = 20; seq < 40; ++seq) disk.flip_bytes(seq);
  });
  auto const my =
      all.run("MY");  // BN does not know of its own damage yet, and gives no wrong bytes
  EXPECT_EQ(my.restored, 10u);
  EXPECT_EQ(my.remaining, 10u);
  auto const bn = all.run("BN");  // MY knows: its fingerprints say so; SG has the rest
  EXPECT_EQ(bn.restored, 20u);
  EXPECT_EQ(bn.remaining, 0u);
  EXPECT_GT(bn.peers[0].lacks, 0u);
  auto const again = all.run("MY");
  EXPECT_EQ(again.restored, 10u);
  all.expect_whole("BN");
  all.expect_whole("MY");
}

TEST(Repair, AQuestionBeyondWhatIsKnownIsRefused) {
  Company all({"BN", "MY"});
  for (int i = 0; i < 5; ++i) all.share("BN", {"MY"});
  all.deliver_all();
  auto const& community = all.community.founders.community;
  auto const bn = *MemberId::parse("BN"), my = *MemberId::parse("MY");
  auto const ask = [&](RangeLane const& lane) {
    return all.repair("BN").ranges(my, encode(RangeQuestion{lane, 1, {{0, {}}}}));
  };
  EXPECT_TRUE(ask({community.id, my, bn, 3, false, 5}));
  EXPECT_EQ(ask({community.id, my, bn, 3, false, 6}).error().code, Code::kOutOfRange);
  EXPECT_EQ(ask({community.id, my, bn, 3, true, 1}).error().code, Code::kOutOfRange);
  EXPECT_EQ(ask({community.id, bn, my, 3, false, 5}).error().code, Code::kWrongIdentity);
  EXPECT_EQ(ask({CommunityId{}, my, bn, 3, false, 5}).error().code, Code::kUnknownCommunity);
  EXPECT_EQ(all.repair("BN")
                .pieces(my, encode(PieceRequest{{community.id, my, bn, 3, false, 6}, {6}}))
                .error()
                .code,
            Code::kOutOfRange);
}

// ---- A peer that lies -------------------------------------------------------------------------

RangeLane turned(RangeLane lane) {
  std::swap(lane.from, lane.to);
  lane.of_from = !lane.of_from;
  return lane;
}

struct Lying : ::testing::Test {
  Lying() {
    for (int i = 0; i < 400; ++i) all.share("MY", {"BN"});
    all.deliver_all();
    all.damage("BN", [](Damager& disk) {
      for (std::uint64_t seq = 100; seq < 110; ++seq) disk.flip_bytes(seq);
    });
  }
  Company all{{"BN", "MY"}};
};

TEST_F(Lying, OtherBytesAreNotPutBack) {
  auto const state = all.run("BN", [&](Repair::Ask const& ask) -> Result<Bytes> {
    auto answer = all.answer("BN", ask);
    if (!answer || ask.kind != Repair::Kind::kPieces) return answer;
    auto pieces = *decode_pieces(*answer);
    for (std::size_t i = 0; i < pieces.pieces.size(); ++i)  // another whole one of its own
      pieces.pieces[i].entry = pieces.pieces[(i + 1) % pieces.pieces.size()].entry;
    return encode(pieces);
  });
  EXPECT_EQ(state.restored, 0u);
  EXPECT_EQ(state.remaining, 10u);
  EXPECT_EQ(state.peers[0].lies, 10u);
  EXPECT_EQ(all.run("BN").remaining, 0u) << "and an honest answer still helps";
  all.expect_whole("BN");
}

TEST_F(Lying, EndlessDifferencesEnd) {
  SeededRandom random(3);
  std::uint64_t asks = 0;
  auto const state = all.run("BN", [&](Repair::Ask const& ask) -> Result<Bytes> {
    ++asks;
    if (ask.kind == Repair::Kind::kPieces) return all.answer("BN", ask);
    auto const question = *decode_range_question(ask.bytes);
    RangeAnswer out{turned(question.lane), question.level, 0, {}};
    out.blocks.resize(question.blocks.size());
    for (auto& block : out.blocks) {
      random.fill(block.digest.data);
      for (auto& part : block.parts) random.fill(part.data);
    }
    return encode(out);
  });
  EXPECT_LT(asks, 20u) << "400 numbers: no more than they are";
  EXPECT_EQ(state.restored, 10u) << "what it gives is checked by itself";
  EXPECT_EQ(state.lane_rows, 0u);
  EXPECT_EQ(state.problems.size(), 1u) << "the signed chain knows better";
  all.expect_whole("BN");
}

TEST_F(Lying, AnswersToOtherQuestionsAreRefused) {
  std::vector<std::function<Bytes(Bytes)>> const twists = {
      [](Bytes) { return Bytes(); }, [](Bytes) { return to_bytes("nothing of the kind"); },
      [](Bytes bytes) {
        auto answer = *decode_range_answer(bytes);
        answer.lane.lane = 0;
        return encode(answer);
      },
      [](Bytes bytes) {
        auto answer = *decode_range_answer(bytes);
        answer.lane = turned(answer.lane);
        return encode(answer);
      },
      [](Bytes bytes) {
        auto answer = *decode_range_answer(bytes);
        answer.blocks.resize(answer.blocks.size() + 1);
        return encode(answer);
      }};
  for (auto const& twist : twists) {
    auto const state = all.run("BN", [&](Repair::Ask const& ask) -> Result<Bytes> {
      return twist(must(all.answer("BN", ask)));
    });
    EXPECT_EQ(state.phase, RepairPhase::kDone);
    EXPECT_EQ(state.restored, 0u);
    EXPECT_EQ(state.remaining, 10u);
    EXPECT_FALSE(state.peers[0].problem.empty());
  }
}

TEST_F(Lying, ABusyPeerIsAskedAgainButNotForEver) {
  int asks = 0;
  auto const busy = [&](Repair::Ask const&) -> Result<Bytes> {
    ++asks;
    return fail(Code::kOverloaded, "link.cpu");
  };
  EXPECT_EQ(all.run("BN", busy).remaining, 10u);
  EXPECT_LE(asks, 1000);
  int refusals = 3;
  auto const state = all.run("BN", [&](Repair::Ask const& ask) -> Result<Bytes> {
    if (ask.kind == Repair::Kind::kPieces && refusals-- > 0) return busy(ask);
    return all.answer("BN", ask);
  });
  EXPECT_EQ(state.remaining, 0u);
}

// ---- Random damage ----------------------------------------------------------------------------

// Whatever is damaged of whatever kind, on both sides: what a peer holds in order comes back, what
// none does is named, and nothing else has changed.
class RepairProperty : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(RepairProperty, WhatSomebodyHoldsComesBack) {
  std::uint64_t const seed = GetParam();
  SeededRandom random(seed);
  Company all({"BN", "MY", "SG"}, seed);
  std::vector<std::string> const names = {"BN", "MY", "SG"};
  for (int i = 0; i < 80; ++i) {
    auto const& from = names[random.below(3)];
    std::vector<std::string> to;
    for (auto const& name : names)
      if (name != from && random.below(3) > 0) to.push_back(name);
    all.share(from, to, random.below(4) == 0 ? 9000 : 0, static_cast<Precedence>(random.below(4)));
  }
  all.deliver_all();
  auto const digest = must(all.node("BN").store().index_digest());
  auto const size = must(all.node("BN").store().log_size());
  auto const before = must(all.node("BN").store().log_read(1, size, 1 << 30));
  std::map<std::uint64_t, int> damaged;
  all.damage("BN", [&](Damager& disk) {
    for (std::uint64_t seq = 1; seq <= size - 1; ++seq) {
      if (random.below(5) != 0) continue;
      int const kind = static_cast<int>(random.below(4));
      damaged[seq] = kind;
      if (kind == 0) disk.flip_bytes(seq);
      if (kind == 1) disk.drop_record(seq);
      if (kind == 2) disk.drop_key(seq);
      if (kind == 3) disk.drop_id(seq);
    }
  });
  auto const state = all.run("BN");
  EXPECT_EQ(state.phase, RepairPhase::kDone);
  EXPECT_EQ(state.found, damaged.size());
  std::set<std::uint64_t> remaining;
  for (auto const& one : state.remaining_first) remaining.insert(one.seq);
  for (auto const& record : before) {
    auto const contents = all.node("BN").exchange().open_record(record);
    bool const elsewhere =
        record.kind == store::RecordKind::kEnvelopeIn || !must(contents).recipients.empty();
    auto const found = damaged.find(record.seq);
    bool const lost = found != damaged.end() && found->second != 3 && !elsewhere;
    EXPECT_EQ(remaining.contains(record.seq), lost) << record.seq;
    if (lost) continue;
    auto const now = must(all.node("BN").store().log_read(record.seq, 1, 1 << 30));
    EXPECT_EQ(now[0].bytes, record.bytes);
    EXPECT_EQ(now[0].id, record.id);
    EXPECT_EQ(now[0].peer, record.peer);
    EXPECT_EQ(now[0].at_ms, record.at_ms);
  }
  if (!remaining.empty()) return;
  EXPECT_EQ(all.index_again("BN", state.index_stale), digest);
  all.expect_whole("BN");
}

INSTANTIATE_TEST_SUITE_P(Seeds, RepairProperty, ::testing::Range<std::uint64_t>(1, 13));

// Pages of the file itself, under real traffic.
TEST(Repair, DamagedPagesOfTheFile) {
  Company all({"BN", "MY", "SG"});
  for (int i = 0; i < 150; ++i)
    all.share(i % 3 ? "BN" : "MY", {"BN", "MY", "SG"}, i % 2 ? 7000 : 0);
  all.deliver_all();
  auto const digest = must(all.node("BN").store().index_digest());
  SeededRandom random(9);
  for (int round = 0; round < 4; ++round) {
    all.damage("BN", [&](Damager& disk) {
      std::vector<std::uint64_t> pages;
      for (char const* const table : {"record", "dek", "record_by_id", "received", "outbox"})
        for (auto const page : disk.pages_of(table)) pages.push_back(page);
      pages.pop_back();
      for (int i = 0; i < 3; ++i) {
        Bytes noise(Damager::kPageBytes);
        if (i % 2 == 0) random.fill(noise);
        auto const page = pages[random.below(pages.size() * 3 / 4)];
        disk.overwrite_page(page, std::string(as_text(noise)));
      }
    });
    auto const state = all.run("BN");
    EXPECT_EQ(state.phase, RepairPhase::kDone) << (state.error ? state.error->text() : "");
    EXPECT_EQ(state.remaining, 0u);
    for (auto const& problem : state.problems) ADD_FAILURE() << problem;
    EXPECT_EQ(all.index_again("BN", state.index_stale), digest);
    all.expect_whole("BN");
  }
}

}  // namespace
}  // namespace amic::exchange
