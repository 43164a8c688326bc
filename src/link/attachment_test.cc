// Files over links: what goes over the wire, in which order it is asked for, and that nothing is
// given to those who may not have it.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>

#include "codec/codec.h"
#include "exchange/testing.h"
#include "link/attachment_window.h"
#include "link/attachment_wire.h"
#include "link/link.h"
#include "link/wire.h"

namespace amic::link {
namespace {

using exchange::Attachments;
using exchange::AttachmentState;
using exchange::ChunkPlan;
using exchange::testing::must;
using exchange::testing::TestCommunity;
using exchange::testing::TestNode;

constexpr std::size_t kChunk = limits::kAttachmentChunkBytes;

// ---- Wire -------------------------------------------------------------------------------------

TEST(ChunkPieceFormat, GoldenBytesNeverChange) {
  std::ifstream file(std::string(AMIC_SOURCE_DIR) + "/tests/compat/link/chunk-piece-v1.hex");
  std::string hex;
  file >> hex;
  auto const golden = codec::from_hex(hex).value();
  ChunkPiece piece;
  piece.chunk = 1;
  piece.offset = 16;
  piece.proof.resize(2);
  piece.proof[0].data.fill(0x11);
  piece.proof[1].data.fill(0x22);
  piece.data = as_bytes("data");
  EXPECT_EQ(codec::to_hex(encode(piece)), hex);
  auto const back = decode_piece(golden).value();
  EXPECT_EQ(encode(back), golden);
}

TEST(ChunkPieceFormat, NothingElseIsTaken) {
  ChunkPiece piece;
  piece.data = as_bytes("data");
  Bytes const good = encode(piece);
  EXPECT_TRUE(decode_piece(good));
  for (std::size_t size = 0; size < good.size() - 3; ++size)
    EXPECT_FALSE(decode_piece(BytesView(good).first(size))) << size;
  auto const changed = [](auto const& change) {
    ChunkPiece bad;
    Bytes const data(5, 1);
    bad.data = data;
    change(bad);
    auto const decoded = decode_piece(encode(bad));
    return decoded ? std::string() : std::string(code_name(decoded.error().code));
  };
  EXPECT_EQ(changed([](auto&) {}), "");
  EXPECT_EQ(changed([](auto& p) { p.wait_ms = 5; }), "malformed");
  EXPECT_EQ(changed([](auto& p) { p.data = {}; }), "malformed");
  EXPECT_EQ(changed([](auto& p) { p.wait_ms = 60'001; }), "out_of_range");
  EXPECT_EQ(changed([](auto& p) { p.chunk = 2048; }), "out_of_range");
  EXPECT_EQ(changed([](auto& p) { p.offset = kChunk + 12; }), "out_of_range");
  EXPECT_EQ(changed([](auto& p) { p.proof.resize(12); }), "too_large");
}

TEST(ChunkPieceFormat, RequestsRoundTripAndAreBounded) {
  PieceRequest request{Hash(), 2047, 5, 100};
  request.root.data.fill(0xAB);
  auto const target = net::parse_target(encode_target(request)).value();
  ASSERT_EQ(target.segments.size(), 4U);
  EXPECT_EQ(decode_piece_request(target.segments[3], target).value(), request);
  std::string const root(64, 'a');
  for (std::string const query :
       {"", "?chunk=0&offset=0", "?chunk=-1&offset=0&size=1", "?chunk=2048&offset=0&size=1",
        "?chunk=0&offset=1048592&size=1", "?chunk=0&offset=0&size=0",
        "?chunk=0&offset=0&size=1048593", "?chunk=0x1&offset=0&size=1",
        "?chunk=0&offset=0&size=99999999999999999999"})
    EXPECT_FALSE(decode_piece_request(root, net::parse_target("/x" + query).value())) << query;
  auto const fine = net::parse_target("/x?chunk=0&offset=0&size=1").value();
  for (std::string const bad : {std::string(63, 'a'), std::string(64, 'g'), std::string()})
    EXPECT_FALSE(decode_piece_request(bad, fine));
}

// ---- Window -----------------------------------------------------------------------------------

// Whatever is lost, cut short or comes in another order: every byte comes once, chunks in order.
TEST(ChunkWindow, GivesEveryChunkWholeAndInOrder) {
  auto const byte_at = [](std::uint32_t chunk, std::size_t i) {
    return static_cast<std::uint8_t>(chunk * 7 + i * 31 + i / 255);
  };
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SeededRandom random(seed);
    ChunkPlan const plan(random.below(4 * kChunk));
    auto next = static_cast<std::uint32_t>(random.below(plan.count()));
    ChunkWindow window(plan, next, plan.count());
    std::vector<ChunkWindow::Piece> under_way;
    while (!window.done()) {
      while (auto const whole = window.pop()) {
        ASSERT_EQ(whole->index, next++);
        ASSERT_EQ(whole->bytes.size(), plan.sealed_bytes(whole->index));
        for (std::size_t i = 0; i < whole->bytes.size(); ++i)
          ASSERT_EQ(whole->bytes[i], byte_at(whole->index, i));
        ASSERT_EQ(whole->proof.size(), 1U);
      }
      if (window.done()) break;
      if (window.has_more() && (under_way.empty() || random.below(2) == 0)) {
        auto const piece = window.next(100'000 + random.below(1'900'000));
        ASSERT_TRUE(piece.has_value());
        ASSERT_LT(piece->chunk, next + 2);
        under_way.push_back(*piece);
        continue;
      }
      ASSERT_FALSE(under_way.empty());
      auto const at = static_cast<std::ptrdiff_t>(random.below(under_way.size()));
      auto const piece = under_way[static_cast<std::size_t>(at)];
      under_way.erase(under_way.begin() + at);
      if (random.below(8) == 0) {
        window.lost(piece);
        continue;
      }
      Bytes data(piece.size - random.below(piece.size / 2 + 1));
      for (std::size_t i = 0; i < data.size(); ++i)
        data[i] = byte_at(piece.chunk, piece.offset + i);
      ASSERT_TRUE(window.take(piece, data, {Hash()}));
    }
    ASSERT_EQ(next, plan.count());
  }
}

TEST(ChunkWindow, TakesNoMoreThanWasAskedFor) {
  ChunkWindow window(ChunkPlan(3 * kChunk), 0, 3);
  auto const piece = *window.next(1000);
  EXPECT_FALSE(window.take(piece, Bytes(1001), {}));
  EXPECT_FALSE(window.take(piece, {}, {}));
  EXPECT_FALSE(window.take({2, 0, 1000}, Bytes(10), {}));  // never asked for
  EXPECT_TRUE(window.take(piece, Bytes(1000), {}));
  EXPECT_FALSE(window.pop());
}

// ---- Links ------------------------------------------------------------------------------------

bool eventually(std::function<bool()> const& holds) {
  for (int i = 0; i < 12'000; ++i) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

// Moved by a test while others read it.
class StepClock final : public Clock {
 public:
  UnixMs now_ms() const override { return now_ms_; }
  void advance(UnixMs by_ms) { now_ms_ += by_ms; }

 private:
  std::atomic<UnixMs> now_ms_ = ManualClock().now_ms();
};

// A node with its link, its files and an index that follows.
struct Sharing {
  TestNode& node;
  StepClock files_clock;
  SystemRandom random;
  tlog::Witness witness;
  net::Runtime runtime{2};
  net::WorkerPool workers{2, 256};
  obs::Metrics metrics;
  exchange::Operations operations;
  std::unique_ptr<Attachments> attachments;
  std::unique_ptr<LinkService> link;

  Sharing(TestNode& of, Clock const& clock, std::filesystem::path directory, Options options = {})
      : node(of),
        witness(of.store(), of.log(), tlog::cosigner_name(of.exchange().community().id, of.id()),
                of.keys().cosigner, clock),
        operations(of.exchange(), of.store(), clock, exchange::ComplyMode::kAuto) {
    attachments = must(Attachments::open(
        {of.exchange(), of.store(), of.committer(), operations, files_clock, random},
        {std::move(directory), 0, 0}));
    options.tls_seed = to_bytes(of.keys().tls.seed());
    options.backoff_min_ms = 20;
    options.backoff_max_ms = 200;
    options.witness_interval_ms = 50;
    options.probe_interval_ms = 100;
    options.attachment_tick_ms = 5;
    runtime.start();
    link = must(LinkService::create({runtime, workers, of.exchange(), of.log(), witness, clock,
                                     random, metrics, nullptr, nullptr, attachments.get()},
                                    options));
  }
  ~Sharing() {
    link->stop();
    runtime.stop();
  }
  void knows(Sharing& peer) {
    must(link->set_address(peer.node.id(), {"https", "127.0.0.1", peer.link->port()}));
  }
  void index() {
    node.index_all();
    attachments->poke();
  }
};

struct AttachmentLinkTest : testing::Test {
  TestCommunity community{{"BN", "MY", "SG"}};
  TestNode& bn = community.node("BN");
  TestNode& my = community.node("MY");
  TestNode& sg = community.node("SG");

  std::unique_ptr<Sharing> up(TestNode& node, Options options = {}) {
    return std::make_unique<Sharing>(node, community.clock,
                                     community.directory.path() / (node.id().str() + "-files"),
                                     std::move(options));
  }
  static Bytes pattern(std::size_t size) {
    Bytes out(size);
    for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<std::uint8_t>(i * 31 + i / 257);
    return out;
  }
  // An item from BN to MY that is indexed at both, with a file.
  EnvelopeId attach(Sharing& from, Sharing& to, BytesView contents) {
    auto const before = must(to.node.store().log_size());
    auto const item = must(from.node.share(exchange::testing::share_request(
        {"MY"}, exchange::testing::indicator_bundle(community.random, "x"))));
    from.index();
    auto const upload = must(from.attachments->begin({item.id, "f.bin", "a/b", 0}));
    must(upload->write(contents));
    must(upload->finish());
    Result<exchange::ShareResult> shared = fail(Code::kInternal, "test");
    from.attachments->share(upload, {}, {},
                            [&](Result<exchange::ShareResult> r) { shared = std::move(r); });
    EXPECT_TRUE(eventually([&] { return must(to.node.store().log_size()) >= before + 2; }));
    to.index();
    return must(std::move(shared)).id;
  }
  static bool held(Sharing& at, EnvelopeId const& id) {
    auto const info = at.attachments->find(id);
    return info && info->state == AttachmentState::kHeld;
  }
  Result<net::Response> ask(crypto::SigningKey const& tls, Sharing& server,
                            std::string const& target) {
    net::Runtime runtime(1);
    runtime.start();
    net::ClientOptions options;
    options.tls = net::TlsIdentity{to_bytes(tls.seed()), "amic"};
    options.server_key = [](net::PublicKey32 const&) { return true; };
    auto const client = must(net::Client::create(runtime, options));
    net::Request request;
    request.target = target;
    return client->call({"https", "127.0.0.1", server.link->port()}, std::move(request), 30'000);
  }
};

TEST_F(AttachmentLinkTest, AFileArrivesWholeAndStrangersGetTheSameAsForNone) {
  auto const from = up(bn), to = up(my);
  from->knows(*to);
  to->knows(*from);
  from->link->start();
  to->link->start();
  auto const bytes = pattern(5 * kChunk + 77);
  auto const id = attach(*from, *to, bytes);
  ASSERT_TRUE(eventually([&] { return held(*to, id); }));
  auto const reader = must(to->attachments->read(id));
  Bytes got;
  while (got.size() < bytes.size())
    append(got, as_bytes(must(reader->read(got.size(), UINT64_MAX))));
  EXPECT_EQ(got, bytes);

  auto const root = must(from->attachments->find(id)).about.root;
  PieceRequest const request{root, 0, 0, 100};
  auto const mine = must(ask(my.keys().tls, *from, encode_target(request)));
  EXPECT_EQ(mine.status, 200);
  auto const known = must(ask(sg.keys().tls, *from, encode_target(request)));
  auto const unknown = must(ask(sg.keys().tls, *from, encode_target({Hash(), 0, 0, 100})));
  EXPECT_EQ(known.status, 404);
  EXPECT_EQ(known.status, unknown.status);
  EXPECT_EQ(known.body, unknown.body);
  EXPECT_EQ(must(ask(my.keys().tls, *from, encode_target({root, 6, 0, 9}))).status, 400);
}

TEST_F(AttachmentLinkTest, ManyFilesComeInTurn) {
  auto const from = up(bn), to = up(my);
  from->knows(*to);
  to->knows(*from);
  from->link->start();
  to->link->start();
  std::vector<EnvelopeId> ids;
  for (std::size_t const size : {std::size_t{0}, 20 * kChunk, std::size_t{1}, kChunk, kChunk + 1})
    ids.push_back(attach(*from, *to, pattern(size)));
  for (EnvelopeId const& id : ids) EXPECT_TRUE(eventually([&] { return held(*to, id); }));
}

// A peer that answers with anything else than what was asked for gets nothing kept.
TEST_F(AttachmentLinkTest, AHostilePeerIsGivenUp) {
  auto const to = up(my);
  // BN's own server, but for its files.
  auto hostile =
      std::make_unique<Sharing>(bn, community.clock, community.directory.path() / "BN-files");
  auto const id = [&] {
    hostile->knows(*to);
    to->knows(*hostile);
    hostile->link->start();
    return attach(*hostile, *to, pattern(2 * kChunk));
  }();
  hostile.reset();
  // Every byte that lies there is another one now; the hashes are as before.
  for (auto const& entry :
       std::filesystem::recursive_directory_iterator(community.directory.path() / "BN-files")) {
    if (!entry.is_regular_file() || entry.path().extension() == ".leaves") continue;
    std::ofstream(entry.path(), std::ios::binary) << std::string(2 * (kChunk + 16), 'x');
  }
  auto const liar = up(bn);
  to->knows(*liar);
  liar->knows(*to);
  liar->link->start();
  to->link->start();
  EXPECT_TRUE(eventually([&] {
    to->files_clock.advance(3'600'000);
    return must(to->attachments->find(id)).state == AttachmentState::kUnavailable;
  }));
  EXPECT_EQ(must(to->attachments->find(id)).chunks_held, 0U);
}

TEST_F(AttachmentLinkTest, TheCapOfALinkIsOneForFilesToo) {
  Options capped;
  capped.send_bytes_per_second[my.id()] = 4'000'000;
  auto const from = up(bn, capped), to = up(my);
  from->knows(*to);
  to->knows(*from);
  from->link->start();
  to->link->start();
  auto const begin = std::chrono::steady_clock::now();
  auto const id = attach(*from, *to, pattern(12 * kChunk));
  ASSERT_TRUE(eventually([&] { return held(*to, id); }));
  auto const took = std::chrono::steady_clock::now() - begin;
  // A second's worth may come at once, then the rate: it can't be faster than this.
  EXPECT_GE(took, std::chrono::milliseconds(1'900));
}

}  // namespace
}  // namespace amic::link
