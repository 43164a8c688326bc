// Own words: durable, then remembered, then signed, then sent. One at a time.
#include "exchange/governance.h"
#include "governance/delegation.h"
#include "governance/journal.h"
#include "obs/log.h"

namespace amic::governance {

namespace {

Said said_of(consent::Pending const& pending) {
  Said out;
  out.statement = consent::statement_digest(pending.statement());
  out.kind = pending.statement().kind;
  out.message = pending.message();
  out.key = pending.key();
  return out;
}

Said said_of(consent::Statement const& statement) {
  Said out;
  out.statement = consent::statement_digest(statement);
  out.kind = statement.kind;
  out.sent = true;
  return out;
}

}  // namespace

void Delegation::say(consent::Body body, Done done) {
  say_made([body = std::move(body)](consent::Ledger const&) { return Result<consent::Body>(body); },
           std::move(done));
}

void Delegation::say_made(Maker maker, Done done) {
  bool full = false;
  {
    std::lock_guard const lock(mutex_);
    full = wishes_.size() >= kWishesMax;
    if (!full) wishes_.push_back({std::move(maker), done});
  }
  if (full) return done(fail(Code::kOverloaded, "consent", "too much waits to be said"));
  next_wish();
}

// With the lock held.
Result<consent::Intent> Delegation::plan(Wish const& wish) const {
  if (!halted_.empty()) return fail(Code::kConflict, "consent", halted_);
  AMIC_TRY(auto const body, wish.maker(ledger_));
  return ledger_.plan(body, parts_.clock.now_ms());
}

void Delegation::next_wish() {
  for (;;) {  // ends: a wish less each time
    std::optional<Wish> wish;
    Result<consent::Intent> intent = fail(Code::kInternal, "consent", "not planned");
    {
      std::lock_guard const lock(mutex_);
      if (saying_ || deciding_ || wishes_.empty()) return;
      wish = std::move(wishes_.front());
      wishes_.pop_front();
      intent = plan(*wish);
      saying_ = intent.has_value();
    }
    if (!intent) {
      wish->done(fail(std::move(intent).error()));
      continue;
    }
    auto const planned = std::make_shared<consent::Intent const>(std::move(*intent));
    parts_.committer.commit(journal_unit(planned->journal(), parts_.clock.now_ms()),
                            [this, planned, done = wish->done](Result<std::uint64_t> stored) {
                              journalled(*planned, done, std::move(stored));
                            });
    return;
  }
}

void Delegation::journalled(consent::Intent const& intent, Done const& done,
                            Result<std::uint64_t> stored) {
  if (!stored) {
    {
      std::lock_guard const lock(mutex_);
      saying_ = false;
    }
    done(fail(std::move(stored).error()));
    return next_wish();
  }
  bool const counted = intent.statement().signer == consent::Signer::kGovernance;
  Result<void> count;
  if (counted && parts_.counter != nullptr) count = parts_.counter->advance(intent.counter());
  Result<consent::Pending> pending = fail(Code::kInternal, "consent", "not remembered");
  {
    std::lock_guard const lock(mutex_);
    pending = ledger_.remember(intent);
    saying_ = false;
  }
  if (!pending) {
    obs::log(obs::Level::kError, "consent.not_remembered", {{"error", pending.error().text()}});
    done(fail(std::move(pending).error()));
  } else if (!count) {
    // Durable, so it binds, but it must not leave before the counter is ahead of it.
    obs::log(obs::Level::kError, "consent.counter", {{"error", count.error().text()}});
    done(fail(std::move(count).error()));
  } else if (auto const signature = sign_here(*pending)) {
    release(*pending, *signature, done);
  } else {
    done(said_of(*pending));
  }
  next_wish();
  poke();
}

std::optional<crypto::Signature> Delegation::sign_here(consent::Pending const& pending) const {
  if (!keys_.governance || keys_.governance->verify_key() != pending.key()) return std::nullopt;
  return keys_.governance->sign(pending.message());
}

void Delegation::release(consent::Pending const& pending, crypto::Signature const& signature,
                         Done const& done) {
  Result<consent::Statement> statement = fail(Code::kInternal, "consent", "not sealed");
  {
    std::lock_guard const lock(mutex_);
    statement = ledger_.seal(pending, signature);
  }
  if (!statement) return done(fail(std::move(statement).error()));
  send(*statement, done);
}

// Whom a statement is for: all other members, or the one that it is meant for.
Result<exchange::ShareRequest> Delegation::request_for(consent::Statement const& statement) const {
  auto const& head = parts_.exchange.community().head;
  AMIC_TRY(auto const body, consent::body_of(statement));
  exchange::ShareRequest out;
  out.kind = envelope::Kind::kGovernance;
  out.precedence = Precedence::kPriority;
  out.media_type = std::string(exchange::kStatementMediaType);
  out.body = consent::encode(statement);
  out.marking.realm = parts_.exchange.realm();
  out.marking.rel_to = head.roster();
  if (auto const* remark = std::get_if<consent::Remark>(&body)) out.marking.rel_to = {remark->to};
  if (std::holds_alternative<consent::Reason>(body)) out.marking.rel_to = {head.chair};
  out.marking.rel_to.erase(parts_.exchange.self());
  out.keep_private = out.marking.rel_to.empty();  // the chair's own reason
  if (out.keep_private) out.marking.rel_to = {parts_.exchange.self()};
  return out;
}

void Delegation::send(consent::Statement const& statement, Done const& done) {
  auto request = request_for(statement);
  if (!request) return done(fail(std::move(request).error()));
  parts_.exchange.share(
      std::move(*request), [this, statement, done](Result<exchange::ShareResult> shared) {
        if (shared) return done(said_of(statement));
        // It is said and binds; sent again by work() until the disk takes it.
        {
          std::lock_guard const lock(mutex_);
          unsent_.push_back(statement);
        }
        obs::log(obs::Level::kError, "consent.not_sent", {{"error", shared.error().text()}});
        done(fail(std::move(shared).error()));
      });
}

void Delegation::send_again() {
  std::vector<consent::Statement> unsent;
  std::vector<consent::Pending> waiting;
  {
    std::lock_guard const lock(mutex_);
    unsent.swap(unsent_);
    // What a crash has left without a signature, or without having been sent.
    if (!std::exchange(resigned_, true)) waiting = ledger_.unsigned_statements();
  }
  for (auto const& statement : unsent) send(statement, [](Result<Said>) {});
  for (auto const& pending : waiting)
    if (auto const signature = sign_here(pending))
      release(pending, *signature, [](Result<Said>) {});
}

std::vector<Said> Delegation::unsigned_statements() const {
  std::lock_guard const lock(mutex_);
  std::vector<Said> out;
  for (auto const& pending : ledger_.unsigned_statements()) out.push_back(said_of(pending));
  return out;
}

void Delegation::sign(Hash const& statement, crypto::Signature const& signature, Done done) {
  std::optional<consent::Pending> found;
  {
    std::lock_guard const lock(mutex_);
    for (auto const& pending : ledger_.unsigned_statements())
      if (consent::statement_digest(pending.statement()) == statement) found = pending;
  }
  if (!found) return done(fail(Code::kNotFound, "statement", "nothing of this name is unsigned"));
  release(*found, signature, done);
  poke();
}

void Delegation::bring(consent::JoinAccept const& accept, std::function<void(Result<void>)> done) {
  Result<consent::Taken> taken = consent::Taken{};
  exchange::ShareRequest request;
  {
    std::lock_guard const lock(mutex_);
    taken = ledger_.take(accept);
  }
  if (!taken) return done(fail(std::move(taken).error()));
  if (!taken->news) return done({});
  request.kind = envelope::Kind::kGovernance;
  request.precedence = Precedence::kPriority;
  request.media_type = std::string(exchange::kJoinAcceptMediaType);
  request.body = consent::encode(accept);
  request.marking.realm = parts_.exchange.realm();
  request.marking.rel_to = parts_.exchange.community().head.roster();
  request.marking.rel_to.erase(parts_.exchange.self());
  parts_.exchange.share(std::move(request),
                        [this, done = std::move(done)](Result<exchange::ShareResult> shared) {
                          if (!shared) return done(fail(std::move(shared).error()));
                          done({});
                          poke();
                        });
}

}  // namespace amic::governance
