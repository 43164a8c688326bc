#include "consent/ledger.h"

#include <algorithm>

#include "base/limits.h"
#include "codec/codec.h"
#include "crypto/hash.h"

namespace amic::consent {

namespace {

constexpr std::string_view kJournalFormat = "amic/consent-journal/v1";
enum class Entry : std::uint8_t { kIntent = 1, kFrozen = 2 };
constexpr std::size_t kNumbersKept = 1024;  // of each key, beyond the head in force

Bytes journal_entry(Entry kind, BytesView bytes) {
  codec::Writer out;
  out.str8(kJournalFormat).u8(static_cast<std::uint8_t>(kind)).vec32(bytes);
  return out.take();
}

}  // namespace

Ledger::Ledger(Community community, MemberId self)
    : community_(std::move(community)), self_(std::move(self)), used_keys_(community_.head) {}

Ledger::Ledger(History const& history, MemberId self) : Ledger(history.now, std::move(self)) {
  used_keys_ = history.used_keys;
  chair_change_ = history.chair_change;
  past_known_ = !chair_change_;
}

crypto::VerifyKey Ledger::own_key(Signer signer) const {
  auto const* key = signer_key(community_.head, self_, signer);
  return key == nullptr ? crypto::VerifyKey{} : *key;
}

std::uint64_t Ledger::own_seq() const {
  auto const it = numbers_.find(own_key(Signer::kGovernance));
  return it == numbers_.end() || it->second.empty() ? 0 : it->second.rbegin()->first;
}

void Ledger::freeze(std::string reason, Taken& out) {
  if (trust_ == Trust::kFrozen) return;
  trust_ = Trust::kFrozen;
  trust_reason_ = std::move(reason);
  frozen_key_ = own_key(Signer::kGovernance);
  out.journal.push_back(journal_entry(Entry::kFrozen, frozen_key_->view()));
}

Taken Ledger::begin(Hash const& challenge, std::optional<std::uint64_t> counter) {
  Taken out;
  challenge_ = challenge;
  answered_.clear();
  doubted_ = false;
  if (trust_ == Trust::kFrozen) return out;
  trust_ = Trust::kUnchecked;
  trust_reason_ = "not checked since the start";
  if (!counter) return out;
  std::uint64_t const seq = own_seq();
  auto const& numbers = numbers_[own_key(Signer::kGovernance)];
  bool const last_unsigned = seq > 0 && unsigned_.contains(numbers.at(seq));
  if (*counter == seq || (last_unsigned && *counter + 1 == seq)) {
    trust_ = Trust::kClear;
    trust_reason_.clear();
  } else {
    freeze("the external counter says " + std::to_string(*counter) + ", but " +
               std::to_string(seq) + " statements are remembered here",
           out);
  }
  return out;
}

HeadStatus Ledger::status(Hash const& challenge) const {
  HeadStatus out;
  out.challenge = challenge;
  for (auto const& card : community_.head.members) {
    std::vector<crypto::VerifyKey> keys{card.root, card.governance};
    std::sort(keys.begin(), keys.end());
    for (auto const& key : keys)
      if (auto const it = numbers_.find(key); it != numbers_.end() && !it->second.empty())
        out.rows.push_back(
            {card.member, key, it->second.rbegin()->first, it->second.rbegin()->second});
  }
  return out;
}

Result<Intent> Ledger::plan(Body const& body, UnixMs now_ms) const {
  Intent out;
  Statement& s = out.statement_;
  s.signer = signer_of(body);
  AMIC_TRY_VOID(may_say(body, s.signer));
  s.community = community_.id;
  s.epoch = community_.head.epoch;
  s.head = community_.head_digest;
  s.author = self_;
  s.created_ms = now_ms;
  s.kind = kind_of(body);
  s.body = encode_body(body);
  s.body_sha256 = crypto::sha256(s.body);
  if (s.signer != Signer::kNode) {
    auto const numbers = numbers_.find(own_key(s.signer));
    bool const first = numbers == numbers_.end() || numbers->second.empty();
    s.author_seq = first ? 1 : numbers->second.rbegin()->first + 1;
    if (!first) s.previous = numbers->second.rbegin()->second;
  }
  // The form and limits that every receiver will check.
  AMIC_TRY_VOID(decode_statement(encode(s)));
  AMIC_TRY_VOID(decode_body(s.kind, s.body));
  codec::Writer entry;
  entry.raw(own_key(s.signer).view()).raw(encode(s));
  out.journal_ = journal_entry(Entry::kIntent, entry.bytes());
  return out;
}

Result<Pending> Ledger::remember(Intent const& intent) {
  Pending out;
  out.statement_ = intent.statement_;
  out.key_ = own_key(intent.statement_.signer);
  AMIC_TRY(Body const body, body_of(out.statement_));
  // What has come in between may have changed what may be said.
  AMIC_TRY(Intent const again, plan(body, out.statement_.created_ms));
  if (again.journal_ != intent.journal_)
    return refuse(Rule::kR2, "something else was said in between; plan it again");
  if (out.statement_.signer == Signer::kNode) return out;
  record(out.statement_, body, out.statement_.created_ms);
  unsigned_[statement_digest(out.statement_)] = out;
  return out;
}

Result<Statement> Ledger::seal(Pending const& pending, crypto::Signature const& signature) {
  Statement out = pending.statement_;
  out.signature = signature;
  if (!crypto::verify(pending.key_, signed_message(out), signature))
    return fail(Code::kBadSignature, "statement.signature", "not by the key that was asked for");
  if (out.signer != Signer::kNode) attach_signature(out);
  return out;
}

void Ledger::attach_signature(Statement const& statement) {
  Hash const digest = statement_digest(statement);
  unsigned_.erase(digest);
  if (auto const it = kept_.find(digest); it != kept_.end())
    it->second.signature = statement.signature;
  for (auto& [id, proposal] : proposals_) {
    if (proposal.motion && statement_digest(proposal.statement) == digest)
      proposal.statement.signature = statement.signature;
    for (auto& one : proposal.early)
      if (statement_digest(one) == digest) one.signature = statement.signature;
    for (auto& [round, slots] : proposal.responses)
      if (auto const slot = slots.find(statement.author);
          slot != slots.end() && statement_digest(slot->second.statement) == digest)
        slot->second.statement.signature = statement.signature;
    auto const adoption = proposal.adoptions.find(statement.author);
    if (adoption != proposal.adoptions.end() && statement_digest(adoption->second.first) == digest)
      adoption->second.first.signature = statement.signature;
  }
}

std::vector<Pending> Ledger::unsigned_statements() const {
  std::vector<Pending> out;
  for (auto const& [digest, pending] : unsigned_) out.push_back(pending);
  std::sort(out.begin(), out.end(), [](Pending const& a, Pending const& b) {
    return a.statement_.author_seq < b.statement_.author_seq;
  });
  return out;
}

Result<void> Ledger::replay(BytesView entry) {
  codec::Reader in(entry, "consent.journal");
  if (in.str8() != kJournalFormat) in.reject(Code::kUnsupported, "not an amic/consent-journal/v1");
  auto const kind = static_cast<Entry>(in.u8());
  codec::Reader inner(in.vec32(limits::kMotionBytesMax + 1024), "consent.journal.entry");
  AMIC_TRY_VOID(in.finish());
  auto const key = inner.fixed<crypto::VerifyKey>();
  BytesView const bytes = inner.rest();
  AMIC_TRY_VOID(inner.finish());
  if (kind == Entry::kIntent) return replay_intent(key, bytes);
  if (kind != Entry::kFrozen || !bytes.empty())
    return fail(Code::kUnsupported, "consent.journal", "not an entry of this version");
  if (key != own_key(Signer::kGovernance)) return {};  // it has been replaced since
  frozen_key_ = key;
  trust_ = Trust::kFrozen;
  trust_reason_ = "frozen before the last start";
  return {};
}

Result<void> Ledger::replay_intent(crypto::VerifyKey const& key, BytesView bytes) {
  AMIC_TRY(Statement const statement, decode_statement(bytes));
  if (statement.author != self_ || statement.community != community_.id)
    return fail(Code::kWrongIdentity, "consent.journal", "of another member or community");
  AMIC_TRY(Body const body, body_of(statement));
  Hash const digest = statement_digest(statement);
  if (statement.epoch < community_.head.epoch) {
    // Of a head that is past only the number still matters, and what is consented to ahead.
    numbers_[key][statement.author_seq] = digest;
    if (auto const* standing = std::get_if<StandingConsent>(&body);
        standing != nullptr && standing->latest_epoch >= community_.head.epoch)
      own_standing_[digest] = *standing;
    if (auto const* revocation = std::get_if<StandingRevocation>(&body))
      own_standing_.erase(revocation->standing);
    return {};
  }
  if (statement.head != community_.head_digest)
    return fail(Code::kUnknownEpoch, "consent.journal", "replayed before its decision");
  if (kept_.contains(digest)) return {};
  record(statement, body, statement.created_ms);
  Pending pending;
  pending.statement_ = statement;
  pending.key_ = key;
  unsigned_[digest] = std::move(pending);
  return {};
}

Result<Taken> Ledger::advance(Decision const& decision) {
  AMIC_TRY(Decided const decided, verify_decision(decision, community_.id, community_.head));
  if (own_adopted_ && *own_adopted_ != decided.motion_id)
    return fail(Code::kConflict, refusal(Rule::kR3, {}).where,
                "all members have adopted another motion than this node: its key is not its own");
  AMIC_TRY_VOID(check_fresh_keys(decided.motion, used_keys_));
  Taken out;
  out.news = true;
  for (auto const& adoption : decision.certificate.adoptions)
    if (adoption.author == self_ && adoption.signer == Signer::kGovernance &&
        !kept_.contains(statement_digest(adoption)))
      freeze("a decision holds this member's adoption, which is not remembered here", out);
  AMIC_TRY(Community next, apply(community_, decided.motion));
  end_of_head(decided);
  community_ = std::move(next);
  proposals_.clear();
  order_.clear();
  left_.clear();
  bound_.clear();
  own_adopted_.reset();
  own_responses_.clear();
  kept_.clear();
  answers_.clear();
  budgets_.clear();
  unsigned_.clear();
  for (auto& [key, numbers] : numbers_)
    while (numbers.size() > kNumbersKept) numbers.erase(numbers.begin());
  std::erase_if(own_standing_,
                [&](auto const& one) { return one.second.latest_epoch < community_.head.epoch; });
  // New keys, which have said nothing yet: they forget nothing.
  if (frozen_key_ && is_member(self_) && own_key(Signer::kGovernance) != *frozen_key_) {
    frozen_key_.reset();
    trust_ = Trust::kClear;
    trust_reason_.clear();
  }
  auto waiting = std::move(waiting_);
  waiting_.clear();
  for (auto const& one : waiting) {
    auto taken = take(one.bytes, one.from, one.now_ms);
    if (!taken) continue;  // its sender was told that it waits; refused now, it is as if lost
    std::move(taken->evidence.begin(), taken->evidence.end(), std::back_inserter(out.evidence));
    std::move(taken->journal.begin(), taken->journal.end(), std::back_inserter(out.journal));
  }
  return out;
}

}  // namespace amic::consent
