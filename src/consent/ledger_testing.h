// A community of ledgers in one process, for tests: everybody's keys, and statements that go to all
// or to some. Not for production.
#pragma once

#include <set>

#include "consent/ledger.h"
#include "consent/testing.h"

namespace amic::consent::testing {

inline MemberId id_of(std::string_view text) {
  return MemberId::parse(text).value();
}

// How the keeper of this member's keys signs.
inline crypto::SigningKey const& key_of(Founder const& founder, Signer signer) {
  return signer == Signer::kRoot   ? founder.root
         : signer == Signer::kNode ? founder.node
                                   : founder.governance;
}

struct World {
  SeededRandom random{7};
  std::vector<Founder> founders;
  Transcript transcript;
  std::vector<Ledger> ledgers;
  std::vector<Bytes> decisions;
  UnixMs now = kStartMs + 1000;

  explicit World(std::vector<std::string> const& ids = {"AA", "BB", "CC"}) {
    founders = make_founders(ids, random);
    transcript = make_transcript(founders);
    for (auto const& founder : founders) {
      ledgers.emplace_back(community_of(transcript).value(), founder.card.member);
      ledgers.back().begin({}, 0);
    }
  }
  std::size_t size() const { return ledgers.size(); }
  Head const& head(std::size_t i = 0) const { return ledgers[i].community().head; }
  Hash head_hash(std::size_t i = 0) const { return ledgers[i].community().head_digest; }

  Motion motion(std::size_t proposer, Change change, std::string title = "A motion") {
    Motion out;
    out.head = head_hash(proposer);
    out.proposer = founders[proposer].card.member;
    out.title = std::move(title);
    out.proposed_ms = ++now;
    for (auto const& card : head(proposer).members) out.entitled.push_back(card.member);
    out.change = std::move(change);
    return out;
  }
  Motion announcement(std::size_t proposer, std::string text) {
    return motion(proposer, Announce{text + "\n"}, text);
  }

  // The whole way from wish to signed statement, in the order of the contract.
  Result<Statement> say_alone(std::size_t i, Body const& body) {
    AMIC_TRY(Intent const intent, ledgers[i].plan(body, ++now));
    AMIC_TRY(Pending const pending, ledgers[i].remember(intent));
    auto const& key = key_of(founders[i], pending.statement().signer);
    return ledgers[i].seal(pending, key.sign(pending.message()));
  }
  Result<Taken> give(std::size_t to, Statement const& statement) {
    return ledgers[to].take(encode(statement), statement.author, now);
  }
  // To all others.
  Result<Statement> say(std::size_t i, Body const& body) {
    AMIC_TRY(Statement const statement, say_alone(i, body));
    for (std::size_t to = 0; to < size(); ++to)
      if (to != i) AMIC_TRY_VOID(give(to, statement));
    return statement;
  }
  Hash propose(std::size_t i, Motion const& motion) {
    say(i, motion).value();
    return motion_id(motion);
  }
  Result<Statement> respond(std::size_t i, Hash const& id, Position position = Position::kAgree,
                            std::string text = {}) {
    AMIC_TRY(Response const response, ledgers[i].response_to(id, position, std::move(text)));
    return say(i, response);
  }
  Result<Statement> adopt(std::size_t i, Hash const& id) {
    AMIC_TRY(Adoption const adoption, ledgers[i].adoption_of(id));
    return say(i, adoption);
  }
  // Everybody in favour, everybody adopts, everybody moves on.
  Decision decide(Motion const& motion, std::size_t proposer = 0) {
    Hash const id = propose(proposer, motion);
    for (std::size_t i = 0; i < size(); ++i) respond(i, id).value();
    for (std::size_t i = 0; i < size(); ++i) adopt(i, id).value();
    return advance_all(id);
  }
  Decision advance_all(Hash const& id) {
    Decision const decision = ledgers[0].certificate(id).value();
    decisions.push_back(encode(decision));
    for (auto& ledger : ledgers) ledger.advance(decision).value();
    return decision;
  }
};

// A statement that no ledger would plan: for members that break the rules.
inline Statement forge(Founder const& author, Ledger const& on, Body const& body, std::uint64_t seq,
                       Hash const& previous = {}, Signer signer = Signer::kGovernance) {
  Statement out;
  out.community = on.community().id;
  out.epoch = on.community().head.epoch;
  out.head = on.community().head_digest;
  out.author = author.card.member;
  out.signer = signer;
  out.author_seq = seq;
  out.previous = previous;
  out.created_ms = kStartMs + static_cast<UnixMs>(seq);
  out.kind = kind_of(body);
  out.body = encode_body(body);
  // Numbers after the first name a statement before them; any will do.
  if (seq > 1 && previous.is_zero()) out.previous.data[0] = 1;
  return sign_statement(out, key_of(author, signer));
}

// Which rule a refusal names.
template <class T>
std::string rule(Result<T> const& result) {
  return result ? "accepted" : rule_of(result.error());
}

inline Hash some_hash(std::uint8_t value) {
  Hash out;
  out.data[31] = value;
  return out;
}

// A meeting with something in every field.
inline Meeting some_meeting(std::uint32_t revision = 1) {
  Meeting out;
  out.id.data.fill(0x5A);
  out.revision = revision;
  out.state = MeetingState::kHeld;
  out.title = "Staff officers' meeting";
  out.body = "Working group on procedures";
  out.start_ms = 1'730'600'000'000;
  out.end_ms = out.start_ms + 7'200'000;
  out.place = "Harbour Hall, room 2";
  out.participants = {{id_of("AA"), "Col. A. Example"}, {{}, "Observer B. Example"}};
  out.agenda = {{1, "Opening", {}}, {2, "Dates of exercise", {some_hash(1), some_hash(2)}}};
  out.decisions = {some_hash(2)};
  out.minutes_sha256 = some_hash(3);
  out.minutes_motion = some_hash(4);
  out.actions = {{1, "Circulate the revised text; ask for comments,\nthen report.", id_of("BB"),
                  out.end_ms + 86'400'000, ActionState::kOpen},
                 {2, "Book the room", id_of("CC"), 0, ActionState::kDone}};
  return out;
}

}  // namespace amic::consent::testing
