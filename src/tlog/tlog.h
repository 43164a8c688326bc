// The node's transparency log: every record of the store is a leaf. Entry = kind byte || SHA-256 of
// the record's bytes (FORMATS.md, "Log entry"). This is also the only door to Store::append, so
// no record can be stored without its leaf.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/ids.h"
#include "crypto/sign.h"
#include "merkle/merkle.h"
#include "merkle/note.h"
#include "store/store.h"

namespace amic::tlog {

// What the node keeps of its log in the store, beside records and tiles: kv space "tlog", keys
//   "tree"       u64 size || root, written with every append
//   "checkpoint" the last note signed, with the cosignatures collected for it
//   "cosigned"   the last note that carried a cosignature
//   "incarnation" u32, from 2 on: how often the log began anew; and "checkpoint/<k>", the last note
//                of incarnation k
inline constexpr char kTlogSpace[] = "tlog";
inline constexpr char kWitnessSpace[] = "witness";  // key = origin of a peer's log
inline constexpr char kEvidenceSpace[] = "evidence";

Bytes log_entry(store::RecordKind kind, Hash const& digest);  // 33 bytes

// Origin of a member's log in a realm, also the note key name: "<member>.<community
// hex8>.amic/log/operations" (lower case); of an exercise: ".../log/exercise/<name>".
std::string log_origin(CommunityId const& community, MemberId const& member, Realm const& realm);
// A log that was set back (its node was restored from a backup) cannot be consistent with what
// peers have cosigned: it goes on under the origin "<origin>/<k>", k = 2, 3, ...; nothing else of
// it changes. The incarnation that `origin` is of the log which began as `first`; nullopt: none.
std::string incarnation_origin(std::string const& first, std::uint32_t incarnation);
std::optional<std::uint32_t> incarnation_of(std::string_view origin, std::string_view first);
inline constexpr std::uint32_t kIncarnationMax = 9999;
// As it is stored; 1 if the log never began anew.
Result<std::uint32_t> stored_incarnation(store::Store& store);

std::string cosigner_name(CommunityId const& community, MemberId const& member);

// Threads: any; writers (append, sign_checkpoint, add_cosignatures) take turns, so that the store
// sees one appender at a time. Readers never wait for the disk writes of others.
class Log {
 public:
  // Resumes from the store's tiles; checks size and, against the last signed checkpoint kept in
  // kv space "tlog", that nothing was cut or rewritten: kCorrupt otherwise, naming what.
  // kWrongIdentity if the last checkpoint was signed with another key. The last tile's leaves are
  // compared with the records' digests; verify_log below compares everything.
  // `first_origin`: without an incarnation.
  static Result<std::unique_ptr<Log>> open(store::Store& store, std::string first_origin,
                                           crypto::SigningKey log_key);

  // Appends units with their leaves and tiles; one fsync. Returns the first seq. Each record's
  // digest must be the SHA-256 of its bytes: kInternal otherwise. A kIo of the store that shows the
  // records all the same is a success. On any failure the tree stays as it was; if the store turns
  // out later to have kept the units after all, the next call takes its state over.
  Result<std::uint64_t> append(std::vector<store::Append> units);

  // Signs the current tree (never an older or different one), keeps it durably, returns the note.
  // An unchanged tree gives the note of before, cosignatures included.
  Result<std::string> sign_checkpoint();
  // Last signed checkpoint with all cosignatures collected so far; empty before the first.
  Result<std::string> checkpoint();
  // Adds peers' cosignature lines for the last checkpoint after verifying them. Unknown keys are
  // ignored; a newer line replaces one of the same key. kBadSignature adds nothing: also the answer
  // when a line belongs to an earlier checkpoint because a newer one was signed meanwhile.
  Result<void> add_cosignatures(std::vector<merkle::NoteSignature> const& signatures,
                                std::vector<merkle::NoteVerifier> const& cosigners);

  // ---- Damage: a record that is not what its leaf says, or can't be read (Audit finds them) ----

  // Puts records back under their numbers, as Store::put_back does. Kind and digest of each must be
  // those of its leaf, or, if the leaf is lost, of the row that is there: kConflict otherwise.
  Result<store::PutBack> put_back(std::vector<store::Record> const& records);
  // Makes the tiles anew from the records and stores those that differ; how many. kCorrupt if the
  // records do not lead to the tree's root: nothing is stored then.
  Result<std::size_t> mend_tiles();

  struct Tree {
    std::uint64_t size = 0;
    Hash root;
  };
  Tree tree() const;
  std::uint64_t size() const;
  std::uint64_t checkpoint_size() const;  // of the last signed checkpoint; 0 before the first
  std::string origin() const;
  merkle::NoteVerifier verifier() const;

  // A peer shows the last checkpoint of this log that it has cosigned. If that was signed here and
  // this log does not lead to it, the log was set back: the next incarnation begins, and true is
  // the answer. Nothing but this log's own signature can cause that. kWrongIdentity: of another
  // log; kBadSignature.
  Result<bool> compare(std::string_view witnessed_note);

  // Body of an add-checkpoint request for a witness that last cosigned `old_size`. kUnavailable
  // before the first checkpoint. kConflict if the witness has seen more than was ever signed here:
  // this log was rolled back to an earlier state.
  Result<std::string> add_checkpoint_request(std::uint64_t old_size);

  // Proof file for a record under the last signed checkpoint. kNotFound, or kUnavailable if the
  // record is not yet under a signed checkpoint.
  Result<std::string> prove(EnvelopeId const& id);
  Result<std::vector<Hash>> consistency(std::uint64_t old_size, std::uint64_t new_size);
  // Tile bytes as served: hashes or, for entries tiles, u16be-length-prefixed entries. kNotFound
  // unless the log holds all of the width asked for.
  Result<Bytes> tile(merkle::TileName const& name);

 private:
  Log(store::Store& store, std::string origin, crypto::SigningKey key);
  // The next three: under write_mutex_.
  Result<std::uint64_t> append_locked(std::vector<store::Append> units);
  Result<void> take_over_store();
  Result<void> keep_note(merkle::Note const& note, merkle::Checkpoint const& checkpoint);
  Result<void> load_checkpoint();

  Result<bool> leads_to(merkle::Checkpoint const& checkpoint);
  Result<void> begin_incarnation(std::uint32_t incarnation);

  store::Store& store_;
  std::string const first_origin_;
  crypto::SigningKey const key_;
  std::mutex write_mutex_;    // taken first; held across the store's disk write
  bool uncertain_ = false;    // an append failed: the store may hold more than tree_
  mutable std::mutex mutex_;  // guards what follows, for moments only
  std::uint32_t incarnation_ = 1;
  std::string origin_;
  merkle::TreeBuilder tree_;
  std::optional<merkle::Checkpoint> signed_;
  std::string note_;  // of signed_
};

// A peer's signed checkpoint that contradicts, or could not be joined to, the one cosigned before.
// A conflict (same size, other root) proves by itself that the log's key signed two histories. An
// unproven one may also come from a wrong proof sent by someone else: ask the log for a right one.
enum class EvidenceKind : std::uint8_t { kConflict = 1, kUnproven = 2 };
struct Evidence {
  EvidenceKind kind = EvidenceKind::kConflict;
  UnixMs at_ms = 0;
  std::string origin;
  std::string known_note;  // cosigned before
  std::string request;     // the add-checkpoint body: proof and the other note
};
Bytes encode(Evidence const& evidence);
Result<Evidence> decode_evidence(BytesView bytes);

// The witness side: cosigns peers' checkpoints. State (largest size and root seen per origin) is
// durable before a cosignature leaves. Answers map to HTTP as C2SP tlog-witness says.
struct WitnessAnswer {
  int http_status = 200;
  std::string body;
  std::string content_type;
};
class Witness {
 public:
  Witness(store::Store& store, Log& log, std::string name, crypto::SigningKey cosigner_key,
          Clock const& clock);
  // `logs`: vkeys of the members' logs. A conflicting checkpoint (same size, other root; or a
  // consistency proof that fails with valid signature) is kept as evidence in kv space "evidence",
  // at most limits::kLogEvidenceMax of a kind for one log, the first ones. Any thread.
  WitnessAnswer add_checkpoint(std::string_view body,
                               std::vector<merkle::NoteVerifier> const& logs);
  // The last checkpoint cosigned of the log that began as `first_origin`, of whatever incarnation,
  // with its own signature alone; empty if there is none.
  Result<std::string> last_note(std::string const& first_origin);
  // Largest size known for an origin, for status.
  Result<std::uint64_t> known_size(std::string const& origin);
  // Evidence in key order (by origin), after `after_key`; the key of each with it.
  Result<std::vector<std::pair<std::string, Evidence>>> evidence(std::string const& after_key,
                                                                 std::size_t count_max);
  merkle::NoteVerifier verifier() const;

 private:
  struct Seen {  // what was cosigned last for one log
    std::uint64_t size = 0;
    Hash root;
    std::string note;  // empty: nothing yet
  };
  struct Line {  // whose checkpoint it is
    std::string first_origin;
    std::uint32_t incarnation = 1;
  };
  Result<Seen> seen(std::string const& origin);
  Result<std::uint32_t> last_incarnation(std::string const& first_origin);
  WitnessAnswer decide(merkle::AddCheckpoint const& request, std::string_view body,
                       merkle::Note const& note, merkle::Checkpoint const& checkpoint,
                       Line const& line);
  void keep_evidence(EvidenceKind kind, std::string const& origin, Seen const& before,
                     std::string_view body, std::string const& text);

  store::Store& store_;
  Log& log_;
  std::string name_;
  crypto::SigningKey key_;
  Clock const& clock_;
  std::mutex mutex_;
};

// A pass over a log that its disk may have damaged: each record is read, decrypted, compared with
// its digest and with its leaf, and the leaves with the tree's root. Damage is named and does not
// end the pass. The log may be used and may grow meanwhile; what comes after the beginning is not
// looked at. In steps, so that it can be paused or given up; memory grows with the damage only.
class Audit {
 public:
  Audit(store::Store& store, Log const& log);

  struct Finding {
    std::uint64_t seq = 0;
    store::Flaw flaw = store::Flaw::kNone;
    std::optional<store::Record> row = {};  // without bytes; if it can be read and has its leaf
    std::optional<Hash> leaf = {};          // as the tiles have it
  };
  // Reads about `bytes_max` of records; false: that was the end. Errors: not what a damaged disk
  // answers.
  Result<bool> step(std::size_t bytes_max);

  std::uint64_t done() const { return done_; }
  std::uint64_t of() const { return tree_.size; }
  std::uint64_t bytes() const { return bytes_; }
  // By number. At most `kFindingsMax`; `more` says how many others there are.
  std::vector<Finding> const& findings() const { return findings_; }
  std::uint64_t more() const { return more_; }
  bool pages_broken() const { return pages_broken_; }  // the file itself: Store::salvage first
  // At the end: the tiles lead to the root; if not, whether the records do.
  bool tiles_whole() const { return tiles_whole_; }
  bool rows_prove() const { return rows_prove_; }

  static constexpr std::size_t kFindingsMax = 65'536;

 private:
  void look(store::Audited::Row const& row);
  void find(Finding finding);
  std::optional<Hash> leaf_at(std::uint64_t seq);
  void finish();

  store::Store& store_;
  Log::Tree const tree_;
  std::uint64_t done_ = 0;
  std::uint64_t bytes_ = 0;
  std::vector<Finding> findings_;
  std::vector<Finding> odd_;  // whole rows that the tiles contradict: one of the two is damaged
  std::uint64_t more_ = 0;
  bool pages_broken_ = false;
  bool tiles_whole_ = false;
  bool rows_prove_ = false;
  merkle::TreeBuilder by_tiles_, by_rows_;
  std::optional<std::uint64_t> tile_index_;
  Bytes tile_;
};

// Offline verification of a whole log directory: recomputes every digest, leaf and tile from the
// records and checks the signed checkpoints kept. kCorrupt names the first bad record, tile or
// checkpoint. Nothing may be appended meanwhile. `root` is that of all records; `cosignatures`
// counts the known cosigners of the last checkpoint. `progress` may be empty.
struct VerifyReport {
  std::uint64_t records = 0;
  std::uint64_t shredded = 0;  // of those: erased, so that only their digests were checked
  std::uint64_t checkpoint_size = 0;
  std::size_t cosignatures = 0;
  Hash root;
};
Result<VerifyReport> verify_log(store::Store& store, merkle::NoteVerifier const& log_key,
                                std::vector<merkle::NoteVerifier> const& cosigners,
                                std::function<void(std::uint64_t done, std::uint64_t of)> progress);
// Offline verification of one proof file for one envelope's bytes.
Result<void> verify_proof(std::string_view proof_file, store::RecordKind kind, Hash const& digest,
                          merkle::NoteVerifier const& log_key);

}  // namespace amic::tlog
