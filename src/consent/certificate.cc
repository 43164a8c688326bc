#include "consent/certificate.h"

#include "base/limits.h"
#include "codec/codec.h"
#include "crypto/hash.h"

namespace amic::consent {

namespace {

constexpr std::string_view kFormat = "amic/certificate/v1";
constexpr std::string_view kDecisionFormat = "amic/decision/v1";

Bytes encode_list(std::vector<Statement> const& list, bool with_signature) {
  codec::Writer out;
  for (auto const& one : list) out.vec32(with_signature ? encode(one) : encode_words(one));
  return out.take();
}

Result<std::vector<Statement>> read_list(BytesView bytes, bool with_signature,
                                         std::string_view what) {
  codec::Reader in(bytes, what);
  std::vector<Statement> out;
  while (in.ok() && in.left() > 0 && out.size() <= limits::kMembersMax) {
    BytesView const one = in.vec32(64 << 10);
    AMIC_TRY_VOID(in.check());
    AMIC_TRY(Statement statement, with_signature ? decode_statement(one) : decode_words(one));
    if (!out.empty() && statement.author <= out.back().author)
      return fail(Code::kMalformed, std::string(what),
                  "not in strictly ascending order of authors");
    out.push_back(std::move(statement));
  }
  AMIC_TRY_VOID(in.finish());
  return out;
}

tl::unexpected<Error> at_epoch(std::uint64_t epoch, Error error) {
  error.where = "epoch " + std::to_string(epoch) + ", " + error.where;
  return fail(std::move(error));
}

// What examine() knows while it goes through the statements.
struct Examination {
  Decision const& decision;
  CommunityId const& community;
  Head const& head;
  Hash head_digest;
  Decided& out;
  std::vector<SignatureCheck>& checks;

  Result<void> header(Statement const& s, Rule rule) const {
    if (s.community != community) return refuse(Rule::kR1, "a statement of another community");
    if (s.epoch != head.epoch || s.head != head_digest)
      return refuse(rule, "a statement of " + s.author.str() + " stands on another head");
    return {};
  }

  Result<void> queue(Statement const& s, std::string_view what) const {
    auto const* key = signer_key(head, s.author, s.signer);
    if (key == nullptr) return refuse(Rule::kR5, s.author.str() + " is not a member");
    checks.push_back({*key, signed_message(s), s.signature, s.author, what});
    return {};
  }

  Result<void> motion() const {
    Statement const& s = decision.motion;
    AMIC_TRY_VOID(header(s, Rule::kR1));
    if (s.kind != StatementKind::kMotion) return refuse(Rule::kR5, "without its motion");
    AMIC_TRY(out.motion, decode_motion(s.body));
    out.motion_id = motion_id(s.body);
    AMIC_TRY_VOID(check_motion_author(out.motion, s.author, head));
    AMIC_TRY_VOID(queue(s, "motion"));
    auto next = apply(head, out.motion);
    if (!next) return refuse(Rule::kR1, next.error().text());
    out.next = std::move(*next);
    out.next_digest = head_digest_of(out.next);
    return {};
  }
  static Hash head_digest_of(Head const& h) { return consent::head_digest(encode(h)); }

  Result<void> everybody(std::vector<Statement> const& list, std::string_view what) const {
    if (list.size() != head.members.size())
      return refuse(Rule::kR5, std::to_string(list.size()) + " of " +
                                   std::to_string(head.members.size()) +
                                   " members: " + std::string(what));
    for (std::size_t i = 0; i < list.size(); ++i) {
      Statement const& s = list[i];
      if (s.author != head.members[i].member)
        return refuse(Rule::kR5, std::string(what) + " of " + s.author.str() + " in place of " +
                                     head.members[i].member.str());
      AMIC_TRY_VOID(header(s, Rule::kR5));
      if (s.signer != signer_for(out.motion, s.author))
        return refuse(Rule::kR11, s.author.str() + " did not sign by the key that answers here");
    }
    return {};
  }

  Result<void> adoptions() const {
    AMIC_TRY_VOID(everybody(decision.certificate.adoptions, "adoption"));
    AMIC_TRY_VOID(everybody(decision.certificate.responses, "response"));
    for (std::size_t i = 0; i < head.members.size(); ++i) {
      Statement const& s = decision.certificate.adoptions[i];
      AMIC_TRY_VOID(queue(s, "adoption"));
      AMIC_TRY(Body const body, body_of(s));
      auto const* adoption = std::get_if<Adoption>(&body);
      if (adoption == nullptr) return refuse(Rule::kR5, "not an adoption");
      if (adoption->motion != out.motion_id)
        return refuse(Rule::kR5, s.author.str() + " adopted another motion");
      if (adoption->next_head != out.next_digest)
        return refuse(Rule::kR1, s.author.str() + " computed another next head");
      AMIC_TRY_VOID(response(decision.certificate.responses[i], *adoption));
    }
    return {};
  }

  // The response that the adoption names: signed with it.
  Result<void> response(Statement const& s, Adoption const& adoption) const {
    if (statement_digest(s) != adoption.response)
      return refuse(Rule::kR5, "not the response by which " + s.author.str() + " adopted");
    AMIC_TRY(Body const body, body_of(s));
    auto const* response = std::get_if<Response>(&body);
    if (response == nullptr) return refuse(Rule::kR5, "not a response");
    if (response->motion != out.motion_id || response->round != adoption.round)
      return refuse(Rule::kR5, s.author.str() + " answered another motion or round");
    AMIC_TRY_VOID(check_position(out.motion.kind(), response->position));
    if (!is_favourable(response->position))
      return refuse(Rule::kR5, s.author.str() + " is not in favour");
    if (response->next_head != out.next_digest)
      return refuse(Rule::kR1, s.author.str() + " computed another next head");
    return {};
  }

  Result<void> joiner() const {
    auto const* admit = std::get_if<Admit>(&out.motion.change);
    auto const& accept = decision.certificate.join_accept;
    if ((admit != nullptr) != accept.has_value())
      return refuse(Rule::kR12, admit != nullptr ? "the join-accept is missing"
                                                 : "a join-accept without an admission");
    if (admit == nullptr) return {};
    auto const fine =
        verify_join_accept(*accept, community, head.epoch, head_digest, out.motion_id, admit->card);
    if (!fine) return refuse(Rule::kR12, fine.error().text());
    return {};
  }
};

}  // namespace

Bytes encode(Certificate const& certificate) {
  codec::Writer out;
  out.str8(kFormat)
      .vec32(encode_list(certificate.adoptions, true))
      .vec32(encode_list(certificate.responses, false))
      .vec16(certificate.join_accept ? encode(*certificate.join_accept) : Bytes{});
  return out.take();
}

Result<Certificate> decode_certificate(BytesView bytes) {
  codec::Reader in(bytes, "certificate");
  if (in.str8() != kFormat) in.reject(Code::kUnsupported, "not an amic/certificate/v1");
  BytesView const adoptions = in.vec32(limits::kCertificateBytesMax);
  BytesView const responses = in.vec32(limits::kCertificateBytesMax);
  BytesView const accept = in.vec16(1024);
  AMIC_TRY_VOID(in.finish());
  Certificate out;
  AMIC_TRY(out.adoptions, read_list(adoptions, true, "certificate.adoptions"));
  AMIC_TRY(out.responses, read_list(responses, false, "certificate.responses"));
  if (!accept.empty()) {
    AMIC_TRY(out.join_accept, decode_join_accept(accept));
  }
  return out;
}

Bytes encode(Decision const& decision) {
  codec::Writer out;
  out.str8(kDecisionFormat).vec32(encode(decision.motion)).vec32(encode(decision.certificate));
  return out.take();
}

Result<Decision> decode_decision(BytesView bytes) {
  codec::Reader in(bytes, "decision");
  if (in.str8() != kDecisionFormat) in.reject(Code::kUnsupported, "not an amic/decision/v1");
  BytesView const motion = in.vec32(limits::kMotionBytesMax + 1024);
  BytesView const certificate = in.vec32(2 * limits::kCertificateBytesMax + 2048);
  AMIC_TRY_VOID(in.finish());
  Decision out;
  AMIC_TRY(out.motion, decode_statement(motion));
  AMIC_TRY(out.certificate, decode_certificate(certificate));
  return out;
}

Result<void> check_motion_author(Motion const& motion, MemberId const& author, Head const& head) {
  if (author == motion.proposer) return {};
  if (author != head.chair) return refuse(Rule::kR10, "a motion in another member's name");
  if (motion.supersedes.is_zero())
    return refuse(Rule::kR9, "the chair's text revises a motion; it begins none in another's name");
  return {};
}

Signer signer_for(Motion const& motion, MemberId const& member) {
  auto const* rekeyed = motion.rekeyed();
  return rekeyed != nullptr && *rekeyed == member ? Signer::kRoot : Signer::kGovernance;
}

Result<void> check_position(MotionKind kind, Position position) {
  if (position == Position::kDoesNotParticipate && !may_stand_aside(kind))
    return refuse(Rule::kR5, "\"does not participate\" is not an answer to a motion of this kind");
  return {};
}

Result<Decided> examine(Decision const& decision, CommunityId const& community, Head const& head,
                        std::vector<SignatureCheck>& checks) {
  Decided out;
  Examination const exam{decision, community, head, head_digest(encode(head)), out, checks};
  Result<void> result = exam.motion();
  if (result) result = exam.adoptions();
  if (result) result = exam.joiner();
  if (!result) return at_epoch(head.epoch, result.error());
  return out;
}

Result<void> verify(SignatureCheck const& check, std::uint64_t epoch) {
  if (crypto::verify(check.key, check.message, check.signature)) return {};
  Error error = refusal(Rule::kR5, "the " + std::string(check.what) + " of " + check.member.str() +
                                       " is not signed by its key");
  error.code = Code::kBadSignature;
  return at_epoch(epoch, std::move(error));
}

Result<Decided> verify_decision(Decision const& decision, CommunityId const& community,
                                Head const& head) {
  std::vector<SignatureCheck> checks;
  AMIC_TRY(Decided out, examine(decision, community, head, checks));
  for (auto const& check : checks) AMIC_TRY_VOID(verify(check, head.epoch));
  return out;
}

}  // namespace amic::consent
