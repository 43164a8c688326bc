// What a node knows: own and received objects, all versions, with their origin. Turns opened items
// into index rows. Every input object ends in exactly one of accepted, quarantined, rejected.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/limits.h"
#include "json/json.h"
#include "marking/marking.h"
#include "stix/stix.h"
#include "store/store.h"

namespace amic::holdings {

// Outcome of one input object, in input order.
struct Outcome {
  std::uint32_t index = 0;
  stix::Verdict verdict = stix::Verdict::kReject;
  std::string id;
  Code code = Code::kMalformed;  // unless accepted
  std::string pointer;           // JSON pointer from the bundle's root: "/objects/3/created"
  std::string reason;
};
struct Report {
  std::uint32_t accepted = 0, quarantined = 0, rejected = 0;  // sum = inputs
  std::vector<Outcome> refused;                               // every quarantined and rejected one
};

// A bundle taken apart and checked, before anything is stored. Pure.
struct Parsed {
  struct One {
    std::string_view text;  // exact source, into the input
    stix::Checked checked;
  };
  std::vector<One> objects;
  Report report;
};
// kMalformed etc. for the whole if it is not a bundle; a single STIX object is taken as a bundle of
// one (pointers then start at the object itself). objects[i] is input i, refused ones included. An
// object that is too large, too deep or has a key twice is rejected alone; broken brackets or
// strings leave no way to tell where the next object starts, so they refuse the whole.
Result<Parsed> parse_bundle(std::string_view text);

// True for the media type of STIX 2.1, with or without parameters. Items of other types have no
// objects.
bool is_stix(std::string_view media_type);

// What to call an item whose originator gave no title: the name of the first report, note, incident
// and so on; else what it holds, "12 indicators, 3 malware". "" for a bundle without accepted
// objects.
std::string derive_title(Parsed const& parsed);

// What is known of the item that carries the bundle.
struct ItemContext {
  std::uint64_t seq = 0;
  EnvelopeId id;
  Hash digest;  // of its envelope
  MemberId originator;
  Precedence precedence = Precedence::kRoutine;
  marking::Marking marking;
  UnixMs created_ms = 0;
  UnixMs received_ms = 0;
  std::string media_type;
  std::string title;  // "" = derived from the objects
};

// One operation of an item's originator: docs/formats/operation.md.
struct OperationContext {
  std::uint64_t seq = 0;
  Hash digest;  // of its envelope
  MemberId originator;
  Precedence precedence = Precedence::kRoutine;
  EnvelopeId item;
  Hash target;  // digest of the item's envelope
  std::uint64_t counter = 0;
  std::uint8_t kind = 0;
  UnixMs at_ms = 0;
  std::string reason;
  marking::Marking marking;  // that the item has by it
  bool retracted = false;
  bool recalled = false;
  bool narrowed = false;  // this node's member is not among those who may hold it any more
  bool ours = false;      // this node's member is the originator
  std::uint8_t said = 0;  // what this node had answered before it came (again): as Reply; 0: nothing
  UnixMs received_ms = 0;
};

// The item that an operation is about, if it is in the log before the operation.
struct OperationTarget {
  ItemContext item;
  std::string_view body;
  bool erased = false;  // then of `item` only seq, id, digest, originator and received_ms
};

struct ReplyContext {
  std::uint64_t seq = 0;
  MemberId member;      // who replies
  MemberId originator;  // of the item
  Hash target;
  Hash operation;  // digest of the operation's envelope
  std::uint64_t counter = 0;
  std::uint8_t outcome = 0;  // 1 pending, 2 refused, 3 complied
  UnixMs at_ms = 0;
  std::string done, reason;
  bool ours = false;  // this node's own reply
};

// What is known of an item whose record was erased.
struct ErasedItem {
  EnvelopeId id;
  Hash digest;
  MemberId originator;
  UnixMs received_ms = 0;
};

// Two sets of operations on one item as one; the order in which they are merged does not matter.
// The statement with the highest counter holds (of two with the same counter, the one whose digest
// is smaller: an originator that states two things is held to one of them everywhere). What was
// recalled, or narrowed away from here, does not come back by any later statement.
store::OperationRow merge(store::OperationRow const& a, store::OperationRow const& b);
store::ReplyRow merge(store::ReplyRow const& a, store::ReplyRow const& b);

// The index writer: applies items, operations and replies in log order, batching into one Derived
// per transaction. Deterministic: the same log gives the same index, however it is cut into
// batches, and whatever was erased from it. One thread.
//
// Each accepted object becomes a row of its own, whoever else brought the same: what readers are
// shown of those is the store's rule (store.h, "Which row of an id a reader is shown"), so that it
// depends on what is held and not on the order in which it came.
// Versions: `modified`, else `created`, else (observables) the time at which the originator made
// the envelope that brought it, so that the version is the same on every node.
class Indexer {
 public:
  explicit Indexer(store::Store& store);
  // Adds one item's rows to the pending batch. Never fails on content: bad objects become
  // RefusedObject rows. Of an item that its originator's operations keep out of view only the item
  // itself is added. A seq at or below the watermark is already applied: OK, nothing happens. Fails
  // only as the store does; then nothing of the item is pending and the call may be repeated.
  // Flushes by itself when the batch is full (kBatchObjects or kBatchBytes).
  Result<void> add(ItemContext const& context, std::string_view body);
  // Each flushes what is pending before and after.
  Result<void> operate(OperationContext const& context, OperationTarget const* target);
  Result<void> reply(ReplyContext const& context);
  // A record without an item (governance, erased): only moves the watermark, and the end of the
  // feed to `end` if it is not there yet: positions that readers may hold are never given twice. Of
  // an erased item under operations a row without contents is kept.
  Result<void> skip(std::uint64_t seq, store::FeedEnd end = {}, ErasedItem const* erased = nullptr);
  Result<void> flush();  // store.apply(); the batch is empty afterwards; kept if that fails
  // So that the store knows of all operations that were added.
  Result<void> flush_operations();
  std::size_t pending_objects() const;

  static constexpr std::size_t kBatchObjects = 2'000;
  static constexpr std::size_t kBatchBytes = 8 << 20;
  static constexpr std::size_t kBatchRecords = 10'000;
  // An operation after which an item is in view takes so many positions and microseconds of the
  // feed, whatever it places there: what comes after it then stands at the same place in an index
  // that is made when the item has been erased.
  static constexpr std::uint64_t kOperationSpan = limits::kBundleObjectsMax;

 private:
  struct Draft;  // one item's rows before they join the batch

  Result<void> load();
  Result<store::AudienceId> audience_of(marking::Marking const& marking);
  store::ItemRow item_row(ItemContext const& context, store::AudienceId audience) const;
  Result<void> add_objects(Draft& draft, ItemContext const& context, std::string_view body) const;
  void place(Draft& draft, ItemContext const& context, Parsed::One const& one) const;
  void refuse(Draft& draft, std::uint32_t index, Outcome const& outcome,
              std::string_view text) const;
  Result<void> change(store::OperationRow const& now, OperationTarget const& target,
                      std::uint64_t at_seq, UnixMs at_ms);
  void advance(std::uint64_t seq);
  void commit(Draft&& draft, std::uint64_t upto);
  bool full() const;

  store::Store& store_;
  store::Derived pending_;
  store::FeedEnd end_;
  bool end_known_ = false;
  std::uint64_t upto_ = 0;  // highest seq added, pending or applied
  std::size_t pending_bytes_ = 0;
  std::size_t pending_records_ = 0;
  std::map<Bytes, store::AudienceId> audiences_;
};

// Audience labels readable by a reader: filters store.audiences() by marking::may_read.
Result<store::AudienceSet> readable_by(store::Store& store, marking::Reader const& reader,
                                       UnixMs now_ms);

// One hash over what is in view of what all of `members` may see by its marking, or originated:
// (creator, id, version, SHA-256 of the body) of each object version shown under `readable`. When
// nothing is under way, two nodes of `members` get the same one for readers of the same clearance.
struct VisibleSet {
  Hash digest;
  std::uint64_t objects = 0;
};
Result<VisibleSet> visible_set(store::Store& store, std::set<MemberId> const& members,
                               store::AudienceSet const& readable);

// An object of the record of which its member holds another content under the same version: which
// one is shown does not depend on which came first, but both are in doubt.
struct Conflict {
  std::string id;
  std::int64_t version_us = 0;
  MemberId creator;
  bool shown = false;  // the one that this record brought
};
Result<std::vector<Conflict>> conflicts(store::Store& store, std::uint64_t seq, std::size_t limit,
                                        store::AudienceSet const& readable);

}  // namespace amic::holdings
