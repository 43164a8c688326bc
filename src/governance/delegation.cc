// Opening, the questions after a start, and what may be shown.
#include "governance/delegation.h"

#include <algorithm>

#include "base/limits.h"
#include "codec/codec.h"
#include "crypto/hash.h"
#include "exchange/governance.h"
#include "governance/journal.h"
#include "obs/log.h"

namespace amic::governance {

namespace {
constexpr std::string_view kDecisionsFormat = "amic/decisions/v1";
constexpr std::size_t kDecisionsMax = 4096;
}  // namespace

Bytes encode_decisions(std::vector<Bytes> const& decisions) {
  codec::Writer out;
  out.str8(kDecisionsFormat).u32(static_cast<std::uint32_t>(decisions.size()));
  for (auto const& decision : decisions) out.vec32(decision);
  return out.take();
}

Result<std::vector<Bytes>> decode_decisions(BytesView bytes) {
  codec::Reader in(bytes, "decisions");
  if (in.str8() != kDecisionsFormat) in.reject(Code::kUnsupported, "not an amic/decisions/v1");
  std::size_t const count = in.u32();
  if (count > kDecisionsMax) in.reject(Code::kTooLarge, "too many at once");
  std::vector<Bytes> out;
  for (std::size_t i = 0; i < count && in.ok(); ++i)
    out.push_back(to_bytes(in.vec32(kDecisionsBytesMax)));
  AMIC_TRY_VOID(in.finish());
  return out;
}

Delegation::Delegation(Parts parts, Keys keys, Chronicle chronicle)
    : parts_(parts),
      keys_(std::move(keys)),
      transcript_(std::move(chronicle.transcript)),
      history_(std::move(chronicle.history)),
      ledger_(history_, parts_.exchange.self()) {}

Result<std::unique_ptr<Delegation>> Delegation::open(Parts parts, Keys keys, Chronicle chronicle) {
  if (chronicle.history.now.head_digest != parts.exchange.community().head_digest)
    return fail(Code::kConflict, "history", "not that of the head in force here");
  std::unique_ptr<Delegation> out(new Delegation(parts, std::move(keys), std::move(chronicle)));
  AMIC_TRY_VOID(out->replay());
  AMIC_TRY_VOID(out->begin());
  parts.exchange.on_governance([delegation = out.get()] { delegation->poke(); });
  return out;
}

Result<void> Delegation::replay() {
  AMIC_TRY_VOID(replay_intents());
  AMIC_TRY(auto const arrived, find_arrived());
  std::lock_guard const lock(mutex_);
  replaying_ = true;
  for (auto const& one : arrived) take_one(one);
  replaying_ = false;
  take_joins();
  return {};
}

Result<void> Delegation::replay_intents() {
  AMIC_TRY(auto const entries, read_journal(parts_.store));
  for (auto const& entry : entries) AMIC_TRY_VOID(ledger_.replay(entry));
  return {};
}

Result<void> Delegation::begin() {
  challenge_ = parts_.random.fixed<Hash>();
  std::optional<std::uint64_t> counter;
  if (parts_.counter != nullptr) {
    AMIC_TRY(counter, parts_.counter->read());
  }
  auto const taken = ledger_.begin(challenge_, counter);
  note(taken, ledger_.self());
  return {};
}

void Delegation::on_work(std::function<void()> callback) {
  std::lock_guard const lock(mutex_);
  work_ = std::move(callback);
}

void Delegation::on_advanced(std::function<void(consent::Community const&)> callback) {
  std::lock_guard const lock(mutex_);
  advanced_ = std::move(callback);
}

void Delegation::poke() const {
  std::function<void()> callback;
  {
    std::lock_guard const lock(mutex_);
    callback = work_;
  }
  if (callback) callback();
}

// ---- with peers -----------------------------------------------------------------------------

Result<Bytes> Delegation::decisions(std::uint64_t after_epoch, std::size_t bytes_max) const {
  AMIC_TRY(auto const found,
           decisions_after(parts_.store, after_epoch, std::min(bytes_max, kDecisionsBytesMax / 2)));
  return encode_decisions(found);
}

Result<void> Delegation::on_decisions(MemberId const& peer, BytesView bytes) {
  AMIC_TRY(auto const list, decode_decisions(bytes));
  std::vector<consent::Decision> decisions;
  for (auto const& one : list) {
    AMIC_TRY(auto decision, consent::decode_decision(one));
    decisions.push_back(std::move(decision));
  }
  {
    std::lock_guard const lock(mutex_);
    auto const now = ledger_.community().head.epoch;
    std::erase_if(decisions, [&](auto const& d) { return d.motion.epoch < now; });
    if (decisions.empty()) return {};
    // The first one decides whether there is one history; what follows is checked in its turn.
    AMIC_TRY_VOID(consent::verify_decision(decisions.front(), ledger_.community().id,
                                           ledger_.community().head));
    if (brought_.empty()) brought_.assign(decisions.begin(), decisions.end());
  }
  obs::log(obs::Level::kInfo, "consent.decisions_fetched",
           {{"peer", peer.str()}, {"decisions", decisions.size()}});
  poke();
  return {};
}

Result<Bytes> Delegation::head_status(Hash const& challenge) {
  std::lock_guard const lock(mutex_);
  AMIC_TRY(auto const intent, ledger_.plan(ledger_.status(challenge), parts_.clock.now_ms()));
  AMIC_TRY(auto const pending, ledger_.remember(intent));
  AMIC_TRY(auto const statement, ledger_.seal(pending, keys_.node.sign(pending.message())));
  return consent::encode(statement);
}

Hash Delegation::challenge() const {
  std::lock_guard const lock(mutex_);
  return challenge_;
}

std::vector<MemberId> Delegation::to_ask() const {
  std::lock_guard const lock(mutex_);
  std::vector<MemberId> out;
  if (ledger_.trust() != consent::Trust::kUnchecked) return out;
  for (auto const& card : ledger_.community().head.members)
    if (card.member != ledger_.self() && !answered_.contains(card.member))
      out.push_back(card.member);
  return out;
}

Result<void> Delegation::on_head_status(MemberId const& peer, BytesView bytes) {
  AMIC_TRY(auto const statement, consent::decode_statement(bytes));
  if (statement.author != peer || statement.kind != consent::StatementKind::kHeadStatus)
    return fail(Code::kWrongIdentity, "head_status", "not this peer's");
  bool cleared = false;
  {
    std::lock_guard const lock(mutex_);
    AMIC_TRY_VOID(ledger_.take(bytes, peer, parts_.clock.now_ms()));
    answered_.insert(peer);
    cleared = ledger_.trust() == consent::Trust::kClear;
  }
  if (cleared) poke();
  return {};
}

void Delegation::on_other_head(MemberId const& peer, std::uint64_t epoch) {
  std::string const text = peer.str() + " has another head of epoch " + std::to_string(epoch) +
                           ": two histories. Nothing is said or decided here until people have "
                           "compared them: amic community verify";
  {
    std::lock_guard const lock(mutex_);
    if (!halted_.empty() || ledger_.community().head.epoch != epoch) return;
    halted_ = text;
  }
  obs::log(obs::Level::kError, "consent.two_histories", {{"peer", peer.str()}, {"epoch", epoch}});
}

// ---- what may be shown ----------------------------------------------------------------------

Standing Delegation::standing() const {
  Standing out;
  auto const waiting = to_ask();
  std::lock_guard const lock(mutex_);
  out.trust = ledger_.trust();
  out.trust_reason = ledger_.trust_reason();
  out.not_answered = waiting;
  out.halted = halted_;
  return out;
}

consent::History Delegation::history() const {
  std::lock_guard const lock(mutex_);
  return history_;
}

Result<HistoryFile> Delegation::history_file(std::optional<Hash> const& motion) const {
  HistoryFile out;
  out.transcript = transcript_;
  AMIC_TRY(out.decisions, decisions_after(parts_.store, 0, SIZE_MAX));
  if (!motion) return out;
  std::lock_guard const lock(mutex_);
  AMIC_TRY(out.motion, ledger_.statement_of(*motion));
  return out;
}

}  // namespace amic::governance
