// Sealing to ten and opening, beside the bare libraries. Both sides take turns in short rounds and
// are timed by the processor time of this thread, so that the ratio holds on a busy machine too.
#include "base/limits.h"
#include "benchmarks/bare_seal.h"
#include "benchmarks/measure.h"
#include "benchmarks/sections.h"
#include "benchmarks/stix_data.h"
#include "envelope/envelope.h"
#include "exchange/testing.h"

namespace amic::bench {

namespace {
using exchange::testing::must;
constexpr std::size_t kRecipients = 10;
constexpr char kSection[] = "seal to ten and open";

struct Party {
  MemberId id;
  crypto::SigningKey node;
  crypto::SealKey sealing;
};

std::vector<Party> make_parties(Random& random) {
  std::vector<Party> out;
  for (std::size_t i = 0; i < kRecipients + 1; ++i)
    out.push_back({must(MemberId::parse("M" + std::to_string(10 + i))),
                   crypto::SigningKey::generate(random), crypto::SealKey::generate(random)});
  return out;
}

envelope::Contents make_contents(std::vector<Party> const& parties, std::size_t body_bytes,
                                 Random& random) {
  envelope::Contents out;
  out.community = random.fixed<CommunityId>();
  out.id = random.fixed<EnvelopeId>();
  out.originator = parties.front().id;
  out.created_ms = 1'795'000'000'000;
  marking::Marking marking;
  for (std::size_t i = 1; i < parties.size(); ++i) {
    out.recipients.push_back(parties[i].id);
    marking.rel_to.insert(parties[i].id);
  }
  out.marking = marking::encode(marking);
  out.media_type = "application/stix+json;version=2.1";
  // Text of many objects, so that it compresses as bundles do.
  if (body_bytes <= 4096) {
    out.body = to_bytes(bundle_of_size(body_bytes, random));
  } else {
    auto text = make_bundles(body_bytes / 256, body_bytes / 256, 3).front().text;
    CHECK(text.size() >= body_bytes);
    text.resize(body_bytes);
    out.body = to_bytes(text);
  }
  return out;
}

// Nanoseconds of processor time a call; `rounds` of each in turn, the median round counts.
struct Pair {
  double ours = 0, bare = 0;
};
template <class Ours, class Bare>
Pair in_turn(double round_seconds, int rounds, Ours ours, Bare bare) {
  auto const round = [round_seconds](auto& call) {
    std::size_t calls = 0;
    double const begin = thread_cpu_seconds();
    double spent = 0;
    do {
      for (int i = 0; i < 8; ++i) call();
      calls += 8;
      spent = thread_cpu_seconds() - begin;
    } while (spent < round_seconds);
    return spent / static_cast<double>(calls) * 1e9;
  };
  round(ours), round(bare);  // warm
  std::vector<double> a, b;
  for (int i = 0; i < rounds; ++i) {
    a.push_back(round(ours));
    b.push_back(round(bare));
  }
  return {percentile(a, 50), percentile(b, 50)};
}

void add(Report& report, std::string const& what, Pair const& pair) {
  report.add({kSection,
              what,
              pair.bare / pair.ours * 100,
              "% of bare",
              Bar{false, 80},
              {{"ours", 1e9 / pair.ours, "/s a core"}, {"bare", 1e9 / pair.bare, "/s a core"}}});
}
}  // namespace

void measure_seal(Settings const& settings, Report& report) {
  progress("==> seal to ten and open");
  SystemRandom random;
  auto const parties = make_parties(random);
  std::vector<envelope::Recipient> recipients;
  for (auto const& party : parties) recipients.push_back({party.id, party.sealing.public_key()});
  auto const& from = parties.front();
  auto const& to = parties.back();
  double const seconds = settings.quick ? 0.02 : 0.1;
  int const rounds = settings.quick ? 5 : 21;
  for (std::size_t const kib : {1, 64}) {
    auto const contents = make_contents(parties, kib << 10, random);
    BareSeal bare(kRecipients, 256, limits::kBodyChunkBytes);
    Bytes sealed;
    auto const size = std::to_string(kib) + " KiB";
    add(report, "seal " + size,
        in_turn(
            seconds, rounds,
            [&] {
              sealed = must(envelope::seal(contents, recipients, from.node, from.node, random));
            },
            [&] { bare.seal(contents.body); }));
    add(report, "verify and open " + size,
        in_turn(
            seconds, rounds,
            [&] {
              must(envelope::verify_outer(sealed, from.node.verify_key()));
              auto const opened =
                  must(envelope::open(sealed, to.id, to.sealing, from.node.verify_key()));
              CHECK(opened.body.size() == contents.body.size());
            },
            [&] { bare.open(); }));
  }
}

}  // namespace amic::bench
