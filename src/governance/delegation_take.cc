// What has arrived, what is due, what is decided.
#include <algorithm>

#include "base/limits.h"
#include "codec/codec.h"
#include "exchange/governance.h"
#include "governance/delegation.h"
#include "governance/journal.h"
#include "obs/log.h"

namespace amic::governance {

namespace {
constexpr std::size_t kKeysAtOnce = 256;
constexpr std::size_t kJoinsMax = 64;  // whose motion is not here yet
}  // namespace

Result<bool> Delegation::work() {
  send_again();
  AMIC_TRY(bool const taken, take_arrived());
  if (decide_next()) return true;
  say_due();
  return taken;
}

Result<std::vector<Delegation::Arrived>> Delegation::find_arrived() {
  std::vector<Arrived> out;
  std::string after;
  for (;;) {  // ends: keys rise
    AMIC_TRY(auto const keys,
             parts_.store.kv_scan(std::string(exchange::kGovernanceSpace), after, kKeysAtOnce));
    for (auto const& [key, nothing] : keys) {
      AMIC_TRY(auto const bytes, codec::from_hex(key));
      auto const id = EnvelopeId::from(bytes);
      if (!id) continue;
      {
        std::lock_guard const lock(mutex_);
        if (seen_.contains(*id)) continue;
      }
      AMIC_TRY(auto const record, parts_.store.log_find(*id));
      if (!record || record->shredded) continue;
      auto contents = parts_.exchange.open_record(*record);
      if (contents) out.push_back({record->seq, record->at_ms, std::move(*contents)});
      if (!contents)
        obs::log(obs::Level::kError, "consent.unreadable",
                 {{"seq", record->seq}, {"error", contents.error().text()}});
    }
    if (keys.size() < kKeysAtOnce) break;
    after = keys.back().first;
  }
  std::sort(out.begin(), out.end(),
            [](Arrived const& a, Arrived const& b) { return a.seq < b.seq; });
  return out;
}

Result<bool> Delegation::take_arrived() {
  AMIC_TRY(auto const arrived, find_arrived());
  std::lock_guard const lock(mutex_);
  if (saying_ || deciding_) return !arrived.empty();
  for (auto const& one : arrived) take_one(one);
  take_joins();
  return false;
}

// With the lock held, as all that follows here.
void Delegation::take_one(Arrived const& arrived) {
  auto const& contents = arrived.contents;
  Seen seen{contents.epoch, false};
  if (contents.media_type == exchange::kJoinAcceptMediaType) {
    auto const accept = consent::decode_join_accept(contents.body);
    if (accept && joins_.size() < kJoinsMax) joins_.push_back(*accept);
    seen_.emplace(contents.id, seen);
    return;
  }
  auto const statement = consent::decode_statement(contents.body);
  if (statement) seen = {statement->epoch, consent::is_record(statement->kind)};
  bool const past = statement && statement->epoch < ledger_.community().head.epoch;
  Result<consent::Taken> taken = consent::Taken{};
  if (past && seen.record && replaying_) {
    if (auto const back = ledger_.replay_record(contents.body); !back) taken = fail(back.error());
  } else if (!past || seen.record) {
    taken = ledger_.take(contents.body, contents.originator, arrived.at_ms);
  }
  if (taken) {
    note(*taken, contents.originator);
  } else {
    obs::log(obs::Level::kWarn, "consent.refused",
             {{"author", contents.originator.str()}, {"error", taken.error().text()}});
    seen.record = false;  // forgotten with the head: it must not come back by a replay
  }
  seen_.emplace(contents.id, seen);
}

void Delegation::note(consent::Taken const& taken, MemberId const& from) {
  for (auto const& evidence : taken.evidence)
    obs::log(obs::Level::kError, "consent.contradiction",
             {{"member", evidence.first.author.str()}, {"from", from.str()}});
  if (!taken.journal.empty())
    obs::log(obs::Level::kError, "consent.frozen", {{"reason", ledger_.trust_reason()}});
  journal_.insert(journal_.end(), taken.journal.begin(), taken.journal.end());
}

void Delegation::take_joins() {
  std::deque<consent::JoinAccept> left;
  for (auto& accept : joins_) {
    auto const taken = ledger_.take(accept);
    if (taken) continue;
    if (taken.error().code == Code::kNotFound)
      left.push_back(std::move(accept));
    else
      obs::log(obs::Level::kWarn, "consent.refused", {{"error", taken.error().text()}});
  }
  joins_ = std::move(left);
}

// A freeze is kept too. Without the lock.
void Delegation::keep_journal() {
  std::vector<Bytes> journal;
  {
    std::lock_guard const lock(mutex_);
    journal.swap(journal_);
  }
  for (auto const& entry : journal)
    parts_.committer.commit(journal_unit(entry, parts_.clock.now_ms()),
                            [this, entry](Result<std::uint64_t> stored) {
                              if (stored || stored.error().code == Code::kConflict)
                                return;  // it is there already
                              std::lock_guard const lock(mutex_);
                              journal_.push_back(entry);
                            });
}

void Delegation::say_due() {
  keep_journal();
  std::vector<consent::Body> due;
  {
    std::lock_guard const lock(mutex_);
    if (saying_ || deciding_ || !wishes_.empty() || !halted_.empty()) return;
    due = ledger_.due(parts_.clock.now_ms());
  }
  if (due.empty()) return;
  // One at a time: what is due next depends on it.
  say(std::move(due.front()), [](Result<Said> said) {
    if (!said) obs::log(obs::Level::kWarn, "consent.not_said", {{"error", said.error().text()}});
  });
}

// With the lock held: the next decision that is complete, brought by a peer or certified here.
std::optional<consent::Decision> Delegation::complete() {
  auto const epoch = ledger_.community().head.epoch;
  while (!brought_.empty() && brought_.front().motion.epoch < epoch) brought_.pop_front();
  if (!brought_.empty()) {
    auto out = std::move(brought_.front());
    brought_.pop_front();
    return out;
  }
  for (auto const& id : ledger_.motions())
    if (auto decision = ledger_.certificate(id)) return std::move(*decision);
  return std::nullopt;
}

bool Delegation::decide_next() {
  std::optional<consent::Decision> decision;
  std::shared_ptr<consent::Ledger> next;
  std::shared_ptr<consent::History> history;
  store::Append unit;
  {
    std::lock_guard const lock(mutex_);
    if (saying_ || deciding_ || !halted_.empty()) return false;
    decision = complete();
    if (!decision) return false;
    // On a copy: nothing is seen of it before it is durable.
    next = std::make_shared<consent::Ledger>(ledger_);
    history = std::make_shared<consent::History>(history_);
    auto taken = next->advance(*decision);
    auto const told = taken ? consent::extend(*history, *decision) : fail(taken.error());
    if (!told) {
      brought_.clear();
      if (told.error().code == Code::kConflict) halted_ = told.error().text();
      obs::log(obs::Level::kError, "consent.decision_refused", {{"error", told.error().text()}});
      return false;
    }
    note(*taken, ledger_.self());
    deciding_ = true;
    auto const epoch = next->community().head.epoch;
    unit = decision_unit(consent::encode(*decision), epoch, parts_.clock.now_ms());
    for (auto const& [id, seen] : seen_)
      if (seen.epoch < epoch && !seen.record) unit.kv.push_back(exchange::governance_unmark(id));
  }
  parts_.committer.commit(std::move(unit), [this, next, history](Result<std::uint64_t> stored) {
    decided(next, history, std::move(stored));
  });
  return true;
}

void Delegation::decided(std::shared_ptr<consent::Ledger> const& next,
                         std::shared_ptr<consent::History> const& history,
                         Result<std::uint64_t> stored) {
  auto const advanced =
      stored ? parts_.exchange.advance(next->community()) : fail(std::move(stored).error());
  std::function<void(consent::Community const&)> callback;
  {
    std::lock_guard const lock(mutex_);
    deciding_ = false;
    if (advanced) {
      ledger_ = std::move(*next);
      history_ = std::move(*history);
      auto const epoch = ledger_.community().head.epoch;
      std::erase_if(
          seen_, [&](auto const& one) { return one.second.epoch < epoch && !one.second.record; });
      callback = advanced_;
    }
  }
  if (!advanced) {
    obs::log(obs::Level::kError, "consent.not_decided", {{"error", advanced.error().text()}});
    return next_wish();
  }
  auto const& community = parts_.exchange.community();
  obs::log(obs::Level::kInfo, "consent.decided", {{"epoch", community.head.epoch}});
  if (callback) callback(community);
  next_wish();
  poke();
}

}  // namespace amic::governance
