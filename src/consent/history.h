// History: from the launch transcript over all decisions to the head in force. It is verified with
// nothing else, so a late joiner, a restored node or an auditor trusts nobody. Pure, but for
// threads.
#pragma once

#include <span>
#include <vector>

#include "consent/certificate.h"
#include "consent/keys.h"

namespace amic::consent {

// One decision, as the history tells it.
struct Chapter {
  std::uint64_t epoch = 0;  // of the head that it made
  Hash head;                // digest of that head
  Hash motion;
  MotionKind kind = MotionKind::kAnnounce;
  Verb verb = Verb::kAdopt;
  std::string title;
  MemberId proposer;
  UnixMs decided_ms = 0;  // the last adoption, by its author's clock; for the record only
  std::vector<AmendedText> amended;  // without the texts: they are in the decision
  bool operator==(Chapter const&) const = default;
};

struct History {
  Community genesis;
  Community now;
  std::vector<Chapter> chapters;  // chapters[i].epoch == i + 1
  UsedKeys used_keys;             // root and governance keys of all heads
  std::optional<ChairChange> chair_change;
};

// `decisions` are encoded Decisions in order. Signatures are checked on `threads` threads. The
// first thing that is wrong is returned with "epoch N, consent.R5.certificate" as its place, N
// being the epoch of the head on which it stands; a decision that does not decode has "epoch N" in
// front of its field. A decision that brings back a key of the past is refused with R15. Time is
// linear in the bytes; memory is that of some hundred decisions.
Result<History> verify_history(Transcript const& transcript, std::span<Bytes const> decisions,
                               unsigned threads);

// Verifies a decision on the head in force and adds it.
Result<void> extend(History& history, Decision const& decision);

// Whether two nodes tell one history: for late joiners and restored nodes, who compare with every
// member they can reach. nullopt: one continues the other. Otherwise the first epoch that differs.
std::optional<std::uint64_t> first_difference(std::span<Hash const> ours,
                                              std::span<Hash const> theirs);

}  // namespace amic::consent
