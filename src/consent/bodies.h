// What statements say: one struct for each StatementKind. docs/formats/consent.md. Pure.
#pragma once

#include <variant>

#include "consent/handover.h"
#include "consent/meeting.h"
#include "consent/statement.h"

namespace amic::consent {

// On a paragraph, for all members.
struct Comment {
  Hash motion;
  std::string place;  // "TOR, Article 3(2)"
  std::string text;
  bool operator==(Comment const&) const = default;
};

// From one member to another; it travels sealed to that one alone.
struct Remark {
  Hash motion;
  MemberId to;
  std::string text;
  bool operator==(Remark const&) const = default;
};

// How a member sees it today. Binds nobody, takes no lock.
enum class View : std::uint8_t { kSupport = 1, kReserve = 2, kAgainst = 3 };
struct Indication {
  Hash motion;
  View view = View::kSupport;
  bool operator==(Indication const&) const = default;
};

enum class Position : std::uint8_t {
  kAgree = 1,
  kNoObjection = 2,
  kAgreeWithStatement = 3,  // the text is annexed
  kNotYet = 4,              // not in a position yet: takes no lock, is not final
  kObject = 5,              // final. The reason is for the chair alone unless opened
  kDoesNotParticipate = 6,  // lets the others go ahead; where may_stand_aside(kind)
};
std::string_view position_name(Position position);  // "agree", "no_objection", ...
Result<Position> parse_position(std::string_view text);
bool is_favourable(Position position);  // takes the lock of the round; counts for a certificate
bool is_final(Position position);       // all but kNotYet

struct Response {
  Hash motion;
  std::uint32_t round = 0;
  Hash next_head;  // that the author computed; zero exactly if the position is not favourable
  Position position = Position::kAgree;
  std::string text;    // statement (kAgreeWithStatement), opened reason (kObject), else empty
  Hash sealed_reason;  // reason_commitment of an objection's Reason; zero: none
  Hash standing;       // digest of the standing consent by which the node answered; zero: none
  std::string clause;  // that the standing consent cites; with `standing` only
  bool operator==(Response const&) const = default;
};

// The reason of an objection, to the chair alone.
struct Reason {
  Hash motion;
  std::uint32_t round = 0;
  FixedBytes<16, struct SaltTag> salt;  // so that nobody can guess the text from the commitment
  std::string text;
  bool operator==(Reason const&) const = default;
};
Hash reason_commitment(Reason const& reason);

// I leave this round: nothing more of it is signed by me. The next one opens when all have left.
struct RoundChange {
  std::uint32_t round = 0;
  Hash adopted;  // the motion whose adoption I have signed on this head, which binds me; zero: none
  bool operator==(RoundChange const&) const = default;
};

// I hold the favourable responses of all members to this motion, in one round, and adopt it. One on
// each head, for ever. The adoptions of all are the decision. It names the author's own response,
// and so proves it too: a certificate needs one signature of each member.
struct Adoption {
  Hash motion;
  std::uint32_t round = 0;
  Hash next_head;
  Hash response;  // statement_digest of the author's response, of this round
  bool operator==(Adoption const&) const = default;
};

// Consent ahead to a class of motions that the rules name. The member's own node answers by it.
struct StandingConsent {
  std::string standing_class;
  InstrumentKind instrument = InstrumentKind::kTor;
  std::string clause;  // instrument and clause as in the rules when it was signed
  Position position = Position::kNoObjection;  // kAgree or kNoObjection
  UnixMs expires_ms = 0;
  std::uint64_t latest_epoch = 0;  // no longer used on heads after this
  bool operator==(StandingConsent const&) const = default;
};
struct StandingRevocation {
  Hash standing;  // digest of the statement
  bool operator==(StandingRevocation const&) const = default;
};

// What the node holds: highest number it has seen under each key, its own included.
struct StatusRow {
  MemberId member;
  crypto::VerifyKey key;
  std::uint64_t author_seq = 0;
  Hash digest;  // of that statement
  bool operator==(StatusRow const&) const = default;
};
struct HeadStatus {
  Hash challenge;  // of who asked, so that an old answer is not taken for a new one; zero: nobody
  std::vector<StatusRow> rows;  // sorted by member, then key
  bool operator==(HeadStatus const&) const = default;
};

// Two statements by one key that contradict each other. Believed for what it holds, not for whose
// it is: verify_evidence.
struct Evidence {
  Statement first, second;  // with their bodies; motions as stubs
  bool operator==(Evidence const&) const = default;
};

enum class ShelvingAct : std::uint8_t { kShelve = 1, kWithdraw = 2, kResume = 3 };
struct Shelving {  // by the proposer or the chair; withdrawing by the proposer. Releases no lock
  Hash motion;
  ShelvingAct act = ShelvingAct::kShelve;
  std::string text;  // may be empty
  bool operator==(Shelving const&) const = default;
};

// The chair's word that consensus is reached; possible only while it holds the certificate.
struct Declaration {
  Hash motion;
  Hash next_head;
  bool operator==(Declaration const&) const = default;
};

// In the order of StatementKind.
using Body = std::variant<Motion, Comment, Remark, Indication, Response, Reason, RoundChange,
                          Adoption, StandingConsent, StandingRevocation, HeadStatus, Evidence,
                          Shelving, Declaration, Meeting, Handover, HandoverAccept>;
StatementKind kind_of(Body const& body);
Bytes encode_body(Body const& body);
Result<Body> decode_body(StatementKind kind, BytesView bytes);  // form and limits
Result<Body> body_of(Statement const& statement);
// A record: a meeting or one half of a handover. It takes no lock and is kept over all heads.
bool is_record(StatementKind kind);

// Do the two contradict each other, whatever the circumstances? Both by one key; and either one
// number with different words, or two final responses to one motion in one round, favourable
// responses to two motions in one round, or adoptions of two motions on one head. nullptr: no.
char const* contradiction(Statement const& first, Statement const& second);
// Signatures and the contradiction, with the head that both stand on. kRejected, kBadSignature.
Result<void> verify_evidence(Evidence const& evidence, CommunityId const& community,
                             Head const& head, Hash const& head_digest);

}  // namespace amic::consent
