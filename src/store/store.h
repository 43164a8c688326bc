// The Store: two parts. The log is the truth: an append is acknowledged when it is durable there.
// The index is derived, carries a watermark, and can always be rebuilt from the log.
// Backends: sqlite/ (log.db: WAL, synchronous FULL; idx.db: WAL, NORMAL). The schema keeps to the
// portable subset of DESIGN section 8 so that PostgreSQL can join: each access path is its own
// table keyed by what it is looked up by, keyset paging, idempotent inserts.
// Threads: append() from one thread at a time, apply() from one thread at a time, all else any.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/ids.h"
#include "base/random.h"
#include "base/result.h"
#include "crypto/secret.h"

namespace amic::store {

// ---- The log --------------------------------------------------------------------------------

// Values are part of the log entry format (FORMATS.md, "Log entry").
enum class RecordKind : std::uint8_t {
  kEnvelopeOut = 1,  // sealed by this node (to others, or to itself alone: a private import)
  kEnvelopeIn = 2,   // received and verified
  kGovernance = 3,   // launch transcript, later motions and decisions
};

// Where the feed of objects ends: the last position and time given.
// Asks for one version of an object, or without one for any.
struct VersionKey {
  std::string_view id;
  std::optional<std::int64_t> version_us = {};
};

struct FeedEnd {
  std::uint64_t ord = 0;
  std::int64_t added_us = 0;
};

struct Record {
  std::uint64_t seq = 0;  // 1-based position, assigned by append; leaf index = seq - 1
  RecordKind kind = RecordKind::kEnvelopeOut;
  EnvelopeId id;     // unique per kind-independent log: a second append of one id is kConflict
  Hash digest;       // SHA-256 of bytes
  UnixMs at_ms = 0;  // when this node accepted it
  MemberId peer;     // kEnvelopeIn: who delivered it; else empty
  Bytes bytes;
  // Its data key was destroyed: `bytes` is empty, `digest` is still that of the bytes there were.
  bool shredded = false;
  FeedEnd shredded_end = {};  // shredded: how far its objects reached in the feed; else zeros
};

// One (peer, lane, direction) position. `n` counts from 1; 0 = nothing yet.
enum class CursorKind : std::uint8_t {
  kAcked = 1,     // outgoing: highest n the peer has signed a receipt for; note = that receipt
  kReceived = 2,  // incoming: highest n durable here; note = running chain hash
};
struct Cursor {
  CursorKind kind = CursorKind::kAcked;
  MemberId peer;
  std::uint8_t lane = 0;
  std::uint64_t n = 0;
  Bytes note;
};

// A refused envelope, kept bounded for the operator (limits::kQuarantine...).
struct Quarantined {
  std::uint64_t row = 0;  // assigned
  MemberId peer;
  UnixMs at_ms = 0;
  Code code = Code::kRejected;
  std::string reason;
  Hash digest;
  Bytes bytes;
};

struct KvPut {
  std::string space;  // owner's namespace, e.g. "token", "idempotency", "tlog"
  std::string key;
  std::optional<Bytes> value;  // nullopt deletes
};

struct Tile {
  std::uint8_t level = 0;
  std::uint64_t index = 0;
  Bytes hashes;  // 1 to 256 hashes of 32 bytes; a put replaces
};

// One unit of work: all of it durable, or none.
struct Append {
  std::vector<Record> records = {};  // seq ignored on input
  struct Queue {
    std::size_t record = 0;  // index into records
    MemberId peer;
    std::uint8_t lane = 0;
  };
  std::vector<Queue> queue = {};  // outbox rows; the store gives each (peer, lane) its next n
  std::vector<Cursor> cursors = {};
  std::vector<Quarantined> quarantine = {};
  std::vector<KvPut> kv = {};
  std::vector<Tile> tiles = {};
};

struct OutboxRow {
  MemberId peer;
  std::uint8_t lane = 0;
  std::uint64_t n = 0;
  std::uint64_t seq = 0;
  std::uint32_t bytes = 0;
  UnixMs queued_ms = 0;
};
struct LaneDepth {  // one per (peer, lane) with a queue; pending = last_n - acked_n
  MemberId peer;
  std::uint8_t lane = 0;
  std::uint64_t last_n = 0;
  std::uint64_t acked_n = 0;
  std::uint64_t pending_bytes = 0;
  UnixMs oldest_queued_ms = 0;  // 0 if nothing is pending
};

// ---- The index ------------------------------------------------------------------------------

// Interned releasability label. Reads take the set of labels the reader may see (law 11).
using AudienceId = std::uint32_t;
struct Audience {
  AudienceId id = 0;
  Bytes label;  // canonical marking::Marking
};
using AudienceSet = std::vector<AudienceId>;  // sorted; empty sees nothing

struct ObjectRow {
  std::uint64_t ord = 0;        // position in the feed, 1-based, assigned by apply in order
  std::string id;               // "indicator--..."
  std::int64_t version_us = 0;  // modified, else created, else added (holdings decides)
  std::string type;
  MemberId creator;  // member whose envelope brought it
  AudienceId audience = 0;
  std::uint64_t seq = 0;      // log record that brought it
  std::int64_t added_us = 0;  // unique and increasing over the feed
  std::string body;           // exact JSON text as received
};

struct ItemRow {
  std::uint64_t seq = 0;  // log record
  EnvelopeId id;
  MemberId originator;
  Precedence precedence = Precedence::kRoutine;
  AudienceId audience = 0;
  UnixMs created_ms = 0;
  UnixMs received_ms = 0;
  std::string title;
  std::string media_type;
  std::uint32_t objects = 0;  // accepted
  std::uint32_t quarantined = 0;
  std::uint32_t rejected = 0;
};

// An input object that did not become an ObjectRow: where and why (law 4).
struct RefusedObject {
  std::uint64_t seq = 0;     // log record
  std::uint32_t index = 0;   // position in its bundle
  bool quarantined = false;  // else rejected
  Code code = Code::kMalformed;
  std::string pointer;  // JSON pointer
  std::string reason;
  std::string body;  // quarantined: the exact text, else empty
};

struct EdgeRow {     // reference from one object to another; either may arrive first
  std::string from;  // id of the object at `ord`
  std::string to;
  std::string relation;  // property name, or relationship_type
  std::uint64_t ord = 0;
  AudienceId audience = 0;
};

struct Derived {
  std::vector<Audience> audiences = {};  // ids given by intern()
  std::vector<ItemRow> items = {};
  std::vector<ObjectRow>
      objects;  // ord and added_us already assigned by the caller, from feed_end()
  std::vector<EdgeRow> edges = {};
  std::vector<RefusedObject> refused = {};
  std::uint64_t upto_seq = 0;  // becomes the watermark in the same transaction
};

enum class VersionSelect : std::uint8_t { kLast, kFirst, kAll };  // TAXII match[version]
struct PageFilter {
  std::uint64_t after_ord = 0;  // keyset cursor
  std::int64_t added_after_us = INT64_MIN;
  std::vector<std::string> types = {};          // any of; empty = all
  std::vector<std::string> ids = {};            // any of; empty = all
  std::vector<std::int64_t> versions_us = {};   // any of; empty = by `select`
  std::vector<std::string> spec_versions = {};  // reserved for STIX 2.1 only today
  VersionSelect select = VersionSelect::kLast;
  std::optional<MemberId> creator = {};
  std::size_t limit = 100;  // 1..limits::kPageMax
};
struct Page {
  std::vector<ObjectRow> rows;  // in ord order
  bool more = false;
};

struct Options {
  bool create = true;      // false: a store that does not exist is kNotFound
  bool read_only = false;  // no lock, no migration, no index reset; writes are kReadOnly
  std::uint32_t max_log_pages =
      0;  // for tests of a full disk: log.db grows no further; 0 = no limit
  // Encryption at rest: 32 bytes under which the data keys of the records are kept. nullopt: the
  // store is not encrypted, which is for tests and tools. A store stays as it was made.
  std::optional<crypto::Secret> key = {};
  Random* random = nullptr;  // of data keys and nonces; must outlive the store. null: the kernel's
};

class Store {
 public:
  // `dsn`: "sqlite:DIR". kLocked (second process), kReadOnly, kCorrupt (names file and page),
  // kUnsupported (newer schema), kDiskFull, kIo. At "store.key": kWrongPassphrase (another key),
  // kMissingKey (encrypted, and no key given), kConflict (a key given, but made without). Takes an
  // exclusive lock on the directory unless read_only. Migrates older schemas; says so in the log.
  static Result<std::unique_ptr<Store>> open(std::string const& dsn, Options options);
  virtual ~Store() = default;

  // True if open() found the index absent, damaged or of an older schema and made it anew, empty,
  // with watermark 0: the caller re-applies the log. index_reset_reason() says which.
  virtual bool index_was_reset() const = 0;
  virtual std::string index_reset_reason() const = 0;

  // Log. append: one transaction over all units, in order, one fsync; returns the first seq given.
  // On any failure nothing of any unit is stored. kConflict names the id already present.
  // Without records it returns the seq that the next one will get. Cursors never move back: a lower
  // n than the stored one leaves that one; an equal n replaces the note. A kAcked cursor lets the
  // outbox rows up to it go; past last_n it raises last_n, so that a number the peer has seen is
  // never given twice. After kIo from a failed fsync a restart may find the units stored after all:
  // retry under the same ids and take kConflict for success.
  virtual Result<std::uint64_t> append(std::vector<Append> const& units) = 0;
  virtual Result<std::uint64_t> log_size() = 0;  // = highest seq
  // Records from `from_seq` on (inclusive), at least one even if it alone exceeds bytes_max.
  virtual Result<std::vector<Record>> log_read(std::uint64_t from_seq, std::size_t count_max,
                                               std::size_t bytes_max) = 0;
  virtual Result<std::vector<Hash>> log_digests(std::uint64_t from_seq, std::size_t count_max,
                                                std::vector<RecordKind>* kinds) = 0;
  virtual Result<std::optional<Record>> log_find(EnvelopeId const& id) = 0;
  virtual Result<std::vector<OutboxRow>> outbox(MemberId const& peer, std::uint8_t lane,
                                                std::uint64_t after_n, std::size_t count_max) = 0;
  virtual Result<std::vector<LaneDepth>> lanes() = 0;
  virtual Result<std::vector<Cursor>> cursors() = 0;
  // Newest first.
  virtual Result<std::vector<Quarantined>> quarantine(MemberId const& peer,
                                                      std::size_t count_max) = 0;
  virtual Result<std::optional<Bytes>> kv_get(std::string const& space, std::string const& key) = 0;
  virtual Result<std::vector<std::pair<std::string, Bytes>>> kv_scan(std::string const& space,
                                                                     std::string const& after_key,
                                                                     std::size_t count_max) = 0;
  virtual Result<std::optional<Bytes>> tile(std::uint8_t level, std::uint64_t index) = 0;

  // Erasure. Destroys the record's data key and what is stored of its bytes, deletes its objects,
  // edges and refused objects from the index and the title and counts of its item, and overwrites
  // the old pages of both files. Record number, id, digest and times stay, so that proofs do.
  // Objects that another record brought as well are in the index again after the next rebuild.
  // kConflict: a peer has not signed for it yet. kNotFound: no such record. kLocked: erased, but
  // another process still reads old pages; call again, or open again, to overwrite those. Safe to
  // repeat; what a kill interrupts is finished by open(). Waits for readers of the index.
  virtual Result<void> shred(std::uint64_t seq, UnixMs at_ms) = 0;

  // Index. apply is idempotent: rows at or below the watermark are ignored, and so are those of
  // records that were shredded. Needs every row's audience known, seq <= upto_seq, ord and added_us
  // of objects rising, and their seq not falling: kOutOfRange otherwise, nothing applied. The same
  // (id, version) may be held once per audience, so that a wider release of what is already held
  // narrowly becomes visible; one reader never sees it twice (the first one he may read counts). A
  // second row of the same (id, version, audience) is ignored.
  virtual Result<void> apply(Derived const& derived) = 0;
  virtual Result<std::uint64_t> watermark() = 0;
  virtual Result<FeedEnd> feed_end() = 0;  // never less than what a shredded record had reached
  // Apply thread only. Durable with the next apply(), whether or not `audiences` repeats it.
  virtual Result<AudienceId> intern(BytesView label) = 0;
  virtual Result<std::vector<Audience>> audiences() = 0;
  virtual Result<std::optional<ObjectRow>> get(std::string const& id,
                                               AudienceSet const& readable) = 0;  // latest readable
  virtual Result<std::vector<ObjectRow>> versions(
      std::string const& id, AudienceSet const& readable) = 0;  // oldest first; the newest kPageMax
  // True whoever may read it: for duplicate detection by the apply thread only, never for readers.
  virtual Result<bool> has_version(std::string const& id, std::int64_t version_us,
                                   Hash* body_sha256) = 0;
  virtual Result<bool> has_version_for(std::string const& id, std::int64_t version_us,
                                       AudienceId audience) = 0;  // likewise
  // Likewise, for a whole item in one read: out[i] says whether wanted[i] is held.
  virtual Result<std::vector<bool>> has_versions(std::vector<VersionKey> const& wanted) = 0;
  // kOutOfRange for a limit outside 1..kPageMax or more than kPageMax values in a filter.
  virtual Result<Page> page(PageFilter const& filter, AudienceSet const& readable) = 0;
  // newest_first: seq < after_seq (0 = from the newest); else seq > after_seq.
  virtual Result<std::vector<ItemRow>> items(std::uint64_t after_seq, std::size_t limit,
                                             AudienceSet const& readable, bool newest_first) = 0;
  virtual Result<std::optional<ItemRow>> item(EnvelopeId const& id,
                                              AudienceSet const& readable) = 0;
  virtual Result<std::vector<EdgeRow>> edges(std::string const& node, bool outgoing,
                                             std::size_t limit, AudienceSet const& readable) = 0;
  virtual Result<std::vector<RefusedObject>> refused(std::uint64_t seq) = 0;
  // Object versions held (rows of the feed) under the readable labels.
  virtual Result<std::uint64_t> object_count(AudienceSet const& readable) = 0;

  // Maintenance.
  virtual Result<void> reset_index() = 0;   // empties idx.db; the caller re-applies the log
  virtual Result<Hash> index_digest() = 0;  // over decoded contents in key order
  // Online backup; the copy is a store that open() takes. kConflict if one is there already.
  virtual Result<void> snapshot(std::filesystem::path const& directory) = 0;
  virtual Result<void> check() = 0;  // kCorrupt with file and first finding
};

}  // namespace amic::store
