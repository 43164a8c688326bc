// How an item may be used, and the one release decision (law 1): sender, preview, receiver and
// export all call decide(). Pure. FORMATS.md, "Marking".
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"

namespace amic::marking {

// The community's common ladder. Each state maps its own onto it; unmapped is not released.
enum class Classification : std::uint8_t {
  kUnclassified = 0,
  kRestricted = 1,
  kConfidential = 2,
  kSecret = 3,
  kTopSecret = 4
};
std::string_view classification_name(Classification value);  // "UNCLASSIFIED" ... "TOP SECRET"
// The parsers take exactly the names; kMalformed at "<what>:<column of the first wrong character>".
Result<Classification> parse_classification(std::string_view text);

// FIRST TLP 2.0. A courtesy label: it never widens REL TO.
enum class Tlp : std::uint8_t { kClear = 0, kGreen = 1, kAmber = 2, kAmberStrict = 3, kRed = 4 };
std::string_view tlp_name(Tlp value);  // "TLP:CLEAR" ... "TLP:AMBER+STRICT"
Result<Tlp> parse_tlp(std::string_view text);

// ORCON, and the Europol handling codes H0-H3 (domain words).
enum class Handling : std::uint8_t { kOrcon = 1, kH0 = 2, kH1 = 3, kH2 = 4, kH3 = 5 };
std::string_view handling_name(Handling value);
Result<Handling> parse_handling(std::string_view text);

struct Marking {
  Realm realm;
  Classification classification = Classification::kRestricted;
  std::set<MemberId> rel_to;  // named members; empty reaches nobody
  Tlp tlp = Tlp::kAmber;
  std::set<Handling> handling;
  std::string purpose;               // <= 256 bytes, may be empty
  std::optional<UnixMs> expires_ms;  // from this instant on it reaches nobody
  bool operator==(Marking const&) const = default;
};

inline constexpr std::size_t kPurposeBytesMax = 256;

// Limits and known values: members named <= limits::kMembersMax, none of them empty, every enum
// value known, purpose within its limit, UTF-8 and free of control characters. kOutOfRange,
// kTooLarge, kBadUtf8 or kMalformed at "marking.<field>". decide() and may_read() refuse what this
// refuses, so a marking built in memory is never trusted more than a decoded one.
Result<void> check(Marking const& marking);

// Canonical. Total: also encodes what check() refuses, and then decode() refuses the bytes.
Bytes encode(Marking const& marking);
Result<Marking> decode(BytesView bytes);  // rejects every non-canonical encoding
// One line for people: "SECRET//REL TO BN, MY//ORCON/H1//TLP:AMBER". An exercise goes first
// ("EXERCISE MAKASSAR-26//..."), an expiry last ("//EXPIRES 2026-11-24T03:00:00.000Z"); an empty
// REL TO reads "NOT RELEASABLE".
std::string banner(Marking const& marking);
// Adjusts nothing: "MY,SG" -> set (spaces around a name are allowed, so a banner's list can be
// pasted). Syntax, a name given twice: kMalformed; no name at all: kNoRecipients; more than
// limits::kMembersMax: kTooLarge. `where` is "rel_to:<column>", counted from 1.
Result<std::set<MemberId>> parse_rel_to(std::string_view comma_separated);

struct Refusal {
  MemberId member;  // empty: the whole release is refused
  Code code = Code::kNotReleasable;
  std::string reason;  // for people
  bool operator==(Refusal const&) const = default;
};
struct Decision {
  std::vector<MemberId> recipients;  // sorted; never the originator; empty if refused
  // If the whole release is refused: first one with an empty member. Then, sorted, one per member
  // of the roster or REL TO that does not receive (the originator, who has its own copy, included).
  std::vector<Refusal> refusals;
  bool released() const { return !recipients.empty(); }
  bool operator==(Decision const&) const = default;
};

// Who receives. Rules: realm must be `node_realm`; expired, empty or wholly unknown REL TO =
// nobody; any unknown member in REL TO refuses the whole release (fail closed); the originator must
// be in the roster; a recipient is in REL TO, in the roster and not the originator.
Decision decide(Marking const& marking, MemberId const& originator,
                std::set<MemberId> const& roster, Realm const& node_realm, UnixMs now_ms);

// The receiver's side of the same rule: OK only if `sealed_recipients` is exactly what decide()
// yields at `created_ms` and `self` is in it. kNotReleasable otherwise.
Result<void> check_received(Marking const& marking, MemberId const& originator,
                            std::vector<MemberId> const& sealed_recipients, MemberId const& self,
                            std::set<MemberId> const& roster, Realm const& node_realm,
                            UnixMs created_ms);

// Local readers: may a reader with this clearance and realm see it?
struct Reader {
  Classification clearance = Classification::kUnclassified;
  Realm realm;
};
bool may_read(Marking const& marking, Reader const& reader, UnixMs now_ms);

}  // namespace amic::marking
