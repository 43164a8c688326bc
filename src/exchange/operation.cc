#include "exchange/operation.h"

#include <algorithm>

#include "base/limits.h"
#include "codec/codec.h"

namespace amic::exchange {
namespace {

constexpr std::uint16_t kFormatVersion = 1;

struct KindName {
  OperationKind kind;
  std::string_view name;
};
constexpr KindName kKinds[] = {{OperationKind::kRetract, "retract"},
                               {OperationKind::kRecall, "recall"},
                               {OperationKind::kNarrow, "narrow"},
                               {OperationKind::kRemark, "remark"},
                               {OperationKind::kRestore, "restore"}};

bool has_controls(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) == 0x7F;
  });
}

Result<void> check_reason(std::string const& reason, char const* where) {
  if (reason.size() > kReasonBytesMax) return fail(Code::kTooLarge, where, "over 1024 bytes");
  if (has_controls(reason)) return fail(Code::kMalformed, where, "a control character");
  return {};
}

// Which standings a kind can leave an item in.
bool fits(OperationKind kind, Standing standing) {
  switch (kind) {
    case OperationKind::kRetract:
      return standing == Standing::kRetracted;
    case OperationKind::kRecall:
      return standing == Standing::kRecalled;
    case OperationKind::kNarrow:
    case OperationKind::kRemark:
      return standing != Standing::kRecalled;
    case OperationKind::kRestore:
      return standing == Standing::kInView;
  }
  return false;
}

// The originator, who may be in its own REL TO, is no recipient.
bool sealed_to_all(std::set<MemberId> members, envelope::Contents const& contents) {
  members.erase(contents.originator);
  return std::includes(contents.recipients.begin(), contents.recipients.end(), members.begin(),
                       members.end());
}

Result<void> check_lineage(envelope::Contents const& contents, Hash const& about) {
  if (contents.lineage == std::vector<Hash>{about}) return {};
  return fail(Code::kRejected, "envelope.lineage", "not what the statement is about");
}

}  // namespace

std::string_view operation_name(OperationKind kind) {
  for (auto const& entry : kKinds)
    if (entry.kind == kind) return entry.name;
  return "unknown";
}

Result<OperationKind> parse_operation_kind(std::string_view text) {
  for (auto const& entry : kKinds)
    if (entry.name == text) return entry.kind;
  return fail(Code::kMalformed, "operation.kind", "retract, recall, narrow, remark or restore");
}

std::string_view outcome_name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kPending:
      return "pending";
    case Outcome::kRefused:
      return "refused";
    case Outcome::kComplied:
      return "complied";
  }
  return "unknown";
}

Bytes encode(Operation const& operation) {
  codec::Writer out;
  out.u16(kFormatVersion).u8(static_cast<std::uint8_t>(operation.kind));
  out.raw(operation.item.view()).raw(operation.target.view()).u64(operation.counter);
  out.i64(operation.at_ms).u8(static_cast<std::uint8_t>(operation.standing));
  out.vec16(marking::encode(operation.marking)).str16(operation.reason);
  return out.take();
}

Result<Operation> decode_operation(BytesView bytes) {
  codec::Reader in(bytes, "operation");
  if (in.u16() != kFormatVersion) in.reject(Code::kUnsupported, "unknown version");
  Operation out;
  auto const kind = in.u8();
  if (kind < 1 || kind > 5) in.reject(Code::kOutOfRange, "unknown kind");
  out.kind = static_cast<OperationKind>(kind);
  out.item = in.fixed<EnvelopeId>();
  out.target = in.fixed<Hash>();
  out.counter = in.u64();
  if (out.counter == 0) in.reject(Code::kOutOfRange, "counters begin at 1");
  out.at_ms = in.i64();
  auto const standing = in.u8();
  if (standing > 2) in.reject(Code::kOutOfRange, "unknown standing");
  out.standing = static_cast<Standing>(standing);
  Bytes const marking = to_bytes(in.vec16(limits::kMarkingBytesMax));
  out.reason = in.str16(kReasonBytesMax);
  AMIC_TRY_VOID(in.finish());
  AMIC_TRY(out.marking, marking::decode(marking));
  AMIC_TRY_VOID(check_reason(out.reason, "operation.reason"));
  if (!fits(out.kind, out.standing))
    return fail(Code::kMalformed, "operation.standing", "not what this kind leaves behind");
  return out;
}

Bytes encode(Reply const& reply) {
  codec::Writer out;
  out.u16(kFormatVersion).raw(reply.item.view()).raw(reply.target.view());
  out.raw(reply.operation.view()).u64(reply.counter).i64(reply.at_ms);
  out.u8(static_cast<std::uint8_t>(reply.outcome));
  out.u8(static_cast<std::uint8_t>((reply.hidden ? 1 : 0) | (reply.destroyed ? 2 : 0)));
  out.str16(reply.reason);
  return out.take();
}

Result<Reply> decode_reply(BytesView bytes) {
  codec::Reader in(bytes, "reply");
  if (in.u16() != kFormatVersion) in.reject(Code::kUnsupported, "unknown version");
  Reply out;
  out.item = in.fixed<EnvelopeId>();
  out.target = in.fixed<Hash>();
  out.operation = in.fixed<Hash>();
  out.counter = in.u64();
  if (out.counter == 0) in.reject(Code::kOutOfRange, "counters begin at 1");
  out.at_ms = in.i64();
  auto const outcome = in.u8();
  if (outcome < 1 || outcome > 3) in.reject(Code::kOutOfRange, "unknown outcome");
  out.outcome = static_cast<Outcome>(outcome);
  auto const done = in.u8();
  if (done > 3) in.reject(Code::kOutOfRange, "unknown deed");
  out.hidden = (done & 1) != 0;
  out.destroyed = (done & 2) != 0;
  out.reason = in.str16(kReasonBytesMax);
  AMIC_TRY_VOID(in.finish());
  AMIC_TRY_VOID(check_reason(out.reason, "reply.reason"));
  if (out.destroyed != (out.outcome == Outcome::kComplied))
    return fail(Code::kMalformed, "reply.outcome", "complied is destroyed, and nothing else is");
  return out;
}

Result<Operation> read_operation(envelope::Contents const& contents) {
  if (contents.media_type != kOperationMediaType)
    return fail(Code::kUnsupported, "envelope.media_type", "not that of an operation");
  AMIC_TRY(auto out, decode_operation(contents.body));
  if (!envelope::check_id(out.item, contents.community, contents.originator))
    return fail(Code::kForbidden, "operation.item", "only its originator may");
  AMIC_TRY_VOID(check_lineage(contents, out.target));
  if (out.marking.realm != contents.realm)
    return fail(Code::kRejected, "operation.marking", "of another realm");
  if (!sealed_to_all(out.marking.rel_to, contents))
    return fail(Code::kRejected, "operation.marking", "names members that do not get this");
  return out;
}

Result<Reply> read_reply(envelope::Contents const& contents) {
  if (contents.media_type != kReplyMediaType)
    return fail(Code::kUnsupported, "envelope.media_type", "not that of a reply");
  AMIC_TRY(auto out, decode_reply(contents.body));
  AMIC_TRY_VOID(check_lineage(contents, out.operation));
  bool const to_originator =
      contents.recipients.size() == 1 &&
      envelope::check_id(out.item, contents.community, contents.recipients.front()).has_value();
  if (!to_originator)
    return fail(Code::kForbidden, "envelope.recipients", "not to the item's originator alone");
  return out;
}

}  // namespace amic::exchange
