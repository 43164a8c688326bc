#include "exchange/bundle.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <fstream>
#include <sstream>

#include "base/limits.h"
#include "exchange/bundle_import.h"
#include "exchange/testing.h"

namespace amic::exchange {
namespace {

using testing::must;
using testing::share_request;
using testing::TestCommunity;
using testing::TestNode;

MemberId member(std::string const& id) {
  return MemberId::parse(id).value();
}

// One node with what carrier files need of it.
struct Desk {
  Desk(TestCommunity& community, std::string const& id)
      : node(community.node(id)),
        keys{node.id(), node.keys().node, node.keys().sealing},
        community_(community) {}
  CarrierParts parts() {
    return {keys,
            realm,
            node.store(),
            node.exchange(),
            node.committer(),
            community_.clock,
            community_.random};
  }
  // All parts of one export, as files in memory.
  std::vector<Bytes> write(std::string const& to, std::uint64_t part_max = 0,
                           bool since_last = false, bool mark = true) {
    auto work = must(CarrierExport::begin(parts(), {member(to), part_max, since_last}));
    std::vector<Bytes> out;
    bool fresh = true;
    for (auto piece = must(work->next()); piece; piece = must(work->next())) {
      if (fresh) out.emplace_back();
      fresh = piece->last_of_part;
      append(out.back(), piece->bytes);
    }
    if (work->empty()) return {};
    if (mark) work->mark_exported([](Result<void> marked) { must(std::move(marked)); });
    return out;
  }
  Result<ImportReport> read(std::vector<Bytes> const& files) {
    std::vector<CarrierFile> list;
    for (std::size_t i = 0; i < files.size(); ++i)
      list.push_back({"file " + std::to_string(i + 1),
                      [&bytes = files[i]]() -> Result<std::unique_ptr<ByteSource>> {
                        return std::unique_ptr<ByteSource>(new MemorySource(bytes));
                      }});
    ExchangeSink sink(parts());
    return import_carriers(list, sink, {});
  }
  void share(std::string const& to, std::size_t body_bytes,
             Precedence precedence = Precedence::kRoutine) {
    // Not compressible, so that the sizes of envelopes are what the tests ask for.
    Bytes noise(body_bytes);
    community_.random.fill(noise);
    auto request = share_request({to}, "", precedence);
    request.media_type = "application/octet-stream";
    request.body = std::move(noise);
    must(node.share(std::move(request)));
  }
  LinkState::Lane lane(std::string const& peer, std::size_t index) {
    for (auto const& state : must(node.exchange().links()))
      if (state.peer.str() == peer) return state.lanes[index];
    return {};
  }

  TestNode& node;
  NodeKeys keys;
  Realm realm;

 private:
  TestCommunity& community_;
};

struct Pair {
  explicit Pair(std::uint64_t seed = 1) : community({"AA", "BB", "CC"}, seed) {}
  TestCommunity community;
  Desk a{community, "AA"};
  Desk b{community, "BB"};
};

TEST(Carrier, BringsEnvelopesThereAndReceiptsBack) {
  Pair p;
  p.a.share("BB", 100, Precedence::kFlash);
  for (int i = 0; i < 3; ++i) p.a.share("BB", 200);
  auto const files = p.a.write("BB");
  ASSERT_EQ(files.size(), 1u);
  auto const report = must(p.b.read(files));
  EXPECT_TRUE(report.complete());
  auto const& lanes = report.lanes.at(member("AA"));
  EXPECT_EQ(lanes[0].accepted, 1u);
  EXPECT_EQ(lanes[3].accepted, 3u);
  EXPECT_EQ(p.b.lane("AA", 3).received_n, 3u);

  EXPECT_EQ(p.a.lane("BB", 3).acked_n, 0u);  // an export moves nothing
  auto const back = must(p.a.read(p.b.write("AA")));
  EXPECT_EQ(back.lanes.at(member("BB"))[3].receipted, 3u);
  EXPECT_EQ(p.a.lane("BB", 3).acked_n, 3u);
  EXPECT_EQ(p.a.lane("BB", 0).acked_n, 1u);
  EXPECT_EQ(p.a.node.deliver(p.b.node), 0);  // nothing is left for the link
}

TEST(Carrier, RepeatingAnImportChangesNothing) {
  Pair p;
  for (int i = 0; i < 5; ++i) p.a.share("BB", 50);
  auto const files = p.a.write("BB");
  must(p.b.read(files));
  auto const size = must(p.b.node.store().log_size());
  auto const again = must(p.b.read(files));
  EXPECT_TRUE(again.complete());
  EXPECT_EQ(again.lanes.at(member("AA"))[3].accepted, 0u);
  EXPECT_EQ(again.lanes.at(member("AA"))[3].held, 5u);
  EXPECT_EQ(must(p.b.node.store().log_size()), size);
}

TEST(Carrier, LinkAndFileMayRace) {
  Pair p;
  for (int i = 0; i < 4; ++i) p.a.share("BB", 50);
  auto const files = p.a.write("BB");
  EXPECT_EQ(p.a.node.deliver(p.b.node), 1);
  p.a.share("BB", 50);
  auto const report = must(p.b.read(files));
  EXPECT_EQ(report.lanes.at(member("AA"))[3].held, 4u);
  EXPECT_EQ(p.a.node.deliver(p.b.node), 1);
  EXPECT_EQ(p.b.lane("AA", 3).received_n, 5u);
  // The receipt in an old file is not news.
  EXPECT_TRUE(must(p.a.read(p.b.write("AA"))).complete());
  EXPECT_EQ(p.a.lane("BB", 3).acked_n, 5u);
}

TEST(Carrier, IsSplitAndEachPartStaysWithinTheLimit) {
  Pair p;
  for (int i = 0; i < 40; ++i) p.a.share("BB", 10'000);
  auto files = p.a.write("BB", kPartBytesMin);
  ASSERT_GT(files.size(), 3u);
  for (auto const& file : files) EXPECT_LE(file.size(), kPartBytesMin);
  std::reverse(files.begin(), files.end());  // in any order
  auto const report = must(p.b.read(files));
  EXPECT_TRUE(report.complete());
  EXPECT_EQ(report.lanes.at(member("AA"))[3].accepted, 40u);
}

TEST(Carrier, AMissingPartIsNamedWithItsNumbers) {
  Pair p;
  for (int i = 0; i < 15; ++i) p.a.share("BB", 10'000);
  p.a.share("BB", 10'000, Precedence::kFlash);
  auto const files = p.a.write("BB", kPartBytesMin);
  ASSERT_EQ(files.size(), 4u);
  auto const report = must(p.b.read({files[0], files[2], files[3]}));
  EXPECT_FALSE(report.complete());
  EXPECT_EQ(report.lanes.at(member("AA"))[0].accepted, 1u);
  auto const held = report.lanes.at(member("AA"))[3].accepted;
  ASSERT_EQ(report.missing.size(), 1u) << report.missing.back().text();
  auto const& missing = report.missing.front();
  EXPECT_EQ(missing.part, 2);
  EXPECT_EQ(missing.range.first_n, held + 1);
  EXPECT_EQ(missing.text(), "part 2 of 4 is missing: ROUTINE " + std::to_string(held + 1) + "-" +
                                std::to_string(missing.range.last_n));
  auto const rest = must(p.b.read({files[1], files[2], files[3]}));
  EXPECT_TRUE(rest.complete());
  EXPECT_EQ(p.b.lane("AA", 3).received_n, 15u);
}

TEST(Carrier, SinceLastBringsOnlyWhatIsNewAndAllBringsEverything) {
  Pair p;
  for (int i = 0; i < 3; ++i) p.a.share("BB", 50);
  auto const first = p.a.write("BB", 0, true);
  EXPECT_TRUE(p.a.write("BB", 0, true).empty());
  for (int i = 0; i < 2; ++i) p.a.share("BB", 50);
  auto const second = p.a.write("BB", 0, true, false);  // lost before it was safe
  auto const third = p.a.write("BB", 0, true);
  EXPECT_EQ(second.size(), third.size());

  // A diode: the second file alone leaves a gap that an earlier file would fill.
  auto const gap = must(p.b.read(third));
  ASSERT_EQ(gap.missing.size(), 1u);
  EXPECT_EQ(gap.missing.front().text(), "ROUTINE 1-3 of AA is missing: it is in an earlier file");
  EXPECT_TRUE(must(p.b.read({third.front(), first.front()})).complete());
  EXPECT_EQ(p.b.lane("AA", 3).received_n, 5u);
  EXPECT_TRUE(must(p.b.read(p.a.write("BB"))).complete());
}

TEST(Carrier, AForeignFileIsRefusedBeforeAnythingIsTaken) {
  Pair p;
  p.a.share("BB", 50);
  auto const files = p.a.write("BB");
  Desk c(p.community, "CC");
  auto const other = c.read(files);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Code::kNotRecipient);

  Pair q(2);
  auto const foreign = q.b.read(files);
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().code, Code::kUnknownCommunity);

  p.b.realm = must(Realm::parse("EXERCISE:A"));
  EXPECT_EQ(p.b.read(files).error().code, Code::kNotReleasable);
}

// A good file and one that is bad at its end: the good one isn't taken either.
TEST(Carrier, EveryCutAndEveryAlteredByteIsFoundFirst) {
  Pair p;
  for (int i = 0; i < 2; ++i) p.a.share("BB", 20);
  auto const good = p.a.write("BB").front();
  p.a.share("BB", 20);
  auto const longer = p.a.write("BB").front();
  for (std::size_t i = 0; i < longer.size(); ++i) {
    auto altered = longer;
    altered[i] ^= 1;
    auto const report = p.b.read({good, altered});
    EXPECT_FALSE(report) << i;
    EXPECT_EQ(report.error().where.substr(0, 8), "file 2: ") << report.error().text();
    EXPECT_FALSE(p.b.read({good, Bytes(longer.begin(), longer.begin() + std::ptrdiff_t(i))})) << i;
  }
  auto appended = longer;
  appended.push_back(0);
  EXPECT_FALSE(p.b.read({appended}));
  EXPECT_EQ(p.b.lane("AA", 3).received_n, 0u);
}

TEST(Carrier, ErrorsNameTheSection) {
  Pair p;
  p.a.share("BB", 300, Precedence::kFlash);
  p.a.share("BB", 300);
  auto const good = p.a.write("BB").front();
  auto altered = good;
  // The second batch begins after magic, header and the first; its envelope lies in the middle.
  MemorySource source(good);
  auto reader = must(CarrierReader::open(source));
  while (must(reader.next())) {
  }
  ASSERT_EQ(reader.seen().size(), 2u);
  auto const manifest = encode(reader.manifest()).size() + 5;
  altered[good.size() - manifest - 200] ^= 1;
  EXPECT_EQ(p.b.read({altered}).error().text(),
            "bad_signature at file 1: section 2, batch ROUTINE 1: it was altered");
  Bytes const cut(good.begin(), good.end() - std::ptrdiff_t(manifest) - 100);
  auto const text = p.b.read({cut}).error().text();
  EXPECT_NE(text.find("section 2: the file ends after"), std::string::npos) << text;
}

TEST(Carrier, APartCannotBeMadeOfSectionsOfAnotherExport) {
  Pair p;
  p.a.share("BB", 50);
  auto work = must(CarrierExport::begin(p.a.parts(), {member("BB"), 0, false}));
  std::vector<Bytes> pieces;
  while (auto piece = must(work->next())) pieces.push_back(piece->bytes);
  auto again = must(CarrierExport::begin(p.a.parts(), {member("BB"), 0, false}));
  auto const other = must(again->next())->bytes;
  Bytes mixed = other;  // the other export's header
  for (std::size_t i = 1; i < pieces.size(); ++i) append(mixed, pieces[i]);
  EXPECT_EQ(p.b.read({mixed}).error().code, Code::kBadSignature);
}

TEST(Carrier, ABatchByAnotherMemberInAWellSignedFileIsRefused) {
  Pair p;
  p.a.share("BB", 50);
  Desk c(p.community, "CC");
  c.share("BB", 50);
  auto const batch = must(make_lane_batch(c.parts(), member("BB"), 3, {}, 1)).bytes;
  CarrierHeader header;
  header.community = p.community.founders.community.id;
  header.from = member("AA");
  header.to = member("BB");
  header.parts.resize(1);
  auto const entry = must(describe_section(SectionType::kBatch, batch));
  header.parts[0][entry.lane] = entry.range;
  CarrierManifest manifest;
  manifest.header_sha256 = crypto::sha256(encode(header));
  manifest.sections = {entry};
  manifest = sign_manifest(std::move(manifest), p.a.keys.node);
  Bytes file = to_bytes(kCarrierMagic);
  codec::Writer framed;
  framed.vec32(encode(header));
  append(file, framed.bytes());
  append(file, section_frame(SectionType::kBatch, batch.size()));
  append(file, batch);
  append(file, section_frame(SectionType::kManifest, encode(manifest).size()));
  append(file, encode(manifest));
  auto const report = must(p.b.read({file}));
  ASSERT_EQ(report.problems.size(), 1u);
  EXPECT_NE(report.problems.front().find("wrong_identity"), std::string::npos);
  EXPECT_EQ(p.b.lane("AA", 3).received_n, 0u);
  EXPECT_EQ(p.b.lane("CC", 3).received_n, 0u);
}

TEST(Carrier, RefusesWhatItCannotDo) {
  Pair p;
  p.a.share("BB", 100'000);
  auto const begin = [&](ExportRequest request) {
    return CarrierExport::begin(p.a.parts(), std::move(request)).error().code;
  };
  EXPECT_EQ(begin({member("AA"), 0, false}), Code::kUnknownMember);
  EXPECT_EQ(begin({member("XX"), 0, false}), Code::kUnknownMember);
  EXPECT_EQ(begin({member("BB"), 1000, false}), Code::kOutOfRange);
  EXPECT_EQ(begin({member("BB"), kPartBytesMin, false}), Code::kOutOfRange);  // does not fit
  EXPECT_TRUE(p.a.write("CC").empty());                                       // nothing to say
}

TEST(Carrier, ExportsUnderWayAreBoundedAndGivePiecesAgain) {
  Pair p;
  p.a.share("BB", 50);
  CarrierExports exports(p.a.parts());
  auto const work = must(exports.begin({member("BB"), 0, false}));
  auto const first = must(exports.piece(work->id(), 0))->bytes;
  EXPECT_EQ(must(exports.piece(work->id(), 0))->bytes, first);
  EXPECT_EQ(exports.piece(work->id(), 2).error().code, Code::kConflict);
  Result<void> ended;
  auto const end = [&](bool safe) {
    exports.end(work->id(), safe, [&](Result<void> done) { ended = std::move(done); });
    return ended;
  };
  EXPECT_EQ(end(true).error().code, Code::kConflict);  // not all of it was fetched
  for (std::size_t i = 1; i < limits::kCarrierExportsMax; ++i)
    must(exports.begin({member("BB"), 0, false}));
  EXPECT_EQ(exports.begin({member("BB"), 0, false}).error().code, Code::kOverloaded);
  for (std::uint64_t i = 1; must(exports.piece(work->id(), i)); ++i) {
  }
  EXPECT_TRUE(end(true));
  EXPECT_EQ(exports.piece(work->id(), 0).error().code, Code::kNotFound);
  p.community.clock.advance(11 * 60 * 1000);
  EXPECT_TRUE(exports.begin({member("BB"), 0, false}));
  EXPECT_EQ(must(CarrierExport::begin(p.a.parts(), {member("BB"), 0, true}))->envelopes(), 0u);
}

TEST(Carrier, OutcomesSurviveJson) {
  SectionOutcome out;
  out.type = SectionType::kBatch;
  out.lane = 2;
  out.range = {5, 9};
  out.accepted = 1;
  out.held = 2;
  out.refused_total = 2;
  out.refused = {{7, "malformed"}, {9, "expired"}};
  out.position = 9;
  EXPECT_EQ(must(outcome_from_json(must(json::parse(json::serialize(to_json(out)))))), out);
  out.gap = {1, 4};
  out.problem = Error{Code::kConflict, "batch.chain_before", "why"};
  EXPECT_EQ(must(outcome_from_json(must(json::parse(json::serialize(to_json(out)))))), out);
  EXPECT_FALSE(outcome_from_json(json::value(1)));
}

// Whatever is shared, exported, split, lost, repeated or sent by the link meanwhile: once a whole
// export has arrived, everything is there once, and the receipts drain the queue.
RC_GTEST_PROP(Carrier, NothingIsLostOrDoubledWhateverTheOrder, ()) {
  Pair p(*rc::gen::inRange<std::uint64_t>(1, 1'000'000));
  std::array<std::uint64_t, kLaneCount> shared{};
  auto const rounds = *rc::gen::inRange(1, 5);
  for (int round = 0; round < rounds; ++round) {
    auto const sizes = *rc::gen::container<std::vector<std::pair<std::size_t, int>>>(
        *rc::gen::inRange<std::size_t>(0, 8),
        rc::gen::pair(rc::gen::inRange<std::size_t>(1, 20'000), rc::gen::inRange(0, kLaneCount)));
    for (auto const& [size, lane] : sizes) {
      p.a.share("BB", size, static_cast<Precedence>(lane));
      ++shared[static_cast<std::size_t>(lane)];
    }
    auto files = p.a.write("BB", *rc::gen::element<std::uint64_t>(0, kPartBytesMin),
                           *rc::gen::arbitrary<bool>(), *rc::gen::arbitrary<bool>());
    std::vector<Bytes> arrived;
    for (auto& file : files)
      for (int copies = *rc::gen::inRange(0, 3); copies > 0; --copies) arrived.push_back(file);
    if (*rc::gen::arbitrary<bool>()) std::reverse(arrived.begin(), arrived.end());
    if (!arrived.empty()) must(p.b.read(arrived));
    if (*rc::gen::arbitrary<bool>()) must(p.a.read(p.b.write("AA")));
    if (*rc::gen::inRange(0, 4) == 0) p.a.node.deliver(p.b.node);
  }
  auto const last = p.a.write("BB");
  if (!last.empty()) RC_ASSERT(must(p.b.read(last)).complete());
  auto const back = p.b.write("AA");
  if (!back.empty()) RC_ASSERT(must(p.a.read(back)).complete());
  std::uint64_t total = 0;
  for (std::size_t lane = 0; lane < kLaneCount; ++lane) {
    RC_ASSERT(p.b.lane("AA", lane).received_n == shared[lane]);
    RC_ASSERT(p.a.lane("BB", lane).acked_n == shared[lane]);
    total += shared[lane];
  }
  RC_ASSERT(must(p.b.node.store().log_size()) == total);
  RC_ASSERT(p.a.node.deliver(p.b.node) == 0);
}

// ---- Golden bytes -----------------------------------------------------------------------------

std::string read_golden(std::string const& name) {
  std::ifstream in(std::string(AMIC_SOURCE_DIR) + "/tests/compat/carrier/" + name);
  std::stringstream text;
  text << in.rdbuf();
  auto out = text.str();
  std::erase_if(out, [](char c) { return c == '\n' || c == ' '; });
  return out;
}

// One receipt and one batch, from the fixed keys of wire_test.cc.
Bytes sample_file() {
  SeededRandom random{26};
  auto const founders = consent::testing::make_founders({"BN", "MY"}, random);
  auto const community = *consent::community_of(consent::testing::make_transcript(founders));
  Receipt receipt;
  receipt.community = community.id;
  receipt.from = founders[1].card.member;
  receipt.to = founders[0].card.member;
  receipt.lane = 3;
  receipt.n = 7;
  receipt.at_ms = consent::testing::kStartMs;
  Batch batch;
  batch.community = community.id;
  batch.from = receipt.from;
  batch.to = receipt.to;
  batch.lane = 1;
  batch.first_n = 1;
  batch.envelopes = {to_bytes("not an envelope"), to_bytes("nor this")};
  Bytes const receipt_bytes = encode(sign_receipt(receipt, founders[1].node));
  Bytes const batch_bytes = encode(sign_batch(batch, founders[1].node));

  CarrierHeader header;
  header.community = community.id;
  header.from = receipt.from;
  header.to = receipt.to;
  header.export_id.data.fill(0xEE);
  header.created_ms = consent::testing::kStartMs;
  header.part = 1;
  header.since_last = true;
  header.parts.resize(2);
  header.parts[0][1] = {1, 2};
  header.parts[1][3] = {1, 1};
  CarrierManifest manifest;
  manifest.header_sha256 = crypto::sha256(encode(header));
  manifest.sections = {must(describe_section(SectionType::kReceipt, receipt_bytes)),
                       must(describe_section(SectionType::kBatch, batch_bytes))};
  auto const signed_manifest = encode(sign_manifest(manifest, founders[1].node));
  codec::Writer out;
  out.raw(as_bytes(kCarrierMagic)).vec32(encode(header));
  out.raw(section_frame(SectionType::kReceipt, receipt_bytes.size())).raw(receipt_bytes);
  out.raw(section_frame(SectionType::kBatch, batch_bytes.size())).raw(batch_bytes);
  out.raw(section_frame(SectionType::kManifest, signed_manifest.size())).raw(signed_manifest);
  return out.take();
}

TEST(Carrier, GoldenBytesStay) {
  auto const bytes = sample_file();
  EXPECT_EQ(codec::to_hex(bytes), read_golden("carrier-v1.hex"));
  MemorySource source(bytes);
  auto reader = must(CarrierReader::open(source));
  while (must(reader.next())) {
  }
  ASSERT_EQ(reader.seen().size(), 2u);
  EXPECT_EQ(section_text(reader.seen()[0]), "receipt ROUTINE 7");
  EXPECT_EQ(section_text(reader.seen()[1]), "batch IMMEDIATE 1-2");
}

}  // namespace
}  // namespace amic::exchange
