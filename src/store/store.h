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
#include <map>
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

// One unit of work: all of it durable, or none. Taken in the order of the members here.
struct Append {
  std::vector<Record> records = {};  // seq ignored on input
  // Makes room for numbers that a peer knows from before: rows from first_n on move behind behind_n
  // (>= first_n - 1) in their order, and the next number comes after them. Not for rows that the
  // peer has signed for: kOutOfRange.
  struct Requeue {
    MemberId peer;
    std::uint8_t lane = 0;
    std::uint64_t first_n = 0;
    std::uint64_t behind_n = 0;
  };
  std::vector<Requeue> requeue = {};
  // Outgoing rows under the numbers that they had before (a node restored from a backup). A row
  // that is there is left if it has this digest; with another one: kConflict.
  struct Sent {
    MemberId peer;
    std::uint8_t lane = 0;
    std::uint64_t n = 0;
    std::optional<std::size_t> record = {};  // index into records, or
    std::uint64_t seq = 0;                   // a record held; 0: none, only the digest is known
    Hash digest = {};
    std::uint32_t bytes = 0;
    UnixMs queued_ms = 0;
    bool proven = false;  // the peer's receipt is over this digest: another one that is there goes
  };
  std::vector<Sent> sent = {};
  struct Queue {
    std::size_t record = 0;  // index into records, or
    MemberId peer;
    std::uint8_t lane = 0;
    std::uint64_t seq = 0;  // a record held, if not 0
  };
  std::vector<Queue> queue = {};  // outbox rows; the store gives each (peer, lane) its next n
  // What came from a peer under n. A row that is there is replaced.
  struct Received {
    MemberId peer;
    std::uint8_t lane = 0;
    std::uint64_t n = 0;
    std::optional<std::size_t> record = {};  // index into records, or
    std::uint64_t seq = 0;                   // a record held before; 0: refused
    Hash digest = {};
  };
  std::vector<Received> received = {};
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
// What a lane's number stood for, in either direction. Kept for ever.
struct LaneRow {
  std::uint64_t n = 0;
  std::uint64_t seq =
      0;        // of the record; 0: not held (received: refused; sent: only known by digest)
  Hash digest;  // of the envelope
  std::uint32_t bytes = 0;  // sent: its size; received: 0
  bool operator==(LaneRow const&) const = default;
};

// What an audit finds wrong with a record of the log.
enum class Flaw : std::uint8_t {
  kNone = 0,
  kMissing = 1,  // no row, or none that can be read
  kBytes = 2,    // its bytes can't be read, don't decrypt, or are not those of its digest
  kKey = 3,      // its data key is lost, and with it what the index holds of its contents
  kId = 4,       // whole, but not found under its id: put_back() with its own bytes mends that
  kErased = 5,   // erased, but the note of that is lost: put_back() as shredded mends that
};
struct Audited {
  struct Row {
    std::uint64_t seq = 0;
    Flaw flaw = Flaw::kNone;
    // As the row says, if it can be read: kind, id, digest, at_ms, peer; never the bytes.
    std::optional<Record> record = {};
  };
  std::vector<Row> rows = {};  // one for each record looked at, in order
  std::uint64_t bytes = 0;     // of records read
  bool pages_broken = false;   // the file itself is damaged where they lie: salvage() first
};
// What salvage() could not take over.
struct Salvaged {
  std::uint64_t rows = 0;                          // taken over
  std::map<std::string, std::uint64_t> lost = {};  // unreadable rows by table, as far as known
};
struct PutBack {
  std::size_t records = 0;   // that were put back; others were whole or erased
  bool index_stale = false;  // a data key was made anew: reset_index(), and apply the log again
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
  std::int64_t version_us = 0;  // holdings decides
  std::string type;
  MemberId creator;  // member whose envelope brought it
  AudienceId audience = 0;
  std::uint64_t seq = 0;         // log record that brought it
  std::int64_t added_us = 0;     // unique and increasing over the feed
  std::string body;              // exact JSON text as received
  bool loose = false;            // the body states no version: version_us is when it was said
  std::uint64_t placed_seq = 0;  // record that gave it its place in the feed, if not `seq` itself
};

// What the originator's operations have made of an item. Values are part of the index.
enum class ItemState : std::uint8_t {
  kActive = 0,
  kRetracted = 1,  // out of view; may come back
  kRecalled = 2,   // out of view for good
  kRemoved = 3,    // narrowed to others: out of view here for good
  kErased = 4,     // its contents were destroyed here
};

struct ItemRow {
  std::uint64_t seq = 0;  // log record
  EnvelopeId id;
  Hash digest;  // of its envelope
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
  ItemState state = ItemState::kActive;
};

// A record whose objects leave the index: what else it brought follows in the same batch, placed
// by record `at_seq`, or never.
struct ItemChange {
  std::uint64_t at_seq = 0;
  ItemRow row;  // replaces the item's, or becomes it
};

// What operations ask of this node about an item. Values are part of the index.
enum class Duty : std::uint8_t {
  kNone = 0,
  kWaiting = 1,  // destroy it once it is here
  kDue = 2,      // destroy it and say so
  kAsked = 3,    // the originator knows that it waits for a decision
  kRefused = 4,
  kComplied = 5,
};

// All operations by one member on one item, merged by holdings. They count only if the member is
// the item's originator, which shows when the item is here. Key: (target, originator).
struct OperationRow {
  Hash target;  // digest of the item's envelope
  EnvelopeId item;
  MemberId originator;
  std::uint64_t counter = 0;  // of the latest; so are the next five
  std::uint8_t kind = 0;
  Hash digest;            // of its envelope
  std::uint64_t seq = 0;  // its log record
  UnixMs at_ms = 0;
  std::string reason;
  AudienceId audience = 0;  // the marking that the item has by it
  ItemState state = ItemState::kActive;
  Precedence precedence = Precedence::kRoutine;
  Duty duty = Duty::kNone;
  std::uint64_t demand_counter = 0;  // of the latest that asks for destruction here; 0: none
  Hash demand;                       // digest of its envelope
  std::uint64_t updated_seq = 0;     // log record that made this row what it is
  bool operator==(OperationRow const&) const = default;
};

// What one member answered to the operations on an item of ours.
struct ReplyRow {
  Hash target;
  MemberId member;
  std::uint64_t counter = 0;  // of the operation answered
  std::uint8_t outcome = 0;
  UnixMs at_ms = 0;
  std::string done;       // what was done
  std::string reason;     // why not
  std::uint64_t seq = 0;  // log record that brought it
  bool operator==(ReplyRow const&) const = default;
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
  std::vector<ItemChange> changes = {};  // applied before the objects
  std::vector<OperationRow> operations = {};
  std::vector<ReplyRow> replies = {};
  FeedEnd end = {};            // positions and times up to here are used up, rows or none
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
  // For protocols that know one object a version: of those of several members that have the same id
  // and version, only that of the member whose name sorts first. With `creator` it does nothing.
  bool one_per_version = false;
  std::size_t limit = 100;  // 1..limits::kPageMax
};
struct Page {
  std::vector<ObjectRow> rows;  // in ord order
  bool more = false;
};

// Two bodies under one id and version by one member.
struct Rivals {
  ObjectRow mine;  // of the record asked for
  ObjectRow other;
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
  // n than the stored one leaves that one; an equal n replaces the note. With a kAcked cursor the
  // rows up to it wait no longer; past last_n it raises last_n, so that a number the peer has seen
  // is never given twice. After kIo from a failed fsync a restart may find the units stored after
  // all: retry under the same ids and take kConflict for success.
  virtual Result<std::uint64_t> append(std::vector<Append> const& units) = 0;
  virtual Result<std::uint64_t> log_size() = 0;  // = highest seq
  // Records from `from_seq` on (inclusive), at least one even if it alone exceeds bytes_max.
  // kCorrupt if one of them is damaged or, here and in log_digests, missing.
  virtual Result<std::vector<Record>> log_read(std::uint64_t from_seq, std::size_t count_max,
                                               std::size_t bytes_max) = 0;
  virtual Result<std::vector<Hash>> log_digests(std::uint64_t from_seq, std::size_t count_max,
                                                std::vector<RecordKind>* kinds) = 0;
  virtual Result<std::optional<Record>> log_find(EnvelopeId const& id) = 0;
  // Rows that the peer has not signed for yet.
  virtual Result<std::vector<OutboxRow>> outbox(MemberId const& peer, std::uint8_t lane,
                                                std::uint64_t after_n, std::size_t count_max) = 0;
  virtual Result<std::vector<LaneDepth>> lanes() = 0;
  // All that was ever sent to a peer, and received from it, by number. There are holes where a
  // number was skipped, and nothing from before the store kept this (schema 2).
  virtual Result<std::vector<LaneRow>> sent(MemberId const& peer, std::uint8_t lane,
                                            std::uint64_t after_n, std::size_t count_max) = 0;
  virtual Result<std::vector<LaneRow>> received(MemberId const& peer, std::uint8_t lane,
                                                std::uint64_t after_n, std::size_t count_max) = 0;
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
  // edges and refused objects from the index, and overwrites the old pages of both files. Record
  // number, id, digest and times stay, so that proofs do. Of an item under operations a row without
  // contents stays; other items go. What another record brings as well stays in view.
  // kConflict: a peer has not signed for it yet. kNotFound: no such record. kLocked: erased, but
  // another process still reads old pages; call again, or open again, to overwrite those. Safe to
  // repeat; what a kill interrupts is finished by open(). Waits for readers of the index.
  virtual Result<void> shred(std::uint64_t seq, UnixMs at_ms) = 0;

  // Damage to the log. Looks at the records from `from_seq` to `upto_seq`, at least one, until
  // `bytes_max` were read: each can be read and decrypted, has its digest and is found under its
  // id. What is damaged is named and does not stop the pass.
  virtual Result<Audited> audit(std::uint64_t from_seq, std::uint64_t upto_seq,
                                std::size_t bytes_max) = 0;
  // Whether the file of the log holds together, contents aside: kCorrupt with the first finding.
  // Reads all of it.
  virtual Result<void> check_pages() = 0;
  // Writes the log anew from every row that can still be read, puts that in its place and
  // overwrites the old file. Appends wait meanwhile; needs as much room again. kCorrupt if a table
  // is damaged without which there is no log (positions, settings): then nothing has changed.
  virtual Result<Salvaged> salvage() = 0;
  // Puts damaged or missing records back under their numbers, all or none; whole ones are left.
  // kInternal if the digest is not that of the bytes. kConflict if the row that is there has
  // another digest, unless `proven`: the caller knows kind and digest to be those of the log's
  // leaf; or if the id belongs to another record. kUnavailable: its data key was destroyed, the
  // record is erased. A row that can be read keeps its time and peer; one that can't gets the time
  // that the index has for it, else the one given. A record given as `shredded`, without bytes,
  // restores the note that it is erased.
  virtual Result<PutBack> put_back(std::vector<Record> const& records, bool proven) = 0;

  // Index. apply is idempotent: rows at or below the watermark are ignored, and so are those of
  // records that were shredded. Needs every row's audience known, seq <= upto_seq, ord and added_us
  // of objects rising, and the seq that placed them not falling: kOutOfRange otherwise, nothing
  // applied.
  //
  // Which row of an id a reader is shown, among those that he may read and for each creator apart:
  //  - of one version, the one with the smallest SHA-256 of its body, then the smallest ord;
  //  - of loose rows with one body, the one with the smallest version, then the smallest ord.
  // So it depends on what is held, not on the order in which it came. Rows that are not shown stay
  // and take the place of one that is erased or changed.
  virtual Result<void> apply(Derived const& derived) = 0;
  virtual Result<std::uint64_t> watermark() = 0;
  virtual Result<FeedEnd> feed_end() = 0;  // never less than what a shredded record had reached
  // Apply thread only. Durable with the next apply(), whether or not `audiences` repeats it.
  virtual Result<AudienceId> intern(BytesView label) = 0;
  virtual Result<std::vector<Audience>> audiences() = 0;
  // Latest readable one by `creator`; without it by the first of the members, in the order of their
  // names, that have a readable one (creators()).
  virtual Result<std::optional<ObjectRow>> get(std::string const& id, AudienceSet const& readable,
                                               std::optional<MemberId> const& creator) = 0;
  Result<std::optional<ObjectRow>> get(std::string const& id, AudienceSet const& readable) {
    return get(id, readable, std::nullopt);
  }
  // By version, then creator, oldest first; the newest kPageMax.
  virtual Result<std::vector<ObjectRow>> versions(std::string const& id,
                                                  AudienceSet const& readable,
                                                  std::optional<MemberId> const& creator) = 0;
  Result<std::vector<ObjectRow>> versions(std::string const& id, AudienceSet const& readable) {
    return versions(id, readable, std::nullopt);
  }
  // Members with a readable object of this id, sorted.
  virtual Result<std::vector<MemberId>> creators(std::string const& id,
                                                 AudienceSet const& readable) = 0;
  // Members with rows in the feed, sorted. For the node itself, never for readers.
  virtual Result<std::vector<MemberId>> originators() = 0;
  // Objects of the record of which the same member holds another body under the same version, in
  // ord order; both readable. The texts differ; whether the contents do is for the caller.
  virtual Result<std::vector<Rivals>> rivals(std::uint64_t seq, std::size_t limit,
                                             AudienceSet const& readable) = 0;
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
  virtual Result<std::optional<OperationRow>> operation(Hash const& target,
                                                        MemberId const& originator) = 0;
  // By the log record of the latest operation on each item, after `after_seq`, oldest first.
  virtual Result<std::vector<OperationRow>> operations(std::uint64_t after_seq, std::size_t limit,
                                                       AudienceSet const& readable) = 0;
  // In the order of their targets, after `after`. For the node itself, never for readers.
  virtual Result<std::vector<OperationRow>> duties(Duty duty, Hash const& after,
                                                   std::size_t limit) = 0;
  virtual Result<std::vector<ReplyRow>> replies(Hash const& target) = 0;  // by member
  // Rows of the feed under the readable labels: objects by version, creator and label.
  virtual Result<std::uint64_t> object_count(AudienceSet const& readable) = 0;

  // Maintenance.
  virtual Result<void> reset_index() = 0;  // empties idx.db; the caller re-applies the log
  // Over decoded contents; the same for every index made from the same log, erased records or not.
  virtual Result<Hash> index_digest() = 0;
  // Online backup; the copy is a store that open() takes. kConflict if one is there already.
  virtual Result<void> snapshot(std::filesystem::path const& directory) = 0;
  virtual Result<void> check() = 0;  // kCorrupt with file and first finding
};

}  // namespace amic::store
