// Files between nodes, without a network: who gets what, what is left of it after a kill, and what
// goes with a recall.
#include "exchange/attachments.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "exchange/testing.h"

namespace amic::exchange {
namespace {

using namespace testing;
namespace fs = std::filesystem;

constexpr std::size_t kChunk = limits::kAttachmentChunkBytes;

Bytes pattern(std::size_t size, unsigned seed = 1) {
  Bytes out(size);
  for (std::size_t i = 0; i < size; ++i)
    out[i] = static_cast<std::uint8_t>(i * 31 + i / 257 + seed);
  return out;
}

struct World {
  TestCommunity community;
  AttachmentOptions options;
  std::map<std::string, ComplyMode> modes;
  std::map<std::string, std::unique_ptr<Operations>> operations;
  std::map<std::string, std::unique_ptr<Attachments>> attachments;

  explicit World(std::vector<std::string> ids) : community(ids) {
    options.free_bytes_min = 0;
    for (auto const& id : ids) make(id);
  }
  fs::path directory(std::string const& id) const {
    return community.directory.path() / (id + "-attachments");
  }
  void make(std::string const& id) {
    operations[id] = std::make_unique<Operations>(node(id).exchange(), node(id).store(),
                                                  community.clock, modes[id]);
    auto mine = options;
    mine.directory = directory(id);
    attachments[id] =
        must(Attachments::open({node(id).exchange(), node(id).store(), node(id).committer(),
                                *operations[id], community.clock, community.random},
                               mine));
    operations[id]->on_destroy(
        [this, id](EnvelopeId const& item) { return attachments.at(id)->destroy(item); });
  }
  TestNode& node(std::string const& id) { return community.node(id); }
  Attachments& of(std::string const& id) { return *attachments.at(id); }
  void restart(std::string const& id) {
    attachments[id].reset();
    operations[id].reset();
    node(id).restart();
    for (auto const& other : community.nodes)
      if (other->id().str() != id) other->meet(node(id));
    make(id);
  }
  void work(std::string const& id) {
    node(id).index_all();
    while (must(operations.at(id)->work()) > 0) node(id).index_all();
    of(id).poke();
    must(of(id).maintain());
  }
  void settle() {
    for (bool quiet = false; !quiet;) {
      quiet = true;
      for (auto& from : community.nodes)
        for (auto& to : community.nodes)
          if (from != to && from->deliver(*to) > 0) quiet = false;
      for (auto& [id, unused] : operations) work(id);
    }
  }
  ShareResult share(std::vector<std::string> const& to) {
    auto result =
        must(node("AA").share(share_request(to, indicator_bundle(community.random, "attached"))));
    settle();
    return result;
  }
  Result<EnvelopeId> attach(EnvelopeId const& item, BytesView contents,
                            std::string const& name = "file.bin") {
    AMIC_TRY(auto const upload, of("AA").begin({item, name, "application/octet-stream", 0}));
    while (!contents.empty()) {
      auto const piece = contents.first(std::min<std::size_t>(contents.size(), 300'000));
      AMIC_TRY_VOID(upload->write(piece));
      contents = contents.subspan(piece.size());
    }
    AMIC_TRY_VOID(upload->finish());
    Result<ShareResult> out = fail(Code::kInternal, "test");
    of("AA").share(upload, {}, {}, [&](Result<ShareResult> r) { out = std::move(r); });
    AMIC_TRY(auto const shared, std::move(out));
    return shared.id;
  }
  // One chunk, as the link fetches it, in two pieces.
  Result<void> fetch_chunk(std::string const& to, Attachments::Want const& want) {
    auto const peer = node(to).id();
    auto const size = static_cast<std::uint32_t>(want.plan.sealed_bytes(want.next));
    AMIC_TRY(auto first, of("AA").serve(peer, want.root, want.next, 0, size / 2));
    AMIC_TRY(auto const rest, of("AA").serve(peer, want.root, want.next, size / 2, size));
    EXPECT_TRUE(first.proof.empty());
    append(first.data, rest.data);
    return of(to).keep(want.id, want.next, first.data, rest.proof);
  }
  // Until nothing is wanted, or `chunks` came. The number of chunks.
  std::size_t fetch(std::string const& to, std::size_t chunks = SIZE_MAX) {
    std::size_t done = 0;
    auto const from = node("AA").id();
    while (done < chunks) {
      auto const want = must(of(to).next_wanted(from));
      if (!want) break;
      if (want->next == want->plan.count()) {
        while (!must(of(to).settle(want->id))) {
        }
        continue;
      }
      auto const fetched = fetch_chunk(to, *want);
      if (!fetched) {
        of(to).postpone(want->id, fetched.error());
        continue;
      }
      ++done;
    }
    return done;
  }
  Bytes contents(std::string const& id, EnvelopeId const& attachment) {
    auto const reader = must(of(id).read(attachment));
    Bytes out;
    while (out.size() < reader->about().size)
      append(out, as_bytes(must(reader->read(out.size(), 400'000))));
    return out;
  }
  AttachmentState state(std::string const& id, EnvelopeId const& attachment) {
    return must(of(id).find(attachment)).state;
  }
  std::size_t files(std::string const& id) {
    std::size_t out = 0;
    for (auto const& entry : fs::recursive_directory_iterator(directory(id)))
      if (entry.is_regular_file()) ++out;
    return out;
  }
  void operate(OperateRequest request) {
    Result<OperateResult> out = fail(Code::kInternal, "test");
    operations.at("AA")->operate(std::move(request),
                                 [&](Result<OperateResult> r) { out = std::move(r); });
    must(std::move(out));
  }
};

TEST(Attachments, EverySizeReachesThoseWhoMayHaveTheItem) {
  World world({"AA", "BB", "CC"});
  auto const item = world.share({"BB"});
  std::vector<std::pair<EnvelopeId, Bytes>> sent;
  for (std::size_t const size :
       {std::size_t{0}, std::size_t{1}, kChunk - 1, kChunk, kChunk + 1, 3 * kChunk + 5})
    sent.emplace_back(must(world.attach(item.id, pattern(size))), pattern(size));
  world.settle();
  for (auto const& [id, bytes] : sent) EXPECT_EQ(world.state("BB", id), AttachmentState::kWaiting);
  EXPECT_EQ(world.fetch("BB"), 1U + 1 + 1 + 1 + 2 + 4);
  for (auto const& [id, bytes] : sent) {
    EXPECT_EQ(world.state("BB", id), AttachmentState::kHeld);
    EXPECT_EQ(world.contents("BB", id), bytes);
    EXPECT_EQ(world.contents("AA", id), bytes);
    // Who may not have the item learns nothing of it, and gets no byte.
    EXPECT_EQ(world.of("CC").find(id).error().code, Code::kNotFound);
    auto const root = must(world.of("AA").find(id)).about.root;
    auto const refused = world.of("AA").serve(world.node("CC").id(), root, 0, 0, 10);
    auto const unknown = world.of("AA").serve(world.node("CC").id(), Hash(), 0, 0, 10);
    EXPECT_EQ(refused.error(), unknown.error());
    EXPECT_EQ(refused.error().code, Code::kNotFound);
    // Nor from one who only received it.
    EXPECT_EQ(world.of("BB").serve(world.node("CC").id(), root, 0, 0, 10).error(), unknown.error());
    EXPECT_EQ(world.of("BB").serve(world.node("AA").id(), root, 0, 0, 10).error(), unknown.error());
  }
  EXPECT_EQ(must(world.of("BB").list(item.id)).size(), 6U);
  EXPECT_EQ(must(world.of("CC").list(item.id)).size(), 0U);
  EXPECT_EQ(world.files("CC"), 0U);
}

TEST(Attachments, AKillLosesNoChunkThatWasKept) {
  World world({"AA", "BB"});
  auto const item = world.share({"BB"});
  auto const bytes = pattern(5 * kChunk + 100);
  auto const id = must(world.attach(item.id, bytes));
  world.settle();
  EXPECT_EQ(world.fetch("BB", 3), 3U);
  world.restart("BB");
  world.work("BB");
  EXPECT_EQ(must(world.of("BB").find(id)).chunks_held, 3U);
  // The end of the part was not yet on the disk as it should be: that chunk comes again.
  auto const part = world.directory("BB") / "part" / codec::to_hex(id.view());
  {
    std::fstream file(part, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(2 * ChunkPlan::kSealedChunkBytes + 10));
    file.write("XXXX", 4);
    file.seekp(0, std::ios::end);
    file.write("half a chunk", 12);
  }
  world.restart("BB");
  world.work("BB");
  EXPECT_EQ(world.fetch("BB"), 4U);
  EXPECT_EQ(world.contents("BB", id), bytes);
  // And nothing is fetched twice.
  world.restart("BB");
  world.work("BB");
  EXPECT_EQ(world.fetch("BB"), 0U);
  EXPECT_EQ(world.files("BB"), 1U);
}

TEST(Attachments, AFileThatIsGoneFromTheDiskComesAgain) {
  World world({"AA", "BB"});
  auto const item = world.share({"BB"});
  auto const id = must(world.attach(item.id, pattern(10)));
  world.settle();
  EXPECT_EQ(world.fetch("BB"), 1U);
  fs::remove_all(world.directory("BB"));
  EXPECT_EQ(world.state("BB", id), AttachmentState::kUnavailable);
  world.restart("BB");
  world.work("BB");
  EXPECT_EQ(world.fetch("BB"), 1U);
  EXPECT_EQ(world.contents("BB", id), pattern(10));
  // With the originator, who has no one to ask, it is lost, and says so.
  fs::remove_all(world.directory("AA"));
  world.restart("AA");
  EXPECT_EQ(world.state("AA", id), AttachmentState::kUnavailable);
  auto const root = must(world.of("AA").find(id)).about.root;
  EXPECT_EQ(world.of("AA").serve(world.node("BB").id(), root, 0, 0, 9).error().code,
            Code::kUnavailable);
}

TEST(Attachments, WhatIsNotThatChunkIsNotKept) {
  World world({"AA", "BB"});
  auto const item = world.share({"BB"});
  auto const one = must(world.attach(item.id, pattern(2 * kChunk + 5)));
  auto const two = must(world.attach(item.id, pattern(2 * kChunk + 5, 2)));
  world.settle();
  auto const want = must(world.of("BB").next_wanted(world.node("AA").id()));
  ASSERT_TRUE(want);
  auto const id = want->id, other = want->id == one ? two : one;
  auto const peer = world.node("BB").id();
  auto const full = [&](Hash const& root, std::uint32_t chunk) {
    return must(world.of("AA").serve(peer, root, chunk, 0, UINT32_MAX));
  };
  auto const good = full(want->root, 0), next = full(want->root, 1);
  auto const foreign = full(must(world.of("AA").find(other)).about.root, 0);
  auto& bb = world.of("BB");
  EXPECT_EQ(bb.keep(id, 0, foreign.data, foreign.proof).error().code, Code::kRejected);
  EXPECT_EQ(bb.keep(id, 0, next.data, next.proof).error().code, Code::kRejected);
  EXPECT_EQ(bb.keep(id, 0, good.data, {}).error().code, Code::kRejected);
  EXPECT_EQ(bb.keep(id, 1, next.data, next.proof).error().code, Code::kConflict);
  auto flipped = good.data;
  flipped[77] ^= 1;
  EXPECT_EQ(bb.keep(id, 0, flipped, good.proof).error().code, Code::kRejected);
  auto cut = good.data;
  cut.pop_back();
  EXPECT_EQ(bb.keep(id, 0, cut, good.proof).error().code, Code::kRejected);
  EXPECT_EQ(must(bb.find(id)).chunks_held, 0U);
  EXPECT_TRUE(bb.keep(id, 0, good.data, good.proof));
  EXPECT_EQ(bb.keep(id, 0, good.data, good.proof).error().code, Code::kConflict);
  EXPECT_EQ(must(bb.find(id)).chunks_held, 1U);
  // Ranges that are none.
  EXPECT_EQ(world.of("AA").serve(peer, want->root, 3, 0, 1).error().code, Code::kOutOfRange);
  EXPECT_EQ(world.of("AA").serve(peer, want->root, 2, 21, 1).error().code, Code::kOutOfRange);
}

TEST(Attachments, AnOriginatorThatLiesAboutAFileIsGivenUp) {
  World world({"AA", "BB"});
  auto const item = world.share({"BB"});
  // Describes contents that the chunks don't have.
  auto const upload = must(world.of("AA").begin({item.id, "f", "text/plain", 0}));
  must(upload->write(as_bytes("hello")));
  must(upload->finish());
  Attachment about = upload->about();
  about.sha256 = Hash();
  ShareRequest request = share_request({"BB"}, "");
  request.kind = envelope::Kind::kAttachment;
  request.media_type = kAttachmentMediaType;
  request.body = encode(about);
  request.lineage = {item.digest};
  auto const id = must(world.node("AA").share(request)).id;
  world.settle();
  auto const want = must(world.of("BB").next_wanted(world.node("AA").id()));
  must(world.fetch_chunk("BB", *want));
  EXPECT_EQ(world.of("BB").settle(id).error().code, Code::kRejected);
  EXPECT_EQ(world.state("BB", id), AttachmentState::kUnavailable);
  world.restart("BB");
  world.work("BB");
  EXPECT_EQ(world.fetch("BB"), 0U);
  EXPECT_EQ(world.files("BB"), 0U);
}

TEST(Attachments, BadChunksAreAskedForAFewTimesOnly) {
  World world({"AA", "BB"});
  auto const item = world.share({"BB"});
  auto const id = must(world.attach(item.id, pattern(5)));
  world.settle();
  int tries = 0;
  for (; tries < 100; ++tries) {
    world.community.clock.advance(3'600'000);
    auto const want = must(world.of("BB").next_wanted(world.node("AA").id()));
    if (!want) break;
    Bytes const junk(want->plan.sealed_bytes(0));
    auto const kept = world.of("BB").keep(want->id, 0, junk, {});
    world.of("BB").postpone(want->id, kept.error());
    EXPECT_FALSE(must(world.of("BB").next_wanted(world.node("AA").id())));  // not at once
  }
  EXPECT_EQ(tries, 5);
  EXPECT_EQ(world.state("BB", id), AttachmentState::kUnavailable);
}

TEST(Attachments, ARecallTakesTheFileWithIt) {
  World world({"AA", "BB", "CC"});
  auto const item = world.share({"BB", "CC"});
  auto const id = must(world.attach(item.id, pattern(3 * kChunk)));
  world.settle();
  EXPECT_EQ(world.fetch("BB"), 3U);
  EXPECT_EQ(world.fetch("CC", 1), 1U);
  auto const root = must(world.of("AA").find(id)).about.root;
  world.operate({item.id, OperationKind::kRecall, "wrong"});
  // From that moment on nobody gets a byte, whatever he knows of it.
  EXPECT_EQ(world.of("AA").serve(world.node("CC").id(), root, 1, 0, 9).error().code,
            Code::kNotFound);
  world.settle();
  for (std::string const member : {"BB", "CC"}) {
    EXPECT_EQ(world.files(member), 0U) << member;
    EXPECT_EQ(world.of(member).find(id).error().code, Code::kNotFound);
    EXPECT_TRUE(must(world.node(member).store().log_find(id))->shredded);
    EXPECT_EQ(world.fetch(member), 0U);
  }
  auto const report = must(world.operations.at("AA")->report(item.id));
  for (auto const& member : report.members) EXPECT_TRUE(member.reply.destroyed);
  EXPECT_EQ(world.attach(item.id, pattern(1)).error().code, Code::kConflict);
  world.restart("BB");
  world.work("BB");
  EXPECT_EQ(must(world.of("BB").list(item.id)).size(), 0U);
}

TEST(Attachments, WhatComesAfterTheRecallIsDestroyedToo) {
  World world({"AA", "BB"});
  auto const item = world.share({"BB"});
  auto const id = must(world.attach(item.id, pattern(5)));
  // The recall is more urgent, and overtakes the description.
  world.operate({item.id, OperationKind::kRecall, "wrong"});
  world.settle();
  auto const record = must(world.node("BB").store().log_find(id));
  ASSERT_TRUE(record);
  EXPECT_TRUE(record->shredded);
  EXPECT_EQ(world.fetch("BB"), 0U);
  EXPECT_EQ(must(world.of("BB").list(item.id)).size(), 0U);
}

TEST(Attachments, WhoIsNarrowedOutGetsNoMore) {
  World world({"AA", "BB", "CC"});
  auto const item = world.share({"BB", "CC"});
  auto const id = must(world.attach(item.id, pattern(3 * kChunk)));
  world.settle();
  EXPECT_EQ(world.fetch("CC", 1), 1U);
  OperateRequest request{item.id, OperationKind::kNarrow, "need to know"};
  request.to = {world.node("BB").id()};
  world.operate(std::move(request));
  auto const root = must(world.of("AA").find(id)).about.root;
  EXPECT_FALSE(world.of("AA").serve(world.node("CC").id(), root, 1, 0, 9));
  world.settle();
  EXPECT_EQ(world.files("CC"), 0U);
  EXPECT_EQ(world.fetch("BB"), 3U);
  // What is attached from now on goes to those who are left.
  auto const later = must(world.attach(item.id, pattern(9)));
  world.settle();
  EXPECT_EQ(world.of("CC").find(later).error().code, Code::kNotFound);
  EXPECT_EQ(world.fetch("BB"), 1U);
}

TEST(Attachments, ARetractionHoldsAFetchAndARestoreLetsItGoOn) {
  World world({"AA", "BB"});
  auto const item = world.share({"BB"});
  auto const id = must(world.attach(item.id, pattern(2 * kChunk)));
  world.settle();
  EXPECT_EQ(world.fetch("BB", 1), 1U);
  world.operate({item.id, OperationKind::kRetract, "checking"});
  world.settle();
  EXPECT_EQ(world.fetch("BB"), 0U);
  EXPECT_EQ(world.attach(item.id, pattern(1)).error().code, Code::kConflict);
  world.operate({item.id, OperationKind::kRestore, ""});
  world.settle();
  EXPECT_EQ(world.fetch("BB"), 1U);
  EXPECT_EQ(world.contents("BB", id), pattern(2 * kChunk));
}

TEST(Attachments, AnOperatorWhoKeepsTheItemKeepsItsFiles) {
  World world({"AA", "BB"});
  world.modes["BB"] = ComplyMode::kAsk;
  world.restart("BB");
  auto const item = world.share({"BB"});
  must(world.attach(item.id, pattern(5)));
  world.settle();
  EXPECT_EQ(world.fetch("BB"), 1U);
  world.operate({item.id, OperationKind::kRecall, "wrong"});
  // Until somebody decides there is always something left to do.
  for (int i = 0; i < 3; ++i) {
    for (auto& from : world.community.nodes)
      for (auto& to : world.community.nodes)
        if (from != to) from->deliver(*to);
    world.node("BB").index_all();
    must(world.operations.at("BB")->work());
  }
  EXPECT_EQ(world.files("BB"), 1U);
  Result<void> done = fail(Code::kInternal, "test");
  world.operations.at("BB")->comply(item.id, [&](Result<void> r) { done = std::move(r); });
  must(std::move(done));
  EXPECT_EQ(world.files("BB"), 0U);
}

TEST(Attachments, TwoItemsWithOneFileKeepItUntilBothAreGone) {
  World world({"AA", "BB"});
  auto const first = world.share({"BB"}), second = world.share({"BB"});
  auto const id = must(world.attach(first.id, pattern(5)));
  // The same sealed file, described for another item.
  Attachment about = must(world.of("AA").find(id)).about;
  about.item = second.id;
  about.target = second.digest;
  ShareRequest request = share_request({"BB"}, "");
  request.kind = envelope::Kind::kAttachment;
  request.media_type = kAttachmentMediaType;
  request.body = encode(about);
  request.lineage = {second.digest};
  auto const again = must(world.node("AA").share(request)).id;
  world.settle();
  EXPECT_EQ(world.fetch("BB"), 1U);  // once
  EXPECT_EQ(world.contents("BB", again), pattern(5));
  world.operate({first.id, OperationKind::kRecall, "wrong"});
  world.settle();
  EXPECT_EQ(world.contents("BB", again), pattern(5));
  world.operate({second.id, OperationKind::kRecall, "wrong"});
  world.settle();
  EXPECT_EQ(world.files("BB"), 0U);
}

TEST(Attachments, OnlyTheOriginatorAttaches) {
  World world({"AA", "BB", "CC"});
  auto const item = world.share({"BB", "CC"});
  EXPECT_EQ(world.of("BB").begin({item.id, "f", "a/b", 0}).error().code, Code::kForbidden);
  // And what another one sends as such is refused by all.
  Attachment about;
  about.item = item.id;
  about.target = item.digest;
  about.key = crypto::Secret(Bytes(32, 1));
  about.name = "f";
  about.media_type = "a/b";
  ShareRequest request = share_request({"CC"}, "");
  request.kind = envelope::Kind::kAttachment;
  request.media_type = kAttachmentMediaType;
  request.body = encode(about);
  request.lineage = {item.digest};
  EXPECT_EQ(world.node("BB").share(request).error().code, Code::kForbidden);
  EXPECT_EQ(world.of("AA").begin({EnvelopeId(), "f", "a/b", 0}).error().code, Code::kNotFound);
  EXPECT_EQ(world.of("AA").begin({item.id, "../f", "a/b", 0}).error().where, "query.name");
}

TEST(Attachments, UploadsLeaveNothingHalfDone) {
  World world({"AA", "BB"});
  auto const item = world.share({"BB"});
  {
    auto const upload = must(world.of("AA").begin({item.id, "f", "a/b", 0}));
    must(upload->write(pattern(2 * kChunk)));
    EXPECT_EQ(world.files("AA"), 1U);
  }
  EXPECT_EQ(world.files("AA"), 0U);
  {
    auto const upload = must(world.of("AA").begin({item.id, "f", "a/b", 0}));
    must(upload->write(pattern(10)));
    must(upload->finish());  // and never shared
    EXPECT_EQ(world.files("AA"), 2U);
  }
  EXPECT_EQ(world.files("AA"), 0U);
  // What a kill left behind goes at the next start.
  std::ofstream(world.directory("AA") / "new" / "0011") << "rest";
  world.restart("AA");
  EXPECT_EQ(world.files("AA"), 0U);
  std::vector<std::shared_ptr<AttachmentUpload>> many;
  for (std::size_t i = 0; i < limits::kAttachmentUploadsMax; ++i)
    many.push_back(must(world.of("AA").begin({item.id, "f", "a/b", 0})));
  EXPECT_EQ(world.of("AA").begin({item.id, "f", "a/b", 0}).error().code, Code::kOverloaded);
  many.clear();
  EXPECT_TRUE(world.of("AA").begin({item.id, "f", "a/b", 0}));
  EXPECT_EQ(
      world.of("AA").begin({item.id, "f", "a/b", limits::kAttachmentBytesMax + 1}).error().code,
      Code::kTooLarge);
}

TEST(Attachments, AFullDiskIsSaidAndWaitedFor) {
  World world({"AA", "BB"});
  auto const item = world.share({"BB"});
  auto const id = must(world.attach(item.id, pattern(kChunk)));
  world.settle();
  world.options.free_bytes_min = 1ULL << 60;
  world.restart("AA");
  EXPECT_EQ(world.of("AA").begin({item.id, "f", "a/b", 0}).error().code, Code::kDiskFull);
  world.restart("BB");
  world.work("BB");
  EXPECT_EQ(world.fetch("BB"), 0U);
  EXPECT_EQ(world.state("BB", id), AttachmentState::kWaiting);
  EXPECT_NE(must(world.of("BB").find(id)).reason.find("disk_full"), std::string::npos);
  world.options.free_bytes_min = 0;
  world.options.peer_bytes_max = kChunk - 1;
  world.restart("BB");
  world.work("BB");
  EXPECT_EQ(world.fetch("BB"), 0U);
  EXPECT_NE(must(world.of("BB").find(id)).reason.find("overloaded"), std::string::npos);
  world.options.peer_bytes_max = kChunk;
  world.restart("BB");
  world.work("BB");
  EXPECT_EQ(world.fetch("BB"), 1U);
}

TEST(Attachments, AnItemHasABoundedNumber) {
  World world({"AA", "BB"});
  auto const item = world.share({"BB"});
  for (std::size_t i = 0; i < limits::kAttachmentsPerItemMax; ++i)
    must(world.attach(item.id, pattern(1)));
  EXPECT_EQ(world.attach(item.id, pattern(1)).error().code, Code::kOverloaded);
}

TEST(Attachments, DamageOnTheDiskIsSeen) {
  World world({"AA", "BB"});
  auto const item = world.share({"BB"});
  auto const id = must(world.attach(item.id, pattern(2 * kChunk)));
  for (auto const& entry : fs::recursive_directory_iterator(world.directory("AA"))) {
    if (!entry.is_regular_file() || entry.path().extension() == ".leaves") continue;
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(ChunkPlan::kSealedChunkBytes + 10));
    file.write("XXXX", 4);
  }
  auto const reader = must(world.of("AA").read(id));
  EXPECT_TRUE(reader->read(0, 100));
  EXPECT_EQ(reader->read(kChunk, 100).error().code, Code::kCorrupt);
}

// The index is the same with and without them, and after a restore of the log from peers they are
// known again.
TEST(Attachments, TheIndexAndARestoreKnowThem) {
  World world({"AA", "BB"});
  auto const item = world.share({"BB"});
  fs::path const backup = world.community.directory.path() / "backup";
  world.node("AA").back_up(backup);
  auto const id = must(world.attach(item.id, pattern(5)));
  world.settle();
  auto const digest = must(world.node("BB").store().index_digest());
  must(world.node("BB").store().reset_index());
  world.restart("BB");
  world.work("BB");
  EXPECT_EQ(must(world.node("BB").store().index_digest()), digest);

  world.attachments["AA"].reset();
  world.operations["AA"].reset();
  world.node("AA").restore(backup);
  world.make("AA");
  EXPECT_EQ(must(world.of("AA").list(item.id)).size(), 0U);
  world.node("AA").meet(world.node("BB"));
  world.node("AA").recover(world.node("BB"));
  EXPECT_EQ(must(world.of("AA").list(item.id)).size(), 1U);
  EXPECT_EQ(world.contents("AA", id), pattern(5));  // the file had stayed
  EXPECT_EQ(world.fetch("BB"), 1U);
}

}  // namespace
}  // namespace amic::exchange
