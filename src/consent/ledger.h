// Ledger: the consent of one member's node, as a pure state machine. In: statements of the members,
// already decrypted, in any order and any number of times; decisions; the member's own wishes. Out:
// what to make durable, what to sign, what to send; refusals that name their rule (refusal.h).
// No clock, no storage, no network, no key: all are the caller's. docs/consent.md tells the rules.
//
// Write-ahead contract (R2). The types allow a signature in one order only:
//   1. Intent  i = plan(body, now)      checks the rules; changes nothing;
//   2. the caller makes i.journal() durable (fsync), then sets the external counter to i.counter();
//   3. Pending p = remember(i)          takes the lock;
//   4. the caller signs p.message() with the key p.key(): a key file, a token, a person's device;
//   5. Statement s = seal(p, signature) checks it; s is what the caller keeps and sends.
// After a crash replay() takes the journal's entries, statements and decisions in the order in
// which they were kept, and unsigned_statements() tells what was remembered but not yet signed.
//
// What it shows of others: how many capitals have replied, nothing of how. There is no call that
// tells one member's position, or counts positions, before there is a certificate, and then all are
// in favour. To the chair alone: who has not replied.
//
// One thread at a time. Bounds: limits.h, "Consent".
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "consent/certificate.h"
#include "consent/history.h"

namespace amic::consent {

// A checked wish that is not remembered yet. Only Ledger::plan makes one.
class Intent {
 public:
  Bytes const& journal() const { return journal_; }                // what to make durable first
  std::uint64_t counter() const { return statement_.author_seq; }  // for the external counter
  Statement const& statement() const { return statement_; }        // without a signature

 private:
  friend class Ledger;
  Statement statement_;
  Bytes journal_;
};

// Remembered, not signed. Only Ledger::remember and unsigned_statements make one.
class Pending {
 public:
  Bytes message() const { return signed_message(statement_); }  // exactly what the key signs
  crypto::VerifyKey const& key() const { return key_; }
  Statement const& statement() const { return statement_; }

 private:
  friend class Ledger;
  Statement statement_;
  crypto::VerifyKey key_;
};

enum class Trust : std::uint8_t {
  kUnchecked,  // since this run began nothing has shown that we remember everything
  kClear,      // may sign
  kFrozen,     // this key has said more than we remember: it signs nothing any more (R11)
};

struct MotionView {
  Hash id;
  MotionKind kind = MotionKind::kAnnounce;
  Motion motion;
  Hash next_head;  // digest of what it would make of the head in force
  Stage stage = Stage::kConsultation;
  std::uint32_t round = 0;  // that is open now
  std::size_t replied = 0;  // capitals; "n of N have replied", never how
  std::size_t entitled = 0;
  std::optional<Position> own;  // this member's own response, the latest
  bool own_adopted = false;
  bool declared = false;     // by the chair, and complete
  std::size_t comments = 0;  // texts, see comments()
};

// A meeting as it stands, and who says so.
struct MeetingRecord {
  MemberId author;
  UnixMs created_ms = 0;  // of this revision, by the author's clock
  std::uint64_t epoch = 0;
  Hash statement;  // digest
  Meeting meeting;
  bool operator==(MeetingRecord const&) const = default;
};

struct Taken {
  bool news = false;               // false: known already, or of a head that is past
  bool waits = false;              // of a later head: kept, bounded, until we are there
  std::vector<Evidence> evidence;  // contradictions that this brought to light
  std::vector<Bytes> journal;      // to make durable: a freeze
};

class Ledger {
 public:
  // On a genesis, verified by whoever gives it (community_of). `self` need not be a member; it then
  // signs nothing.
  Ledger(Community community, MemberId self);
  // On the head in force of a history that verify_history has accepted: a later head needs to know
  // the keys that were ever used (R15) and whom the chair came from (R14).
  Ledger(History const& history, MemberId self);

  Community const& community() const { return community_; }
  MemberId const& self() const { return self_; }
  Trust trust() const { return trust_; }
  std::string const& trust_reason() const { return trust_reason_; }  // why it is not clear

  // ---- after every start --------------------------------------------------------------------
  // `counter`: what the external counter holds, if there is one. If it fits what is remembered
  // (the same, or one less while the last statement is unsigned), trust is clear at once; if it
  // does not, frozen. Without a counter, trust is clear when every other member's HEAD-STATUS with
  // this challenge shows nothing that is not remembered. That is weaker: all of them could keep it
  // back. A peer that says it holds more of ours must show it: its word alone keeps trust unchecked
  // and freezes nobody, or one liar could. The statement itself, when it is taken, freezes.
  Taken begin(Hash const& challenge, std::optional<std::uint64_t> counter);
  // What we answer to somebody who asks: sign it with plan().
  HeadStatus status(Hash const& challenge) const;
  // Own highest number under the governance key.
  std::uint64_t own_seq() const;

  // ---- input --------------------------------------------------------------------------------
  // `from`: whose envelope it came in (it pays for what must wait). `now_ms`: of our own clock,
  // for standing consents only; in a replay, that of the first time. A refusal changes nothing.
  Result<Taken> take(BytesView statement, MemberId const& from, UnixMs now_ms);
  Result<Taken> take(JoinAccept const& accept);
  // Journal entries of Intents and freezes, all since the genesis or since a fresh key, in the
  // order in which they were made; those of the head in force after it is in force. A ledger that
  // is opened on a later head needs the earlier entries too: they hold the numbers that the key has
  // used.
  Result<void> replay(BytesView journal_entry);
  // Records (is_record) outlive the head on which they were signed. What the caller has kept of
  // them, own ones included, comes back by this call, in any order, when a ledger is opened on a
  // later head; on the head in force take() does as well. A record of one of the last
  // limits::kPastHeadsMax heads that this ledger has gone through may still come by take(), and is
  // then verified against that head. This call verifies no signature of an earlier head: give it
  // only statements that take() accepted or seal() made. Others than records: kUnsupported.
  Result<void> replay_record(BytesView statement);

  // ---- own words: see the contract above ----------------------------------------------------
  Result<Intent> plan(Body const& body, UnixMs now_ms) const;
  Result<Pending> remember(Intent const& intent);
  Result<Statement> seal(Pending const& pending, crypto::Signature const& signature);
  std::vector<Pending> unsigned_statements() const;
  // A response to this motion with all that follows from the state filled in.
  Result<Response> response_to(Hash const& motion, Position position, std::string text = {}) const;
  Result<Adoption> adoption_of(Hash const& motion) const;
  RoundChange round_change() const;
  // What the node does without asking anybody: adoptions that are complete, the same response again
  // in a later round where another member is bound, and responses by standing consent whose
  // deadline has passed on our clock. Each goes through plan().
  std::vector<Body> due(UnixMs now_ms) const;

  // ---- decisions ----------------------------------------------------------------------------
  // R5 until all adoptions and the responses that they name are here, R12 without the joiner's
  // word.
  Result<Decision> certificate(Hash const& motion) const;
  // Verifies the decision and moves to the head that it makes. Make the decision durable first.
  // kConflict at R3: it decides another motion than the one adopted here: stop and ask people.
  // A decision of a head that is past is refused with R1. What waited for the new head is taken.
  Result<Taken> advance(Decision const& decision);

  // ---- what may be shown --------------------------------------------------------------------
  std::vector<Hash> motions() const;  // of the head in force, in order of arrival
  Result<MotionView> view(Hash const& motion) const;
  Result<Statement> statement_of(Hash const& motion) const;  // by which it was proposed
  struct Remarked {
    MemberId author;
    UnixMs created_ms = 0;
    std::string place, text;
    std::optional<MemberId> to;
  };
  Result<std::vector<Remarked>> comments(Hash const& motion) const;
  // For the chair alone (R9): who has not replied; reasons of objections that were sent to it.
  Result<std::vector<MemberId>> outstanding(Hash const& motion) const;
  Result<std::vector<Remarked>> reasons(Hash const& motion) const;
  std::vector<Evidence> const& evidence() const { return evidence_; }
  // This member's own, in force or expired, by the digest of the statement that revokes them.
  std::map<Hash, StandingConsent> const& standing_consents() const { return own_standing_; }

  // ---- records (ledger_records.cc) ------------------------------------------------------------
  // The latest revision of each meeting, by start, then author, then id. Of one author the 256 that
  // began last are kept, at most 4 MiB (limits.h).
  std::vector<MeetingRecord> meetings() const;
  Result<MeetingRecord> meeting(MemberId const& author, MeetingId const& id) const;
  // What is open here: motions of the head in force, and those of earlier heads since the one on
  // which the chair passed, which were open when that head ended and have not been proposed anew
  // (same proposer and title).
  Inventory inventory(std::vector<OpenRequest> requests = {}) const;
  // For plan(): the outgoing chair's word, and the incoming chair's on the handover that is here.
  Result<Handover> handover_of(std::vector<OpenRequest> requests, std::string note) const;
  Result<HandoverAccept> accept_of(std::string note) const;
  HandoverView handover() const;

 private:
  struct Slot {
    Statement statement;
    Response response;
  };
  struct Proposal {
    std::optional<Motion> motion;
    Statement statement;
    Head next;
    Hash next_digest;
    UnixMs seen_ms = 0;
    std::map<std::uint32_t, std::map<MemberId, Slot>> responses;  // by round
    std::map<MemberId, std::pair<Statement, Adoption>> adoptions;
    std::set<MemberId> replied;
    std::vector<Remarked> comments, reasons;
    std::vector<Statement> early;  // what came before the motion
    std::optional<JoinAccept> join_accept;
    std::optional<ShelvingAct> shelving;
    bool superseded = false, declared = false;
  };
  struct Budget {
    std::size_t statements = 0, bytes = 0, motions = 0;
  };
  struct Waiting {
    MemberId from;
    UnixMs now_ms = 0;
    Bytes bytes;
  };
  struct KeptMeeting {
    MeetingRecord record;
    std::uint64_t author_seq = 0;
    std::size_t bytes = 0;
  };
  template <class T>
  struct Signed {  // one half of a handover
    T body;
    Hash digest;
    std::uint64_t epoch = 0, author_seq = 0;
    UnixMs created_ms = 0;
  };
  struct PastHead {
    Head head;
    Hash digest;
  };
  struct PastMotion {
    OpenMotion motion;  // with its stage when its head ended
    MemberId proposer;
    UnixMs proposed_ms = 0;
  };
  using MeetingKey = std::pair<MemberId, MeetingId>;
  using Numbers = std::map<std::uint64_t, Hash>;  // author_seq -> statement_digest

  bool is_member(MemberId const& id) const { return community_.head.member(id) != nullptr; }
  std::uint32_t open_round() const;
  bool has_left(MemberId const& member, std::uint32_t round) const;
  Proposal const* known(Hash const& motion) const;  // with its motion here
  bool counts(Proposal const& proposal, MemberId const& member, Slot const& slot) const;
  bool held(Proposal const& proposal, std::uint32_t round) const;  // favourable, of all
  Hash own_response(Proposal const& proposal, std::uint32_t round) const;
  Slot const* response_named(Proposal const& proposal, MemberId const& member,
                             Adoption const& adoption) const;
  std::optional<Position> final_position(Hash const& motion, MemberId const& member) const;
  std::optional<Position> own_final(Hash const& motion) const;
  std::optional<Hash> own_lock(std::uint32_t round) const;
  void bind(Body const& own_words);
  Stage stage_of(Hash const& motion, Proposal const& proposal) const;

  // ledger_own.cc: may we say this?
  Result<void> may_say(Body const& body, Signer signer) const;
  Result<void> check_own(Motion const&) const;
  Result<void> check_own(Comment const&) const;
  Result<void> check_own(Remark const&) const;
  Result<void> check_own(Indication const&) const;
  Result<void> check_own(Response const&) const;
  Result<void> check_own(Reason const&) const;
  Result<void> check_own(RoundChange const&) const;
  Result<void> check_own(Adoption const&) const;
  Result<void> check_own(StandingConsent const&) const;
  Result<void> check_own(StandingRevocation const&) const;
  Result<void> check_own(HeadStatus const&) const { return {}; }
  Result<void> check_own(Evidence const&) const;
  Result<void> check_own(Shelving const&) const;
  Result<void> check_own(Declaration const&) const;
  Result<void> check_own(Meeting const&) const;
  Result<void> check_own(Handover const&) const;
  Result<void> check_own(HandoverAccept const&) const;
  Signer signer_of(Body const& body) const;

  // ledger_take.cc: what others say, and what we have said.
  Result<void> admissible(Statement const& statement, Body const& body) const;
  void record(Statement const& statement, Body const& body, UnixMs now_ms);
  void record_on(Proposal& proposal, Statement const& statement, Body const& body);
  void record_motion(Statement const& statement, Motion const& motion, UnixMs now_ms);
  void attach_signature(Statement const& statement);
  Result<Taken> take_status(Statement const& statement);
  Result<Taken> take_current(Statement const& statement, UnixMs now_ms);
  Result<void> record_checked(Statement const& statement, UnixMs now_ms, Taken& out);
  Result<void> replay_intent(crypto::VerifyKey const& key, BytesView statement);
  Result<Taken> keep_waiting(BytesView bytes, MemberId const& from, UnixMs now_ms);
  void find_contradictions(Statement const& statement, Taken& out);
  void freeze(std::string reason, Taken& out);
  crypto::VerifyKey own_key(Signer signer) const;
  void clear_if_all_answered();

  // ledger_records.cc
  Result<Taken> take_past(Statement const& statement);
  Result<void> admissible_record(Statement const& statement, Body const& body,
                                 Head const& its_head) const;
  Result<void> admissible_meeting(Statement const& statement, Meeting const& meeting,
                                  Head const& its_head) const;
  Result<void> may_record(MemberId const& author, Meeting const& meeting,
                          Head const& its_head) const;
  Result<void> admissible_handover(MemberId const& author, Handover const& handover) const;
  Result<void> admissible_accept(MemberId const& author, HandoverAccept const& accept) const;
  void record_record(Statement const& statement, Body const& body);
  void keep_meeting(Statement const& statement, Meeting const& meeting);
  void drop_oldest_meetings(MemberId const& author);
  void keep_past_motions(Decided const& decided);
  void end_of_head(Decided const& decided);
  bool open_again(PastMotion const& past) const;
  Signed<Handover> const* handover_named(Hash const& digest) const;
  Signed<HandoverAccept> const* accept_in_force() const;  // the first whose handover is here
  Signed<Handover> const* handover_in_force() const;      // that one, or the latest
  std::vector<InventoryDifference> differences(Signed<Handover> const& handover) const;

  Community community_;
  MemberId self_;
  Trust trust_ = Trust::kUnchecked;
  std::string trust_reason_ = "not checked since the start";
  std::optional<crypto::VerifyKey> frozen_key_;
  Hash challenge_;
  std::set<MemberId> answered_;
  bool doubted_ = false;  // a peer says it holds more of ours

  // Of the head in force.
  std::map<Hash, Proposal> proposals_;
  std::vector<Hash> order_;
  std::map<std::uint32_t, std::set<MemberId>> left_;  // who has left which round
  std::map<std::uint32_t, std::set<Hash>> bound_;     // adoptions stated on leaving it
  // What this member is bound by, also while the motions themselves are not here (after a restart).
  std::optional<Hash> own_adopted_;
  std::map<std::uint32_t, std::map<Hash, Response>> own_responses_;  // by round, by motion
  std::map<Hash, Statement> kept_;                                   // by digest; motions as stubs
  std::map<MemberId, std::vector<Hash>> answers_;  // responses and adoptions, digests
  std::map<MemberId, Budget> budgets_;
  std::map<Hash, Pending> unsigned_;  // by digest

  // Of all heads.
  std::map<crypto::VerifyKey, Numbers> numbers_;
  std::map<Hash, StandingConsent> own_standing_;
  std::deque<Waiting> waiting_;
  std::vector<Evidence> evidence_;
  UsedKeys used_keys_;
  std::map<MeetingKey, KeptMeeting> meetings_;
  std::optional<ChairChange> chair_change_;
  std::vector<Signed<Handover>> handovers_;      // of this change of the chair
  std::vector<Signed<HandoverAccept>> accepts_;  // the same
  std::map<Hash, PastMotion> past_motions_;      // of the heads since the chair passed
  bool past_known_ = true;  // false: opened on a later head, so older motions can't be missed
  std::deque<PastHead> past_heads_;
};

}  // namespace amic::consent
