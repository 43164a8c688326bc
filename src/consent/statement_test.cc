// Canonical bytes: round trips, every field under the signature, golden bytes.
#include "consent/statement.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "codec/codec.h"
#include "codec/testing.h"
#include "consent/ledger_testing.h"

namespace amic::consent {
namespace {

using codec::testing::golden_text;
using codec::testing::hex_lines;
using testing::forge;
using testing::id_of;
using testing::World;

Hash hash_of(std::uint8_t value) {
  Hash out;
  out.data.fill(value);
  return out;
}

// One body of every kind, and motions of every kind.
std::vector<Body> all_bodies(World& w) {
  std::vector<Body> out;
  auto const joiner = testing::make_founder("DD", 40, w.random);
  testing::Founder renewed = testing::make_founder("BB", 77, w.random);
  renewed.card.root = w.founders[1].card.root;
  Card const renewed_card = sign_card(renewed.card, w.founders[1].root).value();
  NewRules rules{{1}, {}};
  rules.rules.precedence_seconds = {30, 60, 300, 3600};
  rules.rules.limits[LimitId::kBodyBytes] = 1 << 20;
  rules.rules.classes = {
      {"dates", InstrumentKind::kTor, "Article 9", 7, {MotionKind::kChair, MotionKind::kAnnounce}}};
  for (Change const& change : std::vector<Change>{
           Amend{{{InstrumentKind::kTor, 2, "Terms", 5, "# Terms\n"},
                  {InstrumentKind::kConcept, 1, "Concept", 0, "# Concept\n"}}},
           Admit{joiner.card, 2}, ReplaceKeys{renewed_card}, Leave{id_of("AA")},
           Chair{id_of("BB"), id_of("CC"), {id_of("CC"), id_of("BB"), id_of("AA")}}, rules,
           Participation{1, "Sea watch", {id_of("AA"), id_of("CC")}, "Text\n"}, Announce{"Text\n"}})
    out.push_back(w.motion(0, change));
  Hash const id = hash_of(1);
  auto const one = forge(w.founders[1], w.ledgers[0], Indication{id, View::kSupport}, 3);
  auto const two = forge(w.founders[1], w.ledgers[0], Indication{id, View::kAgainst}, 3);
  out.insert(out.end(),
             {Comment{id, "TOR, Article 3(2)", "A comment.\nIn two lines."},
              Remark{id, id_of("CC"), "Between us."}, Indication{id, View::kReserve},
              Response{id, 2, hash_of(2), Position::kAgreeWithStatement, "We note.", {}, {}, {}},
              Response{id, 0, {}, Position::kObject, {}, hash_of(3), {}, {}},
              Response{id, 0, hash_of(2), Position::kNoObjection, {}, {}, hash_of(4), "Article 9"},
              Reason{id, 1, {}, "A reason."}, RoundChange{3, hash_of(5)}, RoundChange{0, {}},
              Adoption{id, 1, hash_of(2), hash_of(9)},
              StandingConsent{"dates", InstrumentKind::kTor, "Article 9", Position::kAgree, 99, 7},
              StandingRevocation{hash_of(6)},
              HeadStatus{hash_of(7),
                         {{id_of("AA"), w.founders[0].governance.verify_key(), 4, hash_of(8)}}},
              Evidence{one, two}, Shelving{id, ShelvingAct::kShelve, "Next meeting."},
              Declaration{id, hash_of(2)}, testing::some_meeting(),
              Handover{id_of("BB"),
                       hash_of(3),
                       {{{hash_of(4), Stage::kConsultation, "Dates of exercise"},
                         {hash_of(5), Stage::kShelved, "Annex on ports"}},
                        {{hash_of(6), "Request 12: fishing vessels"}}},
                       "The file of the meeting is with the registry."},
              HandoverAccept{hash_of(7), hash_of(8), "Received."}});
  return out;
}

Signer signer_of(Body const& body) {
  return std::holds_alternative<HeadStatus>(body) ? Signer::kNode : Signer::kGovernance;
}

Statement signed_body(World& w, Body const& body) {
  std::uint64_t const seq = signer_of(body) == Signer::kNode ? 0 : 12;
  return forge(w.founders[0], w.ledgers[0], body, seq, {}, signer_of(body));
}

TEST(Statement, EveryBodySurvivesEncoding) {
  World w;
  std::set<StatementKind> kinds;
  for (auto const& body : all_bodies(w)) {
    Statement const statement = signed_body(w, body);
    Statement const back = decode_statement(encode(statement)).value();
    EXPECT_EQ(back, statement);
    EXPECT_EQ(body_of(back).value(), body);
    Statement const stub = decode_stub(encode_stub(statement)).value();
    EXPECT_EQ(statement_digest(stub), statement_digest(statement));
    auto const& c = w.ledgers[0].community();
    EXPECT_TRUE(verify_statement(stub, c.id, c.head, c.head_digest));
    kinds.insert(statement.kind);
  }
  EXPECT_EQ(kinds.size(), std::variant_size_v<Body>);
}

TEST(Statement, EveryFlippedByteIsRefused) {
  World w;
  auto const& c = w.ledgers[0].community();
  for (auto const& body : all_bodies(w)) {
    Bytes const good = encode(signed_body(w, body));
    for (std::size_t i = 0; i < good.size(); ++i)
      for (std::uint8_t const flip : {0x01, 0x80}) {
        Bytes bad = good;
        bad[i] ^= flip;
        auto const back = decode_statement(bad);
        ASSERT_FALSE(back && verify_statement(*back, c.id, c.head, c.head_digest))
            << statement_kind_name(kind_of(body)) << ", byte " << i;
      }
    for (std::size_t size = 0; size < good.size(); ++size)
      ASSERT_FALSE(decode_statement(BytesView{good}.first(size)));
  }
}

// What is hashed of two different things is different: each body decodes to itself only.
TEST(Statement, NoTwoBodiesShareTheirBytes) {
  World w;
  auto const bodies = all_bodies(w);
  std::set<Bytes> seen;
  for (auto const& body : bodies) EXPECT_TRUE(seen.insert(encode_body(body)).second);
}

RC_GTEST_PROP(StatementProperty, WhatDecodesEncodesToTheSameBytes, ()) {
  World w;
  auto const bodies = all_bodies(w);
  auto const& body = bodies[*rc::gen::inRange<std::size_t>(0, bodies.size())];
  Bytes bytes = encode_body(body);
  auto const edits = *rc::gen::inRange(1, 5);
  for (int i = 0; i < edits; ++i)
    bytes[*rc::gen::inRange<std::size_t>(0, bytes.size())] = *rc::gen::arbitrary<std::uint8_t>();
  auto const back = decode_body(kind_of(body), bytes);
  if (back) RC_ASSERT(encode_body(*back) == bytes);
}

RC_GTEST_PROP(StatementProperty, DifferentWordsHaveDifferentNames, ()) {
  World w;
  auto const bodies = all_bodies(w);
  Statement a = signed_body(w, bodies[*rc::gen::inRange<std::size_t>(0, bodies.size())]);
  Statement b = a;
  switch (*rc::gen::inRange(0, 6)) {
    case 0:
      b.epoch += *rc::gen::inRange<std::uint64_t>(1, 1000);
      break;
    case 1:
      b.head.data[*rc::gen::inRange<std::size_t>(0, 32)] ^= 1;
      break;
    case 2:
      b.author = id_of("CC");
      break;
    case 3:
      b.author_seq += 1;
      break;
    case 4:
      b.created_ms += 1;
      break;
    default:
      b.body_sha256.data[*rc::gen::inRange<std::size_t>(0, 32)] ^= 4;
      break;
  }
  RC_ASSERT(statement_digest(a) != statement_digest(b));
  RC_ASSERT(signed_message(a) != signed_message(b));
}

TEST(Statement, WordsAreBoundToTheirPurpose) {
  World w;
  Hash const id = hash_of(1);
  // The keys that are not for it.
  EXPECT_FALSE(decode_statement(
      encode(forge(w.founders[0], w.ledgers[0], Indication{id}, 1, {}, Signer::kRoot))));
  EXPECT_FALSE(decode_statement(
      encode(forge(w.founders[0], w.ledgers[0], Adoption{id, 0, id, id}, 1, {}, Signer::kNode))));
  EXPECT_FALSE(decode_statement(encode(forge(w.founders[0], w.ledgers[0], HeadStatus{}, 1))));
  // A press and a statement are in different domains.
  Statement const s = forge(w.founders[0], w.ledgers[0], Indication{id}, 1);
  EXPECT_FALSE(crypto::verify_in_domain(w.founders[0].governance.verify_key(), "amic/press/v1",
                                        signed_message(s), s.signature));
}

TEST(Statement, PositionsCarryWhatTheySayAndNoMore) {
  Hash const id = hash_of(1);
  for (Response const& bad : std::vector<Response>{
           {id, 0, {}, Position::kAgree, {}, {}, {}, {}},                       // no next head
           {id, 0, hash_of(2), Position::kObject, {}, {}, {}, {}},              // one too many
           {id, 0, hash_of(2), Position::kAgreeWithStatement, {}, {}, {}, {}},  // no text
           {id, 0, hash_of(2), Position::kAgree, "text", {}, {}, {}},           // a text
           {id, 0, hash_of(2), Position::kAgree, {}, hash_of(3), {}, {}},       // a reason
           {id, 0, hash_of(2), Position::kAgree, {}, {}, hash_of(3), {}},       // no clause
           {id, 0, {}, Position::kObject, {}, {}, hash_of(3), "Article 9"},     // objects ahead
           {id, 1000, hash_of(2), Position::kAgree, {}, {}, {}, {}}})
    EXPECT_FALSE(decode_body(StatementKind::kResponse, encode_body(bad)));
}

TEST(JoinAccept, EveryFlippedByteIsRefused) {
  World w;
  auto const joiner = testing::make_founder("DD", 40, w.random);
  JoinAccept const accept = sign_join_accept({w.ledgers[0].community().id,
                                              0,
                                              w.head_hash(),
                                              hash_of(1),
                                              fingerprint(joiner.card),
                                              5,
                                              {},
                                              {}},
                                             joiner.root, joiner.governance);
  auto const check = [&](JoinAccept const& a) {
    return verify_join_accept(a, w.ledgers[0].community().id, 0, w.head_hash(), hash_of(1),
                              joiner.card);
  };
  EXPECT_TRUE(check(accept));
  EXPECT_EQ(join_accept_from_text(to_text(accept)).value(), accept);
  Bytes const good = encode(accept);
  for (std::size_t i = 0; i < good.size(); ++i) {
    Bytes bad = good;
    bad[i] ^= 1;
    auto const back = decode_join_accept(bad);
    EXPECT_FALSE(back && check(*back)) << i;
  }
}

// ---- golden bytes
// ---------------------------------------------------------------------------------

std::string name_of(Body const& body, int number) {
  if (auto const* motion = std::get_if<Motion>(&body))
    return "motion-" + std::string{motion_kind_name(motion->kind())} + "-v1.hex";
  return std::string{statement_kind_name(kind_of(body))} + "-" + std::to_string(number) + "-v1.hex";
}

TEST(ConsentGolden, StatementsOfEveryKind) {
  World w;
  std::map<StatementKind, int> numbers;
  for (auto const& body : all_bodies(w)) {
    std::string const fresh = hex_lines(encode(signed_body(w, body)));
    std::string const name = name_of(body, ++numbers[kind_of(body)]);
    EXPECT_EQ(golden_text("consent/" + name, fresh), fresh) << name;
  }
}

TEST(ConsentGolden, DecisionHeadAndJoinAccept) {
  World w;
  NewRules rules{{1}, {}};
  rules.rules.classes = {{"dates", InstrumentKind::kTor, "Article 9", 7, {MotionKind::kAnnounce}}};
  std::string const decision = hex_lines(encode(w.decide(w.motion(0, rules))));
  EXPECT_EQ(golden_text("consent/decision-v1.hex", decision), decision);
  std::string const head = hex_lines(encode(w.head()));
  EXPECT_EQ(golden_text("consent/head-v2.hex", head), head);
  auto const joiner = testing::make_founder("DD", 40, w.random);
  std::string const accept = hex_lines(encode(sign_join_accept({w.ledgers[0].community().id,
                                                                1,
                                                                w.head_hash(),
                                                                hash_of(1),
                                                                fingerprint(joiner.card),
                                                                5,
                                                                {},
                                                                {}},
                                                               joiner.root, joiner.governance)));
  EXPECT_EQ(golden_text("consent/join-accept-v1.hex", accept), accept);
}

}  // namespace
}  // namespace amic::consent
