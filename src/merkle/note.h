// C2SP signed-note, tlog-checkpoint, tlog-cosignature (v1), tlog-proof and tlog-witness texts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/sign.h"

namespace amic::merkle {

struct Checkpoint {
  std::string origin;  // e.g. "my.amic.example/log/operations"; key name of the log
  std::uint64_t size = 0;
  Hash root;
  bool operator==(Checkpoint const&) const = default;
};
std::string checkpoint_text(Checkpoint const& checkpoint);  // "origin\nsize\nroot\n"
// Strict: three lines, no extension lines (nobody audits them), the one spelling of each value.
Result<Checkpoint> parse_checkpoint_text(std::string_view text);

enum class NoteKeyType : std::uint8_t { kEd25519 = 0x01, kCosignatureV1 = 0x04 };
struct NoteVerifier {  // a vkey
  std::string name;
  NoteKeyType type = NoteKeyType::kEd25519;
  crypto::VerifyKey key;
  std::uint32_t key_id() const;
  std::string vkey() const;  // "name+hex+base64"
};
Result<NoteVerifier> parse_vkey(std::string_view vkey);

// `blob` is what follows the key id: 64 bytes, or for kCosignatureV1 u64be seconds and 64 bytes.
struct NoteSignature {
  std::string name;
  std::uint32_t key_id = 0;
  Bytes blob;
};
struct Note {
  std::string text;
  std::vector<NoteSignature> signatures;
};
std::string format_note(Note const& note);
std::string format_signature(NoteSignature const& signature);  // one line with its LF
// Signature lines alone, as a witness answers. Same limits as a note.
Result<std::vector<NoteSignature>> parse_signatures(std::string_view lines);
Result<Note> parse_note(std::string_view bytes);  // <= limits::kNoteSignaturesMax signatures

NoteSignature sign_note(std::string_view text, std::string_view name,
                        crypto::SigningKey const& key);
// Timestamped cosignature (type 0x04) over a checkpoint text.
NoteSignature cosign(std::string_view checkpoint_text, std::string_view name,
                     std::int64_t unix_seconds, crypto::SigningKey const& key);
// Verified signers among `known`, each key once. Unknown keys are ignored. A known name and id
// whose signature fails rejects the whole note; so does a note without any known signer:
// kBadSignature.
struct VerifiedSigner {
  std::string name;
  std::optional<std::int64_t> cosigned_at_s;
};
Result<std::vector<VerifiedSigner>> verify_note(Note const& note,
                                                std::vector<NoteVerifier> const& known);

// "c2sp.org/tlog-proof@v1" file.
struct ProofFile {
  std::uint64_t index = 0;
  std::vector<Hash> path;
  std::string checkpoint_note;
  std::optional<Bytes> extra;
};
std::string format_proof(ProofFile const& proof);
// The hash list is at most 64 long; `checkpoint_note` is verbatim and parses as a note.
Result<ProofFile> parse_proof(std::string_view text);

// tlog-witness add-checkpoint request body.
struct AddCheckpoint {
  std::uint64_t old_size = 0;
  std::vector<Hash> consistency;
  std::string checkpoint_note;
};
std::string format_add_checkpoint(AddCheckpoint const& request);
// At most 63 hashes; `checkpoint_note` is verbatim and parses as a note.
Result<AddCheckpoint> parse_add_checkpoint(std::string_view body);

}  // namespace amic::merkle
