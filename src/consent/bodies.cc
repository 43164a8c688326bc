#include "consent/bodies.h"

#include "base/limits.h"
#include "consent/body_fields.h"
#include "crypto/hash.h"

namespace amic::consent {

namespace {

constexpr std::string_view kPositions[] = {"agree",   "no_objection", "agree_with_statement",
                                           "not_yet", "object",       "does_not_participate"};
constexpr std::size_t kStatementBytesMax = 64 << 10;  // of one in evidence

using codec::Reader;
using codec::Writer;

void write(Writer& out, Motion const& m) {
  out.raw(encode(m));
}
void write(Writer& out, Comment const& c) {
  out.raw(c.motion.view()).str8(c.place).str16(c.text);
}
void write(Writer& out, Remark const& r) {
  out.raw(r.motion.view()).str8(r.to.str()).str16(r.text);
}
void write(Writer& out, Indication const& i) {
  out.raw(i.motion.view()).u8(static_cast<std::uint8_t>(i.view));
}
void write(Writer& out, Response const& r) {
  out.raw(r.motion.view())
      .u32(r.round)
      .raw(r.next_head.view())
      .u8(static_cast<std::uint8_t>(r.position))
      .str16(r.text)
      .raw(r.sealed_reason.view())
      .raw(r.standing.view())
      .str8(r.clause);
}
void write(Writer& out, Reason const& r) {
  out.raw(r.motion.view()).u32(r.round).raw(r.salt.view()).str16(r.text);
}
void write(Writer& out, RoundChange const& c) {
  out.u32(c.round).raw(c.adopted.view());
}
void write(Writer& out, Adoption const& a) {
  out.raw(a.motion.view()).u32(a.round).raw(a.next_head.view()).raw(a.response.view());
}
void write(Writer& out, StandingConsent const& s) {
  out.str8(s.standing_class)
      .u8(static_cast<std::uint8_t>(s.instrument))
      .str8(s.clause)
      .u8(static_cast<std::uint8_t>(s.position))
      .i64(s.expires_ms)
      .u64(s.latest_epoch);
}
void write(Writer& out, StandingRevocation const& r) {
  out.raw(r.standing.view());
}
void write(Writer& out, HeadStatus const& s) {
  Writer rows;
  for (auto const& row : s.rows)
    rows.str8(row.member.str()).raw(row.key.view()).u64(row.author_seq).raw(row.digest.view());
  out.raw(s.challenge.view()).vec16(rows.bytes());
}
void write(Writer& out, Evidence const& e) {
  for (auto const* one : {&e.first, &e.second})
    out.u8(one->kind == StatementKind::kMotion ? 1 : 0)
        .vec32(one->kind == StatementKind::kMotion ? encode_stub(*one) : encode(*one));
}
void write(Writer& out, Shelving const& s) {
  out.raw(s.motion.view()).u8(static_cast<std::uint8_t>(s.act)).str16(s.text);
}
void write(Writer& out, Declaration const& d) {
  out.raw(d.motion.view()).raw(d.next_head.view());
}

std::uint32_t read_round(Reader& in) {
  auto const round = in.u32();
  if (in.ok() && round >= limits::kRoundsMax) in.reject(Code::kOutOfRange, "round: below 1000");
  return round;
}

Comment read_comment(Reader& in) {
  Comment out;
  out.motion = read_hash(in, "motion");
  out.place = read_name(in, true, "comment.place");
  out.text = read_text(in, true, "comment.text");
  return out;
}

Remark read_remark(Reader& in) {
  Remark out;
  out.motion = read_hash(in, "motion");
  out.to = read_member_id(in);
  out.text = read_text(in, true, "remark.text");
  return out;
}

Response read_response(Reader& in) {
  Response out;
  out.motion = read_hash(in, "motion");
  out.round = read_round(in);
  out.next_head = in.fixed<Hash>();
  out.position = read_enum<Position>(in, 6, "not a position of this version");
  out.text = read_text(in, out.position == Position::kAgreeWithStatement, "response.text");
  out.sealed_reason = in.fixed<Hash>();
  out.standing = in.fixed<Hash>();
  out.clause = read_name(in, false, "response.clause");
  if (!in.ok()) return out;
  if (is_favourable(out.position) == out.next_head.is_zero())
    in.reject(Code::kMalformed, "next_head: zero exactly if the position is not favourable");
  bool const object = out.position == Position::kObject;
  if (!object && !out.sealed_reason.is_zero())
    in.reject(Code::kMalformed, "a sealed reason without an objection");
  if (!object && out.position != Position::kAgreeWithStatement && !out.text.empty())
    in.reject(Code::kMalformed, "a text with a position that has none");
  if (out.standing.is_zero() != out.clause.empty())
    in.reject(Code::kMalformed, "standing consent and clause come together");
  if (!out.standing.is_zero() && out.position != Position::kAgree &&
      out.position != Position::kNoObjection)
    in.reject(Code::kMalformed, "a standing consent agrees or does not object");
  return out;
}

Reason read_reason(Reader& in) {
  Reason out;
  out.motion = read_hash(in, "motion");
  out.round = read_round(in);
  out.salt = in.fixed<FixedBytes<16, struct SaltTag>>();
  out.text = read_text(in, true, "reason.text");
  return out;
}

Adoption read_adoption(Reader& in) {
  Adoption out;
  out.motion = read_hash(in, "motion");
  out.round = read_round(in);
  out.next_head = read_hash(in, "next_head");
  out.response = read_hash(in, "response");
  return out;
}

StandingConsent read_standing(Reader& in) {
  StandingConsent out;
  out.standing_class = read_name(in, true, "standing.class");
  out.instrument = read_enum<InstrumentKind>(in, 3, "not TOR, SOP or CONCEPT");
  out.clause = read_name(in, true, "standing.clause");
  out.position = read_enum<Position>(in, 2, "a standing consent agrees or does not object");
  out.expires_ms = in.i64();
  out.latest_epoch = in.u64();
  if (in.ok() && !is_time(out.expires_ms))
    in.reject(Code::kOutOfRange, "expires: between the years 1970 and 9999");
  return out;
}

HeadStatus read_status(Reader& in) {
  HeadStatus out;
  out.challenge = in.fixed<Hash>();
  Reader rows(in.vec16(UINT16_MAX), "status.rows");
  while (rows.ok() && rows.left() > 0 && out.rows.size() <= limits::kStatusRowsMax) {
    StatusRow row;
    row.member = read_member_id(rows);
    row.key = rows.fixed<crypto::VerifyKey>();
    row.author_seq = rows.u64();
    row.digest = rows.fixed<Hash>();
    if (rows.ok() && row.author_seq == 0) rows.reject(Code::kMalformed, "numbers begin at 1");
    if (!out.rows.empty() &&
        std::tie(out.rows.back().member, out.rows.back().key) >= std::tie(row.member, row.key))
      rows.reject(Code::kMalformed, "not in ascending order");
    out.rows.push_back(std::move(row));
  }
  if (!rows.ok() || rows.left() > 0 || out.rows.size() > limits::kStatusRowsMax)
    in.reject(Code::kMalformed, "rows are not whole, ordered, or too many");
  return out;
}

Result<Statement> read_evidenced(Reader& in) {
  bool const stub = in.u8() == 1;
  BytesView const bytes = in.vec32(kStatementBytesMax);
  AMIC_TRY_VOID(in.check());
  AMIC_TRY(Statement out, stub ? decode_stub(bytes) : decode_statement(bytes));
  // Evidence is not evidence of evidence, and a status is not numbered.
  if (stub != (out.kind == StatementKind::kMotion) || out.kind == StatementKind::kEvidence ||
      out.kind == StatementKind::kHeadStatus)
    return fail(Code::kMalformed, "evidence", "motions as stubs, the others whole");
  return out;
}

Result<Body> read_evidence(BytesView bytes) {
  Reader in(bytes, "evidence");
  Evidence out;
  AMIC_TRY(out.first, read_evidenced(in));
  AMIC_TRY(out.second, read_evidenced(in));
  AMIC_TRY_VOID(in.finish());
  Bytes again = encode_body(out);
  if (!equal(again, bytes)) return fail(Code::kMalformed, "evidence", "a mark that is not 0 or 1");
  return Body{std::move(out)};
}

Body read_body(StatementKind kind, Reader& in) {
  switch (kind) {
    case StatementKind::kComment:
      return read_comment(in);
    case StatementKind::kRemark:
      return read_remark(in);
    case StatementKind::kIndication: {
      Hash const motion = read_hash(in, "motion");
      return Indication{motion, read_enum<View>(in, 3, "not a view of this version")};
    }
    case StatementKind::kResponse:
      return read_response(in);
    case StatementKind::kReason:
      return read_reason(in);
    case StatementKind::kRoundChange: {
      auto const round = read_round(in);
      return RoundChange{round, in.fixed<Hash>()};
    }
    case StatementKind::kAdoption:
      return read_adoption(in);
    case StatementKind::kStandingConsent:
      return read_standing(in);
    case StatementKind::kStandingRevocation:
      return StandingRevocation{read_hash(in, "standing")};
    case StatementKind::kHeadStatus:
      return read_status(in);
    case StatementKind::kShelving: {
      Shelving out;
      out.motion = read_hash(in, "motion");
      out.act = read_enum<ShelvingAct>(in, 3, "not an act of this version");
      out.text = read_text(in, false, "shelving.text");
      return out;
    }
    case StatementKind::kDeclaration: {
      Hash const motion = read_hash(in, "motion");
      return Declaration{motion, read_hash(in, "next_head")};
    }
    case StatementKind::kMeeting:
      return read_meeting(in);
    case StatementKind::kHandover:
      return read_handover(in);
    case StatementKind::kHandoverAccept:
      return read_handover_accept(in);
    default:
      in.reject(Code::kUnsupported, "not a kind of statement of this version");
      return Comment{};
  }
}

template <class T>
std::optional<T> as(Statement const& statement) {
  auto body = body_of(statement);
  if (!body) return std::nullopt;
  if (auto* out = std::get_if<T>(&*body)) return std::move(*out);
  return std::nullopt;
}

}  // namespace

std::string_view position_name(Position position) {
  auto const index = static_cast<std::size_t>(position) - 1;
  return index < std::size(kPositions) ? kPositions[index] : std::string_view{};
}

Result<Position> parse_position(std::string_view text) {
  for (std::size_t i = 0; i < std::size(kPositions); ++i)
    if (kPositions[i] == text) return static_cast<Position>(i + 1);
  return fail(Code::kMalformed, "position", "not a position");
}

bool is_favourable(Position position) {
  return position != Position::kNotYet && position != Position::kObject;
}

bool is_final(Position position) {
  return position != Position::kNotYet;
}

Hash reason_commitment(Reason const& reason) {
  Writer out;
  out.str8("amic/reason/v1").raw(reason.motion.view()).raw(reason.salt.view()).str16(reason.text);
  return crypto::sha256(out.bytes());
}

StatementKind kind_of(Body const& body) {
  return static_cast<StatementKind>(body.index() + 1);
}

Bytes encode_body(Body const& body) {
  Writer out;
  std::visit([&](auto const& one) { write(out, one); }, body);
  return out.take();
}

Result<Body> decode_body(StatementKind kind, BytesView bytes) {
  if (kind == StatementKind::kMotion) {
    AMIC_TRY(Motion motion, decode_motion(bytes));
    return Body{std::move(motion)};
  }
  if (kind == StatementKind::kEvidence) return read_evidence(bytes);
  Reader in(bytes, statement_kind_name(kind));
  Body body = read_body(kind, in);
  AMIC_TRY_VOID(in.finish());
  return body;
}

Result<Body> body_of(Statement const& statement) {
  return decode_body(statement.kind, statement.body);
}

bool is_record(StatementKind kind) {
  return kind == StatementKind::kMeeting || kind == StatementKind::kHandover ||
         kind == StatementKind::kHandoverAccept;
}

char const* contradiction(Statement const& first, Statement const& second) {
  if (first.author != second.author || first.signer != second.signer ||
      first.community != second.community || statement_digest(first) == statement_digest(second))
    return nullptr;
  if (first.head != second.head) return nullptr;
  if (first.author_seq == second.author_seq && first.author_seq > 0)
    return "two statements under one number";
  if (first.kind != second.kind) return nullptr;
  if (first.kind == StatementKind::kAdoption) {
    auto const a = as<Adoption>(first), b = as<Adoption>(second);
    if (a && b && (a->motion != b->motion || a->next_head != b->next_head))
      return "adoptions of two motions on one head";
  }
  if (first.kind == StatementKind::kResponse) {
    auto const a = as<Response>(first), b = as<Response>(second);
    if (!a || !b || !is_final(a->position) || !is_final(b->position)) return nullptr;
    if (a->motion == b->motion && a->position != b->position)
      return "two final responses to one motion";
    if (a->motion != b->motion && a->round == b->round && is_favourable(a->position) &&
        is_favourable(b->position))
      return "favourable responses to two motions in one round";
  }
  return nullptr;
}

Result<void> verify_evidence(Evidence const& evidence, CommunityId const& community,
                             Head const& head, Hash const& head_digest) {
  AMIC_TRY_VOID(verify_statement(evidence.first, community, head, head_digest));
  AMIC_TRY_VOID(verify_statement(evidence.second, community, head, head_digest));
  if (contradiction(evidence.first, evidence.second) == nullptr)
    return fail(Code::kRejected, "evidence", "the two do not contradict each other");
  return {};
}

}  // namespace amic::consent
