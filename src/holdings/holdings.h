// What a node knows: own and received objects, all versions, with their origin. Turns opened items
// into index rows. Every input object ends in exactly one of accepted, quarantined, rejected.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "json/json.h"
#include "marking/marking.h"
#include "stix/stix.h"
#include "store/store.h"

namespace amic::holdings {

// Outcome of one input object, in input order.
struct Outcome {
  std::uint32_t index = 0;
  stix::Verdict verdict = stix::Verdict::kReject;
  bool duplicate = false;  // accepted, but this exact version is already held
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
  MemberId originator;
  Precedence precedence = Precedence::kRoutine;
  marking::Marking marking;
  UnixMs created_ms = 0;
  UnixMs received_ms = 0;
  std::string media_type;
  std::string title;  // "" = derived from the objects
};

// The index writer: applies items in log order, batching into one Derived per transaction.
// Deterministic: the same log gives the same index, however it is cut into batches. One thread.
//
// Versions: `modified`, else `created`, else (observables) the time the content was first added
// here. An object is compared with what is held under its id and version, by canonical JSON (RFC
// 8785):
//   same content, same audience     accepted duplicate; no new row
//   same content, other audience    accepted duplicate; a row of the same version for that
//   audience,
//                                   so that its readers see what their item brought
//   other content, same version     quarantined with kConflict, whoever sent it; the first stays
//   observable with other content   a further version, at the time it was added
class Indexer {
 public:
  explicit Indexer(store::Store& store);
  // Adds one item's rows to the pending batch. Never fails on content: bad objects become
  // RefusedObject rows. (id, version) already held with other content by the same creator or any
  // other member = quarantined with kConflict; identical content = accepted duplicate.
  // A seq at or below the watermark is already applied: OK, nothing happens. Fails only as the
  // store does; then nothing of the item is pending and the call may be repeated.
  // Flushes by itself when the batch is full (kBatchObjects or kBatchBytes).
  Result<void> add(ItemContext const& context, std::string_view body);
  // A record without an item (governance, shredded): only moves the watermark, and the end of the
  // feed to `end` if it is not there yet: positions that readers may hold are never given twice.
  Result<void> skip(std::uint64_t seq, store::FeedEnd end = {});
  Result<void> flush();  // store.apply(); the batch is empty afterwards; kept if that fails
  std::size_t pending_objects() const;

  static constexpr std::size_t kBatchObjects = 2'000;
  static constexpr std::size_t kBatchBytes = 8 << 20;
  static constexpr std::size_t kBatchRecords = 10'000;

 private:
  struct Draft;  // one item's rows before they join the batch
  struct Held;

  Result<void> load();
  Result<store::AudienceId> audience_of(marking::Marking const& marking);
  Result<void> add_objects(Draft& draft, ItemContext const& context, std::string_view body);
  Result<void> place(Draft& draft, ItemContext const& context, Parsed::One const& one,
                     std::uint32_t index, bool in_store, bool single);
  Result<std::vector<bool>> stored(Parsed const& parsed);
  Result<std::vector<Held>> held_of(Draft const& draft, stix::Object const& object, bool in_store);
  void refuse(Draft& draft, std::uint32_t index, Outcome const& outcome,
              std::string_view text) const;
  void push_row(Draft& draft, ItemContext const& context, Parsed::One const& one,
                std::int64_t version_us);
  void commit(Draft&& draft);
  bool full() const;

  store::Store& store_;
  store::Derived pending_;
  store::FeedEnd end_;
  bool end_known_ = false;
  std::uint64_t upto_ = 0;  // highest seq added, pending or applied
  std::size_t pending_bytes_ = 0;
  std::size_t pending_records_ = 0;
  std::map<Bytes, store::AudienceId> audiences_;
  store::AudienceSet all_audiences_;
  std::unordered_multimap<std::string, std::size_t> pending_by_id_;  // -> index in pending_.objects
};

// Audience labels readable by a reader: filters store.audiences() by marking::may_read.
Result<store::AudienceSet> readable_by(store::Store& store, marking::Reader const& reader,
                                       UnixMs now_ms);

}  // namespace amic::holdings
