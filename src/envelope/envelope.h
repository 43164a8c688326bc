// The envelope: the signed, sealed unit that crosses a border; the only thing that does (law 2).
// Every byte is specified in docs/formats/envelope.md. Suite 1: Ed25519, HPKE base
// mode with X25519 and AES-256-GCM, SHA-256, chunked AES-256-GCM body. Pure: no clock, no I/O.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/random.h"
#include "base/result.h"
#include "crypto/seal.h"
#include "crypto/sign.h"

namespace amic::envelope {

inline constexpr std::uint16_t kVersion = 1;
enum class Suite : std::uint16_t { kEd25519X25519 = 1 };

// What the body is. Values are part of the format.
enum class Kind : std::uint8_t {
  kItem = 1,
  kGovernance = 2,
  kAnnotation = 3,
  kOperation = 4,   // of an originator on an item: docs/formats/operation.md
  kReply = 5,       // to such an operation
  kAttachment = 6,  // describes a file of an item: docs/formats/attachment.md
};

struct Recipient {
  MemberId member;
  crypto::SealPublicKey key;
};

// Everything the originator states and signs. `marking` is the canonical encoding of
// marking::Marking, opaque here; it travels sealed.
struct Contents {
  CommunityId community;
  Suite suite = Suite::kEd25519X25519;
  EnvelopeId id;
  Realm realm;
  Kind kind = Kind::kItem;
  Precedence precedence = Precedence::kRoutine;
  std::uint64_t epoch = 0;
  MemberId originator;
  UnixMs created_ms = 0;
  std::vector<MemberId>
      recipients;             // sorted, unique; without the originator, who always has a wrap
  Bytes marking;              // <= limits::kMarkingBytesMax
  std::vector<Hash> lineage;  // digests of envelopes this derives from; sorted, unique
  std::string media_type;     // e.g. "application/stix+json;version=2.1"
  Bytes body;                 // <= limits::kBodyBytesMax
  bool operator==(Contents const&) const = default;
};

// What anybody may read: a relay checks and routes with this and the outer signature alone.
struct Header {
  std::uint16_t version = kVersion;
  Suite suite = Suite::kEd25519X25519;
  CommunityId community;
  EnvelopeId id;
  Realm realm;
  Kind kind = Kind::kItem;
  Precedence precedence = Precedence::kRoutine;
  std::uint64_t epoch = 0;
  MemberId sender;  // whose node signed the outer layer; in suite 1 also the originator
  UnixMs created_ms = 0;
  // Key ids (first 8 bytes of SHA-256 of the sealing key under the community id), sorted.
  std::vector<FixedBytes<8, struct KeyIdTag>> recipient_key_ids;
};
using KeyId = FixedBytes<8, struct KeyIdTag>;
KeyId key_id(CommunityId const& community, crypto::SealPublicKey const& key);

// An id begins with its originator's tag: the first 6 bytes of SHA-256("amic/envelope-id/v1", a
// zero byte, community id, member id as text). The rest is random. So nobody can use up the ids of
// another member's envelopes: an envelope under another's tag is refused by whoever holds the
// roster. check_id: kWrongIdentity at "envelope.id".
inline constexpr std::size_t kIdTagBytes = 6;
EnvelopeId make_id(CommunityId const& community, MemberId const& originator, Random& random);
Result<void> check_id(EnvelopeId const& id, CommunityId const& community,
                      MemberId const& originator);

// Seals to `recipients` (must name exactly contents.recipients plus the originator) and signs
// twice: inner by the originator over all of Contents, outer by the node over header and
// ciphertext. The body is zstd-compressed inside the seal when that is smaller. kOutOfRange,
// kTooLarge or kMalformed at "envelope.<field>" if Contents breaks a limit or is unsorted, or if
// the recipients are not those of the contents; kTooLarge at "envelope" if the result would be
// larger than limits::kEnvelopeBytesMax. Nothing is drawn from `random` then. With no recipients
// the envelope is sealed to its originator alone (a private import).
Result<Bytes> seal(Contents const& contents, std::vector<Recipient> const& recipients,
                   crypto::SigningKey const& originator_key, crypto::SigningKey const& node_key,
                   Random& random);

// Decodes the header with all limits and checks the frame around it (lengths, nothing left over);
// verifies nothing. kTooLarge, kMalformed, kOutOfRange, kBadUtf8; kUnsupported for another version
// or suite.
Result<Header> parse_header(BytesView envelope);

// Outer signature over header, wraps and ciphertext. kBadSignature at "envelope.outer".
Result<void> verify_outer(BytesView envelope, crypto::VerifyKey const& sender_node_key);

// Opens with our sealing key, verifies the inner signature and that header, recipient set and
// contents agree. Call verify_outer first. Beside the errors of parse_header:
//   kNotRecipient at "envelope.wraps": no wrap is ours; at "envelope.recipients": there is one, but
//     the originator did not name `self` (somebody sealed it on);
//   kBadSignature at "envelope.wrap", "envelope.body" (seals) or "envelope.inner" (signature);
//   kRejected at "envelope.header": signed contents that differ from the header, or wraps in other
//     number than recipients plus originator; at "envelope.body": not the body that was signed;
//   kTooLarge at "envelope.body": more than limits::kBodyBytesMax when decompressed.
Result<Contents> open(BytesView envelope, MemberId const& self, crypto::SealKey const& key,
                      crypto::VerifyKey const& originator_node_key);

// SHA-256 of the whole envelope: its name in logs, receipts and lineage.
Hash digest(BytesView envelope);

}  // namespace amic::envelope
