#include "consent/history.h"

#include <algorithm>
#include <atomic>
#include <thread>

namespace amic::consent {

namespace {

constexpr std::size_t kWindow = 256;  // decisions whose signatures are checked together
constexpr unsigned kThreadsMax = 64;

struct Queued {
  std::uint64_t epoch = 0;
  SignatureCheck check;
};

// The first that fails, by order, whichever thread finds what first.
Result<void> verify_all(std::vector<Queued> const& queue, unsigned threads) {
  std::atomic<std::size_t> first_bad{queue.size()};
  auto const work = [&](std::size_t begin) {
    for (std::size_t i = begin; i < queue.size() && i < first_bad; i += threads) {
      if (verify(queue[i].check, queue[i].epoch)) continue;
      std::size_t seen = first_bad;
      while (i < seen && !first_bad.compare_exchange_weak(seen, i)) {
      }
      return;
    }
  };
  std::vector<std::thread> pool;
  for (unsigned t = 1; t < threads; ++t) pool.emplace_back(work, t);
  work(0);
  for (auto& thread : pool) thread.join();
  return first_bad == queue.size() ? Result<void>{}
                                   : verify(queue[first_bad].check, queue[first_bad].epoch);
}

Error at_epoch(std::uint64_t epoch, Error error) {
  error.where = "epoch " + std::to_string(epoch) + ", " + error.where;
  return error;
}

Chapter chapter_of(Decision const& decision, Decided const& decided) {
  Chapter out;
  out.epoch = decided.next.epoch;
  out.head = decided.next_digest;
  out.motion = decided.motion_id;
  out.kind = decided.motion.kind();
  out.verb = decided.motion.verb;
  out.title = decided.motion.title;
  out.proposer = decided.motion.proposer;
  for (auto const& adoption : decision.certificate.adoptions)
    out.decided_ms = std::max(out.decided_ms, adoption.created_ms);
  if (auto const* amend = std::get_if<Amend>(&decided.motion.change)) {
    out.amended = amend->texts;
    for (auto& one : out.amended) one.text = {};
  }
  return out;
}

}  // namespace

Result<History> verify_history(Transcript const& transcript, std::span<Bytes const> decisions,
                               unsigned threads) {
  threads = std::clamp(threads, 1U, kThreadsMax);
  History out;
  AMIC_TRY(out.genesis, community_of(transcript));
  out.now = out.genesis;
  out.used_keys.add(out.genesis.head);
  std::vector<Queued> queue;
  std::vector<SignatureCheck> checks;
  auto const flush = [&]() -> Result<void> {
    AMIC_TRY_VOID(verify_all(queue, threads));
    queue.clear();
    return {};
  };
  for (std::size_t i = 0; i < decisions.size(); ++i) {
    std::uint64_t const epoch = out.now.head.epoch;
    auto const decision = decode_decision(decisions[i]);
    checks.clear();
    auto decided = decision ? examine(*decision, out.genesis.id, out.now.head, checks)
                            : Result<Decided>{fail(at_epoch(epoch, decision.error()))};
    if (decided)
      if (auto const fresh = check_fresh_keys(decided->motion, out.used_keys); !fresh)
        decided = fail(at_epoch(epoch, fresh.error()));
    if (!decided) {
      AMIC_TRY_VOID(flush());  // what is wrong earlier is named first
      return fail(decided.error());
    }
    for (auto& check : checks) queue.push_back({epoch, std::move(check)});
    out.chapters.push_back(chapter_of(*decision, *decided));
    out.used_keys.add(decided->next);
    out.chair_change = chair_change(out.chair_change, out.now.head, decided->next, decided->motion);
    out.now.head = std::move(decided->next);
    out.now.head_digest = decided->next_digest;
    if (auto* amend = std::get_if<Amend>(&decided->motion.change))
      for (auto& one : amend->texts) out.now.texts[one.kind] = std::move(one.text);
    if ((i + 1) % kWindow == 0) AMIC_TRY_VOID(flush());
  }
  AMIC_TRY_VOID(flush());
  return out;
}

Result<void> extend(History& history, Decision const& decision) {
  AMIC_TRY(auto decided, verify_decision(decision, history.genesis.id, history.now.head));
  AMIC_TRY_VOID(check_fresh_keys(decided.motion, history.used_keys));
  history.chapters.push_back(chapter_of(decision, decided));
  history.used_keys.add(decided.next);
  history.chair_change =
      chair_change(history.chair_change, history.now.head, decided.next, decided.motion);
  history.now.head = std::move(decided.next);
  history.now.head_digest = decided.next_digest;
  if (auto* amend = std::get_if<Amend>(&decided.motion.change))
    for (auto& one : amend->texts) history.now.texts[one.kind] = std::move(one.text);
  return {};
}

std::optional<std::uint64_t> first_difference(std::span<Hash const> ours,
                                              std::span<Hash const> theirs) {
  for (std::size_t i = 0; i < std::min(ours.size(), theirs.size()); ++i)
    if (ours[i] != theirs[i]) return i;
  return std::nullopt;
}

}  // namespace amic::consent
