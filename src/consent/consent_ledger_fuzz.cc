// What a node decodes as a decision, a certificate or a journal entry; and a script of statements
// for a ledger, each behind a two-byte length, in whatever order: nothing brings it down, and its
// bounds and its one-lock rule hold.
#include "base/check.h"
#include "base/limits.h"
#include "codec/codec.h"
#include "consent/ledger_testing.h"

namespace {
using namespace amic;
using namespace amic::consent;

testing::World const& world() {
  static testing::World const kWorld;
  return kWorld;
}

void script(BytesView input) {
  Ledger ledger = world().ledgers[0];
  codec::Reader in(input, "script");
  std::uint64_t number = 0;
  while (in.ok() && in.left() > 3) {
    std::size_t const who = in.u8() % 3;
    auto const kind = static_cast<StatementKind>(in.u8());
    BytesView const bytes = in.vec16(UINT16_MAX);
    auto const body = in.ok() ? decode_body(kind, bytes) : Result<Body>{fail(Code::kMalformed, "")};
    if (!body || kind == StatementKind::kHeadStatus) continue;
    if (who == 0) {
      if (auto const intent = ledger.plan(*body, testing::kStartMs))
        CHECK(ledger.remember(*intent));
    } else {
      auto const statement = testing::forge(world().founders[who], ledger, *body, number += 2);
      (void)ledger.take(encode(statement), statement.author, testing::kStartMs);
    }
  }
  std::size_t certified = 0;
  for (auto const& id : ledger.motions()) {
    CHECK(ledger.view(id));
    certified += ledger.certificate(id) ? 1 : 0;
  }
  CHECK(certified <= 1);
  for (auto const& body : ledger.due(testing::kStartMs))
    CHECK(ledger.plan(body, testing::kStartMs));
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(std::uint8_t const* data, std::size_t size) {
  if (size == 0) return 0;
  BytesView const input{data + 1, size - 1};
  if (data[0] == 0) {
    if (auto const decision = decode_decision(input)) {
      CHECK(equal(encode(*decision), input));
      auto const& community = world().ledgers[0].community();
      (void)verify_decision(*decision, community.id, community.head);
    }
  } else if (data[0] == 1) {
    if (auto const one = decode_certificate(input)) CHECK(equal(encode(*one), input));
  } else if (data[0] == 2) {
    Ledger ledger = world().ledgers[0];
    (void)ledger.replay(input);
  } else {
    script(input);
  }
  return 0;
}
