#include "consent/statement.h"

#include "base/limits.h"
#include "codec/codec.h"
#include "consent/text_rules.h"
#include "crypto/hash.h"

namespace amic::consent {

namespace {

constexpr std::string_view kFormat = "amic/statement/v1";
constexpr std::string_view kAcceptFormat = "amic/join-accept/v1";
constexpr std::string_view kAcceptLabel = "AMIC JOIN ACCEPT";
constexpr std::string_view kNames[] = {
    "motion",      "comment",        "remark",   "indication",       "response",
    "reason",      "round_change",   "adoption", "standing_consent", "standing_revocation",
    "head_status", "evidence",       "shelving", "declaration",      "meeting",
    "handover",    "handover_accept"};

// A motion, or two statements in evidence.
std::size_t body_max(StatementKind kind) {
  return kind == StatementKind::kMotion ? limits::kMotionBytesMax : 128 << 10;
}

void check_form(codec::Reader& in, Statement const& out) {
  if (!in.ok()) return;
  if (statement_kind_name(out.kind).empty())
    return in.reject(Code::kUnsupported, "not a kind of statement of this version");
  if (!is_time(out.created_ms))
    return in.reject(Code::kOutOfRange, "created: between the years 1970 and 9999");
  bool const status = out.kind == StatementKind::kHeadStatus;
  bool const answer = out.kind == StatementKind::kResponse ||
                      out.kind == StatementKind::kAdoption ||
                      out.kind == StatementKind::kRoundChange;
  bool const fits = out.signer == Signer::kGovernance ? !status
                    : out.signer == Signer::kRoot     ? answer
                                                      : out.signer == Signer::kNode && status;
  if (!fits) return in.reject(Code::kMalformed, "signed by a key that is not for this");
  if ((out.author_seq == 0) != status)
    return in.reject(Code::kMalformed, "author_seq: from 1; 0 in a head status only");
  if ((out.author_seq <= 1) != out.previous.is_zero())
    in.reject(Code::kMalformed, "previous: zero in the first statement of a key only");
}

Statement read_words(codec::Reader& in) {
  if (in.str8() != kFormat) in.reject(Code::kUnsupported, "not an amic/statement/v1");
  Statement out;
  out.community = in.fixed<CommunityId>();
  out.epoch = in.u64();
  out.head = in.fixed<Hash>();
  out.author = read_member_id(in);
  out.signer = static_cast<Signer>(in.u8());
  out.author_seq = in.u64();
  out.previous = in.fixed<Hash>();
  out.created_ms = in.i64();
  out.kind = static_cast<StatementKind>(in.u8());
  out.body_sha256 = in.fixed<Hash>();
  check_form(in, out);
  return out;
}

Statement read_stub(codec::Reader& in) {
  Statement out = read_words(in);
  out.signature = in.fixed<crypto::Signature>();
  return out;
}

Result<void> read_statement_body(codec::Reader& in, Statement& out) {
  BytesView const body = in.vec32(body_max(out.kind));
  AMIC_TRY_VOID(in.finish());
  if (crypto::sha256(body) != out.body_sha256)
    return fail(Code::kRejected, "statement.body", "not the body whose SHA-256 was signed");
  out.body = to_bytes(body);
  return {};
}

Bytes accept_fields(JoinAccept const& accept) {
  codec::Writer out;
  out.str8(kAcceptFormat)
      .raw(accept.community.view())
      .u64(accept.epoch)
      .raw(accept.head.view())
      .raw(accept.motion.view())
      .raw(accept.card.view())
      .i64(accept.created_ms);
  return out.take();
}

}  // namespace

std::string_view statement_kind_name(StatementKind kind) {
  auto const index = static_cast<std::size_t>(kind) - 1;
  return index < std::size(kNames) ? kNames[index] : std::string_view{};
}

Bytes signed_message(Statement const& statement) {
  codec::Writer out;
  out.str8(kFormat)
      .raw(statement.community.view())
      .u64(statement.epoch)
      .raw(statement.head.view())
      .str8(statement.author.str())
      .u8(static_cast<std::uint8_t>(statement.signer))
      .u64(statement.author_seq)
      .raw(statement.previous.view())
      .i64(statement.created_ms)
      .u8(static_cast<std::uint8_t>(statement.kind))
      .raw(statement.body_sha256.view());
  return out.take();
}

Hash statement_digest(Statement const& statement) {
  return crypto::sha256(signed_message(statement));
}

Statement sign_statement(Statement unsigned_statement, crypto::SigningKey const& key) {
  unsigned_statement.body_sha256 = crypto::sha256(unsigned_statement.body);
  unsigned_statement.signature = key.sign(signed_message(unsigned_statement));
  return unsigned_statement;
}

Bytes encode_stub(Statement const& statement) {
  Bytes out = signed_message(statement);
  append(out, statement.signature.view());
  return out;
}

Bytes encode(Statement const& statement) {
  codec::Writer out;
  out.raw(encode_stub(statement)).vec32(statement.body);
  return out.take();
}

Bytes encode_words(Statement const& statement) {
  codec::Writer out;
  out.raw(signed_message(statement)).vec32(statement.body);
  return out.take();
}

Result<Statement> decode_stub(BytesView bytes) {
  codec::Reader in(bytes, "statement");
  Statement out = read_stub(in);
  AMIC_TRY_VOID(in.finish());
  return out;
}

Result<Statement> decode_statement(BytesView bytes) {
  codec::Reader in(bytes, "statement");
  Statement out = read_stub(in);
  AMIC_TRY_VOID(read_statement_body(in, out));
  return out;
}

Result<Statement> decode_words(BytesView bytes) {
  codec::Reader in(bytes, "statement");
  Statement out = read_words(in);
  AMIC_TRY_VOID(read_statement_body(in, out));
  return out;
}

crypto::VerifyKey const* signer_key(Head const& head, MemberId const& author, Signer signer) {
  Card const* card = head.member(author);
  if (card == nullptr) return nullptr;
  return signer == Signer::kRoot   ? &card->root
         : signer == Signer::kNode ? &card->node
                                   : &card->governance;
}

Result<void> verify_statement(Statement const& statement, CommunityId const& community,
                              Head const& head, Hash const& head_digest) {
  if (statement.community != community)
    return fail(Code::kUnknownCommunity, "statement.community", "of another community");
  if (statement.epoch != head.epoch || statement.head != head_digest)
    return fail(Code::kUnknownEpoch, "statement.head", "on another head");
  auto const* key = signer_key(head, statement.author, statement.signer);
  if (key == nullptr)
    return fail(Code::kUnknownMember, "statement.author",
                statement.author.str() + " is not a member");
  if (!crypto::verify(*key, signed_message(statement), statement.signature))
    return fail(Code::kBadSignature, "statement.signature",
                "not signed by the key of " + statement.author.str());
  return {};
}

JoinAccept sign_join_accept(JoinAccept accept, crypto::SigningKey const& root,
                            crypto::SigningKey const& governance) {
  Bytes const message = accept_fields(accept);
  accept.by_root = root.sign(message);
  accept.by_governance = governance.sign(message);
  return accept;
}

Bytes encode(JoinAccept const& accept) {
  codec::Writer out;
  out.raw(accept_fields(accept)).raw(accept.by_root.view()).raw(accept.by_governance.view());
  return out.take();
}

Result<JoinAccept> decode_join_accept(BytesView bytes) {
  codec::Reader in(bytes, "join_accept");
  if (in.str8() != kAcceptFormat) in.reject(Code::kUnsupported, "not an amic/join-accept/v1");
  JoinAccept out;
  out.community = in.fixed<CommunityId>();
  out.epoch = in.u64();
  out.head = in.fixed<Hash>();
  out.motion = in.fixed<Hash>();
  out.card = in.fixed<Hash>();
  out.created_ms = in.i64();
  out.by_root = in.fixed<crypto::Signature>();
  out.by_governance = in.fixed<crypto::Signature>();
  if (in.ok() && !is_time(out.created_ms))
    in.reject(Code::kOutOfRange, "created: between the years 1970 and 9999");
  AMIC_TRY_VOID(in.finish());
  return out;
}

std::string to_text(JoinAccept const& accept) {
  return codec::to_armor(kAcceptLabel, encode(accept));
}

Result<JoinAccept> join_accept_from_text(std::string_view text) {
  AMIC_TRY(Bytes const bytes, codec::from_armor(kAcceptLabel, text));
  return decode_join_accept(bytes);
}

Result<void> verify_join_accept(JoinAccept const& accept, CommunityId const& community,
                                std::uint64_t epoch, Hash const& head, Hash const& motion,
                                Card const& card) {
  if (accept.community != community || accept.epoch != epoch || accept.head != head ||
      accept.motion != motion || accept.card != fingerprint(card))
    return fail(Code::kRejected, "join_accept", "of another motion, head or card");
  Bytes const message = accept_fields(accept);
  if (!crypto::verify(card.root, message, accept.by_root) ||
      !crypto::verify(card.governance, message, accept.by_governance))
    return fail(Code::kBadSignature, "join_accept",
                "not signed by the root and governance keys of " + card.member.str());
  return {};
}

}  // namespace amic::consent
