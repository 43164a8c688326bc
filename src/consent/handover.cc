#include "consent/handover.h"

#include "consent/body_fields.h"
#include "consent/refusal.h"
#include "crypto/hash.h"

namespace amic::consent {

namespace {

constexpr std::string_view kStates[] = {"none", "awaited", "pending", "complete", "mismatch"};
constexpr std::string_view kFaults[] = {"not_here", "not_listed", "other_title"};

template <std::size_t N>
std::string_view name_in(std::string_view const (&names)[N], unsigned value) {
  return value >= 1 && value <= N ? names[value - 1] : std::string_view{};
}

void write_inventory(codec::Writer& out, Inventory const& inventory) {
  codec::Writer motions, requests;
  for (auto const& one : inventory.motions)
    motions.raw(one.motion.view()).u8(static_cast<std::uint8_t>(one.stage)).str8(one.title);
  for (auto const& one : inventory.requests) requests.raw(one.id.view()).str8(one.title);
  out.vec16(motions.bytes()).vec16(requests.bytes());
}

Inventory read_inventory(codec::Reader& in) {
  Inventory out;
  out.motions = read_list<OpenMotion>(
      in, in.vec16(UINT16_MAX), limits::kInventoryMotionsMax, "motions", [](codec::Reader& list) {
        OpenMotion one;
        one.motion = list.fixed<Hash>();
        one.stage = read_enum<Stage>(list, 6, "not a stage of this version");
        one.title = list.str8(limits::kNameBytesMax);
        return one;
      });
  out.requests = read_list<OpenRequest>(in, in.vec16(UINT16_MAX), limits::kInventoryRequestsMax,
                                        "requests", [](codec::Reader& list) {
                                          OpenRequest one;
                                          one.id = list.fixed<Hash>();
                                          one.title = list.str8(limits::kNameBytesMax);
                                          return one;
                                        });
  return out;
}

Result<void> check_inventory(Inventory const& inventory) {
  if (inventory.motions.size() > limits::kInventoryMotionsMax ||
      inventory.requests.size() > limits::kInventoryRequestsMax)
    return fail(Code::kTooLarge, "handover.inventory", "at most 384 motions and 256 requests");
  Hash before;
  for (auto const& one : inventory.motions) {
    if (one.motion <= before)
      return fail(Code::kMalformed, "handover.motions", "zero, or not in ascending order");
    if (stage_name(one.stage).empty())
      return fail(Code::kUnsupported, "handover.motions.stage", "not a stage of this version");
    AMIC_TRY_VOID(check_name(one.title, "handover.motions.title"));
    before = one.motion;
  }
  before = {};
  for (auto const& one : inventory.requests) {
    if (one.id <= before)
      return fail(Code::kMalformed, "handover.requests", "zero, or not in ascending order");
    AMIC_TRY_VOID(check_name(one.title, "handover.requests.title"));
    before = one.id;
  }
  return {};
}

template <class T>
void check_read(codec::Reader& in, T const& out) {
  if (!in.ok()) return;
  if (auto const fine = check_form(out); !fine)
    in.reject(fine.error().code, fine.error().where + ": " + fine.error().detail);
}

}  // namespace

std::string_view handover_state_name(HandoverState state) {
  return name_in(kStates, static_cast<unsigned>(state));
}
std::string_view inventory_fault_name(InventoryFault fault) {
  return name_in(kFaults, static_cast<unsigned>(fault));
}

Hash inventory_sha256(Inventory const& inventory) {
  codec::Writer out;
  write_inventory(out, inventory);
  return crypto::sha256(out.bytes());
}

std::optional<ChairChange> chair_change(std::optional<ChairChange> last, Head const& before,
                                        Head const& after, Motion const& motion) {
  if (before.chair == after.chair) return last;
  if (motion.kind() != MotionKind::kChair) return std::nullopt;
  return ChairChange{after.epoch, after.decision, before.chair, after.chair};
}

Result<void> check_handover(Handover const& handover, MemberId const& author,
                            std::optional<ChairChange> const& change) {
  if (!change) return refuse(Rule::kR14, "no chair motion has changed the chair");
  if (author != change->outgoing)
    return refuse(Rule::kR14, "the outgoing chair is " + change->outgoing.str());
  if (handover.decision != change->motion)
    return refuse(Rule::kR14, "another decision than the one by which the chair passed");
  if (handover.to != change->incoming)
    return refuse(Rule::kR14, "the incoming chair is " + change->incoming.str());
  return {};
}

Result<void> check_accept_author(MemberId const& author, std::optional<ChairChange> const& change) {
  if (!change) return refuse(Rule::kR14, "no chair motion has changed the chair");
  if (author != change->incoming)
    return refuse(Rule::kR14, "the incoming chair is " + change->incoming.str());
  return {};
}

Result<void> check_form(Handover const& handover) {
  if (handover.to.empty()) return fail(Code::kMissingField, "handover.to", "nobody");
  if (handover.decision.is_zero()) return fail(Code::kMissingField, "handover.decision", "zero");
  AMIC_TRY_VOID(check_inventory(handover.inventory));
  return check_text(handover.note, false, "handover.note");
}

Result<void> check_form(HandoverAccept const& accept) {
  if (accept.handover.is_zero())
    return fail(Code::kMissingField, "handover_accept.handover", "zero");
  if (accept.inventory_sha256.is_zero())
    return fail(Code::kMissingField, "handover_accept.inventory_sha256", "zero");
  return check_text(accept.note, false, "handover_accept.note");
}

void write(codec::Writer& out, Handover const& handover) {
  out.str8(handover.to.str()).raw(handover.decision.view());
  write_inventory(out, handover.inventory);
  out.str16(handover.note);
}

void write(codec::Writer& out, HandoverAccept const& accept) {
  out.raw(accept.handover.view()).raw(accept.inventory_sha256.view()).str16(accept.note);
}

Handover read_handover(codec::Reader& in) {
  Handover out;
  out.to = read_member_id(in);
  out.decision = in.fixed<Hash>();
  out.inventory = read_inventory(in);
  out.note = in.str16(limits::kConsentTextBytesMax);
  check_read(in, out);
  return out;
}

HandoverAccept read_handover_accept(codec::Reader& in) {
  HandoverAccept out;
  out.handover = in.fixed<Hash>();
  out.inventory_sha256 = in.fixed<Hash>();
  out.note = in.str16(limits::kConsentTextBytesMax);
  check_read(in, out);
  return out;
}

}  // namespace amic::consent
