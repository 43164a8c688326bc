// The node's transparency log: every record of the store is a leaf. Entry = kind byte || SHA-256 of
// the record's bytes (FORMATS.md, "Log entry"). This is also the only door to Store::append, so
// no record can be stored without its leaf.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "crypto/sign.h"
#include "merkle/merkle.h"
#include "merkle/note.h"
#include "store/store.h"

namespace amic::tlog {

Bytes log_entry(store::RecordKind kind, Hash const& digest);  // 33 bytes

// Origin of a member's log in a realm, also the note key name: "<member>.<community hex8>.amic/log/operations" (lower case).
std::string log_origin(CommunityId const& community, MemberId const& member, Realm const& realm);
std::string cosigner_name(CommunityId const& community, MemberId const& member);

class Log {
 public:
  // Resumes from the store's tiles; checks size and, against the last signed checkpoint kept in
  // kv space "tlog", that nothing was cut or rewritten: kCorrupt otherwise.
  static Result<std::unique_ptr<Log>> open(store::Store& store, std::string origin,
                                           crypto::SigningKey log_key);

  // Appends units with their leaves and tiles; one fsync. One thread at a time. Returns first seq.
  Result<std::uint64_t> append(std::vector<store::Append> units);

  // Signs the current tree (never an older or different one), keeps it durably, returns the note.
  Result<std::string> sign_checkpoint();
  // Last signed checkpoint with all cosignatures collected so far; empty before the first.
  Result<std::string> checkpoint();
  // Adds peers' cosignature lines for the last checkpoint after verifying them.
  Result<void> add_cosignatures(std::vector<merkle::NoteSignature> const& signatures,
                                std::vector<merkle::NoteVerifier> const& cosigners);

  std::uint64_t size() const;
  // Proof file for a record under the last signed checkpoint. kNotFound, or kUnavailable if the
  // record is not yet under a signed checkpoint.
  Result<std::string> prove(EnvelopeId const& id);
  Result<std::vector<Hash>> consistency(std::uint64_t old_size, std::uint64_t new_size);
  // Tile bytes as served: hashes or, for entries tiles, u16be-length-prefixed entries.
  Result<Bytes> tile(merkle::TileName const& name);

 private:
  Log(store::Store& store, std::string origin, crypto::SigningKey key);
  store::Store& store_;
  std::string origin_;
  crypto::SigningKey key_;
  mutable std::mutex mutex_;
  merkle::TreeBuilder tree_;
};

// The witness side: cosigns peers' checkpoints. State (largest size and root seen per origin) is
// durable before a cosignature leaves. Answers map to HTTP as C2SP tlog-witness says.
struct WitnessAnswer { int http_status = 200; std::string body; std::string content_type; };
class Witness {
 public:
  Witness(store::Store& store, Log& log, std::string name, crypto::SigningKey cosigner_key, Clock const& clock);
  // `logs`: vkeys of the members' logs. A conflicting checkpoint (same size, other root; or a
  // consistency proof that fails with valid signature) is kept as evidence in kv space "evidence".
  WitnessAnswer add_checkpoint(std::string_view body, std::vector<merkle::NoteVerifier> const& logs);
  // Largest size known for an origin, for status.
  Result<std::uint64_t> known_size(std::string const& origin);

 private:
  store::Store& store_;
  Log& log_;
  std::string name_;
  crypto::SigningKey key_;
  Clock const& clock_;
  std::mutex mutex_;
};

// Offline verification of a whole log directory: recomputes every digest, leaf and tile from the
// records and checks the signed checkpoint(s). kCorrupt names the first bad record.
struct VerifyReport { std::uint64_t records = 0; std::uint64_t checkpoint_size = 0; std::size_t cosignatures = 0; Hash root; };
Result<VerifyReport> verify_log(store::Store& store, merkle::NoteVerifier const& log_key,
                                std::vector<merkle::NoteVerifier> const& cosigners,
                                std::function<void(std::uint64_t done, std::uint64_t of)> progress);
// Offline verification of one proof file for one envelope's bytes.
Result<void> verify_proof(std::string_view proof_file, store::RecordKind kind, Hash const& digest,
                          merkle::NoteVerifier const& log_key);

}  // namespace amic::tlog
