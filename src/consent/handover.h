// Handover of the chair: the outgoing and the incoming chair sign one inventory of what is open.
// The chair itself passes by a motion; this is the record that nothing was lost on the way.
// docs/formats/consent.md, bodies 16 and 17. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "consent/motion.h"

namespace amic::consent {

struct OpenMotion {
  Hash motion;
  Stage stage = Stage::kConsultation;  // as the signer sees it
  std::string title;
  bool operator==(OpenMotion const&) const = default;
};
// What the outgoing chair was asked and has not answered. The id is opaque to the community.
struct OpenRequest {
  Hash id;
  std::string title;
  bool operator==(OpenRequest const&) const = default;
};
struct Inventory {
  std::vector<OpenMotion> motions;    // sorted by motion
  std::vector<OpenRequest> requests;  // sorted by id
  bool operator==(Inventory const&) const = default;
};
Hash inventory_sha256(Inventory const& inventory);  // of its bytes in a handover

// By the outgoing chair.
struct Handover {
  MemberId to;    // the incoming chair
  Hash decision;  // the motion by which the chair passed
  Inventory inventory;
  std::string note;  // may be empty
  bool operator==(Handover const&) const = default;
};
// By the incoming chair, over the same inventory.
struct HandoverAccept {
  Hash handover;          // statement_digest of the Handover
  Hash inventory_sha256;  // of that one's inventory
  std::string note;       // may be empty
  bool operator==(HandoverAccept const&) const = default;
};

// The last decision that gave the chair to somebody else.
struct ChairChange {
  std::uint64_t epoch = 0;  // of the head that it made
  Hash motion;
  MemberId outgoing, incoming;
  bool operator==(ChairChange const&) const = default;
};
// What `last` becomes with the step from `before` to `after`: another change by a chair motion, the
// same, or nothing, after a chair has left by itself and there is nobody to hand over.
std::optional<ChairChange> chair_change(std::optional<ChairChange> last, Head const& before,
                                        Head const& after, Motion const& motion);

// R14: the outgoing hands over to the incoming chair, and each accepts for itself.
Result<void> check_handover(Handover const& handover, MemberId const& author,
                            std::optional<ChairChange> const& change);
Result<void> check_accept_author(MemberId const& author, std::optional<ChairChange> const& change);

enum class HandoverState : std::uint8_t {
  kNone = 1,      // no chair motion has changed the chair
  kAwaited = 2,   // the chair has changed; nothing is signed yet
  kPending = 3,   // the outgoing chair has signed
  kComplete = 4,  // both have
  kMismatch = 5,  // signed by one or both, but the inventory is not what is open here: differences
};
std::string_view handover_state_name(HandoverState state);  // "none", "awaited", ...

// Where an inventory and what is known here differ. Stages are not compared: they move on.
enum class InventoryFault : std::uint8_t {
  kNotHere = 1,     // listed, but no such motion is known here
  kNotListed = 2,   // open here when it was signed, but not listed
  kOtherTitle = 3,  // listed under another title than the motion has
};
std::string_view inventory_fault_name(InventoryFault fault);  // "not_here", ...
struct InventoryDifference {
  InventoryFault fault = InventoryFault::kNotHere;
  Hash motion;
  std::string title;  // as listed, or if it is not, as here
  bool operator==(InventoryDifference const&) const = default;
};

struct HandoverView {
  HandoverState state = HandoverState::kNone;
  std::optional<ChairChange> change;
  std::optional<Handover> handover;
  Hash digest;  // of the handover's statement; zero: none
  UnixMs signed_ms = 0;
  std::optional<HandoverAccept> accept;
  UnixMs accepted_ms = 0;
  std::vector<InventoryDifference> differences;
};

// Order, texts and limits.
Result<void> check_form(Handover const& handover);
Result<void> check_form(HandoverAccept const& accept);
void write(codec::Writer& out, Handover const& handover);
void write(codec::Writer& out, HandoverAccept const& accept);
Handover read_handover(codec::Reader& in);
HandoverAccept read_handover_accept(codec::Reader& in);

}  // namespace amic::consent
