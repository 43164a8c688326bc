// Certificate: the proof of a decision: of every member of the head its adoption, and the
// favourable response that the adoption names. Decision: the motion with its certificate. It
// verifies by itself with the head that it follows. docs/formats/consent.md. Pure.
#pragma once

#include <vector>

#include "consent/bodies.h"
#include "consent/refusal.h"

namespace amic::consent {

struct Certificate {
  std::vector<Statement> adoptions;  // one of each member, sorted by author; each of any round
  std::vector<Statement> responses;  // that they name, in the same order; without signatures, since
                                     // the adoption's covers the response by its digest
  std::optional<JoinAccept> join_accept;  // exactly if the motion admits a member
  bool operator==(Certificate const&) const = default;
};

struct Decision {
  Statement motion;
  Certificate certificate;
  bool operator==(Decision const&) const = default;
};
Bytes encode(Certificate const& certificate);
Result<Certificate> decode_certificate(BytesView bytes);
Bytes encode(Decision const& decision);
Result<Decision> decode_decision(BytesView bytes);  // form and limits; verifies nothing

// One signature to be checked. Collected, so that a long history can be checked on several threads.
struct SignatureCheck {
  crypto::VerifyKey key;
  Bytes message;
  crypto::Signature signature;
  MemberId member;
  std::string_view what;  // "adoption", "motion"
};

struct Decided {
  Motion motion;
  Hash motion_id;
  Head next;
  Hash next_digest;
};
// All but the signatures, which are appended to `checks`: the motion is on this head and was
// proposed by a member (R1, R10), makes `next` (R1); exactly the members of the head adopted it
// (R5), each by its own favourable response, where the kind allows the position (R5), naming the
// digest of `next` (R1); by root key where the seat's keys are replaced (R11); the joiner's word is
// there (R12). Errors name the rule and "epoch N".
Result<Decided> examine(Decision const& decision, CommunityId const& community, Head const& head,
                        std::vector<SignatureCheck>& checks);
Result<void> verify(SignatureCheck const& check, std::uint64_t epoch);
// examine() and all signatures.
Result<Decided> verify_decision(Decision const& decision, CommunityId const& community,
                                Head const& head);

// A motion is made known by its proposer, or as a chair's text by the chair, who then supersedes
// one (R9, R10).
Result<void> check_motion_author(Motion const& motion, MemberId const& author, Head const& head);
// The key by which this member answers this motion.
Signer signer_for(Motion const& motion, MemberId const& member);
// Whether the position counts for a motion of this kind: R5.
Result<void> check_position(MotionKind kind, Position position);

}  // namespace amic::consent
