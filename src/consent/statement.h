// Statement: one signed utterance of one member about the community's affairs. It stands on one
// head, has a number and names the statement before it under the same key, so that saying two
// things in one place is provable. The signature covers the SHA-256 of the body and all the rest,
// so a statement can be proved without its body (a stub). docs/formats/consent.md. Pure.
#pragma once

#include <optional>

#include "base/clock.h"
#include "consent/head.h"

namespace amic::consent {

// Values are part of the format; one body struct in bodies.h for each.
enum class StatementKind : std::uint8_t {
  kMotion = 1,
  kComment = 2,
  kRemark = 3,
  kIndication = 4,
  kResponse = 5,
  kReason = 6,
  kRoundChange = 7,
  kAdoption = 8,
  kStandingConsent = 9,
  kStandingRevocation = 10,
  kHeadStatus = 11,
  kEvidence = 12,
  kShelving = 13,
  kDeclaration = 14,
  kMeeting = 15,
  kHandover = 16,
  kHandoverAccept = 17,
};
std::string_view statement_kind_name(StatementKind kind);  // "motion", "comment", ...

// Which of the author's keys in the head.
enum class Signer : std::uint8_t {
  kGovernance = 1,
  kRoot = 2,  // the seat whose keys a motion replaces: its response and adoption of that motion;
              // and a frozen seat's round changes
  kNode = 3,  // HEAD-STATUS only: it says what the node holds and consents to nothing
};

struct Statement {
  CommunityId community;
  std::uint64_t epoch = 0;
  Hash head;  // digest of the head that it stands on
  MemberId author;
  Signer signer = Signer::kGovernance;
  std::uint64_t author_seq = 0;  // from 1, for each key; 0 with kNode, which is not numbered
  Hash previous;                 // statement_digest of the one before under this key; zero: none
  UnixMs created_ms = 0;         // by the author's clock; for the record only
  StatementKind kind = StatementKind::kMotion;
  Hash body_sha256;
  crypto::Signature signature;
  Bytes body;  // empty in a stub
  bool operator==(Statement const&) const = default;
};

// What is signed, the domain string included: a key or a hardware token signs exactly these bytes.
Bytes signed_message(Statement const& statement);
// SHA-256 of signed_message(): the statement's name. It does not depend on the signature, so it is
// known before anything is signed, and another valid signature over the same words changes nothing.
Hash statement_digest(Statement const& statement);
// Sets body_sha256 from the body, then the signature.
Statement sign_statement(Statement unsigned_statement, crypto::SigningKey const& key);

Bytes encode(Statement const& statement);        // with its body
Bytes encode_stub(Statement const& statement);   // without
Bytes encode_words(Statement const& statement);  // with its body, without the signature
Result<Statement> decode_statement(
    BytesView bytes);  // form, limits, hash of the body; no signature
Result<Statement> decode_stub(BytesView bytes);
Result<Statement> decode_words(BytesView bytes);

// The author's key in the head; nullptr: not a member of it.
crypto::VerifyKey const* signer_key(Head const& head, MemberId const& author, Signer signer);
// Community, head and author: kUnknownCommunity, kUnknownEpoch, kUnknownMember; then the signature:
// kBadSignature. Works for stubs.
Result<void> verify_statement(Statement const& statement, CommunityId const& community,
                              Head const& head, Hash const& head_digest);

// A prospective member's word that it joins by this very motion, by its root and its new governance
// key: the card alone does not say that. Without it no admission is certified.
struct JoinAccept {
  CommunityId community;
  std::uint64_t epoch = 0;  // of the head that the motion follows
  Hash head;
  Hash motion;
  Hash card;  // fingerprint
  UnixMs created_ms = 0;
  crypto::Signature by_root, by_governance;
  bool operator==(JoinAccept const&) const = default;
};
JoinAccept sign_join_accept(JoinAccept unsigned_accept, crypto::SigningKey const& root,
                            crypto::SigningKey const& governance);
Bytes encode(JoinAccept const& accept);
Result<JoinAccept> decode_join_accept(BytesView bytes);
std::string to_text(JoinAccept const& accept);  // armor "AMIC JOIN ACCEPT": it may come on paper
Result<JoinAccept> join_accept_from_text(std::string_view text);
// Against the motion's card: kRejected, kBadSignature.
Result<void> verify_join_accept(JoinAccept const& accept, CommunityId const& community,
                                std::uint64_t epoch, Hash const& head, Hash const& motion,
                                Card const& card);

}  // namespace amic::consent
