// Statements about an item that was shared: its originator's operations (retract, recall, narrow,
// remark, restore), and a receiver's reply to those that ask for destruction. Both travel as
// envelopes. docs/formats/operation.md. Pure.
#pragma once

#include <string>
#include <string_view>

#include "envelope/envelope.h"
#include "marking/marking.h"

namespace amic::exchange {

inline constexpr std::string_view kOperationMediaType = "application/vnd.amic.operation";
inline constexpr std::string_view kReplyMediaType = "application/vnd.amic.reply";
inline constexpr std::size_t kReasonBytesMax = 1024;

// Values are part of the format.
enum class OperationKind : std::uint8_t {
  kRetract = 1,  // out of view; contents may stay stored
  kRecall = 2,   // out of view for good; receivers are asked to destroy it and to say so
  kNarrow = 3,   // to fewer members; the others are asked as by a recall
  kRemark = 4,   // another marking for the same members
  kRestore = 5,  // in view again, under the marking it was shared with
};
std::string_view operation_name(OperationKind kind);  // "retract" ...
Result<OperationKind> parse_operation_kind(std::string_view text);

enum class Standing : std::uint8_t { kInView = 0, kRetracted = 1, kRecalled = 2 };

// The latest one says all that holds for its item: which came when does not matter.
struct Operation {
  OperationKind kind = OperationKind::kRetract;
  EnvelopeId item;
  Hash target;  // digest of the item's envelope
  std::uint64_t counter = 1;
  UnixMs at_ms = 0;
  Standing standing = Standing::kInView;
  marking::Marking marking;  // of the item from now on; its rel_to are those who may hold it
  std::string reason;        // UTF-8, no control characters
  bool operator==(Operation const&) const = default;
};
Bytes encode(Operation const& operation);
// kMalformed, kOutOfRange, kTooLarge, kBadUtf8 or kUnsupported at "operation.<offset>" or
// "operation.<field>".
Result<Operation> decode_operation(BytesView bytes);

enum class Outcome : std::uint8_t { kPending = 1, kRefused = 2, kComplied = 3 };
std::string_view outcome_name(Outcome outcome);  // "pending" ...

struct Reply {
  EnvelopeId item;
  Hash target;
  Hash operation;  // digest of the operation's envelope
  std::uint64_t counter = 1;
  UnixMs at_ms = 0;
  Outcome outcome = Outcome::kPending;
  bool hidden = false;     // no reader of that node is shown it
  bool destroyed = false;  // its data key there, and what was stored under it
  std::string reason;      // kRefused: why; else empty
  bool operator==(Reply const&) const = default;
};
Bytes encode(Reply const& reply);
Result<Reply> decode_reply(BytesView bytes);

// What an envelope of these kinds must be beside well sealed. kForbidden: an item whose id is not
// of the sender (only the originator may), or a reply to others than him; kRejected: says other
// things inside than outside; and the errors of decoding.
Result<Operation> read_operation(envelope::Contents const& contents);
Result<Reply> read_reply(envelope::Contents const& contents);

}  // namespace amic::exchange
