// Delegation: one member's place in the community's consultations. It keeps the ledger (consent)
// over the node's own log, signs what the member wishes to say, sends and takes statements as
// envelopes, and moves the node to the next head when a decision is complete. docs/consent.md.
//
// What it says it makes durable first, as a record of the log, then it signs, then it sends (R2).
// Statements of others are taken in the order of the log, so the ledger is a function of the log.
// Any thread. Nothing is called with its lock held. `done` comes on the committer's thread or this
// one, once.
#pragma once

#include <deque>
#include <functional>
#include <mutex>
#include <set>

#include "consent/ledger.h"
#include "exchange/exchange.h"
#include "governance/chronicle.h"

namespace amic::governance {

// Where the number of the last statement is kept outside the store, so that a store restored from a
// backup is noticed (docs/consent.md, "Write-ahead"). Called from one thread at a time.
class Counter {
 public:
  virtual ~Counter() = default;
  virtual Result<std::uint64_t> read() = 0;            // 0: never set
  virtual Result<void> advance(std::uint64_t to) = 0;  // durable when it returns; never back
};

struct Parts {
  exchange::Exchange& exchange;
  store::Store& store;
  exchange::Committer& committer;
  Clock const& clock;
  Random& random;
  Counter* counter = nullptr;  // null: the other members are asked after each start
};

struct Keys {
  crypto::SigningKey node;
  // Null: it is kept elsewhere; what is to be signed waits in unsigned_statements().
  std::optional<crypto::SigningKey> governance;
};

struct Said {
  Hash statement;  // its name
  consent::StatementKind kind = consent::StatementKind::kMotion;
  bool sent = false;  // false: it waits for a signature by `key` over `message`
  Bytes message;
  crypto::VerifyKey key;
};

// What people must know before anything else; empty texts: nothing.
struct Standing {
  consent::Trust trust = consent::Trust::kUnchecked;
  std::string trust_reason;
  std::vector<MemberId> not_answered;  // members whose word is still missing for the trust
  std::string halted;                  // histories differ: nothing is said or decided here any more
};

class Delegation {
 public:
  using Done = std::function<void(Result<Said>)>;

  // `chronicle` is that of the exchange's head. Replays what the log holds.
  static Result<std::unique_ptr<Delegation>> open(Parts parts, Keys keys, Chronicle chronicle);

  // Something may be there to do: called on any thread; it should have work() called soon.
  void on_work(std::function<void()> callback);
  // The head in force has changed; the exchange has it already. On the thread of work()'s commit.
  void on_advanced(std::function<void(consent::Community const&)> callback);
  // Takes what has arrived, says what is due, decides what is complete. From one thread at a time.
  // True: call again, there is more.
  Result<bool> work();

  // ---- own words ----------------------------------------------------------------------------
  // Checks, makes durable, signs if the key is here, sends.
  void say(consent::Body body, Done done);
  // The same with a body that is made from the ledger as it is when its turn comes.
  using Maker = std::function<Result<consent::Body>(consent::Ledger const&)>;
  void say_made(Maker maker, Done done);
  std::vector<Said> unsigned_statements() const;
  // A signature that was made elsewhere. kNotFound; kBadSignature.
  void sign(Hash const& statement, crypto::Signature const& signature, Done done);
  // A joiner's word, on paper or by mail: checked against its motion, then sent to all.
  void bring(consent::JoinAccept const& accept, std::function<void(Result<void>)> done);

  // ---- with peers ---------------------------------------------------------------------------
  // Encoded list of decisions after this epoch (decode_decisions), one at least if there is one.
  Result<Bytes> decisions(std::uint64_t after_epoch, std::size_t bytes_max) const;
  // What a peer has answered. Decisions are verified; those that follow are made durable and taken.
  Result<void> on_decisions(MemberId const& peer, BytesView bytes);
  // Signed by the node's key: what is held here, for somebody who has just started.
  Result<Bytes> head_status(Hash const& challenge);
  Hash challenge() const;
  std::vector<MemberId> to_ask() const;  // members whose HEAD-STATUS is still wanted
  Result<void> on_head_status(MemberId const& peer, BytesView statement);
  // A peer shows another head of the epoch in force: two histories.
  void on_other_head(MemberId const& peer, std::uint64_t epoch);

  // ---- what may be shown --------------------------------------------------------------------
  Standing standing() const;
  consent::History history() const;
  consent::Transcript const& transcript() const { return transcript_; }
  // `read` sees the ledger with the lock held: short, and no call back into the delegation.
  template <class Read>
  auto read(Read&& read) const {
    std::lock_guard const lock(mutex_);
    return read(ledger_);
  }
  Result<HistoryFile> history_file(std::optional<Hash> const& motion) const;

 private:
  struct Wish {
    Maker maker;
    Done done;
  };
  struct Arrived {
    std::uint64_t seq = 0;
    UnixMs at_ms = 0;
    envelope::Contents contents;
  };

  struct Seen {
    std::uint64_t epoch = 0;
    bool record = false;  // outlives its head
  };
  static constexpr std::size_t kWishesMax = 256;

  Delegation(Parts parts, Keys keys, Chronicle chronicle);
  Result<void> replay();
  Result<void> replay_intents();
  Result<void> begin();

  // delegation_say.cc
  void next_wish();
  void journalled(consent::Intent const& intent, Done const& done, Result<std::uint64_t> stored);
  void release(consent::Pending const& pending, crypto::Signature const& signature,
               Done const& done);
  void send(consent::Statement const& statement, Done const& done);
  void send_again();
  Result<consent::Intent> plan(Wish const& wish) const;
  std::optional<crypto::Signature> sign_here(consent::Pending const& pending) const;
  Result<exchange::ShareRequest> request_for(consent::Statement const& statement) const;

  // delegation_take.cc
  Result<bool> take_arrived();
  Result<std::vector<Arrived>> find_arrived();
  void take_one(Arrived const& arrived);
  void take_joins();
  void keep_journal();
  void say_due();
  std::optional<consent::Decision> complete();
  bool decide_next();
  void decided(std::shared_ptr<consent::Ledger> const& next,
               std::shared_ptr<consent::History> const& history, Result<std::uint64_t> stored);
  void poke() const;
  void note(consent::Taken const& taken, MemberId const& from);

  Parts parts_;
  Keys keys_;
  consent::Transcript const transcript_;

  mutable std::mutex mutex_;  // guards what follows
  consent::History history_;
  consent::Ledger ledger_;
  Hash challenge_;
  std::set<MemberId> answered_;
  std::deque<Wish> wishes_;
  // While one of the two is set the ledger is left as it is: what was planned on it is on its way
  // to the disk.
  bool saying_ = false;
  bool deciding_ = false;
  bool replaying_ = false;
  bool resigned_ = false;  // what a crash has left unsigned was looked at
  std::deque<consent::Decision> brought_;
  std::map<EnvelopeId, Seen> seen_;         // marks that were looked at
  std::vector<consent::Statement> unsent_;  // the disk has not taken them yet
  std::vector<Bytes> journal_;              // freezes that are not durable yet
  std::deque<consent::JoinAccept> joins_;   // whose motion is not here yet
  std::string halted_;
  std::function<void()> work_;
  std::function<void(consent::Community const&)> advanced_;
};

Bytes encode_decisions(std::vector<Bytes> const& decisions);
Result<std::vector<Bytes>> decode_decisions(BytesView bytes);
inline constexpr std::size_t kDecisionsBytesMax = 16 << 20;  // of one answer

}  // namespace amic::governance
